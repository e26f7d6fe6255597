//! Azure, small enough to own: one world with Azure's rules, in process and over HTTP.
//!
//! In: a world in the form of `azure.yaml` ([`mod@file`]), and requests, through the ports ([`inprocess`]) or over HTTP(S) on
//! loopback ([`mod@serve`]). Out: what Azure would answer, and the world as it is afterwards. Never: an answer Azure would not
//! give, unless a [`faults::Fault`] asks for it; a request to anywhere; a clock of its own ([`clock`]).

pub mod clock;
pub mod events;
pub mod faults;
pub mod file;
pub mod generate;
pub mod inprocess;
pub mod kql;
pub mod odata;
pub mod quota;
pub mod recent;
pub mod refusal;
pub mod routes;
pub mod serve;
pub mod shared;
pub mod state;
pub mod stats;
pub mod throttle;
pub mod tls;
pub mod world;

pub use inprocess::Identity;
pub use serve::{Running, ServeOptions, serve};
pub use shared::SharedWorld;
pub use state::State;
pub use tls::Tls;
pub use world::World;
