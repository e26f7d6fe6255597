//! Which of several replicas leads: events in, commands out. Time is an argument, twice: a clock of this process that never
//! steps back decides, and the wall clock is only written down for people. Never two leaders at once.
//!
//! The rules are those of client-go's `tools/leaderelection` (its package comment: a client acts on timestamps captured
//! locally, so it tolerates any clock skew, but not any skew *rate*; the ratio of lease to renew deadline is the rate that
//! it tolerates), on a `coordination.k8s.io/v1` Lease. Three things are stricter here:
//!
//! - a leader counts its renewal from when it *asked*, not from when the answer came: an answer may be long on its way;
//! - a Lease that nobody has held yet (no `renewTime`) is free only after a whole lease: whoever deletes the Lease under a
//!   leader, and lets it be made anew, does not make a second leader. So the very first leader takes a lease to come;
//! - after a loss, what leadership allowed must have ended before this replica stands again.
//!
//! What no lease can do (client-go says the same): a process that is frozen between its last look at the clock and its
//! write to Azure writes late. That write is one that was decided while leading, and repeating it is harmless (promise 1).

mod record;
mod terms;

use jiff::{SignedDuration, Timestamp};

pub use self::{
    record::{Record, Seen},
    terms::{Terms, TermsError},
};

/// When something is, on the clock of one process: since it began. Never compared with another process's.
pub type Moment = SignedDuration;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time went by: the moment that [`Elector::wake`] named has come.
    Tick,
    /// The answer to [`Command::Read`]; `None` where there is no such Lease.
    Read(Result<Option<Seen>, Failure>),
    /// The answer to [`Command::Create`] or [`Command::Update`]: the Lease as it is written now.
    Wrote(Result<Seen, Failure>),
    /// Somebody wants this process to end.
    Stop,
    /// What leadership allowed has ended, in good order.
    Ended,
}

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Somebody else wrote first: 409, or there is nothing to write to any more (404).
    Conflict,
    /// Not answered, or not as it should be. A write may have been done all the same, or may be done later.
    Unclear {
        /// How long the server asks us to wait, if it does.
        wait: Option<SignedDuration>,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read the Lease.
    Read,
    /// Make it, if there is none: held by nobody.
    Create(Record),
    /// Write it, if it still is at this version.
    Update {
        /// What it shall say.
        record: Record,
        /// The `resourceVersion` that must still hold.
        version: String,
    },
    /// This replica leads until then, unless told anew. Not a moment longer, whatever else happens.
    Lead {
        /// The end, by this process's clock.
        until: Moment,
    },
    /// This replica leads no longer, or shall end: end what leadership allowed, and say [`Event::Ended`].
    Yield,
    /// Nothing is left to do: the process may end.
    Done,
}

/// What a request under way is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Look,
    Hold,
    Release,
}

/// One replica's view of who leads.
#[derive(Debug)]
pub struct Elector {
    me: String,
    terms: Terms,
    /// The Lease when last seen (`None`: there was none), and since when it has been so; nothing before the first look.
    seen: Option<Seen>,
    unchanged_since: Option<Moment>,
    /// Whether no write of ours may have changed it since.
    is_fresh: bool,
    /// Until when we lead.
    until: Option<Moment>,
    /// The request under way, and when it was asked for. One at a time.
    asked: Option<(Purpose, Moment)>,
    /// When the next request is due.
    next: Moment,
    /// Whether something may still run that leadership allowed.
    is_working: bool,
    phase: Phase,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Standing,
    Stopping,
    Done,
}

impl Elector {
    /// A replica that has seen nothing yet. `me` must be no other process's name, not even of the one before in this pod.
    #[must_use]
    pub fn new(me: String, terms: Terms, now: Moment) -> Self {
        Self {
            me,
            terms,
            seen: None,
            unchanged_since: None,
            is_fresh: false,
            until: None,
            asked: None,
            next: now,
            is_working: false,
            phase: Phase::Standing,
        }
    }

    /// Whether this replica leads at this moment.
    #[must_use]
    pub fn leads(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Who holds the Lease, as far as is known.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.seen.as_ref().and_then(|seen| seen.record.holder.as_deref()).filter(|holder| !holder.is_empty())
    }

    /// When to say [`Event::Tick`] next, if nothing happens before. `None`: only an answer or a word can go on.
    #[must_use]
    pub fn wake(&self) -> Option<Moment> {
        let next = (self.asked.is_none() && !self.is_resting()).then_some(self.next);
        self.until.into_iter().chain(next).min()
    }

    /// What follows from an event. `wall` is only written down.
    pub fn handle(&mut self, now: Moment, wall: Timestamp, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.phase == Phase::Done {
            return commands;
        }
        if self.until.is_some_and(|until| until <= now) {
            self.lose(&mut commands);
        }
        match event {
            Event::Tick => {}
            Event::Read(answer) => {
                self.asked = None;
                match answer {
                    Ok(seen) => self.read(now, wall, seen, &mut commands),
                    Err(failure) => self.failed(now, &failure),
                }
            }
            Event::Wrote(answer) => match (self.asked.take(), answer) {
                (Some((Purpose::Release, _)), _) => self.phase = Phase::Done, // if it failed, the others wait as after a death
                (asked, Ok(seen)) => self.wrote(now, asked, seen, &mut commands),
                (_, Err(failure)) => {
                    self.is_fresh = false;
                    self.failed(now, &failure);
                }
            },
            Event::Stop => {
                if !self.is_stopping() && self.is_working && self.until.is_some() {
                    commands.push(Command::Yield);
                }
                self.phase = Phase::Stopping;
            }
            // Said while leading it is a slip: there may be work, and a loss must end it.
            Event::Ended => self.is_working &= self.until.is_some() && !self.is_stopping(),
        }
        self.go_on(now, wall, &mut commands);
        commands
    }

    /// Decides what a look at the Lease allows.
    fn read(&mut self, now: Moment, wall: Timestamp, seen: Option<Seen>, commands: &mut Vec<Command>) {
        self.note(now, seen);
        self.next = now + self.terms.retry();
        if self.until.is_some() && !self.is_mine() {
            self.lose(commands);
        }
        if self.is_resting() || (self.is_stopping() && self.until.is_none()) || !self.may_hold(now) {
            return;
        }
        if self.is_stopping() && !self.is_working {
            return; // it is released instead
        }
        if let Some(seen) = self.seen.clone() {
            self.hold(now, wall, seen, commands);
        } else {
            self.asked = Some((Purpose::Look, now));
            commands.push(Command::Create(Record::default()));
        }
    }

    /// A write came through: the Lease is ours, from when we asked for it.
    fn wrote(&mut self, now: Moment, asked: Option<(Purpose, Moment)>, seen: Seen, commands: &mut Vec<Command>) {
        self.note(now, Some(seen));
        self.next = now + self.terms.retry();
        let Some((_, at)) = asked else { return };
        let until = at + self.terms.renew();
        if !self.is_mine() || until <= now || self.is_resting() {
            return; // too late to lead by; or leading begins anew only after the old has ended
        }
        self.until = Some(until);
        if !self.is_stopping() {
            self.is_working = true;
            commands.push(Command::Lead { until });
        }
    }

    fn failed(&mut self, now: Moment, failure: &Failure) {
        let wait = match failure {
            Failure::Conflict => self.terms.retry() / 5, // look soon who it was
            Failure::Unclear { wait } => wait.unwrap_or_default().clamp(self.terms.retry(), self.terms.lease()),
        };
        self.next = now + wait;
    }

    fn lose(&mut self, commands: &mut Vec<Command>) {
        self.until = None;
        if self.is_working && !self.is_stopping() {
            commands.push(Command::Yield); // at `Stop` it was said already
        }
    }

    /// Notes what the Lease is, and since when. Only *that* it changed counts, never which times it bears.
    fn note(&mut self, now: Moment, seen: Option<Seen>) {
        if self.unchanged_since.is_none() || self.seen != seen {
            self.unchanged_since = Some(now);
        }
        self.seen = seen;
        self.is_fresh = true;
    }

    /// Sends the next request, if one is due and none is under way.
    fn go_on(&mut self, now: Moment, wall: Timestamp, commands: &mut Vec<Command>) {
        if self.is_stopping() && !self.is_working && self.asked.is_none() {
            match self.seen.clone() {
                _ if self.until.is_none() => self.phase = Phase::Done,
                Some(Seen { record, version }) if self.is_fresh && self.is_mine() => {
                    self.until = None; // before it is sent: whoever sees it leads at once
                    self.asked = Some((Purpose::Release, now));
                    // As client-go releases: nobody holds it, and its duration is a second.
                    let record = Record { holder: None, lease_seconds: Some(1), renewed: Some(wall), ..record };
                    commands.push(Command::Update { record, version });
                    return;
                }
                _ => {} // a write of ours is unclear: look first
            }
        }
        if self.phase == Phase::Done {
            commands.push(Command::Done);
            return;
        }
        if self.asked.is_some() || now < self.next || self.is_resting() {
            return;
        }
        // A leader writes without a look: the version says whether anybody else wrote.
        if let Some(seen) = self.seen.clone()
            && self.until.is_some()
            && self.is_mine()
            && self.is_fresh
        {
            return self.hold(now, wall, seen, commands);
        }
        self.asked = Some((Purpose::Look, now));
        commands.push(Command::Read);
    }

    /// Asks to hold the Lease, for the first time or longer.
    fn hold(&mut self, now: Moment, wall: Timestamp, seen: Seen, commands: &mut Vec<Command>) {
        let is_mine = self.is_mine();
        let Seen { record: seen, version } = seen;
        let record = Record {
            holder: Some(self.me.clone()),
            lease_seconds: Some(self.terms.seconds()),
            acquired: if is_mine { seen.acquired.or(Some(wall)) } else { Some(wall) },
            renewed: Some(wall),
            transitions: seen.transitions.saturating_add(i32::from(!is_mine)),
        };
        self.asked = Some((Purpose::Hold, now));
        commands.push(Command::Update { record, version });
    }

    fn is_stopping(&self) -> bool {
        self.phase != Phase::Standing
    }

    fn is_mine(&self) -> bool {
        self.holder() == Some(self.me.as_str())
    }

    /// Whether what was leading before has yet to end: until then this replica does not stand.
    fn is_resting(&self) -> bool {
        self.is_working && self.until.is_none()
    }

    /// Whether the Lease, just read, may be ours; or made, if there is none.
    fn may_hold(&self, now: Moment) -> bool {
        let Some(Seen { record, .. }) = &self.seen else { return true };
        let theirs = SignedDuration::from_secs(i64::from(record.lease_seconds.unwrap_or_default()));
        let lease = self.terms.lease().max(theirs);
        let is_over = self.unchanged_since.is_some_and(|since| now >= since + lease);
        let is_let_go = self.holder().is_none() && record.renewed.is_some();
        self.is_mine() || is_let_go || is_over
    }
}
