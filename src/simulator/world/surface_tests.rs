//! The wider surface: custom roles, vaults that come and go, denials, locks, PIM.

use serde_json::{Value, json};

use super::World;
use crate::simulator::{
    SharedWorld, file,
    routes::{self, Answer, Ask},
};

const WORLD: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
clock: 2026-11-22T09:00:00Z
applications:
  - { name: owner, client_id: 00000000-0000-0000-0000-0000000000c1, id: 00000000-0000-0000-0000-0000000000d1, secret: s }
  - { name: reader, client_id: 00000000-0000-0000-0000-0000000000c2, id: 00000000-0000-0000-0000-0000000000d2, secret: s }
users:
  - { user: kari.fiktiv@ai-dev.no, id: 00000000-0000-0000-0000-00000000000a }
groups: [{ name: tilgang-ttd, id: 00000000-0000-0000-0000-0000000000e1, members: [reader] }]
subscriptions:
  - name: One
    id: 00000000-0000-0000-0000-000000000001
    management_groups: [altinn]
    group: rg
    resources: [workspace law, component ai, vault kv]
assignments:
  - { principal: owner, role: Owner, scope: / }
  - { principal: reader, role: Reader, scope: One }
  - { principal: kari.fiktiv@ai-dev.no, role: Key Vault Secrets Officer, scope: kv }
";

pub(super) const SUB: &str = "/subscriptions/00000000-0000-0000-0000-000000000001";
pub(super) const AUTH: &str = "/providers/Microsoft.Authorization";
pub(super) const KARI: &str = "00000000-0000-0000-0000-00000000000a";
const READER: &str = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7";

/// A world behind its routes, without a socket.
struct Sim(SharedWorld);

impl Sim {
    fn new() -> Self {
        Self::with(WORLD)
    }

    fn with(yaml: &str) -> Self {
        let world = file::read(yaml).unwrap();
        let back = serde_yaml::to_string(&file::write(&world)).unwrap();
        assert_eq!(file::read(&back).unwrap(), world, "{back}");
        Self(SharedWorld::new(world, || "2026-11-22T09:00:00Z".parse().unwrap()))
    }

    fn answer(&self, client: &str, method: &str, target: &str, body: &Value) -> Answer {
        let audience =
            if target.starts_with("/v1.0") { "https://graph.microsoft.com" } else { "https://management.azure.com" };
        let form = format!(
            "grant_type=client_credentials&client_id=00000000-0000-0000-0000-0000000000{client}&client_secret=s&scope={audience}/.default"
        );
        let ask = |method: &str, target: &str, headers: &[(&str, String)], body: Vec<u8>| {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            routes::answer(&self.0, &Ask::new(method, target, headers, body, "https://sim".to_owned()))
        };
        let token = "/00000000-0000-0000-0000-0000000000aa/oauth2/v2.0/token";
        let token: Value = serde_json::from_slice(&ask("POST", token, &[], form.into_bytes()).body).unwrap();
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        ask(method, target, &[("authorization", bearer)], body)
    }

    #[track_caller]
    fn ask(&self, client: &str, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let answer = self.answer(client, method, target, body);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    #[track_caller]
    fn get(&self, target: &str) -> Value {
        let (status, body) = self.ask("c1", "GET", target, &Value::Null);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    #[track_caller]
    fn refused(&self, client: &str, method: &str, target: &str, body: &Value, status: u16, code: &str) -> String {
        let (is, body) = self.ask(client, method, target, body);
        assert_eq!((is, body["error"]["code"].as_str().unwrap_or_default()), (status, code), "{target}: {body}");
        body["error"]["message"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn does(&self, method: &str, target: &str, body: &Value, status: u16) -> Value {
        let (is, body) = self.ask("c1", method, target, body);
        assert_eq!(is, status, "{method} {target}: {body}");
        body
    }

    /// What is kept on disk is the whole of it.
    fn kept(&self) {
        let world = self.0.with(|world: &mut World| world.clone());
        let back = serde_json::to_string(&file::write(&world)).unwrap();
        assert_eq!(file::read(&back).unwrap(), world, "{back}");
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|found| found["name"].as_str().unwrap()).collect()
}

#[test]
fn custom_roles() {
    let sim = Sim::new();
    let id = "11111111-2222-4333-8444-555555555555";
    let at = |id: &str| format!("{SUB}{AUTH}/roleDefinitions/{id}?api-version=2022-04-01");
    let body = |name: &str, scope: &str| json!({ "properties": { "roleName": name, "type": "CustomRole", "description": "x", "assignableScopes": [scope], "permissions": [{ "actions": ["*/read"], "notActions": [] }] } });
    sim.refused("c2", "PUT", &at(id), &body("Peeker", SUB), 403, "AuthorizationFailed");
    let made = sim.does("PUT", &at(id), &body("Peeker", SUB), 201);
    assert_eq!(made["properties"]["type"], "CustomRole");
    assert_eq!(made["properties"]["createdBy"], "00000000-0000-0000-0000-0000000000d1");
    let list = |filter: &str, at: &str| {
        sim.get(&format!("{at}{AUTH}/roleDefinitions?api-version=2022-04-01&$filter={filter}"))
    };
    assert_eq!(names(&list("type eq 'CustomRole'", SUB)), [id]);
    assert_eq!(names(&list("type eq 'CustomRole'", "")), [""; 0]);
    assert_eq!(names(&list("atScopeAndBelow() and type eq 'CustomRole'", "")), [id]);
    assert_eq!(names(&list("roleName eq 'pEEKER'", SUB)), [id]);
    assert!(names(&list("", SUB)).len() > 10);
    sim.refused("c1", "PUT", &at(KARI), &body("peeker", SUB), 409, "RoleDefinitionWithSameNameExists");
    sim.refused("c1", "PUT", &at(KARI), &body("Root", "/"), 400, "InvalidRoleDefinition");
    let role = format!("{SUB}{AUTH}/roleDefinitions/{id}");
    let held = format!("{SUB}{AUTH}/roleAssignments/{id}?api-version=2022-04-01");
    sim.does("PUT", &held, &json!({ "properties": { "roleDefinitionId": role, "principalId": KARI } }), 201);
    sim.kept();
    sim.refused("c1", "DELETE", &at(id), &Value::Null, 400, "RoleDefinitionHasAssignments");
    sim.does("DELETE", &held, &Value::Null, 200);
    assert_eq!(sim.does("DELETE", &at(id), &Value::Null, 200)["name"], id);
    sim.does("DELETE", &at(id), &Value::Null, 204);
    sim.refused("c1", "GET", &at(id), &Value::Null, 404, "RoleDefinitionDoesNotExist");
}

#[test]
fn assignments_above_subscriptions() {
    let sim = Sim::new();
    for (scope, id) in [("", "1"), ("/providers/Microsoft.Management/managementGroups/altinn", "2")] {
        let at =
            format!("{scope}{AUTH}/roleAssignments/11111111-2222-4333-8444-00000000000{id}?api-version=2022-04-01");
        let made =
            sim.does("PUT", &at, &json!({ "properties": { "roleDefinitionId": READER, "principalId": KARI } }), 201);
        assert_eq!(made["properties"]["roleDefinitionId"], READER);
        assert_eq!(sim.get(&at)["id"], at.split('?').next().unwrap());
    }
}

#[test]
fn groups_and_resources() {
    let sim = Sim::new();
    let group = |name: &str| format!("{SUB}/resourcegroups/{name}?api-version=2021-04-01");
    let list = format!("{SUB}/resourcegroups?api-version=2021-04-01");
    assert_eq!(names(&sim.get(&list)), ["rg"]);
    sim.refused("c2", "PUT", &group("new"), &json!({ "location": "westeurope" }), 403, "AuthorizationFailed");
    sim.refused("c1", "PUT", &group("new"), &json!({}), 400, "LocationRequired");
    let made = sim.does("PUT", &group("new"), &json!({ "location": "westeurope", "tags": { "a": "b" } }), 201);
    assert_eq!(made["id"], format!("{SUB}/resourceGroups/new"));
    sim.does("PUT", &group("new"), &json!({ "location": "westeurope" }), 200);
    let elsewhere = json!({ "location": "norwayeast" });
    sim.refused("c1", "PUT", &group("new"), &elsewhere, 409, "InvalidResourceGroupLocation");
    sim.does("HEAD", &group("NEW"), &Value::Null, 204);
    let ai = format!("{SUB}/resourceGroups/new/providers/Microsoft.Insights/components/ai2?api-version=2020-02-02");
    let made = sim.does("PUT", &ai, &json!({ "location": "norwayeast", "kind": "web", "properties": { "Application_Type": "web", "WorkspaceResourceId": "/w" } }), 200);
    assert_eq!(made["id"], format!("{SUB}/resourceGroups/new/providers/microsoft.insights/components/ai2"));
    assert_eq!(
        (&made["type"], &made["properties"]["IngestionMode"]),
        (&json!("microsoft.insights/components"), &json!("LogAnalytics"))
    );
    let law = format!(
        "{SUB}/resourceGroups/new/providers/Microsoft.OperationalInsights/workspaces/law2?api-version=2023-09-01"
    );
    sim.does("PUT", &law, &json!({ "location": "norwayeast" }), 201);
    let all = format!("{SUB}/resources?api-version=2021-04-01");
    assert_eq!(names(&sim.get(&all)).len(), 5);
    let mut page = sim.get(&format!(
        "{all}&$filter=resourceGroup eq 'NEW' and resourceType ne 'Microsoft.OperationalInsights/workspaces'"
    ));
    let mut held = vec![names(&page).len()];
    while let Some(next) = page["nextLink"].as_str() {
        page = sim.get(next.strip_prefix("https://sim").unwrap());
        held.push(names(&page).len());
    }
    assert_eq!(held, [0, 0, 1, 0]);
    sim.refused("c1", "GET", &format!("{all}&$filter=plan eq 'x'"), &Value::Null, 400, "InvalidFilterInQueryString");
    sim.kept();
    let answer = sim.answer("c1", "DELETE", &group("new"), &Value::Null);
    assert_eq!(answer.status, 202);
    let link = &answer.headers.iter().find(|(name, _)| name == "location").unwrap().1;
    sim.does("GET", link.strip_prefix("https://sim").unwrap(), &Value::Null, 200);
    sim.refused("c1", "GET", &ai, &Value::Null, 404, "ResourceGroupNotFound");
    sim.does("DELETE", &ai, &Value::Null, 204);
}

#[test]
fn a_vault_comes_back_without_its_assignments() {
    let sim = Sim::new();
    let vaults = format!("{SUB}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults");
    let kv = format!("{vaults}/kv?api-version=2026-02-01");
    let held = || {
        sim.get(&format!("{vaults}/kv{AUTH}/roleAssignments?api-version=2022-04-01"))["value"].as_array().unwrap().len()
    };
    assert_eq!(held(), 3);
    sim.does("DELETE", &kv, &Value::Null, 200);
    sim.does("DELETE", &kv, &Value::Null, 204);
    sim.refused("c1", "GET", &kv, &Value::Null, 404, "ResourceNotFound");
    let gone = format!("{SUB}/providers/Microsoft.KeyVault/deletedVaults?api-version=2023-07-01");
    let listed = sim.get(&gone);
    assert_eq!(listed["value"][0]["properties"]["scheduledPurgeDate"], "2027-02-20T09:00:00Z");
    sim.kept();
    let body = |properties: Value| json!({ "location": "norwayeast", "properties": properties });
    sim.refused("c1", "PUT", &kv, &body(json!({})), 409, "ConflictError");
    sim.does("PUT", &kv, &body(json!({ "createMode": "recover" })), 200);
    assert_eq!(held(), 2);
    sim.does("DELETE", &kv, &Value::Null, 200);
    let purge = format!("{SUB}/providers/Microsoft.KeyVault/locations/norwayeast/deletedVaults/kv");
    assert_eq!(sim.get(&format!("{purge}?api-version=2023-07-01"))["name"], "kv");
    sim.does("POST", &format!("{purge}/purge?api-version=2023-07-01"), &Value::Null, 200);
    let made =
        sim.does("PUT", &kv, &body(json!({ "tenantId": "x", "sku": { "family": "A", "name": "standard" } })), 201);
    assert_eq!(made["properties"]["enableRbacAuthorization"], true);
    let old = format!("{vaults}/kv3?api-version=2023-07-01");
    assert_eq!(sim.does("PUT", &old, &body(json!({})), 201)["properties"]["enableRbacAuthorization"], false);
    sim.does("DELETE", &old, &Value::Null, 200);
    sim.0.with(|world| world.wait(jiff::SignedDuration::from_hours(91 * 24)));
    assert_eq!(names(&sim.get(&gone)), [""; 0]);
}

#[test]
fn access_policies() {
    let sim = Sim::new();
    let kv = format!("{SUB}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv");
    let change = |word: &str, secrets: Value| {
        let body = json!({ "properties": { "accessPolicies": [{ "tenantId": "t", "objectId": KARI, "permissions": { "secrets": secrets } }] } });
        let answer = sim.does("PUT", &format!("{kv}/accessPolicies/{word}?api-version=2023-07-01"), &body, 200);
        assert_eq!(answer["id"], format!("{kv}/accessPolicies/"));
        sim.get(&format!("{kv}?api-version=2023-07-01"))["properties"]["accessPolicies"].clone()
    };
    let secrets = |policies: &Value| policies[0]["permissions"]["secrets"].clone();
    assert_eq!(secrets(&change("add", json!(["Get"]))), json!(["Get"]));
    assert_eq!(secrets(&change("add", json!(["get", "List"]))), json!(["Get", "List"]));
    assert_eq!(secrets(&change("replace", json!(["Set", "Get"]))), json!(["Set", "Get"]));
    assert_eq!(secrets(&change("remove", json!(["set"]))), json!(["Get"]));
    assert_eq!(change("remove", json!(["get"])), json!([]));
}

#[test]
fn a_denial_takes_a_right_away() {
    let sim = Sim::with(&format!(
        "{WORLD}deny_assignments:\n  - {{ name: stack, scope: kv, actions: ['Microsoft.Authorization/roleAssignments/*'], not_actions: ['*/read'], principals: [owner] }}\n"
    ));
    let kv = format!("{SUB}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv");
    let put = format!("{kv}{AUTH}/roleAssignments/11111111-2222-4333-8444-555555555555?api-version=2022-04-01");
    let body = json!({ "properties": { "roleDefinitionId": READER, "principalId": KARI } });
    let said = sim.refused("c1", "PUT", &put, &body, 403, "DenyAssignmentAuthorizationFailed");
    assert!(said.contains("the access is denied because of the deny assignment with name 'stack'"), "{said}");
    sim.get(&format!("{kv}{AUTH}/roleAssignments?api-version=2022-04-01"));
    let list = |at: &str, filter: &str| {
        sim.get(&format!("{at}{AUTH}/denyAssignments?api-version=2022-04-01&$filter={filter}"))
    };
    let found = list(SUB, "");
    assert_eq!(found["value"][0]["properties"]["principals"][0]["type"], "ServicePrincipal");
    assert_eq!(names(&list(SUB, "atScope()")), [""; 0]);
    assert_eq!(names(&list(&kv, "atScope()")).len(), 1);
    assert_eq!(names(&list(SUB, "denyAssignmentName eq 'x'")), [""; 0]);
    let id = found["value"][0]["id"].as_str().unwrap();
    assert_eq!(sim.get(&format!("{id}?api-version=2022-04-01"))["id"], id);
}

#[test]
fn locks_come_and_go() {
    let sim = Sim::new();
    let at = |name: &str| format!("{SUB}/resourceGroups/rg{AUTH}/locks/{name}?api-version=2020-05-01");
    let level = |level: &str| json!({ "properties": { "level": level, "notes": "n" } });
    sim.refused("c2", "PUT", &at("keep"), &level("CanNotDelete"), 403, "AuthorizationFailed");
    sim.refused("c1", "PUT", &at("keep"), &level("Sometimes"), 400, "LockLevelInvalid");
    sim.does("PUT", &at("keep"), &level("CanNotDelete"), 201);
    let kv = format!("{SUB}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv?api-version=2026-02-01");
    let said = sim.refused("c1", "DELETE", &kv, &Value::Null, 409, "ScopeLocked");
    assert!(said.contains("resourceGroups/rg'. Please remove the lock"), "{said}");
    assert_eq!(sim.does("PUT", &at("keep"), &level("ReadOnly"), 200)["properties"]["level"], "ReadOnly");
    sim.refused("c1", "PUT", &kv, &json!({ "location": "norwayeast" }), 409, "ScopeLocked");
    assert_eq!(sim.get(&at("KEEP"))["name"], "keep");
    assert_eq!(names(&sim.get(&format!("{SUB}{AUTH}/locks?api-version=2020-05-01"))), ["keep"]);
    sim.does("DELETE", &at("keep"), &Value::Null, 200);
    sim.does("DELETE", &at("keep"), &Value::Null, 204);
    sim.refused("c1", "GET", &at("keep"), &Value::Null, 404, "LockNotFound");
}

#[test]
fn eligible_active_and_over() {
    let sim = Sim::new();
    let at = |collection: &str, id: u32| {
        format!("{SUB}{AUTH}/{collection}/11111111-2222-4333-8444-0000000000{id:02}?api-version=2020-10-01")
    };
    let list = |collection: &str, filter: &str| {
        sim.get(&format!("{SUB}{AUTH}/{collection}?api-version=2020-10-01&$filter={filter}"))
    };
    let (eligibility, assignment) = ("roleEligibilityScheduleRequests", "roleAssignmentScheduleRequests");
    let body = |kind: &str, principal: &str, duration: &str| json!({ "properties": { "principalId": principal, "roleDefinitionId": format!("{SUB}{READER}"), "requestType": kind, "scheduleInfo": { "expiration": { "type": "AfterDuration", "duration": duration } } } });
    sim.refused("c2", "PUT", &at(eligibility, 1), &body("AdminAssign", KARI, "P365D"), 403, "AuthorizationFailed");
    let said = sim.refused(
        "c1",
        "PUT",
        &at(eligibility, 1),
        &body("AdminAssign", KARI, "P400D"),
        400,
        "RoleAssignmentRequestPolicyValidationFailed",
    );
    assert_eq!(said, "The following policy rules failed: [\"ExpirationRule\"]");
    let nobody = "00000000-0000-0000-0000-0000000000ff";
    sim.refused("c1", "PUT", &at(eligibility, 1), &body("AdminAssign", nobody, "P1D"), 400, "SubjectNotFound");
    let group = "00000000-0000-0000-0000-0000000000e1";
    let made = sim.does("PUT", &at(eligibility, 1), &body("AdminAssign", group, "P365D"), 201);
    assert_eq!(
        (&made["properties"]["status"], &made["type"]),
        (&json!("Provisioned"), &json!("Microsoft.Authorization/RoleEligibilityScheduleRequests"))
    );
    sim.refused("c1", "PUT", &at(eligibility, 2), &body("AdminAssign", group, "P1D"), 400, "RoleAssignmentExists");
    assert_eq!(names(&list("roleEligibilitySchedules", &format!("(principalId eq '{group}') and atScope()"))).len(), 1);
    assert_eq!(names(&list("roleEligibilityScheduleInstances", &format!("principalId eq '{KARI}'"))), [""; 0]);
    assert_eq!(names(&list(eligibility, "")).len(), 1);
    // `reader` is in the group, and activates for itself only.
    let own = "00000000-0000-0000-0000-0000000000d2";
    let role = json!({ "properties": { "principalId": own, "roleDefinitionId": format!("{SUB}{READER}"), "requestType": "SelfActivate", "scheduleInfo": { "expiration": { "type": "AfterDuration", "duration": "PT8H" } } } });
    sim.refused("c1", "PUT", &at(assignment, 3), &role, 403, "InsufficientPermissions");
    sim.refused("c2", "PUT", &at(assignment, 3), &role, 400, "RoleAssignmentExists"); // a Reader already
    let ordinary = list("roleAssignmentSchedules", &format!("principalId eq '{own}'"));
    let origin = list("roleAssignmentScheduleInstances", &format!("principalId eq '{own}'"));
    assert_eq!(
        (names(&ordinary).len(), origin["value"][0]["properties"]["assignmentType"].as_str()),
        (1, Some("Assigned"))
    );
    let id = origin["value"][0]["properties"]["originRoleAssignmentId"].as_str().unwrap().to_owned();
    sim.does("DELETE", &format!("{id}?api-version=2022-04-01"), &Value::Null, 200);
    let (status, active) = sim.ask("c2", "PUT", &at(assignment, 3), &role);
    assert_eq!((status, &active["properties"]["status"]), (201, &json!("Provisioned")), "{active}");
    sim.kept();
    let held = format!("{SUB}{AUTH}/roleAssignments?api-version=2022-04-01&$filter=principalId eq '{own}'");
    assert_eq!(names(&sim.get(&held)).len(), 1);
    let instance = list("roleAssignmentScheduleInstances", &format!("principalId eq '{own}'"));
    let properties = &instance["value"][0]["properties"];
    assert_eq!(
        (&properties["assignmentType"], &properties["endDateTime"]),
        (&json!("Activated"), &json!("2026-11-22T17:00:00.0000000Z"))
    );
    assert!(properties["linkedRoleEligibilityScheduleId"].as_str().unwrap().contains("RoleEligibilitySchedules"));
    sim.refused("c1", "PUT", &at(eligibility, 4), &body("AdminRemove", group, "P1D"), 400, "ActiveDurationTooShort");
    sim.0.with(|world| world.wait(jiff::SignedDuration::from_hours(9)));
    assert_eq!(names(&sim.get(&held)), [""; 0]);
    let (status, _) = sim.ask("c2", "PUT", &at(assignment, 5), &role); // again, once the first is over
    assert_eq!(status, 201);
    assert_eq!(
        sim.does("PUT", &at(eligibility, 4), &body("AdminRemove", group, "P1D"), 201)["properties"]["status"],
        "Revoked"
    );
    sim.refused(
        "c1",
        "PUT",
        &at(eligibility, 6),
        &body("AdminRemove", group, "P1D"),
        400,
        "RoleAssignmentDoesNotExist",
    );
    assert_eq!(names(&list("roleEligibilitySchedules", "")), [""; 0]);
}

#[test]
fn resource_graph_shows_assignments_and_has_a_quota() {
    let sim = Sim::new();
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
    let query = "authorizationresources | where type =~ 'Microsoft.Authorization/RoleAssignments' | extend scope = tolower(properties.scope) | summarize count() by scope";
    let all = |client: &str, body: &Value| sim.ask(client, "POST", path, body).1["data"].as_array().unwrap().len();
    assert_eq!(all("c1", &json!({ "query": query })), 2); // the subscription and the vault
    assert_eq!(all("c1", &json!({ "query": query, "managementGroups": ["altinn"] })), 3); // and the root
    let definitions = "authorizationresources | where type == 'microsoft.authorization/roledefinitions' and properties.roleName =~ 'reader' | project name";
    assert_eq!(all("c2", &json!({ "query": definitions })), 1);
    let table = json!({ "query": definitions, "options": { "resultFormat": "table" } });
    let data = sim.ask("c1", "POST", path, &table).1["data"].clone();
    assert_eq!((&data["columns"][0]["name"], data["rows"].as_array().unwrap().len()), (&json!("name"), 1));
    let (status, refused) = sim.ask("c1", "POST", path, &json!({ "query": "resources | join (resources) on id" }));
    assert!(status == 400 && refused.to_string().contains("join"), "{refused}");
    let ask = || sim.answer("c1", "POST", path, &json!({ "query": "resources | count" }));
    (0..11).for_each(|_| drop(ask()));
    let last = ask();
    let header = |name: &str| last.headers.iter().find(|(is, _)| is == name).map(|(_, value)| value.as_str());
    assert_eq!(
        (last.status, header("retry-after"), header("x-ms-user-quota-resets-after")),
        (429, Some("5"), Some("00:00:05"))
    );
}

#[test]
fn groups_in_graph() {
    let sim = Sim::new();
    let body = json!({ "displayName": "new", "mailNickname": "new", "mailEnabled": false, "securityEnabled": true });
    sim.refused("c1", "POST", "/v1.0/groups", &json!({ "displayName": "new" }), 400, "Request_BadRequest");
    let id = sim.does("POST", "/v1.0/groups", &body, 201)["id"].as_str().unwrap().to_owned();
    let members = format!("/v1.0/groups/{id}/members");
    let add =
        |member: &str| json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{member}") });
    let outer = "00000000-0000-0000-0000-0000000000e1";
    sim.does("POST", &format!("{members}/$ref"), &add(KARI), 204);
    sim.refused("c1", "POST", &format!("{members}/$ref"), &add(KARI), 400, "Request_BadRequest");
    let nobody = "00000000-0000-0000-0000-0000000000ff";
    sim.refused("c1", "POST", &format!("{members}/$ref"), &add(nobody), 404, "Request_ResourceNotFound");
    sim.does("POST", &format!("/v1.0/groups/{outer}/members/$ref"), &add(&id), 204);
    let of =
        sim.does("POST", &format!("/v1.0/users/{KARI}/getMemberGroups"), &json!({ "securityEnabledOnly": false }), 200);
    assert_eq!(of["value"].as_array().unwrap().len(), 2);
    let some = sim.does(
        "POST",
        &format!("/v1.0/directoryObjects/{KARI}/checkMemberGroups"),
        &json!({ "groupIds": [outer, nobody] }),
        200,
    );
    assert_eq!(some["value"], json!([outer]));
    let units = |target: &str| {
        let answer = sim.answer("c1", "GET", target, &Value::Null);
        answer.headers.into_iter().find(|(name, _)| name == "x-ms-resource-unit").unwrap().1
    };
    assert_eq!(
        (units("/v1.0/users"), units(&members), units("/v1.0/users?$select=id&$top=5")),
        ("2".to_owned(), "3".to_owned(), "1".to_owned())
    );
    assert_eq!(units(&format!("/v1.0/groups/{outer}/transitiveMembers")), "5");
    sim.does("PATCH", &format!("/v1.0/groups/{id}"), &json!({ "displayName": "newer" }), 204);
    sim.does("DELETE", &format!("{members}/{KARI}/$ref"), &Value::Null, 204);
    sim.refused("c1", "DELETE", &format!("{members}/{KARI}/$ref"), &Value::Null, 404, "Request_ResourceNotFound");
    sim.does("DELETE", &format!("/v1.0/groups/{id}"), &Value::Null, 204);
    sim.refused("c1", "GET", &format!("/v1.0/groups/{id}"), &Value::Null, 404, "Request_ResourceNotFound");
    let gone = sim.get("/v1.0/directory/deletedItems/microsoft.graph.group");
    assert_eq!(gone["value"][0]["displayName"], "newer");
    sim.kept();
    sim.does("POST", &format!("/v1.0/directory/deletedItems/{id}/restore"), &json!({}), 200);
    assert_eq!(sim.get(&format!("/v1.0/groups/{id}"))["displayName"], "newer");
}

#[test]
fn graph_has_a_quota() {
    let sim = Sim::new();
    let answers =
        (0..900).map(|_| sim.ask("c1", "GET", &format!("/v1.0/groups/{KARI}/transitiveMembers"), &Value::Null));
    let throttled = answers.filter(|(status, _)| *status == 429).count();
    assert_eq!(throttled, 200); // 3,500 units, 5 each
}

#[test]
fn headers_of_the_gateway() {
    let sim = Sim::new();
    let header =
        |answer: &Answer, name: &str| answer.headers.iter().find(|(is, _)| is == name).map(|(_, value)| value.clone());
    let list = format!("{SUB}{AUTH}/roleAssignments?api-version=2022-04-01");
    let answer = sim.answer("c1", "GET", &list, &Value::Null);
    for (name, value) in [("reads", "249"), ("global-reads", "3749")] {
        assert_eq!(header(&answer, &format!("x-ms-ratelimit-remaining-subscription-{name}")).as_deref(), Some(value));
    }
    assert!(header(&answer, "x-ms-correlation-request-id").is_some());
    let refused = sim.answer(
        "c2",
        "PUT",
        &format!("{SUB}{AUTH}/locks/x?api-version=2020-05-01"),
        &json!({ "properties": { "level": "ReadOnly" } }),
    );
    assert_eq!((refused.status, header(&refused, "x-ms-failure-cause").as_deref()), (403, Some("gateway")));
}
