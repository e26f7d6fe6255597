//! Groups that are made, changed and deleted, who is in them, and what each request costs (recorded group scenario;
//! graph-docs group-post-members, throttling-limits.md; FACTS §6, §7).

use serde_json::{Value, json};

use super::{body, context, entity, not_found, objects};
use crate::{
    model::ids::PrincipalId,
    simulator::{
        refusal::Refusal,
        routes::{Answer, Ask},
        world::{Group, World},
    },
};

fn find<'a>(world: &'a World, key: &str) -> Result<&'a Group, Refusal> {
    key.parse().ok().and_then(|id| world.group(id)).ok_or_else(|| not_found(key))
}

pub(super) fn create(world: &mut World, ask: &Ask) -> Result<Answer, Refusal> {
    let body = body(ask)?;
    let missing = |key: &str| {
        Refusal::new(
            400,
            "Request_BadRequest",
            format!("A value is required for property '{key}' of resource 'Group'."),
        )
    };
    // The four that graph-docs group-post-groups requires.
    for key in ["displayName", "mailNickname", "mailEnabled", "securityEnabled"] {
        if body.get(key).is_none_or(Value::is_null) {
            return Err(missing(key));
        }
    }
    let name = body.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned();
    // Display names need not be unique: an id of its own each time.
    let seed = format!("{name}|{}|{}", world.now(), world.groups().count());
    let id = PrincipalId(World::derived_id(world.tenant(), "group", &seed));
    let group = Group { id, name, members: std::collections::BTreeSet::new() };
    let made = entity(ask, "groups", &objects::group(&group), objects::ALL);
    let tenant = world.tenant();
    world.place_group(group);
    let link = format!("{}/v2/{tenant}/directoryObjects/{id}/Microsoft.DirectoryServices.Group", ask.base);
    Ok(Answer { status: 201, ..made }.with("location", link))
}

pub(super) fn change(world: &mut World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let mut group = find(world, key)?.clone();
    if let Some(name) = body(ask)?.get("displayName").and_then(Value::as_str) {
        name.clone_into(&mut group.name);
    }
    world.place_group(group);
    Ok(Answer::empty(204))
}

pub(super) fn delete(world: &mut World, key: &str) -> Result<Answer, Refusal> {
    let id = find(world, key)?.id;
    world.delete_group_object(id);
    Ok(Answer::empty(204))
}

/// `POST …/members/$ref`: 204, 400 if it is in already, 404 if there is none (FACTS §7).
pub(super) fn add_member(world: &mut World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let mut group = find(world, key)?.clone();
    let body = body(ask)?;
    let member = body.get("@odata.id").and_then(Value::as_str).unwrap_or_default();
    let member = member.rsplit('/').next().unwrap_or_default();
    let id: PrincipalId = member.parse().map_err(|_| not_found(member))?;
    world.type_of(id).ok_or_else(|| not_found(member))?;
    if !group.members.insert(id) {
        // Public reports; not recorded.
        let message =
            "One or more added object references already exist for the following modified properties: 'members'.";
        return Err(Refusal::new(400, "Request_BadRequest", message));
    }
    world.place_group(group);
    Ok(Answer::empty(204))
}

pub(super) fn remove_member(world: &mut World, key: &str, member: &str) -> Result<Answer, Refusal> {
    let mut group = find(world, key)?.clone();
    let id: PrincipalId = member.parse().map_err(|_| not_found(member))?;
    if !group.members.remove(&id) {
        return Err(not_found(member));
    }
    world.place_group(group);
    Ok(Answer::empty(204))
}

/// `getMemberGroups`, and `checkMemberGroups` for some of them: through groups as well (recorded).
pub(super) fn member_groups(world: &World, ask: &Ask, key: &str, check: bool) -> Result<Answer, Refusal> {
    let id: PrincipalId = key.parse().map_err(|_| not_found(key))?;
    world.type_of(id).ok_or_else(|| not_found(key))?;
    let body = body(ask)?;
    let mut groups: Vec<String> =
        world.with_groups(id).into_iter().filter(|group| *group != id).map(|group| group.to_string()).collect();
    if check {
        let asked = body.get("groupIds").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        groups.retain(|group| asked.iter().any(|id| id.as_str().is_some_and(|id| id.eq_ignore_ascii_case(group))));
    }
    let reply = json!({ "@odata.context": context(ask, "Collection(Edm.String)"), "value": groups });
    Ok(Answer::json(200, &reply).with("location", ask.base.clone()))
}

/// Resource units of one request: as documented, and as recorded.
pub(super) fn units(ask: &Ask) -> u64 {
    let parts = ask.parts();
    let base: u64 = match (ask.method.as_str(), parts.get(1..).unwrap_or_default()) {
        ("GET", ["users" | "applications"]) | ("POST", [.., "getMemberGroups"]) => 2,
        ("POST", [.., "getByIds"]) | ("GET", ["groups", _, "members"]) => 3,
        ("POST", [.., "checkMemberGroups"]) => 4,
        ("GET", ["groups", _, "transitiveMembers"]) => 5,
        _ => 1,
    };
    let select = u64::from(ask.parameter("$select").is_some());
    let top = u64::from(ask.parameter("$top").and_then(|top| top.parse::<u32>().ok()).is_some_and(|top| top < 20));
    base.saturating_sub(select).saturating_sub(top).max(1)
}
