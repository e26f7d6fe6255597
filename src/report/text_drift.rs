//! The text of drift: the same facts by class, gravest first, each class with what it means and what mends it.

use crate::plan::{blocked::Block, drift::Class, expiring::Expiring, finding::Finding};

use super::{
    Style,
    count::{Count, time},
    facts::Facts,
    groups::{self, group},
    page::{Ink, Lead, Page},
    remedy,
    text::sections,
    text_sections,
    words::{self, Tense},
};

pub(super) fn drift(facts: &Facts<'_>, style: Style) -> String {
    let mut page = Page::new(style);
    text_sections::loud(&mut page, facts);
    let (mut sums, mut beside) = (Vec::new(), Vec::new());
    for class in Class::ALL.iter().copied().filter(|class| *class != Class::Blocked) {
        let changes = || facts.view.plan.changes.iter().filter(move |change| Class::of(change) == class);
        let findings = open_findings(facts, class);
        let is_blocked = |block: &Block| Class::of_block(block) == Some(class);
        let blocked = facts.view.plan.blocked.iter().filter(|blocked| is_blocked(&blocked.block)).count();
        let soon = if class == Class::ExpiringSoon { facts.view.plan.expiring.len() } else { 0 };
        let number = changes().count() + findings.len() + blocked + soon;
        let has_remedy = changes().next().is_some() || soon > 0 || class == Class::NoEffect;
        if number == 0 {
            continue;
        }
        if class.differs() { &mut sums } else { &mut beside }.push(format!("{number} {}", class.word()));
        page.gap();
        let label = format!("{} ({number})", class.word().to_uppercase());
        page.put(0, &[Lead { ink: Ink::Warn, text: &label, width: 0 }], Ink::Strong, remedy::meaning(class));
        if has_remedy {
            page.line(0, Ink::Plain, &format!("remedy: {}", remedy::remedy(class)));
        }
        sections(&mut page, facts, &facts.sections(changes()), Tense::Is);
        for group in group(findings.into_iter(), |finding| (finding.code.word(), finding.message.clone())) {
            page.gap();
            text_sections::entry(&mut page, Ink::Mend, "* finding", &group.message);
            text_sections::people(&mut page, facts, &groups::findings(facts, &group.members));
        }
        text_sections::blocked_where(&mut page, facts, is_blocked);
        if soon > 0 {
            expiring(&mut page, facts);
        }
    }
    text_sections::blocked_where(&mut page, facts, |block| Class::of_block(block) != Some(Class::Locked));
    text_sections::refused(&mut page, facts);
    text_sections::findings(&mut page, facts, |finding| Class::of_finding(finding.code).is_none());
    end(&mut page, facts, &sums, &beside);
    page.finish()
}

/// Findings of a class that nobody accepted.
fn open_findings<'a>(facts: &Facts<'a>, class: Class) -> Vec<&'a Finding> {
    let open = |finding: &&Finding| finding.accepted.is_none() && Class::of_finding(finding.code) == Some(class);
    facts.view.plan.findings.iter().filter(open).collect()
}

/// Grants that end soon, a line each: the next to end first.
fn expiring(page: &mut Page, facts: &Facts<'_>) {
    page.gap();
    for Expiring { owner, role, user, until, left, origin, .. } in &facts.view.plan.expiring {
        let place = facts.places([origin]);
        let role = words::role(facts.view, role);
        let left = match left {
            0 => "today is its last day".to_owned(),
            1 => format!("until {until}, tomorrow"),
            left => format!("until {until}, in {left} days"),
        };
        let words = format!("{user}: {role} at {}, {left}", words::owner(facts.view, *owner));
        page.put(2, &[Lead { ink: Ink::Faint, text: &place, width: 0 }], Ink::Plain, &words);
    }
}

fn end(page: &mut Page, facts: &Facts<'_>, sums: &[String], beside: &[String]) {
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
    words.extend((!beside.is_empty()).then(|| beside.join(", ")));
    words.extend(count.rest());
    page.last(&words);
}
