//! What an adoption found and did not list → text for people; and how much it lists.

use crate::app::adopt::Counted;

use super::{
    Style, View,
    count::time,
    facts::Facts,
    page::{Ink, Page},
    problems, text_sections, words,
};

/// What was left out and why, then the sum. The view's plan holds the findings, and how much git lists then of what stands.
#[must_use]
pub fn adoption(view: &View<'_>, counted: Counted, style: Style) -> String {
    let facts = Facts::new(view);
    let mut page = Page::new(style);
    text_sections::loud(&mut page, &facts);
    text_sections::problems(&mut page, &facts, &problems::findings(&facts, |_| true));
    page.gap();
    let findings = view.plan.findings.iter().filter(|finding| finding.accepted.is_none()).count();
    let findings =
        if findings == 0 { String::new() } else { format!("; {}", words::count(findings, "finding", "findings")) };
    let Counted { grants, people, subscriptions, files, new_files } = counted;
    let sum = if subscriptions == 0 {
        format!("Nothing was looked at: our identity sees no subscription (wrong tenant, or no role?){findings}")
    } else if files + new_files == 0 {
        let (stand, at) = (words::count(view.plan.unchanged, "assignment", "assignments"), time(view.observed_at));
        format!("Nothing to adopt: git lists all that a role can say; {stand} checked at {at}{findings}")
    } else {
        let new = match (files, new_files) {
            (_, 0) => String::new(),
            (0, 1) => " (new)".to_owned(),
            (0, _) => " (all new)".to_owned(),
            _ => format!(" ({new_files} new)"),
        };
        let (roles, people) = (words::count(grants, "role", "roles"), words::count(people, "person", "people"));
        format!("Adopt: {roles} of {people}, in {}{new}{findings}", words::count(files + new_files, "file", "files"))
    };
    page.line(0, Ink::Strong, &sum);
    page.finish()
}
