//! The text of a plan: what could not be read, who gains and loses, what is blocked and refused, findings, the sums.

use std::collections::BTreeMap;

use crate::plan::{change::Action, outcome::Outcome};

use super::{
    Checked, Reporter, Style, View,
    closing::{self, Closing},
    facts::{Facts, Item, Sections, owners, people as people_of},
    page::{Ink, Lead, Page},
    problems, text_drift, text_outcomes, text_sections,
    words::{self, Tense},
};

/// Text for people.
pub(super) struct Text(pub Style);

impl Reporter for Text {
    fn checked(&self, checked: &Checked<'_>) -> String {
        match checked.sizes {
            Some([owners, people, grants]) if checked.mistakes.is_empty() => format!(
                "valid: {}, {}, {}\n",
                words::count(owners, "service owner", "service owners"),
                words::count(people, "person", "people"),
                words::count(grants, "grant", "grants"),
            ),
            _ => String::new(),
        }
    }

    fn plan(&self, view: &View<'_>) -> String {
        let facts = Facts::new(view);
        let mut page = Page::new(self.0);
        text_sections::loud(&mut page, &facts);
        text_sections::problems(&mut page, &facts, &problems::keeps(&facts));
        sections(&mut page, &facts, &facts.sections(facts.changes()), Tense::Will);
        text_sections::problems(&mut page, &facts, &problems::blocked(&facts));
        text_sections::problems(&mut page, &facts, &problems::refused(&facts));
        text_sections::problems(&mut page, &facts, &problems::deferred(&facts));
        text_sections::problems(&mut page, &facts, &problems::overrides(&facts));
        text_sections::problems(&mut page, &facts, &problems::other_findings(&facts));
        ending(&mut page, &closing::plan(&facts));
        page.finish()
    }

    fn drift(&self, view: &View<'_>) -> String {
        text_drift::drift(&Facts::new(view), self.0)
    }

    fn outcomes(&self, view: &View<'_>, outcomes: &[Outcome]) -> String {
        text_outcomes::outcomes(&Facts::new(view), outcomes, self.0)
    }
}

/// What to do next, and the sums as the last line.
pub(super) fn ending(page: &mut Page, closing: &Closing) {
    page.gap();
    for line in &closing.next {
        page.line(0, Ink::Plain, line);
    }
    page.last(&closing.sums);
}

/// Sign and colour of what happens to a person.
fn sign(item: &Item<'_>, tense: Tense) -> (Ink, String) {
    let ink = match (item.action, tense) {
        (Action::Adopt | Action::Update, _) => Ink::Mend,
        (Action::Grant, Tense::Will | Tense::Did) => Ink::Gain,
        (Action::Revoke, _) => Ink::Lose,
        (Action::Grant, Tense::Is) => Ink::Warn,
    };
    (ink, format!("{} {}", words::sign(item.action, tense), words::verb(item.action, tense)))
}

/// Who gains and who loses: what many share first, then person by person.
pub(super) fn sections(page: &mut Page, facts: &Facts<'_>, sections: &Sections<'_>, tense: Tense) {
    for items in &sections.shared {
        page.gap();
        shared(page, facts, items, tense);
    }
    for items in &sections.people {
        page.gap();
        person(page, facts, items, tense);
    }
}

/// One person: everything that changes for them, owner by owner.
fn person(page: &mut Page, facts: &Facts<'_>, items: &[Item<'_>], tense: Tense) {
    let Some(first) = items.first() else { return };
    let (name, rest) = words::person(first.who);
    page.put(0, &[Lead { ink: Ink::Strong, text: &name, width: 0 }], Ink::Faint, &rest);
    let width = items.iter().map(|item| sign(item, tense).1.len()).max().unwrap_or_default();
    let why = |item: &Item<'_>| (words::place(facts, item), words::reason(facts, item));
    for (index, item) in items.iter().enumerate() {
        let (ink, sign) = sign(item, tense);
        page.put(2, &[Lead { ink, text: &sign, width }], Ink::Plain, &words::what(facts, item, tense));
        let (place, reason) = why(item);
        let next_says_it = items.get(index + 1).is_some_and(|next| {
            (next.owner, next.action) == (item.owner, item.action) && why(next) == (place.clone(), reason.clone())
        });
        if !(next_says_it || place.is_empty() && reason.is_empty()) {
            page.put(width + 4, &[Lead { ink: Ink::Faint, text: &place, width: 0 }], Ink::Faint, &reason);
        }
    }
}

/// One reason that many people share: the reason, then what it does, with a count and the names.
fn shared(page: &mut Page, facts: &Facts<'_>, items: &[Item<'_>], tense: Tense) {
    let Some(first) = items.first() else { return };
    let many = words::count(people_of(items), "person", "people");
    let at = match owners(items).into_iter().collect::<Vec<_>>().as_slice() {
        [one] => words::owner(facts.view, *one),
        several => words::count(several.len(), "owner", "owners"),
    };
    let reason = words::reason(facts, first);
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    page.line(0, Ink::Strong, &format!("{many} at {at}{reason}"));
    let mut by_effect: BTreeMap<_, Vec<&Item<'_>>> = BTreeMap::new();
    for item in items {
        by_effect.entry((item.owner, item.role, words::what(facts, item, tense))).or_default().push(item);
    }
    let (ink, sign) = sign(first, tense);
    for ((_, _, what), items) in by_effect {
        page.put(2, &[Lead { ink, text: &sign, width: 0 }], Ink::Plain, &what);
        let mut names: Vec<_> = items.iter().map(|item| (words::sorted_by(item.who), words::short(item.who))).collect();
        names.sort();
        let names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
        let count = format!("{}:", words::count(names.len(), "person", "people"));
        let indent = sign.len() + 4;
        page.put(indent, &[Lead { ink: Ink::Plain, text: &count, width: 0 }], Ink::Plain, &names.join(", "));
    }
}
