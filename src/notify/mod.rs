//! What was said already + what a run found + whom to tell when → notices that are due; nothing where nothing changed.
//!
//! | file | what it does |
//! |---|---|
//! | `found` | what a run came to → what can be told |
//! | `item` | what can be told: one thing that stands open, and what happened to it |
//! | `memory` | what each channel was told, and the outbox; what a run changes in both |
//! | `outbox` | which notice is next, and what becomes of it after an answer |
//! | `calendar` | quiet times and digests, by a zone's clock |
//! | `letter` | a notice in words, with places for what is hostile |
//!
//! **Exactly once**, as far as that can be had: a notice is in the outbox, under an id that stays, before it is sent, and leaves it
//! after an answer. Who is cut off between an answer and the note of it sends the same id again, once; nothing is lost.
//!
//! Pure but for `serde`: no IO, no async, no clock. Sending is `deliver`'s.

mod calendar;
mod found;
mod item;
mod letter;
mod memory;
mod outbox;

#[cfg(test)]
mod tests;

pub use self::{
    found::topic,
    item::{Event, Found, Happened, Item},
    letter::{Letter, Line, Section, Setting, letter},
    memory::{Memory, Routes},
    outbox::{Answer, Done, Kind, Notice, Outcome, Pending},
};
