//! Resource Manager's objects as JSON, keys in Azure's order.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    model::{
        assignment::Triple,
        ids::{PrincipalId, RoleDefinitionId, ScopeId},
    },
    simulator::{
        clock::azure_time,
        world::{Assignment, Definition, LockEntry, Resource, SubscriptionEntry, World, resources::is_vault},
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
    let scopes: Vec<&str> = found.scopes.iter().map(ScopeId::as_str).collect();
    json!({
        "properties": {
            "roleName": found.name, "type": if found.built_in { "BuiltInRole" } else { "CustomRole" },
            "description": found.description, "assignableScopes": scopes, "permissions": [permission(&found.block)],
            "createdOn": azure_time(found.times.0), "updatedOn": azure_time(found.times.1),
            "createdBy": found.by.0.as_ref().map(PrincipalId::to_string),
            "updatedBy": found.by.1.as_ref().map(PrincipalId::to_string),
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
        "subscriptionId": found.id.to_string(), "tenantId": found.tenant.unwrap_or_else(|| world.tenant()).to_string(), "displayName": found.name,
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

/// As `GET …/resources` shows it: without its properties (recorded).
pub(super) fn resource_in_list(found: &Resource) -> Value {
    let mut value = resource(found);
    if let Some(value) = value.as_object_mut() {
        value.remove("properties");
        value.remove("systemData");
        if found.tags.is_empty() {
            value.remove("tags");
        }
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
    if let (Some(system), Some(object)) = (system_data(found), value.as_object_mut()) {
        object.insert("systemData".to_owned(), system);
    }
    value
}

/// Who made it is not told (keyvault.json: every part may be absent). Of components there is none (components_API.json).
pub(super) fn system_data(found: &Resource) -> Option<Value> {
    let created = found.created().filter(|_| is_vault(&found.arm_type))?;
    // With milliseconds, as public recordings of vaults have it.
    Some(json!({ "createdAt": created.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string() }))
}

/// Puts the entries of one object into another.
pub(super) fn put_all(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

/// What PIM says of each triple (the description's examples).
pub(super) fn pim_common(world: &World, triple: &Triple, asked: &ScopeId) -> Value {
    let role = world.definition(triple.definition).ok();
    let principal = triple.principal;
    let user = world.user(principal);
    let name = user.and_then(|user| user.display_name.clone());
    let name = name.or_else(|| world.group(principal).map(|group| group.name.clone()));
    let name = name.or_else(|| world.application(principal).map(|application| application.name.clone()));
    let kind = world.type_of(principal).unwrap_or("User");
    let definition = definition_id(triple.definition, asked);
    let subscription = world.subscriptions().find(|found| ScopeId::subscription_scope(found.id) == triple.scope);
    let (place, what) = match (subscription, triple.scope.as_str().split('/').count()) {
        (Some(found), _) => (found.name.as_str(), "subscription"),
        (None, 5) if triple.scope.subscription().is_some() => (triple.scope.last_segment(), "resourcegroup"),
        (None, _) if triple.scope.subscription().is_some() => (triple.scope.last_segment(), "resource"),
        _ => (triple.scope.last_segment(), "managementgroup"),
    };
    json!({
        "scope": triple.scope.as_str(), "roleDefinitionId": definition, "principalId": principal.to_string(),
        "principalType": kind, "condition": null, "conditionVersion": null,
        "expandedProperties": {
            "scope": { "id": triple.scope.as_str(), "displayName": place, "type": what },
            "roleDefinition": {
                "id": definition, "displayName": role.map(|role| role.name.as_str()),
                "type": if role.is_some_and(|role| !role.built_in) { "CustomRole" } else { "BuiltInRole" },
            },
            "principal": {
                "id": principal.to_string(), "displayName": name, "type": kind,
                "email": user.and_then(|user| user.mail.clone()),
            },
        },
    })
}

/// What instances and schedules of an active assignment have in common.
fn pim_active(world: &World, found: &Assignment, asked: &ScopeId) -> Value {
    let mut properties = pim_common(world, &found.triple, asked);
    let Triple { scope, principal, definition } = &found.triple;
    let by = found.term.activated.then(|| world.eligible(*principal, *definition, scope)).flatten();
    let link = by.map(|by| {
        let base = by.triple.scope.as_str().trim_end_matches('/');
        format!("{base}/providers/Microsoft.Authorization/RoleEligibilitySchedules/{}", by.id)
    });
    put_all(
        &mut properties,
        json!({
            "principalType": found.principal_type.as_ref(), "linkedRoleEligibilityScheduleId": link,
            "assignmentType": if found.term.activated { "Activated" } else { "Assigned" },
            "status": if found.term.activated || found.term.ends.is_some() { "Provisioned" } else { "Accepted" },
            "startDateTime": azure_time(found.created_on), "endDateTime": found.term.ends.map(azure_time),
            "memberType": if scope == asked { "Direct" } else { "Inherited" },
            "createdOn": azure_time(found.created_on),
            "condition": found.condition.as_deref(), "conditionVersion": found.condition_version.as_deref(),
        }),
    );
    properties
}

fn pim_path(asked: &ScopeId, collection: &str, name: &impl std::fmt::Display) -> String {
    format!("{}/providers/Microsoft.Authorization/{collection}/{name}", asked.as_str().trim_end_matches('/'))
}

/// An active assignment as PIM sees it (the description's example GetRoleAssignmentScheduleInstancesByScope.json; that
/// lasting ones are listed as `Assigned` without an end is inferred from its `originRoleAssignmentId`).
pub(super) fn pim_instance(world: &World, found: &Assignment, asked: &ScopeId) -> Value {
    let schedule = World::derived_id(world.tenant(), "schedule", &found.name.to_string());
    let instance = World::derived_id(world.tenant(), "schedule instance", &found.name.to_string());
    let mut properties = pim_active(world, found, asked);
    put_all(
        &mut properties,
        json!({
            "originRoleAssignmentId": found.resource_id(), "linkedRoleEligibilityScheduleInstanceId": null,
            "roleAssignmentScheduleId": pim_path(asked, "RoleAssignmentSchedules", &schedule),
        }),
    );
    json!({
        "properties": properties, "name": instance.to_string(),
        "id": pim_path(asked, "RoleAssignmentScheduleInstances", &instance),
        "type": "Microsoft.Authorization/RoleAssignmentScheduleInstances",
    })
}

/// Its schedule (example GetRoleAssignmentSchedulesByScope.json).
pub(super) fn pim_schedule(world: &World, found: &Assignment, asked: &ScopeId) -> Value {
    let schedule = World::derived_id(world.tenant(), "schedule", &found.name.to_string());
    let mut properties = pim_active(world, found, asked);
    let request = world.pim().requests.values().find(|request| request.target == Some(found.name.0));
    let request = request.map(|made| pim_path(&found.triple.scope, "RoleAssignmentScheduleRequests", &made.id));
    put_all(
        &mut properties,
        json!({ "roleAssignmentScheduleRequestId": request, "updatedOn": azure_time(found.updated_on) }),
    );
    json!({
        "properties": properties, "name": schedule.to_string(),
        "id": pim_path(asked, "RoleAssignmentSchedules", &schedule),
        "type": "Microsoft.Authorization/RoleAssignmentSchedules",
    })
}
