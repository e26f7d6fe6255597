//! `ApprovedPlan` + the writing port → `Outcome`s, in the plan's order.
//!
//! Decides nothing: what is asked for is in the plan, complete. Grants and updates first, side by side; revokes only when
//! all of those have answered. A failure is an outcome, and the others go on. A revoke from a person one of whose grants at
//! the same owner was not made is held back: nobody loses access halfway.
//!
//! A person whom the directory knows and access control does not know yet is waited for, at most 90 seconds in all
//! ([`NEWCOMER_WAITS`]), while the others' revokes go on. How fast Azure takes writes is the port's business; here one
//! subscription does not wait for another, nor anybody for a slow answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{StreamExt, stream};
use tokio::time::sleep;

use crate::{
    model::{
        assignment::PrincipalType,
        ids::PrincipalId,
        owner::OwnerCode,
        trouble::{Trouble, TroubleKind},
    },
    plan::{
        approve::ApprovedPlan,
        change::{Action, Change},
    },
    ports::{AssignmentWriter, Deleted, PutAssignment},
};

/// Writes of one subscription that are under way or in line at the same time. A write takes one to five seconds (recorded),
/// and Azure takes ten a second for each subscription and principal ("Understand how Azure Resource Manager throttles
/// requests").
pub const WRITES_SIDE_BY_SIDE_MAX: usize = 64;

/// How long a person is waited for whom the directory knows and access control does not know yet: the pauses before each
/// further try, 90 seconds in all, for all such people together. 6 to 69 seconds were recorded until a new principal was
/// known; azure-cli asks for three minutes, azurerm for thirty.
pub const NEWCOMER_WAITS: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(15),
    Duration::from_secs(20),
    Duration::from_secs(20),
    Duration::from_secs(20),
];

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
}

/// Carries a plan out. `answered` is called once for each change, as it ends.
pub async fn execute(
    plan: &ApprovedPlan,
    azure: &impl AssignmentWriter,
    answered: &(dyn Fn(&Outcome) + Sync),
) -> Vec<Outcome> {
    let (revokes, grants): (Vec<Numbered<'_>>, Vec<Numbered<'_>>) =
        plan.changes().iter().enumerate().partition(|(_, change)| change.action == Action::Revoke);
    let end = |change: &Change, result| {
        let outcome = Outcome { change: change.clone(), result };
        answered(&outcome);
        outcome
    };
    let made = side_by_side(&grants, async |change| match carry_out(change, azure).await {
        Err(trouble) if trouble.kind == TroubleKind::PrincipalUnknown => None, // not the end of it
        result => Some(end(change, result.map_err(Failure::Trouble))),
    });
    let (ended, unknown) = sort_out(made.await);
    // "Already" counts as not done here: what somebody else made since we looked may be narrower, or end by itself.
    let not_done = |ended: &BTreeMap<usize, Outcome>| -> BTreeSet<Whose> {
        ended.values().filter(|outcome| outcome.result != Ok(Done::Now)).map(|outcome| whose(&outcome.change)).collect()
    };
    let held_back = not_done(&ended);
    let awaited: BTreeSet<Whose> = unknown.iter().map(|(_, change)| whose(change)).collect();
    let (later, now): (Vec<_>, Vec<_>) = revokes.into_iter().partition(|(_, change)| awaited.contains(&whose(change)));
    let take = async |revokes: &[Numbered<'_>], held_back: &BTreeSet<Whose>| {
        let taken = side_by_side(revokes, async |change| {
            let is_held_back = held_back.contains(&whose(change));
            let result = if is_held_back {
                Err(Failure::HeldBack)
            } else {
                carry_out(change, azure).await.map_err(Failure::Trouble)
            };
            Some(end(change, result))
        });
        sort_out(taken.await).0
    };
    let (newcomers, taken) = futures::join!(wait_for(unknown, azure, &end), take(&now, &held_back));
    let held_back = &held_back | &not_done(&newcomers);
    let taken_later = take(&later, &held_back).await;
    [ended, newcomers, taken, taken_later].into_iter().flatten().collect::<BTreeMap<_, _>>().into_values().collect()
}

/// A change and its place in the plan.
type Numbered<'a> = (usize, &'a Change);

/// Who gains or loses, and where.
type Whose = (OwnerCode, PrincipalId);

fn whose(change: &Change) -> Whose {
    (change.owner, change.triple.principal)
}

/// Asks again and again for people whom access control does not know yet.
async fn wait_for(
    mut unknown: Vec<Numbered<'_>>,
    azure: &impl AssignmentWriter,
    end: &impl Fn(&Change, Result<Done, Failure>) -> Outcome,
) -> BTreeMap<usize, Outcome> {
    let mut ended = BTreeMap::new();
    let mut left: Duration = NEWCOMER_WAITS.iter().sum();
    for wait in NEWCOMER_WAITS {
        if unknown.is_empty() {
            break;
        }
        let people: BTreeSet<_> = unknown.iter().map(|(_, change)| change.triple.principal).collect();
        tracing::warn!(
            "Azure's access control does not know {} new {} yet: asking again in {} s, for at most {} s more",
            people.len(),
            if people.len() == 1 { "person" } else { "people" },
            wait.as_secs(),
            left.as_secs()
        );
        sleep(wait).await;
        left = left.saturating_sub(wait);
        let is_last = left.is_zero();
        let again = side_by_side(&unknown, async |change| match carry_out(change, azure).await {
            Err(trouble) if trouble.kind == TroubleKind::PrincipalUnknown => {
                is_last.then(|| end(change, Err(Failure::Trouble(not_yet_known(trouble)))))
            }
            result => Some(end(change, result.map_err(Failure::Trouble))),
        });
        let (known, rest) = sort_out(again.await);
        ended.extend(known);
        unknown = rest;
    }
    ended
}

/// Azure's own words would have the principal corrected; the directory knows it.
fn not_yet_known(trouble: Trouble) -> Trouble {
    let waited: Duration = NEWCOMER_WAITS.iter().sum();
    let message = format!(
        "Azure's access control does not know this person yet, after {} s; the directory does. Run again in some minutes",
        waited.as_secs()
    );
    Trouble { message, ..trouble }
}

/// The subscriptions side by side, and in each the changes in their order, so many at a time. `None` is no end yet.
async fn side_by_side<'a>(
    changes: &[Numbered<'a>],
    each: impl AsyncFn(&'a Change) -> Option<Outcome>,
) -> Vec<(Numbered<'a>, Option<Outcome>)> {
    let mut lanes: BTreeMap<_, Vec<Numbered<'a>>> = BTreeMap::new();
    for (at, change) in changes {
        lanes.entry(change.triple.scope.subscription()).or_default().push((*at, change));
    }
    let each = &each;
    let lanes = lanes.into_values().map(|lane| {
        let writes = lane.into_iter().map(async move |(at, change)| ((at, change), each(change).await));
        stream::iter(writes).buffer_unordered(WRITES_SIDE_BY_SIDE_MAX)
    });
    stream::select_all(lanes).collect().await
}

/// What has ended, in the plan's order, and what has not.
fn sort_out(all: Vec<(Numbered<'_>, Option<Outcome>)>) -> (BTreeMap<usize, Outcome>, Vec<Numbered<'_>>) {
    let (mut ended, mut open) = (BTreeMap::new(), Vec::new());
    for ((at, change), outcome) in all {
        match outcome {
            Some(outcome) => drop(ended.insert(at, outcome)),
            None => open.push((at, change)),
        }
    }
    open.sort_unstable_by_key(|(at, _)| *at);
    (ended, open)
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
