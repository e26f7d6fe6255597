//! Role assignments: the triple, the name derived from it, and the mark that makes one ours.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId},
    owner::{InstanceName, OwnerCode, RoleName},
};

/// Namespace of the names we derive. Fixed for ever: another one would make all our assignments foreign.
const NAMESPACE: Uuid = Uuid::from_u128(0x7469_6c67_616e_4767_9b1e_5d0c_6a2f_4e13);

/// What makes two role assignments equal to Azure: it refuses a second one of the same triple.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Triple {
    /// Where.
    pub scope: ScopeId,
    /// Who.
    pub principal: PrincipalId,
    /// What.
    pub definition: RoleDefinitionId,
}

impl Triple {
    /// The name that `instance` gives this assignment: UUIDv5 over `instance|scope|principal|role definition`, all in
    /// ASCII lower case, the scope with its leading and without a final slash, the ids hyphenated.
    #[must_use]
    pub fn name(&self, instance: &InstanceName) -> AssignmentName {
        let Self { scope, principal, definition } = self;
        let key = format!("{instance}|{scope}|{principal}|{definition}").to_ascii_lowercase();
        AssignmentName(Uuid::new_v5(&NAMESPACE, key.as_bytes()))
    }
}

/// What an assignment's principal is, as Azure stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalType {
    /// A person.
    User,
    /// A group.
    Group,
    /// A group of another tenant (`ForeignGroup`): nobody here can open it.
    ForeignGroup,
    /// An application or managed identity.
    ServicePrincipal,
    /// A device, or a word that is newer than this program.
    Other,
}

impl PrincipalType {
    /// From Azure's word, without regard to case.
    #[must_use]
    pub fn from_azure(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "user" => Self::User,
            "group" => Self::Group,
            "foreigngroup" => Self::ForeignGroup,
            "serviceprincipal" => Self::ServicePrincipal,
            _ => Self::Other,
        }
    }

    /// Azure's word for it.
    #[must_use]
    pub fn as_azure(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ForeignGroup => "ForeignGroup",
            Self::ServicePrincipal => "ServicePrincipal",
            Self::Other => "Unknown",
        }
    }

    /// Whether it gives access to people: a person, or a group of them.
    #[must_use]
    pub fn is_people(self) -> bool {
        matches!(self, Self::User | Self::Group | Self::ForeignGroup)
    }
}

/// The description that each of ours carries: `tilgang/<instance> <owner> <role> [<ticket>]`.
///
/// A person in the portal sees why it exists; an adopted assignment is ours by it; a stray one is attributed by it. It
/// holds no e-mail address. Azure allows 2 KB (FACTS §6); ours stays below 200 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The owner it was made for.
    pub owner: OwnerCode,
    /// The role it was made for.
    pub role: RoleName,
}

impl Mark {
    /// The description text.
    #[must_use]
    pub fn text(instance: &InstanceName, owner: OwnerCode, role: &RoleName, ticket: Option<&str>) -> String {
        match ticket {
            Some(ticket) => format!("tilgang/{instance} {owner} {role} {ticket}"),
            None => format!("tilgang/{instance} {owner} {role}"),
        }
    }

    /// Reads a description; `None` if it is not `instance`'s, or does not name owner and role.
    #[must_use]
    pub fn read(description: &str, instance: &InstanceName) -> Option<Self> {
        let mut words = description.split_whitespace();
        let ours = words.next()?.strip_prefix("tilgang/")? == instance.as_str();
        let (owner, role) = (OwnerCode::new(words.next()?)?, RoleName::new(words.next()?));
        ours.then_some(Self { owner, role })
    }
}

/// Who made an assignment, provably.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hand {
    /// This instance of tilgang: the name fits the content, or the description carries our mark.
    Ours,
    /// Anybody else.
    Foreign,
}

/// Whether Privileged Identity Management stands behind an assignment. Lists carry no such flag (TRAPS), so it is asked
/// for apart, and only where a decision hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pim {
    /// Nothing hung on it.
    NotAsked,
    /// Asked, and the answer did not come: counts as "perhaps".
    Unanswered,
    /// An ordinary, lasting assignment.
    No,
    /// Somebody activated an eligibility; it ends by itself.
    Activated,
    /// A time-bound assignment; it ends by itself.
    Timed,
}

/// One role assignment as a list showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAssignment {
    /// Scope, principal, role definition.
    pub triple: Triple,
    /// Its name in Azure.
    pub name: AssignmentName,
    /// What its principal was when it was made.
    pub principal_type: PrincipalType,
    /// A condition that narrows it; ours have none.
    pub condition: Option<Arc<str>>,
    /// Its description.
    pub description: Option<Arc<str>>,
    /// When it was made.
    pub created_on: Option<Timestamp>,
    /// Who made and changed it, as far as Azure says.
    pub trail: Trail,
}

/// Who made an assignment, who changed it last, and when: object ids, which Azure gives as `createdBy` and `updatedBy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// Who made it.
    pub created_by: Option<PrincipalId>,
    /// When it was changed last: when it was made, if it never was.
    pub updated_on: Option<Timestamp>,
    /// Who changed it last.
    pub updated_by: Option<PrincipalId>,
}

impl RoleAssignment {
    /// Its whole resource id.
    #[must_use]
    pub fn resource_id(&self) -> String {
        resource_id(&self.triple.scope, self.name)
    }
}

/// A role assignment that stands in Azure, with what is known of whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What was listed.
    pub assignment: RoleAssignment,
    /// Whose it is.
    pub hand: Hand,
    /// Whether PIM stands behind it.
    pub pim: Pim,
}

/// `{scope}/providers/Microsoft.Authorization/roleAssignments/{name}`; at the root it starts with `/providers` (FACTS §1.4).
#[must_use]
pub fn resource_id(scope: &ScopeId, name: AssignmentName) -> String {
    let scope = scope.as_str().trim_end_matches('/');
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}")
}

/// Whose an assignment is. `instances`: this instance's name first, then its former ones.
///
/// A name that fits its content can only be ours. A description can be copied by anybody, so it counts only where we would
/// write one: on a person's assignment at a resource. Our own identity's rights, or a group's, are never ours to remove.
#[must_use]
pub fn hand<'a>(assignment: &RoleAssignment, instances: impl IntoIterator<Item = &'a InstanceName>) -> Hand {
    let RoleAssignment { triple, name, principal_type, description, .. } = assignment;
    let markable = *principal_type == PrincipalType::User && triple.scope.is_resource();
    let text = description.as_deref().filter(|_| markable);
    let ours =
        |instance| text.is_some_and(|text| Mark::read(text, instance).is_some()) || triple.name(instance) == *name;
    if instances.into_iter().any(ours) { Hand::Ours } else { Hand::Foreign }
}

/// Whether only its description makes one of ours so: its name is not one that we would give. We make nothing that ends by
/// itself, so where PIM ends it the description was copied, and it is no more ours than anybody's.
#[must_use]
pub fn is_marked_only<'a>(assignment: &RoleAssignment, instances: impl IntoIterator<Item = &'a InstanceName>) -> bool {
    !instances.into_iter().any(|instance| assignment.triple.name(instance) == assignment.name)
}

impl fmt::Display for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Foreign => "foreign",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triple(scope: &str) -> Triple {
        Triple {
            scope: ScopeId::new(scope),
            principal: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            definition: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7".parse().unwrap(),
        }
    }

    /// These names stand in production. A change here is not a refactoring.
    #[test]
    fn test_vectors() {
        let vault = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/altinnapps-ttd-prod-rg/providers/Microsoft.KeyVault/vaults/ttd-prod-keyvault";
        for (instance, scope, name) in [
            ("altinn-apps", vault, "44dc0e99-fa66-567c-9394-074b260ef854"),
            ("other", vault, "7b191c06-3f1d-5e8c-8228-fc9acd1e9189"),
            ("altinn-apps", "/", "0e93e6be-396d-5b13-8c28-ae92f1bc454b"),
        ] {
            assert_eq!(triple(scope).name(&InstanceName::new(instance)).to_string(), name, "{instance} {scope}");
        }
    }

    #[test]
    fn the_name_ignores_case() {
        let instance = InstanceName::new("a");
        assert_eq!(triple("/subscriptions/X/rg").name(&instance), triple("/SUBSCRIPTIONS/x/RG/").name(&instance));
    }

    #[test]
    fn ours_by_name_or_by_a_description_where_we_would_write_one_and_by_nothing_else() {
        let (ours, other) = (InstanceName::new("altinn-apps"), InstanceName::new("altinn-apps-2"));
        let vault = "/subscriptions/x/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v";
        let random = AssignmentName(Uuid::from_u128(7));
        let mark = "tilgang/altinn-apps ttd prod-operations";
        let hand = |scope: &str, name: AssignmentName, principal_type, text: Option<&str>| {
            let assignment = RoleAssignment {
                triple: triple(scope),
                name,
                principal_type,
                condition: None,
                description: text.map(Into::into),
                created_on: None,
                trail: Trail::default(),
            };
            hand(&assignment, [&ours])
        };
        let user = PrincipalType::User;
        assert_eq!(hand(vault, triple(vault).name(&ours), user, None), Hand::Ours);
        assert_eq!(hand(vault, triple(vault).name(&other), user, None), Hand::Foreign);
        assert_eq!(hand(vault, random, user, Some(mark)), Hand::Ours);
        for not_ours in [
            "tilgang/altinn-apps-2 ttd prod-operations",
            "made by tilgang/altinn-apps ttd x",
            "tilgang/altinn-apps",
            "tilgang/altinn-apps – pipeline identity",
        ] {
            assert_eq!(hand(vault, random, user, Some(not_ours)), Hand::Foreign, "{not_ours}");
        }
        assert_eq!(hand(vault, random, PrincipalType::ServicePrincipal, Some(mark)), Hand::Foreign);
        assert_eq!(hand(vault, random, PrincipalType::Group, Some(mark)), Hand::Foreign);
        for wide in [
            "/",
            "/subscriptions/x",
            "/subscriptions/x/resourceGroups/rg",
            "/providers/Microsoft.Management/managementGroups/m",
        ] {
            assert_eq!(hand(wide, random, user, Some(mark)), Hand::Foreign, "{wide}");
        }
    }
}
