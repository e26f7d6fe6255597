//! How git moved since the last look at all owners, as far as it concerns a difference: nothing else is a change to git's doing.

use super::board::SeenLast;
use crate::{
    app::PlannedRun,
    config::Touched,
    model::{
        desired::{Desired, Grant},
        ids::UserName,
    },
    watch::{Difference, GitMove},
};

/// Git at this look, beside git at the one before.
pub(super) enum SinceThen<'a> {
    /// What both say is known.
    Known { was: &'a SeenLast, is: &'a Desired, touched: Touched },
    /// After a restart: whether it is the same commit.
    Restarted(GitMove),
}

impl<'a> SinceThen<'a> {
    /// `was`: what the last look at all owners showed; `restarted`: what is known of git's move without it.
    pub(super) fn of(was: Option<&'a SeenLast>, restarted: GitMove, run: &'a PlannedRun) -> Self {
        let Some(was) = was else { return Self::Restarted(restarted) };
        let touched = Touched::between(&was.loaded.sources, &run.workspace().loaded.sources);
        Self::Known { was, is: run.desired(), touched }
    }

    pub(super) fn moved(&self, difference: &Difference) -> GitMove {
        let (was, is, touched) = match self {
            Self::Restarted(moved) => return *moved,
            Self::Known { was, is, touched } => (&was.desired, *is, touched),
        };
        if touched.rules {
            return GitMove::Here; // what roles mean and where targets are
        }
        let Some(owner) = difference.key.owner else { return GitMove::Elsewhere };
        if !touched.owners.contains(&owner) {
            return if touched.owners.is_empty() { GitMove::Not } else { GitMove::Elsewhere };
        }
        let (Some(role), Some(who)) = (&difference.role, difference.who.as_deref().map(UserName::new)) else {
            return GitMove::Here;
        };
        let listed = |desired: &Desired| {
            let of = |grant: &&Grant| grant.owner == owner && grant.role == *role && grant.user.name == who;
            desired.grants.iter().filter(of).map(|grant| (grant.user.id, grant.until)).collect::<Vec<_>>()
        };
        if listed(was) == listed(is) { GitMove::Elsewhere } else { GitMove::Here }
    }
}
