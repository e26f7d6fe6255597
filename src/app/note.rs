//! What people should know of a run and that no report says. Data: whoever runs the use case decides where it is shown.

use std::fmt;

/// One note. Its text begins in lower case and has no full stop, to be put behind `note: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// So many errors in the files that a change to git did not cause.
    ErrorsBefore(usize),
    /// The workspace is not in git, and something would be removed.
    NotInGit,
    /// When lines were written is not known, and why.
    LinesUndated(String),
    /// Nothing proves that a person belongs to an owner.
    MembershipUnproven,
    /// Whether a newer commit was applied is not known, and why.
    NewestUnknown(String),
    /// No ledger is kept.
    NotRecorded,
    /// What Azure showed is not recorded, and why.
    ObservedNotRecorded(String),
    /// Something about the ledger's files.
    Ledger(String),
    /// A plan made now has so many changes that the saved one has not.
    MoreChanges(usize),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ErrorsBefore(count) => {
                let errors = if *count == 1 { "error was" } else { "errors were" };
                write!(f, "{count} {errors} in the files before this change; `tilgang validate` shows all")
            }
            Self::NotInGit => {
                f.write_str("this workspace is not in git, so nobody can tell whether an old copy undoes a newer one")
            }
            Self::LinesUndated(why) => {
                write!(
                    f,
                    "when some lines were written is not known, so an account newer than its line is not noticed: {why}"
                )
            }
            Self::MembershipUnproven => f.write_str(
                "membership unproven: without `users.member_of` nothing says that a person belongs to an owner",
            ),
            Self::NewestUnknown(why) => {
                write!(f, "whether a newer commit was applied before is not known: {why}")
            }
            Self::NotRecorded => f.write_str("tilgang.yaml names no `ledger`, so this run is recorded nowhere"),
            Self::ObservedNotRecorded(why) => write!(f, "what was seen is not recorded: {why}"),
            Self::Ledger(text) => f.write_str(text),
            Self::MoreChanges(count) => {
                let changes = if *count == 1 { "change" } else { "changes" };
                write!(f, "a plan made now has {count} more {changes}, not in this one")
            }
        }
    }
}
