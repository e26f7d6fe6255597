//! One deed, done to a world.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    model::{
        assignment::Triple,
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, UserName},
    },
    simulator::{
        clock::duration,
        file,
        world::{Assignment, Resource, Term, User, World},
    },
};

/// Something that a person does in Azure or Entra. Names as in `azure.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A vault is deleted: its role assignments go with it (TRAPS: soft deletion drops them).
    DeleteVault(String),
    /// A deleted vault is recovered; its role assignments do not come back.
    RecoverVault(String),
    /// A vault is deleted, purged and made anew under the same name: nobody has access.
    RecreateVault(String),
    /// A resource is deleted; its role assignments stay behind.
    DeleteResource(String),
    /// A deleted resource is made anew under the same name.
    RecreateResource(String),
    /// A user comes to be.
    CreateUser(String),
    /// A user is deleted, and can be restored.
    DeleteUser(String),
    /// A deleted user is restored, with the id it had.
    RestoreUser(String),
    /// A user is renamed.
    RenameUser(Rename),
    /// A user is deleted, and another person gets the name.
    ReplaceUser(String),
    /// A user can no longer sign in.
    DisableUser(String),
    /// A user can sign in again.
    EnableUser(String),
    /// A role is assigned by hand.
    Assign(Assign),
    /// A role assignment is deleted by hand.
    Unassign(Assign),
    /// An eligible person activates a role in Privileged Identity Management.
    Activate(Assign),
}

/// A user and its new name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The user.
    pub user: String,
    /// Its new name.
    pub to: String,
}

/// A role assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// Whose it is.
    pub principal: String,
    /// The role: a name or a GUID.
    pub role: String,
    /// Where.
    pub scope: String,
    /// Who does it: a user or an application; left out, Azure does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// A description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How long an activation lasts; 8 hours if left out (PIM's default).
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
}

/// Deleted resources that can come back.
type Gone = BTreeMap<ScopeId, Resource>;

const VAULT: &str = "Microsoft.KeyVault/vaults";
const LASTS: &str = "8h";

impl Deed {
    /// Does it.
    pub(super) fn happen(&self, world: &mut World, gone: &mut Gone) -> Result<(), String> {
        match self {
            Self::DeleteVault(name) => delete(world, gone, name, true),
            Self::DeleteResource(name) => delete(world, gone, name, false),
            Self::RecoverVault(name) => bring_back(world, gone, name),
            Self::RecreateVault(name) => made_anew(world, gone, name, true),
            Self::RecreateResource(name) => made_anew(world, gone, name, false),
            Self::CreateUser(name) => {
                let id = PrincipalId(World::derived_id(world.tenant(), "user", name));
                if world.user(id).is_some() || world.user_named(&UserName::new(name)).is_some() {
                    return Err(format!("user `{name}` is there already"));
                }
                world.place_user(User { created: Some(world.now()), ..new_user(id, name) });
                Ok(())
            }
            Self::DeleteUser(name) => {
                let id = user(world, name)?.id;
                world.delete_user(id);
                Ok(())
            }
            Self::RestoreUser(name) => {
                let named = |user: &&User| user.name == UserName::new(name) || user.id.to_string() == *name;
                let id = world.deleted_users().find(named).map(|user| user.id);
                let id = id.ok_or_else(|| format!("no deleted user is called `{name}`"))?;
                world.restore_user(id).then_some(()).ok_or_else(|| format!("the name of `{name}` is taken"))
            }
            Self::RenameUser(Rename { user: name, to }) => {
                let found = user(world, name)?;
                if world.user_named(&UserName::new(to)).is_some_and(|other| other.id != found.id) {
                    return Err(format!("the name `{to}` is taken"));
                }
                world.place_user(User { name: UserName::new(to), ..found });
                Ok(())
            }
            Self::ReplaceUser(name) => {
                let old = user(world, name)?;
                world.delete_user(old.id);
                let id = PrincipalId(World::derived_id(world.tenant(), "user", &format!("after {}", old.id)));
                world.place_user(User { id, created: Some(world.now()), deleted: None, ..old });
                Ok(())
            }
            Self::DisableUser(name) => enable(world, name, false),
            Self::EnableUser(name) => enable(world, name, true),
            Self::Assign(asked) => assign(world, asked, Term::default()),
            Self::Unassign(asked) => {
                let triple = triple(world, asked)?;
                let name = world.assignment_of(&triple);
                let name = name.ok_or_else(|| format!("`{}` has no `{}` there", asked.principal, asked.role))?;
                let by = by(world, asked)?;
                if let Some(gone) = world.unplace(name) {
                    world.did(by, "delete", &gone);
                }
                Ok(())
            }
            Self::Activate(asked) => {
                let lasts = duration(asked.lasts.as_deref().unwrap_or(LASTS))?;
                let ends = world.now().checked_add(lasts).map_err(|error| error.to_string())?;
                assign(world, asked, Term { activated: true, ends: Some(ends) })
            }
        }
    }
}

fn new_user(id: PrincipalId, name: &str) -> User {
    User {
        id,
        name: UserName::new(name),
        display_name: None,
        mail: Some(name.to_owned()),
        enabled: true,
        guest: false,
        attributes: std::collections::BTreeMap::new(),
        created: None,
        deleted: None,
    }
}

fn user(world: &World, name: &str) -> Result<User, String> {
    let by_id = || name.parse().ok().and_then(|id| world.user(id));
    let found = world.user_named(&UserName::new(name)).or_else(by_id);
    found.cloned().ok_or_else(|| format!("no user is called `{name}`"))
}

fn enable(world: &mut World, name: &str, enabled: bool) -> Result<(), String> {
    let found = user(world, name)?;
    world.place_user(User { enabled, ..found });
    Ok(())
}

fn delete(world: &mut World, gone: &mut Gone, name: &str, with_assignments: bool) -> Result<(), String> {
    let id = place(world, name)?;
    let found = world.resources().find(|found| found.id == id).cloned();
    let found = found.ok_or_else(|| format!("no resource is called `{name}`"))?;
    if with_assignments {
        if !found.arm_type.eq_ignore_ascii_case(VAULT) {
            return Err(format!("`{name}` is no vault"));
        }
        drop_assignments(world, &id);
    }
    world.remove_resource(&id);
    gone.insert(id, found);
    Ok(())
}

fn drop_assignments(world: &mut World, scope: &ScopeId) {
    let below = world.all_assignments().filter(|held| scope.holds(&held.triple.scope));
    let names: Vec<AssignmentName> = below.map(|held| held.name).collect();
    for name in names {
        world.unplace(name);
    }
}

fn bring_back(world: &mut World, gone: &mut Gone, name: &str) -> Result<(), String> {
    let found = take_back(gone, name)?;
    world.place_resource(found);
    Ok(())
}

fn take_back(gone: &mut Gone, name: &str) -> Result<Resource, String> {
    let named =
        |id: &&ScopeId| id.folded() == ScopeId::new(name).folded() || id.last_segment().eq_ignore_ascii_case(name);
    let id = gone.keys().find(named).cloned();
    id.and_then(|id| gone.remove(&id)).ok_or_else(|| format!("no deleted resource is called `{name}`"))
}

fn made_anew(world: &mut World, gone: &mut Gone, name: &str, with_assignments: bool) -> Result<(), String> {
    let there = place(world, name).is_ok_and(|id| world.resources().any(|found| found.id == id));
    if there {
        delete(world, gone, name, with_assignments)?;
    }
    let old = take_back(gone, name)?;
    world.place_resource(file::anew(&old, world.tenant(), world.now()));
    Ok(())
}

fn assign(world: &mut World, asked: &Assign, term: Term) -> Result<(), String> {
    let triple = triple(world, asked)?;
    if world.assignment_of(&triple).is_some() {
        return Err(format!("`{}` has `{}` there already", asked.principal, asked.role));
    }
    let now = world.now();
    let key = format!("{}|{}|{}|{now}", triple.scope, triple.principal, triple.definition);
    let name = AssignmentName(World::derived_id(world.tenant(), "assigned by hand", &key));
    let principal_type = world.type_of(triple.principal).unwrap_or("User").into();
    let by = by(world, asked)?;
    let made = Assignment {
        name,
        principal_type,
        condition: None,
        condition_version: None,
        description: asked.description.as_deref().map(Into::into),
        created_on: now,
        updated_on: now,
        created_by: by,
        updated_by: by,
        term,
        triple,
    };
    world.did(by, "write", &made);
    world.place(made);
    Ok(())
}

/// Who does it.
fn by(world: &World, asked: &Assign) -> Result<Option<PrincipalId>, String> {
    let Some(name) = &asked.by else { return Ok(None) };
    let application = || world.applications().find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| it.id);
    let found = user(world, name).ok().map(|user| user.id).or_else(application);
    found.map(Some).ok_or_else(|| format!("nobody is called `{name}`"))
}

fn triple(world: &World, asked: &Assign) -> Result<Triple, String> {
    let Assign { principal, role, scope, .. } = asked;
    let other = || {
        let group = world.groups().find(|it| it.name.eq_ignore_ascii_case(principal)).map(|it| it.id);
        let application = world.applications().find(|it| it.name.eq_ignore_ascii_case(principal));
        group.or_else(|| application.map(|it| it.id)).or_else(|| principal.parse().ok())
    };
    let found = user(world, principal).ok().map(|user| user.id).or_else(other);
    let definition = world.definitions().find(|it| it.name.eq_ignore_ascii_case(role)).map(|it| it.id);
    let definition: Option<RoleDefinitionId> = definition.or_else(|| role.parse().ok());
    Ok(Triple {
        scope: place(world, scope)?,
        principal: found.ok_or_else(|| format!("nobody is called `{principal}`"))?,
        definition: definition.ok_or_else(|| format!("no role definition is called `{role}`"))?,
    })
}

/// A resource or subscription by name, or a whole id.
fn place(world: &World, name: &str) -> Result<ScopeId, String> {
    if name.starts_with('/') {
        return Ok(ScopeId::new(name));
    }
    let resources = world.resources().filter(|it| it.name.eq_ignore_ascii_case(name)).map(|it| it.id.clone());
    let subscriptions = world.subscriptions().filter(|it| it.name.eq_ignore_ascii_case(name));
    let all: Vec<ScopeId> = resources.chain(subscriptions.map(|it| ScopeId::subscription_scope(it.id))).collect();
    match all.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(format!("no resource or subscription is called `{name}`")),
        _ => Err(format!("more than one resource is called `{name}`: write the whole id")),
    }
}
