//! The ledger's branch: what happens when the repository is away, refuses, or is held by another run; and a run that is cancelled.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    hub::{Hub, Platform},
    runner::{Runner, has_tools},
};
use crate::{
    simulator::Simulator,
    workspace::{Workspace, project},
};

/// A repository, and who takes its ledger.
struct Ledger {
    root: tempfile::TempDir,
}

impl Ledger {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let it = Self { root };
        let made = Command::new("git").args(["init", "--quiet", "--bare"]).arg(it.remote()).status().unwrap();
        assert!(made.success());
        it
    }

    fn remote(&self) -> PathBuf {
        self.root.path().join("remote")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// As `tilgang ledger begin` leaves a folder.
    fn begin(&self) {
        fs::create_dir(self.path("new")).unwrap();
        fs::write(self.path("new/2026-10.jsonl"), "opened\n").unwrap();
        assert_eq!(self.run(&["begin", "new"]).0, 0);
    }

    /// What the script prints, and its exit code.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new("bash");
        command.arg(project().join("examples/ci/ledger.sh")).args(arguments).current_dir(self.root.path());
        command.env("LEDGER_URL", format!("file://{}", self.remote().display())).env("HOME", self.root.path());
        command
            .env("LEDGER_WAIT", "1")
            .env("LEDGER_PAUSE", "1")
            .env("GITHUB_RUN_ID", "17")
            .env("GITHUB_RUN_ATTEMPT", "1");
        command.env("GITHUB_SERVER_URL", "https://github.example").env("GITHUB_REPOSITORY", "example/access");
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        (status.code().unwrap_or(-1), text)
    }

    fn write(&self, folder: &str, text: &str) {
        fs::write(self.path(folder).join("2026-11.jsonl"), text).unwrap();
    }

    fn away(&self) {
        fs::rename(self.remote(), self.path("away")).unwrap();
    }

    fn back(&self) {
        fs::rename(self.path("away"), self.remote()).unwrap();
    }
}

#[test]
fn a_ledger_is_begun_once_and_without_one_nothing_is_applied() {
    let ledger = Ledger::new();
    for command in ["take", "read"] {
        let (code, text) = ledger.run(&[command, "a"]);
        assert!(code == 1 && text.contains("begin the ledger once, with `tilgang ledger begin`"), "{command}: {text}");
    }
    fs::create_dir(ledger.path("empty")).unwrap();
    let (code, text) = ledger.run(&["begin", "empty"]);
    assert!(code == 1 && text.contains("`tilgang ledger begin`"), "{text}");
    ledger.begin();
    let (code, text) = ledger.run(&["begin", "new"]);
    assert!(code == 1 && text.contains("there already"), "{text}");
    assert_eq!(ledger.run(&["take", "a"]).0, 0);
}

#[test]
fn two_runs_do_not_hold_the_ledger() {
    let ledger = Ledger::new();
    ledger.begin();
    assert_eq!(ledger.run(&["take", "a"]).0, 0);
    let (code, text) = ledger.run(&["take", "b"]);
    let holder = "https://github.example/example/access/actions/runs/17 (attempt 1)";
    assert!(code == 1 && text.contains(holder), "{text}");
    assert_eq!(ledger.run(&["keep", "b"]).0, 0, "what was not taken is not kept");
    assert_eq!(ledger.run(&["read", "c"]).0, 0, "readers do not wait");
    assert_eq!(ledger.run(&["keep", "a"]).0, 0);
    assert_eq!(ledger.run(&["take", "b"]).0, 0);
    // A kept workspace of a self-hosted agent has an old ledger in it.
    assert_eq!(ledger.run(&["keep", "b"]).0, 0);
    assert_eq!(ledger.run(&["take", "b"]).0, 0);
    // Somebody looked at what the run did, and gives up what it did not keep.
    let (code, text) = ledger.run(&["unlock"]);
    assert!(code == 0 && text.contains(holder), "{text}");
    assert_eq!(ledger.run(&["take", "c"]).0, 0);
    let (code, text) = ledger.run(&["keep", "b"]);
    assert!(code == 1 && text.contains("could not be kept"), "what was unlocked is another's: {text}");
}

#[test]
fn where_the_branch_cannot_be_pushed_to_nothing_is_applied() {
    let ledger = Ledger::new();
    ledger.begin();
    let hook = ledger.remote().join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho 'protected branch' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let (code, text) = ledger.run(&["take", "a"]);
    assert!(code == 1 && text.contains("cannot be pushed to: nothing may be applied"), "{text}");
    fs::remove_file(hook).unwrap();
    ledger.away();
    for command in ["take", "read"] {
        let (code, text) = ledger.run(&[command, "a"]);
        assert!(code == 1 && text.contains("could not be asked for: nothing may be applied"), "{command}: {text}");
    }
}

#[test]
fn what_could_not_be_kept_is_merged_before_anybody_writes_again() {
    let ledger = Ledger::new();
    ledger.begin();
    assert_eq!(ledger.run(&["take", "a"]).0, 0);
    ledger.write("a", "one\n");
    assert_eq!(ledger.run(&["keep", "a"]).0, 0);
    assert_eq!(ledger.run(&["take", "b"]).0, 0);
    ledger.write("b", "one\ntwo\n");
    ledger.away();
    let (code, text) = ledger.run(&["keep", "b"]);
    assert!(code == 1 && text.contains("`ledger.sh merge`"), "{text}");
    ledger.back();
    let (code, text) = ledger.run(&["take", "c"]);
    assert!(code == 1 && text.contains("`ledger.sh merge`"), "{text}");
    // As an artifact holds it: without what git has there.
    fs::create_dir(ledger.path("artifact")).unwrap();
    for file in ["2026-11.jsonl", "TAKEN"] {
        fs::copy(ledger.path("b").join(file), ledger.path("artifact").join(file)).unwrap();
    }
    let forged = |text: &str| {
        ledger.write("artifact", text);
        ledger.run(&["merge", "artifact"])
    };
    let (code, text) = forged("another\ntwo\n");
    assert!(code == 1 && text.contains("does not go on"), "{text}");
    assert_eq!(forged("one\ntwo\n"), (0, "merged; tilgang-ledger is unlocked\n".to_owned()));
    let (code, text) = forged("one\ntwo\nthree\n");
    assert!(code == 1 && text.contains("moved on"), "once: {text}");
    assert_eq!(ledger.run(&["take", "d"]).0, 0);
    assert_eq!(fs::read_to_string(ledger.path("d/2026-11.jsonl")).unwrap(), "one\ntwo\n");
}

/// The program of a step that is cancelled gets the signal: GitHub's runner sends SIGINT to the shell's process alone, 7.5 s later
/// SIGTERM, and 2.5 s later it is over (actions/runner, src/Runner.Sdk/ProcessInvoker.cs).
#[test]
fn a_step_that_is_cancelled_ends_in_time_and_the_ledger_has_what_was_asked() {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    let settings = workspace.path().join("tilgang.yaml");
    let text = fs::read_to_string(&settings).unwrap() + "\nledger: { dir: ledger }\n";
    fs::write(&settings, text).unwrap();
    let azure = Simulator::start(&workspace.path().join("azure.yaml"));
    let flags = azure.flags();
    let begin = [&["ledger", "begin"][..], &flags.each_ref().map(String::as_str)].concat();
    assert_eq!(workspace.tilgang(&begin).status.code(), Some(0));
    let never = json!([{ "method": "PUT", "route": "roleAssignments", "does": "never" }]);
    assert_eq!(azure.send("PUT", "/_simulator/faults", None, Some(&never)).0, 204);
    for workflow in ["tilgang-apply", "tilgang-nightly"] {
        let text = fs::read_to_string(project().join(format!("examples/ci/github/workflows/{workflow}.yml"))).unwrap();
        let writes =
            text.lines().filter(|line| line.trim_start().trim_start_matches("exec ").starts_with("tilgang apply"));
        assert!(
            writes.clone().count() == 1 && writes.clone().all(|line| line.trim_start().starts_with("exec ")),
            "{workflow}"
        );
    }
    let step = workspace.path().join("step.sh");
    let flags = azure.flags().map(|flag| format!("'{flag}'")).join(" ");
    fs::write(&step, format!("exec '{}' apply --yes {flags}\n", env!("CARGO_BIN_EXE_tilgang"))).unwrap();
    let mut shell = Command::new("bash");
    shell.arg("-e").arg(&step).current_dir(workspace.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut shell = shell.spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while !recorded(workspace.path()).contains("\"what\":\"asked\"") {
        assert!(Instant::now() < until, "nothing was asked of Azure");
        std::thread::sleep(Duration::from_millis(50));
    }
    let cancelled = Instant::now();
    let id = shell.id().to_string();
    let signal = |name: &str| Command::new("kill").args([name, &id]).status().unwrap();
    signal("-INT");
    while shell.try_wait().unwrap().is_none() {
        let waited = cancelled.elapsed();
        if waited > Duration::from_millis(7_500) {
            signal("-TERM");
        }
        assert!(waited < Duration::from_secs(10), "the runner would have ended it");
        std::thread::sleep(Duration::from_millis(100));
    }
    let ledger = recorded(workspace.path());
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(recorded(workspace.path()), ledger, "nobody writes any more");
    // What was asked of Azure and not answered is there as that: the next run finds out.
    assert!(!ledger.contains("\"what\":\"answered\""), "{ledger}");
    let verified = workspace.tilgang(&["ledger", "verify", "--simulate"]);
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stderr));
}

fn recorded(dir: &Path) -> String {
    let files = fs::read_dir(dir.join("ledger/simulated")).into_iter().flatten().flatten();
    files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect()
}

/// An old job, while the repository of the ledger cannot be asked: nothing is applied, where an empty ledger would let it.
#[test]
fn an_old_job_is_not_let_in_by_a_ledger_that_is_away() {
    if !has_tools() {
        return;
    }
    let workspace = Workspace::copy_of(&project().join("tests/cases/base"));
    let path = workspace.path().join("tilgang.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text + "ledger: { dir: ledger }\n").unwrap();
    let runner = Runner::of(workspace.path(), Hub::start(Platform::default()));
    let main = runner.git(&runner.work(), &["rev-parse", "main"]);
    runner.begin_ledger();
    assert!(!runner.play("tilgang-nightly", "build", &main, &[]).failed);
    // The branch alone is away: the files can still be fetched.
    runner.git(&runner.remote(), &["update-ref", "refs/heads/elsewhere", "refs/heads/tilgang-ledger"]);
    runner.git(&runner.remote(), &["update-ref", "-d", "refs/heads/tilgang-ledger"]);
    let played = runner.play("tilgang-nightly", "expired", &main, &[]);
    assert!(played.failed && played.log().contains("begin the ledger once"), "{}", played.log());
    assert!(!played.steps.iter().any(|(name, ..)| name == "Remove what has ended"), "{}", played.log());
    assert_eq!(runner.azure.stats()["writes"], 0);
}
