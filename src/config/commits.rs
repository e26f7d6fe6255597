//! The commits that lines of a workspace are from. Asks the `git` program; never changes anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::Timestamp;

use super::{
    blame::{Blame, blame, first_written},
    git::{Repo, git, is_shallow},
    revision::is_in_git,
    sources::Sources,
};
use crate::model::{
    desired::{FileId, Origin},
    past::{LineAge, NoAge},
};

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
/// whose account is older than git's whole history is left out.
#[must_use]
pub fn written(dir: &Path, sources: &Sources, lines: &BTreeMap<Origin, Timestamp>) -> BTreeMap<Origin, LineAge> {
    if !is_in_git(dir) {
        return lines.keys().map(|origin| (origin.clone(), LineAge::Unknown(NoAge::NotInGit))).collect();
    }
    times((dir.into(), "HEAD"), sources, lines, |file, lines| {
        first_written(dir.into(), file, lines, None).map_err(|why| {
            let committed = git(dir, &["ls-tree", "-z", "HEAD", "--", file]);
            let is_new = committed.is_ok_and(|listed| listed.is_empty());
            if is_new { NoAge::NotCommitted } else { why }
        })
    })
}

/// The same, wherever git is asked: for the first commit of all, and then once for each file with a line whose account is
/// younger than that.
pub(super) fn times(
    (repo, commit): (Repo<'_>, &str),
    sources: &Sources,
    lines: &BTreeMap<Origin, Timestamp>,
    ask: impl Fn(&str, &BTreeSet<usize>) -> Result<BTreeMap<usize, Blame>, NoAge>,
) -> BTreeMap<Origin, LineAge> {
    if lines.is_empty() {
        return BTreeMap::new();
    }
    let roots = match git(repo, &["log", "--max-parents=0", "--no-show-signature", "--format=%ct", commit, "--"]) {
        Ok(roots) if !is_shallow(repo) => roots,
        Ok(_) => String::new(), // where a clone ends is no beginning
        Err(why) => {
            let unknown = LineAge::Unknown(NoAge::Unanswered(why.into()));
            return lines.keys().map(|origin| (origin.clone(), unknown.clone())).collect();
        }
    };
    let began = roots.lines().filter_map(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok()).min();
    let mut files: BTreeMap<FileId, Vec<(usize, &Origin)>> = BTreeMap::new();
    for (origin, _) in lines.iter().filter(|(_, created)| began.is_none_or(|began| **created > began)) {
        files.entry(origin.file).or_default().push((sources.lines(origin).0, origin));
    }
    let ages = files.into_iter().flat_map(|(file, lines)| {
        let found = ask(sources.path(file), &lines.iter().map(|(line, _)| *line).collect());
        lines.into_iter().map(move |(line, origin)| {
            let age = match found.as_ref().map(|found| found.get(&line)) {
                Ok(Some(blame)) if blame.or_earlier => LineAge::AtLatest(blame.at),
                Ok(Some(blame)) => LineAge::At(blame.at),
                Ok(None) => LineAge::Unknown(NoAge::NotCommitted),
                Err(why) => LineAge::Unknown(why.clone()),
            };
            (origin.clone(), age)
        })
    });
    ages.collect()
}
