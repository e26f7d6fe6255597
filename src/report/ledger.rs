//! The ledger → text for a security officer, people first, then the runs that did it; or JSON, line by line.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::{
    Line, Replay,
    entry::{Answered, Asked, Begun, By, Ended, Entry, Held, How, Seen},
};

use super::{
    Format, Style,
    clean::clean_json,
    count::time,
    page::{Ink, Lead, Page},
    words::count,
};

/// So much of a commit's hash is said.
const COMMIT_CHARS: usize = 12;

/// What shall be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these owners; none: all.
    pub owners: BTreeSet<String>,
    /// Only from then on.
    pub since: Option<Timestamp>,
    /// Only this person, by sign-in name or object id.
    pub person: Option<String>,
}

/// One thing that happened to somebody's access.
struct Event<'a> {
    line: &'a Line,
    who: String,
    ink: Ink,
    words: String,
    /// Where it comes from.
    source: String,
    run: Option<u64>,
}

/// Prints what the filter lets through. `lines`: the whole ledger, in order.
#[must_use]
pub fn show(lines: &[&Line], filter: &Filter, format: Format, style: Style) -> String {
    let events = events(lines, filter);
    match format {
        Format::Json => json(lines, filter, &events),
        Format::Text => text(lines, filter, &events, style),
    }
}

impl Filter {
    fn is_person(&self, name: Option<&str>, principal: &str) -> bool {
        let is = |wanted: &str| {
            name.is_some_and(|it| it.eq_ignore_ascii_case(wanted)) || principal.eq_ignore_ascii_case(wanted)
        };
        self.person.as_deref().is_none_or(is)
    }

    fn is_owner<'o>(&self, mut owners: impl Iterator<Item = &'o str>) -> bool {
        self.owners.is_empty() || owners.any(|owner| self.owners.contains(owner))
    }

    fn is_time(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since)
    }

    fn is_narrow(&self) -> bool {
        !self.owners.is_empty() || self.person.is_some()
    }
}

fn events<'a>(lines: &[&'a Line], filter: &Filter) -> Vec<Event<'a>> {
    let answers: BTreeMap<u64, &Answered> = lines
        .iter()
        .filter_map(|line| match &line.entry {
            Entry::Answered(answered) => Some((answered.of, answered)),
            _ => None,
        })
        .collect();
    let mut replay = Replay::default();
    let mut events = Vec::new();
    for line in lines {
        let first = replay.is_empty();
        match &line.entry {
            Entry::Asked(asked) if filter.wants(asked, line) => {
                events.push(written(line, asked, answers.get(&line.n).copied()));
            }
            Entry::HeldBack(asked) if filter.wants(asked, line) => {
                let words = format!("kept {}: what the same person should gain at the same owner failed", what(asked));
                events.push(Event { words, ink: Ink::Warn, ..of(line, asked, "!") });
            }
            Entry::Seen(seen) if !seen.base && !first && filter.is_time(line.at) => {
                events.extend(looked(line, seen, &replay, filter));
            }
            _ => {}
        }
        replay.feed(line);
    }
    events
}

impl Filter {
    fn wants(&self, asked: &Asked, line: &Line) -> bool {
        self.is_time(line.at)
            && self.is_owner(std::iter::once(asked.owner.as_str()))
            && self.is_person(asked.user.as_deref(), &asked.principal)
    }
}

fn of<'a>(line: &'a Line, asked: &Asked, sign: &str) -> Event<'a> {
    let who = asked.user.clone().unwrap_or_else(|| format!("object id {}", asked.principal));
    let source = asked.origins.join(", ");
    let source = if source.is_empty() { asked.because.clone() } else { format!("{source}: {}", asked.because) };
    Event { line, who, ink: Ink::Plain, words: sign.to_owned(), source, run: Some(asked.run) }
}

/// A write of ours, and how it ended.
fn written<'a>(line: &'a Line, asked: &Asked, answer: Option<&Answered>) -> Event<'a> {
    let what = what(asked);
    let action = asked.action.as_str();
    let ink = match action {
        "grant" => Ink::Gain,
        "revoke" => Ink::Lose,
        _ => Ink::Mend,
    };
    let (ink, words) = match (answer.map(|answer| answer.how), action) {
        (Some(How::Done), "grant") => (ink, format!("gained {what}")),
        (Some(How::Done), "revoke") => (ink, format!("lost {what}")),
        (Some(How::Done), "adopt") => (ink, format!("was adopted: {what}")),
        (Some(How::Done), _) => (ink, format!("was put right: {what}")),
        (Some(How::Already), "revoke") => (ink, format!("had lost already: {what}")),
        (Some(How::Already), _) => (ink, format!("had already: {what}")),
        (Some(How::Failed), "grant") => (Ink::Warn, format!("did not gain {what}")),
        (Some(How::Failed), "revoke") => (Ink::Warn, format!("did not lose {what}")),
        (Some(How::Failed), "adopt") => (Ink::Warn, format!("was not adopted: {what}")),
        (Some(How::Failed), _) => (Ink::Warn, format!("was not put right: {what}")),
        (None, "grant") => (Ink::Warn, format!("should gain {what}: asked, and the answer is not known")),
        (None, "revoke") => (Ink::Warn, format!("should lose {what}: asked, and the answer is not known")),
        (None, "adopt") => (Ink::Warn, format!("should be adopted: {what}: asked, and the answer is not known")),
        (None, _) => (Ink::Warn, format!("should be put right: {what}: asked, and the answer is not known")),
    };
    let mut event = Event { ink, words, ..of(line, asked, "") };
    if let Some(Answered { status, code, message, request, .. }) = answer {
        let failed = [status.map(|it| it.to_string()), code.clone(), message.clone()];
        let failed: Vec<String> = failed.into_iter().flatten().collect();
        if event.ink == Ink::Warn {
            event.words = format!("{}: {}", event.words, failed.join(" "));
        }
        if let Some(request) = request {
            event.source = format!("{}; request {request}", event.source);
        }
    }
    event
}

/// `prod-operations at ttd: Key Vault Secrets Officer on ttd-prod-keyvault`.
fn what(asked: &Asked) -> String {
    let target = asked.scope.rsplit('/').next().unwrap_or_default();
    let definition = asked.definition_name.clone().unwrap_or_else(|| format!("role definition {}", asked.definition));
    let role = asked.role.as_deref().unwrap_or("a role");
    format!("{role} at {}: {definition} on {target}", asked.owner)
}

/// What a look found other than the record before: nobody asked for it through us.
fn looked<'a>(line: &'a Line, seen: &'a Seen, before: &Replay, filter: &Filter) -> Vec<Event<'a>> {
    let mut events = Vec::new();
    let gone = seen.gone.iter().filter_map(|id| before.held(id)).map(|held| (held, "vanished"));
    let held = seen.held.iter().filter_map(|held| match before.held(&held.assignment) {
        None => Some((held, "appeared")),
        Some(then) if (&then.condition, &then.pim) != (&held.condition, &held.pim) => Some((held, "changed")),
        Some(_) => None, // only a name was learnt
    });
    for (held, verb) in held.chain(gone) {
        let owners = before.owners_of(held);
        if !filter.is_person(held.name.as_deref(), &held.principal)
            || !filter.is_owner(owners.iter().map(String::as_str))
        {
            continue;
        }
        let Held { principal, principal_type, name, definition, definition_name, ours, condition, pim, .. } = held;
        let kind = if principal_type == "User" { String::new() } else { format!(" ({principal_type})") };
        let who = name.clone().unwrap_or_else(|| format!("object id {principal}")) + &kind;
        let definition = definition_name.clone().unwrap_or_else(|| format!("role definition {definition}"));
        let by = if *ours { "one of tilgang's" } else { "somebody else's" };
        let mut words = format!("{verb} in Azure: {definition} on {}, {by}", place(&held.assignment));
        if let Some(condition) = condition {
            words = format!("{words}, with the condition {condition}");
        }
        if let Some(pim) = pim.as_deref().filter(|pim| *pim != "no") {
            words = format!("{words}, {pim} by PIM");
        }
        let source = format!("seen at {}", time(seen.observed));
        events.push(Event { line, who, ink: Ink::Mend, words, source, run: None });
    }
    events
}

/// The resource's name, or the scope as it is.
fn place(assignment: &str) -> &str {
    let scope = assignment.split("/providers/Microsoft.Authorization/").next().unwrap_or_default();
    if scope.contains("/providers/") { scope.rsplit('/').next().unwrap_or_default() } else { scope }
}

fn text(lines: &[&Line], filter: &Filter, events: &[Event<'_>], style: Style) -> String {
    let mut page = Page::new(style);
    let mut people: BTreeMap<String, Vec<&Event<'_>>> = BTreeMap::new();
    for event in events {
        people.entry(event.who.to_lowercase()).or_default().push(event);
    }
    for events in people.values() {
        page.gap();
        page.line(0, Ink::Strong, events.first().map_or("", |event| event.who.as_str()));
        for Event { line, ink, words, source, run, .. } in events {
            let at = time(line.at);
            page.put(2, &[Lead { ink: Ink::Faint, text: &at, width: 0 }], *ink, words);
            let run = run.map(|run| format!("run {run}, ")).unwrap_or_default();
            page.line(2 + at.len() + 2, Ink::Faint, &format!("{run}{source}"));
        }
    }
    let named: BTreeSet<u64> = events.iter().filter_map(|event| event.run).collect();
    let mut runs = 0;
    for line in lines.iter().filter(|line| filter.is_time(line.at)) {
        let Entry::Begun(begun) = &line.entry else { continue };
        if filter.is_narrow() && !named.contains(&line.n) {
            continue;
        }
        if runs == 0 {
            page.gap();
            page.line(0, Ink::Strong, "RUNS");
        }
        runs += 1;
        let ended = lines.iter().find_map(|it| match &it.entry {
            Entry::Ended(ended) if ended.of == line.n => Some(ended),
            _ => None,
        });
        let (number, at) = (format!("run {}", line.n), time(line.at));
        let leads = [(number.as_str(), 7), (&at, 0)].map(|(text, width)| Lead { ink: Ink::Faint, text, width });
        page.put(2, &leads, Ink::Plain, &run(begun, ended));
    }
    let looks = lines.iter().filter(|line| {
        filter.is_time(line.at) && matches!(&line.entry, Entry::Seen(it) if it.part.is_none_or(|(part, _)| part == 0))
    });
    let torn = lines.iter().filter(|line| matches!(line.entry, Entry::Torn(_))).count();
    page.gap();
    let mut sums = vec![
        format!("Ledger: {} in {}", count(events.len(), "event", "events"), count(runs, "run", "runs")),
        format!("Azure was looked at {}", count(looks.count(), "time", "times")),
    ];
    if torn > 0 {
        sums.push(format!("{} cut while written, and kept aside", count(torn, "line was", "lines were")));
    }
    page.last(&sums);
    page.finish()
}

/// `apply by kari (github-actions 17), commit 1a2b3c: 3 of 4 done, 1 failed; exit 4`.
fn run(begun: &Begun, ended: Option<&Ended>) -> String {
    let By { via, name, run, identity } = &begun.by;
    let via = run.as_ref().map_or_else(|| via.clone(), |run| format!("{via} {run}"));
    let commit = begun.commit.as_ref().map(|commit| {
        let edited = match begun.edited {
            0 => String::new(),
            some => format!(" with {} edited since", count(some, "file", "files")),
        };
        format!("commit {}{edited}", commit.hash.get(..COMMIT_CHARS).unwrap_or(&commit.hash))
    });
    let parts = [
        Some(format!("{} by {name} ({via})", begun.command)),
        identity.as_ref().map(|id| format!("as object id {id}")),
        commit,
        Some(begun.owners.join(" and ")).filter(|owners| !owners.is_empty()).map(|owners| format!("only {owners}")),
    ];
    let words = parts.into_iter().flatten().collect::<Vec<_>>().join(", ") + ": ";
    let Some(Ended { interrupted, exit, done, already, failed, held_back, not_tried, .. }) = ended else {
        return words + "its end is not recorded: it was killed, or it still runs";
    };
    let sums = [(*already, "already so"), (*failed, "failed"), (*held_back, "held back"), (*not_tried, "not tried")];
    let sums = sums.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}"));
    let refused = begun.refused.iter().map(|refused| format!("{} refused ({})", refused.count, refused.code));
    let all: Vec<String> =
        std::iter::once(format!("{done} of {} done", begun.changes)).chain(sums).chain(refused).collect();
    let cut = if *interrupted { "; somebody ended it" } else { "" };
    format!("{words}{}{cut}; exit {exit}", all.join(", "))
}

#[derive(Serialize)]
struct Shown<'a> {
    format: u32,
    lines: Vec<LineJson<'a>>,
}

#[derive(Serialize)]
struct LineJson<'a> {
    n: u64,
    at: String,
    hash: String,
    #[serde(flatten)]
    entry: &'a Entry,
}

fn json(lines: &[&Line], filter: &Filter, events: &[Event<'_>]) -> String {
    let shown: BTreeSet<u64> = events.iter().map(|event| event.line.n).collect();
    let runs: BTreeSet<u64> = events.iter().filter_map(|event| event.run).collect();
    let wanted = |line: &&&Line| match &line.entry {
        _ if !filter.is_time(line.at) => false,
        _ if !filter.is_narrow() || shown.contains(&line.n) || runs.contains(&line.n) => true,
        Entry::Answered(answered) => shown.contains(&answered.of),
        Entry::Ended(ended) => runs.contains(&ended.of),
        _ => false,
    };
    let lines = lines.iter().filter(wanted).map(|line| LineJson {
        n: line.n,
        at: line.at.to_string(),
        hash: line.hash.to_string(),
        entry: &line.entry,
    });
    let shown = Shown { format: 1, lines: lines.collect() };
    clean_json(&serde_json::to_string_pretty(&shown).unwrap_or_default()) + "\n" // strings and numbers: cannot fail
}
