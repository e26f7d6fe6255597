//! Text from YAML or Azure → text that cannot move a cursor, change a colour, turn a line around or start a new one, nor give
//! an order to the pipeline that reads our log (promise 10).

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
    without_orders(out)
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
    without_orders(out)
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
    without_orders(out)
}

/// Text from the command line, which may come from a script: nothing in it moves the cursor.
#[must_use]
pub fn argument(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
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
    for at in orders(&out).into_iter().rev() {
        out.replace_range(at..=at, "?");
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
    for at in orders(&out).into_iter().rev() {
        out.replace_range(at..=at, "\\u0023"); // `#` stands in strings alone
    }
    out
}

/// Where the second `#` of `##[…]` and `##vso[…]` stands. Azure Pipelines' agent and GitHub's runner look for those anywhere in a line
/// of a log, on stdout and stderr alike, and do what they say (microsoft/azure-pipelines-agent `Command.cs`; actions/runner
/// `ActionCommand.cs`).
fn orders(text: &str) -> Vec<usize> {
    let is_order = |at: &usize| {
        let rest = text.as_bytes().get(at + 2..).unwrap_or_default();
        rest.starts_with(b"[") || rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"vso["))
    };
    let bytes = text.as_bytes().windows(2).enumerate();
    bytes.filter(|(_, pair)| pair == b"##").map(|(at, _)| at).filter(is_order).map(|at| at + 1).collect()
}

/// What would give an order shows instead: those, and a word that begins with `::`, which at the start of a line is an order to
/// GitHub's runner. Where lines begin is not known here.
fn without_orders(mut text: String) -> String {
    for at in orders(&text).into_iter().rev() {
        text.replace_range(at..=at, "\\u{23}");
    }
    if text.starts_with("::") || text.contains(" ::") || text.contains("\n::") {
        for start in ["\n", " "] {
            text = text.replace(&format!("{start}::"), &format!("{start}\\u{{3a}}:"));
        }
        if text.starts_with("::") {
            text.replace_range(..1, "\\u{3a}");
        }
    }
    text
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
    fn no_pipeline_takes_an_order() {
        let text = "a ##vso[task.setvariable variable=x]y ##VSO[z] ##[error] ## ::error::b";
        let shown = "a #\\u{23}vso[task.setvariable variable=x]y #\\u{23}VSO[z] #\\u{23}[error] ## \\u{3a}:error::b";
        for way in [line, inline, lines] {
            assert_eq!(way(text), shown);
            assert_eq!(way("::stop-commands::x"), "\\u{3a}:stop-commands::x");
        }
        assert_eq!(lines("a\n::x\n  ::y"), "a\n\\u{3a}:x\n  \\u{3a}:y");
        assert_eq!(as_long("###[x] ø ##vso[y]"), "##?[x] ø #?vso[y]");
        assert_eq!(json("\"##vso[x] ####[\""), "\"#\\u0023vso[x] ###\\u0023[\"");
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
