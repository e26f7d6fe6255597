//! What no public source settles about Azure, asked of Azure itself: in a sandbox of your own, and of the simulator at each
//! run, so that the questions themselves are tried.
//!
//! ```console
//! TILGANG_SANDBOX=yes-this-is-a-sandbox \
//! TILGANG_SANDBOX_SCOPE=/subscriptions/<id>/resourceGroups/<an empty group> \
//! TILGANG_SANDBOX_USER=<object id of a person whom nobody minds> \
//! cargo test --test facts contract -- --ignored --nocapture
//! ```
//!
//! `TILGANG_SANDBOX_VAULT`: a vault's id, for three questions more. Tokens come from `az`, or `TILGANG_SANDBOX_TOKEN` and
//! `TILGANG_SANDBOX_GRAPH_TOKEN`; `TILGANG_SANDBOX_ARM` and `TILGANG_SANDBOX_GRAPH` name other clouds' addresses. It makes role
//! assignments of *Reader* and *Key Vault Reader* for that person at that scope (and below it, at the vault), and deletes
//! each; nothing else is written. It asks some fifty requests. Each question prints what it saw: please send us what differs.

use std::sync::Mutex;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tilgang::simulator::{ServeOptions, SharedWorld, Tls, file, serve};

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const VAULT_READER: &str = "21090545-7ca7-4776-b22c-e363652d74d2";
const PHRASE: &str = "yes-this-is-a-sandbox";
const API: &str = "2022-04-01";

/// One question: what is not settled, and what the simulator takes Azure to answer.
struct Probe {
    /// What is not settled, in our words.
    fact: &'static str,
    /// What the simulator answers, in short.
    simulated: &'static str,
    /// What another answer would mean for us.
    otherwise: &'static str,
    ask: for<'a> fn(&'a Sandbox) -> BoxFuture<'a, Saw>,
}

macro_rules! probe {
    ($fact:literal, $simulated:literal, $otherwise:literal, |$at:ident| $ask:expr) => {
        Probe { fact: $fact, simulated: $simulated, otherwise: $otherwise, ask: |$at| Box::pin(async move { $ask }) }
    };
}

const PROBES: &[Probe] = &[
    probe!(
        "A PUT with a role definition that does not exist: 400 or 404?",
        "400 RoleDefinitionDoesNotExist",
        "the message to people is the same; the simulator's status changes",
        |at| at.put(&at.scope, "ffffffff-ffff-4fff-8fff-ffffffffffff", &json!({})).await
    ),
    probe!(
        "A principalType that is not the principal's: code and words",
        "400 UnmatchedPrincipalType",
        "our hint for it must look for another code",
        |at| at.put(&at.scope, READER, &json!({ "principalType": "Group" })).await
    ),
    probe!(
        "A principal that is no GUID: code and words",
        "400 InvalidPrincipalId",
        "none for us: ours are always GUIDs",
        |at| at.put(&at.scope, READER, &json!({ "principalId": "nobody" })).await
    ),
    probe!(
        "A principal that nobody is, with principalType: refused, or taken on trust?",
        "400 PrincipalNotFound",
        "if taken, a grant to a mistyped `id` would stand without a holder: `id` must be looked up first (it is)",
        |at| at.put(&at.scope, READER, &json!({ "principalId": uuid::Uuid::new_v4().to_string() })).await
    ),
    probe!(
        "GET of an absent assignment: code and words",
        "404 RoleAssignmentNotFound",
        "none for us: absence is read from lists",
        |at| at.arm("GET", &Sandbox::assignment(&at.scope, uuid::Uuid::new_v4()), None).await
    ),
    probe!(
        "DELETE of an absent assignment: 204, and no body?",
        "204 (0 bytes)",
        "a 404 would have to count as gone, too",
        |at| {
            let saw = at.arm("DELETE", &Sandbox::assignment(&at.scope, uuid::Uuid::new_v4()), None).await;
            let short = format!("{} ({} bytes)", saw.short.trim(), saw.said.len());
            Saw { short, ..saw }
        }
    ),
    probe!("A description over 2 KB: which refusal?", "400 BadRequest", "none: ours stay below 200 characters", |at| {
        at.put(&at.scope, READER, &json!({ "description": "x".repeat(2_049) })).await
    }),
    probe!("A condition's version without a condition", "400 BadRequest", "none: ours carry neither", |at| {
        at.put(&at.scope, READER, &json!({ "conditionVersion": "2.0" })).await
    }),
    probe!(
        "The same PUT again with another description is an update, and a list shows it at once",
        "201 201 listed",
        "if not at once, `plan` after `apply` may show a change that was made",
        |at| {
            let url = Sandbox::assignment(&at.scope, uuid::Uuid::new_v4());
            let first = at.put_at(&url, &at.scope, READER, &json!({ "description": "first" })).await;
            let second = at.put_at(&url, &at.scope, READER, &json!({ "description": "second" })).await;
            let list = at.arm("GET", &Sandbox::list(&at.scope, "atScope()"), None).await;
            let listed = if list.said.contains("\"second\"") { "listed" } else { "not yet listed" };
            let (one, two) = (first.status, second.status);
            at.delete(&url).await;
            Saw { short: format!("{one} {two} {listed}"), said: second.said, status: two }
        }
    ),
    probe!(
        "Another name for the same three: 409 with the name of the one that stands?",
        "409 RoleAssignmentExists, named",
        "if it is not named, our message names what the list showed",
        |at| {
            let name = uuid::Uuid::new_v4();
            let url = Sandbox::assignment(&at.scope, name);
            at.put_at(&url, &at.scope, READER, &json!({})).await;
            let saw = at.put(&at.scope, READER, &json!({})).await;
            at.delete(&url).await;
            let named = if saw.said.contains(&name.simple().to_string()) { "named" } else { "not named" };
            Saw { short: format!("{}, {named}", saw.short), ..saw }
        }
    ),
    probe!(
        "The same name with another role definition",
        "400 RoleAssignmentUpdateNotPermitted",
        "if it is taken as an update, a name no longer proves its content by itself: both are compared (they are)",
        |at| {
            let url = Sandbox::assignment(&at.scope, uuid::Uuid::new_v4());
            at.put_at(&url, &at.scope, READER, &json!({})).await;
            let saw = at.put_at(&url, &at.scope, VAULT_READER, &json!({})).await;
            at.delete(&url).await;
            saw
        }
    ),
    probe!(
        "An assignment on a resource that does not exist: is it refused?",
        "201",
        "if refused, a stray at a deleted target can only be removed with its group",
        |at| {
            let group: Vec<&str> = at.scope.split('/').take(5).collect();
            let nowhere = format!("{}/providers/Microsoft.KeyVault/vaults/tilgang-is-not-here", group.join("/"));
            at.put(&nowhere, READER, &json!({})).await
        }
    ),
    probe!(
        "A subscription's list: all on one page?",
        "200, one page",
        "pages are followed; their size tells what a run costs",
        |at| {
            let saw = at.arm("GET", &Sandbox::list(&at.subscription(), ""), None).await;
            let body: Value = serde_json::from_str(&saw.said).unwrap_or_default();
            let pages = if body.get("nextLink").is_some_and(|link| !link.is_null()) { "pages" } else { "one page" };
            let count = body["value"].as_array().map_or(0, Vec::len);
            Saw { short: format!("{}, {pages}", saw.short.trim()), said: format!("{count} entries"), ..saw }
        }
    ),
    probe!("`atScope()` and `assignedTo('…')` together", "200", "`doctor` uses the latter alone", |at| {
        at.arm("GET", &Sandbox::list(&at.scope, &format!("atScope() and assignedTo('{}')", at.user)), None)
            .await
            .only_status()
    }),
    probe!("A filter that does not exist: code and words", "400 UnsupportedQuery", "none for us", |at| at
        .arm("GET", &Sandbox::list(&at.scope, "nonsense eq 'x'"), None)
        .await),
    probe!(
        "Do our permissions show a condition?",
        "200 actions, dataActions, notActions, notDataActions",
        "`doctor` could then read conditions there instead of from our own role assignments",
        |at| {
            let url = format!("{}/providers/Microsoft.Authorization/permissions?api-version={API}", at.scope);
            let saw = at.arm("GET", &url, None).await;
            let body: Value = serde_json::from_str(&saw.said).unwrap_or_default();
            let keys = body["value"][0].as_object().map(|it| it.keys().cloned().collect::<Vec<_>>().join(", "));
            Saw { short: format!("{} {}", saw.short.trim(), keys.unwrap_or_default()), ..saw }
        }
    ),
    probe!(
        "Does PIM list an ordinary assignment among its instances?",
        "200 listed",
        "if not, an absent instance does not tell ordinary from unknown (we ask only whether one is activated)",
        |at| {
            let url = Sandbox::assignment(&at.scope, uuid::Uuid::new_v4());
            at.put_at(&url, &at.scope, READER, &json!({})).await;
            let path = "providers/Microsoft.Authorization/roleAssignmentScheduleInstances?api-version=2020-10-01";
            let saw = at.arm("GET", &format!("{}/{path}", at.scope), None).await;
            at.delete(&url).await;
            let listed = if saw.said.contains(&at.user) { "listed" } else { "not listed" };
            Saw { short: format!("{} {listed}", saw.short.trim()), ..saw }
        }
    ),
    probe!(
        "How many assignments one subscription can hold: 4,000 or 5,000?",
        "200 4000",
        "our finding of a full subscription takes the number from here",
        |at| {
            let path = "providers/Microsoft.Authorization/roleAssignmentsUsageMetrics?api-version=2019-08-01-preview";
            let saw = at.arm("GET", &format!("{}/{path}", at.subscription()), None).await;
            let body: Value = serde_json::from_str(&saw.said).unwrap_or_default();
            Saw { short: format!("{} {}", saw.short.trim(), body["roleAssignmentsLimit"]), ..saw }
        }
    ),
    probe!(
        "Graph: a quote in a name is doubled",
        "200 0 found",
        "names with a quote would have to be asked for in another way",
        |at| at.users("userPrincipalName eq 'o''nobody@tilgang.invalid'").await
    ),
    probe!(
        "Graph: letters of a sign-in name in any case",
        "200 1 found",
        "names would have to be asked for as they are stored",
        |at| {
            let saw = at.graph("GET", &format!("/v1.0/users/{}?$select=userPrincipalName", at.user), None).await;
            let body: Value = serde_json::from_str(&saw.said).unwrap_or_default();
            let name = body["userPrincipalName"].as_str().unwrap_or_default().to_uppercase().replace('\'', "''");
            at.users(&format!("userPrincipalName eq '{name}'")).await
        }
    ),
    probe!(
        "Graph: a person that nobody is",
        "404 Request_ResourceNotFound",
        "none: people are asked for in lists",
        |at| at.graph("GET", &format!("/v1.0/users/{}", uuid::Uuid::new_v4()), None).await
    ),
    probe!(
        "Graph: getByIds leaves out who does not exist",
        "200 1 found",
        "an error would make one deleted person hide all others",
        |at| {
            let ids = json!({ "ids": [at.user, uuid::Uuid::new_v4().to_string()], "types": ["user"] });
            at.graph("POST", "/v1.0/directoryObjects/getByIds", Some(ids)).await.counted()
        }
    ),
    probe!("The vaults' api-version 2026-02-01 answers", "200", "the older ones end on 2027-02-27", |at| {
        let Some(vault) = &at.vault else { return Saw::not_asked("TILGANG_SANDBOX_VAULT is not set") };
        at.arm("GET", &format!("{vault}?api-version=2026-02-01"), None).await.only_status()
    }),
    probe!(
        "Resource Graph tells when a vault was made, and so does the vault itself, to the second",
        "200, the same",
        "a vault that is made anew would be told by what it lost alone; to have it, the vaults of each subscription are listed",
        |at| {
            let Some(vault) = &at.vault else { return Saw::not_asked("TILGANG_SANDBOX_VAULT is not set") };
            let query = format!("resources | where id =~ '{vault}' | project id, made = systemData.createdAt");
            let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
            let index = at.arm("POST", path, Some(json!({ "query": query }))).await;
            let itself = at.arm("GET", &format!("{vault}?api-version=2026-02-01"), None).await;
            let read = |saw: &Saw, pointer: &str| {
                let body: Value = serde_json::from_str(&saw.said).unwrap_or_default();
                body.pointer(pointer).and_then(Value::as_str).and_then(|it| it.parse::<jiff::Timestamp>().ok())
            };
            let both = (read(&index, "/data/0/made"), read(&itself, "/systemData/createdAt"));
            let short = match both {
                (Some(one), Some(other)) if one.as_second() == other.as_second() => "the same",
                (Some(_), Some(_)) => "two times",
                (None, Some(_)) => "not in the index",
                (_, None) => "the vault does not say",
            };
            Saw {
                short: format!("{}, {short}", index.status),
                said: format!("{} {}", index.said, itself.said),
                ..index
            }
        }
    ),
    probe!(
        "A role on a vault in access-policy mode is taken, though it has no effect",
        "201",
        "if refused, our finding `no-effect` becomes a block",
        |at| {
            let Some(vault) = &at.vault else { return Saw::not_asked("TILGANG_SANDBOX_VAULT is not set") };
            let saw = at.arm("GET", &format!("{vault}?api-version=2023-07-01"), None).await;
            let body: Value = serde_json::from_str(&saw.said).unwrap_or_default();
            if body["properties"]["enableRbacAuthorization"] == true {
                return Saw::not_asked("this vault is not in access-policy mode");
            }
            at.put(vault, VAULT_READER, &json!({})).await
        }
    ),
];

/// What cannot be asked so, and why.
const NOT_ASKED: &[(&str, &str)] = &[
    ("RoleAssignmentLimitExceeded: status and words", "would take thousands of assignments"),
    ("A PUT under a ReadOnly lock", "would need the right to lock, and a lock that might stay"),
    ("The last owner of a subscription cannot be removed", "would risk a subscription"),
    (
        "Who sends no principalType fails under a condition on it",
        "needs a second identity that holds the condition; `tilgang identity` and then `doctor` is that",
    ),
    ("An activated PIM assignment looks like any other in a list", "needs PIM's licence and a person who activates"),
    ("How long a new person is unknown to RBAC", "would need the right to make people"),
    ("A deleted person is kept for 30 days", "would need the right to delete people, and 30 days"),
    ("Component Contributor opens a component and cannot read its logs", "needs a person in the portal"),
    ("Key Vault Secrets Officer opens the vault's own page", "needs a person in the portal"),
    ("How accessPolicies/add merges", "would change a vault's policies"),
    ("A vault that is recovered keeps the time it was made at", "would delete a vault"),
    ("A component that is made anew has another CreationDate", "would delete a component"),
];

/// Where it is asked.
struct Sandbox {
    client: reqwest::Client,
    arm: String,
    graph: String,
    token: String,
    graph_token: Option<String>,
    scope: String,
    user: String,
    vault: Option<String>,
    /// URLs of what was put, to be deleted.
    made: Mutex<Vec<String>>,
}

/// What was seen.
#[derive(Debug)]
struct Saw {
    status: u16,
    /// Status and code.
    short: String,
    /// The body.
    said: String,
}

impl Saw {
    fn not_asked(why: &str) -> Self {
        Self { status: 0, short: "not asked".to_owned(), said: why.to_owned() }
    }

    fn only_status(self) -> Self {
        Self { short: self.short.trim().to_owned(), ..self }
    }

    fn counted(self) -> Self {
        let body: Value = serde_json::from_str(&self.said).unwrap_or_default();
        let count = body["value"].as_array().map_or(0, Vec::len);
        Self { short: format!("{} {count} found", self.short.trim()), ..self }
    }
}

impl Sandbox {
    async fn send(&self, method: &str, url: String, token: &str, body: Option<Value>) -> Saw {
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        match request.send().await {
            Err(error) => Saw { status: 0, short: "no answer".to_owned(), said: error.without_url().to_string() },
            Ok(answer) => {
                let status = answer.status().as_u16();
                let said = answer.text().await.unwrap_or_default();
                let body: Value = serde_json::from_str(&said).unwrap_or_default();
                let code = body["error"]["code"].as_str().unwrap_or_default();
                Saw { status, short: format!("{status} {code}"), said }
            }
        }
    }

    async fn arm(&self, method: &str, path: &str, body: Option<Value>) -> Saw {
        self.send(method, format!("{}{path}", self.arm), &self.token, body).await
    }

    async fn graph(&self, method: &str, path: &str, body: Option<Value>) -> Saw {
        let Some(token) = &self.graph_token else { return Saw::not_asked("there is no token for Graph") };
        self.send(method, format!("{}{path}", self.graph), token, body).await
    }

    async fn users(&self, filter: &str) -> Saw {
        let saw = self.graph("GET", &format!("/v1.0/users?$filter={}&$select=id", encoded(filter)), None).await;
        if saw.status == 0 { saw } else { saw.counted() }
    }

    fn subscription(&self) -> String {
        self.scope.split('/').take(3).collect::<Vec<_>>().join("/")
    }

    fn assignment(scope: &str, name: uuid::Uuid) -> String {
        format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version={API}")
    }

    fn list(scope: &str, filter: &str) -> String {
        let filter = if filter.is_empty() { String::new() } else { format!("&$filter={}", encoded(filter)) };
        format!("{scope}/providers/Microsoft.Authorization/roleAssignments?api-version={API}{filter}")
    }

    /// PUT under a new name; whatever comes of it is deleted at once.
    async fn put(&self, scope: &str, definition: &str, other: &Value) -> Saw {
        let url = Self::assignment(scope, uuid::Uuid::new_v4());
        let saw = self.put_at(&url, scope, definition, other).await;
        if saw.status == 201 {
            self.delete(&url).await;
        }
        saw.only_status()
    }

    async fn put_at(&self, url: &str, scope: &str, definition: &str, other: &Value) -> Saw {
        let subscription: Vec<&str> = scope.split('/').take(3).collect();
        let definition =
            format!("{}/providers/Microsoft.Authorization/roleDefinitions/{definition}", subscription.join("/"));
        let mut properties =
            json!({ "roleDefinitionId": definition, "principalId": self.user, "principalType": "User" });
        for (key, value) in other.as_object().into_iter().flatten() {
            properties[key] = value.clone();
        }
        self.made.lock().unwrap().push(url.to_owned()); // before it is sent: an answer may be lost
        self.arm("PUT", url, Some(json!({ "properties": properties }))).await
    }

    async fn delete(&self, url: &str) -> Saw {
        let saw = self.arm("DELETE", url, None).await;
        if matches!(saw.status, 200 | 204) {
            self.made.lock().unwrap().retain(|made| made != url);
        }
        saw
    }

    /// Asks everything, then deletes what may be left; answers what was seen, and what could not be deleted.
    async fn run(&self) -> (Vec<(&'static Probe, Saw)>, Vec<String>) {
        let mut seen = Vec::new();
        for probe in PROBES {
            seen.push((probe, (probe.ask)(self).await));
        }
        let left = self.made.lock().unwrap().clone();
        for url in &left {
            self.delete(url).await;
        }
        let left = self.made.lock().unwrap().clone();
        (seen, left)
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What is asked where, by variables; or why not.
fn settings(lookup: &dyn Fn(&str) -> Option<String>) -> Result<(String, String, Option<String>), String> {
    if lookup("TILGANG_SANDBOX").as_deref() != Some(PHRASE) {
        return Err(format!("this makes and deletes role assignments: set TILGANG_SANDBOX={PHRASE} if that may be"));
    }
    let group = |text: &str| {
        let parts: Vec<&str> = text.split('/').collect();
        parts.len() >= 5
            && parts[1].eq_ignore_ascii_case("subscriptions")
            && parts[3].eq_ignore_ascii_case("resourceGroups")
    };
    let scope = lookup("TILGANG_SANDBOX_SCOPE").unwrap_or_default();
    if !group(&scope) {
        return Err("set TILGANG_SANDBOX_SCOPE to the id of a resource group, or of a resource in one".to_owned());
    }
    let user = lookup("TILGANG_SANDBOX_USER").unwrap_or_default();
    if user.parse::<uuid::Uuid>().is_err() {
        return Err("set TILGANG_SANDBOX_USER to the object id of a person whom nobody minds".to_owned());
    }
    match lookup("TILGANG_SANDBOX_VAULT") {
        Some(vault) if !group(&vault) => Err("TILGANG_SANDBOX_VAULT is no resource id".to_owned()),
        vault => Ok((scope, user, vault)),
    }
}

/// A token by `az`, for whoever is signed in.
fn by_az(resource: &str) -> Option<String> {
    let arguments = ["account", "get-access-token", "--query", "accessToken", "-o", "tsv", "--resource", resource];
    let out = std::process::Command::new("az").args(arguments).output().ok()?;
    Some(String::from_utf8(out.stdout).ok()?.trim().to_owned()).filter(|token| !token.is_empty())
}

#[tokio::test]
#[ignore = "asks a real tenant: set TILGANG_SANDBOX and what it names"]
#[allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it is there to be read, and asks its environment")]
async fn a_tenant_answers_as_the_simulator_does() {
    let lookup = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (scope, user, vault) = settings(&lookup).unwrap_or_else(|why| panic!("{why}"));
    let arm = lookup("TILGANG_SANDBOX_ARM").unwrap_or_else(|| "https://management.azure.com".to_owned());
    let graph = lookup("TILGANG_SANDBOX_GRAPH").unwrap_or_else(|| "https://graph.microsoft.com".to_owned());
    let token = lookup("TILGANG_SANDBOX_TOKEN").or_else(|| by_az(&arm));
    let token = token.expect("sign in with `az login`, or set TILGANG_SANDBOX_TOKEN");
    let graph_token = lookup("TILGANG_SANDBOX_GRAPH_TOKEN").or_else(|| by_az(&graph));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_mins(1)).build().unwrap();
    let made = Mutex::default();
    let sandbox = Sandbox { client, arm, graph, token, graph_token, scope, user, vault, made };
    let (seen, left) = sandbox.run().await;
    let mut differ = 0;
    for (probe, saw) in &seen {
        let same = probe.simulated == saw.short;
        differ += usize::from(!same && saw.short != "not asked");
        println!(
            "{} {}\n    saw: {}\n    {}",
            if same { "same   " } else { "DIFFERS" },
            probe.fact,
            saw.short,
            saw.said
        );
        if !same {
            println!("    we took it to be: {}; otherwise: {}", probe.simulated, probe.otherwise);
        }
    }
    for (fact, why) in NOT_ASKED {
        println!("not asked: {fact}: {why}");
    }
    println!("{} asked, {differ} differ", seen.len());
    assert!(left.is_empty(), "these could not be deleted, please do: {left:#?}");
}

const WORLD: &str = r"
tenant: 00000000-0000-0000-0000-0000000000aa
applications: [{ name: tilgang, client_id: 00000000-0000-0000-0000-0000000000c1, secret: s3cret }]
users: [{ user: kari.fiktiv@ai-dev.no, id: 00000000-0000-0000-0000-00000000000a }]
subscriptions:
  - name: Sandbox
    id: 00000000-0000-0000-0000-000000000001
    group: sandbox-rg
    resources: [{ vault: sandbox-kv, rbac: false }]
assignments: [{ principal: tilgang, role: Owner, scope: Sandbox }]
";

/// The questions themselves are tried: the simulator answers each as the table says, and nothing is left behind.
#[tokio::test]
async fn the_simulator_answers_as_the_table_says_and_nothing_is_left() {
    let shared = SharedWorld::new(file::read(WORLD).unwrap(), || "2026-11-22T09:00:00Z".parse().unwrap());
    let options = ServeOptions { tls: Some(Tls::throw_away().unwrap()), ..ServeOptions::default() };
    let running = serve(shared.clone(), options).await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = reqwest::Certificate::from_pem(running.ca_pem.as_ref().unwrap().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
    let url = running.url.clone();
    let form = format!(
        "grant_type=client_credentials&client_id=00000000-0000-0000-0000-0000000000c1&client_secret=s3cret&scope={url}/.default"
    );
    let signed_in = client
        .post(format!("{url}/00000000-0000-0000-0000-0000000000aa/oauth2/v2.0/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let signed_in: Value = serde_json::from_str(&signed_in.text().await.unwrap()).unwrap();
    let token = signed_in["access_token"].as_str().unwrap().to_owned();
    let group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/sandbox-rg";
    let sandbox = Sandbox {
        client,
        arm: url.clone(),
        graph: url,
        graph_token: Some(token.clone()),
        token,
        scope: group.to_owned(),
        user: "00000000-0000-0000-0000-00000000000a".to_owned(),
        vault: Some(format!("{group}/providers/Microsoft.KeyVault/vaults/sandbox-kv")),
        made: Mutex::default(),
    };
    let before = shared.with(|world| world.assignments_len());
    let (seen, left) = sandbox.run().await;
    let wrong: Vec<String> = seen
        .iter()
        .filter(|(probe, saw)| probe.simulated != saw.short)
        .map(|(probe, saw)| format!("{}: {} and not {}: {}", probe.fact, saw.short, probe.simulated, saw.said))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(shared.with(|world| world.assignments_len()), before, "nothing is left behind");
    assert_eq!(seen.len(), PROBES.len());
}

#[test]
fn nothing_is_asked_of_what_is_no_sandbox() {
    let all = [
        ("TILGANG_SANDBOX", PHRASE),
        ("TILGANG_SANDBOX_SCOPE", "/subscriptions/x/resourceGroups/y"),
        ("TILGANG_SANDBOX_USER", "00000000-0000-0000-0000-00000000000a"),
    ];
    let with = |other: Option<(&str, &str)>| {
        let given = |name: &str| {
            let own = other.filter(|(key, _)| *key == name).map(|(_, value)| value);
            own.or_else(|| all.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)).map(str::to_owned)
        };
        settings(&given)
    };
    assert!(with(None).is_ok());
    for other in [
        ("TILGANG_SANDBOX", "yes"),
        ("TILGANG_SANDBOX_SCOPE", "/subscriptions/x"),
        ("TILGANG_SANDBOX_SCOPE", "/"),
        ("TILGANG_SANDBOX_USER", "kari.fiktiv@ai-dev.no"),
        ("TILGANG_SANDBOX_VAULT", "sandbox-kv"),
    ] {
        assert!(with(Some(other)).is_err(), "{other:?}");
    }
}
