//! What our identity holds + what a change asks of it → whether Azure will let it. Pure.
//!
//! The question of a plan: not what an identity should have (`judge`), but whether what it has reaches this far.

use super::{
    condition::{Asked, Condition},
    judge::Holding,
};
use crate::model::ids::{ScopeId, SubscriptionId};

/// Whether our identity may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// One of its role assignments permits it.
    Yes,
    /// It may do such things there, and the condition of every role assignment that lets it leaves this one out.
    LeftOut,
    /// None of its role assignments permits such things there: it may not be meant to.
    NotMeant,
    /// A role definition or a condition that decides could not be read.
    Unclear,
}

/// Whether these role assignments of ours let us do this there.
#[must_use]
pub fn may(holdings: &[Holding], at: &ScopeId, subscription: SubscriptionId, asked: &Asked<'_>) -> May {
    let reaching = || holdings.iter().filter(|holding| holding.reaches(at, subscription));
    let through = || reaching().filter(|holding| holding.permits(asked.action));
    let answers: Vec<Option<bool>> = through().map(|holding| allows(holding, asked)).collect();
    let is_unread = reaching().any(|holding| holding.permits.is_none());
    if answers.contains(&Some(true)) {
        May::Yes
    } else if answers.contains(&None) || is_unread {
        May::Unclear
    } else if answers.is_empty() {
        May::NotMeant
    } else {
        May::LeftOut
    }
}

/// Whether the condition of a role assignment allows it; `None` where it is not understood.
pub(super) fn allows(holding: &Holding, asked: &Asked<'_>) -> Option<bool> {
    match &holding.condition {
        None => Some(true),
        Some(text) => Condition::read(text).and_then(|condition| condition.allows(asked)),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use super::*;
    use crate::{
        model::ids::RoleDefinitionId,
        ports::{Permission, Permits},
        rights::{DELETE, WRITE, condition},
    };

    const OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
    const READER: &str = "43d0d8ad-25c7-4714-9337-8ba259a9fe05";
    const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000000b1";

    fn definition(text: &str) -> RoleDefinitionId {
        text.parse().unwrap()
    }

    fn holding(scope: &str, actions: Option<&[&str]>, condition: Option<&str>) -> Holding {
        let permission = |actions: &[&str]| Permission {
            actions: actions.iter().map(ToString::to_string).collect(),
            ..Permission::default()
        };
        Holding {
            scope: ScopeId::new(scope),
            seen_in: BTreeSet::from([SUBSCRIPTION.parse().unwrap()]),
            permits: actions.map(|actions| Permits { permissions: vec![permission(actions)], ..Permits::default() }),
            definition: definition(OFFICER),
            condition: condition.map(Arc::from),
        }
    }

    fn asked(holdings: &[Holding], action: &str, of: &str) -> May {
        let vault = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv");
        let asked = Asked { action, definition: definition(of), principal_type: "User" };
        may(holdings, &ScopeId::new(&vault), SUBSCRIPTION.parse().unwrap(), &asked)
    }

    #[test]
    fn what_a_condition_leaves_out_is_told_from_what_nobody_is_meant_to_do() {
        let ids = [definition(READER)];
        let readers_only = condition::text(ids.iter(), ids.iter());
        let whole = format!("/subscriptions/{SUBSCRIPTION}");
        let write: &[&str] = &["Microsoft.Authorization/roleAssignments/write"];
        let narrow = holding(&whole, Some(&["Microsoft.Authorization/*"]), Some(&readers_only));
        let reads = holding(&whole, Some(&["*/read"]), None);
        let one = std::slice::from_ref;
        assert_eq!(asked(one(&narrow), WRITE, READER), May::Yes);
        assert_eq!(asked(one(&narrow), WRITE, OFFICER), May::LeftOut);
        assert_eq!(asked(one(&narrow), DELETE, OFFICER), May::LeftOut);
        assert_eq!(asked(one(&reads), WRITE, OFFICER), May::NotMeant);
        assert_eq!(asked(&[], WRITE, OFFICER), May::NotMeant);
        // Another one without a condition, at the root; or one that is not understood, or not read; or one elsewhere.
        assert_eq!(asked(&[narrow.clone(), holding("/", Some(write), None)], WRITE, OFFICER), May::Yes);
        assert_eq!(asked(&[narrow.clone(), holding("/", Some(write), Some("odd"))], WRITE, OFFICER), May::Unclear);
        assert_eq!(asked(&[narrow.clone(), holding(&whole, None, None)], WRITE, OFFICER), May::Unclear);
        let elsewhere = holding("/subscriptions/00000000-0000-0000-0000-0000000000b2", Some(write), None);
        assert_eq!(asked(&[narrow, elsewhere], WRITE, OFFICER), May::LeftOut);
        // The kind of principal as well.
        let groups_only = readers_only.replace("{'User'}", "{'Group'}");
        let to_groups = holding(&whole, Some(write), Some(&groups_only));
        assert_eq!(asked(&[to_groups], WRITE, READER), May::LeftOut);
    }
}
