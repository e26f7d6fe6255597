//! The limit on role assignments in a subscription: grants beyond it are blocked, all of them; near it, it is said.

use std::collections::BTreeMap;

use crate::model::{
    desired::{Grant, Origin},
    ids::SubscriptionId,
    observed::{NEAR_PERCENT, Room, Subscription},
};

use super::{
    blocked::{Block, Blocked},
    change::{Action, Change},
    compare::Compare,
    finding::{Code, Finding},
};

impl Compare<'_> {
    /// Holds the grants of each subscription against its limit. What is removed in the same run makes no room: grants come
    /// first, and a removal may fail.
    pub(super) fn room(&mut self) {
        let mut grants: BTreeMap<SubscriptionId, usize> = BTreeMap::new();
        for change in self.plan.changes.iter().filter(|change| change.action == Action::Grant) {
            if let Some(id) = change.triple.scope.subscription() {
                *grants.entry(id).or_default() += 1;
            }
        }
        for (id, grants) in grants {
            let Some(subscription) = self.observed.subscriptions.get(&id) else { continue };
            let Room::Known { limit, held } = subscription.room else { continue };
            let after = held.saturating_add(grants);
            if after > limit {
                self.no_room(id, &Block::NoRoom { limit, held, grants });
            } else if after * 100 >= limit * NEAR_PERCENT {
                self.plan.findings.push(near(subscription, limit, held, after));
            }
        }
    }

    fn no_room(&mut self, id: SubscriptionId, block: &Block) {
        let grants: BTreeMap<&Origin, &Grant> =
            self.desired.grants.iter().map(|grant| (&grant.origin, grant)).collect();
        let is_meant =
            |change: &Change| change.action == Action::Grant && change.triple.scope.subscription() == Some(id);
        let (none, rest) = std::mem::take(&mut self.plan.changes).into_iter().partition(is_meant);
        self.plan.changes = rest;
        let none: Vec<Change> = none;
        for change in none {
            let meant = change.origins.iter().filter_map(|origin| grants.get(origin).copied());
            self.wanted.waiting.entry((change.owner, change.triple.principal)).or_default().extend(meant);
            self.plan.blocked.push(Blocked {
                action: change.action,
                owner: Some(change.owner),
                environment: change.environment,
                role: change.role,
                who: change.who.to_string(),
                scope: Some(change.triple.scope),
                block: block.clone(),
                origins: change.origins,
            });
        }
    }
}

fn near(subscription: &Subscription, limit: usize, held: usize, after: usize) -> Finding {
    let owner = subscription.belongs_to.as_ref();
    Finding {
        code: Code::NearLimit,
        owner: owner.map(|(owner, _)| *owner),
        environment: owner.map(|(_, environment)| environment.clone()),
        role: None,
        who: None,
        scope: None,
        assignment: None,
        message: format!(
            "the subscription `{}` holds {held} of {limit} role assignments, and {after} after this plan; beyond the \
             limit Azure makes none: take away what nobody needs",
            subscription.name
        ),
        origins: Vec::new(),
        accepted: None,
    }
}
