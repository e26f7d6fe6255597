//! What may make changes fail in a subscription: a state other than `Enabled`, a lock, an answer that did not come.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    observed::{Lock, Locks, Observed, Room, Subscription},
    owner::{EnvironmentName, OwnerCode},
    trouble::Trouble,
};

use super::{
    change::{Action, Change},
    finding::{Code, Finding},
};

/// Whose changes stand in a subscription.
type Whose = (OwnerCode, Option<EnvironmentName>);

/// Findings, each once for an owner and environment, where something is to be changed.
pub(super) fn standstill(observed: &Observed, changes: &[Change]) -> Vec<Finding> {
    let mut here: BTreeMap<_, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        if let Some(id) = change.triple.scope.subscription() {
            here.entry(id).or_default().push(change);
        }
    }
    let mut findings = Vec::new();
    for (id, changes) in here {
        let Some(subscription) = observed.subscriptions.get(&id) else { continue };
        let all = whose(changes.iter().copied());
        let grants = || changes.iter().copied().filter(|change| change.action != Action::Revoke);
        findings.extend(not_enabled(subscription).map(|words| (Code::NotEnabled, all.clone(), words)));
        match &subscription.locks {
            Locks::Unanswered(trouble) => {
                findings.push((Code::Unanswered, all, unasked("a lock stops changes", trouble)));
            }
            Locks::Known(locks) => {
                for lock in locks.iter().filter(|lock| lock.level.eq_ignore_ascii_case("ReadOnly")) {
                    let below = whose(grants().filter(|change| lock.scope.holds(&change.triple.scope)));
                    findings.push((Code::Locked, below, locked(lock)));
                }
            }
            Locks::NotAsked => {}
        }
        if let Room::Unanswered(trouble) = &subscription.room {
            let words = unasked("the limit on role assignments leaves room", trouble);
            findings.push((Code::Unanswered, whose(grants()), words));
        }
    }
    findings.into_iter().flat_map(|(code, whose, message)| said(code, whose, message)).collect()
}

pub(super) fn whose<'a>(changes: impl Iterator<Item = &'a Change>) -> BTreeSet<Whose> {
    changes.map(|change| (change.owner, change.environment.clone())).collect()
}

pub(super) fn said(code: Code, whose: BTreeSet<Whose>, message: String) -> impl Iterator<Item = Finding> {
    whose.into_iter().map(move |(owner, environment)| Finding {
        code,
        owner: Some(owner),
        environment,
        role: None,
        who: None,
        scope: None,
        assignment: None,
        message: message.clone(),
        origins: Vec::new(),
        accepted: None,
    })
}

/// A disabled subscription refuses writes (`ReadOnlyDisabledSubscription`: "disabled and therefore marked as read only",
/// reported in microsoft/vscode-azureappservice#1424). Whether deletes pass, and what `Warned` or `PastDue` stop, is not
/// known: so it is said, and nothing is blocked.
fn not_enabled(subscription: &Subscription) -> Option<String> {
    let Subscription { name, state, .. } = subscription;
    (!state.is_empty() && !state.eq_ignore_ascii_case("Enabled")).then(|| {
        format!("the subscription `{name}` is `{state}`, so Azure may refuse changes in it: enable it, and run again")
    })
}

/// Both levels stop deletions, which are blocked where they are planned; that ReadOnly stops a grant as well is inferred
/// (FACTS §1.8).
fn locked(lock: &Lock) -> String {
    let Lock { name, level, scope } = lock;
    let on = if scope.subscription().is_some_and(|id| *scope == crate::model::ids::ScopeId::subscription_scope(id)) {
        "the whole subscription".to_owned()
    } else {
        format!("`{}`", scope.last_segment())
    };
    format!("the lock `{name}` ({level}) on {on} may stop what git grants there: take it away, apply, and put it back")
}

pub(super) fn unasked(what: &str, trouble: &Trouble) -> String {
    format!("whether {what} there could not be asked, so a change may fail: {trouble}")
}
