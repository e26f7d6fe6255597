//! People × roles at one owner: what git lists, as it stands, with what differs marked.

use std::collections::BTreeMap;

use jiff::civil::Date;
use maud::{Markup, html};

use super::{Seen, Snapshot, layout::person, not_known, plural, shown, when};
use crate::{
    model::{
        desired::Grant,
        owner::{EnvironmentName, OwnerCode, RoleName},
    },
    plan::drift::Class,
    watch::Entry,
};

/// What a person has of a role: what git lists, and what differs.
#[derive(Default)]
struct Cell<'a> {
    grant: Option<&'a Grant>,
    class: Option<Class>,
}

/// By name, in small letters: the name, and what it has of each role.
type Rows<'a> = BTreeMap<String, (String, BTreeMap<&'a RoleName, Cell<'a>>)>;

/// A table for each environment of an owner's.
pub(super) fn matrix(snapshot: &Snapshot<'_>, owner: OwnerCode) -> Markup {
    let Some(seen) = &snapshot.seen else {
        return html! { p.about.aside { "Who holds what is not known before the first look." } };
    };
    let file = not_known::file_with_errors(seen, owner);
    let today = snapshot.today();
    let mut rows = Rows::new();
    for grant in seen.desired.grants.iter().filter(|it| it.owner == owner && !it.has_ended(today)) {
        let name = grant.user.name.as_str();
        let row = rows.entry(name.to_lowercase()).or_insert_with(|| (name.to_owned(), BTreeMap::new()));
        row.1.entry(&grant.role).or_default().grant = Some(grant);
    }
    for entry in snapshot.open(Some(owner)) {
        let it = &*entry.difference;
        let (Some(role), Some(who)) = (&it.role, &it.who) else { continue };
        let row = rows.entry(who.to_lowercase()).or_insert_with(|| (who.to_string(), BTreeMap::new()));
        let cell = row.1.entry(role).or_default();
        cell.class = Some(cell.class.map_or(it.key.class, |class| graver(class, it.key.class)));
    }
    html! {
        section aria-labelledby="who-name" {
            h2 id="who-name" { "Who may do what" }
            @if let Some(file) = &file { p.unread { "Not known: " code { (shown(file)) } " has errors." } }
            div.tables {
                @for (name, environment) in seen.desired.environments_of(owner) {
                    @if file.is_none() || is_any(seen, &rows, name) { (table(snapshot, seen, &rows, name, &environment.title)) }
                }
            }
        }
    }
}

/// Whether anybody has something there.
fn is_any(seen: &Seen<'_>, rows: &Rows<'_>, environment: &EnvironmentName) -> bool {
    let mut roles = seen.desired.catalog.roles.iter().filter(|(_, role)| role.environment == *environment);
    roles.any(|(role, _)| rows.values().any(|(_, cells)| cells.contains_key(role)))
}

fn table(
    snapshot: &Snapshot<'_>,
    seen: &Seen<'_>,
    rows: &Rows<'_>,
    environment: &EnvironmentName,
    title: &str,
) -> Markup {
    let roles: Vec<_> =
        seen.desired.catalog.roles.iter().filter(|(_, role)| role.environment == *environment).collect();
    let here: Vec<_> =
        rows.values().filter(|(_, cells)| roles.iter().any(|(role, _)| cells.contains_key(role))).collect();
    let is_production = seen.desired.policy.production.contains(environment);
    html! {
        @if here.is_empty() {
            p.nobody { (shown(title)) ": nobody" }
        } @else {
            div.scroll role="region" tabindex="0" aria-label=(shown(title)) {
                table.matrix.prod[is_production] {
                    caption { (shown(title)) " " span.count { (plural(here.len(), "person", "people")) } }
                    thead { tr {
                        th scope="col" { "Person" }
                        @for (_, role) in &roles { th scope="col" { (shown(&role.title)) span.below { "may " (shown(&role.may)) } } }
                    } }
                    tbody {
                        @for (name, cells) in here {
                            tr data-entry {
                                th scope="row" { (person(name)) }
                                @for (role, _) in &roles { (cell(snapshot, cells.get(role))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(snapshot: &Snapshot<'_>, cell: Option<&Cell<'_>>) -> Markup {
    let Some(Cell { grant, class }) = cell else {
        return html! { td.no { span aria-hidden="true" { "·" } span.hush { "no" } } };
    };
    let place = grant.and_then(|grant| Some((snapshot.seen.as_ref()?.place)(&grant.origin)));
    let until = grant.and_then(|grant| grant.until);
    let (look, sign) = class.map_or(("calm", "✓"), sign);
    html! {
        td.(look) title=[place.map(|place| shown(&format!("{}:{}", place.file, place.line)))] {
            span.sign aria-hidden="true" { (sign) } " " span.word { (class.map_or("holds", Class::word)) }
            @if let Some(until) = until { (ends(snapshot.today(), until)) }
        }
    }
}

/// How a class looks in a cell: a sign, and a style. What it is does not hang on a colour.
fn sign(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Missing | Class::Blocked => ("lacks", "−"),
        Class::Altered | Class::DescriptionLost => ("other", "~"),
        Class::NoEffect | Class::RoleDefinition => ("other", "!"),
        Class::ExpiringSoon => ("calm", "✓"),
        _ => ("extra", "+"),
    }
}

fn ends(today: Date, until: Date) -> Markup {
    html! { span.below { "until " (until) @if until.duration_since(today).as_hours() <= 14 * 24 { ", " (when::left(today, until)) } } }
}

fn graver(a: Class, b: Class) -> Class {
    let rank = |class: Class| Class::ALL.iter().position(|of| *of == class);
    if rank(a) <= rank(b) { a } else { b }
}

/// How one line of git stands: as git says, or what differs there.
pub(super) fn state<'a>(snapshot: &'a Snapshot<'_>, grant: &Grant) -> Vec<&'a Entry> {
    let same = |entry: &&Entry| {
        let it = &entry.difference;
        it.role.as_ref() == Some(&grant.role)
            && it.who.as_ref().is_some_and(|who| who.eq_ignore_ascii_case(grant.user.name.as_str()))
    };
    snapshot.open(Some(grant.owner)).filter(same).collect()
}
