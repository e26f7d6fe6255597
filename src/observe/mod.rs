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
        observed::{Locks, Observed, Reading, Sighting, Subscription, TargetKey},
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
    let names = names(desired, &chosen);
    let (by_name, looked) = futures::join!(azure.by_name(&names), look(desired, &chosen, azure));
    let Looked { inventory, targets, absent, subscriptions } = looked;
    let people = People { by_name, ..People::default() };
    let mut observed = Observed { at, inventory, targets, absent, subscriptions, people };
    questions::ask(desired, &mut observed, azure).await;
    observed
}

/// Everybody whom git names at these owners, and who is protected.
fn names(desired: &Desired, chosen: &impl Fn(OwnerCode) -> bool) -> BTreeSet<UserName> {
    let listed = desired.grants.iter().filter(|grant| chosen(grant.owner)).map(|grant| &grant.user.name);
    listed.chain(desired.policy.protected.iter().map(|protected| &protected.name)).cloned().collect()
}

/// What was found in Azure, people left out.
struct Looked {
    inventory: Result<(), Arc<Trouble>>,
    targets: BTreeMap<TargetKey, Sighting>,
    absent: BTreeSet<(OwnerCode, String)>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
}

/// Finds targets and reads the subscriptions that matter. Targets of all owners, whoever is chosen: two may mean one.
async fn look(
    desired: &Desired,
    chosen: &(impl Fn(OwnerCode) -> bool + Sync),
    azure: &(impl Inventory + AssignmentReader),
) -> Looked {
    let stock = match azure.stock(&targets::arm_types(&desired.catalog)).await {
        Ok(stock) => stock,
        Err(trouble) => {
            let trouble = Arc::new(trouble);
            return Looked {
                targets: targets::unseen(desired, &trouble),
                inventory: Err(trouble),
                absent: BTreeSet::new(),
                subscriptions: BTreeMap::new(),
            };
        }
    };
    let targets = targets::sight(desired, &stock);
    let absent = targets::absent(desired, chosen, &stock);
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
    Looked { inventory: Ok(()), targets, absent, subscriptions }
}

/// Tells ours from foreign, before any filter; then keeps all of ours, and of the others what stands exactly at a target.
fn sort(
    desired: &Desired,
    targets: &BTreeSet<&ScopeId>,
    listed: Vec<RoleAssignment>,
) -> BTreeMap<ScopeId, Vec<Standing>> {
    let mut kept: BTreeMap<ScopeId, Vec<Standing>> = BTreeMap::new();
    for assignment in listed {
        let hand = hand(&assignment, desired.instances());
        if hand == Hand::Ours || targets.contains(&assignment.triple.scope) {
            let scope = assignment.triple.scope.clone();
            kept.entry(scope).or_default().push(Standing { assignment, hand, pim: Pim::NotAsked });
        }
    }
    kept
}
