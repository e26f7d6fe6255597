//! What git says + what stands → which of others' assignments can be made ours by their description, each as a change. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::model::{
    assignment::{Hand, Mark, Pim, PrincipalType, Standing},
    desired::Desired,
    ids::{PrincipalId, RoleDefinitionId},
    observed::{Observed, Reading},
    owner::{InstanceName, OwnerCode, is_word},
};

use super::{
    change::{Action, Because, Change, Who},
    finding::{Code, Finding},
    want::{Place, want},
};

/// Others' assignments that git lists and that can be made ours, each as the change that does so: a person's, at a resource,
/// without a condition, and for certain not PIM's nor another instance's. A line whose name changed hands makes none ours: whom it
/// means is not known. `owners`: only at these, if given.
#[must_use]
pub fn marks(desired: &Desired, observed: &Observed, today: Date, owners: Option<&BTreeSet<OwnerCode>>) -> Vec<Change> {
    let wanted = want(desired, observed, today);
    let mut marks = Vec::new();
    for (scope, wants) in &wanted.at {
        let Some(place) = wanted.targets.get(scope) else { continue };
        let here: BTreeMap<_, &Standing> =
            standings(observed, place).map(|standing| (key(standing), standing)).collect();
        for group in wants.chunk_by(|a, b| a.key() == b.key()) {
            let Some(want) = group.iter().find(|want| !wanted.changed_hands(want.grant)) else { continue };
            let grant = want.grant;
            if owners.is_some_and(|owners| !owners.contains(&grant.owner)) {
                continue;
            }
            let Some(standing) = here.get(&want.key()).filter(|standing| is_markable(standing)) else { continue };
            let Standing { assignment, .. } = standing;
            marks.push(Change {
                action: Action::Adopt,
                owner: grant.owner,
                environment: desired.catalog.roles.get(&grant.role).map(|role| role.environment.clone()),
                role: Some(grant.role.clone()),
                who: Who::person(want.person),
                triple: assignment.triple.clone(),
                definition_name: Some(Arc::from(want.definition.name.as_str())),
                name: assignment.name,
                description: Mark::text(&desired.instance, grant.owner, &grant.role, grant.ticket.as_deref()),
                origins: group
                    .iter()
                    .filter(|want| !wanted.changed_hands(want.grant))
                    .map(|want| want.grant.origin.clone())
                    .collect(),
                because: Because::MadeByOthers {
                    description: assignment.description.clone().filter(|text| !text.is_empty()),
                },
            });
        }
    }
    marks.sort_by(|a, b| a.order().cmp(&b.order()));
    marks
}

/// Whether a finding is about what is marked, or would be: a line whose name changed hands, or a role definition at fault.
#[must_use]
pub fn is_about(finding: &Finding, marks: &[Change]) -> bool {
    match finding.code {
        Code::NameChangedHands => true,
        Code::RoleMissing
        | Code::RoleUnread
        | Code::RoleName
        | Code::Privileged
        | Code::Broad
        | Code::RoleGivesLess
        | Code::RoleNotAssignable => marks.iter().any(|mark| mark.role == finding.role),
        _ => false,
    }
}

/// Whether a description makes this one ours, and may: where PIM ends it, or may end it, it is nobody's to take.
fn is_markable(standing: &Standing) -> bool {
    let Standing { assignment, hand, pim } = standing;
    *hand == Hand::Foreign
        && *pim == Pim::No
        && assignment.condition.is_none()
        && assignment.principal_type == PrincipalType::User
        && assignment.triple.scope.is_resource()
        && marked_by(standing).is_none()
}

/// The mark of an instance that is not this one, in a place where we would write one.
pub(super) fn marked_by(standing: &Standing) -> Option<InstanceName> {
    let Standing { assignment, hand, .. } = standing;
    let markable = assignment.principal_type == PrincipalType::User && assignment.triple.scope.is_resource();
    let text = assignment.description.as_deref().filter(|_| *hand == Hand::Foreign && markable)?;
    let name = text.split_whitespace().next()?.strip_prefix("tilgang/")?;
    let instance = InstanceName::new(Some(name).filter(|name| is_word(name))?);
    Mark::read(text, &instance).map(|_| instance)
}

/// Who, and with which role definition.
pub(super) type Key = (PrincipalId, RoleDefinitionId);

/// Of an assignment.
pub(super) fn key(standing: &Standing) -> Key {
    (standing.assignment.triple.principal, standing.assignment.triple.definition)
}

/// What stands exactly at a target.
pub(super) fn standings<'a>(observed: &'a Observed, place: &Place<'a>) -> impl Iterator<Item = &'a Standing> {
    let subscription = observed.subscriptions.get(&place.target.subscription);
    let here = subscription.and_then(|subscription| match &subscription.reading {
        Reading::Seen(scopes) => scopes.get(&place.target.scope),
        Reading::Unseen(_) => None,
    });
    here.into_iter().flatten()
}
