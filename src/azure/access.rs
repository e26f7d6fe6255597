//! What gives or takes access beside role assignments: eligibilities, deny assignments, vaults' access policies, deleted vaults.
//!
//! A scope comes in, whole lists go out. An entry that cannot be read makes its whole list an error, as in `assignments`.

use azure_mgmt_authorization::models;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    assignments::{collect, malformed, old_scope, timestamp, triple},
    pipeline::Door,
    resources::none_if_gone,
};
use crate::model::{
    assignment::PrincipalType,
    ids::{PrincipalId, ScopeId, SubscriptionId},
    other_access::{AccessPolicy, Conditional, DeletedVault, Denial, Effect, Eligibility, Reach},
    permissions::{Block, Definition},
    trouble::Trouble,
};

/// The first that tells `enforced` from `audit` (DenyAssignments-2026-09-01; FACTS_PIM_GROUPS §4).
const DENIALS_API: &str = "2026-09-01";
/// Versions before it are given up on 2027-02-27 (FACTS §4).
const VAULTS_API: &str = "2026-02-01";
/// Everybody, as a deny assignment's principal (FACTS_PIM_GROUPS §4).
const EVERYBODY: uuid::Uuid = uuid::Uuid::nil();

/// Who may activate a role at a scope and above it (FACTS_PIM_GROUPS §1.1). Without the right: 400 `InsufficientPermissions`,
/// or 500 (§1.2): an error, never an empty list.
pub(crate) async fn eligibilities(
    client: &azure_mgmt_authorization::Client,
    at: &ScopeId,
) -> Result<Vec<Eligibility>, Trouble> {
    let doing = format!("list who may activate a role at {at}");
    let pages = client.role_eligibility_schedule_instances_client().list_for_scope(old_scope(at)).into_stream();
    let entries = collect(pages, &doing, |page: models::RoleEligibilityScheduleInstanceListResult| page.value).await?;
    entries.into_iter().map(|entry| eligibility(entry).map_err(|why| malformed(&doing, &why))).collect()
}

fn eligibility(entry: models::RoleEligibilityScheduleInstance) -> Result<Eligibility, String> {
    use models::role_eligibility_schedule_instance_properties::PrincipalType as Old;
    let id = entry.id.unwrap_or_default();
    let missing = |what: &str| format!("eligibility `{id}` has no readable {what}");
    let it = entry.properties.ok_or_else(|| missing("properties"))?;
    let (principal, definition) = (it.principal_id.as_deref(), it.role_definition_id.as_deref());
    let triple = triple(it.scope.as_deref(), principal.unwrap_or_default(), definition.unwrap_or_default());
    // Null fields are left out, this one as well: then the expanded principal says what it is (FACTS_PIM_GROUPS §1.3).
    let expanded = it.expanded_properties.and_then(|it| it.principal?.type_);
    let principal_type = match it.principal_type {
        Some(Old::User) => PrincipalType::User,
        Some(Old::Group) => PrincipalType::Group,
        Some(Old::ForeignGroup) => PrincipalType::ForeignGroup,
        Some(Old::ServicePrincipal) => PrincipalType::ServicePrincipal,
        Some(Old::Device) => PrincipalType::Other,
        Some(Old::UnknownValue(word)) => PrincipalType::from_azure(&word),
        None => expanded.map_or(PrincipalType::Other, |word| PrincipalType::from_azure(&word)),
    };
    Ok(Eligibility {
        triple: triple.map_err(missing)?,
        principal_type,
        starts: it.start_date_time.and_then(timestamp),
        ends: it.end_date_time.and_then(timestamp),
        condition: it.condition.filter(|text| !text.is_empty()).map(Into::into),
    })
}

/// Deny assignments at, above and below a subscription. The old client does not know their effect.
pub(crate) async fn denials(door: &Door, at: SubscriptionId) -> Result<Vec<Denial>, Trouble> {
    let doing = format!("list deny assignments of subscription {at}");
    let path = format!("/subscriptions/{at}/providers/Microsoft.Authorization/denyAssignments");
    let url = door.url(&format!("{path}?api-version={DENIALS_API}"), &doing)?;
    let entries: Vec<DenialEntry> = door.list(url, &doing).await?;
    entries.into_iter().map(|entry| entry.read().map_err(|why| malformed(&doing, &why))).collect()
}

#[derive(Deserialize)]
struct DenialEntry {
    id: String,
    properties: DenialProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DenialProperties {
    deny_assignment_name: Option<String>,
    scope: String,
    do_not_apply_to_child_scopes: Option<bool>,
    deny_assignment_effect: Option<String>,
    condition: Option<String>,
    permissions: Vec<Denied>,
    principals: Vec<Whom>,
    exclude_principals: Option<Vec<Whom>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Denied {
    actions: Option<Vec<String>>,
    not_actions: Option<Vec<String>>,
    data_actions: Option<Vec<String>>,
    not_data_actions: Option<Vec<String>>,
    condition: Option<String>,
}

#[derive(Deserialize)]
struct Whom {
    id: String,
}

impl DenialEntry {
    fn read(self) -> Result<Denial, String> {
        let Self { id, properties: it } = self;
        let ids = |all: Vec<Whom>| -> Result<Vec<PrincipalId>, String> {
            let one =
                |whom: Whom| whom.id.parse().map_err(|_| format!("deny assignment `{id}` has no readable principal"));
            all.into_iter().map(one).collect()
        };
        let principals = ids(it.principals)?;
        let everybody = principals.contains(&PrincipalId(EVERYBODY));
        let has = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let conditional = has(&it.condition) || it.permissions.iter().any(|block| has(&block.condition));
        let audit = it.deny_assignment_effect.is_some_and(|word| word.eq_ignore_ascii_case("audit"));
        let blocks = it.permissions.into_iter().map(|block| Block {
            actions: block.actions.unwrap_or_default(),
            not_actions: block.not_actions.unwrap_or_default(),
            data_actions: block.data_actions.unwrap_or_default(),
            not_data_actions: block.not_data_actions.unwrap_or_default(),
        });
        Ok(Denial {
            name: it.deny_assignment_name.unwrap_or_default(),
            scope: ScopeId::new(&it.scope),
            reach: if it.do_not_apply_to_child_scopes == Some(true) { Reach::ScopeOnly } else { Reach::Below },
            effect: if audit { Effect::Audit } else { Effect::Enforced },
            what: Definition { blocks: blocks.collect(), ..Definition::default() },
            conditional: if conditional { Conditional::Yes } else { Conditional::No },
            principals: if everybody { Vec::new() } else { principals },
            except: ids(it.exclude_principals.unwrap_or_default())?,
            id,
        })
    }
}

/// A vault's access policies; none if there is no such vault.
pub(crate) async fn access_policies(door: &Door, vault: &ScopeId) -> Result<Option<Vec<AccessPolicy>>, Trouble> {
    #[derive(Deserialize)]
    struct Vault {
        properties: VaultProperties,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct VaultProperties {
        access_policies: Option<Vec<PolicyEntry>>,
    }
    let doing = format!("read the access policies of {vault}");
    let url = door.url(&format!("{vault}?api-version={VAULTS_API}"), &doing)?;
    let found: Option<Vault> = none_if_gone(door.get(url, &doing).await.map(Some))?;
    let Some(Vault { properties }) = found else { return Ok(None) };
    let entries = properties.access_policies.unwrap_or_default().into_iter();
    let read = |entry: PolicyEntry| entry.read().map_err(|why| malformed(&doing, why));
    entries.map(read).collect::<Result<_, _>>().map(Some)
}

/// Any list may be missing, and words come in mixed case (KeyVaultTest, recorded; FACTS_PIM_GROUPS §5).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyEntry {
    object_id: String,
    application_id: Option<String>,
    #[serde(default)]
    permissions: Permits,
}

#[derive(Default, Deserialize)]
struct Permits {
    secrets: Option<Vec<String>>,
}

impl PolicyEntry {
    fn read(self) -> Result<AccessPolicy, &'static str> {
        let id = |text: &str| text.parse().map_err(|_| "an access policy without a readable object id");
        Ok(AccessPolicy {
            object: id(&self.object_id)?,
            application: self.application_id.as_deref().filter(|text| !text.is_empty()).map(id).transpose()?,
            secrets: self
                .permissions
                .secrets
                .unwrap_or_default()
                .iter()
                .map(|word| word.to_ascii_lowercase())
                .collect(),
        })
    }
}

/// The vaults of a subscription that were deleted and can be recovered (keyvault.json, `DeletedVaults_List`).
pub(crate) async fn deleted_vaults(door: &Door, of: SubscriptionId) -> Result<Vec<DeletedVault>, Trouble> {
    #[derive(Deserialize)]
    struct Entry {
        properties: Properties,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Properties {
        vault_id: String,
        deletion_date: Option<String>,
        scheduled_purge_date: Option<String>,
    }
    let doing = format!("list deleted vaults of subscription {of}");
    let path = format!("/subscriptions/{of}/providers/Microsoft.KeyVault/deletedVaults");
    let url = door.url(&format!("{path}?api-version={VAULTS_API}"), &doing)?;
    let entries: Vec<Entry> = door.list(url, &doing).await?;
    let time = |text: Option<String>| text.and_then(|text| text.parse::<Timestamp>().ok());
    let all = entries.into_iter().map(|Entry { properties: it }| DeletedVault {
        id: ScopeId::new(&it.vault_id),
        on: time(it.deletion_date),
        purged_on: time(it.scheduled_purge_date),
    });
    Ok(all.collect())
}
