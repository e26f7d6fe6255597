//! `tilgang validate`: reads the YAML, offline, without a credential.

use clap::Args;

use super::{Exit, Global, output};

/// Check the YAML: offline, without a credential, every error at once
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang validate --dir examples/altinn")]
pub(super) struct Validate {}

impl Validate {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let Self {} = self;
        let ground = match global.ground() {
            Ok(ground) => ground,
            Err(exit) => return exit,
        };
        let errors = ground.loaded.errors.len();
        if errors > 0 {
            output::say(format_args!("{}", count(errors, "error")));
            return ground.exit();
        }
        if let Some(desired) = &ground.loaded.desired {
            let people: std::collections::BTreeSet<_> = desired.grants.iter().map(|grant| &grant.user.name).collect();
            output::result(&format!(
                "valid: {}, {}, {}\n",
                count(desired.owners.len(), "service owner"),
                count(people.len(), "person"),
                count(desired.grants.len(), "grant"),
            ));
        }
        ground.exit()
    }
}

/// `1 person`, `2 people`.
pub(super) fn count(count: usize, word: &str) -> String {
    match (count, word) {
        (1, word) => format!("1 {word}"),
        (count, "person") => format!("{count} people"),
        (count, word) => format!("{count} {word}s"),
    }
}
