//! Plan, drift and outcomes → text, Markdown and a page for people, annotations for CI, JSON and SARIF for machines.
//!
//! What comes in is borrowed as one [`View`]; what goes out is one `String`. Nothing is decided here, and nothing said that is
//! not in the inputs. Text from YAML or Azure is data: each format has one way out, and that way makes it harmless (`clean`).
//! A service owner's lead reads the text: people first, GUIDs only where there is no name.
//!
//! A format is one file with a `Reporter` in it, and one line in `ReportFormat::reporter`. What formats share stands in
//! `facts` (what belongs together), `words` (how it is
//! said), `groups` (what is said once), `count` (the sums) and `base` (what differed before a change).

pub mod access;
mod adoption;
mod azure_devops;
mod base;
mod clean;
mod closing;
mod count;
mod doctor;
mod expiring;
mod facts;
mod fit;
mod github;
mod groups;
mod html;
mod identity;
mod json;
mod json_entries;
pub mod ledger;
mod markdown;
mod notes;
mod page;
mod problems;
mod rules;
mod sarif;
pub mod shards;
mod text;
mod text_drift;
mod text_outcomes;
mod text_sections;
mod words;

#[cfg(test)]
mod tests;

pub use self::{
    adoption::adoption,
    doctor::{Checkup, doctor},
    fit::Fit,
    identity::{Means, identity},
};

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    config::ConfigError,
    model::{
        desired::{Desired, FileId, Origin, OwnerFile, Place},
        owner::OwnerCode,
    },
    plan::{Plan, approve::Refused, basis::Basis, caused::BaseDiff, outcome::Outcome, selection::Deferred},
};

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, at a terminal or in a log.
    Text,
    /// For machines: JSON format 1.
    Json,
}

/// An output format of plan, drift and outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    /// For people, at a terminal or in a log.
    Text,
    /// For people, in a comment or a step summary.
    Markdown,
    /// For people, in a browser: one page, who holds what and what changes.
    Html,
    /// For machines: JSON format 1.
    Json,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// For a log of GitHub Actions: text, and annotations at lines of files.
    Github,
    /// For a log of Azure Pipelines: text, and issues at lines of files.
    AzureDevops,
}

/// Whether text may carry colour. The caller decides, by terminal and `NO_COLOR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Characters only.
    Plain,
    /// With ANSI colours. They say nothing that the words do not.
    Colour,
}

/// Everything a report is made of.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What git wants: titles of owners and roles, and the grants behind the changes.
    pub desired: &'a Desired,
    /// What differs.
    pub plan: &'a Plan,
    /// The removals that policy takes out of it.
    pub refused: &'a [Refused],
    /// What is left for another run.
    pub deferred: &'a [Deferred],
    /// Where an origin stands in its file.
    pub places: &'a dyn Fn(&Origin) -> Place,
    /// How many errors in the workspace's files were drawn on stderr.
    pub errors: usize,
    /// Those errors, for formats that point at lines.
    pub mistakes: &'a [ConfigError],
    /// The workspace from the root of its repository, with `/` at its end; empty if it is the root.
    pub folder: &'a str,
    /// When Azure was read.
    pub observed_at: Timestamp,
    /// Digest of the YAML.
    pub config_digest: &'a str,
    /// Digest of the facts from Azure that the plan relies on.
    pub observed_digest: &'a str,
    /// The program and its version: `tilgang 0.1.0`.
    pub tool: &'a str,
    /// Whether this very run carries it out: then nobody is told to run `apply`, and the outcomes stand below the plan and
    /// repeat nothing of it.
    pub is_applying: bool,
    /// How much room there is.
    pub fit: Fit,
    /// The owners that were chosen, if some were.
    pub owners: Option<&'a BTreeSet<OwnerCode>>,
    /// Where the plan is written down, if it is.
    pub saved: Option<SavedAs<'a>>,
    /// What the plan was held against, if it tells only what one change to git causes.
    pub base: Option<&'a BaseDiff>,
}

impl View<'_> {
    /// Owners whose files have errors. Those that a change did not touch are told apart.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = (OwnerCode, FileId)> {
        let before = self.base.map(|base| &base.before.left_out);
        self.desired.owners.iter().filter_map(move |(code, owner)| match owner.file {
            OwnerFile::Broken(file) if before.is_none_or(|before| !before.contains(code)) => Some((*code, file)),
            OwnerFile::Broken(_) | OwnerFile::Read(_) | OwnerFile::Removed(_) | OwnerFile::Missing => None,
        })
    }
}

/// What a plan's file holds beside its JSON.
#[derive(Clone, Copy)]
pub struct SavedAs<'a> {
    /// The owners that were chosen, if some were.
    pub selected: Option<&'a BTreeSet<OwnerCode>>,
    /// What its changes rest on.
    pub basis: &'a Basis,
}

/// A workspace that was read without a look at Azure.
#[derive(Clone, Copy)]
pub struct Checked<'a> {
    /// The command that reads it.
    pub command: &'static str,
    /// What is wrong in its files.
    pub mistakes: &'a [ConfigError],
    /// How many owners, people and grants it has, if it could be read.
    pub sizes: Option<[usize; 3]>,
    /// The workspace from the root of its repository, with `/` at its end; empty if it is the root.
    pub folder: &'a str,
    /// The program and its version.
    pub tool: &'a str,
    /// How much room there is.
    pub fit: Fit,
}

/// What every format can print. Each answer ends with a line feed.
trait Reporter {
    fn checked(&self, checked: &Checked<'_>) -> String;
    fn plan(&self, view: &View<'_>) -> String;
    fn drift(&self, view: &View<'_>) -> String;
    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String;
}

impl ReportFormat {
    fn reporter(self, style: Style) -> Box<dyn Reporter> {
        match self {
            Self::Text => Box::new(text::Text(style)),
            Self::Markdown => Box::new(markdown::Markdown),
            Self::Html => Box::new(html::Html),
            Self::Json => Box::new(json::Json),
            Self::Sarif => Box::new(sarif::Sarif),
            Self::Github => Box::new(github::Github),
            Self::AzureDevops => Box::new(azure_devops::AzureDevops),
        }
    }
}

/// Text from YAML, Azure or a file as one line that cannot move a cursor, for messages outside of reports.
#[must_use]
pub fn harmless(text: &str) -> String {
    clean::clean(text)
}

/// What is wrong in the files. Text says nothing of it: mistakes are drawn.
#[must_use]
pub fn checked(checked: &Checked<'_>, format: ReportFormat, style: Style) -> String {
    format.reporter(style).checked(checked)
}

/// What would be done, what cannot be, and what people should know.
#[must_use]
pub fn plan(view: &View<'_>, format: ReportFormat, style: Style) -> String {
    format.reporter(style).plan(view)
}

/// The same facts by class of drift, each with its remedy.
#[must_use]
pub fn drift(view: &View<'_>, format: ReportFormat, style: Style) -> String {
    format.reporter(style).drift(view)
}

/// What became of an approved plan, and what was left out of it.
#[must_use]
pub fn outcomes(view: &View<'_>, outcomes: &[Outcome], format: ReportFormat, style: Style) -> String {
    format.reporter(style).outcomes(view, outcomes)
}
