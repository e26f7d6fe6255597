//! What the daemon tells of its runs: notices to people, metrics to machines.
//!
//! A run's report comes in and is put into a queue; a task of its own notes what it means for each channel, another one sends.
//! Channels are those of the commit that was looked at last; until one was, nothing is told, and nothing is forgotten.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{Router, extract::State, http::header::CONTENT_TYPE as TYPE, response::IntoResponse, routing::get};
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    board::{Board, SeenLast},
    listeners::Listener,
};
use crate::{
    cli::{channels, environment, output},
    deliver::{Office, Store, StoreError},
    model::owner::OwnerCode,
    notify::{Found, Memory, Routes, Setting},
    signals::{CONTENT_TYPE, History, Metrics},
    watch::{GitTrouble, RunReport, Trigger},
};

/// How long the last notices may take where the program ends after one look. Ours.
const LAST_MAX: Duration = Duration::from_secs(30);

/// What is told.
enum Told {
    /// A run, and what the last look at all owners showed.
    Run(Arc<RunReport>, Option<Arc<SeenLast>>),
    /// Whether git answers as it should.
    Git(Found),
}

/// The daemon's end of the queue.
struct Teller(mpsc::UnboundedSender<Told>);

impl Listener for Teller {
    fn told(&mut self, report: &Arc<RunReport>, seen: Option<&Arc<SeenLast>>) {
        let _ = self.0.send(Told::Run(report.clone(), seen.cloned()));
    }

    fn git(&mut self, trouble: Option<&GitTrouble>, at: Timestamp, run: u64) {
        let _ = self.0.send(Told::Git(Found::of_git(trouble, at, run)));
    }
}

/// What everybody shares.
struct Shared {
    metrics: Arc<Metrics>,
    /// Opened when it is known which channels there are.
    office: OnceLock<Arc<Office>>,
}

/// Both tasks, and what they share.
pub(super) struct Telling {
    shared: Arc<Shared>,
    noting: JoinHandle<()>,
}

/// What it takes to open channels.
pub(super) struct Ground {
    /// The state folder.
    pub(super) folder: PathBuf,
    /// Where people reach the web page.
    pub(super) page: Option<String>,
    /// A CA that is trusted as well.
    pub(super) ca_pem: Option<String>,
}

impl Telling {
    /// Begins to listen. `interval`: how often everything is looked at.
    pub(super) fn begin(ground: Ground, interval: SignedDuration) -> (Self, Box<dyn Listener>) {
        let metrics = Arc::new(Metrics::new(environment::now(), interval));
        let shared = Arc::new(Shared { metrics, office: OnceLock::new() });
        let (teller, told) = mpsc::unbounded_channel();
        let noting = tokio::spawn(note(shared.clone(), ground, told));
        (Self { shared, noting }, Box::new(Teller(teller)))
    }

    /// `GET /metrics`.
    pub(super) fn routes(&self, board: Board) -> Router {
        Router::new().route("/metrics", get(scrape)).with_state((self.shared.clone(), board))
    }

    /// The daemon is over: what it told last is noted. `send`: and sent, as far as that can be done in short time; else it is
    /// sent after the next start.
    pub(super) async fn end(self, send: bool) {
        let _ = self.noting.await;
        if let (true, Some(office)) = (send, self.shared.office.get()) {
            let _ =
                tokio::time::timeout(LAST_MAX, async { while office.deliver(environment::now()).await > 0 {} }).await;
            let (waiting, _) = office.ledger();
            if !waiting.is_empty() {
                output::say(format_args!("note: {} notices could not be sent yet, and are kept", waiting.len()));
            }
        }
    }
}

async fn scrape(State((shared, board)): State<(Arc<Shared>, Board)>) -> impl IntoResponse {
    let now = board.now();
    shared.metrics.leads(now.outlook.leads);
    let history = if now.git.rewritten_from.is_some() { History::Rewritten } else { History::Follows };
    shared.metrics.git(now.git.answered, history);
    if let Some(office) = shared.office.get() {
        let (pending, _) = office.ledger();
        shared.metrics.outbox(&pending, &office.channels(), office.unkept().is_none());
    }
    ([(TYPE, CONTENT_TYPE)], shared.metrics.text())
}

/// Takes in runs until the daemon is over.
async fn note(shared: Arc<Shared>, ground: Ground, mut told: mpsc::UnboundedReceiver<Told>) {
    let (mut open, mut failed, mut sending) = (Opened::default(), 0, None);
    // A run of some owners shows no rules: those of the last whole run hold.
    let mut production = None;
    while let Some(told) = told.recv().await {
        let (report, seen) = match told {
            Told::Run(report, seen) => (report, seen),
            Told::Git(found) => {
                hear(&shared, &found);
                continue;
            }
        };
        failed = if report.run.verdict.looked() { 0 } else { failed + 1 };
        production = seen.as_ref().map(|seen| seen.desired.policy.production.clone()).or(production);
        shared.metrics.run_over(&report, |environment| Some(production.as_ref()?.contains(environment)));
        if let Some(seen) = &seen {
            let again = report.run.trigger == Trigger::Reload;
            tokio::task::block_in_place(|| open.follow(&shared, &ground, seen, again));
        }
        let Some(office) = shared.office.get() else { continue };
        hear(&shared, &Found::from_report(&report, failed));
        if sending.is_none() {
            let office = office.clone();
            sending = Some(tokio::spawn(async move { office.run(environment::now).await }));
        }
    }
    if let Some(sending) = sending {
        sending.abort(); // what is under way is sent again, under the same id
        let _ = sending.await;
    }
}

/// Notes what was found for each channel. A disk that is slow holds up this task, and neither the daemon's nor a run.
fn hear(shared: &Shared, found: &Found) {
    let Some(office) = shared.office.get() else { return };
    if let Err(error) = tokio::task::block_in_place(|| office.heard(found)) {
        tracing::error!(run = found.run, %error, "nobody is told of this run: it cannot be noted what they know");
    }
}

/// The channels as they were opened last.
#[derive(Default)]
struct Opened {
    seen: Option<Arc<SeenLast>>,
    routes: Routes,
    setting: Option<Setting>,
}

impl Opened {
    /// Opens the channels of what was seen, if they are others than before, or somebody asked for it.
    fn follow(&mut self, shared: &Shared, ground: &Ground, seen: &Arc<SeenLast>, again: bool) {
        if self.seen.as_ref().is_some_and(|before| Arc::ptr_eq(before, seen)) && !again {
            return;
        }
        self.seen = Some(seen.clone());
        let notify = &seen.loaded.notify;
        let routes = channels::routes(notify, &seen.desired);
        let setting = channels::setting(notify, &seen.desired, ground.page.as_deref());
        if !again && self.routes == routes && self.setting.as_ref() == Some(&setting) {
            return;
        }
        let courier = match channels::open(notify, setting.clone(), ground.ca_pem.as_deref()) {
            Ok(courier) => courier,
            Err(why) => {
                tracing::error!(why, "no channel can be opened");
                return;
            }
        };
        for (channel, why) in courier.problems() {
            tracing::error!(channel, why, "a channel cannot be used: what is meant for it waits");
        }
        let silent = routes.unreachable(seen.desired.owners.keys());
        if !silent.is_empty() {
            let owners = silent.iter().map(OwnerCode::as_str).collect::<Vec<_>>().join(", ");
            tracing::warn!(
                owners,
                "these owners have no e-mail address as their `contact`: they are told nothing by mail"
            );
        }
        let names: Vec<String> = notify.channels.iter().map(|channel| channel.name.clone()).collect();
        shared.metrics.installation(&setting.instance, &names);
        (self.routes, self.setting) = (routes.clone(), Some(setting));
        if let Some(office) = shared.office.get() {
            office.reroute(routes, courier);
            return;
        }
        match open_store(&ground.folder) {
            Ok((store, memory)) => {
                let office = Office::new(store, memory, routes, courier, shared.metrics.clone());
                let _ = shared.office.set(office); // this task alone sets it
            }
            Err(error) => tracing::error!(%error, "nobody is told anything"),
        }
    }
}

/// Opens what was told. A file that cannot be read is set aside, as the daemon's others are: then all that is open is told again.
fn open_store(folder: &Path) -> Result<(Store, Memory), StoreError> {
    match Store::open(folder) {
        Err(StoreError::Broken { path, why }) => {
            let aside = path.with_extension("broken");
            let moved = std::fs::rename(&path, &aside);
            output::say(format_args!(
                "note: {} cannot be read ({why}), and is set aside as {}: everything that is open is told again",
                path.display(),
                aside.display()
            ));
            moved.map_err(|source| StoreError::Io { path, source })?;
            Store::open(folder)
        }
        other => other,
    }
}
