//! One Azure: a tenant with its people, subscriptions, resources and role assignments, and the rules they follow.
//!
//! In: what a caller asks, and who it is. Out: what Azure would answer, or a [`Refusal`]. Never IO, never a clock: the
//! caller tells the time ([`World::told`]). Each rule has its source beside it; `FACTS §n` is our numbered collection of
//! what is known of Azure, with *recorded* for what was seen on the wire.

pub mod activity;
pub mod assignments;
pub mod condition;
pub mod custom_roles;
pub mod definitions;
pub mod denials;
pub mod directory;
mod grammar;
pub mod inventory;
pub mod past;
pub mod pim;
pub mod resources;
pub mod rights;
mod table;
pub mod tenant;
pub mod vaults;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

pub use self::{
    assignments::{Assignment, Body, Listed, Scoping, Term},
    custom_roles::DefinitionBody,
    definitions::{Block, Definition},
    directory::{Application, Group, User},
    inventory::{LockEntry, Resource, SubscriptionEntry},
    past::Consistency,
    tenant::{Licence, Uncovered},
};
use self::{definitions::Definitions, directory::People, table::Table};
use super::clock::Clock;
pub use super::refusal::Refusal;
use crate::model::ids::{AssignmentName, ScopeId, SubscriptionId, TenantId};

/// Namespace of every id that a world derives from a name.
const NAMESPACE: Uuid = Uuid::from_u128(0x7369_6d75_6c61_4765_8b1e_5d0c_6a2f_4e13);

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Role assignments one subscription can hold: 4,000, fixed (azure-docs troubleshoot-limits.md).
    pub assignments_max: usize,
    /// Role assignments on one page; 0 for all on one (up to 330 were recorded on one page, FACTS §1.3).
    pub page_size: usize,
    /// Whether anybody is throttled (FACTS §6). If not, every bucket is always full, in the headers as well.
    pub throttling: bool,
    /// How late what sees what.
    pub consistency: Consistency,
    /// Whether the tenant has Entra ID P2, and with it Privileged Identity Management.
    pub licence: Licence,
    /// What `getByIds` does about kinds of objects that a token does not cover.
    pub uncovered: Uncovered,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            assignments_max: 4_000,
            page_size: 0,
            throttling: true,
            consistency: Consistency::default(),
            licence: Licence::default(),
            uncovered: Uncovered::default(),
        }
    }
}

/// One Azure.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) tenant: TenantId,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) people: People,
    pub(super) subscriptions: BTreeMap<SubscriptionId, SubscriptionEntry>,
    pub(super) resources: BTreeMap<ScopeId, Resource>,
    pub(super) groups: BTreeSet<ScopeId>,
    pub(super) group_info: BTreeMap<ScopeId, resources::GroupInfo>, // of those that are not the usual
    pub(super) deleted_vaults: BTreeMap<ScopeId, resources::DeletedVault>,
    pub(super) locks: Vec<LockEntry>,
    pub(super) denials: Vec<denials::Denial>,
    pub(super) pim: pim::Pim,
    pub(super) definitions: Definitions,
    pub(super) table: Table,
    past: past::Past,
    activity: activity::ActivityLog,
    told: Timestamp,
    touched: Vec<Touched>,
}

/// What a request changed; whoever keeps a world on disk asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// One role assignment: made, changed or gone.
    Assignment(AssignmentName),
    /// Something else.
    World,
}

impl World {
    /// An empty tenant.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            clock: Clock::default(),
            settings: Settings::default(),
            people: People::default(),
            subscriptions: BTreeMap::new(),
            resources: BTreeMap::new(),
            groups: BTreeSet::new(),
            group_info: BTreeMap::new(),
            deleted_vaults: BTreeMap::new(),
            locks: Vec::new(),
            denials: Vec::new(),
            pim: pim::Pim::default(),
            definitions: Definitions::built_in(),
            table: Table::default(),
            past: past::Past::default(),
            activity: activity::ActivityLog::default(),
            told: Timestamp::UNIX_EPOCH,
            touched: Vec::new(),
        }
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What can be set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sets what can be set.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
        self.touch(Touched::World);
    }

    /// Tells the world what time its caller has.
    pub fn told(&mut self, now: Timestamp) {
        self.told = now;
    }

    /// The world's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.at(self.told)
    }

    /// The time that its caller told last.
    #[must_use]
    pub fn callers_now(&self) -> Timestamp {
        self.told
    }

    /// Moves the world's clock on.
    pub fn wait(&mut self, duration: jiff::SignedDuration) {
        self.clock = match self.clock {
            Clock::Fixed(time) => Clock::Fixed(time.checked_add(duration).unwrap_or(time)),
            Clock::Following(offset) => Clock::Following(offset.checked_add(duration).unwrap_or(offset)),
        };
        self.touch(Touched::World);
    }

    /// An id for whoever has this name: the same in every run.
    #[must_use]
    pub fn derived_id(tenant: TenantId, kind: &str, name: &str) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{tenant}|{kind}|{}", name.to_ascii_lowercase()).as_bytes())
    }

    /// What was changed since this was asked last.
    pub fn take_touched(&mut self) -> Vec<Touched> {
        std::mem::take(&mut self.touched)
    }

    fn touch(&mut self, touched: Touched) {
        self.touched.push(touched);
    }
}

impl PartialEq for World {
    /// Two worlds are equal when they would answer alike at the same time.
    fn eq(&self, other: &Self) -> bool {
        let Self {
            tenant,
            clock,
            settings,
            people,
            subscriptions,
            resources,
            groups,
            group_info,
            deleted_vaults,
            locks,
            denials,
            pim,
            definitions,
            table,
            past: _,
            activity: _,
            told: _,
            touched: _,
        } = self;
        *tenant == other.tenant
            && *clock == other.clock
            && *settings == other.settings
            && *people == other.people
            && *subscriptions == other.subscriptions
            && *resources == other.resources
            && *groups == other.groups
            && *group_info == other.group_info
            && *deleted_vaults == other.deleted_vaults
            && *locks == other.locks
            && *denials == other.denials
            && *pim == other.pim
            && *definitions == other.definitions
            && *table == other.table
    }
}

#[cfg(test)]
mod surface_tests;
#[cfg(test)]
mod tests;
