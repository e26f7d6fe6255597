//! A small, crowded Azure: three owners, six people, every target, and whatever can stand on it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tilgang::{
    model::{
        assignment::Triple,
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, TenantId, UserName},
    },
    simulator::{
        World,
        world::{
            Application, Assignment, Block, Definition, Group, LockEntry, Resource, SubscriptionEntry, Term, User,
            denials::Denial, rights::management_group,
        },
    },
};
use uuid::Uuid;

use super::{
    choices::Choices,
    git::{Catalogue, File, Git, ROLES},
};

pub const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
pub const INSTANCE: &str = "altinn-apps";
pub const FORMER: &str = "altinn-old";
/// What somebody writes by mistake.
pub const MISSPELT: &str = "altin-apps";
pub const READER_OF_LOGS: &str = "43d0d8ad-25c7-4714-9337-8ba259a9fe05";
pub const SECRETS_OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
pub const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";
/// A role definition of the agency's own, and what git calls it.
pub const AGENCY_SECRETS: &str = "5a9e7c11-7d0c-4c5e-9a51-6f3b8a2d4e01";
pub const AGENCY_NAME: &str = "Agency Secrets";
pub const GET_SECRET: &str = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
const ADMINISTRATOR: &str = "f58310d9-a9f6-439a-9e8d-f62e7b41a168";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
pub const OWNERS: [&str; 3] = ["k1103", "skd", "ttd"];
/// Key, name in Azure.
pub const ENVIRONMENTS: [(&str, &str); 2] = [("prod", "prod"), ("test", "tt02")];
pub const PEOPLE: [&str; 6] = [
    "kari.fiktiv@ai-dev.no",
    "ola.dikt@ai-dev.no",
    "siri.proeve@ai-dev.no",
    "per.papir@ai-dev.no",
    "nina.skisse@ai-dev.no",
    "breakglass@ai-dev.no",
];
/// What they may come to be called: nothing in it tells whose it is.
pub const OTHER_NAMES: [&str; 6] = [
    "ada.brud@ai-dev.no",
    "egil.bytte@ai-dev.no",
    "frida.vik@ai-dev.no",
    "gunn.hagen@ai-dev.no",
    "ivar.moen@ai-dev.no",
    "liv.strand@ai-dev.no",
];
pub const GROUP: Uuid = Uuid::from_u128(0xe1);
pub const CLIENT: Uuid = Uuid::from_u128(0xc1);
pub const CALLER: Uuid = Uuid::from_u128(0xc2);
pub const SECRET: &str = "s3cret";

/// Ours: namespace of derived names, as published with its test vectors.
const NAMESPACE: Uuid = Uuid::from_u128(0x7469_6c67_616e_4767_9b1e_5d0c_6a2f_4e13);

pub fn short(person: &str) -> &str {
    person.split('.').next().unwrap().split('@').next().unwrap()
}

pub fn user_id(person: usize) -> Uuid {
    Uuid::from_u128(0xa00 + person as u128)
}

/// Somebody else: alive under a name of their own, or under the person's name.
pub fn other_id(person: usize) -> Uuid {
    Uuid::from_u128(0xb00 + person as u128)
}

pub fn definition(text: &str) -> RoleDefinitionId {
    text.parse().unwrap()
}

/// The recipe of names, a second time: UUIDv5 over instance, scope, principal and role definition in lower case.
pub fn derived_name(instance: &str, triple: &Triple) -> AssignmentName {
    let Triple { scope, principal, definition } = triple;
    let key = format!("{instance}|{scope}|{principal}|{definition}").to_ascii_lowercase();
    AssignmentName(Uuid::new_v5(&NAMESPACE, key.as_bytes()))
}

pub fn subscription_name(owner: &str, environment: &str) -> String {
    let environment = if environment == "prod" { "Prod" } else { "Test" };
    format!("Altinn-{}-{environment}", owner.to_ascii_uppercase())
}

pub fn subscription_id(name: &str) -> SubscriptionId {
    SubscriptionId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes()))
}

fn resource(subscription: &str, group: &str, arm_type: &str, name: &str, tags: &[(&str, &str)]) -> Resource {
    let at = subscription_id(subscription);
    let properties = if arm_type.ends_with("vaults") { json!({ "enableRbacAuthorization": true }) } else { json!({}) };
    Resource {
        id: ScopeId::new(&format!("/subscriptions/{at}/resourceGroups/{group}/providers/{arm_type}/{name}")),
        arm_type: arm_type.to_owned(),
        name: name.to_owned(),
        group: group.to_owned(),
        location: "norwayeast".to_owned(),
        kind: None,
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        created: None,
        properties,
    }
}

const COMPONENT: &str = "microsoft.insights/components";
const VAULT: &str = "Microsoft.KeyVault/vaults";

/// Makes it, as the choices say, around what the first commit says.
pub fn world(choices: &Choices, git: &Git, now: Timestamp) -> World {
    let mut world = World::new(TENANT.parse::<TenantId>().unwrap());
    world.told(now);
    let mut settings = *world.settings();
    settings.consistency.lists_stale =
        SignedDuration::from_secs(if choices.rarely("world/stale-lists", 12) { 90 } else { 0 });
    settings.consistency.resource_graph_lag =
        SignedDuration::from_secs(if choices.rarely("world/graph-lags", 20) { 7_200 } else { 0 });
    settings.throttling = false; // pace is another test's
    world.set(settings);
    people(&mut world, choices, now);
    define(&mut world, AGENCY_STATES[choices.pick("world/agency", &[8, 2, 1, 1, 1, 1, 1])]);
    let mut names: Vec<(String, &str)> = vec![("Altinn-Shared".to_owned(), "shared")];
    for owner in OWNERS {
        for (environment, _) in ENVIRONMENTS {
            names.push((subscription_name(owner, environment), owner));
        }
    }
    for (name, _) in &names {
        // One that may refuse writes, and takes them: a disabled one would take none until somebody enables it.
        let state = if choices.rarely(&format!("world/{name}/disabled"), 3) { "Warned" } else { "Enabled" };
        world.place_subscription(SubscriptionEntry {
            id: subscription_id(name),
            name: name.clone(),
            state: state.to_owned(),
            tenant: None,
            management_groups: vec!["altinn".to_owned()],
            tags: BTreeMap::new(),
        });
        let right = match choices.pick(&format!("world/{name}/rights"), &[30, 1, 1]) {
            0 => Some(ADMINISTRATOR),
            1 => Some(READER),
            _ => None,
        };
        if let Some(right) = right {
            let scope = ScopeId::subscription_scope(subscription_id(name));
            let triple = Triple { scope, principal: PrincipalId(CALLER), definition: definition(right) };
            stand(&mut world, triple, Kind::Foreign, "", now, "ServicePrincipal");
        }
    }
    resources(&mut world, choices);
    standings(&mut world, choices, git, now);
    for (name, _) in &names {
        let how = choices.pick(&format!("world/{name}/denial"), &[80, 1, 1, 1, 1, 1]);
        let at = subscription_id(name);
        let vault = world.resources().find(|found| found.id.subscription() == Some(at) && found.arm_type == VAULT);
        let vault =
            vault.map(|found| found.id.clone()).filter(|_| choices.rarely(&format!("world/{name}/denial/one"), 50));
        if how > 0 {
            deny(&mut world, vault.unwrap_or_else(|| ScopeId::subscription_scope(at)), STOPS[how - 1]);
        }
    }
    world
}

/// In what state the agency's own role definition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agency {
    AsItShould,
    /// The same, and its assignable scope is a management group, which no path of a target names.
    OfManagementGroup,
    Renamed,
    WithoutDataActions,
    GivesAccess,
    Elsewhere,
    Deleted,
}

pub const AGENCY_STATES: [Agency; 7] = [
    Agency::AsItShould,
    Agency::OfManagementGroup,
    Agency::Renamed,
    Agency::WithoutDataActions,
    Agency::GivesAccess,
    Agency::Elsewhere,
    Agency::Deleted,
];

/// Brings the agency's own role definition into a state. Azure deletes none that somebody holds (azure-docs
/// troubleshooting.md): whoever deletes it takes it from everybody first.
pub fn define(world: &mut World, state: Agency) {
    let id = definition(AGENCY_SECRETS);
    if state == Agency::Deleted {
        let held: Vec<AssignmentName> =
            world.all_assignments().filter(|held| held.triple.definition == id).map(|held| held.name).collect();
        for name in held {
            world.unplace(name);
        }
        world.unplace_definition(id);
        return;
    }
    let subscriptions = OWNERS.iter().flat_map(|owner| ENVIRONMENTS.map(|(it, _)| subscription_name(owner, it)));
    let shared = ScopeId::subscription_scope(subscription_id("Altinn-Shared"));
    let scopes = match state {
        Agency::OfManagementGroup => vec![management_group("altinn")],
        Agency::Elsewhere => vec![shared],
        _ => subscriptions.map(|it| ScopeId::subscription_scope(subscription_id(&it))).chain([shared]).collect(),
    };
    let mut block = Block { actions: vec!["Microsoft.KeyVault/vaults/read".to_owned()], ..Block::default() };
    if state != Agency::WithoutDataActions {
        block.data_actions.push(GET_SECRET.to_owned());
    }
    if state == Agency::GivesAccess {
        block.actions.push("Microsoft.Authorization/*".to_owned());
    }
    let now = world.now();
    world.place_definition(Definition {
        id,
        name: if state == Agency::Renamed { "Agency Keys" } else { AGENCY_NAME }.to_owned(),
        block,
        built_in: false,
        description: String::new(),
        scopes,
        times: (now, now),
        by: (None, None),
    });
}

/// Whom a deny assignment stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    Everybody,
    Us,
    /// It stops removals as well.
    EverythingOfUs,
    /// Azure leaves out whom it excludes.
    EverybodyButUs,
    /// It is one of those that only write down what they would stop.
    Nobody,
}

pub const STOPS: [Stops; 5] =
    [Stops::Everybody, Stops::Us, Stops::EverythingOfUs, Stops::EverybodyButUs, Stops::Nobody];

/// The rights of which a deny assignment may take one away.
pub const MAY_WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
pub const MAY_DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";

/// Places a deny assignment there, or changes it.
pub fn deny(world: &mut World, scope: ScopeId, stops: Stops) {
    let us = PrincipalId(CALLER);
    let is_us = matches!(stops, Stops::Us | Stops::EverythingOfUs);
    let mut actions = vec![MAY_WRITE.to_owned()];
    if stops == Stops::EverythingOfUs {
        actions.push(MAY_DELETE.to_owned());
    }
    world.place_denial(Denial {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, scope.as_str().as_bytes()),
        name: "stack".to_owned(),
        description: String::new(),
        scope,
        only_here: false,
        audit: stops == Stops::Nobody,
        block: Block { actions, ..Block::default() },
        principals: if is_us { vec![us] } else { Vec::new() },
        except: if stops == Stops::EverybodyButUs { vec![us] } else { Vec::new() },
    });
}

fn people(world: &mut World, choices: &Choices, now: Timestamp) {
    world.place_application(Application {
        id: PrincipalId(CALLER),
        client_id: CLIENT,
        name: "tilgang".to_owned(),
        secret: Some(SECRET.to_owned()),
        federated: false,
        graph: vec!["User.Read.All".to_owned(), "GroupMember.Read.All".to_owned()],
    });
    let days = |days: i64| now.checked_sub(SignedDuration::from_hours(days * 24)).unwrap();
    for (n, person) in PEOPLE.iter().enumerate() {
        let user = |id: Uuid, name: &str| User {
            id: PrincipalId(id),
            name: UserName::new(name),
            display_name: Some(if n < 2 { "Kari Fiktiv".to_owned() } else { short(name).to_owned() }),
            mail: None,
            enabled: true,
            guest: false,
            attributes: BTreeMap::new(),
            created: None,
            deleted: None,
        };
        let (me, other) = (user(user_id(n), person), user(other_id(n), &format!("{}.annen@ai-dev.no", short(person))));
        let (mine, others) = match choices.pick(&format!("world/{}", short(person)), &[24, 2, 3, 1, 2, 1, 1, 1, 2]) {
            0 => (me, other),
            1 => (User { enabled: false, ..me }, other),
            2 => (User { deleted: Some(days(3)), ..me }, other),
            3 => (User { deleted: Some(days(40)), ..me }, other),
            4 => (User { name: UserName::new(&format!("{}.ny@ai-dev.no", short(person))), ..me }, other),
            5 => (User { guest: true, name: UserName::new(&format!("{}#EXT#@t.example", short(person))), ..me }, other),
            6 => (User { deleted: Some(days(5)), ..me }, User { name: UserName::new(person), ..other }),
            7 => (
                User { name: UserName::new(&format!("{}.ny@ai-dev.no", short(person))), ..me },
                User { name: UserName::new(person), ..other },
            ),
            // A name says nothing of the account's kind.
            _ => (User { guest: true, ..me }, other),
        };
        world.place_user(mine);
        world.place_user(others);
    }
    let is_in = |person: &usize| *person == 0 || choices.rarely(&format!("world/platform/{person}"), 4);
    let members = (0..PEOPLE.len()).filter(is_in).map(|person| PrincipalId(user_id(person))).collect();
    world.place_group(Group { id: PrincipalId(GROUP), name: "platform-team".to_owned(), members });
    for (n, owner) in OWNERS.iter().enumerate() {
        if choices.rarely(&format!("world/group/{owner}/missing"), 8) {
            continue;
        }
        let is_in = |person: &usize| !choices.rarely(&format!("world/group/{owner}/{person}/not"), 20);
        let members = (0..PEOPLE.len()).filter(is_in).map(|person| PrincipalId(user_id(person))).collect();
        let id = PrincipalId(Uuid::from_u128(0xe10 + n as u128));
        world.place_group(Group { id, name: format!("tilgang-{owner}"), members });
    }
}

fn resources(world: &mut World, choices: &Choices) {
    world.place_resource(resource("Altinn-Shared", "shared-rg", VAULT, "shared-kv", &[("platform", "altinn")]));
    for owner in OWNERS {
        let tag = ("finops_serviceownercode", owner);
        for (environment, azure) in ENVIRONMENTS {
            let subscription = subscription_name(owner, environment);
            let (group, at) = (format!("{owner}-{azure}-rg"), format!("world/{owner}/{environment}"));
            for (arm_type, word, weights) in
                [(COMPONENT, "ai", [30, 2, 1, 1]), (VAULT, "keyvault", [30, 2, 1, 1]), (VAULT, "kv2", [2, 1, 0, 0])]
            {
                let name = format!("{owner}-{azure}-{word}");
                let there = resource(&subscription, &group, arm_type, &name, &[tag]);
                match choices.pick(&format!("{at}/{word}"), &weights) {
                    0 => world.place_resource(there),
                    1 => {}
                    2 => {
                        world.place_resource(there);
                        world.place_resource(resource(&subscription, "old-rg", arm_type, &name, &[tag]));
                    }
                    _ => world.place_resource(Resource {
                        tags: [("finops_serviceownercode".to_owned(), "brg".to_owned())].into(),
                        ..there
                    }),
                }
            }
            world.place_resource(resource(&subscription, &group, VAULT, &format!("{owner}-{azure}-old"), &[tag]));
            if environment == "prod" {
                let name = format!("{owner}-prod-ai");
                world.place_resource(resource("Altinn-Shared", "shared-rg", COMPONENT, &name, &[tag]));
            }
            let lock = |scope: ScopeId, level: &str| LockEntry {
                scope,
                name: "keep".to_owned(),
                level: level.to_owned(),
                notes: None,
            };
            let vault = resource(&subscription, &group, VAULT, &format!("{owner}-{azure}-keyvault"), &[]).id;
            match choices.pick(&format!("{at}/lock"), &[30, 1, 1, 1]) {
                0 => {}
                1 => world.place_lock(lock(vault, "CanNotDelete")),
                2 => world.place_lock(lock(vault, "ReadOnly")),
                _ => {
                    world.place_lock(lock(ScopeId::subscription_scope(subscription_id(&subscription)), "CanNotDelete"));
                }
            }
        }
    }
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    OursUnmarked,
    OursWithCondition,
    Adopted,
    Foreign,
    ForeignWithCondition,
    Activated,
    Timed,
    OtherInstance,
    FormerInstance,
    MarkOfAnother,
    AdoptedAndTimed,
}

const KINDS: [Kind; 12] = [
    Kind::Ours,
    Kind::OursUnmarked,
    Kind::OursWithCondition,
    Kind::Adopted,
    Kind::Foreign,
    Kind::ForeignWithCondition,
    Kind::Activated,
    Kind::Timed,
    Kind::OtherInstance,
    Kind::FormerInstance,
    Kind::MarkOfAnother,
    Kind::AdoptedAndTimed,
];

/// Puts an assignment in, if nobody holds its place.
pub fn stand(world: &mut World, triple: Triple, kind: Kind, mark: &str, made: Timestamp, principal_type: &str) {
    if world.assignment_of(&triple).is_some() {
        return;
    }
    let random = AssignmentName(Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{triple:?}{made}").as_bytes()));
    let (name, description) = match kind {
        Kind::Ours | Kind::OursWithCondition => {
            (derived_name(INSTANCE, &triple), Some(format!("tilgang/{INSTANCE} {mark}")))
        }
        Kind::OursUnmarked => (derived_name(INSTANCE, &triple), None),
        Kind::Adopted | Kind::AdoptedAndTimed => (random, Some(format!("tilgang/{INSTANCE} {mark}"))),
        Kind::Foreign | Kind::ForeignWithCondition | Kind::Activated | Kind::Timed => (random, None),
        Kind::OtherInstance => (derived_name("elsewhere", &triple), Some(format!("tilgang/elsewhere {mark}"))),
        Kind::FormerInstance => (derived_name(FORMER, &triple), Some(format!("tilgang/{FORMER} {mark}"))),
        Kind::MarkOfAnother => {
            (derived_name(INSTANCE, &triple), Some(format!("tilgang/{INSTANCE} skd prod-operations")))
        }
    };
    let conditioned = matches!(kind, Kind::OursWithCondition | Kind::ForeignWithCondition);
    let in_days = |days: i64| world.now().checked_add(SignedDuration::from_hours(days * 24)).unwrap();
    let term = match kind {
        Kind::Activated => Term { activated: true, ends: Some(in_days(2)) },
        Kind::Timed | Kind::AdoptedAndTimed => Term { activated: false, ends: Some(in_days(20)) },
        _ => Term::default(),
    };
    world.place(Assignment {
        name,
        triple,
        principal_type: principal_type.into(),
        condition: conditioned.then(|| "@Resource[a:b] StringEquals 'c'".into()),
        condition_version: conditioned.then(|| "2.0".into()),
        description: description.map(Into::into),
        created_on: made,
        updated_on: made,
        created_by: None,
        updated_by: None,
        term,
    });
}

fn standings(world: &mut World, choices: &Choices, git: &Git, now: Timestamp) {
    let all: Vec<Resource> = world.resources().cloned().collect();
    let day = SignedDuration::from_hours(24);
    for resource in all {
        let kind = if resource.arm_type == COMPONENT { "ai" } else { "kv" };
        let last = resource.name.rsplit('-').next().unwrap().to_owned();
        let owner = resource.name.split('-').next().unwrap().to_owned();
        let owner = if owner == "shared" { "ttd".to_owned() } else { owner };
        let environment = if resource.name.contains("tt02") { "test" } else { "prod" };
        let is_custom = git.catalogue == Catalogue::Custom && world.definition(definition(AGENCY_SECRETS)).is_ok();
        let definitions: &[&str] = match kind {
            "ai" => &[READER_OF_LOGS],
            _ if is_custom => &[SECRETS_OFFICER, SECRETS_USER, AGENCY_SECRETS],
            _ => &[SECRETS_OFFICER, SECRETS_USER],
        };
        let role = format!("{environment}-{}", if kind == "ai" { "developer" } else { "operations" });
        let mark = format!("{owner} {role}");
        for (n, person) in PEOPLE.iter().enumerate() {
            for text in definitions {
                let at = format!("world/at/{}/{}/{}/{}", resource.group, resource.name, short(person), &text[..2]);
                let triple = Triple {
                    scope: resource.id.clone(),
                    principal: PrincipalId(user_id(n)),
                    definition: definition(text),
                };
                let weights: &[u32] = match last.as_str() {
                    "ai" | "keyvault" if resource.group != "old-rg" => &[40, 8, 3, 2, 2, 2, 3, 1, 1, 1, 1, 1, 1, 1, 4],
                    _ => &[150, 2, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0],
                };
                let picked = choices.pick(&at, weights);
                let made = match choices.pick(&format!("{at}/made"), &[8, 1]) {
                    0 => git.committed.checked_sub(day * 5).unwrap(),
                    _ => git.committed.checked_add(SignedDuration::from_mins(30)).unwrap().min(now),
                };
                match picked {
                    0 if last == "old" || last == "kv2" || resource.group == "old-rg" => {}
                    0 if wanted(git, &owner, person, &role, text) => {
                        stand(world, triple, Kind::Ours, &mark, made, "User");
                    }
                    0 | 14 => {}
                    kind => stand(world, triple, KINDS[(kind - 1).min(11)], &mark, made, "User"),
                }
            }
        }
        let at = format!("world/at/{}/{}", resource.group, resource.name);
        let of = |principal: Uuid, text: &str| Triple {
            scope: resource.id.clone(),
            principal: PrincipalId(principal),
            definition: definition(text),
        };
        let made = git.committed.checked_sub(day * 9).unwrap();
        if choices.rarely(&format!("{at}/group"), 6) {
            let kind = KINDS[choices.below(&format!("{at}/group/kind"), 2) * 4];
            stand(world, of(GROUP, definitions[0]), kind, &mark, made, "Group");
        }
        if choices.rarely(&format!("{at}/application"), 5) {
            stand(world, of(Uuid::from_u128(0xc9), definitions[0]), Kind::Foreign, "", made, "ServicePrincipal");
        }
        if choices.rarely(&format!("{at}/unknown-role"), 4) {
            stand(world, of(user_id(1), READER), Kind::Ours, &mark, made, "User");
        }
        if choices.rarely(&format!("{at}/foreign-reader"), 4) {
            stand(world, of(user_id(2), READER), Kind::Foreign, "", made, "User");
        }
        // Above a target, by hand with our name: in the resource group, in the subscription, at the root.
        let above = |scope: ScopeId| Triple { scope, ..of(user_id(3), definitions[0]) };
        let text = resource.id.as_str();
        let (group, _) = text.split_once("/providers/").unwrap();
        match choices.pick(&format!("{at}/above"), &[60, 1, 1, 1]) {
            0 => {}
            1 => stand(world, above(ScopeId::new(group)), Kind::Ours, &mark, made, "User"),
            2 => {
                let scope = ScopeId::subscription_scope(resource.id.subscription().unwrap());
                stand(world, above(scope), Kind::OursUnmarked, &mark, made, "User");
            }
            _ => stand(world, above(ScopeId::new("/")), Kind::Ours, &mark, made, "User"),
        }
    }
}

/// Whether the first commit means this person here, names taken at their word: it makes calm worlds converged.
fn wanted(git: &Git, owner: &str, person: &str, role: &str, text: &str) -> bool {
    let Some(File::Read(entries)) = git.files.get(owner) else { return false };
    let (_, environment, base) = ROLES.iter().find(|(name, ..)| *name == role).unwrap();
    let operations = match git.catalogue {
        Catalogue::Retired | Catalogue::Forgotten => SECRETS_USER,
        Catalogue::BuiltIn | Catalogue::WithLead => SECRETS_OFFICER,
        Catalogue::Custom => AGENCY_SECRETS,
    };
    let given = if *base == "developer" { READER_OF_LOGS } else { operations };
    let today = git.committed.to_zoned(jiff::tz::TimeZone::UTC).date();
    let lead = format!("{environment}-lead");
    let mut roles = entries.iter().filter(|entry| entry.name == person).flat_map(|entry| &entry.roles);
    let lead_gives = text == READER_OF_LOGS || text == SECRETS_OFFICER;
    roles.any(|it| {
        it.until.is_none_or(|until| until >= today)
            && (it.name == role && text == given || it.name == lead && lead_gives)
    })
}
