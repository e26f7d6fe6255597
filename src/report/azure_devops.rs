//! For a log of Azure Pipelines: the text, folded, and what points at a line as logging commands.
//!
//! Issues are errors or warnings; who gains and loses stands in the text. With warnings alone the task ends as *succeeded with
//! issues*; errors are told by the exit code. Commands are those of Microsoft, "Logging commands", escaped as that page says
//! (*Formatting commands*): first `%` as `%AZP25`, then `;`, line ends and `]`.

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

/// A page of issues that people still read. Ours: Azure Pipelines states no limit.
const SHOWN_MAX: usize = 50;

/// Logging commands.
pub(super) struct AzureDevops;

impl Reporter for AzureDevops {
    fn checked(&self, checked: &Checked<'_>) -> String {
        let text = Text(Style::Plain).checked(checked);
        log(checked.command, &text, &notes::mistakes(checked.mistakes), checked.folder)
    }

    fn plan(&self, view: &View<'_>) -> String {
        log("plan", &Text(Style::Plain).plan(view), &notes::plan(&Facts::new(view), false), view.folder)
    }

    fn drift(&self, view: &View<'_>) -> String {
        log("drift", &Text(Style::Plain).drift(view), &notes::drift(&Facts::new(view)), view.folder)
    }

    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String {
        let notes = notes::outcomes(&Facts::new(view), outcomes, false);
        log("apply", &Text(Style::Plain).outcomes(view, outcomes), &notes, view.folder)
    }
}

fn log(command: &str, text: &str, notes: &[Note], folder: &str) -> String {
    let mut log = match text {
        "" => String::new(),
        text => format!("##[group]tilgang {command}\n{text}##[endgroup]\n"),
    };
    let mut worst = None;
    for (grade, word) in [(Grade::Error, "error"), (Grade::Warning, "warning")] {
        let notes: Vec<&Note> = notes.iter().filter(|note| note.grade == grade).collect();
        worst = worst.or((!notes.is_empty()).then_some(grade));
        let said = if notes.len() > SHOWN_MAX { SHOWN_MAX - 1 } else { notes.len() };
        for note in notes.iter().take(said) {
            log.push_str(&issue(note, word, folder));
        }
        if let more @ 1.. = notes.len() - said {
            let words = data(&format!("and {} more: the whole is in the log", count(more, word, &format!("{word}s"))));
            let _ = writeln!(log, "##vso[task.logissue type={word}]{words}"); // into a String: cannot fail
        }
    }
    if worst == Some(Grade::Warning) {
        log.push_str("##vso[task.complete result=SucceededWithIssues;]tilgang has warnings\n");
    }
    log
}

fn issue(note: &Note, word: &str, folder: &str) -> String {
    let Note { grade: _, code, title: _, message, more, place, fingerprint: _ } = note;
    let file = property(&format!("{folder}{}", place.file));
    let lines: Vec<String> = std::iter::once(message).chain(more).map(|line| clean(line)).collect();
    let (line, column, code) = (place.line, place.column, property(code));
    let message = data(&lines.join("\n"));
    format!(
        "##vso[task.logissue type={word};sourcepath={file};linenumber={line};columnnumber={column};code={code};]{message}\n"
    )
}

/// Text after the `]`.
fn data(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text before it.
fn property(text: &str) -> String {
    data(&clean(text)).replace(';', "%3B").replace(']', "%5D")
}
