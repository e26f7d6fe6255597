//! How many writes are under way at the same time, in paused time: never more than said, and a place that a subscription no
//! longer needs goes to the others.

use std::{
    fmt::Write,
    future::Future,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tilgang::{
    config::load_texts,
    execute::{WRITES_SIDE_BY_SIDE_MAX, execute},
    ledger::NoJournal,
    model::{
        ids::{AssignmentName, ScopeId},
        trouble::Trouble,
    },
    observe::observe,
    plan::{approve::ApprovedPlan, outcome::Done, plan},
    ports::{Answered, AssignmentWriter, Deleted, PutAssignment},
    simulator::{SharedWorld, file, inprocess::Identity},
};
use tokio::time::{Instant, sleep};

const TENANT: &str = "tenant: 00000000-0000-0000-0000-0000000000aa";

/// An Azure in which each write takes a second.
struct Slow {
    azure: Identity,
    under_way: AtomicUsize,
    most: Mutex<usize>,
}

impl AssignmentWriter for Slow {
    async fn put(&self, put: &PutAssignment) -> Result<Answered<()>, Trouble> {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        {
            let mut most = self.most.lock().unwrap();
            *most = now.max(*most);
        }
        sleep(Duration::from_secs(1)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
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

/// So many people get a role in test, and one of them in prod.
async fn approved(people: usize) -> (ApprovedPlan, Identity) {
    let names: Vec<String> = (0..people).map(|n| format!("person{n}@ai-dev.no")).collect();
    let world = format!(
        "{TENANT}\nusers: [{}]\nsubscriptions:
  - {{ name: Altinn-TTD-Test, tags: {{ finops_serviceownercode: ttd }}, resources: [component ttd-tt02-ai] }}
  - {{ name: Altinn-TTD-Prod, tags: {{ finops_serviceownercode: ttd }}, resources: [component ttd-prod-ai] }}\n",
        names.join(", ")
    );
    let mut owner = "owner: ttd\nusers:\n".to_owned();
    for (n, name) in names.iter().enumerate() {
        let more = if n == 0 { ", prod-developer" } else { "" };
        writeln!(owner, "  - {{ user: {name}, roles: [test-developer{more}] }}").unwrap();
    }
    let settings = format!("version: 1\n{TENANT}\ninstance: new\n");
    let loaded = load_texts(&[("tilgang.yaml", &settings), ("owners/ttd.yaml", &owner)]);
    let desired = loaded.desired.unwrap_or_else(|| panic!("{:?}", loaded.errors));
    let world = SharedWorld::new(file::read(&world).unwrap(), || "2026-11-22T09:00:00Z".parse().unwrap());
    let azure = world.sign_in_first().unwrap();
    let observed = observe(&desired, None, "2026-11-22T09:00:00Z".parse().unwrap(), &azure).await;
    let plan = plan(&desired, &observed, "2026-11-22".parse().unwrap());
    (plan.approve(&desired.policy).approved, azure)
}

/// The one in prod takes half of the places for a second; then all are for test.
#[tokio::test(start_paused = true)]
async fn places_are_shared_and_none_is_left_empty() {
    let in_test = 2 * WRITES_SIDE_BY_SIDE_MAX;
    let (plan, azure) = approved(in_test).await;
    assert_eq!(plan.changes().len(), in_test + 1);
    let azure = Slow { azure, under_way: AtomicUsize::new(0), most: Mutex::default() };
    let started = Instant::now();
    let outcomes = execute(&plan, &azure, &NoJournal, &AtomicBool::new(false)).await;
    assert!(outcomes.iter().all(|outcome| outcome.result == Ok(Done::Now)), "{outcomes:#?}");
    assert_eq!(outcomes.len(), plan.changes().len());
    assert_eq!(*azure.most.lock().unwrap(), WRITES_SIDE_BY_SIDE_MAX);
    assert_eq!(started.elapsed(), Duration::from_secs(3)); // a half, a whole, a half
}
