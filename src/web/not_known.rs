//! What the last check could not read, of git and of Azure: what is not known looks different from what is empty.

use maud::{Markup, html};

use super::{
    Seen, Snapshot,
    layout::{Way, page, prose},
    shown, state,
};
use crate::model::{
    desired::{Origin, OwnerFile},
    observed::Sighting,
    owner::OwnerCode,
};

/// The file of an owner that has errors, as people read it: `owners/ttd.yaml`.
pub(super) fn file_with_errors(seen: &Seen<'_>, owner: OwnerCode) -> Option<String> {
    match seen.desired.file_of(owner) {
        OwnerFile::Broken(file) => Some((seen.place)(&Origin { file, path: Box::default() }).file),
        OwnerFile::Read(_) | OwnerFile::Removed(_) | OwnerFile::Missing => None,
    }
}

/// The owners whose files have errors: whom they list is not known.
pub(super) fn with_errors(seen: &Seen<'_>) -> Vec<OwnerCode> {
    let broken = seen.desired.owners.iter().filter(|(_, owner)| matches!(owner.file, OwnerFile::Broken(_)));
    broken.map(|(code, _)| *code).collect()
}

/// What was not read that this owner's page hangs on, a line each.
pub(super) fn of_owner(snapshot: &Snapshot<'_>, owner: OwnerCode) -> Vec<String> {
    let Some(seen) = &snapshot.seen else { return Vec::new() };
    let mut lines: Vec<String> = Vec::new();
    if let Some(file) = file_with_errors(seen, owner) {
        lines.push(format!("`{file}` has errors, which `tilgang validate` shows: who is listed there is not known, and nothing was compared"));
    }
    let unread = seen.plan.unread.iter().filter(|unread| unread.owner.is_none_or(|of| of == owner));
    lines.extend(unread.map(|unread| unread.trouble.without_request().to_string()));
    let absent = seen.observed.absent.iter().filter(|(of, _)| *of == owner);
    lines.extend(
        absent.map(|(_, name)| format!("our identity sees no subscription `{name}`: nothing was checked there")),
    );
    let targets = seen.observed.targets.iter().filter(|(key, _)| key.owner == owner);
    lines.extend(targets.filter_map(|(_, sighting)| match sighting {
        Sighting::Unseen(trouble) => Some(trouble.without_request().to_string()),
        Sighting::Missing(_) | Sighting::Several(_) | Sighting::Found(_) => None,
    }));
    let undecided =
        seen.plan.blocked.iter().filter(|it| it.block.is_unknown() && it.owner.is_none_or(|of| of == owner));
    lines.extend(undecided.map(|it| format!("`{}`: {}", it.who, it.block)));
    let mut told = std::collections::BTreeSet::new();
    lines.retain(|line| told.insert(line.clone()));
    lines
}

/// The same as a section; nothing where everything was read.
pub(super) fn section(lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section.grave aria-labelledby="not-known-name" {
                h2 id="not-known-name" { "Not known " span.count { (lines.len()) } }
                ul.plain { @for line in lines { li { (prose(line)) } } }
            }
        }
    }
}

/// That a list of people lacks those of some owners; nothing where all files were read.
pub(super) fn left_out(snapshot: &Snapshot<'_>) -> Markup {
    let owners = snapshot.seen.as_ref().map(with_errors).unwrap_or_default();
    html! {
        @if !owners.is_empty() {
            p.about {
                "Not known: who is listed at "
                @for (at, owner) in owners.iter().enumerate() { @if at > 0 { ", " } a href={ "/owners/" (owner) } { (snapshot.called(*owner)) } }
                ", whose " @if owners.len() == 1 { "file has errors." } @else { "files have errors." }
            }
        }
    }
}

/// There is no such page. `what`: what was looked for.
#[must_use]
pub fn missing(snapshot: &Snapshot<'_>, what: &str) -> String {
    let head = html! {
        h1 { "Nothing here" }
        p.sums { (shown(what)) }
    };
    let body = html! { section { p { "It may have gone since the link was made. " a href="/" { "All that is known now" } "." } (left_out(snapshot)) } };
    page(snapshot, Way::Other, "Nothing here", &head, &body)
}

/// Nobody knows yet whether there is such a page: nothing was compared since the start. `what`: what was looked for.
#[must_use]
pub fn not_yet(snapshot: &Snapshot<'_>, what: &str) -> String {
    let head = html! {
        h1 { "Not known yet" }
        p.sums { (shown(what)) }
    };
    let body = html! { section { p { (state::sentence(snapshot)) ". " a href="/" { "Overview" } } } };
    page(snapshot, Way::Other, "Not known yet", &head, &body)
}
