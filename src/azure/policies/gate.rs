//! How many requests are under way at once, how many there were in all, and who they say they come from.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use azure_core::http::{
    Context, Request,
    headers::USER_AGENT,
    policies::{Policy, PolicyResult},
};
use tokio::sync::Semaphore;

use super::{carry, no_next};
use crate::model::trouble::{Trouble, TroubleKind};

/// Requests under way at once, per door. Ours: Resource Manager refills 25 reads a second (FACTS §6), and one takes
/// some 0.5 s, so more than this would only be throttled.
pub(crate) const AT_ONCE_MAX: usize = 16;
const AGENT: &str = concat!("tilgang/", env!("CARGO_PKG_VERSION"));

/// One door's turnstile.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Semaphore,
    passed: AtomicU64,
}

impl Gate {
    /// A gate that nothing has passed yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { places: Semaphore::new(AT_ONCE_MAX), passed: AtomicU64::new(0) })
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
        first.send(context, request, rest).await
    }
}
