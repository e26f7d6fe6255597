//! Resource groups and resources that come and go: rights, locks, and what a vault leaves behind.
//!
//! Sources: specs (resources.json, keyvault.json), recordings of groups and vaults; what neither says is marked *inferred*.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Refusal, Resource, Touched, World, inventory::group_scope};
use crate::model::ids::{PrincipalId, ScopeId, SubscriptionId};

/// What is known of a resource group beside its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// Where it is.
    pub location: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Default for GroupInfo {
    fn default() -> Self {
        Self { location: "norwayeast".to_owned(), tags: BTreeMap::new() }
    }
}

/// A vault that was deleted and can still be recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedVault {
    /// The vault as it was.
    pub vault: Resource,
    /// When it was deleted.
    pub deleted: Timestamp,
}

impl DeletedVault {
    /// When it goes for good: after `softDeleteRetentionInDays`, 90 if it does not say (specs).
    #[must_use]
    pub fn purged_on(&self) -> Timestamp {
        let days = self.vault.properties.get("softDeleteRetentionInDays").and_then(Value::as_i64).unwrap_or(90);
        self.deleted.checked_add(SignedDuration::from_hours(days.saturating_mul(24))).unwrap_or(self.deleted)
    }

    /// Whether nobody may purge it before.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.vault.properties.get("enablePurgeProtection").and_then(Value::as_bool).unwrap_or(false)
    }
}

/// Whether a type is Key Vault's.
#[must_use]
pub fn is_vault(arm_type: &str) -> bool {
    arm_type.eq_ignore_ascii_case("Microsoft.KeyVault/vaults")
}

impl World {
    /// What is known of a resource group; `None` if there is none.
    #[must_use]
    pub fn group_info(&self, scope: &ScopeId) -> Option<GroupInfo> {
        self.groups.contains(scope).then(|| self.group_info.get(scope).cloned().unwrap_or_default())
    }

    /// Adds or changes a resource group, past every rule.
    pub fn place_resource_group(&mut self, scope: ScopeId, info: GroupInfo) {
        if !self.groups.contains(&scope) {
            self.groups.insert(scope.clone());
        }
        if info == GroupInfo::default() {
            self.group_info.remove(&scope);
        } else {
            self.group_info.insert(scope, info);
        }
        self.touch(Touched::World);
    }

    /// Creates or changes a resource group; whether it is new.
    pub fn put_group(&mut self, caller: PrincipalId, scope: &ScopeId, info: GroupInfo) -> Result<bool, Refusal> {
        self.demand(caller, "Microsoft.Resources/subscriptions/resourceGroups/write", scope)?;
        self.unlocked_for_write(scope, scope.as_str())?;
        let old = self.group_info(scope);
        // Microsoft Learn, "Common errors": `InvalidResourceGroupLocation`; words from public reports.
        if let Some(old) = old.as_ref().filter(|old| !old.location.eq_ignore_ascii_case(&info.location)) {
            let message = format!(
                "Invalid resource group location '{}'. The Resource group already exists in location '{}'.",
                info.location, old.location
            );
            return Err(Refusal::new(409, "InvalidResourceGroupLocation", message));
        }
        self.place_resource_group(scope.clone(), info);
        Ok(old.is_none())
    }

    /// Deletes a resource group with what is in it. A lock at, above or below stops it (recorded: `ScopeLocked`).
    pub fn delete_group(&mut self, caller: PrincipalId, scope: &ScopeId) -> Result<(), Refusal> {
        self.demand(caller, "Microsoft.Resources/subscriptions/resourceGroups/delete", scope)?;
        if !self.groups.contains(scope) {
            return Err(Refusal::no_group(scope.last_segment()));
        }
        self.unlocked_for_delete(scope)?;
        let inside: Vec<ScopeId> = self.resources.keys().filter(|id| scope.holds(id)).cloned().collect();
        for id in inside {
            self.take_resource(&id);
        }
        self.drop_assignments(scope); // inferred: nothing is left to read them by
        self.groups.remove(scope);
        self.group_info.remove(scope);
        Ok(())
    }

    /// Creates or replaces a resource in a group that is there; whether it is new.
    pub fn put_resource(&mut self, caller: PrincipalId, resource: Resource) -> Result<bool, Refusal> {
        self.demand(caller, &format!("{}/write", resource.arm_type), &resource.id)?;
        self.unlocked_for_write(&resource.id, resource.id.as_str())?;
        self.in_a_group(&resource.id, &resource.group)?;
        let is_new = !self.resources.contains_key(&resource.id);
        if is_new && is_vault(&resource.arm_type) {
            self.vault_name_is_free(&resource)?;
        }
        self.place_resource(resource);
        Ok(is_new)
    }

    /// Deletes a resource; `None` if there is none.
    pub fn delete_resource(&mut self, caller: PrincipalId, id: &ScopeId) -> Result<Option<Resource>, Refusal> {
        let arm_type = arm_type_of(id);
        self.demand(caller, &format!("{arm_type}/delete"), id)?;
        self.unlocked_for_delete(id)?;
        Ok(self.take_resource(id))
    }

    /// Takes a resource out, past every rule: a vault is kept for a while, and loses its role assignments for good
    /// (TRAPS, "Azure, beyond FACTS"); those of others stay where they are.
    pub fn take_resource(&mut self, id: &ScopeId) -> Option<Resource> {
        let gone = self.remove_resource(id)?;
        if is_vault(&gone.arm_type) {
            self.drop_assignments(id);
            self.deleted_vaults.insert(id.clone(), DeletedVault { vault: gone.clone(), deleted: self.now() });
        }
        Some(gone)
    }

    fn drop_assignments(&mut self, scope: &ScopeId) {
        let gone: Vec<_> =
            self.table.at(scope).chain(self.table.below(scope)).map(|assignment| assignment.name).collect();
        for name in gone {
            self.unplace(name);
        }
    }

    pub(super) fn in_a_group(&self, id: &ScopeId, group: &str) -> Result<(), Refusal> {
        let there = id.subscription().is_some_and(|s| self.groups.contains(&group_scope(s, group)));
        if there { Ok(()) } else { Err(Refusal::no_group(group)) }
    }

    /// "ReadOnly: authorised users can read, but not delete or update" (azure-docs lock-resources.md).
    pub(super) fn unlocked_for_write(&self, scope: &ScopeId, target: &str) -> Result<(), Refusal> {
        let mut over = self.lock_over(scope);
        match over.find(|lock| lock.level.eq_ignore_ascii_case("ReadOnly")) {
            Some(lock) => Err(Refusal::locked("write", target, &lock.scope)),
            None => Ok(()),
        }
    }

    fn unlocked_for_delete(&self, scope: &ScopeId) -> Result<(), Refusal> {
        let below = self.locks.iter().filter(|lock| scope.holds(&lock.scope));
        match self.lock_over(scope).chain(below).next() {
            Some(lock) => Err(Refusal::locked("delete", scope.as_str(), &lock.scope)),
            None => Ok(()),
        }
    }
}

/// The type that an id names: `…/providers/Microsoft.KeyVault/vaults/kv` → `Microsoft.KeyVault/vaults`.
#[must_use]
pub fn arm_type_of(id: &ScopeId) -> String {
    let parts: Vec<&str> = id.as_str().split('/').collect();
    let inside = parts.get(6..).unwrap_or_default();
    let namespace = inside.first().copied().unwrap_or_default();
    let kinds = inside.iter().skip(1).step_by(2).copied();
    std::iter::once(namespace).chain(kinds).collect::<Vec<_>>().join("/")
}

/// The subscription and the group of an id.
#[must_use]
pub fn place_of(id: &ScopeId) -> Option<(SubscriptionId, String)> {
    let group = id.as_str().split('/').nth(4)?;
    Some((id.subscription()?, group.to_owned()))
}
