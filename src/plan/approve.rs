//! `Plan` + policy → `ApprovedPlan` and what was refused. The one door between a plan and a write.
//!
//! Policy refuses only removals; grants, updates and other owners go on. A commit older than one that was applied is refused whole. A limit refuses all it counts, never "the rest":
//! nobody should lose access because of their place in the alphabet.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;

use crate::model::{
    desired::Revision,
    ids::{AssignmentName, UserName},
    owner::OwnerCode,
    policy::{Policy, SHARE_COUNTS_FROM},
};

use super::{
    Plan,
    change::{Action, Change},
};

/// So much of a commit's hash is said.
const COMMIT_CHARS: usize = 12;
/// The environment whose removals have a limit of their own.
const PROD: &str = "prod";

/// A plan that may be carried out. Made by [`Plan::approve`] and by nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedPlan(Vec<Change>);

impl ApprovedPlan {
    /// What shall be done, in this order: grants, updates, revokes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.0
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

/// A removal that policy refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The removal.
    pub change: Change,
    /// Why not.
    pub refusal: Refusal,
}

/// Why policy refuses a removal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The person is protected.
    Protected,
    /// A protected name means nobody that Entra knows: while that is so, nobody can be told from them.
    ProtectedUnknown(UserName),
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
}

/// A commit that was applied before, as the ledger tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// Its hash.
    pub commit: String,
    /// When it was committed.
    pub time: Timestamp,
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
            Revision::Commit { hash, time, .. } => self.time > *time && self.commit != *hash,
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
            Self::Owner(_) => "revokes-per-owner",
            Self::OwnerInProd(_) => "revokes-prod-per-owner",
            Self::OwnerShare(_) | Self::AllShare(_) => "revokes-share",
            Self::All(_) => "revokes-max",
            Self::Expiries(_) => "expiries-max",
            Self::OlderCommit(_) => "older-commit",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |f: &mut fmt::Formatter<'_>, Share { count, of, max_percent }: &Share, whose: &str| {
            write!(f, "{count} of {of} assignments {whose} would go; `policy.revokes.share` allows {max_percent}%")
        };
        match self {
            Self::Protected => f.write_str("the person is in `policy.protected`"),
            Self::ProtectedUnknown(name) => {
                write!(
                    f,
                    "`policy.protected` names `{name}`, whom Entra does not know; until that is corrected nothing is removed"
                )
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
            Self::OlderCommit(Applied { commit, time }) => {
                let (commit, time) =
                    (commit.get(..COMMIT_CHARS).unwrap_or(commit), time.strftime("%Y-%m-%d %H:%M UTC"));
                write!(f, "commit {commit} of {time} was applied before, and the one that was read is older")
            }
        }
    }
}

impl Plan {
    /// Takes out the removals that policy refuses, each with its reason. The plan itself stays as it is, to be shown.
    #[must_use]
    pub fn approve(&self, policy: &Policy) -> Approval {
        let mut judge = Judge { plan: self, policy, refused: BTreeMap::new() };
        judge.protected();
        judge.owners();
        judge.all();
        judge.expiries();
        let mut refused = Vec::new();
        let mut approved = Vec::new();
        for change in &self.changes {
            match judge.refused.get(&change.name) {
                Some(refusal) if change.action == Action::Revoke => {
                    refused.push(Refused { change: change.clone(), refusal: refusal.clone() });
                }
                _ => approved.push(change.clone()),
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
        let Self { approved, mut refused } = self;
        let refusal = Refusal::OlderCommit(applied.clone());
        refused.extend(approved.0.into_iter().map(|change| Refused { change, refusal: refusal.clone() }));
        Self { approved: ApprovedPlan(Vec::new()), refused }
    }
}

struct Judge<'a> {
    plan: &'a Plan,
    policy: &'a Policy,
    refused: BTreeMap<AssignmentName, Refusal>,
}

impl Judge<'_> {
    /// Removals that nothing has refused yet.
    fn open(&self, expiries: bool) -> impl Iterator<Item = &Change> {
        self.plan.changes.iter().filter(move |change| {
            change.action == Action::Revoke
                && change.because.is_expiry() == expiries
                && !self.refused.contains_key(&change.name)
        })
    }

    fn refuse(&mut self, names: Vec<AssignmentName>, refusal: &Refusal) {
        self.refused.extend(names.into_iter().map(|name| (name, refusal.clone())));
    }

    fn protected(&mut self) {
        if let Some(unknown) = self.plan.protected.unresolved.first() {
            let all = self.open(true).chain(self.open(false)).map(|change| change.name).collect();
            self.refuse(all, &Refusal::ProtectedUnknown(unknown.clone()));
        }
        let ids = &self.plan.protected.ids;
        let theirs = |change: &&Change| ids.contains(&change.triple.principal);
        let names = self.open(true).chain(self.open(false)).filter(theirs).map(|change| change.name).collect();
        self.refuse(names, &Refusal::Protected);
    }

    fn owners(&mut self) {
        let mut by_owner: BTreeMap<OwnerCode, Vec<(AssignmentName, bool)>> = BTreeMap::new();
        for change in self.open(false) {
            // Where the environment is not known it may be prod.
            let in_prod = change.environment.as_ref().is_none_or(|name| name.as_str() == PROD);
            by_owner.entry(change.owner).or_default().push((change.name, in_prod));
        }
        let limits = self.policy.revokes;
        for (owner, mut open) in by_owner {
            let prod: Vec<_> = open.iter().filter(|(_, in_prod)| *in_prod).map(|(name, _)| *name).collect();
            if prod.len() > limits.prod_per_owner_max {
                let count = Count { count: prod.len(), max: limits.prod_per_owner_max };
                self.refuse(prod, &Refusal::OwnerInProd(count));
                open.retain(|(_, in_prod)| !in_prod);
            }
            let all: Vec<_> = open.into_iter().map(|(name, _)| name).collect();
            if all.len() > limits.per_owner_max {
                let count = Count { count: all.len(), max: limits.per_owner_max };
                self.refuse(all, &Refusal::Owner(count));
                continue;
            }
            let of = self.plan.standing.get(&owner).copied().unwrap_or_default();
            if let Some(share) = too_large(all.len(), of, limits.share_max_percent) {
                self.refuse(all, &Refusal::OwnerShare(share));
            }
        }
    }

    fn all(&mut self) {
        let limits = self.policy.revokes;
        let all: Vec<AssignmentName> = self.open(false).map(|change| change.name).collect();
        if all.len() > limits.max {
            let count = Count { count: all.len(), max: limits.max };
            self.refuse(all, &Refusal::All(count));
            return;
        }
        if let Some(share) = too_large(all.len(), self.plan.standing.values().sum(), limits.share_max_percent) {
            self.refuse(all, &Refusal::AllShare(share));
        }
    }

    fn expiries(&mut self) {
        let ended: Vec<AssignmentName> = self.open(true).map(|change| change.name).collect();
        if ended.len() > self.policy.expiries_max {
            let count = Count { count: ended.len(), max: self.policy.expiries_max };
            self.refuse(ended, &Refusal::Expiries(count));
        }
    }
}

fn removals(count: usize) -> String {
    format!("{count} removal{}", if count == 1 { "" } else { "s" })
}

fn too_large(count: usize, of: usize, max_percent: usize) -> Option<Share> {
    (of >= SHARE_COUNTS_FROM && count * 100 > max_percent * of).then_some(Share { count, of, max_percent })
}
