//! How far it is: on stderr, when somebody watches it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::environment;

/// While Azure is looked at.
pub(super) fn looking() -> ProgressBar {
    let bar = bar(None);
    bar.set_message("reading Azure");
    bar
}

/// While changes are made.
pub(super) fn applying(changes: usize) -> ProgressBar {
    let bar = bar(u64::try_from(changes).ok());
    bar.set_message("applying");
    bar
}

fn bar(length: Option<u64>) -> ProgressBar {
    if !environment::is_watched() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{spinner} {msg} {bar:30} {pos}/{len}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
