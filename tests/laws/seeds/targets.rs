//! What `fuzz/` throws bytes at: texts that anybody may write. Each shall end without a panic, whatever it is given.

use serde_json::{Value, json};
use tilgang::{
    config::load_texts,
    ledger, saved,
    simulator::{
        faults, file,
        kql::{self, Row, Tables},
        odata::Filter,
    },
};

/// Between the two files of a `yaml` input.
const NEXT_FILE: &str = "\n=====\n";
const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: fuzz\n";

/// `tilgang.yaml` and an owner's file, or the latter alone; every mistake is drawn.
pub(crate) fn yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (settings, owner) = text.split_once(NEXT_FILE).unwrap_or((SETTINGS, text));
    let loaded = load_texts(&[("tilgang.yaml", settings), ("owners/ttd.yaml", owner)]);
    for error in &loaded.errors {
        assert!(!format!("{error:?}").is_empty());
    }
    if let Some(desired) = &loaded.desired {
        for grant in &desired.grants {
            assert!(loaded.sources.place(&grant.origin).line > 0);
        }
    }
}

/// `azure.yaml`: what can be read is written and read again as the same world; what cannot is explained.
pub(crate) fn world(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match file::read(text) {
        Ok(world) => {
            let written = serde_json::to_string(&file::write(&world)).unwrap();
            assert!(file::read(&written).unwrap() == world, "written, and read as another world");
        }
        Err(error) => drop(format!("{:?}", file::explain(text, &error))),
    }
}

/// A fault file.
pub(crate) fn fault_file(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = faults::read(text);
    }
}

/// A query of Resource Graph, over a few rows.
pub(crate) fn query(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = kql::run(text, &Few);
    }
}

/// A `$filter` of Graph, held against two objects.
pub(crate) fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(filter) = Filter::read(text) {
        for object in
            [json!({ "userPrincipalName": "kari.fiktiv@ai-dev.no", "mail": null, "x": ["a", 1] }), Value::Null]
        {
            let _ = (filter.fits(&object), filter.is_advanced());
        }
    }
}

/// A saved plan: what can be read is sealed as it was.
pub(crate) fn saved_plan(data: &[u8]) {
    if let Ok(saved) = saved::read(data) {
        assert!(saved.changes.len() <= data.len());
    }
}

/// A file of the ledger, whole, cut or changed: read to its last whole line, checked, and replayed.
pub(crate) fn ledger_file(data: &[u8]) {
    let sheets = [("2026-11.jsonl".to_owned(), ledger::read(data))];
    let _ = ledger::verify(&sheets).map_err(|found| found.to_string());
    let lines = &sheets[0].1.lines;
    if let Some(last) = lines.last() {
        let _ = ledger::holdings::holdings_as_of(lines, last.at);
    }
}

struct Few;

impl Tables for Few {
    fn rows(&self, table: &str) -> Option<Vec<Row>> {
        let rows = match table {
            "resources" => json!([
                { "id": "/b", "name": "kv", "type": "microsoft.keyvault/vaults", "tags": { "Owner": "ttd" }, "properties": { "rbac": true } },
                { "id": "/a", "name": "ai", "type": "microsoft.insights/components", "tags": null, "properties": { "n": 1.5 } },
            ]),
            "resourcecontainers" => json!([{ "id": "/s", "type": "microsoft.resources/subscriptions" }]),
            _ => return None,
        };
        Some(rows.as_array()?.iter().filter_map(Value::as_object).cloned().collect())
    }
}
