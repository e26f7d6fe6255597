//! What an adoption leaves out, with its words: what no role can say, whom git no longer lists, and where nothing could be looked at.

use std::collections::BTreeSet;

use crate::model::{
    assignment::{Hand, Pim, PrincipalType, Standing},
    desired::OwnerFile,
    observed::Sighting,
    owner::OwnerCode,
    people::{ById, Person},
};

use super::{Adopt, Held, Part, TakenOut};
use crate::plan::{
    change::{Gone, Who},
    doubt::Holder,
    finding::{Code, Finding},
    keeps::{self, roles_giving},
    mark::marked_by,
};

impl<'a> Adopt<'a> {
    /// Why what stands can be said by no role, whatever it gives.
    pub(super) fn obstacle(&self, owner: OwnerCode, standing: &Standing) -> Option<(Code, String)> {
        let Standing { assignment, pim, .. } = standing;
        let left = |why: &str| Some((Code::Unmanaged, why.to_owned()));
        let gone = |gone: Gone| Some((Code::Orphaned, format!("held by a person {gone}: remove it by hand")));
        match assignment.principal_type {
            PrincipalType::User => {}
            PrincipalType::Group => return left("held by a group: list its people in git, then remove it by hand"),
            PrincipalType::ServicePrincipal => {
                return left("held by an application: roles are for people, so it stays");
            }
            PrincipalType::ForeignGroup | PrincipalType::Other => return left("not one of this tenant: it stays"),
        }
        let person = match self.observed.people.by_id.get(&assignment.triple.principal) {
            Some(ById::Person(person)) => person,
            Some(ById::NotAPerson(_)) => return left("held by what is not a person: it stays"),
            Some(ById::Deleted { on, .. }) => return gone(Gone::Deleted(*on)),
            Some(ById::Gone) => return gone(Gone::ForGood),
            Some(ById::NoUser | ById::Unanswered(_)) | None => {
                return Some((Code::Unanswered, "who holds it could not be looked up: run again".to_owned()));
            }
        };
        match pim {
            Pim::Activated => return left("activated in PIM: it ends by itself"),
            Pim::Timed => return left("given for a time by PIM: it ends by itself; list the person if it shall stay"),
            Pim::Unanswered | Pim::NotAsked => {
                return Some((Code::MayEnd, "whether PIM ends it could not be asked: run again".to_owned()));
            }
            Pim::No => {}
        }
        if assignment.condition.is_some() {
            return left("held under a condition, which git cannot say: take the condition off, or this away, by hand");
        }
        if let Some(other) = marked_by(standing) {
            let why = format!("made by another instance of tilgang (`tilgang/{other}`): let that one give it up first");
            return Some((Code::OtherInstance, why));
        }
        if !(self.terms.may_list)(person.name.as_str()) {
            let guest = if person.guest { "a guest; " } else { "" };
            return left(&format!(
                "{guest}no owner's file may list a name outside `users.domains`: add the domain, or remove it by hand"
            ));
        }
        match self.desired.file_of(owner) {
            OwnerFile::Read(_) | OwnerFile::Missing => {}
            OwnerFile::Removed(_) => return left("the owner's file says `removed: true`: remove it by hand"),
            OwnerFile::Broken(_) => return left("the owner's file has errors: correct them, and run again"),
        }
        let holder = Holder::of(standing, &self.observed.people);
        let doubt = self.wanted.doubt(owner, &holder, &self.observed.people, |_| true)?;
        left(&format!(
            "this could be `{}`, whom the file lists and who could not be resolved: correct the entry, and run again",
            doubt.name
        ))
    }

    /// Others gave it to somebody whom git listed with it and lists no longer: whoever removed them meant that, and they are not
    /// listed again by accident.
    pub(super) fn is_taken_out(&mut self, owner: OwnerCode, held: &Held<'a>, person: &Person) -> bool {
        let (assignment, (_, definition)) = (&held.standing.assignment, held.part());
        let roles = roles_giving(&self.desired.catalog, held.place.key, definition);
        let is_foreign = held.standing.hand == Hand::Foreign;
        let role = self.unlisted.was_listed(owner, assignment.triple.principal, roles).filter(|_| is_foreign);
        let Some(role) = role.filter(|role| !self.is_in_file(owner, person, role)) else { return false };
        self.is.taken_out.insert(TakenOut { owner, user: person.name.clone(), role: role.clone() });
        self.left(Code::Keeps, held, keeps::message(None));
        true
    }

    pub(super) fn part_in_words(&self, (scope, definition): Part<'a>) -> String {
        let name = self.observed.name_of(definition, &self.desired.catalog).unwrap_or("another role definition");
        format!("{name} on `{}`", scope.last_segment())
    }

    pub(super) fn left(&mut self, code: Code, held: &Held<'a>, why: String) {
        let finding = self.finding(code, held, why);
        self.is.findings.push(finding);
    }

    pub(super) fn finding(&self, code: Code, held: &Held<'a>, why: String) -> Finding {
        let Held { standing, place, .. } = held;
        let definition = standing.assignment.triple.definition;
        let mut roles = self.desired.catalog.roles.iter().filter(|(_, role)| role.environment == place.key.environment);
        let part = held.part();
        let role = roles.find(|(_, role)| self.is_of(role, part)).map(|(name, _)| name.clone());
        let name = self.observed.name_of(definition, &self.desired.catalog).filter(|_| role.is_none());
        let message = name.map(|name| format!("`{name}`: {why}")).unwrap_or(why);
        Finding {
            owner: Some(place.key.owner),
            environment: Some(place.key.environment.clone()),
            role,
            who: Some(Who::of(standing, &self.observed.people)),
            scope: Some(place.target.scope.clone()),
            assignment: Some(standing.assignment.resource_id()),
            ..Finding::new(code, message, Vec::new())
        }
    }

    /// Where nothing could be looked at because no target was found.
    pub(super) fn targets(&mut self, chosen: impl Fn(OwnerCode) -> bool) {
        let targets = self.observed.targets.iter().filter(|(key, _)| chosen(key.owner));
        let found = targets.clone().filter(|(_, sighting)| !matches!(sighting, Sighting::Missing(_)));
        let found: BTreeSet<OwnerCode> = found.map(|(key, _)| key.owner).collect();
        for (key, sighting) in targets {
            let has_file = self.desired.file_of(key.owner) != OwnerFile::Missing;
            if !has_file && !found.contains(&key.owner) {
                self.is.empty.insert(key.owner);
                continue;
            }
            let environment = self.desired.catalog.environments.get(&key.environment);
            let subscription = environment.map(|it| it.subscription.fill(key.owner, &it.azure_name));
            let is_absent = subscription.is_some_and(|name| self.observed.absent.contains(&(key.owner, name)));
            let words = match sighting {
                Sighting::Missing(words) if !is_absent => words.clone(),
                Sighting::Several(_) => format!("several resources are called `{}`", key.name),
                Sighting::Missing(_) | Sighting::Found(_) | Sighting::Unseen(_) => continue,
            };
            let message = format!(
                "nothing was looked at there: {words}; if another one is meant, name it under `owners.{}.resources` in \
                 `tilgang.yaml`, and run again",
                key.owner
            );
            self.is.findings.push(Finding {
                owner: Some(key.owner),
                environment: Some(key.environment.clone()),
                ..Finding::new(Code::NotSeen, message, Vec::new())
            });
        }
    }
}
