//! What the lists left open, asked once: who holds what git does not explain, what PIM ends, what a lock keeps.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use futures::{StreamExt, stream};

use crate::{
    model::{
        assignment::{Hand, Pim, Standing, Triple, is_marked_only},
        desired::{Desired, Grant},
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        observed::{
            ASSIGNMENTS_USUAL_MAX, Assignable, DefinitionLookup, Locks, NEAR_PERCENT, Observed, OtherAccess,
            PimService, Reading, Room, Sighting,
        },
        owner::{EnvironmentName, KindName, OwnerCode},
        people::{ById, ByName, DeletedAccounts, GroupKey, HasAttribute, InGroup, Person},
        policy::{MemberOf, Whom},
    },
    ports::{AssignmentReader, Directory, PimInstance, Usage},
};

use super::{Keep, SIDE_BY_SIDE_MAX, kinds};

/// Asks, and writes the answers into `observed`.
pub(super) async fn ask(
    desired: &Desired,
    observed: &mut Observed,
    keep: Keep,
    azure: &(impl Directory + AssignmentReader),
) {
    let open = open(desired, observed, keep);
    let lists = stream::iter(open.subscriptions)
        .map(async |(id, Ask { pim, room, assignable })| {
            let asked = async { if pim { Some(azure.pim_instances(id).await) } else { None } };
            let used = async { if room { Some(azure.usage(id).await) } else { None } };
            let locks = async { if keep == Keep::Changes { Some(azure.locks(id).await) } else { None } };
            let listed = async { if assignable { Some(azure.definitions(id).await) } else { None } };
            let (pim, locks, room, assignable) = futures::join!(asked, locks, used, listed);
            (id, pim, locks, room, assignable)
        })
        .buffer_unordered(SIDE_BY_SIDE_MAX)
        .collect::<Vec<_>>();
    let people = async { if open.people.is_empty() { BTreeMap::new() } else { azure.by_id(&open.people).await } };
    let former =
        async { if open.newcomers.is_empty() { None } else { Some(azure.former_holders(&open.newcomers).await) } };
    let (lists, people, former) = futures::join!(lists, people, former);
    observed.people.deleted = match former {
        None => DeletedAccounts::NotAsked,
        Some(Ok(found)) => DeletedAccounts::Known(found),
        Some(Err(trouble)) => DeletedAccounts::Unanswered(Arc::new(trouble)),
    };
    observed.people.by_id.extend(open.known);
    observed.people.by_id.extend(people);
    kinds::settle(observed);
    for (id, pim, locks, room, assignable) in lists {
        let Some(subscription) = observed.subscriptions.get_mut(&id) else { continue };
        subscription.locks = match locks {
            None => Locks::NotAsked,
            Some(Ok(locks)) => Locks::Known(locks),
            Some(Err(trouble)) => Locks::Unanswered(Arc::new(trouble)),
        };
        subscription.room = match room {
            None => Room::NotAsked,
            Some(Ok(Usage { limit, held })) => Room::Known { limit, held },
            Some(Err(trouble)) => Room::Unanswered(Arc::new(trouble)),
        };
        subscription.assignable = match assignable {
            None => Assignable::NotAsked,
            Some(Ok(listed)) => Assignable::Known(listed.into_keys().collect()),
            Some(Err(trouble)) => Assignable::Unanswered(Arc::new(trouble)),
        };
        if let (Reading::Seen(scopes), Some(pim)) = (&mut subscription.reading, pim) {
            // Without the licence nothing can be activated, nor given for a time: what is listed lasts.
            let listed = match pim {
                Err(trouble) if OtherAccess::is_unlicensed(&trouble) => {
                    observed.other.pim = PimService::Unlicensed;
                    Some(Vec::new())
                }
                answer => answer.ok(),
            };
            let ends = listed.map(|instances| {
                let dated = instances.iter().filter_map(|it| Some((it.triple.clone(), it.ends?)));
                subscription.ends = dated.collect();
                ends(instances)
            });
            for standings in scopes.values_mut() {
                mark(standings, ends.as_ref());
            }
        }
    }
}

/// What ends by itself, and whether because somebody activated it.
type Ends = BTreeMap<Triple, bool>;

/// Who is in the groups that policy names: those of `protected`, and those that prove who belongs to an owner.
pub(super) async fn groups(
    desired: &Desired,
    chosen: &impl Fn(OwnerCode) -> bool,
    observed: &Observed,
    azure: &impl Directory,
) -> BTreeMap<GroupKey, InGroup> {
    let protected = desired.policy.protected.iter().filter_map(|protected| match &protected.whom {
        Whom::Group(key) => Some(key.clone()),
        Whom::Name(_) | Whom::Id(_) => None,
    });
    let mut keys: BTreeSet<GroupKey> = protected.collect();
    if let Some(MemberOf::Group(pattern)) = &desired.policy.member_of {
        let owners: BTreeSet<OwnerCode> = lasting(desired, observed).map(|grant| grant.owner).collect();
        keys.extend(owners.into_iter().filter(|owner| chosen(*owner)).map(|it| GroupKey::named(&pattern.fill(it, ""))));
    }
    if keys.is_empty() { BTreeMap::new() } else { azure.groups(&keys).await }
}

/// The attribute that proves who belongs to an owner, for everybody whom git lists.
pub(super) async fn attributes(
    desired: &Desired,
    chosen: &impl Fn(OwnerCode) -> bool,
    observed: &Observed,
    azure: &impl Directory,
) -> BTreeMap<PrincipalId, HasAttribute> {
    let Some(MemberOf::Attribute(attribute, _)) = &desired.policy.member_of else { return BTreeMap::new() };
    let listed = lasting(desired, observed).filter(|grant| chosen(grant.owner));
    let ids: BTreeSet<PrincipalId> = listed.filter_map(|grant| id_of(grant, observed)).collect();
    if ids.is_empty() { BTreeMap::new() } else { azure.attributes(*attribute, &ids).await }
}

/// The grants that have not ended.
fn lasting<'a>(desired: &'a Desired, observed: &Observed) -> impl Iterator<Item = &'a Grant> {
    let today = observed.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    desired.grants.iter().filter(move |grant| !grant.has_ended(today))
}

fn id_of(grant: &Grant, observed: &Observed) -> Option<PrincipalId> {
    grant.user.id.or_else(|| match observed.people.by_name.get(&grant.user.name) {
        Some(ByName::Person(person)) => Some(person.id),
        Some(ByName::Nobody(_) | ByName::Unanswered(_)) | None => None,
    })
}

fn ends(instances: Vec<PimInstance>) -> Ends {
    let mut ends = Ends::new();
    for PimInstance { triple, activated, ends: at } in instances {
        if activated || at.is_some() {
            *ends.entry(triple).or_default() |= activated;
        }
    }
    ends
}

/// What PIM says of these assignments; `None` if it did not answer.
fn mark(standings: &mut [Standing], ends: Option<&Ends>) {
    for standing in standings {
        standing.pim = match ends.map(|ends| ends.get(&standing.assignment.triple)) {
            None => Pim::Unanswered,
            Some(None) => Pim::No,
            Some(Some(true)) => Pim::Activated,
            Some(Some(false)) => Pim::Timed,
        };
    }
}

/// What is open.
#[derive(Default)]
struct Open {
    /// Object ids that no name led to.
    people: BTreeSet<PrincipalId>,
    /// Object ids that a name led to, and that hold something git did not explain.
    known: BTreeMap<PrincipalId, ById>,
    /// Names that alone say who would gain something: did they lead to another account before?
    newcomers: BTreeSet<UserName>,
    /// Subscriptions where a change or a foreign assignment hangs on what is asked there.
    subscriptions: BTreeMap<SubscriptionId, Ask>,
}

impl Open {
    /// Somebody who holds something that git did not explain.
    fn person(&mut self, id: PrincipalId, known: &BTreeMap<PrincipalId, &Person>) {
        match known.get(&id) {
            Some(person) => drop(self.known.insert(id, ById::Person((*person).clone()))),
            None => drop(self.people.insert(id)),
        }
    }

    /// Whoever is in it, if it is a group that was opened.
    fn members(&mut self, group: PrincipalId, observed: &Observed, known: &BTreeMap<PrincipalId, &Person>) {
        if let Some(InGroup::Members(members)) = observed.people.groups.get(&GroupKey::Id(group)) {
            for id in members {
                self.person(*id, known);
            }
        }
    }
}

/// What is asked of a subscription; its locks always.
#[derive(Clone, Copy, Default)]
struct Ask {
    /// What PIM ends: a removal, a foreign assignment, or one that is ours by its description only.
    pim: bool,
    /// How many role assignments it may hold: some are to be made, and the usual limit is near.
    room: bool,
    /// Which role definitions can be assigned in it: some are to be made of one whose assignable scopes do not tell.
    assignable: bool,
}

fn open(desired: &Desired, observed: &Observed, keep: Keep) -> Open {
    let mut open = Open::default();
    let mut known: BTreeMap<PrincipalId, &Person> = BTreeMap::new();
    for answer in observed.people.by_name.values() {
        if let ByName::Person(person) = answer {
            known.insert(person.id, person);
        }
    }
    for grant in &desired.grants {
        if let Some(id) = grant.user.id
            && !matches!(observed.people.by_name.get(&grant.user.name), Some(ByName::Person(person)) if person.id == id)
        {
            open.people.insert(id); // the name led elsewhere or nowhere; known or not, the id itself must be asked
        }
    }
    for protected in &desired.policy.protected {
        if let Whom::Id(id) = &protected.whom {
            open.people.insert(*id);
        }
    }
    let explained = explained(desired, observed);
    if keep == Keep::Changes {
        open.newcomers = newcomers(desired, observed, &explained);
    }
    let targets: BTreeMap<&ScopeId, &KindName> = observed
        .targets
        .iter()
        .filter_map(|(key, sighting)| match sighting {
            Sighting::Found(target) => Some((&target.scope, &key.kind)),
            Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
        })
        .collect();
    let managed = desired.catalog.managed();
    let mut in_subscription: BTreeMap<SubscriptionId, Vec<&ScopeId>> = BTreeMap::new();
    for scope in explained.keys().copied() {
        if let Some(id) = scope.subscription() {
            in_subscription.entry(id).or_default().push(scope);
        }
    }
    for (id, subscription) in &observed.subscriptions {
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        let mut missing: usize = 0;
        let mut is_unsure = false;
        for scope in in_subscription.get(id).into_iter().flatten() {
            let wanted = explained.get(*scope).map(HashSet::len).unwrap_or_default();
            let stands = || scopes.get(*scope).into_iter().flatten();
            missing += wanted.saturating_sub(stands().filter(|standing| is_explained(&explained, standing)).count());
            is_unsure |= explained.get(*scope).into_iter().flatten().any(|(principal, definition)| {
                let key = (*principal, *definition);
                let exists = |it: &Standing| (it.assignment.triple.principal, it.assignment.triple.definition) == key;
                !is_by_path(observed, *definition, scope) && !stands().any(exists)
            });
        }
        if missing > 0 {
            let near = (subscription.held + missing) * 100 >= ASSIGNMENTS_USUAL_MAX * NEAR_PERCENT;
            open.subscriptions.entry(*id).or_default().room |= near;
        }
        if is_unsure {
            open.subscriptions.entry(*id).or_default().assignable = true;
        }
        for (scope, standings) in scopes {
            for standing in standings {
                let Standing { assignment, hand, .. } = standing;
                let triple = &assignment.triple;
                let concerns = match hand {
                    Hand::Ours => {
                        !is_explained(&explained, standing) || is_marked_only(assignment, desired.instances())
                    }
                    Hand::Foreign if keep == Keep::Everything => true,
                    Hand::Foreign => {
                        targets.get(scope).is_some_and(|kind| managed.contains(&(*kind, triple.definition)))
                    }
                };
                // What opens a target from above it, or more than git gives at it, is said with its holder's name.
                let is_wider = *hand == Hand::Foreign && assignment.principal_type.is_people();
                if !concerns && !is_wider {
                    continue;
                }
                if concerns {
                    open.subscriptions.entry(*id).or_default().pim = true;
                }
                open.person(triple.principal, &known);
                if keep == Keep::Everything {
                    open.members(triple.principal, observed, &known);
                }
            }
        }
    }
    if keep == Keep::Everything {
        let of_workspaces = observed.other.readings().filter_map(|reading| match reading {
            Reading::Seen(scopes) => Some(scopes.values().flatten().map(|it| it.assignment.triple.principal)),
            Reading::Unseen(_) => None,
        });
        let eligible = observed.other.eligibilities().map(|it| it.triple.principal);
        for principal in of_workspaces.flatten().chain(eligible).chain(observed.other.policy_objects()) {
            open.person(principal, &known);
            open.members(principal, observed, &known);
        }
        // Who they are was asked when their groups were looked for.
        open.people.retain(|id| !observed.people.by_id.contains_key(id));
    }
    open
}

/// Whether the path of an assignable scope tells that a role definition can be assigned here; of one that was not read
/// nothing hangs on it.
fn is_by_path(observed: &Observed, id: RoleDefinitionId, at: &ScopeId) -> bool {
    match observed.role_definitions.get(&id) {
        Some(DefinitionLookup::Found(definition)) => definition.is_assignable_by_path(at),
        Some(DefinitionLookup::Missing | DefinitionLookup::Unanswered(_)) | None => true,
    }
}

/// The names, without an `id` beside them, of those who lack something that git gives them.
fn newcomers(desired: &Desired, observed: &Observed, explained: &Explained<'_>) -> BTreeSet<UserName> {
    let mut lacking: BTreeSet<PrincipalId> = BTreeSet::new();
    for (scope, wanted) in explained {
        let subscription = scope.subscription().and_then(|id| observed.subscriptions.get(&id));
        let Some(Reading::Seen(scopes)) = subscription.map(|it| &it.reading) else { continue };
        let here = scopes.get(*scope).into_iter().flatten().map(|standing| &standing.assignment.triple);
        let here: HashSet<(PrincipalId, RoleDefinitionId)> = here.map(|it| (it.principal, it.definition)).collect();
        lacking.extend(wanted.difference(&here).map(|(id, _)| *id));
    }
    let by_name = lasting(desired, observed).filter(|grant| grant.user.id.is_none());
    let gaining = by_name.filter(|grant| id_of(grant, observed).is_some_and(|id| lacking.contains(&id)));
    gaining.map(|grant| grant.user.name.clone()).collect()
}

type Place<'a> = (OwnerCode, &'a EnvironmentName, &'a KindName);

/// Who should hold what, by scope.
type Explained<'a> = BTreeMap<&'a ScopeId, HashSet<(PrincipalId, RoleDefinitionId)>>;

fn is_explained(explained: &Explained<'_>, standing: &Standing) -> bool {
    let triple = &standing.assignment.triple;
    explained.get(&triple.scope).is_some_and(|here| here.contains(&(triple.principal, triple.definition)))
}

/// What git wants today, as far as names and targets are known.
fn explained<'a>(desired: &Desired, observed: &'a Observed) -> Explained<'a> {
    let mut targets: BTreeMap<Place<'_>, Vec<&ScopeId>> = BTreeMap::new();
    for (key, sighting) in &observed.targets {
        if let Sighting::Found(target) = sighting {
            targets.entry((key.owner, &key.environment, &key.kind)).or_default().push(&target.scope);
        }
    }
    let mut explained = Explained::new();
    for grant in lasting(desired, observed) {
        let Some(role) = desired.catalog.roles.get(&grant.role) else { continue };
        let Some(id) = id_of(grant, observed) else { continue };
        for gives in &role.gives {
            for scope in targets.get(&(grant.owner, &role.environment, &gives.kind)).into_iter().flatten() {
                explained.entry(scope).or_default().insert((id, gives.definition.id));
            }
        }
    }
    explained
}
