//! A plan, seen again and again → each difference with its life, and what a run came to. Pure: no IO, no async, no serde, no
//! clock (the time is an argument).
//!
//! [`sight()`] turns a look at Azure into [`Difference`]s; a [`Memory`] holds them against what was known before, and says what
//! is new, what changed and what is over ([`News`]). A [`RunReport`] is what everybody who tells of a run is given: the web page,
//! notifications, metrics, the state file. Unknown is not over: what could not be looked at keeps its life.
//!
//! | file | what it does |
//! |---|---|
//! | `difference` | one difference, and the key by which it is known again |
//! | `life` | since when, by whom, until when |
//! | `memory` | what is known, what is new |
//! | `sight` | plan and facts → differences, and what was looked at |
//! | `trail` | who did it: what to ask, and what the answers say |
//! | `run` | what a run came to |

mod difference;
mod life;
mod memory;
mod run;
mod sight;
mod trail;

#[cfg(test)]
mod tests;

pub use self::{
    difference::{Difference, Key},
    life::{By, Doer, Entry, Life, Since},
    memory::{Memory, News, Turn},
    run::{
        Commit, Cost, Files, GitTrouble, Healed, Healing, Part, Run, RunReport, Service, Spent, Trigger, Unseen,
        Verdict, What,
    },
    sight::{Coverage, Sight, Sighted, next_expiry, sight},
    trail::{GitMove, Stood, Unexplained, WasThere, cause, explain, unexplained},
};
