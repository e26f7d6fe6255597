//! Who is taken out of git by a change and goes on holding the same: by an assignment that others made, from a wider scope, or
//! through a group. Nothing is removed for it, and whoever approves the change should know.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::Date, tz::TimeZone};

use crate::model::{
    assignment::{PrincipalType, Standing},
    desired::{Desired, Grant, OwnerFile},
    ids::PrincipalId,
    observed::Observed,
    owner::{OwnerCode, RoleName},
    people::{GroupKey, InGroup},
};

use super::{
    change::Who,
    exceptions,
    finding::{Code, Finding},
    resolve::resolve,
    wider,
};

/// Somebody whom a change takes out: at whom, of which role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// The owner.
    pub owner: OwnerCode,
    /// The role.
    pub role: RoleName,
    /// The person.
    pub principal: PrincipalId,
}

/// Everybody whom `base` listed and `desired` does not, each state of git with what was seen for it.
#[must_use]
pub fn taken((base, before): (&Desired, &Observed), (desired, after): (&Desired, &Observed)) -> BTreeMap<Taken, Who> {
    let mut taken = listed(base, before);
    let stays = listed(desired, after);
    taken.retain(|it, _| {
        let is_read = matches!(desired.file_of(it.owner), OwnerFile::Read(_) | OwnerFile::Removed(_));
        is_read && !stays.contains_key(it)
    });
    taken
}

fn listed(desired: &Desired, observed: &Observed) -> BTreeMap<Taken, Who> {
    let today = day(observed);
    let person = |grant: &Grant| {
        let person = resolve(&grant.user, &observed.people).ok()?;
        let Grant { owner, role, .. } = grant;
        Some((Taken { owner: *owner, role: role.clone(), principal: person.id }, Who::person(person)))
    };
    desired.grants.iter().filter(|grant| !grant.has_ended(today)).filter_map(person).collect()
}

/// The groups through which they may go on holding it.
#[must_use]
pub fn groups(taken: &BTreeMap<Taken, Who>, desired: &Desired, observed: &Observed) -> BTreeSet<GroupKey> {
    let all = taken.keys().flat_map(|it| wider::opening(desired, observed, it.owner, &it.role));
    all.filter(|standing| is_group(standing)).map(group).collect()
}

fn is_group(standing: &Standing) -> bool {
    standing.assignment.principal_type == PrincipalType::Group
}

fn group(standing: &Standing) -> GroupKey {
    GroupKey::Id(standing.assignment.triple.principal)
}

/// What each of them goes on holding. `groups`: who is in those of [`groups`].
#[must_use]
pub fn still_held(
    taken: &BTreeMap<Taken, Who>,
    desired: &Desired,
    observed: &Observed,
    groups: &BTreeMap<GroupKey, InGroup>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (it, who) in taken {
        for standing in wider::opening(desired, observed, it.owner, &it.role) {
            let held = wider::held(desired, observed, standing);
            let words = if standing.assignment.triple.principal == it.principal {
                format!(
                    "{held}, created outside tilgang, gives the same: remove it in the portal too if the access is to end"
                )
            } else if !is_group(standing) {
                continue;
            } else {
                let name = Who::of(standing, &observed.people);
                match groups.get(&group(standing)) {
                    Some(InGroup::Members(members)) if members.contains(&it.principal) => format!(
                        "the group `{name}` has {held}, which gives the same: take the person out of the group, too, if \
                         the access is to end"
                    ),
                    Some(InGroup::Members(_)) => continue,
                    Some(InGroup::Missing | InGroup::Several(_) | InGroup::Unanswered(_)) | None => format!(
                        "the group `{name}` has {held}, which gives the same; whether the person is in it could not be \
                         found out"
                    ),
                }
            };
            let message = format!("taken out of git by this change, and would keep the access: {words}");
            findings.push(Finding {
                owner: Some(it.owner),
                environment: desired.catalog.roles.get(&it.role).map(|role| role.environment.clone()),
                role: Some(it.role.clone()),
                who: Some(who.clone()),
                scope: Some(standing.assignment.triple.scope.clone()),
                assignment: Some(standing.assignment.resource_id()),
                ..Finding::new(Code::StillHeld, message, Vec::new())
            });
        }
    }
    exceptions::accept(&mut findings, &desired.policy.accept, day(observed));
    findings
}

/// Puts these findings among others, in place of those that say of the same assignment only that others made it.
pub fn tell(findings: &mut Vec<Finding>, held: Vec<Finding>) {
    let said: BTreeSet<Option<String>> = held.iter().map(|finding| finding.assignment.clone()).collect();
    let whose = |it: &Finding| (it.assignment.clone(), it.who.as_ref().map(|who| who.id));
    let of_person: BTreeSet<_> = held.iter().map(whose).collect();
    findings.retain(|it| match it.code {
        Code::Unmanaged | Code::Lookalike => !said.contains(&it.assignment),
        Code::Keeps => !of_person.contains(&whose(it)), // several people may keep access by one group's assignment
        _ => true,
    });
    findings.extend(held);
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
}

fn day(observed: &Observed) -> Date {
    observed.at.to_zoned(TimeZone::UTC).date()
}
