//! The page by itself: complete, closed to the outside, tables with headers; hostile text only shows. How it works in a browser:
//! `tests/program/browser.rs`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use crate::{
    plan::outcome::{Done, Failure, Outcome},
    report::{ReportFormat, Style, drift, outcomes, plan},
};

use super::{
    golden::{check, everything},
    hostile::evil,
    invented::trouble,
    markdown::thirty,
    world::World,
};

fn pages(world: &World) -> [String; 3] {
    let results = world.plan.changes.iter().enumerate().map(|(index, change)| Outcome {
        change: change.clone(),
        result: if index % 3 == 1 { Err(Failure::Trouble(trouble("put"))) } else { Ok(Done::Now) },
    });
    let results: Vec<Outcome> = results.collect();
    world.view(|view| {
        let format = ReportFormat::Html;
        [
            plan(view, format, Style::Plain),
            drift(view, format, Style::Plain),
            outcomes(view, &results, format, Style::Plain),
        ]
    })
}

/// What stands between a start and an end, each time.
fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split(end).next())
}

#[test]
fn thirty_changes_as_a_page() {
    let page = thirty().view(|view| plan(view, ReportFormat::Html, Style::Plain));
    // Style and script stand in files of their own.
    let start = page.find("<body>").unwrap();
    check("pull_request.html", &page[start..page.find("<script>").unwrap()].replace("><", ">\n<"));
}

#[test]
fn a_page_lets_nothing_in_or_out() {
    for page in [everything(), thirty(), evil(), World::new()].iter().flat_map(pages) {
        let policy = between(&page, "Content-Security-Policy\" content=\"", "\"").next().unwrap().replace("&#39;", "'");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for (tag, end) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let all: Vec<&str> = between(&page, tag, end).collect();
            assert_eq!(all.len(), 1, "{tag}");
            let digest = BASE64_STANDARD.encode(Sha256::digest(all[0]));
            assert!(policy.contains(&format!("'sha256-{digest}'")), "{tag}");
        }
        // Nothing that fetches, sends, or runs beside those two.
        for found in [
            "<link",
            "<img",
            "<iframe",
            "<object",
            "<base",
            " src=",
            " action=",
            " style=",
            "@import",
            "url(",
            "javascript:",
            " onload=",
            " onerror=",
            "http-equiv=\"refresh",
        ] {
            assert!(!page.contains(found), "{found}");
        }
        for href in between(&page, "href=\"", "\"") {
            assert!(href.starts_with('#'), "{href}");
        }
    }
}

#[test]
fn tables_have_captions_and_headers() {
    for page in [everything(), thirty()].iter().flat_map(pages) {
        let tables: Vec<&str> = between(&page, "<table", "</table>").collect();
        assert!(!tables.is_empty());
        for table in tables {
            assert!(table.contains("<caption>"), "{table}");
            let (columns, rows) =
                (table.matches("<th scope=\"col\"").count(), table.matches("<th scope=\"row\"").count());
            assert!(columns == 3 && rows > 0, "{table}");
            assert_eq!(table.matches("<th").count() - 1, columns + rows, "a header without a scope, in {table}"); // <thead
            assert_eq!(table.matches("<td").count(), rows * (columns - 1), "{table}");
        }
    }
}

#[test]
fn what_changes_is_marked_by_sign_and_word() {
    let page = thirty().view(|view| plan(view, ReportFormat::Html, Style::Plain));
    for (class, sign, word) in [("gain", '+', "gains"), ("lose", '−', "loses")] {
        let cell = format!("<td class=\"{class}\"");
        for rest in page.split(&cell).skip(1) {
            let cell = rest.split("</td>").next().unwrap();
            assert!(cell.contains(sign) && cell.contains(word), "{cell}");
        }
        assert!(page.contains(&cell));
    }
}

#[test]
fn hostile_text_only_shows() {
    for page in pages(&evil()) {
        let body = &page[page.find("<body>").unwrap()..];
        let before = &body[..body.find("<script>").unwrap()];
        for c in before.chars() {
            assert!(!c.is_control() && !crate::model::visible::is_hidden(c), "{c:?}");
        }
    }
    let mut world = World::new();
    let name = "</style></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
    let villain = crate::plan::change::Who { display_name: Some(name.into()), ..super::invented::who("Ola Vond") };
    world.grant_with(&villain, "ttd", "prod-operations", 5, None, Some(name));
    world.owner("ttd", name, crate::model::desired::OwnerFile::Read);
    for page in pages(&world) {
        assert_eq!(page.matches("<script>").count(), 1, "{page}");
        assert!(!page.contains("<img"));
    }
}
