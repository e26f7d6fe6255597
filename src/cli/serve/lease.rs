//! Leadership among replicas, for the daemon: one that holds a Lease works, the others stand by.
//!
//! In: the Lease's name, and who we are. Out: when this replica may begin, and when it must end. Before it leads it opens no state
//! folder and looks at nothing; it answers probes. One that lost the Lease ends what runs in good order, as at SIGTERM, and then
//! the process ends: a new one begins with what the new leader wrote down.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use clap::Args;
use jiff::SignedDuration;
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{http::Asked, length, socket};
use crate::{
    cli::{
        environment, output,
        signals::{Asked as Signal, Signals},
    },
    kubernetes::{Candidate, Leadership, Leases, Standing},
    lease::Terms,
};

/// For the release to be answered.
const RELEASE_WITHIN: Duration = Duration::from_secs(10);

/// Several replicas, of which one works.
#[derive(Debug, Args)]
pub(super) struct LeaseFlags {
    /// Work only while holding this Kubernetes Lease, as NAME or NAMESPACE/NAME: one of several replicas does
    #[arg(long, value_name = "NAME", env = "TILGANG_LEASE")]
    lease: Option<String>,
    /// After so long without a sign of the one that holds the Lease, another may; a leader without an answer gives up at half
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = length, env = "TILGANG_LEASE_DURATION")]
    lease_duration: SignedDuration,
}

/// What became of standing by.
pub(super) enum Stood {
    /// This replica leads.
    Leads,
    /// Somebody asked for the end.
    Ended,
}

impl LeaseFlags {
    /// How long a run may take to end: it must be over before another replica may lead.
    pub(super) fn ending(&self, at_most: SignedDuration) -> SignedDuration {
        if self.lease.is_some() { at_most.min(self.lease_duration / 3) } else { at_most }
    }

    /// Begins to stand, where a Lease is named.
    pub(super) async fn stand(&self) -> Result<Option<Leadership>, String> {
        let Some(name) = &self.lease else { return Ok(None) };
        let (renew, retry) = (self.lease_duration / 2, self.lease_duration / 12);
        let terms =
            Terms::new(self.lease_duration, renew, retry).map_err(|error| format!("--lease-duration: {error}"))?;
        let lease = Leases::from_environment(name, renew / 3).await.map_err(|error| error.to_string())?;
        // A pod that starts anew has its name again; it is another process, and must not take itself for the one before.
        let pod = environment::variable("POD_NAME").or_else(|| environment::variable("HOSTNAME"));
        let me = format!("{}_{:016x}", pod.unwrap_or_else(|| "tilgang".to_owned()), environment::chance());
        Ok(Some(Candidate { lease, me, terms, wall: environment::now }.stand()))
    }
}

/// Answers probes until this replica leads, or somebody asks for the end.
pub(super) async fn stand_by(
    leadership: &mut Leadership,
    signals: &mut Signals,
    listen: SocketAddr,
) -> std::io::Result<(Stood, SocketAddr)> {
    let listener = socket::listen(listen).await?;
    let address = listener.local_addr()?;
    output::say(format_args!("standing by until this replica leads; listening on http://{address}"));
    let (stop, stopping) = watch::channel(false);
    let (show, shown) = watch::channel(leadership.standing());
    let probes = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(shown)
        .fallback(|| async { (StatusCode::SERVICE_UNAVAILABLE, "another replica leads, and shows the page\n") });
    let serving = tokio::spawn(socket::serve(listener, probes, stopping));
    let mut told = Standing::default();
    let stood = loop {
        if leadership.holds() {
            break Stood::Leads;
        }
        tokio::select! {
            standing = leadership.changed() => {
                show.send_replace(standing.clone());
                tell(&mut told, standing);
            }
            signal = signals.next() => if matches!(signal, Signal::End) { break Stood::Ended },
        }
    };
    stop.send_replace(true);
    let _ = serving.await;
    Ok((stood, address))
}

/// Ready to lead: the Lease can be read.
async fn ready(State(shown): State<watch::Receiver<Standing>>) -> (StatusCode, String) {
    let standing = shown.borrow().clone();
    match (standing.trouble, standing.holder) {
        (Some(trouble), _) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {trouble}\n")),
        (None, Some(holder)) => (StatusCode::OK, format!("ready: {holder} leads\n")),
        (None, None) => (StatusCode::OK, "ready: nobody leads yet\n".to_owned()),
    }
}

/// Says who leads, once each.
fn tell(told: &mut Standing, standing: Standing) {
    if standing.holder != told.holder
        && let Some(holder) = &standing.holder
    {
        output::say(format_args!("{holder} holds the Lease"));
    }
    *told = standing;
}

/// Asks the daemon to end when this replica leads no longer. The leadership, and whether it was lost.
pub(super) async fn watch_over(
    mut leadership: Leadership,
    daemon: mpsc::Sender<Asked>,
    mut over: watch::Receiver<bool>,
) -> (Leadership, bool) {
    loop {
        if !leadership.holds() {
            output::say("this replica leads no longer: what runs is ended in good order");
            let _ = daemon.send(Asked::Leads(false)).await;
            let _ = daemon.send(Asked::Stop).await;
            return (leadership, true);
        }
        tokio::select! {
            _ = leadership.changed() => {}
            _ = over.wait_for(|over| *over) => return (leadership, false),
        }
    }
}

/// Lets go of the Lease, now that nothing runs any more: another may lead at once.
pub(super) async fn let_go(mut leadership: Leadership) {
    leadership.stop();
    leadership.ended();
    let done = async { while !leadership.standing().is_done && !leadership.changed().await.is_done {} };
    let _ = timeout(RELEASE_WITHIN, done).await;
}

/// Tries for a while: whoever led before may be on its way out.
pub(super) async fn patiently<T>(mut attempt: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    for _ in 0..20 {
        if let Ok(made) = attempt() {
            return Ok(made);
        }
        sleep(Duration::from_millis(500)).await;
    }
    attempt()
}
