//! What is known of the runs before, where a ledger is kept.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    ids::{PrincipalId, RoleDefinitionId, ScopeId, UserName},
    owner::{OwnerCode, RoleName},
};

/// What the ledger knows; empty where none is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// When resources were made, as the last run that recorded it had it.
    pub made: BTreeMap<ScopeId, Timestamp>,
    /// Role definitions, as the last run that recorded them had them.
    pub definitions: BTreeMap<RoleDefinitionId, RecordedDefinition>,
    /// Whom this instance gave a role.
    pub given: BTreeSet<Given>,
    /// People's accounts by the sign-in names that they held something under, each with when that was recorded last.
    pub names: BTreeMap<UserName, BTreeMap<PrincipalId, Timestamp>>,
}

/// A role definition as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedDefinition {
    /// What Azure called it.
    pub name: String,
    /// What it permitted: [`super::permissions::Definition::permits_text`].
    pub permits: String,
}

/// A role that this instance gave somebody at an owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Given {
    /// At which owner.
    pub owner: OwnerCode,
    /// To whom.
    pub principal: PrincipalId,
    /// Which role.
    pub role: RoleName,
}
