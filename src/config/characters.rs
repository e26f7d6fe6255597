//! What may not stand in a file at all: characters that a reviewer does not see, or sees elsewhere than they count.
//!
//! `serde_yaml` ends a line at U+0085, U+2028 and U+2029; a reviewer's screen does not. A grant could hide in a comment so.

use std::{borrow::Cow, ops::Range};

/// A character that is refused, by its place in the text.
pub(super) struct Hidden {
    pub(super) span: Range<usize>,
    pub(super) character: char,
}

impl Hidden {
    /// Its number and name: `U+2028, a line separator`.
    pub(super) fn name(&self) -> String {
        format!("U+{:04X}, {}", u32::from(self.character), describe(self.character))
    }
}

/// All hidden characters of a text.
pub(super) fn hidden(text: &str) -> impl Iterator<Item = Hidden> {
    // By bytes, since nearly all of them are plain ASCII, and the start of any other character is never one of these.
    let mut bytes = text.bytes().enumerate().filter(|(_, b)| !matches!(b, b' '..=b'~' | b'\n' | b'\t' | 0x80..=0xbf));
    std::iter::from_fn(move || {
        bytes.by_ref().find_map(|(at, _)| {
            let mut rest = text.get(at..)?.chars();
            let character = rest.next()?;
            let ends_line = character == '\r' && rest.next() == Some('\n');
            let span = at..at + character.len_utf8();
            (!ends_line && is_hidden(character)).then_some(Hidden { span, character })
        })
    })
}

/// Whether a value holds such a character after all, by an escape such as `"\u202e"`, or more than one line.
pub(super) fn hidden_in_value(value: &str) -> Option<char> {
    value.chars().find(|c| is_hidden(*c) || matches!(c, '\n' | '\t'))
}

/// The text with each hidden character made visible, one for one, so that it can be drawn.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if hidden(text).next().is_none() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut next = 0;
    for Hidden { span, .. } in hidden(text) {
        shown.push_str(text.get(next..span.start).unwrap_or_default());
        shown.push('\u{fffd}');
        next = span.end;
    }
    shown.push_str(text.get(next..).unwrap_or_default());
    Cow::Owned(shown)
}

/// Control characters, line ends that only some see, spaces that are none, direction marks, and what has no width.
/// Unicode 16: general categories Cc, Cf, Zl, Zp and Zs (but for the space), and the fillers and selectors that show nothing.
fn is_hidden(c: char) -> bool {
    match c {
        ' ' | '\n' | '\t' => false,
        _ if c.is_control() || c.is_whitespace() => true,
        '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffd}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

fn describe(c: char) -> &'static str {
    match c {
        '\r' => "a carriage return without a line feed",
        '\n' => "a line end",
        '\t' => "a tab",
        '\u{85}' => "a next-line character",
        '\u{a0}' | '\u{202f}' => "a no-break space",
        '\u{ad}' => "a soft hyphen",
        '\u{2028}' => "a line separator",
        '\u{2029}' => "a paragraph separator",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' | '\u{2060}' => "a zero-width joiner",
        '\u{feff}' => "a byte order mark",
        '\u{fffd}' => "a replacement character",
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a character that changes the direction of text"
        }
        _ if c.is_control() => "a control character",
        _ if c.is_whitespace() => "a space that is none to YAML",
        _ => "a character that does not show",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_passes() {
        for text in ["", "a: b # c\n\tx", "navn: Blåbærsyltetøy – «så»\r\n", "日本, 🙂, е́"] {
            assert_eq!(hidden(text).count(), 0, "{text:?}");
        }
    }

    #[test]
    fn what_does_not_show_is_found_where_it_stands() {
        for c in "\u{0}\u{7}\u{1b}\u{7f}\u{85}\u{a0}\u{ad}\u{200b}\u{200d}\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}\u{3164}\u{e0041}\u{3000}\u{fe0f}\r".chars() {
            let text = format!("æ{c}b");
            let found: Vec<_> = hidden(&text).map(|h| (h.span, h.character)).collect();
            assert_eq!(found, [(2..2 + c.len_utf8(), c)], "{c:?}");
            assert_eq!(shown(&text), "æ\u{fffd}b");
        }
        assert_eq!(hidden("a\r\nb\rc\r").count(), 2);
    }
}
