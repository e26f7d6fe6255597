//! Plan, drift and outcomes → text for people, JSON for machines.
//!
//! What comes in is borrowed as one [`View`]; what goes out is one `String`. Nothing is decided here, and nothing said that is
//! not in the inputs. Text from YAML or Azure is data: each format has one way out, and that way makes it harmless (`clean`).
//! A service owner's lead reads the text: people first, GUIDs only where there is no name.
//!
//! A format is one file with a `Reporter` in it, and one line in `Format::reporter`. What formats share stands in
//! `facts` (what belongs together), `words` and `remedy` (how it is
//! said), `groups` (what is said once) and `count` (the sums).

mod clean;
mod count;
mod doctor;
mod facts;
mod groups;
mod identity;
mod json;
mod json_entries;
pub mod ledger;
mod page;
mod remedy;
pub mod shards;
mod text;
mod text_drift;
mod text_outcomes;
mod text_sections;
mod words;

#[cfg(test)]
mod tests;

pub use self::{
    doctor::{Checkup, doctor},
    identity::{Means, identity},
};

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    execute::Outcome,
    model::{
        desired::{Desired, Origin, Place},
        owner::OwnerCode,
    },
    plan::{Plan, approve::Refused, basis::Basis},
};

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, at a terminal or in a log.
    Text,
    /// For machines: JSON format 1.
    Json,
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
    /// Where an origin stands in its file.
    pub places: &'a dyn Fn(&Origin) -> Place,
    /// How many errors in the workspace's files were drawn on stderr.
    pub errors: usize,
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
    /// Where the plan is written down, if it is.
    pub saved: Option<SavedAs<'a>>,
}

/// What a plan's file holds beside its JSON.
#[derive(Clone, Copy)]
pub struct SavedAs<'a> {
    /// The owners that were chosen, if some were.
    pub selected: Option<&'a BTreeSet<OwnerCode>>,
    /// What its changes rest on.
    pub basis: &'a Basis,
}

/// What every format can print. Each answer ends with a line feed.
trait Reporter {
    fn plan(&self, view: &View<'_>) -> String;
    fn drift(&self, view: &View<'_>) -> String;
    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String;
}

impl Format {
    fn reporter(self, style: Style) -> Box<dyn Reporter> {
        match self {
            Self::Text => Box::new(text::Text(style)),
            Self::Json => Box::new(json::Json),
        }
    }
}

/// Text from YAML, Azure or a file as one line that cannot move a cursor, for messages outside of reports.
#[must_use]
pub fn harmless(text: &str) -> String {
    clean::clean(text)
}

/// What would be done, what cannot be, and what people should know.
#[must_use]
pub fn plan(view: &View<'_>, format: Format, style: Style) -> String {
    format.reporter(style).plan(view)
}

/// The same facts by class of drift, each with its remedy.
#[must_use]
pub fn drift(view: &View<'_>, format: Format, style: Style) -> String {
    format.reporter(style).drift(view)
}

/// What became of an approved plan, and what was left out of it.
#[must_use]
pub fn outcomes(view: &View<'_>, outcomes: &[Outcome], format: Format, style: Style) -> String {
    format.reporter(style).outcomes(view, outcomes)
}
