//! The health of each source: git, Azure Resource Manager, Microsoft Graph, sign-in, the ledger.

use maud::{Markup, html};

use super::{Snapshot, plural, shown, state, when};
use crate::{
    reconcile::WhyNot,
    watch::{Files, GitTrouble, Run, Service, Verdict},
};

/// What a run says where its ledger could not be written.
const NOT_RECORDED: &str = "what was seen is not recorded";

struct Source {
    name: &'static str,
    well: Option<bool>,
    words: Markup,
    trouble: Option<(Option<jiff::Timestamp>, String)>,
}

/// What is known of each source.
pub(super) fn health(snapshot: &Snapshot<'_>) -> Markup {
    let mut all = vec![git(snapshot), files(snapshot), reading(snapshot)];
    all.extend(Service::ALL.iter().map(|service| of_service(snapshot, *service)));
    all.push(ledger(snapshot));
    html! {
        section aria-labelledby="health-name" {
            h2 id="health-name" { "What it reads" }
            dl.health {
                @for Source { name, well, words, trouble } in all {
                    div {
                        dt {
                            @match well {
                                Some(true) => { span.sign.calm aria-hidden="true" { "✓" } span.hush { "well: " } }
                                Some(false) => { span.sign.blind aria-hidden="true" { "✕" } span.hush { "in trouble: " } }
                                None => { span.sign.waiting aria-hidden="true" { "·" } }
                            }
                            (name)
                        }
                        dd {
                            (words)
                            @if let Some((at, why)) = trouble {
                                span.below { "last trouble" @if let Some(at) = at { " " (when::ago(snapshot.now, at)) } ": " (shown(&why)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn git(snapshot: &Snapshot<'_>) -> Source {
    let words = html! {
        @match (snapshot.asked, snapshot.tip) {
            (None, _) => { "not asked yet" }
            (Some(at), Some(tip)) => { "asked " (when::ago(snapshot.now, at)) "; its tip is " (commit(&tip.hash)) ", of " (when::minute(tip.time)) }
            (Some(at), None) => { "asked " (when::ago(snapshot.now, at)) "; no commit" }
        }
        @match (&snapshot.git, snapshot.answered) {
            (Some(GitTrouble::Silent { .. }), Some(at)) => { "; last answered " (when::ago(snapshot.now, at)) }
            (Some(GitTrouble::Silent { .. }), None) => { "; no answer since the start" }
            (Some(GitTrouble::Rewritten { .. }) | None, _) => {}
        }
        span.below {
            @match snapshot.outlook.heals {
                Ok(()) => { "heals what it was told to heal" }
                Err(WhyNot::NotTold) => { "only looks; nothing is healed" }
                Err(WhyNot::Rewritten) => { "heals nothing: the branch's history was rewritten, and nobody has acknowledged it" }
                Err(WhyNot::NotFresh) => { "heals nothing: git gives no answer, so nobody knows whether this is the tip" }
            }
        }
    };
    let well = snapshot.asked.map(|_| snapshot.git.is_none());
    let trouble = snapshot.git.as_ref().map(|trouble| match trouble {
        GitTrouble::Silent { why, .. } => (snapshot.asked, why.to_string()),
        GitTrouble::Rewritten { .. } => (None, trouble.to_string()),
    });
    Source { name: "git", well, words, trouble }
}

/// The files that git gave: one with errors is no trouble of Azure's.
fn files(snapshot: &Snapshot<'_>) -> Source {
    let last = snapshot.runs.iter().rev().find(|run| run.verdict != Verdict::Ended);
    let (well, words) = match last.map(|run| run.files) {
        None => (None, "not read yet".to_owned()),
        Some(Files::Read { with_errors: 0 }) => (Some(true), "read without errors".to_owned()),
        Some(Files::Read { with_errors }) => {
            (Some(false), format!("{}: who is listed there is not compared", state::files(with_errors)))
        }
        Some(Files::Unreadable) => (Some(false), "could not be compared".to_owned()),
    };
    let note = last.filter(|run| run.files == Files::Unreadable).and_then(|run| run.notes.first());
    let trouble = note.zip(last).map(|(note, run)| (Some(run.ended), note.to_string()));
    Source { name: "Files in git", well, words: html! { (words) }, trouble }
}

/// All of Azure that a look reads.
fn reading(snapshot: &Snapshot<'_>) -> Source {
    // A run that stopped at git's files did not ask Azure, and says nothing of it.
    let asked = |run: &&Run| run.verdict != Verdict::Ended && run.files != Files::Unreadable;
    let through = |run: &Run| run.verdict.looked() && run.unseen_in_azure() == 0;
    let good = snapshot.runs.iter().rev().filter(asked).find(|run| through(run));
    let bad = snapshot.runs.iter().rev().filter(asked).find(|run| !through(run));
    let why = |run: &Run| {
        let note = run.notes.first().map(ToString::to_string);
        let unseen = run.unseen_in_azure();
        let words = || plural(unseen, "thing could not be read", "things could not be read");
        note.filter(|_| unseen == 0).unwrap_or_else(words)
    };
    let words = html! {
        @match good {
            Some(run) => { "read to the end " (when::ago(snapshot.now, run.ended)) }
            None => { "not read to the end yet" }
        }
        @if snapshot.outlook.failures > 0 { span.below { (plural(snapshot.outlook.failures as usize, "look", "looks")) " in a row failed" } }
    };
    let well = match (good, bad) {
        (None, None) => None,
        (Some(good), Some(bad)) => Some(good.number > bad.number),
        (good, _) => Some(good.is_some()),
    };
    Source { name: "Azure, in all", well, words, trouble: bad.map(|run| (Some(run.ended), why(run))) }
}

/// A service as people call it.
pub(super) fn name(service: Service) -> &'static str {
    match service {
        Service::ResourceManager => "Azure Resource Manager",
        Service::Graph => "Microsoft Graph",
        Service::SignIn => "Sign-in at Entra",
    }
}

fn of_service(snapshot: &Snapshot<'_>, service: Service) -> Source {
    let name = name(service);
    let used = |run: &&Run| run.cost.get(&service).is_some_and(|spent| spent.requests > 0);
    let last = snapshot.runs.iter().rev().find(used);
    let (requests, throttled) = snapshot
        .runs
        .iter()
        .filter_map(|run| run.cost.get(&service))
        .fold((0, 0), |sum, spent| (sum.0 + spent.requests, sum.1 + spent.throttled));
    let limited =
        snapshot.runs.iter().rev().find(|run| run.cost.get(&service).is_some_and(|spent| spent.throttled > 0));
    let words = html! {
        @match last {
            Some(run) => { "asked " (when::ago(snapshot.now, run.ended)) "; " (plural(usize::try_from(requests).unwrap_or(usize::MAX), "request", "requests")) " in " (plural(snapshot.runs.len(), "run", "runs")) ", " (throttled) " put off" }
            None => { "not asked in the runs that are remembered" }
        }
    };
    let trouble = limited.map(|run| (Some(run.ended), "it asked for fewer requests, and was waited for".to_owned()));
    Source { name, well: last.map(|run| run.verdict.looked()), words, trouble }
}

fn ledger(snapshot: &Snapshot<'_>) -> Source {
    if snapshot.seen.as_ref().is_some_and(|seen| !seen.has_ledger) {
        let words = html! { "not kept: " code { "ledger.dir" } " is not set" };
        return Source { name: "Ledger", well: None, words, trouble: None };
    }
    let broken = |run: &&Run| run.notes.iter().any(|note| note.starts_with(NOT_RECORDED));
    let bad = snapshot.runs.iter().rev().find(broken);
    let good = snapshot.runs.iter().rev().find(|run| run.verdict.looked() && !broken(run));
    let well = match (good, bad) {
        (None, None) => None,
        (Some(good), Some(bad)) => Some(good.number > bad.number),
        (good, _) => Some(good.is_some()),
    };
    let words = html! { @if well == Some(true) { "no trouble" } @else if well.is_some() { "not written" } @else { "not needed yet" } };
    let note = |run: &Run| run.notes.iter().find(|note| note.starts_with(NOT_RECORDED)).map(ToString::to_string);
    Source { name: "Ledger", well, words, trouble: bad.and_then(|run| Some((Some(run.ended), note(run)?))) }
}

/// A commit, short.
pub(super) fn commit(hash: &str) -> Markup {
    html! { code title=(shown(hash)) { (shown(hash.get(..10).unwrap_or(hash))) } }
}
