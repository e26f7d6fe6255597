//! Who is told of each run: notifications plug in here. Each is told in turn, and never makes a run wait.

use std::sync::Arc;

use jiff::Timestamp;

use super::board::SeenLast;
use crate::watch::{GitTrouble, RunReport};

/// Somebody who is told what each run came to.
///
/// Called on the daemon's own task: it takes what it needs and returns at once. What is to be sent is queued there, sent from
/// a task of its own, and kept in a file of its own in the state folder (`keep::Kept`), so that it survives a restart.
pub(in crate::cli) trait Listener: Send {
    /// A run is over; and what the last look at all owners showed, this one's or one before.
    fn told(&mut self, report: &Arc<RunReport>, seen: Option<&Arc<SeenLast>>);

    /// Git answers as it should again, or does not: at this time, after the run with this number.
    fn git(&mut self, _trouble: Option<&GitTrouble>, _at: Timestamp, _run: u64) {}

    /// The daemon ends: what must not be lost is written down.
    fn end(&mut self) {}
}
