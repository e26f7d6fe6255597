//! The program under test, and the only place that calls it: read git, look, plan, approve, carry out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

use jiff::{Timestamp, tz::TimeZone};
use tilgang::{
    config,
    execute::{Outcome, execute},
    model::{
        desired::{Desired, FileId, OwnerFile, Revision},
        ids::{AssignmentName, PrincipalId, ScopeId, UserName},
        observed::Observed,
        owner::OwnerCode,
        past::{Past, Turn},
    },
    observe::{again, observe},
    plan::{
        Plan,
        approve::{Applied, Refused},
        basis::Basis,
        change::Action,
        doubtful, plan,
        saved::{Deed, Saved},
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
    /// Nothing if it was killed.
    pub outcomes: Option<Vec<Outcome>>,
    /// Errors in the files.
    pub errors: usize,
    /// Whether the saved plan was carried out, if it was one.
    pub admitted: Option<bool>,
}

/// What a run is told beside git and Azure.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The newest commit that a run recorded, if runs are recorded.
    pub newest: Option<Timestamp>,
    /// When resources were made, as the last record has it.
    pub remembered: BTreeMap<ScopeId, Timestamp>,
    /// A plan that was written down: that is carried out, or nothing.
    pub saved: Option<Saved>,
    /// What the targets of that plan were then.
    pub then: BTreeMap<ScopeId, Facts>,
    /// What git tells of its past: each commit on the way to the one that is read, oldest first.
    pub past: Option<Vec<Git>>,
    /// By what names anybody was ever known, and who.
    pub names: BTreeMap<UserName, BTreeSet<PrincipalId>>,
}

impl Told {
    /// What git tells of these files and names, as the program would read it from there.
    fn turns(&self, desired: &Desired, doubtful: &BTreeMap<FileId, BTreeSet<UserName>>) -> BTreeMap<FileId, Past> {
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
}

/// When a target was made, and what stands on it under a name that only we would give: name, condition, description.
pub type Facts = (Option<Timestamp>, BTreeSet<(AssignmentName, Option<String>, Option<String>)>);

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
pub fn read(git: &Git, revision: &Head) -> (Desired, usize) {
    let texts = git.texts();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let loaded = config::load_texts(&texts);
    let mut desired = loaded.desired.unwrap_or_else(|| panic!("{:?}", loaded.errors));
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
    (desired, loaded.errors.len())
}

/// Looks and compares; where a name leaves a doubt, git is asked for its past, and it is compared again.
async fn look<P: Far>(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    now: Timestamp,
    azure: &Azure<'_, P>,
    told: &Told,
) -> (Observed, Plan) {
    let mut observed = observe(desired, owners, now, azure).await;
    observed.remembered.clone_from(&told.remembered);
    let compare = |observed: &Observed| {
        let mut plan = plan(desired, observed, now.to_zoned(TimeZone::UTC).date());
        if let Some(owners) = owners {
            plan.only(owners);
        }
        plan
    };
    let mut plan = compare(&observed);
    let doubtful = doubtful(desired, &observed, &plan);
    if !doubtful.is_empty() && told.past.is_some() {
        observed.people.past = told.turns(desired, &doubtful);
        let before = plan.changes.len();
        plan = compare(&observed);
        if plan.changes.len() > before {
            azure.count("doubts", "ruled out by git's past");
        }
    }
    (observed, plan)
}

/// One run, as `plan --out` makes it.
pub async fn plan_out<P: Far>(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    now: Timestamp,
    azure: &Azure<'_, P>,
    told: &Told,
) -> Saved {
    let (observed, mut plan) = look(desired, owners, now, azure, told).await;
    let newest = told.newest.map(|time| Applied { commit: hash(time), time });
    let approval = plan.settle(&desired.policy, owners.is_none()).unless_older(&desired.revision, newest.as_ref());
    let changes: Vec<Deed> = approval.approved.changes().iter().map(Deed::from).collect();
    Saved {
        tool: TOOL.to_owned(),
        tenant: desired.tenant,
        instance: desired.instance.clone(),
        selected: owners.cloned(),
        basis: Basis::of(desired, &observed, &changes),
        changes,
        refused: approval.refused.iter().map(|refused| (&refused.change).into()).collect(),
    }
}

/// What a run tells as soon as there is a plan: a killed one says no more.
pub type Planned<'a> = &'a (dyn Fn(&Plan, &[Refused], Option<bool>) + Sync);

/// One run, as `apply` makes it, of a plan made now or of a saved one.
pub async fn apply<P: Far>(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    now: Timestamp,
    azure: &Azure<'_, P>,
    told: &Told,
    planned: Planned<'_>,
) -> Vec<Outcome> {
    let (observed, mut plan) = look(desired, owners, now, azure, told).await;
    let newest = told.newest.map(|time| Applied { commit: hash(time), time });
    let approval = plan.settle(&desired.policy, owners.is_none());
    let (approval, admitted) = match &told.saved {
        None => (approval, None),
        Some(saved) => match saved.admit(desired, &observed, &plan) {
            Ok(approval) => (approval, Some(true)),
            Err(differences) => {
                assert!(!differences.is_empty(), "refused, and nobody says why");
                planned(&plan, &[], Some(false));
                return Vec::new();
            }
        },
    };
    let approval = approval.unless_older(&desired.revision, newest.as_ref());
    planned(&plan, &approval.refused, admitted);
    let mut approved = approval.approved;
    azure.look_again();
    let questions = approved.questions(&observed);
    let seen = again(&questions.targets, &questions.people, azure).await;
    let withheld = approved.withhold(&observed, &seen);
    let mut outcomes = execute(&approved, azure, azure, &AtomicBool::new(false)).await;
    outcomes.extend(withheld.into_iter().map(Outcome::from));
    outcomes
}
