//! What strangers do meanwhile: to assignments, to people, to locks, to targets.

use tilgang::{
    model::{
        assignment::Triple,
        ids::{AssignmentName, PrincipalId, ScopeId, UserName},
    },
    simulator::{
        SharedWorld, World,
        events::{Deed, Event, Rename},
        world::{Assignment, LockEntry, Resource, User},
    },
};
use uuid::Uuid;

use super::{
    choices::Choices,
    universe::{
        AGENCY_SECRETS, AGENCY_STATES, CALLER, Kind, OTHER_NAMES, PEOPLE, READER_OF_LOGS, SECRETS_OFFICER,
        SECRETS_USER, STOPS, define, definition, deny, short, stand, user_id,
    },
};

/// One deed, in one word.
pub fn happen(shared: &SharedWorld, choices: &Choices, at: &str) -> &'static str {
    let kind = choices.below(&format!("{at}/deed"), 20);
    let person = choices.below(&format!("{at}/deed/person"), PEOPLE.len());
    let pick = |what: &str, count: usize| choices.below(&format!("{at}/deed/{what}"), count);
    let name = PEOPLE[person].to_owned();
    shared.with(|world| {
        let assignments: Vec<Assignment> = world
            .all_assignments()
            .filter(|held| held.triple.principal.0 != CALLER)
            .filter(|held| held.triple.scope.is_resource())
            .cloned()
            .collect();
        let held = (!assignments.is_empty()).then(|| assignments[pick("assignment", assignments.len())].clone());
        let resources: Vec<Resource> = world.resources().cloned().collect();
        let resource = resources[pick("resource", resources.len())].clone();
        let event = |world: &mut World, does: Deed| {
            let done = shared.events.begin(world, vec![Event { at: None, does }]);
            done.iter().all(|happened| happened.failed.is_none())
        };
        let vaults: Vec<&Resource> = resources.iter().filter(|found| found.arm_type.ends_with("vaults")).collect();
        let vault = vaults[pick("vault", vaults.len())].id.to_string();
        let now = world.now();
        let called = world.user(PrincipalId(user_id(person))).map(|user| user.name.to_string());
        let other = called.filter(|called| *called != name);
        if let Some(user) = other.filter(|_| choices.rarely(&format!("{at}/deed/back"), 40)) {
            let done = event(world, Deed::RenameUser(Rename { user, to: name }));
            return if done { "renames a user back" } else { "could not do it" };
        }
        if let Some(done) = to_rights(world, choices, at, &resource) {
            return done;
        }
        let done = match (kind, held) {
            (0, Some(held)) => (world.unplace(held.name).is_some(), "takes an assignment away"),
            (1, Some(held)) => {
                world.unplace(held.name);
                stand(world, held.triple, Kind::Foreign, "", now, &held.principal_type);
                (true, "makes an assignment again under another name")
            }
            (2, Some(held)) => {
                world.place(Assignment {
                    condition: Some("@Resource[a:b] StringEquals 'c'".into()),
                    condition_version: Some("2.0".into()),
                    ..held
                });
                (true, "puts a condition on an assignment")
            }
            (3, Some(held)) => {
                world.place(Assignment { description: None, ..held });
                (true, "clears a description")
            }
            (4, Some(held)) => {
                let name = AssignmentName(Uuid::new_v5(&Uuid::NAMESPACE_OID, held.name.0.as_bytes()));
                world.unplace(held.name);
                world.place(Assignment { name, created_on: now, ..held });
                (true, "copies an assignment with its description")
            }
            (kind @ 5..=8, _) => {
                let text = role_of(world, choices, at, &resource);
                let triple = Triple {
                    scope: resource.id.clone(),
                    principal: PrincipalId(user_id(person)),
                    definition: definition(text),
                };
                let kind = [Kind::Foreign, Kind::Activated, Kind::ForeignWithCondition, Kind::Timed][kind - 5];
                stand(world, triple, kind, "", now, "User");
                (true, if kind == Kind::Activated { "activates a role" } else { "assigns by hand" })
            }
            (9, _) => (event(world, Deed::DeleteUser(name)), "deletes a user"),
            (10, _) => (event(world, Deed::RestoreUser(user_id(person).to_string())), "restores a user"),
            (11, _) => {
                let to = new_name(choices, at, person);
                (event(world, Deed::RenameUser(Rename { user: name, to })), "renames a user")
            }
            (12, _) => (event(world, Deed::ReplaceUser(name)), "gives a name to another person"),
            (13, _) => {
                let user = world.user_named(&UserName::new(&name)).cloned();
                if let Some(user) = user {
                    world.place_user(User { enabled: !user.enabled, ..user });
                }
                (true, "disables or enables a user")
            }
            (14, _) => {
                let level = ["CanNotDelete", "ReadOnly"][choices.below(&format!("{at}/deed/level"), 2)];
                lock(world, resource.id, level);
                (true, "locks a target")
            }
            (15, _) => {
                world.remove_locks(&resource.id);
                (true, "unlocks a target")
            }
            (16, _) => (event(world, Deed::DeleteVault(vault)), "deletes a vault"),
            (17, _) => (event(world, Deed::RecreateVault(vault)), "makes a vault anew"),
            (18, _) => (event(world, Deed::DeleteResource(resource.id.to_string())), "deletes a resource"),
            (19, _) => (event(world, Deed::RecoverVault(vault)), "recovers a vault"),
            _ => (false, ""),
        };
        if done.0 { done.1 } else { "could not do it" }
    })
}

/// What is done to role definitions, and to what may be written at a resource.
fn to_rights(world: &mut World, choices: &Choices, at: &str, resource: &Resource) -> Option<&'static str> {
    if choices.rarely(&format!("{at}/deed/agency"), 12) {
        let state = choices.below(&format!("{at}/deed/agency/state"), AGENCY_STATES.len());
        define(world, AGENCY_STATES[state]);
        return Some("changes a role definition");
    }
    if choices.rarely(&format!("{at}/deed/denial"), 8) {
        let stops = choices.below(&format!("{at}/deed/denial/stops"), STOPS.len());
        deny(world, resource.id.clone(), STOPS[stops]);
        return Some("denies something at a target");
    }
    None
}

/// What somebody comes to be called: like before, or not.
fn new_name(choices: &Choices, at: &str, person: usize) -> String {
    if choices.rarely(&format!("{at}/deed/unlike"), 50) {
        OTHER_NAMES[person].to_owned()
    } else {
        format!("{}.ny@ai-dev.no", short(PEOPLE[person]))
    }
}

/// A role definition that fits a resource, and that there is.
fn role_of(world: &World, choices: &Choices, at: &str, resource: &Resource) -> &'static str {
    if !resource.arm_type.ends_with("vaults") {
        return READER_OF_LOGS;
    }
    let is_custom = choices.rarely(&format!("{at}/deed/role/agency"), 15);
    if is_custom && world.definition(definition(AGENCY_SECRETS)).is_ok() {
        return AGENCY_SECRETS;
    }
    [SECRETS_OFFICER, SECRETS_USER][choices.below(&format!("{at}/deed/role"), 2)]
}

/// Locks a resource.
fn lock(world: &mut World, scope: ScopeId, level: &str) {
    world.place_lock(LockEntry { scope, name: "frozen".to_owned(), level: level.to_owned(), notes: None });
}

/// Takes the place of what is about to be made or put right: Azure allows one.
pub fn be_faster(world: &mut World, triple: &Triple, kind: usize) {
    if let Some(name) = world.assignment_of(triple) {
        world.unplace(name);
    }
    let kind = [Kind::Foreign, Kind::ForeignWithCondition, Kind::Activated][kind];
    let now = world.now();
    stand(world, triple.clone(), kind, "", now, "User");
}
