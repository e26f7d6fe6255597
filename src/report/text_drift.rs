//! The text of drift: the same facts by class, gravest first, each class with what it means and what mends it.

use crate::plan::{blocked::Block, drift::Class};

use super::{
    Style, closing, expiring,
    facts::Facts,
    groups::{self, group},
    page::{Ink, Lead, Page},
    problems,
    text::{ending, sections},
    text_sections,
    words::Tense,
};

pub(super) fn drift(facts: &Facts<'_>, style: Style) -> String {
    let mut page = Page::new(style);
    text_sections::loud(&mut page, facts);
    let mut sums = Vec::new();
    for class in Class::ALL.iter().copied().filter(|class| *class != Class::Blocked) {
        let changes = || facts.view.plan.changes.iter().filter(move |change| Class::of(change) == class);
        let findings = facts.open_findings(class);
        let stopped = problems::blocked_where(facts, |block| Class::of_block(block) == Some(class));
        let soon = if class == Class::ExpiringSoon { expiring::lines(facts) } else { Vec::new() };
        let number = facts.of_class(class);
        let has_remedy =
            changes().next().is_some() || matches!(class, Class::NoEffect | Class::RoleDefinition) || !soon.is_empty();
        if number == 0 {
            continue;
        }
        sums.push((class, number));
        page.gap();
        let label = format!("{} ({number})", class.word().to_uppercase());
        page.put(0, &[Lead { ink: Ink::Warn, text: &label, width: 0 }], Ink::Strong, class.meaning());
        if has_remedy {
            page.line(0, Ink::Plain, &format!("remedy: {}", class.remedy()));
        }
        sections(&mut page, facts, &facts.sections(changes()), Tense::Is);
        for group in group(findings.into_iter(), |finding| (finding.code.word(), finding.message.clone())) {
            page.gap();
            text_sections::entry(&mut page, Ink::Mend, "* finding", &group.message);
            text_sections::people(&mut page, facts, &groups::findings(facts, &group.members));
        }
        text_sections::problems(&mut page, facts, &stopped);
        if !soon.is_empty() {
            page.gap();
        }
        for (place, words) in soon {
            page.put(2, &[Lead { ink: Ink::Faint, text: &place, width: 0 }], Ink::Plain, &words);
        }
    }
    let is_locked = |block: &Block| Class::of_block(block) == Some(Class::Locked);
    text_sections::problems(&mut page, facts, &problems::blocked_where(facts, |block| !is_locked(block)));
    text_sections::problems(&mut page, facts, &problems::refused(facts));
    let others = problems::findings(facts, |finding| Class::of_finding(finding.code).is_none());
    text_sections::problems(&mut page, facts, &others);
    ending(&mut page, &closing::drift(facts, &sums));
    page.finish()
}
