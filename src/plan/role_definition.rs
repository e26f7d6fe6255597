//! Whether a role definition is what the workspace says: it exists, Azure calls it so, it gives what `may:` claims, it gives no
//! access to others, and it can be assigned at the target. Where it is not, nothing new is granted of it; what exists stays.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    ability::{self, Ability},
    catalog::{Catalog, Gives, Role, RoleDefinition},
    desired::Desired,
    ids::{RoleDefinitionId, ScopeId},
    observed::{Assignable, DefinitionLookup, Observed},
    owner::RoleName,
    permissions::DefinitionMaker,
    privilege::Reach,
    remembered::RecordedDefinition,
};

use super::{
    finding::{Code, Finding},
    role_problem::{Fault, RoleProblem},
};

/// What each role gives, held against what Azure says of it.
#[derive(Debug, Default)]
pub(super) struct RoleCheck<'a> {
    faults: BTreeMap<(&'a RoleName, &'a Gives), Faults>,
    /// What git wants and Azure has.
    held: BTreeSet<(&'a RoleName, RoleDefinitionId)>,
}

/// What is wrong with a role definition, wherever it is given.
#[derive(Debug, Default)]
struct Faults {
    /// For these, nothing new is granted of it.
    blocking: Vec<Fault>,
    /// These are only reported.
    reported: Vec<Fault>,
}

impl<'a> RoleCheck<'a> {
    pub(super) fn new(desired: &'a Desired, observed: &Observed) -> Self {
        let mut faults = BTreeMap::new();
        for (name, role) in &desired.catalog.roles {
            for gives in &role.gives {
                faults.insert((name, gives), Faults::of(role, gives, desired, observed));
            }
        }
        Self { faults, held: BTreeSet::new() }
    }

    /// Git wants this, and it exists or is made now.
    pub(super) fn is_held(&mut self, role: &'a RoleName, definition: RoleDefinitionId) {
        self.held.insert((role, definition));
    }

    /// Why this is not granted at a target, if something is wrong with its role definition.
    pub(super) fn against(
        &self,
        role: &RoleName,
        definition: &RoleDefinition,
        at: &ScopeId,
        observed: &Observed,
    ) -> Option<RoleProblem> {
        let of = |its: &RoleName, gives: &Gives| its == role && gives.definition.id == definition.id;
        let mut faults: Vec<Fault> = Vec::new();
        for (_, found) in self.faults.iter().filter(|((role, gives), _)| of(role, gives)) {
            faults.extend(found.blocking.iter().filter(|fault| !faults.contains(fault)).cloned().collect::<Vec<_>>());
        }
        faults.extend(not_assignable(definition.id, at, observed));
        (!faults.is_empty()).then(|| problem(definition, faults, observed))
    }

    /// What people should know of the role definitions of which git wants something that exists.
    pub(super) fn findings(&self, desired: &Desired, observed: &Observed) -> Vec<Finding> {
        let held = self.faults.iter().filter(|((role, gives), _)| self.held.contains(&(*role, gives.definition.id)));
        let each = held.flat_map(|((role, gives), faults)| {
            let known = faults.blocking.iter().filter(|fault| !matches!(fault, Fault::Unread(_))); // said as unread
            known.chain(&faults.reported).map(move |fault| (*role, *gives, fault))
        });
        let finding = |(role, gives, fault): (&RoleName, &Gives, &Fault)| {
            let problem = problem(&gives.definition, vec![fault.clone()], observed);
            let environment = desired.catalog.roles.get(role).map(|role| role.environment.clone());
            let finding = Finding::new(fault.code(), problem.to_string(), Vec::new());
            Finding { role: Some(role.clone()), environment, ..finding }
        };
        each.map(finding).collect()
    }
}

/// Everything that is wrong with what roles give, whether or not anybody holds it: each role, and what is wrong.
#[must_use]
pub fn role_problems(desired: &Desired, observed: &Observed) -> Vec<(RoleName, RoleProblem)> {
    let check = RoleCheck::new(desired, observed);
    let mut problems = Vec::new();
    for ((role, gives), Faults { blocking, reported }) in check.faults {
        let mut faults = blocking;
        faults.extend(reported);
        if !faults.is_empty() {
            problems.push((role.clone(), problem(&gives.definition, faults, observed)));
        }
    }
    problems
}

/// Role definitions that permit something else than when the ledger last knew them. Where no ledger is kept, nothing is said.
pub(super) fn changed(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, was) in &observed.remembered.definitions {
        let Some(DefinitionLookup::Found(now)) = observed.role_definitions.get(id) else { continue };
        if was.permits != now.permits_text() {
            let name = observed.name_of(*id, &desired.catalog).unwrap_or_default();
            let message = format!(
                "the role definition `{name}` permits something else than when the ledger last recorded it: make sure that \
                 this is meant"
            );
            findings.push(Finding::new(Code::RoleChanged, message, Vec::new()));
        }
    }
    findings
}

impl Faults {
    fn of(role: &Role, gives: &Gives, desired: &Desired, observed: &Observed) -> Self {
        let blocking = |fault| Self { blocking: vec![fault], reported: Vec::new() };
        let definition = match observed.role_definitions.get(&gives.definition.id) {
            Some(DefinitionLookup::Found(definition)) => definition,
            Some(DefinitionLookup::Missing) => return blocking(Fault::Missing),
            Some(DefinitionLookup::Unanswered(trouble)) => return blocking(Fault::Unread(Some(trouble.clone()))),
            None => return blocking(Fault::Unread(None)),
        };
        let mut faults = Self::default();
        let lacks = lacks(role, gives, &desired.catalog, observed);
        let reach = match Reach::of(definition) {
            Reach::Narrow => None,
            _ if gives.privileged.is_some() => None,
            Reach::Privileged(privileges) => Some(Fault::GivesAccess(privileges)),
            Reach::Broad => Some(Fault::Broad),
        };
        let gives_access = matches!(reach, Some(Fault::GivesAccess(_)));
        if !definition.name.eq_ignore_ascii_case(&gives.definition.name) {
            // Microsoft renames its own, and the GUID stays (FACTS §1.9): what is known to have had this name, and does what it
            // did, is only reported.
            let had_this_name = gives.definition.had_this_name()
                || observed.remembered.definitions.get(&gives.definition.id).is_some_and(
                    |RecordedDefinition { name, permits }| {
                        name.eq_ignore_ascii_case(&gives.definition.name) && *permits == definition.permits_text()
                    },
                );
            let is_narrow = !matches!(Reach::of(definition), Reach::Privileged(_));
            let is_renamed =
                definition.made_by == DefinitionMaker::Microsoft && had_this_name && lacks.is_empty() && is_narrow;
            let said = gives.definition.name.clone();
            if is_renamed {
                faults.reported.push(Fault::Renamed(said));
            } else {
                faults.blocking.push(Fault::OtherName(said));
            }
        }
        if let Some(fault) = reach {
            let is_production = desired.policy.production.contains(&role.environment);
            let place = if gives_access || is_production { &mut faults.blocking } else { &mut faults.reported };
            place.push(fault);
        }
        if !lacks.is_empty() {
            faults.blocking.push(Fault::GivesLess(lacks));
        }
        faults
    }
}

/// What `may:` claims at this kind of target, as far as our words go, and nothing that the role gives there does. What was not
/// read may do anything.
fn lacks(role: &Role, gives: &Gives, catalog: &Catalog, observed: &Observed) -> Vec<&'static Ability> {
    let Some(kind) = catalog.kinds.get(&gives.kind) else { return Vec::new() };
    let there =
        || role.gives.iter().filter(|it| catalog.kinds.get(&it.kind).is_some_and(|it| it.arm_type == kind.arm_type));
    let is_given = |ability: &Ability| {
        there().any(|it| match observed.role_definitions.get(&it.definition.id) {
            Some(DefinitionLookup::Found(definition)) => ability.given_by(definition).is_some(),
            Some(DefinitionLookup::Missing) => false,
            Some(DefinitionLookup::Unanswered(_)) | None => true,
        })
    };
    let means = |ability: &&Ability| ability.arm_type.is_none_or(|its| its == kind.arm_type);
    ability::claimed(&role.may).into_iter().filter(means).filter(|ability| !is_given(ability)).collect()
}

/// Whether it cannot be assigned at a target. By its path where that tells it; else by the subscription's own list, since a
/// path does not show the management groups above a subscription.
fn not_assignable(id: RoleDefinitionId, at: &ScopeId, observed: &Observed) -> Option<Fault> {
    let Some(DefinitionLookup::Found(definition)) = observed.role_definitions.get(&id) else { return None };
    if definition.is_assignable_by_path(at) {
        return None;
    }
    let subscription = at.subscription().and_then(|id| observed.subscriptions.get(&id));
    match subscription.map(|subscription| &subscription.assignable) {
        Some(Assignable::Known(known)) if known.contains(&id) => None,
        Some(Assignable::Known(_)) => Some(Fault::NotAssignable(definition.assignable_scopes.clone())),
        Some(Assignable::Unanswered(trouble)) => Some(Fault::AssignableUnread(Some(trouble.clone()))),
        Some(Assignable::NotAsked) | None => Some(Fault::AssignableUnread(None)),
    }
}

fn problem(definition: &RoleDefinition, faults: Vec<Fault>, observed: &Observed) -> RoleProblem {
    let name = observed.definition_name(definition.id).unwrap_or(&definition.name).to_owned();
    RoleProblem::new(definition.id, name, faults)
}
