//! The formats in which `validate`, `plan`, `drift` and `apply` say what they found: one on stdout, others into files, all of one run.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::PathBuf,
};

use clap::{Args, ValueEnum as _};

use crate::{
    app::{Exit, PlannedRun, Workspace},
    plan::{
        basis::{Basis, Side},
        selection::Scope,
    },
    report::{self, Checked, Fit, ReportFormat, Style, View},
};

use super::{
    Global, TOOL, output,
    planning::{self, Planned, What},
};

/// How a result looks, and where else it goes.
#[derive(Debug, Args)]
pub(super) struct Reports {
    /// How the result looks on stdout
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Write the result of this run into a file, too: `markdown=plan.md`; repeat for more
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = parsed)]
    files: Vec<Report>,
    /// Where Markdown shall fit in; for one file alone: `--report markdown:github-summary=FILE`
    #[arg(long, value_enum, default_value_t = Fit::GithubComment, value_name = "ROOM")]
    fit: Fit,
}

/// A format, and the file that it goes to.
#[derive(Clone, Debug)]
struct Report {
    format: ReportFormat,
    fit: Option<Fit>,
    file: PathBuf,
}

/// `markdown=plan.md`, `markdown:github-summary=summary.md`.
fn parsed(text: &str) -> Result<Report, String> {
    let (what, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or("write FORMAT=FILE")?;
    let (format, fit) = match what.split_once(':') {
        Some((format, fit)) => (format, Some(Fit::from_str(fit, false).map_err(|_| unknown::<Fit>("room", fit))?)),
        None => (what, None),
    };
    let format = ReportFormat::from_str(format, false).map_err(|_| unknown::<ReportFormat>("format", format))?;
    Ok(Report { format, fit, file: file.into() })
}

fn unknown<T: clap::ValueEnum>(what: &str, text: &str) -> String {
    let names = T::value_variants().iter().filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()));
    format!("no {what} `{text}`; there are: {}", names.collect::<Vec<_>>().join(", "))
}

/// The files of a run, which can be written to.
pub(super) struct Opened<'a> {
    reports: &'a Reports,
    files: Vec<(&'a Report, File)>,
}

impl Reports {
    /// Makes sure of the files before anything is done, and empties them: what an earlier run said is not this one's.
    pub(super) fn open(&self, global: &Global) -> Result<Opened<'_>, Exit> {
        let mut files = Vec::new();
        for report in &self.files {
            match new_file(report) {
                Ok(file) => files.push((report, file)),
                Err(error) => return Err(unwritten(global, report, &error)),
            }
        }
        Ok(Opened { reports: self, files })
    }
}

/// A report says who has access to what: only we may read a file that we make.
fn new_file(report: &Report) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&report.file)
}

fn unwritten(global: &Global, report: &Report, error: &std::io::Error) -> Exit {
    output::fail(global, format_args!("{}: cannot be written: {error}", report.file.display()))
}

impl Opened<'_> {
    /// How the result looks on stdout.
    pub(super) fn format(&self) -> ReportFormat {
        self.reports.format
    }

    /// Reads the workspace and Azure, and compares. `Err` when there is nothing to compare with; what is wrong in the files is then
    /// all there is to report.
    pub(super) async fn plan(&mut self, command: &'static str, what: What, global: &Global) -> Result<Planned, Exit> {
        self.plan_of(command, global.workspace()?, what, global).await
    }

    /// The same on a workspace that was read.
    pub(super) async fn plan_of(
        &mut self,
        command: &'static str,
        (workspace, scope): (Workspace, Scope),
        what: What,
        global: &Global,
    ) -> Result<Planned, Exit> {
        if workspace.loaded.desired.is_some() {
            return planning::plan(global, workspace, scope, what).await;
        }
        let mistakes = &workspace.loaded.errors;
        let checked = Checked {
            command,
            mistakes,
            sizes: None,
            folder: workspace.repository.folder(),
            tool: TOOL,
            fit: self.reports.fit,
        };
        // JSON of a plan has no form without one.
        let made = |format, fit, style| match format {
            ReportFormat::Json => String::new(),
            format => report::checked(&Checked { fit, ..checked }, format, style),
        };
        self.print_made(global, made);
        let written = self.write_made(global, made);
        Err(workspace.exit().max(Exit::Failed).max(written))
    }

    /// Says on stdout, and writes into the files, what a look at the files alone has found.
    pub(super) fn checked(&mut self, global: &Global, checked: &Checked<'_>) -> Exit {
        let made = |format, fit, style| report::checked(&Checked { fit, ..*checked }, format, style);
        self.print_made(global, made);
        self.write_made(global, made)
    }

    /// Says it on stdout.
    pub(super) fn print(
        &self,
        run: &PlannedRun,
        global: &Global,
        report: impl Fn(&View<'_>, ReportFormat, Style) -> String,
    ) {
        self.print_made(global, |format, fit, style| of_run(run, format, fit, style, &report));
    }

    /// Writes it into the files. What could not be written was said.
    pub(super) fn write(
        &mut self,
        run: &PlannedRun,
        global: &Global,
        report: impl Fn(&View<'_>, ReportFormat, Style) -> String,
    ) -> Exit {
        self.write_made(global, |format, fit, style| of_run(run, format, fit, style, &report))
    }

    fn print_made(&self, global: &Global, made: impl Fn(ReportFormat, Fit, Style) -> String) {
        let style = if global.color.stdout() { Style::Colour } else { Style::Plain };
        output::result(&made(self.reports.format, self.reports.fit, style));
    }

    fn write_made(&mut self, global: &Global, made: impl Fn(ReportFormat, Fit, Style) -> String) -> Exit {
        let mut exit = Exit::Converged;
        for (of, file) in &mut self.files {
            let text = made(of.format, of.fit.unwrap_or(self.reports.fit), Style::Plain);
            if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.flush()) {
                exit = exit.max(unwritten(global, of, &error));
            }
        }
        exit
    }
}

fn of_run(
    run: &PlannedRun,
    format: ReportFormat,
    fit: Fit,
    style: Style,
    report: &impl Fn(&View<'_>, ReportFormat, Style) -> String,
) -> String {
    let basis = if format == ReportFormat::Json { run.basis() } else { Basis::default() };
    in_view(run, &basis, |view| report(&View { fit, ..*view }, format, style))
}

/// Everything a report needs of a run, borrowed.
pub(super) fn in_view<T>(run: &PlannedRun, basis: &Basis, report: impl FnOnce(&View<'_>) -> T) -> T {
    let workspace = run.workspace();
    let view = View {
        desired: run.desired(),
        plan: run.plan(),
        refused: &run.approval().refused,
        deferred: run.deferred(),
        places: &|origin| workspace.place(origin),
        errors: workspace.loaded.errors.len(),
        mistakes: &workspace.loaded.errors,
        folder: workspace.repository.folder(),
        observed_at: run.observed().at,
        config_digest: &workspace.loaded.digest,
        observed_digest: &basis.digest(Side::Azure),
        tool: TOOL,
        is_applying: false,
        fit: Fit::default(),
        owners: run.scope().owners(),
        saved: None,
        base: run.base(),
    };
    report(&view)
}
