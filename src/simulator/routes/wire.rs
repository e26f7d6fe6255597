//! Resource Manager's objects as JSON, keys in Azure's order.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    model::ids::{PrincipalId, RoleDefinitionId, ScopeId},
    simulator::{
        clock::azure_time,
        world::{Assignment, Definition, LockEntry, Resource, SubscriptionEntry, World},
    },
};

/// A role assignment: every key is there, in this order (32,000 recorded entries, FACTS §1.4).
#[derive(Serialize)]
pub(super) struct RoleAssignment<'a> {
    properties: Properties<'a>,
    id: String,
    #[serde(rename = "type")]
    arm_type: &'static str,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    role_definition_id: String,
    principal_id: String,
    principal_type: &'a str,
    scope: &'a str,
    condition: Option<&'a str>,
    condition_version: Option<&'a str>,
    created_on: String,
    updated_on: String,
    created_by: Option<String>,
    updated_by: Option<String>,
    delegated_managed_identity_resource_id: Option<&'a str>,
    description: Option<&'a str>,
}

/// A role assignment as it is read through `asked`.
pub(super) fn assignment<'a>(found: &'a Assignment, asked: &ScopeId) -> RoleAssignment<'a> {
    RoleAssignment {
        properties: Properties {
            role_definition_id: definition_id(found.triple.definition, asked),
            principal_id: found.triple.principal.to_string(),
            principal_type: &found.principal_type,
            scope: found.triple.scope.as_str(),
            condition: found.condition.as_deref(),
            condition_version: found.condition_version.as_deref(),
            created_on: azure_time(found.created_on),
            updated_on: azure_time(found.updated_on),
            created_by: found.created_by.as_ref().map(PrincipalId::to_string),
            updated_by: found.updated_by.as_ref().map(PrincipalId::to_string),
            delegated_managed_identity_resource_id: None,
            description: found.description.as_deref(),
        },
        id: found.resource_id(),
        arm_type: "Microsoft.Authorization/roleAssignments",
        name: found.name.to_string(),
    }
}

/// A role definition's id: qualified by the subscription through which it is read, bare above (recorded, FACTS §1.4).
pub(super) fn definition_id(id: RoleDefinitionId, asked: &ScopeId) -> String {
    let qualifier = asked.subscription().map(|id| format!("/subscriptions/{id}")).unwrap_or_default();
    format!("{qualifier}/providers/Microsoft.Authorization/roleDefinitions/{id}")
}

pub(super) fn definition(found: &Definition, asked: &ScopeId) -> Value {
    let block = permission(&found.block);
    json!({
        "properties": {
            "roleName": found.name, "type": if found.built_in { "BuiltInRole" } else { "CustomRole" },
            "description": "", "assignableScopes": ["/"], "permissions": [block],
            "createdOn": "2015-02-02T21:55:09.8806423Z", "updatedOn": "2021-11-11T20:13:47.8628684Z",
            "createdBy": null, "updatedBy": null,
        },
        "id": definition_id(found.id, asked), "type": "Microsoft.Authorization/roleDefinitions",
        "name": found.id.to_string(),
    })
}

pub(super) fn permission(block: &crate::simulator::world::Block) -> Value {
    json!({
        "actions": block.actions, "notActions": block.not_actions, "dataActions": block.data_actions,
        "notDataActions": block.not_data_actions,
    })
}

pub(super) fn lock(found: &LockEntry) -> Value {
    let mut properties = json!({ "level": found.level });
    if let (Some(notes), Some(object)) = (&found.notes, properties.as_object_mut()) {
        object.insert("notes".to_owned(), json!(notes));
    }
    json!({
        "properties": properties, "id": found.resource_id(), "type": "Microsoft.Authorization/locks", "name": found.name,
    })
}

/// An entry of `GET /subscriptions` (recorded, FACTS §5).
pub(super) fn subscription(world: &World, found: &SubscriptionEntry) -> Value {
    let mut value = json!({
        "id": format!("/subscriptions/{}", found.id), "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionId": found.id.to_string(), "tenantId": world.tenant().to_string(), "displayName": found.name,
        "state": found.state,
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01", "spendingLimit": "Off",
        },
    });
    if let (false, Some(value)) = (found.tags.is_empty(), value.as_object_mut()) {
        value.insert("tags".to_owned(), json!(found.tags)); // no key without tags (recorded)
    }
    value
}

pub(super) fn resource(found: &Resource) -> Value {
    let mut value = json!({
        "id": found.id.as_str(), "name": found.name, "type": found.arm_type, "location": found.location,
        "tags": found.tags, "properties": found.properties,
    });
    if let (Some(kind), Some(object)) = (&found.kind, value.as_object_mut()) {
        object.insert("kind".to_owned(), json!(kind));
    }
    value
}

/// An active assignment as PIM sees it (the description's example GetRoleAssignmentScheduleInstancesByScope.json; that
/// lasting ones are listed as `Assigned` without an end is inferred from its `originRoleAssignmentId`).
pub(super) fn pim_instance(world: &World, found: &Assignment, asked: &ScopeId) -> Value {
    let base = format!("{}/providers/Microsoft.Authorization", asked.as_str().trim_end_matches('/'));
    let schedule = World::derived_id(world.tenant(), "schedule", &found.name.to_string());
    let instance = World::derived_id(world.tenant(), "schedule instance", &found.name.to_string());
    let role = world.definition(found.triple.definition).map(|role| role.name.clone()).unwrap_or_default();
    let eligibility =
        found.term.activated.then(|| World::derived_id(world.tenant(), "eligibility", &found.name.to_string()));
    json!({
        "properties": {
            "originRoleAssignmentId": found.resource_id(),
            "linkedRoleEligibilityScheduleId": eligibility, "linkedRoleEligibilityScheduleInstanceId": eligibility,
            "assignmentType": if found.term.activated { "Activated" } else { "Assigned" },
            "scope": found.triple.scope.as_str(),
            "roleDefinitionId": definition_id(found.triple.definition, asked),
            "principalId": found.triple.principal.to_string(), "principalType": found.principal_type.as_ref(),
            "status": if found.term.activated || found.term.ends.is_some() { "Provisioned" } else { "Accepted" },
            "roleAssignmentScheduleId": format!("{base}/RoleAssignmentSchedules/{schedule}"),
            "startDateTime": azure_time(found.created_on), "endDateTime": found.term.ends.map(azure_time),
            "memberType": if found.triple.scope == *asked { "Direct" } else { "Inherited" },
            "createdOn": azure_time(found.created_on),
            "condition": found.condition.as_deref(), "conditionVersion": found.condition_version.as_deref(),
            "expandedProperties": { "roleDefinition": { "id": definition_id(found.triple.definition, asked), "displayName": role, "type": "BuiltInRole" } },
        },
        "name": instance.to_string(), "id": format!("{base}/RoleAssignmentScheduleInstances/{instance}"),
        "type": "Microsoft.Authorization/RoleAssignmentScheduleInstances",
    })
}
