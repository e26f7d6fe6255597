#![cfg(test)]
//! The whole reconciler, held against the promises in many schedules.
//!
//! `cargo bench --bench check` plays ten thousand and prints what was met. A schedule that breaks a promise is printed as its
//! decisions, made as few as possible: keep that line, or its seed, in `kept.txt`, with what it was.
//!
//! Also in this program: `week`, a daemon in simulated time, and `lease`, which of several replicas leads.

#[path = "mod.rs"]
mod check;
mod lease;
mod week;

use std::collections::{BTreeMap, BTreeSet};

use check::{
    choices::{Case, Source, shrink},
    https::Https,
    schedule::{Report, play, play_all, play_at},
    tally::Tally,
};

/// Each schedule that ever failed, with what it was.
const KEPT: &str = include_str!("kept.txt");
/// How many more are played with `cargo test`.
const SCHEDULES: u64 = 300;
/// How many of them over HTTPS as well.
const OVER_HTTPS: u64 = 4;
/// What must be met at least once; `_` stands for a space.
const MET: &[(&str, &str)] = &[
    ("because", "Listed ConditionAdded DescriptionChanged NotListed,_gone:_false NotListed,_gone:_true Retired"),
    ("because", "Ended,_recently:_true Ended,_recently:_false OwnerRemoved Stray(NoTarget) Stray(NoRole) Unmanaged"),
    ("blocked", "unknown-person gone-person not-a-person other-person person-unanswered target-missing unread"),
    ("blocked", "name-changed-hands"),
    ("blocked", "role-missing role-name privileged role-gives-less role-not-assignable role-unread"),
    ("blocked", "target-ambiguous target-shared held-with-condition held-by-pim pim-unanswered owner-file-missing"),
    ("blocked", "too-long too-many-holders two-owners guest disabled not-a-member membership-unknown"),
    ("blocked", "owner-file-broken owner-unknown doubt still-listed made-after-commit commit-unknown locked"),
    ("refused", "protected protected-unknown revokes-per-owner revokes-prod-per-owner revokes-share revokes-max"),
    ("refused", "expiries-max older-commit other-instance"),
    ("doubts", "ruled_out_by_git's_past an_id_not_believed"),
    ("saved", "still_holds moved forged"),
    ("findings", "unmanaged orphaned no-effect renamed not-seen may-end accepted recreated"),
    ("findings", "role-name privileged role-gives-less role-changed keeps other-instance"),
    ("outcomes", "Now Already HeldBack Trouble:_Denied Trouble:_Locked Trouble:_Exists Trouble:_PrincipalUnknown"),
    ("deferred", "other_kind ended_long_ago"),
    ("kinds", "expired grants both"),
    ("kills", "before_the_write after_the_write the_journal_takes_no_beginning"),
    ("writes", "grants updates deletes denied_by_a_deny_assignment"),
    ("strangers", "changes_a_role_definition denies_something_at_a_target"),
];
/// How often a failing one is played to find what it takes to fail.
const TRIES: usize = 400;

/// Which promise is broken.
fn law(broken: &str) -> &str {
    broken.split(": ").nth(1).unwrap_or_default()
}

/// What is wrong, with the fewest decisions that can be found.
fn told(line: &str, report: Report) -> Option<String> {
    let first = report.broken.first()?;
    let same = |case: &Case| play(Source::Case(case.clone())).broken.iter().any(|other| law(other) == law(first));
    let smallest = shrink(report.case, TRIES, same);
    let still = play(Source::Case(smallest.clone()));
    Some(format!(
        "{line}\n  {}\nwith only\n  {smallest}\n  {}\n",
        report.broken.join("\n  "),
        still.broken.join("\n  ")
    ))
}

fn lines() -> impl Iterator<Item = &'static str> {
    KEPT.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

#[test]
fn what_failed_once_holds() {
    let broken: Vec<String> = lines()
        .filter_map(|line| {
            let (case, _) = line.split_once(" | ").unwrap_or((line, ""));
            told(line, play(case.parse().unwrap()))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_schedule_keeps_the_promises() {
    let mut tally = Tally::default();
    let mut broken: BTreeMap<String, (u64, usize)> = BTreeMap::new(); // promise → its first seed, and how many
    for (seed, report) in play_all(0..SCHEDULES) {
        tally.merge(&report.tally);
        let laws: BTreeSet<&str> = report.broken.iter().map(|it| law(it)).collect();
        for law in laws {
            broken.entry(law.to_owned()).or_insert((seed, 0)).1 += 1;
        }
    }
    let told: Vec<String> = broken
        .values()
        .filter_map(|(seed, count)| told(&format!("seed {seed}, and {} more", count - 1), play(Source::Seed(*seed))))
        .collect();
    let never: Vec<String> = MET
        .iter()
        .flat_map(|(what, words)| words.split_whitespace().map(move |word| (*what, word.replace('_', " "))))
        .filter(|(what, word)| tally.of(what, word) == 0)
        .map(|(what, word)| format!("{what}: {word}"))
        .collect();
    assert!(never.is_empty(), "never met, so never checked: {never:#?}\n{tally}");
    assert!(told.is_empty(), "of {SCHEDULES}: {broken:?}\n{}", told.join("\n"));
}

/// A small share goes through the production client, over HTTPS on loopback. What overtakes what is the network's there, so
/// a run is not the same in all; the promises are.
#[test]
fn over_https_the_promises_hold_as_well() {
    for seed in 0..OVER_HTTPS {
        let report = play_at(Source::Seed(seed), Https::connect);
        assert!(report.broken.is_empty(), "seed {seed}: {}", report.broken.join("\n"));
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..8 {
        let (one, two) = (play(Source::Seed(seed)), play(Source::Seed(seed)));
        assert_eq!(one.tally, two.tally);
        let case = play(Source::Case(one.case.clone()));
        assert_eq!((case.tally, case.case), (two.tally, two.case));
    }
}
