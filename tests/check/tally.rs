//! What was met: so that one sees what a number of schedules is worth.

use std::{collections::BTreeMap, fmt};

use tilgang::plan::{blocked::Block, change::Because, outcome::Failure, selection::Why};

use super::program::Said;

/// Counts, by kind and word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<String, BTreeMap<String, usize>>);

impl Tally {
    pub fn count(&mut self, what: &str, which: &str) {
        self.add(what, which, 1);
    }

    pub fn add(&mut self, what: &str, which: &str, by: usize) {
        *self.0.entry(what.to_owned()).or_default().entry(which.to_owned()).or_default() += by;
    }

    /// What a run said.
    pub fn told(&mut self, said: &Said) {
        for change in &said.plan.changes {
            let because = format!("{:?}", change.because);
            let word = because.split([' ', '(']).next().unwrap_or_default();
            let because = match &change.because {
                Because::Ended { recently, .. } => format!("Ended, recently: {recently}"),
                Because::NotListed { gone } => format!("NotListed, gone: {}", gone.is_some()),
                Because::Stray(_) => because.clone(),
                _ => word.to_owned(),
            };
            self.count("because", &because);
        }
        for blocked in &said.plan.blocked {
            self.count("blocked", blocked.block.code());
            if let Block::IdUnproven(_) = blocked.block {
                self.count("doubts", "an id not believed");
            }
        }
        for refused in &said.refused {
            self.count("refused", refused.refusal.code());
        }
        for deferred in &said.deferred {
            self.count("deferred", if deferred.why == Why::EndedLongAgo { "ended long ago" } else { "other kind" });
        }
        for finding in &said.plan.findings {
            self.count("findings", finding.code.word());
            if finding.accepted.is_some() {
                self.count("findings", "accepted");
            }
        }
        if let Some(admitted) = said.admitted {
            self.count("saved", if admitted { "still holds" } else { "moved" });
        }
        self.add("kept", "for a broken file", said.plan.kept.values().sum());
        for outcome in said.outcomes.iter().flatten() {
            let word = match &outcome.result {
                Ok(done) => format!("{done:?}"),
                Err(Failure::HeldBack) => "HeldBack".to_owned(),
                Err(Failure::Moved(moved)) => format!("Moved: {}", moved.code()),
                Err(Failure::Unrecorded(_)) => "Unrecorded".to_owned(),
                Err(Failure::NotTried) => "NotTried".to_owned(),
                Err(Failure::Trouble(trouble)) => format!("Trouble: {:?}", trouble.kind),
            };
            self.count("outcomes", &word);
        }
    }

    pub fn of(&self, what: &str, which: &str) -> usize {
        self.0.get(what).and_then(|of| of.get(which)).copied().unwrap_or_default()
    }

    pub fn merge(&mut self, other: &Self) {
        for (what, of) in &other.0 {
            for (which, count) in of {
                self.add(what, which, *count);
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, of) in &self.0 {
            writeln!(f, "{what}")?;
            for (which, count) in of {
                writeln!(f, "  {which:<44} {count:>9}")?;
            }
        }
        Ok(())
    }
}
