//! How many requests are under way at once, how many there were in all, and who they say they come from.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use azure_core::http::{
    Context, Method, Request,
    headers::USER_AGENT,
    policies::{Policy, PolicyResult},
};
use tokio::{sync::Semaphore, time::Instant};

use super::{carry, no_next};
use crate::model::trouble::{Trouble, TroubleKind};

/// Requests under way at once, per door, where answers come quickly.
pub(crate) const AT_ONCE_MAX: usize = 16;
/// And where writes are slow: one takes one to five seconds (FACTS §1.6), and a bucket lets ten a second through.
const AT_ONCE_SLOW_MAX: usize = 64;
/// A write that takes longer makes room for one more.
const SLOW: Duration = Duration::from_secs(1);
const AGENT: &str = concat!("tilgang/", env!("CARGO_PKG_VERSION"));

/// One door's turnstile.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Semaphore,
    open: AtomicUsize,
    passed: AtomicU64,
    throttled: AtomicU64,
}

impl Gate {
    /// A gate that nothing has passed yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            places: Semaphore::new(AT_ONCE_MAX),
            open: AtomicUsize::new(AT_ONCE_MAX),
            passed: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
        })
    }

    /// Waits until there is a free place. It may be taken by somebody else then.
    pub(crate) async fn room(&self) {
        drop(self.places.acquire().await);
    }

    fn open_one(&self) {
        let more = |open: usize| (open < AT_ONCE_SLOW_MAX).then_some(open + 1);
        if self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
            self.places.add_permits(1);
        }
    }

    /// How many of them were answered with "too many".
    pub(crate) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// A request inside a batch was answered so.
    pub(crate) fn was_throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests were sent, repeated ones included.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

#[async_trait::async_trait]
impl Policy for Gate {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let (first, rest) = next.split_first().ok_or_else(no_next)?;
        // Held until the answer is whole, and not while a throttled request waits for its turn.
        let _place = self.places.acquire().await.map_err(|error| {
            carry(Trouble::new(TroubleKind::Unreachable, "wait for a free connection", error.to_string()))
        })?;
        self.passed.fetch_add(1, Ordering::Relaxed);
        request.insert_header(USER_AGENT, AGENT); // the SDK's own policy allows no `/` in a name
        let sent = Instant::now();
        let outcome = first.send(context, request, rest).await;
        if outcome.as_ref().is_ok_and(|answer| u16::from(answer.status()) == 429) {
            self.was_throttled();
        }
        if matches!(request.method(), Method::Put | Method::Delete) && outcome.is_ok() && sent.elapsed() > SLOW {
            self.open_one();
        }
        outcome
    }
}
