//! One way by which somebody can do something at one target: what gives it, from where, through which group, until when.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::model::{
    ability::Ability,
    assignment::{Hand, Pim, PrincipalType, Standing, Triple},
    desired::Grant,
    ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId},
    observed::TargetKey,
    other_access::{AccessPolicy, Eligibility},
    owner::RoleName,
    permissions::Extent,
};

/// One way, perhaps through a group.
#[derive(Clone, Debug)]
pub struct Way<'a> {
    /// At which target.
    pub target: &'a TargetKey,
    /// What gives it.
    pub by: By<'a>,
    /// The scope of that.
    pub at: &'a ScopeId,
    /// Where that is, seen from the target; by way of a workspace, seen from the workspace.
    pub from: Level<'a>,
    /// The workspace in which the component keeps its logs, if it is that which is opened.
    pub workspace: Option<&'a ScopeId>,
    /// The group that holds it, if it is not held directly. Whether the person is in it itself or in a group within is not
    /// told: Entra lists both alike.
    pub through: Option<PrincipalId>,
    /// The role definition's name, where it is known.
    pub definition: Option<&'a str>,
    /// What it lets one do there.
    pub opens: Arc<Opens<'a>>,
    /// When it ends by itself, where that is known.
    pub ends: Option<Timestamp>,
    /// The lines of git that ask for exactly this. None: git does not give it.
    pub grants: Vec<&'a Grant>,
}

/// What gives somebody a way.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// A role assignment.
    Assignment(&'a Standing),
    /// An eligibility: nothing until it is activated, which its holder can do.
    Eligibility(&'a Eligibility),
    /// An access policy of the vault.
    Policy(&'a AccessPolicy),
}

/// What a role definition or an access policy lets one do at a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opens<'a> {
    /// Words of the table of abilities, each in whole or in part.
    pub abilities: BTreeMap<&'static Ability, Extent>,
    /// Roles of git that it is as good as, or better.
    pub roles: BTreeSet<&'a RoleName>,
    /// What it permits could not be read: it may open more than is said.
    pub unread: bool,
}

/// Where an assignment is, seen from a target: from the narrowest up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level<'a> {
    /// Within the target, on one secret say: by the scope.
    Within(&'a ScopeId),
    /// At the target itself.
    Target,
    /// On its resource group, by name.
    ResourceGroup(&'a str),
    /// On its subscription, by display name.
    Subscription(&'a str),
    /// On a management group above it, by name.
    ManagementGroup(&'a str),
    /// At the root of the tenant.
    Tenant,
}

impl<'a> By<'a> {
    /// Scope, principal and role definition, where there is one.
    #[must_use]
    pub fn triple(&self) -> Option<&'a Triple> {
        match self {
            Self::Assignment(standing) => Some(&standing.assignment.triple),
            Self::Eligibility(eligible) => Some(&eligible.triple),
            Self::Policy(_) => None,
        }
    }

    /// Who holds it: the person, or the group.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        match self {
            Self::Assignment(Standing { assignment, .. }) => assignment.triple.principal,
            Self::Eligibility(eligible) => eligible.triple.principal,
            Self::Policy(policy) => policy.object,
        }
    }

    /// A condition, which is not weighed.
    #[must_use]
    pub fn condition(&self) -> Option<&'a str> {
        match self {
            Self::Assignment(standing) => standing.assignment.condition.as_deref(),
            Self::Eligibility(eligible) => eligible.condition.as_deref(),
            Self::Policy(_) => None,
        }
    }
}

impl<'a> Way<'a> {
    /// The role assignment, if it is one.
    #[must_use]
    pub fn standing(&self) -> Option<&'a Standing> {
        match self.by {
            By::Assignment(standing) => Some(standing),
            By::Eligibility(_) | By::Policy(_) => None,
        }
    }

    /// Whether it is the one that git gives: at the target, by itself, for good.
    #[must_use]
    pub fn is_of_git(&self) -> bool {
        !self.grants.is_empty()
    }

    /// Whether it gives nothing until its holder activates it.
    #[must_use]
    pub fn is_eligible(&self) -> bool {
        matches!(self.by, By::Eligibility(_))
    }

    /// Whether somebody gets it from above the target.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        !matches!(self.from, Level::Target | Level::Within(_))
    }

    /// Whether it is ours: only of a role assignment can that be told.
    #[must_use]
    pub fn hand(&self) -> Option<Hand> {
        self.standing().map(|standing| standing.hand)
    }

    /// Whether PIM ends it: only of a role assignment can that be told.
    #[must_use]
    pub fn pim(&self) -> Option<Pim> {
        self.standing().map(|standing| standing.pim)
    }

    /// The role definition, where there is one.
    #[must_use]
    pub fn definition_id(&self) -> Option<RoleDefinitionId> {
        self.by.triple().map(|triple| triple.definition)
    }

    /// What its principal is, as far as it says.
    #[must_use]
    pub fn principal_type(&self) -> Option<PrincipalType> {
        match self.by {
            By::Assignment(standing) => Some(standing.assignment.principal_type),
            By::Eligibility(eligible) => Some(eligible.principal_type),
            By::Policy(_) => None,
        }
    }

    /// When it was made, where that is known.
    #[must_use]
    pub fn made(&self) -> Option<Timestamp> {
        self.standing().and_then(|standing| standing.assignment.created_on)
    }

    /// By target, then what counts now before what is eligible, then from the target up.
    pub(super) fn order(&self) -> (&'a TargetKey, bool, bool, Level<'a>, Option<PrincipalId>) {
        (self.target, self.is_eligible(), self.workspace.is_some(), self.from, self.through)
    }

    /// What two ways share that are one and the same at two targets.
    #[must_use]
    pub fn key(&self) -> Key<'a> {
        let name = self.standing().map(|standing| standing.assignment.name);
        (name, self.at, self.definition_id(), self.through, self.application())
    }

    /// The application without which an access policy counts for nothing.
    #[must_use]
    pub fn application(&self) -> Option<PrincipalId> {
        match self.by {
            By::Policy(policy) => policy.application,
            By::Assignment(_) | By::Eligibility(_) => None,
        }
    }
}

/// What tells one source of access from another, within one holder.
pub type Key<'a> =
    (Option<AssignmentName>, &'a ScopeId, Option<RoleDefinitionId>, Option<PrincipalId>, Option<PrincipalId>);
