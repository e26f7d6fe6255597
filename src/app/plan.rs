//! Git and Azure, read and compared: what a run would do, what policy allows of it, and what it leaves for another run.
//!
//! [`PlanRequest::plan`] → [`PlannedRun`], which can only be narrowed: to kinds of changes ([`PlannedRun::select`]), to a saved
//! plan ([`PlannedRun::limit_to`]), to what one change to git causes ([`PlanRequest::plan_since`]). After each of these it is judged
//! again, by the same two steps (`judge`): policy, then whether a newer commit was applied. What comes out goes to `apply`, and
//! nothing else does.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    asked_of_git::{AskedOfGit, QUESTION_ROUNDS_MAX, histories},
    error::Error,
    exit::Exit,
    note::Note,
    own_permissions::{AskPermissions, OwnPermissions, ask},
    record::Records,
    workspace::{NameHistory, Workspace},
};
use crate::{
    config::Sources,
    model::{
        ability,
        desired::{Desired, Revision},
        ids::AssignmentName,
        observed::{Observed, PimService},
        owner::RoleName,
        past::LineAge,
        policy::Policy,
    },
    observe::{eligible, former_members, observe_where},
    plan::{
        self, Plan,
        approve::{Applied, Approval, Refusal},
        basis::Basis,
        blocked::{Block, Blocked},
        caused::BaseDiff,
        change::{Action, Change},
        finding::Code,
        mark,
        saved::{Deed, Difference, Saved},
        selection::{Deferred, Kinds, Scope},
    },
    ports::{AccessReader, AssignmentReader, Directory, Inventory, Rights},
};

/// Whether git still is as it was when a run read it. `read` and `now`: what it was called then and is now; nothing, if what it
/// has now does not follow from what was trusted.
///
/// # Errors
/// If not: then the next run begins from there, and nothing of this one is carried out.
pub fn check_git(read: &str, now: Option<&str>) -> Result<(), Error> {
    if now == Some(read) { Ok(()) } else { Err(Error::GitMoved) }
}

/// Whether a plan may still be carried out, so long after Azure was read.
///
/// # Errors
/// If not.
pub fn check_age(age: Duration) -> Result<(), Error> {
    if age > PLAN_AGE_MAX { Err(Error::TooOld) } else { Ok(()) }
}

/// What is asked of Azure to plan. Nothing here can write.
pub trait Azure: Directory + Inventory + AssignmentReader + AccessReader + Rights {}

impl<A: Directory + Inventory + AssignmentReader + AccessReader + Rights> Azure for A {}

/// How old a plan may be when it is carried out. Ours: somebody may have thought about it for longer than Azure stood still.
const PLAN_AGE_MAX: Duration = Duration::from_mins(5);

/// What a plan is made of.
pub struct PlanRequest<'a, A, H> {
    /// The workspace; its `desired` was taken out.
    pub workspace: Workspace,
    /// What it wants.
    pub desired: Desired,
    /// Whose access is read.
    pub scope: Scope,
    /// Where Azure is read.
    pub azure: &'a A,
    /// What is known of the runs before.
    pub records: Records,
    /// What git tells of its past.
    pub history: &'a H,
    /// Whether our own permissions are asked for.
    pub permissions: AskPermissions,
    /// What time it is in Azure.
    pub now: Timestamp,
}

/// A run that was planned: everything that a report needs, and all that may be carried out.
pub struct PlannedRun {
    workspace: Workspace,
    scope: Scope,
    desired: Desired,
    observed: Observed,
    plan: Plan,
    approval: Approval,
    records: Records,
    permissions: OwnPermissions,
    deferred: Vec<Deferred>,
    selected: Kinds,
    base: Option<BaseDiff>,
}

/// Why a saved plan is not carried out: what moved, and what Azure showed.
pub struct Moved {
    /// The differences.
    pub differences: Vec<Difference>,
    /// What Azure showed, for names.
    pub observed: Observed,
}

impl<A: Azure, H: NameHistory> PlanRequest<'_, A, H> {
    /// Reads Azure, compares, and asks policy.
    pub async fn plan(self) -> PlannedRun {
        Box::pin(self.planned(Depth::Changes)).await
    }

    /// The same for whoever wants to know what differs: who may activate a role is read, too, one list a subscription.
    pub async fn drift(self) -> PlannedRun {
        Box::pin(self.planned(Depth::Eligible)).await
    }

    async fn planned(self, depth: Depth) -> PlannedRun {
        let Self { workspace, desired, scope, azure, records, history, permissions, now } = self;
        let records = records.in_order_of(&desired.revision, history);
        let reading = Reading { scope: &scope, now, records: &records, history, azure, depth };
        let (observed, mut plan) = reading.compare(&desired, &workspace.loaded.sources).await;
        let permissions = ask(azure, permissions, &plan).await;
        permissions.tell(&mut plan);
        let approval = judge(&mut plan, &desired.policy, &desired.revision, &records, Coverage::from(&scope));
        let (deferred, selected, base) = (Vec::new(), Kinds::All, None);
        PlannedRun {
            workspace,
            scope,
            desired,
            observed,
            plan,
            approval,
            records,
            permissions,
            deferred,
            selected,
            base,
        }
    }
}

/// Reads Azure and compares, and nothing more: for whoever shows what was read, and carries nothing out.
pub async fn observe(
    desired: &Desired,
    scope: &Scope,
    now: Timestamp,
    azure: &(impl Directory + Inventory + AssignmentReader + AccessReader),
) -> (Observed, Plan) {
    let observed = Box::pin(observe_where(desired, |owner| scope.holds(owner), now, None, azure)).await; // it holds much
    let plan = compare(desired, &observed, scope);
    (observed, plan)
}

/// How Azure is read and compared, for any state of git.
struct Reading<'a, A, H> {
    scope: &'a Scope,
    now: Timestamp,
    records: &'a Records,
    history: &'a H,
    azure: &'a A,
    depth: Depth,
}

/// How much of Azure is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// What a change hangs on.
    Changes,
    /// That, and who may activate a role.
    Eligible,
}

impl<A: Directory + Inventory + AssignmentReader + AccessReader, H: NameHistory> Reading<'_, A, H> {
    /// Reads Azure and compares; where a name leaves a doubt or alone gives something, or somebody may have been listed before, git is
    /// asked for its past, and it is compared again. Then Entra is asked who of those that git removed is in a group that opens the same.
    async fn compare(&self, desired: &Desired, sources: &Sources) -> (Observed, Plan) {
        let Self { scope, now, records, history, azure, depth } = self;
        let observing = observe_where(desired, |owner| scope.holds(owner), *now, None, *azure);
        let mut observed = Box::pin(observing).await; // it holds much
        if *depth == Depth::Eligible {
            Box::pin(eligible(desired, &mut observed, *azure)).await;
        }
        observed.remembered.clone_from(&records.remembered);
        let mut plan = compare(desired, &observed, scope);
        let mut asked = AskedOfGit::default();
        // What git answers may settle a doubt, and so raise a question that was not there before.
        for _ in 0..QUESTION_ROUNDS_MAX {
            let new = asked.add(desired, &observed, &plan);
            let past = history.past(desired, sources, &new.names);
            let written = history.written(sources, &new.lines);
            let histories = histories(desired, &new.owners, *history);
            if past.is_empty() && written.is_empty() && histories.is_empty() {
                break; // git was asked nothing new, or tells nothing: nothing is other than before
            }
            observed.people.past.extend(past);
            observed.people.written.extend(written);
            observed.histories.extend(histories);
            if observed.people.written.values().any(|age| !matches!(age, LineAge::At(_))) {
                observed.people.undated = history.gap().map(Arc::from);
            }
            plan = compare(desired, &observed, scope);
        }
        let plan::keeps_in_groups::Memberships { groups, names } = &plan.memberships;
        if !plan.memberships.is_empty() {
            former_members((groups, names), &mut observed, *azure).await;
            plan = compare(desired, &observed, scope);
        }
        (observed, plan)
    }
}

/// Compares git with what was read of Azure, for these owners.
pub(super) fn compare(desired: &Desired, observed: &Observed, scope: &Scope) -> Plan {
    let today = observed.at.to_zoned(TimeZone::UTC).date();
    let mut plan = tracing::trace_span!("plan").in_scope(|| plan::plan(desired, observed, today));
    plan.limit(scope, observed);
    plan
}

/// Whether a plan is of everything that git and Azure have: only then does what it does not have not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coverage {
    Whole,
    Part,
}

impl From<&Scope> for Coverage {
    fn from(scope: &Scope) -> Self {
        if scope.is_all() { Self::Whole } else { Self::Part }
    }
}

/// The one way from a plan to what may be carried out of it: policy first, then whether a newer commit was applied.
/// `coverage`: whether something was left out of the comparison on request.
fn judge(plan: &mut Plan, policy: &Policy, read: &Revision, records: &Records, coverage: Coverage) -> Approval {
    plan.settle(policy, coverage == Coverage::Whole).unless_older(read, records.newest.as_ref())
}

impl PlannedRun {
    /// The marks of an adoption alone: assignments of others that git lists are made ours. Of what is blocked or found, only what
    /// is about them is theirs to report.
    #[must_use]
    pub(super) fn of_marks(
        workspace: Workspace,
        (desired, observed): (Desired, Observed),
        scope: Scope,
        records: Records,
        marks: Vec<Change>,
    ) -> Self {
        let mut plan = compare(&desired, &observed, &scope);
        plan.findings.retain(|finding| mark::is_about(finding, &marks));
        plan.changes = marks;
        plan.blocked.clear();
        let approval = judge(&mut plan, &desired.policy, &desired.revision, &records, Coverage::Part);
        let (permissions, deferred, selected, base) = (OwnPermissions::default(), Vec::new(), Kinds::All, None);
        Self { workspace, scope, desired, observed, plan, approval, records, permissions, deferred, selected, base }
    }

    /// Leaves only changes of these kinds. What is left for another run is in [`Self::deferred`].
    pub fn select(&mut self, kinds: &Kinds) {
        if *kinds == Kinds::All {
            return;
        }
        self.selected = kinds.clone();
        self.deferred.extend(self.plan.select(kinds));
        self.approval =
            judge(&mut self.plan, &self.desired.policy, &self.desired.revision, &self.records, Coverage::Part);
    }

    /// Leaves exactly what a saved plan has, if git and Azure are as they were and policy still allows it: else there is no run
    /// any more. Notes: what a plan made now would do beside it.
    ///
    /// # Errors
    /// What moved since the plan was saved.
    pub fn limit_to(mut self, saved: &Saved) -> Result<(Self, Option<Note>), Box<Moved>> {
        let judge =
            |plan: &mut Plan| judge(plan, &self.desired.policy, &self.desired.revision, &self.records, Coverage::Part);
        self.approval = match saved.admit(&self.desired, &self.observed, &self.plan, judge) {
            Ok(approval) => approval,
            Err(differences) => return Err(Box::new(Moved { differences, observed: self.observed })),
        };
        let Approval { approved, refused } = &self.approval;
        let refused = refused.iter().map(|refused| &refused.change);
        let meant: BTreeSet<AssignmentName> = approved.changes().iter().chain(refused).map(|it| it.name).collect();
        let all = self.plan.changes.len();
        self.plan.changes.retain(|change| meant.contains(&change.name));
        let others = all - self.plan.changes.len();
        Ok((self, (others > 0).then_some(Note::MoreChanges(others))))
    }

    /// Puts in place what a change to git causes.
    pub(super) fn caused(&mut self, plan: Plan, approval: Approval, base: BaseDiff) {
        (self.plan, self.approval, self.base) = (plan, approval, Some(base));
    }

    /// The plan of another state of git, from the same reading of Azure, judged by that state's policy.
    pub(super) async fn look_back<A: Azure>(
        &self,
        base: &Desired,
        sources: &Sources,
        history: &impl NameHistory,
        azure: &A,
    ) -> (Observed, Plan, Approval) {
        let Self { scope, records, .. } = self;
        let depth = Depth::Changes;
        let reading = Reading { scope, now: self.observed.at, records, history, azure, depth };
        let (observed, mut plan) = reading.compare(base, sources).await;
        self.permissions.tell(&mut plan);
        let approval = judge(&mut plan, &base.policy, &self.desired.revision, records, scope.into());
        (observed, plan, approval)
    }

    /// What people should know of the workspace.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        let Self { desired, plan, observed, .. } = self;
        let removes = plan.changes.iter().any(|change| change.action == Action::Revoke);
        let not_in_git = (desired.revision == Revision::NotInGit && removes).then_some(Note::NotInGit);
        let unproven = desired.policy.member_of.is_none().then_some(Note::MembershipUnproven);
        let roles = desired.catalog.roles.iter().filter(|(_, role)| ability::claimed(&role.may).is_empty());
        let unchecked: Vec<RoleName> = roles.map(|(name, _)| name.clone()).collect();
        let unchecked = (!unchecked.is_empty()).then_some(Note::UncheckedMay(unchecked));
        let no_pim = (observed.other.pim == PimService::Unlicensed).then_some(Note::NoPim);
        let untracked = self.workspace.loaded.untracked.clone().map(Note::Untracked);
        let undated = observed.people.undated.as_deref().map(|why| Note::LinesUndated(why.to_owned()));
        not_in_git.into_iter().chain(untracked).chain(unproven).chain(unchecked).chain(no_pim).chain(undated).collect()
    }

    /// What the approved changes rest on.
    #[must_use]
    pub fn basis(&self) -> Basis {
        let deeds: Vec<Deed> = self.approval.approved.changes().iter().map(Deed::from).collect();
        Basis::of(&self.desired, &self.observed, &deeds)
    }

    /// What the reading and the plan come to, before anything is done about it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let refused = self.is_refused() || self.is_kept_from_older();
        let left = self.deferred.iter().any(Deferred::is_left_undone);
        self.reading().max(Exit::Refused.when(refused)).max(Exit::Partly.when(left))
    }

    /// Whether somebody is out of git and keeps the access, and nobody accepted that. A run that was narrowed to some kinds of
    /// changes is not about it.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.selected == Kinds::All
            && self.plan.findings.iter().any(|finding| finding.code == Code::Keeps && finding.accepted.is_none())
    }

    /// Whether policy refuses some of it, or all, whatever that is.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !self.approval.refused.is_empty() || self.plan.halted.is_some()
    }

    /// What could not be read or decided.
    #[must_use]
    pub fn reading(&self) -> Exit {
        let is_read = self.plan.is_complete() && self.plan.kept.is_empty();
        // What a newer commit made is not unclear, once the ledger names that commit: it is refused.
        let is_known = |blocked: &Blocked| self.newer().is_some() && is_of_newer(blocked);
        let is_decided = self.plan.blocked.iter().all(is_known);
        self.workspace.exit().max(Exit::Failed.when(!is_read || !is_decided))
    }

    /// Whether something differs, whether or not it can be done.
    #[must_use]
    pub fn drift(&self) -> Exit {
        Exit::Pending.when(self.plan.has_drift())
    }

    /// The newer commit that was applied before, if there is one.
    fn newer(&self) -> Option<&Applied> {
        self.records.newest.as_ref().filter(|applied| applied.is_newer_than(&self.desired.revision))
    }

    /// Whether something stays because a newer commit made it, which the ledger knows.
    fn is_kept_from_older(&self) -> bool {
        self.newer().is_some() && self.plan.blocked.iter().any(is_of_newer)
    }

    /// The refusal that names the newer commit, where no refused change does.
    #[must_use]
    pub fn unnamed_refusal(&self) -> Option<Refusal> {
        let newer = self.newer()?;
        let is_unnamed = self.approval.refused.is_empty() && self.is_kept_from_older();
        is_unnamed.then(|| Refusal::OlderCommit(newer.clone()))
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Whose access was read.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What git wants.
    #[must_use]
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// What Azure showed.
    #[must_use]
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// What differs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What policy allows and refuses of it.
    #[must_use]
    pub fn approval(&self) -> &Approval {
        &self.approval
    }

    /// What is left for another run.
    #[must_use]
    pub fn deferred(&self) -> &[Deferred] {
        &self.deferred
    }

    /// What differed before a change to git, where the plan is only what the change causes.
    #[must_use]
    pub fn base(&self) -> Option<&BaseDiff> {
        self.base.as_ref()
    }

    /// Its parts, for whoever shows what was read: workspace, desired, observed, plan.
    pub fn into_parts(self) -> (Workspace, Desired, Observed, Plan) {
        (self.workspace, self.desired, self.observed, self.plan)
    }
}

fn is_of_newer(blocked: &Blocked) -> bool {
    matches!(blocked.block, Block::MadeAfterCommit { .. })
}
