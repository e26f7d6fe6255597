//! `tilgang plan`: what would be done. Holds nothing that can write to Azure.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::report::{self, Format, SavedAs, Style, View};

use super::{Exit, Global, apply::whole_only, file, output, survey::Survey};

/// Show what would change in Azure, and why; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang plan --dir examples/altinn --simulate --out plan.json")]
pub(super) struct Plan {
    /// How the plan looks
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the plan down, too: `tilgang apply FILE` carries out exactly that. It names people; only you may read it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[arg(long, hide = true, value_parser = whole_only)]
    shard: Option<String>,
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
        match &self.out {
            None => survey.print(global, self.format, report::plan),
            Some(out) => {
                if let Err(exit) = self.save(out, &survey, global) {
                    return exit;
                }
            }
        }
        survey.tell_age();
        let pending = self.detailed_exitcode && !survey.plan.changes.is_empty();
        survey.exit().max(if pending { Exit::Pending } else { Exit::Converged })
    }

    /// Prints the plan, writes it down, and says what carries it out.
    fn save(&self, out: &Path, survey: &Survey, global: &Global) -> Result<(), Exit> {
        let basis = survey.basis();
        let saved = Some(SavedAs { selected: survey.ground.owners.as_ref(), basis: &basis });
        let shown = saved.filter(|_| self.format != Format::Json); // a report is no plan to carry out
        survey.print(global, self.format, |view, format, style| {
            report::plan(&View { saved: shown, ..*view }, format, style)
        });
        let json = survey.view(&basis, |view| report::plan(&View { saved, ..*view }, Format::Json, Style::Plain));
        file::save(out, &json).map_err(|error| output::fail(global, format_args!("{}: {error}", out.display())))?;
        let out = out.display();
        output::say(format_args!("{out} is written. To carry out exactly this plan: tilgang apply {out}"));
        Ok(())
    }
}
