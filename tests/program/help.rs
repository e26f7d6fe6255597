//! `--help` and the manual: all that they say is stored, each command has an example, and the examples are run.

use std::{collections::BTreeSet, fs, process::Command};

use crate::workspace::{Workspace, copy, program, project};

/// What a command and those below it say, the command itself first.
fn helps(path: &[String], all: &mut Vec<(String, String)>) {
    let out = program().args(path).arg("--help").env("COLUMNS", "100").output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{path:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    let below = text.split("\nCommands:\n").nth(1).map(|rest| rest.split("\n\n").next().unwrap().to_owned());
    all.push((["tilgang"].into_iter().chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join(" "), text));
    for line in below.iter().flat_map(|below| below.lines()) {
        let word =
            line.strip_prefix("  ").filter(|line| !line.starts_with(' ')).and_then(|line| line.split(' ').next());
        if let Some(word) = word.filter(|word| *word != "help") {
            helps(&[path, &[word.to_owned()]].concat(), all);
        }
    }
}

fn all() -> Vec<(String, String)> {
    let mut all = Vec::new();
    helps(&[], &mut all);
    assert!(all.len() > 18, "{}", all.len());
    all
}

/// The command lines that a text gives as examples. What does not fit on a line goes on at the same indentation.
fn examples(text: &str) -> Vec<String> {
    let text = text.split_once("\nExample").map(|(_, rest)| rest).unwrap_or_default();
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for line in text.lines().map(|line| line.strip_prefix(": ").unwrap_or(line)) {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        if line.starts_with("tilgang ") {
            found.push((indent, line.to_owned()));
        } else if let Some((_, last)) = found.last_mut().filter(|(at, _)| goes_on && *at == indent && !line.is_empty())
        {
            *last += " ";
            *last += line;
            continue;
        }
        goes_on = line.starts_with("tilgang ");
    }
    found.into_iter().map(|(_, line)| line).collect()
}

/// Wording changes are seen: `BLESS=1` writes what is said now. What each command repeats is stored once.
#[test]
fn what_help_says_is_stored() {
    let mut told = String::new();
    for (name, text) in all() {
        let (own, global) = text.split_once("\nGlobal options:\n").unwrap();
        let end = global.split_once("\n\nE").map(|(_, rest)| format!("\nE{rest}")).unwrap_or_default();
        let text = if name == "tilgang" { text.clone() } else { format!("{own}{end}") };
        told.extend(["$ ", &name, " --help\n", &text, "\n"]);
    }
    let file = project().join("tests/help.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &told).unwrap();
    }
    assert!(fs::read_to_string(&file).unwrap_or_default() == told, "BLESS=1 shows the difference by git\n{told}");
}

#[test]
fn every_command_has_an_example_of_itself() {
    for (name, text) in all() {
        let examples = examples(&text);
        let is_own = |line: &String| line.starts_with(&name) || name == "tilgang";
        assert!(examples.iter().any(is_own), "`{name} --help` has no `Example:` of its own\n{text}");
        assert!(text.trim_end().lines().all(|line| line.chars().count() <= 110), "{name}");
    }
}

/// What can be run here is run, as it stands: it ends, and neither with an error nor with wrong usage. What listens for ever,
/// needs what only the reader has, or writes outside of this folder is left out.
#[test]
fn the_examples_can_be_run() {
    let workspace = Workspace::empty();
    copy(&project().join("examples"), &workspace.path().join("examples"));
    let settings = workspace.path().join("examples/altinn/tilgang.yaml");
    let text = fs::read_to_string(&settings).unwrap();
    let text = text.replace("\npolicy:\n", "\npolicy:\n  reviewers: [\"@example/platform\"]\n");
    fs::write(settings, text + "\nledger: { dir: ../ledger }\n").unwrap();
    fs::create_dir(workspace.path().join("examples/altinn/.github")).unwrap();
    let begin = "tilgang ledger begin --dir examples/altinn --simulate";
    let (printed, code) = workspace.shell(&format!("{begin} && tilgang apply --dir examples/altinn --simulate --yes"));
    assert_eq!(code, 0, "{printed}");
    let mut run = BTreeSet::new();
    for (name, text) in all() {
        for example in examples(&text) {
            let left_out = [
                "simulate --world",
                "…",
                "> /etc/",
                "/tmp/",
                "serve",
                "notify test",
                "merge 0.json",
                "--as-of",
                "--since",
                "ledger begin", // it was begun above, and that is done once
            ];
            let real = example.starts_with("tilgang ledger") && !example.contains("--simulate"); // nothing was done there
            if real || left_out.iter().any(|word| example.contains(word)) {
                continue;
            }
            // The others are told as if the reader stood in the workspace; and their last day shall not come.
            let line = example.replace("2027-01-31", "2099-01-31");
            // A question is asked of the simulated Azure here; its reader has one.
            let is_question = ["tilgang why", "tilgang who", "tilgang review"].iter().any(|it| line.starts_with(it));
            let line = if is_question { line.replacen("tilgang", "tilgang --simulate=", 1) } else { line };
            let line = if line.contains("--dir") { line } else { format!("cd examples/altinn && {line}") };
            let (printed, code) = workspace.shell(&line);
            assert!([0, 2, 3].contains(&code), "{example}\n{printed}(exit {code})");
            run.insert(name.clone());
        }
    }
    println!("{run:?}");
    assert!(run.len() > 14, "{run:?}");
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let workspace = Workspace::empty();
    let out = workspace.tilgang(&["man", "man1"]);
    assert!(out.status.success(), "{out:?}");
    let all = all();
    assert_eq!(String::from_utf8(out.stdout).unwrap().lines().count(), all.len());
    for (name, help) in &all {
        let page = workspace.path().join("man1").join(format!("{}.1", name.replace(' ', "-")));
        let text = fs::read_to_string(&page).unwrap();
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXAMPLES AND NOTES\"", "\"EXIT STATUS\"", "\"SEE ALSO\""]
        {
            assert!(text.contains(&format!("\n.SH {section}\n")), "{name}: no {section}");
        }
        for example in examples(help).iter().filter(|line| line.is_ascii()) {
            let first = example.split(" -").next().unwrap().replace('-', "\\-").replace('\'', "\\*(Aq");
            assert!(text.contains(&first), "{name}: {first}");
        }
        // groff says on stderr what it does not understand; `man -l` is what a reader would call.
        let groff = Command::new("groff").args(["-k", "-man", "-Tutf8", "-ww", "-z"]).arg(&page).output();
        if let Ok(lint) = groff {
            let said = String::from_utf8_lossy(&lint.stderr).into_owned();
            assert!(lint.status.success() && said.is_empty(), "{name}: {said}");
        }
        if let Ok(lint) = Command::new("mandoc").args(["-T", "lint", "-W", "error"]).arg(&page).output() {
            assert!(lint.status.success(), "{name}: {}", String::from_utf8_lossy(&lint.stdout));
        }
    }
}
