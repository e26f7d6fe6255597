//! Which state of git a workspace is in. Asks the `git` program; never changes anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::Timestamp;

use super::{
    files::{Purpose, purpose},
    git::git,
    sources::Sources,
    tracked::IN_GIT,
};
use crate::model::desired::{FileId, Revision};

/// How many files one call of `git` is given. Ours: far below what a command line holds.
const FILES_PER_CALL: usize = 500;

/// HEAD, its committer time, and the files that differ from it.
#[must_use]
pub fn revision(dir: &Path, sources: &Sources) -> Revision {
    if !is_in_git(dir) {
        return Revision::NotInGit;
    }
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    ask(&real, sources).unwrap_or_else(Revision::Unknown)
}

/// Whether a folder is below one that git keeps.
pub(super) fn is_in_git(dir: &Path) -> bool {
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    real.ancestors().any(|folder| folder.join(".git").exists())
}

fn ask(dir: &Path, sources: &Sources) -> Result<Revision, String> {
    let head = git(dir, &["log", "-1", "--no-show-signature", "--format=%H %ct", "HEAD"])?;
    let (hash, seconds) = head.trim().split_once(' ').ok_or("git named no commit")?;
    let time = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let time = time.ok_or_else(|| format!("the time of commit {hash} is no time"))?;

    // `<mode> blob <hash>\t<path>`, paths relative to `dir`.
    let listed = git(dir, &[&["ls-tree", "-r", "-z", "HEAD", "--"][..], &IN_GIT].concat())?;
    let entries = listed.split('\0').filter_map(|line| line.split_once('\t'));
    let committed: BTreeMap<_, _> = entries.filter_map(|(data, path)| Some((path, data.rsplit(' ').next()?))).collect();

    if !committed.contains_key(super::files::SETTINGS) {
        return Ok(Revision::NotInGit); // it lies in a repository of something else
    }
    let files: Vec<_> = sources.files().filter(|(_, path)| counts(path) && dir.join(path).is_file()).collect();
    let mut edited = BTreeSet::new();
    for some in files.chunks(FILES_PER_CALL) {
        let mut args = vec!["hash-object", "--"];
        args.extend(some.iter().map(|(_, path)| *path));
        // By content, through git's own filters: neither the index nor its flags have a say in what differs.
        let hashes = git(dir, &args)?;
        let mut hashes = hashes.lines();
        edited.extend(some.iter().filter(|(_, path)| committed.get(path).copied() != hashes.next()).map(id));
    }
    Ok(Revision::Commit { hash: hash.to_owned(), time, edited })
}

fn id((file, _): &(FileId, &str)) -> FileId {
    *file
}

fn counts(path: &str) -> bool {
    matches!(purpose(path), Purpose::Settings | Purpose::Owner(_) | Purpose::Override)
}
