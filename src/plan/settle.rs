//! What a plan comes to when policy has judged it: which overrides it needed, which roles it would leave empty, and which
//! accepted findings there are no more.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    ids::AssignmentName,
    owner::{OwnerCode, RoleName},
    policy::Policy,
};

use super::{
    Plan, Rules, Used,
    approve::{Approval, Refusal},
    change::{Action, Because, Change},
    exceptions,
    finding::{Code, Finding},
    instances::Stranger,
};

impl Plan {
    /// Asks policy, and writes down what that comes to. `whole`: nothing was left out of the comparison on request, so
    /// that what does not occur is not there.
    #[must_use]
    pub fn settle(&mut self, policy: &Policy, whole: bool) -> Approval {
        self.halted = self.stranger(policy).map(Refusal::OtherInstance);
        let approval = self.approve(policy).unless_halted(self.halted.as_ref());
        self.used = self.used_overrides(policy, &approval);
        self.findings.retain(|it| !matches!(it.code, Code::RoleEmptied | Code::NotAssignable | Code::AcceptUnused));
        let left_out: Vec<Finding> = self.left_out().collect();
        self.findings.extend(left_out);
        self.findings.extend(self.emptied(policy, &approval));
        let today = self.rules.today;
        if whole && self.is_complete() && self.kept.is_empty() {
            let idle = exceptions::unused(&self.findings, &policy.accept, today);
            self.findings.extend(idle);
        }
        exceptions::accept(&mut self.findings, &policy.accept, today);
        self.findings.sort_by(|a, b| a.order().cmp(&b.order()));
        approval
    }

    /// Other instances, where their marks stand and ours do not, and nobody accepted that: nothing may be changed.
    #[must_use]
    pub fn stranger(&self, policy: &Policy) -> Option<Stranger> {
        self.instances.stranger(policy, self.rules.today)
    }

    fn used_overrides(&self, policy: &Policy, approval: &Approval) -> Vec<Used> {
        if self.rules.overrides.is_empty() {
            return Vec::new();
        }
        let rules = Rules { overrides: Vec::new(), ..self.rules.clone() };
        let strict = Self { rules, ..self.clone() }.approve(policy);
        let refused: BTreeSet<AssignmentName> = strict.refused.iter().map(|refused| refused.change.name).collect();
        let let_through = || approval.approved.changes().iter().filter(|change| refused.contains(&change.name));
        let used = self.rules.overrides.iter().map(|by| {
            let owners = let_through().map(|change| change.owner).filter(|owner| by.names(*owner));
            Used { by: by.clone(), removals: owners.clone().count(), owners: owners.collect() }
        });
        used.filter(|used| used.removals > 0).collect()
    }

    /// Roles in production that somebody holds, and nobody would when this is carried out.
    fn emptied(&self, policy: &Policy, approval: &Approval) -> Vec<Finding> {
        let of = |change: &Change| -> Option<(OwnerCode, RoleName)> {
            let in_prod = change.environment.as_ref().is_some_and(|name| policy.production.contains(name));
            // What stands where nothing puts it, or for nobody, is nobody's role.
            let holds = !matches!(change.because, Because::Stray(_) | Because::NotListed { gone: Some(_) });
            change.role.clone().filter(|_| in_prod && holds).map(|role| (change.owner, role))
        };
        let refused = approval.refused.iter().map(|refused| &refused.change);
        let refused: BTreeSet<_> = refused.filter(|it| it.action != Action::Grant).filter_map(of).collect();
        let (mut gained, mut lost) = (BTreeSet::new(), BTreeMap::new());
        for change in approval.approved.changes() {
            match (change.action, of(change)) {
                (_, None) => {}
                (Action::Revoke, Some(role)) => drop(lost.entry(role).or_insert(change)),
                (Action::Grant | Action::Adopt | Action::Update, Some(role)) => drop(gained.insert(role)),
            }
        }
        let empty = lost
            .into_iter()
            .filter(|(role, _)| !gained.contains(role) && !refused.contains(role) && !self.staying.contains(role));
        let finding = |((owner, role), change): ((OwnerCode, RoleName), &Change)| Finding {
            owner: Some(owner),
            environment: change.environment.clone(),
            message: format!("nobody would be left with `{role}`: is that meant?"),
            role: Some(role),
            ..Finding::new(Code::RoleEmptied, String::new(), Vec::new())
        };
        empty.map(finding).collect()
    }
}
