//! `tilgang validate`: reads the YAML, offline, without a credential.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    app::{Note, Workspace},
    config::{self, ConfigError, Proposal},
    report::{Checked, Fit},
};

use super::{Exit, Global, TOOL, environment, file, output, reports::Reports, workspace::draw};

/// Check the YAML: offline, without a credential, every error at once
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang validate --dir examples/altinn")]
pub(super) struct Validate {
    #[command(flatten)]
    reports: Reports,
    /// Write down, too, what the owners' files want, as data: for `tilgang plan --proposal FILE`, where this checkout is not trusted
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write down only the owners whose files were changed since HEAD and REF parted
    #[arg(long, value_name = "REF", requires = "out")]
    base: Option<String>,
}

impl Validate {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let mut reports = match self.reports.open(global) {
            Ok(reports) => reports,
            Err(exit) => return exit,
        };
        let workspace = match global.workspace() {
            Ok((workspace, _)) => workspace,
            Err(exit) => return exit,
        };
        if let Some(out) = &self.out
            && let Err(exit) = self.propose(out, &workspace, global)
        {
            return exit;
        }
        let today = environment::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let elsewhere = workspace.loaded.at_two_owners(today).into_iter().map(|found| found.error);
        let of_plan: Vec<ConfigError> = workspace.loaded.too_long(today).into_iter().chain(elsewhere).collect();
        for error in &of_plan {
            output::say(draw(error, global.color.stderr()));
        }
        let sizes = workspace.loaded.desired.as_ref().map(|desired| {
            let people: BTreeSet<_> = desired.grants.iter().map(|grant| &grant.user.name).collect();
            [desired.owners.len(), people.len(), desired.grants.len()]
        });
        let mistakes: Vec<ConfigError> = workspace.loaded.errors.iter().cloned().chain(of_plan).collect();
        let folder = workspace.repository.folder();
        let written = reports.checked(
            global,
            &Checked { command: "validate", mistakes: &mistakes, sizes, folder, tool: TOOL, fit: Fit::default() },
        );
        if !mistakes.is_empty() {
            output::say(format_args!("{}", count(mistakes.len(), "error")));
            return Exit::Failed;
        }
        if let Some(why) = workspace.loaded.untracked.clone() {
            output::say(format_args!("note: {}", Note::Untracked(why)));
        }
        reviewers(&workspace);
        workspace.exit().max(written)
    }

    /// Writes down what the owners' files want. One with errors is written down as that.
    fn propose(&self, out: &Path, workspace: &Workspace, global: &Global) -> Result<(), Exit> {
        let Workspace { dir, loaded, .. } = workspace;
        let Some(desired) = &loaded.desired else { return Err(workspace.exit().max(Exit::Failed)) };
        let base = match &self.base {
            Some(reference) => Some(
                config::base(dir, reference, &loaded.sources, &desired.revision)
                    .map_err(|error| output::fail(global, format_args!("--base: {error}")))?,
            ),
            None => None,
        };
        let proposal = Proposal::of(loaded, desired, base.as_ref().map(|base| &base.loaded.sources));
        file::write(out, &proposal.text())
            .map_err(|error| output::fail(global, format_args!("{}: {error}", out.display())))
    }
}

/// Says when the repository's CODEOWNERS is not what `reviewers` come to.
fn reviewers(workspace: &Workspace) {
    let repository = &workspace.repository;
    let Some(desired) = &workspace.loaded.desired else { return };
    let there = match repository.codeowners() {
        Ok(Some(there)) => there,
        Ok(None) => return,
        Err(why) => return output::say(format_args!("note: {why}")),
    };
    if let Ok(wanted) = repository.wanted(desired, there.place)
        && there.with(&wanted).is_ok_and(|with| with != there.text)
    {
        let words = "does not say what `reviewers` in tilgang.yaml come to; run";
        output::say(format_args!("note: {} {words} `tilgang codeowners --out {}`", there.place, there.place));
    }
}

/// `1 person`, `2 people`.
pub(super) fn count(count: usize, word: &str) -> String {
    match (count, word) {
        (1, word) => format!("1 {word}"),
        (count, "person") => format!("{count} people"),
        (count, word) => format!("{count} {word}s"),
    }
}
