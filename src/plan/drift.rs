//! A plan, read as drift: each difference in its class, with what it means and what mends it.

use super::{
    Plan,
    blocked::Block,
    change::{Action, Because, Change},
    finding::Code,
};

/// The classes of drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Somebody was taken out of git, and keeps the access by an assignment that others made.
    Keeps,
    /// Git wants it, Azure does not have it.
    Missing,
    /// Ours stands, but not as we made it.
    Altered,
    /// Ours stands, and somebody took our mark off it.
    DescriptionLost,
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
    /// Another instance of tilgang made it.
    OtherInstance,
    /// Others made something else that opens the same, and git does not list it.
    Lookalike,
    /// A role definition that git gives is not what the workspace says.
    RoleDefinition,
    /// A lock stops its removal.
    Locked,
    /// Git asks for a change that cannot be made, or not safely.
    Blocked,
    /// It stands as git says, and does not open what it should.
    NoEffect,
    /// It stands as git says, and its last day is near.
    ExpiringSoon,
}

impl Class {
    /// Every class, gravest first: access that should not be before access that should, and what differs before what does not.
    pub const ALL: &[Self] = &[
        Self::Keeps,
        Self::OtherInstance,
        Self::Unmanaged,
        Self::Lookalike,
        Self::RoleDefinition,
        Self::Stray,
        Self::Surplus,
        Self::Expired,
        Self::Orphaned,
        Self::Locked,
        Self::Altered,
        Self::DescriptionLost,
        Self::Missing,
        Self::Blocked,
        Self::NoEffect,
        Self::ExpiringSoon,
    ];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Keeps => "keeps",
            Self::Missing => "missing",
            Self::Altered => "altered",
            Self::DescriptionLost => "description-lost",
            Self::Surplus => "surplus",
            Self::Expired => "expired",
            Self::Stray => "stray",
            Self::Orphaned => "orphaned",
            Self::OtherInstance => "other-instance",
            Self::Unmanaged => "unmanaged",
            Self::Lookalike => "lookalike",
            Self::RoleDefinition => "role-definition",
            Self::Locked => "locked",
            Self::Blocked => "blocked",
            Self::NoEffect => "no-effect",
            Self::ExpiringSoon => "expiring-soon",
        }
    }

    /// The class with this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.word() == word)
    }

    /// Whether git and Azure differ: a grant that only has no effect, or ends soon, stands as git says.
    #[must_use]
    pub fn differs(self) -> bool {
        !matches!(self, Self::NoEffect | Self::ExpiringSoon)
    }

    /// What it means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Keeps => "no longer granted in git, and keeps the access by an assignment created outside tilgang",
            Self::Missing => "git wants it, Azure does not have it",
            Self::Altered => "stands, but not as git says",
            Self::DescriptionLost => "made by tilgang, and its description no longer says so",
            Self::Surplus => "stands, and the owner's file does not list it",
            Self::Expired => "stands after its last day",
            Self::Stray => "made by tilgang, where no file, rule or catalogue puts anything",
            Self::Orphaned => "its person is no longer in Entra",
            Self::OtherInstance => "made by another instance of tilgang, at the owner's targets",
            Self::Unmanaged => "created outside tilgang, and not in git",
            Self::Lookalike => "an assignment created outside tilgang opens the same, and git does not list it",
            Self::RoleDefinition => "a role definition that git gives is not what the workspace says",
            Self::Locked => "stands, should go, and a lock stops deletions",
            Self::Blocked => "git asks for it, and it cannot be done, or not safely",
            Self::NoEffect => "stands as git says, and does not open what it should",
            Self::ExpiringSoon => "stands as git says, and its last day is near",
        }
    }

    /// What mends it. Where each has a remedy of its own (`blocked`), that is the better one.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Keeps => {
                "remove the assignment in the portal, or the person from the group that has it; or list the person again, or accept it in `policy.accept`"
            }
            Self::Missing => "`tilgang apply` makes it; if nobody should have it, take it out of the owner's file",
            Self::Altered => "`tilgang apply` puts it right",
            Self::DescriptionLost => {
                "`tilgang apply` writes it again; if another tool clears it, let that tool leave it alone"
            }
            Self::Surplus => "`tilgang apply` removes it; if it is meant, list it in the owner's file",
            Self::Expired => "`tilgang apply` removes it; if it is still needed, write a later `until`",
            Self::Stray => {
                "`tilgang apply` removes it; if it should stand, correct the rule or the catalogue in `tilgang.yaml`"
            }
            Self::Orphaned => "`tilgang apply` removes what is ours; what others made, take away by hand",
            Self::OtherInstance => {
                "if this instance was renamed, name the other one in `former_instances`; if a second one is meant, accept it in `policy.accept`"
            }
            Self::Unmanaged => {
                "list it in the owner's file, or take it away by hand; with `unmanaged: revoke`, `tilgang apply` removes it"
            }
            Self::Lookalike => "take it away by hand, list the person in git, or accept it in `policy.accept`",
            Self::RoleDefinition => {
                "correct the role definition in Azure, or the role in `tilgang.yaml`; or accept it in `policy.accept`"
            }
            Self::Locked => "take the lock away, run `tilgang apply`, and put the lock back",
            Self::Blocked => "what is in its way stands with each",
            Self::NoEffect => "put the target right, so that what is granted opens it; or take the entries out of git",
            Self::ExpiringSoon => "if it is still needed, write a later `until`; else nothing is to be done",
        }
    }

    /// Which class a change mends.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        match (change.action, &change.because) {
            (Action::Grant, _) => Self::Missing,
            (Action::Update, Because::DescriptionLost) => Self::DescriptionLost,
            (Action::Update, _) => Self::Altered,
            (Action::Revoke, Because::Ended { .. }) => Self::Expired,
            (Action::Revoke, Because::Stray(_)) => Self::Stray,
            (Action::Adopt, _) | (Action::Revoke, Because::Unmanaged { .. }) => Self::Unmanaged,
            (Action::Revoke, Because::NotListed { gone: Some(_) } | Because::PersonGone) => Self::Orphaned,
            (Action::Revoke, _) => Self::Surplus,
        }
    }

    /// Which class a change that cannot be made is of; none where it is only not known what it should be.
    #[must_use]
    pub fn of_block(block: &Block) -> Option<Self> {
        match block {
            Block::Locked(_) => Some(Self::Locked),
            block if block.is_unknown() => None,
            _ => Some(Self::Blocked),
        }
    }

    /// Which class a finding is of, if it is of one.
    #[must_use]
    pub fn of_finding(code: Code) -> Option<Self> {
        match code {
            Code::Keeps => Some(Self::Keeps),
            Code::OtherInstance => Some(Self::OtherInstance),
            Code::Unmanaged => Some(Self::Unmanaged),
            Code::Orphaned => Some(Self::Orphaned),
            Code::Lookalike => Some(Self::Lookalike),
            Code::NoEffect => Some(Self::NoEffect),
            Code::RoleMissing | Code::RoleName | Code::Privileged | Code::RoleGivesLess | Code::RoleChanged => {
                Some(Self::RoleDefinition)
            }
            Code::Renamed
            | Code::NotSeen
            | Code::SameName
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
            | Code::StillHeld
            | Code::Recreated
            | Code::NameChangedHands
            | Code::NewerThanLine
            | Code::NotAssignable
            | Code::RoleUnread
            | Code::Broad
            | Code::RoleRenamed
            | Code::RoleNotAssignable
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
                .filter(|finding| finding.accepted.is_none())
                .any(|finding| Class::of_finding(finding.code).is_some_and(Class::differs))
    }
}
