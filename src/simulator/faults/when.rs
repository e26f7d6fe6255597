//! A moment of the world's clock: a time, or so long after the list was given.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::simulator::clock::duration;

/// `2026-11-22T09:00:00Z`, or `+10m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time.
    At(Timestamp),
    /// So long after the list was given.
    After(SignedDuration),
}

impl When {
    /// The time it means for a list that was given at `start`.
    #[must_use]
    pub fn since(self, start: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::After(wait) => start.checked_add(wait).unwrap_or(Timestamp::MAX),
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(time) = text.parse() {
            return Ok(Self::At(time));
        }
        let wait = text.strip_prefix('+').and_then(|text| duration(text).ok());
        let wait = wait.filter(|wait| !wait.is_negative());
        wait.map(Self::After).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is neither a time such as 2026-11-22T09:00:00Z nor a wait such as +10m"))
        })
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(time) => serializer.serialize_str(&time.to_string()),
            Self::After(wait) => serializer.serialize_str(&format!("+{wait:#}")),
        }
    }
}
