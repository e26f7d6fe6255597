//! What people do meanwhile, as data: each at its time of the world's clock, or at once.
//!
//! In: events, from the fault file or `POST /_simulator/events`. Out: the world after them, and what became of each
//! (`GET /_simulator/events`). Never: a deed that the world's own rules would not follow from, once it is done.

mod deeds;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::deeds::{Assign, Deed, Rename};
use super::{
    faults::When,
    world::{Resource, World},
};
use crate::model::ids::ScopeId;

/// A deed and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When; left out: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
    /// What is done.
    pub does: Deed,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// When it was to happen.
    pub at: Timestamp,
    /// What was to be done.
    pub does: Deed,
    /// Why it was not done; nothing if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What is still to happen, and what has happened.
#[derive(Debug, Default)]
pub struct Events {
    any: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    coming: BTreeMap<(Timestamp, usize), Deed>, // those of one time in their order
    happened: Vec<Happened>,
    gone: BTreeMap<ScopeId, Resource>,
    count: usize,
}

impl Events {
    /// Takes events on, from this time of the world; those that are due happen now. Answers what happened.
    pub fn begin(&self, world: &mut World, events: Vec<Event>) -> Vec<Happened> {
        let now = world.now();
        let mut kept = self.lock();
        for Event { at, does } in events {
            kept.count += 1;
            let key = (at.map_or(now, |at| at.since(now)), kept.count);
            kept.coming.insert(key, does);
        }
        let before = kept.happened.len();
        self.due(&mut kept, world);
        kept.happened.get(before..).unwrap_or_default().to_vec()
    }

    /// Lets happen what the world's clock has passed.
    pub fn happen(&self, world: &mut World) {
        if self.any.load(Ordering::Acquire) {
            self.due(&mut self.lock(), world);
        }
    }

    /// What is still to happen.
    #[must_use]
    pub fn coming(&self) -> Vec<Event> {
        let coming = &self.lock().coming;
        coming.iter().map(|((at, _), does)| Event { at: Some(When::At(*at)), does: does.clone() }).collect()
    }

    /// What has happened, in its order.
    #[must_use]
    pub fn happened(&self) -> Vec<Happened> {
        self.lock().happened.clone()
    }

    /// Forgets what is still to happen.
    pub fn forget(&self) {
        self.lock().coming.clear();
        self.any.store(false, Ordering::Release);
    }

    fn due(&self, kept: &mut Kept, world: &mut World) {
        let now = world.now();
        while let Some(entry) = kept.coming.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), does) = entry.remove_entry();
            let failed = does.happen(world, &mut kept.gone).err();
            if let Some(reason) = &failed {
                tracing::warn!("an event did not happen: {reason}");
            }
            kept.happened.push(Happened { at, does, failed });
        }
        self.any.store(!kept.coming.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
