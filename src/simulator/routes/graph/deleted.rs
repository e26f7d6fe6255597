//! Deleted users: found by id, or by the end of the name, which then begins with the id (FACTS §7; TRAPS).

use serde_json::{Value, json};

use super::{body, entity, filter, not_found, page, users};
use crate::{
    model::ids::PrincipalId,
    simulator::{
        refusal::Refusal,
        routes::{Answer, Ask},
        world::World,
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

pub(super) fn list(world: &World, ask: &Ask) -> Result<Answer, Refusal> {
    let filter = filter(ask)?;
    let all = world.deleted_users().map(object);
    let found: Vec<Value> = all.filter(|object| filter.as_ref().is_none_or(|filter| filter.fits(object))).collect();
    page(ask, "users", &found, DEFAULT)
}

pub(super) fn get(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let found = key.parse::<PrincipalId>().ok().and_then(|id| world.deleted_user(id));
    Ok(entity(ask, "directoryObjects", &object(found.ok_or_else(|| not_found(key))?), DEFAULT))
}

pub(super) fn restore(world: &mut World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let id: PrincipalId = key.parse().map_err(|_| not_found(key))?;
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
