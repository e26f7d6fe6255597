//! What one change to git causes: the workspace, and the state before the change, compared with one reading of Azure.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    error::Error,
    note::Note,
    plan::{Azure, PlanRequest, PlannedRun},
    workspace::{NameHistory, Workspace},
};
use crate::{
    config::{self, ConfigError, Loaded, Proposal, Touched},
    model::{
        desired::{Desired, OwnerFile, Revision},
        owner::OwnerCode,
    },
    observe::Remembering,
    plan::{
        caused::{BaseDiff, Caused, caused},
        taken,
    },
};

/// The state of git before a change.
pub struct Base {
    commit: Option<String>,
    loaded: Loaded,
    touched: Touched,
    fixed: BTreeSet<OwnerCode>,
}

/// A workspace and its base; with it what the base already had wrong.
pub type WithBase = (Workspace, Base, Option<Note>);

/// Reads the workspace, and its state where HEAD and `reference` parted. Errors that were there before are left out.
///
/// # Errors
/// If git cannot tell that state.
pub fn since(dir: PathBuf, reference: &str) -> Result<WithBase, Error> {
    let loaded = config::load(&dir);
    // Where `tilgang.yaml` has a mistake nothing is known of the revision; nor is anything planned.
    let revision = loaded.desired.as_ref().map(|desired| desired.revision.clone());
    let revision = revision.unwrap_or_else(|| config::revision(&dir, &loaded.sources));
    let base = config::base(&dir, reference, &loaded.sources, &revision);
    let base = base.map_err(|error| Error::Unreadable(format!("--base: {error}")))?;
    Ok(beside(dir, loaded, base.loaded, Some(base.commit)))
}

/// Reads the workspace, and puts a proposal over it: a file's bytes, and its path for people.
///
/// # Errors
/// If the file is no proposal.
pub fn with_proposal(dir: PathBuf, bytes: &[u8], path: &Path) -> Result<WithBase, Error> {
    let proposal = Proposal::read(bytes);
    let proposal = proposal.map_err(|error| Error::Unreadable(format!("{}: {error}", path.display())))?;
    let mut base = config::load(&dir);
    proposal.beside(&mut base);
    let commit = match base.desired.as_ref().map(|desired| &desired.revision) {
        Some(Revision::Commit { hash, .. }) => Some(hash.clone()),
        _ => None,
    };
    let (loaded, lines) = proposal.over(&dir);
    let (workspace, base, note) = beside(dir, loaded, base, commit);
    Ok((Workspace { lines, ..workspace }, base, note))
}

/// A workspace beside the state before a change.
fn beside(dir: PathBuf, mut loaded: Loaded, base: Loaded, commit: Option<String>) -> WithBase {
    let touched = Touched::between(&base.sources, &loaded.sources);
    let then = base.errors.iter().map(|error| (error.file(), error.line(), error.message())).collect::<BTreeSet<_>>();
    let is_before = |error: &ConfigError| {
        let is_of_change =
            touched.rules || touched.owners.iter().any(|owner| error.file() == format!("owners/{owner}.yaml"));
        !is_of_change && then.contains(&(error.file(), error.line(), error.message()))
    };
    let all = loaded.errors.len();
    loaded.errors.retain(|error| !is_before(error));
    let before = all - loaded.errors.len();
    let fixed = match (&base.desired, &loaded.desired) {
        (Some(was), Some(is)) => fixed(was, is),
        _ => BTreeSet::new(),
    };
    let note = (before > 0).then_some(Note::ErrorsBefore(before));
    (Workspace::of(dir, loaded), Base { commit, loaded: base, touched, fixed }, note)
}

/// Owners whose files had errors and have none.
fn fixed(was: &Desired, is: &Desired) -> BTreeSet<OwnerCode> {
    let had = was.owners.iter().filter(|(_, owner)| matches!(owner.file, OwnerFile::Broken(_))).map(|(code, _)| *code);
    had.filter(|code| matches!(is.file_of(*code), OwnerFile::Read(_) | OwnerFile::Removed(_))).collect()
}

impl<A: Azure, H: NameHistory> PlanRequest<'_, A, H> {
    /// Only what a change to git causes, beside all that differs anyway: both states of git, compared with one reading of Azure.
    pub async fn plan_since(self, base: Base) -> PlannedRun {
        let (azure, history) = (Remembering::new(self.azure), self.history);
        let Self { workspace, desired, scope, records, permissions, now, .. } = self;
        let request = PlanRequest { workspace, desired, scope, azure: &azure, records, history, permissions, now };
        let mut run = request.plan().await;
        base.split(&mut run, history, &azure).await;
        run
    }
}

impl Base {
    /// Leaves in a run only what the change causes.
    async fn split(self, run: &mut PlannedRun, history: &impl NameHistory, azure: &impl Azure) {
        let Self { commit, loaded, touched, fixed } = self;
        let Touched { mut owners, rules } = touched;
        if rules {
            owners.extend(run.desired().owners.keys());
        }
        // Another tenant or installation has nothing in common with this one.
        let base = loaded
            .desired
            .as_ref()
            .filter(|it| (it.tenant, &it.instance) == (run.desired().tenant, &run.desired().instance));
        let past = match base {
            Some(base) => Some(run.look_back(base, &loaded.sources, history, azure).await),
            None => None,
        };
        let judged = past.as_ref().map(|(_, plan, approval)| (plan, approval));
        let Caused { mut plan, approval, before } =
            caused(run.desired(), (run.plan(), run.approval()), judged, &owners);
        if let (Some(base), Some((observed, ..))) = (base, &past) {
            let taken = taken::taken((base, observed), (run.desired(), run.observed()));
            let asked = taken::groups(&taken, run.desired(), run.observed());
            let groups = if asked.is_empty() { BTreeMap::new() } else { azure.groups(&asked).await };
            let mut held = taken::still_held(&taken, run.desired(), run.observed(), &groups);
            held.retain(|finding| run.scope().is_all() || finding.owner.is_some_and(|owner| run.scope().holds(owner)));
            taken::tell(&mut plan.findings, held);
        }
        let whole = run.plan().clone();
        let diff = BaseDiff { commit, before, whole, is_known: base.is_some(), rules, fixed };
        run.caused(plan, approval, diff);
    }
}
