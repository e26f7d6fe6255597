//! What is merged is planned, approved and applied; the ledger stays on its branch; the night removes what has ended and says drift. And
//! no step is left that nobody played.

use std::fs;

use super::{
    hub::{Hub, Platform},
    runner::{Runner, has_tools},
    shape::{WORKFLOWS, runs},
};
use crate::workspace::{Workspace, project};

/// The case with a ledger.
fn with_ledger() -> Workspace {
    let workspace = Workspace::copy_of(&project().join("tests/cases/base"));
    let path = workspace.path().join("tilgang.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text + "ledger: { dir: ledger }\n").unwrap();
    fs::write(
        workspace.path().join("owners/skd.yaml"),
        "owner: skd\nname: Skatteetaten\nusers:\n  - user: nora.eksempel@ai-dev.no\n    roles: [test-developer]\n  - user: ola.dikt@ai-dev.no\n    roles: [{ role: test-developer, until: 2026-11-19 }]\n",
    )
    .unwrap();
    workspace
}

#[test]
fn what_is_merged_is_applied_as_planned_and_written_down() {
    if !has_tools() {
        return;
    }
    let workspace = with_ledger();
    let runner = Runner::of(workspace.path(), Hub::start(Platform::default()));
    let main = runner.git(&runner.work(), &["rev-parse", "main"]);
    runner.begin_ledger();
    assert!(!runner.play("tilgang-apply", "build", &main, &[]).failed);
    runner.whole("tilgang-apply", "build");
    let planned = runner.play("tilgang-apply", "plan", &main, &[]);
    assert!(!planned.failed, "{}", planned.log());
    assert_eq!(planned.outputs["changes"], "2");
    assert!(planned.summary.contains("Nora Eksempel"), "{}", planned.summary);
    assert_eq!(runner.azure.stats()["writes"], 0);

    let known = [("needs.plan.outputs.changes", "2")];
    let applied = runner.play("tilgang-apply", "apply", &main, &known);
    assert!(!applied.failed, "{}", applied.log());
    assert_eq!(runner.azure.stats()["writes"], 2);

    runner.whole("tilgang-apply", "plan");
    runner.whole("tilgang-apply", "apply");

    // The ledger is on its branch, whole, and the next run goes on from it.
    let ledger = runner.path().join("ledger");
    let remote = runner.remote().display().to_string();
    runner.git(runner.path(), &["clone", "--quiet", "--branch", "tilgang-ledger", &remote, ledger.to_str().unwrap()]);
    assert!(fs::read_dir(&ledger).unwrap().count() > 1);
    let commits = || runner.git(&runner.remote(), &["rev-list", "--count", "tilgang-ledger"]).parse::<u32>().unwrap();
    assert_eq!(commits(), 3, "begun, locked, kept");

    // The same plan again: what it rests on moved, nothing is done, and that is written down or not, but kept.
    let again = runner.play("tilgang-apply", "apply", &main, &known);
    assert!(again.failed, "{}", again.log());
    assert_eq!(runner.azure.stats()["writes"], 2);
    let planned = runner.play("tilgang-apply", "plan", &main, &[]);
    assert_eq!(planned.outputs["changes"], "0", "{}", planned.log());

    let built = [("needs.build.result", "success")];
    assert!(!runner.play("tilgang-nightly", "build", &main, &[]).failed);
    runner.whole("tilgang-nightly", "build");
    let expired = runner.play("tilgang-nightly", "expired", &main, &[]);
    assert!(!expired.failed, "{}", expired.log());
    let drift = runner.play("tilgang-nightly", "drift", &main, &built);
    assert!(drift.failed, "somebody holds what git does not list: {}", drift.log());
    assert!(drift.summary.contains("Lookalike"), "{}", drift.summary);
    assert!(commits() > 3);
    runner.whole("tilgang-nightly", "expired");
    runner.whole("tilgang-nightly", "drift");
}

#[test]
fn the_night_removes_what_has_ended_and_nothing_else() {
    if !has_tools() {
        return;
    }
    let workspace = with_ledger();
    let runner = Runner::of(workspace.path(), Hub::start(Platform::default()));
    let main = runner.git(&runner.work(), &["rev-parse", "main"]);
    runner.begin_ledger();
    assert!(!runner.play("tilgang-nightly", "build", &main, &[]).failed);
    let expired = runner.play("tilgang-nightly", "expired", &main, &[]);
    assert!(!expired.failed, "{}", expired.log());
    assert!(expired.summary.contains("Ola Dikt") && !expired.summary.contains("Nora"), "{}", expired.summary);
    assert_eq!(runner.azure.stats()["writes"], 1);
}

/// Between them, the stories play every `run:` block that stands in a workflow.
#[test]
fn every_step_is_played() {
    let told = [include_str!("fork.rs"), include_str!("merged.rs")].concat();
    let mut steps = 0;
    for workflow in WORKFLOWS {
        for (workflow, job, _) in runs(workflow) {
            steps += 1;
            assert!(
                told.contains(&format!("whole(\"{workflow}\", \"{job}\")")),
                "nobody plays all of {job} of {workflow}"
            );
        }
    }
    assert!(steps >= 15, "{steps}");
}
