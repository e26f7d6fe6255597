//! Role definitions: Microsoft's built-in ones, and those a world adds.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;

use super::{Refusal, World};
use crate::model::ids::{PrincipalId, RoleDefinitionId, ScopeId};

/// One block of permissions; `*` is a wildcard in each action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Allowed control-plane actions.
    pub actions: Vec<String>,
    /// Taken out of them.
    pub not_actions: Vec<String>,
    /// Allowed data-plane actions.
    pub data_actions: Vec<String>,
    /// Taken out of those.
    pub not_data_actions: Vec<String>,
}

impl Block {
    /// Whether a control-plane action is allowed; Azure ignores case here.
    #[must_use]
    pub fn allows(&self, action: &str) -> bool {
        self.actions.iter().any(|pattern| matches(pattern, action))
            && !self.not_actions.iter().any(|pattern| matches(pattern, action))
    }
}

/// One role definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its GUID.
    pub id: RoleDefinitionId,
    /// Its name, for people.
    pub name: String,
    /// What it permits.
    pub block: Block,
    /// Whether Microsoft made it.
    pub built_in: bool,
    /// What it is for, in words.
    pub description: String,
    /// Where it can be assigned: at these scopes and below them.
    pub scopes: Vec<ScopeId>,
    /// When it was made, and changed last.
    pub times: (Timestamp, Timestamp),
    /// Who made it, and who changed it last; unknown for Microsoft's.
    pub by: (Option<PrincipalId>, Option<PrincipalId>),
}

impl Definition {
    /// Whether it can be assigned at a scope, given the scopes above that.
    #[must_use]
    pub fn is_for(&self, at: &ScopeId, above: &[ScopeId]) -> bool {
        self.scopes.iter().any(|scope| scope.folded() == "/" || scope.holds(at) || above.contains(scope))
    }
}

/// When Microsoft's were made and changed: one answer for all (those of Reader, recorded).
const BUILT_IN_TIMES: (Timestamp, Timestamp) =
    (Timestamp::constant(1_422_914_109, 880_642_300), Timestamp::constant(1_636_661_627, 862_868_400));

/// All role definitions of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Definitions {
    built_in: Arc<BTreeMap<RoleDefinitionId, Definition>>, // one copy: a world is made for each line of a journal
    custom: BTreeMap<RoleDefinitionId, Definition>,
}

impl Definitions {
    pub(super) fn built_in() -> Self {
        static BUILT_IN: std::sync::OnceLock<Definitions> = std::sync::OnceLock::new();
        BUILT_IN.get_or_init(Self::read_built_in).clone()
    }

    fn read_built_in() -> Self {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            name: String,
            id: String,
            #[serde(default)]
            description: String,
            #[serde(default)]
            actions: Vec<String>,
            #[serde(default)]
            not_actions: Vec<String>,
            #[serde(default)]
            data_actions: Vec<String>,
            #[serde(default)]
            not_data_actions: Vec<String>,
        }
        let read = |text: &str| serde_yaml::from_str::<Vec<Entry>>(text).unwrap_or_default();
        let entries = read(include_str!("builtin-roles.yaml")).into_iter();
        let definitions = entries.filter_map(|entry| {
            let Entry { name, id, description, actions, not_actions, data_actions, not_data_actions } = entry;
            let id = id.parse().ok()?;
            let block = Block { actions, not_actions, data_actions, not_data_actions };
            let scopes = vec![ScopeId::new("/")];
            let (times, by) = (BUILT_IN_TIMES, (None, None));
            Some((id, Definition { id, name, block, built_in: true, description, scopes, times, by }))
        });
        Self { built_in: Arc::new(definitions.collect()), custom: BTreeMap::new() }
    }

    pub(in crate::simulator) fn get(&self, id: RoleDefinitionId) -> Option<&Definition> {
        self.custom.get(&id).or_else(|| self.built_in.get(&id))
    }

    pub(in crate::simulator) fn insert(&mut self, definition: Definition) {
        self.custom.insert(definition.id, definition);
    }

    pub(in crate::simulator) fn remove(&mut self, id: RoleDefinitionId) -> Option<Definition> {
        self.custom.remove(&id)
    }

    pub(in crate::simulator) fn all(&self) -> impl Iterator<Item = &Definition> {
        self.built_in.values().chain(self.custom.values())
    }

    /// How many are the tenant's own.
    pub(in crate::simulator) fn custom_len(&self) -> usize {
        self.custom.len()
    }

    /// By name, without regard to case (recorded: `'reader'` found Reader, FACTS §1.9).
    pub(in crate::simulator) fn named(&self, name: &str) -> Option<&Definition> {
        self.all().find(|definition| definition.name.eq_ignore_ascii_case(name))
    }
}

impl World {
    /// Every role definition.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.all()
    }

    /// A role definition by its GUID.
    pub fn definition(&self, id: RoleDefinitionId) -> Result<&Definition, Refusal> {
        let found = self.definitions.get(id);
        found.ok_or_else(|| Refusal::no_definition(404, &id.0.simple().to_string()))
    }
}

/// Whether `action` fits `pattern`: `*` stands for any run of characters, letters in any case (azure-docs
/// role-definitions.md), and `/*/` for a single slash, too: Key Vault Reader reads vaults by `vaults/*/read` (FACTS §4).
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    fits(&pattern, &action) || pattern.contains("/*/") && fits(&pattern.replace("/*/", "/"), &action)
}

fn fits(pattern: &str, action: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = action.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        assert!(matches("*/read", "Microsoft.KeyVault/vaults/read"));
        assert!(matches("Microsoft.Authorization/*/read", "microsoft.authorization/roleAssignments/READ"));
        assert!(!matches("*/read", "Microsoft.Authorization/roleAssignments/write"));
        assert!(matches("*", "anything"));
        assert!(matches("Microsoft.Authorization/*", "Microsoft.Authorization/roleAssignments/write"));
        assert!(!matches("Microsoft.KeyVault/vaults/*/read", "Microsoft.Insights/components/read"));
        assert!(matches("Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/read"));
        assert!(!matches("Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/write"));
    }

    #[test]
    fn contributor_may_not_assign_and_rbac_administrator_may() {
        let definitions = Definitions::built_in();
        let may =
            |name: &str| definitions.named(name).unwrap().block.allows("Microsoft.Authorization/roleAssignments/write");
        assert!(!may("contributor"));
        assert!(may("Role Based Access Control Administrator"));
        assert!(may("Owner"));
        assert!(!may("Reader"));
        assert!(definitions.all().count() > 10);
        let names: std::collections::BTreeSet<_> = definitions.all().map(|found| &found.name).collect();
        assert_eq!(names.len(), definitions.all().count()); // azurerm wants exactly one hit
    }
}
