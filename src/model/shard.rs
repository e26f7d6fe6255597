//! A part of all owners, for who shares them out over several runs: each owner is in exactly one, whoever else there is.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::owner::OwnerCode;

/// Shards at most. Ours: Azure's limits are per tenant and identity, so many more would wait for each other.
pub const SHARDS_MAX: u16 = 256;

/// One of several parts: `2/8` is the third of eight, as `JOB_COMPLETION_INDEX` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    index: u16,
    of: u16,
}

/// What was given is no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardError;

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write K/N: part K of N, where K counts from 0 and N is at most {SHARDS_MAX}")
    }
}

impl std::error::Error for ShardError {}

impl Shard {
    /// Part `index` of `of`, if there is such a part.
    #[must_use]
    pub fn new(index: u16, of: u16) -> Option<Self> {
        (index < of && of <= SHARDS_MAX).then_some(Self { index, of })
    }

    /// Which part it is, from 0.
    #[must_use]
    pub fn index(self) -> u16 {
        self.index
    }

    /// How many parts there are.
    #[must_use]
    pub fn of(self) -> u16 {
        self.of
    }

    /// Whether this owner is in it: by a digest of the code alone, so that another owner changes nothing for this one.
    #[must_use]
    pub fn holds(self, owner: OwnerCode) -> bool {
        let (high, _) = Uuid::new_v5(&Uuid::NAMESPACE_OID, owner.as_str().as_bytes()).as_u64_pair();
        high % u64::from(self.of) == u64::from(self.index)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (index, of) = text.split_once('/').ok_or(ShardError)?;
        let number = |text: &str| text.parse().map_err(|_| ShardError);
        Self::new(number(index)?, number(of)?).ok_or(ShardError)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}
