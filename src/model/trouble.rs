//! What went wrong at Azure, in our words and in Azure's.

use std::fmt;

use super::visible::inline;

/// The kinds of failure that are told apart. What each means for the run is decided by who meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TroubleKind {
    /// No answer, or none that could be read: DNS, connection, time-out, a proxy's HTML, half a body.
    Unreachable,
    /// Still throttled after all retries.
    Throttled,
    /// 401 or 403: our identity may not.
    Denied,
    /// 404 where something was expected.
    NotFound,
    /// Another assignment with the same scope, role definition and principal exists (409 `RoleAssignmentExists`).
    Exists,
    /// A lock is in the way (409 `ScopeLocked`).
    Locked,
    /// Entra or RBAC does not know the principal (400 `PrincipalNotFound`).
    PrincipalUnknown,
    /// Any other refusal by Azure.
    Rejected,
    /// An answer that does not have the promised shape.
    Malformed,
    /// We could not sign in.
    SignIn,
}

/// One failure: its kind, Azure's own code and words where there are any, and the request to name to Microsoft.
///
/// Never holds a token or a secret: messages come from answers, not from requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of failure this is.
    pub kind: TroubleKind,
    /// What was being done, in our words: `list role assignments of Altinn-TTD-Prod`.
    pub doing: String,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// Azure's error code, such as `AuthorizationFailed`.
    pub code: Option<String>,
    /// Azure's message or the transport's.
    pub message: String,
    /// `x-ms-request-id` or Graph's `request-id`.
    pub request_id: Option<String>,
}

impl Trouble {
    /// A failure without an HTTP answer.
    #[must_use]
    pub fn new(kind: TroubleKind, doing: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, doing: doing.into(), status: None, code: None, message: message.into(), request_id: None }
    }

    /// Whether a deny assignment is why we may not: no role helps against it (403, recorded; FACTS §1.8).
    #[must_use]
    pub fn is_by_deny_assignment(&self) -> bool {
        self.kind == TroubleKind::Denied && self.code.as_deref() == Some("DenyAssignmentAuthorizationFailed")
    }

    /// The same without the request, which differs from time to time: where one failure is said of many.
    #[must_use]
    pub fn without_request(&self) -> Self {
        Self { request_id: None, ..self.clone() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind: _, doing, status, code, message, request_id } = self;
        // Azure's words are data: nothing in them ends a line or moves a cursor, wherever this is printed.
        let code = code.as_deref().map(inline);
        write!(f, "could not {}: ", inline(doing))?;
        match (status, code) {
            (Some(status), Some(code)) => write!(f, "{status} {code}: ")?,
            (Some(status), None) => write!(f, "{status}: ")?,
            (None, Some(code)) => write!(f, "{code}: ")?,
            (None, None) => {}
        }
        f.write_str(&inline(message))?;
        match request_id {
            Some(id) => write!(f, " (request {})", inline(id)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Trouble {}
