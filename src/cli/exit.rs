//! What exit codes mean, for `--help` and manual pages.

use std::process::ExitCode;

use crate::app::Exit;

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
    ("4", "partly applied: something failed, somebody ended the run, or an expired grant is left"),
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
  4   partly applied: something failed, somebody ended the run, or an expired grant is left
  64  wrong usage
Where several apply, the first of 1, 4, 3, 2 is given.";

#[cfg(test)]
mod tests {
    #[test]
    fn help_and_manual_say_the_same() {
        for (code, meaning) in super::MEANINGS {
            assert!(super::HELP.contains(&format!("\n  {code:<3} {meaning}\n")), "{code}");
        }
        assert!(super::HELP.ends_with(super::PRECEDENCE));
    }
}
