//! Federated tokens for the asking: what GitHub Actions and Azure Pipelines vouch for us with.
//!
//! A URL and its key come in, a signed statement goes out that Entra trusts. The key leaves only for that URL's host.

use azure_core::{
    credentials::Secret,
    http::{
        ClientMethodOptions, Context, Method, Pipeline, PipelineSendOptions, Request, Url,
        headers::{AUTHORIZATION, HeaderName},
    },
};
use azure_identity::ClientAssertion;
use serde_json::Value;

use super::source::Sources;
use crate::{
    azure::{
        answer::{Answer, from_sdk},
        policies::carry,
    },
    model::trouble::{Trouble, TroubleKind},
};

/// Whom the statement is for (docs.github.com, "Configuring OpenID Connect in Azure").
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// `azure_identity`'s `azure_pipelines_credential.rs`.
const PIPELINES_API: &str = "7.1";
const DOING: &str = "get a federated token";

/// A statement that was handed to us.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) Secret);

#[async_trait::async_trait]
impl ClientAssertion for Fixed {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.secret().to_owned())
    }
}

/// Where to ask for a statement, and how.
#[derive(Debug)]
pub(crate) struct Exchange {
    url: Url,
    key: Secret,
    method: Method,
    field: &'static str,
    pipeline: Pipeline,
}

impl Exchange {
    /// GitHub Actions: GET, and the statement is `value` (docs.github.com, "OpenID Connect reference").
    pub(crate) fn github(sources: &Sources, url: &str, key: Secret) -> Result<Self, Trouble> {
        Self::new(sources, url, key, Method::Get, "value", &[("audience", AUDIENCE)])
    }

    /// Azure Pipelines: POST, and the statement is `oidcToken`.
    pub(crate) fn pipelines(sources: &Sources, url: &str, connection: &str, key: Secret) -> Result<Self, Trouble> {
        let query = [("api-version", PIPELINES_API), ("serviceConnectionId", connection)];
        Self::new(sources, url, key, Method::Post, "oidcToken", &query)
    }

    fn new(
        sources: &Sources,
        url: &str,
        key: Secret,
        method: Method,
        field: &'static str,
        query: &[(&str, &str)],
    ) -> Result<Self, Trouble> {
        let trouble = |message: String| Trouble::new(TroubleKind::SignIn, DOING, message);
        let mut url = Url::parse(url).map_err(|error| trouble(error.to_string()))?;
        if url.scheme() != "https" {
            return Err(trouble(format!("`{}` is not `https://`", url.host_str().unwrap_or_default())));
        }
        url.query_pairs_mut().extend_pairs(query);
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let options = sources.options_for(Some(&url));
        let pipeline = Pipeline::new(Some(name), Some(version), options, Vec::new(), Vec::new(), None);
        Ok(Self { url, key, method, field, pipeline })
    }

    async fn ask(&self) -> Result<String, Trouble> {
        let mut request = Request::new(self.url.clone(), self.method);
        request.insert_header(AUTHORIZATION, format!("Bearer {}", self.key.secret()));
        if self.method == Method::Post {
            // Else Azure DevOps answers a wrong key with a redirect to a sign-in page.
            request.insert_header(HeaderName::from_static("x-tfs-fedauthredirect"), "Suppress");
        }
        let unchecked = PipelineSendOptions { skip_checks: true, ..Default::default() };
        let sent = self.pipeline.send(&Context::new(), &mut request, Some(unchecked)).await;
        let host = self.url.host_str().unwrap_or_default();
        let answer = Answer::read(sent.map_err(|error| from_sdk(&error, DOING, host))?, DOING)?;
        let body: Value = answer.json(DOING)?;
        let statement = body.get(self.field).and_then(Value::as_str);
        statement.map(str::to_owned).ok_or_else(|| {
            Trouble::new(TroubleKind::SignIn, DOING, format!("the answer of {host} holds no `{}`", self.field))
        })
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Exchange {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.ask().await.map_err(carry)
    }
}
