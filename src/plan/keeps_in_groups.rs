//! Who was removed from git and keeps the access as a member of a group: a group that others gave what a role gives, and somebody in it
//! whom git listed with the role and lists no longer.
//!
//! Who is in a group is asked only where somebody was removed with a role that a group still opens: [`Memberships`].

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    assignment::{PrincipalType, Standing},
    catalog::Role,
    desired::{Desired, Grant, OwnerFile},
    ids::{AssignmentName, PrincipalId, UserName},
    observed::Observed,
    owner::{OwnerCode, RoleName},
    people::{ByName, GroupKey, InGroup},
};

use super::{
    change::Who,
    finding::{Code, Finding},
    keeps::Unlisted,
    resolve::resolve,
    wider,
};

/// What Entra has to be asked before it is known who keeps access through a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memberships {
    /// Groups of which the members are not known yet.
    pub groups: BTreeSet<GroupKey>,
    /// Names that git listed, and that were not looked up yet.
    pub names: BTreeSet<UserName>,
}

impl Memberships {
    /// Whether nothing has to be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.names.is_empty()
    }
}

/// Whom git listed with a role.
#[derive(Default)]
struct Listed<'a> {
    ids: BTreeMap<PrincipalId, Option<&'a UserName>>,
    names: BTreeSet<&'a UserName>,
}

/// Who keeps access through a group, where that is not known, and what has to be asked.
pub(super) fn keeps_in_groups(
    (desired, observed): (&Desired, &Observed),
    unlisted: &Unlisted<'_>,
) -> (Vec<Finding>, Memberships) {
    let mut search = Search {
        desired,
        observed,
        unlisted,
        kept: BTreeMap::new(),
        unknown: BTreeMap::new(),
        ask: Memberships::default(),
    };
    for ((owner, role), listed) in former(desired, unlisted) {
        search.role(owner, role, listed);
    }
    let Search { kept, unknown, ask, .. } = search;
    let findings = kept.into_iter().map(|((_, owner, _), kept)| kept.finding(desired, observed, owner));
    let unknown = unknown.into_iter().map(|(message, owners)| {
        let owner = owners.first().copied().filter(|_| owners.len() == 1);
        Finding { owner, ..Finding::new(Code::Unanswered, message, Vec::new()) }
    });
    (findings.chain(unknown).collect(), ask)
}

/// Whom git, or the ledger, had with each role at owners whose files were read; those who have it today included.
fn former<'a>(desired: &'a Desired, unlisted: &'a Unlisted<'_>) -> BTreeMap<(OwnerCode, &'a RoleName), Listed<'a>> {
    let mut former: BTreeMap<(OwnerCode, &RoleName), Listed<'_>> = BTreeMap::new();
    for (owner, id, role, name) in unlisted.former_ids() {
        let known = former.entry((owner, role)).or_default().ids.entry(id).or_default();
        *known = known.or(name);
    }
    for (owner, name, role) in unlisted.former_names() {
        former.entry((owner, role)).or_default().names.insert(name);
    }
    former.retain(|(owner, _), _| matches!(desired.file_of(*owner), OwnerFile::Read(_) | OwnerFile::Removed(_)));
    former
}

struct Search<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    unlisted: &'a Unlisted<'a>,
    kept: BTreeMap<(AssignmentName, OwnerCode, PrincipalId), Kept<'a>>,
    /// What is not known, each with the owners that it is about.
    unknown: BTreeMap<String, BTreeSet<OwnerCode>>,
    ask: Memberships,
}

/// Somebody in a group, and what the group opens for them that git no longer does.
struct Kept<'a> {
    group: &'a Standing,
    who: Who,
    roles: BTreeSet<&'a RoleName>,
}

impl<'a> Search<'a> {
    fn role(&mut self, owner: OwnerCode, role: &'a RoleName, listed: Listed<'a>) {
        let is_group = |standing: &&Standing| {
            matches!(standing.assignment.principal_type, PrincipalType::Group | PrincipalType::ForeignGroup)
        };
        let opening = wider::opening(self.desired, self.observed, owner, role);
        let groups: Vec<&Standing> = opening.into_iter().filter(is_group).collect();
        if groups.is_empty() {
            return;
        }
        let mut removed: BTreeMap<PrincipalId, Who> = BTreeMap::new();
        for (id, name) in listed.ids {
            if self.unlisted.was_listed(owner, id, [role]).is_some() {
                let who = Who::known(id, PrincipalType::User, &self.observed.people);
                removed.insert(id, Who { name: who.name.or_else(|| name.cloned()), ..who });
            }
        }
        let mut is_open = !removed.is_empty();
        for name in listed.names {
            if self.grants(owner, role).any(|grant| grant.user.name == *name) {
                continue; // listed today
            }
            let people = &self.observed.people;
            match people.by_name.get(name).or_else(|| people.former.get(name)) {
                Some(ByName::Person(person)) if self.unlisted.is_named(owner, person, role) => {
                    is_open = true;
                    removed.insert(person.id, Who::person(person));
                }
                Some(ByName::Person(_) | ByName::Nobody(_)) => {}
                Some(ByName::Unanswered(trouble)) => {
                    let message = format!(
                        "whether `{name}`, who was removed from git, keeps access through a group is not known: {trouble}"
                    );
                    self.unknown.entry(message).or_default().insert(owner);
                }
                None => {
                    is_open = true;
                    self.ask.names.insert(name.clone());
                }
            }
        }
        removed.retain(|id, who| !self.may_be_listed(owner, role, *id, who.name.as_ref()));
        if is_open {
            for group in groups {
                self.group(owner, role, group, &removed);
            }
        }
    }

    fn group(
        &mut self,
        owner: OwnerCode,
        role: &'a RoleName,
        group: &'a Standing,
        removed: &BTreeMap<PrincipalId, Who>,
    ) {
        let key = GroupKey::Id(group.assignment.triple.principal);
        let not_read = match (group.assignment.principal_type, self.observed.people.groups.get(&key)) {
            (PrincipalType::ForeignGroup, _) => "it belongs to another tenant".to_owned(),
            (_, Some(InGroup::Members(members))) => {
                for (id, who) in removed.iter().filter(|(id, _)| members.contains(id)) {
                    let new = || Kept { group, who: who.clone(), roles: BTreeSet::new() };
                    self.kept.entry((group.assignment.name, owner, *id)).or_insert_with(new).roles.insert(role);
                }
                return;
            }
            (_, Some(InGroup::Missing)) => return,
            (_, Some(InGroup::Several(_)) | None) => {
                self.ask.groups.insert(key);
                return;
            }
            (_, Some(InGroup::Unanswered(trouble))) => trouble.to_string(),
        };
        let name = Who::of(group, &self.observed.people);
        let message = format!(
            "whether people who were removed from git keep access through the group `{name}` is not known, as its members could not be \
             read: {not_read}"
        );
        self.unknown.entry(message).or_default().insert(owner);
    }

    /// Those who have the role at the owner today.
    fn grants(&self, owner: OwnerCode, role: &RoleName) -> impl Iterator<Item = &'a Grant> {
        let today = self.unlisted.today;
        let here = self.desired.grants.iter().filter(move |grant| grant.owner == owner && !grant.has_ended(today));
        here.filter(move |grant| grant.role == *role)
    }

    /// Whether an entry that could not be resolved may be about them, under another spelling of the name or by the same id.
    fn may_be_listed(&self, owner: OwnerCode, role: &RoleName, id: PrincipalId, name: Option<&UserName>) -> bool {
        self.grants(owner, role).filter(|grant| resolve(&grant.user, &self.observed.people).is_err()).any(|grant| {
            let listed = &grant.user.name;
            let is_alike =
                |name: &UserName| name == listed || name.slips_to(listed).is_some() || name.shares_a_part(listed);
            grant.user.id == Some(id) || name.is_some_and(is_alike)
        })
    }
}

impl Kept<'_> {
    fn finding(self, desired: &Desired, observed: &Observed, owner: OwnerCode) -> Finding {
        let Self { group, who, roles } = self;
        let name = Who::of(group, &observed.people);
        let held = wider::held(desired, observed, group);
        let role = |name: &&RoleName| desired.catalog.roles.get(*name);
        let environments: BTreeSet<_> = roles.iter().filter_map(role).map(|role: &Role| &role.environment).collect();
        Finding {
            owner: Some(owner),
            environment: environments.first().copied().filter(|_| environments.len() == 1).cloned(),
            role: roles.first().copied().filter(|_| roles.len() == 1).cloned(),
            who: Some(who),
            scope: Some(group.assignment.triple.scope.clone()),
            assignment: Some(group.assignment.resource_id()),
            ..Finding::new(
                Code::Keeps,
                format!(
                    "no longer granted in git, and keeps the access through the group `{name}`, which has {held}: remove the person \
                     from the group, list the person again, or accept it"
                ),
                Vec::new(),
            )
        }
    }
}
