//! Who gains and who loses, owner by owner: a sentence each, the gravest first.

use std::collections::BTreeMap;

use crate::{
    model::owner::OwnerCode,
    plan::change::{Action, Change},
};

use super::{
    super::{
        count,
        facts::{Facts, Item, people as people_of},
        words::{self, Tense},
    },
    escape::{code, harmless, prose},
    room::{Entry, Section},
};

/// So many names stand in one entry.
const NAMES_MAX: usize = 40;

/// A section for each owner, the gravest first.
pub(super) fn sections<'a>(facts: &Facts<'a>, changes: impl Iterator<Item = &'a Change>, tense: Tense) -> Vec<Section> {
    let mut by_owner: BTreeMap<OwnerCode, Vec<&'a Change>> = BTreeMap::new();
    for change in changes {
        by_owner.entry(change.owner).or_default().push(change);
    }
    let mut owners: Vec<_> = by_owner.into_iter().collect();
    owners.sort_by_key(|(owner, changes)| (changes.iter().map(|change| facts.gravity(change)).min(), *owner));
    let section = |(owner, changes): (OwnerCode, Vec<&'a Change>)| {
        let sums = count::people(&changes.iter().copied(), tense).unwrap_or_default();
        let name = words::owner(facts.view, owner);
        let known = harmless(&name).unwrap_or_else(|| owner.to_string());
        Section {
            title: format!("{}: {sums}", prose(&name)),
            intro: Vec::new(),
            entries: entries(facts, changes.into_iter(), tense),
            fold: Some(format!("{known}: {sums}")),
            name: known,
        }
    };
    owners.into_iter().map(section).collect()
}

/// A sentence for each decision about a person, or one for many with the same reason.
pub(super) fn entries<'a>(facts: &Facts<'a>, changes: impl Iterator<Item = &'a Change>, tense: Tense) -> Vec<Entry> {
    let sections = facts.sections(changes);
    let grave = |item: &Item<'_>| item.changes.iter().map(|change| facts.gravity(change)).min();
    let mut entries: Vec<(Option<u8>, Entry)> = Vec::new();
    for items in &sections.shared {
        entries
            .extend(shared(facts, items, tense).into_iter().map(|text| (items.iter().filter_map(grave).min(), text)));
    }
    for item in sections.people.iter().flatten() {
        entries.push((grave(item), Entry::new(sentence(facts, item, tense))));
    }
    entries.sort_by_key(|(gravity, _)| *gravity); // those alike stay in the order of people's names
    entries.into_iter().map(|(_, text)| text).collect()
}

/// *+ Siri Prøve gains Prod Operations until 31 January 2027: may read and change secrets in ttd-prod-keyvault*, and below it
/// where that stands, why, and the sign-in name.
fn sentence(facts: &Facts<'_>, item: &Item<'_>, tense: Tense) -> String {
    let (name, rest) = words::person(item.who);
    let verb = words::verb(item.action, tense);
    let who = if name.trim().is_empty() { words::short(item.who) } else { name };
    let until = words::until(item).map(|day| format!(" until {}", words::day(day))).unwrap_or_default();
    let at = if tense == Tense::Is { format!(" at {}", words::owner(facts.view, item.owner)) } else { String::new() };
    let role = item.role.map(|role| words::role(facts.view, role));
    let (what, colon) = match (item.action, role) {
        (Action::Adopt | Action::Update, Some(role)) => (format!("{who}: {role} {verb}"), ":"),
        (_, Some(role)) => (format!("{who} {verb} {role}"), ":"),
        (_, None) => (format!("{who} {verb}"), if at.is_empty() { "" } else { ":" }),
    };
    let what =
        format!("**{} {}**{}{colon}", sign(item.action, tense), prose(&what), prose_after(&format!("{at}{until}")));
    let mut text = format!("- {what} {}", prose(&words::effect(facts.view, item, tense)));
    let place = words::place(facts, item);
    let reason = words::reason(facts, item);
    let below = [
        Some(place).filter(|place| !place.is_empty()).map(|place| code(&place)),
        Some(reason).filter(|reason| !reason.is_empty()).map(|reason| prose(&reason)),
        Some(rest).filter(|rest| !rest.is_empty()).map(|rest| prose(&rest)),
    ];
    let below: Vec<String> = below.into_iter().flatten().collect();
    if !below.is_empty() {
        text.push_str("  \n  ");
        text.push_str(&below.join(" · "));
    }
    text
}

fn prose_after(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" {}", prose(text)) }
}

/// A minus that is no bullet.
fn sign(action: Action, tense: Tense) -> char {
    match words::sign(action, tense) {
        '-' => '−',
        sign => sign,
    }
}

/// One reason that many people share: the reason once, then what it does, with a count and the names.
fn shared(facts: &Facts<'_>, items: &[Item<'_>], tense: Tense) -> Vec<Entry> {
    let Some(first) = items.first() else { return Vec::new() };
    let reason = words::reason(facts, first);
    let reason = if reason.is_empty() { String::new() } else { format!(": {}", prose(&reason)) };
    let many = people_of(items);
    let sign = sign(first.action, tense);
    let verb = words::verbs(first.action, tense, many);
    let first = format!("- **{sign} {} {verb}**{reason}", words::count(many, "person", "people"));
    let mut entries = vec![Entry { text: first, tells: 0 }];
    let mut by_effect: BTreeMap<_, Vec<&Item<'_>>> = BTreeMap::new();
    for item in items {
        by_effect.entry((item.owner, item.role, words::what(facts, item, tense))).or_default().push(item);
    }
    for ((_, _, what), items) in by_effect {
        let mut names: Vec<_> = items.iter().map(|item| (words::sorted_by(item.who), words::short(item.who))).collect();
        names.sort();
        for names in names.chunks(NAMES_MAX) {
            let list: Vec<String> = names.iter().map(|(_, name)| code(name)).collect();
            let people = words::count(names.len(), "person", "people");
            let text = format!("  - {}  \n    {people}: {}", prose(&what), list.join(", "));
            entries.push(Entry { text, tells: names.len() });
        }
    }
    entries
}
