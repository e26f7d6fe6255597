//! Requests → answers, without a socket: Resource Manager, Resource Graph, Microsoft Graph, Entra's sign-in, and the
//! simulator's own control routes.
//!
//! In: one [`Ask`]. Out: one [`Answer`]. Never: IO, or state outside the world.

mod activity;
pub mod arm;
mod authorization_rows;
pub mod control;
mod definitions;
mod denials;
pub mod entra;
pub mod graph;
pub mod misbehave;
mod page;
mod pim;
mod resources;
pub mod search;
mod supported;
mod vaults;
pub mod wire;

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::json;

pub use self::misbehave::{faulty, meet};
use super::{SharedWorld, refusal::Refusal};

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// In capitals.
    pub method: String,
    /// The path, decoded.
    pub path: String,
    /// The query, decoded, in its order; names as sent.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// Scheme and host as the client sees them: links in answers start with it.
    pub base: String,
}

impl Ask {
    /// From what an HTTP request says.
    #[must_use]
    pub fn new(method: &str, target: &str, headers: BTreeMap<String, String>, body: Vec<u8>, base: String) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: method.to_ascii_uppercase(), path: decoded(path), query: pairs(query), headers, body, base }
    }

    /// A query parameter; names in any case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The parts of the path.
    #[must_use]
    pub fn parts(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// Whether it is for the simulator itself.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.path == "/_simulator" || self.path.starts_with("/_simulator/")
    }

    /// Whether it is part of signing in, which only a fault with `sign_in` meets.
    #[must_use]
    pub fn is_sign_in(&self) -> bool {
        self.path.contains("/oauth2/")
            || self.path.contains("/.well-known/")
            || self.path.starts_with("/common/")
            || self.path.starts_with("/metadata/")
    }

    /// Whether it is for Microsoft Graph.
    #[must_use]
    pub fn is_graph(&self) -> bool {
        self.path.starts_with("/v1.0/")
    }

    /// Whether it would change something in Azure or Entra.
    #[must_use]
    pub fn is_write(&self) -> bool {
        match self.method.as_str() {
            "PUT" | "PATCH" | "DELETE" => true,
            "POST" => ["/users", "/groups", "/restore", "/$ref", "/purge", "/cancel"]
                .iter()
                .any(|end| self.path.ends_with(end)),
            _ => false,
        }
    }

    /// The method and the route's name: `GET roleAssignments`.
    #[must_use]
    pub fn route(&self) -> String {
        let parts = self.parts();
        let known = [
            "roleAssignmentScheduleInstances",
            "roleAssignmentScheduleRequests",
            "roleAssignmentSchedules",
            "roleEligibilityScheduleInstances",
            "roleEligibilityScheduleRequests",
            "roleEligibilitySchedules",
            "eventtypes",
            "roleAssignments",
            "roleDefinitions",
            "denyAssignments",
            "permissions",
            "locks",
            "token",
            "openid-configuration",
            "endpoints",
            "instance",
            "$batch",
            "getByIds",
            "deletedItems",
            "users",
            "groups",
            "servicePrincipals",
            "accessPolicies",
            "deletedVaults",
            "vaults",
            "components",
            "workspaces",
            "resources",
            "resourceGroups",
        ];
        let named = |part: &&str| known.iter().find(|name| name.eq_ignore_ascii_case(part)).copied();
        let name = if self.path.to_ascii_lowercase().ends_with("/microsoft.resourcegraph/resources") {
            "resourceGraph"
        } else {
            parts.iter().rev().find_map(named).or(parts.first().copied()).unwrap_or("/")
        };
        format!("{} {name}", self.method)
    }
}

/// One answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

const JSON: &str = "application/json; charset=utf-8";

impl Answer {
    /// JSON.
    #[must_use]
    pub fn json(status: u16, body: &impl serde::Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { status, headers: vec![("content-type".to_owned(), JSON.to_owned())], body }
    }

    /// No body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Text of another type.
    #[must_use]
    pub fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Resource Manager's form of a refusal: `{"error":{"code","message"}}` (FACTS §1.8).
    #[must_use]
    pub fn refused(refusal: &Refusal) -> Self {
        let Refusal { status, code, message, by_gateway, retry_after } = refusal;
        let mut answer = Self::json(*status, &json!({ "error": { "code": code, "message": message } }));
        if *by_gateway {
            answer = answer.with("x-ms-failure-cause", "gateway");
        }
        match retry_after {
            Some(seconds) => answer.with("retry-after", seconds.to_string()),
            None => answer,
        }
    }
}

/// Answers one request.
#[must_use]
pub fn answer(shared: &SharedWorld, ask: &Ask) -> Answer {
    if ask.is_control() {
        return control::answer(shared, ask);
    }
    let answer = if ask.is_sign_in() {
        entra::answer(shared, ask)
    } else if ask.is_graph() {
        graph::answer(shared, ask)
    } else {
        arm::answer(shared, ask)
    };
    dated(shared, answer)
}

/// With the time at which it was made, by the world's clock (RFC 9110, `Date`).
fn dated(shared: &SharedWorld, answer: Answer) -> Answer {
    let date = shared.with(|world| world.now()).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    answer.with("date", date)
}

/// Percent-decoded text.
#[must_use]
pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The pairs of a query or form; `+` is a blank (azurerm writes it so, CLIENTS §1).
#[must_use]
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(&key.replace('+', " ")), decoded(&value.replace('+', " ")))
    };
    text.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

/// Text that can stand in a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// An id for one request: what Microsoft's support asks for.
#[must_use]
pub fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
