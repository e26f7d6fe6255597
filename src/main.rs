//! Parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tilgang::cli::run(std::env::args_os()).into()
}
