//! What `plan`, `apply` and `drift` share: read git, look at Azure, compare, ask policy, and say it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    model::{
        desired::{Desired, Revision},
        observed::Observed,
        owner::OwnerCode,
    },
    observe::observe,
    plan::{
        self, Plan,
        approve::Approval,
        change::{Action, Change},
        digest::digest,
    },
    report::{Format, Style, View},
};

use super::{Exit, Global, far::Far, ground::Ground, output, progress};

/// Everything a report needs.
pub(super) struct Survey {
    pub ground: Ground,
    pub desired: Desired,
    pub observed: Observed,
    pub plan: Plan,
    pub approval: Approval,
}

impl Survey {
    /// Reads, looks and compares. `Err` when there is nothing to compare with.
    pub(super) async fn make(global: &Global, far: &mut Option<Far>) -> Result<Self, Exit> {
        let mut ground = global.ground()?;
        let Some(desired) = ground.loaded.desired.take() else { return Err(ground.exit().max(Exit::Failed)) };
        let far = far.insert(Far::connect(global, &ground, desired.tenant).await?);
        let (observed, plan) = look(&desired, ground.owners.as_ref(), far, far.now()).await;
        if desired.revision == Revision::NotInGit && plan.changes.iter().any(|change| change.action == Action::Revoke) {
            output::say(
                "note: this workspace is not in git, so nobody can tell whether an old copy undoes a newer one",
            );
        }
        let approval = plan.approve(&desired.policy);
        Ok(Self { ground, desired, observed, plan, approval })
    }

    /// Leaves only the changes that `keep` wants: what the run does not mean is neither shown nor judged. Removals that are
    /// blocked stay: nobody knows which of them are meant.
    pub(super) fn narrow(&mut self, keep: impl Fn(&Change) -> bool) {
        self.plan.changes.retain(keep);
        self.plan.blocked.retain(|blocked| blocked.action == Action::Revoke);
        self.approval = self.plan.approve(&self.desired.policy);
    }

    /// Prints a report on stdout.
    pub(super) fn print(
        &self,
        global: &Global,
        format: Format,
        report: impl FnOnce(&View<'_>, Format, Style) -> String,
    ) {
        let observed_digest = if format == Format::Text { String::new() } else { digest(&self.observed) };
        let view = View {
            desired: &self.desired,
            plan: &self.plan,
            refused: &self.approval.refused,
            places: &|origin| self.ground.loaded.sources.place(origin),
            errors: self.ground.loaded.errors.len(),
            observed_at: self.observed.at,
            config_digest: &self.ground.loaded.digest,
            observed_digest: &observed_digest,
            tool: concat!("tilgang ", env!("CARGO_PKG_VERSION")),
            is_applying: false,
        };
        let style = if global.color.stdout() { Style::Colour } else { Style::Plain };
        output::result(&report(&view, format, style));
    }

    /// What the reading and the plan come to, before anything is done about it.
    pub(super) fn exit(&self) -> Exit {
        let refused = if self.approval.refused.is_empty() { Exit::Converged } else { Exit::Refused };
        self.reading().max(refused)
    }

    /// What could not be read or decided.
    pub(super) fn reading(&self) -> Exit {
        let unread = if self.plan.is_complete() && self.plan.kept.is_empty() { Exit::Converged } else { Exit::Failed };
        let blocked = if self.plan.blocked.is_empty() { Exit::Converged } else { Exit::Failed };
        self.ground.exit().max(unread).max(blocked)
    }
}

/// Looks at Azure and compares.
pub(super) async fn look(
    desired: &Desired,
    owners: Option<&BTreeSet<OwnerCode>>,
    far: &Far,
    now: Timestamp,
) -> (Observed, Plan) {
    let spinner = progress::looking();
    let observed = observe(desired, owners, now, &far.reader);
    let observed = progress::telling(&spinner, || far.session.waiting(), observed).await;
    spinner.finish_and_clear();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut plan = plan::plan(desired, &observed, today);
    if let Some(owners) = owners {
        plan.only(owners);
    }
    (observed, plan)
}
