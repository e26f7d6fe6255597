//! What stands → what git would have to say so that a plan changes nothing, and what no role can say. Pure.
//!
//! Nothing is guessed: a person is listed with a role only where everything that the role gives stands already, for certain
//! and for good. Whatever else stands at a managed target becomes a finding
//! (`left_out`).

mod left_out;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::model::{
    assignment::{Hand, Pim, Standing},
    catalog::Role,
    desired::{Desired, OwnerFile},
    ids::{PrincipalId, RoleDefinitionId, ScopeId, UserName},
    observed::{Observed, Reading, Sighting, TargetKey},
    owner::{EnvironmentName, OwnerCode, RoleName},
    people::{ById, Person},
    policy::Required,
};

use super::{
    exceptions,
    finding::{Code, Finding},
    keeps::Unlisted,
    mark::{key, standings},
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

/// Somebody who was removed from git and still has the access.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TakenOut {
    /// At whom.
    pub owner: OwnerCode,
    /// Who, as Entra names them.
    pub user: UserName,
    /// The role that git listed.
    pub role: RoleName,
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
    /// Whom git listed before and lists no longer, and who holds it by what others gave: left out.
    pub taken_out: BTreeSet<TakenOut>,
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
        unlisted: Unlisted::of(desired, observed, today),
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
    unlisted: Unlisted<'a>,
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
        let person = match self.observed.people.by_id.get(&principal) {
            Some(ById::Person(person)) => Some(person),
            _ => None,
        };
        let mut open: BTreeMap<Part<'a>, &Held<'a>> = BTreeMap::new();
        let mut parts: BTreeSet<Part<'a>> = BTreeSet::new();
        for held in held {
            if held.explained {
                parts.extend((!is_narrow(held.standing)).then(|| held.part()));
            } else if self.is_given_up(owner, held.standing) {
                self.is.unlisted += 1;
            } else if let Some((code, why)) = self.obstacle(owner, held.standing) {
                self.left(code, held, why);
            } else if person.is_some_and(|person| self.is_taken_out(owner, held, person)) {
                // left out, and said
            } else {
                parts.insert(held.part());
                open.insert(held.part(), held);
            }
        }
        let Some(person) = person else { return };
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

    /// Whether the file lists a person with a role, if only until a day that has passed.
    fn is_in_file(&self, owner: OwnerCode, person: &Person, role: &RoleName) -> bool {
        self.entries.get(&(owner, person.id)).is_some_and(|(_, roles)| roles.contains_key(role))
    }

    /// Lists a person with a role that stands in full; or says why that cannot be.
    fn list(&mut self, owner: OwnerCode, person: &Person, role: &RoleName, marked: Option<&str>) -> Option<String> {
        let entry = self.entries.get(&(owner, person.id));
        if let Some(until) = entry.and_then(|(_, roles)| roles.get(role).copied()) {
            let until = until.map(|day| format!(" until {day}")).unwrap_or_default();
            return Some(format!(
                "the file lists it{until}, and an assignment created outside tilgang gives it: remove that in the portal, or state \
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
