//! Which state of git a workspace is in. Asks the `git` program; never changes anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use jiff::Timestamp;

use super::{
    files::{Purpose, purpose},
    sources::Sources,
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
    let listed = git(dir, &["ls-tree", "-r", "-z", "HEAD"])?;
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

/// The program, in a folder: it asks nobody, locks nothing, and fetches nothing.
pub(super) fn command(dir: &Path) -> Command {
    let mut git = Command::new("git");
    // Set inside hooks, these would point to another repository than the one `dir` lies in.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"] {
        git.env_remove(variable);
    }
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C");
    git.arg("-C").arg(dir);
    git
}

/// Runs git in a folder; what it printed, or the first line of what it complained about.
pub(super) fn git(dir: &Path, args: &[&str]) -> Result<String, String> {
    String::from_utf8(git_bytes(dir, args, None)?).map_err(|_| "git answered in no known encoding".to_owned())
}

/// The same as bytes, with something on its standard input.
pub(super) fn git_bytes(dir: &Path, args: &[&str], input: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("git could not be run: {error}");
    let mut git = command(dir);
    git.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    git.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut running = git.spawn().map_err(failed)?;
    let (stdin, bytes) = (running.stdin.take(), input.unwrap_or_default());
    // Beside it: git answers before it has read everything, and would wait for somebody to listen.
    let writing = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&bytes)));
    let output = running.wait_with_output().map_err(failed)?;
    let _ = writing.join(); // a git that stopped reading says why itself
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().find(|line| line.starts_with("fatal:")).or(said.lines().next()).unwrap_or("git failed");
    Err(said.trim_start_matches("fatal: ").to_owned())
}

/// The longest head of an object in the answers of `git cat-file`: a hash, a type and a size are far shorter.
const HEAD_BYTES_MAX: u64 = 1_000;

/// The contents of objects, in the order in which they are asked for, by one `git cat-file`; none where git does not have it. It
/// ends early where more than so many bytes would be read. Nothing at all: git did not show what was asked for.
pub(super) fn objects(dir: &Path, hashes: &[&str], bytes_max: u64) -> Option<Vec<Option<Vec<u8>>>> {
    if hashes.is_empty() {
        return Some(Vec::new());
    }
    let mut git = command(dir);
    git.args(["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = git.spawn().ok()?;
    let (stdin, stdout) = (running.stdin.take(), running.stdout.take());
    let asked: String = hashes.iter().flat_map(|hash| [*hash, "\n"]).collect();
    // Beside it: git answers before it has read everything, and would wait for somebody to listen.
    let writing = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(asked.as_bytes())));
    let found = stdout.and_then(|stdout| contents(&mut BufReader::new(stdout), hashes.len(), bytes_max));
    let _ = running.kill(); // it has answered, or nobody listens any more
    let _ = (running.wait(), writing.join());
    found
}

/// `<hash> <type> <size>\n<bytes>\n`, or `<hash> missing\n`, for each of so many objects.
fn contents(answers: &mut impl std::io::BufRead, count: usize, bytes_max: u64) -> Option<Vec<Option<Vec<u8>>>> {
    let (mut found, mut total) = (Vec::with_capacity(count), 0_u64);
    for _ in 0..count {
        let mut head = String::new();
        let read = answers.by_ref().take(HEAD_BYTES_MAX).read_line(&mut head);
        let words: Vec<&str> = head.split_whitespace().collect();
        let size = match (read, words.as_slice()) {
            (Ok(_), [_, "missing"]) => {
                found.push(None);
                continue;
            }
            (Ok(_), [_, _, size]) => size.parse::<u64>().ok()?,
            _ => return None,
        };
        total = total.saturating_add(size);
        if total > bytes_max {
            break;
        }
        let mut bytes = Vec::new();
        let read = answers.by_ref().take(size + 1).read_to_end(&mut bytes);
        if read.is_err() || bytes.pop() != Some(b'\n') || u64::try_from(bytes.len()) != Ok(size) {
            return None;
        }
        found.push(Some(bytes));
    }
    Some(found)
}

/// Whether the history ends before its beginning; in doubt it does.
pub(super) fn is_shallow(dir: &Path) -> bool {
    git(dir, &["rev-parse", "--is-shallow-repository"]).map_or(true, |answer| answer.trim() != "false")
}
