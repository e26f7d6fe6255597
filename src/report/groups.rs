//! Entries with the same message → one group: what is said once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{desired::Origin, ids::ScopeId, owner::OwnerCode},
    plan::{
        approve::Refused,
        blocked::Blocked,
        change::{Action, Change},
        finding::Finding,
    },
};

use super::{facts::Facts, words};

/// Entries with the same code and message.
#[derive(Debug)]
pub(super) struct Group<'a, T> {
    pub code: &'static str,
    pub message: String,
    pub members: Vec<&'a T>,
}

/// Groups entries, each group where its first entry stands.
pub(super) fn group<'a, T>(
    entries: impl Iterator<Item = &'a T>,
    said: impl Fn(&T) -> (&'static str, String),
) -> Vec<Group<'a, T>> {
    let mut at: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    let mut groups: Vec<Group<'a, T>> = Vec::new();
    for entry in entries {
        let (code, message) = said(entry);
        let index = *at.entry((code, message.clone())).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.members.push(entry),
            None => groups.push(Group { code, message, members: vec![entry] }),
        }
    }
    groups
}

/// One person at one owner, of whom a group says something.
#[derive(Debug)]
pub(super) struct Affected<'a> {
    pub who: String,
    pub owner: Option<OwnerCode>,
    /// What happens to the person, with what joins it to the words on either side; `:` where nothing does.
    pub verb: &'static str,
    pub roles: BTreeSet<String>,
    pub origins: Vec<&'a Origin>,
    pub help: Option<String>,
}

impl Affected<'_> {
    /// `kari.fiktiv@ai-dev.no would gain Test Developer at ttd (Testdepartementet)`.
    pub(super) fn words(&self, facts: &Facts<'_>) -> String {
        let roles: Vec<&String> = self.roles.iter().collect();
        let at = self.owner.map(|owner| format!("at {}", words::owner(facts.view, owner))).unwrap_or_default();
        let verb = if self.who.is_empty() || roles.is_empty() { "" } else { self.verb };
        let words = [format!("{}{verb}", self.who), words::list(&roles), at];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

pub(super) fn would(action: Action) -> &'static str {
    match action {
        Action::Grant => " would gain",
        Action::Adopt => " would be adopted:",
        Action::Update => " would be put right:",
        Action::Revoke => " would lose",
    }
}

/// What is blocked, by person and owner.
pub(super) fn blocked<'a>(facts: &Facts<'_>, members: &[&'a Blocked]) -> Vec<Affected<'a>> {
    let entries = members.iter().map(|blocked| {
        let Blocked { action, owner, environment: _, role, who, scope, block, origins } = *blocked;
        let role = match (role, scope) {
            (Some(role), _) => Some(words::role(facts.view, role)),
            (None, Some(scope)) => Some(format!("a role on {}", scope.last_segment())),
            (None, None) => Some("a role".to_owned()),
        };
        (who.clone(), *owner, would(*action), role, origins.as_slice(), block.help())
    });
    affected(entries)
}

/// Whose removal is refused, by person and owner.
pub(super) fn refused<'a>(facts: &Facts<'_>, members: &[&'a Refused]) -> Vec<Affected<'a>> {
    let entries = members.iter().map(|Refused { change, refusal, also: _ }| {
        let help = Some(words::refusal_help(refusal).to_owned());
        (
            words::short(&change.who),
            Some(change.owner),
            would(change.action),
            Some(held(facts, change)),
            change.origins.as_slice(),
            help,
        )
    });
    affected(entries)
}

/// Whose changes these are, by person and owner.
pub(super) fn changes<'a>(
    facts: &Facts<'_>,
    members: &[&'a Change],
    verb: fn(Action) -> &'static str,
) -> Vec<Affected<'a>> {
    let entries = members.iter().map(|change| {
        (
            words::short(&change.who),
            Some(change.owner),
            verb(change.action),
            Some(held(facts, change)),
            change.origins.as_slice(),
            None,
        )
    });
    affected(entries)
}

/// The role of a change, or what it is in Azure.
pub(super) fn held(facts: &Facts<'_>, change: &Change) -> String {
    match &change.role {
        Some(role) => words::role(facts.view, role),
        None => format!("a role on {}", change.triple.scope.last_segment()),
    }
}

/// Whom findings are about, by person and owner.
pub(super) fn findings<'a>(facts: &Facts<'_>, members: &[&'a Finding]) -> Vec<Affected<'a>> {
    let entries = members.iter().map(|finding| {
        let who = finding.who.as_ref().map(words::short).unwrap_or_default();
        // What lies above resources has no name of its own; the message says where it is.
        let target = finding.scope.as_ref().filter(|scope| scope.is_resource()).map(ScopeId::last_segment);
        let role = finding.who.as_ref().and_then(|_| match (&finding.role, target) {
            (Some(role), Some(target)) => Some(format!("{} on {target}", words::role(facts.view, role))),
            (Some(role), None) => Some(words::role(facts.view, role)),
            (None, target) => target.map(|target| format!("a role on {target}")),
        });
        (who, finding.owner, ":", role, finding.origins.as_slice(), None)
    });
    affected(entries)
}

type Entry<'a> = (String, Option<OwnerCode>, &'static str, Option<String>, &'a [Origin], Option<String>);

fn affected<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<Affected<'a>> {
    let mut by_person: BTreeMap<_, Affected<'a>> = BTreeMap::new();
    for (who, owner, verb, role, origins, help) in entries {
        let key = (who.clone(), owner, verb, help.clone());
        let new = || Affected { who, owner, verb, roles: BTreeSet::new(), origins: Vec::new(), help };
        let affected = by_person.entry(key).or_insert_with(new);
        affected.roles.extend(role);
        for origin in origins {
            if !affected.origins.contains(&origin) {
                affected.origins.push(origin);
            }
        }
    }
    by_person.into_values().collect()
}
