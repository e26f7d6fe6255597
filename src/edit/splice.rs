//! Lists in a text: an item behind the last one, and an item out. Nothing else in the text moves.
//!
//! What is put in can be taken out again, and the text is what it was, to the byte: comments, line ends, blank lines between
//! items, a comma behind the last one and a missing line end at the end of the file included.

use std::ops::Range;

use super::tree::{Item, List, Node, sign};

/// One piece of a text and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) at: Range<usize>,
    pub(super) with: String,
}

impl Splice {
    pub(super) fn new(at: Range<usize>, with: impl Into<String>) -> Self {
        Self { at, with: with.into() }
    }

    fn cut(at: Range<usize>) -> Self {
        Self::new(at, "")
    }
}

/// The text with these pieces exchanged. They must not overlap.
pub(super) fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| (splice.at.start, splice.at.end));
    let mut out = String::with_capacity(text.len() + 200);
    let mut next = 0;
    for Splice { at, with } in splices {
        out.push_str(text.get(next..at.start).unwrap_or_default());
        out.push_str(&with);
        next = at.end;
    }
    out.push_str(text.get(next..).unwrap_or_default());
    out
}

/// Where the line begins in which this byte stands.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
}

/// Where the next line begins, or the text ends.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end + 1)
}

/// How lines end here: as the one in which this byte stands, else as the first one.
pub(super) fn line_end(text: &str, at: usize) -> &'static str {
    let line = text.get(..next_line(text, at)).filter(|lines| lines.ends_with('\n'));
    let line = line.or_else(|| text.get(..next_line(text, 0))).unwrap_or_default();
    if line.ends_with("\r\n") { "\r\n" } else { "\n" }
}

/// In which column a byte stands, from 0, counted in bytes: before a dash or a key there are only spaces.
pub(super) fn column(text: &str, at: usize) -> usize {
    at - line_start(text, at)
}

/// Whether nothing but space stands between these places.
pub(super) fn is_blank(text: &str, between: Range<usize>) -> bool {
    text.get(between).is_some_and(|text| text.trim().is_empty())
}

/// Where something ends whose last character stands before `end`: behind its last line, and behind the comments below that
/// stand further in than `dash`, for they are about it.
pub(super) fn extent(text: &str, end: usize, dash: usize) -> usize {
    let mut extent = next_line(text, end.saturating_sub(1));
    let mut line = extent;
    while line < text.len() {
        let next = next_line(text, line);
        let words = text.get(line..next).unwrap_or_default();
        let column = words.len() - words.trim_start().len();
        if words.trim_start().starts_with('#') && column > dash {
            extent = next;
        } else if !words.trim().is_empty() {
            break;
        }
        line = next;
    }
    extent
}

/// Lines put in at a place where a line begins, or at the end of a text whose last line does not end.
pub(super) fn lines_at(text: &str, at: usize, lines: &[String]) -> Splice {
    let end = line_end(text, at.saturating_sub(1));
    let joined = lines.join(end);
    let open = at > 0 && !text.get(..at).is_some_and(|before| before.ends_with('\n'));
    Splice::new(at..at, if open { format!("{end}{joined}") } else { format!("{joined}{end}") })
}

/// An item put behind the last one of a list with dashes. `lines` are its own, without dash and indentation.
pub(super) fn push_block(text: &str, list: &List, lines: &[String]) -> Option<Splice> {
    let end = list.items.last()?;
    let dash = column(text, end.dash);
    let spaces = text.get(end.dash + 1..end.node.span.start)?;
    let spaces = if !spaces.is_empty() && spaces.bytes().all(|b| b == b' ') { spaces.len() } else { 1 };
    let mut out = vec![String::new(); blanks(text, list)];
    for (n, line) in lines.iter().enumerate() {
        let lead = if n == 0 { "-" } else { " " };
        out.push(format!("{:dash$}{lead}{:spaces$}{line}", "", ""));
    }
    Some(lines_at(text, extent(text, end.node.span.end, dash), &out))
}

/// How many blank lines stand between the last two items.
fn blanks(text: &str, list: &List) -> usize {
    let [.., before, after] = list.items.as_slice() else { return 0 };
    let gap = extent(text, before.node.span.end, column(text, before.dash))..line_start(text, after.dash);
    if is_blank(text, gap.clone()) { text.get(gap).map_or(0, |gap| gap.matches('\n').count()) } else { 0 }
}

/// An item taken out of a list with dashes, which has others: its lines, the comments in it, and one of two blank gaps.
pub(super) fn remove_block(text: &str, list: &List, at: usize) -> Option<Vec<Splice>> {
    let own = lines_of(text, list.items.get(at)?)?;
    let before = at.checked_sub(1).and_then(|at| list.items.get(at));
    let before = before.map(|item| extent(text, item.node.span.end, column(text, item.dash)));
    let gap_before = before.map(|end| end..own.start).filter(|gap| !gap.is_empty() && is_blank(text, gap.clone()));
    let after = list.items.get(at + 1).map(|item| line_start(text, item.dash));
    let gap_after = after.map(|start| own.end..start).filter(|gap| !gap.is_empty() && is_blank(text, gap.clone()));
    let start = match &gap_before {
        Some(gap) if gap_after.is_some() || after.is_none() => gap.start,
        _ => own.start,
    };
    let end = gap_after.filter(|_| at == 0).map_or(own.end, |gap| gap.end);
    Some(vec![Splice::cut(whole_lines(text, start..end))])
}

/// The only item taken out of a list with dashes.
pub(super) fn remove_only_block(text: &str, item: &Item) -> Option<Splice> {
    lines_of(text, item).map(|lines| Splice::cut(whole_lines(text, lines)))
}

/// The lines of an item; `None` where something else begins on its first one.
fn lines_of(text: &str, item: &Item) -> Option<Range<usize>> {
    let start = line_start(text, item.dash);
    let end = extent(text, item.node.span.end, column(text, item.dash));
    is_blank(text, start..item.dash).then_some(start..end)
}

/// At the end of a text whose last line does not end, the line end before goes instead.
fn whole_lines(text: &str, lines: Range<usize>) -> Range<usize> {
    let kept = text.get(..lines.start).unwrap_or_default();
    let open = lines.end == text.len() && !text.ends_with('\n');
    let kept =
        if open { kept.strip_suffix('\n').map_or(kept, |kept| kept.strip_suffix('\r').unwrap_or(kept)) } else { kept };
    kept.len()..lines.end
}

/// An item put behind the last one of a list between brackets.
pub(super) fn push_flow(text: &str, node: &Node, list: &List, item: &str) -> Splice {
    let Some(before) = list.items.last() else {
        let inside = node.span.start + 1;
        return Splice::new(inside..inside, item);
    };
    let end = before.node.span.end;
    let line = line_start(text, before.node.span.start);
    let rest = text.get(end..next_line(text, end)).unwrap_or_default().trim();
    let alone = line > node.span.start && is_blank(text, line..before.node.span.start) && ["", ","].contains(&rest);
    let between = if alone {
        format!(",{}{}", line_end(text, end), text.get(line..before.node.span.start).unwrap_or_default())
    } else {
        ", ".to_owned()
    };
    Splice::new(end..end, format!("{between}{item}"))
}

/// An item taken out of a list between brackets, with its comma. Comments around it stay.
pub(super) fn remove_flow(text: &str, node: &Node, list: &List, at: usize) -> Option<Vec<Splice>> {
    let own = list.items.get(at)?.node.span.clone();
    let before = at.checked_sub(1).and_then(|at| list.items.get(at)).map(|item| item.node.span.end);
    let after = list.items.get(at + 1).map(|item| item.node.span.start);
    let quiet = |gap: &Range<usize>| text.get(gap.clone()).is_some_and(|gap| !gap.contains('#'));
    match (before, after) {
        (None, None) => return Some(vec![Splice::cut(own)]),
        (_, Some(next)) if quiet(&(own.end..next)) => return Some(vec![Splice::cut(own.start..next)]),
        (Some(end), None) if quiet(&(end..own.start)) => return Some(vec![Splice::cut(end..own.end)]),
        _ => {}
    }
    let behind = sign(text, own.end..after.unwrap_or(node.span.end - 1), &[',']);
    let comma = behind.or_else(|| sign(text, before?..own.start, &[',']))?;
    let mut cut = own.clone();
    if comma == own.end {
        cut.end += 1; // the two are one piece
    }
    let (start, end) = (line_start(text, cut.start), next_line(text, cut.end));
    if start > node.span.start && is_blank(text, start..cut.start) && is_blank(text, cut.end..end) {
        cut = start..end;
    }
    let comma = (!cut.contains(&comma)).then(|| Splice::cut(comma..comma + 1));
    Some(comma.into_iter().chain([Splice::cut(cut)]).collect())
}

/// The comment right above an item, if there is one.
pub(super) fn comment_above(text: &str, item: &Item) -> Option<usize> {
    let end = line_start(text, item.dash).checked_sub(1)?;
    let start = line_start(text, end);
    text.get(start..end)?.trim_start().starts_with('#').then_some(start)
}
