//! Resource Manager's token buckets: per subscription, principal and kind of operation (Microsoft Learn, "Understand how
//! Azure Resource Manager throttles requests"; FACTS §6). Filled by the caller's time: a world whose clock stands still
//! does not starve.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::model::ids::PrincipalId;

/// Reads: 250, refilled with 25 a second.
const READS: (f64, f64) = (250.0, 25.0);
/// Writes, and deletes: 200 each, refilled with 10 a second.
const WRITES: (f64, f64) = (200.0, 10.0);

/// A kind of operation, with a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// GET, and Resource Graph's POST.
    Reads,
    /// PUT, PATCH, POST.
    Writes,
    /// DELETE.
    Deletes,
}

impl Kind {
    /// By method.
    #[must_use]
    pub fn of(method: &str) -> Self {
        match method {
            "GET" | "HEAD" => Self::Reads,
            "DELETE" => Self::Deletes,
            _ => Self::Writes,
        }
    }

    /// As headers name it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Deletes => "deletes",
        }
    }
}

type Key = (String, PrincipalId, Kind);

/// All buckets.
#[derive(Debug, Default)]
pub struct Buckets(Mutex<HashMap<Key, (f64, Timestamp)>>);

impl Buckets {
    /// Takes one token: how many are left, or how many seconds until there is one.
    pub fn take(&self, of: &str, caller: PrincipalId, kind: Kind, now: Timestamp) -> Result<u64, u64> {
        let (most, per_second) = if kind == Kind::Reads { READS } else { WRITES };
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, filled) = buckets.entry((of.to_owned(), caller, kind)).or_insert((most, now));
        let passed = now.duration_since(*filled).as_secs_f64().max(0.0);
        *tokens = passed.mul_add(per_second, *tokens).min(most);
        *filled = now;
        if *tokens < 1.0 {
            return Err(seconds((1.0 - *tokens) / per_second).max(1));
        }
        *tokens -= 1.0;
        Ok(seconds(*tokens))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 250")]
fn seconds(number: f64) -> u64 {
    number.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_and_fifty_reads_then_twenty_five_a_second() {
        let (buckets, caller) = (Buckets::default(), PrincipalId(uuid::Uuid::nil()));
        let start: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let take = |now| buckets.take("s", caller, Kind::Reads, now);
        assert_eq!(take(start), Ok(249));
        assert_eq!((0..249).filter(|_| take(start).is_ok()).count(), 249);
        assert_eq!(take(start), Err(1));
        let later = start + jiff::SignedDuration::from_secs(1);
        assert_eq!((0..30).filter(|_| take(later).is_ok()).count(), 25);
        assert!(buckets.take("s", caller, Kind::Writes, later).is_ok());
    }
}
