//! The hand walk over a tree: each step knows where it is, and tells every mistake it meets.

use super::{
    error::{Mistake, Mistakes, Spot},
    node::Node,
    rules::{DOUBLED_KEY, EMPTY, MISSING_KEY, PLAIN, UNKNOWN_KEY, UNSUPPORTED, WRONG_TYPE},
    suggest::{did_you_mean, nearest},
};

/// How deep the shapes we know go (`owners` → code → `resources` → environment → kind → item), and some room.
const DEPTH_MAX: usize = 8;

/// Entry numbers from the top of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trail {
    steps: [u32; DEPTH_MAX],
    depth: usize,
}

impl Trail {
    pub(super) fn steps(&self) -> &[u32] {
        self.steps.get(..self.depth).unwrap_or_default()
    }

    fn then(mut self, step: usize) -> Self {
        // Deeper than any shape we walk: the place stays that of the parent.
        if let (Some(slot), Ok(step)) = (self.steps.get_mut(self.depth), u32::try_from(step)) {
            *slot = step;
            self.depth += 1;
        }
        self
    }
}

/// A value, what it is called and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) node: &'a Node<'a>,
    /// The key it stands behind, or that of the list it stands in.
    pub(super) key: &'a str,
    in_list: bool,
    pub(super) trail: Trail,
}

impl<'a> Cursor<'a> {
    pub(super) fn top(node: &'a Node<'a>) -> Self {
        Self { node, key: "the file", in_list: false, trail: Trail::default() }
    }

    /// A mistake about this value.
    pub(super) fn wrong(self, rule: super::Rule, message: impl Into<String>) -> Mistake {
        Mistake::new(rule, Spot::Value(self.trail), message)
    }

    /// A mistake about the key of this value.
    pub(super) fn wrong_key(self, rule: super::Rule, message: impl Into<String>) -> Mistake {
        Mistake::new(rule, Spot::Key(self.trail), message)
    }

    fn name(self) -> String {
        match self {
            _ if self.trail.depth == 0 => self.key.to_owned(),
            Self { in_list: true, key, .. } => format!("an item of `{key}`"),
            Self { key, .. } => format!("`{key}`"),
        }
    }

    fn wrong_type(self, wanted: &str) -> Mistake {
        let (name, is) = (self.name(), self.node.what());
        if *self.node == Node::Nothing {
            self.wrong_key(EMPTY, format!("{name} is empty"))
                .label(if self.in_list { "nothing stands here" } else { "nothing stands behind this" })
                .help("write what belongs there, or delete the line if nothing does")
        } else {
            self.wrong(WRONG_TYPE, format!("{name} is {is} where {wanted} belongs")).label(format!("this is {is}"))
        }
    }

    /// The text that must stand here.
    pub(super) fn text(self, mistakes: &mut Mistakes) -> Option<&'a str> {
        match self.node {
            Node::Text(text) if text.is_empty() => {
                mistakes
                    .add(self.wrong(EMPTY, format!("{} is empty", self.name())).label("nothing between the quotes"));
            }
            Node::Text(text) => return Some(text),
            Node::Number(_) | Node::Bool(_) => {
                mistakes.add(self.wrong_type("text").help("put it in quotes, so that YAML takes it for text: `\"…\"`"));
            }
            _ => mistakes.add(self.wrong_type("text")),
        }
        None
    }

    /// The items of the list that must stand here.
    pub(super) fn items(self, mistakes: &mut Mistakes) -> impl ExactSizeIterator<Item = Self> + use<'a> {
        let items = match self.node {
            Node::List(items) => items.as_slice(),
            Node::Nothing => {
                mistakes.add(self.wrong_type("a list").help("write `[]` if there is nobody or nothing to list"));
                &[]
            }
            _ => {
                mistakes.add(self.wrong_type("a list").help("start each item on a line of its own with `- `"));
                &[]
            }
        };
        items.iter().enumerate().map(move |(at, node)| Self {
            node,
            key: self.key,
            in_list: true,
            trail: self.trail.then(at),
        })
    }

    /// The entries of the mapping that must stand here, whose keys are names; doubled ones are told and left out.
    pub(super) fn entries(self, mistakes: &mut Mistakes) -> Vec<Self> {
        let Node::Entries(entries) = self.node else {
            mistakes.add(self.wrong_type("a mapping of `key: value`"));
            return Vec::new();
        };
        let mut found: Vec<Self> = Vec::with_capacity(entries.len());
        let mut seen = std::collections::BTreeSet::new();
        for (at, (key, node)) in entries.iter().enumerate() {
            let entry = Self { node, key: "", in_list: false, trail: self.trail.then(at) };
            match key {
                Node::Text(key) if key == "<<" => mistakes.add(
                    entry
                        .wrong_key(PLAIN, "a merge key `<<`")
                        .label("not allowed here")
                        .help("write the entries out where they count, so that a reviewer sees them"),
                ),
                Node::Text(key) if seen.insert(key.as_ref()) => found.push(Self { key, ..entry }),
                Node::Text(key) => mistakes.add(
                    entry
                        .wrong_key(DOUBLED_KEY, format!("`{key}` stands here twice"))
                        .label("the second one")
                        .help("keep one of them; put several values under it in one list or mapping"),
                ),
                Node::Number(_) | Node::Bool(_) => mistakes.add(
                    entry
                        .wrong_key(WRONG_TYPE, format!("a key is {} where text belongs", key.what()))
                        .help("put it in quotes, so that YAML takes it for text: `\"…\":`"),
                ),
                _ => mistakes.add(entry.wrong_key(WRONG_TYPE, format!("a key is {} where text belongs", key.what()))),
            }
        }
        found
    }

    /// The values behind these keys, in their order; unknown and doubled keys are told. `None` if this is no mapping.
    pub(super) fn fields<const N: usize>(
        self,
        keys: [&'static str; N],
        mistakes: &mut Mistakes,
    ) -> Option<[Option<Self>; N]> {
        if !matches!(self.node, Node::Entries(_)) {
            mistakes.add(self.wrong_type("a mapping of `key: value`"));
            return None;
        }
        let mut found = [None; N];
        for entry in self.entries(mistakes) {
            match found.iter_mut().zip(keys).find(|(_, key)| *key == entry.key) {
                Some((slot, _)) => *slot = Some(entry),
                None => mistakes.add(
                    entry
                        .wrong_key(UNKNOWN_KEY, format!("unknown key `{}`", entry.key))
                        .label("not a key that counts here")
                        .maybe_help(did_you_mean(entry.key, keys)),
                ),
            }
        }
        Some(found)
    }

    /// One of the values from [`Self::fields`] that has no default.
    pub(super) fn required(self, key: &str, field: Option<Self>, mistakes: &mut Mistakes) -> Option<Self> {
        if field.is_none() && !self.meant(key) {
            mistakes.add(
                self.wrong(MISSING_KEY, format!("`{key}` is missing"))
                    .label(if self.trail.depth == 0 { "in this file" } else { "in this entry" })
                    .help(format!("add `{key}: …`")),
            );
        }
        field
    }

    /// Whether one of the keys that were refused could have been this one: one slip is told once.
    fn meant(self, key: &str) -> bool {
        let Node::Entries(entries) = self.node else { return true };
        entries.iter().any(|(written, _)| match written {
            Node::Text(written) => written == "<<" || nearest(written, [key]).is_some(),
            _ => true,
        })
    }

    /// Something that a later version will carry out.
    pub(super) fn unsupported(self, mistakes: &mut Mistakes) {
        mistakes.add(
            self.wrong_key(UNSUPPORTED, format!("`{}` is not supported by this version", self.key))
                .label("would not be enforced")
                .help("take it out: what is written here must hold, and this would not"),
        );
    }
}
