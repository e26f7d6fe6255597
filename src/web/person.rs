//! A person's page: what git gives and why, what stands in Azure and from where, and what differs.

use maud::{Markup, html};

use super::{
    Seen, Snapshot, drift,
    holds::{Hold, Level, holds, is_people, known, other_name},
    layout::{Way, page, prose},
    matrix, plural, shown, when,
};
use crate::{
    model::{
        assignment::{Hand, Pim, PrincipalType},
        desired::Grant,
        ids::{PrincipalId, UserName},
        people::Person,
    },
    watch::Entry,
};

/// Somebody, as far as is known.
struct Subject<'a> {
    id: Option<PrincipalId>,
    /// What they are called, as git, Entra or a difference says.
    name: String,
    person: Option<&'a Person>,
}

/// A person's page, by sign-in name, object id or display name; none where nobody is called so.
#[must_use]
pub fn person(snapshot: &Snapshot<'_>, text: &str) -> Option<String> {
    let subject = subject(snapshot, text)?;
    let grants: Vec<&Grant> = snapshot
        .seen
        .iter()
        .flat_map(|seen| &seen.desired.grants)
        .filter(|grant| is_of(&subject, grant))
        .collect();
    let mine = |entry: &&Entry| {
        let it = &entry.difference;
        (it.key.person.is_some() && it.key.person == subject.id) || it.who.as_ref().is_some_and(|who| **who == *subject.name)
    };
    let differences: Vec<&Entry> = snapshot.open(None).filter(mine).collect();
    let held = match (&snapshot.seen, subject.id) {
        (Some(seen), Some(id)) => holds(seen, &|standing| standing.assignment.triple.principal == id),
        _ => Vec::new(),
    };
    let called = subject.person.and_then(|person| person.display_name.as_deref()).map(shown);
    let name = shown(&subject.name);
    let head = html! {
        p.way { a href="/people" { "People" } " / " (name) }
        h1 { (called.as_deref().unwrap_or(&name)) }
        p.sums {
            @if called.is_some() { (name) ": " }
            (plural(grants.len(), "entry", "entries")) " in git, "
            (plural(held.len(), "way", "ways")) " in Azure, "
            (plural(differences.iter().filter(|it| it.difference.key.class.differs()).count(), "difference", "differences"))
        }
        p.about {
            @if let Some(id) = subject.id { "Object id " code { (id) } ". " }
            @match subject.person {
                Some(person) => {
                    @if !person.enabled { b { "The account is disabled. " } }
                    @if person.guest { "A guest from elsewhere. " }
                }
                None => { "Entra was not asked, or knows nobody who is called so. " }
            }
            @if let Some(at) = snapshot.looked { "As the look of " (when::minute(at)) " UTC saw it." }
        }
    };
    let body = html! {
        @if !differences.is_empty() {
            section.heed aria-labelledby="drift-name" { h2 id="drift-name" { "What differs " span.count { (differences.len()) } } (drift::list(snapshot, differences, true)) }
        }
        (listed(snapshot, &grants))
        @if let Some(seen) = &snapshot.seen { (standing(snapshot, seen, &held)) (groups(seen)) }
    };
    Some(page(snapshot, Way::Other, called.as_deref().unwrap_or(&name), &head, &body))
}

fn subject<'a>(snapshot: &Snapshot<'a>, text: &str) -> Option<Subject<'a>> {
    let people = snapshot.seen.as_ref().map(known).unwrap_or_default();
    let of_person = |person: &&'a Person| Subject { id: Some(person.id), name: person.name.as_str().to_owned(), person: Some(*person) };
    let entry = |is: &dyn Fn(&Entry) -> bool| snapshot.memory.open().find(|entry| is(entry));
    if let Ok(id) = text.parse::<PrincipalId>() {
        if let Some(person) = people.get(&id) {
            return Some(of_person(person));
        }
        let other = snapshot.seen.as_ref().and_then(|seen| other_name(seen, id));
        let of_entry = || {
            let entry = entry(&|entry| entry.difference.key.person == Some(id))?;
            Some(entry.difference.who.as_deref().unwrap_or(text).to_owned())
        };
        let stands = || {
            let seen = snapshot.seen.as_ref()?;
            let any = !holds(seen, &|standing| standing.assignment.triple.principal == id).is_empty();
            any.then(|| text.to_owned())
        };
        return Some(Subject { id: Some(id), name: other.or_else(of_entry).or_else(stands)?, person: None });
    }
    let name = UserName::new(text);
    if let Some(person) = people.values().find(|person| person.name == name) {
        return Some(of_person(person));
    }
    // Listed by a name that Entra no longer has, or never had.
    let grants = snapshot.seen.iter().flat_map(|seen| &seen.desired.grants);
    if let Some(grant) = grants.clone().find(|grant| grant.user.name == name) {
        let person = grant.user.id.and_then(|id| people.get(&id)).copied();
        return Some(Subject { id: grant.user.id, name: grant.user.name.as_str().to_owned(), person });
    }
    if let Some(entry) = entry(&|entry| entry.difference.who.as_deref().is_some_and(|who| who.eq_ignore_ascii_case(text))) {
        let id = entry.difference.key.person;
        let person = id.and_then(|id| people.get(&id)).copied();
        return Some(Subject { id, name: entry.difference.who.as_deref().unwrap_or(text).to_owned(), person });
    }
    let person = people.values().find(|person| person.display_name.as_deref() == Some(text))?;
    Some(of_person(person))
}

fn is_of(subject: &Subject<'_>, grant: &Grant) -> bool {
    (subject.id.is_some() && grant.user.id == subject.id)
        || grant.user.name.as_str().eq_ignore_ascii_case(&subject.name)
        || subject.person.is_some_and(|person| grant.user.id.is_none() && person.name == grant.user.name)
}

/// What git gives: where, what, why, until when, and at which line.
fn listed(snapshot: &Snapshot<'_>, grants: &[&Grant]) -> Markup {
    let Some(seen) = &snapshot.seen else { return html! { p.about.aside { "What git lists is not known before the first look." } } };
    let today = snapshot.today();
    html! {
        section aria-labelledby="git-name" {
            h2 id="git-name" { "What git gives" }
            @if grants.is_empty() {
                p.about { "Nothing: no owner's file lists this name." }
            } @else {
                div.scroll role="region" tabindex="0" aria-label="What git gives" {
                    table.stack {
                        caption.hush { "What git gives, with its reason and its line" }
                        thead { tr { th scope="col" { "At" } th scope="col" { "May" } th scope="col" { "Why" } th scope="col" { "Until" } th scope="col" { "Stands" } } }
                        tbody {
                            @for grant in grants {
                                @let place = (seen.place)(&grant.origin);
                                @let differs = matrix::state(snapshot, grant);
                                tr data-entry {
                                    th scope="row" { (drift::owner_link(snapshot, Some(grant.owner))) }
                                    td data-label="May" {
                                        b { (drift::title(snapshot, &grant.role)) }
                                        @if let Some(role) = seen.desired.catalog.roles.get(&grant.role) { span.below { "may " (shown(&role.may)) } }
                                    }
                                    td data-label="Why" {
                                        code { (shown(&place.file)) ":" (place.line) }
                                        @if let Some(why) = &grant.reason { span.below { (shown(why)) } }
                                        @if let Some(ticket) = &grant.ticket { span.below { (shown(ticket)) } }
                                    }
                                    td data-label="Until" {
                                        @match grant.until {
                                            Some(until) if until < today => { (until) span.below { "ended" } }
                                            Some(until) => { (until) span.below { (when::left(today, until)) } }
                                            None => { "no end" }
                                        }
                                    }
                                    td data-label="Stands" {
                                        @if grant.has_ended(today) { "ended" }
                                        @else if differs.is_empty() { span.sign.calm aria-hidden="true" { "✓" } " as git says" }
                                        @for entry in differs { (drift::badge(entry.difference.key.class)) " " }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What stands in Azure: each assignment that reaches a target, foreign and inherited ones too.
fn standing(snapshot: &Snapshot<'_>, seen: &Seen<'_>, held: &[Hold<'_>]) -> Markup {
    html! {
        section aria-labelledby="azure-name" {
            h2 id="azure-name" { "What stands in Azure" }
            @if held.is_empty() {
                p.about { "Nothing that is held directly, at or above any target." }
            } @else {
                div.scroll role="region" tabindex="0" aria-label="What stands in Azure" {
                    table.stack {
                        caption.hush { "Each assignment that reaches a target" }
                        thead { tr { th scope="col" { "Target" } th scope="col" { "Role" } th scope="col" { "From" } th scope="col" { "Made" } } }
                        tbody { @for hold in held { (way(snapshot, seen, hold)) } }
                    }
                }
            }
        }
    }
}

fn way(snapshot: &Snapshot<'_>, seen: &Seen<'_>, hold: &Hold<'_>) -> Markup {
    let it = &hold.standing.assignment;
    let by = it.trail.created_by.and_then(|id| other_name(seen, id).or_else(|| Some(id.to_string())));
    let from = match hold.from {
        Level::Target => "the target itself".to_owned(),
        Level::Within(scope) => format!("a part of it: {}", scope.last_segment()),
        Level::ResourceGroup(name) => format!("the resource group {name}"),
        Level::Subscription(name) => format!("the subscription {name}"),
        Level::Above(scope) => match scope.last_segment() {
            "" => "the root of the tenant".to_owned(),
            name => format!("the management group {name}"),
        },
    };
    html! {
        tr data-entry {
            th scope="row" { code { (shown(&hold.target.name)) } span.below { (drift::owner_link(snapshot, Some(hold.target.owner))) ", " (shown(hold.target.environment.as_str())) } }
            td data-label="Role" {
                @match hold.definition { Some(name) => { (shown(name)) } None => { code { (it.triple.definition) } } }
                @if it.condition.is_some() { span.below { "with a condition" } }
                @if matches!(hold.standing.pim, Pim::Activated | Pim::Timed) { span.below { "ends by itself (PIM)" } }
            }
            td data-label="From" {
                span title=(shown(it.triple.scope.as_str())) { (shown(&from)) }
                @if hold.from.is_inherited() { " " span.count.heed { "inherited" } }
            }
            td data-label="Made" {
                @match hold.standing.hand { Hand::Ours => { "by tilgang" } Hand::Foreign => { span.count.heed { "by others" } } }
                @if let Some(at) = it.created_on { span.below { (when::ago(snapshot.now, at)) @if let (Hand::Foreign, Some(by)) = (hold.standing.hand, &by) { ", by " (shown(by)) } } }
            }
        }
    }
}

/// Groups that hold something: whether this person is in one is not known here.
fn groups(seen: &Seen<'_>) -> Markup {
    let all = holds(seen, &|standing| is_people(standing) && standing.assignment.principal_type == PrincipalType::Group);
    let mut names: Vec<String> = all
        .iter()
        .map(|hold| hold.standing.assignment.triple.principal)
        .map(|id| other_name(seen, id).unwrap_or_else(|| id.to_string()))
        .collect();
    names.sort_unstable();
    names.dedup();
    html! {
        @if !names.is_empty() {
            section.note aria-labelledby="groups-name" {
                h2 id="groups-name" { "Not known" }
                p { (prose(&format!("Whether this person is in one of the groups that hold something here: {}. Whoever is has what the group has", names.join(", ")))) "." }
            }
        }
    }
}
