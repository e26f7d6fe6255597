//! Runs as a whole, from git to the record. A commit that is older than one that was applied: however its run is narrowed, nothing of it
//! may be carried out. And the end of a run: it is always recorded.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use jiff::Timestamp;
use tempfile::TempDir;
use tilgang::{
    app::{
        ApplyRequest, AskPermissions, Error, Exit, NameHistory, NoStop, PlanRequest, PlannedRun, Records, Workspace,
        adopt::{AdoptInput, Edits},
        base_diff::with_proposal,
        check_age, check_git,
    },
    config::{self, Proposal, Sources},
    ledger::{
        Journal, Unrecorded,
        entry::{Begun, By, Ended},
    },
    model::{
        desired::{Desired, FileId, Origin, Place, Revision},
        file_history::FileHistory,
        ids::UserName,
        owner::OwnerCode,
        past::{LineAge, Past},
        remembered::Remembered,
    },
    plan::{
        adopt::Terms,
        approve::{Applied, Approval, Refusal},
        change::{Action, Change},
        outcome::Outcome,
        saved::{Deed, Saved},
        selection::{Kind, Kinds, Scope},
    },
    ports::Answered,
    simulator::{SharedWorld, file, inprocess::Identity},
};

const NOW: &str = "2026-11-22T09:00:00Z";
const READ: &str = "2026-11-20T09:00:00Z";
const APPLIED: &str = "2026-11-21T09:00:00Z";

/// Kari holds what git lists, by somebody else's hand; Ola has nothing yet.
const WORLD: &str = r"
tenant: 00000000-0000-0000-0000-0000000000aa
users: [kari.fiktiv@ai-dev.no, ola.dikt@ai-dev.no]
subscriptions:
  - name: Altinn-TTD-Prod
    tags: { finops_serviceownercode: ttd }
    resources: [component ttd-prod-ai, vault ttd-prod-keyvault]
assignments:
  - { principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai }
";
const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n\
    owners: { ttd: { environments: [prod] } }\n";
const OWNER: &str = "owner: ttd\nusers:
  - { user: kari.fiktiv@ai-dev.no, roles: [prod-developer] }
  - { user: ola.dikt@ai-dev.no, roles: [prod-developer] }
";

/// Nothing is told of the past.
struct NoHistory;

impl NameHistory for NoHistory {
    fn past(&self, _: &Desired, _: &Sources, _: &BTreeMap<FileId, BTreeSet<UserName>>) -> BTreeMap<FileId, Past> {
        BTreeMap::new()
    }

    fn file_history(&self, _: &Desired, _: &BTreeSet<OwnerCode>) -> BTreeMap<OwnerCode, FileHistory> {
        BTreeMap::new()
    }

    fn written(&self, _: &Sources, _: &BTreeMap<Origin, Timestamp>) -> BTreeMap<Origin, LineAge> {
        BTreeMap::new()
    }
}

fn azure() -> Identity {
    let world = SharedWorld::new(file::read(WORLD).unwrap(), || NOW.parse().unwrap());
    world.sign_in_first().unwrap()
}

/// What git wants, as it is at the commit that is read.
fn read() -> (Workspace, Desired) {
    let mut loaded = config::load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", OWNER)]);
    let desired = loaded.desired.take().unwrap_or_else(|| panic!("{:?}", loaded.errors));
    (Workspace::of(PathBuf::from("nowhere"), loaded), at_commit(desired))
}

fn at_commit(mut desired: Desired) -> Desired {
    desired.revision =
        Revision::Commit { hash: "a".repeat(40), time: READ.parse().unwrap(), edited: [].into_iter().collect() };
    desired
}

fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("owners")).unwrap();
    fs::write(dir.path().join("tilgang.yaml"), SETTINGS).unwrap();
    fs::write(dir.path().join("owners/ttd.yaml"), OWNER).unwrap();
    dir
}

/// A newer commit was applied.
fn newer() -> Records {
    let newest = Applied { commit: "b".repeat(40), time: APPLIED.parse().unwrap(), follows: None };
    Records { newest: Some(newest), ..Records::default() }
}

fn request(
    (workspace, desired): (Workspace, Desired),
    azure: &Identity,
    records: Records,
) -> PlanRequest<'_, Identity, NoHistory> {
    let now = NOW.parse().unwrap();
    let (scope, permissions) = (Scope::All, AskPermissions::No);
    PlanRequest { workspace, desired, scope, azure, records, history: &NoHistory, permissions, now }
}

/// Refuses everything, for the newer commit.
fn refuses_all(approval: &Approval) -> bool {
    let is_older = |refusal: &Refusal| matches!(refusal, Refusal::OlderCommit(_));
    approval.approved.changes().is_empty()
        && !approval.refused.is_empty()
        && approval.refused.iter().all(|it| it.refusals().any(is_older))
}

fn saved(run: &PlannedRun) -> Saved {
    let approval = run.approval();
    Saved {
        tool: "tilgang".to_owned(),
        tenant: run.desired().tenant,
        instance: run.desired().instance.clone(),
        selected: None,
        basis: run.basis(),
        changes: approval.approved.changes().iter().map(Deed::from).collect(),
        refused: approval.refused.iter().map(|refused| (&refused.change).into()).collect(),
    }
}

#[tokio::test]
async fn an_older_commit_changes_nothing_however_its_run_is_narrowed() {
    let azure = azure();
    let before = request(read(), &azure, Records::default()).plan().await;
    assert_eq!(before.approval().approved.changes().len(), 1, "{:#?}", before.plan());
    let mut run = request(read(), &azure, newer()).plan().await;
    assert!(refuses_all(run.approval()), "{:#?}", run.approval());
    run.select(&Kinds::Only([Kind::Grants].into()));
    assert!(refuses_all(run.approval()), "{:#?}", run.approval());
    let run = request(read(), &azure, newer()).plan().await;
    let Ok((run, None)) = run.limit_to(&saved(&before)) else { panic!("nothing moved") };
    assert!(refuses_all(run.approval()), "{:#?}", run.approval());
}

/// Ola's name was given to another account; both are known, and the first one holds what git lists.
const REPLACED: &str = r"
tenant: 00000000-0000-0000-0000-0000000000aa
users:
  - kari.fiktiv@ai-dev.no
  - { user: ola.dikt@ai-dev.no, id: 11111111-0000-4000-8000-000000000001, deleted: 2026-11-20T12:00:00Z }
  - { user: ola.dikt@ai-dev.no, id: 22222222-0000-4000-8000-000000000001, created: 2026-11-20T13:00:00Z }
subscriptions:
  - name: Altinn-TTD-Prod
    tags: { finops_serviceownercode: ttd }
    resources: [component ttd-prod-ai, vault ttd-prod-keyvault]
assignments:
  - { principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai }
";

fn azure_of(world: &str) -> Identity {
    SharedWorld::new(file::read(world).unwrap(), || NOW.parse().unwrap()).sign_in_first().unwrap()
}

/// However a run is narrowed, as healing does, it decides for nobody whose a name is: by what Entra says, and by what the ledger
/// knew.
#[tokio::test]
async fn no_run_decides_whose_a_name_is() {
    let living = REPLACED
        .replace(", deleted: 2026-11-20T12:00:00Z", "")
        .replace("user: ola.dikt@ai-dev.no, id: 1", "user: ola.annen@ai-dev.no, id: 1");
    let holds = "  - { principal: 11111111-0000-4000-8000-000000000001, role: Monitoring Reader, scope: ttd-prod-ai, created: 2026-11-01T08:00:00Z, \
        description: tilgang/altinn-apps ttd prod-developer }\n";
    let (one, at) = ("11111111-0000-4000-8000-000000000001".parse().unwrap(), READ.parse().unwrap());
    let names = BTreeMap::from([(UserName::new("ola.dikt@ai-dev.no"), BTreeMap::from([(one, at)]))]);
    for (world, names) in [(REPLACED.to_owned(), BTreeMap::new()), (living.clone(), names), (living, BTreeMap::new())] {
        let is_known = !names.is_empty() || world == REPLACED;
        for world in [world.clone(), world + holds] {
            let azure = azure_of(&world);
            for kinds in
                [Kinds::All, Kinds::Only([Kind::Grants].into()), Kinds::Only([Kind::Grants, Kind::Expired].into())]
            {
                let remembered = Remembered { names: names.clone(), ..Remembered::default() };
                let records = Records { remembered, ..Records::default() };
                let mut run = request(read(), &azure, records).plan().await;
                run.select(&kinds);
                let actions: Vec<Action> = run.approval().approved.changes().iter().map(|it| it.action).collect();
                let code = run.plan().blocked.first().map(|it| it.block.code());
                if is_known {
                    assert_eq!((actions, code), (vec![], Some("name-changed-hands")));
                } else {
                    assert_eq!((actions.first(), code), (Some(&Action::Grant), None));
                }
            }
        }
    }
}

/// A saved plan of an instance that finds only another's marks at its targets writes nothing, and neither does a narrowed run.
#[tokio::test]
async fn an_instance_without_a_mark_of_its_own_writes_nothing() {
    let marked =
        WORLD.replace("scope: ttd-prod-ai }", "scope: ttd-prod-ai, description: tilgang/altinn ttd prod-developer }");
    let before = request(read(), &azure(), Records::default()).plan().await;
    let azure = azure_of(&marked);
    let is_halted = |run: &PlannedRun| {
        let refused = &run.approval().refused;
        let all = refused.iter().all(|it| matches!(it.refusal, Refusal::OtherInstance(_)));
        run.approval().approved.changes().is_empty() && all && run.exit() == Exit::Refused
    };
    let mut run = request(read(), &azure, Records::default()).plan().await;
    let saved = Saved { basis: run.basis(), ..saved(&before) };
    assert!(is_halted(&run) && run.approval().refused.len() == 1, "{:#?}", run.approval());
    run.select(&Kinds::Only([Kind::Expired].into()));
    assert!(is_halted(&run), "{:#?}", run.approval());
    let run = request(read(), &azure, Records::default()).plan().await;
    if let Ok((run, _)) = run.limit_to(&saved) {
        assert!(is_halted(&run), "{:#?}", run.approval());
    }
}

#[tokio::test]
async fn an_older_commit_that_would_change_nothing_is_not_refused() {
    let azure = azure();
    let mut loaded = config::load_texts(&[("tilgang.yaml", SETTINGS), ("owners/ttd.yaml", "owner: ttd\nusers: []\n")]);
    let desired = at_commit(loaded.desired.take().unwrap());
    let workspace = Workspace::of(PathBuf::from("nowhere"), loaded);
    let run = request((workspace, desired), &azure, newer()).plan().await;
    assert!(run.plan().changes.is_empty() && run.plan().blocked.is_empty(), "{:#?}", run.plan());
    assert_eq!((run.exit(), run.unnamed_refusal()), (Exit::Converged, None));
}

#[tokio::test]
async fn a_plan_is_carried_out_for_five_minutes() {
    assert!(check_age(Duration::from_mins(5)).is_ok());
    let azure = azure();
    for (records, is_something_to_do) in [(Records::default(), true), (newer(), false)] {
        let run = request(read(), &azure, records).plan().await;
        let by = By { via: "machine".to_owned(), name: "kari".to_owned(), run: None, identity: None };
        let journal = NoEnd { had_failed: false, ended: Mutex::default() };
        let (reader, writer, stop, journal) = (&azure, &azure, &mut NoStop, &journal);
        let check = async || check_age(Duration::from_secs(301));
        let (command, tool, saved) = ("apply", "tilgang", None);
        let request = ApplyRequest { command, tool, by, saved, reader, writer, journal, stop, check };
        match run.apply(request).await {
            Err(not_begun) => assert!(is_something_to_do && matches!(not_begun.why, Error::TooOld)),
            Ok(applied) => {
                assert!(!is_something_to_do, "carried out, though it is too old");
                let exit = applied.exit();
                let _ = applied.close(exit);
            }
        }
    }
}

#[test]
fn what_git_had_is_carried_out_only_while_git_has_it() {
    assert!(check_git("a", Some("a")).is_ok());
    for now in [Some("b"), None] {
        assert!(matches!(check_git("a", now), Err(Error::GitMoved)));
    }
}

#[tokio::test]
async fn an_older_commit_marks_nothing() {
    let (dir, azure) = (folder(), azure());
    let terms = || Terms { may_list: &|_| true, reason: None, ticket: None, until: None };
    for (records, is_older) in [(Records::default(), false), (newer(), true)] {
        let (workspace, desired) = AdoptInput::read(dir.path()).unwrap_or_else(|error| panic!("{error}"));
        let input = AdoptInput::observe(
            (workspace, at_commit(desired)),
            &[],
            (NOW.parse().unwrap(), &Records::default()),
            &azure,
        )
        .await;
        let input = input.unwrap_or_else(|error| panic!("{error}"));
        let written = input.written(terms()).unwrap_or_else(|error| panic!("{error}"));
        let run = input.marking(written, Edits::Shown).unwrap_or_else(|error| panic!("{error}")).plan(records);
        let actions: Vec<Action> = run.plan().changes.iter().map(|change| change.action).collect();
        assert_eq!(actions, [Action::Adopt]);
        assert_eq!(refuses_all(run.approval()), is_older, "{:#?}", run.approval());
        assert_eq!(run.approval().approved.changes().is_empty(), is_older);
    }
}

/// What an older commit would have refused is refused of the state before as well: a change to git that changes nothing causes
/// none of it.
#[tokio::test]
async fn what_is_refused_for_a_newer_commit_is_not_caused_by_a_change() {
    let dir = folder();
    let loaded = config::load(dir.path());
    let proposal = Proposal::of(&loaded, loaded.desired.as_ref().unwrap(), None);
    let read = with_proposal(dir.path().to_owned(), proposal.text().as_bytes(), Path::new("proposal.json"));
    let (mut workspace, base, _) = read.unwrap_or_else(|error| panic!("{error}"));
    let desired = at_commit(workspace.loaded.desired.take().unwrap());
    let azure = azure();
    let run = request((workspace, desired), &azure, newer()).plan_since(base).await;
    assert!(run.approval().refused.is_empty(), "{:#?}", run.approval());
    assert!(run.plan().changes.is_empty(), "{:#?}", run.plan().changes);
    assert_eq!(run.base().unwrap().before.refused, 1);
}

/// A journal that cannot take down the end, and perhaps could not take down something before.
struct NoEnd {
    had_failed: bool,
    ended: Mutex<Vec<Ended>>,
}

impl Journal for NoEnd {
    fn begin(&self, _: Begun, _: BTreeMap<Origin, Place>) -> Result<(), Unrecorded> {
        Ok(())
    }

    async fn asked(&self, _: &Change) -> Result<(), Unrecorded> {
        self.failed().map_or(Ok(()), Err)
    }

    async fn ended(&self, _: &Outcome, _: Option<&Answered<()>>) -> Result<(), Unrecorded> {
        Ok(())
    }

    fn close(&self, ended: impl FnOnce(u64) -> Ended) -> Result<(), Unrecorded> {
        self.ended.lock().unwrap().push(ended(1));
        Err(Unrecorded::new("no room at the end"))
    }

    fn failed(&self) -> Option<Unrecorded> {
        self.had_failed.then(|| Unrecorded::new("no room before"))
    }
}

#[tokio::test]
async fn an_end_that_is_not_recorded_is_said_unless_something_was_before() {
    for had_failed in [false, true] {
        let azure = azure();
        let run = request(read(), &azure, Records::default()).plan().await;
        let by = By { via: "machine".to_owned(), name: "kari".to_owned(), run: None, identity: None };
        let journal = NoEnd { had_failed, ended: Mutex::default() };
        let (reader, writer, stop) = (&azure, &azure, &mut NoStop);
        let (command, tool, saved, journal_of) = ("apply", "tilgang", None, &journal);
        let check = async || Ok(());
        let request = ApplyRequest { command, tool, by, saved, reader, writer, journal: journal_of, stop, check };
        let applied = run.apply(request).await.unwrap_or_else(|it| panic!("{}", it.why));
        assert_eq!(applied.unrecorded().is_some(), had_failed);
        let exit = applied.exit();
        assert_eq!(exit, if had_failed { Exit::Failed } else { Exit::Converged }); // nothing was done, or all
        let (_, unclosed) = applied.close(exit);
        assert_eq!(matches!(unclosed, Some(Error::Unrecorded(_))), !had_failed);
        let ended = journal.ended.into_inner().unwrap();
        let [ended] = &ended[..] else { panic!("{ended:?}") };
        assert_eq!((ended.exit, ended.failed), (exit.code(), 0));
        assert_eq!((ended.done, ended.not_tried), if had_failed { (0, 1) } else { (1, 0) });
        assert!(!ended.interrupted);
    }
}
