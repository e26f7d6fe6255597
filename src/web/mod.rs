//! What the daemon knows → pages for a browser: one for all, one for each owner, person and run. Pure: no IO, no async, no clock.
//!
//! A [`Snapshot`] and the time come in, HTML or JSON goes out. Nothing on a page is fetched from elsewhere, and nothing on it
//! writes. Text from YAML, git and Azure is cleaned by `shown` and escaped where it is put in.
//!
//! | file | what it does |
//! |---|---|
//! | `layout` | the page around it: style, script, policy, and what is said where nothing is found |
//! | `overview`, `owner`, `person`, `people`, `run` | a page each |
//! | `drift`, `health`, `timeline`, `expiries`, `runs` | parts of pages |
//! | `matrix` | people × roles at an owner |
//! | `not_known` | what could not be read, of git and of Azure |
//! | `ways` | every way by which somebody can do something, as `access` finds them |
//! | `state` | all in one sentence; the same for machines |
//! | `days` | how much differed on each day: what a time line is drawn from |
//! | `when` | times and ages as people read them |

mod days;
mod drift;
mod expiries;
mod health;
mod layout;
mod matrix;
mod not_known;
mod overview;
mod owner;
mod people;
mod person;
mod run;
mod runs;
mod state;
mod timeline;
mod ways;
mod when;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    model::{
        desired::{Desired, Origin, Place},
        observed::Observed,
        owner::OwnerCode,
        visible,
    },
    plan::Plan,
    reconcile::Outlook,
    watch::{Commit, Entry, GitTrouble, Memory, Run, RunReport},
};

pub use self::{
    days::{Counts, DAYS_MAX, Day, Days},
    layout::{policy, unwelcome},
    not_known::{missing, not_yet},
    overview::overview,
    owner::owner,
    people::people,
    person::person,
    run::run,
    state::{Mood, live, mood, sentence, state},
};

/// Everything that is known, when a page is asked for.
pub struct Snapshot<'a> {
    /// The time.
    pub now: Timestamp,
    /// When the daemon started.
    pub started: Timestamp,
    /// What made the page: `tilgang 0.1.0`.
    pub tool: &'a str,
    /// Who reads it, as a proxy says.
    pub reader: Option<&'a str>,
    /// What is followed.
    pub source: &'a str,
    /// Its tip.
    pub tip: Option<&'a Commit>,
    /// When git was last asked.
    pub asked: Option<Timestamp>,
    /// When it last answered.
    pub answered: Option<Timestamp>,
    /// Why what is known of git may not be what it says now.
    pub git: Option<GitTrouble>,
    /// What is to come.
    pub outlook: Outlook,
    /// The last runs, the newest last.
    pub runs: &'a VecDeque<Run>,
    /// The last run, with all that it saw.
    pub last: Option<&'a RunReport>,
    /// When the last look at all owners began that could compare.
    pub looked: Option<Timestamp>,
    /// Every difference.
    pub memory: &'a Memory,
    /// What the last look at all owners showed.
    pub seen: Option<Seen<'a>>,
    /// How much differed on each day.
    pub days: &'a Days,
}

/// What the last look at all owners showed.
pub struct Seen<'a> {
    /// What git says.
    pub desired: &'a Desired,
    /// What Azure showed.
    pub observed: &'a Observed,
    /// What lies between the two.
    pub plan: &'a Plan,
    /// Whether a ledger is kept at all.
    pub has_ledger: bool,
    /// Where an origin stands in its file.
    pub place: &'a dyn Fn(&Origin) -> Place,
}

impl Snapshot<'_> {
    fn today(&self) -> Date {
        self.now.to_zoned(TimeZone::UTC).date()
    }

    /// Differences that are there, accepted ones left out; with `owner` only those there.
    fn open(&self, owner: Option<OwnerCode>) -> impl Iterator<Item = &Entry> {
        self.memory.open().filter(move |entry| {
            let it = &entry.difference;
            it.accepted.is_none() && owner.is_none_or(|owner| it.key.owner == Some(owner))
        })
    }

    /// An owner, as people call it.
    fn called(&self, owner: OwnerCode) -> String {
        let title = self.seen.as_ref().and_then(|seen| seen.desired.owners.get(&owner)?.title.as_deref());
        title.map_or_else(|| owner.to_string(), shown)
    }
}

/// Text from YAML, Azure or git: it only shows. Whatever else is dangerous in HTML is escaped where it is put in.
fn shown(text: &str) -> String {
    visible::line(text)
}

/// A part of an address.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
