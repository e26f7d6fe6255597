//! Subscriptions, resource groups, resources and locks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{Refusal, Touched, World, rights::management_group};
use crate::model::ids::{PrincipalId, ScopeId, SubscriptionId, TenantId};

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionEntry {
    /// Its id.
    pub id: SubscriptionId,
    /// Its display name; need not be unique.
    pub name: String,
    /// `Enabled`, `Warned`, `PastDue`, `Disabled` or `Deleted` (FACTS §5).
    pub state: String,
    /// The tenant that it trusts (`tenantId`, subscriptions.json); none: the world's.
    pub tenant: Option<TenantId>,
    /// The management groups above it, the nearest first.
    pub management_groups: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its id, as its provider spells it.
    pub id: ScopeId,
    /// Its type, as its provider spells it: `microsoft.insights/components` (recorded, FACTS §1.5).
    pub arm_type: String,
    /// Its name.
    pub name: String,
    /// Its resource group, as spelt.
    pub group: String,
    /// Its location.
    pub location: String,
    /// Its kind: `web` for a component.
    pub kind: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was made; none: long before the world begins.
    pub created: Option<Timestamp>,
    /// What its provider says of it.
    pub properties: Value,
}

/// When what the world gives no time for was made. Ours.
pub const LONG_AGO: &str = "2026-01-01T08:00:00.0000000+00:00";

impl Resource {
    /// When it was made.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.created.or_else(|| LONG_AGO.parse().ok())
    }

    /// When it was made, as far as Azure says so: a component in its properties, a vault in its `systemData`.
    #[must_use]
    pub fn made(&self) -> Option<Timestamp> {
        let of_component = self.properties.get("CreationDate").and_then(Value::as_str).and_then(|it| it.parse().ok());
        of_component.or_else(|| if super::resources::is_vault(&self.arm_type) { self.created() } else { None })
    }
}

/// A management lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockEntry {
    /// What it locks.
    pub scope: ScopeId,
    /// Its name.
    pub name: String,
    /// `CanNotDelete` or `ReadOnly`.
    pub level: String,
    /// Notes on it.
    pub notes: Option<String>,
}

impl LockEntry {
    /// Its resource id (recorded).
    #[must_use]
    pub fn resource_id(&self) -> String {
        format!("{}/providers/Microsoft.Authorization/locks/{}", self.scope.as_str().trim_end_matches('/'), self.name)
    }
}

impl World {
    /// Every subscription, whoever may see it.
    pub fn subscriptions(&self) -> impl Iterator<Item = &SubscriptionEntry> {
        self.subscriptions.values()
    }

    /// Whether a subscription takes PUT and PATCH: a disabled one is read only (public reports: 409 to a PUT). Whether it lets
    /// something be deleted, and what a `Warned` one takes, is OPEN: both go through.
    pub fn demand_enabled(&self, id: SubscriptionId) -> Result<(), Refusal> {
        let disabled = self.subscriptions.get(&id).filter(|found| found.state.eq_ignore_ascii_case("Disabled"));
        disabled.map_or(Ok(()), |found| Err(Refusal::disabled(found.id)))
    }

    /// Every resource, whoever may see it, by id.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// Adds or replaces a subscription.
    pub fn place_subscription(&mut self, subscription: SubscriptionEntry) {
        self.subscriptions.insert(subscription.id, subscription);
        self.touch(Touched::World);
    }

    /// Adds or replaces a resource, and its resource group.
    pub fn place_resource(&mut self, resource: Resource) {
        if let Some(subscription) = resource.id.subscription() {
            self.groups.insert(group_scope(subscription, &resource.group));
        }
        self.before_resource(&resource.id);
        self.resources.insert(resource.id.clone(), resource);
        self.touch(Touched::World);
    }

    /// Removes a resource; its role assignments stay where they are (moving one orphans them, FACTS §10).
    pub fn remove_resource(&mut self, id: &ScopeId) -> Option<Resource> {
        self.touch(Touched::World);
        self.before_resource(id);
        self.resources.remove(id)
    }

    /// Adds or replaces a lock.
    pub fn place_lock(&mut self, lock: LockEntry) {
        self.locks.retain(|old| !old.resource_id().eq_ignore_ascii_case(&lock.resource_id()));
        self.locks.push(lock);
        self.locks.sort();
        self.touch(Touched::World);
    }

    /// Removes every lock exactly at a scope.
    pub fn remove_locks(&mut self, scope: &ScopeId) {
        self.locks.retain(|lock| &lock.scope != scope);
        self.touch(Touched::World);
    }

    /// The locks that hold for a scope: its own, and those above it.
    pub fn lock_over<'a>(&'a self, scope: &'a ScopeId) -> impl Iterator<Item = &'a LockEntry> {
        self.locks.iter().filter(|lock| lock.scope.holds(scope))
    }

    /// The locks at and below a subscription.
    pub fn locks(&self, caller: PrincipalId, at: SubscriptionId) -> Result<Vec<&LockEntry>, Refusal> {
        let scope = ScopeId::subscription_scope(at);
        self.demand(caller, "Microsoft.Authorization/locks/read", &scope)?;
        Ok(self.locks.iter().filter(|lock| scope.holds(&lock.scope)).collect())
    }

    /// One resource by id.
    pub fn resource(&self, caller: PrincipalId, id: &ScopeId) -> Result<&Resource, Refusal> {
        let parts: Vec<&str> = id.as_str().split('/').collect();
        let (group, name) = (parts.get(4).copied().unwrap_or_default(), id.last_segment());
        let arm_type = super::resources::arm_type_of(id);
        self.demand(caller, &format!("{arm_type}/read"), id)?;
        if let Some(found) = self.resources.get(id) {
            return Ok(found);
        }
        let known = id.subscription().is_some_and(|s| self.groups.contains(&group_scope(s, group)));
        Err(if known { Refusal::no_resource(&arm_type, name, group) } else { Refusal::no_group(group) })
    }

    /// The subscriptions in which the caller holds anything, at, above or below (what `az login` shows).
    #[must_use]
    pub fn subscriptions_of(&self, caller: PrincipalId) -> Vec<&SubscriptionEntry> {
        let holders = self.with_groups(caller);
        let held: Vec<&ScopeId> =
            holders.iter().flat_map(|holder| self.table.of(*holder)).map(|held| &held.triple.scope).collect();
        let seen = |entry: &&SubscriptionEntry| {
            let scope = ScopeId::subscription_scope(entry.id);
            held.iter().any(|held| {
                held.folded() == "/"
                    || scope.holds(held)
                    || entry.management_groups.iter().any(|name| **held == management_group(name))
            })
        };
        self.subscriptions.values().filter(seen).collect()
    }

    /// The resources that the caller may read, by id; what it may not read is missing without a sign (FACTS §5).
    pub fn visible_resources(&self, caller: PrincipalId) -> impl Iterator<Item = &Resource> {
        let whole: BTreeMap<SubscriptionId, bool> = self
            .subscriptions
            .keys()
            .map(|id| {
                let scope = ScopeId::subscription_scope(*id);
                // A block that allows every read at the subscription allows each resource's.
                let all = |block: &&super::Block| block.not_actions.is_empty() && block.allows("any/read");
                (*id, self.denials.is_empty() && self.blocks(caller, &scope).iter().any(all))
            })
            .collect();
        self.resources.values().filter(move |resource| {
            let seen = resource.id.subscription().and_then(|id| whole.get(&id)).copied();
            seen.is_some_and(|all| all || self.may(caller, &format!("{}/read", resource.arm_type), &resource.id))
        })
    }

    /// The subscriptions whose row the caller may read.
    pub fn visible_subscriptions(&self, caller: PrincipalId) -> impl Iterator<Item = &SubscriptionEntry> {
        const READ: &str = "Microsoft.Resources/subscriptions/read";
        self.subscriptions.values().filter(move |entry| self.may(caller, READ, &ScopeId::subscription_scope(entry.id)))
    }

    /// The resource groups whose row the caller may read.
    pub fn visible_groups(&self, caller: PrincipalId) -> impl Iterator<Item = &ScopeId> {
        const READ: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";
        self.groups.iter().filter(move |scope| self.may(caller, READ, scope))
    }
}

/// The scope of a resource group.
#[must_use]
pub fn group_scope(subscription: SubscriptionId, group: &str) -> ScopeId {
    ScopeId::new(&format!("/subscriptions/{subscription}/resourceGroups/{group}"))
}
