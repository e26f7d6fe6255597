//! The commits that lines of a workspace are from. Asks the `git` program; never changes anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::Timestamp;

use super::{
    blame::{Blame, blame},
    git::{Repo, git},
    sources::Sources,
};
use crate::model::desired::{FileId, Origin};

/// The commits that lines are from, by file and line; or why git could not say.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    /// Those that are known.
    pub known: BTreeMap<(String, usize), Blame>,
    /// Where something that stands with a line, such as its reason, is from a newer commit: that one.
    pub changed: BTreeMap<(String, usize), Blame>,
    /// Files of which git could not say, and why.
    pub unknown: BTreeMap<String, String>,
    /// Whether git was asked.
    pub asked: bool,
}

impl Commits {
    /// Asks who wrote these lines of the workspace in `dir`, and what is written with them.
    pub fn of<'a>(dir: &Path, sources: &Sources, origins: impl Iterator<Item = &'a Origin>) -> Self {
        let mut lines: BTreeMap<&str, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for origin in origins {
            lines.entry(sources.path(origin.file)).or_default().insert(sources.lines(origin));
        }
        let mut commits = Self { asked: true, ..Self::default() };
        for (file, spans) in lines {
            let all: BTreeSet<usize> = spans.iter().flat_map(|(first, last)| *first..=*last).collect();
            let found = match blame(dir.into(), file, &all, None) {
                Ok(found) => found,
                Err(why) => {
                    commits.unknown.insert(file.to_owned(), why);
                    continue;
                }
            };
            for (first, last) in spans {
                let Some(of_line) = found.get(&first) else { continue };
                let others = found.range(first..=last).map(|(_, blame)| blame).filter(|it| it.hash != of_line.hash);
                if let Some(newest) = others.filter(|it| it.at >= of_line.at).max_by_key(|it| it.at) {
                    commits.changed.insert((file.to_owned(), first), newest.clone());
                }
                commits.known.insert((file.to_owned(), first), of_line.clone());
            }
        }
        commits
    }
}

/// When these lines of the workspace in `dir` were committed, each given with when the account was created that it lists. A line
/// that is not committed, or of which git cannot say, is left out.
#[must_use]
pub fn written(dir: &Path, sources: &Sources, lines: &BTreeMap<Origin, Timestamp>) -> BTreeMap<Origin, Timestamp> {
    times((dir.into(), "HEAD"), sources, lines, |file, lines| blame(dir.into(), file, lines, None).unwrap_or_default())
}

/// The same, wherever git is asked: for the first commit of all, and then once for each file with a line whose account is
/// younger than that.
pub(super) fn times(
    (repo, commit): (Repo<'_>, &str),
    sources: &Sources,
    lines: &BTreeMap<Origin, Timestamp>,
    ask: impl Fn(&str, &BTreeSet<usize>) -> BTreeMap<usize, Blame>,
) -> BTreeMap<Origin, Timestamp> {
    if lines.is_empty() {
        return BTreeMap::new();
    }
    let roots = git(repo, &["log", "--max-parents=0", "--no-show-signature", "--format=%ct", commit, "--"]);
    let roots = roots.unwrap_or_default(); // outside git there is none
    let began = roots.lines().filter_map(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok()).min();
    let Some(began) = began else { return BTreeMap::new() };
    let mut files: BTreeMap<FileId, Vec<(usize, &Origin)>> = BTreeMap::new();
    for (origin, _) in lines.iter().filter(|(_, created)| **created > began) {
        files.entry(origin.file).or_default().push((sources.lines(origin).0, origin));
    }
    let times = files.into_iter().flat_map(|(file, lines)| {
        let found = ask(sources.path(file), &lines.iter().map(|(line, _)| *line).collect());
        let times = lines.into_iter().map(move |(line, origin)| Some((origin.clone(), found.get(&line)?.at)));
        times.flatten()
    });
    times.collect()
}
