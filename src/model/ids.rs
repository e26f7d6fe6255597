//! Identifiers, each with its rule of equality in one place.

use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

macro_rules! guid {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f) // hyphenated, lower case, as Azure answers
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )+};
}

guid! {
    /// An object id in Entra: a user, group or service principal.
    PrincipalId,
    /// The GUID of a role definition. Azure prefixes it with a scope that depends on who asks; only the GUID is compared.
    RoleDefinitionId,
    /// A subscription.
    SubscriptionId,
    /// An Entra tenant.
    TenantId,
    /// The name of a role assignment: a GUID that its maker chooses, unique in all of Azure.
    AssignmentName,
}

impl RoleDefinitionId {
    /// The GUID at the end of a role definition's resource id, whatever scope stands before it.
    #[must_use]
    pub fn from_resource_id(id: &str) -> Option<Self> {
        id.rsplit('/').next()?.parse().ok()
    }
}

/// Text that Azure compares without regard to ASCII case, and that is printed as it was sent.
#[derive(Clone)]
struct Folded {
    sent: Arc<str>,
    folded: Arc<str>, // folded once, here; comparing 400,000 of them stays cheap
}

impl Folded {
    fn new(text: &str) -> Self {
        let sent: Arc<str> = text.into();
        let folded =
            if text.bytes().any(|b| b.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { sent.clone() };
        Self { sent, folded }
    }
}

macro_rules! folded {
    ($name:ident) => {
        impl $name {
            /// As it was written or sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0.sent
            }

            /// In lower case: what is compared.
            #[must_use]
            pub fn folded(&self) -> &str {
                &self.0.folded
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.folded.cmp(&other.0.folded) // PartialEq, Eq and PartialOrd all come here
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other) == Ordering::Equal
            }
        }

        impl Eq for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.sent)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0.sent, f)
            }
        }
    };
}

/// An ARM scope or resource id, such as `/subscriptions/…/vaults/ttd-prod-keyvault`; `/` is the tenant's root.
///
/// Azure ignores ASCII case when it compares these (FACTS §1.5: one list mixes `resourceGroups` and `resourcegroups`);
/// so do we. We print the spelling Azure sent. A final slash is dropped.
#[derive(Clone)]
pub struct ScopeId(Folded);
folded!(ScopeId);

impl ScopeId {
    /// A scope from its text. Always starts with `/`, never ends with one (but for the root itself).
    #[must_use]
    pub fn new(text: &str) -> Self {
        let trimmed = text.trim_end_matches('/');
        Self(if trimmed.is_empty() {
            Folded::new("/")
        } else if trimmed.starts_with('/') {
            Folded::new(trimmed)
        } else {
            Folded::new(&format!("/{trimmed}"))
        })
    }

    /// The scope of a whole subscription.
    #[must_use]
    pub fn subscription_scope(id: SubscriptionId) -> Self {
        Self::new(&format!("/subscriptions/{id}"))
    }

    /// The subscription this scope lies in; `None` above subscriptions.
    #[must_use]
    pub fn subscription(&self) -> Option<SubscriptionId> {
        self.folded().strip_prefix("/subscriptions/")?.split('/').next()?.parse().ok()
    }

    /// Whether it is one resource: neither a resource group nor anything wider.
    #[must_use]
    pub fn is_resource(&self) -> bool {
        self.folded().starts_with("/subscriptions/")
            && self.folded().contains("/resourcegroups/")
            && self.folded().contains("/providers/")
    }

    /// The last part: for a resource, its name.
    #[must_use]
    pub fn last_segment(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// Whether `other` is this scope or lies below it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.folded() == "/"
            || other.folded().strip_prefix(self.folded()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Slips of the finger between two names, of which one may be meant by the other. Ours.
const SLIPS_MAX: usize = 3;
/// Shorter parts of a name tell nothing. Ours.
const PART_LETTERS_MIN: usize = 3;

/// A sign-in name (user principal name), such as `kari.fiktiv@ai-dev.no`. Compared without regard to ASCII case.
#[derive(Clone)]
pub struct UserName(Folded);
folded!(UserName);

impl UserName {
    /// A sign-in name as written.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Folded::new(text))
    }

    /// How many slips of the finger lie between two names, if few enough that one may be meant by the other. The right
    /// person at another domain is no slip away.
    #[must_use]
    pub fn slips_to(&self, other: &Self) -> Option<usize> {
        let slips = strsim::osa_distance(self.folded(), other.folded());
        (slips <= SLIPS_MAX || self.local() == other.local()).then_some(slips)
    }

    /// Whether both have a part of their name in common, as people do who change one of several: `kari` in
    /// `kari.fiktiv@…` and `kari.ekte@…`.
    #[must_use]
    pub fn shares_a_part(&self, other: &Self) -> bool {
        fn parts(name: &UserName) -> impl Iterator<Item = &str> {
            let parts = name.local().split(['.', '-', '_', '+', '\'']);
            parts.filter(|part| part.chars().count() >= PART_LETTERS_MIN)
        }
        parts(self).any(|part| parts(other).any(|other| part == other))
    }

    /// What stands before the first `@`, in lower case.
    #[must_use]
    pub fn local(&self) -> &str {
        self.folded().split('@').next().unwrap_or_default()
    }

    /// What stands after the last `@`, in lower case.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.folded().rsplit_once('@').map(|(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_when_compared_and_kept_when_printed() {
        let a = ScopeId::new("/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/RG/");
        let b = ScopeId::new("/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000001/resourcegroups/rg");
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/RG");
        assert_eq!(a.subscription(), b.subscription());
        assert!(a.subscription().is_some());
    }

    #[test]
    fn a_scope_holds_what_lies_below_and_no_neighbour() {
        let group = ScopeId::new("/subscriptions/s/resourceGroups/a");
        assert!(group.holds(&group));
        assert!(group.holds(&ScopeId::new("/subscriptions/s/resourcegroups/A/providers/x/y/z")));
        assert!(!group.holds(&ScopeId::new("/subscriptions/s/resourceGroups/ab")));
        assert!(ScopeId::new("/").holds(&group));
    }

    #[test]
    fn a_role_definition_is_its_last_guid() {
        let bare = "43d0d8ad-25c7-4714-9337-8ba259a9fe05";
        let long =
            format!("/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/{}", bare.to_uppercase());
        assert_eq!(RoleDefinitionId::from_resource_id(&long), bare.parse().ok());
    }
}
