//! A Lease at a Kubernetes API server, over HTTP through the `kube` crate: what [`crate::lease`] decides goes in, what the
//! server answered comes out. Nothing is decided here, and nothing is tried twice: when to ask again is the elector's to say.

mod answer;
mod candidate;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::SignedDuration;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Client, Config, Resource,
    api::{ObjectMeta, PostParams},
    client::Body,
    config::KubeConfigOptions,
    core::Request,
};
use tokio::time::timeout;

use self::answer::Answer;
pub use self::candidate::{Candidate, Leadership, Standing};
use crate::lease::{Command, Event, Failure, Record, Seen};

/// Why no API server can be asked.
#[derive(Debug, thiserror::Error)]
#[error("no Kubernetes API server to ask for the Lease: {0}")]
pub struct KubernetesError(String);

/// One Lease, by namespace and name.
pub struct Leases {
    client: Client,
    url: String,
    name: String,
    /// For one request; a late answer is worth nothing.
    patience: Duration,
    /// The Lease as last read or written: what is not ours in it (labels, annotations) is written back as it was.
    last: Mutex<Option<Lease>>,
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leases").field("url", &self.url).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Leases {
    /// From what the pod was given (its service account), else from a kubeconfig. `name` may say `namespace/name`.
    pub async fn from_environment(name: &str, patience: SignedDuration) -> Result<Self, KubernetesError> {
        let config = match Config::incluster() {
            Ok(config) => config,
            Err(in_cluster) => Config::from_kubeconfig(&KubeConfigOptions::default())
                .await
                .map_err(|error| KubernetesError(format!("{in_cluster}; {error}")))?,
        };
        Self::at(config, name, patience)
    }

    /// At this server.
    pub fn at(mut config: Config, name: &str, patience: SignedDuration) -> Result<Self, KubernetesError> {
        // Two providers in one process panic at start, so one is chosen here; that it was chosen already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        config.default_retry = false; // a write that is repeated behind our back may be done after we gave up
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (namespace.to_owned(), name),
            None => (config.default_namespace.clone(), name),
        };
        if !is_name(&namespace) || !name.split('.').all(is_name) {
            return Err(KubernetesError(format!("`{namespace}/{name}` is no name of a Lease")));
        }
        let client = Client::try_from(config).map_err(|error| KubernetesError(error.to_string()))?;
        let patience = Duration::try_from(patience).unwrap_or_default();
        let url = Lease::url_path(&(), Some(&namespace));
        Ok(Self { client, url, name: name.to_owned(), patience, last: Mutex::default() })
    }

    /// Sends what a command asks for; the event that follows, and what a person should know of it.
    async fn carry_out(&self, command: Command) -> (Event, Option<String>) {
        let is_read = matches!(command, Command::Read);
        let request = Request::new(&self.url);
        let request = match command {
            Command::Update { record, version } => {
                let last = self.last().clone().filter(|last| last.metadata.resource_version.as_ref() == Some(&version));
                let Some(last) = last else { return (Event::Wrote(Err(Failure::Conflict)), None) };
                let body = Lease { spec: Some(spec(record, last.spec)), metadata: last.metadata };
                bytes(&body).map(|body| request.replace(&self.name, &PostParams::default(), body))
            }
            Command::Create(record) => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let body = Lease { spec: Some(spec(record, None)), metadata };
                bytes(&body).map(|body| request.create(&PostParams::default(), body))
            }
            _ => Ok(request.get(&self.name, &kube::api::GetParams::default())),
        };
        let answer = match request {
            Ok(Ok(request)) => self.ask(request.map(Body::from)).await,
            Ok(Err(error)) => Err(format!("the request could not be written: {error}")),
            Err(error) => Err(error),
        };
        let (answer, words) = match answer {
            Ok(Answer::Lease(lease)) => {
                let seen = seen(&lease);
                *self.last() = Some(*lease);
                (Ok(Some(seen)), None)
            }
            Ok(Answer::Missing) if is_read => {
                *self.last() = None;
                (Ok(None), Some(format!("there is no Lease `{}` yet", self.name)))
            }
            Ok(Answer::Missing | Answer::Conflict) => (Err(Failure::Conflict), None),
            Ok(Answer::Unclear { wait, words }) => (Err(Failure::Unclear { wait }), Some(words)),
            Err(words) => (Err(Failure::Unclear { wait: None }), Some(words)),
        };
        let event = match answer {
            Err(failure) if is_read => Event::Read(Err(failure)),
            Err(failure) => Event::Wrote(Err(failure)),
            Ok(seen) if is_read => Event::Read(Ok(seen)),
            Ok(seen) => Event::Wrote(seen.ok_or(Failure::Conflict)),
        };
        (event, words)
    }

    /// One request, one answer, in time.
    async fn ask(&self, request: axum::http::Request<Body>) -> Result<Answer, String> {
        let asked = async {
            let response = self.client.send(request).await?;
            let (head, body) = response.into_parts();
            Ok::<_, kube::Error>((head, body.collect_bytes().await?))
        };
        match timeout(self.patience, asked).await {
            Ok(Ok((head, body))) => {
                let wait = head.headers.get("retry-after").and_then(|value| value.to_str().ok());
                Ok(answer::read(head.status.as_u16(), wait, &body, &self.name))
            }
            Ok(Err(error)) => Err(format!("the API server cannot be reached: {}", deepest(&error))),
            Err(_) => Err(format!("the API server did not answer within {} s", self.patience.as_secs())),
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Lease>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A DNS label, as Kubernetes wants names: what stands in a path can be nothing else.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 63 && text.chars().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

fn bytes(lease: &Lease) -> Result<Vec<u8>, String> {
    serde_json::to_vec(lease).map_err(|error| error.to_string())
}

fn seen(lease: &Lease) -> Seen {
    let spec = lease.spec.clone().unwrap_or_default();
    let record = Record {
        holder: spec.holder_identity,
        lease_seconds: spec.lease_duration_seconds,
        acquired: spec.acquire_time.map(|MicroTime(time)| time),
        renewed: spec.renew_time.map(|MicroTime(time)| time),
        transitions: spec.lease_transitions.unwrap_or_default(),
    };
    Seen { record, version: lease.metadata.resource_version.clone().unwrap_or_default() }
}

fn spec(record: Record, before: Option<LeaseSpec>) -> LeaseSpec {
    LeaseSpec {
        holder_identity: record.holder,
        lease_duration_seconds: record.lease_seconds,
        acquire_time: record.acquired.map(MicroTime),
        renew_time: record.renewed.map(MicroTime),
        lease_transitions: Some(record.transitions),
        ..before.unwrap_or_default()
    }
}

/// The innermost cause, where the outer ones only say that a request failed.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string()
}
