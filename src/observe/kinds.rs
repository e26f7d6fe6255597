//! What Entra answered for holders, read by what their assignments say that they are. Pure.
//!
//! "Gone" is said of users alone: of a group or an application that Entra does not show it is not known whether it is gone, or
//! of another tenant, or hidden from a token that looks up users only.

use std::collections::BTreeMap;

use crate::model::{
    assignment::PrincipalType,
    ids::PrincipalId,
    observed::{Observed, Reading},
    people::ById,
    trouble::TroubleKind,
};

/// Settles the answers for everybody who holds something, or may.
pub(super) fn settle(observed: &mut Observed) {
    let kinds = kinds(observed);
    for (id, answer) in &mut observed.people.by_id {
        if let Some(kind) = kinds.get(id)
            && let Some(settled) = settled(*kind, answer)
        {
            *answer = settled;
        }
    }
}

/// What becomes of an answer; none, if it stays.
fn settled(kind: PrincipalType, answer: &ById) -> Option<ById> {
    match (kind, answer) {
        // Users were looked for among the living and the deleted.
        (PrincipalType::User, ById::NoUser) => Some(ById::Gone),
        (PrincipalType::User, _) => None,
        (_, ById::Gone) => Some(ById::NoUser),
        // A token that may not look up what is no user: that hides a name, and nothing that a decision hangs on.
        (_, ById::Unanswered(trouble)) if trouble.kind == TroubleKind::Denied => Some(ById::NoUser),
        _ => None,
    }
}

fn kinds(observed: &Observed) -> BTreeMap<PrincipalId, PrincipalType> {
    let readings = observed.subscriptions.values().map(|it| &it.reading).chain(observed.other.readings());
    let listed = readings.filter_map(|reading| match reading {
        Reading::Seen(scopes) => Some(scopes.values().flatten().map(|it| &it.assignment)),
        Reading::Unseen(_) => None,
    });
    let held = listed.flatten().map(|it| (it.triple.principal, it.principal_type));
    let eligible = observed.other.eligibilities().map(|it| (it.triple.principal, it.principal_type));
    held.chain(eligible).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::trouble::Trouble;

    #[test]
    fn gone_is_said_of_users_alone() {
        let denied = ById::Unanswered(Arc::new(Trouble::new(TroubleKind::Denied, "x", "403")));
        let silent = ById::Unanswered(Arc::new(Trouble::new(TroubleKind::Unreachable, "x", "no answer")));
        for other in
            [PrincipalType::Group, PrincipalType::ForeignGroup, PrincipalType::ServicePrincipal, PrincipalType::Other]
        {
            assert_eq!(settled(other, &ById::Gone), Some(ById::NoUser), "{other:?}");
            assert_eq!(settled(other, &ById::NoUser), None, "{other:?}");
            assert_eq!(settled(other, &denied), Some(ById::NoUser), "{other:?}");
            assert_eq!(settled(other, &silent), None, "{other:?}");
        }
        assert_eq!(settled(PrincipalType::User, &ById::NoUser), Some(ById::Gone));
        // Who may not be asked for is not gone.
        assert_eq!(settled(PrincipalType::User, &denied), None);
        assert_eq!(settled(PrincipalType::User, &silent), None);
    }
}
