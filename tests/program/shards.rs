//! Owners shared out over several runs: what these say together is what one run over all says.

use std::fs;

use serde_json::Value;

use crate::workspace::{Workspace, check_story, project};

const LISTS: [&str; 6] = ["drift", "blocked", "findings", "unread", "left_out", "protected_unknown"];

/// Runs; the exit code and the JSON on stdout, if there is one.
fn run(workspace: &Workspace, arguments: &[&str]) -> (i32, Value, String) {
    let out = workspace.tilgang(arguments);
    let json = serde_json::from_slice(&out.stdout).unwrap_or_default();
    (out.status.code().unwrap(), json, String::from_utf8(out.stderr).unwrap())
}

/// A list's entries; each request has another id.
fn sorted(report: &Value, list: &str) -> Vec<String> {
    let request = regex::Regex::new("[(]request [0-9a-f-]+[)]|\"request_id\":\"[^\"]*\"").unwrap();
    let entry = |entry: &Value| request.replace_all(&entry.to_string(), "").into_owned();
    let mut all: Vec<String> = report[list].as_array().unwrap().iter().map(entry).collect();
    all.sort();
    all
}

/// The law, on every story there is: but for what a part cannot know, and says.
#[test]
fn the_parts_together_are_the_whole() {
    let cases = fs::read_dir(project().join("tests/cases")).unwrap();
    let examples = fs::read_dir(project().join("examples")).unwrap();
    let mut folders: Vec<_> = cases.chain(examples).map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("azure.yaml").exists());
    folders.sort();
    let compared: usize = std::thread::scope(|scope| {
        let halves = folders.chunks(folders.len().div_ceil(2));
        let started: Vec<_> =
            halves.map(|half| scope.spawn(move || half.iter().filter(|it| compare(it)).count())).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(compared >= 30, "only {compared} stories could be compared");
}

fn compare(folder: &std::path::Path) -> bool {
    let workspace = Workspace::copy_of(folder);
    let (code, whole, _) = run(&workspace, &["drift", "--simulate", "--format", "json"]);
    if whole.is_null() {
        return false; // nothing to compare with: there is no report at all
    }
    for (shard, out) in [("0/2", "0.json"), ("1/2", "1.json")] {
        let (code, _, said) = run(&workspace, &["drift", "--simulate", "--shard", shard, "--out", out]);
        assert!([0, 1].contains(&code), "{}: {said}", folder.display());
    }
    let (merged_code, merged, said) = run(&workspace, &["merge", "0.json", "1.json", "--format", "json"]);
    let name = folder.file_name().unwrap().display();
    let elsewhere = |entry: &String| entry.contains("without --shard, sees both");
    if sorted(&merged, "unread").iter().any(elsewhere) {
        assert_eq!(merged_code, 1, "{name}: what only a whole run can judge is no success");
        return false;
    }
    for list in LISTS {
        let findings = |all: Vec<String>| -> Vec<String> {
            // Whether an entry of `accept` is needed, only a run over all owners can say.
            all.into_iter().filter(|entry| !entry.contains("\"accept-unused\"")).collect()
        };
        assert_eq!(findings(sorted(&merged, list)), findings(sorted(&whole, list)), "{name}: {list}; {said}");
    }
    for sum in ["grants", "revokes", "updates", "blocked"] {
        if whole["refused"] == merged["refused"] {
            assert_eq!(merged["summary"][sum], whole["summary"][sum], "{name}: {sum}");
        }
    }
    assert_eq!(merged_code, code, "{name}: {said}");
    assert_eq!(merged["config"], whole["config"], "{name}");
    true
}

fn two_parts() -> Workspace {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    for (shard, out) in [("0/2", "0.json"), ("1/2", "1.json")] {
        let (code, ..) = run(&workspace, &["drift", "--simulate", "--shard", shard, "--out", out]);
        assert_eq!(code, 0, "that something differs is no failure of a part");
    }
    workspace
}

#[test]
fn a_part_that_is_missing_or_broken_is_said() {
    let workspace = two_parts();
    let (code, report, said) = run(&workspace, &["merge", "1.json", "--format", "json"]);
    assert_eq!((code, said.as_str()), (1, "error: part 0/2 is missing\n"));
    assert_eq!(report["observed"]["complete"], false);
    assert_eq!(report["unread"][0]["doing"], "read part 0/2");

    let (code, _, said) = run(&workspace, &["merge", "0.json", "gone.json"]);
    assert_eq!(code, 1);
    assert!(said.contains("error: gone.json: ") && said.contains("error: part 1/2 is missing"), "{said}");

    let whole = fs::read_to_string(workspace.path().join("1.json")).unwrap();
    fs::write(workspace.path().join("1.json"), &whole[..whole.len() / 2]).unwrap();
    let (code, _, said) = run(&workspace, &["merge", "0.json", "1.json"]);
    assert!(code == 1 && said.starts_with("error: 1.json: no part of a report: "), "{said}");

    let (code, _, said) = run(&workspace, &["merge", "0.json", "0.json"]);
    assert!(code == 1 && said.contains("0.json is part 0/2, and so is 0.json"), "{said}");
    let (code, _, said) = run(&workspace, &["merge", "--of", "3", "0.json"]);
    assert!(code == 1 && said.contains("0.json is part 0/2, and 3 are merged"), "{said}");
}

#[test]
fn parts_of_two_commits_or_states_are_refused() {
    let workspace = two_parts();
    let path = workspace.path().join("1.json");
    let part = fs::read_to_string(&path).unwrap();
    fs::write(&path, part.replacen("\"commit\": null", "\"commit\": \"0123456789abcdef\"", 1)).unwrap();
    let out = workspace.tilgang(&["merge", "0.json", "1.json"]);
    assert_eq!((out.status.code(), out.stdout.len()), (Some(1), 0), "no report of both");
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("1.json and 0.json are of two commits, 0123456789abcdef and no commit"), "{said}");

    let owner = workspace.path().join("owners/ttd.yaml");
    let text = fs::read_to_string(&owner).unwrap();
    fs::write(&owner, text + "\n# edited\n").unwrap();
    run(&workspace, &["drift", "--simulate", "--shard", "1/2", "--out", "1.json"]);
    let (code, _, said) = run(&workspace, &["merge", "0.json", "1.json"]);
    assert!(code == 1 && said.contains("are of two states of the YAML: they cannot be merged"), "{said}");
}

/// `apply` counts removals over the whole platform: in parts, each would have the whole allowance.
#[test]
fn only_drift_goes_in_parts() {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    for command in ["apply", "plan"] {
        let (code, _, said) = run(&workspace, &[command, "--simulate", "--shard", "0/2"]);
        assert_eq!(code, 64, "{said}");
        assert!(said.contains("counted over the whole platform"), "{said}");
    }
    for wrong in ["2/2", "0/0", "x", "1", "0/257", "-1/2"] {
        let shard = format!("--shard={wrong}");
        let (code, _, said) = run(&workspace, &["drift", "--simulate", &shard, "--out", "x.json"]);
        assert!(code == 64 && said.contains("part K of N, where K counts from 0"), "{wrong}: {said}");
    }
}

#[test]
fn the_altinn_example_in_parts_tells_its_story() {
    check_story(&project().join("examples/altinn"), &project().join("tests/shards.txt"));
}
