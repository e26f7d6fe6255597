//! `$batch`: up to 20 requests in one, answered in any order, each with its own status (graph-docs json-batching.md).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Ask, body, one, refused};
use crate::simulator::{SharedWorld, faults::Misbehaviour, refusal::Refusal, routes::misbehave, world::World};

/// Requests in one batch.
const REQUESTS_MAX: usize = 20;

pub(super) fn answer(shared: &SharedWorld, world: &mut World, ask: &Ask) -> Answer {
    match requests(ask) {
        Ok(requests) => {
            let mut responses: Vec<(Uuid, Value)> =
                requests.iter().map(|(id, inner)| (order(id), response(id, item(shared, world, inner)))).collect();
            responses.sort_by_key(|(order, _)| *order);
            let responses: Vec<Value> = responses.into_iter().map(|(_, response)| response).collect();
            Answer::json(200, &json!({ "responses": responses }))
        }
        Err(refusal) => refused(world, ask, &refusal),
    }
}

/// One request, each with its own faults: a 429 inside a 200 (graph-docs json-batching.md).
fn item(shared: &SharedWorld, world: &mut World, ask: &Ask) -> Answer {
    match misbehave::item(world, &shared.faults, ask) {
        None => one(shared, world, ask),
        Some(fault @ Misbehaviour::NextLink(_)) => misbehave::spoilt(one(shared, world, ask), ask, &fault),
        Some(fault) => misbehave::instead(world, ask, &fault),
    }
}

/// An order that is not the one of the requests, and the same in every run.
fn order(id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes())
}

fn requests(ask: &Ask) -> Result<Vec<(String, Ask)>, Refusal> {
    let bad = |message: String| Refusal::new(400, "BadRequest", message);
    let body = body(ask)?;
    let requests = body.get("requests").and_then(Value::as_array);
    let requests = requests.ok_or_else(|| bad("Invalid batch payload format.".to_owned()))?;
    if requests.len() > REQUESTS_MAX {
        return Err(bad(format!("Number of batch request steps exceeds the maximum value of {REQUESTS_MAX}.")));
    }
    let mut ids = BTreeSet::new();
    let inner = requests.iter().map(|request| {
        let text = |key: &str| request.get(key).and_then(Value::as_str);
        let (Some(id), Some(method), Some(url)) = (text("id"), text("method"), text("url")) else {
            return Err(bad("Each request of a batch has an id, a method and a url.".to_owned()));
        };
        if !ids.insert(id.to_owned()) {
            return Err(bad(format!("Request Id '{id}' is not unique in the batch.")));
        }
        let mut headers = ask.headers.clone();
        headers.remove("consistencylevel"); // each request has its own
        for (name, value) in request.get("headers").and_then(Value::as_object).into_iter().flatten() {
            headers.insert(name.to_ascii_lowercase(), value.as_str().unwrap_or_default().to_owned());
        }
        let body = request.get("body").map(ToString::to_string).unwrap_or_default().into_bytes();
        let target = format!("/v1.0/{}", url.trim_start_matches('/'));
        Ok((id.to_owned(), Ask::new(method, &target, headers, body, ask.base.clone())))
    });
    inner.collect()
}

fn response(id: &str, answer: Answer) -> Value {
    let headers: serde_json::Map<String, Value> =
        answer.headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
    let mut response = json!({ "id": id, "status": answer.status, "headers": headers });
    if let (Ok(body), Some(response)) = (serde_json::from_slice::<Value>(&answer.body), response.as_object_mut()) {
        response.insert("body".to_owned(), body);
    }
    response
}
