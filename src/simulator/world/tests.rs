//! Each rule of Azure that the world follows, with its source.

use jiff::SignedDuration;

use super::*;
use crate::{
    model::ids::{PrincipalId, UserName},
    simulator::file,
};

const WORLD: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
clock: 2026-11-22T09:00:00Z
applications:
  - { name: tilgang, secret: x }
  - { name: reader, secret: x }
  - { name: narrow, secret: x }
users: [kari.fiktiv@ai-dev.no, ola.dikt@ai-dev.no]
groups:
  - { name: inner, members: [kari.fiktiv@ai-dev.no] }
  - { name: outer, members: [inner] }
subscriptions:
  - name: One
    management_groups: [altinn]
    resources: [vault kv, vault kv-2]
  - name: Two
    resources: [vault other]
    locks: [{ name: frozen, level: ReadOnly, scope: other }]
assignments:
  - { principal: tilgang, role: Role Based Access Control Administrator, scope: / }
  - { principal: reader, role: Reader, scope: One }
  - { principal: narrow, role: Key Vault Secrets Officer, scope: kv }
  - { principal: outer, role: Reader, scope: altinn }
";

struct Sim {
    world: World,
    caller: PrincipalId,
}

const NAME: AssignmentName = AssignmentName(Uuid::from_u128(7));
const OTHER: AssignmentName = AssignmentName(Uuid::from_u128(8));

impl Sim {
    fn new() -> Self {
        let world = file::read(WORLD).unwrap();
        let caller = world.applications().find(|found| found.name == "tilgang").unwrap().id;
        Self { world, caller }
    }

    fn as_(mut self, name: &str) -> Self {
        self.caller = self.world.applications().find(|found| found.name == name).unwrap().id;
        self
    }

    fn at(&self, name: &str) -> ScopeId {
        self.world.resources().find(|found| found.name == name).unwrap().id.clone()
    }

    fn subscription(&self, name: &str) -> ScopeId {
        ScopeId::subscription_scope(self.world.subscriptions().find(|found| found.name == name).unwrap().id)
    }

    fn id(&self, name: &str) -> PrincipalId {
        self.world.user_named(&UserName::new(name)).unwrap().id
    }

    fn body(&self, person: &str, role: &str) -> Body {
        let definition = self.world.definitions().find(|found| found.name == role).unwrap().id.to_string();
        Body { principal: Some(self.id(person)), definition, ..Body::default() }
    }

    fn put(&mut self, name: AssignmentName, at: &ScopeId, body: &Body) -> Result<Assignment, Refusal> {
        self.world.put(self.caller, at, name, body)
    }

    fn code(&mut self, name: AssignmentName, at: &ScopeId, body: &Body) -> String {
        self.put(name, at, body).unwrap_err().code
    }

    fn listed(&self, at: &ScopeId, filter: &str) -> usize {
        self.world.list(self.caller, at, Scoping::read(filter).unwrap()).unwrap().len()
    }
}

/// Recorded: an update answers with a fresh `createdOn` and keeps the stored one (FACTS §1.6).
#[test]
fn the_same_name_again_is_an_update_of_three_properties() {
    let mut sim = Sim::new();
    let (at, body) = (sim.at("kv"), sim.body("kari.fiktiv@ai-dev.no", "Key Vault Secrets Officer"));
    let condition = Body { condition: Some(VALID.into()), condition_version: Some("2.0".into()), ..body.clone() };
    let made = sim.put(NAME, &at, &condition).unwrap();
    assert_eq!((made.created_by, made.updated_by), (None, Some(sim.caller)));
    assert!(made.created_on < made.updated_on);
    sim.world.wait(SignedDuration::from_mins(5));
    let again = Body { description: Some("why".into()), ..body };
    assert_eq!(sim.put(NAME, &at, &again).unwrap().created_by, None);
    let stored = sim.world.assignment(NAME).unwrap();
    assert_eq!(stored.created_on.to_string(), "2026-11-22T09:00:00Z");
    assert_eq!(stored.updated_on.to_string(), "2026-11-22T09:05:00Z");
    assert_eq!((stored.condition.as_deref(), stored.description.as_deref()), (None, Some("why")));
    assert_eq!(stored.created_by, Some(sim.caller));
}

/// A condition that can be read.
const VALID: &str = "@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'x'";

/// azure-docs conditions-troubleshoot.md and #119449: whatever is wrong with it, the words are the same.
#[test]
fn a_condition_that_cannot_be_read_is_refused() {
    let mut sim = Sim::new();
    let (at, body) = (sim.at("kv"), sim.body("kari.fiktiv@ai-dev.no", "Key Vault Secrets Officer"));
    for (condition, version) in
        [(Some("nonsense"), Some("2.0")), (Some(VALID), Some("1.0")), (Some(VALID), Some("")), (None, Some("2.0"))]
    {
        let body =
            Body { condition: condition.map(Into::into), condition_version: version.map(Into::into), ..body.clone() };
        let refusal = sim.put(NAME, &at, &body).unwrap_err();
        assert_eq!(
            (refusal.status, refusal.message.as_str()),
            (400, "The given role assignment condition is invalid."),
            "{condition:?} {version:?}"
        );
    }
    assert!(sim.world.assignment(NAME).is_none());
}

/// Public reports: 409 `ReadOnlyDisabledSubscription` to a PUT. What is there can be read.
#[test]
fn a_disabled_subscription_is_read_only() {
    let mut sim = Sim::new();
    let (at, body) = (sim.at("kv"), sim.body("kari.fiktiv@ai-dev.no", "Key Vault Secrets Officer"));
    let of = sim.world.subscriptions().find(|found| Some(found.id) == at.subscription()).unwrap().clone();
    for (state, code) in [("Disabled", Some("ReadOnlyDisabledSubscription")), ("Warned", None), ("Enabled", None)] {
        sim.world.place_subscription(SubscriptionEntry { state: state.to_owned(), ..of.clone() });
        assert_eq!(sim.put(NAME, &at, &body).err().map(|refusal| refusal.code).as_deref(), code, "{state}");
        assert!(sim.world.list(sim.caller, &at, Scoping::default()).is_ok());
    }
}

/// azure-docs troubleshooting.md; a name is unique in the whole tenant.
#[test]
fn a_name_belongs_to_one_triple() {
    let mut sim = Sim::new();
    let (at, other) = (sim.at("kv"), sim.at("kv-2"));
    let (kari, ola) = (sim.body("kari.fiktiv@ai-dev.no", "Reader"), sim.body("ola.dikt@ai-dev.no", "Reader"));
    sim.put(NAME, &at, &kari).unwrap();
    assert_eq!(sim.code(NAME, &at, &ola), "RoleAssignmentUpdateNotPermitted");
    assert_eq!(sim.code(NAME, &other, &kari), "RoleAssignmentUpdateNotPermitted");
    assert_eq!(sim.code(OTHER, &at, &kari), "RoleAssignmentExists");
    let lower = ScopeId::new(&at.as_str().to_lowercase()); // ids are compared without regard to case (FACTS §1.5)
    assert_eq!(sim.code(OTHER, &lower, &kari), "RoleAssignmentExists");
    assert_eq!(sim.world.get(sim.caller, &other, NAME).unwrap_err().status, 404);
    assert_eq!(sim.world.delete(sim.caller, &other, NAME).unwrap(), None);
}

/// Recorded: 341 of 341 PUTs keep the spelling of their URL (FACTS §1.5).
#[test]
fn the_spelling_of_a_scope_is_kept() {
    let mut sim = Sim::new();
    let at = ScopeId::new(&sim.at("kv").as_str().to_lowercase());
    sim.put(NAME, &at, &sim.body("kari.fiktiv@ai-dev.no", "Reader")).unwrap();
    let stored = sim.world.assignment(NAME).unwrap();
    assert_eq!(stored.triple.scope.as_str(), at.as_str());
    assert!(stored.resource_id().starts_with(at.as_str()));
}

#[test]
fn what_a_put_must_say() {
    let mut sim = Sim::new();
    let (at, body) = (sim.at("kv"), sim.body("kari.fiktiv@ai-dev.no", "Reader"));
    assert_eq!(sim.code(NAME, &at, &Body { principal: None, ..body.clone() }), "InvalidPrincipalId");
    assert_eq!(
        sim.code(NAME, &at, &Body { definition: Uuid::nil().to_string(), ..body.clone() }),
        "RoleDefinitionDoesNotExist"
    );
    let nobody = Some(PrincipalId(Uuid::nil()));
    assert_eq!(sim.code(NAME, &at, &Body { principal: nobody, ..body.clone() }), "PrincipalNotFound");
    let group = Some("Group".to_owned());
    assert_eq!(sim.code(NAME, &at, &Body { principal_type: group, ..body.clone() }), "UnmatchedPrincipalType");
    let long = Some("x".repeat(2_049));
    assert_eq!(sim.code(NAME, &at, &Body { description: long, ..body.clone() }), "BadRequest");
    assert_eq!(sim.put(NAME, &at, &body).unwrap().principal_type.as_ref(), "User"); // filled in (recorded, 25 of 25)
}

/// 4,000 in a subscription with everything below it (azure-docs troubleshoot-limits.md).
#[test]
fn a_subscription_is_full_at_its_limit() {
    let mut sim = Sim::new();
    sim.world.settings.assignments_max = 3; // two stand already
    let at = sim.at("kv");
    sim.put(NAME, &at, &sim.body("kari.fiktiv@ai-dev.no", "Reader")).unwrap();
    assert_eq!(sim.code(OTHER, &at, &sim.body("ola.dikt@ai-dev.no", "Reader")), "RoleAssignmentLimitExceeded");
    sim.world.delete(sim.caller, &at, NAME).unwrap().unwrap();
    sim.put(OTHER, &at, &sim.body("ola.dikt@ai-dev.no", "Reader")).unwrap();
}

/// Recorded: unfiltered at, above and below; `atScope()` not below; `principalId` direct only (FACTS §1.2).
#[test]
fn what_a_list_holds() {
    let mut sim = Sim::new();
    let (one, at) = (sim.subscription("One"), sim.at("kv"));
    sim.put(NAME, &at, &sim.body("kari.fiktiv@ai-dev.no", "Reader")).unwrap();
    let kari = sim.id("kari.fiktiv@ai-dev.no");
    assert_eq!(sim.listed(&one, ""), 5); // root, management group, subscription, two at the vault
    assert_eq!(sim.listed(&one, "atScope()"), 3);
    assert_eq!(sim.listed(&at, ""), 5);
    assert_eq!(sim.listed(&sim.at("kv-2"), ""), 3);
    assert_eq!(sim.listed(&sim.subscription("Two"), ""), 1);
    assert_eq!(sim.listed(&one, &format!("principalId eq '{kari}'")), 1);
    assert_eq!(sim.listed(&one, &format!("assignedTo('{kari}')")), 2); // through two groups, from above
    assert_eq!(sim.listed(&one, &format!("atScope() and assignedTo('{kari}')")), 1);
    assert_eq!(Scoping::read(&format!("atScope() and principalId eq '{kari}'")).unwrap_err().status, 400);
    assert!(Scoping::read("roleDefinitionId eq 'x'").is_err());
}

/// Recorded: `AuthorizationFailed` names client, object, action and scope.
#[test]
fn rights() {
    let mut sim = Sim::new().as_("reader");
    let (one, at) = (sim.subscription("One"), sim.at("kv"));
    assert_eq!(sim.listed(&one, ""), 4);
    let refusal = sim.put(NAME, &at, &sim.body("kari.fiktiv@ai-dev.no", "Reader")).unwrap_err();
    let client = sim.world.client_word(sim.caller);
    assert_eq!(
        refusal.message,
        format!(
            "The client '{client}' with object id '{}' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '{at}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            sim.caller
        )
    );
    assert!(refusal.by_gateway);
    assert_eq!(sim.world.list(sim.caller, &sim.subscription("Two"), Scoping::default()).unwrap_err().status, 403);
    assert_eq!(sim.world.visible_resources(sim.caller).count(), 2);
    let narrow = Sim::new().as_("narrow");
    assert_eq!(narrow.world.visible_resources(narrow.caller).count(), 1);
    assert_eq!(narrow.world.visible_subscriptions(narrow.caller).count(), 0);
    assert_eq!(narrow.world.subscriptions_of(narrow.caller).len(), 1);
    let nowhere = ScopeId::new("/subscriptions/00000000-0000-0000-0000-0000000000ee");
    assert_eq!(
        narrow.world.list(narrow.caller, &nowhere, Scoping::default()).unwrap_err().code,
        "SubscriptionNotFound"
    );
}

/// A lock stops deletes, not creates (azure-docs#110791); a ReadOnly one stops both (inferred, FACTS §1.8).
#[test]
fn locks() {
    let mut sim = Sim::new();
    let (at, frozen) = (sim.at("kv"), sim.at("other"));
    let body = sim.body("kari.fiktiv@ai-dev.no", "Reader");
    let lock =
        LockEntry { scope: sim.subscription("One"), name: "keep".into(), level: "CanNotDelete".into(), notes: None };
    sim.world.place_lock(lock.clone());
    sim.put(NAME, &at, &body).unwrap();
    let refusal = sim.world.delete(sim.caller, &at, NAME).unwrap_err();
    assert_eq!((refusal.status, refusal.code.as_str()), (409, "ScopeLocked"));
    assert!(refusal.message.contains(&format!("are locked: '{}'. Please", lock.scope)));
    assert_eq!(sim.code(OTHER, &frozen, &body), "ScopeLocked");
    sim.world.remove_locks(&lock.scope);
    let gone = sim.world.delete(sim.caller, &at, NAME).unwrap().unwrap();
    assert_eq!(gone.updated_on, sim.world.now()); // recorded (FACTS §1.7)
    assert_eq!(sim.world.delete(sim.caller, &at, NAME).unwrap(), None);
}

/// azure-docs troubleshooting.md: the assignments of a deleted user stay; 30 days to restore it.
#[test]
fn a_deleted_user_leaves_its_assignments_and_can_come_back() {
    let mut sim = Sim::new();
    let (at, kari) = (sim.at("kv"), sim.id("kari.fiktiv@ai-dev.no"));
    let body = sim.body("kari.fiktiv@ai-dev.no", "Reader");
    sim.put(NAME, &at, &body).unwrap();
    assert!(sim.world.delete_user(kari));
    assert!(!sim.world.delete_user(kari));
    assert!(sim.world.user(kari).is_none() && sim.world.user_named(&UserName::new("kari.fiktiv@ai-dev.no")).is_none());
    assert!(sim.world.deleted_user(kari).unwrap().shown_name().ends_with("kari.fiktiv@ai-dev.no"));
    assert_eq!(sim.world.assignment(NAME).unwrap().principal_type.as_ref(), "User");
    assert_eq!(sim.code(OTHER, &sim.at("kv-2"), &body), "PrincipalNotFound");
    sim.world.wait(SignedDuration::from_hours(29 * 24));
    assert!(sim.world.restore_user(kari));
    assert_eq!(sim.id("kari.fiktiv@ai-dev.no"), kari);
    sim.world.delete_user(kari);
    sim.world.wait(SignedDuration::from_hours(30 * 24));
    assert!(sim.world.deleted_user(kari).is_none() && !sim.world.restore_user(kari));
}

/// FACTS §8 (inferred): a timed assignment is listed like any other, until it ends.
#[test]
fn a_timed_assignment_ends_by_itself() {
    let mut sim = Sim::new();
    let (at, one) = (sim.at("kv"), sim.subscription("One"));
    sim.put(NAME, &at, &sim.body("kari.fiktiv@ai-dev.no", "Reader")).unwrap();
    let ends = Some(sim.world.now() + SignedDuration::from_hours(8));
    let timed = Assignment { term: Term { activated: true, ends }, ..sim.world.assignment(NAME).unwrap().clone() };
    sim.world.place(timed);
    assert_eq!(sim.listed(&one, ""), 5);
    sim.world.wait(SignedDuration::from_hours(8));
    assert_eq!(sim.listed(&one, ""), 4);
    assert_eq!(sim.world.get(sim.caller, &at, NAME).unwrap_err().code, "RoleAssignmentNotFound");
}

/// What anybody does to a world is written and read back.
#[test]
fn a_changed_world_is_written_and_read_back() {
    let mut sim = Sim::new();
    sim.put(NAME, &sim.at("kv"), &sim.body("kari.fiktiv@ai-dev.no", "Reader")).unwrap();
    sim.world.delete_user(sim.id("ola.dikt@ai-dev.no"));
    let text = serde_yaml::to_string(&file::write(&sim.world)).unwrap();
    assert_eq!(file::read(&text).unwrap(), sim.world);
}

/// FACTS §9: Role Based Access Control Administrator with a condition on what is assigned, and on what is taken away.
#[test]
fn a_condition_narrows_who_assigns() {
    let mut sim = Sim::new();
    let at = sim.at("kv");
    let (ours, other) =
        (sim.body("kari.fiktiv@ai-dev.no", "Key Vault Secrets Officer"), sim.body("kari.fiktiv@ai-dev.no", "Owner"));
    sim.put(OTHER, &at, &other).unwrap();
    let clause = |action: &str, from: &str| {
        format!(
            "((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{action}'}})) OR (@{from}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{b86a8fe4-44ce-4948-aee5-eccb2c155cd7}}))"
        )
    };
    let condition = format!("{} AND {}", clause("write", "Request"), clause("delete", "Resource"));
    let held = sim.world.all_assignments().find(|found| found.triple.principal == sim.caller).unwrap().clone();
    sim.world.place(Assignment { condition: Some(condition.into()), ..held });
    sim.put(NAME, &at, &ours).unwrap();
    sim.world.delete(sim.caller, &at, NAME).unwrap().unwrap();
    let refused = sim.put(NAME, &sim.at("kv-2"), &other).unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (403, "AuthorizationFailed"));
    assert!(
        refused.message.contains("has an authorization with ABAC condition that is not fulfilled to perform action")
    );
    assert_eq!(sim.world.delete(sim.caller, &at, OTHER).unwrap_err().status, 403);
}
