//! Text of the world as HTML: escaped, always.

use std::fmt::{self, Display, Write};

use super::SHOWN;

/// Text as HTML shows it.
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.to_string().chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // What turns text round or hides it is shown as what it is.
                '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                    write!(f, "[U+{:04X}]", u32::from(letter))?;
                }
                letter if letter.is_control() => f.write_char(' ')?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// What is not shown one by one.
pub(super) fn more(out: &mut String, all: usize, what: &str) -> fmt::Result {
    match all.checked_sub(SHOWN).filter(|more| *more > 0) {
        Some(more) => writeln!(out, "<p class=\"dim\">and {more} more {what}</p>"),
        None => Ok(()),
    }
}

/// A small mark.
pub(super) fn tag(out: &mut String, class: &str, text: impl Display) -> fmt::Result {
    write!(out, "<span class=\"tag {class}\">{}</span>", Text(text))
}
