//! The sections that texts share: what was not read, what is blocked, what is refused, findings.

use std::collections::{BTreeMap, BTreeSet};

use unicode_width::UnicodeWidthStr;

use crate::{
    model::{desired::Origin, owner::OwnerCode, trouble::Trouble},
    plan::Unread,
};

use super::{
    base,
    facts::{Facts, MANY},
    groups::{Affected, group},
    page::{Ink, Lead, Page},
    problems::{Kind, Problem},
    words,
};

/// Where the words of a section begin.
pub(super) const INDENT: usize = 13;

/// What could not be read: first, and loud.
pub(super) fn loud(page: &mut Page, facts: &Facts<'_>) {
    let view = facts.view;
    let like = |unread: &Unread| {
        let Trouble { kind, status, ref code, .. } = *unread.trouble;
        ("unread", format!("{kind:?} {status:?} {code:?} {:?}", unread.stops))
    };
    for group in group(view.plan.unread.iter(), like) {
        let Some(stops) = group.members.first().map(|unread| unread.stops) else { continue };
        let (said, more) =
            if group.members.len() < MANY { (group.members.len(), 0) } else { (1, group.members.len() - 1) };
        for unread in group.members.iter().take(said) {
            entry(page, Ink::Warn, "! not read", &unread.trouble.to_string());
            let at = unread.owner.map(|owner| format!("{}: ", words::owner(view, owner))).unwrap_or_default();
            page.line(INDENT, Ink::Plain, &format!("{at}{}", unread.stops));
        }
        if more > 0 {
            let owners: BTreeSet<OwnerCode> =
                group.members.iter().skip(said).filter_map(|unread| unread.owner).collect();
            let owners: Vec<&str> = owners.iter().map(OwnerCode::as_str).collect();
            let at = if owners.is_empty() { String::new() } else { format!(", at {}", words::list(&owners)) };
            page.line(INDENT, Ink::Strong, &format!("and {more} more like it{at}: {stops}"));
        }
    }
    for note in view.base.map(base::notes).into_iter().flatten() {
        entry(page, Ink::Warn, "! attention", &note);
    }
    for (code, file) in view.left_out() {
        let path = (view.places)(&Origin { file, path: Box::default() }).file;
        let kept = view.plan.kept.get(&code).copied().unwrap_or_default();
        let kept =
            if kept == 0 { String::new() } else { format!(" ({})", words::count(kept, "assignment", "assignments")) };
        let words = format!("{path} has errors: what stands at {} stays as it is{kept}", words::owner(view, code));
        entry(page, Ink::Warn, "! left out", &words);
    }
    let mut unknown: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in &view.plan.protected.unresolved {
        unknown.entry(&entry.why).or_default().push(format!("`{entry}`"));
    }
    for (why, names) in unknown {
        let names = words::list(&names);
        let words = format!("`policy.protected` names {names}, {why}: until that is corrected nothing is removed");
        entry(page, Ink::Warn, "! attention", &words);
    }
}

/// Problems of one kind, one below the other.
pub(super) fn problems(page: &mut Page, facts: &Facts<'_>, problems: &[Problem<'_>]) {
    for problem in problems {
        let Problem { kind, code, message, more, affected, is_own, .. } = problem;
        let (ink, message) = match kind {
            Kind::Refused | Kind::Failed => (Ink::Lose, message.clone()),
            Kind::Finding => (Ink::Mend, format!("{message} [{code}]")),
            Kind::Already => (Ink::Mend, message.clone()),
            _ => (Ink::Warn, message.clone()),
        };
        page.gap();
        entry(page, ink, kind.label(), &message);
        // A request to name to Microsoft stands below those whom it concerns, everything else above.
        let below = *kind == Kind::Failed;
        let said = |page: &mut Page, ink| more.iter().for_each(|line| page.line(INDENT, ink, line));
        if !below {
            said(page, Ink::Plain);
        }
        if *is_own {
            each(page, facts, affected);
        } else {
            people(page, facts, affected);
        }
        if below {
            said(page, Ink::Faint);
        }
    }
}

/// A sign with its word, and what is said.
pub(super) fn entry(page: &mut Page, ink: Ink, label: &str, words: &str) {
    page.put(0, &[Lead { ink, text: label, width: INDENT - 2 }], Ink::Plain, words);
}

/// Whom it concerns: one line each, or many in one paragraph.
pub(super) fn people(page: &mut Page, facts: &Facts<'_>, affected: &[Affected<'_>]) {
    let names: BTreeSet<&str> = affected.iter().map(|affected| affected.who.as_str()).collect();
    if names.len() < MANY || !is_help_the_same(affected) {
        return each(page, facts, affected);
    }
    let mut alike: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for Affected { who, owner, verb, roles, .. } in affected {
        alike.entry((owner, verb, roles)).or_default().push(who);
    }
    for ((owner, verb, roles), names) in alike {
        let who = words::count(names.len(), "person", "people");
        let all = Affected { who, owner: *owner, verb, roles: roles.clone(), origins: Vec::new(), help: None };
        page.line(INDENT, Ink::Plain, &format!("{}: {}", all.words(facts), names.join(", ")));
    }
    helped(page, INDENT, affected.first());
}

/// One line each, with its place; and what helps, once if it is the same for all.
fn each(page: &mut Page, facts: &Facts<'_>, affected: &[Affected<'_>]) {
    let same = is_help_the_same(affected);
    let places: Vec<String> = affected.iter().map(|one| facts.places(one.origins.iter().copied())).collect();
    let width = places.iter().map(|place| place.width()).max().unwrap_or_default();
    let indent = if width == 0 { INDENT } else { INDENT + width + 2 };
    for (one, place) in affected.iter().zip(&places) {
        page.put(INDENT, &[Lead { ink: Ink::Faint, text: place, width }], Ink::Plain, &one.words(facts));
        helped(page, indent, Some(one).filter(|_| !same));
    }
    helped(page, INDENT, affected.first().filter(|_| same));
}

fn is_help_the_same(affected: &[Affected<'_>]) -> bool {
    affected.windows(2).all(|pair| matches!(pair, [a, b] if a.help == b.help))
}

fn helped(page: &mut Page, indent: usize, affected: Option<&Affected<'_>>) {
    if let Some(help) = affected.and_then(|affected| affected.help.as_deref()) {
        page.line(indent, Ink::Plain, &format!("help: {help}"));
    }
}
