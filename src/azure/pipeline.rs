//! The one request path: a request comes in, its whole answer goes out, or a [`Trouble`].
//!
//! Two [`Door`]s, Resource Manager and Graph, over one transport and one list of policies (`policies/mod.rs`). No page
//! of a list is ever left out: a list that cannot be read to its end is an error.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use azure_core::http::{
    ClientOptions, Context, Method, Pipeline, PipelineSendOptions, Request, RetryOptions, Transport, Url,
    headers::{ACCEPT, CONTENT_TYPE},
    policies::{ClientRequestIdPolicy, Policy},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    answer::{Answer, from_sdk},
    credential::Credential,
    pace::Key,
    policies::{
        bearer::Bearer,
        gate::Gate,
        pin::Pin,
        retry::{Pace, Retry},
        traced::Traced,
    },
};
use crate::model::trouble::{Trouble, TroubleKind};

/// Pages of one list. Ours: the longest list there can be has 4,000 entries (FACTS §6), and pages may be empty (§4).
pub(crate) const PAGES_MAX: usize = 1_000;

/// One of Azure's two doors for us.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    base: Url,
    pipeline: Pipeline,
    gate: Arc<Gate>,
    pace: Pace,
}

impl Door {
    /// A door at `base`, where tokens for `audience` are shown; `id_header` is what it calls our request ids, and `pace` how
    /// fast it takes them.
    pub(crate) fn new(
        base: &Url,
        audience: &str,
        id_header: &'static str,
        transport: Transport,
        credential: Arc<Credential>,
        pace: Pace,
    ) -> Self {
        let gate = pace.gate.clone();
        let request_id: Arc<dyn Policy> = Arc::new(ClientRequestIdPolicy::with_header_name(id_header));
        let bearer: Arc<dyn Policy> = Arc::new(Bearer { credential, audience: audience.to_owned() });
        let pipeline = Pipeline::new(
            Some(env!("CARGO_PKG_NAME")),
            Some(env!("CARGO_PKG_VERSION")),
            ClientOptions { transport: Some(transport), retry: RetryOptions::none(), ..Default::default() },
            vec![Pin::to(base), Arc::new(Traced), Retry::at(pace.clone()), request_id],
            vec![bearer, gate.clone()],
            None,
        );
        Self { base: base.clone(), pipeline, gate, pace }
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// How many requests went through it.
    pub(crate) fn requests(&self) -> u64 {
        self.gate.passed()
    }

    /// How many of them were answered with "too many".
    pub(crate) fn throttled(&self) -> u64 {
        self.gate.throttled()
    }

    /// Nobody asks Microsoft Graph for so long: it said so inside a batch.
    pub(crate) fn close_graph(&self, wait: Duration) {
        self.gate.was_throttled();
        self.pace.pacer.close(Key::Graph, wait);
    }

    /// The URL of a path (with its query, already encoded) at this door.
    pub(crate) fn url(&self, path_and_query: &str, doing: &str) -> Result<Url, Trouble> {
        let whole = format!("{}/{}", self.base.as_str().trim_end_matches('/'), path_and_query.trim_start_matches('/'));
        Url::parse(&whole).map_err(|error| Trouble::new(TroubleKind::Malformed, doing, error.to_string()))
    }

    /// Sends a request; the answer is whole and 2xx.
    pub(crate) async fn send(&self, mut request: Request, doing: &str) -> Result<Answer, Trouble> {
        let unchecked = PipelineSendOptions { skip_checks: true, ..Default::default() }; // `Answer::read` checks
        let sent = self.pipeline.send(&Context::new(), &mut request, Some(unchecked)).await;
        let answer = sent.map_err(|error| from_sdk(&error, doing, self.base.host_str().unwrap_or_default()))?;
        Answer::read(answer, doing)
    }

    /// GETs JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, url: Url, doing: &str) -> Result<T, Trouble> {
        let mut request = Request::new(url, Method::Get);
        request.insert_header(ACCEPT, "application/json");
        self.send(request, doing).await?.json(doing)
    }

    /// POSTs JSON to read something.
    pub(crate) async fn ask(&self, url: Url, body: &Value, doing: &str) -> Result<Answer, Trouble> {
        let mut request = Request::new(url, Method::Post);
        request.insert_header(ACCEPT, "application/json");
        request.insert_header(CONTENT_TYPE, "application/json");
        request.set_body(body.to_string());
        self.send(request, doing).await
    }

    /// GETs a list, all pages of it.
    pub(crate) async fn list<T: DeserializeOwned>(&self, first: Url, doing: &str) -> Result<Vec<T>, Trouble> {
        let mut all = Vec::new();
        let mut links = Links::new(doing);
        let mut next = Some(first);
        while let Some(url) = next {
            let page: Page<T> = self.get(url, doing).await?;
            all.extend(page.value);
            next = match links.follow(page.next)? {
                Some(link) => Some(Url::parse(&link).map_err(|error| links.trouble(&error.to_string()))?),
                None => None,
            };
        }
        Ok(all)
    }
}

/// One page of ARM's or Graph's lists. Without `value` it is no page, whatever its status says.
#[derive(Deserialize)]
struct Page<T> {
    value: Vec<T>,
    #[serde(alias = "nextLink", alias = "@odata.nextLink", default)]
    next: Option<String>,
}

/// The links of one list that were followed: none twice, and not for ever.
pub(crate) struct Links<'a> {
    doing: &'a str,
    seen: BTreeSet<String>,
}

impl<'a> Links<'a> {
    /// Nothing followed yet.
    pub(crate) fn new(doing: &'a str) -> Self {
        Self { doing, seen: BTreeSet::new() }
    }

    /// Takes note of the link to the next page; an empty one ends the list like none.
    pub(crate) fn follow(&mut self, next: Option<String>) -> Result<Option<String>, Trouble> {
        let Some(link) = next.filter(|link| !link.is_empty()) else { return Ok(None) };
        if !self.seen.insert(link.clone()) {
            return Err(self.trouble("a page leads to one that was read already"));
        }
        if self.seen.len() > PAGES_MAX {
            return Err(self.trouble(&format!("the list has more than {PAGES_MAX} pages")));
        }
        Ok(Some(link))
    }

    /// A list that cannot be read to its end.
    pub(crate) fn trouble(&self, message: &str) -> Trouble {
        Trouble::new(TroubleKind::Malformed, self.doing, message)
    }
}
