//! A model checker of the whole reconciler: git, a small Azure, strangers, bad weather and kills, by chance and by seed; each
//! run judged by a second implementation of the promises. Used by `tests/check` and `benches/check.rs`.
#![allow(unreachable_pub, dead_code, reason = "part of a test and of a bench: each uses some of it")]

pub mod choices;
pub mod deeds;
pub mod faulty;
pub mod git;
pub mod https;
pub mod judge;
pub mod oracle;
pub mod program;
pub mod schedule;
pub mod tally;
pub mod universe;
pub mod verdict;
