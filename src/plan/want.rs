//! Grants → wanted assignments at targets, and what stands in the way of the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::model::{
    catalog::{Gives, RoleDefinition},
    desired::{Desired, Grant, Origin, UserEntry},
    ids::{PrincipalId, RoleDefinitionId, ScopeId},
    observed::{Observed, Reading, Sighting, Target, TargetKey},
    owner::{EnvironmentName, KindName, OwnerCode},
    people::{Hint, Person},
};

use super::{
    blocked::{Block, Blocked},
    change::{Action, Who},
    changed_hands::{self, Changed, Claims, Former},
    content::{self, Listed, Objection},
    doubt::{self, Doubt},
    finding::{Code, Finding},
    resolve::resolve,
};

/// What git wants, in Azure's terms.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    /// Wanted assignments, by scope.
    pub at: BTreeMap<&'a ScopeId, Vec<Want<'a>>>,
    /// Each target that was found, by scope.
    pub targets: BTreeMap<&'a ScopeId, Place<'a>>,
    /// Resources that are a target twice: nobody can say whose an assignment there is.
    pub shared: BTreeSet<&'a ScopeId>,
    /// Grants whose day has passed, by scope: they explain a removal.
    pub ended: BTreeMap<(&'a ScopeId, PrincipalId, RoleDefinitionId), &'a Grant>,
    /// Grants whose person could not be resolved, by owner: whoever stands there unexplained could be one of them.
    pub doubts: BTreeMap<OwnerCode, Vec<Doubt<'a>>>,
    /// Accounts that a listed name led to before: what they hold may be what git means.
    pub claims: Claims<'a>,
    /// What policy has against grants, by the place of the grant. It keeps them from being made, and takes nothing away.
    pub objections: BTreeMap<&'a Origin, Vec<Objection<'a>>>,
    /// Grants that cannot be made now, by who would gain them: what has no certain place yet, or is held otherwise.
    pub waiting: BTreeMap<(OwnerCode, PrincipalId), Vec<&'a Grant>>,
    /// Grants that cannot be made.
    pub blocked: Vec<Blocked>,
    /// What people should know.
    pub findings: Vec<Finding>,
    /// Owners whose people could not be looked up as such, and why.
    pub unproven: BTreeMap<OwnerCode, String>,
}

/// One wanted assignment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want<'a> {
    pub person: &'a Person,
    pub definition: &'a RoleDefinition,
    pub grant: &'a Grant,
}

impl Want<'_> {
    pub(super) fn key(&self) -> (PrincipalId, RoleDefinitionId) {
        (self.person.id, self.definition.id)
    }
}

/// Whose target a scope is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub key: &'a TargetKey,
    pub target: &'a Target,
}

pub(super) fn want<'a>(desired: &'a Desired, observed: &'a Observed, today: Date) -> Wanted<'a> {
    let mut wanted = Wanted::default();
    let mut places: BTreeMap<(OwnerCode, &EnvironmentName, &KindName), Vec<&Sighting>> = BTreeMap::new();
    for (key, sighting) in &observed.targets {
        places.entry((key.owner, &key.environment, &key.kind)).or_default().push(sighting);
        if let Sighting::Found(target) = sighting
            && wanted.targets.insert(&target.scope, Place { key, target }).is_some()
        {
            wanted.shared.insert(&target.scope);
        }
    }
    let mut person = Memo {
        last: None,
        unproven: doubt::unproven_ids(desired, observed, today),
        former: Former::of(desired, observed, today),
        changed: BTreeMap::new(),
        findings: Vec::new(),
    };
    let mut listed = Vec::with_capacity(desired.grants.len());
    for grant in &desired.grants {
        let Some(role) = desired.catalog.roles.get(&grant.role) else { continue }; // config lets none through
        let ended = grant.has_ended(today);
        let resolved = person.resolve(grant, observed);
        if !ended {
            listed.push(Listed { grant, person: resolved.as_ref().ok().copied() });
        }
        let person = match resolved {
            Ok(person) => person,
            Err(_) if ended => continue, // nothing is wanted, so nothing is missing
            Err(block) => {
                let deleted = match &block {
                    Block::UnknownPerson(Hint::Deleted { id, .. }) => Some(*id),
                    Block::IdUnproven(_) => doubt::deleted(&grant.user, &observed.people),
                    _ => None, // however sure `id` looks, the name may lead to whom is meant
                };
                wanted.doubts.entry(grant.owner).or_default().push(Doubt { grant, id: deleted });
                let blocked = blocked(grant, &role.environment, None, block);
                wanted.blocked.push(blocked);
                continue;
            }
        };
        for Gives { kind, definition, privileged: _ } in &role.gives {
            let sightings = places.get(&(grant.owner, &role.environment, kind)).map_or(&[][..], Vec::as_slice);
            if sightings.is_empty() && !ended {
                let words = format!("no target of kind `{kind}` was looked for");
                wanted.block(grant, role, person, None, Block::TargetMissing(words));
            }
            for sighting in sightings {
                match *sighting {
                    Sighting::Found(target) if wanted.shared.contains(&target.scope) => {
                        if !ended {
                            wanted.block(grant, role, person, Some(&target.scope), Block::TargetShared);
                        }
                    }
                    Sighting::Found(target) if ended => {
                        wanted.ended.insert((&target.scope, person.id, definition.id), grant);
                    }
                    _ if ended => {}
                    Sighting::Found(target) => {
                        match observed.subscriptions.get(&target.subscription).map(|s| &s.reading) {
                            Some(Reading::Seen(_)) => {
                                wanted.at.entry(&target.scope).or_default().push(Want { person, definition, grant });
                            }
                            Some(Reading::Unseen(trouble)) => {
                                wanted.block(grant, role, person, Some(&target.scope), Block::Unread(trouble.clone()));
                            }
                            None => {
                                let words = "its subscription was not read".to_owned();
                                wanted.block(grant, role, person, Some(&target.scope), Block::TargetMissing(words));
                            }
                        }
                    }
                    Sighting::Missing(words) => {
                        wanted.block(grant, role, person, None, Block::TargetMissing(words.clone()));
                    }
                    Sighting::Several(scopes) => {
                        wanted.block(grant, role, person, None, Block::TargetSeveral(scopes.clone()));
                    }
                    Sighting::Unseen(trouble) => {
                        wanted.block(grant, role, person, None, Block::Unread(trouble.clone()));
                    }
                }
            }
        }
    }
    for wants in wanted.at.values_mut() {
        wants.sort_by_key(|want| (want.key(), &want.grant.origin));
    }
    wanted.findings.append(&mut person.findings);
    (wanted.objections, wanted.unproven) = content::judge(desired, observed, &listed, &person.changed, today);
    wanted.claims = changed_hands::claims(&person.changed, listed.iter().map(|listed| listed.grant));
    wanted.widen_doubts(observed);
    wanted
}

impl<'a> Wanted<'a> {
    /// Whether a grant's name led to another account before.
    pub(super) fn changed_hands(&self, grant: &Grant) -> bool {
        let against = self.objections.get(&grant.origin).into_iter().flatten();
        against.into_iter().any(|it| matches!(it.block, Some(Block::NameChangedHands(_))))
    }

    fn block(
        &mut self,
        grant: &'a Grant,
        role: &crate::model::catalog::Role,
        person: &Person,
        scope: Option<&ScopeId>,
        block: Block,
    ) {
        self.waiting.entry((grant.owner, person.id)).or_default().push(grant);
        self.blocked.push(blocked(grant, &role.environment, scope, block));
    }
}

pub(super) fn blocked(grant: &Grant, environment: &EnvironmentName, scope: Option<&ScopeId>, block: Block) -> Blocked {
    Blocked {
        action: Action::Grant,
        owner: Some(grant.owner),
        environment: Some(environment.clone()),
        role: Some(grant.role.clone()),
        who: grant.user.name.to_string(),
        scope: scope.cloned(),
        origins: vec![match &block {
            Block::UnknownPerson(_)
            | Block::GonePerson
            | Block::NotAPerson(_)
            | Block::OtherPerson { .. }
            | Block::NameChangedHands(_)
            | Block::NewerThanLine { .. }
            | Block::LineAgeUnknown { .. }
            | Block::NameElsewhere(_)
            | Block::IdUnproven(_)
            | Block::PersonUnanswered(_) => grant.user.origin.clone(),
            _ => grant.origin.clone(),
        }],
        block,
    }
}

/// The grants of a person follow each other: each entry is resolved once.
struct Memo<'a> {
    last: Option<(&'a Arc<UserEntry>, Result<&'a Person, Block>)>,
    /// Entries whose id is not believed.
    unproven: BTreeSet<&'a Origin>,
    former: Former<'a>,
    changed: Changed<'a>,
    findings: Vec<Finding>,
}

impl<'a> Memo<'a> {
    fn resolve(&mut self, grant: &'a Grant, observed: &'a Observed) -> Result<&'a Person, Block> {
        let entry = &grant.user;
        if let Some((last, answer)) = &self.last
            && Arc::ptr_eq(last, entry)
        {
            return answer.clone();
        }
        let answer = resolve(entry, &observed.people).and_then(|person| {
            let is_proven = !self.unproven.contains(&entry.origin);
            if is_proven { Ok(person) } else { Err(Block::IdUnproven(person.name.clone())) }
        });
        if let Ok(person) = &answer
            && let Some(changed) = self.former.changed(entry, person)
        {
            self.changed.insert(&entry.origin, changed);
        }
        if let Ok(person) = &answer
            && person.name != entry.name
        {
            self.findings.push(Finding {
                code: Code::Renamed,
                owner: Some(grant.owner),
                environment: None,
                role: None,
                who: Some(Who::person(person)),
                scope: None,
                assignment: None,
                message: format!("`{}` is now `{}` in Entra; write the new name in the file", entry.name, person.name),
                origins: vec![entry.origin.clone()],
                accepted: None,
            });
        }
        self.last = Some((entry, answer.clone()));
        answer
    }
}
