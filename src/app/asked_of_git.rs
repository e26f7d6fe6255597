//! What a run asks git about its past: each question once, and again only what an answer raised.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::workspace::NameHistory;
use crate::{
    model::{
        desired::{Desired, FileId, Origin},
        file_history::FileHistory,
        ids::UserName,
        observed::Observed,
        owner::OwnerCode,
    },
    plan::{self, Plan},
};

/// So often git is asked, and Azure compared again. Ours: an answer about names can lead to lines and owners, and those to nothing.
pub(super) const QUESTION_ROUNDS_MAX: usize = 3;

/// What git was asked about its past, in one run.
#[derive(Debug, Default)]
pub(super) struct AskedOfGit {
    /// Names that nobody could resolve, by file.
    pub(super) names: BTreeMap<FileId, BTreeSet<UserName>>,
    /// Lines whose age says something, each with when the account was created that it lists.
    pub(super) lines: BTreeMap<Origin, Timestamp>,
    /// Owners at which somebody holds what others gave and git does not list.
    pub(super) owners: BTreeSet<OwnerCode>,
}

impl AskedOfGit {
    /// Takes in what this plan asks; what of that was not asked before. Of a file with new names all are asked again.
    pub(super) fn add(&mut self, desired: &Desired, observed: &Observed, plan: &Plan) -> Self {
        let mut new = Self::default();
        let doubtful = plan::doubtful(desired, observed, plan).into_iter();
        for (file, names) in doubtful.chain(plan::suspected(desired, observed, plan)) {
            let before = self.names.get(&file).map(BTreeSet::len);
            let all = self.names.entry(file).or_default();
            all.extend(names);
            if before != Some(all.len()) {
                new.names.insert(file, all.clone());
            }
        }
        for (origin, created) in plan::undated(desired, observed, plan) {
            if self.lines.insert(origin.clone(), created).is_none() {
                new.lines.insert(origin, created);
            }
        }
        new.owners = plan.strangers.difference(&self.owners).copied().collect();
        self.owners.extend(&new.owners);
        new
    }
}

/// Whom earlier versions of owners' files listed, where somebody holds what others gave and git does not list.
pub(super) fn histories(
    desired: &Desired,
    strangers: &BTreeSet<OwnerCode>,
    history: &impl NameHistory,
) -> BTreeMap<OwnerCode, FileHistory> {
    if strangers.is_empty() { BTreeMap::new() } else { history.file_history(desired, strangers) }
}
