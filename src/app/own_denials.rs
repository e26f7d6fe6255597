//! Which deny assignments stop our own identity from giving or taking access: for `doctor`, and for a plan, which asks only where
//! something is to be changed.
//!
//! A deny assignment names everybody, us, or a group that we may be in: such a group is opened. One that only writes down what it
//! would block does not count. Of one that has a condition, or that names a group which cannot be opened, it is not known whether
//! it stops us: `doctor` reports that, a plan goes on, and Azure decides.

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
    rights::{DELETE, GRAPH_GROUPS, WRITE},
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
    /// Why a list did not come, by subscription.
    pub fn unanswered(&self) -> impl Iterator<Item = (SubscriptionId, &Arc<Trouble>)> {
        self.lists.iter().filter_map(|(id, list)| Some((*id, list.as_ref().err()?)))
    }

    /// Why it is not known whether a deny assignment stops our identity, by subscription: a group that it names could not be opened.
    pub fn unread_groups(&self) -> impl Iterator<Item = (SubscriptionId, &Arc<Trouble>)> {
        let of = |denial: &Denial| {
            let mut named = denial.principals.iter().chain(&denial.except);
            named.find_map(|id| match self.groups.get(&GroupKey::Id(*id)) {
                Some(InGroup::Unanswered(trouble)) => Some(trouble),
                Some(InGroup::Members(_) | InGroup::Missing | InGroup::Several(_)) | None => None,
            })
        };
        self.lists.iter().filter_map(move |(id, list)| {
            let mut open = list.as_ref().ok()?.iter().filter(|it| matches!(self.names_me(it), Names::Unknown(_)));
            Some((*id, open.find_map(of)?))
        })
    }

    /// The deny assignments that stop our identity there, for certain.
    pub fn stop<'a>(&'a self, action: &str, at: &ScopeId) -> impl Iterator<Item = &'a Denial> {
        let here = self.here(action, at);
        here.filter(|it| it.effect == Effect::Enforced && it.conditional == Conditional::No && self.is_me(it))
    }

    /// The deny assignments of which it is not known whether they stop our identity there, each with why.
    pub fn may_stop<'a>(&'a self, action: &str, at: &ScopeId) -> impl Iterator<Item = (&'a Denial, String)> {
        let enforced = self.here(action, at).filter(|it| it.effect == Effect::Enforced);
        enforced.filter_map(|it| match (self.names_me(it), it.conditional) {
            (Names::Others, _) | (Names::Me, Conditional::No) => None,
            (Names::Unknown(why), _) => Some((it, why)),
            (Names::Me, Conditional::Yes) => Some((it, "it has a condition, which is not evaluated here".to_owned())),
        })
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

    fn is_me(&self, denial: &Denial) -> bool {
        self.names_me(denial) == Names::Me
    }

    /// Whether a deny assignment is about our identity. That we are not among the members of a group counts as not being in it:
    /// whether Graph lists service principals among transitive members is OPEN (FACTS_PIM_GROUPS §0 has it of direct ones).
    fn names_me(&self, denial: &Denial) -> Names {
        let all = |ids: &[PrincipalId]| {
            let mut unknown = None;
            for id in ids {
                match self.is_or_holds_me(*id) {
                    Names::Me => return Names::Me,
                    Names::Unknown(why) => unknown = Some(why),
                    Names::Others => {}
                }
            }
            unknown.map_or(Names::Others, Names::Unknown)
        };
        let named = if denial.principals.is_empty() { Names::Me } else { all(&denial.principals) };
        match (named, all(&denial.except)) {
            (Names::Others, _) | (_, Names::Me) => Names::Others,
            (Names::Unknown(why), _) | (Names::Me, Names::Unknown(why)) => Names::Unknown(why),
            (Names::Me, Names::Others) => Names::Me,
        }
    }

    fn is_or_holds_me(&self, id: PrincipalId) -> Names {
        let Some(own) = self.own else {
            return Names::Unknown("our token does not name our identity".to_owned());
        };
        if id == own {
            return Names::Me;
        }
        match self.groups.get(&GroupKey::Id(id)) {
            Some(InGroup::Members(all)) if all.contains(&own) => Names::Me,
            Some(InGroup::Unanswered(_)) => {
                Names::Unknown(format!("the members of {id} could not be read; for a group that takes {GRAPH_GROUPS}"))
            }
            // Not a group, or one that does not hold us.
            Some(InGroup::Members(_) | InGroup::Missing | InGroup::Several(_)) | None => Names::Others,
        }
    }
}

/// Whom a deny assignment is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    Me,
    Others,
    Unknown(String),
}
