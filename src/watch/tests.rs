//! Laws of lives: what is seen, what is unknown, what is over; each told once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    By, Coverage, Difference, Doer, Entry, GitMove, Key, Memory, News, Part, Sight, Sighted, Since, Stood, Turn,
    WasThere, cause, explain, unexplained,
};
use crate::{
    model::{
        activity::Removal,
        assignment::Triple,
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId},
        owner::OwnerCode,
    },
    plan::drift::Class,
};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn owner(number: u8) -> OwnerCode {
    OwnerCode::new(&format!("k{number}")).unwrap()
}

fn subscription(number: u8) -> SubscriptionId {
    SubscriptionId(Uuid::from_u128(u128::from(number)))
}

/// One of a few differences: at one of three owners, each with a subscription.
fn difference(number: u8, gist: u8) -> Difference {
    let of = number % 3;
    let scope = format!("/subscriptions/{}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv", subscription(of));
    let name = AssignmentName(Uuid::from_u128(u128::from(number)));
    let key = Key {
        person: Some(PrincipalId(Uuid::from_u128(u128::from(number)))),
        scope: Some(ScopeId::new(&scope)),
        ..Key::new(Class::Missing, Some(owner(of)))
    };
    Difference {
        key,
        environment: None,
        role: None,
        who: Some(format!("nr{number}").into()),
        definition_name: None,
        assignment: Some(format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}").into()),
        words: "w".into(),
        gist: format!("{gist}").into(),
        remedy: "r".into(),
        until: None,
        accepted: None,
        places: Vec::new(),
    }
}

fn look(seen: &BTreeMap<u8, u8>, coverage: Coverage) -> Sight {
    let sighted = |(number, gist): (&u8, &u8)| Sighted {
        difference: Arc::new(difference(*number, *gist)),
        since: None,
        by: By::NotAsked,
    };
    let mut differences: Vec<Sighted> = seen.iter().map(sighted).collect();
    differences.sort_by(|a, b| a.difference.key.cmp(&b.difference.key));
    Sight { differences, coverage }
}

/// Only the owners and subscriptions with these numbers were looked at.
fn covering(numbers: &BTreeSet<u8>) -> Coverage {
    let whole = numbers.len() == 3;
    let owners = numbers.iter().map(|number| owner(*number)).collect();
    Coverage {
        part: Some(if whole { Part::Everything } else { Part::Owners(owners) }),
        subscriptions: numbers.iter().map(|number| subscription(*number)).collect(),
        ..Coverage::default()
    }
}

fn all() -> BTreeSet<u8> {
    BTreeSet::from([0, 1, 2])
}

proptest! {
    #[test]
    fn each_thing_is_told_once_and_what_was_not_looked_at_stays(
        looks in proptest::collection::vec(
            (proptest::collection::btree_map(0..12_u8, 0..3_u8, 0..8), proptest::collection::btree_set(0..3_u8, 0..4)),
            1..12,
        ),
    ) {
        let mut memory = Memory::default();
        let mut told: BTreeMap<Key, Arc<str>> = BTreeMap::new(); // what somebody knows who only hears the news
        for (minute, (there, looked)) in (0..).zip(&looks) {
            let seen: BTreeMap<u8, u8> = there.iter().filter(|(number, _)| looked.contains(&(*number % 3))).map(|(a, b)| (*a, *b)).collect();
            let sight = look(&seen, covering(looked));
            let before: BTreeMap<Key, Entry> = memory.open().map(|it| (it.difference.key.clone(), it.clone())).collect();
            for News { turn, entry } in memory.saw(at(minute), &sight) {
                let (key, gist) = (entry.difference.key.clone(), entry.difference.gist.clone());
                match turn {
                    Turn::New => prop_assert!(told.insert(key, gist).is_none()),
                    Turn::Changed => prop_assert!(told.insert(key, gist.clone()).is_some_and(|old| old != gist)),
                    Turn::Resolved => {
                        prop_assert!(looked.contains(&(u8::try_from(entry.difference.key.person.unwrap().0.as_u128()).unwrap() % 3)));
                        prop_assert!(told.remove(&key).is_some());
                    }
                }
            }
            let open: BTreeMap<Key, Arc<str>> = memory.open().map(|it| (it.difference.key.clone(), it.difference.gist.clone())).collect();
            prop_assert_eq!(&told, &open);
            for (key, old) in before {
                let is_seen = sight.differences.iter().any(|it| it.difference.key == key);
                let now = memory.get(&key);
                prop_assert_eq!(now.is_some(), is_seen || !sight.coverage.holds(&key));
                prop_assert!(now.is_none_or(|now| now.life.first_seen == old.life.first_seen));
            }
            prop_assert!(memory.saw(at(minute), &sight).is_empty(), "the same again is no news");
            let kept = memory.open().chain(memory.over()).cloned();
            prop_assert_eq!(Memory::restored(kept, memory.looked()), memory.clone());
        }
    }
}

#[test]
fn what_comes_later_came_after_the_look_before() {
    let mut memory = Memory::default();
    memory.saw(at(0), &look(&BTreeMap::from([(1, 0)]), covering(&all())));
    memory.saw(at(5), &look(&BTreeMap::from([(1, 0), (2, 0)]), covering(&all())));
    let since = |number| memory.get(&difference(number, 0).key).unwrap().life.since;
    assert_eq!((since(1), since(2)), (Since::Unknown, Since::After(at(0))));
}

#[test]
fn what_is_over_is_remembered_for_a_month_and_not_for_ever() {
    let mut memory = Memory::default();
    let one = look(&BTreeMap::from([(1, 0)]), covering(&all()));
    let none = look(&BTreeMap::new(), covering(&all()));
    let mut now = at(0);
    for _ in 0..100 {
        memory.saw(now, &one);
        now += SignedDuration::from_hours(12);
        memory.saw(now, &none);
        now += SignedDuration::from_hours(12);
    }
    assert!((28..=31).contains(&memory.over().len()), "{}", memory.over().len());
    // One that nobody can look at any more ends, too: but not soon.
    memory.saw(now, &one);
    let unseen = Coverage::default();
    memory.saw(now + SignedDuration::from_hours(24 * 80), &look(&BTreeMap::new(), unseen.clone()));
    assert_eq!(memory.open().len(), 1);
    memory.saw(now + SignedDuration::from_hours(24 * 100), &look(&BTreeMap::new(), unseen));
    assert_eq!(memory.open().len(), 0);
}

#[test]
fn only_what_stood_is_asked_about_and_the_name_ties_it_to_whoever_deleted_it() {
    let mut memory = Memory::default();
    memory.saw(at(0), &look(&BTreeMap::new(), covering(&all())));
    let news = memory.saw(at(5), &look(&BTreeMap::from([(1, 0), (2, 0), (4, 0)]), covering(&all())));
    let name = |number: u8| AssignmentName(Uuid::from_u128(u128::from(number)));
    let ours = [1, 4].map(|number| (name(number), subscription(number % 3)));
    let read = (0..3).map(subscription).collect();
    let stood = Stood { ours: ours.into(), read, ..Stood::default() };
    let lost = unexplained(&news, Some(&stood), at(0), at(5));
    assert_eq!(lost.keys().collect::<Vec<_>>(), [&subscription(1)]); // the second one never stood
    let lost = &lost[&subscription(1)];
    let ola = Doer { id: None, name: Some("ola.dikt@ai-dev.no".into()) };
    let removals = [1, 3].map(|number| Removal { name: name(number), at: at(3), by: ola.clone() });
    let told: BTreeMap<Key, (Option<Since>, By)> =
        explain(lost, Ok(&removals)).into_iter().map(|(key, since, by)| (key, (since, by))).collect();
    assert_eq!(told[&difference(1, 0).key], (Some(Since::At(at(3))), By::Somebody(ola)));
    assert!(matches!(&told[&difference(4, 0).key], (None, By::Unknown(why)) if why.contains("does not have it")));
    let denied = explain(lost, Err("403"));
    assert!(denied.iter().all(|(_, since, by)| since.is_none() && *by == By::Unknown("403".into())));
    assert_eq!(denied.len(), 2);
}

#[test]
fn git_is_blamed_only_where_it_moved_and_the_assignment_was_not_there() {
    let of = |number: u8| {
        let mut difference = difference(number, 0);
        difference.key.definition = Some(RoleDefinitionId(Uuid::from_u128(77)));
        difference
    };
    let name = |number: u128| AssignmentName(Uuid::from_u128(number));
    let Key { scope, person, definition, .. } = of(2).key;
    let triple = Triple { scope: scope.unwrap(), principal: person.unwrap(), definition: definition.unwrap() };
    let stood = Stood {
        ours: [(name(1), subscription(1))].into(),
        others: [(triple, (name(99), subscription(2)))].into(),
        read: [subscription(1), subscription(2)].into(),
    };
    let stood = Some(&stood);
    // Ours, and one of somebody else's, under the name that it had; one that was not there; one where nobody looked.
    assert_eq!(Stood::of(stood, &of(1)), Some(WasThere::Yes(name(1))));
    assert_eq!(Stood::of(stood, &of(2)), Some(WasThere::Yes(name(99))));
    assert_eq!(Stood::of(stood, &of(4)), Some(WasThere::No));
    assert_eq!(Stood::of(stood, &of(3)), Some(WasThere::Unknown(name(3))));
    assert_eq!(Stood::of(None, &of(1)), Some(WasThere::Unknown(name(1))));
    let (there, unknown) = (WasThere::Yes(name(1)), WasThere::Unknown(name(1)));
    for was in [Some(there), Some(unknown), Some(WasThere::No), None] {
        for git in [GitMove::Not, GitMove::Here, GitMove::Elsewhere, GitMove::Unknown] {
            let by = cause(was, git);
            let may_be_git = git == GitMove::Here && [Some(WasThere::No), None].contains(&was);
            assert_eq!(by == By::Git, may_be_git, "{was:?} {git:?}: {by}");
            let is_asked = [Some(there), Some(unknown)].contains(&was);
            assert_eq!(by == By::NotAsked, is_asked, "{was:?} {git:?}: {by}");
        }
    }
}

#[test]
fn an_id_is_the_same_whatever_the_letters_are_spelt_like() {
    let key = |scope: &str| Key { scope: Some(ScopeId::new(scope)), ..Key::new(Class::Stray, None) };
    assert_eq!(key("/subscriptions/X/resourceGroups/RG").id(), key("/SUBSCRIPTIONS/x/resourcegroups/rg").id());
    assert_ne!(key("/subscriptions/X").id(), key("/subscriptions/Y").id());
    // In old notices there are links: a change here breaks them.
    assert_eq!(key("/subscriptions/X").id().to_string(), "bca42662-f763-5a2a-b452-44c3fd87c32d");
}
