//! Who may use a vault's secrets by its access policies: they decide where the vault is not in RBAC mode, and only there
//! (FACTS_PIM_GROUPS §5).

use std::{collections::BTreeMap, sync::Arc};

use super::{By, Level, Opens, walk::Walk};
use crate::model::{
    ability::Ability,
    observed::{Impediment, Target, TargetKey},
    permissions::Extent,
};

/// Words of an access policy, as keyvault.json has them, and what they let one do. That reading a value takes `get` alone, and
/// seeing names `list`, is inferred (FACTS_PIM_GROUPS §5).
const WORDS: [(&str, &str); 4] =
    [("list", "list-secrets"), ("get", "read-secrets"), ("set", "change-secrets"), ("delete", "delete-secrets")];

impl<'a> Walk<'a> {
    /// Adds these ways at one target, if it is such a vault.
    pub(super) fn policies(&mut self, key: &'a TargetKey, target: &'a Target) {
        if !target.impediments.contains(&Impediment::AccessPolicyMode) {
            return;
        }
        let Some(Ok(Some(policies))) = self.observed.other.policies.get(&target.scope) else { return };
        for policy in policies {
            let given = WORDS.iter().filter(|(word, _)| policy.permits(word));
            let abilities: BTreeMap<&'static Ability, Extent> =
                given.filter_map(|(_, ability)| Some((Ability::named(ability)?, Extent::Whole))).collect();
            if !abilities.is_empty() {
                let opens = Arc::new(Opens { abilities, ..Opens::default() });
                let way = self.way((key, target), By::Policy(policy), Level::Target, opens);
                self.give(&way);
            }
        }
    }
}
