//! Webhooks: signed, tried again, never twice but for a kill, and never elsewhere.

use std::{path::Path, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Does, KEY, Server, channel, courier, door, found, item, kept, notify, now};
use crate::{
    deliver::{Office, Pulse, Store, StoreError},
    model::notify::{Notify, Target},
    notify::{Answer, Item, Notice, Outcome, Routes},
};

/// What became of notices, as metrics are told.
#[derive(Default)]
struct Told(std::sync::Mutex<Vec<(String, Outcome)>>);

impl Pulse for Told {
    fn notice(&self, channel: &str, outcome: Outcome) {
        self.0.lock().unwrap().push((channel.to_owned(), outcome));
    }
}

fn hook(name: &str) -> Notify {
    notify(vec![channel("siem", Target::Webhook(door(name), kept("KEY")))])
}

fn office(dir: &Path, notify: &Notify, secrets: &[(&str, &str)]) -> (Arc<Office>, Arc<Told>) {
    let (store, memory) = Store::open(dir).unwrap();
    let told = Arc::new(Told::default());
    let routes = Routes { notify: notify.clone(), ..Routes::default() };
    (Office::new(store, memory, routes, courier(notify, secrets), told.clone()), told)
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn a_webhook_is_signed_so_that_anybody_with_the_key_can_tell() {
    let server = Server::start([]).await;
    let dir = tempfile::tempdir().unwrap();
    let (office, _) = office(dir.path(), &hook("URL"), &[("URL", &server.url), ("KEY", KEY)]);
    office.heard(&found(vec![item()])).unwrap();
    assert_eq!(office.deliver(now()).await, 1);
    let came = server.came();
    let header = |name: &str| came[0].headers[name].to_str().unwrap().to_owned();
    let (id, seconds) = (header("webhook-id"), header("webhook-timestamp"));
    assert_eq!(seconds, now().as_second().to_string());
    let body = std::str::from_utf8(&came[0].body).unwrap();
    // As Standard Webhooks says, written down a second time.
    let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &KEY[6..]).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signature = header("webhook-signature").strip_prefix("v1,").unwrap().to_owned();
    let signature = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, signature).unwrap();
    ring::hmac::verify(&key, format!("{id}.{seconds}.{body}").as_bytes(), &signature).unwrap();
    assert!(ring::hmac::verify(&key, format!("{id}.{seconds}.{body} ").as_bytes(), &signature).is_err());
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["type"], "tilgang.changes");
    assert_eq!(body["data"]["events"][0]["class"], "unmanaged");
    assert_eq!(body["data"]["events"][0]["who"], "ola.stroem@ai-dev.no");
    assert_eq!(body["data"]["events"][0]["link"], "https://tilgang.example.no/owners/ttd");
}

#[test]
fn the_signature_is_that_of_the_standard() {
    // Computed with Python's `hmac` from the key, id, time and body that the standard's libraries are tested with.
    let key = crate::deliver::webhook::Key::read(&crate::deliver::Secret::new(KEY)).unwrap();
    let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    for wrong in ["", "abc", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%"] {
        assert!(crate::deliver::webhook::Key::read(&crate::deliver::Secret::new(wrong)).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_with_the_same_id_and_the_wait_that_was_asked_for() {
    let script = [
        Does::Says(500, None, "rollup_error"),
        Does::Says(429, Some("120"), "slow down"),
        Does::Cuts,
        Does::Waits(Duration::from_secs(5)),
        Does::Says(503, Some("Thu, 26 Nov 2026 11:00:00 GMT"), ""),
    ];
    let server = Server::start(script).await;
    let dir = tempfile::tempdir().unwrap();
    let (office, told) = office(dir.path(), &hook("URL"), &[("URL", &server.url), ("KEY", KEY)]);
    office.heard(&found(vec![item()])).unwrap();
    let mut at = now();
    for (tries, (least, most)) in [(2, 5), (120, 120), (10, 20), (20, 40), (0, 3_600)].into_iter().enumerate() {
        assert_eq!(office.deliver(at).await, 0);
        let (pending, _) = office.ledger();
        assert_eq!(pending[0].tries as usize, tries + 1);
        let wait = pending[0].due.duration_since(at).as_secs();
        assert!((least..=most).contains(&wait), "after try {}: {wait} s: {:?}", tries + 1, pending[0].why);
        assert_eq!(office.deliver(at).await, 0, "nothing is due before that");
        at = pending[0].due;
    }
    assert_eq!(at.to_string(), "2026-11-26T11:00:00Z", "a date counts as well");
    assert_eq!(office.deliver(at).await, 1);
    let ids = server.ids();
    assert_eq!(ids.len(), 6);
    assert!(ids.iter().all(|id| *id == ids[0]));
    let bodies: Vec<_> = server.came().into_iter().map(|it| it.body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "an id says the same for ever");
    let outcomes: Vec<_> = told.0.lock().unwrap().iter().map(|(_, outcome)| *outcome).collect();
    assert_eq!(outcomes[..5], [Outcome::Retried; 5]);
    assert_eq!(outcomes[5], Outcome::Sent);
}

#[tokio::test]
async fn what_is_refused_is_final_and_said_without_the_url() {
    let server = Server::start([Does::Says(404, None, "no such hook /services/T0SECRET/B0SECRET\u{1b}[2J")]).await;
    let dir = tempfile::tempdir().unwrap();
    let (office, told) = office(dir.path(), &hook("URL"), &[("URL", &server.url), ("KEY", KEY)]);
    office.heard(&found(vec![item()])).unwrap();
    assert_eq!(office.deliver(now()).await, 0);
    let (pending, done) = office.ledger();
    assert!(pending.is_empty());
    let why = done[0].why.as_deref().unwrap();
    assert_eq!(
        why,
        "404 Not Found: no such hook /services/[secret]/[secret]\\u{1b}[2J".replace("services", "[secret]")
    );
    assert_eq!(*told.0.lock().unwrap(), [("siem".to_owned(), Outcome::Refused)]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start([]).await;
    let server = Server::start([Does::Leads(elsewhere.url.clone())]).await;
    let courier = courier(&hook("URL"), &[("URL", &server.url), ("KEY", KEY)]);
    let answer = courier.send(&Notice::test("siem", None, now()), now()).await;
    assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
    assert!(elsewhere.came().is_empty());
}

/// Killed after the server has it, before the answer is noted: the same id once more, and nothing else.
#[tokio::test]
async fn a_kill_in_the_middle_neither_loses_nor_doubles_without_a_sign() {
    let server = Server::start([Does::Waits(Duration::from_millis(300))]).await;
    let dir = tempfile::tempdir().unwrap();
    let secrets = [("URL", server.url.as_str()), ("KEY", KEY)];
    {
        let (office, _) = office(dir.path(), &hook("URL"), &secrets);
        office.heard(&found(vec![item()])).unwrap();
        let sending = tokio::spawn({
            let office = office.clone();
            async move { office.deliver(now()).await }
        });
        while server.came().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        sending.abort();
        let _ = sending.await;
    }
    let (office, _) = office(dir.path(), &hook("URL"), &secrets);
    // The same is found again, and it is no news.
    office.heard(&found(vec![item()])).unwrap();
    assert_eq!(office.deliver(later(1)).await, 1);
    assert_eq!(office.deliver(later(3_600)).await, 0);
    let ids = server.ids();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(server.came()[0].body, server.came()[1].body);
}

#[tokio::test]
async fn what_comes_up_during_an_outage_gathers_in_one_notice() {
    let server = Server::start([Does::Says(500, None, "")]).await;
    let dir = tempfile::tempdir().unwrap();
    let (office, _) = office(dir.path(), &hook("URL"), &[("URL", &server.url), ("KEY", KEY)]);
    office.heard(&found(vec![item()])).unwrap();
    office.deliver(now()).await;
    for key in 2..30 {
        let items = (1..=key).map(|key| Item { id: format!("k{key}"), ..item() }).collect();
        office.heard(&found(items)).unwrap();
        assert!(office.ledger().0.len() <= 2);
    }
    assert_eq!(office.deliver(later(60)).await + office.deliver(later(61)).await, 2);
    let bodies = server.came().into_iter().map(|it| serde_json::from_slice::<Value>(&it.body).unwrap());
    let events: Vec<_> = bodies.map(|body| body["data"]["events"].as_array().unwrap().len()).collect();
    assert_eq!(events, [1, 1, 28]);
}

#[tokio::test]
async fn a_channel_that_is_slow_holds_up_nothing_but_itself() {
    let slow = Server::start(vec![Does::Waits(Duration::from_secs(20)); 50]).await;
    let quick = Server::start([]).await;
    let both =
        notify(vec![channel("slow", Target::Slack(door("SLOW"))), channel("quick", Target::Slack(door("QUICK")))]);
    let dir = tempfile::tempdir().unwrap();
    let (office, _) = office(dir.path(), &both, &[("SLOW", &slow.url), ("QUICK", &quick.url)]);
    let running = tokio::spawn({
        let office = office.clone();
        async move { office.run(now).await }
    });
    for key in 0..5 {
        let before = quick.came().len();
        office.heard(&found(vec![Item { id: format!("k{key}"), ..item() }])).unwrap(); // the one before is over
        let waited = async {
            while quick.came().len() == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), waited).await.unwrap();
    }
    running.abort();
    assert_eq!(office.ledger().0.len(), 2, "one under way and one that gathers");
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_sent() {
    let server = Server::start([]).await;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (office, _) = office(&state, &hook("URL"), &[("URL", &server.url), ("KEY", KEY)]);
    std::fs::remove_dir_all(&state).unwrap();
    assert!(matches!(office.heard(&found(vec![item()])), Err(StoreError::Io { .. })));
    assert_eq!(office.deliver(now()).await, 0);
    assert!(server.came().is_empty() && office.unkept().is_some());
    std::fs::create_dir_all(&state).unwrap();
    office.heard(&found(vec![item()])).unwrap();
    assert_eq!(office.deliver(now()).await, 1);
    assert!(office.unkept().is_none());
}

#[test]
fn what_was_told_belongs_to_one_daemon_and_a_broken_file_is_not_guessed_at() {
    let dir = tempfile::tempdir().unwrap();
    let (store, memory) = Store::open(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::InUse { .. })));
    store.keep(&memory).unwrap();
    drop(store);
    for broken in ["", "{", "{\"format\":2}", "{\"format\":1,\"channels\":[]}"] {
        std::fs::write(dir.path().join("notices.json"), broken).unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Broken { .. }), "{broken}: {error}");
    }
}

#[tokio::test]
async fn only_https_and_this_machine_where_it_is_said() {
    let open = |url: &str, loopback: bool| {
        let mut notify = hook("URL");
        notify.channels[0].target =
            Target::Webhook(crate::model::notify::Door { url: kept("URL"), loopback }, kept("KEY"));
        let courier = courier(&notify, &[("URL", url), ("KEY", KEY)]);
        courier.problems().next().map(|(_, why)| why.to_owned())
    };
    for (url, loopback) in
        [("https://hooks.example.no/x", false), ("http://127.0.0.1:9/x", true), ("http://[::1]/", true)]
    {
        assert_eq!(open(url, loopback), None, "{url}");
    }
    for (url, loopback) in [
        ("http://hooks.example.no/SECRET", false),
        ("http://hooks.example.no/SECRET", true),
        ("https://hooks.example.no/SECRET", true),
        ("http://127.0.0.1/SECRET", false),
        ("http://127.0.0.1.example.no/SECRET", true),
        ("https://127.0.0.1/SECRET", false),
        ("ftp://hooks.example.no/SECRET", false),
        ("SECRET", false),
        ("", false),
    ] {
        let why = open(url, loopback).unwrap_or_else(|| panic!("{url} {loopback}"));
        assert!(!why.contains("SECRET") && why.contains("the variable `URL`"), "{why}");
    }
}

#[tokio::test]
async fn a_secret_that_is_missing_is_the_trouble_of_its_channel_alone() {
    let server = Server::start([]).await;
    let both = notify(vec![channel("a", Target::Slack(door("MISSING"))), channel("b", Target::Slack(door("URL")))]);
    let dir = tempfile::tempdir().unwrap();
    let (office, _) = office(dir.path(), &both, &[("URL", &server.url)]);
    office.heard(&found(vec![item()])).unwrap();
    assert_eq!(office.deliver(now()).await, 1);
    let (pending, _) = office.ledger();
    assert_eq!(pending[0].why.as_deref(), Some("the variable `MISSING` is not set"));
    // It is set, and the daemon is told to look again: what waited is sent.
    let routes = Routes { notify: both.clone(), ..Routes::default() };
    office.reroute(routes, courier(&both, &[("URL", &server.url), ("MISSING", &server.url)]));
    assert_eq!(office.deliver(later(60)).await, 1);
    assert_eq!(server.came().len(), 2);
}

#[tokio::test]
async fn no_debug_and_no_answer_shows_a_secret() {
    let server = Server::start([Does::Cuts]).await;
    let courier = courier(&hook("URL"), &[("URL", &server.url), ("KEY", KEY)]);
    let answer = courier.send(&Notice::test("siem", None, now()), now()).await;
    let gone = self::courier(&hook("URL"), &[("URL", "https://127.0.0.1:1/T0SECRET"), ("KEY", KEY)]);
    let gone_answer = gone.send(&Notice::test("siem", None, now()), now()).await;
    for text in [format!("{courier:?}"), format!("{answer:?}"), format!("{gone:?}"), format!("{gone_answer:?}")] {
        assert!(!text.contains("SECRET") && !text.contains(&KEY[6..]), "{text}");
    }
}

#[tokio::test]
async fn a_sign_of_life_tells_of_a_run() {
    let server = Server::start([]).await;
    let dir = tempfile::tempdir().unwrap();
    let alive = notify(vec![channel("alive", Target::Ping(door("URL")))]);
    let (office, _) = office(dir.path(), &alive, &[("URL", &server.url)]);
    office.heard(&found(Vec::new())).unwrap();
    assert_eq!(office.deliver(now()).await, 1);
    let body: Value = serde_json::from_slice(&server.came()[0].body).unwrap();
    assert_eq!((body["type"].as_str(), body["data"]["run"].as_u64()), (Some("tilgang.alive"), Some(17)));
}
