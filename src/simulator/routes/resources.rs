//! Subscriptions, resource groups and resources over HTTP (specs: subscriptions.json, resources.json, components_API.json,
//! Workspaces.json; recordings of groups, components and paged lists).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Ask, encoded, supported, vaults, wire};
use crate::{
    model::ids::{PrincipalId, ScopeId, SubscriptionId},
    simulator::{
        clock::azure_time,
        file,
        refusal::Refusal,
        world::{Resource, World, inventory::group_scope, resources::GroupInfo},
    },
};

/// Answers what is not for Microsoft.Authorization; `None` for a path that nobody knows.
pub(super) fn answer(
    world: &mut World,
    caller: PrincipalId,
    ask: &Ask,
    version: &str,
) -> Result<Option<Answer>, Refusal> {
    let parts = ask.parts();
    let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let Some(id) = parts.get(1).and_then(|id| id.parse::<SubscriptionId>().ok()) else { return Ok(None) };
    let subscription = ScopeId::subscription_scope(id);
    let group = parts.get(3).map_or_else(|| subscription.clone(), |name| group_scope(id, name));
    let method = ask.method.as_str();
    if lower.contains(&"microsoft.keyvault")
        && let Some(answer) = vaults::answer(world, caller, ask, id, &lower)?
    {
        return Ok(Some(answer));
    }
    Ok(Some(match (method, lower.as_slice()) {
        ("GET", ["subscriptions", _]) => {
            world.demand(caller, "Microsoft.Resources/subscriptions/read", &subscription)?;
            let found = world.subscriptions().find(|found| found.id == id);
            Answer::json(200, &wire::subscription(world, found.ok_or_else(|| Refusal::no_subscription(id))?))
        }
        ("GET", ["subscriptions", _, "resourcegroups"]) => {
            world.known(id)?;
            let groups = world.visible_groups(caller).filter(|scope| subscription.holds(scope));
            let value: Vec<Value> = groups.filter_map(|scope| group_json(world, scope)).collect();
            Answer::json(200, &json!({ "value": value }))
        }
        (_, ["subscriptions", _, "resourcegroups", _]) => return one_group(world, caller, ask, &group).map(Some),
        ("GET", ["subscriptions", _, "resources"]) => list(world, caller, ask, &subscription)?,
        ("GET", ["subscriptions", _, "resourcegroups", _, "resources"]) => {
            if world.group_info(&group).is_none() {
                return Err(Refusal::no_group(group.last_segment()));
            }
            list(world, caller, ask, &group)?
        }
        // What a deleted group's `location` points to: it is done at once here.
        ("GET", ["subscriptions", _, "operationresults", _]) => Answer::empty(200),
        ("GET", ["subscriptions", _, "providers", namespace, kind]) => {
            of_type(world, caller, &subscription, &format!("{namespace}/{kind}"))?
        }
        ("GET", ["subscriptions", _, "resourcegroups", _, "providers", namespace, kind]) => {
            of_type(world, caller, &group, &format!("{namespace}/{kind}"))?
        }
        (_, ["subscriptions", _, "resourcegroups", _, "providers", _, rest @ ..]) if rest.len() % 2 == 0 => {
            return one(world, caller, ask, version);
        }
        _ => return Ok(None),
    }))
}

fn of_type(world: &World, caller: PrincipalId, at: &ScopeId, arm_type: &str) -> Result<Answer, Refusal> {
    world.demand(caller, &format!("{arm_type}/read"), at)?;
    let found = world.resources().filter(|found| at.holds(&found.id) && found.arm_type.eq_ignore_ascii_case(arm_type));
    Ok(Answer::json(200, &json!({ "value": found.map(wire::resource).collect::<Vec<_>>() })))
}

/// As recorded; `tags` only where there are some.
fn group_json(world: &World, scope: &ScopeId) -> Option<Value> {
    let info = world.group_info(scope)?;
    let mut group = json!({
        "id": scope.as_str(), "name": scope.last_segment(), "type": "Microsoft.Resources/resourceGroups",
        "location": info.location, "properties": { "provisioningState": "Succeeded" },
    });
    if let Some(object) = group.as_object_mut().filter(|_| !info.tags.is_empty()) {
        object.insert("tags".to_owned(), json!(info.tags));
    }
    Some(group)
}

fn one_group(world: &mut World, caller: PrincipalId, ask: &Ask, scope: &ScopeId) -> Result<Answer, Refusal> {
    let read = "Microsoft.Resources/subscriptions/resourceGroups/read";
    let none = || Refusal::no_group(scope.last_segment());
    match ask.method.as_str() {
        "GET" | "HEAD" => {
            world.demand(caller, read, scope)?;
            let stored = world.visible_groups(caller).find(|found| *found == scope).cloned();
            let found = stored.and_then(|stored| group_json(world, &stored));
            match (ask.method.as_str(), found) {
                ("HEAD", found) => Ok(Answer::empty(if found.is_some() { 204 } else { 404 })), // specs
                (_, found) => Ok(Answer::json(200, &found.ok_or_else(none)?)),
            }
        }
        method @ ("PUT" | "PATCH") => {
            let body = body(&ask.body)?;
            let old = world.group_info(scope);
            if method == "PATCH" && old.is_none() {
                world.demand(caller, read, scope)?;
                return Err(none());
            }
            let old = old.unwrap_or_default();
            let location = body.get("location").and_then(Value::as_str);
            if method == "PUT" && location.is_none() {
                return Err(no_location());
            }
            let info = GroupInfo {
                location: location.map_or(old.location, ToOwned::to_owned),
                tags: if method == "PATCH" && body.get("tags").is_none() { old.tags } else { tags(&body) },
            };
            let is_new = world.put_group(caller, scope, info)?;
            Ok(Answer::json(if is_new { 201 } else { 200 }, &group_json(world, scope)))
        }
        "DELETE" => {
            world.delete_group(caller, &ScopeId::new(&ask.path))?; // a refusal spells it as it was asked (recorded)
            // 202, and where to look (specs; the form of the link is inferred).
            let at = scope.as_str().split('/').nth(2).unwrap_or_default();
            let job = World::derived_id(world.tenant(), "job", scope.folded()).simple();
            let link = format!("{}/subscriptions/{at}/operationresults/{job}?api-version=2021-04-01", ask.base);
            Ok(Answer::empty(202).with("location", link).with("retry-after", "0"))
        }
        _ => Err(none()),
    }
}

/// `GET …/resources`. A filtered list came as two empty pages with a link, then the hit, then a last page (recorded).
fn list(world: &World, caller: PrincipalId, ask: &Ask, at: &ScopeId) -> Result<Answer, Refusal> {
    if let Some(id) = at.subscription() {
        world.known(id)?;
    }
    let filter = ask.parameter("$filter").unwrap_or_default();
    let terms = terms(filter)?;
    let found = world.visible_resources(caller).filter(|found| at.holds(&found.id));
    let value: Vec<Value> =
        found.filter(|found| terms.iter().all(|term| term.fits(found))).map(wire::resource_in_list).collect();
    let page = supported::page(ask)?;
    let mut reply = json!({ "value": if filter.is_empty() || page == 2 { value } else { Vec::new() } });
    if let Some(reply) = reply.as_object_mut().filter(|_| !filter.is_empty() && page < 3) {
        let version = encoded(ask.parameter("api-version").unwrap_or_default()).replace("%2D", "-");
        let filter = encoded(filter).replace("%20", "+"); // the link writes the query its own way (recorded)
        let path = ask.path.replace(' ', "%20");
        let link = format!(
            "{}{path}?%24filter={filter}&api-version={version}&%24skiptoken={}",
            ask.base,
            page.saturating_add(1)
        );
        reply.insert("nextLink".to_owned(), json!(link));
    }
    Ok(Answer::json(200, &reply))
}

/// One term of the filter: which property, which value, equal or not, or part of it.
struct Term {
    property: String,
    value: String,
    wanted: bool,
    part: bool,
}

impl Term {
    fn fits(&self, found: &Resource) -> bool {
        let has = |text: &str| {
            if self.part {
                text.to_ascii_lowercase().contains(&self.value)
            } else {
                text.eq_ignore_ascii_case(&self.value)
            }
        };
        let hit = match self.property.as_str() {
            "resourcetype" => has(&found.arm_type),
            "name" => has(&found.name),
            "resourcegroup" => has(&found.group),
            "location" => has(&found.location),
            "tagname" => found.tags.keys().any(|name| has(name)),
            "tagvalue" => found.tags.values().any(|value| has(value)),
            _ => false,
        };
        hit == self.wanted
    }
}

/// `eq`, `ne` and `substringof`, joined by `and`, over the properties that the description names.
fn terms(filter: &str) -> Result<Vec<Term>, Refusal> {
    let refuse = || {
        let message = format!("Invalid $filter '{filter}' specified in the query string."); // words not recorded
        Refusal::new(400, "InvalidFilterInQueryString", message)
    };
    let texts = filter.split(" and ").map(str::trim).filter(|term| !term.is_empty());
    texts.map(|text| term(text).ok_or_else(refuse)).collect()
}

fn term(text: &str) -> Option<Term> {
    let known = ["resourcetype", "name", "resourcegroup", "location", "tagname", "tagvalue"];
    let (before, rest) = text.split_once('\'')?;
    let (value, after) = rest.rsplit_once('\'')?;
    let value = value.replace("''", "'").to_ascii_lowercase();
    let before = before.to_ascii_lowercase();
    let (property, wanted, part) = if before.trim() == "substringof(" {
        (after.trim().strip_prefix(',')?.strip_suffix(')')?.trim().to_ascii_lowercase(), true, true)
    } else {
        let (property, operator) = before.trim().split_once(' ')?;
        match operator.trim() {
            "eq" => (property.to_owned(), true, false),
            "ne" => (property.to_owned(), false, false),
            _ => return None,
        }
    };
    known.contains(&property.as_str()).then_some(Term { property, value, wanted, part })
}

fn one(world: &mut World, caller: PrincipalId, ask: &Ask, version: &str) -> Result<Option<Answer>, Refusal> {
    let id = ScopeId::new(&ask.path);
    Ok(Some(match ask.method.as_str() {
        "GET" => Answer::json(200, &wire::resource(world.resource(caller, &id)?)),
        method @ ("PUT" | "PATCH") => {
            let mut body = body(&ask.body)?;
            let old = world.resource(caller, &id).ok().cloned();
            if method == "PATCH" {
                let old = old.as_ref().ok_or_else(|| no_such(world, caller, &id))?;
                body = laid_over(old, &body);
            }
            if vaults::is_recovery(&body) && old.is_none() {
                return Ok(Some(Answer::json(200, &wire::resource(&world.recover_vault(caller, &id)?))));
            }
            if body.get("location").and_then(Value::as_str).is_none() {
                return Err(no_location());
            }
            let rbac = vaults::uses_rbac(old.as_ref(), version);
            let born = old.as_ref().map_or_else(|| Some(world.now()), |old| old.created);
            let made = file::made(&id, world.tenant(), &body, rbac, born);
            let mut made = made.map_err(|message| Refusal::new(400, "InvalidRequestContent", message))?;
            let is_component = made.arm_type.eq_ignore_ascii_case("microsoft.insights/components");
            if let Some(properties) = made.properties.as_object_mut().filter(|_| is_component) {
                let before = old.as_ref().and_then(|old| old.properties.get("CreationDate")).cloned();
                let now = azure_time(world.now()).replace('Z', "+00:00"); // written so (recorded)
                properties.insert("CreationDate".to_owned(), before.unwrap_or_else(|| json!(now)));
            }
            let is_new = world.put_resource(caller, made.clone())?;
            // A component is 200 even when it is new (recorded); others are 201 then (specs).
            let created = is_new && !is_component;
            Answer::json(if created { 201 } else { 200 }, &wire::resource(&made))
        }
        "DELETE" => Answer::empty(if world.delete_resource(caller, &id)?.is_some() { 200 } else { 204 }),
        _ => return Ok(None),
    }))
}

fn no_such(world: &World, caller: PrincipalId, id: &ScopeId) -> Refusal {
    match world.resource(caller, id) {
        Err(refusal) => refusal,
        Ok(found) => Refusal::no_resource(&found.arm_type, &found.name, &found.group),
    }
}

/// The body of a PUT that says what a PATCH says: what it does not name stays.
fn laid_over(old: &Resource, patch: &Value) -> Value {
    let mut body =
        json!({ "location": old.location, "tags": old.tags, "kind": old.kind, "properties": old.properties });
    if let (Some(body), Some(patch)) = (body.as_object_mut(), patch.as_object()) {
        for (key, value) in patch {
            match (key.as_str(), body.get_mut(key).and_then(Value::as_object_mut), value.as_object()) {
                ("properties", Some(held), Some(new)) => {
                    held.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                _ => {
                    body.insert(key.clone(), value.clone());
                }
            }
        }
    }
    body
}

/// Microsoft Learn, "Common errors": `LocationRequired`.
fn no_location() -> Refusal {
    Refusal::new(400, "LocationRequired", "The location property is required for this definition.")
}

fn tags(body: &Value) -> BTreeMap<String, String> {
    let tags = body.get("tags").and_then(Value::as_object).into_iter().flatten();
    tags.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

pub(super) fn body(bytes: &[u8]) -> Result<Value, Refusal> {
    let unreadable =
        || Refusal::new(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.");
    serde_json::from_slice::<Value>(bytes).ok().filter(Value::is_object).ok_or_else(unreadable)
}
