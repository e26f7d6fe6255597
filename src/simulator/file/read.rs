//! `azure.yaml` → world, with every default filled in.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use jiff::Timestamp;

use super::{
    entries::{
        ApplicationEntry, AssignmentEntry, DefinitionEntry, DenialEntry, EligibilityEntry, LockItem,
        ResourceGroupEntry, SubscriptionItem, UserEntry, WorldFile,
    },
    resources::{Place, id_of, kind_of, resource},
};
use crate::{
    model::{
        assignment::Triple,
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, TenantId, UserName},
        people::Attribute,
    },
    simulator::{
        clock::Clock,
        world::{
            Application, Assignment, Block, Definition, Group, LockEntry, Settings, SubscriptionEntry, Term, User,
            World,
            denials::Denial,
            inventory::group_scope,
            pim::Eligibility,
            resources::{DeletedVault, GroupInfo, is_vault},
            rights::management_group,
        },
    },
};

/// When everything was made that does not say when. Ours: before anybody's first commit.
const LONG_AGO: Timestamp = Timestamp::constant(1_767_254_400, 0); // 2026-01-01T08:00:00Z

/// Why a world could not be read, in words that name the entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// Reads a world.
pub fn read(text: &str) -> Result<World, Unreadable> {
    // JSON is YAML; its own parser is ten times as fast, and 400,000 assignments are worth it.
    let file: WorldFile = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| Unreadable(error.to_string()))?
    } else {
        serde_yaml::from_str(text).map_err(|error| Unreadable(error.to_string()))?
    };
    World::try_from(&file)
}

impl TryFrom<&WorldFile> for World {
    type Error = Unreadable;

    fn try_from(file: &WorldFile) -> Result<Self, Unreadable> {
        let mut reader = Reader::new(parse("tenant", &file.tenant)?);
        let WorldFile {
            tenant: _,
            clock,
            settings,
            applications,
            users,
            groups,
            subscriptions,
            role_definitions,
            deny_assignments,
            assignments,
            eligibilities,
            pim_requests,
        } = file;
        if let Some(clock) = clock {
            reader.world.clock = Clock::read(clock).map_err(Unreadable)?;
        }
        if let Some(settings) = settings {
            reader.world.settings = super::settings::read(settings, &Settings::default()).map_err(Unreadable)?;
        }
        for user in users {
            reader.user(&user.0)?;
        }
        match applications {
            Some(applications) => applications.iter().try_for_each(|entry| reader.application(entry))?,
            None => reader.usual_application()?,
        }
        // Groups may hold each other: first their names, then their members.
        for group in groups {
            let id = reader.derived("group", &group.name, group.id.as_deref())?;
            reader.names.insert(group.name.to_ascii_lowercase(), id);
        }
        for group in groups {
            let id = reader.derived("group", &group.name, group.id.as_deref())?;
            let members = group.members.iter().map(|name| reader.principal(name)).collect::<Result<_, _>>()?;
            let name = group.name.clone();
            match group.deleted {
                None => reader.world.place_group(Group { id, name, members }),
                Some(on) => reader.world.place_deleted_group(Group { id, name, members }, on),
            }
        }
        for subscription in subscriptions {
            reader.subscription(subscription)?;
        }
        for entry in role_definitions {
            reader.definition(entry)?;
        }
        for entry in deny_assignments {
            reader.denial(entry)?;
        }
        for assignment in assignments {
            reader.assignment(assignment)?;
        }
        for entry in eligibilities {
            reader.eligibility(entry)?;
        }
        for request in pim_requests {
            reader.world.place_pim_request(request.clone());
        }
        reader.world.take_touched();
        reader.world.forget_past();
        Ok(reader.world)
    }
}

/// Puts an entry that [`super::assignment_entry`] wrote into a world.
pub(in crate::simulator) fn replay(world: &mut World, entry: &AssignmentEntry) -> Result<(), Unreadable> {
    let name = entry.name.as_deref().unwrap_or_default();
    world.unplace(parse("name", name)?);
    let empty = World::new(world.tenant);
    let mut reader = Reader { world: std::mem::replace(world, empty), names: BTreeMap::new(), places: BTreeMap::new() };
    let done = reader.assignment(entry);
    *world = reader.world;
    done
}

struct Reader {
    world: World,
    names: BTreeMap<String, PrincipalId>,   // groups and applications, folded
    places: BTreeMap<String, Vec<ScopeId>>, // resources, subscriptions and management groups, folded
}

impl Reader {
    fn new(tenant: TenantId) -> Self {
        Self { world: World::new(tenant), names: BTreeMap::new(), places: BTreeMap::new() }
    }

    fn derived(&self, kind: &str, name: &str, written: Option<&str>) -> Result<PrincipalId, Unreadable> {
        match written {
            Some(id) => parse(&format!("{kind} `{name}`, id"), id),
            None => Ok(PrincipalId(World::derived_id(self.world.tenant, kind, name))),
        }
    }

    fn user(&mut self, entry: &UserEntry) -> Result<(), Unreadable> {
        let UserEntry { user: name, id, name: display, mail, enabled, guest, attributes, created, deleted } = entry;
        let id = self.derived("user", name, id.as_deref())?;
        if self.world.user(id).is_some() || deleted.is_none() && self.world.user_named(&UserName::new(name)).is_some() {
            return Err(Unreadable(format!("user `{name}` is there twice")));
        }
        self.world.place_user(User {
            id,
            name: UserName::new(name),
            display_name: Some(display.clone().unwrap_or_else(|| display_name(name))),
            mail: Some(mail.clone().unwrap_or_else(|| name.clone())).filter(|mail| !mail.is_empty()),
            enabled: enabled.unwrap_or(true),
            guest: guest.unwrap_or(false),
            attributes: attributes
                .iter()
                .map(|(word, value)| attribute(name, word, value))
                .collect::<Result<_, _>>()?,
            created: *created,
            deleted: *deleted,
        });
        Ok(())
    }

    fn application(&mut self, entry: &ApplicationEntry) -> Result<(), Unreadable> {
        let ApplicationEntry { name, client_id, id, secret, federated, graph } = entry;
        let id = self.derived("service principal", name, id.as_deref())?;
        let client_id = self.derived("application", name, client_id.as_deref())?.0;
        if self.names.insert(name.to_ascii_lowercase(), id).is_some() {
            return Err(Unreadable(format!("application `{name}` is there twice")));
        }
        self.world.place_application(Application {
            id,
            client_id,
            name: name.clone(),
            secret: secret.clone(),
            federated: *federated,
            graph: graph.clone().unwrap_or_else(|| vec!["Directory.ReadWrite.All".to_owned()]),
        });
        Ok(())
    }

    /// Somebody has to sign in; a world that is about other things need not say who.
    fn usual_application(&mut self) -> Result<(), Unreadable> {
        let name = "tilgang".to_owned();
        self.application(&ApplicationEntry {
            name: name.clone(),
            secret: Some("secret".to_owned()),
            federated: true,
            ..ApplicationEntry::default()
        })?;
        let role = "Role Based Access Control Administrator".to_owned();
        let entry = AssignmentEntry { principal: name, role, scope: "/".to_owned(), ..AssignmentEntry::default() };
        self.assignment(&entry)
    }

    fn definition(&mut self, entry: &DefinitionEntry) -> Result<(), Unreadable> {
        let name = entry.name.clone();
        let told = |error: Unreadable| Unreadable(format!("role definition `{name}`: {error}"));
        let id = RoleDefinitionId(self.derived("role definition", &name, entry.id.as_deref())?.0);
        let block = Block {
            actions: entry.actions.clone(),
            not_actions: entry.not_actions.clone(),
            data_actions: entry.data_actions.clone(),
            not_data_actions: entry.not_data_actions.clone(),
        };
        let scopes: Vec<ScopeId> =
            entry.scopes.iter().map(|scope| self.scope(scope, None)).collect::<Result<_, _>>().map_err(told)?;
        // Left out: everywhere, so that a world is quickly written.
        let scopes = if scopes.is_empty() { vec![ScopeId::new("/")] } else { scopes };
        let by = |who: &Option<String>| who.as_deref().map(|who| self.principal(who)).transpose().map_err(told);
        let by = (by(&entry.created_by)?, by(&entry.updated_by)?);
        let created = entry.created.unwrap_or(LONG_AGO);
        let times = (created, entry.updated.unwrap_or(created));
        let description = entry.description.clone();
        self.world.definitions.insert(Definition { id, name, block, built_in: false, description, scopes, times, by });
        Ok(())
    }

    fn eligibility(&mut self, entry: &EligibilityEntry) -> Result<(), Unreadable> {
        let EligibilityEntry { principal, role, scope, id, start, ends, created } = entry;
        let told = |error: Unreadable| Unreadable(format!("eligibility of `{principal}` for `{role}`: {error}"));
        let triple = Triple {
            scope: self.scope(scope, None).map_err(told)?,
            principal: self.principal(principal).map_err(told)?,
            definition: self.role(role).map_err(told)?,
        };
        let key = format!("{}|{}|{}", triple.scope, triple.principal, triple.definition);
        let id = self.derived("eligibility", &key, id.as_deref())?.0;
        let start = start.unwrap_or(LONG_AGO);
        let created_on = created.unwrap_or(start);
        self.world.place_eligibility(Eligibility { id, triple, start, end: *ends, created_on });
        Ok(())
    }

    fn denial(&mut self, entry: &DenialEntry) -> Result<(), Unreadable> {
        let name = entry.name.clone();
        let told = |error: Unreadable| Unreadable(format!("deny assignment `{name}`: {error}"));
        let all = |names: &[String]| -> Result<Vec<PrincipalId>, Unreadable> {
            names.iter().map(|name| self.principal(name)).collect::<Result<_, _>>().map_err(told)
        };
        let denial = Denial {
            id: self.derived("deny assignment", &name, entry.id.as_deref())?.0,
            description: entry.description.clone(),
            scope: self.scope(&entry.scope, None).map_err(told)?,
            only_here: entry.only_here,
            audit: entry.audit,
            block: Block {
                actions: entry.actions.clone(),
                not_actions: entry.not_actions.clone(),
                data_actions: entry.data_actions.clone(),
                not_data_actions: entry.not_data_actions.clone(),
            },
            principals: all(&entry.principals)?,
            except: all(&entry.except)?,
            name: name.clone(),
        };
        self.world.place_denial(denial);
        Ok(())
    }

    fn subscription(&mut self, entry: &SubscriptionItem) -> Result<(), Unreadable> {
        let name = &entry.name;
        let id = SubscriptionId(self.derived("subscription", name, entry.id.as_deref())?.0);
        if self.world.subscriptions.contains_key(&id) {
            return Err(Unreadable(format!("subscription `{name}` ({id}) is there twice")));
        }
        let tenant = entry.tenant.as_deref();
        let tenant = tenant.map(|tenant| parse(&format!("subscription `{name}`, tenant"), tenant)).transpose()?;
        let scope = ScopeId::subscription_scope(id);
        self.place(name, scope.clone());
        for group in &entry.management_groups {
            let scope = management_group(group);
            if self.places.get(&group.to_ascii_lowercase()).is_none_or(|known| !known.contains(&scope)) {
                self.place(group, scope);
            }
        }
        self.world.place_subscription(SubscriptionEntry {
            id,
            name: name.clone(),
            state: entry.state.clone().unwrap_or_else(|| "Enabled".to_owned()),
            tenant,
            management_groups: entry.management_groups.clone(),
            tags: entry.tags.clone(),
        });
        let group = entry.group.clone().unwrap_or_else(|| format!("{}-rg", name.to_ascii_lowercase()));
        for item in &entry.resource_groups {
            let ResourceGroupEntry { group, location, tags } = &item.0;
            let usual = GroupInfo::default().location;
            let info = GroupInfo { location: location.clone().unwrap_or(usual), tags: tags.clone() };
            self.world.place_resource_group(group_scope(id, group), info);
        }
        let mut place = Place {
            tenant: tenant.unwrap_or(self.world.tenant),
            subscription: id,
            group: &group,
            tags: &entry.tags,
            workspace: None,
        };
        let told = |error| Unreadable(format!("subscription `{name}`: {error}"));
        let is_workspace = |item: &&super::entries::OneLine<super::ResourceEntry>| {
            kind_of(&item.0).is_ok_and(|(arm_type, ..)| arm_type.ends_with("/workspaces"))
        };
        let workspaces = entry.resources.iter().filter(is_workspace).map(|item| id_of(&item.0, &place));
        let workspaces: Vec<ScopeId> = workspaces.collect::<Result<_, _>>().map_err(told)?;
        if let [only] = workspaces.as_slice() {
            place.workspace = Some(only);
        }
        for item in &entry.resources {
            let resource = resource(&item.0, &place).map_err(told)?;
            if let Some(deleted) = item.0.deleted {
                if !is_vault(&resource.arm_type) {
                    return Err(told(format!(
                        "resource `{}`: only a vault is kept when it is `deleted`",
                        resource.name
                    )));
                }
                self.place(&resource.name, resource.id.clone());
                self.world.place_deleted_vault(DeletedVault { vault: resource, deleted });
                continue;
            }
            if self.world.resources.contains_key(&resource.id) {
                return Err(told(format!("resource `{}` is there twice", resource.name)));
            }
            self.place(&resource.name, resource.id.clone());
            self.world.place_resource(resource);
        }
        for lock in &entry.locks {
            if !["CanNotDelete", "ReadOnly"].contains(&lock.level.as_str()) {
                return Err(told(format!("lock `{}`: level is CanNotDelete or ReadOnly", lock.name)));
            }
            let scope = match &lock.scope {
                // A name in this subscription goes before the same name elsewhere.
                Some(text) => self.scope(text, Some(&scope)).map_err(|error| told(error.0))?,
                None => scope.clone(),
            };
            let LockItem { name, level, notes, .. } = lock.clone();
            self.world.place_lock(LockEntry { scope, name, level, notes });
        }
        Ok(())
    }

    fn place(&mut self, name: &str, scope: ScopeId) {
        self.places.entry(name.to_ascii_lowercase()).or_default().push(scope);
    }

    fn principal(&self, text: &str) -> Result<PrincipalId, Unreadable> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let user = self.world.user_named(&UserName::new(text)).map(|user| user.id);
        let found = user.or_else(|| self.names.get(&text.to_ascii_lowercase()).copied());
        let deleted = || self.world.all_users().find(|user| user.name == UserName::new(text)).map(|user| user.id);
        found.or_else(deleted).ok_or_else(|| Unreadable(format!("nobody is called `{text}`")))
    }

    fn role(&self, text: &str) -> Result<RoleDefinitionId, Unreadable> {
        let found = match text.parse() {
            Ok(id) => self.world.definitions.get(id),
            Err(_) => self.world.definitions.named(text),
        };
        let found = found.map(|definition| definition.id);
        found.ok_or_else(|| Unreadable(format!("no role definition is called `{text}`; add it to `role_definitions`")))
    }

    /// The same where a role definition may be gone: a GUID that nothing has.
    fn role_or_gone(&self, text: &str) -> Result<RoleDefinitionId, Unreadable> {
        text.parse().or_else(|_| self.role(text))
    }

    fn scope(&self, text: &str, within: Option<&ScopeId>) -> Result<ScopeId, Unreadable> {
        if text.starts_with('/') {
            return Ok(ScopeId::new(text));
        }
        let all = self.places.get(&text.to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default();
        let near: Vec<&ScopeId> = all.iter().filter(|scope| within.is_none_or(|within| within.holds(scope))).collect();
        match near.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(Unreadable(format!("no resource, subscription or management group is called `{text}`"))),
            [one, other, ..] => Err(Unreadable(format!("`{text}` could be {one} or {other}: write the whole id"))),
        }
    }

    fn assignment(&mut self, entry: &AssignmentEntry) -> Result<(), Unreadable> {
        let AssignmentEntry { principal, role, scope, .. } = entry;
        let told = |error: Unreadable| Unreadable(format!("assignment of `{role}` to `{principal}`: {error}"));
        let triple = Triple {
            scope: self.scope(scope, None).map_err(told)?,
            principal: self.principal(principal).map_err(told)?,
            definition: self.role_or_gone(role).map_err(told)?,
        };
        let name = if let Some(name) = &entry.name {
            parse("name", name).map_err(told)?
        } else {
            let key = format!("{}|{}|{}", triple.scope, triple.principal, triple.definition);
            AssignmentName(World::derived_id(self.world.tenant, "role assignment", &key))
        };
        if self.world.table.get(name).is_some() || self.world.table.find(&triple).is_some() {
            return Err(told(Unreadable("it is there twice".to_owned())));
        }
        let by = |who: &Option<String>| who.as_deref().map(|who| self.principal(who)).transpose().map_err(told);
        let (created_by, updated_by) = (by(&entry.created_by)?, by(&entry.updated_by)?);
        let is = self.world.type_of(triple.principal).unwrap_or("User");
        let created_on = entry.created.unwrap_or(LONG_AGO);
        let version = entry.condition_version.as_deref().or(entry.condition.as_ref().map(|_| "2.0"));
        self.world.table.insert(Assignment {
            principal_type: entry.principal_type.as_deref().unwrap_or(is).into(),
            condition: entry.condition.as_deref().map(Into::into),
            condition_version: version.map(Into::into),
            description: entry.description.as_deref().map(Into::into),
            created_on,
            updated_on: entry.updated.unwrap_or(created_on),
            created_by,
            updated_by,
            term: Term { activated: entry.activated, ends: entry.ends },
            triple,
            name,
        });
        Ok(())
    }
}

fn parse<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, Unreadable> {
    text.parse().map_err(|error| Unreadable(format!("{what}: `{text}`: {error}")))
}

/// `kari.fiktiv@ai-dev.no` → `Kari Fiktiv`.
fn display_name(name: &str) -> String {
    let words = name.split('@').next().unwrap_or_default().split(['.', '_', '-']);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    words.filter_map(capital).collect::<Vec<_>>().join(" ")
}

fn attribute(user: &str, word: &str, value: &str) -> Result<(Attribute, String), Unreadable> {
    let which = Attribute::ALL.into_iter().find(|which| which.word() == word);
    let known = Attribute::ALL.map(Attribute::word).join("`, `");
    let which = which.ok_or_else(|| Unreadable(format!("user `{user}`: `{word}` is none of `{known}`")))?;
    Ok((which, value.to_owned()))
}
