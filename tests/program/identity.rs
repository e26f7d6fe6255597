//! What `tilgang identity` writes is enough and no more: the simulator's own reading of roles and conditions says so, and
//! `doctor` agrees.

use serde_json::{Value, json};
use tilgang::{model::ids::TenantId, simulator::World};

use crate::{
    simulator::Simulator,
    workspace::{Workspace, project},
};

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
/// Given once, and given no longer.
const RETIRED: &str = "21090545-7ca7-4776-b22c-e363652d74d2";
const OURS: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

/// The example, whose application holds just what `identity` writes for it.
fn workspace(purpose: &str) -> Workspace {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    let settings = workspace.path().join("tilgang.yaml");
    let retired = format!("retired: [{{ on: key-vault, definition: {RETIRED}, name: Key Vault Reader }}]\n");
    std::fs::write(&settings, std::fs::read_to_string(&settings).unwrap() + &retired).unwrap();
    let out = workspace.tilgang(&["identity", "--for", purpose, "--format", "json", "--simulate"]);
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    let written: Value = serde_json::from_slice(&out.stdout).unwrap();

    let file = workspace.path().join("azure.yaml");
    let mut world: serde_json::Map<String, Value> =
        serde_yaml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let role = &written["role"];
    world.insert(
        "applications".to_owned(),
        json!([{ "name": "tilgang", "secret": "secret", "graph": [written["graph"][0]["permission"]] }]),
    );
    let definition = json!({ "name": role["Name"], "actions": role["Actions"], "scopes": role["AssignableScopes"] });
    world.insert("role_definitions".to_owned(), json!([definition]));
    let scopes = written["scopes"].as_array().unwrap();
    assert_eq!(scopes.len(), 9, "{scopes:?}");
    let mut assignments = world.get("assignments").and_then(Value::as_array).cloned().unwrap_or_default();
    assignments.extend(scopes.iter().map(|scope| {
        let mut held = json!({ "principal": "tilgang", "role": role["Name"], "scope": scope["id"] });
        if let Some(condition) = written["condition"].as_str() {
            held["condition"] = json!(condition);
        }
        held
    }));
    for (role, name) in [(RETIRED, 1), (OWNER, 2)] {
        let name = format!("11111111-2222-4333-8444-{name:012}");
        assignments.push(
            json!({ "principal": "mona.skisse@ai-dev.no", "role": role, "scope": "ttd-tt02-keyvault", "name": name }),
        );
    }
    world.insert("assignments".to_owned(), Value::Array(assignments));
    std::fs::write(&file, serde_yaml::to_string(&world).unwrap()).unwrap();
    workspace
}

fn run(workspace: &Workspace, simulator: &Simulator, arguments: &[&str]) -> (i32, String) {
    let flags = simulator.flags();
    let all: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
    let out = workspace.tilgang(&all);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code().unwrap(), text)
}

#[test]
fn an_applying_identity_does_its_work_and_nothing_else() {
    let workspace = workspace("applying");
    let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
    let (code, text) = run(&workspace, &simulator, &["doctor"]);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("too much") && !text.contains("lacking") && !text.contains("unknown"), "{text}");
    let (code, text) = run(&workspace, &simulator, &["plan"]);
    assert!(code == 0 && text.contains("gains") && !text.contains("our identity may not"), "{text}");
    let (code, text) = run(&workspace, &simulator, &["apply", "--yes"]);
    assert!(code == 0 && text.contains("gained"), "{text}");
    let (code, text) = run(&workspace, &simulator, &["plan", "--detailed-exitcode"]);
    assert_eq!(code, 0, "{text}");

    let client = World::derived_id(TENANT.parse::<TenantId>().unwrap(), "application", "tilgang").to_string();
    let token = simulator.token(TENANT, &client);
    let send = |method: &str, path: &str, body: Option<&Value>| simulator.send(method, path, Some(&token), body);
    let (_, subscriptions) = send("GET", "/subscriptions?api-version=2022-12-01", None);
    let all = subscriptions["value"].as_array().unwrap();
    let subscription = all.iter().find(|row| row["displayName"] == "Altinn-TTD-Test").unwrap()["id"].as_str().unwrap();
    let api = "providers/Microsoft.Authorization/roleAssignments";
    let (_, list) = send("GET", &format!("{subscription}/{api}?api-version=2022-04-01"), None);
    let named = |end: &str| {
        let rows = list["value"].as_array().unwrap().iter();
        let mut ids = rows.filter_map(|row| row["id"].as_str()).map(str::to_owned);
        ids.find(|id| id.ends_with(end)).unwrap()
    };
    let (retired, foreign) = (named("000000000001"), named("000000000002"));
    let vault = retired.split("/providers/Microsoft.Authorization").next().unwrap().to_owned();

    // The two words that Azure has for it; both name the condition.
    let condition = |(status, answer): (u16, Value)| {
        assert_eq!((status, &answer["error"]["code"]), (403, &json!("AuthorizationFailed")), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("ABAC condition"), "{answer}");
    };
    let mona = send("GET", "/v1.0/users/mona.skisse@ai-dev.no", None).1["id"].as_str().unwrap().to_owned();
    let put = |definition: &str, kind: Option<&str>| {
        let name = uuid::Uuid::new_v4();
        let definition = format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{definition}");
        let mut properties = json!({ "roleDefinitionId": definition, "principalId": mona });
        if let Some(kind) = kind {
            properties["principalType"] = json!(kind);
        }
        send("PUT", &format!("{vault}/{api}/{name}?api-version=2022-04-01"), Some(&json!({ "properties": properties })))
    };
    assert_eq!(put(OURS, Some("User")).0, 201);
    condition(put(OWNER, Some("User")));
    condition(put(RETIRED, Some("User")));
    condition(put(OURS, Some("Group")));
    condition(put(OURS, Some("ServicePrincipal")));
    condition(put(OURS, None));
    condition(send("DELETE", &format!("{foreign}?api-version=2022-04-01"), None));
    assert_eq!(send("DELETE", &format!("{retired}?api-version=2022-04-01"), None).0, 200);
    // Its own role and rights are out of its reach.
    let own = named(
        &list["value"]
            .as_array()
            .unwrap()
            .iter()
            .find_map(|row| {
                (row["properties"]["scope"] == subscription).then(|| row["name"].as_str().unwrap().to_owned())
            })
            .unwrap(),
    );
    condition(send("DELETE", &format!("{own}?api-version=2022-04-01"), None));
}

/// A condition that leaves a role definition out: the plan foretells what Azure then refuses, and only that, and asks once for
/// each subscription that is concerned.
#[test]
fn what_a_condition_leaves_out_is_foretold() {
    let workspace = workspace("applying");
    let file = workspace.path().join("azure.yaml");
    let world = std::fs::read_to_string(&file).unwrap();
    let narrow = world.replace(&format!("{OURS}, "), "").replace(&format!(", {OURS}"), "");
    assert_ne!(world, narrow);
    std::fs::write(&file, narrow).unwrap();
    let simulator = Simulator::start(&file);
    let asked = |arguments: &[&str]| {
        simulator.reset();
        let (code, text) = run(&workspace, &simulator, arguments);
        (code, text, simulator.stats()["by_route"]["GET roleAssignments"].as_u64().unwrap())
    };
    let (_, _, without) = asked(&["drift"]);
    let (code, text, with) = asked(&["plan", "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    let plan: Value = serde_json::from_str(text.get(..=text.rfind('}').unwrap()).unwrap()).unwrap();
    let changes = plan["changes"].as_array().unwrap();
    let places: std::collections::BTreeSet<&str> =
        changes.iter().filter_map(|it| it["scope"].as_str()?.split('/').nth(2)).collect();
    assert_eq!(with - without, places.len() as u64, "one list for each of {places:?}");
    let secrets: Vec<&Value> = changes.iter().filter(|it| it["role_definition"]["id"] == OURS).collect();
    let said: Vec<&Value> =
        plan["findings"].as_array().unwrap().iter().filter(|it| it["code"] == "not-assignable").collect();
    let scopes = |of: &[&Value]| of.iter().map(|it| it["scope"].to_string()).collect::<std::collections::BTreeSet<_>>();
    assert!(!secrets.is_empty() && secrets.len() < changes.len(), "{text}");
    assert_eq!(scopes(&said), scopes(&secrets), "{text}");
    let (code, text) = run(&workspace, &simulator, &["apply", "--yes", "--format", "json"]);
    assert_eq!(code, 4, "{text}");
    let applied: Value = serde_json::from_str(text.get(..=text.rfind('}').unwrap()).unwrap()).unwrap();
    let refused =
        applied["outcomes"].as_array().unwrap().iter().filter(|it| it["error"]["code"] == "AuthorizationFailed");
    assert_eq!(refused.count(), secrets.len(), "{text}");

    // Where nobody can tell, that is said.
    let fault = json!({ "faults": [{ "route": "assignedTo", "does": { "answer": { "status": 403, "code": "AuthorizationFailed" } } }] });
    assert_eq!(simulator.send("PUT", "/_simulator/faults", None, Some(&fault)).0, 204);
    let (code, text) = run(&workspace, &simulator, &["plan"]);
    assert!(code == 0 && text.contains("whether our identity may make changes there could not be asked"), "{text}");
    assert!(!text.contains("not-assignable"), "{text}");
}

#[test]
fn a_reading_identity_reads_and_cannot_write() {
    let workspace = workspace("reading");
    let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
    let (code, text) = run(&workspace, &simulator, &["doctor", "--for", "reading"]);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("too much") && !text.contains("lacking"), "{text}");
    let (code, text) = run(&workspace, &simulator, &["plan"]);
    assert!(code == 0 && text.contains("gains") && !text.contains("our identity may not"), "{text}");
    simulator.reset();
    let (code, text) = run(&workspace, &simulator, &["doctor"]);
    assert_eq!(code, 1, "{text}");
    for action in ["write", "delete"] {
        assert!(text.contains(&format!("lacking  Microsoft.Authorization/roleAssignments/{action}: ")), "{text}");
    }
    assert_eq!(simulator.stats()["writes"], 0, "doctor never writes");
    let (code, text) = run(&workspace, &simulator, &["apply", "--yes"]);
    assert!(code == 1 && text.contains("AuthorizationFailed"), "{text}");
}
