//! Names that nobody could be found by, and whom they could mean.
//!
//! A listed name that Entra does not know may be a slip of the finger or somebody's older name. Whoever holds something
//! that git does not explain could be the one who is meant, and keeps it, unless that is ruled out for certain. An `id` beside
//! such a name says who is meant as long as nothing speaks against it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};

use crate::model::{
    assignment::{Hand, Mark, Standing},
    desired::{Desired, FileId, Grant, Origin, UserEntry},
    ids::{PrincipalId, ScopeId, UserName},
    observed::{Observed, Reading, Sighting, Subscription, TargetKey},
    owner::{OwnerCode, RoleName},
    people::{ById, ByName, Hint, People},
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

/// The id of the deleted user who had the written name.
pub(super) fn deleted(entry: &UserEntry, people: &People) -> Option<PrincipalId> {
    match people.by_name.get(&entry.name) {
        Some(ByName::Nobody(Hint::Deleted { id, .. })) => Some(*id),
        Some(ByName::Nobody(_) | ByName::Person(_) | ByName::Unanswered(_)) | None => None,
    }
}

/// Entries whose `id` cannot be believed. Nobody has the name, so it cannot be checked against the id; whose id it is holds
/// nothing of ours at the owner, so they are not somebody who got it by this entry and was renamed since; and somebody who
/// does, unexplained, could be whom the name meant when it was written. Believed, a wrong id would take from whom git means
/// what it gives to another.
pub(super) fn unproven_ids<'a>(desired: &'a Desired, observed: &'a Observed, today: Date) -> BTreeSet<&'a Origin> {
    let people = &observed.people;
    let lasting = || desired.grants.iter().filter(|grant| !grant.has_ended(today));
    let unchecked = |grant: &&Grant| {
        let is_nobody = matches!(people.by_name.get(&grant.user.name), Some(ByName::Nobody(_)));
        grant.user.id.is_some() && is_nobody && resolve(&grant.user, people).is_ok()
    };
    let unchecked: Vec<&Grant> = lasting().filter(unchecked).collect();
    if unchecked.is_empty() {
        return BTreeSet::new();
    }
    let places = observed.targets.iter().filter_map(|(key, sighting)| match sighting {
        Sighting::Found(target) => Some((&target.scope, key)),
        Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
    });
    let mut keys: BTreeMap<&ScopeId, Vec<&TargetKey>> = BTreeMap::new();
    places.for_each(|(scope, key)| keys.entry(scope).or_default().push(key));
    let ours = |subscription: &'a Subscription| {
        let Reading::Seen(scopes) = &subscription.reading else { return Vec::new() };
        let all = scopes.values().flatten().filter(|standing| standing.hand == Hand::Ours);
        all.map(|standing| (subscription, standing)).collect()
    };
    let ours: Vec<(&Subscription, &Standing)> = observed.subscriptions.values().flat_map(ours).collect();
    let at = |standing: &Standing| keys.get(&standing.assignment.triple.scope).map_or(&[][..], Vec::as_slice);
    let gives = |grant: &Grant, key: &TargetKey, standing: &Standing| {
        let definition = standing.assignment.triple.definition;
        let role = desired.catalog.roles.get(&grant.role).filter(|role| role.environment == key.environment);
        role.is_some_and(|role| role.gives.iter().any(|it| it.kind == key.kind && it.definition.id == definition))
    };
    let is_explained = |standing: &Standing| {
        let mut meant = lasting().filter(|grant| {
            resolve(&grant.user, people).is_ok_and(|person| person.id == standing.assignment.triple.principal)
        });
        meant.any(|grant| at(standing).iter().any(|key| key.owner == grant.owner && gives(grant, key, standing)))
    };
    let open: Vec<_> = ours.iter().filter(|(_, standing)| !is_explained(standing)).collect();
    // Any sign of an owner: the place, the mark, the subscription.
    let concerns = |owner: OwnerCode, subscription: &Subscription, standing: &Standing| {
        let text = standing.assignment.description.as_deref().unwrap_or_default();
        let is_marked =
            || desired.instances().find_map(|it| Mark::read(text, it)).is_some_and(|mark| mark.owner == owner);
        let belongs = standing.assignment.triple.scope.subscription().is_some()
            && subscription.belongs_to.as_ref().is_some_and(|(whose, _)| *whose == owner);
        at(standing).iter().any(|key| key.owner == owner) || belongs || is_marked()
    };
    let is_unproven = |grant: &&Grant| {
        let holds = |id: PrincipalId| {
            let theirs = ours.iter().filter(|(_, standing)| standing.assignment.triple.principal == id);
            theirs.flat_map(|(_, standing)| at(standing)).any(|key| key.owner == grant.owner)
        };
        let doubt = Doubt { grant, id: deleted(&grant.user, people).filter(|id| holds(*id)) };
        let could_be = |(subscription, standing): &&(&Subscription, &Standing)| {
            concerns(grant.owner, subscription, standing) && doubt.could_mean(&Holder::of(standing, people), people)
        };
        !grant.user.id.is_some_and(holds) && open.iter().any(|it| could_be(it))
    };
    unchecked.into_iter().filter(is_unproven).map(|grant| &grant.user.origin).collect()
}

/// The names that nobody could be found by, where a removal, or the trust in an `id`, hangs on one of them: what git should be asked about, by file.
#[must_use]
pub fn doubtful(desired: &Desired, observed: &Observed, plan: &Plan) -> BTreeMap<FileId, BTreeSet<UserName>> {
    let in_doubt =
        plan.blocked.iter().filter(|blocked| matches!(blocked.block, Block::Doubt(_) | Block::IdUnproven(_)));
    let owners: BTreeSet<OwnerCode> = in_doubt.filter_map(|blocked| blocked.owner).collect();
    let mut names: BTreeMap<FileId, BTreeSet<UserName>> = BTreeMap::new();
    for grant in desired.grants.iter().filter(|grant| owners.contains(&grant.owner)) {
        let entry = &grant.user;
        let is_nobody = matches!(observed.people.by_name.get(&entry.name), Some(ByName::Nobody(_)));
        if is_nobody || resolve(entry, &observed.people).is_err() {
            names.entry(entry.origin.file).or_default().insert(entry.name.clone());
        }
    }
    names
}
