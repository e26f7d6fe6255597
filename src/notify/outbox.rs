//! The outbox: which notice is next, and what becomes of it after an answer.
//!
//! For each channel and addressee there is a lane. In a lane at most one notice is under way; what comes up meanwhile gathers in
//! the one behind it, so an outbox never has more notices than lanes times three (a hurried one, a quiet one, a digest beside
//! the one under way), each with a bounded number of events.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::item::Event;

/// Events in one notice. Ours: more than anybody reads at once; what is more is counted.
pub(super) const EVENTS_MAX: usize = 500;
/// First wait after a failed delivery; doubles from here. Ours.
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(5);
/// Longest wait between two tries. Ours: an outage is over for at most this long before the channel hears of it.
const RETRY_MAX: SignedDuration = SignedDuration::from_mins(15);
/// Longest wait that a channel can ask for. Ours.
const ASKED_MAX: SignedDuration = SignedDuration::from_hours(6);
/// How long a notice is tried for. Ours: a long weekend.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(4 * 24);
/// How many notices that are done are remembered, for the page and for people who ask.
const DONE_KEPT: usize = 100;
/// Namespace of the ids of notices. Fixed: an id that is in an outbox stays.
const NAMESPACE: Uuid = Uuid::from_u128(0x7469_6c67_616e_4767_8e07_1fce_0a1d_3b55);

/// What a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What changed.
    Changes,
    /// What is open.
    Digest,
    /// A run succeeded.
    Alive,
    /// Somebody tries the channel.
    Test,
}

impl Kind {
    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Digest => "digest",
            Self::Alive => "alive",
            Self::Test => "test",
        }
    }
}

/// One message for one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Stays the same however often it is sent: who receives it twice can tell.
    pub id: Uuid,
    /// Through which channel.
    pub channel: String,
    /// To whom, where the channel leads to several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// When it was made.
    pub made: Timestamp,
    /// The run that it is about, the last one where several are.
    pub run: u64,
    /// What it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// How many more there are than it holds.
    #[serde(default)]
    pub left_out: usize,
}

impl Notice {
    /// A new one. The number is its place among all that were ever made.
    pub(super) fn new(number: u64, channel: &str, to: Option<&str>, kind: Kind, made: Timestamp, run: u64) -> Self {
        // The time is part of it: a memory that is lost counts anew, and must not take an id that was used.
        let name = format!("{channel}|{}|{}|{made}|{number}", to.unwrap_or_default(), kind.word());
        let id = Uuid::new_v5(&NAMESPACE, name.as_bytes());
        let (channel, to) = (channel.to_owned(), to.map(str::to_owned));
        Self { id, channel, to, kind, made, run, events: Vec::new(), left_out: 0 }
    }

    /// One to try a channel with.
    #[must_use]
    pub fn test(channel: &str, to: Option<&str>, made: Timestamp) -> Self {
        Self::new(0, channel, to, Kind::Test, made, 0)
    }

    /// Takes in more, as far as there is room.
    pub(super) fn add(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            if self.events.len() < EVENTS_MAX {
                self.events.push(event);
            } else {
                self.left_out += 1;
            }
        }
    }
}

/// A notice that was not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The notice.
    pub notice: Notice,
    /// Not before this.
    pub due: Timestamp,
    /// How often it was sent.
    pub tries: u32,
    /// When it was sent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_try: Option<Timestamp>,
    /// What came of the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a channel answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has it.
    Taken,
    /// Not now: a later try may do better.
    Later {
        /// How long it asked us to wait.
        after: Option<SignedDuration>,
        /// What went wrong.
        why: String,
    },
    /// Not like this, and no later try will do better.
    Refused {
        /// What went wrong.
        why: String,
    },
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The channel has it.
    Sent,
    /// It is tried again.
    Retried,
    /// The channel will not have it.
    Refused,
    /// It was tried for long enough.
    GivenUp,
    /// Its channel is gone from `tilgang.yaml`, or a newer one took its place.
    Dropped,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &[Self] = &[Self::Sent, Self::Retried, Self::Refused, Self::GivenUp, Self::Dropped];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retried => "retried",
            Self::Refused => "refused",
            Self::GivenUp => "given-up",
            Self::Dropped => "dropped",
        }
    }
}

/// A notice that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its id.
    pub id: Uuid,
    /// Its channel.
    pub channel: String,
    /// What it was.
    pub kind: Kind,
    /// When it was done.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// How many events it told.
    pub events: usize,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Notices that were not answered yet, in the order in which they were made; and the last ones that were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outbox {
    pub(super) pending: Vec<Pending>,
    #[serde(default)]
    pub(super) done: Vec<Done>,
    /// How many notices were ever made.
    pub(super) made: u64,
}

/// A lane: what goes through it goes one after the other. A sign of life waits for nobody.
type Lane<'a> = (&'a str, Option<&'a str>, bool);

fn lane(notice: &Notice) -> Lane<'_> {
    (&notice.channel, notice.to.as_deref(), notice.kind == Kind::Alive)
}

impl Outbox {
    /// Puts events into the notice that gathers them, or into a new one.
    pub(super) fn post(
        &mut self,
        to: (&str, Option<&str>),
        kind: Kind,
        (now, due, run): (Timestamp, Timestamp, u64),
        events: Vec<Event>,
    ) {
        let gathers = |it: &&mut Pending| {
            let same = it.notice.kind == kind && it.notice.channel == to.0 && it.notice.to.as_deref() == to.1;
            // What was sent once says the same for ever, under its id.
            same && it.tries == 0 && (it.due > now) == (due > now)
        };
        let gathering = if kind == Kind::Changes { self.pending.iter_mut().find(gathers) } else { None };
        if let Some(waiting) = gathering {
            waiting.notice.run = run;
            waiting.notice.add(events);
            return;
        }
        if matches!(kind, Kind::Alive | Kind::Digest) {
            self.replace(to, kind, now);
        }
        self.made += 1;
        let mut notice = Notice::new(self.made, to.0, to.1, kind, now, run);
        notice.add(events);
        self.pending.push(Pending { notice, due, tries: 0, first_try: None, why: None });
    }

    /// An older sign of life, or an older digest that nobody saw, says nothing beside a newer one.
    fn replace(&mut self, to: (&str, Option<&str>), kind: Kind, now: Timestamp) {
        let old = |it: &Pending| {
            let same = it.notice.kind == kind && it.notice.channel == to.0 && it.notice.to.as_deref() == to.1;
            same && (it.tries == 0 || kind == Kind::Alive)
        };
        let stale: Vec<Uuid> = self.pending.iter().filter(|it| old(it)).map(|it| it.notice.id).collect();
        for id in stale {
            self.finish(id, now, Outcome::Dropped, Some("a newer one took its place".to_owned()));
        }
    }

    /// The first notice of each lane that is due, none where one waits for its next try. `held`: what may not go now.
    pub(super) fn due(&self, now: Timestamp, held: impl Fn(&Notice) -> bool) -> Vec<Uuid> {
        let mut taken: BTreeSet<Lane<'_>> =
            self.pending.iter().filter(|it| it.tries > 0 && it.due > now).map(|it| lane(&it.notice)).collect();
        let (tried, fresh): (Vec<&Pending>, Vec<&Pending>) = self.pending.iter().partition(|it| it.tries > 0);
        let due = tried.into_iter().chain(fresh).filter(|it| it.due <= now);
        due.filter(|it| !held(&it.notice)).filter(|it| taken.insert(lane(&it.notice))).map(|it| it.notice.id).collect()
    }

    /// When something is due next, in lanes where nothing is under way. `when`: what a due time comes to.
    pub(super) fn next(&self, under_way: &BTreeSet<Uuid>, when: impl Fn(&Pending) -> Timestamp) -> Option<Timestamp> {
        let busy = |it: &&Pending| under_way.contains(&it.notice.id);
        let mut taken: BTreeSet<Lane<'_>> = self.pending.iter().filter(busy).map(|it| lane(&it.notice)).collect();
        let (tried, fresh): (Vec<&Pending>, Vec<&Pending>) = self.pending.iter().partition(|it| it.tries > 0);
        let tried: Vec<&Pending> = tried.into_iter().filter(|it| taken.insert(lane(&it.notice))).collect();
        let fresh = fresh.into_iter().filter(|it| !taken.contains(&lane(&it.notice)));
        tried.iter().copied().chain(fresh).map(when).min()
    }

    /// A notice is about to be sent: from here on it says the same for ever.
    pub(super) fn begin(&mut self, id: Uuid, now: Timestamp) -> Option<Notice> {
        let pending = self.pending.iter_mut().find(|it| it.notice.id == id)?;
        pending.tries = pending.tries.saturating_add(1);
        pending.first_try.get_or_insert(now);
        Some(pending.notice.clone())
    }

    /// What its channel answered.
    pub(super) fn answered(&mut self, id: Uuid, now: Timestamp, answer: Answer) -> Option<Outcome> {
        let pending = self.pending.iter_mut().find(|it| it.notice.id == id)?;
        match answer {
            Answer::Taken => Some(self.finish(id, now, Outcome::Sent, None)),
            Answer::Refused { why } => Some(self.finish(id, now, Outcome::Refused, Some(why))),
            Answer::Later { after, why } => {
                let tried = now.duration_since(pending.first_try.unwrap_or(now));
                if tried >= TRIED_FOR {
                    return Some(self.finish(id, now, Outcome::GivenUp, Some(why)));
                }
                let wait = backoff(pending.notice.id, pending.tries).max(after.unwrap_or_default().min(ASKED_MAX));
                pending.due = now.saturating_add(wait).unwrap_or(now);
                pending.why = Some(why);
                Some(Outcome::Retried)
            }
        }
    }

    /// Takes out what leads nowhere any more.
    pub(super) fn keep(&mut self, now: Timestamp, leads: impl Fn(&Notice) -> bool) {
        let lost: Vec<Uuid> = self.pending.iter().filter(|it| !leads(&it.notice)).map(|it| it.notice.id).collect();
        for id in lost {
            self.finish(id, now, Outcome::Dropped, Some("its channel is gone from `tilgang.yaml`".to_owned()));
        }
    }

    fn finish(&mut self, id: Uuid, at: Timestamp, outcome: Outcome, why: Option<String>) -> Outcome {
        if let Some(place) = self.pending.iter().position(|it| it.notice.id == id) {
            let Pending { notice, .. } = self.pending.remove(place);
            let Notice { id, channel, kind, events, left_out, .. } = notice;
            if kind != Kind::Alive || outcome != Outcome::Sent && outcome != Outcome::Dropped {
                self.done.push(Done { id, channel, kind, at, outcome, events: events.len() + left_out, why });
            }
        }
        let surplus = self.done.len().saturating_sub(DONE_KEPT);
        self.done.drain(..surplus);
        outcome
    }
}

/// Doubles with each try up to a bound, and differs between notices, so that they do not all come back at once.
fn backoff(id: Uuid, tries: u32) -> SignedDuration {
    let doubled = RETRY_FIRST.as_secs().saturating_mul(1 << tries.saturating_sub(1).min(16));
    let whole = doubled.min(RETRY_MAX.as_secs());
    let share = i64::from(id.as_fields().0 % 500);
    SignedDuration::from_millis(whole.saturating_mul(500 + share))
}
