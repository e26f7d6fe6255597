#![allow(clippy::print_stdout, reason = "counts are there to be read")]
//! A week in the life of a daemon that heals, in simulated time: the machine, the memory of drift and the whole way from YAML to
//! role assignments, over an Azure in the same process. Strangers add, remove and widen; people leave; a vault is locked; Azure
//! is down for six hours; runs fail; git is pushed to in the middle of a run; the leader of two replicas dies.
//!
//! At the end: every difference was noticed within one interval, or within seconds where Azure told of it, and nothing was
//! removed that git wants or that is not ours; and each change was told exactly once, over channels that fail now and then, by
//! replicas of which one is killed between sending and noting.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tilgang::{
    app::{
        ApplyRequest, AskPermissions, Error, NameHistory, NoStop, PlanRequest, PlannedRun, Records, Workspace,
        check_git,
    },
    config,
    config::Sources,
    ledger::{
        Journal, Unrecorded,
        entry::{Begun, By, Ended},
    },
    model::notify::{Channel, Door, Notify, SecretAt, Target},
    model::{
        desired::{Desired, FileId, Origin, Place, Revision},
        file_history::FileHistory,
        ids::UserName,
        owner::OwnerCode,
        past::{LineAge, Past},
    },
    notify::{Answer, Found, Happened, Memory as Notices, Notice, Outcome, Routes},
    plan::{
        approve::Applied,
        change::{Action, Change},
        drift::Class,
        outcome::Failure,
        selection::Scope,
    },
    ports::Answered,
    reconcile::{Command, Event, Fetched, How, Order, Reconciler, Settings},
    simulator::{SharedWorld, faults, file, inprocess::Identity, world::LockEntry},
    watch::{Key, Memory, Part, Sight, Turn, What, sight},
};

const WORLD: &str = r"
tenant: 00000000-0000-0000-0000-0000000000aa
users: [kari.fiktiv@ai-dev.no, ola.dikt@ai-dev.no, siri.proeve@ai-dev.no, per.papir@ai-dev.no, nora.eksempel@ai-dev.no, mallory@ai-dev.no]
subscriptions:
  - { name: Altinn-TTD-Prod, tags: { finops_serviceownercode: ttd }, resources: [component ttd-prod-ai, vault ttd-prod-keyvault] }
  - { name: Altinn-SKD-Prod, tags: { finops_serviceownercode: skd }, resources: [component skd-prod-ai, vault skd-prod-keyvault] }
  - { name: Altinn-BRG-Prod, tags: { finops_serviceownercode: brg }, resources: [component brg-prod-ai, vault brg-prod-keyvault] }
";
const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n\
    users: { domains: [ai-dev.no] }\npolicy: { revokes: { prod_per_owner: 9, share: 100% } }\n\
    owners: { ttd: { environments: [prod] }, skd: { environments: [prod] }, brg: { environments: [prod] } }\n";
const BEGAN: &str = "2026-11-23T00:00:00Z";

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const RUN_MAX: i64 = 20_000;
/// An interval, its jitter, the run itself and one that may be on.
const BY_SCHEDULE: i64 = 330_000 + 2 * RUN_MAX + 10_000;
/// The gathering, and two runs.
const BY_EVENT: i64 = 2_000 + 2 * RUN_MAX + 4_000;

/// Who has what in git: owner → person → what stands on the line.
type Git = BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>;

/// What happens, and whether Azure tells of it.
enum Deed {
    By(&'static str, bool),
    Lock(bool),
    Commit(fn(&mut Git)),
    Down(bool),
    Unlucky(bool),
    LeaderDies,
}

/// A week, by the minute. Nothing happens on the hour that a schedule could be in step with.
fn script() -> Vec<(i64, Deed)> {
    let at = |day: i64, hour: i64, minute: i64| day * DAY + hour * HOUR + minute * MINUTE;
    let mut all = vec![
        // Monday: a stranger adds somebody, removes somebody, and widens.
        (
            at(0, 9, 7),
            Deed::By(
                "assign: { principal: mallory@ai-dev.no, role: Key Vault Secrets Officer, scope: ttd-prod-keyvault, by: ola.dikt@ai-dev.no }",
                false,
            ),
        ),
        (
            at(0, 10, 3),
            Deed::By(
                "unassign: { principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai, by: ola.dikt@ai-dev.no }",
                true,
            ),
        ),
        (at(0, 11, 1), Deed::By("assign: { principal: mallory@ai-dev.no, role: Owner, scope: Altinn-SKD-Prod }", true)),
        (
            at(0, 15, 9),
            Deed::By("unassign: { principal: mallory@ai-dev.no, role: Owner, scope: Altinn-SKD-Prod }", false),
        ),
        // Tuesday: somebody leaves git in the middle of a run, and somebody comes.
        (
            at(1, 8, 0),
            Deed::Commit(|git| {
                git.get_mut("ttd").unwrap().remove("siri.proeve@ai-dev.no");
            }),
        ),
        (
            at(1, 8, 2),
            Deed::Commit(|git| {
                git.get_mut("skd").unwrap().insert("siri.proeve@ai-dev.no", "prod-operations");
            }),
        ),
        // Wednesday: the vault is locked, so that nobody can be taken out of it.
        (at(2, 7, 0), Deed::Lock(true)),
        (
            at(2, 9, 0),
            Deed::Commit(|git| {
                git.get_mut("ttd").unwrap().remove("nora.eksempel@ai-dev.no");
            }),
        ),
        (at(2, 16, 0), Deed::Lock(false)),
        // Thursday: Azure is down for six hours, and meanwhile somebody removes and somebody adds.
        (at(3, 6, 0), Deed::Down(true)),
        (
            at(3, 8, 0),
            Deed::By(
                "unassign: { principal: per.papir@ai-dev.no, role: Key Vault Secrets Officer, scope: skd-prod-keyvault }",
                false,
            ),
        ),
        (
            at(3, 9, 0),
            Deed::By("assign: { principal: mallory@ai-dev.no, role: Monitoring Reader, scope: brg-prod-ai }", true),
        ),
        (at(3, 12, 0), Deed::Down(false)),
        // Friday: every third run fails.
        (at(4, 0, 5), Deed::Unlucky(true)),
        (
            at(4, 13, 4),
            Deed::By(
                "unassign: { principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai }",
                false,
            ),
        ),
        (at(4, 14, 4), Deed::By("delete_user: ola.dikt@ai-dev.no", false)),
        (at(4, 20, 5), Deed::Unlucky(false)),
        // Saturday: the leader dies. On Sunday there is something for the other one.
        (at(5, 12, 1), Deed::LeaderDies),
        (
            at(6, 9, 2),
            Deed::By(
                "unassign: { principal: per.papir@ai-dev.no, role: Key Vault Secrets Officer, scope: skd-prod-keyvault }",
                true,
            ),
        ),
        (
            at(6, 10, 7),
            Deed::By(
                "assign: { principal: mallory@ai-dev.no, role: Key Vault Administrator, scope: Altinn-TTD-Prod }",
                false,
            ),
        ),
    ];
    // And a hundred times in the week somebody takes away what kari has, or gives it to mallory: mostly without a word.
    for n in 0..100_i64 {
        let when = at(0, 18, 0) + n * (6 * DAY / 100) + n * 7_919 % (9 * MINUTE);
        let (verb, who) = if n % 2 == 0 { ("unassign", "kari.fiktiv") } else { ("assign", "mallory") };
        let target = if n % 2 == 0 {
            "role: Monitoring Reader, scope: brg-prod-ai"
        } else {
            "role: Monitoring Reader, scope: skd-prod-ai"
        };
        let text = format!("{verb}: {{ principal: {who}@ai-dev.no, {target} }}");
        all.push((when, Deed::By(text.leak(), n % 3 == 0)));
        if n % 2 == 1 {
            let back = format!("un{verb}: {{ principal: {who}@ai-dev.no, {target} }}");
            all.push((when + 25 * MINUTE, Deed::By(back.leak(), n % 3 == 0)));
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

fn settings(seed: u64, leads: bool) -> Settings {
    let seconds = SignedDuration::from_secs;
    Settings {
        interval: seconds(300),
        jitter: seconds(30),
        run_timeout: seconds(120),
        ending: seconds(20),
        poll: seconds(30),
        settle: seconds(2),
        retry_first: seconds(10),
        seed,
        heals: true,
        leads,
    }
}

/// One replica, without a socket.
struct Replica {
    machine: Reconciler,
    wake: Option<i64>,
    on: Option<On>,
    fetch: Option<(i64, usize)>,
    told: Option<usize>,
    memory: Memory,
    alive: bool,
    leads: bool,
    runs: usize,
}

/// A run that is on: what it saw when it began.
struct On {
    order: Order,
    ends: i64,
    commit: usize,
    saw: Option<(PlannedRun, Sight)>,
    told: Option<How>,
}

/// What was told, on the disk that both replicas share; and who receives it.
struct Told {
    notices: Notices,
    routes: Routes,
    /// By id, as who receives them counts.
    taken: BTreeMap<String, Notice>,
    doubles: usize,
    failed: usize,
}

impl Told {
    fn begin() -> Self {
        let channel = |name: &str| Channel {
            name: name.to_owned(),
            target: Target::Slack(Door { url: SecretAt::Variable("A".to_owned()), loopback: false }),
            classes: None,
            owners: None,
            environments: None,
        };
        let mut only_ttd = channel("ttd");
        only_ttd.owners = OwnerCode::new("ttd").map(|owner| BTreeSet::from([owner]));
        let notify = Notify { channels: vec![channel("platform"), only_ttd], ..Notify::default() };
        let routes = Routes { notify, ..Routes::default() };
        Self { notices: Notices::default(), routes, taken: BTreeMap::new(), doubles: 0, failed: 0 }
    }

    /// Sends what is due, over channels that fail in one of five; one of seven times the sender dies before it notes the answer.
    fn deliver(&mut self, now: Timestamp, mut chance: impl FnMut(u64) -> u64) {
        for id in self.notices.due(&self.routes, now) {
            let notice = self.notices.begin(id, now).unwrap();
            if chance(5) == 0 {
                self.failed += 1;
                self.notices.answered(id, now, Answer::Later { after: None, why: "429".to_owned() });
                continue;
            }
            if let Some(first) = self.taken.insert(id.to_string(), notice.clone()) {
                assert_eq!(first, notice, "an id says the same for ever");
                self.doubles += 1;
            }
            if chance(7) > 0 {
                assert_eq!(self.notices.answered(id, now, Answer::Taken), Some(Outcome::Sent));
            }
        }
    }

    /// What a channel heard, by difference, in its order.
    fn heard(&self, channel: &str) -> BTreeMap<String, Vec<(Timestamp, Happened)>> {
        let mut heard: BTreeMap<String, Vec<(Timestamp, Happened)>> = BTreeMap::new();
        for event in self.taken.values().filter(|it| it.channel == channel).flat_map(|it| &it.events) {
            heard.entry(event.item.id.clone()).or_default().push((event.at, event.happened));
        }
        for events in heard.values_mut() {
            events.sort();
        }
        heard
    }
}

struct Week {
    notices: Told,
    now: i64,
    clock: Arc<AtomicI64>,
    world: SharedWorld,
    azure: Identity,
    commits: Vec<(Git, i64)>,
    replicas: Vec<Replica>,
    is_down: bool,
    is_unlucky: bool,
    /// When something kept the daemon from looking, last.
    trouble: i64,
    /// What is so and was not noticed yet: since when, and how soon it shall be.
    unnoticed: BTreeMap<Key, (i64, i64)>,
    noticed: Vec<i64>,
    told: BTreeMap<Turn, usize>,
    removed: usize,
    granted: usize,
    /// The newest commit that was applied.
    newest: Option<Applied>,
    /// Runs that git overtook, so that they healed nothing.
    overtaken: usize,
    chance: u64,
}

/// What a run is recorded in: the kinds of its lines, in their order.
#[derive(Default)]
struct Book(Mutex<Vec<&'static str>>);

impl Book {
    fn lines(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, line: &'static str) {
        self.0.lock().unwrap().push(line);
    }
}

impl Journal for Book {
    fn begin(&self, _: Begun, _: BTreeMap<Origin, Place>) -> Result<(), Unrecorded> {
        self.add("begun");
        Ok(())
    }

    async fn asked(&self, _: &Change) -> Result<(), Unrecorded> {
        self.add("asked");
        Ok(())
    }

    async fn ended(&self, _: &tilgang::plan::outcome::Outcome, _: Option<&Answered<()>>) -> Result<(), Unrecorded> {
        Ok(())
    }

    fn close(&self, _: impl FnOnce(u64) -> Ended) -> Result<(), Unrecorded> {
        self.add("ended");
        Ok(())
    }
}

/// Git tells no past here.
struct NoHistory;

impl NameHistory for NoHistory {
    fn past(&self, _: &Desired, _: &Sources, _: &BTreeMap<FileId, BTreeSet<UserName>>) -> BTreeMap<FileId, Past> {
        BTreeMap::new()
    }

    fn file_history(&self, _: &Desired, _: &BTreeSet<OwnerCode>) -> BTreeMap<OwnerCode, FileHistory> {
        BTreeMap::new()
    }

    fn written(&self, _: &Sources, _: &BTreeMap<Origin, Timestamp>) -> BTreeMap<Origin, LineAge> {
        BTreeMap::new()
    }
}

fn timestamp(at: i64) -> Timestamp {
    BEGAN.parse::<Timestamp>().unwrap() + SignedDuration::from_millis(at)
}

fn millis(at: Timestamp) -> i64 {
    at.as_millisecond() - BEGAN.parse::<Timestamp>().unwrap().as_millisecond()
}

impl Week {
    fn begin() -> Self {
        let git = BTreeMap::from([
            (
                "ttd",
                BTreeMap::from([
                    ("kari.fiktiv@ai-dev.no", "prod-developer"),
                    ("siri.proeve@ai-dev.no", "prod-operations"),
                    ("nora.eksempel@ai-dev.no", "prod-operations"),
                ]),
            ),
            (
                "skd",
                BTreeMap::from([
                    ("per.papir@ai-dev.no", "prod-operations"),
                    ("nora.eksempel@ai-dev.no", "{ role: prod-developer, until: 2026-11-26 }"),
                ]),
            ),
            (
                "brg",
                BTreeMap::from([("kari.fiktiv@ai-dev.no", "prod-developer"), ("ola.dikt@ai-dev.no", "prod-developer")]),
            ),
        ]);
        let clock = Arc::new(AtomicI64::new(0));
        let told = clock.clone();
        let world = SharedWorld::new(file::read(WORLD).unwrap(), move || timestamp(told.load(Ordering::SeqCst)));
        let azure = world.sign_in_first().unwrap();
        let replica = |seed, leads| Replica {
            machine: Reconciler::new(timestamp(0), settings(seed, leads), 0),
            wake: None,
            on: None,
            fetch: None,
            told: None,
            memory: Memory::default(),
            alive: true,
            leads,
            runs: 0,
        };
        Self {
            notices: Told::begin(),
            now: 0,
            clock,
            world,
            azure,
            commits: vec![(git, 0)],
            replicas: vec![replica(1, true), replica(2, false)],
            is_down: false,
            is_unlucky: false,
            trouble: 0,
            unnoticed: BTreeMap::new(),
            noticed: Vec::new(),
            told: BTreeMap::new(),
            removed: 0,
            granted: 0,
            newest: None,
            overtaken: 0,
            chance: 7,
        }
    }

    fn chance(&mut self, of: u64) -> u64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % of
    }

    fn read(&self, commit: usize) -> (Workspace, Desired) {
        let (git, at) = &self.commits[commit];
        let owner = |(code, people): (&&str, &BTreeMap<&str, &str>)| {
            let lines = people.iter().map(|(user, role)| {
                format!("  - {{ user: {user}, also_at: [{}], roles: [{role}] }}\n", others(git, code, user))
            });
            let lines: String = lines.collect::<String>().replace(", also_at: []", "");
            let users = if lines.is_empty() { "users: []\n".to_owned() } else { format!("users:\n{lines}") };
            (format!("owners/{code}.yaml"), format!("owner: {code}\n{users}"))
        };
        let files: Vec<(String, String)> = git.iter().map(owner).collect();
        let mut all = vec![("tilgang.yaml", SETTINGS)];
        all.extend(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        let mut loaded = config::load_texts(&all);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let (hash, time) = (format!("{commit:040}"), timestamp(*at));
        let revision = Revision::Commit { hash, time, edited: BTreeSet::new() };
        let desired = Desired { revision, ..loaded.desired.take().unwrap() };
        (Workspace::of(PathBuf::from("nowhere"), loaded), desired)
    }

    /// What the daemon plans, and what it makes of that.
    async fn plan(&self, commit: usize, part: &Part) -> (PlannedRun, Sight) {
        let (workspace, desired) = self.read(commit);
        let request = PlanRequest {
            workspace,
            desired,
            scope: match part {
                Part::Everything => Scope::All,
                Part::Owners(owners) => Scope::Owners(owners.clone()),
            },
            azure: &self.azure,
            records: Records { newest: self.newest.clone(), ..Records::default() },
            history: &NoHistory,
            permissions: AskPermissions::Of(Some(self.azure.caller())),
            now: timestamp(self.now),
        };
        let run = Box::pin(request.plan()).await; // it holds much
        let place = |_: &_| Place { file: "x".to_owned(), line: 1, column: 1 };
        let seen = sight(run.desired(), run.observed(), run.plan(), part, &place);
        (run, seen)
    }

    /// What is so now, told apart from what was so before: from here on it counts how long it takes to be noticed.
    async fn truth(&mut self, within: i64) {
        let (_, seen) = self.plan(self.commits.len() - 1, &Part::Everything).await;
        let now: BTreeSet<Key> = seen.differences.iter().map(|it| it.difference.key.clone()).collect();
        self.unnoticed.retain(|key, _| now.contains(key)); // it went as it came, between two looks
        let known: BTreeSet<Key> = self
            .replicas
            .iter()
            .filter(|it| it.leads)
            .flat_map(|it| it.memory.open())
            .map(|it| it.difference.key.clone())
            .collect();
        for key in now.difference(&known) {
            self.unnoticed.entry(key.clone()).or_insert((self.now, within));
        }
    }

    fn tell(&mut self, of: usize, event: Event) {
        if !self.replicas[of].alive {
            return;
        }
        for command in self.replicas[of].machine.step(timestamp(self.now), event) {
            match command {
                Command::WakeAt(at) => self.replicas[of].wake = Some(millis(at)),
                Command::FetchGit => {
                    let (takes, head) = (100 + i64::try_from(self.chance(2_000)).unwrap(), self.commits.len() - 1);
                    self.replicas[of].fetch = Some((self.now + takes, head));
                }
                Command::Run(order) => {
                    assert!(self.replicas[of].on.is_none(), "one run at a time");
                    let takes = 500 + i64::try_from(self.chance(u64::try_from(RUN_MAX - 500).unwrap())).unwrap();
                    let commit = self.replicas[of].told.expect("git was asked first");
                    self.replicas[of].runs += 1;
                    self.replicas[of].on = Some(On { order, ends: self.now + takes, commit, saw: None, told: None });
                }
                Command::End { how, .. } => {
                    let now = self.now;
                    let on = self.replicas[of].on.as_mut().unwrap();
                    (on.told, on.ends) = (Some(how), now);
                }
                Command::Publish(_) | Command::Persist => {}
                Command::Stop => self.replicas[of].alive = false,
            }
        }
    }

    /// A run is over: what it saw is known, and what it was to heal is healed, if git still says the same.
    async fn finish(&mut self, of: usize) {
        let On { order, commit, saw, told, .. } = self.replicas[of].on.take().unwrap();
        let failed = saw.is_none() || told.is_some();
        if failed {
            self.trouble = self.now;
        }
        if let (Some((run, seen)), None) = (saw, told) {
            let observed_at = run.observed().at;
            let news = self.replicas[of].memory.saw(observed_at, &seen);
            for it in &news {
                *self.told.entry(it.turn).or_default() += 1;
            }
            for sighted in &seen.differences {
                self.notice(&sighted.difference.key);
            }
            self.overtaken += usize::from(commit != self.commits.len() - 1);
            if order.what == What::Heal {
                let healed = self.heal(run, commit).await;
                self.replicas[of].memory.healed(observed_at, &healed);
            }
            let now = timestamp(self.now);
            let found = Found::open(order.number, now, observed_at, self.replicas[of].memory.open());
            self.notices.notices.heard(&found, &self.notices.routes);
        }
        self.deliver();
        self.tell(of, Event::RunFinished { number: order.number, failed });
    }

    fn deliver(&mut self) {
        let (now, mut seed) = (timestamp(self.now), self.now.unsigned_abs());
        self.notices.deliver(now, |of| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % of
        });
    }

    fn notice(&mut self, key: &Key) {
        let Some((since, within)) = self.unnoticed.remove(key) else { return };
        // Where a look failed, the next one comes at the latest when it was due anyway.
        let within = if self.trouble > since { within.max(BY_SCHEDULE) } else { within };
        let since = since.max(self.trouble);
        let took = self.now - since;
        assert!(took <= within, "{key:?} was noticed after {} s, and {} were allowed", took / 1000, within / 1000);
        self.noticed.push(took);
    }

    /// Heals, unless git moved since the run read `commit`.
    async fn heal(&mut self, run: PlannedRun, commit: usize) -> Vec<Key> {
        let (read, tip) = (commit.to_string(), (self.commits.len() - 1).to_string());
        let (git, _) = self.commits.last().unwrap().clone();
        let today = timestamp(self.now).to_zoned(TimeZone::UTC).date().to_string();
        let approved = run.approval().approved.changes();
        for change in approved.iter().filter(|change| change.action == Action::Revoke && read == tip) {
            let stands = self.world.with(|world| world.assignment(change.name).cloned()).unwrap();
            let text = stands.description.as_deref().unwrap_or_default();
            assert!(text.starts_with("tilgang/altinn-apps "), "not ours: {text} {change:?}");
            let name = change.who.name.as_ref().map(ToString::to_string).unwrap_or_default();
            let listed = git[change.owner.as_str()].get(name.as_str());
            let is_over = listed.is_none_or(|line| line.contains("until: 2026-11-26") && today.as_str() > "2026-11-26");
            assert!(is_over, "git wants it: {change:?}");
        }
        let by = By { via: "machine".to_owned(), name: "daemon".to_owned(), run: None, identity: None };
        let book = Book::default();
        let (reader, writer, journal, stop) = (&self.azure, &self.azure, &book, &mut NoStop);
        let check = async || check_git(&read, Some(&tip));
        let is_empty = run.approval().approved.changes().is_empty();
        let request =
            ApplyRequest { command: "serve", tool: "tilgang", by, saved: None, reader, writer, journal, stop, check };
        let applied = match Box::pin(run.apply(request)).await {
            Ok(applied) => applied,
            Err(not_begun) => {
                assert!(matches!(not_begun.why, Error::GitMoved) && read != tip, "{}", not_begun.why);
                assert!(book.lines().is_empty(), "{:?}", book.lines());
                return Vec::new();
            }
        };
        assert!(read == tip || is_empty, "carried out, though git moved");
        let exit = applied.exit();
        let outcomes = applied.outcomes().unwrap_or_default().to_vec();
        let _ = applied.close(exit);
        let tried = outcomes.iter().filter(|it| !matches!(it.result, Err(Failure::HeldBack | Failure::Moved(_))));
        let asked = vec!["asked"; tried.count()];
        assert_eq!(book.lines(), [vec!["begun"], asked, vec!["ended"]].concat(), "each write is recorded, and the run");
        let (hash, time) = (format!("{commit:040}"), timestamp(self.commits[commit].1));
        self.newest = self.newest.take().max(Some(Applied { commit: hash, time, follows: None }));
        let mut healed = Vec::new();
        for outcome in outcomes.iter().filter(|outcome| outcome.result.is_ok()) {
            let count = if outcome.change.action == Action::Revoke { &mut self.removed } else { &mut self.granted };
            *count += 1;
            healed.push(Key::of(&outcome.change));
        }
        healed
    }

    /// Holds what each channel heard against what is so: nothing twice, nothing missing, and the days of what ends soon.
    fn told_exactly_once(&mut self) -> String {
        for _ in 0..100 {
            self.set(self.now + 20 * MINUTE);
            self.deliver();
        }
        assert!(self.notices.notices.pending().is_empty());
        let open = |only: Option<&str>| -> BTreeSet<String> {
            let all = self.replicas[1]
                .memory
                .open()
                .filter(|it| only.is_none() || it.difference.key.owner.as_ref().map(OwnerCode::as_str) == only);
            all.map(|it| it.difference.key.id().to_string()).collect()
        };
        for (channel, only) in [("platform", None), ("ttd", Some("ttd"))] {
            let heard = self.notices.heard(channel);
            let mut still = BTreeSet::new();
            for (id, events) in &heard {
                let mut is_open = false;
                for (at, happened) in events {
                    match happened {
                        Happened::New => assert!(!is_open, "{id} is new twice: {events:?}"),
                        Happened::Resolved => assert!(is_open, "{id} is over twice: {events:?}"),
                        Happened::Changed | Happened::Ends | Happened::Open => {}
                    }
                    is_open = *happened != Happened::Resolved;
                    assert_eq!(
                        events.iter().filter(|it| **it == (*at, *happened)).count(),
                        1,
                        "{id} {at} {happened:?}"
                    );
                }
                if is_open && !events.iter().any(|(_, happened)| *happened == Happened::Ends) {
                    still.insert(id.clone());
                }
            }
            assert_eq!(still, open(only), "what {channel} believes to be open");
        }
        let ends = self.notices.heard("platform").into_values().flatten().filter(|it| it.1 == Happened::Ends).count();
        assert_eq!(ends, 2, "nora's last day is the 26th: told on the 23rd and the 25th");
        let Told { taken, doubles, failed, .. } = &self.notices;
        assert!(*doubles > 10 && *failed > 10);
        let events: usize = taken.values().map(|it| it.events.len()).sum();
        format!(
            "{} notices with {events} events taken once, {doubles} of them sent twice, {failed} tries failed",
            taken.len()
        )
    }

    /// When something happens next, to whom, and what.
    fn next(&self) -> Option<(i64, usize, u8)> {
        let all = self.replicas.iter().enumerate().filter(|(_, it)| it.alive);
        let all = all.flat_map(|(of, it)| {
            let begins = it
                .on
                .as_ref()
                .filter(|on| on.saw.is_none() && on.told.is_none() && on.ends > self.now)
                .map(|_| (self.now, of, 0));
            let ends = it.on.as_ref().map(|on| (on.ends, of, 1));
            let fetched = it.fetch.map(|(at, _)| (at, of, 2));
            let wakes = it.wake.map(|at| (at, of, 3));
            [begins.filter(|_| !self.keeps_from_looking(it)), ends, fetched, wakes].into_iter().flatten()
        });
        all.min()
    }

    /// Azure is down, or luck: the run that is on sees nothing.
    fn keeps_from_looking(&self, it: &Replica) -> bool {
        self.is_down || self.is_unlucky && it.runs.is_multiple_of(3)
    }

    async fn pass(&mut self, until: i64) {
        while let Some((at, of, what)) = self.next().filter(|(at, ..)| *at <= until) {
            self.set(at);
            match what {
                0 => {
                    let on = self.replicas[of].on.as_ref().unwrap();
                    let saw = self.plan(on.commit, &on.order.part.clone()).await;
                    self.replicas[of].on.as_mut().unwrap().saw = Some(saw);
                }
                1 => Box::pin(self.finish(of)).await,
                2 => {
                    let (_, head) = self.replicas[of].fetch.take().unwrap();
                    let moved = self.replicas[of].told.replace(head) != Some(head);
                    let fetched = if moved { Fetched::Moved { follows: true } } else { Fetched::Same };
                    self.tell(of, Event::Fetched(fetched));
                }
                _ => {
                    self.replicas[of].wake = None;
                    self.tell(of, Event::TimerFired);
                }
            }
        }
        self.set(until);
    }

    fn set(&mut self, at: i64) {
        self.now = self.now.max(at);
        self.clock.store(self.now, Ordering::SeqCst);
    }

    async fn does(&mut self, deed: &Deed) {
        let (schedule, event) = (BY_SCHEDULE, BY_EVENT);
        match deed {
            Deed::By(text, told) => {
                let events = faults::read_events(&format!("- does: {{ {text} }}")).unwrap();
                let happened = self.world.with(|world| self.world.events.begin(world, events));
                if happened.iter().any(|it| it.failed.is_some()) {
                    return; // it is so already, or no more
                }
                self.truth(if *told { event } else { schedule }).await;
                if *told {
                    let owner =
                        ["ttd", "skd", "brg"].into_iter().find(|code| text.to_lowercase().contains(code)).unwrap();
                    let part = Part::Owners([OwnerCode::new(owner).unwrap()].into());
                    for of in 0..self.replicas.len() {
                        self.tell(of, Event::AzureMoved(part.clone()));
                    }
                }
            }
            Deed::Lock(locked) => {
                self.world.with(|world| {
                    let scope = world.resources().find(|it| it.name == "ttd-prod-keyvault").unwrap().id.clone();
                    world.remove_locks(&scope);
                    if *locked {
                        let (name, level) = ("frozen".to_owned(), "CanNotDelete".to_owned());
                        world.place_lock(LockEntry { scope, name, level, notes: None });
                    }
                });
                self.truth(schedule).await;
            }
            Deed::Commit(change) => {
                // In the middle of a run, which has seen Azure already.
                while !self.replicas.iter().any(|it| it.alive && it.on.as_ref().is_some_and(|on| on.saw.is_some())) {
                    self.pass(self.now + 500).await;
                }
                let (mut git, _) = self.commits.last().unwrap().clone();
                change(&mut git);
                self.commits.push((git, self.now));
                // A poll, an answer, the run that is on, and its own.
                self.truth(30_000 + 2_100 + 2 * RUN_MAX + 10_000).await;
            }
            Deed::Down(down) => {
                (self.is_down, self.trouble) = (*down, self.now);
            }
            Deed::Unlucky(unlucky) => self.is_unlucky = *unlucky,
            Deed::LeaderDies => {
                self.replicas[0].alive = false;
                self.replicas[0].leads = false;
                self.pass(self.now + 15_000).await; // until the lease runs out
                self.replicas[1].leads = true;
                self.trouble = self.now;
                self.tell(1, Event::LeadershipGained);
            }
        }
    }
}

/// Where else somebody is listed: both files have to know.
fn others(git: &Git, code: &str, user: &str) -> String {
    let others = git.iter().filter(|(other, people)| **other != code && people.contains_key(user));
    others.map(|(other, _)| *other).collect::<Vec<_>>().join(", ")
}

#[tokio::test(start_paused = true)]
async fn a_week_with_a_stranger_locks_outages_pushes_and_a_leader_that_dies() {
    let mut week = Week::begin();
    for of in 0..2 {
        week.tell(of, Event::Started);
    }
    week.truth(60_000).await;
    week.pass(5 * MINUTE).await;
    assert_eq!((week.granted, week.unnoticed.len()), (7, 0), "it begins by making what git wants");
    for (at, deed) in script() {
        week.pass(at).await;
        week.does(&deed).await;
    }
    week.pass(7 * DAY).await;
    assert!(week.unnoticed.is_empty(), "{:?}", week.unnoticed);

    let (run, seen) = week.plan(week.commits.len() - 1, &Part::Everything).await;
    assert!(run.plan().changes.is_empty() && run.plan().is_complete(), "{:#?}", run.plan().changes);
    let open: BTreeSet<Class> = seen.differences.iter().map(|it| it.difference.key.class).collect();
    // Mallory's, whom nobody but people can take out; ola has left, and is still listed, and can be restored.
    assert_eq!(open, BTreeSet::from([Class::Unmanaged, Class::Lookalike, Class::Orphaned]));
    let leader = &week.replicas[1];
    assert!(leader.memory.open().len() == seen.differences.len() && leader.memory.over().len() < 300);
    let told = week.told_exactly_once();
    let (count, worst) = (week.noticed.len(), week.noticed.iter().max().unwrap() / 1000);
    let runs = week.replicas[0].runs + week.replicas[1].runs;
    println!(
        "{runs} runs; {count} differences noticed, the last after {worst} s; {} granted, {} removed; told {:?}; {told}",
        week.granted, week.removed, week.told
    );
    assert_eq!(week.overtaken, 2, "three commits, each in the middle of a run: the first two within one");
    assert!(count > 100 && week.granted > 50 && week.removed == 3);
    assert!((1_900..2_600).contains(&runs), "a run in five minutes, and some by event: {runs}");
}
