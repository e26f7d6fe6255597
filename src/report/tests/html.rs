//! The page by itself: complete, closed to the outside, tables with headers; hostile text only shows. How it works in a browser:
//! `tests/program/browser.rs`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use crate::{
    plan::{
        caused::BaseDiff,
        outcome::{Done, Failure, Outcome},
    },
    report::{ReportFormat, Style, View, drift, outcomes, plan},
};

use super::{
    golden::{check, everything},
    hostile::evil,
    invented::{trouble, who},
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

/// The words in the cells of a person, in the order of the roles.
fn cells(page: &str, person: &str) -> Vec<String> {
    let rows = between(page, "<tr", "</tr>").filter(|row| row.contains(person) && row.contains("<th scope=\"row\""));
    rows.flat_map(|row| between(row, "<span class=\"word\">", "</span>").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// What a change does not cause is no part of its plan; who waits for a grant, or keeps what git took, holds it no less for that.
#[test]
fn beside_a_change_everybody_is_shown_as_they_are() {
    let mut world = World::new();
    let (kari, ola, siri) = (who("Kari Fiktiv"), who("Ola Dikt"), who("Siri Proeve"));
    world.grant(&kari, "ttd", "prod-operations", 5);
    world.grant(&ola, "ttd", "prod-operations", 6);
    world.grant(&siri, "ttd", "prod-operations", 7);
    // Siri holds it; Kari's grant is of this change, Ola's was open before.
    let mut whole = world.plan.clone();
    whole.changes.retain(|change| change.who.name != siri.name);
    world.plan.changes.retain(|change| change.who.name == kari.name);
    let base = BaseDiff {
        commit: None,
        before: crate::plan::caused::Before::default(),
        whole,
        is_known: true,
        rules: false,
        fixed: std::collections::BTreeSet::new(),
    };
    let page = world.view(|view| plan(&View { base: Some(&base), ..*view }, ReportFormat::Html, Style::Plain));
    let of =
        |who: &crate::plan::change::Who| cells(&page, who.name.as_ref().unwrap().as_str().split('@').next().unwrap());
    assert_eq!(of(&kari), ["gains"], "{page}");
    assert_eq!(of(&ola), ["not granted yet"], "{page}");
    assert_eq!(of(&siri), ["holds"], "{page}");
}

/// An owner's file with errors: who is listed there is not known, which is not "nobody".
#[test]
fn an_owner_whose_file_has_errors_is_not_empty() {
    let mut world = World::new();
    world.owner("skd", "Skatteetaten", crate::model::desired::OwnerFile::Broken);
    for page in pages(&world) {
        let section = between(&page, "id=\"owner-skd\"", "</section>").next().unwrap();
        assert!(section.contains("Not known:") && section.contains("has errors"), "{section}");
        assert!(!section.contains("nobody") && !section.contains("no change"), "{section}");
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
