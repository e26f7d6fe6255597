//! Whom earlier versions of an owner's file listed, as git has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;

use super::{
    ids::{PrincipalId, UserName},
    owner::RoleName,
};

/// What git's history of one owner's file says: the version of the commit that was read included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileHistory {
    /// Each entry that a version had, and when the last version that had it was replaced; none: the newest one has it.
    pub entries: BTreeMap<FormerEntry, Option<Timestamp>>,
    /// Why there may be more.
    pub gaps: BTreeSet<HistoryGap>,
}

/// A role that a version of an owner's file listed for a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormerEntry {
    /// The sign-in name as it was written.
    pub name: UserName,
    /// The object id, where it was written.
    pub id: Option<PrincipalId>,
    /// The role.
    pub role: RoleName,
}

impl FileHistory {
    /// Takes in an entry of a version that was replaced at a time; none: not yet.
    pub fn learn(&mut self, entry: FormerEntry, replaced: Option<Timestamp>) {
        let last = self.entries.entry(entry).or_insert(replaced);
        *last = last.zip(replaced).map(|(one, other)| one.max(other));
    }
}

/// Why a part of a file's history is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HistoryGap {
    /// The clone holds only the newest commits: the first that it has is of this time.
    Shallow(Timestamp),
    /// The clone was made with a filter, and lacks versions of the file.
    Filtered,
    /// There are more versions than are read; the newest were.
    Older,
    /// Git did not answer, and why.
    Unanswered(String),
}

impl fmt::Display for HistoryGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shallow(first) => write!(
                f,
                "this clone of git goes back to {} only; fetch the whole history (`git fetch --unshallow`; `fetch-depth: 0` for \
                 actions/checkout)",
                first.strftime("%Y-%m-%d")
            ),
            Self::Filtered => f.write_str(
                "this clone of git was made with a filter and lacks earlier versions; clone without `--filter`",
            ),
            Self::Older => f.write_str("there are more versions than tilgang reads; it read the newest"),
            Self::Unanswered(reason) => write!(f, "git could not answer: {reason}"),
        }
    }
}
