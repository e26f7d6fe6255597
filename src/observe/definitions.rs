//! What others' role definitions permit: asked once, where a person or group holds one at or above a target that git does
//! not give there. Then whatever opens nothing that git gives, and nothing that people ask for, is forgotten.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, stream};

use crate::{
    model::{
        ability::Ability,
        assignment::{Hand, Standing},
        desired::Desired,
        ids::{RoleDefinitionId, ScopeId, SubscriptionId},
        log_query,
        observed::{DefinitionLookup, Definitions, Observed, Reading, Sighting, Subscription, TargetKey},
        owner::KindName,
        permissions::Definition,
        trouble::{Trouble, TroubleKind},
    },
    ports::AssignmentReader,
};

use super::SIDE_BY_SIDE_MAX;

/// Each role definition that the workspace names: one request each, side by side. Nothing is asked where no target was found:
/// nothing hangs on it then.
pub(super) async fn named(
    desired: &Desired,
    targets: &BTreeMap<TargetKey, Sighting>,
    azure: &impl AssignmentReader,
) -> BTreeMap<RoleDefinitionId, DefinitionLookup> {
    let found = targets.values().filter_map(|sighting| match sighting {
        Sighting::Found(target) => Some(target.subscription),
        Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
    });
    let subscriptions: Vec<SubscriptionId> = found.collect::<BTreeSet<_>>().into_iter().take(TRIES_MAX).collect();
    if subscriptions.is_empty() {
        return BTreeMap::new();
    }
    let ids: BTreeSet<RoleDefinitionId> = desired.catalog.managed().into_iter().map(|(_, id)| id).collect();
    let reads = ids.into_iter().map(async |id| (id, one(id, &subscriptions, azure).await));
    stream::iter(reads).buffer_unordered(SIDE_BY_SIDE_MAX).collect().await
}

/// Subscriptions in which one role definition is looked for, if the one before does not answer. Ours: one owner's trouble is no
/// other's, and a tenant that answers nowhere is not asked for ever.
const TRIES_MAX: usize = 3;

/// One role definition, from the first subscription that answers.
async fn one(id: RoleDefinitionId, at: &[SubscriptionId], azure: &impl AssignmentReader) -> DefinitionLookup {
    let mut last = None;
    for at in at {
        match azure.role_definition(id, *at).await {
            Ok(Some(definition)) => return DefinitionLookup::Found(definition),
            Ok(None) => return DefinitionLookup::Missing,
            Err(trouble) => last = Some(trouble),
        }
    }
    let nowhere =
        || Trouble::new(TroubleKind::NotFound, format!("read role definition {id}"), "no subscription to ask in");
    DefinitionLookup::Unanswered(Arc::new(last.unwrap_or_else(nowhere)))
}

/// Lists of definitions asked for in one run. Nearly all are Microsoft's own, and the same in each; a tenant's own are
/// listed only where they can be assigned. Ours.
const LISTS_MAX: usize = 4;

/// Asks, and writes the answer into `observed`.
pub(super) async fn ask(desired: &Desired, observed: &mut Observed, azure: &impl AssignmentReader) {
    let managed = desired.catalog.managed();
    let given: BTreeSet<RoleDefinitionId> = managed.iter().map(|(_, id)| *id).collect();
    let mut open = open(&given, observed);
    if !open.is_empty() {
        observed.definitions = read(&mut open, &given, azure).await;
    }
    let kinds: BTreeMap<ScopeId, KindName> = observed
        .targets
        .iter()
        .filter_map(|(key, sighting)| match sighting {
            Sighting::Found(target) => Some((target.scope.clone(), key.kind.clone())),
            Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
        })
        .collect();
    let opening = opening(desired, &observed.definitions);
    let asked = asked_for(desired);
    let known = match &observed.definitions {
        Definitions::Known(known) => Some(known),
        Definitions::NotAsked | Definitions::Unanswered(_) => None,
    };
    // What a definition permits that was not read is not known: it is kept, or the ledger would take it for gone.
    let opens_something = |id: &RoleDefinitionId| {
        let definition = known.and_then(|known| known.get(id));
        definition.is_none_or(|it| asked.iter().any(|ability| ability.given_by(it).is_some()))
    };
    for subscription in observed.subscriptions.values_mut() {
        let Reading::Seen(scopes) = &mut subscription.reading else { continue };
        scopes.retain(|scope, standings| {
            let here = kinds.get(scope);
            standings.retain(|Standing { assignment, hand, .. }| {
                let definition = assignment.triple.definition;
                *hand == Hand::Ours
                    || opening.contains(&definition)
                    || here.is_some_and(|kind| managed.contains(&(kind, definition)))
                    || opens_something(&definition)
            });
            !standings.is_empty()
        });
    }
}

/// What people ask for at the kinds of targets that there are.
fn asked_for(desired: &Desired) -> BTreeSet<&'static Ability> {
    let types: BTreeSet<&str> = desired.catalog.kinds.values().map(|kind| kind.arm_type.as_str()).collect();
    types.into_iter().flat_map(Ability::at).collect()
}

/// Definitions that git gives nowhere and people hold where they may reach a target, each with a subscription to ask in.
fn open(given: &BTreeSet<RoleDefinitionId>, observed: &Observed) -> BTreeMap<RoleDefinitionId, SubscriptionId> {
    let mut open = BTreeMap::new();
    for (id, Subscription { reading, .. }) in &observed.subscriptions {
        let Reading::Seen(scopes) = reading else { continue };
        for Standing { assignment, hand, .. } in scopes.values().flatten() {
            let definition = assignment.triple.definition;
            // What is ours and no role gives any more has a name, too.
            let matters = *hand == Hand::Ours || assignment.principal_type.is_people();
            if matters && !given.contains(&definition) {
                open.entry(definition).or_insert(*id);
            }
        }
    }
    open
}

/// What everybody's role definitions permit who reaches a target. What opens nothing that git gives, and nothing that people
/// ask for, is forgotten; one that is not among those listed is kept: what it opens is not known.
pub(super) async fn ask_all(desired: &Desired, observed: &mut Observed, azure: &impl AssignmentReader) {
    let given: BTreeSet<RoleDefinitionId> = desired.catalog.managed().iter().map(|(_, id)| *id).collect();
    let mut held = BTreeMap::new();
    for (id, Subscription { reading, .. }) in observed.subscriptions.iter().chain(&observed.other.of_workspaces) {
        if let Reading::Seen(scopes) = reading {
            for Standing { assignment, .. } in scopes.values().flatten() {
                held.entry(assignment.triple.definition).or_insert(*id);
            }
        }
        for eligible in observed.other.eligible_at(*id) {
            held.entry(eligible.triple.definition).or_insert(*id);
        }
    }
    if held.is_empty() {
        return;
    }
    observed.definitions = read(&mut held, &given, azure).await;
    let Definitions::Known(known) = &observed.definitions else { return };
    let asked = asked_for(desired);
    let opening = opening(desired, &observed.definitions);
    let of_workspaces = &mut observed.other.of_workspaces;
    for subscription in observed.subscriptions.values_mut().chain(of_workspaces.values_mut()) {
        let Reading::Seen(scopes) = &mut subscription.reading else { continue };
        scopes.retain(|_, standings| {
            standings.retain(|Standing { assignment, hand, .. }| {
                let id = assignment.triple.definition;
                let opens = |definition: &Definition| {
                    asked.iter().any(|ability| ability.given_by(definition).is_some())
                        || log_query::opens_something(definition)
                };
                *hand == Hand::Ours || opening.contains(&id) || known.get(&id).is_none_or(opens)
            });
            !standings.is_empty()
        });
    }
}

/// What these role definitions permit today, each with a subscription to ask in.
pub async fn permitted(
    held: &BTreeMap<RoleDefinitionId, SubscriptionId>,
    given: &BTreeSet<RoleDefinitionId>,
    azure: &impl AssignmentReader,
) -> Definitions {
    if held.is_empty() { Definitions::NotAsked } else { read(&mut held.clone(), given, azure).await }
}

async fn read(
    open: &mut BTreeMap<RoleDefinitionId, SubscriptionId>,
    given: &BTreeSet<RoleDefinitionId>,
    azure: &impl AssignmentReader,
) -> Definitions {
    let mut known = BTreeMap::new();
    let mut matter: BTreeSet<RoleDefinitionId> = open.keys().copied().collect();
    matter.extend(given);
    for _ in 0..LISTS_MAX {
        let Some((definition, at)) = open.pop_first() else { break };
        match azure.definitions(at).await {
            Ok(mut listed) => {
                listed.retain(|id, _| matter.contains(id));
                known.extend(listed);
            }
            Err(trouble) => return Definitions::Unanswered(Arc::new(trouble)),
        }
        open.retain(|id, _| !known.contains_key(id) && *id != definition);
    }
    Definitions::Known(known)
}

/// The definitions that open what git gives somewhere, those that git gives included.
fn opening(desired: &Desired, definitions: &Definitions) -> BTreeSet<RoleDefinitionId> {
    let mut opening: BTreeSet<RoleDefinitionId> = desired.catalog.managed().iter().map(|(_, id)| *id).collect();
    let Definitions::Known(known) = definitions else { return opening };
    let opens = desired.catalog.managed().into_iter().filter_map(|(kind, id)| {
        let (kind, given) = (desired.catalog.kinds.get(kind)?, known.get(&id)?);
        Some(known.iter().filter(|(_, other)| other.opens_as(given, &kind.arm_type)).map(|(id, _)| *id))
    });
    opening.extend(opens.flatten());
    opening
}
