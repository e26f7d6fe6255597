//! Resource Manager: subscriptions, role assignments and definitions, permissions, PIM, locks, resources (FACTS §1, §5).

use serde_json::{Value, json};

use super::{
    Answer, Ask, activity, definitions, denials, encoded, entra, pim, request_id, resources, search, supported, wire,
};
use crate::{
    model::ids::{AssignmentName, PrincipalId, ScopeId},
    simulator::{
        SharedWorld, quota,
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
        // Resource Graph has a quota of its own (FACTS §5).
        if search::is_meant(ask) {
            return search::within_quota(shared, world, caller, ask);
        }
        let kind = Kind::of(&ask.method);
        let subscription =
            ask.parts().get(1).filter(|_| ask.path.starts_with("/subscriptions/")).map(ToString::to_string);
        let bucket = subscription.clone().unwrap_or_else(|| "tenant".to_owned()).to_ascii_lowercase();
        let throttles = world.settings().throttling;
        let taken = if throttles {
            shared.buckets.take(&bucket, caller, kind, world.callers_now())
        } else {
            Ok(shared.buckets.full(kind))
        };
        let left = match taken {
            Ok(left) => left,
            Err(seconds) => return Answer::refused(&Refusal::throttled(&bucket, kind.word(), seconds)),
        };
        let answer = route(world, caller, ask).unwrap_or_else(|refusal| Answer::refused(&refusal));
        let of = if subscription.is_some() { "subscription" } else { "tenant" };
        let answer = answer.with(&format!("x-ms-ratelimit-remaining-{of}-{}", kind.word()), left.to_string());
        // Beside its own, a subscription's over all callers (recorded: `…-subscription-global-reads: 3749`).
        let Some(id) = subscription.and_then(|id| id.parse().ok()) else { return answer };
        let everybodys = quota::everybodys(kind);
        let left = if throttles {
            shared.quotas.take(everybodys, PrincipalId(id), 1, world.callers_now()).left.unwrap_or_default()
        } else {
            everybodys.most - 1
        };
        answer.with(&format!("x-ms-ratelimit-remaining-subscription-{}", everybodys.what), left.to_string())
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
    supported::check(ask)?;
    let parts = ask.parts();
    // Of role assignments the world itself asks, once it knows that the caller may; which comes first at Azure is OPEN.
    let is_assignment = parts.iter().rev().nth(1).is_some_and(|part| part.eq_ignore_ascii_case("roleAssignments"));
    if ["PUT", "PATCH"].contains(&ask.method.as_str()) && !is_assignment {
        let id = parts.get(1).filter(|_| parts.first() == Some(&"subscriptions")).and_then(|id| id.parse().ok());
        id.map_or(Ok(()), |id| world.demand_enabled(id))?;
    }
    if ask.method == "GET" && parts == ["subscriptions"] {
        check_date(&version)?;
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
        ("GET", "roledefinitions", []) => definitions::list(world, caller, ask, &scope),
        (_, "roledefinitions", [id]) => definitions::one(world, caller, ask, &scope, id)?.ok_or_else(|| not_found(ask)),
        ("GET", "permissions", []) => {
            let blocks = world.permissions(caller, &scope)?;
            Ok(Answer::json(200, &json!({ "value": blocks.into_iter().map(wire::permission).collect::<Vec<_>>() })))
        }
        (
            _,
            "roleeligibilityschedules"
            | "roleeligibilityscheduleinstances"
            | "roleeligibilityschedulerequests"
            | "roleassignmentschedules"
            | "roleassignmentscheduleinstances"
            | "roleassignmentschedulerequests",
            rest,
        ) => pim::answer(world, caller, ask, &scope, collection, rest)?.ok_or_else(|| not_found(ask)),
        (_, "locks", rest) => denials::locks(world, caller, ask, &scope, rest)?.ok_or_else(|| not_found(ask)),
        (_, "denyassignments", rest) => {
            denials::denials(world, caller, ask, &scope, rest)?.ok_or_else(|| not_found(ask))
        }
        ("GET", "roleassignmentsusagemetrics", []) => usage(world, caller, &scope),
        _ => Err(not_found(ask)),
    }
}

/// The versions that the descriptions and real clients name (specs; CLIENTS §1).
fn check_version(collection: &str, version: &str) -> Result<(), Refusal> {
    let known: &[&str] = match collection {
        "roleassignments" => &["2022-04-01", "2020-04-01-preview", "2018-09-01-preview", "2015-07-01"],
        "roledefinitions" | "permissions" => {
            &["2022-04-01", "2022-05-01-preview", "2018-07-01", "2018-01-01-preview", "2015-07-01"]
        }
        name if name.starts_with("roleassignmentschedule") || name.starts_with("roleeligibilityschedule") => {
            &["2020-10-01", "2020-10-01-preview"]
        }
        // What `denyAssignmentEffect` came with (FACTS_PIM_GROUPS §4).
        "denyassignments" => &["2022-04-01", "2018-07-01-preview", "2024-07-01-preview", "2026-09-01"],
        "locks" => &["2020-05-01", "2016-09-01"],
        "roleassignmentsusagemetrics" => &["2019-08-01-preview"],
        _ => return Ok(()),
    };
    if known.contains(&version) {
        return Ok(());
    }
    Err(bad_version(&format!("Microsoft.Authorization/{collection}"), version, known))
}

/// Of Microsoft.Resources no list of versions is among the sources, and clients name many (CLIENTS §1): one that is none is refused (its
/// words are OPEN).
fn check_date(version: &str) -> Result<(), Refusal> {
    let day = version.trim_end_matches("-preview").parse::<jiff::civil::Date>();
    if day.is_ok_and(|day| (2014..=2026).contains(&day.year())) {
        return Ok(());
    }
    let message = format!("The api-version '{version}' is invalid.");
    Err(Refusal::new(400, "InvalidApiVersionParameter", message))
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
    let from = supported::page(ask)?;
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

pub(super) fn next_link(ask: &Ask, next: usize) -> String {
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
    if text("delegatedManagedIdentityResourceId").is_some() {
        return Err(Refusal::not_simulated("delegatedManagedIdentityResourceId"));
    }
    Ok(Body {
        principal: text("principalId").and_then(|id| id.parse().ok()),
        definition: text("roleDefinitionId").unwrap_or_default(),
        principal_type: text("principalType"),
        description: text("description"),
        condition: text("condition"),
        condition_version: text("conditionVersion"),
    })
}

fn usage(world: &World, caller: PrincipalId, scope: &ScopeId) -> Result<Answer, Refusal> {
    let (limit, held) = world.usage(caller, scope)?;
    let subscription = scope.subscription().map(|id| id.to_string());
    Ok(Answer::json(
        200,
        &json!({
            "subscriptionId": subscription, "roleAssignmentsLimit": limit, "roleAssignmentsCurrentCount": held,
            "roleAssignmentsRemainingCount": limit.saturating_sub(held),
        }),
    ))
}

/// What is not for Microsoft.Authorization, in a version that its provider has.
fn resource(world: &mut World, caller: PrincipalId, ask: &Ask, version: &str) -> Result<Answer, Refusal> {
    let parts: Vec<String> = ask.parts().iter().map(|part| part.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = parts.iter().map(String::as_str).collect();
    if ask.method == "GET"
        && activity::is_meant(&lower)
        && let Some(id) = lower.get(1).and_then(|id| id.parse().ok())
    {
        return activity::answer(world, caller, ask, id);
    }
    let path = ask.path.to_ascii_lowercase();
    let known: &[&str] = if path.contains("/microsoft.keyvault/") {
        &[
            "2026-02-01",
            "2025-05-01",
            "2024-11-01",
            "2023-07-01",
            "2023-02-01",
            "2022-07-01",
            "2021-10-01",
            "2021-04-01-preview",
            "2019-09-01",
        ]
    } else if path.contains("/microsoft.insights/") {
        &["2020-02-02", "2020-02-02-preview", "2015-05-01"]
    } else if path.contains("/microsoft.operationalinsights/") {
        &["2025-02-01", "2023-09-01", "2022-10-01", "2021-06-01", "2020-08-01"]
    } else {
        &[]
    };
    if known.is_empty() {
        check_date(version)?;
    } else if !known.contains(&version) {
        return Err(bad_version("resource", version, known));
    }
    resources::answer(world, caller, ask, version)?.ok_or_else(|| not_found(ask))
}
