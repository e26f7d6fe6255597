//! Each request as a span, for whoever traces a run: its method and its route, with every name and id taken out, what came of
//! it, and how often it was repeated. Never a token, a person or a whole URL. Costs nothing while nobody traces.

use std::sync::Arc;

use azure_core::http::{
    Context, Request,
    policies::{Policy, PolicyResult},
};
use tracing::{Instrument as _, field::Empty};

use super::no_next;

/// Words of the routes of Azure that we speak to. What is not here is a name, an id or a token, and shows as `{}`.
const WORDS: &[&str] = &[
    "$batch",
    "components",
    "deletedItems",
    "directory",
    "directoryObjects",
    "eventtypes",
    "getByIds",
    "groups",
    "locks",
    "management",
    "members",
    "microsoft.graph.user",
    "msi",
    "oauth2",
    "organization",
    "permissions",
    "providers",
    "resourceGroups",
    "resources",
    "roleAssignmentScheduleInstances",
    "roleAssignments",
    "roleDefinitions",
    "roleEligibilityScheduleInstances",
    "subscriptions",
    "token",
    "transitiveMembers",
    "users",
    "v1.0",
    "v2.0",
    "values",
    "vaults",
    "workspaces",
];

/// A path as a route: `/subscriptions/{}/providers/Microsoft.Authorization/roleAssignments/{}`.
#[must_use]
pub(crate) fn template(path: &str) -> String {
    let provider = |part: &str| {
        let name = part.to_ascii_lowercase();
        // A name in Azure can look like a provider's; these are the ones there are.
        ["authorization", "insights", "keyvault", "operationalinsights", "resourcegraph", "resources"]
            .iter()
            .any(|known| name.strip_prefix("microsoft.") == Some(known))
    };
    let known =
        |part: &str| part.is_empty() || provider(part) || WORDS.iter().any(|word| word.eq_ignore_ascii_case(part));
    path.split('/').map(|part| if known(part) { part } else { "{}" }).collect::<Vec<_>>().join("/")
}

/// Wraps the rest of the list in a span.
#[derive(Debug)]
pub(crate) struct Traced;

#[async_trait::async_trait]
impl Policy for Traced {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let (first, rest) = next.split_first().ok_or_else(no_next)?;
        // Names as in OpenTelemetry's "Semantic conventions for HTTP spans", client.
        let span = tracing::trace_span!(
            "request",
            otel.name = Empty,
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = Empty,
            http.request.resend_count = Empty,
            http.response.status_code = Empty,
            server.address = Empty,
            url.template = Empty,
        );
        if span.is_disabled() {
            return first.send(context, request, rest).await;
        }
        let (method, route) = (request.method().to_string(), template(request.url().path()));
        span.record("otel.name", format!("{method} {route}"));
        span.record("http.request.method", method);
        span.record("url.template", route);
        span.record("server.address", request.url().host_str());
        let outcome = first.send(context, request, rest).instrument(span.clone()).await;
        let status = outcome.as_ref().map(|answer| u16::from(answer.status()));
        if let Ok(status) = status {
            span.record("http.response.status_code", status);
        }
        if status.is_ok_and(|status| status >= 400) || outcome.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_no_names_and_no_ids() {
        for (path, route) in [
            (
                "/subscriptions/00000000-0000-0000-0000-0000000000aa/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv/providers/Microsoft.Authorization/roleAssignments/1b",
                "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.KeyVault/vaults/{}/providers/Microsoft.Authorization/roleAssignments/{}",
            ),
            ("/v1.0/users/kari.fiktiv@ai-dev.no", "/v1.0/users/{}"),
            ("/v1.0/$batch", "/v1.0/$batch"),
            ("/00000000-0000-0000-0000-0000000000aa/oauth2/v2.0/token", "/{}/oauth2/v2.0/token"),
            ("/providers/Microsoft.Kari/x", "/providers/{}/{}"),
            ("", ""),
        ] {
            assert_eq!(template(path), route);
        }
    }
}
