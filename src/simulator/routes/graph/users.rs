//! Users: found by filter, name or id; created, changed, deleted.

use serde_json::{Value, json};

use super::{body, entity, filter, not_found, page};
use crate::{
    model::{
        ids::{PrincipalId, UserName},
        people::Attribute,
    },
    simulator::{
        refusal::Refusal,
        routes::{Answer, Ask},
        world::{User, World},
    },
};

/// What comes without `$select` (graph-docs user-get; recorded).
pub(super) const DEFAULT: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

pub(super) fn object(user: &User) -> Value {
    let mut object = plain(user);
    if let Some(object) = object.as_object_mut() {
        for which in Attribute::ALL {
            object.insert(which.word().to_owned(), json!(user.attributes.get(&which)));
        }
    }
    object
}

fn plain(user: &User) -> Value {
    json!({
        "id": user.id.to_string(), "businessPhones": [], "displayName": user.display_name, "givenName": null,
        "jobTitle": null, "mail": user.mail, "mobilePhone": null, "preferredLanguage": null,
        "surname": null, "userPrincipalName": user.shown_name(), "accountEnabled": user.enabled,
        "userType": if user.guest { "Guest" } else { "Member" }, "createdDateTime": super::time(user.created),
        "deletedDateTime": super::time(user.deleted),
    })
}

pub(super) fn list(world: &World, ask: &Ask) -> Result<Answer, Refusal> {
    let Some(filter) = filter(ask)? else {
        let all: Vec<Value> = world.users().map(object).collect();
        return page(ask, "users", &all, DEFAULT);
    };
    let by_key = |(property, value): &(&str, &str)| -> Option<Vec<&User>> {
        match *property {
            "userPrincipalName" => Some(world.user_named(&UserName::new(value)).into_iter().collect()),
            "id" => Some(value.parse().ok().and_then(|id| world.user(id)).into_iter().collect()),
            "mail" => Some(world.users_with_mail(value).collect()),
            _ => None,
        }
    };
    let any: Vec<Value> = world.users().next().map(object).into_iter().collect();
    super::known(&any, &filter.properties())?;
    // An index where the filter names keys, else a look at everybody.
    let keyed: Option<Vec<Vec<&User>>> = filter.keys().and_then(|keys| keys.iter().map(by_key).collect());
    let found: Vec<Value> = match keyed {
        Some(users) => {
            let mut users: Vec<&User> = users.into_iter().flatten().collect();
            users.sort_by(|a, b| a.name.cmp(&b.name));
            users.dedup_by_key(|user| user.id);
            users.into_iter().map(object).filter(|object| filter.fits(object)).collect()
        }
        None => match &filter {
            crate::simulator::odata::Filter::Starts(property, with) if property == "userPrincipalName" => {
                world.users_starting(with).map(object).collect()
            }
            _ => world.users().map(object).filter(|object| filter.fits(object)).collect(),
        },
    };
    page(ask, "users", &found, DEFAULT)
}

fn find<'a>(world: &'a World, key: &str) -> Result<&'a User, Refusal> {
    let found = match key.parse::<PrincipalId>() {
        Ok(id) => world.user(id),
        Err(_) => world.user_named(&UserName::new(key)),
    };
    found.ok_or_else(|| not_found(key))
}

pub(super) fn get(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    Ok(entity(ask, "users", &object(find(world, key)?), DEFAULT))
}

pub(super) fn delete(world: &mut World, key: &str) -> Result<Answer, Refusal> {
    let id = find(world, key)?.id;
    world.delete_user(id);
    Ok(Answer::empty(204))
}

pub(super) fn create(world: &mut World, ask: &Ask) -> Result<Answer, Refusal> {
    let body = body(ask)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let missing = |key: &str| {
        Refusal::new(400, "Request_BadRequest", format!("A value is required for property '{key}' of resource 'User'."))
    };
    let name = UserName::new(&text("userPrincipalName").ok_or_else(|| missing("userPrincipalName"))?);
    free(world, &name)?;
    // An id of its own even if the name was in use before: another person behind the same name.
    let seed = format!("{name}|{}|{}", world.now(), world.all_users().count());
    let user = User {
        id: PrincipalId(World::derived_id(world.tenant(), "user", &seed)),
        display_name: text("displayName"),
        mail: text("mail"),
        enabled: body.get("accountEnabled").and_then(Value::as_bool).unwrap_or(true),
        guest: text("userType").is_some_and(|kind| kind == "Guest"),
        attributes: Attribute::ALL.into_iter().filter_map(|which| Some((which, text(which.word())?))).collect(),
        created: Some(world.now()),
        deleted: None,
        name,
    };
    let answer = Answer { status: 201, ..entity(ask, "users", &object(&user), DEFAULT) };
    world.place_user(user);
    Ok(answer)
}

pub(super) fn change(world: &mut World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let mut user = find(world, key)?.clone();
    for (key, value) in body(ask)?.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("accountEnabled", Value::Bool(enabled)) => user.enabled = *enabled,
            ("displayName", Value::String(name)) => user.display_name = Some(name.clone()),
            ("mail", mail) => user.mail = mail.as_str().map(ToOwned::to_owned),
            ("userPrincipalName", Value::String(name)) => {
                let name = UserName::new(name);
                if name != user.name {
                    free(world, &name)?;
                }
                user.name = name;
            }
            (key, value) if Attribute::ALL.iter().any(|which| which.word() == key) => {
                user.attributes.retain(|which, _| which.word() != key);
                let which = Attribute::ALL.into_iter().find(|which| which.word() == key);
                user.attributes.extend(which.zip(value.as_str().map(ToOwned::to_owned)));
            }
            ("passwordProfile" | "mailNickname", _) => {} // recorded: they may be there; nothing hangs on them
            _ => {
                let message = format!("Invalid property '{key}'.");
                return Err(Refusal::new(400, "Request_BadRequest", message));
            }
        }
    }
    world.place_user(user);
    Ok(Answer::empty(204))
}

fn free(world: &World, name: &UserName) -> Result<(), Refusal> {
    if world.user_named(name).is_none() {
        return Ok(());
    }
    let message = "Another object with the same value for property userPrincipalName already exists.";
    Err(Refusal::new(400, "Request_BadRequest", message))
}
