//! Resource Graph: `POST /providers/Microsoft.ResourceGraph/resources` (2022-10-01; FACTS §5).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::{Answer, Ask, authorization_rows, supported, wire};
use crate::{
    model::ids::{PrincipalId, SubscriptionId},
    simulator::{
        SharedWorld,
        kql::{self, Row, Tables},
        quota::{self, Standing},
        refusal::Refusal,
        world::{Resource, World},
    },
};

/// A column of `resources` that is there for who asks (azure-docs lab-services/find-delete-lab-resources.md).
const SYSTEM_DATA: &str = "systemData";
/// Rows on one page at most (specs: `$top`, 1 to 1000).
const TOP_MAX: u64 = 1_000;

pub(super) fn is_meant(ask: &Ask) -> bool {
    ask.path.eq_ignore_ascii_case("/providers/Microsoft.ResourceGraph/resources")
}

/// 15 requests in 5 seconds, told in headers, and enforced where throttling is (FACTS §5; the words of the refusal are those
/// of public reports).
pub(super) fn within_quota(shared: &SharedWorld, world: &World, caller: PrincipalId, ask: &Ask) -> Answer {
    let quota = quota::RESOURCE_GRAPH;
    let standing = if world.settings().throttling {
        shared.quotas.take(quota, caller, 1, world.callers_now())
    } else {
        Standing { left: Some(quota.most - 1), resets_after: quota.seconds.unsigned_abs() }
    };
    let answer = if standing.left.is_none() {
        let message = "Client application has been throttled and should not continue to repeat the request until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.";
        refused_with(429, "RateLimiting", "RateLimiting", message)
            .with("retry-after", standing.resets_after.to_string())
    } else {
        answer(world, caller, ask)
    };
    let left = standing.left.unwrap_or_default().to_string();
    answer
        .with("x-ms-user-quota-remaining", left.clone())
        .with("x-ms-user-quota-resets-after", format!("00:00:{:02}", standing.resets_after))
        .with("x-ms-ratelimit-remaining-tenant-resource-requests", left)
}

fn answer(world: &World, caller: PrincipalId, ask: &Ask) -> Answer {
    if let Err(refusal) = supported::check(ask).and_then(|()| version(ask)) {
        return Answer::refused(&refusal);
    }
    if ask.method != "POST" {
        return refused("BadRequest", "Resource Graph is asked with POST.");
    }
    let body: Value = match serde_json::from_slice(&ask.body) {
        Ok(body) => body,
        Err(error) => return refused("BadRequest", &error.to_string()),
    };
    let Some(query) = body.get("query").and_then(Value::as_str) else {
        return refused("InvalidQuery", "Query is missing.");
    };
    if let Err(refusal) = carried_out(&body) {
        return refused(&refusal.code, &refusal.message);
    }
    let option = |name: &str| body.pointer(&format!("/options/{name}"));
    let table =
        option("resultFormat").and_then(Value::as_str).is_some_and(|format| format.eq_ignore_ascii_case("table"));
    let top = option("$top").and_then(Value::as_u64).unwrap_or(TOP_MAX);
    if top == 0 || top > TOP_MAX {
        return refused("InvalidTop", "The $top must be between 1 and 1000.");
    }
    let texts = |name: &str| {
        let list = body.get(name).and_then(Value::as_array);
        list.map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>())
    };
    let (named, groups) = (texts("subscriptions"), texts("managementGroups"));
    let above = groups.is_some();
    if let Some(nowhere) = nowhere(world, caller, &body) {
        return refused("NotSimulated", &Refusal::not_simulated(&nowhere).message);
    }
    let mut only: Option<Vec<SubscriptionId>> =
        named.map(|ids| ids.into_iter().filter_map(|id| id.parse().ok()).collect());
    if let Some(groups) = groups {
        let is_in = |name: &String| groups.iter().any(|group| group.eq_ignore_ascii_case(name));
        let below = world.subscriptions().filter(|found| found.management_groups.iter().any(is_in));
        only.get_or_insert_default().extend(below.map(|found| found.id));
    }
    let seen = Seen { world, caller, only, above };
    let rows = match kql::run(query, &seen) {
        Ok(rows) if query.contains(SYSTEM_DATA) => rows,
        // Not among the columns of who names none (recorded).
        Ok(mut rows) => {
            for row in &mut rows {
                row.remove(SYSTEM_DATA);
            }
            rows
        }
        Err(error) => return refused("InvalidQuery", &error.to_string()),
    };
    let skip = option("$skip").and_then(Value::as_u64).unwrap_or(0);
    let token = option("$skipToken").and_then(Value::as_str);
    let from = match token
        .map(|token| BASE64_STANDARD.decode(token).ok().and_then(|text| String::from_utf8(text).ok()?.parse().ok()))
    {
        None => skip,
        Some(Some(from)) => from,
        Some(None) => return refused("InvalidSkipToken", "The skip token is invalid."),
    };
    let (from, top) = (usize::try_from(from).unwrap_or(usize::MAX), usize::try_from(top).unwrap_or(usize::MAX));
    let total = rows.len();
    // Pages need an `id` in the rows, else they cannot be told apart ("Working with large result sets").
    let pageable = rows.iter().all(|row| row.contains_key("id"));
    let page: Vec<Row> = rows.into_iter().skip(from).take(top).collect();
    let end = from.saturating_add(page.len());
    let more = end < total;
    let mut reply = Map::from_iter([
        ("totalRecords".to_owned(), json!(total)),
        ("count".to_owned(), json!(page.len())),
        ("resultTruncated".to_owned(), json!(if more { "true" } else { "false" })),
        ("data".to_owned(), if table { as_table(&page) } else { json!(page) }),
        ("facets".to_owned(), json!([])),
    ]);
    if more && pageable {
        reply.insert("$skipToken".to_owned(), json!(BASE64_STANDARD.encode(end.to_string())));
    }
    Answer::json(200, &reply)
}

/// The versions that the description and real clients name (FACTS §5; CLIENTS §1).
fn version(ask: &Ask) -> Result<(), Refusal> {
    let known = ["2024-04-01", "2022-10-01", "2021-03-01", "2020-04-01-preview", "2019-04-01"];
    match ask.parameter("api-version").unwrap_or_default() {
        "" => {
            let message = "The api-version query parameter (?api-version=) is required for all requests.";
            Err(Refusal::new(400, "MissingApiVersionParameter", message))
        }
        version if known.contains(&version) => Ok(()),
        version => Err(Refusal::not_simulated(&format!("api-version={version}"))),
    }
}

/// A subscription or management group of the body that does not exist, or that the caller does not see: what Azure answers then is
/// OPEN, and no rows would look as if there were none.
fn nowhere(world: &World, caller: PrincipalId, body: &Value) -> Option<String> {
    let list = |name: &str| body.get(name).and_then(Value::as_array).into_iter().flatten().collect::<Vec<_>>();
    let is_seen = |id: &Value| {
        let id = id.as_str().and_then(|id| id.parse::<SubscriptionId>().ok());
        id.is_some_and(|id| world.visible_subscriptions(caller).any(|found| found.id == id))
    };
    let is_group = |name: &Value| {
        let is = |it: &String| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(it));
        world.subscriptions().any(|found| found.management_groups.iter().any(is))
    };
    let told = |name: &str, value: &Value| format!("{name}: {value}");
    let subscription = list("subscriptions").into_iter().find(|id| !is_seen(id)).map(|id| told("subscriptions", id));
    subscription.or_else(|| {
        list("managementGroups").into_iter().find(|it| !is_group(it)).map(|it| told("managementGroups", it))
    })
}

/// What of a body's keys and options is carried out (resourcegraph.json, `QueryRequest`); what is at its default is.
const KEYS: [&str; 4] = ["query", "subscriptions", "managementGroups", "options"];
const OPTIONS: [&str; 6] =
    ["$top", "$skip", "$skipToken", "resultFormat", "authorizationScopeFilter", "allowPartialScopes"];

fn carried_out(body: &Value) -> Result<(), Refusal> {
    let is_said = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let keys = body.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value));
    if let Some((key, _)) = keys.filter(|(_, value)| is_said(value)).find(|(key, _)| !KEYS.contains(key)) {
        return Err(Refusal::not_simulated(key));
    }
    for (key, value) in body.get("options").and_then(Value::as_object).into_iter().flatten() {
        let word = value.as_str().unwrap_or_default();
        let is_usual = match key.as_str() {
            "resultFormat" => ["objectArray", "table"].iter().any(|known| word.eq_ignore_ascii_case(known)),
            "authorizationScopeFilter" => word.eq_ignore_ascii_case("AtScopeAndBelow"),
            "allowPartialScopes" => *value == Value::Bool(false),
            known => OPTIONS.contains(&known),
        };
        if is_said(value) && !is_usual {
            let told = if word.is_empty() { key.clone() } else { format!("{key}: {word}") };
            return Err(Refusal::not_simulated(&told));
        }
    }
    Ok(())
}

/// Resource Graph's form: the reason stands in `details`.
fn refused(code: &str, message: &str) -> Answer {
    refused_with(400, "BadRequest", code, message)
}

fn refused_with(status: u16, outer: &str, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "error": {
            "code": outer,
            "message": "Please provide below info when asking for support: timestamp, correlationId.",
            "details": [{ "code": code, "message": message }],
        }}),
    )
}

/// `resultFormat: table`: columns with their types, rows as lists (recorded).
fn as_table(page: &[Row]) -> Value {
    let names: Vec<&String> = page.first().map(|row| row.keys().collect()).unwrap_or_default();
    let kind = |name: &str| {
        let first = page.iter().filter_map(|row| row.get(name)).find(|value| !value.is_null());
        match first {
            Some(Value::Object(_) | Value::Array(_)) => "object",
            Some(Value::Number(_)) => "integer",
            Some(Value::Bool(_)) => "boolean",
            _ => "string",
        }
    };
    let columns: Vec<Value> = names.iter().map(|name| json!({ "name": name, "type": kind(name) })).collect();
    let rows: Vec<Vec<&Value>> =
        page.iter().map(|row| names.iter().map(|name| row.get(*name).unwrap_or(&Value::Null)).collect()).collect();
    json!({ "columns": columns, "rows": rows })
}

struct Seen<'a> {
    world: &'a World,
    caller: PrincipalId,
    only: Option<Vec<SubscriptionId>>,
    above: bool,
}

impl Seen<'_> {
    fn asked_for(&self, id: Option<SubscriptionId>) -> bool {
        self.only.as_ref().is_none_or(|only| id.is_some_and(|id| only.contains(&id)))
    }
}

impl Tables for Seen<'_> {
    fn rows(&self, table: &str) -> Option<Vec<Row>> {
        let tenant = self.world.tenant().to_string();
        match table {
            "resources" => {
                let visible = self.world.searchable_resources(self.caller).into_iter();
                Some(
                    visible
                        .filter(|found| self.asked_for(found.id.subscription()))
                        .map(|found| row(found, &self.tenant_of(found.id.subscription())))
                        .collect(),
                )
            }
            "resourcecontainers" => Some(self.containers(&tenant)),
            "authorizationresources" => {
                let asked_for = |id| self.asked_for(id);
                Some(authorization_rows::rows(self.world, self.caller, &asked_for, self.above))
            }
            _ => None,
        }
    }
}

impl Seen<'_> {
    /// The tenant that a subscription trusts.
    fn tenant_of(&self, id: Option<SubscriptionId>) -> String {
        let its = self.world.subscriptions().find(|found| Some(found.id) == id).and_then(|found| found.tenant);
        its.unwrap_or_else(|| self.world.tenant()).to_string()
    }

    fn containers(&self, tenant: &str) -> Vec<Row> {
        let subscriptions =
            self.world.visible_subscriptions(self.caller).filter(|found| self.asked_for(Some(found.id)));
        let subscriptions = subscriptions.map(|found| {
            object(json!({
                "id": format!("/subscriptions/{}", found.id), "name": found.name,
                "type": "microsoft.resources/subscriptions",
                "tenantId": found.tenant.map_or_else(|| tenant.to_owned(), |its| its.to_string()), "kind": "", "location": "",
                "resourceGroup": "", "subscriptionId": found.id.to_string(), "managedBy": "", "sku": null, "plan": null,
                "properties": { "state": found.state, "subscriptionPolicies": {}, "managementGroupAncestorsChain": [] },
                "tags": found.tags, "identity": null, "zones": null, "extendedLocation": null,
            }))
        });
        let groups = self.world.visible_groups(self.caller).filter(|scope| self.asked_for(scope.subscription()));
        let groups = groups.map(|scope| {
            let subscription = scope.subscription().map(|id| id.to_string()).unwrap_or_default();
            object(json!({
                "id": scope.as_str(), "name": scope.last_segment(),
                "type": "microsoft.resources/subscriptions/resourcegroups", "tenantId": self.tenant_of(scope.subscription()), "kind": "",
                "location": "norwayeast", "resourceGroup": scope.last_segment().to_ascii_lowercase(),
                "subscriptionId": subscription, "managedBy": "", "sku": null, "plan": null,
                "properties": { "provisioningState": "Succeeded" }, "tags": null, "identity": null, "zones": null,
                "extendedLocation": null,
            }))
        });
        subscriptions.chain(groups).collect()
    }
}

/// The columns that were recorded; `type` and `resourceGroup` in lower case.
fn row(found: &Resource, tenant: &str) -> Row {
    let sku = found.properties.get("sku").cloned().unwrap_or(Value::Null);
    object(json!({
        "id": found.id.as_str(), "name": found.name, "type": found.arm_type.to_ascii_lowercase(), "tenantId": tenant,
        "kind": found.kind.as_deref().unwrap_or_default(), "location": found.location,
        "resourceGroup": found.group.to_ascii_lowercase(),
        "subscriptionId": found.id.subscription().map(|id| id.to_string()).unwrap_or_default(),
        "managedBy": "", "sku": sku, "plan": null, "properties": found.properties, "tags": found.tags,
        "identity": null, "zones": null, "extendedLocation": null, "systemData": wire::system_data(found),
    }))
}

fn object(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => Row::new(),
    }
}
