//! Laws over histories of runs: each change is told exactly once, nothing where nothing changed, quiet time delays and never
//! loses, and what ends soon is told at the gravest stage that was reached.

mod git;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::date};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Answer, Event, Found, Happened, Item, Kind, Memory, Notice, Outcome, Routes,
    calendar::awake,
    outbox::{EVENTS_MAX, Outbox},
};
use crate::model::{
    notify::{Addressee, Channel, Day, Digest, Door, Mail, MailSecurity, Notify, Quiet, SecretAt, Target, Topic},
    owner::{EnvironmentName, OwnerCode},
};

const START: &str = "2026-11-23T06:00:00Z"; // a Monday

fn start() -> Timestamp {
    START.parse().unwrap()
}

fn day(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn owner(code: &str) -> OwnerCode {
    OwnerCode::new(code).unwrap()
}

fn door() -> Door {
    Door { url: SecretAt::Variable("A".to_owned()), loopback: false }
}

fn channel(name: &str, target: Target) -> Channel {
    Channel { name: name.to_owned(), target, classes: None, owners: None, environments: None }
}

/// All to one; what others did in production to another; to each owner its own; to a machine.
fn routes(quiet: bool, digest: Option<Digest>) -> Routes {
    let grave = BTreeSet::from([Topic::Unmanaged, Topic::Expiring]);
    let mail = Mail {
        server: "localhost".to_owned(),
        port: 25,
        security: MailSecurity::Loopback,
        sign_in: None,
        from: "tilgang@example.no".to_owned(),
        to: vec![Addressee::Contact, Addressee::Address("drift@example.no".to_owned())],
    };
    let hours = Some(("17:00".parse().unwrap(), "08:00".parse().unwrap()));
    let quiet = quiet.then(|| Quiet {
        hours,
        days: BTreeSet::from([Day::Sat, Day::Sun]),
        except: BTreeSet::from([Topic::Unmanaged]),
    });
    let notify = Notify {
        channels: vec![
            channel("all", Target::Slack(door())),
            Channel {
                classes: Some(grave),
                environments: Some(BTreeSet::from([EnvironmentName::new("prod")])),
                ..channel("grave", Target::Teams(door()))
            },
            channel("owners", Target::Email(Box::new(mail))),
            Channel { owners: Some(BTreeSet::from([owner("skd")])), ..channel("skd", Target::Slack(door())) },
            channel("machine", Target::Webhook(door(), SecretAt::Variable("B".to_owned()))),
        ],
        quiet,
        digest,
        zone: None,
    };
    let contacts = BTreeMap::from([(owner("ttd"), "ttd@example.no".to_owned()), (owner("nav"), "ask Kari".to_owned())]);
    Routes { notify, contacts }
}

/// A thing that can stand open: which of a few it is, and what it says.
fn item(key: u8, gist: u8) -> Item {
    let topics = [Topic::Unmanaged, Topic::Missing, Topic::Expired];
    Item {
        id: format!("key-{key}"),
        topic: topics[usize::from(key) % 3],
        owner: ["ttd", "skd", "nav"].get(usize::from(key) % 4).map(|code| (*code).to_owned()),
        environment: Some(if key.is_multiple_of(2) { "prod" } else { "test" }.to_owned()),
        who: Some("kari.fiktiv@ai-dev.no".to_owned()),
        words: "others made it".to_owned(),
        gist: gist.to_string(),
        remedy: String::new(),
        since: None,
        by: None,
        until: None,
        left: None,
        scope: None,
    }
}

#[derive(Clone, Debug)]
struct Run {
    minutes: i64,
    /// What stands open; none: Azure could not be read.
    open: Option<BTreeMap<u8, u8>>,
    /// What befalls the daemon after it.
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Nothing,
    Restart,
    /// Killed after notices were sent, before the answers were noted.
    KilledSending,
}

fn history() -> impl Strategy<Value = Vec<Run>> {
    let open =
        prop_oneof![8 => proptest::collection::btree_map(0..8_u8, 0..2_u8, 0..6).prop_map(Some), 1 => Just(None)];
    let then = prop_oneof![4 => Just(Then::Nothing), 1 => Just(Then::Restart), 1 => Just(Then::KilledSending)];
    let run = (1..900_i64, open, then).prop_map(|(minutes, open, then)| Run { minutes, open, then });
    proptest::collection::vec(run, 1..25)
}

/// What an addressee should hear: told by a model that knows no outbox.
type Heard = BTreeMap<(String, Option<String>), Vec<(Happened, String, Timestamp)>>;

fn expected(history: &[Run], routes: &Routes) -> Heard {
    let mut heard = Heard::new();
    let (mut now, mut before) = (start(), BTreeMap::<u8, u8>::new());
    for run in history {
        now += SignedDuration::from_mins(run.minutes);
        let Some(open) = &run.open else { continue };
        for key in before.keys().chain(open.keys()).collect::<BTreeSet<_>>() {
            let happened = match (before.get(key), open.get(key)) {
                (None, Some(_)) => Happened::New,
                (Some(_), None) => Happened::Resolved,
                (Some(old), Some(new)) if old != new => Happened::Changed,
                _ => continue,
            };
            let item = item(*key, 0);
            let of = item.owner.as_deref();
            let mut tell = |channel: &str, to: Option<&str>| {
                let place = (channel.to_owned(), to.map(str::to_owned));
                heard.entry(place).or_default().push((happened, item.id.clone(), now));
            };
            tell("all", None);
            tell("machine", None);
            tell("owners", Some("drift@example.no"));
            if of == Some("ttd") {
                tell("owners", Some(&routes.contacts[&owner("ttd")]));
            }
            if of == Some("skd") {
                tell("skd", None);
            }
            if item.topic == Topic::Unmanaged && item.environment.as_deref() == Some("prod") {
                tell("grave", None);
            }
        }
        before = open.clone();
    }
    for events in heard.values_mut() {
        events.sort();
    }
    heard
}

fn restart(memory: &Memory) -> Memory {
    let kept = serde_json::to_string(memory).unwrap();
    let read: Memory = serde_json::from_str(&kept).unwrap();
    assert_eq!(*memory, read);
    read
}

/// A world without faults: whatever is sent is taken. Notices by id, as who receives them counts them.
#[derive(Default)]
struct Receiver {
    taken: BTreeMap<Uuid, (Notice, Timestamp)>,
    doubles: usize,
}

impl Receiver {
    fn take(&mut self, notice: Notice, now: Timestamp) {
        if let Some((first, _)) = self.taken.get(&notice.id) {
            assert_eq!(*first, notice, "an id says the same for ever");
            self.doubles += 1;
        } else {
            self.taken.insert(notice.id, (notice, now));
        }
    }

    fn deliver(&mut self, memory: &mut Memory, routes: &Routes, now: Timestamp, then: Then) {
        loop {
            let due = memory.due(routes, now);
            if due.is_empty() {
                return;
            }
            for id in due {
                let notice = memory.begin(id, now).unwrap();
                self.take(notice, now);
                if then == Then::KilledSending {
                    *memory = restart(memory); // noted before it was sent; the answer is not
                    continue;
                }
                assert_eq!(memory.answered(id, now, Answer::Taken), Some(Outcome::Sent));
            }
            if then == Then::KilledSending {
                return; // the daemon is gone: it starts again at the next run
            }
        }
    }

    fn heard(&self) -> Heard {
        let mut heard = Heard::new();
        for (notice, _) in self.taken.values().filter(|(notice, _)| notice.kind == Kind::Changes) {
            let events = notice.events.iter().map(|it| (it.happened, it.item.id.clone(), it.at));
            heard.entry((notice.channel.clone(), notice.to.clone())).or_default().extend(events);
        }
        for events in heard.values_mut() {
            events.sort();
        }
        heard
    }
}

fn play(history: &[Run], routes: &Routes) -> (Memory, Receiver, Timestamp) {
    let (mut memory, mut receiver, mut now) = (Memory::default(), Receiver::default(), start());
    for (number, run) in history.iter().enumerate() {
        now += SignedDuration::from_mins(run.minutes);
        let items = run.open.as_ref().map(|open| open.iter().map(|(key, gist)| item(*key, *gist)).collect());
        memory.heard(&Found { at: now, day: day(now), run: number as u64, items, failing: None, git: None }, routes);
        receiver.deliver(&mut memory, routes, now, run.then);
        if run.then == Then::Restart {
            memory = restart(&memory);
        }
    }
    // Longer than any quiet time and any wait.
    for _ in 0..20 {
        now += SignedDuration::from_hours(7);
        memory.tick(routes, now);
        receiver.deliver(&mut memory, routes, now, Then::Nothing);
    }
    (memory, receiver, now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Restarts and kills at any point included: a kill between sending and noting sends the same id again, and nothing else.
    #[test]
    fn each_change_is_told_exactly_once(history in history(), quiet in any::<bool>()) {
        let routes = routes(quiet, None);
        let (memory, receiver, _) = play(&history, &routes);
        prop_assert_eq!(receiver.heard(), expected(&history, &routes));
        prop_assert!(memory.pending().is_empty());
        let kills = history.iter().filter(|run| run.then == Then::KilledSending).count();
        prop_assert!(kills > 0 || receiver.doubles == 0);
    }

    #[test]
    fn nothing_is_told_where_nothing_changed(history in history(), quiet in any::<bool>()) {
        let routes = routes(quiet, None);
        let (mut memory, _, now) = play(&history, &routes);
        let last = history.iter().rev().find_map(|run| run.open.as_ref());
        let items = last.map(|open| open.iter().map(|(key, gist)| item(*key, *gist)).collect());
        let before = memory.clone();
        for items in [items, None] {
            let found = Found { at: now, day: day(now), run: 99, items, failing: None, git: None };
            prop_assert!(!memory.heard(&found, &routes));
        }
        prop_assert_eq!(memory, before);
    }

    #[test]
    fn in_quiet_time_people_hear_only_what_cannot_wait(history in history()) {
        let routes = routes(true, None);
        let (_, receiver, _) = play(&history, &routes);
        let quiet = routes.notify.quiet.as_ref().unwrap();
        for (notice, at) in receiver.taken.values() {
            let is_quiet = awake(quiet, &routes.notify.zone(), *at) != *at;
            let can_wait = notice.events.iter().all(|event| event.item.topic != Topic::Unmanaged);
            prop_assert!(!is_quiet || !can_wait || notice.channel == "machine", "{:?} at {}", notice, at);
        }
    }

    /// On whichever days runs happen: the gravest stage that was reached, each at most once.
    #[test]
    fn what_ends_soon_is_told_by_stages(gaps in proptest::collection::vec(0..6_i32, 1..14), first in 0..6_i32) {
        let routes = routes(false, None);
        let until = date(2026, 12, 20);
        let (mut memory, mut receiver) = (Memory::default(), Receiver::default());
        let (mut told, mut days, mut last) = (Vec::new(), date(2026, 12, 1).checked_add(first.days()).unwrap(), i32::MAX);
        for gap in gaps {
            days = days.checked_add(gap.days()).unwrap();
            let at = days.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
            let left = until.since(days).unwrap().get_days();
            // As a look shows it: only what ends within two weeks, and has not.
            let is_seen = (0..=14).contains(&left);
            let ends = Item { topic: Topic::Expiring, until: Some(until), left: Some(left), gist: left.to_string(), ..item(0, 0) };
            let items = Some(is_seen.then_some(ends).into_iter().collect());
            memory.heard(&Found { at, day: days, run: 1, items, failing: None, git: None }, &routes);
            receiver.deliver(&mut memory, &routes, at, Then::Nothing);
            let stage = [1, 3, 14].into_iter().find(|stage| left <= *stage).filter(|_| is_seen);
            if let Some(stage) = stage.filter(|stage| *stage < last) {
                last = stage;
                told.push((Happened::Ends, "key-0".to_owned(), at));
            }
        }
        let heard = receiver.heard();
        prop_assert_eq!(heard.get(&("all".to_owned(), None)).cloned().unwrap_or_default(), told);
    }

    /// Whatever channels answer: in a lane nothing overtakes what is tried again, an id says the same for ever, and nothing is
    /// lost that was not refused or given up.
    #[test]
    fn no_answer_loses_or_mixes_up(history in history(), answers in proptest::collection::vec(0..5_u8, 200)) {
        let routes = routes(false, None);
        let (mut memory, mut receiver, mut now) = (Memory::default(), Receiver::default(), start());
        let (mut refused, mut answers) = (Vec::new(), answers.into_iter().cycle());
        let mut step = |memory: &mut Memory, now: Timestamp| {
            for id in memory.due(&routes, now) {
                let notice = memory.begin(id, now).unwrap();
                let answer = match answers.next().unwrap() {
                    0 => Answer::Refused { why: "no".to_owned() },
                    1 => Answer::Later { after: Some(SignedDuration::from_hours(1)), why: "not now".to_owned() },
                    2 => Answer::Later { after: None, why: "reset".to_owned() },
                    _ => Answer::Taken,
                };
                match &answer {
                    Answer::Refused { .. } => refused.push(notice),
                    Answer::Taken => receiver.take(notice, now),
                    Answer::Later { .. } => {}
                }
                memory.answered(id, now, answer);
            }
        };
        for run in &history {
            now += SignedDuration::from_mins(run.minutes);
            let items = run.open.as_ref().map(|open| open.iter().map(|(key, gist)| item(*key, *gist)).collect());
            memory.heard(&Found { at: now, day: day(now), run: 1, items, failing: None, git: None }, &routes);
            prop_assert!(memory.pending().len() <= 3 * 6, "the outbox is bounded");
            step(&mut memory, now);
        }
        for _ in 0..500 {
            now += SignedDuration::from_mins(20);
            step(&mut memory, now);
        }
        prop_assert!(memory.pending().is_empty());
        for notice in refused {
            receiver.take(notice, now);
        }
        prop_assert_eq!(receiver.heard(), expected(&history, &routes));
    }
}

fn found(at: Timestamp, items: Vec<Item>) -> Found {
    Found { at, day: day(at), run: 7, items: Some(items), failing: None, git: None }
}

#[test]
fn a_digest_tells_once_a_day_what_is_open_even_after_a_night_away() {
    let daily = Digest { on: None, at: "08:00".parse().unwrap() };
    let routes = routes(false, Some(daily));
    let (mut memory, mut receiver, mut now) = (Memory::default(), Receiver::default(), start());
    memory.heard(&found(now, vec![item(0, 0), item(1, 0)]), &routes);
    receiver.deliver(&mut memory, &routes, now, Then::Nothing);
    for hours in [1, 1, 1, 40, 1, 30] {
        now += SignedDuration::from_hours(hours);
        memory.tick(&routes, now);
        receiver.deliver(&mut memory, &routes, now, Then::Restart);
        memory = restart(&memory);
    }
    let digests: Vec<_> =
        receiver.taken.values().filter(|(it, _)| it.kind == Kind::Digest && it.channel == "all").collect();
    // Monday at eight, Wednesday at once after two nights away, Thursday.
    let mut at: Vec<String> = digests.iter().map(|(_, at)| at.to_string()).collect();
    at.sort();
    assert_eq!(at, ["2026-11-23T08:00:00Z", "2026-11-25T01:00:00Z", "2026-11-26T08:00:00Z"]);
    assert!(digests.iter().all(|(it, _)| it.events.len() == 2 && it.events[0].happened == Happened::Open));
    assert!(receiver.taken.values().all(|(it, _)| it.kind != Kind::Digest || it.channel != "machine"));
}

#[test]
fn runs_that_fail_are_told_and_that_they_succeed_again() {
    let routes = routes(false, None);
    let mut memory = Memory::default();
    let mut receiver = Receiver::default();
    memory.heard(&found(start(), vec![item(0, 0)]), &routes);
    let failed = Found {
        at: start(),
        day: day(start()),
        run: 8,
        items: None,
        failing: Some("Azure does not answer".to_owned()),
        git: None,
    };
    receiver.deliver(&mut memory, &routes, start(), Then::Nothing);
    assert!(memory.heard(&failed, &routes));
    assert!(!memory.heard(&failed, &routes), "it is told once");
    receiver.deliver(&mut memory, &routes, start(), Then::Nothing);
    memory.heard(&found(start(), vec![item(0, 0)]), &routes);
    receiver.deliver(&mut memory, &routes, start(), Then::Nothing);
    let heard = receiver.heard();
    let run: Vec<_> =
        heard[&("all".to_owned(), None)].iter().filter(|(_, key, _)| key == "run").map(|it| it.0).collect();
    assert_eq!(run, [Happened::New, Happened::Resolved]);
    // A channel for one owner hears of it as well; one for other classes does not.
    assert!(
        heard.contains_key(&("skd".to_owned(), None))
            && !heard[&("grave".to_owned(), None)].iter().any(|it| it.1 == "run")
    );
}

#[test]
fn a_grant_that_lasts_longer_now_is_told_and_one_that_ended_is_not() {
    let routes = routes(false, None);
    let ends = |until| Item { topic: Topic::Expiring, until: Some(until), left: Some(2), ..item(0, 0) };
    for (at, over) in [("2026-11-24T12:00:00Z", true), ("2026-11-26T12:00:00Z", false)] {
        let mut memory = Memory::default();
        memory.heard(&found(start(), vec![ends(date(2026, 11, 25))]), &routes);
        memory.heard(&found(at.parse().unwrap(), Vec::new()), &routes);
        let all = memory.pending().iter().find(|it| it.notice.channel == "all").unwrap();
        assert_eq!(all.notice.events.last().unwrap().happened == Happened::Resolved, over, "{at}");
    }
}

#[test]
fn a_channel_that_is_gone_takes_its_notices_along_and_a_new_one_hears_what_is_open() {
    let mut routes = routes(false, None);
    let mut memory = Memory::default();
    memory.heard(&found(start(), vec![item(0, 0)]), &routes);
    routes.notify.channels.retain(|channel| channel.name == "grave");
    routes.notify.channels.push(channel("new", Target::Slack(door())));
    memory.heard(&found(start(), vec![item(0, 0)]), &routes);
    let pending: Vec<_> = memory.pending().iter().map(|it| it.notice.channel.as_str()).collect();
    assert_eq!(pending, ["grave", "new"]);
    assert!(memory.done().iter().all(|done| done.outcome == Outcome::Dropped && done.why.is_some()));
}

#[test]
fn signs_of_life_wait_for_nobody_and_never_pile_up() {
    let mut routes = routes(false, None);
    routes.notify.channels.push(channel("alive", Target::Ping(door())));
    let mut memory = Memory::default();
    for minutes in 0..50 {
        let at = start() + SignedDuration::from_mins(minutes);
        memory.heard(&found(at, Vec::new()), &routes);
        for id in memory.due(&routes, at) {
            memory.begin(id, at);
            memory.answered(id, at, Answer::Later { after: None, why: "down".to_owned() });
        }
        assert_eq!(memory.pending().len(), 1);
        assert_eq!(memory.pending()[0].notice.run, 7);
    }
    let failed = Found { at: start(), day: day(start()), run: 8, items: None, failing: None, git: None };
    let before = memory.pending().to_vec();
    memory.heard(&failed, &routes);
    assert_eq!(memory.pending(), before, "a run that fails is no sign of life");
}

#[test]
fn a_notice_that_is_full_counts_the_rest() {
    let mut outbox = Outbox::default();
    let events = vec![Event { happened: Happened::New, at: start(), item: item(0, 0) }; EVENTS_MAX - 1];
    for _ in 0..3 {
        outbox.post(("all", None), Kind::Changes, (start(), start(), 1), events.clone());
    }
    assert_eq!(outbox.pending.len(), 1);
    assert_eq!(outbox.pending[0].notice.events.len(), EVENTS_MAX);
    assert_eq!(outbox.pending[0].notice.left_out, 2 * EVENTS_MAX - 3);
}

#[test]
fn what_is_never_taken_is_given_up_after_days_and_said() {
    let routes = routes(false, None);
    let (mut memory, mut now) = (Memory::default(), start());
    memory.heard(&found(now, vec![item(0, 0)]), &routes);
    let mut tries = 0;
    while !memory.pending().is_empty() {
        for id in memory.due(&routes, now) {
            memory.begin(id, now);
            memory.answered(id, now, Answer::Later { after: None, why: "down".to_owned() });
            tries += 1;
        }
        now = memory.wake(&routes, now, &BTreeSet::new()).unwrap_or(now);
    }
    assert!(now.duration_since(start()) >= SignedDuration::from_hours(4 * 24));
    assert!((1_500..4_500).contains(&tries), "{tries}: every quarter of an hour, in five lanes");
    assert!(memory.done().iter().all(|done| done.outcome == Outcome::GivenUp));
}

#[test]
fn owners_whom_nobody_can_write_to_are_named() {
    let all = [owner("ttd"), owner("skd"), owner("nav")];
    assert_eq!(routes(false, None).unreachable(&all), [owner("skd"), owner("nav")]);
}
