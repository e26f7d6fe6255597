//! The first page: how it stands in one sentence, what differs at whom, and how it came to be.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    Snapshot, drift,
    expiries::expiries,
    health::{commit, health},
    layout::{Way, filter, page},
    not_known,
    runs::runs,
    shown, state,
    timeline::timeline,
    when,
};
use crate::{model::owner::OwnerCode, watch::GitTrouble};

/// The page for all.
#[must_use]
pub fn overview(snapshot: &Snapshot<'_>) -> String {
    let words = state::sentence(snapshot);
    let (look, sign) = state::mood(snapshot).looks();
    let head = html! {
        div.hero.(look) {
            span.sign aria-hidden="true" { (sign) }
            div {
                h1 { (words) }
                (beneath(snapshot))
            }
        }
        (filter("owner, person or class"))
    };
    let body = html! {
        (drift::by_owner(snapshot))
        (timeline(snapshot, None))
        div.pair {
            div { (expiries(snapshot, None, 8)) (runs(snapshot, 8)) }
            (health(snapshot))
        }
        (owners(snapshot))
    };
    page(snapshot, Way::Overview, &words, &head, &body)
}

/// When it was looked at, from which commit, and when again.
fn beneath(snapshot: &Snapshot<'_>) -> Markup {
    let run = snapshot.runs.back();
    let note = run.filter(|run| !run.verdict.looked()).and_then(|run| run.notes.first());
    html! {
        @match &snapshot.git {
            Some(trouble @ GitTrouble::Silent { why, .. }) => {
                p.sums { (shown(snapshot.source)) ": " (shown(why)) }
                p.sums { "What helps: " (shown(&trouble.remedy())) "." }
            }
            Some(trouble @ GitTrouble::Rewritten { .. }) => {
                p.sums { (shown(&trouble.to_string())) ". Healing is off until somebody acknowledges it." }
                p.sums { "What helps: " (shown(&trouble.remedy())) "." }
            }
            None => {}
        }
        @if let Some(note) = note { p.sums { (shown(note)) } }
        p.about {
            @match snapshot.looked {
                Some(at) => { "Checked " (when::ago(snapshot.now, at)) }
                None => { "No check completed yet" }
            }
            @if let Some(it) = run.and_then(|run| run.commit.as_ref()) { ", at commit " (commit(&it.hash)) }
            @match (snapshot.outlook.running, snapshot.outlook.next) {
                (Some(_), _) => { "; checking now" }
                (None, Some(next)) => { "; again " (when::ago(snapshot.now, next)) }
                (None, None) => {}
            }
            @if snapshot.outlook.is_stopping { "; shutting down" }
            "."
        }
    }
}

/// Every owner, with how much differs there.
fn owners(snapshot: &Snapshot<'_>) -> Markup {
    let mut counts: BTreeMap<OwnerCode, usize> = BTreeMap::new();
    if let Some(seen) = &snapshot.seen {
        counts.extend(seen.desired.owners.keys().map(|owner| (*owner, 0)));
    }
    for entry in snapshot.open(None).filter(|entry| entry.difference.key.class.differs()) {
        if let Some(owner) = entry.difference.key.owner {
            *counts.entry(owner).or_default() += 1;
        }
    }
    let broken = snapshot.seen.as_ref().map(not_known::with_errors).unwrap_or_default();
    if counts.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="owners-name" {
            h2 id="owners-name" { "Service owners " span.count { (counts.len()) } }
            ul.chips {
                @for (owner, count) in &counts {
                    li data-entry {
                        a href={ "/owners/" (owner) } {
                            (snapshot.called(*owner)) span.code { (owner) }
                            @if broken.contains(owner) { span.count.blind { "?" span.hush { " not known: its file has errors" } } }
                            @if *count > 0 { span.count.heed { (count) span.hush { " differences" } } }
                        }
                    }
                }
            }
        }
    }
}
