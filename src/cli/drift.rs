//! `tilgang drift`: what differs between git and Azure, in classes. Holds nothing that can write to Azure; who holds what goes
//! into the ledger, where there is one that we may write.
//!
//! With `--shard` it is one part of several, and `tilgang merge` says what they come to: then the exit code is only about
//! whether this part could be looked at.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{model::shard::Shard, report};

use super::{Exit, Global, file, output, reports::Reports, survey::Survey};

/// Say what differs between git and Azure: missing, unmanaged, stray, orphaned, expired; exit 2 if anything does
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang drift --dir examples/altinn --simulate")]
pub(super) struct Drift {
    #[command(flatten)]
    reports: Reports,
    /// Look only at part K of N of the owners, K from 0; `tilgang merge` puts the parts together. Needs --out
    #[arg(long, value_name = "K/N", requires = "out", conflicts_with = "owner")]
    shard: Option<Shard>,
    /// Write this part's report there, for `tilgang merge`. It names people; only you may read it
    #[arg(long, value_name = "FILE", requires = "shard")]
    out: Option<PathBuf>,
}

impl Drift {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        if let (Some(shard), Some(out)) = (self.shard, &self.out) {
            return look(global, shard, out).await;
        }
        let mut reports = match self.reports.open(global) {
            Ok(reports) => reports,
            Err(exit) => return exit,
        };
        let mut far = None;
        let survey = match reports.survey("drift", global, &mut far).await {
            Ok(survey) => survey,
            Err(exit) => return exit,
        };
        if let Err(error) = survey.record() {
            output::say(format_args!("note: what was seen is not recorded: {error}"));
        }
        reports.print(&survey, global, report::drift);
        let written = reports.write(&survey, global, report::drift);
        written.max(survey.reading()).max(if survey.plan.has_drift() { Exit::Pending } else { Exit::Converged })
    }
}

/// Looks at a part, and writes its report. That something differs is no failure of the part: `merge` says it, of all parts.
async fn look(global: &Global, shard: Shard, out: &Path) -> Exit {
    let mut ground = match global.ground() {
        Ok(ground) => ground,
        Err(exit) => return exit,
    };
    ground.shard = Some(shard);
    let mut far = None;
    let survey = match Survey::on(ground, global, &mut far, false).await {
        Ok(survey) => survey,
        Err(exit) => return exit,
    };
    let came_to = survey.reading().max(if survey.plan.has_drift() { Exit::Pending } else { Exit::Converged });
    let basis = survey.basis();
    let json = survey.view(&basis, |view| report::drift(view, report::ReportFormat::Json, report::Style::Plain));
    let text = report::shards::part(shard, came_to.code(), &json);
    if let Err(error) = file::write(out, &text) {
        return output::fail(global, format_args!("{}: {error}", out.display()));
    }
    output::say(format_args!("{}: part {shard} of the owners. `tilgang merge` makes one report of all", out.display()));
    if came_to == Exit::Failed { Exit::Failed } else { Exit::Converged }
}
