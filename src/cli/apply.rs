//! `tilgang apply`: makes a plan, asks, and carries out what policy approved; or carries out a saved plan, which was asked for
//! when it was read. The only command that takes a writer.

use std::{
    collections::BTreeSet,
    io::{BufRead, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};

use crate::{
    execute::Outcome,
    model::{ids::PrincipalId, observed::Observed, owner::OwnerCode},
    plan::{
        basis::Side,
        change::{Action, Change},
        saved::{Difference, Saved},
    },
    report::{self, SavedAs, View},
};

use super::{
    Exit, Global, TOOL,
    apply_run::{Ran, carry_out, unwritten},
    environment,
    far::Kind,
    file, output,
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
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Only some of the changes
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// How the result looks
    #[arg(long, value_enum, default_value_t = report::Format::Text)]
    format: report::Format,
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
        if let Some(file) = &self.plan {
            return self.run_saved(file, global).await;
        }
        let mut far = None;
        let mut survey = match Survey::make(global, &mut far).await {
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
        if self.format == report::Format::Text {
            survey.print(global, self.format, |view, format, style| report::plan(&applying(view), format, style));
        }
        survey.tell_age();
        let changes = survey.approval.approved.changes().len();
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
        match carry_out(&survey, &far, &far.writer(), ledger, None).await {
            Ok(ran) => {
                if changes > 0 && self.format == report::Format::Text {
                    output::result("\n"); // the plan stands above
                }
                self.end(&survey, &ran, None, global)
            }
            Err(error) => output::fail(global, format_args!("{error}; nothing was changed")),
        }
    }

    /// Says what became of it, here and in the ledger.
    fn end(&self, survey: &Survey, ran: &Ran, saved: Option<SavedAs<'_>>, global: &Global) -> Exit {
        let wanted =
            |outcomes: &[Outcome]| !outcomes.is_empty() || saved.is_some() || self.format != report::Format::Text;
        if let Some(outcomes) = ran.outcomes.as_deref().filter(|outcomes| wanted(outcomes)) {
            survey.print(global, self.format, |view, format, style| {
                let view = View { is_applying: saved.is_none(), saved, ..*view };
                report::outcomes(&view, outcomes, format, style)
            });
        }
        if ran.outcomes.is_none() {
            output::say(
                "ended at once: what was asked of Azure last may or may not be done; run again to see, and to go on",
            );
        }
        let exit = survey.exit().max(ran.exit());
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
    async fn run_saved(&self, path: &Path, global: &Global) -> Exit {
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
        let elsewhere =
            ground.loaded.desired.as_ref().map(|desired| saved.elsewhere(desired, TOOL)).unwrap_or_default();
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
        let mut survey = match Survey::on(ground, global, &mut far).await {
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
        match carry_out(&survey, &far, &far.writer(), ledger, Some(basis.digest(Side::Azure))).await {
            Ok(ran) => {
                let saved = SavedAs { selected: saved.selected.as_ref(), basis: &basis };
                self.end(&survey, &ran, Some(saved), global)
            }
            Err(error) => output::fail(global, format_args!("{error}; nothing was changed")),
        }
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
fn applying<'a>(view: &View<'a>) -> View<'a> {
    View { is_applying: true, ..*view }
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
