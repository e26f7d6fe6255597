//! Service owners, environments, roles and resource kinds, by name.

use std::{fmt, sync::Arc};

/// Shortest and longest code of a service owner. Ours, from the codes in use (`nb`, `ksdigi`, `k1103`).
pub const OWNER_CODE_CHARS: std::ops::RangeInclusive<usize> = 2..=8;

/// A service owner's code: 2 to 8 of `a-z0-9`, such as `ttd` or `k1103`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerCode([u8; 8]);

impl OwnerCode {
    /// Reads a code exactly as it must be written: lower case, no other characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = OWNER_CODE_CHARS.contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        fits.then(|| {
            let mut code = [0; 8];
            for (slot, byte) in code.iter_mut().zip(text.bytes()) {
                *slot = byte;
            }
            Self(code)
        })
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default().trim_end_matches('\0')
    }
}

impl fmt::Display for OwnerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for OwnerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! word {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The word itself.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            /// The word as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )+};
}

word! {
    /// An environment's key in `tilgang.yaml`: `test`, `prod`.
    EnvironmentName,
    /// What an owner writes: `test-developer`, `prod-operations`.
    RoleName,
    /// A resource kind's key in the catalogue: `application-insights`, `key-vault`.
    KindName,
    /// This installation's name: part of what makes an assignment ours.
    InstanceName,
}

/// Longest name of an instance, an environment, a role or a kind. Ours: they go into descriptions and role names.
const WORD_CHARS_MAX: usize = 40;

/// Whether a text can be the name of an instance, an environment, a role or a kind.
#[must_use]
pub fn is_word(text: &str) -> bool {
    text.len() <= WORD_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for good in ["nb", "ttd", "k1103", "ksdigi", "abcdefgh"] {
            assert_eq!(OwnerCode::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a", "TTD", "abcdefghi", "t-d", "tæd"] {
            assert!(OwnerCode::new(bad).is_none(), "{bad}");
        }
    }
}
