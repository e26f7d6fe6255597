//! What the program needs of Azure: traits, each with two implementors, `azure` over HTTP and `simulator::world` in
//! process, and one suite of tests for both (`tests/facts/contract.rs`).
//!
//! Reading and writing are apart: whoever plans never holds an [`AssignmentWriter`]. An empty answer means "looked, and
//! nothing is there"; whatever could not be read to its end is an error, never a shorter list.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use jiff::Timestamp;

use crate::model::{
    activity::Removal,
    assignment::{PrincipalType, RoleAssignment, Triple},
    ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, TenantId, UserName},
    observed::{Lock, ResourceNow},
    other_access::{AccessPolicy, DeletedVault, Denial, Eligibility},
    people::{Attribute, ById, ByName, FormerHolders, GroupKey, HasAttribute, InGroup},
    permissions::Definition,
    trouble::Trouble,
};

/// People, by Microsoft Graph.
pub trait Directory: Sync {
    /// Answers for each name, in as few calls as can be (300 names a call). A name that nobody has comes with a hint.
    fn by_name(&self, names: &BTreeSet<UserName>) -> impl Future<Output = BTreeMap<UserName, ByName>> + Send;

    /// Answers for each object id; whoever is not among the living is looked for among the deleted.
    fn by_id(&self, ids: &BTreeSet<PrincipalId>) -> impl Future<Output = BTreeMap<PrincipalId, ById>> + Send;

    /// Which deleted accounts had one of these names before they were deleted: a list of all that are deleted, whatever the
    /// number of names.
    fn former_holders(&self, names: &BTreeSet<UserName>)
    -> impl Future<Output = Result<FormerHolders, Trouble>> + Send;

    /// Who is in each group, through groups as well: all pages.
    fn groups(&self, keys: &BTreeSet<GroupKey>) -> impl Future<Output = BTreeMap<GroupKey, InGroup>> + Send;

    /// An attribute of each of these users (300 a call).
    fn attributes(
        &self,
        which: Attribute,
        of: &BTreeSet<PrincipalId>,
    ) -> impl Future<Output = BTreeMap<PrincipalId, HasAttribute>> + Send;
}

/// Finds targets, by Azure Resource Graph: an index that lags. It finds; it never proves that something is gone.
pub trait Inventory: Sync {
    /// Every subscription that our identity sees, and every resource of these types in them (ARM types, lower case).
    fn stock(&self, arm_types: &BTreeSet<String>) -> impl Future<Output = Result<Stock, Trouble>> + Send;
}

/// Reads one resource from Resource Manager itself: asked where an index that lags is not enough.
pub trait Resources: Sync {
    /// The resource with this id; none if there is no such resource, or no such resource group.
    fn resource(&self, id: &ScopeId) -> impl Future<Output = Result<Option<ResourceNow>, Trouble>> + Send;
}

/// What an inventory found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Subscriptions, by id.
    pub subscriptions: BTreeMap<SubscriptionId, SubscriptionRow>,
    /// Resources, in the order of their ids.
    pub resources: Vec<ResourceRow>,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// Its display name; not unique.
    pub name: String,
    /// `Enabled`, `Warned`, `PastDue`, `Disabled`, `Deleted` (FACTS §5); empty if not told.
    pub state: String,
}

/// One resource, with the properties that decide whether an assignment on it has effect (promise 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRow {
    /// Its resource id.
    pub id: ScopeId,
    /// Its type, in lower case.
    pub arm_type: String,
    /// Its name.
    pub name: String,
    /// Its subscription.
    pub subscription: SubscriptionId,
    /// Its tags. Azure compares tag names without regard to case, values with.
    pub tags: BTreeMap<String, String>,
    /// When it was made. Component: `properties.CreationDate` (components_API.json, recorded). Others: `systemData.createdAt`
    /// (keyvault.json; in Resource Graph a column of `resources`, azure-docs lab-services/find-delete-lab-resources.md), which
    /// older resources and some types do not have.
    pub made: Option<jiff::Timestamp>,
    /// Vault: `properties.enableRbacAuthorization`; absent counts as false (FACTS §4).
    pub rbac: Option<bool>,
    /// Vault: `properties.publicNetworkAccess`, as Azure says it.
    pub public_network_access: Option<String>,
    /// Vault: `properties.networkAcls.defaultAction`, as Azure says it.
    pub network_default_action: Option<String>,
    /// Vault: `properties.tenantId`, whose accounts it lets in (keyvault.json).
    pub vault_tenant: Option<TenantId>,
    /// Component, workspace: `properties.publicNetworkAccessForQuery`, as Azure says it.
    pub query_network_access: Option<String>,
    /// Component: `properties.WorkspaceResourceId` (FACTS §3).
    pub workspace: Option<ScopeId>,
    /// Workspace: `properties.features.enableLogAccessUsingOnlyResourcePermissions`; false or absent demands rights on the
    /// workspace itself (FACTS §3).
    pub resource_permissions: Option<bool>,
}

/// Reads role assignments and what hangs on them, by subscription.
pub trait AssignmentReader: Sync {
    /// The unfiltered list at a subscription: what lies at it, above it and below it, all pages.
    fn assignments(&self, at: SubscriptionId) -> impl Future<Output = Result<Vec<RoleAssignment>, Trouble>> + Send;

    /// Active PIM instances at, above and below a subscription.
    fn pim_instances(&self, at: SubscriptionId) -> impl Future<Output = Result<Vec<PimInstance>, Trouble>> + Send;

    /// Management locks at and below a subscription.
    fn locks(&self, at: SubscriptionId) -> impl Future<Output = Result<Vec<Lock>, Trouble>> + Send;

    /// How many role assignments a subscription holds and may hold.
    fn usage(&self, at: SubscriptionId) -> impl Future<Output = Result<Usage, Trouble>> + Send;

    /// One role definition, as seen from a subscription, wherever it can be assigned; none if the tenant has none with this id.
    fn role_definition(
        &self,
        id: RoleDefinitionId,
        at: SubscriptionId,
    ) -> impl Future<Output = Result<Option<Definition>, Trouble>> + Send;

    /// Every role definition that can be assigned in a subscription.
    fn definitions(
        &self,
        at: SubscriptionId,
    ) -> impl Future<Output = Result<BTreeMap<RoleDefinitionId, Definition>, Trouble>> + Send;
}

/// Reads what gives or takes access beside role assignments.
pub trait AccessReader: Sync {
    /// Who may activate a role at a subscription or resource and above it; whether a subscription's list also shows what lies
    /// below it is OPEN (FACTS_PIM_GROUPS §1.2).
    fn eligibilities(&self, at: &ScopeId) -> impl Future<Output = Result<Vec<Eligibility>, Trouble>> + Send;

    /// Deny assignments at, above and below a subscription.
    fn denials(&self, at: SubscriptionId) -> impl Future<Output = Result<Vec<Denial>, Trouble>> + Send;

    /// A vault's access policies; none if there is no such vault.
    fn access_policies(
        &self,
        vault: &ScopeId,
    ) -> impl Future<Output = Result<Option<Vec<AccessPolicy>>, Trouble>> + Send;

    /// The vaults of a subscription that were deleted and can be recovered.
    fn deleted_vaults(&self, of: SubscriptionId) -> impl Future<Output = Result<Vec<DeletedVault>, Trouble>> + Send;
}

/// Reads who did what, by Azure's Activity Log. It keeps 90 days, and is some minutes behind.
pub trait History: Sync {
    /// Deletions of role assignments in a subscription between two times.
    fn removals(
        &self,
        at: SubscriptionId,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Result<Vec<Removal>, Trouble>> + Send;
}

/// How many role assignments a subscription holds and may hold (`roleAssignmentsUsageMetrics`, FACTS §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How many it may hold.
    pub limit: usize,
    /// How many it holds.
    pub held: usize,
}

/// One active role assignment as PIM sees it (`roleAssignmentScheduleInstances`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PimInstance {
    /// Scope, principal, role definition.
    pub triple: Triple,
    /// `assignmentType` is `Activated`: somebody switched an eligibility on. Else it was assigned.
    pub activated: bool,
    /// `endDateTime`, when it ends by itself.
    pub ends: Option<jiff::Timestamp>,
}

/// Writes role assignments. Only `execute` is given one.
pub trait AssignmentWriter: Sync {
    /// Creates or updates; repeating it is harmless (FACTS §10).
    fn put(&self, assignment: &PutAssignment) -> impl Future<Output = Result<Answered<()>, Trouble>> + Send;

    /// Deletes. That it was gone already is an answer, not an error.
    fn delete(
        &self,
        scope: &ScopeId,
        name: AssignmentName,
    ) -> impl Future<Output = Result<Answered<Deleted>, Trouble>> + Send;
}

/// What Azure answered to a write that went well, with what names it to Microsoft later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The answer.
    pub what: T,
    /// HTTP status, when there was one: in process there is none.
    pub status: Option<u16>,
    /// `x-ms-request-id`.
    pub request_id: Option<String>,
}

impl<T> Answered<T> {
    /// An answer that no HTTP carried.
    #[must_use]
    pub fn in_process(what: T) -> Self {
        Self { what, status: None, request_id: None }
    }
}

/// The body of a PUT. It carries no condition: an update takes away one that somebody added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutAssignment {
    /// The name, derived or the existing one.
    pub name: AssignmentName,
    /// Scope, principal, role definition.
    pub triple: Triple,
    /// Always sent: without it a new person may not be known to RBAC for a minute (FACTS §10).
    pub principal_type: PrincipalType,
    /// Our mark.
    pub description: String,
}

/// What a DELETE found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It stood, and is deleted.
    Now,
    /// It did not stand (204).
    Already,
}

/// What our own identity may do, for `doctor`.
pub trait Rights: Sync {
    /// Our permissions at a resource, inherited ones included.
    fn permissions(&self, at: &ScopeId) -> impl Future<Output = Result<Vec<Permission>, Trouble>> + Send;

    /// Role assignments of a principal and of the groups it is in, at, above and below a subscription, with their
    /// conditions: a list of permissions does not tell them (`$filter=assignedTo('…')`, FACTS §1.2).
    fn held_by(
        &self,
        who: PrincipalId,
        at: SubscriptionId,
    ) -> impl Future<Output = Result<Vec<RoleAssignment>, Trouble>> + Send;

    /// What a role definition permits, as seen from a subscription.
    fn definition(
        &self,
        id: RoleDefinitionId,
        at: SubscriptionId,
    ) -> impl Future<Output = Result<Permits, Trouble>> + Send;
}

/// What a role definition permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// Its name, for people.
    pub name: String,
    /// On the control plane.
    pub permissions: Vec<Permission>,
    /// Allowed data actions, such as reading a vault's secrets.
    pub data_actions: Vec<String>,
}

/// One block of permissions: `actions` less `not_actions`, each with `*` as a wildcard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// Allowed actions.
    pub actions: Vec<String>,
    /// Taken out of them.
    pub not_actions: Vec<String>,
}

impl Permission {
    /// Whether this block allows an action; `*` stands for any characters, and case does not matter.
    #[must_use]
    pub fn allows(&self, action: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, action));
        any(&self.actions) && !any(&self.not_actions)
    }
}

fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    // The last part must also end the action; earlier ones were found as far left as they go.
    last.map_or(rest.is_empty(), |part| action.ends_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_have_wildcards_and_exceptions() {
        let permission = |actions: &[&str], not_actions: &[&str]| Permission {
            actions: actions.iter().map(ToString::to_string).collect(),
            not_actions: not_actions.iter().map(ToString::to_string).collect(),
        };
        let write = "Microsoft.Authorization/roleAssignments/write";
        assert!(permission(&["*"], &[]).allows(write));
        assert!(permission(&["microsoft.authorization/*/WRITE"], &[]).allows(write));
        assert!(permission(&["Microsoft.Authorization/roleAssignments/write"], &[]).allows(write));
        assert!(!permission(&["*/read"], &[]).allows(write));
        assert!(!permission(&["*"], &["Microsoft.Authorization/*/Write"]).allows(write));
        assert!(!permission(&["Microsoft.Authorization/roleAssignments/writ"], &[]).allows(write));
        assert!(!permission(&["Microsoft.Authorization/*/writ"], &[]).allows(write));
    }
}
