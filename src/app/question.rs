//! What `why`, `who` and `review` answer from: git and all of Azure that reaches a target, compared.

use jiff::{Timestamp, tz::TimeZone};

use super::workspace::Workspace;
use crate::{
    access::{self, Access},
    config::Commits,
    model::{
        desired::{Desired, Origin, Revision},
        observed::Observed,
    },
    observe::widely,
    plan::{self, Plan, selection::Scope},
    ports::{AccessReader, AssignmentReader, Directory, Inventory},
};

/// Everything that an answer is made of.
pub struct Answer {
    /// The workspace; its `desired` was taken out.
    pub workspace: Workspace,
    /// Whose access was read.
    pub scope: Scope,
    /// What git wants.
    pub desired: Desired,
    /// What Azure showed.
    pub observed: Observed,
    /// What differs.
    pub plan: Plan,
}

impl Answer {
    /// Reads Azure and compares.
    pub async fn observe(
        workspace: Workspace,
        desired: Desired,
        scope: Scope,
        now: Timestamp,
        azure: &(impl Directory + Inventory + AssignmentReader + AccessReader),
    ) -> Self {
        let observed = widely(&desired, scope.owners(), now, azure).await;
        let today = observed.at.to_zoned(TimeZone::UTC).date();
        let mut plan = plan::plan(&desired, &observed, today);
        plan.limit(&scope, &observed);
        Self { workspace, scope, desired, observed, plan }
    }

    /// Who can do what.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        access::of(&self.desired, &self.observed, &self.plan, self.scope.owners())
    }

    /// Who wrote these lines, and what is written with them.
    pub fn commits<'a>(&self, origins: impl Iterator<Item = &'a Origin>) -> Commits {
        if self.desired.revision == Revision::NotInGit {
            return Commits::default();
        }
        Commits::of(&self.workspace.dir, &self.workspace.loaded.sources, origins)
    }
}
