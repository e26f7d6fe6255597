//! JSON format 1 (keys and their order are a contract: `DESIGN.md` §7). Core types are not serializable; these are.
//!
//! Keys are only ever added within a format. `changes` holds what policy lets through, `refused` the removals it took out.

use serde::Serialize;

use crate::{
    config::ConfigError,
    model::desired::{Origin, Revision},
    plan::{
        approve::Refusal,
        basis::{About, Basis, Side},
        caused::{BaseDiff, Before},
        drift::Class,
        outcome::Outcome,
    },
};

use super::{
    Checked, Reporter, SavedAs, View, base,
    clean::clean_json,
    count::Count,
    facts::Facts,
    json_entries::{
        BlockedJson, ChangeJson, DeferredJson, DriftJson, FindingJson, OutcomeJson, OverrideJson, RefusedJson,
        UnreadJson,
    },
    words,
};

/// The number that stands under `format`.
const FORMAT: u32 = 1;

/// JSON for machines.
pub(super) struct Json;

impl Reporter for Json {
    fn checked(&self, checked: &Checked<'_>) -> String {
        let errors = checked.mistakes.iter().map(MistakeJson::of).collect();
        let size = |at: usize| checked.sizes.and_then(|sizes| sizes.get(at).copied());
        let checked = CheckedJson {
            format: FORMAT,
            tool: checked.tool,
            valid: checked.mistakes.is_empty(),
            owners: size(0),
            people: size(1),
            grants: size(2),
            errors,
        };
        let json = serde_json::to_string_pretty(&checked).unwrap_or_default(); // strings and numbers: cannot fail
        clean_json(&json) + "\n"
    }

    fn plan(&self, view: &View<'_>) -> String {
        let facts = Facts::new(view);
        let changes = facts.changes().map(|change| ChangeJson::of(view, change)).collect();
        let saved = view.saved.map(|SavedAs { selected, basis }| SavedJson {
            selected: selected.map(|codes| codes.iter().map(ToString::to_string).collect()),
            basis: BasisJson::of(basis),
        });
        let forecast = facts.forecast().map(|seconds| ForecastJson { seconds });
        print(&Envelope { changes: Some(changes), forecast, saved, ..Envelope::of(&facts) })
    }

    fn drift(&self, view: &View<'_>) -> String {
        let changes = view.plan.changes.iter().map(|change| DriftJson::of_change(view, change));
        let findings = view.plan.findings.iter().filter_map(|finding| DriftJson::of_finding(view, finding));
        let blocked = view.plan.blocked.iter().filter_map(|blocked| DriftJson::of_blocked(view, blocked));
        let expiring = view.plan.expiring.iter().map(|expiring| DriftJson::of_expiring(view, expiring));
        let mut drift: Vec<DriftJson> = changes.chain(findings).chain(blocked).chain(expiring).collect();
        drift.sort_by_key(|drift| Class::ALL.iter().position(|class| class.word() == drift.class));
        print(&Envelope { drift: Some(drift), ..Envelope::of(&Facts::new(view)) })
    }

    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String {
        let outcomes = outcomes.iter().map(|outcome| OutcomeJson::of(view, outcome)).collect();
        print(&Envelope { outcomes: Some(outcomes), ..Envelope::of(&Facts::new(view)) })
    }
}

fn print(envelope: &Envelope) -> String {
    let json = serde_json::to_string_pretty(envelope).unwrap_or_default(); // strings and numbers under fixed keys: cannot fail
    clean_json(&json) + "\n"
}

/// What `validate` found.
#[derive(Serialize)]
struct CheckedJson<'a> {
    format: u32,
    tool: &'a str,
    valid: bool,
    owners: Option<usize>,
    people: Option<usize>,
    grants: Option<usize>,
    errors: Vec<MistakeJson<'a>>,
}

#[derive(Serialize)]
struct MistakeJson<'a> {
    rule: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
}

impl<'a> MistakeJson<'a> {
    fn of(error: &'a ConfigError) -> Self {
        let (rule, message, help) = (error.rule().name, error.message(), error.help_text());
        Self { rule, message, help, file: error.file(), line: error.line(), column: error.column() }
    }
}

#[derive(Serialize)]
struct Envelope {
    format: u32,
    tool: String,
    tenant: String,
    instance: String,
    config: ConfigJson,
    observed: ObservedJson,
    summary: SummaryJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<ForecastJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<Vec<DriftJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcomes: Option<Vec<OutcomeJson>>,
    blocked: Vec<BlockedJson>,
    refused: Vec<RefusedJson>,
    /// Why the whole run is refused; absent where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    halted: Option<HaltedJson>,
    /// What is left for another run; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deferred: Vec<DeferredJson>,
    findings: Vec<FindingJson>,
    unread: Vec<UnreadJson>,
    left_out: Vec<LeftOutJson>,
    protected_unknown: Vec<String>,
    overrides: Vec<OverrideJson>,
    membership: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<BaseJson>,
    #[serde(flatten)]
    saved: Option<SavedJson>,
}

/// What only a saved plan has: what it takes to say later whether it still holds. `crate::saved` reads it.
#[derive(Serialize)]
struct SavedJson {
    selected: Option<Vec<String>>,
    basis: Vec<BasisJson>,
}

/// What one owner's changes rest on; without an owner, what all do.
#[derive(Serialize)]
struct BasisJson {
    owner: Option<String>,
    config: String,
    observed: String,
    facts: Vec<FactJson>,
}

#[derive(Serialize)]
struct FactJson {
    side: &'static str,
    about: String,
    is: String,
}

impl BasisJson {
    fn of(basis: &Basis) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        let facts: Vec<_> = basis.0.iter().collect();
        for facts in facts.chunk_by(|(a, _), (b, _)| a.owner == b.owner) {
            let Some((first, _)) = facts.first() else { continue };
            let fact = |(about, is): &(&About, &String)| FactJson {
                side: about.side.word(),
                about: about.what.clone(),
                is: (*is).clone(),
            };
            all.push(Self {
                owner: first.owner.map(|owner| owner.to_string()),
                config: basis.digest_at(first.owner, Side::Git),
                observed: basis.digest_at(first.owner, Side::Azure),
                facts: facts.iter().map(fact).collect(),
            });
        }
        all
    }
}

#[derive(Serialize)]
struct ConfigJson {
    digest: String,
    commit: Option<String>,
    errors: usize,
}

#[derive(Serialize)]
struct ObservedJson {
    digest: String,
    at: String,
    complete: bool,
}

/// `adopts` only where `adopt --mark` runs; `refused` removals are not among `revokes`, `accepted` findings not among `findings`.
#[derive(Serialize)]
struct SummaryJson {
    grants: usize,
    revokes: usize,
    #[serde(skip_serializing_if = "is_zero")]
    adopts: usize,
    updates: usize,
    unchanged: usize,
    blocked: usize,
    refused: usize,
    /// Only where a run was narrowed, and left something.
    #[serde(skip_serializing_if = "is_zero")]
    deferred: usize,
    /// People who are out of git and keep access.
    keeps: usize,
    findings: usize,
    accepted: usize,
}

impl SummaryJson {
    fn of(count: &Count) -> Self {
        Self {
            grants: count.grants,
            revokes: count.revokes,
            adopts: count.adopts,
            updates: count.updates,
            unchanged: count.unchanged,
            blocked: count.blocked,
            refused: count.refused,
            deferred: count.deferred,
            keeps: count.keeps,
            findings: count.findings,
            accepted: count.accepted,
        }
    }
}

/// Why nothing of it may be done.
#[derive(Serialize)]
struct HaltedJson {
    code: &'static str,
    message: String,
    help: &'static str,
}

impl HaltedJson {
    fn of(refusal: &Refusal) -> Self {
        Self { code: refusal.code(), message: refusal.to_string(), help: words::refusal_help(refusal) }
    }
}

/// What applying takes at the least, at Azure's published pace; only where it is long.
#[derive(Serialize)]
struct ForecastJson {
    seconds: u64,
}

/// An owner whose file has errors, and how many of its assignments are kept for it.
#[derive(Serialize)]
struct LeftOutJson {
    owner: String,
    file: String,
    kept: usize,
}

impl Envelope {
    fn of(facts: &Facts<'_>) -> Self {
        let View { desired, plan, refused, observed_at, config_digest, observed_digest, tool, .. } = facts.view;
        let (view, count) = (facts.view, Count::of(facts));
        Self {
            format: FORMAT,
            tool: (*tool).to_owned(),
            tenant: desired.tenant.to_string(),
            instance: desired.instance.to_string(),
            config: ConfigJson {
                digest: (*config_digest).to_owned(),
                commit: commit(&desired.revision),
                errors: count.errors,
            },
            observed: ObservedJson {
                digest: (*observed_digest).to_owned(),
                at: observed_at.to_string(),
                complete: plan.is_complete(),
            },
            summary: SummaryJson::of(&count),
            forecast: None,
            changes: None,
            drift: None,
            outcomes: None,
            blocked: plan.blocked.iter().map(|blocked| BlockedJson::of(view, blocked)).collect(),
            refused: refused.iter().map(|refused| RefusedJson::of(view, refused)).collect(),
            halted: plan.halted.as_ref().map(HaltedJson::of),
            deferred: view.deferred.iter().map(|deferred| DeferredJson::of(view, deferred)).collect(),
            findings: plan.findings.iter().map(|finding| FindingJson::of(view, finding)).collect(),
            unread: plan.unread.iter().map(UnreadJson::of).collect(),
            left_out: left_out(view),
            protected_unknown: plan.protected.unresolved.iter().map(ToString::to_string).collect(),
            overrides: plan.used.iter().map(|used| OverrideJson::of(view, used)).collect(),
            membership: if desired.policy.member_of.is_some() { "checked" } else { "unproven" },
            base: view.base.map(BaseJson::of),
            saved: None,
        }
    }
}

/// What `plan --base` held this against. Everything else in the plan is what the change causes, `summary` included.
#[derive(Serialize)]
struct BaseJson {
    commit: Option<String>,
    known: bool,
    before: BeforeJson,
    settled: usize,
    notes: Vec<String>,
}

/// What differed before the change.
#[derive(Serialize)]
struct BeforeJson {
    changes: usize,
    blocked: usize,
    refused: usize,
    findings: usize,
    accepted: usize,
    unread: usize,
    left_out: Vec<String>,
}

impl BaseJson {
    fn of(base: &BaseDiff) -> Self {
        let Before { changes, blocked, refused, findings, accepted, unread, settled, ref left_out } = base.before;
        let left_out = left_out.iter().map(ToString::to_string).collect();
        Self {
            commit: base.commit.clone(),
            known: base.is_known,
            before: BeforeJson { changes, blocked, refused, findings, accepted, unread, left_out },
            settled,
            notes: base::notes(base),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn commit(revision: &Revision) -> Option<String> {
    match revision {
        Revision::Commit { hash, .. } => Some(hash.clone()),
        Revision::NotInGit | Revision::Unknown(_) => None,
    }
}

fn left_out(view: &View<'_>) -> Vec<LeftOutJson> {
    let left_out = view.left_out().map(|(code, file)| LeftOutJson {
        owner: code.to_string(),
        file: (view.places)(&Origin { file, path: Box::default() }).file,
        kept: view.plan.kept.get(&code).copied().unwrap_or_default(),
    });
    left_out.collect()
}
