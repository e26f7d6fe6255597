//! Which request meets which fault.

use super::*;

const NOON: &str = "2026-11-22T12:00:00Z";

fn list(text: &str) -> Faults {
    let faults = Faults::default();
    let file = read(text).unwrap();
    faults.begin(file.faults, file.seed, NOON.parse().unwrap());
    faults
}

fn ask(method: &'static str, target: &'static str) -> Seen<'static> {
    let now = NOON.parse().unwrap();
    Seen { method, target, page: 1, to: To::Service, now, told: now }
}

fn put() -> Seen<'static> {
    ask("PUT", "/x/roleAssignments/y?z")
}

fn met(faults: &Faults, seen: &Seen<'_>, of: usize) -> Vec<usize> {
    (1..=of).filter(|_| faults.meet(seen).is_some()).collect()
}

#[test]
fn a_fault_is_met_as_often_as_it_says() {
    let faults = list("[{ method: put, route: roleassignments, does: lost_reply, times: 2, after: 1 }]");
    assert_eq!(faults.meet(&ask("GET", "/x/roleAssignments")), None);
    assert_eq!(met(&faults, &put(), 5), [2, 3]);
    assert_eq!((faults.left()[0].met, faults.left()[0].times), (2, Some(0)));
}

#[test]
fn every_third_request_and_of_the_others_every_tenth() {
    let faults = list("[{ every: 3, does: { throttle: {} } }, { every: 10, does: lost_reply }]");
    let all: Vec<_> = (0..30).map(|_| faults.meet(&put())).collect();
    assert_eq!(all.iter().filter(|it| matches!(it, Some(Misbehaviour::Throttle(_)))).count(), 10);
    assert_eq!(all.iter().filter(|it| **it == Some(Misbehaviour::LostReply)).count(), 2);
}

#[test]
fn chance_is_the_same_for_the_same_seed() {
    let with =
        |seed: u32| met(&list(&format!("{{ seed: {seed}, faults: [{{ share: 0.1, does: reset }}] }}")), &put(), 1_000);
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
    assert!((70..130).contains(&with(1).len()), "{}", with(1).len());
}

#[test]
fn routes_pages_items_and_times_of_day() {
    let faults = list("[{ route: '/SUBSCRIPTIONS/*/roleassignments?', does: reset }]");
    assert!(faults.meet(&ask("GET", "/subscriptions/1/providers/x/roleAssignments?y")).is_some());
    assert!(faults.meet(&ask("GET", "/providers/x/roleAssignments?/subscriptions/")).is_none());
    let faults = list("[{ page: 2, does: reset }]");
    assert!(faults.meet(&put()).is_none() && faults.meet(&Seen { page: 2, ..put() }).is_some());
    let faults = list("[{ items: true, does: empty_object }]");
    assert!(faults.meet(&put()).is_none() && faults.meet(&Seen { to: To::Item, ..put() }).is_some());
    let faults = list("[{ from: +1h, until: 2026-11-22T14:00:00Z, does: reset }]");
    let at = |now: &str| faults.meet(&Seen { now: now.parse().unwrap(), ..put() }).is_some();
    assert_eq!([NOON, "2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z"].map(at), [false, true, false]);
}

#[test]
fn what_is_beyond_a_pace_waits_until_there_is_room() {
    let faults = list("[{ beyond: { at_once: 2, per_second: 0.5 }, does: { throttle: {} } }]");
    let after = |faults: &Faults, seconds| {
        let told = put().told + jiff::SignedDuration::from_secs(seconds);
        faults.meet(&Seen { told, ..put() }).map(|it| match it {
            Misbehaviour::Throttle(throttle) => throttle.retry_after.unwrap(),
            other => panic!("{other:?}"),
        })
    };
    let waits = [0, 0, 0, 1, 2].map(|seconds| after(&faults, seconds));
    assert_eq!(waits, [None, None, Some("2".to_owned()), Some("1".to_owned()), None]);
}
