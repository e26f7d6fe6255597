//! A look at Azure, compared with git → every difference in its class, and what was looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    difference::{Difference, Key},
    life::{By, Doer, Since},
    run::Part,
};
use crate::{
    model::{
        assignment::RoleAssignment,
        desired::{Desired, Origin, OwnerFile, Place},
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
        observed::{Impediment, Observed, Reading, Sighting},
        owner::{EnvironmentName, OwnerCode},
        people::{ById, ByName},
    },
    plan::{
        Plan,
        blocked::Blocked,
        change::{Action, Because, Change, Gone, Who},
        drift::Class,
        expiring::Expiring,
        finding::{Code, Finding},
    },
};

/// What one look showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Every difference, by key.
    pub differences: Vec<Sighted>,
    /// What was looked at.
    pub coverage: Coverage,
}

/// A difference, and what its assignment says of its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// The difference.
    pub difference: Arc<Difference>,
    /// Since when it is so, where something says it.
    pub since: Option<Since>,
    /// Who did it, where something says it.
    pub by: By,
}

/// What was looked at: of the rest nothing new is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The owners; none: nothing was looked at.
    pub part: Option<Part>,
    /// Subscriptions whose list was read.
    pub subscriptions: BTreeSet<SubscriptionId>,
    /// Owners of whom something could not be read or decided.
    pub unsure: BTreeSet<OwnerCode>,
    /// People about whom Entra gave no answer.
    pub unanswered: BTreeSet<PrincipalId>,
    /// Whether anything at all could not be read.
    pub gaps: bool,
}

impl Coverage {
    /// Whether it would have been seen, were it still there.
    #[must_use]
    pub fn holds(&self, key: &Key) -> bool {
        let Some(part) = &self.part else { return false };
        let owner = match key.owner {
            Some(owner) => part.holds(owner) && !self.unsure.contains(&owner),
            None => *part == Part::Everything && !self.gaps,
        };
        let person = key.person.is_none_or(|person| !self.unanswered.contains(&person));
        let scope = match key.scope.as_ref().map(ScopeId::subscription) {
            Some(Some(id)) => self.subscriptions.contains(&id),
            Some(None) => !self.gaps,
            None => true,
        };
        owner && person && scope
    }

    /// Whether all owners were looked at, and everything could be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.part == Some(Part::Everything) && !self.gaps && self.unsure.is_empty() && self.unanswered.is_empty()
    }
}

/// What a look shows. `part`: which owners it was for; `places`: where an origin stands in its file.
#[must_use]
pub fn sight(
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
    part: &Part,
    places: &dyn Fn(&Origin) -> Place,
) -> Sight {
    let history = History::of(observed, plan);
    let seen = Seen { observed, history, places };
    let changes = plan.changes.iter().map(|change| seen.change(change));
    let findings = plan.findings.iter().filter(|it| it.code != Code::NoEffect || it.scope.is_none());
    let findings = findings.filter_map(|finding| seen.finding(finding));
    let blocked = plan.blocked.iter().filter_map(|blocked| seen.blocked(blocked));
    let expiring = plan.expiring.iter().map(|expiring| seen.expiring(expiring));
    let places_of = Environments { desired, observed };
    let mut differences: BTreeMap<Key, Sighted> = BTreeMap::new();
    for sighted in changes.chain(findings).chain(blocked).chain(expiring).chain(seen.no_effect(plan)) {
        let sighted = places_of.fill(sighted);
        differences.entry(sighted.difference.key.clone()).or_insert(sighted);
    }
    Sight { differences: differences.into_values().collect(), coverage: coverage(desired, observed, plan, part) }
}

/// The next last day of a grant at these owners, today's included, and at whom.
#[must_use]
pub fn next_expiry(desired: &Desired, today: Date) -> Option<(Date, OwnerCode)> {
    let ends = desired.grants.iter().filter_map(|grant| Some((grant.until?, grant.owner)));
    ends.filter(|(until, _)| *until >= today).min()
}

fn coverage(desired: &Desired, observed: &Observed, plan: &Plan, part: &Part) -> Coverage {
    let read = |(id, of): (&SubscriptionId, &crate::model::observed::Subscription)| {
        matches!(of.reading, Reading::Seen(_)).then_some(*id)
    };
    let broken = desired.owners.iter().filter(|(_, owner)| matches!(owner.file, OwnerFile::Broken(_)));
    let mut unsure: BTreeSet<OwnerCode> = broken.map(|(code, _)| *code).collect();
    unsure.extend(plan.blocked.iter().filter(|blocked| blocked.block.is_unknown()).filter_map(|it| it.owner));
    unsure.extend(plan.unread.iter().filter_map(|unread| unread.owner));
    let by_name = &observed.people.by_name;
    let nameless: BTreeSet<_> =
        by_name.iter().filter(|(_, it)| matches!(it, ByName::Unanswered(_))).map(|(name, _)| name).collect();
    if !nameless.is_empty() {
        let of = desired.grants.iter().filter(|grant| nameless.contains(&grant.user.name));
        unsure.extend(of.map(|grant| grant.owner));
    }
    let by_id = observed.people.by_id.iter();
    let unanswered = by_id.filter(|(_, it)| matches!(it, ById::Unanswered(_))).map(|(id, _)| *id).collect();
    Coverage {
        part: observed.inventory.is_ok().then(|| part.clone()),
        subscriptions: observed.subscriptions.iter().filter_map(read).collect(),
        unsure,
        unanswered,
        gaps: !plan.is_complete(),
    }
}

/// What lists say of the assignments that differ, by resource id in lower case.
struct History<'a>(BTreeMap<String, &'a RoleAssignment>);

impl<'a> History<'a> {
    fn of(observed: &'a Observed, plan: &Plan) -> Self {
        let standing = plan.changes.iter().filter(|change| change.action != Action::Grant).map(Change::assignment);
        let found = plan.findings.iter().filter_map(|finding| finding.assignment.clone());
        let wanted: BTreeSet<String> = standing.chain(found).map(|id| id.to_ascii_lowercase()).collect();
        let mut history = BTreeMap::new();
        if wanted.is_empty() {
            return Self(history);
        }
        for subscription in observed.subscriptions.values() {
            let Reading::Seen(scopes) = &subscription.reading else { continue };
            for standing in scopes.values().flatten() {
                let id = standing.assignment.resource_id().to_ascii_lowercase();
                if wanted.contains(&id) {
                    history.insert(id, &standing.assignment);
                }
            }
        }
        Self(history)
    }

    fn get(&self, id: Option<&str>) -> Option<&'a RoleAssignment> {
        self.0.get(&id?.to_ascii_lowercase()).copied()
    }
}

/// In which environment a difference is, where what it was made of does not say.
struct Environments<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
}

impl Environments<'_> {
    fn fill(&self, mut sighted: Sighted) -> Sighted {
        if sighted.difference.environment.is_none() {
            let environment = self.of(&sighted.difference);
            Arc::make_mut(&mut sighted.difference).environment = environment;
        }
        sighted
    }

    /// That of its role; else of the target that it is on, or within; else of its subscription, by the naming rule.
    fn of(&self, difference: &Difference) -> Option<EnvironmentName> {
        let role = difference.role.as_ref().and_then(|role| self.desired.catalog.roles.get(role));
        if let Some(role) = role {
            return Some(role.environment.clone());
        }
        let scope = difference.key.scope.as_ref()?;
        let mut targets = self.observed.targets.iter().filter(|(_, sighting)| match sighting {
            Sighting::Found(target) => target.scope.holds(scope),
            Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => false,
        });
        if let Some((key, _)) = targets.next() {
            return Some(key.environment.clone());
        }
        let subscription = self.observed.subscriptions.get(&scope.subscription()?)?;
        subscription.belongs_to.as_ref().map(|(_, environment)| environment.clone())
    }
}

struct Seen<'a> {
    observed: &'a Observed,
    history: History<'a>,
    places: &'a dyn Fn(&Origin) -> Place,
}

impl Seen<'_> {
    fn change(&self, change: &Change) -> Sighted {
        let class = Class::of(change);
        let key = Key::of(change);
        let assignment = change.assignment();
        let standing = self.history.get(Some(&assignment));
        let (since, by) = self.story(class, standing, &change.because);
        let until = match &change.because {
            Because::Listed { until, .. } => *until,
            Because::Ended { on, .. } => Some(*on),
            _ => None,
        };
        // Why git wants it is no part of the difference, and may be said anew any day.
        let because: Arc<str> = match class {
            Class::Missing => class.meaning().into(),
            _ => change.because.to_string().into(),
        };
        let difference = Difference {
            key,
            environment: change.environment.clone(),
            role: change.role.clone(),
            who: Some(change.who.to_string().into()),
            definition_name: change.definition_name.clone(),
            assignment: Some(assignment.into()),
            words: because.clone(),
            gist: because,
            remedy: class.remedy().into(),
            until,
            accepted: None,
            places: change.origins.iter().map(self.places).collect(),
        };
        Sighted { difference: Arc::new(difference), since, by }
    }

    fn finding(&self, finding: &Finding) -> Option<Sighted> {
        let class = Class::of_finding(finding.code)?;
        let standing = self.history.get(finding.assignment.as_deref());
        let key = Key {
            person: finding.who.as_ref().map(|who| who.id),
            scope: finding.scope.clone(),
            definition: standing.map(|standing| standing.triple.definition),
            // One role may have several things wrong with its definitions.
            detail: (class == Class::RoleDefinition).then(|| {
                let role = finding.role.as_ref().map_or("", |role| role.as_str());
                format!("{} {role}", finding.code.word()).into()
            }),
            ..Key::new(class, finding.owner)
        };
        let (since, by) = match standing {
            Some(standing) => self.made(standing),
            None => (None, unknown("nothing in Azure says it")),
        };
        let (since, by) = if class == Class::Orphaned { (self.left(key.person), nobody_says()) } else { (since, by) };
        let difference = Difference {
            key,
            environment: finding.environment.clone(),
            role: finding.role.clone(),
            who: finding.who.as_ref().map(|who| who.to_string().into()),
            definition_name: standing.and_then(|standing| self.definition(standing.triple.definition)),
            assignment: finding.assignment.as_deref().map(Into::into),
            words: finding.message.as_str().into(),
            gist: class.word().into(),
            remedy: class.remedy().into(),
            until: None,
            accepted: finding.accepted.as_deref().map(Into::into),
            places: finding.origins.iter().map(self.places).collect(),
        };
        Some(Sighted { difference: Arc::new(difference), since, by })
    }

    fn blocked(&self, blocked: &Blocked) -> Option<Sighted> {
        let Blocked { action, owner, environment, role, who, scope, block, origins } = blocked;
        let class = Class::of_block(block)?;
        let role_word = role.as_ref().map_or("", |role| role.as_str());
        let detail = format!("{} {who} {role_word}", action.word());
        let key = Key { scope: scope.clone(), detail: Some(detail.into()), ..Key::new(class, *owner) };
        let difference = Difference {
            key,
            environment: environment.clone(),
            role: role.clone(),
            who: Some(who.as_str().into()),
            definition_name: None,
            assignment: None,
            words: block.to_string().into(),
            gist: block.code().into(),
            remedy: block.help().as_deref().unwrap_or(class.remedy()).into(),
            until: None,
            accepted: None,
            places: origins.iter().map(self.places).collect(),
        };
        Some(Sighted { difference: Arc::new(difference), since: None, by: unknown("nothing in Azure says it") })
    }

    fn expiring(&self, expiring: &Expiring) -> Sighted {
        let Expiring { owner, environment, role, user, person, until, left: _, origin } = expiring;
        let key = Key {
            person: *person,
            detail: Some(format!("{user} {role}").into()),
            ..Key::new(Class::ExpiringSoon, Some(*owner))
        };
        let difference = Difference {
            key,
            environment: environment.clone(),
            role: Some(role.clone()),
            who: Some(user.to_string().into()),
            definition_name: None,
            assignment: None,
            words: format!("its last day is {until}").into(),
            gist: format!("within {} days", expiring.within()).into(),
            remedy: Class::ExpiringSoon.remedy().into(),
            until: Some(*until),
            accepted: None,
            places: vec![(self.places)(origin)],
        };
        Sighted { difference: Arc::new(difference), since: None, by: By::Time }
    }

    /// One for each target, whatever the number of people it concerns.
    fn no_effect(&self, plan: &Plan) -> Vec<Sighted> {
        let mut said: BTreeMap<&ScopeId, Vec<&Finding>> = BTreeMap::new();
        for finding in plan.findings.iter().filter(|finding| finding.code == Code::NoEffect) {
            if let Some(scope) = &finding.scope {
                said.entry(scope).or_default().push(finding);
            }
        }
        let targets = self.observed.targets.values().filter_map(|sighting| match sighting {
            Sighting::Found(target) => Some((&target.scope, &target.impediments)),
            Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
        });
        let targets: BTreeMap<&ScopeId, &Vec<Impediment>> = targets.collect();
        let one = |(scope, findings): (&ScopeId, Vec<&Finding>)| {
            let first = findings.first()?;
            let key = Key { scope: Some(scope.clone()), ..Key::new(Class::NoEffect, first.owner) };
            let impediments: Vec<&str> = targets.get(scope)?.iter().map(impediment).collect();
            let words: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
            let difference = Difference {
                key,
                environment: first.environment.clone(),
                role: None,
                who: None,
                definition_name: None,
                assignment: None,
                words: words.join("; ").into(),
                gist: impediments.join(" ").into(),
                remedy: Class::NoEffect.remedy().into(),
                until: None,
                accepted: first.accepted.as_deref().map(Into::into),
                places: Vec::new(),
            };
            let by = unknown("nothing in Azure says who changed the target");
            Some(Sighted { difference: Arc::new(difference), since: None, by })
        };
        said.into_iter().filter_map(one).collect()
    }

    /// Since when, and by whom, as class and assignment tell it.
    fn story(&self, class: Class, standing: Option<&RoleAssignment>, because: &Because) -> (Option<Since>, By) {
        match (class, because, standing) {
            (Class::Expired, Because::Ended { on, .. }, _) => (day_after(*on), By::Time),
            (Class::Orphaned, Because::NotListed { gone: Some(Gone::Deleted(on)) }, _) => {
                (on.map(Since::At), nobody_says())
            }
            (Class::Orphaned, ..) => (None, nobody_says()),
            (Class::Altered | Class::DescriptionLost, _, Some(standing)) => {
                let trail = standing.trail;
                (trail.updated_on.map(Since::At), self.doer(trail.updated_by))
            }
            (Class::Unmanaged, _, Some(standing)) => self.made(standing),
            (Class::Surplus | Class::Stray, ..) => (None, By::Git),
            _ => (None, By::NotAsked),
        }
    }

    fn made(&self, standing: &RoleAssignment) -> (Option<Since>, By) {
        (standing.created_on.map(Since::At), self.doer(standing.trail.created_by))
    }

    fn doer(&self, id: Option<PrincipalId>) -> By {
        let Some(id) = id else { return unknown("Azure does not say who made it") };
        let name = match self.observed.people.by_id.get(&id) {
            Some(ById::Person(person)) => Some(Who::person(person).to_string().into()),
            Some(ById::NotAPerson(name)) => Some(name.clone()),
            Some(ById::Deleted { name, .. }) => Some(name.to_string().into()),
            Some(ById::Gone | ById::NoUser | ById::Unanswered(_)) | None => None,
        };
        By::Somebody(Doer { id: Some(id), name })
    }

    /// When a deleted person was deleted.
    fn left(&self, person: Option<PrincipalId>) -> Option<Since> {
        match self.observed.people.by_id.get(&person?) {
            Some(ById::Deleted { on, .. }) => on.map(Since::At),
            _ => None,
        }
    }

    fn definition(&self, id: RoleDefinitionId) -> Option<Arc<str>> {
        self.observed.definition_name(id).map(Into::into)
    }
}

fn impediment(of: &Impediment) -> &'static str {
    match of {
        Impediment::AccessPolicyMode => "access-policy-mode",
        Impediment::NetworkClosed => "network-closed",
        Impediment::OtherTenant(_) => "other-tenant",
        Impediment::Perimeter(_) => "network-security-perimeter",
        Impediment::QueriesClosed(_) => "queries-closed",
        Impediment::WorkspaceDemandsRights(_) => "workspace-demands-rights",
        Impediment::WorkspaceUnseen(_) => "workspace-unseen",
    }
}

fn unknown(why: &str) -> By {
    By::Unknown(why.into())
}

fn nobody_says() -> By {
    unknown("who deleted the person stands in Entra's audit log, which tilgang does not read")
}

/// The first moment after a last day, UTC.
fn day_after(last: Date) -> Option<Since> {
    let at: Timestamp = last.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Since::At(at))
}
