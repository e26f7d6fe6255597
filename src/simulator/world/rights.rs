//! Who may do what where: the caller's own role assignments, and those of its groups.

use std::collections::BTreeSet;

use super::{
    Assignment, Block, Refusal, World,
    condition::{self, Asked},
};
use crate::model::ids::{PrincipalId, ScopeId, SubscriptionId};

impl World {
    /// The scopes above one, from the root down: the root, management groups, and what its own path names.
    #[must_use]
    pub fn above(&self, scope: &ScopeId) -> Vec<ScopeId> {
        let root = ScopeId::new("/");
        if *scope == root {
            return Vec::new();
        }
        let mut above = vec![root];
        if let Some(subscription) = scope.subscription().and_then(|id| self.subscriptions.get(&id)) {
            above.extend(subscription.management_groups.iter().rev().map(|name| management_group(name)));
        }
        let text = scope.as_str();
        let parts = text.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        above.extend(parts.filter_map(|end| text.get(..end)).map(ScopeId::new));
        above
    }

    /// Itself, and every group it is in, through groups of groups.
    #[must_use]
    pub fn with_groups(&self, principal: PrincipalId) -> BTreeSet<PrincipalId> {
        let mut found = BTreeSet::from([principal]);
        let mut next = vec![principal];
        while let Some(member) = next.pop() {
            next.extend(self.people.groups_of(member).filter(|group| found.insert(*group)));
        }
        found
    }

    /// What a caller holds at a scope, inherited ones included, with what each permits.
    fn held(&self, caller: PrincipalId, at: &ScopeId) -> Vec<(&Assignment, &Block)> {
        let above = self.above(at);
        let now = self.now();
        let holders = self.with_groups(caller);
        let held = holders.iter().flat_map(|holder| self.table.of(*holder));
        held.filter(|held| held.term.ends.is_none_or(|ends| ends > now))
            .filter(|held| &held.triple.scope == at || above.contains(&held.triple.scope))
            .filter_map(|held| Some((held, &self.definitions.get(held.triple.definition)?.block)))
            .collect()
    }

    /// The blocks of permissions that a caller has at a scope, inherited ones included.
    #[must_use]
    pub fn blocks(&self, caller: PrincipalId, at: &ScopeId) -> Vec<&Block> {
        self.held(caller, at).into_iter().map(|(_, block)| block).collect()
    }

    /// Whether a caller may assign or unassign this: its conditions are read, too (FACTS §9). An assignment outside of
    /// them fails in these words (enterprise-azure-policy-as-code matches them, FACTS §1.8).
    pub fn demand_for(&self, caller: PrincipalId, at: &ScopeId, asked: &Asked<'_>) -> Result<(), Refusal> {
        self.demand(caller, asked.action, at)?;
        let held = self.held(caller, at);
        let mut allowing = held.iter().filter(|(_, block)| block.allows(asked.action));
        let free = allowing.any(|(held, _)| {
            held.condition.as_ref().is_none_or(|condition| condition::fulfilled(condition, asked) == Some(true))
        });
        if free {
            return Ok(());
        }
        Err(Refusal::condition(&self.client_word(caller), caller, asked.action, at))
    }

    /// Whether a caller may.
    #[must_use]
    pub fn may(&self, caller: PrincipalId, action: &str, at: &ScopeId) -> bool {
        self.allows(caller, action, at) && self.denied(caller, action, at).is_none()
    }

    fn allows(&self, caller: PrincipalId, action: &str, at: &ScopeId) -> bool {
        self.blocks(caller, at).iter().any(|block| block.allows(action))
    }

    /// The same, as Resource Manager's gateway says it; an unknown subscription is told apart from a closed one.
    pub fn demand(&self, caller: PrincipalId, action: &str, at: &ScopeId) -> Result<(), Refusal> {
        if let Some(id) = at.subscription().filter(|id| !self.subscriptions.contains_key(id)) {
            return Err(Refusal::no_subscription(id));
        }
        if self.allows(caller, action, at) {
            return match self.denied(caller, action, at) {
                None => Ok(()),
                Some(denial) => {
                    let by = (denial.name.as_str(), denial.id, &denial.scope);
                    Err(Refusal::denied(&self.client_word(caller), caller, action, at, by))
                }
            };
        }
        Err(Refusal::unauthorized(&self.client_word(caller), caller, action, at))
    }

    /// Whether there is such a subscription.
    pub fn known(&self, id: SubscriptionId) -> Result<(), Refusal> {
        if self.subscriptions.contains_key(&id) { Ok(()) } else { Err(Refusal::no_subscription(id)) }
    }

    /// The same for what can be read wherever the caller holds anything: role definitions.
    pub fn demand_below(&self, action: &str, caller: PrincipalId, at: &ScopeId) -> Result<(), Refusal> {
        let here = |holder: PrincipalId| self.table.of(holder).any(|held| at.holds(&held.triple.scope));
        if self.with_groups(caller).into_iter().any(here) { Ok(()) } else { self.demand(caller, action, at) }
    }

    /// The caller's permissions at a scope, for whoever may read them there.
    pub fn permissions(&self, caller: PrincipalId, at: &ScopeId) -> Result<Vec<&Block>, Refusal> {
        self.demand(caller, "Microsoft.Authorization/permissions/read", at)?;
        Ok(self.blocks(caller, at))
    }
}

/// The scope of a management group.
#[must_use]
pub fn management_group(name: &str) -> ScopeId {
    ScopeId::new(&format!("/providers/Microsoft.Management/managementGroups/{name}"))
}
