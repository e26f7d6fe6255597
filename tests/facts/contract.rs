//! What every implementor of the ports owes: one suite, run against each.
//!
//! An implementor is one line at the end: its name, and how to get it from a world.

mod tenant;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tilgang::{
    model::{
        ability::Ability,
        activity::Doer,
        assignment::{PrincipalType, Triple},
        ids::{AssignmentName, PrincipalId, ScopeId, SubscriptionId, UserName},
        observed::OtherAccess,
        other_access::{Effect, Reach},
        people::{Attribute, ById, ByName, GroupKey, HasAttribute, Hint, InGroup},
        trouble::TroubleKind,
    },
    ports::{
        AccessReader, AssignmentReader, AssignmentWriter, Deleted, Directory, History, Inventory, PutAssignment,
        Resources, Rights,
    },
    simulator::{
        SharedWorld, file,
        world::{Application, Group, Licence, Settings, SubscriptionEntry, User},
    },
};

const WORLD: &str = r"
tenant: 00000000-0000-0000-0000-0000000000aa
applications: [{ name: tilgang, client_id: 00000000-0000-0000-0000-0000000000c1, secret: s3cret }]
users:
  - { user: kari.fiktiv@ai-dev.no, id: 00000000-0000-0000-0000-00000000000a, created: 2026-02-03T04:05:06Z }
  - { user: Ola.Dikt@ai-dev.no, id: 00000000-0000-0000-0000-00000000000b, enabled: false }
  - { user: 'nina_elsewhere.example#EXT#@ai-dev.onmicrosoft.com', id: 00000000-0000-0000-0000-00000000000c, guest: true, mail: nina@elsewhere.example }
  - { user: nina.delt@ai-dev.no, mail: NINA@elsewhere.example }
  - { user: per.papir@ai-dev.no, id: 00000000-0000-0000-0000-00000000000d, deleted: 2026-11-01T12:00:00Z }
groups: [{ name: tilgang-ttd, id: 00000000-0000-0000-0000-0000000000e1, members: [kari.fiktiv@ai-dev.no] }]
subscriptions:
  - name: Altinn-TTD-Prod
    id: 00000000-0000-0000-0000-000000000001
    group: ttd-prod-rg
    tags: { finops_serviceownercode: ttd }
    resources:
      - { workspace: ttd-prod-law, resource_permissions: false }
      - component ttd-prod-ai
      - { vault: ttd-prod-keyvault, rbac: false, network: Disabled, properties: { networkAcls: { defaultAction: Deny } } }
      - { vault: ttd-prod-kv2, properties: { enableRbacAuthorization: null } }
      - { type: Microsoft.Storage/storageAccounts, name: ttdprodstorage }
    locks: [{ name: keep, level: CanNotDelete, scope: ttd-prod-ai }]
  - { name: Altinn-SKD-Prod, id: 00000000-0000-0000-0000-000000000002, state: Disabled, resources: [vault skd-prod-keyvault] }
assignments:
  - { principal: tilgang, role: Role Based Access Control Administrator, scope: /subscriptions/00000000-0000-0000-0000-000000000001 }
  - { principal: tilgang, role: Reader, scope: /subscriptions/00000000-0000-0000-0000-000000000002 }
  - { principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai, description: by hand, created: 2026-10-01T08:00:00.1234567Z }
  - { principal: tilgang-ttd, role: Reader, scope: ttd-prod-keyvault, ends: 2026-12-01T00:00:00Z, activated: true }
";

const ONE: SubscriptionId = SubscriptionId(uuid::Uuid::from_u128(1));
const TWO: SubscriptionId = SubscriptionId(uuid::Uuid::from_u128(2));
const NOWHERE: SubscriptionId = SubscriptionId(uuid::Uuid::from_u128(3));
const KARI: PrincipalId = PrincipalId(uuid::Uuid::from_u128(0xa));

/// How many fit, and what definitions permit: counted in the subscription alone, and the tenant's own among Microsoft's.
async fn usage_and_definitions(azure: &impl Azure, _: &SharedWorld) {
    let usage = azure.usage(ONE).await.unwrap();
    let listed = azure.assignments(ONE).await.unwrap();
    let inside = listed.iter().filter(|it| it.triple.scope.subscription() == Some(ONE)).count();
    assert_eq!((usage.limit, usage.held), (4_000, inside));
    let definitions = azure.definitions(ONE).await.unwrap();
    let of = |id: &str| definitions[&id.parse().unwrap()].clone();
    let (officer, administrator) =
        (of("b86a8fe4-44ce-4948-aee5-eccb2c155cd7"), of("00482a5a-887f-4fb3-b363-3b7fe8e74483"));
    assert_eq!(officer.name, "Key Vault Secrets Officer");
    assert!(administrator.opens_as(&officer, "microsoft.keyvault/vaults"));
    assert!(!officer.opens_as(&administrator, "microsoft.keyvault/vaults"));
    let ported =
        azure.role_definition("b86a8fe4-44ce-4948-aee5-eccb2c155cd7".parse().unwrap(), ONE).await.unwrap().unwrap();
    assert_eq!(ported, officer);
    assert_eq!(
        (ported.made_by, ported.assignable_scopes),
        (tilgang::model::permissions::DefinitionMaker::Microsoft, vec![ScopeId::new("/")])
    );
    let nowhere = "11111111-aaaa-4aaa-8aaa-111111111111".parse().unwrap();
    assert_eq!(azure.role_definition(nowhere, ONE).await, Ok(None));
    assert_eq!(azure.role_definition(nowhere, NOWHERE).await.unwrap_err().kind, TroubleKind::NotFound);
    assert_eq!(azure.usage(NOWHERE).await.unwrap_err().kind, TroubleKind::NotFound);
    assert_eq!(azure.definitions(NOWHERE).await.unwrap_err().kind, TroubleKind::NotFound);
}

/// All that the house needs of Azure.
trait Azure:
    Directory + Inventory + Resources + AssignmentReader + AccessReader + AssignmentWriter + Rights + History
{
}
impl<T: Directory + Inventory + Resources + AssignmentReader + AccessReader + AssignmentWriter + Rights + History> Azure
    for T
{
}

fn world() -> SharedWorld {
    SharedWorld::new(file::read(WORLD).unwrap(), || "2026-11-22T09:00:00Z".parse::<Timestamp>().unwrap())
}

fn resource(name: &str) -> ScopeId {
    let world = file::read(WORLD).unwrap();
    world.resources().find(|found| found.name == name).unwrap().id.clone()
}

fn put(name: u128, at: &ScopeId, principal: PrincipalId) -> PutAssignment {
    PutAssignment {
        name: AssignmentName(uuid::Uuid::from_u128(name)),
        triple: Triple {
            scope: at.clone(),
            principal,
            definition: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7".parse().unwrap(),
        },
        principal_type: PrincipalType::User,
        description: "tilgang/altinn-apps ttd prod-operations".to_owned(),
    }
}

async fn people_by_name(azure: &impl Azure, _: &SharedWorld) {
    let asked = [
        "KARI.fiktiv@ai-dev.no",
        "ola.dikt@ai-dev.no",
        "nina@elsewhere.example",
        "per.papir@ai-dev.no",
        "kari.fiktif@ai-dev.no",
        "quite.another'person@ai-dev.brreg.no",
    ];
    let names: BTreeSet<UserName> = asked.iter().map(|name| UserName::new(name)).collect();
    let answers = azure.by_name(&names).await;
    assert_eq!(answers.len(), names.len());
    let of = |name: &str| answers[&UserName::new(name)].clone();
    let ByName::Person(kari) = of(asked[0]) else { panic!("{:?}", of(asked[0])) };
    assert_eq!(kari.created, Some("2026-02-03T04:05:06Z".parse().unwrap()));
    assert!(matches!(of(asked[1]), ByName::Person(ola) if ola.created.is_none()));
    assert_eq!((kari.id, kari.name.as_str(), kari.enabled, kari.guest), (KARI, "kari.fiktiv@ai-dev.no", true, false));
    assert!(matches!(of(asked[1]), ByName::Person(ola) if !ola.enabled && ola.name.as_str() == "Ola.Dikt@ai-dev.no"));
    assert!(
        matches!(of(asked[2]), ByName::Nobody(Hint::MailOf(names)) if names.len() == 2 && names.contains(&UserName::new("nina.delt@ai-dev.no")))
    );
    let deleted = Some("2026-11-01T12:00:00Z".parse().unwrap());
    assert!(matches!(of(asked[3]), ByName::Nobody(Hint::Deleted { id, on }) if on == deleted && id.0.as_u128() == 0xd));
    assert!(matches!(of(asked[4]), ByName::Nobody(Hint::Nearest(name)) if name == kari.name));
    assert!(matches!(of(asked[5]), ByName::Nobody(_)));
}

/// Deleted accounts by the names they had: twice the same, without regard to case, more than a page, and none that can no
/// longer be restored.
async fn former_holders(azure: &impl Azure, world: &SharedWorld) {
    let id = |n: u128| PrincipalId(uuid::Uuid::from_u128(n));
    let kari = world.with(|world| world.user(KARI).unwrap().clone());
    let deleted = |n: u128, name: &str, on: &str| {
        let deleted = Some(on.parse().unwrap());
        world.with(|world| world.place_user(User { id: id(n), name: UserName::new(name), deleted, ..kari.clone() }));
    };
    for n in 0..1_100 {
        deleted(0x20_000 + n, &format!("left{n}@ai-dev.no"), "2026-11-20T12:00:00Z");
    }
    deleted(0xd1, "Kari.Fiktiv@ai-dev.no", "2026-11-20T12:00:00Z");
    deleted(0xd2, "kari.fiktiv@ai-dev.no", "2026-11-10T12:00:00Z");
    deleted(0xd3, "kari.fiktiv@ai-dev.no", "2026-10-10T12:00:00Z"); // 43 days ago
    deleted(0xd4, "xkari.fiktiv@ai-dev.no", "2026-11-20T12:00:00Z");
    let asked = ["kari.fiktiv@ai-dev.no", "left1077@ai-dev.no", "ola.dikt@ai-dev.no"].map(UserName::new);
    let found = azure.former_holders(&asked.clone().into()).await.unwrap();
    let ids = |n: usize| found[&asked[n]].iter().map(|(id, on)| (id.0.as_u128(), on.unwrap())).collect::<Vec<_>>();
    let on = |day: &str| format!("2026-11-{day}T12:00:00Z").parse::<Timestamp>().unwrap();
    assert_eq!(ids(0), [(0xd1, on("20")), (0xd2, on("10"))]);
    assert_eq!((ids(1), found.len()), (vec![(0x20_000 + 1_077, on("20"))], 2));
    let own = world.with(|world| world.applications().next().unwrap().clone());
    world.with(|world| world.place_application(Application { graph: Vec::new(), ..own }));
    assert_eq!(azure.former_holders(&asked.into()).await.unwrap_err().kind, TroubleKind::Denied);
}

/// More names and ids than one request can hold.
async fn many_people(azure: &impl Azure, _: &SharedWorld) {
    let mut names: BTreeSet<UserName> = (0..700).map(|n| UserName::new(&format!("x{n}@nowhere.example"))).collect();
    names.insert(UserName::new("kari.fiktiv@ai-dev.no"));
    let answers = azure.by_name(&names).await;
    assert_eq!(answers.keys().cloned().collect::<BTreeSet<_>>(), names);
    assert_eq!(answers.values().filter(|answer| matches!(answer, ByName::Person(_))).count(), 1);
    let mut ids: BTreeSet<PrincipalId> = (1_000..2_200).map(|n| PrincipalId(uuid::Uuid::from_u128(n))).collect();
    ids.insert(KARI);
    let answers = azure.by_id(&ids).await;
    assert_eq!(answers.keys().copied().collect::<BTreeSet<_>>(), ids);
    assert_eq!(answers.values().filter(|answer| **answer == ById::Gone).count(), 1_200);
}

async fn people_by_id(azure: &impl Azure, world: &SharedWorld) {
    let id = |n: u128| PrincipalId(uuid::Uuid::from_u128(n));
    let application = world.with(|world| world.applications().next().unwrap().id);
    let answers = azure.by_id(&[KARI, id(0xd), id(0xe1), id(0xff), application].into()).await;
    assert!(matches!(&answers[&KARI], ById::Person(kari) if kari.id == KARI && kari.enabled));
    assert!(
        matches!(&answers[&id(0xd)], ById::Deleted { name, on: Some(_) } if name.as_str() == "per.papir@ai-dev.no")
    );
    assert_eq!(answers[&id(0xe1)], ById::NotAPerson("tilgang-ttd".into()));
    assert_eq!(answers[&id(0xff)], ById::Gone);
    assert_eq!(answers[&application], ById::NotAPerson("tilgang".into()));
    // Nothing is gone for a token that looks up users only: groups and applications that live answer alike.
    let own = world.with(|world| world.applications().next().unwrap().clone());
    world.with(|world| world.place_application(Application { graph: vec!["User.Read.All".to_owned()], ..own }));
    let answers = azure.by_id(&[KARI, id(0xd), id(0xe1), id(0xff), application].into()).await;
    assert!(matches!(&answers[&KARI], ById::Person(_)) && matches!(&answers[&id(0xd)], ById::Deleted { .. }));
    for other in [id(0xe1), id(0xff), application] {
        assert_eq!(answers[&other], ById::NoUser, "{other}");
    }
}

async fn groups(azure: &impl Azure, world: &SharedWorld) {
    let id = |n: u128| PrincipalId(uuid::Uuid::from_u128(n));
    let group = |n: u128, name: &str, members: &[PrincipalId]| {
        let group = Group { id: id(n), name: name.to_owned(), members: members.iter().copied().collect() };
        world.with(|world| world.place_group(group));
    };
    group(0xf1, "Nested", &[id(0xe1)]);
    group(0xf2, "Twice", &[]);
    group(0xf3, "TWICE", &[]);
    group(0xf4, "O'Nil & Sønn", &[]);
    for n in 0..1_200 {
        let user = User {
            id: id(0x10_000 + n),
            name: UserName::new(&format!("p{n}@ai-dev.no")),
            display_name: None,
            mail: None,
            enabled: true,
            guest: false,
            attributes: BTreeMap::new(),
            created: None,
            deleted: None,
        };
        world.with(|world| world.place_user(user));
    }
    group(0xf5, "large", &(0..1_200).map(|n| id(0x10_000 + n)).collect::<Vec<_>>()); // more than a page
    let mut keys: BTreeSet<GroupKey> = (0..40).map(|n| GroupKey::named(&format!("nowhere {n}"))).collect();
    let asked = ["tilgang-TTD", "nested", "twice", "o'nil & sønn", "large"].map(GroupKey::named);
    keys.extend(asked.clone());
    keys.extend([GroupKey::Id(id(0xf1)), GroupKey::Id(id(0xff)), GroupKey::Id(KARI)]);
    let answers = azure.groups(&keys).await;
    assert_eq!(answers.keys().cloned().collect::<BTreeSet<_>>(), keys);
    assert_eq!(answers[&asked[0]], InGroup::Members([KARI].into()));
    let nested = InGroup::Members([KARI, id(0xe1)].into());
    assert_eq!((&answers[&asked[1]], &answers[&GroupKey::Id(id(0xf1))]), (&nested, &nested));
    assert_eq!(answers[&asked[2]], InGroup::Several(2));
    assert_eq!(answers[&asked[3]], InGroup::Members(BTreeSet::new()));
    assert!(matches!(&answers[&asked[4]], InGroup::Members(members) if members.len() == 1_200));
    for nobody in [GroupKey::named("nowhere 7"), GroupKey::Id(id(0xff)), GroupKey::Id(KARI)] {
        assert_eq!(answers[&nobody], InGroup::Missing, "{nobody}");
    }
    // `User.Read.All` opens no group.
    let own = world.with(|world| world.applications().next().unwrap().clone());
    world.with(|world| world.place_application(Application { graph: vec!["User.Read.All".to_owned()], ..own }));
    let answers = azure.groups(&keys).await;
    assert_eq!(answers.len(), keys.len());
    assert!(answers.values().all(|answer| matches!(answer, InGroup::Unanswered(it) if it.kind == TroubleKind::Denied)));
}

async fn attributes(azure: &impl Azure, world: &SharedWorld) {
    let id = |n: u128| PrincipalId(uuid::Uuid::from_u128(n));
    world.with(|world| {
        let kari = world.user(KARI).unwrap().clone();
        let attributes = [(Attribute::CompanyName, "ttd".to_owned()), (Attribute::Department, "Drift".to_owned())];
        world.place_user(User { attributes: attributes.into(), ..kari });
    });
    let mut ids: BTreeSet<PrincipalId> = (1_000..1_400).map(id).collect();
    ids.insert(KARI);
    for (which, value) in [
        (Attribute::CompanyName, HasAttribute::Value("ttd".into())),
        (Attribute::Department, HasAttribute::Value("Drift".into())),
        (Attribute::OfficeLocation, HasAttribute::Nothing),
        (Attribute::EmployeeType, HasAttribute::Nothing),
    ] {
        let answers = azure.attributes(which, &ids).await;
        assert_eq!(answers.keys().copied().collect::<BTreeSet<_>>(), ids);
        assert_eq!(answers[&KARI], value);
        assert_eq!(answers[&id(1_000)], HasAttribute::Nothing);
    }
}

async fn stock(azure: &impl Azure, _: &SharedWorld) {
    let types =
        ["microsoft.insights/components", "microsoft.keyvault/vaults", "microsoft.operationalinsights/workspaces"];
    let stock = azure.stock(&types.iter().map(ToString::to_string).collect()).await.unwrap();
    assert_eq!(stock.subscriptions[&ONE].name, "Altinn-TTD-Prod");
    assert_eq!(stock.subscriptions[&TWO].state, "Disabled");
    assert_eq!(stock.resources.len(), 5);
    assert!(stock.resources.is_sorted_by(|a, b| a.id <= b.id));
    let row = |name: &str| stock.resources.iter().find(|row| row.name == name).unwrap();
    let vault = row("ttd-prod-keyvault");
    assert_eq!(
        (vault.arm_type.as_str(), vault.subscription, vault.rbac),
        ("microsoft.keyvault/vaults", ONE, Some(false))
    );
    assert_eq!(vault.public_network_access.as_deref(), Some("Disabled"));
    assert_eq!(vault.network_default_action.as_deref(), Some("Deny"));
    assert_eq!(vault.vault_tenant.unwrap().to_string(), "00000000-0000-0000-0000-0000000000aa");
    assert_eq!(row("ttd-prod-ai").query_network_access.as_deref(), Some("Enabled"));
    assert_eq!(vault.tags["finops_serviceownercode"], "ttd");
    assert_eq!(row("ttd-prod-kv2").rbac, None);
    assert_eq!(row("skd-prod-keyvault").rbac, Some(true));
    assert_eq!(row("ttd-prod-ai").workspace, Some(row("ttd-prod-law").id.clone()));
    assert_eq!(row("ttd-prod-law").resource_permissions, Some(false));
    assert_eq!(row("ttd-prod-law").workspace, None);
}

/// Resource Manager knows at once what Resource Graph does not know yet.
async fn one_resource(azure: &impl Azure, world: &SharedWorld) {
    for (name, rbac) in [
        ("ttd-prod-keyvault", Some(false)),
        ("ttd-prod-kv2", Some(false)),
        ("skd-prod-keyvault", Some(true)),
        ("ttd-prod-ai", None),
        ("ttd-prod-law", None),
        ("ttdprodstorage", None),
    ] {
        let id = resource(name);
        let found = azure.resource(&id).await.unwrap().unwrap_or_else(|| panic!("no {name}"));
        assert_eq!((&found.id, found.rbac), (&id, rbac));
        // Vaults and components say when they were made, and the index says the same.
        let says = name.contains("-k") || name.ends_with("-ai");
        assert_eq!(found.made, says.then(|| "2026-01-01T08:00:00Z".parse().unwrap()), "{name}");
    }
    let types = ["microsoft.insights/components", "microsoft.keyvault/vaults"];
    for row in azure.stock(&types.map(str::to_owned).into()).await.unwrap().resources {
        let now = azure.resource(&row.id).await.unwrap().unwrap();
        assert_eq!(row.made, now.made, "{}", row.id);
    }
    let lag = file::SettingsEntry { resource_graph_lag: Some("1h".to_owned()), ..file::SettingsEntry::default() };
    let mut lagging = file::write(&file::read(WORLD).unwrap());
    lagging.settings = Some(lag);
    world.replace((&lagging).try_into().unwrap());
    for name in ["ttd-prod-kv2", "ttd-prod-ai", "ttdprodstorage"] {
        let id = resource(name);
        world.with(|world| world.remove_resource(&id)).unwrap();
        assert_eq!(azure.resource(&id).await.unwrap(), None);
    }
    let stock = azure.stock(&["microsoft.keyvault/vaults".to_owned()].into()).await.unwrap();
    assert!(stock.resources.iter().any(|row| row.name == "ttd-prod-kv2"));
    let group = resource("skd-prod-keyvault").as_str().replace("/providers/", "x/providers/");
    assert_eq!(azure.resource(&ScopeId::new(&group)).await.unwrap(), None);
    let nowhere = ScopeId::new(&resource("skd-prod-keyvault").as_str().replace(&TWO.to_string(), &NOWHERE.to_string()));
    let refused = azure.resource(&nowhere).await.unwrap_err();
    assert!(matches!(refused.kind, TroubleKind::NotFound | TroubleKind::Denied), "{refused:?}");
}

async fn assignments(azure: &impl Azure, _: &SharedWorld) {
    let listed = azure.assignments(ONE).await.unwrap();
    assert_eq!(listed.len(), 3);
    let hand = listed.iter().find(|found| found.triple.principal == KARI).unwrap();
    assert_eq!(hand.triple.scope, resource("ttd-prod-ai"));
    assert_eq!(hand.description.as_deref(), Some("by hand"));
    assert_eq!(hand.principal_type, PrincipalType::User);
    assert_eq!(hand.created_on, Some("2026-10-01T08:00:00.1234567Z".parse().unwrap()));
    assert_eq!(hand.condition, None);
    let refused = azure.assignments(NOWHERE).await.unwrap_err();
    assert_eq!((refused.kind, refused.status), (TroubleKind::NotFound, Some(404)));
}

async fn pim_and_locks(azure: &impl Azure, world: &SharedWorld) {
    let instances = azure.pim_instances(ONE).await.unwrap();
    let activated: Vec<_> = instances.iter().filter(|instance| instance.activated).collect();
    assert_eq!(activated.len(), 1);
    assert_eq!(activated[0].triple.scope, resource("ttd-prod-keyvault"));
    assert_eq!(activated[0].ends, Some("2026-12-01T00:00:00Z".parse().unwrap()));
    assert!(instances.iter().filter(|instance| !instance.activated).all(|instance| instance.ends.is_none()));
    let locks = azure.locks(ONE).await.unwrap();
    assert_eq!(locks.len(), 1);
    assert_eq!(
        (&locks[0].scope, locks[0].name.as_str(), locks[0].level.as_str()),
        (&resource("ttd-prod-ai"), "keep", "CanNotDelete")
    );
    assert!(azure.locks(TWO).await.unwrap().is_empty());
    // A tenant without a licence for it is told from one that does not answer.
    world.with(|world| world.set(Settings { licence: Licence::Free, ..*world.settings() }));
    let whole = ScopeId::subscription_scope(ONE);
    for trouble in [azure.pim_instances(ONE).await.unwrap_err(), azure.eligibilities(&whole).await.unwrap_err()] {
        assert_eq!((trouble.status, trouble.code.as_deref()), (Some(400), Some("AadPremiumLicenseRequired")));
        assert!(OtherAccess::is_unlicensed(&trouble));
    }
    // A disabled subscription takes no write, and is read as before.
    world.with(|world| {
        let one = world.subscriptions().find(|found| found.id == ONE).unwrap().clone();
        world.place_subscription(SubscriptionEntry { state: "Disabled".to_owned(), ..one });
    });
    assert_eq!(azure.assignments(ONE).await.unwrap().len(), 3);
}

/// What gives or takes access beside role assignments, each with what is odd about it.
async fn other_access(azure: &impl Azure, world: &SharedWorld) {
    let vault = resource("ttd-prod-keyvault");
    let entry = |object: &str, more: serde_json::Value| {
        let mut entry = serde_json::json!({ "tenantId": "00000000-0000-0000-0000-0000000000aa", "objectId": object });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let kari = KARI.to_string();
    world.with(|world| {
        let text = format!(
            "{WORLD}eligibilities:\n\
             \x20 - {{ principal: {kari}, role: Owner, scope: /subscriptions/{ONE}, ends: 2027-01-01T00:00:00Z }}\n\
             \x20 - {{ principal: {kari}, role: Reader, scope: {vault} }}\n\
             \x20 - {{ principal: {kari}, role: Key Vault Reader, scope: {vault}, start: 2090-01-01T00:00:00Z }}\n\
             deny_assignments:\n\
             \x20 - {{ name: no-writes, scope: {vault}, actions: ['*/write'], not_actions: ['*/tags/write'], except: [{kari}] }}\n\
             \x20 - {{ name: watch, scope: /subscriptions/{ONE}, only_here: true, audit: true, data_actions: ['*'], principals: [{kari}] }}\n"
        );
        *world = file::read(&text).unwrap();
        let mut found = world.resources().find(|it| it.id == vault).unwrap().clone();
        found.properties["accessPolicies"] = serde_json::json!([
            entry(&kari, serde_json::json!({ "permissions": { "secrets": ["Get", "list"], "keys": ["all"] } })),
            entry(&kari, serde_json::json!({ "permissions": {}, "applicationId": ONE.to_string() })),
        ]);
        world.place_resource(found);
    });
    let at_vault = azure.eligibilities(&vault).await.unwrap();
    let known: BTreeSet<_> = at_vault.iter().map(|it| (it.triple.scope.clone(), it.ends, it.principal_type)).collect();
    let ends = Some("2027-01-01T00:00:00Z".parse().unwrap());
    let whole = ScopeId::subscription_scope(ONE);
    let user = PrincipalType::User;
    assert_eq!(
        known,
        BTreeSet::from([(whole.clone(), ends, user), (vault.clone(), None, user)]),
        "what has not begun is none"
    );
    assert_eq!(azure.eligibilities(&whole).await.unwrap().len(), 2);
    assert_eq!(azure.eligibilities(&ScopeId::subscription_scope(TWO)).await.unwrap(), []);
    assert_eq!(
        azure.eligibilities(&ScopeId::subscription_scope(NOWHERE)).await.unwrap_err().kind,
        TroubleKind::NotFound
    );

    let mut denials = azure.denials(ONE).await.unwrap();
    denials.sort_by(|a, b| a.name.cmp(&b.name));
    let [writes, watch] = denials.as_slice() else { panic!("{denials:?}") };
    assert_eq!((&writes.scope, writes.reach, writes.effect), (&vault, Reach::Below, Effect::Enforced));
    assert_eq!(
        (writes.principals.as_slice(), writes.except.as_slice()),
        (&[][..], &[KARI][..]),
        "nobody named: everybody"
    );
    assert!(
        writes.denies_action("Microsoft.KeyVault/vaults/write")
            && !writes.denies_action("Microsoft.Resources/tags/write")
    );
    assert_eq!(
        (watch.reach, watch.effect, watch.principals.as_slice()),
        (Reach::ScopeOnly, Effect::Audit, &[KARI][..])
    );
    assert!(watch.denies(Ability::named("read-secrets").unwrap()) && !watch.is_at(&vault));
    assert_eq!(azure.denials(NOWHERE).await.unwrap_err().kind, TroubleKind::NotFound);

    let policies = azure.access_policies(&vault).await.unwrap().unwrap();
    let [plain, with] = policies.as_slice() else { panic!("{policies:?}") };
    assert_eq!((plain.object, plain.application), (KARI, None));
    assert!(plain.permits("get") && plain.permits("list") && !plain.permits("set"), "{plain:?}");
    assert_eq!((with.application.map(|id| id.0), with.secrets.len()), (Some(ONE.0), 0));
    assert_eq!(azure.access_policies(&ScopeId::new(&format!("{vault}-none"))).await.unwrap(), None);

    assert_eq!(azure.deleted_vaults(ONE).await.unwrap(), []);
    world.with(|world| drop(world.take_resource(&vault)));
    let gone = azure.deleted_vaults(ONE).await.unwrap();
    let now = world.with(|world| world.now());
    assert_eq!(gone.iter().map(|it| &it.id).collect::<Vec<_>>(), [&vault]);
    assert!(gone[0].on.unwrap().duration_since(now).abs() < jiff::SignedDuration::from_secs(1));
    assert!(gone[0].purged_on > gone[0].on);
    assert_eq!(azure.access_policies(&vault).await.unwrap(), None);
    assert_eq!(azure.deleted_vaults(NOWHERE).await.unwrap_err().kind, TroubleKind::NotFound);
}

/// Every page is read, whatever their size.
async fn pages(azure: &impl Azure, world: &SharedWorld) {
    let mut paged = file::write(&file::read(WORLD).unwrap());
    paged.settings = Some(file::SettingsEntry { page_size: Some(1), ..file::SettingsEntry::default() });
    world.replace((&paged).try_into().unwrap());
    assert_eq!(azure.assignments(ONE).await.unwrap().len(), 3);
}

async fn writes(azure: &impl Azure, world: &SharedWorld) {
    let vault = resource("ttd-prod-kv2");
    let made = put(7, &vault, KARI);
    azure.put(&made).await.unwrap();
    azure.put(&made).await.unwrap(); // repeating it is harmless
    let stored = |name| world.with(|world| world.assignment(name).cloned());
    let found = stored(made.name).unwrap();
    assert_eq!((&found.triple, found.principal_type.as_ref()), (&made.triple, "User"));
    assert_eq!(found.description.as_deref(), Some(made.description.as_str()));
    // An update takes away a condition that somebody added.
    world.with(|world| {
        world.place(tilgang::simulator::world::Assignment { condition: Some("x".into()), ..found });
    });
    azure.put(&made).await.unwrap();
    assert_eq!(stored(made.name).unwrap().condition, None);
    let exists = azure.put(&put(8, &vault, KARI)).await.unwrap_err();
    assert_eq!(
        (exists.kind, exists.status, exists.code.as_deref()),
        (TroubleKind::Exists, Some(409), Some("RoleAssignmentExists"))
    );
    assert!(exists.message.contains("00000000000000000000000000000007"));
    assert_eq!(azure.delete(&vault, made.name).await.unwrap().what, Deleted::Now);
    assert_eq!(azure.delete(&vault, made.name).await.unwrap().what, Deleted::Already);
    assert_eq!(stored(made.name), None);
}

async fn refusals(azure: &impl Azure, _: &SharedWorld) {
    let nobody =
        azure.put(&put(7, &resource("ttd-prod-kv2"), PrincipalId(uuid::Uuid::from_u128(0xff)))).await.unwrap_err();
    assert_eq!((nobody.kind, nobody.status), (TroubleKind::PrincipalUnknown, Some(400)));
    let denied = azure.put(&put(7, &resource("skd-prod-keyvault"), KARI)).await.unwrap_err();
    assert_eq!((denied.kind, denied.code.as_deref()), (TroubleKind::Denied, Some("AuthorizationFailed")));
    let ai = resource("ttd-prod-ai");
    let locked = put(7, &ai, KARI);
    azure.put(&locked).await.unwrap(); // a lock does not stop it
    let refused = azure.delete(&ai, locked.name).await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_deref()), (TroubleKind::Locked, Some("ScopeLocked")));
}

async fn rights(azure: &impl Azure, world: &SharedWorld) {
    let here = azure.permissions(&resource("ttd-prod-keyvault")).await.unwrap();
    let may = |action: &str| here.iter().any(|block| block.actions.iter().any(|allowed| allowed == action));
    assert!(may("Microsoft.Authorization/roleAssignments/write") && may("*/read"));
    let there = azure.permissions(&resource("skd-prod-keyvault")).await.unwrap();
    assert_eq!(there.iter().flat_map(|block| block.actions.clone()).collect::<Vec<_>>(), ["*/read"]);
    // Through which role, and through a group: what a list of permissions does not tell.
    let own = world.with(|world| world.applications().next().unwrap().id);
    let held = azure.held_by(own, TWO).await.unwrap();
    assert_eq!(held.len(), 1);
    let permits = azure.definition(held[0].triple.definition, TWO).await.unwrap();
    assert_eq!(
        (permits.name.as_str(), permits.permissions[0].actions.as_slice()),
        ("Reader", &["*/read".to_owned()][..])
    );
    let officer = azure.definition("b86a8fe4-44ce-4948-aee5-eccb2c155cd7".parse().unwrap(), ONE).await.unwrap();
    assert!(!officer.data_actions.is_empty());
    let karis = azure.held_by(KARI, ONE).await.unwrap();
    assert_eq!(karis.len(), 2, "her own, and that of the group that she is in");
}

/// Who deleted what, and when: ourselves, somebody whom an event names, somebody whom nothing names; and nothing that was
/// only written, or elsewhere.
async fn history(azure: &impl Azure, world: &SharedWorld) {
    let at = |minute: i64| world.with(|world| world.now()) + jiff::SignedDuration::from_mins(minute);
    let vault = resource("ttd-prod-kv2");
    let made = put(7, &vault, KARI);
    azure.put(&made).await.unwrap();
    assert_eq!(azure.removals(ONE, at(-10), at(0)).await.unwrap(), []);
    azure.delete(&vault, made.name).await.unwrap();
    let own = world.with(|world| world.applications().next().unwrap().id);
    world.with(|world| world.wait(jiff::SignedDuration::from_mins(5)));
    let by_hand = |by: &str| {
        format!(
            "- does: {{ unassign: {{ principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai{by} }} }}"
        )
    };
    let does = |text: &str| {
        let events = tilgang::simulator::faults::read_events(text).unwrap();
        let happened = world.with(|world_| world.events.begin(world_, events));
        assert!(happened.iter().all(|it| it.failed.is_none()), "{happened:?}");
    };
    does(&by_hand(", by: Ola.Dikt@ai-dev.no"));
    let told = azure.removals(ONE, at(-10), at(0)).await.unwrap();
    let told: Vec<_> = told.iter().map(|it| (it.at, it.by.id, it.by.name.as_deref().map(str::to_owned))).collect();
    let ola = PrincipalId(uuid::Uuid::from_u128(0xb));
    assert_eq!(told, [(at(0), Some(ola), Some("Ola.Dikt@ai-dev.no".to_owned())), (at(-5), Some(own), None)]);
    assert_eq!(azure.removals(ONE, at(-1), at(0)).await.unwrap().len(), 1);
    assert_eq!(azure.removals(TWO, at(-10), at(0)).await.unwrap(), []);
    // It comes into the log some minutes late.
    does("- does: { assign: { principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai } }");
    does(&by_hand(""));
    world.with(|world| {
        let settings = tilgang::simulator::file::change_settings("{ activity_log_lag: 5m }", world.settings()).unwrap();
        world.set(settings);
    });
    assert_eq!(azure.removals(ONE, at(-1), at(0)).await.unwrap(), []);
    world.with(|world| world.wait(jiff::SignedDuration::from_mins(5)));
    let late = azure.removals(ONE, at(-6), at(0)).await.unwrap();
    assert_eq!(late.iter().filter(|it| it.by == Doer::default()).count(), 1);
    // Not beyond what it keeps, and not where there is nothing.
    assert!(azure.removals(ONE, at(-100 * 24 * 60), at(0)).await.is_err());
    assert_eq!(azure.removals(NOWHERE, at(-10), at(0)).await.unwrap_err().kind, TroubleKind::NotFound);
}

macro_rules! suite {
    ($implementor:ident, $from:expr) => {
        mod $implementor {
            suite!(@ $from; people_by_name former_holders many_people people_by_id groups attributes stock one_resource assignments pim_and_locks other_access pages writes refusals rights usage_and_definitions history);
        }
    };
    (@ $from:expr; $($case:ident)+) => {$(
        #[tokio::test]
        async fn $case() {
            let world = super::world();
            // What it stands on (a server, say) lives as long as the case.
            let from = $from;
            let (azure, _stands_on) = from(world.clone()).await;
            super::$case(&azure, &world).await;
        }
    )+};
}

/// The production client, its two halves together again.
mod both {
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::Timestamp;
    use tilgang::{
        azure::{Reader, Session, Settings, Writer},
        model::{
            activity::Removal,
            assignment::RoleAssignment,
            ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
            observed::{Lock, ResourceNow},
            other_access::{AccessPolicy, DeletedVault, Denial, Eligibility},
            people::{Attribute, ById, ByName, FormerHolders, GroupKey, HasAttribute, InGroup},
            permissions::Definition,
            trouble::Trouble,
        },
        ports::{
            AccessReader, Answered, AssignmentReader, AssignmentWriter, Deleted, Directory, History, Inventory,
            Permission, Permits, PimInstance, PutAssignment, Resources, Rights, Stock, Usage,
        },
        simulator::{Running, ServeOptions, SharedWorld, Tls, serve},
    };

    const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
    const CLIENT: (&str, &str) = ("00000000-0000-0000-0000-0000000000c1", "s3cret");

    pub(crate) struct Both(Reader, Writer);

    /// Serves the world over HTTPS and signs in to it.
    pub(crate) async fn over_https(world: SharedWorld) -> (Both, Running) {
        let options = ServeOptions { tls: Some(Tls::throw_away().unwrap()), ..ServeOptions::default() };
        let running = serve(world, options).await.unwrap();
        let settings = Settings::simulated(&running.url, TENANT, CLIENT, running.ca_pem.clone()).unwrap();
        let session = Session::connect(&settings).await.unwrap();
        (Both(session.reader(), session.writer()), running)
    }

    impl Directory for Both {
        async fn by_name(&self, names: &BTreeSet<UserName>) -> BTreeMap<UserName, ByName> {
            self.0.by_name(names).await
        }

        async fn by_id(&self, ids: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, ById> {
            self.0.by_id(ids).await
        }

        async fn former_holders(&self, names: &BTreeSet<UserName>) -> Result<FormerHolders, Trouble> {
            self.0.former_holders(names).await
        }

        async fn groups(&self, keys: &BTreeSet<GroupKey>) -> BTreeMap<GroupKey, InGroup> {
            self.0.groups(keys).await
        }

        async fn attributes(
            &self,
            which: Attribute,
            of: &BTreeSet<PrincipalId>,
        ) -> BTreeMap<PrincipalId, HasAttribute> {
            self.0.attributes(which, of).await
        }
    }

    impl Inventory for Both {
        async fn stock(&self, arm_types: &BTreeSet<String>) -> Result<Stock, Trouble> {
            self.0.stock(arm_types).await
        }
    }

    impl Resources for Both {
        async fn resource(&self, id: &ScopeId) -> Result<Option<ResourceNow>, Trouble> {
            self.0.resource(id).await
        }
    }

    impl AccessReader for Both {
        async fn eligibilities(&self, at: &ScopeId) -> Result<Vec<Eligibility>, Trouble> {
            self.0.eligibilities(at).await
        }

        async fn denials(&self, at: SubscriptionId) -> Result<Vec<Denial>, Trouble> {
            self.0.denials(at).await
        }

        async fn access_policies(&self, vault: &ScopeId) -> Result<Option<Vec<AccessPolicy>>, Trouble> {
            self.0.access_policies(vault).await
        }

        async fn deleted_vaults(&self, of: SubscriptionId) -> Result<Vec<DeletedVault>, Trouble> {
            self.0.deleted_vaults(of).await
        }
    }

    impl AssignmentReader for Both {
        async fn assignments(&self, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
            self.0.assignments(at).await
        }

        async fn pim_instances(&self, at: SubscriptionId) -> Result<Vec<PimInstance>, Trouble> {
            self.0.pim_instances(at).await
        }

        async fn locks(&self, at: SubscriptionId) -> Result<Vec<Lock>, Trouble> {
            self.0.locks(at).await
        }

        async fn usage(&self, at: SubscriptionId) -> Result<Usage, Trouble> {
            self.0.usage(at).await
        }

        async fn role_definition(
            &self,
            id: RoleDefinitionId,
            at: SubscriptionId,
        ) -> Result<Option<Definition>, Trouble> {
            self.0.role_definition(id, at).await
        }

        async fn definitions(&self, at: SubscriptionId) -> Result<BTreeMap<RoleDefinitionId, Definition>, Trouble> {
            self.0.definitions(at).await
        }
    }

    impl History for Both {
        async fn removals(&self, at: SubscriptionId, from: Timestamp, to: Timestamp) -> Result<Vec<Removal>, Trouble> {
            self.0.removals(at, from, to).await
        }
    }

    impl AssignmentWriter for Both {
        async fn put(&self, assignment: &PutAssignment) -> Result<Answered<()>, Trouble> {
            self.1.put(assignment).await
        }

        async fn delete(&self, scope: &ScopeId, name: AssignmentName) -> Result<Answered<Deleted>, Trouble> {
            self.1.delete(scope, name).await
        }
    }

    impl Rights for Both {
        async fn permissions(&self, at: &ScopeId) -> Result<Vec<Permission>, Trouble> {
            self.0.permissions(at).await
        }

        async fn held_by(&self, who: PrincipalId, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
            self.0.held_by(who, at).await
        }

        async fn definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Permits, Trouble> {
            self.0.definition(id, at).await
        }
    }
}

suite!(in_process, async |world: tilgang::simulator::SharedWorld| (world.sign_in_first().unwrap(), ()));
suite!(over_https, super::both::over_https);
