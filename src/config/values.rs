//! Single values: what each must look like, and what to say when it does not.

use std::{collections::BTreeSet, str::FromStr};

use jiff::civil::Date;

use super::{
    characters::hidden_in_value,
    cursor::Cursor,
    error::Mistakes,
    node::Node,
    rules::{BAD_VALUE, HIDDEN, KNOWN_NAME, WRONG_TYPE},
    suggest::did_you_mean,
};
use crate::model::owner::{OwnerCode, is_word};

/// Longest title, contact and the like. Ours: they stand in reports.
const LINE_CHARS_MAX: usize = 200;
/// Longest `reason`. Ours: a sentence or three.
const REASON_CHARS_MAX: usize = 500;
/// Longest `ticket`. Ours: it goes into the description of an assignment, of which Azure keeps 2 KB.
const TICKET_CHARS_MAX: usize = 100;
/// Longest time that `policy.longest` can set. Ours: ten years.
const DAYS_MAX: i32 = 3650;

impl<'a> Cursor<'a> {
    /// Text on one line, every character of which shows.
    pub(super) fn line(self, mistakes: &mut Mistakes) -> Option<&'a str> {
        self.line_up_to(LINE_CHARS_MAX, mistakes)
    }

    /// Why somebody has access.
    pub(super) fn reason(self, mistakes: &mut Mistakes) -> Option<&'a str> {
        self.line_up_to(REASON_CHARS_MAX, mistakes)
    }

    fn line_up_to(self, chars_max: usize, mistakes: &mut Mistakes) -> Option<&'a str> {
        let text = self.text(mistakes)?.trim_end_matches('\n'); // a block such as `>` ends with one
        let problem = if text.contains('\n') {
            self.wrong(BAD_VALUE, format!("`{}` has more than one line", self.key)).help("write it on one line")
        } else if text.trim() != text || text.is_empty() {
            self.wrong(BAD_VALUE, format!("`{}` has spaces at its start or end", self.key)).help("delete the spaces")
        } else if let Some(c) = hidden_in_value(text) {
            self.wrong(HIDDEN, format!("`{}` holds U+{:04X}, which does not show", self.key, u32::from(c)))
                .help("take the escape out")
        } else if text.chars().count() > chars_max {
            let help = format!("it has {} characters", text.chars().count());
            self.wrong(BAD_VALUE, format!("`{}` is longer than {chars_max} characters", self.key)).help(help)
        } else {
            return Some(text);
        };
        mistakes.add(problem);
        None
    }

    /// One word of any visible ASCII characters.
    pub(super) fn ticket(self, mistakes: &mut Mistakes) -> Option<&'a str> {
        let text = self.text(mistakes)?;
        if text.len() <= TICKET_CHARS_MAX && text.bytes().all(|b| b.is_ascii_graphic()) {
            return Some(text);
        }
        mistakes.add(
            self.wrong(BAD_VALUE, format!("`{}` is not one word of at most {TICKET_CHARS_MAX} characters", self.key))
                .help("write the ticket's number, such as `TTD-123`; `reason` takes sentences"),
        );
        None
    }

    /// Text that cannot be meant as a number: for one, quotes would not help.
    fn text_or_number(self, mistakes: &mut Mistakes) -> Option<&'a str> {
        if let Node::Number(number) = self.node { Some(number) } else { self.text(mistakes) }
    }

    /// A GUID with its hyphens.
    pub(super) fn guid<T: FromStr>(self, mistakes: &mut Mistakes) -> Option<T> {
        let text = self.text_or_number(mistakes)?;
        let id = (text.len() == 36).then(|| text.parse().ok()).flatten();
        if id.is_none() {
            mistakes.add(
                self.wrong(BAD_VALUE, format!("`{}` is not a GUID", self.key))
                    .help("a GUID has the form `00000000-0000-0000-0000-000000000000`"),
            );
        }
        id
    }

    /// A day.
    pub(super) fn date(self, mistakes: &mut Mistakes) -> Option<Date> {
        let text = self.text_or_number(mistakes)?;
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
        let date = shape.then(|| text.parse().ok()).flatten();
        if date.is_none() {
            let message = if shape { "is not a day of the calendar" } else { "is not a date" };
            mistakes.add(
                self.wrong(BAD_VALUE, format!("`{}` {message}", self.key))
                    .help("write year, month and day: `2027-01-31` is the last day of January 2027"),
            );
        }
        date
    }

    /// How many.
    pub(super) fn count(self, mistakes: &mut Mistakes) -> Option<usize> {
        let count = if let Node::Number(number) = self.node { number.parse().ok() } else { None };
        if count.is_none() {
            mistakes.add(
                self.wrong(WRONG_TYPE, format!("`{}` is not a number", self.key))
                    .help("write a whole number from 0 up, without quotes"),
            );
        }
        count
    }

    /// `true` or `false`.
    pub(super) fn flag(self, mistakes: &mut Mistakes) -> Option<bool> {
        if let Node::Bool(flag) = self.node {
            return Some(*flag);
        }
        mistakes.add(self.wrong(WRONG_TYPE, format!("`{}` is neither `true` nor `false`", self.key)));
        None
    }

    /// `180d`.
    pub(super) fn days(self, mistakes: &mut Mistakes) -> Option<i32> {
        let text = if let Node::Text(text) = self.node { text.strip_suffix('d') } else { None };
        let digits = text.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let days = digits.and_then(|digits| digits.parse().ok()).filter(|days| (1..=DAYS_MAX).contains(days));
        if days.is_none() {
            mistakes.add(
                self.wrong(BAD_VALUE, format!("`{}` is not a number of days", self.key))
                    .help(format!("write whole days from `1d` to `{DAYS_MAX}d`, such as `180d`")),
            );
        }
        days
    }

    /// A service owner's code.
    pub(super) fn owner_code(self, mistakes: &mut Mistakes) -> Option<OwnerCode> {
        let text = self.text(mistakes)?;
        let code = OwnerCode::new(text);
        if code.is_none() {
            mistakes.add(
                self.wrong(BAD_VALUE, format!("`{text}` is not an owner's code"))
                    .help("a code has 2 to 8 of `a-z` and `0-9`"),
            );
        }
        code
    }

    /// The code of an owner that this workspace knows.
    pub(super) fn known_owner(self, known: &BTreeSet<OwnerCode>, mistakes: &mut Mistakes) -> Option<OwnerCode> {
        let code = self.owner_code(mistakes)?;
        if known.contains(&code) {
            return Some(code);
        }
        mistakes.add(
            self.wrong(KNOWN_NAME, format!("there is no service owner `{code}`"))
                .label("no file, no entry in `owners`")
                .maybe_help(did_you_mean(code.as_str(), known.iter().map(OwnerCode::as_str))),
        );
        None
    }

    /// `25%`.
    pub(super) fn percent(self, mistakes: &mut Mistakes) -> Option<usize> {
        let text = if let Node::Text(text) = self.node { text.strip_suffix('%') } else { None };
        let percent = text.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).and_then(|t| t.parse().ok());
        let percent = percent.filter(|percent| *percent <= 100);
        if percent.is_none() {
            mistakes.add(
                self.wrong(BAD_VALUE, format!("`{}` is not a percentage", self.key))
                    .help("write whole percent from `0%` to `100%`"),
            );
        }
        percent
    }

    /// A word that becomes part of names: letters, digits and hyphens.
    pub(super) fn word(self, mistakes: &mut Mistakes) -> Option<&'a str> {
        let text = self.text(mistakes)?;
        let fits = is_word(text);
        if !fits {
            mistakes.add(self.wrong(BAD_VALUE, format!("`{}` is not one word", self.key)).help(WORD_HELP));
        }
        fits.then_some(text)
    }

    /// Whether the key can become part of names.
    pub(super) fn key_is_word(self, mistakes: &mut Mistakes) -> bool {
        let fits = is_word(self.key);
        if !fits {
            mistakes.add(self.wrong_key(BAD_VALUE, format!("`{}` cannot be a name", self.key)).help(WORD_HELP));
        }
        fits
    }

    /// GitHub's words for who reviews: a user, a team, or an e-mail address ("About code owners").
    pub(super) fn reviewers(self, mistakes: &mut Mistakes) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for item in self.items(mistakes) {
            let Some(text) = item.line(mistakes) else { continue };
            let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
            if plain && text.len() > 1 && text.contains('@') {
                all.push(text.to_owned());
            } else {
                mistakes.add(
                    item.wrong(BAD_VALUE, format!("`{text}` is nobody who can review on GitHub"))
                        .help("write `\"@user\"`, `\"@organisation/team\"` or an e-mail address"),
                );
            }
        }
        all
    }
}

const WORD_HELP: &str = "use lower-case letters, digits and hyphens, starting with a letter; at most 40 of them";
