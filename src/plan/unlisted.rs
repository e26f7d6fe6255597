//! Accounts that git lists nowhere, and that hold by an assignment of ours what a line gives to another account, which is younger
//! than both the line and the assignment: they may be whom the line meant, by a name that is another's today.
//!
//! Somebody who was listed by their own name, or who had the access before the line was written, is not meant by it: then one person
//! was put in the place of another, as happens every day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};

use crate::model::{
    assignment::{Hand, PrincipalType},
    desired::{Desired, Grant, Origin},
    former::Evidence,
    ids::{PrincipalId, RoleDefinitionId, UserName},
    observed::{Observed, Reading, Sighting},
    owner::{EnvironmentName, KindName, OwnerCode},
    past::LineAge,
    people::{ById, Person},
};

use super::{Plan, change::Action, resolve::resolve};

/// Where something is held: owner, environment, kind, role definition.
type Held<'a> = (OwnerCode, &'a EnvironmentName, &'a KindName, RoleDefinitionId);

/// Who holds what by an assignment of ours, and is listed nowhere; with when it was made.
struct Unlisted<'a> {
    holders: BTreeMap<Held<'a>, Vec<(PrincipalId, Timestamp)>>,
    observed: &'a Observed,
}

impl<'a> Unlisted<'a> {
    fn at(owners: &BTreeSet<OwnerCode>, desired: &Desired, observed: &'a Observed) -> Self {
        let mut holders: BTreeMap<Held<'a>, Vec<(PrincipalId, Timestamp)>> = BTreeMap::new();
        let mut listed: Option<Listed<'_>> = None;
        for (key, sighting) in observed.targets.iter().filter(|(key, _)| owners.contains(&key.owner)) {
            let Sighting::Found(target) = sighting else { continue };
            let subscription = observed.subscriptions.get(&target.subscription);
            let Some(Reading::Seen(scopes)) = subscription.map(|it| &it.reading) else { continue };
            for standing in scopes.get(&target.scope).into_iter().flatten() {
                let assignment = &standing.assignment;
                let (Hand::Ours, PrincipalType::User) = (standing.hand, assignment.principal_type) else { continue };
                let Some(made) = assignment.created_on else { continue };
                let listed = listed.get_or_insert_with(|| Listed::of(desired, observed));
                if !listed.holds(assignment.triple.principal, observed) {
                    let held = (key.owner, &key.environment, &key.kind, assignment.triple.definition);
                    holders.entry(held).or_default().push((assignment.triple.principal, made));
                }
            }
        }
        Self { holders, observed }
    }

    /// Those that hold something that a grant gives, from before the account of today was created; with when that was made.
    fn older(
        &self,
        desired: &Desired,
        grant: &Grant,
        (now, created): (&Person, Timestamp),
    ) -> Vec<(PrincipalId, Timestamp)> {
        let Some(role) = desired.catalog.roles.get(&grant.role) else { return Vec::new() };
        let held = role
            .gives
            .iter()
            .filter_map(|gives| self.holders.get(&(grant.owner, &role.environment, &gives.kind, gives.definition.id)));
        held.flatten().filter(|(id, made)| *id != now.id && *made < created).copied().collect()
    }

    /// Whether git's past tells that the holder was not meant by the grant's line.
    fn is_told_apart(&self, grant: &Grant, (id, made): (PrincipalId, Timestamp)) -> bool {
        let past = self.observed.people.past.get(&grant.user.origin.file);
        past.is_some_and(|past| {
            past.came_after(&grant.user.name, made) || name_of(id, self.observed).is_some_and(|name| past.names(name))
        })
    }
}

/// Everybody whom git lists, by name or id.
struct Listed<'a> {
    ids: BTreeSet<PrincipalId>,
    names: BTreeSet<&'a UserName>,
}

impl<'a> Listed<'a> {
    fn of(desired: &'a Desired, observed: &Observed) -> Self {
        let mut listed = Self { ids: BTreeSet::new(), names: BTreeSet::new() };
        let mut last: Option<&Origin> = None;
        for grant in &desired.grants {
            let entry = &grant.user;
            if last.replace(&entry.origin) == Some(&entry.origin) {
                continue; // the grants of a person follow each other
            }
            listed.names.insert(&entry.name);
            listed.ids.extend(entry.id);
            listed.ids.extend(resolve(entry, &observed.people).map(|person| person.id));
        }
        listed
    }

    fn holds(&self, id: PrincipalId, observed: &Observed) -> bool {
        self.ids.contains(&id) || name_of(id, observed).is_some_and(|name| self.names.contains(name))
    }
}

/// The sign-in name that an account has, or had when it was deleted.
fn name_of(id: PrincipalId, observed: &Observed) -> Option<&UserName> {
    match observed.people.by_id.get(&id)? {
        ById::Person(person) => Some(&person.name),
        ById::Deleted { name, .. } => Some(name),
        ById::NotAPerson(_) | ById::NoUser | ById::Gone | ById::Unanswered(_) => None,
    }
}

/// Grants by a name alone that lead to an account of which it is known when it was created.
fn by_name<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    today: Date,
) -> impl Iterator<Item = (&'a Grant, &'a Person, Timestamp)> {
    let lasting = desired.grants.iter().filter(move |grant| grant.user.id.is_none() && !grant.has_ended(today));
    lasting.filter_map(|grant| {
        let person = resolve(&grant.user, &observed.people).ok()?;
        Some((grant, person, person.created?))
    })
}

/// The accounts that entries may have meant, by the place of the entry.
pub(super) fn assigned<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    today: Date,
) -> BTreeMap<&'a Origin, BTreeMap<PrincipalId, Evidence>> {
    let mut found: BTreeMap<&Origin, BTreeMap<PrincipalId, Evidence>> = BTreeMap::new();
    if observed.people.written.is_empty() {
        return found;
    }
    let is_younger =
        |(grant, _, created): &(&Grant, &Person, Timestamp)| match observed.people.written.get(&grant.user.origin) {
            Some(age @ LineAge::At(_)) => age.before(*created).is_ok_and(|line| line.is_some()),
            Some(LineAge::AtLatest(_) | LineAge::Unknown(_)) | None => false,
        };
    let younger: Vec<(&Grant, &Person, Timestamp)> = by_name(desired, observed, today).filter(is_younger).collect();
    let owners: BTreeSet<OwnerCode> = younger.iter().map(|(grant, ..)| grant.owner).collect();
    if owners.is_empty() {
        return found;
    }
    let unlisted = Unlisted::at(&owners, desired, observed);
    for (grant, person, created) in younger {
        for (id, on) in unlisted.older(desired, grant, (person, created)) {
            if !unlisted.is_told_apart(grant, (id, on)) {
                let evidence = Evidence::Assigned { on, name: name_of(id, observed).cloned() };
                found.entry(&grant.user.origin).or_default().entry(id).or_insert(evidence);
            }
        }
    }
    found
}

/// Grants by a name alone that may have meant somebody who would lose something, as far as that is known without git's history; with
/// when today's account was created.
pub(super) fn suspects<'a>(desired: &'a Desired, observed: &'a Observed, plan: &Plan) -> Vec<(&'a Grant, Timestamp)> {
    let removed = plan.changes.iter().filter(|it| it.action == Action::Revoke).map(|it| it.owner);
    let blocked = plan.blocked.iter().filter(|it| it.action == Action::Revoke).filter_map(|it| it.owner);
    let owners: BTreeSet<OwnerCode> = removed.chain(blocked).collect();
    if owners.is_empty() {
        return Vec::new();
    }
    let unlisted = Unlisted::at(&owners, desired, observed);
    let all = by_name(desired, observed, plan.rules.today).filter(|(grant, ..)| owners.contains(&grant.owner));
    let suspected =
        all.filter(|(grant, person, created)| !unlisted.older(desired, grant, (person, *created)).is_empty());
    suspected.map(|(grant, _, created)| (grant, created)).collect()
}
