//! The sections that texts share: what was not read, what is blocked, what is refused, findings.

use std::collections::{BTreeMap, BTreeSet};

use unicode_width::UnicodeWidthStr;

use crate::{
    model::{
        desired::{Origin, OwnerFile},
        owner::OwnerCode,
        trouble::{Trouble, TroubleKind},
    },
    plan::{
        Unread, Used,
        approve::{Refusal, Refused},
        blocked::Block,
        change::Action,
        finding::Finding,
    },
};

use super::{
    clean::clean,
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
    let like = |unread: &Unread| {
        let Trouble { kind, status, ref code, .. } = *unread.trouble;
        ("unread", format!("{kind:?} {status:?} {code:?}"))
    };
    for group in group(view.plan.unread.iter(), like) {
        let (said, more) =
            if group.members.len() < MANY { (group.members.len(), 0) } else { (1, group.members.len() - 1) };
        for unread in group.members.iter().take(said) {
            entry(page, Ink::Warn, "! not read", &unread.trouble.to_string());
            let at = unread.owner.map(|owner| format!("{}: ", words::owner(view, owner))).unwrap_or_default();
            page.line(INDENT, Ink::Plain, &format!("{at}nothing is removed there"));
        }
        if more > 0 {
            let owners: BTreeSet<OwnerCode> =
                group.members.iter().skip(said).filter_map(|unread| unread.owner).collect();
            let owners: Vec<&str> = owners.iter().map(OwnerCode::as_str).collect();
            let at = if owners.is_empty() { String::new() } else { format!(", at {}", words::list(&owners)) };
            page.line(INDENT, Ink::Strong, &format!("and {more} more like it{at}: nothing is removed there"));
        }
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

/// Overrides that let removals through: whoever reads the plan shall see that the limits did not hold.
pub(super) fn overrides(page: &mut Page, facts: &Facts<'_>) {
    for Used { by, removals, owners } in &facts.view.plan.used {
        let owners: Vec<&str> = owners.iter().map(OwnerCode::as_str).collect();
        let removals = words::count(*removals, "removal", "removals");
        let file = (facts.view.places)(&by.origin).file;
        page.gap();
        let words = format!("{file} lets {removals} through at {}, beyond the limits", words::list(&owners));
        entry(page, Ink::Warn, "! override", &words);
        page.line(INDENT, Ink::Plain, &format!("{} ({}), until {}", by.reason, by.ticket, by.until));
    }
}

/// What to run next, where something was not read.
pub(super) fn next(page: &mut Page, facts: &Facts<'_>, count: &Count) {
    if count.errors + count.left_out > 0 {
        page.line(0, Ink::Plain, "`tilgang validate` shows every error in the files.");
    }
    let may_not = |trouble: &Trouble| matches!(trouble.kind, TroubleKind::Denied | TroubleKind::SignIn);
    let plan = facts.view.plan;
    let unanswered = plan.blocked.iter().filter_map(|blocked| match &blocked.block {
        Block::PersonUnanswered(trouble) | Block::Unread(trouble) => Some(trouble),
        _ => None,
    });
    if plan.unread.iter().map(|unread| &unread.trouble).chain(unanswered).any(|trouble| may_not(trouble)) {
        page.line(0, Ink::Plain, "`tilgang doctor` shows which rights are missing.");
    }
}

/// A sign with its word, and what is said.
pub(super) fn entry(page: &mut Page, ink: Ink, label: &str, words: &str) {
    page.put(0, &[Lead { ink, text: label, width: INDENT - 2 }], Ink::Plain, words);
}

/// What git asks for and cannot be done, or not safely: each reason once.
pub(super) fn blocked(page: &mut Page, facts: &Facts<'_>) {
    blocked_where(page, facts, |_| true);
}

/// Some of it.
pub(super) fn blocked_where(page: &mut Page, facts: &Facts<'_>, wanted: impl Fn(&Block) -> bool) {
    let shown: BTreeSet<String> = facts.view.plan.unread.iter().map(|unread| unread.trouble.to_string()).collect();
    let said = |block: &Block| match block {
        Block::Unread(trouble) if shown.contains(&trouble.to_string()) => {
            "Azure could not be read there (see above)".to_owned()
        }
        block => block.to_string(),
    };
    let blocked = facts.view.plan.blocked.iter().filter(|blocked| wanted(&blocked.block));
    for group in group(blocked, |blocked| (blocked.block.code(), said(&blocked.block))) {
        page.gap();
        entry(page, Ink::Warn, "! blocked", &group.message);
        // A wrong name is each one's own mistake, at its own line; everything else befalls many at a time.
        let own = ["unknown-person", "gone-person", "not-a-person", "other-person"].contains(&group.code);
        let affected = groups::blocked(facts, &group.members);
        if own { each(page, facts, &affected) } else { people(page, facts, &affected) }
    }
}

/// Removals that policy refuses: each refusal once for each reason to remove.
pub(super) fn refused(page: &mut Page, facts: &Facts<'_>) {
    let why = |refused: &Refused| {
        let reasons = refused.refusals().map(|refusal| clean(&refusal.to_string()));
        let because = match (&refused.refusal, refused.change.action) {
            (Refusal::OlderCommit(_), _) => None, // nothing was asked of it but its age
            (_, Action::Grant) => Some("reason to grant: "),
            (_, Action::Update) => Some("reason to put right: "),
            (_, Action::Revoke) => Some("reason to remove: "),
        };
        let because = because.map(|words| format!("{words}{}", clean(&refused.change.because.to_string())));
        (refused.refusal.code(), reasons.chain(because).collect::<Vec<_>>().join("\n"))
    };
    for group in group(facts.view.refused.iter(), why) {
        let mut lines = group.message.lines();
        page.gap();
        entry(page, Ink::Lose, "x refused", lines.next().unwrap_or_default());
        let lines: Vec<&str> = lines.collect();
        for (at, line) in lines.iter().enumerate() {
            let and = if at + 1 < lines.len() { "and: " } else { "" };
            page.line(INDENT, Ink::Plain, &format!("{and}{line}"));
        }
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
