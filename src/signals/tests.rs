//! The text that Prometheus reads; and that every name in the alert rules and on the dashboard is in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp, civil::date};
use serde_json::Value;

use super::{History, Metrics};
use crate::{
    deliver::Pulse,
    model::owner::{EnvironmentName, OwnerCode},
    notify::{Answer, Found, Item, Memory, Outcome, Routes},
    plan::drift::Class,
    watch::{
        By, Difference, Entry, Healing, Key, Life, Part, Run, RunReport, Service, Since, Spent, Trigger, Verdict, What,
    },
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn entry(class: Class, owner: &str, environment: &str, accepted: bool) -> Entry {
    let key = Key { detail: Some(environment.into()), ..Key::new(class, OwnerCode::new(owner)) };
    let difference = Difference {
        key,
        environment: Some(EnvironmentName::new(environment)),
        role: None,
        who: Some("kari.fiktiv@ai-dev.no".into()),
        definition_name: None,
        assignment: None,
        words: "words".into(),
        gist: "".into(),
        remedy: "".into(),
        until: None,
        accepted: accepted.then(|| "known".into()),
        places: Vec::new(),
    };
    let life = Life {
        first_seen: at("2026-11-26T10:00:00Z"),
        last_seen: at("2026-11-26T10:00:00Z"),
        resolved: None,
        healed: false,
        since: Since::At(at("2026-11-26T09:00:00Z")),
        by: By::NotAsked,
    };
    Entry { difference: Arc::new(difference), life }
}

fn report(verdict: Verdict, drift: Vec<Entry>) -> RunReport {
    let run = Run {
        number: 7,
        what: What::Heal,
        trigger: Trigger::Schedule,
        part: Part::Everything,
        started: at("2026-11-26T10:00:00Z"),
        ended: at("2026-11-26T10:00:04Z"),
        observed: Some(at("2026-11-26T10:00:00Z")),
        commit: None,
        verdict,
        notes: Vec::new(),
        counts: BTreeMap::new(),
        owners: 5,
        unchanged: 12,
        healing: Some(Healing { done: 1, ..Healing::default() }),
        cost: BTreeMap::from([(Service::Graph, Spent { requests: 3, throttled: 1 })]),
        next_expiry: OwnerCode::new("ttd").map(|owner| (date(2026, 11, 28), owner)),
        unseen: 0,
        files: crate::watch::Files::Read { with_errors: 0 },
    };
    RunReport { run, drift, news: Vec::new(), healed: Vec::new(), deferred: Vec::new(), unseen: Vec::new(), git: None }
}

/// A daemon in the middle of its life: everything that can be counted was.
fn metrics() -> Metrics {
    let metrics = Metrics::new(at("2026-11-26T09:00:00Z"), SignedDuration::from_mins(5));
    let channels = ["platform".to_owned()];
    metrics.installation("altinn-apps", &channels);
    let drift = vec![
        entry(Class::Unmanaged, "ttd", "prod", false),
        entry(Class::Unmanaged, "skd", "test", false),
        entry(Class::Missing, "skd", "test", true),
    ];
    metrics.run_over(&report(Verdict::Drift, drift), |environment| Some(environment.as_str() == "prod"));
    metrics.leads(true);
    metrics.notice("platform", Outcome::Sent);
    let mut memory = Memory::default();
    let door =
        crate::model::notify::Door { url: crate::model::notify::SecretAt::Variable("A".into()), loopback: false };
    let channel = crate::model::notify::Channel {
        name: "platform".to_owned(),
        target: crate::model::notify::Target::Slack(door),
        classes: None,
        owners: None,
        environments: None,
    };
    let notify = crate::model::notify::Notify { channels: vec![channel], ..Default::default() };
    let routes = Routes { notify, ..Routes::default() };
    let now = at("2026-11-26T10:00:04Z");
    let item: Item = serde_json::from_str(r#"{"id":"a","topic":"missing","words":"x"}"#).unwrap();
    memory.heard(
        &Found { at: now, day: date(2026, 11, 26), run: 7, items: Some(vec![item]), failing: None, git: None },
        &routes,
    );
    for id in memory.due(&routes, now) {
        memory.begin(id, now);
        memory.answered(id, now, Answer::Later { after: None, why: "down".to_owned() });
    }
    metrics.outbox(memory.pending(), &channels, true);
    metrics.git(Some(at("2026-11-26T10:00:03Z")), History::Follows);
    metrics
}

#[test]
fn git_is_well_only_as_long_as_it_answers() {
    let answered = "tilgang_git_answered_timestamp_seconds";
    let metrics = Metrics::new(at("2026-11-26T09:00:00Z"), jiff::SignedDuration::from_mins(5));
    metrics.git(None, History::Follows);
    for name in [answered, "tilgang_git_rewritten"] {
        assert_eq!(sample(&metrics.text(), name), None, "not known is not there");
    }
    let first = at("2026-11-26T10:00:00Z");
    metrics.git(Some(first), History::Follows);
    let seconds = first.as_duration().as_secs_f64();
    assert_eq!(sample(&metrics.text(), answered), Some(seconds));
    assert_eq!(sample(&metrics.text(), "tilgang_git_rewritten"), Some(0.0));
    metrics.git(Some(first), History::Rewritten);
    assert_eq!(sample(&metrics.text(), "tilgang_git_rewritten"), Some(1.0));
}

/// A sample's value.
fn sample(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn what_a_run_found_is_counted() {
    let text = metrics().text();
    for (name, value) in [
        ("tilgang_runs_total{verdict=\"drift\"}", 1.0),
        ("tilgang_runs_total{verdict=\"failed\"}", 0.0),
        ("tilgang_run_duration_seconds_sum", 4.0),
        ("tilgang_run_duration_seconds_bucket{le=\"5\"}", 1.0),
        ("tilgang_run_duration_seconds_bucket{le=\"2.5\"}", 0.0),
        ("tilgang_interval_seconds", 300.0),
        ("tilgang_drift{class=\"unmanaged\",owner=\"ttd\",production=\"true\"}", 1.0),
        ("tilgang_drift{class=\"unmanaged\",owner=\"skd\",production=\"false\"}", 1.0),
        // The only one is accepted.
        ("tilgang_drift{class=\"missing\",owner=\"unattributed\",production=\"false\"}", 0.0),
        ("tilgang_requests_total{service=\"graph\"}", 3.0),
        ("tilgang_throttles_total{service=\"graph\"}", 1.0),
        ("tilgang_assignments_in_place", 12.0),
        ("tilgang_leader", 1.0),
        ("tilgang_notices_total{channel=\"platform\",outcome=\"sent\"}", 1.0),
        ("tilgang_notices_pending{channel=\"platform\"}", 1.0),
        ("tilgang_heals_total{outcome=\"done\"}", 1.0),
    ] {
        assert_eq!(sample(&text, name), Some(value), "{name} in\n{text}");
    }
    let seconds = |text: &str| at(text).as_duration().as_secs_f64();
    let oldest = "tilgang_drift_oldest_timestamp_seconds{class=\"unmanaged\",owner=\"ttd\",production=\"true\"}";
    assert_eq!(sample(&text, oldest), Some(seconds("2026-11-26T09:00:00Z")));
    assert_eq!(sample(&text, "tilgang_last_success_timestamp_seconds"), Some(seconds("2026-11-26T10:00:04Z")));
    // A grant holds through the whole of its last day.
    assert_eq!(sample(&text, "tilgang_next_expiry_timestamp_seconds"), Some(seconds("2026-11-29T00:00:00Z")));
    assert!(!text.contains("kari") && !text.contains("words"), "a person is no label");
}

#[test]
fn what_was_not_read_is_no_nought() {
    let read =
        ["tilgang_unread", "tilgang_owners", "tilgang_assignments_in_place", "tilgang_last_success_timestamp_seconds"];
    let metrics = Metrics::new(at("2026-11-26T09:00:00Z"), SignedDuration::from_mins(5));
    metrics.run_over(&report(Verdict::Failed, Vec::new()), |_| None);
    for name in read {
        assert_eq!(sample(&metrics.text(), name), None, "{name}");
    }
    metrics.run_over(&report(Verdict::Converged, Vec::new()), |_| None);
    let of = |name: &str| sample(&metrics.text(), name);
    let seen = read.map(of);
    assert!(seen.iter().all(Option::is_some), "{seen:?}");
    metrics.run_over(&report(Verdict::Failed, Vec::new()), |_| None);
    assert_eq!(of("tilgang_unread"), None, "a run that read nothing does not say that all was read");
    assert_eq!(read[1..].iter().map(|name| of(name)).collect::<Vec<_>>(), seen[1..], "what the last good run saw");
}

#[test]
fn what_was_told_and_cannot_be_written_down_is_counted() {
    let metrics = metrics();
    assert_eq!(sample(&metrics.text(), "tilgang_notices_unkept"), Some(0.0));
    metrics.outbox(&[], &[], false);
    assert_eq!(sample(&metrics.text(), "tilgang_notices_unkept"), Some(1.0));
}

#[test]
fn what_is_over_goes_and_what_was_not_seen_stays() {
    let metrics = metrics();
    let ttd = "tilgang_drift{class=\"unmanaged\",owner=\"ttd\",production=\"true\"}";
    metrics.run_over(&report(Verdict::Failed, Vec::new()), |_| Some(true));
    let text = metrics.text();
    assert_eq!(sample(&text, ttd), Some(1.0), "a run that failed knows nothing new");
    assert_eq!(sample(&text, "tilgang_runs_total{verdict=\"failed\"}"), Some(1.0));
    metrics.run_over(&report(Verdict::Converged, Vec::new()), |_| Some(true));
    let text = metrics.text();
    assert_eq!(sample(&text, ttd), None);
    assert!(!text.contains("tilgang_drift_oldest_timestamp_seconds{"));
    let none = "tilgang_drift{class=\"unmanaged\",owner=\"unattributed\",production=\"false\"}";
    assert_eq!(sample(&text, none), Some(0.0), "none is told from not known");
}

#[test]
fn what_is_not_known_to_be_in_production_is_not_called_so() {
    let metrics = Metrics::new(at("2026-11-26T09:00:00Z"), SignedDuration::from_mins(5));
    let mut nowhere = entry(Class::Unmanaged, "skd", "prod", false);
    Arc::make_mut(&mut nowhere.difference).environment = None;
    let drift = vec![entry(Class::Unmanaged, "ttd", "test", false), nowhere];
    // Before a look at all owners nobody knows which environments are in production.
    metrics.run_over(&report(Verdict::Drift, drift.clone()), |_| None);
    let text = metrics.text();
    for owner in ["ttd", "skd"] {
        let unknown = format!("tilgang_drift{{class=\"unmanaged\",owner=\"{owner}\",production=\"unknown\"}}");
        assert_eq!(sample(&text, &unknown), Some(1.0), "{text}");
    }
    metrics.run_over(&report(Verdict::Drift, drift), |environment| Some(environment.as_str() == "prod"));
    let text = metrics.text();
    assert!(!text.contains("production=\"true\""), "{text}");
    let of_test = "tilgang_drift{class=\"unmanaged\",owner=\"ttd\",production=\"false\"}";
    assert_eq!(sample(&text, of_test), Some(1.0));
}

#[test]
fn labels_are_few() {
    let metrics = Metrics::new(at("2026-11-26T09:00:00Z"), SignedDuration::from_mins(5));
    let mut drift = Vec::new();
    for n in 0..2_000 {
        let mut entry = entry(Class::Unmanaged, &format!("o{:03}", n % 10), "prod", false);
        Arc::make_mut(&mut entry.difference).who = Some(format!("person{n}").into());
        drift.push(entry);
    }
    metrics.run_over(&report(Verdict::Drift, drift), |_| Some(true));
    let series = metrics.text().lines().filter(|line| line.starts_with("tilgang_drift{")).count();
    assert_eq!(series, 10 + Class::ALL.len() - 1, "by class and owner, not by person");
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names of metrics that an expression uses.
fn names(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("tilgang_") || word.starts_with("process_")).map(str::to_owned).collect()
}

/// Every expression of the alert rules, and of the dashboard.
fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let rules = fs::read_to_string(project().join("deploy/alerts.yaml")).unwrap();
    let rules: Value = serde_yaml::from_str(&rules).unwrap();
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        found.push((rule["alert"].as_str().unwrap().to_owned(), rule["expr"].as_str().unwrap().to_owned()));
    }
    let board = fs::read_to_string(project().join("deploy/grafana/tilgang.json")).unwrap();
    let board: Value = serde_json::from_str(&board).unwrap();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap().to_owned();
            found.push((title, target["expr"].as_str().unwrap().to_owned()));
        }
    }
    found
}

#[test]
fn every_metric_of_the_rules_and_the_dashboard_is_scraped() {
    let text = metrics().text();
    let scraped: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap_or_default())
        .collect();
    let expressions = expressions();
    assert!(expressions.len() > 30, "{}", expressions.len());
    let mut used = BTreeSet::new();
    for (of, expression) in expressions {
        let names = names(&expression);
        assert!(!names.is_empty(), "{of}: {expression}");
        for name in names {
            assert!(scraped.contains(name.as_str()), "{of} asks for {name}, which nobody has");
            used.insert(name);
        }
    }
    // And the other way round: what nobody looks at need not be there.
    let shown = |name: &str| {
        ["_bucket", "_sum", "_count"].iter().fold(name.to_owned(), |n, end| n.trim_end_matches(end).to_owned())
    };
    let used: BTreeSet<String> = used.iter().map(|name| shown(name)).collect();
    let unused: Vec<_> = scraped.iter().map(|name| shown(name)).filter(|name| !used.contains(name)).collect();
    let known = ["process_start_time_seconds", "tilgang_last_run_timestamp_seconds"];
    assert!(unused.iter().all(|name| known.contains(&name.as_str())), "{unused:?}");
}

#[test]
fn every_rule_says_what_to_do_and_has_a_test() {
    let rules = fs::read_to_string(project().join("deploy/alerts.yaml")).unwrap();
    let tests = fs::read_to_string(project().join("deploy/alerts.test.yaml")).unwrap();
    let rules: Value = serde_yaml::from_str(&rules).unwrap();
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        for key in ["summary", "description"] {
            assert!(rule["annotations"][key].as_str().is_some_and(|text| text.len() > 20), "{name} {key}");
        }
        assert!(rule["labels"]["severity"].is_string(), "{name}");
        assert!(tests.matches(&format!("alertname: {name}")).count() >= 2, "{name}: where it speaks, and where not");
    }
}

/// Prometheus's own tool, where it is: on the path, or named by `PROMTOOL`. The gate brings it (`.ci/run`).
#[expect(clippy::disallowed_methods, reason = "a test may look at its environment")]
fn promtool(arguments: &[&str], input: &str) {
    use std::io::Write as _;
    let named = std::env::var_os("PROMTOOL");
    let program = named.clone().unwrap_or_else(|| "promtool".into());
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            assert!(named.is_none(), "PROMTOOL is set, and cannot be run: {error}");
            return;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && !said.to_ascii_lowercase().contains("error"), "promtool {arguments:?}: {said}");
}

#[test]
fn prometheus_reads_all_of_it() {
    promtool(&["check", "metrics"], &metrics().text());
    let path = |name: &str| project().join("deploy").join(name).display().to_string();
    promtool(&["check", "rules", &path("alerts.yaml")], "");
    promtool(&["test", "rules", &path("alerts.test.yaml")], "");
    // The dashboard's expressions, as rules.
    let rules: Vec<Value> = expressions()
        .iter()
        .enumerate()
        .map(|(n, (_, expression))| {
            let expression = expression.replace("$job", ".+").replace("$__rate_interval", "5m");
            serde_json::json!({ "record": format!("dashboard:{n}"), "expr": expression })
        })
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    let groups = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(file.path(), serde_json::to_string(&groups).unwrap()).unwrap();
    promtool(&["check", "rules", "--lint=none", &file.path().display().to_string()], "");
}
