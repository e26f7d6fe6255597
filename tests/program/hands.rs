//! Someone else's hand: what happens in Azure behind our back is named by `drift`, and `apply` heals what is ours.

use serde_json::{Value, json};
use tilgang::{model::ids::TenantId, simulator::World};

use crate::{
    simulator::Simulator,
    workspace::{Workspace, project},
};

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

fn run(workspace: &Workspace, simulator: &Simulator, arguments: &[&str]) -> (i32, String) {
    let flags = simulator.flags();
    let all: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
    let out = workspace.tilgang(&all);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code().unwrap(), text)
}

#[test]
fn drift_names_what_others_did_and_apply_heals_what_is_ours() {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    let simulator = Simulator::start(&workspace.path().join("azure.yaml"));
    let (code, text) = run(&workspace, &simulator, &["apply", "--yes"]);
    assert_eq!(code, 0, "{text}");

    let client = World::derived_id(TENANT.parse::<TenantId>().unwrap(), "application", "tilgang").to_string();
    let token = simulator.token(TENANT, &client);
    let send = |method: &str, path: &str, body: Option<&Value>| simulator.send(method, path, Some(&token), body);

    // One of ours is deleted.
    let (_, subscriptions) = send("GET", "/subscriptions?api-version=2022-12-01", None);
    let all = subscriptions["value"].as_array().unwrap();
    let id = |name: &str| all.iter().find(|row| row["displayName"] == name).unwrap()["id"].as_str().unwrap().to_owned();
    let api = "/providers/Microsoft.Authorization/roleAssignments";
    let list = |at: &str| {
        send("GET", &format!("{at}{api}?api-version=2022-04-01"), None).1["value"].as_array().unwrap().clone()
    };
    let kari = send("GET", "/v1.0/users/kari.fiktiv@ai-dev.no", None).1["id"].as_str().unwrap().to_owned();
    let standing = list(&id("Altinn-TTD-Test"));
    let karis = standing.iter().find(|row| row["properties"]["principalId"] == kari.as_str()).unwrap();
    let (status, _) = send("DELETE", &format!("{}?api-version=2022-04-01", karis["id"].as_str().unwrap()), None);
    assert_eq!(status, 200);

    // One is added by hand.
    let mona = send("GET", "/v1.0/users/mona.skisse@ai-dev.no", None).1["id"].as_str().unwrap().to_owned();
    let like = &karis["properties"];
    let by_hand =
        format!("{}{api}/11111111-2222-4333-8444-555555555555?api-version=2022-04-01", like["scope"].as_str().unwrap());
    let body = json!({ "properties": { "roleDefinitionId": like["roleDefinitionId"], "principalId": mona, "principalType": "User" } });
    assert_eq!(send("PUT", &by_hand, Some(&body)).0, 201);

    // One person is deleted in Entra.
    assert_eq!(send("DELETE", "/v1.0/users/anne.utkast@ai-dev.no", None).0, 204);

    let (code, text) = run(&workspace, &simulator, &["drift"]);
    assert_eq!(code, 2, "{text}");
    for (class, who) in [("MISSING", "kari.fiktiv"), ("UNMANAGED", "mona.skisse"), ("ORPHANED", "anne.utkast")] {
        let section = text.split("\n\n").skip_while(|part| !part.starts_with(class));
        let section: String = section.take(4).collect();
        assert!(section.contains(who), "{class} does not name {who}:\n{text}");
    }

    let (code, text) = run(&workspace, &simulator, &["apply", "--yes"]);
    assert_eq!(code, 0, "{text}");
    assert!(list(&id("Altinn-TTD-Test")).iter().any(|row| row["properties"]["principalId"] == kari.as_str()), "{text}");
    assert!(list(&id("Altinn-TTD-Test")).iter().any(|row| row["properties"]["principalId"] == mona.as_str()), "{text}");
    let (_, text) = run(&workspace, &simulator, &["drift"]);
    assert!(!text.contains("MISSING") && text.contains("mona.skisse"), "{text}");
}
