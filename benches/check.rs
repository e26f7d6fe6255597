//! Ten thousand schedules of the whole reconciler, each run held against the promises, and a table of what was met.
//!
//! `cargo bench --bench check`; `TILGANG_CHECK=20000..30000` for other seeds. What breaks a promise is printed with its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, clippy::panic)]
#![allow(clippy::disallowed_methods, missing_docs)]

#[path = "../tests/check/mod.rs"]
mod check;

use std::time::Instant;

use check::{choices::Source, schedule, tally::Tally};

/// Played at once, so that one sees it going on.
const AT_ONCE: u64 = 500;

fn main() {
    let seeds = std::env::var("TILGANG_CHECK").unwrap_or_else(|_| "0..10000".to_owned());
    if let Ok(source) = seeds.parse::<Source>() {
        println!("{}", schedule::play(source).broken.join("\n"));
        return;
    }
    let (first, end) = seeds.split_once("..").expect("TILGANG_CHECK is such as 0..10000");
    let (first, end): (u64, u64) = (first.parse().unwrap(), end.parse().unwrap());
    let (mut tally, start) = (Tally::default(), Instant::now());
    for begin in (first..end).step_by(usize::try_from(AT_ONCE).unwrap()) {
        for (seed, report) in schedule::play_all(begin..end.min(begin + AT_ONCE)) {
            tally.merge(&report.tally);
            for broken in report.broken.iter().take(3) {
                println!("seed {seed}: {broken}");
            }
        }
        println!(
            "{} schedules, {} broke a promise",
            end.min(begin + AT_ONCE) - first,
            tally.of("schedules", "break a promise")
        );
    }
    println!("{tally}{} schedules in {:.1} s", end - first, start.elapsed().as_secs_f64());
    let broken = tally.of("schedules", "break a promise");
    assert_eq!(broken, 0, "schedules that broke a promise");
}
