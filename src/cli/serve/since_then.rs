//! How git moved since the last look at all owners, as far as it concerns a difference: nothing else is a change to git's doing.

use std::collections::BTreeSet;

use super::board::SeenLast;
use crate::{
    app::PlannedRun,
    config::Touched,
    model::{
        desired::{Desired, Grant, UserEntry},
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
        // What roles mean and where targets are; a comment, or a channel for notices, says nothing of anybody's access.
        let rules =
            |it: &Desired| (it.catalog.clone(), it.policy.clone(), it.former_instances.clone(), it.instance.clone());
        if touched.rules && rules(was) != rules(is) {
            return GitMove::Here;
        }
        if touched.owners.is_empty() {
            return if touched.rules { GitMove::Elsewhere } else { GitMove::Not };
        }
        let Some(owner) = difference.key.owner else { return GitMove::Elsewhere };
        let (Some(role), Some(who)) = (&difference.role, difference.who.as_deref().map(UserName::new)) else {
            return if touched.owners.contains(&owner) { GitMove::Here } else { GitMove::Elsewhere };
        };
        let is_theirs = |entry: &UserEntry| match (entry.id, difference.key.person) {
            (Some(id), Some(person)) => id == person,
            _ => entry.name == who,
        };
        // With what other owners' files say of the person: at two owners without `also_at` nothing is given.
        let listed = |desired: &Desired| {
            let theirs = desired.grants.iter().filter(|grant| is_theirs(&grant.user));
            let here = |grant: &Grant| (grant.owner == owner && grant.role == *role).then_some(grant.until);
            let said = |grant: &Grant| {
                let UserEntry { name, id, also_at, origin: _ } = &*grant.user;
                (grant.owner, here(grant), name.clone(), *id, also_at.clone())
            };
            theirs.map(said).collect::<BTreeSet<_>>()
        };
        if listed(was) == listed(is) { GitMove::Elsewhere } else { GitMove::Here }
    }
}
