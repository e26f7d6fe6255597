//! Arguments and environment → exit code.
