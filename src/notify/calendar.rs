//! Quiet times and digests, by the clock of a zone. Where that clock jumps, the next time that exists counts.

use jiff::{Timestamp, ToSpan as _, Zoned, civil::Time, tz::TimeZone};

use crate::model::notify::{Day, Digest, Quiet};

/// Six quiet days with quiet hours around them are the longest quiet time that can be written: each of at most two steps.
const STEPS_MAX: usize = 16;

/// When people may be told: `at` itself, or the end of the quiet time that it falls into.
pub(super) fn awake(quiet: &Quiet, zone: &TimeZone, at: Timestamp) -> Timestamp {
    let mut now = at.to_zoned(zone.clone());
    for _ in 0..STEPS_MAX {
        let Some(end) = quiet_until(quiet, &now) else { break };
        if end <= now {
            break; // the clock cannot be asked any further
        }
        now = end;
    }
    now.timestamp().max(at)
}

/// The end of what is quiet now, if anything is.
fn quiet_until(quiet: &Quiet, now: &Zoned) -> Option<Zoned> {
    if quiet.days.iter().any(|day| day.is(now.weekday())) {
        return now.tomorrow().ok()?.start_of_day().ok();
    }
    let (from, to) = quiet.hours?;
    let time = now.time();
    let over_midnight = from > to;
    let is_quiet = if over_midnight { time >= from || time < to } else { time >= from && time < to };
    if !is_quiet {
        return None;
    }
    let day = if over_midnight && time >= from { now.date().checked_add(1.day()).ok()? } else { now.date() };
    on(day, to, now.time_zone())
}

fn on(day: jiff::civil::Date, time: Time, zone: &TimeZone) -> Option<Zoned> {
    day.to_datetime(time).to_zoned(zone.clone()).ok()
}

/// The last time at or before `at` that a digest was due.
pub(super) fn last_digest(digest: Digest, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let here = at.to_zoned(zone.clone());
    (0..=7).find_map(|back| {
        let day = here.date().checked_sub(back.days()).ok()?;
        let due = on(day, digest.at, zone)?;
        let fits = digest.on.is_none_or(|on: Day| on.is(day.weekday()));
        (fits && due.timestamp() <= at).then(|| due.timestamp())
    })
}

/// The next time after `at` that a digest is due.
pub(super) fn next_digest(digest: Digest, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let here = at.to_zoned(zone.clone());
    (0..=8).find_map(|ahead| {
        let day = here.date().checked_add(ahead.days()).ok()?;
        let due = on(day, digest.at, zone)?;
        let fits = digest.on.is_none_or(|on: Day| on.is(day.weekday()));
        (fits && due.timestamp() > at).then(|| due.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn oslo() -> TimeZone {
        TimeZone::get("Europe/Oslo").unwrap()
    }

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        format!("{text}[Europe/Oslo]").parse::<Zoned>().unwrap().timestamp()
    }

    fn office() -> Quiet {
        let hours = Some((time("17:00"), time("08:00")));
        Quiet { hours, days: BTreeSet::from([Day::Sat, Day::Sun]), except: BTreeSet::new() }
    }

    #[test]
    fn the_night_and_the_weekend_are_waited_for() {
        for (asked, told) in [
            ("2026-11-26T12:00", "2026-11-26T12:00"), // a Thursday
            ("2026-11-26T16:59:59", "2026-11-26T16:59:59"),
            ("2026-11-26T17:00", "2026-11-27T08:00"),
            ("2026-11-27T03:00", "2026-11-27T08:00"),
            ("2026-11-27T08:00", "2026-11-27T08:00"),
            ("2026-11-27T17:00", "2026-11-30T08:00"), // Friday evening to Monday morning
            ("2026-11-28T12:00", "2026-11-30T08:00"),
            ("2026-11-29T23:59", "2026-11-30T08:00"),
        ] {
            assert_eq!(awake(&office(), &oslo(), at(asked)), at(told), "{asked}");
        }
    }

    #[test]
    fn by_day_and_without_hours() {
        let quiet = Quiet { hours: Some((time("09:00"), time("11:30"))), ..Quiet::default() };
        assert_eq!(awake(&quiet, &oslo(), at("2026-11-26T09:00")), at("2026-11-26T11:30"));
        assert_eq!(awake(&quiet, &oslo(), at("2026-11-26T11:30")), at("2026-11-26T11:30"));
        assert_eq!(awake(&Quiet::default(), &oslo(), at("2026-11-26T03:00")), at("2026-11-26T03:00"));
    }

    #[test]
    fn a_clock_that_jumps_is_followed() {
        // 02:30 does not exist on 29 March 2026 in Oslo: the clock goes from 02:00 to 03:00.
        let quiet = Quiet { hours: Some((time("01:00"), time("02:30"))), ..Quiet::default() };
        assert_eq!(awake(&quiet, &oslo(), at("2026-03-29T01:30")), at("2026-03-29T03:30"));
        let digest = Digest { on: None, at: time("02:30") };
        assert_eq!(last_digest(digest, &oslo(), at("2026-03-29T12:00")), Some(at("2026-03-29T03:30")));
    }

    #[test]
    fn a_digest_is_due_once_a_day_or_a_week() {
        let daily = Digest { on: None, at: time("08:00") };
        assert_eq!(last_digest(daily, &oslo(), at("2026-11-26T07:59")), Some(at("2026-11-25T08:00")));
        assert_eq!(last_digest(daily, &oslo(), at("2026-11-26T08:00")), Some(at("2026-11-26T08:00")));
        assert_eq!(next_digest(daily, &oslo(), at("2026-11-26T08:00")), Some(at("2026-11-27T08:00")));
        let mondays = Digest { on: Some(Day::Mon), at: time("08:00") };
        assert_eq!(last_digest(mondays, &oslo(), at("2026-11-26T12:00")), Some(at("2026-11-23T08:00")));
        assert_eq!(last_digest(mondays, &oslo(), at("2026-11-23T07:00")), Some(at("2026-11-16T08:00")));
        assert_eq!(next_digest(mondays, &oslo(), at("2026-11-23T08:00")), Some(at("2026-11-30T08:00")));
    }
}
