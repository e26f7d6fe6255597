//! What the daemon says of itself, to machines: metrics for Prometheus, spans for OpenTelemetry.
//!
//! | file | what it does |
//! |---|---|
//! | `metrics` | runs, drift, requests and notices → the text that Prometheus reads |
//! | `process` | memory, file handles and CPU time of this process, where Linux tells |
//! | `spans` | which of our spans leave the machine |
//! | `otlp` | spans → a collector, by the usual `OTEL_…` variables |
//!
//! Never a person, an id or a token: labels are classes, owners, services, channels and outcomes; spans know routes, not names.

mod metrics;
mod otlp;
mod process;
mod spans;

#[cfg(test)]
mod tests;

pub use self::{
    metrics::{CONTENT_TYPE, Channels, Metrics},
    otlp::{Otlp, Telemetry},
};
