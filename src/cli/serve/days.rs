//! How much differed on each day, kept for the page's time line: `days.json` of the state folder, version 1.
//!
//! Written when a day is new or worse than it was, so a quiet daemon writes once a day. What cannot be read of one day loses it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    board::SeenLast,
    keep::{Found, Kept},
    listeners::Listener,
};
use crate::{
    cli::output,
    model::owner::OwnerCode,
    plan::drift::Class,
    watch::RunReport,
    web::{Day, Days},
};

const NAME: &str = "days.json";
const VERSION: u32 = 1;

/// A day: class, owner, how many.
#[derive(Serialize, Deserialize)]
struct DayJson {
    day: Date,
    counts: Vec<(String, Option<String>, usize)>,
    /// The owners of whom not everything could be read; null: of all.
    #[serde(default)]
    unknown: Vec<Option<String>>,
}

/// The days, for whoever shows them.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Arc<Days>>>);

impl Shared {
    pub(super) fn now(&self) -> Arc<Days> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who writes them down.
pub(super) struct DayBook {
    days: Shared,
    kept: Kept,
    /// The last attempt to write did not succeed.
    unwritten: bool,
}

impl DayBook {
    /// With what was kept in this folder.
    pub(super) fn open(state: &Path) -> Self {
        let kept = Kept::new(state, NAME, VERSION);
        let days = match kept.read::<Vec<DayJson>>() {
            Found::Whole(days) => Days::restored(days.into_iter().map(|day| {
                let unknown = day.unknown.iter().filter_map(|owner| owner_of(owner.as_deref())).collect();
                (day.day, Day { counts: counts(&day.counts), unknown })
            })),
            Found::Nothing => Days::default(),
            Found::Broken(why) => {
                output::say(format_args!("note: {why}; the time line begins anew"));
                Days::default()
            }
        };
        Self { days: Shared(Arc::new(Mutex::new(Arc::new(days)))), kept, unwritten: false }
    }

    pub(super) fn shared(&self) -> Shared {
        self.days.clone()
    }

    fn write(&mut self) {
        let days = self.days.now();
        let day = |(day, seen): (&Date, &Day)| DayJson {
            day: *day,
            unknown: seen.unknown.iter().map(|owner| owner.map(|owner| owner.to_string())).collect(),
            counts: seen
                .counts
                .iter()
                .map(|((class, owner), n)| (class.word().to_owned(), owner.map(|owner| owner.to_string()), *n))
                .collect(),
        };
        let written = self.kept.write(&days.iter().map(day).collect::<Vec<_>>());
        self.unwritten = written.is_err();
        if let Err(error) = written {
            tracing::error!("the time line could not be written: {error}");
        }
    }
}

fn counts(of: &[(String, Option<String>, usize)]) -> crate::web::Counts {
    let one = |(class, owner, count): &(String, Option<String>, usize)| {
        Some(((Class::named(class)?, owner_of(owner.as_deref())?), *count))
    };
    of.iter().filter_map(one).collect()
}

/// The owner of this code, or nobody in particular; none where it is no code.
#[expect(clippy::option_option, reason = "nobody in particular is a value, as null is in the file")]
fn owner_of(text: Option<&str>) -> Option<Option<OwnerCode>> {
    text.map_or(Some(None), |text| OwnerCode::new(text).map(Some))
}

impl Listener for DayBook {
    fn told(&mut self, report: &Arc<RunReport>, _seen: Option<&Arc<SeenLast>>) {
        let changed = {
            let mut days = self.days.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::make_mut(&mut days).saw(&report.run, &report.unseen)
        };
        if changed || self.unwritten {
            self.write();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::watch::{Part, Run, Trigger, Unseen, Verdict, What};

    fn report(day: i64, count: usize) -> Arc<RunReport> {
        let at = jiff::Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let run = Run {
            number: 1,
            what: What::Look,
            trigger: Trigger::Schedule,
            part: Part::Everything,
            started: at,
            ended: at,
            observed: Some(at),
            commit: None,
            verdict: Verdict::Drift,
            notes: Vec::new(),
            counts: BTreeMap::from([((Class::Unmanaged, OwnerCode::new("ttd")), count)]),
            owners: 1,
            unchanged: 0,
            healing: None,
            cost: BTreeMap::new(),
            next_expiry: None,
            unseen: 0,
            files: crate::watch::Files::Read { with_errors: 0 },
        };
        Arc::new(RunReport {
            run,
            drift: Vec::new(),
            news: Vec::new(),
            healed: Vec::new(),
            deferred: Vec::new(),
            unseen: vec![Unseen { owner: OwnerCode::new("skd"), words: "its file has errors".into() }],
            git: None,
        })
    }

    #[test]
    fn days_survive_a_restart_keep_the_worst_and_are_ninety_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = DayBook::open(folder.path());
        for day in 0..200 {
            for count in [1, 3, 2] {
                book.told(&report(day, count), None);
            }
        }
        let days = book.shared().now();
        assert_eq!(days.iter().len(), crate::web::DAYS_MAX);
        assert!(days.iter().all(|(_, day)| day.counts.values().copied().collect::<Vec<_>>() == [3]), "{days:?}");
        assert!(days.iter().all(|(_, day)| day.unknown == [OwnerCode::new("skd")].into()), "{days:?}");
        let size = std::fs::metadata(folder.path().join(NAME)).unwrap().len();
        assert!(size < 10_000, "{size}");
        assert_eq!(*DayBook::open(folder.path()).shared().now(), *days);
    }

    #[test]
    fn a_day_like_those_before_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = DayBook::open(folder.path());
        book.told(&report(0, 2), None);
        std::fs::remove_file(folder.path().join(NAME)).unwrap();
        book.told(&report(0, 2), None);
        assert!(!folder.path().join(NAME).exists());
        book.told(&report(0, 3), None);
        assert!(folder.path().join(NAME).exists());
    }
}
