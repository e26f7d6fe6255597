//! Laws of the machine: whatever happens, in whatever order, with whatever delays.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Command, Event, Fetched, How, Order, Reconciler, Settings};
use crate::{
    model::owner::OwnerCode,
    watch::{Part, Trigger, What},
};

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn millis(millis: u32) -> SignedDuration {
    SignedDuration::from_millis(i64::from(millis))
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// What somebody does from outside.
#[derive(Clone, Debug)]
enum Act {
    Push { rewrites: bool },
    Azure(u8),
    Reload,
    Lead(bool),
    Acknowledge,
    Stop,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => any::<bool>().prop_map(|rewrites| Act::Push { rewrites }),
        6 => any::<u8>().prop_map(Act::Azure),
        2 => Just(Act::Reload),
        1 => any::<bool>().prop_map(Act::Lead),
        1 => Just(Act::Acknowledge),
    ]
}

/// What the clone still has after a restart: no commit that the repository gets here.
const KEPT: u32 = u32::MAX;

/// How long the next runs take, whether they fail, and how long git takes: read round and round.
#[derive(Clone, Debug)]
struct Luck {
    runs: Vec<(u32, bool)>,
    fetches: Vec<(u32, bool)>,
}

fn luck(longest: u32, fails: bool) -> impl Strategy<Value = Luck> {
    let runs = proptest::collection::vec((0..longest, any::<bool>().prop_map(move |it| it && fails)), 1..8);
    let fetches = proptest::collection::vec((0..2_000_u32, any::<bool>().prop_map(move |it| it && fails)), 1..8);
    (runs, fetches).prop_map(|(runs, fetches)| Luck { runs, fetches })
}

fn settings() -> impl Strategy<Value = Settings> {
    (1..600_i64, 0..60_i64, 1..120_i64, 1..600_i64, any::<u64>(), any::<bool>()).prop_map(
        |(interval, jitter, poll, run_timeout, seed, heals)| Settings {
            interval: seconds(interval),
            jitter: seconds(jitter),
            run_timeout: seconds(run_timeout),
            ending: seconds(20),
            poll: seconds(poll),
            settle: seconds(2),
            retry_first: seconds(10),
            seed,
            heals,
            leads: true,
        },
    )
}

struct On {
    order: Order,
    began: Timestamp,
    ends: Timestamp,
    failed: bool,
    told: Option<How>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
/// The shell, without a socket: does what the machine says, and holds it to its promises.
struct Shell {
    machine: Reconciler,
    settings: Settings,
    luck: Luck,
    now: Timestamp,
    wake: Option<Timestamp>,
    on: Option<On>,
    fetch: Option<(Timestamp, bool, u32, bool)>,
    /// What stands in the repository, what git told last, and whether its history follows.
    head: (u32, bool),
    told: Option<u32>,
    runs: Vec<(Order, Timestamp)>,
    /// Each end of a run: when, and whether it failed.
    ends: Vec<(Timestamp, bool, What)>,
    moves: Vec<Timestamp>,
    leads: bool,
    trusted: bool,
    fresh: bool,
    acknowledged: bool,
    asked_to_stop: bool,
    stopped: bool,
    published: u64,
}

impl Shell {
    fn new(settings: Settings, luck: Luck) -> Self {
        let mut shell = Self {
            machine: Reconciler::new(start(), settings, 0),
            settings,
            luck,
            now: start(),
            wake: None,
            on: None,
            fetch: None,
            head: (0, true),
            told: None,
            runs: Vec::new(),
            ends: Vec::new(),
            moves: Vec::new(),
            leads: settings.leads,
            trusted: true,
            fresh: false,
            acknowledged: false,
            asked_to_stop: false,
            stopped: false,
            published: 0,
        };
        shell.tell(Event::Started);
        shell
    }

    fn tell(&mut self, event: Event) {
        for command in self.machine.step(self.now, event) {
            assert!(!self.stopped, "after the end nothing is said: {command:?}");
            match command {
                Command::WakeAt(at) => {
                    assert!(at > self.now, "it wakes for nothing at {at}");
                    self.wake = Some(at);
                }
                Command::FetchGit => {
                    assert!(self.fetch.is_none() && !self.asked_to_stop);
                    let (takes, fails) = self.luck.fetches[self.runs.len() % self.luck.fetches.len()];
                    let (head, follows) = self.head;
                    self.fetch = Some((self.now + millis(takes), fails, head, follows));
                }
                Command::Run(order) => self.begin(order),
                Command::End { number, how } => {
                    let on = self.on.as_mut().filter(|on| on.order.number == number).expect("no such run is on");
                    assert!(on.told != Some(How::AtOnce), "it is ended already");
                    assert!(on.order.what == What::Heal || how == How::AtOnce, "a look has nothing to put in order");
                    on.told = Some(how);
                    let rest = if how == How::AtOnce { SignedDuration::ZERO } else { seconds(1) };
                    on.ends = on.ends.min(self.now + rest);
                    on.failed = true;
                }
                Command::Publish(number) => {
                    assert!(number > self.published && self.leads);
                    self.published = number;
                }
                Command::Persist => {}
                Command::Stop => {
                    assert!(self.asked_to_stop && self.on.is_none());
                    self.stopped = true;
                }
            }
        }
    }

    fn begin(&mut self, order: Order) {
        assert!(self.on.is_none(), "one run at a time");
        assert!(self.leads && !self.asked_to_stop && self.told.is_some());
        assert!(self.runs.last().is_none_or(|(last, _)| order.number == last.number + 1));
        let may_heal = self.settings.heals && self.trusted && self.fresh;
        assert_eq!(order.what == What::Heal, may_heal, "heals when it was told to, from a tip that is known and right");
        let first = self.settings.retry_first.min(self.settings.interval);
        if let Some((at, true, _)) = self.ends.last()
            && matches!(order.trigger, Trigger::Schedule | Trigger::Retry | Trigger::Azure)
        {
            assert!(self.now.duration_since(*at) >= first, "a failure makes nobody quicker: {order:?}");
        }
        let (takes, failed) = self.luck.runs[self.runs.len() % self.luck.runs.len()];
        self.runs.push((order.clone(), self.now));
        self.on = Some(On { order, began: self.now, ends: self.now + millis(takes), failed, told: None });
    }

    /// Lets time pass, and everything happen that is due.
    fn pass(&mut self, until: Timestamp) {
        let mut steps = 0;
        loop {
            let run = self.on.as_ref().map(|on| on.ends);
            let fetch = self.fetch.map(|(at, ..)| at);
            let Some(next) = [self.wake, run, fetch].into_iter().flatten().min().filter(|at| *at <= until) else {
                break;
            };
            steps += 1;
            assert!(steps < 1_000_000, "a busy loop");
            self.now = self.now.max(next);
            if run == Some(next) {
                let On { order, began, failed, .. } = self.on.take().unwrap();
                let late = self.now.duration_since(began);
                assert!(late <= self.settings.run_timeout + self.settings.ending, "it ran for {late}");
                self.ends.push((self.now, failed, order.what)); // one that was ended has failed
                self.tell(Event::RunFinished { number: order.number, failed });
            } else if fetch == Some(next) {
                let (_, fails, head, follows) = self.fetch.take().unwrap();
                self.fetched(fails, head, follows);
            } else {
                self.wake = None;
                self.tell(Event::TimerFired);
            }
        }
        self.now = self.now.max(until);
    }

    fn fetched(&mut self, fails: bool, head: u32, follows: bool) {
        self.fresh = !fails;
        // Some begin with what the clone had before a restart.
        if fails && self.told.is_none() && self.settings.seed.is_multiple_of(2) {
            self.told = Some(KEPT);
            return self.tell(Event::Fetched(Fetched::Kept));
        }
        if fails {
            return self.tell(Event::Fetched(Fetched::Failed));
        }
        if self.told == Some(head) {
            return self.tell(Event::Fetched(Fetched::Same));
        }
        if self.told.is_some() {
            self.moves.push(self.now);
        }
        self.told = Some(head);
        self.trusted = follows;
        self.tell(Event::Fetched(Fetched::Moved { follows }));
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Push { rewrites } => self.head = (self.head.0 + 1, !rewrites),
            Act::Azure(number) => {
                let owner = OwnerCode::new(&format!("k{}", number % 9)).unwrap();
                self.tell(Event::AzureMoved(Part::Owners([owner].into())));
            }
            Act::Reload => self.tell(Event::ReloadAsked),
            Act::Lead(true) => {
                self.leads = true;
                self.tell(Event::LeadershipGained);
            }
            Act::Lead(false) => {
                self.leads = false;
                self.tell(Event::LeadershipLost);
            }
            Act::Acknowledge => {
                if self.told.is_some() {
                    self.trusted = true;
                }
                self.acknowledged = true;
                self.tell(Event::Acknowledged);
            }
            Act::Stop => {
                self.asked_to_stop = true;
                self.tell(Event::StopAsked);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_the_promises_hold(
        settings in settings(),
        luck in luck(900_000, true),
        acts in proptest::collection::vec((0..400_000_u32, act()), 0..40),
    ) {
        let mut shell = Shell::new(settings, luck);
        for (wait, act) in &acts {
            shell.pass(shell.now + millis(*wait));
            shell.act(act);
        }
        // In peace, and with luck: what git said last is looked at.
        shell.act(&Act::Lead(true));
        shell.luck = Luck { runs: vec![(10, false)], fetches: vec![(10, false)] };
        let peace = settings.interval + settings.jitter + settings.run_timeout + settings.ending + settings.poll;
        shell.pass(shell.now + peace + peace);
        prop_assert_eq!(shell.told, Some(shell.head.0));
        let last = shell.runs.last().map(|(_, at)| *at);
        prop_assert!(shell.moves.last().is_none_or(|at| last.is_some_and(|last| last >= *at)));
        let age = shell.now.duration_since(last.unwrap());
        prop_assert!(age <= settings.interval + settings.jitter, "the last look is {} old", age);
        // And it ends when it is told to, whatever is on.
        shell.luck.runs = vec![(800_000, false)];
        shell.tell(Event::ReloadAsked);
        shell.pass(shell.now + millis(100));
        shell.act(&Act::Stop);
        shell.pass(shell.now + settings.ending + settings.run_timeout);
        prop_assert!(shell.stopped);
    }

    #[test]
    fn every_move_of_git_is_followed_by_a_run_that_began_after_it(
        settings in settings(),
        luck in luck(500_000, true),
        acts in proptest::collection::vec((0..100_000_u32, act()), 0..20),
    ) {
        let acts = acts.iter().filter(|(_, act)| !matches!(act, Act::Lead(_)));
        let mut shell = Shell::new(settings, luck);
        for (wait, act) in acts {
            shell.pass(shell.now + millis(*wait));
            shell.act(act);
        }
        shell.pass(shell.now + settings.run_timeout + settings.ending + seconds(200));
        let settled = |at: &&Timestamp| shell.now.duration_since(**at) > settings.run_timeout + settings.ending;
        for at in shell.moves.iter().filter(settled) {
            // At once, or when the run ends that is on.
            let next = shell.runs.iter().find(|(order, began)| began >= at && order.part == Part::Everything);
            let next = next.map(|(_, began)| began.duration_since(*at));
            prop_assert!(next.is_some_and(|wait| wait <= settings.run_timeout + settings.ending), "{next:?}");
        }
    }

    #[test]
    fn while_all_is_well_no_look_is_older_than_it_may_be(
        settings in settings(),
        lucky in luck(1_000, false),
        events in proptest::collection::vec((0..60_000_u32, any::<u8>()), 0..40),
    ) {
        let run_timeout = settings.run_timeout.max(seconds(1));
        let settings = Settings { run_timeout, poll: seconds(30), ..settings };
        let mut shell = Shell::new(settings, lucky);
        for (wait, number) in events {
            shell.pass(shell.now + millis(wait));
            shell.act(&Act::Azure(number));
        }
        shell.pass(shell.now + (settings.interval + settings.jitter) * 5 + seconds(5));
        let whole: Vec<Timestamp> =
            shell.runs.iter().filter(|(order, _)| order.part == Part::Everything).map(|(_, at)| *at).collect();
        // What a look shows is at the oldest when the next one ends; a look at a part may be on when it is time.
        let oldest = settings.interval + settings.jitter + settings.run_timeout;
        for pair in whole.windows(2) {
            let [a, b] = pair else { continue };
            prop_assert!(b.duration_since(*a) <= oldest, "{a} {b}");
        }
        prop_assert!(whole.len() >= 2);
        prop_assert!(shell.ends.iter().all(|(_, failed, _)| !failed));
    }

    #[test]
    fn a_flood_of_events_is_a_few_looks(settings in settings(), number in 1..2_000_u32) {
        let settings = Settings { interval: seconds(600), jitter: SignedDuration::ZERO, run_timeout: seconds(60), ..settings };
        let mut shell = Shell::new(settings, Luck { runs: vec![(100, false)], fetches: vec![(1, false)] });
        shell.pass(shell.now + seconds(5));
        let before = shell.runs.len();
        for event in 0..number {
            shell.act(&Act::Azure(u8::try_from(event % 256).unwrap()));
            shell.pass(shell.now + millis(1));
        }
        shell.pass(shell.now + seconds(5));
        let looks: Vec<&Order> = shell.runs[before..].iter().map(|(order, _)| order).collect();
        prop_assert!((1..=3).contains(&looks.len()), "{} looks", looks.len());
        let mut seen = Part::Owners(std::collections::BTreeSet::new());
        for look in &looks {
            prop_assert_eq!(look.trigger, Trigger::Azure);
            seen.join(look.part.clone());
        }
        prop_assert!(matches!(seen, Part::Owners(owners) if owners.len() == usize::try_from(number.min(9)).unwrap()));
    }
}

/// So much is said of one wait that nothing is left to chance.
fn plain(heals: bool) -> Settings {
    Settings {
        interval: seconds(300),
        jitter: SignedDuration::ZERO,
        run_timeout: seconds(60),
        ending: seconds(20),
        poll: seconds(30),
        settle: seconds(2),
        retry_first: seconds(10),
        seed: 1,
        heals,
        leads: true,
    }
}

#[test]
fn failures_double_the_wait_up_to_the_interval_and_success_resets_it() {
    let mut shell = Shell::new(plain(false), Luck { runs: vec![(0, true)], fetches: vec![(0, false)] });
    shell.pass(shell.now + seconds(1_500));
    let at: Vec<i64> = shell.runs.iter().map(|(_, at)| at.duration_since(start()).as_secs()).collect();
    assert_eq!(at, [0, 10, 30, 70, 150, 310, 610, 910, 1_210]);
    shell.luck.runs = vec![(0, false)];
    shell.pass(shell.now + seconds(305));
    shell.luck.runs = vec![(0, true)];
    shell.pass(shell.now + seconds(320));
    let last: Vec<i64> = shell.runs.iter().map(|(_, at)| at.duration_since(start()).as_secs()).skip(9).collect();
    assert_eq!(last, [1_510, 1_810, 1_820, 1_840, 1_880, 1_960, 2_120]);
}

#[test]
fn nothing_heals_while_history_is_rewritten_until_somebody_says_that_it_is_right() {
    let mut shell = Shell::new(plain(true), Luck { runs: vec![(10, false)], fetches: vec![(1, false)] });
    shell.pass(shell.now + seconds(10));
    shell.act(&Act::Push { rewrites: true });
    shell.pass(shell.now + seconds(400));
    let whats = |shell: &Shell| shell.runs.iter().map(|(order, _)| order.what).collect::<Vec<_>>();
    assert_eq!(whats(&shell), [What::Heal, What::Look, What::Look]);
    assert_eq!(shell.machine.outlook().heals, Err(super::WhyNot::Rewritten));
    shell.act(&Act::Acknowledge);
    shell.pass(shell.now + seconds(1));
    assert_eq!(whats(&shell)[3..], [What::Heal]);
}

#[test]
fn a_run_that_takes_too_long_is_ended_and_counts_as_failed() {
    for (heals, ended_after) in [(false, 60), (true, 61)] {
        let mut shell = Shell::new(plain(heals), Luck { runs: vec![(600_000, false)], fetches: vec![(0, false)] });
        shell.pass(shell.now + seconds(65));
        let (at, failed, _) = shell.ends[0];
        assert_eq!((at.duration_since(start()).as_secs(), failed), (ended_after, true), "heals: {heals}");
        shell.pass(shell.now + seconds(20));
        assert_eq!(shell.runs[1].0.trigger, Trigger::Retry);
    }
}

#[test]
fn a_follower_waits_and_a_leader_that_is_none_any_more_ends_its_run() {
    let settings = Settings { leads: false, ..plain(true) };
    let mut shell = Shell::new(settings, Luck { runs: vec![(30_000, false)], fetches: vec![(1, false)] });
    shell.pass(shell.now + seconds(1_000));
    assert!(shell.runs.is_empty());
    shell.act(&Act::Azure(1)); // whoever leads is told, too
    shell.act(&Act::Lead(true));
    assert_eq!(shell.runs[0].0.trigger, Trigger::Leadership);
    shell.pass(shell.now + seconds(5));
    shell.act(&Act::Lead(false));
    shell.pass(shell.now + seconds(1_000));
    assert_eq!((shell.runs.len(), shell.published), (1, 0));
    assert_eq!(shell.ends[0].0.duration_since(shell.runs[0].1).as_secs(), 6);
}
