//! The program under test, and the only place that calls it: read git, look, plan, approve, carry out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use jiff::{Timestamp, tz::TimeZone};
use tilgang::{
    app::{ApplyRequest, AskPermissions, Exit, NameHistory, NoStop, PlanRequest, PlannedRun, Records, Workspace},
    config::{self, Sources},
    ledger::entry::By,
    model::{
        desired::{Desired, FileId, Origin, OwnerFile, Revision},
        file_history::{FileHistory, FormerEntry, HistoryGap},
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, UserName},
        owner::{OwnerCode, RoleName},
        past::{LineAge, Past, Turn},
        remembered::{RecordedDefinition, Remembered},
    },
    plan::{
        Plan,
        approve::{Applied, Refused},
        change::Action,
        outcome::Outcome,
        plan,
        saved::{Deed, Saved},
        selection::{Deferred, Kinds, Left, Scope},
    },
};

use super::{
    faulty::{Azure, Far},
    git::{File, Git},
    universe::OWNERS,
};

/// What is known of git when a run begins.
#[derive(Clone, Debug)]
pub enum Head {
    /// HEAD of that time; the files of these owners differ from it.
    Commit(Timestamp, BTreeSet<&'static str>),
    NotInGit,
    Unknown,
}

/// What a run said.
#[derive(Clone, Debug)]
pub struct Said {
    pub plan: Plan,
    pub refused: Vec<Refused>,
    /// What is left for another run.
    pub deferred: Vec<Deferred>,
    /// Nothing if it was killed.
    pub outcomes: Option<Vec<Outcome>>,
    /// Nothing if it was killed; with no outcomes it did not begin.
    pub exit: Option<Exit>,
    /// Errors in the files.
    pub errors: usize,
    /// Whether the saved plan was carried out, if it was one.
    pub admitted: Option<bool>,
}

impl Said {
    /// What a run says as soon as there is a plan: a killed one says no more.
    fn planned(run: &PlannedRun, admitted: Option<bool>) -> Self {
        Self {
            plan: run.plan().clone(),
            refused: if admitted == Some(false) { Vec::new() } else { run.approval().refused.clone() },
            deferred: run.deferred().to_vec(),
            outcomes: None,
            exit: None,
            errors: run.workspace().loaded.errors.len(),
            admitted,
        }
    }

    /// Everything that differs and could be decided, whether this run was to change it or not.
    pub fn all_changes(&self) -> Vec<&tilgang::plan::change::Change> {
        let left = self.deferred.iter().filter_map(|it| match &it.what {
            Left::Change(change) => Some(change),
            Left::Blocked(_) => None,
        });
        self.plan.changes.iter().chain(left).collect()
    }

    /// Everything that could not be decided, or not safely.
    pub fn all_blocked(&self) -> Vec<&tilgang::plan::blocked::Blocked> {
        let left = self.deferred.iter().filter_map(|it| match &it.what {
            Left::Blocked(blocked) => Some(blocked),
            Left::Change(_) => None,
        });
        self.plan.blocked.iter().chain(left).collect()
    }
}

/// What a run is told beside git and Azure.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The newest commit that a run recorded, if runs are recorded.
    pub newest: Option<Timestamp>,
    /// When resources were made, as the last record has it.
    pub remembered: BTreeMap<ScopeId, Timestamp>,
    /// What role definitions permit, as the last record has it.
    pub definitions: BTreeMap<RoleDefinitionId, String>,
    /// A plan that was written down: that is carried out, or nothing.
    pub saved: Option<Saved>,
    /// What the targets of that plan were then.
    pub then: BTreeMap<ScopeId, Facts>,
    /// What git tells of its past: each commit on the way to the one that is read, oldest first.
    pub past: Option<Vec<Git>>,
    /// What git tells of earlier versions of files: the same commits, edited files or not. None: git does not answer.
    pub versions: Option<Vec<Git>>,
    /// By what names anybody was ever known, and who.
    pub names: BTreeMap<UserName, BTreeSet<PrincipalId>>,
    /// Which changes the run makes.
    pub kinds: Kinds,
}

impl NameHistory for Told {
    fn past(
        &self,
        desired: &Desired,
        _: &Sources,
        doubtful: &BTreeMap<FileId, BTreeSet<UserName>>,
    ) -> BTreeMap<FileId, Past> {
        let Some(commits) = &self.past else { return BTreeMap::new() };
        let mut pasts = BTreeMap::new();
        for owner in OWNERS {
            let file = match desired.file_of(OwnerCode::new(owner).unwrap()) {
                OwnerFile::Read(id) | OwnerFile::Removed(id) | OwnerFile::Broken(id) => id,
                OwnerFile::Missing => continue,
            };
            let Some(asked) = doubtful.get(&file) else { continue };
            let mut before: Option<BTreeSet<UserName>> = None;
            let mut turns = Vec::new();
            for commit in commits {
                let now = commit.names(owner);
                let (was, is) = (before.clone().unwrap_or_default(), now.clone().unwrap_or_default());
                if before != now {
                    let came: BTreeSet<UserName> = is.difference(&was).cloned().collect();
                    turns.push(Turn {
                        at: commit.committed,
                        whole: before.is_none(),
                        wrote: came.intersection(asked).cloned().collect(),
                        came,
                        went: was.difference(&is).cloned().collect(),
                    });
                }
                before = now;
            }
            pasts.insert(file, Past(turns));
        }
        pasts
    }

    fn file_history(&self, desired: &Desired, owners: &BTreeSet<OwnerCode>) -> BTreeMap<OwnerCode, FileHistory> {
        if desired.revision == Revision::NotInGit {
            return BTreeMap::new();
        }
        let mut histories = BTreeMap::new();
        for owner in owners {
            let mut history = FileHistory::default();
            if self.versions.is_none() {
                history.gaps.insert(HistoryGap::Unanswered("nobody can say".to_owned()));
            }
            let commits = self.versions.as_deref().unwrap_or_default();
            for (n, commit) in commits.iter().enumerate() {
                let (Some(File::Read(entries) | File::Broken(entries)), later) =
                    (commit.files.get(owner.as_str()), &commits[n + 1..])
                else {
                    continue;
                };
                let next = later.iter().find(|it| it.files.get(owner.as_str()) != commit.files.get(owner.as_str()));
                for entry in entries {
                    for role in &entry.roles {
                        let (name, id) = (UserName::new(&entry.name), entry.id.map(PrincipalId));
                        let role = RoleName::new(role.name);
                        history.learn(FormerEntry { name, id, role }, next.map(|it| it.committed));
                    }
                }
            }
            histories.insert(*owner, history);
        }
        histories
    }

    fn written(&self, _: &Sources, _: &BTreeMap<Origin, Timestamp>) -> BTreeMap<Origin, LineAge> {
        BTreeMap::new()
    }
}

/// When a target was made; what stands on it under a name that only we would give: name, condition, description; and what the
/// role definitions permit that are given or taken there.
pub type Facts = (
    Option<Timestamp>,
    BTreeSet<(AssignmentName, Option<String>, Option<String>)>,
    BTreeSet<(RoleDefinitionId, Option<String>)>,
);

/// What to do of a saved plan, by name.
pub fn steps(saved: &Saved) -> BTreeSet<(AssignmentName, Action)> {
    saved.changes.iter().map(|deed| (deed.name, deed.action)).collect()
}

const TOOL: &str = "tilgang";

/// A commit is called after its time.
fn hash(at: Timestamp) -> String {
    format!("{:040x}", at.as_second())
}

/// Reads the workspace of a commit.
pub fn read(git: &Git, revision: &Head) -> (Workspace, Desired) {
    let texts = git.texts();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let mut loaded = config::load_texts(&texts);
    let mut desired = loaded.desired.take().unwrap_or_else(|| panic!("{:?}", loaded.errors));
    for (owner, file) in &git.files {
        let state = desired.file_of(OwnerCode::new(owner).unwrap());
        let as_meant = matches!(
            (file, state),
            (File::Read(_), OwnerFile::Read(_))
                | (File::Removed, OwnerFile::Removed(_))
                | (File::Missing, OwnerFile::Missing)
                | (File::Broken(_), OwnerFile::Broken(_))
        );
        assert!(as_meant, "{owner} is {state:?}: {:?}", loaded.errors);
    }
    desired.revision = match revision {
        Head::NotInGit => Revision::NotInGit,
        Head::Unknown => Revision::Unknown("git could not be run".to_owned()),
        Head::Commit(time, edited) => {
            let file = |owner: &&str| match desired.file_of(OwnerCode::new(owner).unwrap()) {
                OwnerFile::Read(id) | OwnerFile::Removed(id) | OwnerFile::Broken(id) => Some(id),
                OwnerFile::Missing => None,
            };
            Revision::Commit { hash: hash(*time), time: *time, edited: edited.iter().filter_map(file).collect() }
        }
    };
    (Workspace::of(PathBuf::from("nowhere"), loaded), desired)
}

/// Which run is made.
pub struct Ask<'a> {
    pub read: (Workspace, Desired),
    /// Whose access is read.
    pub owners: Option<&'a BTreeSet<OwnerCode>>,
    pub now: Timestamp,
    pub told: &'a Told,
}

/// Reads and compares, as every command does.
async fn planned<P: Far>(ask: Ask<'_>, azure: &Azure<'_, P>) -> PlannedRun {
    let Ask { read: (workspace, desired), owners, now, told } = ask;
    let newest = told.newest.map(|time| Applied { commit: hash(time), time, follows: None });
    let request = PlanRequest {
        workspace,
        desired,
        scope: Scope::chosen(owners.cloned()),
        azure,
        records: Records {
            applied_last: None,
            newest,
            remembered: Remembered {
                made: told.remembered.clone(),
                // By whatever name: none of these is Microsoft's own, so a name proves nothing.
                definitions: told.definitions.iter().map(|(id, is)| (*id, recorded(is))).collect(),
                ..Remembered::default()
            },
        },
        history: told,
        permissions: AskPermissions::Of(azure.identity()),
        now,
    };
    let run = request.plan().await;
    if !run.observed().people.past.is_empty() {
        let mut without = run.observed().clone();
        without.people.past.clear();
        let mut without = plan(run.desired(), &without, now.to_zoned(TimeZone::UTC).date());
        if let Some(owners) = owners {
            without.only(owners);
        }
        if run.plan().changes.len() > without.changes.len() {
            azure.count("doubts", "ruled out by git's past");
        }
    }
    run
}

fn recorded(permits: &str) -> RecordedDefinition {
    RecordedDefinition { name: String::new(), permits: permits.to_owned() }
}

/// One run, as `plan --out` makes it.
pub async fn plan_out<P: Far>(ask: Ask<'_>, azure: &Azure<'_, P>) -> Saved {
    let owners = ask.owners.cloned();
    let run = planned(ask, azure).await;
    let approval = run.approval();
    Saved {
        tool: TOOL.to_owned(),
        tenant: run.desired().tenant,
        instance: run.desired().instance.clone(),
        selected: owners,
        basis: run.basis(),
        changes: approval.approved.changes().iter().map(Deed::from).collect(),
        refused: approval.refused.iter().map(|refused| (&refused.change).into()).collect(),
    }
}

/// One run, as `apply` makes it, of a plan made now, of some of its changes, or of a saved one. `tell`: what it says as soon as
/// there is a plan, and again when it is through.
pub async fn apply<P: Far>(ask: Ask<'_>, azure: &Azure<'_, P>, tell: &(dyn Fn(Said) + Sync)) {
    let told = ask.told;
    let mut run = planned(ask, azure).await;
    let (mut admitted, whole) = (None, run.plan().clone());
    if let Some(saved) = &told.saved {
        let refused = Said { outcomes: Some(Vec::new()), ..Said::planned(&run, Some(false)) };
        run = match run.limit_to(saved) {
            Ok((run, _)) => run,
            Err(moved) => {
                assert!(!moved.differences.is_empty(), "refused, and nobody says why");
                return tell(refused);
            }
        };
        admitted = Some(true);
    }
    run.select(&told.kinds);
    let mut said = Said::planned(&run, admitted);
    if admitted.is_some() {
        said.plan = whole; // what is not in the saved plan differs all the same
    }
    tell(said.clone());
    let by = By { via: "machine".to_owned(), name: "kari".to_owned(), run: None, identity: None };
    let (reader, writer, journal) = (azure, azure, azure);
    let (stop, check) = (&mut NoStop, async || Ok(()));
    let request = ApplyRequest { command: "apply", tool: TOOL, by, saved: None, reader, writer, journal, stop, check };
    let applied = match run.apply(request).await {
        Ok(applied) => applied,
        Err(not_begun) => return tell(Said { exit: Some(not_begun.why.exit()), ..said }),
    };
    let (outcomes, exit) = (applied.outcomes().map(<[_]>::to_vec), applied.exit());
    let _ = applied.close(exit);
    tell(Said { outcomes, exit: Some(exit), ..said });
}
