//! The last runs, a line each.

use maud::{Markup, html};

use super::{Snapshot, health::commit, plural, state::incomplete, when};
use crate::watch::{Files, Part, Run, Trigger, Verdict};

/// The last runs, the newest first.
pub(super) fn runs(snapshot: &Snapshot<'_>, max: usize) -> Markup {
    html! {
        section aria-labelledby="runs-name" {
            h2 id="runs-name" { "Last looks" }
            @if snapshot.runs.is_empty() {
                p.about { "No check completed yet." }
            } @else {
                div.scroll role="region" tabindex="0" aria-label="Last looks" {
                    table.runs {
                        caption.hush { "Last looks, the newest first" }
                        thead { tr { th scope="col" { "Look" } th scope="col" { "When" } th scope="col" { "Why" } th scope="col" { "Came to" } th scope="col" { "Commit" } } }
                        tbody { @for run in snapshot.runs.iter().rev().take(max) { (one(snapshot, run)) } }
                    }
                }
            }
        }
    }
}

fn one(snapshot: &Snapshot<'_>, run: &Run) -> Markup {
    html! {
        tr {
            th scope="row" { a href={ "/runs/" (run.number) } { "#" (run.number) } }
            td { (when::ago(snapshot.now, run.ended)) span.below { "took " (took(run)) } }
            td { (why(run.trigger)) @if let Part::Owners(owners) = &run.part { span.below { (plural(owners.len(), "owner", "owners")) } } }
            td { (verdict(run)) }
            td { @if let Some(it) = &run.commit { (commit(&it.hash)) } @else { "none" } }
        }
    }
}

/// How long one took.
pub(super) fn took(run: &Run) -> String {
    let millis = run.took().as_millis().max(0);
    if millis < 1_000 {
        format!("{millis} ms")
    } else if millis < 60_000 {
        format!("{}.{} s", millis / 1_000, millis % 1_000 / 100)
    } else {
        when::length(run.took())
    }
}

/// How one ended: a sign and words.
pub(super) fn verdict(run: &Run) -> Markup {
    let (class, sign) = match run.verdict {
        Verdict::Converged => ("calm", "✓"),
        Verdict::Drift | Verdict::Refused | Verdict::Partly => ("heed", "!"),
        Verdict::Incomplete | Verdict::Failed => ("blind", "✕"),
        Verdict::Ended => ("waiting", "·"),
    };
    let words = match run.verdict {
        Verdict::Converged => "as git says".to_owned(),
        Verdict::Drift => plural(run.drift(), "difference", "differences"),
        Verdict::Refused => "refused by policy, in part or whole".to_owned(),
        Verdict::Partly => "healed in part: a change was not made, or an expired grant is left".to_owned(),
        Verdict::Incomplete => incomplete(run),
        Verdict::Failed if run.files == Files::Unreadable => "the files in git could not be compared".to_owned(),
        Verdict::Failed => "could not check Azure".to_owned(),
        Verdict::Ended => "ended before it was through".to_owned(),
    };
    let healed = run.healing.map(|it| it.done).filter(|done| *done > 0);
    html! {
        span.sign.(class) aria-hidden="true" { (sign) } " " (words)
        @if let Some(done) = healed { span.below { (done) " healed" } }
    }
}

/// Why one began.
pub(super) fn why(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Start => "tilgang started",
        Trigger::Schedule => "on schedule",
        Trigger::Retry => "the one before failed",
        Trigger::Git => "git moved",
        Trigger::Azure => "Azure told of a change",
        Trigger::Reload => "somebody asked",
        Trigger::Leadership => "this replica leads now",
    }
}
