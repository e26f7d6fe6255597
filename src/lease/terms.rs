//! How long a lease is, how long a leader holds on without an answer, how often it asks.

use jiff::SignedDuration;

/// The three durations; those of client-go's `LeaderElectionConfig`, checked as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    lease: SignedDuration,
    renew: SignedDuration,
    retry: SignedDuration,
}

/// Terms that would not keep two from leading, or one from leading at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a lease must be whole seconds and longer than the renew deadline, and that longer than 1.2 × the retry period"
)]
pub struct TermsError;

impl Terms {
    /// 60 s, 30 s, 5 s. Twice as long as a leader holds on: clocks may run at half each other's pace (client-go's own
    /// example), and what runs when leadership is lost has 30 s to end in good order.
    pub const DEFAULT: Self = Self {
        lease: SignedDuration::from_secs(60),
        renew: SignedDuration::from_secs(30),
        retry: SignedDuration::from_secs(5),
    };

    /// Terms of one's own.
    pub fn new(lease: SignedDuration, renew: SignedDuration, retry: SignedDuration) -> Result<Self, TermsError> {
        let whole = lease.subsec_nanos() == 0 && i32::try_from(lease.as_secs()).is_ok();
        let apart = lease > renew && renew > retry + retry / 5 && retry.is_positive();
        if whole && apart { Ok(Self { lease, renew, retry }) } else { Err(TermsError) }
    }

    /// How long the others wait after they last saw the Lease change.
    #[must_use]
    pub fn lease(&self) -> SignedDuration {
        self.lease
    }

    /// How long a leader leads after it last asked to, if that was granted.
    #[must_use]
    pub fn renew(&self) -> SignedDuration {
        self.renew
    }

    /// How long between two requests.
    #[must_use]
    pub fn retry(&self) -> SignedDuration {
        self.retry
    }

    /// `leaseDurationSeconds`.
    pub(super) fn seconds(&self) -> i32 {
        i32::try_from(self.lease.as_secs()).unwrap_or(i32::MAX)
    }
}
