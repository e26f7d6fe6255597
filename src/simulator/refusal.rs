//! What Azure says when it refuses: status, code and words, each with its source.
//!
//! In: the facts of one case. Out: one [`Refusal`], for HTTP as it is and for the ports as a `Trouble`. Texts marked
//! *not recorded* are our own wording for a code that is documented without one.

use crate::model::{
    ids::{AssignmentName, PrincipalId, ScopeId, SubscriptionId, TenantId},
    trouble::{Trouble, TroubleKind},
};

/// A refusal in Azure's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Azure's error code.
    pub code: String,
    /// Azure's message.
    pub message: String,
    /// Refused by Resource Manager itself, before the provider: then `x-ms-failure-cause: gateway` is sent (FACTS §1.8).
    pub by_gateway: bool,
    /// Seconds to wait, for a 429.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal by a resource provider.
    #[must_use]
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), by_gateway: false, retry_after: None }
    }

    fn gateway(self) -> Self {
        Self { by_gateway: true, ..self }
    }

    /// The identity has no such right (recorded: `AuthorizationFailed`, FACTS §1.8).
    #[must_use]
    pub fn unauthorized(client: &str, object: PrincipalId, action: &str, scope: &ScopeId) -> Self {
        let message = format!(
            "The client '{client}' with object id '{object}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
        );
        Self::new(403, "AuthorizationFailed", message).gateway()
    }

    /// The tenant has no licence for Privileged Identity Management (JulianHayward/Azure-MG-Sub-Governance-Reporting#114).
    #[must_use]
    pub fn no_licence() -> Self {
        Self::new(400, "AadPremiumLicenseRequired", "The tenant needs an AAD Premium 2 license.")
    }

    /// The subscription is disabled: status, code and words as in many public reports (terraform, az).
    #[must_use]
    pub fn disabled(id: SubscriptionId) -> Self {
        let message = format!(
            "The subscription '{id}' is disabled and therefore marked as read only. You cannot perform any write actions on this subscription until it is re-enabled."
        );
        Self::new(409, "ReadOnlyDisabledSubscription", message).gateway()
    }

    /// A role assignment's condition that is not well formed, or of another version than 2.0 (azure-docs
    /// conditions-troubleshoot.md and #119449; 400 in azure-cli#15683, whose code is OPEN).
    #[must_use]
    pub fn invalid_condition() -> Self {
        Self::new(400, "BadRequest", "The given role assignment condition is invalid.")
    }

    /// What a request asks for and the simulator does not carry out. Azure would: this is the one answer that is ours alone, and
    /// it names what it is about, so that nobody takes a wrong answer for Azure's.
    #[must_use]
    pub fn not_simulated(what: &str) -> Self {
        Self::new(400, "NotSimulated", format!("The simulator does not carry out `{what}`."))
    }

    /// The identity has the right, under a condition that this is outside of (azure-docs troubleshooting.md; the words are
    /// those that enterprise-azure-policy-as-code looks for, FACTS §1.8).
    #[must_use]
    pub fn condition(client: &str, object: PrincipalId, action: &str, scope: &ScopeId) -> Self {
        let message = format!(
            "The client '{client}' with object id '{object}' has an authorization with ABAC condition that is not fulfilled to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
        );
        Self::new(403, "AuthorizationFailed", message).gateway()
    }

    /// A deny assignment takes the right away (recorded inside a deployment stack's result, FACTS §1.8).
    #[must_use]
    pub fn denied(
        client: &str,
        object: PrincipalId,
        action: &str,
        scope: &ScopeId,
        (name, id, at): (&str, uuid::Uuid, &ScopeId),
    ) -> Self {
        let message = format!(
            "The client '{client}' with object id '{object}' has permission to perform action '{action}' on scope '{scope}'; however, the access is denied because of the deny assignment with name '{name}' and Id '{id}' at scope '{at}'."
        );
        Self::new(403, "DenyAssignmentAuthorizationFailed", message).gateway()
    }

    /// A lock stands in the way (recorded for the delete of a group: `ScopeLocked`, FACTS §1.8).
    #[must_use]
    pub fn locked(operation: &str, target: &str, locked: &ScopeId) -> Self {
        let message = format!(
            "The scope '{target}' cannot perform {operation} operation because following scope(s) are locked: '{locked}'. Please remove the lock and try again."
        );
        Self::new(409, "ScopeLocked", message).gateway()
    }

    /// Nobody has this object id (recorded 128 times: the id without dashes, two blanks before `See`, FACTS §1.8).
    #[must_use]
    pub fn principal_not_found(principal: PrincipalId, tenant: TenantId) -> Self {
        let message = format!(
            "Principal {} does not exist in the directory {tenant}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
            principal.0.simple()
        );
        Self::new(400, "PrincipalNotFound", message)
    }

    /// Another assignment has the same triple (public reports of 2025 and 2026: its name as 32 hex digits, FACTS §1.8).
    #[must_use]
    pub fn exists(name: AssignmentName) -> Self {
        let message = format!(
            "The role assignment already exists. The ID of the existing role assignment is {}.",
            name.0.simple()
        );
        Self::new(409, "RoleAssignmentExists", message)
    }

    /// The name is taken by another triple (azure-docs troubleshooting.md, "BadRequest status").
    #[must_use]
    pub fn update_not_permitted() -> Self {
        let message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
        Self::new(400, "RoleAssignmentUpdateNotPermitted", message)
    }

    /// No principal, or not a GUID (public logs with status 400, FACTS §1.8).
    #[must_use]
    pub fn invalid_principal() -> Self {
        Self::new(400, "InvalidPrincipalId", "A valid principal ID must be provided for role assignment.")
    }

    /// The type that was sent is not the principal's (FACTS §1.8; the typing error is Azure's; *not recorded* in whole).
    #[must_use]
    pub fn unmatched_type(principal: PrincipalId, is: &str, said: &str) -> Self {
        let message = format!(
            "The PrincipalId '{}' has type '{is}', which is different from specified PrinciaplType '{said}'.",
            principal.0.simple()
        );
        Self::new(400, "UnmatchedPrincipalType", message)
    }

    /// No such role definition. Azure's status on PUT is not settled: 404 when read, 400 here (FACTS §1.8, §11).
    #[must_use]
    pub fn no_definition(status: u16, id: &str) -> Self {
        let message = format!("The specified role definition with ID '{id}' does not exist.");
        Self::new(status, "RoleDefinitionDoesNotExist", message)
    }

    /// The role definition cannot be assigned at this scope: its assignable scopes leave it out (azure-docs role-definitions.md).
    /// OPEN: no source has status, code or words; these are ours.
    #[must_use]
    pub fn not_assignable(id: crate::model::ids::RoleDefinitionId, at: &crate::model::ids::ScopeId) -> Self {
        let message = format!("The role definition '{id}' is not assignable at scope '{at}'.");
        Self::new(400, "RoleDefinitionNotAssignable", message)
    }

    /// The subscription is full (quoted so in azure-docs troubleshoot-limits.md; the status is *not recorded*).
    #[must_use]
    pub fn limit_exceeded() -> Self {
        let message = "No more role assignments can be created (code: RoleAssignmentLimitExceeded)";
        Self::new(400, "RoleAssignmentLimitExceeded", message)
    }

    /// No assignment of this name here (code by hashicorp/terraform-provider-azurerm#9379; the text is *not recorded*).
    #[must_use]
    pub fn no_assignment(name: AssignmentName) -> Self {
        let message = format!("The role assignment '{}' is not found.", name.0.simple());
        Self::new(404, "RoleAssignmentNotFound", message)
    }

    /// No such resource (recorded, FACTS §1.8).
    #[must_use]
    pub fn no_resource(arm_type: &str, name: &str, group: &str) -> Self {
        let message = format!(
            "The Resource '{arm_type}/{name}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        );
        Self::new(404, "ResourceNotFound", message).gateway()
    }

    /// No such resource group (recorded).
    #[must_use]
    pub fn no_group(group: &str) -> Self {
        let message = format!("Resource group '{group}' could not be found.");
        Self::new(404, "ResourceGroupNotFound", message).gateway()
    }

    /// No such subscription (Resource Manager's "common errors" page).
    #[must_use]
    pub fn no_subscription(id: SubscriptionId) -> Self {
        let message = format!("The subscription '{id}' could not be found.");
        Self::new(404, "SubscriptionNotFound", message).gateway()
    }

    /// Too many requests (recorded: `SubscriptionRequestsThrottled`, FACTS §1.8).
    #[must_use]
    pub fn throttled(subscription: &str, operation: &str, seconds: u64) -> Self {
        let message = format!(
            "Number of requests for subscription '{subscription}' and operation '{operation}' exceeded the backend storage limit. Please try again after '{seconds}' seconds."
        );
        Self { retry_after: Some(seconds), ..Self::new(429, "SubscriptionRequestsThrottled", message).gateway() }
    }

    /// The same refusal for whoever came through the ports.
    #[must_use]
    pub fn trouble(&self, doing: impl Into<String>) -> Trouble {
        let kind = match (self.status, self.code.as_str()) {
            (_, "ScopeLocked") => TroubleKind::Locked,
            (_, "RoleAssignmentExists") => TroubleKind::Exists,
            (_, "PrincipalNotFound") => TroubleKind::PrincipalUnknown,
            (401 | 403, _) => TroubleKind::Denied,
            (404, _) => TroubleKind::NotFound,
            (429, _) => TroubleKind::Throttled,
            _ => TroubleKind::Rejected,
        };
        Trouble {
            kind,
            doing: doing.into(),
            status: Some(self.status),
            code: Some(self.code.clone()),
            message: self.message.clone(),
            request_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded 128 times; two blanks before `See`.
    #[test]
    fn the_words_of_principal_not_found() {
        let tenant = "00000000-0000-0000-0000-0000000000aa".parse().unwrap();
        let refusal = Refusal::principal_not_found("11111111-2222-4333-8444-555555555555".parse().unwrap(), tenant);
        assert!(refusal.message.starts_with("Principal 11111111222243338444555555555555 does not exist in the directory 00000000-0000-0000-0000-0000000000aa. Check"));
        assert!(refusal.message.ends_with("or Group.  See https://aka.ms/docs-principaltype"));
        assert_eq!(refusal.trouble("x").kind, TroubleKind::PrincipalUnknown);
    }
}
