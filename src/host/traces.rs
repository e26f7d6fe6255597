//! Spans → a collector, as OTLP over HTTP with protobuf, by the usual `OTEL_…` variables. Off unless an endpoint is set.
//!
//! The SDK's own thread gathers and sends; the client is ours (one TLS provider, no redirect, nothing for this machine through a
//! proxy), on our runtime. A collector that is down costs spans, and nothing else.

use std::{fmt, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use reqwest::redirect;
use tokio::runtime::Handle;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// How long the last spans may take at the end.
const LAST_MAX: Duration = Duration::from_secs(5);
/// For one request; `OTEL_EXPORTER_OTLP_TIMEOUT` bounds it further.
const WHOLE_MAX: Duration = Duration::from_secs(30);

/// What the variables say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Telemetry {
    /// No endpoint is set, or it is switched off.
    Off,
    /// Spans are sent.
    On {
        /// What this service is called, where the variables say nothing.
        name: Option<String>,
    },
    /// What is asked for cannot be done.
    Wrong(String),
}

impl Telemetry {
    /// Reads the variables: `OTEL_SDK_DISABLED`, `OTEL_TRACES_EXPORTER`, `OTEL_EXPORTER_OTLP_[TRACES_]ENDPOINT` and
    /// `…_PROTOCOL`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`. The SDK reads the others (headers, timeout, sampler, batches).
    #[must_use]
    pub(crate) fn read(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let of = |name: &str| {
            let special = variable(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
            special.or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        if variable("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true")) || of("ENDPOINT").is_none() {
            return Self::Off;
        }
        match variable("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Self::Off,
            Some(other) => {
                return Self::Wrong(format!("OTEL_TRACES_EXPORTER is `{other}`: only `otlp` and `none` are known"));
            }
        }
        if let Some(other) = of("PROTOCOL").filter(|it| it != "http/protobuf") {
            return Self::Wrong(format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL is `{other}`: only `http/protobuf` is spoken, usually at port 4318"
            ));
        }
        let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let named = variable("OTEL_SERVICE_NAME").is_some()
            || attributes.split(',').any(|pair| pair.trim_start().starts_with("service.name="));
        Self::On { name: (!named).then(|| "tilgang".to_owned()) }
    }
}

/// Spans on their way to a collector.
#[derive(Debug)]
pub(crate) struct Otlp(SdkTracerProvider);

impl Otlp {
    /// Opens the way. `runtime`: where requests run.
    ///
    /// # Errors
    /// If the endpoint is no URL, or no HTTPS can be spoken.
    pub(crate) fn open(name: Option<&str>, runtime: Handle) -> Result<Self, String> {
        let client = Client::open(runtime)?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.map_err(|error| error.to_string())?;
        let mut resource = Resource::builder();
        if let Some(name) = name {
            resource = resource.with_service_name(name.to_owned());
        }
        let resource = resource.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build();
        Ok(Self(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
    }

    /// What hands spans over.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("tilgang"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(leaves))
    }

    /// Sends what is left, and ends.
    pub(crate) fn end(&self) {
        // A collector that is down is no reason to fail, or to wait for long.
        let _ = self.0.shutdown_with_timeout(LAST_MAX);
    }
}

/// Whether a span, and never an event, is for a collector: only ours, since others put into theirs what they like; and no
/// event, since log lines name people.
fn leaves(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("tilgang")
}

/// Two clients: one for this machine, one for everything else.
#[derive(Clone)]
struct Client {
    near: reqwest::Client,
    far: reqwest::Client,
    runtime: Handle,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    fn open(runtime: Handle) -> Result<Self, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base = || reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(WHOLE_MAX);
        let near = base().no_proxy().build().map_err(|error| error.to_string())?;
        let far = base().build().map_err(|error| error.to_string())?;
        Ok(Self { near, far, runtime })
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = request.uri().host().unwrap_or_default();
        let is_near = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        let client = if is_near { self.near.clone() } else { self.far.clone() };
        let request = reqwest::Request::try_from(request)?;
        // The SDK calls from a thread of its own, where there is no runtime. `without_url`: a URL may hold a key.
        let sent = self.runtime.spawn(async move {
            let answer = client.execute(request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
        });
        let (status, headers, body) = sent.await?.map_err(reqwest::Error::without_url)?;
        let mut answer = Response::new(body);
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn telemetry_is_off_unless_an_endpoint_is_set() {
        let read = |set: &[(&str, &str)]| {
            let set: BTreeMap<&str, &str> = set.iter().copied().collect();
            Telemetry::read(&|name| set.get(name).map(|value| (*value).to_owned()))
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:4318/v1/traces");
        let on = |name: Option<&str>| Telemetry::On { name: name.map(str::to_owned) };
        assert_eq!(read(&[]), Telemetry::Off);
        assert_eq!(read(&[("OTEL_SERVICE_NAME", "x")]), Telemetry::Off);
        assert_eq!(read(&[endpoint]), on(Some("tilgang")));
        assert_eq!(read(&[traces]), on(Some("tilgang")));
        assert_eq!(read(&[endpoint, ("OTEL_SDK_DISABLED", "true")]), Telemetry::Off);
        assert_eq!(read(&[endpoint, ("OTEL_SDK_DISABLED", "false")]), on(Some("tilgang")));
        assert_eq!(read(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]), Telemetry::Off);
        assert_eq!(read(&[endpoint, ("OTEL_SERVICE_NAME", "x")]), on(None));
        assert_eq!(read(&[endpoint, ("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=x")]), on(None));
        for wrong in [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_EXPORTER", "zipkin")] {
            assert!(matches!(read(&[endpoint, wrong]), Telemetry::Wrong(_)), "{wrong:?}");
        }
    }
}
