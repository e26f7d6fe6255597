//! Times and ages as people read them: UTC, to the minute; ages in one unit.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use maud::{Markup, html};

/// `2026-11-26 14:05`.
pub(super) fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `3 days`.
pub(super) fn length(of: SignedDuration) -> String {
    let seconds = of.as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => return "less than a minute".to_owned(),
        60..5_400 => (seconds / 60, "minute"),
        5_400..129_600 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `3 days ago`, or `in 4 minutes`.
pub(super) fn away(now: Timestamp, at: Timestamp) -> String {
    let passed = now.duration_since(at);
    if (0..60).contains(&passed.as_secs()) && !passed.is_negative() {
        return "just now".to_owned();
    }
    if passed.is_negative() { format!("in {}", length(-passed)) } else { format!("{} ago", length(passed)) }
}

/// An age, with the time itself for machines and for a mouse that rests.
pub(super) fn ago(now: Timestamp, at: Timestamp) -> Markup {
    let exact = minute(at);
    html! { time datetime=(at) title={ (exact) " UTC" } { (away(now, at)) } }
}

/// `today`, `tomorrow`, `in 12 days`.
pub(super) fn left(today: Date, day: Date) -> String {
    match day.duration_since(today).as_hours() / 24 {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        days => format!("in {days} days"),
    }
}
