//! Groups, service principals, and objects of any kind by id.

use serde_json::{Value, json};

use super::{body, context, entity, not_found, page, users};
use crate::{
    model::ids::PrincipalId,
    simulator::{
        refusal::Refusal,
        routes::{Answer, Ask},
        world::{Application, Group, World},
    },
};

pub(super) const GROUP: &[&str] = &["displayName", "id", "mail", "securityEnabled"];
pub(super) const APPLICATION: &[&str] =
    &["accountEnabled", "appId", "displayName", "id", "servicePrincipalNames", "servicePrincipalType"];
/// Ids in one `getByIds` (graph-docs directoryobject-getbyids).
const IDS_MAX: usize = 1_000;

pub(super) fn group(found: &Group) -> Value {
    json!({ "id": found.id.to_string(), "displayName": found.name, "mail": null, "securityEnabled": true })
}

pub(super) fn application(found: &Application) -> Value {
    json!({
        "id": found.id.to_string(), "appId": found.client_id.to_string(), "displayName": found.name,
        "servicePrincipalType": "Application", "accountEnabled": true,
        "servicePrincipalNames": [found.client_id.to_string()],
    })
}

fn id(key: &str) -> Result<PrincipalId, Refusal> {
    key.parse().map_err(|_| not_found(key))
}

pub(super) fn get_group(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let found = world.group(id(key)?).ok_or_else(|| not_found(key))?;
    Ok(entity(ask, "groups", &group(found), GROUP))
}

pub(super) fn get_application(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let found = world.application(id(key)?).ok_or_else(|| not_found(key))?;
    Ok(entity(ask, "servicePrincipals", &application(found), APPLICATION))
}

/// Direct members, or all that are in it through groups.
pub(super) fn members(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let group = world.group(id(key)?).ok_or_else(|| not_found(key))?;
    let mut members = group.members.clone();
    let mut next: Vec<PrincipalId> =
        if ask.path.ends_with("/transitiveMembers") { members.iter().copied().collect() } else { Vec::new() };
    while let Some(member) = next.pop() {
        for inner in world.group(member).into_iter().flat_map(|group| &group.members) {
            if members.insert(*inner) {
                next.push(*inner);
            }
        }
    }
    let found: Vec<Value> = members.iter().filter_map(|member| any(world, *member)).collect();
    page(ask, "directoryObjects", &found, &[users::DEFAULT, APPLICATION].concat())
}

pub(super) fn get_any(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let found = any(world, id(key)?).ok_or_else(|| not_found(key))?;
    Ok(entity(ask, "directoryObjects", &found, &[users::DEFAULT, APPLICATION].concat()))
}

fn any(world: &World, id: PrincipalId) -> Option<Value> {
    let typed = |mut object: Value, kind: &str| {
        if let Some(object) = object.as_object_mut() {
            object.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.{kind}")));
        }
        object
    };
    let user = world.user(id).map(|found| typed(users::object(found), "user"));
    let found = user.or_else(|| world.group(id).map(|found| typed(group(found), "group")));
    found.or_else(|| world.application(id).map(|found| typed(application(found), "servicePrincipal")))
}

/// One answer for up to 1,000 ids; what does not exist is left out without an error (recorded, FACTS §7).
pub(super) fn by_ids(world: &World, ask: &Ask) -> Result<Answer, Refusal> {
    let body = body(ask)?;
    let list = |key: &str| body.get(key).and_then(Value::as_array);
    let ids = list("ids").ok_or_else(|| Refusal::new(400, "Request_BadRequest", "The 'ids' parameter is required."))?;
    if ids.len() > IDS_MAX {
        let message = format!("The number of ids exceeds the limit of {IDS_MAX}."); // words not recorded
        return Err(Refusal::new(400, "Request_BadRequest", message));
    }
    let types = list("types");
    let wanted = |object: &Value| {
        let is = object.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
        types.is_none_or(|types| {
            types
                .iter()
                .filter_map(Value::as_str)
                .any(|wanted| is.strip_prefix("#microsoft.graph.").is_some_and(|is| is.eq_ignore_ascii_case(wanted)))
        })
    };
    let found = ids.iter().filter_map(Value::as_str).filter_map(|id| id.parse().ok()).filter_map(|id| any(world, id));
    let value: Vec<Value> = found.filter(wanted).collect();
    Ok(Answer::json(200, &json!({ "@odata.context": context(ask, "directoryObjects"), "value": value })))
}
