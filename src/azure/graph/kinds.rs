//! Which kinds of objects a token may look up by id, beside users.
//!
//! The permissions that a token names come in. `getByIds` asks for `Directory.Read.All` (graph-docs directoryobject-getbyids:
//! "higher: not available"); with `User.Read.All` alone it serves users (microsoft-graph-docs-contrib#8798), and what it does about
//! others is OPEN: 403, or they are left out without a sign. So what is not covered is not asked for.

/// With one of these, everything.
const EVERYTHING: &[&str] = &["Directory.Read.All", "Directory.ReadWrite.All", "Directory.AccessAsUser.All"];

/// Each kind beside users, and the permissions of its own that read it.
const KINDS: &[(&str, &[&str])] = &[
    ("group", &["Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All"]),
    ("servicePrincipal", &["Application.Read.All", "Application.ReadWrite.All"]),
    ("device", &["Device.Read.All", "Device.ReadWrite.All"]),
    ("directoryObjectPartnerReference", &[]),
];

/// The kinds that a token covers beside users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(Vec<&'static str>);

impl Kinds {
    /// Those that these permissions cover.
    pub(crate) fn covered_by(permissions: &[String]) -> Self {
        let has = |known: &[&str]| permissions.iter().any(|it| known.iter().any(|one| it.eq_ignore_ascii_case(one)));
        let everything = has(EVERYTHING);
        Self(KINDS.iter().filter(|(_, own)| everything || has(own)).map(|(kind, _)| *kind).collect())
    }

    /// What `getByIds` calls them.
    pub(crate) fn beyond_users(&self) -> &[&'static str] {
        &self.0
    }

    /// Whether nothing is left that an id could belong to and that is not asked for.
    pub(crate) fn is_all(&self) -> bool {
        self.0.len() == KINDS.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_covers() {
        let kinds =
            |permissions: &[&str]| Kinds::covered_by(&permissions.iter().map(ToString::to_string).collect::<Vec<_>>());
        for users_only in [&[][..], &["User.Read.All"], &["User.ReadBasic.All", "openid"]] {
            assert_eq!(kinds(users_only), Kinds(Vec::new()), "{users_only:?}");
            assert!(!kinds(users_only).is_all());
        }
        assert_eq!(kinds(&["User.Read.All", "groupmember.read.all"]), Kinds(vec!["group"]));
        assert_eq!(kinds(&["Application.Read.All"]), Kinds(vec!["servicePrincipal"]));
        for all in EVERYTHING {
            assert!(kinds(&["User.Read", all]).is_all(), "{all}");
        }
    }
}
