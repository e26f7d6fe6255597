//! One file's text → its tree, or what keeps it from being read. Ends that file, and only that file.

use std::ops::Range;

use super::{
    characters::hidden,
    error::{Mistake, Mistakes, Spot},
    node::Node,
    rules::{HIDDEN, PLAIN, SYNTAX, UNCERTAIN},
    spans::{Reference, references, spans},
};

/// How many hidden characters of a file are told one by one. Ours: a file pasted from a web page has hundreds.
const HIDDEN_TOLD_MAX: usize = 10;
/// How many brackets may be open at once. Ours: our shapes need 8; more is told as YAML's own limit of 128 would be.
const DEPTH_MAX: usize = 100;

/// The tree of a file in which nothing is hidden and nothing stands for something else.
pub(super) fn read<'t>(text: &'t str, mistakes: &mut Mistakes) -> Option<Node<'t>> {
    let before = mistakes.len();
    told_hidden(text, mistakes);
    if mistakes.len() > before {
        return None;
    }
    if let Some(span) = directive(text) {
        mistakes.add(
            Mistake::new(PLAIN, Spot::Bytes(span), "a YAML directive")
                .label("not allowed here")
                .help("delete the line"),
        );
        return None;
    }
    if let Some(at) = too_deep(text) {
        mistakes.add(
            Mistake::new(SYNTAX, Spot::Bytes(at..at + 1), "brackets within brackets within brackets")
                .label(format!("the {DEPTH_MAX}th that is still open"))
                .help("is a closing bracket missing further up?"),
        );
        return None;
    }
    let node = match serde_yaml::from_str(text) {
        Ok(node) => node,
        Err(_) if only_comments(text) => Node::Nothing,
        Err(error) => {
            told_references(text, mistakes); // a second document, or a tag that does not fit
            if mistakes.len() == before {
                mistakes.add(syntax(text, &error));
            }
            return None;
        }
    };
    // Every anchor, alias and tag has one of these signs. `serde_yaml` hides them, so such a file, and few are, is walked by
    // the second parser. What that one overlooked would show as another tree.
    if text.contains(['&', '*', '!']) && spans(text, &node).is_none() {
        told_references(text, mistakes);
        if mistakes.len() == before {
            mistakes.add(
                Mistake::new(UNCERTAIN, Spot::File, "this text can be read in more than one way")
                    .help("put values that hold `&`, `*` or `!` in quotes, and use spaces instead of tabs"),
            );
        }
        return None;
    }
    Some(node)
}

fn told_hidden(text: &str, mistakes: &mut Mistakes) {
    let mut all = hidden(text);
    for found in all.by_ref().take(HIDDEN_TOLD_MAX) {
        let help = match found.character {
            '\u{feff}' if found.span.start == 0 => "save the file as UTF-8 without a byte order mark",
            '\r' => "end every line the same way",
            _ => "delete it, or type the character that was meant",
        };
        let name = found.name();
        let message = match found.character {
            '\u{85}' | '\u{2028}' | '\u{2029}' => "a line end that does not show: what follows it would count",
            _ => "a character that a reviewer does not see",
        };
        mistakes.add(Mistake::new(HIDDEN, Spot::Bytes(found.span), message).label(name).help(help));
    }
    let more = all.count();
    if more > 0 {
        mistakes.add(Mistake::new(HIDDEN, Spot::File, format!("{more} more characters that a reviewer does not see")));
    }
}

fn told_references(text: &str, mistakes: &mut Mistakes) {
    for (reference, span) in references(text) {
        let written = text.get(span.clone()).unwrap_or_default();
        let (message, help) = match reference {
            Reference::Anchor => (
                format!("the anchor `{written}` lets other places stand for this one"),
                "write each value out where it counts; text that starts with `&` goes in quotes",
            ),
            Reference::Alias => (
                format!("the alias `{written}` stands for a value elsewhere"),
                "write each value out where it counts; text that starts with `*` goes in quotes",
            ),
            Reference::Tag => (
                format!("the tag `{written}` changes what the value is"),
                "write the value alone; text that starts with `!` goes in quotes",
            ),
            Reference::Document => (
                "a second document in one file".to_owned(),
                "delete the line `---` and what stands twice, or make two files",
            ),
        };
        mistakes.add(Mistake::new(PLAIN, Spot::Bytes(span), message).label("not allowed here").help(help));
    }
}

/// Where brackets are nested deeper than any file needs. Parsers take time by the square of it.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.bytes().position(|b| {
        match b {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == DEPTH_MAX
    })
}

/// The first line that starts with `%`.
fn directive(text: &str) -> Option<Range<usize>> {
    let start = if text.starts_with('%') { 0 } else { text.find("\n%")? + 1 };
    let rest = text.get(start..).unwrap_or_default();
    Some(start..start + rest.find(['\r', '\n']).unwrap_or(rest.len()))
}

fn only_comments(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

fn syntax(text: &str, error: &serde_yaml::Error) -> Mistake {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let spot = error.location().map_or(Spot::File, |location| {
        // By line and column: the index it gives counts characters, in spite of its name.
        let line = location.line().saturating_sub(1);
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let rest = text.get(start..).unwrap_or_default();
        let within: usize = rest.chars().take(location.column().saturating_sub(1)).map(char::len_utf8).sum();
        // At the end of the text there is nothing to point at: the last character, then.
        let start = (start + within).min(text.trim_end().char_indices().last().map_or(0, |(at, _)| at));
        let length = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Spot::Bytes(start..start + length)
    });
    if message.ends_with("unknown anchor") {
        return Mistake::new(PLAIN, spot, "an alias stands for a value elsewhere")
            .label("not allowed here")
            .help("write each value out where it counts; text that starts with `*` goes in quotes");
    }
    let at = if let Spot::Bytes(at) = &spot { text.get(at.clone()) } else { None };
    let help = match at {
        Some("\t") => "use spaces instead of tabs",
        Some("@" | "`") => "put text that starts with this character in quotes",
        _ if message.contains("alphabetic or numeric") => "put text that starts with `*` or `&` in quotes",
        _ => "look at the indentation, the `:` and the quotes here and on the line before",
    };
    Mistake::new(SYNTAX, spot, format!("this is not YAML: {message}"))
        .label("YAML cannot be read on from here")
        .help(help)
}
