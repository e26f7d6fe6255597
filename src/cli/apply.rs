//! `tilgang apply`: makes a plan, asks, and carries out what policy approved; or carries out a saved plan, which was asked for
//! when it was read.

use std::{
    collections::BTreeSet,
    io::{BufRead, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use clap::{Args, ValueEnum};

use crate::{
    app::{AppliedRun, Error, Note, PlannedRun, check_age},
    ledger::RunJournal,
    model::{observed::Observed, owner::OwnerCode},
    plan::{
        basis::{Basis, Side},
        outcome::Outcome,
        saved::{Difference, Saved},
        selection::{Kind, Kinds, Scope},
    },
    report::{self, ReportFormat, SavedAs, View},
};

use super::{
    Exit, Global, TOOL,
    applying::{How, Signals, carry_out},
    connect::Kind as Azure,
    environment, file, output,
    planning::{Planned, What, plan},
    progress,
    reports::{Opened, Reports},
};

/// Make Azure as git says: plans, asks, and carries out what policy allows
#[derive(Debug, Args)]
#[command(
    after_help = "A saved PLAN is carried out without a question, and only whole: if git or Azure moved where it matters, \
nothing is changed, what moved is named, and the exit code is 1.\n\nExample: tilgang apply --dir examples/altinn --simulate --yes"
)]
pub(super) struct Apply {
    /// A plan that `tilgang plan --out` wrote: exactly that is carried out
    #[arg(conflicts_with = "only")]
    plan: Option<PathBuf>,
    /// Do not ask: for CI
    #[arg(long)]
    yes: bool,
    /// Only some of the changes; what is left for another run is reported
    #[arg(long, value_enum, value_name = "WHICH")]
    only: Option<Only>,
    #[command(flatten)]
    reports: Reports,
    #[arg(long, hide = true, value_parser = whole_only)]
    shard: Option<String>,
}

/// Why there is no `--shard` for what plans and changes.
pub(super) fn whole_only(_: &str) -> Result<String, String> {
    let why = "removals are counted over the whole platform, and each part would have the whole allowance";
    Err(format!("{why}; `tilgang drift --shard` can look in parts"))
}

/// Which changes are carried out.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Only {
    /// Removals of grants whose last day has passed: for a nightly job.
    Expired,
}

impl From<Only> for Kinds {
    fn from(only: Only) -> Self {
        match only {
            Only::Expired => Self::Only(BTreeSet::from([Kind::Expired])),
        }
    }
}

impl Apply {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let mut reports = match self.reports.open(global) {
            Ok(reports) => reports,
            Err(exit) => return exit,
        };
        if let Some(file) = &self.plan {
            return Box::pin(run_saved(file, &mut reports, global)).await;
        }
        let mut planned = match reports.plan("apply", What::Changes, global).await {
            Ok(planned) => planned,
            Err(exit) => return exit,
        };
        let begun = Instant::now();
        if let Err(exit) = record(&planned, "nothing was changed", global) {
            return exit;
        }
        if planned.recording.ledger().is_none() && planned.connection.azure != Azure::Embedded {
            output::note(&Note::NotRecorded);
        }
        if let Some(only) = self.only {
            planned.run.select(&only.into());
        }
        conclude("apply", self.yes, &mut reports, planned, begun, global).await
    }
}

/// Records who holds what, as it was read. `undone`: what was not done where that fails.
pub(super) fn record(planned: &Planned, undone: &str, global: &Global) -> Result<(), Exit> {
    let Planned { run, recording, .. } = planned;
    let (notes, recorded) = recording.saw(run.desired(), run.observed(), run.scope());
    notes.iter().for_each(output::note);
    recorded.map_err(|why| output::fail(global, format_args!("{}; {undone}", Error::Unrecorded(why))))
}

/// Shows a plan, asks, carries out what policy approved of it, and says what became of it. `command`: who does it, as the
/// ledger names it; `begun`: when Azure had been read.
pub(super) async fn conclude(
    command: &'static str,
    yes: bool,
    reports: &mut Opened<'_>,
    planned: Planned,
    begun: Instant,
    global: &Global,
) -> Exit {
    let run = &planned.run;
    let is_text = reports.format() == ReportFormat::Text;
    if is_text {
        reports.print(run, global, |view, format, style| report::plan(&applying(view), format, style));
    }
    name_refusal(run);
    let changes = run.approval().approved.changes().len();
    if changes > 0 && !yes && !is_text {
        return output::usage(global, "with this format nobody sees the plan before the question; pass `--yes`");
    }
    if changes > 0 && !yes {
        match ask(changes) {
            Some(true) => {}
            Some(false) => {
                output::say("nothing was changed");
                return run.exit();
            }
            None => {
                let words = "nobody can be asked here; pass `--yes` to apply without asking";
                return output::usage(global, words);
            }
        }
    }
    let gap = if changes > 0 && is_text { "\n" } else { "" }; // the plan was printed before
    Box::pin(carry_out_and_end(command, (planned, begun), None, gap, reports, global)).await
}

/// Names the newer commit, where no refused change does.
pub(super) fn name_refusal(run: &PlannedRun) {
    if let Some(refusal) = run.unnamed_refusal() {
        output::say(format_args!("refused: {refusal}"));
    }
}

/// A saved plan: the owners that it was made for, and what it rests on.
struct OfSaved {
    selected: Option<BTreeSet<OwnerCode>>,
    basis: Basis,
}

impl OfSaved {
    fn view(&self) -> SavedAs<'_> {
        SavedAs { selected: self.selected.as_ref(), basis: &self.basis }
    }
}

/// Carries a run out, with a bar, and says what became of it, here and in the ledger.
async fn carry_out_and_end(
    command: &'static str,
    (Planned { run, recording, connection }, begun): (Planned, Instant),
    saved: Option<OfSaved>,
    gap: &str,
    reports: &mut Opened<'_>,
    global: &Global,
) -> Exit {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return output::fail(global, format_args!("{error}; nothing was changed")),
    };
    let bar = progress::applying(run.approval().approved.changes().len());
    let tick = || bar.inc(1);
    let journal = RunJournal::new(recording.ledger(), &tick);
    let digest = saved.as_ref().map(|saved| saved.basis.digest(Side::Azure));
    let check = async || check_age(begun.elapsed());
    let how = How { command, saved: digest, connection: &connection, journal: &journal, stop: &mut signals, check };
    let applied = progress::telling(&bar, || connection.session.waiting(), Box::pin(carry_out(run, how))).await;
    bar.finish_and_clear();
    match applied {
        Ok(applied) => {
            output::result(gap);
            end(applied, saved.as_ref().map(OfSaved::view), reports, global)
        }
        Err(not_begun) => match not_begun.why {
            Error::TooOld => output::fail(global, format_args!("{}: nothing was changed; run again", Error::TooOld)),
            why => output::fail(global, format_args!("{why}; nothing was changed")),
        },
    }
}

/// Says what became of it, here and in the ledger.
fn end(
    applied: AppliedRun<'_, RunJournal<'_>>,
    saved: Option<SavedAs<'_>>,
    reports: &mut Opened<'_>,
    global: &Global,
) -> Exit {
    let said = |outcomes: &'_ [Outcome], view: &View<'_>, format, style| {
        // In text the plan was printed before, unless it was a saved one; in any other format the outcomes come alone.
        let is_applying = saved.is_none() && format == ReportFormat::Text;
        report::outcomes(&View { is_applying, saved, ..*view }, outcomes, format, style)
    };
    let mut written = Exit::Converged;
    if let Some(outcomes) = applied.outcomes() {
        let run = applied.run();
        if !outcomes.is_empty() || saved.is_some() || reports.format() != ReportFormat::Text {
            reports.print(run, global, |view, format, style| said(outcomes, view, format, style));
        }
        written = reports.write(run, global, |view, format, style| {
            report::outcomes(&View { is_applying: false, saved, ..*view }, outcomes, format, style)
        });
    } else {
        output::say(
            "ended at once: what was asked of Azure last may or may not be done; run again to see, and to go on",
        );
    }
    let exit = applied.exit().max(written);
    if let Some(error) = applied.unrecorded() {
        output::fail(global, error);
    }
    match applied.close(exit) {
        (_, None) => exit,
        (_, Some(error)) => output::fail(global, error).max(exit),
    }
}

/// Carries out a saved plan: nothing more, nothing less, or nothing.
async fn run_saved(path: &Path, reports: &mut Opened<'_>, global: &Global) -> Exit {
    if !global.owner.is_empty() {
        return output::usage(global, "a saved plan says itself which owners it is for: leave `--owner` out");
    }
    let saved = match file::load(path) {
        Ok(saved) => saved,
        Err(error) => return output::fail(global, error),
    };
    let (workspace, _) = match global.workspace() {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    let elsewhere = workspace.loaded.desired.as_ref().map(|desired| saved.elsewhere(desired, TOOL));
    let elsewhere = elsewhere.unwrap_or_default();
    if !elsewhere.is_empty() {
        let lines: Vec<String> = elsewhere.iter().map(ToString::to_string).collect();
        return differs(global, path, "is not for here", &lines);
    }
    let scope = Scope::chosen(saved.selected.clone());
    let planned = match plan(global, workspace, scope, What::Changes).await {
        Ok(planned) => planned,
        Err(exit) => return exit,
    };
    let begun = Instant::now();
    let Planned { run, recording, connection } = planned;
    let run = match run.limit_to(&saved) {
        Ok((run, note)) => {
            note.iter().for_each(output::note);
            run
        }
        Err(moved) => {
            let lines = named(&saved, &moved.differences, &moved.observed);
            return differs(global, path, "is no longer what git and Azure say", &lines);
        }
    };
    let planned = Planned { run, recording, connection };
    if let Err(exit) = record(&planned, "nothing was changed", global) {
        return exit;
    }
    let saved = OfSaved { selected: saved.selected.clone(), basis: planned.run.basis() };
    Box::pin(carry_out_and_end("apply", (planned, begun), Some(saved), "", reports, global)).await
}

/// How many differences are named one by one: the first say what kind of thing happened.
const NAMED_MAX: usize = 20;

/// Differences in words, with names for object ids. What policy refuses comes first; a change that is no longer planned is
/// named where no fact says why.
fn named(saved: &Saved, differences: &[Difference], observed: &Observed) -> Vec<String> {
    let (refused, others): (Vec<_>, Vec<_>) = differences.iter().partition(|it| matches!(it, Difference::Refused(..)));
    let (unplanned, facts): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|it| matches!(it, Difference::NotPlanned(_)));
    let why = if facts.is_empty() { unplanned } else { facts };
    let names = saved.names(observed);
    let name = |text: String| {
        let names = names.iter().filter(|(id, _)| text.contains(*id)).collect::<Vec<_>>();
        // Where the name is said already, the id says more.
        let unsaid = names.into_iter().filter(|(_, name)| !text.contains(*name)).collect::<Vec<_>>();
        unsaid.into_iter().fold(text, |text, (id, name)| text.replace(id, name))
    };
    let told: Vec<&Difference> = refused.into_iter().chain(why).collect();
    let more = told.len().saturating_sub(NAMED_MAX);
    let mut lines: Vec<String> = told.into_iter().take(NAMED_MAX).map(|it| name(it.to_string())).collect();
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines
}

fn differs(global: &Global, path: &Path, what: &str, lines: &[String]) -> Exit {
    let path = path.display();
    let lines: Vec<String> = lines.iter().map(|line| report::harmless(line)).collect();
    let lines = lines.join("\n  ");
    let next = "Make a new plan and read it: tilgang plan --out";
    output::fail(global, format_args!("{path} {what}; nothing was changed\n  {lines}\n{next} {path}"))
}

/// As this command shows it: the plan, and below it what became of it.
pub(super) fn applying<'a>(view: &View<'a>) -> View<'a> {
    View { is_applying: true, ..*view }
}

/// Asks on stderr, reads from stdin; `None` if nobody is there.
fn ask(changes: usize) -> Option<bool> {
    ask_whether(&format!("Apply {changes} change{}?", if changes == 1 { "" } else { "s" }))
}

/// Asks this on stderr, reads from stdin; `None` if nobody is there.
pub(super) fn ask_whether(question: &str) -> Option<bool> {
    if !environment::can_be_asked() {
        return None;
    }
    let mut error = std::io::stderr().lock();
    let _ = write!(error, "\n{question} Only `yes` is yes: ");
    let _ = error.flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).ok()?;
    Some(answer.trim() == "yes")
}
