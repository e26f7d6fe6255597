//! Resource Manager's token buckets: per subscription, principal and kind of operation (Microsoft Learn, "Understand how
//! Azure Resource Manager throttles requests"; FACTS §6). Filled by the caller's time: a world whose clock stands still
//! does not starve.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::model::ids::PrincipalId;

/// What a bucket holds, and how much comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Requests at once.
    pub most: f64,
    /// Requests that come back each second.
    pub per_second: f64,
}

/// As published for reads.
pub const READS: Limit = Limit { most: 250.0, per_second: 25.0 };
/// As published for writes, and for deletes.
pub const WRITES: Limit = Limit { most: 200.0, per_second: 10.0 };

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
pub struct Buckets(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    limits: HashMap<Kind, Limit>,
    buckets: HashMap<Key, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
    /// Who asks before the wait that was named is refused again (the same page of Microsoft Learn).
    shut_until: Timestamp,
}

impl Buckets {
    /// Other limits than the published ones, for an Azure that has them: of every bucket of this kind that is not yet used.
    pub fn limit(&self, kind: Kind, limit: Limit) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).limits.insert(kind, limit);
    }

    /// Takes one token: how many are left, or how many seconds until there is one.
    pub fn take(&self, of: &str, caller: PrincipalId, kind: Kind, now: Timestamp) -> Result<u64, u64> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { limits, buckets } = &mut *inner;
        let Limit { most, per_second } = limit(limits, kind);
        let full = || Bucket { tokens: most, filled: now, shut_until: now };
        let bucket = buckets.entry((of.to_owned(), caller, kind)).or_insert_with(full);
        let passed = now.duration_since(bucket.filled).as_secs_f64().max(0.0);
        bucket.tokens = passed.mul_add(per_second, bucket.tokens).min(most);
        bucket.filled = now;
        let shut = bucket.shut_until.duration_since(now).as_secs_f64();
        if shut > 0.0 {
            return Err(seconds(shut));
        }
        if bucket.tokens < 1.0 {
            let wait = seconds((1.0 - bucket.tokens) / per_second).max(1);
            let until = now.checked_add(SignedDuration::from_secs(i64::try_from(wait).unwrap_or(i64::MAX)));
            bucket.shut_until = until.unwrap_or(now);
            return Err(wait);
        }
        bucket.tokens -= 1.0;
        Ok(seconds(bucket.tokens))
    }

    /// What is told where nobody is throttled: the first request of a full bucket.
    #[must_use]
    pub fn full(&self, kind: Kind) -> u64 {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seconds(limit(&inner.limits, kind).most - 1.0)
    }
}

fn limit(limits: &HashMap<Kind, Limit>, kind: Kind) -> Limit {
    let published = if kind == Kind::Reads { READS } else { WRITES };
    limits.get(&kind).copied().unwrap_or(published)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and small")]
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
        let soon = start + SignedDuration::from_millis(400); // ten are there, and who asks before the wait is over gets none
        assert_eq!(take(soon), Err(1));
        let later = start + SignedDuration::from_secs(1);
        assert_eq!((0..30).filter(|_| take(later).is_ok()).count(), 25);
        assert!(buckets.take("s", caller, Kind::Writes, later).is_ok());
    }

    #[test]
    fn another_caller_and_another_subscription_have_buckets_of_their_own() {
        let (buckets, caller) = (Buckets::default(), PrincipalId(uuid::Uuid::nil()));
        buckets.limit(Kind::Deletes, Limit { most: 1.0, per_second: 0.1 });
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        assert_eq!(buckets.take("s", caller, Kind::Deletes, now), Ok(0));
        assert_eq!(buckets.take("s", caller, Kind::Deletes, now), Err(10));
        assert_eq!(buckets.take("s", PrincipalId(uuid::Uuid::max()), Kind::Deletes, now), Ok(0));
        assert_eq!(buckets.take("t", caller, Kind::Deletes, now), Ok(0));
        assert_eq!(buckets.take("s", caller, Kind::Writes, now), Ok(199));
    }
}
