//! Sign-in names that led to another account before: a new account of an old name is another person, as far as anybody knows.
//!
//! That a name changed hands is said on positive evidence alone: a deleted user had it; the ledger knew another account by it; or
//! an account that git lists nowhere holds, by an assignment of ours, what the line gives (`unlisted`). Then git's word for the name is about one of the two, and nobody but people can say about which: until the entry has an
//! `id`, the account of today gains nothing, and the one of before loses nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};

use crate::model::{
    desired::{Desired, FileId, Grant, Origin, UserEntry},
    former::{ChangedHands, Evidence},
    ids::{PrincipalId, UserName},
    observed::Observed,
    owner::OwnerCode,
    people::{ById, DeletedAccounts, Person},
    trouble::Trouble,
};

use super::{
    Plan,
    change::Action,
    finding::{Code, Finding},
    resolve::resolve,
    unlisted::{self, suspects},
};

/// The accounts that names led to before.
pub(super) struct Former<'a> {
    observed: &'a Observed,
    /// Deleted users that were looked up by their id.
    deleted: BTreeMap<&'a UserName, Vec<(PrincipalId, Option<Timestamp>)>>,
    /// Accounts that hold what an entry gives, by the place of the entry.
    assigned: BTreeMap<&'a Origin, BTreeMap<PrincipalId, Evidence>>,
}

impl<'a> Former<'a> {
    pub(super) fn of(desired: &'a Desired, observed: &'a Observed, today: Date) -> Self {
        let mut deleted: BTreeMap<&UserName, Vec<_>> = BTreeMap::new();
        for (id, answer) in &observed.people.by_id {
            if let ById::Deleted { name, on } = answer {
                deleted.entry(name).or_default().push((*id, *on));
            }
        }
        Self { observed, deleted, assigned: unlisted::assigned(desired, observed, today) }
    }

    /// Whether an entry names a person by a name alone that led to another account before.
    pub(super) fn changed(&self, entry: &UserEntry, person: &Person) -> Option<Arc<ChangedHands>> {
        if entry.id.is_some() {
            return None;
        }
        let name = &entry.name;
        let recorded = self.observed.remembered.names.get(name).into_iter().flatten();
        let recorded = recorded.map(|(id, at)| (*id, Evidence::Recorded(*at)));
        let listed = match &self.observed.people.deleted {
            DeletedAccounts::Known(found) => found.get(name),
            DeletedAccounts::NotAsked | DeletedAccounts::Unanswered(_) => None,
        };
        let listed = listed.into_iter().flatten().map(|(id, on)| (*id, Evidence::Deleted(*on)));
        let looked_up = self.deleted.get(name).into_iter().flatten().map(|(id, on)| (*id, Evidence::Deleted(*on)));
        let assigned = self.assigned.get(&entry.origin).cloned().unwrap_or_default();
        let mut before: BTreeMap<PrincipalId, Evidence> =
            assigned.into_iter().chain(recorded).chain(listed).chain(looked_up).collect();
        before.remove(&person.id);
        let (name, now, created) = (name.clone(), person.id, person.created);
        (!before.is_empty()).then(|| Arc::new(ChangedHands { name, now, created, before }))
    }
}

/// Entries whose name changed hands, by where they stand.
pub(super) type Changed<'a> = BTreeMap<&'a Origin, Arc<ChangedHands>>;

/// What an account of before may have been meant by: the grants of a name that changed hands since.
pub(super) type Claims<'a> = BTreeMap<(OwnerCode, PrincipalId), Vec<(&'a Grant, Arc<ChangedHands>)>>;

/// The accounts of before, by owner, with the grants that may have meant them.
pub(super) fn claims<'a>(changed: &Changed<'a>, listed: impl Iterator<Item = &'a Grant>) -> Claims<'a> {
    let mut claims = Claims::new();
    for grant in listed {
        let Some(changed) = changed.get(&grant.user.origin) else { continue };
        for id in changed.before.keys() {
            claims.entry((grant.owner, *id)).or_default().push((grant, changed.clone()));
        }
    }
    claims
}

/// Lines whose age says something: each lists by name alone somebody who would gain something, or whose name may have been that of
/// somebody who would lose it; with when that account was created.
#[must_use]
pub fn undated(desired: &Desired, observed: &Observed, plan: &Plan) -> BTreeMap<Origin, Timestamp> {
    let grants = plan.changes.iter().filter(|change| change.action == Action::Grant);
    let gaining: BTreeSet<&Origin> = grants.flat_map(|change| &change.origins).collect();
    let by_name = desired.grants.iter().filter(|grant| grant.user.id.is_none() && gaining.contains(&grant.origin));
    let dated = by_name.filter_map(|grant| {
        let created = resolve(&grant.user, &observed.people).ok()?.created?;
        Some((grant.user.origin.clone(), created))
    });
    let suspected = suspects(desired, observed, plan).into_iter();
    dated.chain(suspected.map(|(grant, created)| (grant.user.origin.clone(), created))).collect()
}

/// The files whose history tells whether a name was somebody else's, with these names.
#[must_use]
pub fn suspected(desired: &Desired, observed: &Observed, plan: &Plan) -> BTreeMap<FileId, BTreeSet<UserName>> {
    let mut names: BTreeMap<FileId, BTreeSet<UserName>> = BTreeMap::new();
    for (grant, _) in suspects(desired, observed, plan) {
        names.entry(grant.user.origin.file).or_default().insert(grant.user.name.clone());
    }
    names
}

/// Where it could not be asked whether the names of those who gain something led to another account before: once an owner.
pub(super) fn unasked<'a>(desired: &'a Desired, observed: &'a Observed, plan: &Plan) -> Vec<Finding> {
    let DeletedAccounts::Unanswered(trouble) = &observed.people.deleted else { return Vec::new() };
    let grants = plan.changes.iter().filter(|change| change.action == Action::Grant);
    let gaining: BTreeSet<&Origin> = grants.flat_map(|change| &change.origins).collect();
    let by_name = desired.grants.iter().filter(|grant| grant.user.id.is_none() && gaining.contains(&grant.origin));
    let owners: BTreeSet<OwnerCode> = by_name.map(|grant| grant.owner).collect();
    owners.into_iter().map(|owner| not_known(owner, trouble)).collect()
}

fn not_known(owner: OwnerCode, trouble: &Trouble) -> Finding {
    let message = format!(
        "whether the sign-in names of those who gain something led to another account before is not known: {}",
        trouble.without_request()
    );
    Finding::of_owner(Code::Unanswered, owner, None, None, message)
}
