//! The production client over HTTPS against the simulated Azure, compared with the same world asked in process.

use std::collections::BTreeSet;

use tilgang::{
    azure::{Session, Settings},
    model::{
        assignment::{PrincipalType, Triple},
        ids::{PrincipalId, ScopeId, SubscriptionId, UserName},
        people::ByName,
        trouble::TroubleKind,
    },
    ports::{AssignmentReader, AssignmentWriter, Deleted, Directory, Inventory, PutAssignment, Rights},
    simulator::{
        Running, ServeOptions, SharedWorld, Tls,
        faults::{Fault, Misbehaviour, Throttle},
        file, serve,
    },
};

const WORLD: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
settings: { page_size: 2 }
applications:
  - { name: tilgang, client_id: 00000000-0000-0000-0000-0000000000c1, secret: s3cret, federated: true }
users:
  - { user: kari.fiktiv@ai-dev.no, id: 00000000-0000-0000-0000-00000000000a }
  - { user: ola.dikt@ai-dev.no, id: 00000000-0000-0000-0000-00000000000b, enabled: false }
  - { user: \"gjest_x.no#EXT#@t.onmicrosoft.com\", mail: gjest@x.no, guest: true }
  - { user: \"o'hara@ai-dev.no\" }
  - { user: borte@ai-dev.no, id: 00000000-0000-0000-0000-00000000000e, deleted: 2026-11-01T12:00:00Z }
groups: [{ name: tilgang-ttd, members: [kari.fiktiv@ai-dev.no], id: 00000000-0000-0000-0000-00000000000f }]
subscriptions:
  - name: Altinn-TTD-Prod
    id: 00000000-0000-0000-0000-000000000001
    group: ttd-prod-rg
    tags: { finops_serviceownercode: ttd }
    resources: [workspace ttd-prod-law, component ttd-prod-ai, vault ttd-prod-keyvault, { vault: old, rbac: false, network: Disabled }]
    locks: [{ name: keep, level: CanNotDelete, scope: ttd-prod-ai }]
  - { name: Altinn-SKD-Prod, id: 00000000-0000-0000-0000-000000000002, resources: [vault skd-prod-keyvault] }
assignments:
  - { principal: tilgang, role: Role Based Access Control Administrator, scope: / }
  - { principal: ola.dikt@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai, description: by hand }
  - { principal: kari.fiktiv@ai-dev.no, role: Key Vault Secrets Officer, scope: ttd-prod-keyvault, activated: true, ends: 2026-12-01T00:00:00Z }
  - { principal: kari.fiktiv@ai-dev.no, role: Reader, scope: Altinn-TTD-Prod }
  - { principal: tilgang-ttd, role: Reader, scope: Altinn-TTD-Prod, condition: x }
";
const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
const CLIENT: &str = "00000000-0000-0000-0000-0000000000c1";
const VAULT: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/ttd-prod-rg/providers/Microsoft.KeyVault/vaults/ttd-prod-keyvault";

fn subscription(n: u8) -> SubscriptionId {
    format!("00000000-0000-0000-0000-00000000000{n}").parse().unwrap()
}

async fn start() -> (Running, Session) {
    let world = SharedWorld::new(file::read(WORLD).unwrap(), || "2026-11-22T09:00:00Z".parse().unwrap());
    let options = ServeOptions { tls: Some(Tls::throw_away().unwrap()), ..ServeOptions::default() };
    let running = serve(world, options).await.unwrap();
    let settings = Settings::simulated(&running.url, TENANT, (CLIENT, "s3cret"), running.ca_pem.clone()).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    (running, session)
}

fn fault(route: &str, does: Misbehaviour) -> Fault {
    Fault { route: route.to_owned(), does, times: Some(1), ..Fault::default() }
}

#[tokio::test]
async fn what_is_read_over_http_is_what_is_read_in_process() {
    let (running, session) = start().await;
    let (over, inside) = (session.reader(), running.world.sign_in_first().unwrap());
    let types: BTreeSet<String> =
        ["microsoft.insights/components", "microsoft.keyvault/vaults", "microsoft.operationalinsights/workspaces"]
            .map(str::to_owned)
            .into();
    assert_eq!(over.stock(&types).await.unwrap(), inside.stock(&types).await.unwrap());
    for at in [subscription(1), subscription(2)] {
        assert_eq!(over.assignments(at).await.unwrap(), inside.assignments(at).await.unwrap());
        assert_eq!(over.pim_instances(at).await.unwrap(), inside.pim_instances(at).await.unwrap());
        assert_eq!(over.locks(at).await.unwrap(), inside.locks(at).await.unwrap());
    }
    for at in [VAULT, "/subscriptions/00000000-0000-0000-0000-000000000001"].map(ScopeId::new) {
        assert_eq!(over.permissions(&at).await.unwrap(), inside.permissions(&at).await.unwrap());
    }
    let names: BTreeSet<_> = [
        "KARI.fiktiv@ai-dev.no",
        "ola.dikt@ai-dev.no",
        "gjest_x.no#EXT#@t.onmicrosoft.com",
        "gjest@x.no",
        "o'hara@ai-dev.no",
        "borte@ai-dev.no",
        "kari.fikitv@ai-dev.no",
        "akri.fiktiv@ai-dev.no",
        "nobody@elsewhere.example",
    ]
    .map(UserName::new)
    .into();
    assert_eq!(over.by_name(&names).await, inside.by_name(&names).await);
    let ids: BTreeSet<PrincipalId> = [0xa, 0xb, 0xe, 0xf, 0x99].map(|n| PrincipalId(uuid::Uuid::from_u128(n))).into();
    assert_eq!(over.by_id(&ids).await, inside.by_id(&ids).await);
    assert_eq!(session.identity().await.unwrap().object, Some(inside.caller()));
    let missing = subscription(9);
    let (over, inside) = (over.assignments(missing).await.unwrap_err(), inside.assignments(missing).await.unwrap_err());
    assert_eq!((over.kind, over.status, over.code), (inside.kind, inside.status, inside.code));
}

#[tokio::test]
async fn six_hundred_people_cost_two_calls() {
    use std::fmt::Write;
    let mut world = WORLD.replace("users:\n", "users:\n  - user0@ai-dev.no\n");
    for n in 1..600 {
        world = world.replace("users:\n", &format!("users:\n  - user{n}@ai-dev.no\n"));
    }
    let mut told = String::new();
    let shared = SharedWorld::new(file::read(&world).unwrap(), || "2026-11-22T09:00:00Z".parse().unwrap());
    let options = ServeOptions { tls: Some(Tls::throw_away().unwrap()), ..ServeOptions::default() };
    let running = serve(shared, options).await.unwrap();
    let settings = Settings::simulated(&running.url, TENANT, (CLIENT, "s3cret"), running.ca_pem.clone()).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    let names: BTreeSet<_> = (0..600).map(|n| UserName::new(&format!("USER{n}@ai-dev.no"))).collect();
    for (name, answer) in session.reader().by_name(&names).await {
        if !matches!(answer, ByName::Person(_)) {
            write!(told, "{name}: {answer:?} ").unwrap();
        }
    }
    assert_eq!((told.as_str(), session.requests()), ("", 2));
}

#[tokio::test]
async fn a_role_assignments_life() {
    let (running, session) = start().await;
    let (reader, writer) = (session.reader(), session.writer());
    let put = PutAssignment {
        name: "44dc0e99-fa66-567c-9394-074b260ef854".parse().unwrap(),
        triple: Triple {
            scope: ScopeId::new(VAULT),
            principal: "00000000-0000-0000-0000-00000000000b".parse().unwrap(),
            definition: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7".parse().unwrap(),
        },
        principal_type: PrincipalType::User,
        description: "tilgang/altinn-apps ttd prod-operations".to_owned(),
    };
    running.world.faults.add(fault("roleAssignments", Misbehaviour::LostReply));
    writer.put(&put).await.unwrap();
    writer.put(&put).await.unwrap();
    let listed = reader.assignments(subscription(1)).await.unwrap();
    let found = listed.iter().find(|it| it.name == put.name).unwrap();
    assert_eq!((&found.triple, found.description.as_deref()), (&put.triple, Some(put.description.as_str())));
    let other = PutAssignment { name: "44dc0e99-fa66-567c-9394-074b260ef855".parse().unwrap(), ..put.clone() };
    assert_eq!(writer.put(&other).await.unwrap_err().kind, TroubleKind::Exists);
    let nobody = Triple { principal: PrincipalId(uuid::Uuid::from_u128(0x99)), ..put.triple.clone() };
    let unknown = PutAssignment { triple: nobody, ..other };
    assert_eq!(writer.put(&unknown).await.unwrap_err().kind, TroubleKind::PrincipalUnknown);
    assert_eq!(writer.delete(&put.triple.scope, put.name).await.unwrap().what, Deleted::Now);
    assert_eq!(writer.delete(&put.triple.scope, put.name).await.unwrap().what, Deleted::Already);
    let locked = listed.iter().find(|it| it.triple.scope.last_segment() == "ttd-prod-ai").unwrap();
    assert_eq!(writer.delete(&locked.triple.scope, locked.name).await.unwrap_err().kind, TroubleKind::Locked);
}

#[tokio::test]
async fn every_misbehaviour_is_survived_or_said_and_never_believed() {
    let (running, session) = start().await;
    let reader = session.reader();
    let whole = reader.assignments(subscription(1)).await.unwrap();
    let throttle = |after: &str, html| Misbehaviour::Throttle(Throttle { retry_after: Some(after.to_owned()), html });
    for survived in [
        throttle("0.2", true),
        throttle("1", false),
        Misbehaviour::HalfBody,
        Misbehaviour::LostReply,
        Misbehaviour::Reset,
        Misbehaviour::SlowBody(200),
    ] {
        let name = format!("{survived:?}");
        running.world.faults.set(vec![fault("roleAssignments", survived)]);
        assert_eq!(reader.assignments(subscription(1)).await.as_ref(), Ok(&whole), "{name}");
        assert!(running.world.faults.left().iter().all(|fault| fault.times == Some(0)), "{name} was met");
    }
    for (said, kind) in [
        (Misbehaviour::Html, TroubleKind::Unreachable),
        (Misbehaviour::EmptyObject, TroubleKind::Malformed),
        (Misbehaviour::NextLink("https://evil.example/x".to_owned()), TroubleKind::Malformed),
        (throttle("3600", false), TroubleKind::Throttled),
    ] {
        let name = format!("{said:?}");
        running.world.faults.set(vec![fault("roleAssignments", said)]);
        assert_eq!(reader.assignments(subscription(1)).await.unwrap_err().kind, kind, "{name}");
    }
}

/// Nothing is ever said; the connection stays open, and the server goes on answering others.
#[tokio::test]
async fn an_answer_that_never_comes() {
    let (running, session) = start().await;
    running.world.faults.set(vec![fault("/v1.0/users", Misbehaviour::Never)]);
    let ca = reqwest::Certificate::from_pem(running.ca_pem.as_deref().unwrap().as_bytes()).unwrap();
    let wait = std::time::Duration::from_millis(300);
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).timeout(wait).build().unwrap();
    let ask = || client.get(format!("{}/v1.0/users", running.url)).send();
    assert!(ask().await.unwrap_err().is_timeout());
    assert!(session.reader().assignments(subscription(1)).await.is_ok());
    assert_eq!(ask().await.unwrap().status().as_u16(), 401, "it was met once");
}
