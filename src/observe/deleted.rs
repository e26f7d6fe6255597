//! Vaults that are missing: whether they were deleted, and can be recovered. One list for each subscription in which one is missing;
//! where none is, nothing is asked.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    model::{
        desired::Desired,
        ids::SubscriptionId,
        observed::{Observed, Sighting, TargetKey},
        other_access::DeletedVault,
        owner::OwnerCode,
        trouble::Trouble,
    },
    ports::AccessReader,
};

use super::SIDE_BY_SIDE_MAX;

const VAULT: &str = "microsoft.keyvault/vaults";

/// Asks, and writes what became of a vault into what is said of it.
pub(super) async fn ask(
    desired: &Desired,
    chosen: &impl Fn(OwnerCode) -> bool,
    observed: &mut Observed,
    azure: &impl AccessReader,
) {
    let missing: BTreeMap<TargetKey, Vec<SubscriptionId>> = observed
        .targets
        .iter()
        .filter(|(key, sighting)| chosen(key.owner) && matches!(sighting, Sighting::Missing(_)))
        .map(|(key, _)| (key.clone(), places(desired, observed, key)))
        .collect();
    let places: BTreeSet<SubscriptionId> = missing.values().flatten().copied().collect();
    let asked = places.into_iter().map(async |id| (id, azure.deleted_vaults(id).await));
    let lists: BTreeMap<_, _> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE_MAX).collect().await;
    for (key, ids) in missing {
        let fates = ids.iter().filter_map(|id| lists.get(id)).filter_map(|list| fate(list, &key.name));
        let Some(words) = fates.reduce(|one, other| if one.starts_with(':') { one } else { other }) else { continue };
        if let Some(Sighting::Missing(said)) = observed.targets.get_mut(&key) {
            said.push_str(&words);
        }
    }
}

/// The subscriptions in which a missing vault is meant to be: several may have the name.
fn places(desired: &Desired, observed: &Observed, key: &TargetKey) -> Vec<SubscriptionId> {
    let kind = desired.catalog.kinds.get(&key.kind).filter(|kind| kind.arm_type == VAULT);
    let environment = desired.catalog.environments.get(&key.environment);
    let Some((_, environment)) = kind.zip(environment) else { return Vec::new() };
    let name = environment.subscription.fill(key.owner, &environment.azure_name);
    let named =
        |(_, it): &(&SubscriptionId, &crate::model::observed::Subscription)| it.name.eq_ignore_ascii_case(&name);
    observed.subscriptions.iter().filter(named).map(|(id, _)| *id).collect()
}

/// What became of a vault of this name, as the list has it.
fn fate(list: &Result<Vec<DeletedVault>, Trouble>, name: &str) -> Option<String> {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    match list {
        Err(trouble) => Some(format!("; whether it was deleted could not be read: {}", trouble.without_request())),
        Ok(list) => {
            let gone = list.iter().find(|it| it.id.last_segment().eq_ignore_ascii_case(name))?;
            let on = gone.on.map(|at| format!(" on {}", day(at))).unwrap_or_default();
            let until = gone.purged_on.map(|at| format!(", can be recovered until {}", day(at))).unwrap_or_default();
            Some(format!(": it was deleted{on}{until}; recover it, or purge it to make another of this name"))
        }
    }
}
