//! The sections that texts share: what was not read, what is blocked, what is refused, findings.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;

use crate::{
    model::{
        desired::{Origin, OwnerFile},
        trouble::TroubleKind,
    },
    plan::{Unread, blocked::Block, finding::Finding},
};

use super::{
    count::Count,
    facts::{Facts, MANY},
    groups::{self, Affected, group},
    page::{Ink, Lead, Page},
    words,
};

/// Where the words of a section begin.
pub(super) const INDENT: usize = 13;

/// What could not be read: first, and loud.
pub(super) fn loud(page: &mut Page, facts: &Facts<'_>) {
    let view = facts.view;
    for unread in &view.plan.unread {
        let at = unread.owner.map(|owner| format!("{}: ", words::owner(view, owner))).unwrap_or_default();
        entry(page, Ink::Warn, "! not read", &unread.trouble.to_string());
        page.line(INDENT, Ink::Plain, &format!("{at}nothing is removed there"));
    }
    for (code, owner) in &view.desired.owners {
        let OwnerFile::Broken(file) = owner.file else { continue };
        let path = (view.places)(&Origin { file, path: Box::default() }).file;
        let kept = view.plan.kept.get(code).copied().unwrap_or_default();
        let kept =
            if kept == 0 { String::new() } else { format!(" ({})", words::count(kept, "assignment", "assignments")) };
        let words = format!("{path} has errors: what stands at {} stays as it is{kept}", words::owner(view, *code));
        entry(page, Ink::Warn, "! left out", &words);
    }
    if let Some(unknown) = view.plan.protected.unresolved.first() {
        let words = format!(
            "`policy.protected` names `{unknown}`, whom Entra does not know: until that is corrected nothing is removed"
        );
        entry(page, Ink::Warn, "! attention", &words);
    }
}

/// What to run next, where something was not read.
pub(super) fn next(page: &mut Page, facts: &Facts<'_>, count: &Count) {
    if count.errors + count.left_out > 0 {
        page.line(0, Ink::Plain, "`tilgang validate` shows every error in the files.");
    }
    let may_not = |unread: &Unread| matches!(unread.trouble.kind, TroubleKind::Denied | TroubleKind::SignIn);
    if facts.view.plan.unread.iter().any(may_not) {
        page.line(0, Ink::Plain, "`tilgang doctor` shows which rights are missing.");
    }
}

/// A sign with its word, and what is said.
pub(super) fn entry(page: &mut Page, ink: Ink, label: &str, words: &str) {
    page.put(0, &[Lead { ink, text: label, width: INDENT - 2 }], Ink::Plain, words);
}

/// What git asks for and cannot be done, or not safely: each reason once.
pub(super) fn blocked(page: &mut Page, facts: &Facts<'_>) {
    let shown: BTreeSet<String> = facts.view.plan.unread.iter().map(|unread| unread.trouble.to_string()).collect();
    let said = |block: &Block| match block {
        Block::Unread(trouble) if shown.contains(&trouble.to_string()) => {
            format!("could not {} (see above)", trouble.doing)
        }
        block => block.to_string(),
    };
    for group in group(facts.view.plan.blocked.iter(), |blocked| (blocked.block.code(), said(&blocked.block))) {
        page.gap();
        entry(page, Ink::Warn, "! blocked", &group.message);
        people(page, facts, &groups::blocked(facts, &group.members));
    }
}

/// Removals that policy refuses: each refusal once.
pub(super) fn refused(page: &mut Page, facts: &Facts<'_>) {
    let refused = facts.view.refused.iter();
    for group in group(refused, |refused| (refused.refusal.code(), refused.refusal.to_string())) {
        page.gap();
        entry(page, Ink::Lose, "x refused", &group.message);
        people(page, facts, &groups::refused(facts, &group.members));
    }
}

/// What people should know: each message once; what is accepted only as a count in the sums.
pub(super) fn findings(page: &mut Page, facts: &Facts<'_>, wanted: impl Fn(&Finding) -> bool) {
    let findings = facts.view.plan.findings.iter().filter(|finding| finding.accepted.is_none() && wanted(finding));
    for group in group(findings, |finding| (finding.code.word(), finding.message.clone())) {
        page.gap();
        entry(page, Ink::Mend, "* finding", &format!("{} [{}]", group.message, group.code));
        people(page, facts, &groups::findings(facts, &group.members));
    }
}

/// Whom it concerns: one line each, or many in one paragraph; and what helps, once if it is the same for all.
pub(super) fn people(page: &mut Page, facts: &Facts<'_>, affected: &[Affected<'_>]) {
    let names: BTreeSet<&str> = affected.iter().map(|affected| affected.who.as_str()).collect();
    let helps: BTreeSet<Option<&str>> = affected.iter().map(|affected| affected.help.as_deref()).collect();
    let same = helps.len() == 1;
    if same && names.len() >= MANY {
        let owners: BTreeSet<_> = affected.iter().filter_map(|affected| affected.owner).collect();
        let at = match owners.into_iter().collect::<Vec<_>>().as_slice() {
            [] => String::new(),
            [one] => format!(" at {}", words::owner(facts.view, *one)),
            several => format!(" at {} owners", several.len()),
        };
        let names: Vec<&str> = names.into_iter().collect();
        page.line(INDENT, Ink::Plain, &format!("{} people{at}: {}", names.len(), names.join(", ")));
    } else {
        let places: Vec<String> = affected.iter().map(|one| facts.places(one.origins.iter().copied())).collect();
        let width = places.iter().map(|place| place.width()).max().unwrap_or_default();
        for (one, place) in affected.iter().zip(&places) {
            page.put(INDENT, &[Lead { ink: Ink::Faint, text: place, width }], Ink::Plain, &one.words(facts));
            if let (Some(help), false) = (&one.help, same) {
                page.line(INDENT, Ink::Plain, &format!("help: {help}"));
            }
        }
    }
    if let (Some(Some(help)), true) = (helps.first(), same) {
        page.line(INDENT, Ink::Plain, &format!("help: {help}"));
    }
}
