//! The `git` program, for all who ask it: one command that asks nobody, runs nothing of the repository's (hooks, file watchers,
//! background work), and ends within a bound.
//!
//! [`command`] is the program in a folder or in a repository; [`git`] and [`git_bytes`] read from what is on disk and never from
//! the network: of a partial clone they say what is missing instead of fetching it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

/// How long git may read from a disk. Ours: a history of a hundred thousand commits takes some seconds.
pub(super) const READING_MAX: Duration = Duration::from_mins(2);

/// Set inside hooks, and by people's shells: these would lead to another repository, or make a path or a commit mean another one.
const NOT_INHERITED: [&str; 14] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
];

/// Whatever is configured. A bare repository that lies in a workspace is none of ours, whoever put it there (git-config(1),
/// `safe.bareRepository`).
const SETTINGS: [&str; 7] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "fetch.fsckObjects=true",
    "protocol.ext.allow=never",
    "safe.bareRepository=explicit",
];

/// What git says of an object that it does not have, in lower case.
const MISSING: [&str; 7] = [
    "promisor remote",
    "lazy fetching",
    "unable to read",
    "cannot read",
    "not a valid object",
    "bad object",
    "could not get object info",
];

/// Where git is asked.
#[derive(Clone, Copy, Debug)]
pub enum Repo<'a> {
    /// In a folder that lies in a work tree.
    Around(&'a Path),
    /// In a repository without one.
    Bare(&'a Path),
}

impl<'a> Repo<'a> {
    /// A repository that somebody named: with a work tree, or bare.
    #[must_use]
    pub fn named(dir: &'a Path) -> Self {
        if dir.join(".git").exists() { Self::Around(dir) } else { Self::Bare(dir) }
    }
}

impl<'a> From<&'a Path> for Repo<'a> {
    fn from(dir: &'a Path) -> Self {
        Self::Around(dir)
    }
}

/// The program, in a process group of its own: whatever it starts can be ended with it.
#[must_use]
pub fn command(repo: Repo<'_>) -> Command {
    let mut git = Command::new("git");
    for variable in NOT_INHERITED {
        git.env_remove(variable);
    }
    git.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    git.env("GIT_LITERAL_PATHSPECS", "1").env("GIT_NO_REPLACE_OBJECTS", "1");
    match repo {
        Repo::Around(dir) => git.arg("-C").arg(dir),
        // Named, and not found by looking around: git then trusts it, whoever owns the folder (`safe.directory`).
        Repo::Bare(dir) => git.arg("-C").arg(dir).arg("--git-dir=."),
    };
    for setting in SETTINGS {
        git.args(["-c", setting]);
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut git, 0);
    git
}

/// Git and whatever it started, ended when this is dropped before [`ProcessGroup::is_over`] was said.
#[derive(Debug)]
pub struct ProcessGroup(Option<u32>);

impl ProcessGroup {
    /// Of a process that leads one, by its id.
    #[must_use]
    pub fn of(leader: Option<u32>) -> Self {
        Self(leader)
    }

    /// It ended by itself. What it left running on purpose, such as a credential cache, goes on.
    pub fn is_over(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.0.and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// What git complained about, in one line, with the command that it advises where it does not trust a folder's owner.
#[must_use]
pub fn complaint(stderr: &[u8]) -> String {
    let said = String::from_utf8_lossy(stderr);
    let told = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
    let first = said.lines().find(told).or(said.lines().next()).unwrap_or("it failed, and did not say why");
    let first = first.trim_start_matches("fatal: ").trim_start_matches("error: ");
    match said.lines().map(str::trim).find(|line| line.starts_with("git config --global --add safe.directory ")) {
        Some(advice) => format!("{first}: the folder belongs to another user; if you trust it: `{advice}`"),
        None => first.to_owned(),
    }
}

/// Reads: what git printed, or why it did not.
pub(super) fn git<'a>(repo: impl Into<Repo<'a>>, args: &[&str]) -> Result<String, NoAnswer> {
    let bytes = git_bytes(repo, args, None)?;
    String::from_utf8(bytes).map_err(|_| NoAnswer("git answered in no known encoding".to_owned()))
}

/// The same as bytes, with something on its standard input.
pub(super) fn git_bytes<'a>(
    repo: impl Into<Repo<'a>>,
    args: &[&str],
    input: Option<Vec<u8>>,
) -> Result<Vec<u8>, NoAnswer> {
    let repo = repo.into();
    let mut git = reading(repo);
    git.args(args);
    let output = ended(git, input, READING_MAX)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(NoAnswer(why_not(repo, &output.stderr)))
}

/// Why git did not answer: its complaint, or the filter of a clone that lacks what was asked for.
pub(super) fn why_not(repo: Repo<'_>, stderr: &[u8]) -> String {
    let said = String::from_utf8_lossy(stderr).to_lowercase();
    let filter = MISSING.iter().any(|words| said.contains(words)).then(|| filter(repo)).flatten();
    filter.map_or_else(|| complaint(stderr), |filter| partial(&filter))
}

/// The program, where it only reads: it locks nothing, and the network is closed to it. `GIT_NO_LAZY_FETCH` is younger than git 2.44;
/// without any protocol an older one cannot fetch either.
pub(super) fn reading(repo: Repo<'_>) -> Command {
    let mut git = command(repo);
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
    git
}

/// The longest head of an object in the answers of `git cat-file`: a hash, a type and a size are far shorter.
const HEAD_BYTES_MAX: u64 = 1_000;

/// How much of its complaints is read. Ours.
const SAID_MAX: u64 = 10_000;

/// The contents of objects, in the order in which they are asked for, by one `git cat-file`; none where git does not have it. It
/// ends early where more than so many bytes would be read. An error: git did not show what was asked for, and why.
pub(super) fn objects(repo: Repo<'_>, hashes: &[&str], bytes_max: u64) -> Result<Vec<Option<Vec<u8>>>, NoAnswer> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let mut git = reading(repo);
    git.args(["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = git.spawn().map_err(|error| NoAnswer(format!("git could not be run: {error}")))?;
    let group = ProcessGroup::of(Some(running.id()));
    let (over, ends) = mpsc::channel::<()>();
    std::thread::spawn(move || match ends.recv_timeout(READING_MAX) {
        Err(mpsc::RecvTimeoutError::Timeout) => drop(group),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => group.is_over(),
    });
    let (stdin, stdout) = (running.stdin.take(), running.stdout.take());
    let asked: String = hashes.iter().flat_map(|hash| [*hash, "\n"]).collect();
    // Beside it: git answers before it has read everything, and would wait for somebody to listen.
    let writing = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(asked.as_bytes())));
    let found = stdout.and_then(|stdout| contents(&mut BufReader::new(stdout), hashes.len(), bytes_max));
    drop(over);
    let _ = running.kill(); // it has answered, or nobody listens any more
    let mut said = Vec::new();
    let _ = running.stderr.take().map(|stderr| stderr.take(SAID_MAX).read_to_end(&mut said));
    let _ = (running.wait(), writing.join());
    found.ok_or_else(|| NoAnswer(complaint(&said)))
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

/// Why there is no answer, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoAnswer(String);

impl From<NoAnswer> for String {
    fn from(NoAnswer(why): NoAnswer) -> Self {
        why
    }
}

/// Runs it to its end, or ends it at the bound.
pub(super) fn ended(mut git: Command, input: Option<Vec<u8>>, bound: Duration) -> Result<Output, NoAnswer> {
    let failed = |error: std::io::Error| NoAnswer(format!("git could not be run: {error}"));
    git.stdout(Stdio::piped()).stderr(Stdio::piped());
    git.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut running = git.spawn().map_err(failed)?;
    let group = ProcessGroup::of(Some(running.id()));
    let (stdin, bytes) = (running.stdin.take(), input.unwrap_or_default());
    // Beside it: git answers before it has read everything, and would wait for somebody to listen. A git that stops reading says why itself.
    std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&bytes)));
    let (done, output) = mpsc::channel();
    std::thread::spawn(move || done.send(running.wait_with_output()));
    match output.recv_timeout(bound) {
        Ok(output) => {
            group.is_over();
            output.map_err(failed)
        }
        Err(_) => Err(NoAnswer(format!("git gave no answer within {} seconds, and was ended", bound.as_secs()))),
    }
}

/// The filter with which a repository was cloned in part; none for a whole one.
pub(super) fn filter(repo: Repo<'_>) -> Option<String> {
    let mut git = reading(repo);
    git.args(["config", "--get-regexp", r"^remote\..*\.partialclonefilter$"]);
    let output = ended(git, None, READING_MAX).ok()?;
    let told = String::from_utf8_lossy(&output.stdout);
    Some(told.lines().next()?.split_once(' ')?.1.to_owned())
}

/// That something is not in a partial clone, and how to get it.
pub(super) fn partial(filter: &str) -> String {
    format!(
        "this clone is partial (`--filter={filter}`) and does not have what is asked for; get the rest with `git fetch --refetch \
         --no-filter`, or clone without a filter (actions/checkout: leave out `filter`)"
    )
}

/// Whether the history ends before its beginning; in doubt it does.
pub(super) fn is_shallow<'a>(repo: impl Into<Repo<'a>>) -> bool {
    git(repo, &["rev-parse", "--is-shallow-repository"]).map_or(true, |answer| answer.trim() != "false")
}

/// Whether a commit follows from another (or, if not, the other from it); none where git does not know one of them, or neither follows from
/// the other, or this clone does not reach back so far.
pub fn follows<'a>(repo: impl Into<Repo<'a>>, commit: &str, from: &str) -> Option<bool> {
    let repo = repo.into();
    let is_hash = |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_hash(commit) || !is_hash(from) {
        return None; // a ledger may say anything
    }
    let is_ancestor = |ancestor: &str, of: &str| {
        let mut git = reading(repo);
        git.args(["merge-base", "--is-ancestor", ancestor, of]);
        // 1: it is not; else git could not tell (git-merge-base(1)). What is one in a shallow clone is one.
        ended(git, None, READING_MAX).is_ok_and(|output| output.status.success())
    };
    match (is_ancestor(from, commit), is_ancestor(commit, from)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// Why not all of the past is here, if so. Outside git there is none.
pub fn gap<'a>(repo: impl Into<Repo<'a>>) -> Option<String> {
    let repo = repo.into();
    let answer = git(repo, &["rev-parse", "--is-shallow-repository"]).ok()?;
    let shallow =
        "this clone is shallow: fetch all of it (`git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout)";
    if answer.trim() != "false" {
        return Some(shallow.to_owned());
    }
    // The filter stays in the configuration when the rest has been fetched: what counts is whether something is missing.
    let filter = filter(repo)?;
    let told = git(repo, &["rev-list", "--objects", "--missing=print", "HEAD", "--", "."]);
    let is_whole = told.is_ok_and(|told| !told.lines().any(|line| line.starts_with('?')));
    (!is_whole).then(|| partial(&filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_one_line_and_keeps_the_advice() {
        let dubious = "fatal: detected dubious ownership in repository at '/w'\nTo add an exception for this directory, call:\n\n\
            \tgit config --global --add safe.directory /w\n";
        let told = "detected dubious ownership in repository at '/w': the folder belongs to another user; if you trust it: \
            `git config --global --add safe.directory /w`";
        for (stderr, said) in [
            (dubious, told),
            (
                "warning: x\nfatal: couldn't find remote ref refs/heads/main\n",
                "couldn't find remote ref refs/heads/main",
            ),
            ("error: RPC failed\nfatal: early EOF\n", "RPC failed"),
            ("", "it failed, and did not say why"),
        ] {
            assert_eq!(complaint(stderr.as_bytes()), said);
        }
    }

    #[cfg(unix)]
    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_started() {
        let mut hangs = Command::new("sh");
        hangs.args(["-c", "sleep 600 & echo $!; sleep 600"]);
        std::os::unix::process::CommandExt::process_group(&mut hangs, 0);
        let began = std::time::Instant::now();
        let error = String::from(ended(hangs, None, Duration::from_millis(200)).unwrap_err());
        assert!(error.contains("no answer within"), "{error}");
        assert!(began.elapsed() < Duration::from_mins(1));
    }
}
