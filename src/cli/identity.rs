//! `tilgang identity`: the least rights that an identity needs, as a role, a condition and the commands that give them.

use std::collections::BTreeSet;

use clap::Args;

use crate::{
    app::Workspace,
    model::{desired::Desired, ids::ScopeId},
    plan::selection::Scope,
    ports::{Inventory, Stock},
    report::{self, Means},
    rights::{Needs, Purpose, condition},
};

use super::{Exit, Global, connect::Connection, doctor::For, output};

/// Write the least rights that an identity needs: a role, its condition, and the commands that give them
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang identity --for reading --dir examples/altinn --simulate")]
pub(super) struct Identity {
    /// What the identity is for: reading is `plan` and `drift`, applying is `apply` as well
    #[arg(long = "for", value_enum, default_value_t = For::Applying, value_name = "PURPOSE")]
    purpose: For,
    /// Where it is to hold, instead of each subscription that the workspace means: a subscription's or management group's
    /// id; repeat for more. With it, Azure is not asked
    #[arg(long, value_name = "ID")]
    scope: Vec<String>,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = report::Format::Text)]
    format: report::Format,
}

impl Identity {
    pub(super) async fn run(&self, global: &Global) -> Exit {
        let Self { purpose, scope, format } = self;
        let purpose = Purpose::from(*purpose);
        if let Some(odd) = scope.iter().find(|text| !is_scope(text)) {
            let words = "write `/subscriptions/<id>` or `/providers/Microsoft.Management/managementGroups/<name>`";
            return output::usage(global, format_args!("`{odd}` is no subscription or management group: {words}"));
        }
        let (mut workspace, chosen) = match global.workspace() {
            Ok(read) => read,
            Err(exit) => return exit,
        };
        let desired = match workspace.take_desired() {
            Ok(desired) => desired,
            Err(exit) => return exit,
        };
        let needs = Needs::of(&desired);
        let (scopes, absent) = if scope.is_empty() {
            match meant(global, (&workspace, &chosen), &desired, &needs).await {
                Ok(found) => found,
                Err(exit) => return exit,
            }
        } else {
            (scope.iter().map(|text| (ScopeId::new(text), None)).collect(), Vec::new())
        };
        if scopes.is_empty() {
            let words =
                "our identity sees none of the subscriptions that the workspace means; name them with `--scope ID`";
            return output::fail(global, words);
        }
        if purpose == Purpose::Applying && needs.condition().len() > condition::BYTES_MAX {
            let words = "the workspace gives so many role definitions that a condition for them is longer than Azure takes (8 KB)";
            return output::fail(global, words);
        }
        for name in &absent {
            output::say(format_args!("note: our identity sees no subscription `{name}`: it is left out"));
        }
        let means = Means {
            purpose,
            needs: &needs,
            instance: desired.instance.as_str(),
            scopes: &scopes,
            absent: &absent,
            tool: concat!("tilgang ", env!("CARGO_PKG_VERSION")),
        };
        output::result(&report::identity(&means, *format));
        workspace.exit()
    }
}

/// A subscription or management group, in characters that a shell takes as they are.
fn is_scope(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'(' | b')'))
    };
    match parts.as_slice() {
        ["", word, id] => word.eq_ignore_ascii_case("subscriptions") && id.parse::<uuid::Uuid>().is_ok(),
        ["", providers, provider, groups, name] => {
            providers.eq_ignore_ascii_case("providers")
                && provider.eq_ignore_ascii_case("Microsoft.Management")
                && groups.eq_ignore_ascii_case("managementGroups")
                && plain(name)
        }
        _ => false,
    }
}

type Scopes = (Vec<(ScopeId, Option<String>)>, Vec<String>);

/// The subscriptions that the workspace means, by their names in Azure; and the names that were not seen.
async fn meant(
    global: &Global,
    (workspace, chosen): (&Workspace, &Scope),
    desired: &Desired,
    needs: &Needs,
) -> Result<Scopes, Exit> {
    let far = Connection::open(global, workspace, desired.tenant).await?;
    let stock: Stock = far.reader.stock(&needs.arm_types).await.map_err(|trouble| output::fail(global, trouble))?;
    let names: BTreeSet<String> = desired
        .owners
        .keys()
        .filter(|code| chosen.holds(**code))
        .flat_map(|code| {
            let environments = desired.environments_of(*code).map(|(_, environment)| environment);
            environments.map(|environment| environment.subscription.fill(*code, &environment.azure_name))
        })
        .collect();
    let (mut scopes, mut absent) = (Vec::new(), Vec::new());
    for name in names {
        let found = stock.subscriptions.iter().filter(|(_, row)| row.name.eq_ignore_ascii_case(&name));
        let found: Vec<_> = found.map(|(id, row)| (ScopeId::subscription_scope(*id), Some(row.name.clone()))).collect();
        if found.is_empty() {
            absent.push(name);
        } else {
            scopes.extend(found);
        }
    }
    Ok((scopes, absent))
}
