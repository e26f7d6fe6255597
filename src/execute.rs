//! `ApprovedPlan` + the writing port → `Outcome`s, in the plan's order.
//!
//! Decides nothing: what is asked for is in the plan, complete. Grants and updates first, side by side; revokes only when
//! all of those have answered. A failure is an outcome, and the others go on. A revoke from a person one of whose grants at
//! the same owner was not made is held back: nobody loses access halfway.
//!
//! A [`Journal`] is told of each write before it is made and of its answer after. A write that it cannot take down is not
//! made. When it fails, or somebody sets `stop`, what is in flight ends and nothing new begins.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
};

use futures::{StreamExt, stream};

use crate::{
    model::{
        assignment::PrincipalType,
        ids::PrincipalId,
        owner::OwnerCode,
        trouble::{Trouble, TroubleKind},
    },
    plan::{
        again::{Moved, Withheld},
        approve::ApprovedPlan,
        change::{Action, Change},
    },
    ports::{Answered, AssignmentWriter, Deleted, PutAssignment},
};

/// Writes in flight at the same time. Azure refills 10 writes and 10 deletes a second for each subscription and principal,
/// from a bucket of 200 ("Understand how Azure Resource Manager throttles requests"); one write takes one to five seconds
/// in recordings, so this many stay below that pace.
pub const WRITES_SIDE_BY_SIDE_MAX: usize = 16;

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
    /// Not tried: a grant of the same person at the same owner was not made.
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

/// Takes down what is asked of Azure, and what comes back.
pub trait Journal: Sync {
    /// A write is about to be made. It is made only when this has ended well.
    fn asked(&self, change: &Change) -> impl Future<Output = Result<(), String>> + Send;

    /// A change has ended, tried or not. `answer` is Azure's, where there was a good one.
    fn ended(
        &self,
        outcome: &Outcome,
        answer: Option<&Answered<()>>,
    ) -> impl Future<Output = Result<(), String>> + Send;
}

/// A journal that takes nothing down, and lets everything go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    async fn asked(&self, _change: &Change) -> Result<(), String> {
        Ok(())
    }

    async fn ended(&self, _outcome: &Outcome, _answer: Option<&Answered<()>>) -> Result<(), String> {
        Ok(())
    }
}

/// Carries a plan out. `stop`: set by anybody, at any time; from then on nothing new begins.
pub async fn execute(
    plan: &ApprovedPlan,
    azure: &impl AssignmentWriter,
    journal: &impl Journal,
    stop: &AtomicBool,
) -> Vec<Outcome> {
    let (revokes, grants): (Vec<&Change>, Vec<&Change>) =
        plan.changes().iter().partition(|change| change.action == Action::Revoke);
    let run = Run { azure, journal, stop };
    let mut outcomes = run.side_by_side(&grants, &BTreeSet::new()).await;
    // "Already" counts as not done here: what somebody else made since we looked may be narrower, or end by itself.
    let not_done = outcomes.iter().filter(|outcome| outcome.result != Ok(Done::Now));
    let not_done = not_done.map(|outcome| whose(&outcome.change)).collect();
    outcomes.extend(run.side_by_side(&revokes, &not_done).await);
    outcomes
}

fn whose(change: &Change) -> (OwnerCode, PrincipalId) {
    (change.owner, change.triple.principal)
}

struct Run<'a, W, J> {
    azure: &'a W,
    journal: &'a J,
    stop: &'a AtomicBool,
}

impl<W: AssignmentWriter, J: Journal> Run<'_, W, J> {
    async fn side_by_side(&self, changes: &[&Change], held_back: &BTreeSet<(OwnerCode, PrincipalId)>) -> Vec<Outcome> {
        let writes = changes.iter().map(async |change| {
            let (result, answer) = if self.stop.load(Ordering::SeqCst) {
                (Err(Failure::NotTried), None)
            } else if held_back.contains(&whose(change)) {
                (Err(Failure::HeldBack), None)
            } else {
                self.one(change).await
            };
            let outcome = Outcome { change: (*change).clone(), result };
            if self.journal.ended(&outcome, answer.as_ref()).await.is_err() {
                self.stop.store(true, Ordering::SeqCst);
            }
            outcome
        });
        stream::iter(writes).buffered(WRITES_SIDE_BY_SIDE_MAX).collect().await
    }

    async fn one(&self, change: &Change) -> (Result<Done, Failure>, Option<Answered<()>>) {
        if let Err(why) = self.journal.asked(change).await {
            self.stop.store(true, Ordering::SeqCst);
            return (Err(Failure::Unrecorded(why)), None);
        }
        match carry_out(change, self.azure).await {
            Ok((done, answer)) => (Ok(done), answer),
            Err(trouble) => (Err(Failure::Trouble(trouble)), None),
        }
    }
}

async fn carry_out(change: &Change, azure: &impl AssignmentWriter) -> Result<(Done, Option<Answered<()>>), Trouble> {
    match change.action {
        Action::Grant | Action::Update => {
            let put = PutAssignment {
                name: change.name,
                triple: change.triple.clone(),
                principal_type: PrincipalType::User,
                description: change.description.clone(),
            };
            match azure.put(&put).await {
                Ok(answer) => Ok((Done::Now, Some(answer))),
                // An equal one of another name appeared since we looked: the person has what git wants.
                Err(Trouble { kind: TroubleKind::Exists, status, request_id, .. })
                    if change.action == Action::Grant =>
                {
                    Ok((Done::Already, Some(Answered { what: (), status, request_id })))
                }
                Err(trouble) => Err(trouble),
            }
        }
        Action::Revoke => {
            let Answered { what, status, request_id } = azure.delete(&change.triple.scope, change.name).await?;
            let done = match what {
                Deleted::Now => Done::Now,
                Deleted::Already => Done::Already,
            };
            Ok((done, Some(Answered { what: (), status, request_id })))
        }
    }
}
