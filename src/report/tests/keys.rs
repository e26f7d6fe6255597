//! JSON format 1 is a contract: its keys and their order.

use serde_json::Value;

use crate::report::{ReportFormat, Style, drift, outcomes, plan};

use super::golden::everything;

/// The keys of an object in the order in which they are printed.
fn keys(text: &str, indent: usize) -> Vec<&str> {
    let start = format!("{}\"", " ".repeat(indent));
    let lines = text.lines().filter_map(|line| line.strip_prefix(&start));
    lines.filter_map(|line| line.split_once("\": ").map(|(key, _)| key)).collect()
}

fn block<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap() + from.len();
    &text[start..start + text[start..].find(to).unwrap()]
}

#[test]
fn a_plan_has_the_keys_of_format_1_in_their_order() {
    let json = everything().view(|view| plan(view, ReportFormat::Json, Style::Plain));
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["format"], 1);
    assert_eq!(
        keys(&json, 2),
        [
            "format",
            "tool",
            "tenant",
            "instance",
            "config",
            "observed",
            "summary",
            "changes",
            "blocked",
            "refused",
            "findings",
            "unread",
            "left_out",
            "protected_unknown",
            "overrides",
            "membership"
        ]
    );
    assert_eq!(keys(block(&json, "\"config\": {", "  }"), 4), ["digest", "commit", "errors"]);
    assert_eq!(keys(block(&json, "\"observed\": {", "  }"), 4), ["digest", "at", "complete"]);
    assert_eq!(
        keys(block(&json, "\"summary\": {", "  }"), 4),
        ["grants", "revokes", "updates", "unchanged", "blocked", "refused", "keeps", "findings", "accepted"]
    );
    let change = block(&json, "\"changes\": [\n    {", "\n    }");
    assert_eq!(
        keys(change, 6),
        [
            "action",
            "owner",
            "environment",
            "role",
            "user",
            "principal_id",
            "scope",
            "role_definition",
            "principal_type",
            "assignment",
            "description",
            "origins",
            "because"
        ]
    );
    assert_eq!(keys(change, 8), ["id", "name"]);
    assert_eq!(keys(change, 10), ["file", "line", "column"]);
}

#[test]
fn what_is_blocked_refused_or_found_has_a_code_a_message_and_help() {
    let world = everything();
    for json in [
        world.view(|view| plan(view, ReportFormat::Json, Style::Plain)),
        world.view(|view| drift(view, ReportFormat::Json, Style::Plain)),
        world.view(|view| outcomes(view, &[], ReportFormat::Json, Style::Plain)),
    ] {
        let value: Value = serde_json::from_str(&json).unwrap();
        for list in ["blocked", "refused", "findings"] {
            let entries = value[list].as_array().unwrap();
            assert!(!entries.is_empty(), "{list}");
            for entry in entries {
                assert!(entry["code"].is_string() && entry["message"].is_string(), "{entry}");
                assert!(entry.get("help").is_some() && entry["origins"].is_array(), "{entry}");
                assert!(list != "refused" || entry["also"].is_array(), "{entry}");
            }
        }
    }
}

#[test]
fn a_refused_removal_is_not_among_the_changes() {
    let world = everything();
    let json = world.view(|view| plan(view, ReportFormat::Json, Style::Plain));
    let value: Value = serde_json::from_str(&json).unwrap();
    let refused = &value["refused"][0]["assignment"];
    assert!(value["changes"].as_array().unwrap().iter().all(|change| change["assignment"] != *refused));
    assert_eq!(value["changes"].as_array().unwrap().len() + 1, world.plan.changes.len());
}

#[test]
fn drift_and_outcomes_stand_in_the_same_envelope() {
    let world = everything();
    let json = world.view(|view| drift(view, ReportFormat::Json, Style::Plain));
    assert!(keys(&json, 2).contains(&"drift") && !keys(&json, 2).contains(&"changes"));
    let entry = block(&json, "\"drift\": [\n    {", "\n    }");
    assert_eq!(keys(entry, 6)[..3], ["class", "remedy", "code"]);
    let json = world.view(|view| outcomes(view, &[], ReportFormat::Json, Style::Plain));
    assert!(keys(&json, 2).contains(&"outcomes"));
}
