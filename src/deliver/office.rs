//! The post office: what a run found comes in, notices go out side by side, each noted before and after it is sent.
//!
//! A run only waits for the note of what it found. Sending is a task of its own: a channel that is slow or down holds up nothing
//! but itself.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify as Bell;
use uuid::Uuid;

use super::{
    courier::Courier,
    store::{Store, StoreError},
};
use crate::notify::{Answer, Done, Found, Memory, Outcome, Pending, Routes};

/// Longest sleep: a clock that was set, or a machine that slept, is noticed after this.
const SLEEP_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Shortest: a disk that takes no notes is not asked all the time.
const SLEEP_MIN: SignedDuration = SignedDuration::from_millis(50);

/// Who is told what became of each try: by channel.
pub trait Pulse: Send + Sync {
    /// A notice of this channel came to this.
    fn notice(&self, channel: &str, outcome: Outcome);
}

impl Pulse for () {
    fn notice(&self, _: &str, _: Outcome) {}
}

/// The post office.
pub struct Office {
    desk: Mutex<Desk>,
    bell: Bell,
    pulse: Arc<dyn Pulse>,
}

struct Desk {
    memory: Memory,
    store: Store,
    routes: Arc<Routes>,
    courier: Arc<Courier>,
    /// Why the last note could not be kept.
    unkept: Option<String>,
}

impl Desk {
    fn keep(&mut self) -> Result<(), StoreError> {
        let kept = self.store.keep(&self.memory);
        self.unkept = kept.as_ref().err().map(ToString::to_string);
        kept
    }
}

impl Office {
    /// Opens with what was told so far.
    #[must_use]
    pub fn new(store: Store, memory: Memory, routes: Routes, courier: Courier, pulse: Arc<dyn Pulse>) -> Arc<Self> {
        let desk = Desk { memory, store, routes: Arc::new(routes), courier: Arc::new(courier), unkept: None };
        Arc::new(Self { desk: Mutex::new(desk), bell: Bell::new(), pulse })
    }

    /// Other channels from here on: `tilgang.yaml` or a secret changed.
    pub fn reroute(&self, routes: Routes, courier: Courier) {
        let mut desk = self.desk();
        (desk.routes, desk.courier) = (Arc::new(routes), Arc::new(courier));
        drop(desk);
        self.bell.notify_one();
    }

    /// A run found this. What it means for each channel is noted before this returns; sending it is not waited for.
    ///
    /// # Errors
    /// If it cannot be noted: nothing is sent that is not noted, and the next run tries again.
    pub fn heard(&self, found: &Found) -> Result<(), StoreError> {
        let mut desk = self.desk();
        let (mut memory, routes) = (desk.memory.clone(), desk.routes.clone());
        if memory.heard(found, &routes) {
            let before = std::mem::replace(&mut desk.memory, memory);
            if let Err(error) = desk.keep() {
                desk.memory = before;
                return Err(error);
            }
        }
        drop(desk);
        self.bell.notify_one();
        Ok(())
    }

    /// Sends what is due at this time, all channels side by side, and waits for the answers: how many have it now.
    pub async fn deliver(&self, now: Timestamp) -> usize {
        let due = self.due(now);
        let sends = due.into_iter().map(|id| self.send(id, || now));
        futures::future::join_all(sends).await.into_iter().filter(|outcome| *outcome == Some(Outcome::Sent)).count()
    }

    /// What is due; digests are made first.
    fn due(&self, now: Timestamp) -> Vec<Uuid> {
        let mut desk = self.desk();
        let (mut memory, routes) = (desk.memory.clone(), desk.routes.clone());
        if memory.tick(&routes, now) {
            let before = std::mem::replace(&mut desk.memory, memory);
            if let Err(error) = desk.keep() {
                tracing::error!(%error, "no notice is sent while none can be noted");
                desk.memory = before;
                return Vec::new();
            }
        }
        desk.memory.due(&routes, now)
    }

    async fn send(&self, id: Uuid, clock: impl Fn() -> Timestamp) -> Option<Outcome> {
        let now = clock();
        let (notice, courier) = {
            let mut desk = self.desk();
            let notice = desk.memory.begin(id, now)?;
            // Nothing is sent that is not noted: it would be sent again after a restart, with another content.
            if let Err(error) = desk.keep() {
                tracing::error!(channel = notice.channel, %error, "a notice waits: that it is sent cannot be noted");
                desk.memory.answered(id, now, Answer::Later { after: None, why: error.to_string() });
                return None;
            }
            (notice, desk.courier.clone())
        };
        let answer = courier.send(&notice, now).await;
        match &answer {
            Answer::Taken => tracing::info!(channel = notice.channel, id = %notice.id, "a notice was sent"),
            Answer::Later { why, .. } => {
                tracing::warn!(channel = notice.channel, id = %notice.id, why, "a notice could not be sent, and is tried again");
            }
            Answer::Refused { why } => {
                tracing::error!(channel = notice.channel, id = %notice.id, why, "a notice was refused, and is not tried again");
            }
        }
        let mut desk = self.desk();
        let outcome = desk.memory.answered(id, clock(), answer);
        if let Err(error) = desk.keep() {
            tracing::error!(channel = notice.channel, %error, "what became of a notice cannot be noted: it may be sent again");
        }
        drop(desk);
        if outcome == Some(Outcome::GivenUp) {
            tracing::error!(channel = notice.channel, id = %notice.id, "a notice was tried for long enough, and is given up");
        }
        if let Some(outcome) = outcome {
            self.pulse.notice(&notice.channel, outcome);
        }
        outcome
    }

    /// Sends what is due, for ever; `clock` tells the time. End it by dropping it: what was under way then is sent again, under
    /// the same id.
    pub async fn run(&self, clock: impl Fn() -> Timestamp + Copy) {
        let (mut sends, mut under_way) = (FuturesUnordered::new(), BTreeSet::new());
        loop {
            for id in self.due(clock()) {
                if under_way.insert(id) {
                    sends.push(async move { (id, self.send(id, clock).await) });
                }
            }
            let wake = {
                let desk = self.desk();
                desk.memory.wake(&desk.routes, clock(), &under_way)
            };
            let wait = wake.map_or(SLEEP_MAX, |at| at.duration_since(clock()).clamp(SLEEP_MIN, SLEEP_MAX));
            tokio::select! {
                Some((id, _)) = sends.next() => {
                    under_way.remove(&id);
                }
                () = tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()) => {}
                () = self.bell.notified() => {}
            }
        }
    }

    /// What was not answered yet, and the last that was: for the page and for metrics.
    #[must_use]
    pub fn ledger(&self) -> (Vec<Pending>, Vec<Done>) {
        let desk = self.desk();
        (desk.memory.pending().to_vec(), desk.memory.done().to_vec())
    }

    /// The channels that there are.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.desk().routes.notify.channels.iter().map(|channel| channel.name.clone()).collect()
    }

    /// Why the last note could not be kept, if it could not.
    #[must_use]
    pub fn unkept(&self) -> Option<String> {
        self.desk().unkept.clone()
    }

    /// Whoever panicked with the desk open left it whole: each change of it is one assignment.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}
