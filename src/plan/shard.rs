//! What a run over a shard's owners may say. Its reading was narrowed to them; what it saw of others, it did not see whole.

use std::{collections::BTreeSet, sync::Arc};

use crate::model::{
    ids::{ScopeId, SubscriptionId},
    observed::{Observed, Sighting},
    owner::OwnerCode,
    shard::Shard,
    trouble::{Trouble, TroubleKind},
};

use super::{Plan, Unread};

impl Plan {
    /// Leaves only what concerns a shard's owners, and what is nobody's.
    ///
    /// Another owner's assignment in one of their subscriptions is seen here alone, if that owner has no target there, and
    /// cannot be judged without that owner's people: it is said as not read.
    pub fn only_shard(&mut self, shard: Shard, observed: &Observed) {
        let theirs = |owner: OwnerCode| shard.holds(owner);
        let places: BTreeSet<(OwnerCode, SubscriptionId)> = observed
            .targets
            .iter()
            .filter_map(|(key, sighting)| match sighting {
                Sighting::Found(target) => Some((key.owner, target.subscription)),
                Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
            })
            .collect();
        let stray = |owner: OwnerCode, scope: Option<&ScopeId>| {
            let id = scope?.subscription()?;
            let subscription = observed.subscriptions.get(&id)?;
            let (of, _) = subscription.belongs_to.as_ref()?;
            let is_seen_here_alone = !theirs(owner) && theirs(*of) && !places.contains(&(owner, id));
            is_seen_here_alone.then(|| (owner, subscription.name.clone()))
        };
        let changes = self.changes.iter().filter_map(|it| stray(it.owner, Some(&it.triple.scope)));
        let blocked = self.blocked.iter().filter_map(|it| stray(it.owner?, it.scope.as_ref()));
        let strays: BTreeSet<(OwnerCode, String)> = changes.chain(blocked).collect();
        self.unread.extend(strays.into_iter().map(|(owner, subscription)| {
            let doing = format!("judge what stands of `{owner}` in {subscription}");
            let message = "another owner's subscription: only a run over all owners, without --shard, sees both";
            Unread {
                owner: Some(owner),
                stops: super::Stops::Removals,
                trouble: Arc::new(Trouble::new(TroubleKind::NotFound, doing, message)),
            }
        }));

        self.keep(theirs);
    }
}
