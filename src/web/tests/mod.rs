//! Pages of invented snapshots: what they say, and that no text in them is more than text.

mod not_known;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    model::{
        catalog::{Catalog, Environment, Pattern},
        desired::{FileId, Owner, OwnerFile, Revision},
        ids::{ScopeId, TenantId},
        owner::{EnvironmentName, InstanceName, OwnerCode, RoleName},
        policy::Policy,
    },
    plan::{
        blocked::{Block, Blocked},
        change::Action,
        drift::Class,
    },
    reconcile::WhyNot,
    watch::{
        By, Difference, Doer, Files, GitTrouble, Key, Life, News, Part, Run, RunReport, Since, Trigger, Turn, Unseen,
        Verdict, What,
    },
};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn run(number: u64, verdict: Verdict, minute: i64, count: usize) -> Run {
    Run {
        number,
        what: What::Look,
        trigger: Trigger::Schedule,
        part: Part::Everything,
        started: at(minute),
        ended: at(minute) + SignedDuration::from_secs(2),
        observed: Some(at(minute)),
        commit: None,
        verdict,
        notes: Vec::new(),
        counts: BTreeMap::from([((Class::Unmanaged, OwnerCode::new("ttd")), count)]),
        owners: 1,
        unchanged: 4,
        healing: None,
        cost: BTreeMap::new(),
        next_expiry: None,
        unseen: 0,
        files: crate::watch::Files::Read { with_errors: 0 },
    }
}

fn entry(class: Class, text: &str) -> Entry {
    let difference = Difference {
        key: Key {
            scope: Some(ScopeId::new(text)),
            detail: Some(text.into()),
            ..Key::new(class, OwnerCode::new("ttd"))
        },
        environment: Some(EnvironmentName::new(text)),
        role: Some(RoleName::new(text)),
        who: Some(text.into()),
        definition_name: Some(text.into()),
        assignment: Some(text.into()),
        words: text.into(),
        gist: text.into(),
        remedy: text.into(),
        until: None,
        accepted: None,
        places: vec![Place { file: text.to_owned(), line: 1, column: 1 }],
    };
    let by = By::Somebody(Doer { id: None, name: Some(text.into()) });
    let life = Life { first_seen: at(0), last_seen: at(5), resolved: None, healed: false, since: Since::At(at(0)), by };
    Entry { difference: Arc::new(difference), life }
}

/// What a daemon knows after these runs.
struct Known {
    runs: VecDeque<Run>,
    memory: Memory,
    days: Days,
    text: String,
    report: RunReport,
    git: Option<GitTrouble>,
}

impl Known {
    fn new(runs: Vec<Run>, entries: Vec<Entry>, text: &str) -> Self {
        let mut days = Days::default();
        for run in &runs {
            days.saw(run, &[]);
        }
        let news = entries.iter().map(|entry| News { turn: Turn::New, entry: entry.clone() }).collect();
        let mut last = runs.last().cloned().unwrap_or_else(|| run(1, Verdict::Drift, 0, 1));
        last.notes.push(text.into());
        let report = RunReport {
            run: last,
            drift: Vec::new(),
            news,
            healed: Vec::new(),
            deferred: Vec::new(),
            unseen: Vec::new(),
            git: None,
        };
        let memory = Memory::restored(entries, None);
        Self { runs: runs.into(), memory, days, text: text.to_owned(), report, git: None }
    }

    fn shown(&self, looked: Option<i64>) -> Snapshot<'_> {
        Snapshot {
            now: at(10),
            started: at(0),
            tool: "tilgang 0.0.0",
            reader: Some(&self.text),
            source: &self.text,
            tip: None,
            asked: Some(at(9)),
            answered: Some(at(9)),
            git: self.git.clone(),
            outlook: Outlook {
                running: None,
                next: Some(at(14)),
                failures: 0,
                leads: true,
                heals: Err(WhyNot::NotTold),
                is_stopping: false,
            },
            runs: &self.runs,
            last: Some(&self.report),
            looked: looked.map(at),
            memory: &self.memory,
            seen: None,
            days: &self.days,
        }
    }
}

#[test]
fn one_sentence_says_how_it_stands() {
    let differs = || vec![entry(Class::Unmanaged, "a"), entry(Class::Missing, "b"), entry(Class::ExpiringSoon, "c")];
    for (runs, entries, looked, expected) in [
        (vec![], vec![], None, "No check completed yet"),
        (vec![run(1, Verdict::Failed, 0, 0)], vec![], None, "First check failed"),
        (vec![run(1, Verdict::Converged, 0, 0)], vec![], Some(0), "All is as git says"),
        (vec![run(1, Verdict::Converged, 0, 0)], vec![entry(Class::ExpiringSoon, "c")], Some(0), "All is as git says"),
        (vec![run(1, Verdict::Drift, 0, 2)], differs(), Some(0), "2 differences from git"),
        (vec![run(1, Verdict::Drift, 0, 2)], vec![entry(Class::Missing, "b")], Some(0), "1 difference from git"),
        (
            vec![run(1, Verdict::Incomplete, 0, 2)],
            differs(),
            Some(0),
            "2 differences from git; and not everything could be decided",
        ),
        (
            vec![run(1, Verdict::Incomplete, 0, 0)],
            vec![],
            Some(0),
            "What was compared is as git says; not everything could be decided",
        ),
        (
            vec![run(1, Verdict::Drift, 0, 2), run(2, Verdict::Failed, 5, 0)],
            differs(),
            Some(0),
            "No check of Azure has worked since 2027-01-15 08:00 UTC",
        ),
        // One that somebody ended says nothing of Azure.
        (vec![run(1, Verdict::Converged, 0, 0), run(2, Verdict::Ended, 5, 0)], vec![], Some(0), "All is as git says"),
    ] {
        let known = Known::new(runs, entries, "x");
        assert_eq!(sentence(&known.shown(looked)), expected);
    }
}

#[test]
fn the_time_line_is_drawn_and_told() {
    let known = Known::new(vec![run(1, Verdict::Drift, -1440, 3), run(2, Verdict::Drift, 0, 7)], vec![], "x");
    let page = overview(&known.shown(Some(0)));
    assert!(page.contains("<svg role=\"img\" aria-labelledby=\"timeline-title timeline-desc\""));
    assert!(page.contains("Over 14 days with 2 days of checks: at most 7 on one day, 7 today."));
    assert!(page.contains("<title>2027-01-14: 3 differences (3 unmanaged)</title>"));
    assert!(page.contains("<title>2027-01-13: not checked</title>"));
    assert_eq!(page.matches("class=\"c-unmanaged\"").count(), 2, "a bar for each day on which something differed");
    assert!(page.contains("<th scope=\"row\">2027-01-15</th><td>7</td><td>7</td>"), "and the same as a table");
    assert_eq!(page.matches("<h1>").count(), 1);
}

#[test]
fn what_nobody_knows_has_no_page() {
    let known = Known::new(vec![run(1, Verdict::Drift, 0, 1)], vec![entry(Class::Missing, "kari")], "x");
    let shown = known.shown(Some(0));
    assert!(super::run(&shown, 1).is_some() && super::run(&shown, 2).is_none());
    let code = |text: &str| OwnerCode::new(text).unwrap();
    assert!(owner(&shown, code("ttd")).is_some() && owner(&shown, code("brg")).is_none());
    assert!(person(&shown, "kari").is_some() && person(&shown, "ola").is_none());
    let missing = missing(&shown, "No service owner is called `x`.");
    assert!(missing.contains("Nothing here") && missing.contains("No service owner"));
}

/// Every page that a text gets onto.
fn pages(text: &str) -> Vec<String> {
    let entries = vec![entry(Class::Unmanaged, text), entry(Class::Missing, text), entry(Class::Blocked, text)];
    let mut known = Known::new(vec![run(1, Verdict::Drift, 0, 3)], entries, text);
    known.git = Some(GitTrouble::Silent { since: None, asked: 1, why: text.into() });
    let shown = known.shown(Some(0));
    let ttd = OwnerCode::new("ttd").unwrap();
    let mut all = vec![overview(&shown), people(&shown, text), missing(&shown, text), unwelcome(text, text)];
    all.extend([owner(&shown, ttd), super::run(&shown, 1), person(&shown, text)].into_iter().flatten());
    all
}

/// What a reader of HTML would find: its tags.
fn tags(page: &str) -> Vec<String> {
    let start = page.find("</style>").unwrap();
    let body = &page[start..page.rfind("<script>").unwrap()];
    body.split('<').skip(1).map(|tag| tag.split(['>', ' ']).next().unwrap().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in YAML, git or Azure: it changes no tag and adds none, and it adds nothing that runs.
    #[test]
    fn no_text_is_more_than_text(text in r#"[a-z<>"'&`=/\\ \u{202e}\u{0}\n]{1,24}(<script>alert\(1\)</script>|" onload="x|\]\]>|</svg>|</title>)?"#) {
        let plain: Vec<Vec<String>> = pages("plain").iter().map(|page| tags(page)).collect();
        for (page, of_plain) in pages(&text).iter().zip(&plain) {
            prop_assert_eq!(page.matches("<script").count(), 1);
            prop_assert_eq!(page.matches("</svg>").count(), page.matches("<svg").count());
            prop_assert!(!page.contains("\" onload=\"x"));
            let hidden = page.contains(['\u{202e}', '\0']);
            prop_assert!(!hidden);
            let known = ["a", "code", "wbr"];
            let own: std::collections::BTreeSet<&str> =
                of_plain.iter().map(|tag| tag.trim_start_matches('/')).chain(known).collect();
            for tag in tags(page) {
                prop_assert!(own.contains(tag.trim_start_matches('/')), "<{}>", tag);
            }
        }
    }

    /// What is sent to an open page is one line of JSON.
    #[test]
    fn news_are_one_line(text in any::<String>()) {
        let known = Known::new(vec![run(1, Verdict::Drift, 0, 3)], vec![entry(Class::Missing, &text)], &text);
        let shown = known.shown(Some(0));
        let line = live(&shown);
        let broken = line.contains(['\n', '\r']);
        prop_assert!(!broken);
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&told["run"], 1);
        prop_assert!(state(&shown)["differences"].as_array().unwrap().len() == 1);
    }

    /// The scale holds the most, in four steps or fewer.
    #[test]
    fn a_scale_holds_what_is_drawn(most in 0_usize..1_000_000) {
        let (top, step) = super::timeline::scale(most);
        prop_assert!(top >= most && top % step == 0 && top / step <= 4 && top >= 1);
        prop_assert!(most < 2 || top - most < step);
    }
}

#[test]
fn the_policy_lets_in_nothing_from_elsewhere() {
    let policy = policy();
    for part in ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
}
