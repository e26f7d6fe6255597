//! The machine, step by step.

use jiff::{SignedDuration, Timestamp};
use tilgang::lease::{Command, Elector, Event, Failure, Moment, Record, Seen, Terms};

use super::play::Play;

fn secs(seconds: i64) -> Moment {
    Moment::from_secs(seconds)
}

fn wall(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn held(by: &str, version: &str) -> Seen {
    let record = Record { holder: Some(by.to_owned()), lease_seconds: Some(60), transitions: 3, ..Record::default() };
    Seen { record, version: version.to_owned() }
}

fn elector() -> Elector {
    Elector::new("b".to_owned(), Terms::DEFAULT, secs(0))
}

/// A leader since second 1: it asked at 1 and was answered at 2.
fn leader() -> Elector {
    let mut b = elector();
    assert_eq!(b.handle(secs(0), wall(0), Event::Tick), [Command::Read]);
    let released = Record { transitions: 3, renewed: Some(wall(-9)), ..Record::default() };
    let nobody = Seen { record: released, version: "7".to_owned() };
    let commands = b.handle(secs(1), wall(1), Event::Read(Ok(Some(nobody))));
    let record = Record {
        holder: Some("b".to_owned()),
        lease_seconds: Some(60),
        acquired: Some(wall(1)),
        renewed: Some(wall(1)),
        transitions: 4,
    };
    assert_eq!(commands, [Command::Update { record: record.clone(), version: "7".to_owned() }]);
    let written = Seen { record, version: "8".to_owned() };
    assert_eq!(b.handle(secs(2), wall(2), Event::Wrote(Ok(written))), [Command::Lead { until: secs(31) }]);
    b
}

#[test]
fn a_renewal_keeps_when_it_was_acquired() {
    let mut b = leader();
    assert_eq!(b.wake(), Some(secs(7)));
    let commands = b.handle(secs(7), wall(7), Event::Tick);
    let [Command::Update { record, version }] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!((record.acquired, record.renewed, record.transitions), (Some(wall(1)), Some(wall(7)), 4));
    assert_eq!(version, "8");
}

#[test]
fn a_held_lease_is_waited_for_by_our_own_clock() {
    let mut b = elector();
    b.handle(secs(0), wall(0), Event::Tick);
    let mut old = held("a", "7"); // renewed an hour ago, or in an hour: neither matters
    old.record.renewed = Some(wall(-3600));
    for now in (0..60).step_by(5) {
        assert_eq!(b.handle(secs(now), wall(now), Event::Read(Ok(Some(old.clone())))), []);
        assert_eq!(b.handle(secs(now + 5), wall(now), Event::Tick), [Command::Read]);
    }
    let commands = b.handle(secs(60), wall(60), Event::Read(Ok(Some(old))));
    assert!(matches!(commands.as_slice(), [Command::Update { record, .. }] if record.transitions == 4), "{commands:?}");
}

#[test]
fn a_lease_that_nobody_held_is_waited_for_too() {
    let mut b = elector();
    b.handle(secs(0), wall(0), Event::Tick);
    assert_eq!(b.handle(secs(1), wall(1), Event::Read(Ok(None))), [Command::Create(Record::default())]);
    let blank = Seen { record: Record::default(), version: "1".to_owned() };
    assert_eq!(b.handle(secs(2), wall(2), Event::Wrote(Ok(blank.clone()))), []);
    assert_eq!(b.handle(secs(61), wall(61), Event::Tick), [Command::Read]);
    assert_eq!(b.handle(secs(61), wall(61), Event::Read(Ok(Some(blank.clone())))), []);
    assert_eq!(b.handle(secs(66), wall(66), Event::Tick), [Command::Read]);
    let commands = b.handle(secs(66), wall(66), Event::Read(Ok(Some(blank))));
    assert!(matches!(commands.as_slice(), [Command::Update { record, .. }] if record.transitions == 1), "{commands:?}");
}

#[test]
fn a_longer_lease_of_the_holder_is_respected() {
    let mut b = elector();
    b.handle(secs(0), wall(0), Event::Tick);
    let mut long = held("a", "7");
    long.record.lease_seconds = Some(600);
    b.handle(secs(0), wall(0), Event::Read(Ok(Some(long.clone()))));
    b.handle(secs(100), wall(100), Event::Tick);
    assert_eq!(b.handle(secs(100), wall(100), Event::Read(Ok(Some(long)))), []);
}

#[test]
fn without_an_answer_a_leader_gives_up_before_others_may_begin() {
    let mut b = leader();
    let down = || Event::Wrote(Err(Failure::Unclear { wait: None }));
    assert!(matches!(b.handle(secs(7), wall(7), Event::Tick).as_slice(), [Command::Update { .. }]));
    assert_eq!(b.handle(secs(17), wall(17), down()), []);
    assert_eq!(b.handle(secs(22), wall(22), Event::Tick), [Command::Read]);
    assert_eq!(b.wake(), Some(secs(31)), "even while a request is under way");
    assert!(b.leads(secs(30)) && !b.leads(secs(31)));
    assert_eq!(b.handle(secs(31), wall(31), Event::Tick), [Command::Yield]);
    assert_eq!(b.handle(secs(32), wall(32), Event::Read(Err(Failure::Unclear { wait: None }))), []);
    assert_eq!(b.wake(), None, "it does not stand again before its work has ended");
    assert_eq!(b.handle(secs(40), wall(40), Event::Ended), [Command::Read]);
}

#[test]
fn a_lost_race_is_looked_into_and_ends_a_leadership() {
    let mut b = leader();
    b.handle(secs(7), wall(7), Event::Tick);
    assert_eq!(b.handle(secs(8), wall(8), Event::Wrote(Err(Failure::Conflict))), []);
    assert_eq!(b.handle(secs(9), wall(9), Event::Tick), [Command::Read]);
    assert_eq!(b.handle(secs(10), wall(10), Event::Read(Ok(Some(held("c", "9"))))), [Command::Yield]);
    assert!(!b.leads(secs(10)));
    assert_eq!(b.holder(), Some("c"));
}

#[test]
fn stopping_ends_the_work_first_and_then_lets_go() {
    let mut b = leader();
    assert_eq!(b.handle(secs(3), wall(3), Event::Stop), [Command::Yield]);
    assert!(b.leads(secs(3)), "what it began, it ends as the leader");
    let commands = b.handle(secs(7), wall(7), Event::Tick);
    let [Command::Update { record, .. }] = commands.as_slice() else { panic!("{commands:?}") };
    let renewed = Seen { record: record.clone(), version: "9".to_owned() };
    assert_eq!(b.handle(secs(8), wall(8), Event::Wrote(Ok(renewed))), []);
    let commands = b.handle(secs(9), wall(9), Event::Ended);
    let [Command::Update { record, version }] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!((record.holder.as_deref(), record.lease_seconds, version.as_str()), (None, Some(1), "9"));
    assert!(!b.leads(secs(9)), "not a moment longer than it asks to be released");
    let gone = Seen { record: record.clone(), version: "10".to_owned() };
    assert_eq!(b.handle(secs(10), wall(10), Event::Wrote(Ok(gone))), [Command::Done]);
}

#[test]
fn who_does_not_lead_stops_at_once() {
    let mut b = elector();
    assert_eq!(b.handle(secs(0), wall(0), Event::Tick), [Command::Read]);
    assert_eq!(b.handle(secs(1), wall(1), Event::Stop), []);
    assert_eq!(b.handle(secs(2), wall(2), Event::Read(Ok(Some(held("a", "7"))))), [Command::Done]);
}

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    let mut b = elector();
    b.handle(secs(0), wall(0), Event::Tick);
    b.handle(secs(1), wall(1), Event::Read(Err(Failure::Unclear { wait: Some(secs(20)) })));
    assert_eq!(b.wake(), Some(secs(21)));
}

#[test]
fn terms_that_could_make_two_leaders_are_refused() {
    let terms = |lease, renew, retry| Terms::new(secs(lease), secs(renew), secs(retry));
    assert!(terms(15, 10, 2).is_ok());
    assert!(terms(10, 10, 2).is_err());
    assert!(terms(15, 2, 2).is_err());
    assert!(terms(15, 10, 0).is_err());
    assert!(Terms::new(SignedDuration::from_millis(15_500), secs(10), secs(2)).is_err());
}

/// Bounds, on good clocks: a death costs a lease, a stop costs one look.
#[test]
fn a_dead_leader_is_followed_after_a_lease_and_one_that_stops_at_once() {
    for (is_stop, at_most) in [(false, 60_000 + 5_000 + 100), (true, 5_000 + 100)] {
        let mut play = Play::new(&[]).with_lease();
        let first = play.start(0);
        play.start(1_000);
        if is_stop {
            play.stop(100_000, first);
        } else {
            play.die(100_000, first);
        }
        play.run_until(300_000);
        let (after, leader, _) = *play.told.iter().find(|(at, _, word)| *at > 100_000 && *word == "lead").unwrap();
        assert_ne!(leader, first);
        assert!(after - 100_000 <= at_most, "stop: {is_stop}: {} ms", after - 100_000);
    }
}
