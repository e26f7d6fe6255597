//! The commits that lines of a workspace are from. Asks the `git` program; never changes anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    blame::{Blame, blame},
    sources::Sources,
};
use crate::model::desired::Origin;

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
            let found = match blame(dir, file, &all) {
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
