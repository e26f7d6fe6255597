//! The loop around an elector: answers, words and the clock go in, requests go out, and everybody may see who leads.

use std::{future, pin::Pin};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::Leases;
use crate::lease::{Command, Elector, Event, Moment, Terms};

/// Who leads, as this replica knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Until when this replica leads, if it does and is not told to end.
    pub until: Option<Instant>,
    /// Who holds the Lease, as far as is known.
    pub holder: Option<String>,
    /// What went wrong with the last request, if it did.
    pub trouble: Option<String>,
    /// The Lease is let go of: the process may end.
    pub is_done: bool,
}

/// A replica that wants to lead.
#[derive(Debug)]
pub struct Candidate {
    /// The Lease it is about.
    pub lease: Leases,
    /// This process: no other has its name, not even the one before in the same pod.
    pub me: String,
    /// How long everything lasts.
    pub terms: Terms,
    /// The wall clock; only written down.
    pub wall: fn() -> Timestamp,
}

/// A replica's leadership, for whoever acts on it.
#[derive(Debug)]
pub struct Leadership {
    standing: watch::Receiver<Standing>,
    words: mpsc::UnboundedSender<Event>,
}

impl Leadership {
    /// Whether this replica leads now. Asked before each write: the clock decides, not whether a message came through.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.standing.borrow().until.is_some_and(|until| Instant::now() < until)
    }

    /// How things stand.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Until how things stand has changed.
    pub async fn changed(&mut self) -> Standing {
        if self.standing.changed().await.is_err() {
            return Standing { is_done: true, ..Standing::default() };
        }
        self.standing.borrow_and_update().clone()
    }

    /// What leadership allowed has ended. Said once after each loss, and after [`Leadership::stop`].
    pub fn ended(&self) {
        let _ = self.words.send(Event::Ended);
    }

    /// This process shall end: whoever leads ends its work, says [`Leadership::ended`], and the Lease is let go of.
    pub fn stop(&self) {
        let _ = self.words.send(Event::Stop);
    }
}

impl Candidate {
    /// Begins to stand, in the background of the runtime.
    #[must_use]
    pub fn stand(self) -> Leadership {
        let (shown, standing) = watch::channel(Standing::default());
        let (words, heard) = mpsc::unbounded_channel();
        tokio::spawn(self.run(shown, heard));
        Leadership { standing, words }
    }

    async fn run(self, shown: watch::Sender<Standing>, mut heard: mpsc::UnboundedReceiver<Event>) {
        type Asked<'a> = Pin<Box<dyn Future<Output = (Event, Option<String>)> + Send + 'a>>;
        let began = Instant::now();
        let moment = || SignedDuration::try_from(began.elapsed()).unwrap_or(SignedDuration::MAX);
        let instant = |moment: Moment| began + moment.try_into().unwrap_or_default();
        let mut elector = Elector::new(self.me.clone(), self.terms, moment());
        let mut asked: Option<Asked<'_>> = None;
        let mut event = Event::Tick;
        loop {
            for command in elector.handle(moment(), (self.wall)(), event) {
                match command {
                    Command::Lead { until } => shown.send_modify(|standing| {
                        if standing.until.is_none() {
                            tracing::info!(me = self.me, "this replica leads now");
                        }
                        standing.until = Some(instant(until));
                    }),
                    Command::Yield => shown.send_modify(|standing| {
                        tracing::info!(me = self.me, "this replica leads no longer");
                        standing.until = None;
                    }),
                    Command::Done => {
                        shown.send_modify(|standing| standing.is_done = true);
                        return;
                    }
                    command @ (Command::Read | Command::Create(_) | Command::Update { .. }) => {
                        asked = Some(Box::pin(self.lease.carry_out(command)));
                    }
                }
            }
            let holder = elector.holder();
            shown.send_if_modified(|standing| {
                let changed = standing.holder.as_deref() != holder;
                standing.holder = holder.map(str::to_owned);
                changed
            });
            let wake = elector.wake().map(instant);
            event = tokio::select! {
                (event, trouble) = answer(&mut asked) => {
                    asked = None;
                    if let Some(trouble) = &trouble && shown.borrow().trouble.as_ref() != Some(trouble) {
                        tracing::warn!("{trouble}");
                    }
                    shown.send_if_modified(|standing| {
                        let changed = standing.trouble != trouble;
                        standing.trouble = trouble;
                        changed
                    });
                    event
                }
                word = heard.recv() => match word {
                    Some(word) => word,
                    None => return, // nobody is left to act on it: as after a death
                },
                () = pause(wake) => Event::Tick,
            };
        }
    }
}

async fn answer<T>(asked: &mut Option<impl Future<Output = T> + Unpin>) -> T {
    match asked {
        Some(asked) => asked.await,
        None => future::pending().await,
    }
}

async fn pause(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => future::pending().await,
    }
}
