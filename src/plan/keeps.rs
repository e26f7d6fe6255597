//! Who was removed from git and keeps the access: an earlier version of the owner's file, or the ledger, shows that they were listed
//! there with a role, and an assignment that others made still opens what that role gives. Nothing is removed for it; whoever
//! removed them should know.
//!
//! Where it is asked: people's assignments at a target and above it, and eligibilities as far as they were read; what groups hold, in
//! [`super::keeps_in_groups`]. What lies below a target, and what PIM gives for a time, is not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};

use crate::model::{
    assignment::PrincipalType,
    catalog::Catalog,
    desired::{Desired, Grant, OwnerFile},
    file_history::{FileHistory, FormerEntry, HistoryGap},
    ids::{PrincipalId, RoleDefinitionId, UserName},
    observed::{Observed, TargetKey},
    owner::{OwnerCode, RoleName},
    past::CLOCKS_APART_MAX,
    people::{ById, Person},
    remembered::Given,
};

use super::{
    finding::{Code, Finding},
    resolve::resolve,
};

/// So many owners are named where something is not known of several. Ours.
const OWNERS_NAMED_MAX: usize = 5;

/// Roles that git listed people with, and lists no longer.
#[derive(Debug)]
pub(super) struct Unlisted<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    pub(super) today: Date,
    /// Accounts, each with the name that the entry had.
    by_id: BTreeMap<(OwnerCode, PrincipalId, &'a RoleName), &'a UserName>,
    /// Entries without an id, each with when the last version that had it was replaced.
    by_name: BTreeMap<(OwnerCode, &'a UserName, &'a RoleName), Option<Timestamp>>,
    /// Owners at which somebody holds what others gave, and nothing that was read shows that git listed them with it.
    pub(super) strangers: BTreeSet<OwnerCode>,
}

impl<'a> Unlisted<'a> {
    pub(super) fn of(desired: &'a Desired, observed: &'a Observed, today: Date) -> Self {
        let mut unlisted = Self {
            desired,
            observed,
            today,
            by_id: BTreeMap::new(),
            by_name: BTreeMap::new(),
            strangers: BTreeSet::new(),
        };
        for (owner, FileHistory { entries, gaps: _ }) in &observed.histories {
            for (FormerEntry { name, id, role }, replaced) in entries {
                let known = observed.remembered.names.get(name);
                match (id, known) {
                    (Some(id), _) => {
                        unlisted.by_id.insert((*owner, *id, role), name);
                    }
                    // The account that the name led to: whoever has it today may be another.
                    (None, Some(known)) => {
                        unlisted.by_id.extend(known.keys().map(|id| ((*owner, *id, role), name)));
                    }
                    (None, None) => {
                        unlisted.by_name.insert((*owner, name, role), *replaced);
                    }
                }
            }
        }
        unlisted
    }

    /// Whether git listed somebody at an owner with one of these roles, and lists them with it no longer. A principal of whom that is
    /// not known makes the owner one whose history is worth a question.
    pub(super) fn is_kept<'r>(
        &mut self,
        owner: OwnerCode,
        (principal, principal_type): (PrincipalId, PrincipalType),
        roles: impl IntoIterator<Item = &'r RoleName>,
    ) -> bool {
        let is_read = matches!(self.desired.file_of(owner), OwnerFile::Read(_) | OwnerFile::Removed(_));
        if !is_read || !principal_type.is_people() {
            return false;
        }
        // A group was never listed; who is in it may have been.
        let is_person = principal_type == PrincipalType::User;
        let is_kept = is_person && self.was_listed(owner, principal, roles).is_some();
        if !is_kept {
            self.strangers.insert(owner);
        }
        is_kept
    }

    /// The first of these roles that git listed somebody with at an owner and lists them with no longer.
    pub(super) fn was_listed<'r>(
        &self,
        owner: OwnerCode,
        principal: PrincipalId,
        roles: impl IntoIterator<Item = &'r RoleName>,
    ) -> Option<&'r RoleName> {
        let start = self.desired.grants.partition_point(|grant| grant.owner < owner); // they are by owner
        let grants = self.desired.grants.get(start..).unwrap_or_default();
        let is_theirs =
            |grant: &&Grant| resolve(&grant.user, &self.observed.people).is_ok_and(|person| person.id == principal);
        let theirs: Vec<&Grant> = grants.iter().take_while(|grant| grant.owner == owner).filter(is_theirs).collect();
        let person = match self.observed.people.by_id.get(&principal) {
            Some(ById::Person(person)) => Some(person),
            _ => None,
        };
        roles.into_iter().find(|role| {
            let mut with_it = theirs.iter().filter(|grant| grant.role == **role).peekable();
            let given = Given { owner, principal, role: (*role).clone() };
            let was = with_it.peek().is_some() // and ended, if it is no longer
                || self.observed.remembered.given.contains(&given)
                || self.by_id.contains_key(&(owner, principal, *role))
                || person.is_some_and(|person| self.is_named(owner, person, role));
            was && with_it.all(|grant| grant.has_ended(self.today))
        })
    }

    /// Accounts that had a role at an owner, by git's history, the ledger, or a grant that has ended; with the name in git, where there
    /// is one.
    pub(super) fn former_ids(&self) -> impl Iterator<Item = (OwnerCode, PrincipalId, &RoleName, Option<&UserName>)> {
        let by_id = self.by_id.iter().map(|((owner, id, role), name)| (*owner, *id, *role, Some(*name)));
        let given = self.observed.remembered.given.iter().map(|it| (it.owner, it.principal, &it.role, None));
        let ended = self.desired.grants.iter().filter(|grant| grant.has_ended(self.today)).filter_map(|grant| {
            let person = resolve(&grant.user, &self.observed.people).ok()?;
            Some((grant.owner, person.id, &grant.role, Some(&grant.user.name)))
        });
        by_id.chain(given).chain(ended)
    }

    /// Names that git's history has with a role at an owner, and of which no account is known.
    pub(super) fn former_names(&self) -> impl Iterator<Item = (OwnerCode, &UserName, &RoleName)> {
        self.by_name.keys().copied()
    }

    /// Whether an entry without an id named this account: one that was created when the last of them was gone is another.
    pub(super) fn is_named(&self, owner: OwnerCode, person: &Person, role: &RoleName) -> bool {
        let Some(replaced) = self.by_name.get(&(owner, &person.name, role)) else { return false };
        let settled = replaced.and_then(|at| at.checked_add(CLOCKS_APART_MAX).ok());
        person.created.zip(settled).is_none_or(|(created, settled)| created <= settled)
    }

    /// Where it is not known whether somebody was listed before: said once for each reason.
    pub(super) fn not_known(&self) -> Vec<Finding> {
        let mut gaps: BTreeMap<&HistoryGap, Vec<OwnerCode>> = BTreeMap::new();
        for (owner, history) in self.observed.histories.iter().filter(|(owner, _)| self.strangers.contains(owner)) {
            history.gaps.iter().for_each(|gap| gaps.entry(gap).or_default().push(*owner));
        }
        let finding = |(gap, owners): (&HistoryGap, Vec<OwnerCode>)| {
            let message = format!(
                "people who were removed from git may be reported as `unmanaged` or `lookalike`, as earlier versions of {} \
                 could not be read: {gap}",
                files(&owners)
            );
            let owner = owners.first().copied().filter(|_| owners.len() == 1);
            Finding { owner, ..Finding::new(Code::Unanswered, message, Vec::new()) }
        };
        gaps.into_iter().map(finding).collect()
    }
}

fn files(owners: &[OwnerCode]) -> String {
    if let [owner] = owners {
        return format!("`owners/{owner}.yaml`");
    }
    let named: Vec<String> = owners.iter().take(OWNERS_NAMED_MAX).map(ToString::to_string).collect();
    let more = owners.len().saturating_sub(OWNERS_NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the files of {} service owners ({}{more})", owners.len(), named.join(", "))
}

/// The roles that give, or gave, this role definition at a target: of a definition that is retired, each role in the environment
/// that gives something on such a target may have been the one.
pub(super) fn roles_giving<'a>(
    catalog: &'a Catalog,
    target: &TargetKey,
    definition: RoleDefinitionId,
) -> Vec<&'a RoleName> {
    let TargetKey { environment, kind, .. } = target;
    let is_retired = catalog.retired.iter().any(|(of, it)| of == kind && it.id == definition);
    let here = catalog.roles.iter().filter(|(_, role)| role.environment == *environment);
    let giving = here.filter(|(_, role)| {
        role.gives.iter().any(|gives| gives.kind == *kind && (is_retired || gives.definition.id == definition))
    });
    giving.map(|(name, _)| name).collect()
}

/// What is said of somebody whom git lists no longer; `also`: what else there is to say of the assignment.
pub(super) fn message(also: Option<&str>) -> String {
    match also {
        Some(also) => format!("no longer granted in git, and keeps the access: {also}"),
        None => "no longer granted in git, and keeps the access by an assignment created outside tilgang: remove it in the portal, \
                 list the person again, or accept it"
            .to_owned(),
    }
}
