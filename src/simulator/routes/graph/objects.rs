//! Groups, service principals, and objects of any kind by id.

use serde_json::{Value, json};

use super::{body, context, denied, entity, not_found, page, select, users};
use crate::{
    model::ids::PrincipalId,
    simulator::{
        refusal::Refusal,
        routes::{Answer, Ask},
        world::{Application, Group, Uncovered, World},
    },
};

/// What comes without `$select`, for each kind of object: all that it has, but for users.
pub(super) const ALL: &[&str] = &["*"];
/// When groups and applications were made that the world gives no time for. Ours.
const LONG_AGO: &str = "2026-01-01T08:00:00Z";
/// Ids in one `getByIds` (graph-docs directoryobject-getbyids).
const IDS_MAX: usize = 1_000;

/// A group with all that one has (recorded: azure-cli test_group_scenario).
pub(super) fn group(found: &Group) -> Value {
    let (first, last) = (
        json!({
            "id": found.id.to_string(), "deletedDateTime": null, "classification": null, "createdDateTime": LONG_AGO,
            "creationOptions": [], "description": null, "displayName": found.name, "expirationDateTime": null,
            "groupTypes": [], "isAssignableToRole": null, "mail": null, "mailEnabled": false, "mailNickname": found.name,
            "membershipRule": null, "membershipRuleProcessingState": null, "onPremisesDomainName": null,
            "onPremisesLastSyncDateTime": null, "onPremisesNetBiosName": null, "onPremisesSamAccountName": null,
        }),
        json!({
            "onPremisesSecurityIdentifier": null, "onPremisesSyncEnabled": null, "preferredDataLocation": null,
            "preferredLanguage": null, "proxyAddresses": [], "renewedDateTime": LONG_AGO, "resourceBehaviorOptions": [],
            "resourceProvisioningOptions": [], "securityEnabled": true, "securityIdentifier": security_identifier(found.id),
            "theme": null, "visibility": null, "onPremisesProvisioningErrors": [], "serviceProvisioningErrors": [],
        }),
    );
    together(first, last)
}

/// The object id as Windows writes it: four numbers, each of four bytes in their stored order (recorded).
fn security_identifier(id: PrincipalId) -> String {
    let bytes = id.0.to_bytes_le();
    let numbers =
        bytes.chunks_exact(4).map(|four| four.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)));
    numbers.fold("S-1-12-1".to_owned(), |text, number| format!("{text}-{number}"))
}

/// A service principal with all that one has (recorded: azure-cli test_service_principal_scenario).
pub(super) fn application(found: &Application) -> Value {
    let (first, last) = (
        json!({
            "id": found.id.to_string(), "deletedDateTime": null, "accountEnabled": true, "alternativeNames": [],
            "appDisplayName": found.name, "appDescription": null, "appId": found.client_id.to_string(),
            "applicationTemplateId": null, "appOwnerOrganizationId": null, "appRoleAssignmentRequired": false,
            "createdDateTime": LONG_AGO, "description": null, "disabledByMicrosoftStatus": null,
            "displayName": found.name, "homepage": null, "loginUrl": null, "logoutUrl": null, "notes": null,
            "notificationEmailAddresses": [], "preferredSingleSignOnMode": null,
        }),
        json!({
            "preferredTokenSigningKeyThumbprint": null, "replyUrls": [],
            "servicePrincipalNames": [found.client_id.to_string()], "servicePrincipalType": "Application",
            "signInAudience": "AzureADMyOrg", "tags": [], "tokenEncryptionKeyId": null, "samlSingleSignOnSettings": null,
            "addIns": [], "appRoles": [], "keyCredentials": [], "oauth2PermissionScopes": [], "passwordCredentials": [],
            "resourceSpecificApplicationPermissions": [],
            "info": {
                "logoUrl": null, "marketingUrl": null, "privacyStatementUrl": null, "supportUrl": null,
                "termsOfServiceUrl": null,
            },
            "verifiedPublisher": { "displayName": null, "verifiedPublisherId": null, "addedDateTime": null },
        }),
    );
    together(first, last)
}

fn together(mut first: Value, mut last: Value) -> Value {
    if let (Some(first), Some(last)) = (first.as_object_mut(), last.as_object_mut()) {
        first.append(last);
    }
    first
}

fn id(key: &str) -> Result<PrincipalId, Refusal> {
    key.parse().map_err(|_| not_found(key))
}

pub(super) fn get_group(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let found = world.group(id(key)?).ok_or_else(|| not_found(key))?;
    Ok(entity(ask, "groups", &group(found), ALL))
}

pub(super) fn get_application(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let found = world.application(id(key)?).ok_or_else(|| not_found(key))?;
    Ok(entity(ask, "servicePrincipals", &application(found), ALL))
}

/// Direct members, or all that are in it through groups.
pub(super) fn members(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let group = world.group(id(key)?).ok_or_else(|| not_found(key))?;
    let through_groups = ask.path.ends_with("/transitiveMembers");
    let members = if through_groups { world.everybody_in(group.id) } else { group.members.clone() };
    let found: Vec<Value> = members.iter().filter_map(|member| shown(world, ask, *member)).collect();
    page(ask, "directoryObjects", &found, ALL)
}

pub(super) fn get_any(world: &World, ask: &Ask, key: &str) -> Result<Answer, Refusal> {
    let found = shown(world, ask, id(key)?).ok_or_else(|| not_found(key))?;
    Ok(entity(ask, "directoryObjects", &found, ALL))
}

/// An object among others: a user with no more than comes by default, unless more is selected (recorded).
fn shown(world: &World, ask: &Ask, id: PrincipalId) -> Option<Value> {
    let mut object = any(world, id)?;
    if let Some(object) = object.as_object_mut().filter(|_| world.user(id).is_some()) {
        let all = ask.parameter("$select").is_some();
        object.retain(|key, _| all || key.starts_with('@') || users::DEFAULT.contains(&key.as_str()));
    }
    Some(object)
}

fn any(world: &World, id: PrincipalId) -> Option<Value> {
    let typed = |mut object: Value, kind: &str| {
        if let Some(object) = object.as_object_mut() {
            object.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.{kind}")));
        }
        object
    };
    let user = world.user(id).map(|found| typed(users::object(found), "user"));
    let found = user.or_else(|| world.group(id).map(|found| typed(group(found), "group")));
    found.or_else(|| world.application(id).map(|found| typed(application(found), "servicePrincipal")))
}

/// One answer for up to 1,000 ids; what does not exist is left out without an error (recorded, FACTS §7).
pub(super) fn by_ids(world: &World, caller: &Application, ask: &Ask) -> Result<Answer, Refusal> {
    let body = body(ask)?;
    let list = |key: &str| body.get(key).and_then(Value::as_array);
    let ids = list("ids").ok_or_else(|| Refusal::new(400, "Request_BadRequest", "The 'ids' parameter is required."))?;
    if ids.len() > IDS_MAX {
        let message = format!("The number of ids exceeds the limit of {IDS_MAX}."); // words not recorded
        return Err(Refusal::new(400, "Request_BadRequest", message));
    }
    let types = list("types");
    let asked = types.map(|types| types.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    let is_covered =
        asked.as_ref().map_or(caller.may_look_up_all(), |asked| asked.iter().all(|kind| caller.may_look_up(kind)));
    if !is_covered && world.settings().uncovered == Uncovered::Refused {
        return Err(denied());
    }
    let is_shown = |id: PrincipalId| {
        let kind = if world.user(id).is_some() {
            "user"
        } else if world.group(id).is_some() {
            "group"
        } else {
            "servicePrincipal"
        };
        caller.may_look_up(kind)
    };
    let wanted = |object: &Value| {
        let is = object.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
        types.is_none_or(|types| {
            types
                .iter()
                .filter_map(Value::as_str)
                .any(|wanted| is.strip_prefix("#microsoft.graph.").is_some_and(|is| is.eq_ignore_ascii_case(wanted)))
        })
    };
    let found = ids.iter().filter_map(Value::as_str).filter_map(|id| id.parse().ok());
    let found =
        found.filter(|id| is_shown(*id)).filter_map(|id| shown(world, ask, id)).map(|object| select(ask, &object, ALL));
    let value: Vec<Value> = found.filter(wanted).collect();
    Ok(Answer::json(200, &json!({ "@odata.context": context(ask, "directoryObjects"), "value": value })))
}
