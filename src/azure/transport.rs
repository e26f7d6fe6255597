//! The one transport: every byte to and from Azure goes through it, sign-in included.
//!
//! A request comes in, an answer goes out. It follows no redirect (a bearer token would follow too), and never sends
//! what is meant for this machine through a proxy.

use std::{sync::Arc, time::Duration};

use azure_core::http::{AsyncRawResponse, HttpClient, Request, Transport};
use reqwest::{Certificate, Client, ClientBuilder, redirect};

use super::cloud::{Cloud, is_loopback};
use crate::model::trouble::{Trouble, TroubleKind};

/// For DNS, TCP and TLS together, so that a few tries fit into [`super::policies::retry::CONNECT_TOTAL`].
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Between two pieces of an answer: a DELETE of a role assignment takes up to 3 s, a PUT 5 s (FACTS §1.6).
const READ_MAX: Duration = Duration::from_mins(1);
/// For one whole request. Longer than any recorded list took, short enough for a person who waits.
const WHOLE_MAX: Duration = Duration::from_mins(3);

/// Opens the transport: the system's roots and `ca_pem` are trusted; if the whole cloud is local, `ca_pem` alone.
pub(crate) fn open(cloud: &Cloud, ca_pem: Option<&str>) -> Result<Transport, Trouble> {
    let trouble = |message: String| Trouble::new(TroubleKind::Unreachable, "prepare HTTPS", message);
    // Two providers in one process panic at start, so one is chosen here; that it was chosen already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let extra = match ca_pem {
        Some(pem) => Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| trouble(deepest(&error)))?,
        None => Vec::new(),
    };
    if ca_pem.is_some() && extra.is_empty() {
        return Err(trouble("the CA file holds no certificate".to_owned()));
    }
    let near = if extra.is_empty() { base() } else { base().tls_certs_only(extra.clone()) };
    let near = near.no_proxy().build().map_err(|error| trouble(deepest(&error)))?;
    let far = match base().tls_certs_merge(extra).build() {
        Ok(client) => Some(client),
        Err(_) if cloud.is_local() => None, // a container without CA certificates can still run the simulator
        Err(error) => return Err(trouble(deepest(&error))),
    };
    Ok(Transport::new(Arc::new(Wire { near, far })))
}

fn base() -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_MAX)
        .read_timeout(READ_MAX)
        .timeout(WHOLE_MAX)
        .https_only(false) // the metadata service of a virtual machine speaks plain HTTP; tokens are kept off it above
}

/// Two clients behind one door: `near` for this machine, `far` for everything else, with the environment's proxies.
#[derive(Debug)]
struct Wire {
    near: Client,
    far: Option<Client>,
}

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        match (&self.far, is_loopback(request.url())) {
            (Some(far), false) => far.execute_request(request).await,
            _ => self.near.execute_request(request).await,
        }
    }
}

/// The innermost cause: `Connection refused`, where the outer ones only say that a request failed, and to which URL.
pub(crate) fn deepest(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string()
}
