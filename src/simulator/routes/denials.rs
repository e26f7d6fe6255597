//! Deny assignments and locks over HTTP (authorization-DenyAssignmentCalls.json, locks.json; recorded locks).

use serde_json::{Value, json};

use super::{Answer, Ask, resources::body, wire};
use crate::{
    model::ids::{PrincipalId, ScopeId},
    simulator::{
        refusal::Refusal,
        world::{
            LockEntry, World,
            denials::{Denial, DenialFilter},
        },
    },
};

/// `…/denyAssignments` and `…/denyAssignments/{id}`: read only, as in the description.
pub(super) fn denials(
    world: &World,
    caller: PrincipalId,
    ask: &Ask,
    scope: &ScopeId,
    rest: &[&str],
) -> Result<Option<Answer>, Refusal> {
    Ok(match (ask.method.as_str(), rest) {
        ("GET", []) => {
            let filter = filter(ask.parameter("$filter").unwrap_or_default())?;
            let listed = world.denials(caller, scope, &filter)?;
            let value: Vec<Value> = listed.into_iter().map(|found| denial(world, ask, found)).collect();
            Some(Answer::json(200, &json!({ "value": value })))
        }
        ("GET", [id]) => Some(Answer::json(200, &denial(world, ask, world.denial(caller, scope, id)?))),
        _ => None,
    })
}

fn filter(text: &str) -> Result<DenialFilter, Refusal> {
    let mut filter = DenialFilter::default();
    for term in text.split(" and ").map(str::trim).filter(|term| !term.is_empty()) {
        let value = term.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\'')).map(|(value, _)| value);
        let folded = term.to_ascii_lowercase();
        match value {
            None if folded == "atscope()" => filter.at_scope = true,
            Some(name) if folded.starts_with("denyassignmentname eq") => filter.name = Some(name.to_owned()),
            Some(id) if folded.starts_with("principalid eq") || folded.starts_with("gdprexportprincipalid eq") => {
                filter.principal = id.parse().ok();
            }
            _ => {
                let message = format!("The filter '{text}' is not supported."); // words not recorded
                return Err(Refusal::new(400, "UnsupportedQuery", message));
            }
        }
    }
    Ok(filter)
}

/// As in the description's example GetDenyAssignmentByNameId.json; everybody is the empty GUID, of type
/// `SystemDefined` (azure-docs deny-assignments.md).
fn denial(world: &World, ask: &Ask, found: &Denial) -> Value {
    let principal = |id: &PrincipalId| json!({ "id": id.to_string(), "type": world.type_of(*id).unwrap_or("User") });
    let principals: Vec<Value> = if found.principals.is_empty() {
        vec![json!({ "id": uuid::Uuid::nil().to_string(), "type": "SystemDefined" })]
    } else {
        found.principals.iter().map(principal).collect()
    };
    let mut denial = json!({
        "properties": {
            "denyAssignmentName": found.name, "description": found.description,
            "permissions": [wire::permission(&found.block)], "scope": found.scope.as_str(),
            "doNotApplyToChildScopes": found.only_here, "principals": principals,
            "excludePrincipals": found.except.iter().map(principal).collect::<Vec<_>>(), "isSystemProtected": true,

        },
        "id": found.resource_id(), "type": "Microsoft.Authorization/denyAssignments", "name": found.id.to_string(),
    });
    // Older versions do not know it (FACTS_PIM_GROUPS §4).
    let knows = ask.parameter("api-version").is_some_and(|version| version >= "2024-07-01-preview");
    if let Some(properties) = denial.get_mut("properties").and_then(Value::as_object_mut).filter(|_| knows) {
        properties.insert("denyAssignmentEffect".to_owned(), json!(if found.audit { "audit" } else { "enforced" }));
    }
    denial
}

/// `…/locks` and `…/locks/{name}`.
pub(super) fn locks(
    world: &mut World,
    caller: PrincipalId,
    ask: &Ask,
    scope: &ScopeId,
    rest: &[&str],
) -> Result<Option<Answer>, Refusal> {
    Ok(match (ask.method.as_str(), rest) {
        ("GET", []) => {
            let filter = ask.parameter("$filter").filter(|text| !text.trim().is_empty());
            let at_scope = filter.is_some_and(|text| text.trim().eq_ignore_ascii_case("atScope()"));
            if let Some(other) = filter.filter(|_| !at_scope) {
                return Err(Refusal::not_simulated(other));
            }
            let listed = world.locks_at(caller, scope)?.into_iter().filter(|lock| !at_scope || lock.scope == *scope);
            Some(Answer::json(200, &json!({ "value": listed.map(wire::lock).collect::<Vec<_>>() })))
        }
        ("GET", [name]) => Some(Answer::json(200, &wire::lock(world.lock(caller, scope, name)?))),
        ("PUT", [name]) => {
            let body = body(&ask.body)?;
            let text = |key: &str| body.pointer(&format!("/properties/{key}")).and_then(Value::as_str);
            let lock = LockEntry {
                scope: scope.clone(),
                name: (*name).to_owned(),
                level: text("level").unwrap_or_default().to_owned(),
                notes: text("notes").map(ToOwned::to_owned),
            };
            let is_new = world.put_lock(caller, lock.clone())?;
            Some(Answer::json(if is_new { 201 } else { 200 }, &wire::lock(&lock)))
        }
        ("DELETE", [name]) => Some(Answer::empty(if world.delete_lock(caller, scope, name)? { 200 } else { 204 })),
        _ => None,
    })
}
