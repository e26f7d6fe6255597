//! Privileged Identity Management over HTTP: schedules, their instances, and requests (FACTS §8; specs 2020-10-01).

use jiff::{SpanRelativeTo, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Ask, resources::body, wire};
use crate::{
    model::{
        assignment::Triple,
        ids::{PrincipalId, RoleDefinitionId, ScopeId},
    },
    simulator::{
        clock::azure_time,
        refusal::Refusal,
        world::{
            Scoping, World,
            pim::{Eligibility, Kind, PimRequest},
        },
    },
};

/// The `$filter` of PIM's lists: here `principalId` and `atScope()` do combine (azurerm, FACTS §8).
#[derive(Debug, Default)]
struct Filter {
    at_scope: bool,
    principals: Option<Vec<PrincipalId>>,
}

fn filter(world: &World, caller: PrincipalId, text: &str) -> Result<Filter, Refusal> {
    let mut filter = Filter::default();
    for term in text.split(" and ").map(str::trim).filter(|term| !term.is_empty()) {
        let value =
            term.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\'')).and_then(|(id, _)| id.parse().ok());
        let folded = term.trim_start_matches('(').to_ascii_lowercase();
        match value {
            None if folded.starts_with("atscope()") => filter.at_scope = true,
            None if folded.starts_with("astarget()") => {
                filter.principals = Some(world.with_groups(caller).into_iter().collect());
            }
            Some(id) if folded.starts_with("principalid eq") => filter.principals = Some(vec![id]),
            Some(id) if folded.starts_with("assignedto(") => {
                filter.principals = Some(world.with_groups(id).into_iter().collect());
            }
            _ => {
                let message = format!("The filter '{text}' is not supported."); // words not recorded
                return Err(Refusal::new(400, "UnsupportedQuery", message));
            }
        }
    }
    Ok(filter)
}

/// Answers for the six collections; `None` for what they do not have.
pub(super) fn answer(
    world: &mut World,
    caller: PrincipalId,
    ask: &Ask,
    scope: &ScopeId,
    collection: &str,
    rest: &[&str],
) -> Result<Option<Answer>, Refusal> {
    world.demand_pim()?;
    let of = if collection.starts_with("roleeligibility") { Kind::Eligibility } else { Kind::Assignment };
    match (ask.method.as_str(), rest) {
        ("PUT", [name]) if collection.ends_with("requests") => {
            let request = request(world, caller, ask, scope, of, name)?;
            let made = world.pim_request(caller, request)?;
            Ok(Some(Answer::json(201, &request_json(world, &made)))) // 201 only (specs)
        }
        ("POST", [name, "cancel"]) if collection.ends_with("requests") => {
            let id = name.parse().map_err(|_| none(name))?;
            world.cancel_pim_request(caller, scope, id)?;
            Ok(Some(Answer::empty(200)))
        }
        ("GET", [] | [_]) => {
            // Each list has an action of its own (azure-docs resource-provider-operations.md); case does not matter there.
            world.demand(caller, &format!("Microsoft.Authorization/{collection}/read"), scope)?;
            let filter = filter(world, caller, ask.parameter("$filter").unwrap_or_default())?;
            let value = listed(world, caller, scope, collection, &filter)?;
            let Some(name) = rest.first() else { return Ok(Some(Answer::json(200, &json!({ "value": value })))) };
            let named = |value: &&Value| {
                value.get("name").and_then(Value::as_str).is_some_and(|is| is.eq_ignore_ascii_case(name))
            };
            Ok(Some(Answer::json(200, value.iter().find(named).ok_or_else(|| none(name))?)))
        }
        _ => Ok(None),
    }
}

/// Code and words inferred.
fn none(name: &str) -> Refusal {
    Refusal::new(404, "ResourceNotFound", format!("The schedule or request '{name}' is not found."))
}

fn listed(
    world: &World,
    caller: PrincipalId,
    at: &ScopeId,
    collection: &str,
    filter: &Filter,
) -> Result<Vec<Value>, Refusal> {
    let above = world.above(at);
    let whose = |id: PrincipalId| filter.principals.as_ref().is_none_or(|ids| ids.contains(&id));
    let seen = |scope: &ScopeId| scope == at || above.contains(scope) || !filter.at_scope && at.holds(scope);
    let now = world.now();
    let eligible = |found: &&Eligibility| seen(&found.triple.scope) && whose(found.triple.principal);
    Ok(match collection {
        "roleeligibilityschedules" => {
            world.eligibilities().filter(eligible).map(|found| eligibility_json(world, found, at, false)).collect()
        }
        "roleeligibilityscheduleinstances" => {
            let begun = world.eligibilities().filter(eligible).filter(|found| found.start <= now);
            begun.map(|found| eligibility_json(world, found, at, true)).collect()
        }
        "roleassignmentschedules" | "roleassignmentscheduleinstances" => {
            let scoping = Scoping { at_scope: filter.at_scope, ..Scoping::default() };
            let listed = world.list(caller, at, scoping)?;
            let listed = listed.into_iter().filter(|found| whose(found.triple.principal));
            if collection.ends_with("instances") {
                listed.map(|found| wire::pim_instance(world, found, at)).collect()
            } else {
                listed.map(|found| wire::pim_schedule(world, found, at)).collect()
            }
        }
        _ => {
            let of = if collection.starts_with("roleeligibility") { Kind::Eligibility } else { Kind::Assignment };
            let requests = world.pim().requests.values().filter(|request| {
                request.kind == of && seen(&ScopeId::new(&request.scope)) && whose(PrincipalId(request.principal))
            });
            requests.map(|request| request_json(world, request)).collect()
        }
    })
}

/// Reads the body of a request: start and end from `scheduleInfo`.
fn request(
    world: &World,
    caller: PrincipalId,
    ask: &Ask,
    scope: &ScopeId,
    kind: Kind,
    name: &str,
) -> Result<PimRequest, Refusal> {
    let bad =
        |what: &str| Refusal::new(400, "InvalidRequestContent", format!("The request content was invalid: {what}."));
    let body = body(&ask.body)?;
    if body.pointer("/properties/condition").is_some_and(|condition| !condition.is_null()) {
        return Err(Refusal::not_simulated("condition"));
    }
    let text =
        |pointer: &str| body.pointer(&format!("/properties/{pointer}")).and_then(Value::as_str).map(ToOwned::to_owned);
    let time =
        |pointer: &str| text(pointer).map(|text| text.parse::<Timestamp>().map_err(|_| bad(pointer))).transpose();
    let now = world.now();
    let definition = RoleDefinitionId::from_resource_id(&text("roleDefinitionId").unwrap_or_default());
    // What lies in the past begins now.
    let start = time("scheduleInfo/startDateTime")?.unwrap_or(now).max(now);
    let duration = text("scheduleInfo/expiration/duration");
    let expiration = text("scheduleInfo/expiration/type").unwrap_or_else(|| "NoExpiration".to_owned());
    let end = match expiration.as_str() {
        "AfterDuration" => {
            let span: jiff::Span = duration.as_deref().unwrap_or_default().parse().map_err(|_| bad("duration"))?;
            let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| bad("duration"))?;
            Some(start.checked_add(length).map_err(|_| bad("duration"))?)
        }
        "AfterDateTime" => Some(time("scheduleInfo/expiration/endDateTime")?.ok_or_else(|| bad("endDateTime"))?),
        _ => None,
    };
    Ok(PimRequest {
        id: name.parse().map_err(|_| bad("the name is not a GUID"))?,
        kind,
        scope: scope.to_string(),
        principal: text("principalId").and_then(|id| id.parse::<Uuid>().ok()).ok_or_else(|| bad("principalId"))?,
        definition: definition.ok_or_else(|| bad("roleDefinitionId"))?.0,
        request_type: text("requestType").ok_or_else(|| bad("requestType"))?,
        status: "Provisioned".to_owned(),
        start,
        expiration,
        duration,
        end,
        justification: text("justification"),
        target: None,
        requestor: caller.0,
        created_on: now,
    })
}

fn path(at: &ScopeId, collection: &str, name: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/{collection}/{name}", at.as_str().trim_end_matches('/'))
}

/// As in the description's example PutRoleEligibilityScheduleRequest.json.
fn request_json(world: &World, found: &PimRequest) -> Value {
    let scope = ScopeId::new(&found.scope);
    let triple = Triple {
        scope: scope.clone(),
        principal: PrincipalId(found.principal),
        definition: RoleDefinitionId(found.definition),
    };
    let (collection, target) = match found.kind {
        Kind::Eligibility => ("RoleEligibilityScheduleRequests", "targetRoleEligibilitySchedule"),
        Kind::Assignment => ("RoleAssignmentScheduleRequests", "targetRoleAssignmentSchedule"),
    };
    let name = found.id.to_string();
    let mut properties = wire::pim_common(world, &triple, &scope);
    wire::put_all(
        &mut properties,
        json!({
            (format!("{target}Id")): found.target, (format!("{target}InstanceId")): null,
            "requestType": found.request_type, "status": found.status, "approvalId": null,
            "scheduleInfo": {
                "startDateTime": azure_time(found.start),
                "expiration": {
                    "type": found.expiration, "duration": found.duration,
                    "endDateTime": found.end.filter(|_| found.expiration == "AfterDateTime").map(azure_time),
                },
            },
            "ticketInfo": { "ticketNumber": null, "ticketSystem": null }, "justification": found.justification,
            "requestorId": found.requestor, "createdOn": azure_time(found.created_on),
        }),
    );
    json!({
        "properties": properties, "name": name, "id": path(&scope, collection, &name),
        "type": format!("Microsoft.Authorization/{collection}"),
    })
}

/// As in the examples GetRoleEligibilitySchedulesByScope.json and …InstancesByScope.json.
fn eligibility_json(world: &World, found: &Eligibility, at: &ScopeId, instance: bool) -> Value {
    let mut properties = wire::pim_common(world, &found.triple, at);
    let (collection, name) = if instance {
        let id = World::derived_id(world.tenant(), "eligibility instance", &found.id.to_string());
        ("RoleEligibilityScheduleInstances", id.to_string())
    } else {
        ("RoleEligibilitySchedules", found.id.to_string())
    };
    let schedule = path(&found.triple.scope, "RoleEligibilitySchedules", &found.id.to_string());
    wire::put_all(
        &mut properties,
        json!({
            "status": "Provisioned", "startDateTime": azure_time(found.start), "endDateTime": found.end.map(azure_time),
            "memberType": if found.triple.scope == *at { "Direct" } else { "Inherited" },
            "createdOn": azure_time(found.created_on),
        }),
    );
    let made_by = world.pim().requests.values().find(|request| request.target == Some(found.id));
    wire::put_all(
        &mut properties,
        if instance {
            json!({ "roleEligibilityScheduleId": schedule })
        } else {
            let request =
                made_by.map(|made| path(&found.triple.scope, "RoleEligibilityScheduleRequests", &made.id.to_string()));
            json!({ "roleEligibilityScheduleRequestId": request, "updatedOn": azure_time(found.created_on) })
        },
    );
    json!({
        "properties": properties, "id": path(&found.triple.scope, collection, &name), "name": name,
        "type": format!("Microsoft.Authorization/{collection}"),
    })
}
