//! Role assignments, PIM, locks, permissions and Resource Graph.

use serde_json::{Value, json};

use crate::{
    azure::testing::{Reply, Server, html, json as answer},
    model::{
        assignment::{PrincipalType, Triple},
        ids::{ScopeId, SubscriptionId},
        trouble::{Trouble, TroubleKind},
    },
    ports::{AssignmentReader, AssignmentWriter, Deleted, Inventory, PutAssignment, Rights},
};

const NAME: &str = "44dc0e99-fa66-567c-9394-074b260ef854";
const PERSON: &str = "11111111-2222-4333-8444-555555555555";
const OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
const VAULT: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/RG-1/providers/Microsoft.KeyVault/vaults/kv";

fn subscription() -> SubscriptionId {
    "00000000-0000-0000-0000-000000000001".parse().unwrap()
}

/// As recorded: every key there, absent values `null`, seven decimals (FACTS §1.4).
fn entry() -> Value {
    json!({ "properties": { "roleDefinitionId": format!("/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/{OFFICER}"),
        "principalId": PERSON, "principalType": "User", "scope": VAULT, "condition": null, "conditionVersion": null,
        "createdOn": "2023-08-23T13:05:57.6621925Z", "updatedOn": "2023-08-23T13:05:57.6621925Z", "createdBy": null,
        "updatedBy": "u", "delegatedManagedIdentityResourceId": null, "description": null },
        "id": format!("{VAULT}/providers/Microsoft.Authorization/roleAssignments/{NAME}"),
        "type": "Microsoft.Authorization/roleAssignments", "name": NAME })
}

fn put() -> PutAssignment {
    PutAssignment {
        name: NAME.parse().unwrap(),
        triple: Triple {
            scope: ScopeId::new(VAULT),
            principal: PERSON.parse().unwrap(),
            definition: OFFICER.parse().unwrap(),
        },
        principal_type: PrincipalType::User,
        description: "tilgang/altinn-apps ttd prod-operations".to_owned(),
    }
}

async fn list(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Result<usize, Trouble>, Server) {
    let server = Server::start(move |seen, _| reply(&seen.path)).await;
    let reader = server.session().await.reader();
    (reader.assignments(subscription()).await.map(|list| list.len()), server)
}

#[tokio::test]
async fn a_list_is_read_to_its_end_over_empty_pages_and_links_as_given() {
    let (server, url) = {
        let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
        let base = url.clone();
        let server = Server::start(move |seen, _| {
            let next = |token: &str| {
                format!("{}/Subscriptions/X/odd?api-version=2022-04-01&%24skipToken={token}", base.get().unwrap())
            };
            match seen.path.rsplit_once("skipToken=").map(|(_, token)| token) {
                None => answer(200, json!({ "value": [entry()], "nextLink": next("a%2fb%2Bc+d") })),
                Some("a%2fb%2Bc+d") => answer(200, json!({ "value": [], "nextLink": next("last") })),
                Some(_) => answer(200, json!({ "value": [entry()], "nextLink": "" })),
            }
        })
        .await;
        url.set(server.url.clone()).unwrap();
        (server, url)
    };
    let reader = server.session().await.reader();
    let all = reader.assignments(subscription()).await.unwrap();
    assert_eq!(all.len(), 2, "{url:?}");
    let first = all.first().unwrap();
    assert_eq!(first.triple, put().triple);
    assert_eq!((first.name, first.principal_type), (NAME.parse().unwrap(), PrincipalType::User));
    assert_eq!(first.created_on.unwrap().to_string(), "2023-08-23T13:05:57.6621925Z");
    assert_eq!((first.condition.as_ref(), first.description.as_ref()), (None, None));
    let paths: Vec<_> = server.seen().into_iter().map(|seen| seen.path).collect();
    let id = subscription();
    let list = format!("/subscriptions/{id}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01");
    assert_eq!(paths[0], list);
    assert!(paths[1].ends_with("&%24skipToken=a%2fb%2Bc+d"), "{paths:?}");
    assert_eq!(paths.len(), 3);
}

#[tokio::test]
async fn what_is_no_list_is_never_an_empty_one() {
    for (body, kind) in [
        (json!({}), TroubleKind::Malformed),
        (json!({ "value": null }), TroubleKind::Malformed),
        (json!([]), TroubleKind::Malformed),
    ] {
        let text = body.to_string();
        let (outcome, _server) = list(move |_| answer(200, text.clone())).await;
        let trouble = outcome.unwrap_err();
        assert_eq!(trouble.kind, kind, "{body}: {trouble}");
        assert!(trouble.doing.starts_with("list role assignments of subscription"), "{trouble}");
    }
    let (outcome, _server) = list(|_| html(200)).await;
    assert_eq!(outcome.unwrap_err().kind, TroubleKind::Unreachable);
}

#[tokio::test]
async fn one_unreadable_entry_makes_the_whole_list_an_error() {
    for broken in ["principalId", "scope", "roleDefinitionId", "name", "properties"] {
        let mut bad = entry();
        match broken {
            "name" | "properties" => bad[broken] = Value::Null,
            key => bad["properties"][key] = json!("?"),
        }
        let (outcome, _server) = list(move |_| answer(200, json!({ "value": [entry(), bad] }))).await;
        assert_eq!(outcome.unwrap_err().kind, TroubleKind::Malformed, "{broken}");
    }
    let mut new = entry();
    new["properties"]["principalType"] = json!("Robot");
    let (outcome, _server) = list(move |_| answer(200, json!({ "value": [new] }))).await;
    assert_eq!(outcome.unwrap(), 1, "a new word for a principal's type is no reason to know nothing");
}

#[tokio::test]
async fn a_link_elsewhere_takes_no_token_along() {
    let elsewhere = Server::start_whole(|_, _| answer(200, json!({ "value": [] }))).await;
    for link in [elsewhere.url.clone(), "http://127.0.0.1:1/x".to_owned(), "https://user@127.0.0.1/x".to_owned()] {
        let next = link.clone();
        let (outcome, _server) = list(move |_| answer(200, json!({ "value": [entry()], "nextLink": next }))).await;
        let trouble = outcome.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Malformed);
        assert!(trouble.message.contains("configured"), "{link}: {trouble}");
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_end() {
    let (outcome, server) = list(|path| {
        let link = format!("{}&round", path.trim_end_matches("&round"));
        answer(200, json!({ "value": [], "nextLink": link }))
    })
    .await;
    assert_eq!(outcome.unwrap_err().kind, TroubleKind::Malformed);
    assert!(server.seen().len() <= 3, "{}", server.seen().len());
}

#[tokio::test]
async fn a_status_that_nobody_documented_is_trouble_and_no_panic() {
    let (outcome, server) = list(|_| answer(529, "{}").with("x-ms-request-id", "r-9")).await;
    let trouble = outcome.unwrap_err();
    assert_eq!((trouble.status, trouble.request_id.as_deref()), (Some(529), Some("r-9")));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_put_has_one_slash_no_nulls_and_the_principals_type() {
    let server = Server::start(|_, _| answer(201, entry())).await;
    let writer = server.session().await.writer();
    writer.put(&put()).await.unwrap();
    let seen = server.seen();
    let it = seen.first().unwrap();
    assert_eq!(it.method, "PUT");
    let path = format!("{VAULT}/providers/Microsoft.Authorization/roleAssignments/{NAME}?api-version=2022-04-01");
    assert_eq!(it.path, path);
    let definition =
        format!("/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{OFFICER}", subscription());
    let body = json!({ "properties": { "roleDefinitionId": definition, "principalId": PERSON, "principalType": "User",
        "description": "tilgang/altinn-apps ttd prod-operations" } });
    assert_eq!(it.json(), body);
    assert_eq!(it.header("content-type"), "application/json");
    assert_eq!(it.header("user-agent"), "tilgang/0.1.0");
    assert!(!it.header("x-ms-client-request-id").is_empty());
}

#[tokio::test]
async fn refusals_of_a_put_keep_azures_code_and_words() {
    for (status, code, kind) in [
        (409, "RoleAssignmentExists", TroubleKind::Exists),
        (400, "PrincipalNotFound", TroubleKind::PrincipalUnknown),
        (403, "AuthorizationFailed", TroubleKind::Denied),
        (409, "ScopeLocked", TroubleKind::Locked),
        (400, "RoleAssignmentUpdateNotPermitted", TroubleKind::Rejected),
    ] {
        let server = Server::start(move |_, _| {
            answer(status, json!({ "error": { "code": code, "message": "Azure's words" } }))
                .with("x-ms-request-id", "r-1")
        })
        .await;
        let trouble = server.session().await.writer().put(&put()).await.unwrap_err();
        assert_eq!((trouble.kind, trouble.code.as_deref(), trouble.status), (kind, Some(code), Some(status)));
        assert_eq!((trouble.message.as_str(), trouble.request_id.as_deref()), ("Azure's words", Some("r-1")));
        assert_eq!(server.seen().len(), 1, "{code} is not repeated");
    }
}

#[tokio::test]
async fn a_page_under_200_has_written_nothing() {
    let server = Server::start(|_, _| html(200)).await;
    let writer = server.session().await.writer();
    assert!(writer.put(&put()).await.is_err());
    assert!(writer.delete(&ScopeId::new(VAULT), NAME.parse().unwrap()).await.is_err());
}

#[tokio::test]
async fn a_delete_tells_now_from_already() {
    let server = Server::start(|_, before| if before == 1 { answer(200, entry()) } else { answer(204, "") }).await;
    let writer = server.session().await.writer();
    let delete = || async { writer.delete(&ScopeId::new(VAULT), NAME.parse().unwrap()).await };
    assert_eq!(delete().await.unwrap().what, Deleted::Now);
    assert_eq!(delete().await.unwrap().what, Deleted::Already);
    let path = format!("{VAULT}/providers/Microsoft.Authorization/roleAssignments/{NAME}?api-version=2022-04-01");
    assert!(server.seen().iter().all(|seen| seen.method == "DELETE" && seen.path == path));
}

/// What a DELETE that is answered with 404 comes to, where a list has these; and what was asked.
async fn deleted_404(code: &'static str, list: Option<Vec<Value>>) -> (Result<Deleted, Trouble>, Vec<String>) {
    let server = Server::start(move |seen, _| match (seen.method.as_str(), &list) {
        ("DELETE", _) => answer(404, json!({ "error": { "code": code, "message": "m" } })),
        (_, Some(list)) => answer(200, json!({ "value": list })),
        (_, None) => answer(403, json!({ "error": { "code": "AuthorizationFailed", "message": "m" } })),
    })
    .await;
    let writer = server.session().await.writer();
    let result = writer.delete(&ScopeId::new(VAULT), NAME.parse().unwrap()).await;
    (result.map(|answered| answered.what), server.seen().into_iter().map(|seen| seen.method).collect())
}

#[tokio::test]
async fn a_delete_that_finds_nothing_is_done_only_if_nothing_is_there() {
    let (result, asked) = deleted_404("RoleAssignmentNotFound", None).await;
    assert_eq!((result, asked), (Ok(Deleted::Already), vec!["DELETE".to_owned()]));
    // Any other 404 may be about something else: a list tells.
    for code in ["SubscriptionNotFound", "ResourceNotFound", "InvalidResourceType"] {
        let (result, asked) = deleted_404(code, Some(Vec::new())).await;
        assert_eq!(
            (result, asked.as_slice()),
            (Ok(Deleted::Already), &["DELETE".to_owned(), "GET".to_owned()][..]),
            "{code}"
        );
        for there in [Some(vec![entry()]), None] {
            let refusal = deleted_404(code, there).await.0.unwrap_err();
            assert_eq!((refusal.status, refusal.code.as_deref()), (Some(404), Some(code)));
        }
    }
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_again() {
    let server =
        Server::start(|_, before| if before == 1 { answer(201, entry()).cut() } else { answer(201, entry()) }).await;
    server.session().await.writer().put(&put()).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!((&seen[0].path, &seen[0].body), (&seen[1].path, &seen[1].body));
}

#[tokio::test]
async fn pim_tells_activated_from_timed() {
    let server = Server::start(|_, _| {
        let one = |kind: &str, end: Value| json!({ "name": "x", "id": "y", "properties": { "scope": VAULT, "principalId": PERSON,
            "roleDefinitionId": format!("/x/{OFFICER}"), "assignmentType": kind, "endDateTime": end, "memberType": "Direct",
            "status": "Provisioned", "expandedProperties": { "principal": { "displayName": "Kari", "type": "User" } } } });
        answer(200, json!({ "value": [one("Activated", json!("2026-11-22T17:00:00Z")), one("Assigned", Value::Null)] }))
    })
    .await;
    let instances = server.session().await.reader().pim_instances(subscription()).await.unwrap();
    let told: Vec<_> = instances.iter().map(|it| (it.activated, it.ends.is_some())).collect();
    assert_eq!(told, [(true, true), (false, false)]);
    let path = &server.seen()[0].path;
    let tail = "/providers/Microsoft.Authorization/roleAssignmentScheduleInstances?api-version=2020-10-01";
    assert_eq!(*path, format!("/subscriptions/{}{tail}", subscription()));
}

#[tokio::test]
async fn locks_lie_where_their_id_says() {
    let server = Server::start(|_, _| {
        let id = format!("{VAULT}/providers/Microsoft.Authorization/locks/keep");
        answer(200, json!({ "value": [{ "id": id, "name": "keep", "properties": { "level": "CanNotDelete" } }] }))
    })
    .await;
    let locks = server.session().await.reader().locks(subscription()).await.unwrap();
    assert_eq!((locks[0].scope.as_str(), locks[0].level.as_str()), (VAULT, "CanNotDelete"));
}

#[tokio::test]
async fn permissions_are_read_at_any_scope() {
    let server = Server::start(|_, _| {
        answer(200, json!({ "value": [{ "actions": ["*"], "notActions": ["Microsoft.Authorization/*/Delete"] }] }))
    })
    .await;
    let reader = server.session().await.reader();
    for scope in [VAULT, "/subscriptions/x", "/"] {
        let permissions = reader.permissions(&ScopeId::new(scope)).await.unwrap();
        assert_eq!(permissions[0].not_actions, ["Microsoft.Authorization/*/Delete"]);
    }
    let paths: Vec<_> = server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths[2], "/providers/Microsoft.Authorization/permissions?api-version=2022-04-01");
}

fn vault_row(name: &str) -> Value {
    json!({ "id": format!("/subscriptions/{}/resourceGroups/g/providers/microsoft.keyvault/vaults/{name}", subscription()),
        "name": name, "type": "microsoft.keyvault/vaults", "subscriptionId": subscription().to_string(),
        "tags": { "finops_serviceownercode": "ttd" }, "rbac": true, "publicNetworkAccess": "Enabled",
        "networkDefaultAction": null, "workspace": "", "resourcePermissions": null, "state": null })
}

#[tokio::test]
async fn resource_graph_is_read_page_by_page() {
    let server = Server::start(|seen, _| {
        let page = |data: Value, token: Value| {
            json!({ "totalRecords": 3, "count": 1, "resultTruncated": "false", "$skipToken": token, "facets": [], "data": data })
        };
        match seen.json()["options"]["$skipToken"].as_str() {
            None => answer(200, page(json!([vault_row("a")]), json!("t1"))),
            Some("t1") => answer(200, page(json!([vault_row("b")]), json!("t2"))),
            Some(_) => {
                let row = json!({ "id": format!("/subscriptions/{}", subscription()), "name": "Altinn-TTD-Prod",
                    "type": "microsoft.resources/subscriptions", "subscriptionId": subscription().to_string(), "state": "Enabled" });
                answer(200, page(json!([row]), Value::Null))
            }
        }
    })
    .await;
    let types = ["microsoft.keyvault/vaults".to_owned()].into();
    let stock = server.session().await.reader().stock(&types).await.unwrap();
    assert_eq!(stock.resources.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((stock.resources[0].rbac, stock.resources[0].workspace.as_ref()), (Some(true), None));
    assert_eq!(stock.subscriptions[&subscription()].name, "Altinn-TTD-Prod");
    assert_eq!(server.seen().len(), 3);
    assert_eq!(server.seen()[0].path, "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01");
    assert_eq!(server.seen()[0].json()["options"]["$top"], 1000);
}

#[tokio::test]
async fn an_inventory_that_was_cut_is_an_error() {
    let page = |total: u32, cut: &str, token: Value| json!({ "totalRecords": total, "count": 1, "resultTruncated": cut, "$skipToken": token, "data": [vault_row("a")] });
    for (body, header) in [
        (page(1, "true", Value::Null), "false"),
        (page(2, "false", Value::Null), "false"),
        (page(9, "true", json!("same")), "false"),
        (page(1, "false", Value::Null), "true"),
        (json!({ "error": "?" }), "false"),
    ] {
        let text = body.to_string();
        let server =
            Server::start(move |_, _| answer(200, text.clone()).with("x-ms-tenant-subscription-limit-hit", header))
                .await;
        let trouble = server.session().await.reader().stock(&[].into()).await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Malformed, "{body}");
    }
}
