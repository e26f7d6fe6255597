//! The look that answers who can do what: everything that reaches a target is kept, whoever holds it and whoever made it, what
//! gives access beside role assignments is read, and groups that hold something are opened.
//!
//! What it costs beyond a plan does not grow with people or assignments: one `$batch` of members for twenty groups, one
//! question for 300 people, one list of PIM instances for each subscription in which others gave something; one list of
//! eligibilities and one of deny assignments for each subscription; where targets are few, one list of eligibilities for each of
//! them; one look at each vault that is not in RBAC mode; one list of role assignments for each subscription that holds only a
//! workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    model::{
        assignment::PrincipalType,
        desired::Desired,
        ids::{PrincipalId, SubscriptionId},
        observed::{Impediment, Observed, Reading, Sighting, Target},
        owner::OwnerCode,
        people::{ById, GroupKey},
    },
    ports::{AccessReader, AssignmentReader, Directory, Inventory},
};

use super::{Keep, SIDE_BY_SIDE_MAX, definitions, deleted, eligible, look, names, questions};

/// Looks at Azure for who can do what. `owners`: only at these, if given.
///
/// A plan can be made of the answer as of any other; locks are not asked for.
#[tracing::instrument(name = "observe", level = "trace", skip_all)]
pub async fn widely(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    at: Timestamp,
    azure: &(impl Directory + Inventory + AssignmentReader + AccessReader),
) -> Observed {
    let chosen = |owner: OwnerCode| owners.is_none_or(|owners| owners.contains(&owner));
    let names = names(desired, &chosen);
    let (by_name, looked) =
        futures::join!(azure.by_name(&names), look(desired, &chosen, None, Keep::Everything, azure));
    let mut observed = looked.observed(at);
    observed.people.by_name = by_name;
    observed.role_definitions = definitions::named(desired, &observed.targets, azure).await;
    let theirs: Vec<Target> = theirs(&observed, &chosen).cloned().collect();
    let subscriptions: BTreeSet<SubscriptionId> =
        observed.subscriptions.keys().chain(observed.other.of_workspaces.keys()).copied().collect();
    deleted::ask(desired, &chosen, &mut observed, azure).await;
    eligible::ask(&mut observed, &subscriptions, &theirs, azure).await;
    denied(&mut observed, &subscriptions, azure).await;
    policies(&mut observed, &theirs, azure).await;
    definitions::ask_all(desired, &mut observed, azure).await;
    let holding = holding(&observed);
    let members = async { if holding.is_empty() { BTreeMap::new() } else { azure.groups(&holding).await } };
    let (groups, attributes, members) = futures::join!(
        questions::groups(desired, &chosen, &observed, azure),
        questions::attributes(desired, &chosen, &observed, azure),
        members,
    );
    (observed.people.groups, observed.people.attributes) = (groups, attributes);
    observed.people.groups.extend(members);
    questions::ask(desired, &mut observed, Keep::Everything, azure).await;
    observed
}

/// The targets of these owners that were found.
fn theirs<'a>(observed: &'a Observed, chosen: &impl Fn(OwnerCode) -> bool) -> impl Iterator<Item = &'a Target> {
    observed.targets.iter().filter_map(move |(key, sighting)| match sighting {
        Sighting::Found(target) if chosen(key.owner) => Some(target),
        _ => None,
    })
}

/// What is denied, by subscription.
async fn denied(observed: &mut Observed, subscriptions: &BTreeSet<SubscriptionId>, azure: &impl AccessReader) {
    let asked = subscriptions.iter().map(async |id| (*id, azure.denials(*id).await.map_err(Arc::new)));
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE_MAX).collect().await;
    observed.other.denials.extend(answers);
}

/// The access policies of vaults in which they decide, and what their entries are: they name an object, and do not say whether it
/// is a person, a group or an application.
async fn policies(observed: &mut Observed, targets: &[Target], azure: &(impl AccessReader + Directory)) {
    let vaults = targets.iter().filter(|target| target.impediments.contains(&Impediment::AccessPolicyMode));
    let asked = vaults.map(async |target| {
        let answer = azure.access_policies(&target.scope).await.map_err(Arc::new);
        (target.scope.clone(), answer)
    });
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE_MAX).collect().await;
    observed.other.policies.extend(answers);
    let objects: BTreeSet<PrincipalId> = observed.other.policy_objects().collect();
    if !objects.is_empty() {
        observed.people.by_id.extend(azure.by_id(&objects).await);
    }
}

/// The groups that hold something, or may: of what is only known not to be a person, Entra says whether it is one.
fn holding(observed: &Observed) -> BTreeSet<GroupKey> {
    let mut holding = BTreeSet::new();
    let readings = observed.subscriptions.values().map(|it| &it.reading).chain(observed.other.readings());
    for reading in readings {
        let Reading::Seen(scopes) = reading else { continue };
        let held = scopes.values().flatten().map(|it| &it.assignment);
        let groups = held.filter(|it| it.principal_type == PrincipalType::Group);
        holding.extend(groups.map(|it| GroupKey::Id(it.triple.principal)));
    }
    let eligible = observed.other.eligibilities().filter(|it| it.principal_type == PrincipalType::Group);
    holding.extend(eligible.map(|it| GroupKey::Id(it.triple.principal)));
    let is_open = |id: &PrincipalId| matches!(observed.people.by_id.get(id), Some(ById::NotAPerson(_)));
    holding.extend(observed.other.policy_objects().filter(is_open).map(GroupKey::Id));
    holding
}
