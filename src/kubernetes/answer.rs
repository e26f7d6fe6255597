//! What an API server's answer means. Status, `Retry-After` and body come in; an [`Answer`] goes out. No network here.
//!
//! Sources: "API conventions" of kubernetes/community ("Response Status Kind"; 409 for `Conflict` and `AlreadyExists`), and
//! apiserver's `filters`: a server with too much to do answers 429 with `Retry-After` and plain text, no `Status`.

use jiff::SignedDuration;
use k8s_openapi::{api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::Status};

/// What was answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// The Lease, as it is now.
    Lease(Box<Lease>),
    /// There is none.
    Missing,
    /// Somebody else wrote first.
    Conflict,
    /// Anything else.
    Unclear {
        /// How long the server asks us to wait.
        wait: Option<SignedDuration>,
        /// For people.
        words: String,
    },
}

/// Reads an answer.
pub(super) fn read(code: u16, retry_after: Option<&str>, body: &[u8], name: &str) -> Answer {
    if (200..300).contains(&code) {
        let lease = serde_json::from_slice::<Lease>(body);
        return match lease {
            Ok(lease) if is_whole(&lease, name) => Answer::Lease(Box::new(lease)),
            Ok(_) | Err(_) => {
                Answer::Unclear { wait: None, words: format!("the API server answered {code} with no Lease `{name}`") }
            }
        };
    }
    let status = serde_json::from_slice::<Status>(body).ok();
    let details = status.as_ref().and_then(|status| status.details.as_ref());
    let reason = status.as_ref().and_then(|status| status.reason.as_deref()).unwrap_or_default();
    let is_about_it = details.is_some_and(|details| details.name.as_deref() == Some(name));
    match (code, reason) {
        // A gateway in between may answer 404 or 409, too: only the server's own word counts.
        (404, "NotFound") if is_about_it => Answer::Missing,
        (409, "Conflict" | "AlreadyExists") => Answer::Conflict,
        _ => {
            let asked = details.and_then(|details| details.retry_after_seconds).map(i64::from);
            let wait = retry_after.and_then(|text| text.trim().parse().ok()).or(asked);
            let message = status.as_ref().and_then(|status| status.message.as_deref()).unwrap_or("no word why");
            let help = match code {
                401 => "; is the service account's token mounted?",
                403 => "; is the Role for this Lease bound to our service account?",
                _ => "",
            };
            let words = format!("the API server answered {code}: {message}{help}");
            Answer::Unclear { wait: wait.filter(|wait| *wait > 0).map(SignedDuration::from_secs), words }
        }
    }
}

fn is_whole(lease: &Lease, name: &str) -> bool {
    let metadata = &lease.metadata;
    metadata.name.as_deref() == Some(name) && metadata.resource_version.as_ref().is_some_and(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_own_word_means_missing() {
        let own = br#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"leases.coordination.k8s.io \"tilgang\" not found","reason":"NotFound","details":{"name":"tilgang","group":"coordination.k8s.io","kind":"leases"},"code":404}"#;
        assert!(matches!(read(404, None, own, "tilgang"), Answer::Missing));
        assert!(matches!(read(404, None, b"<html>no such page</html>", "tilgang"), Answer::Unclear { .. }));
        let namespace =
            br#"{"kind":"Status","reason":"NotFound","details":{"name":"elsewhere","kind":"namespaces"},"code":404}"#;
        assert!(matches!(read(404, None, namespace, "tilgang"), Answer::Unclear { .. }));
    }

    #[test]
    fn a_busy_server_says_for_how_long() {
        let Answer::Unclear { wait, .. } =
            read(429, Some("7"), b"Too many requests, please try again later.", "tilgang")
        else {
            panic!("unclear")
        };
        assert_eq!(wait, Some(SignedDuration::from_secs(7)));
        let body = br#"{"kind":"Status","reason":"TooManyRequests","details":{"retryAfterSeconds":3},"code":429}"#;
        let Answer::Unclear { wait, .. } = read(429, None, body, "tilgang") else { panic!("unclear") };
        assert_eq!(wait, Some(SignedDuration::from_secs(3)));
    }

    #[test]
    fn two_hundred_without_a_lease_is_no_lease() {
        for body in [&b"{}"[..], b"ok", br#"{"kind":"Lease","metadata":{"name":"other","resourceVersion":"1"}}"#] {
            assert!(matches!(read(200, None, body, "tilgang"), Answer::Unclear { .. }));
        }
    }
}
