//! The least role, its condition and the commands that give them → text that a shell can run, JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    Format,
    clean::{clean, clean_json},
};
use crate::{
    model::ids::ScopeId,
    rights::{GRAPH_GROUPS, GRAPH_NAMES_ALL, GraphPermission, Needs, Purpose, condition},
};

/// What an identity is to be given.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// What the workspace needs.
    pub needs: &'a Needs,
    /// This installation: part of the role's name.
    pub instance: &'a str,
    /// Where the role is given, with the subscription's name where it is known.
    pub scopes: &'a [(ScopeId, Option<String>)],
    /// Subscriptions that the workspace means and that were not seen, by name.
    pub absent: &'a [String],
    /// The program and its version.
    pub tool: &'a str,
}

/// Microsoft Graph itself (Microsoft, "Microsoft Graph permissions reference").
const GRAPH_API: &str = "00000003-0000-0000-c000-000000000000";

/// What the identity is to be given. Ends with a line feed.
#[must_use]
pub fn identity(means: &Means<'_>, format: Format) -> String {
    match format {
        Format::Json => clean_json(&format!("{:#}\n", as_json(means))),
        Format::Text => as_text(means),
    }
}

impl Means<'_> {
    fn name(&self) -> String {
        format!("tilgang {} {}", self.instance, self.purpose.word())
    }

    fn condition(&self) -> Option<String> {
        (self.purpose == Purpose::Applying).then(|| self.needs.condition())
    }

    /// As `az role definition create` and `New-AzRoleDefinition` take it (azure-docs custom-roles-cli.md).
    fn role(&self) -> Value {
        let does = match self.purpose {
            Purpose::Reading => "Reads what tilgang compares with git. Changes nothing.",
            Purpose::Applying => {
                "Reads what tilgang compares with git, and gives and takes roles. To be assigned with its condition."
            }
        };
        let actions: Vec<String> = self.needs.actions(self.purpose).into_iter().map(|(action, _)| action).collect();
        let scopes: Vec<&str> = self.scopes.iter().map(|(scope, _)| scope.as_str()).collect();
        json!({
            "Name": self.name(), "IsCustom": true, "Description": does, "Actions": actions, "NotActions": [],
            "DataActions": [], "NotDataActions": [], "AssignableScopes": scopes,
        })
    }
}

fn as_json(means: &Means<'_>) -> Value {
    let scope = |(scope, name): &(ScopeId, Option<String>)| json!({ "id": scope.as_str(), "name": name });
    let permission = |it: &GraphPermission| json!({ "permission": it.word, "id": it.id, "type": "Application" });
    let condition = means.condition();
    json!({
        "format": 1, "tool": means.tool, "for": means.purpose.word(), "role": means.role(),
        "condition_version": condition.as_ref().map(|_| condition::VERSION), "condition": condition,
        "scopes": means.scopes.iter().map(scope).collect::<Vec<_>>(), "not_seen": means.absent,
        "graph": means.needs.graph.iter().map(permission).collect::<Vec<_>>(),
    })
}

fn as_text(means: &Means<'_>) -> String {
    let mut text = String::new();
    let word = means.purpose.word();
    let mut line = |words: &str| {
        let _ = writeln!(text, "{words}"); // writing to a String cannot fail
    };
    line(&format!("# The least that an identity for {word} needs, as commands for a shell with `az`. Read, then run:"));
    line("#   PRINCIPAL=<object id of its service principal> APP=<its application (client) id> sh tilgang-identity.sh");
    line("set -eu");
    line("");
    line("# 1. A role with these actions and no others:");
    for (action, why) in means.needs.actions(means.purpose) {
        line(&format!("#    {action}  {why}"));
    }
    let file = format!("tilgang-{word}");
    line(&format!("cat > {file}.json <<'JSON'"));
    line(&clean_json(&format!("{:#}", means.role())));
    line("JSON");
    line(&format!("az role definition create --role-definition @{file}.json"));
    line("");
    let mut with = String::new();
    if let Some(condition) = means.condition() {
        line("# 2. A condition: it may give these roles to people, and take them from people, and do nothing else:");
        let given = means.needs.given();
        for (id, name) in means.needs.taken() {
            let retired = if given.contains_key(&id) { "" } else { "  retired: may only be taken" };
            line(&format!("#    {id}  {}{retired}", clean(name)));
        }
        line(&format!("cat > {file}.condition <<'CONDITION'"));
        line(&condition);
        line("CONDITION");
        line("");
        with =
            format!(" \\\n    --condition \"$(cat {file}.condition)\" --condition-version \"{}\"", condition::VERSION);
    }
    let step = if means.purpose == Purpose::Applying { 3 } else { 2 };
    line(&format!("# {step}. The role, at each subscription that the workspace means:"));
    line("while read -r scope name; do");
    line("  echo \"$scope  $name\"");
    line(&format!(
        "  az role assignment create --assignee-object-id \"$PRINCIPAL\" --assignee-principal-type ServicePrincipal \\\n    --role \"{}\" --scope \"$scope\"{with} </dev/null",
        means.name()
    ));
    line("done <<'SCOPES'");
    for (scope, name) in means.scopes {
        line(format!("{scope}  {}", clean(name.as_deref().unwrap_or_default())).trim_end());
    }
    line("SCOPES");
    for name in means.absent {
        line(&format!("#    not seen, and left out: {}", clean(name)));
    }
    line("");
    let graph = &means.needs.graph;
    let words: Vec<String> = graph.iter().map(|it| format!("{} {}", it.word, it.why)).collect();
    line(&format!("# {}. Microsoft Graph, application permissions: {}.", step + 1, words.join("; ")));
    if means.needs.groups().is_none() {
        line(&format!("#    {GRAPH_GROUPS} as well lets `who`, `why` and `review` read who is in groups."));
    }
    line(&format!(
        "#    {GRAPH_NAMES_ALL} in place of these: groups and applications that hold something have names, too."
    ));
    let ids: Vec<String> = graph.iter().map(|it| format!("{}=Role", it.id)).collect();
    line(&format!("az ad app permission add --id \"$APP\" --api {GRAPH_API} --api-permissions {}", ids.join(" ")));
    line("az ad app permission admin-consent --id \"$APP\"");
    line("");
    line(&format!("# Then, signed in as this identity: tilgang doctor --for {word}"));
    text
}
