//! The files of a workspace in a commit, read from git's own store: no checkout, so no hook, filter, link or submodule has a say,
//! and nothing on disk changes.
//!
//! In: a repository (bare or not), a commit, the folder of the workspace in it. Out: what `files` makes of the same files on disk.
//! Never the network: whoever follows a branch fetches it first.

use std::path::Path;

use super::{
    files::{FILE_BYTES_MAX, Input, OVERRIDES, OWNERS, Purpose, SETTINGS, large, link, purpose},
    revision::{git, objects},
    rules::UNREADABLE,
};

/// So many files are read of one commit. Ours: ten times the owners that tilgang is built for.
const FILES_MAX: usize = 10_000;

/// The files that count; `None` where the commit has no such folder. `folder` is relative to the top, with `/`; empty for the top.
pub(super) fn inputs(repository: &Path, commit: &str, folder: &str) -> Result<Option<Vec<Input>>, String> {
    let tree = format!("{commit}:{}", folder.trim_matches('/'));
    let (owners, overrides) = (OWNERS.trim_end_matches('/'), OVERRIDES.trim_end_matches('/'));
    let listed = git(repository, &["ls-tree", "--full-tree", "-r", "-z", "-l", &tree, SETTINGS, owners, overrides]);
    let listed = match listed {
        Ok(listed) => listed,
        Err(_)
            if git(repository, &["rev-parse", "--verify", "--quiet", &tree]).is_err() && knows(repository, commit) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut inputs = Vec::new();
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for entry in listed.split('\0').filter(|entry| !entry.is_empty()) {
        // `<mode> <type> <hash> <size>\t<path>`
        let (data, path) = entry.split_once('\t').ok_or("git listed no path")?;
        if purpose(path) == Purpose::Ignored {
            continue;
        }
        let mut data = data.split_whitespace();
        let (mode, hash, size) = (data.next(), data.nth(1), data.next().and_then(|size| size.parse::<u64>().ok()));
        match (mode, hash, size) {
            (Some("100644" | "100755"), Some(hash), Some(size)) if size <= FILE_BYTES_MAX => wanted.push((path, hash)),
            (Some("100644" | "100755"), ..) => inputs.push(large(path)),
            (Some("120000"), ..) => inputs.push(link(path)),
            _ => inputs.push(Input::refused(path, UNREADABLE, "not a file", "it must be an ordinary file")),
        }
    }
    if wanted.len() > FILES_MAX {
        let many = wanted.len();
        return Err(format!("commit {commit} has {many} files in `owners/` and `overrides/`; is it a workspace?"));
    }
    read(repository, commit, &wanted, &mut inputs)?;
    Ok(Some(inputs))
}

fn knows(repository: &Path, commit: &str) -> bool {
    git(repository, &["rev-parse", "--verify", "--quiet", &format!("{commit}^{{commit}}")]).is_ok()
}

/// The content of files.
fn read(repository: &Path, commit: &str, wanted: &[(&str, &str)], into: &mut Vec<Input>) -> Result<(), String> {
    let hashes: Vec<&str> = wanted.iter().map(|(_, hash)| *hash).collect();
    let found = objects(repository, &hashes, u64::MAX);
    let mut found = found.ok_or_else(|| format!("git did not show the files of commit {commit}"))?.into_iter();
    for (path, _) in wanted {
        let bytes = found.next().flatten().ok_or_else(|| format!("git does not have {path} of commit {commit}"))?;
        into.push(Input::bytes((*path).to_owned(), bytes));
    }
    Ok(())
}
