//! Who leads: the laws of the pure machine under bad clocks and a bad network, and the real client against an API server.

mod examples;
mod http;
mod laws;
mod play;
#[cfg(unix)]
mod program;
mod server;
