//! Who did it, where the assignment itself does not say: what vanished is looked up in the Activity Log, and object ids get
//! their names.
//!
//! In: what is new. Out: what to ask ([`unexplained`], one question a subscription), and, from the answers, what is learnt
//! ([`explain`]). The Activity Log names who asked for a deletion and which assignment was deleted, not whose it was
//! (MicrosoftDocs/azure-docs#96729): the name that tilgang derives is what ties the two together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    difference::{Difference, Key},
    life::{By, Since},
    memory::{News, Turn},
    sight::Coverage,
};
use crate::{
    model::{
        activity::Removal,
        assignment::{Hand, Standing, Triple},
        desired::Desired,
        ids::{AssignmentName, ScopeId, SubscriptionId},
        observed::{Observed, Reading},
    },
    plan::drift::Class,
};

/// What vanished in one subscription, and nothing explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unexplained {
    /// The earliest time at which it may have happened.
    pub after: Timestamp,
    /// The latest.
    pub before: Timestamp,
    /// The differences, each with the name of the assignment that is gone.
    pub gone: BTreeMap<Key, AssignmentName>,
}

/// What was assigned in the looks before: by it, what is gone is told from what never was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stood {
    pub(super) ours: BTreeMap<AssignmentName, SubscriptionId>,
    /// Others', of role definitions that git gives: they meet a grant as well.
    pub(super) others: BTreeMap<Triple, (AssignmentName, SubscriptionId)>,
    pub(super) read: BTreeSet<SubscriptionId>,
}

/// Whether what is missing now was there in the look before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasThere {
    /// It was, under this name.
    Yes(AssignmentName),
    /// It was not.
    No,
    /// Nobody looked there; the name that it would have had.
    Unknown(AssignmentName),
}

/// How git moved between two looks, as far as it concerns a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitMove {
    /// It did not.
    Not,
    /// It did, and says something else of this.
    Here,
    /// It did, and says the same of this.
    Elsewhere,
    /// What it said before is not known.
    Unknown,
}

impl Stood {
    /// After a look: what it saw, and what was known of subscriptions that it did not read.
    #[must_use]
    pub fn after(before: Option<&Self>, desired: &Desired, observed: &Observed, coverage: &Coverage) -> Self {
        let mut stood = before.cloned().unwrap_or_default();
        stood.ours.retain(|_, at| !coverage.subscriptions.contains(at));
        stood.others.retain(|_, (_, at)| !coverage.subscriptions.contains(at));
        let given: BTreeSet<_> = desired.catalog.managed().into_iter().map(|(_, definition)| definition).collect();
        for (id, subscription) in &observed.subscriptions {
            let Reading::Seen(scopes) = &subscription.reading else { continue };
            stood.read.insert(*id);
            for Standing { assignment, hand, .. } in scopes.values().flatten() {
                match hand {
                    Hand::Ours => drop(stood.ours.insert(assignment.name, *id)),
                    Hand::Foreign if given.contains(&assignment.triple.definition) => {
                        stood.others.insert(assignment.triple.clone(), (assignment.name, *id));
                    }
                    Hand::Foreign => {}
                }
            }
        }
        stood
    }

    /// Whether what is missing was there; none for a difference that is about no assignment.
    #[must_use]
    pub fn of(stood: Option<&Self>, difference: &Difference) -> Option<WasThere> {
        let Key { person, scope, definition, .. } = &difference.key;
        let name = difference.assignment.as_deref()?.rsplit('/').next()?.parse().ok()?;
        let Some(stood) = stood else { return Some(WasThere::Unknown(name)) };
        if stood.ours.contains_key(&name) {
            return Some(WasThere::Yes(name));
        }
        let triple = || Some(Triple { scope: scope.clone()?, principal: (*person)?, definition: (*definition)? });
        if let Some((name, _)) = triple().and_then(|triple| stood.others.get(&triple)) {
            return Some(WasThere::Yes(*name));
        }
        let was_read = scope.as_ref().and_then(ScopeId::subscription).is_some_and(|id| stood.read.contains(&id));
        Some(if was_read { WasThere::No } else { WasThere::Unknown(name) })
    }
}

/// Who did what is new, where only the two looks say it. `was`: for what is missing. What was there is asked about
/// ([`unexplained`]).
#[must_use]
pub fn cause(was: Option<WasThere>, git: GitMove) -> By {
    match (was, git) {
        (Some(WasThere::Yes(_) | WasThere::Unknown(_)), _) => By::NotAsked,
        (Some(WasThere::No) | None, GitMove::Here) => By::Git,
        (_, GitMove::Unknown) => By::Unknown("what git said in the look before is not known".into()),
        (Some(WasThere::No), _) => {
            By::Unknown("it was not assigned in the look before, and git says of it what it said then".into())
        }
        (None, _) => By::Unknown("git says of it what it said in the look before".into()),
    }
}

/// What is missing now, and was there, or may have been, in an earlier look. `after` is when that look began.
#[must_use]
pub fn unexplained(
    news: &[News],
    stood: Option<&Stood>,
    after: Timestamp,
    before: Timestamp,
) -> BTreeMap<SubscriptionId, Unexplained> {
    let mut all: BTreeMap<SubscriptionId, Unexplained> = BTreeMap::new();
    for News { turn, entry } in news {
        let difference = &entry.difference;
        let (Class::Missing, Turn::New) = (difference.key.class, *turn) else { continue };
        let Some(subscription) = difference.key.scope.as_ref().and_then(ScopeId::subscription) else { continue };
        if let Some(WasThere::Yes(name) | WasThere::Unknown(name)) = Stood::of(stood, difference) {
            let new = || Unexplained { after, before, gone: BTreeMap::new() };
            let here = all.entry(subscription).or_insert_with(new);
            here.gone.insert(difference.key.clone(), name);
        }
    }
    all
}

/// What the answer of one subscription's Activity Log says of each: since when, and by whom.
#[must_use]
pub fn explain(of: &Unexplained, answer: Result<&[Removal], &str>) -> Vec<(Key, Option<Since>, By)> {
    let removals = match answer {
        Ok(removals) => removals,
        Err(why) => {
            let by = By::Unknown(why.into());
            return of.gone.keys().map(|key| (key.clone(), None, by.clone())).collect();
        }
    };
    let told = |(key, name): (&Key, &AssignmentName)| {
        let last = removals.iter().filter(|removal| removal.name == *name).max_by_key(|removal| removal.at);
        match last {
            Some(removal) => (key.clone(), Some(Since::At(removal.at)), By::Somebody(removal.by.clone())),
            None => (key.clone(), None, By::Unknown("the Activity Log does not have it (yet)".into())),
        }
    };
    of.gone.iter().map(told).collect()
}
