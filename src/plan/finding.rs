//! What people should know: nothing is changed for it, or not by us.

use crate::model::{
    desired::Origin,
    ids::ScopeId,
    owner::{EnvironmentName, OwnerCode, RoleName},
};

use super::change::Who;

pub use crate::model::code::Code;

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
    /// About nothing in particular yet.
    pub(super) fn new(code: Code, message: String, origins: Vec<Origin>) -> Self {
        Self {
            code,
            owner: None,
            environment: None,
            role: None,
            who: None,
            scope: None,
            assignment: None,
            message,
            origins,
            accepted: None,
        }
    }

    /// About somebody at an owner, wherever it is.
    #[must_use]
    pub fn of_owner(code: Code, owner: OwnerCode, role: Option<RoleName>, who: Option<Who>, message: String) -> Self {
        Self { owner: Some(owner), role, who, ..Self::new(code, message, Vec::new()) }
    }

    /// By owner, code, person and place.
    #[must_use]
    pub fn order(&self) -> impl Ord + '_ {
        (self.owner, self.code, self.who.as_ref().map(|who| (&who.name, who.id)), &self.scope, &self.message)
    }
}
