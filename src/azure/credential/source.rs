//! Opens a link: from the evidence to something of the SDK that gives tokens.
//!
//! Everything a link sends goes through our transport, our retry and, where a secret travels, to one configured host.

use std::{sync::Arc, time::Duration};

use azure_core::{
    cloud::CustomConfiguration,
    credentials::TokenCredential,
    http::{ClientOptions, RetryOptions, Transport, Url, policies::Policy},
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential, AzureDeveloperCliCredentialOptions,
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use tokio::{net::TcpStream, time::timeout};

use super::{
    assertion::{Exchange, Fixed},
    certificate::Certificate,
    link::Link,
};
use crate::{
    azure::policies::{gate::Gate, pin::Pin, retry::Retry, told::Told, traced::Traced},
    model::trouble::{Trouble, TroubleKind},
};

/// The metadata service of a virtual machine. Elsewhere nothing answers at this address, not even with a refusal.
const MACHINE: &str = "169.254.169.254:80";
/// What it gets to answer; it is on the same host.
const MACHINE_MAX: Duration = Duration::from_secs(1);

/// What all links need.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) transport: Transport,
    pub(crate) authority: Url,
    pub(crate) tenant: Option<String>,
    pub(crate) gate: Arc<Gate>,
}

impl Sources {
    /// Something that gives tokens; nothing of ours is sent yet.
    pub(crate) async fn open(&self, link: &Link) -> Result<Arc<dyn TokenCredential>, Trouble> {
        let doing = || format!("sign in with {}", link.title());
        if let Link::Managed { machine: true, .. } = link {
            let reached = timeout(MACHINE_MAX, TcpStream::connect(MACHINE)).await;
            if !matches!(reached, Ok(Ok(_))) {
                let message = format!("nothing answers at {MACHINE}: this is no virtual machine with an identity");
                return Err(Trouble::new(TroubleKind::SignIn, doing(), message));
            }
        }
        match link {
            Link::Certificate { client, path } => {
                let tenant = self.tenant()?;
                let url = format!("{}/{tenant}/oauth2/v2.0/token", self.authority.as_str().trim_end_matches('/'));
                let certificate = Certificate::read(path, client.clone(), url).await?;
                self.assert(tenant, client, certificate)
            }
            Link::Token { client, token } => self.assert(self.tenant()?, client, Fixed(token.clone())),
            Link::GitHub { client, url, key } => {
                self.assert(self.tenant()?, client, Exchange::github(self, url, key.clone())?)
            }
            Link::Pipelines { client, url, connection, key } => {
                self.assert(self.tenant()?, client, Exchange::pipelines(self, url, connection, key.clone())?)
            }
            Link::Secret { client, secret } => {
                let options = ClientSecretCredentialOptions { client_options: self.options(true) };
                ClientSecretCredential::new(&self.tenant()?, client.clone(), secret.clone(), Some(options))
                    .map(|it| it as Arc<dyn TokenCredential>)
            }
            Link::File { client, path } => {
                let options = WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options: self.options(true) },
                    client_id: Some(client.clone()),
                    tenant_id: Some(self.tenant()?),
                    token_file_path: Some(path.clone()),
                };
                WorkloadIdentityCredential::new(Some(options)).map(|it| it as Arc<dyn TokenCredential>)
            }
            Link::Managed { client, .. } => {
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                    client_options: self.options(false),
                };
                ManagedIdentityCredential::new(Some(options)).map(|it| it as Arc<dyn TokenCredential>)
            }
            Link::Az => {
                let options = AzureCliCredentialOptions { tenant_id: self.tenant.clone(), ..Default::default() };
                AzureCliCredential::new(Some(options)).map(|it| it as Arc<dyn TokenCredential>)
            }
            Link::Azd => {
                let options =
                    AzureDeveloperCliCredentialOptions { tenant_id: self.tenant.clone(), ..Default::default() };
                AzureDeveloperCliCredential::new(Some(options)).map(|it| it as Arc<dyn TokenCredential>)
            }
        }
        .map_err(|error| super::trouble(&error, link))
    }

    fn tenant(&self) -> Result<String, Trouble> {
        self.tenant.clone().ok_or_else(|| {
            Trouble::new(TroubleKind::SignIn, "sign in to Azure", "the tenant is not known; set `AZURE_TENANT_ID`")
        })
    }

    fn assert(
        &self,
        tenant: String,
        client: &str,
        assertion: impl ClientAssertion + 'static,
    ) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let options = ClientAssertionCredentialOptions { client_options: self.options(true) };
        ClientAssertionCredential::new(tenant, client.to_owned(), assertion, Some(options))
            .map(|it| it as Arc<dyn TokenCredential>)
    }

    /// The SDK's options over our transport; `pinned` to where we sign in.
    fn options(&self, pinned: bool) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = self.authority.to_string();
        ClientOptions { cloud: Some(Arc::new(cloud.into())), ..self.options_for(pinned.then_some(&self.authority)) }
    }

    /// The same, pinned to any host.
    pub(crate) fn options_for(&self, host: Option<&Url>) -> ClientOptions {
        let mut per_call: Vec<Arc<dyn Policy>> = vec![Arc::new(Traced), Arc::new(Told), Retry::unpaced()];
        if let Some(url) = host {
            per_call.insert(0, Pin::to(url));
        }
        ClientOptions {
            transport: Some(self.transport.clone()),
            retry: RetryOptions::none(),
            per_call_policies: per_call,
            per_try_policies: vec![self.gate.clone()],
            ..Default::default()
        }
    }
}
