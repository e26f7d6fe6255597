//! What was seen in Azure, when, and what could not be seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    assignment::{Standing, Triple},
    ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
    other_access::OtherAccess,
    owner::{EnvironmentName, KindName, OwnerCode},
    people::{ById, People},
    permissions::Definition,
    trouble::Trouble,
};

/// Everything that was seen.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When the reading began.
    pub at: Timestamp,
    /// Whether targets could be looked for at all; else why not.
    pub inventory: Result<(), Arc<Trouble>>,
    /// Each target that git means.
    pub targets: BTreeMap<TargetKey, Sighting>,
    /// When resources were made, as the last look at each had it; what no ledger knows is not among them.
    pub remembered: BTreeMap<ScopeId, Timestamp>,
    /// Subscriptions that the naming rule gives to an owner and that could not be seen, by name.
    pub absent: BTreeSet<(OwnerCode, String)>,
    /// Each subscription that was read for assignments.
    pub subscriptions: BTreeMap<SubscriptionId, Subscription>,
    /// What role definitions permit, where somebody holds another than git gives at or above a target.
    pub definitions: Definitions,
    /// Who people are.
    pub people: People,
    /// What gives access beside role assignments: read only for who can do what.
    pub other: OtherAccess,
}

/// What role definitions permit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Definitions {
    /// Nothing hung on them.
    #[default]
    NotAsked,
    /// Those that matter, as far as they were found.
    Known(BTreeMap<RoleDefinitionId, Definition>),
    /// Asked, and the answer did not come.
    Unanswered(Arc<Trouble>),
}

/// One target that git means: one resource of an owner in an environment, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetKey {
    /// Whose.
    pub owner: OwnerCode,
    /// In which environment.
    pub environment: EnvironmentName,
    /// Of which kind.
    pub kind: KindName,
    /// Its name, in lower case (Azure does not tell resource names apart by case).
    pub name: String,
}

/// What was found where a target should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Exactly one.
    Found(Target),
    /// None; in words, what was looked for and what came close.
    Missing(String),
    /// More than one: which is meant?
    Several(Vec<ScopeId>),
    /// Could not be looked for.
    Unseen(Arc<Trouble>),
}

/// A resource that assignments are made on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its resource id.
    pub scope: ScopeId,
    /// Its subscription.
    pub subscription: SubscriptionId,
    /// When it was made, where Azure says so: another time is another resource, under whatever name.
    pub made: Option<Timestamp>,
    /// Why an assignment here may have no effect.
    pub impediments: Vec<Impediment>,
}

/// Whether these times, at which a resource was made, are of two resources. What is told with fewer digits is the same.
#[must_use]
pub fn is_anew(was: Timestamp, is: Timestamp) -> bool {
    was.as_second().abs_diff(is.as_second()) > 1
}

/// Why an assignment at a target has no effect, or not the whole one (promise 9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impediment {
    /// A vault in access-policy mode ignores role assignments for its secrets (FACTS §4).
    AccessPolicyMode,
    /// A vault that refuses public networks: people reach it only from inside.
    NetworkClosed,
    /// The component's workspace demands rights of its own (FACTS §3), by its resource id.
    WorkspaceDemandsRights(ScopeId),
    /// The component's workspace could not be seen, so nobody knows what it demands.
    WorkspaceUnseen(ScopeId),
}

/// A subscription that was read.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its display name.
    pub name: String,
    /// The owner and environment that the naming rule gives it to.
    pub belongs_to: Option<(OwnerCode, EnvironmentName)>,
    /// Its state, in Azure's word: `Enabled`, or `Warned`, `PastDue`, `Disabled`, `Deleted` (FACTS §5); empty if not told.
    pub state: String,
    /// What it holds.
    pub reading: Reading,
    /// How many role assignments its list showed in it, others' included: what lies above it does not count.
    pub held: usize,
    /// How many it may hold, where there is not much room left.
    pub room: Room,
    /// Its locks, where a change hangs on them.
    pub locks: Locks,
    /// When PIM ends what ends by itself, where that was asked and there is a day.
    pub ends: BTreeMap<Triple, Timestamp>,
}

impl Default for Subscription {
    /// One that was read, and in which nothing stands.
    fn default() -> Self {
        Self {
            name: String::new(),
            belongs_to: None,
            state: String::new(),
            reading: Reading::Seen(BTreeMap::new()),
            held: 0,
            room: Room::NotAsked,
            locks: Locks::NotAsked,
            ends: BTreeMap::new(),
        }
    }
}

/// How many role assignments a subscription may hold: 4,000, fixed; a change to 5,000 is announced (FACTS §6), so Azure
/// itself is asked.
pub const ASSIGNMENTS_USUAL_MAX: usize = 4_000;

/// From so many percent of the limit on there is not much room left. Ours.
pub const NEAR_PERCENT: usize = 80;

/// The room for role assignments in a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Nothing hung on it: nothing is to be made, or the usual limit is far.
    #[default]
    NotAsked,
    /// As Azure counts.
    Known {
        /// How many it may hold.
        limit: usize,
        /// How many it holds.
        held: usize,
    },
    /// Asked, and the answer did not come. A grant may then fail; that is safe.
    Unanswered(Arc<Trouble>),
}

/// What a subscription's list of role assignments showed.
#[derive(Clone, Debug)]
pub enum Reading {
    /// The whole list: all pages. By scope, ours and foreign; what lies above the subscription included.
    Seen(BTreeMap<ScopeId, Vec<Standing>>),
    /// It could not be read, or not to its end.
    Unseen(Arc<Trouble>),
}

/// The locks of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locks {
    /// Nothing hung on them.
    NotAsked,
    /// All of them.
    Known(Vec<Lock>),
    /// Asked, and the answer did not come. A removal may then fail; that is safe.
    Unanswered(Arc<Trouble>),
}

/// A management lock. Both levels stop a role assignment at or below its scope from being deleted (FACTS §1.8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock {
    /// What it locks.
    pub scope: ScopeId,
    /// Its name.
    pub name: String,
    /// `CanNotDelete` or `ReadOnly`, as Azure says it.
    pub level: String,
}

/// One resource as Resource Manager itself has it: it does not lag, as Resource Graph does (FACTS §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceNow {
    /// Its resource id, as answered.
    pub id: ScopeId,
    /// Vault: whether role assignments decide who reads its secrets. Absent counts as false (FACTS §4).
    pub rbac: Option<bool>,
    /// When it was made, where Azure says so.
    pub made: Option<Timestamp>,
}

/// What was looked at once more, right before the first write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenAgain {
    /// Targets: none where there is no such resource.
    pub targets: BTreeMap<ScopeId, Result<Option<ResourceNow>, Arc<Trouble>>>,
    /// People.
    pub people: BTreeMap<PrincipalId, ById>,
}
