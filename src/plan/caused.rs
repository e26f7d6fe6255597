//! Two plans made from one look at Azure, of git before a change and after it → what the change causes, and how much differed
//! before. Every entry of the plan afterwards is in exactly one of the two.
//!
//! Where something stands in a file is no part of it: a line further down is not another grant, but a second line that says the
//! same is. A number in a refusal or finding is none either: the eleventh of ten allowed is caused by whoever adds it, and the ten
//! were there.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    assignment::Triple,
    desired::{Desired, OwnerFile},
    ids::{AssignmentName, ScopeId},
    owner::{OwnerCode, RoleName},
};

use super::{
    Plan,
    approve::{Approval, Refused},
    blocked::{Block, Blocked},
    change::{Action, Change},
    finding::{Code, Finding},
    saved::Deed,
};

/// A plan, and what policy said to it.
pub type Judged<'a> = (&'a Plan, &'a Approval);

/// What a change to git causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caused {
    /// What of the plan would not be in it without the change.
    pub plan: Plan,
    /// What policy lets through and refuses of it.
    pub approval: Approval,
    /// The rest, as numbers.
    pub before: Before,
}

/// What differed before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseDiff {
    /// The commit it was at.
    pub commit: Option<String>,
    /// What differed anyway.
    pub before: Before,
    /// All that differs, this change's part included: for whoever shows how people stand.
    pub whole: Plan,
    /// Whether it said anything: else there was no workspace, or it could not be read, and all is caused.
    pub is_known: bool,
    /// Whether `tilgang.yaml` or an override was changed, too.
    pub rules: bool,
    /// Owners whose files had errors then, and have none now.
    pub fixed: BTreeSet<OwnerCode>,
}

/// What differs between git and Azure without the change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Changes that policy lets through.
    pub changes: usize,
    /// What cannot be done, or not safely.
    pub blocked: usize,
    /// Changes that policy refuses.
    pub refused: usize,
    /// Findings that nobody accepted.
    pub findings: usize,
    /// Findings that are accepted.
    pub accepted: usize,
    /// Parts of Azure that could not be read, and that the change does not touch.
    pub unread: usize,
    /// What of all this there would be without the change, and is not with it.
    pub settled: usize,
    /// Owners whose files had errors, and were not touched.
    pub left_out: BTreeSet<OwnerCode>,
}

impl Before {
    /// How many differences there are.
    #[must_use]
    pub fn differences(&self) -> usize {
        self.changes + self.blocked + self.refused
    }
}

/// Tells what of a plan the change from `base` causes. Without a `base` all of it is caused. `touched`: the owners of whom
/// git may say something else than before, as their files or the rules were changed.
#[must_use]
pub fn caused(
    desired: &Desired,
    (plan, approval): Judged<'_>,
    base: Option<Judged<'_>>,
    touched: &BTreeSet<OwnerCode>,
) -> Caused {
    let mut caused = Caused { plan: plan.clone(), approval: approval.clone(), before: Before::default() };
    let Some((was, was_approval)) = base else { return caused };
    let Caused { plan, approval: Approval { approved, refused }, before } = &mut caused;

    let there = changes_met(&(plan, approval), &(was, was_approval));
    plan.changes.retain(|change| !there.contains(&key(change)));
    approved.retain(|change| !there.contains(&key(change)));
    refused.retain(|refused| !there.contains(&key(&refused.change)));
    before.refused = approval.refused.len() - refused.len();
    before.changes = there.len() - before.refused;
    let mut in_both = there.len();

    let is_met = met(&plan.blocked, &was.blocked, place, |was, is| alike(&was.block, &is.block));
    before.blocked = take_out(&mut plan.blocked, &is_met);
    in_both += before.blocked;

    let is_met = met(&plan.findings, &was.findings, about, is_same);
    before.accepted =
        plan.findings.iter().zip(&is_met).filter(|(it, is_met)| **is_met && it.accepted.is_some()).count();
    before.findings = take_out(&mut plan.findings, &is_met) - before.accepted;
    in_both += before.findings + before.accepted;
    before.settled = (was.changes.len() + was.blocked.len() + was.findings.len()).saturating_sub(in_both);

    let concerns = |owner: Option<OwnerCode>| owner.is_none_or(|owner| touched.contains(&owner));
    let is_met: Vec<bool> = plan.unread.iter().map(|it| was.unread.contains(it) && !concerns(it.owner)).collect();
    before.unread = take_out(&mut plan.unread, &is_met);
    let broken = desired.owners.iter().filter(|(_, owner)| matches!(owner.file, OwnerFile::Broken(_)));
    before.left_out = broken.map(|(code, _)| *code).filter(|code| !touched.contains(code)).collect();
    plan.kept.retain(|owner, _| touched.contains(owner));
    plan.used.retain(|used| !was.used.contains(used));
    if refused.is_empty() {
        plan.protected.unresolved.retain(|it| !was.protected.unresolved.contains(it));
    }
    caused
}

/// For each entry, whether it was there. Each that was there answers for one: a second line that says the same is new.
fn met<'a, T, K: Ord>(is: &'a [T], was: &'a [T], key: impl Fn(&'a T) -> K, same: impl Fn(&T, &T) -> bool) -> Vec<bool> {
    let mut there: BTreeMap<K, Vec<&T>> = BTreeMap::new();
    for it in was {
        there.entry(key(it)).or_default().push(it);
    }
    let mut is_met = |it| {
        let left = there.get_mut(&key(it))?;
        let at = left.iter().position(|was| same(was, it))?;
        Some(left.remove(at))
    };
    is.iter().map(|it| is_met(it).is_some()).collect()
}

/// Takes out what was met; how many that were.
fn take_out<T>(all: &mut Vec<T>, is_met: &[bool]) -> usize {
    let (before, mut is_met) = (all.len(), is_met.iter());
    all.retain(|_| is_met.next() != Some(&true));
    before - all.len()
}

/// What a change is done to.
type Key = (Action, Triple, AssignmentName);

fn key(change: &Change) -> Key {
    (change.action, change.triple.clone(), change.name)
}

/// The changes that both plans have, refused in both for the same kinds of reason, or in neither.
fn changes_met((plan, approval): &Judged<'_>, (was, was_approval): &Judged<'_>) -> BTreeSet<Key> {
    let (now, then) = (codes(approval), codes(was_approval));
    let stood: BTreeMap<Key, &Change> = was.changes.iter().map(|change| (key(change), change)).collect();
    let is_met = |change: &Change| {
        let key = key(change);
        let same = stood.get(&key).is_some_and(|was| Deed::from(*was) == Deed::from(change));
        (same && now.get(&key) == then.get(&key)).then_some(key)
    };
    plan.changes.iter().filter_map(is_met).collect()
}

fn codes(approval: &Approval) -> BTreeMap<Key, BTreeSet<&'static str>> {
    let of = |refused: &Refused| refused.refusals().map(super::approve::Refusal::code).collect();
    approval.refused.iter().map(|refused| (key(&refused.change), of(refused))).collect()
}

type Place<'a> = (Option<OwnerCode>, &'a str, Action, Option<&'a RoleName>, Option<&'a ScopeId>);

fn place(it: &Blocked) -> Place<'_> {
    (it.owner, &it.who, it.action, it.role.as_ref(), it.scope.as_ref())
}

/// Whether it is blocked for the same reason: how many others are is none.
fn alike(was: &Block, is: &Block) -> bool {
    let counts = |block: &Block| matches!(block, Block::TooMany { .. } | Block::NoRoom { .. });
    was == is || counts(was) && was.code() == is.code()
}

type About<'a> = (Code, Option<OwnerCode>, Option<&'a ScopeId>, Option<&'a str>);

fn about(it: &Finding) -> About<'_> {
    (it.code, it.owner, it.scope.as_ref(), it.assignment.as_deref())
}

/// Whether it is the same finding, wherever its lines now stand.
fn is_same(was: &Finding, is: &Finding) -> bool {
    let counts = matches!(is.code, Code::TooMany | Code::NearLimit);
    let mut was = Finding { origins: is.origins.clone(), ..was.clone() };
    if counts {
        was.message.clone_from(&is.message);
    }
    was == *is
}
