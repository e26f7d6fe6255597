//! Whose marks are at the targets: ours, and those of other instances of tilgang.
//!
//! An instance whose name was changed by mistake finds nothing of its own, and everything made by "others": it would remove
//! nobody, and report that all is well. So marks of another instance are a finding, and where an owner's targets have no mark of
//! ours beside them nothing is changed: one owner that was written to under a misspelt name does not make it right for the others.
//! Anybody who may write a description can write such a mark: it stops writes, and explains none. What cannot be an
//! instance's name is not called one: it is a text like any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::civil::Date;

use crate::model::{
    assignment::Hand,
    desired::Desired,
    observed::Observed,
    owner::{InstanceName, OwnerCode},
    policy::Policy,
};

use super::{
    exceptions,
    finding::{Code, Finding},
    mark::{marked_by, standings},
    want::Wanted,
};

/// Whose marks are at the targets of the owners that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instances {
    /// What this instance is called.
    pub this: Option<InstanceName>,
    /// At each owner's targets.
    pub at: BTreeMap<OwnerCode, Marks>,
}

/// Whose marks are at one owner's targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// How many assignments are ours.
    pub ours: usize,
    /// How many bear the mark of another instance.
    pub others: BTreeMap<InstanceName, usize>,
}

/// This instance, and those whose marks alone are at the targets of some owners.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stranger {
    /// What this instance is called.
    pub this: InstanceName,
    /// The others, each with its number of assignments.
    pub others: BTreeMap<InstanceName, usize>,
    /// The owners, where others have marks of ours; none: no owner has.
    pub at: BTreeSet<OwnerCode>,
}

/// So many owners are named. Ours: the findings name them all.
const OWNERS_NAMED_MAX: usize = 5;

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the targets ")?;
        for (n, owner) in self.at.iter().take(OWNERS_NAMED_MAX).enumerate() {
            write!(f, "{}`{owner}`", if n == 0 { "of " } else { ", " })?;
        }
        match self.at.len().checked_sub(OWNERS_NAMED_MAX) {
            None if self.at.is_empty() => {}
            None | Some(0) => f.write_str(" ")?,
            Some(more) => write!(f, " and {more} more owners ")?,
        }
        f.write_str("have ")?;
        for (n, (name, count)) in self.others.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{} of the instance `{name}`", assignments(*count))?;
        }
        let names: Vec<&str> = self.others.keys().map(InstanceName::as_str).collect();
        let names = names.join(", ");
        write!(f, ", and none of this one, `{}`: nothing is changed. If this instance was renamed, ", self.this)?;
        write!(f, "write `former_instances: [{names}]` in `tilgang.yaml`")
    }
}

fn assignments(count: usize) -> String {
    format!("{count} assignment{}", if count == 1 { "" } else { "s" })
}

impl Instances {
    pub(super) fn of(desired: &Desired, observed: &Observed, wanted: &Wanted<'_>) -> Self {
        let mut at: BTreeMap<OwnerCode, Marks> = BTreeMap::new();
        for place in wanted.targets.values() {
            for standing in standings(observed, place) {
                let marks = at.entry(place.key.owner).or_default();
                marks.ours += usize::from(standing.hand == Hand::Ours);
                if let Some(other) = marked_by(standing) {
                    *marks.others.entry(other).or_default() += 1;
                }
            }
        }
        Self { this: Some(desired.instance.clone()), at }
    }

    /// One for each owner and instance.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let this = self.this.as_ref().map(ToString::to_string).unwrap_or_default();
        self.at.iter().flat_map(move |(owner, marks)| {
            let this = this.clone();
            marks.others.iter().map(move |(other, count)| {
                let number = assignments(*count);
                let message = format!(
                    "{number} at the owner's targets, made by another instance of tilgang: `{other}`; this one is `{this}`"
                );
                Finding::of_owner(Code::OtherInstance, *owner, None, None, message)
            })
        })
    }

    /// Other instances whose marks are at an owner's targets, and none of ours beside them; unless each of these findings is
    /// accepted.
    pub(super) fn stranger(&self, policy: &Policy, today: Date) -> Option<Stranger> {
        let mut findings: Vec<Finding> = self.findings().collect();
        exceptions::accept(&mut findings, &policy.accept, today);
        let unknown = findings.iter().filter(|finding| finding.accepted.is_none());
        let mut at: BTreeSet<OwnerCode> = unknown.filter_map(|finding| finding.owner).collect();
        at.retain(|owner| self.at.get(owner).is_some_and(|marks| marks.ours == 0));
        if at.is_empty() {
            return None;
        }
        let mut others: BTreeMap<InstanceName, usize> = BTreeMap::new();
        for (name, count) in at.iter().filter_map(|owner| self.at.get(owner)).flat_map(|marks| &marks.others) {
            *others.entry(name.clone()).or_default() += count;
        }
        if self.at.values().all(|marks| marks.ours == 0) {
            at.clear();
        }
        Some(Stranger { this: self.this.clone()?, others, at })
    }
}
