//! Differences as people read them: who, what, where, since when, by whom, and how to fix it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Snapshot,
    layout::{person, prose},
    shown, when,
};
use crate::{
    model::{ids::ScopeId, owner::OwnerCode},
    plan::drift::Class,
    watch::{By, Difference, Entry, Since},
};

/// A class, as a badge.
pub(super) fn badge(class: Class) -> Markup {
    html! { span.badge.{ "c-" (class.word()) } title=(class.meaning()) { (class.word()) } }
}

/// Differences by owner and class: what differs, the oldest of it, and what mends it.
pub(super) fn by_owner(snapshot: &Snapshot<'_>) -> Markup {
    let mut groups: BTreeMap<(Option<OwnerCode>, usize), Vec<&Entry>> = BTreeMap::new();
    for entry in snapshot.open(None).filter(|entry| entry.difference.key.class.differs()) {
        let key = &entry.difference.key;
        groups.entry((key.owner, rank(key.class))).or_default().push(entry);
    }
    let oldest = |owner: Option<OwnerCode>| {
        let of = groups.iter().filter(|((of, _), _)| *of == owner).flat_map(|(_, entries)| entries);
        of.map(|entry| entry.life.began()).min()
    };
    let mut rows: Vec<_> = groups.iter().collect();
    rows.sort_by_cached_key(|((owner, class), _)| (oldest(*owner), *owner, *class));
    html! {
        section aria-labelledby="drift-name" {
            h2 id="drift-name" { "What differs, by owner" }
            @if rows.is_empty() {
                p.about { @if snapshot.looked.is_some() { "Nothing, as far as was seen." } @else { "Not known before the first look." } }
            } @else {
                div.scroll role="region" tabindex="0" aria-label="What differs, by owner" {
                    table.stack {
                        caption.hush { "What differs, by owner and class" }
                        thead { tr { th scope="col" { "Owner" } th scope="col" { "What" } th scope="col" { "Since" } th scope="col" { "How to fix it" } } }
                        tbody { @for ((owner, _), entries) in rows { (group(snapshot, *owner, entries)) } }
                    }
                }
            }
        }
    }
}

/// How many of a group are named before the rest is a number.
const NAMED_MAX: usize = 3;

fn group(snapshot: &Snapshot<'_>, owner: Option<OwnerCode>, entries: &[&Entry]) -> Markup {
    let Some(class) = entries.first().map(|entry| entry.difference.key.class) else { return html! {} };
    let oldest = entries.iter().min_by_key(|entry| entry.life.began());
    let mut who: Vec<&str> = entries.iter().filter_map(|entry| entry.difference.who.as_deref()).collect();
    who.sort_unstable();
    who.dedup();
    let mut remedies: Vec<&str> = entries.iter().map(|entry| &*entry.difference.remedy).collect();
    remedies.sort_unstable();
    remedies.dedup();
    html! {
        tr data-entry {
            th scope="row" { (owner_link(snapshot, owner)) }
            td data-label="What" {
                (badge(class)) " " b.number { (entries.len()) }
                @if !who.is_empty() {
                    span.below {
                        @for (at, name) in who.iter().take(NAMED_MAX).enumerate() { @if at > 0 { ", " } (person(name)) }
                        @if who.len() > NAMED_MAX { " and " (who.len() - NAMED_MAX) " more" }
                    }
                }
            }
            td data-label="Since" { @if let Some(entry) = oldest { (age(snapshot.now, entry)) } }
            td data-label="How to fix it" {
                @for remedy in remedies.iter().take(2) { span.line { (prose(remedy)) } }
            }
        }
    }
}

/// Every difference of a list, whole.
pub(super) fn list(snapshot: &Snapshot<'_>, mut entries: Vec<&Entry>, with_owner: bool) -> Markup {
    entries.sort_by_key(|entry| (rank(entry.difference.key.class), entry.life.began(), entry.difference.key.clone()));
    html! {
        ul.entries { @for entry in entries { (one(snapshot, entry, with_owner)) } }
    }
}

fn one(snapshot: &Snapshot<'_>, entry: &Entry, with_owner: bool) -> Markup {
    let it = &*entry.difference;
    html! {
        li data-entry id={ "d-" (it.key.id()) } {
            p {
                (badge(it.key.class)) " "
                @if let Some(who) = &it.who { strong { (person(who)) } ": " }
                (subject(snapshot, it, with_owner))
            }
            p { (prose(&it.words)) @if let Some(why) = &it.accepted { "; accepted: " (shown(why)) } }
            p.about {
                (age(snapshot.now, entry))
                @if let Some(at) = entry.life.resolved { "; ended " (when::ago(snapshot.now, at)) @if entry.life.healed { ", healed" } }
                @for place in &it.places { " · " code { (shown(&place.file)) ":" (place.line) } }
            }
            @if entry.life.resolved.is_none() { p.help { "How to fix it: " (prose(&it.remedy)) } }
        }
    }
}

fn subject(snapshot: &Snapshot<'_>, it: &Difference, with_owner: bool) -> Markup {
    html! {
        @match (&it.role, &it.definition_name) {
            (Some(role), _) => { (title(snapshot, role)) }
            (None, Some(name)) => { (shown(name)) }
            (None, None) => {}
        }
        @if let (None, Some(environment)) = (&it.role, &it.environment) { " in " (shown(environment.as_str())) }
        @if let Some(scope) = &it.key.scope { " on " code title=(shown(scope.as_str())) { (place(snapshot, scope)) } }
        @if with_owner { " at " (owner_link(snapshot, it.key.owner)) }
    }
}

/// The last part of a scope; of a subscription the name, where it was seen.
fn place(snapshot: &Snapshot<'_>, scope: &ScopeId) -> String {
    let whole = scope.subscription().filter(|id| ScopeId::subscription_scope(*id) == *scope);
    let seen = whole.and_then(|id| snapshot.seen.as_ref()?.observed.subscriptions.get(&id));
    shown(seen.map_or_else(|| scope.last_segment(), |subscription| &subscription.name))
}

/// A role as people call it.
pub(super) fn title(snapshot: &Snapshot<'_>, role: &crate::model::owner::RoleName) -> String {
    let known = snapshot.seen.as_ref().and_then(|seen| seen.desired.catalog.roles.get(role));
    shown(known.map_or(role.as_str(), |role| &role.title))
}

/// Since when, and by whom.
fn age(now: Timestamp, entry: &Entry) -> Markup {
    let life = &entry.life;
    html! {
        @match life.since {
            Since::At(at) => { (when::ago(now, at)) }
            Since::After(_) => { "seen " (when::ago(now, life.first_seen)) }
            Since::Unknown => { "before " (when::minute(life.first_seen)) }
        }
        @match &life.by {
            By::Somebody(doer) => { span.below { "by " (shown(&doer.to_string())) } }
            By::Git => { span.below { "by a change to git" } }
            By::Time | By::NotAsked => {}
            By::Unknown(why) => { span.below title=(shown(why)) { "by whom is not known" } }
        }
    }
}

/// A way to an owner's page.
pub(super) fn owner_link(snapshot: &Snapshot<'_>, owner: Option<OwnerCode>) -> Markup {
    html! {
        @match owner {
            Some(owner) => { a href={ "/owners/" (owner) } { (snapshot.called(owner)) } }
            None => { "nobody's" }
        }
    }
}

fn rank(class: Class) -> usize {
    Class::ALL.iter().position(|of| *of == class).unwrap_or(usize::MAX)
}
