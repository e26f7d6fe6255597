//! Who held what at a time → [`Observed`], as if it had been read then. Pure.
//!
//! What the ledger does not hold is unknown in it: who was in groups, what role definitions permitted, whether assignments at a
//! target had effect, and when each assignment was made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    entry::{Held, TargetName},
    holdings::Knowledge,
};
use crate::model::{
    assignment::{Hand, Pim, PrincipalType, RoleAssignment, Standing, Trail, Triple},
    ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
    observed::{Observed, Reading, Sighting, Subscription, Target, TargetKey},
    owner::{EnvironmentName, KindName, OwnerCode},
    people::{ById, ByName, People, Person},
    trouble::{Trouble, TroubleKind},
};

/// What was known at `at`, as an observation. A target that nobody could say anything of is unseen, with the reason.
#[must_use]
pub fn observed(known: &BTreeMap<TargetName, Knowledge>, at: Timestamp) -> Observed {
    let mut targets = BTreeMap::new();
    let mut subscriptions: BTreeMap<SubscriptionId, BTreeMap<ScopeId, Vec<Standing>>> = BTreeMap::new();
    let mut met: BTreeSet<(SubscriptionId, String)> = BTreeSet::new();
    let mut people = People::default();
    for (name, knowledge) in known {
        let Some(key) = key(name) else { continue };
        let sighting = match knowledge {
            Knowledge::Unknown { why, .. } => unseen(why),
            Knowledge::Known { scope, held, .. } => {
                let scope = ScopeId::new(scope);
                match scope.subscription() {
                    None => unseen("the ledger names no subscription"),
                    Some(subscription) => {
                        let scopes = subscriptions.entry(subscription).or_default();
                        for row in held {
                            let Some(standing) = standing(row) else { continue };
                            remember(&mut people, row, &standing);
                            // One assignment counts at several targets of a subscription, and stands once.
                            if met.insert((subscription, row.assignment.to_ascii_lowercase())) {
                                scopes.entry(standing.assignment.triple.scope.clone()).or_default().push(standing);
                            }
                        }
                        Sighting::Found(Target { scope, subscription, made: None, impediments: Vec::new() })
                    }
                }
            }
        };
        targets.insert(key, sighting);
    }
    let subscriptions = subscriptions.into_iter().map(|(id, scopes)| {
        let (name, reading) = (id.to_string(), Reading::Seen(scopes));
        (id, Subscription { name, reading, ..Subscription::default() })
    });
    Observed { targets, subscriptions: subscriptions.collect(), people, ..Observed::begun(at) }
}

/// A target by its name in the ledger; `None` if that names no owner.
#[must_use]
pub fn key(name: &TargetName) -> Option<TargetKey> {
    let TargetName { owner, environment, kind, name } = name;
    Some(TargetKey {
        owner: OwnerCode::new(owner)?,
        environment: EnvironmentName::new(environment),
        kind: KindName::new(kind),
        name: name.clone(),
    })
}

fn unseen(why: &str) -> Sighting {
    Sighting::Unseen(Arc::new(Trouble::new(TroubleKind::Unreachable, "look in the ledger", why)))
}

fn standing(row: &Held) -> Option<Standing> {
    let Held { assignment, principal, principal_type, definition, ours, condition, pim, .. } = row;
    let principal: PrincipalId = principal.parse().ok()?;
    let definition: RoleDefinitionId = definition.parse().ok()?;
    let (scope, name) = parts(assignment)?;
    Some(Standing {
        assignment: RoleAssignment {
            triple: Triple { scope, principal, definition },
            name,
            principal_type: PrincipalType::from_azure(principal_type),
            condition: condition.as_deref().map(Into::into),
            description: None,
            created_on: None,
            trail: Trail::default(),
        },
        hand: if *ours { Hand::Ours } else { Hand::Foreign },
        pim: match pim.as_deref() {
            Some("activated") => Pim::Activated,
            Some("timed") => Pim::Timed,
            Some("no") => Pim::No,
            Some(_) | None => Pim::NotAsked,
        },
    })
}

/// Scope and name of an assignment, by its resource id.
fn parts(assignment: &str) -> Option<(ScopeId, AssignmentName)> {
    let at = assignment.to_ascii_lowercase().rfind(super::holdings::PROVIDER)?;
    let name = assignment.rsplit('/').next()?.parse().ok()?;
    Some((ScopeId::new(assignment.get(..at)?), name))
}

/// The name that somebody had when it was looked up.
fn remember(people: &mut People, row: &Held, standing: &Standing) {
    let RoleAssignment { triple, principal_type, .. } = &standing.assignment;
    let Some(name) = row.name.as_deref() else { return };
    if *principal_type != PrincipalType::User {
        people.by_id.insert(triple.principal, ById::NotAPerson(name.into()));
        return;
    }
    let name = UserName::new(name);
    let person = Person {
        id: triple.principal,
        name: name.clone(),
        display_name: None,
        enabled: true,
        guest: false,
        created: None,
    };
    people.by_id.insert(triple.principal, ById::Person(person.clone()));
    people.by_name.insert(name, ByName::Person(person));
}
