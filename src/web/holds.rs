//! Who holds what at which target, by which assignment: at the target itself, within it, or from above. As the last look saw it.

use std::collections::BTreeMap;

use crate::model::{
    assignment::{PrincipalType, Standing},
    ids::{PrincipalId, ScopeId, SubscriptionId, UserName},
    observed::{Definitions, Observed, Reading, Sighting, Target, TargetKey},
    people::{ById, ByName, Person},
};

use super::Seen;

/// One assignment that reaches one target.
pub(super) struct Hold<'a> {
    pub target: &'a TargetKey,
    pub standing: &'a Standing,
    pub from: Level<'a>,
    /// The role definition's name, where it is known.
    pub definition: Option<&'a str>,
}

/// Where an assignment stands, seen from a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level<'a> {
    Within(&'a ScopeId),
    Target,
    ResourceGroup(&'a str),
    Subscription(&'a str),
    /// A management group, or the root of the tenant.
    Above(&'a ScopeId),
}

impl Level<'_> {
    pub(super) fn is_inherited(self) -> bool {
        !matches!(self, Self::Target | Self::Within(_))
    }
}

/// Every assignment that reaches a target: of the principals that are wanted. By target, then from the target up.
pub(super) fn holds<'a>(seen: &Seen<'a>, wanted: &dyn Fn(&Standing) -> bool) -> Vec<Hold<'a>> {
    let observed: &'a Observed = seen.observed;
    let mut targets: BTreeMap<SubscriptionId, Vec<(&TargetKey, &Target)>> = BTreeMap::new();
    for (key, sighting) in &observed.targets {
        if let Sighting::Found(target) = sighting {
            targets.entry(target.subscription).or_default().push((key, target));
        }
    }
    let mut all = Vec::new();
    for (id, here) in targets {
        let Some(subscription) = observed.subscriptions.get(&id) else { continue };
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        for (scope, standings) in scopes {
            for standing in standings.iter().filter(|standing| wanted(standing)) {
                for (key, target) in &here {
                    let Some(from) = level(scope, &target.scope, &subscription.name) else { continue };
                    let definition = definition(seen, standing);
                    all.push(Hold { target: key, standing, from, definition });
                }
            }
        }
    }
    all.sort_by(|a, b| (a.target, a.from, &a.standing.assignment.name).cmp(&(b.target, b.from, &b.standing.assignment.name)));
    all
}

fn level<'a>(scope: &'a ScopeId, target: &ScopeId, subscription: &'a str) -> Option<Level<'a>> {
    if scope == target {
        return Some(Level::Target);
    }
    if target.holds(scope) {
        return Some(Level::Within(scope));
    }
    if !scope.holds(target) && scope.subscription().is_some() {
        return None;
    }
    // What a subscription's list shows from above it reaches everything in it.
    Some(match (scope.subscription(), scope.as_str().split('/').filter(|part| !part.is_empty()).count()) {
        (Some(_), 2) => Level::Subscription(subscription),
        (Some(_), _) => Level::ResourceGroup(scope.last_segment()),
        (None, _) => Level::Above(scope),
    })
}

fn definition<'a>(seen: &Seen<'a>, standing: &Standing) -> Option<&'a str> {
    let id = standing.assignment.triple.definition;
    let of_git = seen.desired.catalog.definition_name(id);
    of_git.or_else(|| match &seen.observed.definitions {
        Definitions::Known(known) => known.get(&id).map(|it| it.name.as_str()),
        Definitions::NotAsked | Definitions::Unanswered(_) => None,
    })
}

/// Everybody whom Entra told us of, by object id.
pub(super) fn known<'a>(seen: &Seen<'a>) -> BTreeMap<PrincipalId, &'a Person> {
    let people = &seen.observed.people;
    let by_name = people.by_name.values().filter_map(|answer| match answer {
        ByName::Person(person) => Some(person),
        ByName::Nobody(_) | ByName::Unanswered(_) => None,
    });
    let by_id = people.by_id.values().filter_map(|answer| match answer {
        ById::Person(person) => Some(person),
        _ => None,
    });
    by_name.chain(by_id).map(|person| (person.id, person)).collect()
}

/// Whether an assignment gives something to a person or a group of people.
pub(super) fn is_people(standing: &Standing) -> bool {
    matches!(standing.assignment.principal_type, PrincipalType::User | PrincipalType::Group)
}

/// What somebody without a sign-in name is called: a group, an application, a person who left.
pub(super) fn other_name(seen: &Seen<'_>, id: PrincipalId) -> Option<String> {
    match seen.observed.people.by_id.get(&id)? {
        ById::Person(person) => Some(person.name.as_str().to_owned()),
        ById::NotAPerson(name) => Some(name.to_string()),
        ById::Deleted { name, .. } => Some(UserName::as_str(name).to_owned()),
        ById::Gone | ById::Unanswered(_) => None,
    }
}
