//! Which options of a request are carried out. What is not, is refused by its name: an option that is passed over gives rows that
//! look right and are wrong.

use super::{Ask, Refusal};

/// What every request to Resource Manager may carry.
const ALWAYS: &[&str] = &["api-version"];
/// What lists of Resource Manager carry out, by the end of their path; `*` is any one part. `$skipToken` is what their own links carry.
const LISTS: &[(&[&str], &[&str])] = &[
    (&["microsoft.authorization", "roleassignments"], &["$filter", "$skipToken"]),
    (&["microsoft.authorization", "roledefinitions"], &["$filter"]),
    (&["microsoft.authorization", "denyassignments"], &["$filter"]),
    (&["microsoft.authorization", "locks"], &["$filter"]),
    (&["microsoft.authorization", "roleassignmentscheduleinstances"], &["$filter"]),
    (&["microsoft.authorization", "roleassignmentschedules"], &["$filter"]),
    (&["microsoft.authorization", "roleassignmentschedulerequests"], &["$filter"]),
    (&["microsoft.authorization", "roleeligibilityscheduleinstances"], &["$filter"]),
    (&["microsoft.authorization", "roleeligibilityschedules"], &["$filter"]),
    (&["microsoft.authorization", "roleeligibilityschedulerequests"], &["$filter"]),
    (&["subscriptions", "*", "resources"], &["$filter", "$skipToken"]),
    (&["resourcegroups", "*", "resources"], &["$filter", "$skipToken"]),
    (&["microsoft.keyvault", "vaults"], &["$skipToken"]),
    (&["microsoft.insights", "eventtypes", "management", "values"], &["$filter", "$select", "$skipToken"]),
];
/// What Graph's lists carry out, and what an object of its own does.
const GRAPH_LISTS: &[&str] = &["$filter", "$select", "$top", "$count", "$skiptoken"];
const GRAPH_MEMBERS: &[&str] = &["$select", "$top", "$count", "$skiptoken"];
const GRAPH_ONE: &[&str] = &["$select"];
/// Headers that change what a request means, and that nothing here carries out (RFC 9110; RFC 7240; Resource Manager's own for
/// other tenants, "Authenticate requests across tenants").
const HEADERS: &[&str] = &[
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "prefer",
    "range",
    "x-http-method-override",
    "x-ms-authorization-auxiliary",
];

/// Refuses the first option of a request that is not carried out.
pub(super) fn check(ask: &Ask) -> Result<(), Refusal> {
    let known = if ask.is_graph() { graph(ask) } else { arm(ask) };
    let is_known = |name: &str| {
        known.iter().chain(if ask.is_graph() { &[] } else { ALWAYS }).any(|it| it.eq_ignore_ascii_case(name))
    };
    if let Some((name, _)) = ask.query.iter().find(|(name, _)| !is_known(name)) {
        return Err(Refusal::not_simulated(name));
    }
    let mut met: Vec<String> = Vec::new();
    for (name, _) in &ask.query {
        let folded = name.to_ascii_lowercase();
        if met.contains(&folded) {
            return Err(Refusal::not_simulated(&format!("{name}, twice"))); // only the first would be read
        }
        met.push(folded);
    }
    match HEADERS.iter().find(|name| ask.headers.contains_key(**name)) {
        Some(name) => Err(Refusal::not_simulated(name)),
        None => form(ask),
    }
}

/// Refuses a method that no route has, and an answer in another form than the one that is given.
fn form(ask: &Ask) -> Result<(), Refusal> {
    // Of HEAD, only whether a resource group exists is described (resources.json, `ResourceGroups_CheckExistence`).
    let is_group = ask.parts().iter().rev().nth(1).is_some_and(|part| part.eq_ignore_ascii_case("resourcegroups"));
    let is_known = ["GET", "PUT", "PATCH", "POST", "DELETE"].contains(&ask.method.as_str());
    if !(is_known || ask.method == "HEAD" && is_group) {
        return Err(Refusal::not_simulated(&ask.method));
    }
    // The only level that Microsoft Graph has ("Advanced query capabilities on Microsoft Entra ID objects").
    if let Some(level) = ask.headers.get("consistencylevel").filter(|level| !level.eq_ignore_ascii_case("eventual")) {
        return Err(Refusal::not_simulated(&format!("ConsistencyLevel: {level}")));
    }
    let Some(accept) = ask.headers.get("accept").map(|accept| accept.to_ascii_lowercase()) else { return Ok(()) };
    let mut ranges = accept.split(',').map(str::trim);
    // Graph answers as `odata.metadata=minimal` unless it is asked for less or more (OData JSON Format 4.01, §3.1).
    let is_json = |range: &str| {
        let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
        let is_minimal = !parameters.contains("odata.metadata=") || parameters.contains("odata.metadata=minimal");
        ["*/*", "application/*", "application/json", "text/json"].contains(&kind.trim()) && is_minimal
    };
    if ranges.any(is_json) || accept.is_empty() {
        Ok(())
    } else {
        Err(Refusal::not_simulated(&format!("Accept: {accept}")))
    }
}

/// Where a page begins, from the link of the one before. What no link of ours says is refused (status, code and words are OPEN).
pub(super) fn page(ask: &Ask) -> Result<usize, Refusal> {
    let Some(token) = ask.parameter("$skipToken") else { return Ok(0) };
    token.parse().map_err(|_| Refusal::new(400, "InvalidSkipToken", format!("The skip token '{token}' is invalid.")))
}

fn arm(ask: &Ask) -> &'static [&'static str] {
    let parts = ask.parts();
    let ends_with = |end: &[&str]| {
        let from = parts.len().checked_sub(end.len());
        let last = from.and_then(|from| parts.get(from..)).unwrap_or_default();
        last.len() == end.len() && last.iter().zip(end).all(|(part, end)| *end == "*" || part.eq_ignore_ascii_case(end))
    };
    let options = LISTS.iter().find(|(end, _)| ask.method == "GET" && ends_with(end));
    options.map_or(&[], |(_, known)| known)
}

fn graph(ask: &Ask) -> &'static [&'static str] {
    let parts = ask.parts();
    match (ask.method.as_str(), parts.get(1..).unwrap_or_default()) {
        ("GET", ["users" | "groups" | "servicePrincipals"] | ["directory", "deletedItems", _])
            if parts.last().is_some_and(|last| last.contains('.') || parts.len() == 2) =>
        {
            GRAPH_LISTS
        }
        ("GET", ["groups", _, "members" | "transitiveMembers"]) => GRAPH_MEMBERS,
        ("GET", ["organization"]) => &[],
        ("GET", _) | ("POST", ["directoryObjects", "getByIds"]) => GRAPH_ONE,
        _ => &[],
    }
}
