//! Nothing new is granted of a role definition that is not what the workspace says, whatever it permits; what exists stays. Held
//! against an oracle that tries each action by itself, with the simulator's own matcher.

use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use tilgang::{
    config::load_texts,
    model::{
        code::Code,
        desired::Desired,
        observed::{DefinitionLookup, Observed},
        permissions::{Definition, DefinitionMaker},
        remembered::RecordedDefinition,
    },
    observe::observe,
    plan::{self, Plan, blocked::Block, change::Action},
    simulator::{SharedWorld, file, world::Block as Permissions},
};

const NOW: &str = "2026-11-22T09:00:00Z";
const NAME: &str = "Agency Secrets Officer";
const ACTIONS: [&str; 10] = [
    "*",
    "*/read",
    "*/write",
    "Microsoft.KeyVault/vaults/read",
    "Microsoft.KeyVault/*",
    "Microsoft.KeyVault/vaults/accessPolicies/*",
    "Microsoft.Authorization/*",
    "Microsoft.Authorization/locks/delete",
    "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
    "Microsoft.Support/*",
];
const NOT_ACTIONS: [&str; 5] = [
    "Microsoft.Authorization/*",
    "Microsoft.Authorization/*/Write",
    "Microsoft.KeyVault/*",
    "Microsoft.ManagedIdentity/*",
    "*/write",
];
const DATA: [&str; 4] = [
    "Microsoft.KeyVault/vaults/secrets/*",
    "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    "Microsoft.KeyVault/vaults/secrets/setSecret/action",
    "Microsoft.KeyVault/vaults/keys/*",
];
/// Actions that give access, one by one, as the issue lists them: no `*`.
const GIVES_ACCESS: [&str; 13] = [
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleEligibilityScheduleRequests/write",
    "Microsoft.Authorization/roleAssignmentScheduleRequests/write",
    "Microsoft.Authorization/roleManagementPolicies/write",
    "Microsoft.Authorization/roleDefinitions/write",
    "Microsoft.Authorization/denyAssignments/write",
    "Microsoft.Authorization/denyAssignments/delete",
    "Microsoft.Authorization/elevateAccess/action",
    "Microsoft.Authorization/locks/delete",
    "Microsoft.KeyVault/vaults/write",
    "Microsoft.KeyVault/vaults/accessPolicies/write",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
    "Microsoft.ManagedIdentity/userAssignedIdentities/x/assign/action",
];
/// Where it may be assigned, and whether that reaches the target.
const SCOPES: [(&str, bool); 5] = [
    ("/", true),
    ("/providers/Microsoft.Management/managementGroups/altinn", true),
    ("/providers/Microsoft.Management/managementGroups/sandbox", false),
    ("/subscriptions/00000000-0000-0000-0000-000000000001", true),
    ("/subscriptions/00000000-0000-0000-0000-000000000009", false),
];

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that may be wrong")]
struct Seed {
    exists: bool,
    renamed: bool,
    actions: Vec<usize>,
    not_actions: Vec<usize>,
    data: Vec<usize>,
    scope: usize,
    privileged: bool,
    /// Somebody holds it already.
    held: bool,
}

fn seed() -> impl Strategy<Value = Seed> {
    let some = |of: usize| prop::collection::vec(0..of, 0..3);
    let flags = (prop::bool::weighted(0.9), prop::bool::weighted(0.2), prop::bool::weighted(0.2), any::<bool>());
    (flags, some(ACTIONS.len()), some(NOT_ACTIONS.len()), some(DATA.len()), 0..SCOPES.len()).prop_map(
        |((exists, renamed, privileged, held), actions, not_actions, data, scope)| Seed {
            exists,
            renamed,
            actions,
            not_actions,
            data,
            scope,
            privileged,
            held: held && exists,
        },
    )
}

fn listed(words: &[&str], of: &[usize]) -> String {
    of.iter().map(|n| format!("\"{}\"", words[*n])).collect::<Vec<_>>().join(", ")
}

impl Seed {
    fn world(&self) -> String {
        let name = if self.renamed { "Agency Other" } else { NAME };
        let scope = SCOPES[self.scope].0;
        let (actions, not_actions, data) =
            (listed(&ACTIONS, &self.actions), listed(&NOT_ACTIONS, &self.not_actions), listed(&DATA, &self.data));
        let definition = format!(
            "role_definitions:\n  - name: {name}\n    id: 11111111-aaaa-4aaa-8aaa-111111111111\n    scopes: [\"{scope}\"]\n    \
             actions: [{actions}]\n    not_actions: [{not_actions}]\n    data_actions: [{data}]\n"
        );
        let held = format!(
            "assignments:\n  - {{ principal: ola.dikt@ai-dev.no, role: {name}, scope: ttd-prod-keyvault, description: \
             tilgang/altinn-apps ttd prod-operations }}\n"
        );
        format!(
            "tenant: 00000000-0000-0000-0000-0000000000aa\nclock: {NOW}\nusers: [kari.fiktiv@ai-dev.no, ola.dikt@ai-dev.no]\n\
             subscriptions:\n  - name: Altinn-TTD-Prod\n    id: 00000000-0000-0000-0000-000000000001\n    management_groups: \
             [altinn]\n    tags: {{ finops_serviceownercode: ttd }}\n    resources: [component ttd-prod-ai, vault \
             ttd-prod-keyvault]\n{}{}",
            if self.exists { definition.as_str() } else { "" },
            if self.held { held.as_str() } else { "" },
        )
    }

    fn desired(&self) -> Desired {
        let privileged = if self.privileged { ", privileged: it is meant" } else { "" };
        let settings = format!(
            "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\nowners: {{ ttd: {{ environments: \
             [prod] }} }}\nroles:\n  operations:\n    gives: [{{ on: key-vault, definition: \
             11111111-aaaa-4aaa-8aaa-111111111111, name: {NAME}{privileged} }}]\n"
        );
        let owner = "owner: ttd\nusers:\n  - user: kari.fiktiv@ai-dev.no\n    roles: [prod-operations]\n  - user: \
                     ola.dikt@ai-dev.no\n    roles: [prod-operations]\n";
        let loaded = load_texts(&[("tilgang.yaml", settings.as_str()), ("owners/ttd.yaml", owner)]);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        loaded.desired.unwrap()
    }

    /// The oracle's opinion: whether something new may be granted of it.
    fn is_sound(&self) -> bool {
        let all = |words: &[&str], of: &[usize]| of.iter().map(|n| words[*n].to_owned()).collect::<Vec<_>>();
        let control = Permissions {
            actions: all(&ACTIONS, &self.actions),
            not_actions: all(&NOT_ACTIONS, &self.not_actions),
            ..Permissions::default()
        };
        let data = Permissions { actions: all(&DATA, &self.data), ..Permissions::default() };
        let gives_access = GIVES_ACCESS.iter().any(|action| control.allows(action));
        let is_broad = control.allows("Microsoft.Invented/things/write");
        let gives = ["getSecret", "setSecret"]
            .iter()
            .all(|verb| data.allows(&format!("Microsoft.KeyVault/vaults/secrets/{verb}/action")));
        self.exists && !self.renamed && gives && SCOPES[self.scope].1 && (self.privileged || !gives_access && !is_broad)
    }

    fn plan(&self) -> Plan {
        self.plan_with(|_| {})
    }

    fn plan_with(&self, change: impl FnOnce(&mut Observed)) -> Plan {
        let now: Timestamp = NOW.parse().unwrap();
        let text = self.world();
        let world = file::read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let azure = SharedWorld::new(world, move || now).sign_in_first().unwrap();
        let desired = self.desired();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut observed = runtime.block_on(observe(&desired, None, now, &azure));
        change(&mut observed);
        plan::plan(&desired, &observed, date(2026, 11, 22))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_new_is_granted_of_what_is_not_as_the_workspace_says(seed in seed()) {
        let plan = seed.plan();
        let grants = plan.changes.iter().filter(|change| change.action == Action::Grant).count();
        let blocked = plan.blocked.iter().filter(|it| matches!(it.block, Block::RoleDefinition(_))).count();
        let lacking = if seed.held { 1 } else { 2 };
        let is = if seed.is_sound() { (lacking, 0) } else { (0, lacking) };
        prop_assert_eq!((grants, blocked), is, "{:#?}", plan.blocked);
        prop_assert!(plan.changes.iter().all(|change| change.action != Action::Revoke), "what exists stays");
        prop_assert_eq!(plan.unchanged, usize::from(seed.held));
        // What exists of a definition that lies, or gives less, or gives access, is reported.
        let is_role = |code: Code| matches!(code, Code::RoleName | Code::Privileged | Code::Broad | Code::RoleGivesLess);
        let reported = plan.findings.iter().any(|finding| is_role(finding.code));
        let assignable = SCOPES[seed.scope].1;
        if assignable {
            prop_assert_eq!(reported, seed.held && !seed.is_sound());
        }
    }
}

fn sound() -> Seed {
    let (actions, data) = (vec![3], vec![0]);
    let (exists, held) = (true, false);
    Seed { exists, renamed: false, actions, not_actions: Vec::new(), data, scope: 1, privileged: false, held }
}

/// One seed for each fault, each a step away from one that is granted.
#[test]
fn each_fault_counts() {
    assert_eq!(sound().plan().changes.len(), 2, "{:#?}", sound().plan());
    let fault = |change: fn(&mut Seed)| {
        let mut seed = sound();
        change(&mut seed);
        let plan = seed.plan();
        assert!(plan.changes.is_empty(), "{seed:?}");
        plan.blocked.iter().map(|blocked| blocked.block.code()).collect::<Vec<_>>()
    };
    for (codes, change) in [
        ("role-missing", (|seed| seed.exists = false) as fn(&mut Seed)),
        ("role-name", |seed| seed.renamed = true),
        ("privileged", |seed| seed.actions = vec![8]),
        ("broad", |seed| (seed.actions, seed.not_actions) = (vec![2], vec![0, 2, 3])),
        ("role-gives-less", |seed| seed.data = vec![1]),
        ("role-not-assignable", |seed| seed.scope = 2),
    ] {
        assert_eq!(fault(change), [codes, codes]);
    }
}

/// Microsoft renames its own: what the ledger knew by the workspace's name, and that permits what it did, is only reported. What
/// permits something else, was recorded under another name, or is a tenant's own, is another definition.
#[test]
fn what_microsoft_renamed_is_only_reported() {
    let rename = |maker: DefinitionMaker, recorded: &str, permitted: fn(&Definition) -> String| {
        sound().plan_with(|observed| {
            for (id, lookup) in &mut observed.role_definitions {
                let DefinitionLookup::Found(definition) = lookup else { continue };
                if definition.name == NAME {
                    let recorded = RecordedDefinition { name: recorded.to_owned(), permits: permitted(definition) };
                    observed.remembered.definitions.insert(*id, recorded);
                    (definition.name, definition.made_by) = ("Vault Officer".to_owned(), maker);
                }
            }
        })
    };
    let same = |definition: &Definition| definition.permits_text();
    let renamed = rename(DefinitionMaker::Microsoft, NAME, same);
    assert_eq!((renamed.changes.len(), renamed.blocked.len()), (2, 0));
    assert!(renamed.findings.iter().any(|finding| finding.code == Code::RoleRenamed), "{:#?}", renamed.findings);
    for other in [
        rename(DefinitionMaker::Tenant, NAME, same),
        rename(DefinitionMaker::Microsoft, "Vault Officer", same),
        rename(DefinitionMaker::Microsoft, NAME, |_| "microsoft.keyvault/vaults/read; ; ; ".to_owned()),
    ] {
        assert_eq!((other.changes.len(), other.blocked.len()), (0, 2));
    }
}
