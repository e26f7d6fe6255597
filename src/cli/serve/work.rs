//! One run: reads git's tip, looks at Azure, says what differs and since when, heals what it was told to.
//!
//! In: an order, the tip, what is known. Out: [`Brought`], which the daemon takes in when the machine says so. The session with
//! Azure lasts from run to run.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::sync::{Mutex, watch};

use super::{
    board::SeenLast,
    follow::{Follow, Tip},
    heal::{self, Heal, Told, Treated},
    since_then::SinceThen,
};
use crate::{
    app::{AskPermissions, Error, Exit, Note, PlanRequest, PlannedRun, Recording, Workspace, check_git},
    azure::{Counted, Sent},
    cli::{Global, connect::Connection, connect::Kind, environment, output, workspace::draw},
    model::{
        desired::{Desired, OwnerFile},
        ids::{SubscriptionId, TenantId},
        observed::{Observed, Reading},
        owner::OwnerCode,
        people::ById,
        trouble::TroubleKind,
    },
    plan::{change::Who, drift::Class, selection::Scope},
    ports::{Directory as _, History as _},
    reconcile::Order,
    watch::{
        By, Cost, Files, GitMove, Healing, Memory, News, Part, Run, RunReport, Service, Sight, Spent, Stood, Turn,
        Unexplained, Unseen, Verdict, What, cause, explain, next_expiry, sight, unexplained,
    },
};

/// How long the Activity Log is asked again for what it did not have yet: it is some minutes behind.
const ASK_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// How far before the look in which it still stood something may have vanished: lists lag, and clocks differ. Ours.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);

/// Who works: what stays the same from run to run.
pub(super) struct Worker {
    pub(super) global: Global,
    /// The workspace's folder: a simulated Azure and a ledger stand below it.
    pub(super) dir: PathBuf,
    pub(super) follow: Follow,
    pub(super) heal: BTreeSet<Heal>,
    connection: Mutex<Option<(TenantId, Arc<Connection>)>>,
    /// The tip whose mistakes were drawn.
    drawn: std::sync::Mutex<String>,
}

/// What one run is given.
pub(super) struct Task {
    pub(super) order: Order,
    pub(super) tip: Tip,
    /// The commit that the tip has to follow from.
    pub(super) trusted: Option<String>,
    pub(super) started: Timestamp,
    pub(super) known: Known,
    /// Says that it is to end in good order.
    pub(super) end: watch::Receiver<bool>,
}

/// What is known from run to run.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) memory: Memory,
    /// What was assigned in the last look; none before the first since the start.
    pub(super) stood: Option<Arc<Stood>>,
    /// What the last look at all owners showed; none before the first since the start.
    pub(super) seen: Option<Arc<SeenLast>>,
    /// The commit of the last look at all owners.
    pub(super) commit: Option<Arc<str>>,
    /// What the Activity Log did not have yet.
    pub(super) unexplained: BTreeMap<SubscriptionId, Unexplained>,
}

/// What a run brings home.
pub(super) struct Brought {
    pub(super) report: RunReport,
    /// What is known after it; none where nothing could be compared.
    pub(super) known: Option<Known>,
    /// What was seen, if all owners were looked at.
    pub(super) seen: Option<SeenLast>,
    /// Nothing could be compared.
    pub(super) failed: bool,
}

impl Worker {
    pub(super) fn new(global: Global, dir: PathBuf, follow: Follow, heal: BTreeSet<Heal>) -> Self {
        Self { global, dir, follow, heal, connection: Mutex::default(), drawn: std::sync::Mutex::default() }
    }

    /// Does one run, to its end.
    pub(super) async fn run(&self, task: Task) -> Brought {
        let before = self.sent().await;
        let ended = |run: &mut Run, after: Sent| {
            run.ended = environment::now();
            run.cost = cost(before, after);
        };
        let mut run = blank(&task);
        match Box::pin(self.look(&task, &mut run)).await {
            Ok(mut brought) => {
                ended(&mut brought.report.run, self.sent().await);
                brought
            }
            Err(why) => {
                run.verdict = Verdict::Failed;
                run.notes.push(why.into());
                ended(&mut run, self.sent().await);
                Brought::failed(run, &task.known.memory)
            }
        }
    }

    async fn look(&self, task: &Task, run: &mut Run) -> Result<Brought, String> {
        let (workspace, desired, scope) = self.workspace(task).await?;
        run.owners = desired.owners.len();
        let broken = desired.owners.values().filter(|owner| matches!(owner.file, OwnerFile::Broken(_)));
        run.files = Files::Read { with_errors: broken.count() };
        let connection = self.connection(desired.tenant).await?;
        connection.read_clock().await.map_err(|error| error.to_string())?;
        let part = scope.owners().cloned().map_or(Part::Everything, Part::Owners);
        run.part = part.clone();
        let recording = connection.recording(&workspace, &desired);
        let is_to_heal = task.order.what == What::Heal;
        let request = PlanRequest {
            history: &workspace.history(),
            workspace,
            desired,
            scope,
            azure: &connection.reader,
            records: recording.records(),
            permissions: if is_to_heal { connection.permissions() } else { AskPermissions::No },
            now: connection.now(),
        };
        let mut planned = Box::pin(request.drift()).await;
        run.observed = Some(planned.observed().at);
        if is_signed_out(planned.observed()) {
            self.connection.lock().await.take_if(|_| connection.azure == Kind::Real); // a new one reads its secrets anew
        }
        let seen = {
            let places = |origin: &_| planned.workspace().loaded.sources.place(origin);
            sight(planned.desired(), planned.observed(), planned.plan(), &part, &places)
        };
        let unseen = unseen(&planned);
        if let Some(why) = nothing_seen(planned.observed()) {
            return Err(why);
        }
        let (mut known, mut news) = self.take_in(task, &planned, &seen, &connection).await;
        let (reading, unchanged) = (planned.reading(), planned.plan().unchanged);
        let observed_at = planned.observed().at;
        run.next_expiry = next_expiry(planned.desired(), observed_at.to_zoned(TimeZone::UTC).date());
        run.unchanged = unchanged;
        let (notes, recorded) = recording.saw(planned.desired(), planned.observed(), planned.scope());
        notes.iter().for_each(output::note);
        if let Err(why) = &recorded {
            run.notes.push(Note::ObservedNotRecorded(why.to_string()).to_string().into());
        }
        let is_whole = part == Part::Everything;
        let mut healed = Vec::new();
        let mut exit = reading;
        // What is shown is what was read: healing narrows the plan.
        let shown = is_whole.then(|| (planned.observed().clone(), planned.plan().clone()));
        if is_to_heal {
            let treated = if recorded.is_ok() {
                let (run, treated) = self.heal(task, planned, &connection, &recording).await;
                planned = run;
                treated
            } else {
                Err(Unhealed::because("nothing is healed while the ledger cannot be written"))
            };
            match treated {
                Ok(Treated { sums, changes, over, exit: of_healing, notes }) => {
                    news = without(news, &over, &known.memory);
                    news.extend(known.memory.healed(observed_at, &over));
                    (healed, exit) = (changes, exit.max(of_healing));
                    run.healing = Some(sums);
                    run.notes.extend(notes.into_iter().map(Arc::from));
                }
                Err(Unhealed { why, exit: of_git }) => {
                    exit = exit.max(planned.exit()).max(of_git);
                    run.healing = Some(Healing { deferred: planned.deferred().len(), ..Healing::default() });
                    run.notes.push(format!("nothing was healed: {why}").into());
                }
            }
        }
        // Of what the run was there to do.
        let refused = is_to_heal && planned.is_refused();
        if is_whole {
            known.commit = run.commit.as_ref().map(|commit| commit.hash.clone());
        }
        let deferred = planned.deferred().to_vec();
        let (workspace, desired, ..) = planned.into_parts();
        run.verdict = verdict(exit, refused, &known.memory);
        run.unseen = unseen.len();
        let report = RunReport { news, healed, deferred, unseen, ..report(run.clone(), &known.memory) };
        let seen = shown.map(|(observed, plan)| SeenLast { desired, loaded: workspace.loaded, observed, plan });
        Ok(Brought { report, known: Some(known), seen, failed: false })
    }

    /// Reads the workspace at the tip, and draws its mistakes once a tip.
    async fn workspace(&self, task: &Task) -> Result<(Workspace, Desired, Scope), String> {
        let tip = task.tip.clone();
        let loaded = tokio::task::spawn_blocking(move || tip.load()).await;
        let loaded = loaded.map_err(|error| error.to_string())??;
        {
            let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
            if *drawn != task.tip.mark {
                drawn.clone_from(&task.tip.mark);
                for error in &loaded.errors {
                    output::say_drawn(draw(error, self.global.color.stderr()));
                }
            }
        }
        let first = loaded.errors.first().map(ToString::to_string).unwrap_or_default();
        if loaded.desired.is_none() {
            return Err(format!("the workspace cannot be read: {first}"));
        }
        let tip = task.tip.in_git().cloned();
        let mut workspace = Workspace { tip, ..Workspace::of(self.dir.clone(), loaded) };
        let scope = self.scope(&workspace, &task.order.part)?;
        let desired = workspace.take_desired().map_err(|_| "the workspace cannot be read".to_owned())?;
        Ok((workspace, desired, scope))
    }

    /// Whose access is read: that of the order's owners, of those that the daemon is for.
    fn scope(&self, workspace: &Workspace, part: &Part) -> Result<Scope, String> {
        let mine = workspace.choose(&self.global.owner).map_err(|error| error.to_string())?;
        let Part::Owners(asked) = part else { return Ok(mine) };
        let is_known = |owner: &OwnerCode| {
            workspace.loaded.desired.as_ref().is_some_and(|desired| desired.owners.contains_key(owner))
        };
        let known = asked.iter().filter(|owner| is_known(owner) && mine.holds(**owner));
        Ok(Scope::Owners(known.copied().collect()))
    }

    /// The session with Azure: that of the run before, where it is the same tenant.
    async fn connection(&self, tenant: TenantId) -> Result<Arc<Connection>, String> {
        let mut held = self.connection.lock().await;
        if let Some((of, connection)) = &*held
            && *of == tenant
        {
            return Ok(connection.clone());
        }
        *held = None; // an embedded Azure lets go of its folder before the next one takes it
        let opened = Connection::open_quietly(&self.global, &self.dir, tenant).await;
        let connection = Arc::new(opened.map_err(|error| error.to_string())?);
        for doubt in &connection.doubts {
            tracing::warn!("{doubt}");
        }
        *held = Some((tenant, connection.clone()));
        Ok(connection)
    }

    async fn sent(&self) -> Sent {
        self.connection.lock().await.as_ref().map(|(_, connection)| connection.session.sent()).unwrap_or_default()
    }

    /// Takes in what was seen, and asks who did what is new.
    async fn take_in(&self, task: &Task, run: &PlannedRun, seen: &Sight, far: &Connection) -> (Known, Vec<News>) {
        let mut known = task.known.clone();
        let (observed, stood) = (run.observed(), known.stood.clone());
        let now = observed.at;
        let before = known.memory.looked();
        let news = known.memory.saw(now, seen);
        // Of a folder the commit says little: files are edited in it.
        let commit = task.tip.in_git().map(|tip| tip.commit.as_str());
        let same = commit.is_some() && known.commit.as_deref() == commit;
        let restarted = if same { GitMove::Not } else { GitMove::Unknown };
        let git = SinceThen::of(task.known.seen.as_deref(), restarted, run);
        for News { entry, .. } in news.iter().filter(|news| news.turn == Turn::New) {
            let difference = &entry.difference;
            let by = match (difference.key.class, &entry.life.by) {
                (Class::Missing, _) | (_, By::Git) if before.is_none() => {
                    By::Unknown("it was so in the first look".into())
                }
                (Class::Missing, _) => cause(Stood::of(stood.as_deref(), difference), git.moved(difference)),
                (_, By::Git) => cause(None, git.moved(difference)),
                _ => continue,
            };
            known.memory.learnt(&difference.key, None, by);
        }
        if let Some(before) = before {
            let from = before.checked_sub(CLOCKS_APART).unwrap_or(before);
            for (id, new) in unexplained(&news, stood.as_deref(), from, now) {
                let all = known.unexplained.entry(id).or_insert_with(|| Unexplained { gone: BTreeMap::new(), ..new });
                all.gone.extend(new.gone);
                all.before = now;
            }
        }
        self.explain(&mut known, now, far).await;
        let nameless = known.memory.nameless(&news);
        if !nameless.is_empty() {
            let names = far.reader.by_id(&nameless).await;
            let name = |answer: &ById| match answer {
                ById::Person(person) => Some(Arc::from(Who::person(person).to_string())),
                ById::NotAPerson(name) => Some(name.clone()),
                ById::Deleted { name, .. } => Some(Arc::from(name.to_string())),
                ById::Gone | ById::NoUser | ById::Unanswered(_) => None,
            };
            let names = names.iter().filter_map(|(id, answer)| Some((*id, name(answer)?))).collect();
            known.memory.named(&names);
        }
        known.stood = Some(Arc::new(Stood::after(stood.as_deref(), run.desired(), observed, &seen.coverage)));
        let news = known.memory.told_again(news);
        (known, news)
    }

    /// Asks the Activity Log, once for each subscription where something vanished.
    async fn explain(&self, known: &mut Known, now: Timestamp, far: &Connection) {
        let memory = &mut known.memory;
        for (id, lost) in &mut known.unexplained {
            lost.gone.retain(|key, _| memory.get(key).is_some());
            if lost.gone.is_empty() {
                continue;
            }
            let answer = far.reader.removals(*id, lost.after, now).await;
            let denied = answer.as_ref().err().is_some_and(|trouble| trouble.kind == TroubleKind::Denied);
            let answer = answer.as_deref().map_err(|trouble| trouble.without_request().to_string());
            for (key, since, by) in explain(lost, answer.as_ref().map(|all| &**all).map_err(String::as_str)) {
                if since.is_some() || denied {
                    lost.gone.remove(&key);
                }
                memory.learnt(&key, since, by);
            }
        }
        known.unexplained.retain(|_, lost| !lost.gone.is_empty() && now.duration_since(lost.before) < ASK_AGAIN);
    }

    /// Heals, if git still says the same. The run comes back as it was planned.
    async fn heal(
        &self,
        task: &Task,
        mut planned: PlannedRun,
        connection: &Connection,
        recording: &Recording,
    ) -> (PlannedRun, Result<Treated, Unhealed>) {
        planned.select(&heal::kinds(&self.heal));
        let check = async || {
            let now = self.follow.fetch(task.trusted.as_deref()).await.map_err(Error::Unreadable)?;
            check_git(&task.tip.mark, now.follows.then_some(now.mark.as_str()))
        };
        let end = Told::by(task.end.clone());
        let (planned, treated) = heal::treat(planned, connection, recording, end, check).await;
        let unhealed = |error: Error| {
            // Git did not answer: what it says now could not be read.
            let exit = Exit::Failed.when(matches!(error, Error::Unreadable(_)));
            Unhealed { exit, ..Unhealed::because(&error.to_string()) }
        };
        (planned, treated.map_err(unhealed))
    }
}

/// Why nothing was healed.
struct Unhealed {
    why: String,
    /// What that comes to by itself.
    exit: Exit,
}

impl Unhealed {
    fn because(why: &str) -> Self {
        Self { why: why.to_owned(), exit: Exit::Converged }
    }
}

impl Brought {
    /// Nothing could be compared: all is known as it was.
    pub(super) fn failed(run: Run, memory: &Memory) -> Self {
        let report = report(run, memory);
        Self { report, known: None, seen: None, failed: true }
    }
}

/// A run of which nothing is known yet.
pub(super) fn blank(task: &Task) -> Run {
    let Order { number, what, trigger, part } = &task.order;
    Run {
        number: *number,
        what: *what,
        trigger: *trigger,
        part: part.clone(),
        started: task.started,
        ended: task.started,
        observed: None,
        commit: task.tip.commit.clone(),
        verdict: Verdict::Ended,
        notes: Vec::new(),
        counts: BTreeMap::new(),
        owners: 0,
        unchanged: 0,
        healing: None,
        cost: Cost::new(),
        next_expiry: None,
        unseen: 0,
        files: Files::Unreadable,
    }
}

/// What is known after a run, of which nothing else is told yet.
fn report(run: Run, memory: &Memory) -> RunReport {
    let mut counts = BTreeMap::new();
    for entry in memory.open().filter(|entry| entry.difference.accepted.is_none()) {
        let key = &entry.difference.key;
        *counts.entry((key.class, key.owner)).or_default() += 1;
    }
    RunReport {
        run: Run { counts, ..run },
        drift: memory.open().cloned().collect(),
        news: Vec::new(),
        healed: Vec::new(),
        deferred: Vec::new(),
        unseen: Vec::new(),
        git: None,
    }
}

/// What is healed at once is no news of its own: that it came and that it went is said in one.
fn without(news: Vec<News>, over: &[crate::watch::Key], memory: &Memory) -> Vec<News> {
    let healed: BTreeSet<&crate::watch::Key> = over.iter().filter(|key| memory.get(key).is_some()).collect();
    news.into_iter().filter(|news| !healed.contains(&news.entry.difference.key)).collect()
}

fn verdict(exit: Exit, refused: bool, memory: &Memory) -> Verdict {
    let open = memory.open().filter(|entry| entry.difference.accepted.is_none());
    let drift = open.filter(|entry| entry.difference.key.class.differs()).count();
    match exit {
        Exit::Failed | Exit::Usage => Verdict::Incomplete,
        Exit::Partly => Verdict::Partly,
        _ if refused => Verdict::Refused,
        _ if drift > 0 => Verdict::Drift,
        _ => Verdict::Converged,
    }
}

/// What could not be read, of Azure and of git.
fn unseen(planned: &PlannedRun) -> Vec<Unseen> {
    let azure = planned
        .plan()
        .unread
        .iter()
        .map(|unread| Unseen { owner: unread.owner, words: unread.trouble.without_request().to_string().into() });
    let broken = planned.desired().owners.iter().filter_map(|(code, owner)| match owner.file {
        OwnerFile::Broken(file) => Some((*code, file)),
        OwnerFile::Read(_) | OwnerFile::Removed(_) | OwnerFile::Missing => None,
    });
    let git = broken.map(|(owner, file)| Unseen {
        owner: Some(owner),
        words: format!("{} has errors", planned.workspace().loaded.sources.path(file)).into(),
    });
    azure.chain(git).collect()
}

/// Why nothing could be compared, if so.
fn nothing_seen(observed: &Observed) -> Option<String> {
    if let Err(trouble) = &observed.inventory {
        return Some(trouble.to_string());
    }
    let mut lists = observed.subscriptions.values().map(|subscription| &subscription.reading);
    match lists.next()? {
        Reading::Unseen(first) if lists.all(|list| matches!(list, Reading::Unseen(_))) => {
            Some(format!("no subscription could be read: {first}"))
        }
        _ => None,
    }
}

fn is_signed_out(observed: &Observed) -> bool {
    let lists = observed.subscriptions.values().filter_map(|subscription| match &subscription.reading {
        Reading::Unseen(trouble) => Some(trouble.kind),
        Reading::Seen(_) => None,
    });
    let inventory = observed.inventory.as_ref().err().map(|trouble| trouble.kind);
    lists.chain(inventory).any(|kind| kind == TroubleKind::SignIn)
}

fn cost(before: Sent, after: Sent) -> Cost {
    let spent = |before: Counted, after: Counted| {
        // Another session counts from nothing.
        let since = |before: u64, after: u64| after.checked_sub(before).unwrap_or(after);
        Spent { requests: since(before.requests, after.requests), throttled: since(before.throttled, after.throttled) }
    };
    Cost::from([
        (Service::ResourceManager, spent(before.resource_manager, after.resource_manager)),
        (Service::Graph, spent(before.graph, after.graph)),
        (Service::SignIn, spent(before.sign_in, after.sign_in)),
    ])
}
