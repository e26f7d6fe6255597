//! One folder, one story: a workspace, a simulated Azure, and `story.txt`, the commands with all that they print.

use std::fs;

use crate::workspace::{check_story, project};

#[test]
fn every_case_ends_as_told() {
    let mut folders: Vec<_> = fs::read_dir(project().join("tests/cases")).unwrap().map(|e| e.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    std::thread::scope(|scope| {
        for folder in &folders {
            scope.spawn(move || check_story(folder, &folder.join("story.txt")));
        }
    });
}
