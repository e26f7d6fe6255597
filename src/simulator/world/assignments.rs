//! Role assignments: create, update, read, list, delete, as Microsoft.Authorization 2022-04-01 does (FACTS §1).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Refusal, Touched, World, condition::Asked, grammar};
use crate::model::{
    assignment::{PrincipalType, RoleAssignment, Trail, Triple, resource_id},
    ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId},
};

/// One role assignment as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Scope as it was spelt when it was made (341 of 341 recorded PUTs, FACTS §1.5), principal, role definition.
    pub triple: Triple,
    /// Its name.
    pub name: AssignmentName,
    /// What its principal is, in Azure's word.
    pub principal_type: Arc<str>,
    /// A condition that narrows it.
    pub condition: Option<Arc<str>>,
    /// The version of the condition's language.
    pub condition_version: Option<Arc<str>>,
    /// Its description.
    pub description: Option<Arc<str>>,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it was changed last.
    pub updated_on: Timestamp,
    /// Who made it; unknown for what Azure made itself.
    pub created_by: Option<PrincipalId>,
    /// Who changed it last.
    pub updated_by: Option<PrincipalId>,
    /// What Privileged Identity Management knows of it.
    pub term: Term,
}

/// Whether an assignment ends by itself (FACTS §8: while active it is listed like any other, inferred).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Term {
    /// Somebody activated an eligibility.
    pub activated: bool,
    /// When it ends.
    pub ends: Option<Timestamp>,
}

impl Assignment {
    /// Its resource id.
    #[must_use]
    pub fn resource_id(&self) -> String {
        resource_id(&self.triple.scope, self.name)
    }

    /// As a list shows it to the ports.
    #[must_use]
    pub fn listed(&self) -> RoleAssignment {
        RoleAssignment {
            triple: self.triple.clone(),
            name: self.name,
            principal_type: PrincipalType::from_azure(&self.principal_type),
            condition: self.condition.clone(),
            description: self.description.clone(),
            created_on: Some(self.created_on),
            trail: Trail {
                created_by: self.created_by,
                updated_on: Some(self.updated_on),
                updated_by: self.updated_by,
            },
        }
    }
}

/// The body of a PUT. What a client sends back from a GET beside this is ignored (azurerm does).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// `principalId`, if it is a GUID.
    pub principal: Option<PrincipalId>,
    /// `roleDefinitionId` as sent.
    pub definition: String,
    /// `principalType`.
    pub principal_type: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `condition`.
    pub condition: Option<String>,
    /// `conditionVersion`.
    pub condition_version: Option<String>,
}

/// The `$filter` of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scoping {
    /// `atScope()`: at and above, nothing below (recorded, FACTS §1.2).
    pub at_scope: bool,
    /// `principalId eq '…'`: of this principal only, direct only (recorded, FACTS §1.2).
    pub principal: Option<PrincipalId>,
    /// `assignedTo('…')`: through groups as well (azure-docs role-assignments-list-rest.md).
    pub assigned_to: Option<PrincipalId>,
}

/// What a list holds, in its order: from the tenant's root down.
pub type Listed<'a> = Vec<&'a Assignment>;

const READ: &str = "Microsoft.Authorization/roleAssignments/read";
const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";
/// Description: 2 KB (azure-docs limits.md).
const DESCRIPTION_BYTES_MAX: usize = 2_048;
/// Role assignments at one management group (azure-docs limits.md, FACTS §6).
const MANAGEMENT_GROUP_MAX: usize = 500;
/// A PUT's reply says it was made this long before it was: 0.7 to 1.5 s were recorded (FACTS §1.6).
const REPLY_BEFORE: SignedDuration = SignedDuration::from_millis(1_150);

impl Scoping {
    /// Reads a `$filter` after its percent-decoding.
    pub fn read(filter: &str) -> Result<Self, Refusal> {
        let mut scoping = Self::default();
        for term in filter.split(" and ").map(str::trim).filter(|term| !term.is_empty()) {
            let folded: String = term.to_ascii_lowercase().split_whitespace().collect();
            let id = |text: Option<&str>| text.and_then(|text| text.trim_matches('\'').parse().ok());
            if folded == "atscope()" {
                scoping.at_scope = true;
            } else if let Some(principal) = id(folded.strip_prefix("principalideq")) {
                scoping.principal = Some(principal);
            } else if let Some(to) = id(folded.strip_prefix("assignedto(").and_then(|rest| rest.strip_suffix(')'))) {
                scoping.assigned_to = Some(to);
            } else {
                return Err(unsupported(filter));
            }
        }
        // "API limitation" (azure-cli role/custom.py).
        if scoping.at_scope && scoping.principal.is_some() { Err(unsupported(filter)) } else { Ok(scoping) }
    }
}

fn unsupported(filter: &str) -> Refusal {
    Refusal::new(400, "UnsupportedQuery", format!("The filter '{filter}' is not supported.")) // words not recorded
}

impl World {
    /// How many role assignments there are.
    #[must_use]
    pub fn assignments_len(&self) -> usize {
        self.table.len()
    }

    /// Every role assignment, by scope and name, whoever may see it: for tests and `GET /_simulator/world`.
    pub fn all_assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.table.all()
    }

    /// One role assignment by name, whoever may see it.
    #[must_use]
    pub fn assignment(&self, name: AssignmentName) -> Option<&Assignment> {
        self.table.get(name)
    }

    /// The name of the one with this triple, whoever may see it.
    #[must_use]
    pub fn assignment_of(&self, triple: &Triple) -> Option<AssignmentName> {
        self.table.find(triple)
    }

    /// How many role assignments there may be at and below a scope, and how many there are (specs,
    /// `roleAssignmentsUsageMetrics`).
    pub fn usage(&self, caller: PrincipalId, at: &ScopeId) -> Result<(usize, usize), Refusal> {
        self.demand(caller, READ, at)?;
        Ok((self.settings.assignments_max, self.table.at(at).count() + self.table.below(at).count()))
    }

    /// The list at a scope: unfiltered it holds what lies at it, above it and below it (recorded, FACTS §1.2).
    pub fn list(&self, caller: PrincipalId, at: &ScopeId, scoping: Scoping) -> Result<Listed<'_>, Refusal> {
        self.demand(caller, READ, at)?;
        let now = self.now();
        let to = scoping.assigned_to.map(|to| self.with_groups(to));
        let fits = |assignment: &&Assignment| {
            let principal = assignment.triple.principal;
            assignment.term.ends.is_none_or(|ends| ends > now)
                && scoping.principal.is_none_or(|only| only == principal)
                && to.as_ref().is_none_or(|to| to.contains(&principal))
        };
        if let Some(principal) = scoping.principal {
            // The index by principal, put into the order of the list.
            let above = self.above(at);
            let seen = |assignment: &&Assignment| {
                let scope = &assignment.triple.scope;
                above.contains(scope) || scope == at || at.subscription().is_some() && at.holds(scope)
            };
            let mut listed: Listed<'_> = self.table.of(principal).filter(seen).filter(fits).collect();
            listed.sort_by(|a, b| (&a.triple.scope, a.name).cmp(&(&b.triple.scope, b.name)));
            return Ok(self.stale(listed, |held| held.triple.principal == principal && seen(&held) && fits(&held)));
        }
        let mut listed = Vec::new();
        for scope in self.above(at).iter().chain([at]) {
            listed.extend(self.table.at(scope).filter(fits));
        }
        if !scoping.at_scope && at.subscription().is_some() {
            listed.extend(self.table.below(at).filter(fits));
        }
        let below = !scoping.at_scope && at.subscription().is_some();
        Ok(self.stale(listed, |held| {
            let scope = &held.triple.scope;
            fits(&held) && (scope == at || below && at.holds(scope) || self.above(at).contains(scope))
        }))
    }

    /// One role assignment at a scope; elsewhere it is not found.
    pub fn get(&self, caller: PrincipalId, scope: &ScopeId, name: AssignmentName) -> Result<&Assignment, Refusal> {
        self.demand(caller, READ, scope)?;
        let now = self.now();
        let found = self.table.get(name).filter(|found| &found.triple.scope == scope);
        found.filter(|found| found.term.ends.is_none_or(|ends| ends > now)).ok_or_else(|| Refusal::no_assignment(name))
    }

    /// Creates or updates. The reply is not what is stored: it has no maker, and a `createdOn` of its own (recorded,
    /// FACTS §1.6).
    pub fn put(
        &mut self,
        caller: PrincipalId,
        scope: &ScopeId,
        name: AssignmentName,
        body: &Body,
    ) -> Result<Assignment, Refusal> {
        let asked = Asked {
            action: WRITE,
            definition: RoleDefinitionId::from_resource_id(&body.definition),
            principal: body.principal,
            principal_type: body.principal_type.as_deref(),
        };
        self.demand_for(caller, scope, &asked)?;
        scope.subscription().map_or(Ok(()), |id| self.demand_enabled(id))?;
        // "A ReadOnly lock: authorised users can read, but not delete or update" (azure-docs lock-resources.md); that it
        // holds for role assignments is inferred (FACTS §1.8).
        if let Some(lock) = self.lock_over(scope).find(|lock| lock.level.eq_ignore_ascii_case("ReadOnly")) {
            return Err(Refusal::locked("write", &resource_id(scope, name), &lock.scope));
        }
        let principal = body.principal.ok_or_else(Refusal::invalid_principal)?;
        let definition = RoleDefinitionId::from_resource_id(&body.definition)
            .filter(|id| self.definitions.get(*id).is_some())
            .ok_or_else(|| Refusal::no_definition(400, body.definition.rsplit('/').next().unwrap_or_default()))?;
        if body.description.as_ref().is_some_and(|text| text.len() > DESCRIPTION_BYTES_MAX) {
            return Err(Refusal::new(400, "BadRequest", "The description is longer than 2048 bytes.")); // not recorded
        }
        let version = body.condition_version.as_deref();
        let is_valid = match body.condition.as_deref() {
            Some(condition) => version.is_none_or(|version| version == "2.0") && grammar::is_well_formed(condition),
            None => version.is_none(), // a version without a condition fails (azure-cli, FACTS §1.6)
        };
        if !is_valid {
            return Err(Refusal::invalid_condition());
        }
        let triple = Triple { scope: scope.clone(), principal, definition };
        self.drop_ended(&triple);
        let now = self.now();
        let stored = match self.table.get(name) {
            Some(old) if old.triple != triple => return Err(Refusal::update_not_permitted()),
            Some(old) => Assignment { updated_on: now, updated_by: Some(caller), ..old.clone() },
            None => self.create(caller, triple, name, body)?,
        };
        let text = |text: &Option<String>| text.as_deref().map(Arc::from);
        let stored = Assignment {
            description: text(&body.description),
            condition: text(&body.condition),
            condition_version: text(&body.condition_version),
            ..stored
        };
        self.before_assignment(name);
        self.table.insert(stored.clone());
        self.did(Some(caller), "write", &stored);
        self.touch(Touched::Assignment(name));
        let created_on = now.checked_sub(REPLY_BEFORE).unwrap_or(now);
        Ok(Assignment { created_on, created_by: None, ..stored })
    }

    fn create(
        &self,
        caller: PrincipalId,
        triple: Triple,
        name: AssignmentName,
        body: &Body,
    ) -> Result<Assignment, Refusal> {
        if let Some(other) = self.table.find(&triple) {
            return Err(Refusal::exists(other));
        }
        let above = self.above(&triple.scope);
        if self.definitions.get(triple.definition).is_some_and(|it| !it.is_for(&triple.scope, &above)) {
            return Err(Refusal::not_assignable(triple.definition, &triple.scope));
        }
        let is = self.type_of(triple.principal);
        // None of the 122 recorded PUTs with principalType met this (FACTS §10).
        let is = is.filter(|_| body.principal_type.is_some() || !self.is_newcomer(triple.principal));
        let is = is.ok_or_else(|| Refusal::principal_not_found(triple.principal, self.tenant))?;
        if let Some(said) = body.principal_type.as_deref().filter(|said| !said.eq_ignore_ascii_case(is)) {
            return Err(Refusal::unmatched_type(triple.principal, is, said));
        }
        let full = |id| self.table.count_in(id) >= self.settings.assignments_max;
        if triple.scope.subscription().is_some_and(full) {
            return Err(Refusal::limit_exceeded());
        }
        // 500 in one management group (azure-docs limits.md, FACTS §6).
        let in_group = triple.scope.folded().starts_with("/providers/microsoft.management/managementgroups/");
        if in_group && self.table.at(&triple.scope).count() >= MANAGEMENT_GROUP_MAX {
            return Err(Refusal::limit_exceeded());
        }
        let now = self.now();
        Ok(Assignment {
            triple,
            name,
            principal_type: is.into(),
            condition: None,
            condition_version: None,
            description: None,
            created_on: now,
            updated_on: now,
            created_by: Some(caller),
            updated_by: Some(caller),
            term: Term::default(),
        })
    }

    /// Deletes; `None` if there is none of this name at this scope. What is returned was updated now (recorded, FACTS §1.7).
    pub fn delete(
        &mut self,
        caller: PrincipalId,
        scope: &ScopeId,
        name: AssignmentName,
    ) -> Result<Option<Assignment>, Refusal> {
        match self.table.get(name).filter(|found| &found.triple.scope == scope) {
            None => self.demand(caller, DELETE, scope)?,
            Some(found) => {
                let asked = Asked {
                    action: DELETE,
                    definition: Some(found.triple.definition),
                    principal: Some(found.triple.principal),
                    principal_type: Some(&found.principal_type),
                };
                self.demand_for(caller, scope, &asked)?;
            }
        }
        // Both levels stop a delete at or below their scope (public reports: azure-docs#110791, azurerm#11770). Resource
        // Manager refuses before the provider is asked, so an absent one is refused as well (inferred).
        if let Some(lock) = self.lock_over(scope).next() {
            return Err(Refusal::locked("delete", &resource_id(scope, name), &lock.scope));
        }
        if self.table.get(name).is_none_or(|found| &found.triple.scope != scope) {
            return Ok(None);
        }
        self.before_assignment(name);
        let gone = self.table.remove(name);
        if let Some(gone) = &gone {
            self.did(Some(caller), "delete", gone);
        }
        self.touch(Touched::Assignment(name));
        Ok(gone.map(|gone| Assignment { updated_on: self.now(), ..gone }))
    }

    /// Puts one in as it is, past every rule: for whoever builds a world.
    pub fn place(&mut self, assignment: Assignment) {
        self.touch(Touched::Assignment(assignment.name));
        self.before_assignment(assignment.name);
        self.table.insert(assignment);
    }

    /// Takes one out, past every rule.
    pub fn unplace(&mut self, name: AssignmentName) -> Option<Assignment> {
        self.touch(Touched::Assignment(name));
        self.before_assignment(name);
        self.table.remove(name)
    }
}
