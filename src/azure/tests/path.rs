//! The request path: waiting, bounds, hosts, and what must never be printed.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    azure::{
        Session, Settings,
        policies::gate::AT_ONCE_MAX,
        testing::{Server, TENANT, html, json as answer, token},
    },
    model::trouble::TroubleKind,
    ports::{AssignmentReader, Directory, Inventory},
};

fn subscription() -> crate::model::ids::SubscriptionId {
    "00000000-0000-0000-0000-000000000001".parse().unwrap()
}

#[tokio::test]
async fn a_throttle_in_html_with_a_fraction_is_waited_for() {
    let server = Server::start(|_, before| match before {
        1 => html(429).with("retry-after", "0.3"),
        2 => answer(503, "").with("retry-after", "0"),
        _ => answer(200, json!({ "value": [] })),
    })
    .await;
    let reader = server.session().await.reader();
    let started = Instant::now();
    assert!(reader.assignments(subscription()).await.unwrap().is_empty());
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(300) && waited < Duration::from_millis(1_500), "{waited:?}");
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    let ids: Vec<_> = seen.iter().map(|seen| seen.header("x-ms-client-request-id").to_owned()).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "one call, one id: {ids:?}");
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_given_up_at_once() {
    let server = Server::start(|_, _| html(429).with("retry-after", "3600")).await;
    let reader = server.session().await.reader();
    let started = Instant::now();
    let trouble = reader.assignments(subscription()).await.unwrap_err();
    assert_eq!((trouble.kind, trouble.status), (TroubleKind::Throttled, Some(429)));
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn throttled_for_ever_ends() {
    let server = Server::start(|_, _| html(429).with("retry-after", "0")).await;
    let session = server.session().await;
    let trouble = session.reader().assignments(subscription()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Throttled);
    let most = usize::try_from(crate::azure::policies::retry::THROTTLED_MAX).unwrap();
    assert_eq!(session.requests(), u64::from(crate::azure::policies::retry::THROTTLED_MAX));
    assert_eq!(server.seen().len(), most);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start_whole(|_, _| answer(200, json!({ "value": [] }))).await;
    let to = elsewhere.url.clone();
    let server = Server::start(move |_, _| answer(307, "").with("location", &to)).await;
    let trouble = server.session().await.reader().assignments(subscription()).await.unwrap_err();
    assert_eq!((trouble.kind, trouble.status), (TroubleKind::Unreachable, Some(307)));
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_host_that_does_not_answer_fails_within_ten_seconds() {
    let mut settings = Server::start(|_, _| answer(200, "{}")).await.settings();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.cloud.set_arm(&format!("https://{closed}")).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    let started = Instant::now();
    let trouble = session.reader().assignments(subscription()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unreachable);
    assert!(trouble.message.contains("refused"), "{trouble}");
    assert!(started.elapsed() <= Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_host_that_takes_the_connection_and_says_nothing_fails_within_ten_seconds() {
    let mut settings = Server::start(|_, _| answer(200, "{}")).await.settings();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    settings.cloud.set_arm(&format!("https://{}", silent.local_addr().unwrap())).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    let started = Instant::now();
    let trouble = session.reader().assignments(subscription()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unreachable, "{trouble}");
    assert!(started.elapsed() <= Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_name_that_does_not_resolve_fails_within_ten_seconds() {
    let mut settings = Server::start(|_, _| answer(200, "{}")).await.settings();
    settings.cloud.set_authority("https://nowhere.invalid").unwrap();
    let started = Instant::now();
    let trouble = Session::connect(&settings).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::SignIn, "{trouble}");
    assert!(started.elapsed() <= Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_unknown_ca_is_not_trusted() {
    let (server, other) =
        (Server::start(|_, _| answer(200, "{}")).await, Server::start(|_, _| answer(200, "{}")).await);
    let settings = Settings::simulated(&server.url, TENANT, ("app", "simulated"), Some(other.ca.clone())).unwrap();
    let trouble = Session::connect(&settings).await.unwrap_err();
    assert!(trouble.message.contains("certificate"), "{trouble}");
    assert_eq!(server.tokens(), 0);
}

#[tokio::test]
async fn many_at_once_ask_for_one_token() {
    let server = Server::start(|_, _| answer(200, json!({ "value": [] }))).await;
    let session = server.session().await;
    let reader = session.reader();
    let asked = (0..40).map(|_| reader.assignments(subscription()));
    assert!(futures::future::join_all(asked).await.iter().all(Result::is_ok));
    assert_eq!((server.tokens(), server.seen().len(), session.requests()), (1, 40, 40));
    assert_eq!(session.sign_in_requests(), 1);
}

#[tokio::test]
async fn only_so_many_are_under_way_at_once() {
    let server = Server::start(|_, _| answer(200, json!({ "value": [] })).after(Duration::from_millis(30))).await;
    let reader = server.session().await.reader();
    let asked = (0..60).map(|_| reader.assignments(subscription()));
    assert!(futures::future::join_all(asked).await.iter().all(Result::is_ok));
    let most = server.most_at_once();
    assert!(most > 1 && most <= AT_ONCE_MAX, "{most}");
}

/// In a process of its own: a variable of the environment belongs to the whole process.
#[test]
fn what_is_meant_for_this_machine_does_not_go_through_a_proxy() {
    let test = "azure::tests::path::many_at_once_ask_for_one_token";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    for variable in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"] {
        child.env(variable, "http://127.0.0.1:9");
    }
    let done = child.args([test, "--exact"]).env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_renewed_once() {
    let server = Server::start(|seen, _| match seen.header("authorization") {
        "Bearer TOKEN-0" => answer(401, json!({ "error": { "code": "ExpiredAuthenticationToken", "message": "m" } })),
        _ => answer(200, json!({ "value": [] })),
    })
    .await;
    let reader = server.session().await.reader();
    assert!(reader.assignments(subscription()).await.is_ok());
    assert_eq!((server.tokens(), server.seen().len()), (2, 2));

    let server =
        Server::start(|_, _| answer(401, json!({ "error": { "code": "InvalidAuthenticationToken", "message": "m" } })))
            .await;
    let trouble = server.session().await.reader().assignments(subscription()).await.unwrap_err();
    assert_eq!((trouble.kind, server.seen().len()), (TroubleKind::Denied, 2));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every crate at its loudest: the old `azure_core` prints just the authorization header (TRAPS).
#[test]
fn no_token_and_no_secret_is_logged_at_any_level_of_any_crate() {
    let log = Log::default();
    // With a single subscriber alive, `tracing` asks the thread that meets a log line first, and remembers for all threads
    // what that one has: none, in the tests beside this one. With two it asks both.
    let _another = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = tracing::subscriber::with_default(subscriber, || {
        tracing::callsite::rebuild_interest_cache();
        runtime.block_on(async {
            let server = Server::start_whole(|seen, before| match before {
                _ if seen.path.ends_with("/token") => token("a.SECRETTOKEN.c"),
                1 => html(429).with("retry-after", "0"),
                _ => answer(403, json!({ "error": { "code": "AuthorizationFailed", "message": "m" } })),
            })
            .await;
            let session = server.session().await;
            let reader = session.reader();
            let listed = reader.assignments(subscription()).await;
            let stock = reader.stock(&[].into()).await;
            let people = reader.by_name(&[crate::model::ids::UserName::new("kari@example.no")].into()).await;
            assert!(server.seen().iter().all(|seen| seen.header("authorization") == "Bearer a.SECRETTOKEN.c"));
            format!("{session:?} {:?} {listed:?} {stock:?} {people:?}", server.settings())
        })
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the following request will be passed to the transport policy"), "the old client was loud");
    assert!(log.contains("==> Request") && log.contains("authorization"), "and the new one");
    for secret in ["SECRETTOKEN", "client_secret=", "\"simulated\""] {
        assert!(!log.contains(secret), "{secret}: {log}");
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}
