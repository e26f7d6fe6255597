//! Every way by which somebody can do something at a target: git's own, foreign ones, inherited ones, those through a group; and
//! what is not known of it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Seen, Snapshot, drift, layout::prose, not_known, shown, when};
use crate::{
    access::{Access, Level, Way},
    model::{
        assignment::{Hand, Pim},
        ids::PrincipalId,
        observed::Definitions,
        people::{ById, ByName, Person},
        permissions::Extent,
    },
};

/// How much that is not known is listed. Ours.
const UNKNOWN_MAX: usize = 20;
/// How `access` begins to say that it does not know a role definition: a look at drift does not ask for git's own.
const OF_DEFINITIONS: &str = "what the role definition";

/// Each way by which a person can do something.
pub(super) fn ways(snapshot: &Snapshot<'_>, seen: &Seen<'_>, access: &Access<'_>, ways: &[Way<'_>]) -> Markup {
    html! {
        section aria-labelledby="azure-name" {
            h2 id="azure-name" { "What stands in Azure" }
            @if ways.is_empty() {
                p.about { "Nothing that was found, at or above any target." }
            } @else {
                div.scroll role="region" tabindex="0" aria-label="What stands in Azure" {
                    table.stack {
                        caption.hush { "Each way by which this person can do something at a target" }
                        thead { tr { th scope="col" { "Target" } th scope="col" { "Role" } th scope="col" { "From" } th scope="col" { "Because" } } }
                        tbody { @for way in ways { (one(snapshot, seen, access, way)) } }
                    }
                }
            }
        }
    }
}

fn one(snapshot: &Snapshot<'_>, seen: &Seen<'_>, access: &Access<'_>, way: &Way<'_>) -> Markup {
    let by = way.standing().and_then(|it| it.assignment.trail.created_by);
    let by = by.map(|id| other_name(seen, id).unwrap_or_else(|| id.to_string()));
    html! {
        tr data-entry {
            th scope="row" { code { (shown(&way.target.name)) } span.below { (drift::owner_link(snapshot, Some(way.target.owner))) ", " (shown(way.target.environment.as_str())) } }
            td data-label="Role" {
                @match (way.definition, way.definition_id()) {
                    (Some(name), _) => { (shown(name)) }
                    (None, Some(id)) => { code { (id) } }
                    (None, None) => { "access policy" }
                }
                @let may = may(seen, way);
                @if !may.is_empty() { span.below { "may " (may) } }
                @if way.by.condition().is_some() { span.below { "with a condition, which is not weighed here" } }
                @match way.ends {
                    Some(at) => { span.below { "ends " (when::minute(at)) " UTC (PIM)" } }
                    None => { @if matches!(way.pim(), Some(Pim::Activated | Pim::Timed)) { span.below { "ends by itself (PIM)" } } }
                }
            }
            td data-label="From" {
                span title=(shown(way.at.as_str())) { (shown(&from(way.from))) }
                @if way.is_inherited() { " " span.count.heed { "inherited" } }
                @if let Some(group) = way.through {
                    @let name = access.groups.get(&group).and_then(|group| group.name.as_deref()).map_or_else(|| group.to_string(), shown);
                    span.below { "through the group " (name) }
                }
            }
            td data-label="Because" {
                @if way.is_of_git() {
                    "git says so"
                    @for grant in &way.grants {
                        @let place = (seen.place)(&grant.origin);
                        span.below { code { (shown(&place.file)) ":" (place.line) } }
                    }
                } @else if way.is_eligible() {
                    span.count.heed { "eligible" } span.below { "not active: can be activated in Privileged Identity Management" }
                } @else if not_known::file_with_errors(seen, way.target.owner).is_some() && way.from == Level::Target {
                    span.count.heed { "not known: the owner's file has errors" }
                } @else {
                    span.count.heed { @match way.hand() { Some(Hand::Ours) => "git does not say so", Some(Hand::Foreign) => "made by others", None => "access policy of the vault" } }
                }
                @if let Some(at) = way.made() {
                    span.below { "made " (when::ago(snapshot.now, at)) @if let Some(by) = by.filter(|_| !way.is_of_git()) { ", by " (shown(&by)) } }
                }
            }
        }
    }
}

/// What a way opens, in words: those of the role that git gives, else of the table of abilities, with the same object together.
fn may(seen: &Seen<'_>, way: &Way<'_>) -> String {
    let role = way.grants.first().and_then(|grant| seen.desired.catalog.roles.get(&grant.role));
    if let Some(role) = role.filter(|_| way.opens.abilities.is_empty()) {
        return format!("{} ({})", shown(&role.may), shown(&role.title));
    }
    let mut said: Vec<(&str, Vec<String>)> = Vec::new();
    for (ability, extent) in &way.opens.abilities {
        let (verb, object) = ability.may;
        let verb = if *extent == Extent::Part { format!("{verb} (in part)") } else { verb.to_owned() };
        match said.iter_mut().find(|(of, _)| *of == object) {
            Some((_, verbs)) => verbs.push(verb),
            None => said.push((object, vec![verb])),
        }
    }
    let parts: Vec<String> = said.into_iter().map(|(object, verbs)| format!("{} {object}", verbs.join(", "))).collect();
    parts.join("; ")
}

fn from(level: Level<'_>) -> String {
    match level {
        Level::Within(scope) => format!("a part of it: {}", scope.last_segment()),
        Level::Target => "the target itself".to_owned(),
        Level::ResourceGroup(name) => format!("the resource group {name}"),
        Level::Subscription(name) => format!("the subscription {name}"),
        Level::ManagementGroup(name) => format!("the management group {name}"),
        Level::Tenant => "the root of the tenant".to_owned(),
    }
}

/// What a look at drift does not ask, and what it could not read.
pub(super) fn unknown(seen: &Seen<'_>, access: &Access<'_>) -> Markup {
    let asked = matches!(seen.observed.definitions, Definitions::Known(_));
    let all: Vec<_> = access.unknown.iter().filter(|it| asked || !it.words.starts_with(OF_DEFINITIONS)).collect();
    html! {
        section.note aria-labelledby="unknown-name" {
            h2 id="unknown-name" { "What is not in this" }
            p {
                (prose("A look at drift does not open groups, does not read access policies, deny assignments or who has rights on a \
                        workspace, and asks what a role permits only where others gave it at or above a target. `tilgang why` and \
                        `tilgang who` ask all of that"))
                "."
            }
            @if !all.is_empty() {
                p.about { "Not known besides:" }
                ul.plain {
                    @for it in all.iter().take(UNKNOWN_MAX) {
                        li { @if let Some(owner) = it.owner { (owner) ": " } (prose(&it.words)) }
                    }
                }
                @if all.len() > UNKNOWN_MAX { p.about { "And " (all.len() - UNKNOWN_MAX) " more." } }
            }
        }
    }
}

/// Everybody whom Entra told us of, by object id.
pub(super) fn known<'a>(seen: &Seen<'a>) -> BTreeMap<PrincipalId, &'a Person> {
    let people = &seen.observed.people;
    let by_name = people.by_name.values().filter_map(|answer| match answer {
        ByName::Person(person) => Some(person),
        ByName::Nobody(_) | ByName::Unanswered(_) => None,
    });
    let by_id = people.by_id.values().filter_map(|answer| match answer {
        ById::Person(person) => Some(person),
        _ => None,
    });
    by_name.chain(by_id).map(|person| (person.id, person)).collect()
}

/// What an object id is called: a person, a group, an application, somebody who left.
pub(super) fn other_name(seen: &Seen<'_>, id: PrincipalId) -> Option<String> {
    match seen.observed.people.by_id.get(&id)? {
        ById::Person(person) => Some(person.name.as_str().to_owned()),
        ById::NotAPerson(name) => Some(name.to_string()),
        ById::Deleted { name, .. } => Some(name.as_str().to_owned()),
        ById::Gone | ById::NoUser | ById::Unanswered(_) => None,
    }
}
