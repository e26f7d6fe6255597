//! The sums of a view: one line in words at the end of every text, `summary` in JSON.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    model::desired::OwnerFile,
    plan::change::{Action, Change},
};

use super::{
    View,
    facts::Facts,
    words::{Tense, count, list, verb},
};

/// Sums of a view. Refused removals are no revokes here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub grants: usize,
    pub revokes: usize,
    pub updates: usize,
    pub unchanged: usize,
    pub blocked: usize,
    pub refused: usize,
    pub findings: usize,
    pub accepted: usize,
    pub unread: usize,
    pub left_out: usize,
    pub errors: usize,
}

impl Count {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let View { plan, refused, desired, errors, .. } = facts.view;
        let changes = |action| facts.changes().filter(|change| change.action == action).count();
        let accepted = plan.findings.iter().filter(|finding| finding.accepted.is_some()).count();
        Self {
            grants: changes(Action::Grant),
            revokes: changes(Action::Revoke),
            updates: changes(Action::Update),
            unchanged: plan.unchanged,
            blocked: plan.blocked.len(),
            refused: refused.len(),
            findings: plan.findings.len() - accepted,
            accepted,
            unread: plan.unread.len(),
            left_out: desired.owners.values().filter(|owner| matches!(owner.file, OwnerFile::Broken(_))).count(),
            errors: *errors,
        }
    }

    /// Whether git and Azure agree, and all of both was read.
    pub(super) fn is_converged(&self) -> bool {
        let Self { grants, revokes, updates, blocked, refused, unread, left_out, errors, .. } = self;
        grants + revokes + updates + blocked + refused + unread + left_out + errors == 0
    }

    /// What is not done, and why nobody should take the rest for the whole.
    pub(super) fn rest(&self) -> Vec<String> {
        let some = |number: usize, words: String| (number > 0).then_some(words);
        let not_done = [
            some(self.blocked, format!("{} blocked", self.blocked)),
            some(self.refused, format!("{} refused", self.refused)),
        ];
        let not_done: Vec<String> = not_done.into_iter().flatten().collect();
        let incomplete = [
            some(self.errors, count(self.errors, "error in the files", "errors in the files")),
            some(self.left_out, format!("{} left out", count(self.left_out, "owner", "owners"))),
            some(self.unread, format!("{} of Azure not read", count(self.unread, "part", "parts"))),
        ];
        let incomplete: Vec<String> = incomplete.into_iter().flatten().collect();
        let rest = [
            some(not_done.len(), not_done.join(", ")),
            some(self.findings, count(self.findings, "finding", "findings")),
            some(self.accepted, count(self.accepted, "accepted finding", "accepted findings")),
            some(incomplete.len(), format!("not the whole picture: {}", list(&incomplete))),
        ];
        rest.into_iter().flatten().collect()
    }
}

/// `3 people gain access, 1 person is put right`; `None` for no changes.
pub(super) fn people<'a>(changes: &(impl Iterator<Item = &'a Change> + Clone), tense: Tense) -> Option<String> {
    let words = [Action::Grant, Action::Revoke, Action::Update].map(|action| {
        let people: BTreeSet<_> =
            changes.clone().filter(|change| change.action == action).map(|change| change.triple.principal).collect();
        let verb = match (action, tense, people.len()) {
            (_, _, 0) => return None,
            (_, Tense::Did, 2..) if action == Action::Update => "were put right",
            (Action::Grant, Tense::Will, 2..) => "gain",
            (Action::Update, Tense::Will, 2..) => "are put right",
            (Action::Revoke, Tense::Will, 2..) => "lose",
            _ => verb(action, tense),
        };
        let access = if action == Action::Update { "" } else { " access" };
        Some(format!("{} {verb}{access}", count(people.len(), "person", "people")))
    });
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// `2026-11-22 09:00 UTC`.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
