//! The README cannot lie: its `console` blocks are run, its YAML is that of the example, its tables name what there is.

use crate::workspace::{Workspace, program, project};

fn readme() -> String {
    std::fs::read_to_string(project().join("README.md")).unwrap()
}

fn blocks(kind: &str) -> Vec<String> {
    let text = readme();
    let fence = format!("```{kind}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A line `…` in a block stands for any lines; a block's command without output is only run.
#[test]
fn console_blocks_print_what_they_show() {
    let workspace = Workspace::empty();
    let examples = workspace.path().join("examples");
    crate::workspace::copy(&project().join("examples"), &examples);
    let mut run = 0;
    for block in blocks("console") {
        for step in block.split("$ ").filter(|step| !step.trim().is_empty()) {
            let (command, shown) = step.split_once('\n').unwrap();
            if command == "cargo test" {
                continue; // that is us
            }
            let arguments =
                command.strip_prefix("cargo run -q -- ").unwrap_or_else(|| panic!("cannot run `{command}`"));
            let out = workspace.tilgang(&arguments.split(' ').collect::<Vec<_>>());
            let printed = String::from_utf8(out.stdout).unwrap();
            let mut rest = printed.as_str();
            for (n, part) in shown.trim_end().split("…\n").enumerate() {
                let at =
                    rest.find(part).unwrap_or_else(|| panic!("`{command}` does not print\n{part}\nbut\n{printed}"));
                assert!(n > 0 || at == 0, "`{command}` begins otherwise:\n{printed}");
                rest = &rest[at + part.len()..];
            }
            assert!(shown.is_empty() || rest.trim().is_empty(), "`{command}` goes on:\n{rest}");
            run += 1;
        }
    }
    assert!(run >= 3);
}

#[test]
fn the_small_workspace_is_the_minimal_example() {
    for block in blocks("yaml")
        .into_iter()
        .filter(|block| block.starts_with("# tilgang.yaml\n") || block.starts_with("# owners/"))
    {
        let (path, text) = block.split_once('\n').unwrap();
        let file = project().join("examples/minimal").join(path.trim_start_matches("# "));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "{path}");
    }
}

/// The limits that are shown as defaults are the defaults: with them written down, a plan is the same.
#[test]
fn the_policy_shown_is_valid() {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    let policy = blocks("yaml").into_iter().find(|block| block.starts_with("policy:")).unwrap();
    let file = workspace.path().join("tilgang.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let before = workspace.tilgang(&["plan", "--simulate"]).stdout;
    std::fs::write(&file, text.split("policy:").next().unwrap().to_owned() + &policy).unwrap();
    let after = workspace.tilgang(&["plan", "--simulate"]);
    assert!(before == after.stdout, "{}", String::from_utf8_lossy(&after.stderr));
}

#[test]
fn every_command_and_exit_code_is_told() {
    let help = String::from_utf8(program().arg("--help").output().unwrap().stdout).unwrap();
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let text = readme();
    for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let command = line.split_whitespace().next().unwrap();
        assert!(command == "help" || text.contains(&format!("| `{command}` |")), "README does not tell of `{command}`");
    }
    for line in help.split("Exit codes:").nth(1).unwrap().lines().filter(|line| line.starts_with("  ")) {
        let code = line.split_whitespace().next().unwrap();
        assert!(text.contains(&format!("\n| {code} |")), "README does not tell of exit code {code}");
    }
}

/// What the README says of notices is read without a mistake, and all of it counts.
#[test]
fn the_channels_shown_are_valid() {
    let block = blocks("yaml").into_iter().find(|block| block.starts_with("notify:")).unwrap();
    let settings =
        "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n".to_owned() + &block;
    let loaded =
        tilgang::config::load_texts(&[("tilgang.yaml", &settings), ("owners/ttd.yaml", "owner: ttd\nusers: []\n")]);
    assert!(loaded.errors.is_empty(), "{:#?}", loaded.errors);
    let notify = loaded.notify;
    assert!(notify.channels.len() == 5 && notify.quiet.is_some() && notify.digest.is_some() && notify.zone.is_some());
}
