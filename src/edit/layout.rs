//! A text → its parts, each with the comments that belong to it: what canonical form is made of.
//!
//! A comment on a line of its own belongs to what follows it, or to the end of the list or mapping whose indentation it has;
//! one at the end of a line belongs to what stands on it. Where that is not clear, the file is left as it is.

use std::collections::VecDeque;

use saphyr_parser::ScalarStyle;
use serde_yaml::Value;

use super::{
    comments::{Comment, blank_above, comments},
    schema::Shape,
    spelling::{key_spelt, spelt},
    splice::{column, next_line},
    tree::{Kind, List, Map, Node},
};

/// A list or mapping in brackets that would end beyond this column stands on lines of its own.
const WIDTH_MAX: usize = 100;

/// Why a file is left as it is, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// From 1.
    pub line: usize,
    /// What stands there.
    pub why: &'static str,
}

/// Comments on lines of their own, each with whether a blank line stands above it.
pub(super) type Above = Vec<(bool, String)>;

/// Lines of a list or mapping.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Comments that stay on top, whatever comes first.
    pub(super) head: Above,
    pub(super) parts: Vec<Part>,
    /// Comments at the end.
    pub(super) tail: Above,
}

/// An entry, or an item, which has no key.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) above: Above,
    /// Whether a blank line stands above it.
    pub(super) blank: bool,
    pub(super) key: Option<String>,
    /// A comment behind the key, where the value stands on lines of its own.
    pub(super) behind_key: Option<String>,
    pub(super) value: Laid,
    /// A comment at the end of the line.
    pub(super) behind: Option<String>,
}

/// A value.
#[derive(Debug)]
pub(super) enum Laid {
    Line(String),
    Block(Block),
}

/// How lists and mappings stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Lists of words in brackets, everything else on lines of its own: owners' files.
    People,
    /// In brackets what was in brackets: `tilgang.yaml`.
    Settings,
    /// The same, with other keys: `overrides/<name>.yaml`.
    Override,
}

impl Style {
    fn shape(self) -> Shape {
        match self {
            Self::People => Shape::of_owner(),
            Self::Settings => Shape::of_workspace(),
            Self::Override => Shape::of_override(),
        }
    }
}

/// The parts of a file.
pub(super) fn laid_out(text: &str, top: &Node, style: Style) -> Result<Block, LeftAlone> {
    let mut build = Build { text, comments: comments(text, top), style };
    let Kind::Map(map) = &top.kind else { return Err(build.left(0, "no mapping")) };
    if map.flow {
        return Err(build.left(top.span.start, "the whole file in braces"));
    }
    let block = build.map(map, style.shape(), 0, 0, text.len())?;
    build.comments.pop_front().map_or(Ok(block), |left| Err(build.left(left.at, "a comment that belongs to nothing")))
}

struct Build<'t> {
    text: &'t str,
    comments: VecDeque<Comment>,
    style: Style,
}

impl Build<'_> {
    fn left(&self, at: usize, why: &'static str) -> LeftAlone {
        LeftAlone { line: self.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1), why }
    }

    /// Comments on lines of their own before this place.
    fn above(&mut self, at: usize) -> Result<Above, LeftAlone> {
        let mut above = Vec::new();
        while let Some(comment) = self.comments.pop_front_if(|comment| comment.at < at) {
            if !comment.own_line {
                return Err(self.left(comment.at, "a comment in the middle of a value"));
            }
            above.push((comment.blank_above, comment.text));
        }
        Ok(above)
    }

    /// The comment behind what ends here, on the same line.
    fn behind(&mut self, end: usize) -> Option<String> {
        let line = next_line(self.text, end.saturating_sub(1));
        self.comments.pop_front_if(|comment| !comment.own_line && comment.at < line).map(|comment| comment.text)
    }

    /// Comments at the end of a list or mapping that begins in `from`.
    fn tail(&mut self, from: usize, until: usize) -> Above {
        let mut tail = Vec::new();
        let is_in = |comment: &mut Comment| comment.own_line && comment.at < until && comment.column >= from;
        while let Some(comment) = self.comments.pop_front_if(is_in) {
            tail.push((comment.blank_above, comment.text));
        }
        tail
    }

    /// `indent` is where the mapping will stand; `least` the column of what still belongs into it.
    fn map(&mut self, map: &Map, shape: Shape, indent: usize, least: usize, until: usize) -> Result<Block, LeftAlone> {
        let keys = shape.keys();
        let mut parts = Vec::with_capacity(map.entries.len());
        for (n, (key, value)) in map.entries.iter().enumerate() {
            let end = map.entries.get(n + 1).map_or(until, |(next, _)| next.span.start);
            let above = self.above(key.span.start)?;
            let name = key.text().unwrap_or_default();
            let spelling = key_spelt(name, false);
            let behind_key = if is_lines(value) { self.behind(key.span.end) } else { None };
            let prefix = indent + spelling.chars().count() + 2;
            let below = column(self.text, key.span.start) + 1;
            let laid = self.value(value, shape.behind(name), indent, prefix, below, end)?;
            let behind = if map.flow || is_lines(value) { None } else { self.behind(value.span.end) };
            let comment = behind_key.or(behind); // never both: what stands on lines of its own has them further in
            let (behind_key, behind) = if let Laid::Block(_) = laid { (comment, None) } else { (None, comment) };
            let rank = keys.iter().position(|key| *key == name).unwrap_or(keys.len());
            let blank = n > 0 && !map.flow && blank_above(self.text, key.span.start);
            parts.push((rank, Part { above, blank, key: Some(spelling), behind_key, value: laid, behind }));
        }
        let head = match parts.first_mut() {
            Some((_, first)) if indent == 0 => std::mem::take(&mut first.above),
            _ => Vec::new(),
        };
        parts.sort_by_key(|(rank, _)| *rank);
        let parts = parts.into_iter().map(|(_, part)| part).collect();
        let mut block = Block { head, parts, tail: Vec::new() };
        if let (false, Some((first, _))) = (map.flow, map.entries.first()) {
            block.tail = self.tail(column(self.text, first.span.start).max(least), until);
        }
        Ok(block)
    }

    fn list(
        &mut self,
        list: &List,
        shape: Shape,
        indent: usize,
        least: usize,
        until: usize,
    ) -> Result<Block, LeftAlone> {
        let mut block = Block::default();
        for (n, item) in list.items.iter().enumerate() {
            let end = list.items.get(n + 1).map_or(until, |next| next.dash);
            let mut above = self.above(item.dash)?;
            if self.comments.front().is_some_and(|comment| comment.at < item.node.span.start) {
                return Err(self.left(item.dash, "a comment behind a dash"));
            }
            if item.node.list().is_some_and(|list| !list.flow) {
                return Err(self.left(item.dash, "a list within a list"));
            }
            let below = column(self.text, item.dash) + 1;
            let mut laid = self.value(&item.node, shape.item(), indent, indent + 2, below, end)?;
            let was_flow = !is_lines(&item.node);
            let mut behind = if was_flow && !list.flow { self.behind(item.node.span.end) } else { None };
            if let Laid::Block(inner) = &mut laid {
                if let Some(first) = inner.parts.first_mut() {
                    above.append(&mut first.above);
                    if behind.is_some() && first.behind.is_none() && matches!(first.value, Laid::Line(_)) {
                        first.behind = behind.take();
                    }
                }
                if behind.is_some() || inner.parts.is_empty() {
                    return Err(self.left(item.dash, "a comment that belongs to nothing"));
                }
            }
            let blank = n > 0 && !list.flow && blank_above(self.text, item.dash);
            block.parts.push(Part { above, blank, key: None, behind_key: None, value: laid, behind });
        }
        if let (false, Some(first)) = (list.flow, list.items.first()) {
            block.tail = self.tail(column(self.text, first.dash).max(least), until);
        }
        Ok(block)
    }

    /// `prefix` is where the value will begin if it fits on the line.
    fn value(
        &mut self,
        node: &Node,
        shape: Shape,
        indent: usize,
        prefix: usize,
        least: usize,
        until: usize,
    ) -> Result<Laid, LeftAlone> {
        if let Kind::Scalar(..) = node.kind {
            if let Some(comment) = self.comments.front().filter(|comment| comment.at < node.span.start) {
                return Err(self.left(comment.at, "a comment before a value"));
            }
            return self.scalar(node, false).map(Laid::Line);
        }
        if !is_lines(node) && self.comments.front().is_some_and(|comment| comment.at < node.span.end) {
            return Err(self.left(node.span.start, "a comment within brackets"));
        }
        if self.stands_in_brackets(node) {
            let line = self.in_brackets(node, shape)?;
            if prefix + line.chars().count() <= WIDTH_MAX || is_empty(node) {
                return Ok(Laid::Line(line));
            }
        }
        match &node.kind {
            Kind::List(list) => self.list(list, shape, indent + 2, least, until).map(Laid::Block),
            Kind::Map(map) => self.map(map, shape, indent + 2, least, until).map(Laid::Block),
            Kind::Scalar(..) => Err(self.left(node.span.start, "a value in an unusual place")),
        }
    }

    /// Whether a list or mapping goes on one line, if it fits.
    fn stands_in_brackets(&self, node: &Node) -> bool {
        let own_lines = is_lines(node);
        if is_empty(node) {
            return true;
        }
        match (&node.kind, self.style) {
            (Kind::List(list), Style::People) => {
                let words = list.items.iter().all(|item| item.node.text().is_some());
                words && !(own_lines && self.comments_in(node, list))
            }
            (_, Style::People) => false,
            (_, Style::Settings | Style::Override) => !own_lines,
        }
    }

    /// Whether a comment belongs to this list, which stands on lines of its own. What came before was taken already.
    fn comments_in(&self, node: &Node, list: &List) -> bool {
        let dash = list.items.first().map_or(0, |item| column(self.text, item.dash));
        let end = next_line(self.text, node.span.end.saturating_sub(1));
        self.comments.front().is_some_and(|comment| {
            comment.at < end
                || comment.own_line && comment.column >= dash && {
                    let between = self.text.get(end..comment.at).unwrap_or_default();
                    between.trim().is_empty()
                }
        })
    }

    fn in_brackets(&self, node: &Node, shape: Shape) -> Result<String, LeftAlone> {
        Ok(match &node.kind {
            Kind::Scalar(..) => self.scalar(node, true)?,
            Kind::List(list) => {
                let items: Result<Vec<_>, _> =
                    list.items.iter().map(|item| self.in_brackets(&item.node, shape.item())).collect();
                format!("[{}]", items?.join(", "))
            }
            Kind::Map(map) if map.entries.is_empty() => "{}".to_owned(),
            Kind::Map(map) => {
                let keys = shape.keys();
                let rank = |key: &Node| keys.iter().position(|name| Some(*name) == key.text()).unwrap_or(keys.len());
                let mut entries: Vec<_> = map.entries.iter().collect();
                entries.sort_by_key(|(key, _)| rank(key));
                let entry = |(key, value): &(Node, Node)| {
                    let behind = shape.behind(key.text().unwrap_or_default());
                    let name = key_spelt(key.text().unwrap_or_default(), true);
                    Ok(format!("{name}: {}", self.in_brackets(value, behind)?))
                };
                let entries: Result<Vec<_>, _> = entries.into_iter().map(entry).collect();
                format!("{{ {} }}", entries?.join(", "))
            }
        })
    }

    fn scalar(&self, node: &Node, in_flow: bool) -> Result<String, LeftAlone> {
        let Kind::Scalar(value, style) = &node.kind else {
            return Err(self.left(node.span.start, "a value in an unusual place"));
        };
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                Err(self.left(node.span.start, "text in a block (`|` or `>`)"))
            }
            ScalarStyle::Plain if !matches!(serde_yaml::from_str(value), Ok(Value::String(text)) if text == *value) => {
                Ok(value.clone()) // a number, `true` or `null`, as it is
            }
            _ => Ok(spelt(value, in_flow)),
        }
    }
}

/// Whether this stands on lines of its own.
fn is_lines(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(..) => false,
        Kind::List(list) => !list.flow,
        Kind::Map(map) => !map.flow,
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(..) => false,
        Kind::List(list) => list.items.is_empty(),
        Kind::Map(map) => map.entries.is_empty(),
    }
}
