//! Custom role definitions: made, changed and deleted (specs, authorization-RoleDefinitionsCalls.json; azure-docs
//! custom-roles.md and troubleshooting.md).
//!
//! Statuses that no source states are marked *inferred*.

use super::{Block, Definition, Refusal, Touched, World};
use crate::model::ids::{PrincipalId, RoleDefinitionId, ScopeId};

const WRITE: &str = "Microsoft.Authorization/roleDefinitions/write";
const DELETE: &str = "Microsoft.Authorization/roleDefinitions/delete";
/// Custom roles of one tenant (azure-docs limits.md, FACTS §6).
const CUSTOM_MAX: usize = 5_000;

/// The body of a PUT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionBody {
    /// `roleName`.
    pub name: String,
    /// `description`.
    pub description: String,
    /// `permissions`; several blocks become one.
    pub block: Block,
    /// `assignableScopes`.
    pub scopes: Vec<ScopeId>,
}

impl World {
    /// Adds or replaces a custom role, past every rule.
    pub fn place_definition(&mut self, definition: Definition) {
        self.definitions.insert(definition);
        self.touch(Touched::World);
    }

    /// Takes a custom role out, past every rule.
    pub fn unplace_definition(&mut self, id: RoleDefinitionId) -> Option<Definition> {
        self.touch(Touched::World);
        self.definitions.remove(id)
    }

    /// The role definitions that can be assigned at a scope; with `below`, those of the scopes below it as well
    /// (`atScopeAndBelow()`, specs). Built-in ones are everywhere.
    pub fn definitions_at<'a>(&'a self, at: &'a ScopeId, below: bool) -> impl Iterator<Item = &'a Definition> {
        let above = self.above(at);
        self.definitions
            .all()
            .filter(move |found| found.is_for(at, &above) || below && found.scopes.iter().any(|scope| at.holds(scope)))
    }

    /// Creates or changes a custom role: who does so needs the right at each of its scopes (azure-docs custom-roles.md).
    pub fn put_definition(
        &mut self,
        caller: PrincipalId,
        at: &ScopeId,
        id: RoleDefinitionId,
        body: DefinitionBody,
    ) -> Result<&Definition, Refusal> {
        self.demand(caller, WRITE, at)?;
        for scope in &body.scopes {
            self.demand(caller, WRITE, scope)?;
        }
        // "AssignableScopes can't be the root scope" for a custom role (azure-docs custom-roles.md); code and words inferred.
        if body.scopes.is_empty() || body.scopes.iter().any(|scope| scope.folded() == "/") {
            let message =
                "The assignable scopes of a custom role must be management groups, subscriptions or resource groups.";
            return Err(Refusal::new(400, "InvalidRoleDefinition", message));
        }
        if body.name.is_empty() {
            return Err(Refusal::new(400, "InvalidRoleDefinition", "The role name is missing."));
        }
        let old = self.definitions.get(id);
        if old.is_some_and(|old| old.built_in) {
            return Err(built_in()); // inferred
        }
        // "A custom role with the same name already exists in this directory" (azure-docs troubleshooting.md); status inferred.
        if self.definitions.named(&body.name).is_some_and(|other| other.id != id) {
            let message = "A custom role with the same name already exists in this directory. Use a different name";
            return Err(Refusal::new(409, "RoleDefinitionWithSameNameExists", message));
        }
        if old.is_none() && self.definitions.custom_len() >= CUSTOM_MAX {
            let message = "Role definition limit exceeded. No more role definitions can be created"; // azure-docs
            return Err(Refusal::new(400, "RoleDefinitionLimitExceeded", message)); // status inferred
        }
        let now = self.now();
        let (made, by) = old.map_or((now, Some(caller)), |old| (old.times.0, old.by.0));
        let DefinitionBody { name, description, block, scopes } = body;
        let (times, by) = ((made, now), (by, Some(caller)));
        self.definitions.insert(Definition { id, name, block, built_in: false, description, scopes, times, by });
        self.touch(Touched::World);
        self.definition(id)
    }

    /// Deletes a custom role that nobody holds; `None` if there is none (specs: 204).
    pub fn delete_definition(
        &mut self,
        caller: PrincipalId,
        at: &ScopeId,
        id: RoleDefinitionId,
    ) -> Result<Option<Definition>, Refusal> {
        self.demand(caller, DELETE, at)?;
        let Some(found) = self.definitions.get(id) else { return Ok(None) };
        if found.built_in {
            return Err(built_in());
        }
        for scope in &found.scopes {
            self.demand(caller, DELETE, scope)?;
        }
        // azure-docs troubleshooting.md; 400 or 409 is not settled (FACTS §1.8).
        if self.table.all().any(|held| held.triple.definition == id) {
            let message = "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments)";
            return Err(Refusal::new(400, "RoleDefinitionHasAssignments", message));
        }
        self.touch(Touched::World);
        Ok(self.definitions.remove(id))
    }
}

/// Microsoft's own cannot be changed; code and words inferred.
fn built_in() -> Refusal {
    Refusal::new(400, "RoleDefinitionIsBuiltIn", "A built-in role definition cannot be changed or deleted.")
}
