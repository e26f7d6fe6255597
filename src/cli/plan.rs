//! `tilgang plan`: what would be done. Holds nothing that can write to Azure.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    app::{Exit, PlannedRun, base_diff},
    config::PROPOSAL_BYTES_MAX,
    report::{self, ReportFormat, SavedAs, Style, View},
};

use super::{
    Global,
    apply::{name_refusal, whole_only},
    file, output,
    planning::{Planned, What},
    reports::{Opened, Reports, in_view},
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
        let Planned { run, recording, .. } = match self.plan(&mut reports, global).await {
            Ok(planned) => planned,
            Err(exit) => return exit,
        };
        recording.notes().iter().for_each(output::note);
        let saved = match &self.out {
            None => {
                reports.print(&run, global, report::plan);
                reports.write(&run, global, report::plan)
            }
            Some(out) => match save(out, &run, &mut reports, global) {
                Ok(written) => written,
                Err(exit) => return exit,
            },
        };
        name_refusal(&run);
        let is_pending = self.detailed_exitcode && !run.plan().changes.is_empty();
        saved.max(run.exit()).max(Exit::Pending.when(is_pending))
    }

    async fn plan(&self, reports: &mut Opened<'_>, global: &Global) -> Result<Planned, Exit> {
        let base = match (&self.base, &self.proposal) {
            (None, None) => return reports.plan("plan", What::Changes, global).await,
            (Some(reference), _) => base_diff::since(global.find_dir()?, reference),
            (None, Some(file)) => {
                let dir = global.find_dir()?;
                let bytes = file::bytes(file, PROPOSAL_BYTES_MAX);
                let bytes = bytes.map_err(|error| output::fail(global, format_args!("{}: {error}", file.display())))?;
                base_diff::with_proposal(dir, &bytes, file)
            }
        };
        let (workspace, base, note) = base.map_err(|error| output::error(global, &error))?;
        global.draw(&workspace.loaded.errors);
        note.iter().for_each(output::note);
        let scope = global.chosen(&workspace)?;
        reports.plan_of("plan", (workspace, scope), What::Since(Box::new(base)), global).await
    }
}

/// Prints the plan, writes it down, and says what carries it out.
fn save(out: &Path, run: &PlannedRun, reports: &mut Opened<'_>, global: &Global) -> Result<Exit, Exit> {
    let basis = run.basis();
    let saved = Some(SavedAs { selected: run.scope().owners(), basis: &basis });
    let shown = |view: &View<'_>, format, style| {
        // A report for machines is no plan to carry out.
        let saved = saved.filter(|_| format != ReportFormat::Json);
        report::plan(&View { saved, ..*view }, format, style)
    };
    reports.print(run, global, shown);
    let written = reports.write(run, global, shown);
    let json = in_view(run, &basis, |view| report::plan(&View { saved, ..*view }, ReportFormat::Json, Style::Plain));
    file::save(out, &json).map_err(|error| output::fail(global, format_args!("{}: {error}", out.display())))?;
    let out = out.display();
    output::say(format_args!("{out} is written. To carry out exactly this plan: tilgang apply {out}"));
    Ok(written)
}
