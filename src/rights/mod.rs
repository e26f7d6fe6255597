//! What our identity needs, the role and condition that give no more, and whether what it holds is that.
//!
//! Pure: a workspace's words come in, [`Needs`] go out; what was seen of an identity comes in, a [`verdict::Verdict`] goes
//! out. `doctor` proves what is needed by asking Azure, `identity` writes it down.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    catalog::RoleDefinition,
    desired::Desired,
    ids::RoleDefinitionId,
    owner::KindName,
    policy::{MemberOf, Policy, Whom},
};

pub mod condition;
pub mod judge;
pub mod mandate;
pub mod verdict;

/// Creates or changes a role assignment.
pub const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
/// Takes a role assignment away.
pub const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";
/// Lists role assignments.
pub const READ_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments/read";
/// Lists what Privileged Identity Management made active.
pub const READ_PIM: &str = "Microsoft.Authorization/roleAssignmentScheduleInstances/read";
/// Lists who may activate a role. "All built-in roles" have the right (FACTS_PIM_GROUPS §1.7).
pub const READ_ELIGIBLE: &str = "Microsoft.Authorization/roleEligibilityScheduleInstances/read";
/// Lists deny assignments.
pub const READ_DENIALS: &str = "Microsoft.Authorization/denyAssignments/read";
/// Lists vaults that were deleted and can be recovered.
const READ_DELETED_VAULTS: &str = "Microsoft.KeyVault/deletedVaults/read";
/// Lists locks.
pub const READ_LOCKS: &str = "Microsoft.Authorization/locks/read";
/// Reads the Activity Log.
pub const READ_ACTIVITY: &str = "Microsoft.Insights/eventtypes/values/read";
/// Lists one's own permissions.
pub const READ_PERMISSIONS: &str = "Microsoft.Authorization/permissions/read";
/// Reads what a role definition permits.
pub const READ_DEFINITIONS: &str = "Microsoft.Authorization/roleDefinitions/read";
/// Shows a subscription's name.
pub const READ_SUBSCRIPTIONS: &str = "Microsoft.Resources/subscriptions/read";

/// What an identity is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `plan`, `drift`, `doctor`.
    Reading,
    /// `apply` as well.
    Applying,
}

impl Purpose {
    /// In a sentence: an identity for …
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Applying => "applying",
        }
    }
}

/// Reads at each subscription, and what for. The names are those of Microsoft's list of resource provider operations
/// (azure-docs resource-provider-operations.md).
pub const READS: &[(&str, &str)] = &[
    (READ_SUBSCRIPTIONS, "to find subscriptions by name"),
    (READ_ASSIGNMENTS, "to see who holds what"),
    (READ_PIM, "to tell what ends by itself, before anything is removed"),
    (READ_ELIGIBLE, "for `who`, `why` and `review`: who may activate a role"),
    (READ_DENIALS, "to see what is denied, to our identity and to others"),
    (READ_LOCKS, "to see what cannot be removed"),
    (READ_ACTIVITY, "for `serve`: by whom something was removed"),
    (READ_PERMISSIONS, "for `doctor`: what our identity may do"),
    (READ_DEFINITIONS, "to see what role definitions permit"),
    // Microsoft asks for "at least read access to the resources you want to query"; many public custom roles name this, too.
    ("Microsoft.ResourceGraph/resources/read", "to find targets"),
];

/// Of [`READS`] those that neither `plan` nor `apply` uses, so that nothing of a plan shows whether they are there; and what for.
pub fn beyond_plans() -> impl Iterator<Item = (&'static str, &'static str)> {
    READS.iter().copied().filter(|(action, _)| [READ_ELIGIBLE, READ_ACTIVITY].contains(action))
}

/// Graph's application permission that lets people be looked up, the deleted ones included (Microsoft, "List users" and
/// "Get deleted item").
pub const GRAPH: &str = "User.Read.All";
/// Graph's application permission that lets groups and their members be read, through groups as well (Microsoft, "List group
/// transitive members" and "List groups").
pub const GRAPH_GROUPS: &str = "GroupMember.Read.All";
/// With this, groups and applications that hold something have names, too ("directoryObject: getByIds").
pub const GRAPH_NAMES_ALL: &str = "Directory.Read.All";

/// Whether these Graph permissions let groups and applications be looked up by id, as the page on `getByIds` has it; a person's
/// token has the third one.
#[must_use]
pub fn names_all(permissions: &[String]) -> bool {
    let all = [GRAPH_NAMES_ALL, "Directory.ReadWrite.All", "Directory.AccessAsUser.All"];
    permissions.iter().any(|permission| all.contains(&permission.as_str()))
}

/// An application permission of Microsoft Graph, and what a workspace needs it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphPermission {
    /// Its word: `User.Read.All`.
    pub word: &'static str,
    /// Its id at Microsoft Graph (Microsoft, "Microsoft Graph permissions reference").
    pub id: &'static str,
    /// What it is for.
    pub why: &'static str,
}

const PEOPLE: GraphPermission =
    GraphPermission { word: GRAPH, id: "df021288-bdef-4463-88db-98f22de89214", why: "to look people up" };

/// For groups that `tilgang.yaml` names, and where it names them.
fn groups_permission(why: &'static str) -> GraphPermission {
    GraphPermission { word: GRAPH_GROUPS, id: "98830695-27a2-44f7-8c18-0c3ebc9698f6", why }
}

/// What a workspace needs of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Role definitions that are given, on each kind of target.
    pub gives: BTreeMap<KindName, BTreeSet<RoleDefinition>>,
    /// Role definitions that may have to be taken away: those given, and the retired ones.
    pub takes: BTreeMap<KindName, BTreeSet<RoleDefinition>>,
    /// ARM types of the targets and of what decides their effect, in lower case.
    pub arm_types: BTreeSet<String>,
    /// Application permissions of Microsoft Graph, each once.
    pub graph: Vec<GraphPermission>,
}

/// A component's workspace decides whether a grant on it has effect.
const WORKSPACES: &str = "microsoft.operationalinsights/workspaces";
const VAULTS: &str = "microsoft.keyvault/vaults";
/// The kind that has one.
const COMPONENTS: &str = "microsoft.insights/components";

impl Needs {
    /// From what roles mean, and from the groups that policy names.
    #[must_use]
    pub fn of(desired: &Desired) -> Self {
        let catalog = &desired.catalog;
        let mut gives: BTreeMap<KindName, BTreeSet<RoleDefinition>> = BTreeMap::new();
        for given in catalog.roles.values().flat_map(|role| &role.gives) {
            gives.entry(given.kind.clone()).or_default().insert(given.definition.clone());
        }
        let mut takes = gives.clone();
        for (kind, definition) in &catalog.retired {
            takes.entry(kind.clone()).or_default().insert(definition.clone());
        }
        let kinds = takes.keys().filter_map(|kind| catalog.kinds.get(kind));
        let mut arm_types: BTreeSet<String> = kinds.map(|kind| kind.arm_type.clone()).collect();
        if arm_types.contains(COMPONENTS) {
            arm_types.insert(WORKSPACES.to_owned());
        }
        let graph = std::iter::once(PEOPLE).chain(groups(&desired.policy)).collect();
        Self { gives, takes, arm_types, graph }
    }

    /// Whether a plan has to read groups.
    #[must_use]
    pub fn groups(&self) -> Option<&GraphPermission> {
        self.graph.iter().find(|permission| permission.word == GRAPH_GROUPS)
    }

    /// Every role definition that is given, by id.
    #[must_use]
    pub fn given(&self) -> BTreeMap<RoleDefinitionId, &str> {
        by_id(&self.gives)
    }

    /// Every role definition that may have to be taken away, by id.
    #[must_use]
    pub fn taken(&self) -> BTreeMap<RoleDefinitionId, &str> {
        by_id(&self.takes)
    }

    /// The actions of the least role, each with what it is for.
    #[must_use]
    pub fn actions(&self, purpose: Purpose) -> Vec<(String, &'static str)> {
        let mut all: Vec<(String, &str)> = READS.iter().map(|(action, why)| ((*action).to_owned(), *why)).collect();
        all.extend(self.arm_types.iter().map(|arm_type| (format!("{arm_type}/read"), "to find targets")));
        if self.arm_types.contains(VAULTS) {
            all.push((READ_DELETED_VAULTS.to_owned(), "to tell a vault that was deleted from one that never was"));
        }
        if purpose == Purpose::Applying {
            all.push((WRITE.to_owned(), "to give access"));
            all.push((DELETE.to_owned(), "to take it away"));
        }
        all
    }

    /// The condition that holds an applying identity to this workspace's role definitions, and to people.
    #[must_use]
    pub fn condition(&self) -> String {
        condition::text(self.given().keys(), self.taken().keys())
    }
}

/// The permission to read groups, where policy names one. An attribute of users needs no more than looking people up.
fn groups(policy: &Policy) -> Option<GraphPermission> {
    let members = matches!(policy.member_of, Some(MemberOf::Group(_)));
    let protected = policy.protected.iter().any(|it| matches!(it.whom, Whom::Group(_)));
    match (members, protected) {
        (true, true) => Some(groups_permission("to read the groups of `users.member_of` and `policy.protected`")),
        (true, false) => Some(groups_permission("to read the groups of `users.member_of`")),
        (false, true) => Some(groups_permission("to read the groups of `policy.protected`")),
        (false, false) => None,
    }
}

fn by_id(kinds: &BTreeMap<KindName, BTreeSet<RoleDefinition>>) -> BTreeMap<RoleDefinitionId, &str> {
    kinds.values().flatten().map(|definition| (definition.id, definition.name.as_str())).collect()
}

/// Whether a Graph permission only reads: `User.Read.All`, `User.ReadBasic.All`, not `User.ReadWrite.All`,
/// `Directory.AccessAsUser.All` or `User.ManageIdentities.All`. Words that sign somebody in read nothing at all.
#[must_use]
pub fn graph_only_reads(permission: &str) -> bool {
    ["openid", "profile", "email", "offline_access"].contains(&permission)
        || permission.split('.').any(|word| word == "Read" || word == "ReadBasic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graph_permissions_that_write_are_told_from_those_that_read() {
        for reads in ["User.Read.All", "User.ReadBasic.All", "User.Read", "Directory.Read.All", "openid"] {
            assert!(graph_only_reads(reads), "{reads}");
        }
        for writes in [
            "User.ReadWrite.All",
            "Directory.ReadWrite.All",
            "Directory.AccessAsUser.All",
            "RoleManagement.ReadWrite.Directory",
            "User.ManageIdentities.All",
            "AppRoleAssignment.ReadWrite.All",
            "Directory.Write.Restricted",
        ] {
            assert!(!graph_only_reads(writes), "{writes}");
        }
    }
}
