//! A small, honest interpreter of Resource Graph's query language.
//!
//! In: a query, and the tables the caller may see. Out: rows, or an error that says what is not understood. Never: a guess;
//! what is not listed here is refused.
//!
//! Tables: `resources`, `resourcecontainers`, `authorizationresources`. Operators: `where`, `project`, `project-away`, `extend`, `union (query)`,
//! `order by` (`sort by`), `limit` (`take`), `count`, `summarize count() [by column, …]`, `distinct`. Expressions: `==`, `!=`,
//! `=~`, `!~`, `in`, `in~`, `!in`, `!in~`, `contains`, `!contains`, `startswith`, `endswith`, `and`, `or`, `not(…)`, paths such as
//! `properties.a.b` and `tags['a']`; functions `tolower`, `toupper`, `tostring`, `tobool`, `isempty`, `isnotempty`,
//! `isnull`, `isnotnull`. As in Kusto, `order by` is descending unless told otherwise.

mod eval;
mod lex;
mod parse;

use serde_json::{Map, Value};

/// One row: column → value.
pub type Row = Map<String, Value>;

/// Where rows come from.
pub trait Tables {
    /// The rows of a table, by its name in lower case; `None` if there is no such table.
    fn rows(&self, table: &str) -> Option<Vec<Row>>;
}

/// Why a query was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(String);

/// Answers a query.
pub fn run(query: &str, tables: &dyn Tables) -> Result<Vec<Row>, NotUnderstood> {
    let query = parse::query(lex::tokens(query)?)?;
    eval::run(&query, tables)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Fixed;

    impl Tables for Fixed {
        fn rows(&self, table: &str) -> Option<Vec<Row>> {
            let rows = match table {
                "resources" => json!([
                    { "id": "/b", "name": "kv", "type": "microsoft.keyvault/vaults", "subscriptionId": "s1", "tags": { "Owner": "ttd" }, "properties": { "enableRbacAuthorization": true } },
                    { "id": "/a", "name": "ai", "type": "microsoft.insights/components", "subscriptionId": "s1", "tags": null, "properties": { "WorkspaceResourceId": "/W" } },
                    { "id": "/c", "name": "st", "type": "microsoft.storage/storageaccounts", "subscriptionId": "s2", "tags": {}, "properties": {} },
                ]),
                "resourcecontainers" => json!([
                    { "id": "/subscriptions/s1", "name": "One", "type": "microsoft.resources/subscriptions", "subscriptionId": "s1", "properties": { "state": "Enabled" } },
                ]),
                _ => return None,
            };
            Some(rows.as_array()?.iter().filter_map(Value::as_object).cloned().collect())
        }
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "`json!` at each call")]
    fn check(query: &str, expected: Value) {
        assert_eq!(json!(run(query, &Fixed).unwrap()), expected, "{query}");
    }

    /// The query of the house.
    #[test]
    fn targets_and_subscriptions_in_one_query() {
        check(
            "resources | where type in~ ('Microsoft.KeyVault/vaults','microsoft.insights/components') | project id, name, type, subscriptionId, tags, rbac = properties.enableRbacAuthorization, ws = tostring(properties.WorkspaceResourceId) | union (resourcecontainers | where type =~ 'Microsoft.Resources/subscriptions' | project id, name, type, subscriptionId, state = properties.state) | order by id asc",
            json!([
                { "id": "/a", "name": "ai", "type": "microsoft.insights/components", "subscriptionId": "s1", "tags": null, "rbac": null, "ws": "/W", "state": null },
                { "id": "/b", "name": "kv", "type": "microsoft.keyvault/vaults", "subscriptionId": "s1", "tags": { "Owner": "ttd" }, "rbac": true, "ws": "", "state": null },
                { "id": "/subscriptions/s1", "name": "One", "type": "microsoft.resources/subscriptions", "subscriptionId": "s1", "tags": null, "rbac": null, "ws": null, "state": "Enabled" },
            ]),
        );
    }

    #[test]
    fn operators() {
        check("Resources | where properties.enableRbacAuthorization == true | project name", json!([{ "name": "kv" }]));
        check(
            "resources | where name contains 'K' or not(type startswith 'microsoft') | project name",
            json!([{ "name": "kv" }]),
        );
        check("resources | where type == 'Microsoft.KeyVault/vaults' | project name", json!([]));
        check(
            "resources | where tags.Owner =~ 'TTD' and tags['Owner'] != 'x' | project name",
            json!([{ "name": "kv" }]),
        );
        check(
            "resources | where name !in ('kv', 'ai') | project properties.x, name",
            json!([{ "properties_x": null, "name": "st" }]),
        );
        check("resources | order by name | limit 1 | project name", json!([{ "name": "st" }]));
        check(
            "resources | summarize count() by subscriptionId | order by subscriptionId asc",
            json!([{ "subscriptionId": "s1", "count_": 2 }, { "subscriptionId": "s2", "count_": 1 }]),
        );
        check("resources | count", json!([{ "Count": 3 }]));
        check(
            "resources | where isnull(properties.nothing) | extend big = toupper(name) | project big | take 1",
            json!([{ "big": "KV" }]),
        );
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (query, word) in [
            ("nothing | count", "nothing"),
            ("resources | mv-expand x", "mv-expand"),
            ("resources | where strlen(name) > 3", "strlen"),
            ("resources | where name = 'x'", "="),
            ("resources | where nocolumn == 'x'", "nocolumn"),
            ("resources | where name == 'x", "'x"),
        ] {
            let error = run(query, &Fixed).unwrap_err().to_string();
            assert!(error.contains(word), "{query}: {error}");
        }
    }
}
