//! Proof: the simulator, put into the recorded state, answers each recorded request with Azure's status, error and fields.
//!
//! Values differ (ids, times); which entries a list has does not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tilgang::simulator::{Running, ServeOptions, SharedWorld, file, serve};

use crate::{
    cassette::{self, Recorded},
    differences::{FIELDS, NOT_REPLAYED, VERSIONS, WORDS},
    facts, state,
};

/// What is replayed at least; more is fine.
const REPLAYED_MIN: usize = 214;

#[derive(Default)]
struct Told {
    replayed: BTreeMap<String, usize>,
    skipped: BTreeMap<&'static str, usize>,
    explained: BTreeMap<(&'static str, String), usize>,
    wrong: Vec<String>,
}

#[tokio::test]
async fn the_simulator_answers_as_azure_was_recorded() {
    let Some(facts) = facts() else { return };
    let empty = file::read(&format!("tenant: {}", state::TENANT)).unwrap();
    let world = SharedWorld::new(empty, || "2026-11-22T09:00:00Z".parse().unwrap());
    let running = serve(world, ServeOptions::default()).await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut told = Told::default();
    let mut all = 0;
    for cassette in cassette::all(&facts) {
        for at in 0..cassette.recorded.len() {
            all += 1;
            let recorded = &cassette.recorded[at];
            let kind = recorded.kind();
            let place = format!("{} #{at} {} {kind}", cassette.name, recorded.status);
            if let Some((_, reason)) = NOT_REPLAYED.iter().find(|(of, _)| fits(of, recorded)) {
                *told.skipped.entry(*reason).or_default() += 1;
                continue;
            }
            if !replayable(recorded) {
                *told.skipped.entry("the recorder did not keep the body of the request").or_default() += 1;
                continue;
            }
            let (status, reply) = replay(&http, &running, &cassette.recorded, at).await;
            let wrong = compare(&mut told, recorded, &kind, status, &reply);
            if wrong.is_empty() {
                *told.replayed.entry(format!("{} {kind}", recorded.status)).or_default() += 1;
            } else {
                told.wrong.push(format!("{place}:\n    {}", wrong.join("\n    ")));
            }
        }
    }
    let (replayed, skipped): (usize, usize) = (told.replayed.values().sum(), told.skipped.values().sum());
    println!("replayed {replayed} of {all}; skipped {skipped}; different {}", told.wrong.len());
    for (kind, count) in &told.replayed {
        println!("  replayed {count}: {kind}");
    }
    for (reason, count) in &told.skipped {
        println!("  skipped {count}: {reason}");
    }
    for ((reason, what), count) in &told.explained {
        println!("  differs on purpose {count}: {what}: {reason}");
    }
    assert!(told.wrong.is_empty(), "{} differences:\n{}", told.wrong.len(), told.wrong.join("\n"));
    assert!(replayed >= REPLAYED_MIN, "{replayed} < {REPLAYED_MIN}");
}

/// `GET groups*` fits `GET groups/{}/owners`; with a `?`, the query is looked at as well.
fn fits(pattern: &str, recorded: &Recorded) -> bool {
    let query = recorded.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
    glob(pattern, &if pattern.contains('?') { format!("{}?{query}", recorded.kind()) } else { recorded.kind() })
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => {
            let Some(left) = text.strip_prefix(start) else { return false };
            (0..=left.len()).filter(|at| left.is_char_boundary(*at)).any(|at| glob(rest, &left[at..]))
        }
    }
}

/// Who asked is not who asks now; and a recorder may have put another principal into the request, but not into the error.
fn anybody(words: &str) -> String {
    if let Some((id, rest)) = words.strip_prefix("Principal ").and_then(|rest| rest.split_at_checked(32)) {
        let plain = id.chars().all(|c| c.is_ascii_hexdigit()); // without dashes
        return format!("Principal {}{rest}", if plain { "" } else { id });
    }
    let (before, after) =
        (words.split(" with object id '").next().unwrap(), words.split_once("does not have authorization"));
    match after {
        Some((_, rest)) if before.starts_with("The client '") => {
            format!("The client does not have authorization{rest}")
        }
        _ => words.to_owned(),
    }
}

/// Writes without the request's body cannot be repeated.
fn replayable(recorded: &Recorded) -> bool {
    !["PUT", "POST", "PATCH"].contains(&recorded.method.as_str()) || recorded.request.is_object()
}

async fn replay(http: &reqwest::Client, running: &Running, all: &[Recorded], at: usize) -> (u16, Value) {
    let recorded = &all[at];
    let throttled = recorded.status == 429;
    let (world, tenant) = state::world(all, at, throttled);
    let world = file::read(&world).unwrap_or_else(|error| panic!("#{at} {}: {error}", recorded.kind()));
    running.world.replace(world);
    let who = if recorded.status == 403 { state::NOBODY } else { state::ALL };
    let audience = if recorded.is_graph() { "https://graph.microsoft.com" } else { "https://management.azure.com" };
    let form = format!("grant_type=client_credentials&client_id={who}&client_secret=secret&scope={audience}/.default");
    let token = http.post(format!("{}/{tenant}/oauth2/v2.0/token", running.url)).body(form).send().await.unwrap();
    let token: Value = serde_json::from_slice(&token.bytes().await.unwrap()).unwrap();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let mut target = recorded.target.clone();
    for (of, was, now) in VERSIONS {
        if target.contains(of) {
            target = target.replace(&format!("api-version={was}"), &format!("api-version={now}"));
        }
    }
    if let Some((before, _)) = target.split_once("skiptoken=").filter(|_| recorded.path().ends_with("/resources")) {
        // Azure's token is its own; the simulator's is the number of the page.
        let page = all[..at].iter().rev().take_while(|it| it.reply.get("nextLink").is_some()).count();
        target = format!("{before}skiptoken={page}");
    }
    let mut answer = (0, Value::Null);
    for _ in 0..if throttled { 500 } else { 1 } {
        let method = recorded.method.parse().unwrap();
        let mut request = http.request(method, format!("{}{target}", running.url)).bearer_auth(&token);
        if recorded.request.is_object() {
            request = request.header("content-type", "application/json").body(recorded.request.to_string());
        }
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        answer = (status, serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap_or_default());
        if status == 429 {
            break;
        }
    }
    answer
}

fn compare(told: &mut Told, recorded: &Recorded, kind: &str, status: u16, reply: &Value) -> Vec<String> {
    if status != recorded.status {
        return vec![format!("{status} {}", reply.to_string().chars().take(300).collect::<String>())];
    }
    let mut wrong = Vec::new();
    if let Some((code, words)) = recorded.error() {
        let (got, said) = (reply["error"]["code"].as_str(), reply["error"]["message"].as_str());
        if got != Some(code) || said.map(anybody) != Some(anybody(words)) {
            match WORDS.iter().find(|(of, _)| *of == code) {
                Some((_, reason)) => *told.explained.entry((reason, code.to_owned())).or_default() += 1,
                None => wrong.push(format!("{got:?} {said:?}\n    recorded {code}: {words}")),
            }
        }
    }
    let mut different = shape(&recorded.reply, reply);
    let names = |of: &Value| -> BTreeSet<String> {
        let list = of.get("value").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .map(|it| it.as_str().or_else(|| it.get("id")?.as_str()).unwrap_or_default().to_ascii_lowercase())
            .collect()
    };
    let (was, is) = (names(&recorded.reply), names(reply));
    if was != is && !kind.starts_with("GET roleDefinitions") {
        let ours = |id: &&String| !id.ends_with("00000000-0000-0000-0000-0000000000e1"); // our own right to read
        let missing: Vec<_> = was.difference(&is).take(3).collect();
        let more: Vec<_> = is.difference(&was).filter(ours).take(3).collect();
        if !missing.is_empty() || !more.is_empty() {
            different.push(format!("{} entries of {}: without {missing:?}, but with {more:?}", is.len(), was.len()));
        }
    }
    for difference in different {
        match FIELDS.iter().find(|(of, field, _)| fits(of, recorded) && glob(field, &difference)) {
            Some((of, field, reason)) => {
                *told.explained.entry((reason, format!("{of} {field}"))).or_default() += 1;
            }
            None => wrong.push(difference),
        }
    }
    wrong
}

type Shape = BTreeMap<String, BTreeSet<&'static str>>;

fn gather(of: &Value, path: &str, into: &mut Shape) {
    let kind = match of {
        Value::Null => "null",
        Value::Bool(_) => "truth",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    into.entry(path.to_owned()).or_default().insert(kind);
    match of {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| gather(value, &format!("{path}/{key}"), into));
        }
        Value::Array(list) => list.iter().for_each(|value| gather(value, &format!("{path}/[]"), into)),
        _ => {}
    }
}

/// Fields that one has and the other not, and fields of another type. Below null and in an empty list anything could be.
fn shape(recorded: &Value, simulated: &Value) -> Vec<String> {
    let (mut was, mut is) = (Shape::new(), Shape::new());
    gather(recorded, "", &mut was);
    gather(simulated, "", &mut is);
    let parent = |path: &str| path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
    let open = |path: &str, other: &Shape| {
        let above = parent(path);
        path.ends_with("/[]") || other.get(&above).is_none_or(|kinds| !kinds.contains("object"))
    };
    let mut found = Vec::new();
    for path in was.keys().filter(|path| !is.contains_key(*path) && !open(path, &is)) {
        found.push(format!("-{path}"));
    }
    for path in is.keys().filter(|path| !was.contains_key(*path) && !open(path, &was)) {
        found.push(format!("+{path}"));
    }
    for (path, kinds) in &was {
        let told = |kinds: &BTreeSet<&'static str>| {
            kinds.iter().copied().filter(|kind| *kind != "null").collect::<BTreeSet<_>>()
        };
        let (a, b) = (told(kinds), is.get(path).map(told).unwrap_or_default());
        if !a.is_empty() && !b.is_empty() && a.is_disjoint(&b) {
            found.push(format!("~{path} {a:?} {b:?}"));
        }
    }
    found
}

/// The comparison itself finds what is missing, what is more, and what is of another type.
#[test]
fn planted_differences_are_found() {
    let was = json!({ "a": { "b": 1, "c": null }, "list": [{ "x": 1 }], "none": [] });
    assert_eq!(shape(&was, &was), Vec::<String>::new());
    let is = json!({ "a": { "b": "1", "d": 1, "c": { "e": 1 } }, "list": [{}], "none": [{ "y": 1 }] });
    assert_eq!(shape(&was, &is), ["-/list/[]/x", "+/a/d", "~/a/b {\"number\"} {\"text\"}"]);
}
