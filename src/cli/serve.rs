//! `tilgang serve`: drift, watched. Follows git, looks on a schedule and when Azure tells of a change, heals what it was told to.
//!
//! What to do when is decided in `reconcile`; what differs, and since when, in `watch`. Here are sockets, timers, git, signals
//! and the state folder:
//!
//! | file | what it does |
//! |---|---|
//! | `board` | what is known now, for whoever shows it |
//! | `listeners` | who is told of each run |
//! | `http`, `event_grid`, `secret` | the socket |
//! | `keep` | files of the state folder |

pub(in crate::cli) mod board;
mod event_grid;
pub(in crate::cli) mod http;
pub(in crate::cli) mod keep;
pub(in crate::cli) mod listeners;
pub(in crate::cli) mod secret;
