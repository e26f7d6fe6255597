//! Who can do what, and why → text, JSON, Markdown, CSV, HTML: the answers of `why`, `who` and `review`.
//!
//! What comes in is borrowed as one [`Asked`]; nothing is decided here. Text from YAML, git, Azure or the ledger is data: each
//! format has one way out that makes it harmless.

mod json;
mod review;
mod review_csv;
mod review_html;
mod review_markdown;
mod review_text;
mod who;
mod why;
mod words;

use jiff::Timestamp;

use crate::{
    access::{Access, Holder, Way},
    config::Commits,
    model::{
        desired::{Desired, Origin, Place},
        observed::TargetKey,
    },
    plan::Plan,
};

pub use self::{
    review::{Review, ReviewFormat, Since, review},
    who::{AsOf, Look, Question, who},
    why::{Why, why},
};

/// Everything that an answer is made of.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What git wants.
    pub desired: &'a Desired,
    /// What differs from it, and what cannot be done.
    pub plan: &'a Plan,
    /// Who can do what.
    pub access: &'a Access<'a>,
    /// Where an origin stands in its file.
    pub places: &'a dyn Fn(&Origin) -> Place,
    /// The commits that lines are from, by file and line, where git was asked.
    pub commits: &'a Commits,
    /// The time that it speaks of.
    pub at: Timestamp,
    /// The program and its version: `tilgang 0.1.0`.
    pub tool: &'a str,
}

impl Asked<'_> {
    /// Who holds what where by this way, whoever is in the group: one line for each assignment.
    #[must_use]
    pub fn holds(&self, holder: &Holder<'_>, way: &Way<'_>) -> String {
        match way.through {
            Some(_) => words::way(self, way),
            None => format!("{}: {}", crate::report::words::short(&holder.who), words::way(self, way)),
        }
    }

    fn kind(&self, target: &TargetKey) -> &str {
        self.desired.catalog.kinds.get(&target.kind).map_or("target", |kind| kind.title.as_str())
    }

    fn environment(&self, target: &TargetKey) -> String {
        let known = self.desired.catalog.environments.get(&target.environment);
        known.map_or_else(|| target.environment.to_string(), |environment| environment.title.clone())
    }

    fn owner(&self, code: crate::model::owner::OwnerCode) -> String {
        match self.desired.owners.get(&code).and_then(|owner| owner.title.as_deref()) {
            Some(title) => format!("{code} ({title})"),
            None => code.to_string(),
        }
    }
}
