//! Key Vaults: names that are taken in all of Azure, soft delete, recovery, purge, access policies (FACTS §4; specs).

use serde_json::{Value, json};

use super::{
    Refusal, Resource, Touched, World,
    resources::{DeletedVault, is_vault},
};
use crate::model::ids::{PrincipalId, ScopeId, SubscriptionId};

/// Access policies of one vault (specs).
const POLICIES_MAX: usize = 1_024;

/// What is done with access policies: the three that the description names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    /// Permissions join those of the same object.
    Add,
    /// Entries take the place of those of the same object.
    Replace,
    /// Permissions are taken away; an entry without any goes.
    Remove,
}

impl PolicyChange {
    /// By the last part of the path.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "add" => Some(Self::Add),
            "replace" => Some(Self::Replace),
            "remove" => Some(Self::Remove),
            _ => None,
        }
    }
}

impl World {
    /// The deleted vaults of a subscription that can still be recovered.
    pub fn deleted_vaults(&self, of: SubscriptionId) -> impl Iterator<Item = &DeletedVault> {
        let now = self.now();
        self.deleted_vaults
            .values()
            .filter(move |gone| gone.vault.id.subscription() == Some(of) && gone.purged_on() > now)
    }

    /// Every deleted vault, those past their time included.
    pub fn all_deleted_vaults(&self) -> impl Iterator<Item = &DeletedVault> {
        self.deleted_vaults.values()
    }

    /// Puts a deleted vault in as it is.
    pub fn place_deleted_vault(&mut self, gone: DeletedVault) {
        self.deleted_vaults.insert(gone.vault.id.clone(), gone);
        self.touch(Touched::World);
    }

    /// A deleted vault by location and name.
    #[must_use]
    pub fn deleted_vault(&self, of: SubscriptionId, location: &str, name: &str) -> Option<&DeletedVault> {
        self.deleted_vaults(of)
            .find(|gone| gone.vault.name.eq_ignore_ascii_case(name) && same_location(&gone.vault.location, location))
    }

    /// A vault's name is one in all of Azure, the deleted ones included (public reports of both codes; not recorded).
    pub(super) fn vault_name_is_free(&self, wanted: &Resource) -> Result<(), Refusal> {
        let same = |other: &Resource| is_vault(&other.arm_type) && other.name.eq_ignore_ascii_case(&wanted.name);
        if self.resources.values().any(same) {
            let message = format!(
                "The vault name '{}' is already in use. Vault names are globaly unique so it is possible that the name is already taken.",
                wanted.name
            );
            return Err(Refusal::new(409, "VaultAlreadyExists", message));
        }
        let now = self.now();
        if self.deleted_vaults.values().any(|gone| same(&gone.vault) && gone.purged_on() > now) {
            let message = "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.";
            return Err(Refusal::new(409, "ConflictError", message));
        }
        Ok(())
    }

    /// Brings a deleted vault back as it was, without the role assignments it had (TRAPS, "Azure, beyond FACTS").
    pub fn recover_vault(&mut self, caller: PrincipalId, id: &ScopeId) -> Result<Resource, Refusal> {
        self.demand(caller, "Microsoft.KeyVault/vaults/write", id)?;
        let now = self.now();
        let found = self.deleted_vaults.get(id).filter(|gone| gone.purged_on() > now).cloned();
        let Some(found) = found else {
            let message = format!("A deleted vault with the name '{}' does not exist.", id.last_segment()); // inferred
            return Err(Refusal::new(404, "DeletedVaultNotFound", message));
        };
        self.in_a_group(id, &found.vault.group)?;
        self.deleted_vaults.remove(id);
        self.place_resource(found.vault.clone());
        Ok(found.vault)
    }

    /// Purges a deleted vault; words and code of a protected one are inferred.
    pub fn purge_vault(
        &mut self,
        caller: PrincipalId,
        of: SubscriptionId,
        location: &str,
        name: &str,
    ) -> Result<(), Refusal> {
        let action = "Microsoft.KeyVault/locations/deletedVaults/purge/action";
        self.demand(caller, action, &ScopeId::subscription_scope(of))?;
        let found = self.deleted_vault(of, location, name).ok_or_else(|| no_deleted_vault(name))?;
        if found.is_protected() {
            let message = format!(
                "Operation \"purge\" is not allowed because purge protection is enabled for the vault '{name}'."
            );
            return Err(Refusal::new(409, "MethodNotAllowed", message));
        }
        let id = found.vault.id.clone();
        self.deleted_vaults.remove(&id);
        self.touch(Touched::World);
        Ok(())
    }

    /// Changes access policies. `add` merges, `replace` replaces, `remove` takes away (inferred, FACTS §4).
    pub fn change_policies(
        &mut self,
        caller: PrincipalId,
        id: &ScopeId,
        change: PolicyChange,
        entries: &[Value],
    ) -> Result<(), Refusal> {
        self.demand(caller, "Microsoft.KeyVault/vaults/accessPolicies/write", id)?;
        self.unlocked_for_write(id, id.as_str())?;
        let mut vault = self.resource(caller, id)?.clone();
        let mut policies: Vec<Value> =
            vault.properties.get("accessPolicies").and_then(Value::as_array).cloned().unwrap_or_default();
        for entry in entries {
            let at = policies.iter().position(|policy| same_object(policy, entry));
            match (change, at.and_then(|at| policies.get_mut(at))) {
                (PolicyChange::Remove, None) => {}
                (_, None) => policies.push(entry.clone()),
                (PolicyChange::Replace, Some(policy)) => *policy = entry.clone(),
                (PolicyChange::Add, Some(policy)) => blend(policy, entry, true),
                (PolicyChange::Remove, Some(policy)) => blend(policy, entry, false),
            }
        }
        policies
            .retain(|policy| change != PolicyChange::Remove || permissions(policy).any(|(_, words)| !words.is_empty()));
        if policies.len() > POLICIES_MAX {
            let message = format!("A vault holds at most {POLICIES_MAX} access policies."); // words not recorded
            return Err(Refusal::new(400, "BadRequest", message));
        }
        if let Some(properties) = vault.properties.as_object_mut() {
            properties.insert("accessPolicies".to_owned(), json!(policies));
        }
        self.place_resource(vault);
        Ok(())
    }
}

/// The access policies of a vault, as they were sent.
#[must_use]
pub fn policies(vault: &Resource) -> Vec<Value> {
    vault.properties.get("accessPolicies").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// No such deleted vault (words and code inferred).
#[must_use]
pub fn no_deleted_vault(name: &str) -> Refusal {
    Refusal::new(404, "DeletedVaultNotFound", format!("The specified deleted vault '{name}' does not exist."))
}

/// `East US` and `eastus` are one place (recorded, FACTS §4).
fn same_location(a: &str, b: &str) -> bool {
    let fold = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    fold(a) == fold(b)
}

fn same_object(a: &Value, b: &Value) -> bool {
    let of = |policy: &Value, key: &str| policy.get(key).and_then(Value::as_str).map(str::to_ascii_lowercase);
    of(a, "objectId") == of(b, "objectId") && of(a, "applicationId") == of(b, "applicationId")
}

fn permissions(policy: &Value) -> impl Iterator<Item = (&String, &Vec<Value>)> {
    let kinds = policy.get("permissions").and_then(Value::as_object).into_iter().flatten();
    kinds.filter_map(|(kind, words)| Some((kind, words.as_array()?)))
}

/// Adds the permissions of one entry to another, or takes them out of it; case is ignored.
fn blend(policy: &mut Value, with: &Value, add: bool) {
    let given: Vec<(String, Vec<Value>)> =
        permissions(with).map(|(kind, words)| (kind.clone(), words.clone())).collect();
    let Some(kinds) = policy.get_mut("permissions").and_then(Value::as_object_mut) else { return };
    let same =
        |a: &Value, b: &Value| a.as_str().unwrap_or_default().eq_ignore_ascii_case(b.as_str().unwrap_or_default());
    for (kind, words) in given {
        let held = kinds.entry(kind).or_insert_with(|| json!([]));
        let Some(held) = held.as_array_mut() else { continue };
        if add {
            for word in words {
                if !held.iter().any(|known| same(known, &word)) {
                    held.push(word);
                }
            }
        } else {
            held.retain(|known| !words.iter().any(|word| same(known, word)));
        }
    }
}
