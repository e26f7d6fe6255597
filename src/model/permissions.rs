//! What role definitions permit, as far as it tells whether one opens what another opens.

use super::ids::ScopeId;

/// A role definition as Azure tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// Its name, for people.
    pub name: String,
    /// Who made it.
    pub made_by: DefinitionMaker,
    /// Where it may be assigned: at these scopes and below them.
    pub assignable_scopes: Vec<ScopeId>,
    /// Its blocks of permissions; each stands for itself.
    pub blocks: Vec<Block>,
}

/// Who made a role definition (`properties.type`, authorization-RoleDefinitionsCalls.json).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DefinitionMaker {
    /// Microsoft: `BuiltInRole`. It is the same in every tenant.
    Microsoft,
    /// Somebody in the tenant: `CustomRole`, or a word that is not known here.
    #[default]
    Tenant,
}

impl DefinitionMaker {
    /// From Azure's word.
    #[must_use]
    pub fn from_azure(word: &str) -> Self {
        if word.eq_ignore_ascii_case("BuiltInRole") { Self::Microsoft } else { Self::Tenant }
    }
}

/// Actions, less what is taken out of them, of the control plane and of the data plane. `*` stands for any characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Allowed on the control plane.
    pub actions: Vec<String>,
    /// Taken out of them.
    pub not_actions: Vec<String>,
    /// Allowed on the data plane.
    pub data_actions: Vec<String>,
    /// Taken out of those.
    pub not_data_actions: Vec<String>,
}

/// How much of something is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Some of what an action with `*` stands for.
    Part,
    /// All of it.
    Whole,
}

impl Definition {
    /// Whether one of its assignable scopes is this one, or contains it by its path. Management groups contain subscriptions
    /// that their path does not name: of those this says nothing.
    #[must_use]
    pub fn is_assignable_by_path(&self, at: &ScopeId) -> bool {
        self.assignable_scopes.iter().any(|scope| scope.folded() == "/" || scope.holds(at))
    }

    /// What it permits, in one text that is the same whatever the order and the case in which Azure answers: a block a line.
    #[must_use]
    pub fn permits_text(&self) -> String {
        let folded = |actions: &[String]| {
            let mut all: Vec<String> = actions.iter().map(|action| action.to_ascii_lowercase()).collect();
            all.sort_unstable();
            all.dedup();
            all.join(" ")
        };
        let block = |block: &Block| {
            let Block { actions, not_actions, data_actions, not_data_actions } = block;
            [actions, not_actions, data_actions, not_data_actions].map(|part| folded(part)).join("; ")
        };
        let mut blocks: Vec<String> = self.blocks.iter().map(block).collect();
        blocks.sort_unstable();
        blocks.join("\n")
    }

    /// How much of an action it permits, on the data plane or the control plane; `None`: nothing. For an action without `*`
    /// there is no part.
    #[must_use]
    pub fn permits(&self, action: &str, of_data: bool) -> Option<Extent> {
        let blocks = self.blocks.iter().map(|block| {
            if of_data {
                extent(action, &block.data_actions, &block.not_data_actions)
            } else {
                extent(action, &block.actions, &block.not_actions)
            }
        });
        blocks.max().flatten()
    }

    /// Whether this one opens all that `other` opens at a resource of this type (lower case, as in the catalogue).
    ///
    /// What a definition opens there is its data actions of the type's provider (secrets), or, if it has none, its actions
    /// of that provider (logs): what it may do at other providers, support tickets say, is not what it is given for.
    #[must_use]
    pub fn opens_as(&self, other: &Self, arm_type: &str) -> bool {
        let provider = arm_type.split('/').next().unwrap_or_default();
        let there = |pattern: &&String| {
            let pattern = pattern.to_ascii_lowercase();
            pattern.starts_with('*') || pattern.strip_prefix(provider).is_some_and(|rest| rest.starts_with('/'))
        };
        let data: Vec<&String> = other.blocks.iter().flat_map(|block| &block.data_actions).filter(there).collect();
        if !data.is_empty() {
            return data.into_iter().all(|needed| self.blocks.iter().any(|block| block.covers_data(needed)));
        }
        let actions: Vec<&String> = other.blocks.iter().flat_map(|block| &block.actions).filter(there).collect();
        !actions.is_empty() && actions.into_iter().all(|needed| self.blocks.iter().any(|block| block.covers(needed)))
    }
}

impl Block {
    fn covers(&self, needed: &str) -> bool {
        within(needed, &self.actions, &self.not_actions)
    }

    fn covers_data(&self, needed: &str) -> bool {
        within(needed, &self.data_actions, &self.not_data_actions)
    }
}

/// Whether all that `needed` stands for is allowed.
fn within(needed: &str, allowed: &[String], taken_out: &[String]) -> bool {
    allowed.iter().any(|pattern| includes(pattern, needed)) && !taken_out.iter().any(|pattern| meet(pattern, needed))
}

/// How much of what `needed` stands for is allowed.
fn extent(needed: &str, allowed: &[String], taken_out: &[String]) -> Option<Extent> {
    let out = |wanted: &str| taken_out.iter().any(|pattern| includes(pattern, wanted));
    let all = allowed.iter().any(|pattern| includes(pattern, needed));
    if all && !out(needed) {
        // Of one action nothing can be taken out but all of it; of several, in doubt some is.
        let is_whole = !needed.contains('*') || within(needed, allowed, taken_out);
        return Some(if is_whole { Extent::Whole } else { Extent::Part });
    }
    allowed.iter().any(|pattern| includes(needed, pattern) && !out(pattern)).then_some(Extent::Part)
}

/// Whether `pattern` stands for all that `needed` stands for: a `*` in `needed` is only met by one in `pattern`.
fn includes(pattern: &str, needed: &str) -> bool {
    let (pattern, needed) = (pattern.to_ascii_lowercase(), needed.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| needed.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    last.map_or(rest.is_empty(), |last| needed.ends_with(last))
}

/// Whether two patterns may stand for one and the same action: in doubt they do.
fn meet(a: &str, b: &str) -> bool {
    fn ends(pattern: &str) -> (&str, &str) {
        let (first, last) = (pattern.split('*').next(), pattern.rsplit('*').next());
        (first.unwrap_or_default(), last.unwrap_or_default())
    }
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let ((a_first, a_last), (b_first, b_last)) = (ends(&a), ends(&b));
    (a_first.starts_with(b_first) || b_first.starts_with(a_first))
        && (a_last.ends_with(b_last) || b_last.ends_with(a_last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(actions: &[&str], not_actions: &[&str], data_actions: &[&str]) -> Definition {
        let all = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let block = Block {
            actions: all(actions),
            not_actions: all(not_actions),
            data_actions: all(data_actions),
            not_data_actions: Vec::new(),
        };
        Definition { blocks: vec![block], ..Definition::default() }
    }

    /// Microsoft's own definitions, shortened to what tells them apart (FACTS §2).
    #[test]
    fn who_opens_secrets_and_logs() {
        let (vault, component) = ("microsoft.keyvault/vaults", "microsoft.insights/components");
        let officer = of(
            &["Microsoft.Authorization/*/read", "Microsoft.KeyVault/vaults/*/read"],
            &[],
            &["Microsoft.KeyVault/vaults/secrets/*"],
        );
        let administrator = of(&["Microsoft.KeyVault/vaults/*/read"], &[], &["Microsoft.KeyVault/vaults/*"]);
        let user = of(&[], &[], &["Microsoft.KeyVault/vaults/secrets/getSecret/action"]);
        let owner = of(&["*"], &[], &[]);
        let contributor = of(&["*"], &["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"], &[]);
        let reader = of(&["*/read"], &[], &[]);
        let monitoring =
            of(&["*/read", "Microsoft.OperationalInsights/workspaces/search/action", "Microsoft.Support/*"], &[], &[]);
        let component_contributor = of(&["Microsoft.Insights/components/*"], &[], &[]);
        assert!(administrator.opens_as(&officer, vault) && officer.opens_as(&officer, vault));
        for narrower in [&user, &owner, &contributor, &reader, &monitoring] {
            assert!(!narrower.opens_as(&officer, vault), "{narrower:?}");
        }
        for wider in [&owner, &contributor, &reader, &monitoring] {
            assert!(wider.opens_as(&monitoring, component), "{wider:?}");
        }
        for other in [&officer, &user, &component_contributor, &of(&["*"], &["*/read"], &[])] {
            assert!(!other.opens_as(&monitoring, component), "{other:?}");
        }
        assert!(!owner.opens_as(&Definition::default(), vault), "what opens nothing is opened by nobody");
    }

    #[test]
    fn some_of_many_is_a_part() {
        let logs = "Microsoft.Insights/logs/*/read";
        for (actions, not_actions, is) in [
            (&["*/read"][..], &[][..], Some(Extent::Whole)),
            (&["Microsoft.Insights/logs/AppTraces/read"], &[], Some(Extent::Part)),
            (&["*/read"], &["Microsoft.Insights/logs/AppTraces/read"], Some(Extent::Part)),
            (&["*/read"], &["Microsoft.Insights/*"], None),
            (&["Microsoft.Insights/logs/AppTraces/read"], &["*/read"], None),
            (&["Microsoft.Insights/components/*"], &[], None),
        ] {
            assert_eq!(of(actions, not_actions, &[]).permits(logs, false), is, "{actions:?} {not_actions:?}");
        }
        let get = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
        assert_eq!(of(&["*"], &[], &[]).permits(get, true), None);
        let mut secrets = of(&[], &[], &["Microsoft.KeyVault/vaults/*"]);
        assert_eq!(secrets.permits(get, true), Some(Extent::Whole));
        secrets.blocks[0].not_data_actions.push("*/keys/*".to_owned());
        assert_eq!(secrets.permits(get, true), Some(Extent::Whole), "keys are no secrets");
        secrets.blocks[0].not_data_actions.push("*/secrets/getSecret/*".to_owned());
        assert_eq!(secrets.permits(get, true), None);
    }

    #[test]
    fn a_star_is_met_by_a_star() {
        for (pattern, needed, is) in [
            ("a/*", "A/b/*", true),
            ("a/*/c", "a/*/c", true),
            ("a/b", "a/*", false),
            ("*/read", "*", false),
            ("*", "*/read", true),
            ("a/*/a", "a/a", false),
        ] {
            assert_eq!(includes(pattern, needed), is, "{pattern} {needed}");
        }
    }
}
