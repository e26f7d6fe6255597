//! Which options of a request are carried out. What is not, is refused by its name: an option that is passed over gives rows that
//! look right and are wrong.

use super::{Ask, Refusal};

/// What every request to Resource Manager may carry.
const ALWAYS: &[&str] = &["api-version"];
/// What lists of Resource Manager carry out, by the last part of their path. `$skipToken` is what their own links carry.
const LISTS: &[(&str, &[&str])] = &[
    ("roleassignments", &["$filter", "$skipToken"]),
    ("roledefinitions", &["$filter"]),
    ("denyassignments", &["$filter"]),
    ("locks", &["$filter"]),
    ("roleassignmentscheduleinstances", &["$filter"]),
    ("roleassignmentschedules", &["$filter"]),
    ("roleassignmentschedulerequests", &["$filter"]),
    ("roleeligibilityscheduleinstances", &["$filter"]),
    ("roleeligibilityschedules", &["$filter"]),
    ("roleeligibilityschedulerequests", &["$filter"]),
    ("resources", &["$filter", "$skipToken"]),
    ("vaults", &["$skipToken"]),
    ("values", &["$filter", "$select", "$skipToken"]), // of the Activity Log
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
        None => Ok(()),
    }
}

fn arm(ask: &Ask) -> &'static [&'static str] {
    let parts = ask.parts();
    let last = parts.last().copied().unwrap_or_default().to_ascii_lowercase();
    let options = LISTS.iter().find(|(name, _)| *name == last).filter(|_| ask.method == "GET");
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
