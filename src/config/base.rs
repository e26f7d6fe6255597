//! A workspace as it was at another commit, read from git's own store. Asks the `git` program; never checks anything out, so no
//! hook and no filter runs, and nothing on disk changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    path::Path,
    process::Stdio,
};

use super::{
    Loaded, assemble,
    files::{FILE_BYTES_MAX, Input, Purpose, large, link, purpose},
    revision::{command, git},
    sources::Sources,
};
use crate::model::{
    desired::{FileId, Revision},
    owner::OwnerCode,
};

/// So many files are read of one commit. Ours: ten times the owners that tilgang is built for.
const FILES_MAX: usize = 10_000;

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
    let tip = git(&real, &["rev-parse", "--verify", "--quiet", "--end-of-options", &named])
        .map_err(|_| format!("git knows no commit `{reference}` here{}", hint(&real)))?;
    let commit = git(&real, &["merge-base", tip.trim(), "HEAD"])
        .map_err(|_| format!("`{reference}` and HEAD have no commit in common{}", hint(&real)))?;
    let commit = commit.trim().to_owned();
    let mut loaded = assemble(inputs(&real, &commit)?);
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

/// What to do where history was cut off.
fn hint(dir: &Path) -> &'static str {
    let shallow = git(dir, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer.trim() == "true");
    if shallow { ": this clone is shallow; fetch more history (`fetch-depth: 0` for actions/checkout)" } else { "" }
}

/// The files of a commit that count, below the workspace.
fn inputs(dir: &Path, commit: &str) -> Result<Vec<Input>, String> {
    // `<mode> <type> <hash> <size>\t<path>`, paths relative to `dir`.
    let listed = git(dir, &["ls-tree", "-r", "-z", "-l", commit])?;
    let mut inputs = Vec::new();
    let mut wanted: Vec<(String, &str)> = Vec::new();
    for (data, path) in listed.split('\0').filter_map(|line| line.split_once('\t')) {
        if purpose(path) == Purpose::Ignored {
            continue;
        }
        let mut data = data.split_whitespace();
        let (mode, kind, hash, size) = (data.next(), data.next(), data.next(), data.next());
        match (mode, kind, hash, size.map(str::parse::<u64>)) {
            (Some("120000"), ..) => inputs.push(link(path)),
            (_, Some("blob"), Some(hash), Some(Ok(size))) if size <= FILE_BYTES_MAX => {
                wanted.push((path.to_owned(), hash));
            }
            (_, Some("blob"), ..) => inputs.push(large(path)),
            _ => {} // another repository in this one
        }
    }
    if wanted.len() > FILES_MAX {
        return Err(format!(
            "commit {commit} has {} files in `owners/` and `overrides/`; is it a workspace?",
            wanted.len()
        ));
    }
    let texts = blobs(dir, wanted.iter().map(|(_, hash)| *hash))?;
    let read = wanted.into_iter().zip(texts).map(|((path, _), bytes)| Input::bytes(path, bytes));
    inputs.extend(read);
    Ok(inputs)
}

/// The bytes of these blobs, as they lie in the store: `git cat-file --batch` applies no filter.
fn blobs<'a>(dir: &Path, hashes: impl Iterator<Item = &'a str>) -> Result<Vec<Vec<u8>>, String> {
    let said = |error: std::io::Error| format!("git could not be asked for files: {error}");
    let asked: Vec<&str> = hashes.collect();
    let question: String = asked.iter().flat_map(|hash| [*hash, "\n"]).collect();
    let mut child = command(dir)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(said)?;
    let mut stdin = child.stdin.take().ok_or("git takes no questions")?;
    // Beside the reading: git answers while it is asked, and a full pipe would stop both.
    let asking = std::thread::spawn(move || stdin.write_all(question.as_bytes()));
    let mut answer = Vec::new();
    child.stdout.take().ok_or("git gives no answers")?.read_to_end(&mut answer).map_err(said)?;
    let asked_all = asking.join().map_err(|_| "git could not be asked for files")?;
    asked_all.map_err(said)?;
    child.wait().map_err(said)?;
    let mut rest = answer.as_slice();
    asked.iter().map(|hash| blob(&mut rest, hash).ok_or_else(|| format!("git has no file {hash}"))).collect()
}

/// `<hash> blob <size>\n<bytes>\n`, taken from the front.
fn blob(rest: &mut &[u8], hash: &str) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (head, after) = rest.split_at(end);
    let size = std::str::from_utf8(head).ok()?.strip_prefix(hash)?.strip_prefix(" blob ")?.parse().ok()?;
    let (bytes, after) = after.get(1..)?.split_at_checked(size)?;
    *rest = after.strip_prefix(b"\n")?;
    Some(bytes.to_vec())
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
