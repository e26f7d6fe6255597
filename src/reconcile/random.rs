//! Chance with a seed, for jitter: splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).

use jiff::SignedDuration;

/// A source of chance.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A length of time from none to this, in whole milliseconds.
    pub(super) fn below(&mut self, most: SignedDuration) -> SignedDuration {
        let millis = u64::try_from(most.as_millis()).unwrap_or_default();
        let chance = self.next().checked_rem(millis.saturating_add(1)).unwrap_or_default();
        SignedDuration::from_millis(i64::try_from(chance).unwrap_or_default())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
