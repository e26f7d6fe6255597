//! Healing: the changes that the daemon was told to make, through the same way as `apply`.
//!
//! In: a run that policy has judged. Out: what became of each change. Never from anything but the branch's tip: git is asked once
//! more right before, and if it moved, nothing is done.

use std::{collections::BTreeSet, sync::Arc};

use clap::ValueEnum;
use tokio::sync::watch;

use crate::{
    app::{AppliedRun, Error, Exit, PlannedRun, Recording, Stop},
    cli::{
        applying::{ENDING, How, carry_out},
        connect::Connection,
        output,
    },
    ledger::{RunJournal, Unrecorded},
    plan::{
        outcome::{Done, Failure, Outcome},
        selection::{Kind, Kinds},
    },
    watch::{Healed, Healing, Key},
};

/// What is healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(in crate::cli) enum Heal {
    /// What is missing is made, and what was altered is put right.
    Grants,
    /// What stands after its last day is removed.
    Expired,
    /// All that `apply` would do.
    All,
}

/// What healing came to.
pub(super) struct Treated {
    /// In sums.
    pub(super) sums: Healing,
    /// Change by change.
    pub(super) changes: Vec<Healed>,
    /// The differences that are over.
    pub(super) over: Vec<Key>,
    /// As an exit code.
    pub(super) exit: Exit,
    /// What else people should know.
    pub(super) notes: Vec<String>,
}

/// The daemon's word that a run is to end in good order.
pub(super) struct Told {
    word: watch::Receiver<bool>,
    heard: bool,
}

impl Told {
    /// By whoever holds the other end.
    pub(super) fn by(word: watch::Receiver<bool>) -> Self {
        Self { word, heard: false }
    }
}

impl Stop for Told {
    async fn asked(&mut self) {
        if !self.heard && self.word.wait_for(|asked| *asked).await.is_ok() {
            self.heard = true;
            output::say(ENDING);
            return;
        }
        std::future::pending::<()>().await; // it is said once
    }
}

/// The kinds of changes that healing makes.
pub(super) fn kinds(heal: &BTreeSet<Heal>) -> Kinds {
    if heal.contains(&Heal::All) {
        return Kinds::All;
    }
    let kind = |heal: &Heal| match heal {
        Heal::Grants => Some(Kind::Grants),
        Heal::Expired => Some(Kind::Expired),
        Heal::All => None,
    };
    Kinds::Only(heal.iter().filter_map(kind).collect())
}

/// Carries out what policy approved. The run comes back as it was planned.
pub(super) async fn treat(
    run: PlannedRun,
    connection: &Connection,
    recording: &Recording,
    mut end: Told,
    check: impl AsyncFnOnce() -> Result<(), Error>,
) -> (PlannedRun, Result<Treated, Error>) {
    let refused = run.approval().refused.len();
    let deferred = run.deferred().len();
    if run.approval().approved.changes().is_empty() {
        let sums = Healing { refused, deferred, ..Healing::default() };
        let exit = run.exit();
        return (run, Ok(Treated { sums, changes: Vec::new(), over: Vec::new(), exit, notes: Vec::new() }));
    }
    let journal = RunJournal::new(recording.ledger(), &|| ());
    let how = How { command: "serve", saved: None, connection, journal: &journal, stop: &mut end, check };
    let applied = match Box::pin(carry_out(run, how)).await {
        Ok(applied) => applied,
        Err(not_begun) => return (not_begun.run, Err(not_begun.why)),
    };
    let mut treated = told(&applied, Healing { refused, deferred, ..Healing::default() });
    let (run, unclosed) = applied.close(treated.exit);
    treated.notes.extend(unclosed.map(|error| error.to_string()));
    (run, Ok(treated))
}

fn told(applied: &AppliedRun<'_, RunJournal<'_>>, sums: Healing) -> Treated {
    let notes = applied.unrecorded().iter().map(ToString::to_string).collect();
    let mut treated = Treated { sums, changes: Vec::new(), over: Vec::new(), exit: applied.exit(), notes };
    for Outcome { change, result } in applied.outcomes().into_iter().flatten() {
        let key = Key::of(change);
        let failed: Option<Arc<str>> = match result {
            Ok(done) => {
                match done {
                    Done::Now => treated.sums.done += 1,
                    Done::Already => treated.sums.already += 1,
                }
                treated.over.push(key.clone());
                None
            }
            Err(failure) => {
                treated.sums.failed += 1;
                Some(why(failure).into())
            }
        };
        let (action, who) = (change.action.word(), change.who.to_string().into());
        treated.changes.push(Healed { key, action, who, failed });
    }
    treated
}

fn why(failure: &Failure) -> String {
    match failure {
        Failure::Trouble(trouble) => trouble.to_string(),
        Failure::HeldBack => "held back: a grant of the same person here was not made".to_owned(),
        Failure::Moved(moved) => moved.to_string(),
        Failure::Unrecorded(why) => Error::Unrecorded(Unrecorded::new(why)).to_string(),
        Failure::NotTried => "not tried: the run was ended before".to_owned(),
    }
}
