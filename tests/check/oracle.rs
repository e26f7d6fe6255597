//! Who should hold what, a second time: small, slow and obvious. Written from the promises of the design and from what the
//! run was answered, never from the planner. In: a commit as plain data, and the answers. Out: what may be written, what
//! must be, and what must be said instead.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Date};
use tilgang::{
    model::{
        assignment::{PrincipalType, RoleAssignment, Triple},
        code::Code,
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        people::{ById, ByName, Hint, Person},
        trouble::TroubleKind,
    },
    simulator::World,
};

use super::{
    faulty::Seen,
    git::{Catalogue, Entry, File, Git, ROLES},
    program::Head,
    universe::{
        AGENCY_NAME, AGENCY_SECRETS, ENVIRONMENTS, FORMER, GET_SECRET, OWNERS, READER_OF_LOGS, SECRETS_OFFICER,
        SECRETS_USER, definition, derived_name, subscription_name,
    },
    verdict::Judge,
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
    pub now: Timestamp,
    /// The commits up to the one that is read, if git tells.
    pub past: Option<&'a [Git]>,
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
    /// What is not as git says of a role definition of which git wants something that exists.
    pub unfit: BTreeSet<(&'static str, Code)>,
    /// What a share of removals is counted from.
    pub standing: BTreeMap<Owner, usize>,
}

#[derive(Debug)]
pub struct Put {
    pub owner: Owner,
    pub environment: &'static str,
    pub name: AssignmentName,
    pub description: String,
}

#[derive(Debug)]
pub struct Removal {
    pub owner: Owner,
    pub triple: Triple,
    pub environment: Option<&'static str>,
    pub in_prod: bool,
    /// The last day that ended it, however long ago.
    pub ended: Option<Date>,
    pub is_expiry: bool,
    /// Somebody listed could be meant, if the holder were not gone for good.
    pub rests_on_gone: bool,
}

#[derive(Debug)]
pub struct Kept {
    /// Whose it is, if that is known.
    pub owner: Option<Owner>,
    pub assignment: AssignmentName,
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

pub enum Where {
    Found(ScopeId, SubscriptionId),
    Nowhere,
}

pub struct Place {
    pub owner: Owner,
    pub environment: &'static str,
    pub kind: &'static str,
    /// As the naming rule or the owner's row has it.
    pub name: String,
    pub at: Where,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Person(PrincipalId),
    /// Nobody for certain; the one it can only be, if one is known.
    Unsure(Option<PrincipalId>),
}

/// One role definition that git wants somebody to have.
pub struct Want<'a> {
    pub owner: Owner,
    pub entry: &'a Entry,
    pub role: &'static str,
    pub until: Option<Date>,
    pub meaning: Meaning,
    pub kind: &'static str,
    pub definition: RoleDefinitionId,
    pub description: String,
}

/// What a description says.
pub struct Mark {
    pub owner: Option<Owner>,
    pub role: String,
}

pub struct Standing<'a> {
    pub row: &'a RoleAssignment,
    pub is_ours: bool,
}

pub fn environment_of(role: &str) -> Option<&'static str> {
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
    pub fn is_known(&self, owner: Owner) -> bool {
        let git = self.git;
        *self.file(owner) != File::Missing
            || git.shared && owner != "k1103"
            || git.two_vaults && !git.shared && owner == "ttd"
            || git.test_only && owner == "k1103"
    }

    pub fn subscription(&self, owner: Owner, environment: &str) -> String {
        if self.git.shared && environment == "prod" {
            "Altinn-Shared".to_owned()
        } else {
            subscription_name(owner, environment)
        }
    }

    /// Whose a subscription is by its name.
    pub fn belongs_to(&self, name: &str) -> Option<(Owner, &'static str)> {
        let all = OWNERS.into_iter().flat_map(|owner| ENVIRONMENTS.map(|(environment, _)| (owner, environment)));
        let mut all = all.filter(|(_, environment)| !(self.git.shared && *environment == "prod"));
        all.find(|(owner, environment)| subscription_name(owner, environment) == name)
    }

    pub fn places(&self) -> Vec<Place> {
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
            name,
        };
        places.into_iter().map(place).collect()
    }

    /// A target must satisfy every line: type, name, subscription, tag. Two are none.
    pub fn find(&self, owner: Owner, environment: &str, kind: &str, name: &str) -> Where {
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

    pub fn gives(&self, role: &str) -> Vec<(&'static str, RoleDefinitionId)> {
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

    pub fn secrets(&self) -> RoleDefinitionId {
        match self.git.catalogue {
            Catalogue::BuiltIn | Catalogue::WithLead => definition(SECRETS_OFFICER),
            Catalogue::Retired | Catalogue::Forgotten => definition(SECRETS_USER),
            Catalogue::Custom => definition(AGENCY_SECRETS),
        }
    }

    pub fn roles(&self) -> impl Iterator<Item = &'static str> {
        ROLES.iter().map(|(role, ..)| *role).filter(|role| !self.gives(role).is_empty())
    }

    pub fn is_managed(&self, kind: &str, definition_: RoleDefinitionId) -> bool {
        let retired = self.git.catalogue == Catalogue::Retired && definition_ == definition(SECRETS_OFFICER);
        match kind {
            "ai" => definition_ == definition(READER_OF_LOGS),
            _ => definition_ == self.secrets() || retired,
        }
    }

    /// Whether a role definition was read in this run, is what git says, and can be assigned here: nothing new is granted of
    /// one that is not.
    pub fn is_sound(&self, id: RoleDefinitionId, at: &ScopeId) -> bool {
        let Some(Ok(Some(found))) = self.seen.definitions.get(&id) else { return false };
        if id != definition(AGENCY_SECRETS) {
            return true; // Microsoft's: the world has them as they are
        }
        let within = |scope: &ScopeId| {
            let (scope, at) = (scope.as_str().to_ascii_lowercase(), at.as_str().to_ascii_lowercase());
            at.starts_with(&format!("{scope}/"))
        };
        let listed = at.subscription().and_then(|it| self.seen.assignable.get(&it));
        let is_listed = listed.is_some_and(|listed| listed.as_ref().is_ok_and(|all| all.contains(&id)));
        self.unfit(id).is_empty() && (is_listed || found.assignable_scopes.iter().any(within))
    }

    /// What is not as git says of a role definition that was read, wherever it is given.
    pub fn unfit(&self, id: RoleDefinitionId) -> BTreeSet<Code> {
        let mut codes = BTreeSet::new();
        let found = match self.seen.definitions.get(&id) {
            Some(Ok(Some(found))) if id == definition(AGENCY_SECRETS) => found,
            Some(Ok(None)) => return [Code::RoleMissing].into(),
            _ => return codes,
        };
        if found.name != AGENCY_NAME {
            codes.insert(Code::RoleName);
        }
        if !found.blocks.iter().any(|block| block.data_actions.iter().any(|it| it == GET_SECRET)) {
            codes.insert(Code::RoleGivesLess);
        }
        if found.blocks.iter().any(|block| block.actions.iter().any(|it| it == "Microsoft.Authorization/*")) {
            codes.insert(Code::Privileged);
        }
        codes
    }

    pub fn by_id(&self, id: PrincipalId) -> ById {
        if let Some(answer) = self.seen.ids.get(&id) {
            // Our token looks up users and groups. Of a user that is all there is to look for; of what is none nobody says that it is
            // gone.
            let mut rows = self.start.all_assignments().filter(|row| row.triple.principal == id);
            return match (answer, rows.next().map(|row| &*row.principal_type)) {
                (ById::NoUser, Some("User")) => ById::Gone,
                (ById::Gone, Some(kind)) if kind != "User" => ById::NoUser,
                // That a token may not look up a group hides its name, and nothing else.
                (ById::Unanswered(why), Some(kind)) if kind != "User" && why.kind == TroubleKind::Denied => {
                    ById::NoUser
                }
                _ => answer.clone(),
            };
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
    pub fn meaning(&self, entry: &Entry) -> Meaning {
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

    /// The same at an owner. An id beside a name that nobody has is believed, unless whose it is holds nothing of ours there,
    /// and somebody who could be whom the name meant holds, unexplained, what the entry would give.
    fn meaning_at(&self, owner: Owner, entry: &Entry) -> Meaning {
        let meaning = self.meaning(entry);
        let name = UserName::new(&entry.name);
        let (Some(ByName::Nobody(hint)), Some(_), Meaning::Person(_)) = (self.seen.names.get(&name), entry.id, meaning)
        else {
            return meaning;
        };
        if self.is_held(owner, entry) {
            return meaning;
        }
        let ours = self.ours_at(owner);
        let deleted = match hint {
            Hint::Deleted { id, .. } => Some(*id),
            _ => None,
        };
        let only = deleted.filter(|id| ours.iter().any(|(row, _)| row.triple.principal == *id));
        let could_be_meant = |row: &RoleAssignment| {
            let now = self.by_id(row.triple.principal);
            let settled =
                row.created_on.is_some_and(|made| self.now.duration_since(made) >= SignedDuration::from_hours(24));
            if now == ById::Gone && settled {
                return false;
            }
            if let Some(only) = only {
                return only == row.triple.principal;
            }
            let holder = match now {
                ById::Person(person) => Some(person.name),
                ById::Deleted { name, .. } => Some(name),
                ById::NotAPerson(_) | ById::Gone | ById::NoUser | ById::Unanswered(_) => None,
            };
            let known = holder.zip(row.created_on);
            !known.is_some_and(|(holder, made)| self.is_no_older_name(owner, &name, &holder, made))
        };
        let File::Read(entries) = self.file(owner) else { return meaning };
        let is_explained = |row: &RoleAssignment, place: &Place| {
            let mut meant = entries.iter().filter(|it| self.meaning(it) == Meaning::Person(row.triple.principal));
            meant.any(|it| self.gives_here(it, place, row.triple.definition))
        };
        let in_its_place = ours.iter().any(|(row, place)| {
            self.gives_here(entry, place, row.triple.definition) && could_be_meant(row) && !is_explained(row, place)
        });
        if in_its_place { Meaning::Unsure(deleted) } else { meaning }
    }

    /// Whether an entry gives this at one of its owner's places today.
    fn gives_here(&self, entry: &Entry, place: &Place, definition: RoleDefinitionId) -> bool {
        entry.roles.iter().filter(|role| role.until.is_none_or(|until| until >= self.today)).any(|role| {
            environment_of(role.name) == Some(place.environment)
                && self.gives(role.name).contains(&(place.kind, definition))
        })
    }

    /// What stands of ours at an owner's targets.
    fn ours_at(&self, owner: Owner) -> Vec<(&RoleAssignment, Place)> {
        let standings = self.standings();
        let places = self.places().into_iter().filter(|place| place.owner == owner);
        let here = places.flat_map(|place| {
            let at = |row: &&RoleAssignment| matches!(&place.at, Where::Found(scope, _) if *scope == row.triple.scope);
            let rows: Vec<_> = standings.iter().filter(|it| it.is_ours).map(|it| it.row).filter(at).collect();
            let (owner, environment, kind, name) = (place.owner, place.environment, place.kind, place.name);
            rows.into_iter()
                .map(move |row| (row, Place { owner, environment, kind, name: name.clone(), at: Where::Nowhere }))
        });
        here.collect()
    }

    /// Whether a scope is one of an owner's targets.
    pub fn is_at_target(&self, owner: Owner, scope: &ScopeId) -> bool {
        let mut theirs = self.places().into_iter().filter(|place| place.owner == owner);
        theirs.any(|place| matches!(&place.at, Where::Found(found, _) if found == scope))
    }

    /// Whether something of ours stands for whose id an entry has, in an environment where the entry gives something today.
    pub fn is_held(&self, owner: Owner, entry: &Entry) -> bool {
        let lasting = || entry.roles.iter().filter(|role| role.until.is_none_or(|until| until >= self.today));
        let File::Read(entries) = self.file(owner) else { return false };
        // Another entry that lists them explains what they hold.
        let others = entries.iter().filter(|it| !std::ptr::eq(*it, entry));
        let mut others =
            others.filter(|it| entry.id.is_some_and(|id| self.meaning(it) == Meaning::Person(PrincipalId(id))));
        let is_here = |name: &str| lasting().any(|role| environment_of(role.name) == environment_of(name));
        let is_listed = others.any(|it| {
            it.roles.iter().any(|role| role.until.is_none_or(|until| until >= self.today) && is_here(role.name))
        });
        !is_listed
            && self.ours_at(owner).iter().any(|(row, place)| {
                Some(row.triple.principal.0) == entry.id
                    && lasting().any(|role| environment_of(role.name) == Some(place.environment))
            })
    }

    /// Whether a name that nobody has is for certain no older one of this holder: it was written, each time into a file that
    /// stood, more than a day after the holder got what they hold, and not in place of the holder's name, by which they were
    /// listed when they got it. Names that look alike are never told apart.
    pub fn is_no_older_name(&self, owner: Owner, written: &UserName, holder: &UserName, made: Timestamp) -> bool {
        let alike = written == holder || holder.slips_to(written).is_some() || holder.shares_a_part(written);
        let (Some(commits), false) = (self.past, alike) else { return false };
        let names: Vec<(Timestamp, Option<BTreeSet<UserName>>)> =
            commits.iter().map(|commit| (commit.committed, commit.names(owner))).collect();
        let has = |at: &Option<BTreeSet<UserName>>, name: &UserName| at.as_ref().is_some_and(|all| all.contains(name));
        let then = names.iter().rfind(|(at, _)| *at <= made);
        let was_listed = then.is_some_and(|(_, listed)| has(listed, holder));
        let before = [(None, &names[0])].into_iter().chain(names.windows(2).map(|two| (Some(&two[0]), &two[1])));
        let mut writings = before
            .filter(|(was, (_, is))| has(is, written) && !was.is_some_and(|(_, was)| has(was, written)))
            .peekable();
        writings.peek().is_some()
            && writings.all(|(was, (at, is))| {
                let stood = was.is_some_and(|(_, was)| was.is_some());
                let gave_way = was.is_some_and(|(_, was)| has(was, holder)) && !has(is, holder);
                stood && !gave_way && at.duration_since(made) > SignedDuration::from_hours(24)
            })
            && was_listed
    }

    /// The accounts that an entry's name led to before, where the name alone says who is meant: by the deleted users that the
    /// run was told of.
    pub fn former(&self, entry: &Entry) -> BTreeSet<PrincipalId> {
        let name = UserName::new(&entry.name);
        let (None, Some(ByName::Person(now))) = (entry.id, self.seen.names.get(&name)) else { return BTreeSet::new() };
        let listed = self.seen.former.get(&name).into_iter().flat_map(|ids| ids.keys().copied());
        let deleted =
            self.seen.ids.iter().filter(|(_, is)| matches!(is, ById::Deleted { name: had, .. } if *had == name));
        listed.chain(deleted.map(|(id, _)| *id)).filter(|id| *id != now.id).collect()
    }

    /// Who an entry means, as the run was told: by the name, where it leads to the id or there is none.
    pub fn person(&self, entry: &Entry) -> Option<Person> {
        let Meaning::Person(id) = self.meaning(entry) else { return None };
        match (self.seen.names.get(&UserName::new(&entry.name)), self.seen.ids.get(&id)) {
            (Some(ByName::Person(person)), _) | (_, Some(ById::Person(person))) if person.id == id => {
                Some(person.clone())
            }
            _ => None,
        }
    }

    pub fn wants(&self) -> Vec<Want<'_>> {
        let mut wants = Vec::new();
        for owner in OWNERS {
            let File::Read(entries) = self.file(owner) else { continue };
            for entry in entries {
                let meaning = self.meaning_at(owner, entry);
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
                            description: format!("tilgang/{} {owner} {}{ticket}", self.git.instance(), role.name),
                        });
                    }
                }
            }
        }
        wants
    }

    pub fn standings(&self) -> Vec<Standing<'_>> {
        let mut rows: BTreeMap<AssignmentName, &RoleAssignment> = BTreeMap::new();
        for row in self.seen.lists.values().flatten().flatten() {
            rows.entry(row.name).or_insert(row);
        }
        rows.into_values().map(|row| Standing { row, is_ours: self.is_ours(row) }).collect()
    }

    pub fn instances(&self) -> impl Iterator<Item = &'static str> {
        [self.git.instance()].into_iter().chain(self.git.former.then_some(FORMER))
    }

    /// Whether it bears the mark of an instance that is not this one, where we would write one.
    pub fn is_of_another(&self, row: &RoleAssignment) -> bool {
        let words: Vec<&str> = row.description.as_deref().unwrap_or_default().split(' ').collect();
        let is_mark = words.len() >= 3 && words[0].starts_with("tilgang/");
        let markable = row.principal_type == PrincipalType::User && row.triple.scope.is_resource();
        is_mark && markable && !self.is_ours(row)
    }

    /// Promise 1: a name that fits its content is ours; a mark, where we would write one.
    pub fn is_ours(&self, row: &RoleAssignment) -> bool {
        let derived = self.is_named(row);
        let markable = row.principal_type == PrincipalType::User && row.triple.scope.is_resource();
        derived || markable && self.mark(row).is_some()
    }

    /// Whether its name fits its content.
    pub fn is_named(&self, row: &RoleAssignment) -> bool {
        self.instances().any(|instance| derived_name(instance, &row.triple) == row.name)
    }

    /// Whether an owner's targets are called so today, whatever an index shows.
    pub fn is_named_after_rule(&self, owner: Owner, scope: &ScopeId) -> bool {
        let text = scope.as_str().to_ascii_lowercase();
        self.places().iter().filter(|place| place.owner == owner).any(|place| {
            let arm_type =
                if place.kind == "ai" { "microsoft.insights/components" } else { "microsoft.keyvault/vaults" };
            text.ends_with(&format!("/providers/{arm_type}/{}", place.name.to_ascii_lowercase()))
        })
    }

    pub fn mark(&self, row: &RoleAssignment) -> Option<Mark> {
        let words: Vec<&str> = row.description.as_deref()?.split(' ').collect();
        let [instance, owner, role, ..] = words.as_slice() else { return None };
        let ours = self.instances().any(|it| *instance == format!("tilgang/{it}"));
        let owner = OWNERS.into_iter().find(|it| it == owner);
        ours.then(|| Mark { owner, role: (*role).to_owned() })
    }

    /// What PIM says: whether it ends by itself; `None` if it did not answer.
    pub fn ends_by_itself(&self, row: &RoleAssignment) -> Option<bool> {
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
