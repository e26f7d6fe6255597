//! What git said at a time: the workspace as the branch had it then. Asks the `git` program; never changes anything, and
//! never touches the files on disk.
//!
//! The branch is followed along first parents: a merge counts when it came in. Times are those of the committer, which is when a
//! commit came to be as it is; whether it was pushed by then git does not tell.

use std::{collections::BTreeSet, path::Path};

use jiff::Timestamp;

use super::{
    Loaded, assemble,
    commit::inputs,
    files::SETTINGS,
    git::{git, is_shallow},
};
use crate::model::desired::Revision;

/// A workspace as it was.
#[derive(Debug)]
pub struct Then {
    /// The workspace.
    pub loaded: Loaded,
    /// The commit's hash.
    pub commit: String,
    /// When it was committed.
    pub at: Timestamp,
    /// When the next one was; none if it is the newest.
    pub next: Option<Timestamp>,
}

/// The workspace as the branch that is checked out had it at a time; or why that cannot be said.
pub fn load_at(dir: &Path, at: Timestamp) -> Result<Then, String> {
    let real = dir.canonicalize().map_err(|error| format!("{}: {error}", dir.display()))?;
    if !real.ancestors().any(|folder| folder.join(".git").exists()) {
        return Err("the workspace is not in git, so nobody can say what it said then".to_owned());
    }
    let told = git(real.as_path(), &["log", "--first-parent", "--no-show-signature", "--format=%H %ct", "HEAD"])?;
    let mut next = None;
    for line in told.lines() {
        let (hash, seconds) = line.split_once(' ').ok_or("git named no commit")?;
        let time = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let time = time.ok_or_else(|| format!("the time of commit {hash} is no time"))?;
        if time <= at {
            let folder = git(real.as_path(), &["rev-parse", "--show-prefix"])?;
            let inputs = inputs(real.as_path().into(), hash, folder.trim_end())?.unwrap_or_default();
            if !inputs.iter().any(|input| input.path == SETTINGS) {
                return Err(format!("commit {hash} has no {SETTINGS} in this folder"));
            }
            let mut loaded = assemble(inputs);
            if let Some(desired) = &mut loaded.desired {
                desired.revision = Revision::Commit { hash: hash.to_owned(), time, edited: BTreeSet::new() };
            }
            return Ok(Then { loaded, commit: hash.to_owned(), at: time, next });
        }
        next = Some(time);
    }
    Err(match next {
        Some(first) if is_shallow(real.as_path()) => {
            format!("this clone of git goes back to {first} only: fetch the whole history (`git fetch --unshallow`)")
        }
        Some(first) => format!("the first commit is of {first}"),
        None => "git has no commit".to_owned(),
    })
}
