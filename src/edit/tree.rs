//! YAML text → where everything in it stands, to the byte: what an edit cuts and what it leaves.
//!
//! One walk of `saphyr-parser`. It never decides what a file means: each edit is read again by [`crate::config`] before it
//! counts (`proof`). What people hardly ever write (references, tags, empty values, keys that are lists) makes no tree.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// A value and where it stands, from its first to its last character: quotes, brackets and the `|` of a block included;
/// comments around it, dashes and trailing spaces not.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Kind {
    /// One value, as it reads.
    Scalar(String, ScalarStyle),
    /// A list.
    List(List),
    /// A mapping.
    Map(Map),
}

/// Items between brackets, or each behind a dash.
#[derive(Debug)]
pub(super) struct List {
    pub(super) flow: bool,
    pub(super) items: Vec<Item>,
}

/// An item, and where its dash stands; between brackets, where it begins.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) dash: usize,
    pub(super) node: Node,
}

/// Entries between braces, or each on lines of its own.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) flow: bool,
    pub(super) entries: Vec<(Node, Node)>,
}

impl Node {
    /// The text of a single value.
    pub(super) fn text(&self) -> Option<&str> {
        if let Kind::Scalar(text, _) = &self.kind { Some(text) } else { None }
    }

    pub(super) fn list(&self) -> Option<&List> {
        if let Kind::List(list) = &self.kind { Some(list) } else { None }
    }

    pub(super) fn map(&self) -> Option<&Map> {
        if let Kind::Map(map) = &self.kind { Some(map) } else { None }
    }
}

impl Map {
    /// The entry with this key.
    pub(super) fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.entries.iter().find(|(name, _)| name.text() == Some(key))
    }

    /// The value behind this key.
    pub(super) fn value(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }
}

/// The tree of a file with one document in it; `None` where there is anything that an edit had better not touch.
pub(super) fn tree(text: &str) -> Option<Node> {
    let mut walk = Walk { events: Parser::new_from_str(text), places: Places::new(text), text, last: 0 };
    let (Event::StreamStart, _) = walk.next()? else { return None };
    let (Event::DocumentStart(_), _) = walk.next()? else { return None };
    let first = walk.next()?;
    let top = walk.node(first)?;
    let (Event::DocumentEnd, _) = walk.next()? else { return None };
    matches!(walk.next()?.0, Event::StreamEnd).then_some(top)
}

/// The first of these characters between two places, comments left out. Nothing else but dashes, colons, commas and what
/// opens a block may stand there.
pub(super) fn sign(text: &str, between: Range<usize>, signs: &[char]) -> Option<usize> {
    let mut in_comment = false;
    for (at, c) in text.get(between.clone())?.char_indices() {
        match c {
            '\n' => in_comment = false,
            _ if in_comment => {}
            '#' => in_comment = true,
            c if signs.contains(&c) => return Some(between.start + at),
            _ => {}
        }
    }
    None
}

struct Walk<'t> {
    events: Parser<'t, StrInput<'t>>,
    places: Places<'t>,
    text: &'t str,
    /// Where the last value, bracket or brace ended: from there to the next one nothing has a value.
    last: usize,
}

impl<'t> Walk<'t> {
    fn next(&mut self) -> Option<(Event<'t>, Range<usize>)> {
        let (event, span) = self.events.next()?.ok()?;
        Some((event, self.places.range(span)))
    }

    fn node(&mut self, (event, span): (Event<'t>, Range<usize>)) -> Option<Node> {
        match event {
            Event::Scalar(value, style, 0, None) => {
                let start = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => sign(self.text, self.last..span.start, &['|', '>'])?,
                    _ => span.start,
                };
                // The parser takes what follows a closing quote or bracket, up to a comment's end, for a part of it.
                let span = match style {
                    ScalarStyle::SingleQuoted => start..self.closed(start, '\'', None)?,
                    ScalarStyle::DoubleQuoted => start..self.closed(start, '"', Some('\\'))?,
                    _ => self.trimmed(start..span.end),
                };
                self.last = span.end;
                (!span.is_empty()).then(|| Node { span, kind: Kind::Scalar(value.into_owned(), style) })
            }
            Event::SequenceStart(0, None) => {
                let flow = self.opens(&span, '[');
                let mut items = Vec::new();
                loop {
                    let next = self.next()?;
                    if let (Event::SequenceEnd, end) = &next {
                        let whole = self.whole(flow, &span, end, items.first().map(|item: &Item| item.dash));
                        return Some(Node { span: whole, kind: Kind::List(List { flow, items }) });
                    }
                    let before = self.last;
                    let node = self.node(next)?;
                    let dash = if flow { node.span.start } else { sign(self.text, before..node.span.start, &['-'])? };
                    items.push(Item { dash, node });
                }
            }
            Event::MappingStart(0, None) => {
                let flow = self.opens(&span, '{');
                let mut entries = Vec::new();
                loop {
                    let next = self.next()?;
                    if let (Event::MappingEnd, end) = &next {
                        let first = entries.first().map(|(key, _): &(Node, Node)| key.span.start);
                        let whole = self.whole(flow, &span, end, first);
                        return Some(Node { span: whole, kind: Kind::Map(Map { flow, entries }) });
                    }
                    let key = self.node(next)?;
                    key.text()?;
                    let next = self.next()?;
                    entries.push((key, self.node(next)?));
                }
            }
            _ => None,
        }
    }

    /// Whether a list or mapping stands between signs; then what follows begins behind the first one.
    fn opens(&mut self, span: &Range<usize>, with: char) -> bool {
        let flow = !span.is_empty() && self.text.get(span.start..).is_some_and(|text| text.starts_with(with));
        if flow {
            self.last = span.start + 1;
        }
        flow
    }

    fn whole(&mut self, flow: bool, start: &Range<usize>, end: &Range<usize>, first: Option<usize>) -> Range<usize> {
        if flow {
            self.last = end.start + 1;
        }
        (if flow { start.start } else { first.unwrap_or(start.start) })..self.last
    }

    /// Where the text ends whose opening quote stands here. A quote in single quotes is written twice.
    fn closed(&self, start: usize, quote: char, escape: Option<char>) -> Option<usize> {
        let mut inside = self.text.get(start + 1..)?.char_indices().peekable();
        while let Some((at, c)) = inside.next() {
            if Some(c) == escape || c == quote && escape.is_none() && inside.peek().is_some_and(|(_, c)| *c == quote) {
                inside.next();
            } else if c == quote {
                return Some(start + 1 + at + 1);
            }
        }
        None
    }

    fn trimmed(&self, span: Range<usize>) -> Range<usize> {
        let length = self.text.get(span.clone()).map_or(0, |text| text.trim_end().len());
        span.start..span.start + length
    }
}

/// Character numbers → byte numbers: `saphyr-parser` counts the former.
struct Places<'t> {
    /// Where each character starts; `None` where the text is ASCII, and both are the same.
    starts: Option<Vec<usize>>,
    text: &'t str,
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Self {
        let starts = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self { starts, text }
    }

    fn of(&self, character: usize) -> usize {
        let place = self.starts.as_ref().map_or(Some(character), |starts| starts.get(character).copied());
        place.unwrap_or(self.text.len()).min(self.text.len())
    }

    fn range(&self, span: Span) -> Range<usize> {
        self.of(span.start.index())..self.of(span.end.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves<'t>(node: &Node, text: &'t str, out: &mut Vec<&'t str>) {
        match &node.kind {
            Kind::Scalar(..) => {}
            Kind::List(list) => list.items.iter().for_each(|item| {
                out.push(&text[item.dash..=item.dash]);
                leaves(&item.node, text, out);
            }),
            Kind::Map(map) => map.entries.iter().for_each(|(key, value)| {
                leaves(key, text, out);
                leaves(value, text, out);
            }),
        }
        out.push(&text[node.span.clone()]);
    }

    #[test]
    fn everything_has_its_place_to_the_byte() {
        let text = "å:  x y   # - c\r\nb: >+ # - d\r\n  hi\r\n  æ\r\n\r\nl:\r\n  - a: ['x' , y ,] # z\r\n  # - deep\r\n  -\r\n    b\r\ne:\r\n- {a: b,\r\n c: [ ]} # ]\r\nq: 'it''s' # '\r\nr: \"a\\\"\" # \"\r\n";
        let mut found = Vec::new();
        leaves(&tree(text).unwrap(), text, &mut found);
        assert_eq!(
            found[..found.len() - 1],
            [
                "å",
                "x y",
                "b",
                ">+ # - d\r\n  hi\r\n  æ",
                "l",
                "-",
                "a",
                "'",
                "'x'",
                "y",
                "y",
                "['x' , y ,]",
                "a: ['x' , y ,]",
                "-",
                "b",
                "- a: ['x' , y ,] # z\r\n  # - deep\r\n  -\r\n    b",
                "e",
                "-",
                "a",
                "b",
                "c",
                "[ ]",
                "{a: b,\r\n c: [ ]}",
                "- {a: b,\r\n c: [ ]}",
                "q",
                "'it''s'",
                "r",
                "\"a\\\"\""
            ]
        );
    }

    #[test]
    fn what_is_better_left_alone_makes_no_tree() {
        for text in ["", "a:", "a: &x 1", "a: !!str 1", "a: 1\n---\nb: 2", "a: [", "? [a]\n: b", "- \n- a"] {
            assert!(tree(text).is_none(), "{text:?}");
        }
    }
}
