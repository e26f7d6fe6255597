//! One world that many hold: each request sees it alone, at the caller's time, and what it changed is kept.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    events::{Events, Happened},
    faults::{FaultFile, Faults},
    inprocess::Identity,
    quota::Quotas,
    recent::Recent,
    stats::Stats,
    throttle::Buckets,
    world::{Touched, World},
};

type Now = dyn Fn() -> Timestamp + Send + Sync;
type Keep = dyn Fn(&World, &[Touched]) + Send + Sync;

/// A world, shared between a server, its requests and whoever looks on.
#[derive(Clone)]
pub struct SharedWorld {
    world: Arc<Mutex<World>>,
    now: Arc<Now>,
    keep: Option<Arc<Keep>>,
    /// What was asked, counted.
    pub stats: Arc<Stats>,
    /// The last requests.
    pub recent: Arc<Recent>,
    /// What shall go wrong.
    pub faults: Arc<Faults>,
    /// What people do meanwhile.
    pub events: Arc<Events>,
    /// Resource Manager's token buckets.
    pub buckets: Arc<Buckets>,
    /// The quotas of Resource Graph and Microsoft Graph.
    pub quotas: Arc<Quotas>,
}

impl SharedWorld {
    /// Shares a world whose callers have this time.
    pub fn new(world: World, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
            now: Arc::new(now),
            keep: None,
            stats: Arc::default(),
            recent: Arc::default(),
            faults: Arc::default(),
            events: Arc::default(),
            buckets: Arc::default(),
            quotas: Arc::default(),
        }
    }

    /// Tells `keep` of each change, before the request that made it is answered.
    #[must_use]
    pub fn kept_by(self, keep: impl Fn(&World, &[Touched]) + Send + Sync + 'static) -> Self {
        Self { keep: Some(Arc::new(keep)), ..self }
    }

    /// Asks the world, or changes it.
    pub fn with<T>(&self, ask: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.locked();
        world.told((self.now)());
        self.events.happen(&mut world);
        let answer = ask(&mut world);
        let touched = world.take_touched();
        if let Some(keep) = self.keep.as_ref().filter(|_| !touched.is_empty()) {
            keep(&world, &touched);
        }
        answer
    }

    /// Takes a fault file on, from now: what shall go wrong replaces what was said before, what people do as well. Answers
    /// what happened at once.
    #[must_use]
    pub fn begin(&self, file: FaultFile) -> Vec<Happened> {
        let FaultFile { seed, faults, events } = file;
        self.with(|world| {
            self.faults.begin(faults, seed, world.now());
            self.events.forget();
            self.events.begin(world, events)
        })
    }

    /// Puts another world in its place.
    pub fn replace(&self, world: World) {
        let mut held = self.locked();
        *held = world;
        if let Some(keep) = &self.keep {
            keep(&held, &[Touched::World]);
        }
    }

    /// The ports, as the application with this client id; `None` if there is none.
    #[must_use]
    pub fn sign_in(&self, client_id: Uuid) -> Option<Identity> {
        let caller = self.with(|world| world.client(client_id).map(|application| application.id))?;
        Some(Identity::new(self.clone(), caller))
    }

    /// The ports, as the first application of the world; `None` if it has none.
    #[must_use]
    pub fn sign_in_first(&self) -> Option<Identity> {
        let caller = self.with(|world| world.applications().next().map(|application| application.id))?;
        Some(Identity::new(self.clone(), caller))
    }

    fn locked(&self) -> MutexGuard<'_, World> {
        // A request that panicked has changed nothing halfway: each change is one insert.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedWorld")
    }
}
