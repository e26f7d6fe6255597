//! What belongs together: changes → items (one decision about one person) → people, or one reason shared by many.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{
        desired::{Grant, Origin, OwnerFile, Place},
        ids::{AssignmentName, PrincipalId},
        owner::{OwnerCode, RoleName},
    },
    plan::{
        change::{Action, Because, Change, Who},
        drift::Class,
        finding::Finding,
        pace,
        selection::Left,
    },
};

use super::{View, words};

/// So many people with one and the same reason are said once.
pub(super) const MANY: usize = 10;

/// Fewer seconds than this are not foretold.
const WORTH_SAYING: u64 = 10;

/// One decision about one person: a role at an owner, gained, put right or lost, with all its assignments.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    pub action: Action,
    pub owner: OwnerCode,
    pub role: Option<&'a RoleName>,
    pub who: &'a Who,
    pub because: &'a Because,
    pub origins: &'a [Origin],
    pub changes: Vec<&'a Change>,
}

/// Items in the order in which people read them.
#[derive(Debug, Default)]
pub(super) struct Sections<'a> {
    /// Reasons shared by many people.
    pub shared: Vec<Vec<Item<'a>>>,
    /// Everybody else: the items of one person each.
    pub people: Vec<Vec<Item<'a>>>,
}

/// A view, and what has to be looked up in it often.
pub(super) struct Facts<'a> {
    pub view: &'a View<'a>,
    grants: BTreeMap<&'a Origin, &'a Grant>,
    refused: BTreeSet<AssignmentName>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(view: &'a View<'a>) -> Self {
        let deferred = view.deferred.iter().filter_map(|it| match &it.what {
            Left::Change(change) => Some(change),
            Left::Blocked(_) => None,
        });
        let of_base = view.base.into_iter().flat_map(|base| &base.whole.changes);
        let changes = view.plan.changes.iter().chain(deferred).chain(of_base);
        let origins: BTreeSet<&Origin> = changes.flat_map(|change| &change.origins).collect();
        let grants = view.desired.grants.iter().filter(|grant| origins.contains(&grant.origin));
        let refused = view.refused.iter().map(|refused| refused.change.name).collect();
        Self { view, grants: grants.map(|grant| (&grant.origin, grant)).collect(), refused }
    }

    /// The changes that policy lets through.
    pub(super) fn changes(&self) -> impl Iterator<Item = &'a Change> + Clone {
        self.view.plan.changes.iter().filter(|change| !self.refused.contains(&change.name))
    }

    /// How many seconds the changes take at the least, where that is long enough to be said.
    pub(super) fn forecast(&self) -> Option<u64> {
        Some(pace::seconds(self.changes())).filter(|seconds| *seconds >= WORTH_SAYING)
    }

    /// An owner's file, at what stands for all of it.
    pub(super) fn file_of(&self, owner: OwnerCode) -> Option<Place> {
        match self.view.desired.file_of(owner) {
            OwnerFile::Read(file) | OwnerFile::Removed(file) | OwnerFile::Broken(file) => {
                Some((self.view.places)(&Origin { file, path: Box::default() }))
            }
            OwnerFile::Missing => None,
        }
    }

    /// How grave a change is: what is taken in production, what is taken elsewhere, what is given in production, the rest.
    pub(super) fn gravity(&self, change: &Change) -> u8 {
        let environment = change.environment.as_ref();
        // Where the environment is not known it may be production.
        let is_production = environment.is_none_or(|name| self.view.desired.policy.production.contains(name));
        match (change.action, is_production) {
            (Action::Revoke, true) => 0,
            (Action::Revoke, false) => 1,
            (Action::Grant, true) => 2,
            (Action::Adopt | Action::Update, true) => 3,
            (_, false) => 4,
        }
    }

    /// Findings of a class that nobody accepted.
    pub(super) fn open_findings(&self, class: Class) -> Vec<&'a Finding> {
        let open = |finding: &&Finding| finding.accepted.is_none() && Class::of_finding(finding.code) == Some(class);
        self.view.plan.findings.iter().filter(open).collect()
    }

    /// How many differences there are of a class. What is only blocked is counted apart, but for what a lock stops.
    pub(super) fn of_class(&self, class: Class) -> usize {
        let changes = self.view.plan.changes.iter().filter(|change| Class::of(change) == class).count();
        let blocked = self.view.plan.blocked.iter().filter(|it| Class::of_block(&it.block) == Some(class)).count();
        let rest = match class {
            Class::Blocked => return 0,
            Class::Locked => blocked,
            Class::ExpiringSoon => self.view.plan.expiring.len(),
            _ => 0,
        };
        changes + self.open_findings(class).len() + rest
    }

    /// The grants of git behind an item.
    pub(super) fn grants(&self, origins: &[Origin]) -> Vec<&'a Grant> {
        origins.iter().filter_map(|origin| self.grants.get(origin).copied()).collect()
    }

    /// Where an item stands in git, as people read it: `owners/ttd.yaml:8`.
    pub(super) fn places<'o>(&self, origins: impl IntoIterator<Item = &'o Origin>) -> String {
        let mut places: Vec<String> = Vec::new();
        for origin in origins {
            let place = (self.view.places)(origin);
            let text = format!("{}:{}", place.file, place.line);
            if !places.contains(&text) {
                places.push(text);
            }
        }
        places.join(", ")
    }

    /// The reason of an item that others may share; `None` where each stands for itself.
    fn reason(&self, item: &Item<'_>) -> (Action, Option<OwnerCode>, String) {
        let everywhere =
            matches!(item.because, Because::Stray(_) | Because::DescriptionChanged | Because::DescriptionLost);
        let owner = (!everywhere).then_some(item.owner);
        (item.action, owner, words::reason(self, item))
    }

    /// Sorts items into what many share and what is one person's.
    pub(super) fn sections(&self, changes: impl Iterator<Item = &'a Change>) -> Sections<'a> {
        let mut by_reason: BTreeMap<_, Vec<Item<'a>>> = BTreeMap::new();
        for item in items(changes) {
            by_reason.entry(self.reason(&item)).or_default().push(item);
        }
        let mut sections = Sections::default();
        let mut by_person: BTreeMap<_, Vec<Item<'a>>> = BTreeMap::new();
        for items in by_reason.into_values() {
            if people(&items) >= MANY {
                sections.shared.push(items);
                continue;
            }
            for item in items {
                by_person.entry(words::sorted_by(item.who)).or_default().push(item);
            }
        }
        sections.people = by_person.into_values().collect();
        for items in &mut sections.people {
            items.sort_by_key(|item| (item.owner, item.action, item.role));
        }
        sections
    }
}

/// How many people items are about.
pub(super) fn people(items: &[Item<'_>]) -> usize {
    items.iter().map(|item| item.who.id).collect::<BTreeSet<PrincipalId>>().len()
}

/// How many owners items are about.
pub(super) fn owners(items: &[Item<'_>]) -> BTreeSet<OwnerCode> {
    items.iter().map(|item| item.owner).collect()
}

/// Changes that are one decision become one item.
pub(super) fn items<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<Item<'a>> {
    let mut items: BTreeMap<_, Item<'a>> = BTreeMap::new();
    for change in changes {
        let Change { action, owner, role, who, because, origins, .. } = change;
        let key = (*owner, who.id, *action, role, because.to_string(), origins);
        let new =
            || Item { action: *action, owner: *owner, role: role.as_ref(), who, because, origins, changes: Vec::new() };
        items.entry(key).or_insert_with(new).changes.push(change);
    }
    items.into_values().collect()
}
