//! Tree → `notify:` of `tilgang.yaml`: when people are told, and what. Channels are read in `channels`.

use std::collections::BTreeSet;

use jiff::{civil::Time, tz::TimeZone};

use super::{
    catalog::Words,
    channels,
    cursor::Cursor,
    error::Mistakes,
    rules::{BAD_VALUE, DOUBLED_KEY, KNOWN_NAME, MISSING_KEY},
    suggest::did_you_mean,
};
use crate::model::{
    notify::{Day, Digest, Notify, Quiet, Topic},
    owner::OwnerCode,
};

/// What `notify:` is held against.
pub(super) struct Context<'a> {
    pub(super) words: &'a Words,
    /// Every owner with a file or an entry.
    pub(super) owners: &'a BTreeSet<OwnerCode>,
}

/// Reads the whole of it; what is wrong is told and left out.
pub(super) fn read(at: Cursor<'_>, context: &Context<'_>, mistakes: &mut Mistakes) -> Option<Notify> {
    let [channels, quiet, digest, zone] =
        at.fields(["channels", "quiet", "digest", "zone"], &["channels"], mistakes)?;
    let mut notify = Notify::default();
    for entry in channels.map(|at| at.entries(mistakes)).unwrap_or_default() {
        if entry.key_is_word(mistakes) {
            notify.channels.extend(channels::read(entry, context, mistakes));
        }
    }
    notify.quiet = quiet.and_then(|at| read_quiet(at, mistakes));
    notify.digest = digest.and_then(|at| read_digest(at, mistakes));
    notify.zone = zone.and_then(|at| read_zone(at, mistakes));
    Some(notify)
}

fn read_quiet(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Quiet> {
    let [from, to, days, except] = at.fields(["from", "to", "days", "except"], &[], mistakes)?;
    let hours = match (from, to) {
        (Some(from), Some(to)) => {
            let hours = read_time(from, mistakes).zip(read_time(to, mistakes));
            if hours.is_some_and(|(from, to)| from == to) {
                let help = "a quiet time ends: write when; whole days go into `days`";
                mistakes.add(to.wrong(BAD_VALUE, "`to` is the time that `from` is").help(help));
            }
            hours
        }
        (None, None) => None,
        (from, _) => {
            let missing = if from.is_none() { "from" } else { "to" };
            let wrong = at.wrong(MISSING_KEY, format!("`{missing}` is missing")).label("in this entry");
            mistakes.add(wrong.help("quiet hours have both, such as `from: \"17:00\"` and `to: \"08:00\"`"));
            None
        }
    };
    let days = days.map(|at| read_days(at, mistakes)).unwrap_or_default();
    let except = except.map(|at| classes(at, mistakes)).unwrap_or_default();
    Some(Quiet { hours, days, except })
}

fn read_days(at: Cursor<'_>, mistakes: &mut Mistakes) -> BTreeSet<Day> {
    let words = Day::ALL.map(|(_, word, _)| word);
    let mut days = BTreeSet::new();
    for item in at.items(mistakes) {
        let Some(word) = item.text(mistakes) else { continue };
        match Day::named(word) {
            Some(day) if days.insert(day) => {}
            Some(_) => mistakes.add(item.wrong(DOUBLED_KEY, format!("`{word}` stands here twice"))),
            None => mistakes.add(
                item.wrong(BAD_VALUE, format!("`{word}` is not a day of the week"))
                    .maybe_help(did_you_mean(word, words)),
            ),
        }
    }
    if days.len() == words.len() {
        mistakes.add(at.wrong(BAD_VALUE, "every day is quiet").help("then nobody is ever told: leave one out"));
    }
    days
}

/// Known topics, each once.
pub(super) fn classes(at: Cursor<'_>, mistakes: &mut Mistakes) -> BTreeSet<Topic> {
    let mut found = BTreeSet::new();
    for item in at.items(mistakes) {
        let Some(word) = item.text(mistakes) else { continue };
        match Topic::named(word) {
            Some(topic) if found.insert(topic) => {}
            Some(_) => mistakes.add(item.wrong(DOUBLED_KEY, format!("`{word}` stands here twice"))),
            None => mistakes.add(
                item.wrong(KNOWN_NAME, format!("there is no class `{word}`"))
                    .maybe_help(did_you_mean(word, Topic::ALL.iter().map(|topic| topic.word()))),
            ),
        }
    }
    found
}

/// `daily 08:00`, `mondays 08:00`.
fn read_digest(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Digest> {
    let text = at.text(mistakes)?;
    let digest = text.split_once(' ').and_then(|(when, time)| {
        let on = match when {
            "daily" => None,
            _ => Some(Day::ALL.iter().find(|(.., weekday)| when == plural(*weekday)).map(|(day, ..)| *day)?),
        };
        Some(Digest { on, at: time_of(time)? })
    });
    if digest.is_none() {
        let wrong = at.wrong(BAD_VALUE, format!("`{text}` is no time for a digest"));
        mistakes.add(wrong.help("write `daily 08:00`, or a day of the week, such as `mondays 08:00`"));
    }
    digest
}

fn plural(weekday: jiff::civil::Weekday) -> String {
    format!("{weekday:?}s").to_ascii_lowercase()
}

fn read_time(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Time> {
    let text = at.text(mistakes)?;
    let time = time_of(text);
    if time.is_none() {
        let wrong = at.wrong(BAD_VALUE, format!("`{text}` is not a time of day"));
        mistakes.add(wrong.help("write hours and minutes, such as `\"08:00\"`"));
    }
    time
}

fn time_of(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i8>().ok()).flatten()
    };
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

fn read_zone(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<TimeZone> {
    let name = at.line(mistakes)?;
    // As tzdb spells them; `jiff` would take any letter case, and a reviewer another one for another place.
    let zone = TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name));
    if zone.is_none() {
        let wrong = at.wrong(KNOWN_NAME, format!("there is no time zone `{name}`"));
        mistakes.add(wrong.help("write its name in the tz database, such as `Europe/Oslo`"));
    }
    zone
}
