//! Wanted assignments against those that stand: what to grant, to put right, to remove, and what is doubtful.
//!
//! What stands and is not wanted is gathered here, and judged in `removal` when everything wanted has been looked at.

use std::{collections::BTreeSet, sync::Arc};

use jiff::civil::Date;

use crate::model::{
    assignment::{Hand, Mark, Pim, Standing, Triple},
    desired::{Desired, Grant},
    ids::{PrincipalId, RoleDefinitionId, ScopeId},
    observed::{Observed, Reading, Subscription},
    owner::KindName,
};

use super::{
    Plan,
    blocked::{Block, Blocked},
    change::{Action, Because, Change, Who},
    effect::no_effect,
    finding::{Code, Finding},
    keeps::Unlisted,
    keeps_in_groups::keeps_in_groups,
    removal::Surplus,
    role_definition::RoleCheck,
    want::{Want, Wanted, blocked},
    wider::wider,
};

pub(super) fn compare<'a>(desired: &'a Desired, observed: &'a Observed, wanted: Wanted<'a>, today: Date) -> Plan {
    let mut compare = Compare {
        desired,
        observed,
        managed: desired.catalog.managed(),
        surplus: Vec::new(),
        today,
        plan: Plan::default(),
        roles: RoleCheck::new(desired, observed),
        unlisted: Unlisted::of(desired, observed, today),
        wanted,
    };
    compare.plan.blocked.append(&mut compare.wanted.blocked);
    compare.plan.findings.append(&mut compare.wanted.findings);
    compare.plan.findings.append(&mut no_effect(&compare.wanted, &desired.policy));
    compare.plan.findings.append(&mut wider(desired, observed, &compare.wanted, &mut compare.unlisted));
    let mut above = BTreeSet::new(); // what lies above subscriptions is in each one's list
    for subscription in observed.subscriptions.values() {
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        for (scope, standings) in scopes {
            if scope.subscription().is_some() || above.insert(scope) {
                compare.scope(subscription, scope, standings);
            }
        }
    }
    let unmet = std::mem::take(&mut compare.wanted.at);
    for (scope, wants) in unmet {
        compare.wants_and_standings(scope, &wants, &[], None);
    }
    compare.unproven();
    compare.plan.findings.extend(compare.roles.findings(desired, observed));
    compare.room();
    compare.judge_surplus(); // when all that is wanted has been looked at: what is blocked there protects here
    compare.plan.findings.append(&mut compare.unlisted.not_known());
    let (mut kept, memberships) = keeps_in_groups((desired, observed), &compare.unlisted);
    compare.plan.findings.append(&mut kept);
    Plan { strangers: compare.unlisted.strangers, memberships, ..compare.plan }
}

/// The comparison as it stands: what was looked at, what is still wanted, what is surplus, and the plan so far.
pub(super) struct Compare<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) wanted: Wanted<'a>,
    roles: RoleCheck<'a>,
    pub(super) unlisted: Unlisted<'a>,
    pub(super) managed: BTreeSet<(&'a KindName, RoleDefinitionId)>,
    pub(super) surplus: Vec<Surplus<'a>>,
    pub(super) today: Date,
    pub(super) plan: Plan,
}

impl<'a> Compare<'a> {
    fn scope(&mut self, subscription: &'a Subscription, scope: &'a ScopeId, standings: &'a [Standing]) {
        let wants = self.wanted.at.remove(scope).unwrap_or_default();
        self.wants_and_standings(scope, &wants, standings, Some(subscription));
    }

    fn wants_and_standings(
        &mut self,
        scope: &'a ScopeId,
        wants: &[Want<'a>],
        standings: &'a [Standing],
        subscription: Option<&'a Subscription>,
    ) {
        let place = self.wanted.targets.get(scope).copied();
        let mut standings: Vec<&Standing> = standings.iter().collect();
        standings.sort_by_key(|standing| key(standing));
        let mut standings = standings.into_iter().peekable();
        for group in wants.chunk_by(|a, b| a.key() == b.key()) {
            let Some(want) = group.first() else { continue };
            while let Some(before) = standings.next_if(|standing| key(standing) < want.key()) {
                self.unwanted(subscription, place, before);
            }
            let mut met = false;
            while let Some(standing) = standings.next_if(|standing| key(standing) == want.key()) {
                self.met(scope, group, want, standing);
                for want in group {
                    self.roles.is_held(&want.grant.role, want.definition.id);
                }
                self.stays(group);
                self.objected(group);
                met = true;
            }
            if !met {
                self.grant(scope, group);
            }
        }
        for standing in standings {
            self.unwanted(subscription, place, standing);
        }
    }

    /// Nobody has it yet: it is made, unless policy has something against each of the lines that ask for it.
    fn grant(&mut self, scope: &ScopeId, group: &[Want<'a>]) {
        let objections = &self.wanted.objections;
        let fits = |want: &&Want<'a>| {
            objections.get(&want.grant.origin).is_none_or(|all| all.iter().all(|objection| !objection.blocks()))
        };
        let fit: Vec<Want<'a>> = group.iter().filter(fits).copied().collect();
        if fit.is_empty() {
            return self.block_grants(scope, group);
        }
        let fit = self.sound(scope, fit);
        let Some(want) = fit.first() else { return self.block_grants(scope, group) };
        self.objected(&fit);
        for want in &fit {
            self.roles.is_held(&want.grant.role, want.definition.id);
        }
        let group = &fit;
        let triple = Triple { scope: scope.clone(), principal: want.person.id, definition: want.definition.id };
        let name = triple.name(&self.desired.instance);
        let because = Because::Listed { until: want.grant.until, reason: want.grant.reason.clone() };
        let change = self.wanted_change(Action::Grant, group, want, triple, because);
        self.plan.changes.push(Change { name, ..change });
    }

    /// Those of a group whose role definition is what the workspace says; the others are blocked where none is left.
    fn sound(&mut self, scope: &ScopeId, group: Vec<Want<'a>>) -> Vec<Want<'a>> {
        let against = |want: &Want<'a>| self.roles.against(&want.grant.role, want.definition, scope, self.observed);
        let (sound, faulty): (Vec<_>, Vec<_>) =
            group.into_iter().map(|want| (want, against(&want))).partition(|(_, problem)| problem.is_none());
        if sound.is_empty() {
            for (want, problem) in faulty {
                let role = self.desired.catalog.roles.get(&want.grant.role);
                let Some((role, problem)) = role.zip(problem) else { continue };
                self.wanted.waiting.entry((want.grant.owner, want.person.id)).or_default().push(want.grant);
                let block = Block::RoleDefinition(problem);
                self.plan.blocked.push(blocked(want.grant, &role.environment, Some(scope), block));
            }
        }
        sound.into_iter().map(|(want, _)| want).collect()
    }

    /// Whether people belong to an owner is not known: said once an owner, whether or not somebody should gain something.
    fn unproven(&mut self) {
        for (owner, words) in &self.wanted.unproven {
            let finding = Finding::new(Code::MembershipUnknown, words.clone(), Vec::new());
            self.plan.findings.push(Finding { owner: Some(*owner), ..finding });
        }
    }

    fn block_grants(&mut self, scope: &ScopeId, group: &[Want<'a>]) {
        for want in group {
            self.wanted.waiting.entry((want.grant.owner, want.person.id)).or_default().push(want.grant);
            let Some(role) = self.desired.catalog.roles.get(&want.grant.role) else { continue };
            for objection in self.wanted.objections.get(&want.grant.origin).into_iter().flatten() {
                let Some(block) = objection.block.clone() else { continue };
                let mut blocked = blocked(want.grant, &role.environment, Some(scope), block);
                blocked.origins.extend(objection.elsewhere.cloned());
                self.plan.blocked.push(blocked);
            }
        }
    }

    /// What policy has against something that stands, or that is made all the same.
    fn objected(&mut self, group: &[Want<'a>]) {
        for want in group {
            for objection in self.wanted.objections.get(&want.grant.origin).into_iter().flatten() {
                self.plan.findings.extend(objection.finding(want.grant, want.person));
            }
        }
    }

    /// Somebody keeps these roles.
    fn stays(&mut self, group: &[Want<'a>]) {
        for want in group {
            let role = self.desired.catalog.roles.get(&want.grant.role);
            if role.is_some_and(|role| self.desired.policy.production.contains(&role.environment)) {
                self.plan.staying.insert((want.grant.owner, want.grant.role.clone()));
            }
        }
    }

    fn wanted_change(
        &self,
        action: Action,
        group: &[Want<'a>],
        want: &Want<'a>,
        triple: Triple,
        because: Because,
    ) -> Change {
        Change {
            action,
            owner: want.grant.owner,
            environment: self.desired.catalog.roles.get(&want.grant.role).map(|role| role.environment.clone()),
            role: Some(want.grant.role.clone()),
            who: Who::person(want.person),
            definition_name: self.observed.name_of(want.definition.id, &self.desired.catalog).map(Arc::from),
            name: triple.name(&self.desired.instance),
            description: self.description(want.grant),
            origins: group.iter().map(|want| want.grant.origin.clone()).collect(),
            because,
            triple,
        }
    }

    fn description(&self, grant: &Grant) -> String {
        Mark::text(&self.desired.instance, grant.owner, &grant.role, grant.ticket.as_deref())
    }

    /// Git wants it, and it stands: is it what git means?
    fn met(&mut self, scope: &ScopeId, group: &[Want<'a>], want: &Want<'a>, standing: &Standing) {
        let Standing { assignment, hand, pim } = standing;
        let is_copied = matches!(pim, Pim::Activated | Pim::Timed) && self.is_ours_by_description(standing);
        if *hand == Hand::Ours {
            *self.plan.standing.entry(want.grant.owner).or_default() += 1;
        }
        if *hand == Hand::Ours && !is_copied {
            let because = if assignment.condition.is_some() {
                Because::ConditionAdded
            } else if assignment.description.as_deref() != Some(self.description(want.grant).as_str()) {
                // A former instance's mark is still ours: only a text that is none of them was written by others.
                let text = assignment.description.as_deref().unwrap_or_default();
                let is_marked = self.desired.instances().any(|instance| Mark::read(text, instance).is_some());
                if is_marked { Because::DescriptionChanged } else { Because::DescriptionLost }
            } else {
                self.plan.unchanged += 1;
                return;
            };
            let change = self.wanted_change(Action::Update, group, want, assignment.triple.clone(), because);
            self.plan.changes.push(Change { name: assignment.name, ..change });
            return;
        }
        let block = match (&assignment.condition, pim) {
            (Some(_), _) => Block::HeldWithCondition,
            (None, Pim::Activated | Pim::Timed) => Block::HeldByPim,
            (None, Pim::No | Pim::NotAsked) => {
                self.plan.unchanged += 1;
                return;
            }
            (None, Pim::Unanswered) => {
                self.plan.unchanged += 1;
                self.plan.findings.push(Finding {
                    code: Code::MayEnd,
                    owner: Some(want.grant.owner),
                    environment: None,
                    role: Some(want.grant.role.clone()),
                    who: Some(Who::person(want.person)),
                    scope: Some(scope.clone()),
                    assignment: Some(assignment.resource_id()),
                    message: "held by an assignment created outside tilgang; whether PIM ends it could not be read"
                        .to_owned(),
                    origins: vec![want.grant.origin.clone()],
                    accepted: None,
                });
                return;
            }
        };
        self.wanted.waiting.entry((want.grant.owner, want.person.id)).or_default().push(want.grant);
        self.plan.blocked.push(Blocked {
            action: Action::Grant,
            owner: Some(want.grant.owner),
            environment: self.desired.catalog.roles.get(&want.grant.role).map(|role| role.environment.clone()),
            role: Some(want.grant.role.clone()),
            who: want.grant.user.name.to_string(),
            scope: Some(scope.clone()),
            block,
            origins: vec![want.grant.origin.clone()],
        });
    }
}

fn key(standing: &Standing) -> (PrincipalId, RoleDefinitionId) {
    (standing.assignment.triple.principal, standing.assignment.triple.definition)
}
