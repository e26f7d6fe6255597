//! `tilgang grant`: lets a person in, in an owner's YAML. Nothing goes over the network.

use clap::Args;
use jiff::{civil::Date, tz::TimeZone};

use crate::{edit, model::ids::PrincipalId};

use super::{Exit, Global, change, environment, output};

/// Let a person in: change an owner's YAML, and nothing else in it
#[derive(Debug, Args)]
#[command(
    after_help = "Example: tilgang grant kari.fiktiv@ai-dev.no prod-operations --owner ttd --until 2027-01-31 --reason 'on call'

Other --until, --reason or --ticket for a role that the person has change what is stated there."
)]
pub(super) struct Grant {
    /// The sign-in name, as Entra has it: not the e-mail address
    #[arg(value_name = "PERSON")]
    user: String,
    /// Roles as owners write them, such as prod-developer
    #[arg(value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// The last day, UTC
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    until: Option<Date>,
    /// Why, in a sentence or three
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Where it was asked for
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// The person's object id in Entra
    #[arg(long, value_name = "GUID", value_parser = guid)]
    id: Option<PrincipalId>,
    /// Write nothing: show the difference, and exit with 2
    #[arg(long)]
    check: bool,
}

impl Grant {
    pub(super) fn run(self, global: &Global) -> Exit {
        let Self { user, mut roles, until, reason, ticket, id, check } = self;
        let mut seen = std::collections::BTreeSet::new();
        roles.retain(|role| seen.insert(role.clone()));
        if global.owner.is_empty() {
            return output::usage(global, "name the service owner with `--owner CODE`");
        }
        let today = environment::now().to_zoned(TimeZone::UTC).date();
        if let Some(day) = until.filter(|day| *day < today) {
            return output::usage(global, format!("`--until {day}` has passed: it would let nobody in"));
        }
        let grant = edit::Grant { user, id, roles, until, reason, ticket };
        change::carry_out(global, &edit::Change::Grant(grant), check)
    }
}

pub(super) fn day(text: &str) -> Result<Date, String> {
    let day = (text.len() == 10).then(|| text.parse().ok()).flatten();
    day.ok_or_else(|| "write year, month and day, such as 2027-01-31".to_owned())
}

fn guid(text: &str) -> Result<PrincipalId, String> {
    let id = (text.len() == 36).then(|| text.parse().ok()).flatten();
    id.ok_or_else(|| "a GUID has the form 00000000-0000-0000-0000-000000000000".to_owned())
}
