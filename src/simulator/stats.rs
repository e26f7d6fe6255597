//! Counts what was asked, so that cost can be asserted.
//!
//! Sign-in counts under its own routes; the control routes under `/_simulator/` do not count.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

/// The counts since the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests in all; a batch is one.
    pub requests: u64,
    /// Requests that would change something in Azure, refused ones included.
    pub writes: u64,
    /// Connections accepted.
    pub connections: u64,
    /// The most requests at work at once.
    pub in_flight_max: u64,
    /// By method and route: `GET roleAssignments`.
    pub by_route: BTreeMap<String, u64>,
    /// By status.
    pub by_status: BTreeMap<u16, u64>,
    #[serde(skip)]
    in_flight: u64,
}

/// The counter.
#[derive(Debug, Default)]
pub struct Stats(Mutex<Counts>);

impl Stats {
    /// The counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    /// Starts anew; what is at work stays counted as at work.
    pub fn reset(&self) {
        self.with(|counts| *counts = Counts { in_flight: counts.in_flight, ..Counts::default() });
    }

    /// A connection was accepted.
    pub fn connected(&self) {
        self.with(|counts| counts.connections += 1);
    }

    /// A request came in; it is at work until the guard is dropped.
    pub fn began(&self) -> AtWork<'_> {
        self.with(|counts| {
            counts.in_flight += 1;
            counts.in_flight_max = counts.in_flight_max.max(counts.in_flight);
        });
        AtWork(self)
    }

    /// A request was answered; 0 stands for no answer at all.
    pub fn answered(&self, route: &str, is_write: bool, status: u16) {
        self.with(|counts| {
            counts.requests += 1;
            counts.writes += u64::from(is_write);
            *counts.by_route.entry(route.to_owned()).or_default() += 1;
            *counts.by_status.entry(status).or_default() += 1;
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request at work.
#[derive(Debug)]
pub struct AtWork<'a>(&'a Stats);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.with(|counts| counts.in_flight = counts.in_flight.saturating_sub(1));
    }
}
