//! A person's page: what git gives and why, what stands in Azure and from where, and what differs.

use maud::{Markup, html};

use super::{
    Snapshot, drift,
    layout::{Way, page},
    matrix,
    not_known::{self, left_out},
    plural, shown,
    ways::{known, other_name, unknown, ways},
    when,
};
use crate::{
    access,
    model::{
        desired::Grant,
        ids::{PrincipalId, UserName},
        people::{ById, ByName, Person},
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
    let grants: Vec<&Grant> =
        snapshot.seen.iter().flat_map(|seen| &seen.desired.grants).filter(|grant| is_of(&subject, grant)).collect();
    let mine = |entry: &&Entry| {
        let it = &entry.difference;
        (it.key.person.is_some() && it.key.person == subject.id)
            || it.who.as_ref().is_some_and(|who| **who == *subject.name)
    };
    let differences: Vec<&Entry> = snapshot.open(None).filter(mine).collect();
    let access = snapshot.seen.as_ref().map(|seen| access::of(seen.desired, seen.observed, seen.plan, None));
    let holder = access.as_ref().zip(subject.id).and_then(|(access, id)| access.holders.get(&id));
    let standing = holder.map(|holder| holder.ways.as_slice()).unwrap_or_default();
    let is_in_part = snapshot.seen.as_ref().is_some_and(|seen| !not_known::with_errors(seen).is_empty());
    let called = subject.person.and_then(|person| person.display_name.as_deref()).map(shown);
    let name = shown(&subject.name);
    let head = html! {
        p.way { a href="/people" { "People" } " / " (name) }
        h1 { (called.as_deref().unwrap_or(&name)) }
        p.sums {
            @if called.is_some() { (name) ": " }
            (plural(grants.len(), "entry", "entries")) " in git" @if is_in_part { " that is known" } ", "
            (plural(standing.len(), "way", "ways")) " in Azure, "
            (plural(differences.iter().filter(|it| it.difference.key.class.differs()).count(), "difference", "differences"))
        }
        p.about {
            @if let Some(id) = subject.id { "Object id " code { (id) } ". " }
            @match subject.person {
                Some(person) => {
                    @if !person.enabled { b { "The account is disabled. " } }
                    @if person.guest { "A guest from elsewhere. " }
                }
                None => { (unknown_to_entra(snapshot, &subject)) " " }
            }
            @if let Some(at) = snapshot.looked { "As the look of " (when::minute(at)) " UTC saw it." }
        }
    };
    let body = html! {
        @if !differences.is_empty() {
            section.heed aria-labelledby="drift-name" { h2 id="drift-name" { "What differs " span.count { (differences.len()) } } (drift::list(snapshot, differences, true)) }
        }
        (listed(snapshot, &grants))
        @if let (Some(seen), Some(access)) = (&snapshot.seen, &access) { (ways(snapshot, seen, access, standing)) (unknown(seen, access)) }
    };
    Some(page(snapshot, Way::Other, called.as_deref().unwrap_or(&name), &head, &body))
}

fn subject<'a>(snapshot: &Snapshot<'a>, text: &str) -> Option<Subject<'a>> {
    let people = snapshot.seen.as_ref().map(known).unwrap_or_default();
    let of_person = |person: &&'a Person| Subject {
        id: Some(person.id),
        name: person.name.as_str().to_owned(),
        person: Some(*person),
    };
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
            let access = access::of(seen.desired, seen.observed, seen.plan, None);
            let who = &access.holders.get(&id)?.who;
            Some(who.display_name.as_deref().unwrap_or(text).to_owned())
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
    if let Some(entry) =
        entry(&|entry| entry.difference.who.as_deref().is_some_and(|who| who.eq_ignore_ascii_case(text)))
    {
        let id = entry.difference.key.person;
        let person = id.and_then(|id| people.get(&id)).copied();
        return Some(Subject { id, name: entry.difference.who.as_deref().unwrap_or(text).to_owned(), person });
    }
    let person = people.values().find(|person| person.display_name.as_deref() == Some(text))?;
    Some(of_person(person))
}

/// Why Entra says nothing of somebody: it was not asked, it gave no answer, or it knows nobody.
fn unknown_to_entra(snapshot: &Snapshot<'_>, subject: &Subject<'_>) -> &'static str {
    let Some(people) = snapshot.seen.as_ref().map(|seen| &seen.observed.people) else { return "Entra was not asked." };
    let by_id = subject.id.and_then(|id| people.by_id.get(&id));
    match (by_id, people.by_name.get(&UserName::new(&subject.name))) {
        (Some(ById::Unanswered(_)), _) | (None, Some(ByName::Unanswered(_))) => {
            "Entra gave no answer about this account."
        }
        (Some(ById::Gone | ById::Deleted { .. }), _) => "Entra has no such account any more.",
        (Some(ById::NotAPerson(_) | ById::NoUser), _) => "Not a person's account.",
        (None, Some(ByName::Nobody(_))) => "Entra knows no account of this name.",
        (Some(ById::Person(_)), _) | (None, Some(ByName::Person(_)) | None) => {
            "Entra was not asked about this account."
        }
    }
}

fn is_of(subject: &Subject<'_>, grant: &Grant) -> bool {
    (subject.id.is_some() && grant.user.id == subject.id)
        || grant.user.name.as_str().eq_ignore_ascii_case(&subject.name)
        || subject.person.is_some_and(|person| grant.user.id.is_none() && person.name == grant.user.name)
}

/// What git gives: where, what, why, until when, and at which line.
fn listed(snapshot: &Snapshot<'_>, grants: &[&Grant]) -> Markup {
    let Some(seen) = &snapshot.seen else {
        return html! { p.about.aside { "What git lists is not known before the first check." } };
    };
    let today = snapshot.today();
    html! {
        section aria-labelledby="git-name" {
            h2 id="git-name" { "What git gives" }
            (left_out(snapshot))
            @if grants.is_empty() {
                p.about { "Nothing: no owner's file that was read lists this name." }
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
