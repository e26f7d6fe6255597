//! What stands → what git would have to say so that a plan changes nothing, and what no role can say. Pure.
//!
//! Nothing is guessed: a person is listed with a role only where everything that the role gives stands already, for certain
//! and for good. Whatever else stands at a managed target becomes a finding.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::model::{
    assignment::{Hand, Pim, PrincipalType, Standing},
    catalog::Role,
    desired::{Desired, OwnerFile},
    ids::{PrincipalId, RoleDefinitionId, ScopeId, UserName},
    observed::{Observed, Reading, Sighting, TargetKey},
    owner::{EnvironmentName, OwnerCode, RoleName},
    people::{ById, Person},
    policy::Required,
};

use super::{
    change::{Gone, Who},
    doubt::Holder,
    exceptions,
    finding::{Code, Finding},
    mark::{key, other_instance, standings},
    resolve::resolve,
    stated::try_out,
    want::{Place, Wanted, want},
};

/// What whoever adopts says about it.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Whether an owner's file may list this sign-in name.
    pub may_list: &'a dyn Fn(&str) -> bool,
    /// Stated where policy demands a reason.
    pub reason: Option<&'a str>,
    /// Stated where policy demands a ticket.
    pub ticket: Option<&'a str>,
    /// Stated where policy demands a last day.
    pub until: Option<Date>,
}

/// A grant that git does not state and Azure has in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// At whom.
    pub owner: OwnerCode,
    /// Who, as the owner's file names the person, or else as Entra does.
    pub user: UserName,
    /// Who, by object id.
    pub id: PrincipalId,
    /// What.
    pub role: RoleName,
    /// The last day, where policy demands one.
    pub until: Option<Date>,
    /// Why, where policy demands it.
    pub reason: Option<Arc<str>>,
    /// Where it was asked for, where policy demands it.
    pub ticket: Option<Arc<str>>,
}

/// What standing access comes to in git's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// What git would have to state: by owner, person and role.
    pub grants: Vec<Adopted>,
    /// What no role can say, and where nothing could be looked at.
    pub findings: Vec<Finding>,
    /// What a role says only with more than was stated: it takes another flag, and no hand.
    pub demands: Vec<Finding>,
    /// Ours that git no longer lists: a plan removes it, and nobody lists it again by accident.
    pub unlisted: usize,
    /// Owners whose file is missing and at whom ours stands: git's history may have it, with what Azure does not know.
    pub lost: BTreeSet<OwnerCode>,
    /// Owners at whom no target was found at all: by their name alone nobody knows whether they are any.
    pub empty: BTreeSet<OwnerCode>,
}

/// What git would have to say about what stands. `owners`: only at these, if given.
#[must_use]
pub fn adopt(
    desired: &Desired,
    observed: &Observed,
    today: Date,
    owners: Option<&BTreeSet<OwnerCode>>,
    terms: Terms<'_>,
) -> Adoption {
    let mut adopt = Adopt {
        desired,
        observed,
        terms,
        entries: entries(desired, observed),
        unclear: unclear(desired, observed),
        needs: BTreeMap::new(),
        wanted: want(desired, observed, today),
        is: Adoption::default(),
    };
    let chosen = |owner: OwnerCode| owners.is_none_or(|owners| owners.contains(&owner));
    for ((owner, environment, principal), held) in adopt.held() {
        if chosen(owner) && held.iter().any(|held| !held.explained) {
            adopt.person(owner, environment, principal, &held);
        }
    }
    adopt.targets(chosen);
    let Adopt { mut is, .. } = adopt;
    is.grants.sort_by(|a, b| (a.owner, &a.user).cmp(&(b.owner, &b.user))); // the roles as they were chosen
    try_out(&mut is, desired, observed, today);
    exceptions::accept(&mut is.demands, &desired.policy.accept, today);
    exceptions::accept(&mut is.findings, &desired.policy.accept, today);
    is.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    is.findings.dedup();
    is
}

/// How an owner's file names people, and until when it lists them with each role.
type Entries<'a> = BTreeMap<(OwnerCode, PrincipalId), (&'a UserName, BTreeMap<&'a RoleName, Option<Date>>)>;

fn entries<'a>(desired: &'a Desired, observed: &Observed) -> Entries<'a> {
    let mut entries = Entries::new();
    for grant in &desired.grants {
        if let Ok(person) = resolve(&grant.user, &observed.people) {
            let entry = entries.entry((grant.owner, person.id));
            entry.or_insert_with(|| (&grant.user.name, BTreeMap::new())).1.insert(&grant.role, grant.until);
        }
    }
    entries
}

fn unclear<'a>(desired: &'a Desired, observed: &Observed) -> BTreeSet<(OwnerCode, &'a UserName)> {
    let unclear = desired.grants.iter().filter(|grant| resolve(&grant.user, &observed.people).is_err());
    unclear.map(|grant| (grant.owner, &grant.user.name)).collect()
}

/// One assignment of a managed role definition at a target.
struct Held<'a> {
    standing: &'a Standing,
    place: Place<'a>,
    /// Whether git lists its holder there with it.
    explained: bool,
}

impl<'a> Held<'a> {
    /// What a role must give to be this.
    fn part(&self) -> Part<'a> {
        (&self.place.target.scope, self.standing.assignment.triple.definition)
    }
}

/// What our mark says beside the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Words<'a> {
    role: &'a str,
    ticket: Option<&'a str>,
}

/// A role definition at a target.
type Part<'a> = (&'a ScopeId, RoleDefinitionId);

/// All that a role gives at an owner; or why that cannot be told.
type Needs<'a> = Result<BTreeSet<Part<'a>>, String>;

struct Adopt<'a> {
    /// Names that a file lists for whoever could not be made out, by owner.
    unclear: BTreeSet<(OwnerCode, &'a UserName)>,
    desired: &'a Desired,
    observed: &'a Observed,
    terms: Terms<'a>,
    entries: Entries<'a>,
    needs: BTreeMap<(OwnerCode, &'a RoleName), Needs<'a>>,
    wanted: Wanted<'a>,
    is: Adoption,
}

/// What one principal holds at one owner in one environment.
type ByHolder<'a> = BTreeMap<(OwnerCode, &'a EnvironmentName, PrincipalId), Vec<Held<'a>>>;

impl<'a> Adopt<'a> {
    fn held(&self) -> ByHolder<'a> {
        let managed = self.desired.catalog.managed();
        let mut held = ByHolder::new();
        for (scope, place) in self.wanted.targets.iter().filter(|(scope, _)| !self.wanted.shared.contains(*scope)) {
            let wants = self.wanted.at.get(*scope).map_or(&[][..], Vec::as_slice); // in the order of their keys
            for standing in standings(self.observed, place) {
                let (principal, definition) = key(standing);
                if managed.contains(&(&place.key.kind, definition)) {
                    let explained = wants.binary_search_by_key(&key(standing), super::want::Want::key).is_ok();
                    let holder = (place.key.owner, &place.key.environment, principal);
                    held.entry(holder).or_default().push(Held { standing, place: *place, explained });
                }
            }
        }
        held
    }

    fn person(&mut self, owner: OwnerCode, environment: &EnvironmentName, principal: PrincipalId, held: &[Held<'a>]) {
        let mut open: BTreeMap<Part<'a>, &Held<'a>> = BTreeMap::new();
        let mut parts: BTreeSet<Part<'a>> = BTreeSet::new();
        for held in held {
            if held.explained {
                parts.extend((!is_narrow(held.standing)).then(|| held.part()));
            } else if self.is_given_up(owner, held.standing) {
                self.is.unlisted += 1;
            } else if let Some((code, why)) = self.obstacle(owner, held.standing) {
                self.left(code, held, why);
            } else {
                parts.insert(held.part());
                open.insert(held.part(), held);
            }
        }
        let Some(ById::Person(person)) = self.observed.people.by_id.get(&principal) else { return };
        let mut partly: BTreeMap<Part<'a>, String> = BTreeMap::new();
        let mut whole: Vec<(&'a RoleName, BTreeSet<Part<'a>>)> = Vec::new();
        for (name, role) in self.desired.catalog.roles.iter().filter(|(_, role)| role.environment == *environment) {
            match self.needs(owner, name, role).clone() {
                Ok(needs) if needs.is_subset(&parts) => whole.push((name, needs)),
                Ok(needs) => {
                    let lacking = needs.difference(&parts).map(|part| self.part_in_words(*part));
                    let lacking = lacking.collect::<Vec<_>>().join(" and ");
                    let why = format!(
                        "a part of `{name}`, which also gives {lacking}: list the person to give the rest, too, or \
                         remove this by hand"
                    );
                    for part in needs.intersection(&parts) {
                        partly.entry(*part).or_insert_with(|| why.clone());
                    }
                }
                Err(words) => {
                    let why = format!("a part of `{name}`, the rest of which could not be looked at: {words}");
                    for part in parts.iter().filter(|part| self.is_of(role, **part)) {
                        partly.entry(*part).or_insert_with(|| why.clone());
                    }
                }
            }
        }
        // What our own marks say comes first, else what gives the most: a role that lies within another is not listed beside it.
        let marked: BTreeMap<Part<'a>, Words<'a>> =
            held.iter().filter_map(|held| Some((held.part(), said(held)?))).collect();
        let ticket_of = |name: &RoleName, needs: &BTreeSet<Part<'a>>| {
            let mut marks = needs.iter().map(|part| marked.get(part).filter(|mark| mark.role == name.as_str()));
            let first = marks.next()??;
            marks.all(|mark| mark.is_some_and(|mark| mark == first)).then_some(first.ticket)
        };
        whole.sort_by_key(|(name, needs)| (ticket_of(name, needs).is_none(), Reverse(needs.len()), *name));
        for (name, needs) in &whole {
            let new: Vec<Part<'a>> = needs.iter().filter(|part| open.contains_key(*part)).copied().collect();
            if new.is_empty() {
                continue;
            }
            let alike = whole.iter().filter(|(_, other)| other == needs).map(|(name, _)| format!("`{name}`"));
            let alike: Vec<String> = alike.collect();
            let mark = ticket_of(name, needs);
            let is_ours = |part: &Part<'a>| open.get(part).is_some_and(|held| held.standing.hand == Hand::Ours);
            self.is.lost.extend(new.iter().any(is_ours).then_some(owner));
            let demanded = self.demanded(name);
            let why = if alike.len() > 1 && mark.is_none() {
                Some(format!("{} give exactly this: list the one that is meant", alike.join(" and ")))
            } else if demanded.is_some() {
                demanded.clone()
            } else {
                self.list(owner, person, name, mark.flatten())
            };
            for part in new {
                let held = open.remove(&part);
                if let (Some(why), Some(held)) = (&why, held) {
                    let finding = self.finding(Code::Unmanaged, held, why.clone());
                    if demanded.as_ref() == Some(why) { &mut self.is.demands } else { &mut self.is.findings }
                        .push(finding);
                }
            }
        }
        for (part, held) in open {
            let none = "no role gives this any more: its role definition is `retired` in the catalogue".to_owned();
            self.left(Code::Unmanaged, held, partly.remove(&part).unwrap_or(none));
        }
    }

    /// Lists a person with a role that stands in full; or says why that cannot be.
    fn list(&mut self, owner: OwnerCode, person: &Person, role: &RoleName, marked: Option<&str>) -> Option<String> {
        let entry = self.entries.get(&(owner, person.id));
        if let Some(until) = entry.and_then(|(_, roles)| roles.get(role).copied()) {
            let until = until.map(|day| format!(" until {day}")).unwrap_or_default();
            return Some(format!(
                "the file lists it{until}, and it stands by someone else's assignment: remove that by hand, or state \
                 another last day with `tilgang grant`"
            ));
        }
        if entry.is_none() && self.unclear.contains(&(owner, &person.name)) {
            return Some(
                "the file lists this name, and not for certain this person: correct the entry, and run again"
                    .to_owned(),
            );
        }
        let Terms { reason, ticket, until, .. } = self.terms;
        let demands = |one: Required| self.demands(role, one);
        self.is.grants.push(Adopted {
            owner,
            user: entry.map_or(&person.name, |(name, _)| *name).clone(),
            id: person.id,
            role: role.clone(),
            until: until.filter(|_| demands(Required::Until)),
            reason: reason.filter(|_| demands(Required::Reason)).map(Arc::from),
            ticket: marked.or(ticket.filter(|_| demands(Required::Ticket))).map(Arc::from),
        });
        None
    }

    fn demands(&self, role: &RoleName, one: Required) -> bool {
        self.desired.policy.require.get(role).is_some_and(|all| all.contains(&one))
    }

    /// What policy demands with a role, and nobody stated.
    fn demanded(&self, role: &RoleName) -> Option<String> {
        let Terms { reason, ticket, until, .. } = self.terms;
        for (one, stated, flag) in [
            (Required::Reason, reason.is_some(), "a reason (`policy.require`): state it with `--reason TEXT`"),
            (Required::Ticket, ticket.is_some(), "a ticket (`policy.require`): state it with `--ticket TICKET`"),
            (Required::Until, until.is_some(), "a last day (`policy.require`): state it with `--until YYYY-MM-DD`"),
        ] {
            if self.demands(role, one) && !stated {
                return Some(format!("`{role}` demands {flag}, for all who are adopted"));
            }
        }
        None
    }

    /// Ours, and a file that was read does not list it: it was taken out of git, and goes.
    fn is_given_up(&self, owner: OwnerCode, standing: &Standing) -> bool {
        standing.hand == Hand::Ours && self.desired.file_of(owner) != OwnerFile::Missing
    }

    /// Why what stands can be said by no role, whatever it gives.
    fn obstacle(&self, owner: OwnerCode, standing: &Standing) -> Option<(Code, String)> {
        let Standing { assignment, pim, .. } = standing;
        let left = |why: &str| Some((Code::Unmanaged, why.to_owned()));
        let gone = |gone: Gone| Some((Code::Orphaned, format!("held by a person {gone}: remove it by hand")));
        match assignment.principal_type {
            PrincipalType::User => {}
            PrincipalType::Group => return left("held by a group: list its people in git, then remove it by hand"),
            PrincipalType::ServicePrincipal => {
                return left("held by an application: roles are for people, so it stays");
            }
            PrincipalType::ForeignGroup | PrincipalType::Other => return left("not one of this tenant: it stays"),
        }
        let person = match self.observed.people.by_id.get(&assignment.triple.principal) {
            Some(ById::Person(person)) => person,
            Some(ById::NotAPerson(_)) => return left("held by what is not a person: it stays"),
            Some(ById::Deleted { on, .. }) => return gone(Gone::Deleted(*on)),
            Some(ById::Gone) => return gone(Gone::ForGood),
            Some(ById::NoUser | ById::Unanswered(_)) | None => {
                return Some((Code::Unanswered, "who holds it could not be looked up: run again".to_owned()));
            }
        };
        match pim {
            Pim::Activated => return left("activated in PIM: it ends by itself"),
            Pim::Timed => return left("given for a time by PIM: it ends by itself; list the person if it shall stay"),
            Pim::Unanswered | Pim::NotAsked => {
                return Some((Code::MayEnd, "whether PIM ends it could not be asked: run again".to_owned()));
            }
            Pim::No => {}
        }
        if assignment.condition.is_some() {
            return left("held under a condition, which git cannot say: take the condition off, or this away, by hand");
        }
        if let Some(mark) = other_instance(standing) {
            let why = format!("made by another instance of tilgang (`{mark}`): let that one give it up first");
            return Some((Code::OtherInstance, why));
        }
        if !(self.terms.may_list)(person.name.as_str()) {
            let guest = if person.guest { "a guest; " } else { "" };
            return left(&format!(
                "{guest}no owner's file may list a name outside `users.domains`: add the domain, or remove it by hand"
            ));
        }
        match self.desired.file_of(owner) {
            OwnerFile::Read(_) | OwnerFile::Missing => {}
            OwnerFile::Removed(_) => return left("the owner's file says `removed: true`: remove it by hand"),
            OwnerFile::Broken(_) => return left("the owner's file has errors: correct them, and run again"),
        }
        let holder = Holder::of(standing, &self.observed.people);
        let doubt = self.wanted.doubt(owner, &holder, &self.observed.people, |_| true)?;
        left(&format!(
            "this could be `{}`, whom the file lists and who could not be resolved: correct the entry, and run again",
            doubt.name
        ))
    }

    fn needs(&mut self, owner: OwnerCode, name: &'a RoleName, role: &Role) -> &Needs<'a> {
        let (observed, wanted) = (self.observed, &self.wanted);
        self.needs.entry((owner, name)).or_insert_with(|| {
            let mut needs = BTreeSet::new();
            for gives in &role.gives {
                let (environment, kind) = (role.environment.clone(), gives.kind.clone());
                let first = TargetKey { owner, environment, kind, name: String::new() };
                let mut here = observed.targets.range(&first..).take_while(|(key, _)| {
                    key.owner == owner && key.environment == first.environment && key.kind == first.kind
                });
                let mut any = false;
                here.try_for_each(|(_, sighting)| {
                    any = true;
                    let target = match sighting {
                        Sighting::Found(target) if wanted.shared.contains(&target.scope) => {
                            return Err(format!("`{}` is the target of several", target.scope.last_segment()));
                        }
                        Sighting::Found(target) => target,
                        Sighting::Missing(words) => return Err(words.clone()),
                        Sighting::Several(_) => return Err("several resources have the target's name".to_owned()),
                        Sighting::Unseen(trouble) => return Err(trouble.to_string()),
                    };
                    match observed.subscriptions.get(&target.subscription).map(|it| &it.reading) {
                        Some(Reading::Seen(_)) => {
                            needs.insert((&target.scope, gives.definition.id));
                            Ok(())
                        }
                        Some(Reading::Unseen(trouble)) => Err(trouble.to_string()),
                        None => Err("its subscription was not read".to_owned()),
                    }
                })?;
                if !any {
                    return Err(format!("there is no target of kind `{}`", gives.kind));
                }
            }
            Ok(needs)
        })
    }

    /// Whether a role would give this, as far as its kind of target tells.
    fn is_of(&self, role: &Role, (scope, definition): Part<'a>) -> bool {
        let kind = self.wanted.targets.get(scope).map(|place| &place.key.kind);
        role.gives.iter().any(|gives| Some(&gives.kind) == kind && gives.definition.id == definition)
    }

    fn part_in_words(&self, (scope, definition): Part<'a>) -> String {
        let name = self.observed.name_of(definition, &self.desired.catalog).unwrap_or("another role definition");
        format!("{name} on `{}`", scope.last_segment())
    }

    fn left(&mut self, code: Code, held: &Held<'a>, why: String) {
        let finding = self.finding(code, held, why);
        self.is.findings.push(finding);
    }

    fn finding(&self, code: Code, held: &Held<'a>, why: String) -> Finding {
        let Held { standing, place, .. } = held;
        let definition = standing.assignment.triple.definition;
        let mut roles = self.desired.catalog.roles.iter().filter(|(_, role)| role.environment == place.key.environment);
        let part = held.part();
        let role = roles.find(|(_, role)| self.is_of(role, part)).map(|(name, _)| name.clone());
        let name = self.observed.name_of(definition, &self.desired.catalog).filter(|_| role.is_none());
        let message = name.map(|name| format!("`{name}`: {why}")).unwrap_or(why);
        Finding {
            owner: Some(place.key.owner),
            environment: Some(place.key.environment.clone()),
            role,
            who: Some(Who::of(standing, &self.observed.people)),
            scope: Some(place.target.scope.clone()),
            assignment: Some(standing.assignment.resource_id()),
            ..Finding::new(code, message, Vec::new())
        }
    }

    /// Where nothing could be looked at because no target was found.
    fn targets(&mut self, chosen: impl Fn(OwnerCode) -> bool) {
        let targets = self.observed.targets.iter().filter(|(key, _)| chosen(key.owner));
        let found = targets.clone().filter(|(_, sighting)| !matches!(sighting, Sighting::Missing(_)));
        let found: BTreeSet<OwnerCode> = found.map(|(key, _)| key.owner).collect();
        for (key, sighting) in targets {
            let has_file = self.desired.file_of(key.owner) != OwnerFile::Missing;
            if !has_file && !found.contains(&key.owner) {
                self.is.empty.insert(key.owner);
                continue;
            }
            let environment = self.desired.catalog.environments.get(&key.environment);
            let subscription = environment.map(|it| it.subscription.fill(key.owner, &it.azure_name));
            let is_absent = subscription.is_some_and(|name| self.observed.absent.contains(&(key.owner, name)));
            let words = match sighting {
                Sighting::Missing(words) if !is_absent => words.clone(),
                Sighting::Several(_) => format!("several resources are called `{}`", key.name),
                Sighting::Missing(_) | Sighting::Found(_) | Sighting::Unseen(_) => continue,
            };
            let message = format!(
                "nothing was looked at there: {words}; if another one is meant, name it under `owners.{}.resources` in \
                 `tilgang.yaml`, and run again",
                key.owner
            );
            self.is.findings.push(Finding {
                owner: Some(key.owner),
                environment: Some(key.environment.clone()),
                ..Finding::new(Code::NotSeen, message, Vec::new())
            });
        }
    }
}

/// What our mark on it says beside its owner, where it is ours and its owner's file is missing.
fn said<'a>(held: &Held<'a>) -> Option<Words<'a>> {
    let Held { standing, place, .. } = held;
    let text = standing.assignment.description.as_deref().filter(|_| standing.hand == Hand::Ours)?;
    let mut words = text.split_whitespace().skip(1);
    let (owner, role, ticket) = (words.next()?, words.next()?, words.next());
    (owner == place.key.owner.as_str()).then_some(Words { role, ticket })
}

/// Whether it gives less than it seems to: under a condition, or for a time.
fn is_narrow(standing: &Standing) -> bool {
    standing.hand == Hand::Foreign
        && (standing.assignment.condition.is_some() || matches!(standing.pim, Pim::Activated | Pim::Timed))
}
