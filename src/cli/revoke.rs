//! `tilgang revoke`: takes roles from a person, in an owner's YAML. Nothing goes over the network.

use clap::Args;

use crate::{config, edit, model::visible};

use super::{Exit, Global, change, output};

/// Take roles, or all access, from a person: change an owner's YAML, and nothing else in it
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang revoke kari.fiktiv@ai-dev.no prod-developer --owner ttd

Repeat --owner for a person who leaves several; without it, the owners where the person stands are listed.")]
pub(super) struct Revoke {
    /// The sign-in name
    #[arg(value_name = "PERSON")]
    user: String,
    /// Which roles; without one, all of them
    #[arg(value_name = "ROLE")]
    roles: Vec<String>,
    /// Write nothing: show the difference, and exit with 2
    #[arg(long)]
    check: bool,
}

impl Revoke {
    pub(super) fn run(self, global: &Global) -> Exit {
        let Self { user, mut roles, check } = self;
        let mut seen = std::collections::BTreeSet::new();
        roles.retain(|role| seen.insert(role.clone()));
        if global.owner.is_empty() {
            return where_listed(global, &user);
        }
        change::carry_out(global, &edit::Change::Revoke { user, roles }, check)
    }
}

/// Nobody is taken out everywhere by leaving a flag out; but where that would be is said.
fn where_listed(global: &Global, user: &str) -> Exit {
    let dir = match global.find_dir() {
        Ok(dir) => dir,
        Err(exit) => return exit,
    };
    let loaded = config::load(&dir);
    let user = &visible::argument(user);
    let found = edit::owners_of(&loaded, user);
    let mut text = format!("name the service owner with `--owner CODE`; `{user}` ");
    if found.is_empty() {
        text += "is listed in no file that could be read";
        return output::usage(global, text);
    }
    text += "is listed at";
    let mut all = String::new();
    for (owner, roles) in &found {
        text.extend(["\n  ", owner.as_str(), ": ", &roles.join(", ")]);
        all.extend([" --owner ", owner.as_str()]);
    }
    output::usage(global, change::with_help(&text, Some(format!("from all of them: `tilgang revoke {user}{all}`"))))
}
