//! What stands → ways, by holder: each assignment at each target that it reaches, and through each group to its people.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use super::{Being, Group, Holder, Level, Members, Opens, Way};
use crate::{
    model::{
        ability::Ability,
        assignment::{PrincipalType, Standing, Triple},
        desired::{Desired, Grant},
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
        observed::{Definitions, Observed, Reading, Sighting, Subscription, Target, TargetKey},
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
        for (scope, standings) in scopes {
            for (key, target) in &here {
                if let Some(from) = level(scope, target, &subscription.name) {
                    for standing in standings {
                        walk.meet(key, target, standing, from, subscription);
                    }
                }
            }
        }
    }
    for holder in walk.holders.values_mut() {
        holder.ways.sort_by(|a, b| (a.target, a.from, a.through).cmp(&(b.target, b.from, b.through)));
    }
    (walk.holders, walk.groups)
}

/// Where a scope lies, seen from a target; `None` if neither reaches the other.
fn level<'a>(scope: &'a ScopeId, target: &Target, subscription: &'a str) -> Option<Level<'a>> {
    if scope.subscription().is_none() {
        let root = scope.folded() == "/";
        return Some(if root { Level::Tenant } else { Level::ManagementGroup(scope.last_segment()) });
    }
    if *scope == target.scope {
        return Some(Level::Target);
    }
    if target.scope.holds(scope) {
        return Some(Level::Within(scope));
    }
    if !scope.holds(&target.scope) {
        return None;
    }
    let whole = *scope == ScopeId::subscription_scope(target.subscription);
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

struct Walk<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
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
        standing: &'a Standing,
        from: Level<'a>,
        subscription: &'a Subscription,
    ) {
        let Triple { principal, definition, .. } = standing.assignment.triple;
        let opens = self.opens(definition, key);
        if opens.abilities.is_empty() && opens.roles.is_empty() && !opens.unread {
            return;
        }
        let asked = (from == Level::Target).then(|| self.grants.get(&(&target.scope, principal, definition)));
        let way = Way {
            target: key,
            standing,
            from,
            through: None,
            definition: self
                .known(definition)
                .map(|it| it.name.as_str())
                .filter(|name| !name.is_empty())
                .or_else(|| self.observed.name_of(definition, &self.desired.catalog)),
            opens,
            ends: subscription.ends.get(&standing.assignment.triple).copied(),
            grants: asked.flatten().cloned().unwrap_or_default(),
        };
        let principal_type = standing.assignment.principal_type;
        if principal_type != PrincipalType::Group {
            self.holder(principal, principal_type).ways.push(way);
            return;
        }
        self.open(principal);
        let people = self.groups.get(&principal).and_then(|group| group.members.as_ref().ok());
        match people.map(|members| members.people.clone()) {
            None => self.holder(principal, principal_type).ways.push(way),
            Some(people) => {
                for id in people {
                    let way = Way { through: Some(principal), ..way.clone() };
                    self.holder(id, PrincipalType::User).ways.push(way);
                }
            }
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
            None => Err("who was in it is not recorded".to_owned()),
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

    fn known(&self, definition: RoleDefinitionId) -> Option<&'a Definition> {
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
                PrincipalType::ServicePrincipal => Being::Application,
                PrincipalType::User | PrincipalType::Other => Being::Other,
            };
            (Who { display_name: Some(name.clone()), ..nameless() }, being)
        }
        (Some(ById::Deleted { name, .. }), _) => (Who { name: Some(name.clone()), ..nameless() }, Being::Deleted),
        (Some(ById::Gone), _) => (nameless(), Being::Gone),
        (Some(ById::Unanswered(_)) | None, _) => {
            let being = match principal_type {
                PrincipalType::Group => Being::Group,
                PrincipalType::ServicePrincipal => Being::Application,
                PrincipalType::User | PrincipalType::Other => Being::Unknown,
            };
            (nameless(), being)
        }
    };
    Holder { who, being, ways: Vec::new() }
}
