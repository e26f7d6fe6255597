//! What stands and git does not want: whose it is, and whether its removal is proven.
//!
//! Unknown never removes: each removal passes [`Compare::proof`] or becomes a [`Blocked`] with the reason.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::model::{
    assignment::{Hand, Mark, Pim, PrincipalType, Standing, is_marked_only},
    desired::{Grant, Origin, OwnerFile, Revision, UserEntry},
    former::ChangedHands,
    ids::{PrincipalId, RoleDefinitionId, ScopeId},
    observed::{Locks, Sighting, Subscription, TargetKey},
    owner::{EnvironmentName, KindName, OwnerCode, RoleName},
    people::ById,
    policy::Unmanaged,
    trouble::Trouble,
};

use super::{
    blocked::{Block, Blocked},
    change::{Action, Because, Change, EXPIRY_RECENT_DAYS, Gone, Stray, Who},
    compare::Compare,
    doubt::{Holder, is_gone_for_good},
    finding::{Code, Finding},
    keeps::{self, roles_giving},
    mark::marked_by,
    resolve::resolve,
    selection::is_replaced,
    want::Place,
};

/// What stands, and whose place it is, as the removal of an assignment needs to know it.
pub(super) struct Surplus<'a> {
    subscription: &'a Subscription,
    standing: &'a Standing,
    /// Whose it is, if nothing speaks against it.
    owner: Option<OwnerCode>,
    environment: Option<EnvironmentName>,
    role: Option<RoleName>,
    stray: Option<Stray>,
}

/// Where git lists somebody: owner, role, and the line.
type Listed = (Option<OwnerCode>, Option<RoleName>, Option<Origin>);

impl<'a> Compare<'a> {
    /// It stands, and git does not want it there. Whether it goes is judged when everything wanted has been looked at.
    pub(super) fn unwanted(
        &mut self,
        subscription: Option<&'a Subscription>,
        place: Option<Place<'a>>,
        standing: &'a Standing,
    ) {
        let Some(subscription) = subscription else { return };
        let definition = standing.assignment.triple.definition;
        let managed = place.filter(|place| self.managed.contains(&(&place.key.kind, definition)));
        let surplus = match (standing.hand, managed) {
            (_, Some(place)) => Surplus {
                subscription,
                standing,
                owner: Some(place.key.owner),
                environment: Some(place.key.environment.clone()),
                role: self.role_of(standing, place),
                stray: None,
            },
            (Hand::Ours, None) => self.stray(subscription, place, standing),
            (Hand::Foreign, None) => return,
        };
        if let (Hand::Ours, Some(owner)) = (standing.hand, surplus.owner) {
            *self.plan.standing.entry(owner).or_default() += 1;
        }
        self.surplus.push(surplus);
    }

    /// The owner's role that a managed assignment stands for: the one in its description, else the first that gives it.
    fn role_of(&self, standing: &Standing, place: Place<'_>) -> Option<RoleName> {
        let roles = &self.desired.catalog.roles;
        let here = |name: &RoleName| roles.get(name).is_some_and(|role| role.environment == place.key.environment);
        let definition = standing.assignment.triple.definition;
        let mut giving = roles.iter().filter(|(name, role)| {
            here(name) && role.gives.iter().any(|g| g.kind == place.key.kind && g.definition.id == definition)
        });
        let marked = self.mark(standing).map(|mark| mark.role);
        marked.filter(here).or_else(|| giving.next().map(|(name, _)| name.clone()))
    }

    fn mark(&self, standing: &Standing) -> Option<Mark> {
        let description = standing.assignment.description.as_deref()?;
        self.desired.instances().find_map(|instance| Mark::read(description, instance))
    }

    /// Ours, where nothing puts it. Description, place and subscription must not name different owners.
    fn stray(&self, subscription: &'a Subscription, place: Option<Place<'a>>, standing: &'a Standing) -> Surplus<'a> {
        let mark = self.mark(standing);
        let in_it = standing.assignment.triple.scope.subscription().is_some();
        let belongs_to = subscription.belongs_to.as_ref().filter(|_| in_it);
        let named: BTreeSet<OwnerCode> = mark
            .iter()
            .map(|mark| mark.owner)
            .chain(place.map(|place| place.key.owner))
            .chain(belongs_to.map(|(owner, _)| *owner))
            .collect();
        let role = mark.map(|mark| mark.role);
        let of_role = role.as_ref().and_then(|role| self.desired.catalog.roles.get(role)).map(|role| &role.environment);
        let of_place = place.map(|place| &place.key.environment).or(belongs_to.map(|(_, environment)| environment));
        Surplus {
            subscription,
            standing,
            owner: named.first().copied().filter(|_| named.len() == 1),
            environment: of_place.or(of_role).cloned(),
            role,
            stray: Some(if place.is_some() { Stray::NoRole } else { Stray::NoTarget }),
        }
    }

    /// Judges what is surplus, one by one.
    pub(super) fn judge_surplus(&mut self) {
        let mut restorable = BTreeSet::new();
        for surplus in std::mem::take(&mut self.surplus) {
            let before = self.plan.changes.len();
            match surplus.standing.hand {
                Hand::Ours => self.ours(&surplus, &mut restorable),
                Hand::Foreign => self.foreign(&surplus),
            }
            if self.plan.changes.len() == before {
                self.kept(surplus);
            }
        }
        // A grant to somebody who was deleted, and whose assignment stands, is not missing but orphaned: said once.
        self.plan.blocked.retain(|blocked| {
            let place = (blocked.owner, blocked.role.clone(), blocked.origins.first().cloned());
            !(matches!(blocked.block, Block::UnknownPerson(_)) && restorable.contains(&place))
        });
    }

    /// It stays: if it is somebody's role in production, somebody has that role.
    fn kept(&mut self, surplus: Surplus<'a>) {
        let Standing { assignment, pim, hand: _ } = surplus.standing;
        let in_prod = surplus.environment.as_ref().is_some_and(|name| self.desired.policy.production.contains(name));
        let holds = surplus.stray.is_none()
            && assignment.principal_type.is_people()
            && !matches!(pim, Pim::Activated | Pim::Timed)
            && self.gone(assignment.triple.principal).is_none();
        if let (Some(owner), Some(role), true) = (surplus.owner, surplus.role, in_prod && holds) {
            self.plan.staying.insert((owner, role));
        }
    }

    /// Whether only its description makes it ours: where PIM ends it, it is as little ours to change as anybody's.
    pub(super) fn is_ours_by_description(&self, standing: &Standing) -> bool {
        standing.hand == Hand::Ours && is_marked_only(&standing.assignment, self.desired.instances())
    }

    fn ours(&mut self, surplus: &Surplus<'a>, restorable: &mut BTreeSet<Listed>) {
        if matches!(surplus.standing.pim, Pim::Activated | Pim::Timed) && self.is_ours_by_description(surplus.standing)
        {
            return; // what PIM gives for a time ends by itself
        }
        if let Some(owner) = surplus.owner
            && matches!(self.desired.file_of(owner), OwnerFile::Broken(_))
        {
            *self.plan.kept.entry(owner).or_default() += 1; // the file's own errors are said elsewhere
            return;
        }
        if let Some((grants, gone)) = self.restorable_and_listed(surplus) {
            let origins: BTreeSet<Origin> = grants.iter().map(|grant| grant.user.origin.clone()).collect();
            let listed = |grant: &&Grant| (surplus.owner, Some(grant.role.clone()), Some(grant.user.origin.clone()));
            restorable.extend(grants.iter().map(listed));
            let message = format!("{gone}, and still listed: restore the user, or take the entry out of the file");
            self.find(Code::Orphaned, surplus, message, origins.into_iter().collect());
            return;
        }
        self.judge(surplus);
    }

    fn judge(&mut self, surplus: &Surplus<'a>) {
        match self.proof(surplus) {
            Ok((owner, because)) => self.revoke(surplus, owner, because),
            Err(block) => self.block_revoke(surplus, block),
        }
    }

    /// A deleted person whom git still lists is not removed: Entra can restore them for 30 days. With all that lists them.
    fn restorable_and_listed(&self, surplus: &Surplus<'a>) -> Option<(Vec<&'a Grant>, Gone)> {
        let principal = surplus.standing.assignment.triple.principal;
        let Some(ById::Deleted { name, on }) = self.observed.people.by_id.get(&principal) else { return None };
        let doubts = self.wanted.doubts.get(&surplus.owner?)?.iter().map(|doubt| doubt.grant);
        let listed = doubts.filter(|grant| {
            (grant.user.name == *name || grant.user.id == Some(principal)) && self.concerns(surplus, &grant.role)
        });
        let listed: Vec<&Grant> = listed.collect();
        (!listed.is_empty()).then_some((listed, Gone::Deleted(*on)))
    }

    /// Why this may be removed and on whose word, or why not.
    fn proof(&self, surplus: &Surplus<'a>) -> Result<(OwnerCode, Because), Block> {
        let Surplus { subscription, standing, owner, stray, role, environment: _ } = surplus;
        let triple = &standing.assignment.triple;
        if self.wanted.shared.contains(&triple.scope) {
            return Err(Block::TargetShared);
        }
        let owner = match (owner, stray) {
            (Some(owner), _) => *owner,
            (None, stray) => return Err(Block::OwnerUnknown(stray.unwrap_or(Stray::NoTarget))),
        };
        let (file, removed) = match self.desired.file_of(owner) {
            OwnerFile::Read(file) => (file, false),
            OwnerFile::Removed(file) => (file, true),
            OwnerFile::Missing => return Err(Block::OwnerFileMissing),
            OwnerFile::Broken(_) => return Err(Block::OwnerFileBroken),
        };
        if standing.pim == Pim::Unanswered && self.is_ours_by_description(standing) {
            return Err(Block::PimUnanswered);
        }
        if let Some(ById::Unanswered(trouble)) = self.observed.people.by_id.get(&triple.principal) {
            return Err(Block::PersonUnanswered(trouble.clone()));
        }
        if let (Some(Stray::NoTarget), Some(trouble)) = (stray, self.unseen_target(owner, surplus)) {
            return Err(Block::Unread(trouble.clone()));
        }
        if let Some((_, changed)) = self.claim(surplus) {
            return Err(Block::NameChangedHands(changed.clone()));
        }
        let listed_as = self.listed_as(owner, surplus);
        if let Some(entry) =
            listed_as.filter(|_| !is_gone_for_good(&Holder::of(standing, &self.observed.people), self.observed))
        {
            return Err(Block::Doubt(entry.name.clone()));
        }
        // What git now means for a listed person is not standing yet, and what stands is what it meant before.
        let given_up = !role.as_ref().is_some_and(|role| self.gives(role, triple.definition));
        if (stray.is_some() || given_up) && self.wanted.waiting.contains_key(&(owner, triple.principal)) {
            return Err(Block::StillListed(stray.unwrap_or(Stray::NoRole)));
        }
        if *stray == Some(Stray::NoTarget) && self.is_named(owner, &triple.scope) && self.is_listed(owner, surplus) {
            return Err(Block::NotShown);
        }
        let ended = self.wanted.ended.get(&(&triple.scope, triple.principal, triple.definition));
        let ended = ended.and_then(|grant| grant.until);
        if let Some(grant) = self.waiting_for(owner, surplus).filter(|_| ended.is_none()) {
            return Err(Block::GrantWaits(grant.role.clone()));
        }
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
        let because = match (stray, ended, self.gone(triple.principal)) {
            _ if standing.hand == Hand::Foreign => Because::Unmanaged { ended },
            _ if listed_as.is_some() => Because::PersonGone,
            (Some(stray), ..) => Because::Stray(*stray),
            _ if removed => Because::OwnerRemoved,
            (None, Some(on), _) => Because::Ended { on, recently: self.recently(on) },
            (None, None, None) if given_up => Because::Retired,
            (None, None, gone) => Because::NotListed { gone },
        };
        Ok((owner, because))
    }

    /// Why a target of the owner in a surplus's environment could not be looked for: it could be where the surplus is, and what git
    /// lists there could mean its holder.
    fn unseen_target(&self, owner: OwnerCode, surplus: &Surplus<'_>) -> Option<&'a Arc<Trouble>> {
        let could_be = |key: &TargetKey| {
            key.owner == owner && surplus.environment.as_ref().is_none_or(|environment| *environment == key.environment)
        };
        self.observed.targets.iter().filter(|(key, _)| could_be(key)).find_map(|(_, sighting)| match sighting {
            Sighting::Unseen(trouble) => Some(trouble),
            Sighting::Found(_) | Sighting::Missing(_) | Sighting::Several(_) => None,
        })
    }

    /// Whether the naming rule still leads to a resource of this name and type. An index that lags may show another one in
    /// its place: it finds, and never proves that something is gone (FACTS §5).
    fn is_named(&self, owner: OwnerCode, scope: &ScopeId) -> bool {
        let kinds = &self.desired.catalog.kinds;
        let of_kind = |kind: &KindName| {
            kinds.get(kind).is_some_and(|kind| scope.folded().contains(&format!("/providers/{}/", kind.arm_type)))
        };
        let mut keys = self.observed.targets.keys().filter(|key| key.owner == owner);
        keys.any(|key| scope.last_segment().eq_ignore_ascii_case(&key.name) && of_kind(&key.kind))
    }

    /// Whether git lists the holder today with a role that a surplus could stand for.
    fn is_listed(&self, owner: OwnerCode, surplus: &Surplus<'_>) -> bool {
        let principal = surplus.standing.assignment.triple.principal;
        let mut grants =
            self.desired.grants.iter().filter(|grant| grant.owner == owner && !grant.has_ended(self.today));
        grants.any(|grant| {
            let person = resolve(&grant.user, &self.observed.people);
            person.is_ok_and(|person| person.id == principal) && self.concerns(surplus, &grant.role)
        })
    }

    /// What the holder of a surplus shall have in its place and cannot get now.
    fn waiting_for(&self, owner: OwnerCode, surplus: &Surplus<'_>) -> Option<&'a Grant> {
        let holder = Holder::of(surplus.standing, &self.observed.people);
        let environment_of = |grant: &Grant| self.desired.catalog.roles.get(&grant.role).map(|role| &role.environment);
        let here = |grant: &&'a Grant| is_replaced(surplus.environment.as_ref(), environment_of(grant));
        let waiting = self.wanted.waiting.get(&(owner, holder.id)).into_iter().flatten().copied();
        // Listed by this id or today's name, and yet not told for certain from anybody else.
        let doubts = self.wanted.doubts.get(&owner).filter(|_| self.gone(holder.id).is_none()).into_iter().flatten();
        let listed = doubts.filter(|doubt| doubt.is_written_as(&holder)).map(|doubt| doubt.grant);
        waiting.chain(listed).find(here)
    }

    /// Somebody whom git lists here and who could not be told from the holder.
    fn listed_as(&self, owner: OwnerCode, surplus: &Surplus<'a>) -> Option<&'a UserEntry> {
        let holder = Holder::of(surplus.standing, &self.observed.people);
        self.wanted.doubt(owner, &holder, &self.observed.people, |listed| self.concerns(surplus, listed))
    }

    /// A grant to a name that led to the holder before, and leads to another account now.
    fn claim(&self, surplus: &Surplus<'a>) -> Option<&(&'a Grant, Arc<ChangedHands>)> {
        let claims = self.wanted.claims.get(&(surplus.owner?, surplus.standing.assignment.triple.principal))?;
        claims.iter().find(|(grant, _)| self.concerns(surplus, &grant.role))
    }

    /// Whether a last day has just passed. One that lies far back was written so: its removal is an edit, not an expiry.
    fn recently(&self, on: Date) -> bool {
        on.saturating_add(SignedDuration::from_hours(EXPIRY_RECENT_DAYS * 24)) >= self.today
    }

    fn gives(&self, role: &RoleName, definition: RoleDefinitionId) -> bool {
        let role = self.desired.catalog.roles.get(role);
        role.is_some_and(|role| role.gives.iter().any(|gives| gives.definition.id == definition))
    }

    /// Whether somebody listed with this role could be the one who holds a surplus. A surplus whose role the catalogue does
    /// not know, or no longer gives, could be anybody's in its environment.
    fn concerns(&self, surplus: &Surplus<'_>, listed: &RoleName) -> bool {
        let definition = surplus.standing.assignment.triple.definition;
        let Some(role) = self.desired.catalog.roles.get(listed) else { return true };
        let meant = surplus.role.as_ref().filter(|role| self.desired.catalog.roles.contains_key(*role));
        let same_environment = surplus.environment.as_ref().is_none_or(|environment| *environment == role.environment);
        match meant {
            Some(meant) => meant == listed || (same_environment && self.gives(listed, definition)),
            None => same_environment,
        }
    }

    fn gone(&self, principal: PrincipalId) -> Option<Gone> {
        match self.observed.people.by_id.get(&principal)? {
            ById::Deleted { on, .. } => Some(Gone::Deleted(*on)),
            ById::Gone => Some(Gone::ForGood),
            ById::Person(_) | ById::NotAPerson(_) | ById::NoUser | ById::Unanswered(_) => None,
        }
    }

    fn revoke(&mut self, surplus: &Surplus<'a>, owner: OwnerCode, because: Because) {
        let assignment = &surplus.standing.assignment;
        let triple = assignment.triple.clone();
        let ended = self.wanted.ended.get(&(&assignment.triple.scope, triple.principal, triple.definition));
        let change = Change {
            action: Action::Revoke,
            owner,
            environment: surplus.environment.clone(),
            role: surplus.role.clone(),
            who: Who::of(surplus.standing, &self.observed.people),
            definition_name: self.observed.name_of(triple.definition, &self.desired.catalog).map(Arc::from),
            name: assignment.name,
            description: assignment.description.as_deref().unwrap_or_default().to_owned(),
            origins: ended.map(|grant| grant.origin.clone()).into_iter().collect(),
            because,
            triple,
        };
        self.plan.changes.push(change);
    }

    fn block_revoke(&mut self, surplus: &Surplus<'a>, block: Block) {
        let who = Who::of(surplus.standing, &self.observed.people);
        let claim = self.claim(surplus).filter(|_| matches!(block, Block::NameChangedHands(_)));
        let origins = claim.map(|(grant, _)| grant.user.origin.clone()).into_iter().collect();
        self.plan.blocked.push(Blocked {
            action: Action::Revoke,
            owner: surplus.owner,
            environment: surplus.environment.clone(),
            role: surplus.role.clone(),
            who: who.to_string(),
            scope: Some(surplus.standing.assignment.triple.scope.clone()),
            block,
            origins,
        });
    }

    /// Others' assignment at a managed target, with a managed role definition, that git does not list.
    fn foreign(&mut self, surplus: &Surplus<'a>) {
        let Surplus { standing, owner: Some(owner), .. } = surplus else { return };
        let assignment = &standing.assignment;
        if !assignment.principal_type.is_people() || matches!(standing.pim, Pim::Activated | Pim::Timed) {
            return; // applications are not people, and what PIM gives for a time ends by itself
        }
        if let Some(other) = marked_by(standing) {
            // Counted once an owner (`instances`), and named here: anybody can write a mark, and it must not hide who has access.
            let message = format!("its description says that another instance of tilgang made it: `{other}`");
            self.outsider(Code::OtherInstance, surplus, message);
            return;
        }
        if let Some(gone) = self.gone(assignment.triple.principal) {
            let message = format!("created outside tilgang for a person {gone}: remove it in the portal");
            self.find(Code::Orphaned, surplus, message, Vec::new());
            return;
        }
        let is_person = assignment.principal_type == PrincipalType::User;
        let other_instance =
            assignment.description.as_deref().is_some_and(|text| text.trim_start().starts_with("tilgang/"));
        if self.desired.policy.unmanaged == Unmanaged::Revoke && is_person && !other_instance {
            *self.plan.standing.entry(*owner).or_default() += 1; // what a share of removals is counted from
            if standing.pim == Pim::Unanswered {
                self.block_revoke(surplus, Block::PimUnanswered);
            } else {
                self.judge(surplus);
            }
            return;
        }
        if matches!(self.desired.file_of(*owner), OwnerFile::Broken(_)) {
            return; // what the file lists is not known; its errors are said elsewhere
        }
        if let Some((grant, changed)) = self.claim(surplus) {
            let (message, origins) = (changed.to_string(), vec![grant.user.origin.clone()]);
            self.find(Code::NameChangedHands, surplus, message, origins);
            return;
        }
        // A group is nobody whom a file lists.
        if let Some(entry) = self.listed_as(*owner, surplus).filter(|_| is_person) {
            let name = &entry.name;
            let message = format!(
                "created outside tilgang; this could be `{name}`, whom the file lists and who could not be resolved"
            );
            self.find(Code::Unmanaged, surplus, message, Vec::new());
            return;
        }
        let message = if is_person {
            "created outside tilgang and not in git: list it in git, or remove it in the portal"
        } else {
            "created outside tilgang, and not for a person: list the people in git, and remove it in the portal"
        };
        self.outsider(Code::Unmanaged, surplus, message.to_owned());
    }

    /// Somebody whom git does not list: said as that, or as one who was removed from git and keeps the access.
    fn outsider(&mut self, code: Code, surplus: &Surplus<'a>, message: String) {
        let assignment = &surplus.standing.assignment;
        let (scope, principal) = (&assignment.triple.scope, assignment.triple.principal);
        let place = surplus.owner.zip(self.wanted.targets.get(scope));
        let is_kept = place.is_some_and(|(owner, place)| {
            let roles = roles_giving(&self.desired.catalog, place.key, assignment.triple.definition);
            self.unlisted.is_kept(owner, (principal, assignment.principal_type), roles)
        });
        let also = Some(message.as_str()).filter(|_| code != Code::Unmanaged);
        let (code, message) = if is_kept { (Code::Keeps, keeps::message(also)) } else { (code, message) };
        self.find(code, surplus, message, Vec::new());
    }

    fn find(&mut self, code: Code, surplus: &Surplus<'a>, message: String, origins: Vec<Origin>) {
        let finding = Finding {
            code,
            owner: surplus.owner,
            environment: surplus.environment.clone(),
            role: surplus.role.clone(),
            who: Some(Who::of(surplus.standing, &self.observed.people)),
            scope: Some(surplus.standing.assignment.triple.scope.clone()),
            assignment: Some(surplus.standing.assignment.resource_id()),
            message,
            origins,
            accepted: None,
        };
        self.plan.findings.push(finding);
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
