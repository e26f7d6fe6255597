//! What the world was a moment ago: lists that are stale after a write, people whom RBAC does not know yet, a Resource Graph
//! that lags behind Resource Manager. All by the world's clock; by default none, as in the recordings (FACTS §10).
//!
//! Kept only where a setting asks for it, and no longer than it asks. Never written to a file: who starts anew sees the
//! world as it is.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{Assignment, Listed, Resource, World};
use crate::model::ids::{AssignmentName, PrincipalId, ScopeId};

/// How late what sees what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consistency {
    /// For how long after a write a list of role assignments is the old one.
    pub lists_stale: SignedDuration,
    /// For how long RBAC does not know somebody new, unless `principalType` is sent: 6 to 69 s were recorded.
    pub people_unknown: SignedDuration,
    /// How far Resource Graph is behind.
    pub resource_graph_lag: SignedDuration,
    /// How late an event comes into the Activity Log.
    pub activity_log_lag: SignedDuration,
}

/// What was changed, and what was there before.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    assignments: Log<AssignmentName, Assignment>,
    resources: Log<ScopeId, Resource>,
    newcomers: BTreeMap<PrincipalId, Timestamp>,
}

#[derive(Clone, Debug)]
struct Log<K, V>(VecDeque<(Timestamp, K, Option<V>)>);

impl<K, V> Default for Log<K, V> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K: Clone + Ord, V> Log<K, V> {
    fn keep(&mut self, now: Timestamp, for_long: SignedDuration, key: K, before: Option<V>) {
        if for_long.is_zero() {
            return;
        }
        while self.0.front().is_some_and(|(at, ..)| now.duration_since(*at) >= for_long) {
            self.0.pop_front();
        }
        self.0.push_back((now, key, before));
    }

    /// What was there so long ago, of what has changed since.
    fn as_it_was(&self, now: Timestamp, ago: SignedDuration) -> BTreeMap<K, Option<&V>> {
        let mut was = BTreeMap::new();
        for (_, key, before) in self.0.iter().filter(|(at, ..)| now.duration_since(*at) < ago) {
            was.entry(key.clone()).or_insert(before.as_ref()); // the oldest
        }
        was
    }
}

impl World {
    /// Forgets what was: a world that was just read has none.
    pub(in crate::simulator) fn forget_past(&mut self) {
        self.past = Past::default();
    }

    /// A role assignment is about to change.
    pub(super) fn before_assignment(&mut self, name: AssignmentName) {
        let stale = self.settings.consistency.lists_stale;
        if !stale.is_zero() {
            let before = self.table.get(name).cloned();
            self.past.assignments.keep(self.now(), stale, name, before);
        }
    }

    /// A resource is about to change.
    pub(super) fn before_resource(&mut self, id: &ScopeId) {
        let lag = self.settings.consistency.resource_graph_lag;
        if !lag.is_zero() {
            let before = self.resources.get(id).cloned();
            self.past.resources.keep(self.now(), lag, id.clone(), before);
        }
    }

    /// Somebody is about to be added or changed.
    pub(super) fn before_principal(&mut self, id: PrincipalId) {
        if !self.settings.consistency.people_unknown.is_zero() && self.type_of(id).is_none() {
            let now = self.now();
            self.past.newcomers.insert(id, now);
        }
    }

    /// Whether RBAC does not know somebody yet.
    pub(super) fn is_newcomer(&self, id: PrincipalId) -> bool {
        let since = self.past.newcomers.get(&id);
        since.is_some_and(|since| self.now().duration_since(*since) < self.settings.consistency.people_unknown)
    }

    /// A list as it was; `holds` says whether a role assignment belongs into it.
    pub(super) fn stale<'a>(&'a self, listed: Listed<'a>, holds: impl Fn(&Assignment) -> bool) -> Listed<'a> {
        let was = self.past.assignments.as_it_was(self.now(), self.settings.consistency.lists_stale);
        if was.is_empty() {
            return listed;
        }
        let mut old: Listed<'_> = listed.into_iter().filter(|found| !was.contains_key(&found.name)).collect();
        old.extend(was.values().flatten().copied().filter(|found| holds(found)));
        old.sort_by(|a, b| (&a.triple.scope, a.name).cmp(&(&b.triple.scope, b.name)));
        old
    }

    /// The resources that Resource Graph knows of and the caller may read, by id.
    #[must_use]
    pub fn searchable_resources(&self, caller: PrincipalId) -> Vec<&Resource> {
        let was = self.past.resources.as_it_was(self.now(), self.settings.consistency.resource_graph_lag);
        let visible = self.visible_resources(caller);
        if was.is_empty() {
            return visible.collect();
        }
        let seen = |found: &&Resource| self.may(caller, &format!("{}/read", found.arm_type), &found.id);
        let mut old: Vec<&Resource> = visible.filter(|found| !was.contains_key(&found.id)).collect();
        old.extend(was.values().flatten().copied().filter(seen));
        old.sort_by(|a, b| a.id.cmp(&b.id));
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::{
        file,
        world::{Body, Scoping, User},
    };

    const WORLD: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
clock: 2026-11-22T09:00:00Z
settings: { lists_stale: 10s, people_unknown: 30s, resource_graph_lag: 10m }
users: [kari.fiktiv@ai-dev.no]
subscriptions: [{ name: S, resources: [vault kv] }]
";

    #[test]
    fn lists_people_and_searches_lag_and_catch_up() {
        let mut world = file::read(WORLD).unwrap();
        let caller = world.applications().next().unwrap().id;
        let vault = world.resources().next().unwrap().clone();
        let old = world.users().next().unwrap().clone();
        let wait = |world: &mut World, seconds| world.wait(SignedDuration::from_secs(seconds));
        let len = |world: &World| world.list(caller, &vault.id, Scoping::default()).unwrap().len();
        let name = |n| AssignmentName(uuid::Uuid::from_u128(n));
        let body = |principal, typed: bool| Body {
            principal: Some(principal),
            definition: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7".to_owned(),
            principal_type: typed.then(|| "User".to_owned()),
            ..Body::default()
        };
        let before = len(&world);
        world.put(caller, &vault.id, name(1), &body(old.id, false)).unwrap();
        world.put(caller, &vault.id, name(1), &body(old.id, false)).unwrap(); // a harmless repeat
        assert_eq!(len(&world), before);
        wait(&mut world, 10);
        assert_eq!(len(&world), before + 1);
        world.delete(caller, &vault.id, name(1)).unwrap();
        let scoping = Scoping { principal: Some(old.id), ..Scoping::default() };
        assert_eq!((len(&world), world.list(caller, &vault.id, scoping).unwrap().len()), (before + 1, 1));
        assert_eq!(world.delete(caller, &vault.id, name(1)), Ok(None));
        wait(&mut world, 10);
        assert_eq!(len(&world), before);

        let id = PrincipalId(uuid::Uuid::from_u128(7));
        world.place_user(User { id, name: crate::model::ids::UserName::new("ny@ai-dev.no"), ..old });
        let refusal = world.put(caller, &vault.id, name(2), &body(id, false)).unwrap_err();
        assert_eq!((refusal.status, refusal.code.as_str()), (400, "PrincipalNotFound"));
        world.put(caller, &vault.id, name(2), &body(id, true)).unwrap();
        wait(&mut world, 30);
        world.delete(caller, &vault.id, name(2)).unwrap();
        world.put(caller, &vault.id, name(3), &body(id, false)).unwrap();

        world.remove_resource(&vault.id);
        assert_eq!(world.searchable_resources(caller).len(), 1);
        wait(&mut world, 600);
        assert_eq!(world.searchable_resources(caller).len(), 0);
        world.place_resource(vault.clone());
        assert_eq!(world.searchable_resources(caller).len(), 0);
        wait(&mut world, 600);
        assert_eq!(world.searchable_resources(caller), [&vault]);
    }
}
