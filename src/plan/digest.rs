//! A digest of the facts from Azure that a plan was made of: if it is the same, the facts are.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::model::{
    assignment::Standing,
    observed::{Observed, Reading, Sighting},
    people::{ByName, HasAttribute, InGroup},
};

/// `sha256:…` over targets, their state, what stands at them, and who people are. When it was seen is no part of it.
#[must_use]
pub fn digest(observed: &Observed) -> String {
    let mut facts = Facts { line: String::new(), digest: Sha256::new() };
    for (key, sighting) in &observed.targets {
        match sighting {
            Sighting::Found(target) => {
                facts.add(&format_args!("{key:?} {} {:?}", target.scope.folded(), target.impediments));
            }
            Sighting::Missing(_) => facts.add(&format_args!("{key:?} missing")),
            Sighting::Several(scopes) => facts.add(&format_args!("{key:?} {scopes:?}")),
            Sighting::Unseen(_) => facts.add(&format_args!("{key:?} unseen")),
        }
    }
    for (id, subscription) in &observed.subscriptions {
        let Reading::Seen(scopes) = &subscription.reading else {
            facts.add(&format_args!("{id} unseen"));
            continue;
        };
        for standings in scopes.values() {
            let mut standings: Vec<&Standing> = standings.iter().collect();
            standings.sort_by_key(|standing| standing.assignment.name);
            for Standing { assignment, hand, pim } in standings {
                let triple = &assignment.triple;
                facts.add(&format_args!(
                    "{} {} {} {} {hand} {pim:?} {:?} {:?}",
                    assignment.name,
                    triple.scope.folded(),
                    triple.principal,
                    triple.definition,
                    assignment.condition,
                    assignment.description,
                ));
            }
        }
    }
    for (name, answer) in &observed.people.by_name {
        match answer {
            ByName::Person(person) => {
                facts.add(&format_args!("{} {} {} {}", name.folded(), person.id, person.enabled, person.guest));
            }
            ByName::Nobody(_) => facts.add(&format_args!("{} nobody", name.folded())),
            ByName::Unanswered(_) => facts.add(&format_args!("{} unanswered", name.folded())),
        }
    }
    for (key, answer) in &observed.people.groups {
        match answer {
            InGroup::Members(members) => facts.add(&format_args!("group {key} {members:?}")),
            InGroup::Missing => facts.add(&format_args!("group {key} missing")),
            InGroup::Several(count) => facts.add(&format_args!("group {key} {count}")),
            InGroup::Unanswered(_) => facts.add(&format_args!("group {key} unanswered")),
        }
    }
    for (id, answer) in &observed.people.attributes {
        match answer {
            HasAttribute::Value(value) => facts.add(&format_args!("attribute {id} {value:?}")),
            HasAttribute::Nothing => facts.add(&format_args!("attribute {id} nothing")),
            HasAttribute::Unanswered(_) => facts.add(&format_args!("attribute {id} unanswered")),
        }
    }
    facts.end()
}

struct Facts {
    line: String,
    digest: Sha256,
}

impl Facts {
    fn add(&mut self, fact: &std::fmt::Arguments<'_>) {
        self.line.clear();
        let _ = self.line.write_fmt(*fact); // writing to a String does not fail
        self.line.push('\n');
        self.digest.update(self.line.as_bytes());
    }

    fn end(self) -> String {
        let mut text = "sha256:".to_owned();
        for byte in self.digest.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}
