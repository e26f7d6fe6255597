#![cfg(test)]
//! What always holds: the promises of the planner, of the files that people write and of the source itself.

mod again;
mod architecture;
mod changed_hands;
mod config;
mod editing;
mod file_history;
mod gets_in;
mod hostile_texts;
mod instances;
mod laws;
mod newcomers;
mod proposal;
mod questions;
mod role_definitions;
mod runs;
mod schema;
mod seeds;
mod side_by_side;
mod well;
