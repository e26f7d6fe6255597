//! A notice in words: people first, then what to do, ids last. What comes from YAML or Azure is one visible line here; each way of
//! sending makes it harmless in its own form.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    item::{Event, Happened, Item},
    outbox::{Kind, Notice},
};
use crate::model::{notify::Topic, visible};

/// Where a notice comes from, for those who read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// This installation.
    pub instance: String,
    /// What owners are called, by code.
    pub titles: BTreeMap<String, String>,
    /// Where the web page is, if people can reach it; without a `/` at its end.
    pub page: Option<String>,
    /// Whose clock times are told by.
    pub zone: TimeZone,
}

/// A notice in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// In one line.
    pub subject: String,
    /// In a sentence more, where there is one.
    pub summary: Option<String>,
    /// By service owner.
    pub sections: Vec<Section>,
    /// How many more there are than it holds.
    pub left_out: usize,
    /// Where it comes from.
    pub footer: String,
    /// Where there is more to see.
    pub link: Option<String>,
}

/// What concerns one service owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The owner's code; none for what concerns nobody alone.
    pub code: Option<String>,
    /// What the owner is called.
    pub title: Option<String>,
    /// What there is to say.
    pub lines: Vec<Line>,
}

impl Section {
    /// The owner in one line.
    #[must_use]
    pub fn heading(&self) -> String {
        match (&self.title, &self.code) {
            (Some(title), Some(code)) => format!("{title} ({code})"),
            (None, Some(code)) => code.clone(),
            (_, None) => "Everybody".to_owned(),
        }
    }
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What happened, in a word or three: `New`, `Ends in 3 days`.
    pub mark: String,
    /// Whether it needs somebody; what is over does not.
    pub needs: bool,
    /// What it is.
    pub text: String,
    /// Since when, by whom, what mends it, where.
    pub details: Vec<String>,
}

/// A notice in words.
#[must_use]
pub fn letter(notice: &Notice, setting: &Setting) -> Letter {
    let Notice { id, channel, to: _, kind, made, run, events, left_out } = notice;
    let mut by_owner: BTreeMap<Option<&str>, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_owner.entry(event.item.owner.as_deref()).or_default().push(event);
    }
    let only = if by_owner.len() == 1 { by_owner.keys().next().copied().flatten() } else { None };
    let link = setting.page.as_ref().map(|page| match only {
        Some(owner) => format!("{page}/owners/{owner}"),
        None => format!("{page}/"),
    });
    let what = match kind {
        Kind::Changes => counts(events, *left_out),
        Kind::Digest => format!("{} open", events.len() + left_out),
        Kind::Alive => "alive".to_owned(),
        Kind::Test => format!("a try of the channel `{channel}`"),
    };
    let whose = only.map(|owner| format!("{owner}: ")).unwrap_or_default();
    let summary = match kind {
        Kind::Digest => Some("What is still open:".to_owned()),
        Kind::Test => Some("If you can read this, notices arrive here. Nothing has to be done.".to_owned()),
        Kind::Changes | Kind::Alive => None,
    };
    let sections = by_owner.into_iter().map(|(owner, events)| Section {
        code: owner.map(visible::line),
        title: owner.and_then(|owner| setting.titles.get(owner)).map(|title| visible::line(title)),
        lines: events.into_iter().map(|event| line(event, setting)).collect(),
    });
    let run = if *run == 0 { String::new() } else { format!(", run {run}") };
    Letter {
        subject: visible::line(&format!("tilgang {}: {whose}{what}", setting.instance)),
        summary,
        sections: sections.collect(),
        left_out: *left_out,
        footer: format!("tilgang, {}{run}, {}, notice {id}", visible::line(&setting.instance), time(*made, setting)),
        link,
    }
}

/// `2 new, 1 over`.
fn counts(events: &[Event], left_out: usize) -> String {
    let words = [
        (Happened::New, "new"),
        (Happened::Changed, "changed"),
        (Happened::Ends, "ending soon"),
        (Happened::Resolved, "over"),
        (Happened::Open, "open"),
    ];
    let count = |of: Happened| events.iter().filter(|event| event.happened == of).count();
    let mut parts: Vec<String> = words
        .iter()
        .map(|(of, word)| (count(*of), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, w)| format!("{n} {w}"))
        .collect();
    parts.extend((left_out > 0).then(|| format!("{left_out} more")));
    parts.join(", ")
}

fn line(event: &Event, setting: &Setting) -> Line {
    let Event { happened, at, item } = event;
    let Item { topic, who, words, remedy, since, by, until, scope, .. } = item;
    let class = topic.word().replace('-', " ");
    let mark = match (happened, item.days_left()) {
        (Happened::Ends | Happened::Open, Some(..0)) => "Ended".to_owned(),
        (Happened::Ends | Happened::Open, Some(0)) => "Ends today".to_owned(),
        (Happened::Ends | Happened::Open, Some(1)) => "Ends tomorrow".to_owned(),
        (Happened::Ends | Happened::Open, Some(days)) => format!("Ends in {days} days"),
        (Happened::Resolved, Some(_)) => "No longer ends soon".to_owned(),
        (Happened::New, _) => format!("New, {class}"),
        (Happened::Changed, _) => format!("Changed, {class}"),
        (Happened::Resolved, _) => format!("Over, {class}"),
        (Happened::Ends | Happened::Open, None) => {
            let mut word = class;
            if let Some(first) = word.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            word
        }
    };
    let needs = *happened != Happened::Resolved;
    let text = visible::line(words);
    // A sentence that names the person says it already.
    let text = match who.as_deref().map(visible::line).filter(|who| !text.contains(who.as_str())) {
        Some(who) => format!("{who}: {text}"),
        None => text,
    };
    let mut details = Vec::new();
    let since = since.map(|since| format!("since {}", time(since, setting)));
    let by = by.as_deref().map(visible::line).filter(|_| *topic != Topic::Expiring);
    let history: Vec<String> = since.into_iter().chain(by).collect();
    details.extend((!history.is_empty()).then(|| history.join(", ")));
    details.extend(
        until.filter(|_| *topic == Topic::Expiring).map(|day| format!("last day {}", day.strftime("%-d %b %Y"))),
    );
    if needs {
        details.extend((!remedy.is_empty()).then(|| format!("to mend it: {}", visible::line(remedy))));
    } else {
        details.push(format!("seen {}", time(*at, setting)));
    }
    details.extend(scope.as_deref().map(visible::line));
    Line { mark, needs, text, details }
}

/// `26 Nov 2026 11:12 Europe/Oslo`.
fn time(at: Timestamp, setting: &Setting) -> String {
    let name = setting.zone.iana_name().unwrap_or("UTC");
    format!("{} {name}", at.to_zoned(setting.zone.clone()).strftime("%-d %b %Y %H:%M"))
}
