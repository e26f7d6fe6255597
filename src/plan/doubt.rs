//! Names that nobody could be found by, and whom they could mean.
//!
//! A listed name that Entra does not know may be a slip of the finger or somebody's older name. Whoever holds something
//! that git does not explain could be the one who is meant, and keeps it, unless that is ruled out for certain.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{
    assignment::{Hand, Standing},
    desired::{Desired, FileId, Grant, UserEntry},
    ids::{PrincipalId, UserName},
    observed::{Observed, Reading},
    owner::{OwnerCode, RoleName},
    people::{ById, People},
};

use super::{Plan, blocked::Block, resolve::resolve, want::Wanted};

/// A grant whose person could not be resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt<'a> {
    pub grant: &'a Grant,
    /// The object id it can only be about, if one is known: that of the deleted user of this name.
    pub id: Option<PrincipalId>,
}

/// Somebody who holds what git does not explain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder<'a> {
    pub id: PrincipalId,
    /// Today's sign-in name, or the one a deleted user had.
    pub name: Option<&'a UserName>,
    /// When what is held was made.
    pub made: Option<Timestamp>,
}

impl<'a> Holder<'a> {
    pub(super) fn of(standing: &Standing, people: &'a People) -> Self {
        let id = standing.assignment.triple.principal;
        let name = match people.by_id.get(&id) {
            Some(ById::Person(person)) => Some(&person.name),
            Some(ById::Deleted { name, .. }) => Some(name),
            Some(ById::NotAPerson(_) | ById::Gone | ById::Unanswered(_)) | None => None,
        };
        Self { id, name, made: standing.assignment.created_on }
    }
}

impl Doubt<'_> {
    /// Whether the entry carries the holder's id or today's name.
    pub(super) fn is_written_as(&self, holder: &Holder<'_>) -> bool {
        let entry: &UserEntry = &self.grant.user;
        entry.id == Some(holder.id) || holder.name == Some(&entry.name)
    }

    /// Whether the entry could be about this holder.
    fn could_mean(&self, holder: &Holder<'_>, people: &People) -> bool {
        let entry: &UserEntry = &self.grant.user;
        if entry.id == Some(holder.id) {
            return true;
        }
        if let Some(id) = self.id {
            return id == holder.id;
        }
        let (Some(name), Some(made)) = (holder.name, holder.made) else { return true };
        // Where Entra did not answer for the name, it may be anybody's today, but only one person's: not the holder's, who
        // has another one today.
        let alike = *name == entry.name || name.slips_to(&entry.name).is_some() || name.shares_a_part(&entry.name);
        let past = people.past.get(&entry.origin.file);
        alike || past.is_none_or(|past| !past.rules_out(&entry.name, name, made))
    }
}

impl<'a> Wanted<'a> {
    /// A name that a deleted user had means that user only where the deleted one holds something of ours: else the name
    /// may be that of somebody who is alive under another one.
    pub(super) fn widen_doubts(&mut self, observed: &Observed) {
        let targets = &self.targets;
        let holds = |owner: OwnerCode, id: PrincipalId| {
            targets.iter().filter(|(_, place)| place.key.owner == owner).any(|(scope, place)| {
                let subscription = observed.subscriptions.get(&place.target.subscription);
                let Some(Reading::Seen(scopes)) = subscription.map(|subscription| &subscription.reading) else {
                    return false;
                };
                let here = scopes.get(*scope).into_iter().flatten();
                here.into_iter()
                    .any(|standing| standing.hand == Hand::Ours && standing.assignment.triple.principal == id)
            })
        };
        for (owner, doubts) in &mut self.doubts {
            for doubt in doubts {
                doubt.id = doubt.id.filter(|id| holds(*owner, *id));
            }
        }
    }

    /// Somebody unresolved whom the holder of an assignment could be.
    pub(super) fn doubt(
        &self,
        owner: OwnerCode,
        holder: &Holder<'_>,
        people: &People,
        concerns: impl Fn(&RoleName) -> bool,
    ) -> Option<&'a UserEntry> {
        let doubts = self.doubts.get(&owner)?;
        let could_be = |doubt: &&Doubt<'_>| concerns(&doubt.grant.role) && doubt.could_mean(holder, people);
        doubts.iter().find(could_be).map(|doubt| &*doubt.grant.user)
    }
}

/// The names that nobody could be found by, where a removal hangs on one of them: what git should be asked about, by file.
#[must_use]
pub fn doubtful(desired: &Desired, observed: &Observed, plan: &Plan) -> BTreeMap<FileId, BTreeSet<UserName>> {
    let in_doubt = plan.blocked.iter().filter(|blocked| matches!(blocked.block, Block::Doubt(_)));
    let owners: BTreeSet<OwnerCode> = in_doubt.filter_map(|blocked| blocked.owner).collect();
    let mut names: BTreeMap<FileId, BTreeSet<UserName>> = BTreeMap::new();
    for grant in desired.grants.iter().filter(|grant| owners.contains(&grant.owner)) {
        let entry = &grant.user;
        if resolve(entry, &observed.people).is_err() {
            names.entry(entry.origin.file).or_default().insert(entry.name.clone());
        }
    }
    names
}
