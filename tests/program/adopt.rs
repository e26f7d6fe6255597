//! `adopt`: whatever stands, a plan from what it writes has nothing to do, Azure is as it was, and it never writes twice.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde_json::{Value, json};
use tilgang::simulator::generate::{Options, generate};

use crate::{simulator::Simulator, workspace::Workspace};

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

/// Each owner's file, with its text.
fn files(workspace: &Workspace) -> BTreeMap<PathBuf, String> {
    let Ok(entries) = fs::read_dir(workspace.path().join("owners")) else { return BTreeMap::new() };
    entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn run(workspace: &Workspace, simulator: &Simulator, arguments: &[&str]) -> (i32, String, Value) {
    simulator.reset();
    let flags = simulator.flags();
    let all: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
    let out = workspace.tilgang(&all);
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    (out.status.code().unwrap(), text, simulator.stats())
}

/// The role assignments of the world, by name; our own identity's rights left out.
fn assignments(simulator: &Simulator) -> BTreeMap<String, Value> {
    let world = simulator.send("GET", "/_simulator/world", None, None).1;
    let all = world["assignments"].as_array().unwrap().iter();
    let all = all.filter(|one| one["scope"] != "/");
    all.map(|one| (one["name"].as_str().unwrap().to_owned(), one.clone())).collect()
}

/// A thousand assignments that people made by hand, and a workspace of three lines.
fn by_hand() -> Workspace {
    let mut made = generate(&Options::a_thousand_standing());
    for assignment in &mut made.world.assignments {
        (assignment.name, assignment.description) = (None, None);
    }
    assert_eq!(made.world.assignments.len(), 1_000);
    let workspace = Workspace::empty();
    let settings = &made.files.iter().find(|(path, _)| path == "tilgang.yaml").unwrap().1;
    fs::write(workspace.path().join("tilgang.yaml"), settings).unwrap();
    fs::write(workspace.path().join("azure.yaml"), made.azure_yaml()).unwrap();
    workspace
}

#[test]
fn a_thousand_made_by_hand_are_listed_then_nothing_is_to_do_then_they_are_ours() {
    let workspace = by_hand();
    let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
    let before = assignments(&simulator);

    let (code, text, adopted) = run(&workspace, &simulator, &["adopt", "--yes"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Adopt: 1000 roles of 600 people, in 10 files (all new)\n"), "{text}");
    let written = files(&workspace);
    assert_eq!(written.len(), 10);
    assert_eq!((adopted["writes"].as_u64(), assignments(&simulator)), (Some(0), before.clone()));

    let (code, text, planned) = run(&workspace, &simulator, &["plan", "--detailed-exitcode"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Nothing to do: Azure is as git says; 1000 assignments checked"), "{text}");
    println!("adopt: {}\nplan: {}", adopted["by_route"], planned["by_route"]);
    assert_eq!(adopted["by_route"], planned["by_route"], "reading costs what a plan costs");
    assert_eq!(workspace.tilgang(&["fmt", "--check"]).status.code(), Some(0));

    let (code, text, _) = run(&workspace, &simulator, &["adopt", "--yes"]);
    assert!(code == 0 && text.contains("Nothing to adopt"), "{text}");
    assert_eq!(files(&workspace), written);

    let (code, text, marked) = run(&workspace, &simulator, &["adopt", "--mark", "--yes"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        (marked["by_route"]["PUT roleAssignments"].as_u64(), marked["writes"].as_u64()),
        (Some(1_000), Some(1_000))
    );
    let after = assignments(&simulator);
    assert!(after.keys().eq(before.keys()), "each by the name that it had");
    for (name, assignment) in &after {
        let description = assignment["description"].as_str().unwrap_or_default();
        assert!(description.starts_with("tilgang/altinn-apps "), "{name}: {description}");
        for key in ["principal", "role", "scope", "created", "condition"] {
            assert_eq!(assignment[key], before[name][key], "{name}: {key}");
        }
    }
    let (code, text, _) = run(&workspace, &simulator, &["plan", "--detailed-exitcode"]);
    assert!(code == 0 && text.contains("1000 assignments checked"), "{text}");
    let (_, text, again) = run(&workspace, &simulator, &["adopt", "--mark", "--yes"]);
    assert_eq!(again["writes"].as_u64(), Some(0), "{text}");
    assert_eq!(files(&workspace), written);
}

#[test]
fn marks_in_json_say_adopt_and_stand_in_the_ledger() {
    let workspace = Workspace::copy_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/adopt-new"));
    let settings = fs::read_to_string(workspace.path().join("tilgang.yaml")).unwrap();
    fs::write(workspace.path().join("tilgang.yaml"), settings + "ledger: { dir: ledger }\n").unwrap();
    assert_eq!(workspace.tilgang(&["ledger", "begin", "--simulate"]).status.code(), Some(0));
    let out = workspace.tilgang(&["adopt", "--simulate", "--mark", "--yes", "--format", "json"]);
    let json: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["summary"]["adopts"], 3, "{json:#}");
    for outcome in json["outcomes"].as_array().unwrap() {
        assert_eq!(outcome["action"], "adopt", "{outcome:#}");
    }
    assert!(String::from_utf8(out.stderr).unwrap().contains("+++ b/owners/ttd.yaml"), "the files are shown, too");
    let shown = String::from_utf8(workspace.tilgang(&["ledger", "show", "--simulate"]).stdout).unwrap();
    assert_eq!((shown.matches("was adopted: ").count(), shown.matches("adopt by ").count()), (3, 1), "{shown}");
    assert_eq!(workspace.tilgang(&["ledger", "verify", "--simulate"]).status.code(), Some(0));
}

/// Who, what and where, with what may stand on an assignment.
type Held = (usize, usize, usize, u8);

const PEOPLE: [&str; 7] = [
    "kari.fiktiv@ai-dev.no",
    "ola.dikt@ai-dev.no",
    "siri.proeve@ai-dev.no",
    "mona.skisse@ai-dev.no",
    "lars_skisse.example#EXT#@altinn.onmicrosoft.com",
    "Testers",
    "build",
];
const DEFINITIONS: [&str; 4] =
    ["Monitoring Reader", "Key Vault Secrets Officer", "Key Vault Administrator", "Key Vault Reader"];
const PLACES: [&str; 10] = [
    "ttd-tt02-ai",
    "ttd-tt02-keyvault",
    "ttd-prod-ai",
    "ttd-prod-keyvault",
    "skd-tt02-ai",
    "skd-tt02-keyvault",
    "skd-prod-ai",
    "skd-prod-keyvault",
    "Altinn-TTD-Prod",
    "Altinn-SKD-Test",
];
/// A role that gives two things, one of which another role gives, too.
const ROLES: &str = "roles:\n  auditor:\n    title: Auditor\n    may: look at everything\n    gives:\n      - { on: application-insights, definition: 43d0d8ad-25c7-4714-9337-8ba259a9fe05, name: Monitoring Reader }\n      - { on: key-vault, definition: 21090545-7ca7-4776-b22c-e363652d74d2, name: Key Vault Reader }\n";

fn world(held: &[Held]) -> Value {
    let mut seen = BTreeMap::new();
    for &(who, what, place, how) in held {
        let mut one = json!({ "principal": PEOPLE[who], "role": DEFINITIONS[what], "scope": PLACES[place] });
        let owner = if PLACES[place].to_lowercase().contains("ttd") { "ttd" } else { "skd" };
        match how {
            0 => one["condition"] = "@Resource[x] StringEquals 'y'".into(),
            1 => one["ends"] = "2026-12-24T00:00:00Z".into(),
            2 => one["description"] = format!("tilgang/other {owner} test-developer").into(),
            3 => one["description"] = "ordered on the form".into(),
            // Ours, where the owner's file was lost; at ttd a file stands, and what it drops is a plan's to remove.
            4 if owner == "skd" && who < 3 && what < 2 && place % 2 == what && PLACES[place].contains('-') => {
                let environment = if PLACES[place].contains("prod") { "prod" } else { "test" };
                let role = ["developer", "operations"][what];
                one["description"] = format!("tilgang/altinn-apps skd {environment}-{role} SKD-7").into();
            }
            _ => {}
        }
        seen.entry((who, what, place)).or_insert(one);
    }
    let subscription = |owner: &str, name: &str, azure: &str| {
        json!({ "name": format!("Altinn-{}-{name}", owner.to_uppercase()), "tags": { "finops_serviceownercode": owner },
            "resources": [format!("component {owner}-{azure}-ai"), format!("vault {owner}-{azure}-keyvault")] })
    };
    let mut all =
        vec![json!({ "principal": "tilgang", "role": "Role Based Access Control Administrator", "scope": "/" })];
    all.extend(seen.into_values());
    json!({
        "tenant": TENANT, "clock": "2026-11-20T09:00:00Z",
        "applications": [{ "name": "build" }, { "name": "tilgang", "secret": "secret" }],
        "groups": [{ "name": "Testers", "members": [PEOPLE[0]] }],
        "users": [PEOPLE[0], PEOPLE[1], PEOPLE[2], { "user": PEOPLE[3], "deleted": "2026-11-10T09:00:00Z" }, { "user": PEOPLE[4], "guest": true }],
        "subscriptions": [subscription("ttd", "Test", "tt02"), subscription("ttd", "Prod", "prod"), subscription("skd", "Test", "tt02"), subscription("skd", "Prod", "prod")],
        "assignments": all,
    })
}

/// What another instance made is known: else nothing is changed beside it.
const KNOWN: &str = "policy: { accept: [{ code: other-instance, reason: another team has its own }] }\n";

proptest! {
    // Each case runs the program six times.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_the_next_plan_has_nothing_to_do(
        held in prop::collection::vec((0..PEOPLE.len(), 0..DEFINITIONS.len(), 0..PLACES.len(), 0..12_u8), 0..40),
        with_file in any::<bool>(),
        with_role in any::<bool>(),
    ) {
        let workspace = Workspace::empty();
        let write = |path: &str, text: &str| {
            let path = workspace.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let roles = if with_role { ROLES } else { "" };
        write("tilgang.yaml", &format!("version: 1\ntenant: {TENANT}\ninstance: altinn-apps\n{KNOWN}{roles}"));
        if with_file {
            write("owners/ttd.yaml", "# ours\nowner: ttd\nusers: [] # nobody yet\n");
        }
        write("azure.yaml", &world(&held).to_string());
        let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
        let before = assignments(&simulator);

        let (code, text, stats) = run(&workspace, &simulator, &["adopt", "--yes"]);
        prop_assert_eq!(code, 0, "{}", text);
        prop_assert_eq!(stats["writes"].as_u64(), Some(0));
        prop_assert_eq!(&assignments(&simulator), &before);
        let written = files(&workspace);
        if written.is_empty() {
            return Ok(()); // nothing stands that concerns an owner
        }
        let (code, text, _) = run(&workspace, &simulator, &["plan", "--detailed-exitcode"]);
        prop_assert_eq!(code, 0, "{}\n{:?}", text, written);
        prop_assert!(!with_file || written.values().any(|text| text.starts_with("# ours\n")));
        let formatted = workspace.tilgang(&["fmt", "--check", "--owner", "ttd", "--owner", "skd"]);
        let is_listed = |code: &str| written.keys().any(|path| path.ends_with(code));
        if is_listed("ttd.yaml") && is_listed("skd.yaml") {
            prop_assert_eq!(formatted.status.code(), Some(0), "{:?}", written);
        }
        run(&workspace, &simulator, &["adopt", "--yes"]);
        prop_assert_eq!(&files(&workspace), &written);

        // Marked or not, who holds what is the same; nothing that PIM ends, another holds or a condition narrows is touched.
        let (code, text, _) = run(&workspace, &simulator, &["adopt", "--yes", "--mark"]);
        prop_assert_eq!(code, 0, "{}", text);
        let after = assignments(&simulator);
        prop_assert!(after.keys().eq(before.keys()));
        for (name, one) in &after {
            let was = &before[name];
            let with = |one: &Value| ["principal", "role", "scope", "condition", "ends"].map(|key| one[key].clone());
            prop_assert_eq!(with(one), with(was));
            let touched = one["description"] != was["description"];
            let not_ours = !one["condition"].is_null() || !one["ends"].is_null();
            let others = was["description"].as_str().is_some_and(|text| text.starts_with("tilgang/other"));
            prop_assert!(!touched || !(not_ours || others), "{}", one);
            let place = one["scope"].as_str().unwrap_or_default();
            prop_assert!(!touched || place.to_lowercase().contains("/providers/") || !place.starts_with("Altinn"), "{}", one);
        }
        let (code, text, _) = run(&workspace, &simulator, &["plan", "--detailed-exitcode"]);
        prop_assert_eq!(code, 0, "{}", text);
    }
}
