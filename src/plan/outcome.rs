//! What became of an approved plan, change by change.

use crate::model::trouble::Trouble;

use super::{
    again::{Moved, Withheld},
    change::Change,
};

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The change.
    pub change: Change,
    /// How it ended.
    pub result: Result<Done, Failure>,
}

/// A change that Azure has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// We made it so.
    Now,
    /// It was so already: somebody was faster.
    Already,
}

/// A change that Azure does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Azure refused, or could not be reached.
    Trouble(Trouble),
    /// Not tried: it waits for a grant that was not made ([`super::selection::Pending`]).
    HeldBack,
    /// Not tried: what it rests on is no longer as the plan saw it.
    Moved(Moved),
    /// Not tried: the journal could not take it down; why.
    Unrecorded(String),
    /// Not tried: the run was stopped before.
    NotTried,
}

impl From<Withheld> for Outcome {
    fn from(Withheld { change, moved }: Withheld) -> Self {
        Self { change, result: Err(moved.map_or(Failure::HeldBack, Failure::Moved)) }
    }
}
