//! Signing in: each link, over HTTPS.

use serde_json::json;

use crate::{
    azure::{
        Session, Settings,
        testing::{Seen, Server, json as answer, token},
    },
    model::trouble::{Trouble, TroubleKind},
};

async fn connect(server: &Server, more: &[(&str, &str)]) -> Result<Session, Trouble> {
    let lookup = |name: &str| {
        let own = ["AZURE_AUTHORITY_HOST", "TILGANG_ARM_ENDPOINT", "TILGANG_GRAPH_ENDPOINT"];
        let set = more.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        set.or_else(|| own.contains(&name).then(|| server.url.clone()))
    };
    let mut settings = Settings::from_environment(&lookup)?;
    settings.ca_pem = Some(server.ca.clone());
    Session::connect(&settings).await
}

fn form(seen: &Seen) -> std::collections::BTreeMap<String, String> {
    azure_core::http::Url::parse(&format!("https://x/?{}", seen.body)).unwrap().query_pairs().into_owned().collect()
}

/// A server that gives tokens to everybody and remembers what they said.
async fn generous(
    reply: impl Fn(&Seen) -> Option<crate::azure::testing::Reply> + Send + Sync + 'static,
) -> (Server, std::sync::Arc<std::sync::Mutex<Vec<Seen>>>) {
    let said: std::sync::Arc<std::sync::Mutex<Vec<Seen>>> = std::sync::Arc::default();
    let log = said.clone();
    let server = Server::start_whole(move |seen, _| {
        log.lock().unwrap().push(seen.clone());
        reply(seen).unwrap_or_else(|| token("T"))
    })
    .await;
    (server, said)
}

const APP: &[(&str, &str)] = &[("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "app")];

#[tokio::test]
async fn an_empty_environment_fails_at_once_and_says_what_each_link_lacks() {
    let (server, said) = generous(|_| None).await;
    let started = std::time::Instant::now();
    let trouble = connect(&server, &[]).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::SignIn);
    for lack in ["secret: `AZURE_CLIENT_SECRET` is not set", "github: ", "az: `az` is not installed"] {
        assert!(trouble.message.contains(lack), "{trouble}");
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(2) && said.lock().unwrap().is_empty());
}

#[tokio::test]
async fn with_a_secret() {
    let (server, said) = generous(|_| None).await;
    let session = connect(&server, &[APP, &[("ARM_CLIENT_SECRET", "hush")]].concat()).await.unwrap();
    assert_eq!(session.signed_in_by(), "the application's secret");
    let said = said.lock().unwrap();
    assert_eq!(said[0].path, "/t/oauth2/v2.0/token");
    let form = form(&said[0]);
    assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("app", "hush"));
    assert_eq!(form["scope"], format!("{}/.default", server.url));
}

#[tokio::test]
async fn a_wrong_secret_is_final_and_in_entras_words() {
    let (server, said) = generous(|_| {
        let words = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1\r\nTimestamp: 2";
        Some(answer(401, json!({ "error": "invalid_client", "error_description": words, "error_codes": [7_000_215] })))
    })
    .await;
    let more = [APP, &[("AZURE_CLIENT_SECRET", "hush"), ("ARM_OIDC_TOKEN", "jwt")]].concat();
    let trouble = connect(&server, &more).await.unwrap_err();
    assert_eq!(
        (trouble.kind, trouble.status, trouble.code.as_deref()),
        (TroubleKind::SignIn, Some(401), Some("invalid_client"))
    );
    assert_eq!(trouble.message, "AADSTS7000215: Invalid client secret provided.");
    assert_eq!(said.lock().unwrap().len(), 1, "nobody else was tried");
}

#[tokio::test]
async fn without_a_tenant_it_is_asked_for() {
    let (server, _) = generous(|_| None).await;
    let trouble = connect(&server, &[("AZURE_CLIENT_ID", "app"), ("AZURE_CLIENT_SECRET", "hush")]).await.unwrap_err();
    assert!(trouble.message.contains("`AZURE_TENANT_ID`"), "{trouble}");
}

#[tokio::test]
async fn throttled_sign_in_is_repeated() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (server, _) = generous(move |_| {
        let first = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        first.then(|| answer(429, "slow down").with("retry-after", "0"))
    })
    .await;
    assert!(connect(&server, &[APP, &[("AZURE_CLIENT_SECRET", "hush")]].concat()).await.is_ok());
}

#[tokio::test]
async fn with_a_token_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "federated.jwt").unwrap();
    let (server, said) = generous(|_| None).await;
    let path = file.path().to_str().unwrap();
    let session = connect(&server, &[APP, &[("AZURE_FEDERATED_TOKEN_FILE", path)]].concat()).await.unwrap();
    assert_eq!(session.signed_in_by(), "workload identity (federated token file)");
    assert_eq!(form(&said.lock().unwrap()[0])["client_assertion"], "federated.jwt");
}

#[tokio::test]
async fn with_a_certificate() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), crate::azure::testing::throw_away_certificate()).unwrap();
    let (server, said) = generous(|_| None).await;
    let path = file.path().to_str().unwrap();
    let session = connect(&server, &[APP, &[("AZURE_CLIENT_CERTIFICATE_PATH", path)]].concat()).await.unwrap();
    assert_eq!(session.signed_in_by(), "the application's certificate");
    let form = form(&said.lock().unwrap()[0]);
    assert_eq!(form["client_assertion"].split('.').count(), 3);
    assert!(!form.contains_key("client_secret"));
    let missing = connect(&server, &[APP, &[("AZURE_CLIENT_CERTIFICATE_PATH", "/no/such/file")]].concat()).await;
    assert!(missing.unwrap_err().message.contains("/no/such/file"));
}

#[tokio::test]
async fn as_a_github_workflow() {
    let (server, said) =
        generous(|seen| seen.path.starts_with("/id").then(|| answer(200, json!({ "value": "github.jwt" })))).await;
    let url = format!("{}/id?api-version=2.0", server.url);
    let github = [("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "gh-key")];
    let session = connect(&server, &[APP, &github].concat()).await.unwrap();
    assert_eq!(session.signed_in_by(), "GitHub Actions' identity");
    let said = said.lock().unwrap();
    assert_eq!(said[0].path, "/id?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange");
    assert_eq!((said[0].method.as_str(), said[0].header("authorization")), ("GET", "Bearer gh-key"));
    assert_eq!(form(&said[1])["client_assertion"], "github.jwt");
}

#[tokio::test]
async fn as_an_azure_pipelines_service_connection() {
    let (server, said) =
        generous(|seen| seen.path.starts_with("/oidc").then(|| answer(200, json!({ "oidcToken": "ado.jwt" })))).await;
    let url = format!("{}/oidc", server.url);
    let pipelines = [
        ("SYSTEM_OIDCREQUESTURI", url.as_str()),
        ("SYSTEM_ACCESSTOKEN", "ado-key"),
        ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "c-1"),
    ];
    let session = connect(&server, &[APP, &pipelines].concat()).await.unwrap();
    assert_eq!(session.signed_in_by(), "Azure Pipelines' service connection");
    let said = said.lock().unwrap();
    assert_eq!(
        (said[0].method.as_str(), said[0].path.as_str()),
        ("POST", "/oidc?api-version=7.1&serviceConnectionId=c-1")
    );
    assert_eq!(form(&said[1])["client_assertion"], "ado.jwt");
}

#[tokio::test]
async fn a_failing_exchange_says_so_without_its_key() {
    let (server, _) = generous(|_| Some(answer(403, json!({ "message": "no id-token permission" })))).await;
    let url = server.url.clone();
    let github = [("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "gh-key")];
    let trouble = connect(&server, &[APP, &github].concat()).await.unwrap_err();
    assert_eq!((trouble.kind, trouble.status), (TroubleKind::SignIn, Some(403)));
    assert!(trouble.message.contains("no id-token permission") && !trouble.to_string().contains("gh-key"), "{trouble}");
}
