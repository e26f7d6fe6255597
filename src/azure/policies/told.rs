//! Takes a refusal at sign-in out of the SDK's hands.
//!
//! `azure_identity` 1.0 reads Entra's reason into a borrowed string, which serde refuses when there is a line break in it;
//! Entra puts some in, and what is left says nothing of a wrong secret.

use std::sync::Arc;

use azure_core::http::{
    Context, Request,
    policies::{Policy, PolicyResult},
};

use super::{carry, no_next};
use crate::azure::answer::Answer;

/// Turns any answer but a success into our own trouble, in the words of whoever refused.
#[derive(Debug)]
pub(crate) struct Told;

#[async_trait::async_trait]
impl Policy for Told {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let (first, rest) = next.split_first().ok_or_else(no_next)?;
        let answer = first.send(context, request, rest).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        match Answer::read(answer.try_into_raw_response().await?, "sign in to Azure") {
            Err(trouble) => Err(carry(trouble)),
            Ok(_) => Err(no_next()), // not a success, and not a refusal: cannot be
        }
    }
}
