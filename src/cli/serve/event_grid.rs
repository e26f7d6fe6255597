//! Deliveries of Azure Event Grid: what they say of role assignments, and the handshakes before the first one.
//!
//! Two forms, both read: Event Grid's own schema (an array; "Azure subscription as an Event Grid source",
//! learn.microsoft.com/azure/event-grid/event-schema-subscriptions) and CloudEvents 1.0 (one event, or a batch;
//! learn.microsoft.com/azure/event-grid/cloud-event-schema). What a delivery says is a hint where to look, and never believed:
//! the look itself asks Azure. Handshakes: learn.microsoft.com/azure/event-grid/webhook-event-delivery (a validation event whose
//! code is answered) and CloudEvents' "HTTP 1.1 Web Hooks for Event Delivery" §4 (OPTIONS with `WebHook-Request-Origin`).

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::model::ids::ScopeId;

/// The largest delivery: "the maximum allowed size for an event is 1 MB", and so is that of a batch
/// (learn.microsoft.com/azure/event-grid/event-schema).
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The type of the event that begins a subscription.
const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// The events that say that something stands or is gone now.
const DONE: [&str; 2] = ["Microsoft.Resources.ResourceWriteSuccess", "Microsoft.Resources.ResourceDeleteSuccess"];

/// The operations on role assignments.
const OPERATIONS: [&str; 2] =
    ["Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete"];

/// What stands between a scope and the name of a role assignment.
const BELOW: &str = "/providers/microsoft.authorization/roleassignments/";

/// What a delivery comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The first one: this code is to be answered.
    Validate(String),
    /// Role assignments were changed at these scopes; none: nothing for us.
    Changed(BTreeSet<ScopeId>),
}

/// One event, in either form.
#[derive(Deserialize)]
struct Incoming {
    #[serde(alias = "type")]
    #[serde(rename = "eventType", default)]
    kind: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    operation_name: String,
    #[serde(default)]
    resource_uri: String,
    #[serde(default)]
    validation_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Batch(Vec<Incoming>),
    One(Box<Incoming>),
}

/// Reads a delivery; `Err`: in words, what it is not.
pub(super) fn read(body: &[u8]) -> Result<Delivery, String> {
    let events = match serde_json::from_slice(body) {
        Ok(Body::Batch(events)) => events,
        Ok(Body::One(event)) => vec![*event],
        Err(_) => return Err("neither events in Event Grid's schema nor CloudEvents 1.0".to_owned()),
    };
    if let [Incoming { kind, data: Data { validation_code: Some(code), .. }, .. }] = events.as_slice()
        && kind == VALIDATION
    {
        return Ok(Delivery::Validate(code.clone()));
    }
    Ok(Delivery::Changed(events.iter().filter_map(Incoming::scope).collect()))
}

impl Incoming {
    /// Where a role assignment was written or deleted; none for anything else.
    fn scope(&self) -> Option<ScopeId> {
        let is = |all: &[&str], word: &str| all.iter().any(|it| it.eq_ignore_ascii_case(word));
        if !is(&DONE, &self.kind) || !is(&OPERATIONS, &self.data.operation_name) {
            return None;
        }
        let id = if self.data.resource_uri.is_empty() { &self.subject } else { &self.data.resource_uri };
        let at = id.to_ascii_lowercase().rfind(BELOW)?;
        let scope = id.get(..at).filter(|scope| scope.is_empty() || scope.starts_with('/'))?;
        Some(ScopeId::new(if scope.is_empty() { "/" } else { scope }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: &str =
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv";

    fn event(kind: &str, operation: &str) -> String {
        let id =
            format!("{VAULT}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000009");
        format!(
            r#"{{"subject":"{id}","KIND":"{kind}","id":"1","data":{{"resourceUri":"{id}","operationName":"{operation}","status":"Succeeded"}}}}"#
        )
    }

    #[test]
    fn both_forms_name_the_scope() {
        let scopes = Delivery::Changed(BTreeSet::from([ScopeId::new(VAULT)]));
        for operation in OPERATIONS {
            for kind in DONE {
                let grid = format!("[{}]", event(kind, operation).replace("KIND", "eventType"));
                assert_eq!(read(grid.as_bytes()).unwrap(), scopes);
                let cloud = event(kind, &operation.to_uppercase()).replace("KIND", "type");
                assert_eq!(read(cloud.as_bytes()).unwrap(), scopes);
                assert_eq!(read(format!("[{cloud},{cloud}]").as_bytes()).unwrap(), scopes);
            }
        }
    }

    #[test]
    fn anything_else_is_nothing_for_us() {
        for (kind, operation) in [
            ("Microsoft.Resources.ResourceWriteFailure", OPERATIONS[0]),
            (DONE[0], "Microsoft.Storage/storageAccounts/write"),
            ("Microsoft.Resources.ResourceActionSuccess", OPERATIONS[1]),
        ] {
            let body = format!("[{}]", event(kind, operation).replace("KIND", "eventType"));
            assert_eq!(read(body.as_bytes()).unwrap(), Delivery::Changed(BTreeSet::new()), "{kind} {operation}");
        }
        assert_eq!(read(b"[]").unwrap(), Delivery::Changed(BTreeSet::new()));
        for body in ["", "x", "1", "\"x\"", "[1]"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_first_one_is_validated_alone() {
        let one = r#"{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d","validationUrl":"https://x"}}"#;
        assert_eq!(read(format!("[{one}]").as_bytes()).unwrap(), Delivery::Validate("512d".to_owned()));
        assert_eq!(read(format!("[{one},{one}]").as_bytes()).unwrap(), Delivery::Changed(BTreeSet::new()));
    }

    #[test]
    fn an_assignment_at_the_root_is_at_the_root() {
        let id = "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000009";
        let body = format!(
            r#"[{{"subject":"{id}","eventType":"{}","data":{{"operationName":"{}"}}}}]"#,
            DONE[1], OPERATIONS[1]
        );
        assert_eq!(read(body.as_bytes()).unwrap(), Delivery::Changed(BTreeSet::from([ScopeId::new("/")])));
    }
}
