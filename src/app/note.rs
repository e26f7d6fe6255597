//! What people should know of a run and that no report says. Data: whoever runs the use case decides where it is shown.

use std::fmt;

use crate::model::owner::RoleName;

/// One note. Its text begins in lower case and has no full stop, to be put behind `note: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// So many errors in the files that a change to git did not cause.
    ErrorsBefore(usize),
    /// The workspace is not in git, and something would be removed.
    NotInGit,
    /// Git did not say what it tracks, and why.
    Untracked(String),
    /// When lines were written is not known, and why.
    LinesUndated(String),
    /// Nothing proves that a person belongs to an owner.
    MembershipUnproven,
    /// What these roles may, in the workspace's words, has no word that can be held against Azure.
    UncheckedMay(Vec<RoleName>),
    /// The tenant has no Privileged Identity Management.
    NoPim,
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
            Self::Untracked(why) => {
                write!(
                    f,
                    "git did not say which files it tracks, so links, and files left out of a sparse checkout, are not noticed: {why}"
                )
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
            Self::UncheckedMay(roles) => {
                let roles: Vec<String> = roles.iter().map(|role| format!("`{role}`")).collect();
                write!(
                    f,
                    "what `may` says of {} is not checked: it uses no word that tilgang can hold against Azure (`tilgang who --help` \
                     lists them: read logs, change secrets, …)",
                    roles.join(", ")
                )
            }
            Self::NoPim => f.write_str(
                "this tenant has no Privileged Identity Management (Azure answers `AadPremiumLicenseRequired`), so no role \
                 assignment here was activated or ends by itself",
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
