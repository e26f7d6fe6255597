//! Text from YAML, Azure, git and file names is data in every output (promise 10): whatever it holds, it moves no cursor,
//! turns no line round, opens no link and forges no line.

use std::{fs, process::Output};

use serde_json::{Value, json};

use crate::{
    simulator::Simulator,
    workspace::{Workspace, program},
};

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

/// Clears the screen, links elsewhere, colours, turns round, hides, ends the line in each way and forges one.
const EVIL: &str = "E\u{1b}[2J\u{1b}]8;;https://evil.example\u{7}\u{9b}31m\u{1b}[8m\u{202e}\u{2066}\r\nerror: forged\nok       forged\u{2028}\u{85}\u{200b}\u{e0041}<script>=cmd|'/c x'!A1";

/// What acts instead of being seen, line feeds left out.
fn acts(c: char) -> bool {
    c != '\n'
        && (c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'))
}

#[track_caller]
fn only_shows(what: &str, out: &Output) {
    for (name, bytes) in [("stdout", &out.stdout), ("stderr", &out.stderr)] {
        let text = std::str::from_utf8(bytes).unwrap();
        let text = if what.contains("csv") { &text.replace("\r\n", "\n") } else { text }; // RFC 4180 ends lines so
        if let Some(c) = text.chars().find(|c| acts(*c)) {
            let line = text.lines().find(|line| line.contains(c)).unwrap_or_default();
            panic!("{what}: {name} holds {c:?}: {line:?}");
        }
        for line in text.lines() {
            assert!(
                !line.starts_with("error: forged") && !line.starts_with("ok       forged"),
                "{what}: {name}: {line}"
            );
        }
    }
}

/// A workspace of two owners, and an Azure whose every name is hostile.
fn world(evil: &str) -> (Workspace, Value) {
    let workspace = Workspace::empty();
    let write = |path: &str, text: String| {
        let path = workspace.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "tilgang.yaml",
        format!(
            "version: 1\ntenant: {TENANT}\ninstance: altinn-apps\nowners: {{ ttd: {{ environments: [test] }}, skd: {{ environments: [test] }} }}\n"
        ),
    );
    // JSON is YAML, and its escapes let anything through a file that only shows.
    let quoted = Value::from(evil).to_string();
    write(
        "owners/ttd.yaml",
        format!(
            "owner: ttd\nname: {quoted}\nusers:\n  - user: kari.fiktiv@ai-dev.no\n    roles: [{{ role: test-developer, reason: {quoted} }}, test-operations]\n"
        ),
    );
    write(
        "owners/skd.yaml",
        "owner: skd\nusers:\n  - user: ola.dikt@ai-dev.no\n    roles: [test-developer]\n".to_owned(),
    );
    let azure = json!({
        "tenant": TENANT,
        "clock": "2026-11-20T09:00:00Z",
        "applications": [{ "name": "tilgang", "secret": "secret" }],
        "users": [
            { "user": "kari.fiktiv@ai-dev.no", "name": evil, "mail": evil },
            { "user": format!("ola.dikt@ai-dev.no{evil}"), "name": evil },
            { "user": "mona.skisse@ai-dev.no", "name": evil, "deleted": "2026-11-19T09:00:00Z" },
        ],
        "groups": [{ "name": evil, "members": ["kari.fiktiv@ai-dev.no"] }],
        "subscriptions": [
            { "name": "Altinn-TTD-Test", "id": "00000000-0000-0000-0000-000000000001", "tags": { "finops_serviceownercode": "ttd" },
              "resources": ["workspace ttd-law", "component ttd-tt02-ai", "vault ttd-tt02-keyvault"],
              "locks": [{ "name": evil, "level": "CanNotDelete", "scope": "ttd-tt02-ai" }] },
            { "name": "Altinn-SKD-Test", "id": "00000000-0000-0000-0000-000000000002", "tags": { "finops_serviceownercode": evil },
              "resources": ["component skd-tt02-ai", "vault skd-tt02-keyvault"] },
            { "name": evil, "id": "00000000-0000-0000-0000-000000000003", "state": evil,
              "tags": { evil: evil }, "resources": ["component skd-tt02-ai", "vault skd-tt02-keyvault"] },
        ],
        "role_definitions": [{ "name": evil, "actions": ["*"], "data_actions": ["Microsoft.KeyVault/vaults/secrets/*"] }],
        "assignments": [
            { "principal": "tilgang", "role": evil, "scope": "/", "condition": evil },
            { "principal": "tilgang", "role": "Owner", "scope": "/" },
            { "principal": evil, "role": "Monitoring Reader", "scope": "ttd-tt02-ai", "description": evil },
            { "principal": "mona.skisse@ai-dev.no", "role": "Monitoring Reader", "scope": "ttd-tt02-ai",
              "description": format!("tilgang/altinn-apps ttd test-developer {evil}") },
        ],
    });
    fs::write(workspace.path().join("azure.yaml"), azure.to_string()).unwrap();
    (workspace, azure)
}

const COMMANDS: &[&[&str]] = &[
    &["validate"],
    &["plan", "--simulate"],
    &["plan", "--simulate", "--format", "json"],
    &["drift", "--simulate"],
    &["drift", "--simulate", "--format", "json"],
    &["doctor", "--simulate"],
    &["doctor", "--simulate", "--format", "json"],
    &["identity", "--simulate"],
    &["identity", "--simulate", "--format", "json"],
    &["adopt", "--simulate", "--check"],
    &["adopt", "--simulate", "--yes", "--mark"],
    &["validate"],
    &["why", "kari.fiktiv@ai-dev.no", "--simulate"],
    &["why", "kari.fiktiv@ai-dev.no", "--simulate", "--format", "json"],
    &["why", "nobody at all", "--simulate"],
    &["who", "--can", "read-secrets", "--simulate"],
    &["who", "--can", "read-logs", "--simulate", "--format", "json"],
    &["review", "--owner", "ttd", "--simulate"],
    &["review", "--owner", "ttd", "--simulate", "--format", "csv"],
    &["review", "--owner", "ttd", "--simulate", "--format", "markdown"],
    &["review", "--owner", "ttd", "--simulate", "--format", "html"],
    &["review", "--owner", "ttd", "--simulate", "--format", "json"],
    &["plan", "--simulate", "-vvv"],
    &["plan", "--simulate", "-vvv", "--log-format", "json"],
    &["apply", "--simulate", "--yes", "-v"],
    &["apply", "--simulate", "--yes", "--format", "json"],
];

#[test]
fn names_from_azure_and_yaml_only_show() {
    let (workspace, _) = world(EVIL);
    for arguments in COMMANDS {
        let out = workspace.tilgang(arguments);
        only_shows(&format!("{arguments:?}"), &out);
        assert_ne!(out.status.code(), Some(64), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    let out = workspace.tilgang(&["drift", "--simulate"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("\\u{1b}") || text.contains("\\u{202e}"), "the hostile names do stand there: {text}");
}

/// Long names cost space, and nothing else.
#[test]
fn very_long_names_and_names_from_right_to_left_stay_in_their_lines() {
    let long = "ש".repeat(3_000) + &"a".repeat(60_000);
    let (workspace, _) = world(&long);
    for arguments in COMMANDS {
        let out = workspace.tilgang(arguments);
        only_shows(&format!("{arguments:?}"), &out);
        assert_ne!(out.status.code(), Some(64));
    }
}

/// Whoever opens a pull request chooses what a file is called, and what stands in it.
#[cfg(unix)]
#[test]
fn drawn_mistakes_only_show() {
    let (workspace, _) = world("x");
    let quoted = Value::from(EVIL).to_string();
    let owners = workspace.path().join("owners");
    fs::write(owners.join("a\u{1b}[2J\u{202e}\nerror: forged.yaml"), "owner: x\nusers: [").unwrap();
    fs::write(
        owners.join("brg.yaml"),
        format!("owner: brg\nusers: [{{ user: {quoted}, roles: [{quoted}] }}]\n{quoted}: 1\n"),
    )
    .unwrap();
    fs::write(owners.join("ksdigi.yaml"), format!("owner: ksdigi\nusers: [] # {EVIL}\n")).unwrap();
    for arguments in [&["validate"][..], &["plan", "--simulate"], &["plan", "--simulate", "-vvv"]] {
        let out = workspace.tilgang(arguments);
        assert_eq!(out.status.code(), Some(1));
        only_shows(&format!("{arguments:?}"), &out);
    }
    // With colours, too: only ours act.
    let out = program()
        .args(["validate", "--color", "always"])
        .env_remove("NO_COLOR")
        .current_dir(workspace.path())
        .output()
        .unwrap();
    let text = String::from_utf8(out.stderr).unwrap();
    let ours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let rest = ours.replace_all(&text, "");
    assert!(!rest.chars().any(acts), "{rest:?}");
    assert!(!ours.find_iter(&text).any(|code| code.as_str() == "\u{1b}[8m"), "nothing is concealed: {text:?}");
    // A world file that is wrong at a hostile place.
    fs::write(workspace.path().join("azure.yaml"), format!("tenant: {TENANT}\n{quoted}: {quoted}\n")).unwrap();
    only_shows("embedded", &workspace.tilgang(&["plan", "--simulate"]));
    only_shows("world", &workspace.tilgang(&["simulate", "--world", "azure.yaml"]));
}

/// Azure's own words, and what git says.
#[test]
fn what_azure_and_git_say_only_shows() {
    let (workspace, _) = world("x");
    let plain = "tenant: 00000000-0000-0000-0000-0000000000aa\nusers: [kari.fiktiv@ai-dev.no]\nsubscriptions: [{ name: Altinn-TTD-Test }]\n";
    fs::write(workspace.path().join("azure.yaml"), plain).unwrap();
    let faults = workspace.path().join("faults.yaml");
    for route in ["roleAssignments", "resourceGraph", "$batch", "/oauth2/v2.0/token"] {
        let body = json!({ "error": { "code": EVIL, "message": EVIL, "innerError": { "request-id": EVIL } } });
        let answer = json!({ "status": 403, "body": body.to_string(), "content_type": "application/json" });
        let fault = json!({ "faults": [{ "route": route, "does": { "answer": answer } }] });
        fs::write(&faults, fault.to_string()).unwrap();
        let flags = ["--faults", faults.to_str().unwrap()];
        let simulator = Simulator::start_with(&workspace.path().join("azure.yaml"), &flags);
        let far = simulator.flags();
        let who = ["who", "--can", "read-logs"];
        for command in [&["plan"][..], &["plan", "--format", "json"], &["doctor"], &["doctor", "-vvv"], &who] {
            let all: Vec<&str> = command.iter().copied().chain(far.iter().map(String::as_str)).collect();
            let out = workspace.tilgang(&all);
            assert_eq!(out.status.code(), Some(1), "{route}: {}", String::from_utf8_lossy(&out.stderr));
            only_shows(&format!("{route} {command:?}"), &out);
        }
    }
    // A git that speaks in escapes.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let bin = workspace.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(workspace.path().join(".git")).unwrap();
        let git = bin.join("git");
        fs::write(&git, format!("#!/bin/sh\nprintf '%s\\n' {0} {0} >&2\nexit 128\n", "\"$EVIL\"")).unwrap();
        fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
        for command in [&["plan", "--simulate"][..], &["plan", "--simulate", "--format", "json"]] {
            let out = program()
                .args(command)
                .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
                .env("EVIL", EVIL)
                .current_dir(workspace.path())
                .output()
                .unwrap();
            only_shows(&format!("git {command:?}"), &out);
        }
    }
}

/// A cell of a table stays a cell, and nothing in it is a tag.
#[test]
fn a_table_of_hostile_names_keeps_its_columns() {
    let (workspace, _) = world(EVIL);
    let out = workspace.tilgang(&["review", "--owner", "ttd", "--simulate", "--format", "markdown"]);
    let text = String::from_utf8(out.stdout).unwrap();
    let bars: Vec<usize> =
        text.lines().filter(|line| line.starts_with("| ")).map(|line| line.matches('|').count()).collect();
    assert!(bars.len() > 3 && bars.iter().all(|bars| [4, 8].contains(bars)), "{bars:?}\n{text}");
    let page = workspace.tilgang(&["review", "--owner", "ttd", "--simulate", "--format", "html"]).stdout;
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("&lt;script&gt;=cmd") && !page.contains("<script>=cmd"), "{page}");
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    // Out of code spans there is no tag but ours.
    for line in text.lines() {
        let outside: String = line.split('`').step_by(2).collect();
        assert!(!outside.replace("<br>", "").contains(['<', '>', '@', '[']), "{line}");
    }
}

/// Whoever commits chooses their name and what they say of it.
#[test]
fn authors_and_what_they_say_only_show() {
    let (workspace, _) = world("x");
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), EVIL).env(format!("GIT_{role}_EMAIL"), EVIL);
        }
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        assert!(git.args(arguments).current_dir(workspace.path()).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    git(&["add", "tilgang.yaml", "owners"]);
    git(&["commit", "--quiet", "-m", EVIL]);
    for format in ["text", "json"] {
        let out = workspace.tilgang(&["why", "kari.fiktiv@ai-dev.no", "--simulate", "--format", format]);
        only_shows(&format!("why {format}"), &out);
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(
            text.contains("E\\u{1b}[2J") || text.contains("\"E\\u001b[2J"),
            "the hostile name does stand there: {text}"
        );
        assert!(text.contains("script"), "{text}");
    }
    let out = workspace.tilgang(&["review", "--owner", "ttd", "--simulate", "--format", "csv"]);
    only_shows("review csv", &out);
}
