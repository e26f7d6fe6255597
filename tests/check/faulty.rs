//! The ports, between the program and the simulated Azure: records what was asked and answered, and misbehaves as the
//! choices say. Strangers act between requests; a kill is a request that never comes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tilgang::{
    ledger::{
        Journal, Unrecorded,
        entry::{Begun, Ended},
    },
    model::{
        assignment::RoleAssignment,
        desired::{Origin, Place},
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        observed::{Lock, ResourceNow},
        other_access::{AccessPolicy, DeletedVault, Denial, Eligibility},
        people::{Attribute, ById, ByName, FormerHolders, GroupKey, HasAttribute, InGroup},
        permissions::Definition,
        trouble::{Trouble, TroubleKind},
    },
    plan::{change::Change, outcome::Outcome},
    ports::{
        AccessReader, Answered, AssignmentReader, AssignmentWriter, Deleted, Directory, Inventory, Permission, Permits,
        PimInstance, PutAssignment, Resources, Rights, Stock, Usage,
    },
    simulator::{Identity, SharedWorld, World, world::Assignment},
};
use tokio::{runtime::Builder, time::timeout};

use super::{
    choices::Choices,
    deeds,
    tally::Tally,
    universe::{CALLER, MAY_DELETE, MAY_WRITE},
};

/// An Azure that can be reached: all ports, and what drives their futures.
pub trait Far: Directory + Inventory + Resources + AccessReader + AssignmentReader + AssignmentWriter + Rights {
    /// Our own object id there, if the run asks what it may do.
    fn identity(&self) -> Option<PrincipalId>;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T;
}

impl Far for Identity {
    fn identity(&self) -> Option<PrincipalId> {
        Some(self.caller())
    }

    /// Time is paused: whoever waits is woken at once. What does not end is a mistake of its own.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { timeout(Duration::from_hours(24), future).await.expect("a run does not end") })
    }
}

/// Everything that was asked and answered while a run looked.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub stock: Option<Result<Stock, ()>>,
    pub lists: BTreeMap<SubscriptionId, Result<Vec<RoleAssignment>, ()>>,
    pub names: BTreeMap<UserName, ByName>,
    pub ids: BTreeMap<PrincipalId, ById>,
    pub former: FormerHolders,
    pub pim: BTreeMap<SubscriptionId, Result<Vec<PimInstance>, ()>>,
    pub locks: BTreeMap<SubscriptionId, Result<Vec<Lock>, ()>>,
    pub groups: BTreeMap<GroupKey, InGroup>,
    pub usage: BTreeMap<SubscriptionId, Result<Usage, ()>>,
    pub definitions: BTreeMap<RoleDefinitionId, Result<Option<Definition>, ()>>,
    /// Which role definitions a subscription lists as assignable in it.
    pub assignable: BTreeMap<SubscriptionId, Result<BTreeSet<RoleDefinitionId>, ()>>,
    /// The deny assignments that the run was told of.
    pub denials: BTreeMap<SubscriptionId, Vec<Denial>>,
    /// What the last look saw, right before the first write: targets, and people.
    pub again: BTreeMap<ScopeId, Result<Option<ResourceNow>, ()>>,
    pub people_again: BTreeMap<PrincipalId, ById>,
}

/// One write that the program asked for.
#[derive(Clone, Debug)]
pub struct Write {
    pub asked: Asked,
    /// What stood by that name at that moment.
    pub before: Option<Assignment>,
    /// Whether Azure is different for it.
    pub took_effect: bool,
    /// Whether a deny assignment stops us, at that moment.
    pub denied: bool,
    /// What the program was told; nothing if it was killed.
    pub told: Option<Result<(), TroubleKind>>,
}

#[derive(Clone, Debug)]
pub enum Asked {
    Put(PutAssignment),
    Delete(ScopeId, AssignmentName),
}

/// The clock of a schedule.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Timestamp>>);

impl Clock {
    pub fn new(at: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }

    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    pub fn pass(&self, duration: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(duration).unwrap();
    }
}

/// What a run meets.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// The name of the run among the choices.
    pub at: String,
    pub faults: bool,
    pub strangers: bool,
    /// The write that never comes back.
    pub kill: Option<(usize, Kill)>,
    /// The write from which on the journal takes nothing down; [`NO_BEGINNING`]: nothing at all.
    pub journal_full: Option<usize>,
}

/// The place in `journal_full` at which not even the beginning is taken down.
pub const NO_BEGINNING: usize = 3;

/// Where a run is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// The journal has taken a write down, and Azure is not asked.
    Asked,
    /// Azure is asked, and does nothing.
    Before,
    /// Azure has done it, and nobody hears.
    After,
}

#[derive(Debug, Default)]
struct Log {
    seen: Seen,
    writes: Vec<Write>,
    requests: usize,
    asked_to_write: usize,
    /// What the journal took down.
    journal: BTreeSet<AssignmentName>,
    /// What was asked of Azure, and the journal had not taken down.
    unrecorded: Vec<AssignmentName>,
    journalled: usize,
    looked: bool,
    begun: usize,
    ended: Option<Ended>,
    is_dead: bool,
}

/// The ports of one run.
pub struct Azure<'a, P> {
    inner: &'a P,
    pub shared: SharedWorld,
    clock: Clock,
    choices: &'a Choices,
    weather: Weather,
    log: Mutex<Log>,
    tally: &'a Mutex<Tally>,
}

impl<'a, P: Far> Azure<'a, P> {
    pub fn new(
        inner: &'a P,
        shared: &SharedWorld,
        clock: &Clock,
        choices: &'a Choices,
        weather: Weather,
        tally: &'a Mutex<Tally>,
    ) -> Self {
        let (shared, clock, log) = (shared.clone(), clock.clone(), Mutex::default());
        Self { inner, shared, clock, choices, weather, log, tally }
    }

    pub fn seen(&self) -> Seen {
        self.log().seen.clone()
    }

    pub fn writes(&self) -> Vec<Write> {
        self.log().writes.clone()
    }

    /// What was asked of Azure without the journal.
    pub fn unrecorded(&self) -> Vec<AssignmentName> {
        self.log().unrecorded.clone()
    }

    /// How often a run began, and what its end said, if it was recorded.
    pub fn recorded(&self) -> (usize, Option<Ended>) {
        let log = self.log();
        (log.begun, log.ended.clone())
    }

    /// Our own object id.
    pub fn identity(&self) -> Option<PrincipalId> {
        self.inner.identity()
    }

    /// Runs to the end; `None` if it was killed.
    pub fn drive<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        self.inner.block_on(poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if self.log().is_dead => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }))
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    pub fn count(&self, what: &str, which: &str) {
        self.tally.lock().unwrap().count(what, which);
    }

    /// A request arrives, after those that overtake it; strangers may have been faster.
    async fn arrive(&self, request: &str) {
        let mut waits = self.choices.pick(&format!("{}/{request}/late", self.weather.at), &[6, 1, 1, 1]);
        poll_fn(|context| {
            if self.log().is_dead {
                return Poll::Pending;
            }
            if waits == 0 {
                return Poll::Ready(());
            }
            waits -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        let number = {
            let mut log = self.log();
            log.requests += 1;
            log.requests
        };
        self.clock.pass(SignedDuration::from_secs(1));
        if self.weather.strangers {
            let at = format!("{}/q{number}", self.weather.at);
            if self.choices.rarely(&format!("{at}/stranger"), 12) {
                let deed = deeds::happen(&self.shared, self.choices, &at);
                self.count("strangers", deed);
            }
        }
    }

    /// What a request meets, of these; nothing mostly.
    fn meets(
        &self,
        request: &str,
        percent: u32,
        kinds: &[(&'static str, TroubleKind)],
    ) -> Option<(&'static str, Trouble)> {
        if !self.weather.faults || !self.choices.rarely(&format!("{}/{request}/fault", self.weather.at), percent) {
            return None;
        }
        let (word, kind) = kinds[self.choices.below(&format!("{}/{request}/fault/kind", self.weather.at), kinds.len())];
        self.count("faults", word);
        Some((word, Trouble::new(kind, request, word)))
    }

    fn read_fails(&self, request: &str, percent: u32) -> Option<Trouble> {
        let kinds = [
            ("read: 5xx", TroubleKind::Unreachable),
            ("read: throttled for ever", TroubleKind::Throttled),
            ("read: denied", TroubleKind::Denied),
            ("read: malformed or half a list", TroubleKind::Malformed),
            ("read: sign-in lost", TroubleKind::SignIn),
        ];
        self.meets(request, percent, &kinds).map(|(_, trouble)| trouble)
    }

    /// A write: strangers first, then perhaps a fault in its place or after it, perhaps the end of the program.
    async fn write<T>(
        &self,
        request: &str,
        asked: Asked,
        name: AssignmentName,
        act: impl Future<Output = Result<T, Trouble>> + Send,
    ) -> Result<T, Trouble> {
        self.arrive(request).await;
        if let Asked::Put(put) = &asked
            && self.weather.strangers
            && self.choices.rarely(&format!("{}/{request}/race", self.weather.at), 8)
        {
            let other = self.choices.below(&format!("{}/{request}/race/kind", self.weather.at), 3);
            self.shared.with(|world| deeds::be_faster(world, &put.triple, other));
            self.count("strangers", "is faster, under another name");
        }
        let number = {
            let mut log = self.log();
            if !log.journal.contains(&name) {
                log.unrecorded.push(name);
            }
            log.asked_to_write += 1;
            log.asked_to_write - 1
        };
        let stands = |world: &mut World| world.assignment(name).cloned();
        let before = self.shared.with(stands);
        let (action, scope) = match &asked {
            Asked::Put(put) => (MAY_WRITE, &put.triple.scope),
            Asked::Delete(scope, _) => (MAY_DELETE, scope),
        };
        let denied = self.shared.with(|world| world.denied(PrincipalId(CALLER), action, scope).is_some());
        let kill = self.weather.kill.filter(|(at, how)| *at == number && *how != Kill::Asked);
        let kinds = [
            ("write: throttled, not done", TroubleKind::Throttled),
            ("write: 5xx, not done", TroubleKind::Unreachable),
            ("write: reply lost, done", TroubleKind::Unreachable),
            ("write: timeout, done", TroubleKind::Unreachable),
            ("write: denied", TroubleKind::Denied),
            ("write: malformed answer, done", TroubleKind::Malformed),
        ];
        let fault = self.meets(request, 8, &kinds);
        let not_done =
            fault.as_ref().is_some_and(|(word, _)| !word.ends_with(", done")) || kill == Some((number, Kill::Before));
        let answer = if not_done { None } else { Some(act.await) };
        let took_effect = before != self.shared.with(stands);
        let answer = match (answer, fault) {
            (_, Some((_, trouble))) => Err(trouble),
            (Some(answer), None) => answer,
            (None, None) => Err(Trouble::new(TroubleKind::Unreachable, request, "killed")),
        };
        let told =
            if kill.is_some() { None } else { Some(answer.as_ref().map(|_| ()).map_err(|trouble| trouble.kind)) };
        {
            let mut log = self.log();
            log.writes.push(Write { asked, before, took_effect, denied, told });
            log.is_dead |= kill.is_some();
        }
        if let Some((_, how)) = kill {
            self.count("kills", if how == Kill::After { "after the write" } else { "before the write" });
            std::future::pending::<()>().await;
        }
        if let Err(trouble) = &answer {
            self.count("failed writes", &format!("{:?}", trouble.kind));
        }
        answer
    }
}

impl<P: Far> Directory for Azure<'_, P> {
    async fn by_name(&self, names: &BTreeSet<UserName>) -> BTreeMap<UserName, ByName> {
        self.arrive("names").await;
        let all = self.read_fails("names", 4).map(Arc::new);
        let mut answers = self.inner.by_name(names).await;
        for (name, answer) in &mut answers {
            let fails = all.clone().or_else(|| self.read_fails(&format!("name/{name}"), 2).map(Arc::new));
            if let Some(trouble) = fails {
                *answer = ByName::Unanswered(trouble);
            }
        }
        self.log().seen.names.extend(answers.clone());
        answers
    }

    async fn by_id(&self, ids: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, ById> {
        self.arrive("ids").await;
        let all = self.read_fails("ids", 4).map(Arc::new);
        let mut answers = self.inner.by_id(ids).await;
        for (id, answer) in &mut answers {
            let fails = all.clone().or_else(|| self.read_fails(&format!("id/{id}"), 2).map(Arc::new));
            if let Some(trouble) = fails {
                *answer = ById::Unanswered(trouble);
            }
        }
        let mut log = self.log();
        let looked = log.looked;
        if looked { &mut log.seen.people_again } else { &mut log.seen.ids }.extend(answers.clone());
        drop(log);
        answers
    }

    async fn former_holders(&self, names: &BTreeSet<UserName>) -> Result<FormerHolders, Trouble> {
        self.arrive("former holders").await;
        let answer = match self.read_fails("former holders", 4) {
            Some(trouble) => Err(trouble),
            None => self.inner.former_holders(names).await,
        };
        if let Ok(found) = &answer {
            self.log().seen.former.extend(found.clone());
        }
        answer
    }

    async fn groups(&self, keys: &BTreeSet<GroupKey>) -> BTreeMap<GroupKey, InGroup> {
        self.arrive("groups").await;
        let mut answers = self.inner.groups(keys).await;
        for (key, answer) in &mut answers {
            if let Some(trouble) = self.read_fails(&format!("group/{key}"), 5) {
                *answer = InGroup::Unanswered(Arc::new(trouble));
            }
        }
        self.log().seen.groups.extend(answers.clone());
        answers
    }

    async fn attributes(&self, which: Attribute, of: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, HasAttribute> {
        self.arrive("attributes").await;
        self.inner.attributes(which, of).await
    }
}

impl<P: Far> Resources for Azure<'_, P> {
    async fn resource(&self, id: &ScopeId) -> Result<Option<ResourceNow>, Trouble> {
        let request = format!("resource/{id}");
        self.arrive(&request).await;
        let answer = match self.read_fails(&request, 5) {
            Some(trouble) => Err(trouble),
            None => self.inner.resource(id).await,
        };
        self.log().seen.again.insert(id.clone(), answer.clone().map_err(|_| ()));
        answer
    }
}

impl<P: Far> Journal for Azure<'_, P> {
    /// From now on, what is asked belongs to the last look.
    fn begin(&self, _begun: Begun, _places: BTreeMap<Origin, Place>) -> Result<(), Unrecorded> {
        if self.weather.journal_full == Some(NO_BEGINNING) {
            self.count("kills", "the journal takes no beginning");
            return Err(Unrecorded::new("no space left on device"));
        }
        let mut log = self.log();
        log.looked = true;
        log.begun += 1;
        Ok(())
    }

    async fn asked(&self, change: &Change) -> Result<(), Unrecorded> {
        let number = {
            let mut log = self.log();
            log.journalled += 1;
            log.journalled - 1
        };
        if self.weather.journal_full.is_some_and(|from| from <= number) {
            self.count("kills", "journal full");
            return Err(Unrecorded::new("no space left on device"));
        }
        self.log().journal.insert(change.name);
        if self.weather.kill == Some((number, Kill::Asked)) {
            self.log().is_dead = true;
            self.count("kills", "between the journal and the write");
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn ended(&self, _outcome: &Outcome, _answer: Option<&Answered<()>>) -> Result<(), Unrecorded> {
        Ok(())
    }

    fn close(&self, ended: impl FnOnce(u64) -> Ended) -> Result<(), Unrecorded> {
        self.log().ended = Some(ended(1));
        Ok(())
    }
}

/// What our own identity may do is answered as it is: no promise hangs on it.
impl<P: Far> Rights for Azure<'_, P> {
    async fn permissions(&self, at: &ScopeId) -> Result<Vec<Permission>, Trouble> {
        self.inner.permissions(at).await
    }

    async fn held_by(&self, who: PrincipalId, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        self.inner.held_by(who, at).await
    }

    async fn definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Permits, Trouble> {
        self.inner.definition(id, at).await
    }
}

impl<P: Far> Inventory for Azure<'_, P> {
    async fn stock(&self, arm_types: &BTreeSet<String>) -> Result<Stock, Trouble> {
        self.arrive("stock").await;
        let answer = match self.read_fails("stock", 3) {
            Some(trouble) => Err(trouble),
            None => self.inner.stock(arm_types).await,
        };
        self.log().seen.stock = Some(answer.clone().map_err(|_| ()));
        answer
    }
}

impl<P: Far> AccessReader for Azure<'_, P> {
    async fn eligibilities(&self, at: &ScopeId) -> Result<Vec<Eligibility>, Trouble> {
        self.inner.eligibilities(at).await
    }

    async fn denials(&self, at: SubscriptionId) -> Result<Vec<Denial>, Trouble> {
        let answer = self.inner.denials(at).await;
        if let Ok(listed) = &answer {
            self.log().seen.denials.insert(at, listed.clone());
        }
        answer
    }

    async fn access_policies(&self, vault: &ScopeId) -> Result<Option<Vec<AccessPolicy>>, Trouble> {
        self.inner.access_policies(vault).await
    }

    async fn deleted_vaults(&self, of: SubscriptionId) -> Result<Vec<DeletedVault>, Trouble> {
        self.inner.deleted_vaults(of).await
    }
}

impl<P: Far> AssignmentReader for Azure<'_, P> {
    async fn assignments(&self, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        let request = format!("list/{at}");
        self.arrive(&request).await;
        let answer = match self.read_fails(&request, 5) {
            Some(trouble) => Err(trouble),
            None => self.inner.assignments(at).await,
        };
        self.log().seen.lists.insert(at, answer.clone().map_err(|_| ()));
        answer
    }

    async fn pim_instances(&self, at: SubscriptionId) -> Result<Vec<PimInstance>, Trouble> {
        let request = format!("pim/{at}");
        self.arrive(&request).await;
        let answer = match self.read_fails(&request, 8) {
            Some(trouble) => Err(trouble),
            None => self.inner.pim_instances(at).await,
        };
        self.log().seen.pim.insert(at, answer.clone().map_err(|_| ()));
        answer
    }

    async fn locks(&self, at: SubscriptionId) -> Result<Vec<Lock>, Trouble> {
        let request = format!("locks/{at}");
        self.arrive(&request).await;
        let answer = match self.read_fails(&request, 8) {
            Some(trouble) => Err(trouble),
            None => self.inner.locks(at).await,
        };
        self.log().seen.locks.insert(at, answer.clone().map_err(|_| ()));
        answer
    }

    async fn usage(&self, at: SubscriptionId) -> Result<Usage, Trouble> {
        let request = format!("usage/{at}");
        self.arrive(&request).await;
        let answer = match self.read_fails(&request, 8) {
            Some(trouble) => Err(trouble),
            None => self.inner.usage(at).await,
        };
        self.log().seen.usage.insert(at, answer.clone().map_err(|_| ()));
        answer
    }

    async fn role_definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Option<Definition>, Trouble> {
        let request = format!("definition/{id}");
        self.arrive(&request).await;
        let answer = match self.read_fails(&request, 8) {
            Some(trouble) => Err(trouble),
            None => self.inner.role_definition(id, at).await,
        };
        self.log().seen.definitions.insert(id, answer.clone().map_err(|_| ()));
        answer
    }

    async fn definitions(&self, at: SubscriptionId) -> Result<BTreeMap<RoleDefinitionId, Definition>, Trouble> {
        let request = format!("definitions/{at}");
        self.arrive(&request).await;
        let answer = match self.read_fails(&request, 8) {
            Some(trouble) => Err(trouble),
            None => self.inner.definitions(at).await,
        };
        let listed = answer.as_ref().map(|listed| listed.keys().copied().collect()).map_err(|_| ());
        self.log().seen.assignable.insert(at, listed);
        answer
    }
}

impl<P: Far> AssignmentWriter for Azure<'_, P> {
    async fn put(&self, put: &PutAssignment) -> Result<Answered<()>, Trouble> {
        let request = format!("put/{}", put.name);
        let act = async { self.inner.put(put).await };
        self.write(&request, Asked::Put(put.clone()), put.name, act).await
    }

    async fn delete(&self, scope: &ScopeId, name: AssignmentName) -> Result<Answered<Deleted>, Trouble> {
        let request = format!("delete/{name}");
        let act = async { self.inner.delete(scope, name).await };
        self.write(&request, Asked::Delete(scope.clone(), name), name, act).await
    }
}
