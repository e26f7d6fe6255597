//! Healing: the changes that the daemon was told to make, through the same door as `apply`. The only file here that takes a writer.
//!
//! In: a survey that policy has judged. Out: what became of each change. Never from anything but the branch's tip: git is asked
//! once more right before, and if it moved, nothing is done.

use std::{collections::BTreeSet, sync::Arc};

use clap::ValueEnum;
use tokio::sync::watch;

use crate::{
    cli::{
        Exit,
        apply_run::{Ran, carry_out_until, unwritten},
        far::Far,
        signals::Ending,
        survey::Survey,
    },
    execute::{Failure, Outcome},
    ledger::Ledger,
    model::ids::PrincipalId,
    model::owner::OwnerCode,
    plan::change::Action,
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

impl Ending for Told {
    async fn asked(&mut self) {
        if !self.heard && self.word.wait_for(|asked| *asked).await.is_ok() {
            self.heard = true;
            return;
        }
        std::future::pending::<()>().await; // it is said once
    }
}

/// Leaves only what is to be healed.
pub(super) fn narrow(survey: &mut Survey, heal: &BTreeSet<Heal>) {
    if heal.contains(&Heal::All) {
        return;
    }
    // Nobody loses the old before they have the new.
    let grants = survey.plan.changes.iter().filter(|change| change.action == Action::Grant);
    let waiting: BTreeSet<(OwnerCode, PrincipalId)> =
        grants.map(|change| (change.owner, change.triple.principal)).collect();
    survey.narrow(|change| match change.action {
        Action::Grant | Action::Update => heal.contains(&Heal::Grants),
        Action::Adopt => false, // what others made is only marked when somebody asks for it
        Action::Revoke => {
            heal.contains(&Heal::Expired)
                && change.because.is_expiry()
                && !waiting.contains(&(change.owner, change.triple.principal))
        }
    });
}

/// Carries out what policy approved.
pub(super) async fn treat(
    survey: &Survey,
    far: &Far,
    ledger: Option<Arc<Ledger>>,
    mut end: Told,
) -> Result<Treated, String> {
    let refused = survey.approval.refused.len();
    if survey.approval.approved.changes().is_empty() {
        let sums = Healing { refused, ..Healing::default() };
        return Ok(Treated { sums, changes: Vec::new(), over: Vec::new(), exit: survey.exit(), notes: Vec::new() });
    }
    let ran = carry_out_until(&mut end, "serve", survey, far, &far.writer(), ledger, None).await?;
    let exit = survey.exit().max(ran.exit());
    let mut notes: Vec<String> = ran.ledger.iter().map(unwritten).collect();
    if let Err(error) = ran.end(exit) {
        notes.push(error);
    }
    Ok(told(&ran, refused, exit, notes))
}

fn told(ran: &Ran, refused: usize, exit: Exit, notes: Vec<String>) -> Treated {
    let mut treated =
        Treated { sums: Healing { refused, ..Healing::default() }, changes: Vec::new(), over: Vec::new(), exit, notes };
    for Outcome { change, result } in ran.outcomes.iter().flatten() {
        let key = Key::of(change);
        let failed: Option<Arc<str>> = match result {
            Ok(done) => {
                match done {
                    crate::execute::Done::Now => treated.sums.done += 1,
                    crate::execute::Done::Already => treated.sums.already += 1,
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
        Failure::Unrecorded(why) => unwritten(why),
        Failure::NotTried => "not tried: the run was ended before".to_owned(),
    }
}
