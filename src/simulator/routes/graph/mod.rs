//! Microsoft Graph v1.0: users, groups, service principals, deleted users, batches (FACTS §7).

mod batch;
mod deleted;
mod groups;
mod objects;
mod users;

use serde_json::{Value, json};

use super::{Answer, Ask, encoded, entra, request_id, supported};
use crate::{
    model::ids::PrincipalId,
    simulator::{
        SharedWorld,
        clock::graph_time,
        odata::Filter,
        quota,
        refusal::Refusal,
        world::{Application, World},
    },
};

const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
/// Graph's default page of users, and the longest that `$top` may ask for (graph-docs user-list).
const PAGE: usize = 100;
const TOP_MAX: usize = 999;

pub(super) fn answer(shared: &SharedWorld, ask: &Ask) -> Answer {
    if ask.method == "POST" && ask.path == "/v1.0/$batch" {
        return shared.with(|world| match entra::bearer(world, ask) {
            Ok(_) => batch::answer(shared, world, ask),
            Err(not_in) => refused(world, ask, &not_in.for_graph()),
        });
    }
    shared.with(|world| one(shared, world, ask))
}

fn one(shared: &SharedWorld, world: &mut World, ask: &Ask) -> Answer {
    let units = groups::units(ask);
    let id = request_id();
    let answered = entra::bearer(world, ask).map_err(|not_in| not_in.for_graph()).and_then(|caller| {
        let application = world.application(caller).cloned().ok_or_else(denied)?;
        within_quota(shared, world, caller, ask, units)?;
        route(world, &application, ask)
    });
    let answer = answered.unwrap_or_else(|refusal| refused(world, ask, &refusal));
    let mut answer =
        answer.with("request-id", id).with("odata-version", "4.0").with("x-ms-resource-unit", units.to_string());
    if answer.status == 429 {
        // graph-docs throttling; the values are inferred.
        answer = answer
            .with("x-ms-throttle-scope", "Tenant_Application/ReadWrite")
            .with("x-ms-throttle-information", "CPULimitExceeded");
    }
    for (name, value) in &mut answer.headers {
        if name == "content-type" {
            JSON.clone_into(value);
        }
    }
    answer
}

/// Resource units and writes of an application (graph-docs throttling-limits.md, FACTS §6).
fn within_quota(
    shared: &SharedWorld,
    world: &World,
    caller: PrincipalId,
    ask: &Ask,
    units: u64,
) -> Result<(), Refusal> {
    let now = world.callers_now();
    let reads = shared.quotas.take(quota::graph_reads(world.users_len()), caller, units, now);
    let writes = ask.is_write().then(|| shared.quotas.take(quota::GRAPH_WRITES, caller, 1, now));
    let over = [Some(reads), writes].into_iter().flatten().find(|standing| standing.left.is_none());
    match over.filter(|_| world.settings().throttling) {
        Some(standing) => Err(Refusal {
            retry_after: Some(standing.resets_after),
            ..Refusal::new(429, "TooManyRequests", "Too many requests.")
        }),
        None => Ok(()),
    }
}

/// The caller lacks the permission (recorded: `Authorization_RequestDenied`, FACTS §7).
pub(in crate::simulator) fn denied() -> Refusal {
    Refusal::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

/// Nobody and nothing has this id or name (recorded for groups and applications, FACTS §7).
fn not_found(key: &str) -> Refusal {
    let message =
        format!("Resource '{key}' does not exist or one of its queried reference-property objects are not present.");
    Refusal::new(404, "Request_ResourceNotFound", message)
}

/// Graph's form of an error, with `innerError` (recorded).
fn refused(world: &World, ask: &Ask, refusal: &Refusal) -> Answer {
    let id = request_id();
    let client = ask.headers.get("client-request-id").cloned().unwrap_or_else(|| id.clone());
    let date = world.now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let answer = Answer::json(
        refusal.status,
        &json!({ "error": {
            "code": refusal.code, "message": refusal.message,
            "innerError": { "date": date, "request-id": id, "client-request-id": client },
        }}),
    );
    match refusal.retry_after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

fn route(world: &mut World, caller: &Application, ask: &Ask) -> Result<Answer, Refusal> {
    supported::check(ask)?;
    let parts = ask.parts();
    let rest = parts.get(1..).unwrap_or_default();
    let reads = ask.method == "GET"
        || ["getByIds", "getMemberGroups", "checkMemberGroups"].iter().any(|end| rest.ends_with(&[*end]));
    let allowed = match (reads, rest) {
        (true, ["groups", ..]) => caller.may_read_groups(),
        (true, _) => caller.may_read_people(),
        (false, _) => caller.may_write_people(),
    };
    if !allowed {
        return Err(denied());
    }
    match (ask.method.as_str(), rest) {
        ("GET", ["users"]) => users::list(world, ask),
        ("POST", ["users"]) => users::create(world, ask),
        ("GET", ["users", key]) => users::get(world, ask, key),
        ("DELETE", ["users", key]) => users::delete(world, key),
        ("PATCH", ["users", key]) => users::change(world, ask, key),
        ("GET", ["groups"]) => {
            let all = world.groups().map(objects::group).collect();
            list(ask, "groups", all, objects::ALL)
        }
        ("POST", ["groups"]) => groups::create(world, ask),
        ("PATCH", ["groups", key]) => groups::change(world, ask, key),
        ("DELETE", ["groups", key]) => groups::delete(world, key),
        ("POST", ["groups", key, "members", "$ref"]) => groups::add_member(world, ask, key),
        ("DELETE", ["groups", key, "members", member, "$ref"]) => groups::remove_member(world, key, member),
        ("POST", [_, key, "getMemberGroups"]) => groups::member_groups(world, ask, key, false),
        ("POST", [_, key, "checkMemberGroups"]) => groups::member_groups(world, ask, key, true),
        ("GET", ["groups", key]) => objects::get_group(world, ask, key),
        ("GET", ["groups", key, "members" | "transitiveMembers"]) => objects::members(world, ask, key),
        ("GET", ["servicePrincipals"]) => {
            let all = world.applications().map(objects::application).collect();
            list(ask, "servicePrincipals", all, objects::ALL)
        }
        ("GET", ["servicePrincipals", key]) => objects::get_application(world, ask, key),
        ("GET", ["directoryObjects", key]) => objects::get_any(world, ask, key),
        ("POST", ["directoryObjects", "getByIds"]) => objects::by_ids(world, caller, ask),
        ("GET", ["directory", "deletedItems", "microsoft.graph.user"]) => deleted::list(world, ask),
        ("GET", ["directory", "deletedItems", "microsoft.graph.group"]) => {
            let all = world.deleted_groups().map(|(group, on)| deleted::group(group, on)).collect();
            list(ask, "groups", all, objects::ALL)
        }
        ("GET", ["directory", "deletedItems", "microsoft.graph.application"]) => {
            Ok(Answer::json(200, &json!({ "@odata.context": context(ask, "directoryObjects"), "value": [] })))
        }
        ("GET", ["directory", "deletedItems", key]) => deleted::get(world, caller, ask, key),
        ("POST", ["directory", "deletedItems", key, "restore"]) => deleted::restore(world, ask, key),
        ("GET", ["organization"]) => Ok(Answer::json(
            200,
            &json!({ "@odata.context": context(ask, "organization"), "value": [{ "id": world.tenant().to_string() }] }),
        )),
        _ => {
            let segment = rest.first().copied().unwrap_or_default();
            let message = format!("Resource not found for the segment '{segment}'.");
            Err(Refusal::new(400, "BadRequest", message))
        }
    }
}

fn context(ask: &Ask, of: &str) -> String {
    format!("{}/v1.0/$metadata#{of}", ask.base)
}

/// A filter, with the demand of advanced queries (graph-docs aad-advanced-queries).
fn filter(ask: &Ask) -> Result<Option<Filter>, Refusal> {
    let Some(text) = ask.parameter("$filter") else { return Ok(None) };
    let filter = Filter::read(text)?;
    let eventual = ask.headers.get("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
    if filter.is_advanced() && !(eventual && ask.parameter("$count") == Some("true")) {
        let message = "Operator is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information";
        return Err(Refusal::new(400, "Request_UnsupportedQuery", message));
    }
    Ok(Some(filter))
}

/// Refuses a property that no object here has: it would match nothing, or be left out, without a sign.
fn known(objects: &[Value], properties: &[&str]) -> Result<(), Refusal> {
    let has = |property: &str| objects.iter().any(|object| object.get(property).is_some());
    let unknown = properties.iter().find(|property| **property != "*" && !objects.is_empty() && !has(property));
    unknown.map_or(Ok(()), |property| Err(Refusal::not_simulated(property)))
}

/// One page of objects, filtered, selected and with its `@odata.nextLink`.
fn list(ask: &Ask, of: &str, objects: Vec<Value>, default: &[&str]) -> Result<Answer, Refusal> {
    let filter = filter(ask)?;
    known(&objects, &filter.as_ref().map(Filter::properties).unwrap_or_default())?;
    let found: Vec<Value> =
        objects.into_iter().filter(|object| filter.as_ref().is_none_or(|filter| filter.fits(object))).collect();
    page(ask, of, &found, default)
}

fn page(ask: &Ask, of: &str, found: &[Value], default: &[&str]) -> Result<Answer, Refusal> {
    let top = match ask.parameter("$top").map(str::parse::<usize>) {
        None => PAGE,
        Some(Ok(top)) if (1..=TOP_MAX).contains(&top) => top,
        Some(_) => {
            let message = "Invalid page size specified: it must be between 1 and 999 inclusive.";
            return Err(Refusal::new(400, "Request_UnsupportedQuery", message));
        }
    };
    known(found, &selected(ask).unwrap_or_default())?;
    let from: usize = ask.parameter("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let shown: Vec<Value> = found.iter().skip(from).take(top).map(|object| select(ask, object, default)).collect();
    let end = from.saturating_add(shown.len());
    let mut reply = serde_json::Map::new();
    let of = ask.parameter("$select").map_or_else(|| of.to_owned(), |select| format!("{of}({select})"));
    reply.insert("@odata.context".to_owned(), json!(context(ask, &of)));
    if ask.parameter("$count") == Some("true") {
        reply.insert("@odata.count".to_owned(), json!(found.len()));
    }
    if end < found.len() {
        let kept = ask.query.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("$skiptoken"));
        let kept = kept.map(|(key, value)| format!("{key}={}&", encoded(value))).collect::<Vec<_>>().concat();
        reply.insert("@odata.nextLink".to_owned(), json!(format!("{}{}?{kept}$skiptoken={end}", ask.base, ask.path)));
    }
    reply.insert("value".to_owned(), json!(shown));
    Ok(Answer::json(200, &reply))
}

/// What `$select` names.
fn selected(ask: &Ask) -> Option<Vec<&str>> {
    ask.parameter("$select").map(|select| select.split(',').map(str::trim).collect())
}

/// The selected properties, or those that come by default: `accountEnabled` and `userType` only when asked for (recorded).
fn select(ask: &Ask, object: &Value, default: &[&str]) -> Value {
    let wanted = selected(ask).unwrap_or_else(|| default.to_vec());
    let wanted =
        |key: &str| key.starts_with('@') || wanted.iter().any(|name| *name == "*" || name.eq_ignore_ascii_case(key));
    match object {
        Value::Object(object) => {
            object.iter().filter(|(key, _)| wanted(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        other => other.clone(),
    }
}

fn entity(ask: &Ask, of: &str, object: &Value, default: &[&str]) -> Answer {
    let mut shown = select(ask, object, default);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("@odata.context".to_owned(), json!(context(ask, &format!("{of}/$entity"))));
    }
    Answer::json(200, &shown)
}

fn body(ask: &Ask) -> Result<Value, Refusal> {
    serde_json::from_slice(&ask.body)
        .map_err(|_| Refusal::new(400, "BadRequest", "Unable to read JSON request payload."))
}

fn time(at: Option<jiff::Timestamp>) -> Value {
    at.map_or(Value::Null, |at| json!(graph_time(at)))
}
