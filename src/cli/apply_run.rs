//! An approved plan is carried out: told to the ledger before and after, and ended in good order when somebody asks for it.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    execute::{Done, Failure, Journal as _, Outcome, execute},
    ledger::{
        Journal, Ledger,
        entry::{Begun, Ended, Entry},
        record,
    },
    observe::again,
    ports::AssignmentWriter,
};

use super::{
    Exit,
    actor::actor,
    environment,
    far::Far,
    output, progress,
    signals::{End, Ending},
    survey::Survey,
};

/// How a run went.
pub(super) struct Ran {
    /// What became of each change; none if somebody would not wait for it.
    pub outcomes: Option<Vec<Outcome>>,
    /// What went wrong with the ledger.
    pub ledger: Option<String>,
    interrupted: bool,
    /// Where it is recorded, and under which number.
    recorded: Option<(Arc<Ledger>, u64)>,
}

/// Looks once more at what the changes rest on, and makes those that still do. `saved`: the digest of a saved plan. `Err`: nothing was done, and why.
pub(super) async fn carry_out(
    command: &str,
    survey: &Survey,
    far: &Far,
    azure: &impl AssignmentWriter,
    ledger: Option<Arc<Ledger>>,
    saved: Option<String>,
) -> Result<Ran, String> {
    let mut end = End::listen().map_err(|error| error.to_string())?; // before the ledger says that we began
    carry_out_until(&mut end, command, survey, far, azure, ledger, saved).await
}

/// The same for a command that listens for the end itself.
pub(super) async fn carry_out_until(
    end: &mut impl Ending,
    command: &str,
    survey: &Survey,
    far: &Far,
    azure: &impl AssignmentWriter,
    ledger: Option<Arc<Ledger>>,
    saved: Option<String>,
) -> Result<Ran, String> {
    let mut approved = survey.approval.approved.clone();
    let recorded = match ledger {
        Some(ledger) => {
            let number = ledger.begin(begun(command, survey, far, saved)).map_err(|error| unwritten(&error))?;
            Some((ledger, number))
        }
        None => None,
    };
    let bar = progress::applying(approved.changes().len());
    let tick = || bar.inc(1);
    let place = |origin: &_| survey.ground.loaded.sources.place(origin);
    let journal = Journal::new(recorded.clone(), &place, &tick);
    let stop = AtomicBool::new(false);
    let work = async {
        let questions = approved.questions(&survey.observed);
        let seen = again(&questions.targets, &questions.people, &far.reader).await;
        let withheld = approved.withhold(&survey.observed, &seen);
        let mut outcomes = execute(&approved, azure, &journal, &stop).await;
        for outcome in withheld.into_iter().map(Outcome::from) {
            let _ = journal.ended(&outcome, None).await; // it remembers what failed
            outcomes.push(outcome);
        }
        outcomes
    };
    let mut work = pin!(progress::telling(&bar, || far.session.waiting(), work));
    let mut interrupted = false;
    let outcomes = loop {
        tokio::select! {
            outcomes = &mut work => break Some(outcomes),
            () = end.asked() => {
                if interrupted {
                    break None;
                }
                interrupted = true;
                stop.store(true, Ordering::SeqCst);
                output::say("ending: what was asked of Azure is waited for, and nothing new is begun; once more ends at once");
            }
        }
    };
    bar.finish_and_clear();
    Ok(Ran { outcomes, ledger: journal.failed(), interrupted, recorded })
}

impl Ran {
    /// How it went, as an exit code: ended before it was through is partly applied, however little was done.
    pub(super) fn exit(&self) -> Exit {
        let Some(outcomes) = &self.outcomes else { return Exit::Partly };
        let not_done = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
        let cut = self.interrupted && outcomes.iter().any(|outcome| outcome.result == Err(Failure::NotTried));
        let run = match not_done {
            0 => Exit::Converged,
            failed if failed < outcomes.len() || cut => Exit::Partly,
            _ => Exit::Failed,
        };
        let unwritten = self.ledger.is_some() && not_done == 0;
        run.max(if unwritten { Exit::Failed } else { Exit::Converged })
    }

    /// Writes down the end of the run.
    pub(super) fn end(&self, exit: Exit) -> Result<(), String> {
        let (Some((ledger, of)), Some(outcomes)) = (&self.recorded, &self.outcomes) else { return Ok(()) };
        let number = |is: fn(&Result<Done, Failure>) -> bool| outcomes.iter().filter(|it| is(&it.result)).count();
        let not_tried = number(|it| matches!(it, Err(Failure::NotTried | Failure::Unrecorded(_))));
        let ended = Ended {
            of: *of,
            interrupted: self.interrupted && not_tried > 0,
            exit: exit.code(),
            done: number(|it| *it == Ok(Done::Now)),
            already: number(|it| *it == Ok(Done::Already)),
            failed: number(|it| matches!(it, Err(Failure::Trouble(_)))),
            held_back: number(|it| matches!(it, Err(Failure::HeldBack | Failure::Moved(_)))),
            not_tried,
        };
        ledger.sync(Entry::Ended(ended)).map_err(|error| unwritten(&error))
    }
}

/// In words.
pub(super) fn unwritten(error: &impl std::fmt::Display) -> String {
    format!("the ledger could not be written: {error}")
}

fn begun(command: &str, survey: &Survey, far: &Far, saved: Option<String>) -> Begun {
    let (commit, edited) = record::commit(&survey.desired.revision);
    let changes = survey.approval.approved.changes();
    let mut by = actor(&environment::variable);
    by.identity = far.identity.map(|id| id.to_string());
    Begun {
        command: command.to_owned(),
        tool: super::TOOL.to_owned(),
        by,
        commit,
        edited,
        config: survey.ground.loaded.digest.clone(),
        plan: record::plan_digest(changes),
        saved_plan: saved,
        changes: changes.len(),
        refused: record::refusals(&survey.approval),
        owners: survey.ground.owners.iter().flatten().map(ToString::to_string).collect(),
    }
}
