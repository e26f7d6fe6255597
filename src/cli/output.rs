//! Results on stdout, errors on stderr with the exit code that goes with them.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::{Exit, Global};
pub(super) use crate::host::stderr::{say, say_drawn};
use crate::{
    app::{Error, Note},
    model::visible,
};

/// A result. A reader that has gone away (`| head`) is no error.
pub(super) fn result(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A use case that came to nothing: why, and the exit code that goes with it.
pub(super) fn error(global: &Global, error: &Error) -> Exit {
    if let Error::Invalid { errors, .. } = error {
        global.draw(errors);
    }
    fail_with(global, error.exit(), error)
}

/// Something that people should know and no report says.
pub(super) fn note(note: &Note) {
    say(format_args!("note: {note}"));
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
