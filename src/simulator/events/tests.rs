//! What a person does, and what the world is like then.

use super::*;
use crate::simulator::{faults, file};

const WORLD: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
clock: 2026-11-22T09:00:00Z
users: [kari.fiktiv@ai-dev.no, ola.dikt@ai-dev.no, siri.proeve@ai-dev.no]
subscriptions: [{ name: S, resources: [vault ttd-prod-keyvault, component ttd-prod-ai] }]
assignments:
  - { principal: kari.fiktiv@ai-dev.no, role: Key Vault Secrets Officer, scope: ttd-prod-keyvault }
  - { principal: kari.fiktiv@ai-dev.no, role: Monitoring Reader, scope: ttd-prod-ai }
";

fn world() -> World {
    file::read(WORLD).unwrap()
}

/// The example of the fault file, over a day of the world's clock: everything happens.
#[test]
fn a_day_in_the_life() {
    let (mut world, events) = (world(), Events::default());
    let day = faults::read(include_str!("../faults/faults.yaml")).unwrap().events;
    let at_once = events.begin(&mut world, day);
    assert_eq!(at_once.len(), 3, "what has no time");
    for _ in 0..24 * 6 {
        world.wait(jiff::SignedDuration::from_mins(10));
        events.happen(&mut world);
    }
    let happened = events.happened();
    let failed: Vec<_> = happened.iter().filter(|it| it.failed.is_some()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!((happened.len(), events.coming().len()), (16, 0));
    assert!(world.user_named(&crate::model::ids::UserName::new("kari.dikt@ai-dev.no")).is_some());
    assert_eq!(world.deleted_users().count(), 1, "the one who was replaced");
    // One that stood at the component; two activations that have ended by themselves.
    let standing = world.all_assignments().filter(|it| it.term.ends.is_none_or(|ends| ends > world.now()));
    assert_eq!(standing.filter(|it| world.user(it.triple.principal).is_some()).count(), 1);
}

/// The same id, another resource: the time of making tells, and a component's own ids. One that comes back is the old one.
#[test]
fn what_is_made_anew_has_another_identity() {
    let (mut world, events) = (world(), Events::default());
    let mut after = |text: &str| {
        let happened = events.begin(&mut world, faults::read_events(text).unwrap());
        assert!(happened.iter().all(|it| it.failed.is_none()), "{text}");
        let of = |name: &str| world.resources().find(|found| found.name == name).cloned().unwrap();
        let (vault, component) = (of("ttd-prod-keyvault"), of("ttd-prod-ai"));
        (vault.made(), component.made(), component.properties["AppId"].clone(), world.now())
    };
    let (vault, component, app, now) = after("does: { disable_user: ola.dikt@ai-dev.no }");
    assert!(vault.is_some() && vault == component && vault < Some(now));
    let again =
        after("[{ does: { delete_vault: ttd-prod-keyvault } }, { does: { recover_vault: ttd-prod-keyvault } }]");
    assert_eq!((again.0, again.1, &again.2), (vault, component, &app));
    let (vault, component, other, _) =
        after("[{ does: { recreate_vault: ttd-prod-keyvault } }, { does: { recreate_resource: ttd-prod-ai } }]");
    assert_eq!((vault, component), (Some(now), Some(now)));
    assert_ne!(other, app);
}

#[test]
fn a_recovered_vault_has_no_assignments() {
    let (mut world, events) = (world(), Events::default());
    let mut told = |text: &str| {
        let happened = events.begin(&mut world, faults::read_events(text).unwrap());
        (
            happened.into_iter().filter_map(|it| it.failed).collect::<Vec<_>>(),
            world.resources().count(),
            world.assignments_len(),
        )
    };
    assert_eq!(told("does: { delete_vault: ttd-prod-keyvault }"), (vec![], 1, 2));
    assert_eq!(told("does: { recover_vault: ttd-prod-keyvault }"), (vec![], 2, 2));
    assert_eq!(told("does: { delete_resource: ttd-prod-ai }"), (vec![], 1, 2));
    assert_eq!(told("does: { recreate_resource: ttd-prod-ai }"), (vec![], 2, 2));
    let id = "/subscriptions/x/resourceGroups/y/providers/z/w/nothing";
    assert!(told(&format!("does: {{ recreate_resource: '{id}' }}")).0.concat().contains("no deleted resource"));
    let id = file::read(WORLD).unwrap().resources().find(|found| found.name == "ttd-prod-ai").unwrap().id.to_string();
    assert_eq!(told(&format!("does: {{ delete_resource: '{id}' }}")), (vec![], 1, 2));
    assert_eq!(told(&format!("does: {{ recreate_resource: '{id}' }}")), (vec![], 2, 2));
    for (text, words) in [
        ("does: { recover_vault: nothing }", "no deleted resource is called `nothing`"),
        ("does: { delete_vault: ttd-prod-ai }", "`ttd-prod-ai` is no vault"),
        ("does: { delete_user: mona.skisse@ai-dev.no }", "no user is called"),
        ("does: { create_user: ola.dikt@ai-dev.no }", "is there already"),
        ("does: { rename_user: { user: ola.dikt@ai-dev.no, to: siri.proeve@ai-dev.no } }", "is taken"),
        ("does: { assign: { principal: ola.dikt@ai-dev.no, role: Reder, scope: S } }", "no role definition"),
    ] {
        let (failed, ..) = told(text);
        assert!(failed.concat().contains(words), "{text}: {failed:?}");
    }
}
