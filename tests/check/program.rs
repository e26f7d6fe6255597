//! The program under test, and the only place that calls it: read git, look, plan, approve, carry out.

use std::{collections::BTreeSet, sync::atomic::AtomicBool};

use jiff::{Timestamp, tz::TimeZone};
use tilgang::{
    config,
    execute::{Outcome, execute},
    model::{
        desired::{Desired, OwnerFile, Revision},
        observed::Observed,
        owner::OwnerCode,
    },
    observe::{again, observe},
    plan::{Plan, approve::Refused, plan},
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
            Revision::Commit {
                hash: "c0ffee".to_owned(),
                time: *time,
                edited: edited.iter().filter_map(file).collect(),
            }
        }
    };
    (desired, loaded.errors.len())
}

/// One run, as `apply` makes it. `planned` is told as soon as there is a plan: a killed run says no more.
pub async fn apply<P: Far>(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    now: Timestamp,
    azure: &Azure<'_, P>,
    planned: &(dyn Fn(&Plan, &[Refused]) + Sync),
) -> Vec<Outcome> {
    let compare = |observed: &Observed| {
        let mut plan = plan(desired, observed, now.to_zoned(TimeZone::UTC).date());
        if let Some(owners) = owners {
            plan.only(owners);
        }
        plan
    };
    // Git has no past here: a doubtful name is one that could be anybody's.
    let observed = observe(desired, owners, now, azure).await;
    let mut plan = compare(&observed);
    let approval = plan.settle(&desired.policy, owners.is_none());
    planned(&plan, &approval.refused);
    let mut approved = approval.approved;
    azure.look_again();
    let questions = approved.questions(&observed);
    let seen = again(&questions.targets, &questions.people, azure).await;
    let withheld = approved.withhold(&observed, &seen);
    let mut outcomes = execute(&approved, azure, azure, &AtomicBool::new(false)).await;
    outcomes.extend(withheld.into_iter().map(Outcome::from));
    outcomes
}
