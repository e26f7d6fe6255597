//! An owner's page: who may do what there, what differs, what ends, and how it was over time.

use maud::html;

use super::{
    Snapshot, drift,
    expiries::expiries,
    layout::{Way, filter, page},
    matrix::matrix,
    not_known, plural, shown,
    state::{self, Mood},
    timeline::timeline,
    when,
};
use crate::{
    model::owner::OwnerCode,
    watch::{Entry, Verdict},
};

/// How many that are over are listed. Ours.
const OVER_MAX: usize = 20;

/// An owner's page; none where nobody knows of it.
#[must_use]
pub fn owner(snapshot: &Snapshot<'_>, code: OwnerCode) -> Option<String> {
    let of_git = snapshot.seen.as_ref().and_then(|seen| seen.desired.owners.get(&code));
    let open: Vec<&Entry> = snapshot.open(Some(code)).collect();
    let (differ, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|entry| entry.difference.key.class.differs());
    let here = |entry: &&Entry| entry.difference.key.owner == Some(code);
    let over: Vec<&Entry> = snapshot.memory.over().iter().rev().filter(here).take(OVER_MAX).collect();
    let accepted: Vec<&Entry> =
        snapshot.memory.open().filter(here).filter(|entry| entry.difference.accepted.is_some()).collect();
    if of_git.is_none() && differ.is_empty() && rest.is_empty() && over.is_empty() && accepted.is_empty() {
        return None;
    }
    let unknown = not_known::of_owner(snapshot, code);
    // Git comes first: what Azure should be now hangs on it.
    let (said, calm) = state::of_git(snapshot).map_or(("git", "As git says"), |(_, said, calm)| (said, calm));
    let differs = || plural(differ.len(), &format!("difference from {said}"), &format!("differences from {said}"));
    let is_broken = snapshot.seen.as_ref().is_some_and(|seen| not_known::file_with_errors(seen, code).is_some());
    // What is known here is what the last whole check saw: one that failed since takes nothing back, and confirms nothing.
    let failed =
        snapshot.runs.iter().rev().find(|run| run.verdict != Verdict::Ended).is_some_and(|it| !it.verdict.looked());
    let (mood, words) = match snapshot.looked {
        None => (Mood::Waiting, "Not checked yet".to_owned()),
        Some(_) if is_broken => (Mood::Blind, "Not known: the owner's file has errors".to_owned()),
        Some(at) if failed && differ.is_empty() => {
            (Mood::Blind, format!("No difference at {} UTC; no check has worked since", when::minute(at)))
        }
        Some(_) if differ.is_empty() && unknown.is_empty() => (Mood::Calm, calm.to_owned()),
        Some(_) if differ.is_empty() => {
            (Mood::Blind, format!("No difference from {said} in what was read; not everything is known"))
        }
        Some(_) if unknown.is_empty() => (Mood::Heed, differs()),
        Some(_) => (Mood::Heed, format!("{}; and not everything is known", differs())),
    };
    let (mood, words) = match state::of_git(snapshot) {
        Some((git, ..)) => (state::mood(snapshot), state::joined(&git, &words)),
        None => (mood, words),
    };
    let (look, sign) = mood.looks();
    let name = snapshot.called(code);
    let head = html! {
        p.way { a href="/" { "Overview" } " / " (code) }
        div.hero.(look) {
            span.sign aria-hidden="true" { (sign) }
            div {
                h1 { (name) }
                p.sums { (words) }
                p.about {
                    @if let Some(at) = snapshot.looked { "Checked " (when::ago(snapshot.now, at)) ". " }
                    @if let Some(contact) = of_git.and_then(|it| it.contact.as_deref()) { "Contact: " (shown(contact)) ". " }
                    @if let Some(it) = of_git { @if !it.reviewers.is_empty() { "Reviewed by " (shown(&it.reviewers.join(", "))) "." } }
                }
            }
        }
        (filter("person or class"))
    };
    let body = html! {
        @if !differ.is_empty() {
            section.heed aria-labelledby="drift-name" { h2 id="drift-name" { "What differs " span.count { (differ.len()) } } (drift::list(snapshot, differ, false)) }
        }
        (not_known::section(&unknown))
        (matrix(snapshot, code))
        @if !rest.is_empty() {
            section aria-labelledby="rest-name" { h2 id="rest-name" { "Findings " span.count { (rest.len()) } } (drift::list(snapshot, rest, false)) }
        }
        (timeline(snapshot, Some(code)))
        (expiries(snapshot, Some(code), 20))
        @if !accepted.is_empty() {
            section aria-labelledby="accepted-name" { h2 id="accepted-name" { "Accepted by policy " span.count { (accepted.len()) } } (drift::list(snapshot, accepted, false)) }
        }
        @if !over.is_empty() {
            section aria-labelledby="over-name" { h2 id="over-name" { "Ended" } (drift::list(snapshot, over, false)) }
        }
    };
    Some(page(snapshot, Way::Other, &name, &head, &body))
}
