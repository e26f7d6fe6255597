//! YAML text + its [`Node`] → where each node stands.
//!
//! One walk of `saphyr-parser` over the same text, in step with what `serde_yaml` read. Where the two disagree, there are no
//! spans: a wrong place is worse than none. It never decides what a file means.

use std::{iter::Peekable, ops::Range};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::node::Node;

/// Where one node stands, in bytes, and its children.
#[derive(Debug)]
pub(super) struct SpanTree {
    /// Empty for a value that is not there.
    pub(super) span: Range<usize>,
    pub(super) kids: Kids,
}

#[derive(Debug)]
pub(super) enum Kids {
    None,
    Items(Vec<SpanTree>),
    Entries(Vec<(SpanTree, SpanTree)>),
}

/// Something that lets one place in a file stand for another, or change how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Anchor,
    Alias,
    Tag,
    /// A second `---`, with the values after it.
    Document,
}

/// The spans of all nodes, if both parsers read the same tree, and nothing in it stands for something else.
pub(super) fn spans(text: &str, node: &Node<'_>) -> Option<SpanTree> {
    let bytes = Bytes::new(text);
    let mut events = events(text).peekable();
    while let Some(Ok((Event::StreamStart | Event::DocumentStart(_), _))) = events.peek() {
        events.next();
    }
    let tree = in_step(&mut events, node, &bytes)?;
    events.all(|event| matches!(event, Ok((Event::DocumentEnd | Event::StreamEnd, _)))).then_some(tree)
}

/// Everything in the text that is no plain value, with its place; up to where `saphyr-parser` can read.
pub(super) fn references(text: &str) -> Vec<(Reference, Range<usize>)> {
    let bytes = Bytes::new(text);
    let mut found = Vec::new();
    let mut documents = 0_usize;
    for (event, span) in events(text).map_while(Result::ok) {
        let span = bytes.range(span);
        let mut mark = |reference, yes: bool| {
            if yes {
                found.push((reference, sign(text, reference, &span)));
            }
        };
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                mark(Reference::Document, documents > 1);
            }
            Event::Alias(_) => mark(Reference::Alias, true),
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                mark(Reference::Anchor, anchor != 0);
                mark(Reference::Tag, tag.is_some());
            }
            _ => {}
        }
    }
    found
}

/// The sign itself. The parser gives the whole value, at whose start anchor and tag stand in either order.
fn sign(text: &str, reference: Reference, value: &Range<usize>) -> Range<usize> {
    let sign = match reference {
        Reference::Anchor => '&',
        Reference::Tag => '!',
        Reference::Alias | Reference::Document => return value.clone(),
    };
    let mut start = value.start;
    for word in text.get(start..).unwrap_or_default().split_inclusive(char::is_whitespace) {
        if word.starts_with(sign) {
            return start..start + word.trim_end().len();
        }
        if !word.starts_with(['&', '!']) && !word.trim().is_empty() {
            break;
        }
        start += word.len();
    }
    value.start..value.start
}

type Step<'t> = Result<(Event<'t>, Span), saphyr_parser::ScanError>;

fn events(text: &str) -> Parser<'_, StrInput<'_>> {
    Parser::new_from_str(text)
}

fn in_step<'t>(
    events: &mut Peekable<impl Iterator<Item = Step<'t>>>,
    node: &Node<'_>,
    bytes: &Bytes<'_>,
) -> Option<SpanTree> {
    let (event, span) = events.next()?.ok()?;
    let start = bytes.range(span);
    match (event, node) {
        (Event::Scalar(text, style, 0, None), node) => {
            let same = match node {
                Node::Text(read) => *read == text,
                Node::Nothing | Node::Bool(_) | Node::Number(_) => style == ScalarStyle::Plain,
                Node::List(_) | Node::Entries(_) => false,
            };
            let span = if *node == Node::Nothing && text.is_empty() { start.start..start.start } else { start };
            same.then_some(SpanTree { span, kids: Kids::None })
        }
        (Event::SequenceStart(0, None), Node::List(items)) => {
            let mut kids = Vec::with_capacity(items.len());
            for item in items {
                kids.push(in_step(events, item, bytes)?);
            }
            let (Event::SequenceEnd, end) = events.next()?.ok()? else { return None };
            let span = whole(start, bytes.range(end), kids.first().map(|kid| &kid.span));
            Some(SpanTree { span, kids: Kids::Items(kids) })
        }
        (Event::MappingStart(0, None), Node::Entries(entries)) => {
            let mut kids = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                kids.push((in_step(events, key, bytes)?, in_step(events, value, bytes)?));
            }
            let (Event::MappingEnd, end) = events.next()?.ok()? else { return None };
            let span = whole(start, bytes.range(end), kids.first().map(|(key, _)| &key.span));
            Some(SpanTree { span, kids: Kids::Entries(kids) })
        }
        _ => None,
    }
}

/// What is drawn for a list or mapping: from bracket to bracket, or for one without brackets its first word.
fn whole(start: Range<usize>, end: Range<usize>, first: Option<&Range<usize>>) -> Range<usize> {
    match first {
        _ if !end.is_empty() => start.start..end.end,
        Some(first) => first.clone(),
        None => start,
    }
}

/// Character numbers → byte numbers. `saphyr-parser` counts the former, everybody else the latter.
struct Bytes<'t> {
    /// None where the text is ASCII, and both are the same.
    starts: Option<Vec<usize>>,
    text: &'t str,
}

impl<'t> Bytes<'t> {
    fn new(text: &'t str) -> Self {
        let starts = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self { starts, text }
    }

    fn of(&self, character: usize) -> usize {
        match &self.starts {
            None => character.min(self.text.len()),
            Some(starts) => starts.get(character).copied().unwrap_or(self.text.len()),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        self.of(span.start.index())..self.of(span.end.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn leaves(text: &str) -> Vec<&str> {
        fn walk<'t>(tree: &SpanTree, text: &'t str, out: &mut Vec<&'t str>) {
            match &tree.kids {
                Kids::None => out.push(&text[tree.span.clone()]),
                Kids::Items(items) => items.iter().for_each(|kid| walk(kid, text, out)),
                Kids::Entries(entries) => entries.iter().for_each(|(key, value)| {
                    walk(key, text, out);
                    walk(value, text, out);
                }),
            }
        }
        let mut out = Vec::new();
        walk(&spans(text, &serde_yaml::from_str(text).unwrap()).unwrap(), text, &mut out);
        out
    }

    #[test]
    fn each_value_has_its_place() {
        assert_eq!(
            leaves("navn: Tæst # blåbær\r\nå:\r\n  - {ø: 'x', y: [1, true]}\r\ntom:\r\nnull: ~\r\n"),
            ["navn", "Tæst", "å", "ø", "'x'", "y", "1", "true", "tom", "", "null", "~"]
        );
    }

    #[test]
    fn no_place_where_the_parsers_disagree() {
        let tab = "a:\tb\n- c";
        assert!(serde_yaml::from_str::<Node>(tab).is_err() || spans(tab, &Node::Nothing).is_none());
        assert!(spans("a: b", &Node::Text("a".into())).is_none());
        assert!(spans("a: b", &serde_yaml::from_str("a: c").unwrap()).is_none());
        assert!(spans("[a, b]", &serde_yaml::from_str("[a]").unwrap()).is_none());
    }

    #[test]
    fn what_stands_for_something_else_is_found() {
        let text = "a: &x [1]\nb: *x\nc: !!str d\n\"e & f\": g*!  # &c *d !e\n---\nh";
        let found = references(text);
        let shown: Vec<_> = found.iter().map(|(what, span)| (*what, &text[span.clone()])).collect();
        assert_eq!(shown[0], (Reference::Anchor, "&x"));
        assert_eq!(shown[1], (Reference::Alias, "*x"));
        assert_eq!(shown[2], (Reference::Tag, "!!str"));
        assert_eq!(shown[3], (Reference::Document, "---"));
        assert_eq!(shown.len(), 4);
    }
}
