//! What is asked for + the YAML as it stands → the YAML afterwards: people let in and taken out, and canonical form.
//!
//! Never the network, never a clock, never a file that could not be read without an error.
