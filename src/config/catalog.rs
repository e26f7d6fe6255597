//! What roles mean and where targets are: the built-in `config/catalog.yaml`, changed by `tilgang.yaml`.
//!
//! Both have the same form and go through the same reading; an entry with a known key changes only what it states.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cursor::Cursor,
    error::{Mistake, Mistakes, Spot},
    node::Node,
    rules::{BAD_VALUE, DOUBLED_KEY, EMPTY, GIVES_NOTHING, KNOWN_NAME, MISSING_KEY},
    suggest::did_you_mean,
};
use crate::model::{
    catalog::{Catalog, Environment, Gives, ResourceKind, Role, RoleDefinition},
    ids::RoleDefinitionId,
    owner::{EnvironmentName, KindName, RoleName},
    policy::MemberOf,
};

/// What is compiled in.
pub(super) const BUILT_IN: &str = include_str!("../../config/catalog.yaml");

/// The words of a workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) environments: BTreeMap<EnvironmentName, Environment>,
    pub(super) kinds: BTreeMap<KindName, ResourceKind>,
    bases: BTreeMap<String, Base>,
    retired: BTreeSet<(KindName, RoleDefinition)>,
    /// Names of role definitions, those that are given no longer included.
    names: BTreeMap<RoleDefinitionId, String>,
    pub(super) domains: Vec<String>,
    /// What proves that a person belongs to an owner.
    pub(super) member_of: Option<MemberOf>,
    /// Environments in production.
    pub(super) production: BTreeSet<EnvironmentName>,
}

/// A role before it meets an environment: `developer`.
#[derive(Clone, Debug)]
struct Base {
    title: String,
    may: String,
    gives: Vec<Gives>,
}

/// The parts of `tilgang.yaml` that are read here.
#[derive(Clone, Copy, Default)]
pub(super) struct Sections<'a> {
    pub(super) environments: Option<Cursor<'a>>,
    pub(super) resources: Option<Cursor<'a>>,
    pub(super) roles: Option<Cursor<'a>>,
    pub(super) retired: Option<Cursor<'a>>,
    pub(super) users: Option<Cursor<'a>>,
}

impl Words {
    /// What holds where `tilgang.yaml` says nothing else; a test holds it free of mistakes.
    pub(super) fn built_in() -> Self {
        Self::read_built_in(&mut Mistakes::default())
    }

    fn read_built_in(mistakes: &mut Mistakes) -> Self {
        let node: Node<'_> = serde_yaml::from_str(BUILT_IN).unwrap_or(Node::Nothing);
        let mut words = Self::default();
        let keys = ["environments", "resources", "roles", "retired", "users"];
        if let Some([environments, resources, roles, retired, users]) = Cursor::top(&node).fields(keys, &[], mistakes) {
            words.change(&Sections { environments, resources, roles, retired, users }, mistakes);
        }
        words
    }

    /// Takes in what is written. Kinds come before the roles that are given on them.
    pub(super) fn change(&mut self, sections: &Sections<'_>, mistakes: &mut Mistakes) {
        let Sections { environments, resources, roles, retired, users } = *sections;
        for entry in entries(environments, mistakes) {
            self.environment(entry, mistakes);
        }
        for entry in entries(resources, mistakes) {
            self.kind(entry, mistakes);
        }
        if let Some(at) = resources.or(environments).filter(|_| mistakes.is_empty()) {
            self.targets_apart(at, mistakes);
        }
        for entry in entries(roles, mistakes) {
            self.base(entry, mistakes);
        }
        for item in retired.map(|retired| retired.items(mistakes)).into_iter().flatten() {
            let fields = item.fields(["on", "definition", "name"], &["on", "definition"], mistakes);
            let retired = fields.and_then(|fields| self.definition_on(item, fields, mistakes));
            self.retired.extend(retired);
        }
        self.users(users, mistakes);
    }

    fn base(&mut self, entry: Cursor<'_>, mistakes: &mut Mistakes) {
        let known = self.bases.get(entry.key).cloned();
        let required: &[_] = if known.is_some() { &[] } else { &["gives"] };
        let keys = ["title", "may", "gives"];
        let Some([title, may, gives]) = entry.fields(keys, required, mistakes) else { return };
        if !entry.key_is_word(mistakes) {
            return;
        }
        if let Some((base, environment)) = self.base_of(entry.key) {
            mistakes.add(
                entry
                    .wrong_key(KNOWN_NAME, format!("`{}` names the environment, too", entry.key))
                    .help(format!("write `{base}`: it becomes a role in each environment, `{environment}` among them")),
            );
            return;
        }
        let title = title.and_then(|at| at.line(mistakes)).map(str::to_owned);
        let may = may.and_then(|at| at.line(mistakes)).map(str::to_owned);
        let gives = gives.map(|at| self.all_gives(at, mistakes));
        let Some(gives) = gives.or_else(|| known.as_ref().map(|known| known.gives.clone())) else { return };
        let (was_title, was_may) = known.map_or((None, None), |known| (Some(known.title), Some(known.may)));
        let names = gives.iter().map(|gives| gives.definition.name.as_str()).collect::<Vec<_>>().join(" and ");
        let base = Base {
            title: title.or(was_title).unwrap_or_else(|| capitalised(entry.key)),
            may: may.or(was_may).unwrap_or_else(|| format!("act as {names}")),
            gives,
        };
        self.bases.insert(entry.key.to_owned(), base);
    }

    /// For `prod-operations`: the base role `operations`, and `prod`.
    fn base_of<'k>(&self, key: &'k str) -> Option<(&'k str, &EnvironmentName)> {
        let of = |name: &EnvironmentName| key.strip_prefix(name.as_str())?.strip_prefix('-');
        self.environments.keys().find_map(|name| of(name).map(|base| (base, name)))
    }

    fn all_gives(&mut self, at: Cursor<'_>, mistakes: &mut Mistakes) -> Vec<Gives> {
        let items = at.items(mistakes);
        if items.len() == 0 && matches!(at.node, Node::List(_)) {
            mistakes.add(
                at.wrong(GIVES_NOTHING, "`gives` is an empty list")
                    .help("name at least one role definition: `{ on: key-vault, definition: <GUID>, name: … }`"),
            );
        }
        let mut gives: Vec<Gives> = Vec::with_capacity(items.len());
        for item in items {
            let Some(one) = self.gives(item, mistakes) else { continue };
            if gives.iter().any(|other| other.kind == one.kind && other.definition.id == one.definition.id) {
                mistakes.add(item.wrong(DOUBLED_KEY, format!("`{}` is given twice", one.definition.name)));
            } else {
                gives.push(one);
            }
        }
        gives
    }

    fn gives(&mut self, item: Cursor<'_>, mistakes: &mut Mistakes) -> Option<Gives> {
        let keys = ["on", "definition", "name", "privileged"];
        let [on, definition, name, privileged] = item.fields(keys, &["on", "definition"], mistakes)?;
        let privileged = privileged.and_then(|at| at.line(mistakes)).map(str::to_owned);
        let (kind, definition) = self.definition_on(item, [on, definition, name], mistakes)?;
        Some(Gives { kind, definition, privileged })
    }

    /// A role definition on a kind of target.
    fn definition_on(
        &mut self,
        item: Cursor<'_>,
        [on, definition, name]: [Option<Cursor<'_>>; 3],
        mistakes: &mut Mistakes,
    ) -> Option<(KindName, RoleDefinition)> {
        let kind =
            on.and_then(|on| on.text(mistakes).and_then(|text| self.known_kind(text, Spot::Value(on.trail), mistakes)));
        let id: Option<RoleDefinitionId> = definition.and_then(|id| id.guid(mistakes));
        let name = if let Some(name) = name {
            name.line(mistakes).map(str::to_owned)
        } else {
            let known = id.and_then(|id| self.names.get(&id).cloned());
            if known.is_none() && id.is_some() {
                mistakes.add(
                    item.wrong(MISSING_KEY, "`name` is missing")
                        .label("in this entry")
                        .help("give the role definition's name as Azure shows it, so that people can read plans"),
                );
            }
            known
        };
        let (kind, id, name) = (kind?, id?, name?);
        self.names.insert(id, name.clone());
        Some((kind, RoleDefinition { id, name }))
    }

    /// The resource kind with this name, which stands at `spot`.
    pub(super) fn known_kind(&self, text: &str, spot: Spot, mistakes: &mut Mistakes) -> Option<KindName> {
        let known = self.kinds.get_key_value(text).map(|(kind, _)| kind.clone());
        if known.is_none() {
            mistakes.add(
                Mistake::new(KNOWN_NAME, spot, format!("unknown resource kind `{text}`"))
                    .label("not in the catalogue")
                    .maybe_help(did_you_mean(text, self.kinds.keys().map(KindName::as_str))),
            );
        }
        known
    }

    fn users(&mut self, users: Option<Cursor<'_>>, mistakes: &mut Mistakes) {
        let Some([domains, member_of]) = users.and_then(|users| users.fields(["domains", "member_of"], &[], mistakes))
        else {
            return;
        };
        if let Some(member_of) = member_of {
            self.member_of = super::content::member_of(member_of, mistakes);
        }
        let Some(domains) = domains else { return };
        self.domains.clear();
        if matches!(domains.node, Node::List(items) if items.is_empty()) {
            mistakes.add(
                domains
                    .wrong(EMPTY, "`domains` is an empty list")
                    .help("list what sign-in names end in, after the `@`"),
            );
        }
        for item in domains.items(mistakes) {
            let Some(text) = item.text(mistakes) else { continue };
            let fits = text.contains('.')
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
            if fits {
                self.domains.push(text.to_owned());
            } else {
                mistakes.add(
                    item.wrong(BAD_VALUE, format!("`{text}` is not a domain"))
                        .help("write what stands after the `@`, in lower case, such as `ai-dev.no`"),
                );
            }
        }
    }

    /// Each base role in each environment.
    pub(super) fn catalog(&self) -> Catalog {
        let mut roles = BTreeMap::new();
        for (environment, shown) in &self.environments {
            for (key, Base { title, may, gives }) in &self.bases {
                let role = Role {
                    title: format!("{} {title}", shown.title),
                    may: may.clone(),
                    environment: environment.clone(),
                    gives: gives.clone(),
                };
                roles.insert(RoleName::new(&format!("{environment}-{key}")), role);
            }
        }
        let Self { environments, kinds, retired, .. } = self.clone();
        Catalog { environments, kinds, roles, retired }
    }
}

fn entries<'a>(section: Option<Cursor<'a>>, mistakes: &mut Mistakes) -> Vec<Cursor<'a>> {
    section.map(|section| section.entries(mistakes)).unwrap_or_default()
}

/// `on-call` → `On call`.
pub(super) fn capitalised(key: &str) -> String {
    let words = key.replace('-', " ");
    let (first, rest) = words.split_at_checked(1).unwrap_or_default();
    format!("{}{rest}", first.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_has_no_mistake() {
        let mut mistakes = Mistakes::default();
        let catalog = Words::read_built_in(&mut mistakes).catalog();
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let given = catalog.roles.values().flat_map(|role| &role.gives);
        assert!(given.clone().count() > 0 && given.clone().all(|gives| gives.definition.had_this_name()));
        let roles: Vec<_> = catalog.roles.iter().map(|(name, role)| (name.as_str(), role.title.as_str())).collect();
        assert_eq!(
            roles,
            [
                ("prod-developer", "Prod Developer"),
                ("prod-operations", "Prod Operations"),
                ("test-developer", "Test Developer"),
                ("test-operations", "Test Operations")
            ]
        );
    }
}
