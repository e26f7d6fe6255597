//! `tilgang serve`: drift, watched. Follows git, looks on a schedule and when Azure tells of a change, heals what it was told to.
//!
//! What to do when is decided in `reconcile`; what differs, and since when, in `watch`. Here are sockets, timers, git, signals
//! and the state folder:
//!
//! | file | what it does |
//! |---|---|
//! | `daemon` | the one task in which everything comes together |
//! | `follow` | git |
//! | `work`, `heal`, `since_then` | one run |
//! | `board` | what is known now, for whoever shows it |
//! | `listeners` | who is told of each run |
//! | `lease` | one of several replicas works |
//! | `http`, `socket`, `event_grid`, `secret` | the socket |
//! | `page` | the web page's routes, and who may read |
//! | `telling` | notices and metrics |
//! | `state`, `days`, `keep` | files of the state folder |

pub(in crate::cli) mod board;
mod daemon;
mod days;
mod event_grid;
mod follow;
pub(in crate::cli) mod heal;
pub(in crate::cli) mod http;
pub(in crate::cli) mod keep;
mod lease;
pub(in crate::cli) mod listeners;
mod page;
pub(in crate::cli) mod secret;
mod since_then;
mod socket;
mod state;
mod telling;
mod work;

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions, TryLockError},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::http::HeaderName;
use clap::Args;
use jiff::SignedDuration;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use self::{
    daemon::Daemon,
    days::DayBook,
    follow::{Branch, Follow, clone_in},
    heal::Heal,
    http::{App, Doors, router},
    keep::{Found, Kept},
    lease::{LeaseFlags, Stood},
    page::Guard,
    secret::Secret,
    state::State,
    telling::{Ground, Telling},
    work::Worker,
};
use super::{Exit, Global, environment, output, signals::Signals};
use crate::reconcile::Settings;

const HELP: &str =
    "Without `--branch` or `--remote` it watches the folder as it stands. Healing needs a branch: what is healed \
is what its tip says, and nothing else.

Over HTTP, at `--listen`, on this machine alone unless `--trust-header` is given:
  GET /                          the web page: what differs, at whom, since when; owners, people, runs
  GET /api/state.json            the same as JSON
And there, and at `--probes`:
  GET /healthz, /readyz          probes
  GET /metrics                   for Prometheus; deploy/ has alert rules and a dashboard
  POST /-/reload                 ask git, and look now; so does SIGHUP
  POST /-/acknowledge?commit=H   the branch is right at its tip H, though its history was rewritten
  POST, OPTIONS /events          Azure Event Grid, both schemas; `?secret=…` or the header X-Tilgang-Secret

Set in the environment, never as a flag:
  TILGANG_EVENTS_SECRET          the secret of /events; without it that door is closed
  TILGANG_ADMIN_TOKEN            the bearer token of /-/; without it only this machine may ask
Every flag here has a variable, too: TILGANG_INTERVAL for --interval, and so on. A flag wins.

Examples:
  tilgang serve --dir examples/altinn --simulate
  tilgang serve --remote https://git.example/access.git --branch main --state /var/lib/tilgang --heal grants,expired";

/// Watch for drift: on a schedule, when git moves, and when Azure tells of a change; heal only what it is told to
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Serve {
    /// Follow this branch, by a clone of its own: of the repository that --dir lies in, or of --remote [there: main]
    #[arg(long, value_name = "NAME", env = "TILGANG_BRANCH")]
    branch: Option<String>,
    /// Follow a branch of this repository: whatever `git fetch` takes. Credentials are left to git
    #[arg(long, value_name = "URL", env = "TILGANG_REMOTE", hide_env_values = true)]
    remote: Option<String>,
    /// The workspace's folder in the repository of --remote [default: its top]
    #[arg(long, value_name = "PATH", env = "TILGANG_FOLDER", requires = "remote")]
    folder: Option<String>,
    /// Where it keeps what must survive a restart [default: $STATE_DIRECTORY, else .tilgang/serve in the workspace]
    #[arg(long, value_name = "DIR", env = "TILGANG_STATE")]
    state: Option<PathBuf>,
    /// Heal, within policy: what is missing or altered, what stands after its last day, or all that `apply` would do
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT", env = "TILGANG_HEAL")]
    heal: Vec<Heal>,
    /// Look at everything this often
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = length, env = "TILGANG_INTERVAL")]
    interval: SignedDuration,
    /// And at most so much later, by chance
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = length, env = "TILGANG_JITTER")]
    jitter: SignedDuration,
    /// Ask git this often
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = length, env = "TILGANG_POLL")]
    poll: SignedDuration,
    /// End a run, or a question to git, that takes longer, and count it as failed
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = length, env = "TILGANG_RUN_TIMEOUT")]
    run_timeout: SignedDuration,
    /// Gather what Azure tells for so long before looking there
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = length, env = "TILGANG_SETTLE")]
    settle: SignedDuration,
    /// Where the web page is, and the rest beside it; this machine's own address, unless --trust-header is given
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "TILGANG_LISTEN")]
    listen: SocketAddr,
    /// Probes, metrics and events at this address, too, without the page: for Kubernetes, say 0.0.0.0:8081
    #[arg(long, value_name = "ADDRESS", env = "TILGANG_PROBES")]
    probes: Option<SocketAddr>,
    /// Let in whoever a proxy names in this header, such as X-Forwarded-User, and nobody else. The proxy must sign people in,
    /// strip the header from what clients send, and be the only one that reaches --listen
    #[arg(long, value_name = "NAME", env = "TILGANG_TRUST_HEADER")]
    trust_header: Option<HeaderName>,
    #[command(flatten)]
    lease: LeaseFlags,
    /// Where people reach the web page, through a proxy say: notices lead there, and it may be asked for by that name
    #[arg(long, value_name = "URL", env = "TILGANG_EXTERNAL_URL", value_parser = page)]
    external_url: Option<String>,
    /// Look once, tell everybody, and end with the exit code of `drift`; with --heal, of what healing came to as well
    #[arg(long)]
    once: bool,
}

/// How long a run that writes may take to end in good order. Ours: below the 30 seconds after which Kubernetes kills.
const ENDING: SignedDuration = SignedDuration::from_secs(20);

/// The first wait after a failed run. Ours: short enough for a person who is watching.
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(10);

/// What the daemon can be asked before it has read it.
const ASKED_MAX: usize = 256;

fn length(text: &str) -> Result<SignedDuration, String> {
    let span: jiff::Span = text.trim().parse().map_err(|_| "not a length of time such as 90s or 10m".to_owned())?;
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    if length.is_negative() { Err("a length of time is not negative".to_owned()) } else { Ok(length) }
}

fn page(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
    let plain = matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.query().is_none();
    if plain {
        Ok(text.to_owned())
    } else {
        Err("write the page's address, such as https://tilgang.example.no".to_owned())
    }
}

impl Serve {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        match self.start(global).await {
            Ok(exit) | Err(exit) => exit,
        }
    }

    async fn start(&self, global: &Global) -> Result<Exit, Exit> {
        let usage = |words: &str| output::usage(global, words);
        let fail = |words: &dyn std::fmt::Display| output::fail(global, words);
        if self.interval.is_zero() || self.poll.is_zero() || self.run_timeout.is_zero() {
            return Err(usage("--interval, --poll and --run-timeout must be longer than nothing"));
        }
        if !self.listen.ip().is_loopback() && self.trust_header.is_none() {
            return Err(usage(&self.refused()));
        }
        let dir = match (&self.remote, &global.dir) {
            (Some(_), None) => None,
            _ => Some(workspace(global)?),
        };
        let folder = self.state_folder(dir.as_deref(), global)?;
        let mut signals = Signals::listen().map_err(|error| fail(&error))?;
        let (mut listen, mut probes) = (self.listen, self.probes);
        let leadership = match self.lease.stand().await.map_err(|error| fail(&error))? {
            None => None,
            Some(mut leadership) => {
                // Who stands by has no page, and answers where probes ask.
                let at = probes.as_mut().unwrap_or(&mut listen);
                let stood = lease::stand_by(&mut leadership, &mut signals, *at).await;
                let (stood, address) = stood.map_err(|error| fail(&format!("{at}: {error}")))?;
                if matches!(stood, Stood::Ended) {
                    lease::let_go(leadership).await;
                    return Ok(Exit::Converged);
                }
                *at = address;
                Some(leadership)
            }
        };
        let lock = match &leadership {
            None => hold(&folder),
            Some(_) => lease::patiently(|| hold(&folder)).await,
        };
        let lock = lock.map_err(|error| fail(&error))?;
        let follow = self.follow(dir.as_deref(), &folder).await.map_err(|error| fail(&error))?;
        if !self.heal.is_empty() && matches!(follow, Follow::Folder(_)) {
            return Err(usage("--heal needs a branch: name it with `--branch`, or the repository with `--remote`"));
        }
        let kept = Kept::new(&folder, state::NAME, state::VERSION);
        let state = match kept.read::<State>() {
            Found::Whole(state) => state,
            Found::Nothing => State::default(),
            Found::Broken(why) => {
                output::say(format_args!("note: {why}; what was known of drift begins anew"));
                State::default()
            }
        };
        let sockets = self.sockets(listen, probes).await.map_err(|error| fail(&error))?;
        let source = follow.source();
        let heal: BTreeSet<Heal> = self.heal.iter().copied().collect();
        // Beside a repository elsewhere there is no workspace on disk: a relative `ledger.dir` stands below the state folder.
        let below = dir.unwrap_or_else(|| folder.clone());
        let worker = Arc::new(Worker::new(global.clone(), below, follow, heal));
        let ground = Ground { folder: folder.clone(), page: self.external_url.clone(), ca_pem: global.ca_pem()? };
        let (telling, teller) = Telling::begin(ground, self.interval);
        let book = DayBook::open(&folder);
        let days = book.shared();
        let daemon = Daemon::new(self.settings(), worker, vec![teller, Box::new(book)], kept, state, self.once);
        let (asking, asked) = mpsc::channel(ASKED_MAX);
        let (stop, stopping) = watch::channel(false);
        let doors = Doors {
            events: environment::variable("TILGANG_EVENTS_SECRET").as_deref().map(Secret::new),
            admin: environment::variable("TILGANG_ADMIN_TOKEN").as_deref().map(Secret::new),
        };
        let app = App { board: daemon.board(), daemon: asking.clone(), doors: Arc::new(doors) };
        let open = router(app).merge(telling.routes(daemon.board()));
        let mut serving = Vec::new();
        for (listener, with_page) in sockets {
            let address = listener.local_addr().map_or(listen, |address| address);
            let what = if with_page { "listening" } else { "probes" };
            output::say(format_args!("watching {source}; {what} on http://{address}"));
            let pages = with_page.then(|| page::router(daemon.board(), days.clone(), self.guard(address)));
            let routes = pages.map_or_else(|| open.clone(), |pages| open.clone().merge(pages));
            serving.push(tokio::spawn(socket::serve(listener, routes, stopping.clone())));
        }
        drop(open);
        let watching = leadership.map(|it| tokio::spawn(lease::watch_over(it, asking.clone(), stop.subscribe())));
        let verdict = daemon.run(asked, signals).await;
        stop.send_replace(true);
        for serving in serving {
            let _ = serving.await;
        }
        telling.end(self.once).await; // before another may lead: what was told is theirs then
        drop((asking, lock)); // before another leads, which wants both
        if let Some(watching) = watching
            && let Ok((leadership, was_lost)) = watching.await
        {
            if was_lost {
                return Err(fail(&"the Lease was lost; a new process begins with what its new holder writes down"));
            }
            lease::let_go(leadership).await;
        }
        Ok(match verdict.filter(|_| self.once) {
            Some(verdict) => Exit::of_code(verdict.exit()),
            None if self.once => Exit::Failed,
            None => Exit::Converged,
        })
    }

    /// Why the page is not served there, and what to do.
    fn refused(&self) -> String {
        let port = self.listen.port();
        format!(
            "--listen {}: the web page says who can do what, and would be open to whoever reaches that address; listen on \
             127.0.0.1:{port}, or put a proxy before it that signs people in and name its header with `--trust-header`; for probes, \
             metrics and events alone there is `--probes {}`",
            self.listen, self.listen
        )
    }

    /// Who may read the page at this address. The name of --external-url leads there, too.
    fn guard(&self, address: SocketAddr) -> Guard {
        let url = self.external_url.as_deref().and_then(|url| reqwest::Url::parse(url).ok());
        let host = url.and_then(|url| url.host_str().map(str::to_owned));
        Guard { trusted: self.trust_header.clone(), host, loopback: address.ip().is_loopback() }
    }

    /// The sockets; whether the page is on each.
    async fn sockets(
        &self,
        listen: SocketAddr,
        probes: Option<SocketAddr>,
    ) -> Result<Vec<(TcpListener, bool)>, String> {
        let mut sockets = Vec::new();
        let wanted = [(Some(listen), true), (probes, false)];
        for (address, with_page) in wanted.into_iter().filter(|_| !self.once) {
            let Some(address) = address else { continue };
            let socket = socket::listen(address).await.map_err(|error| format!("{address}: {error}"))?;
            sockets.push((socket, with_page));
        }
        Ok(sockets)
    }

    fn settings(&self) -> Settings {
        Settings {
            interval: self.interval,
            jitter: self.jitter,
            run_timeout: self.run_timeout,
            ending: self.lease.ending(ENDING),
            poll: self.poll,
            settle: self.settle,
            retry_first: RETRY_FIRST,
            seed: environment::chance(),
            heals: !self.heal.is_empty(),
            leads: true,
        }
    }

    fn state_folder(&self, dir: Option<&Path>, global: &Global) -> Result<PathBuf, Exit> {
        let of_systemd = || environment::variable("STATE_DIRECTORY").map(PathBuf::from);
        let below = || dir.map(|dir| dir.join(".tilgang").join("serve"));
        let folder = self.state.clone().or_else(of_systemd).or_else(below);
        let folder = folder.ok_or_else(|| {
            output::usage(global, "with --remote it must be said where to keep what survives a restart: `--state DIR`")
        })?;
        let made = std::fs::create_dir_all(&folder).and_then(|()| folder.canonicalize());
        made.map_err(|error| output::fail(global, format_args!("{}: {error}", folder.display())))
    }

    async fn follow(&self, dir: Option<&Path>, state: &Path) -> Result<Follow, String> {
        let clone = clone_in(state);
        let patience = Duration::try_from(self.run_timeout).unwrap_or(Duration::MAX);
        Ok(match (&self.remote, &self.branch, dir) {
            (Some(source), branch, _) => Follow::Branch(Branch {
                source: on_disk(source),
                name: branch.clone().unwrap_or_else(|| "main".to_owned()),
                folder: self.folder.clone().unwrap_or_default(),
                clone,
                patience,
            }),
            (None, Some(branch), Some(dir)) => Follow::Branch(Branch::of_clone(dir, branch, clone, patience).await?),
            (None, _, dir) => Follow::Folder(dir.map(Path::to_owned).unwrap_or_default()),
        })
    }
}

/// A repository on this disk is meant from here, wherever git is asked; any other is left as it is written.
fn on_disk(source: &str) -> String {
    let real = Path::new(source).canonicalize().ok().filter(|real| real.is_dir());
    real.and_then(|real| real.into_os_string().into_string().ok()).unwrap_or_else(|| source.to_owned())
}

/// The folder, which may be a bare repository where a branch of it is followed.
fn workspace(global: &Global) -> Result<PathBuf, Exit> {
    let dir = global.find_dir()?;
    if dir.is_dir() { Ok(dir) } else { Err(output::fail(global, format_args!("{}: no such folder", dir.display()))) }
}

/// Keeps others out of a state folder for as long as it is held.
fn hold(folder: &Path) -> Result<File, String> {
    let path = folder.join("lock");
    let said = |error: std::io::Error| format!("{}: {error}", path.display());
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(said)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(format!("another `tilgang serve` keeps its state in {}: give each its own `--state`", folder.display()))
        }
        Err(TryLockError::Error(error)) => Err(said(error)),
    }
}
