//! `Desired` + `Observed` → `Plan`; `Plan` + policy → `ApprovedPlan`. Pure: no IO, no async, no clock (the day is an argument).
//!
//! [`plan`] walks in steps, each a file: names become people (`resolve`), grants become assignments at targets
//! (`want`), and those are compared with what stands (`compare`); what
//! stands and is not wanted goes if that is proven (`removal`, `doubt`), and a name that led to another account before gives and
//! takes nothing (`changed_hands`, `unlisted`). What may make changes fail is said (`room`,
//! `standstill`), and what others gave beside it (`effect`, `wider`). What is unknown blocks what depends on it, and is said. Who
//! may hold what is judged in `content`; `approve` is the door, and `settle` says what going through it comes to. What one
//! change to git causes, beside all that differed before, is told by `caused` and `taken`.
//! The other way round, `adopt` says what git would have to state so that a plan has nothing to do (`stated` tries it out), and
//! `mark` what of others' can be made ours.

pub mod adopt;
pub mod again;
pub mod approve;
pub mod basis;
pub mod blocked;
pub mod caused;
pub mod change;
pub mod changed_hands;
mod compare;
mod content;
mod doubt;
pub mod drift;
mod effect;
mod exceptions;
pub mod expiring;
pub mod finding;
pub mod instances;
mod keeps;
pub mod keeps_in_groups;
pub mod mandate;
pub mod mark;
pub mod outcome;
pub mod pace;
mod recreated;
mod removal;
mod resolve;
mod role_definition;
pub mod role_problem;
mod room;
pub mod saved;
pub mod selection;
mod settle;
mod shard;
mod standstill;
pub mod stated;
pub mod taken;
mod unlisted;
mod want;
mod wider;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::model::{
    desired::{Desired, OwnerFile},
    ids::{PrincipalId, SubscriptionId},
    observed::{DefinitionLookup, Observed, Reading},
    owner::{EnvironmentName, OwnerCode, RoleName},
    people::{ById, ByName, InGroup},
    policy::{Freeze, Override, Whom},
    trouble::{Trouble, TroubleKind},
};

pub use self::{
    changed_hands::{suspected, undated},
    doubt::doubtful,
    role_definition::role_problems,
};

use self::{
    approve::Refusal,
    blocked::Blocked,
    change::Change,
    expiring::Expiring,
    finding::{Code, Finding},
    instances::Instances,
    keeps_in_groups::Memberships,
    mandate::Errand,
};

/// What differs between git and Azure, and what could not be decided.
#[must_use = "a plan changes nothing until it is approved and executed"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What would be done: grants, updates, revokes, in that order, each by owner and person.
    pub changes: Vec<Change>,
    /// What cannot be done, or not safely.
    pub blocked: Vec<Blocked>,
    /// What people should know.
    pub findings: Vec<Finding>,
    /// What could not be read, in the order it was looked for.
    pub unread: Vec<Unread>,
    /// Whose marks are at the targets.
    pub instances: Instances,
    /// Why nothing of it may be done, whatever each change is; see [`Plan::settle`].
    pub halted: Option<Refusal>,
    /// Assignments that git wants and Azure has.
    pub unchanged: usize,
    /// How many of ours stand, by owner: what a share of removals is counted from.
    pub standing: BTreeMap<OwnerCode, usize>,
    /// How many of ours are kept because the owner's file has errors, by owner.
    pub kept: BTreeMap<OwnerCode, usize>,
    /// People who never lose anything.
    pub protected: Protected,
    /// The dated rules that hold today.
    pub rules: Rules,
    /// Roles in production that somebody keeps, by owner.
    pub staying: BTreeSet<(OwnerCode, RoleName)>,
    /// Owners at which somebody whom git does not list holds what others gave, and nothing that was read shows that git listed them
    /// with it before: what git's history should be asked about.
    pub strangers: BTreeSet<OwnerCode>,
    /// What Entra has to be asked before it is known who was removed from git and keeps access through a group.
    pub memberships: Memberships,
    /// Grants that end soon.
    pub expiring: Vec<Expiring>,
    /// Overrides without which policy would refuse some of this; see [`Plan::settle`].
    pub used: Vec<Used>,
    /// What our own identity may not do, as far as anybody asked; see [`Plan::settle`].
    pub left_out: BTreeSet<Errand>,
    /// What a deny assignment forbids our identity, of what it plans, with the names of these.
    pub denied: BTreeMap<Errand, BTreeSet<String>>,
}

/// The dated rules that hold on the day of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The day, UTC.
    pub today: Date,
    /// Freezes.
    pub freezes: Vec<Freeze>,
    /// Exceptions to the limits.
    pub overrides: Vec<Override>,
}

/// An override, and what it lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The override.
    pub by: Override,
    /// How many removals policy would refuse without any override.
    pub removals: usize,
    /// At these owners.
    pub owners: BTreeSet<OwnerCode>,
}

/// A part of Azure that could not be read. Nothing is removed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Whose access it concerns, if it is one owner's.
    pub owner: Option<OwnerCode>,
    /// What is not done while it is not known.
    pub stops: Stops,
    /// What was being read, and what came back.
    pub trouble: Arc<Trouble>,
}

/// What is not done while something is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// Nothing is removed there.
    Removals,
    /// Nothing new is granted of it.
    Grants,
}

impl std::fmt::Display for Stops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Removals => "nothing is removed there",
            Self::Grants => "nothing new is granted of it",
        })
    }
}

/// The people of `policy.protected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Those that Entra knows.
    pub ids: BTreeSet<PrincipalId>,
    /// Entries that lead to nobody: while there is one, nothing is removed at all.
    pub unresolved: Vec<Unresolved>,
}

/// An entry of `policy.protected` that leads to nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Whom it names.
    pub whom: Whom,
    /// Why that is nobody: `unknown to Entra`.
    pub why: String,
}

impl std::fmt::Display for Unresolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.whom)
    }
}

impl Plan {
    /// Leaves only what concerns these owners.
    pub fn only(&mut self, owners: &BTreeSet<OwnerCode>) {
        self.blocked.retain(|blocked| blocked.owner.is_some());
        self.keep(|owner| owners.contains(&owner));
    }

    /// Leaves only what concerns chosen owners, and what is nobody's.
    fn keep(&mut self, chosen: impl Fn(OwnerCode) -> bool) {
        self.changes.retain(|change| chosen(change.owner));
        self.blocked.retain(|blocked| blocked.owner.is_none_or(&chosen));
        self.findings.retain(|finding| finding.owner.is_none_or(&chosen));
        self.instances.at.retain(|owner, _| chosen(*owner));
        self.standing.retain(|owner, _| chosen(*owner));
        self.kept.retain(|owner, _| chosen(*owner));
        self.strangers.retain(|owner| chosen(*owner));
        self.expiring.retain(|expiring| chosen(expiring.owner));
    }

    /// Whether all of Azure that matters was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unread.is_empty()
    }
}

/// Compares what git wants with what Azure showed.
pub fn plan(desired: &Desired, observed: &Observed, today: Date) -> Plan {
    let wanted = want::want(desired, observed, today);
    let instances = Instances::of(desired, observed, &wanted);
    let mut plan = compare::compare(desired, observed, wanted, today);
    plan.unread = unread(desired, observed);
    plan.findings.extend(absent(desired, observed));
    plan.findings.extend(same_name(desired, observed));
    plan.findings.extend(recreated::recreated(observed));
    plan.findings.extend(role_definition::changed(desired, observed));
    plan.findings.extend(instances.findings());
    plan.instances = instances;
    plan.findings.append(&mut changed_hands::unasked(desired, observed, &plan));
    plan.findings.append(&mut standstill::standstill(observed, &plan.changes));
    plan.protected = protected(desired, observed);
    plan.expiring = expiring::expiring(desired, observed, today);
    plan.rules = exceptions::in_force(&desired.policy, today);
    plan.findings.extend(exceptions::ended(&desired.policy, today));
    exceptions::accept(&mut plan.findings, &desired.policy.accept, today);
    plan.changes.sort_by(|a, b| a.order().cmp(&b.order()));
    plan.blocked.sort_by(|a, b| a.order().cmp(&b.order()));
    plan.blocked.dedup();
    plan.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    plan.findings.dedup();
    plan
}

fn unread(desired: &Desired, observed: &Observed) -> Vec<Unread> {
    let inventory = observed.inventory.as_ref().err().map(|trouble| Unread {
        stops: Stops::Removals,
        owner: None,
        trouble: trouble.clone(),
    });
    let lists = observed.subscriptions.values().filter_map(|subscription| match &subscription.reading {
        Reading::Seen(_) => None,
        Reading::Unseen(trouble) => Some(Unread {
            stops: Stops::Removals,
            owner: subscription.belongs_to.as_ref().map(|(owner, _)| *owner),
            trouble: trouble.clone(),
        }),
    });
    // Everybody shall be taken out there, and nobody can look whether it is so.
    let removed = observed.absent.iter().filter(|(owner, _)| matches!(desired.file_of(*owner), OwnerFile::Removed(_)));
    let absent = removed.map(|(owner, name)| {
        let doing = format!("look at what still stands at {owner}");
        let message = format!("our identity sees no subscription `{name}`");
        let trouble = Trouble::new(TroubleKind::NotFound, doing, message);
        Unread { stops: Stops::Removals, owner: Some(*owner), trouble: Arc::new(trouble) }
    });
    let mut unanswered: Vec<&Arc<Trouble>> = Vec::new();
    let by_name = observed.people.by_name.values().filter_map(|answer| match answer {
        ByName::Unanswered(trouble) => Some(trouble),
        ByName::Person(_) | ByName::Nobody(_) => None,
    });
    let by_id = observed.people.by_id.values().filter_map(|answer| match answer {
        ById::Unanswered(trouble) => Some(trouble),
        ById::Person(_) | ById::NotAPerson(_) | ById::Deleted { .. } | ById::Gone | ById::NoUser => None,
    });
    for trouble in by_name.chain(by_id) {
        if unanswered.last().is_none_or(|last| !Arc::ptr_eq(last, trouble)) && !unanswered.contains(&trouble) {
            unanswered.push(trouble);
        }
    }
    let people =
        unanswered.into_iter().map(|trouble| Unread { stops: Stops::Removals, owner: None, trouble: trouble.clone() });
    let mut definitions: Vec<Unread> = Vec::new();
    for lookup in observed.role_definitions.values() {
        if let DefinitionLookup::Unanswered(trouble) = lookup {
            definitions.push(Unread { owner: None, stops: Stops::Grants, trouble: trouble.clone() });
        }
    }
    inventory.into_iter().chain(lists).chain(absent).chain(people).chain(definitions).collect()
}

/// An owner's subscription that nobody could look into: nothing is granted there, and nothing was checked.
fn absent(desired: &Desired, observed: &Observed) -> impl Iterator<Item = Finding> {
    let read = observed.absent.iter().filter(|(owner, _)| matches!(desired.file_of(*owner), OwnerFile::Read(_)));
    read.map(|(owner, name)| Finding {
        code: Code::NotSeen,
        owner: Some(*owner),
        environment: None,
        role: None,
        who: None,
        scope: None,
        assignment: None,
        message: format!(
            "our identity sees no subscription `{name}`, so nothing was checked there; if the owner has none, \
             say which `environments` it has in `tilgang.yaml`"
        ),
        origins: Vec::new(),
        accepted: None,
    })
}

/// Several subscriptions of one name: what lies in any of them counts as the owner's, and whoever may name a subscription may
/// have meant just that. A display name is not unique (subscriptions.json).
fn same_name(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let mut named: BTreeMap<(OwnerCode, &EnvironmentName), Vec<(SubscriptionId, &str)>> = BTreeMap::new();
    for (id, subscription) in &observed.subscriptions {
        if let Some((owner, environment)) = &subscription.belongs_to
            && matches!(desired.file_of(*owner), OwnerFile::Read(_))
        {
            named.entry((*owner, environment)).or_default().push((*id, &subscription.name));
        }
    }
    let several = named.into_iter().filter(|(_, all)| all.len() > 1);
    let finding = |((owner, environment), all): ((OwnerCode, &EnvironmentName), Vec<(SubscriptionId, &str)>)| {
        let name = all.first().map_or("", |(_, name)| *name);
        let ids: Vec<String> = all.iter().map(|(id, _)| format!("`{id}`")).collect();
        let message = format!(
            "{} subscriptions have the name `{name}`: {}; a display name is not unique in Azure, and what lies in any of \
             them counts as the owner's: rename the ones that are not meant",
            all.len(),
            ids.join(", ")
        );
        Finding {
            owner: Some(owner),
            environment: Some(environment.clone()),
            ..Finding::new(Code::SameName, message, Vec::new())
        }
    };
    several.map(finding).collect()
}

fn protected(desired: &Desired, observed: &Observed) -> Protected {
    let mut protected = Protected::default();
    let people = &observed.people;
    for entry in &desired.policy.protected {
        let found = match &entry.whom {
            Whom::Name(name) => match people.by_name.get(name) {
                Some(ByName::Person(found)) => Ok(BTreeSet::from([found.id])),
                // Not even a deleted user of that name: the protected one may be alive under another.
                Some(ByName::Nobody(_)) | None => Err("unknown to Entra".to_owned()),
                Some(ByName::Unanswered(_)) => Err("whom Entra could not look up".to_owned()),
            },
            Whom::Id(id) => match people.by_id.get(id) {
                Some(ById::Person(_) | ById::Deleted { .. }) => Ok(BTreeSet::from([*id])),
                Some(ById::NotAPerson(name)) => Err(format!("which is not a person's but that of `{name}`")),
                Some(ById::Gone | ById::NoUser) | None => Err("unknown to Entra".to_owned()),
                Some(ById::Unanswered(_)) => Err("which Entra could not look up".to_owned()),
            },
            Whom::Group(key) => match people.groups.get(key) {
                Some(InGroup::Members(members)) => Ok(members.clone()),
                Some(InGroup::Missing) | None => Err("unknown to Entra".to_owned()),
                Some(InGroup::Several(count)) => Err(format!("a name that {count} groups have: write its object id")),
                Some(InGroup::Unanswered(trouble)) => {
                    Err(format!("which could not be looked up ({})", trouble.without_request()))
                }
            },
        };
        match found {
            Ok(ids) => protected.ids.extend(ids),
            Err(why) => protected.unresolved.push(Unresolved { whom: entry.whom.clone(), why }),
        }
    }
    protected
}
