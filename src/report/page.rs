//! Lines of text for people, wrapped and perhaps coloured. The only way to a terminal: whatever is put here is cleaned first.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use unicode_width::UnicodeWidthStr;

use super::{Style, clean::clean};

/// Columns of a line. Fits the log views of GitHub and Azure DevOps, and two halves of a wide screen.
const WIDTH: usize = 110;
/// A hanging indent deeper than this leaves no room for words.
const HANG_MAX: usize = 48;

/// What a piece of text is, for those who see colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Strong,
    Faint,
    Gain,
    Lose,
    Mend,
    Warn,
}

impl Ink {
    fn style(self) -> anstyle::Style {
        match self {
            Self::Plain => anstyle::Style::new(),
            Self::Strong => anstyle::Style::new().bold(),
            Self::Faint => anstyle::Style::new().dimmed(),
            Self::Gain => AnsiColor::Green.on_default(),
            Self::Lose => AnsiColor::Red.on_default(),
            Self::Mend => AnsiColor::Cyan.on_default(),
            Self::Warn => AnsiColor::Yellow.on_default().bold(),
        }
    }
}

/// What stands before a line's words, padded to a width and followed by two spaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead<'a> {
    pub ink: Ink,
    pub text: &'a str,
    pub width: usize,
}

/// Text as it grows.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    style: Style,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self { text: String::new(), style }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// An empty line, except at the top and after another one.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A line of words at an indent.
    pub(super) fn line(&mut self, indent: usize, ink: Ink, words: &str) {
        self.put(indent, &[], ink, words);
    }

    /// A line: leads, then words; what does not fit continues below the first word.
    pub(super) fn put(&mut self, indent: usize, leads: &[Lead<'_>], ink: Ink, words: &str) {
        let mut column = 0; // where the text ends
        let mut owed = indent; // where the next piece begins
        for lead in leads {
            let text = clean(lead.text);
            if text.is_empty() {
                continue;
            }
            self.spaces(owed - column);
            self.inked(lead.ink, &text);
            column = owed + text.width();
            owed += text.width().max(lead.width) + 2;
        }
        let hang = if owed > HANG_MAX { indent + 2 } else { owed };
        let mut lines = wrap(&clean(words), owed, hang).into_iter();
        if let Some(first) = lines.next() {
            self.spaces(owed - column);
            self.inked(ink, &first);
        }
        for line in lines {
            self.text.push('\n');
            self.spaces(hang);
            self.inked(ink, &line);
        }
        self.text.push('\n');
    }

    /// The last line: never wrapped, so that the last line of a log is the whole of it.
    pub(super) fn last(&mut self, parts: &[String]) {
        self.inked(Ink::Strong, &clean(&parts.join("; ")));
        self.text.push('\n');
    }

    fn spaces(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }

    fn inked(&mut self, ink: Ink, text: &str) {
        let style = if self.style == Style::Colour { ink.style() } else { anstyle::Style::new() };
        let _ = write!(self.text, "{style}{text}{style:#}"); // writing to a String cannot fail
    }
}

/// Words in lines: the first begins at column `first`, the others at `hang`. A word is never broken.
fn wrap(words: &str, first: usize, hang: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut column = first;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if column + 1 + word.width() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
                column += 1 + word.width();
            }
            last => {
                column = if last.is_some() { hang } else { first } + word.width();
                lines.push(word.to_owned());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_below_the_first_by_what_the_eye_sees() {
        let mut page = Page::new(Style::Plain);
        let lead = Lead { ink: Ink::Gain, text: "+ gains", width: 9 };
        page.put(2, &[lead], Ink::Plain, &"李李李李李 ".repeat(18));
        let text = page.finish();
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert!(text.lines().nth(1).unwrap().starts_with("             李"), "{text}");
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let mut page = Page::new(Style::Plain);
        let long = "x".repeat(WIDTH + 1);
        page.line(4, Ink::Plain, &format!("a {long} b"));
        assert_eq!(page.finish(), format!("    a\n    {long}\n    b\n"));
    }
}
