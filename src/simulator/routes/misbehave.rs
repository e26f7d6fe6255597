//! Requests that meet a fault: which one, and what is answered in place of Azure's answer.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{Answer, Ask, JSON, answer, dated, request_id, search};
use crate::simulator::{
    SharedWorld,
    clock::graph_time,
    faults::{Canned, Faults, Misbehaviour, Seen, Throttle, To},
    refusal::Refusal,
    world::World,
};

/// The fault that a request meets, if any.
#[must_use]
pub fn meet(shared: &SharedWorld, ask: &Ask) -> Option<Misbehaviour> {
    if shared.faults.is_empty() || ask.is_control() {
        return None;
    }
    shared.with(|world| met(world, &shared.faults, ask, false))
}

/// The fault that one request inside a `$batch` meets, and what is answered then.
pub(super) fn item(world: &World, faults: &Faults, ask: &Ask) -> Option<Misbehaviour> {
    if faults.is_empty() { None } else { met(world, faults, ask, true) }
}

fn met(world: &World, faults: &Faults, ask: &Ask, item: bool) -> Option<Misbehaviour> {
    let query: Vec<String> = ask.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let target = format!("{}?{}", ask.path, query.join("&"));
    let page = page(ask, world.settings().page_size);
    let to = match (item, ask.is_sign_in()) {
        (true, _) => To::Item,
        (false, true) => To::SignIn,
        (false, false) => To::Service,
    };
    faults.meet(&Seen { method: &ask.method, target: &target, page, to, now: world.now(), told: world.callers_now() })
}

/// Which page of a list is asked for.
fn page(ask: &Ask, page_size: usize) -> usize {
    let number = |text: &str| text.parse::<usize>().ok();
    let (from, size) = if search::is_meant(ask) {
        let body: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
        let token = body.pointer("/options/$skipToken").and_then(Value::as_str);
        let token = token.and_then(|token| String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok());
        let top = body.pointer("/options/$top").and_then(Value::as_u64).and_then(|top| usize::try_from(top).ok());
        (token.as_deref().and_then(number), top.unwrap_or(1_000))
    } else {
        let top = ask.parameter("$top").and_then(number);
        let usual = if ask.is_graph() { 100 } else { page_size };
        (ask.parameter("$skiptoken").and_then(number), top.unwrap_or(usual))
    };
    match (from, size) {
        (None | Some(0), _) => 1,
        (Some(_), 0) => 2, // whatever the token is, it is not the first
        (Some(from), size) => from / size + 1,
    }
}

/// Answers one request wrongly.
#[must_use]
pub fn faulty(shared: &SharedWorld, ask: &Ask, fault: &Misbehaviour) -> Answer {
    match fault {
        Misbehaviour::NextLink(_)
        | Misbehaviour::LostReply
        | Misbehaviour::Reset
        | Misbehaviour::Never
        | Misbehaviour::HalfBody
        | Misbehaviour::SlowBody(_)
        | Misbehaviour::Slow(_) => spoilt(answer(shared, ask), ask, fault),
        _ => dated(shared, shared.with(|world| instead(world, ask, fault))),
    }
}

/// What is answered where nothing is done.
pub(super) fn instead(world: &World, ask: &Ask, fault: &Misbehaviour) -> Answer {
    match fault {
        Misbehaviour::Answer(made) => canned(world, ask, made),
        Misbehaviour::Throttle(throttle) => throttled(world, ask, throttle),
        Misbehaviour::Html => Answer::text(200, "text/html", "<html><body>Please sign in to the proxy.</body></html>"),
        _ => Answer::json(200, &json!({})),
    }
}

/// What becomes of an answer once it is made.
pub(super) fn spoilt(made: Answer, ask: &Ask, fault: &Misbehaviour) -> Answer {
    let Misbehaviour::NextLink(url) = fault else { return made };
    let key = if ask.is_graph() { "@odata.nextLink" } else { "nextLink" };
    match serde_json::from_slice::<Value>(&made.body) {
        Ok(Value::Object(mut body)) => {
            body.insert(key.to_owned(), json!(url));
            Answer { body: Value::Object(body).to_string().into_bytes(), ..made }
        }
        _ => made,
    }
}

fn canned(world: &World, ask: &Ask, canned: &Canned) -> Answer {
    let usual = match canned.status {
        500 => Some(("InternalServerError", "The server encountered an internal error. Please try again later.")),
        502 => Some(("BadGateway", "The gateway did not receive a response from the provider.")),
        503 => Some(("ServiceUnavailable", "The service is temporarily unavailable. Please try again later.")),
        504 => Some(("GatewayTimeout", "The gateway did not receive a response within the specified time period.")),
        _ => None,
    };
    let mut made = match (&canned.code, usual) {
        (Some(code), _) => refused(world, ask, &Refusal::new(canned.status, code, canned.message.clone())),
        (None, Some((code, message))) if canned.body.is_empty() => {
            refused(world, ask, &Refusal::new(canned.status, code, message))
        }
        _ => Answer::text(canned.status, canned.content_type.as_deref().unwrap_or(JSON), &canned.body),
    };
    made.headers.extend(canned.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    made
}

/// A 429 in the words of Graph, Resource Graph or Resource Manager (FACTS §1.8, §6).
fn throttled(world: &World, ask: &Ask, throttle: &Throttle) -> Answer {
    let made = if throttle.html {
        // 17 bytes of HTML, as PIM does (azurerm#31893).
        Answer::text(429, "text/HTML", "Too Many Requests")
    } else if ask.is_sign_in() {
        // Microsoft Learn, "Microsoft Entra authentication and authorization error codes"; that its status is 429 is OPEN.
        let words = "AADSTS90055: TenantThrottlingError - There are too many incoming requests.";
        refused(world, ask, &Refusal::new(429, "temporarily_unavailable", words))
    } else if ask.is_graph() {
        let scope = format!("Tenant_Application/ReadWrite/{}/{}", world.tenant(), world.tenant());
        refused(world, ask, &Refusal::new(429, "TooManyRequests", "Too many requests"))
            .with("x-ms-throttle-scope", scope)
            .with("x-ms-throttle-information", "ResourceUnitLimitExceeded")
    } else if search::is_meant(ask) {
        // Code of the docs ("Guidance for throttled requests"); words not recorded.
        refused(world, ask, &Refusal::new(429, "RateLimiting", "Client application has been throttled."))
            .with("x-ms-user-quota-remaining", "0")
            .with("x-ms-user-quota-resets-after", "00:00:05")
    } else {
        let parts = ask.parts();
        let subscription =
            parts.get(1).filter(|_| ask.path.starts_with("/subscriptions/")).copied().unwrap_or("tenant");
        let operation = crate::simulator::throttle::Kind::of(&ask.method).word();
        let seconds = throttle.retry_after.as_deref().and_then(|after| after.parse::<f64>().ok()).unwrap_or(1.0);
        let after = format!("{}", seconds.ceil());
        let seconds = after.parse().unwrap_or(1);
        let mut refusal = Refusal::throttled(subscription, operation, seconds);
        refusal.retry_after = None; // as the fault says, below
        Answer::refused(&refusal)
    };
    match &throttle.retry_after {
        Some(after) => made.with("retry-after", after.clone()),
        None => made,
    }
}

/// Each API's own form of an error.
fn refused(world: &World, ask: &Ask, refusal: &Refusal) -> Answer {
    if ask.is_sign_in() {
        // RFC 6749 §5.2.
        let body = json!({ "error": refusal.code, "error_description": refusal.message });
        return Answer::json(refusal.status, &body);
    }
    if !ask.is_graph() {
        return Answer::refused(refusal);
    }
    let id = request_id();
    let client = ask.headers.get("client-request-id").cloned().unwrap_or_else(|| id.clone());
    let date = graph_time(world.now());
    Answer::json(
        refusal.status,
        &json!({ "error": {
            "code": refusal.code, "message": refusal.message,
            "innerError": { "date": date.trim_end_matches('Z'), "request-id": id, "client-request-id": client },
        }}),
    )
}
