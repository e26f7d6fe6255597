//! How often, how long, how patient.

use jiff::SignedDuration;

/// What the daemon was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From the beginning of one look at all owners to that of the next.
    pub interval: SignedDuration,
    /// At most so much more, by chance: many daemons do not all ask at once.
    pub jitter: SignedDuration,
    /// How long a run may take.
    pub run_timeout: SignedDuration,
    /// How long one that writes may take to end in good order.
    pub ending: SignedDuration,
    /// How often git is asked for the tip.
    pub poll: SignedDuration,
    /// How long Azure's news are gathered before they are looked at, and how long at the least between two such looks.
    pub settle: SignedDuration,
    /// The first wait after a failure; doubles from here, up to the interval.
    pub retry_first: SignedDuration,
    /// What chance begins with.
    pub seed: u64,
    /// Whether runs heal.
    pub heals: bool,
    /// Whether it leads from the start; else it waits until it is told.
    pub leads: bool,
}

impl Settings {
    /// The wait after so many failures in a row; none after none. Never below the first wait, unless the interval is.
    pub(super) fn retry(&self, failures: u32) -> Option<SignedDuration> {
        let doublings = failures.checked_sub(1)?.min(30);
        let wait = self.retry_first.checked_mul(1_i32.checked_shl(doublings).unwrap_or(i32::MAX));
        Some(wait.unwrap_or(self.interval).min(self.interval).max(self.retry_first.min(self.interval)))
    }

    /// The least time between two looks at all owners, however long they take: a tenth of the interval, at most ten
    /// seconds.
    pub(super) fn rest(&self) -> SignedDuration {
        (self.interval / 10).min(SignedDuration::from_secs(10))
    }
}
