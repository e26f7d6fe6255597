//! The rules about what an owner's file means, as a table: one function a rule, over the shape that was read.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    cursor::Trail,
    error::{Mistakes, Spot},
    owner_file::{OwnerText, RoleText, Said, UserText},
    rules::{BAD_VALUE, DOUBLED_KEY, MUST_STATE, OWNER_NAME, PERSON_ONCE, ROLE, ROLE_ENVIRONMENT, ROLE_ONCE},
    settings::Settings,
    sign_in,
    suggest::did_you_mean,
};
use crate::model::{
    owner::{EnvironmentName, OwnerCode, RoleName},
    policy::Required,
};

/// A function that holds a file against a rule.
pub(super) type Check = fn(&OwnerText<'_>, &Context<'_>, &mut Mistakes);

/// What an owner's file is held against.
pub(super) struct Context<'a> {
    /// From the file's name.
    pub(super) owner: OwnerCode,
    pub(super) settings: &'a Settings,
}

/// All of them, in the order in which they are run; `rules` says why there is each.
pub(super) static CHECKS: &[Check] = &[
    owner_is_file_name,
    known_domain,
    person_once,
    elsewhere,
    known_role,
    role_in_environment,
    role_once,
    role_requires,
    role_ends,
];

fn owner_is_file_name(file: &OwnerText<'_>, context: &Context<'_>, mistakes: &mut Mistakes) {
    let owner = context.owner;
    if let Some(code) = file.code.as_ref().filter(|code| code.value != owner.as_str()) {
        let help = match OwnerCode::new(code.value) {
            Some(other) => format!("write `owner: {owner}`, or move what stands here to `owners/{other}.yaml`"),
            None => format!("write `owner: {owner}`"),
        };
        let message = format!("`owner` says `{}` in the file of `{owner}`", code.value);
        mistakes.add(code.at.wrong(OWNER_NAME, message).label("not the file's name").help(help));
    }
}

fn known_domain(file: &OwnerText<'_>, context: &Context<'_>, mistakes: &mut Mistakes) {
    for name in file.users.iter().filter_map(|user| user.name) {
        if let Some(mistake) = sign_in::problem(name.at, name.value, &context.settings.domains) {
            mistakes.add(mistake);
        }
    }
}

fn person_once(file: &OwnerText<'_>, _: &Context<'_>, mistakes: &mut Mistakes) {
    let (mut names, mut ids) = (BTreeMap::new(), BTreeMap::new());
    for user in &file.users {
        let written = user.name.map_or("?", |name| name.value);
        if let Some(name) = user.name
            && let Some(first) = once(&mut names, name.value.to_ascii_lowercase(), name.at.trail)
        {
            mistakes.add(
                name.at
                    .wrong(PERSON_ONCE, format!("`{written}` is listed twice"))
                    .label("the second one")
                    .first(first)
                    .help("put all roles of a person in one entry"),
            );
            continue;
        }
        if let Some(id) = user.id.value()
            && let Some(first) = once(&mut ids, id.value, id.at.trail)
        {
            mistakes.add(
                id.at
                    .wrong(PERSON_ONCE, format!("`{written}` has the same `id` as another person"))
                    .label("the second one")
                    .first(first)
                    .help("an `id` is one person: put all roles in one entry, or look up the right `id`"),
            );
        }
    }
}

/// `also_at` names other owners, each once.
fn elsewhere(file: &OwnerText<'_>, context: &Context<'_>, mistakes: &mut Mistakes) {
    for user in &file.users {
        let mut seen = BTreeMap::new();
        for Said { value: owner, at } in &user.also_at {
            if *owner == context.owner {
                let help = "`also_at` lists the other owners, whose files list the person, too";
                mistakes.add(at.wrong(BAD_VALUE, format!("`{owner}` is this file's own owner")).help(help));
            } else if let Some(first) = once(&mut seen, *owner, at.trail) {
                mistakes.add(
                    at.wrong(DOUBLED_KEY, format!("`{owner}` stands here twice")).label("the second one").first(first),
                );
            }
        }
    }
}

/// Notes where something stands; if it did before, where.
fn once<K: Ord>(seen: &mut BTreeMap<K, Trail>, what: K, at: Trail) -> Option<Spot> {
    match seen.entry(what) {
        Entry::Vacant(slot) => {
            slot.insert(at);
            None
        }
        Entry::Occupied(first) => Some(Spot::Value(*first.get())),
    }
}

fn roles<'f, 'a>(file: &'f OwnerText<'a>) -> impl Iterator<Item = (&'f UserText<'a>, &'f RoleText<'a>)> {
    file.users.iter().flat_map(|user| user.roles.iter().map(move |role| (user, role)))
}

fn known_role(file: &OwnerText<'_>, context: &Context<'_>, mistakes: &mut Mistakes) {
    let catalog = &context.settings.catalog;
    if !context.settings.catalog_is_sure {
        return;
    }
    for (_, RoleText { name, .. }) in roles(file) {
        if !catalog.roles.contains_key(name.value) {
            let in_each: Vec<_> = catalog.environments.keys().map(|e| format!("{e}-{}", name.value)).collect();
            let whole = in_each.iter().all(|role| catalog.roles.contains_key(role.as_str()));
            let help = match in_each.as_slice() {
                [_, ..] if whole => Some(format!("say in which environment: `{}`", in_each.join("` or `"))),
                _ => did_you_mean(name.value, catalog.roles.keys().map(RoleName::as_str)),
            };
            let message = format!("unknown role `{}`", name.value);
            mistakes.add(name.at.wrong(ROLE, message).label("not in the catalogue").maybe_help(help));
        }
    }
}

fn role_in_environment(file: &OwnerText<'_>, context: &Context<'_>, mistakes: &mut Mistakes) {
    let Context { owner, settings } = context;
    let Some(own) = settings.owners.get(owner).and_then(|owner| owner.environments.as_ref()) else { return };
    for (_, RoleText { name, .. }) in roles(file) {
        let Some(role) = settings.catalog.roles.get(name.value) else { continue };
        if !own.contains(&role.environment) {
            let all = own.iter().map(EnvironmentName::as_str).collect::<Vec<_>>().join("`, `");
            mistakes.add(
                name.at
                    .wrong(ROLE_ENVIRONMENT, format!("`{owner}` has no environment `{}`", role.environment))
                    .label(format!("a role in `{}`", role.environment))
                    .help(format!(
                        "`tilgang.yaml` gives `{owner}` only `{all}`; ask the platform team if that is wrong"
                    )),
            );
        }
    }
}

fn role_once(file: &OwnerText<'_>, _: &Context<'_>, mistakes: &mut Mistakes) {
    let mut seen = BTreeMap::new();
    for user in &file.users {
        seen.clear();
        for role in &user.roles {
            if let Some(first) = once(&mut seen, role.name.value, role.trail()) {
                let name = role.name;
                mistakes.add(
                    name.at
                        .wrong(ROLE_ONCE, format!("`{}` stands here twice for one person", name.value))
                        .label("the second one")
                        .first(first)
                        .help("keep one of them"),
                );
            }
        }
    }
}

fn role_requires(file: &OwnerText<'_>, context: &Context<'_>, mistakes: &mut Mistakes) {
    let require = &context.settings.policy.require;
    if require.is_empty() {
        return;
    }
    for (user, role) in roles(file) {
        let Some(required) = require.get(role.name.value) else { continue };
        for one in required {
            let (key, missing, example) = match one {
                Required::Reason => ("reason", role.reason.is_not(), "reason: on call for the tax season"),
                Required::Ticket => ("ticket", role.ticket.is_not(), "ticket: TTD-123"),
                Required::Until => ("until", role.until.is_not(), "until: 2027-01-31"),
                Required::Id => ("id", user.id.is_not(), "id: 00000000-0000-0000-0000-000000000000"),
            };
            if !missing {
                continue;
            }
            let name = role.name.value;
            let help = match one {
                Required::Id => format!("write `{example}` with the person's object id below `user:`"),
                _ => format!("write it as `- role: {name}`, and below that `{example}`"),
            };
            let message = format!("`{name}` needs {} `{key}`", if key.starts_with(['i', 'u']) { "an" } else { "a" });
            mistakes.add(role.name.at.wrong(MUST_STATE, message).label("demanded by `policy.require`").help(help));
        }
    }
}

/// A role that may last only so long states when it ends; whether that is soon enough is judged when the day is known.
fn role_ends(file: &OwnerText<'_>, context: &Context<'_>, mistakes: &mut Mistakes) {
    let policy = &context.settings.policy;
    for (_, role) in roles(file) {
        let name = role.name.value;
        let said = policy.require.get(name).is_some_and(|required| required.contains(&Required::Until));
        let Some(days) = policy.longest.get(name).filter(|_| role.until.is_not() && !said) else { continue };
        mistakes.add(
            role.name
                .at
                .wrong(MUST_STATE, format!("`{name}` needs an `until`: it may last {days} days"))
                .label("demanded by `policy.longest`")
                .help(format!("write it as `- role: {name}`, and below that `until: 2027-01-31`")),
        );
    }
}
