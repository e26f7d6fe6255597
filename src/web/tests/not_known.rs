//! What is not known, of git and of Azure, looks different from what is empty.

use super::*;

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
