//! A workspace as it is in a commit, read from git's own store: no checkout, so no hook, filter, link or submodule has a say.
//!
//! In: a repository (bare or not), a commit, the folder of the workspace in it. Out: what [`super::load`] makes of the same
//! files. Never the network: whoever follows a branch fetches it first.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use jiff::Timestamp;

use super::{
    Loaded, assemble,
    blame::first_written,
    commit::inputs,
    commits, file_history,
    git::{Repo, gap, git, is_shallow},
    past,
    sources::Sources,
};
use crate::model::{
    desired::{FileId, Origin, Revision},
    file_history::FileHistory,
    ids::UserName,
    owner::OwnerCode,
    past::{LineAge, Past},
};

/// A commit with a workspace in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The repository.
    pub repository: PathBuf,
    /// The commit's hash.
    pub commit: String,
    /// When it was committed.
    pub time: Timestamp,
    /// The workspace's folder in it, with `/`; empty for the top.
    pub folder: String,
}

impl Tip {
    /// What a name stands for now: a branch's tip, or a commit.
    pub fn of(repository: PathBuf, name: &str, folder: &str) -> Result<Self, String> {
        let head = git(Repo::named(&repository), &["log", "-1", "--no-show-signature", "--format=%H %ct", name, "--"])?;
        let (commit, seconds) = head.trim().split_once(' ').ok_or("git named no commit")?;
        let time = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let time = time.ok_or_else(|| format!("the time of commit {commit} is no time"))?;
        let folder = folder.trim_matches('/').to_owned();
        Ok(Self { commit: commit.to_owned(), repository, time, folder })
    }

    /// Reads the workspace. `Err`: git could not; mistakes in files are in what is read.
    pub fn load(&self) -> Result<Loaded, String> {
        let Self { commit, folder, .. } = self;
        let inputs = inputs(self.repo(), commit, folder)?;
        let mut loaded = assemble(inputs.ok_or_else(|| format!("commit {commit} has no folder `{folder}`"))?);
        if let Some(desired) = &mut loaded.desired {
            let (hash, time) = (self.commit.clone(), self.time);
            desired.revision = Revision::Commit { hash, time, edited: BTreeSet::new() };
        }
        Ok(loaded)
    }

    /// The past of these files, as [`super::past()`] tells it.
    #[must_use]
    pub fn past(&self, sources: &Sources, asked: &BTreeMap<FileId, BTreeSet<UserName>>) -> BTreeMap<FileId, Past> {
        if asked.is_empty() || is_shallow(self.repo()) {
            return BTreeMap::new();
        }
        let path = |file: FileId| self.path(sources.path(file));
        let told = |(file, names): (&FileId, &BTreeSet<UserName>)| {
            Some((*file, past::of(self.repo(), &self.commit, &path(*file), names)?))
        };
        asked.iter().filter_map(told).collect()
    }

    /// The history of these owners' files, as [`super::file_history()`] tells it.
    #[must_use]
    pub fn file_history(&self, owners: &BTreeSet<OwnerCode>) -> BTreeMap<OwnerCode, FileHistory> {
        file_history::of_commit((self.repo(), &self.commit, &self.folder), owners)
    }

    /// When lines were committed, as [`super::written()`] tells it.
    #[must_use]
    pub fn written(&self, sources: &Sources, lines: &BTreeMap<Origin, Timestamp>) -> BTreeMap<Origin, LineAge> {
        commits::times((self.repo(), &self.commit), sources, lines, |file, lines| {
            first_written(self.repo(), &self.path(file), lines, Some(&self.commit))
        })
    }

    /// Whether a commit follows from this one, as [`super::follows()`] tells it.
    #[must_use]
    pub fn is_followed_by(&self, commit: &str) -> Option<bool> {
        super::follows(self.repo(), commit, &self.commit)
    }

    /// Why the past is not all here, as [`super::gap()`] tells it.
    #[must_use]
    pub fn gap(&self) -> Option<String> {
        gap(self.repo())
    }

    fn repo(&self) -> Repo<'_> {
        Repo::named(&self.repository)
    }

    fn path(&self, below: &str) -> String {
        if self.folder.is_empty() { below.to_owned() } else { format!("{}/{below}", self.folder) }
    }
}
