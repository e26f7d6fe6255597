//! The daemon as a state machine: what happened and the time come in, what to do next goes out. Never waits, never fails.
