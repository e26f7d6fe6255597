//! The Activity Log of role assignments: who wrote or deleted which, and when; nothing of whose access it was.
//!
//! In: what is done to role assignments, through the front door or by an event. Out: what "Activity Logs - List" would show
//! (learn.microsoft.com/rest/api/monitor/activity-logs/list). It lasts as long as the process: no file holds it. That vaults which
//! are deleted take their role assignments along without a word in the log is inferred.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::{Assignment, Refusal, World};
use crate::model::ids::{AssignmentName, PrincipalId, ScopeId, SubscriptionId};

/// "You can view the activity logs to see all the Azure RBAC changes for the past 90 days" (azure-docs
/// change-history-report.md).
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// So that a world that runs for months does not grow. Ours.
const ENTRIES_MAX: usize = 20_000;
/// Whoever reads it needs this (azure-docs resource-provider-operations.md; the scope as in the SDKs' tests of the tenant's
/// own log).
const READ: &str = "microsoft.insights/eventtypes/values/read";

/// One thing that was done to a role assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at: Timestamp,
    /// `write` or `delete`.
    pub verb: &'static str,
    /// Where the assignment stood.
    pub scope: ScopeId,
    /// Its name.
    pub name: AssignmentName,
    /// Who asked; none where an event does not say.
    pub by: Option<PrincipalId>,
}

/// What was done, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct ActivityLog(VecDeque<Activity>);

impl World {
    /// Takes down what was done.
    pub fn did(&mut self, by: Option<PrincipalId>, verb: &'static str, to: &Assignment) {
        let at = self.now();
        let log = &mut self.activity.0;
        while log.len() >= ENTRIES_MAX || log.front().is_some_and(|old| at.duration_since(old.at) > KEPT) {
            log.pop_front();
        }
        log.push_back(Activity { at, verb, scope: to.triple.scope.clone(), name: to.name, by });
    }

    /// What was done in a subscription between two times, the newest first, as far as it has come into the log.
    pub fn activities(
        &self,
        caller: PrincipalId,
        at: SubscriptionId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<&Activity>, Refusal> {
        self.known(at)?;
        let scope = format!("/subscriptions/{at}/providers/microsoft.insights/eventtypes/management");
        self.demand(caller, READ, &ScopeId::new(&scope))?;
        let now = self.now();
        if now.duration_since(from) > KEPT {
            // That it is refused: azure-cli#4885. Words not recorded.
            let message = "The start time cannot be more than 90 days in the past.";
            return Err(Refusal::new(400, "BadRequest", message));
        }
        let lag = self.settings.consistency.activity_log_lag;
        let is_there = |it: &&Activity| it.scope.subscription() == Some(at) && now.duration_since(it.at) >= lag;
        let all = self.activity.0.iter().rev().filter(is_there);
        Ok(all.filter(|it| (from..=to).contains(&it.at)).collect())
    }
}
