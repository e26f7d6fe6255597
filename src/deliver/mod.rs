//! Notices that are due → Slack, Teams, mail, webhooks; and what they answered.
//!
//! | file | what it does |
//! |---|---|
//! | `secret` | a URL, key or password that no `Debug` shows |
//! | `courier` | each channel opened; a notice → its answer |
//! | `post` | one HTTP request, bounded in time, to the host that is configured and no other |
//! | `slack`, `teams`, `webhook`, `mail` | a letter in their form, its hostile text harmless |
//! | `store` | what was told, in a file that is replaced whole |
//! | `office` | what is due, sent side by side, and noted before and after |
//!
//! It decides nothing: what is told to whom and when is `notify`'s. It never blocks a run, and never follows a redirect.

mod courier;
mod mail;
mod office;
mod post;
mod secret;
mod slack;
mod store;
mod teams;
mod webhook;

#[cfg(test)]
mod tests;

pub use self::{
    courier::{Courier, Keys},
    office::{Office, Pulse},
    secret::Secret,
    store::{Store, StoreError},
};
