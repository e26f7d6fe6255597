//! What others gave that opens what git gives: to somebody whom git does not list (a lookalike), or to somebody it lists, from
//! a wider scope (inherited). Said, never removed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    assignment::{Hand, Pim, PrincipalType, Standing, Triple},
    catalog::{Gives, Role},
    desired::{Desired, Grant, OwnerFile},
    ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
    observed::{Definitions, Observed, OtherAccess, Reading, Sighting, TargetKey},
    other_access::Eligibility,
    owner::{OwnerCode, RoleName},
    people::ById,
};

use super::{
    change::Who,
    finding::{Code, Finding},
    keeps::{self, Unlisted},
    want::{Place, Wanted},
};

pub(super) fn wider(
    desired: &Desired,
    observed: &Observed,
    wanted: &Wanted<'_>,
    unlisted: &mut Unlisted<'_>,
) -> Vec<Finding> {
    let mut wider = Wider { desired, observed, wanted, looks: BTreeMap::new(), inherited: BTreeMap::new() };
    let mut targets: BTreeMap<SubscriptionId, Vec<(&ScopeId, &Place<'_>)>> = BTreeMap::new();
    for (scope, place) in wanted.targets.iter().filter(|(scope, _)| !wanted.shared.contains(*scope)) {
        targets.entry(place.target.subscription).or_default().push((scope, place));
    }
    for (id, subscription) in &observed.subscriptions {
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        for standing in scopes.values().flatten().filter(|standing| matters(standing, observed)) {
            let at = &standing.assignment.triple.scope;
            for (scope, place) in targets.get(id).into_iter().flatten() {
                if at.subscription().is_none() || at.holds(scope) {
                    wider.meet(standing, scope, place);
                }
            }
        }
    }
    let mut findings = wider.eligible(&targets, unlisted);
    findings.extend(wider.findings(unlisted));
    findings
}

struct Wider<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    wanted: &'a Wanted<'a>,
    looks: BTreeMap<AssignmentName, Look<'a>>,
    inherited: BTreeMap<(AssignmentName, OwnerCode, &'a RoleName), (&'a Standing, &'a Grant)>,
}

/// Whether it gives people access, and goes on doing so.
fn matters(standing: &Standing, observed: &Observed) -> bool {
    let Standing { assignment, hand, pim } = standing;
    // Of a group of another tenant this directory knows nothing, whether it exists or not.
    let gone = assignment.principal_type != PrincipalType::ForeignGroup
        && matches!(observed.people.by_id.get(&assignment.triple.principal), Some(ById::Gone | ById::Deleted { .. }));
    let ends = matches!(pim, Pim::Activated | Pim::Timed);
    *hand == Hand::Foreign && assignment.principal_type.is_people() && !ends && !gone
}

/// What somebody's assignment opens that git gives to others.
struct Look<'a> {
    standing: &'a Standing,
    opens: Opens<'a>,
}

/// What of git's somebody has otherwise: which roles, at which owners.
#[derive(Default)]
struct Opens<'a>(BTreeSet<(OwnerCode, &'a RoleName)>);

impl Opens<'_> {
    fn owners(&self) -> BTreeSet<OwnerCode> {
        self.0.iter().map(|(owner, _)| *owner).collect()
    }

    fn titles(&self, desired: &Desired) -> String {
        let names: BTreeSet<&RoleName> = self.0.iter().map(|(_, name)| *name).collect();
        let titles = names.into_iter().filter_map(|name| desired.catalog.roles.get(name));
        titles.map(|role| role.title.clone()).collect::<Vec<_>>().join(" and ")
    }

    /// The finding: of somebody whom git listed at one of the owners with one of the roles, that they keep the access.
    fn finding(&self, whose: (PrincipalId, PrincipalType), unlisted: &mut Unlisted<'_>, finding: Finding) -> Finding {
        let owners = self.owners();
        let at = |owner: &OwnerCode| {
            let roles = self.0.iter().filter(|(at, _)| at == owner).map(|(_, role)| *role);
            unlisted.is_kept(*owner, whose, roles)
        };
        let keeps: BTreeSet<OwnerCode> = owners.iter().copied().filter(at).collect();
        let only = |owners: &BTreeSet<OwnerCode>| owners.first().copied().filter(|_| owners.len() == 1);
        if keeps.is_empty() {
            return Finding { owner: only(&owners), ..finding };
        }
        let message = keeps::message(Some(&finding.message));
        Finding { code: Code::Keeps, owner: only(&keeps), message, ..finding }
    }
}

impl<'a> Wider<'a> {
    fn meet(&mut self, standing: &'a Standing, target: &'a ScopeId, place: &Place<'a>) {
        let Triple { scope, principal, definition } = &standing.assignment.triple;
        let owner = place.key.owner;
        if matches!(self.desired.file_of(owner), OwnerFile::Broken(_)) {
            return; // whom the file lists is not known
        }
        for (name, role) in &self.desired.catalog.roles {
            let Some(given) = opened(self.desired, self.observed, role, place.key, *definition) else { continue };
            let same = given == *definition;
            if same && scope == target {
                continue; // what git gives itself: met, or unmanaged
            }
            match self.listed(target, (*principal, given)) {
                None if self.may_be_listed(owner, standing, name) => {}
                None => {
                    let new = || Look { standing, opens: Opens::default() };
                    self.looks.entry(standing.assignment.name).or_insert_with(new).opens.0.insert((owner, name));
                }
                Some(grant) if same && grant.role == *name => {
                    self.inherited.insert((standing.assignment.name, owner, name), (standing, grant));
                }
                Some(_) => {}
            }
        }
    }

    /// Who may activate what opens what git gives to others: known only where somebody asked for it.
    fn eligible(
        &self,
        targets: &BTreeMap<SubscriptionId, Vec<(&'a ScopeId, &Place<'a>)>>,
        unlisted: &mut Unlisted<'_>,
    ) -> Vec<Finding> {
        let mut found: BTreeMap<&Triple, (&Eligibility, Opens<'_>)> = BTreeMap::new();
        for (id, here) in targets {
            for eligible in self.observed.other.eligible_at(*id) {
                let Triple { scope, principal, definition } = &eligible.triple;
                let reaching = here.iter().filter(|(target, _)| scope.subscription().is_none() || scope.holds(target));
                for (target, place) in reaching {
                    if matches!(self.desired.file_of(place.key.owner), OwnerFile::Broken(_)) {
                        continue; // whom the file lists is not known
                    }
                    for (name, role) in &self.desired.catalog.roles {
                        let given = opened(self.desired, self.observed, role, place.key, *definition);
                        if given.is_none_or(|given| self.listed(target, (*principal, given)).is_some()) {
                            continue;
                        }
                        let waits = self.wanted.waiting.get(&(place.key.owner, *principal));
                        if !waits.is_some_and(|grants| grants.iter().any(|grant| grant.role == *name)) {
                            let it = found.entry(&eligible.triple).or_insert((eligible, Opens::default()));
                            it.1.0.insert((place.key.owner, name));
                        }
                    }
                }
            }
        }
        let one = |(triple, (eligible, opens)): (&Triple, (&Eligibility, Opens<'_>))| {
            let whose = (triple.principal, eligible.principal_type);
            let who = Who::known(triple.principal, eligible.principal_type, &self.observed.people);
            let finding = Finding {
                who: Some(who),
                scope: Some(triple.scope.clone()),
                message: format!(
                    "eligible for {}, which opens what {} opens, and git does not list it: remove it in Privileged Identity \
                     Management, list the person, or accept it in `policy.accept`",
                    named(self.desired, self.observed, triple),
                    opens.titles(self.desired)
                ),
                ..bare(Code::Lookalike)
            };
            opens.finding(whose, unlisted, finding)
        };
        let unread = self.observed.subscriptions.iter().filter_map(|(id, subscription)| {
            let list = self.observed.other.eligible.get(&ScopeId::subscription_scope(*id))?;
            let trouble = list.as_ref().err().filter(|trouble| !OtherAccess::is_unlicensed(trouble))?;
            let name = &subscription.name;
            Some(Finding {
                owner: subscription.belongs_to.as_ref().map(|(owner, _)| *owner),
                message: format!(
                    "who is eligible for a role in the subscription `{name}` could not be read: {trouble}"
                ),
                ..bare(Code::Unanswered)
            })
        });
        unread.chain(found.into_iter().map(one)).collect()
    }

    /// The grant by which somebody is listed at a target.
    fn listed(&self, target: &ScopeId, key: (PrincipalId, RoleDefinitionId)) -> Option<&'a Grant> {
        let wants = self.wanted.at.get(target)?; // in the order of their keys
        let first = wants.partition_point(|want| want.key() < key);
        wants.get(first).filter(|want| want.key() == key).map(|want| want.grant)
    }

    /// Whether git lists the holder there with a grant that has no place in `at`: one that waits.
    fn may_be_listed(&self, owner: OwnerCode, standing: &Standing, role: &RoleName) -> bool {
        let waiting = self.wanted.waiting.get(&(owner, standing.assignment.triple.principal));
        waiting.is_some_and(|grants| grants.iter().any(|grant| grant.role == *role))
    }

    fn findings(self, unlisted: &mut Unlisted<'_>) -> Vec<Finding> {
        let Self { desired, observed, looks, inherited, .. } = self;
        let unread = match &observed.definitions {
            Definitions::Unanswered(trouble) => Some(Finding {
                message: format!("whether others hold what opens the same could not be looked for: {trouble}"),
                ..bare(Code::Unanswered)
            }),
            Definitions::NotAsked | Definitions::Known(_) => None,
        };
        let looks = looks.into_values().map(|Look { standing, opens }| {
            let (held, owners) = (held(desired, observed, standing), opens.owners().len());
            let assignment = &standing.assignment;
            let finding = Finding {
                message: format!(
                    "{held} opens what {} opens{}, and git does not list it: take it away by hand, list the person, or \
                     accept it in `policy.accept`",
                    opens.titles(desired),
                    if owners > 1 { format!(" at {owners} service owners") } else { String::new() },
                ),
                ..about(Code::Lookalike, observed, standing)
            };
            opens.finding((assignment.triple.principal, assignment.principal_type), unlisted, finding)
        });
        let inherited = inherited.into_values().map(|(standing, grant)| Finding {
            owner: Some(grant.owner),
            environment: desired.catalog.roles.get(&grant.role).map(|role| role.environment.clone()),
            role: Some(grant.role.clone()),
            message: format!(
                "{} gives the same already: taking the entry out of git will not take the access away; take the wider \
                 one away by hand",
                held(desired, observed, standing)
            ),
            origins: vec![grant.origin.clone()],
            ..about(Code::Inherited, observed, standing)
        });
        unread.into_iter().chain(looks).chain(inherited).collect()
    }
}

/// What a role gives at a target that a definition opens there.
fn opened(
    desired: &Desired,
    observed: &Observed,
    role: &Role,
    at: &TargetKey,
    definition: RoleDefinitionId,
) -> Option<RoleDefinitionId> {
    if role.environment != at.environment {
        return None;
    }
    let kind = desired.catalog.kinds.get(&at.kind)?;
    let opens = |given: RoleDefinitionId| match &observed.definitions {
        _ if given == definition => true,
        Definitions::Known(known) => known
            .get(&definition)
            .zip(known.get(&given))
            .is_some_and(|(has, given)| has.opens_as(given, &kind.arm_type)),
        Definitions::NotAsked | Definitions::Unanswered(_) => false,
    };
    let mut here = role.gives.iter().filter(|Gives { kind, .. }| *kind == at.kind);
    here.find(|gives| opens(gives.definition.id)).map(|gives| gives.definition.id)
}

/// What others gave to people that opens what this role gives at this owner, wherever it stands.
pub(super) fn opening<'a>(
    desired: &Desired,
    observed: &'a Observed,
    owner: OwnerCode,
    role: &RoleName,
) -> Vec<&'a Standing> {
    let Some(role) = desired.catalog.roles.get(role) else { return Vec::new() };
    let mut found: BTreeMap<AssignmentName, &Standing> = BTreeMap::new();
    for (key, sighting) in observed.targets.iter().filter(|(key, _)| key.owner == owner) {
        let Sighting::Found(target) = sighting else { continue };
        let reading = observed.subscriptions.get(&target.subscription).map(|subscription| &subscription.reading);
        let Some(Reading::Seen(scopes)) = reading else { continue };
        let reaches = |at: &ScopeId| at.subscription().is_none() || at.holds(&target.scope);
        for (_, standings) in scopes.iter().filter(|(at, _)| reaches(at)) {
            for standing in standings.iter().filter(|standing| matters(standing, observed)) {
                if opened(desired, observed, role, key, standing.assignment.triple.definition).is_some() {
                    found.insert(standing.assignment.name, standing);
                }
            }
        }
    }
    found.into_values().collect()
}

/// `Owner` on the whole subscription `Altinn-TTD-Prod`.
pub(super) fn held(desired: &Desired, observed: &Observed, standing: &Standing) -> String {
    named(desired, observed, &standing.assignment.triple)
}

fn named(desired: &Desired, observed: &Observed, triple: &Triple) -> String {
    let Triple { scope, definition, .. } = triple;
    let name = observed.name_of(*definition, &desired.catalog).unwrap_or("another role definition");
    let subscription = scope.subscription();
    let whole = subscription.filter(|id| ScopeId::subscription_scope(*id) == *scope);
    let on = match (whole.and_then(|id| observed.subscriptions.get(&id)), subscription) {
        (Some(whole), _) => format!("the whole subscription `{}`", whole.name),
        (None, Some(_)) if scope.is_resource() => format!("`{}`", scope.last_segment()),
        (None, Some(_)) => format!("the resource group `{}`", scope.last_segment()),
        (None, None) if scope.folded() == "/" => "the whole tenant".to_owned(),
        (None, None) => format!("the management group `{}`", scope.last_segment()),
    };
    format!("`{name}` on {on}")
}

fn about(code: Code, observed: &Observed, standing: &Standing) -> Finding {
    Finding {
        who: Some(Who::of(standing, &observed.people)),
        scope: Some(standing.assignment.triple.scope.clone()),
        assignment: Some(standing.assignment.resource_id()),
        ..bare(code)
    }
}

fn bare(code: Code) -> Finding {
    Finding {
        code,
        owner: None,
        environment: None,
        role: None,
        who: None,
        scope: None,
        assignment: None,
        message: String::new(),
        origins: Vec::new(),
        accepted: None,
    }
}
