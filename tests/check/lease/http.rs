//! The real client against an API server over HTTPS: short leases, real time; what is asserted holds on a slow machine too.

use std::time::Duration;

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;
use tilgang::{
    kubernetes::{Candidate, Leadership, Leases, Standing},
    lease::Terms,
};

use super::server::{ApiServer, Fault};

/// As the one who let go of it writes it: free at once.
fn released() -> serde_json::Value {
    json!({ "leaseDurationSeconds": 1, "leaseTransitions": 4, "renewTime": "2026-11-22T09:00:00.000000Z" })
}

fn wall() -> Timestamp {
    Timestamp::from_microsecond(1_795_000_000_123_456).unwrap()
}

async fn stand(server: &ApiServer, token: &str) -> Leadership {
    let config = Kubeconfig::from_yaml(&server.kubeconfig(token)).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    let lease = Leases::at(config, "tilgang", SignedDuration::from_millis(500)).unwrap();
    let (lease_time, renew, retry) = (2000, 1500, 100);
    let terms = Terms::new(
        SignedDuration::from_millis(lease_time),
        SignedDuration::from_millis(renew),
        SignedDuration::from_millis(retry),
    );
    Candidate { lease, me: format!("{token}_1"), terms: terms.unwrap(), wall }.stand()
}

/// Until something is so; a machine may be slow, but not for a minute.
async fn until(leadership: &mut Leadership, what: &str, is: impl Fn(&Standing) -> bool) -> Standing {
    let wait = async {
        let mut standing = leadership.standing();
        while !is(&standing) {
            standing = leadership.changed().await;
        }
        standing
    };
    tokio::time::timeout(Duration::from_mins(1), wait).await.unwrap_or_else(|_| panic!("never: {what}"))
}

fn leads(standing: &Standing) -> bool {
    standing.until.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_taken_renewed_and_let_go_of() {
    let server = ApiServer::start().await;
    server.apply(&released());
    let mut a = stand(&server, "pod-a").await;
    let first = until(&mut a, "a leads", leads).await;
    until(&mut a, "a renews", |standing| standing.until > first.until).await;
    let lease = server.lease();
    assert_eq!(lease["spec"]["holderIdentity"], "pod-a_1");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 2);
    assert_eq!(lease["spec"]["leaseTransitions"], 5);
    assert_eq!(lease["spec"]["renewTime"], "2026-11-18T11:06:40.123456Z");
    assert_eq!(lease["metadata"]["labels"]["app.kubernetes.io/name"], "tilgang", "what is not ours stays");

    a.stop();
    until(&mut a, "a is told to end its work", |standing| standing.until.is_none()).await;
    assert_eq!(server.lease()["spec"]["holderIdentity"], "pod-a_1", "not before its work has ended");
    a.ended();
    until(&mut a, "a may end", |standing| standing.is_done).await;
    let lease = server.lease();
    assert_eq!((lease["spec"].get("holderIdentity"), &lease["spec"]["leaseDurationSeconds"]), (None, &json!(1)));

    let mut b = stand(&server, "pod-b").await;
    until(&mut b, "b leads", leads).await;
    assert_eq!(server.lease()["spec"]["leaseTransitions"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_not_there_is_made_for_nobody_first() {
    let server = ApiServer::start().await;
    let mut a = stand(&server, "pod-a").await;
    until(&mut a, "a leads", leads).await;
    let log = server.log("pod-a");
    assert_eq!(log[..2], [(Method::GET, 404), (Method::POST, 201)]);
    assert!(log.iter().position(|it| *it == (Method::PUT, 200)).unwrap() > 3, "a lease was waited for: {log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_cut_off_gives_up_before_another_leads() {
    let server = ApiServer::start().await;
    server.apply(&released());
    let mut a = stand(&server, "pod-a").await;
    until(&mut a, "a leads", leads).await;
    let mut b = stand(&server, "pod-b").await;
    until(&mut b, "b sees a", |standing| standing.holder.as_deref() == Some("pod-a_1")).await;
    server.cut_off("pod-a", true);
    let both = async {
        while !b.holds() {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!a.holds(), "two leaders");
    };
    tokio::time::timeout(Duration::from_mins(1), both).await.unwrap();
    let told = until(&mut a, "a is told", |standing| standing.until.is_none()).await;
    assert!(told.trouble.as_deref().is_some_and(|words| words.starts_with("the API server")), "{told:?}");
    a.ended();
    server.cut_off("pod-a", false);
    until(&mut a, "a sees b", |standing| standing.holder.as_deref() == Some("pod-b_1")).await;
    assert!(!a.holds() && server.lease()["spec"]["holderIdentity"] == "pod-b_1");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_are_lived_with() {
    use Fault::{Broken, Busy, Forbidden, Gateway, Lost, Slow};
    let server = ApiServer::start().await;
    server.apply(&released());
    server.fail("pod-a", &[Broken, Gateway, Forbidden, Busy]); // while it looks
    let mut a = stand(&server, "pod-a").await;
    let standing = until(&mut a, "403 is said", |it| it.trouble.as_ref().is_some_and(|it| it.contains("403"))).await;
    let words = standing.trouble.unwrap();
    assert!(words.ends_with("; is the Role for this Lease bound to our service account?"), "{words}");
    until(&mut a, "a leads", leads).await;
    for fault in [Broken, Busy, Lost, Slow, Gateway] {
        server.fail("pod-a", &[fault; 3]); // long enough to be seen
        let before = server.lease()["spec"]["leaseTransitions"].clone();
        until(&mut a, "trouble is said", |standing| standing.trouble.is_some()).await;
        let over = async {
            while a.standing().trouble.is_some() || !leads(&a.standing()) {
                a.ended(); // where the faults, or a slow machine, cost the leadership
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), over).await.unwrap_or_else(|_| panic!("{fault:?} is never over"));
        assert_eq!(server.lease()["spec"]["leaseTransitions"], before, "{fault:?}: nobody else held it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_takes_the_lease_ends_a_leadership() {
    let server = ApiServer::start().await;
    server.apply(&released());
    let mut a = stand(&server, "pod-a").await;
    until(&mut a, "a leads", leads).await;
    server.apply(&json!({ "holderIdentity": "somebody", "leaseDurationSeconds": 3600, "renewTime": "2026-11-22T09:00:00.000000Z" }));
    until(&mut a, "a is told", |standing| standing.until.is_none()).await;
    until(&mut a, "a sees who", |standing| standing.holder.as_deref() == Some("somebody")).await;
    assert!(server.log("pod-a").contains(&(Method::PUT, 409)), "by a lost race");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_said() {
    let server = ApiServer::start().await;
    let mut a = stand(&server, "nobody").await;
    let standing = until(&mut a, "it is said", |standing| standing.trouble.is_some()).await;
    assert_eq!(
        standing.trouble.as_deref(),
        Some("the API server answered 401: Unauthorized; is the service account's token mounted?"),
    );
}

#[tokio::test]
async fn a_name_that_would_lead_elsewhere_is_refused() {
    let config = || kube::Config::new("https://127.0.0.1:1".parse().unwrap());
    for name in ["../secrets/x", "a/b/c", "", "a/", "Tilgang", "x?watch=1"] {
        assert!(Leases::at(config(), name, SignedDuration::from_secs(1)).is_err(), "{name}");
    }
}
