//! A review → Markdown: a table a role, with a place for each decision, then what is beside it. Text from YAML, git or Azure
//! goes out through the Markdown format's one way out; within a table a bar becomes a broken one, for it would end a cell, even
//! in a code span, and how often it must be escaped hangs on what stands before it (GitHub Flavored Markdown, "Tables").

use std::fmt::Write as _;

use super::{
    Asked,
    review::{Review, Row, rows},
    review_text::{head, sections, sums, title},
};
use crate::report::{
    count::time,
    markdown::escape::{bold, code, prose},
};

const HEAD: &str = "| who | may | by | since | until | notes | keep or remove |\n|---|---|---|---|---|---|---|\n";

pub(super) fn markdown(asked: &Asked<'_>, question: &Review<'_>) -> String {
    let mut text = format!(
        "# Access review of {}\n\nAs seen at {}; {}.\n\n",
        prose(&asked.owner(question.owner)),
        time(asked.at),
        prose(asked.tool)
    );
    for words in head(asked, question) {
        let _ = writeln!(text, "- {}", prose(&words));
    }
    let rows = rows(asked, question);
    for same in rows.chunk_by(|a, b| (&a.environment, &a.role) == (&b.environment, &b.role)) {
        let Some(first) = same.first() else { continue };
        let _ = write!(text, "\n## {}\n\n{HEAD}", prose(&title(first)));
        for row in same {
            text += &line(row);
        }
    }
    for (title, lines) in sections(asked, question) {
        let _ = write!(text, "\n## {}\n\n", prose(&title));
        for words in lines {
            let _ = writeln!(text, "- {}", prose(&words));
        }
    }
    text += "\n## Decision\n\n| decided by | date | signature |\n|---|---|---|\n| | | |\n\n";
    text + &format!("{}\n", prose(&sums(asked, question, &rows).join("; ")))
}

fn line(row: &Row) -> String {
    let Row { person, sign_in, can, targets, by, assignment, since, why, until, soon, notes, .. } = row;
    let more = if sign_in.contains('@') { code(sign_in) } else { prose(sign_in) };
    let who = format!("{}<br>{more}", bold(person));
    let can = if can.is_empty() { "what it permits is not known".to_owned() } else { prose(can) };
    let may = format!("{can} in {}", code(targets));
    let mut by = vec![prose(by)];
    by.extend([why, assignment].into_iter().filter(|words| !words.is_empty()).map(|words| prose(words)));
    let until = until.as_ref().map(|until| if *soon { format!("**{until}, soon**") } else { until.clone() });
    let notes: Vec<String> = notes.iter().map(|words| prose(words)).collect();
    let cells = [
        who,
        may,
        by.join("<br>"),
        since.clone().unwrap_or_default(),
        until.unwrap_or_default(),
        notes.join("<br>"),
        "☐ keep<br>☐ remove".to_owned(),
    ];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "¦")).join(" | "))
}
