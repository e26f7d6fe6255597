//! One run: why it began, what it came to, what it cost; of the last one also what is new, what was healed and what was not seen.

use maud::{Markup, html};

use super::{
    Snapshot, drift,
    health::commit,
    layout::{Way, page, prose},
    runs::{took, verdict, why},
    shown, when,
};
use crate::{
    plan::{drift::Class, selection::Left},
    watch::{Part, Run, RunReport, Turn},
};

/// A run's page; none where that run is not remembered.
#[must_use]
pub fn run(snapshot: &Snapshot<'_>, number: u64) -> Option<String> {
    let run = snapshot.runs.iter().find(|run| run.number == number)?;
    let title = format!("Look #{number}");
    let head = html! {
        h1 { (title) }
        p.sums { (verdict(run)) }
        p.about { (when::minute(run.started)) " UTC, " (when::away(snapshot.now, run.started)) "; took " (took(run)) }
    };
    let whole = snapshot.last.filter(|report| report.run.number == number);
    let body = html! {
        (facts(run))
        (counts(snapshot, run))
        @match whole {
            Some(report) => { (told(snapshot, report)) }
            None => { p.about.aside { "What a look changed in detail is shown of the last one. What is there now stands at " a href="/" { "the overview" } "." } }
        }
    };
    Some(page(snapshot, Way::Other, &title, &head, &body))
}

fn facts(run: &Run) -> Markup {
    html! {
        section aria-labelledby="facts-name" {
            h2 id="facts-name" { "What it was" }
            dl.facts {
                div { dt { "Why" } dd { (why(run.trigger)) } }
                div { dt { "What for" } dd { @match run.what { crate::watch::What::Look => "to look", crate::watch::What::Heal => "to look, and to heal" } } }
                div { dt { "Where" } dd {
                    @match &run.part {
                        Part::Everything => { "every owner (" (run.owners) ")" }
                        Part::Owners(owners) => { @for (at, owner) in owners.iter().enumerate() { @if at > 0 { ", " } a href={ "/owners/" (owner) } { (owner) } } }
                    }
                } }
                @if let Some(it) = &run.commit { div { dt { "From" } dd { (commit(&it.hash)) ", of " (when::minute(it.time)) " UTC" } } }
                @if let Some(at) = run.observed { div { dt { "Read Azure" } dd { (when::minute(at)) " UTC, by Azure's clock" } } }
                div { dt { "Stands as git says" } dd { (run.unchanged) } }
                @if let Some(healing) = run.healing {
                    div { dt { "Healed" } dd { (healing.done) " done, " (healing.already) " so already, " (healing.failed) " failed, " (healing.refused) " refused" @if healing.deferred > 0 { ", " (healing.deferred) " left for another run" } } }
                }
                @for (service, spent) in &run.cost {
                    div { dt { (super::health::name(*service)) } dd { "asked " (spent.requests) "×, " (spent.throttled) " put off" } }
                }
                @for note in &run.notes { div { dt { "Note" } dd { (prose(note)) } } }
            }
        }
    }
}

fn counts(snapshot: &Snapshot<'_>, run: &Run) -> Markup {
    let classes: Vec<Class> = Class::ALL.iter().copied().filter(|class| run.of_class(*class) > 0).collect();
    html! {
        @if !classes.is_empty() {
            section aria-labelledby="counts-name" {
                h2 id="counts-name" { "What was there after it" }
                dl.facts {
                    @for class in classes {
                        div {
                            dt { (drift::badge(class)) " " b.number { (run.of_class(class)) } }
                            dd {
                                @for ((_, owner), count) in run.counts.iter().filter(|((of, _), _)| *of == class) {
                                    span.chip { (drift::owner_link(snapshot, *owner)) " " (count) } " "
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn told(snapshot: &Snapshot<'_>, report: &RunReport) -> Markup {
    html! {
        @for (turn, name) in [(Turn::New, "New"), (Turn::Changed, "Changed"), (Turn::Resolved, "Over")] {
            @let entries: Vec<_> = report.news.iter().filter(|news| news.turn == turn).map(|news| &news.entry).collect();
            @if !entries.is_empty() {
                section { h2 { (name) " " span.count { (entries.len()) } } (drift::list(snapshot, entries, true)) }
            }
        }
        @if !report.healed.is_empty() {
            section {
                h2 { "Healed" }
                ul.plain {
                    @for it in &report.healed {
                        li { (it.action) " " (shown(&it.who)) @match &it.failed { Some(why) => { ": not done, " (shown(why)) } None => ": done" } }
                    }
                }
            }
        }
        @if !report.deferred.is_empty() {
            section {
                h2 { "Left for another run" }
                p.about { "The daemon heals other kinds of changes only (" code { "--heal" } "); " code { "tilgang plan" } " shows what a whole run would do." }
                ul.plain {
                    @for it in &report.deferred {
                        li {
                            @match &it.what {
                                Left::Change(change) => { (change.action.word()) " " (shown(&change.who.to_string())) " at " (change.owner) ": " (shown(&change.because.to_string())) }
                                Left::Blocked(blocked) => { (blocked.action.word()) " " (shown(&blocked.who)) @if let Some(owner) = blocked.owner { " at " (owner) } ": blocked, " (shown(&blocked.block.to_string())) }
                            }
                            @if it.is_left_undone() { " (" (prose(&it.why.to_string())) "; " (prose(it.why.help())) ")" }
                        }
                    }
                }
            }
        }
        @if !report.unseen.is_empty() {
            section.grave { h2 { "Could not be read" } ul.plain { @for it in &report.unseen { li { @if let Some(owner) = it.owner { (owner) ": " } (shown(&it.words)) } } } }
        }
        @if report.news.is_empty() { p.about.aside { "Nothing is new since the look before." } }
    }
}
