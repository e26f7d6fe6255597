//! What a ledger knows of accounts for longer than they hold anything: the sign-in names that led to them, and the roles that they
//! were given. Each file's base carries it on, so that it does not end with the month. Pure.
//!
//! A file of an older version carries nothing: then the files before it are read for it, as long as they follow each other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::entry::{Asked, GrantedBefore, Held, NamedBefore, Seen};
use crate::model::{
    assignment::PrincipalType,
    ids::{PrincipalId, UserName},
    owner::{OwnerCode, RoleName},
};

/// Rows of each kind that a base carries; beyond that, those that were recorded longest ago are left out. Ours: five times the
/// people that the program is made for, some 70 MB.
const ROWS_MAX: usize = 500_000;

/// Who was given what: at which owner, whom, which role.
pub(super) type Granted = (OwnerCode, PrincipalId, Option<RoleName>);

/// What is carried on, each with when it was recorded last.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    /// People's accounts by the sign-in names that they held something under.
    pub names: BTreeMap<UserName, BTreeMap<PrincipalId, Timestamp>>,
    /// Whom a role was given.
    pub granted: BTreeMap<Granted, Timestamp>,
    /// Whether this is all that the ledger knows: its first file was read, or a file whose base carries it.
    pub whole: bool,
    /// From when on this is all, where earlier files were missing.
    pub unknown_before: Option<Timestamp>,
}

impl Carried {
    /// Takes in what was recorded of one assignment. What is held under no name, or by no person, says nothing.
    pub(super) fn held(&mut self, held: &Held, at: Timestamp) {
        let id = held.principal.parse().ok().filter(|_| held.principal_type == PrincipalType::User.as_azure());
        if let (Some(name), Some(id)) = (&held.name, id) {
            self.named(UserName::new(name), id, at);
        }
    }

    /// Takes in a write that was asked for.
    pub(super) fn asked(&mut self, asked: &Asked, at: Timestamp) {
        if asked.action != "revoke" {
            self.gave(&asked.owner, &asked.principal, asked.role.as_deref(), at);
        }
    }

    /// Takes in what a base carries on.
    pub(super) fn seen(&mut self, seen: &Seen) {
        for NamedBefore { name, principal, at } in &seen.names {
            if let Ok(id) = principal.parse() {
                self.named(UserName::new(name), id, *at);
            }
        }
        for GrantedBefore { owner, principal, role, at } in &seen.granted {
            self.gave(owner, principal, role.as_deref(), *at);
        }
        self.whole |= seen.remembers;
        self.unknown_before = self.unknown_before.or(seen.unknown_before);
    }

    fn named(&mut self, name: UserName, id: PrincipalId, at: Timestamp) {
        let last = self.names.entry(name).or_default().entry(id).or_insert(at);
        *last = at.max(*last);
    }

    fn gave(&mut self, owner: &str, principal: &str, role: Option<&str>, at: Timestamp) {
        if let (Some(owner), Ok(principal)) = (OwnerCode::new(owner), principal.parse()) {
            let last = self.granted.entry((owner, principal, role.map(RoleName::new))).or_insert(at);
            *last = at.max(*last);
        }
    }

    /// Takes in an earlier file.
    pub(super) fn recall(&mut self, earlier: Self) {
        let Self { names, granted, whole, unknown_before } = earlier;
        for (name, ids) in names {
            for (id, at) in ids {
                self.named(name.clone(), id, at);
            }
        }
        for (who, at) in granted {
            let last = self.granted.entry(who).or_insert(at);
            *last = at.max(*last);
        }
        self.whole |= whole;
        self.unknown_before = self.unknown_before.or(unknown_before);
    }

    /// Earlier files are missing: this is all, from `at` on.
    pub(super) fn begins(&mut self, at: Timestamp) {
        (self.whole, self.unknown_before) = (true, Some(at));
    }

    /// The names of accounts for a base that says what is held as well: what that says itself is left out.
    pub(super) fn names_beside<'a>(&self, held: impl Iterator<Item = &'a Held>) -> Vec<NamedBefore> {
        let said = held.filter_map(|held| Some((UserName::new(held.name.as_ref()?), held.principal.parse().ok()?)));
        let said: BTreeSet<(UserName, PrincipalId)> = said.collect();
        let all = self.names.iter().flat_map(|(name, ids)| ids.iter().map(move |(id, at)| (name, *id, *at)));
        let rows = all.filter(|(name, id, _)| !said.contains(&((*name).clone(), *id)));
        let rows =
            rows.map(|(name, id, at)| NamedBefore { name: name.to_string(), principal: id.to_string(), at }).collect();
        newest(rows, |row: &NamedBefore| row.at)
    }

    /// Whom a role was given.
    pub(super) fn granted_rows(&self) -> Vec<GrantedBefore> {
        let rows = self.granted.iter().map(|((owner, principal, role), at)| GrantedBefore {
            owner: owner.to_string(),
            principal: principal.to_string(),
            role: role.as_ref().map(ToString::to_string),
            at: *at,
        });
        newest(rows.collect(), |row: &GrantedBefore| row.at)
    }
}

/// Not more than a base carries: the newest, in their order.
fn newest<T>(mut rows: Vec<T>, at: impl Fn(&T) -> Timestamp) -> Vec<T> {
    if rows.len() > ROWS_MAX {
        let mut times: Vec<Timestamp> = rows.iter().map(&at).collect();
        times.sort_unstable();
        let oldest = times.get(times.len() - ROWS_MAX).copied().unwrap_or_default();
        rows.retain(|row| at(row) >= oldest);
        rows.truncate(ROWS_MAX);
    }
    rows
}
