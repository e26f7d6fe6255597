//! Resource Manager: subscriptions, role assignments and definitions, permissions, PIM, locks, resources (FACTS §1, §5).

use serde_json::{Value, json};

use super::{Answer, Ask, encoded, entra, request_id, search, wire};
use crate::{
    model::ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
    simulator::{
        SharedWorld,
        refusal::Refusal,
        throttle::Kind,
        world::{Body, Scoping, World},
    },
};

pub(super) fn answer(shared: &SharedWorld, ask: &Ask) -> Answer {
    let id = request_id();
    let correlation = ask.headers.get("x-ms-correlation-request-id").cloned().unwrap_or_else(|| id.clone());
    let answer = shared.with(|world| {
        let caller = match entra::bearer(world, ask) {
            Ok(caller) => caller,
            Err(not_in) => return not_in.for_arm(world, ask),
        };
        // Resource Graph has a quota of its own: 15 requests in 5 seconds (FACTS §5); it is told, not enforced.
        if search::is_meant(ask) {
            return search::answer(world, caller, ask);
        }
        let kind = Kind::of(&ask.method);
        let subscription =
            ask.parts().get(1).filter(|_| ask.path.starts_with("/subscriptions/")).map(ToString::to_string);
        let bucket = subscription.clone().unwrap_or_else(|| "tenant".to_owned()).to_ascii_lowercase();
        let left = shared.buckets.take(&bucket, caller, kind, world.callers_now());
        let left = match left {
            Err(seconds) if world.settings().throttling => {
                let operation = kind.word();
                return Answer::refused(&Refusal::throttled(&bucket, operation, seconds));
            }
            Err(_) => 0,
            Ok(left) => left,
        };
        let answer = route(world, caller, ask).unwrap_or_else(|refusal| Answer::refused(&refusal));
        let of = if subscription.is_some() { "subscription" } else { "tenant" };
        answer.with(&format!("x-ms-ratelimit-remaining-{of}-{}", kind.word()), left.to_string())
    });
    answer
        .with("x-ms-request-id", id)
        .with("x-ms-correlation-request-id", correlation)
        .with("cache-control", "no-cache")
        .with("strict-transport-security", "max-age=31536000; includeSubDomains")
        .with("x-content-type-options", "nosniff")
}

const PROVIDER: &str = "microsoft.authorization";

fn route(world: &mut World, caller: PrincipalId, ask: &Ask) -> Result<Answer, Refusal> {
    let version = ask.parameter("api-version").unwrap_or_default().to_owned();
    if version.is_empty() {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(Refusal::new(400, "MissingApiVersionParameter", message));
    }
    let parts = ask.parts();
    if ask.method == "GET" && parts == ["subscriptions"] {
        return Ok(subscriptions(world, caller));
    }
    // The last `providers/Microsoft.Authorization` in the path: a scope may itself hold `providers`.
    let at = parts.windows(2).rposition(|pair| {
        matches!(pair, [providers, name] if providers.eq_ignore_ascii_case("providers") && name.eq_ignore_ascii_case(PROVIDER))
    });
    let Some(at) = at else { return resource(world, caller, ask, &version) };
    let (scope, rest) = (parts.get(..at).unwrap_or_default(), parts.get(at + 2..).unwrap_or_default());
    let scope = ScopeId::new(&scope.join("/"));
    let folded: Vec<String> = rest.iter().take(1).map(|part| part.to_ascii_lowercase()).collect();
    let collection = folded.first().map(String::as_str).unwrap_or_default();
    check_version(collection, &version)?;
    match (ask.method.as_str(), collection, rest.get(1..).unwrap_or_default()) {
        ("GET", "roleassignments", []) => list(world, caller, ask, &scope),
        (_, "roleassignments", [name]) => one(world, caller, ask, &scope, name),
        ("GET", "roledefinitions", []) => definitions(world, caller, ask, &scope),
        ("GET", "roledefinitions", [id]) => {
            let id: RoleDefinitionId = id.parse().map_err(|_| Refusal::no_definition(404, id))?;
            world.demand_below("Microsoft.Authorization/roleDefinitions/read", caller, &scope)?;
            Ok(Answer::json(200, &wire::definition(world.definition(id)?, &scope)))
        }
        ("GET", "permissions", []) => {
            let blocks = world.permissions(caller, &scope)?;
            Ok(Answer::json(200, &json!({ "value": blocks.into_iter().map(wire::permission).collect::<Vec<_>>() })))
        }
        ("GET", "roleassignmentscheduleinstances", []) => {
            let scoping = Scoping::read(ask.parameter("$filter").unwrap_or_default())?;
            let listed = world.list(caller, &scope, scoping)?;
            let value: Vec<Value> = listed.into_iter().map(|found| wire::pim_instance(world, found, &scope)).collect();
            Ok(Answer::json(200, &json!({ "value": value })))
        }
        ("GET", "locks", []) => {
            let id = scope.subscription().ok_or_else(|| not_found(ask))?;
            let value: Vec<Value> = world.locks(caller, id)?.into_iter().map(wire::lock).collect();
            Ok(Answer::json(200, &json!({ "value": value })))
        }
        ("GET", "roleassignmentsusagemetrics", []) => usage(world, caller, &scope),
        _ => Err(not_found(ask)),
    }
}

/// The versions that the descriptions and real clients name (specs; CLIENTS §1).
fn check_version(collection: &str, version: &str) -> Result<(), Refusal> {
    let known: &[&str] = match collection {
        "roleassignments" => &["2022-04-01", "2020-04-01-preview", "2015-07-01"],
        "roledefinitions" | "permissions" => &["2022-04-01", "2022-05-01-preview", "2018-07-01", "2015-07-01"],
        "roleassignmentscheduleinstances" => &["2020-10-01"],
        "locks" => &["2020-05-01", "2016-09-01"],
        "roleassignmentsusagemetrics" => &["2019-08-01-preview"],
        _ => return Ok(()),
    };
    if known.contains(&version) {
        return Ok(());
    }
    Err(bad_version(&format!("Microsoft.Authorization/{collection}"), version, known))
}

fn bad_version(what: &str, version: &str, known: &[&str]) -> Refusal {
    let message = format!(
        "No registered resource provider found for the API version '{version}' for type '{what}'. The supported api-versions are '{}'.",
        known.join(", ")
    );
    Refusal::new(400, "InvalidResourceType", message)
}

fn not_found(ask: &Ask) -> Refusal {
    Refusal::new(
        404,
        "InvalidResourceType",
        format!("The resource type could not be found: {} {}.", ask.method, ask.path),
    )
}

fn subscriptions(world: &World, caller: PrincipalId) -> Answer {
    let value: Vec<Value> =
        world.subscriptions_of(caller).into_iter().map(|found| wire::subscription(world, found)).collect();
    let count = json!({ "type": "Total", "value": value.len() }); // and no `nextLink` (recorded, FACTS §5)
    Answer::json(200, &json!({ "value": value, "count": count }))
}

fn list(world: &World, caller: PrincipalId, ask: &Ask, scope: &ScopeId) -> Result<Answer, Refusal> {
    let scoping = Scoping::read(ask.parameter("$filter").unwrap_or_default())?;
    let listed = world.list(caller, scope, scoping)?;
    let size = world.settings().page_size;
    let from: usize = ask.parameter("$skipToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let page = listed.get(from..).unwrap_or_default();
    let page = if size == 0 { page } else { page.get(..size).unwrap_or(page) };
    let next = from + page.len();
    let value: Vec<_> = page.iter().map(|found| wire::assignment(found, scope)).collect();
    let next_link = (next < listed.len()).then(|| next_link(ask, next));
    Ok(Answer::json(200, &Page { value, next_link }))
}

#[derive(serde::Serialize)]
struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "nextLink", skip_serializing_if = "Option::is_none")] // no key at all (recorded, FACTS §1.3)
    next_link: Option<String>,
}

fn next_link(ask: &Ask, next: usize) -> String {
    let kept = ask.query.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("$skiptoken"));
    let query: Vec<String> = kept.map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    let path = ask.path.replace(' ', "%20");
    format!("{}{path}?{}&%24skiptoken={next}", ask.base, query.join("&"))
}

fn one(world: &mut World, caller: PrincipalId, ask: &Ask, scope: &ScopeId, name: &str) -> Result<Answer, Refusal> {
    let name: AssignmentName = name.parse().map_err(|_| {
        // "can be any valid GUID" (FACTS §1.1); words not recorded
        Refusal::new(
            400,
            "InvalidRoleAssignmentId",
            format!("The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."),
        )
    })?;
    match ask.method.as_str() {
        "GET" => Ok(Answer::json(200, &wire::assignment(world.get(caller, scope, name)?, scope))),
        // 201 whether it is new or an update (recorded, FACTS §1.6).
        "PUT" => {
            let body = body(&ask.body)?;
            Ok(Answer::json(201, &wire::assignment(&world.put(caller, scope, name, &body)?, scope)))
        }
        "DELETE" => Ok(match world.delete(caller, scope, name)? {
            Some(gone) => Answer::json(200, &wire::assignment(&gone, scope)),
            None => Answer::empty(204),
        }),
        _ => Err(not_found(ask)),
    }
}

fn body(bytes: &[u8]) -> Result<Body, Refusal> {
    let unreadable = || {
        let message = "The request content was invalid and could not be deserialized.";
        Refusal::new(400, "InvalidRequestContent", message)
    };
    let value: Value = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
    let properties = value.get("properties").ok_or_else(unreadable)?;
    let text = |key: &str| properties.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    Ok(Body {
        principal: text("principalId").and_then(|id| id.parse().ok()),
        definition: text("roleDefinitionId").unwrap_or_default(),
        principal_type: text("principalType"),
        description: text("description"),
        condition: text("condition"),
        condition_version: text("conditionVersion"),
    })
}

fn definitions(world: &World, caller: PrincipalId, ask: &Ask, scope: &ScopeId) -> Result<Answer, Refusal> {
    world.demand_below("Microsoft.Authorization/roleDefinitions/read", caller, scope)?;
    let filter = ask.parameter("$filter").unwrap_or_default();
    let value_of = |filter: &str| {
        filter.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\'')).map(|(value, _)| value.replace("''", "'"))
    };
    let folded = filter.to_ascii_lowercase();
    let fits: Box<dyn Fn(&crate::simulator::world::Definition) -> bool> = if folded.contains("rolename eq") {
        let name = value_of(filter).unwrap_or_default();
        Box::new(move |found| found.name.eq_ignore_ascii_case(&name))
    } else if folded.contains("type eq") {
        let built_in = value_of(&folded).as_deref() == Some("builtinrole");
        Box::new(move |found| found.built_in == built_in)
    } else {
        Box::new(|_| true)
    };
    let value: Vec<Value> =
        world.definitions().filter(|found| fits(found)).map(|found| wire::definition(found, scope)).collect();
    Ok(Answer::json(200, &json!({ "value": value })))
}

fn usage(world: &World, caller: PrincipalId, scope: &ScopeId) -> Result<Answer, Refusal> {
    let listed = world.list(caller, scope, Scoping::default())?;
    let inside = listed.iter().filter(|found| scope.holds(&found.triple.scope)).count();
    let most = world.settings().assignments_max;
    Ok(Answer::json(
        200,
        &json!({
            "roleAssignmentsLimit": most, "roleAssignmentsCurrentCount": inside,
            "roleAssignmentsRemainingCount": most.saturating_sub(inside),
        }),
    ))
}

/// A resource by id, or every resource of a type in a subscription.
fn resource(world: &World, caller: PrincipalId, ask: &Ask, version: &str) -> Result<Answer, Refusal> {
    let parts = ask.parts();
    let known: &[&str] = if ask.path.to_ascii_lowercase().contains("/microsoft.keyvault/") {
        &["2026-02-01", "2025-05-01", "2024-11-01", "2023-07-01", "2023-02-01", "2022-07-01", "2021-10-01"]
    } else if ask.path.to_ascii_lowercase().contains("/microsoft.insights/") {
        &["2020-02-02", "2020-02-02-preview", "2015-05-01"]
    } else {
        &[]
    };
    if !known.is_empty() && !known.contains(&version) {
        return Err(bad_version("resource", version, known));
    }
    match (ask.method.as_str(), parts.as_slice()) {
        ("GET", ["subscriptions", id, "providers", namespace, kind]) => {
            let id: SubscriptionId = id.parse().map_err(|_| not_found(ask))?;
            let arm_type = format!("{namespace}/{kind}");
            world.demand(caller, &format!("{arm_type}/read"), &ScopeId::subscription_scope(id))?;
            let of_type = world
                .resources()
                .filter(|found| found.id.subscription() == Some(id) && found.arm_type.eq_ignore_ascii_case(&arm_type));
            Ok(Answer::json(200, &json!({ "value": of_type.map(wire::resource).collect::<Vec<_>>() })))
        }
        ("GET", ["subscriptions", id]) => {
            let id: SubscriptionId = id.parse().map_err(|_| not_found(ask))?;
            world.demand(caller, "Microsoft.Resources/subscriptions/read", &ScopeId::subscription_scope(id))?;
            let found =
                world.subscriptions().find(|found| found.id == id).ok_or_else(|| Refusal::no_subscription(id))?;
            Ok(Answer::json(200, &wire::subscription(world, found)))
        }
        ("GET", ["subscriptions", _, _, _, "providers", _, _, ..]) => {
            let found = world.resource(caller, &ScopeId::new(&ask.path))?;
            Ok(Answer::json(200, &wire::resource(found)))
        }
        _ => Err(not_found(ask)),
    }
}
