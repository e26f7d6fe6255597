//! How far it is: on stderr, when somebody watches it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::environment;

/// How often is looked whether something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

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

/// Works to the end, and says on the bar meanwhile what is waited for.
pub(super) async fn telling<T>(
    bar: &ProgressBar,
    waiting: impl Fn() -> Option<String>,
    work: impl Future<Output = T>,
) -> T {
    let usual = bar.message();
    let mut work = std::pin::pin!(work);
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = look.tick() => bar.set_message(match waiting() {
                Some(why) => format!("{usual} ({why})"),
                None => usual.clone(),
            }),
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    if !environment::is_watched() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{spinner} {bar:30} {pos}/{len} {msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
