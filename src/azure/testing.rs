//! A small server over HTTPS with a throw-away CA: sign-in refuses plain HTTP, so tests cannot use it either.
//!
//! A function from request to reply comes in; an address, its CA, and everything that was asked of it go out.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::StatusCode,
    response::Response,
};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use super::{Session, Settings};

pub(crate) const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What to answer.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    cut: bool,
    delay: Duration,
}

pub(crate) fn json(status: u16, body: impl std::fmt::Display) -> Reply {
    let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
    Reply { status, headers, body: body.to_string().into_bytes(), cut: false, delay: Duration::ZERO }
}

pub(crate) fn html(status: u16) -> Reply {
    let headers = vec![("content-type", "text/HTML".to_owned())];
    Reply { body: b"<html>Too many requests</html>".to_vec(), headers, ..json(status, "") }
}

impl Reply {
    pub(crate) fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Half of it, and then the connection breaks.
    pub(crate) fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    /// Later.
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn into_response(self) -> Response {
        let mut response = Response::builder().status(StatusCode::from_u16(self.status).unwrap());
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        if !self.cut {
            return response.body(Body::from(self.body)).unwrap();
        }
        let half = Bytes::copy_from_slice(&self.body[..self.body.len() / 2]);
        let parts = [Ok(half), Err(std::io::Error::other("cut"))];
        response.body(Body::from_stream(futures::stream::iter(parts))).unwrap()
    }
}

/// The server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) ca: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    crowd: Arc<Crowd>,
}

/// How many requests are under way, and how many there were at most.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Server {
    /// Serves `reply`, which is given the request and how many came before it; tokens it gives out by itself.
    pub(crate) async fn start(reply: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_whole(move |seen, before| {
            if seen.path.ends_with("/oauth2/v2.0/token") {
                token(&format!("TOKEN-{before}"))
            } else {
                reply(seen, before)
            }
        })
        .await
    }

    /// Serves `reply` for everything, tokens included.
    pub(crate) async fn start_whole(reply: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (config, ca) = tls();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let crowd: Arc<Crowd> = Arc::default();
        let (log, reply, many) = (seen.clone(), Arc::new(reply), crowd.clone());
        let app = Router::new().fallback(move |request: Request| {
            let (log, reply, many) = (log.clone(), reply.clone(), many.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = String::from_utf8(to_bytes(body, 1 << 24).await.unwrap().to_vec()).unwrap();
                let path = parts.uri.to_string();
                let seen = Seen { method: parts.method.to_string(), path, headers: parts.headers, body };
                let before = log.lock().unwrap().len();
                log.lock().unwrap().push(seen.clone());
                let reply = reply(&seen, before);
                many.most.fetch_max(many.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(reply.delay).await;
                many.now.fetch_sub(1, Ordering::SeqCst);
                reply.into_response()
            }
        });
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, app) = (acceptor.clone(), app.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let service = TowerToHyperService::new(app);
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    }
                });
            }
        });
        Self { url, ca, seen, crowd }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::simulated(&self.url, TENANT, ("app", "simulated"), Some(self.ca.clone())).unwrap()
    }

    pub(crate) async fn session(&self) -> Session {
        Session::connect(&self.settings()).await.unwrap()
    }

    /// Everything that was asked but for tokens.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| !seen.path.ends_with("/token")).cloned().collect()
    }

    /// How many requests were under way at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.crowd.most.load(Ordering::SeqCst)
    }

    /// How many tokens were asked for.
    pub(crate) fn tokens(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path.ends_with("/token")).count()
    }
}

/// What Entra answers.
pub(crate) fn token(text: &str) -> Reply {
    json(200, serde_json::json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": text }))
}

fn tls() -> (ServerConfig, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf.der().clone()], private).unwrap();
    (config, ca)
}

/// A certificate and its RSA key, as PEM. Nothing trusts it; ring makes no RSA keys, so it lies beside the tests.
pub(crate) fn throw_away_certificate() -> String {
    let (key, certificate) = include_str!("tests/throw-away.b64").trim().split_once('\n').unwrap();
    let armour = |what: &str, text: &str| format!("-----BEGIN {what}-----\n{text}\n-----END {what}-----\n");
    armour("CERTIFICATE", certificate) + &armour("PRIVATE KEY", key)
}
