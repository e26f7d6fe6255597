//! Names that nobody could be found by, and whom they could mean.
//!
//! A listed name that Entra does not know may be a slip of the finger or somebody's older name. Whoever holds something
//! that git does not explain could be the one who is meant, and keeps it, unless that is ruled out for certain. An `id` beside
//! such a name says who is meant as long as nothing speaks against it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Date};

use crate::model::{
    assignment::{Hand, Standing},
    desired::{Desired, FileId, Grant, Origin, UserEntry},
    ids::{PrincipalId, UserName},
    observed::{Observed, Reading, Sighting, TargetKey},
    owner::{EnvironmentName, OwnerCode, RoleName},
    people::{ById, ByName, Hint, People},
};

use super::{Plan, blocked::Block, resolve::resolve, want::Wanted};

/// How long after an assignment was made Entra may not show its person everywhere. Ours: far above the 69 seconds that
/// were recorded (FACTS §10).
const DIRECTORY_SETTLED: SignedDuration = SignedDuration::from_hours(24);

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
            Some(ById::NotAPerson(_) | ById::Gone | ById::NoUser | ById::Unanswered(_)) | None => None,
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
/// nothing of ours there, so they are not somebody who got it by this entry and was renamed since; and somebody who could be
/// whom the name meant when it was written holds, unexplained, what the entry would give. Believed, a wrong id would take
/// from whom git means what it gives to another.
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
    let mut ours: BTreeMap<OwnerCode, Vec<(&TargetKey, &Standing)>> = BTreeMap::new();
    for (key, sighting) in &observed.targets {
        let Sighting::Found(target) = sighting else { continue };
        let subscription = observed.subscriptions.get(&target.subscription);
        let Some(Reading::Seen(scopes)) = subscription.map(|it| &it.reading) else { continue };
        let here = scopes.get(&target.scope).into_iter().flatten().filter(|standing| standing.hand == Hand::Ours);
        ours.entry(key.owner).or_default().extend(here.map(|standing| (key, standing)));
    }
    let ours_at = |owner: OwnerCode| ours.get(&owner).map_or(&[][..], Vec::as_slice);
    let role = |grant: &Grant| desired.catalog.roles.get(&grant.role);
    let gives = |grant: &Grant, key: &TargetKey, standing: &Standing| {
        let definition = standing.assignment.triple.definition;
        let role = role(grant).filter(|role| role.environment == key.environment);
        role.is_some_and(|role| role.gives.iter().any(|it| it.kind == key.kind && it.definition.id == definition))
    };
    let is_explained = |owner: OwnerCode, key: &TargetKey, standing: &Standing| {
        let id = standing.assignment.triple.principal;
        let mut giving = lasting().filter(|grant| grant.owner == owner && gives(grant, key, standing));
        giving.any(|grant| resolve(&grant.user, people).is_ok_and(|person| person.id == id))
    };
    let is_held = |entry: &UserEntry, owner: OwnerCode| {
        let at_owner = || lasting().filter(|grant| grant.owner == owner);
        let theirs = at_owner().filter(|grant| grant.user.origin == entry.origin);
        let environments: Vec<&EnvironmentName> = theirs.filter_map(role).map(|role| &role.environment).collect();
        // Another entry that lists them explains what they hold, and this one proves nothing.
        let mut others = at_owner().filter(|grant| grant.user.origin != entry.origin).filter(|grant| {
            role(grant).is_some_and(|role| environments.contains(&&role.environment))
                && resolve(&grant.user, people).is_ok_and(|person| Some(person.id) == entry.id)
        });
        let mut here = ours_at(owner).iter().filter(|(key, _)| environments.contains(&&key.environment));
        others.next().is_none() && here.any(|(_, standing)| Some(standing.assignment.triple.principal) == entry.id)
    };
    let is_unproven = |grant: &&Grant| {
        let holds = |id: &PrincipalId| ours_at(grant.owner).iter().any(|(_, it)| it.assignment.triple.principal == *id);
        let doubt = Doubt { grant, id: deleted(&grant.user, people).filter(holds) };
        let could_be = |standing: &Standing| {
            let holder = Holder::of(standing, people);
            !is_gone_for_good(&holder, observed) && doubt.could_mean(&holder, people)
        };
        !is_held(&grant.user, grant.owner)
            && ours_at(grant.owner).iter().any(|(key, standing)| {
                gives(grant, key, standing) && could_be(standing) && !is_explained(grant.owner, key, standing)
            })
    };
    unchecked.into_iter().filter(is_unproven).map(|grant| &grant.user.origin).collect()
}

/// Whether the holder is no more, not even among the deleted, and was not made just now: whomever git means, nobody can sign
/// in as this one.
pub(super) fn is_gone_for_good(holder: &Holder<'_>, observed: &Observed) -> bool {
    let settled = holder.made.and_then(|made| made.checked_add(DIRECTORY_SETTLED).ok());
    settled.is_some_and(|settled| settled <= observed.at) && observed.people.by_id.get(&holder.id) == Some(&ById::Gone)
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
