//! `tilgang plan`: what would be done. Holds nothing that can write.

use clap::Args;

use crate::report;

use super::{Exit, Global, output, survey::Survey};

/// Show what would change in Azure, and why; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang plan --dir examples/altinn --simulate")]
pub(super) struct Plan {
    /// How the plan looks
    #[arg(long, value_enum, default_value_t = report::Format::Text)]
    format: report::Format,
    /// Exit with 2 when something would change
    #[arg(long)]
    detailed_exitcode: bool,
}

impl Plan {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let mut far = None;
        let survey = match Survey::make(global, &mut far).await {
            Ok(survey) => survey,
            Err(exit) => return exit,
        };
        if let Some(Err(error)) = &survey.ledger {
            output::say(format_args!("note: whether a newer commit was applied before is not known: {error}"));
        }
        survey.print(global, self.format, report::plan);
        survey.tell_age();
        let pending = self.detailed_exitcode && !survey.plan.changes.is_empty();
        survey.exit().max(if pending { Exit::Pending } else { Exit::Converged })
    }
}
