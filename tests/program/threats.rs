//! `docs/THREATS.md` cannot lie: each test that it names is there. One page, so that it is read.

use std::{fs, path::Path};

use crate::workspace::project;

fn texts(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *all += &fs::read_to_string(&path).unwrap();
        }
    }
}

#[test]
fn every_named_test_exists() {
    let page = fs::read_to_string(project().join("docs/THREATS.md")).unwrap();
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        texts(&project().join(folder), &mut sources);
    }
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| who | could")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let shown: Vec<&str> = cells.last().unwrap().split('`').skip(1).step_by(2).collect();
        assert!(cells.len() == 4 && !shown.is_empty(), "a threat without a test: {row}");
        for test in shown {
            named += 1;
            let signature = format!("fn {test}(");
            let at = sources.find(&signature).unwrap_or_else(|| panic!("there is no test `{test}`"));
            let before: Vec<&str> = sources[..at].lines().rev().take(8).collect();
            let attribute =
                |line: &&str| line.contains("#[test]") || line.contains("::test]") || line.contains("proptest!");
            let in_laws = sources[at..].starts_with(&signature) && !sources[at..].starts_with(&format!("{signature})"));
            assert!(in_laws || before.iter().any(attribute), "`{test}` is no test");
        }
    }
    assert!(named > 25, "{named} tests are named");
    assert!(page.lines().count() < 60, "one page");
}
