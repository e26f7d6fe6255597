//! `Desired` + reading ports → `Observed`.
//!
//! Never writes, never decides. What cannot be read becomes `Unseen` with its reason; everything else goes on, side by side.
//! What a run costs does not grow with the number of assignments: one look for targets (`targets`), one list a
//! subscription, one question for each 300 people; and only where a removal or a foreign assignment hangs on it, one list of
//! PIM instances and one of locks for that subscription; and one list of deleted users, where somebody would gain something by a
//! name alone (`questions`). Right before a write, one last look (`again`). For who
//! can do what, a wider look: groups opened, everybody kept (`widely`). Two states of git are held against one Azure through
//! ports that remember (`remembering`).

mod again;
mod definitions;
mod deleted;
mod eligible;
mod former;
mod kinds;
mod questions;
mod remembering;
mod targets;
mod widely;

pub use self::{
    again::again, definitions::permitted, eligible::eligible, former::former_members, remembering::Remembering,
    targets::revealed, widely::widely,
};

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
        observed::{Observed, OtherAccess, Reading, Sighting, Subscription, TargetKey},
        owner::OwnerCode,
        policy::Whom,
        trouble::Trouble,
    },
    ports::{AccessReader, AssignmentReader, Directory, Inventory, Stock, SubscriptionRow},
};

use self::targets::ToRead;

/// Lists asked for at the same time. Ours; the transport below has its own bound and keeps to Azure's pace.
const SIDE_BY_SIDE_MAX: usize = 32;

/// Looks at Azure. `owners`: only these, if given.
pub async fn observe(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    at: Timestamp,
    azure: &(impl Directory + Inventory + AssignmentReader + AccessReader),
) -> Observed {
    observe_with(desired, owners, at, None, azure).await
}

/// Finds targets of these types, whoever's they are: one question, for [`observe_with`] to go on from.
pub async fn stock(desired: &Desired, azure: &impl Inventory) -> Result<Stock, Trouble> {
    azure.stock(&targets::arm_types(&desired.catalog)).await
}

/// Looks at Azure, where the inventory may have been asked already.
pub async fn observe_with(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    at: Timestamp,
    stock: Option<Stock>,
    azure: &(impl Directory + Inventory + AssignmentReader + AccessReader),
) -> Observed {
    observe_where(desired, |owner| owners.is_none_or(|owners| owners.contains(&owner)), at, stock, azure).await
}

/// The same for owners that are chosen by a rule: one that also knows those of whom git says nothing.
#[tracing::instrument(name = "observe", level = "trace", skip_all)]
pub async fn observe_where(
    desired: &Desired,
    chosen: impl Fn(OwnerCode) -> bool + Sync,
    at: Timestamp,
    stock: Option<Stock>,
    azure: &(impl Directory + Inventory + AssignmentReader + AccessReader),
) -> Observed {
    let names = names(desired, &chosen);
    let looking = look(desired, &chosen, stock, Keep::Changes, azure);
    let (by_name, looked) = futures::join!(azure.by_name(&names), looking);
    let mut observed = looked.observed(at);
    observed.people.by_name = by_name;
    let (groups, attributes, role_definitions) = futures::join!(
        questions::groups(desired, &chosen, &observed, azure),
        questions::attributes(desired, &chosen, &observed, azure),
        definitions::named(desired, &observed.targets, azure),
    );
    observed.role_definitions = role_definitions;
    (observed.people.groups, observed.people.attributes) = (groups, attributes);
    deleted::ask(desired, &chosen, &mut observed, azure).await;
    definitions::ask(desired, &mut observed, azure).await;
    questions::ask(desired, &mut observed, Keep::Changes, azure).await;
    observed
}

/// What is kept of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// What a plan needs.
    Changes,
    /// Whatever reaches a target, whoever holds it.
    Everything,
}

/// Everybody whom git names at these owners, and who is protected.
fn names(desired: &Desired, chosen: &impl Fn(OwnerCode) -> bool) -> BTreeSet<UserName> {
    let listed = desired.grants.iter().filter(|grant| chosen(grant.owner)).map(|grant| &grant.user.name);
    let protected = desired.policy.protected.iter().filter_map(|protected| match &protected.whom {
        Whom::Name(name) => Some(name),
        Whom::Id(_) | Whom::Group(_) => None,
    });
    listed.chain(protected).cloned().collect()
}

/// What was found in Azure, people left out.
struct Looked {
    inventory: Result<(), Arc<Trouble>>,
    targets: BTreeMap<TargetKey, Sighting>,
    absent: BTreeSet<(OwnerCode, String)>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    /// Workspaces of components, where everything is kept.
    other: OtherAccess,
}

impl Looked {
    /// What was seen so far.
    fn observed(self, at: Timestamp) -> Observed {
        let Self { inventory, targets, absent, subscriptions, other } = self;
        Observed { inventory, targets, absent, subscriptions, other, ..Observed::begun(at) }
    }
}

/// Finds targets and reads the subscriptions that matter. Targets of all owners, whoever is chosen: two may mean one.
async fn look(
    desired: &Desired,
    chosen: &(impl Fn(OwnerCode) -> bool + Sync),
    known: Option<Stock>,
    keep: Keep,
    azure: &(impl Inventory + AssignmentReader),
) -> Looked {
    let asked = match known {
        Some(stock) => Ok(stock),
        None => stock(desired, azure).await,
    };
    let stock = match asked {
        Ok(stock) => stock,
        Err(trouble) => {
            let trouble = Arc::new(trouble);
            return Looked {
                targets: targets::unseen(desired, &trouble),
                inventory: Err(trouble),
                absent: BTreeSet::new(),
                subscriptions: BTreeMap::new(),
                other: OtherAccess::default(),
            };
        }
    };
    let targets = targets::sight(desired, &stock);
    let absent = targets::absent(desired, chosen, &stock);
    let found: Vec<(OwnerCode, &ScopeId)> = targets
        .iter()
        .filter_map(|(key, sighting)| match sighting {
            Sighting::Found(target) => Some((key.owner, &target.scope)),
            Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
        })
        .collect();
    let mut workspaces: BTreeMap<ScopeId, ScopeId> = BTreeMap::new();
    if keep == Keep::Everything {
        let all = targets::workspaces(&stock);
        let theirs = found.iter().filter(|(owner, _)| chosen(*owner));
        workspaces.extend(theirs.filter_map(|(_, scope)| Some(((*scope).clone(), (*all.get(scope)?).clone()))));
    }
    let places = Places::of(found.iter().map(|(_, scope)| *scope).chain(workspaces.values()));
    let read = async |id: SubscriptionId, subscription: ToRead| {
        let (held, reading) = match azure.assignments(id).await {
            Ok(listed) => (in_it(id, &listed), Reading::Seen(sort(desired, id, &places, listed, keep))),
            Err(trouble) => (0, Reading::Unseen(Arc::new(trouble))),
        };
        let ToRead { name, state, belongs_to } = subscription;
        (id, Subscription { name, belongs_to, state, reading, held, ..Subscription::default() })
    };
    let to_read = targets::subscriptions(desired, chosen, &stock);
    let elsewhere: BTreeSet<SubscriptionId> = workspaces.values().filter_map(ScopeId::subscription).collect();
    let elsewhere = elsewhere.into_iter().filter(|id| !to_read.contains_key(id)).map(|id| {
        let row = stock.subscriptions.get(&id).cloned();
        let SubscriptionRow { name, state } =
            row.unwrap_or_else(|| SubscriptionRow { name: id.to_string(), state: String::new() });
        (id, ToRead { name, state, belongs_to: None })
    });
    let elsewhere: Vec<_> = elsewhere.collect();
    let (subscriptions, of_workspaces) = futures::join!(
        stream::iter(to_read).map(|(id, it)| read(id, it)).buffer_unordered(SIDE_BY_SIDE_MAX).collect(),
        stream::iter(elsewhere).map(|(id, it)| read(id, it)).buffer_unordered(SIDE_BY_SIDE_MAX).collect(),
    );
    let other = OtherAccess { workspaces, of_workspaces, ..OtherAccess::default() };
    Looked { inventory: Ok(()), targets, absent, subscriptions, other }
}

/// How many of a subscription's list stand in it.
fn in_it(id: SubscriptionId, listed: &[RoleAssignment]) -> usize {
    listed.iter().filter(|assignment| assignment.triple.scope.subscription() == Some(id)).count()
}

/// Where targets are, and what lies above them.
struct Places<'a> {
    targets: BTreeSet<&'a ScopeId>,
    /// The same, folded.
    folded: BTreeSet<&'a str>,
    /// Their resource groups and subscriptions, folded.
    above: BTreeSet<&'a str>,
    /// Subscriptions that hold a target.
    subscriptions: BTreeSet<SubscriptionId>,
}

impl<'a> Places<'a> {
    fn of(targets: impl Iterator<Item = &'a ScopeId>) -> Self {
        let targets: BTreeSet<&ScopeId> = targets.collect();
        let above = targets.iter().flat_map(|scope| {
            let text = scope.folded();
            let slashes = text.match_indices('/').map(|(at, _)| at);
            // `/subscriptions/x`, then `/resourcegroups/y`: what ends where the third and the fifth slash stand
            slashes.skip(2).step_by(2).take(2).filter_map(|at| text.get(..at))
        });
        Self {
            folded: targets.iter().map(|scope| scope.folded()).collect(),
            above: above.collect(),
            subscriptions: targets.iter().filter_map(|scope| scope.subscription()).collect(),
            targets,
        }
    }

    /// Whether it lies in a target: one secret of a vault.
    fn is_below(&self, scope: &ScopeId) -> bool {
        let text = scope.folded();
        text.match_indices('/').filter_map(|(at, _)| text.get(..at)).any(|above| self.folded.contains(above))
    }

    /// Whether an assignment there reaches a target of this subscription.
    fn reaches(&self, scope: &ScopeId, of: SubscriptionId) -> bool {
        let wider = if scope.subscription().is_some() {
            self.above.contains(scope.folded())
        } else {
            self.subscriptions.contains(&of)
        };
        wider || self.targets.contains(scope)
    }
}

/// Tells ours from foreign, before any filter; then keeps all of ours, and of the others what stands exactly at a target,
/// and what gives people access to one from above it, or to something in it.
fn sort(
    desired: &Desired,
    of: SubscriptionId,
    places: &Places<'_>,
    listed: Vec<RoleAssignment>,
    keep: Keep,
) -> BTreeMap<ScopeId, Vec<Standing>> {
    let mut kept: BTreeMap<ScopeId, Vec<Standing>> = BTreeMap::new();
    for assignment in listed {
        let hand = hand(&assignment, desired.instances());
        let scope = &assignment.triple.scope;
        let matters = || {
            let holder = keep == Keep::Everything || assignment.principal_type.is_people();
            holder && (places.reaches(scope, of) || places.is_below(scope))
        };
        if hand == Hand::Ours || places.targets.contains(scope) || matters() {
            let scope = scope.clone();
            kept.entry(scope).or_default().push(Standing { assignment, hand, pim: Pim::NotAsked });
        }
    }
    kept
}
