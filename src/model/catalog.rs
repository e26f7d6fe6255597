//! What a role means: role → (resource kind, role definition), and where an owner's targets are. Rows of
//! `config/catalog.yaml`, as changed by `tilgang.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ids::RoleDefinitionId,
    owner::{EnvironmentName, KindName, OwnerCode, RoleName},
};

/// Everything a role name can lead to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Catalog {
    /// `test`, `prod`.
    pub environments: BTreeMap<EnvironmentName, Environment>,
    /// `application-insights`, `key-vault`.
    pub kinds: BTreeMap<KindName, ResourceKind>,
    /// `test-developer` and so on: each base role in each environment.
    pub roles: BTreeMap<RoleName, Role>,
    /// Role definitions that were given once. Ours may still stand, and are removed as any other.
    pub retired: BTreeSet<(KindName, RoleDefinition)>,
}

/// A runtime environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// For people: `Test`.
    pub title: String,
    /// What names in Azure say: `tt02`.
    pub azure_name: String,
    /// The display name of an owner's subscription.
    pub subscription: Pattern,
}

/// A kind of target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceKind {
    /// For people: `Key Vault`.
    pub title: String,
    /// ARM resource type in lower case: `microsoft.keyvault/vaults`.
    pub arm_type: String,
    /// A target's name.
    pub name: Pattern,
    /// Tags that a target must carry.
    pub tags: BTreeMap<String, Pattern>,
}

/// What an owner writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// For people: `Prod Operations`.
    pub title: String,
    /// What it lets a person do, to be read after "may": `read and change secrets`.
    pub may: String,
    /// Where it holds.
    pub environment: EnvironmentName,
    /// What it gives, and on which kind of target.
    pub gives: Vec<Gives>,
}

/// One role definition on one kind of target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gives {
    /// On which kind of target.
    pub kind: KindName,
    /// Azure's bundle of permissions.
    pub definition: RoleDefinition,
    /// Why it may be given although it gives access itself, or reaches nearly everything; none where it may not.
    pub privileged: Option<String>,
}

/// A role definition: its GUID decides, its name is for people (Microsoft renames them, FACTS §1.9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleDefinition {
    /// The GUID.
    pub id: RoleDefinitionId,
    /// `Key Vault Secrets Officer`.
    pub name: String,
}

/// Role definitions of the built-in catalogue, as Microsoft called them when they were written there: what has such a name and
/// another in Azure was renamed, and is no other definition. A test holds it to `config/catalog.yaml`.
pub const SHIPPED: &[(&str, &str)] = &[
    ("43d0d8ad-25c7-4714-9337-8ba259a9fe05", "Monitoring Reader"),
    ("b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer"),
];

impl RoleDefinition {
    /// Whether Microsoft called it so, for certain.
    #[must_use]
    pub fn had_this_name(&self) -> bool {
        let id = self.id.to_string();
        SHIPPED.iter().any(|(its, name)| *its == id && name.eq_ignore_ascii_case(&self.name))
    }
}

impl Catalog {
    /// Every (resource kind, role definition) that a role gives or once gave.
    #[must_use]
    pub fn managed(&self) -> BTreeSet<(&KindName, RoleDefinitionId)> {
        let given = self.roles.values().flat_map(|role| &role.gives).map(|gives| (&gives.kind, gives.definition.id));
        given.chain(self.retired.iter().map(|(kind, definition)| (kind, definition.id))).collect()
    }

    /// The name of a role definition, if the catalogue knows it.
    #[must_use]
    pub fn definition_name(&self, id: RoleDefinitionId) -> Option<&str> {
        let given = self.roles.values().flat_map(|role| &role.gives).map(|gives| &gives.definition);
        let mut known = given.chain(self.retired.iter().map(|(_, definition)| definition));
        known.find(|definition| definition.id == id).map(|definition| definition.name.as_str())
    }

    /// What people call a role: its title, or its name where the catalogue does not have it.
    #[must_use]
    pub fn role_title(&self, name: &RoleName) -> String {
        self.roles.get(name).map_or_else(|| format!("role `{name}`"), |role| role.title.clone())
    }
}

/// A name with holes: `{owner}` and `{OWNER}` for the code, `{env}` for the environment's name in Azure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a pattern; the error names the hole that does not exist.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut rest = text;
        while let Some(start) = rest.find(['{', '}']) {
            let hole = rest.split_at(start).1;
            let end = hole.find('}').map_or(hole.len(), |end| end + 1);
            let (hole, after) = hole.split_at(end);
            if !["{owner}", "{OWNER}", "{env}"].contains(&hole) {
                return Err(hole.to_owned());
            }
            rest = after;
        }
        Ok(Self(text.to_owned()))
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for an owner, and in an environment by its name in Azure.
    #[must_use]
    pub fn fill(&self, owner: OwnerCode, azure_name: &str) -> String {
        self.0
            .replace("{owner}", owner.as_str())
            .replace("{OWNER}", &owner.as_str().to_ascii_uppercase())
            .replace("{env}", azure_name)
    }

    /// The owner whose name this could be: fills the pattern backwards, without regard to case.
    #[must_use]
    pub fn owner_of(&self, name: &str, azure_name: &str) -> Option<OwnerCode> {
        let pattern = self.0.replace("{env}", azure_name).to_ascii_lowercase();
        let name = name.to_ascii_lowercase();
        let (before, rest) = pattern.split_once("{owner}")?;
        let after = rest.split("{owner}").next().unwrap_or_default();
        let middle = name.strip_prefix(before)?;
        // The code is as long as what stands between the fixed parts; a second hole is checked by filling forwards.
        let candidates = (0..=middle.len()).filter_map(|end| middle.get(..end));
        candidates
            .filter_map(OwnerCode::new)
            .filter(|code| middle.get(code.as_str().len()..).is_some_and(|tail| tail.starts_with(after)))
            .find(|code| self.fill(*code, azure_name).eq_ignore_ascii_case(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fill_both_ways() {
        let ttd = OwnerCode::new("ttd").unwrap();
        let subscription = Pattern::new("Altinn-{OWNER}-Test").unwrap();
        assert_eq!(subscription.fill(ttd, "tt02"), "Altinn-TTD-Test");
        assert_eq!(subscription.owner_of("altinn-ttd-test", "tt02"), Some(ttd));
        assert_eq!(subscription.owner_of("Altinn-TTD-Prod", "tt02"), None);
        assert_eq!(subscription.owner_of("Altinn--Test", "tt02"), None);
        let twice = Pattern::new("{owner}-{env}-{owner}").unwrap();
        assert_eq!(twice.owner_of("ttd-tt02-ttd", "tt02"), Some(ttd));
        assert_eq!(twice.owner_of("ttd-tt02-skd", "tt02"), None);
        assert_eq!(Pattern::new("{org}-x").unwrap_err(), "{org}");
        assert_eq!(Pattern::new("{owner-x").unwrap_err(), "{owner-x");
    }
}
