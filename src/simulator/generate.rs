//! A believable workspace of any size, and the Azure it speaks of.
//!
//! In: how many owners, people and grants, and a seed. Out: `tilgang.yaml`, `owners/*.yaml`, and the world as
//! [`WorldFile`] or text; the same for the same seed, everywhere. What already stands is ours: its name and description are
//! those that `instance` gives. Invented people only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{
    file::{AssignmentEntry, OneLine, ResourceEntry, SubscriptionItem, UserEntry, WorldFile},
    world::World,
};
use crate::model::{
    assignment::{Mark, Triple},
    ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, TenantId},
    owner::{InstanceName, OwnerCode, RoleName},
};

/// How large, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Service owners, each with two subscriptions, two components with their workspaces, and two vaults.
    pub owners: usize,
    /// People, spread over the owners.
    pub people: usize,
    /// Grants in all; left out: one to four for each person.
    pub grants: Option<usize>,
    /// Which of many such workspaces.
    pub seed: u64,
    /// Whether Azure already has what git wants, or nothing of it.
    pub standing: Standing,
}

/// How much of what git wants already stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All: nothing to change.
    All,
    /// Nothing: all to be granted.
    None,
}

/// What was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// Path and text of each file of the workspace, `azure.yaml` not among them.
    pub files: Vec<(String, String)>,
    /// The world.
    pub world: WorldFile,
}

impl Generated {
    /// The world as the text of `azure.yaml`: YAML, or from 20,000 assignments up JSON, which is YAML and reads faster.
    #[must_use]
    pub fn azure_yaml(&self) -> String {
        let text = if self.world.assignments.len() < 20_000 {
            serde_yaml::to_string(&self.world).ok()
        } else {
            serde_json::to_string(&self.world).ok()
        };
        text.unwrap_or_default()
    }
}

impl Options {
    /// A workspace of this size, nothing of which stands yet.
    #[must_use]
    pub fn new(owners: usize, people: usize, seed: u64) -> Self {
        Self { owners: owners.max(1), people, grants: None, seed, standing: Standing::None }
    }

    /// The size that other tools are measured at: 1,000 assignments over 20 subscriptions and 600 people, all standing.
    #[must_use]
    pub fn a_thousand_standing() -> Self {
        Self { owners: 10, people: 600, grants: Some(1_000), seed: 1, standing: Standing::All }
    }
}

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
const INSTANCE: &str = "altinn-apps";
const DOMAIN: &str = "ai-dev.no";
/// Monitoring Reader and Key Vault Secrets Officer (FACTS §2).
const READS_LOGS: &str = "43d0d8ad-25c7-4714-9337-8ba259a9fe05";
const MANAGES_SECRETS: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
/// Role, environment's name in Azure, whether it is about logs (else secrets).
const ROLES: [(&str, &str, bool); 4] = [
    ("test-developer", "tt02", true),
    ("prod-developer", "prod", true),
    ("test-operations", "tt02", false),
    ("prod-operations", "prod", false),
];
const GIVEN: [&str; 12] =
    ["kari", "ola", "siri", "per", "nina", "jonas", "ingrid", "lars", "maja", "emil", "sunniva", "aksel"];
const FAMILY: [&str; 10] =
    ["fiktiv", "dikt", "proeve", "eksempel", "papir", "oppdiktet", "paahitt", "skisse", "utkast", "kladd"];

/// Makes a workspace and its world.
#[must_use]
pub fn generate(options: &Options) -> Generated {
    let Options { owners, people, grants, seed, standing } = *options;
    let tenant: TenantId = TENANT.parse().unwrap_or(TenantId(uuid::Uuid::nil()));
    let people: Vec<Somebody> = (0..people).map(|index| Somebody::new(tenant, index, seed)).collect();
    let owners: Vec<Owner> = (0..owners).filter_map(|index| Owner::new(tenant, index, seed)).collect();
    let mut held: Vec<BTreeMap<usize, Vec<usize>>> = vec![BTreeMap::new(); owners.len()]; // owner → person → roles
    for (person, owner, role) in spread(people.len(), owners.len(), grants, seed) {
        if let Some(held) = held.get_mut(owner) {
            held.entry(person).or_default().push(role);
        }
    }
    let mut files = vec![("tilgang.yaml".to_owned(), workspace())];
    let mut world = WorldFile {
        tenant: TENANT.to_owned(),
        users: people
            .iter()
            .map(|person| OneLine(UserEntry { user: person.name.clone(), ..UserEntry::default() }))
            .collect(),
        subscriptions: owners.iter().flat_map(Owner::subscriptions).collect(),
        ..WorldFile::default()
    };
    for (owner, held) in owners.iter().zip(&held) {
        files.push((format!("owners/{}.yaml", owner.code), owner.yaml(&people, held)));
        if standing == Standing::All {
            for (person, roles) in held {
                let Some(person) = people.get(*person) else { continue };
                world.assignments.extend(roles.iter().filter_map(|role| owner.assignment(person, *role)));
            }
        }
    }
    Generated { files, world }
}

/// Who holds what: everybody one role at the owner they belong to, then a second, and so on; from the fifth on at the next
/// owner.
fn spread(
    people: usize,
    owners: usize,
    grants: Option<usize>,
    seed: u64,
) -> impl Iterator<Item = (usize, usize, usize)> {
    let rounds = match grants {
        Some(grants) => grants.div_ceil(people.max(1)),
        None => ROLES.len(),
    };
    let slots = (0..rounds).flat_map(move |round| (0..people).map(move |person| (round, person)));
    let wanted = move |(round, person): &(usize, usize)| grants.is_some() || *round <= pick(seed, *person, 1, 4);
    let slots = slots.filter(wanted).take(grants.unwrap_or(usize::MAX));
    slots.map(move |(round, person)| {
        let owner = (person + round / ROLES.len()) % owners.max(1);
        (person, owner, (pick(seed, person, 2, ROLES.len()) + round) % ROLES.len())
    })
}

struct Somebody {
    name: String,
    id: PrincipalId,
    with_id: bool,
}

impl Somebody {
    fn new(tenant: TenantId, index: usize, seed: u64) -> Self {
        let given = GIVEN.get(index % GIVEN.len()).copied().unwrap_or_default();
        let family = FAMILY.get(index / GIVEN.len() % FAMILY.len()).copied().unwrap_or_default();
        let number = index / (GIVEN.len() * FAMILY.len());
        let number = if number == 0 { String::new() } else { (number + 1).to_string() };
        let name = format!("{given}.{family}{number}@{DOMAIN}");
        Self { id: PrincipalId(World::derived_id(tenant, "user", &name)), with_id: pick(seed, index, 3, 2) == 0, name }
    }
}

struct Owner {
    code: OwnerCode,
    tenant: TenantId,
}

impl Owner {
    fn new(tenant: TenantId, index: usize, seed: u64) -> Option<Self> {
        // 7,919 and 26³ share no factor: no two of the first 17,576 are alike; later ones get a digit.
        let letters = (index.wrapping_mul(7_919).wrapping_add(pick(seed, 0, 4, 17_576))) % 17_576;
        let letter = |place: usize| u8::try_from(letters / place % 26).map(|letter| char::from(b'a' + letter)).ok();
        let mut code: String = [letter(676)?, letter(26)?, letter(1)?].iter().collect();
        if index >= 17_576 {
            let _ = write!(code, "{}", index / 17_576);
        }
        OwnerCode::new(&code).map(|code| Self { code, tenant })
    }

    fn subscription_name(&self, environment: &str) -> String {
        let environment = if environment == "prod" { "Prod" } else { "Test" };
        format!("Altinn-{}-{environment}", self.code.as_str().to_ascii_uppercase())
    }

    fn subscriptions(&self) -> [SubscriptionItem; 2] {
        let code = self.code;
        ["tt02", "prod"].map(|environment| {
            let named = |name: &str| Some(format!("{code}-{environment}-{name}"));
            let resource = |entry: ResourceEntry| OneLine(entry);
            SubscriptionItem {
                name: self.subscription_name(environment),
                group: named("rg"),
                tags: BTreeMap::from([("finops_serviceownercode".to_owned(), code.to_string())]),
                resources: vec![
                    resource(ResourceEntry { workspace: named("law"), ..ResourceEntry::default() }),
                    resource(ResourceEntry { component: named("ai"), ..ResourceEntry::default() }),
                    resource(ResourceEntry { vault: named("keyvault"), ..ResourceEntry::default() }),
                ],
                ..SubscriptionItem::default()
            }
        })
    }

    fn assignment(&self, person: &Somebody, role: usize) -> Option<AssignmentEntry> {
        let (role, environment, logs) = *ROLES.get(role)?;
        let code = self.code;
        let subscription =
            SubscriptionId(World::derived_id(self.tenant, "subscription", &self.subscription_name(environment)));
        let target = if logs {
            format!("microsoft.insights/components/{code}-{environment}-ai")
        } else {
            format!("Microsoft.KeyVault/vaults/{code}-{environment}-keyvault")
        };
        let scope = format!("/subscriptions/{subscription}/resourceGroups/{code}-{environment}-rg/providers/{target}");
        let definition: RoleDefinitionId = (if logs { READS_LOGS } else { MANAGES_SECRETS }).parse().ok()?;
        let triple = Triple { scope: ScopeId::new(&scope), principal: person.id, definition };
        let (instance, role) = (InstanceName::new(INSTANCE), RoleName::new(role));
        Some(AssignmentEntry {
            principal: person.id.to_string(),
            role: definition.to_string(),
            scope,
            name: Some(triple.name(&instance).to_string()),
            principal_type: Some("User".to_owned()),
            description: Some(Mark::text(&instance, code, &role, self.ticket(&role).as_deref())),
            ..AssignmentEntry::default()
        })
    }

    /// Secrets in production are asked for with a ticket.
    fn ticket(&self, role: &RoleName) -> Option<String> {
        (role.as_str() == "prod-operations").then(|| format!("{}-1", self.code.as_str().to_ascii_uppercase()))
    }

    fn yaml(&self, people: &[Somebody], held: &BTreeMap<usize, Vec<usize>>) -> String {
        let upper = self.code.as_str().to_ascii_uppercase();
        let mut text = format!("owner: {}\nname: Fiktivdirektoratet {upper}\n", self.code);
        text.push_str(if held.is_empty() { "users: []\n" } else { "users:\n" });
        for (person, roles) in held {
            let Some(person) = people.get(*person) else { continue };
            let _ = writeln!(text, "  - user: {}", person.name);
            if person.with_id {
                let _ = writeln!(text, "    id: {}", person.id);
            }
            text.push_str("    roles:\n");
            let mut roles: Vec<&str> = roles.iter().filter_map(|role| ROLES.get(*role)).map(|role| role.0).collect();
            roles.sort_unstable();
            for role in roles {
                match self.ticket(&RoleName::new(role)) {
                    Some(ticket) => {
                        let _ = writeln!(text, "      - role: {role}\n        ticket: {ticket}");
                    }
                    None => {
                        let _ = writeln!(text, "      - {role}");
                    }
                }
            }
        }
        text
    }
}

fn workspace() -> String {
    format!("version: 1\ntenant: {TENANT}\ninstance: {INSTANCE}\nusers:\n  domains: [{DOMAIN}]\n")
}

/// A number below `below` that follows from the seed (SplitMix64's mixer).
fn pick(seed: u64, index: usize, salt: u64, below: usize) -> usize {
    let mut z = seed.wrapping_add((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(salt << 56);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((z ^ (z >> 31)) % (below.max(1) as u64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::{file, world::Scoping};

    #[test]
    fn a_thousand_standing() {
        let made = generate(&Options::a_thousand_standing());
        assert_eq!(made, generate(&Options::a_thousand_standing()));
        let world = file::read(&made.azure_yaml()).unwrap();
        assert_eq!(world.subscriptions().count(), 20);
        assert_eq!(world.users().count(), 600);
        assert_eq!(world.assignments_len(), 1_000 + 1); // and the right of the identity itself
        assert_eq!(made.files.len(), 11);
        let grants: usize = made.files.iter().map(|(_, text)| text.matches("      - ").count()).sum();
        assert_eq!(grants, 1_000);
        let instance = InstanceName::new(INSTANCE);
        let ours = world.all_assignments().filter(|found| found.triple.name(&instance) == found.name);
        assert_eq!(ours.count(), 1_000);
        let targets: Vec<&ScopeId> = world.resources().map(|found| &found.id).collect();
        assert!(world.all_assignments().skip(1).all(|found| targets.contains(&&found.triple.scope)));
    }

    #[test]
    fn another_seed_is_another_workspace() {
        let made = |seed| generate(&Options::new(5, 40, seed));
        assert_ne!(made(1).files, made(2).files);
        assert!(made(1).world.assignments.is_empty());
        assert_eq!(made(1).files.len(), 6);
    }

    /// Linear: one list of one subscription does not look at the others.
    #[test]
    fn large_worlds_answer() {
        let options = Options { grants: Some(20_000), standing: Standing::All, ..Options::new(100, 5_000, 3) };
        let world = World::try_from(&generate(&options).world).unwrap();
        let caller = world.applications().next().unwrap().id;
        let listed: usize = world
            .subscriptions()
            .map(|found| {
                world.list(caller, &ScopeId::subscription_scope(found.id), Scoping::default()).unwrap().len() - 1
            })
            .sum();
        assert_eq!(listed, 20_000);
    }
}
