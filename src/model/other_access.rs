//! What gives access beside a role assignment (eligibilities, access policies of vaults), and what takes it away (deny
//! assignments). Asked only where somebody wants to know who can do what.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    ability::Ability,
    assignment::{PrincipalType, Triple},
    ids::{PrincipalId, ScopeId, SubscriptionId},
    observed::{Reading, Subscription},
    permissions::Definition,
    trouble::Trouble,
};

/// What was read, by where it was asked.
#[derive(Clone, Debug, Default)]
pub struct OtherAccess {
    /// Who may activate a role: the lists of subscriptions, and those asked for at resources.
    pub eligible: BTreeMap<ScopeId, Result<Vec<Eligibility>, Arc<Trouble>>>,
    /// Access policies of vaults that are not in Azure's RBAC mode; none where the vault is not there any more.
    pub policies: BTreeMap<ScopeId, Result<Option<Vec<AccessPolicy>>, Arc<Trouble>>>,
    /// Deny assignments, by subscription.
    pub denials: BTreeMap<SubscriptionId, Result<Vec<Denial>, Arc<Trouble>>>,
    /// The workspace of each component, by the component's resource id.
    pub workspaces: BTreeMap<ScopeId, ScopeId>,
    /// Subscriptions that hold no target, only the workspace of one.
    pub of_workspaces: BTreeMap<SubscriptionId, Subscription>,
}

impl OtherAccess {
    /// Every eligibility that was seen, each once: a list at a resource repeats those above it.
    pub fn eligibilities(&self) -> impl Iterator<Item = &Eligibility> {
        let mut met = BTreeSet::new();
        let all = self.eligible.values().filter_map(|answer| answer.as_ref().ok()).flatten();
        all.filter(move |it| met.insert((&it.triple, it.starts, it.ends)))
    }

    /// Those that the lists asked for in a subscription, at it and at its resources, showed.
    pub fn eligible_at(&self, of: SubscriptionId) -> impl Iterator<Item = &Eligibility> {
        let here = self.eligible.iter().filter(move |(scope, _)| scope.subscription() == Some(of));
        let mut met = BTreeSet::new();
        let all = here.filter_map(|(_, answer)| answer.as_ref().ok()).flatten();
        all.filter(move |it| met.insert((&it.triple, it.starts, it.ends)))
    }

    /// Whether a subscription's list has shown an eligibility at a resource: only then does its silence about others say
    /// anything. For instances of assignments such a list was recorded, for eligibilities it is OPEN (FACTS_PIM_GROUPS §1.2).
    #[must_use]
    pub fn shows_resources(&self, of: SubscriptionId) -> bool {
        let whole = ScopeId::subscription_scope(of);
        let list = self.eligible.get(&whole).and_then(|answer| answer.as_ref().ok());
        list.is_some_and(|list| list.iter().any(|it| whole.holds(&it.triple.scope) && it.triple.scope.is_resource()))
    }

    /// Whether this tenant has no licence for Privileged Identity Management, so that there is no list of eligibilities.
    #[must_use]
    pub fn is_unlicensed(trouble: &Trouble) -> bool {
        trouble.code.as_deref() == Some(NO_LICENCE)
    }

    /// What was read in subscriptions that hold only workspaces.
    pub fn readings(&self) -> impl Iterator<Item = &Reading> {
        self.of_workspaces.values().map(|subscription| &subscription.reading)
    }

    /// Whom access policies name.
    pub fn policy_objects(&self) -> impl Iterator<Item = PrincipalId> {
        let read = self.policies.values().filter_map(|answer| answer.as_ref().ok()?.as_ref());
        read.flatten().map(|policy| policy.object)
    }
}

/// Reads of Resource Manager give this code, too, where the tenant lacks Entra ID P2 or Governance (FACTS_PIM_GROUPS §1.6).
const NO_LICENCE: &str = "AadPremiumLicenseRequired";

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
