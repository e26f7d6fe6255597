//! How much differed on each day, by class and owner: what a time line is drawn from. The last ninety days, and no more.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};

use crate::{
    model::owner::OwnerCode,
    plan::drift::Class,
    watch::{Run, Unseen},
};

/// Days that are remembered. Ours: a quarter.
pub const DAYS_MAX: usize = 90;

/// By class and owner, how many.
pub type Counts = BTreeMap<(Class, Option<OwnerCode>), usize>;

/// A day on which somebody looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// The most there was of each class in one look.
    pub counts: Counts,
    /// The owners of whom a look could not read everything; none: what concerns all of them.
    pub unknown: BTreeSet<Option<OwnerCode>>,
}

/// A day as it is drawn: for all owners, or for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    /// By class.
    pub(super) counts: BTreeMap<Class, usize>,
    /// Whether a look could not read everything: then there may have been more.
    pub(super) is_in_part: bool,
}

/// The days on which somebody looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days(BTreeMap<Date, Day>);

impl Days {
    /// What was kept.
    #[must_use]
    pub fn restored(days: impl IntoIterator<Item = (Date, Day)>) -> Self {
        let mut all = Self(days.into_iter().collect());
        all.forget();
        all
    }

    /// Every day, the oldest first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Date, &Day)> {
        self.0.iter()
    }

    /// Takes in a run, and what it could not read. Of each class at each owner a day keeps the most there was in one look. Whether
    /// anything is new.
    pub fn saw(&mut self, run: &Run, unseen: &[Unseen]) -> bool {
        if !run.verdict.looked() {
            return false;
        }
        let today = run.started.to_zoned(TimeZone::UTC).date();
        let is_new = !self.0.contains_key(&today);
        let Day { counts: day, unknown } = self.0.entry(today).or_default();
        let mut changed = is_new;
        for of in unseen.iter().map(|unseen| unseen.owner) {
            changed |= unknown.insert(of);
        }
        for (of, count) in run.counts.iter().filter(|((class, _), count)| class.differs() && **count > 0) {
            let most = day.entry(*of).or_default();
            changed |= *count > *most;
            *most = (*most).max(*count);
        }
        if is_new {
            self.forget();
        }
        changed
    }

    fn forget(&mut self) {
        while self.0.len() > DAYS_MAX {
            self.0.pop_first();
        }
    }

    /// From the first day that is known, at least two weeks, at most ninety days, to today: on each what differed, by class;
    /// `None` where not checked.
    pub(super) fn drawn(&self, today: Date, owner: Option<OwnerCode>) -> Vec<(Date, Option<Drawn>)> {
        let back = |days: usize| today.saturating_sub(i64::try_from(days).unwrap_or_default().days());
        let first = self.0.keys().next().copied().unwrap_or(today).clamp(back(DAYS_MAX - 1), back(13));
        let mut all = Vec::new();
        let mut day = first;
        while day <= today {
            let drawn = self.0.get(&day).map(|Day { counts, unknown }| {
                let is_meant = |of: &Option<OwnerCode>| owner.is_none_or(|owner| *of == Some(owner));
                let mut drawn =
                    Drawn { is_in_part: unknown.iter().any(|of| of.is_none() || is_meant(of)), ..Drawn::default() };
                for ((class, _), count) in counts.iter().filter(|((_, of), _)| is_meant(of)) {
                    *drawn.counts.entry(*class).or_default() += *count;
                }
                drawn
            });
            all.push((day, drawn));
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        all
    }
}
