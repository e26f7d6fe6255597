//! Takes down a run in the ledger: what `execute` is about to ask, and what came back. Disk work is done beside the requests, not
//! between.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::{
    entry::{Asked, Begun, Ended, Entry},
    journal::{Journal, Unrecorded},
    record,
    store::{Durable, Ledger},
};
use crate::{
    model::{
        desired::{Origin, Place},
        ids::AssignmentName,
    },
    plan::{
        change::Change,
        outcome::{Failure, Outcome},
    },
    ports::Answered,
};

/// A run's journal. Without a ledger it only counts.
pub struct RunJournal<'a> {
    ledger: Option<Arc<Ledger>>,
    tick: &'a (dyn Fn() + Sync),
    /// The number of the run, and where the origins of its changes are.
    run: OnceLock<(u64, BTreeMap<Origin, Place>)>,
    asked: Mutex<BTreeMap<AssignmentName, u64>>,
    failed: Mutex<Option<Unrecorded>>,
}

impl<'a> RunJournal<'a> {
    /// A journal of nothing yet. `ledger`: where to write; `tick`: called as each change ends.
    pub fn new(ledger: Option<Arc<Ledger>>, tick: &'a (dyn Fn() + Sync)) -> Self {
        Self { ledger, tick, run: OnceLock::new(), asked: Mutex::default(), failed: Mutex::default() }
    }

    fn write(&self, change: &Change) -> Box<Asked> {
        let (number, places) = self.run.get().map_or((0, None), |(number, places)| (*number, Some(places)));
        let unknown = || Place { file: String::new(), line: 0, column: 0 }; // not reached: a run begins with its places
        let place = |origin: &Origin| places.and_then(|places| places.get(origin).cloned()).unwrap_or_else(unknown);
        Box::new(record::asked(number, change, &place))
    }

    async fn append(&self, entry: Entry, durable: Durable) -> Result<Option<u64>, Unrecorded> {
        let Some(ledger) = self.ledger.clone() else { return Ok(None) };
        let appended = tokio::task::spawn_blocking(move || ledger.append(entry, durable)).await;
        let why = match appended {
            Ok(Ok(number)) => return Ok(Some(number)),
            Ok(Err(error)) => Unrecorded::new(error),
            Err(error) => Unrecorded::new(error),
        };
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.clone());
        Err(why)
    }
}

impl Journal for RunJournal<'_> {
    fn begin(&self, begun: Begun, places: BTreeMap<Origin, Place>) -> Result<(), Unrecorded> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let number = ledger.begin(begun).map_err(Unrecorded::new)?;
        self.run.get_or_init(|| (number, places));
        Ok(())
    }

    async fn asked(&self, change: &Change) -> Result<(), Unrecorded> {
        let asked = Entry::Asked(self.write(change));
        if let Some(number) = self.append(asked, Durable::Yes).await? {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(change.name, number);
        }
        Ok(())
    }

    async fn ended(&self, outcome: &Outcome, answer: Option<&Answered<()>>) -> Result<(), Unrecorded> {
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

    fn close(&self, ended: impl FnOnce(u64) -> Ended) -> Result<(), Unrecorded> {
        let (Some(ledger), Some((of, _))) = (&self.ledger, self.run.get()) else { return Ok(()) };
        ledger.sync(Entry::Ended(ended(*of))).map_err(Unrecorded::new)
    }

    fn failed(&self) -> Option<Unrecorded> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
