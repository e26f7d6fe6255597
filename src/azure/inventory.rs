//! Targets and subscriptions, by Azure Resource Graph: one query for all of them.
//!
//! ARM types come in, what the index holds goes out, all pages of it. It lags (FACTS §5): it finds, and never proves that
//! something is gone. An answer that was cut is an error, not a shorter answer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    pipeline::{Door, Links},
    resources::made,
};
use crate::{
    model::{
        ids::{ScopeId, SubscriptionId},
        trouble::{Trouble, TroubleKind},
    },
    ports::{ResourceRow, Stock, SubscriptionRow},
};

const API: &str = "2022-10-01";
/// Rows a page, the most that Resource Graph gives (FACTS §5).
const ROWS_MAX: u32 = 1_000;
const SUBSCRIPTIONS: &str = "microsoft.resources/subscriptions";
/// Always asked for: promise 9 needs to know what a component's workspace demands.
const WORKSPACES: &str = "microsoft.operationalinsights/workspaces";
const DOING: &str = "look for targets in Resource Graph";

/// Every subscription that our identity sees, and every resource of these types in them.
pub(crate) async fn stock(door: &Door, arm_types: &BTreeSet<String>) -> Result<Stock, Trouble> {
    let url = door.url(&format!("/providers/Microsoft.ResourceGraph/resources?api-version={API}"), DOING)?;
    let query = query(arm_types);
    let (mut rows, mut total, mut links) = (BTreeMap::new(), 0, Links::new(DOING));
    let mut token: Option<String> = None;
    loop {
        let mut body = json!({ "query": query, "options": { "$top": ROWS_MAX, "resultFormat": "objectArray" } });
        if let (Some(token), Some(options)) = (token, body.get_mut("options").and_then(Value::as_object_mut)) {
            options.insert("$skipToken".to_owned(), Value::String(token));
        }
        let answer = door.ask(url.clone(), &body, DOING).await?;
        if answer.header("x-ms-tenant-subscription-limit-hit").is_some_and(|hit| !hit.eq_ignore_ascii_case("false")) {
            return Err(cut("our identity sees more subscriptions than Resource Graph looks into"));
        }
        let page: Page = answer.json(DOING)?;
        if page.cut() && page.skip_token.is_none() {
            return Err(cut("the answer was cut, and nothing leads to the rest of it"));
        }
        total = page.total_records.max(total);
        rows.extend(page.data.into_iter().map(|row| (ScopeId::new(&row.id), row)));
        token = links.follow(page.skip_token)?;
        if token.is_none() {
            break;
        }
    }
    if rows.len() < total {
        return Err(cut(&format!("{} rows came of {total}", rows.len())));
    }
    sort_out(rows)
}

fn cut(message: &str) -> Trouble {
    Trouble::new(TroubleKind::Malformed, DOING, message)
}

/// Resource Graph's language lets `resources` be joined with `resourcecontainers` by `union`; the order makes paging
/// stable.
fn query(arm_types: &BTreeSet<String>) -> String {
    let quoted = |word: &str| format!("'{}'", word.to_ascii_lowercase().replace('\\', "\\\\").replace('\'', "\\'"));
    let mut types: BTreeSet<String> = arm_types.iter().map(|word| quoted(word)).collect();
    types.insert(quoted(WORKSPACES));
    let types = types.into_iter().collect::<Vec<_>>().join(", ");
    format!(
        "resources | where type in~ ({types}) \
         | project id, name, type, subscriptionId, tags, \
         creationDate = properties.CreationDate, createdAt = systemData.createdAt, \
         rbac = properties.enableRbacAuthorization, \
         publicNetworkAccess = properties.publicNetworkAccess, \
         networkDefaultAction = properties.networkAcls.defaultAction, \
         vaultTenant = properties.tenantId, \
         queryNetworkAccess = properties.publicNetworkAccessForQuery, \
         workspace = properties.WorkspaceResourceId, \
         resourcePermissions = properties.features.enableLogAccessUsingOnlyResourcePermissions \
         | union (resourcecontainers | where type =~ '{SUBSCRIPTIONS}' \
         | project id, name, type, subscriptionId, state = properties.state) \
         | order by id asc"
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    total_records: usize,
    #[serde(default)]
    result_truncated: Value, // a string, "true" or "false", where a boolean would do (FACTS §5)
    #[serde(rename = "$skipToken", default)]
    skip_token: Option<String>,
    data: Vec<Row>,
}

impl Page {
    fn cut(&self) -> bool {
        self.result_truncated == Value::Bool(true)
            || self.result_truncated.as_str().is_some_and(|word| word.eq_ignore_ascii_case("true"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    r#type: String,
    subscription_id: String,
    #[serde(default)]
    tags: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    creation_date: Value,
    #[serde(default)]
    created_at: Value,
    #[serde(default)]
    rbac: Value,
    #[serde(default)]
    public_network_access: Option<String>,
    #[serde(default)]
    network_default_action: Option<String>,
    #[serde(default)]
    vault_tenant: Option<String>,
    #[serde(default)]
    query_network_access: Option<String>,
    #[serde(default)]
    workspace: Option<String>,
    #[serde(default)]
    resource_permissions: Value,
    #[serde(default)]
    state: Option<String>,
}

fn sort_out(rows: BTreeMap<ScopeId, Row>) -> Result<Stock, Trouble> {
    let mut stock = Stock::default();
    for (id, row) in rows {
        let no_id = || cut(&format!("`{}` lies in no readable subscription", row.id));
        let subscription: SubscriptionId = row.subscription_id.parse().map_err(|_| no_id())?;
        if row.r#type.eq_ignore_ascii_case(SUBSCRIPTIONS) {
            let state = row.state.unwrap_or_default();
            stock.subscriptions.insert(subscription, SubscriptionRow { name: row.name, state });
            continue;
        }
        stock.resources.push(ResourceRow {
            id,
            arm_type: row.r#type.to_ascii_lowercase(),
            name: row.name,
            subscription,
            tags: row.tags.unwrap_or_default().into_iter().map(|(key, tag)| (key, tag.unwrap_or_default())).collect(),
            made: made(row.creation_date.as_str(), row.created_at.as_str()),
            rbac: truth(&row.rbac),
            public_network_access: said(row.public_network_access),
            network_default_action: said(row.network_default_action),
            vault_tenant: said(row.vault_tenant).and_then(|id| id.parse().ok()),
            query_network_access: said(row.query_network_access),
            workspace: said(row.workspace).map(|id| ScopeId::new(&id)),
            resource_permissions: truth(&row.resource_permissions),
        });
    }
    Ok(stock)
}

/// Projected properties keep their type, but a column of many types may come as text.
fn truth(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| match value.as_str()?.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    })
}

/// In a column of text, what is absent may come as an empty string.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_query_asks_for_all_kinds_and_for_workspaces_always() {
        let types = ["Microsoft.KeyVault/vaults", "it's"].map(str::to_owned).into();
        let query = query(&types);
        assert!(query.contains(
            r"where type in~ ('it\'s', 'microsoft.keyvault/vaults', 'microsoft.operationalinsights/workspaces') |"
        ));
        assert!(query.ends_with("| order by id asc"), "{query}");
    }
}
