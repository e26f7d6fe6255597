//! What came back, or why nothing did, in our words.
//!
//! An answer of the SDK comes in; its body goes out, or a [`Trouble`] with Azure's own code, message and request id.
//! Headers and bodies of *requests* never get into a message: no token can.

use azure_core::{
    Bytes,
    error::{Error, ErrorKind},
    http::{
        RawResponse,
        headers::{HeaderName, Headers},
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::transport::deepest;
use crate::model::trouble::{Trouble, TroubleKind};

/// A successful answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
}

impl Answer {
    /// From the SDK's; anything but 2xx is trouble.
    pub(crate) fn read(response: RawResponse, doing: &str) -> Result<Self, Trouble> {
        let (status, headers, body) = response.deconstruct();
        let answer = Self { status: u16::from(status), headers, body: body.into() };
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(answer.refusal(doing)) }
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.get_optional_str(&HeaderName::from_static(name))
    }

    /// The body as JSON of the promised shape.
    pub(crate) fn json<T: DeserializeOwned>(&self, doing: &str) -> Result<T, Trouble> {
        serde_json::from_slice(&self.body).map_err(|error| self.not_json(doing, &error))
    }

    /// The trouble with a body that is not the JSON it should be: a proxy's page, or a shape we do not know.
    pub(crate) fn not_json(&self, doing: &str, error: &serde_json::Error) -> Trouble {
        let page = self.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
        let (kind, message) = if page {
            (TroubleKind::Unreachable, "a web page came back instead of JSON; is there a proxy in between?".to_owned())
        } else {
            (TroubleKind::Malformed, format!("the answer does not have the promised shape: {error}"))
        };
        Trouble { status: Some(self.status), request_id: self.request_id(None), ..Trouble::new(kind, doing, message) }
    }

    /// The trouble that a status other than 2xx means.
    fn refusal(&self, doing: &str) -> Trouble {
        refusal(self.status, &serde_json::from_slice(&self.body).unwrap_or_default(), doing, |body| {
            self.request_id(Some(body))
        })
    }

    fn request_id(&self, body: Option<&Value>) -> Option<String> {
        let header = self.header("x-ms-request-id").or_else(|| self.header("request-id"));
        header.map(str::to_owned).or_else(|| body.and_then(inner_request_id))
    }
}

/// The trouble that one refused item of a `$batch` means.
pub(crate) fn refused_item(status: u16, body: &Value, doing: &str) -> Trouble {
    refusal(status, body, doing, inner_request_id)
}

/// Bodies are `{"error":{"code","message"}}` (ARM, Graph; FACTS §1.8, §7), `{"code","message"}`, or
/// `{"error":"…","error_description":"…"}` (sign-in); a 429 need not be JSON at all (FACTS §6).
fn refusal(status: u16, body: &Value, doing: &str, request_id: impl Fn(&Value) -> Option<String>) -> Trouble {
    let error = body.get("error").filter(|error| error.is_object()).unwrap_or(body);
    let text = |key: &str| error.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let code = text("code").or_else(|| text("error"));
    let message = text("message").or_else(|| text("error_description"));
    let kind = kind(status, code.as_deref(), message.is_some());
    let mut message = message.unwrap_or_else(|| plain(status).to_owned());
    for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
        // Resource Graph says only here what is wrong with a query.
        if let Some(detail) = detail.get("message").and_then(Value::as_str) {
            message = format!("{message}; {detail}");
        }
    }
    Trouble { status: Some(status), code, request_id: request_id(body), ..Trouble::new(kind, doing, message) }
}

/// Codes as recorded (FACTS §1.8); a status that nobody documented, such as 529, is a refusal like others.
fn kind(status: u16, code: Option<&str>, said_why: bool) -> TroubleKind {
    match (status, code.unwrap_or_default()) {
        (_, "RoleAssignmentExists") => TroubleKind::Exists,
        (_, "ScopeLocked") => TroubleKind::Locked,
        (_, "PrincipalNotFound") => TroubleKind::PrincipalUnknown,
        (429, _) => TroubleKind::Throttled,
        (401 | 403, _) => TroubleKind::Denied,
        (404, _) => TroubleKind::NotFound,
        (300..=399, _) => TroubleKind::Unreachable,
        (408 | 500..=599, _) if !said_why => TroubleKind::Unreachable,
        _ => TroubleKind::Rejected,
    }
}

/// What to say when the answer itself says nothing that can be read.
fn plain(status: u16) -> &'static str {
    match status {
        300..=399 => "the answer leads elsewhere, and redirects are not followed",
        401 => "not accepted",
        403 => "not allowed",
        404 => "it is not there",
        408 | 504 => "Azure did not answer in time",
        429 => "throttled, and still so after all tries",
        500..=599 => "Azure is not well",
        _ => "refused without a reason",
    }
}

fn inner_request_id(body: &Value) -> Option<String> {
    let error = body.get("error")?;
    let inner = error.get("innerError").or_else(|| error.get("innererror"))?;
    inner.get("request-id").and_then(Value::as_str).map(str::to_owned)
}

/// The trouble that an error of the SDK's pipeline means; one of ours comes out as it went in.
pub(crate) fn from_sdk(error: &Error, doing: &str, host: &str) -> Trouble {
    if let Some(ours) = error.downcast_ref::<Trouble>() {
        let inside = ours.kind == TroubleKind::SignIn; // there it says better what was being done
        return if inside { ours.clone() } else { Trouble { doing: doing.to_owned(), ..ours.clone() } };
    }
    let (kind, message) = match error.kind() {
        ErrorKind::Connection => (TroubleKind::Unreachable, format!("cannot reach {host}: {}", deepest(error))),
        ErrorKind::Io => (TroubleKind::Unreachable, format!("{host} did not answer to the end: {}", deepest(error))),
        ErrorKind::Credential => (TroubleKind::SignIn, deepest(error)),
        ErrorKind::DataConversion => (TroubleKind::Malformed, deepest(error)),
        _ => (TroubleKind::Rejected, deepest(error)),
    };
    Trouble::new(kind, doing, message)
}

#[cfg(test)]
mod tests {
    use azure_core::http::StatusCode;

    use super::*;

    fn trouble(status: u16, body: &'static str) -> Trouble {
        let mut headers = Headers::new();
        headers.insert(HeaderName::from_static("x-ms-request-id"), "r-1");
        Answer::read(RawResponse::from_bytes(StatusCode::from(status), headers, body), "test").unwrap_err()
    }

    #[test]
    fn kinds_by_status_and_code() {
        use TroubleKind::*;
        for (status, body, kind, code) in [
            (409, r#"{"error":{"code":"RoleAssignmentExists","message":"m"}}"#, Exists, Some("RoleAssignmentExists")),
            (409, r#"{"error":{"code":"ScopeLocked","message":"m"}}"#, Locked, Some("ScopeLocked")),
            (
                400,
                r#"{"error":{"code":"PrincipalNotFound","message":"m"}}"#,
                PrincipalUnknown,
                Some("PrincipalNotFound"),
            ),
            (403, r#"{"error":{"code":"AuthorizationFailed","message":"m"}}"#, Denied, Some("AuthorizationFailed")),
            (404, r#"{"code":"ResourceNotFound","message":"m"}"#, NotFound, Some("ResourceNotFound")),
            (400, r#"{"error":"invalid_client","error_description":"m"}"#, Rejected, Some("invalid_client")),
            (429, "<html>Too many requests</html>", Throttled, None),
            (502, "<html>bad gateway</html>", Unreachable, None),
            (500, r#"{"error":{"code":"InternalServerError","message":"m"}}"#, Rejected, Some("InternalServerError")),
            (529, "{}", Unreachable, None),
            (307, "", Unreachable, None),
        ] {
            let trouble = trouble(status, body);
            assert_eq!((trouble.kind, trouble.code.as_deref()), (kind, code), "{status} {body}");
            assert_eq!((trouble.status, trouble.request_id.as_deref()), (Some(status), Some("r-1")));
            assert!(!trouble.message.contains("html"), "{trouble}");
        }
    }

    #[test]
    fn graph_puts_its_request_id_into_the_body_and_resource_graph_its_reason_into_details() {
        let body = serde_json::json!({"error": {"code": "BadRequest", "message": "Please provide below info",
            "details": [{"code": "InvalidQuery", "message": "Query is invalid"}], "innerError": {"request-id": "r-2"}}});
        let trouble = refused_item(400, &body, "ask");
        assert_eq!(
            trouble.to_string(),
            "could not ask: 400 BadRequest: Please provide below info; Query is invalid (request r-2)"
        );
    }

    #[test]
    fn a_page_is_told_from_a_wrong_shape() {
        let answer = |body: &'static str| Answer { status: 200, headers: Headers::new(), body: body.into() };
        let kind = |body| answer(body).json::<Vec<u8>>("x").unwrap_err().kind;
        assert_eq!(kind(" <html>proxy</html>"), TroubleKind::Unreachable);
        assert_eq!(kind("{}"), TroubleKind::Malformed);
        assert_eq!(kind("[1"), TroubleKind::Malformed);
    }
}
