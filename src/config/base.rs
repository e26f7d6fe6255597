//! A workspace as it was at another commit, read from git's own store. Asks the `git` program; never checks anything out, so no
//! hook and no filter runs, and nothing on disk changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    Loaded, assemble,
    commit::inputs,
    files::{Purpose, purpose},
    git::git,
    sources::Sources,
};
use crate::model::{
    desired::{FileId, Revision},
    owner::OwnerCode,
};

/// A workspace as it was at a commit.
#[derive(Debug)]
pub struct Base {
    /// The commit's hash.
    pub commit: String,
    /// What it held. Where there was no workspace, errors say so.
    pub loaded: Loaded,
}

/// Reads the workspace in `dir` as it was where HEAD and `reference` parted: what `reference` got since then is not undone by
/// this change, and does not count as its doing.
pub fn base(dir: &Path, reference: &str, head: &Sources, revision: &Revision) -> Result<Base, String> {
    let real = dir.canonicalize().map_err(|error| format!("{}: {error}", dir.display()))?;
    let (time, edited) = match revision {
        Revision::Commit { time, edited, .. } => (time, edited),
        Revision::NotInGit => return Err("this workspace is not in git".to_owned()),
        Revision::Unknown(reason) => return Err(format!("git could not say which commit this is: {reason}")),
    };
    let named = format!("{reference}^{{commit}}");
    let tip = git(real.as_path(), &["rev-parse", "--verify", "--quiet", "--end-of-options", &named])
        .map_err(|_| format!("git knows no commit `{reference}` here{}", hint(&real)))?;
    let commit = git(real.as_path(), &["merge-base", tip.trim(), "HEAD"]).map_err(|_| {
        let hint = if is_cut(&real) { hint(&real) } else { "" };
        format!("`{reference}` and HEAD have no commit in common{hint}")
    })?;
    let commit = commit.trim().to_owned();
    let folder = git(real.as_path(), &["rev-parse", "--show-prefix"])?;
    let mut loaded = assemble(inputs(real.as_path().into(), &commit, folder.trim_end())?.unwrap_or_default());
    if let Some(desired) = &mut loaded.desired {
        desired.revision =
            Revision::Commit { hash: commit.clone(), time: *time, edited: as_edited(edited, head, &loaded.sources) };
    }
    Ok(Base { commit, loaded })
}

/// The files that are edited in `from`, in `to`: both states are held against Azure as if they were equally new, so that what
/// was made lately counts alike for both.
fn as_edited(edited: &BTreeSet<FileId>, from: &Sources, to: &Sources) -> BTreeSet<FileId> {
    let paths: BTreeSet<&str> = edited.iter().map(|id| from.path(*id)).collect();
    to.files().filter(|(_, path)| paths.contains(path)).map(|(id, _)| id).collect()
}

/// Whether history is known to be cut off.
fn is_cut(dir: &Path) -> bool {
    git(dir, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer.trim() == "true")
}

/// What to do where a commit is not here.
fn hint(dir: &Path) -> &'static str {
    if is_cut(dir) {
        ": this clone is shallow: get all of it and every branch with `git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'` \
         (`fetch-depth: 0` for actions/checkout)"
    } else {
        ": is it spelled right, and was it fetched? `git fetch origin '+refs/heads/*:refs/remotes/origin/*'` gets every branch"
    }
}

/// What a change does to the files of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Owners with a file that is new, gone, or reads otherwise.
    pub owners: BTreeSet<OwnerCode>,
    /// Whether `tilgang.yaml` or an override is: what they say can concern everybody.
    pub rules: bool,
}

impl Touched {
    /// Compares two states.
    #[must_use]
    pub fn between(was: &Sources, is: &Sources) -> Self {
        let mut touched = Self::default();
        let mut texts: BTreeMap<&str, [Option<FileId>; 2]> = BTreeMap::new();
        for (at, sources) in [was, is].into_iter().enumerate() {
            for (id, path) in sources.files() {
                if let Some(state) = texts.entry(path).or_default().get_mut(at) {
                    *state = Some(id);
                }
            }
        }
        for (path, states) in texts {
            let same = match states {
                [Some(then), Some(now)] => is_same(was.text(then), is.text(now)),
                _ => false,
            };
            match purpose(path) {
                _ if same => {}
                Purpose::Settings | Purpose::Override => touched.rules = true,
                purpose => touched.owners.extend(purpose.owner()),
            }
        }
        touched
    }
}

/// Whether two texts are one: on Windows, git writes other line ends to disk than it keeps.
fn is_same(was: &str, is: &str) -> bool {
    was == is || was.replace("\r\n", "\n") == is.replace("\r\n", "\n")
}
