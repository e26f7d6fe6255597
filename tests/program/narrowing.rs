//! What has expired goes, whatever else is pending: by the nightly job and by the daemon alike, or it is named.

use std::fs;

use serde_json::Value;

use crate::workspace::{Workspace, project};

/// Kari's last day in production has passed, and her role in test is still to be granted.
fn workspace() -> Workspace {
    let workspace = Workspace::copy_of(&project().join("tests/cases/expired-and-pending"));
    let git = "git -c user.name=Kari -c user.email=kari.fiktiv@ai-dev.no";
    let began =
        workspace.shell(&format!("git init -q -b main && {git} add tilgang.yaml owners && {git} commit -q -m first"));
    assert_eq!(began, (String::new(), 0));
    workspace
}

/// What differs in the simulated Azure: class and role, as `drift` has it.
fn differences(workspace: &Workspace) -> Vec<(String, String)> {
    let (text, _) = workspace.shell("tilgang drift --simulate --format json 2>/dev/null");
    let report: Value = serde_json::from_str(&text).unwrap();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    report["drift"].as_array().unwrap().iter().map(|it| (text(it, "class"), text(it, "role"))).collect()
}

fn missing() -> (String, String) {
    ("missing".to_owned(), "test-developer".to_owned())
}

#[test]
fn expired_access_goes_by_either_way_and_what_is_pending_is_left() {
    for line in [
        "tilgang apply --simulate --yes --only expired",
        "tilgang apply --simulate --yes --only expired --owner ttd",
        "tilgang serve --once --simulate --branch main --state state --heal expired",
        "tilgang serve --once --simulate --branch main --state state --heal expired --owner ttd",
    ] {
        let workspace = workspace();
        assert_eq!(differences(&workspace).len(), 2);
        let (told, exit) = workspace.shell(line);
        // The daemon says that Azure is not as git says: a role is missing.
        assert_eq!(exit, if line.contains("serve") { 2 } else { 0 }, "{line}: {told}");
        assert_eq!(differences(&workspace), [missing()], "{line}: {told}");
    }
}

#[test]
fn an_expired_grant_that_is_left_is_no_success() {
    for line in [
        "tilgang apply --simulate --yes --only expired",
        "tilgang serve --once --simulate --branch main --state state --heal expired",
    ] {
        let workspace = workspace();
        let file = workspace.path().join("owners/ttd.yaml");
        let text = fs::read_to_string(&file).unwrap().replace("until: 2026-11-19", "until: 2026-03-31");
        fs::write(&file, text).unwrap();
        workspace.shell("git -c user.name=Kari -c user.email=kari.fiktiv@ai-dev.no commit -q -a -m 'Long ago'");
        let (told, exit) = workspace.shell(line);
        assert_eq!(exit, 4, "{line}: {told}");
        assert_eq!(differences(&workspace).len(), 2, "{line}: {told}");
    }
}

#[test]
fn a_daemon_that_heals_grants_and_what_has_expired_leaves_nothing() {
    let workspace = workspace();
    let (told, exit) =
        workspace.shell("tilgang serve --once --simulate --branch main --state state --heal grants,expired");
    assert_eq!((exit, differences(&workspace).len()), (0, 0), "{told}");
}

#[test]
fn a_daemon_that_heals_grants_leaves_what_has_expired_and_says_so() {
    let workspace = workspace();
    let (told, exit) = workspace.shell("tilgang serve --once --simulate --branch main --state state --heal grants");
    assert_eq!(exit, 2, "{told}");
    assert_eq!(differences(&workspace), [("expired".to_owned(), "prod-operations".to_owned())]);
    let state = fs::read_to_string(workspace.path().join("state/serve.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["state"]["runs"][0]["healing_deferred"], 1, "{state:#}");
}
