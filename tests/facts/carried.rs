//! Proof: an option that the simulator does not carry out is refused by its name; none is passed over.
//!
//! What options there are, the descriptions say: each parameter of each operation that a route serves, and each key and option of
//! Resource Graph's body. Of Microsoft Graph there is no file: there it is OData's own list.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::{
    asked::{self, ALL, Asked, get},
    described::Described,
    facts,
    schemas::{Client, simulator},
    surface,
};

/// What is carried out: the last word of a path, the parameter, and a value that makes a difference where there is something.
const CARRIED: &[(&str, &str, &str)] = &[
    ("roleAssignments", "$filter", "atScope()"),
    ("roleAssignments", "$skipToken", "1"),
    ("roleDefinitions", "$filter", "roleName eq 'Reader'"),
    ("denyAssignments", "$filter", "atScope()"),
    ("locks", "$filter", "atScope()"),
    ("roleAssignmentScheduleInstances", "$filter", "principalId eq '00000000-0000-0000-0000-00000000000a'"),
    ("roleAssignmentSchedules", "$filter", "principalId eq '00000000-0000-0000-0000-00000000000a'"),
    ("roleAssignmentScheduleRequests", "$filter", "principalId eq '00000000-0000-0000-0000-00000000000a'"),
    ("roleEligibilityScheduleInstances", "$filter", "principalId eq '00000000-0000-0000-0000-00000000000a'"),
    ("roleEligibilitySchedules", "$filter", "principalId eq '00000000-0000-0000-0000-00000000000a'"),
    ("roleEligibilityScheduleRequests", "$filter", "principalId eq '00000000-0000-0000-0000-00000000000a'"),
    ("resources", "$filter", "name eq 'ttd-prod-kv'"),
];
/// Parameters of the operations that were asked for; more is fine, fewer is a loss.
const PARAMETERS_MIN: usize = 25;

fn last(target: &str) -> &str {
    target.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default()
}

fn with(target: &str, name: &str, value: &str) -> String {
    let value = value.replace(' ', "%20").replace('\'', "%27");
    format!("{target}{}{name}={value}", if target.contains('?') { '&' } else { '?' })
}

fn without(target: &str, name: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_other = |pair: &&str| !pair.split('=').next().is_some_and(|it| it.eq_ignore_ascii_case(name));
    format!("{path}?{}", query.split('&').filter(is_other).collect::<Vec<_>>().join("&"))
}

fn is_refused(status: u16, body: &[u8], name: &str) -> bool {
    let text = String::from_utf8_lossy(body);
    status == 400 && text.contains("NotSimulated") && text.contains(name)
}

#[tokio::test]
async fn each_parameter_is_carried_out_or_refused_by_its_name() {
    let Some(facts) = facts() else { return };
    let described = Described::load(&facts);
    let world = asked::WORLD.replace("page_size: 2", "page_size: 2, throttling: false");
    let running = simulator(&world).await;
    let client = Client::of(&running).await;
    let (mut wrong, mut carried, mut refused) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut first = String::new();
    for mut asked in [asked::assignments(), asked::others(), surface::all()].concat() {
        asked.target = asked.target.replace(surface::FIRST, &first);
        let operation = described.find(asked.method, &asked.target).filter(|_| asked.status < 300 && asked.who == ALL);
        if let Some(operation) = operation {
            for (place, name) in operation.options() {
                let plain = Asked { target: without(&asked.target, &name), ..asked.clone() };
                assert_eq!(place, "query", "{}: {name}", operation.name);
                let key = (last(&asked.target), name.as_str());
                let known = CARRIED.iter().find(|(path, parameter, _)| {
                    asked.method == "GET" && path.eq_ignore_ascii_case(key.0) && parameter.eq_ignore_ascii_case(key.1)
                });
                let value = known.map_or("x", |(.., value)| value);
                let again = Asked { target: with(&plain.target, &name, value), ..plain.clone() };
                let (status, body) = client.send(&again).await;
                let (of, words) = (operation.name.clone(), String::from_utf8_lossy(&body).into_owned());
                match known {
                    None if is_refused(status, &body, &name) => drop(refused.insert((of, name))),
                    Some((path, parameter, _)) if status == 200 => {
                        let (_, plain) = client.send(&plain).await;
                        if plain != body {
                            carried.insert((*path, *parameter));
                        }
                    }
                    _ => wrong.push(format!("{of}: {name}: {status} {words}")),
                }
            }
        }
        let (_, body) = client.send(&asked).await;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        body["value"][0]["name"].as_str().unwrap_or(&first.clone()).clone_into(&mut first);
    }
    println!("carried out: {carried:?}");
    for (of, name) in &refused {
        println!("refused by its name: {of}: {name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let without: Vec<_> = CARRIED.iter().filter(|(path, name, _)| !carried.contains(&(*path, *name))).collect();
    assert!(without.is_empty(), "said to be carried out, and nothing hangs on them: {without:?}");
    let met = carried.len() + refused.len();
    assert!(met >= PARAMETERS_MIN, "{met} < {PARAMETERS_MIN}");
}

#[tokio::test]
async fn each_option_of_a_search_is_carried_out_or_refused_by_its_name() {
    let Some(facts) = facts() else { return };
    let file = "specs/specification/resourcegraph/resource-manager/Microsoft.ResourceGraph/stable/2022-10-01/resourcegraph.json";
    let described: Value = serde_json::from_str(&fs::read_to_string(facts.join(file)).unwrap()).unwrap();
    let names = |of: &str| -> Vec<String> {
        described["definitions"][of]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let running = simulator(asked::WORLD).await;
    let client = Client::of(&running).await;
    let ask = async |body: Value| {
        let target = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01".to_owned();
        client.send(&Asked { who: ALL, method: "POST", target, body: Some(body), status: 200 }).await
    };
    let query = "resources | project id";
    let mut met = 0;
    for key in names("QueryRequest").into_iter().filter(|key| key != "query") {
        let value = match key.as_str() {
            "subscriptions" => json!(["00000000-0000-0000-0000-000000000009"]), // none of ours: no row would say that nothing is there
            "managementGroups" => json!(["elsewhere"]),
            "options" => json!({ "$top": 1 }),
            _ => json!([{ "expression": "x" }]),
        };
        let (status, body) = ask(json!({ "query": query, (key.clone()): value })).await;
        let reply: Value = serde_json::from_slice(&body).unwrap();
        let is_carried = match key.as_str() {
            "options" => reply["count"] == 1,
            _ => false,
        };
        assert!(is_carried && status == 200 || is_refused(status, &body, &key), "{key}: {status} {reply}");
        met += 1;
    }
    for key in names("QueryRequestOptions") {
        let odd = match key.as_str() {
            "$top" => json!(0),
            "$skip" => json!(1_000),
            "$skipToken" | "resultFormat" => json!("odd"),
            "authorizationScopeFilter" => json!("AtScopeAndAbove"),
            _ => json!(true),
        };
        let (status, body) = ask(json!({ "query": query, "options": { (key.clone()): odd } })).await;
        let reply: Value = serde_json::from_slice(&body).unwrap();
        let is_carried = match key.as_str() {
            "$top" | "$skipToken" => status == 400,
            "$skip" => reply["count"] == 0,
            _ => false,
        };
        assert!(is_carried || is_refused(status, &body, &key), "{key}: {status} {reply}");
        met += 1;
    }
    assert!(met >= 9, "{met}");
}

/// OData's system query options (OData 4.01 Part 2, §5.1), and others that Graph's pages name.
const ODATA: &[&str] = &["$search", "$orderby", "$expand", "$skip", "$apply", "$compute", "$format", "$deltatoken"];
/// Headers that change what a request means.
const HEADERS: &[&str] =
    &["if-match", "if-none-match", "prefer", "x-ms-authorization-auxiliary", "x-http-method-override"];

#[tokio::test]
async fn what_graph_offers_and_the_simulator_does_not_is_refused_by_its_name() {
    let running = simulator(asked::WORLD).await;
    let client = Client::of(&running).await;
    let kari = "00000000-0000-0000-0000-00000000000a";
    let group = "00000000-0000-0000-0000-00000000000f";
    let routes = [
        "/v1.0/users".to_owned(),
        format!("/v1.0/users/{kari}"),
        "/v1.0/groups".to_owned(),
        format!("/v1.0/groups/{group}/members"),
        format!("/v1.0/groups/{group}/transitiveMembers"),
        "/v1.0/servicePrincipals".to_owned(),
        "/v1.0/directory/deletedItems/microsoft.graph.user".to_owned(),
        "/v1.0/organization".to_owned(),
    ];
    for route in &routes {
        let (status, body) = client.send(&get(ALL, route, 200)).await;
        assert_eq!(status, 200, "{route}: {}", String::from_utf8_lossy(&body));
        for name in ODATA {
            let (status, body) = client.send(&get(ALL, &with(route, name, "displayName desc"), 400)).await;
            assert!(is_refused(status, &body, name), "{route}: {name}: {status} {}", String::from_utf8_lossy(&body));
        }
    }
    for (target, name) in [
        ("/v1.0/users?$filter=noSuchThing%20eq%20'x'", "noSuchThing"),
        ("/v1.0/users?$filter=userprincipalname%20eq%20'kari.fiktiv@ai-dev.no'", "userprincipalname"),
        ("/v1.0/users?$select=id,signInActivity", "signInActivity"),
        ("/v1.0/groups?$filter=startswith(noSuchThing,'x')", "noSuchThing"),
        ("/v1.0/groups/00000000-0000-0000-0000-00000000000f/members?$filter=accountEnabled%20eq%20true", "$filter"),
        ("/v1.0/users?$top=1&$top=2", "$top"),
        ("/subscriptions?api-version=2022-12-01&x=y", "x"),
    ] {
        let (status, body) = client.send(&get(ALL, target, 400)).await;
        assert!(is_refused(status, &body, name), "{target}: {status} {}", String::from_utf8_lossy(&body));
    }
    for target in ["/v1.0/users", "/subscriptions?api-version=2022-12-01"] {
        for name in HEADERS {
            let (status, body) = client.send_with(&get(ALL, target, 400), (name, "x")).await;
            assert!(is_refused(status, &body, name), "{target}: {name}: {status} {}", String::from_utf8_lossy(&body));
        }
    }
}

/// The time of the answers is the world's, whatever the machine's is.
#[tokio::test]
async fn answers_are_dated_by_the_clock_of_the_world() {
    let running = simulator(&format!("{}clock: 2031-02-03T04:05:06Z\n", asked::WORLD)).await;
    let client = Client::of(&running).await;
    for target in ["/v1.0/users", "/subscriptions?api-version=2022-12-01", "/metadata/endpoints?api-version=2019-05-01"]
    {
        assert_eq!(client.date(target).await, "Mon, 03 Feb 2031 04:05:06 GMT", "{target}");
    }
}

/// Requests that would be answered as if they had said something else: each is refused by what it said.
#[tokio::test]
async fn what_is_misspelt_is_not_taken_for_something_else() {
    let running = simulator(asked::WORLD).await;
    let client = Client::of(&running).await;
    let search = "/providers/Microsoft.ResourceGraph/resources";
    let post = |target: String, body: Value| Asked { who: ALL, method: "POST", target, body: Some(body), status: 400 };
    let query = json!({ "query": "resources | project id" });
    let of_search = [
        (format!("{search}?api-version=2022-10-01&$top=1"), query.clone(), "$top"),
        (format!("{search}?api-version=2022-10-10"), query.clone(), "api-version=2022-10-10"),
        (
            format!("{search}?api-version=2022-10-01"),
            json!({ "query": "resources", "subscriptions": ["not-an-id"] }),
            "not-an-id",
        ),
        (
            format!("{search}?api-version=2022-10-01"),
            json!({ "query": "resources", "managementGroups": ["altin"] }),
            "altin",
        ),
    ];
    for (target, body, name) in of_search {
        let (status, body) = client.send(&post(target.clone(), body)).await;
        assert!(is_refused(status, &body, name), "{target}: {status} {}", String::from_utf8_lossy(&body));
    }
    let deep = format!("resources | where {}name == 'x'{}", "(".repeat(100_000), ")".repeat(100_000));
    let (status, body) = client.send(&post(format!("{search}?api-version=2022-10-01"), json!({ "query": deep }))).await;
    assert!(status == 400 && String::from_utf8_lossy(&body).contains("deep"), "{status}");
    let in_list = format!("{}/providers/Microsoft.Authorization/roleAssignments", asked::SUBSCRIPTION);
    for (method, target, status, words) in [
        ("GET", "/subscriptions?api-version=2022-13-01".to_owned(), 400, "InvalidApiVersionParameter"),
        ("GET", "/subscriptions?api-version=22022-12-01".to_owned(), 400, "InvalidApiVersionParameter"),
        ("GET", format!("{in_list}?api-version=2022-04-01&$skipToken=two"), 400, "InvalidSkipToken"),
        // The last part of a path is not the route: no such list has a filter.
        ("GET", "/subscriptions/roleAssignments?api-version=2022-12-01&$filter=atScope()".to_owned(), 400, "$filter"),
        ("OPTIONS", format!("{in_list}?api-version=2022-04-01"), 400, "OPTIONS"),
    ] {
        let (said, body) = client.send(&Asked { who: ALL, method, target: target.clone(), body: None, status }).await;
        let text = String::from_utf8_lossy(&body);
        assert!(said == status && text.contains(words), "{method} {target}: {said} {text}");
    }
    for (target, header, value) in [
        ("/v1.0/users", "consistencylevel", "strong"),
        ("/v1.0/users", "accept", "application/json;odata.metadata=full"),
        ("/v1.0/users", "accept", "text/csv"),
        ("/subscriptions?api-version=2022-12-01", "accept", "application/xml"),
    ] {
        let (status, body) = client.send_with(&get(ALL, target, 400), (header, value)).await;
        assert!(is_refused(status, &body, value), "{target}: {value}: {status} {}", String::from_utf8_lossy(&body));
    }
}
