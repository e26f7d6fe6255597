//! Tree → who may hold what: the parts of `policy:` that are given by role or by environment, and `users.member_of`.
//!
//! A key is a role, or an environment for each role in it. Where both are given, what is required adds up, and of two numbers
//! that of the role counts.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cursor::Cursor,
    error::Mistakes,
    node::Node,
    rules::{BAD_VALUE, DOUBLED_KEY, KNOWN_NAME},
    suggest::{did_you_mean, one_of},
};
use crate::model::{
    catalog::{Catalog, Pattern},
    owner::{EnvironmentName, RoleName},
    people::Attribute,
    policy::{Account, MemberOf, Required},
};

const REQUIRED: [(&str, Required); 4] =
    [("reason", Required::Reason), ("ticket", Required::Ticket), ("until", Required::Until), ("id", Required::Id)];
const ACCOUNTS: [(&str, Account); 2] = [("guest", Account::Guest), ("disabled", Account::Disabled)];

/// What grants must state.
pub(super) fn require(
    at: Cursor<'_>,
    catalog: &Catalog,
    mistakes: &mut Mistakes,
) -> BTreeMap<RoleName, BTreeSet<Required>> {
    let mut require: BTreeMap<RoleName, BTreeSet<Required>> = BTreeMap::new();
    for entry in at.entries(mistakes) {
        let meant = meant(entry, catalog, mistakes);
        let all = words(entry, REQUIRED, "nothing a grant can state", mistakes);
        for role in meant.map(|meant| meant.roles).unwrap_or_default() {
            require.entry(role).or_default().extend(&all);
        }
    }
    require
}

/// A number for each role.
pub(super) fn by_role<'a, T: Copy>(
    at: Cursor<'a>,
    catalog: &Catalog,
    read: fn(Cursor<'a>, &mut Mistakes) -> Option<T>,
    mistakes: &mut Mistakes,
) -> BTreeMap<RoleName, T> {
    let (mut own, mut of_environment) = (BTreeMap::new(), BTreeMap::new());
    for entry in at.entries(mistakes) {
        let meant = meant(entry, catalog, mistakes);
        if let (Some(Meant { is_environment, roles }), Some(value)) = (meant, read(entry, mistakes)) {
            let into = if is_environment { &mut of_environment } else { &mut own };
            into.extend(roles.into_iter().map(|role| (role, value)));
        }
    }
    of_environment.extend(own);
    of_environment
}

/// Accounts that get nothing new.
pub(super) fn block(at: Cursor<'_>, mistakes: &mut Mistakes) -> BTreeSet<Account> {
    words(at, ACCOUNTS, "no kind of account", mistakes)
}

/// The roles that a key means.
struct Meant {
    is_environment: bool,
    roles: Vec<RoleName>,
}

fn meant(entry: Cursor<'_>, catalog: &Catalog, mistakes: &mut Mistakes) -> Option<Meant> {
    let role = catalog.roles.get_key_value(entry.key).map(|(name, _)| name.clone());
    let is_environment = catalog.environments.contains_key(entry.key);
    let in_it = || {
        let roles = catalog.roles.iter().filter(|(_, role)| role.environment.as_str() == entry.key);
        roles.map(|(name, _)| name.clone()).collect()
    };
    match (role, is_environment) {
        (Some(role), false) => Some(Meant { is_environment, roles: vec![role] }),
        (None, true) => Some(Meant { is_environment, roles: in_it() }),
        (Some(_), true) => {
            mistakes.add(
                entry
                    .wrong_key(KNOWN_NAME, format!("`{}` is both a role and an environment", entry.key))
                    .help("give the environment another name, or write each role that is meant"),
            );
            None
        }
        (None, false) => {
            let names = catalog.roles.keys().map(RoleName::as_str);
            let names = names.chain(catalog.environments.keys().map(EnvironmentName::as_str));
            mistakes.add(
                entry
                    .wrong_key(KNOWN_NAME, format!("unknown role `{}`", entry.key))
                    .label("not in the catalogue")
                    .maybe_help(did_you_mean(entry.key, names)),
            );
            None
        }
    }
}

/// Some of a few words, each once.
fn words<T: Copy + Ord, const N: usize>(
    at: Cursor<'_>,
    known: [(&'static str, T); N],
    else_it_is: &str,
    mistakes: &mut Mistakes,
) -> BTreeSet<T> {
    let mut all = BTreeSet::new();
    for item in at.items(mistakes) {
        let Some(word) = item.text(mistakes) else { continue };
        match known.iter().find(|(name, _)| *name == word) {
            Some((_, meant)) if all.insert(*meant) => {}
            Some(_) => mistakes.add(item.wrong(DOUBLED_KEY, format!("`{word}` stands here twice"))),
            None => mistakes.add(
                item.wrong(BAD_VALUE, format!("`{word}` is {else_it_is}")).maybe_help(one_of(known.map(|(n, _)| n))),
            ),
        }
    }
    all
}

/// `"tilgang-{owner}"`, a group, or `{ attribute: companyName, value: "{owner}" }`.
pub(super) fn member_of(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<MemberOf> {
    if !matches!(at.node, Node::Entries(_)) {
        return of_owner(at, mistakes).map(MemberOf::Group);
    }
    let [attribute, value] = at.fields(["attribute", "value"], &["attribute", "value"], mistakes)?;
    let attribute = attribute.and_then(|at| {
        let word = at.text(mistakes)?;
        let known = Attribute::ALL.into_iter().find(|attribute| attribute.word() == word);
        if known.is_none() {
            mistakes.add(
                at.wrong(KNOWN_NAME, format!("`{word}` is no attribute that can name an owner"))
                    .maybe_help(did_you_mean(word, Attribute::ALL.map(Attribute::word))),
            );
        }
        known
    });
    let value = value.and_then(|at| of_owner(at, mistakes));
    Some(MemberOf::Attribute(attribute?, value?))
}

/// A pattern that tells owners apart.
fn of_owner(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Pattern> {
    let text = at.line(mistakes)?;
    let problem = match Pattern::new(text) {
        Err(hole) => format!("`{hole}` is no hole that can be filled"),
        Ok(_) if text.contains("{env}") => "a person belongs to an owner, not to an environment".to_owned(),
        Ok(_) if !text.to_ascii_lowercase().contains("{owner}") => format!("`{text}` is the same for every owner"),
        Ok(pattern) => return Some(pattern),
    };
    mistakes.add(at.wrong(BAD_VALUE, problem).help("write `{owner}` or `{OWNER}` where the owner's code belongs"));
    None
}
