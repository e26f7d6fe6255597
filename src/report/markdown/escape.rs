//! The one way out to Markdown: what comes from YAML, Azure or git is words, or it is code; never a link, a mention, a
//! picture, a reference, HTML, or anything else that acts.
//!
//! A word of letters, digits and a few harmless signs stands as it is. Any other is put into a code span, where neither GitHub
//! nor Azure DevOps looks for mentions (`@kari`), references (`#1`, `GH-1`, a commit's hash), addresses, emoji (`:x:`) or
//! formulas (`$x$`). Escaping alone would not do: GitHub looks for mentions after it has undone entities.

use super::super::clean::clean;

/// Text longer than this is cut: nothing that people name is.
const CHARS_MAX: usize = 600;

/// Text as words, with what stands between backticks, and what could act, as code.
pub(in crate::report) fn prose(text: &str) -> String {
    let text = short(text);
    let parts: Vec<&str> = text.split('`').collect();
    let mut out = Out::default();
    for (at, part) in parts.iter().enumerate() {
        // Every other part stands between two backticks; the last one of an even number has lost its other half.
        if at % 2 == 1 && at + 1 < parts.len() { out.code(part) } else { out.words(part) }
    }
    out.text
}

/// All of it as code: names of files, people's sign-in names.
pub(in crate::report) fn code(text: &str) -> String {
    let mut out = Out::default();
    out.code(&short(text).replace('`', "'"));
    out.text
}

/// Words in bold.
pub(in crate::report) fn bold(text: &str) -> String {
    match prose(text).as_str() {
        "" => String::new(),
        words => format!("**{words}**"),
    }
}

/// The words if all of them are harmless: for where Markdown does not reach.
pub(super) fn harmless(text: &str) -> Option<String> {
    let text = short(text);
    text.split(' ').all(is_word).then_some(text)
}

/// One visible line of bounded length.
fn short(text: &str) -> String {
    let text = clean(text);
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[derive(Default)]
struct Out {
    text: String,
}

impl Out {
    fn words(&mut self, text: &str) {
        let mut acting: Vec<&str> = Vec::new();
        for (at, word) in text.split(' ').enumerate() {
            if !is_word(word) {
                acting.push(word); // together with its neighbours
                continue;
            }
            let acted = !acting.is_empty();
            self.code(&std::mem::take(&mut acting).join(" "));
            if at > 0 && (acted || !self.text.is_empty()) {
                self.space();
            }
            self.text.push_str(word);
        }
        self.code(&acting.join(" "));
    }

    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    /// A code span. It holds no backtick, and never stands beside another, or within a word.
    fn code(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if !self.text.ends_with(['(', '"', '\'']) {
            self.space();
        }
        // What ends a sentence, or a part of it, is no part of a name.
        let inner = text.trim_end_matches(ENDS);
        let (text, end) = if inner.is_empty() { (text, "") } else { text.split_at(inner.len()) };
        self.text.push('`');
        self.text.push_str(text);
        self.text.push('`');
        self.text.push_str(end);
    }
}

/// Signs that end a sentence, or a part of it.
const ENDS: [char; 4] = [',', '.', ';', ':'];

/// Whether a word is only a word.
fn is_word(word: &str) -> bool {
    let inner = word.trim_end_matches(ENDS);
    let plain = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '-' | '\'' | '"' | '/' | '+' | '%' | '…' | '·' | '–' | '—' | '?' | '(' | ')' | ',')
    };
    // A commit's hash is a reference where the repository knows it; so is `GH-1`.
    let is_hash = |part: &str| {
        part.len() >= 7 && part.bytes().all(|b| b.is_ascii_hexdigit()) && part.bytes().any(|b| b.is_ascii_digit())
    };
    let is_hash = inner.split(|c: char| !c.is_ascii_alphanumeric()).any(is_hash);
    let is_issue =
        inner.to_ascii_lowercase().split("gh-").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    // At the start of a line these would begin a list, or underline what stands above.
    let begins = |c: char| matches!(c, '+' | '-');
    let is_block =
        !word.is_empty() && (word.chars().all(begins) || word.strip_suffix(['.', ')']).is_some_and(is_digits));
    if is_block {
        return false;
    }
    let is_number = inner.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ':')); // a time, a version
    is_number || inner.chars().all(plain) && !is_hash && !is_issue
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        for text in
            ["Siri Prøve", "on call for the tax season, TTD-123", "Łukasz O'Hara (a group)", "李小龍 ttd-prod-ai"]
        {
            assert_eq!(prose(text), text);
        }
        assert_eq!(
            prose("`policy.revokes.max` allows 3; see owners/ttd.yaml"),
            "`policy.revokes.max` allows 3; see `owners/ttd.yaml`"
        );
    }

    #[test]
    fn what_could_act_is_code() {
        assert_eq!(prose("@kari"), "`@kari`");
        assert_eq!(prose("a <img src=x onerror=alert(1)> b"), "a `<img src=x onerror=alert(1)>` b");
        assert_eq!(prose("see #12 and GH-12 or 3f2a9c1"), "see `#12` and `GH-12` or `3f2a9c1`");
        assert_eq!(prose("**x** _y_ | z"), "`**x** _y_ |` z");
        assert_eq!(prose("[a](b) evil.com http://x www.x.no"), "`[a](b) evil.com http://x www.x.no`");
        assert_eq!(prose("- x + y 1. z 2) ---"), "`-` x `+` y `1`. z `2) ---`");
        assert_eq!(code("a`b``c"), "`a'b''c`");
        assert_eq!(bold(" \n "), "");
    }

    #[test]
    fn backticks_pair_up() {
        assert_eq!(prose("a ` b"), "a b");
        assert_eq!(prose("`a``b`"), "`a` `b`");
        assert_eq!(prose("``"), "");
    }
}
