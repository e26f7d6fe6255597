//! The use cases: what commands and the daemon do, in the one order in which it is right. Ports, records and the time come in as
//! arguments; facts, typed errors and notes go out.
//!
//! | file | what it does |
//! |---|---|
//! | `workspace` | finds what git says, and which owners are meant |
//! | `plan` | reads Azure, compares, asks policy; narrows that, and asks again: [`PlanRequest`] → [`PlannedRun`] |
//! | `asked_of_git` | what a run asks git about its past, until the answers raise no new question |
//! | `base_diff` | what one change to git causes |
//! | `own_permissions`, `own_denials` | what our own identity may do, and what is denied to it |
//! | `apply` | carries a planned run out: [`PlannedRun`] → [`AppliedRun`] |
//! | `adopt` | owners' files for what Azure already has, and the marks by which it becomes ours |
//! | `question` | what `why`, `who` and `review` answer from |
//! | `record` | where runs are recorded, and what they know of those before |
//! | `exit`, `error`, `note` | how a run ended, why it came to nothing, what people should know |
//!
//! Never prints, asks nobody, reads no variable, names no implementation of a port.

pub mod adopt;
mod apply;
mod asked_of_git;
pub mod base_diff;
mod error;
mod exit;
mod note;
pub mod own_denials;
pub mod own_permissions;
mod plan;
mod question;
pub mod record;
mod workspace;

pub use self::{
    apply::{AppliedRun, ApplyRequest, NoStop, NotBegun, Stop},
    error::Error,
    exit::Exit,
    note::Note,
    own_permissions::AskPermissions,
    plan::{Azure, Moved, PlanRequest, PlannedRun, check_age, check_git, observe},
    question::Answer,
    record::{Recording, Records},
    workspace::{GitHistory, NameHistory, Workspace},
};
