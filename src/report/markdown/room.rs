//! Sections → one text that fits: whole entries, whole sections, and a count of what is left out.
//!
//! What is first is gravest. A section that does not fit is cut between two entries and closed; a fold never stays open.

use std::fmt::Write as _;

use super::super::{fit::Fit, words::count};

/// A part of a report, under a heading of its own.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// The heading, in Markdown.
    pub title: String,
    /// What stands between the heading and the entries.
    pub intro: Vec<String>,
    /// What is said, one below the other.
    pub entries: Vec<Entry>,
    /// Where the entries are many they are folded, and this, which is only words, stands on the fold.
    pub fold: Option<String>,
    /// The section in a word or two, for where it is left out.
    pub name: String,
}

/// What is never cut.
#[derive(Debug)]
pub(super) struct Entry {
    /// Lines of Markdown, without a line feed at the end.
    pub text: String,
    /// How many decisions or people it tells of.
    pub tells: usize,
}

impl Entry {
    /// An entry about one.
    pub(super) fn new(text: String) -> Self {
        Self { text, tells: 1 }
    }
}

/// As many entries as this are folded.
const FOLD_FROM: usize = 9;
/// So many sections that are left out are named.
const NAMED_MAX: usize = 12;
/// Room for the words that say what was left out.
const SAID: usize = 2_400;

/// Puts it together. `head` and `tail` stand whole: they are short.
pub(super) fn together(head: &str, sections: &[Section], tail: &str, fit: Fit) -> String {
    let whole: String = sections.iter().map(|section| section.text(section.entries.len())).collect();
    let whole = format!("{head}{whole}{tail}");
    if fit.measure(&whole) <= fit.max() {
        return whole;
    }
    let mut left = fit.max().saturating_sub(fit.measure(head) + fit.measure(tail) + SAID);
    let mut text = head.to_owned();
    let mut out: Vec<(&Section, usize)> = Vec::new();
    for (at, section) in sections.iter().enumerate() {
        // One section may not take all the room from the others.
        let room = if at + 1 < sections.len() { left.div_ceil(2) } else { left };
        let fits = |entries: usize| {
            fit.measure(&section.text(entries)) <= if entries == section.entries.len() { left } else { room }
        };
        let entries =
            if fits(section.entries.len()) { section.entries.len() } else { most(section.entries.len(), fits) };
        if entries > 0 {
            let part = section.text(entries);
            left = left.saturating_sub(fit.measure(&part));
            text.push_str(&part);
        }
        if entries < section.entries.len() {
            out.push((section, section.untold(entries)));
        }
    }
    text.push_str(&left_out(&out));
    text.push_str(tail);
    text
}

/// The largest number of entries that fits, by halving.
fn most(all: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut fit, mut too_many) = (0, all);
    while fit + 1 < too_many {
        let middle = fit.midpoint(too_many);
        if fits(middle) { fit = middle } else { too_many = middle }
    }
    fit
}

fn left_out(out: &[(&Section, usize)]) -> String {
    let number: usize = out.iter().map(|(_, entries)| entries).sum();
    if number == 0 {
        return String::new();
    }
    let mut words = format!("**Not shown, for want of room: {}.** ", count(number, "entry", "entries"));
    let named: Vec<String> =
        out.iter().take(NAMED_MAX).map(|(section, entries)| format!("{}: {entries}", section.name)).collect();
    words.push_str(&named.join(", "));
    if let more @ 1.. = out.len().saturating_sub(NAMED_MAX) {
        let _ = write!(words, ", and {}", count(more, "section more", "sections more")); // into a String: cannot fail
    }
    words + ". The whole report is in the text of the run.\n\n"
}

impl Section {
    /// How much is left out with only the first of its entries.
    fn untold(&self, entries: usize) -> usize {
        self.entries.iter().skip(entries).map(|entry| entry.tells).sum()
    }

    /// Its text with the first of its entries.
    fn text(&self, entries: usize) -> String {
        let mut text = format!("### {}\n\n", self.title);
        for line in &self.intro {
            text.push_str(line);
            text.push_str("\n\n");
        }
        let fold = self.fold.as_ref().filter(|_| self.entries.len() >= FOLD_FROM);
        if let Some(words) = fold {
            let _ = write!(text, "<details><summary>{words}</summary>\n\n"); // into a String: cannot fail
        }
        for entry in self.entries.iter().take(entries) {
            text.push_str(&entry.text);
            text.push('\n');
        }
        let missing = self.untold(entries);
        if missing > 0 {
            let _ = writeln!(text, "- … and {missing} more");
        }
        text.push('\n');
        if fold.is_some() {
            text.push_str("</details>\n\n");
        }
        text
    }
}
