//! Role assignments, PIM instances, locks and our own permissions, by Resource Manager.
//!
//! A subscription or scope comes in, whole lists go out. An entry that cannot be read makes its whole list an error:
//! what is unknown must never look like what is absent.

use std::collections::BTreeMap;

use azure_core::time::OffsetDateTime;
use azure_core_legacy::{Continuable, Pageable};
use azure_mgmt_authorization::models;
use futures::StreamExt;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    legacy,
    pipeline::{Door, Links},
};
use crate::{
    model::{
        assignment::{PrincipalType, RoleAssignment, Trail, Triple},
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
        observed::Lock,
        permissions::{Block, Definition, DefinitionMaker},
        trouble::{Trouble, TroubleKind},
    },
    ports::{Answered, Deleted, Permission, Permits, PimInstance, PutAssignment, Usage},
};

const REQUEST_ID: &str = "x-ms-request-id";
const LOCKS: &str = "/providers/Microsoft.Authorization/locks";
const LOCKS_API: &str = "2020-05-01";
const PERMISSIONS_API: &str = "2022-04-01";
const DEFINITIONS_API: &str = "2022-04-01";
const METRICS_API: &str = "2019-08-01-preview";

/// The unfiltered list at a subscription: at, above and below it (FACTS §1.2).
pub(crate) async fn list(
    client: &azure_mgmt_authorization::Client,
    at: SubscriptionId,
) -> Result<Vec<RoleAssignment>, Trouble> {
    let doing = format!("list role assignments of subscription {at}");
    let pages = client.role_assignments_client().list_for_subscription(at.to_string()).into_stream();
    let entries = collect(pages, &doing, |page: models::RoleAssignmentListResult| page.value).await?;
    entries.into_iter().map(|entry| assignment(entry).map_err(|why| malformed(&doing, &why))).collect()
}

/// Active PIM instances at, above and below a subscription (FACTS §8).
pub(crate) async fn pim(
    client: &azure_mgmt_authorization::Client,
    at: SubscriptionId,
) -> Result<Vec<PimInstance>, Trouble> {
    let doing = format!("list PIM's role assignments of subscription {at}");
    let scope = old_scope(&ScopeId::subscription_scope(at));
    let pages = client.role_assignment_schedule_instances_client().list_for_scope(scope).into_stream();
    let entries = collect(pages, &doing, |page: models::RoleAssignmentScheduleInstanceListResult| page.value).await?;
    entries.into_iter().map(|entry| pim_instance(entry).map_err(|why| malformed(&doing, &why))).collect()
}

/// Creates or updates.
pub(crate) async fn put(
    client: &azure_mgmt_authorization::Client,
    it: &PutAssignment,
) -> Result<Answered<()>, Trouble> {
    use models::role_assignment_properties::PrincipalType as Old;
    let PutAssignment { name, triple: Triple { scope, principal, definition }, principal_type, description } = it;
    let doing = format!("put role assignment {name} at {scope}");
    // Read back with whatever scope stands before it, and compared by its GUID alone (FACTS §1.4).
    let definition = match scope.subscription() {
        Some(id) => format!("/subscriptions/{id}/providers/Microsoft.Authorization/roleDefinitions/{definition}"),
        None => format!("/providers/Microsoft.Authorization/roleDefinitions/{definition}"),
    };
    let mut properties = models::RoleAssignmentProperties::new(definition, principal.to_string());
    properties.principal_type = Some(match principal_type {
        PrincipalType::User => Old::User,
        PrincipalType::Group => Old::Group,
        PrincipalType::ServicePrincipal => Old::ServicePrincipal,
        PrincipalType::ForeignGroup => Old::ForeignGroup,
        PrincipalType::Other => return Err(malformed(&doing, "what kind of principal it is must be known")),
    });
    properties.description = Some(description.clone());
    let parameters = models::RoleAssignmentCreateParameters::new(properties);
    let sent = client.role_assignments_client().create(old_scope(scope), name.to_string(), parameters);
    // Not its `.await`, which keeps no header: 201, and 201 again (FACTS §1.6).
    let answer = sent.send().await.map_err(|error| legacy::trouble(&error, &doing))?;
    let made = answered((), answer.as_raw_response());
    let stands = answer.into_body().await.map_err(|error| legacy::trouble(&error, &doing))?;
    match stands.name.as_deref().map(str::parse) {
        Some(Ok(answered)) if *name == answered => Ok(made),
        _ => Err(malformed(&doing, "the answer is not that role assignment")),
    }
}

/// Deletes; 204 says that nothing stood there, and so does 404 `RoleAssignmentNotFound` (azurerm accepts a 404, FACTS §1.7). Any
/// other 404 may be about the subscription or the resource: then a list says whether it is still there. The old client's
/// `.await` would stumble over an empty body.
pub(crate) async fn delete(
    client: &azure_mgmt_authorization::Client,
    scope: &ScopeId,
    name: AssignmentName,
) -> Result<Answered<Deleted>, Trouble> {
    let doing = format!("delete role assignment {name} at {scope}");
    let sent = client.role_assignments_client().delete(old_scope(scope), name.to_string()).send().await;
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => return gone_already(client, scope, name, legacy::trouble(&error, &doing)).await,
    };
    let gone = |what| answered(what, answer.as_raw_response());
    match u16::from(answer.as_raw_response().status()) {
        204 => Ok(gone(Deleted::Already)),
        200 => {
            let now = gone(Deleted::Now);
            // With the deleted assignment as its body (FACTS §1.7); a proxy's page under a 200 deletes nothing.
            let body = answer.into_raw_response().into_body().collect().await;
            let body = body.map_err(|error| legacy::trouble(&error, &doing))?;
            let gone: Option<models::RoleAssignment> = serde_json::from_slice(&body).ok();
            match gone.and_then(|gone| gone.name).as_deref().map(str::parse) {
                Some(Ok(answered)) if name == answered => Ok(now),
                _ if body.is_empty() => Ok(now),
                _ => Err(malformed(&doing, "the answer is not that role assignment")),
            }
        }
        other => Err(malformed(&doing, &format!("{other} is not among the promised answers"))),
    }
}

/// What a refusal to delete means: that there was nothing to delete, or the refusal itself.
async fn gone_already(
    client: &azure_mgmt_authorization::Client,
    scope: &ScopeId,
    name: AssignmentName,
    refusal: Trouble,
) -> Result<Answered<Deleted>, Trouble> {
    let already =
        |refusal: Trouble| Answered { what: Deleted::Already, status: refusal.status, request_id: refusal.request_id };
    if refusal.status != Some(404) {
        return Err(refusal);
    }
    if refusal.code.as_deref() == Some(NO_ASSIGNMENT) {
        return Ok(already(refusal));
    }
    let Some(subscription) = scope.subscription() else { return Err(refusal) };
    match list(client, subscription).await {
        Ok(all) if all.iter().all(|it| it.name != name) => Ok(already(refusal)),
        // It is there, or nobody could tell: Azure's own words say more than a list that did not come.
        Ok(_) | Err(_) => Err(refusal),
    }
}

/// There is no role assignment of this name at this scope (FACTS §1.7).
const NO_ASSIGNMENT: &str = "RoleAssignmentNotFound";

/// An answer with what names it to Microsoft.
fn answered<T>(what: T, raw: &azure_core_legacy::Response) -> Answered<T> {
    let request_id = raw.headers().get_optional_str(&azure_core_legacy::headers::HeaderName::from_static(REQUEST_ID));
    Answered { what, status: Some(u16::from(raw.status())), request_id: request_id.map(str::to_owned) }
}

/// Management locks at and below a subscription. Resource Graph does not show them (TRAPS).
pub(crate) async fn locks(door: &Door, at: SubscriptionId) -> Result<Vec<Lock>, Trouble> {
    let doing = format!("list locks of subscription {at}");
    let url = door.url(&format!("/subscriptions/{at}{LOCKS}?api-version={LOCKS_API}"), &doing)?;
    let entries: Vec<LockEntry> = door.list(url, &doing).await?;
    entries.into_iter().map(|entry| entry.read().map_err(|why| malformed(&doing, &why))).collect()
}

#[derive(Deserialize)]
struct LockEntry {
    id: String,
    name: String,
    properties: LockProperties,
}

#[derive(Deserialize)]
struct LockProperties {
    level: String,
}

impl LockEntry {
    fn read(self) -> Result<Lock, String> {
        let Self { id, name, properties: LockProperties { level } } = self;
        let marker = id.to_ascii_lowercase().rfind(&LOCKS.to_ascii_lowercase());
        let scope = marker.and_then(|at| id.get(..at)).ok_or_else(|| format!("`{id}` is not a lock's id"))?;
        Ok(Lock { scope: ScopeId::new(scope), name, level })
    }
}

/// How many role assignments a subscription holds and may hold. The old client does not know the route.
pub(crate) async fn usage(door: &Door, at: SubscriptionId) -> Result<Usage, Trouble> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metrics {
        role_assignments_limit: usize,
        role_assignments_current_count: usize,
    }
    let doing = format!("ask how many role assignments fit into subscription {at}");
    let path = format!("/subscriptions/{at}/providers/Microsoft.Authorization/roleAssignmentsUsageMetrics");
    let url = door.url(&format!("{path}?api-version={METRICS_API}"), &doing)?;
    let metrics: Metrics = door.get(url, &doing).await?;
    Ok(Usage { limit: metrics.role_assignments_limit, held: metrics.role_assignments_current_count })
}

/// Every role definition that can be assigned in a subscription. The old client keeps fewer of their properties.
pub(crate) async fn definitions(
    door: &Door,
    at: SubscriptionId,
) -> Result<BTreeMap<RoleDefinitionId, Definition>, Trouble> {
    let doing = format!("list role definitions of subscription {at}");
    let path = format!("/subscriptions/{at}/providers/Microsoft.Authorization/roleDefinitions");
    let url = door.url(&format!("{path}?api-version={DEFINITIONS_API}"), &doing)?;
    let entries: Vec<DefinitionEntry> = door.list(url, &doing).await?;
    entries.into_iter().map(|entry| entry.read(&doing)).collect()
}

/// One role definition by its GUID; whether a scope at which it cannot be assigned shows it, no source says.
pub(crate) async fn role_definition(
    door: &Door,
    id: RoleDefinitionId,
    at: SubscriptionId,
) -> Result<Option<Definition>, Trouble> {
    let doing = format!("read role definition {id}");
    let path = format!("/subscriptions/{at}/providers/Microsoft.Authorization/roleDefinitions/{id}");
    let url = door.url(&format!("{path}?api-version={DEFINITIONS_API}"), &doing)?;
    let entry: DefinitionEntry = match door.get(url, &doing).await {
        Ok(entry) => entry,
        // This code alone says that the tenant has none (FACTS §1.8); any other 404 is about the subscription.
        Err(trouble) if (trouble.kind, trouble.code.as_deref()) == NO_DEFINITION => return Ok(None),
        Err(trouble) => return Err(trouble),
    };
    let (read, definition) = entry.read(&doing)?;
    if read == id { Ok(Some(definition)) } else { Err(malformed(&doing, &format!("the answer is about {read}"))) }
}

const NO_DEFINITION: (TroubleKind, Option<&str>) = (TroubleKind::NotFound, Some("RoleDefinitionDoesNotExist"));

#[derive(Deserialize)]
struct DefinitionEntry {
    name: String,
    properties: DefinitionProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionProperties {
    role_name: String,
    #[serde(rename = "type", default)]
    made_by: String,
    permissions: Vec<BlockEntry>,
    #[serde(default)]
    assignable_scopes: Vec<String>,
}

impl DefinitionEntry {
    fn read(self, doing: &str) -> Result<(RoleDefinitionId, Definition), Trouble> {
        let Self { name, properties } = self;
        let id = name.parse().map_err(|_| malformed(doing, &format!("`{name}` is not a role definition's name")))?;
        let DefinitionProperties { role_name, made_by, permissions, assignable_scopes } = properties;
        let blocks = permissions.into_iter().map(|block| Block {
            actions: block.actions.unwrap_or_default(),
            not_actions: block.not_actions.unwrap_or_default(),
            data_actions: block.data_actions.unwrap_or_default(),
            not_data_actions: block.not_data_actions.unwrap_or_default(),
        });
        let definition = Definition {
            name: role_name,
            made_by: DefinitionMaker::from_azure(&made_by),
            assignable_scopes: assignable_scopes.iter().map(|scope| ScopeId::new(scope)).collect(),
            blocks: blocks.collect(),
        };
        Ok((id, definition))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockEntry {
    actions: Option<Vec<String>>,
    not_actions: Option<Vec<String>>,
    data_actions: Option<Vec<String>>,
    not_data_actions: Option<Vec<String>>,
}

/// Our own permissions at a scope. Not through the old client: it writes `Microsoft.KeyVault//vaults` for a resource
/// without a parent, and knows no other scopes.
pub(crate) async fn permissions(door: &Door, at: &ScopeId) -> Result<Vec<Permission>, Trouble> {
    let doing = format!("read our permissions at {at}");
    let path = format!("{}/providers/Microsoft.Authorization/permissions", at.as_str().trim_end_matches('/'));
    let url = door.url(&format!("{path}?api-version={PERMISSIONS_API}"), &doing)?;
    let entries: Vec<models::Permission> = door.list(url, &doing).await?;
    Ok(entries.into_iter().map(|it| Permission { actions: it.actions, not_actions: it.not_actions }).collect())
}

/// What a principal and its groups hold at, above and below a subscription (azure-docs role-assignments-list-rest.md:
/// `assignedTo('…')`).
pub(crate) async fn held_by(
    client: &azure_mgmt_authorization::Client,
    who: PrincipalId,
    at: SubscriptionId,
) -> Result<Vec<RoleAssignment>, Trouble> {
    let doing = format!("list our own role assignments in subscription {at}");
    let asked = client.role_assignments_client().list_for_subscription(at.to_string());
    let pages = asked.filter(format!("assignedTo('{who}')")).into_stream();
    let entries = collect(pages, &doing, |page: models::RoleAssignmentListResult| page.value).await?;
    entries.into_iter().map(|entry| assignment(entry).map_err(|why| malformed(&doing, &why))).collect()
}

/// What a role definition permits.
pub(crate) async fn definition(door: &Door, id: RoleDefinitionId, at: SubscriptionId) -> Result<Permits, Trouble> {
    #[derive(Deserialize)]
    struct Definition {
        properties: models::RoleDefinitionProperties,
    }
    let doing = format!("read role definition {id}");
    let path = format!("/subscriptions/{at}/providers/Microsoft.Authorization/roleDefinitions/{id}");
    let url = door.url(&format!("{path}?api-version={PERMISSIONS_API}"), &doing)?;
    let Definition { properties } = door.get(url, &doing).await?;
    let data_actions = properties.permissions.iter().flat_map(|block| block.data_actions.clone()).collect();
    let blocks = properties.permissions.into_iter();
    Ok(Permits {
        name: properties.role_name.unwrap_or_default(),
        permissions: blocks.map(|it| Permission { actions: it.actions, not_actions: it.not_actions }).collect(),
        data_actions,
    })
}

pub(super) async fn collect<P, T>(
    mut pages: Pageable<P, azure_core_legacy::Error>,
    doing: &str,
    entries: impl Fn(P) -> Vec<T>,
) -> Result<Vec<T>, Trouble>
where
    P: Continuable<Continuation = String>,
{
    let (mut all, mut links) = (Vec::new(), Links::new(doing));
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| legacy::trouble(&error, doing))?;
        links.follow(page.continuation())?; // the stream follows it; this only sees that it ends
        all.extend(entries(page));
    }
    Ok(all)
}

/// The old client writes `/{scope}/providers/…`: with the slash that a scope starts with, there would be two.
pub(super) fn old_scope(scope: &ScopeId) -> String {
    scope.as_str().trim_start_matches('/').to_owned()
}

fn assignment(entry: models::RoleAssignment) -> Result<RoleAssignment, String> {
    let id = entry.id.unwrap_or_default();
    let missing = |what: &str| format!("role assignment `{id}` has no readable {what}");
    let properties = entry.properties.ok_or_else(|| missing("properties"))?;
    let triple = triple(properties.scope.as_deref(), &properties.principal_id, &properties.role_definition_id)
        .map_err(&missing)?;
    Ok(RoleAssignment {
        triple,
        name: entry.name.as_deref().and_then(|name| name.parse().ok()).ok_or_else(|| missing("name"))?,
        principal_type: properties.principal_type.as_ref().map_or(PrincipalType::Other, principal_type),
        condition: properties.condition.filter(|text| !text.is_empty()).map(Into::into),
        description: properties.description.filter(|text| !text.is_empty()).map(Into::into),
        created_on: properties.created_on.and_then(timestamp),
        trail: Trail {
            created_by: properties.created_by.as_deref().and_then(|id| id.parse().ok()),
            updated_on: properties.updated_on.and_then(timestamp),
            updated_by: properties.updated_by.as_deref().and_then(|id| id.parse().ok()),
        },
    })
}

fn pim_instance(entry: models::RoleAssignmentScheduleInstance) -> Result<PimInstance, String> {
    use models::role_assignment_schedule_instance_properties::AssignmentType;
    let id = entry.id.unwrap_or_default();
    let missing = |what: &str| format!("PIM instance `{id}` has no readable {what}");
    let properties = entry.properties.ok_or_else(|| missing("properties"))?;
    let (principal, definition) = (properties.principal_id.as_deref(), properties.role_definition_id.as_deref());
    let triple = triple(properties.scope.as_deref(), principal.unwrap_or_default(), definition.unwrap_or_default())
        .map_err(missing)?;
    Ok(PimInstance {
        triple,
        activated: matches!(properties.assignment_type, Some(AssignmentType::Activated)),
        ends: properties.end_date_time.and_then(timestamp),
    })
}

pub(super) fn triple(scope: Option<&str>, principal: &str, definition: &str) -> Result<Triple, &'static str> {
    Ok(Triple {
        scope: ScopeId::new(scope.filter(|scope| scope.starts_with('/')).ok_or("scope")?),
        principal: principal.parse().map_err(|_| "principal")?,
        definition: RoleDefinitionId::from_resource_id(definition).ok_or("role definition")?,
    })
}

fn principal_type(old: &models::role_assignment_properties::PrincipalType) -> PrincipalType {
    use models::role_assignment_properties::PrincipalType as Old;
    match old {
        Old::User => PrincipalType::User,
        Old::Group => PrincipalType::Group,
        Old::ForeignGroup => PrincipalType::ForeignGroup,
        Old::ServicePrincipal => PrincipalType::ServicePrincipal,
        Old::Device => PrincipalType::Other,
        Old::UnknownValue(word) => PrincipalType::from_azure(word),
    }
}

pub(super) fn timestamp(at: OffsetDateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok()
}

pub(super) fn malformed(doing: &str, message: &str) -> Trouble {
    Trouble::new(TroubleKind::Malformed, doing, message)
}
