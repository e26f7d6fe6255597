//! What one change to git causes: the workspace, and the state before the change, held against one look at Azure.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{
    config::{self, Loaded, PROPOSAL_BYTES_MAX, Proposal, Touched},
    model::{
        desired::{Desired, OwnerFile, Revision},
        observed::Observed,
        owner::OwnerCode,
    },
    observe::observe,
    plan::{
        self, Plan,
        approve::Approval,
        caused::{Before, Caused, caused},
        taken,
    },
    report::Base,
};

use super::{
    Exit, Global, file,
    ground::{Ground, draw},
    output,
    survey::{Azure, Survey, compare},
};

/// The state before a change.
pub(super) struct Against {
    commit: Option<String>,
    loaded: Loaded,
    touched: Touched,
    mended: BTreeSet<OwnerCode>,
}

/// What was told apart.
pub(super) struct Split {
    commit: Option<String>,
    before: Before,
    is_known: bool,
    rules: bool,
    mended: BTreeSet<OwnerCode>,
}

impl Split {
    /// For a report.
    pub(super) fn view(&self) -> Base<'_> {
        let Self { commit, before, is_known, rules, mended } = self;
        Base { commit: commit.as_deref(), before, is_known: *is_known, rules: *rules, mended }
    }
}

impl Global {
    /// Reads the workspace, and its state where HEAD and `reference` parted. Draws the errors that the change answers for.
    pub(super) fn ground_since(&self, reference: &str) -> Result<(Ground, Against), Exit> {
        let dir = self.workspace()?;
        let loaded = config::load(&dir);
        // Where `tilgang.yaml` has a mistake nothing is known of the revision; nor is anything planned.
        let revision = loaded.desired.as_ref().map(|desired| desired.revision.clone());
        let revision = revision.unwrap_or_else(|| config::revision(&dir, &loaded.sources));
        let base = config::base(&dir, reference, &loaded.sources, &revision);
        let base = base.map_err(|error| output::fail(self, format_args!("--base: {error}")));
        let base = base?;
        self.hold_against(dir, loaded, base.loaded, Some(base.commit))
    }

    /// Reads the workspace, and puts a proposal over it. Draws the errors that the proposal answers for.
    pub(super) fn ground_with(&self, file: &Path) -> Result<(Ground, Against), Exit> {
        let dir = self.workspace()?;
        let proposal = file::bytes(file, PROPOSAL_BYTES_MAX).and_then(|bytes| Proposal::read(&bytes));
        let proposal = proposal.map_err(|error| output::fail(self, format_args!("{}: {error}", file.display())))?;
        let mut base = config::load(&dir);
        proposal.beside(&mut base);
        let commit = match base.desired.as_ref().map(|desired| &desired.revision) {
            Some(Revision::Commit { hash, .. }) => Some(hash.clone()),
            _ => None,
        };
        let (loaded, lines) = proposal.over(&dir);
        let (ground, against) = self.hold_against(dir, loaded, base, commit)?;
        Ok((Ground { lines, ..ground }, against))
    }

    /// A workspace beside the state before a change.
    fn hold_against(
        &self,
        dir: PathBuf,
        mut loaded: Loaded,
        base: Loaded,
        commit: Option<String>,
    ) -> Result<(Ground, Against), Exit> {
        let touched = Touched::between(&base.sources, &loaded.sources);
        let then =
            base.errors.iter().map(|error| (error.file(), error.line(), error.message())).collect::<BTreeSet<_>>();
        let is_before = |error: &config::ConfigError| {
            let is_of_change =
                touched.rules || touched.owners.iter().any(|owner| error.file() == format!("owners/{owner}.yaml"));
            !is_of_change && then.contains(&(error.file(), error.line(), error.message()))
        };
        let all = loaded.errors.len();
        loaded.errors.retain(|error| !is_before(error));
        let before = all - loaded.errors.len();
        for error in &loaded.errors {
            output::say_drawn(draw(error, self.color.stderr()));
        }
        if before > 0 {
            let errors = if before == 1 { "error was" } else { "errors were" };
            output::say(format_args!(
                "note: {before} {errors} in the files before this change; `tilgang validate` shows all"
            ));
        }
        let mended = match (&base.desired, &loaded.desired) {
            (Some(was), Some(is)) => mended(was, is),
            _ => BTreeSet::new(),
        };
        let owners = self.owners(&loaded)?;
        let against = Against { commit, loaded: base, touched, mended };
        Ok((Ground::new(dir, loaded, owners), against))
    }
}

/// Owners whose files had errors and have none.
fn mended(was: &Desired, is: &Desired) -> BTreeSet<OwnerCode> {
    let had = was.owners.iter().filter(|(_, owner)| matches!(owner.file, OwnerFile::Broken(_))).map(|(code, _)| *code);
    had.filter(|code| matches!(is.file_of(*code), OwnerFile::Read(_) | OwnerFile::Removed(_))).collect()
}

impl Against {
    /// Leaves in a survey only what the change causes.
    pub(super) async fn split(self, survey: &mut Survey, azure: &impl Azure) -> Split {
        let Self { commit, loaded, touched, mended } = self;
        let Touched { mut owners, rules } = touched;
        if rules {
            owners.extend(survey.desired.owners.keys());
        }
        // Another tenant or installation has nothing in common with this one.
        let base = loaded
            .desired
            .as_ref()
            .filter(|it| (it.tenant, &it.instance) == (survey.desired.tenant, &survey.desired.instance));
        let past = match base {
            Some(base) => Some(look_back(base, &loaded, survey, azure).await),
            None => None,
        };
        let judged = past.as_ref().map(|(_, plan, approval)| (plan, approval));
        let Caused { mut plan, approval, before } =
            caused(&survey.desired, (&survey.plan, &survey.approval), judged, &owners);
        if let (Some(base), Some((observed, ..))) = (base, &past) {
            let taken = taken::taken((base, observed), (&survey.desired, &survey.observed));
            let asked = taken::groups(&taken, &survey.desired, &survey.observed);
            let groups = if asked.is_empty() { BTreeMap::new() } else { azure.groups(&asked).await };
            let mut held = taken::still_held(&taken, &survey.desired, &survey.observed, &groups);
            if let Some(chosen) = &survey.ground.owners {
                held.retain(|finding| finding.owner.is_some_and(|owner| chosen.contains(&owner)));
            }
            taken::tell(&mut plan.findings, held);
        }
        (survey.plan, survey.approval) = (plan, approval);
        Split { commit, before, is_known: base.is_some(), rules, mended }
    }
}

/// The plan that would be made without the change, from the same answers of Azure.
async fn look_back(base: &Desired, loaded: &Loaded, survey: &Survey, azure: &impl Azure) -> (Observed, Plan, Approval) {
    let owners = survey.ground.owners.as_ref();
    let mut observed = observe(base, owners, survey.observed.at, azure).await;
    observed.remembered.clone_from(&survey.observed.remembered);
    let mut plan = compare(base, &observed, owners);
    let doubtful = plan::doubtful(base, &observed, &plan);
    if !doubtful.is_empty() && matches!(base.revision, Revision::Commit { .. }) {
        observed.people.past = config::past(&survey.ground.dir, &loaded.sources, &base.revision, &doubtful);
        plan = compare(base, &observed, owners);
    }
    survey.mandate.tell(&mut plan);
    let approval = plan.settle(&base.policy, owners.is_none());
    let approval = approval.unless_older(&survey.desired.revision, survey.applied.as_ref());
    (observed, plan, approval)
}
