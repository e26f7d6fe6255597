//! Deny assignments and locks: what stands against a right (authorization-DenyAssignmentCalls.json, locks.json; recorded
//! locks and the words of a denial, FACTS §1.8).
//!
//! Deny assignments are Azure's own (deployment stacks, managed applications) or, since 2026, a user's (FACTS_PIM_GROUPS §4).
//! Nobody makes one over this API, so a world has those of its file.

use uuid::Uuid;

use super::{Block, LockEntry, Refusal, Touched, World};
use crate::model::ids::{PrincipalId, ScopeId};

/// A deny assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Its name in ids.
    pub id: Uuid,
    /// Its name for people.
    pub name: String,
    /// What it is for, in words.
    pub description: String,
    /// Where it holds.
    pub scope: ScopeId,
    /// Whether it holds only there.
    pub only_here: bool,
    /// Whether it only writes down what it would have blocked (`denyAssignmentEffect`: `audit`, 2026-09-01).
    pub audit: bool,
    /// What it denies.
    pub block: Block,
    /// Whom; nobody named means everybody.
    pub principals: Vec<PrincipalId>,
    /// Whom not.
    pub except: Vec<PrincipalId>,
}

impl Denial {
    /// Its resource id.
    #[must_use]
    pub fn resource_id(&self) -> String {
        let scope = self.scope.as_str().trim_end_matches('/');
        format!("{scope}/providers/Microsoft.Authorization/denyAssignments/{}", self.id)
    }
}

/// The `$filter` of a list of deny assignments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenialFilter {
    /// `atScope()`: at and above.
    pub at_scope: bool,
    /// `denyAssignmentName eq '…'`.
    pub name: Option<String>,
    /// `principalId eq '…'`: those that name it.
    pub principal: Option<PrincipalId>,
}

const DENY_READ: &str = "Microsoft.Authorization/denyAssignments/read";

impl World {
    /// Every deny assignment.
    pub fn all_denials(&self) -> impl Iterator<Item = &Denial> {
        self.denials.iter()
    }

    /// Adds or replaces a deny assignment.
    pub fn place_denial(&mut self, denial: Denial) {
        self.denials.retain(|old| old.id != denial.id);
        self.denials.push(denial);
        self.denials.sort_by(|a, b| (&a.scope, a.id).cmp(&(&b.scope, b.id)));
        self.touch(Touched::World);
    }

    /// What denies an action to a caller at a scope.
    #[must_use]
    pub fn denied(&self, caller: PrincipalId, action: &str, at: &ScopeId) -> Option<&Denial> {
        if self.denials.is_empty() {
            return None;
        }
        let (above, holders) = (self.above(at), self.with_groups(caller));
        self.denials.iter().find(|denial| {
            let here = denial.scope == *at || !denial.only_here && above.contains(&denial.scope);
            here && !denial.audit
                && denial.block.allows(action)
                && (denial.principals.is_empty() || denial.principals.iter().any(|id| holders.contains(id)))
                && !denial.except.iter().any(|id| holders.contains(id))
        })
    }

    /// The deny assignments at a scope: as role assignments are listed, at, above and below it (specs).
    pub fn denials(&self, caller: PrincipalId, at: &ScopeId, filter: &DenialFilter) -> Result<Vec<&Denial>, Refusal> {
        self.demand(caller, DENY_READ, at)?;
        let above = self.above(at);
        let fits = |denial: &&Denial| {
            let seen =
                denial.scope == *at || above.contains(&denial.scope) || !filter.at_scope && at.holds(&denial.scope);
            seen && filter.name.as_ref().is_none_or(|name| denial.name.eq_ignore_ascii_case(name))
                && filter.principal.is_none_or(|id| denial.principals.contains(&id))
        };
        Ok(self.denials.iter().filter(fits).collect())
    }

    /// One deny assignment; code and words of its absence inferred.
    pub fn denial(&self, caller: PrincipalId, at: &ScopeId, name: &str) -> Result<&Denial, Refusal> {
        self.demand(caller, DENY_READ, at)?;
        let found =
            self.denials.iter().find(|denial| denial.scope == *at && denial.id.to_string().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let message = format!("The deny assignment '{name}' is not found.");
            Refusal::new(404, "DenyAssignmentNotFound", message)
        })
    }

    /// The locks at and below a scope (recorded: a subscription's list holds those of its groups and resources).
    pub fn locks_at(&self, caller: PrincipalId, at: &ScopeId) -> Result<Vec<&LockEntry>, Refusal> {
        self.demand(caller, "Microsoft.Authorization/locks/read", at)?;
        Ok(self.locks.iter().filter(|lock| at.holds(&lock.scope)).collect())
    }

    /// One lock; code and words of its absence inferred.
    pub fn lock(&self, caller: PrincipalId, at: &ScopeId, name: &str) -> Result<&LockEntry, Refusal> {
        self.demand(caller, "Microsoft.Authorization/locks/read", at)?;
        self.lock_named(at, name).ok_or_else(|| {
            let message = format!("The lock '{name}' could not be found.");
            Refusal::new(404, "LockNotFound", message)
        })
    }

    fn lock_named(&self, at: &ScopeId, name: &str) -> Option<&LockEntry> {
        self.locks.iter().find(|lock| lock.scope == *at && lock.name.eq_ignore_ascii_case(name))
    }

    /// Creates or changes a lock; whether it is new: 201 and then 200 were recorded.
    pub fn put_lock(&mut self, caller: PrincipalId, lock: LockEntry) -> Result<bool, Refusal> {
        self.demand(caller, "Microsoft.Authorization/locks/write", &lock.scope)?;
        let levels = ["CanNotDelete", "ReadOnly", "NotSpecified"]; // specs
        if !levels.iter().any(|level| level.eq_ignore_ascii_case(&lock.level)) {
            let message = format!("The lock level '{}' is not valid.", lock.level); // inferred
            return Err(Refusal::new(400, "LockLevelInvalid", message));
        }
        let is_new = self.lock_named(&lock.scope, &lock.name).is_none();
        self.place_lock(lock);
        Ok(is_new)
    }

    /// Deletes a lock; whether there was one: 200 was recorded, 204 stands in the description.
    pub fn delete_lock(&mut self, caller: PrincipalId, at: &ScopeId, name: &str) -> Result<bool, Refusal> {
        self.demand(caller, "Microsoft.Authorization/locks/delete", at)?;
        let was = self.lock_named(at, name).is_some();
        if was {
            self.locks.retain(|lock| lock.scope != *at || !lock.name.eq_ignore_ascii_case(name));
            self.touch(Touched::World);
        }
        Ok(was)
    }
}
