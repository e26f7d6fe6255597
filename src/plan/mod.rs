//! `Desired` + `Observed` → `Plan`; `Plan` + policy → `ApprovedPlan`. Pure: no IO, no async, no clock (the day is an argument).
//!
//! [`plan`] walks in steps, each a file: names become people (`resolve`), grants become assignments at targets
//! (`want`), and those are compared with what stands (`compare`); what
//! stands and is not wanted goes if that is proven (`removal`). What is unknown blocks what depends on it, and is said.

pub mod approve;
pub mod blocked;
pub mod change;
mod compare;
pub mod digest;
pub mod drift;
mod effect;
pub mod finding;
pub mod pace;
mod removal;
mod resolve;
mod want;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::model::{
    desired::{Desired, OwnerFile},
    ids::{PrincipalId, UserName},
    observed::{Observed, Reading},
    owner::OwnerCode,
    people::{ById, ByName},
    trouble::{Trouble, TroubleKind},
};

use self::{
    blocked::Blocked,
    change::Change,
    finding::{Code, Finding},
};

/// What differs between git and Azure, and what could not be decided.
#[must_use = "a plan changes nothing until it is approved and executed"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What would be done: grants, updates, revokes, in that order, each by owner and person.
    pub changes: Vec<Change>,
    /// What cannot be done, or not safely.
    pub blocked: Vec<Blocked>,
    /// What people should know.
    pub findings: Vec<Finding>,
    /// What could not be read, in the order it was looked for.
    pub unread: Vec<Unread>,
    /// Assignments that git wants and Azure has.
    pub unchanged: usize,
    /// How many of ours stand, by owner: what a share of removals is counted from.
    pub standing: BTreeMap<OwnerCode, usize>,
    /// How many of ours are kept because the owner's file has errors, by owner.
    pub kept: BTreeMap<OwnerCode, usize>,
    /// People who never lose anything.
    pub protected: Protected,
}

/// A part of Azure that could not be read. Nothing is removed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Whose access it concerns, if it is one owner's.
    pub owner: Option<OwnerCode>,
    /// What was being read, and what came back.
    pub trouble: Arc<Trouble>,
}

/// The people of `policy.protected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Those that Entra knows.
    pub ids: BTreeSet<PrincipalId>,
    /// Those it does not: while there is one, nothing is removed at all.
    pub unresolved: Vec<UserName>,
}

impl Plan {
    /// Leaves only what concerns these owners.
    pub fn only(&mut self, owners: &BTreeSet<OwnerCode>) {
        self.changes.retain(|change| owners.contains(&change.owner));
        self.blocked.retain(|blocked| blocked.owner.is_some_and(|owner| owners.contains(&owner)));
        self.findings.retain(|finding| finding.owner.is_none_or(|owner| owners.contains(&owner)));
        self.standing.retain(|owner, _| owners.contains(owner));
        self.kept.retain(|owner, _| owners.contains(owner));
    }

    /// Whether all of Azure that matters was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unread.is_empty()
    }
}

/// Compares what git wants with what Azure showed.
pub fn plan(desired: &Desired, observed: &Observed, today: Date) -> Plan {
    let wanted = want::want(desired, observed, today);
    let mut plan = compare::compare(desired, observed, wanted, today);
    plan.unread = unread(desired, observed);
    plan.findings.extend(absent(desired, observed));
    plan.protected = protected(desired, observed);
    finding::accept(&mut plan.findings, &desired.policy.accept, today);
    plan.changes.sort_by(|a, b| a.order().cmp(&b.order()));
    plan.blocked.sort_by(|a, b| a.order().cmp(&b.order()));
    plan.blocked.dedup();
    plan.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    plan.findings.dedup();
    plan
}

fn unread(desired: &Desired, observed: &Observed) -> Vec<Unread> {
    let inventory = observed.inventory.as_ref().err().map(|trouble| Unread { owner: None, trouble: trouble.clone() });
    let lists = observed.subscriptions.values().filter_map(|subscription| match &subscription.reading {
        Reading::Seen(_) => None,
        Reading::Unseen(trouble) => {
            Some(Unread { owner: subscription.belongs_to.as_ref().map(|(owner, _)| *owner), trouble: trouble.clone() })
        }
    });
    // Everybody shall be taken out there, and nobody can look whether it is so.
    let removed = observed.absent.iter().filter(|(owner, _)| matches!(desired.file_of(*owner), OwnerFile::Removed(_)));
    let absent = removed.map(|(owner, name)| {
        let doing = format!("look at what still stands at {owner}");
        let message = format!("our identity sees no subscription `{name}`");
        let trouble = Trouble::new(TroubleKind::NotFound, doing, message);
        Unread { owner: Some(*owner), trouble: Arc::new(trouble) }
    });
    let mut unanswered: Vec<&Arc<Trouble>> = Vec::new();
    let by_name = observed.people.by_name.values().filter_map(|answer| match answer {
        ByName::Unanswered(trouble) => Some(trouble),
        ByName::Person(_) | ByName::Nobody(_) => None,
    });
    let by_id = observed.people.by_id.values().filter_map(|answer| match answer {
        ById::Unanswered(trouble) => Some(trouble),
        ById::Person(_) | ById::NotAPerson(_) | ById::Deleted { .. } | ById::Gone => None,
    });
    for trouble in by_name.chain(by_id) {
        if unanswered.last().is_none_or(|last| !Arc::ptr_eq(last, trouble)) && !unanswered.contains(&trouble) {
            unanswered.push(trouble);
        }
    }
    let people = unanswered.into_iter().map(|trouble| Unread { owner: None, trouble: trouble.clone() });
    inventory.into_iter().chain(lists).chain(absent).chain(people).collect()
}

/// An owner's subscription that nobody could look into: nothing is granted there, and nothing was checked.
fn absent(desired: &Desired, observed: &Observed) -> impl Iterator<Item = Finding> {
    let read = observed.absent.iter().filter(|(owner, _)| matches!(desired.file_of(*owner), OwnerFile::Read(_)));
    read.map(|(owner, name)| Finding {
        code: Code::NotSeen,
        owner: Some(*owner),
        environment: None,
        role: None,
        who: None,
        scope: None,
        assignment: None,
        message: format!(
            "our identity sees no subscription `{name}`, so nothing was checked there; if the owner has none, \
             say which `environments` it has in `tilgang.yaml`"
        ),
        origins: Vec::new(),
        accepted: None,
    })
}

fn protected(desired: &Desired, observed: &Observed) -> Protected {
    let mut protected = Protected::default();
    for person in &desired.policy.protected {
        match observed.people.by_name.get(&person.name) {
            Some(ByName::Person(found)) => {
                protected.ids.insert(found.id);
            }
            // Not even a deleted user of that name: the protected one may be alive under another.
            Some(ByName::Nobody(_) | ByName::Unanswered(_)) | None => protected.unresolved.push(person.name.clone()),
        }
    }
    protected
}
