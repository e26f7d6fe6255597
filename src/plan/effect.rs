//! Promise 9: a grant without effect is said. Disabled accounts, and targets where an assignment does not do what it says.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    ids::ScopeId,
    observed::Impediment,
    people::Person,
    policy::{Account, Policy},
};

use super::{
    change::Who,
    finding::{Code, Finding},
    want::{Place, Want, Wanted},
};

/// What is said of somebody with a disabled account.
pub(super) const DISABLED: &str =
    "the account is disabled: nobody can sign in with it; if the person has left, take the entry out";

/// One finding for each target that stands in the way of all its grants, and one for each disabled person at an owner.
pub(super) fn no_effect(wanted: &Wanted<'_>, policy: &Policy) -> Vec<Finding> {
    let is_blocked = policy.block.contains(&Account::Disabled);
    let mut findings = Vec::new();
    let mut disabled: BTreeMap<_, (&Person, &Want<'_>)> = BTreeMap::new();
    for (scope, wants) in &wanted.at {
        if let Some(place) = wanted.targets.get(*scope) {
            let people: BTreeSet<_> = wants.iter().map(|want| want.person.id).collect();
            findings.extend(place.target.impediments.iter().map(|why| at_target(scope, place, people.len(), why)));
        }
        // Where policy gives such accounts nothing new, what stands is said there.
        for want in wants.iter().filter(|want| !want.person.enabled && !is_blocked) {
            disabled.entry((want.grant.owner, want.person.id)).or_insert((want.person, want));
        }
    }
    findings.extend(disabled.into_values().map(|(person, want)| Finding {
        code: Code::NoEffect,
        owner: Some(want.grant.owner),
        environment: None,
        role: None,
        who: Some(Who::person(person)),
        scope: None,
        assignment: None,
        message: DISABLED.to_owned(),
        origins: vec![want.grant.user.origin.clone()],
        accepted: None,
    }));
    findings
}

/// `` `ai` is``; or, where it is the workspace, `` `ai` keeps its logs in `law`, which is``.
fn inside(target: &ScopeId, place: &ScopeId) -> String {
    let name = target.last_segment();
    if target == place {
        return format!("`{name}` is");
    }
    format!("`{name}` keeps its logs in `{}`, which is", place.last_segment())
}

fn at_target(scope: &ScopeId, place: &Place<'_>, people: usize, why: &Impediment) -> Finding {
    let name = scope.last_segment();
    let grants = if people == 1 { "grants to 1 person".to_owned() } else { format!("grants to {people} people") };
    let message = match why {
        Impediment::AccessPolicyMode => {
            format!(
                "`{name}` is in access-policy mode, where {grants} open no secret: turn on Azure RBAC for the vault"
            )
        }
        Impediment::NetworkClosed => {
            format!("`{name}` is closed to public networks: {grants} work only from inside its network")
        }
        Impediment::OtherTenant(tenant) => {
            format!(
                "`{name}` accepts accounts of the tenant {tenant} only, not of this one: {grants} open no secret; set the \
                 vault's `tenantId`"
            )
        }
        Impediment::Perimeter(place) => format!(
            "{} inside a network security perimeter: whether {grants} work from where people are depends on its access rules, \
             which tilgang does not read",
            inside(scope, place)
        ),
        Impediment::QueriesClosed(place) => format!(
            "{} closed to queries from public networks: {grants} show logs only from inside its private network",
            inside(scope, place)
        ),
        Impediment::WorkspaceDemandsRights(workspace) => {
            format!(
                "`{name}` keeps its logs in `{}`, which demands rights of its own: {grants} do not open the logs",
                workspace.last_segment()
            )
        }
        Impediment::WorkspaceUnseen(workspace) => {
            format!(
                "`{name}` keeps its logs in `{}`, which could not be seen: whether {grants} open the logs is not known",
                workspace.last_segment()
            )
        }
    };
    Finding {
        code: Code::NoEffect,
        owner: Some(place.key.owner),
        environment: Some(place.key.environment.clone()),
        role: None,
        who: None,
        scope: Some(scope.clone()),
        assignment: None,
        message,
        origins: Vec::new(),
        accepted: None,
    }
}
