//! The source as text: rooms, files, code without comments, and counts that may only fall.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// One file of `src`.
pub(super) struct Source {
    /// Its path inside `src`, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// The first folder of its path, or its own name.
    pub(super) fn room(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// Whether the whole file is a test.
    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests") || self.path.ends_with("tests.rs")
    }

    /// Its lines from 1, without those that are comments.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().zip(1..).map(|(line, n)| (n, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The same as one text.
    pub(super) fn code(&self) -> String {
        self.lines().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    }

    /// Its text without comments and without the tests at its end; empty for a test.
    pub(super) fn product(&self) -> String {
        if self.is_test() {
            return String::new();
        }
        let code = uncommented(&self.text);
        let end = code.find("#[cfg(test)]\nmod tests {").unwrap_or(code.len());
        code[..end].to_owned()
    }
}

/// Everything in `src`, by path.
pub(super) fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let paths = files(&src).into_iter();
    paths
        .map(|file| {
            let parts: Vec<_> = file.strip_prefix(&src).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
            Source { path: parts.join("/"), text: fs::read_to_string(&file).unwrap() }
        })
        .collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A text without what follows `//` in each line. In a text such as `"https://…"`, too: that hides no code.
pub(super) fn uncommented(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect();
    lines.join("\n")
}

/// Adds up by name; names with nothing are left out.
pub(super) fn count(all: impl Iterator<Item = (String, usize)>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (name, count) in all.filter(|(_, count)| *count > 0) {
        *found.entry(name).or_default() += count;
    }
    found
}

/// Fails where a count is above the table's, or below it: then the table must follow, so that the count cannot rise again.
/// A name that is not in the table may have none.
#[track_caller]
pub(super) fn ratchet(what: &str, table: &[(&str, usize)], counted: &BTreeMap<String, usize>) {
    let table: BTreeMap<&str, usize> = table.iter().copied().collect();
    let names: BTreeSet<&str> = table.keys().copied().chain(counted.keys().map(String::as_str)).collect();
    let mut wrong = Vec::new();
    for name in names {
        let (is, may) = (counted.get(name).copied().unwrap_or(0), table.get(name).copied().unwrap_or(0));
        if is > may {
            wrong.push(format!("{name} has {is} {what}, at most {may} allowed"));
        } else if is == 0 && may > 0 {
            wrong.push(format!("{name} has no {what} any more: take it out of the table"));
        } else if is < may {
            wrong.push(format!("{name} has {is} {what}, no longer {may}: lower the number in the table"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
