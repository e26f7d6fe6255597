//! An API server for Leases, over HTTPS on loopback: optimistic concurrency, `Status` bodies, tokens, and faults on request.
//!
//! As the real one does: apiserver's `registry/generic` (409 `Conflict` and `AlreadyExists`, 404 `NotFound`, their words),
//! `registry/coordination/lease/strategy.go` (no unconditional update), `apis/coordination/validation` (what a spec may
//! say), apimachinery's `MicroTime` (six decimals), `server/filters` (429 with `Retry-After`, in plain text).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Value, json};
use tilgang::simulator::Tls;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// What the next request of somebody meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// 500 `InternalError`.
    Broken,
    /// 429 in plain text, `Retry-After: 1`.
    Busy,
    /// 403, as where the Role is not bound.
    Forbidden,
    /// 404 of a gateway in between, in HTML.
    Gateway,
    /// Done, but the connection is closed without an answer.
    Lost,
    /// No answer within a client's patience; done at the end of it.
    Slow,
}

#[derive(Default)]
struct Inside {
    leases: BTreeMap<(String, String), Value>,
    version: u64,
    faults: BTreeMap<String, VecDeque<Fault>>,
    down_for: Vec<String>,
    log: Vec<(String, Method, u16)>,
}

/// The server, and what it holds. It ends when dropped.
pub(crate) struct ApiServer {
    port: u16,
    ca: tempfile::TempDir,
    inside: Arc<Mutex<Inside>>,
    at_work: JoinHandle<()>,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.at_work.abort();
    }
}

impl ApiServer {
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = tempfile::tempdir().unwrap();
        Tls::in_folder(ca.path()).unwrap();
        let certificate = CertificateDer::from_pem_file(ca.path().join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(ca.path().join("server-key.pem")).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let inside = Arc::new(Mutex::new(Inside { version: 1000, ..Inside::default() }));
        let leases = "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases";
        let router = Router::new()
            .route(leases, post(create))
            .route(&format!("{leases}/{{name}}"), get(read).put(replace))
            .with_state(inside.clone());

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let at_work = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(router.clone()));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port, ca, inside, at_work }
    }

    /// What a pod would be given: address, CA and a token of its own.
    pub(crate) fn kubeconfig(&self, token: &str) -> String {
        let ca = self.ca.path().join("ca.pem");
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
             contexts: [{{ name: here, context: {{ cluster: here, user: pod, namespace: tilgang }} }}]\n\
             clusters: [{{ name: here, cluster: {{ server: \"https://127.0.0.1:{}\", certificate-authority: {} }} }}]\n\
             users: [{{ name: pod, user: {{ token: {token} }} }}]\n",
            self.port,
            ca.display(),
        )
    }

    /// The next requests with this token meet these, one each.
    pub(crate) fn fail(&self, token: &str, faults: &[Fault]) {
        self.inside.lock().unwrap().faults.entry(token.to_owned()).or_default().extend(faults);
    }

    /// From now on nobody with this token gets an answer; or does again.
    pub(crate) fn cut_off(&self, token: &str, is_cut: bool) {
        let mut inside = self.inside.lock().unwrap();
        inside.down_for.retain(|cut| cut != token);
        if is_cut {
            inside.down_for.push(token.to_owned());
        }
    }

    /// Puts a Lease there, as `kubectl apply` would.
    pub(crate) fn apply(&self, spec: &Value) {
        let metadata = json!({ "labels": { "app.kubernetes.io/name": "tilgang" }, "uid": "9c1f" });
        let mut inside = self.inside.lock().unwrap();
        put(&mut inside, "tilgang", "tilgang", json!({ "metadata": metadata, "spec": spec }));
    }

    pub(crate) fn lease(&self) -> Value {
        let key = ("tilgang".to_owned(), "tilgang".to_owned());
        self.inside.lock().unwrap().leases.get(&key).cloned().unwrap_or_default()
    }

    /// Method and status of each answered request, by token.
    pub(crate) fn log(&self, token: &str) -> Vec<(Method, u16)> {
        let inside = self.inside.lock().unwrap();
        let of = inside.log.iter().filter(|(by, _, _)| by == token);
        of.map(|(_, method, status)| (method.clone(), *status)).collect()
    }
}

/// Somebody's request, up to where it reaches the store.
async fn enter(
    state: &Mutex<Inside>,
    headers: &HeaderMap,
    method: Method,
    act: impl FnOnce(&mut Inside) -> Response,
) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = token.strip_prefix("Bearer ").unwrap_or_default().to_owned();
    if !token.starts_with("pod-") {
        return status(401, "Unauthorized", "Unauthorized", Value::Null);
    }
    let (fault, is_down) = {
        let mut inside = state.lock().unwrap();
        let fault = inside.faults.get_mut(&token).and_then(VecDeque::pop_front);
        (fault, inside.down_for.contains(&token))
    };
    if is_down {
        std::future::pending::<()>().await;
    }
    if fault == Some(Fault::Slow) {
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let name = "tilgang";
    let response = match fault {
        Some(Fault::Broken) => {
            status(500, "InternalError", "Internal error occurred: etcdserver: request timed out", Value::Null)
        }
        Some(Fault::Busy) => {
            let words = "Too many requests, please try again later.";
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], words).into_response()
        }
        Some(Fault::Forbidden) => {
            let who = "User \"system:serviceaccount:tilgang:tilgang\" cannot update resource \"leases\"";
            let words = format!(
                "leases.coordination.k8s.io \"{name}\" is forbidden: {who} in API group \"coordination.k8s.io\" in the namespace \"tilgang\""
            );
            status(403, "Forbidden", &words, details(name))
        }
        Some(Fault::Gateway) => {
            (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/html")], "<html>404</html>").into_response()
        }
        None | Some(Fault::Slow | Fault::Lost) => act(&mut state.lock().unwrap()),
    };
    assert!(fault != Some(Fault::Lost), "the connection closes without an answer");
    state.lock().unwrap().log.push((token, method, response.status().as_u16()));
    response
}

type Store = State<Arc<Mutex<Inside>>>;

async fn read(State(state): Store, Path((namespace, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let find = |inside: &mut Inside| match inside.leases.get(&(namespace, name.clone())) {
        Some(lease) => object(200, lease),
        None => not_found(&name),
    };
    enter(&state, &headers, Method::GET, find).await
}

async fn create(State(state): Store, Path(namespace): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let make = |inside: &mut Inside| {
        let lease = match parse(&body) {
            Ok(lease) => lease,
            Err(refused) => return refused,
        };
        let name = lease["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if inside.leases.contains_key(&(namespace.clone(), name.clone())) {
            let words = format!("leases.coordination.k8s.io \"{name}\" already exists");
            return status(409, "AlreadyExists", &words, details(&name));
        }
        object(201, &put(inside, &namespace, &name, lease))
    };
    enter(&state, &headers, Method::POST, make).await
}

async fn replace(
    State(state): Store,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let write = |inside: &mut Inside| {
        let lease = match parse(&body) {
            Ok(lease) => lease,
            Err(refused) => return refused,
        };
        let Some(stands) = inside.leases.get(&(namespace.clone(), name.clone())) else { return not_found(&name) };
        if lease["metadata"]["name"] != name.as_str() {
            return status(400, "BadRequest", "the name of the object does not match the name on the URL", Value::Null);
        }
        let invalid = |words: &str| {
            let words = format!("Lease.coordination.k8s.io \"{name}\" is invalid: {words}");
            status(422, "Invalid", &words, details(&name))
        };
        match lease["metadata"]["resourceVersion"].as_str() {
            None | Some("") => {
                return invalid("metadata.resourceVersion: Invalid value: 0x0: must be specified for an update");
            }
            Some(version) if stands["metadata"]["resourceVersion"] != version => {
                let words = format!(
                    "Operation cannot be fulfilled on leases.coordination.k8s.io \"{name}\": the object has been \
                     modified; please apply your changes to the latest version and try again"
                );
                return status(409, "Conflict", &words, details(&name));
            }
            Some(_) => {}
        }
        if lease["spec"]["leaseDurationSeconds"].as_i64().is_some_and(|seconds| seconds <= 0) {
            return invalid("spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0");
        }
        object(200, &put(inside, &namespace, &name, lease))
    };
    enter(&state, &headers, Method::PUT, write).await
}

fn put(inside: &mut Inside, namespace: &str, name: &str, mut lease: Value) -> Value {
    inside.version += 1;
    lease["apiVersion"] = json!("coordination.k8s.io/v1");
    lease["kind"] = json!("Lease");
    lease["metadata"]["namespace"] = json!(namespace);
    lease["metadata"]["name"] = json!(name);
    lease["metadata"]["resourceVersion"] = json!(inside.version.to_string());
    inside.leases.insert((namespace.to_owned(), name.to_owned()), lease.clone());
    lease
}

/// A Lease as the server's decoder takes it.
#[allow(clippy::result_large_err, reason = "an answer, once a request")]
fn parse(body: &[u8]) -> Result<Value, Response> {
    let bad = |words: &str| status(400, "BadRequest", words, Value::Null);
    let lease: Value = serde_json::from_slice(body).map_err(|error| bad(&error.to_string()))?;
    if lease["kind"] != "Lease" || lease["apiVersion"] != "coordination.k8s.io/v1" {
        return Err(bad("the object provided is unrecognized"));
    }
    let micro = regex::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$").unwrap();
    for time in ["acquireTime", "renewTime"] {
        if lease["spec"][time].as_str().is_some_and(|text| !micro.is_match(text)) {
            return Err(bad(&format!("Lease in version \"v1\" cannot be handled as a Lease: parsing time {time}")));
        }
    }
    Ok(lease)
}

fn object(code: u16, lease: &Value) -> Response {
    let body = serde_json::to_vec(lease).unwrap();
    (StatusCode::from_u16(code).unwrap(), [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn not_found(name: &str) -> Response {
    status(404, "NotFound", &format!("leases.coordination.k8s.io \"{name}\" not found"), details(name))
}

fn details(name: &str) -> Value {
    json!({ "name": name, "group": "coordination.k8s.io", "kind": "leases" })
}

fn status(code: u16, reason: &str, message: &str, details: Value) -> Response {
    let mut body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    if !details.is_null() {
        body["details"] = details;
    }
    object(code, &body)
}
