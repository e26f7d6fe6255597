//! How a definition lets somebody query a Log Analytics workspace: the other way to the logs that a component keeps there.
//!
//! Two rights together: to run a query, and to read tables (Microsoft, "Manage access to Log Analytics workspaces" and "Granular
//! RBAC in Log Analytics"; FACTS_PIM_GROUPS §6). The one may be held on the workspace and the other on a table. Not weighed: tables
//! whose `protectionLevel` is `Protected`, of which a `*/read` reads no row any more, and workspaces that take data actions only.

use super::permissions::{Definition, Extent};

/// To run a query in the workspace.
pub const RUN: &str = "Microsoft.OperationalInsights/workspaces/query/read";
/// To read all its tables, on the control plane.
pub const TABLES: &str = "Microsoft.OperationalInsights/workspaces/query/*/read";
/// To read tables, on the data plane.
pub const TABLES_DATA: &str = "Microsoft.OperationalInsights/workspaces/tables/data/read";

/// Whether it lets one run a query.
#[must_use]
pub fn runs(definition: &Definition) -> bool {
    definition.permits(RUN, false).is_some()
}

/// How many of the tables it lets one read.
#[must_use]
pub fn reads(definition: &Definition) -> Option<Extent> {
    definition.permits(TABLES, false).max(definition.permits(TABLES_DATA, true))
}

/// Whether it is one of the two.
#[must_use]
pub fn opens_something(definition: &Definition) -> bool {
    runs(definition) || reads(definition).is_some()
}

/// Whether it is both, so that nothing else is needed where it is held on the workspace or above it.
#[must_use]
pub fn is_enough(definition: &Definition) -> bool {
    runs(definition) && reads(definition).is_some()
}
