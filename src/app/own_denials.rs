//! Which deny assignments stop our own identity from giving or taking access: for `doctor`, and for a plan, which asks only where
//! something is to be changed.
//!
//! A deny assignment names everybody, us, or a group that we may be in: such a group is opened. One that only writes down what it
//! would block, or that has a condition, does not count: it is named by `doctor`, and Azure decides.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, stream};

use crate::{
    model::{
        ids::{PrincipalId, ScopeId, SubscriptionId},
        other_access::{Conditional, Denial, Effect},
        people::{GroupKey, InGroup},
        trouble::Trouble,
    },
    ports::{AccessReader, Directory},
    rights::{DELETE, WRITE},
};

/// Questions asked at the same time.
const SIDE_BY_SIDE_MAX: usize = 16;

/// Deny assignments, and the groups that those name which are about role assignments.
#[derive(Clone, Debug, Default)]
pub struct OwnDenials {
    own: Option<PrincipalId>,
    lists: BTreeMap<SubscriptionId, Result<Vec<Denial>, Arc<Trouble>>>,
    groups: BTreeMap<GroupKey, InGroup>,
}

/// Asks: one list for each of these subscriptions, and one question for the groups that these name.
pub async fn own_denials(
    azure: &(impl AccessReader + Directory),
    subscriptions: &BTreeSet<SubscriptionId>,
    own: Option<PrincipalId>,
) -> OwnDenials {
    let asked = subscriptions.iter().map(async |id| (*id, azure.denials(*id).await.map_err(Arc::new)));
    let lists: BTreeMap<_, _> = stream::iter(asked).buffer_unordered(SIDE_BY_SIDE_MAX).collect().await;
    let is_ours = |it: &&Denial| it.denies_action(WRITE) || it.denies_action(DELETE);
    let named = lists.values().filter_map(|list| list.as_ref().ok()).flatten().filter(is_ours);
    let named = named.flat_map(|it| it.principals.iter().chain(&it.except)).filter(|id| Some(**id) != own);
    let named: BTreeSet<GroupKey> = named.map(|id| GroupKey::Id(*id)).collect();
    let groups = if named.is_empty() { BTreeMap::new() } else { azure.groups(&named).await };
    OwnDenials { own, lists, groups }
}

impl OwnDenials {
    /// What could not be told, by subscription: the list did not come, or whether we are in a group that one of them names.
    pub fn unanswered(&self) -> impl Iterator<Item = (SubscriptionId, &Arc<Trouble>)> {
        self.lists.iter().filter_map(|(id, list)| {
            let trouble = match list {
                Err(trouble) => trouble,
                Ok(all) => all.iter().filter(|it| is_enforced(it)).find_map(|it| match self.applies(it) {
                    Applies::Unknown(trouble) => Some(trouble),
                    Applies::Yes | Applies::No => None,
                })?,
            };
            Some((*id, trouble))
        })
    }

    /// The deny assignments that stop our identity there, for certain.
    pub fn stop<'a>(&'a self, action: &str, at: &ScopeId) -> impl Iterator<Item = &'a Denial> {
        let here = self.here(action, at);
        here.filter(|it| is_enforced(it) && matches!(self.applies(it), Applies::Yes))
    }

    /// Every deny assignment, each once: what lies above several subscriptions is in each of their lists.
    #[must_use]
    pub fn all(&self) -> BTreeMap<&str, &Denial> {
        let read = self.lists.values().filter_map(|list| list.as_ref().ok()).flatten();
        read.map(|it| (it.id.as_str(), it)).collect()
    }

    fn here<'a>(&'a self, action: &str, at: &ScopeId) -> impl Iterator<Item = &'a Denial> {
        let list = at.subscription().and_then(|id| self.lists.get(&id)?.as_ref().ok());
        list.into_iter().flatten().filter(move |it| it.is_at(at) && it.denies_action(action))
    }

    fn applies(&self, denial: &Denial) -> Applies<'_> {
        let everybody = denial.principals.is_empty();
        if !everybody && !denial.denies_action(WRITE) && !denial.denies_action(DELETE) {
            return Applies::No; // the groups of such a one were not opened
        }
        let among = |ids: &[PrincipalId]| self.is_among(ids);
        match (if everybody { Applies::Yes } else { among(&denial.principals) }, among(&denial.except)) {
            (Applies::No, _) | (_, Applies::Yes) => Applies::No,
            (Applies::Unknown(trouble), _) | (Applies::Yes, Applies::Unknown(trouble)) => Applies::Unknown(trouble),
            (Applies::Yes, Applies::No) => Applies::Yes,
        }
    }

    /// Whether one of these is our identity, or a group that it is in. Without an id of ours nothing but an empty list is told.
    fn is_among(&self, ids: &[PrincipalId]) -> Applies<'_> {
        let Some(own) = self.own else { return Applies::No };
        let mut unknown = None;
        for id in ids {
            match self.groups.get(&GroupKey::Id(*id)) {
                _ if *id == own => return Applies::Yes,
                Some(InGroup::Members(all)) if all.contains(&own) => return Applies::Yes,
                Some(InGroup::Unanswered(trouble)) => unknown = Some(trouble),
                Some(InGroup::Members(_) | InGroup::Missing | InGroup::Several(_)) | None => {}
            }
        }
        unknown.map_or(Applies::No, Applies::Unknown)
    }
}

/// Whether a deny assignment is about our identity.
enum Applies<'a> {
    Yes,
    No,
    /// A group could not be opened.
    Unknown(&'a Arc<Trouble>),
}

/// Whether it blocks something, and without a condition, which is not weighed.
fn is_enforced(denial: &Denial) -> bool {
    denial.effect == Effect::Enforced && denial.conditional == Conditional::No
}
