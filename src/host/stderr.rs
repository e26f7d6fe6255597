//! Lines for people, on stderr.

use std::io::Write as _;

use crate::model::visible;

/// One message. Whatever it quotes only shows.
pub(crate) fn say(text: impl std::fmt::Display) {
    say_drawn(visible::lines(&text.to_string()));
}

/// A message with colours of ours in it; whatever it quotes was made harmless before.
pub(crate) fn say_drawn(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
