//! What somebody can do at a target, in words that people ask with: each is one action of Azure's, with the page it is from.
//!
//! A row more is a word more: nothing else knows these actions.

use super::permissions::{Definition, Extent};

/// One thing that somebody can do at a target.
#[derive(Debug, PartialEq, Eq)]
pub struct Ability {
    /// What people ask with: `read-secrets`.
    pub word: &'static str,
    /// To be read after "may", in two parts: `read` and `secrets`. Those with the same second part are said together.
    pub may: (&'static str, &'static str),
    /// ARM resource type in lower case where it means something; `None`: everywhere.
    pub arm_type: Option<&'static str>,
    /// The action that it takes, as Azure spells it. `*` stands for several: whoever may only some of them may it in part.
    pub action: &'static str,
    /// Whether that is an action of the data plane.
    pub of_data: bool,
    /// Microsoft's page that says so.
    pub source: &'static str,
}

const COMPONENT: Option<&str> = Some("microsoft.insights/components");
const VAULT: Option<&str> = Some("microsoft.keyvault/vaults");
const SECRETS: &str =
    "Microsoft, \"Azure permissions for Security\", Microsoft.KeyVault, data actions of vaults/secrets";

/// Every ability, in the order in which they are said.
pub const ABILITIES: &[Ability] = &[
    Ability {
        word: "read-logs",
        may: ("read", "logs"),
        arm_type: COMPONENT,
        action: "Microsoft.Insights/logs/*/read",
        of_data: false,
        source: "Microsoft, \"Manage access to Log Analytics workspaces\": resource permissions, `Microsoft.Insights/logs/*/read`",
    },
    Ability {
        word: "list-secrets",
        may: ("list", "secrets"),
        arm_type: VAULT,
        action: "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        of_data: true,
        source: SECRETS,
    },
    Ability {
        word: "read-secrets",
        may: ("read", "secrets"),
        arm_type: VAULT,
        action: "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        of_data: true,
        source: SECRETS,
    },
    Ability {
        word: "change-secrets",
        may: ("change", "secrets"),
        arm_type: VAULT,
        action: "Microsoft.KeyVault/vaults/secrets/setSecret/action",
        of_data: true,
        source: SECRETS,
    },
    Ability {
        word: "delete-secrets",
        may: ("delete", "secrets"),
        arm_type: VAULT,
        action: "Microsoft.KeyVault/vaults/secrets/delete",
        of_data: true,
        source: SECRETS,
    },
    Ability {
        word: "change-vault-policies",
        may: ("change", "access policies"),
        arm_type: VAULT,
        action: "Microsoft.KeyVault/vaults/accessPolicies/write",
        of_data: false,
        source: "Microsoft, \"Azure permissions for Security\", Microsoft.KeyVault, `vaults/accessPolicies/write`",
    },
    Ability {
        word: "change-vault-mode",
        may: ("change", "the vault's permission model"),
        arm_type: VAULT,
        // That it takes `roleAssignments/write` beside it is said by one of two pages: OPEN (FACTS_PIM_GROUPS §5).
        action: "Microsoft.KeyVault/vaults/write",
        of_data: false,
        source: "Microsoft, \"Provide access to Key Vault keys, certificates, and secrets with Azure role-based access control\": \
                 whoever may write the vault can let themselves in",
    },
    Ability {
        word: "give-access",
        may: ("give", "access to others"),
        arm_type: None,
        action: "Microsoft.Authorization/roleAssignments/write",
        of_data: false,
        source: "Microsoft, \"Steps to assign an Azure role\", step 4: `Microsoft.Authorization/roleAssignments/write`",
    },
];

impl Ability {
    /// The one with this word.
    #[must_use]
    pub fn named(word: &str) -> Option<&'static Self> {
        ABILITIES.iter().find(|ability| ability.word == word)
    }

    /// Those that mean something at a resource of this type (lower case).
    pub fn at(arm_type: &str) -> impl Iterator<Item = &'static Self> {
        ABILITIES.iter().filter(move |ability| ability.arm_type.is_none_or(|its| its == arm_type))
    }

    /// How much of it a role definition gives; `None`: nothing.
    #[must_use]
    pub fn given_by(&self, definition: &Definition) -> Option<Extent> {
        definition.permits(self.action, self.of_data)
    }
}

/// Words between verbs and the thing that they are about.
const BETWEEN: [&str; 4] = ["and", "or", "the", "all"];
/// Words that turn a claim round.
const NEGATIONS: [&str; 5] = ["not", "never", "cannot", "no", "without"];
/// How `can't`, `mustn't` and the like end, once typographic apostrophes are plain ones.
const CONTRACTED: &str = "n't";

/// What a role's `may:` claims, as far as these words go: `read and change secrets` is `read-secrets` and `change-secrets`. The verbs
/// stand right before a thing, or before the thing that it is joined to (`read logs and secrets`); a word that is none of ours
/// ends them, and after a negation nothing is claimed.
#[must_use]
pub fn claimed(may: &str) -> Vec<&'static Ability> {
    let text = may.to_lowercase().replace('\u{2019}', "'");
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
    let is_verb = |word: &str| ABILITIES.iter().any(|ability| ability.may.0 == word);
    let mut claimed: Vec<&'static Ability> = Vec::new();
    // The verbs that count for the next thing; whether they were used by a thing already.
    let (mut verbs, mut used, mut negated): (Vec<&str>, bool, bool) = (Vec::new(), false, false);
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        let word = rest.first().copied().unwrap_or_default();
        let length = ABILITIES.iter().filter_map(|ability| {
            let thing: Vec<&str> = ability.may.1.split(' ').collect();
            rest.starts_with(&thing).then_some(thing.len())
        });
        if let Some(length) = length.max() {
            let thing = rest.get(..length).unwrap_or_default().join(" ");
            let meant = |ability: &&Ability| ability.may.1 == thing && verbs.contains(&ability.may.0);
            if !negated {
                let new: Vec<&Ability> = ABILITIES.iter().filter(meant).filter(|it| !claimed.contains(it)).collect();
                claimed.extend(new);
            }
            used = true;
            at += length;
            continue;
        }
        if is_verb(word) {
            if used {
                (verbs, used) = (Vec::new(), false);
            }
            verbs.push(word);
        } else if NEGATIONS.contains(&word) || word.ends_with(CONTRACTED) {
            (verbs, used, negated) = (Vec::new(), false, true);
        } else if !BETWEEN.contains(&word) {
            (verbs, used) = (Vec::new(), false);
        }
        at += 1;
    }
    claimed
}

impl PartialOrd for Ability {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ability {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let place = |it: &Self| ABILITIES.iter().position(|ability| ability.word == it.word);
        place(self).cmp(&place(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unlike_and_types_are_folded() {
        for (n, ability) in ABILITIES.iter().enumerate() {
            assert_eq!(Ability::named(ability.word), Some(ability), "{}", ability.word);
            assert!(ability.arm_type.is_none_or(|it| it == it.to_lowercase()));
            assert!(n == 0 || ABILITIES[n - 1] < *ability);
        }
        assert_eq!(Ability::named("read"), None);
    }

    #[test]
    fn a_claim_is_read_word_by_word() {
        for (may, words) in [
            ("read logs", &["read-logs"][..]),
            ("read and change secrets", &["read-secrets", "change-secrets"]),
            ("list, read and delete secrets", &["list-secrets", "read-secrets", "delete-secrets"]),
            ("read logs and change secrets", &["read-logs", "change-secrets"]),
            ("Give access to others", &["give-access"]),
            ("act as Key Vault Secrets Officer", &[]),
            ("manage certificates", &[]),
            ("read the files and the secrets", &[]),
            ("read logs and secrets", &["read-logs", "read-secrets"]),
            ("read certificates and list secrets", &["list-secrets"]),
            ("read only the names of secrets", &[]),
            ("never read secrets", &[]),
            ("read logs; can't change secrets", &["read-logs"]),
            ("mustn\u{2019}t read secrets", &[]),
            ("open the portal; cannot change secrets", &[]),
            ("use the portal, but not give access to others", &[]),
            ("", &[]),
        ] {
            let claimed: Vec<&str> = claimed(may).into_iter().map(|ability| ability.word).collect();
            assert_eq!(claimed, words, "{may}");
        }
    }
}
