//! The platform team's rules, as data. `plan::approve` judges removals by them, `plan::content` who may hold what.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::civil::Date;

use super::{
    catalog::Pattern,
    code::Code,
    desired::Origin,
    ids::{PrincipalId, UserName},
    owner::{EnvironmentName, OwnerCode, RoleName},
    people::{Attribute, GroupKey},
};

/// `policy:` of `tilgang.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What happens to assignments that others made at managed targets.
    pub unmanaged: Unmanaged,
    /// What happens to grants by name to an account that is younger than the line of git that lists it.
    pub newer_than_line: NewerThanLine,
    /// Limits on removals.
    pub revokes: RevokeLimits,
    /// How many grants may end by their date in one run.
    pub expiries_max: usize,
    /// People who never lose anything by this program.
    pub protected: Vec<Protected>,
    /// What a grant must state, by role.
    pub require: BTreeMap<RoleName, BTreeSet<Required>>,
    /// Findings that are known.
    pub accept: Vec<Accept>,
    /// The longest that a grant may last from today, in days, by role.
    pub longest: BTreeMap<RoleName, i32>,
    /// How many people one owner may list with a role.
    pub holders_max: BTreeMap<RoleName, usize>,
    /// Accounts that get nothing new.
    pub block: BTreeSet<Account>,
    /// What proves that a person belongs to an owner; without it, nothing does.
    pub member_of: Option<MemberOf>,
    /// Times in which nothing is removed, or nothing changed.
    pub freezes: Vec<Freeze>,
    /// Dated exceptions to the limits: `overrides/*.yaml`.
    pub overrides: Vec<Override>,
    /// Environments in production: what is removed there has a limit of its own.
    pub production: BTreeSet<EnvironmentName>,
    /// The platform team: who reviews `tilgang.yaml` and `overrides/`, and owners that name nobody.
    pub reviewers: Vec<String>,
}

/// What happens to assignments that others made at managed targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmanaged {
    /// They are said.
    Report,
    /// They are removed: people only, exactly at managed targets, for managed role definitions.
    Revoke,
}

/// What happens to grants by name to an account that is younger than the line of git that lists it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewerThanLine {
    /// They are made, and reported.
    #[default]
    Report,
    /// They are not made until the line has an `id`.
    Block,
}

/// Limits on removals in one run; more than that is refused, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokeLimits {
    /// In all.
    pub max: usize,
    /// At one owner.
    pub per_owner_max: usize,
    /// At one owner in `prod`.
    pub prod_per_owner_max: usize,
    /// Of what stands, in percent: at one owner, and in all. Counts from [`SHARE_COUNTS_FROM`] assignments up.
    pub share_max_percent: usize,
}

/// Below so many standing assignments a share means nothing (octoDNS counts from ten records, too).
pub const SHARE_COUNTS_FROM: usize = 10;

/// A person who never loses anything by this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// Whom it names.
    pub whom: Whom,
    /// Where it stands.
    pub origin: Origin,
}

/// Who is meant by an entry of `policy.protected`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    /// The person with this sign-in name.
    Name(UserName),
    /// The person with this object id.
    Id(PrincipalId),
    /// Everybody in this group, through groups as well.
    Group(GroupKey),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Id(id) => write!(f, "id {id}"),
            Self::Group(key) => write!(f, "group {key}"),
        }
    }
}

/// A kind of account that policy can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// A guest from another tenant.
    Guest,
    /// One that nobody can sign in with.
    Disabled,
}

/// What proves that a person belongs to an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberOf {
    /// Being in the group with this display name, through groups as well.
    Group(Pattern),
    /// Having this value in a user's attribute, without regard to case.
    Attribute(Attribute, Pattern),
}

/// What a freeze stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frozen {
    /// Removals, whatever their reason.
    Removals,
    /// Every change.
    All,
}

/// A time in which nothing is removed, or nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Freeze {
    /// What it stops.
    pub what: Frozen,
    /// Only at this owner.
    pub owner: Option<OwnerCode>,
    /// The last day, UTC.
    pub until: Date,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub origin: Origin,
}

/// A dated exception to the limits on removals. It raises limits, and lifts nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// For these owners; `None` for all.
    pub owners: Option<BTreeSet<OwnerCode>>,
    /// In place of `revokes.max`.
    pub max: Option<usize>,
    /// In place of `revokes.per_owner`.
    pub per_owner_max: Option<usize>,
    /// In place of `revokes.prod_per_owner`.
    pub prod_per_owner_max: Option<usize>,
    /// In place of `revokes.share`.
    pub share_max_percent: Option<usize>,
    /// In place of `expiries.max`.
    pub expiries_max: Option<usize>,
    /// Why.
    pub reason: String,
    /// Where it was asked for.
    pub ticket: String,
    /// The last day, UTC.
    pub until: Date,
    /// Its file.
    pub origin: Origin,
}

impl Override {
    /// Whether it is for this owner.
    #[must_use]
    pub fn names(&self, owner: OwnerCode) -> bool {
        self.owners.as_ref().is_none_or(|owners| owners.contains(&owner))
    }
}

/// The last day that a grant of this role may state today; `None` where the policy sets no longest time.
#[must_use]
pub fn latest(policy: &Policy, role: &RoleName, today: Date) -> Option<Date> {
    policy.longest.get(role).map(|days| today.saturating_add(jiff::Span::new().days(i64::from(*days))))
}

/// What a grant can be made to state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Required {
    /// `reason`.
    Reason,
    /// `ticket`.
    Ticket,
    /// `until`.
    Until,
    /// `id`.
    Id,
}

/// A finding that is known and accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The finding's code.
    pub code: Code,
    /// Only for this person.
    pub person: Option<UserName>,
    /// Only at or below this scope.
    pub scope: Option<super::ids::ScopeId>,
    /// Why it is accepted.
    pub reason: String,
    /// The last day, UTC.
    pub until: Option<Date>,
    /// Where it stands.
    pub origin: Origin,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            unmanaged: Unmanaged::Report,
            newer_than_line: NewerThanLine::Report,
            revokes: RevokeLimits { max: 20, per_owner_max: 5, prod_per_owner_max: 3, share_max_percent: 25 },
            expiries_max: 200,
            protected: Vec::new(),
            require: BTreeMap::new(),
            accept: Vec::new(),
            longest: BTreeMap::new(),
            holders_max: BTreeMap::new(),
            block: BTreeSet::new(),
            member_of: None,
            freezes: Vec::new(),
            overrides: Vec::new(),
            production: BTreeSet::from([EnvironmentName::new("prod")]),
            reviewers: Vec::new(),
        }
    }
}
