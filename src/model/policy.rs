//! The platform team's rules, as data. `plan::approve` judges by them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{desired::Origin, ids::UserName, owner::RoleName};

/// `policy:` of `tilgang.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What happens to assignments that others made at managed targets.
    pub unmanaged: Unmanaged,
    /// Limits on removals.
    pub revokes: RevokeLimits,
    /// How many grants may end by their date in one run.
    pub expiries_max: usize,
    /// People who never lose anything by this program.
    pub protected: Vec<Protected>,
    /// What a grant must state, by role.
    pub require: BTreeMap<RoleName, BTreeSet<Required>>,
    /// Findings that are known.
    pub accept: Vec<Accept>,
}

/// What happens to assignments that others made at managed targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmanaged {
    /// They are said.
    Report,
    /// They are removed: people only, exactly at managed targets, for managed role definitions.
    Revoke,
}

/// Limits on removals in one run; more than that is refused, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokeLimits {
    /// In all.
    pub max: usize,
    /// At one owner.
    pub per_owner_max: usize,
    /// At one owner in `prod`.
    pub prod_per_owner_max: usize,
    /// Of what stands, in percent: at one owner, and in all. Counts from [`SHARE_COUNTS_FROM`] assignments up.
    pub share_max_percent: usize,
}

/// Below so many standing assignments a share means nothing (octoDNS counts from ten records, too).
pub const SHARE_COUNTS_FROM: usize = 10;

/// A person who never loses anything by this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// The sign-in name.
    pub name: UserName,
    /// Where it stands.
    pub origin: Origin,
}

/// What a grant can be made to state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Required {
    /// `reason`.
    Reason,
    /// `ticket`.
    Ticket,
    /// `until`.
    Until,
    /// `id`.
    Id,
}

/// A finding that is known and accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The finding's code.
    pub code: String,
    /// Only for this person.
    pub person: Option<UserName>,
    /// Only at or below this scope.
    pub scope: Option<super::ids::ScopeId>,
    /// Why it is accepted.
    pub reason: String,
    /// The last day, UTC.
    pub until: Option<Date>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            unmanaged: Unmanaged::Report,
            revokes: RevokeLimits { max: 20, per_owner_max: 5, prod_per_owner_max: 3, share_max_percent: 25 },
            expiries_max: 200,
            protected: Vec::new(),
            require: BTreeMap::new(),
            accept: Vec::new(),
        }
    }
}
