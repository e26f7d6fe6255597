//! `ApprovedPlan` + the writing port → `Outcome`s, in the plan's order.
//!
//! Decides nothing: what is asked for is in the plan, complete. Grants and updates first, side by side; revokes only when
//! all of those have answered. A failure is an outcome, and the others go on. A revoke that waits for a grant that was not made is held
//! back ([`Pending`]): nobody loses the old access before they have the new.
//!
//! A [`Journal`] is told of each write before it is made and of its answer after. A write that it cannot take down is not
//! made. When it fails, or somebody sets `stop`, what is in flight ends and nothing new begins.
//!
//! A person whom the directory knows and access control does not know yet is waited for, at most 90 seconds in all
//! ([`NEWCOMER_WAITS`]), while the others' revokes go on. How fast Azure takes writes is the port's business; here one
//! subscription does not wait for another, nor anybody for a slow answer.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::time::sleep;

use crate::{
    ledger::Journal,
    model::{
        assignment::PrincipalType,
        ids::SubscriptionId,
        trouble::{Trouble, TroubleKind},
    },
    plan::{
        approve::ApprovedPlan,
        change::{Action, Change},
        outcome::{Done, Failure, Outcome},
        selection::Pending,
    },
    ports::{Answered, AssignmentWriter, Deleted, PutAssignment},
};

/// Writes that are under way or in line at the same time, of all subscriptions together; where there are more subscriptions
/// than this, one of each. A write takes one to five seconds (recorded), and Azure takes ten a second for each subscription and
/// principal ("Understand how Azure Resource Manager throttles requests").
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

/// How soon a run that is stopped notices while it waits.
const STOP_SEEN_WITHIN: Duration = Duration::from_millis(250);

/// Carries a plan out. `stop`: set by anybody, at any time; from then on nothing new begins.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn execute(
    plan: &ApprovedPlan,
    azure: &impl AssignmentWriter,
    journal: &impl Journal,
    stop: &AtomicBool,
) -> Vec<Outcome> {
    let (revokes, grants): (Vec<Numbered<'_>>, Vec<Numbered<'_>>) =
        plan.changes().iter().enumerate().partition(|(_, change)| change.action == Action::Revoke);
    let run = Run { azure, journal, stop };
    let made = side_by_side(&grants, async |change| run.begin(change).await);
    let (ended, unknown) = sort_out(made.await);
    // "Already" counts as not done here: what somebody else made since we looked may be narrower, or end by itself.
    let not_done = |outcome: &&Outcome| outcome.result != Ok(Done::Now);
    let not_made = Pending::of(ended.values().filter(not_done).map(|outcome| &outcome.change));
    let awaited = Pending::of(unknown.iter().map(|((_, change), _)| *change));
    let (later, now): (Vec<_>, Vec<_>) = revokes.into_iter().partition(|(_, change)| awaited.holds_back(change));
    let take = async |revokes: &[Numbered<'_>], not_made: &Pending| {
        let taken = side_by_side(revokes, async |change| {
            let is_held_back = not_made.holds_back(change);
            Ok(if is_held_back { run.hold_back(change).await } else { run.take(change).await })
        });
        sort_out(taken.await).0
    };
    let (newcomers, taken) = futures::join!(run.wait_for(unknown), take(&now, &not_made));
    let not_made =
        Pending::of([&ended, &newcomers].into_iter().flat_map(BTreeMap::values).filter(not_done).map(|it| &it.change));
    let taken_later = take(&later, &not_made).await;
    [ended, newcomers, taken, taken_later].into_iter().flatten().collect::<BTreeMap<_, _>>().into_values().collect()
}

/// A change and its place in the plan.
type Numbered<'a> = (usize, &'a Change);

/// A change whose person access control does not know yet, and what it said.
type Unknown<'a> = (Numbered<'a>, Trouble);

/// What comes of a try: its end; or that the person is not known yet, which is not the end of it.
type Tried = Result<Outcome, Trouble>;

struct Run<'a, W, J> {
    azure: &'a W,
    journal: &'a J,
    stop: &'a AtomicBool,
}

impl<W: AssignmentWriter, J: Journal> Run<'_, W, J> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether a change may be tried: nobody stopped the run, and the journal took it down.
    async fn ask(&self, change: &Change) -> Result<(), Failure> {
        if self.is_stopped() {
            return Err(Failure::NotTried);
        }
        self.journal.asked(change).await.map_err(|why| {
            self.stop.store(true, Ordering::SeqCst);
            Failure::Unrecorded(why.to_string())
        })
    }

    async fn end(&self, change: &Change, result: Result<Done, Failure>, answer: Option<Answered<()>>) -> Outcome {
        let outcome = Outcome { change: change.clone(), result };
        if self.journal.ended(&outcome, answer.as_ref()).await.is_err() {
            self.stop.store(true, Ordering::SeqCst);
        }
        outcome
    }

    async fn hold_back(&self, change: &Change) -> Outcome {
        let failure = if self.is_stopped() { Failure::NotTried } else { Failure::HeldBack };
        self.end(change, Err(failure), None).await
    }

    async fn take(&self, change: &Change) -> Outcome {
        match self.ask(change).await {
            Ok(()) => match carry_out(change, self.azure).await {
                Ok((done, answer)) => self.end(change, Ok(done), answer).await,
                Err(trouble) => self.end(change, Err(Failure::Trouble(trouble)), None).await,
            },
            Err(failure) => self.end(change, Err(failure), None).await,
        }
    }

    async fn begin(&self, change: &Change) -> Tried {
        match self.ask(change).await {
            Ok(()) => self.attempt(change).await,
            Err(failure) => Ok(self.end(change, Err(failure), None).await),
        }
    }

    /// One try of what the journal has taken down already.
    async fn attempt(&self, change: &Change) -> Tried {
        match carry_out(change, self.azure).await {
            Ok((done, answer)) => Ok(self.end(change, Ok(done), answer).await),
            Err(trouble) if trouble.kind == TroubleKind::PrincipalUnknown => Err(trouble),
            Err(trouble) => Ok(self.end(change, Err(Failure::Trouble(trouble)), None).await),
        }
    }

    /// Asks again and again for people whom access control does not know yet.
    async fn wait_for(&self, mut unknown: Vec<Unknown<'_>>) -> BTreeMap<usize, Outcome> {
        let mut ended = BTreeMap::new();
        let mut waited = Duration::ZERO;
        for wait in NEWCOMER_WAITS {
            if unknown.is_empty() || self.is_stopped() {
                break;
            }
            let people: BTreeSet<_> = unknown.iter().map(|((_, change), _)| change.triple.principal).collect();
            tracing::warn!(
                "Azure's access control does not know {} new {} yet: asking again in {} s, for at most {} s more",
                people.len(),
                if people.len() == 1 { "person" } else { "people" },
                wait.as_secs(),
                NEWCOMER_WAITS.iter().sum::<Duration>().saturating_sub(waited).as_secs()
            );
            self.pause(wait).await;
            waited += wait;
            if self.is_stopped() {
                break;
            }
            let open: Vec<Numbered<'_>> = unknown.into_iter().map(|(numbered, _)| numbered).collect();
            let (known, rest) = sort_out(side_by_side(&open, async |change| self.attempt(change).await).await);
            ended.extend(known);
            unknown = rest;
        }
        for ((at, change), trouble) in unknown {
            let trouble = not_yet_known(trouble, waited);
            ended.insert(at, self.end(change, Err(Failure::Trouble(trouble)), None).await);
        }
        ended
    }

    /// Waits, but not for longer than the run goes on.
    async fn pause(&self, wait: Duration) {
        let mut left = wait;
        while !left.is_zero() && !self.is_stopped() {
            let step = left.min(STOP_SEEN_WITHIN);
            sleep(step).await;
            left -= step;
        }
    }
}

/// Azure's own words would have the principal corrected; the directory knows it.
fn not_yet_known(trouble: Trouble, waited: Duration) -> Trouble {
    let message = format!(
        "Azure's access control does not know this person yet, after {} s; the directory does. Run again in some minutes",
        waited.as_secs()
    );
    Trouble { message, ..trouble }
}

/// One subscription's changes: those that wait, in their order, and how many are under way.
struct Lane<'a> {
    waiting: VecDeque<Numbered<'a>>,
    under_way: usize,
}

/// The subscriptions side by side, and in each the changes in their order. All of them share
/// [`WRITES_SIDE_BY_SIDE_MAX`] places evenly, one each at least, so that one that Azure slows down takes no place of another's,
/// and a run that is stopped has little to wait for.
async fn side_by_side<'a>(
    changes: &[Numbered<'a>],
    each: impl AsyncFn(&'a Change) -> Tried,
) -> Vec<(Numbered<'a>, Tried)> {
    let mut lanes: BTreeMap<_, Lane<'_>> = BTreeMap::new();
    for (at, change) in changes {
        let lane = lanes.entry(change.triple.scope.subscription());
        lane.or_insert_with(|| Lane { waiting: VecDeque::new(), under_way: 0 }).waiting.push_back((*at, change));
    }
    let each = &each;
    let start = |subscription: Option<SubscriptionId>, (at, change): Numbered<'a>| async move {
        (subscription, (at, change), each(change).await)
    };
    let (mut running, mut tried) = (FuturesUnordered::new(), Vec::with_capacity(changes.len()));
    loop {
        let share = (WRITES_SIDE_BY_SIDE_MAX / lanes.len().max(1)).max(1);
        for (subscription, lane) in &mut lanes {
            while lane.under_way < share
                && let Some(next) = lane.waiting.pop_front()
            {
                lane.under_way += 1;
                running.push(start(*subscription, next));
            }
        }
        // Until a subscription is through, only its own place is filled again; then its places go to the others.
        loop {
            let Some((subscription, numbered, outcome)) = running.next().await else { return tried };
            tried.push((numbered, outcome));
            let Some(lane) = lanes.get_mut(&subscription) else { continue };
            lane.under_way -= 1;
            if let Some(next) = lane.waiting.pop_front() {
                lane.under_way += 1;
                running.push(start(subscription, next));
            } else if lane.under_way == 0 {
                lanes.remove(&subscription);
                break;
            }
        }
    }
}

/// What has ended, in the plan's order, and what has not.
fn sort_out(all: Vec<(Numbered<'_>, Tried)>) -> (BTreeMap<usize, Outcome>, Vec<Unknown<'_>>) {
    let (mut ended, mut open) = (BTreeMap::new(), Vec::new());
    for ((at, change), tried) in all {
        match tried {
            Ok(outcome) => drop(ended.insert(at, outcome)),
            Err(trouble) => open.push(((at, change), trouble)),
        }
    }
    open.sort_unstable_by_key(|((at, _), _)| *at);
    (ended, open)
}

async fn carry_out(change: &Change, azure: &impl AssignmentWriter) -> Result<(Done, Option<Answered<()>>), Trouble> {
    match change.action {
        Action::Grant | Action::Adopt | Action::Update => {
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
