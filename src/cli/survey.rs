//! What `plan`, `apply` and `drift` share: read git, look at Azure, compare, ask policy, and say it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    config::{self, Loaded},
    ledger::{Ledger, LedgerError, entry::Commit, sight::view},
    model::{
        desired::{Desired, Revision},
        ids::ScopeId,
        observed::Observed,
        owner::OwnerCode,
    },
    observe::{Remembering, observe, observe_where},
    plan::{
        self, Plan,
        approve::{Applied, Approval, Refusal},
        basis::{Basis, Side},
        blocked::{Block, Blocked},
        change::{Action, Change},
        saved::Deed,
    },
    ports::{AssignmentReader, Directory, Inventory},
    report::{Fit, View},
};

use super::{
    Exit, Global, TOOL,
    against::{Against, Split},
    far::Far,
    ground::Ground,
    ledger as records, output,
    own::{self, Mandate},
    progress,
};

/// What is asked of Azure to plan.
pub(super) trait Azure: Directory + Inventory + AssignmentReader {}

impl<A: Directory + Inventory + AssignmentReader> Azure for A {}

/// Everything a report needs.
pub(super) struct Survey {
    pub ground: Ground,
    pub desired: Desired,
    pub observed: Observed,
    pub plan: Plan,
    pub approval: Approval,
    /// Where runs are recorded, if anywhere; or why it cannot be read.
    pub ledger: Option<Result<Arc<Ledger>, String>>,
    /// The newest commit that was applied, as the ledger tells.
    pub applied: Option<Applied>,
    /// What our identity may, where that was asked.
    pub mandate: Mandate,
    /// What it was held against; then `plan` and `approval.refused` are only what the change causes.
    pub base: Option<Split>,
}

impl Survey {
    /// Looks and compares, on a workspace that was read. `Err` when there is nothing to compare with. `to_change`: whether our
    /// identity may change it is asked as well.
    pub(super) async fn on(
        mut ground: Ground,
        global: &Global,
        far: &mut Option<Far>,
        to_change: bool,
    ) -> Result<Self, Exit> {
        let Some(desired) = ground.loaded.desired.take() else { return Err(ground.exit().max(Exit::Failed)) };
        let far = far.insert(Box::pin(Far::connect(global, &ground, desired.tenant)).await?);
        let spinner = progress::looking();
        let survey = Box::pin(Self::at(ground, desired, far, &far.reader, to_change));
        let survey = progress::telling(&spinner, || far.session.waiting(), survey).await;
        spinner.finish_and_clear();
        survey.tell_notes();
        Ok(survey)
    }

    /// What a change to git causes, beside all that differs anyway: the workspace and its base, held against one look at Azure.
    pub(super) async fn against(
        base: Against,
        mut ground: Ground,
        global: &Global,
        far: &mut Option<Far>,
    ) -> Result<Self, Exit> {
        let Some(desired) = ground.loaded.desired.take() else { return Err(ground.exit().max(Exit::Failed)) };
        let far = far.insert(Box::pin(Far::connect(global, &ground, desired.tenant)).await?);
        let spinner = progress::looking();
        let survey = Box::pin(async {
            let azure = Remembering::new(&far.reader);
            let mut survey = Self::at(ground, desired, far, &azure, true).await;
            survey.base = Some(base.split(&mut survey, &azure).await);
            survey
        });
        let survey = progress::telling(&spinner, || far.session.waiting(), survey).await;
        spinner.finish_and_clear();
        survey.tell_notes();
        Ok(survey)
    }

    /// Looks and compares, without a word.
    pub(super) async fn at(ground: Ground, desired: Desired, far: &Far, azure: &impl Azure, to_change: bool) -> Self {
        let ledger = records::open(&ground, &desired, far);
        let newest = ledger.as_ref().and_then(|it| it.as_ref().ok()).and_then(|it| it.replay().newest().cloned());
        let applied = newest.map(|Commit { hash, time }| Applied { commit: hash, time });
        let remembered = ledger.as_ref().and_then(|it| it.as_ref().ok()).map(|it| it.replay().made().clone());
        let remembered = remembered.unwrap_or_default();
        let (mut observed, mut plan) = look_at(&desired, &ground, far, azure, remembered).await;
        let doubtful = plan::doubtful(&desired, &observed, &plan);
        if !doubtful.is_empty() {
            let Loaded { sources, .. } = &ground.loaded;
            observed.people.past = match &ground.tip {
                Some(tip) => tip.past(sources, &doubtful),
                None => config::past(&ground.dir, sources, &desired.revision, &doubtful),
            };
            plan = compare_at(&desired, &observed, &ground);
        }
        let mut mandate = Mandate::default();
        if to_change {
            mandate = own::mandate(far, &plan).await;
            mandate.tell(&mut plan);
        }
        let approval = plan
            .settle(&desired.policy, ground.owners.is_none() && ground.shard.is_none())
            .unless_older(&desired.revision, applied.as_ref());
        Self { ground, desired, observed, plan, approval, ledger, applied, mandate, base: None }
    }

    /// What people should know of the workspace.
    fn tell_notes(&self) {
        let Self { desired, plan, .. } = self;
        if desired.revision == Revision::NotInGit && plan.changes.iter().any(|change| change.action == Action::Revoke) {
            output::say(
                "note: this workspace is not in git, so nobody can tell whether an old copy undoes a newer one",
            );
        }
        if desired.policy.member_of.is_none() {
            output::say(
                "note: membership unproven: without `users.member_of` nothing says that a person belongs to an owner",
            );
        }
    }

    /// Leaves only the changes that `keep` wants: what the run does not mean is neither shown nor judged. Removals that are
    /// blocked stay: nobody knows which of them are meant.
    pub(super) fn narrow(&mut self, keep: impl Fn(&Change) -> bool) {
        self.plan.changes.retain(keep);
        self.plan.blocked.retain(|blocked| blocked.action == Action::Revoke);
        let approval = self.plan.settle(&self.desired.policy, false);
        self.approval = approval.unless_older(&self.desired.revision, self.applied.as_ref());
    }

    /// Writes down who holds what, as it was seen. `Ok(None)`: no ledger is kept.
    pub(super) fn record(&self) -> Result<Option<Arc<Ledger>>, String> {
        let Some(ledger) = &self.ledger else { return Ok(None) };
        let ledger = ledger.clone()?;
        let view = view(&self.desired, &self.observed, self.ground.owners.as_ref());
        let saw = ledger.saw(&view);
        if let Some(words) = ledger.notice() {
            output::say(format_args!("note: {words}"));
        }
        match saw {
            Ok(()) => Ok(Some(ledger)),
            // Two at a time: the other has the newer picture, and ours would undo it.
            Err(error @ LedgerError::Overtaken) => {
                output::say(format_args!("note: what was seen is not recorded: {error}"));
                Ok(Some(ledger))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// What the approved changes rest on.
    pub(super) fn basis(&self) -> Basis {
        let deeds: Vec<Deed> = self.approval.approved.changes().iter().map(Deed::from).collect();
        Basis::of(&self.desired, &self.observed, &deeds)
    }

    /// Everything a report needs, borrowed.
    pub(super) fn view<T>(&self, basis: &Basis, report: impl FnOnce(&View<'_>) -> T) -> T {
        let view = View {
            desired: &self.desired,
            plan: &self.plan,
            refused: &self.approval.refused,
            places: &|origin| self.ground.place(origin),
            errors: self.ground.loaded.errors.len(),
            mistakes: &self.ground.loaded.errors,
            folder: self.ground.repository.folder(),
            observed_at: self.observed.at,
            config_digest: &self.ground.loaded.digest,
            observed_digest: &basis.digest(Side::Azure),
            tool: TOOL,
            is_applying: false,
            fit: Fit::default(),
            owners: self.ground.owners.as_ref(),
            saved: None,
            base: self.base.as_ref().map(Split::view),
        };
        report(&view)
    }

    /// What the reading and the plan come to, before anything is done about it.
    pub(super) fn exit(&self) -> Exit {
        let refused = if self.approval.refused.is_empty() && !self.is_kept_from_older() {
            Exit::Converged
        } else {
            Exit::Refused
        };
        self.reading().max(refused)
    }

    /// The newer commit that was applied before, if there is one.
    fn newer(&self) -> Option<&Applied> {
        self.applied.as_ref().filter(|applied| applied.is_newer_than(&self.desired.revision))
    }

    /// Whether something stays because a newer commit made it, which the ledger knows.
    fn is_kept_from_older(&self) -> bool {
        self.newer().is_some() && self.plan.blocked.iter().any(is_of_newer)
    }

    /// Names the newer commit, where nothing else does.
    pub(super) fn tell_age(&self) {
        if let Some(newer) = self.newer()
            && self.approval.refused.is_empty()
            && self.is_kept_from_older()
        {
            output::say(format_args!("refused: {}", Refusal::OlderCommit(newer.clone())));
        }
    }

    /// What could not be read or decided.
    pub(super) fn reading(&self) -> Exit {
        let unread = if self.plan.is_complete() && self.plan.kept.is_empty() { Exit::Converged } else { Exit::Failed };
        // What a newer commit made is not unclear, once the ledger names that commit: it is refused.
        let is_known = |blocked: &Blocked| self.newer().is_some() && is_of_newer(blocked);
        let blocked = if self.plan.blocked.iter().all(is_known) { Exit::Converged } else { Exit::Failed };
        self.ground.exit().max(unread).max(blocked)
    }
}

fn is_of_newer(blocked: &Blocked) -> bool {
    matches!(blocked.block, Block::MadeAfterCommit { .. })
}

/// Looks at Azure and compares. `remembered`: when resources were made, as the ledger knows.
pub(super) async fn look(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    far: &Far,
    azure: &impl Azure,
    remembered: BTreeMap<ScopeId, Timestamp>,
) -> (Observed, Plan) {
    let mut observed = Box::pin(observe(desired, owners, far.now(), azure)).await; // it holds much
    observed.remembered = remembered;
    let plan = compare(desired, &observed, owners);
    (observed, plan)
}

/// The same for what a ground says is meant.
async fn look_at(
    desired: &Desired,
    ground: &Ground,
    far: &Far,
    azure: &impl Azure,
    remembered: BTreeMap<ScopeId, Timestamp>,
) -> (Observed, Plan) {
    let Ground { owners, shard, .. } = ground;
    let chosen = |owner| match shard {
        Some(shard) => shard.holds(owner),
        None => owners.as_ref().is_none_or(|owners| owners.contains(&owner)),
    };
    let mut observed = observe_where(desired, chosen, far.now(), None, azure).await;
    observed.remembered = remembered;
    let plan = compare_at(desired, &observed, ground);
    (observed, plan)
}

/// Compares git with what was seen.
pub(super) fn compare(desired: &Desired, observed: &Observed, owners: Option<&BTreeSet<OwnerCode>>) -> Plan {
    let today = observed.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut plan = tracing::trace_span!("plan").in_scope(|| plan::plan(desired, observed, today));
    if let Some(owners) = owners {
        plan.only(owners);
    }
    plan
}

/// The same, as far as a ground says is meant.
fn compare_at(desired: &Desired, observed: &Observed, ground: &Ground) -> Plan {
    let mut plan = compare(desired, observed, ground.owners.as_ref());
    if let Some(shard) = ground.shard {
        plan.only_shard(shard, observed);
    }
    plan
}
