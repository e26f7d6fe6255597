//! SARIF 2.1.0 for code scanning: a rule for every code, a result for every note, each with a fingerprint that survives moved lines.
//!
//! GitHub takes 25,000 results of a run and shows the 5,000 gravest ("SARIF support for code scanning", *Validating*), so no more than
//! 5,000 are written, the gravest; `properties` say how many there were. Changes of a plan are no results: nothing is wrong with
//! them. Drift's are.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::plan::outcome::Outcome;

use super::{
    Checked, Reporter, View,
    clean::{clean, clean_json},
    facts::Facts,
    notes::{self, Grade, Note},
    rules::{self, Row},
};

/// Results that GitHub shows.
const RESULTS_MAX: usize = 5_000;

/// What stands in a path as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// SARIF.
pub(super) struct Sarif;

impl Reporter for Sarif {
    fn checked(&self, checked: &Checked<'_>) -> String {
        print(checked.command, checked.tool, checked.folder, &notes::mistakes(checked.mistakes))
    }

    fn plan(&self, view: &View<'_>) -> String {
        print("plan", view.tool, view.folder, &notes::plan(&Facts::new(view), false))
    }

    fn drift(&self, view: &View<'_>) -> String {
        print("drift", view.tool, view.folder, &notes::drift(&Facts::new(view)))
    }

    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String {
        print("apply", view.tool, view.folder, &notes::outcomes(&Facts::new(view), outcomes, false))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    automation_details: Value,
    original_uri_base_ids: Value,
    column_kind: &'static str,
    results: Vec<Found<'a>>,
    properties: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Value,
    locations: [Value; 1],
    partial_fingerprints: Value,
}

fn print(command: &str, tool: &str, folder: &str, notes: &[Note]) -> String {
    let all = notes.len();
    let notes = notes.get(..RESULTS_MAX).unwrap_or(notes);
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    for note in notes {
        index.insert(note.code, 0);
    }
    let rules: Vec<Value> = index.keys().map(|code| rule(code, notes)).collect();
    for (at, index) in index.values_mut().enumerate() {
        *index = at;
    }
    let result = |note| found(note, folder, index.get(note.code).copied().unwrap_or_default());
    let (name, version) = tool.split_once(' ').unwrap_or((tool, "0.0.0"));
    let driver = json!({
        "name": name,
        "version": version,
        "semanticVersion": version,
        "rules": rules,
    });
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: json!({ "driver": driver }),
            automation_details: json!({ "id": format!("tilgang/{command}/") }),
            original_uri_base_ids: json!({ "%SRCROOT%": { "description": { "text": "the root of the repository" } } }),
            column_kind: "unicodeCodePoints",
            results: notes.iter().map(result).collect(),
            properties: json!({ "resultsInAll": all }),
        }],
    };
    let text = serde_json::to_string_pretty(&log).unwrap_or_default(); // strings and numbers under fixed keys: cannot fail
    clean_json(&text) + "\n"
}

fn level(grade: Grade) -> &'static str {
    match grade {
        Grade::Error => "error",
        Grade::Warning => "warning",
        Grade::Notice => "note",
    }
}

fn rule(code: &str, notes: &[Note]) -> Value {
    let Row { what, help, .. } = rules::row(code);
    let grade = notes.iter().find(|note| note.code == code).map_or(Grade::Notice, |note| note.grade);
    json!({
        "id": code,
        "shortDescription": { "text": what },
        "fullDescription": { "text": what },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(grade) },
        "properties": { "tags": ["azure", "rbac"] },
    })
}

fn found<'a>(note: &'a Note, folder: &str, rule_index: usize) -> Found<'a> {
    let Note { grade, code, title: _, message, more, place, fingerprint } = note;
    // In SARIF's plain text `[x](1)` is a link, and `\` escapes a bracket (SARIF 2.1.0, 3.11.6).
    let plain = |text: &String| clean(text).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    let lines: Vec<String> = std::iter::once(message).chain(more).map(plain).collect();
    let uri = format!("{folder}{}", place.file);
    let location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": utf8_percent_encode(&uri, PATH).to_string(), "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": place.line, "startColumn": place.column },
        },
    });
    Found {
        rule_id: code,
        rule_index,
        level: level(*grade),
        message: json!({ "text": lines.join("\n") }),
        locations: [location],
        // GitHub reads the first name alone.
        partial_fingerprints: json!({ "primaryLocationLineHash": fingerprint, "tilgang/v1": fingerprint }),
    }
}
