//! `--color`: whether a stream is coloured.

use std::io::IsTerminal;

use crate::host::environment::variable;

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
