//! Runs that are cut: killed, asked to end, or out of disk. The ledger tells the truth, and the next run goes on.

use std::{
    io::Read as _,
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tilgang::{execute::WRITES_SIDE_BY_SIDE_MAX, simulator::generate::Options};

use crate::{
    simulator::Simulator,
    workspace::{Workspace, program},
};

/// No run here takes longer; a slow machine has room.
const PATIENCE: Duration = Duration::from_secs(90);

struct Story {
    workspace: Workspace,
    simulator: Simulator,
}

impl Story {
    fn to_grant(grants: usize, people: usize, latency: &str) -> Self {
        let workspace = Workspace::generated(&Options { grants: Some(grants), ..Options::new(20, people, 7) });
        let settings = workspace.path().join("tilgang.yaml");
        let text = std::fs::read_to_string(&settings).unwrap() + "\nledger: { dir: ledger }\n";
        std::fs::write(&settings, text).unwrap();
        let simulator = Simulator::start_with(&workspace.path().join("azure.yaml"), &["--latency-ms", latency]);
        let story = Self { workspace, simulator };
        assert_eq!(story.run(&["ledger", "begin"]).0, 0);
        story.simulator.reset();
        story
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let flags = self.simulator.flags();
        let all: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
        let out = self.workspace.tilgang(&all);
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        (out.status.code().unwrap(), text)
    }

    fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = program();
        command.args(arguments).args(self.simulator.flags()).current_dir(self.workspace.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Until so many requests of a kind were counted.
    fn wait_for(&self, what: &str, many: u64) {
        let began = Instant::now();
        while self.simulator.stats()[what].as_u64().unwrap() < many {
            assert!(began.elapsed() < PATIENCE, "no {many} {what}");
        }
    }

    /// How many assignments of people stand; none of them twice.
    fn grants(&self) -> usize {
        let world = self.simulator.send("GET", "/_simulator/world", None, None).1;
        let people: std::collections::BTreeSet<_> =
            world["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
        let all = world["assignments"].as_array().unwrap().iter();
        let of_people: Vec<_> = all.filter(|it| people.contains(it["principal"].as_str().unwrap())).collect();
        let triple = |it: &Value| format!("{}{}{}", it["principal"], it["role"], it["scope"]).to_lowercase();
        let once: std::collections::BTreeSet<_> = of_people.iter().map(|it| triple(it)).collect();
        assert_eq!(once.len(), of_people.len(), "something stands twice");
        of_people.len()
    }

    fn lines(&self) -> Vec<Value> {
        let (code, text) = self.run(&["ledger", "show", "--format", "json"]);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["lines"].as_array().unwrap().clone()
    }

    /// It is whole; how many lines say this.
    fn count(&self, what: &str) -> usize {
        let (code, text) = self.run(&["ledger", "verify"]);
        assert!(code == 0 && text.starts_with("whole: "), "{text}");
        self.lines().iter().filter(|line| line["what"] == what).count()
    }

    /// The same command again ends where an uncut run ends.
    fn ends_converged(&self, grants: usize) {
        let (code, text) = self.run(&["apply", "--yes"]);
        assert_eq!((code, self.grants()), (0, grants), "{text}");
        let (code, text) = self.run(&["drift"]);
        assert_eq!(code, 0, "{text}");
        assert_eq!(self.lines().last().unwrap()["what"], "seen");
    }
}

fn printed(child: &mut Child) -> String {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn killed_in_the_middle_of_five_hundred() {
    let story = Story::to_grant(500, 200, "4");
    let mut child = story.begin(&["apply", "--yes"]);
    story.wait_for("writes", 150);
    child.kill().unwrap(); // SIGKILL
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let stood = story.grants();
    assert!((100..500).contains(&stood), "{stood}");

    let (asked, answered) = (story.count("asked"), story.count("answered"));
    println!("killed: {stood} stood, {asked} asked, {answered} answered");
    assert!(asked >= stood, "{asked} asked, {stood} stand: nothing is done that was not written down before");
    assert!((answered..=answered + WRITES_SIDE_BY_SIDE_MAX).contains(&asked), "{asked} asked, {answered} answered");
    assert_eq!((story.count("begun"), story.count("ended")), (1, 0));
    let (_, text) = story.run(&["ledger", "show"]);
    assert!(text.contains("its end is not recorded"), "{text}");
    let unwrapped = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(unwrapped.matches("the answer is not known").count(), asked - answered, "{text}");

    story.ends_converged(500);
    assert_eq!((story.count("begun"), story.count("ended")), (2, 1));
}

#[test]
fn asked_to_end_it_ends_in_good_order() {
    let story = Story::to_grant(300, 100, "20");
    let mut child = story.begin(&["apply", "--yes"]);
    story.wait_for("writes", 30);
    signal(&child, "-TERM");
    let text = printed(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(4), "{text}");
    assert!(text.contains("! not tried") && text.contains("the run was ended before"), "{text}");
    assert!(text.contains("nothing new is begun"), "{text}");
    let stood = story.grants();
    assert!((30..300).contains(&stood) && text.contains(&format!("{} not tried", 300 - stood)), "{stood} {text}");
    assert_eq!((story.count("asked"), story.count("answered")), (stood, stood));
    let lines = story.lines();
    let end = lines.last().unwrap();
    assert_eq!((&end["what"], &end["interrupted"], &end["exit"]), (&"ended".into(), &true.into(), &4.into()));
    story.ends_converged(300);
}

/// A second signal does not wait: what was asked is in the ledger, its answer is not.
#[test]
fn asked_twice_it_ends_at_once() {
    let story = Story::to_grant(200, 100, "1500");
    let mut child = story.begin(&["apply", "--yes"]);
    story.wait_for("writes", 1);
    signal(&child, "-INT");
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("ending:") {
        let mut byte = [0];
        child.stderr.as_mut().unwrap().read_exact(&mut byte).unwrap(); // until it was heard
        said.extend(byte);
    }
    signal(&child, "-INT");
    let text = printed(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(4), "{text}");
    assert!(text.contains("ended at once"), "{text}");
    assert_eq!((story.count("asked") > 0, story.count("ended")), (true, 0));
}

#[test]
fn while_it_only_reads_a_signal_ends_it() {
    let story = Story::to_grant(10, 10, "400");
    let mut child = story.begin(&["apply", "--yes"]);
    story.wait_for("requests", 1);
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert_eq!((story.grants(), story.count("begun"), story.count("seen")), (0, 0, 0));
}

/// Room for some lines, and then no more.
#[test]
fn what_cannot_be_written_down_is_not_done() {
    let story = Story::to_grant(200, 100, "1");
    let flags = story.simulator.flags().join(" ");
    let (text, code) = story.workspace.shell(&format!("trap '' XFSZ; ulimit -f 128; exec tilgang apply --yes {flags}"));
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("the ledger could not be written") && text.contains("not tried"), "{text}");
    let stood = story.grants();
    let (asked, answered) = (story.count("asked"), story.count("answered"));
    println!("out of disk: {stood} stood, {asked} asked, {answered} answered");
    assert!(stood > 0 && stood < 200 && asked >= stood, "{asked} asked, {stood} stand");
    story.ends_converged(200);
}

#[test]
fn without_a_place_to_write_nothing_is_changed_and_drift_says_so() {
    let story = Story::to_grant(10, 10, "0");
    std::fs::remove_dir_all(story.workspace.path().join("ledger")).unwrap();
    let (code, text) = story.run(&["apply", "--yes"]);
    assert_eq!((code, story.grants()), (1, 0), "it may be one that was not fetched: {text}");
    assert!(text.contains("`tilgang ledger begin`") && text.contains("nothing was changed"), "{text}");
    std::fs::remove_dir_all(story.workspace.path().join("ledger")).ok();
    std::fs::write(story.workspace.path().join("ledger"), "not a folder").unwrap();
    let (code, text) = story.run(&["apply", "--yes"]);
    assert_eq!((code, story.grants()), (1, 0), "{text}");
    assert!(text.contains("the ledger could not be written") && text.contains("nothing was changed"), "{text}");
    let (code, text) = story.run(&["drift"]);
    assert!(code == 2 && text.contains("what was seen is not recorded"), "{code} {text}");
    let (code, text) = story.run(&["plan"]);
    assert!(code == 0 && text.contains("whether a newer commit was applied before is not known"), "{code} {text}");
}

#[test]
fn without_a_ledger_apply_says_so_once() {
    let story = Story::to_grant(10, 10, "0");
    let settings = story.workspace.path().join("tilgang.yaml");
    let text = std::fs::read_to_string(&settings).unwrap().replace("\nledger: { dir: ledger }\n", "");
    std::fs::write(&settings, text).unwrap();
    let (code, text) = story.run(&["apply", "--yes"]);
    assert!(code == 0 && text.matches("recorded nowhere").count() == 1, "{code} {text}");
    let (code, text) = story.run(&["ledger", "show"]);
    assert!(code == 1 && text.contains("add `ledger: { dir: ../ledger }`"), "{code} {text}");
}
