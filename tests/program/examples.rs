//! Every example is run: valid, planned, applied, and then as git says.

use std::fs;

use crate::workspace::{Workspace, check_story, project};

#[test]
fn every_example_converges_and_then_writes_nothing() {
    let folders = fs::read_dir(project().join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = folders.filter(|folder| folder.join("tilgang.yaml").exists()).collect();
    assert!(folders.len() >= 2);
    for folder in folders {
        let workspace = Workspace::copy_of(&folder);
        let run = |arguments: &[&str]| {
            let out = workspace.tilgang(arguments);
            let text = String::from_utf8(out.stdout).unwrap();
            (out.status.code().unwrap(), text + &String::from_utf8(out.stderr).unwrap())
        };
        assert_eq!(run(&["validate"]).0, 0, "{}", folder.display());
        let (code, text) = run(&["plan", "--simulate", "--detailed-exitcode"]);
        assert_eq!(code, 2, "{text}");
        let (code, text) = run(&["apply", "--simulate", "--yes"]);
        assert_eq!(code, 0, "{text}");
        let (code, text) = run(&["plan", "--simulate", "--detailed-exitcode"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("Nothing to do: Azure is as git says"), "{text}");
    }
}

#[test]
fn the_altinn_example_tells_its_story() {
    let folder = project().join("examples/altinn");
    check_story(&folder, &project().join("tests/altinn.txt"));
}
