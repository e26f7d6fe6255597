//! At Azure's pace: each request waits until its bucket has room, so that hardly one is refused.
//!
//! A request comes in, its turn comes out, in the order of asking ([`Pacer::turn`]); what its answer says goes back in
//! ([`Turn::heard`]). What is believed of a bucket is `bucket`'s, a pure state machine; which bucket a request takes from, and
//! what its answer tells, is `headers`'. Who is told to wait holds back all who would take from the same bucket.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use azure_core::http::headers::Headers;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

pub(crate) use self::headers::Key;
use self::{
    bucket::{Bucket, Heard, Say, Ticket},
    headers::{quota, remaining},
};
use crate::model::trouble::{Trouble, TroubleKind};

mod bucket;
mod headers;
#[cfg(test)]
mod tests;

/// How often it is said that a bucket is waited for.
const SAID_EVERY: Duration = Duration::from_secs(30);

/// All buckets of one identity.
#[derive(Debug)]
pub(crate) struct Pacer {
    started: Instant,
    /// The longest closing that is waited for.
    patience: Duration,
    queues: Mutex<BTreeMap<Key, Arc<Queue>>>,
}

/// Those who wait for one bucket.
#[derive(Debug)]
struct Queue {
    key: Key,
    /// Held by whoever is next. Tokio's is fair: first come, first served.
    next: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
    changed: Notify,
    waits: Mutex<Option<Wait>>,
    /// What was said last, and when.
    said: Mutex<Option<(bool, Instant)>>,
}

/// What whoever is next waits for.
#[derive(Clone, Copy, Debug)]
struct Wait {
    until: Instant,
    /// Whether Azure asked for it.
    asked: bool,
}

/// The turn of one request.
#[derive(Debug)]
pub(crate) struct Turn {
    queue: Arc<Queue>,
    ticket: Ticket,
    started: Instant,
}

impl Pacer {
    /// Nothing asked yet. A closing longer than `patience` is not waited for.
    pub(crate) fn new(patience: Duration) -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), patience, queues: Mutex::default() })
    }

    /// Waits until a request of this kind may go, and until there is `room` to send it.
    pub(crate) async fn turn(&self, key: Key, room: impl Future<Output = ()>) -> Result<Turn, Trouble> {
        let queue = self.queue(key);
        let _next = queue.next.lock().await;
        room.await;
        loop {
            let say = locked(&queue.bucket).ask(self.started.elapsed());
            let (wait, asked) = match say {
                Say::Go(ticket) => {
                    *locked(&queue.waits) = None;
                    return Ok(Turn { queue: queue.clone(), ticket, started: self.started });
                }
                Say::Closed(wait) if wait > self.patience => {
                    *locked(&queue.waits) = None;
                    return Err(closed(&queue.key, wait));
                }
                Say::Closed(wait) => (wait, true),
                Say::Wait(wait) => (wait, false),
            };
            queue.note(Wait { until: Instant::now() + wait, asked });
            tokio::select! {
                () = sleep(wait) => {}
                () = queue.changed.notified() => {}
            }
        }
    }

    /// Nobody asks for this kind before so long: told elsewhere than in an answer's own headers.
    pub(crate) fn close(&self, key: Key, wait: Duration) {
        let queue = self.queue(key);
        locked(&queue.bucket).close(self.started.elapsed().saturating_add(wait));
        queue.changed.notify_one();
    }

    /// What is waited for just now, for people; `None` if nothing is.
    pub(crate) fn waiting(&self) -> Option<String> {
        let queues = locked(&self.queues);
        let longest = queues.values().filter_map(|queue| Some((queue, (*locked(&queue.waits))?)));
        let (queue, wait) = longest.max_by_key(|(_, wait)| (wait.asked, wait.until))?;
        Some(queue.says(wait))
    }

    fn queue(&self, key: Key) -> Arc<Queue> {
        let mut queues = locked(&self.queues);
        let queue = queues.entry(key).or_insert_with_key(|key| {
            let bucket = Mutex::new(Bucket::new(key.published()));
            let (next, changed) = (tokio::sync::Mutex::default(), Notify::new());
            let (waits, said) = (Mutex::default(), Mutex::default());
            Arc::new(Queue { key: key.clone(), next, bucket, changed, waits, said })
        });
        queue.clone()
    }
}

impl Turn {
    /// What the answer to this request says. A request whose answer was lost may or may not have been counted.
    pub(crate) fn heard(self, throttled: bool, asked: Option<Duration>, headers: &Headers) {
        let Self { queue, ticket, started } = self;
        let now = started.elapsed();
        let heard = if throttled { Heard::Throttled(asked) } else { Heard::Taken(remaining(&queue.key, headers)) };
        {
            let mut bucket = locked(&queue.bucket);
            bucket.heard(ticket, now, heard);
            if let Some(wait) = quota(headers) {
                bucket.close(now.saturating_add(wait));
            }
        }
        queue.changed.notify_one();
    }
}

impl Queue {
    fn note(&self, wait: Wait) {
        *locked(&self.waits) = Some(wait);
        let mut said = locked(&self.said);
        if said.is_none_or(|(asked, at)| asked != wait.asked || at.elapsed() >= SAID_EVERY) {
            tracing::info!("{}", self.says(wait));
            *said = Some((wait.asked, Instant::now()));
        }
    }

    fn says(&self, Wait { until, asked }: Wait) -> String {
        let Self { key, .. } = self;
        if asked {
            let seconds = until.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
            return format!("Azure asks to wait {seconds} s: {key}");
        }
        let per_second = locked(&self.bucket).per_second();
        let digits = usize::from(per_second < 10.0);
        format!("at Azure's pace, about {per_second:.digits$} a second: {key}")
    }
}

/// Not sent at all: it would have been refused.
fn closed(key: &Key, wait: Duration) -> Trouble {
    let minutes = wait.as_secs().div_ceil(60);
    let message = format!("Azure takes no more of this for {minutes} minutes ({key}); it was not sent");
    Trouble { status: Some(429), ..Trouble::new(TroubleKind::Throttled, "send a request", message) }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arm { kind, subscription: Some(id) } => write!(f, "{} in subscription {id}", kind.word()),
            Self::Arm { kind, subscription: None } => write!(f, "{} of the tenant", kind.word()),
            Self::ResourceGraph => f.write_str("Resource Graph"),
            Self::Graph => f.write_str("Microsoft Graph"),
        }
    }
}

/// Any headers, in front of what reads them here, and of the bucket that believes them.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(headers: &Headers) {
    let key = Key::Arm { kind: headers::Kind::Writes, subscription: Some(String::new()) };
    let mut bucket = Bucket::new(key.published());
    let wait = quota(headers).unwrap_or_default();
    for now in [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(20)] {
        if let Say::Go(ticket) = bucket.ask(now) {
            bucket.heard(ticket, now, Heard::Taken(remaining(&key, headers)));
        }
        if let Say::Go(ticket) = bucket.ask(now) {
            bucket.heard(ticket, now, Heard::Throttled(Some(wait)));
        }
    }
}
