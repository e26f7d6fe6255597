//! Signs in, once per audience for as long as a token lasts.
//!
//! A chain of links comes in, tokens go out. The first link with evidence answers; what is configured and fails is an
//! error, and does not end in acting as somebody else. No token is ever printed, and each leaves only by the bearer policy.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use azure_core::{
    credentials::{AccessToken, Secret, TokenCredential},
    error::{Error, ErrorKind},
    time::{Duration, OffsetDateTime},
};
use tokio::sync::Mutex as AsyncMutex;

use self::{identity::Identity, link::Chain, source::Sources};
use super::transport::deepest;
use crate::model::trouble::{Trouble, TroubleKind};

pub(crate) mod assertion;
pub(crate) mod certificate;
pub(crate) mod identity;
pub(crate) mod link;
pub(crate) mod source;

/// A token is renewed when it has less than this left. As long as the SDK's own cache gives it out, it may be asked.
const RENEW_BEFORE: Duration = Duration::minutes(5);

/// Whoever signs us in, and the tokens so far.
pub(crate) struct Credential {
    sources: Sources,
    link: link::Link,
    source: Mutex<Arc<dyn TokenCredential>>,
    tokens: Mutex<BTreeMap<String, Arc<AsyncMutex<Option<Held>>>>>,
}

/// A token, and from when on a new one is asked for.
#[derive(Clone)]
struct Held {
    token: AccessToken,
    renew_at: OffsetDateTime,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("link", &self.link.name()).finish_non_exhaustive()
    }
}

impl Credential {
    /// Tries the links in order, each with a token for `audience`.
    pub(crate) async fn sign_in(chain: &Chain, sources: Sources, audience: &str) -> Result<Self, Trouble> {
        let mut lacking = chain.lacking.clone();
        for link in &chain.links {
            let opened = async {
                let credential = Self {
                    source: Mutex::new(sources.open(link).await?),
                    sources: sources.clone(),
                    link: link.clone(),
                    tokens: Mutex::default(),
                };
                credential.token(audience).await?;
                Ok(credential)
            };
            match opened.await {
                Ok(credential) => {
                    tracing::info!(credential = link.name(), "signed in");
                    return Ok(credential);
                }
                Err(trouble) if link.may_pass() => lacking.push(format!("{}: {}", link.name(), said(&trouble))),
                Err(trouble) => return Err(trouble),
            }
        }
        let message = format!(
            "nothing here signs us in: run `az login`, or give what one of these needs (`--simulate` needs none); {}",
            lacking.join("; ")
        );
        Err(Trouble::new(TroubleKind::SignIn, "sign in to Azure", message))
    }

    /// Which link answered.
    pub(crate) fn signed_in_by(&self) -> &'static str {
        self.link.title()
    }

    /// Who the token for an audience says that we are.
    pub(crate) async fn identity(&self, audience: &str) -> Result<Identity, Trouble> {
        Ok(Identity::read(self.token(audience).await?.secret()))
    }

    /// A token for an audience: the one we hold, or a new one. However many ask at once, one request is made.
    pub(crate) async fn token(&self, audience: &str) -> Result<Secret, Trouble> {
        let slot = self.slot(audience);
        let mut held = slot.lock().await;
        if let Some(held) = held.as_ref().filter(|held| now() < held.renew_at) {
            return Ok(held.token.token.clone());
        }
        match self.request(audience).await {
            Ok(token) => Ok(keep(&mut held, token)),
            Err(trouble) => match held.as_ref().filter(|held| now() < held.token.expires_on) {
                Some(held) => {
                    tracing::warn!(%trouble, "could not renew a token; the one we hold lasts a little longer");
                    Ok(held.token.token.clone())
                }
                None => Err(trouble),
            },
        }
    }

    /// Another token than `refused`, which Azure no longer takes.
    pub(crate) async fn renew(&self, audience: &str, refused: &Secret) -> Result<Secret, Trouble> {
        let slot = self.slot(audience);
        let mut held = slot.lock().await;
        if let Some(newer) = held.as_ref().filter(|held| held.token.token != *refused) {
            return Ok(newer.token.token.clone());
        }
        let fresh = self.sources.open(&self.link).await?; // the SDK's cache holds the refused one, and cannot be told
        *lock(&self.source) = fresh;
        let token = self.request(audience).await?;
        Ok(keep(&mut held, token))
    }

    async fn request(&self, audience: &str) -> Result<AccessToken, Trouble> {
        let source = lock(&self.source).clone();
        let scope = format!("{audience}/.default");
        source.get_token(&[&scope], None).await.map_err(|error| trouble(&error, &self.link))
    }

    fn slot(&self, audience: &str) -> Arc<AsyncMutex<Option<Held>>> {
        lock(&self.tokens).entry(audience.to_owned()).or_default().clone()
    }
}

fn keep(held: &mut Option<Held>, token: AccessToken) -> Secret {
    let left = token.expires_on - now();
    let renew_at = token.expires_on - RENEW_BEFORE.min(left / 4); // a short-lived one is not renewed at each request
    let secret = token.token.clone();
    *held = Some(Held { token, renew_at });
    secret
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // nothing is done under these locks that could be left half done
}

/// The SDK's clock, for what only it can be compared with: when its tokens end. No decision of ours hangs on it.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Why a link did not give a token; Entra's own words where it answered.
fn trouble(error: &Error, link: &link::Link) -> Trouble {
    let doing = format!("sign in with {}", link.title());
    let mut at: &dyn std::error::Error = error;
    loop {
        if let Some(ours) = at.downcast_ref::<Trouble>() {
            let message = first_line(&ours.message); // Entra appends trace ids and a date, each on a line of its own
            return Trouble { kind: TroubleKind::SignIn, doing, message, ..ours.clone() };
        }
        if let Some(ErrorKind::Connection | ErrorKind::Io) = at.downcast_ref::<Error>().map(Error::kind) {
            let message = format!("cannot reach the sign-in endpoint: {}", deepest(at));
            return Trouble::new(TroubleKind::SignIn, doing, message);
        }
        match at.source() {
            Some(inner) => at = inner,
            None => return Trouble::new(TroubleKind::SignIn, doing, first_line(&at.to_string())),
        }
    }
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().trim().to_owned()
}

fn said(trouble: &Trouble) -> String {
    trouble.message.clone()
}
