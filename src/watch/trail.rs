//! Who did it, where the assignment itself does not say: what vanished is looked up in the Activity Log, and object ids get
//! their names.
//!
//! In: what is new. Out: what to ask ([`unexplained`], one question a subscription), and, from the answers, what is learnt
//! ([`explain`]). The Activity Log names who asked for a deletion and which assignment was deleted, not whose it was
//! (MicrosoftDocs/azure-docs#96729): the name that tilgang derives is what ties the two together.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    difference::Key,
    life::{By, Since},
    memory::{News, Turn},
};
use crate::{
    model::{
        activity::Removal,
        ids::{AssignmentName, SubscriptionId},
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

/// What stood in an earlier look and is missing now. `stood` says whether an assignment of ours stood then; `after` is when
/// that look began.
#[must_use]
pub fn unexplained(
    news: &[News],
    stood: &dyn Fn(AssignmentName) -> bool,
    after: Timestamp,
    before: Timestamp,
) -> BTreeMap<SubscriptionId, Unexplained> {
    let mut all: BTreeMap<SubscriptionId, Unexplained> = BTreeMap::new();
    for News { turn, entry } in news {
        let difference = &entry.difference;
        let (Class::Missing, Turn::New) = (difference.key.class, *turn) else { continue };
        let Some(id) = difference.assignment.as_deref() else { continue };
        let name = id.rsplit('/').next().and_then(|name| name.parse().ok());
        let subscription = difference.key.scope.as_ref().and_then(crate::model::ids::ScopeId::subscription);
        let (Some(name), Some(subscription)) = (name, subscription) else { continue };
        if stood(name) {
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
