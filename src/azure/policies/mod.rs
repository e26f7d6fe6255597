//! The one list of policies, for Resource Manager and Graph alike, from the outside in:
//!
//! | policy | per | what for |
//! |---|---|---|
//! | [`pin::Pin`] | call | a request leaves for the configured host or not at all, `nextLink` included |
//! | [`traced::Traced`] | call | a span for whoever traces |
//! | [`retry::Retry`] | call | each try in its turn (`pace/`); throttling, lost answers, hosts that do not answer |
//! | (the SDK's) | call | client request id |
//! | [`bearer::Bearer`] | try | the token, over whatever was there |
//! | [`gate::Gate`] | try | how many at once, how many in all, and our name |
//!
//! Signing in has its own, shorter list: [`pin::Pin`], [`traced::Traced`], [`told::Told`], [`retry::Retry`], [`gate::Gate`].
//!
//! The SDK's own retry is off: it sleeps without a bound and reads no fractions (TRAPS).

use azure_core::error::{Error, ErrorKind};

use crate::model::trouble::Trouble;

pub(crate) mod bearer;
pub(crate) mod gate;
pub(crate) mod pin;
pub(crate) mod retry;
pub(crate) mod told;
pub(crate) mod traced;

/// Carries one of our failures through the SDK's error type; `answer::from_sdk` takes it out again.
pub(crate) fn carry(trouble: Trouble) -> Error {
    let message = trouble.to_string();
    Error::with_error(ErrorKind::Other, trouble, message)
}

/// Carries a wrong setup, which cannot happen: the transport is always the last policy.
fn no_next() -> Error {
    Error::with_message(ErrorKind::Other, "a policy has no successor")
}
