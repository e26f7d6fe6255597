//! `tilgang schema`: JSON Schema of the files that people write, for their editors.

use clap::{Args, ValueEnum};

use crate::edit::schema;

use super::{Exit, output};

/// Print the JSON Schema of a file that people write, for editors
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang schema owner > owner.schema.json

In the first line of a file: # yaml-language-server: $schema=../owner.schema.json")]
pub(super) struct Schema {
    /// Which file
    #[arg(value_enum, default_value_t = Which::Owner)]
    file: Which,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    /// An owner's file
    Owner,
    /// The platform team's tilgang.yaml
    Workspace,
    /// A dated exception to the limits, in overrides/
    Override,
}

impl Schema {
    pub(super) fn run(&self) -> Exit {
        output::result(match self.file {
            Which::Owner => schema::OWNER,
            Which::Workspace => schema::WORKSPACE,
            Which::Override => schema::OVERRIDE,
        });
        Exit::Converged
    }
}
