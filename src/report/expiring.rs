//! Grants that end soon, in words: the same in every format for people.

use crate::plan::expiring::Expiring;

use super::{facts::Facts, words};

/// Each with its place in git and what is to be said, the next to end first.
pub(super) fn lines(facts: &Facts<'_>) -> Vec<(String, String)> {
    let line = |expiring: &Expiring| {
        let Expiring { owner, role, user, until, left, origin, .. } = expiring;
        let left = match left {
            0 => "today is its last day".to_owned(),
            1 => format!("until {until}, tomorrow"),
            left => format!("until {until}, in {left} days"),
        };
        let (role, owner) = (words::role(facts.view, role), words::owner(facts.view, *owner));
        (facts.places([origin]), format!("{user}: {role} at {owner}, {left}"))
    };
    facts.view.plan.expiring.iter().map(line).collect()
}
