//! What the Activity Log says of role assignments: who asked for a deletion, and when.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

use super::ids::{AssignmentName, PrincipalId};

/// A role assignment was deleted. Whose access it was the log does not say (MicrosoftDocs/azure-docs#96729); its name does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Its name: unique in a tenant.
    pub name: AssignmentName,
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Doer,
}

/// Somebody who did something in Azure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doer {
    /// The object id, if it is known.
    pub id: Option<PrincipalId>,
    /// The name, if it is known.
    pub name: Option<Arc<str>>,
}

impl fmt::Display for Doer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.id) {
            (Some(name), _) => f.write_str(name),
            (None, Some(id)) => write!(f, "{id}"),
            (None, None) => f.write_str("somebody"),
        }
    }
}
