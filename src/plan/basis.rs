//! What changes rest on, fact by fact: of git, and of Azure. Only for the owners and targets that they touch, so that another
//! owner's merge, or somebody's hand on another target, moves nothing here.
//!
//! A fact is two texts: what it is about, with object ids and not names, so that it is called the same whenever it is
//! gathered; and how it is. When it was seen is no part of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Write as _},
};

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::model::{
    assignment::{Hand, Pim, Standing},
    desired::{Desired, FileId, Grant, Origin, Owner, OwnerFile},
    ids::{PrincipalId, RoleDefinitionId, ScopeId},
    observed::{DefinitionLookup, Impediment, Locks, Observed, Reading, Sighting, Subscription, Target, TargetKey},
    owner::OwnerCode,
    people::{ById, ByName, Person},
    policy::Policy,
};

use super::{change::Action, saved::Deed};

/// Where a fact was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// In the workspace.
    Git,
    /// In Azure or Entra.
    Azure,
}

impl Side {
    /// The word of JSON format 1.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Azure => "azure",
        }
    }
}

/// What a fact is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// Whose change rests on it; none where all do.
    pub owner: Option<OwnerCode>,
    /// Where it was read.
    pub side: Side,
    /// In words.
    pub what: String,
}

/// Facts, each with how it is, in words or as a digest of what is too long to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis(pub BTreeMap<About, String>);

impl Basis {
    /// The facts that these changes rest on.
    #[must_use]
    pub fn of(desired: &Desired, observed: &Observed, changes: &[Deed]) -> Self {
        if changes.is_empty() {
            return Self::default();
        }
        let mut gathering = Gathering { desired, observed, places: places(observed), facts: BTreeMap::new() };
        gathering.rules();
        for owner in changes.iter().map(|change| change.owner).collect::<BTreeSet<_>>() {
            gathering.owner(owner);
        }
        let at: BTreeSet<_> = changes.iter().map(|change| (change.owner, &change.triple.scope)).collect();
        for (owner, scope) in at {
            gathering.target(owner, scope);
            gathering.standings(owner, scope);
        }
        let revokes = changes.iter().filter(|change| change.action == Action::Revoke);
        for (owner, scope) in revokes.map(|change| (change.owner, &change.triple.scope)).collect::<BTreeSet<_>>() {
            gathering.locks(owner, scope);
        }
        for (owner, id) in
            changes.iter().map(|change| (change.owner, change.triple.definition)).collect::<BTreeSet<_>>()
        {
            gathering.role_definition(owner, id);
        }
        gathering.people(changes);
        let one = |(about, facts): (About, BTreeSet<String>)| (about, facts.into_iter().collect::<Vec<_>>().join("; "));
        Self(gathering.facts.into_iter().map(one).collect())
    }

    /// `sha256:…` over the facts of one side.
    #[must_use]
    pub fn digest(&self, side: Side) -> String {
        self.digest_of(|about| about.side == side)
    }

    /// `sha256:…` over the facts of one side that one owner's changes rest on.
    #[must_use]
    pub fn digest_at(&self, owner: Option<OwnerCode>, side: Side) -> String {
        self.digest_of(|about| (about.owner, about.side) == (owner, side))
    }

    fn digest_of(&self, wanted: impl Fn(&About) -> bool) -> String {
        sha256(&self.0.iter().filter(|(about, _)| wanted(about)).collect::<Vec<_>>())
    }
}

/// Of a value with all that is in it. Only ever compared with what the same version of this program says.
fn sha256(value: &impl Debug) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(format!("{value:?}")) {
        let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
    }
    text
}

struct Gathering<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    places: Places<'a>,
    facts: BTreeMap<About, BTreeSet<String>>,
}

impl Gathering<'_> {
    fn add(&mut self, owner: Option<OwnerCode>, side: Side, what: impl Into<String>, is: impl Into<String>) {
        self.facts.entry(About { owner, side, what: what.into() }).or_default().insert(is.into());
    }

    /// What `tilgang.yaml` says to everybody.
    fn rules(&mut self) {
        let Desired { former_instances, catalog, policy, .. } = self.desired;
        self.add(None, Side::Git, "what roles mean and where targets are", sha256(catalog));
        self.add(None, Side::Git, "`policy`", sha256(&deciding(policy)));
        if !former_instances.is_empty() {
            self.add(None, Side::Git, "`former_instances`", format!("{former_instances:?}"));
        }
    }

    /// What an owner's file means, and what `tilgang.yaml` says of the owner. Not how it is written.
    fn owner(&mut self, owner: OwnerCode) {
        let file = match self.desired.file_of(owner) {
            OwnerFile::Read(_) => "read",
            OwnerFile::Removed(_) => "`removed: true`",
            OwnerFile::Missing => "missing",
            OwnerFile::Broken(_) => "has errors",
        };
        self.add(Some(owner), Side::Git, format!("`owners/{owner}.yaml`"), file);
        if let Some(Owner { environments, resources, .. }) = self.desired.owners.get(&owner)
            && (environments.is_some() || !resources.is_empty())
        {
            let what = format!("`{owner}` in `tilgang.yaml`");
            self.add(Some(owner), Side::Git, what, format!("environments {environments:?}, resources {resources:?}"));
        }
        let today = self.observed.at.to_zoned(TimeZone::UTC).date();
        for grant in self.desired.grants.iter().filter(|grant| grant.owner == owner) {
            let Grant { user, role, until, reason, ticket, .. } = grant;
            let mut is = "listed".to_owned();
            let mut add = |word: &str, what: Option<String>| {
                let _ = what.map(|what| write!(is, ", {word} {what}")); // writing to a String does not fail
            };
            add("until", until.map(|until| until.to_string()));
            add("now", grant.has_ended(today).then(|| "ended".to_owned()));
            add("id", user.id.map(|id| id.to_string()));
            add("also at", (!user.also_at.is_empty()).then(|| format!("{:?}", user.also_at)));
            add("ticket", ticket.as_deref().map(str::to_owned));
            add("reason:", reason.as_deref().map(str::to_owned));
            self.add(Some(owner), Side::Git, format!("`{}` as {role}", user.name.folded()), is);
        }
    }

    /// Which resource it is, whose target, and what stands in the way of assignments there.
    fn target(&mut self, owner: OwnerCode, scope: &ScopeId) {
        let name = scope.last_segment();
        let places = self.places.get(scope).cloned().unwrap_or_default();
        if places.is_empty() {
            self.add(Some(owner), Side::Azure, format!("`{name}`"), "no target");
        }
        for (TargetKey { owner: whose, environment, kind, .. }, place) in places {
            let is = match place {
                Place::Found(_) => format!("{kind} of {whose} in {environment}, {}", scope.folded()),
                Place::OneOf(several) => format!("one of {several} that fit as {kind} of {whose} in {environment}"),
            };
            self.add(Some(owner), Side::Azure, format!("`{name}`"), is);
            if let Place::Found(target) = place {
                if let Some(made) = target.made {
                    self.add(Some(owner), Side::Azure, format!("when `{name}` was made"), made.to_string());
                }
                self.add(Some(owner), Side::Azure, format!("assignments on `{name}`"), effect(target));
            }
        }
    }

    /// What stands there that a plan looks at: ours, and what others made with a role definition that is managed there.
    fn standings(&mut self, owner: OwnerCode, scope: &ScopeId) {
        let name = scope.last_segment();
        let managed = self.desired.catalog.managed();
        let places = self.places.get(scope).map_or(&[][..], Vec::as_slice);
        let kinds: BTreeSet<_> = places.iter().map(|(key, _)| &key.kind).collect();
        let subscriptions = &self.observed.subscriptions;
        let holds = |it: &&Subscription| matches!(&it.reading, Reading::Seen(scopes) if scopes.contains_key(scope));
        let subscription = match scope.subscription() {
            Some(id) => subscriptions.get(&id),
            None => subscriptions.values().find(holds), // what lies above subscriptions is in each one's list
        };
        let standings = match subscription.map(|subscription| &subscription.reading) {
            Some(Reading::Seen(scopes)) => scopes.get(scope).map_or(&[][..], Vec::as_slice),
            Some(Reading::Unseen(_)) | None => {
                self.add(Some(owner), Side::Azure, format!("the list of what stands on `{name}`"), "could not be read");
                return;
            }
        };
        for Standing { assignment, hand, pim } in standings {
            let definition = assignment.triple.definition;
            if *hand == Hand::Foreign && !kinds.iter().any(|kind| managed.contains(&(*kind, definition))) {
                continue;
            }
            let called = self.desired.catalog.definition_name(definition).map_or(definition.to_string(), str::to_owned);
            let mut is = format!("assignment {}", assignment.name);
            let mut add =
                |words: Option<String>| is.extend(words.into_iter().flat_map(|words| [", ".to_owned(), words]));
            add(assignment.created_on.map(|made| format!("made {made}")));
            add((*hand == Hand::Foreign).then(|| "by someone else".to_owned()));
            add(assignment.condition.as_deref().map(|condition| format!("condition {condition:?}")));
            add(assignment.description.as_deref().map(|text| format!("description {text:?}")));
            add(match pim {
                Pim::NotAsked | Pim::No => None,
                Pim::Activated => Some("activated by PIM".to_owned()),
                Pim::Timed => Some("given by PIM for a time".to_owned()),
                Pim::Unanswered => Some("perhaps by PIM".to_owned()),
            });
            self.add(Some(owner), Side::Azure, format!("{called} of {} on `{name}`", assignment.triple.principal), is);
        }
    }

    /// What a role definition permits, and where it can be assigned.
    fn role_definition(&mut self, owner: OwnerCode, id: RoleDefinitionId) {
        let is = match self.observed.role_definitions.get(&id) {
            Some(DefinitionLookup::Found(definition)) => format!("`{}`, {}", definition.name, sha256(definition)),
            Some(DefinitionLookup::Missing) => "there is none".to_owned(),
            Some(DefinitionLookup::Unanswered(_)) | None => "was not read".to_owned(),
        };
        self.add(Some(owner), Side::Azure, format!("what the role definition {id} permits"), is);
    }

    /// Locks that would stop a removal. Those that could not be asked for count as none, as they do in the plan.
    fn locks(&mut self, owner: OwnerCode, scope: &ScopeId) {
        let subscription = scope.subscription().and_then(|id| self.observed.subscriptions.get(&id));
        let Some(Locks::Known(locks)) = subscription.map(|subscription| &subscription.locks) else { return };
        for lock in locks.iter().filter(|lock| lock.scope.holds(scope)) {
            let is = format!("{} on {}", lock.level, lock.scope.folded());
            self.add(Some(owner), Side::Azure, format!("the lock `{}` over `{}`", lock.name, scope.last_segment()), is);
        }
    }

    /// Who the people of the changes are.
    fn people(&mut self, changes: &[Deed]) {
        let people = &self.observed.people;
        let mut by_name: BTreeMap<PrincipalId, &Person> = BTreeMap::new();
        for answer in people.by_name.values() {
            if let ByName::Person(person) = answer {
                by_name.insert(person.id, person);
            }
        }
        let living = |person: &Person| {
            let enabled = if person.enabled { "" } else { ", disabled" };
            let guest = if person.guest { ", a guest" } else { "" };
            format!("`{}`{enabled}{guest}", person.name.folded())
        };
        let whose: BTreeSet<_> = changes.iter().map(|change| (change.owner, change.triple.principal)).collect();
        for (owner, id) in whose {
            let is = match (by_name.get(&id), people.by_id.get(&id)) {
                (Some(person), _) => living(person),
                (None, Some(ById::Person(person))) => living(person),
                (None, Some(ById::NotAPerson(name))) => format!("`{name}`, not a person"),
                (None, Some(ById::Deleted { name, .. })) => format!("`{}`, deleted from Entra", name.folded()),
                (None, Some(ById::Gone)) => "gone from Entra for good".to_owned(),
                (None, Some(ById::NoUser)) => "no user of this tenant".to_owned(),
                (None, Some(ById::Unanswered(_)) | None) => "nobody whom git or Azure names".to_owned(),
            };
            self.add(Some(owner), Side::Azure, format!("the person {id}"), is);
        }
    }
}

/// What a resource is to the naming rules.
#[derive(Clone, Copy)]
enum Place<'a> {
    Found(&'a Target),
    /// One of so many that fit.
    OneOf(usize),
}

type Places<'a> = BTreeMap<&'a ScopeId, Vec<(&'a TargetKey, Place<'a>)>>;

fn places(observed: &Observed) -> Places<'_> {
    let mut places = Places::new();
    for (key, sighting) in &observed.targets {
        match sighting {
            Sighting::Found(target) => places.entry(&target.scope).or_default().push((key, Place::Found(target))),
            Sighting::Several(scopes) => {
                for scope in scopes {
                    places.entry(scope).or_default().push((key, Place::OneOf(scopes.len())));
                }
            }
            Sighting::Missing(_) | Sighting::Unseen(_) => {}
        }
    }
    places
}

/// A policy without what decides nothing: findings that are accepted, and where things stand in the file.
fn deciding(policy: &Policy) -> Policy {
    let nowhere = || Origin { file: FileId(0), path: Box::default() };
    let mut policy = Policy { accept: Vec::new(), reviewers: Vec::new(), ..policy.clone() };
    policy.protected.iter_mut().for_each(|it| it.origin = nowhere());
    policy.freezes.iter_mut().for_each(|it| it.origin = nowhere());
    policy.overrides.iter_mut().for_each(|it| it.origin = nowhere());
    policy
}

fn effect(target: &Target) -> String {
    let words = target.impediments.iter().map(|impediment| match impediment {
        Impediment::AccessPolicyMode => "no effect: access-policy mode".to_owned(),
        Impediment::NetworkClosed => "effect only from inside its network".to_owned(),
        Impediment::OtherTenant(tenant) => format!("no effect: of the tenant {tenant}"),
        Impediment::Perimeter(place) => format!("effect by the perimeter of {}", place.folded()),
        Impediment::QueriesClosed(place) => format!("effect only from inside the network of {}", place.folded()),
        Impediment::WorkspaceDemandsRights(workspace) => format!("no effect without rights on {}", workspace.folded()),
        Impediment::WorkspaceUnseen(workspace) => format!("unknown effect: {} is not seen", workspace.folded()),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "full effect".to_owned() } else { words.join(", ") }
}
