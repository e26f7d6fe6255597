//! Who keeps access through a group: asked only where somebody was removed from git with a role that a group still opens.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{ids::UserName, observed::Observed, people::GroupKey},
    ports::Directory,
};

/// Adds who is in these groups (one `$batch` for 20 of them, and a page for each 999 members), and whose these names are (one call for 300,
/// and at most 7 for those that nobody has).
pub async fn former_members(
    (groups, names): (&BTreeSet<GroupKey>, &BTreeSet<UserName>),
    observed: &mut Observed,
    azure: &impl Directory,
) {
    let members = async { if groups.is_empty() { BTreeMap::new() } else { azure.groups(groups).await } };
    let people = async { if names.is_empty() { BTreeMap::new() } else { azure.by_name(names).await } };
    let (members, people) = futures::join!(members, people);
    observed.people.groups.extend(members);
    observed.people.former.extend(people);
}
