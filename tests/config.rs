#![cfg(test)]
//! Every case of `tests/invalid/` with its exact messages beside it, and what is true of every workspace.
//!
//! A case is a folder (a whole workspace) or a file: `tilgang-….yaml` stands for `tilgang.yaml`, any other for
//! `owners/ttd.yaml`. `BLESS=1 cargo test --test config` writes the messages anew; then read them.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use miette::{GraphicalReportHandler, GraphicalTheme};
use tilgang::config::{Loaded, RULES, load, load_texts};

const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";
const OWNER: &str = "owner: ttd\nusers: []\n";

/// As a terminal without colour shows it.
fn drawn(loaded: &Loaded) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    for error in &loaded.errors {
        handler.render_report(&mut text, error).unwrap();
        text.push('\n');
    }
    text
}

fn cases() -> Vec<PathBuf> {
    let all = fs::read_dir("tests/invalid").unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = all.filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "yaml")).collect();
    cases.sort();
    cases
}

fn read(case: &Path) -> Loaded {
    if case.is_dir() {
        return load(case);
    }
    let text = fs::read_to_string(case).unwrap();
    if case.file_name().unwrap().to_str().unwrap().starts_with("tilgang-") {
        load_texts(&[("tilgang.yaml", &text), ("owners/ttd.yaml", OWNER)])
    } else {
        load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", &text)])
    }
}

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "BLESS is a wish of the person at the keyboard, not a setting")]
fn check(case: &Path) -> Loaded {
    let golden = case.with_extension("stderr");
    let loaded = read(case);
    let drawn = drawn(&loaded);
    assert!(!drawn.is_empty(), "{} has no mistake", case.display());
    if env::var_os("BLESS").is_some() {
        fs::write(&golden, &drawn).unwrap();
    }
    assert_eq!(fs::read_to_string(&golden).unwrap_or_default(), drawn, "{}", case.display());
    loaded
}

#[test]
fn every_mistake_is_told_as_written_down() {
    let mut told = BTreeSet::new();
    for case in cases() {
        told.extend(check(&case).errors.iter().map(|error| error.rule().name));
    }
    // `link-inside` and `file-readable` need a disk that git cannot carry; see below.
    let untold: Vec<_> = RULES.iter().map(|rule| rule.name).filter(|name| !told.contains(name)).collect();
    assert_eq!(untold, ["file-readable", "link-inside", "utf-8"]);
}
