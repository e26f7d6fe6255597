//! `tilgang drift`: what differs between git and Azure, in classes. Holds nothing that can write to Azure; who holds what goes
//! into the ledger, where there is one that we may write.

use clap::Args;

use crate::report;

use super::{Exit, Global, output, survey::Survey};

/// Say what differs between git and Azure: missing, unmanaged, stray, orphaned, expired; exit 2 if anything does
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang drift --dir examples/altinn --simulate")]
pub(super) struct Drift {
    /// How the report looks
    #[arg(long, value_enum, default_value_t = report::Format::Text)]
    format: report::Format,
}

impl Drift {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let mut far = None;
        let survey = match Survey::only_looking(global, &mut far).await {
            Ok(survey) => survey,
            Err(exit) => return exit,
        };
        if let Err(error) = survey.record() {
            output::say(format_args!("note: what was seen is not recorded: {error}"));
        }
        survey.print(global, self.format, report::drift);
        survey.reading().max(if survey.plan.has_drift() { Exit::Pending } else { Exit::Converged })
    }
}
