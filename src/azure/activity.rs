//! Who deleted what: Azure's Activity Log, one filtered question a subscription.
//!
//! The route, its filter and what may be selected: "Activity Logs - List" (learn.microsoft.com/rest/api/monitor/activity-logs/list,
//! 2015-04-01): no other filter than these is allowed. The log keeps 90 days ("View activity logs for Azure RBAC changes"), and
//! an event comes into it some minutes late (`submissionTimestamp` there). `caller` is not among what may be selected; the
//! claims say as much.

use std::collections::BTreeMap;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::pipeline::Door;
use crate::model::{
    activity::{Doer, Removal},
    ids::{AssignmentName, SubscriptionId},
    trouble::Trouble,
};

const ROUTE: &str = "/providers/Microsoft.Insights/eventtypes/management/values";
const API: &str = "2015-04-01";
const PROVIDER: &str = "Microsoft.Authorization";
const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";
const SELECT: &str = "authorization,claims,eventTimestamp,operationName,resourceId,status";
/// Claims of whoever asked, by Microsoft's names for them (the same page's example).
const OBJECT_ID: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";

/// Deletions of role assignments that went well, between two times.
pub(crate) async fn removals(
    door: &Door,
    at: SubscriptionId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Removal>, Trouble> {
    let doing = format!("read the Activity Log of subscription {at}");
    let filter =
        format!("eventTimestamp ge '{from}' and eventTimestamp le '{to}' and resourceProvider eq '{PROVIDER}'");
    let filter = utf8_percent_encode(&filter, NON_ALPHANUMERIC);
    let path = format!("/subscriptions/{at}{ROUTE}?api-version={API}&$filter={filter}&$select={SELECT}");
    let events: Vec<EventData> = door.list(door.url(&path, &doing)?, &doing).await?;
    Ok(events.into_iter().filter_map(EventData::removal).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventData {
    authorization: Option<SenderAuthorization>,
    claims: Option<BTreeMap<String, String>>,
    event_timestamp: Option<Timestamp>,
    operation_name: Option<LocalizableString>,
    resource_id: Option<String>,
    status: Option<LocalizableString>,
}

#[derive(Deserialize)]
struct SenderAuthorization {
    scope: Option<String>,
}

#[derive(Deserialize)]
struct LocalizableString {
    value: String,
}

impl EventData {
    /// None for whatever else happened there: a write, a deletion that only began or that failed.
    fn removal(self) -> Option<Removal> {
        let Self { authorization, claims, event_timestamp, operation_name, resource_id, status } = self;
        let is = |word: Option<LocalizableString>, wanted: &str| {
            word.is_some_and(|word| word.value.eq_ignore_ascii_case(wanted))
        };
        if !is(operation_name, DELETE) || !is(status, "Succeeded") {
            return None;
        }
        let id = [resource_id, authorization.and_then(|it| it.scope)];
        let name = id.iter().flatten().find_map(|id| name_in(id))?;
        let claims = claims.unwrap_or_default();
        let by = Doer {
            id: claims.get(OBJECT_ID).and_then(|id| id.parse().ok()),
            name: claims.get(UPN).or_else(|| claims.get("name")).map(|name| name.as_str().into()),
        };
        Some(Removal { name, at: event_timestamp?, by })
    }
}

/// The name at the end of a role assignment's resource id.
fn name_in(id: &str) -> Option<AssignmentName> {
    let (before, name) = id.rsplit_once('/')?;
    let is_one = before.rsplit('/').next().is_some_and(|kind| kind.eq_ignore_ascii_case("roleAssignments"));
    is_one.then(|| name.parse().ok()).flatten()
}
