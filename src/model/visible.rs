//! Text from YAML or Azure → text that cannot move a cursor, change a colour, turn a line around or start a new one (promise 10).

use std::fmt::Write as _;

/// Harmless text in one line: runs of white space become one space, what cannot be seen is written out as `\u{…}`.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) && !out.is_empty() {
            out.push(' ');
        }
        if is_hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// The same with its blanks as they are; what would end the line is a blank.
#[must_use]
pub fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// The same where line feeds are ours: each line by itself, blanks as they are.
#[must_use]
pub fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// The same, byte for byte as long and with its line feeds where they were: for a file that is drawn with marks in it.
#[must_use]
pub fn as_long(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (is_hidden(c), c.len_utf8()) {
            (false, _) => out.push(c),
            _ if matches!(c, '\n' | '\t' | '\r') => out.push(c),
            (_, 1) => out.push('?'),
            (_, 2) => out.push('\u{bf}'), // an inverted question mark: two bytes
            (_, 3) => out.push('\u{fffd}'),
            _ => out.push_str("\u{fffd}?"),
        }
    }
    out
}

/// The same for a finished JSON text: what cannot be seen can only stand inside its strings, and is written as `\uXXXX`.
#[must_use]
pub fn json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_hidden(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}"); // writing to a String cannot fail
        }
    }
    out
}

/// Characters that act instead of being seen: control characters, line and paragraph separators, direction marks, zero-width
/// and other default-ignorable ones, tags and private use.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_visible_line() {
        assert_eq!(line("Siri  Prøve\r\n\t x"), "Siri Prøve x");
        assert_eq!(line("\u{1b}[2Jgone\u{9b}1m"), "\\u{1b}[2Jgone\\u{9b}1m");
        assert_eq!(line("a\u{202e}b\u{200b}c\u{2028}d\u{e0041}"), "a\\u{202e}b\\u{200b}c d\\u{e0041}");
        assert_eq!(line("Łukasz Ümläut 李"), "Łukasz Ümläut 李");
    }

    #[test]
    fn a_drawn_file_keeps_its_places() {
        let hostile = "a\u{202e}b\u{9b}c\u{e0041}d\u{7f}\n\u{1b}[31m\te\r\n";
        let shown = as_long(hostile);
        assert_eq!(shown.len(), hostile.len());
        assert!(shown.chars().all(|c| matches!(c, '\n' | '\r' | '\t') || !is_hidden(c)), "{shown:?}");
        assert_eq!(shown.find("e\r\n"), hostile.find("e\r\n"));
        assert_eq!(lines("a\u{1b}b\n  c"), "a\\u{1b}b\n  c");
    }
}
