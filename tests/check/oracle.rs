//! Who should hold what, a second time: small, slow and obvious. Written from the promises of the design and from what the
//! run was answered, never from the planner. In: a commit as plain data, and the answers. Out: what may be written, what
//! must be, and what must be said instead.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use tilgang::{
    model::{
        assignment::{PrincipalType, RoleAssignment, Triple},
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        people::{ById, ByName, Hint},
    },
    simulator::World,
};

use super::{
    faulty::Seen,
    git::{Catalogue, Entry, File, Git, ROLES},
    program::Head,
    universe::*,
};

pub type Owner = &'static str;

/// All that is known when a run decides.
pub struct Oracle<'a> {
    pub git: &'a Git,
    pub head: &'a Head,
    pub seen: &'a Seen,
    /// Azure as it was when the run began, for what the run did not ask.
    pub start: &'a World,
    pub today: Date,
}

/// What follows from it.
#[derive(Debug, Default)]
pub struct Expected {
    /// What must be made or put right, by triple.
    pub puts: BTreeMap<Triple, Put>,
    /// What must go, unless policy refuses it.
    pub removals: BTreeMap<AssignmentName, Removal>,
    /// What stays, and must be said.
    pub kept: Vec<Kept>,
    /// Grants that cannot be made: owner, name as written, role.
    pub blocked: BTreeSet<(Owner, String, &'static str)>,
    /// What a share of removals is counted from.
    pub standing: BTreeMap<Owner, usize>,
}

#[derive(Debug)]
pub struct Put {
    pub owner: Owner,
    pub name: AssignmentName,
    pub description: String,
}

#[derive(Debug)]
pub struct Removal {
    pub owner: Owner,
    pub triple: Triple,
    pub in_prod: bool,
    pub is_expiry: bool,
}

#[derive(Debug)]
pub struct Kept {
    /// Whose it is, if that is known.
    pub owner: Option<Owner>,
    pub scope: ScopeId,
    pub principal: PrincipalId,
    pub why: &'static str,
    pub said: Said,
}

/// Where something that stays must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Blocked,
    Finding,
    /// Counted, as the file's errors are shown.
    Kept,
}

enum Where {
    Found(ScopeId, SubscriptionId),
    Nowhere,
}

struct Place {
    owner: Owner,
    environment: &'static str,
    kind: &'static str,
    at: Where,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Person(PrincipalId),
    /// Nobody for certain; the one it can only be, if one is known.
    Unsure(Option<PrincipalId>),
}

/// One role definition that git wants somebody to have.
struct Want<'a> {
    owner: Owner,
    entry: &'a Entry,
    role: &'static str,
    until: Option<Date>,
    meaning: Meaning,
    kind: &'static str,
    definition: RoleDefinitionId,
    description: String,
}

/// What a description says.
struct Mark {
    owner: Option<Owner>,
    role: String,
}

struct Standing<'a> {
    row: &'a RoleAssignment,
    is_ours: bool,
}

fn environment_of(role: &str) -> Option<&'static str> {
    ROLES.iter().find(|(name, ..)| *name == role).map(|(_, environment, _)| *environment)
}

impl Oracle<'_> {
    pub fn expected(&self) -> Expected {
        let mut expected = Expected::default();
        let places = self.places();
        let found: Vec<(&Place, &ScopeId, SubscriptionId)> = places
            .iter()
            .filter_map(|place| match &place.at {
                Where::Found(scope, subscription) => Some((place, scope, *subscription)),
                Where::Nowhere => None,
            })
            .collect();
        let shared: BTreeSet<&ScopeId> = found
            .iter()
            .map(|(_, scope, _)| *scope)
            .filter(|scope| found.iter().filter(|it| it.1 == *scope).count() > 1)
            .collect();
        let wants = self.wants();
        let standings = self.standings();
        let mut judge = Judge {
            oracle: self,
            found: &found,
            shared: &shared,
            wants: &wants,
            standings: &standings,
            unmet: BTreeSet::new(),
            wanted: BTreeSet::new(),
        };
        judge.grants(&places, &mut expected);
        for standing in &standings {
            judge.standing(standing, &mut expected);
        }
        expected
    }

    pub fn file(&self, owner: Owner) -> &File {
        &self.git.files[owner]
    }

    /// An owner has targets if it has a file or a row in `tilgang.yaml`.
    fn is_known(&self, owner: Owner) -> bool {
        let git = self.git;
        *self.file(owner) != File::Missing
            || git.shared && owner != "k1103"
            || git.two_vaults && !git.shared && owner == "ttd"
            || git.test_only && owner == "k1103"
    }

    fn subscription(&self, owner: Owner, environment: &str) -> String {
        if self.git.shared && environment == "prod" {
            "Altinn-Shared".to_owned()
        } else {
            subscription_name(owner, environment)
        }
    }

    /// Whose a subscription is by its name.
    fn belongs_to(&self, name: &str) -> Option<(Owner, &'static str)> {
        let all = OWNERS.into_iter().flat_map(|owner| ENVIRONMENTS.map(|(environment, _)| (owner, environment)));
        let mut all = all.filter(|(_, environment)| !(self.git.shared && *environment == "prod"));
        all.find(|(owner, environment)| subscription_name(owner, environment) == name)
    }

    fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for owner in OWNERS.into_iter().filter(|owner| self.is_known(owner)) {
            for (environment, azure) in ENVIRONMENTS {
                if self.git.test_only && owner == "k1103" && environment == "prod" {
                    continue;
                }
                let vault = format!("{owner}-{azure}-{}", if self.git.renamed { "kv2" } else { "keyvault" });
                let in_prod = environment == "prod";
                let vaults = match (self.git.shared, self.git.two_vaults) {
                    (true, _) if in_prod && owner != "k1103" => vec!["shared-kv".to_owned()],
                    (false, true) if in_prod && owner == "ttd" => {
                        vec!["ttd-prod-keyvault".to_owned(), "ttd-prod-kv2".to_owned()]
                    }
                    _ => vec![vault],
                };
                places.push((owner, environment, "ai", format!("{owner}-{azure}-ai")));
                places.extend(vaults.into_iter().map(|vault| (owner, environment, "kv", vault)));
            }
        }
        let place = |(owner, environment, kind, name): (Owner, &'static str, &'static str, String)| Place {
            owner,
            environment,
            kind,
            at: self.find(owner, environment, kind, &name),
        };
        places.into_iter().map(place).collect()
    }

    /// A target must satisfy every line: type, name, subscription, tag. Two are none.
    fn find(&self, owner: Owner, environment: &str, kind: &str, name: &str) -> Where {
        let Some(Ok(stock)) = &self.seen.stock else { return Where::Nowhere };
        let arm_type = if kind == "ai" { "microsoft.insights/components" } else { "microsoft.keyvault/vaults" };
        let (tag, value) =
            if kind == "kv" && self.git.shared { ("platform", "altinn") } else { ("finops_serviceownercode", owner) };
        let subscription = self.subscription(owner, environment);
        let mut fits = stock.resources.iter().filter(|row| {
            row.arm_type == arm_type
                && row.name.eq_ignore_ascii_case(name)
                && stock.subscriptions.get(&row.subscription).is_some_and(|it| it.name == subscription)
                && row.tags.get(tag).is_some_and(|has| has == value)
        });
        match (fits.next(), fits.next()) {
            (Some(row), None) => Where::Found(row.id.clone(), row.subscription),
            _ => Where::Nowhere,
        }
    }

    fn gives(&self, role: &str) -> Vec<(&'static str, RoleDefinitionId)> {
        let Some((.., base)) = ROLES.iter().find(|(name, ..)| *name == role) else { return Vec::new() };
        let (logs, secrets) = (("ai", definition(READER_OF_LOGS)), ("kv", self.secrets()));
        match *base {
            "developer" => vec![logs],
            "operations" => vec![secrets],
            _ if self.git.catalogue == Catalogue::WithLead => vec![logs, secrets],
            _ => Vec::new(),
        }
    }

    /// Whether a role gives this role definition, on whatever.
    pub fn gives_at(&self, role: &str, definition: RoleDefinitionId) -> bool {
        self.gives(role).iter().any(|(_, given)| *given == definition)
    }

    fn secrets(&self) -> RoleDefinitionId {
        match self.git.catalogue {
            Catalogue::BuiltIn | Catalogue::WithLead => definition(SECRETS_OFFICER),
            Catalogue::Retired | Catalogue::Forgotten => definition(SECRETS_USER),
        }
    }

    fn roles(&self) -> impl Iterator<Item = &'static str> {
        ROLES.iter().map(|(role, ..)| *role).filter(|role| !self.gives(role).is_empty())
    }

    fn is_managed(&self, kind: &str, definition_: RoleDefinitionId) -> bool {
        let retired = self.git.catalogue == Catalogue::Retired && definition_ == definition(SECRETS_OFFICER);
        match kind {
            "ai" => definition_ == definition(READER_OF_LOGS),
            _ => definition_ == self.secrets() || retired,
        }
    }

    fn by_id(&self, id: PrincipalId) -> ById {
        if let Some(answer) = self.seen.ids.get(&id) {
            return answer.clone();
        }
        let named = self.seen.names.values().find_map(|answer| match answer {
            ByName::Person(person) if person.id == id => Some(person.clone()),
            _ => None,
        });
        if let Some(person) = named.or_else(|| self.start.user(id).map(tilgang::simulator::world::User::person)) {
            ById::Person(person)
        } else if let Some(user) = self.start.deleted_user(id) {
            ById::Deleted { name: user.name.clone(), on: user.deleted }
        } else if self.start.type_of(id).is_some() {
            ById::NotAPerson("something else".into())
        } else {
            ById::Gone
        }
    }

    /// A name is not a person: where an id stands it decides, and the name is checked against it.
    fn meaning(&self, entry: &Entry) -> Meaning {
        let name = UserName::new(&entry.name);
        let by_name = self.seen.names.get(&name);
        let Some(id) = entry.id.map(PrincipalId) else {
            return match by_name {
                Some(ByName::Person(person)) => Meaning::Person(person.id),
                Some(ByName::Nobody(Hint::Deleted { id, .. })) => Meaning::Unsure(Some(*id)),
                _ => Meaning::Unsure(None),
            };
        };
        match (by_name, self.by_id(id)) {
            (Some(ByName::Person(person)), _) if person.id == id => Meaning::Person(id),
            (Some(ByName::Unanswered(_)), ById::Person(person)) if person.name == name => Meaning::Person(id),
            (Some(ByName::Nobody(_)), ById::Person(person))
                if !person.guest && person.name.domain() == name.domain() =>
            {
                Meaning::Person(id)
            }
            (Some(ByName::Nobody(_)), ById::Deleted { .. }) => Meaning::Unsure(Some(id)),
            _ => Meaning::Unsure(None),
        }
    }

    fn wants(&self) -> Vec<Want<'_>> {
        let mut wants = Vec::new();
        for owner in OWNERS {
            let File::Read(entries) = self.file(owner) else { continue };
            for entry in entries {
                let meaning = self.meaning(entry);
                for role in &entry.roles {
                    let ticket = if role.ticket { " TTD-1" } else { "" };
                    for (kind, definition) in self.gives(role.name) {
                        wants.push(Want {
                            owner,
                            entry,
                            role: role.name,
                            until: role.until,
                            meaning,
                            kind,
                            definition,
                            description: format!("tilgang/{INSTANCE} {owner} {}{ticket}", role.name),
                        });
                    }
                }
            }
        }
        wants
    }

    fn standings(&self) -> Vec<Standing<'_>> {
        let mut rows: BTreeMap<AssignmentName, &RoleAssignment> = BTreeMap::new();
        for row in self.seen.lists.values().flatten().flatten() {
            rows.entry(row.name).or_insert(row);
        }
        rows.into_values().map(|row| Standing { row, is_ours: self.is_ours(row) }).collect()
    }

    fn instances(&self) -> impl Iterator<Item = &'static str> {
        [INSTANCE].into_iter().chain(self.git.former.then_some(FORMER))
    }

    /// Promise 1: a name that fits its content is ours; a mark, where we would write one.
    fn is_ours(&self, row: &RoleAssignment) -> bool {
        let derived = self.instances().any(|instance| derived_name(instance, &row.triple) == row.name);
        let markable = row.principal_type == PrincipalType::User && row.triple.scope.is_resource();
        derived || markable && self.mark(row).is_some()
    }

    fn mark(&self, row: &RoleAssignment) -> Option<Mark> {
        let words: Vec<&str> = row.description.as_deref()?.split(' ').collect();
        let [instance, owner, role, ..] = words.as_slice() else { return None };
        let ours = self.instances().any(|it| *instance == format!("tilgang/{it}"));
        let owner = OWNERS.into_iter().find(|it| it == owner);
        ours.then(|| Mark { owner, role: (*role).to_owned() })
    }

    /// What PIM says: whether it ends by itself; `None` if it did not answer.
    fn ends_by_itself(&self, row: &RoleAssignment) -> Option<bool> {
        let subscription = row.triple.scope.subscription()?;
        match self.seen.pim.get(&subscription) {
            Some(Ok(instances)) => {
                Some(instances.iter().any(|it| it.triple == row.triple && (it.activated || it.ends.is_some())))
            }
            Some(Err(())) => None,
            None => Some(
                self.start.assignment(row.name).is_some_and(|held| held.term.activated || held.term.ends.is_some()),
            ),
        }
    }
}

/// The judgement, with everything at hand.
struct Judge<'a> {
    oracle: &'a Oracle<'a>,
    found: &'a [(&'a Place, &'a ScopeId, SubscriptionId)],
    shared: &'a BTreeSet<&'a ScopeId>,
    wants: &'a [Want<'a>],
    standings: &'a [Standing<'a>],
    /// Who is listed at an owner with a grant that is not made: what they hold of it elsewhere is what git meant.
    unmet: BTreeSet<(Owner, PrincipalId)>,
    wanted: BTreeSet<Triple>,
}

impl Judge<'_> {
    fn has_ended(&self, until: Option<Date>) -> bool {
        until.is_some_and(|until| until < self.oracle.today)
    }

    fn grants(&mut self, places: &[Place], expected: &mut Expected) {
        let wants = self.wants;
        for want in wants {
            if self.has_ended(want.until) {
                continue;
            }
            let blocked = (want.owner, want.entry.name.clone(), want.role);
            let Meaning::Person(person) = want.meaning else {
                expected.blocked.insert(blocked);
                continue;
            };
            let environment = environment_of(want.role);
            let here = places.iter().filter(|place| {
                place.owner == want.owner && Some(place.environment) == environment && place.kind == want.kind
            });
            for place in here {
                let read = |at: &SubscriptionId| matches!(self.oracle.seen.lists.get(at), Some(Ok(_)));
                let scope = match &place.at {
                    Where::Found(scope, subscription) if !self.shared.contains(scope) && read(subscription) => scope,
                    _ => {
                        self.unmet.insert((want.owner, person));
                        expected.blocked.insert(blocked.clone());
                        continue;
                    }
                };
                let triple = Triple { scope: scope.clone(), principal: person, definition: want.definition };
                if !self.wanted.insert(triple.clone()) {
                    continue; // another role of the same person gives the same
                }
                let standing = self.standings.iter().find(|standing| standing.row.triple == triple);
                let put = Put {
                    owner: want.owner,
                    name: derived_name(INSTANCE, &triple),
                    description: want.description.clone(),
                };
                match standing {
                    None => {
                        expected.puts.insert(triple, put);
                    }
                    Some(Standing { row, is_ours: true }) => {
                        *expected.standing.entry(want.owner).or_default() += 1;
                        if row.condition.is_some() || row.description.as_deref() != Some(want.description.as_str()) {
                            expected.puts.insert(triple, Put { name: row.name, ..put });
                        }
                    }
                    // Promise 2: satisfied by an equal one, if nothing narrows or ends it.
                    Some(Standing { row, is_ours: false }) => {
                        if row.condition.is_some() || self.oracle.ends_by_itself(row) == Some(true) {
                            self.unmet.insert((want.owner, person));
                            expected.blocked.insert(blocked.clone());
                        }
                    }
                }
            }
        }
    }

    fn standing(&self, standing: &Standing<'_>, expected: &mut Expected) {
        let oracle = self.oracle;
        let Standing { row, is_ours } = standing;
        if self.wanted.contains(&row.triple) {
            return;
        }
        let place = self.found.iter().rfind(|(_, scope, _)| **scope == row.triple.scope).map(|(place, ..)| *place);
        let managed = place.filter(|place| oracle.is_managed(place.kind, row.triple.definition));
        let mark = oracle.mark(row).filter(|_| *is_ours);
        let in_subscription = row.triple.scope.subscription().and_then(|id| {
            let Some(Ok(stock)) = &oracle.seen.stock else { return None };
            oracle.belongs_to(&stock.subscriptions.get(&id)?.name)
        });
        let kept = |owner: Option<Owner>, why: &'static str, said: Said| Kept {
            owner,
            scope: row.triple.scope.clone(),
            principal: row.triple.principal,
            why,
            said,
        };
        // Whose it is: the place says so, or else all signs must agree.
        let (owner, environment) = if let Some(place) = managed {
            (Some(place.owner), Some(place.environment))
        } else if *is_ours {
            let signs: BTreeSet<Option<Owner>> = [
                mark.as_ref().map(|mark| mark.owner),
                place.map(|place| Some(place.owner)),
                in_subscription.map(|(owner, _)| Some(owner)),
            ]
            .into_iter()
            .flatten()
            .collect();
            let owner = if signs.len() == 1 { signs.first().copied().flatten() } else { None };
            let of_role = mark
                .as_ref()
                .and_then(|mark| environment_of(&mark.role))
                .filter(|_| mark.as_ref().is_some_and(|mark| oracle.roles().any(|role| role == mark.role)));
            let of_place = place.map(|place| place.environment).or(in_subscription.map(|(_, environment)| environment));
            (owner, of_place.or(of_role))
        } else {
            return; // others', where nothing is managed
        };
        let is_named = oracle.instances().any(|instance| derived_name(instance, &row.triple) == row.name);
        // We make nothing that ends by itself; its description was copied.
        if *is_ours && !is_named && oracle.ends_by_itself(row) == Some(true) {
            if let Some(owner) = owner {
                *expected.standing.entry(owner).or_default() += 1;
            }
            return;
        }
        let gone = matches!(oracle.by_id(row.triple.principal), ById::Deleted { .. } | ById::Gone);
        let is_person = row.principal_type == PrincipalType::User;
        if !is_ours {
            let ends = oracle.ends_by_itself(row);
            if ends == Some(true) || !(is_person || row.principal_type == PrincipalType::Group) {
                return; // it ends by itself; or it is no people's
            }
            if gone {
                expected.kept.push(kept(owner, "others', and the person is gone", Said::Finding));
                return;
            }
            let of_another = row.description.as_deref().is_some_and(|text| text.starts_with("tilgang/"));
            if !(oracle.git.revokes_unmanaged && is_person && !of_another) {
                if !matches!(owner.map(|owner| oracle.file(owner)), Some(File::Broken(_))) {
                    expected.kept.push(kept(owner, "others'", Said::Finding));
                }
                return;
            }
            if let Some(owner) = owner {
                *expected.standing.entry(owner).or_default() += 1;
            }
            if ends.is_none() {
                expected.kept.push(kept(owner, "PIM did not answer", Said::Blocked));
                return;
            }
        } else if let Some(owner) = owner {
            *expected.standing.entry(owner).or_default() += 1;
            if matches!(oracle.file(owner), File::Broken(_)) {
                expected.kept.push(kept(Some(owner), "the file is broken", Said::Kept));
                return;
            }
        }
        let role = self.role_of(row, managed, mark.as_ref());
        let here = Surplus { row, owner, environment, role, is_managed: managed.is_some() };
        if *is_ours && self.can_be_restored(&here) {
            expected.kept.push(kept(owner, "deleted, listed and restorable", Said::Finding));
            return;
        }
        let unanswered =
            *is_ours && !is_named && oracle.ends_by_itself(row).is_none() && row.triple.scope.subscription().is_some();
        let verdict = if unanswered { Err("PIM did not answer") } else { self.may_go(&here) };
        match verdict {
            Err(why) => expected.kept.push(kept(owner, why, Said::Blocked)),
            Ok((owner, ended)) => {
                let recently = ended.is_some_and(|until| until + 31.days() >= oracle.today);
                let removed = *oracle.file(owner) == File::Removed;
                let removal = Removal {
                    owner,
                    triple: row.triple.clone(),
                    in_prod: environment.is_none_or(|environment| environment == "prod"),
                    is_expiry: *is_ours && managed.is_some() && !removed && recently,
                };
                expected.removals.insert(row.name, removal);
            }
        }
    }

    /// The role it stands for: what the mark says, if that holds here; else the first that gives it here.
    fn role_of(&self, row: &RoleAssignment, managed: Option<&Place>, mark: Option<&Mark>) -> Option<String> {
        let Some(place) = managed else { return mark.map(|mark| mark.role.clone()) };
        let mut here: Vec<&str> =
            self.oracle.roles().filter(|role| environment_of(role) == Some(place.environment)).collect();
        here.sort_unstable();
        let marked = mark.map(|mark| mark.role.as_str()).filter(|role| here.contains(role));
        let gives = |role: &&&str| {
            self.oracle
                .gives(role)
                .iter()
                .any(|(kind, definition)| *kind == place.kind && *definition == row.triple.definition)
        };
        marked.or_else(|| here.iter().find(gives).copied()).map(ToOwned::to_owned)
    }

    /// Whether somebody listed with this role could be the holder.
    fn could_be(&self, here: &Surplus<'_>, role: &str) -> bool {
        let environment = environment_of(role);
        let same = here.environment.is_none_or(|it| Some(it) == environment);
        match here.role.as_deref().filter(|it| self.oracle.roles().any(|role| role == *it)) {
            Some(meant) => meant == role || same && self.oracle.gives_at(role, here.row.triple.definition),
            None => same,
        }
    }

    fn can_be_restored(&self, here: &Surplus<'_>) -> bool {
        let principal = here.row.triple.principal;
        let ById::Deleted { name, .. } = self.oracle.by_id(principal) else { return false };
        self.wants.iter().any(|want| {
            Some(want.owner) == here.owner
                && !self.has_ended(want.until)
                && matches!(want.meaning, Meaning::Unsure(_))
                && (UserName::new(&want.entry.name) == name || want.entry.id == Some(principal.0))
                && self.could_be(here, want.role)
        })
    }

    /// Promise 3, and the second half of 5: removal needs positive proof. The owner on whose word, and the last day.
    fn may_go(&self, here: &Surplus<'_>) -> Result<(Owner, Option<Date>), &'static str> {
        let oracle = self.oracle;
        let triple = &here.row.triple;
        if self.shared.contains(&triple.scope) {
            return Err("two owners' target");
        }
        let owner = here.owner.ok_or("nobody knows whose it is")?;
        match oracle.file(owner) {
            File::Read(_) | File::Removed => {}
            File::Missing => return Err("no file"),
            File::Broken(_) => return Err("broken file"),
        }
        if let ById::Unanswered(_) = oracle.by_id(triple.principal) {
            return Err("nobody knows who it is");
        }
        let ours_here = |id: PrincipalId| {
            self.standings.iter().any(|it| {
                let at = self.found.iter().rfind(|(_, scope, _)| **scope == it.row.triple.scope);
                it.is_ours && it.row.triple.principal == id && at.is_some_and(|(place, ..)| place.owner == owner)
            })
        };
        let listed = |want: &&Want<'_>| want.owner == owner && !self.has_ended(want.until);
        let doubtful = self.wants.iter().filter(listed).any(|want| {
            let Meaning::Unsure(only) = want.meaning else { return false };
            only.filter(|id| ours_here(*id)).is_none_or(|id| id == triple.principal) && self.could_be(here, want.role)
        });
        if doubtful {
            return Err("somebody listed could be meant");
        }
        let is_given = here.role.as_deref().is_some_and(|role| oracle.gives_at(role, triple.definition));
        if (!here.is_managed || !is_given) && self.unmet.contains(&(owner, triple.principal)) {
            return Err("listed, and elsewhere not made yet");
        }
        let ended = self.wants.iter().filter(|want| self.has_ended(want.until)).rfind(|want| {
            let place = self.found.iter().find(|(place, scope, _)| **scope == triple.scope && place.kind == want.kind);
            want.owner == owner
                && want.meaning == Meaning::Person(triple.principal)
                && want.definition == triple.definition
                && place.is_some_and(|(place, ..)| Some(place.environment) == environment_of(want.role))
        });
        let ended = ended.and_then(|want| want.until);
        match oracle.head {
            Head::NotInGit => {}
            Head::Unknown => return Err("nobody knows which commit this is"),
            Head::Commit(time, edited) => {
                let made = here.row.created_on;
                let by_its_day = ended.zip(made).is_some_and(|(until, made)| day(made) <= until);
                if !by_its_day && !edited.contains(owner) && made.is_none_or(|made| made > *time) {
                    return Err("made after the commit");
                }
            }
        }
        let locks = triple.scope.subscription().and_then(|id| oracle.seen.locks.get(&id));
        if let Some(Ok(locks)) = locks
            && locks.iter().any(|lock| lock.scope.holds(&triple.scope))
        {
            return Err("locked");
        }
        Ok((owner, ended))
    }
}

struct Surplus<'a> {
    row: &'a RoleAssignment,
    owner: Option<Owner>,
    environment: Option<&'static str>,
    role: Option<String>,
    is_managed: bool,
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
