//! One resource as Resource Manager has it now.
//!
//! An id comes in; what stands there goes out, or that nothing does: when it was made, and of a vault whether role assignments
//! decide.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::pipeline::Door;
use crate::model::{
    ids::ScopeId,
    observed::ResourceNow,
    trouble::{Trouble, TroubleKind},
};

const VAULTS: &str = "microsoft.keyvault/vaults";
/// By type, in lower case. Of Key Vault, versions before 2026-02-01 are given up on 2027-02-27 (FACTS §4); components by
/// their description, 2020-02-02.
const API: &[(&str, &str)] = &[(VAULTS, "2026-02-01"), ("microsoft.insights/components", "2020-02-02")];
/// Resource Manager's own list, for types whose versions are not known here (resources.json).
const LIST_API: &str = "2021-04-01";

/// The resource with this id, if there is one.
pub(crate) async fn now(door: &Door, id: &ScopeId) -> Result<Option<ResourceNow>, Trouble> {
    let doing = format!("look at {id} once more");
    let arm_type = arm_type(id);
    let found = if let Some((_, version)) = API.iter().find(|(known, _)| *known == arm_type) {
        let url = door.url(&format!("{id}?api-version={version}"), &doing)?;
        none_if_gone(door.get(url, &doing).await.map(Some))?
    } else {
        let (group, _) = id.as_str().split_once("/providers/").unwrap_or((id.as_str(), ""));
        let name = id.last_segment().replace('\'', "''"); // OData doubles quotes
        let path = format!("{group}/resources?$filter=name eq '{name}'&api-version={LIST_API}");
        let url = door.url(&path, &doing)?;
        let listed: Option<Vec<Resource>> = none_if_gone(door.list(url, &doing).await.map(Some))?;
        listed.into_iter().flatten().find(|found| ScopeId::new(&found.id) == *id)
    };
    Ok(found.map(|found| {
        let says = found.properties.get("enableRbacAuthorization").and_then(Value::as_bool);
        let rbac = (arm_type == VAULTS).then_some(says == Some(true));
        let says = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let of_component = says(found.properties.get("CreationDate"));
        let made = made(of_component.as_deref(), says(found.system_data.get("createdAt")).as_deref());
        ResourceNow { id: ScopeId::new(&found.id), rbac, made }
    }))
}

/// When a resource was made: by a component's own word, else by Resource Manager's. The same order wherever it is asked.
pub(super) fn made(creation_date: Option<&str>, created_at: Option<&str>) -> Option<Timestamp> {
    creation_date.filter(|text| !text.is_empty()).or(created_at)?.parse().ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    id: String,
    #[serde(default)]
    system_data: Value,
    #[serde(default)]
    properties: Value,
}

/// Codes as recorded (errors/ResourceNotFound_404.yaml); any other 404 says nothing of the resource.
pub(super) fn none_if_gone<T>(answer: Result<Option<T>, Trouble>) -> Result<Option<T>, Trouble> {
    answer.or_else(|trouble| match (trouble.kind, trouble.code.as_deref()) {
        (TroubleKind::NotFound, Some("ResourceNotFound" | "ResourceGroupNotFound")) => Ok(None),
        _ => Err(trouble),
    })
}

/// `microsoft.keyvault/vaults`, from what follows the last `providers`.
fn arm_type(id: &ScopeId) -> String {
    let (_, of_provider) = id.folded().rsplit_once("/providers/").unwrap_or_default();
    let mut parts = of_provider.split('/');
    let namespace = parts.next().unwrap_or_default();
    // Types and names take turns.
    std::iter::once(namespace).chain(parts.step_by(2)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_from_an_id() {
        let group = "/subscriptions/s/resourceGroups/g/providers";
        for (id, is) in [
            (format!("{group}/Microsoft.KeyVault/vaults/v"), VAULTS),
            (format!("{group}/microsoft.insights/components/c"), "microsoft.insights/components"),
            (format!("{group}/Microsoft.Sql/servers/a/databases/b"), "microsoft.sql/servers/databases"),
            ("/subscriptions/s".to_owned(), ""),
        ] {
            assert_eq!(arm_type(&ScopeId::new(&id)), is);
        }
    }
}
