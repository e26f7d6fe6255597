//! The kinds of finding, by their stable words: what a plan says, and what `policy.accept` may name.

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal;)+) => {
        /// The kinds of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code with this word.
            #[must_use]
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.word() == word)
            }

            /// The stable word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

codes! {
    /// Others made an assignment at a managed target that git does not list.
    Unmanaged = "unmanaged";
    /// The person of an assignment is no longer among the living in Entra.
    Orphaned = "orphaned";
    /// A grant that does not do what it says (promise 9).
    NoEffect = "no-effect";
    /// The person has another sign-in name than git says.
    Renamed = "renamed";
    /// An owner's subscription that our identity does not see.
    NotSeen = "not-seen";
    /// Several subscriptions have the name of an owner's in one environment.
    SameName = "same-name";
    /// Someone else's equal assignment satisfies a grant, but whether it ends by itself could not be asked.
    MayEnd = "may-end";
    /// Others gave somebody whom git does not list what opens the same: another role definition, or a wider scope.
    Lookalike = "lookalike";
    /// The person of a grant already holds the same from a wider scope.
    Inherited = "inherited";
    /// Somebody whom a change to git takes out holds the same by what others gave (`plan --base`).
    StillHeld = "still-held";
    /// Somebody who was listed before is out of git, and keeps the access by what others made.
    Keeps = "keeps";
    /// A target is not the resource that the ledger knew: it was made anew.
    Recreated = "recreated";
    /// Git lists by name alone somebody whose sign-in name led to another account before.
    NameChangedHands = "name-changed-hands";
    /// Git lists by name alone an account that is younger than the line that lists it.
    NewerThanLine = "newer-than-line";
    /// Assignments at an owner's targets bear the mark of another instance of tilgang.
    OtherInstance = "other-instance";
    /// The condition of our identity's role leaves out a role definition, or a kind of principal, that a change is about.
    NotAssignable = "not-assignable";
    /// Azure has no role definition with a GUID that the workspace gives.
    RoleMissing = "role-missing";
    /// What a role definition permits, or whether it can be assigned, could not be read.
    RoleUnread = "role-unread";
    /// Azure calls a role definition otherwise than the workspace does.
    RoleName = "role-name";
    /// Microsoft renamed a role definition of its own, and it permits what it did.
    RoleRenamed = "role-renamed";
    /// A role definition gives access itself, and no role says why it may.
    Privileged = "privileged";
    /// A role definition reaches nearly everything, and no role says why it may.
    Broad = "broad";
    /// A role definition does not give what `may:` claims.
    RoleGivesLess = "role-gives-less";
    /// A role definition cannot be assigned at a target.
    RoleNotAssignable = "role-not-assignable";
    /// A role definition permits something else than when it was last seen.
    RoleChanged = "role-changed";
    /// A lock that may stop grants.
    Locked = "locked";
    /// Changes are to be made in a subscription that may refuse them.
    NotEnabled = "not-enabled";
    /// Little room is left under a subscription's limit on role assignments.
    NearLimit = "near-limit";
    /// Something that may make a change fail could not be asked.
    Unanswered = "unanswered";
    /// Nobody is left with a prod role that somebody holds.
    RoleEmptied = "role-emptied";
    /// A grant that stands lasts longer than `policy.longest` allows.
    TooLong = "too-long";
    /// An owner lists more people with a role than `policy.holders_max` allows, and some hold it.
    TooMany = "too-many-holders";
    /// Somebody holds something at two owners, and not both files say so.
    TwoOwners = "two-owners";
    /// A guest holds something.
    Guest = "guest";
    /// Somebody holds something who does not belong to the owner, by `users.member_of`.
    NotAMember = "not-a-member";
    /// Whether people belong to an owner could not be found out.
    MembershipUnknown = "membership-unknown";
    /// An entry of `policy.accept` that accepts nothing any more.
    AcceptUnused = "accept-unused";
    /// An accepted finding, a freeze or an override whose last day has passed.
    ExceptionEnded = "exception-ended";
}
