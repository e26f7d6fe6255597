//! Small hand-made plans: people and changes, each in a line.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    model::{
        assignment::{Mark, Triple, resource_id},
        catalog::Gives,
        desired::{Desired, FileId, Grant, Origin, Owner, OwnerFile, Place, Revision, UserEntry},
        ids::{AssignmentName, TenantId, UserName},
        owner::{EnvironmentName, InstanceName, RoleName},
        policy::Policy,
    },
    plan::{
        Plan, Unread,
        approve::Refused,
        blocked::{Block, Blocked},
        change::{Action, Because, Change, Who},
        finding::{Code, Finding},
    },
    report::View,
};

use super::invented::{KEY_VAULT, catalog, code, scope, trouble};

/// A desired state and a plan under construction.
pub(super) struct World {
    pub desired: Desired,
    pub plan: Plan,
    pub refused: Vec<Refused>,
    pub errors: usize,
}

impl World {
    /// Two owners with files, and forty-one assignments that are as they should be.
    pub(super) fn new() -> Self {
        let desired = Desired {
            tenant: TenantId(Uuid::from_u128(0xaa)),
            instance: InstanceName::new("altinn-apps"),
            former_instances: Vec::new(),
            catalog: catalog(),
            owners: BTreeMap::new(),
            grants: Vec::new(),
            policy: Policy::default(),
            revision: Revision::Commit {
                hash: "3f2a9c1".into(),
                time: "2026-11-22T08:00:00Z".parse().unwrap(),
                edited: std::collections::BTreeSet::new(),
            },
        };
        let plan = Plan { unchanged: 41, ..Plan::default() };
        let mut world = Self { desired, plan, refused: Vec::new(), errors: 0 };
        world.owner("ttd", "Testdepartementet", OwnerFile::Read);
        world.owner("skd", "Skatteetaten", OwnerFile::Read);
        world
    }

    pub(super) fn owner(&mut self, owner: &str, title: &str, file: fn(FileId) -> OwnerFile) {
        let known = self.desired.owners.len();
        let id = self.desired.owners.get(&code(owner)).map_or(known, |owner| match owner.file {
            OwnerFile::Read(id) | OwnerFile::Removed(id) | OwnerFile::Broken(id) => id.0 as usize,
            OwnerFile::Missing => known,
        });
        let owner_of = Owner {
            title: Some(title.into()),
            file: file(FileId(u32::try_from(id).unwrap())),
            environments: None,
            resources: BTreeMap::new(),
            reviewers: Vec::new(),
            contact: None,
        };
        self.desired.owners.insert(code(owner), owner_of);
    }

    pub(super) fn origin(&self, owner: &str, line: u32) -> Origin {
        match self.desired.owners[&code(owner)].file {
            OwnerFile::Read(file) | OwnerFile::Removed(file) | OwnerFile::Broken(file) => {
                Origin { file, path: Box::new([line, 15]) }
            }
            OwnerFile::Missing => panic!("{owner} has no file"),
        }
    }

    /// A change to one assignment; for a role of the catalogue, on its own kind of target.
    pub(super) fn change(
        &mut self,
        action: Action,
        person: &Who,
        owner: &str,
        role: &str,
        because: Because,
    ) -> &mut Change {
        let role_of = self.desired.catalog.roles[role].clone();
        let environment = self.desired.catalog.environments[&role_of.environment].azure_name.clone();
        let Gives { kind, definition, privileged: _ } = &role_of.gives[0];
        let scope = scope(owner, &environment, kind.as_str());
        let triple = Triple { scope, principal: person.id, definition: definition.id };
        let name = triple.name(&self.desired.instance);
        self.plan.changes.push(Change {
            action,
            owner: code(owner),
            environment: Some(role_of.environment.clone()),
            role: Some(RoleName::new(role)),
            who: person.clone(),
            definition_name: Some(definition.name.as_str().into()),
            name,
            description: Mark::text(&self.desired.instance, code(owner), &RoleName::new(role), None),
            origins: Vec::new(),
            because,
            triple,
        });
        self.plan.changes.last_mut().unwrap()
    }

    /// A grant in git, and the change that makes it.
    pub(super) fn grant(&mut self, person: &Who, owner: &str, role: &str, line: u32) -> &mut Grant {
        self.grant_with(person, owner, role, line, None, None)
    }

    pub(super) fn grant_with(
        &mut self,
        person: &Who,
        owner: &str,
        role: &str,
        line: u32,
        until: Option<&str>,
        reason: Option<&str>,
    ) -> &mut Grant {
        let until = until.map(|day| day.parse().unwrap());
        let reason: Option<Arc<str>> = reason.map(Into::into);
        let origin = self.origin(owner, line);
        let because = Because::Listed { until, reason: reason.clone() };
        self.change(Action::Grant, person, owner, role, because).origins = vec![origin.clone()];
        let name = person.name.clone().unwrap_or_else(|| UserName::new("x"));
        self.desired.grants.push(Grant {
            owner: code(owner),
            user: Arc::new(UserEntry {
                name,
                id: None,
                also_at: std::collections::BTreeSet::new(),
                origin: origin.clone(),
            }),
            role: RoleName::new(role),
            until,
            reason,
            ticket: None,
            origin,
        });
        self.desired.grants.last_mut().unwrap()
    }

    pub(super) fn revoke(&mut self, person: &Who, owner: &str, role: &str, because: Because) -> &mut Change {
        self.change(Action::Revoke, person, owner, role, because)
    }

    pub(super) fn block(&mut self, who: &str, owner: &str, role: &str, line: u32, block: Block) {
        let origins = vec![self.origin(owner, line)];
        self.plan.blocked.push(Blocked {
            action: Action::Grant,
            owner: Some(code(owner)),
            environment: Some(self.desired.catalog.roles[role].environment.clone()),
            role: Some(RoleName::new(role)),
            who: who.into(),
            scope: None,
            block,
            origins,
        });
    }

    pub(super) fn find(&mut self, finding: Code, person: &Who, owner: &str, role: &str, message: &str) -> &mut Finding {
        let scope = scope(owner, "prod", KEY_VAULT);
        self.plan.findings.push(Finding {
            code: finding,
            owner: Some(code(owner)),
            environment: Some(EnvironmentName::new("prod")),
            role: Some(RoleName::new(role)),
            who: Some(person.clone()),
            assignment: Some(resource_id(&scope, AssignmentName(Uuid::nil()))),
            scope: Some(scope),
            message: message.into(),
            origins: Vec::new(),
            accepted: None,
        });
        self.plan.findings.last_mut().unwrap()
    }

    pub(super) fn unread(&mut self, owner: &str, doing: &str) {
        self.plan.unread.push(Unread {
            stops: crate::plan::Stops::Removals,
            owner: Some(code(owner)),
            trouble: Arc::new(trouble(doing)),
        });
    }

    /// The view of it, given to `report`.
    pub(super) fn view<T>(&self, report: impl FnOnce(&View<'_>) -> T) -> T {
        let places = |origin: &Origin| {
            let of_file = |owner: &&Owner| match owner.file {
                OwnerFile::Read(file) | OwnerFile::Removed(file) | OwnerFile::Broken(file) => file == origin.file,
                OwnerFile::Missing => false,
            };
            let owner = self.desired.owners.iter().find(|(_, owner)| of_file(owner)).unwrap().0;
            let number = |index: usize| origin.path.get(index).map_or(1, |number| *number as usize);
            Place { file: format!("owners/{owner}.yaml"), line: number(0), column: number(1) }
        };
        report(&View {
            desired: &self.desired,
            plan: &self.plan,
            refused: &self.refused,
            deferred: &[],
            places: &places,
            errors: self.errors,
            mistakes: &[],
            folder: "",
            observed_at: "2026-11-22T09:00:00Z".parse::<Timestamp>().unwrap(),
            config_digest: "sha256:c0ffee",
            observed_digest: "sha256:0b5e2d",
            tool: "tilgang 0.1.0",
            is_applying: false,
            fit: crate::report::Fit::GithubComment,
            owners: None,
            saved: None,
            base: None,
        })
    }
}
