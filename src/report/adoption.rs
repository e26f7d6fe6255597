//! What an adoption found and did not list → text for people; and each such thing as a comment for an owner's file.

use crate::{
    model::ids::ScopeId,
    plan::finding::{Code, Finding},
};

use super::{
    Style, View,
    count::time,
    facts::Facts,
    page::{Ink, Page},
    problems, text_sections, words,
};

/// What an adoption lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Roles that people get in git.
    pub grants: usize,
    /// How many people.
    pub people: usize,
    /// Files that stood already.
    pub files: usize,
    /// Files that are new.
    pub new_files: usize,
}

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
    let Counted { grants, people, files, new_files } = counted;
    let sum = if files + new_files == 0 {
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

/// A finding as a comment in its owner's file; none where it may be otherwise in a minute, or is nothing about anybody.
#[must_use]
pub fn note(view: &View<'_>, finding: &Finding) -> Option<String> {
    let lasts = matches!(finding.code, Code::Unmanaged | Code::Orphaned | Code::Lookalike | Code::Inherited);
    let who = words::short(finding.who.as_ref().filter(|_| lasts && finding.accepted.is_none())?);
    let target = finding.scope.as_ref().filter(|scope| scope.is_resource()).map(ScopeId::last_segment);
    let role = finding.role.as_ref().map(|role| words::role(view, role));
    let what = match (role, target) {
        (Some(role), Some(target)) => format!(", {role} on {target}"),
        (Some(role), None) => format!(", {role}"),
        (None, Some(target)) => format!(", {target}"),
        (None, None) => String::new(),
    };
    Some(format!("{who}{what}: {}", finding.message))
}
