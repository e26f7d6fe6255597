//! Who may activate a role in Privileged Identity Management: asked where somebody wants to know who can do what, and what
//! differs; never for a plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, stream};

use crate::{
    model::{
        desired::Desired,
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
        observed::{Definitions, Observed, OtherAccess, PimService, Target},
        people::ByName,
    },
    ports::{AccessReader, AssignmentReader, Directory},
};

use super::{SIDE_BY_SIDE_MAX, definitions, kinds};

/// Up to so many targets, each is asked itself who may activate a role there: whether the list of their subscription shows it is
/// OPEN (FACTS_PIM_GROUPS §1.2). One owner has some four. Ours.
const ASKED_ALONE_MAX: usize = 16;

/// Asks by subscription; where targets are few, at each of them and at its workspace.
pub(super) async fn ask(
    observed: &mut Observed,
    subscriptions: &BTreeSet<SubscriptionId>,
    targets: &[Target],
    azure: &impl AccessReader,
) {
    let mut places: BTreeSet<ScopeId> = subscriptions.iter().map(|id| ScopeId::subscription_scope(*id)).collect();
    if targets.len() <= ASKED_ALONE_MAX {
        places.extend(targets.iter().map(|target| target.scope.clone()));
        places.extend(observed.other.workspaces.values().cloned());
    }
    let asked = places.into_iter().map(async |scope| {
        let answer = azure.eligibilities(&scope).await.map_err(Arc::new);
        (scope, answer)
    });
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE_MAX).collect().await;
    observed.other.eligible.extend(answers);
}

/// Adds to a look for a plan who may activate a role, by subscription: one list each; and where somebody may, who that is, and what
/// the role permits if that is not known yet.
pub async fn eligible(
    desired: &Desired,
    observed: &mut Observed,
    azure: &(impl Directory + AssignmentReader + AccessReader),
) {
    let asked = observed.subscriptions.keys().copied();
    let asked = asked.map(async |id| {
        let scope = ScopeId::subscription_scope(id);
        let answer = azure.eligibilities(&scope).await.map_err(Arc::new);
        (scope, answer)
    });
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE_MAX).collect().await;
    observed.other.eligible.extend(answers);
    let known = match &observed.definitions {
        Definitions::Known(known) => Some(known),
        Definitions::NotAsked | Definitions::Unanswered(_) => None,
    };
    let mut open: BTreeMap<RoleDefinitionId, SubscriptionId> = BTreeMap::new();
    for id in observed.subscriptions.keys() {
        let held = observed.other.eligible_at(*id).map(|it| it.triple.definition);
        open.extend(held.filter(|it| known.is_none_or(|known| !known.contains_key(it))).map(|it| (it, *id)));
    }
    let led_to = observed.people.by_name.values().filter_map(|answer| match answer {
        ByName::Person(person) => Some(person.id),
        ByName::Nobody(_) | ByName::Unanswered(_) => None,
    });
    let mut met: BTreeSet<PrincipalId> = led_to.collect();
    met.extend(observed.people.by_id.keys());
    let people: BTreeSet<PrincipalId> =
        observed.other.eligibilities().map(|it| it.triple.principal).filter(|id| !met.contains(id)).collect();
    let given: BTreeSet<RoleDefinitionId> = desired.catalog.managed().iter().map(|(_, id)| *id).collect();
    let mut answers = observed.other.eligible.values().filter_map(|answer| answer.as_ref().err());
    if answers.any(|trouble| OtherAccess::is_unlicensed(trouble)) {
        observed.other.pim = PimService::Unlicensed;
    }
    let names = async { if people.is_empty() { BTreeMap::new() } else { azure.by_id(&people).await } };
    let (names, more) = futures::join!(names, definitions::permitted(&open, &given, azure));
    observed.people.by_id.extend(names);
    kinds::settle(observed);
    match (&mut observed.definitions, more) {
        (Definitions::Known(known), Definitions::Known(more)) => known.extend(more),
        (_, Definitions::NotAsked) => {}
        // What was not asked before is known now, or it is said why not.
        (definitions, more) => *definitions = more,
    }
}
