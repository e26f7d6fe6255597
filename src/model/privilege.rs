//! Which role definitions give access: whoever holds one can let themselves, or others, into more than it says.
//!
//! A row more is an action more: nothing else knows these.

use super::permissions::Definition;

/// An action by which somebody gains access, or lets others gain it.
#[derive(Debug, PartialEq, Eq)]
pub struct Privilege {
    /// The action, as Azure spells it. Whoever may any of what its `*` stands for has the privilege.
    pub action: &'static str,
    /// To be read after "may": `assign roles`.
    pub may: &'static str,
    /// Microsoft's page that has the action.
    pub source: &'static str,
}

const AUTHORIZATION: &str = "Microsoft, \"Azure permissions for Management and governance\", Microsoft.Authorization";
const IDENTITY: &str = "Microsoft, \"Azure permissions for Identity\", Microsoft.ManagedIdentity";
/// Microsoft, "Grant permission to applications to access an Azure key vault using Azure RBAC" (rbac-guide.md): whoever may
/// write a vault can add themselves to its access policies.
const VAULTS: &str =
    "Microsoft, \"Azure permissions for Security\", Microsoft.KeyVault; \"Provide access to Key Vault\"";

const fn row(action: &'static str, may: &'static str, source: &'static str) -> Privilege {
    Privilege { action, may, source }
}

/// Every privilege, in the order in which they are reported.
#[rustfmt::skip]
pub const PRIVILEGES: &[Privilege] = &[
    row("Microsoft.Authorization/roleAssignments/write", "assign roles", AUTHORIZATION),
    row("Microsoft.Authorization/roleEligibilityScheduleRequests/write", "make people eligible for roles", AUTHORIZATION),
    row("Microsoft.Authorization/roleAssignmentScheduleRequests/write", "assign roles through PIM", AUTHORIZATION),
    row("Microsoft.Authorization/roleManagementPolicies/write", "change PIM's rules", AUTHORIZATION),
    row("Microsoft.Authorization/roleDefinitions/write", "change role definitions", AUTHORIZATION),
    row("Microsoft.Authorization/denyAssignments/write", "change deny assignments", AUTHORIZATION),
    row("Microsoft.Authorization/denyAssignments/delete", "delete deny assignments", AUTHORIZATION),
    row("Microsoft.Authorization/elevateAccess/action", "elevate access to the whole tenant", AUTHORIZATION),
    row("Microsoft.Authorization/locks/delete", "delete locks", AUTHORIZATION),
    row("Microsoft.KeyVault/vaults/write", "change who a vault lets in", VAULTS),
    row("Microsoft.KeyVault/vaults/accessPolicies/write", "change a vault's access policies", VAULTS),
    row("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write", "sign in as a managed identity", IDENTITY),
    row("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "use a managed identity", IDENTITY),
    // Managed Identity Operator has `userAssignedIdentities/*/assign/action` (recorded with the built-in roles).
    row("Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action", "use a managed identity", IDENTITY),
];

/// A write that no provider has: whoever may do it may write whatever there is, by a wildcard.
const ANYTHING: &str = "Microsoft.Anything/of/any/kind/write";

/// How far a role definition reaches beyond what it is given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// No action of it gives access, and none is broad.
    Narrow,
    /// Its wildcards reach writes of any provider (`*`, `*/write`), and no action that gives access.
    Broad,
    /// It reaches actions that give access: these. Never empty.
    Privileged(Vec<&'static Privilege>),
}

impl Reach {
    /// How far a definition reaches: actions less `notActions` of each block of permissions, data actions apart.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        let reaches = |it: &&Privilege| definition.permits(it.action, false).is_some();
        let privileges: Vec<&'static Privilege> = PRIVILEGES.iter().filter(reaches).collect();
        if !privileges.is_empty() {
            return Self::Privileged(privileges);
        }
        if definition.permits(ANYTHING, false).is_some() { Self::Broad } else { Self::Narrow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::permissions::Block;

    fn reach(actions: &[&str], not_actions: &[&str]) -> Reach {
        let all = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let block = Block { actions: all(actions), not_actions: all(not_actions), ..Block::default() };
        Reach::of(&Definition { blocks: vec![block], ..Definition::default() })
    }

    fn first(reach: &Reach) -> &'static str {
        match reach {
            Reach::Narrow => "narrow",
            Reach::Broad => "broad",
            Reach::Privileged(all) => all[0].may,
        }
    }

    #[test]
    fn what_gives_access_is_found_through_wildcards_and_exceptions() {
        for (actions, not_actions, is) in [
            (&["*"][..], &[][..], "assign roles"),
            (
                &["*"],
                &["Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"],
                "elevate access to the whole tenant",
            ),
            (&["Microsoft.KeyVault/*"], &[], "change who a vault lets in"),
            (
                &["*/write"],
                &["Microsoft.Authorization/*", "Microsoft.KeyVault/*", "Microsoft.ManagedIdentity/*"],
                "broad",
            ),
            (&["*"], &["Microsoft.Authorization/*", "Microsoft.KeyVault/*", "Microsoft.ManagedIdentity/*"], "broad"),
            (
                &["Microsoft.*", "*/*"],
                &["Microsoft.Authorization/*", "Microsoft.KeyVault/*", "Microsoft.ManagedIdentity/*"],
                "broad",
            ),
            (&["*"], &["*/write", "*/delete", "*/action"], "narrow"),
            (&["Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"], &[], "use a managed identity"),
            (&["*/read"], &[], "narrow"),
            (&["*/assign/action"], &[], "use a managed identity"),
            (&["Microsoft.Authorization/locks/*"], &[], "delete locks"),
            (&[], &[], "narrow"),
        ] {
            assert_eq!(first(&reach(actions, not_actions)), is, "{actions:?} {not_actions:?}");
        }
    }

    /// What one block of permissions takes out, another may still give (azure-docs role-definitions.md).
    #[test]
    fn each_block_stands_for_itself() {
        let block = |actions: &str, not_actions: &[&str]| Block {
            actions: vec![actions.to_owned()],
            not_actions: not_actions.iter().map(ToString::to_string).collect(),
            ..Block::default()
        };
        let blocks = vec![block("*", &["*"]), block("Microsoft.Authorization/roleAssignments/*", &[])];
        assert_eq!(first(&Reach::of(&Definition { blocks, ..Definition::default() })), "assign roles");
    }

    #[test]
    fn no_action_has_two_rows() {
        for (n, it) in PRIVILEGES.iter().enumerate() {
            assert!(PRIVILEGES[n + 1..].iter().all(|other| !other.action.eq_ignore_ascii_case(it.action)));
        }
    }
}
