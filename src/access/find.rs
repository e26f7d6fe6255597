//! Whom somebody means: a sign-in name, an object id, or a part of what a person is called.

use std::collections::BTreeMap;

use super::Access;
use crate::{
    model::{
        ids::{PrincipalId, UserName},
        observed::Observed,
        people::{ById, ByName, Person},
    },
    plan::change::Who,
};

/// Somebody who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Somebody in Entra.
    Known(Who),
    /// A name that git lists and that leads to nobody, or could not be looked up.
    Listed(UserName),
}

impl Subject {
    /// The object id, where there is one.
    #[must_use]
    pub fn id(&self) -> Option<PrincipalId> {
        match self {
            Self::Known(who) => Some(who.id),
            Self::Listed(_) => None,
        }
    }
}

/// Who may be meant by a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Exactly one.
    One(Subject),
    /// Several: which?
    Several(Vec<Subject>),
    /// Nobody among those who hold or are listed; with the sign-in names that come close.
    Nobody(Vec<UserName>),
}

/// How many who come close are named. Ours.
const CLOSE_MAX: usize = 3;

/// Looks among those who hold something, who are listed, and whom Entra was asked for.
#[must_use]
pub fn find(text: &str, access: &Access<'_>, observed: &Observed) -> Found {
    let known = known(access, observed);
    let listed: Vec<&UserName> =
        access.listed.iter().filter(|listed| listed.person.is_none()).map(|listed| &listed.grant.user.name).collect();
    if let Ok(id) = text.parse::<PrincipalId>() {
        return known.get(&id).map_or_else(|| Found::Nobody(Vec::new()), |who| Found::One(Subject::Known(who.clone())));
    }
    if text.contains('@') {
        let name = UserName::new(text);
        let mut exact = known.values().filter(|who| who.name.as_ref() == Some(&name));
        if let Some(who) = exact.next() {
            return Found::One(Subject::Known(who.clone()));
        }
        // Listed with an id, under a name that Entra no longer has.
        let renamed = access.listed.iter().find(|it| it.grant.user.name == name).and_then(|it| known.get(&it.person?));
        if let Some(who) = renamed {
            return Found::One(Subject::Known(who.clone()));
        }
        if listed.contains(&&name) {
            return Found::One(Subject::Listed(name));
        }
        let names = known.values().filter_map(|who| who.name.as_ref()).chain(listed);
        let mut close: Vec<_> = names.filter_map(|other| Some((name.slips_to(other)?, other))).collect();
        close.sort();
        close.dedup();
        return Found::Nobody(close.into_iter().take(CLOSE_MAX).map(|(_, name)| name.clone()).collect());
    }
    let part = text.to_lowercase();
    let is_called = |who: &&Who| {
        let shown = who.display_name.as_ref().is_some_and(|name| name.to_lowercase().contains(&part));
        shown || who.name.as_ref().is_some_and(|name| name.local().contains(&part))
    };
    let mut found: Vec<Subject> = known.values().filter(is_called).map(|who| Subject::Known(who.clone())).collect();
    let mut names: Vec<&UserName> = listed.into_iter().filter(|name| name.local().contains(&part)).collect();
    names.sort();
    names.dedup();
    found.extend(names.into_iter().map(|name| Subject::Listed(name.clone())));
    match (found.len(), found.pop()) {
        (1, Some(one)) => Found::One(one),
        (_, Some(last)) => {
            found.push(last);
            Found::Several(found)
        }
        (_, None) => Found::Nobody(Vec::new()),
    }
}

/// Everybody whom Entra told us of, with who holds something.
fn known(access: &Access<'_>, observed: &Observed) -> BTreeMap<PrincipalId, Who> {
    let mut known: BTreeMap<PrincipalId, Who> = BTreeMap::new();
    let mut add = |person: &Person| drop(known.insert(person.id, Who::person(person)));
    for answer in observed.people.by_name.values() {
        if let ByName::Person(person) = answer {
            add(person);
        }
    }
    for answer in observed.people.by_id.values() {
        if let ById::Person(person) = answer {
            add(person);
        }
    }
    for (id, holder) in &access.holders {
        known.entry(*id).or_insert_with(|| holder.who.clone());
    }
    known
}
