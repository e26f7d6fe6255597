//! The comments of a text, in their order, for whoever lays the text out anew.

use std::{collections::VecDeque, ops::Range};

use super::{
    splice::{column, is_blank, line_start},
    tree::{Kind, Node},
};

/// One comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) at: usize,
    /// From its `#` on, without spaces at its end.
    pub(super) text: String,
    /// Whether it has a line to itself.
    pub(super) own_line: bool,
    /// Whether the line above is blank.
    pub(super) blank_above: bool,
    /// From 0.
    pub(super) column: usize,
}

/// Whether the line above the one in which this byte stands is blank.
pub(super) fn blank_above(text: &str, at: usize) -> bool {
    let Some(end) = line_start(text, at).checked_sub(1) else { return false };
    is_blank(text, line_start(text, end)..end)
}

/// All comments of a text: a `#` that stands in no value.
pub(super) fn comments(text: &str, top: &Node) -> VecDeque<Comment> {
    let mut values = Vec::new();
    scalars(top, &mut values);
    let mut found = VecDeque::new();
    let mut next = 0;
    for value in values.into_iter().chain(std::iter::once(text.len()..text.len())) {
        let mut at = next;
        while let Some(sign) = text.get(at..value.start).and_then(|gap| gap.find('#')) {
            let at_sign = at + sign;
            let end = text.get(at_sign..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at_sign + end);
            found.push_back(Comment {
                at: at_sign,
                text: text.get(at_sign..end).unwrap_or_default().trim_end().to_owned(),
                own_line: is_blank(text, line_start(text, at_sign)..at_sign),
                blank_above: blank_above(text, at_sign),
                column: column(text, at_sign),
            });
            at = end;
        }
        next = value.end;
    }
    found
}

fn scalars(node: &Node, out: &mut Vec<Range<usize>>) {
    match &node.kind {
        Kind::Scalar(..) => out.push(node.span.clone()),
        Kind::List(list) => list.items.iter().for_each(|item| scalars(&item.node, out)),
        Kind::Map(map) => map.entries.iter().for_each(|(key, value)| {
            scalars(key, out);
            scalars(value, out);
        }),
    }
}
