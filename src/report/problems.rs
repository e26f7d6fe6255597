//! What is not as it should be, each message once: the problems of a view and of a run, gravest first, with whom they concern.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::ConfigError,
    model::{
        desired::{Origin, Place},
        owner::OwnerCode,
        policy,
        trouble::Trouble,
    },
    plan::{
        Unread, Used,
        approve::Refused,
        blocked::Block,
        change::{Action, Change},
        finding::{Code, Finding},
        outcome::{Done, Failure, Outcome},
        selection::{Deferred, Left},
    },
};

use super::{
    base,
    clean::clean,
    facts::{Facts, MANY},
    groups::{self, Affected, group},
    words,
};

/// What kind of problem it is. The order is that of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Mistake,
    NotRead,
    LeftOut,
    Attention,
    Keeps,
    Failed,
    Refused,
    Blocked,
    Moved,
    HeldBack,
    NotTried,
    Expired,
    Deferred,
    Override,
    Already,
    Finding,
}

impl Kind {
    /// Sign and word, as text shows them.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Mistake => "! mistake",
            Self::NotRead => "! not read",
            Self::LeftOut => "! left out",
            Self::Attention => "! attention",
            Self::Keeps => "! KEEPS",
            Self::Failed => "! failed",
            Self::Refused => "x refused",
            Self::Blocked => "! blocked",
            Self::Moved => "! moved",
            Self::HeldBack => "! held back",
            Self::NotTried => "! not tried",
            Self::Expired => "! expired",
            Self::Deferred => "> deferred",
            Self::Override => "! override",
            Self::Already => "= already",
            Self::Finding => "* finding",
        }
    }

    /// The word alone.
    pub(super) fn word(self) -> &'static str {
        self.label().get(2..).unwrap_or_default()
    }
}

/// A message, and whom it concerns.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub kind: Kind,
    pub code: &'static str,
    pub message: String,
    /// What else is to be said of it.
    pub more: Vec<String>,
    pub affected: Vec<Affected<'a>>,
    /// Whether it is each one's own mistake, at a line of its own.
    pub is_own: bool,
    /// Where it stands, if it is not about people.
    pub place: Option<Place>,
    /// What tells it from others with its code, and stays the same from run to run; empty where `affected` does.
    pub known_by: String,
}

impl<'a> Problem<'a> {
    fn new(kind: Kind, code: &'static str, message: String) -> Self {
        let (more, affected, known_by) = (Vec::new(), Vec::new(), String::new());
        Self { kind, code, message, more, affected, is_own: false, place: None, known_by }
    }

    fn about(self, affected: Vec<Affected<'a>>) -> Self {
        Self { affected, ..self }
    }
}

/// Mistakes in the files.
pub(super) fn mistakes<'a>(errors: &'a [ConfigError]) -> Vec<Problem<'a>> {
    let problem = |error: &'a ConfigError| {
        let (file, line, column) = (error.file().to_owned(), error.line().unwrap_or(1), error.column().unwrap_or(1));
        let known_by = format!("{file} {}", error.text_of_line().unwrap_or_default());
        let more = error.help_text().map(str::to_owned).into_iter().collect();
        let place = Some(Place { file, line, column });
        Problem { more, place, known_by, ..Problem::new(Kind::Mistake, error.rule().name, error.message().to_owned()) }
    };
    errors.iter().map(problem).collect()
}

/// What could not be read, and what stays as it is for that.
pub(super) fn loud<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    let view = facts.view;
    let mut problems = Vec::new();
    let like = |unread: &Unread| {
        let Trouble { kind, status, ref code, .. } = *unread.trouble;
        ("unread", format!("{kind:?} {status:?} {code:?} {:?}", unread.stops))
    };
    for group in group(view.plan.unread.iter(), like) {
        let Some(stops) = group.members.first().map(|unread| unread.stops) else { continue };
        let said = if group.members.len() < MANY { group.members.len() } else { 1 };
        for unread in group.members.iter().take(said) {
            let at = unread.owner.map(|owner| format!("{}: ", words::owner(view, owner))).unwrap_or_default();
            let more = vec![format!("{at}{}", unread.stops)];
            let place = unread.owner.and_then(|owner| facts.file_of(owner));
            let known_by =
                format!("{} {}", unread.trouble.doing, unread.owner.map(|owner| owner.to_string()).unwrap_or_default());
            let new = Problem::new(Kind::NotRead, "unread", unread.trouble.to_string());
            problems.push(Problem { more, place, known_by, ..new });
        }
        let rest = group.members.iter().skip(said);
        let owners: BTreeSet<OwnerCode> = rest.filter_map(|unread| unread.owner).collect();
        let owners: Vec<&str> = owners.iter().map(OwnerCode::as_str).collect();
        let at = if owners.is_empty() { String::new() } else { format!(", at {}", words::list(&owners)) };
        if let (Some(last), more @ 1..) = (problems.last_mut(), group.members.len() - said) {
            last.more.push(format!("and {more} more like it{at}: {stops}"));
        }
    }
    for note in view.base.map(base::notes).into_iter().flatten() {
        problems.push(Problem::new(Kind::Attention, "base", note));
    }
    for (code, file) in view.left_out() {
        let path = (view.places)(&Origin { file, path: Box::default() }).file;
        let kept = view.plan.kept.get(&code).copied().unwrap_or_default();
        let kept =
            if kept == 0 { String::new() } else { format!(" ({})", words::count(kept, "assignment", "assignments")) };
        let words = format!("`{path}` has errors: what stands at {} stays as it is{kept}", words::owner(view, code));
        let place = facts.file_of(code);
        problems.push(Problem { place, known_by: code.to_string(), ..Problem::new(Kind::LeftOut, "left-out", words) });
    }
    let mut unknown: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in &view.plan.protected.unresolved {
        unknown.entry(&entry.why).or_default().push(format!("`{entry}`"));
    }
    for (why, names) in unknown {
        let stands = |entry: &&policy::Protected| names.contains(&format!("`{}`", entry.whom));
        let place = view.desired.policy.protected.iter().find(stands).map(|entry| (view.places)(&entry.origin));
        let names = words::list(&names);
        let words = format!("`policy.protected` names {names}, {why}: until that is corrected nothing is removed");
        problems.push(Problem { place, known_by: names, ..Problem::new(Kind::Attention, "protected-unknown", words) });
    }
    problems
}

/// Who is out of git and keeps the access.
pub(super) fn keeps<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    let mut problems = findings(facts, |finding| finding.code == Code::Keeps && finding.accepted.is_none());
    for problem in &mut problems {
        problem.kind = Kind::Keeps;
    }
    problems
}

/// Every finding that has no section of its own.
pub(super) fn other_findings<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    findings(facts, |finding| finding.code != Code::Keeps || finding.accepted.is_some())
}

/// What git asks for and cannot be done, or not safely: each reason once.
pub(super) fn blocked<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    blocked_where(facts, |_| true)
}

/// Some of it.
pub(super) fn blocked_where<'a>(facts: &Facts<'a>, wanted: impl Fn(&Block) -> bool) -> Vec<Problem<'a>> {
    let shown: BTreeSet<String> = facts.view.plan.unread.iter().map(|unread| unread.trouble.to_string()).collect();
    let said = |block: &Block| match block {
        Block::Unread(trouble) if shown.contains(&trouble.to_string()) => {
            "Azure could not be read there (see above)".to_owned()
        }
        block => block.to_string(),
    };
    let blocked = facts.view.plan.blocked.iter().filter(|blocked| wanted(&blocked.block));
    let groups = group(blocked, |blocked| (blocked.block.code(), said(&blocked.block)));
    let problem = |group: groups::Group<'a, _>| {
        // A wrong name is each one's own mistake, at its own line; everything else befalls many at a time.
        let is_own = ["unknown-person", "gone-person", "not-a-person", "other-person"].contains(&group.code);
        let affected = groups::blocked(facts, &group.members);
        Problem { is_own, ..Problem::new(Kind::Blocked, group.code, group.message) }.about(affected)
    };
    groups.into_iter().map(problem).collect()
}

/// Changes that policy refuses: each refusal once for each reason of the change.
pub(super) fn refused<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    let why = |refused: &Refused| {
        let reasons = refused.refusals().map(|refusal| clean(&refusal.to_string()));
        let because = match (&refused.refusal, refused.change.action) {
            (refusal, _) if refusal.is_of_run() => None, // nothing was asked of the change itself
            (_, Action::Grant) => Some("reason to grant: "),
            (_, Action::Adopt) => Some("reason to adopt: "),
            (_, Action::Update) => Some("reason to put right: "),
            (_, Action::Revoke) => Some("reason to remove: "),
        };
        let because = because.map(|words| format!("{words}{}", clean(&refused.change.because.to_string())));
        (refused.refusal.code(), reasons.chain(because).collect::<Vec<_>>().join("\n"))
    };
    let problem = |group: groups::Group<'a, _>| {
        let mut lines = group.message.lines().map(str::to_owned);
        let message = lines.next().unwrap_or_default();
        let mut more: Vec<String> = lines.collect();
        let last = more.len().saturating_sub(1);
        for line in more.iter_mut().take(last) {
            line.insert_str(0, "and: ");
        }
        let affected = groups::refused(facts, &group.members);
        Problem { more, ..Problem::new(Kind::Refused, group.code, message) }.about(affected)
    };
    let whole = facts.view.plan.halted.as_ref().filter(|_| facts.view.refused.is_empty()).map(|refusal| Problem {
        more: vec![format!("help: {}", words::refusal_help(refusal))],
        ..Problem::new(Kind::Refused, refusal.code(), clean(&refusal.to_string()))
    });
    whole.into_iter().chain(group(facts.view.refused.iter(), why).into_iter().map(problem)).collect()
}

/// What is left for another run: each reason once. What is blocked anyway comes last, with that reason.
pub(super) fn deferred<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    let said = |it: &Deferred| match &it.what {
        Left::Change(_) => (it.why.code(), it.why.to_string()),
        Left::Blocked(blocked) => (blocked.block.code(), format!("{}, and blocked: {}", it.why, blocked.block)),
    };
    let problem = |group: groups::Group<'a, Deferred>| {
        let (mut changes, mut blocked, mut kind) = (Vec::new(), Vec::new(), Kind::Deferred);
        for deferred in &group.members {
            if deferred.is_left_undone() {
                kind = Kind::Expired;
            }
            match &deferred.what {
                Left::Change(change) => changes.push(change),
                Left::Blocked(it) => blocked.push(it),
            }
        }
        let help = group.members.first().map(|deferred| deferred.why.help().to_owned());
        let of_changes = groups::changes(facts, &changes, groups::would).into_iter();
        let of_changes = of_changes.map(|affected| Affected { help: help.clone(), ..affected });
        let affected = of_changes.chain(groups::blocked(facts, &blocked)).collect();
        Problem::new(kind, group.code, group.message).about(affected)
    };
    let mut problems: Vec<Problem<'a>> = group(facts.view.deferred.iter(), said).into_iter().map(problem).collect();
    problems.sort_by_key(|problem| problem.kind);
    problems
}

/// Overrides that let removals through: whoever reads the plan shall see that the limits did not hold.
pub(super) fn overrides<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    let problem = |used: &'a Used| {
        let Used { by, removals, owners } = used;
        let owners: Vec<&str> = owners.iter().map(OwnerCode::as_str).collect();
        let removals = words::count(*removals, "removal", "removals");
        let file = (facts.view.places)(&by.origin).file;
        let words = format!("{file} lets {removals} through at {}, beyond the limits", words::list(&owners));
        let more = vec![format!("{} ({}), until {}", by.reason, by.ticket, by.until)];
        let place = Some((facts.view.places)(&by.origin));
        Problem { more, place, known_by: file, ..Problem::new(Kind::Override, "override", words) }
    };
    facts.view.plan.used.iter().map(problem).collect()
}

/// What people should know: each message once; what is accepted is only counted.
pub(super) fn findings<'a>(facts: &Facts<'a>, wanted: impl Fn(&Finding) -> bool) -> Vec<Problem<'a>> {
    let findings = facts.view.plan.findings.iter().filter(|finding| finding.accepted.is_none() && wanted(finding));
    let groups = group(findings, |finding| (finding.code.word(), finding.message.clone()));
    let problem = |group: groups::Group<'a, _>| {
        let affected = groups::findings(facts, &group.members);
        Problem::new(Kind::Finding, group.code, group.message).about(affected)
    };
    groups.into_iter().map(problem).collect()
}

/// What did not go as planned.
pub(super) fn outcomes<'a>(facts: &Facts<'_>, outcomes: &'a [Outcome]) -> Vec<Problem<'a>> {
    let mut problems = Vec::new();
    problems.extend(failed(facts, outcomes));
    problems.extend(moved(facts, outcomes));
    let held_back = changes(outcomes, |it| *it == Err(Failure::HeldBack));
    if !held_back.is_empty() {
        let words = "not taken away, because what the same person should gain at the same owner failed".to_owned();
        let affected = groups::changes(facts, &held_back, |_| " keeps");
        problems.push(Problem::new(Kind::HeldBack, "held-back", words).about(affected));
    }
    problems.extend(not_tried(facts, outcomes));
    for (revoke, words) in [(false, "there already: somebody was faster"), (true, "gone already: somebody was faster")]
    {
        let mut already = changes(outcomes, |it| *it == Ok(Done::Already));
        already.retain(|change| (change.action == Action::Revoke) == revoke);
        if !already.is_empty() {
            let affected = groups::changes(facts, &already, |_| ":");
            problems.push(Problem::new(Kind::Already, "already", words.to_owned()).about(affected));
        }
    }
    problems
}

fn changes(outcomes: &[Outcome], wanted: impl Fn(&Result<Done, Failure>) -> bool) -> Vec<&Change> {
    outcomes.iter().filter(|outcome| wanted(&outcome.result)).map(|outcome| &outcome.change).collect()
}

/// What Azure refused: each of its messages once, with the requests to name to Microsoft.
fn failed<'a>(facts: &Facts<'_>, outcomes: &'a [Outcome]) -> Vec<Problem<'a>> {
    let failed = outcomes.iter().filter(|outcome| matches!(outcome.result, Err(Failure::Trouble(_))));
    let problem = |group: groups::Group<'a, Outcome>| {
        let changes: Vec<&Change> = group.members.iter().map(|outcome| &outcome.change).collect();
        let mut requests: Vec<&str> = group.members.iter().filter_map(|outcome| request_id(outcome)).collect();
        requests.dedup();
        let more = match requests.as_slice() {
            [] => Vec::new(),
            [one] => vec![format!("request {one}")],
            [first, rest @ ..] => vec![format!("request {first} and {} more", rest.len())],
        };
        let affected = groups::changes(facts, &changes, not_done);
        Problem { more, ..Problem::new(Kind::Failed, "failed", group.message) }.about(affected)
    };
    group(failed, |outcome| ("failed", azure_said(outcome))).into_iter().map(problem).collect()
}

/// What was not tried, because it no longer rests on what the plan saw.
fn moved<'a>(facts: &Facts<'_>, outcomes: &'a [Outcome]) -> Vec<Problem<'a>> {
    let moved = outcomes.iter().filter(|outcome| matches!(outcome.result, Err(Failure::Moved(_))));
    let said = |outcome: &Outcome| match &outcome.result {
        Err(Failure::Moved(moved)) => (moved.code(), moved.to_string()),
        _ => ("", String::new()),
    };
    let problem = |group: groups::Group<'a, Outcome>| {
        let changes: Vec<&Change> = group.members.iter().map(|outcome| &outcome.change).collect();
        let affected = groups::changes(facts, &changes, not_done);
        Problem::new(Kind::Moved, group.code, group.message).about(affected)
    };
    group(moved, said).into_iter().map(problem).collect()
}

/// What the end of the run came before.
fn not_tried<'a>(facts: &Facts<'_>, outcomes: &'a [Outcome]) -> Option<Problem<'a>> {
    let left = changes(outcomes, |it| matches!(it, Err(Failure::Unrecorded(_) | Failure::NotTried)));
    if left.is_empty() {
        return None;
    }
    let unrecorded = outcomes.iter().find_map(|outcome| match &outcome.result {
        Err(Failure::Unrecorded(why)) => Some(why),
        _ => None,
    });
    let words = match unrecorded {
        Some(why) => format!("what is not written down is not done, and the ledger could not be written: {why}"),
        None => "the run was ended before".to_owned(),
    };
    Some(Problem::new(Kind::NotTried, "not-tried", words).about(groups::changes(facts, &left, not_done)))
}

fn not_done(action: Action) -> &'static str {
    match action {
        Action::Grant => " did not gain",
        Action::Adopt => " was not adopted:",
        Action::Update => " was not put right:",
        Action::Revoke => " did not lose",
    }
}

/// Azure's answer without the request's id: many failures share the one, none the other.
pub(super) fn azure_said(outcome: &Outcome) -> String {
    let Err(Failure::Trouble(trouble)) = &outcome.result else { return String::new() };
    let answer = [trouble.status.map(|status| status.to_string()), trouble.code.clone()];
    let answer = answer.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if answer.is_empty() { trouble.message.clone() } else { format!("{answer}: {}", trouble.message) }
}

fn request_id(outcome: &Outcome) -> Option<&str> {
    match &outcome.result {
        Err(Failure::Trouble(trouble)) => trouble.request_id.as_deref(),
        _ => None,
    }
}
