//! The field's words: ids, owners, roles, what is wanted and what was seen.
//!
//! No IO, no async, no serde, no clock: every other room may name this one, and this one names none.

pub mod ability;
pub mod activity;
pub mod assignment;
pub mod catalog;
pub mod code;
pub mod desired;
pub mod file_history;
pub mod former;
pub mod ids;
pub mod log_query;
pub mod notify;
pub mod observed;
pub mod other_access;
pub mod owner;
pub mod past;
pub mod people;
pub mod permissions;
pub mod policy;
pub mod privilege;
pub mod remembered;
pub mod shard;
pub mod trouble;
pub mod visible;
