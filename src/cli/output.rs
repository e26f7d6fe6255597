//! The two streams: results on stdout, everything for people on stderr. The only room that writes to either.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::{Exit, Global};
use crate::model::visible;

/// A result. A reader that has gone away (`| head`) is no error.
pub(super) fn result(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Something for people. Whatever it quotes only shows.
pub(super) fn say(text: impl std::fmt::Display) {
    say_drawn(visible::lines(&text.to_string()));
}

/// Something with colours of ours in it; whatever it quotes was made harmless before.
pub(super) fn say_drawn(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// An error, said; the exit code that goes with it.
pub(super) fn fail(global: &Global, error: impl std::fmt::Display) -> Exit {
    fail_with(global, Exit::Failed, error)
}

/// An error of the command line.
pub(super) fn usage(global: &Global, error: impl std::fmt::Display) -> Exit {
    fail_with(global, Exit::Usage, error)
}

fn fail_with(global: &Global, exit: Exit, error: impl std::fmt::Display) -> Exit {
    let style =
        if global.color.stderr() { Style::new().bold().fg_color(Some(AnsiColor::Red.into())) } else { Style::new() };
    say_drawn(format_args!("{style}error:{style:#} {}", visible::lines(&error.to_string())));
    exit
}
