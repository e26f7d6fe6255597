//! The text of drift: the same facts by class, gravest first, each class with what it means and what mends it.

use crate::plan::{drift::Class, finding::Finding};

use super::{
    Style,
    count::{Count, time},
    facts::Facts,
    groups::{self, group},
    page::{Ink, Lead, Page},
    remedy,
    text::sections,
    text_sections,
    words::Tense,
};

pub(super) fn drift(facts: &Facts<'_>, style: Style) -> String {
    let mut page = Page::new(style);
    text_sections::loud(&mut page, facts);
    let mut sums = Vec::new();
    for class in Class::ALL.iter().copied() {
        let changes = || facts.view.plan.changes.iter().filter(move |change| Class::of(change) == class);
        let findings = open_findings(facts, class);
        let (number, to_mend) = (changes().count() + findings.len(), changes().next().is_some());
        if number == 0 {
            continue;
        }
        sums.push(format!("{number} {}", class.word()));
        page.gap();
        let label = format!("{} ({number})", class.word().to_uppercase());
        page.put(0, &[Lead { ink: Ink::Warn, text: &label, width: 0 }], Ink::Strong, remedy::meaning(class));
        if to_mend {
            page.line(0, Ink::Plain, &format!("remedy: {}", remedy::remedy(class)));
        }
        sections(&mut page, facts, &facts.sections(changes()), Tense::Is);
        for group in group(findings.into_iter(), |finding| (finding.code.word(), finding.message.clone())) {
            page.gap();
            text_sections::entry(&mut page, Ink::Mend, "* finding", &group.message);
            text_sections::people(&mut page, facts, &groups::findings(facts, &group.members));
        }
    }
    text_sections::blocked(&mut page, facts);
    text_sections::refused(&mut page, facts);
    text_sections::findings(&mut page, facts, |finding| Class::of_finding(finding.code).is_none());
    end(&mut page, facts, &sums);
    page.finish()
}

/// Findings of a class that nobody accepted.
fn open_findings<'a>(facts: &Facts<'a>, class: Class) -> Vec<&'a Finding> {
    let open = |finding: &&Finding| finding.accepted.is_none() && Class::of_finding(finding.code) == Some(class);
    facts.view.plan.findings.iter().filter(open).collect()
}

fn end(page: &mut Page, facts: &Facts<'_>, sums: &[String]) {
    let count = Count::of(facts);
    let checked = format!("checked at {}", time(facts.view.observed_at));
    page.gap();
    text_sections::next(page, facts, &count);
    let mut words = match sums {
        [] if count.is_converged() => {
            vec![format!("No drift: Azure is as git says; {} {checked}", count.unchanged_in_words())]
        }
        [] => vec![format!("No drift in what could be compared; {checked}")],
        sums => vec![format!("Drift: {}; {checked}", sums.join(", "))],
    };
    words.extend(count.rest());
    page.last(&words);
}
