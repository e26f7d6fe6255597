//! The last look before the first write, judged: what an approved plan rests on that may have moved since, and which of its
//! changes wait because it did. Finding targets lags (FACTS §5), and a person can be brought back; the others go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::Timestamp;

use crate::model::{
    ids::{PrincipalId, ScopeId, UserName},
    observed::{Impediment, Observed, ResourceNow, SeenAgain, Sighting, Target, is_anew},
    people::ById,
    trouble::{Trouble, TroubleKind},
};

use super::{
    approve::ApprovedPlan,
    change::{Action, Because, Change, Gone},
    selection::Pending,
};

/// What to look at once more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// Targets that a change touches. What stands where no target is (a stray) needs none to be removed.
    pub targets: BTreeSet<ScopeId>,
    /// People of whom a removal says that they are gone for good.
    pub people: BTreeSet<PrincipalId>,
}

/// A change that is not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// The change.
    pub change: Change,
    /// Why; none for a removal that waits for one of the grants that are not tried.
    pub moved: Option<Moved>,
}

/// What is no longer as the plan saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// There is no such resource.
    TargetGone(ScopeId),
    /// Another resource answers.
    TargetOther(ScopeId),
    /// It was deleted and made anew at this time: it may be somebody else's.
    TargetAnew(ScopeId, Timestamp),
    /// The vault changed its mode; now role assignments decide over its secrets, or no longer do.
    Mode {
        /// The vault.
        vault: ScopeId,
        /// Whether they do now.
        rbac: bool,
    },
    /// It could not be looked at.
    TargetUnread(Arc<Trouble>),
    /// The person is known to Entra again.
    PersonBack(UserName),
    /// Entra could not say.
    PersonUnanswered(Arc<Trouble>),
}

impl Moved {
    /// A stable word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TargetGone(_) => "target-gone",
            Self::TargetOther(_) => "target-other",
            Self::TargetAnew(..) => "target-recreated",
            Self::Mode { .. } => "target-mode",
            Self::TargetUnread(_) => "target-unread",
            Self::PersonBack(_) => "person-back",
            Self::PersonUnanswered(_) => "person-unanswered",
        }
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TargetGone(id) => {
                write!(f, "`{}` is not there any more; Resource Graph still shows it", id.last_segment())
            }
            Self::TargetOther(id) => write!(f, "another resource answers in its place: `{id}`"),
            Self::TargetAnew(id, made) => {
                write!(
                    f,
                    "`{}` was deleted and made anew ({made}); Resource Graph still shows the old one",
                    id.last_segment()
                )
            }
            Self::Mode { vault, rbac: false } => {
                write!(f, "`{}` is in access-policy mode by now, where no role opens a secret", vault.last_segment())
            }
            Self::Mode { vault, rbac: true } => {
                write!(
                    f,
                    "`{}` uses Azure RBAC by now; the plan took it to be in access-policy mode",
                    vault.last_segment()
                )
            }
            Self::PersonBack(name) => {
                write!(f, "`{name}` is known to Entra again; the plan took the person to be gone")
            }
            Self::TargetUnread(trouble) | Self::PersonUnanswered(trouble) => write!(f, "{trouble}"),
        }
    }
}

impl ApprovedPlan {
    /// What to look at once more, right before the first write.
    #[must_use]
    pub fn questions(&self, observed: &Observed) -> Questions {
        let targets = targets(observed);
        let at = self.changes().iter().map(|change| &change.triple.scope).filter(|scope| targets.contains_key(scope));
        let gone = self.changes().iter().filter(|change| rests_on_gone(change));
        Questions { targets: at.cloned().collect(), people: gone.map(|change| change.triple.principal).collect() }
    }

    /// Takes out what no longer rests on what was seen, and says so.
    pub fn withhold(&mut self, observed: &Observed, seen: &SeenAgain) -> Vec<Withheld> {
        let targets = targets(observed);
        let moved = |change: &Change| {
            let target = targets.get(&change.triple.scope).and_then(|target| target_moved(target, seen));
            target.or_else(|| if rests_on_gone(change) { person_moved(change.triple.principal, seen) } else { None })
        };
        let mut why: BTreeMap<_, Option<Moved>> =
            self.changes().iter().filter_map(|change| Some((change.name, Some(moved(change)?)))).collect();
        let pending = Pending::of(self.changes().iter().filter(|change| why.contains_key(&change.name)));
        for change in self.changes().iter().filter(|change| change.action == Action::Revoke) {
            if pending.holds_back(change) {
                why.entry(change.name).or_default();
            }
        }
        let withheld = self.changes().iter().filter_map(|change| {
            let moved = why.get(&change.name)?.clone();
            Some(Withheld { change: change.clone(), moved })
        });
        let withheld = withheld.collect();
        self.retain(|change| !why.contains_key(&change.name));
        withheld
    }
}

fn rests_on_gone(change: &Change) -> bool {
    let is_said_gone = matches!(change.because, Because::NotListed { gone: Some(Gone::ForGood) });
    change.action == Action::Revoke && (is_said_gone || change.because.rests_on_gone())
}

fn targets(observed: &Observed) -> BTreeMap<&ScopeId, &Target> {
    let found = observed.targets.values().filter_map(|sighting| match sighting {
        Sighting::Found(target) => Some((&target.scope, target)),
        Sighting::Missing(_) | Sighting::Several(_) | Sighting::Unseen(_) => None,
    });
    found.collect()
}

fn not_asked(what: impl fmt::Display) -> Arc<Trouble> {
    Arc::new(Trouble::new(TroubleKind::Malformed, format!("look at {what} once more"), "there is no answer"))
}

fn target_moved(believed: &Target, seen: &SeenAgain) -> Option<Moved> {
    let id = &believed.scope;
    match seen.targets.get(id) {
        None => Some(Moved::TargetUnread(not_asked(id))),
        Some(Err(trouble)) => Some(Moved::TargetUnread(trouble.clone())),
        Some(Ok(None)) => Some(Moved::TargetGone(id.clone())),
        Some(Ok(Some(ResourceNow { id: answered, .. }))) if answered != id => {
            Some(Moved::TargetOther(answered.clone()))
        }
        Some(Ok(Some(ResourceNow { made: Some(made), .. })))
            if believed.made.is_some_and(|was| is_anew(was, *made)) =>
        {
            Some(Moved::TargetAnew(id.clone(), *made))
        }
        Some(Ok(Some(ResourceNow { rbac, .. }))) => {
            let believed = !believed.impediments.contains(&Impediment::AccessPolicyMode);
            let rbac = rbac.filter(|rbac| *rbac != believed)?;
            Some(Moved::Mode { vault: id.clone(), rbac })
        }
    }
}

fn person_moved(id: PrincipalId, seen: &SeenAgain) -> Option<Moved> {
    match seen.people.get(&id) {
        // Only users are said to be gone.
        Some(ById::Gone | ById::NoUser) => None,
        Some(ById::Person(person)) => Some(Moved::PersonBack(person.name.clone())),
        Some(ById::Deleted { name, .. }) => Some(Moved::PersonBack(name.clone())),
        Some(ById::NotAPerson(name)) => Some(Moved::PersonBack(UserName::new(name))),
        Some(ById::Unanswered(trouble)) => Some(Moved::PersonUnanswered(trouble.clone())),
        None => Some(Moved::PersonUnanswered(not_asked(id))),
    }
}
