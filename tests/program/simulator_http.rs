//! The simulated Azure over real sockets: sign-in, routes, and each misbehaviour of the wire.

use serde_json::{Value, json};
use tilgang::simulator::{Running, ServeOptions, SharedWorld, Tls, file, serve};

const WORLD: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
applications:
  - { name: tilgang, client_id: 00000000-0000-0000-0000-0000000000c1, secret: s3cret, federated: true }
  - { name: reader, client_id: 00000000-0000-0000-0000-0000000000c2, secret: s3cret, graph: [] }
users:
  - { user: kari.fiktiv@ai-dev.no, id: 00000000-0000-0000-0000-00000000000a }
  - { user: ola.dikt@ai-dev.no, id: 00000000-0000-0000-0000-00000000000b, enabled: false }
groups: [{ name: tilgang-ttd, members: [kari.fiktiv@ai-dev.no] }]
subscriptions:
  - name: Altinn-TTD-Prod
    id: 00000000-0000-0000-0000-000000000001
    group: ttd-prod-rg
    tags: { finops_serviceownercode: ttd }
    resources: [workspace ttd-prod-law, component ttd-prod-ai, vault ttd-prod-keyvault]
    locks: [{ name: keep, level: CanNotDelete, scope: ttd-prod-ai }]
assignments:
  - { principal: tilgang, role: Role Based Access Control Administrator, scope: / }
  - { principal: reader, role: Reader, scope: Altinn-TTD-Prod }
  - { principal: ola.dikt@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai }
";
const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-000000000001";
const VAULT: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/ttd-prod-rg/providers/Microsoft.KeyVault/vaults/ttd-prod-keyvault";
const OFFICER: &str = "/providers/Microsoft.Authorization/roleDefinitions/b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
const ARM: &str = "https://management.azure.com/.default";
const GRAPH: &str = "https://graph.microsoft.com/.default";

struct Client {
    http: reqwest::Client,
    running: Running,
}

impl Client {
    async fn start(tls: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let now = || "2026-11-22T09:00:00Z".parse().unwrap();
        let world = SharedWorld::new(file::read(WORLD).unwrap(), now);
        let tls = tls.then(|| Tls::throw_away().unwrap());
        let running = serve(world, ServeOptions { tls, ..ServeOptions::default() }).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(10));
        let http = match &running.ca_pem {
            Some(ca) => http.tls_certs_only([reqwest::Certificate::from_pem(ca.as_bytes()).unwrap()]),
            None => http,
        };
        Self { http: http.build().unwrap(), running }
    }

    async fn sign_in(&self, client: &str, secret: &str, scope: &str) -> (u16, Value) {
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope={scope}");
        let url = format!("{}/00000000-0000-0000-0000-0000000000aa/oauth2/v2.0/token", self.running.url);
        let reply = self.http.post(url).body(form).send().await.unwrap();
        (reply.status().as_u16(), serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap())
    }

    async fn token(&self, client: &str, scope: &str) -> String {
        let client = format!("00000000-0000-0000-0000-0000000000{client}");
        self.sign_in(&client, "s3cret", scope).await.1["access_token"].as_str().unwrap().to_owned()
    }

    async fn send(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> reqwest::Result<(u16, Value)> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.running.url) };
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let reply = request.send().await?;
        let status = reply.status().as_u16();
        let bytes = reply.bytes().await?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.send(token, method, path, body).await.unwrap()
    }
}

fn officer(principal: &str) -> Value {
    json!({ "properties": { "roleDefinitionId": OFFICER, "principalId": principal, "principalType": "User", "description": "x" } })
}

fn at_vault(name: &str) -> String {
    format!("{VAULT}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01")
}

const KARI: &str = "00000000-0000-0000-0000-00000000000a";
const NAME: &str = "44dc0e99-fa66-567c-9394-074b260ef854";

/// The whole life of a role assignment over HTTPS, statuses and bodies as recorded.
#[tokio::test]
async fn create_update_read_delete_over_tls() {
    let client = Client::start(true).await;
    assert!(client.running.url.starts_with("https://127.0.0.1:"));
    let token = client.token("c1", ARM).await;
    let (status, made) = client.ask(&token, "PUT", &at_vault(NAME), Some(officer(KARI))).await;
    assert_eq!((status, &made["properties"]["createdBy"]), (201, &Value::Null));
    assert_eq!(made["properties"]["createdOn"], "2026-11-22T08:59:58.8500000Z");
    let (status, read) = client.ask(&token, "GET", &at_vault(NAME), None).await;
    assert_eq!((status, &read["properties"]["createdOn"]), (200, &json!("2026-11-22T09:00:00.0000000Z")));
    assert_eq!(read["properties"]["roleDefinitionId"], format!("{SUBSCRIPTION}{OFFICER}"));
    assert_eq!(client.ask(&token, "PUT", &at_vault(NAME), Some(officer(KARI))).await.0, 201);
    let other = at_vault("44dc0e99-fa66-567c-9394-074b260ef855");
    let (status, exists) = client.ask(&token, "PUT", &other, Some(officer(KARI))).await;
    assert_eq!((status, exists["error"]["code"].as_str().unwrap()), (409, "RoleAssignmentExists"));
    assert!(exists["error"]["message"].as_str().unwrap().ends_with("44dc0e99fa66567c9394074b260ef854."));
    let (status, gone) = client.ask(&token, "PUT", &other, Some(officer("00000000-0000-0000-0000-0000000000ff"))).await;
    assert_eq!((status, gone["error"]["code"].as_str().unwrap()), (400, "PrincipalNotFound"));
    assert_eq!(client.ask(&token, "DELETE", &at_vault(NAME), None).await.0, 200);
    assert_eq!(client.ask(&token, "DELETE", &at_vault(NAME), None).await.0, 204);
    assert_eq!(client.ask(&token, "GET", &at_vault(NAME), None).await.0, 404);
    let counts = client.running.world.stats.counts();
    assert_eq!((counts.by_route["PUT roleAssignments"], counts.writes), (4, 6));
    assert_eq!(counts.connections, 1);
}

#[tokio::test]
async fn a_reader_cannot_write_and_nobody_comes_without_a_token() {
    let client = Client::start(false).await;
    let token = client.token("c2", ARM).await;
    let list = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01");
    let (status, listed) = client.ask(&token, "GET", &list, None).await;
    assert_eq!((status, listed["value"].as_array().unwrap().len()), (200, 3));
    assert_eq!(listed.get("nextLink"), None);
    let (status, refused) = client.ask(&token, "PUT", &at_vault(NAME), Some(officer(KARI))).await;
    assert_eq!((status, refused["error"]["code"].as_str().unwrap()), (403, "AuthorizationFailed"));
    assert_eq!(client.ask("", "GET", &list, None).await.0, 401);
    assert_eq!(client.ask(&client.token("c2", GRAPH).await, "GET", &list, None).await.0, 401);
    let (status, refused) = client.ask(&client.token("c2", GRAPH).await, "GET", "/v1.0/users", None).await;
    assert_eq!((status, refused["error"]["code"].as_str().unwrap()), (403, "Authorization_RequestDenied"));
    let (status, wrong) = client.sign_in("00000000-0000-0000-0000-0000000000c1", "wrong", ARM).await;
    assert_eq!((status, wrong["error"].as_str().unwrap()), (401, "invalid_client"));
    assert!(wrong["error_description"].as_str().unwrap().starts_with("AADSTS7000215: Invalid client secret provided."));
}

#[tokio::test]
async fn resource_graph_locks_permissions_and_pim() {
    let client = Client::start(false).await;
    let token = client.token("c1", ARM).await;
    let query = json!({ "query": "resources | where type in~ ('Microsoft.KeyVault/vaults','microsoft.insights/components') | project id, name, type, subscriptionId, tags, rbac = properties.enableRbacAuthorization | union (resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, name, type, subscriptionId, state = properties.state) | order by id asc", "options": { "$top": 2 } });
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
    let (status, first) = client.ask(&token, "POST", path, Some(query.clone())).await;
    assert_eq!((status, &first["resultTruncated"], &first["totalRecords"]), (200, &json!("true"), &json!(3)));
    let mut next = query;
    next["options"]["$skipToken"] = first["$skipToken"].clone();
    let (_, last) = client.ask(&token, "POST", path, Some(next)).await;
    assert_eq!((&last["resultTruncated"], &last["data"][0]["name"]), (&json!("false"), &json!("ttd-prod-ai")));
    assert_eq!((first["data"][0]["state"].as_str(), first["data"][1]["rbac"].as_bool()), (Some("Enabled"), Some(true)));
    let (status, refused) = client.ask(&token, "POST", path, Some(json!({ "query": "resources | mv-expand x" }))).await;
    assert_eq!(status, 400);
    assert!(refused["error"]["details"][0]["message"].as_str().unwrap().contains("mv-expand"));
    let provider = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization");
    let (_, locks) = client.ask(&token, "GET", &format!("{provider}/locks?api-version=2020-05-01"), None).await;
    assert_eq!(locks["value"][0]["name"], "keep");
    let (_, pim) = client
        .ask(&token, "GET", &format!("{provider}/roleAssignmentScheduleInstances?api-version=2020-10-01"), None)
        .await;
    assert_eq!(pim["value"][0]["properties"]["assignmentType"], "Assigned");
    let (_, rights) = client
        .ask(
            &token,
            "GET",
            &format!("{VAULT}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"),
            None,
        )
        .await;
    assert!(rights["value"][0]["actions"].to_string().contains("roleAssignments/write"));
    let (status, refused) = client.ask(&token, "GET", &format!("{provider}/locks?api-version=1999-01-01"), None).await;
    assert_eq!((status, refused["error"]["code"].as_str().unwrap()), (400, "InvalidResourceType"));
}

#[tokio::test]
async fn people_come_and_go() {
    let client = Client::start(false).await;
    let token = client.token("c1", GRAPH).await;
    let filter = "/users?$filter=userPrincipalName in ('kari.fiktiv@ai-dev.no','OLA.DIKT@ai-dev.no','nobody@ai-dev.no')&$select=id,userPrincipalName,accountEnabled";
    let requests = json!({ "requests": [
        { "id": "1", "method": "GET", "url": filter },
        { "id": "2", "method": "GET", "url": format!("/users/{KARI}") },
        { "id": "3", "method": "GET", "url": "/users/nobody@ai-dev.no" },
    ] });
    let (status, batch) = client.ask(&token, "POST", "/v1.0/$batch", Some(requests)).await;
    assert_eq!(status, 200);
    let of = |id: &str| batch["responses"].as_array().unwrap().iter().find(|r| r["id"] == id).unwrap().clone();
    assert_eq!(of("1")["body"]["value"].as_array().unwrap().len(), 2);
    assert_eq!(of("1")["body"]["value"][1]["accountEnabled"], false);
    assert_eq!(of("2")["body"].get("accountEnabled"), None);
    assert_eq!(
        (&of("3")["status"], &of("3")["body"]["error"]["code"]),
        (&json!(404), &json!("Request_ResourceNotFound"))
    );
    let many: Vec<Value> =
        (0..21).map(|id| json!({ "id": id.to_string(), "method": "GET", "url": "/users" })).collect();
    assert_eq!(client.ask(&token, "POST", "/v1.0/$batch", Some(json!({ "requests": many }))).await.0, 400);
    assert_eq!(client.ask(&token, "DELETE", &format!("/v1.0/users/{KARI}"), None).await.0, 204);
    assert_eq!(client.ask(&token, "GET", &format!("/v1.0/users/{KARI}"), None).await.0, 404);
    let (_, deleted) = client.ask(&token, "GET", &format!("/v1.0/directory/deletedItems/{KARI}"), None).await;
    assert_eq!(deleted["userPrincipalName"], "0000000000000000000000000000000akari.fiktiv@ai-dev.no");
    assert_eq!(deleted["deletedDateTime"], "2026-11-22T09:00:00Z");
    let search = "/v1.0/directory/deletedItems/microsoft.graph.user?$filter=endswith(userPrincipalName,'kari.fiktiv@ai-dev.no')&$count=true";
    assert_eq!(client.ask(&token, "GET", search, None).await.0, 400); // without ConsistencyLevel: eventual
    let reply = client
        .http
        .get(format!("{}{search}", client.running.url))
        .bearer_auth(&token)
        .header("ConsistencyLevel", "eventual")
        .send()
        .await
        .unwrap();
    let found: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
    assert_eq!(found["@odata.count"], 1);
    assert_eq!(
        client.ask(&token, "POST", &format!("/v1.0/directory/deletedItems/{KARI}/restore"), Some(json!({}))).await.0,
        200
    );
    assert_eq!(client.ask(&token, "GET", &format!("/v1.0/users/{KARI}"), None).await.0, 200);
}

/// A lost reply is not a lost change.
#[tokio::test]
async fn faults_are_real() {
    for tls in [false, true] {
        let client = Client::start(tls).await;
        let token = client.token("c1", ARM).await;
        let list = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01");
        let fault = |does: Value| json!([{ "route": "roleAssignments", "does": does, "times": 1 }]);
        let set =
            async |does: Value| assert_eq!(client.ask("", "PUT", "/_simulator/faults", Some(fault(does))).await.0, 204);
        set(json!("lost_reply")).await;
        assert!(client.send(&token, "PUT", &at_vault(NAME), Some(officer(KARI))).await.is_err());
        assert_eq!(client.ask(&token, "GET", &at_vault(NAME), None).await.0, 200);
        for does in ["reset", "half_body"] {
            set(json!(does)).await;
            assert!(client.send(&token, "GET", &list, None).await.is_err(), "{does}");
        }
        set(json!({ "throttle": { "retry_after": "0.25", "html": true } })).await;
        assert_eq!(client.ask(&token, "GET", &list, None).await, (429, Value::Null));
        set(json!("empty_object")).await;
        assert_eq!(client.ask(&token, "GET", &list, None).await, (200, json!({})));
        set(json!("html")).await;
        assert_eq!(client.ask(&token, "GET", &list, None).await, (200, Value::Null));
        set(json!({ "next_link": "https://elsewhere.example/x" })).await;
        assert_eq!(client.ask(&token, "GET", &list, None).await.1["nextLink"], "https://elsewhere.example/x");
        set(json!({ "answer": { "status": 503, "code": "ServerBusy", "message": "later" } })).await;
        assert_eq!(client.ask(&token, "GET", &list, None).await.0, 503);
        assert_eq!(client.ask(&token, "GET", &list, None).await.0, 200);
    }
}

#[tokio::test]
async fn the_world_comes_out_and_goes_in() {
    let client = Client::start(false).await;
    let url = format!("{}/_simulator/world", client.running.url);
    let yaml = client.http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(yaml.starts_with("tenant: 00000000-0000-0000-0000-0000000000aa\n"));
    assert_eq!(client.http.put(&url).body(yaml.clone()).send().await.unwrap().status(), 204);
    assert_eq!(client.http.get(&url).send().await.unwrap().text().await.unwrap(), yaml);
    assert_eq!(client.http.put(&url).body("tenant: x").send().await.unwrap().status(), 400);
    assert_eq!(client.running.world.stats.counts().requests, 0);
}

/// Pages of a list: absolute links that are followed as they are.
#[tokio::test]
async fn pages() {
    let client = Client::start(false).await;
    let yaml = format!("settings: {{ page_size: 2 }}\n{WORLD}");
    let url = format!("{}/_simulator/world", client.running.url);
    assert_eq!(client.http.put(&url).body(yaml).send().await.unwrap().status(), 204);
    let token = client.token("c1", ARM).await;
    let list =
        format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments?$filter=&api-version=2022-04-01");
    let (_, first) = client.ask(&token, "GET", &list, None).await;
    let next = first["nextLink"].as_str().unwrap().to_owned();
    let (_, second) = client.ask(&token, "GET", &next, None).await;
    assert_eq!((first["value"].as_array().unwrap().len(), second["value"].as_array().unwrap().len()), (2, 1));
    assert_eq!(second.get("nextLink"), None);
}
