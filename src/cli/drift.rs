//! `tilgang drift`: what differs between git and Azure, in classes. Holds nothing that can write to Azure; who holds what goes
//! into the ledger, where there is one that we may write.

use clap::Args;

use crate::report;

use super::{Exit, Global, output, reports::Reports};

/// Say what differs between git and Azure: missing, unmanaged, stray, orphaned, expired; exit 2 if anything does
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang drift --dir examples/altinn --simulate")]
pub(super) struct Drift {
    #[command(flatten)]
    reports: Reports,
}

impl Drift {
    pub(super) async fn run(&self, global: &Global) -> Exit {
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
