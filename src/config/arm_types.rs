//! Which resource types can never be a target: targets are found in Resource Graph's table `resources`, and nowhere else.
//!
//! The tables and their types are Microsoft's (azure-docs, governance/resource-graph/reference/supported-tables-resources.md). Only
//! what that page has in another table, or what no table holds, is listed here: a type that is new is no mistake.

use super::{
    cursor::Cursor,
    error::Mistakes,
    rules::{BAD_VALUE, NEVER_A_TARGET},
};

/// What a row is about.
enum Of {
    /// This type.
    Type(&'static str),
    /// Every type below this one.
    Below(&'static str),
    /// Every type of this provider, but for these that are in `resources`.
    Provider(&'static str, &'static [&'static str]),
}

/// Types in lower case, and what they are.
const NEVER: &[(Of, &str)] = &[
    (Of::Type("microsoft.resources/resourcegroups"), "a resource group is not a resource"),
    (Of::Type("microsoft.resources/subscriptions"), "a subscription is not a resource"),
    (Of::Type("microsoft.resources/subscriptions/resourcegroups"), "a resource group is not a resource"),
    (Of::Below("microsoft.resources/subscriptions"), "it is not a resource"),
    (Of::Type("microsoft.resources/changes"), "it is a record of what changed"),
    (Of::Type("microsoft.resources/deploymentstacks"), "a deployment stack is not listed there"),
    (Of::Provider("microsoft.management", &[]), "a management group is not a resource"),
    (
        Of::Provider("microsoft.authorization", &["elevateaccessroleassignment", "resourcemanagementprivatelinks"]),
        "role assignments, role definitions, policies and locks are not listed there",
    ),
    (Of::Provider("microsoft.graph", &[]), "what Microsoft Graph holds is not in Azure Resource Manager"),
    (Of::Below("microsoft.keyvault/vaults"), "what a vault holds is not listed there: give the role on the vault"),
    (Of::Below("microsoft.batch/batchaccounts"), "what a Batch account holds is not listed there"),
    (Of::Provider("microsoft.kubernetesconfiguration", &["privatelinkscopes"]), "it is not listed there"),
    (Of::Type("microsoft.insights/datacollectionruleassociations"), "it is not listed there"),
];

impl Of {
    fn is(&self, folded: &str) -> bool {
        match self {
            Self::Type(own) => folded == *own,
            Self::Below(above) => folded.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
            Self::Provider(provider, but) => {
                let rest = folded.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
                rest.is_some_and(|rest| !but.contains(&rest))
            }
        }
    }
}

/// A resource type, in lower case.
pub(super) fn read(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<String> {
    let text = at.line(mistakes)?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    let (provider, rest) = text.split_once('/').unwrap_or((text, ""));
    if !(provider.contains('.') && plain(provider) && rest.split('/').all(plain)) {
        mistakes.add(
            at.wrong(BAD_VALUE, format!("`{text}` is not a resource type"))
                .help("write it as Azure does, such as `Microsoft.KeyVault/vaults`"),
        );
        return None;
    }
    let folded = text.to_ascii_lowercase();
    if let Some((_, what)) = NEVER.iter().find(|(of, _)| of.is(&folded)) {
        mistakes.add(
            at.wrong(NEVER_A_TARGET, format!("`{text}` can never be a target: {what}"))
                .label("not in Resource Graph's table `resources`")
                .help("name the type of a resource that Resource Graph lists, such as `Microsoft.KeyVault/vaults`"),
        );
        return None;
    }
    Some(folded)
}

#[cfg(test)]
mod tests {
    use super::NEVER;

    #[test]
    fn what_resource_graph_lists_among_resources_is_never_refused() {
        let refused = |text: &str| NEVER.iter().any(|(of, _)| of.is(text));
        for listed in [
            "microsoft.keyvault/vaults",
            "microsoft.keyvault/managedhsms",
            "microsoft.insights/components",
            "microsoft.operationalinsights/workspaces",
            "microsoft.batch/batchaccounts",
            "microsoft.authorization/resourcemanagementprivatelinks",
            "microsoft.kubernetesconfiguration/privatelinkscopes",
            "microsoft.app/managedenvironments/certificates",
            "microsoft.resources/templatespecs",
            "microsoft.managementpartner/partners",
        ] {
            assert!(!refused(listed), "{listed}");
        }
        for not in
            ["microsoft.resources/resourcegroups", "microsoft.keyvault/vaults/secrets", "microsoft.authorization/locks"]
        {
            assert!(refused(not), "{not}");
        }
    }
}
