//! `docs/reference/well.md` names, for each statement that all is well, the test or story that takes it away: each of them exists.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Rows that no test takes away: they say so, and their number only falls.
const UNTESTED: usize = 0;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn what_takes_well_away_exists() {
    let mut files = Vec::new();
    rust_files(&project().join("src"), &mut files);
    rust_files(&project().join("tests"), &mut files);
    let tests: Vec<(String, String)> = files
        .iter()
        .map(|path| (path.with_extension("").to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    let is_test = |name: &str| {
        let (module, function) = name.rsplit_once("::").map_or((None, name), |(module, it)| (Some(module), it));
        let told = format!("fn {function}(");
        tests.iter().any(|(path, text)| {
            let is_there = module.is_none_or(|module| path.ends_with(&format!("/{}", module.replace("::", "/"))));
            let at = text.find(&told).filter(|_| is_there);
            at.is_some_and(|at| is_attributed(text[..at].trim_end().trim_end_matches("async")))
        })
    };
    let is_story = |name: &str| project().join("tests/cases").join(name).join("story.txt").is_file();
    let page = fs::read_to_string(project().join("docs/reference/well.md")).unwrap();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| taken away by |")).collect();
    assert!(rows.len() > 20, "{} rows", rows.len());
    let (mut missing, mut untested) = (Vec::new(), 0);
    for row in rows {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        untested += usize::from(named.is_empty());
        missing.extend(named.into_iter().filter(|name| !is_test(name) && !is_story(name)).map(str::to_owned));
    }
    assert!(missing.is_empty(), "neither a test nor a story in tests/cases: {missing:?}");
    assert_eq!(untested, UNTESTED, "rows that name no test");
}

/// Whether what comes next is a test: the attribute stands on the line before.
fn is_attributed(before: &str) -> bool {
    before.trim_end().lines().next_back().is_some_and(|line| line.trim_start().starts_with("#["))
}
