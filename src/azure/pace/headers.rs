//! Which bucket a request takes from, and what an answer's headers tell of it.
//!
//! Resource Manager has a bucket for each kind of operation, subscription and principal, and the same again for each tenant;
//! Resource Graph counts by itself; so does Microsoft Graph, which tells nothing before it refuses (FACTS §5, §6).

use std::time::Duration;

use azure_core::http::{
    Method, Url,
    headers::{HeaderName, Headers},
};

use super::bucket::Published;

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// GET and HEAD.
    Reads,
    /// DELETE.
    Deletes,
    /// Everything else.
    Writes,
}

impl Kind {
    /// As headers and people name it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Deletes => "deletes",
            Self::Writes => "writes",
        }
    }
}

/// What has a bucket of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Resource Manager: one kind, in one subscription or at the tenant.
    Arm {
        /// Reads, writes or deletes.
        kind: Kind,
        /// The subscription's id in lower case.
        subscription: Option<String>,
    },
    /// Resource Graph.
    ResourceGraph,
    /// Microsoft Graph.
    Graph,
}

impl Key {
    /// The bucket of a request to Resource Manager.
    pub(crate) fn of(method: Method, url: &Url) -> Self {
        let mut parts = url.path().split('/').filter(|part| !part.is_empty()).map(str::to_ascii_lowercase);
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        if first == "providers" && second.as_deref() == Some("microsoft.resourcegraph") {
            return Self::ResourceGraph;
        }
        let kind = match method {
            Method::Get | Method::Head => Kind::Reads,
            Method::Delete => Kind::Deletes,
            _ => Kind::Writes,
        };
        Self::Arm { kind, subscription: second.filter(|_| first == "subscriptions") }
    }

    /// As published: where to begin, until answers tell better.
    pub(super) fn published(&self) -> Published {
        match self {
            // "Understand how Azure Resource Manager throttles requests" (FACTS §6).
            Self::Arm { kind: Kind::Reads, .. } => Published { most: 250.0, per_second: 25.0 },
            Self::Arm { .. } => Published { most: 200.0, per_second: 10.0 },
            // 15 in 5 seconds: "Guidance for throttled requests in Azure Resource Graph" (FACTS §5).
            Self::ResourceGraph => Published { most: 15.0, per_second: 3.0 },
            // 3,500 resource units in 10 seconds at the least; a batch of ours costs 20 (FACTS §6).
            Self::Graph => Published { most: 175.0, per_second: 17.5 },
        }
    }
}

/// The least count that an answer tells for this bucket: its own, or the one of all callers together.
pub(super) fn remaining(key: &Key, headers: &Headers) -> Option<f64> {
    let Key::Arm { kind, subscription } = key else { return None };
    let of = if subscription.is_some() { "subscription" } else { "tenant" };
    let kind = kind.word();
    let names =
        [format!("x-ms-ratelimit-remaining-{of}-{kind}"), format!("x-ms-ratelimit-remaining-{of}-global-{kind}")];
    let told = names.into_iter().filter_map(|name| number(headers, name));
    told.min_by(f64::total_cmp)
}

/// Resource Graph's quota starts anew at a time of its own: how long to wait when an answer tells that nothing is left.
pub(super) fn quota(headers: &Headers) -> Option<Duration> {
    let left = number(headers, "x-ms-user-quota-remaining".to_owned())?;
    if left >= 1.0 {
        return None;
    }
    let after = headers.get_optional_str(&HeaderName::from_static("x-ms-user-quota-resets-after"))?;
    let mut seconds = 0_u64;
    for part in after.trim().split(':') {
        let whole: u64 = part.split('.').next()?.parse().ok()?; // hh:mm:ss
        seconds = seconds.checked_mul(60)?.checked_add(whole)?;
    }
    Some(Duration::from_secs(seconds))
}

fn number(headers: &Headers, name: String) -> Option<f64> {
    let text = headers.get_optional_str(&HeaderName::from(name))?;
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(method: Method, path: &str) -> Key {
        Key::of(method, &Url::parse(&format!("https://management.azure.com{path}")).unwrap())
    }

    fn headers(all: &[(&'static str, &'static str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in all {
            headers.insert(HeaderName::from_static(name), *value);
        }
        headers
    }

    #[test]
    fn each_kind_in_each_subscription_has_a_bucket() {
        let vault = "/subscriptions/AA-1/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v";
        let arm = |kind, subscription: Option<&str>| Key::Arm { kind, subscription: subscription.map(str::to_owned) };
        assert_eq!(key(Method::Put, vault), arm(Kind::Writes, Some("aa-1")));
        assert_eq!(key(Method::Delete, vault), arm(Kind::Deletes, Some("aa-1")));
        assert_eq!(key(Method::Get, "/subscriptions/aa-1"), arm(Kind::Reads, Some("aa-1")));
        assert_eq!(key(Method::Get, "/providers/Microsoft.Authorization/permissions"), arm(Kind::Reads, None));
        assert_eq!(key(Method::Post, "/providers/Microsoft.ResourceGraph/resources?x"), Key::ResourceGraph);
    }

    #[test]
    fn the_least_count_of_its_own_kind_counts() {
        let told = headers(&[
            ("x-ms-ratelimit-remaining-subscription-writes", "199"),
            ("x-ms-ratelimit-remaining-subscription-global-writes", "12"),
            ("x-ms-ratelimit-remaining-subscription-reads", "3"),
            ("x-ms-ratelimit-remaining-tenant-writes", "1"),
        ]);
        assert_eq!(remaining(&key(Method::Put, "/subscriptions/a"), &told), Some(12.0));
        assert_eq!(remaining(&key(Method::Put, "/providers/x"), &told), Some(1.0));
        assert_eq!(remaining(&key(Method::Delete, "/subscriptions/a"), &told), None);
        assert_eq!(
            remaining(
                &key(Method::Put, "/subscriptions/a"),
                &headers(&[("x-ms-ratelimit-remaining-subscription-writes", "NaN")])
            ),
            None
        );
    }

    #[test]
    fn a_used_up_quota_is_waited_for() {
        let told =
            |left, after| headers(&[("x-ms-user-quota-remaining", left), ("x-ms-user-quota-resets-after", after)]);
        assert_eq!(quota(&told("0", "00:00:04")), Some(Duration::from_secs(4)));
        assert_eq!(quota(&told("0", "00:01:05.5")), Some(Duration::from_secs(65)));
        assert_eq!(quota(&told("1", "00:00:04")), None);
        for nonsense in ["", "soon", "-1", "99999999999999999999:00", "18446744073709551615:59"] {
            assert_eq!(quota(&told("0", nonsense)), None, "{nonsense}");
        }
    }
}
