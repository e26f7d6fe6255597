//! Pages of invented snapshots: what they say, and that no text in them is more than text.

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

/// What a run left unread: of Azure, of git, or of neither.
fn unread(number: u64, verdict: Verdict, azure: usize, with_errors: Option<usize>) -> Run {
    let files = with_errors.map_or(Files::Unreadable, |with_errors| Files::Read { with_errors });
    Run { unseen: azure + with_errors.unwrap_or_default(), files, ..run(number, verdict, 5, 0) }
}

/// The text of one part of a page: what stands between a name and the end of its entry.
fn part<'a>(page: &'a str, name: &str) -> &'a str {
    let start = page.rfind(name).unwrap();
    let rest = &page[start..];
    &rest[..rest.find("</div>").unwrap()]
}

#[test]
fn a_file_with_errors_is_gits_trouble_and_a_list_that_did_not_come_is_azures() {
    let calm = || run(1, Verdict::Converged, 0, 0);
    for (last, says, files_well, azure_well) in [
        (calm(), "All is as git says", true, true),
        (
            unread(2, Verdict::Incomplete, 0, Some(1)),
            "What was compared is as git says; 1 owner&#39;s file has errors",
            false,
            true,
        ),
        (
            unread(2, Verdict::Incomplete, 2, Some(0)),
            "What was compared is as git says; not everything could be read",
            true,
            false,
        ),
        (
            unread(2, Verdict::Incomplete, 1, Some(2)),
            "What was compared is as git says; not everything could be read, and 2 owners&#39; files have errors",
            false,
            false,
        ),
        (
            unread(2, Verdict::Failed, 0, None),
            "The files in git cannot be compared since 2027-01-15 08:00 UTC",
            false,
            true,
        ),
        (
            unread(2, Verdict::Failed, 0, Some(0)),
            "No check of Azure has worked since 2027-01-15 08:00 UTC",
            true,
            false,
        ),
    ] {
        let known = Known::new(vec![calm(), last], vec![], "x");
        let page = overview(&known.shown(Some(0)));
        let heading = says.replace("&#39;", "'");
        assert!(page.contains(&format!("<h1>{heading}</h1>")) || page.contains(&format!("<h1>{says}</h1>")), "{says}");
        for (name, well) in [("Files in git", files_well), ("Azure, in all", azure_well)] {
            let shown = page[..page.rfind(name).unwrap()].rsplit("<dt>").next().unwrap();
            assert_eq!(shown.contains("✓"), well, "{says}: {name}: {}", part(&page, name));
        }
    }
}

/// One owner whose file has errors, one with nobody, one whose subscription could not be read.
fn desired() -> Desired {
    let owner = |(number, code): (u32, &str)| {
        let file = FileId(number);
        let owner = Owner {
            title: None,
            file: if code == "brg" { OwnerFile::Broken(file) } else { OwnerFile::Read(file) },
            environments: None,
            resources: BTreeMap::new(),
            reviewers: Vec::new(),
            contact: None,
        };
        (OwnerCode::new(code).unwrap(), owner)
    };
    let prod = Environment {
        title: "Prod".to_owned(),
        azure_name: "prod".to_owned(),
        subscription: Pattern::new("{owner}-{env}").unwrap(),
    };
    Desired {
        tenant: TenantId(uuid::Uuid::nil()),
        instance: InstanceName::new("x"),
        former_instances: Vec::new(),
        catalog: Catalog {
            environments: BTreeMap::from([(EnvironmentName::new("prod"), prod)]),
            kinds: BTreeMap::new(),
            roles: BTreeMap::new(),
            retired: std::collections::BTreeSet::new(),
        },
        owners: [(1, "brg"), (2, "skd"), (3, "ttd")].map(owner).into(),
        grants: Vec::new(),
        policy: Policy::default(),
        revision: Revision::NotInGit,
    }
}

fn observed() -> Observed {
    let subscription = crate::model::observed::Subscription {
        belongs_to: OwnerCode::new("skd").map(|owner| (owner, EnvironmentName::new("prod"))),
        reading: crate::model::observed::Reading::Unseen(std::sync::Arc::new(crate::model::trouble::Trouble::new(
            crate::model::trouble::TroubleKind::Denied,
            "list role assignments",
            "no right",
        ))),
        ..Default::default()
    };
    let id = "00000000-0000-0000-0000-0000000000b1".parse().unwrap();
    Observed { subscriptions: BTreeMap::from([(id, subscription)]), ..Observed::begun(at(0)) }
}

#[test]
fn what_is_not_known_looks_different_from_what_is_empty() {
    let desired = &desired();
    let observed = observed();
    let plan = crate::plan::plan(desired, &observed, jiff::civil::date(2027, 1, 15));
    let known = Known::new(vec![unread(1, Verdict::Incomplete, 1, Some(1))], vec![], "x");
    let place = |origin: &Origin| {
        let file = if origin.file == FileId(1) { "owners/brg.yaml" } else { "owners/other.yaml" };
        Place { file: file.to_owned(), line: 1, column: 1 }
    };
    let seen = Seen { desired, observed: &observed, plan: &plan, has_ledger: false, place: &place };
    let shown = Snapshot { seen: Some(seen), ..known.shown(Some(0)) };
    let page_of = |code: &str| owner(&shown, OwnerCode::new(code).unwrap()).unwrap();

    let broken = page_of("brg");
    assert!(
        broken.contains("Not known: the owner's file has errors") && broken.contains("owners/brg.yaml"),
        "{broken}"
    );
    assert!(
        !broken.contains(": nobody") && !broken.contains("As git says") && !broken.contains("hero calm"),
        "{broken}"
    );
    let unreadable = page_of("skd");
    assert!(unreadable.contains("Prod: nobody") && unreadable.contains("not everything is known"), "{unreadable}");
    assert!(
        unreadable.contains("could not list role assignments") && !unreadable.contains("hero calm"),
        "{unreadable}"
    );
    let empty = page_of("ttd");
    assert!(empty.contains("As git says") && empty.contains("hero calm") && !empty.contains("Not known"), "{empty}");

    let page = overview(&shown);
    assert!(page.contains("not known: its file has errors"), "{page}");
    assert!(page.contains("<code>ledger.dir</code> is not set"), "{page}");
    assert!(people(&shown, "").contains("Not known: who is listed at"), "people");
    let state = state(&shown);
    assert!(state["not_known"].is_array(), "{state}");
    assert!(super::missing(&shown, "Nobody here is called `x`.").contains("Not known: who is listed at"));
    let mut drawn = Days::default();
    let at_brg = Unseen { owner: OwnerCode::new("brg"), words: "its file has errors".into() };
    drawn.saw(&run(1, Verdict::Incomplete, 0, 0), &[at_brg]);
    for (code, is_known) in [("brg", false), ("ttd", true)] {
        let seen = Seen { desired, observed: &observed, plan: &plan, has_ledger: false, place: &place };
        let dated = Snapshot { seen: Some(seen), days: &drawn, ..known.shown(Some(0)) };
        let page = owner(&dated, OwnerCode::new(code).unwrap()).unwrap();
        assert_eq!(page.contains("2027-01-15: no differences seen</title>"), is_known, "{page}");
        assert_eq!(page.contains("2027-01-15: no differences seen; not everything was read</title>"), !is_known);
    }

    // A check that failed since confirms nothing.
    let failed =
        Known::new(vec![run(1, Verdict::Converged, 0, 0), unread(2, Verdict::Failed, 0, Some(0))], vec![], "x");
    let seen = Seen { desired, observed: &observed, plan: &plan, has_ledger: true, place: &place };
    let later = Snapshot { seen: Some(seen), ..failed.shown(Some(0)) };
    let empty = owner(&later, OwnerCode::new("ttd").unwrap()).unwrap();
    assert!(empty.contains("No difference at 2027-01-15 08:00 UTC; no check has worked since"), "{empty}");
    assert!(!empty.contains("hero calm"), "{empty}");

    // Neither does one of a commit of which git does not answer whether it is the tip, nor one that could not decide.
    let calm = Known::new(vec![run(1, Verdict::Converged, 0, 0)], vec![], "x");
    let troubles = [
        (GitTrouble::Silent { since: Some(at(5)), asked: 1, why: "x".into() }, "Git has not answered since"),
        (GitTrouble::Rewritten { from: "a1".into(), to: "b2".into() }, "The history of the branch was rewritten"),
    ];
    for (git, words) in troubles {
        let seen = Seen { desired, observed: &observed, plan: &plan, has_ledger: true, place: &place };
        let shown = Snapshot { seen: Some(seen), git: Some(git), ..calm.shown(Some(0)) };
        let page = owner(&shown, OwnerCode::new("ttd").unwrap()).unwrap();
        assert!(page.contains(words) && !page.contains("hero calm") && !page.contains("As git says"), "{page}");
    }
    let mut undecided = plan.clone();
    undecided.blocked.push(Blocked {
        action: Action::Grant,
        owner: OwnerCode::new("ttd"),
        environment: None,
        role: None,
        who: "kari.fiktiv@ai-dev.no".into(),
        scope: None,
        block: Block::PimUnanswered,
        origins: Vec::new(),
    });
    let seen = Seen { desired, observed: &observed, plan: &undecided, has_ledger: true, place: &place };
    let shown = Snapshot { seen: Some(seen), ..calm.shown(Some(0)) };
    let page = owner(&shown, OwnerCode::new("ttd").unwrap()).unwrap();
    assert!(page.contains("kari.fiktiv@ai-dev.no") && page.contains("could not be asked"), "{page}");
    assert!(page.contains("not everything is known") && !page.contains("hero calm"), "{page}");

    // Before the first check nothing is empty either.
    let none = Known::new(vec![], vec![], "x");
    let first = none.shown(None);
    assert!(people(&first, "").contains("Not known before the first check."));
    assert!(not_yet(&first, "whether").contains("No check completed yet"));
}

#[test]
fn git_comes_first_and_nothing_is_as_git_says_while_git_does_not_answer() {
    let silent =
        |since: Option<i64>| GitTrouble::Silent { since: since.map(at), asked: 1, why: "no such branch".into() };
    let rewritten = || GitTrouble::Rewritten { from: "a1".into(), to: "b2".into() };
    let since = "Git has not answered since 2027-01-15 08:05 UTC";
    let acknowledge = "The history of the branch was rewritten, and nobody has acknowledged it";
    let differs = || vec![entry(Class::Unmanaged, "a")];
    let (converged, drift) = (Verdict::Converged, Verdict::Drift);
    for (git, verdict, entries, expected, state) in [
        (silent(Some(5)), Some(converged), vec![], format!("{since}; Azure is as git said then"), "silent"),
        (silent(Some(5)), Some(drift), differs(), format!("{since}; 1 difference from what git said then"), "silent"),
        (
            silent(Some(5)),
            Some(Verdict::Incomplete),
            vec![],
            format!("{since}; not everything in Azure could be read"),
            "silent",
        ),
        (
            silent(Some(5)),
            Some(Verdict::Failed),
            vec![],
            format!("{since}; no check of Azure has worked since 2027-01-15 08:00 UTC"),
            "silent",
        ),
        (
            silent(None),
            None,
            vec![],
            "Git has not answered since the start; no check completed yet".to_owned(),
            "silent",
        ),
        (
            rewritten(),
            Some(converged),
            vec![],
            format!("{acknowledge}; Azure is as the rewritten branch says"),
            "rewritten",
        ),
        (
            rewritten(),
            Some(drift),
            differs(),
            format!("{acknowledge}; 1 difference from the rewritten branch"),
            "rewritten",
        ),
    ] {
        let looked = verdict.map(|_| 0);
        let mut known = Known::new(verdict.map(|verdict| run(1, verdict, 0, 0)).into_iter().collect(), entries, "x");
        known.git = Some(git);
        let shown = known.shown(looked);
        assert_eq!(sentence(&shown), expected);
        let told = super::state(&shown);
        assert_eq!((&told["words"], &told["git"]["trouble"]), (&expected.as_str().into(), &state.into()));
        assert!(!["as-git-says", "drift"].contains(&told["state"].as_str().unwrap()), "{told}");
        let page = overview(&shown);
        assert!(page.contains("hero blind") && !page.contains("hero calm"), "{page}");
        assert!(page.contains(if state == "silent" { "no such branch" } else { "acknowledge?commit=b2" }));
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
