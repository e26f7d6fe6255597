//! What a run is recorded in, as a trait: its beginning, each write before it is made and after, its end.

use std::{collections::BTreeMap, sync::Arc};

use super::entry::{Begun, Ended};
use crate::{
    model::desired::{Origin, Place},
    plan::{change::Change, outcome::Outcome},
    ports::Answered,
};

/// Why something could not be recorded, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unrecorded(pub Arc<str>);

impl Unrecorded {
    /// From whatever went wrong.
    pub fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string().into())
    }
}

/// Takes down a run. What is not taken down is not done.
pub trait Journal: Sync {
    /// A run begins. If this fails, nothing is asked of Azure. `places`: where the origins of its changes are in their files.
    fn begin(&self, begun: Begun, places: BTreeMap<Origin, Place>) -> Result<(), Unrecorded>;

    /// A write is about to be made. It is made only when this has ended well.
    fn asked(&self, change: &Change) -> impl Future<Output = Result<(), Unrecorded>> + Send;

    /// A change has ended, tried or not. `answer` is Azure's, where there was a good one.
    fn ended(
        &self,
        outcome: &Outcome,
        answer: Option<&Answered<()>>,
    ) -> impl Future<Output = Result<(), Unrecorded>> + Send;

    /// The run is over. `ended` is given the number of the run.
    fn close(&self, ended: impl FnOnce(u64) -> Ended) -> Result<(), Unrecorded>;

    /// What could not be taken down first, and why.
    fn failed(&self) -> Option<Unrecorded> {
        None
    }
}

/// A journal that takes nothing down, and lets everything go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn begin(&self, _begun: Begun, _places: BTreeMap<Origin, Place>) -> Result<(), Unrecorded> {
        Ok(())
    }

    async fn asked(&self, _change: &Change) -> Result<(), Unrecorded> {
        Ok(())
    }

    async fn ended(&self, _outcome: &Outcome, _answer: Option<&Answered<()>>) -> Result<(), Unrecorded> {
        Ok(())
    }

    fn close(&self, _ended: impl FnOnce(u64) -> Ended) -> Result<(), Unrecorded> {
        Ok(())
    }
}
