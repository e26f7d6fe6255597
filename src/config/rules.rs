//! Every rule that a workspace can break: its stable name, and why there is such a rule. This list is the documentation.

/// A rule, as a row of [`RULES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Stable: SARIF and annotations carry it.
    pub name: &'static str,
    /// Why there is this rule.
    pub why: &'static str,
}

macro_rules! rules {
    ($($id:ident $name:literal $why:literal)+) => {
        $(#[doc = $why] pub(super) const $id: Rule = Rule { name: $name, why: $why };)+

        /// All rules, those about files first, then about their shape, then about what they mean.
        pub static RULES: &[Rule] = &[$($id),+];
    };
}

rules! {
    NO_WORKSPACE "workspace-exists" "without `tilgang.yaml` and `owners/` nobody knows what is wanted; an empty folder must not take everybody out"
    UNREADABLE "file-readable" "what cannot be read cannot be carried out"
    LINK "link-inside" "a link to a file elsewhere lets people change access without a review here"
    STRAY_FILE "file-counts" "a file in `owners/` that is not `<code>.yaml` would silently not count"
    FILE_NAME "file-name" "an owner's file is named by its code: 2 to 8 of `a-z` and `0-9`"
    UTF8 "utf-8" "a file in another encoding reads differently on every machine"
    HIDDEN "visible-characters" "a reviewer must see every character that counts: a grant can hide behind one that does not show"
    SYNTAX "yaml-syntax" "a file that is not YAML means nothing"
    PLAIN "plain-yaml" "anchors, aliases, merge keys, tags and second documents make a file mean something else than it shows"
    UNCERTAIN "one-reading" "a text that two YAML parsers read differently is one that people read differently, too"
    EMPTY "not-empty" "an empty value can mean nobody or forgotten; nobody is written `[]`"
    WRONG_TYPE "right-type" "a value of another type than expected is a slip, and which one is a guess"
    UNKNOWN_KEY "known-key" "a misspelt key would silently not count"
    DOUBLED_KEY "key-once" "of two entries with the same key, which one counts?"
    MISSING_KEY "key-present" "some things have no default"
    BAD_VALUE "valid-value" "a value that cannot be what its key says would fail later, in Azure"
    OWNER_NAME "owner-is-file-name" "otherwise the reviewers of one owner could let people in at another"
    TOMBSTONE "removed-or-users" "a file either takes everybody out or lists people"
    SIGN_IN_NAME "sign-in-name" "people are found by their sign-in name, and by nothing that looks like one"
    DOMAIN "known-domain" "a name in a foreign domain is a misspelling, an e-mail address, or somebody from elsewhere"
    PERSON_ONCE "person-once" "of two entries for a person, which one counts?"
    ROLE "known-role" "a misspelt role grants nothing, silently"
    ROLE_ENVIRONMENT "role-in-environment" "a role in an environment that the owner does not have grants nothing, silently"
    ROLE_ONCE "role-once" "of two entries for a role, with two dates, which one counts?"
    MUST_STATE "role-requires" "the platform team demands it for this role (`policy.require`)"
    LASTS "role-lasts" "the platform team lets nobody have this role for longer without a new look (`policy.longest`)"
    KNOWN_NAME "known-name" "a misspelt environment, resource kind or role in `tilgang.yaml` would silently not count"
    GIVES_NOTHING "role-gives" "a role that gives nothing looks like access and is none"
    NEVER_A_TARGET "type-can-be-target" "targets are found in Resource Graph; what it does not list there is never found, and its grants stay blocked"
    TWO_OWNERS "at-two-owners" "nobody gains anything at two owners unless both files say that it is meant"
    TARGETS_APART "targets-apart" "two owners or environments with the same targets would have each other's access"
}

impl Rule {
    /// The rule with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        RULES.iter().copied().find(|rule| rule.name == name)
    }
}
