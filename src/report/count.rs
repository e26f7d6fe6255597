//! The sums of a view: one line in words at the end of every text, `summary` in JSON.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::plan::{
    change::{Action, Change},
    finding::Code,
};

use super::{
    View,
    facts::Facts,
    words::{Tense, count, list, verbs},
};

/// Sums of a view. Refused removals are no revokes here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub grants: usize,
    pub revokes: usize,
    pub adopts: usize,
    pub updates: usize,
    pub unchanged: usize,
    pub blocked: usize,
    pub refused: usize,
    /// Whether nothing at all may be done.
    pub halted: bool,
    pub deferred: usize,
    /// People who are out of git and keep access.
    pub keeps: usize,
    pub findings: usize,
    pub accepted: usize,
    pub unread: usize,
    pub left_out: usize,
    pub errors: usize,
}

impl Count {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let View { plan, refused, deferred, errors, .. } = facts.view;
        let changes = |action| facts.changes().filter(|change| change.action == action).count();
        let accepted = plan.findings.iter().filter(|finding| finding.accepted.is_some()).count();
        let kept = plan.findings.iter().filter(|it| it.code == Code::Keeps && it.accepted.is_none());
        let keepers: BTreeSet<_> = kept.clone().filter_map(|it| it.who.as_ref().map(|who| who.id)).collect();
        Self {
            keeps: keepers.len(),
            grants: changes(Action::Grant),
            revokes: changes(Action::Revoke),
            adopts: changes(Action::Adopt),
            updates: changes(Action::Update),
            unchanged: plan.unchanged,
            blocked: plan.blocked.len(),
            refused: refused.len(),
            halted: plan.halted.is_some(),
            deferred: deferred.len(),
            findings: plan.findings.len() - accepted - kept.count(),
            accepted,
            unread: plan.unread.len(),
            left_out: facts.view.left_out().count(),
            errors: *errors,
        }
    }

    /// Whether git and Azure agree, and all of both was read.
    pub(super) fn is_converged(&self) -> bool {
        let Self { grants, revokes, adopts, updates, blocked, refused, deferred, .. } = self;
        let Self { keeps, halted, unread, left_out, errors, .. } = self;
        !halted
            && grants + revokes + adopts + updates + blocked + refused + deferred + keeps + unread + left_out + errors
                == 0
    }

    /// A headline, and how many people keep access that git no longer lists.
    pub(super) fn headline(&self, words: &str) -> String {
        match self.keeps {
            0 => words.to_owned(),
            1 => format!("{words}; 1 person keeps access that git no longer lists"),
            people => format!("{words}; {people} people keep access that git no longer lists"),
        }
    }

    /// What is not done, what stays, what people should know; and last, why nobody should take this for the whole.
    pub(super) fn rest(&self) -> Vec<String> {
        let some = |number: usize, words: String| (number > 0).then_some(words);
        let join = |words: &[Option<String>]| words.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
        let not_done = join(&[
            some(self.blocked, format!("{} blocked", self.blocked)),
            some(self.refused, format!("{} refused", self.refused)),
            some(usize::from(self.halted && self.refused == 0), "refused as a whole".to_owned()),
            some(self.deferred, format!("{} left for another run", self.deferred)),
        ]);
        let findings = join(&[
            some(self.findings, count(self.findings, "finding", "findings")),
            some(self.accepted, count(self.accepted, "accepted finding", "accepted findings")),
        ]);
        let incomplete = [
            some(self.errors, count(self.errors, "error in the files", "errors in the files")),
            some(self.left_out, format!("{} left out", count(self.left_out, "owner", "owners"))),
            some(self.unread, format!("{} of Azure not read", count(self.unread, "part", "parts"))),
        ];
        let incomplete: Vec<String> = incomplete.into_iter().flatten().collect();
        let rest = [
            some(not_done.len(), not_done),
            some(
                usize::from(!self.is_converged()) * self.unchanged,
                format!("{} unchanged", self.unchanged_in_words()),
            ),
            some(findings.len(), findings),
            some(incomplete.len(), format!("not the whole picture: {}", list(&incomplete))),
        ];
        rest.into_iter().flatten().collect()
    }

    /// `41 assignments`.
    pub(super) fn unchanged_in_words(&self) -> String {
        count(self.unchanged, "assignment", "assignments")
    }
}

/// `3 people gain, 1 loses, 1 is put right`; `None` for no changes.
pub(super) fn people<'a>(changes: &(impl Iterator<Item = &'a Change> + Clone), tense: Tense) -> Option<String> {
    let mut words = Vec::new();
    for action in [Action::Grant, Action::Revoke, Action::Adopt, Action::Update] {
        let changes = changes.clone().filter(|change| change.action == action);
        let people = changes.map(|change| change.triple.principal).collect::<BTreeSet<_>>().len();
        if people == 0 {
            continue;
        }
        let verb = verbs(action, tense, people);
        let number = if words.is_empty() { count(people, "person", "people") } else { people.to_string() };
        words.push(format!("{number} {verb}"));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// `40 seconds`, `3 minutes`, rounded up.
pub(super) fn length(seconds: u64) -> String {
    match seconds {
        0..=60 => format!("{} seconds", seconds.next_multiple_of(10)),
        61..=7_200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

/// `2026-11-22 09:00 UTC`.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
