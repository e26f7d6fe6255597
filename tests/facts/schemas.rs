//! Proof: everything that the simulator answers, and everything that our client sends, fits Microsoft's descriptions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::{Value, json};
use tilgang::simulator::{
    Running, ServeOptions, SharedWorld, Tls, file,
    generate::{Options, generate},
    serve,
};

use crate::{
    asked::{self, Asked, TENANT, WORLD},
    described::Described,
    facts,
    loopback::{Exchange, Loopback, client},
    surface,
};

/// Operations and statuses that are reached; more is fine, fewer is a loss.
const ANSWERS_MIN: usize = 386;
/// Requests of our client, and the operations among them.
const REQUESTS_MIN: (usize, usize) = (46, 7);

pub(crate) async fn simulator(world: &str) -> Running {
    let world = SharedWorld::new(file::read(world).unwrap(), || "2026-11-22T09:00:00Z".parse().unwrap());
    serve(world, ServeOptions { tls: Some(Tls::throw_away().unwrap()), ..ServeOptions::default() }).await.unwrap()
}

/// Somebody at a simulator, with a token for each application.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    tokens: BTreeMap<&'static str, String>,
}

impl Client {
    pub(crate) async fn of(running: &Running) -> Self {
        let http = client(running.ca_pem.as_deref().unwrap().as_bytes());
        let url = running.url.clone();
        let mut tokens = BTreeMap::new();
        for who in ["c1", "c2", "c3"] {
            let form = format!(
                "grant_type=client_credentials&client_id=00000000-0000-0000-0000-0000000000{who}&client_secret=s3cret&scope={url}/.default"
            );
            let reply = http.post(format!("{url}/{TENANT}/oauth2/v2.0/token")).body(form).send().await.unwrap();
            let reply: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
            tokens.insert(who, reply["access_token"].as_str().unwrap().to_owned());
        }
        Self { http, url, tokens }
    }

    pub(crate) async fn send(&self, asked: &Asked) -> (u16, Vec<u8>) {
        let reply = self.request(asked).send().await.unwrap();
        (reply.status().as_u16(), reply.bytes().await.unwrap().to_vec())
    }

    /// The same with one more header.
    pub(crate) async fn send_with(&self, asked: &Asked, (name, value): (&str, &str)) -> (u16, Vec<u8>) {
        let reply = self.request(asked).header(name, value).send().await.unwrap();
        (reply.status().as_u16(), reply.bytes().await.unwrap().to_vec())
    }

    /// When an answer says that it was made.
    pub(crate) async fn date(&self, target: &str) -> String {
        let reply = self.request(&asked::get(asked::ALL, target, 200)).send().await.unwrap();
        let all: Vec<_> = reply.headers().get_all("date").iter().collect();
        assert_eq!(all.len(), 1, "{target}");
        all[0].to_str().unwrap().to_owned()
    }

    fn request(&self, asked: &Asked) -> reqwest::RequestBuilder {
        let mut request = self.http.request(asked.method.parse().unwrap(), format!("{}{}", self.url, asked.target));
        if let Some(who) = asked.who {
            request = request.bearer_auth(&self.tokens[who]);
        }
        if let Some(body) = &asked.body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        request
    }
}

/// What was validated, and what did not fit.
#[derive(Default)]
struct Told {
    seen: BTreeSet<(String, u16)>,
    explained: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

/// Where Azure itself differs from its description, and the simulator follows Azure.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("Subscriptions_List", "'count' was unexpected", "recorded: azure-cli-arm/subscriptions_list.yaml #0 has `count`"),
    ("Subscriptions_List", "\"nextLink\" is a required", "recorded: the same has no `nextLink`"),
    (
        "Components_",
        "'Ver' was unexpected",
        "recorded: azure-cli-insights/2023_component_workspace_based.yaml has `Ver`",
    ),
    (
        "Resources ",
        "is not of type \"object\" at /data",
        "recorded: azure-cli-arm/resourcegraph_query.yaml #0 has a list in `data`",
    ),
];

impl Told {
    fn error(&mut self, operation: &str, error: &str, where_: &str) {
        match EXPLAINED.iter().find(|(of, words, _)| operation.starts_with(of) && error.contains(words)) {
            Some((_, _, reason)) => *self.explained.entry(reason).or_default() += 1,
            None => self.wrong.push(format!("{operation}: {error}\n    {where_}")),
        }
    }

    fn answer(&mut self, described: &Described, asked: &Asked, status: u16, body: &[u8]) {
        let Asked { method, target, .. } = asked;
        let Some(operation) = described.find(method, target) else {
            self.wrong.push(format!("{method} {target}: no description, and no reason given"));
            return;
        };
        let words = String::from_utf8_lossy(body).chars().take(300).collect::<String>();
        if status != asked.status {
            self.wrong.push(format!("{method} {target}: {status} instead of {}: {words}", asked.status));
        }
        for error in described.answer(operation, status, body) {
            self.error(&operation.name, &error, &format!("{status} {method} {target}"));
        }
        self.seen.insert((operation.name.clone(), status));
    }
}

#[tokio::test]
async fn each_answer_of_the_simulator_fits_its_description() {
    let Some(facts) = facts() else { return };
    let described = Described::load(&facts);
    let running = simulator(WORLD).await;
    let client = Client::of(&running).await;
    let mut told = Told::default();
    let mut answers = 0;
    let mut first = String::new();
    for mut asked in [asked::assignments(), asked::others(), asked::searches(), surface::all()].concat() {
        asked.target = asked.target.replace(surface::FIRST, &first);
        loop {
            let (status, body) = client.send(&asked).await;
            told.answer(&described, &asked, status, &body);
            answers += 1;
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            body["value"][0]["name"].as_str().unwrap_or(&first.clone()).clone_into(&mut first);
            let Some(next) = body["nextLink"].as_str() else { break };
            next.strip_prefix(&client.url).unwrap().clone_into(&mut asked.target); // every page
        }
    }
    // Throttled, once for each kind of request.
    let throttled = WORLD.replace("{ page_size: 2 }", "{ throttling: true }");
    let running = simulator(&throttled).await;
    let client = Client::of(&running).await;
    let again = [asked::assignments(), asked::others(), surface::all()].concat();
    for mut asked in
        again.into_iter().filter(|asked| asked.status == 403 || asked.status == 204 && asked.method != "HEAD")
    {
        for _ in 0..300 {
            let (status, body) = client.send(&asked).await;
            if status == 429 {
                asked.status = 429;
                told.answer(&described, &asked, status, &body);
                answers += 1;
                break;
            }
        }
    }
    let (files, operations) = described.size();
    let routes: BTreeSet<_> = told.seen.iter().map(|(name, _)| name).collect();
    println!(
        "descriptions: {files} files, {operations} operations; {answers} answers validated: {} operations x statuses, {} operations",
        told.seen.len(),
        routes.len()
    );
    for (name, status) in &told.seen {
        println!("  {status} {name}");
    }
    for (reason, count) in &told.explained {
        println!("explained {count}: {reason}");
    }
    assert!(told.wrong.is_empty(), "{} differences:\n{}", told.wrong.len(), told.wrong.join("\n"));
    assert!(told.seen.len() >= ANSWERS_MIN, "{} < {ANSWERS_MIN}", told.seen.len());
}

/// A reason is for what has no description; when one comes, it shall be used.
#[test]
fn what_has_a_reason_has_no_description() {
    let Some(facts) = facts() else { return };
    let described = Described::load(&facts);
    for (method, target, reason) in asked::UNDESCRIBED {
        println!("not described: {method} {target}: {reason}");
        assert!(described.find(method, target).is_none(), "{method} {target} is described");
    }
}

fn tilgang(folder: &Path, arguments: &[&str], server: &Loopback) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilgang"));
    for (name, _) in std::env::vars() {
        if ["AZURE_", "ARM_", "TILGANG_", "ACTIONS_", "SYSTEM_", "IDENTITY_"].iter().any(|it| name.starts_with(it)) {
            command.env_remove(name);
        }
    }
    let ca = server.ca.path().join("ca.pem");
    command.args(arguments).args(["--simulate", &server.url, "--ca"]).arg(ca).current_dir(folder).env("NO_COLOR", "1");
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code().unwrap(), text)
}

/// The program itself, through a proxy that remembers: plan, apply, drift, doctor, and an apply that removes.
#[tokio::test(flavor = "multi_thread")]
async fn each_request_of_our_client_fits_its_description() {
    let Some(facts) = facts() else { return };
    let described = Described::load(&facts);
    let made = generate(&Options { grants: Some(8), ..Options::new(2, 6, 7) });
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in &made.files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let running = simulator(&made.azure_yaml()).await;
    let server = Loopback::before(&running).await;
    let mut exchanges: Vec<Exchange> = Vec::new();
    let run = |arguments: &[&str], code: i32| {
        let (got, text) = tilgang(folder.path(), arguments, &server);
        assert_eq!(got, code, "{arguments:?}: {text}");
    };
    run(&["plan", "--detailed-exitcode"], 2);
    run(&["apply", "--yes"], 0);
    run(&["doctor"], 0);
    // The last person of one file leaves: DELETEs, with PIM, locks and names asked for.
    let file = std::fs::read_dir(folder.path().join("owners")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    let (kept, _) = text.rsplit_once("\n  - user: ").unwrap();
    std::fs::write(&file, format!("{kept}\n")).unwrap();
    run(&["drift"], 2);
    run(&["apply", "--yes"], 0);
    exchanges.extend(server.take());

    let mut told = Told::default();
    let (mut seen, mut wrong, mut without) = (BTreeMap::<String, usize>::new(), Vec::new(), BTreeMap::new());
    for it in &exchanges {
        // Key Vault's newest description is not at hand (FACTS §11), and older versions end soon (§4): held against the last.
        let target = it.target.replace("api-version=2026-02-01", "api-version=2023-07-01");
        // Of the deny assignments' newest only an extract is (FACTS_PIM_GROUPS §4): it adds properties to the answer.
        let is_denial = target.contains("/denyAssignments?");
        let target = if is_denial { target.replace("2026-09-01", "2022-04-01") } else { target };
        match described.find(&it.method, &target) {
            Some(operation) => {
                *seen.entry(operation.name.clone()).or_default() += 1;
                let errors = described.request(operation, &target, &it.body).into_iter();
                wrong.extend(
                    errors.map(|error| format!("{}: {error}\n    {} {}", operation.name, it.method, it.target)),
                );
                let errors = described.answer(operation, it.status, &it.reply).into_iter();
                errors.for_each(|error| told.error(&operation.name, &error, &it.target));
            }
            None => *without.entry(kind(it)).or_insert(0) += 1,
        }
    }
    wrong.extend(told.wrong);
    let validated: usize = seen.values().sum();
    println!("{} requests of our client, {validated} validated, of {} operations:", exchanges.len(), seen.len());
    for (name, count) in &seen {
        println!("  {count} {name}");
    }
    println!("without a description: {without:?}");
    let known = [
        "GET clock",
        "POST token",
        "GET openid-configuration",
        "POST $batch",
        "POST getByIds",
        "GET microsoft.graph.user", // the deleted ones; Graph is described by its pages, not by a file
        "GET permissions",
    ];
    let unknown: Vec<_> = without.keys().filter(|kind| !known.contains(&kind.as_str())).collect();
    assert!(unknown.is_empty(), "no description, and no reason given: {unknown:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(validated >= REQUESTS_MIN.0 && seen.len() >= REQUESTS_MIN.1, "fewer than {REQUESTS_MIN:?}");
}

fn kind(it: &Exchange) -> String {
    let path = it.target.split('?').next().unwrap();
    format!("{} {}", it.method, path.rsplit('/').next().unwrap())
}

/// Errors planted into what fits: each is found.
#[tokio::test]
async fn planted_errors_are_found() {
    let Some(facts) = facts() else { return };
    let described = Described::load(&facts);
    let scope = "/subscriptions/00000000-0000-0000-0000-000000000001";
    let target = format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/44dc0e99-fa66-567c-9394-074b260ef854?api-version=2022-04-01"
    );
    let running = simulator(WORLD).await;
    let client = Client::of(&running).await;
    let body = json!({ "properties": {
        "roleDefinitionId": format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"),
        "principalId": "00000000-0000-0000-0000-00000000000a", "principalType": "User", "description": "x" } });
    let asked = Asked { who: asked::ALL, method: "PUT", target: target.clone(), body: Some(body.clone()), status: 201 };
    let (status, reply) = client.send(&asked).await;
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    let operation = described.find("PUT", &target).unwrap();
    assert_eq!(described.answer(operation, status, reply.to_string().as_bytes()), Vec::<String>::new());
    assert_eq!(described.request(operation, &target, body.to_string().as_bytes()), Vec::<String>::new());

    let changed = |of: &Value, key: &str, to: Value| {
        let mut of = of.clone();
        match to {
            Value::Null => drop(of["properties"].as_object_mut().unwrap().remove(key)),
            to => of["properties"][key] = to,
        }
        of.to_string().into_bytes()
    };
    let mut planted = 0;
    for (key, to) in [
        ("principalId", json!(5)),
        ("principalId", Value::Null),
        ("roleDefinitionId", Value::Null),
        ("principalType", json!("Robot")),
        ("createdOn", json!("yesterday")),
        ("princpalType", json!("User")),
    ] {
        let found = described.answer(operation, 201, &changed(&reply, key, to.clone()));
        assert!(!found.is_empty(), "in an answer: {key} = {to}");
        planted += 1;
    }
    for (key, to) in [
        ("principalId", json!(5)),
        ("principalId", Value::Null),
        ("scope", json!("/")), // read only
        ("descripton", json!("x")),
    ] {
        let found = described.request(operation, &target, &changed(&body, key, to.clone()));
        assert!(!found.is_empty(), "in a request: {key} = {to}");
        planted += 1;
    }
    let whole = body.to_string();
    for wrong in
        [target.replace("api-version", "version"), format!("{target}&$top=3"), target.replacen("/sub", "//sub", 1)]
    {
        assert!(!described.request(operation, &wrong, whole.as_bytes()).is_empty(), "{wrong}");
        planted += 1;
    }
    assert!(!described.request(operation, &target, b"").is_empty());
    for (status, body) in [(202, &reply), (409, &reply), (404, &json!({ "error": { "code": 404 } }))] {
        assert!(!described.answer(operation, status, body.to_string().as_bytes()).is_empty(), "{status}");
        planted += 1;
    }
    let list = target.replace("/44dc0e99-fa66-567c-9394-074b260ef854", "");
    let operation = described.find("GET", &list).unwrap();
    assert!(!described.answer(operation, 200, br#"{"value":{}}"#).is_empty());
    assert!(!described.answer(operation, 200, br"<html>").is_empty());
    assert!(described.find("GET", &list.replace("2022-04-01", "2022-04-02")).is_none());
    println!("{} planted errors found", planted + 4);
}
