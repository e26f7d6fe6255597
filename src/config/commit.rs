//! The files of a workspace in a commit, read from git's own store: no checkout, so no hook, filter, link or submodule has a say,
//! and nothing on disk changes.
//!
//! In: a repository (bare or not), a commit, the folder of the workspace in it. Out: what `files` makes of the same files on disk.
//! Never the network: whoever follows a branch fetches it first.

use super::{
    files::{FILE_BYTES_MAX, Input, Purpose, large, purpose},
    git::{Repo, filter, git, git_bytes, objects, partial},
    tracked::{IN_GIT, Oddity, is_folder},
};

/// So many files are read of one commit. Ours: ten times the owners that tilgang is built for.
const FILES_MAX: usize = 10_000;

/// The files that count; `None` where the commit has no such folder. `folder` is relative to the top, with `/`; empty for the top.
pub(super) fn inputs(repo: Repo<'_>, commit: &str, folder: &str) -> Result<Option<Vec<Input>>, String> {
    let folder = folder.trim_matches('/');
    let tree = format!("{commit}:{folder}");
    let listed = match git(repo, &[&["ls-tree", "--full-tree", "-r", "-z", &tree, "--"][..], &IN_GIT].concat()) {
        Ok(listed) => listed,
        Err(_) if !folder.is_empty() && !has(repo, commit, folder)? => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut inputs = Vec::new();
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for entry in listed.split('\0').filter(|entry| !entry.is_empty()) {
        // `<mode> <type> <hash>\t<path>`
        let (data, path) = entry.split_once('\t').ok_or("git listed no path")?;
        let oddity = data.split(' ').next().and_then(Oddity::of_mode);
        if is_folder(path) {
            let refused = oddity.unwrap_or(Oddity::NoFolder).refused();
            inputs.push(Input::odd(&format!("{path}/"), refused));
            continue;
        }
        if purpose(path) == Purpose::Ignored {
            continue;
        }
        let mut data = data.split(' ');
        match (data.next(), data.nth(1)) {
            (Some("100644" | "100755"), Some(hash)) => wanted.push((path, hash)),
            _ => inputs.push(Input::odd(path, oddity.unwrap_or(Oddity::NoFile).refused())),
        }
    }
    if wanted.len() > FILES_MAX {
        let many = wanted.len();
        return Err(format!("commit {commit} has {many} files in `owners/` and `overrides/`; is it a workspace?"));
    }
    let sizes = sizes(repo, &wanted)?;
    let mut small = Vec::new();
    for ((path, hash), size) in wanted.into_iter().zip(sizes) {
        match size {
            None => {
                let lacks = format!("git does not have {path} of commit {commit}");
                return Err(filter(repo).map_or(lacks.clone(), |filter| format!("{lacks}: {}", partial(&filter))));
            }
            Some(size) if size <= FILE_BYTES_MAX => small.push((path, hash)),
            Some(_) => inputs.push(large(path)),
        }
    }
    read(repo, commit, &small, &mut inputs)?;
    Ok(Some(inputs))
}

/// Whether a commit has something at a path.
fn has(repo: Repo<'_>, commit: &str, path: &str) -> Result<bool, String> {
    Ok(!git(repo, &["ls-tree", "--full-tree", "-z", commit, "--", path])?.is_empty())
}

/// How large files are; none for one that git does not have.
fn sizes(repo: Repo<'_>, wanted: &[(&str, &str)]) -> Result<Vec<Option<u64>>, String> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let told = git_bytes(repo, &["cat-file", "--batch-check=%(objectname) %(objectsize)"], Some(asked(wanted)))?;
    let told = String::from_utf8_lossy(&told);
    let mut lines = told.lines();
    // `<hash> <size>`, or `<hash> missing`.
    let size = |(_, hash): &(&str, &str)| lines.next()?.strip_prefix(hash)?.trim_start().parse().ok();
    Ok(wanted.iter().map(size).collect())
}

fn asked(wanted: &[(&str, &str)]) -> Vec<u8> {
    wanted.iter().flat_map(|(_, hash)| [*hash, "\n"]).collect::<String>().into_bytes()
}

/// The content of files.
fn read(repo: Repo<'_>, commit: &str, wanted: &[(&str, &str)], into: &mut Vec<Input>) -> Result<(), String> {
    let hashes: Vec<&str> = wanted.iter().map(|(_, hash)| *hash).collect();
    let found = objects(repo, &hashes, u64::MAX);
    let mut found = found.map_err(|why| format!("git did not show the files of commit {commit}: {why}"))?.into_iter();
    for (path, _) in wanted {
        let bytes = found.next().flatten().ok_or_else(|| format!("git does not have {path} of commit {commit}"))?;
        into.push(Input::bytes((*path).to_owned(), bytes));
    }
    Ok(())
}
