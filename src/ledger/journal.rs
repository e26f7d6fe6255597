//! Takes down a run: what `execute` is about to ask, and what came back. Disk work is done beside the requests, not between.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    entry::{Asked, Entry},
    record,
    store::{Durable, Ledger},
};
use crate::{
    execute::{self, Failure, Outcome},
    model::{
        desired::{Origin, Place},
        ids::AssignmentName,
    },
    plan::change::Change,
    ports::Answered,
};

/// A run's journal. Without a ledger it only counts.
pub struct Journal<'a> {
    ledger: Option<(Arc<Ledger>, u64)>,
    place: &'a (dyn Fn(&Origin) -> Place + Sync),
    tick: &'a (dyn Fn() + Sync),
    asked: Mutex<BTreeMap<AssignmentName, u64>>,
    failed: Mutex<Option<String>>,
}

impl<'a> Journal<'a> {
    /// A journal of nothing yet. `ledger`: where to write, and the number of the run there; `place`: where an origin stands in its
    /// file; `tick`: told as each change ends.
    pub fn new(
        ledger: Option<(Arc<Ledger>, u64)>,
        place: &'a (dyn Fn(&Origin) -> Place + Sync),
        tick: &'a (dyn Fn() + Sync),
    ) -> Self {
        Self { ledger, place, tick, asked: Mutex::default(), failed: Mutex::default() }
    }

    /// What went wrong with the ledger first.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, change: &Change) -> Box<Asked> {
        let run = self.ledger.as_ref().map_or(0, |(_, run)| *run);
        Box::new(record::asked(run, change, self.place))
    }

    async fn append(&self, entry: Entry, durable: Durable) -> Result<Option<u64>, String> {
        let Some((ledger, _)) = self.ledger.clone() else { return Ok(None) };
        let appended = tokio::task::spawn_blocking(move || ledger.append(entry, durable)).await;
        let number = match appended {
            Ok(Ok(number)) => return Ok(Some(number)),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| number.clone());
        Err(number)
    }
}

impl execute::Journal for Journal<'_> {
    async fn asked(&self, change: &Change) -> Result<(), String> {
        let asked = Entry::Asked(self.write(change));
        if let Some(number) = self.append(asked, Durable::Yes).await? {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(change.name, number);
        }
        Ok(())
    }

    async fn ended(&self, outcome: &Outcome, answer: Option<&Answered<()>>) -> Result<(), String> {
        (self.tick)();
        let of = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(&outcome.change.name).copied();
        let entry = match (&outcome.result, of) {
            (Err(Failure::HeldBack | Failure::Moved(_)), _) => Some(Entry::HeldBack(self.write(&outcome.change))),
            (_, Some(of)) => record::answered(of, outcome, answer),
            (_, None) => None,
        };
        match entry {
            Some(entry) => self.append(entry, Durable::No).await.map(drop),
            None => Ok(()),
        }
    }
}
