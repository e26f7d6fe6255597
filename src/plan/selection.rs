//! What a run is narrowed to: whose access it reads ([`Scope`]) and which changes it makes ([`Kinds`]); and what it leaves for
//! another run ([`Deferred`]), which is reported and is never "as git says".
//!
//! The rule that nobody loses the old access before they have the new is here, too ([`Pending`]): planning, the last check and
//! execution all ask it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::model::{
    ids::PrincipalId,
    observed::Observed,
    owner::{EnvironmentName, OwnerCode},
    shard::Shard,
};

use super::{
    Plan,
    blocked::Blocked,
    change::{Action, Because, Change, EXPIRY_RECENT_DAYS},
};

/// Whose access a run reads and compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Every owner's.
    #[default]
    All,
    /// Only these owners'.
    Owners(BTreeSet<OwnerCode>),
    /// Only one part of all owners'.
    Shard(Shard),
}

impl Scope {
    /// The owners that were chosen, or all if none were.
    #[must_use]
    pub fn chosen(owners: Option<BTreeSet<OwnerCode>>) -> Self {
        owners.map_or(Self::All, Self::Owners)
    }

    /// Whether this owner's access is read.
    #[must_use]
    pub fn holds(&self, owner: OwnerCode) -> bool {
        match self {
            Self::All => true,
            Self::Owners(owners) => owners.contains(&owner),
            Self::Shard(shard) => shard.holds(owner),
        }
    }

    /// The owners that were chosen by name, if some were.
    #[must_use]
    pub fn owners(&self) -> Option<&BTreeSet<OwnerCode>> {
        match self {
            Self::Owners(owners) => Some(owners),
            Self::All | Self::Shard(_) => None,
        }
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// A kind of change that a run can be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What is missing is granted, and what was altered is corrected.
    Grants,
    /// What a last day has ended is removed.
    Expired,
}

/// Which changes a run makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// All that the plan has.
    #[default]
    All,
    /// Only these. An adoption is none of them: what others made is only marked when somebody asks for it.
    Only(BTreeSet<Kind>),
}

impl Kinds {
    fn has(&self, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::Only(kinds) => kinds.contains(&kind),
        }
    }
}

/// Something that differs between git and Azure, and that a run leaves for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferred {
    /// What is left.
    pub what: Left,
    /// Why.
    pub why: Why,
}

/// What a run leaves for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// A change that could be made.
    Change(Change),
    /// A change that could not be made anyway.
    Blocked(Blocked),
}

/// Why a run leaves something for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The run was narrowed to other kinds of changes.
    OtherKind,
    /// Its last day is so long ago that the removal counts under the limits for removals, not under those for expiries.
    EndedLongAgo,
    /// Its last day has passed, and others made the assignment: the removal counts under the limits for removals.
    EndedUnmanaged,
}

impl Why {
    /// A stable word for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OtherKind => "other-kind",
            Self::EndedLongAgo => "ended-long-ago",
            Self::EndedUnmanaged => "ended-unmanaged",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::OtherKind => "`tilgang plan` shows what a whole run would do, and what policy says to it",
            Self::EndedLongAgo | Self::EndedUnmanaged => {
                "`tilgang apply` removes it, if the limits for removals allow it"
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKind => f.write_str("not a kind of change that this run makes"),
            Self::EndedLongAgo => write!(
                f,
                "expired more than {EXPIRY_RECENT_DAYS} days ago, so this counts as a removal and not as an expiry"
            ),
            Self::EndedUnmanaged => {
                f.write_str("expired, and created outside tilgang, so this counts as a removal and not as an expiry")
            }
        }
    }
}

impl Deferred {
    /// Whether access is left that the run was there to remove.
    #[must_use]
    pub fn is_left_undone(&self) -> bool {
        matches!(self.why, Why::EndedLongAgo | Why::EndedUnmanaged)
    }
}

impl Plan {
    /// Leaves only what concerns these owners. `observed`: what was read for them.
    pub fn limit(&mut self, scope: &Scope, observed: &Observed) {
        match scope {
            Scope::All => {}
            Scope::Owners(owners) => self.only(owners),
            Scope::Shard(shard) => self.only_shard(*shard, observed),
        }
    }

    /// Leaves only changes of these kinds; what is left for another run, in the plan's order. Removals that are blocked stay:
    /// of which kind they are is not known.
    pub fn select(&mut self, kinds: &Kinds) -> Vec<Deferred> {
        let mut deferred = Vec::new();
        for change in std::mem::take(&mut self.changes) {
            match deferral(&change, kinds) {
                None => self.changes.push(change),
                Some(why) => deferred.push(Deferred { what: Left::Change(change), why }),
            }
        }
        for blocked in std::mem::take(&mut self.blocked) {
            if blocked.action == Action::Revoke || kinds.has(Kind::Grants) {
                self.blocked.push(blocked);
            } else {
                deferred.push(Deferred { what: Left::Blocked(blocked), why: Why::OtherKind });
            }
        }
        deferred
    }
}

/// Why a run of these kinds leaves a change, if it does.
fn deferral(change: &Change, kinds: &Kinds) -> Option<Why> {
    if *kinds == Kinds::All {
        return None;
    }
    match (change.action, &change.because) {
        (Action::Grant | Action::Update, _) if kinds.has(Kind::Grants) => None,
        (Action::Revoke, because) if kinds.has(Kind::Expired) => match because {
            Because::Ended { recently: true, .. } => None,
            Because::Ended { recently: false, .. } => Some(Why::EndedLongAgo),
            Because::Unmanaged { ended: Some(_) } => Some(Why::EndedUnmanaged),
            _ => Some(Why::OtherKind),
        },
        (Action::Grant | Action::Update | Action::Adopt | Action::Revoke, _) => Some(Why::OtherKind),
    }
}

/// Grants that are not made yet, by who would gain by them and where: nobody loses the old access before they have the new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending(BTreeMap<(OwnerCode, PrincipalId), BTreeSet<Option<EnvironmentName>>>);

impl Pending {
    /// Of these grants, updates and adoptions. Removals among them count for nothing.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut pending = Self::default();
        for change in changes.into_iter().filter(|change| change.action != Action::Revoke) {
            pending.0.entry(whose(change)).or_default().insert(change.environment.clone());
        }
        pending
    }

    /// Whether a removal has to wait for one of them. A last day ends access whatever else is pending.
    #[must_use]
    pub fn holds_back(&self, removal: &Change) -> bool {
        let mut environments = self.0.get(&whose(removal)).into_iter().flatten();
        removal.because.ended().is_none()
            && environments.any(|new| is_replaced(removal.environment.as_ref(), new.as_ref()))
    }
}

fn whose(change: &Change) -> (OwnerCode, PrincipalId) {
    (change.owner, change.triple.principal)
}

/// Whether access in one environment is replaced by access in another, for the same person at the same owner: only where both are
/// the same, or one is not known. Access to prod is no substitute for access to test.
pub(super) fn is_replaced(old: Option<&EnvironmentName>, new: Option<&EnvironmentName>) -> bool {
    old.zip(new).is_none_or(|(old, new)| old == new)
}
