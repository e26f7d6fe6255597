//! Lines of git → what became of each, by what the plan has to say of it.

use std::collections::BTreeMap;

use super::{Listed, State, walk::person};
use crate::{
    model::{
        desired::{Desired, Origin},
        observed::Observed,
        owner::OwnerCode,
    },
    plan::{
        Plan,
        blocked::Blocked,
        change::{Action, Change},
    },
};

pub(super) fn listed<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    plan: &'a Plan,
    chosen: &impl Fn(OwnerCode) -> bool,
) -> Vec<Listed<'a>> {
    let mut due: BTreeMap<&Origin, Vec<&Change>> = BTreeMap::new();
    for change in plan.changes.iter().filter(|change| change.action != Action::Revoke) {
        for origin in &change.origins {
            due.entry(origin).or_default().push(change);
        }
    }
    let mut blocked: BTreeMap<&Origin, Vec<&Blocked>> = BTreeMap::new();
    for it in plan.blocked.iter().filter(|blocked| blocked.action != Action::Revoke) {
        for origin in &it.origins {
            blocked.entry(origin).or_default().push(it);
        }
    }
    let grants = desired.grants.iter().filter(|grant| chosen(grant.owner));
    let listed = grants.map(|grant| {
        let of_line = blocked.get(&grant.origin).into_iter().flatten();
        // What is about the person stands at the name, and may be about another of its lines.
        let of_person = blocked.get(&grant.user.origin).into_iter().flatten();
        let of_person = of_person.filter(|it| it.role.as_ref().is_none_or(|role| *role == grant.role));
        let blocked: Vec<&Blocked> = of_line.chain(of_person).copied().collect();
        let state = if grant.has_ended(plan.rules.today) {
            State::Ended
        } else if !blocked.is_empty() {
            State::Blocked(blocked)
        } else if let Some(due) = due.get(&grant.origin) {
            State::Due(due.clone())
        } else {
            State::Stands
        };
        Listed { grant, person: person(grant, observed), state }
    });
    listed.collect()
}
