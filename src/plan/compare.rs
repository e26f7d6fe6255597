//! Wanted assignments against those that stand: what to grant, to put right, to remove, and what is doubtful.
//!
//! Whose an assignment is was told while observing, before any filter. Unknown never removes: each removal passes
//! [`Compare::proof`] or becomes a [`Blocked`] with the reason.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::model::{
    assignment::{Hand, Mark, Pim, PrincipalType, Standing, Triple},
    desired::{Desired, Grant, OwnerFile, Revision},
    ids::{PrincipalId, RoleDefinitionId, ScopeId},
    observed::{Locks, Observed, Reading, Subscription},
    owner::{EnvironmentName, KindName, OwnerCode, RoleName},
    people::ById,
    policy::Unmanaged,
};

use super::{
    Plan,
    blocked::{Block, Blocked},
    change::{Action, Because, Change, Gone, Stray, Who},
    effect::no_effect,
    finding::{Code, Finding},
    want::{Place, Want, Wanted},
};

pub(super) fn compare(desired: &Desired, observed: &Observed, wanted: Wanted<'_>) -> Plan {
    let mut compare = Compare { desired, observed, managed: desired.catalog.managed(), plan: Plan::default(), wanted };
    compare.plan.blocked.append(&mut compare.wanted.blocked);
    compare.plan.findings.append(&mut compare.wanted.findings);
    compare.plan.findings.append(&mut no_effect(&compare.wanted));
    let mut above = BTreeSet::new(); // what lies above subscriptions is in each one's list
    for subscription in observed.subscriptions.values() {
        let Reading::Seen(scopes) = &subscription.reading else { continue };
        for (scope, standings) in scopes {
            if scope.subscription().is_some() || above.insert(scope) {
                compare.scope(subscription, scope, standings);
            }
        }
    }
    let unmet = std::mem::take(&mut compare.wanted.at);
    for (scope, wants) in unmet {
        compare.wants_and_standings(scope, &wants, &[], None);
    }
    compare.plan
}

struct Compare<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    wanted: Wanted<'a>,
    managed: BTreeSet<(&'a KindName, RoleDefinitionId)>,
    plan: Plan,
}

/// What stands, and whose place it is, as the removal of an assignment needs to know it.
struct Surplus<'a> {
    subscription: &'a Subscription,
    standing: &'a Standing,
    owner: OwnerCode,
    environment: Option<EnvironmentName>,
    role: Option<RoleName>,
    stray: Option<Stray>,
}

impl<'a> Compare<'a> {
    fn scope(&mut self, subscription: &'a Subscription, scope: &'a ScopeId, standings: &'a [Standing]) {
        let wants = self.wanted.at.remove(scope).unwrap_or_default();
        self.wants_and_standings(scope, &wants, standings, Some(subscription));
    }

    fn wants_and_standings(
        &mut self,
        scope: &'a ScopeId,
        wants: &[Want<'a>],
        standings: &'a [Standing],
        subscription: Option<&'a Subscription>,
    ) {
        let place = self.wanted.targets.get(scope).copied();
        let mut standings: Vec<&Standing> = standings.iter().collect();
        standings.sort_by_key(|standing| key(standing));
        let mut standings = standings.into_iter().peekable();
        for group in wants.chunk_by(|a, b| a.key() == b.key()) {
            let Some(want) = group.first() else { continue };
            while let Some(before) = standings.next_if(|standing| key(standing) < want.key()) {
                self.unwanted(subscription, place, before);
            }
            let mut met = false;
            while let Some(standing) = standings.next_if(|standing| key(standing) == want.key()) {
                self.met(scope, group, want, standing);
                met = true;
            }
            if !met {
                self.grant(scope, group, want);
            }
        }
        for standing in standings {
            self.unwanted(subscription, place, standing);
        }
    }

    fn grant(&mut self, scope: &ScopeId, group: &[Want<'a>], want: &Want<'a>) {
        let triple = Triple { scope: scope.clone(), principal: want.person.id, definition: want.definition.id };
        let name = triple.name(&self.desired.instance);
        let because = Because::Listed { until: want.grant.until, reason: want.grant.reason.clone() };
        let change = self.wanted_change(Action::Grant, group, want, triple, because);
        self.plan.changes.push(Change { name, ..change });
    }

    fn wanted_change(
        &self,
        action: Action,
        group: &[Want<'a>],
        want: &Want<'a>,
        triple: Triple,
        because: Because,
    ) -> Change {
        Change {
            action,
            owner: want.grant.owner,
            environment: self.desired.catalog.roles.get(&want.grant.role).map(|role| role.environment.clone()),
            role: Some(want.grant.role.clone()),
            who: Who::person(want.person),
            definition_name: Some(Arc::from(want.definition.name.as_str())),
            name: triple.name(&self.desired.instance),
            description: self.description(want.grant),
            origins: group.iter().map(|want| want.grant.origin.clone()).collect(),
            because,
            triple,
        }
    }

    fn description(&self, grant: &Grant) -> String {
        Mark::text(&self.desired.instance, grant.owner, &grant.role, grant.ticket.as_deref())
    }

    /// Git wants it, and it stands: is it what git means?
    fn met(&mut self, scope: &ScopeId, group: &[Want<'a>], want: &Want<'a>, standing: &Standing) {
        let Standing { assignment, hand, pim } = standing;
        if *hand == Hand::Ours {
            *self.plan.standing.entry(want.grant.owner).or_default() += 1;
            let because = if assignment.condition.is_some() {
                Because::ConditionAdded
            } else if assignment.description.as_deref() != Some(self.description(want.grant).as_str()) {
                Because::DescriptionChanged
            } else {
                self.plan.unchanged += 1;
                return;
            };
            let change = self.wanted_change(Action::Update, group, want, assignment.triple.clone(), because);
            self.plan.changes.push(Change { name: assignment.name, ..change });
            return;
        }
        let block = match (&assignment.condition, pim) {
            (Some(_), _) => Block::HeldWithCondition,
            (None, Pim::Activated | Pim::Timed) => Block::HeldByPim,
            (None, Pim::No | Pim::NotAsked) => {
                self.plan.unchanged += 1;
                return;
            }
            (None, Pim::Unanswered) => {
                self.plan.unchanged += 1;
                self.plan.findings.push(Finding {
                    code: Code::MayEnd,
                    owner: Some(want.grant.owner),
                    environment: None,
                    role: Some(want.grant.role.clone()),
                    who: Some(Who::person(want.person)),
                    scope: Some(scope.clone()),
                    assignment: Some(assignment.resource_id()),
                    message: "held by someone else's assignment; whether PIM ends it could not be asked".to_owned(),
                    origins: vec![want.grant.origin.clone()],
                    accepted: None,
                });
                return;
            }
        };
        self.plan.blocked.push(Blocked {
            action: Action::Grant,
            owner: Some(want.grant.owner),
            environment: self.desired.catalog.roles.get(&want.grant.role).map(|role| role.environment.clone()),
            role: Some(want.grant.role.clone()),
            who: want.grant.user.name.to_string(),
            scope: Some(scope.clone()),
            block,
            origins: vec![want.grant.origin.clone()],
        });
    }

    /// It stands, and git does not want it there.
    fn unwanted(&mut self, subscription: Option<&'a Subscription>, place: Option<Place<'a>>, standing: &'a Standing) {
        let Some(subscription) = subscription else { return };
        let definition = standing.assignment.triple.definition;
        let managed = place.filter(|place| self.managed.contains(&(&place.key.kind, definition)));
        match (standing.hand, managed) {
            (Hand::Ours, Some(place)) => {
                *self.plan.standing.entry(place.key.owner).or_default() += 1;
                let role = self.role_of(standing, place);
                self.surplus(&Surplus {
                    subscription,
                    standing,
                    owner: place.key.owner,
                    environment: Some(place.key.environment.clone()),
                    role,
                    stray: None,
                });
            }
            (Hand::Ours, None) => {
                let stray = if place.is_some() { Stray::NoRole } else { Stray::NoTarget };
                self.stray(subscription, place, standing, stray);
            }
            (Hand::Foreign, Some(place)) => self.foreign(subscription, place, standing),
            (Hand::Foreign, None) => {}
        }
    }

    /// The owner's role that a managed assignment stands for: the one in its description if that gives it, else the first that does.
    fn role_of(&self, standing: &Standing, place: Place<'_>) -> Option<RoleName> {
        let definition = standing.assignment.triple.definition;
        let gives = |name: &RoleName| {
            self.desired.catalog.roles.get(name).is_some_and(|role| {
                role.environment == place.key.environment
                    && role.gives.iter().any(|g| g.kind == place.key.kind && g.definition.id == definition)
            })
        };
        let marked = self.mark(standing).and_then(|mark| mark.role);
        marked.filter(gives).or_else(|| self.desired.catalog.roles.keys().find(|name| gives(name)).cloned())
    }

    fn mark(&self, standing: &Standing) -> Option<Mark> {
        let description = standing.assignment.description.as_deref()?;
        self.desired.instances().find_map(|instance| Mark::read(description, instance))
    }

    /// Ours, where nothing puts it: attributed by its description, else by its subscription.
    fn stray(
        &mut self,
        subscription: &'a Subscription,
        place: Option<Place<'a>>,
        standing: &'a Standing,
        stray: Stray,
    ) {
        let mark = self.mark(standing);
        let belongs_to =
            subscription.belongs_to.as_ref().filter(|_| standing.assignment.triple.scope.subscription().is_some());
        let owner = mark
            .as_ref()
            .and_then(|mark| mark.owner)
            .or(place.map(|place| place.key.owner))
            .or(belongs_to.map(|(owner, _)| *owner));
        let role = mark.and_then(|mark| mark.role);
        let environment = match &role {
            Some(role) => self.desired.catalog.roles.get(role).map(|role| role.environment.clone()),
            None => None,
        };
        let environment = environment.or(belongs_to.map(|(_, environment)| environment.clone()));
        let Some(owner) = owner else {
            let who = self.who(standing);
            self.plan.blocked.push(Blocked {
                action: Action::Revoke,
                owner: None,
                environment,
                role,
                who: who.to_string(),
                scope: Some(standing.assignment.triple.scope.clone()),
                block: Block::OwnerUnknown(stray),
                origins: Vec::new(),
            });
            return;
        };
        *self.plan.standing.entry(owner).or_default() += 1;
        self.surplus(&Surplus { subscription, standing, owner, environment, role, stray: Some(stray) });
    }

    /// Ours, and git does not want it: removed if that is proven.
    fn surplus(&mut self, surplus: &Surplus<'a>) {
        if matches!(self.desired.file_of(surplus.owner), OwnerFile::Broken(_)) {
            *self.plan.kept.entry(surplus.owner).or_default() += 1; // the file's own errors are said elsewhere
            return;
        }
        if self.orphan_that_git_still_lists(surplus) {
            return;
        }
        match self.proof(surplus) {
            Ok(because) => self.revoke(surplus, because),
            Err(block) => self.block_revoke(surplus, block),
        }
    }

    /// A deleted person whom git still lists is not removed: Entra can restore them for 30 days.
    fn orphan_that_git_still_lists(&mut self, surplus: &Surplus<'a>) -> bool {
        let principal = surplus.standing.assignment.triple.principal;
        let Some(ById::Deleted { name, on }) = self.observed.people.by_id.get(&principal) else { return false };
        let doubts = self.wanted.doubts.get(&surplus.owner).into_iter().flatten().map(|doubt| doubt.grant);
        let mut listed = doubts.filter(|grant| {
            (grant.user.name == *name || grant.user.id == Some(principal)) && self.concerns(surplus, &grant.role)
        });
        let Some(grant) = listed.next() else { return false };
        let (origin, gone) = (grant.user.origin.clone(), Gone::Deleted(*on));
        // The grant is not missing, it is orphaned: one message, not two.
        let role = &grant.role;
        self.plan.blocked.retain(|blocked| {
            !(blocked.owner == Some(surplus.owner)
                && blocked.role.as_ref() == Some(role)
                && blocked.origins.first() == Some(&origin)
                && matches!(blocked.block, Block::UnknownPerson(_)))
        });
        let message = format!("{gone}, and still listed: restore the user, or take the entry out of the file");
        self.find(Code::Orphaned, surplus, message, vec![origin]);
        true
    }

    /// Why this may be removed, or why not.
    fn proof(&self, surplus: &Surplus<'a>) -> Result<Because, Block> {
        let Surplus { subscription, standing, owner, stray, role: _, environment: _ } = surplus;
        let triple = &standing.assignment.triple;
        let (file, removed) = match self.desired.file_of(*owner) {
            OwnerFile::Read(file) => (file, false),
            OwnerFile::Removed(file) => (file, true),
            OwnerFile::Missing => return Err(Block::OwnerFileMissing),
            OwnerFile::Broken(_) => return Err(Block::OwnerFileBroken),
        };
        if let Some(ById::Unanswered(trouble)) = self.observed.people.by_id.get(&triple.principal) {
            return Err(Block::PersonUnanswered(trouble.clone()));
        }
        if let Some(entry) = self.wanted.doubt(*owner, triple.principal, |listed| self.concerns(surplus, listed)) {
            return Err(Block::Doubt(entry.name.clone()));
        }
        if let Some(stray) = stray
            && self.wanted.unplaced.contains(&(*owner, triple.principal))
        {
            return Err(Block::StillListed(*stray));
        }
        let ended = self.wanted.ended.get(&(&triple.scope, triple.principal, triple.definition));
        let ended = ended.and_then(|grant| grant.until);
        match &self.desired.revision {
            Revision::Commit { time, edited, .. } => {
                let made = standing.assignment.created_on;
                // What HEAD lists with a last day is not absent from HEAD: it has ended, whenever it was made by then.
                let has_ended = ended.zip(made).is_some_and(|(until, made)| day(made) <= until);
                if !has_ended && !edited.contains(&file) && made.is_none_or(|made| made > *time) {
                    return Err(Block::MadeAfterCommit { made, commit: *time });
                }
            }
            Revision::NotInGit => {}
            Revision::Unknown(reason) => return Err(Block::CommitUnknown(reason.clone())),
        }
        if let Locks::Known(locks) = &subscription.locks
            && let Some(lock) = locks.iter().find(|lock| lock.scope.holds(&triple.scope))
        {
            return Err(Block::Locked(lock.clone()));
        }
        Ok(match stray {
            Some(stray) => Because::Stray(*stray),
            None if standing.hand == Hand::Foreign => Because::Unmanaged,
            None if removed => Because::OwnerRemoved,
            None => match (ended, self.gone(triple.principal)) {
                (Some(until), _) => Because::Ended(until),
                (None, None) if surplus.role.is_none() => Because::Retired,
                (None, gone) => Because::NotListed { gone },
            },
        })
    }

    /// Whether somebody listed with this role could be the one who holds a surplus.
    fn concerns(&self, surplus: &Surplus<'_>, listed: &RoleName) -> bool {
        let definition = surplus.standing.assignment.triple.definition;
        let Some(role) = self.desired.catalog.roles.get(listed) else { return true };
        surplus.role.as_ref().map_or(surplus.stray.is_some(), |role| role == listed)
            || (surplus.environment.as_ref().is_none_or(|environment| *environment == role.environment)
                && role.gives.iter().any(|gives| gives.definition.id == definition))
    }

    fn gone(&self, principal: PrincipalId) -> Option<Gone> {
        match self.observed.people.by_id.get(&principal)? {
            ById::Deleted { on, .. } => Some(Gone::Deleted(*on)),
            ById::Gone => Some(Gone::ForGood),
            ById::Person(_) | ById::NotAPerson(_) | ById::Unanswered(_) => None,
        }
    }

    fn revoke(&mut self, surplus: &Surplus<'a>, because: Because) {
        let assignment = &surplus.standing.assignment;
        let triple = assignment.triple.clone();
        let ended = self.wanted.ended.get(&(&assignment.triple.scope, triple.principal, triple.definition));
        let change = Change {
            action: Action::Revoke,
            owner: surplus.owner,
            environment: surplus.environment.clone(),
            role: surplus.role.clone(),
            who: self.who(surplus.standing),
            definition_name: self.desired.catalog.definition_name(triple.definition).map(Arc::from),
            name: assignment.name,
            description: assignment.description.as_deref().unwrap_or_default().to_owned(),
            origins: ended.map(|grant| grant.origin.clone()).into_iter().collect(),
            because,
            triple,
        };
        self.plan.changes.push(change);
    }

    fn block_revoke(&mut self, surplus: &Surplus<'a>, block: Block) {
        let who = self.who(surplus.standing);
        self.plan.blocked.push(Blocked {
            action: Action::Revoke,
            owner: Some(surplus.owner),
            environment: surplus.environment.clone(),
            role: surplus.role.clone(),
            who: who.to_string(),
            scope: Some(surplus.standing.assignment.triple.scope.clone()),
            block,
            origins: Vec::new(),
        });
    }

    /// Others' assignment at a managed target, with a managed role definition, that git does not list.
    fn foreign(&mut self, subscription: &'a Subscription, place: Place<'a>, standing: &'a Standing) {
        let assignment = &standing.assignment;
        if !assignment.principal_type.is_people() || matches!(standing.pim, Pim::Activated | Pim::Timed) {
            return; // applications are not people, and what PIM gives for a time ends by itself
        }
        let surplus = Surplus {
            subscription,
            standing,
            owner: place.key.owner,
            environment: Some(place.key.environment.clone()),
            role: self.role_of(standing, place),
            stray: None,
        };
        if let Some(gone) = self.gone(assignment.triple.principal) {
            let message = format!("made by someone else for a person {gone}; remove it by hand");
            self.find(Code::Orphaned, &surplus, message, Vec::new());
            return;
        }
        let revoke =
            self.desired.policy.unmanaged == Unmanaged::Revoke && assignment.principal_type == PrincipalType::User;
        if !revoke {
            let message = if assignment.principal_type == PrincipalType::User {
                "made by someone else and not listed: list it in git, or remove it by hand"
            } else {
                "made by someone else, and not for a person: list the people in git, and remove it by hand"
            };
            self.find(Code::Unmanaged, &surplus, message.to_owned(), Vec::new());
            return;
        }
        if standing.pim == Pim::Unanswered {
            self.block_revoke(&surplus, Block::PimUnanswered);
            return;
        }
        match self.proof(&surplus) {
            Ok(because) => self.revoke(&surplus, because),
            Err(block) => self.block_revoke(&surplus, block),
        }
    }

    fn find(
        &mut self,
        code: Code,
        surplus: &Surplus<'a>,
        message: String,
        origins: Vec<crate::model::desired::Origin>,
    ) {
        let finding = Finding {
            code,
            owner: Some(surplus.owner),
            environment: surplus.environment.clone(),
            role: surplus.role.clone(),
            who: Some(self.who(surplus.standing)),
            scope: Some(surplus.standing.assignment.triple.scope.clone()),
            assignment: Some(surplus.standing.assignment.resource_id()),
            message,
            origins,
            accepted: None,
        };
        self.plan.findings.push(finding);
    }

    fn who(&self, standing: &Standing) -> Who {
        let (id, principal_type) = (standing.assignment.triple.principal, standing.assignment.principal_type);
        match self.observed.people.by_id.get(&id) {
            Some(ById::Person(person)) => Who { principal_type, ..Who::person(person) },
            Some(ById::Deleted { name, .. }) => {
                Who { id, principal_type, name: Some(name.clone()), display_name: None }
            }
            Some(ById::NotAPerson(name)) => Who { id, principal_type, name: None, display_name: Some(name.clone()) },
            Some(ById::Gone | ById::Unanswered(_)) | None => Who { id, principal_type, name: None, display_name: None },
        }
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn key(standing: &Standing) -> (PrincipalId, RoleDefinitionId) {
    (standing.assignment.triple.principal, standing.assignment.triple.definition)
}
