//! The last requests, for somebody who looks on.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// How many are kept. Ours: what fits on a page.
const KEPT: usize = 100;
/// How much of a path and query is kept, in characters.
const TARGET_MAX: usize = 400;

/// One request that was answered, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// In capitals.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// 0 stands for no answer at all.
    pub status: u16,
    /// From the whole request to the answer, in microseconds.
    pub micros: u128,
}

/// The last requests.
#[derive(Debug, Default)]
pub struct Recent(Mutex<VecDeque<Seen>>);

impl Recent {
    /// Adds one, and forgets the oldest.
    pub fn add(&self, mut seen: Seen) {
        if let Some((cut, _)) = seen.target.char_indices().nth(TARGET_MAX) {
            seen.target.truncate(cut);
            seen.target.push('…');
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front(seen);
    }

    /// The newest first.
    #[must_use]
    pub fn newest(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
