//! What people should know: nothing is changed for it, or not by us.

use jiff::civil::Date;

use crate::model::{
    desired::Origin,
    ids::ScopeId,
    owner::{EnvironmentName, OwnerCode, RoleName},
    policy::Accept,
};

use super::change::Who;

/// Something that people should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is, stable for machines and for `policy.accept`.
    pub code: Code,
    /// At whom.
    pub owner: Option<OwnerCode>,
    /// In which environment.
    pub environment: Option<EnvironmentName>,
    /// Which role.
    pub role: Option<RoleName>,
    /// About whom.
    pub who: Option<Who>,
    /// Where.
    pub scope: Option<ScopeId>,
    /// The assignment it is about.
    pub assignment: Option<String>,
    /// In words.
    pub message: String,
    /// The lines of git it is about.
    pub origins: Vec<Origin>,
    /// Why it is accepted, if it is.
    pub accepted: Option<String>,
}

impl Finding {
    /// By owner, code, person and place.
    #[must_use]
    pub fn order(&self) -> impl Ord + '_ {
        (self.owner, self.code, self.who.as_ref().map(|who| (&who.name, who.id)), &self.scope, &self.message)
    }
}

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
    /// Someone else's equal assignment satisfies a grant, but whether it ends by itself could not be asked.
    MayEnd = "may-end";
    /// Others gave somebody whom git does not list what opens the same: another role definition, or a wider scope.
    Lookalike = "lookalike";
    /// The person of a grant already holds the same from a wider scope.
    Inherited = "inherited";
    /// A lock that may stop grants.
    Locked = "locked";
    /// Changes are to be made in a subscription that may refuse them.
    NotEnabled = "not-enabled";
    /// Little room is left under a subscription's limit on role assignments.
    NearLimit = "near-limit";
    /// Something that may make a change fail could not be asked.
    Unanswered = "unanswered";
}

/// Marks the findings that are known, until their day.
pub(super) fn accept(findings: &mut [Finding], accepted: &[Accept], today: Date) {
    for finding in findings {
        let fits = |accept: &&Accept| {
            accept.code == finding.code.word()
                && accept.until.is_none_or(|until| until >= today)
                && accept
                    .person
                    .as_ref()
                    .is_none_or(|name| finding.who.as_ref().and_then(|who| who.name.as_ref()) == Some(name))
                && accept.scope.as_ref().is_none_or(|scope| finding.scope.as_ref().is_some_and(|at| scope.holds(at)))
        };
        finding.accepted = accepted.iter().find(fits).map(|accept| accept.reason.clone());
    }
}
