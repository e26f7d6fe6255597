//! `Observed` → what is recorded of it: the state of each target, and what stands at, above and below those that were read.
//!
//! A group is one holder: who its members were is not asked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::entry::{Held, TargetName};
use crate::model::{
    assignment::{Hand, Pim, Standing},
    desired::Desired,
    ids::{PrincipalId, RoleDefinitionId, ScopeId},
    observed::{DefinitionLookup, Observed, Reading, Sighting, TargetKey},
    owner::OwnerCode,
    people::{ById, ByName, People},
};

/// What was seen at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// When the reading began.
    pub observed: Timestamp,
    /// Only these owners were looked at; none: all.
    pub owners: Vec<String>,
    /// Each target: its resource id where all that stands there was read, else why not.
    pub targets: BTreeMap<TargetName, Result<ScopeId, String>>,
    /// When the resources of targets were made, where Azure said so.
    pub made: BTreeMap<ScopeId, Timestamp>,
    /// What the role definitions permit that the workspace names, where they were read: name and text.
    pub definitions: BTreeMap<RoleDefinitionId, (String, String)>,
    /// What stands at those that were read, by resource id in lower case.
    pub held: BTreeMap<String, Held>,
}

/// What is recorded of a look at Azure.
#[must_use]
pub fn view(desired: &Desired, observed: &Observed, owners: Option<&BTreeSet<OwnerCode>>) -> View {
    let chosen = |owner: &OwnerCode| owners.is_none_or(|owners| owners.contains(owner));
    let mut targets = BTreeMap::new();
    let mut made = BTreeMap::new();
    for (key, sighting) in observed.targets.iter().filter(|(key, _)| chosen(&key.owner)) {
        if let Sighting::Found(target) = sighting
            && let Some(at) = target.made
        {
            made.insert(target.scope.clone(), at);
        }
        targets.insert(target_name(key), state(observed, sighting));
    }
    let read: BTreeSet<&ScopeId> = targets.values().flatten().collect();
    let names = names(&observed.people);
    let mut held = BTreeMap::new();
    for (id, subscription) in &observed.subscriptions {
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        let here: Vec<&&ScopeId> = read.iter().filter(|target| target.subscription() == Some(*id)).collect();
        for (scope, standings) in scopes {
            let is_above = scope.subscription().is_none();
            if !here.iter().any(|target| is_above || scope.holds(target) || target.holds(scope)) {
                continue;
            }
            for standing in standings {
                let row = row((desired, observed), &names, standing);
                let row: &mut Held = held.entry(row.assignment.to_ascii_lowercase()).or_insert(row);
                row.over.extend(is_above.then(|| id.to_string())); // in the order of their ids
            }
        }
    }
    let owners = owners.into_iter().flatten().map(ToString::to_string).collect();
    let definitions = observed.role_definitions.iter().filter_map(|(id, lookup)| match lookup {
        DefinitionLookup::Found(found) => Some((*id, (found.name.clone(), found.permits_text()))),
        DefinitionLookup::Missing | DefinitionLookup::Unanswered(_) => None,
    });
    View { observed: observed.at, owners, targets, made, definitions: definitions.collect(), held }
}

fn target_name(key: &TargetKey) -> TargetName {
    let TargetKey { owner, environment, kind, name } = key;
    let (owner, environment, kind) = (owner.to_string(), environment.to_string(), kind.to_string());
    TargetName { owner, environment, kind, name: name.clone() }
}

fn state(observed: &Observed, sighting: &Sighting) -> Result<ScopeId, String> {
    match sighting {
        Sighting::Found(target) => match observed.subscriptions.get(&target.subscription).map(|it| &it.reading) {
            Some(Reading::Seen(_)) => Ok(target.scope.clone()),
            Some(Reading::Unseen(trouble)) => Err(reason(trouble)),
            None => Err("its subscription was not read".to_owned()),
        },
        Sighting::Missing(words) => Err(words.clone()),
        Sighting::Several(several) => Err(format!("{} resources have its name", several.len())),
        Sighting::Unseen(trouble) => Err(reason(trouble)),
    }
}

/// Without the request's id: the same trouble the next day is no news.
fn reason(trouble: &crate::model::trouble::Trouble) -> String {
    crate::model::trouble::Trouble { request_id: None, ..trouble.clone() }.to_string()
}

fn names(people: &People) -> BTreeMap<PrincipalId, String> {
    let mut names = BTreeMap::new();
    for (id, answer) in &people.by_id {
        let name = match answer {
            ById::Person(person) => person.name.to_string(),
            ById::NotAPerson(name) => name.to_string(),
            ById::Deleted { name, .. } => name.to_string(),
            ById::Gone | ById::NoUser | ById::Unanswered(_) => continue,
        };
        names.insert(*id, name);
    }
    for answer in people.by_name.values() {
        if let ByName::Person(person) = answer {
            names.insert(person.id, person.name.to_string());
        }
    }
    names
}

fn row((desired, observed): (&Desired, &Observed), names: &BTreeMap<PrincipalId, String>, standing: &Standing) -> Held {
    let Standing { assignment, hand, pim } = standing;
    let triple = &assignment.triple;
    let pim = match pim {
        Pim::NotAsked | Pim::Unanswered => None,
        Pim::No => Some("no"),
        Pim::Activated => Some("activated"),
        Pim::Timed => Some("timed"),
    };
    Held {
        assignment: assignment.resource_id(),
        principal: triple.principal.to_string(),
        principal_type: assignment.principal_type.as_azure().to_owned(),
        name: names.get(&triple.principal).cloned(),
        definition: triple.definition.to_string(),
        definition_name: observed.name_of(triple.definition, &desired.catalog).map(str::to_owned),
        ours: *hand == Hand::Ours,
        over: Vec::new(),
        condition: assignment.condition.as_deref().map(str::to_owned),
        pim: pim.map(str::to_owned),
    }
}
