#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "a test may look at its environment")]
#![allow(clippy::print_stdout, reason = "counts are there to be read")]
//! The program as people run it: its binary, its files, its streams and its exit codes; its two ends of the
//! wire (`azure_http`, `simulator_http`); and the files that it is deployed with (`deploy`).

mod adopt;
mod answers;
mod azure_http;
#[cfg(unix)]
mod browser;
mod cases;
#[cfg(unix)]
mod chromium;
mod ci;
mod clients;
mod deploy;
mod environment;
mod examples;
mod faults;
#[cfg(unix)]
mod git;
mod hands;
mod help;
mod hostile;
mod identity;
#[cfg(unix)]
mod ledger;
mod narrowing;
mod pace;
#[cfg(unix)]
mod page;
mod readme;
mod requests;
mod secrets;
#[cfg(unix)]
mod serve;
mod shards;
mod signals;
#[cfg(unix)]
mod simulate;
mod simulator;
mod simulator_http;
mod threats;
mod workspace;
