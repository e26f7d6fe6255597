//! The ports, answered by a world in the same process, as one of its applications.
//!
//! In: what the ports take. Out: what `azure` makes of the same answers over HTTP; `tests/facts/contract.rs` compares the two.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, ready},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    SharedWorld,
    refusal::Refusal,
    world::{Application, Body, Resource, Scoping, World},
};
use crate::{
    model::{
        activity::{Doer, Removal},
        assignment::{PrincipalType, RoleAssignment},
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        observed::{Lock, ResourceNow},
        other_access::{AccessPolicy, Conditional, DeletedVault, Denial, Effect, Eligibility, Reach},
        people::{Attribute, ById, ByName, FormerHolders, GroupKey, HasAttribute, Hint, InGroup},
        permissions::{Block, Definition, DefinitionMaker},
        trouble::Trouble,
    },
    ports::{
        AccessReader, Answered, AssignmentReader, AssignmentWriter, Deleted, Directory, History, Inventory, Permission,
        Permits, PimInstance, PutAssignment, ResourceRow, Resources, Rights, Stock, SubscriptionRow, Usage,
    },
};

/// A world, seen as one application sees it.
#[derive(Clone, Debug)]
pub struct Identity {
    shared: SharedWorld,
    caller: PrincipalId,
}

/// A name this many edits away may have been meant. Ours.
const EDITS_MAX: usize = 3;

impl Identity {
    pub(super) fn new(shared: SharedWorld, caller: PrincipalId) -> Self {
        Self { shared, caller }
    }

    /// Whose object id it is.
    #[must_use]
    pub fn caller(&self) -> PrincipalId {
        self.caller
    }

    fn ask<T>(
        &self,
        doing: &str,
        ask: impl FnOnce(&mut World, PrincipalId) -> Result<T, Refusal>,
    ) -> Result<T, Trouble> {
        self.shared.with(|world| ask(world, self.caller)).map_err(|refusal| refusal.trouble(doing))
    }

    fn may_read_people(&self, world: &World) -> Result<(), Trouble> {
        if world.application(self.caller).is_none_or(super::world::Application::may_read_people) {
            return Ok(());
        }
        Err(super::routes::graph::denied().trouble("look up people"))
    }
}

impl Directory for Identity {
    fn by_name(&self, names: &BTreeSet<UserName>) -> impl Future<Output = BTreeMap<UserName, ByName>> + Send {
        ready(self.shared.with(|world| {
            let allowed = self.may_read_people(world);
            let answer = |name: &UserName| match &allowed {
                Err(trouble) => ByName::Unanswered(trouble.clone().into()),
                Ok(()) => match world.user_named(name) {
                    Some(user) => ByName::Person(user.person()),
                    None => ByName::Nobody(hint(world, name)),
                },
            };
            names.iter().map(|name| (name.clone(), answer(name))).collect()
        }))
    }

    fn by_id(&self, ids: &BTreeSet<PrincipalId>) -> impl Future<Output = BTreeMap<PrincipalId, ById>> + Send {
        ready(self.shared.with(|world| {
            let allowed = self.may_read_people(world);
            let answer = |id: PrincipalId| match &allowed {
                Err(trouble) => ById::Unanswered(trouble.clone().into()),
                Ok(()) => by_id(world, world.application(self.caller), id),
            };
            ids.iter().map(|id| (*id, answer(*id))).collect()
        }))
    }

    fn former_holders(
        &self,
        names: &BTreeSet<UserName>,
    ) -> impl Future<Output = Result<FormerHolders, Trouble>> + Send {
        ready(self.shared.with(|world| self.may_read_people(world).map(|()| former_holders(world, names))))
    }

    fn groups(&self, keys: &BTreeSet<GroupKey>) -> impl Future<Output = BTreeMap<GroupKey, InGroup>> + Send {
        ready(self.shared.with(|world| {
            let may = world.application(self.caller).is_none_or(super::world::Application::may_read_groups);
            let denied = || Arc::new(super::routes::graph::denied().trouble("look up groups"));
            let answer = |key| if may { in_group(world, key) } else { InGroup::Unanswered(denied()) };
            keys.iter().map(|key| (key.clone(), answer(key))).collect()
        }))
    }

    fn attributes(
        &self,
        which: Attribute,
        of: &BTreeSet<PrincipalId>,
    ) -> impl Future<Output = BTreeMap<PrincipalId, HasAttribute>> + Send {
        ready(self.shared.with(|world| {
            let allowed = self.may_read_people(world);
            let value = |id: PrincipalId| world.user(id).and_then(|user| user.attributes.get(&which));
            let answer = |id: PrincipalId| match (&allowed, value(id)) {
                (Err(trouble), _) => HasAttribute::Unanswered(trouble.clone().into()),
                (Ok(()), Some(value)) => HasAttribute::Value(value.as_str().into()),
                (Ok(()), None) => HasAttribute::Nothing,
            };
            of.iter().map(|id| (*id, answer(*id))).collect()
        }))
    }
}

fn former_holders(world: &World, names: &BTreeSet<UserName>) -> FormerHolders {
    let mut found = FormerHolders::new();
    for user in world.deleted_users().filter(|user| names.contains(&user.name)) {
        found.entry(user.name.clone()).or_default().insert(user.id, user.deleted);
    }
    found
}

fn in_group(world: &World, key: &GroupKey) -> InGroup {
    let called = |name: &str| -> Vec<PrincipalId> {
        world.groups().filter(|group| group.name.to_lowercase() == name).map(|group| group.id).collect()
    };
    let found = match key {
        GroupKey::Id(id) => world.group(*id).map(|group| group.id).into_iter().collect(),
        GroupKey::Name(name) => called(name),
    };
    match found.as_slice() {
        [] => InGroup::Missing,
        [one] => {
            InGroup::Members(world.everybody_in(*one).into_iter().filter(|id| world.type_of(*id).is_some()).collect())
        }
        several => InGroup::Several(several.len()),
    }
}

fn by_id(world: &World, caller: Option<&Application>, id: PrincipalId) -> ById {
    let may = |kind: &str| caller.is_none_or(|caller| caller.may_look_up(kind));
    let other = || {
        let group = world.group(id).filter(|_| may("group")).map(|group| group.name.as_str());
        let application = || world.application(id).filter(|_| may("servicePrincipal"));
        group.or_else(|| application().map(|application| application.name.as_str()))
    };
    if let Some(user) = world.user(id) {
        ById::Person(user.person())
    } else if let Some(name) = other() {
        ById::NotAPerson(name.into())
    } else if let Some(user) = world.deleted_user(id) {
        ById::Deleted { name: user.name.clone(), on: user.deleted }
    } else if caller.is_none_or(Application::may_look_up_all) {
        ById::Gone
    } else {
        ById::NoUser
    }
}

fn hint(world: &World, name: &UserName) -> Hint {
    let with_mail: BTreeSet<UserName> = world.users_with_mail(name.as_str()).map(|user| user.name.clone()).collect();
    if !with_mail.is_empty() {
        return Hint::MailOf(with_mail);
    }
    if let Some(user) = world.deleted_users().find(|user| user.name == *name) {
        return Hint::Deleted { id: user.id, on: user.deleted };
    }
    let near = world.users().map(|user| (strsim::osa_distance(user.name.folded(), name.folded()), user));
    let nearest = near.filter(|(edits, _)| *edits <= EDITS_MAX).min_by_key(|(edits, user)| (*edits, user.name.clone()));
    nearest.map_or(Hint::Nothing, |(_, user)| Hint::Nearest(user.name.clone()))
}

impl Inventory for Identity {
    fn stock(&self, arm_types: &BTreeSet<String>) -> impl Future<Output = Result<Stock, Trouble>> + Send {
        ready(self.ask("search resources", |world, caller| {
            let subscriptions = world.visible_subscriptions(caller);
            let row = |name: &str, state: &str| SubscriptionRow { name: name.to_owned(), state: state.to_owned() };
            // Workspaces are always among them: whether a component's logs can be read hangs on its workspace.
            let wanted = |resource: &&Resource| {
                let arm_type = resource.arm_type.to_ascii_lowercase();
                arm_types.contains(&arm_type) || arm_type == "microsoft.operationalinsights/workspaces"
            };
            Ok(Stock {
                subscriptions: subscriptions.map(|entry| (entry.id, row(&entry.name, &entry.state))).collect(),
                resources: world
                    .searchable_resources(caller)
                    .into_iter()
                    .filter(wanted)
                    .filter_map(resource_row)
                    .collect(),
            })
        }))
    }
}

fn resource_row(resource: &Resource) -> Option<ResourceRow> {
    let at = |pointer: &str| resource.properties.pointer(pointer);
    let text = |pointer| at(pointer).and_then(|value| value.as_str()).map(ToOwned::to_owned);
    Some(ResourceRow {
        id: resource.id.clone(),
        arm_type: resource.arm_type.to_ascii_lowercase(),
        name: resource.name.clone(),
        subscription: resource.id.subscription()?,
        tags: resource.tags.clone(),
        made: resource.made(),
        rbac: at("/enableRbacAuthorization").and_then(serde_json::Value::as_bool),
        public_network_access: text("/publicNetworkAccess"),
        network_default_action: text("/networkAcls/defaultAction"),
        vault_tenant: text("/tenantId").and_then(|id| id.parse().ok()),
        query_network_access: text("/publicNetworkAccessForQuery"),
        workspace: text("/WorkspaceResourceId").map(|id| ScopeId::new(&id)),
        resource_permissions: at("/features/enableLogAccessUsingOnlyResourcePermissions")
            .and_then(serde_json::Value::as_bool),
    })
}

impl Resources for Identity {
    fn resource(&self, id: &ScopeId) -> impl Future<Output = Result<Option<ResourceNow>, Trouble>> + Send {
        let found = self.shared.with(|world| {
            let found = world.resource(self.caller, id)?;
            let is_vault = found.arm_type.eq_ignore_ascii_case("Microsoft.KeyVault/vaults");
            let says = found.properties.get("enableRbacAuthorization").and_then(serde_json::Value::as_bool);
            Ok(ResourceNow { id: found.id.clone(), rbac: is_vault.then_some(says == Some(true)), made: found.made() })
        });
        ready(found.map(Some).or_else(|refusal: Refusal| match refusal.code.as_str() {
            "ResourceNotFound" | "ResourceGroupNotFound" => Ok(None),
            _ => Err(refusal.trouble(format!("look at {id} once more"))),
        }))
    }
}

impl History for Identity {
    fn removals(
        &self,
        at: SubscriptionId,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Result<Vec<Removal>, Trouble>> + Send {
        ready(self.ask(&format!("read the Activity Log of subscription {at}"), |world, caller| {
            let all = world.activities(caller, at, from, to)?;
            let gone = all.into_iter().filter(|activity| activity.verb == "delete");
            let by = |by: Option<PrincipalId>| Doer {
                id: by,
                name: by.and_then(|by| world.user(by)).map(|user| user.name.to_string().into()),
            };
            Ok(gone.map(|it| Removal { name: it.name, at: it.at, by: by(it.by) }).collect())
        }))
    }
}

impl AssignmentReader for Identity {
    fn assignments(&self, at: SubscriptionId) -> impl Future<Output = Result<Vec<RoleAssignment>, Trouble>> + Send {
        ready(self.ask("list role assignments", |world, caller| {
            let listed = world.list(caller, &ScopeId::subscription_scope(at), Scoping::default())?;
            Ok(listed.into_iter().map(super::world::Assignment::listed).collect())
        }))
    }

    fn pim_instances(&self, at: SubscriptionId) -> impl Future<Output = Result<Vec<PimInstance>, Trouble>> + Send {
        ready(self.ask("list PIM instances", |world, caller| {
            world.demand_pim()?;
            let scope = ScopeId::subscription_scope(at);
            world.demand(caller, "Microsoft.Authorization/roleAssignmentScheduleInstances/read", &scope)?;
            let listed = world.list(caller, &scope, Scoping::default())?;
            let instance = |found: &super::world::Assignment| PimInstance {
                triple: found.triple.clone(),
                activated: found.term.activated,
                ends: found.term.ends,
            };
            Ok(listed.into_iter().map(instance).collect())
        }))
    }

    fn locks(&self, at: SubscriptionId) -> impl Future<Output = Result<Vec<Lock>, Trouble>> + Send {
        ready(self.ask("list locks", |world, caller| {
            let lock = |entry: &super::world::LockEntry| Lock {
                scope: entry.scope.clone(),
                name: entry.name.clone(),
                level: entry.level.clone(),
            };
            Ok(world.locks(caller, at)?.into_iter().map(lock).collect())
        }))
    }

    fn usage(&self, at: SubscriptionId) -> impl Future<Output = Result<Usage, Trouble>> + Send {
        ready(self.ask("ask how many role assignments fit", |world, caller| {
            let (limit, held) = world.usage(caller, &ScopeId::subscription_scope(at))?;
            Ok(Usage { limit, held })
        }))
    }

    fn role_definition(
        &self,
        id: crate::model::ids::RoleDefinitionId,
        at: SubscriptionId,
    ) -> impl Future<Output = Result<Option<Definition>, Trouble>> + Send {
        let answer = self.ask("read a role definition", |world, caller| {
            world.demand_below(READ_DEFINITIONS, caller, &ScopeId::subscription_scope(at))?;
            Ok(world.definition(id).ok().map(|found| read_definition(found).1))
        });
        ready(answer)
    }

    fn definitions(
        &self,
        at: SubscriptionId,
    ) -> impl Future<Output = Result<BTreeMap<RoleDefinitionId, Definition>, Trouble>> + Send {
        ready(self.ask("list role definitions", |world, caller| {
            let scope = ScopeId::subscription_scope(at);
            world.demand_below(READ_DEFINITIONS, caller, &scope)?;
            Ok(world.definitions_at(&scope, false).map(read_definition).collect())
        }))
    }
}

impl AccessReader for Identity {
    fn eligibilities(&self, at: &ScopeId) -> impl Future<Output = Result<Vec<Eligibility>, Trouble>> + Send {
        ready(self.ask(&format!("list who may activate a role at {at}"), |world, caller| {
            let eligibility = |found: &super::world::pim::Eligibility| Eligibility {
                triple: found.triple.clone(),
                principal_type: PrincipalType::from_azure(world.type_of(found.triple.principal).unwrap_or("User")),
                starts: Some(found.start),
                ends: found.end,
                condition: None,
            };
            Ok(world.eligibilities_seen(caller, at)?.into_iter().map(eligibility).collect())
        }))
    }

    fn denials(&self, at: SubscriptionId) -> impl Future<Output = Result<Vec<Denial>, Trouble>> + Send {
        ready(self.ask(&format!("list deny assignments of subscription {at}"), |world, caller| {
            let scope = ScopeId::subscription_scope(at);
            let listed = world.denials(caller, &scope, &super::world::denials::DenialFilter::default())?;
            Ok(listed.into_iter().map(denial).collect())
        }))
    }

    fn access_policies(
        &self,
        vault: &ScopeId,
    ) -> impl Future<Output = Result<Option<Vec<AccessPolicy>>, Trouble>> + Send {
        let found = self.shared.with(|world| world.resource(self.caller, vault).map(super::world::vaults::policies));
        let doing = || format!("read the access policies of {vault}");
        ready(found.map(|policies| Some(policies.iter().filter_map(policy).collect())).or_else(|refusal: Refusal| {
            match refusal.code.as_str() {
                "ResourceNotFound" | "ResourceGroupNotFound" => Ok(None),
                _ => Err(refusal.trouble(doing())),
            }
        }))
    }

    fn deleted_vaults(&self, of: SubscriptionId) -> impl Future<Output = Result<Vec<DeletedVault>, Trouble>> + Send {
        ready(self.ask(&format!("list deleted vaults of subscription {of}"), |world, caller| {
            world.demand(caller, "Microsoft.KeyVault/deletedVaults/read", &ScopeId::subscription_scope(of))?;
            let all = world.deleted_vaults(of).map(|gone| DeletedVault {
                id: gone.vault.id.clone(),
                on: Some(gone.deleted),
                purged_on: Some(gone.purged_on()),
            });
            Ok(all.collect())
        }))
    }
}

fn denial(found: &super::world::denials::Denial) -> Denial {
    let super::world::Block { actions, not_actions, data_actions, not_data_actions } = found.block.clone();
    Denial {
        id: found.resource_id(),
        name: found.name.clone(),
        scope: found.scope.clone(),
        reach: if found.only_here { Reach::ScopeOnly } else { Reach::Below },
        effect: if found.audit { Effect::Audit } else { Effect::Enforced },
        what: Definition {
            blocks: vec![Block { actions, not_actions, data_actions, not_data_actions }],
            ..Definition::default()
        },
        conditional: Conditional::No,
        principals: found.principals.clone(),
        except: found.except.clone(),
    }
}

/// An entry of a vault that the world keeps as it was sent.
fn policy(entry: &serde_json::Value) -> Option<AccessPolicy> {
    let id = |key: &str| entry.get(key).and_then(|id| id.as_str()?.parse().ok());
    let secrets = entry.pointer("/permissions/secrets").and_then(serde_json::Value::as_array);
    let secrets = secrets.into_iter().flatten().filter_map(|word| Some(word.as_str()?.to_ascii_lowercase()));
    Some(AccessPolicy { object: id("objectId")?, application: id("applicationId"), secrets: secrets.collect() })
}

impl AssignmentWriter for Identity {
    fn put(&self, put: &PutAssignment) -> impl Future<Output = Result<Answered<()>, Trouble>> + Send {
        let PutAssignment { name, triple, principal_type, description } = put;
        let body = Body {
            principal: Some(triple.principal),
            definition: triple.definition.to_string(),
            principal_type: Some(principal_type.as_azure().to_owned()),
            description: Some(description.clone()),
            ..Body::default()
        };
        let doing = "create a role assignment";
        ready(self.ask(doing, |world, caller| {
            world.put(caller, &triple.scope, *name, &body).map(|_| Answered::in_process(()))
        }))
    }

    fn delete(
        &self,
        scope: &ScopeId,
        name: AssignmentName,
    ) -> impl Future<Output = Result<Answered<Deleted>, Trouble>> + Send {
        let gone = self.ask("delete a role assignment", |world, caller| world.delete(caller, scope, name));
        ready(gone.map(|gone| Answered::in_process(gone.map_or(Deleted::Already, |_| Deleted::Now))))
    }
}

impl Rights for Identity {
    fn permissions(&self, at: &ScopeId) -> impl Future<Output = Result<Vec<Permission>, Trouble>> + Send {
        ready(self.ask("read our permissions", |world, caller| {
            Ok(world.permissions(caller, at)?.into_iter().map(permission).collect())
        }))
    }

    fn held_by(
        &self,
        who: PrincipalId,
        at: SubscriptionId,
    ) -> impl Future<Output = Result<Vec<RoleAssignment>, Trouble>> + Send {
        ready(self.ask("list our own role assignments", |world, caller| {
            let scoping = Scoping { assigned_to: Some(who), ..Scoping::default() };
            let listed = world.list(caller, &ScopeId::subscription_scope(at), scoping)?;
            Ok(listed.into_iter().map(super::world::Assignment::listed).collect())
        }))
    }

    fn definition(
        &self,
        id: crate::model::ids::RoleDefinitionId,
        at: SubscriptionId,
    ) -> impl Future<Output = Result<Permits, Trouble>> + Send {
        ready(self.ask("read a role definition", |world, caller| {
            let scope = ScopeId::subscription_scope(at);
            world.demand_below(READ_DEFINITIONS, caller, &scope)?;
            let found = world.definition(id)?;
            let (name, data_actions) = (found.name.clone(), found.block.data_actions.clone());
            Ok(Permits { name, permissions: vec![permission(&found.block)], data_actions })
        }))
    }
}

const READ_DEFINITIONS: &str = "Microsoft.Authorization/roleDefinitions/read";

fn read_definition(found: &super::world::Definition) -> (crate::model::ids::RoleDefinitionId, Definition) {
    let super::world::Block { actions, not_actions, data_actions, not_data_actions } = found.block.clone();
    let definition = Definition {
        name: found.name.clone(),
        made_by: if found.built_in { DefinitionMaker::Microsoft } else { DefinitionMaker::Tenant },
        assignable_scopes: found.scopes.clone(),
        blocks: vec![Block { actions, not_actions, data_actions, not_data_actions }],
    };
    (found.id, definition)
}

fn permission(block: &super::world::Block) -> Permission {
    Permission { actions: block.actions.clone(), not_actions: block.not_actions.clone() }
}
