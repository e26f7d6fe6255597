//! `tilgang drift`: what differs between git and Azure, in classes. Holds nothing that can write to Azure; who holds what goes
//! into the ledger, where there is one that we may write.
//!
//! With `--shard` it is one part of several, and `tilgang merge` says what they come to: then the exit code is only about
//! whether this part could be looked at.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    app::{Exit, Note},
    model::shard::Shard,
    plan::selection::Scope,
    report,
};

use super::{
    Global, file, output,
    planning::{self, Planned, What},
    reports::{Reports, in_view},
};

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
        let Planned { run, recording, .. } = match reports.plan("drift", What::Drift, global).await {
            Ok(planned) => planned,
            Err(exit) => return exit,
        };
        let (notes, recorded) = recording.saw(run.desired(), run.observed(), run.scope());
        notes.iter().for_each(output::note);
        if let Err(why) = recorded {
            output::note(&Note::ObservedNotRecorded(why.to_string()));
        }
        reports.print(&run, global, report::drift);
        let written = reports.write(&run, global, report::drift);
        written.max(run.reading()).max(run.drift())
    }
}

/// Looks at a part, and writes its report. That something differs is no failure of the part: `merge` says it, of all parts.
async fn look(global: &Global, shard: Shard, out: &Path) -> Exit {
    let (workspace, _) = match global.workspace() {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    let run = match planning::plan(global, workspace, Scope::Shard(shard), What::Drift).await {
        Ok(planned) => planned.run,
        Err(exit) => return exit,
    };
    let came_to = run.reading().max(run.drift());
    let basis = run.basis();
    let json = in_view(&run, &basis, |view| report::drift(view, report::ReportFormat::Json, report::Style::Plain));
    let text = report::shards::part(shard, came_to.code(), &json);
    if let Err(error) = file::write(out, &text) {
        return output::fail(global, format_args!("{}: {error}", out.display()));
    }
    output::say(format_args!("{}: part {shard} of the owners. `tilgang merge` makes one report of all", out.display()));
    if came_to == Exit::Failed { Exit::Failed } else { Exit::Converged }
}
