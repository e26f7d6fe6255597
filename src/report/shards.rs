//! Reports of parts → one report. A part's file holds its JSON report, which part it is, and what it came to.
//!
//! Entries are taken over as they stand, byte for byte; what several parts saw is said once, and sums are made anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{model::shard::Shard, plan::drift::Class};

use super::clean::{clean, clean_json};

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
    /// What differs, a line each, by class, gravest first.
    drift: Vec<(Class, Vec<String>)>,
    /// What could not be read or decided.
    trouble: BTreeSet<String>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    halted: Option<Box<RawValue>>,
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
#[derive(Default, Deserialize)]
struct Entry {
    class: Option<String>,
    owner: Option<String>,
    accepted: Option<String>,
    message: Option<String>,
    doing: Option<String>,
    user: Option<String>,
    role: Option<String>,
    #[serde(default)]
    origins: Vec<PlaceJson>,
}

#[derive(Deserialize)]
struct PlaceJson {
    file: String,
    line: usize,
}

impl Entry {
    /// Who, which role, at which owner, where in git; with the message where that says it all, or is asked for.
    fn line(&self, why: bool) -> String {
        let at = self.owner.as_ref().map(|owner| format!(" at {owner}")).unwrap_or_default();
        let place = self.origins.first().map(|it| format!(" ({}:{})", it.file, it.line)).unwrap_or_default();
        let line = match (&self.user, &self.role, &self.message) {
            (Some(user), Some(role), Some(message)) if why => format!("{user}: {role}{at}: {message}{place}"),
            (Some(user), Some(role), _) => format!("{user}: {role}{at}{place}"),
            (Some(user), None, Some(message)) => format!("{user}{at}: {message}{place}"),
            (_, _, message) => {
                let of = self.owner.as_ref().map(|owner| format!("{owner}: ")).unwrap_or_default();
                let doing = self.doing.as_ref().map(|doing| format!("{doing}: ")).unwrap_or_default();
                format!("{of}{doing}{}{place}", message.as_deref().unwrap_or("something"))
            }
        };
        clean(&line)
    }
}

fn entry(raw: &RawValue) -> Entry {
    serde_json::from_str(raw.get()).unwrap_or_default()
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
        self.halted = self.halted.take().or(other.halted);
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
        let entries: Vec<Entry> = self.drift.iter().map(|raw| entry(raw)).collect();
        for class in Class::ALL.iter().copied() {
            let of = entries.iter().filter(|entry| entry.class.as_deref() == Some(class.word()));
            let lines: Vec<String> = of.map(|entry| entry.line(false)).collect();
            if !lines.is_empty() && class != Class::Blocked {
                merged.drift.push((class, lines));
            }
        }
        for entry in self.blocked.iter().chain(&self.unread).map(|raw| entry(raw)) {
            merged.trouble.insert(entry.line(true));
        }
    }
}

impl Merged {
    /// For people: what differs, class by class, and what is not known.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (class, lines) in &self.drift {
            let label = class.word().to_uppercase();
            let _ = writeln!(text, "{label} ({})  {}", lines.len(), class.meaning());
            text.extend(lines.iter().map(|line| format!("  {line}\n")));
            text += "\n";
        }
        if !self.trouble.is_empty() {
            let _ = writeln!(text, "NOT KNOWN ({})  nobody can say what differs there", self.trouble.len());
            text.extend(self.trouble.iter().map(|line| format!("  {line}\n")));
            text += "\n";
        }
        let sums = |wanted: bool| -> Vec<String> {
            let of = self.drift.iter().filter(|(class, _)| class.differs() == wanted);
            of.map(|(class, lines)| format!("{} {}", lines.len(), class.word())).collect()
        };
        let words = match (sums(true).as_slice(), self.trouble.is_empty()) {
            ([], true) => "No drift: Azure is as git says".to_owned(),
            ([], false) => "No drift in what could be compared".to_owned(),
            (sums, _) => format!("Drift: {}", sums.join(", ")),
        };
        let unknown = (!self.trouble.is_empty()).then(|| format!("{} not known", self.trouble.len()));
        let beside = Some(sums(false).join(", ")).filter(|words| !words.is_empty());
        let all: Vec<String> = [Some(words), beside, unknown].into_iter().flatten().collect();
        text + &all.join("; ") + "\n"
    }
}
