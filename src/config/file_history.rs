//! Whom earlier versions of owners' files listed: each version along the first parents, read from git's own store by the reader that
//! reads the files of today. Asks the `git` program twice, whatever the number of owners: for the commits that changed one of
//! the files, and for the versions. Never changes anything.
//!
//! A version with errors gave nobody anything when it was the newest; what can be read of it counts all the same. What is not
//! known for certain is a [`HistoryGap`]: a shallow clone, a filtered one, more versions than are read.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::Timestamp;
use rayon::prelude::*;

use super::{
    error::Mistakes,
    files::{FILE_BYTES_MAX, OWNERS, SETTINGS},
    git::{Repo, git_bytes, objects},
    owner_file, yaml,
};
use crate::model::{
    desired::Revision,
    file_history::{FileHistory, FormerEntry, HistoryGap},
    ids::UserName,
    owner::{OwnerCode, RoleName},
};

/// How far it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// So many commits that changed one of the files.
    commits: usize,
    /// So many versions of all files.
    versions: usize,
    /// So many bytes of versions.
    bytes: u64,
}

/// Ours: forty versions of each of a hundred owners' files, of 8 KiB each.
const BOUNDS: Bounds = Bounds { commits: 20_000, versions: 4_000, bytes: 32 * 1024 * 1024 };

/// The history of these owners' files up to the commit that was read, in the workspace in `dir`. Outside git there is none.
#[must_use]
pub fn file_history(dir: &Path, revision: &Revision, owners: &BTreeSet<OwnerCode>) -> BTreeMap<OwnerCode, FileHistory> {
    match revision {
        Revision::Commit { hash, .. } => of((dir.into(), hash, ""), owners, BOUNDS),
        Revision::NotInGit => BTreeMap::new(),
        Revision::Unknown(reason) => unanswered(owners, reason),
    }
}

/// The same for a workspace that was read from a commit: the repository, the commit, the folder.
pub(super) fn of_commit(at: (Repo<'_>, &str, &str), owners: &BTreeSet<OwnerCode>) -> BTreeMap<OwnerCode, FileHistory> {
    of(at, owners, BOUNDS)
}

fn unanswered(owners: &BTreeSet<OwnerCode>, reason: &str) -> BTreeMap<OwnerCode, FileHistory> {
    let gaps = BTreeSet::from([HistoryGap::Unanswered(reason.to_owned())]);
    owners.iter().map(|owner| (*owner, FileHistory { gaps: gaps.clone(), ..FileHistory::default() })).collect()
}

/// One version of an owner's file: the object, and when the next one took its place.
struct Version {
    owner: OwnerCode,
    object: String,
    replaced: Option<Timestamp>,
}

/// `at`: where git runs, the commit, and the folder of the workspace below it.
fn of(at: (Repo<'_>, &str, &str), owners: &BTreeSet<OwnerCode>, bounds: Bounds) -> BTreeMap<OwnerCode, FileHistory> {
    if owners.is_empty() {
        return BTreeMap::new();
    }
    match log(at, owners, bounds.commits).and_then(|log| read(at.0, owners, &log, bounds)) {
        Ok(read) => read,
        Err(reason) => unanswered(owners, &reason),
    }
}

/// What `git log` told.
struct Log {
    /// Newest first.
    commits: Vec<Commit>,
    /// Whether there are more.
    cut: bool,
}

struct Commit {
    hash: String,
    at: Timestamp,
    has_parent: bool,
    /// The files that it changed, each with the object it then was; none where it was deleted or is no ordinary file.
    changed: Vec<(OwnerCode, Option<String>)>,
}

/// The commits along first parents that changed one of these files, or `tilgang.yaml`: that stands in the first commit that a
/// shallow clone has, which is how the clone is known to be one.
fn log(
    (repo, commit, folder): (Repo<'_>, &str, &str),
    owners: &BTreeSet<OwnerCode>,
    most: usize,
) -> Result<Log, String> {
    let folder = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_matches('/')) };
    let mut asked = format!("--\n{folder}{SETTINGS}\n");
    for owner in owners {
        asked.extend([&folder, OWNERS, owner.as_str(), ".yaml\n"]);
    }
    let most_and_one = format!("--max-count={}", most + 1);
    let arguments = [
        "-c",
        "log.showRoot=true",
        "-c",
        "log.follow=false",
        "--literal-pathspecs",
        "log",
        "--first-parent",
        "-m",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--no-show-signature",
        "--no-color",
        &most_and_one,
        "--format=\u{1}%H %ct %P",
        commit,
        "--stdin",
    ];
    let told = git_bytes(repo, &arguments, Some(asked.into_bytes()))?;
    let told = String::from_utf8_lossy(&told); // names of folders may be in any encoding
    let commits: Option<Vec<Commit>> = told.split('\u{1}').skip(1).map(one).collect();
    let mut commits = commits.ok_or("git listed a commit without a time")?;
    let cut = commits.len() > most;
    commits.truncate(most);
    Ok(Log { commits, cut })
}

/// `<hash> <seconds> <parents>`, then a line for each changed file: `:<mode> <mode> <object> <object> <status>\t<path>`.
fn one(text: &str) -> Option<Commit> {
    let mut lines = text.lines();
    let mut head = lines.next()?.split(' ');
    let (hash, seconds) = (head.next()?.to_owned(), head.next()?.parse().ok()?);
    let changed = lines.filter_map(|line| {
        let (data, path) = line.strip_prefix(':')?.split_once('\t')?;
        let (_, name) = path.trim_end_matches('"').rsplit_once(OWNERS)?;
        let owner = OwnerCode::new(name.strip_suffix(".yaml")?)?;
        let data: Vec<&str> = data.split(' ').collect();
        let is_file = matches!(data.get(1), Some(&("100644" | "100755")));
        Some((owner, data.get(3).filter(|_| is_file).map(|object| (*object).to_owned())))
    });
    let changed = changed.collect();
    Some(Commit {
        hash,
        at: Timestamp::from_second(seconds).ok()?,
        has_parent: head.any(|parent| !parent.is_empty()),
        changed,
    })
}

/// The versions, and what they listed.
fn read(
    repo: Repo<'_>,
    owners: &BTreeSet<OwnerCode>,
    Log { commits, cut }: &Log,
    bounds: Bounds,
) -> Result<BTreeMap<OwnerCode, FileHistory>, String> {
    let mut histories: BTreeMap<OwnerCode, FileHistory> =
        owners.iter().map(|owner| (*owner, FileHistory::default())).collect();
    let mut versions = versions(commits);
    let root = commits.last().filter(|it| !cut && !it.has_parent);
    let unread = versions.split_off(versions.len().min(bounds.versions));
    let asked = root.map(|it| it.hash.as_str()).into_iter().chain(versions.iter().map(|it| it.object.as_str()));
    let found = objects(repo, &asked.collect::<Vec<_>>(), bounds.bytes);
    let mut found = found.ok_or("it did not show the versions")?.into_iter();
    let every = |gap: &HistoryGap, histories: &mut BTreeMap<OwnerCode, FileHistory>| {
        for history in histories.values_mut() {
            history.gaps.insert(gap.clone());
        }
    };
    if *cut {
        every(&HistoryGap::Older, &mut histories);
    }
    if let Some(root) = root
        && let Some(Some(commit)) = found.next()
        && names_parent(&commit)
    {
        every(&HistoryGap::Shallow(root.at), &mut histories);
    }
    let found: Vec<Option<Vec<u8>>> = found.collect();
    let listed: Vec<Vec<FormerEntry>> =
        found.par_iter().map(|bytes| bytes.as_deref().map(entries).unwrap_or_default()).collect();
    let mut gap = |owner: OwnerCode, gap| histories.entry(owner).or_default().gaps.insert(gap);
    for version in unread.iter().chain(versions.iter().skip(found.len())) {
        gap(version.owner, HistoryGap::Older);
    }
    for (version, _) in versions.iter().zip(&found).filter(|(_, bytes)| bytes.is_none()) {
        gap(version.owner, HistoryGap::Filtered);
    }
    for (Version { owner, replaced, .. }, listed) in versions.iter().zip(listed) {
        let history = histories.entry(*owner).or_default();
        for entry in listed {
            history.learn(entry, *replaced);
        }
    }
    Ok(histories)
}

/// The versions, the newest of each file first, then the second of each: one file with many does not keep others from being read.
fn versions(commits: &[Commit]) -> Vec<Version> {
    let mut counted: BTreeMap<OwnerCode, (usize, Option<Timestamp>)> = BTreeMap::new();
    let mut versions: Vec<(usize, Version)> = Vec::new();
    for commit in commits {
        for (owner, object) in &commit.changed {
            let (count, newer) = counted.entry(*owner).or_default();
            let replaced = newer.replace(commit.at);
            let Some(object) = object.clone() else { continue };
            *count += 1;
            versions.push((*count, Version { owner: *owner, object, replaced }));
        }
    }
    versions.sort_by_key(|(count, _)| *count); // stable: newest first
    versions.into_iter().map(|(_, version)| version).collect()
}

/// Whether a commit, as git keeps it, has a parent: one that `git log` shows without is where a shallow clone ends.
fn names_parent(commit: &[u8]) -> bool {
    commit.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty()).any(|line| line.starts_with(b"parent "))
}

/// Whom a version lists, as far as it can be read.
fn entries(bytes: &[u8]) -> Vec<FormerEntry> {
    let is_usual = u64::try_from(bytes.len()).is_ok_and(|bytes| bytes <= FILE_BYTES_MAX);
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|_| is_usual) else { return Vec::new() };
    let mut mistakes = Mistakes::default(); // of a version that is no more, nobody wants to know
    let Some(node) = yaml::read(text, &mut mistakes) else { return Vec::new() };
    let Some(shape) = owner_file::read(&node, &mut mistakes) else { return Vec::new() };
    let mut entries = Vec::new();
    for user in &shape.users {
        let Some(name) = &user.name else { continue };
        let (name, id) = (UserName::new(name.value), user.id.value().map(|id| id.value));
        let roles = user.roles.iter().map(|role| RoleName::new(role.name.value));
        entries.extend(roles.map(|role| FormerEntry { name: name.clone(), id, role }));
    }
    entries
}
