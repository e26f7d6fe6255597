//! Proof: our client reads each recorded answer of the kinds that it asks for, and each recorded refusal.
//!
//! A loopback server answers our client's question with the recorded body. What the client does not ask for as it was
//! recorded (users one by one) is put where it does ask for it (a batch); refusals of other providers are put in front of
//! our own calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tilgang::{
    azure::{Session, Settings},
    model::{
        assignment::{PrincipalType, Triple},
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        people::{ById, ByName},
        trouble::{Trouble, TroubleKind},
    },
    ports::{AssignmentReader, AssignmentWriter, Deleted, Directory, Inventory, PutAssignment},
};

use crate::{
    cassette::{self, Recorded},
    facts,
    loopback::{Exchange, Loopback},
};

/// What is read at least; more is fine.
const READ_MIN: usize = 92;
const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

/// The one recorded answer that the server gives now.
type Now = Arc<Mutex<Option<Recorded>>>;

fn reply(exchange: Exchange, status: u16, body: &Value) -> Exchange {
    let headers = vec![
        ("content-type".to_owned(), "application/json; charset=utf-8".to_owned()),
        ("retry-after".to_owned(), "3600".to_owned()), // the recorder dropped Azure's; this one ends the waiting
    ];
    let reply = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Exchange { status, reply_headers: headers, reply, ..exchange }
}

/// A person's, as az has it: `{"scp":"Directory.AccessAsUser.All"}`. It looks up objects of every kind.
const TOKEN: &str = "a.eyJzY3AiOiJEaXJlY3RvcnkuQWNjZXNzQXNVc2VyLkFsbCJ9.c";

fn answer(now: &Now, exchange: Exchange) -> Exchange {
    if exchange.target.contains("/oauth2/") {
        return reply(exchange, 200, &json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN }));
    }
    let recorded = now.lock().unwrap().clone().unwrap();
    if exchange.target.ends_with("/$batch") {
        let asked: Value = serde_json::from_slice(&exchange.body).unwrap();
        let responses: Vec<Value> =
            asked["requests"].as_array().unwrap().iter().map(|it| item(&recorded, it)).collect();
        return reply(exchange, 200, &json!({ "responses": responses }));
    }
    reply(exchange, recorded.status, &recorded.reply)
}

/// One item of a batch: the recorded users where they are asked for by name, a recorded refusal everywhere.
fn item(recorded: &Recorded, item: &Value) -> Value {
    let url = item["url"].as_str().unwrap();
    let by_name =
        url.starts_with("/users?") && url.contains("userPrincipalName%20in") && !recorded.path().contains("getByIds");
    let (status, body) = if recorded.status >= 400 {
        (recorded.status, recorded.reply.clone())
    } else if url.starts_with("/directory/deletedItems/") {
        (404, json!({ "error": { "code": "Request_ResourceNotFound", "message": "gone" } }))
    } else if by_name && recorded.reply.get("value").is_some() {
        (200, recorded.reply.clone())
    } else if by_name {
        (200, json!({ "value": [recorded.reply] }))
    } else {
        (200, json!({ "value": [] }))
    };
    json!({ "id": item["id"], "status": status, "headers": { "retry-after": "3600" }, "body": body })
}

#[derive(Default)]
struct Told {
    read: BTreeMap<String, usize>,
    entries: usize,
    skipped: BTreeMap<(String, &'static str), usize>,
    wrong: Vec<String>,
}

#[tokio::test]
async fn our_client_reads_each_recorded_answer() {
    let Some(facts) = facts() else { return };
    let now: Now = Arc::default();
    let at = now.clone();
    let handler = move |exchange| -> BoxFuture<'static, Exchange> {
        let done = answer(&at, exchange);
        Box::pin(async move { done })
    };
    let server = Loopback::start(Arc::new(handler)).await;
    let settings = Settings::simulated(&server.url, TENANT, ("c", "s"), Some(server.ca_pem())).unwrap();
    let mut session = Session::connect(&settings).await.unwrap();
    let mut told = Told::default();
    for cassette in cassette::all(&facts) {
        for recorded in cassette.recorded {
            *now.lock().unwrap() = Some(recorded.clone());
            let kind = format!("{} {}", recorded.status, recorded.kind());
            match read(&session, &recorded).await {
                Ok(Read::Yes(entries)) => {
                    *told.read.entry(kind).or_default() += 1;
                    told.entries += entries;
                }
                Ok(Read::NotAsked(why)) => *told.skipped.entry((kind, why)).or_default() += 1,
                Err(error) => told.wrong.push(format!("{} #{} {kind}: {error}", cassette.name, recorded.at)),
            }
            if recorded.status == 429 {
                session = Session::connect(&settings).await.unwrap(); // that one keeps to the wait it was told
            }
        }
    }
    let (read, skipped): (usize, usize) = (told.read.values().sum(), told.skipped.values().sum());
    println!(
        "our client read {read} of {} recorded answers, {} entries; skipped {skipped}",
        read + skipped + told.wrong.len(),
        told.entries
    );
    for (kind, count) in &told.read {
        println!("  read {count}: {kind}");
    }
    for ((kind, why), count) in &told.skipped {
        println!("  skipped {count}: {kind}: {why}");
    }
    assert!(told.wrong.is_empty(), "{}", told.wrong.join("\n"));
    assert!(read >= READ_MIN, "{read} < {READ_MIN}");
}

enum Read {
    Yes(usize),
    NotAsked(&'static str),
}

type Outcome = Result<Read, String>;

fn need(truth: bool, words: impl Into<String>) -> Result<(), String> {
    if truth { Ok(()) } else { Err(words.into()) }
}

fn text<'a>(of: &'a Value, pointer: &str) -> &'a str {
    of.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn some_subscription() -> SubscriptionId {
    "00000000-0000-0000-0000-000000000000".parse().unwrap()
}

async fn read(session: &Session, recorded: &Recorded) -> Outcome {
    let authorization = recorded.authorization();
    let rest: Vec<&str> = authorization.iter().flat_map(|(_, rest)| rest.iter().map(String::as_str)).collect();
    let method = recorded.method.as_str();
    if recorded.is_graph() {
        return graph(session, recorded, method).await;
    }
    if recorded.status >= 400 {
        return refused(session, recorded, method).await;
    }
    match (method, rest.as_slice()) {
        ("GET", ["roleAssignments"]) => listed(session, recorded).await,
        ("PUT", ["roleAssignments", name]) => {
            let scope = authorization.as_ref().unwrap().0.clone();
            let put = put(&recorded.reply, &scope, name);
            session.writer().put(&put).await.map(|_| Read::Yes(1)).map_err(|it| it.to_string())
        }
        ("DELETE", ["roleAssignments", name]) => {
            let scope = ScopeId::new(&authorization.as_ref().unwrap().0);
            let done = session.writer().delete(&scope, name.parse().unwrap()).await.map_err(|it| it.to_string())?;
            need(done.what == Deleted::Now, format!("{done:?}"))?;
            Ok(Read::Yes(1))
        }
        ("GET", ["locks"]) => {
            let locks = session.reader().locks(some_subscription()).await.map_err(|it| it.to_string())?;
            let ids: Vec<String> = locks
                .iter()
                .map(|it| format!("{}/providers/Microsoft.Authorization/locks/{}", it.scope, it.name))
                .collect();
            let wanted: Vec<&str> = recorded.entries().iter().map(|it| text(it, "/id")).collect();
            need(
                ids.iter().map(|id| id.to_ascii_lowercase()).eq(wanted.iter().map(|id| id.to_ascii_lowercase())),
                "other locks",
            )?;
            let levels = recorded.entries().iter().map(|it| text(it, "/properties/level"));
            need(locks.iter().map(|it| it.level.as_str()).eq(levels), "other levels")?;
            Ok(Read::Yes(locks.len()))
        }
        ("POST", _) if recorded.path().ends_with("/resources") => search(session, recorded).await,
        _ if authorization.is_some() => Ok(Read::NotAsked("the client does not ask for it")),
        _ => Ok(Read::NotAsked("the client finds resources by Resource Graph, and asks no provider")),
    }
}

async fn listed(session: &Session, recorded: &Recorded) -> Outcome {
    let read = session.reader().assignments(some_subscription()).await.map_err(|it| it.to_string())?;
    need(read.len() == recorded.entries().len(), format!("{} of {}", read.len(), recorded.entries().len()))?;
    for (read, entry) in read.iter().zip(recorded.entries()) {
        let wanted = put(entry, text(entry, "/properties/scope"), text(entry, "/name"));
        let same = read.triple == wanted.triple
            && read.triple.scope.as_str() == text(entry, "/properties/scope")
            && read.name == wanted.name
            && read.description.as_deref().unwrap_or_default() == text(entry, "/properties/description")
            && read.condition.as_deref().unwrap_or_default() == text(entry, "/properties/condition")
            && read.created_on == text(entry, "/properties/createdOn").parse().ok();
        need(same, format!("{read:?} of {entry}"))?;
        let typed = text(entry, "/properties/principalType");
        need(typed.is_empty() || read.principal_type == PrincipalType::from_azure(typed), typed)?;
    }
    Ok(Read::Yes(read.len()))
}

/// What was put, by its answer or its request.
fn put(entry: &Value, scope: &str, name: &str) -> PutAssignment {
    PutAssignment {
        name: name.parse().unwrap(),
        triple: Triple {
            scope: ScopeId::new(scope),
            principal: text(entry, "/properties/principalId").parse().unwrap(),
            definition: RoleDefinitionId::from_resource_id(text(entry, "/properties/roleDefinitionId")).unwrap(),
        },
        principal_type: PrincipalType::User,
        description: "x".to_owned(),
    }
}

/// The tables that were asked for have no resources of ours in them: such an answer must never be believed.
async fn search(session: &Session, recorded: &Recorded) -> Outcome {
    let types = BTreeSet::from(["microsoft.keyvault/vaults".to_owned()]);
    let error = session.reader().stock(&types).await.err().ok_or("believed")?;
    let rows = recorded.reply["data"].as_array().map_or(0, Vec::len);
    let words = if rows == 0 { "promised shape" } else { "no readable subscription" };
    need(error.kind == TroubleKind::Malformed && error.message.contains(words), error.to_string())?;
    Ok(Read::Yes(rows))
}

fn wanted_kind(status: u16, code: &str) -> TroubleKind {
    match (status, code) {
        (_, "PrincipalNotFound") => TroubleKind::PrincipalUnknown,
        (_, "RoleAssignmentExists") => TroubleKind::Exists,
        (_, "ScopeLocked") => TroubleKind::Locked,
        (403, _) => TroubleKind::Denied,
        (404, _) => TroubleKind::NotFound,
        (429, _) => TroubleKind::Throttled,
        _ => TroubleKind::Rejected,
    }
}

fn same(trouble: &Trouble, recorded: &Recorded) -> Outcome {
    let (code, words) = recorded.error().ok_or("no code")?;
    let same = trouble.kind == wanted_kind(recorded.status, code)
        && trouble.status == Some(recorded.status)
        && trouble.code.as_deref() == Some(code)
        && trouble.message == words;
    need(same, format!("{trouble:?} of {}", recorded.reply))?;
    Ok(Read::Yes(1))
}

/// A refusal, in front of the call of ours that has its method.
async fn refused(session: &Session, recorded: &Recorded, method: &str) -> Outcome {
    let scope = "/subscriptions/00000000-0000-0000-0000-000000000000";
    let name = "00000000-0000-0000-0000-000000000001";
    let trouble = match method {
        "PUT" => {
            let body = if recorded.request.pointer("/properties/principalId").is_some() {
                recorded.request.clone()
            } else {
                json!({ "properties": { "principalId": name, "roleDefinitionId": name } })
            };
            session.writer().put(&put(&body, scope, name)).await.err()
        }
        "DELETE" => session.writer().delete(&ScopeId::new(scope), name.parse().unwrap()).await.err(),
        _ => session.reader().assignments(some_subscription()).await.err(),
    };
    same(&trouble.ok_or("believed")?, recorded)
}

async fn graph(session: &Session, recorded: &Recorded, method: &str) -> Outcome {
    let path = recorded.path();
    let reader = session.reader();
    if recorded.status >= 400 {
        let id: PrincipalId = "00000000-0000-0000-0000-000000000001".parse().unwrap();
        let name = UserName::new("kari@x.no");
        let by_name = reader.by_name(&BTreeSet::from([name.clone()])).await.remove(&name);
        let by_id = reader.by_id(&BTreeSet::from([id])).await.remove(&id);
        let (Some(ByName::Unanswered(by_name)), Some(ById::Unanswered(by_id))) = (&by_name, &by_id) else {
            return Err(format!("believed: {by_name:?} {by_id:?}"));
        };
        same(by_name, recorded)?;
        return same(by_id, recorded);
    }
    let list = method == "GET" && path == "/v1.0/users";
    let one = method == "GET" && path.starts_with("/v1.0/users/");
    if list || one {
        let users: Vec<&Value> = if one { vec![&recorded.reply] } else { recorded.entries().iter().collect() };
        let mut names: BTreeSet<UserName> =
            users.iter().map(|it| UserName::new(&text(it, "/userPrincipalName").to_ascii_uppercase())).collect();
        names.insert(UserName::new("nobody@x.no"));
        let answers = reader.by_name(&names).await;
        for user in &users {
            let Some(ByName::Person(person)) = answers.get(&UserName::new(text(user, "/userPrincipalName"))) else {
                return Err(format!("{answers:?}"));
            };
            let same = person.id.to_string() == text(user, "/id")
                && person.display_name.as_deref().unwrap_or_default() == text(user, "/displayName")
                && person.name.as_str() == text(user, "/userPrincipalName");
            need(same, format!("{person:?}"))?;
        }
        need(matches!(answers.get(&UserName::new("nobody@x.no")), Some(ByName::Nobody(_))), "somebody")?;
        return Ok(Read::Yes(users.len()));
    }
    if path.ends_with("/getByIds") {
        let ids = recorded.request["ids"].as_array().unwrap();
        let ids: BTreeSet<PrincipalId> = ids.iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect();
        let answers = reader.by_id(&ids).await;
        let mut found = 0;
        for entry in recorded.entries() {
            let id: PrincipalId = text(entry, "/id").parse().unwrap();
            let is_user = text(entry, "/@odata.type") == "#microsoft.graph.user";
            let fits = match answers.get(&id) {
                Some(ById::Person(person)) => is_user && person.name.as_str() == text(entry, "/userPrincipalName"),
                Some(ById::NotAPerson(name)) => !is_user && **name == *text(entry, "/displayName"),
                _ => false,
            };
            need(fits || !ids.contains(&id), format!("{:?} of {entry}", answers.get(&id)))?;
            found += 1;
        }
        let gone = answers.values().filter(|it| matches!(it, ById::Gone)).count();
        need(gone + found == ids.len(), format!("{gone} gone, {found} found of {}", ids.len()))?;
        return Ok(Read::Yes(found));
    }
    Ok(Read::NotAsked("the client asks Graph for users, for objects by id and for the deleted only"))
}
