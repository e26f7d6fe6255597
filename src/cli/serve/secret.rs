//! A secret that opens a door: never printed, and compared in a time that says nothing about it.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A secret. Only its digest is kept.
pub(in crate::cli) struct Secret([u8; 32]);

impl Secret {
    /// From what was set.
    pub(in crate::cli) fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether this is it. Digests are compared, all of them: where two first differ says nothing about the secret, and their
    /// length is always the same.
    pub(in crate::cli) fn is(&self, shown: &str) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        self.0.iter().zip(shown).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_itself_and_is_not_shown() {
        let secret = Secret::new("open sesame");
        assert!(secret.is("open sesame") && !secret.is("open sesam") && !secret.is(""));
        assert_eq!(format!("{secret:?}"), "[secret]");
    }
}
