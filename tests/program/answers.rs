//! What answers rest on: each read fails in turn, and what is not known for want of it is said in every format, in the words of
//! `docs/reference/answers.md`.

use std::fs;
#[cfg(unix)]
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    simulator::Simulator,
    workspace::{Workspace, program, project},
};

const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: answers\n";
const OWNER: &str =
    "owner: ttd\nusers:\n  - user: kari.fiktiv@ai-dev.no\n    roles: [test-developer, prod-operations]\n";
/// One of each: a group that holds something, a workspace in a subscription of its own, a vault with access policies.
const AZURE: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
clock: 2026-11-22T09:00:00Z
users:
  - { user: kari.fiktiv@ai-dev.no, id: 00000000-0000-0000-0000-0000000000a0 }
  - { user: ola.dikt@ai-dev.no, id: 00000000-0000-0000-0000-0000000000a1 }
groups: [{ name: oncall, id: 00000000-0000-0000-0000-0000000000a2, members: [ola.dikt@ai-dev.no] }]
subscriptions:
  - name: Altinn-TTD-Test
    id: 00000000-0000-0000-0000-000000000001
    group: rg
    tags: { finops_serviceownercode: ttd }
    resources:
      - { component: ttd-tt02-ai, workspace: /subscriptions/00000000-0000-0000-0000-000000000009/resourceGroups/hub/providers/Microsoft.OperationalInsights/workspaces/law }
      - { vault: ttd-tt02-keyvault, rbac: false, properties: { accessPolicies: [{ objectId: 00000000-0000-0000-0000-0000000000a1, permissions: { secrets: [get] } }] } }
  - name: Altinn-TTD-Prod
    id: 00000000-0000-0000-0000-000000000002
    group: rg
    tags: { finops_serviceownercode: ttd }
    resources: [workspace ttd-law, component ttd-prod-ai, VAULT]
  - { name: Hub, id: 00000000-0000-0000-0000-000000000009, group: hub, resources: [workspace law] }
assignments:
  - { principal: oncall, role: Owner, scope: Altinn-TTD-Prod }
  - { principal: ola.dikt@ai-dev.no, role: Log Analytics Reader, scope: law }
  - { principal: ola.dikt@ai-dev.no, role: Reader, scope: Altinn-TTD-Test }
eligibilities:
  - { principal: kari.fiktiv@ai-dev.no, role: Reader, scope: Altinn-TTD-Prod }
";
const VAULT: &str = "vault ttd-prod-keyvault";

/// A read that fails.
struct Read {
    /// What it is called in `docs/reference/answers.md`.
    name: &'static str,
    route: &'static str,
    /// Whether it is one in a `$batch`.
    in_batch: bool,
    /// What `who` is asked.
    can: &'static str,
    /// What is said then.
    says: &'static str,
}

const fn read(name: &'static str, route: &'static str, can: &'static str, says: &'static str) -> Read {
    Read { name, route, in_batch: false, can, says }
}

const READS: &[Read] = &[
    read(
        "targets",
        "/Microsoft.ResourceGraph/resources",
        "read-secrets",
        "could not look for targets in Resource Graph",
    ),
    read(
        "role assignments",
        "000000000002/providers/Microsoft.Authorization/roleAssignments?",
        "read-secrets",
        "who holds what at",
    ),
    read("role definitions", "/roleDefinitions?", "read-secrets", "what role definitions permit"),
    read("PIM instances", "/roleAssignmentScheduleInstances", "read-logs", "which assignments end by themselves"),
    read(
        "eligibilities of a subscription",
        "000000000002/providers/Microsoft.Authorization/roleEligibilityScheduleInstances",
        "read-secrets",
        "who is eligible for a role in the subscription",
    ),
    read(
        "eligibilities at a resource",
        "/vaults/*/roleEligibilityScheduleInstances",
        "read-secrets",
        "who is eligible for a role on",
    ),
    read(
        "deny assignments",
        "/denyAssignments?",
        "read-secrets",
        "which deny assignments there are in the subscription",
    ),
    read("access policies", "/vaults/ttd-tt02-keyvault?", "read-secrets", "the access policies of"),
    read(
        "role assignments of a workspace's subscription",
        "000000000009/providers/Microsoft.Authorization/roleAssignments?",
        "read-logs",
        "by way of the workspace",
    ),
    Read { in_batch: true, ..read("members of groups", "/transitiveMembers", "read-logs", "who is in the group") },
    Read { in_batch: true, ..read("people by name", "/users?*userPrincipalName", "read-logs", "is: could not") },
    Read {
        in_batch: true,
        ..read("people by id", "/users?*$filter=id in", "read-logs", "of the holders are: Entra could not say")
    },
];

struct Story {
    workspace: Workspace,
    simulator: Simulator,
}

impl Story {
    fn begin(vault: &str) -> Self {
        let workspace = Workspace::empty();
        fs::create_dir_all(workspace.path().join("owners")).unwrap();
        for (path, text) in
            [("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", OWNER), ("azure.yaml", &AZURE.replace("VAULT", vault))]
        {
            fs::write(workspace.path().join(path), text).unwrap();
        }
        let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
        Self { workspace, simulator }
    }

    fn fail(&self, read: Option<&Read>) {
        let denied = json!({ "answer": { "status": 403, "code": "AuthorizationFailed", "message": "no" } });
        let faults: Vec<Value> =
            read.iter().map(|read| json!({ "route": read.route, "items": read.in_batch, "does": denied })).collect();
        let (status, answer) = self.simulator.send("PUT", "/_simulator/faults", None, Some(&json!(faults)));
        assert!((200..300).contains(&status), "{status} {answer}");
    }

    /// What is printed, its lines put together again; and the exit code.
    fn ask(&self, line: &str) -> (String, i32) {
        let flags = self.simulator.flags();
        let all: Vec<&str> = line.split(' ').chain(flags.iter().map(String::as_str)).collect();
        let out = self.workspace.tilgang(&all);
        (String::from_utf8(out.stdout).unwrap(), out.status.code().unwrap())
    }
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn questions(can: &str) -> Vec<String> {
    let who = format!("who --can {can} --owner ttd");
    let all = [who.as_str(), "why kari.fiktiv@ai-dev.no --owner ttd", "review --owner ttd"];
    let mut lines: Vec<String> =
        all.iter().flat_map(|line| [(*line).to_owned(), format!("{line} --format json")]).collect();
    lines.extend(["markdown", "csv", "html"].map(|format| format!("review --owner ttd --format {format}")));
    lines
}

#[test]
fn each_read_that_fails_is_said_in_every_format() {
    let story = Story::begin(VAULT);
    for can in ["read-secrets", "read-logs"] {
        for line in questions(can) {
            let (text, code) = story.ask(&line);
            assert_eq!(code, 0, "{line}: {text}");
            if line.ends_with("json") {
                let answer: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(answer["unknown"], json!([]), "{line}: all was read");
            }
        }
    }
    for read in READS {
        story.fail(Some(read));
        for line in questions(read.can) {
            let (text, code) = story.ask(&line);
            assert_eq!(code, 1, "{} {line}: {text}", read.name);
            if line.ends_with("json") {
                let answer: Value = serde_json::from_str(&text).unwrap();
                let unknown = answer["unknown"].as_array().unwrap();
                let is_said = |it: &Value| it["message"].as_str().unwrap().contains(read.says) && it["unread"] == true;
                assert!(unknown.iter().any(is_said), "{} {line}: {unknown:#?}", read.name);
                assert_eq!(answer["answered"], false, "{} {line}", read.name);
            } else {
                assert!(flat(&text).contains(read.says), "{} {line}: {text}", read.name);
            }
        }
    }
}

/// A vault that is missing may have been deleted: if that could not be read, it is said where the vault is said to be missing.
#[test]
fn whether_a_missing_vault_was_deleted_may_be_unread() {
    let story = Story::begin("component other");
    let deleted = read("deleted vaults", "/deletedVaults", "read-secrets", "whether it was deleted could not be read");
    story.fail(Some(&deleted));
    for line in questions(deleted.can).into_iter().chain(["plan".to_owned(), "plan --format markdown".to_owned()]) {
        let (text, _) = story.ask(&line);
        assert!(flat(&text).contains(deleted.says), "{line}: {text}");
    }
}

/// What a plan or `doctor` says of our own identity rests on deny assignments, too.
#[test]
fn what_is_denied_to_us_may_be_unread() {
    let story = Story::begin(VAULT);
    story.fail(Some(&read("deny assignments", "/denyAssignments?", "", "")));
    for line in ["plan", "plan --format markdown", "plan --format json"] {
        let (text, _) = story.ask(line);
        assert!(
            flat(&text).contains("whether our identity may make changes there could not be asked"),
            "{line}: {text}"
        );
    }
    let (text, code) = story.ask("doctor");
    assert!(code == 1 && text.contains("Microsoft.Authorization/denyAssignments/read"), "{text}");
}

/// Reads of a plan, and what it says if one fails: in each format, with an exit code that is not 0.
const PLAN_READS: &[Read] = &[
    read("targets", "/Microsoft.ResourceGraph/resources", "", "could not look for targets in Resource Graph"),
    read(
        "role assignments",
        "000000000002/providers/Microsoft.Authorization/roleAssignments?",
        "",
        "could not list role assignments",
    ),
    read("each named role definition", "/roleDefinitions/*", "", "could not read role definition"),
    Read {
        in_batch: true,
        ..read("people by name", "/users?*userPrincipalName", "", "could not look people up in Microsoft Graph")
    },
];

#[test]
fn each_read_of_a_plan_that_fails_is_said_in_every_format() {
    let story = Story::begin(VAULT);
    for line in ["plan", "drift"] {
        let (text, code) = story.ask(line);
        assert!(code != 1, "{line}: {text}");
    }
    for read in PLAN_READS {
        story.fail(Some(read));
        for line in [
            "plan",
            "plan --format markdown",
            "plan --format json",
            "plan --format html",
            "drift",
            "drift --format json",
        ] {
            let (text, code) = story.ask(line);
            assert!(code == 1 && flat(&text).contains(read.says), "{} {line}: {code} {text}", read.name);
        }
    }
}

/// The daemon's page names whoever is eligible, and says if nobody could tell.
#[cfg(unix)]
#[test]
fn the_page_of_a_person_names_what_they_are_eligible_for() {
    let story = Story::begin(VAULT);
    let kari = |story: &Story| {
        let log = story.workspace.path().join("log");
        let mut daemon = program()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(story.simulator.flags())
            .current_dir(story.workspace.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut page = String::new();
        for _ in 0..200 {
            std::thread::sleep(Duration::from_millis(100));
            let text = fs::read_to_string(&log).unwrap();
            let port = text.split("listening on http://127.0.0.1:").nth(1).and_then(|it| it.split_whitespace().next());
            let Some(mut stream) = port.and_then(|port| TcpStream::connect(format!("127.0.0.1:{port}")).ok()) else {
                continue;
            };
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            write!(
                stream,
                "GET /people/kari.fiktiv%40ai-dev.no HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            )
            .unwrap();
            page.clear();
            if stream.read_to_string(&mut page).is_ok() && page.contains("What is not in this") {
                break;
            }
        }
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        page
    };
    let page = kari(&story);
    assert!(page.contains("can be activated in Privileged Identity Management"), "{page}");
    assert!(page.contains("who is in the group") && page.contains("its members were not read"), "{page}");
    let unread = "who is eligible for a role in the subscription";
    assert!(!page.contains(unread), "{page}");
    story.fail(Some(&read("", "roleEligibilityScheduleInstances", "", "")));
    let page = kari(&story);
    assert!(page.contains(unread) && !page.contains("can be activated"), "{page}");
}

/// The page names each read that is tried here, and the words that are printed.
#[test]
fn the_page_on_answers_names_each_read() {
    let page = fs::read_to_string(project().join("docs/reference/answers.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    for read in READS.iter().chain(PLAN_READS) {
        let row = rows.iter().find(|row| row[0] == read.name).unwrap_or_else(|| panic!("no row `{}`", read.name));
        assert!(row.last().unwrap().contains(read.says), "`{}` is printed otherwise: {row:?}", read.name);
    }
    let header = rows.iter().position(|row| row[0] == "statement").expect("a table of statements");
    for row in rows.iter().skip(header + 1) {
        for name in row[2].split("; ") {
            assert!(
                rows[..header].iter().any(|read| read[0] == name),
                "`{}` rests on `{name}`, which is no read",
                row[0]
            );
        }
    }
}
