//! Everybody whom git lists or who differs, each with a way to their page.

use std::collections::{BTreeMap, BTreeSet};

use maud::html;

use super::{
    Snapshot,
    layout::{Way, page, person},
    not_known::left_out,
    plural, shown,
    ways::known,
};
use crate::model::owner::OwnerCode;

/// Beyond so many the page asks for more letters. Ours: more is slow to open.
const PEOPLE_MAX: usize = 2_000;

#[derive(Default)]
struct Row {
    name: String,
    shown: Option<String>,
    owners: BTreeSet<OwnerCode>,
    differs: usize,
}

/// Everybody; with `query` only those in whose name it stands.
#[must_use]
pub fn people(snapshot: &Snapshot<'_>, query: &str) -> String {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut row = |name: &str, owner: Option<OwnerCode>, differs: bool| {
        let row = rows.entry(name.to_lowercase()).or_insert_with(|| Row { name: name.to_owned(), ..Row::default() });
        row.owners.extend(owner);
        row.differs += usize::from(differs);
    };
    if let Some(seen) = &snapshot.seen {
        for grant in &seen.desired.grants {
            row(grant.user.name.as_str(), Some(grant.owner), false);
        }
    }
    for entry in snapshot.open(None) {
        if let Some(who) = &entry.difference.who {
            row(who, entry.difference.key.owner, entry.difference.key.class.differs());
        }
    }
    if let Some(seen) = &snapshot.seen {
        for who in known(seen).values() {
            if let Some(row) = rows.get_mut(&who.name.as_str().to_lowercase()) {
                row.shown = who.display_name.as_deref().map(shown);
            }
        }
    }
    let wanted = query.trim().to_lowercase();
    let is_meant = |row: &&Row| {
        wanted.is_empty()
            || row.name.to_lowercase().contains(&wanted)
            || row.shown.as_ref().is_some_and(|name| name.to_lowercase().contains(&wanted))
    };
    let all = rows.len();
    let found: Vec<&Row> = rows.values().filter(is_meant).collect();
    let head = html! {
        h1 { @if snapshot.seen.is_none() && all == 0 { "People" } @else { (plural(found.len(), "person", "people")) @if found.len() < all { " of " (all) } } }
        p.sums { "Whom git lists, and whose access differs from it." }
        // Without JavaScript it asks for another page; with it, it narrows this one down as well.
        form.tools role="search" method="get" action="/people" id="tools" {
            label for="search" { "Find" }
            input type="search" id="search" name="q" value=(shown(query)) autocomplete="off" spellcheck="false" placeholder="a part of a name" aria-keyshortcuts="/";
            button type="submit" { "Find" }
            output id="found" for="search" aria-live="polite" {}
        }
    };
    let body = html! {
        section aria-labelledby="people-name" {
            h2.hush id="people-name" { "People" }
            (left_out(snapshot))
            @if found.is_empty() {
                p.about { @if snapshot.seen.is_none() { "Not known before the first check." } @else { "No matches." } }
            } @else {
                div.scroll role="region" tabindex="0" aria-label="People" {
                    table.stack {
                        caption.hush { "People, with the owners at which git lists them" }
                        thead { tr { th scope="col" { "Person" } th scope="col" { "At" } th scope="col" { "Differs" } } }
                        tbody {
                            @for row in found.iter().take(PEOPLE_MAX) {
                                tr data-entry {
                                    th scope="row" { (person(&row.name)) @if let Some(name) = &row.shown { span.below { (name) } } }
                                    td data-label="At" {
                                        @if row.owners.is_empty() { "nobody's" }
                                        @for owner in &row.owners { a.chip href={ "/owners/" (owner) } { (owner) } " " }
                                    }
                                    td data-label="Differs" { @if row.differs == 0 { "no" } @else { span.count.heed { (row.differs) } } }
                                }
                            }
                        }
                    }
                }
                @if found.len() > PEOPLE_MAX { p.about { "Only the first " (PEOPLE_MAX) " are shown: say more of the name." } }
            }
        }
    };
    page(snapshot, Way::People, "People", &head, &body)
}
