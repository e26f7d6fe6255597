//! Reports of parts → one report. A part's file holds its JSON report, which part it is, and what it came to.
//!
//! Entries are taken over as they stand, byte for byte; what several parts saw is said once, and sums are made anew.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{model::shard::Shard, plan::drift::Class};

use super::clean::clean_json;

/// The number that stands under `format`, of a part's file.
const FORMAT: u32 = 1;

/// A part's report, as a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartFile {
    format: u32,
    shard: u16,
    of: u16,
    exit: u8,
    report: Box<RawValue>,
}

/// Writes a part's report: which part, the exit code that it came to, and its JSON.
#[must_use]
pub fn part(shard: Shard, exit: u8, report: &str) -> String {
    let Ok(report) = RawValue::from_string(report.trim_end().to_owned()) else { return String::new() };
    let file = PartFile { format: FORMAT, shard: shard.index(), of: shard.of(), exit, report };
    serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
}

/// What was made of the parts.
#[derive(Debug, Default)]
pub struct Merged {
    /// One report in JSON; nothing where the parts do not fit together.
    pub report: Option<String>,
    /// The exit codes of the parts.
    pub exits: BTreeSet<u8>,
    /// What is wrong with them: missing, broken, twice, of two commits.
    pub wrong: Vec<String>,
    /// How much of it there is, by class and owner, for people.
    pub drift: BTreeMap<(String, String), usize>,
    /// What could not be read or decided: owner, if it is one's, and words.
    pub trouble: BTreeSet<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct Report {
    format: u32,
    tool: String,
    tenant: String,
    instance: String,
    config: ConfigJson,
    observed: ObservedJson,
    summary: SummaryJson,
    drift: Vec<Box<RawValue>>,
    blocked: Vec<Box<RawValue>>,
    refused: Vec<Box<RawValue>>,
    findings: Vec<Box<RawValue>>,
    unread: Vec<Box<RawValue>>,
    left_out: Vec<LeftOutJson>,
    protected_unknown: Vec<String>,
    overrides: Vec<OverrideJson>,
    membership: String,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct ConfigJson {
    digest: String,
    commit: Option<String>,
    errors: usize,
}

#[derive(Serialize, Deserialize)]
struct ObservedJson {
    digest: String,
    at: String,
    complete: bool,
}

#[derive(Serialize, Deserialize)]
struct SummaryJson {
    grants: usize,
    revokes: usize,
    updates: usize,
    unchanged: usize,
    blocked: usize,
    refused: usize,
    findings: usize,
    accepted: usize,
}

#[derive(Serialize, Deserialize)]
struct LeftOutJson {
    owner: String,
    file: String,
    kept: usize,
}

#[derive(Serialize, Deserialize)]
struct OverrideJson {
    file: String,
    reason: String,
    ticket: String,
    until: String,
    owners: Vec<String>,
    removals: usize,
}

/// What is asked of an entry; the rest of it is only passed on.
#[derive(Deserialize)]
struct Entry {
    class: Option<String>,
    owner: Option<String>,
    accepted: Option<String>,
    message: Option<String>,
    doing: Option<String>,
}

fn entry(raw: &RawValue) -> Entry {
    let none = Entry { class: None, owner: None, accepted: None, message: None, doing: None };
    serde_json::from_str(raw.get()).unwrap_or(none)
}

/// Puts parts together. Each comes with the name to call it by, and its text, or why there is none.
#[must_use]
pub fn merge(files: &[(String, Result<String, String>)], of: Option<u16>) -> Merged {
    let mut merged = Merged::default();
    let mut parts: BTreeMap<u16, (&str, PartFile, Report)> = BTreeMap::new();
    let mut wanted = of;
    for (name, text) in files {
        match text.as_ref().map_err(Clone::clone).and_then(|text| read(text)) {
            Ok((part, report)) => {
                let of = *wanted.get_or_insert(part.of);
                if part.of != of || part.shard >= of {
                    merged.wrong.push(format!("{name} is part {}/{}, and {of} are merged", part.shard, part.of));
                } else if let Some((other, ..)) = parts.get(&part.shard) {
                    merged.wrong.push(format!("{name} is part {}/{of}, and so is {other}", part.shard));
                } else {
                    parts.insert(part.shard, (name, part, report));
                }
            }
            Err(error) => merged.wrong.push(format!("{name}: {error}")),
        }
    }
    let missing: Vec<u16> = (0..wanted.unwrap_or_default()).filter(|part| !parts.contains_key(part)).collect();
    merged.wrong.extend(missing.iter().map(|part| format!("part {part}/{} is missing", wanted.unwrap_or_default())));
    merged.exits = parts.values().map(|(_, part, _)| part.exit).collect();
    let mut parts = parts.into_values();
    let Some((first, _, mut report)) = parts.next() else { return merged };
    let mut digests = vec![report.observed.digest.clone()];
    for (name, _, other) in parts {
        if let Some(words) = differs(&report, &other) {
            merged.wrong.push(format!("{name} and {first} {words}: they cannot be merged"));
            return Merged { exits: BTreeSet::new(), ..merged };
        }
        digests.push(other.observed.digest.clone());
        report.join(other);
    }
    if digests.len() > 1 {
        report.observed.digest = format!("sha256:{:x}", Sha256::digest(digests.join("\n").as_bytes()));
    }
    for part in missing {
        report.observed.complete = false;
        let words = serde_json::json!({
            "owner": null, "doing": format!("read part {part}/{}", wanted.unwrap_or_default()), "status": null,
            "code": null, "message": "its report is missing or broken", "request_id": null,
        });
        report.unread.extend(RawValue::from_string(words.to_string()));
    }
    report.finish();
    report.tell(&mut merged);
    merged.report = serde_json::to_string_pretty(&report).ok().map(|json| clean_json(&json) + "\n");
    merged
}

fn read(text: &str) -> Result<(PartFile, Report), String> {
    let part: PartFile = serde_json::from_str(text).map_err(|error| format!("no part of a report: {error}"))?;
    if part.format != FORMAT {
        return Err(format!("format {}, and this program reads {FORMAT}", part.format));
    }
    let report =
        serde_json::from_str(part.report.get()).map_err(|error| format!("a part of no drift report: {error}"))?;
    Ok((part, report))
}

/// Why two parts are not of one run.
fn differs(a: &Report, b: &Report) -> Option<String> {
    let commit = |report: &Report| report.config.commit.clone().unwrap_or_else(|| "no commit".to_owned());
    match () {
        () if a.tool != b.tool => Some(format!("are by {} and {}", b.tool, a.tool)),
        () if (&a.tenant, &a.instance) != (&b.tenant, &b.instance) => Some("are of two workspaces".to_owned()),
        () if a.config.commit != b.config.commit => {
            Some(format!("are of two commits, {} and {}", commit(b), commit(a)))
        }
        () if a.config != b.config || a.membership != b.membership => Some("are of two states of the YAML".to_owned()),
        () => None,
    }
}

impl Report {
    fn join(&mut self, other: Self) {
        self.summary.grants += other.summary.grants;
        self.summary.revokes += other.summary.revokes;
        self.summary.updates += other.summary.updates;
        self.summary.unchanged += other.summary.unchanged;
        self.observed.complete &= other.observed.complete;
        self.observed.at = std::mem::take(&mut self.observed.at).min(other.observed.at); // RFC 3339, UTC: as text, too
        self.drift.extend(other.drift);
        self.blocked.extend(other.blocked);
        self.refused.extend(other.refused);
        self.findings.extend(other.findings);
        self.unread.extend(other.unread);
        self.left_out.extend(other.left_out);
        self.protected_unknown.extend(other.protected_unknown);
        self.overrides.extend(other.overrides);
    }

    /// Says once what several saw, and counts.
    fn finish(&mut self) {
        for list in [&mut self.drift, &mut self.blocked, &mut self.refused, &mut self.findings, &mut self.unread] {
            let mut seen = BTreeSet::new();
            list.retain(|raw| seen.insert(raw.get().to_owned()));
        }
        let rank = |raw: &RawValue| {
            let class = entry(raw).class;
            Class::ALL.iter().position(|it| Some(it.word()) == class.as_deref())
        };
        self.drift.sort_by_cached_key(|raw| rank(raw));

        let mut left_out: BTreeMap<String, LeftOutJson> = BTreeMap::new();
        for it in std::mem::take(&mut self.left_out) {
            let known = left_out.entry(it.owner.clone()).or_insert(LeftOutJson { kept: 0, ..it });
            known.kept = known.kept.max(it.kept);
        }
        self.left_out = left_out.into_values().collect();
        self.protected_unknown.sort();
        self.protected_unknown.dedup();
        let mut overrides: BTreeMap<String, OverrideJson> = BTreeMap::new();
        for it in std::mem::take(&mut self.overrides) {
            if let Some(known) = overrides.get_mut(&it.file) {
                known.removals += it.removals;
                known.owners.extend(it.owners);
                known.owners.sort();
                known.owners.dedup();
            } else {
                overrides.insert(it.file.clone(), it);
            }
        }
        self.overrides = overrides.into_values().collect();

        let accepted = self.findings.iter().filter(|raw| entry(raw).accepted.is_some()).count();
        self.summary.blocked = self.blocked.len();
        self.summary.refused = self.refused.len();
        self.summary.findings = self.findings.len() - accepted;
        self.summary.accepted = accepted;
    }

    fn tell(&self, merged: &mut Merged) {
        for raw in &self.drift {
            let entry = entry(raw);
            let key = (entry.class.unwrap_or_default(), entry.owner.unwrap_or_default());
            *merged.drift.entry(key).or_default() += 1;
        }
        for raw in self.blocked.iter().chain(&self.unread) {
            let Entry { owner, message, doing, .. } = entry(raw);
            let message = message.unwrap_or_default();
            let words = doing.map_or_else(|| message.clone(), |doing| format!("{doing}: {message}"));
            merged.trouble.insert((owner.unwrap_or_default(), words));
        }
    }
}
