//! A plan, read as drift: each difference in its class.

use super::{
    Plan,
    change::{Action, Because, Change},
    finding::Code,
};

/// The classes of drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Git wants it, Azure does not have it.
    Missing,
    /// Ours stands, but not as we made it.
    Altered,
    /// Ours stands, its owner's file was read, and does not list it.
    Surplus,
    /// Ours stands after its last day.
    Expired,
    /// Ours stands where no file, rule or catalogue puts anything.
    Stray,
    /// Its person is no longer among the living in Entra.
    Orphaned,
    /// Others made it, and git does not list it.
    Unmanaged,
    /// Others made something else that opens the same, and git does not list it.
    Lookalike,
}

impl Class {
    /// Every class, gravest first: access that should not be before access that should.
    pub const ALL: &[Self] = &[
        Self::Unmanaged,
        Self::Lookalike,
        Self::Stray,
        Self::Surplus,
        Self::Expired,
        Self::Orphaned,
        Self::Altered,
        Self::Missing,
    ];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Altered => "altered",
            Self::Surplus => "surplus",
            Self::Expired => "expired",
            Self::Stray => "stray",
            Self::Orphaned => "orphaned",
            Self::Unmanaged => "unmanaged",
            Self::Lookalike => "lookalike",
        }
    }

    /// Which class a change mends.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        match (change.action, &change.because) {
            (Action::Grant, _) => Self::Missing,
            (Action::Update, _) => Self::Altered,
            (Action::Revoke, Because::Ended { .. }) => Self::Expired,
            (Action::Revoke, Because::Stray(_)) => Self::Stray,
            (Action::Revoke, Because::Unmanaged) => Self::Unmanaged,
            (Action::Revoke, Because::NotListed { gone: Some(_) } | Because::PersonGone) => Self::Orphaned,
            (Action::Revoke, _) => Self::Surplus,
        }
    }

    /// Which class a finding is of, if it is drift.
    #[must_use]
    pub fn of_finding(code: Code) -> Option<Self> {
        match code {
            Code::Unmanaged => Some(Self::Unmanaged),
            Code::Orphaned => Some(Self::Orphaned),
            Code::Lookalike => Some(Self::Lookalike),
            Code::NoEffect
            | Code::Renamed
            | Code::NotSeen
            | Code::MayEnd
            | Code::RoleEmptied
            | Code::TooLong
            | Code::TooMany
            | Code::TwoOwners
            | Code::Guest
            | Code::NotAMember
            | Code::MembershipUnknown
            | Code::AcceptUnused
            | Code::ExceptionEnded
            | Code::Inherited
            | Code::Recreated
            | Code::NotAssignable
            | Code::Locked
            | Code::NotEnabled
            | Code::NearLimit
            | Code::Unanswered => None,
        }
    }
}

impl Plan {
    /// Whether anything differs that nobody accepted.
    #[must_use]
    pub fn has_drift(&self) -> bool {
        !self.changes.is_empty()
            || self
                .findings
                .iter()
                .any(|finding| finding.accepted.is_none() && Class::of_finding(finding.code).is_some())
    }
}
