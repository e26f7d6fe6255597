//! People whom the directory knows and Azure's access control does not know yet: waited for side by side and for so long, in
//! paused time, while everybody else goes on.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use tilgang::{
    config::load_texts,
    execute::{NEWCOMER_WAITS, execute},
    ledger::{
        Journal, NoJournal, Unrecorded,
        entry::{Begun, Ended},
    },
    model::{
        desired::{Origin, Place},
        ids::{AssignmentName, ScopeId, UserName},
        trouble::{Trouble, TroubleKind},
    },
    observe::observe,
    plan::outcome::{Done, Failure, Outcome},
    plan::{
        approve::ApprovedPlan,
        change::{Action, Change},
        plan,
    },
    ports::{Answered, AssignmentWriter, Deleted, PutAssignment},
    simulator::{SharedWorld, file, inprocess::Identity},
};
use tokio::time::Instant;

const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: new\n\
    policy: { revokes: { max: 99, per_owner: 99, prod_per_owner: 99, share: 100% } }\n";
const OWNER: &str = "owner: ttd\nusers:
  - { user: kari.fiktiv@ai-dev.no, roles: [test-developer] }
  - { user: ola.dikt@ai-dev.no, roles: [test-developer] }
  - { user: per.ny@ai-dev.no, roles: [test-operations] }
";
const WORLD: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
users: [kari.fiktiv@ai-dev.no, ola.dikt@ai-dev.no, per.ny@ai-dev.no]
subscriptions:
  - name: Altinn-TTD-Test
    resources:
      - { component: ttd-tt02-ai, tags: { finops_serviceownercode: ttd } }
      - { vault: ttd-tt02-keyvault, tags: { finops_serviceownercode: ttd } }
  - { name: Altinn-TTD-Prod, resources: [workspace law] }
";

/// An Azure whose access control learns of some people late.
struct Late {
    azure: Identity,
    /// By name: how long after the start they are known.
    known_after: BTreeMap<UserName, Duration>,
    people: BTreeMap<tilgang::model::ids::PrincipalId, UserName>,
    started: Instant,
    asked: Mutex<Vec<Duration>>,
}

impl AssignmentWriter for Late {
    async fn put(&self, put: &PutAssignment) -> Result<Answered<()>, Trouble> {
        let after = self.people.get(&put.triple.principal).and_then(|name| self.known_after.get(name));
        if let Some(after) = after {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(self.started.elapsed());
            if self.started.elapsed() < *after {
                let message =
                    "Principal does not exist in the directory. Check that you have the correct principal ID.";
                return Err(Trouble::new(TroubleKind::PrincipalUnknown, "put a role assignment", message));
            }
        }
        self.azure.put(put).await
    }

    fn delete(
        &self,
        scope: &ScopeId,
        name: AssignmentName,
    ) -> impl Future<Output = Result<Answered<Deleted>, Trouble>> + Send {
        self.azure.delete(scope, name)
    }
}

/// Takes down when each change ended, and that it was asked for once.
struct Ends<'a> {
    ended: &'a Mutex<BTreeMap<AssignmentName, Duration>>,
    started: Instant,
}

impl Journal for Ends<'_> {
    fn begin(&self, _begun: Begun, _places: BTreeMap<Origin, Place>) -> Result<(), Unrecorded> {
        Ok(())
    }

    async fn asked(&self, _change: &Change) -> Result<(), Unrecorded> {
        Ok(())
    }

    async fn ended(&self, outcome: &Outcome, _answer: Option<&Answered<()>>) -> Result<(), Unrecorded> {
        let mut ended = self.ended.lock().unwrap();
        assert!(ended.insert(outcome.change.name, self.started.elapsed()).is_none(), "ended twice");
        Ok(())
    }

    fn close(&self, _ended: impl FnOnce(u64) -> Ended) -> Result<(), Unrecorded> {
        Ok(())
    }
}

struct Run {
    outcomes: Vec<Outcome>,
    /// When each ended.
    ended: BTreeMap<AssignmentName, Duration>,
    took: Duration,
    asked: Vec<Duration>,
}

async fn approved(identity: &Identity, owner: &str) -> ApprovedPlan {
    let loaded = load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", owner)]);
    let desired = loaded.desired.unwrap_or_else(|| panic!("{:?}", loaded.errors));
    let observed = observe(&desired, None, "2026-11-22T09:00:00Z".parse().unwrap(), identity).await;
    let plan = plan(&desired, &observed, "2026-11-22".parse().unwrap());
    plan.approve(&desired.policy).approved
}

async fn run(plan: &ApprovedPlan, azure: Identity, world: &SharedWorld, late: &[(&str, u64)]) -> Run {
    let people = world.with(|world| world.users().map(|user| (user.id, user.name.clone())).collect());
    let known_after = late.iter().map(|(name, after)| (UserName::new(name), Duration::from_secs(*after))).collect();
    let started = Instant::now();
    let azure = Late { azure, known_after, people, started, asked: Mutex::default() };
    let ended = Mutex::new(BTreeMap::new());
    let outcomes = execute(plan, &azure, &Ends { ended: &ended, started }, &AtomicBool::new(false)).await;
    let changes: Vec<_> = outcomes.iter().map(|outcome| outcome.change.clone()).collect();
    assert_eq!(changes, plan.changes(), "in the plan's order, each once");
    Run {
        outcomes,
        ended: ended.into_inner().unwrap(),
        took: started.elapsed(),
        asked: azure.asked.into_inner().unwrap(),
    }
}

fn world() -> (SharedWorld, Identity) {
    let world = SharedWorld::new(file::read(WORLD).unwrap(), || "2026-11-22T09:00:00Z".parse().unwrap());
    let identity = world.sign_in_first().unwrap();
    (world, identity)
}

#[tokio::test(start_paused = true)]
async fn a_new_person_is_waited_for_and_holds_up_nobody() {
    let (world, identity) = world();
    let plan = approved(&identity, OWNER).await;
    let run = run(&plan, identity, &world, &[("ola.dikt@ai-dev.no", 13)]).await;
    assert_eq!(run.outcomes.len(), 3);
    for outcome in &run.outcomes {
        assert_eq!(outcome.result, Ok(Done::Now), "{outcome:?}");
        let is_new = outcome.change.who.name == Some(UserName::new("ola.dikt@ai-dev.no"));
        assert_eq!(run.ended[&outcome.change.name], Duration::from_secs(if is_new { 15 } else { 0 }), "{outcome:?}");
    }
    assert_eq!(run.asked.len(), 3); // at once, after 5 s, after 15 s
}

#[tokio::test(start_paused = true)]
async fn where_everybody_is_known_nobody_is_waited_for() {
    let (world, identity) = world();
    let plan = approved(&identity, OWNER).await;
    let run = run(&plan, identity, &world, &[]).await;
    assert!(run.outcomes.iter().all(|outcome| outcome.result == Ok(Done::Now)), "{:?}", run.outcomes);
    assert_eq!(run.took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_longer_than_said() {
    let (world, identity) = world();
    let plan = approved(&identity, OWNER).await;
    let run = run(&plan, identity, &world, &[("ola.dikt@ai-dev.no", 9_999), ("per.ny@ai-dev.no", 89)]).await;
    assert_eq!(run.took, NEWCOMER_WAITS.iter().sum::<Duration>());
    assert_eq!(run.took, Duration::from_secs(90));
    for outcome in &run.outcomes {
        match (&outcome.result, outcome.change.who.name.as_ref().unwrap().as_str()) {
            (Err(Failure::Trouble(trouble)), "ola.dikt@ai-dev.no") => {
                assert_eq!(trouble.kind, TroubleKind::PrincipalUnknown);
                assert!(trouble.message.contains("after 90 s") && trouble.message.contains("Run again"), "{trouble}");
            }
            (result, _) => assert_eq!(*result, Ok(Done::Now)),
        }
    }
}

/// What others lose goes on meanwhile; what the awaited person loses waits, and is held back when they do not gain.
#[tokio::test(start_paused = true)]
async fn removals_of_others_do_not_wait() {
    for (known_after, ola_loses) in [(9_999, Err(Failure::HeldBack)), (13, Ok(Done::Now))] {
        let (world, identity) = world();
        let before = OWNER.replace("[test-developer]", "[test-operations]");
        execute(&approved(&identity, &before).await, &identity, &NoJournal, &AtomicBool::new(false)).await;
        let after = OWNER.replace("  - { user: per.ny@ai-dev.no, roles: [test-operations] }\n", "");
        let plan = approved(&identity, &after).await;
        let run = run(&plan, identity, &world, &[("ola.dikt@ai-dev.no", known_after)]).await;
        let revokes: Vec<_> = run.outcomes.iter().filter(|it| it.change.action == Action::Revoke).collect();
        assert_eq!(revokes.len(), 3);
        for revoke in revokes {
            let is_ola = revoke.change.who.name == Some(UserName::new("ola.dikt@ai-dev.no"));
            let at_once = run.ended[&revoke.change.name].is_zero();
            assert_eq!(at_once, !is_ola, "{revoke:?}");
            assert_eq!(revoke.result, if is_ola { ola_loses.clone() } else { Ok(Done::Now) });
        }
    }
}

/// A last day ends access, whoever waits for something else.
#[tokio::test(start_paused = true)]
async fn what_has_ended_does_not_wait() {
    let (world, identity) = world();
    let before = OWNER.replace("[test-developer]", "[test-operations]");
    execute(&approved(&identity, &before).await, &identity, &NoJournal, &AtomicBool::new(false)).await;
    let after = OWNER.replace("[test-developer]", "[test-developer, { role: test-operations, until: 2026-11-20 }]");
    let plan = approved(&identity, &after).await;
    let run = run(&plan, identity, &world, &[("ola.dikt@ai-dev.no", 9_999)]).await;
    let revokes: Vec<_> = run.outcomes.iter().filter(|it| it.change.action == Action::Revoke).collect();
    assert_eq!(revokes.len(), 2);
    for revoke in revokes {
        assert_eq!(revoke.result, Ok(Done::Now), "{revoke:?}");
        assert!(run.ended[&revoke.change.name].is_zero(), "{revoke:?}");
    }
}
