//! The judgement of the reference model: what of all that stands is wanted, must go, or stays and must be said.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use tilgang::model::{
    assignment::{PrincipalType, RoleAssignment, Triple},
    ids::{PrincipalId, ScopeId, SubscriptionId, UserName},
    people::{ById, GroupKey, InGroup},
};

use super::{
    git::File,
    oracle::{
        Expected, Kept, Mark, Meaning, Oracle, Owner, Place, Put, Removal, Said, Standing, Want, Where, environment_of,
    },
    program::Head,
    universe::derived_name,
};

/// How long Entra may not show everywhere who is new.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The judgement, with everything at hand.
pub struct Judge<'a> {
    pub oracle: &'a Oracle<'a>,
    pub found: &'a [(&'a Place, &'a ScopeId, SubscriptionId)],
    pub shared: &'a BTreeSet<&'a ScopeId>,
    pub wants: &'a [Want<'a>],
    pub standings: &'a [Standing<'a>],
    /// Who is listed at an owner, in an environment, with a grant that is not made: what they hold of it elsewhere is what
    /// git meant.
    pub unmet: BTreeSet<(Owner, PrincipalId, &'static str)>,
    pub wanted: BTreeSet<Triple>,
}

impl Judge<'_> {
    fn has_ended(&self, until: Option<Date>) -> bool {
        until.is_some_and(|until| until < self.oracle.today)
    }

    pub fn grants(&mut self, places: &[Place], expected: &mut Expected) {
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
            let whose = (want.owner, person, environment.unwrap_or_default());
            let here = places.iter().filter(|place| {
                place.owner == want.owner && Some(place.environment) == environment && place.kind == want.kind
            });
            for place in here {
                let read = |at: &SubscriptionId| matches!(self.oracle.seen.lists.get(at), Some(Ok(_)));
                let scope = match &place.at {
                    Where::Found(scope, subscription) if !self.shared.contains(scope) && read(subscription) => scope,
                    _ => {
                        self.unmet.insert(whose);
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
                    environment: environment_of(want.role).unwrap(),
                    name: derived_name(self.oracle.git.instance(), &triple),
                    description: want.description.clone(),
                };
                if standing.is_some() {
                    expected.unfit.extend(self.oracle.unfit(want.definition).into_iter().map(|code| (want.role, code)));
                }
                match standing {
                    // Policy may have something against each line that asks for it.
                    None => {
                        let same: Vec<&Want<'_>> = wants.iter().filter(|it| self.is_same(it, want)).collect();
                        let fit = same.iter().find(|it| !self.is_objected(it));
                        if let Some(fit) = fit.filter(|_| self.oracle.is_sound(want.definition, scope)) {
                            expected.puts.insert(triple, Put { description: fit.description.clone(), ..put });
                        } else {
                            self.unmet.insert(whose);
                            let lines = same.iter().map(|it| (it.owner, it.entry.name.clone(), it.role));
                            expected.blocked.extend(lines);
                        }
                    }
                    // What PIM ends is not ours for a description that was copied to it.
                    Some(Standing { row, is_ours: true })
                        if !self.oracle.is_named(row) && self.oracle.ends_by_itself(row) == Some(true) =>
                    {
                        *expected.standing.entry(want.owner).or_default() += 1;
                        self.unmet.insert(whose);
                        expected.blocked.insert(blocked.clone());
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
                            self.unmet.insert(whose);
                            expected.blocked.insert(blocked.clone());
                        }
                    }
                }
            }
        }
    }

    /// Whether another line asks for the same.
    fn is_same(&self, other: &Want<'_>, want: &Want<'_>) -> bool {
        let what = |it: &Want<'_>| (it.owner, it.kind, it.definition, environment_of(it.role));
        !self.has_ended(other.until) && what(other) == what(want) && other.meaning == want.meaning
    }

    /// Whether policy keeps it from being made: for who it is, for how long, too many with this role, or listed at two owners
    /// without both saying so.
    fn is_objected(&self, want: &Want<'_>) -> bool {
        let git = self.oracle.git;
        if !self.oracle.former(want.entry).is_empty() {
            return true;
        }
        if let Some(person) = self.oracle.person(want.entry) {
            let group = GroupKey::named(&format!("tilgang-{}", want.owner));
            let group = self.oracle.seen.groups.get(&group);
            let belongs = matches!(group, Some(InGroup::Members(members)) if members.contains(&person.id));
            let is_blocked = git.blocks_guests && person.guest || git.blocks_disabled && !person.enabled;
            if is_blocked || git.member_of && !belongs {
                return true;
            }
        }
        if let (Some(days), "prod-operations") = (git.longest, want.role)
            && want.until.is_none_or(|until| until > self.oracle.today + days.days())
        {
            return true;
        }
        let who = |it: &Want<'_>| match (it.meaning, it.entry.id) {
            (Meaning::Person(id), _) => id.to_string(),
            (_, Some(id)) => id.to_string(),
            (_, None) => it.entry.name.clone(),
        };
        let lasting = || self.wants.iter().filter(|it| !self.has_ended(it.until));
        let holders = || lasting().filter(|it| it.owner == want.owner && it.role == want.role);
        let holders: BTreeSet<String> = holders().map(who).collect();
        let too_many =
            want.role == "prod-operations" && self.oracle.git.holders_max.is_some_and(|max| holders.len() > max);
        let mut elsewhere = lasting().filter(|it| it.owner != want.owner && who(it) == who(want));
        too_many || elsewhere.any(|it| it.entry.apart || want.entry.apart)
    }

    #[expect(clippy::too_many_lines, reason = "one row of the table after the other, obvious before short")]
    pub fn standing(&self, standing: &Standing<'_>, expected: &mut Expected) {
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
            assignment: row.name,
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
        let is_named = oracle.is_named(row);
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
        let here =
            Surplus { row, owner, environment, role, is_managed: managed.is_some(), is_at_target: place.is_some() };
        if *is_ours && self.can_be_restored(&here) {
            expected.kept.push(kept(owner, "deleted, listed and restorable", Said::Finding));
            return;
        }
        let unanswered =
            *is_ours && !is_named && oracle.ends_by_itself(row).is_none() && row.triple.scope.subscription().is_some();
        let verdict = if unanswered { Err("PIM did not answer") } else { self.may_go(&here) };
        match verdict {
            Err(why) => expected.kept.push(kept(owner, why, Said::Blocked)),
            Ok((owner, ended, rests_on_gone)) => {
                let recently = ended.is_some_and(|until| until + 31.days() >= oracle.today);
                let removed = *oracle.file(owner) == File::Removed;
                let removal = Removal {
                    owner,
                    triple: row.triple.clone(),
                    environment,
                    in_prod: environment.is_none_or(|environment| environment == "prod"),
                    ended: ended.filter(|_| managed.is_some() && !(*is_ours && removed)),
                    is_expiry: *is_ours && managed.is_some() && !removed && recently,
                    rests_on_gone,
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

    /// No listed name led to the holder before, and leads to another now.
    fn is_no_former_holder(&self, owner: Owner, here: &Surplus<'_>) -> Result<(), &'static str> {
        let listed = |want: &&Want<'_>| want.owner == owner && !self.has_ended(want.until);
        let led_here = |want: &Want<'_>| {
            self.oracle.former(want.entry).contains(&here.row.triple.principal) && self.could_be(here, want.role)
        };
        let claimed = self.wants.iter().filter(listed).any(led_here);
        if claimed { Err("a listed name led to the holder before") } else { Ok(()) }
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

    /// Promise 3, and the second half of 5: removal needs positive proof. The owner on whose word, the last day, and whether
    /// it is proven only by the holder being gone for good.
    fn may_go(&self, here: &Surplus<'_>) -> Result<(Owner, Option<Date>, bool), &'static str> {
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
        self.is_no_former_holder(owner, here)?;
        let ours_here = |id: PrincipalId| {
            self.standings.iter().any(|it| {
                let at = self.found.iter().rfind(|(_, scope, _)| **scope == it.row.triple.scope);
                it.is_ours && it.row.triple.principal == id && at.is_some_and(|(place, ..)| place.owner == owner)
            })
        };
        let listed = |want: &&Want<'_>| want.owner == owner && !self.has_ended(want.until);
        let now = oracle.by_id(triple.principal);
        let holder = match &now {
            ById::Person(person) => Some(&person.name),
            ById::Deleted { name, .. } => Some(name),
            ById::NotAPerson(_) | ById::Gone | ById::NoUser | ById::Unanswered(_) => None,
        };
        let ruled_out = |want: &Want<'_>| {
            let written = UserName::new(&want.entry.name);
            holder
                .zip(here.row.created_on)
                .is_some_and(|(holder, made)| oracle.is_no_older_name(owner, &written, holder, made))
        };
        let doubtful = self.wants.iter().filter(listed).any(|want| {
            let Meaning::Unsure(only) = want.meaning else { return false };
            let could_mean = match only.filter(|id| ours_here(*id)) {
                _ if want.entry.id == Some(triple.principal.0) => true,
                Some(id) => id == triple.principal,
                None => !ruled_out(want),
            };
            could_mean && self.could_be(here, want.role)
        });
        let settled = here.row.created_on.is_some_and(|made| oracle.now.duration_since(made) >= DAY);
        if doubtful && !(now == ById::Gone && settled) {
            return Err("somebody listed could be meant");
        }
        let waits = |environment: &str| here.environment.is_none_or(|here| here == environment);
        let mut unmet = self.unmet.iter().filter(|(at, who, _)| *at == owner && *who == triple.principal);
        let is_given = here.role.as_deref().is_some_and(|role| oracle.gives_at(role, triple.definition));
        if (!here.is_managed || !is_given) && unmet.clone().next().is_some() {
            return Err("listed, and elsewhere not made yet");
        }
        let is_listed = || {
            let mut theirs = self.wants.iter().filter(listed);
            theirs.any(|want| want.meaning == Meaning::Person(triple.principal) && self.could_be(here, want.role))
        };
        if !here.is_at_target && oracle.is_named_after_rule(owner, &triple.scope) && is_listed() {
            return Err("the naming rule leads here, and the index does not show it");
        }
        let ended = self.wants.iter().filter(|want| self.has_ended(want.until)).rfind(|want| {
            let place = self.found.iter().find(|(place, scope, _)| **scope == triple.scope && place.kind == want.kind);
            want.owner == owner
                && want.meaning == Meaning::Person(triple.principal)
                && want.definition == triple.definition
                && place.is_some_and(|(place, ..)| Some(place.environment) == environment_of(want.role))
        });
        let ended = ended.and_then(|want| want.until);
        let called = match &now {
            ById::Person(person) => Some(&person.name),
            _ => None,
        };
        let is_alive = !matches!(now, ById::Deleted { .. } | ById::Gone);
        let written = |want: &Want<'_>| {
            want.entry.id == Some(triple.principal.0) || called == Some(&UserName::new(&want.entry.name))
        };
        let mut unsure = self.wants.iter().filter(listed).filter(|want| matches!(want.meaning, Meaning::Unsure(_)));
        let comes = unmet.any(|(.., environment)| waits(environment))
            || is_alive && unsure.any(|want| written(want) && environment_of(want.role).is_some_and(waits));
        if comes && ended.is_none() {
            return Err("what shall stand in its place cannot be made yet");
        }
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
        Ok((owner, ended.filter(|_| !doubtful), doubtful))
    }
}

struct Surplus<'a> {
    row: &'a RoleAssignment,
    owner: Option<Owner>,
    environment: Option<&'static str>,
    role: Option<String>,
    is_managed: bool,
    is_at_target: bool,
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
