//! The life of a difference: first seen, last seen, over; since when Azure says it is so, and by whom.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

use super::difference::Difference;
pub use crate::model::activity::Doer;

/// A difference with its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As it looked when it was seen last.
    pub difference: Arc<Difference>,
    /// Its life.
    pub life: Life,
}

/// From when to when a difference was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// In which look it was seen first: when that began.
    pub first_seen: Timestamp,
    /// In which look it was seen last.
    pub last_seen: Timestamp,
    /// When it was seen to be over; none while it is there.
    pub resolved: Option<Timestamp>,
    /// Whether it is over because the daemon healed it.
    pub healed: bool,
    /// Since when it is so.
    pub since: Since,
    /// Who did it.
    pub by: By,
}

impl Life {
    /// Whether it is still there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.resolved.is_none()
    }

    /// The best there is to count its age from.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        match self.since {
            Since::At(at) => at,
            Since::After(_) | Since::Unknown => self.first_seen,
        }
    }
}

/// Since when a difference is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Since then, as Azure or git says.
    At(Timestamp),
    /// After this look, in which it was not there, and before it was seen first.
    After(Timestamp),
    /// Nobody can say: it was there in the first look.
    Unknown,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Not asked yet.
    NotAsked,
    /// Somebody, as Azure says.
    Somebody(Doer),
    /// Git: a commit asks for what Azure does not have yet.
    Git,
    /// Time: a day has passed.
    Time,
    /// It could not be found out, and why.
    Unknown(Arc<str>),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("by whom was not asked"),
            Self::Somebody(doer) => write!(f, "by {doer}"),
            Self::Git => f.write_str("by a change to git"),
            Self::Time => f.write_str("by itself: its last day has passed"),
            Self::Unknown(why) => write!(f, "by whom is not known: {why}"),
        }
    }
}
