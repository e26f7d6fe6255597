//! The hand walk over a tree: each step knows where it is, and tells every mistake it meets.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    error::{Mistake, Mistakes, Spot},
    node::Node,
    rules::{DOUBLED_KEY, EMPTY, MISSING_KEY, PLAIN, UNKNOWN_KEY, WRONG_TYPE},
    suggest::{nearest, one_of},
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
    /// The trail of these steps.
    pub(super) fn of(steps: &[u32]) -> Self {
        let step = |trail: Self, step: &u32| usize::try_from(*step).map_or(trail, |step| trail.then(step));
        steps.iter().fold(Self::default(), step)
    }

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
                mistakes.add(self.wrong_type("a list").help(match self.key {
                    "users" => "write `users: []` if nobody shall have access".to_owned(),
                    key => format!("write `{key}: []` if there is nothing to list"),
                }));
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
        let mut seen: BTreeMap<&str, Trail> = BTreeMap::new();
        for (at, (key, node)) in entries.iter().enumerate() {
            let entry = Self { node, key: "", in_list: false, trail: self.trail.then(at) };
            match key {
                Node::Text(key) if key == "<<" => mistakes.add(
                    entry
                        .wrong_key(PLAIN, "a merge key `<<`")
                        .label("not allowed here")
                        .help("write the entries out where they count, so that a reviewer sees them"),
                ),
                Node::Text(key) => match seen.entry(key) {
                    Entry::Vacant(slot) => {
                        slot.insert(entry.trail);
                        found.push(Self { key, ..entry });
                    }
                    Entry::Occupied(first) => mistakes.add(
                        entry
                            .wrong_key(DOUBLED_KEY, format!("`{key}` stands here twice"))
                            .label("the second one")
                            .first(Spot::Key(*first.get()))
                            .help("keep one of them; put several values under it in one list or mapping"),
                    ),
                },
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

    /// The values behind these keys, in their order; unknown, doubled and missing ones are told. `None` if this is no
    /// mapping.
    pub(super) fn fields<const N: usize>(
        self,
        keys: [&'static str; N],
        required: &[&str],
        mistakes: &mut Mistakes,
    ) -> Option<[Option<Self>; N]> {
        let Node::Entries(entries) = self.node else {
            mistakes.add(self.wrong_type("a mapping of `key: value`"));
            return None;
        };
        let mut found = [None; N];
        let mut slot_of = |entry: Self| {
            let slot = found.iter_mut().zip(keys).find(|(slot, key)| slot.is_none() && *key == entry.key);
            slot.map(|(slot, _)| *slot = Some(entry)).is_some()
        };
        let known = |(at, (key, node)): (usize, &'a (Node<'a>, Node<'a>))| match key {
            Node::Text(key) => slot_of(Self { node, key, in_list: false, trail: self.trail.then(at) }),
            _ => false,
        };
        if entries.iter().enumerate().all(known) && required.iter().all(|key| self.has(key)) {
            return Some(found); // the usual entry: every key known, none twice, none missing
        }
        found = [None; N];
        let mut unknown = Vec::new();
        let named = self.entries(mistakes);
        // One slip is told once: a key that was refused may have been a missing one.
        let mut slipped = entries.iter().any(|(key, _)| !is_own_key(key));
        for entry in named {
            match found.iter_mut().zip(keys).find(|(_, key)| *key == entry.key) {
                Some((slot, _)) => *slot = Some(entry),
                None => unknown.push(entry),
            }
        }
        for entry in unknown {
            let missing = keys.iter().zip(&found).filter(|(_, slot)| slot.is_none()).map(|(key, _)| *key);
            let meant = nearest(entry.key, missing.clone());
            slipped |= meant.is_some_and(|key| required.contains(&key));
            let help = match (meant, nearest(entry.key, keys)) {
                (Some(key), _) => Some(format!("did you mean `{key}`?")),
                (None, Some(key)) => Some(format!("did you mean `{key}`? that stands here already")),
                (None, None) => one_of(keys),
            };
            let unknown = entry.wrong_key(UNKNOWN_KEY, format!("unknown key `{}`", entry.key));
            mistakes.add(unknown.label("not a key that counts here").maybe_help(help));
        }
        for (key, _) in keys.iter().zip(&found).filter(|(key, slot)| slot.is_none() && required.contains(*key)) {
            if !slipped {
                self.tell_missing(key, mistakes);
            }
        }
        Some(found)
    }

    fn tell_missing(self, key: &str, mistakes: &mut Mistakes) {
        let (place, help) = match (key, self.trail.depth) {
            ("users", 0) => {
                let help = "list people under `users:`; nobody is `users: []`, and `removed: true` stands for an owner that left";
                ("in this file", help.to_owned())
            }
            (_, 0) => ("in this file", format!("add `{key}: …`")),
            _ => ("in this entry", format!("add `{key}: …`")),
        };
        mistakes.add(self.wrong(MISSING_KEY, format!("`{key}` is missing")).label(place).help(help));
    }

    /// Whether one of the entries has this key.
    pub(super) fn has(self, key: &str) -> bool {
        matches!(self.node, Node::Entries(entries) if entries.iter().any(|(k, _)| matches!(k, Node::Text(k) if k == key)))
    }
}

fn is_own_key(key: &Node<'_>) -> bool {
    matches!(key, Node::Text(key) if key != "<<")
}
