//! What points at a line: mistakes, what is blocked or refused, findings, and for annotations the changes; gravest first.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{
    config::ConfigError,
    model::desired::Place,
    plan::{
        change::{Action, Change},
        drift::Class,
        outcome::Outcome,
    },
};

use super::{
    facts::{Facts, Item, items},
    groups::Affected,
    problems::{self, Kind, Problem},
    words,
    words::Tense,
};

/// How grave a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Something is wrong, and the run says so by its exit code.
    Error,
    /// People should look at it.
    Warning,
    /// Good to know.
    Notice,
}

/// Something said about a line of a file.
#[derive(Debug)]
pub(super) struct Note {
    pub grade: Grade,
    /// The rule, stable.
    pub code: &'static str,
    /// What it is about, in a few words.
    pub title: String,
    pub message: String,
    /// What more is to be said, and what helps.
    pub more: Vec<String>,
    pub place: Place,
    /// The same from run to run, whatever moves in the file.
    pub fingerprint: String,
}

/// Where a note stands that is about no file in particular.
const WORKSPACE: &str = "tilgang.yaml";

/// What is wrong in the files.
pub(super) fn mistakes(errors: &[ConfigError]) -> Vec<Note> {
    finished(problems::mistakes(errors).iter().map(|problem| of_problem(problem, None)).collect())
}

/// What is to be said of a plan. With `changes`, who gains and loses, too.
pub(super) fn plan(facts: &Facts<'_>, changes: bool) -> Vec<Note> {
    let mut notes = standing(facts);
    notes.extend(of_problems(facts, &problems::findings(facts, |_| true)));
    if changes {
        notes.extend(of_changes(facts, facts.changes(), Tense::Will));
    }
    finished(notes)
}

/// What is to be said of drift: every difference is.
pub(super) fn drift(facts: &Facts<'_>) -> Vec<Note> {
    let mut notes = standing(facts);
    for class in Class::ALL.iter().copied() {
        let changes = facts.view.plan.changes.iter().filter(move |change| Class::of(change) == class);
        let notes_of = of_changes(facts, changes, Tense::Is).into_iter().map(|note| Note {
            grade: Grade::Warning,
            code: class.word(),
            title: format!("drift: {}", class.word()),
            more: note.more.into_iter().chain([class.remedy().to_owned()]).collect(),
            ..note
        });
        notes.extend(notes_of);
    }
    notes.extend(of_problems(facts, &problems::findings(facts, |_| true)));
    finished(notes)
}

/// What is to be said of a run. With `changes`, who gained and lost, too.
pub(super) fn outcomes(facts: &Facts<'_>, outcomes: &[Outcome], changes: bool) -> Vec<Note> {
    let mut notes = standing(facts);
    notes.extend(of_problems(facts, &problems::outcomes(facts, outcomes)));
    if changes {
        let done = outcomes.iter().filter(|outcome| outcome.result == Ok(crate::plan::outcome::Done::Now));
        notes.extend(of_changes(facts, done.map(|outcome| &outcome.change), Tense::Did));
    }
    finished(notes)
}

/// What every report says.
fn standing(facts: &Facts<'_>) -> Vec<Note> {
    let mut notes: Vec<Note> =
        problems::mistakes(facts.view.mistakes).iter().map(|problem| of_problem(problem, None)).collect();
    notes.extend(of_problems(facts, &problems::loud(facts)));
    notes.extend(of_problems(facts, &problems::refused(facts)));
    notes.extend(of_problems(facts, &problems::blocked(facts)));
    notes.extend(of_problems(facts, &problems::deferred(facts)));
    notes.extend(of_problems(facts, &problems::overrides(facts)));
    notes
}

fn grade(kind: Kind) -> Grade {
    match kind {
        Kind::Mistake
        | Kind::NotRead
        | Kind::Attention
        | Kind::Keeps
        | Kind::Failed
        | Kind::Refused
        | Kind::Blocked
        | Kind::Expired => Grade::Error,
        Kind::LeftOut | Kind::Moved | Kind::HeldBack | Kind::NotTried | Kind::Finding => Grade::Warning,
        Kind::Override | Kind::Already | Kind::Deferred => Grade::Notice,
    }
}

fn of_problems(facts: &Facts<'_>, problems: &[Problem<'_>]) -> Vec<Note> {
    let mut notes = Vec::new();
    for problem in problems {
        if problem.affected.is_empty() {
            notes.push(of_problem(problem, None));
        }
        notes.extend(problem.affected.iter().map(|affected| of_problem(problem, Some((facts, affected)))));
    }
    notes
}

fn of_problem(problem: &Problem<'_>, about: Option<(&Facts<'_>, &Affected<'_>)>) -> Note {
    let Problem { kind, code, message, more, known_by, place, .. } = problem;
    let mut note = Note {
        grade: grade(*kind),
        code,
        title: kind.word().to_owned(),
        message: message.clone(),
        more: more.clone(),
        place: place.clone().unwrap_or_else(workspace),
        fingerprint: format!("{code}\n{known_by}"),
    };
    let Some((facts, affected)) = about else { return note };
    let Affected { who, owner, verb: _, roles, origins, help } = affected;
    let words = affected.words(facts);
    // What is about nobody says itself where it is.
    note.message = if who.is_empty() { message.clone() } else { format!("{words}: {message}") };
    note.more.extend(help.clone());
    let origin = origins.first().map(|origin| (facts.view.places)(origin));
    note.place = origin.or_else(|| owner.and_then(|owner| facts.file_of(owner))).unwrap_or(note.place);
    let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    note.fingerprint = format!("{code}\n{who}\n{owner}\n{}", roles.join("\n"));
    // Of a finding about nobody the message is all that tells it from others.
    if who.is_empty() {
        note.fingerprint.push_str(message);
    }
    note
}

/// A note for each decision about a person.
fn of_changes<'a>(facts: &Facts<'a>, changes: impl Iterator<Item = &'a Change>, tense: Tense) -> Vec<Note> {
    let mut items = items(changes);
    items.sort_by_key(|item| item.changes.iter().map(|change| facts.gravity(change)).min());
    items.iter().map(|item| of_item(facts, item, tense)).collect()
}

fn of_item(facts: &Facts<'_>, item: &Item<'_>, tense: Tense) -> Note {
    let Item { action, owner, role, who, because: _, origins, changes: _ } = item;
    let (name, _) = words::person(who);
    let (verb, what) = (words::verb(*action, tense), words::what(facts, item, tense));
    let colon = if matches!(action, Action::Adopt | Action::Update) { ":" } else { "" };
    let reason = words::reason(facts, item);
    let origin = origins.first().map(|origin| (facts.view.places)(origin));
    Note {
        grade: Grade::Notice,
        code: action.word(),
        title: action.word().to_owned(),
        message: format!("{name} {verb}{colon} {what}"),
        more: Some(reason).filter(|reason| !reason.is_empty()).into_iter().collect(),
        place: origin.or_else(|| facts.file_of(*owner)).unwrap_or_else(workspace),
        fingerprint: format!(
            "{}\n{}\n{owner}\n{}",
            action.word(),
            who.id,
            role.map(ToString::to_string).unwrap_or_default()
        ),
    }
}

fn workspace() -> Place {
    Place { file: WORKSPACE.to_owned(), line: 1, column: 1 }
}

/// The gravest first, and each with a fingerprint of its own.
fn finished(mut notes: Vec<Note>) -> Vec<Note> {
    notes.sort_by_key(|note| note.grade);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for note in &mut notes {
        let mut text = format!("{:x}", Sha256::digest(&note.fingerprint));
        text.truncate(32); // half of it tells them apart
        let number = seen.entry(text.clone()).or_default();
        *number += 1;
        note.fingerprint = format!("{text}:{number}");
    }
    notes
}
