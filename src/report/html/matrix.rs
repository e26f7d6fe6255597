//! Who holds what at whom, and what changes: people × roles, per owner. Data; how it looks is elsewhere.

use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    model::{
        desired::{Grant, Origin, OwnerFile},
        owner::{EnvironmentName, OwnerCode, RoleName},
    },
    plan::{
        blocked::Blocked,
        change::{Action, Change, Who},
        selection::Left,
    },
};

use super::super::{
    facts::Facts,
    words::{self, Tense},
};

/// Beyond so many people only those are listed for whom something changes: a page of more is slow to open.
const PEOPLE_MAX: usize = 20_000;

/// What a person has of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Git lists it, and nothing more is known: a run looks at what it changes.
    Listed,
    /// It stands, as git says.
    Holds,
    /// Git lists it; it is not given.
    Blocked,
    /// It would go, and stays.
    Refused,
    /// It is left for another run.
    Deferred,
    /// It was tried.
    Failed,
    /// It differed before the change that is shown, and still does.
    Before(Action),
    /// It cannot be done, and could not before the change that is shown.
    BlockedBefore,
    Changes(Action, Tense),
}

/// One cell.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub state: State,
    pub until: Option<Date>,
    /// Where git says so.
    pub origin: Option<Origin>,
}

/// One person at an owner.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// What people call somebody; empty where only the sign-in name is known.
    pub name: String,
    pub sign_in: String,
    pub cells: BTreeMap<RoleName, Cell>,
}

impl Row {
    pub(super) fn is_changed(&self) -> bool {
        let unchanged = |state| matches!(state, State::Holds | State::Listed | State::Before(_) | State::BlockedBefore);
        self.cells.values().any(|cell| !unchanged(cell.state))
    }
}

/// One owner.
#[derive(Debug, Default)]
pub(super) struct Owner<'a> {
    /// By sign-in name, in small letters.
    pub rows: BTreeMap<String, Row>,
    pub changes: Vec<&'a Change>,
    /// People who are not listed here, as nothing changes for them and there are too many.
    pub more: usize,
    /// Its file, where that has errors: who is listed there is not known.
    pub unread: Option<String>,
}

/// Every owner that has people, or changes.
#[derive(Debug)]
pub(super) struct Matrix<'a> {
    pub owners: BTreeMap<OwnerCode, Owner<'a>>,
    pub tense: Tense,
}

impl<'a> Matrix<'a> {
    pub(super) fn new(facts: &Facts<'a>, changes: impl Iterator<Item = &'a Change>, tense: Tense) -> Self {
        let view = facts.view;
        let today = view.observed_at.to_zoned(TimeZone::UTC).date();
        let mut matrix = Self { owners: BTreeMap::new(), tense };
        let wanted =
            |grant: &&Grant| view.owners.is_none_or(|owners| owners.contains(&grant.owner)) && !grant.has_ended(today);
        let standing = if tense == Tense::Did { State::Listed } else { State::Holds };
        for grant in view.desired.grants.iter().filter(wanted) {
            let cell = Cell { state: standing, until: grant.until, origin: Some(grant.origin.clone()) };
            matrix.put(grant.owner, "", grant.user.name.as_str(), &grant.role, cell);
        }
        if let Some(base) = view.base {
            // What the change does not cause is no part of the plan, and people do not hold it for that.
            base.whole.blocked.iter().for_each(|blocked| matrix.blocked(blocked, State::BlockedBefore));
            for change in &base.whole.changes {
                matrix.change(facts, change, State::Before(change.action));
            }
        }
        for (code, owner) in &view.desired.owners {
            if let OwnerFile::Broken(_) = owner.file
                && view.owners.is_none_or(|owners| owners.contains(code))
            {
                matrix.owners.entry(*code).or_default().unread = facts.file_of(*code).map(|place| place.file);
            }
        }
        view.plan.blocked.iter().for_each(|blocked| matrix.blocked(blocked, State::Blocked));
        for refused in view.refused {
            matrix.change(facts, &refused.change, State::Refused);
        }
        for deferred in view.deferred {
            match &deferred.what {
                Left::Change(change) => matrix.change(facts, change, State::Deferred),
                Left::Blocked(blocked) => matrix.blocked(blocked, State::Blocked),
            }
        }
        for change in changes {
            matrix.change(facts, change, State::Changes(change.action, tense));
            matrix.owners.entry(change.owner).or_default().changes.push(change);
        }
        matrix.bounded()
    }

    /// Changes that were tried and not made.
    pub(super) fn failed(&mut self, facts: &Facts<'a>, changes: impl Iterator<Item = &'a Change>) {
        for change in changes {
            self.change(facts, change, State::Failed);
        }
    }

    /// How many people are listed.
    pub(super) fn people(&self) -> usize {
        self.owners.values().map(|owner| owner.rows.len()).sum()
    }

    /// Where the owners stand in the page: an id, the name, how many changes.
    pub(super) fn links(&self, facts: &Facts<'_>) -> Vec<(String, String, usize)> {
        let link = |(code, owner): (&OwnerCode, &Owner<'_>)| {
            let changed = owner.rows.values().filter(|row| row.is_changed()).count();
            (format!("owner-{code}"), words::owner(facts.view, *code), changed)
        };
        self.owners.iter().map(link).collect()
    }

    fn blocked(&mut self, blocked: &Blocked, state: State) {
        if let (Some(owner), Some(role), Action::Grant) = (blocked.owner, &blocked.role, blocked.action) {
            let cell = Cell { state, until: None, origin: blocked.origins.first().cloned() };
            self.put(owner, "", &blocked.who, role, cell);
        }
    }

    fn change(&mut self, facts: &Facts<'_>, change: &Change, state: State) {
        // A part of a role that is gone has no column; it stands in the list of changes.
        let Some(role) = &change.role else { return };
        // What git lists stands under the name that git has.
        let listed = facts.grants(&change.origins).first().map(|grant| grant.user.name.as_str().to_owned());
        let (name, sign_in) = called(&change.who);
        let until = match &change.because {
            crate::plan::change::Because::Listed { until, .. } => *until,
            _ => None,
        };
        let cell = Cell { state, until, origin: change.origins.first().cloned() };
        self.put(change.owner, &name, listed.as_deref().unwrap_or(&sign_in), role, cell);
    }

    fn put(&mut self, owner: OwnerCode, name: &str, sign_in: &str, role: &RoleName, cell: Cell) {
        let rows = &mut self.owners.entry(owner).or_default().rows;
        let row = rows.entry(sign_in.to_lowercase()).or_default();
        sign_in.clone_into(&mut row.sign_in);
        if !name.is_empty() {
            name.clone_into(&mut row.name);
        }
        let new = cell.clone();
        row.cells.entry(role.clone()).and_modify(|old| *old = new).or_insert(cell);
    }

    fn bounded(mut self) -> Self {
        if self.people() > PEOPLE_MAX {
            for owner in self.owners.values_mut() {
                let all = owner.rows.len();
                owner.rows.retain(|_, row| row.is_changed());
                owner.more = all - owner.rows.len();
            }
        }
        self
    }
}

/// The roles of an environment, in the catalogue's order.
pub(super) fn roles<'f>(facts: &Facts<'f>, environment: &EnvironmentName) -> Vec<(&'f RoleName, &'f str, &'f str)> {
    let roles = facts.view.desired.catalog.roles.iter().filter(|(_, role)| role.environment == *environment);
    roles.map(|(name, role)| (name, role.title.as_str(), role.may.as_str())).collect()
}

/// What somebody is called, and what tells them apart.
fn called(who: &Who) -> (String, String) {
    let (name, rest) = words::person(who);
    match &who.name {
        Some(sign_in) if rest.is_empty() => (String::new(), sign_in.to_string()),
        _ => (name, rest),
    }
}
