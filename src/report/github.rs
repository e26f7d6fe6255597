//! For a log of GitHub Actions: the text, folded, and what points at a line as workflow commands.
//!
//! A step shows ten errors, ten warnings and ten notices, whatever it says (actions/toolkit, `docs/problem-matchers.md`,
//! *Limitations*): the gravest are said, and the last of each grade counts the rest. Escaping is that of `actions/toolkit`,
//! `packages/core/src/command.ts`.

use std::fmt::Write as _;

use crate::plan::outcome::Outcome;

use super::{
    Checked, Reporter, Style, View,
    clean::clean,
    facts::Facts,
    notes::{self, Grade, Note},
    text::Text,
    words::count,
};

/// Annotations of one grade that a step shows.
const SHOWN_MAX: usize = 10;

/// Workflow commands.
pub(super) struct Github;

impl Reporter for Github {
    fn checked(&self, checked: &Checked<'_>) -> String {
        let text = Text(Style::Plain).checked(checked);
        log(checked.command, &text, &notes::mistakes(checked.mistakes), checked.folder)
    }

    fn plan(&self, view: &View<'_>) -> String {
        log("plan", &Text(Style::Plain).plan(view), &notes::plan(&Facts::new(view), true), view.folder)
    }

    fn drift(&self, view: &View<'_>) -> String {
        log("drift", &Text(Style::Plain).drift(view), &notes::drift(&Facts::new(view)), view.folder)
    }

    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String {
        let notes = notes::outcomes(&Facts::new(view), outcomes, true);
        log("apply", &Text(Style::Plain).outcomes(view, outcomes), &notes, view.folder)
    }
}

fn log(command: &str, text: &str, notes: &[Note], folder: &str) -> String {
    let mut log = match text {
        "" => String::new(),
        text => format!("::group::tilgang {command}\n{text}::endgroup::\n"),
    };
    for grade in [Grade::Error, Grade::Warning, Grade::Notice] {
        let notes: Vec<&Note> = notes.iter().filter(|note| note.grade == grade).collect();
        let said = if notes.len() > SHOWN_MAX { SHOWN_MAX - 1 } else { notes.len() };
        for note in notes.iter().take(said) {
            log.push_str(&annotation(note, folder));
        }
        if let more @ 1.. = notes.len() - said {
            let words = match grade {
                Grade::Error => count(more, "error more", "errors more"),
                Grade::Warning => count(more, "warning more", "warnings more"),
                Grade::Notice => count(more, "notice more", "notices more"),
            };
            let words = data(&format!("and {words}: the whole is in the log, under `tilgang {command}`"));
            let _ = writeln!(log, "::{} title=tilgang::{words}", word(grade)); // into a String: cannot fail
        }
    }
    log
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Error => "error",
        Grade::Warning => "warning",
        Grade::Notice => "notice",
    }
}

fn annotation(note: &Note, folder: &str) -> String {
    let Note { grade, code, title, message, more, place, fingerprint: _ } = note;
    let file = property(&format!("{folder}{}", place.file));
    let title = if title == code { property(title) } else { property(&format!("{title} ({code})")) };
    let lines: Vec<String> = std::iter::once(message).chain(more).map(|line| clean(line)).collect();
    let message = data(&lines.join("\n"));
    format!("::{} file={file},line={},col={},title={title}::{message}\n", word(*grade), place.line, place.column)
}

/// Text after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text between the first `::` and the second.
fn property(text: &str) -> String {
    data(&clean(text)).replace(':', "%3A").replace(',', "%2C")
}
