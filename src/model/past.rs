//! How names came and went in an owner's file, as git tells it: whether a name can be an older one of somebody.

use std::{collections::BTreeSet, fmt};

use jiff::{SignedDuration, Timestamp};

use super::ids::UserName;

/// Clocks of those who commit differ, and what is applied from a branch is committed again when it is merged. Ours.
pub const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_hours(24);

/// When a line of git was committed, as far as git says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineAge {
    /// Then.
    At(Timestamp),
    /// At the latest then: the clone's history ends there.
    AtLatest(Timestamp),
    /// Not known.
    Unknown(NoAge),
}

/// Why git does not say when a line was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAge {
    /// The workspace is not in git.
    NotInGit,
    /// The line is not committed.
    NotCommitted,
    /// The clone has not the whole history.
    Shallow,
    /// Git could not be asked; its words.
    Unanswered(String),
}

impl fmt::Display for NoAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInGit => f.write_str("the workspace is not in git"),
            Self::NotCommitted => f.write_str("the line is not committed"),
            Self::Shallow => f.write_str("this clone does not have the whole history"),
            Self::Unanswered(words) => f.write_str(words),
        }
    }
}

impl LineAge {
    /// Whether an account is younger than the line: the time of the line, if so.
    ///
    /// # Errors
    /// If that is not known.
    pub fn before(&self, created: Timestamp) -> Result<Option<Timestamp>, NoAge> {
        let is_younger = |at: Timestamp| at.checked_add(CLOCKS_APART_MAX).is_ok_and(|settled| created > settled);
        match self {
            Self::At(at) => Ok(Some(*at).filter(|at| is_younger(*at))),
            Self::AtLatest(at) if is_younger(*at) => Ok(Some(*at)),
            Self::AtLatest(_) => Err(NoAge::Shallow),
            Self::Unknown(why) => Err(why.clone()),
        }
    }
}

/// What git tells of one owner's file, oldest first: each commit on the way to HEAD that changed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past(pub Vec<Turn>);

/// One commit that changed an owner's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it was committed.
    pub at: Timestamp,
    /// The file did not stand before: what was in it may be older than git knows.
    pub whole: bool,
    /// People who were not listed before.
    pub came: BTreeSet<UserName>,
    /// People who were listed before.
    pub went: BTreeSet<UserName>,
    /// Of the names that were asked for, those that stood nowhere in the lines it changed, not even in a comment, and now do.
    pub wrote: BTreeSet<UserName>,
}

impl Past {
    /// Whether somebody was ever listed by this name.
    #[must_use]
    pub fn names(&self, name: &UserName) -> bool {
        self.0.iter().any(|turn| turn.came.contains(name) || turn.went.contains(name))
    }

    /// Whether `written`, whom nobody knows, is for certain no older name of the person who is `named` so today and who was
    /// given access at `made`.
    ///
    /// The person was listed by today's name when access was given, so they had it by then. Whoever wrote another name
    /// later did not write this person's; unless both names changed places in one commit, or the file was written anew.
    #[must_use]
    pub fn rules_out(&self, written: &UserName, named: &UserName, made: Timestamp) -> bool {
        let mut writings = self.0.iter().filter(|turn| turn.wrote.contains(written));
        self.came_after(written, made) && writings.all(|turn| !turn.went.contains(named)) && self.listed(named, made)
    }

    /// Whether `written` for certain was in no version of the file before access was given at `made`, nor shortly after.
    #[must_use]
    pub fn came_after(&self, written: &UserName, made: Timestamp) -> bool {
        let Ok(settled) = made.checked_add(CLOCKS_APART_MAX) else { return false };
        let mut writings = self.0.iter().filter(|turn| turn.wrote.contains(written)).peekable();
        writings.peek().is_some() && writings.all(|turn| !turn.whole && turn.at > settled)
    }

    /// Whether somebody was listed by this name at a time.
    fn listed(&self, name: &UserName, at: Timestamp) -> bool {
        let mut before = self.0.iter().rev().filter(|turn| turn.at <= at);
        let last = before.find(|turn| turn.came.contains(name) || turn.went.contains(name));
        last.is_some_and(|turn| turn.came.contains(name))
    }
}
