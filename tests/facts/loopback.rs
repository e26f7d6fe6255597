//! An HTTPS server on loopback that answers what a test says, or passes on to another and remembers.

use std::sync::{Arc, Mutex};

use axum::{
    body::Body,
    http::{Request, Response},
};
use futures::future::BoxFuture;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tilgang::simulator::{Running, Tls};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// One request, and what came back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    /// Path and query, as sent.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) reply_headers: Vec<(String, String)>,
    pub(crate) reply: Vec<u8>,
}

/// Fills in the reply.
pub(crate) type Handler = Arc<dyn Fn(Exchange) -> BoxFuture<'static, Exchange> + Send + Sync>;

/// A server at work; it ends when dropped.
pub(crate) struct Loopback {
    pub(crate) url: String,
    pub(crate) ca: tempfile::TempDir,
    seen: Arc<Mutex<Vec<Exchange>>>,
    at_work: JoinHandle<()>,
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.at_work.abort();
    }
}

impl Loopback {
    pub(crate) async fn start(handler: Handler) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = tempfile::tempdir().unwrap();
        Tls::in_folder(ca.path()).unwrap();
        let certificate = CertificateDer::from_pem_file(ca.path().join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(ca.path().join("server-key.pem")).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keeps = seen.clone();
        let at_work = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, handler, keeps) = (acceptor.clone(), handler.clone(), keeps.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| answer(handler.clone(), keeps.clone(), request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, ca, seen, at_work }
    }

    /// Passes everything on to a simulator.
    pub(crate) async fn before(running: &Running) -> Self {
        let http = client(running.ca_pem.as_deref().unwrap().as_bytes());
        let base = running.url.clone();
        let handler = move |exchange: Exchange| -> BoxFuture<'static, Exchange> {
            let (http, base) = (http.clone(), base.clone());
            Box::pin(async move {
                let mut request = http
                    .request(exchange.method.parse().unwrap(), format!("{base}{}", exchange.target))
                    .body(exchange.body.clone());
                for (name, value) in &exchange.headers {
                    request = request.header(name, value); // its host as well: links lead back here
                }
                let reply = request.send().await.unwrap();
                let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
                let headers = reply.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
                let status = reply.status().as_u16();
                Exchange { status, reply_headers: headers, reply: reply.bytes().await.unwrap().to_vec(), ..exchange }
            })
        };
        Self::start(Arc::new(handler)).await
    }

    /// Everything since the last call.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    pub(crate) fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.ca.path().join("ca.pem")).unwrap()
    }
}

/// A client that trusts one CA.
pub(crate) fn client(ca_pem: &[u8]) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = reqwest::Certificate::from_pem(ca_pem).unwrap();
    reqwest::Client::builder().no_proxy().no_gzip().tls_certs_only([ca]).build().unwrap()
}

async fn answer(
    handler: Handler,
    keeps: Arc<Mutex<Vec<Exchange>>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let (parts, body) = request.into_parts();
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let exchange = Exchange {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: axum::body::to_bytes(Body::new(body), usize::MAX).await.unwrap().to_vec(),
        ..Exchange::default()
    };
    let done = handler(exchange).await;
    let mut reply = Response::builder().status(done.status);
    for (name, value) in &done.reply_headers {
        if !["content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
            reply = reply.header(name, value);
        }
    }
    let reply = reply.body(Body::from(done.reply.clone())).unwrap();
    keeps.lock().unwrap().push(done);
    Ok(reply)
}
