//! What our own identity may do, asked of Azure: for `doctor`, and for a plan, which asks only where something is to be changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, stream};

use super::own_denials::{OwnDenials, own_denials};
use crate::{
    model::{
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, SubscriptionId},
        trouble::Trouble,
    },
    plan::{Plan, mandate::Errand},
    ports::{AccessReader, Directory, Permits, Rights},
    rights::{
        DELETE, READ_DEFINITIONS, WRITE,
        condition::Asked,
        judge::{Holding, Probe},
        mandate::{May, may},
        verdict::Place,
    },
};

/// Questions asked at the same time.
const SIDE_BY_SIDE_MAX: usize = 16;

/// What our identity holds; whether the list came, by subscription; and how asking for role definitions went.
pub type Held = (Vec<Holding>, BTreeMap<SubscriptionId, Result<(), Arc<Trouble>>>, Vec<Probe>);

/// Our own role assignments in these subscriptions, and what their role definitions permit: one list each, and each
/// definition is asked for once.
pub async fn held(
    azure: &impl Rights,
    subscriptions: &BTreeMap<SubscriptionId, String>,
    own: Option<PrincipalId>,
) -> Held {
    let Some(own) = own else { return Held::default() };
    let asked = subscriptions.keys().map(async |id| (*id, azure.held_by(own, *id).await));
    let lists: Vec<_> = stream::iter(asked).buffered(SIDE_BY_SIDE_MAX).collect().await;
    let mut holdings: BTreeMap<AssignmentName, Holding> = BTreeMap::new();
    let mut outcomes = BTreeMap::new();
    for (id, list) in lists {
        match list {
            Ok(listed) => {
                outcomes.insert(id, Ok(()));
                for assignment in listed {
                    let holding = holdings.entry(assignment.name).or_insert_with(|| Holding {
                        scope: assignment.triple.scope.clone(),
                        seen_in: BTreeSet::new(),
                        permits: None,
                        definition: assignment.triple.definition,
                        condition: assignment.condition.clone(),
                    });
                    holding.seen_in.insert(id);
                }
            }
            Err(trouble) => {
                outcomes.insert(id, Err(Arc::new(trouble)));
            }
        }
    }
    let definitions: BTreeMap<RoleDefinitionId, SubscriptionId> =
        holdings.values().filter_map(|holding| Some((holding.definition, *holding.seen_in.first()?))).collect();
    let asked = definitions.into_iter().map(async |(id, at)| (id, at, azure.definition(id, at).await));
    let answers: Vec<_> = stream::iter(asked).buffered(SIDE_BY_SIDE_MAX).collect().await;
    let (mut permits, mut probes): (BTreeMap<RoleDefinitionId, Permits>, _) = (BTreeMap::new(), Vec::new());
    for (id, at, answer) in answers {
        let name = subscriptions.get(&at).cloned().unwrap_or_else(|| at.to_string());
        let outcome = answer.map(|found| drop(permits.insert(id, found))).map_err(Arc::new);
        probes.push(Probe {
            right: READ_DEFINITIONS.to_owned(),
            need: "`doctor` needs it to see through which role our identity may",
            at: Place::Subscription(at, name),
            outcome,
        });
    }
    let mut holdings: Vec<Holding> = holdings.into_values().collect();
    for holding in &mut holdings {
        holding.permits = permits.get(&holding.definition).cloned();
    }
    holdings.sort_by(|a, b| (&a.scope, a.definition).cmp(&(&b.scope, b.definition)));
    (holdings, outcomes, probes)
}

/// Whether a plan asks what our own identity may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskPermissions {
    /// A run that changes nothing need not know.
    No,
    /// It asks what the identity with this object id may do; nothing, if its token names none.
    Of(Option<PrincipalId>),
}

/// What our own identity may do, as far as it was asked.
#[derive(Default)]
pub struct OwnPermissions {
    holdings: Vec<Holding>,
    unanswered: BTreeMap<SubscriptionId, Arc<Trouble>>,
    denials: OwnDenials,
    is_asked: bool,
}

/// Asks whether our identity may do what the plan says: a list of its role assignments and one of deny assignments for each
/// subscription in which something is to be changed, one question for each role definition that our identity holds.
pub async fn ask(azure: &(impl Rights + AccessReader + Directory), ask: AskPermissions, plan: &Plan) -> OwnPermissions {
    let AskPermissions::Of(identity) = ask else { return OwnPermissions::default() };
    let errands = plan.errands();
    let places = errands.keys().filter_map(|errand| errand.scope.subscription());
    let places: BTreeMap<SubscriptionId, String> = places.map(|id| (id, id.to_string())).collect();
    if places.is_empty() {
        return OwnPermissions::default();
    }
    let ids = places.keys().copied().collect();
    let (held, denials) = futures::join!(held(azure, &places, identity), own_denials(azure, &ids, identity));
    let (holdings, lists, _) = held;
    let mut unanswered: BTreeMap<SubscriptionId, Arc<Trouble>> =
        lists.into_iter().filter_map(|(id, came)| Some((id, came.err()?))).collect();
    for (id, trouble) in denials.unanswered().chain(denials.unread_groups()) {
        unanswered.entry(id).or_insert_with(|| trouble.clone());
    }
    OwnPermissions { holdings, unanswered, denials, is_asked: true }
}

impl OwnPermissions {
    /// Writes it into a plan.
    pub(super) fn tell(&self, plan: &mut Plan) {
        if !self.is_asked {
            return;
        }
        let is_left_out = |errand: &Errand| {
            let asked = Asked {
                action: if errand.takes { DELETE } else { WRITE },
                definition: errand.definition,
                principal_type: errand.principal_type.as_azure(),
            };
            let at = errand.scope.subscription();
            at.is_some_and(|at| may(&self.holdings, &errand.scope, at, &asked) == May::LeftOut)
        };
        plan.left_out = plan.errands().into_keys().filter(is_left_out).collect();
        plan.denied = plan
            .errands()
            .into_keys()
            .filter_map(|errand| {
                let action = if errand.takes { DELETE } else { WRITE };
                let names: BTreeSet<String> =
                    self.denials.stop(action, &errand.scope).map(|it| it.name.clone()).collect();
                (!names.is_empty()).then_some((errand, names))
            })
            .collect();
        plan.unanswered_mandate(&self.unanswered);
    }
}
