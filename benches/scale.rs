//! CPU and peak memory of reading YAML and planning, for workspaces of 4,000, 40,000 and 400,000 assignments.
//!
//! `cargo bench --bench scale`. Each size runs in a process of its own, so that its peak is its own. Nothing is asserted:
//! a bench is a command, and its numbers belong in a note.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, clippy::disallowed_methods, missing_docs)]

use std::{collections::BTreeMap, fmt::Write, fs, process::Command};

use tilgang::{
    config,
    model::{
        assignment::{Hand, Mark, Pim, PrincipalType, RoleAssignment, Standing, Triple},
        desired::Desired,
        ids::{PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        observed::{DefinitionLookup, Observed, Reading, Sighting, Subscription, Target, TargetKey},
        people::{ByName, Person},
        permissions::{Block, Definition},
    },
    plan,
};
use uuid::Uuid;

const PEOPLE_PER_OWNER: usize = 100;
const ROLES: [&str; 4] = ["test-developer", "test-operations", "prod-developer", "prod-operations"];

fn main() {
    if let Ok(owners) = std::env::var("TILGANG_BENCH_OWNERS") {
        return one(owners.parse().unwrap());
    }
    println!(
        "{:>12} {:>10} {:>10} {:>10} {:>10} {:>12}",
        "assignments", "YAML s", "plan s", "both s", "peak MiB", "unchanged"
    );
    for owners in [10, 100, 1_000] {
        let program = std::env::current_exe().unwrap();
        let out = Command::new(program).env("TILGANG_BENCH_OWNERS", owners.to_string()).output().unwrap();
        print!("{}", String::from_utf8_lossy(&out.stdout));
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}

fn one(owners: usize) {
    let texts = workspace(owners);
    let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let start = cpu_seconds();
    let loaded = config::load_texts(&texts);
    let yaml = cpu_seconds() - start;
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors.first());
    let desired = loaded.desired.unwrap();
    let observed = azure(&desired);
    let start = cpu_seconds();
    let plan = plan::plan(&desired, &observed, jiff::civil::date(2026, 11, 22));
    let planning = cpu_seconds() - start;
    assert!(plan.changes.is_empty() && plan.blocked.is_empty(), "{:?}", plan.changes.first());
    println!(
        "{:>12} {yaml:>10.2} {planning:>10.2} {:>10.2} {:>10} {:>12}",
        owners * PEOPLE_PER_OWNER * ROLES.len(),
        yaml + planning,
        peak_mib(),
        plan.unchanged
    );
}

fn workspace(owners: usize) -> Vec<(String, String)> {
    let settings = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: bench\n";
    let mut files = vec![("tilgang.yaml".to_owned(), settings.to_owned())];
    for owner in 0..owners {
        let mut text = format!("owner: o{owner}\nname: Owner {owner}\nusers:\n");
        for person in 0..PEOPLE_PER_OWNER {
            writeln!(text, "  - user: person{person}.of{owner}@ai-dev.no\n    roles: [{}]", ROLES.join(", ")).unwrap();
        }
        files.push((format!("owners/o{owner}.yaml"), text));
    }
    files
}

/// A role definition that is what the workspace says.
fn sound(desired: &Desired, id: RoleDefinitionId) -> DefinitionLookup {
    let block = Block {
        actions: vec!["*/read".to_owned()],
        data_actions: vec!["Microsoft.KeyVault/vaults/secrets/*".to_owned()],
        ..Block::default()
    };
    DefinitionLookup::Found(Definition {
        name: desired.catalog.definition_name(id).unwrap_or_default().to_owned(),
        assignable_scopes: vec![ScopeId::new("/")],
        blocks: vec![block],
        ..Definition::default()
    })
}

/// An Azure in which everything stands as git says.
fn azure(desired: &Desired) -> Observed {
    let guid = |kind: &str, name: &str| Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{kind}/{name}").as_bytes());
    let mut observed = Observed {
        role_definitions: desired.catalog.managed().into_iter().map(|(_, id)| (id, sound(desired, id))).collect(),
        ..Observed::begun("2026-11-22T09:00:00Z".parse().unwrap())
    };
    for grant in &desired.grants {
        let name: &UserName = &grant.user.name;
        let id = PrincipalId(guid("user", name.folded()));
        let person = Person { id, name: name.clone(), display_name: None, enabled: true, guest: false, created: None };
        observed.people.by_name.insert(name.clone(), ByName::Person(person));
        let role = &desired.catalog.roles[&grant.role];
        let environment = &desired.catalog.environments[&role.environment];
        let subscription_name = environment.subscription.fill(grant.owner, &environment.azure_name);
        let subscription = SubscriptionId(guid("subscription", &subscription_name));
        for gives in &role.gives {
            let kind = &desired.catalog.kinds[&gives.kind];
            let target = kind.name.fill(grant.owner, &environment.azure_name);
            let scope = ScopeId::new(&format!(
                "/subscriptions/{subscription}/resourceGroups/rg/providers/{}/{target}",
                kind.arm_type
            ));
            let triple = Triple { scope: scope.clone(), principal: id, definition: gives.definition.id };
            let key = TargetKey {
                owner: grant.owner,
                environment: role.environment.clone(),
                kind: gives.kind.clone(),
                name: target,
            };
            let found = Target { scope: scope.clone(), subscription, made: None, impediments: Vec::new() };
            observed.targets.insert(key, Sighting::Found(found));
            let there = observed.subscriptions.entry(subscription).or_insert_with(|| Subscription {
                name: subscription_name.clone(),
                belongs_to: Some((grant.owner, role.environment.clone())),
                reading: Reading::Seen(BTreeMap::new()),
                ..Subscription::default()
            });
            let Reading::Seen(scopes) = &mut there.reading else { unreachable!() };
            let description = Mark::text(&desired.instance, grant.owner, &grant.role, None);
            scopes.entry(scope).or_default().push(Standing {
                assignment: RoleAssignment {
                    name: triple.name(&desired.instance),
                    triple,
                    principal_type: PrincipalType::User,
                    condition: None,
                    description: Some(description.into()),
                    created_on: Some(observed.at),
                    trail: tilgang::model::assignment::Trail::default(),
                },
                hand: Hand::Ours,
                pim: Pim::NotAsked,
            });
        }
    }
    observed
}

/// User and system time of this process, all threads, in seconds.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).map(|n| n.parse::<f64>().unwrap()).sum();
    ticks / 100.0 // the kernel's USER_HZ, 100 on every platform that Rust knows
}

fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
