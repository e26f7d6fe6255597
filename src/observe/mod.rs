//! `Desired` + reading ports → `Observed`.
//!
//! Never writes, never decides. What cannot be read becomes `Unseen` with its reason; everything else goes on, side by side.
//! What a run costs does not grow with the number of assignments: one look for targets (`targets`), one list a
//! subscription, one question for each 300 people; and only where a removal or a foreign assignment hangs on it, one list of
//! PIM instances and one of locks for that subscription (`questions`).

mod questions;
mod targets;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    model::{
        assignment::{Hand, Pim, RoleAssignment, Standing, hand},
        desired::Desired,
        ids::{ScopeId, SubscriptionId, UserName},
        observed::{Locks, Observed, Reading, Sighting, Subscription},
        owner::OwnerCode,
        people::People,
        trouble::Trouble,
    },
    ports::{AssignmentReader, Directory, Inventory},
};

/// Lists asked for at the same time. Ours; the transport below has its own bound and keeps to Azure's pace.
const SIDE_BY_SIDE_MAX: usize = 32;

/// Looks at Azure. `owners`: only these, if given.
pub async fn observe(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    at: Timestamp,
    azure: &(impl Directory + Inventory + AssignmentReader),
) -> Observed {
    let chosen = |owner: OwnerCode| owners.is_none_or(|owners| owners.contains(&owner));
    let names = names(desired);
    let (by_name, (inventory, targets, subscriptions)) =
        futures::join!(azure.by_name(&names), look(desired, &chosen, azure));
    let mut observed =
        Observed { at, inventory, targets, subscriptions, people: People { by_name, by_id: BTreeMap::new() } };
    questions::ask(desired, &mut observed, azure).await;
    observed
}

/// Everybody whom git names.
fn names(desired: &Desired) -> BTreeSet<UserName> {
    let listed = desired.grants.iter().map(|grant| &grant.user.name);
    listed.chain(desired.policy.protected.iter().map(|protected| &protected.name)).cloned().collect()
}

type Looked = (
    Result<(), Arc<Trouble>>,
    BTreeMap<crate::model::observed::TargetKey, Sighting>,
    BTreeMap<SubscriptionId, Subscription>,
);

/// Finds targets and reads the subscriptions that matter.
async fn look(
    desired: &Desired,
    chosen: &(impl Fn(OwnerCode) -> bool + Sync),
    azure: &(impl Inventory + AssignmentReader),
) -> Looked {
    let stock = match azure.stock(&targets::arm_types(&desired.catalog)).await {
        Ok(stock) => stock,
        Err(trouble) => {
            let trouble = Arc::new(trouble);
            return (Err(trouble.clone()), targets::unseen(desired, chosen, &trouble), BTreeMap::new());
        }
    };
    let targets = targets::sight(desired, chosen, &stock);
    let scopes: BTreeSet<&ScopeId> = targets
        .values()
        .filter_map(|sighting| match sighting {
            Sighting::Found(target) => Some(&target.scope),
            Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
        })
        .collect();
    let reads = targets::subscriptions(desired, chosen, &stock).into_iter().map(async |(id, subscription)| {
        let reading = match azure.assignments(id).await {
            Ok(listed) => Reading::Seen(sort(desired, &scopes, listed)),
            Err(trouble) => Reading::Unseen(Arc::new(trouble)),
        };
        (
            id,
            Subscription {
                name: subscription.name,
                belongs_to: subscription.belongs_to,
                reading,
                locks: Locks::NotAsked,
            },
        )
    });
    let subscriptions = stream::iter(reads).buffer_unordered(SIDE_BY_SIDE_MAX).collect().await;
    (Ok(()), targets, subscriptions)
}

/// Tells ours from foreign, before any filter; then keeps all of ours, and of the others what stands exactly at a target.
fn sort(
    desired: &Desired,
    targets: &BTreeSet<&ScopeId>,
    listed: Vec<RoleAssignment>,
) -> BTreeMap<ScopeId, Vec<Standing>> {
    let mut kept: BTreeMap<ScopeId, Vec<Standing>> = BTreeMap::new();
    for assignment in listed {
        let hand = hand(&assignment.triple, assignment.name, assignment.description.as_deref(), desired.instances());
        if hand == Hand::Ours || targets.contains(&assignment.triple.scope) {
            let scope = assignment.triple.scope.clone();
            kept.entry(scope).or_default().push(Standing { assignment, hand, pim: Pim::NotAsked });
        }
    }
    kept
}
