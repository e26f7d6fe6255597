//! Signing in: Entra's metadata and token endpoint, and Resource Manager's description of its cloud (CLIENTS §1).
//!
//! A token is three parts of which nobody checks the last: its signature. What it says is checked: audience, tenant,
//! expiry, and that the application is still there.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Ask, pairs, request_id};
use crate::{
    model::ids::{PrincipalId, TenantId},
    simulator::{
        SharedWorld,
        clock::graph_time,
        refusal::Refusal,
        world::{Application, World},
    },
};

/// What Entra gives a client by default, in seconds.
const TOKEN_SECONDS: i64 = 3_599;
const MANAGEMENT: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];
const GRAPH: &str = "https://graph.microsoft.com";

pub(super) fn answer(shared: &SharedWorld, ask: &Ask) -> Answer {
    let base = &ask.base;
    match (ask.method.as_str(), ask.parts().as_slice()) {
        ("GET", [tenant, .., ".well-known", "openid-configuration"]) => {
            // Both endpoints are required by the CLI and the SDKs (CLIENTS §1).
            let issuer = format!("{base}/{tenant}/v2.0");
            Answer::json(
                200,
                &json!({
                    "issuer": issuer, "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
                    "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
                    "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
                    "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
                    "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                    "tenant_region_scope": "EU", "cloud_instance_name": "microsoftonline.com",
                }),
            )
        }
        ("POST", [tenant, "oauth2", .., "token"]) => shared.with(|world| token(world, ask, tenant)),
        ("GET", ["common", "discovery", "instance"]) => {
            let tenant = shared.with(|world| world.tenant());
            let host = base.split("://").nth(1).unwrap_or_default();
            Answer::json(
                200,
                &json!({
                    "tenant_discovery_endpoint": format!("{base}/{tenant}/v2.0/.well-known/openid-configuration"),
                    "api-version": "1.1",
                    "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
                }),
            )
        }
        ("GET", ["metadata", "endpoints"]) => {
            let cloud = cloud(base);
            // azurerm takes one object, the CLI with ARM_CLOUD_METADATA_URL a list of them (CLIENTS §1).
            let list = ask.parameter("api-version") == Some("2019-05-01");
            Answer::json(200, &if list { json!([cloud]) } else { cloud })
        }
        _ => Answer::refused(&Refusal::new(404, "NotFound", "no such endpoint")),
    }
}

fn cloud(base: &str) -> Value {
    json!({
        "name": "AzureSimulator", "resourceManager": base, "microsoftGraphResourceId": base,
        "graph": base, "graphAudience": base, "portal": base, "gallery": base, "batch": base, "media": base,
        "activeDirectoryDataLake": base, "sqlManagement": base, "vmImageAliasDoc": base,
        "authentication": {
            "loginEndpoint": base, "audiences": [base, MANAGEMENT[1], MANAGEMENT[0]], "tenant": "common",
            "identityProvider": "AAD",
        },
        "suffixes": { "keyVaultDns": "vault.localhost", "storage": "core.localhost", "acrLoginServer": "azurecr.localhost" },
    })
}

fn token(world: &World, ask: &Ask, tenant: &str) -> Answer {
    let form = pairs(&String::from_utf8_lossy(&ask.body));
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let now = world.callers_now();
    let refuse = |status, error: &str, code: u32, words: String| {
        let (trace, correlation) = (request_id(), request_id());
        let time = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let description =
            format!("AADSTS{code}: {words} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}");
        Answer::json(
            status,
            &json!({
                "error": error, "error_description": description, "error_codes": [code], "timestamp": time,
                "trace_id": trace, "correlation_id": correlation,
                "error_uri": format!("{}/error?code={code}", ask.base),
            }),
        )
    };
    if tenant.parse::<TenantId>().ok() != Some(world.tenant()) {
        return refuse(400, "invalid_request", 90_002, format!("Tenant '{tenant}' not found."));
    }
    if field("grant_type") != Some("client_credentials") {
        let words = format!("The grant type '{}' is not supported here.", field("grant_type").unwrap_or_default());
        return refuse(400, "unsupported_grant_type", 70_003, words);
    }
    let client = field("client_id").unwrap_or_default();
    let Some(application) = client.parse().ok().and_then(|id: Uuid| world.client(id)) else {
        let words = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
        );
        return refuse(400, "unauthorized_client", 700_016, words);
    };
    match (field("client_secret"), field("client_assertion")) {
        (Some(secret), _) if application.secret.as_deref() == Some(secret) => {}
        (Some(_), _) => {
            let words = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
            );
            return refuse(401, "invalid_client", 7_000_215, words);
        }
        (None, Some(assertion)) if application.federated && assertion.split('.').count() == 3 => {}
        (None, Some(_)) => {
            let words = "Client assertion failed signature validation.".to_owned();
            return refuse(401, "invalid_client", 700_027, words);
        }
        (None, None) => {
            let words = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return refuse(401, "invalid_client", 7_000_218, words.to_owned());
        }
    }
    // Further words beside the audience's (`openid …`, azapi) and an audience with a final slash (CLI) are fine.
    let scope = field("scope").unwrap_or_default();
    let audience = scope.split(' ').find_map(|scope| scope.strip_suffix("/.default")).unwrap_or_default();
    let audience = audience.trim_end_matches('/');
    if audience.is_empty() {
        let words = format!(
            "The provided value for the input parameter 'scope' is not valid. The scope '{scope}' does not exist."
        );
        return refuse(400, "invalid_scope", 70_011, words);
    }
    let access_token = issue(world, application, audience, &ask.base);
    Answer::json(
        200,
        &json!({
            "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS,
            "access_token": access_token,
        }),
    )
}

fn issue(world: &World, application: &Application, audience: &str, base: &str) -> String {
    let now = world.callers_now().as_second();
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({ "typ": "JWT", "alg": "none" }));
    // A token for Graph tells the application's permissions there (Microsoft, "Access token claims reference": `roles`).
    // On loopback Graph has the same audience as everybody.
    let roles = if audience == base || audience == GRAPH { application.graph.clone() } else { Vec::new() };
    let claims = part(json!({
        "aud": audience, "iss": format!("{base}/{}/", world.tenant()), "iat": now, "nbf": now,
        "exp": now.saturating_add(TOKEN_SECONDS), "appid": application.client_id, "oid": application.id.to_string(),
        "sub": application.id.to_string(), "tid": world.tenant().to_string(), "idtyp": "app", "ver": "1.0",
        "uti": request_id(), "roles": roles,
    }));
    format!("{header}.{claims}.{}", BASE64_URL_SAFE_NO_PAD.encode("simulated"))
}

/// Why a request is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotIn {
    Missing,
    Audience(String),
    Invalid,
    Expired,
}

/// Whose token a request carries, if it is one for this audience.
pub(super) fn bearer(world: &World, ask: &Ask) -> Result<PrincipalId, NotIn> {
    let header = ask.headers.get("authorization").ok_or(NotIn::Missing)?;
    let (scheme, token) = header.split_once(' ').ok_or(NotIn::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(NotIn::Missing);
    }
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(NotIn::Invalid);
    };
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).map_err(|_| NotIn::Invalid)?;
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| NotIn::Invalid)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let audience = text("aud").ok_or(NotIn::Invalid)?.trim_end_matches('/');
    let ours = ["://127.0.0.1", "://localhost"].iter().any(|host| audience.contains(host)) || audience == ask.base;
    let meant = if ask.is_graph() { audience == GRAPH } else { MANAGEMENT.contains(&audience) };
    if !ours && !meant {
        return Err(NotIn::Audience(audience.to_owned()));
    }
    let expires = claims.get("exp").and_then(Value::as_i64).ok_or(NotIn::Invalid)?;
    if expires <= world.callers_now().as_second() {
        return Err(NotIn::Expired);
    }
    let caller: PrincipalId = text("oid").and_then(|oid| oid.parse().ok()).ok_or(NotIn::Invalid)?;
    let tenant = text("tid").and_then(|tid| tid.parse().ok());
    if tenant != Some(world.tenant()) || world.application(caller).is_none() {
        return Err(NotIn::Invalid);
    }
    Ok(caller)
}

impl NotIn {
    /// As Resource Manager says it (Microsoft Learn, "Common errors"; the status is 401).
    pub(super) fn for_arm(&self, world: &World, ask: &Ask) -> Answer {
        let (code, message) = match self {
            Self::Missing => {
                ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.".to_owned())
            }
            Self::Audience(audience) => (
                "InvalidAuthenticationTokenAudience",
                format!(
                    "The access token has been obtained for wrong audience or resource '{audience}'. It should exactly match with one of the allowed audiences '{}/','{}/'.",
                    MANAGEMENT[1], MANAGEMENT[0]
                ),
            ),
            Self::Invalid => ("InvalidAuthenticationToken", "The access token is invalid.".to_owned()),
            Self::Expired => (
                "ExpiredAuthenticationToken",
                format!(
                    "The access token expiry UTC time is earlier than current UTC time '{}'.",
                    graph_time(world.callers_now())
                ),
            ),
        };
        let challenge = format!(
            "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\", error_description=\"{message}\"",
            ask.base,
            world.tenant()
        );
        Answer::refused(&Refusal::new(401, code, message)).with("www-authenticate", challenge)
    }

    /// As Microsoft Graph says it.
    pub(super) fn for_graph(&self) -> Refusal {
        let message = match self {
            Self::Missing => "Access token is empty.",
            Self::Audience(_) => "Access token validation failure. Invalid audience.",
            Self::Invalid => "CompactToken parsing failed with error code: 80049217",
            Self::Expired => "Lifetime validation failed, the token is expired.",
        };
        Refusal::new(401, "InvalidAuthenticationToken", message)
    }
}
