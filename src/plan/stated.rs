//! What shall be adopted, held against what stands: as if git stated it already. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::model::{
    desired::{Desired, FileId, Grant, Origin, OwnerFile, Revision, UserEntry},
    ids::{AssignmentName, UserName},
    observed::Observed,
    owner::OwnerCode,
    people::{ById, ByName},
};

use super::{
    adopt::{Adopted, Adoption},
    change::{Action, Who},
    doubt,
    finding::{Code, Finding},
};

/// Git and people as they would be if git stated these grants, too: the owners' files among them read, and as new as this run.
#[must_use]
pub fn stated(desired: &Desired, observed: &Observed, grants: &[Adopted]) -> (Desired, Observed) {
    let (mut desired, mut observed) = (desired.clone(), observed.clone());
    let mut users: BTreeMap<(OwnerCode, UserName), Arc<UserEntry>> = BTreeMap::new();
    for grant in &desired.grants {
        users.entry((grant.owner, grant.user.name.clone())).or_insert_with(|| grant.user.clone());
    }
    for (n, one) in (0..).zip(grants) {
        let Some(owner) = desired.owners.get_mut(&one.owner) else { continue };
        let file = match owner.file {
            OwnerFile::Read(file) => file,
            OwnerFile::Missing | OwnerFile::Removed(_) | OwnerFile::Broken(_) => NO_FILE,
        };
        owner.file = OwnerFile::Read(file);
        if let Revision::Commit { edited, .. } = &mut desired.revision {
            edited.insert(file);
        }
        let origin = Origin { file, path: Box::new([u32::MAX, n]) };
        let user = users.entry((one.owner, one.user.clone())).or_insert_with(|| {
            let (name, id) = (one.user.clone(), Some(one.id));
            Arc::new(UserEntry { name, id, also_at: BTreeSet::new(), origin: origin.clone() })
        });
        let user = user.clone();
        let Adopted { owner, role, until, reason, ticket, .. } = one.clone();
        desired.grants.push(Grant { owner, user, role, until, reason, ticket, origin });
        if let Some(ById::Person(person)) = observed.people.by_id.get(&one.id) {
            let person = person.clone(); // who has this id today has this name, and nobody else has it
            observed.people.by_name.entry(person.name.clone()).or_insert(ByName::Person(person));
        }
    }
    desired.grants.sort_by_key(|grant| grant.owner);
    (desired, observed)
}

/// Stands for a file that is not written yet.
const NO_FILE: FileId = FileId(u32::MAX);

/// Takes out the owners at whom a plan would do more with these grants than without: a file that was missing explains, once it
/// is there, the removal of what it does not list. And the people whose entry would no longer be believed with what is added.
pub(super) fn try_out(is: &mut Adoption, desired: &Desired, observed: &Observed, today: Date) {
    let doings = |desired: &Desired, observed: &Observed| -> BTreeSet<(AssignmentName, Action, OwnerCode)> {
        let changes = super::plan(desired, observed, today).changes;
        let done = changes.iter().filter(|change| change.action != Action::Update); // it mends what is ours, and no more
        done.map(|change| (change.name, change.action, change.owner)).collect()
    };
    let before = doings(desired, observed);
    while !is.grants.is_empty() {
        let (with, seen) = stated(desired, observed, &is.grants);
        if take_out_unproven(is, &with, &seen, today) {
            continue;
        }
        let more: BTreeSet<OwnerCode> = doings(&with, &seen).difference(&before).map(|(.., owner)| *owner).collect();
        let count = is.grants.len();
        is.grants.retain(|grant| !more.contains(&grant.owner));
        if is.grants.len() == count {
            return;
        }
        for owner in more {
            is.lost.remove(&owner);
            let message = format!(
                "`owners/{owner}.yaml` is missing, and with a new one a plan would remove what tilgang made there and nobody \
                 can list: restore the file from git, or remove that by hand"
            );
            is.findings.push(Finding::of_owner(Code::Unmanaged, owner, None, None, message));
        }
    }
}

/// Takes out whose entry carries an `id` that would no longer be believed: with what is added, it could mean somebody else
/// who holds just that. Whether any was taken out.
fn take_out_unproven(is: &mut Adoption, desired: &Desired, observed: &Observed, today: Date) -> bool {
    let unproven = doubt::unproven_ids(desired, observed, today);
    let entries = desired.grants.iter().filter(|grant| unproven.contains(&grant.user.origin));
    let entries: BTreeSet<(OwnerCode, &UserName)> = entries.map(|grant| (grant.owner, &grant.user.name)).collect();
    let taken = is.grants.extract_if(.., |one| entries.contains(&(one.owner, &one.user)));
    let findings: Vec<Finding> = taken.map(|one| unproven_entry(one, observed)).collect();
    let any = !findings.is_empty();
    is.findings.extend(findings);
    any
}

fn unproven_entry(Adopted { owner, user, id, role, .. }: Adopted, observed: &Observed) -> Finding {
    let who = match observed.people.by_id.get(&id) {
        Some(ById::Person(person)) => Some(Who::person(person)),
        _ => None,
    };
    let message = format!(
        "the file lists this person as `{user}`, a name that nobody has, and with this role that could be somebody else who \
         holds it here: correct `user` or `id` in the file, and run again"
    );
    Finding::of_owner(Code::Unmanaged, owner, Some(role), who, message)
}
