//! `Plan` + policy → `ApprovedPlan` and what was refused. The one door between a plan and a write.
//!
//! Limits and `protected` refuse removals, a freeze any change, a commit older than one that was applied everything; whatever they do not concern, and other owners, goes on. A
//! limit refuses all it counts, never "the rest": nobody should lose access because of their place in the alphabet. Narrow
//! limits come first, and what they refuse leaves room under the wider ones; but whoever reads a refusal reads every
//! limit that is broken by all that was asked for. Overrides raise limits for the owners they name, and lift nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;

use crate::model::{
    desired::Revision,
    ids::AssignmentName,
    owner::OwnerCode,
    policy::{Freeze, Frozen, Override, Policy, SHARE_COUNTS_FROM, Whom},
};

use super::{
    Plan,
    change::{Action, Change},
    finding::Code,
    instances::Stranger,
};

/// So much of a commit's hash is said.
const COMMIT_CHARS: usize = 12;

/// A plan that may be carried out. Made by [`Plan::approve`] and by nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedPlan(Vec<Change>);

impl ApprovedPlan {
    /// What shall be done, in this order: grants, updates, revokes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// Leaves only some of it: what is approved stays so with less beside it.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Change) -> bool) {
        self.0.retain(keep);
    }
}

/// What policy made of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// What may be carried out.
    pub approved: ApprovedPlan,
    /// What may not.
    pub refused: Vec<Refused>,
}

/// A change that policy refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The change.
    pub change: Change,
    /// Why not.
    pub refusal: Refusal,
    /// What else stands against it.
    pub also: Vec<Refusal>,
}

impl Refused {
    /// Everything that stands against it.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        std::iter::once(&self.refusal).chain(&self.also)
    }
}

/// Why policy refuses a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The person is protected.
    Protected,
    /// An entry of `policy.protected` leads to nobody: while that is so, nobody can be told from them.
    ProtectedUnknown(Whom),
    /// A freeze lasts.
    Frozen(Freeze),
    /// More at one owner than `revokes.per_owner`.
    Owner(Count),
    /// More at one owner in prod than `revokes.prod_per_owner`.
    OwnerInProd(Count),
    /// A larger share of one owner's assignments than `revokes.share`.
    OwnerShare(Share),
    /// More in one run than `revokes.max`.
    All(Count),
    /// A larger share of all assignments than `revokes.share`.
    AllShare(Share),
    /// More ended in one run than `expiries.max`.
    Expiries(Count),
    /// A newer commit was applied before.
    OlderCommit(Applied),
    /// What is at the targets bears the marks of other instances, and nothing ours.
    OtherInstance(Stranger),
}

/// A commit that was applied before, as the ledger tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// Its hash.
    pub commit: String,
    /// When it was committed.
    pub time: Timestamp,
    /// Whether it follows from the commit that was read (or, if not, the other way round), where git knows both and one follows from
    /// the other. Else the times of the commits decide, which whoever made them could choose.
    pub follows: Option<bool>,
}

/// A number and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// How many there are.
    pub count: usize,
    /// How many there may be.
    pub max: usize,
}

/// A share and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// How many would be removed.
    pub count: usize,
    /// Of how many that stand.
    pub of: usize,
    /// How many percent there may be.
    pub max_percent: usize,
}

impl Applied {
    /// Whether the commit that was read is older than this, and another.
    #[must_use]
    pub fn is_newer_than(&self, read: &Revision) -> bool {
        match read {
            Revision::Commit { hash, .. } if self.commit == *hash => false,
            Revision::Commit { time, .. } => self.follows.unwrap_or(self.time > *time),
            Revision::NotInGit | Revision::Unknown(_) => false,
        }
    }
}

impl Refusal {
    /// A stable word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::ProtectedUnknown(_) => "protected-unknown",
            Self::Frozen(_) => "frozen",
            Self::Owner(_) => "revokes-per-owner",
            Self::OwnerInProd(_) => "revokes-prod-per-owner",
            Self::OwnerShare(_) | Self::AllShare(_) => "revokes-share",
            Self::All(_) => "revokes-max",
            Self::Expiries(_) => "expiries-max",
            Self::OlderCommit(_) => "older-commit",
            Self::OtherInstance(_) => Code::OtherInstance.word(),
        }
    }

    /// Whether it stands against the whole run, and nothing was asked of a change itself.
    #[must_use]
    pub fn is_of_run(&self) -> bool {
        matches!(self, Self::OlderCommit(_) | Self::OtherInstance(_))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |f: &mut fmt::Formatter<'_>, Share { count, of, max_percent }: &Share, whose: &str| {
            write!(f, "{count} of {of} assignments {whose} would go; `policy.revokes.share` allows {max_percent}%")
        };
        match self {
            Self::Protected => f.write_str("the person is in `policy.protected`"),
            Self::ProtectedUnknown(whom @ Whom::Name(_)) => {
                write!(
                    f,
                    "`policy.protected` names `{whom}`, whom Entra does not know; until that is corrected nothing is removed"
                )
            }
            Self::ProtectedUnknown(whom) => {
                write!(
                    f,
                    "`policy.protected` names `{whom}`, and who that is could not be found out; until then nothing is removed"
                )
            }
            Self::Frozen(Freeze { what, owner, until, reason, .. }) => {
                let what = match what {
                    Frozen::Removals => "removals",
                    Frozen::All => "all changes",
                };
                match owner {
                    Some(_) => write!(f, "{what} at this owner are frozen until {until}: {reason}"),
                    None => write!(f, "{what} are frozen until {until}: {reason}"),
                }
            }
            Self::Owner(Count { count, max }) => {
                write!(f, "{} at this owner; `policy.revokes.per_owner` allows {max}", removals(*count))
            }
            Self::OwnerInProd(Count { count, max }) => {
                write!(f, "{} at this owner in prod; `policy.revokes.prod_per_owner` allows {max}", removals(*count))
            }
            Self::OwnerShare(it) => share(f, it, "at this owner"),
            Self::All(Count { count, max }) => {
                write!(f, "{} in this run; `policy.revokes.max` allows {max}", removals(*count))
            }
            Self::AllShare(it) => share(f, it, "in all"),
            Self::Expiries(Count { count, max }) => {
                write!(f, "{count} grants ended; `policy.expiries.max` allows {max} in one run")
            }
            Self::OlderCommit(Applied { commit, time, .. }) => {
                let (commit, time) =
                    (commit.get(..COMMIT_CHARS).unwrap_or(commit), time.strftime("%Y-%m-%d %H:%M UTC"));
                write!(f, "commit {commit} of {time} was applied before, and the one that was read is older")
            }
            Self::OtherInstance(stranger) => stranger.fmt(f),
        }
    }
}

impl Plan {
    /// Takes out the changes that policy refuses, each with its reasons. The plan itself stays as it is, to be shown.
    #[must_use]
    pub fn approve(&self, policy: &Policy) -> Approval {
        let mut judge = Judge { plan: self, policy, refused: BTreeMap::new(), kept: BTreeSet::new() };
        judge.protected();
        judge.freezes();
        judge.kept = judge.refused.keys().copied().collect();
        judge.owners();
        judge.all();
        judge.expiries();
        let mut refused = Vec::new();
        let mut approved = Vec::new();
        for change in &self.changes {
            let mut refusals = judge.refused.remove(&change.name).unwrap_or_default().into_iter();
            match refusals.next() {
                Some(refusal) => {
                    refused.push(Refused { change: change.clone(), refusal, also: refusals.collect() });
                }
                None => approved.push(change.clone()),
            }
        }
        Approval { approved: ApprovedPlan(approved), refused }
    }
}

impl Approval {
    /// Refuses everything, grants too, if a newer commit than the one that was read was applied before: to run last week's job
    /// again is a normal thing to do, and must not undo this week's. Of a workspace that is not in git nothing is known.
    #[must_use]
    pub fn unless_older(self, read: &Revision, applied: Option<&Applied>) -> Self {
        let Some(applied) = applied.filter(|applied| applied.is_newer_than(read)) else { return self };
        self.none(&Refusal::OlderCommit(applied.clone()))
    }

    /// Refuses everything, if something stands against the whole run.
    pub(super) fn unless_halted(self, halted: Option<&Refusal>) -> Self {
        match halted {
            Some(refusal) => self.none(refusal),
            None => self,
        }
    }

    fn none(self, refusal: &Refusal) -> Self {
        let Self { approved, mut refused } = self;
        refused.extend(approved.0.into_iter().map(|change| Refused {
            change,
            refusal: refusal.clone(),
            also: Vec::new(),
        }));
        Self { approved: ApprovedPlan(Vec::new()), refused }
    }
}

struct Judge<'a> {
    plan: &'a Plan,
    policy: &'a Policy,
    refused: BTreeMap<AssignmentName, Vec<Refusal>>,
    /// What stays whatever the limits are: it counts under none of them.
    kept: BTreeSet<AssignmentName>,
}

impl<'a> Judge<'a> {
    fn revokes(&self) -> impl Iterator<Item = &'a Change> + use<'a> {
        self.plan.changes.iter().filter(|change| change.action == Action::Revoke)
    }

    /// Removals that are asked for: expiries, or all others.
    fn asked(&self, expiries: bool) -> impl Iterator<Item = &'a Change> {
        self.revokes().filter(move |it| it.because.is_expiry() == expiries && !self.kept.contains(&it.name))
    }

    fn refuse(&mut self, name: AssignmentName, refusal: &Refusal) {
        self.refused.entry(name).or_default().push(refusal.clone());
    }

    /// Holds removals against a limit; `breaks` says whether so many do. It refuses all of them, unless it is kept when those
    /// that were refused before are left out; they are told of it.
    fn limit(&mut self, asked: &[AssignmentName], breaks: impl Fn(usize) -> Option<Refusal>) {
        let Some(refusal) = breaks(asked.len()) else { return };
        let open = asked.iter().filter(|name| !self.refused.contains_key(*name)).count();
        let is_broken = breaks(open).is_some();
        for name in asked {
            if is_broken || self.refused.contains_key(name) {
                self.refuse(*name, &refusal);
            }
        }
    }

    fn protected(&mut self) {
        for change in self.revokes() {
            if let Some(unknown) = self.plan.protected.unresolved.first() {
                self.refuse(change.name, &Refusal::ProtectedUnknown(unknown.whom.clone()));
            }
            if self.plan.protected.ids.contains(&change.triple.principal) {
                self.refuse(change.name, &Refusal::Protected);
            }
        }
    }

    fn freezes(&mut self) {
        for freeze in &self.plan.rules.freezes {
            for change in &self.plan.changes {
                let stops = freeze.what == Frozen::All || change.action == Action::Revoke;
                if stops && freeze.owner.is_none_or(|owner| owner == change.owner) {
                    self.refuse(change.name, &Refusal::Frozen(freeze.clone()));
                }
            }
        }
    }

    /// A limit as it holds at an owner: the highest that `tilgang.yaml` and the overrides for this owner allow.
    fn raised(&self, owner: OwnerCode, base: usize, by: fn(&Override) -> Option<usize>) -> usize {
        let raised = self.plan.rules.overrides.iter().filter(|it| it.names(owner)).filter_map(by);
        raised.fold(base, usize::max)
    }

    fn owners(&mut self) {
        let mut by_owner: BTreeMap<OwnerCode, Vec<&Change>> = BTreeMap::new();
        for change in self.asked(false) {
            by_owner.entry(change.owner).or_default().push(change);
        }
        let limits = self.policy.revokes;
        for (owner, changes) in by_owner {
            // Where the environment is not known it may be prod.
            let in_prod =
                |it: &&&Change| it.environment.as_ref().is_none_or(|name| self.policy.production.contains(name));
            let prod: Vec<_> = changes.iter().filter(in_prod).map(|change| change.name).collect();
            let all: Vec<_> = changes.iter().map(|change| change.name).collect();
            let max = self.raised(owner, limits.prod_per_owner_max, |it| it.prod_per_owner_max);
            self.limit(&prod, |count| (count > max).then_some(Refusal::OwnerInProd(Count { count, max })));
            let max = self.raised(owner, limits.per_owner_max, |it| it.per_owner_max);
            self.limit(&all, |count| (count > max).then_some(Refusal::Owner(Count { count, max })));
            let max = self.raised(owner, limits.share_max_percent, |it| it.share_max_percent);
            let of = self.plan.standing.get(&owner).copied().unwrap_or_default();
            self.limit(&all, |count| too_large(count, of, max).map(Refusal::OwnerShare));
        }
    }

    fn all(&mut self) {
        let limits = self.policy.revokes;
        for (max, group) in self.by_limit(false, limits.max, |it| it.max) {
            self.limit(&group, |count| (count > max).then_some(Refusal::All(Count { count, max })));
        }
        let of = self.plan.standing.values().sum();
        for (max, group) in self.by_limit(false, limits.share_max_percent, |it| it.share_max_percent) {
            self.limit(&group, |count| too_large(count, of, max).map(Refusal::AllShare));
        }
    }

    fn expiries(&mut self) {
        for (max, group) in self.by_limit(true, self.policy.expiries_max, |it| it.expiries_max) {
            self.limit(&group, |count| (count > max).then_some(Refusal::Expiries(Count { count, max })));
        }
    }

    /// A limit of the whole run, raised for some owners: for each of its heights, what is asked for where it is no higher. So
    /// an override lets its own owners go further, and nobody else with them.
    fn by_limit(
        &self,
        expiries: bool,
        base: usize,
        by: fn(&Override) -> Option<usize>,
    ) -> BTreeMap<usize, Vec<AssignmentName>> {
        let asked: Vec<_> = self.asked(expiries).map(|it| (self.raised(it.owner, base, by), it.name)).collect();
        let heights: BTreeSet<usize> = asked.iter().map(|(max, _)| *max).collect();
        let below = |height: usize| asked.iter().filter(move |(max, _)| *max <= height).map(|(_, name)| *name);
        heights.into_iter().map(|height| (height, below(height).collect())).collect()
    }
}

fn removals(count: usize) -> String {
    format!("{count} removal{}", if count == 1 { "" } else { "s" })
}

fn too_large(count: usize, of: usize, max_percent: usize) -> Option<Share> {
    (of >= SHARE_COUNTS_FROM && count * 100 > max_percent * of).then_some(Share { count, of, max_percent })
}
