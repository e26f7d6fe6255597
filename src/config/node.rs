//! YAML text → [`Node`]: what stood in the file, mistakes included.
//!
//! `serde_yaml` alone decides what a file means. Reading into a `Node` never fails on account of what was written: a doubled
//! key is still two entries, a number is still a number. Only a syntax error is one.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
};

/// One value of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node<'t> {
    /// `key:` with nothing behind it, `~` or `null`.
    Nothing,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in the spelling of its value.
    Number(String),
    /// Text, quoted or not.
    Text(Cow<'t, str>),
    /// A list.
    List(Vec<Node<'t>>),
    /// A mapping, in the order of the file.
    Entries(Vec<(Node<'t>, Node<'t>)>),
}

impl Node<'_> {
    /// What it is, for messages.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Bool(_) => "`true` or `false`",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Entries(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(yaml: D) -> Result<Self, D::Error> {
        yaml.deserialize_any(Tolerant)
    }
}

struct Tolerant;

impl<'de> Visitor<'de> for Tolerant {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Entries(entries))
    }

    // A tagged value. Tags are refused before this is read (`spans::references`); here they only must not fail.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node<'de>, A::Error> {
        let (_tag, value): (Node<'de>, _) = tagged.variant()?;
        value.newtype_variant()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Node<'_> {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn nothing_is_lost() {
        let node = read("a: 1\na: [x, true, 2027-01-31, 18446744073709551616]\nb:\n? [k]\n: 1.5\n!t c: !u d\n");
        let Node::Entries(entries) = node else { panic!("{node:?}") };
        let text = |word| Node::Text(Cow::Borrowed(word));
        assert_eq!(entries.len(), 5);
        assert_eq!(entries[0], (text("a"), Node::Number("1".into())));
        let big = Node::Number("18446744073709551616".into());
        assert_eq!(entries[1].1, Node::List(vec![text("x"), Node::Bool(true), text("2027-01-31"), big]));
        assert_eq!(entries[2], (text("b"), Node::Nothing));
        assert_eq!(entries[3], (Node::List(vec![text("k")]), Node::Number("1.5".into())));
        assert_eq!(entries[4], (text("c"), text("d")));
    }

    #[test]
    fn plain_text_is_borrowed() {
        let Node::List(items) = read("- kari.fiktiv@ai-dev.no\n- \"a\\u00e6\"\n") else { panic!() };
        assert!(matches!(&items[0], Node::Text(Cow::Borrowed("kari.fiktiv@ai-dev.no"))));
        assert!(matches!(&items[1], Node::Text(Cow::Owned(text)) if text == "aæ"));
    }
}
