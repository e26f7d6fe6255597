//! World → `azure.yaml`, with nothing left to defaults.

use super::entries::{
    ApplicationEntry, AssignmentEntry, DefinitionEntry, DenialEntry, EligibilityEntry, GroupEntry, LockItem, OneLine,
    ResourceEntry, ResourceGroupEntry, SettingsEntry, SubscriptionItem, UserEntry, WorldFile,
};
use crate::model::ids::{PrincipalId, ScopeId};
use crate::simulator::world::{
    Application, Assignment, Block, Consistency, Definition, Licence, Resource, Settings, SubscriptionEntry, Uncovered,
    User, World, denials::Denial, pim::Eligibility, resources::GroupInfo,
};

/// The world as a file; as text with `serde_yaml`, or with `serde_json` where speed counts.
#[must_use]
pub fn write(world: &World) -> WorldFile {
    WorldFile {
        tenant: world.tenant.to_string(),
        clock: world.clock.write(),
        settings: Some(settings_entry(world.settings())),
        applications: Some(world.applications().map(application).collect()),
        users: world.all_users().map(|entry| OneLine(user(entry))).collect(),
        groups: world
            .groups()
            .map(|found| (found, None))
            .chain(world.deleted_groups().map(|(found, on)| (found, Some(on))))
            .map(|(group, deleted)| GroupEntry {
                name: group.name.clone(),
                id: Some(group.id.to_string()),
                members: group.members.iter().map(ToString::to_string).collect(),
                deleted,
            })
            .collect(),
        subscriptions: world.subscriptions().map(|entry| subscription(world, entry)).collect(),
        role_definitions: world.definitions().filter(|entry| !entry.built_in).map(definition).collect(),
        deny_assignments: world.all_denials().map(denial).collect(),
        assignments: world.all_assignments().map(assignment_entry).collect(),
        eligibilities: world.pim().eligibilities.values().map(eligibility).collect(),
        pim_requests: world.pim().requests.values().cloned().collect(),
    }
}

/// What is set, as an entry of the file; no delay is left out.
#[must_use]
pub fn settings_entry(settings: &Settings) -> SettingsEntry {
    let Settings { assignments_max, page_size, throttling, consistency, licence, uncovered } = *settings;
    let Consistency { lists_stale, people_unknown, resource_graph_lag, activity_log_lag } = consistency;
    let length = |length: jiff::SignedDuration| (!length.is_zero()).then(|| format!("{length:#}"));
    SettingsEntry {
        assignments_max: Some(assignments_max),
        page_size: Some(page_size),
        throttling: Some(throttling),
        lists_stale: length(lists_stale),
        people_unknown: length(people_unknown),
        resource_graph_lag: length(resource_graph_lag),
        activity_log_lag: length(activity_log_lag),
        licence: (licence != Licence::default()).then_some(licence),
        uncovered: (uncovered != Uncovered::default()).then_some(uncovered),
    }
}

/// One role assignment as an entry of the file.
#[must_use]
pub fn assignment_entry(assignment: &Assignment) -> AssignmentEntry {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(ToOwned::to_owned);
    AssignmentEntry {
        principal: assignment.triple.principal.to_string(),
        role: assignment.triple.definition.to_string(),
        scope: assignment.triple.scope.to_string(),
        name: Some(assignment.name.to_string()),
        principal_type: Some(assignment.principal_type.to_string()),
        description: text(&assignment.description),
        condition: text(&assignment.condition),
        condition_version: text(&assignment.condition_version),
        created: Some(assignment.created_on),
        updated: Some(assignment.updated_on),
        created_by: assignment.created_by.as_ref().map(PrincipalId::to_string),
        updated_by: assignment.updated_by.as_ref().map(PrincipalId::to_string),
        activated: assignment.term.activated,
        ends: assignment.term.ends,
    }
}

fn application(entry: &Application) -> ApplicationEntry {
    let Application { id, client_id, name, secret, federated, graph } = entry.clone();
    let (id, client_id) = (Some(id.to_string()), Some(client_id.to_string()));
    ApplicationEntry { name, client_id, id, secret, federated, graph: Some(graph) }
}

fn user(entry: &User) -> UserEntry {
    let User { id, name, display_name, mail, enabled, guest, attributes, created, deleted } = entry.clone();
    UserEntry {
        user: name.to_string(),
        id: Some(id.to_string()),
        name: display_name,
        mail: Some(mail.unwrap_or_default()),
        enabled: Some(enabled),
        guest: Some(guest),
        attributes: attributes.into_iter().map(|(which, value)| (which.word().to_owned(), value)).collect(),
        created,
        deleted,
    }
}

fn subscription(world: &World, entry: &SubscriptionEntry) -> SubscriptionItem {
    let scope = ScopeId::subscription_scope(entry.id);
    SubscriptionItem {
        name: entry.name.clone(),
        id: Some(entry.id.to_string()),
        state: Some(entry.state.clone()),
        tenant: entry.tenant.map(|tenant| tenant.to_string()),
        management_groups: entry.management_groups.clone(),
        group: None,
        tags: entry.tags.clone(),
        resource_groups: below(&world.groups, &scope).map(|group| OneLine(resource_group(world, group))).collect(),
        resources: world
            .resources
            .range(scope.clone()..)
            .take_while(|(id, _)| scope.holds(id))
            .map(|(_, found)| OneLine(resource(found)))
            .chain(
                world
                    .all_deleted_vaults()
                    .filter(|gone| scope.holds(&gone.vault.id))
                    .map(|gone| OneLine(ResourceEntry { deleted: Some(gone.deleted), ..resource(&gone.vault) })),
            )
            .collect(),
        locks: world
            .locks
            .iter()
            .filter(|lock| scope.holds(&lock.scope))
            .map(|lock| LockItem {
                name: lock.name.clone(),
                level: lock.level.clone(),
                scope: Some(lock.scope.to_string()),
                notes: lock.notes.clone(),
            })
            .collect(),
    }
}

fn below<'a>(all: &'a std::collections::BTreeSet<ScopeId>, scope: &'a ScopeId) -> impl Iterator<Item = &'a ScopeId> {
    all.range(scope.clone()..).take_while(|id| scope.holds(id))
}

fn resource_group(world: &World, scope: &ScopeId) -> ResourceGroupEntry {
    let info = world.group_info(scope).unwrap_or_default();
    let location = (info.location != GroupInfo::default().location).then_some(info.location);
    ResourceGroupEntry { group: scope.last_segment().to_owned(), location, tags: info.tags }
}

fn resource(found: &Resource) -> ResourceEntry {
    ResourceEntry {
        arm_type: Some(found.arm_type.clone()),
        name: Some(found.name.clone()),
        id: Some(found.id.to_string()),
        group: Some(found.group.clone()),
        location: Some(found.location.clone()),
        kind: found.kind.clone(),
        tags: Some(found.tags.clone()),
        properties: Some(found.properties.clone()),
        created: found.created,
        ..ResourceEntry::default()
    }
}

fn eligibility(found: &Eligibility) -> EligibilityEntry {
    let Eligibility { id, triple, start, end, created_on } = found;
    EligibilityEntry {
        principal: triple.principal.to_string(),
        role: triple.definition.to_string(),
        scope: triple.scope.to_string(),
        id: Some(id.to_string()),
        start: Some(*start),
        ends: *end,
        created: Some(*created_on),
    }
}

fn denial(entry: &Denial) -> DenialEntry {
    let Denial { id, name, description, scope, only_here, audit, block, principals, except } = entry.clone();
    let all = |ids: Vec<PrincipalId>| ids.iter().map(PrincipalId::to_string).collect();
    DenialEntry {
        name,
        scope: scope.to_string(),
        id: Some(id.to_string()),
        description,
        only_here,
        actions: block.actions,
        not_actions: block.not_actions,
        data_actions: block.data_actions,
        not_data_actions: block.not_data_actions,
        audit,
        principals: all(principals),
        except: all(except),
    }
}

fn definition(entry: &Definition) -> DefinitionEntry {
    let Block { actions, not_actions, data_actions, not_data_actions } = entry.block.clone();
    let (name, id) = (entry.name.clone(), Some(entry.id.to_string()));
    DefinitionEntry {
        name,
        id,
        description: entry.description.clone(),
        scopes: entry.scopes.iter().map(ToString::to_string).collect(),
        actions,
        not_actions,
        data_actions,
        not_data_actions,
        created: Some(entry.times.0),
        updated: Some(entry.times.1),
        created_by: entry.by.0.as_ref().map(PrincipalId::to_string),
        updated_by: entry.by.1.as_ref().map(PrincipalId::to_string),
    }
}
