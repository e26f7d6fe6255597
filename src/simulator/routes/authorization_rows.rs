//! Resource Graph's table `authorizationresources`: role assignments and role definitions as rows (azure-docs
//! governance/resource-graph/reference/supported-tables-resources.md; FACTS §5).
//!
//! Rows that the caller may not read are missing without a sign.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::wire;
use crate::{
    model::ids::{PrincipalId, ScopeId, SubscriptionId},
    simulator::{kql::Row, world::World},
};

/// The rows; those above subscriptions only if the request names `managementGroups` (microsoft/mcp#3579).
pub(super) fn rows(
    world: &World,
    caller: PrincipalId,
    asked_for: &dyn Fn(Option<SubscriptionId>) -> bool,
    above: bool,
) -> Vec<Row> {
    let mut may: BTreeMap<&ScopeId, bool> = BTreeMap::new();
    let tenant = world.tenant().to_string();
    let now = world.now();
    let mut rows = Vec::new();
    for found in world.all_assignments().filter(|found| found.term.ends.is_none_or(|ends| ends > now)) {
        let scope = &found.triple.scope;
        let subscription = scope.subscription();
        let wanted = if subscription.is_some() { asked_for(subscription) } else { above };
        let readable = *may
            .entry(scope)
            .or_insert_with(|| world.may(caller, "Microsoft.Authorization/roleAssignments/read", scope));
        if wanted && readable {
            let shown = json!(wire::assignment(found, scope));
            rows.extend(row(&shown, "microsoft.authorization/roleassignments", subscription, &tenant));
        }
    }
    let reads = "Microsoft.Authorization/roleDefinitions/read";
    if world.demand_below(reads, caller, &ScopeId::new("/")).is_ok() {
        for found in world.definitions() {
            let shown = wire::definition(found, &ScopeId::new("/"));
            rows.extend(row(&shown, "microsoft.authorization/roledefinitions", None, &tenant));
        }
    }
    rows
}

fn row(shown: &Value, kind: &str, subscription: Option<SubscriptionId>, tenant: &str) -> Option<Row> {
    let row = json!({
        "id": shown.get("id"), "name": shown.get("name"), "type": kind, "tenantId": tenant, "kind": "", "location": "global",
        "resourceGroup": "", "subscriptionId": subscription.map(|id| id.to_string()).unwrap_or_default(), "managedBy": "",
        "sku": null, "plan": null, "properties": shown.get("properties"), "tags": null, "identity": null, "zones": null,
        "extendedLocation": null,
    });
    row.as_object().cloned()
}
