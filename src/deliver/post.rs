//! One HTTP request: it goes to the host that is configured or nowhere, takes a bounded time, and its answer is read as far as it
//! says why. The URL is a secret: no error repeats it.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::{Certificate, Client, ClientBuilder, Response, StatusCode, Url, header::HeaderMap, redirect};

use super::secret::Secret;
use crate::{model::visible, notify::Answer};

/// For DNS, TCP and TLS together.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// For one whole request. Slack and Teams answer within a second or two; nobody waits for them but the next notice.
const WHOLE_MAX: Duration = Duration::from_secs(20);
/// How much of an answer is read: it only says why.
const ANSWER_BYTES_MAX: usize = 4096;
/// How much of that is told.
const WHY_CHARS_MAX: usize = 200;
/// Parts of a URL from this length on may be a token.
const TOKEN_CHARS_MIN: usize = 6;
const AGENT: &str = concat!("tilgang/", env!("CARGO_PKG_VERSION"));

/// Two clients: `near` for this machine, `far` for everything else, over the environment's proxies.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    near: Client,
    far: Client,
}

impl Clients {
    /// Opens both; `ca_pem` is trusted beside the system's roots.
    pub(super) fn open(ca_pem: Option<&str>, whole_max: Option<Duration>) -> Result<Self, String> {
        // Two providers in one process panic at start, so one is chosen here; that it was chosen already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let extra = match ca_pem {
            Some(pem) => Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| deepest(&error))?,
            None => Vec::new(),
        };
        let base = || -> ClientBuilder {
            let whole = whole_max.unwrap_or(WHOLE_MAX);
            let builder = Client::builder().user_agent(AGENT).redirect(redirect::Policy::none());
            builder.connect_timeout(CONNECT_MAX.min(whole)).timeout(whole).tls_certs_merge(extra.clone())
        };
        let near = base().no_proxy().build().map_err(|error| deepest(&error))?;
        let far = base().https_only(true).build().map_err(|error| deepest(&error))?;
        Ok(Self { near, far })
    }
}

/// Where requests go.
#[derive(Clone, Debug)]
pub(super) struct Door {
    url: Arc<Secret>,
    client: Client,
}

impl Door {
    /// Checks the URL: HTTPS to anywhere, or plain HTTP to this machine where that is said.
    pub(super) fn open(url: &Secret, loopback: bool, clients: &Clients) -> Result<Self, String> {
        let parsed = Url::parse(url.reveal()).map_err(|error| format!("what is kept there is not a URL: {error}"))?;
        let host = parsed.host_str().unwrap_or_default();
        let is_near = host == "localhost" || host == "[::1]" || host.starts_with("127.") && is_ip(host);
        let client = match (parsed.scheme(), is_near, loopback) {
            ("https" | "http", true, true) => clients.near.clone(),
            ("https", false, false) => clients.far.clone(),
            (_, false, true) => return Err("`loopback` is set, and the URL does not lead to this machine".to_owned()),
            (_, true, false) => {
                return Err("the URL leads to this machine: say `loopback: true` if it should".to_owned());
            }
            _ => return Err("the URL does not begin with `https://`".to_owned()),
        };
        Ok(Self { url: Arc::new(url.clone()), client })
    }

    /// POSTs a body of JSON.
    pub(super) async fn post(&self, body: String, headers: HeaderMap, now: Timestamp) -> Answer {
        let request = self.client.post(self.url.reveal()).headers(headers);
        let request = request.header("content-type", "application/json").body(body);
        match request.send().await {
            Ok(response) => self.read(response, now).await,
            Err(error) => {
                let why = if error.is_timeout() { "it did not answer in time".to_owned() } else { deepest(&error) };
                Answer::Later { after: None, why: self.redact(&why) }
            }
        }
    }

    async fn read(&self, mut response: Response, now: Timestamp) -> Answer {
        let (status, after) = (response.status(), retry_after(response.headers(), now));
        if status.is_success() {
            return Answer::Taken;
        }
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= ANSWER_BYTES_MAX {
                break;
            }
        }
        let said: String = visible::line(&String::from_utf8_lossy(&body)).chars().take(WHY_CHARS_MAX).collect();
        let why = if said.is_empty() { status.to_string() } else { format!("{status}: {}", self.redact(&said)) };
        let passes =
            matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
        if passes || status.is_server_error() { Answer::Later { after, why } } else { Answer::Refused { why } }
    }

    /// Takes out what may be a part of the URL.
    fn redact(&self, text: &str) -> String {
        let secret = self.url.reveal();
        let rest = secret.split_once("://").map_or(secret, |(_, rest)| rest);
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        let mut text = text.replace(secret, "[secret]");
        for part in path.split(['/', '?', '&', '=', '#']).filter(|part| part.len() >= TOKEN_CHARS_MIN) {
            text = text.replace(part, "[secret]");
        }
        text
    }
}

fn is_ip(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}

/// The wait that an answer asks for: seconds, or an HTTP date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let asked = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = asked.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok().and_then(|wait| SignedDuration::try_from(wait).ok());
    }
    let date = rfc2822::parse(asked).ok()?.timestamp();
    Some(date.duration_since(now).max(SignedDuration::ZERO))
}

/// The innermost cause: `Connection refused`, where the outer ones only say that a request failed, and to which URL.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string()
}
