//! What a resource has when nobody says otherwise: the properties seen in recordings of each kind (FACTS §3, §4).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::entries::ResourceEntry;
use crate::{
    model::ids::{ScopeId, SubscriptionId, TenantId},
    simulator::{
        clock::azure_time,
        world::{
            Resource, World,
            inventory::{LONG_AGO, group_scope},
            resources::{arm_type_of, place_of},
        },
    },
};

const VAULT: &str = "Microsoft.KeyVault/vaults";
/// In lower case whoever creates it (recorded, FACTS §1.5).
const COMPONENT: &str = "microsoft.insights/components";
const WORKSPACE: &str = "Microsoft.OperationalInsights/workspaces";
/// Where Altinn's resources are.
const LOCATION: &str = "norwayeast";

/// Where a resource is put, and what it inherits.
pub(super) struct Place<'a> {
    pub(super) tenant: TenantId,
    pub(super) subscription: SubscriptionId,
    pub(super) group: &'a str,
    pub(super) tags: &'a BTreeMap<String, String>,
    /// The subscription's only workspace.
    pub(super) workspace: Option<&'a ScopeId>,
}

/// What kind of resource an entry is: its type and name, and whether usual properties are added.
pub(super) fn kind_of(entry: &ResourceEntry) -> Result<(&str, &str, bool), String> {
    let ResourceEntry { vault, component, workspace, arm_type, name, .. } = entry;
    match (vault, component, workspace, arm_type, name) {
        (Some(name), None, None, None, None) => Ok((VAULT, name, true)),
        (None, Some(name), _, None, None) => Ok((COMPONENT, name, true)),
        (None, None, Some(name), None, None) => Ok((WORKSPACE, name, true)),
        (None, None, None, Some(arm_type), Some(name)) => Ok((arm_type, name, false)),
        _ => Err("a resource is one of `vault`, `component`, `workspace`, or `type` with `name`".to_owned()),
    }
}

/// The id of a resource.
pub(super) fn id_of(entry: &ResourceEntry, place: &Place<'_>) -> Result<ScopeId, String> {
    let (arm_type, name, _) = kind_of(entry)?;
    if let Some(id) = &entry.id {
        return Ok(ScopeId::new(id));
    }
    let group = entry.group.as_deref().unwrap_or(place.group);
    Ok(ScopeId::new(&format!("{}/providers/{arm_type}/{name}", group_scope(place.subscription, group))))
}

/// The resource that an entry describes.
pub(super) fn resource(entry: &ResourceEntry, place: &Place<'_>) -> Result<Resource, String> {
    let (arm_type, name, usual) = kind_of(entry)?;
    let id = id_of(entry, place)?;
    // One that is made anew under the same id is another: it has another identity.
    let born = entry.created.map(|at| at.to_string()).unwrap_or_default();
    let seed = World::derived_id(place.tenant, "resource", &format!("{}{born}", id.folded()));
    let mut properties = match (usual, arm_type) {
        (true, VAULT) => vault(entry, name, place.tenant),
        (true, COMPONENT) => component(entry, name, place, seed)?,
        (true, _) => json!({
            "customerId": seed, "provisioningState": "Succeeded", "sku": { "name": "PerGB2018" }, "retentionInDays": 30,
            "features": { "enableLogAccessUsingOnlyResourcePermissions": entry.resource_permissions.unwrap_or(true) },
            "publicNetworkAccessForIngestion": "Enabled", "publicNetworkAccessForQuery": "Enabled",
        }),
        (false, _) => json!({}),
    };
    lay_over(&mut properties, entry.properties.as_ref());
    Ok(Resource {
        arm_type: arm_type.to_owned(),
        name: name.to_owned(),
        group: entry.group.as_deref().unwrap_or(place.group).to_owned(),
        location: entry.location.as_deref().unwrap_or(LOCATION).to_owned(),
        kind: entry.kind.clone().or_else(|| (usual && arm_type == COMPONENT).then(|| "web".to_owned())),
        tags: entry.tags.clone().unwrap_or_else(|| place.tags.clone()),
        created: entry.created,
        properties,
        id,
    })
}

/// The resource that the body of a PUT describes, spelt as its provider spells it (recorded, FACTS §1.5).
/// `born`: when it was made, if that is known.
pub(in crate::simulator) fn made(
    id: &ScopeId,
    tenant: TenantId,
    body: &Value,
    rbac: bool,
    born: Option<Timestamp>,
) -> Result<Resource, String> {
    let (subscription, group) = place_of(id).ok_or_else(|| format!("`{id}` is not a resource"))?;
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
    let tags = body.get("tags").and_then(Value::as_object).into_iter().flatten();
    let tags = tags.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    let mut entry = ResourceEntry {
        group: Some(group.clone()),
        location: text("/location"),
        kind: text("/kind"),
        tags: Some(tags),
        rbac: Some(rbac),
        created: born,
        properties: body.get("properties").filter(|properties| properties.is_object()).cloned(),
        ..ResourceEntry::default()
    };
    let name = id.last_segment().to_owned();
    match arm_type_of(id) {
        kind if kind.eq_ignore_ascii_case(VAULT) => entry.vault = Some(name),
        kind if kind.eq_ignore_ascii_case(COMPONENT) => {
            entry.component = Some(name);
            entry.workspace = text("/properties/WorkspaceResourceId");
        }
        kind if kind.eq_ignore_ascii_case(WORKSPACE) => entry.workspace = Some(name),
        kind => {
            entry.arm_type = Some(kind);
            entry.name = Some(name);
            entry.id = Some(id.to_string());
        }
    }
    resource(&entry, &Place { tenant, subscription, group: &group, tags: &BTreeMap::new(), workspace: None })
}

fn vault(entry: &ResourceEntry, name: &str, tenant: TenantId) -> Value {
    json!({
        "sku": { "family": "A", "name": "standard" }, "tenantId": tenant.to_string(), "accessPolicies": [],
        "enabledForDeployment": false, "enableSoftDelete": true, "softDeleteRetentionInDays": 90,
        "enableRbacAuthorization": entry.rbac.unwrap_or(true),
        "publicNetworkAccess": entry.network.as_deref().unwrap_or("Enabled"),
        "vaultUri": format!("https://{name}.vault.azure.net/"), "provisioningState": "Succeeded",
    })
}

/// As recorded; a component of a file was made long ago.
fn component(entry: &ResourceEntry, name: &str, place: &Place<'_>, seed: uuid::Uuid) -> Result<Value, String> {
    let location = entry.location.as_deref().unwrap_or(LOCATION);
    let connection = format!(
        "InstrumentationKey={seed};IngestionEndpoint=https://{location}-1.in.applicationinsights.azure.com/;LiveEndpoint=https://{location}.livediagnostics.monitor.azure.com/"
    );
    let mut properties = json!({
        "ConnectionString": connection, "CreationDate": entry.created.map_or_else(|| LONG_AGO.to_owned(), creation_date),
        "ApplicationId": name, "AppId": seed, "Application_Type": "web", "InstrumentationKey": seed, "Name": name,
        "TenantId": place.subscription.to_string(), "provisioningState": "Succeeded", "RetentionInDays": 90,
        "IngestionMode": "ApplicationInsights",
        "publicNetworkAccessForIngestion": "Enabled", "publicNetworkAccessForQuery": "Enabled", "Ver": "v2",
    });
    let workspace = match entry.workspace.as_deref() {
        Some(id) if id.starts_with('/') => Some(ScopeId::new(id)),
        Some(name) => {
            let named = ResourceEntry {
                workspace: Some(name.to_owned()),
                group: entry.group.clone(),
                ..ResourceEntry::default()
            };
            Some(id_of(&named, place)?)
        }
        None => place.workspace.cloned(),
    };
    if let Some(workspace) = workspace {
        let based = json!({ "IngestionMode": "LogAnalytics", "WorkspaceResourceId": workspace.as_str() });
        lay_over(&mut properties, Some(&based));
    }
    Ok(properties)
}

/// Written so (recorded).
fn creation_date(at: Timestamp) -> String {
    azure_time(at).replace('Z', "+00:00")
}

/// The same resource id, another resource: deleted and made anew at this time, its settings the same.
pub(in crate::simulator) fn anew(old: &Resource, tenant: TenantId, at: Timestamp) -> Resource {
    let mut new = Resource { created: Some(at), ..old.clone() };
    if let Some(properties) = new.properties.as_object_mut().filter(|it| it.contains_key("CreationDate")) {
        let seed = World::derived_id(tenant, "resource", &format!("{}{at}", old.id.folded()));
        for (key, value) in
            [("CreationDate", creation_date(at)), ("AppId", seed.to_string()), ("InstrumentationKey", seed.to_string())]
        {
            properties.insert(key.to_owned(), json!(value));
        }
    }
    new
}

/// Puts one object over another, key by key; null takes a key away.
fn lay_over(base: &mut Value, over: Option<&Value>) {
    match (base, over) {
        (Value::Object(base), Some(Value::Object(over))) => {
            for (key, value) in over {
                if value.is_null() {
                    base.remove(key);
                } else if value.is_object() && base.get(key).is_some_and(Value::is_object) {
                    if let Some(inner) = base.get_mut(key) {
                        lay_over(inner, Some(value));
                    }
                } else {
                    base.insert(key.clone(), value.clone());
                }
            }
        }
        (base, Some(over)) => *base = over.clone(),
        (_, None) => {}
    }
}
