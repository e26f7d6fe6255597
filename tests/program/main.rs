#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "a test may look at its environment")]
//! The program as people run it: its binary, its files, its streams and its exit codes.

mod cases;
mod examples;
mod workspace;
