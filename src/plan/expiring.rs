//! Grants that end soon: nothing differs yet, and somebody may want to write a later day.

use jiff::{ToSpan as _, civil::Date};

use crate::model::{
    desired::{Desired, Origin},
    ids::{PrincipalId, UserName},
    observed::Observed,
    owner::{EnvironmentName, OwnerCode, RoleName},
    people::ByName,
};

/// How many days before the last one it is said, and said anew: two weeks, three days, one day. Ours.
pub const DAYS: &[i32] = &[14, 3, 1];

/// A grant whose last day is near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// At whom.
    pub owner: OwnerCode,
    /// In which environment.
    pub environment: Option<EnvironmentName>,
    /// Which role.
    pub role: RoleName,
    /// Whose, as git names them.
    pub user: UserName,
    /// Who that is, if it is known.
    pub person: Option<PrincipalId>,
    /// The last day, UTC.
    pub until: Date,
    /// How many days are left after today: none on the last day.
    pub left: i32,
    /// Where it stands in git.
    pub origin: Origin,
}

impl Expiring {
    /// The last of [`DAYS`] that it has come to.
    #[must_use]
    pub fn within(&self) -> i32 {
        DAYS.iter().rev().copied().find(|days| self.left <= *days).unwrap_or(self.left)
    }
}

/// Every grant that ends within two weeks and has not ended, the next to end first.
pub(super) fn expiring(desired: &Desired, observed: &Observed, today: Date) -> Vec<Expiring> {
    let farthest = DAYS.first().copied().unwrap_or_default();
    let Ok(latest) = today.checked_add(farthest.days()) else { return Vec::new() };
    let soon = desired.grants.iter().filter_map(|grant| {
        let until = grant.until.filter(|until| (today..=latest).contains(until))?;
        let person = grant.user.id.or_else(|| match observed.people.by_name.get(&grant.user.name) {
            Some(ByName::Person(person)) => Some(person.id),
            _ => None,
        });
        Some(Expiring {
            owner: grant.owner,
            environment: desired.catalog.roles.get(&grant.role).map(|role| role.environment.clone()),
            role: grant.role.clone(),
            user: grant.user.name.clone(),
            person,
            until,
            left: until.since(today).map_or(0, |span| span.get_days()),
            origin: grant.origin.clone(),
        })
    });
    let mut soon: Vec<Expiring> = soon.collect();
    soon.sort_by(|a, b| (a.until, a.owner, &a.user, &a.role).cmp(&(b.until, b.owner, &b.user, &b.role)));
    soon
}
