//! What is recorded of assignments → which account a sign-in name led to, and when that was recorded last. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::entry::Held;
use crate::model::{
    assignment::PrincipalType,
    ids::{PrincipalId, UserName},
};

/// People's accounts by the sign-in names that they held something under.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(pub(super) BTreeMap<UserName, BTreeMap<PrincipalId, Timestamp>>);

impl Names {
    /// Takes in what was recorded of one assignment. What is held under no name, or by no person, says nothing.
    pub(super) fn learn(&mut self, held: &Held, at: Timestamp) {
        let id = held.principal.parse().ok().filter(|_| held.principal_type == PrincipalType::User.as_azure());
        if let (Some(name), Some(id)) = (&held.name, id) {
            let last = self.0.entry(UserName::new(name)).or_default().entry(id).or_insert(at);
            *last = at.max(*last);
        }
    }
}
