//! Which of Microsoft's own role definitions give access: tried on all that were recorded.

use std::collections::{BTreeMap, BTreeSet};

use tilgang::{
    model::{
        permissions::{Block, Definition},
        privilege::{PRIVILEGES, Reach},
    },
    simulator::world,
};

use crate::{cassette, facts};

/// A list at a resource group had 430 of them (FACTS §1.9).
const RECORDED_MIN: usize = 430;

#[test]
fn roles_that_give_access_are_told_from_those_that_do_not() {
    let Some(facts) = facts() else { return };
    let mut roles: BTreeMap<String, Vec<Block>> = BTreeMap::new();
    for cassette in cassette::all(&facts) {
        for recorded in cassette.recorded.iter().filter(|it| it.path().ends_with("/roleDefinitions")) {
            for entry in recorded.entries() {
                let properties = &entry["properties"];
                let all = |block: &serde_json::Value, key: &str| -> Vec<String> {
                    block[key].as_array().into_iter().flatten().filter_map(|it| Some(it.as_str()?.to_owned())).collect()
                };
                let block = |block: &serde_json::Value| Block {
                    actions: all(block, "actions"),
                    not_actions: all(block, "notActions"),
                    data_actions: all(block, "dataActions"),
                    not_data_actions: all(block, "notDataActions"),
                };
                if properties["type"] == "BuiltInRole" {
                    let blocks = properties["permissions"].as_array().unwrap().iter().map(block).collect();
                    roles.insert(properties["roleName"].as_str().unwrap().to_owned(), blocks);
                }
            }
        }
    }
    assert!(roles.len() >= RECORDED_MIN, "{}", roles.len());
    let reach = |name: &str| Reach::of(&Definition { blocks: roles[name].clone(), ..Definition::default() });
    let (mut privileged, mut broad) = (BTreeSet::new(), BTreeSet::new());
    for (name, blocks) in &roles {
        let reach = reach(name);
        match &reach {
            Reach::Privileged(_) => drop(privileged.insert(name.as_str())),
            Reach::Broad => drop(broad.insert(name.as_str())),
            Reach::Narrow => {}
        }
        // The simulator's own matcher, as a second opinion on each action that has no `*`; it takes `/*/` for one slash, too (FACTS
        // §4), which is of no matter where a row of its own has the `*`.
        let definition = Definition { blocks: blocks.clone(), ..Definition::default() };
        for privilege in
            PRIVILEGES.iter().filter(|it| !it.action.contains('*') && !it.action.ends_with("/assign/action"))
        {
            let allowed = blocks.iter().any(|block| {
                let Block { actions, not_actions, data_actions, not_data_actions } = block.clone();
                world::Block { actions, not_actions, data_actions, not_data_actions }.allows(privilege.action)
            });
            assert_eq!(definition.permits(privilege.action, false).is_some(), allowed, "{name}: {}", privilege.action);
        }
    }
    println!("{} of {} give access: {privileged:?}; broad: {broad:?}", privileged.len(), roles.len());
    for name in [
        "Owner",
        "User Access Administrator",
        "Role Based Access Control Administrator (Preview)",
        "Contributor",
        "Key Vault Contributor",
        "Managed Identity Operator",
    ] {
        assert!(privileged.contains(name), "{name}: {:?}", roles.get(name).map(|_| reach(name)));
    }
    for name in
        ["Reader", "Monitoring Reader", "Log Analytics Reader", "Key Vault Secrets Officer", "Key Vault Secrets User"]
    {
        assert_eq!(reach(name), Reach::Narrow, "{name}");
    }
}
