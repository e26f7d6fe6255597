//! Plans about many people: one reason is said once.

use std::sync::Arc;

use crate::{
    model::{desired::OwnerFile, people::Hint},
    plan::{
        approve::{Count, Refusal, Refused},
        blocked::Block,
        change::{Action, Because, Stray, Who},
    },
    report::{ReportFormat, Style, drift, plan},
};

use super::{
    golden::check,
    invented::{trouble, who},
    world::World,
};

fn people(count: usize) -> impl Iterator<Item = Who> {
    let names = ["Anna", "Bjørn", "Cecilie", "Dag", "Eli", "Finn", "Grete", "Håkon", "Ida", "Jon"];
    (0..count).map(move |n| {
        let number = if n < names.len() { String::new() } else { format!(" {}", n / names.len()) };
        who(&format!("{} Tenkt{number}", names[n % names.len()]))
    })
}

#[test]
fn an_owner_that_leaves_is_one_decision() {
    let mut world = World::new();
    world.owner("ttd", "Testdepartementet", OwnerFile::Removed);
    for (n, person) in people(14).enumerate() {
        world.revoke(&person, "ttd", "test-developer", Because::OwnerRemoved);
        if n % 3 == 0 {
            world.revoke(&person, "ttd", "prod-operations", Because::OwnerRemoved);
        }
    }
    world.grant(&who("Kari Fiktiv"), "skd", "test-developer", 5);
    check("tombstone.md", &world.view(|view| plan(view, ReportFormat::Markdown, Style::Plain)));
    check("tombstone.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
}

#[test]
fn a_broken_rule_is_said_once_for_all_owners() {
    let mut world = World::new();
    for (n, person) in people(12).enumerate() {
        let owner = if n < 5 { "skd" } else { "ttd" };
        let change = world.revoke(&person, owner, "prod-operations", Because::Stray(Stray::NoTarget)).clone();
        world.refused.push(Refused { change, refusal: Refusal::All(Count { count: 12, max: 10 }), also: Vec::new() });
        let unread = Arc::new(trouble("list role assignments of Altinn-SKD-Test"));
        world.block(person.name.unwrap().as_str(), "skd", "test-developer", 7, Block::Unread(unread));
    }
    check("stray.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
    check("stray_drift.txt", &world.view(|view| drift(view, ReportFormat::Text, Style::Plain)));
}

#[test]
fn many_unread_subscriptions_are_one_message() {
    let mut world = World::new();
    for owner in ["brg", "digdir", "hdir", "hi", "k1103", "ksdigi", "kv", "mat", "nav", "nb", "ok", "svv", "udir"] {
        world.owner(owner, &owner.to_uppercase(), OwnerFile::Read);
        let doing = format!("list role assignments of Altinn-{}-Prod", owner.to_uppercase());
        world.unread(owner, &doing);
        world.block("kari.fiktiv@ai-dev.no", owner, "prod-developer", 5, Block::Unread(Arc::new(trouble(&doing))));
    }
    check("unread_many.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
}

#[test]
fn every_misspelt_name_keeps_its_line() {
    let mut world = World::new();
    for (n, person) in people(12).enumerate() {
        let line = 5 + 2 * u32::try_from(n).unwrap();
        world.block(person.name.unwrap().as_str(), "ttd", "test-developer", line, Block::UnknownPerson(Hint::Nothing));
    }
    let text = world.view(|view| plan(view, ReportFormat::Text, Style::Plain));
    assert_eq!(text.matches("owners/ttd.yaml:").count(), 12, "{text}");
    assert_eq!(text.matches("help:").count(), 1, "{text}");
}

#[test]
fn first_roles_of_many_are_a_list_of_names() {
    let mut world = World::new();
    for (n, person) in people(13).enumerate() {
        let line = 5 + 2 * u32::try_from(n).unwrap();
        world.grant(&person, "ttd", "test-developer", line);
        if n < 2 {
            world.grant_with(&person, "ttd", "prod-operations", line, Some("2027-01-31"), Some("tax season"));
        }
    }
    check("newcomers.txt", &world.view(|view| plan(view, ReportFormat::Text, Style::Plain)));
}

#[test]
fn two_thousand_changes_stay_readable() {
    let mut world = World::new();
    world.owner("ttd", "Testdepartementet", OwnerFile::Removed);
    for person in people(500) {
        for role in ["test-developer", "test-operations", "prod-developer", "prod-operations"] {
            world.revoke(&person, "ttd", role, Because::OwnerRemoved);
        }
    }
    let text = world.view(|view| plan(view, ReportFormat::Text, Style::Plain));
    let said = text.matches("removed: true").count();
    assert_eq!(said, 1, "the reason is said {said} times");
    assert!(text.lines().count() < 700, "{} lines", text.lines().count());
    assert!(text.ends_with("Plan: 500 people lose; 41 assignments unchanged\n"), "{}", text.lines().last().unwrap());
}

/// 1,000 writes in one subscription and 301 deletes in another: (1,000 - 200) / 10 + (301 - 200) / 10, rounded up.
#[test]
fn what_takes_long_is_foretold() {
    let mut world = World::new();
    for (n, person) in people(1_000).enumerate() {
        world.grant(&person, "ttd", "test-developer", 5);
        if n == 210 {
            let text = world.view(|view| plan(view, ReportFormat::Text, Style::Plain));
            assert!(!text.contains("This takes"), "{text}"); // two seconds
        }
    }
    let text = world.view(|view| plan(view, ReportFormat::Text, Style::Plain));
    check("pace.txt", &text[text.find("This takes").unwrap()..]);
    for person in people(301) {
        world.revoke(&person, "skd", "prod-developer", Because::OwnerRemoved);
    }
    let json = world.view(|view| plan(view, ReportFormat::Json, Style::Plain));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["forecast"], serde_json::json!({ "seconds": 91 }));
    assert_eq!(crate::report::count::length(91), "2 minutes");
}

#[test]
fn two_targets_of_one_role_are_one_line() {
    let mut world = World::new();
    let kari = who("Kari Fiktiv");
    world.grant(&kari, "ttd", "prod-operations", 5);
    let mut second = world.plan.changes[0].clone();
    second.triple.scope = crate::model::ids::ScopeId::new(&second.triple.scope.as_str().replace("keyvault", "kv2"));
    world.plan.changes.push(second);
    let text = world.view(|view| plan(view, ReportFormat::Text, Style::Plain));
    assert_eq!(text.matches("+ gains").count(), 1, "{text}");
}

#[test]
fn a_part_of_a_role_is_not_called_the_role() {
    let mut world = World::new();
    let retired =
        world.change(Action::Revoke, &who("Kari Fiktiv"), "ttd", "prod-operations", Because::Stray(Stray::NoRole));
    retired.triple.definition = "4633458b-17de-408a-b874-0445c86b69e6".parse().unwrap();
    retired.definition_name = None;
    let text = world.view(|view| plan(view, ReportFormat::Text, Style::Plain));
    assert!(!text.contains("may no longer"), "{text}");
}
