//! Quotas that start anew after a while: Resource Graph's requests, Microsoft Graph's resource units (FACTS §5, §6).
//!
//! Filled by the caller's time, as the token buckets are.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::throttle::Kind;
use crate::model::ids::PrincipalId;

/// So much in so long a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// What is counted.
    pub what: &'static str,
    /// How much of it.
    pub most: u64,
    /// In how many seconds.
    pub seconds: i64,
}

/// Resource Graph: 15 requests in 5 seconds and user (Microsoft Learn, "Guidance for throttled requests").
pub const RESOURCE_GRAPH: Quota = Quota { what: "resource graph", most: 15, seconds: 5 };

/// Microsoft Graph: resource units in 10 seconds, by the size of the tenant (graph-docs throttling-limits.md).
#[must_use]
pub fn graph_reads(users: usize) -> Quota {
    let most = match users {
        0..50 => 3_500,
        50..=500 => 5_000,
        _ => 8_000,
    };
    Quota { what: "graph", most, seconds: 10 }
}

/// Microsoft Graph: writes, 3,000 in 150 seconds (graph-docs throttling-limits.md).
pub const GRAPH_WRITES: Quota = Quota { what: "graph writes", most: 3_000, seconds: 150 };

/// Resource Manager's bucket of a subscription over all its callers: 15 times the one of each (FACTS §6; 3,750 reads and
/// 3,000 writes were recorded). Its refill is told by the second here; it is counted, never enforced.
#[must_use]
pub fn everybodys(kind: Kind) -> Quota {
    match kind {
        Kind::Reads => Quota { what: "global-reads", most: 3_750, seconds: 10 },
        Kind::Writes => Quota { what: "global-writes", most: 3_000, seconds: 20 },
        Kind::Deletes => Quota { what: "global-deletes", most: 3_000, seconds: 20 },
    }
}

/// How a quota stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is left; `None` if this was too much.
    pub left: Option<u64>,
    /// Seconds until it starts anew.
    pub resets_after: u64,
}

/// All quotas.
#[derive(Debug, Default)]
pub struct Quotas(Mutex<HashMap<(PrincipalId, &'static str), Used>>);

/// Since when, and how much.
type Used = (Timestamp, u64);

impl Quotas {
    /// Takes so much of a quota, if there is as much.
    pub fn take(&self, of: Quota, caller: PrincipalId, cost: u64, now: Timestamp) -> Standing {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, used) = all.entry((caller, of.what)).or_insert((now, 0));
        let window = SignedDuration::from_secs(of.seconds);
        if now.duration_since(*began) >= window {
            (*began, *used) = (now, 0);
        }
        let after = window.checked_sub(now.duration_since(*began)).unwrap_or(window);
        let resets_after = u64::try_from(after.as_millis()).unwrap_or_default().div_ceil(1_000).max(1);
        let wanted = used.saturating_add(cost);
        let left = of.most.checked_sub(wanted);
        if left.is_some() {
            *used = wanted;
        }
        Standing { left, resets_after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_and_then_five_seconds() {
        let (quotas, caller) = (Quotas::default(), PrincipalId(uuid::Uuid::nil()));
        let start: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let take = |now| quotas.take(RESOURCE_GRAPH, caller, 1, now);
        assert_eq!(take(start), Standing { left: Some(14), resets_after: 5 });
        assert_eq!((0..14).filter(|_| take(start).left.is_some()).count(), 14);
        assert_eq!(take(start + SignedDuration::from_millis(1_500)), Standing { left: None, resets_after: 4 });
        assert_eq!(take(start + SignedDuration::from_secs(5)).left, Some(14));
    }
}
