//! `tilgang completions`: the script that lets a shell complete flags and commands.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, Exit, output};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang completions bash > /etc/bash_completion.d/tilgang")]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Exit {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "tilgang", &mut script);
        output::result(&String::from_utf8_lossy(&script));
        Exit::Converged
    }
}
