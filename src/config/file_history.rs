//! Whom earlier versions of owners' files listed: each version along the first parents, read from git's own store by the reader that
//! reads the files of today. Asks the `git` program for the commits that changed one of the files, and for the versions, whatever the
//! number of owners; and where a file was added, for what was deleted in the same commit: a file of the same owner, from another
//! folder, is this file before it was moved. Never changes anything.
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
    git::{Repo, git, git_bytes, objects},
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
        Revision::Commit { hash, .. } => match git(dir, &["rev-parse", "--show-toplevel", "--show-prefix"]) {
            Ok(told) => {
                let told = told.strip_suffix('\n').unwrap_or(&told);
                let (top, folder) = told.rsplit_once('\n').unwrap_or((told, ""));
                of((Path::new(top).into(), hash, folder), owners, BOUNDS)
            }
            Err(reason) => unanswered(owners, &reason.to_string()),
        },
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

/// So often a file is followed to where it was moved from. Ours: a workspace's folder is moved once in years.
const MOVES_MAX: usize = 4;

/// Where a file was moved from: by the commit that moved it, and the path that it has since.
type Moves = BTreeMap<(String, String), String>;

/// `at`: where git runs, the commit, and the folder of the workspace below it.
fn of(at: (Repo<'_>, &str, &str), owners: &BTreeSet<OwnerCode>, bounds: Bounds) -> BTreeMap<OwnerCode, FileHistory> {
    if owners.is_empty() {
        return BTreeMap::new();
    }
    match followed(at, owners, bounds) {
        Ok(read) => read,
        Err(reason) => unanswered(owners, &reason),
    }
}

/// The history, through the folders that the workspace was in.
fn followed(
    at: (Repo<'_>, &str, &str),
    owners: &BTreeSet<OwnerCode>,
    bounds: Bounds,
) -> Result<BTreeMap<OwnerCode, FileHistory>, String> {
    let (repo, _, folder) = at;
    let folder = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_matches('/')) };
    let file = |owner: &OwnerCode| format!("{folder}{OWNERS}{owner}.yaml");
    let today: BTreeMap<OwnerCode, String> = owners.iter().map(|owner| (*owner, file(owner))).collect();
    let mut paths: BTreeSet<String> = today.values().cloned().collect();
    let (mut moves, mut asked) = (Moves::new(), BTreeSet::new());
    for _ in 0..MOVES_MAX {
        let log = log(at, &paths, bounds.commits)?;
        let walk = walk(&log.commits, &today, &moves);
        let new: BTreeSet<(String, String)> = walk.added.difference(&asked).cloned().collect();
        let found = deleted_with(repo, &new)?;
        if found.is_empty() {
            return read(repo, owners, (&log, walk.versions), bounds);
        }
        paths.extend(found.values().cloned());
        moves.extend(found);
        asked.extend(new);
    }
    let log = log(at, &paths, bounds.commits)?;
    let walk = walk(&log.commits, &today, &moves);
    let mut histories = read(repo, owners, (&log, walk.versions), bounds)?;
    for history in histories.values_mut() {
        history.gaps.insert(HistoryGap::Older);
    }
    Ok(histories)
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
    /// Along which the history goes on.
    parent: Option<String>,
    /// The files that it changed, by path.
    changed: BTreeMap<String, Changed>,
}

struct Changed {
    /// The object that it then was; none where it was deleted or is no ordinary file.
    object: Option<String>,
    /// Whether it was not there before.
    is_added: bool,
}

/// The commits along first parents that changed one of these files, or `tilgang.yaml`: that stands in the first commit that a
/// shallow clone has, which is how the clone is known to be one.
fn log((repo, commit, folder): (Repo<'_>, &str, &str), paths: &BTreeSet<String>, most: usize) -> Result<Log, String> {
    let folder = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_matches('/')) };
    let mut asked = format!("--\n{folder}{SETTINGS}\n");
    for path in paths {
        asked.extend([path, "\n"]);
    }
    let most_and_one = format!("--max-count={}", most + 1);
    let arguments = [
        "-c",
        "log.showRoot=true",
        "-c",
        "log.follow=false",
        "log",
        "-z",
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

/// `<hash> <seconds> <parents>`, then for each changed file `:<mode> <mode> <object> <object> <status>` and its path, NUL after each.
fn one(text: &str) -> Option<Commit> {
    let mut parts = text.split('\0').map(|part| part.trim_start_matches('\n'));
    let mut head = parts.next()?.split(' ');
    let (hash, seconds) = (head.next()?.to_owned(), head.next()?.parse().ok()?);
    let mut changed = BTreeMap::new();
    while let Some(data) = parts.next().and_then(|part| part.strip_prefix(':')) {
        let data: Vec<&str> = data.split(' ').collect();
        let is_file = matches!(data.get(1), Some(&("100644" | "100755")));
        let object = data.get(3).filter(|_| is_file).map(|object| (*object).to_owned());
        let is_added = matches!(data.get(4), Some(&"A"));
        changed.insert(parts.next()?.to_owned(), Changed { object, is_added });
    }
    let parent = head.find(|parent| !parent.is_empty()).map(str::to_owned);
    Some(Commit { hash, at: Timestamp::from_second(seconds).ok()?, parent, changed })
}

/// What the commits say of each owner's file, followed to where it was moved from.
struct Walk {
    /// The newest of each file first, then the second of each: one file with many does not keep others from being read.
    versions: Vec<Version>,
    /// Where a file was added, with its path and by which commit and parent: it may have been moved there.
    added: BTreeSet<(String, String)>,
}

fn walk(commits: &[Commit], today: &BTreeMap<OwnerCode, String>, moves: &Moves) -> Walk {
    let mut versions: Vec<(usize, Version)> = Vec::new();
    let mut added = BTreeSet::new();
    for (owner, path) in today {
        let (mut path, mut count, mut newer) = (path, 0, None);
        for commit in commits {
            let Some(Changed { object, is_added }) = commit.changed.get(path) else { continue };
            let replaced = newer.replace(commit.at);
            if let Some(object) = object.clone() {
                count += 1;
                versions.push((count, Version { owner: *owner, object, replaced }));
            }
            if let (true, Some(parent)) = (*is_added, &commit.parent) {
                let by = (format!("{} {parent}", commit.hash), path.clone());
                path = moves.get(&by).unwrap_or(path);
                added.insert(by);
            }
        }
    }
    versions.sort_by_key(|(count, _)| *count); // stable: by owner
    Walk { versions: versions.into_iter().map(|(_, version)| version).collect(), added }
}

/// For each file that a commit added (`<commit> <parent>`, and its path): the one file of the same owner that the commit deleted in
/// another folder. Two such files say nothing.
fn deleted_with(repo: Repo<'_>, added: &BTreeSet<(String, String)>) -> Result<Moves, String> {
    if added.is_empty() {
        return Ok(Moves::new());
    }
    let commits: BTreeSet<&str> = added.iter().map(|(by, _)| by.as_str()).collect();
    let asked: String = commits.iter().flat_map(|by| [*by, "\n"]).collect();
    let arguments = ["diff-tree", "--stdin", "-z", "-r", "--no-renames", "--diff-filter=D", "--name-only"];
    let told = git_bytes(repo, &arguments, Some(asked.into_bytes()))?;
    let told = String::from_utf8_lossy(&told);
    let mut deleted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for part in told.split('\0').filter(|part| !part.is_empty()) {
        match commits.iter().find(|by| by.split_once(' ').is_some_and(|(commit, _)| commit == part)) {
            Some(by) => current = Some(*by),
            None => deleted.entry(current.ok_or("git named no commit")?).or_default().push(part),
        }
    }
    let from = |(by, path): &(String, String)| {
        let name = path.get(path.rfind(OWNERS)?..)?;
        let is_same =
            |it: &&&str| it.strip_suffix(name).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'));
        let mut same = deleted.get(by.as_str())?.iter().filter(is_same);
        let from = same.next().filter(|_| same.next().is_none())?;
        Some(((by.clone(), path.clone()), (*from).to_owned()))
    };
    Ok(added.iter().filter_map(from).collect())
}

/// The versions, and what they listed.
fn read(
    repo: Repo<'_>,
    owners: &BTreeSet<OwnerCode>,
    (Log { commits, cut }, mut versions): (&Log, Vec<Version>),
    bounds: Bounds,
) -> Result<BTreeMap<OwnerCode, FileHistory>, String> {
    let mut histories: BTreeMap<OwnerCode, FileHistory> =
        owners.iter().map(|owner| (*owner, FileHistory::default())).collect();
    let root = commits.last().filter(|it| !cut && it.parent.is_none());
    let unread = versions.split_off(versions.len().min(bounds.versions));
    let asked = root.map(|it| it.hash.as_str()).into_iter().chain(versions.iter().map(|it| it.object.as_str()));
    let found = objects(repo, &asked.collect::<Vec<_>>(), bounds.bytes);
    let mut found = found.map_err(|why| format!("it did not show the versions: {why}"))?.into_iter();
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
