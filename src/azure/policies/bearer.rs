//! Puts our token on a request, over whatever was there, and asks for a new one if Azure no longer takes it.

use std::sync::Arc;

use azure_core::http::{
    Context, Request,
    headers::AUTHORIZATION,
    policies::{Policy, PolicyResult},
};

use super::{carry, no_next};
use crate::azure::credential::Credential;

const UNAUTHORIZED: u16 = 401;

/// The bearer of one audience's tokens.
#[derive(Debug)]
pub(crate) struct Bearer {
    /// Whoever signs us in.
    pub(crate) credential: Arc<Credential>,
    /// What the tokens are for, without `/.default`.
    pub(crate) audience: String,
}

#[async_trait::async_trait]
impl Policy for Bearer {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let (first, rest) = next.split_first().ok_or_else(no_next)?;
        let token = self.credential.token(&self.audience).await.map_err(carry)?;
        // The pipeline has no idea of plain HTTP, so it is refused here: what is configured is `https://` (`cloud.rs`),
        // and a link elsewhere does not get past the pin.
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.secret()));
        let answer = first.send(context, request, rest).await?;
        if u16::from(answer.status()) != UNAUTHORIZED {
            return Ok(answer);
        }
        // Revoked, or issued by an authority that started anew: one fresh token, once.
        let Ok(fresh) = self.credential.renew(&self.audience, &token).await else { return Ok(answer) };
        request.body_mut().reset().await?;
        request.insert_header(AUTHORIZATION, format!("Bearer {}", fresh.secret()));
        first.send(context, request, rest).await
    }
}
