//! Who can effectively do what where, and by which ways: git, assignments of ours and of others, wider scopes, groups.
//!
//! What git wants, what was seen in Azure and the plan between them come in; every way by which somebody can do something at a
//! target goes out ([`Access`]), and beside it what is not known. Pure: no IO, no async, no clock. Never decides, never guesses.
//!
//! Whoever may activate a role counts as *eligible*. What is not weighed: conditions (a way with one is given, and says so),
//! deny assignments (they are given beside the ways: whoever is given may be denied), protected tables of a workspace.
//!
//! `of` walks over what exists (`walk`: at a target; `logs`: by way of a component's workspace; `policies`: in a vault's access
//! policies) and over what git lists (`listed`), and gathers what is not known (`unknown`); `find` knows whom somebody means by
//! a name.

mod find;
mod listed;
mod logs;
mod policies;
mod unknown;
mod walk;
mod way;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    model::{
        ability::Ability,
        desired::{Desired, Grant},
        ids::{PrincipalId, ScopeId, UserName},
        observed::{Impediment, Observed, Target, TargetKey},
        other_access::Denial,
        owner::{EnvironmentName, OwnerCode},
    },
    plan::{
        Plan,
        blocked::Blocked,
        change::{Change, Who},
    },
};

pub use self::{
    find::{Found, Subject, find},
    unknown::Unknown,
    way::{By, Key, Level, Opens, Way},
};

/// Who can do what where, by every way that was found, and what is not known of it.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// Each target that was found and whose assignments were read.
    pub targets: BTreeMap<&'a TargetKey, &'a Target>,
    /// Everybody who holds something, by object id: people, applications, and groups that could not be opened.
    pub holders: BTreeMap<PrincipalId, Holder<'a>>,
    /// Every group by which somebody holds something, or may.
    pub groups: BTreeMap<PrincipalId, Group>,
    /// What is denied at each target, whoever has it: named, not weighed.
    pub denials: BTreeMap<&'a TargetKey, Vec<&'a Denial>>,
    /// Every line of git at these owners, with what became of it.
    pub listed: Vec<Listed<'a>>,
    /// What is not known, in the order of owners.
    pub unknown: Vec<Unknown>,
}

/// Somebody who holds something.
#[derive(Clone, Debug)]
pub struct Holder<'a> {
    /// Who.
    pub who: Who,
    /// What is known of the account.
    pub being: Being,
    /// Every way, by target, then from the target up.
    pub ways: Vec<Way<'a>>,
}

/// What is known of a holder in Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Being {
    /// A person.
    Person {
        /// Whether anybody can sign in with the account.
        enabled: bool,
        /// Whether it is a guest from elsewhere.
        guest: bool,
    },
    /// An application or managed identity.
    Application,
    /// A group that could not be opened: whoever is in it holds what it holds.
    Group,
    /// A group of another tenant: nobody here can open it.
    ForeignGroup,
    /// A device, or something that is newer than this program.
    Other,
    /// No user, deleted ones included; that is all that our token looks up, or that Entra shows.
    NoUser,
    /// A person who was deleted. Cannot sign in; who is restored within 30 days has it again.
    Deleted,
    /// Neither among the living nor among the deleted: nobody has it any more.
    Gone,
    /// Entra could not say who this is, or was not asked.
    Unknown,
}

impl Being {
    /// Whether it can do anything at all: whoever is deleted or gone cannot.
    #[must_use]
    pub fn can_act(self) -> bool {
        !matches!(self, Self::Deleted | Self::Gone)
    }
}

/// A group by which somebody holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its display name, where it is known.
    pub name: Option<Arc<str>>,
    /// Who is in it, through groups as well; or why that is not known.
    pub members: Result<Members, String>,
}

/// Who is in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// People.
    pub people: BTreeSet<PrincipalId>,
    /// Whatever else is in it, by display name: inner groups (whose people are among the people), applications, devices. An
    /// application among them holds what the group holds.
    pub others: Vec<Arc<str>>,
}

/// One line of git, with what became of it.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// The line.
    pub grant: &'a Grant,
    /// The person's object id, where it is known.
    pub person: Option<PrincipalId>,
    /// What became of it.
    pub state: State<'a>,
}

/// What became of a line of git.
#[derive(Clone, Debug)]
pub enum State<'a> {
    /// Its last day has passed.
    Ended,
    /// All of it stands.
    Stands,
    /// Some or all of it is still to be made, or put right: by the next `apply`.
    Due(Vec<&'a Change>),
    /// It cannot be made, or not all of it.
    Blocked(Vec<&'a Blocked>),
}

/// What was seen and what git wants, as who can do what where. `owners`: only at these, if given: those that `observed` was read
/// for.
#[must_use]
pub fn of<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    plan: &'a Plan,
    owners: Option<&BTreeSet<OwnerCode>>,
) -> Access<'a> {
    let chosen = |owner: OwnerCode| owners.is_none_or(|owners| owners.contains(&owner));
    let targets = walk::targets(observed, &chosen);
    let (holders, groups) = walk::walk(desired, observed, &targets, plan.rules.today);
    let denials = denials(observed, &targets);
    let listed = listed::listed(desired, observed, plan, &chosen);
    let unknown = unknown::unknown(desired, observed, &groups, &holders, &chosen);
    Access { targets, holders, groups, denials, listed, unknown }
}

fn denials<'a>(
    observed: &'a Observed,
    targets: &BTreeMap<&'a TargetKey, &'a Target>,
) -> BTreeMap<&'a TargetKey, Vec<&'a Denial>> {
    let at = |target: &Target| -> Vec<&'a Denial> {
        let mut places: Vec<&ScopeId> = vec![&target.scope];
        places.extend(observed.other.workspaces.get(&target.scope));
        let lists = places.iter().filter_map(|at| observed.other.denials.get(&at.subscription()?)?.as_ref().ok());
        let here = |it: &&Denial| places.iter().any(|at| it.is_at(at) || at.holds(&it.scope));
        let mut all: Vec<&Denial> = lists.flatten().filter(here).collect();
        all.sort_by_key(|it| (&it.scope, &it.id));
        all.dedup();
        all
    };
    targets.iter().map(|(key, target)| (*key, at(target))).filter(|(_, all)| !all.is_empty()).collect()
}

impl<'a> Access<'a> {
    /// Everybody who can do something at these owners and in this environment, each with the ways by which. People first, as
    /// they are called; who is deleted or gone is left out.
    #[must_use]
    pub fn who(&self, can: &Ability, environment: Option<&EnvironmentName>) -> Vec<(&Holder<'a>, Vec<&Way<'a>>)> {
        let meant = |way: &&Way<'a>| {
            environment.is_none_or(|it| way.target.environment == *it) && way.opens.abilities.contains_key(can)
        };
        let holders = self.holders.values().filter(|holder| holder.being.can_act());
        let ways = holders.map(|holder| (holder, holder.ways.iter().filter(meant).collect::<Vec<_>>()));
        let mut found: Vec<_> = ways.filter(|(_, ways)| !ways.is_empty()).collect();
        found.sort_by_cached_key(|(holder, _)| holder.order());
        found
    }

    /// What keeps an ability from having effect at a target, whoever has it by a role assignment on it or above it.
    pub fn hindrances(&self, target: &TargetKey, ability: &Ability) -> impl Iterator<Item = &'a Impediment> {
        let all: &[Impediment] = self.targets.get(target).map_or(&[], |target| &target.impediments);
        all.iter().filter(move |why| match why {
            Impediment::AccessPolicyMode | Impediment::NetworkClosed | Impediment::OtherTenant(_) => ability.of_data,
            Impediment::Perimeter(_) => ability.of_data || ability.may.1 == "logs",
            Impediment::QueriesClosed(_) | Impediment::WorkspaceDemandsRights(_) | Impediment::WorkspaceUnseen(_) => {
                ability.may.1 == "logs"
            }
        })
    }

    /// Whether it is a vault whose access policies decide: one that is not in RBAC mode.
    #[must_use]
    pub fn has_policies(&self, target: &TargetKey) -> bool {
        self.targets.get(target).is_some_and(|target| target.impediments.contains(&Impediment::AccessPolicyMode))
    }

    /// What keeps an ability from having effect by this way.
    pub fn hindrances_of(&self, way: &Way<'a>, ability: &Ability) -> impl Iterator<Item = &'a Impediment> {
        let (by_policy, by_workspace) = (matches!(way.by, By::Policy(_)), way.workspace.is_some());
        self.hindrances(way.target, ability).filter(move |why| match why {
            Impediment::AccessPolicyMode => !by_policy,
            Impediment::NetworkClosed
            | Impediment::OtherTenant(_)
            | Impediment::Perimeter(_)
            | Impediment::QueriesClosed(_) => true,
            Impediment::WorkspaceDemandsRights(_) | Impediment::WorkspaceUnseen(_) => !by_workspace,
        })
    }
}

impl Holder<'_> {
    /// People first, then applications, groups and the rest; each as they are called.
    #[must_use]
    pub fn order(&self) -> (u8, bool, String, PrincipalId) {
        let kind = match self.being {
            Being::Person { .. } => 0,
            Being::Unknown => 1,
            Being::Application => 2,
            Being::Group | Being::ForeignGroup => 3,
            Being::Other | Being::NoUser => 4,
            Being::Deleted => 5,
            Being::Gone => 6,
        };
        let Who { id, name, display_name, .. } = &self.who;
        let called = display_name.as_deref().or(name.as_ref().map(UserName::as_str)).unwrap_or_default();
        (kind, called.is_empty(), called.to_lowercase(), *id)
    }
}
