//! The daemon's socket: probes, and the doors through which somebody may ask for a look.
//!
//! Loopback unless told otherwise, HTTP/1.1, plain: TLS is the business of whatever stands before it. Every body has a bound, and
//! nothing that comes in is believed: it makes the daemon look, and no more. A web page and metrics are merged in
//! [`router`].

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::{
    board::Board,
    event_grid::{self, Delivery},
    secret::Secret,
};
use crate::model::ids::ScopeId;

/// How long the daemon's own task may take to answer a probe. Ours: it never waits for anything.
const ALIVE_WITHIN: Duration = Duration::from_secs(5);

/// What somebody asks of the daemon.
#[derive(Debug)]
pub(in crate::cli) enum Asked {
    /// Whether it is alive.
    Alive(oneshot::Sender<()>),
    /// To look, and for what git has now.
    Reload,
    /// The branch is right at this commit, though its history was rewritten; answers whether that is its tip.
    Acknowledge(String, oneshot::Sender<bool>),
    /// Whether this replica leads now: said by whoever holds the lease.
    Leads(bool),
    /// To end in good order.
    Stop,
    /// To look where Azure tells of a change.
    Look(std::collections::BTreeSet<ScopeId>),
}

/// What every route may use.
#[derive(Clone)]
pub(in crate::cli) struct App {
    /// What is known now.
    pub board: Board,
    /// The daemon's own task.
    pub daemon: mpsc::Sender<Asked>,
    /// Who may ask for what.
    pub doors: Arc<Doors>,
}

/// The secrets that open doors. None: the door is closed.
#[derive(Debug, Default)]
pub(in crate::cli) struct Doors {
    /// For deliveries of Event Grid.
    pub events: Option<Secret>,
    /// For whoever asks for a look from another machine.
    pub admin: Option<Secret>,
}

/// Every route. Other parts of the daemon merge theirs here.
pub(in crate::cli) fn router(app: App) -> Router {
    let events = post(deliver).options(consent).layer(DefaultBodyLimit::max(event_grid::BODY_BYTES_MAX));
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/-/reload", post(reload))
        .route("/-/acknowledge", post(acknowledge))
        .route("/events", events)
        .with_state(app)
}

/// Whether the daemon's own task answers.
async fn alive(State(app): State<App>) -> Response {
    let (answer, answered) = oneshot::channel();
    let asked = app.daemon.send(Asked::Alive(answer)).await.is_ok();
    match tokio::time::timeout(ALIVE_WITHIN, answered).await {
        Ok(Ok(())) if asked => (StatusCode::OK, "alive\n").into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the daemon's task does not answer\n").into_response(),
    }
}

/// Whether pages can be shown and events taken, and no more: what is on the page may well be that nothing could be looked at.
async fn ready(State(app): State<App>) -> Response {
    let now = app.board.now();
    let why_not = if now.outlook.is_stopping || app.daemon.is_closed() {
        Some("shutting down")
    } else if app.daemon.capacity() == 0 {
        Some("more was told than it has read yet")
    } else {
        None
    };
    match why_not {
        None => (StatusCode::OK, if now.outlook.leads { "ready\n" } else { "ready: another replica leads\n" })
            .into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}

/// Who may ask for a look, or acknowledge a branch: whoever has the token; without one, this machine, and neither through a
/// proxy nor from another site's page.
fn may_ask(app: &App, from: SocketAddr, headers: &HeaderMap) -> bool {
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    if let Some(secret) = &app.doors.admin {
        return bearer.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|token| secret.is(token));
    }
    let carried = ["forwarded", "x-forwarded-for", "x-real-ip", "origin", "sec-fetch-site"];
    from.ip().is_loopback() && carried.iter().all(|name| !headers.contains_key(*name))
}

const MAY_NOT: &str = "only with the token of TILGANG_ADMIN_TOKEN, or, where none is set, from this machine itself\n";

async fn reload(State(app): State<App>, ConnectInfo(from): ConnectInfo<SocketAddr>, headers: HeaderMap) -> Response {
    if !may_ask(&app, from, &headers) {
        return (StatusCode::FORBIDDEN, MAY_NOT).into_response();
    }
    told(&app, Asked::Reload, "git is asked, and a look follows\n")
}

#[derive(Deserialize)]
struct Acknowledged {
    commit: Option<String>,
}

async fn acknowledge(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(Acknowledged { commit }): Query<Acknowledged>,
) -> Response {
    if !may_ask(&app, from, &headers) {
        return (StatusCode::FORBIDDEN, MAY_NOT).into_response();
    }
    let Some(commit) = commit else {
        let words = "which commit? POST /-/acknowledge?commit=<the whole hash of the branch's tip>\n";
        return (StatusCode::BAD_REQUEST, words).into_response();
    };
    let (answer, answered) = oneshot::channel();
    let _ = app.daemon.send(Asked::Acknowledge(commit, answer)).await;
    match answered.await {
        Ok(true) => (StatusCode::ACCEPTED, "acknowledged: a look follows\n").into_response(),
        Ok(false) => {
            let words = "that is not the whole hash of the branch's tip as it was last seen\n";
            (StatusCode::CONFLICT, words).into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the daemon is shutting down\n").into_response(),
    }
}

#[derive(Deserialize)]
struct Shown {
    secret: Option<String>,
}

/// What is answered to a delivery that does not show the secret: in the query, as Event Grid can be told to, or in a header.
fn refused(app: &App, shown: &Shown, headers: &HeaderMap) -> Option<Response> {
    let Some(secret) = &app.doors.events else {
        let words = "closed: TILGANG_EVENTS_SECRET is not set\n";
        return Some((StatusCode::NOT_FOUND, words).into_response());
    };
    let header = headers.get("x-tilgang-secret").and_then(|value| value.to_str().ok());
    if header.or(shown.secret.as_deref()).is_some_and(|shown| secret.is(shown)) {
        return None;
    }
    Some((StatusCode::UNAUTHORIZED, "the secret is missing or another one\n").into_response())
}

/// Consents to deliveries as CloudEvents.
async fn consent(State(app): State<App>, Query(shown): Query<Shown>, headers: HeaderMap) -> Response {
    if let Some(refused) = refused(&app, &shown, &headers) {
        return refused;
    }
    let Some(origin) = headers.get("webhook-request-origin").cloned() else {
        return (StatusCode::BAD_REQUEST, "no WebHook-Request-Origin\n").into_response();
    };
    let mut answer = StatusCode::OK.into_response();
    let headers = answer.headers_mut();
    headers.insert("webhook-allowed-origin", origin);
    headers.insert("webhook-allowed-rate", axum::http::HeaderValue::from_static("*"));
    headers.insert("allow", axum::http::HeaderValue::from_static("POST, OPTIONS"));
    answer
}

/// Takes a delivery.
async fn deliver(State(app): State<App>, Query(shown): Query<Shown>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refused) = refused(&app, &shown, &headers) {
        return refused;
    }
    match event_grid::read(&body) {
        Ok(Delivery::Validate(code)) => axum::Json(json!({ "validationResponse": code })).into_response(),
        Ok(Delivery::Changed(scopes)) if scopes.is_empty() => StatusCode::OK.into_response(),
        Ok(Delivery::Changed(scopes)) => told(&app, Asked::Look(scopes), ""),
        Err(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
    }
}

/// Tells the daemon; where it has more to read than it can keep, the sender is asked to come again.
fn told(app: &App, asked: Asked, words: &'static str) -> Response {
    match app.daemon.try_send(asked) {
        Ok(()) => (StatusCode::ACCEPTED, words).into_response(),
        Err(mpsc::error::TrySendError::Full(_)) => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "5")], "come again\n").into_response()
        }
        Err(mpsc::error::TrySendError::Closed(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the daemon is shutting down\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        cli::serve::board::{GitNow, Snapshot},
        reconcile::Outlook,
        watch::Memory,
    };

    #[tokio::test]
    async fn it_is_not_ready_when_it_is_about_to_end_or_cannot_take_more() {
        let outlook =
            Outlook { running: None, next: None, failures: 0, leads: true, heals: Ok(()), is_stopping: false };
        let (daemon, asked) = mpsc::channel(1);
        let board = Board::new(Snapshot {
            started: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            outlook,
            git: GitNow::default(),
            runs: Arc::new(VecDeque::new()),
            last: None,
            looked: None,
            memory: Arc::new(Memory::default()),
            seen: None,
        });
        let app = App { board, daemon: daemon.clone(), doors: Arc::new(Doors::default()) };
        let status = || async { ready(State(app.clone())).await.status() };
        assert_eq!(status().await, StatusCode::OK, "before the first look, and with git unanswered");
        daemon.send(Asked::Reload).await.unwrap();
        assert_eq!(status().await, StatusCode::SERVICE_UNAVAILABLE, "more was told than it has read");
        drop(asked);
        assert_eq!(status().await, StatusCode::SERVICE_UNAVAILABLE, "nobody reads any more");
        let (daemon, _asked) = mpsc::channel(1);
        let app = App { daemon, ..app.clone() };
        app.board.put(|snapshot| snapshot.outlook.is_stopping = true);
        assert_eq!(ready(State(app)).await.status(), StatusCode::SERVICE_UNAVAILABLE, "it is about to end");
    }
}
