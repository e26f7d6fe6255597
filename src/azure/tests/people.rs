//! People: batches, any order, refusals one by one, hints.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    azure::testing::{Reply, Server, json as answer, token},
    model::{
        ids::{PrincipalId, UserName},
        people::{ById, ByName, Hint},
        trouble::TroubleKind,
    },
    ports::Directory,
};

fn id(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn user(n: usize, name: &str) -> Value {
    json!({ "id": id(n), "userPrincipalName": name, "displayName": format!("Person {n}"), "accountEnabled": true,
        "userType": "Member", "mail": null })
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<UserName> {
    names.into_iter().map(UserName::new).collect()
}

fn decoded(url: &str) -> String {
    percent_encoding::percent_decode_str(url).decode_utf8().unwrap().into_owned()
}

/// The quoted values of a filter, quotes still doubled.
fn values(url: &str) -> Vec<String> {
    let url = decoded(url);
    let list = url.split_once(" in (").unwrap().1.split_once(")&").unwrap().0;
    list.split("','").map(|value| value.trim_matches('\'').to_owned()).collect()
}

/// Answers each item of a batch by a function from its URL, in reverse order.
fn batch(body: &Value, item: impl Fn(&str) -> (u16, Value)) -> Reply {
    let answers: Vec<_> = body["requests"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|request| {
            let (status, body) = item(request["url"].as_str().unwrap());
            json!({ "id": request["id"], "status": status, "headers": { "Retry-After": "0.05" }, "body": body })
        })
        .collect();
    answer(200, json!({ "responses": answers }))
}

fn nobody() -> (u16, Value) {
    (200, json!({ "value": [] }))
}

#[tokio::test]
async fn six_hundred_people_cost_two_calls() {
    let server = Server::start(|seen, _| {
        batch(&seen.json(), |url| {
            let people: Vec<_> =
                values(url).iter().map(|name| user(name[1..4].parse().unwrap(), &name.to_uppercase())).rev().collect();
            assert!(people.len() <= 15);
            (200, json!({ "value": people }))
        })
    })
    .await;
    let session = server.session().await;
    let names: BTreeSet<_> = (0..600).map(|n| UserName::new(&format!("p{n:03}@example.no"))).collect();
    let answers = session.reader().by_name(&names).await;
    assert_eq!((answers.len(), session.requests()), (600, 2));
    for (name, found) in &answers {
        let ByName::Person(person) = found else { panic!("{name}: {found:?}") };
        assert_eq!((&person.name, person.enabled, person.guest), (name, true, false));
        assert!(person.id.to_string().ends_with(&name.as_str()[1..4]));
    }
    let seen = server.seen();
    assert_eq!((seen[0].path.as_str(), seen[0].method.as_str()), ("/v1.0/$batch", "POST"));
    assert!(!seen[0].header("client-request-id").is_empty());
}

#[tokio::test]
async fn odd_names_travel_whole() {
    let server = Server::start(|seen, _| {
        batch(&seen.json(), |url| {
            assert!(!url.contains('#') && !url.contains('\'') && !url.contains(' ') && !url.contains('+'), "{url}");
            if !url.contains("userPrincipalName%20in") {
                return nobody();
            }
            assert_eq!(
                decoded(url).split("&$select").next().unwrap(),
                "/users?$filter=userPrincipalName in ('æøå+1@example.no','a_b.no#EXT#@x.onmicrosoft.com','o''hara@example.no')"
                    .replace("'æøå+1@example.no','a_b.no#EXT#@x.onmicrosoft.com','o''hara@example.no'",
                        "'a_b.no#EXT#@x.onmicrosoft.com','o''hara@example.no','æøå+1@example.no'")
            );
            (200, json!({ "value": [user(1, "A_b.no#EXT#@X.onmicrosoft.com"), user(2, "O'Hara@example.no"), user(3, "æøå+1@example.no")] }))
        })
    })
    .await;
    let asked = names(["o'hara@example.no", "a_b.no#EXT#@x.onmicrosoft.com", "æøå+1@example.no"]);
    let answers = server.session().await.reader().by_name(&asked).await;
    assert!(answers.values().all(|found| matches!(found, ByName::Person(_))), "{answers:?}");
}

#[tokio::test]
async fn a_throttled_item_is_asked_again_alone() {
    let server = Server::start(|seen, before| {
        batch(&seen.json(), |url| {
            if before == 1 && values(url).contains(&"p20@example.no".to_owned()) {
                return (429, json!({ "error": { "code": "TooManyRequests", "message": "m" } }));
            }
            (200, json!({ "value": values(url).iter().map(|name| user(1, name)).collect::<Vec<_>>() }))
        })
    })
    .await;
    let names: BTreeSet<_> = (10..40).map(|n| UserName::new(&format!("p{n}@example.no"))).collect();
    let answers = server.session().await.reader().by_name(&names).await;
    assert!(answers.values().all(|found| matches!(found, ByName::Person(_))));
    let sizes: Vec<_> = server.seen().iter().map(|seen| seen.json()["requests"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [2, 1]);
}

#[tokio::test]
async fn a_failed_item_costs_its_own_names_only() {
    let server = Server::start(|seen, _| {
        batch(&seen.json(), |url| {
            if decoded(url).contains("p10@") {
                return (403, json!({ "error": { "code": "Authorization_RequestDenied", "message": "Insufficient privileges to complete the operation.", "innerError": { "request-id": "r-7" } } }));
            }
            (200, json!({ "value": values(url).iter().map(|name| user(1, name)).collect::<Vec<_>>() }))
        })
    })
    .await;
    let names: BTreeSet<_> = (10..40).map(|n| UserName::new(&format!("p{n}@example.no"))).collect();
    let answers = server.session().await.reader().by_name(&names).await;
    let unanswered: Vec<_> =
        answers.values().filter_map(|it| if let ByName::Unanswered(why) = it { Some(why) } else { None }).collect();
    assert_eq!((answers.len(), unanswered.len()), (30, 15));
    assert_eq!((unanswered[0].kind, unanswered[0].request_id.as_deref()), (TroubleKind::Denied, Some("r-7")));
}

#[tokio::test]
async fn one_odd_name_does_not_cost_its_neighbours_their_answer() {
    let server = Server::start(|seen, _| {
        batch(&seen.json(), |url| {
            if !url.contains("userPrincipalName%20in") {
                return nobody();
            }
            if decoded(url).contains("b@odd") {
                return (400, json!({ "error": { "code": "Request_BadRequest", "message": "m" } }));
            }
            (200, json!({ "value": values(url).iter().map(|name| user(1, name)).collect::<Vec<_>>() }))
        })
    })
    .await;
    let answers = server.session().await.reader().by_name(&names(["a@x.no", "b@odd", "c@x.no"])).await;
    let told: Vec<_> = answers.values().map(|it| matches!(it, ByName::Person(_))).collect();
    assert_eq!(told, [true, false, true]);
    assert!(matches!(answers[&UserName::new("b@odd")], ByName::Unanswered(_)));
}

#[tokio::test]
async fn a_question_left_out_and_a_list_in_pages_are_unanswered_not_nobody() {
    for body in [
        json!({ "responses": [] }),
        json!({ "responses": [{ "id": "0", "status": 200, "body": {} }] }),
        json!({ "responses": [{ "id": "0", "status": 200, "body": { "value": [], "@odata.nextLink": "x" } }] }),
        json!({ "responses": [{ "id": "0", "status": 200, "body": { "value": [{ "id": "?" }] } }] }),
    ] {
        let text = body.to_string();
        let server = Server::start(move |_, _| answer(200, text.clone())).await;
        let answers = server.session().await.reader().by_name(&names(["a@x.no"])).await;
        assert!(matches!(answers[&UserName::new("a@x.no")], ByName::Unanswered(_)), "{body}: {answers:?}");
    }
}

#[tokio::test]
async fn an_answer_in_pages_is_followed() {
    let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let base = url.clone();
    let server = Server::start(move |seen, _| {
        if seen.method == "GET" {
            assert_eq!(seen.path, "/v1.0/users?$skiptoken=x");
            return answer(200, json!({ "value": [user(2, "b@x.no")] }));
        }
        let next = format!("{}/v1.0/users?$skiptoken=x", base.get().unwrap());
        batch(&seen.json(), |_| (200, json!({ "value": [user(1, "a@x.no")], "@odata.nextLink": next })))
    })
    .await;
    url.set(server.url.clone()).unwrap();
    let answers = server.session().await.reader().by_name(&names(["a@x.no", "b@x.no"])).await;
    assert!(answers.values().all(|it| matches!(it, ByName::Person(_))), "{answers:?}");
}

#[tokio::test]
async fn hints_for_names_that_nobody_has() {
    let deleted = id(9).replace('-', "");
    let server = Server::start(move |seen, _| {
        for request in seen.json()["requests"].as_array().unwrap() {
            let advanced = request["url"].as_str().unwrap().contains("endswith");
            assert_eq!(request["headers"]["ConsistencyLevel"] == "eventual", advanced, "{request}");
        }
        batch(&seen.json(), |url| {
            let url = decoded(url);
            let list = |entries: Value| (200, json!({ "value": entries }));
            if url.contains("userPrincipalName in") {
                list(json!([user(1, "kari.fiktiv@example.no")]))
            } else if url.contains("mail in") {
                list(json!([{ "id": id(2), "userPrincipalName": "olan_x.no#EXT#@t.onmicrosoft.com", "mail": "Ola@x.no" }]))
            } else if url.contains("endswith(userPrincipalName,'left@example.no')") {
                assert!(url.contains("$count=true"));
                list(json!([
                    { "id": id(8), "userPrincipalName": format!("{}deft-left@example.no", id(8).replace('-', "")), "deletedDateTime": "2026-11-02T00:00:00Z" },
                    { "id": id(9), "userPrincipalName": format!("{deleted}left@example.no"), "deletedDateTime": "2026-11-01T09:00:00Z" },
                ]))
            } else if url.contains("startswith(userPrincipalName,'sir')") {
                list(json!([user(4, "siri.proeve@other.example.no"), user(5, "sirkus@example.no")]))
            } else if url.starts_with("/users") && url.contains("endswith(userPrincipalName,'mut@example.no')") {
                assert!(url.contains("$count=true"));
                list(json!([user(6, "helmut@example.no")]))
            } else {
                list(json!([]))
            }
        })
    })
    .await;
    let asked = names([
        "kari.fiktiv@example.no",
        "kari.fiktvi@example.no",
        "ola@x.no",
        "left@example.no",
        "siri.proeve@example.no",
        "ehlmut@example.no",
        "qqq@example.no",
    ]);
    let session = server.session().await;
    let answers = session.reader().by_name(&asked).await;
    let hint = |name: &str| match &answers[&UserName::new(name)] {
        ByName::Nobody(hint) => hint.clone(),
        other => panic!("{name}: {other:?}"),
    };
    assert!(matches!(answers[&UserName::new("kari.fiktiv@example.no")], ByName::Person(_)));
    assert_eq!(hint("kari.fiktvi@example.no"), Hint::Nearest(UserName::new("kari.fiktiv@example.no")));
    assert_eq!(hint("ola@x.no"), Hint::MailOf([UserName::new("olan_x.no#EXT#@t.onmicrosoft.com")].into()));
    let on = Some("2026-11-01T09:00:00Z".parse().unwrap());
    assert_eq!(hint("left@example.no"), Hint::Deleted { id: id(9).parse().unwrap(), on });
    assert_eq!(hint("siri.proeve@example.no"), Hint::Nearest(UserName::new("siri.proeve@other.example.no")));
    assert_eq!(hint("ehlmut@example.no"), Hint::Nearest(UserName::new("helmut@example.no")));
    assert_eq!(hint("qqq@example.no"), Hint::Nothing);
    assert_eq!(session.requests(), 2, "all hints in one more call");
}

#[tokio::test]
async fn by_id_the_living_the_others_the_deleted_and_the_gone() {
    let server = Server::start_whole(|seen, _| {
        if seen.path == "/v1.0/directoryObjects/getByIds" {
            assert_eq!(seen.json()["ids"].as_array().unwrap().len(), 3);
            return answer(200, json!({ "value": [{ "@odata.type": "#microsoft.graph.group", "id": id(2), "displayName": "A group" }] }));
        }
        if seen.path.ends_with("/token") {
            return token(&allowed(&["Directory.Read.All"]));
        }
        batch(&seen.json(), |url| {
            let url = decoded(url);
            if url.starts_with("/users?$filter=id in") {
                (200, json!({ "value": [user(1, "kari@example.no")] }))
            } else if url.ends_with(&id(3)) {
                let name = format!("{}left@example.no", id(3).replace('-', ""));
                (200, json!({ "@odata.type": "#microsoft.graph.user", "id": id(3), "userPrincipalName": name, "deletedDateTime": "2026-11-01T09:00:00Z" }))
            } else {
                (404, json!({ "error": { "code": "Request_ResourceNotFound", "message": "m" } }))
            }
        })
    })
    .await;
    let ids: BTreeSet<PrincipalId> = (1..=4).map(|n| id(n).parse().unwrap()).collect();
    let session = server.session().await;
    let answers: Vec<_> = session.reader().by_id(&ids).await.into_values().collect();
    assert!(matches!(&answers[0], ById::Person(person) if person.name == UserName::new("kari@example.no")));
    assert_eq!(answers[1], ById::NotAPerson("A group".into()));
    let on = Some("2026-11-01T09:00:00Z".parse().unwrap());
    assert_eq!(answers[2], ById::Deleted { name: UserName::new("left@example.no"), on });
    assert_eq!(answers[3], ById::Gone);
    assert_eq!(session.requests(), 3);
}

/// A token that names these permissions.
fn allowed(permissions: &[&str]) -> String {
    let claims = json!({ "roles": permissions }).to_string();
    format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims))
}

/// What becomes of an id that no user has, where `getByIds` answers so; and how often that was asked.
async fn no_user(permissions: &'static [&'static str], status: u16, others: Value) -> (ById, usize) {
    let server = Server::start_whole(move |seen, _| {
        if seen.path.ends_with("/token") {
            return token(&allowed(permissions));
        }
        if seen.path.ends_with("getByIds") {
            return answer(status, others.clone());
        }
        let missing = (404, json!({ "error": { "code": "Request_ResourceNotFound", "message": "m" } }));
        batch(&seen.json(), |url| if url.contains("deletedItems") { missing.clone() } else { nobody() })
    })
    .await;
    let mut answers = server.session().await.reader().by_id(&[id(1).parse().unwrap()].into()).await;
    let asked = server.seen().iter().filter(|seen| seen.path.ends_with("getByIds")).count();
    (answers.pop_first().unwrap().1, asked)
}

#[tokio::test]
async fn nothing_is_gone_that_our_token_does_not_look_up() {
    let denied = json!({ "error": { "code": "Authorization_RequestDenied", "message": "m" } });
    let none = json!({ "value": [] });
    // With this alone groups are not asked for, whatever would be answered.
    for (status, body) in [(403, &denied), (200, &none)] {
        assert_eq!(no_user(&["User.Read.All"], status, body.clone()).await, (ById::NoUser, 0));
    }
    // A refusal of what the token names is no answer about anybody.
    assert_eq!(no_user(&["Directory.Read.All"], 403, denied).await, (ById::NoUser, 1));
    assert_eq!(no_user(&["User.Read.All", "Group.Read.All"], 200, none.clone()).await, (ById::NoUser, 1));
    assert_eq!(no_user(&["Directory.Read.All"], 200, none).await, (ById::Gone, 1));
}

#[tokio::test]
async fn whom_graph_cannot_tell_us_about_is_not_gone() {
    let server = Server::start(|_, _| {
        answer(403, json!({ "error": { "code": "Authorization_RequestDenied", "message": "m" } }))
    });
    let answers = server.await.session().await.reader().by_id(&[id(1).parse().unwrap()].into()).await;
    assert!(matches!(answers.values().next(), Some(ById::Unanswered(_))), "{answers:?}");
}
