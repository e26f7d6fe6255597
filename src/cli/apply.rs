//! `tilgang apply`: makes a plan, asks, and carries out what policy approved. The only command that takes a writer.

use std::{
    collections::BTreeSet,
    io::{BufRead, Write},
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};

use crate::{
    execute::{Outcome, execute},
    model::{ids::PrincipalId, owner::OwnerCode},
    plan::change::{Action, Change},
    report::{self, View},
};

use super::{Exit, Global, environment, output, progress, survey::Survey};

/// Make Azure as git says: plans, asks, and carries out what policy allows
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang apply --dir examples/altinn --simulate --yes")]
pub(super) struct Apply {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Only some of the changes
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// How the result looks
    #[arg(long, value_enum, default_value_t = report::Format::Text)]
    format: report::Format,
}

/// Which changes are carried out.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Only {
    /// Removals of grants whose last day has passed: for a nightly job.
    Expired,
}

impl Only {
    fn keeps(self, change: &Change) -> bool {
        match self {
            Self::Expired => change.because.is_expiry(),
        }
    }
}

/// How old a plan may be when it is carried out: somebody may have thought about it for longer than Azure stood still.
const PLAN_AGE_MAX: Duration = Duration::from_mins(5);

/// Whose grants are still to be made: nobody loses the old before they have the new.
fn waiting(changes: &[Change]) -> BTreeSet<(OwnerCode, PrincipalId)> {
    let grants = changes.iter().filter(|change| change.action == Action::Grant);
    grants.map(|change| (change.owner, change.triple.principal)).collect()
}

impl Apply {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let mut far = None;
        let mut survey = match Survey::make(global, &mut far).await {
            Ok(survey) => survey,
            Err(exit) => return exit,
        };
        let planned = Instant::now();
        if let Some(only) = self.only {
            let waiting = waiting(&survey.plan.changes);
            survey.narrow(|change| only.keeps(change) && !waiting.contains(&(change.owner, change.triple.principal)));
        }
        if self.format == report::Format::Text {
            survey.print(global, self.format, |view, format, style| report::plan(&applying(view), format, style));
        }
        let approved = &survey.approval.approved;
        let changes = approved.changes().len();
        if changes > 0 && !self.yes && self.format != report::Format::Text {
            return output::usage(global, "with this format nobody sees the plan before the question; pass `--yes`");
        }
        if changes > 0 && !self.yes {
            match ask(changes) {
                Some(true) if planned.elapsed() > PLAN_AGE_MAX => {
                    return output::fail(global, "the plan is older than five minutes: nothing was changed; run again");
                }
                Some(true) => {}
                Some(false) => {
                    output::say("nothing was changed");
                    return survey.exit();
                }
                None => {
                    let words = "nobody can be asked here; pass `--yes` to apply without asking";
                    return output::usage(global, words);
                }
            }
        }
        let Some(far) = far else { return Exit::Failed };
        let bar = progress::applying(changes);
        let writer = far.writer();
        let answered = |_: &Outcome| bar.inc(1);
        let outcomes = execute(approved, &writer, &answered);
        let outcomes = progress::telling(&bar, || far.session.waiting(), outcomes).await;
        bar.finish_and_clear();
        if changes > 0 || self.format != report::Format::Text {
            if self.format == report::Format::Text {
                output::result("\n"); // the plan stands above
            }
            survey.print(global, self.format, |view, format, style| {
                report::outcomes(&applying(view), &outcomes, format, style)
            });
        }
        survey.exit().max(worst(&outcomes))
    }
}

/// As this command shows it: the plan, and below it what became of it.
fn applying<'a>(view: &View<'a>) -> View<'a> {
    View { is_applying: true, ..*view }
}

/// Nothing failed, some did, or all.
fn worst(outcomes: &[Outcome]) -> Exit {
    match outcomes.iter().filter(|outcome| outcome.result.is_err()).count() {
        0 => Exit::Converged,
        failed if failed < outcomes.len() => Exit::Partly,
        _ => Exit::Failed,
    }
}

/// Asks on stderr, reads from stdin; `None` if nobody is there.
fn ask(changes: usize) -> Option<bool> {
    if !environment::can_be_asked() {
        return None;
    }
    let mut error = std::io::stderr().lock();
    let _ = write!(error, "\nApply {changes} change{}? Only `yes` is yes: ", if changes == 1 { "" } else { "s" });
    let _ = error.flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).ok()?;
    Some(answer.trim() == "yes")
}
