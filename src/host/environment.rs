//! Environment variables, the one real clock, chance, and whether somebody is at the terminal.

use std::io::IsTerminal;

use jiff::Timestamp;

/// A variable's value; empty counts as not set.
#[expect(clippy::disallowed_methods, reason = "the one place that reads variables")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The real time.
#[expect(clippy::disallowed_methods, reason = "the one real clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A number that nobody can foretell.
pub(crate) fn chance() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// Whether somebody watches stderr.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether somebody can answer a question.
pub(crate) fn can_be_asked() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
