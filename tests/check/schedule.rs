//! One schedule: commits, strangers, runs in bad weather, and at the end calm weather until nothing is left to do.

use std::{collections::BTreeSet, ops::Range, sync::Mutex};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tilgang::{
    model::{ids::PrincipalId, owner::OwnerCode, trouble::TroubleKind},
    plan::{
        change::Action,
        selection::{Kind, Kinds},
    },
    simulator::SharedWorld,
};

use super::{
    choices::{Case, Choices, Source},
    deeds,
    faulty::{Asked, Azure, Clock, Far, Kill, Weather},
    git::Git,
    judge::{Run, facts, judge},
    oracle::{Oracle, Owner},
    program::{self, Ask, Head, Said, Told},
    tally::Tally,
    universe::{self, OWNERS},
};

/// Runs in calm weather until nothing is left: a share may let through in the second what it refused in the first.
const CALM_RUNS_MAX: usize = 4;

/// What a schedule came to.
pub struct Report {
    /// Its decisions that were not calm.
    pub case: Case,
    /// The promises that were broken.
    pub broken: Vec<String>,
    pub tally: Tally,
}

/// Plays one, in process.
pub fn play(source: Source) -> Report {
    play_at(source, |shared| shared.sign_in_first().unwrap())
}

/// Plays one, at an Azure that is reached in this way.
pub fn play_at<P: Far>(source: Source, connect: impl FnOnce(&SharedWorld) -> P) -> Report {
    let choices = Choices::new(source);
    let tally = Mutex::new(Tally::default());
    let broken = Play::new(&choices, &tally, connect).run();
    let mut tally = tally.into_inner().unwrap();
    tally.count("schedules", if broken.is_empty() { "hold" } else { "break a promise" });
    Report { case: choices.case(), broken, tally }
}

/// Plays many, side by side: each is alone with its world, and comes out as if it were played by itself.
pub fn play_all(seeds: Range<u64>) -> Vec<(u64, Report)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<(u64, Report)> = std::thread::scope(|scope| {
        let begin = |first: usize| {
            let seeds = seeds.clone().skip(first).step_by(threads);
            scope.spawn(move || seeds.map(|seed| (seed, play(Source::Seed(seed)))).collect::<Vec<_>>())
        };
        let started: Vec<_> = (0..threads).map(begin).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_by_key(|(seed, _)| *seed);
    all
}

struct Play<'a, P> {
    far: P,
    choices: &'a Choices,
    tally: &'a Mutex<Tally>,
    clock: Clock,
    shared: SharedWorld,
    commits: Vec<Git>,
    /// Whether runs are recorded.
    ledger: bool,
    /// Whether git tells its past.
    has_past: bool,
    /// What a ledger would know.
    told: Told,
}

impl<'a, P: Far> Play<'a, P> {
    fn new(choices: &'a Choices, tally: &'a Mutex<Tally>, connect: impl FnOnce(&SharedWorld) -> P) -> Self {
        let begin: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let git = Git::first(choices, begin.checked_sub(SignedDuration::from_hours(6)).unwrap());
        let clock = Clock::new(begin);
        let world = universe::world(choices, &git, begin);
        let shared = SharedWorld::new(world, {
            let clock = clock.clone();
            move || clock.now()
        });
        let far = connect(&shared);
        let (ledger, has_past) = (choices.rarely("ledger", 50), choices.rarely("past", 50));
        Self { far, choices, tally, clock, shared, commits: vec![git], ledger, has_past, told: Told::default() }
    }

    fn count(&self, what: &str, which: &str) {
        self.tally.lock().unwrap().count(what, which);
    }

    fn run(&mut self) -> Vec<String> {
        for n in 0..=self.choices.pick("runs", &[3, 3, 2, 1]) {
            let at = format!("run{n}");
            if n > 0 {
                self.meanwhile(&at);
            }
            let (git, head) = self.head(&at);
            let strangers = self.choices.rarely(&format!("{at}/strangers"), 50);
            let faults = self.choices.rarely(&format!("{at}/faults"), 60);
            let kill = self.choices.rarely(&format!("{at}/kill"), 20).then(|| {
                let write = self.choices.below(&format!("{at}/kill/at"), 5);
                (write, [Kill::Before, Kill::After, Kill::Asked][self.choices.below(&format!("{at}/kill/how"), 3)])
            });
            let only = self.choices.rarely(&format!("{at}/only"), 20).then(|| self.only(&at));
            let journal_full = self.choices.rarely(&format!("{at}/journal"), 4);
            let journal_full = journal_full.then(|| self.choices.below(&format!("{at}/journal/at"), 4));
            let weather = Weather { at: at.clone(), faults, strangers, kill, journal_full };
            let is_saved = self.choices.rarely(&format!("{at}/saved"), 25);
            let (broken, _) = if is_saved {
                self.saved(&at, (&git, &head), only.as_ref(), weather)
            } else {
                self.told.kinds = self.kinds(&at);
                let applied = self.apply(&at, &git, &head, only.as_ref(), weather);
                self.told.kinds = Kinds::All;
                applied
            };
            if !broken.is_empty() {
                return broken;
            }
        }
        self.settle()
    }

    /// Calm weather: the next runs end where git is, and then there is nothing to do.
    fn settle(&mut self) -> Vec<String> {
        self.clock.pass(SignedDuration::from_hours(3)); // lists and Resource Graph have caught up
        let git = self.commits.last().unwrap().clone();
        let head = Head::Commit(git.committed, BTreeSet::new());
        for n in 1..=CALM_RUNS_MAX {
            let at = format!("calm{n}");
            let weather = Weather { at: at.clone(), ..Weather::default() };
            let (broken, effects) = self.apply(&at, &git, &head, None, weather);
            if !broken.is_empty() {
                return broken;
            }
            if effects == 0 {
                self.count("calm runs until nothing is left to do", &format!("{}", n - 1));
                return self.shared.with(|world| {
                    let mut seen = BTreeSet::new();
                    let twice = world.all_assignments().filter(|held| !seen.insert(held.triple.clone()));
                    twice.map(|held| format!("an assignment twice: {held:?}")).collect()
                });
            }
        }
        vec![format!("after {CALM_RUNS_MAX} calm runs there is still something to do")]
    }

    /// Which changes a run makes: all mostly.
    fn kinds(&self, at: &str) -> Kinds {
        let (word, kinds) = match self.choices.pick(&format!("{at}/kinds"), &[12, 3, 1, 1]) {
            0 => return Kinds::All,
            1 => ("expired", vec![Kind::Expired]),
            2 => ("grants", vec![Kind::Grants]),
            _ => ("both", vec![Kind::Expired, Kind::Grants]),
        };
        self.count("kinds", word);
        Kinds::Only(kinds.into_iter().collect())
    }

    fn only(&self, at: &str) -> BTreeSet<Owner> {
        let first = self.choices.below(&format!("{at}/only/first"), OWNERS.len());
        let mut only = BTreeSet::from([OWNERS[first]]);
        if self.choices.rarely(&format!("{at}/only/two"), 30) {
            only.insert(OWNERS[(first + 1) % OWNERS.len()]);
        }
        only
    }

    /// Time passes, strangers do something, and git moves on.
    fn meanwhile(&mut self, at: &str) {
        let hours = [1, 24, 5 * 24, 31 * 24, 100 * 24][self.choices.pick(&format!("{at}/pass"), &[6, 2, 1, 1, 1])];
        self.clock.pass(SignedDuration::from_hours(hours));
        for n in 0..self.choices.pick(&format!("{at}/deeds"), &[4, 2, 1, 1]) {
            let deed = deeds::happen(&self.shared, self.choices, &format!("{at}/d{n}"));
            self.count("strangers", deed);
        }
        if self.choices.rarely(&format!("{at}/commit"), 60) {
            self.commit(&format!("{at}/git"));
            self.clock.pass(SignedDuration::from_mins(5));
        }
    }

    /// What people are called.
    fn names(&self) -> Vec<String> {
        let name = |world: &tilgang::simulator::World, person: usize| {
            let id = PrincipalId(universe::user_id(person));
            let called = world.user(id).map(|user| user.name.to_string());
            // A file takes nobody by a guest's name.
            called.filter(|it| it.ends_with("@ai-dev.no")).unwrap_or_else(|| universe::PEOPLE[person].to_owned())
        };
        self.shared.with(|world| (0..universe::PEOPLE.len()).map(|person| name(world, person)).collect())
    }

    /// Remembers what everybody is called, and what git would tell of the commits up to this one.
    fn remember(&mut self, git: &Git, head: &Head) {
        let users =
            self.shared.with(|world| world.all_users().map(|user| (user.name.clone(), user.id)).collect::<Vec<_>>());
        for (name, id) in users {
            self.told.names.entry(name).or_default().insert(id);
        }
        let is_clean = matches!(head, Head::Commit(time, edited) if *time == git.committed && edited.is_empty());
        let until = self.commits.iter().filter(|commit| commit.committed <= git.committed).cloned();
        self.told.past = (self.has_past && is_clean).then(|| until.collect());
        let until = |time: &Timestamp| self.commits.iter().filter(|it| it.committed <= *time).cloned().collect();
        self.told.versions = match head {
            Head::Commit(time, _) if self.has_past => Some(until(time)),
            Head::Commit(..) | Head::Unknown | Head::NotInGit => None,
        };
    }

    fn commit(&mut self, at: &str) {
        // Git is told by who knows what people are called today; without a past to be read, also by who does not.
        let names = if self.has_past { self.names() } else { universe::PEOPLE.map(ToOwned::to_owned).to_vec() };
        let next = self.commits.last().unwrap().next(self.choices, at, self.clock.now(), &names);
        self.commits.push(next);
        self.count("git", "commits");
    }

    /// What the run reads of git: mostly HEAD.
    fn head(&self, at: &str) -> (Git, Head) {
        let newest = self.commits.last().unwrap();
        if self.choices.rarely(&format!("{at}/old-job"), 8) {
            let old = &self.commits[self.choices.below(&format!("{at}/old-job/which"), self.commits.len())];
            self.count("git", "an old job runs again");
            return (old.clone(), Head::Commit(old.committed, BTreeSet::new()));
        }
        let before = &self.commits[self.commits.len().saturating_sub(2)];
        let edited = || {
            let differs = |owner: &&str| self.choices.rarely(&format!("{at}/edited/{owner}"), 50);
            OWNERS.into_iter().filter(differs).collect()
        };
        let (word, git, head) = match self.choices.pick(&format!("{at}/head"), &[10, 3, 1, 1, 2]) {
            0 => ("reads HEAD", newest, Head::Commit(newest.committed, BTreeSet::new())),
            1 => ("reads the commit before", before, Head::Commit(before.committed, BTreeSet::new())),
            2 => ("not in git", newest, Head::NotInGit),
            3 => ("commit unknown", newest, Head::Unknown),
            _ => ("reads edited files", newest, Head::Commit(before.committed, edited())),
        };
        self.count("git", word);
        (git.clone(), head)
    }

    /// A plan is written down; time may pass, others act, git moves on, and somebody may lay hands on the file; then it is
    /// applied.
    fn saved(
        &mut self,
        at: &str,
        (git, head): (&Git, &Head),
        only: Option<&BTreeSet<Owner>>,
        weather: Weather,
    ) -> (Vec<String>, usize) {
        self.remember(git, head);
        let read = program::read(git, head);
        let desired = &read.1;
        let owners = only.map(|only| only.iter().filter_map(|owner| OwnerCode::new(owner)).collect::<BTreeSet<_>>());
        let owners = owners.map(|owners| owners.into_iter().filter(|it| desired.owners.contains_key(it)).collect());
        let owners: Option<BTreeSet<OwnerCode>> = owners.filter(|owners: &BTreeSet<OwnerCode>| !owners.is_empty());
        let now = self.clock.now();
        let planning = Weather { at: format!("{at}/planning"), faults: weather.faults, ..Weather::default() };
        let azure = Azure::new(&self.far, &self.shared, &self.clock, self.choices, planning, self.tally);
        let ask = Ask { read, owners: owners.as_ref(), now, told: &self.told };
        let saved = azure.drive(program::plan_out(ask, &azure));
        let seen = azure.seen();
        let start = self.shared.with(|world| world.clone());
        let today = now.to_zoned(TimeZone::UTC).date();
        let oracle = Oracle { git, head, seen: &seen, start: &start, today, now, past: None };
        let Some(mut saved) = saved else { return (vec![format!("{at}: a plan that nobody killed did not end")], 0) };
        self.told.then = facts(&oracle, &saved);
        if self.choices.rarely(&format!("{at}/between"), 50) {
            self.meanwhile(&format!("{at}/between"));
        }
        let hands = self.choices.pick(&format!("{at}/hands"), &[12, 1, 1, 1, 1]);
        let forged = lay_hands(&mut saved, hands);
        let (git, head) = if self.choices.rarely(&format!("{at}/moved-on"), 40) {
            self.head(&format!("{at}/then"))
        } else {
            (git.clone(), head.clone())
        };
        self.count("saved", if saved.changes.is_empty() { "nothing in it" } else { "with changes" });
        self.told.saved = Some(saved);
        let (mut broken, effects) = self.apply(at, &git, &head, only, weather);
        let saved = self.told.saved.take();
        if forged && effects > 0 {
            broken.push(format!("{at}: a forged plan is not carried out: {saved:?}"));
        }
        if forged {
            self.count("saved", "forged");
        }
        (broken, effects)
    }

    /// One run, and its judgement; how many writes took effect.
    fn apply(
        &mut self,
        at: &str,
        git: &Git,
        head: &Head,
        only: Option<&BTreeSet<Owner>>,
        weather: Weather,
    ) -> (Vec<String>, usize) {
        self.remember(git, head);
        let read = program::read(git, head);
        let desired = &read.1;
        // To choose an owner that the workspace does not know is wrong usage, and no run.
        let code = |owner: &Owner| OwnerCode::new(owner).filter(|code| desired.owners.contains_key(code));
        let only: Option<BTreeSet<Owner>> =
            only.map(|only| only.iter().copied().filter(|owner| code(owner).is_some()).collect());
        let only = only.as_ref().filter(|only| !only.is_empty());
        let owners: Option<BTreeSet<OwnerCode>> = only.map(|only| only.iter().filter_map(code).collect());
        let start = self.shared.with(|world| world.clone());
        let now = self.clock.now();
        let azure = Azure::new(&self.far, &self.shared, &self.clock, self.choices, weather, self.tally);
        let said = Mutex::new(None);
        let tell = |now: Said| *said.lock().unwrap() = Some(now);
        let ask = Ask { read, owners: owners.as_ref(), now, told: &self.told };
        azure.drive(program::apply(ask, &azure, &tell));
        let (seen, writes, unrecorded) = (azure.seen(), azure.writes(), azure.unrecorded());
        let said = said.into_inner().unwrap();
        let today = now.to_zoned(TimeZone::UTC).date();
        let past = self.told.past.as_deref();
        let oracle = Oracle { git, head, seen: &seen, start: &start, today, now, past };
        if git.misspelt {
            self.count("git", "the instance is misspelt");
        }
        let run = Run {
            oracle: &oracle,
            writes: &writes,
            unrecorded: &unrecorded,
            recorded: azure.recorded(),
            said: said.as_ref(),
            only,
            told: &self.told,
        };
        let broken = judge(&run);
        let has_recorded = said.as_ref().is_some_and(|said| said.admitted != Some(false));
        if self.ledger && has_recorded {
            let (made, permitted) = (run.made(), run.permitted());
            self.told.remembered.extend(made);
            self.told.definitions.extend(permitted);
            if let Head::Commit(time, _) = head {
                self.told.newest = self.told.newest.max(Some(*time));
            }
        }
        let mut tally = self.tally.lock().unwrap();
        tally.count("runs", if at.starts_with("calm") { "calm" } else { "in the weather" });
        for write in &writes {
            let word = match &write.asked {
                Asked::Put(_) if write.before.is_some() => "updates",
                Asked::Put(_) => "grants",
                Asked::Delete(..) => "deletes",
            };
            if write.denied && write.told == Some(Err(TroubleKind::Denied)) {
                tally.count("writes", "denied by a deny assignment");
            }
            tally.count("writes", &format!("{word}{}", if write.took_effect { "" } else { ", without effect" }));
        }
        if let Some(said) = &said {
            tally.told(said);
        }
        drop(tally);
        let broken = broken.into_iter().map(|it| format!("{at}: {it}")).collect();
        (broken, writes.iter().filter(|write| write.took_effect && !is_repeat(&write.asked, write)).count())
    }
}

/// Somebody edits a saved plan, and makes a seal that fits; whether it is another plan now.
fn lay_hands(saved: &mut tilgang::plan::saved::Saved, how: usize) -> bool {
    let Some(first) = saved.changes.first_mut() else { return false };
    let other = PrincipalId(universe::other_id(3));
    match how {
        1 => saved.basis.0.clear(),
        2 if first.triple.principal == other => return false, // git itself has this id: the plan is what it was
        2 => first.triple.principal = other,
        3 => first.action = if first.action == Action::Revoke { Action::Grant } else { Action::Revoke },
        4 => {
            let basis = saved.basis.0.iter().next().map(|(about, _)| about.clone());
            basis.map(|about| saved.basis.0.insert(about, "something else".to_owned()));
        }
        _ => return false,
    }
    true
}

/// A PUT of what stands already changes a date, and nothing else.
fn is_repeat(asked: &Asked, write: &super::faulty::Write) -> bool {
    match (asked, &write.before) {
        (Asked::Put(put), Some(before)) => {
            before.condition.is_none() && before.description.as_deref() == Some(put.description.as_str())
        }
        _ => false,
    }
}
