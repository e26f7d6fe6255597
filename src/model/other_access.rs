//! What gives access beside a role assignment (eligibilities, access policies of vaults), and what takes it away (deny
//! assignments). Asked only where somebody wants to know who can do what.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    ability::Ability,
    assignment::{PrincipalType, Triple},
    ids::{PrincipalId, ScopeId},
    permissions::Definition,
};

/// Somebody may activate a role (`roleEligibilityScheduleInstances`, FACTS_PIM_GROUPS §1). It is in no list of role
/// assignments until then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Eligibility {
    /// Scope, principal, role definition. Of a group: whoever is in it may activate it.
    pub triple: Triple,
    /// A person or a group: nobody else can be eligible.
    pub principal_type: PrincipalType,
    /// From when on.
    pub starts: Option<Timestamp>,
    /// When it ends; none: it does not end by itself.
    pub ends: Option<Timestamp>,
    /// A condition on what is activated.
    pub condition: Option<Arc<str>>,
}

/// One entry of a vault's `accessPolicies` (keyvault.json; FACTS_PIM_GROUPS §5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessPolicy {
    /// A person, a group or an application; the entry does not say which.
    pub object: PrincipalId,
    /// Only together with this application; none: by itself.
    pub application: Option<PrincipalId>,
    /// What it may do with secrets, in lower case: `get`, `list`, `set`, `delete`, `all`, …
    pub secrets: BTreeSet<String>,
}

impl AccessPolicy {
    /// Whether it permits this with secrets. That `all` holds this word is Azure's own description; of `purge` it is OPEN.
    #[must_use]
    pub fn permits(&self, word: &str) -> bool {
        self.secrets.contains(word) || self.secrets.contains("all")
    }
}

/// A deny assignment: it wins over every role assignment (FACTS_PIM_GROUPS §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Its resource id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Where.
    pub scope: ScopeId,
    /// How far down.
    pub reach: Reach,
    /// Whether it blocks.
    pub effect: Effect,
    /// What it denies, as a role definition says what it permits.
    pub what: Definition,
    /// Whether one of its permissions has a condition of its own: then it may deny, and may not.
    pub conditional: Conditional,
    /// Whom; none: everybody.
    pub principals: Vec<PrincipalId>,
    /// Whom not.
    pub except: Vec<PrincipalId>,
}

/// How far down a deny assignment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// At its scope and everything below.
    Below,
    /// `doNotApplyToChildScopes`.
    ScopeOnly,
}

/// `denyAssignmentEffect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It blocks.
    Enforced,
    /// It only writes down what it would have blocked.
    Audit,
}

/// Whether a deny assignment has a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conditional {
    /// It always denies.
    No,
    /// It denies where its condition holds, which is not weighed here.
    Yes,
}

impl Denial {
    /// Whether it holds at a scope. What lies above a subscription was listed there, so it holds in it.
    #[must_use]
    pub fn is_at(&self, scope: &ScopeId) -> bool {
        self.scope == *scope
            || self.reach == Reach::Below && (self.scope.subscription().is_none() || self.scope.holds(scope))
    }

    /// Whether it denies an ability, or some of what it stands for.
    #[must_use]
    pub fn denies(&self, ability: &Ability) -> bool {
        ability.given_by(&self.what).is_some()
    }

    /// Whether it denies an action of the control plane.
    #[must_use]
    pub fn denies_action(&self, action: &str) -> bool {
        self.what.permits(action, false).is_some()
    }
}

/// A vault that was deleted and can be recovered until it is purged (keyvault.json, `deletedVaults`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeletedVault {
    /// The id that it had.
    pub id: ScopeId,
    /// When it was deleted.
    pub on: Option<Timestamp>,
    /// When it is purged by itself.
    pub purged_on: Option<Timestamp>,
}
