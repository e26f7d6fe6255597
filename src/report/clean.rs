//! Text from YAML or Azure → text that cannot move a cursor, change a colour, turn a line around or start a new one (promise 10).

use std::fmt::Write as _;

/// Harmless text in one line: runs of white space become one space, what cannot be seen is written out as `\u{…}`.
pub(super) fn clean(text: &str) -> String {
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

/// The same for a finished JSON text: what cannot be seen can only stand inside its strings, and is written as `\uXXXX`.
pub(super) fn clean_json(json: &str) -> String {
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
fn is_hidden(c: char) -> bool {
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
        assert_eq!(clean("Siri  Prøve\r\n\t x"), "Siri Prøve x");
        assert_eq!(clean("\u{1b}[2Jgone\u{9b}1m"), "\\u{1b}[2Jgone\\u{9b}1m");
        assert_eq!(clean("a\u{202e}b\u{200b}c\u{2028}d\u{e0041}"), "a\\u{202e}b\\u{200b}c d\\u{e0041}");
        assert_eq!(clean("Łukasz Ümläut 李"), "Łukasz Ümläut 李");
    }

    #[test]
    fn json_stays_the_same_data() {
        let hostile = "a\u{202e}b\u{9b}c\u{e0041}d\u{7f}";
        let json = clean_json(&serde_json::to_string_pretty(&[hostile]).unwrap());
        assert!(json.is_ascii(), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [hostile]);
    }
}
