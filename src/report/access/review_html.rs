//! A review → one page to read, print and sign: a table a role, with a place for each decision and signature. The page around
//! it, and the one way out for text, are those of every HTML report: nothing is fetched, and nothing can be.

use maud::{Markup, html};

use super::{
    Asked,
    review::{Review, Row, rows},
    review_text::{head, sections, sums, title},
};
use crate::report::{
    count::time,
    html::{
        layout::{Page, page},
        lists::prose,
        shown,
    },
    words::count,
};

pub(super) fn page_of(asked: &Asked<'_>, question: &Review<'_>) -> String {
    let rows = rows(asked, question);
    let body = html! {
        section.problems.note aria-label="What this rests on" {
            ul { @for words in head(asked, question) { li { (prose(&words)) } } }
        }
        @for same in rows.chunk_by(|a, b| (&a.environment, &a.role) == (&b.environment, &b.role)) { (role(same)) }
        @for (title, lines) in sections(asked, question) {
            section.problems.heed[title == "Not known"].note[title != "Not known"] {
                h2 { (shown(&title)) " " span.number { (lines.len()) } }
                ul { @for words in &lines { li { (prose(words)) } } }
            }
        }
        section {
            h2 { "Decision" }
            table {
                thead { tr { td hidden {} th scope="col" { "Decided by" } th scope="col" { "Date" } th scope="col" { "Signature" } } }
                tbody { tr { td { (line(24)) } td { (line(12)) } td { (line(24)) } } }
            }
        }
    };
    let title = format!("Access review of {}", asked.owner(question.owner));
    let about = format!("{}, as seen at {}", asked.tool, time(asked.at));
    let sums = sums(asked, question, &rows);
    page(&Page { title: &title, sums: &sums, about: &about, people: None, owners: &[], body: &body })
}

/// Where somebody writes by hand.
fn line(letters: usize) -> String {
    "\u{a0}\n".repeat(3) + &"_".repeat(letters)
}

fn role(rows: &[Row]) -> Markup {
    let title = rows.first().map(title).unwrap_or_default();
    html! {
        section {
            h2 { (shown(&title)) " " span.number { (count(rows.len(), "way", "ways")) } }
            div.scroll role="region" tabindex="0" aria-label=(shown(&title)) {
                table {
                    thead {
                        tr {
                            td hidden {} // the page's first column is that of names, and wide
                            @for column in ["Decision", "Who", "May", "By", "Until", "Notes", "Signed"] { th scope="col" { (column) } }
                        }
                    }
                    tbody { @for row in rows { (one(row)) } }
                }
            }
        }
    }
}

fn one(row: &Row) -> Markup {
    let Row { person, sign_in, can, targets, by, assignment, why, until, soon, notes, .. } = row;
    let decision = |word: &str| {
        html! { label.check { input type="checkbox" aria-label={ (word) ": " (shown(person)) }; " " (word) } }
    };
    html! {
        tr {
            td { (decision("keep")) " " (decision("remove")) }
            th scope="row" { (shown(person)) " " span.id { (shown(sign_in)) } }
            td {
                @if can.is_empty() { "what it permits is not known" } @else { (shown(can)) }
                " in " code { (shown(targets)) }
            }
            td.warn[*by != "git"] {
                span.word { (by) }
                @if !why.is_empty() { span.until { (prose(why)) } }
                span.until { (prose(assignment)) }
            }
            td.warn[*soon] {
                @match until {
                    // a day is not broken in two
                    Some(until) => { (until.replace('-', "\u{2011}")) @if *soon { span.until { "soon" } } }
                    None => { span.hush { "no end" } }
                }
            }
            td { @for note in notes { span.until { (prose(note)) } } }
            td { (line(10)) }
        }
    }
}
