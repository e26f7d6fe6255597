//! What the daemon says of itself, to machines: metrics for Prometheus.
//!
//! | file | what it does |
//! |---|---|
//! | `metrics` | runs, drift, requests and notices → the text that Prometheus reads |
//! | `process` | memory, file handles and CPU time of this process, where Linux tells |
//!
//! Never a person, an id or a token: labels are classes, owners, services, channels and outcomes.

mod metrics;
mod process;

#[cfg(test)]
mod tests;

pub use self::metrics::{CONTENT_TYPE, Channels, History, Metrics};
