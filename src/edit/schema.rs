//! The form of each file, as JSON Schema for editors; the order of its keys is the canonical one.
//!
//! `config` alone decides what a file means. What it knows and what stands here are held together by tests
//! (`tests/laws/schema.rs`): every key, and every invalid file that a schema can tell.

use std::sync::LazyLock;

use super::tree::{Map, Node, tree};

/// `owners/<code>.yaml`, as JSON Schema 2020-12.
pub const OWNER: &str = include_str!("schema/owner.json");
/// `tilgang.yaml`, as JSON Schema 2020-12.
pub const WORKSPACE: &str = include_str!("schema/workspace.json");
/// `overrides/<name>.yaml`, as JSON Schema 2020-12.
pub const OVERRIDE: &str = include_str!("schema/override.json");

static OWNER_TREE: LazyLock<Option<Node>> = LazyLock::new(|| tree(OWNER)); // JSON is YAML, and this tree keeps its order
static WORKSPACE_TREE: LazyLock<Option<Node>> = LazyLock::new(|| tree(WORKSPACE));
static OVERRIDE_TREE: LazyLock<Option<Node>> = LazyLock::new(|| tree(OVERRIDE));

/// What a schema says about one value; nothing, where it says nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    root: Option<&'static Map>,
    here: Option<&'static Map>,
}

impl Shape {
    pub(super) fn of_owner() -> Self {
        Self::of(OWNER_TREE.as_ref())
    }

    pub(super) fn of_workspace() -> Self {
        Self::of(WORKSPACE_TREE.as_ref())
    }

    pub(super) fn of_override() -> Self {
        Self::of(OVERRIDE_TREE.as_ref())
    }

    fn of(tree: Option<&'static Node>) -> Self {
        let root = tree.and_then(Node::map);
        Self { root, here: root }
    }

    /// The keys of a mapping, in their order.
    pub(super) fn keys(self) -> Vec<&'static str> {
        let keys = self.properties().into_iter().flat_map(|map| &map.entries);
        keys.filter_map(|(key, _)| key.text()).collect()
    }

    /// What stands behind a key.
    pub(super) fn behind(self, key: &str) -> Self {
        let named = self.properties().and_then(|map| map.value(key));
        self.at(named.or_else(|| self.here.and_then(|map| map.value("additionalProperties"))))
    }

    /// An item of a list.
    pub(super) fn item(self) -> Self {
        self.at(self.here.and_then(|map| map.value("items")))
    }

    fn at(self, node: Option<&'static Node>) -> Self {
        Self { here: node.and_then(Node::map).and_then(|map| self.resolved(map)), ..self }
    }

    fn resolved(self, map: &'static Map) -> Option<&'static Map> {
        let Some(name) = map.value("$ref") else { return Some(map) };
        let name = name.text()?.strip_prefix("#/$defs/")?;
        self.root?.value("$defs")?.map()?.value(name)?.map()
    }

    /// The keys that are named; of several forms, those of the one that names any.
    fn properties(self) -> Option<&'static Map> {
        let here = self.here?;
        let forms = here.value("anyOf").and_then(Node::list).into_iter().flat_map(|forms| &forms.items);
        let forms = forms.filter_map(|form| self.resolved(form.node.map()?));
        std::iter::once(here).chain(forms).find_map(|form| form.value("properties")?.map())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_their_order() {
        let owner = Shape::of_owner();
        assert_eq!(owner.keys(), ["owner", "name", "removed", "users"]);
        let user = owner.behind("users").item();
        assert_eq!(user.keys(), ["user", "id", "also_at", "roles"]);
        assert_eq!(user.behind("roles").item().keys(), ["role", "until", "reason", "ticket"]);
        let workspace = Shape::of_workspace();
        assert_eq!(workspace.keys()[..3], ["version", "tenant", "instance"]);
        assert_eq!(
            workspace.behind("environments").behind("dev").keys(),
            ["title", "azure_name", "subscription", "production"]
        );
        assert_eq!(workspace.behind("policy").behind("accept").item().keys()[0], "code");
        assert_eq!(workspace.behind("policy").behind("protected").item().keys(), ["id", "group"]);
        assert_eq!(workspace.behind("users").behind("member_of").keys(), ["attribute", "value"]);
        assert_eq!(Shape::of_override().keys()[..4], ["reason", "ticket", "until", "owners"]);
        assert_eq!(Shape::of_override().behind("revokes").keys()[..2], ["max", "per_owner"]);
        assert!(workspace.behind("no such key").behind("below").keys().is_empty());
    }
}
