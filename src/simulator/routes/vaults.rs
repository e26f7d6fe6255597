//! Key Vault beyond a plain resource: paged lists, deleted vaults, purge, names, access policies (FACTS §4; keyvault.json).

use serde_json::{Value, json};

use super::{Answer, Ask, encoded, resources::body, wire};
use crate::{
    model::ids::{PrincipalId, ScopeId, SubscriptionId},
    simulator::{
        clock::graph_time,
        refusal::Refusal,
        world::{
            Resource, World,
            resources::{DeletedVault, is_vault},
            vaults::{PolicyChange, no_deleted_vault},
        },
    },
};

pub(super) fn answer(
    world: &mut World,
    caller: PrincipalId,
    ask: &Ask,
    id: SubscriptionId,
    lower: &[&str],
) -> Result<Option<Answer>, Refusal> {
    let subscription = ScopeId::subscription_scope(id);
    let read = |world: &World| world.demand(caller, "Microsoft.KeyVault/deletedVaults/read", &subscription);
    Ok(Some(match (ask.method.as_str(), lower) {
        ("GET", ["subscriptions", _, "providers", _, "vaults"]) if world.settings().page_size > 0 => {
            world.demand(caller, "Microsoft.KeyVault/vaults/read", &subscription)?;
            list(world, ask, &subscription)
        }
        ("GET", ["subscriptions", _, "providers", _, "deletedvaults"]) => {
            read(world)?;
            let value: Vec<Value> = world.deleted_vaults(id).map(deleted).collect();
            Answer::json(200, &json!({ "value": value }))
        }
        ("GET", ["subscriptions", _, "providers", _, "locations", location, "deletedvaults", name]) => {
            world.demand(caller, "Microsoft.KeyVault/locations/deletedVaults/read", &subscription)?;
            let found = world.deleted_vault(id, location, name).ok_or_else(|| no_deleted_vault(name))?;
            Answer::json(200, &deleted(found))
        }
        ("POST", ["subscriptions", _, "providers", _, "locations", location, "deletedvaults", name, "purge"]) => {
            world.purge_vault(caller, id, location, name)?;
            Answer::empty(200)
        }
        ("POST", ["subscriptions", _, "providers", _, "checknameavailability"]) => {
            let body = body(&ask.body)?;
            let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
            let taken =
                world.resources().any(|found| is_vault(&found.arm_type) && found.name.eq_ignore_ascii_case(name))
                    || world
                        .all_deleted_vaults()
                        .any(|gone| gone.vault.name.eq_ignore_ascii_case(name) && gone.purged_on() > world.now());
            Answer::json(
                200,
                &if taken {
                    json!({ "nameAvailable": false, "reason": "AlreadyExists", "message": "The vault name is already in use." })
                } else {
                    json!({ "nameAvailable": true })
                },
            )
        }
        ("PUT", ["subscriptions", .., "vaults", _, "accesspolicies", kind]) => {
            let Some(change) = PolicyChange::read(kind) else { return Ok(None) };
            let body = body(&ask.body)?;
            let entries = body.pointer("/properties/accessPolicies").and_then(Value::as_array).cloned();
            let entries = entries.unwrap_or_default();
            let parts = ask.parts();
            let vault = ScopeId::new(&parts.get(..parts.len().saturating_sub(2)).unwrap_or_default().join("/"));
            world.change_policies(caller, &vault, change, &entries)?;
            // Only the entries that were sent, and an id that ends so (recorded for `add`).
            Answer::json(
                200,
                &json!({
                    "id": format!("{vault}/accessPolicies/"), "type": "Microsoft.KeyVault/vaults/accessPolicies",
                    "properties": { "accessPolicies": entries },
                }),
            )
        }
        _ => return Ok(None),
    }))
}

/// Pages, the second of them empty with a link, the last of them empty without one: 4, **0**, 5, 1, 1 were recorded.
fn list(world: &World, ask: &Ask, at: &ScopeId) -> Answer {
    let size = world.settings().page_size;
    let all: Vec<&Resource> =
        world.resources().filter(|found| at.holds(&found.id) && is_vault(&found.arm_type)).collect();
    let page: usize = ask.parameter("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let from = match page {
        0 => Some(0),
        1 => None,
        later => Some(later.saturating_sub(1).saturating_mul(size)),
    };
    let shown =
        from.map(|from| all.iter().skip(from).take(size).map(|found| wire::resource(found)).collect::<Vec<_>>());
    let more = from.is_none_or(|from| from < all.len());
    let mut reply = json!({ "value": shown.unwrap_or_default() });
    if let Some(reply) = reply.as_object_mut().filter(|_| more) {
        let version = encoded(ask.parameter("api-version").unwrap_or_default()).replace("%2D", "-");
        let link = format!("{}{}?api-version={version}&%24skiptoken={}", ask.base, ask.path, page.saturating_add(1));
        reply.insert("nextLink".to_owned(), json!(link));
    }
    Answer::json(200, &reply)
}

/// As in the description's example getDeletedVault.json.
fn deleted(gone: &DeletedVault) -> Value {
    let DeletedVault { vault, deleted } = gone;
    let at = vault.id.subscription().map(|id| id.to_string()).unwrap_or_default();
    let mut properties = json!({
        "vaultId": vault.id.as_str(), "location": vault.location, "tags": vault.tags,
        "deletionDate": graph_time(*deleted), "scheduledPurgeDate": graph_time(gone.purged_on()),
    });
    if let Some(properties) = properties.as_object_mut().filter(|_| gone.is_protected()) {
        properties.insert("purgeProtectionEnabled".to_owned(), json!(true));
    }
    json!({
        "id": format!("/subscriptions/{at}/providers/Microsoft.KeyVault/locations/{}/deletedVaults/{}", vault.location, vault.name),
        "name": vault.name, "type": "Microsoft.KeyVault/deletedVaults", "properties": properties,
    })
}

/// Whether a PUT asks for recovery: `createMode`.
pub(super) fn is_recovery(body: &Value) -> bool {
    let mode = body.pointer("/properties/createMode").and_then(Value::as_str);
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("recover"))
}

/// Whether a vault that does not say uses Azure RBAC: an old one keeps its mode, a new one does from 2026-02-01 on
/// (security-docs access-control-default.md).
pub(super) fn uses_rbac(old: Option<&Resource>, version: &str) -> bool {
    match old {
        Some(old) => old.properties.get("enableRbacAuthorization").and_then(Value::as_bool).unwrap_or(false),
        None => version >= "2026-02-01",
    }
}
