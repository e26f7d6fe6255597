//! What role definitions permitted, as it was recorded, and what of it is news. Pure.

use std::collections::BTreeMap;

use super::entry::Permitted;
use crate::model::ids::RoleDefinitionId;

/// Role definitions: what Azure called each, and what it permitted.
#[derive(Clone, Debug, Default)]
pub(super) struct Permits(pub(super) BTreeMap<RoleDefinitionId, (String, String)>);

impl Permits {
    /// Takes in what was recorded.
    pub(super) fn learn(&mut self, rows: &[Permitted]) {
        for Permitted { definition, name, permits } in rows {
            if let Ok(id) = definition.parse() {
                self.0.insert(id, (name.clone(), permits.clone()));
            }
        }
    }

    /// What of these is other than it was recorded.
    pub(super) fn news(&self, now: &BTreeMap<RoleDefinitionId, (String, String)>) -> Vec<Permitted> {
        now.iter().filter(|(id, now)| self.0.get(id) != Some(now)).map(row).collect()
    }

    /// All of them.
    pub(super) fn rows(&self) -> Vec<Permitted> {
        self.0.iter().map(row).collect()
    }
}

fn row((id, (name, permits)): (&RoleDefinitionId, &(String, String))) -> Permitted {
    Permitted { definition: id.to_string(), name: name.clone(), permits: permits.clone() }
}
