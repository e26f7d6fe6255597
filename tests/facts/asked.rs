//! A request for each route of the simulator and each of its refusals, and the world they are put to.

use serde_json::{Value, json};

pub(crate) const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

/// Three applications: one that may do all, one that only reads, one that may do nothing.
pub(crate) const WORLD: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
settings: { page_size: 2 }
applications:
  - { name: tilgang, client_id: 00000000-0000-0000-0000-0000000000c1, secret: s3cret }
  - { name: reader, client_id: 00000000-0000-0000-0000-0000000000c2, id: 00000000-0000-0000-0000-0000000000d2, secret: s3cret, graph: [] }
  - { name: nobody, client_id: 00000000-0000-0000-0000-0000000000c3, secret: s3cret, graph: [] }
users:
  - { user: kari.fiktiv@ai-dev.no, id: 00000000-0000-0000-0000-00000000000a }
  - { user: ola.dikt@ai-dev.no, id: 00000000-0000-0000-0000-00000000000b }
groups:
  - { name: tilgang-ttd, members: [kari.fiktiv@ai-dev.no], id: 00000000-0000-0000-0000-00000000000f }
  - { name: readers, members: [reader], id: 00000000-0000-0000-0000-0000000000fe }
role_definitions:
  - { name: Ours, id: 00000000-0000-0000-0000-0000000000d1, actions: ['*/read'], not_actions: [Microsoft.Insights/*] }
subscriptions:
  - name: Altinn-TTD-Prod
    id: 00000000-0000-0000-0000-000000000001
    management_groups: [altinn]
    group: ttd-prod-rg
    tags: { finops_serviceownercode: ttd }
    resources: [workspace ttd-prod-law, component ttd-prod-ai, vault ttd-prod-kv, { vault: old, rbac: false, network: Disabled }]
    locks:
      - { name: keep, level: CanNotDelete, scope: ttd-prod-ai, notes: ask first }
      - { name: still, level: ReadOnly, scope: old }
assignments:
  - { principal: tilgang, role: Owner, scope: / }
  - { principal: reader, role: Reader, scope: Altinn-TTD-Prod }
  - { principal: ola.dikt@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai, description: by hand, name: 00000000-0000-0000-0000-0000000000e1 }
  - { principal: kari.fiktiv@ai-dev.no, role: Key Vault Secrets Officer, scope: ttd-prod-kv, activated: true, ends: 2026-12-01T00:00:00Z }
  - { principal: tilgang-ttd, role: Ours, scope: altinn, condition: x }
deny_assignments:
  - { name: stack, scope: ttd-prod-law, actions: ['Microsoft.Authorization/roleAssignments/*'], not_actions: ['*/read'], principals: [tilgang] }
";

/// Who asks: the last two digits of a client id, or nobody at all.
pub(crate) type Who = Option<&'static str>;
pub(crate) const ALL: Who = Some("c1");
pub(crate) const READER: Who = Some("c2");
pub(crate) const NOBODY: Who = Some("c3");

/// One request.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) who: Who,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) body: Option<Value>,
    pub(crate) status: u16,
}

pub(crate) const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-000000000001";
const ELSEWHERE: &str = "/subscriptions/00000000-0000-0000-0000-000000000009";
pub(crate) const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/ttd-prod-rg";
pub(crate) const ALTINN: &str = "/providers/Microsoft.Management/managementGroups/altinn";
pub(crate) const KARI: &str = "00000000-0000-0000-0000-00000000000a";
pub(crate) const OLA: &str = "00000000-0000-0000-0000-00000000000b";
const OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
pub(crate) const READER_ROLE: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const NAME: &str = "44dc0e99-fa66-567c-9394-074b260ef854";
pub(crate) const OTHER: &str = "44dc0e99-fa66-567c-9394-074b260ef855";

pub(crate) fn vault(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.KeyVault/vaults/{name}")
}

pub(crate) fn component() -> String {
    format!("{GROUP}/providers/microsoft.insights/components/ttd-prod-ai")
}

pub(crate) fn workspace() -> String {
    format!("{GROUP}/providers/Microsoft.OperationalInsights/workspaces/ttd-prod-law")
}

pub(crate) fn at(scope: &str, rest: &str) -> String {
    let sign = if rest.contains('?') { '&' } else { '?' };
    format!("{}/providers/Microsoft.Authorization/{rest}{sign}api-version=2022-04-01", scope.trim_end_matches('/'))
}

pub(crate) fn named(scope: &str, name: &str) -> String {
    at(scope, &format!("roleAssignments/{name}"))
}

pub(crate) fn grant(principal: &str, role: &str, kind: &str) -> Value {
    let definition = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    json!({ "properties": {
        "roleDefinitionId": definition, "principalId": principal, "principalType": kind, "description": "x" } })
}

pub(crate) fn get(who: Who, target: &str, status: u16) -> Asked {
    Asked { who, method: "GET", target: target.to_owned(), body: None, status }
}

pub(crate) fn put(who: Who, target: &str, body: Value, status: u16) -> Asked {
    Asked { who, method: "PUT", target: target.to_owned(), body: Some(body), status }
}

pub(crate) fn delete(who: Who, target: &str, status: u16) -> Asked {
    Asked { who, method: "DELETE", target: target.to_owned(), body: None, status }
}

/// Role assignments: their whole life, at each kind of scope, and all that is refused.
pub(crate) fn assignments() -> Vec<Asked> {
    let here = vault("ttd-prod-kv");
    let officer = || grant(KARI, READER_ROLE, "User");
    let resource = component();
    let mut asked: Vec<Asked> = Vec::new();
    for scope in ["/", ALTINN, SUBSCRIPTION, GROUP, &here] {
        asked.push(get(ALL, &at(scope, "roleAssignments"), 200));
        asked.push(get(ALL, &at(scope, "roleAssignments?$filter=atScope()"), 200));
        asked.push(get(ALL, &at(scope, &format!("roleAssignments?$filter=principalId%20eq%20'{KARI}'")), 200));
        asked.push(get(None, &at(scope, "roleAssignments"), 401));
        asked.push(get(NOBODY, &at(scope, "roleAssignments"), 403));
        asked.push(get(ALL, &at(scope, "roleAssignments?$filter=scope%20eq%20'x'"), 400));
    }
    asked.extend([
        get(ALL, &at(ELSEWHERE, "roleAssignments"), 404),
        get(ALL, &at(SUBSCRIPTION, &format!("roleAssignments?$filter=assignedTo('{KARI}')")), 200),
        get(READER, &named(&resource, "00000000-0000-0000-0000-0000000000e1"), 200),
        put(ALL, &named(&here, NAME), officer(), 201),
        put(ALL, &named(&here, NAME), officer(), 201),
        get(ALL, &named(&here, NAME), 200),
        put(ALL, &named(&here, OTHER), officer(), 409),
        put(ALL, &named(&here, NAME), grant(OLA, OFFICER, "User"), 400),
        put(ALL, &named(&here, OTHER), grant(OLA, OFFICER, "Group"), 400),
        put(ALL, &named(&here, OTHER), grant("00000000-0000-0000-0000-000000000099", OFFICER, "User"), 400),
        put(ALL, &named(&here, OTHER), grant("x", OFFICER, "User"), 400),
        put(ALL, &named(&here, OTHER), grant(OLA, "00000000-0000-0000-0000-000000000099", "User"), 400),
        put(ALL, &named(&here, OTHER), json!({}), 400),
        put(ALL, &named(&here, "x"), officer(), 400),
        put(READER, &named(&here, OTHER), officer(), 403),
        put(None, &named(&here, OTHER), officer(), 401),
        put(ALL, &named(&vault("old"), OTHER), officer(), 409),
        get(ALL, &named(&here, OTHER), 404),
        get(NOBODY, &named(&here, NAME), 403),
        delete(READER, &named(&here, NAME), 403),
        delete(None, &named(&here, NAME), 401),
        delete(ALL, &named(&here, NAME), 200),
        delete(ALL, &named(&here, NAME), 204),
        delete(ALL, &named(&resource, "00000000-0000-0000-0000-0000000000e1"), 409),
    ]);
    asked
}

/// Everything else that Resource Manager is asked for.
pub(crate) fn others() -> Vec<Asked> {
    let pim = |scope: &str| at(scope, "roleAssignmentScheduleInstances").replace("2022-04-01", "2020-10-01");
    let locks = |scope: &str| at(scope, "locks").replace("2022-04-01", "2020-05-01");
    let usage = at(SUBSCRIPTION, "roleAssignmentsUsageMetrics").replace("2022-04-01", "2019-08-01-preview");
    let unknown = "roleDefinitions/00000000-0000-0000-0000-000000000099";
    let one = |id: &str, version: &str| format!("{id}?api-version={version}");
    let list = |kind: &str, version: &str| format!("{SUBSCRIPTION}/providers/{kind}?api-version={version}");
    let (vaults, components) = ("Microsoft.KeyVault/vaults", "Microsoft.Insights/components");
    let mut asked = vec![
        get(READER, "/subscriptions?api-version=2022-12-01", 200),
        get(None, "/subscriptions?api-version=2022-12-01", 401),
        get(READER, &one(SUBSCRIPTION, "2022-12-01"), 200),
        get(NOBODY, &one(SUBSCRIPTION, "2022-12-01"), 403),
        get(None, &one(SUBSCRIPTION, "2022-12-01"), 401),
        get(ALL, &one(ELSEWHERE, "2022-12-01"), 404),
        get(READER, &usage, 200),
        get(NOBODY, &usage, 403),
        get(ALL, &at(GROUP, "permissions"), 200),
        get(ALL, &at(&vault("ttd-prod-kv"), "permissions"), 200),
        get(None, &at(&vault("ttd-prod-kv"), "permissions"), 401),
        get(READER, &list(vaults, "2023-07-01"), 200),
        get(NOBODY, &list(vaults, "2023-07-01"), 403),
        get(READER, &one(&vault("ttd-prod-kv"), "2023-07-01"), 200),
        get(READER, &one(&vault("old"), "2023-07-01"), 200),
        get(READER, &one(&vault("gone"), "2023-07-01"), 404),
        get(NOBODY, &one(&vault("ttd-prod-kv"), "2023-07-01"), 403),
        get(READER, &list(components, "2020-02-02"), 200),
        get(NOBODY, &list(components, "2020-02-02"), 403),
        get(READER, &one(&component(), "2020-02-02"), 200),
        get(READER, &one(&component().replace("ttd-prod-ai", "gone"), "2020-02-02"), 404),
        get(NOBODY, &one(&component(), "2020-02-02"), 403),
        get(READER, &list("Microsoft.OperationalInsights/workspaces", "2023-09-01"), 200),
        get(NOBODY, &list("Microsoft.OperationalInsights/workspaces", "2023-09-01"), 403),
        get(READER, &one(&workspace(), "2023-09-01"), 200),
        get(READER, &one(&workspace().replace("ttd-prod-law", "gone"), "2023-09-01"), 404),
        get(NOBODY, &one(&workspace(), "2023-09-01"), 403),
    ];
    for scope in [ALTINN, SUBSCRIPTION, GROUP] {
        asked.push(get(READER, &at(scope, "roleDefinitions"), if scope == ALTINN { 403 } else { 200 }));
        asked.push(get(ALL, &at(scope, "roleDefinitions?$filter=roleName%20eq%20'reader'"), 200));
        asked.push(get(ALL, &at(scope, &format!("roleDefinitions/{OFFICER}")), 200));
        asked.push(get(ALL, &at(scope, unknown), 404));
        asked.push(get(None, &at(scope, "roleDefinitions"), 401));
    }
    asked.push(get(NOBODY, &at(SUBSCRIPTION, &format!("roleDefinitions/{OFFICER}")), 403));
    for scope in [SUBSCRIPTION, GROUP, &vault("ttd-prod-kv")] {
        asked.push(get(READER, &pim(scope), 200));
        asked.push(get(NOBODY, &pim(scope), 403));
        asked.push(get(READER, &locks(scope), 200));
        asked.push(get(NOBODY, &locks(scope), 403));
    }
    asked
}

/// Resource Graph, in each version that is described.
pub(crate) fn searches() -> Vec<Asked> {
    let mut asked = Vec::new();
    for version in ["2021-03-01", "2022-10-01", "2024-04-01"] {
        let target = format!("/providers/Microsoft.ResourceGraph/resources?api-version={version}");
        let ask = |who: Who, body: Value, status: u16| Asked {
            who,
            method: "POST",
            target: target.clone(),
            body: Some(body),
            status,
        };
        asked.extend([
            ask(READER, json!({ "query": "resources | order by id asc", "options": { "$top": 2 } }), 200),
            ask(READER, json!({ "query": "resourcecontainers | project id, name, type" }), 200),
            ask(NOBODY, json!({ "query": "resources" }), 200),
            ask(READER, json!({ "query": "resources | frobnicate" }), 400),
            ask(None, json!({ "query": "resources" }), 401),
        ]);
    }
    asked
}

/// Routes of Resource Manager that no description tells of, and why.
pub(crate) const UNDESCRIBED: &[(&str, &str, &str)] = &[
    (
        "GET",
        "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/permissions?api-version=2022-04-01",
        "permissions are described at groups and resources only; the client asks at a subscription too",
    ),
    (
        "GET",
        "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.KeyVault/vaults?api-version=2026-02-01",
        "there is no file of Key Vault 2026-02-01 yet; the same answer is checked as 2023-07-01",
    ),
    (
        "GET",
        "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/roleAssignments?api-version=2020-04-01-preview",
        "older than the described 2022-04-01; its answers are compared with recordings",
    ),
    ("GET", "/metadata/endpoints?api-version=2022-09-01", "the clouds' metadata has no OpenAPI file"),
    (
        "GET",
        "/00000000-0000-0000-0000-0000000000aa/v2.0/.well-known/openid-configuration",
        "Entra has no OpenAPI file here",
    ),
    ("POST", "/00000000-0000-0000-0000-0000000000aa/oauth2/v2.0/token", "Entra has no OpenAPI file here"),
    ("GET", "/v1.0/users", "Graph has no OpenAPI file here; its answers are compared with recordings"),
    ("GET", "/v1.0/groups", "as above"),
    ("GET", "/v1.0/servicePrincipals", "as above"),
    ("GET", "/v1.0/directory/deletedItems/microsoft.graph.user", "as above"),
    ("POST", "/v1.0/directoryObjects/getByIds", "as above"),
    ("POST", "/v1.0/groups", "as above"),
    ("PATCH", "/v1.0/groups/00000000-0000-0000-0000-00000000000f", "as above; not recorded either"),
    ("DELETE", "/v1.0/groups/00000000-0000-0000-0000-00000000000f", "as above"),
    ("POST", "/v1.0/groups/00000000-0000-0000-0000-00000000000f/members/$ref", "as above"),
    (
        "DELETE",
        "/v1.0/groups/00000000-0000-0000-0000-00000000000f/members/00000000-0000-0000-0000-00000000000a/$ref",
        "as above",
    ),
    ("POST", "/v1.0/users/00000000-0000-0000-0000-00000000000a/getMemberGroups", "as above"),
    ("POST", "/v1.0/directoryObjects/00000000-0000-0000-0000-00000000000a/checkMemberGroups", "as above"),
    (
        "POST",
        "/v1.0/directory/deletedItems/00000000-0000-0000-0000-00000000000a/restore",
        "as above; not recorded either",
    ),
    (
        "GET",
        "/subscriptions/00000000-0000-0000-0000-000000000001/operationresults/x?api-version=2021-04-01",
        "where the answer to a deleted group points; no file describes it",
    ),
    ("POST", "/v1.0/$batch", "as above; not recorded either"),
    ("GET", "/_simulator/stats", "the simulator's own"),
    ("GET", "/_simulator/world", "the simulator's own"),
    ("GET", "/_simulator/faults", "the simulator's own"),
    ("GET", "/_simulator/clock", "the simulator's own"),
];
