//! "Activity Logs - List" over HTTP (learn.microsoft.com/rest/api/monitor/activity-logs/list, 2015-04-01): what may be
//! filtered and selected, and an event in its shape.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Answer, Ask, arm::next_link, supported};
use crate::{
    model::{
        assignment::resource_id,
        ids::{PrincipalId, SubscriptionId},
    },
    simulator::{
        clock::azure_time,
        refusal::Refusal,
        world::{World, activity::Activity},
    },
};

const VERSIONS: [&str; 2] = ["2015-04-01", "2014-04-01"];
/// Events on a page. Not recorded.
const PAGE: usize = 200;
/// What may be selected.
const SELECTABLE: [&str; 19] = [
    "authorization",
    "claims",
    "correlationId",
    "description",
    "eventDataId",
    "eventName",
    "eventTimestamp",
    "httpRequest",
    "level",
    "operationId",
    "operationName",
    "properties",
    "resourceGroupName",
    "resourceProviderName",
    "resourceId",
    "status",
    "submissionTimestamp",
    "subStatus",
    "subscriptionId",
];

/// Whether a path is the log's.
pub(super) fn is_meant(lower: &[&str]) -> bool {
    matches!(lower, ["subscriptions", _, "providers", "microsoft.insights", "eventtypes", "management", "values"])
}

/// The filter, read: "very restricted and allows only the following patterns".
struct Filter {
    from: Timestamp,
    to: Timestamp,
    narrowed: Option<(String, String)>,
}

impl Filter {
    fn read(text: &str, now: Timestamp) -> Result<Self, Refusal> {
        let wrong =
            |why: &str| Refusal::new(400, "BadRequest", format!("The filter '{text}' is not supported: {why}."));
        if text.trim().is_empty() {
            return Err(Refusal::new(400, "BadRequest", "The $filter query parameter is required.")); // cq-provider-azure#49
        }
        let (mut from, mut to, mut narrowed) = (None, None, None);
        for term in text.split(" and ").map(str::trim) {
            let mut words = term.splitn(3, ' ');
            let (Some(key), Some(sign), Some(value)) = (words.next(), words.next(), words.next()) else {
                return Err(wrong("a term is a name, `ge`, `le` or `eq`, and a value"));
            };
            let value = value.trim().trim_matches('\'');
            let time = || value.parse::<Timestamp>().map_err(|_| wrong("no time"));
            match (key.to_ascii_lowercase().as_str(), sign) {
                ("eventtimestamp", "ge") => from = Some(time()?),
                ("eventtimestamp", "le") => to = Some(time()?),
                ("resourcegroupname" | "resourceuri" | "resourceprovider" | "correlationid", "eq")
                    if narrowed.is_none() =>
                {
                    narrowed = Some((key.to_ascii_lowercase(), value.to_ascii_lowercase()));
                }
                _ => return Err(wrong("no such term")),
            }
        }
        let from = from.ok_or_else(|| wrong("it needs a start time"))?;
        Ok(Self { from, to: to.unwrap_or(now), narrowed })
    }

    fn holds(&self, activity: &Activity) -> bool {
        let Some((key, value)) = &self.narrowed else { return true };
        match key.as_str() {
            "resourceprovider" => value == "microsoft.authorization",
            "resourceuri" => resource_id(&activity.scope, activity.name).to_ascii_lowercase() == *value,
            "resourcegroupname" => group(activity).is_some_and(|group| group.eq_ignore_ascii_case(value)),
            _ => correlation(activity) == *value,
        }
    }
}

/// Answers; a list that is longer than a page comes in pages.
pub(super) fn answer(world: &World, caller: PrincipalId, ask: &Ask, id: SubscriptionId) -> Result<Answer, Refusal> {
    let version = ask.parameter("api-version").unwrap_or_default();
    if !VERSIONS.contains(&version) {
        let message = format!("The api-version '{version}' is invalid."); // words not recorded
        return Err(Refusal::new(400, "InvalidApiVersionParameter", message));
    }
    let filter = Filter::read(ask.parameter("$filter").unwrap_or_default(), world.now())?;
    let select = match ask.parameter("$select") {
        Some(text) => Some(selected(text)?),
        None => None,
    };
    let all = world.activities(caller, id, filter.from, filter.to)?;
    let all: Vec<&Activity> = all.into_iter().filter(|activity| filter.holds(activity)).collect();
    let from = supported::page(ask)?;
    let page: Vec<_> = all.iter().skip(from).take(PAGE).collect();
    let next = from + page.len();
    let events = page.iter().flat_map(|activity| {
        ["Succeeded", "Started"].map(|status| {
            let event = event(world, id, activity, status);
            match &select {
                Some(names) => Value::Object(event.into_iter().filter(|(name, _)| names.contains(name)).collect()),
                None => Value::Object(event),
            }
        })
    });
    let mut body = json!({ "value": events.collect::<Vec<_>>() });
    if next < all.len()
        && let Some(body) = body.as_object_mut()
    {
        body.insert("nextLink".to_owned(), next_link(ask, next).into());
    }
    Ok(Answer::json(200, &body))
}

fn selected(text: &str) -> Result<Vec<String>, Refusal> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let known = names.map(|name| {
        let known = SELECTABLE.iter().find(|known| known.eq_ignore_ascii_case(name));
        // That another name is refused is inferred from "possible values are".
        known
            .map(ToString::to_string)
            .ok_or_else(|| Refusal::new(400, "BadRequest", format!("The $select value '{name}' is not supported.")))
    });
    known.collect()
}

/// The two events of one deed share it.
fn correlation(activity: &Activity) -> String {
    let key = format!("{}|{}|{}", activity.at, activity.verb, activity.name);
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, key.as_bytes()).to_string()
}

fn group(activity: &Activity) -> Option<&str> {
    let mut parts = activity.scope.as_str().split('/').skip(1);
    let group = parts.position(|part| part.eq_ignore_ascii_case("resourceGroups"));
    group.and_then(|_| parts.next())
}

/// As in Microsoft's example. Personal data beyond a name and an id is left out of the claims.
fn event(world: &World, id: SubscriptionId, activity: &Activity, status: &str) -> Map<String, Value> {
    let (resource, operation) = (
        resource_id(&activity.scope, activity.name),
        format!("Microsoft.Authorization/roleAssignments/{}", activity.verb),
    );
    let user = activity.by.and_then(|by| world.user(by));
    let mut claims = Map::new();
    if let Some(by) = activity.by {
        let key = "http://schemas.microsoft.com/identity/claims/objectidentifier";
        claims.insert(key.to_owned(), by.to_string().into());
    }
    if let Some(user) = user {
        let key = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
        claims.insert(key.to_owned(), user.name.to_string().into());
    }
    // "The UPN claim or SPN claim, based on availability": for an application, its object id.
    let caller = user.map(|user| user.name.to_string()).or_else(|| activity.by.map(|by| by.to_string()));
    let correlation = correlation(activity);
    let data_id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{correlation}|{status}").as_bytes());
    let is_done = status == "Succeeded";
    let sub = match (is_done, activity.verb) {
        (false, _) => "",
        (true, "write") => "Created",
        (true, _) => "OK",
    };
    let local = |value: &str| json!({ "value": value, "localizedValue": value });
    let submitted = activity.at.checked_add(world.settings().consistency.activity_log_lag).unwrap_or(activity.at);
    let method = if activity.verb == "write" { "PUT" } else { "DELETE" };
    let value = json!({
        "authorization": { "action": operation, "scope": resource },
        "caller": caller,
        "claims": claims,
        "correlationId": correlation,
        "description": "",
        "eventDataId": data_id.to_string(),
        "eventName": local(if is_done { "EndRequest" } else { "BeginRequest" }),
        "category": local("Administrative"),
        "httpRequest": { "method": method },
        "id": format!("{resource}/events/{data_id}/ticks/{}", activity.at.as_microsecond()),
        "level": "Informational",
        "resourceGroupName": group(activity).unwrap_or_default(),
        "resourceProviderName": local("Microsoft.Authorization"),
        "resourceId": resource,
        "resourceType": local("Microsoft.Authorization/roleAssignments"),
        "operationId": correlation,
        "operationName": local(&operation),
        "properties": {},
        "status": local(status),
        "subStatus": local(sub),
        "eventTimestamp": azure_time(activity.at),
        "submissionTimestamp": azure_time(submitted),
        "subscriptionId": id.to_string(),
        "tenantId": world.tenant().to_string(),
    });
    match value {
        Value::Object(event) => event,
        _ => Map::new(),
    }
}
