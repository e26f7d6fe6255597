//! Markdown for a comment or a step summary: what is wrong first, then owner by owner who gains and who loses.
//!
//! `escape` is the only way out for text from YAML, Azure or git; `room` sees to it that a report fits where it is put. The first
//! line is a marker that nobody sees, by which CI finds the comment that it wrote before.

pub(super) mod escape;
mod owners;
mod room;

use std::fmt::Write as _;

use crate::{
    config::ConfigError,
    plan::{
        drift::Class,
        outcome::{Done, Outcome},
    },
};

use self::{
    escape::{bold, code, prose},
    room::{Entry, Section, together},
};
use super::{
    Checked, Reporter, View,
    closing::{self, Closing},
    count::time,
    expiring,
    facts::Facts,
    groups::{self, Affected, group},
    problems::{self, Kind, Problem},
    words::{Tense, count},
};

/// Markdown, as GitHub and Azure DevOps read it.
pub(super) struct Markdown;

impl Reporter for Markdown {
    fn checked(&self, checked: &Checked<'_>) -> String {
        let mut head = marker(checked.command, checked.folder) + "\n";
        let errors = checked.mistakes.len();
        let title = match checked.sizes {
            _ if errors > 0 => format!("{} in the files", count(errors, "error", "errors")),
            Some([owners, people, grants]) => format!(
                "Valid: {}, {}, {}",
                count(owners, "service owner", "service owners"),
                count(people, "person", "people"),
                count(grants, "grant", "grants"),
            ),
            None => "Nothing could be read".to_owned(),
        };
        let _ = write!(head, "## {title}\n\n"); // into a String: cannot fail
        let sections: Vec<Section> = mistakes(checked.mistakes).into_iter().collect();
        together(&head, &sections, &format!("*{}*\n", prose(checked.tool)), checked.fit)
    }

    fn plan(&self, view: &View<'_>) -> String {
        let facts = Facts::new(view);
        let mut sections: Vec<Section> = mistakes(view.mistakes).into_iter().collect();
        sections.extend(problems(&facts, &problems::keeps(&facts)));
        sections.extend(problems(&facts, &before(&facts)));
        sections.extend(owners::sections(&facts, facts.changes(), Tense::Will));
        sections.extend(problems(&facts, &problems::other_findings(&facts)));
        report(&facts, "plan", &sections, &closing::plan(&facts))
    }

    fn drift(&self, view: &View<'_>) -> String {
        let facts = Facts::new(view);
        let mut sections: Vec<Section> = mistakes(view.mistakes).into_iter().collect();
        sections.extend(problems(&facts, &before(&facts)));
        let mut sums = Vec::new();
        for class in Class::ALL.iter().copied() {
            let changes = || view.plan.changes.iter().filter(move |change| Class::of(change) == class);
            let findings = facts.open_findings(class);
            let number = facts.of_class(class);
            if number == 0 {
                continue;
            }
            sums.push((class, number));
            let mut entries = owners::entries(&facts, changes(), Tense::Is);
            for group in group(findings.into_iter(), |finding| (finding.code.word(), finding.message.clone())) {
                let about = groups::findings(&facts, &group.members);
                entries
                    .push(Entry { text: format!("- {}", prose(&group.message)), tells: usize::from(about.is_empty()) });
                entries.extend(affected(&facts, &about, "  ").into_iter().map(Entry::new));
            }
            for (place, words) in expiring::lines(&facts).into_iter().filter(|_| class == Class::ExpiringSoon) {
                entries.push(Entry::new(format!("- {}: {}", code(&place), prose(&words))));
            }
            if entries.is_empty() {
                continue; // what a lock stops stands above
            }
            let word = class.word();
            let heading = word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default();
            let mut intro = vec![prose(class.meaning())];
            intro.extend(changes().next().map(|_| format!("*How to fix it:* {}", prose(class.remedy()))));
            let title = format!("{heading} ({number})");
            sections.push(Section { fold: Some(title.clone()), name: word.to_owned(), title, intro, entries });
        }
        let others = problems::findings(&facts, |finding| Class::of_finding(finding.code).is_none());
        sections.extend(problems(&facts, &others));
        report(&facts, "drift", &sections, &closing::drift(&facts, &sums))
    }

    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String {
        let facts = Facts::new(view);
        let mut all = before(&facts);
        all.extend(problems::keeps(&facts));
        all.extend(problems::outcomes(&facts, outcomes));
        all.sort_by_key(|problem| problem.kind);
        let mut sections: Vec<Section> = mistakes(view.mistakes).into_iter().collect();
        sections.extend(problems(&facts, &all));
        let done = outcomes.iter().filter(|it| it.result == Ok(Done::Now)).map(|it| &it.change);
        sections.extend(owners::sections(&facts, done, Tense::Did));
        report(&facts, "apply", &sections, &closing::outcomes(&facts, outcomes))
    }
}

/// What stands before the changes.
fn before<'a>(facts: &Facts<'a>) -> Vec<Problem<'a>> {
    let loud = problems::loud(facts);
    let rest =
        [problems::refused(facts), problems::blocked(facts), problems::deferred(facts), problems::overrides(facts)];
    loud.into_iter().chain(rest.into_iter().flatten()).collect()
}

fn report(facts: &Facts<'_>, command: &str, sections: &[Section], closing: &Closing) -> String {
    let View { folder, fit, tool, observed_at, .. } = facts.view;
    let mut sums = closing.sums.iter();
    let title = sums.next().map(|sum| prose(sum)).unwrap_or_default();
    let rest: Vec<String> = sums.map(|sum| prose(sum)).collect();
    let mut head = format!("{}\n## {title}\n\n", marker(command, folder));
    if !rest.is_empty() {
        head.push_str(&rest.join("; "));
        head.push_str(".\n\n");
    }
    let mut tail = String::new();
    if !closing.next.is_empty() {
        let next: Vec<String> = closing.next.iter().map(|line| prose(line)).collect();
        tail.push_str(&next.join("  \n"));
        tail.push_str("\n\n");
    }
    let _ = writeln!(tail, "*{}, read from Azure at {}*", prose(tool), time(*observed_at)); // into a String: cannot fail
    together(&head, sections, &tail, *fit)
}

/// What CI finds its comment by: `<!-- tilgang:plan -->`, and where the workspace is no root, its folder. Whatever that is
/// called, it cannot end a comment.
fn marker(command: &str, folder: &str) -> String {
    let words = folder.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = std::iter::once(command).chain(words).collect();
    format!("<!-- tilgang:{} -->", words.join(" "))
}

/// Mistakes in the files, each at its line.
fn mistakes(errors: &[ConfigError]) -> Option<Section> {
    let entry = |problem: &Problem<'_>| {
        let Problem { message, more, place, code: rule, .. } = problem;
        let place = place.as_ref().map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default();
        let help = more.first().map(|help| format!("  \n  *How to fix it:* {}", prose(help))).unwrap_or_default();
        Entry::new(format!("- {} {} ({}){help}", code(&place), bold(message), code(rule)))
    };
    let entries: Vec<Entry> = problems::mistakes(errors).iter().map(entry).collect();
    let title = format!("{} ({})", title(Kind::Mistake), entries.len());
    (!entries.is_empty()).then(|| Section { name: title.clone(), title, entries, ..Section::default() })
}

/// A section for each kind of problem.
fn problems(facts: &Facts<'_>, problems: &[Problem<'_>]) -> Vec<Section> {
    let mut sections = Vec::new();
    for alike in problems.chunk_by(|a, b| a.kind == b.kind) {
        let Some(Problem { kind, .. }) = alike.first() else { continue };
        let entries: Vec<Entry> = alike.iter().flat_map(|problem| entries(facts, problem)).collect();
        let number: usize = alike.iter().map(|problem| problem.affected.len().max(1)).sum();
        let title = format!("{} ({number})", title(*kind));
        let fold = matches!(kind, Kind::Finding | Kind::Already).then(|| title.clone());
        sections.push(Section { name: title.clone(), title, intro: Vec::new(), entries, fold });
    }
    sections
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Mistake => "Errors in the files",
        Kind::NotRead => "Could not be read",
        Kind::LeftOut => "Left out",
        Kind::Attention => "Attention",
        Kind::Keeps => "Out of git, and keeps access",
        Kind::Failed => "Failed",
        Kind::Refused => "Refused by policy",
        Kind::Blocked => "Blocked",
        Kind::Moved => "Moved meanwhile",
        Kind::HeldBack => "Held back",
        Kind::NotTried => "Not tried",
        Kind::Expired => "Expired, and not removed",
        Kind::Deferred => "Left for another run",
        Kind::Override => "Beyond the limits, by an override",
        Kind::Already => "Was so already",
        Kind::Finding => "Findings",
    }
}

/// A problem: what is wrong, and below it whom it concerns and what helps.
fn entries(facts: &Facts<'_>, problem: &Problem<'_>) -> Vec<Entry> {
    let Problem { code: word, message, more, affected: whom, .. } = problem;
    let mut first = format!("- {} ({})", bold(message), code(word));
    for line in more {
        first.push_str("  \n  ");
        first.push_str(&prose(line));
    }
    let same = whom.windows(2).all(|pair| matches!(pair, [a, b] if a.help == b.help));
    if let Some(help) = whom.first().and_then(|one| one.help.as_deref()).filter(|_| same) {
        first.push_str("  \n  *How to fix it:* ");
        first.push_str(&prose(help));
    }
    let mut entries = vec![Entry { text: first, tells: usize::from(whom.is_empty()) }];
    for (one, text) in whom.iter().zip(affected(facts, whom, "  ")) {
        let help = one.help.as_deref().filter(|_| !same);
        entries.push(Entry::new(match help {
            Some(help) => format!("{text}  \n    *How to fix it:* {}", prose(help)),
            None => text,
        }));
    }
    entries
}

/// Whom it concerns, one line each.
fn affected(facts: &Facts<'_>, affected: &[Affected<'_>], indent: &str) -> Vec<String> {
    let line = |one: &Affected<'_>| {
        let place = facts.places(one.origins.iter().copied());
        let place = if place.is_empty() { String::new() } else { format!(" · {}", code(&place)) };
        format!("{indent}- {}{place}", prose(&one.words(facts)))
    };
    affected.iter().map(line).collect()
}
