//! How much differed on each day, by class and owner: what a time line is drawn from. The last ninety days, and no more.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};

use crate::{model::owner::OwnerCode, plan::drift::Class, watch::Run};

/// Days that are remembered. Ours: a quarter.
pub const DAYS_MAX: usize = 90;

/// By class and owner, how many.
pub type Counts = BTreeMap<(Class, Option<OwnerCode>), usize>;

/// The days on which somebody looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days(BTreeMap<Date, Counts>);

impl Days {
    /// What was kept.
    #[must_use]
    pub fn restored(days: impl IntoIterator<Item = (Date, Counts)>) -> Self {
        let mut all = Self(days.into_iter().collect());
        all.forget();
        all
    }

    /// Every day, the oldest first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Date, &Counts)> {
        self.0.iter()
    }

    /// Takes in a run. Of each class at each owner a day keeps the most there was in one look. Whether anything is new.
    pub fn saw(&mut self, run: &Run) -> bool {
        if !run.verdict.looked() {
            return false;
        }
        let today = run.started.to_zoned(TimeZone::UTC).date();
        let is_new = !self.0.contains_key(&today);
        let day = self.0.entry(today).or_default();
        let mut changed = is_new;
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
    pub(super) fn drawn(&self, today: Date, owner: Option<OwnerCode>) -> Vec<(Date, Option<BTreeMap<Class, usize>>)> {
        let back = |days: usize| today.saturating_sub(i64::try_from(days).unwrap_or_default().days());
        let first = self.0.keys().next().copied().unwrap_or(today).clamp(back(DAYS_MAX - 1), back(13));
        let mut all = Vec::new();
        let mut day = first;
        while day <= today {
            let counts = self.0.get(&day).map(|counts| {
                let mut sums = BTreeMap::new();
                for ((class, of), count) in counts {
                    if owner.is_none_or(|owner| *of == Some(owner)) {
                        *sums.entry(*class).or_default() += *count;
                    }
                }
                sums
            });
            all.push((day, counts));
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        all
    }
}
