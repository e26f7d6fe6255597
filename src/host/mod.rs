//! What the machine gives, to whoever runs on it: commands and the daemon.
//!
//! | file | what it does |
//! |---|---|
//! | `environment` | variables, the one real clock, chance, whether somebody is at the terminal |
//! | `signals` | Ctrl-C, and the signals of a service manager |
//! | `stderr` | lines for people |
//! | `traces` | spans → an OpenTelemetry collector, by the usual `OTEL_…` variables |
//!
//! Never a rule of the program: nothing here knows a plan, an owner or Azure.

pub(crate) mod environment;
pub(crate) mod signals;
pub(crate) mod stderr;
pub(crate) mod traces;
