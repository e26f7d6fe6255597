//! What the world outside gives: variables, the clock, the terminal. The only room that asks for them.

use std::io::IsTerminal;

use jiff::Timestamp;

/// A variable's value; empty counts as not set.
#[expect(clippy::disallowed_methods, reason = "the one place that reads variables")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The real time.
#[expect(clippy::disallowed_methods, reason = "the one real clock")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// A number that nobody can foretell.
pub(super) fn chance() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    // When the stream is a terminal and `NO_COLOR` is not set.
    Auto,
    Always,
    Never,
}

impl Color {
    /// For the result on stdout.
    pub(super) fn stdout(self) -> bool {
        self.allowed(std::io::stdout().is_terminal())
    }

    /// For messages on stderr.
    pub(super) fn stderr(self) -> bool {
        self.allowed(std::io::stderr().is_terminal())
    }

    fn allowed(self, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            // https://no-color.org: any value that is not empty switches colour off.
            Self::Auto => {
                terminal && variable("NO_COLOR").is_none() && variable("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}

/// Whether somebody watches stderr.
pub(super) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether somebody can answer a question.
pub(super) fn can_be_asked() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
