//! Shape → meaning: the grants of an owner's file without a mistake.

use std::sync::Arc;

use super::owner_file::{OwnerText, RoleText, UserText};
use crate::model::{
    catalog::Catalog,
    desired::{FileId, Grant, Origin, UserEntry},
    ids::UserName,
    owner::OwnerCode,
};

/// The grants, as in the file. Names of roles are shared with the catalogue, and a person by all of their grants.
pub(super) fn grants(text: &OwnerText<'_>, owner: OwnerCode, file: FileId, catalog: &Catalog) -> Vec<Grant> {
    let count = text.users.iter().map(|user| user.roles.len()).sum();
    let mut grants = Vec::with_capacity(count);
    for UserText { name, id, also_at, roles } in &text.users {
        let Some(name) = name else { continue };
        let user = Arc::new(UserEntry {
            name: UserName::new(name.value),
            id: id.value().map(|id| id.value),
            also_at: also_at.iter().map(|owner| owner.value).collect(),
            origin: Origin { file, path: name.at.trail.steps().into() },
        });
        for role in roles {
            let RoleText { name, until, reason, ticket } = role;
            let Some((name, _)) = catalog.roles.get_key_value(name.value) else { continue };
            grants.push(Grant {
                owner,
                user: user.clone(),
                role: name.clone(),
                until: until.value(),
                reason: reason.value().map(Arc::from),
                ticket: ticket.value().map(Arc::from),
                origin: Origin { file, path: role.trail().steps().into() },
            });
        }
    }
    grants
}
