//! A request leaves for a configured origin or not at all: a `nextLink` cannot carry a token anywhere else.

use std::sync::Arc;

use azure_core::http::{
    Context, Request, Url,
    policies::{Policy, PolicyResult},
};

use super::{carry, no_next};
use crate::model::trouble::{Trouble, TroubleKind};

/// Lets through what goes to one origin (scheme, host and port).
#[derive(Debug)]
pub(crate) struct Pin(Url);

impl Pin {
    /// Pins to the origin of `url`.
    pub(crate) fn to(url: &Url) -> Arc<Self> {
        Arc::new(Self(url.clone()))
    }
}

#[async_trait::async_trait]
impl Policy for Pin {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let (ours, theirs) = (self.0.origin(), request.url().origin());
        if ours != theirs || !request.url().username().is_empty() {
            let (ours, theirs) = (ours.ascii_serialization(), theirs.ascii_serialization());
            let message = format!("an answer led to {theirs}, and only {ours} is configured");
            return Err(carry(Trouble::new(TroubleKind::Malformed, "follow a link", message)));
        }
        let (first, rest) = next.split_first().ok_or_else(no_next)?;
        first.send(context, request, rest).await
    }
}
