//! What stands → ways, by holder: each assignment at each target that it reaches, and through each group to its people.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};

use super::{Being, By, Group, Holder, Level, Members, Opens, Way};
use crate::{
    model::{
        ability::Ability,
        assignment::{PrincipalType, Triple},
        desired::{Desired, Grant},
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
        log_query,
        observed::{Definitions, Impediment, Observed, Reading, Sighting, Subscription, Target, TargetKey},
        owner::{EnvironmentName, KindName, OwnerCode},
        people::{ById, ByName, GroupKey, InGroup, Person},
        permissions::Definition,
    },
    plan::change::Who,
};

type Targets<'a> = BTreeMap<&'a TargetKey, &'a Target>;

/// The targets at these owners that were found, and at which all that stands was read.
pub(super) fn targets<'a>(observed: &'a Observed, chosen: &impl Fn(OwnerCode) -> bool) -> Targets<'a> {
    let found = observed.targets.iter().filter_map(|(key, sighting)| match sighting {
        Sighting::Found(target) if chosen(key.owner) => Some((key, target)),
        _ => None,
    });
    let read = |target: &Target| {
        let subscription = observed.subscriptions.get(&target.subscription);
        subscription.is_some_and(|it| matches!(it.reading, Reading::Seen(_)))
    };
    found.filter(|(_, target)| read(target)).collect()
}

/// Everybody who holds something at these targets, and the groups by which.
pub(super) fn walk<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    targets: &Targets<'a>,
    today: Date,
) -> (BTreeMap<PrincipalId, Holder<'a>>, BTreeMap<PrincipalId, Group>) {
    let mut walk = Walk {
        desired,
        observed,
        names: names(observed),
        grants: grants(desired, observed, targets, today),
        opens: BTreeMap::new(),
        holders: BTreeMap::new(),
        groups: BTreeMap::new(),
    };
    let mut by_subscription: BTreeMap<SubscriptionId, Vec<(&'a TargetKey, &'a Target)>> = BTreeMap::new();
    for (key, target) in targets {
        by_subscription.entry(target.subscription).or_default().push((key, target));
    }
    for (id, here) in by_subscription {
        let Some(subscription) = observed.subscriptions.get(&id) else { continue };
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        let held = scopes.values().flatten().map(By::Assignment);
        for by in held.chain(observed.other.eligible_at(id).map(By::Eligibility)) {
            let Some(at) = by.triple().map(|triple| &triple.scope) else { continue };
            for (key, target) in &here {
                if let Some(from) = level(at, &target.scope, &subscription.name) {
                    walk.meet(key, target, by, from, subscription);
                }
            }
        }
    }
    for (key, target) in targets {
        walk.logs(key, target);
        walk.policies(key, target);
    }
    for holder in walk.holders.values_mut() {
        holder.ways.sort_by(|a, b| a.order().cmp(&b.order()));
    }
    (walk.holders, walk.groups)
}

/// Where a scope lies, seen from a resource; `None` if neither reaches the other.
pub(super) fn level<'a>(scope: &'a ScopeId, resource: &ScopeId, subscription: &'a str) -> Option<Level<'a>> {
    if scope.subscription().is_none() {
        let root = scope.folded() == "/";
        return Some(if root { Level::Tenant } else { Level::ManagementGroup(scope.last_segment()) });
    }
    if scope == resource {
        return Some(Level::Target);
    }
    if resource.holds(scope) {
        return Some(Level::Within(scope));
    }
    if !scope.holds(resource) {
        return None;
    }
    let whole = resource.subscription().is_some_and(|id| *scope == ScopeId::subscription_scope(id));
    Some(if whole { Level::Subscription(subscription) } else { Level::ResourceGroup(scope.last_segment()) })
}

/// The lines of git that ask for an assignment.
type Grants<'a> = BTreeMap<(&'a ScopeId, PrincipalId, RoleDefinitionId), Vec<&'a Grant>>;

fn grants<'a>(desired: &'a Desired, observed: &Observed, targets: &Targets<'a>, today: Date) -> Grants<'a> {
    let mut places: BTreeMap<(OwnerCode, &EnvironmentName, &KindName), Vec<&'a ScopeId>> = BTreeMap::new();
    for (key, target) in targets {
        places.entry((key.owner, &key.environment, &key.kind)).or_default().push(&target.scope);
    }
    let mut grants = Grants::new();
    for grant in desired.grants.iter().filter(|grant| !grant.has_ended(today)) {
        let Some(role) = desired.catalog.roles.get(&grant.role) else { continue };
        let Some(person) = person(grant, observed) else { continue };
        for gives in &role.gives {
            for scope in places.get(&(grant.owner, &role.environment, &gives.kind)).into_iter().flatten() {
                grants.entry((scope, person, gives.definition.id)).or_default().push(grant);
            }
        }
    }
    grants
}

/// The person of a line of git, where that is known: the id it states, else whom the name leads to.
pub(super) fn person(grant: &Grant, observed: &Observed) -> Option<PrincipalId> {
    grant.user.id.or_else(|| match observed.people.by_name.get(&grant.user.name) {
        Some(ByName::Person(person)) => Some(person.id),
        Some(ByName::Nobody(_) | ByName::Unanswered(_)) | None => None,
    })
}

/// People whom a name led to, by id.
fn names(observed: &Observed) -> BTreeMap<PrincipalId, &Person> {
    let by_name = observed.people.by_name.values().filter_map(|answer| match answer {
        ByName::Person(person) => Some((person.id, person)),
        ByName::Nobody(_) | ByName::Unanswered(_) => None,
    });
    by_name.collect()
}

pub(super) struct Walk<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    names: BTreeMap<PrincipalId, &'a Person>,
    grants: Grants<'a>,
    opens: BTreeMap<(RoleDefinitionId, &'a KindName, &'a EnvironmentName), Arc<Opens<'a>>>,
    holders: BTreeMap<PrincipalId, Holder<'a>>,
    groups: BTreeMap<PrincipalId, Group>,
}

impl<'a> Walk<'a> {
    fn meet(
        &mut self,
        key: &'a TargetKey,
        target: &'a Target,
        by: By<'a>,
        from: Level<'a>,
        subscription: &'a Subscription,
    ) {
        let Some(triple) = by.triple() else { return };
        let opens = self.opens(triple.definition, key);
        if opens.abilities.is_empty() && opens.roles.is_empty() && !opens.unread {
            return;
        }
        let is_gits = from == Level::Target && matches!(by, By::Assignment(_));
        let asked = is_gits.then(|| self.grants.get(&(&target.scope, triple.principal, triple.definition)));
        let grants = asked.flatten().cloned().unwrap_or_default();
        let workspace = self.workspace(target, triple);
        let way = Way { grants, workspace, ends: ends(by, subscription), ..self.way((key, target), by, from, opens) };
        self.give(&way);
    }

    /// The workspace of a component, if it demands rights of its own and this gives these as well.
    fn workspace(&self, target: &Target, triple: &Triple) -> Option<&'a ScopeId> {
        let demands = |why: &Impediment| matches!(why, Impediment::WorkspaceDemandsRights(_));
        let workspace = self.observed.other.workspaces.get(&target.scope)?;
        let is_above = triple.scope.subscription().is_none() || triple.scope.holds(workspace);
        let is_enough = self.known(triple.definition).is_some_and(log_query::is_enough);
        (target.impediments.iter().any(demands) && is_above && is_enough).then_some(workspace)
    }

    /// A way by a role definition, with nothing that is special to it.
    pub(super) fn way(
        &self,
        (target, resource): (&'a TargetKey, &'a Target),
        by: By<'a>,
        from: Level<'a>,
        opens: Arc<Opens<'a>>,
    ) -> Way<'a> {
        let at = by.triple().map_or(&resource.scope, |triple| &triple.scope);
        let definition = by.triple().and_then(|triple| {
            let known = self.known(triple.definition).map(|it| it.name.as_str()).filter(|name| !name.is_empty());
            known.or_else(|| self.observed.name_of(triple.definition, &self.desired.catalog))
        });
        Way { target, by, at, from, workspace: None, through: None, definition, opens, ends: None, grants: Vec::new() }
    }

    /// Gives a way to whoever has it: its principal, or everybody in it.
    pub(super) fn give(&mut self, way: &Way<'a>) {
        for id in self.holders_of(way) {
            self.give_to(id, way);
        }
    }

    /// Gives a way to one of those who have it.
    pub(super) fn give_to(&mut self, id: PrincipalId, way: &Way<'a>) {
        let principal = way.by.principal();
        let (principal_type, through) = match way.principal_type() {
            _ if id != principal => (PrincipalType::User, Some(principal)),
            Some(its) => (its, None),
            None => (self.type_of(principal), None),
        };
        self.holder(id, principal_type).ways.push(Way { through, ..way.clone() });
    }

    /// Whoever has what this way gives: its principal, or the people in it.
    pub(super) fn holders_of(&mut self, way: &Way<'a>) -> Vec<PrincipalId> {
        let principal = way.by.principal();
        let principal_type = way.principal_type().unwrap_or_else(|| self.type_of(principal));
        if principal_type == PrincipalType::Group {
            self.open(principal);
        }
        let people = self.groups.get(&principal).and_then(|group| group.members.as_ref().ok());
        match people {
            None => vec![principal],
            Some(members) => members.people.iter().copied().collect(),
        }
    }

    /// What an object is of which an access policy says only the id.
    fn type_of(&self, id: PrincipalId) -> PrincipalType {
        let people = &self.observed.people;
        match (people.by_id.get(&id), people.groups.get(&GroupKey::Id(id))) {
            (Some(ById::NotAPerson(_)), Some(InGroup::Missing)) => PrincipalType::ServicePrincipal,
            // Where nobody could tell, it may be one.
            (Some(ById::NotAPerson(_)), _) => PrincipalType::Group,
            _ => PrincipalType::User,
        }
    }

    /// Opens a group, once.
    fn open(&mut self, id: PrincipalId) {
        if self.groups.contains_key(&id) {
            return;
        }
        let people = &self.observed.people;
        let name = match people.by_id.get(&id) {
            Some(ById::NotAPerson(name)) => Some(name.clone()),
            _ => None,
        };
        let members = match people.groups.get(&GroupKey::Id(id)) {
            Some(InGroup::Members(ids)) => Ok(self.members(ids)),
            Some(InGroup::Missing) => Err("Entra knows no such group any more".to_owned()),
            Some(InGroup::Several(_)) => Err("several groups have this id".to_owned()),
            Some(InGroup::Unanswered(trouble)) => Err(trouble.without_request().to_string()),
            None => Err("its members were not read".to_owned()),
        };
        self.groups.insert(id, Group { name, members });
    }

    fn members(&self, ids: &BTreeSet<PrincipalId>) -> Members {
        let mut members = Members::default();
        for id in ids {
            match self.observed.people.by_id.get(id) {
                Some(ById::NotAPerson(name)) => members.others.push(name.clone()),
                _ => drop(members.people.insert(*id)), // whoever cannot be told is taken for a person
            }
        }
        members.others.sort();
        members
    }

    fn holder(&mut self, id: PrincipalId, principal_type: PrincipalType) -> &mut Holder<'a> {
        let (observed, names) = (self.observed, &self.names);
        self.holders.entry(id).or_insert_with(|| holder(observed, names, id, principal_type))
    }

    pub(super) fn known(&self, definition: RoleDefinitionId) -> Option<&'a Definition> {
        match &self.observed.definitions {
            Definitions::Known(known) => known.get(&definition),
            Definitions::NotAsked | Definitions::Unanswered(_) => None,
        }
    }

    /// What a definition lets one do at targets of this kind and environment.
    fn opens(&mut self, definition: RoleDefinitionId, key: &'a TargetKey) -> Arc<Opens<'a>> {
        let at = (definition, &key.kind, &key.environment);
        if let Some(known) = self.opens.get(&at) {
            return known.clone();
        }
        let arm_type = self.desired.catalog.kinds.get(&key.kind).map_or("", |kind| kind.arm_type.as_str());
        let known = self.known(definition);
        let as_good = |given: RoleDefinitionId| {
            given == definition
                || known.zip(self.known(given)).is_some_and(|(has, given)| has.opens_as(given, arm_type))
        };
        let roles = self.desired.catalog.roles.iter().filter(|(_, role)| {
            let mut here = role.gives.iter().filter(|gives| gives.kind == key.kind);
            role.environment == key.environment && here.any(|gives| as_good(gives.definition.id))
        });
        let abilities = Ability::at(arm_type).filter_map(|ability| Some((ability, ability.given_by(known?)?)));
        let opens = Arc::new(Opens {
            abilities: abilities.collect(),
            roles: roles.map(|(name, _)| name).collect(),
            unread: known.is_none(),
        });
        self.opens.insert(at, opens.clone());
        opens
    }
}

/// When a way ends by itself: as PIM says.
pub(super) fn ends(by: By<'_>, subscription: &Subscription) -> Option<Timestamp> {
    match by {
        By::Assignment(standing) => subscription.ends.get(&standing.assignment.triple).copied(),
        By::Eligibility(eligible) => eligible.ends,
        By::Policy(_) => None,
    }
}

fn holder<'a>(
    observed: &Observed,
    names: &BTreeMap<PrincipalId, &Person>,
    id: PrincipalId,
    principal_type: PrincipalType,
) -> Holder<'a> {
    let nameless = || Who { id, principal_type, name: None, display_name: None };
    let person =
        |person: &Person| (Who::person(person), Being::Person { enabled: person.enabled, guest: person.guest });
    let (who, being) = match (observed.people.by_id.get(&id), names.get(&id).copied()) {
        (Some(ById::Person(found)), _) | (None, Some(found)) => person(found),
        (Some(ById::NotAPerson(name)), _) => {
            let being = match principal_type {
                PrincipalType::Group => Being::Group,
                PrincipalType::ForeignGroup => Being::ForeignGroup,
                PrincipalType::ServicePrincipal => Being::Application,
                PrincipalType::User | PrincipalType::Other => Being::Other,
            };
            (Who { display_name: Some(name.clone()), ..nameless() }, being)
        }
        // This directory does not know it, and need not.
        (Some(ById::Gone | ById::Deleted { .. }), _) if principal_type == PrincipalType::ForeignGroup => {
            (nameless(), Being::ForeignGroup)
        }
        (Some(ById::Deleted { name, .. }), _) => (Who { name: Some(name.clone()), ..nameless() }, Being::Deleted),
        (Some(ById::Gone), _) => (nameless(), Being::Gone),
        (Some(ById::NoUser), _) => {
            let being = match principal_type {
                PrincipalType::Group => Being::Group,
                PrincipalType::ForeignGroup => Being::ForeignGroup,
                PrincipalType::ServicePrincipal => Being::Application,
                PrincipalType::User | PrincipalType::Other => Being::NoUser,
            };
            (nameless(), being)
        }
        (Some(ById::Unanswered(_)) | None, _) => {
            let being = match principal_type {
                PrincipalType::Group => Being::Group,
                PrincipalType::ForeignGroup => Being::ForeignGroup,
                PrincipalType::ServicePrincipal => Being::Application,
                PrincipalType::User | PrincipalType::Other => Being::Unknown,
            };
            (nameless(), being)
        }
    };
    Holder { who, being, ways: Vec::new() }
}
