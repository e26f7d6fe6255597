//! Deleted users: found by id, or by the end of the name, which then begins with the id (FACTS §7; TRAPS).

use serde_json::{Value, json};

use super::{body, entity, filter, not_found, objects, page, users};
use crate::{
    model::ids::PrincipalId,
    simulator::{
        refusal::Refusal,
        routes::{Answer, Ask},
        world::{Application, Group, World},
    },
};

/// What comes without `$select`: the users' defaults, and when it was deleted.
const DEFAULT: &[&str] = &["deletedDateTime", "displayName", "id", "mail", "userPrincipalName"];

fn object(user: &crate::simulator::world::User) -> Value {
    let mut object = users::object(user);
    if let Some(object) = object.as_object_mut() {
        object.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    }
    object
}

/// A deleted group.
pub(super) fn group(found: &Group, on: jiff::Timestamp) -> Value {
    let mut object = objects::group(found);
    if let Some(object) = object.as_object_mut() {
        object.insert("@odata.type".to_owned(), json!("#microsoft.graph.group"));
        object.insert("deletedDateTime".to_owned(), super::time(Some(on)));
    }
    object
}

pub(super) fn list(world: &World, ask: &Ask) -> Result<Answer, Refusal> {
    let filter = filter(ask)?;
    let all = world.deleted_users().map(object);
    let found: Vec<Value> = all.filter(|object| filter.as_ref().is_none_or(|filter| filter.fits(object))).collect();
    page(ask, "users", &found, DEFAULT)
}

/// What is not covered by the caller's permissions looks as if it were not there: 404 rather than 403 is OPEN.
pub(super) fn get(world: &World, caller: &Application, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let id = key.parse::<PrincipalId>().ok();
    if caller.may_look_up("group")
        && let Some((found, on)) = world.deleted_groups().find(|(found, _)| Some(found.id) == id)
    {
        return Ok(entity(ask, "directoryObjects", &group(found, on), objects::ALL));
    }
    let found = id.and_then(|id| world.deleted_user(id));
    Ok(entity(ask, "directoryObjects", &object(found.ok_or_else(|| not_found(key))?), DEFAULT))
}

pub(super) fn restore(world: &mut World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let id: PrincipalId = key.parse().map_err(|_| not_found(key))?;
    if world.restore_group(id) {
        let found = world.group(id).ok_or_else(|| not_found(key))?;
        return Ok(entity(ask, "directoryObjects", &objects::group(found), objects::ALL));
    }
    let name = world.deleted_user(id).ok_or_else(|| not_found(key))?.name.clone();
    if world.user_named(&name).is_some() {
        let message = "Another object with the same value for property userPrincipalName already exists."; // as on create
        return Err(Refusal::new(400, "Request_BadRequest", message));
    }
    let _ = body(ask); // `autoReconcileProxyConflict` may be there; nothing hangs on it
    world.restore_user(id);
    let user = world.user(id).ok_or_else(|| not_found(key))?;
    let mut object = object(user);
    if let Some(object) = object.as_object_mut() {
        object.remove("deletedDateTime");
    }
    Ok(entity(ask, "directoryObjects", &object, DEFAULT))
}
