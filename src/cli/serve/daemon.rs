//! The daemon's own task: everything that happens comes in here, the machine (`reconcile`) says what to do, and it is done.
//!
//! It waits for all of it at once and for nothing in particular: git, runs and sockets have tasks of their own. What is known is
//! changed here alone.

mod git;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinError, JoinHandle},
    time::{Instant, sleep_until},
};
use tracing::Instrument as _;

use self::git::Silence;
use super::{
    board::{Board, GitNow, RUNS_MAX, SeenLast, Snapshot},
    follow::{Tip, short},
    http::Asked,
    keep::Kept,
    listeners::Listener,
    state::{LifeJson, RunJson, State},
    work::{Brought, Known, Task, Worker, blank},
};
use crate::{
    cli::{
        environment,
        signals::{Asked as Signal, Signals},
    },
    model::{
        ids::ScopeId,
        observed::{Observed, Sighting},
        owner::OwnerCode,
    },
    reconcile::{Command, Event, How, Order, Reconciler, Settings},
    watch::{GitTrouble, Memory, Part, Run, RunReport, Verdict},
};

/// Everything the daemon holds.
pub(super) struct Daemon {
    machine: Reconciler,
    worker: Arc<Worker>,
    board: Board,
    listeners: Vec<Box<dyn Listener>>,
    kept: Kept,
    clock: Clock,
    known: Known,
    seen: Option<Arc<SeenLast>>,
    runs: VecDeque<Run>,
    tip: Option<Tip>,
    trusted: Option<String>,
    compared: Option<Timestamp>,
    number: u64,
    /// Only one look, and its verdict.
    once: bool,
    verdict: Option<Verdict>,
    fetching: Option<JoinHandle<Result<Tip, Silence>>>,
    running: Option<Running>,
    brought: Option<(u64, Brought)>,
}

struct Running {
    number: u64,
    run: Run,
    /// None: it was ended at once.
    work: JoinHandle<Option<Box<Brought>>>,
    end: watch::Sender<bool>,
    end_at_once: Option<oneshot::Sender<()>>,
}

/// Why a run brought nothing.
#[derive(Clone, Copy)]
enum Nothing<'a> {
    /// Somebody asked for the end, or another replica leads.
    Ended,
    /// It took too long.
    TooLate,
    /// It ended by a mistake of ours.
    Stumbled(&'a JoinError),
}

/// Time for the machine: it only goes on, whatever is done to the computer's clock.
#[derive(Clone, Copy)]
struct Clock {
    base: Timestamp,
    began: Instant,
}

impl Clock {
    fn now(self) -> Timestamp {
        let passed = SignedDuration::try_from(self.began.elapsed()).unwrap_or(SignedDuration::MAX);
        self.base.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// When a time of the machine's comes.
    fn instant(self, at: Timestamp) -> Instant {
        let wait = Duration::try_from(at.duration_since(self.base)).unwrap_or_default();
        self.began.checked_add(wait).unwrap_or_else(|| self.began + Duration::from_hours(24 * 365))
    }
}

/// What happened, before the machine is told.
enum Happened {
    Asked(Asked),
    Timer,
    Fetched(Result<Tip, Silence>),
    Ran(Result<Option<Box<Brought>>, JoinError>),
    Stop,
    Reload,
}

impl Daemon {
    /// With what was kept.
    pub(super) fn new(
        settings: Settings,
        worker: Arc<Worker>,
        listeners: Vec<Box<dyn Listener>>,
        kept: Kept,
        state: State,
        once: bool,
    ) -> Self {
        let State { number, trusted, commit, looked, compared, lives, runs } = state;
        let clock = Clock { base: environment::now(), began: Instant::now() };
        let machine = Reconciler::new(clock.base, settings, number);
        let memory = Memory::restored(lives.into_iter().filter_map(LifeJson::read), looked);
        let runs: VecDeque<Run> = runs.into_iter().filter_map(RunJson::read).collect();
        let git = GitNow { source: worker.follow.source(), ..GitNow::default() };
        let board = Board::new(Snapshot {
            started: clock.base,
            at: clock.base,
            outlook: machine.outlook(),
            git,
            runs: Arc::new(runs.clone()),
            last: None,
            looked: compared,
            memory: Arc::new(memory.clone()),
            seen: None,
        });
        let known = Known { memory, commit: commit.map(Arc::from), ..Known::default() };
        Self {
            machine,
            worker,
            board,
            listeners,
            kept,
            clock,
            known,
            seen: None,
            runs,
            tip: None,
            trusted,
            compared,
            number,
            once,
            verdict: None,
            fetching: None,
            running: None,
            brought: None,
        }
    }

    /// Where everything that is known is put up.
    pub(super) fn board(&self) -> Board {
        self.board.clone()
    }

    /// Runs until it is told to stop. `Some`: the only look's verdict.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Asked>, mut signals: Signals) -> Option<Verdict> {
        let mut wake = None;
        let mut stopped = self.tell(Event::Started, &mut wake);
        while !stopped {
            let timer = async {
                match wake {
                    Some(at) => sleep_until(self.clock.instant(at)).await,
                    None => std::future::pending().await,
                }
            };
            let happened = tokio::select! {
                Some(asked) = asked.recv() => Happened::Asked(asked),
                () = timer => Happened::Timer,
                fetched = over(self.fetching.as_mut()) => {
                    Happened::Fetched(fetched.unwrap_or_else(|error| Err(Silence { why: error.to_string(), kept: None })))
                }
                ran = over(self.running.as_mut().map(|running| &mut running.work)) => Happened::Ran(ran),
                signal = signals.next() => match signal {
                    Signal::End => Happened::Stop,
                    Signal::Look => Happened::Reload,
                },
            };
            stopped = self.happened(happened, &mut wake);
        }
        for listener in &mut self.listeners {
            listener.end();
        }
        self.verdict
    }

    fn happened(&mut self, happened: Happened, wake: &mut Option<Timestamp>) -> bool {
        let event = match happened {
            Happened::Timer => {
                *wake = None;
                Event::TimerFired
            }
            Happened::Stop | Happened::Asked(Asked::Stop) => {
                tracing::info!("somebody asked for the end");
                Event::StopAsked
            }
            Happened::Reload | Happened::Asked(Asked::Reload) => Event::ReloadAsked,
            Happened::Asked(Asked::Leads(true)) => Event::LeadershipGained,
            Happened::Asked(Asked::Leads(false)) => Event::LeadershipLost,
            Happened::Asked(Asked::Alive(answer)) => {
                let _ = answer.send(());
                return false;
            }
            Happened::Asked(Asked::Look(scopes)) => match self.part(&scopes) {
                Some(part) => Event::AzureMoved(part),
                None => return false,
            },
            Happened::Asked(Asked::Acknowledge(commit, answer)) => {
                let is_tip = self.acknowledge(&commit);
                let _ = answer.send(is_tip);
                if !is_tip {
                    return false;
                }
                Event::Acknowledged
            }
            Happened::Fetched(fetched) => {
                self.fetching = None;
                let fetched = self.fetched(fetched);
                if self.gives_up() {
                    return self.tell(Event::StopAsked, wake);
                }
                Event::Fetched(fetched)
            }
            Happened::Ran(ran) => {
                let Some(Running { number, run, .. }) = self.running.take() else { return false };
                let brought = match ran {
                    Ok(Some(brought)) => *brought,
                    Ok(None) if self.machine.is_late() => self.nothing(run, Nothing::TooLate),
                    Ok(None) => self.nothing(run, Nothing::Ended),
                    Err(error) => self.nothing(run, Nothing::Stumbled(&error)),
                };
                let failed = brought.failed;
                self.brought = Some((number, brought));
                Event::RunFinished { number, failed }
            }
        };
        self.tell(event, wake)
    }

    /// Tells the machine, and does what it says; whether that was the end.
    fn tell(&mut self, event: Event, wake: &mut Option<Timestamp>) -> bool {
        let mut stopped = false;
        let mut next = VecDeque::from([event]);
        while let Some(event) = next.pop_front() {
            for command in self.machine.step(self.clock.now(), event) {
                match command {
                    Command::WakeAt(at) => *wake = Some(at),
                    Command::FetchGit => self.fetch(),
                    Command::Run(order) => self.begin(order),
                    Command::End { number, how } => self.end(number, how),
                    Command::Publish(number) => {
                        if self.publish(number) && self.once {
                            next.push_back(Event::StopAsked);
                        }
                    }
                    Command::Persist => self.persist(),
                    Command::Stop => stopped = true,
                }
            }
        }
        self.show();
        stopped
    }

    /// Whose targets lie at, above or below these scopes; none where that is nobody's.
    fn part(&self, scopes: &BTreeSet<ScopeId>) -> Option<Part> {
        let Some(seen) = &self.seen else { return Some(Part::Everything) };
        let mut owners = BTreeSet::new();
        for scope in scopes {
            if scope.subscription().is_none() {
                return Some(Part::Everything); // it reaches all of them
            }
            owners.extend(owners_at(&seen.observed, scope));
        }
        (!owners.is_empty()).then_some(Part::Owners(owners))
    }

    fn begin(&mut self, order: Order) {
        let Some(tip) = self.tip.clone() else { return };
        let (end, told) = watch::channel(false);
        // Each run is a trace of its own, and every line of it says which run it is.
        let span = tracing::error_span!(parent: None, "run", run = order.number);
        span.in_scope(|| tracing::info!(what = order.what.word(), trigger = order.trigger.word(), "a run begins"));
        self.number = order.number;
        let task = Task {
            order,
            tip,
            trusted: self.trusted.clone(),
            started: environment::now(),
            known: Known { seen: self.seen.clone(), ..self.known.clone() },
            end: told,
        };
        let (number, run, worker) = (task.order.number, blank(&task), self.worker.clone());
        let (end_at_once, ended) = oneshot::channel::<()>();
        // On a thread of its own: comparing is work, and nothing else waits for it.
        let runtime = tokio::runtime::Handle::current();
        let work = tokio::task::spawn_blocking(move || {
            runtime.block_on(async {
                tokio::select! {
                    brought = worker.run(task).instrument(span) => Some(Box::new(brought)),
                    _ = ended => None,
                }
            })
        });
        self.running = Some(Running { number, run, work, end, end_at_once: Some(end_at_once) });
    }

    fn end(&mut self, number: u64, how: How) {
        let Some(running) = self.running.as_mut().filter(|running| running.number == number) else { return };
        match how {
            How::InGoodOrder => {
                running.end.send_replace(true);
            }
            How::AtOnce => drop(running.end_at_once.take().map(|end| end.send(()))),
        }
    }

    /// A run that brought nothing.
    fn nothing(&self, mut run: Run, why: Nothing<'_>) -> Brought {
        run.ended = environment::now();
        let (verdict, note) = match why {
            Nothing::Ended => (Verdict::Ended, "it was ended: somebody asked for the end".to_owned()),
            Nothing::TooLate => {
                let seconds = run.took().as_secs();
                (Verdict::Failed, format!("it was ended after {seconds} s: `--run-timeout` allows no more"))
            }
            Nothing::Stumbled(error) => {
                (Verdict::Failed, format!("it stumbled, which is a mistake in tilgang: {error}"))
            }
        };
        run.verdict = verdict;
        run.notes.push(note.into());
        Brought::failed(run, &self.known.memory)
    }

    /// Takes in what a run brought, and tells everybody. Whether it could compare, or cannot get any further.
    fn publish(&mut self, number: u64) -> bool {
        let Some((_, brought)) = self.brought.take_if(|(of, _)| *of == number) else { return false };
        let Brought { mut report, known, seen, failed: _ } = brought;
        if let Some(known) = known {
            self.known = known;
        }
        report.git = self.board.now().git.trouble(environment::now());
        report.run.notes.extend(report.git.as_ref().map(|trouble| Arc::from(trouble.to_string())));
        let run = report.run.clone();
        log(&report);
        if run.verdict.looked() && run.part == Part::Everything {
            self.compared = Some(run.started);
        }
        if let Some(seen) = seen {
            self.seen = Some(Arc::new(seen));
        }
        self.runs.push_back(run.clone());
        while self.runs.len() > RUNS_MAX {
            self.runs.pop_front();
        }
        self.verdict = Some(match report.git {
            // What was compared may be what nobody reviewed: that alone is no success.
            Some(GitTrouble::Rewritten { .. }) => run.verdict.max(Verdict::Incomplete),
            Some(GitTrouble::Silent { .. }) | None => run.verdict,
        });
        let report = Arc::new(report);
        for listener in &mut self.listeners {
            listener.told(&report, self.seen.as_ref());
        }
        let (runs, memory) = (Arc::new(self.runs.clone()), Arc::new(self.known.memory.clone()));
        let (looked, seen) = (self.compared, self.seen.clone());
        self.board.put(|now| {
            (now.runs, now.memory, now.looked, now.seen, now.last) = (runs, memory, looked, seen, Some(report));
        });
        true
    }

    fn persist(&self) {
        let memory = &self.known.memory;
        let state = State {
            number: self.number,
            trusted: self.trusted.clone(),
            commit: self.known.commit.as_ref().map(ToString::to_string),
            looked: memory.looked(),
            compared: self.compared,
            lives: memory.open().chain(memory.over()).map(LifeJson::of).collect(),
            runs: self.runs.iter().map(RunJson::of).collect(),
        };
        if let Err(error) = self.kept.write(&state) {
            tracing::error!("the state could not be written: {error}");
        }
    }

    /// Puts up what is to come, in the time that people have.
    fn show(&self) {
        let (now, machine) = (environment::now(), self.clock.now());
        let mut outlook = self.machine.outlook();
        outlook.next = outlook.next.and_then(|at| now.checked_add(at.duration_since(machine)).ok());
        self.board.put(|shown| (shown.outlook, shown.at) = (outlook, now));
    }
}

/// Until a task is over; for ever where there is none.
async fn over<T>(task: Option<&mut JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

/// Owners whose target or subscription is there.
fn owners_at(observed: &Observed, scope: &ScopeId) -> BTreeSet<OwnerCode> {
    let at_target = observed.targets.iter().filter_map(|(key, sighting)| match sighting {
        Sighting::Found(target) if scope.holds(&target.scope) || target.scope.holds(scope) => Some(key.owner),
        _ => None,
    });
    let belongs = scope.subscription().and_then(|id| observed.subscriptions.get(&id));
    let belongs = belongs.and_then(|subscription| subscription.belongs_to.as_ref()).map(|(owner, _)| *owner);
    at_target.chain(belongs).collect()
}

fn log(report: &RunReport) {
    let run = &report.run;
    let commit = run.commit.as_ref().map_or("none", |commit| short(&commit.hash));
    let (new, drift, took) = (report.news.len(), run.drift(), run.took().as_secs_f64());
    let words = run.notes.iter().fold(String::new(), |words, note| words + ": " + note);
    let verdict = run.verdict.word();
    if run.verdict.looked() {
        tracing::info!(run = run.number, verdict, drift, news = new, took, commit, "a run is over{words}");
    } else {
        tracing::warn!(run = run.number, verdict, took, commit, "a run failed{words}");
    }
}
