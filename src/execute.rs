//! `ApprovedPlan` + the writing port → `Outcome`s, in the plan's order.
//!
//! Decides nothing: what is asked for is in the plan, complete. Grants and updates first, side by side; revokes only when
//! all of those have answered. A failure is an outcome, and the others go on. A revoke from a person one of whose grants at
//! the same owner was not made is held back: nobody loses access halfway.

use std::collections::BTreeSet;

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
    ports::{AssignmentWriter, Deleted, PutAssignment},
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
}

impl From<Withheld> for Outcome {
    fn from(Withheld { change, moved }: Withheld) -> Self {
        Self { change, result: Err(moved.map_or(Failure::HeldBack, Failure::Moved)) }
    }
}

/// Carries a plan out. `answered` is called once for each change, as it ends.
pub async fn execute(
    plan: &ApprovedPlan,
    azure: &impl AssignmentWriter,
    answered: &(dyn Fn(&Outcome) + Sync),
) -> Vec<Outcome> {
    let (revokes, grants): (Vec<&Change>, Vec<&Change>) =
        plan.changes().iter().partition(|change| change.action == Action::Revoke);
    let none = BTreeSet::new();
    let mut outcomes = side_by_side(&grants, &none, azure, answered).await;
    // "Already" counts as not done here: what somebody else made since we looked may be narrower, or end by itself.
    let not_done = outcomes.iter().filter(|outcome| outcome.result != Ok(Done::Now));
    let not_done = not_done.map(|outcome| whose(&outcome.change)).collect();
    outcomes.extend(side_by_side(&revokes, &not_done, azure, answered).await);
    outcomes
}

fn whose(change: &Change) -> (OwnerCode, PrincipalId) {
    (change.owner, change.triple.principal)
}

async fn side_by_side(
    changes: &[&Change],
    held_back: &BTreeSet<(OwnerCode, PrincipalId)>,
    azure: &impl AssignmentWriter,
    answered: &(dyn Fn(&Outcome) + Sync),
) -> Vec<Outcome> {
    let writes = changes.iter().map(async |change| {
        let result = if held_back.contains(&whose(change)) {
            Err(Failure::HeldBack)
        } else {
            carry_out(change, azure).await.map_err(Failure::Trouble)
        };
        let outcome = Outcome { change: (*change).clone(), result };
        answered(&outcome);
        outcome
    });
    stream::iter(writes).buffered(WRITES_SIDE_BY_SIDE_MAX).collect().await
}

async fn carry_out(change: &Change, azure: &impl AssignmentWriter) -> Result<Done, Trouble> {
    match change.action {
        Action::Grant | Action::Update => {
            let put = PutAssignment {
                name: change.name,
                triple: change.triple.clone(),
                principal_type: PrincipalType::User,
                description: change.description.clone(),
            };
            match azure.put(&put).await {
                Ok(()) => Ok(Done::Now),
                // An equal one of another name appeared since we looked: the person has what git wants.
                Err(Trouble { kind: TroubleKind::Exists, .. }) if change.action == Action::Grant => Ok(Done::Already),
                Err(trouble) => Err(trouble),
            }
        }
        Action::Revoke => Ok(match azure.delete(&change.triple.scope, change.name).await? {
            Deleted::Now => Done::Now,
            Deleted::Already => Done::Already,
        }),
    }
}
