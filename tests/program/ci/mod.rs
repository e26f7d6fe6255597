//! The workflows that people copy, played job by job: each `run:` block as the runner would run it, against the simulated Azure and a
//! stand-in for the platforms' REST APIs.

#[cfg(unix)]
mod azure_devops;
#[cfg(unix)]
mod fork;
#[cfg(unix)]
mod hub;
#[cfg(unix)]
mod ledger;
#[cfg(unix)]
mod merged;
#[cfg(unix)]
mod runner;
#[cfg(unix)]
mod shape;
