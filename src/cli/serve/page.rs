//! The web page's routes: GET and HEAD alone, nothing that writes. What the pages say is made in `web`.
//!
//! Who may read: whoever reaches this machine's own address by one of its own names; or, with a header that is trusted, whoever
//! a proxy has let through. Every answer carries a policy that lets in nothing but the page's own style and script.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{
        Html, IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures::{Stream, stream};
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};

use super::{
    board::{Board, Snapshot},
    days::Shared,
};
use crate::{
    host::environment,
    model::{desired::Origin, owner::OwnerCode, visible},
    web,
};

/// Pages that are told of news at once. Ours: far below the connections that the socket holds.
const LIVE_MAX: usize = 64;
/// So long one is told; a browser then asks again.
const LIVE_WITHIN: Duration = Duration::from_hours(1);
/// How often one that has no news hears that we are there.
const LIVE_STILL: Duration = Duration::from_secs(20);

const TOOL: &str = concat!("tilgang ", env!("CARGO_PKG_VERSION"));

/// Who may read.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// The header in which a proxy says who asks; without it nobody reads.
    pub(super) trusted: Option<HeaderName>,
    /// A name by which the page is asked for, beside this machine's own; none: any, if the address is not this machine's own.
    pub(super) host: Option<String>,
    /// It listens on this machine's own address.
    pub(super) loopback: bool,
}

#[derive(Clone)]
struct Pages {
    board: Board,
    days: Shared,
    guard: Arc<Guard>,
    places: Arc<Semaphore>,
}

/// The page's routes, and what is said where there is none.
pub(super) fn router(board: Board, days: Shared, guard: Guard) -> Router {
    let pages = Pages { board, days, guard: Arc::new(guard), places: Arc::new(Semaphore::new(LIVE_MAX)) };
    Router::new()
        .route("/", get(overview))
        .route("/owners/{code}", get(owner))
        .route("/people", get(people))
        .route("/people/{name}", get(person))
        .route("/runs/{number}", get(run))
        .route("/api/state.json", get(state))
        .route("/live", get(live))
        .fallback(nowhere)
        .layer(from_fn_with_state(pages.clone(), guarded))
        .with_state(pages)
}

/// Who reads, as the proxy says.
#[derive(Clone, Default)]
struct Reader(Option<String>);

async fn guarded(State(pages): State<Pages>, mut request: Request, next: Next) -> Response {
    let mut answer = match pages.guard.admit(request.headers()) {
        Ok(reader) => {
            request.extensions_mut().insert(reader);
            next.run(request).await
        }
        Err((status, title, why)) => (status, Html(web::unwelcome(title, why))).into_response(),
    };
    let headers = answer.headers_mut();
    let policy = HeaderValue::try_from(web::policy()).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

impl Guard {
    /// Who asks; or what is said to somebody who may not.
    fn admit(&self, headers: &HeaderMap) -> Result<Reader, (StatusCode, &'static str, &'static str)> {
        if !self.is_known(one(headers, &header::HOST).unwrap_or_default()) {
            let why = "This page was asked for by a name that is not its own. Ask for it as localhost, or start tilgang with \
                       `--external-url` if a proxy passes that name on.";
            return Err((StatusCode::MISDIRECTED_REQUEST, "Another name", why));
        }
        let Some(trusted) = &self.trusted else { return Ok(Reader(None)) };
        match one(headers, trusted) {
            Some(name) if !name.trim().is_empty() => Ok(Reader(Some(name.to_owned()))),
            _ => {
                let why =
                    "The proxy before this page does not say who asks. Come through the proxy, and sign in there.";
                Err((StatusCode::UNAUTHORIZED, "Who asks?", why))
            }
        }
    }

    /// Whether a page may be asked for by this name: another one may be a stranger's that leads here (DNS rebinding).
    fn is_known(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((inner, _)) => inner,
            None => host.split_once(':').map_or(host, |(name, _)| name),
        };
        let own = name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
        own || self.host.as_ref().map_or(!self.loopback, |host| host.eq_ignore_ascii_case(name))
    }
}

/// A header that stands there exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}

/// Makes a page of what is known now, on a thread of its own.
async fn shown<T: Send + 'static>(
    pages: &Pages,
    reader: Reader,
    make: impl FnOnce(&web::Snapshot<'_>) -> T + Send + 'static,
) -> Option<T> {
    let (now, days) = (pages.board.now(), pages.days.now());
    tokio::task::spawn_blocking(move || with(&now, &days, reader.0.as_deref(), make)).await.ok()
}

fn with<T>(now: &Snapshot, days: &web::Days, reader: Option<&str>, make: impl FnOnce(&web::Snapshot<'_>) -> T) -> T {
    let seen = now.seen.as_deref();
    let place = |origin: &Origin| match seen {
        Some(seen) => seen.loaded.sources.place(origin),
        None => crate::model::desired::Place { file: String::new(), line: 1, column: 1 },
    };
    make(&web::Snapshot {
        now: environment::now(),
        started: now.started,
        tool: TOOL,
        reader,
        source: &now.git.source,
        tip: now.git.tip.as_ref(),
        asked: now.git.asked,
        answered: now.git.answered,
        git: now.git.trouble(environment::now()),
        outlook: now.outlook,
        runs: &now.runs,
        last: now.last.as_deref(),
        looked: now.looked,
        memory: &now.memory,
        seen: seen.map(|seen| web::Seen {
            desired: &seen.desired,
            observed: &seen.observed,
            plan: &seen.plan,
            has_ledger: seen.loaded.ledger.is_some(),
            place: &place,
        }),
        days,
    })
}

fn page(made: Option<String>) -> Response {
    match made {
        Some(page) => Html(page).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A page that may not be there.
async fn perhaps(
    pages: &Pages,
    reader: Reader,
    what: Absent,
    make: impl FnOnce(&web::Snapshot<'_>) -> Option<String> + Send + 'static,
) -> Response {
    let answer = shown(pages, reader, move |now| {
        make(now).ok_or_else(|| match what {
            // What nothing was compared with may be there all the same.
            Absent::OfCheck { subject, .. } if now.seen.is_none() => {
                let words = format!("No check has completed yet, so tilgang does not know {subject}.");
                (StatusCode::SERVICE_UNAVAILABLE, web::not_yet(now, &words))
            }
            Absent::OfCheck { words, .. } | Absent::Always(words) => (StatusCode::NOT_FOUND, web::missing(now, &words)),
        })
    });
    match answer.await {
        Some(Ok(found)) => page(Some(found)),
        Some(Err((status, words))) => (status, Html(words)).into_response(),
        None => page(None),
    }
}

/// What is said where there is no page.
enum Absent {
    /// That there is no such thing, as far as the last check saw; `subject`: what is not known before the first one.
    OfCheck { words: String, subject: String },
    /// That there is no such page, whatever was seen.
    Always(String),
}

type Who = axum::Extension<Reader>;

async fn overview(State(pages): State<Pages>, reader: Who) -> Response {
    page(shown(&pages, reader.0, web::overview).await)
}

async fn owner(State(pages): State<Pages>, reader: Who, Path(code): Path<String>) -> Response {
    let words = format!("No service owner is called `{}`.", visible::line(&code));
    let what = Absent::OfCheck { words, subject: format!("a service owner `{}`", visible::line(&code)) };
    perhaps(&pages, reader.0, what, move |now| web::owner(now, OwnerCode::new(&code)?)).await
}

#[derive(Deserialize)]
struct Asked {
    q: Option<String>,
}

async fn people(State(pages): State<Pages>, reader: Who, Query(asked): Query<Asked>) -> Response {
    page(shown(&pages, reader.0, move |now| web::people(now, asked.q.as_deref().unwrap_or_default())).await)
}

async fn person(State(pages): State<Pages>, reader: Who, Path(name): Path<String>) -> Response {
    let words = format!("Nobody here is called `{}`.", visible::line(&name));
    let what = Absent::OfCheck { words, subject: format!("anybody called `{}`", visible::line(&name)) };
    perhaps(&pages, reader.0, what, move |now| web::person(now, &name)).await
}

async fn run(State(pages): State<Pages>, reader: Who, Path(number): Path<String>) -> Response {
    let what = Absent::Always(format!("No check `{}` is remembered.", visible::line(&number)));
    perhaps(&pages, reader.0, what, move |now| web::run(now, number.parse().ok()?)).await
}

async fn nowhere(State(pages): State<Pages>, reader: Who, uri: Uri) -> Response {
    let what = Absent::Always(format!("There is no page `{}`.", visible::line(uri.path())));
    perhaps(&pages, reader.0, what, |_| None).await
}

async fn state(State(pages): State<Pages>, reader: Who) -> Response {
    match shown(&pages, reader.0, web::state).await {
        Some(state) => axum::Json(state).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// News for a page that is open: a line whenever it says something else.
async fn live(State(pages): State<Pages>) -> Response {
    let Ok(place) = pages.places.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")], "too many pages are open\n")
            .into_response();
    };
    let sight = Sight {
        board: pages.board.follow(),
        said: None,
        until: Instant::now() + LIVE_WITHIN,
        over: false,
        _place: place,
    };
    Sse::new(news(sight)).keep_alive(KeepAlive::new().interval(LIVE_STILL)).into_response()
}

struct Sight {
    board: watch::Receiver<Arc<Snapshot>>,
    said: Option<String>,
    until: Instant,
    over: bool,
    _place: OwnedSemaphorePermit,
}

fn news(sight: Sight) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(sight, |mut sight| async move {
        if sight.over {
            return None;
        }
        loop {
            let now = sight.board.borrow_and_update().clone();
            if now.outlook.is_stopping {
                sight.over = true;
                return Some((Ok(Event::default().event("end").data("{}")), sight));
            }
            let line = with(&now, &web::Days::default(), None, web::live);
            if sight.said.as_ref() != Some(&line) {
                sight.said = Some(line.clone());
                return Some((Ok(Event::default().event("state").data(line)), sight));
            }
            let until = sight.until;
            match tokio::time::timeout_at(until, sight.board.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_own_names_lead_to_a_page_that_asks_nobody_to_sign_in() {
        let guard = Guard { loopback: true, ..Guard::default() };
        for own in ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "127.0.0.2", "[::1]:8080", "[::1]"]
        {
            assert!(guard.is_known(own), "{own}");
        }
        for other in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]:8080",
            "0.0.0.0",
        ] {
            assert!(!guard.is_known(other), "{other}");
        }
        let named = Guard { host: Some("access.example".to_owned()), ..guard };
        assert!(
            named.is_known("access.example")
                && named.is_known("Access.Example:443")
                && !named.is_known("other.example")
        );
        let open = Guard { loopback: false, ..Guard::default() };
        assert!(open.is_known("anything.example"), "there a proxy says who asks");
    }

    #[test]
    fn with_a_trusted_header_nobody_reads_without_it() {
        let name = HeaderName::from_static("x-forwarded-user");
        let guard = Guard { trusted: Some(name.clone()), ..Guard::default() };
        let ask = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
            }
            guard.admit(&headers).map(|reader| reader.0).map_err(|refused| refused.0)
        };
        assert_eq!(ask(&["kari.fiktiv@ai-dev.no"]), Ok(Some("kari.fiktiv@ai-dev.no".to_owned())));
        for wrong in [&[] as &[&str], &[""], &["  "], &["kari", "ola"]] {
            assert_eq!(ask(wrong), Err(StatusCode::UNAUTHORIZED), "{wrong:?}");
        }
    }
}
