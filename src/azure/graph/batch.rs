//! Graph's `$batch`: twenty GETs a call, several calls side by side.
//!
//! Items come in, one outcome for each goes out, in their order, whatever order Graph answers in. An item that is
//! throttled waits and is asked again alone; the others keep their answers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    azure::{
        answer::refused_item,
        pipeline::{Door, Links},
        policies::retry::{WAIT_MAX, backoff, is_passing, seconds},
    },
    model::trouble::{Trouble, TroubleKind},
};

/// Requests of one call (FACTS §6).
const ITEMS_MAX: usize = 20;
/// Calls side by side. Graph counts what is in them, not them; more would only be throttled (FACTS §6).
const CALLS_MAX: usize = 4;
/// Times an item is asked, the first included.
const ROUNDS_MAX: u32 = 5;
/// Times that Graph may leave an item out of its answer.
const LEFT_OUT_MAX: u32 = 2;
/// What may stand in a URL as it is; `#EXT#`, quotes and `+` may not.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One GET.
#[derive(Clone, Debug)]
pub(super) struct Item {
    url: String,
    advanced: bool,
}

impl Item {
    /// A GET of a path below `/v1.0`, already encoded.
    pub(super) fn get(url: String) -> Self {
        Self { url, advanced: false }
    }

    /// The same, as an advanced query, which Graph answers from an index that lags.
    pub(super) fn advanced(url: String) -> Self {
        Self { url, advanced: true }
    }
}

/// What an item came to: its body, or why not.
pub(super) type Outcome = Result<Value, Arc<Trouble>>;

/// Sends items; the outcomes are in their order.
pub(super) async fn send(door: &Door, items: Vec<Item>, doing: &str) -> Vec<Outcome> {
    let calls: Vec<_> = items.chunks(ITEMS_MAX).map(<[Item]>::to_vec).collect();
    let calls = stream::iter(calls).map(|call| settle(door, call, doing)).buffered(CALLS_MAX);
    calls.collect::<Vec<_>>().await.into_iter().flatten().collect()
}

/// Asks until each item has an answer that will not change by waiting.
async fn settle(door: &Door, items: Vec<Item>, doing: &str) -> Vec<Outcome> {
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    let mut open: Vec<usize> = (0..items.len()).collect();
    for round in 1.. {
        let mut answers = match call(door, &items, &open, doing).await {
            Ok(answers) => answers,
            Err(trouble) => {
                let trouble = Arc::new(trouble); // the call was repeated already, further down
                outcomes.extend(open.iter().map(|at| (*at, Err(trouble.clone()))));
                break;
            }
        };
        let (mut again, mut wait) = (Vec::new(), Duration::ZERO);
        for at in open {
            let answer = answers.remove(&at.to_string());
            let passing = answer.as_ref().map_or(round < LEFT_OUT_MAX, |answer| is_passing(answer.status));
            let asked = answer.as_ref().and_then(Response::asked);
            if let Some(asked) =
                asked.filter(|asked| answer.as_ref().is_some_and(|it| it.status == 429) && *asked <= WAIT_MAX)
            {
                door.close_graph(asked); // units are counted for all of us together
            }
            let pause = asked.unwrap_or_else(|| backoff(round));
            if passing && round < ROUNDS_MAX && pause <= WAIT_MAX {
                again.push(at);
                wait = wait.max(pause);
            } else {
                outcomes.insert(at, outcome(answer, doing));
            }
        }
        if again.is_empty() {
            break;
        }
        tracing::debug!(items = again.len(), ?wait, "waiting to ask Graph again");
        sleep(wait).await;
        open = again;
    }
    outcomes.into_values().collect()
}

async fn call(door: &Door, items: &[Item], open: &[usize], doing: &str) -> Result<BTreeMap<String, Response>, Trouble> {
    let requests: Vec<Value> = open
        .iter()
        .filter_map(|at| {
            let Item { url, advanced } = items.get(*at)?;
            let mut request = json!({ "id": at.to_string(), "method": "GET", "url": url });
            if let (true, Some(request)) = (*advanced, request.as_object_mut()) {
                request.insert("headers".to_owned(), json!({ "ConsistencyLevel": "eventual" }));
            }
            Some(request)
        })
        .collect();
    let answer = door.ask(door.url("/v1.0/$batch", doing)?, &json!({ "requests": requests }), doing).await?;
    let Responses { responses } = answer.json(doing)?;
    Ok(responses.into_iter().map(|response| (response.id.clone(), response)).collect())
}

#[derive(Deserialize)]
struct Responses {
    responses: Vec<Response>,
}

#[derive(Deserialize)]
struct Response {
    id: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    body: Value,
}

impl Response {
    /// The wait it asks for; inside a batch a number may come as one.
    fn asked(&self) -> Option<Duration> {
        let (_, value) = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
        seconds(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

fn outcome(answer: Option<Response>, doing: &str) -> Outcome {
    match answer {
        Some(Response { status: 200..300, body, .. }) => Ok(body),
        Some(Response { status, body, .. }) => Err(Arc::new(refused_item(status, &body, doing))),
        None => Err(Arc::new(Trouble::new(TroubleKind::Malformed, doing, "Graph left a question out of its answer"))),
    }
}

#[derive(Deserialize)]
struct List {
    value: Vec<Value>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<String>,
}

/// The entries of a list, all pages of it.
pub(super) async fn all_entries<T: DeserializeOwned>(
    door: &Door,
    first: Value,
    doing: &str,
) -> Result<Vec<T>, Trouble> {
    let shape = |error: serde_json::Error| Trouble::new(TroubleKind::Malformed, doing, error.to_string());
    let (mut all, mut links, mut page) = (Vec::new(), Links::new(doing), first);
    loop {
        let List { value, next } = serde_json::from_value(page).map_err(shape)?;
        for entry in value {
            all.push(serde_json::from_value(entry).map_err(shape)?);
        }
        let Some(link) = links.follow(next)? else { return Ok(all) };
        page = door.get(link.parse().map_err(|_| links.trouble("a link that is no URL"))?, doing).await?;
    }
}

/// A value in a filter: quotes are doubled (FACTS §7).
pub(super) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A filter in a URL.
pub(super) fn encoded(filter: &str) -> String {
    utf8_percent_encode(filter, PLAIN).to_string()
}
