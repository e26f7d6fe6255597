//! What was found out about our identity's rights: what is there, what is missing and why, what is too much, what was not tried.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ids::{ScopeId, SubscriptionId};

/// Where a right is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Microsoft Graph.
    Graph,
    /// A subscription, by id and name.
    Subscription(SubscriptionId, String),
    /// A target, by its resource id; with its subscription's name.
    Target(ScopeId, String),
}

/// What our identity lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The action, or Graph's permission.
    pub right: String,
    /// What needs it.
    pub need: &'static str,
    /// What it is missing for.
    pub why: Why,
    /// Why it lacks although the role has the action; or what the answer was where it was no plain refusal.
    pub because: Option<String>,
    /// Where.
    pub at: BTreeSet<Place>,
}

/// What our identity may and need not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// Through which role assignment or permission: `Owner`.
    pub role: String,
    /// Where; `None` for Microsoft Graph.
    pub scope: Option<ScopeId>,
    /// Each a clause: `it has no condition, …`.
    pub reasons: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What is missing, by right.
    pub lacks: Vec<Lack>,
    /// What could not be found out.
    pub unknown: Vec<Lack>,
    /// What is more than needed.
    pub excess: Vec<Excess>,
    /// Rights that were tried and are there, and at how many places.
    pub proven: BTreeMap<String, usize>,
    /// Rights that nothing was found to try at, and what needs them: neither there nor missing.
    pub untried: BTreeMap<&'static str, &'static str>,
}

impl Verdict {
    /// Whether every right was tried, and is there.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.lacks.is_empty() && self.unknown.is_empty() && self.untried.is_empty()
    }

    /// How many rights were tried and are there wherever they are needed.
    #[must_use]
    pub fn whole(&self) -> usize {
        let open = |right: &str| self.lacks.iter().chain(&self.unknown).any(|lack| lack.right == right);
        self.proven.keys().filter(|right| !open(right)).count()
    }

    /// Whether a role or a permission of Graph would help with what is missing: against a deny assignment none does.
    #[must_use]
    pub fn needs_rights(&self) -> bool {
        self.lacks.iter().any(|lack| lack.why != Why::Denied)
    }
}

/// What a right is missing for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No role gives it, or its condition leaves something out.
    NotGiven,
    /// A deny assignment forbids it: whatever role gives it.
    Denied,
    /// It is not known whether it is missing.
    Unclear,
}

impl Lack {
    pub(super) fn new(right: &str, need: &'static str, why: Why, because: Option<String>) -> Self {
        Self { right: right.to_owned(), need, why, because, at: BTreeSet::new() }
    }
}
