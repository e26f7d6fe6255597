//! What was seen in Azure, when, and what could not be seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    assignment::{Standing, Triple},
    catalog::Catalog,
    file_history::FileHistory,
    ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, TenantId},
    other_access::{AccessPolicy, Denial, Eligibility},
    owner::{EnvironmentName, KindName, OwnerCode},
    people::{ById, People},
    permissions::Definition,
    remembered::Remembered,
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
    /// What the ledger knows of the runs before.
    pub remembered: Remembered,
    /// Whom earlier versions of owners' files listed: asked only where somebody holds what others gave and git does not list.
    pub histories: BTreeMap<OwnerCode, FileHistory>,
    /// Subscriptions that the naming rule gives to an owner and that could not be seen, by name.
    pub absent: BTreeSet<(OwnerCode, String)>,
    /// Each subscription that was read for assignments.
    pub subscriptions: BTreeMap<SubscriptionId, Subscription>,
    /// What role definitions permit, where somebody holds another than git gives at or above a target.
    pub definitions: Definitions,
    /// Each role definition that the workspace names, as it was read in this run. One that is not here was not asked for.
    pub role_definitions: BTreeMap<RoleDefinitionId, DefinitionLookup>,
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

/// The answer for one role definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefinitionLookup {
    /// There is one.
    Found(Definition),
    /// Azure has none with this GUID.
    Missing,
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
    /// A vault that lets in only accounts of this other tenant: `tenantId`, "the tenant ID that should be used for
    /// authenticating requests to the key vault" (keyvault.json).
    OtherTenant(TenantId),
    /// It, or the workspace that keeps its logs, is inside a network security perimeter, whose access rules decide who reaches
    /// it and are not read here: `SecuredByPerimeter` (Microsoft Learn, "Transition to a network security perimeter in Azure").
    Perimeter(ScopeId),
    /// It, or the workspace that keeps its logs, answers no query from public networks: `publicNetworkAccessForQuery`
    /// (components_API.json, Workspaces.json).
    QueriesClosed(ScopeId),
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
    /// The role definitions that can be assigned in it, where that could not be told from their assignable scopes.
    pub assignable: Assignable,
    /// When PIM ends what ends by itself, where that was asked and there is a day.
    pub ends: BTreeMap<Triple, Timestamp>,
}

impl Observed {
    /// A reading that began at a time and has read nothing yet.
    #[must_use]
    pub fn begun(at: Timestamp) -> Self {
        Self {
            at,
            inventory: Ok(()),
            targets: BTreeMap::new(),
            remembered: Remembered::default(),
            histories: BTreeMap::new(),
            absent: BTreeSet::new(),
            subscriptions: BTreeMap::new(),
            definitions: Definitions::NotAsked,
            role_definitions: BTreeMap::new(),
            people: People::default(),
            other: OtherAccess::default(),
        }
    }

    /// What Azure calls a role definition, as far as it was read in this run.
    #[must_use]
    pub fn definition_name(&self, id: RoleDefinitionId) -> Option<&str> {
        if let Some(DefinitionLookup::Found(definition)) = self.role_definitions.get(&id) {
            return Some(&definition.name);
        }
        match &self.definitions {
            Definitions::Known(known) => known.get(&id).map(|definition| definition.name.as_str()),
            Definitions::NotAsked | Definitions::Unanswered(_) => None,
        }
    }

    /// What to call a role definition: Azure's name, or the catalogue's where Azure's was not read.
    #[must_use]
    pub fn name_of<'a>(&'a self, id: RoleDefinitionId, catalog: &'a Catalog) -> Option<&'a str> {
        self.definition_name(id).or_else(|| catalog.definition_name(id))
    }
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
            assignable: Assignable::NotAsked,
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

/// Which role definitions can be assigned in a subscription: its list holds those "applicable at scope and above"
/// (authorization-RoleDefinitionsCalls.json, `RoleDefinitions_List`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Assignable {
    /// Nothing hung on it.
    #[default]
    NotAsked,
    /// These.
    Known(BTreeSet<RoleDefinitionId>),
    /// Asked, and the answer did not come.
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

/// What gives or takes access beside role assignments, as it was read: by where it was asked.
#[derive(Clone, Debug, Default)]
pub struct OtherAccess {
    /// Who may activate a role: the lists of subscriptions, and those asked for at resources.
    pub eligible: BTreeMap<ScopeId, Result<Vec<Eligibility>, Arc<Trouble>>>,
    /// Access policies of vaults that are not in Azure's RBAC mode; none where the vault is not there any more.
    pub policies: BTreeMap<ScopeId, Result<Option<Vec<AccessPolicy>>, Arc<Trouble>>>,
    /// Deny assignments, by subscription.
    pub denials: BTreeMap<SubscriptionId, Result<Vec<Denial>, Arc<Trouble>>>,
    /// The workspace of each component, by the component's resource id.
    pub workspaces: BTreeMap<ScopeId, ScopeId>,
    /// Subscriptions that hold no target, only the workspace of one.
    pub of_workspaces: BTreeMap<SubscriptionId, Subscription>,
    /// Whether there is Privileged Identity Management here, as far as its lists told.
    pub pim: PimService,
}

/// Whether a tenant has Privileged Identity Management.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PimService {
    /// Nothing hung on it, or nothing spoke against it.
    #[default]
    NotTold,
    /// Azure says that the tenant has no licence for it: nothing is activated, and nothing ends by itself.
    Unlicensed,
}

impl OtherAccess {
    /// Every eligibility that was seen, each once: a list at a resource repeats those above it.
    pub fn eligibilities(&self) -> impl Iterator<Item = &Eligibility> {
        let mut met = BTreeSet::new();
        let all = self.eligible.values().filter_map(|answer| answer.as_ref().ok()).flatten();
        all.filter(move |it| met.insert((&it.triple, it.starts, it.ends)))
    }

    /// Those that the lists asked for in a subscription, at it and at its resources, showed.
    pub fn eligible_at(&self, of: SubscriptionId) -> impl Iterator<Item = &Eligibility> {
        let here = self.eligible.iter().filter(move |(scope, _)| scope.subscription() == Some(of));
        let mut met = BTreeSet::new();
        let all = here.filter_map(|(_, answer)| answer.as_ref().ok()).flatten();
        all.filter(move |it| met.insert((&it.triple, it.starts, it.ends)))
    }

    /// Whether a subscription's list has shown an eligibility at a resource: only then does its silence about others say
    /// anything. For instances of assignments such a list was recorded, for eligibilities it is OPEN (FACTS_PIM_GROUPS §1.2).
    #[must_use]
    pub fn shows_resources(&self, of: SubscriptionId) -> bool {
        let whole = ScopeId::subscription_scope(of);
        let list = self.eligible.get(&whole).and_then(|answer| answer.as_ref().ok());
        list.is_some_and(|list| list.iter().any(|it| whole.holds(&it.triple.scope) && it.triple.scope.is_resource()))
    }

    /// Whether this tenant has no licence for Privileged Identity Management, so that there is no list of eligibilities.
    #[must_use]
    pub fn is_unlicensed(trouble: &Trouble) -> bool {
        trouble.code.as_deref() == Some(NO_LICENCE)
    }

    /// What was read in subscriptions that hold only workspaces.
    pub fn readings(&self) -> impl Iterator<Item = &Reading> {
        self.of_workspaces.values().map(|subscription| &subscription.reading)
    }

    /// Whom access policies name.
    pub fn policy_objects(&self) -> impl Iterator<Item = PrincipalId> {
        let read = self.policies.values().filter_map(|answer| answer.as_ref().ok()?.as_ref());
        read.flatten().map(|policy| policy.object)
    }
}

/// Reads of Resource Manager give this code, too, where the tenant lacks Entra ID P2 or Governance (FACTS_PIM_GROUPS §1.6;
/// seen on `roleAssignmentScheduleInstances` with status 400, JulianHayward/Azure-MG-Sub-Governance-Reporting#114).
const NO_LICENCE: &str = "AadPremiumLicenseRequired";
