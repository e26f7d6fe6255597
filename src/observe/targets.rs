//! Stock → which resource each target is, and which subscriptions have to be read. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    model::{
        catalog::{Catalog, Environment, ResourceKind},
        desired::Desired,
        ids::{ScopeId, SubscriptionId, TenantId},
        observed::{Impediment, Sighting, Target, TargetKey},
        owner::{EnvironmentName, KindName, OwnerCode},
        trouble::Trouble,
    },
    ports::{ResourceRow, Stock},
};

/// The types to ask an inventory for.
pub(super) fn arm_types(catalog: &Catalog) -> BTreeSet<String> {
    catalog.kinds.values().map(|kind| kind.arm_type.clone()).collect()
}

/// One target that git means, with its rules.
struct Meant<'a> {
    key: TargetKey,
    name: String,
    environment: &'a Environment,
    kind: &'a ResourceKind,
}

fn meant<'a>(desired: &'a Desired, chosen: &impl Fn(OwnerCode) -> bool) -> Vec<Meant<'a>> {
    let given = |environment: &EnvironmentName, kind: &KindName| {
        desired.catalog.retired.iter().any(|(retired, _)| retired == kind)
            || desired
                .catalog
                .roles
                .values()
                .any(|role| role.environment == *environment && role.gives.iter().any(|gives| gives.kind == *kind))
    };
    let mut all = Vec::new();
    for (code, owner) in desired.owners.iter().filter(|(code, _)| chosen(**code)) {
        for (environment_name, environment) in desired.environments_of(*code) {
            for (kind_name, kind) in desired.catalog.kinds.iter().filter(|(kind, _)| given(environment_name, kind)) {
                let own = owner.resources.get(&(environment_name.clone(), kind_name.clone())).cloned();
                let names = own.unwrap_or_else(|| vec![kind.name.fill(*code, &environment.azure_name)]);
                all.extend(names.into_iter().map(|name| Meant {
                    key: TargetKey {
                        owner: *code,
                        environment: environment_name.clone(),
                        kind: kind_name.clone(),
                        name: name.to_ascii_lowercase(),
                    },
                    name,
                    environment,
                    kind,
                }));
            }
        }
    }
    all
}

/// Every target, unseen for one and the same reason.
pub(super) fn unseen(desired: &Desired, trouble: &Arc<Trouble>) -> BTreeMap<TargetKey, Sighting> {
    meant(desired, &|_| true).into_iter().map(|meant| (meant.key, Sighting::Unseen(trouble.clone()))).collect()
}

/// Which resource each target is.
pub(super) fn sight(desired: &Desired, stock: &Stock) -> BTreeMap<TargetKey, Sighting> {
    let by_name = by_name(stock);
    let workspaces: BTreeMap<_, _> = stock
        .resources
        .iter()
        .filter(|row| row.resource_permissions.is_some() || is_workspace(row))
        .map(|row| (&row.id, row))
        .collect();
    let mut sightings = BTreeMap::new();
    for meant in meant(desired, &|_| true) {
        let named = by_name.get(&(meant.kind.arm_type.as_str(), meant.key.name.clone())).map_or(&[][..], Vec::as_slice);
        let subscription = meant.environment.subscription.fill(meant.key.owner, &meant.environment.azure_name);
        let misfits: Vec<(&ResourceRow, Option<String>)> =
            named.iter().map(|row| (*row, misfit(row, &meant, &subscription, stock))).collect();
        let fits: Vec<&ResourceRow> = misfits.iter().filter(|(_, why)| why.is_none()).map(|(row, _)| *row).collect();
        let sighting = match fits.as_slice() {
            [row] => Sighting::Found(Target {
                scope: row.id.clone(),
                subscription: row.subscription,
                made: row.made,
                impediments: impediments(row, &workspaces, desired.tenant),
            }),
            [] => Sighting::Missing(missing(&meant, &subscription, &misfits, stock)),
            several => Sighting::Several(several.iter().map(|row| row.id.clone()).collect()),
        };
        sightings.insert(meant.key, sighting);
    }
    sightings
}

/// The workspace of each component, by the component's resource id.
pub(super) fn workspaces(stock: &Stock) -> BTreeMap<&ScopeId, &ScopeId> {
    stock.resources.iter().filter_map(|row| Some((&row.id, row.workspace.as_ref()?))).collect()
}

fn is_workspace(row: &ResourceRow) -> bool {
    row.arm_type == "microsoft.operationalinsights/workspaces"
}

fn by_name(stock: &Stock) -> BTreeMap<(&str, String), Vec<&ResourceRow>> {
    let mut rows: BTreeMap<(&str, String), Vec<&ResourceRow>> = BTreeMap::new();
    for row in &stock.resources {
        rows.entry((row.arm_type.as_str(), row.name.to_ascii_lowercase())).or_default().push(row);
    }
    rows
}

/// Why a resource of the right name and type is not the target all the same.
fn misfit(row: &ResourceRow, meant: &Meant<'_>, subscription: &str, stock: &Stock) -> Option<String> {
    let stands_in = stock.subscriptions.get(&row.subscription).map(|row| row.name.as_str()).unwrap_or_default();
    if !stands_in.eq_ignore_ascii_case(subscription) {
        return Some(format!("one stands in subscription `{stands_in}`, where none is meant"));
    }
    meant.kind.tags.iter().find_map(|(tag, value)| {
        let value = value.fill(meant.key.owner, &meant.environment.azure_name);
        match row.tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(tag)) {
            Some((_, has)) if has.eq_ignore_ascii_case(&value) => None,
            Some((_, has)) => Some(format!("the one there has tag `{tag}` = `{has}`, where `{value}` is meant")),
            None => Some(format!("the one there has no tag `{tag}`, where `{value}` is meant")),
        }
    })
}

fn missing(meant: &Meant<'_>, subscription: &str, misfits: &[(&ResourceRow, Option<String>)], stock: &Stock) -> String {
    let (kind, name) = (&meant.kind.title, &meant.name);
    if let Some(why) = misfits.iter().find_map(|(_, why)| why.as_ref()) {
        return format!("no {kind} `{name}` in subscription `{subscription}`: {why}");
    }
    if stock.subscriptions.values().any(|row| row.name.eq_ignore_ascii_case(subscription)) {
        format!("no {kind} `{name}` in subscription `{subscription}`")
    } else {
        format!("no {kind} `{name}`: our identity sees no subscription `{subscription}`")
    }
}

/// What a resource says of its network when a perimeter's access rules decide (Microsoft Learn, "Transition to a network security
/// perimeter in Azure"). In the mode `Learning` it does not say so.
const PERIMETER: &str = "SecuredByPerimeter";

/// Why assignments at this resource may have no effect.
fn impediments(row: &ResourceRow, workspaces: &BTreeMap<&ScopeId, &ResourceRow>, tenant: TenantId) -> Vec<Impediment> {
    let mut found = Vec::new();
    let says = |value: &Option<String>, word: &str| value.as_ref().is_some_and(|v| v.eq_ignore_ascii_case(word));
    if row.arm_type == "microsoft.keyvault/vaults" {
        // Absent counts as access policies, as Azure does (recorded on older vaults).
        if row.rbac != Some(true) {
            found.push(Impediment::AccessPolicyMode);
        }
        if let Some(other) = row.vault_tenant.filter(|of| *of != tenant) {
            found.push(Impediment::OtherTenant(other));
        }
        if says(&row.public_network_access, PERIMETER) {
            found.push(Impediment::Perimeter(row.id.clone()));
        }
        if says(&row.public_network_access, "Disabled") || says(&row.network_default_action, "Deny") {
            found.push(Impediment::NetworkClosed);
        }
    }
    // What asks for logs goes through both.
    let workspace = row.workspace.as_ref().and_then(|id| workspaces.get(id).copied());
    for queried in [Some(row), workspace].into_iter().flatten() {
        if says(&queried.query_network_access, PERIMETER) {
            found.push(Impediment::Perimeter(queried.id.clone()));
        }
        if says(&queried.query_network_access, "Disabled") {
            found.push(Impediment::QueriesClosed(queried.id.clone()));
        }
    }
    if let Some(workspace) = &row.workspace {
        match workspaces.get(workspace) {
            None => found.push(Impediment::WorkspaceUnseen(workspace.clone())),
            Some(row) if row.resource_permissions != Some(true) => {
                found.push(Impediment::WorkspaceDemandsRights(workspace.clone()));
            }
            Some(_) => {}
        }
    }
    found
}

/// Subscriptions that the naming rule gives to these owners and that are not in stock. What is not listed may still be there:
/// an inventory leaves out what our identity may not see, without a sign.
pub(super) fn absent(
    desired: &Desired,
    chosen: &impl Fn(OwnerCode) -> bool,
    stock: &Stock,
) -> BTreeSet<(OwnerCode, String)> {
    let there: BTreeSet<String> = stock.subscriptions.values().map(|row| row.name.to_ascii_lowercase()).collect();
    let owners = desired.owners.keys().copied().filter(|owner| chosen(*owner));
    let meant = owners.flat_map(|owner| {
        let environments = desired.environments_of(owner).map(|(_, environment)| environment);
        environments.map(move |environment| (owner, environment.subscription.fill(owner, &environment.azure_name)))
    });
    meant.filter(|(_, name)| !there.contains(&name.to_ascii_lowercase())).collect()
}

/// The owners whom the naming rule, turned round, finds in the names of subscriptions, each with these names.
#[must_use]
pub fn revealed(desired: &Desired, stock: &Stock) -> BTreeMap<OwnerCode, BTreeSet<String>> {
    let mut found: BTreeMap<OwnerCode, BTreeSet<String>> = BTreeMap::new();
    for row in stock.subscriptions.values() {
        if let Some((owner, _)) = belongs_to(desired, &row.name) {
            found.entry(owner).or_default().insert(row.name.clone());
        }
    }
    found
}

/// The owner and environment that the naming rule gives a subscription of this name to.
fn belongs_to(desired: &Desired, name: &str) -> Option<(OwnerCode, EnvironmentName)> {
    desired.catalog.environments.iter().find_map(|(key, environment)| {
        environment.subscription.owner_of(name, &environment.azure_name).map(|owner| (owner, key.clone()))
    })
}

/// A subscription that has to be read.
pub(super) struct ToRead {
    pub name: String,
    pub state: String,
    pub belongs_to: Option<(OwnerCode, EnvironmentName)>,
}

/// The subscriptions that the naming rule gives to an owner, any owner: what stands there of ours must be known even if the
/// owner's file is gone. And those that hold a resource by a target's name, whatever they are called: the rule may have
/// changed.
pub(super) fn subscriptions(
    desired: &Desired,
    chosen: &impl Fn(OwnerCode) -> bool,
    stock: &Stock,
) -> BTreeMap<SubscriptionId, ToRead> {
    let rows = by_name(stock);
    let holding: BTreeSet<SubscriptionId> = meant(desired, chosen)
        .into_iter()
        .filter_map(|meant| rows.get(&(meant.kind.arm_type.as_str(), meant.key.name)))
        .flatten()
        .map(|row| row.subscription)
        .collect();
    let read = stock.subscriptions.iter().filter_map(|(id, row)| {
        let belongs_to = belongs_to(desired, &row.name);
        let theirs = belongs_to.as_ref().is_some_and(|(owner, _)| chosen(*owner));
        (theirs || holding.contains(id))
            .then(|| (*id, ToRead { name: row.name.clone(), state: row.state.clone(), belongs_to }))
    });
    read.collect()
}
