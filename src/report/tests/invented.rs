//! Invented people, owners' resources, and the catalogue that is shipped, in small.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::{
    model::{
        assignment::PrincipalType,
        catalog::{Catalog, Environment, Gives, Pattern, ResourceKind, Role, RoleDefinition},
        ids::{PrincipalId, ScopeId, UserName},
        owner::{EnvironmentName, KindName, OwnerCode, RoleName},
        trouble::{Trouble, TroubleKind},
    },
    plan::change::Who,
};

pub(super) const KEY_VAULT: &str = "key-vault";
const INSIGHTS: &str = "application-insights";

pub(super) fn code(text: &str) -> OwnerCode {
    OwnerCode::new(text).unwrap()
}

/// Kari Fiktiv, `kari.fiktiv@ai-dev.no`.
pub(super) fn who(name: &str) -> Who {
    let sign_in = format!("{}@ai-dev.no", name.to_lowercase().replace(' ', ".").replace('ø', "oe").replace('å', "aa"));
    Who {
        id: id(name),
        principal_type: PrincipalType::User,
        name: Some(UserName::new(&sign_in)),
        display_name: Some(name.into()),
    }
}

pub(super) fn id(name: &str) -> PrincipalId {
    PrincipalId(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
}

pub(super) fn scope(owner: &str, environment: &str, kind: &str) -> ScopeId {
    let (group, arm_type, name) = if kind == KEY_VAULT {
        ("altinnapps", "Microsoft.KeyVault/vaults", "keyvault")
    } else {
        ("monitor", "Microsoft.Insights/components", "ai")
    };
    ScopeId::new(&format!(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/{group}-{owner}-{environment}-rg/providers/{arm_type}/{owner}-{environment}-{name}"
    ))
}

pub(super) fn trouble(doing: &str) -> Trouble {
    Trouble {
        status: Some(403),
        code: Some("AuthorizationFailed".into()),
        request_id: Some("6f1c0a52-0000-4000-8000-000000000001".into()),
        ..Trouble::new(TroubleKind::Denied, doing, "The client does not have authorization to perform the action.")
    }
}

pub(super) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (name, title, azure_name) in [("test", "Test", "tt02"), ("prod", "Prod", "prod")] {
        let subscription = Pattern::new(&format!("Altinn-{{OWNER}}-{title}")).unwrap();
        let environment = Environment { title: title.into(), azure_name: azure_name.into(), subscription };
        catalog.environments.insert(EnvironmentName::new(name), environment);
        for (role, title_of, may, kind, definition, definition_name) in [
            (
                "developer",
                "Developer",
                "read logs",
                INSIGHTS,
                "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
                "Monitoring Reader",
            ),
            (
                "operations",
                "Operations",
                "read and change secrets",
                KEY_VAULT,
                "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
                "Key Vault Secrets Officer",
            ),
        ] {
            let definition = RoleDefinition { id: definition.parse().unwrap(), name: definition_name.into() };
            let role_of = Role {
                title: format!("{title} {title_of}"),
                may: may.into(),
                environment: EnvironmentName::new(name),
                gives: vec![Gives { kind: KindName::new(kind), definition, privileged: None }],
            };
            catalog.roles.insert(RoleName::new(&format!("{name}-{role}")), role_of);
        }
    }
    for (kind, title, arm_type) in [
        (INSIGHTS, "Application Insights", "microsoft.insights/components"),
        (KEY_VAULT, "Key Vault", "microsoft.keyvault/vaults"),
    ] {
        let name = Pattern::new("{owner}-{env}-x").unwrap();
        let kind_of = ResourceKind { title: title.into(), arm_type: arm_type.into(), name, tags: BTreeMap::new() };
        catalog.kinds.insert(KindName::new(kind), kind_of);
    }
    catalog
}
