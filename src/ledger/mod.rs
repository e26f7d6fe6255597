//! What was done, by whom, from which commit; and what was seen, when: an append-only record that CI keeps.
//!
//! In: what a run begins, asks, is answered and sees. Out: lines in a folder, one file a month (`2026-11.jsonl`), each line with
//! the hash of the one before; and back from them: whether all is whole (`verify`), who held what on a day (`holdings`).
//!
//! A chain alone does not stop whoever can rewrite the whole folder: they can compute it anew. Keep the head that
//! `tilgang ledger verify` prints somewhere else, and hold it against the ledger later (`--head`).
//!
//! | file | what it does | IO |
//! |---|---|---|
//! | `entry` | what a line can say | no |
//! | `chain` | bytes ↔ lines, hash by hash | no |
//! | `verify` | files → whole, or where not | no |
//! | `holdings` | what was seen and written → who held what at a time | no |
//! | `carried` | what was seen and written → which account a sign-in name led to, and who was given what; carried from file to file | no |
//! | `past` | who held what at a time → `Observed`, as if it had been read then | no |
//! | `sight` | `Observed` → what is compared with the last record | no |
//! | `record` | changes, outcomes and plans → entries | no |
//! | `store` | the folder: lock, append, sync; a torn last line is kept aside | files |
//! | `journal` | what a run is recorded in, as a trait | no |
//! | `run_journal` | that trait, in a folder | through `store` |

mod carried;
pub mod chain;
pub mod entry;
pub mod holdings;
mod journal;
pub mod parts;
pub mod past;
mod permits;
pub mod record;
mod run_journal;
pub mod sight;
mod store;
pub mod verify;

#[cfg(test)]
mod tests;

pub use self::{
    chain::{Hash, Line, Sheet, read},
    holdings::{Knowledge, Replay, holdings_as_of},
    journal::{Journal, NoJournal, Unrecorded},
    run_journal::RunJournal,
    store::{Clock, Ledger, LedgerError, Whose, read_all},
    verify::{Break, Verified, verify},
};
