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
        desired::{Desired, OwnerFile, Revision},
        ids::{AssignmentName, ScopeId},
        observed::Observed,
        owner::OwnerCode,
    },
    observe::{again, observe},
    plan::{
        Plan,
        approve::{Applied, Refused},
        basis::Basis,
        change::Action,
        plan,
        saved::{Deed, Saved},
    },
};

use super::{
    faulty::{Azure, Far},
    git::{File, Git},
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
}

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

/// Looks and compares. Git has no past here: a doubtful name is one that could be anybody's.
async fn look<P: Far>(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    now: Timestamp,
    azure: &Azure<'_, P>,
    told: &Told,
) -> (Observed, Plan) {
    let mut observed = observe(desired, owners, now, azure).await;
    observed.remembered.clone_from(&told.remembered);
    let mut plan = plan(desired, &observed, now.to_zoned(TimeZone::UTC).date());
    if let Some(owners) = owners {
        plan.only(owners);
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
