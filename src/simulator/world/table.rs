//! Role assignments, found by name, by triple, by scope and by principal in time that does not grow with their number.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use super::assignments::Assignment;
use crate::model::{
    assignment::Triple,
    ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
};

/// All role assignments of a tenant.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Table {
    by_name: HashMap<AssignmentName, Assignment>,
    by_scope: BTreeMap<ScopeId, BTreeSet<AssignmentName>>,
    by_principal: HashMap<PrincipalId, BTreeSet<AssignmentName>>,
    by_triple: HashMap<(std::sync::Arc<str>, PrincipalId, RoleDefinitionId), AssignmentName>,
    per_subscription: HashMap<SubscriptionId, usize>,
}

impl Table {
    /// How many there are.
    pub(in crate::simulator) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// How many lie in a subscription.
    pub(in crate::simulator) fn count_in(&self, subscription: SubscriptionId) -> usize {
        self.per_subscription.get(&subscription).copied().unwrap_or(0)
    }

    /// The one with this name; names are unique in the whole tenant (azure-docs troubleshooting.md).
    pub(in crate::simulator) fn get(&self, name: AssignmentName) -> Option<&Assignment> {
        self.by_name.get(&name)
    }

    /// The name of the one with this triple.
    pub(in crate::simulator) fn find(&self, triple: &Triple) -> Option<AssignmentName> {
        self.by_triple.get(&key(triple)).copied()
    }

    /// Puts one in; one of the same name is replaced.
    pub(in crate::simulator) fn insert(&mut self, mut assignment: Assignment) {
        self.remove(assignment.name);
        let triple = &mut assignment.triple;
        // One copy of a scope's text, however many assignments lie there.
        if let Some((kept, _)) = self.by_scope.get_key_value(&triple.scope)
            && kept.as_str() == triple.scope.as_str()
        {
            triple.scope = kept.clone();
        }
        self.by_scope.entry(triple.scope.clone()).or_default().insert(assignment.name);
        self.by_principal.entry(triple.principal).or_default().insert(assignment.name);
        self.by_triple.insert(key(triple), assignment.name);
        if let Some(subscription) = triple.scope.subscription() {
            *self.per_subscription.entry(subscription).or_default() += 1;
        }
        self.by_name.insert(assignment.name, assignment);
    }

    /// Takes one out.
    pub(in crate::simulator) fn remove(&mut self, name: AssignmentName) -> Option<Assignment> {
        let gone = self.by_name.remove(&name)?;
        let Triple { scope, principal, .. } = &gone.triple;
        if let Some(names) = self.by_scope.get_mut(scope) {
            names.remove(&name);
            if names.is_empty() {
                self.by_scope.remove(scope);
            }
        }
        if let Some(names) = self.by_principal.get_mut(principal) {
            names.remove(&name);
        }
        self.by_triple.remove(&key(&gone.triple));
        if let Some(count) = scope.subscription().and_then(|id| self.per_subscription.get_mut(&id)) {
            *count -= 1;
        }
        Some(gone)
    }

    /// Those exactly at a scope.
    pub(in crate::simulator) fn at(&self, scope: &ScopeId) -> impl Iterator<Item = &Assignment> {
        self.by_scope.get(scope).into_iter().flatten().filter_map(|name| self.by_name.get(name))
    }

    /// Those below a scope, by scope.
    pub(in crate::simulator) fn below<'a>(&'a self, scope: &ScopeId) -> impl Iterator<Item = &'a Assignment> + use<'a> {
        let from = (Bound::Excluded(scope), Bound::Unbounded);
        let scope = scope.clone();
        let below = self
            .by_scope
            .range::<ScopeId, _>(from)
            .map_while(move |(at, names)| at.folded().starts_with(scope.folded()).then(|| (scope.holds(at), names)))
            .filter(|(held, _)| *held); // a neighbour's name may begin alike
        below.flat_map(|(_, names)| names).filter_map(|name| self.by_name.get(name))
    }

    /// Those of a principal.
    pub(in crate::simulator) fn of(&self, principal: PrincipalId) -> impl Iterator<Item = &Assignment> {
        self.by_principal.get(&principal).into_iter().flatten().filter_map(|name| self.by_name.get(name))
    }

    /// All of them, by scope, then by name.
    pub(in crate::simulator) fn all(&self) -> impl Iterator<Item = &Assignment> {
        self.by_scope.values().flatten().filter_map(|name| self.by_name.get(name))
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.by_name == other.by_name
    }
}

fn key(triple: &Triple) -> (std::sync::Arc<str>, PrincipalId, RoleDefinitionId) {
    (triple.scope.folded().into(), triple.principal, triple.definition)
}
