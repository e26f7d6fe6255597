//! A review → CSV (RFC 4180): one row a way, with empty cells for decision, reviewer and date.
//!
//! A spreadsheet runs what looks like a formula: a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an
//! apostrophe before it (OWASP, "CSV Injection"). What cannot be seen is written out.

use super::{
    Asked,
    review::{Review, Row, rows},
};
use crate::report::clean::clean;

const HEAD: [&str; 17] = [
    "owner",
    "environment",
    "role",
    "person",
    "sign-in",
    "may",
    "targets",
    "by",
    "assignment",
    "since",
    "why",
    "until",
    "ends soon",
    "notes",
    "decision (keep or remove)",
    "reviewer",
    "date",
];

pub(super) fn csv(asked: &Asked<'_>, question: &Review<'_>) -> String {
    let mut text = line(&HEAD.map(str::to_owned));
    let owner = question.owner.to_string();
    for row in rows(asked, question) {
        let Row { environment, role, person, sign_in, can, targets, by, assignment, since, why, until, soon, notes } =
            row;
        let soon = if soon { "yes" } else { "" }.to_owned();
        let (since, until) = (since.unwrap_or_default(), until.unwrap_or_default());
        let (by, notes) = (by.to_owned(), notes.join("; "));
        let empty = String::new;
        text += &line(&[
            owner.clone(),
            environment,
            role,
            person,
            sign_in,
            can,
            targets,
            by,
            assignment,
            since,
            why,
            until,
            soon,
            notes,
            empty(),
            empty(),
            empty(),
        ]);
    }
    // What is not known is a row of its own: a sheet without it would look whole.
    for it in &asked.access.unknown {
        let mut cells = vec![String::new(); HEAD.len()];
        for (at, words) in [(0, owner.as_str()), (3, "NOT KNOWN"), (13, it.words.as_str())] {
            if let Some(cell) = cells.get_mut(at) {
                words.clone_into(cell);
            }
        }
        text += &line(&cells);
    }
    text
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    cells.join(",") + "\r\n"
}

/// One cell.
fn cell(text: &str) -> String {
    let risky = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = clean(text);
    let risky = risky || text.starts_with(['=', '+', '-', '@']);
    let text = if risky { format!("'{text}") } else { text };
    if text.contains(['"', ',', '\n', '\r', ';']) || risky {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_is_data() {
        for (text, is) in [
            ("Kari", "Kari"),
            ("Fiktiv, Kari", "\"Fiktiv, Kari\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+47 1", "\"'+47 1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'=1\""),
            ("\r=1", "\"'=1\""),
            (" =1", "\"'=1\""),
            ("a\r\nb", "a b"),
        ] {
            assert_eq!(cell(text), is, "{text:?}");
        }
    }

    proptest! {
        /// Read back by RFC 4180, a cell is one cell, and never a formula.
        #[test]
        fn no_cell_escapes(text in "\\PC*|[=+@\\-\t\r\n\",;a ]{0,12}") {
            let cell = cell(&text);
            let inner = match cell.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"').unwrap().replace("\"\"", "\""),
                None => cell.clone(),
            };
            prop_assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
            prop_assert!(cell.starts_with('"') || !cell.contains(['"', ',', '\n', '\r']), "{cell:?}");
            prop_assert_eq!(cell.matches('"').count() % 2, 0);
            prop_assert!(!cell.contains(['\n', '\r', '\t']));
        }
    }
}
