//! Every exit code, and which one wins.

use std::process::ExitCode;

/// How a run ended. The order is the order of precedence: where several apply, the last here is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Converged, done, or nothing to report.
    Converged,
    /// Changes or drift (`plan` only with `--detailed-exitcode`).
    Pending,
    /// Refused by policy, in part or whole.
    Refused,
    /// Partly applied.
    Partly,
    /// An error, or something could not be read.
    Failed,
    /// Wrong usage. Not clap's own 2: that would read as drift.
    Usage,
}

impl Exit {
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Converged, Self::Pending, Self::Refused, Self::Partly, Self::Failed, Self::Usage];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Converged => 0,
            Self::Failed => 1,
            Self::Pending => 2,
            Self::Refused => 3,
            Self::Partly => 4,
            Self::Usage => 64,
        }
    }
}

impl Exit {
    /// The exit with this number; an unknown one is a failure.
    pub(super) fn of_code(code: u8) -> Self {
        let all = [Self::Converged, Self::Pending, Self::Refused, Self::Partly, Self::Usage];
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Each code with its meaning, for manual pages.
pub(super) const MEANINGS: &[(&str, &str)] = &[
    ("0", "converged, done, or nothing to report"),
    ("1", "an error, or something could not be read or decided"),
    ("2", "changes or drift (`plan` only with --detailed-exitcode; `--check` finds a difference)"),
    ("3", "refused by policy, in part or whole"),
    ("4", "partly applied: something failed, or somebody ended the run"),
    ("64", "wrong usage"),
];

/// Which of several is given.
pub(super) const PRECEDENCE: &str = "Where several apply, the first of 1, 4, 3, 2 is given.";

/// For `--help`.
pub(super) const HELP: &str = "Example: tilgang plan --dir examples/altinn --simulate

Each command has its own: `tilgang help plan`

Exit codes:
  0   converged, done, or nothing to report
  1   an error, or something could not be read or decided
  2   changes or drift (`plan` only with --detailed-exitcode; `--check` finds a difference)
  3   refused by policy, in part or whole
  4   partly applied: something failed, or somebody ended the run
  64  wrong usage
Where several apply, the first of 1, 4, 3, 2 is given.";

#[cfg(test)]
mod tests {
    use super::Exit::{self, *};

    #[test]
    fn help_and_manual_say_the_same() {
        for (code, meaning) in super::MEANINGS {
            assert!(super::HELP.contains(&format!("\n  {code:<3} {meaning}\n")), "{code}");
        }
        assert!(super::HELP.ends_with(super::PRECEDENCE));
    }

    #[test]
    fn the_first_of_1_4_3_2_is_given() {
        assert_eq!([Pending, Refused, Partly, Failed].into_iter().max().map(Exit::code), Some(1));
        assert_eq!([Pending, Refused, Partly].into_iter().max().map(Exit::code), Some(4));
        assert_eq!([Converged, Pending, Refused].into_iter().max().map(Exit::code), Some(3));
        assert_eq!([Converged, Pending].into_iter().max().map(Exit::code), Some(2));
    }
}
