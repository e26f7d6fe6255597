//! `tilgang apply`: makes a plan, asks, and carries out what policy approved; or carries out a saved plan, which was asked for
//! when it was read. The only command that takes a writer.

use std::{
    collections::BTreeSet,
    io::{BufRead, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};

use crate::{
    execute::Outcome,
    ledger::Ledger,
    model::{ids::PrincipalId, observed::Observed, owner::OwnerCode},
    plan::{
        basis::Side,
        change::{Action, Change},
        saved::{Difference, Saved},
    },
    report::{self, ReportFormat, SavedAs, View},
};

use super::{
    Exit, Global, TOOL,
    apply_run::{Ran, carry_out, unwritten},
    environment,
    far::{Far, Kind},
    file, output,
    reports::{Opened, Reports},
    survey::Survey,
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
    /// Only some of the changes
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
        let mut reports = match self.reports.open(global) {
            Ok(reports) => reports,
            Err(exit) => return exit,
        };
        if let Some(file) = &self.plan {
            return run_saved(file, &mut reports, global).await;
        }
        let mut far = None;
        let mut survey = match reports.survey("apply", global, &mut far).await {
            Ok(survey) => survey,
            Err(exit) => return exit,
        };
        let planned = Instant::now();
        let Some(far) = far else { return Exit::Failed };
        let ledger = match survey.record() {
            Ok(ledger) => ledger,
            Err(error) => return output::fail(global, format_args!("{}; nothing was changed", unwritten(&error))),
        };
        if ledger.is_none() && far.azure != Kind::Embedded {
            output::say("note: tilgang.yaml names no `ledger`, so this run is recorded nowhere");
        }
        if let Some(only) = self.only {
            let waiting = waiting(&survey.plan.changes);
            survey.narrow(|change| only.keeps(change) && !waiting.contains(&(change.owner, change.triple.principal)));
        }
        conclude("apply", self.yes, &mut reports, &survey, (&far, ledger), planned, global).await
    }
}

/// Shows a plan, asks, carries out what policy approved of it, and says what became of it. `command`: who does it, as the
/// ledger names it.
pub(super) async fn conclude(
    command: &str,
    yes: bool,
    reports: &mut Opened<'_>,
    survey: &Survey,
    (far, ledger): (&Far, Option<Arc<Ledger>>),
    planned: Instant,
    global: &Global,
) -> Exit {
    let is_text = reports.format() == ReportFormat::Text;
    if is_text {
        reports.print(survey, global, |view, format, style| report::plan(&applying(view), format, style));
    }
    survey.tell_age();
    let changes = survey.approval.approved.changes().len();
    if changes > 0 && !yes && !is_text {
        return output::usage(global, "with this format nobody sees the plan before the question; pass `--yes`");
    }
    if changes > 0 && !yes {
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
    match carry_out(command, survey, far, &far.writer(), ledger, None).await {
        Ok(ran) => {
            if changes > 0 && is_text {
                output::result("\n"); // the plan stands above
            }
            end(survey, &ran, None, reports, global)
        }
        Err(error) => output::fail(global, format_args!("{error}; nothing was changed")),
    }
}

/// Says what became of it, here and in the ledger.
fn end(survey: &Survey, ran: &Ran, saved: Option<SavedAs<'_>>, reports: &mut Opened<'_>, global: &Global) -> Exit {
    let said = |outcomes: &'_ [Outcome], view: &View<'_>, format, style| {
        // In text the plan stands above, unless it was a saved one; in any other format the outcomes stand alone.
        let is_applying = saved.is_none() && format == ReportFormat::Text;
        report::outcomes(&View { is_applying, saved, ..*view }, outcomes, format, style)
    };
    let mut written = Exit::Converged;
    if let Some(outcomes) = ran.outcomes.as_deref() {
        if !outcomes.is_empty() || saved.is_some() || reports.format() != ReportFormat::Text {
            reports.print(survey, global, |view, format, style| said(outcomes, view, format, style));
        }
        written = reports.write(survey, global, |view, format, style| {
            report::outcomes(&View { is_applying: false, saved, ..*view }, outcomes, format, style)
        });
    } else {
        output::say(
            "ended at once: what was asked of Azure last may or may not be done; run again to see, and to go on",
        );
    }
    let exit = survey.exit().max(ran.exit()).max(written);
    if let Some(error) = &ran.ledger {
        output::fail(global, unwritten(error));
    }
    match ran.end(exit) {
        Ok(()) => exit,
        Err(_) if ran.ledger.is_some() => exit, // said already
        Err(error) => output::fail(global, error).max(exit),
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
    let mut ground = match global.ground() {
        Ok(ground) => ground,
        Err(exit) => return exit,
    };
    let elsewhere = ground.loaded.desired.as_ref().map(|desired| saved.elsewhere(desired, TOOL)).unwrap_or_default();
    if !elsewhere.is_empty() {
        return differs(
            global,
            path,
            "is not for here",
            &elsewhere.iter().map(ToString::to_string).collect::<Vec<_>>(),
        );
    }
    ground.owners.clone_from(&saved.selected);
    let mut far = None;
    let mut survey = match Survey::on(ground, global, &mut far, true).await {
        Ok(survey) => survey,
        Err(exit) => return exit,
    };
    let Some(far) = far else { return Exit::Failed };
    survey.approval = match saved.admit(&survey.desired, &survey.observed, &survey.plan) {
        Ok(approval) => approval.unless_older(&survey.desired.revision, survey.applied.as_ref()),
        Err(differences) => {
            let lines = named(&saved, &differences, &survey.observed);
            return differs(global, path, "is no longer what git and Azure say", &lines);
        }
    };
    let (approved, refused) = (survey.approval.approved.changes(), &survey.approval.refused);
    let meant: BTreeSet<_> = approved.iter().chain(refused.iter().map(|it| &it.change)).map(|it| it.name).collect();
    let others = survey.plan.changes.len();
    survey.plan.changes.retain(|change| meant.contains(&change.name));
    let others = others - survey.plan.changes.len();
    if others > 0 {
        let changes = if others == 1 { "change" } else { "changes" };
        output::say(format_args!("note: a plan made now has {others} more {changes}, not in this one"));
    }
    let ledger = match survey.record() {
        Ok(ledger) => ledger,
        Err(error) => return output::fail(global, format_args!("{}; nothing was changed", unwritten(&error))),
    };
    let basis = survey.basis();
    match carry_out("apply", &survey, &far, &far.writer(), ledger, Some(basis.digest(Side::Azure))).await {
        Ok(ran) => {
            let saved = SavedAs { selected: saved.selected.as_ref(), basis: &basis };
            end(&survey, &ran, Some(saved), reports, global)
        }
        Err(error) => output::fail(global, format_args!("{error}; nothing was changed")),
    }
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
