//! `tilgang plan`: what would be done. Holds nothing that can write to Azure.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::report::{self, ReportFormat, SavedAs, Style, View};

use super::{
    Exit, Global,
    apply::whole_only,
    far::Far,
    file, output,
    reports::{Opened, Reports},
    survey::Survey,
};

/// Show what would change in Azure, and why; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang plan --dir examples/altinn --simulate --out plan.json")]
pub(super) struct Plan {
    #[command(flatten)]
    reports: Reports,
    /// Write the plan down, too: `tilgang apply FILE` carries out exactly that. It names people; only you may read it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only what this change to git causes, since HEAD and REF parted; all that differed before is one line
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    /// Only what this proposal causes, a file of `tilgang validate --out`: owners' files of a pull request, as data
    #[arg(long, value_name = "FILE", conflicts_with = "base")]
    proposal: Option<PathBuf>,
    #[arg(long, hide = true, value_parser = whole_only)]
    shard: Option<String>,
    /// Exit with 2 when something would change
    #[arg(long)]
    detailed_exitcode: bool,
}

impl Plan {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        if self.out.is_some() && (self.base.is_some() || self.proposal.is_some()) {
            let words = "what is carried out is the whole plan: `--base` and `--proposal` show a part, and cannot be \
                         written down with `--out`";
            return output::usage(global, words);
        }
        let mut reports = match self.reports.open(global) {
            Ok(reports) => reports,
            Err(exit) => return exit,
        };
        let mut far = None;
        let survey = match self.survey(&mut reports, global, &mut far).await {
            Ok(survey) => survey,
            Err(exit) => return exit,
        };
        if let Some(Err(error)) = &survey.ledger {
            output::say(format_args!("note: whether a newer commit was applied before is not known: {error}"));
        }
        let saved = match &self.out {
            None => {
                reports.print(&survey, global, report::plan);
                reports.write(&survey, global, report::plan)
            }
            Some(out) => match save(out, &survey, &mut reports, global) {
                Ok(written) => written,
                Err(exit) => return exit,
            },
        };
        survey.tell_age();
        let pending = self.detailed_exitcode && !survey.plan.changes.is_empty();
        saved.max(survey.exit()).max(if pending { Exit::Pending } else { Exit::Converged })
    }

    async fn survey(&self, reports: &mut Opened<'_>, global: &Global, far: &mut Option<Far>) -> Result<Survey, Exit> {
        let (ground, base) = match (&self.base, &self.proposal) {
            (Some(reference), _) => global.ground_since(reference)?,
            (None, Some(file)) => global.ground_with(file)?,
            (None, None) => return reports.survey("plan", global, far).await,
        };
        reports.survey_on("plan", ground, Some(base), global, far).await
    }
}

/// Prints the plan, writes it down, and says what carries it out.
fn save(out: &Path, survey: &Survey, reports: &mut Opened<'_>, global: &Global) -> Result<Exit, Exit> {
    let basis = survey.basis();
    let saved = Some(SavedAs { selected: survey.ground.owners.as_ref(), basis: &basis });
    let shown = |view: &View<'_>, format, style| {
        // A report for machines is no plan to carry out.
        let saved = saved.filter(|_| format != ReportFormat::Json);
        report::plan(&View { saved, ..*view }, format, style)
    };
    reports.print(survey, global, shown);
    let written = reports.write(survey, global, shown);
    let json = survey.view(&basis, |view| report::plan(&View { saved, ..*view }, ReportFormat::Json, Style::Plain));
    file::save(out, &json).map_err(|error| output::fail(global, format_args!("{}: {error}", out.display())))?;
    let out = out.display();
    output::say(format_args!("{out} is written. To carry out exactly this plan: tilgang apply {out}"));
    Ok(written)
}
