//! People whom two owners' files list, as far as files tell: by name and by `id`. A plan blocks them unless both files say so with
//! `also_at`; what only Entra knows, two names of one person, is left to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use super::{
    Loaded,
    cursor::Trail,
    error::{ConfigError, Mistake, Spot},
    rules::TWO_OWNERS,
};
use crate::model::{
    desired::UserEntry,
    ids::{PrincipalId, UserName},
    owner::OwnerCode,
};

/// An entry that does not say that another owner lists the person.
#[derive(Clone, Debug)]
pub struct AtTwoOwners {
    /// The person, as this entry has it.
    pub person: UserName,
    /// The two owners, that of this entry first.
    pub owners: [OwnerCode; 2],
    /// The mistake, at the entry.
    pub error: ConfigError,
}

/// A person's entry, and at whom.
type Entry<'a> = (OwnerCode, &'a Arc<UserEntry>);

impl Loaded {
    /// Every entry that lacks an `also_at` which its person's entry at another owner calls for, in the order of the files. Grants
    /// that have ended do not count.
    #[must_use]
    pub fn at_two_owners(&self, today: Date) -> Vec<AtTwoOwners> {
        let Some(desired) = &self.desired else { return Vec::new() };
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for grant in desired.grants.iter().filter(|grant| !grant.has_ended(today)) {
            if entries.last().is_none_or(|(_, last)| !Arc::ptr_eq(last, &grant.user)) {
                entries.push((grant.owner, &grant.user));
            }
        }
        let mut by_name: BTreeMap<&UserName, Vec<Entry<'_>>> = BTreeMap::new();
        let mut by_id: BTreeMap<PrincipalId, Vec<Entry<'_>>> = BTreeMap::new();
        for entry in &entries {
            by_name.entry(&entry.1.name).or_default().push(*entry);
            if let Some(id) = entry.1.id {
                by_id.entry(id).or_default().push(*entry);
            }
        }
        let mut found = Vec::new();
        for (owner, user) in entries {
            let named = by_name.get(&user.name).into_iter().flatten();
            let same = named.chain(user.id.and_then(|id| by_id.get(&id)).into_iter().flatten());
            let others: BTreeSet<OwnerCode> =
                same.filter(|(other, there)| *other != owner && is_one(user, there)).map(|(other, _)| *other).collect();
            for other in others.difference(&user.also_at) {
                found.push(self.told(owner, user, *other));
            }
        }
        found
    }

    fn told(&self, owner: OwnerCode, user: &UserEntry, other: OwnerCode) -> AtTwoOwners {
        let spot = Spot::Value(Trail::of(&user.origin.path));
        let mistake = Mistake::new(TWO_OWNERS, spot, format!("`{}` is also listed at `{other}`", user.name))
            .label("`also_at` does not say so")
            .help(format!(
                "if both are meant, both files must say so: `also_at: [{other}]` here, and `also_at: [{owner}]` in \
                 `owners/{other}.yaml`; until then a plan gives this person nothing new at either"
            ));
        let error = self.sources.show(user.origin.file, mistake);
        AtTwoOwners { person: user.name.clone(), owners: [owner, other], error }
    }
}

/// Whether two entries are one person's: an `id` decides where both have one.
fn is_one(one: &UserEntry, other: &UserEntry) -> bool {
    match (one.id, other.id) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => one.name == other.name,
    }
}
