//! A review → text for a terminal: the rows by role, then what is beside them.

use super::{
    Asked,
    review::{Review, Row, SOON_DAYS, rows},
    who::section,
    words,
};
use crate::report::{
    Style,
    count::time,
    page::{Ink, Lead, Page},
    words::count,
};

pub(super) fn text(asked: &Asked<'_>, question: &Review<'_>, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(
        0,
        Ink::Strong,
        &format!("Access review of {}, as seen at {}", asked.owner(question.owner), time(asked.at)),
    );
    for words in head(asked, question) {
        page.line(0, Ink::Faint, &words);
    }
    let rows = rows(asked, question);
    for same in rows.chunk_by(|a, b| (&a.environment, &a.role) == (&b.environment, &b.role)) {
        let Some(first) = same.first() else { continue };
        page.gap();
        page.line(0, Ink::Strong, &title(first).to_uppercase());
        for row in same {
            put(&mut page, row);
        }
    }
    for (title, lines) in sections(asked, question) {
        section(&mut page, &title.to_uppercase(), lines);
    }
    page.gap();
    page.line(
        0,
        Ink::Plain,
        "decided by ______________________   date ____________   signature ______________________",
    );
    page.gap();
    page.last(&sums(asked, question, &rows));
    page.finish()
}

fn put(page: &mut Page, row: &Row) {
    let Row { person, sign_in, can, targets, by, assignment, why, until, soon, notes, .. } = row;
    let (name, ink) = (format!("[ ] keep  [ ] remove  {person}"), if *by == "git" { Ink::Gain } else { Ink::Mend });
    page.put(2, &[Lead { ink: Ink::Strong, text: &name, width: 0 }], Ink::Faint, sign_in);
    let can = if can.is_empty() { "what it permits is not known" } else { can };
    page.put(4, &[Lead { ink, text: by, width: 16 }], Ink::Plain, &format!("{can} in {targets}"));
    let soon = if *soon { ": soon" } else { "" };
    let until = until.as_ref().map(|until| format!("ends {until}{soon}"));
    for words in [why.as_str(), assignment].into_iter().filter(|words| !words.is_empty()) {
        page.line(22, Ink::Faint, words);
    }
    for words in until.iter().chain(notes) {
        page.line(22, Ink::Warn, words);
    }
}

/// `Prod: Prod Operations`.
pub(super) fn title(row: &Row) -> String {
    let role = if row.role.is_empty() { "no whole role" } else { &row.role };
    format!("{}: {role}", row.environment)
}

/// Who answers for the owner, and what the pack rests on.
pub(super) fn head(asked: &Asked<'_>, question: &Review<'_>) -> Vec<String> {
    let mut head = Vec::new();
    if let Some(owner) = asked.desired.owners.get(&question.owner) {
        head.extend(owner.contact.as_ref().map(|contact| format!("contact {contact}")));
        if !owner.reviewers.is_empty() {
            head.push(format!("reviewers {}", owner.reviewers.join(", ")));
        }
    }
    head.extend(question.commit.map(|commit| format!("git at commit {commit}")));
    head.push(match asked.desired.policy.member_of {
        Some(_) => "who belongs to the owner is proven by `users.member_of`".to_owned(),
        None => {
            "membership unproven: without `users.member_of` nothing says that a person belongs to the owner".to_owned()
        }
    });
    head
}

/// What stands beside the rows: title, and lines.
pub(super) fn sections(asked: &Asked<'_>, question: &Review<'_>) -> Vec<(String, Vec<String>)> {
    let listed = asked.access.listed.iter().filter(|listed| listed.grant.owner == question.owner);
    let not_so = listed.flat_map(|listed| {
        let at = words::place(&(asked.places)(&listed.grant.origin));
        let states = words::state(listed).into_iter();
        states.map(move |(words, _)| format!("{at}  {}, {}: {words}", listed.grant.user.name, listed.grant.role))
    });
    let finding = |it: &&crate::plan::finding::Finding| {
        let who = it.who.as_ref().map(|who| format!("{}: ", crate::report::words::short(who))).unwrap_or_default();
        let accepted = it.accepted.as_ref().map(|why| format!("; accepted: {why}")).unwrap_or_default();
        format!("{who}{} [{}]{accepted}", it.message, it.code.word())
    };
    let left = asked.access.holders.values().filter(|it| !it.being.can_act());
    let left = left.filter(|it| it.ways.iter().any(|way| way.target.owner == question.owner)).map(|holder| {
        let (name, more) = words::called(holder);
        let called = format!("{name} {more}");
        format!("{}: {}", called.trim(), words::being(holder.being).join(", "))
    });
    let ways = asked.access.holders.values().flat_map(|holder| &holder.ways);
    let groups = ways.filter(|way| way.target.owner == question.owner).filter_map(|way| way.through).collect();
    let mut sections = vec![
        ("Listed in git, and not so".to_owned(), not_so.collect()),
        ("Left behind".to_owned(), left.collect()),
        ("Also in groups".to_owned(), words::others(asked, &groups)),
        ("Denied".to_owned(), question.denials(asked).into_iter().map(|it| words::denial(asked, it)).collect()),
        ("Findings".to_owned(), question.findings(asked, false).iter().map(finding).collect()),
        ("Accepted findings".to_owned(), question.findings(asked, true).iter().map(finding).collect()),
    ];
    if let Some(since) = question.since {
        let lines = |known: &Result<Vec<String>, String>, what: &str| match known {
            Ok(lines) if lines.is_empty() => vec![format!("nothing in {what}")],
            Ok(lines) => lines.clone(),
            Err(why) => vec![format!("what changed in {what} is not known: {why}")],
        };
        let at = time(since.at);
        sections.push((format!("Changed in git since {at}"), lines(&since.git, "git")));
        sections.push((format!("Changed in Azure since {at}"), lines(&since.azure, "Azure")));
    }
    let unknown = asked.access.unknown.iter().map(|it| it.words.clone());
    sections.push(("Not known".to_owned(), unknown.collect()));
    sections.retain(|(_, lines): &(String, Vec<String>)| !lines.is_empty());
    sections
}

pub(super) fn sums(asked: &Asked<'_>, question: &Review<'_>, rows: &[Row]) -> Vec<String> {
    let people: std::collections::BTreeSet<(&str, &str)> =
        rows.iter().map(|row| (row.person.as_str(), row.sign_in.as_str())).collect();
    let not_git = rows.iter().filter(|row| row.by != "git").count();
    let soon = rows.iter().filter(|row| row.soon).count();
    let mut sums = vec![
        format!("Review: {} of {}", count(rows.len(), "way", "ways"), count(people.len(), "holder", "holders")),
        format!("{not_git} not by git"),
    ];
    if soon > 0 {
        sums.push(format!("{soon} end within {SOON_DAYS} days"));
    }
    let unknown = asked.access.unknown.len();
    if unknown > 0 {
        sums.push(format!("{unknown} not known"));
    }
    if !question.is_answered(asked) {
        sums.push("not whole: something could not be read".to_owned());
    }
    sums
}
