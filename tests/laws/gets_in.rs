//! Who can really do it, held against an oracle that reads the simulated Azure itself: what is held and what can be activated, by
//! oneself and through groups, from above and from within, by way of a workspace, by a vault's access policies.
//!
//! Conditions are not weighed by either; what is denied is named beside the answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use jiff::Timestamp;
use proptest::prelude::*;
use tilgang::{
    access::{self, Access, By, Unknown},
    config::load_texts,
    model::{
        ability::{ABILITIES, Ability},
        assignment::RoleAssignment,
        desired::Desired,
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        observed::{Lock, Observed, TargetKey},
        other_access::{AccessPolicy, DeletedVault, Denial, Effect, Eligibility},
        people::{Attribute, ById, ByName, FormerHolders, GroupKey, HasAttribute, InGroup},
        permissions::Definition,
        trouble::{Trouble, TroubleKind},
    },
    observe::widely,
    plan::{self, Plan},
    ports::{AccessReader, AssignmentReader, Directory, Inventory, PimInstance, Stock, Usage},
    simulator::{Identity, SharedWorld, World, file, world::Block},
};

const NOW: &str = "2026-11-22T09:00:00Z";
const PEOPLE: [&str; 4] = ["kari.fiktiv", "ola.dikt", "siri.proeve", "nora.eksempel"];
const GROUPS: [&str; 3] = ["inner", "outer", "platform"];
const ROLES: [&str; 17] = [
    "Reader",
    "Contributor",
    "Owner",
    "Monitoring Reader",
    "Log Analytics Reader",
    "Key Vault Secrets User",
    "Key Vault Secrets Officer",
    "Key Vault Contributor",
    "Role Based Access Control Administrator",
    "Some logs",
    "Runs queries",
    "All tables",
    "One table",
    "Table data",
    "Data reader",
    "Policies",
    "Vault writer",
];
const DEFINITIONS: &str = "role_definitions:
  - { name: Some logs, actions: [Microsoft.Insights/logs/AppTraces/read] }
  - { name: Runs queries, actions: [Microsoft.OperationalInsights/workspaces/query/read] }
  - { name: All tables, actions: [Microsoft.OperationalInsights/workspaces/query/*/read] }
  - { name: One table, actions: [Microsoft.OperationalInsights/workspaces/query/AppTraces/read] }
  - { name: Table data, data_actions: [Microsoft.OperationalInsights/workspaces/tables/data/read] }
  - { name: Data reader, actions: [Microsoft.OperationalInsights/workspaces/query/read], data_actions: ['*/tables/data/read'] }
  - { name: Policies, actions: [Microsoft.KeyVault/vaults/accessPolicies/write] }
  - { name: Vault writer, actions: ['Microsoft.KeyVault/*'], not_actions: [Microsoft.KeyVault/vaults/accessPolicies/*] }
";
/// Subscriptions with a component and a vault each. The first keeps its logs beside it, the second in the hub, the third in another
/// group, where rights of the workspace's own are demanded; the second's vault has access policies.
const PLACES: [(&str, &str, &str); 3] = [("ttd", "tt02", "Test"), ("ttd", "prod", "Prod"), ("skd", "prod", "Prod")];
const HUB: &str = "/subscriptions/00000000-0000-0000-0000-000000000009";
const SCOPES: u8 = 20;
const WORDS: [&str; 6] = ["get", "List", "set", "delete", "all", "purge"];
const ABILITY_OF_WORD: [(&str, &str); 4] =
    [("get", "read-secrets"), ("list", "list-secrets"), ("set", "change-secrets"), ("delete", "delete-secrets")];

/// Principal (people, groups, the application `build`), role, scope, and what is odd about it.
type Given = (u8, u8, u8, u8);

/// What a world is made of.
#[derive(Clone, Debug)]
struct Seed {
    /// Who is in each group: people first, then groups.
    members: [u8; 3],
    assignments: Vec<Given>,
    eligibilities: Vec<Given>,
    /// Object, words by bits, whether only with an application.
    policies: Vec<(u8, u8, bool)>,
    /// Scope, whether everybody, whether audit, action.
    denials: Vec<(u8, bool, bool, bool)>,
    /// Which reads fail, by bits.
    fails: u16,
}

fn seed() -> impl Strategy<Value = Seed> {
    let given = |principals: u8| (0..principals, 0..u8::try_from(ROLES.len()).unwrap(), 0..SCOPES, 0..8u8);
    (
        any::<[u8; 3]>(),
        proptest::collection::vec(given(8), 0..10),
        proptest::collection::vec(given(7), 0..8),
        proptest::collection::vec((0..8u8, any::<u8>(), prop::bool::weighted(0.2)), 0..4),
        proptest::collection::vec((0..SCOPES, any::<bool>(), any::<bool>(), any::<bool>()), 0..3),
        prop_oneof![Just(0u16), any::<u16>().prop_map(|bits| 1 << (bits % 9))],
    )
        .prop_map(|(members, assignments, eligibilities, policies, denials, fails)| Seed {
            members,
            assignments,
            eligibilities,
            policies,
            denials,
            fails,
        })
}

fn subscription(n: u8) -> String {
    format!("/subscriptions/00000000-0000-0000-0000-00000000000{}", n + 1)
}

fn workspace(n: u8) -> String {
    let at = match n {
        0 => format!("{}/resourceGroups/rg", subscription(0)),
        1 => format!("{HUB}/resourceGroups/hub"),
        _ => format!("{}/resourceGroups/logs", subscription(2)),
    };
    format!("{at}/providers/Microsoft.OperationalInsights/workspaces/law{n}")
}

fn scope(n: u8) -> String {
    let place = n % 3;
    let at = subscription(place);
    let (owner, environment, _) = PLACES[usize::from(place)];
    let vault = format!("{at}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/{owner}-{environment}-keyvault");
    match n / 3 {
        0 => format!("{at}/resourceGroups/RG"), // Azure does not tell case apart
        1 => vault,
        2 => format!("{at}/resourceGroups/rg/providers/Microsoft.Insights/components/{owner}-{environment}-ai"),
        3 => workspace(place),
        4 => format!("{}/tables/AppTraces", workspace(place)),
        5 => at,
        _ => [HUB, "/providers/Microsoft.Management/managementGroups/altinn"][usize::from(n % 2)].to_owned(),
    }
}

fn id(n: u8) -> String {
    format!("00000000-0000-0000-0000-0000000000a{n}")
}

fn principal(n: u8) -> String {
    match usize::from(n) {
        n @ 0..4 => format!("{}@ai-dev.no", PEOPLE[n]),
        n @ 4..7 => GROUPS[n - 4].to_owned(),
        _ => "build".to_owned(),
    }
}

fn world(seed: &Seed) -> World {
    let mut text = format!(
        "tenant: 00000000-0000-0000-0000-0000000000aa\nclock: {NOW}\n\
         applications:\n  - {{ name: tilgang, secret: x }}\n  - {{ name: build, secret: y, id: {} }}\nusers:\n",
        id(7)
    );
    for (n, name) in PEOPLE.iter().enumerate() {
        let _ = writeln!(text, "  - {{ user: {name}@ai-dev.no, id: {} }}", id(u8::try_from(n).unwrap()));
    }
    text += "groups:\n";
    for (n, name) in GROUPS.iter().enumerate() {
        let bits = seed.members[n];
        let people = (0..4u8).filter(|m| bits & (1 << m) != 0).map(principal);
        let groups = (0..3u8).filter(|m| bits & (16 << m) != 0 && usize::from(*m) != n).map(|m| principal(m + 4));
        let build = (bits & 128 != 0).then(|| "build".to_owned());
        let members: Vec<String> = people.chain(groups).chain(build).collect();
        let id = id(u8::try_from(n).unwrap() + 4);
        let _ = writeln!(text, "  - {{ name: {name}, id: {id}, members: [{}] }}", members.join(", "));
    }
    text += DEFINITIONS;
    text += "subscriptions:\n";
    let policies: Vec<String> = seed
        .policies
        .iter()
        .map(|(object, bits, with)| {
            let words: Vec<&str> = (0..6).filter(|n| bits & (1 << n) != 0).map(|n| WORDS[n]).collect();
            let with = if *with { format!(", applicationId: {}", id(7)) } else { String::new() };
            format!("{{ objectId: {}{with}, permissions: {{ secrets: [{}] }} }}", id(*object), words.join(", "))
        })
        .collect();
    for (n, (owner, environment, title)) in PLACES.iter().enumerate() {
        let number = u8::try_from(n).unwrap();
        let vault = match n {
            1 => format!("rbac: false, properties: {{ accessPolicies: [{}] }}", policies.join(", ")),
            _ => "rbac: true".to_owned(),
        };
        let own = match n {
            0 => "      - { workspace: law0 }\n",
            2 => "      - { workspace: law2, group: logs, resource_permissions: false }\n",
            _ => "",
        };
        let _ = write!(
            text,
            "  - name: Altinn-{}-{title}\n    id: 00000000-0000-0000-0000-00000000000{}\n    group: rg\n    \
             management_groups: [altinn]\n    tags: {{ finops_serviceownercode: {owner} }}\n    resources:\n{own}      \
             - {{ component: {owner}-{environment}-ai, workspace: {} }}\n      \
             - {{ vault: {owner}-{environment}-keyvault, {vault} }}\n",
            owner.to_uppercase(),
            n + 1,
            workspace(number)
        );
    }
    let hub = HUB.trim_start_matches("/subscriptions/");
    let _ = writeln!(text, "  - {{ name: Hub, id: {hub}, group: hub, resources: [workspace law1] }}");
    text += "assignments:\n  - { principal: tilgang, role: Role Based Access Control Administrator, scope: / }\n";
    let _ = write!(
        text,
        "{}",
        given(&seed.assignments, |odd| match odd {
            0 => ", condition: \"@Resource[a:b] StringEquals 'x'\"",
            1 => ", ends: 2026-12-01T00:00:00Z, activated: true",
            _ => "",
        })
    );
    text += "eligibilities:\n";
    let _ = write!(
        text,
        "{}",
        given(&seed.eligibilities, |odd| match odd {
            0 => ", ends: 2026-12-01T00:00:00Z",
            1 => ", start: 2026-12-01T00:00:00Z",
            2 => ", ends: 2026-11-01T00:00:00Z",
            _ => "",
        })
    );
    text += "deny_assignments:\n";
    for (n, (at, everybody, audit, secrets)) in seed.denials.iter().enumerate() {
        let whom = if *everybody { String::new() } else { format!(", principals: [{}]", principal(0)) };
        let what = if *secrets { "data_actions: ['*/secrets/*']" } else { "actions: ['*/read', '*/write']" };
        // Not to our own identity: then nothing could be read.
        let at = scope(*at);
        let _ = writeln!(text, "  - {{ name: no-{n}, scope: {at}, audit: {audit}, {what}{whom}, except: [tilgang] }}");
    }
    let text = text.replace("eligibilities:\ndeny", "eligibilities: []\ndeny");
    let text = if seed.denials.is_empty() { text.replace("deny_assignments:\n", "") } else { text };
    file::read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn given(all: &[Given], odd: impl Fn(u8) -> &'static str) -> String {
    let (mut text, mut there) = (String::new(), BTreeSet::new());
    for (who, role, at, how) in all {
        let (principal, role, at) = (principal(*who), ROLES[usize::from(*role)], scope(*at));
        if there.insert((principal.clone(), role, at.to_lowercase())) {
            let _ = writeln!(text, "  - {{ principal: {principal}, role: {role}, scope: {at}{} }}", odd(*how));
        }
    }
    text
}

fn desired() -> Desired {
    let settings = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n\
                    owners: { skd: { environments: [prod] } }\n";
    let loaded = load_texts(&[
        ("tilgang.yaml", settings),
        ("owners/ttd.yaml", "owner: ttd\nusers: []\n"),
        ("owners/skd.yaml", "owner: skd\nusers: []\n"),
    ]);
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    loaded.desired.unwrap()
}

/// Ports of which some reads fail.
struct Partly {
    azure: Identity,
    fails: u16,
}

impl Partly {
    fn tries<T>(&self, bit: u16, answer: Result<T, Trouble>) -> Result<T, Trouble> {
        if self.fails & (1 << bit) == 0 { answer } else { Err(trouble()) }
    }
}

fn trouble() -> Trouble {
    Trouble::new(TroubleKind::Denied, "look", "no")
}

impl Directory for Partly {
    async fn former_holders(&self, names: &BTreeSet<UserName>) -> Result<FormerHolders, Trouble> {
        self.azure.former_holders(names).await
    }

    async fn by_name(&self, names: &BTreeSet<UserName>) -> BTreeMap<UserName, ByName> {
        self.azure.by_name(names).await
    }

    async fn by_id(&self, ids: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, ById> {
        let mut answers = self.azure.by_id(ids).await;
        if self.fails & 1 != 0 {
            answers = ids.iter().map(|id| (*id, ById::Unanswered(Arc::new(trouble())))).collect();
        }
        answers
    }

    async fn groups(&self, keys: &BTreeSet<GroupKey>) -> BTreeMap<GroupKey, InGroup> {
        let mut answers = self.azure.groups(keys).await;
        if self.fails & 2 != 0 {
            answers = keys.iter().map(|key| (key.clone(), InGroup::Unanswered(Arc::new(trouble())))).collect();
        }
        answers
    }

    async fn attributes(&self, which: Attribute, of: &BTreeSet<PrincipalId>) -> BTreeMap<PrincipalId, HasAttribute> {
        self.azure.attributes(which, of).await
    }
}

impl Inventory for Partly {
    async fn stock(&self, arm_types: &BTreeSet<String>) -> Result<Stock, Trouble> {
        self.azure.stock(arm_types).await
    }
}

impl AssignmentReader for Partly {
    async fn assignments(&self, at: SubscriptionId) -> Result<Vec<RoleAssignment>, Trouble> {
        let bit = if HUB.ends_with(&at.to_string()) { 2 } else { 3 };
        self.tries(bit, self.azure.assignments(at).await)
    }

    async fn pim_instances(&self, at: SubscriptionId) -> Result<Vec<PimInstance>, Trouble> {
        self.azure.pim_instances(at).await
    }

    async fn locks(&self, at: SubscriptionId) -> Result<Vec<Lock>, Trouble> {
        self.azure.locks(at).await
    }

    async fn usage(&self, at: SubscriptionId) -> Result<Usage, Trouble> {
        self.azure.usage(at).await
    }

    async fn role_definition(&self, id: RoleDefinitionId, at: SubscriptionId) -> Result<Option<Definition>, Trouble> {
        self.azure.role_definition(id, at).await
    }

    async fn definitions(&self, at: SubscriptionId) -> Result<BTreeMap<RoleDefinitionId, Definition>, Trouble> {
        self.tries(4, self.azure.definitions(at).await)
    }
}

impl AccessReader for Partly {
    async fn eligibilities(&self, at: &ScopeId) -> Result<Vec<Eligibility>, Trouble> {
        let bit = if at.is_resource() { 5 } else { 6 };
        let answer = self.azure.eligibilities(at).await;
        // Whether a subscription's list shows what lies below it is OPEN: here it does not. A resource's is taken to.
        let below = |it: &Eligibility| at.is_resource() || it.triple.scope == *at || !at.holds(&it.triple.scope);
        self.tries(bit, answer.map(|all| all.into_iter().filter(below).collect()))
    }

    async fn denials(&self, at: SubscriptionId) -> Result<Vec<Denial>, Trouble> {
        self.tries(7, self.azure.denials(at).await)
    }

    async fn access_policies(&self, vault: &ScopeId) -> Result<Option<Vec<AccessPolicy>>, Trouble> {
        self.tries(8, self.azure.access_policies(vault).await)
    }

    async fn deleted_vaults(&self, of: SubscriptionId) -> Result<Vec<DeletedVault>, Trouble> {
        self.azure.deleted_vaults(of).await
    }
}

struct Looked {
    world: SharedWorld,
    desired: Desired,
    observed: Observed,
    plan: Plan,
}

fn look(seed: &Seed) -> Looked {
    let now: Timestamp = NOW.parse().unwrap();
    let world = SharedWorld::new(world(seed), move || now);
    let azure = Partly { azure: world.sign_in_first().unwrap(), fails: seed.fails };
    let desired = desired();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let observed = runtime.block_on(widely(&desired, None, now, &azure));
    let plan = plan::plan(&desired, &observed, jiff::civil::date(2026, 11, 22));
    Looked { world, desired, observed, plan }
}

/// The oracle's own reading of a pattern of Azure's.
fn fits(pattern: &[u8], action: &[u8]) -> bool {
    match (pattern.split_first(), action.split_first()) {
        (None, None) => true,
        (Some((b'*', after)), None) => fits(after, action),
        (Some((b'*', after)), Some((_, tail))) => fits(after, action) || fits(pattern, tail),
        (Some((p, after)), Some((a, tail))) => p.eq_ignore_ascii_case(a) && fits(after, tail),
        _ => false,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Plane {
    Control,
    Data,
}

fn allows(block: &Block, plane: Plane, action: &str) -> bool {
    let (allowed, out) = match plane {
        Plane::Control => (&block.actions, &block.not_actions),
        Plane::Data => (&block.data_actions, &block.not_data_actions),
    };
    let any = |all: &[String]| all.iter().any(|it| fits(it.as_bytes(), action.as_bytes()));
    any(allowed) && !any(out)
}

/// What is looked at: what somebody holds, or that and what they could activate.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Now,
    Activated,
}

/// Everything by which somebody has rights at a scope.
fn blocks<'a>(world: &'a World, who: PrincipalId, at: &ScopeId, when: When) -> Vec<&'a Block> {
    let mut all = world.blocks(who, at);
    if when == When::Activated {
        let (holders, above, now) = (world.with_groups(who), world.above(at), world.now());
        let eligible = world.eligibilities().filter(|it| {
            it.start <= now
                && holders.contains(&it.triple.principal)
                && (it.triple.scope == *at || above.contains(&it.triple.scope))
        });
        all.extend(eligible.map(|it| &world.definition(it.triple.definition).unwrap().block));
    }
    all
}

/// A scope, and every scope within it at which somebody holds something, or could.
fn places(world: &World, at: &ScopeId) -> BTreeSet<ScopeId> {
    let held = world.all_assignments().map(|it| &it.triple.scope);
    let all = held.chain(world.eligibilities().map(|it| &it.triple.scope));
    all.filter(|scope| at.holds(scope)).chain([at]).cloned().collect()
}

/// Whether Azure lets somebody do something at a target, or at a part of it.
fn truth(world: &World, who: PrincipalId, target: &ScopeId, ability: &Ability, when: When) -> bool {
    let may = |at: &ScopeId, plane: Plane, action: &str| {
        blocks(world, who, at, when).iter().any(|block| allows(block, plane, action))
    };
    let somewhere = |at: &ScopeId, plane, action: &str| places(world, at).iter().any(|at| may(at, plane, action));
    let found = world.resources().find(|it| it.id == *target).unwrap();
    if ability.word == "read-logs" {
        let law = ScopeId::new(found.properties["WorkspaceResourceId"].as_str().unwrap());
        let of_workspace = world.resources().find(|it| it.id == law).unwrap();
        let open =
            of_workspace.properties["features"]["enableLogAccessUsingOnlyResourcePermissions"].as_bool().unwrap();
        let tables = ["AppTraces", "AppRequests"];
        let at_component = tables
            .iter()
            .any(|table| somewhere(target, Plane::Control, &format!("Microsoft.Insights/logs/{table}/read")));
        let query = "Microsoft.OperationalInsights/workspaces/query";
        let reads = tables.iter().any(|table| somewhere(&law, Plane::Control, &format!("{query}/{table}/read")))
            || somewhere(&law, Plane::Data, "Microsoft.OperationalInsights/workspaces/tables/data/read");
        return open && at_component || may(&law, Plane::Control, &format!("{query}/read")) && reads;
    }
    if !ability.of_data {
        return somewhere(target, Plane::Control, ability.action);
    }
    if found.properties["enableRbacAuthorization"].as_bool() == Some(true) {
        return somewhere(target, Plane::Data, ability.action);
    }
    let holders = world.with_groups(who);
    let policies = found.properties["accessPolicies"].as_array().cloned().unwrap_or_default();
    policies.iter().any(|policy| {
        let object: PrincipalId = policy["objectId"].as_str().unwrap().parse().unwrap();
        let words = policy["permissions"]["secrets"].as_array().unwrap();
        let gives = |word: &str| words.iter().any(|it| it.as_str().unwrap().eq_ignore_ascii_case(word));
        let its = ABILITY_OF_WORD.iter().find(|(_, of)| *of == ability.word).unwrap().0;
        holders.contains(&object) && (gives(its) || gives("all"))
    })
}

type Said = BTreeMap<(PrincipalId, TargetKey, &'static str), bool>;

/// What an answer says has effect: person, target, ability; and whether it counts without being activated.
fn said(access: &Access<'_>) -> Said {
    let mut said = Said::new();
    for ability in ABILITIES {
        for (holder, ways) in access.who(ability, None) {
            for way in ways.into_iter().filter(|way| access.hindrances_of(way, ability).next().is_none()) {
                *said.entry((holder.who.id, way.target.clone(), ability.word)).or_default() |= !way.is_eligible();
            }
        }
    }
    said
}

fn is_about(unknown: &Unknown, key: &TargetKey) -> bool {
    unknown.unread
        && unknown.owner.is_none_or(|owner| owner == key.owner)
        && unknown.environment.as_ref().is_none_or(|it| *it == key.environment)
        && unknown.kind.as_ref().is_none_or(|it| *it == key.kind)
}

fn wanted<'a>(access: &'a Access<'_>) -> Vec<(&'a TargetKey, ScopeId, &'static Ability)> {
    let all = access.targets.iter().flat_map(|(key, target)| {
        let here = ABILITIES.iter().filter(|it| it.arm_type.is_none_or(|it| target.scope.folded().contains(it)));
        here.map(|ability| (*key, target.scope.clone(), ability))
    });
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// Where all could be read, nothing is left unknown, and who can do what, now or once activated, is what Azure itself says.
    #[test]
    fn who_gets_in_is_who_azure_lets_in(seed in seed()) {
        let seed = Seed { fails: 0, ..seed };
        let Looked { world, desired, observed, plan } = look(&seed);
        let access = access::of(&desired, &observed, &plan, None);
        prop_assert_eq!(&access.unknown, &Vec::new());
        prop_assert_eq!(access.targets.len(), 6);
        let said = said(&access);
        world.with(|world| {
            for user in world.users() {
                for (key, scope, ability) in wanted(&access) {
                    let answer = said.get(&(user.id, key.clone(), ability.word)).copied();
                    let now = truth(world, user.id, &scope, ability, When::Now);
                    let later = truth(world, user.id, &scope, ability, When::Activated);
                    prop_assert_eq!(answer.is_some(), later, "{} {} {}", &user.name, &scope, ability.word);
                    prop_assert_eq!(answer == Some(true), now, "now: {} {} {}", &user.name, &scope, ability.word);
                }
            }
            // Each deny assignment that is in force at a target is named there.
            for denial in world.all_denials() {
                for (key, target) in &access.targets {
                    let here = denial.scope == target.scope || world.above(&target.scope).contains(&denial.scope);
                    let named = access.denials.get(key).into_iter().flatten().find(|it| it.name == denial.name);
                    prop_assert!(!here || named.is_some(), "{} {}", denial.name, &target.scope);
                    let audit = named.map(|it| it.effect == Effect::Audit);
                    prop_assert!(audit.is_none_or(|audit| audit == denial.audit));
                }
            }
            Ok(())
        })?;
    }

    /// Whatever read fails: whoever Azure lets in is named, or what could not be read is.
    #[test]
    fn nobody_who_gets_in_is_silently_absent(seed in seed()) {
        let Looked { world, desired, observed, plan } = look(&seed);
        let access = access::of(&desired, &observed, &plan, None);
        let said = said(&access);
        world.with(|world| {
            for user in world.users() {
                for (key, sighting) in &observed.targets {
                    let tilgang::model::observed::Sighting::Found(target) = sighting else { panic!("{sighting:?}") };
                    for ability in ABILITIES.iter().filter(|it| it.arm_type.is_none_or(|it| target.scope.folded().contains(it))) {
                        if truth(world, user.id, &target.scope, ability, When::Activated) {
                            let here = said.contains_key(&(user.id, key.clone(), ability.word));
                            let about = access.unknown.iter().any(|it| is_about(it, key));
                            prop_assert!(here || about, "{} {} {:?}", &user.name, ability.word, &access.unknown);
                        }
                    }
                }
            }
            // A read of deny assignments that failed is said, whoever holds what.
            let is_said = access.unknown.iter().any(|it| it.words.contains("deny assignments"));
            prop_assert_eq!(seed.fails & (1 << 7) != 0, is_said);
            Ok(())
        })?;
    }

    /// Every way is real: what gives it is in the world as it says, and its holder is who it says.
    #[test]
    fn every_other_way_is_real(seed in seed()) {
        let Looked { world, desired, observed, plan } = look(&seed);
        let access = access::of(&desired, &observed, &plan, None);
        world.with(|world| {
            for (id, holder) in &access.holders {
                for way in &holder.ways {
                    let of = way.by.principal();
                    prop_assert!(way.through.map_or(of == *id, |group| group == of && world.with_groups(*id).contains(&group)));
                    match way.by {
                        By::Assignment(standing) => {
                            prop_assert_eq!(&world.assignment(standing.assignment.name).unwrap().triple.scope, way.at);
                        }
                        By::Eligibility(eligible) => {
                            let real = world.eligibilities().find(|it| it.triple == eligible.triple).unwrap();
                            prop_assert_eq!(real.end, way.ends);
                            prop_assert!(way.grants.is_empty() && real.start <= world.now());
                        }
                        By::Policy(policy) => {
                            let vault = world.resources().find(|it| it.id == *way.at).unwrap();
                            let all = vault.properties["accessPolicies"].as_array().unwrap();
                            let object = policy.object.to_string();
                            let real = all.iter().filter(|it| it["objectId"].as_str() == Some(object.as_str()));
                            prop_assert!(real.count() > 0 && way.at == &access.targets[way.target].scope);
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
}
