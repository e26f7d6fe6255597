//! A planned run is carried out: its beginning is recorded, what the changes rest on is checked once more, what still holds is
//! done, and the end is recorded. In this order, whoever asks for it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{error::Error, exit::Exit, plan::PlannedRun};
use crate::{
    execute::execute,
    ledger::{
        Journal,
        entry::{Begun, By, Ended},
        record,
    },
    observe::again,
    plan::outcome::{Done, Failure, Outcome},
    ports::{AssignmentWriter, Directory, Resources},
};

/// Somebody who may ask a run to end before it is through.
pub trait Stop: Send {
    /// Until somebody asks; and then until somebody asks again, who would not wait.
    fn asked(&mut self) -> impl Future<Output = ()> + Send;
}

/// Nobody asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStop;

impl Stop for NoStop {
    async fn asked(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// With what a plan is carried out.
pub struct ApplyRequest<'a, 'j, R, W, J, S, C> {
    /// The command, as the ledger names it.
    pub command: &'static str,
    /// The program and its version.
    pub tool: &'static str,
    /// Who runs it.
    pub by: By,
    /// The digest of what a saved plan rests on, if it is one.
    pub saved: Option<String>,
    /// Where Azure is read once more, right before the first write.
    pub reader: &'a R,
    /// Where it is written.
    pub writer: &'a W,
    /// Where the run is recorded.
    pub journal: &'j J,
    /// Who may end it.
    pub stop: &'a mut S,
    /// Whether it may still be carried out: asked right before it begins, if there is something to do.
    pub check: C,
}

/// A run that was carried out.
#[must_use = "the end of a run is recorded by `close`"]
pub struct AppliedRun<'a, J> {
    run: PlannedRun,
    outcomes: Option<Vec<Outcome>>,
    is_interrupted: bool,
    journal: &'a J,
}

/// A run that did not begin: nothing was asked of Azure.
pub struct NotBegun {
    /// The run.
    pub run: PlannedRun,
    /// Why.
    pub why: Error,
}

impl PlannedRun {
    /// Carries out what policy allowed of it: nothing more.
    ///
    /// # Errors
    /// If it may no longer be carried out, or its beginning could not be recorded. Then nothing was done.
    pub async fn apply<'j, R, W, J, S, C>(
        self,
        request: ApplyRequest<'_, 'j, R, W, J, S, C>,
    ) -> Result<AppliedRun<'j, J>, Box<NotBegun>>
    where
        R: Directory + Resources,
        W: AssignmentWriter,
        J: Journal,
        S: Stop,
        C: AsyncFnOnce() -> Result<(), Error>,
    {
        let ApplyRequest { command, tool, by, saved, reader, writer, journal, stop, check } = request;
        if !self.approval().approved.changes().is_empty()
            && let Err(why) = check().await
        {
            return Err(Box::new(NotBegun { run: self, why }));
        }
        let origins = self.approval().approved.changes().iter().flat_map(|change| &change.origins);
        let places = origins.map(|it| (it.clone(), self.workspace().loaded.sources.place(it))).collect();
        if let Err(why) = journal.begin(self.begun(command, tool, by, saved), places) {
            return Err(Box::new(NotBegun { run: self, why: Error::Unrecorded(why) }));
        }
        let stopped = AtomicBool::new(false);
        let mut is_interrupted = false;
        let outcomes = {
            let mut work = Box::pin(self.carry_out(reader, writer, journal, &stopped)); // it holds much
            loop {
                tokio::select! {
                    outcomes = &mut work => break Some(outcomes),
                    () = stop.asked() => {
                        if is_interrupted {
                            break None;
                        }
                        is_interrupted = true;
                        stopped.store(true, Ordering::SeqCst);
                    }
                }
            }
        };
        Ok(AppliedRun { run: self, outcomes, is_interrupted, journal })
    }

    /// The last check, and the changes that it leaves.
    async fn carry_out(
        &self,
        reader: &(impl Directory + Resources),
        writer: &impl AssignmentWriter,
        journal: &impl Journal,
        stopped: &AtomicBool,
    ) -> Vec<Outcome> {
        let mut approved = self.approval().approved.clone();
        let questions = approved.questions(self.observed());
        let seen = again(&questions.targets, &questions.people, reader).await;
        let withheld = approved.withhold(self.observed(), &seen);
        let mut outcomes = execute(&approved, writer, journal, stopped).await;
        for outcome in withheld.into_iter().map(Outcome::from) {
            let _ = journal.ended(&outcome, None).await; // it remembers what failed
            outcomes.push(outcome);
        }
        outcomes
    }

    fn begun(&self, command: &str, tool: &str, by: By, saved: Option<String>) -> Begun {
        let (commit, edited) = record::commit(&self.desired().revision);
        let changes = self.approval().approved.changes();
        Begun {
            command: command.to_owned(),
            tool: tool.to_owned(),
            by,
            commit,
            edited,
            config: self.workspace().loaded.digest.clone(),
            plan: record::plan_digest(changes),
            saved_plan: saved,
            changes: changes.len(),
            refused: record::refusals(self.approval()),
            owners: self.scope().owners().into_iter().flatten().map(ToString::to_string).collect(),
        }
    }
}

impl<J: Journal> AppliedRun<'_, J> {
    /// The run, as it was planned.
    #[must_use]
    pub fn run(&self) -> &PlannedRun {
        &self.run
    }

    /// What became of each change; none if somebody would not wait for it.
    #[must_use]
    pub fn outcomes(&self) -> Option<&[Outcome]> {
        self.outcomes.as_deref()
    }

    /// What could not be recorded on the way, and why.
    #[must_use]
    pub fn unrecorded(&self) -> Option<Error> {
        self.journal.failed().map(Error::Unrecorded)
    }

    /// How it went, as an exit code, the reading and the plan included.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.run.exit().max(self.of_outcomes()).max(Exit::Refused.when(self.run.keeps()))
    }

    /// Ended before it was through is partly applied, however little was done.
    fn of_outcomes(&self) -> Exit {
        let Some(outcomes) = &self.outcomes else { return Exit::Partly };
        let not_done = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
        let is_cut = self.is_interrupted && outcomes.iter().any(|outcome| outcome.result == Err(Failure::NotTried));
        match not_done {
            0 => Exit::Failed.when(self.journal.failed().is_some()),
            failed if failed < outcomes.len() || is_cut => Exit::Partly,
            _ => Exit::Failed,
        }
    }

    /// Records the end, with the exit code that is given; and what went wrong with that, if nothing did before. A run that somebody
    /// would not wait for has no end.
    pub fn close(self, exit: Exit) -> (PlannedRun, Option<Error>) {
        let Self { run, outcomes, is_interrupted, journal } = self;
        let Some(outcomes) = outcomes else { return (run, None) };
        let number = |is: fn(&Result<Done, Failure>) -> bool| outcomes.iter().filter(|it| is(&it.result)).count();
        let not_tried = number(|it| matches!(it, Err(Failure::NotTried | Failure::Unrecorded(_))));
        let ended = |of| Ended {
            of,
            interrupted: is_interrupted && not_tried > 0,
            exit: exit.code(),
            done: number(|it| *it == Ok(Done::Now)),
            already: number(|it| *it == Ok(Done::Already)),
            failed: number(|it| matches!(it, Err(Failure::Trouble(_)))),
            held_back: number(|it| matches!(it, Err(Failure::HeldBack | Failure::Moved(_)))),
            not_tried,
        };
        let had_failed = journal.failed().is_some();
        let unclosed = journal.close(ended).err().filter(|_| !had_failed); // reported already
        (run, unclosed.map(Error::Unrecorded))
    }
}
