//! Names that led to another account before, in any world: the new account gains nothing by the name alone, the old one loses
//! nothing, and once an `id` stands all goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use tilgang::{
    ledger::{
        chain::{Hash, Line},
        entry::{Answered, Asked, Entry, Held, How as Ended, Seen},
        holdings::Replay,
    },
    model::{
        assignment::Triple,
        desired::{Desired, Grant, UserEntry},
        ids::{PrincipalId, UserName},
        observed::Observed,
        owner::{EnvironmentName, OwnerCode, RoleName},
        past::{LineAge, NoAge, Past, Turn},
        people::{ById, ByName, DeletedAccounts, Person},
        policy::NewerThanLine,
    },
    plan::{
        Plan,
        blocked::Block,
        change::Action,
        mark::{is_about, marks},
        plan,
    },
};

use crate::laws::{
    OWNERS, PEOPLE, ROLES, Seed, TODAY, definition, desired, foggy, guid, kind_of, observed, person, put, scope,
    standing,
};

/// How a name changed hands, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It did not.
    Kept,
    /// The old account was deleted, and holds something: it is looked up by its id.
    Deleted,
    /// It was deleted, and only a list of the deleted has it.
    Listed,
    /// It lives under another name, and the ledger knew it by this one.
    Renamed,
    /// It is gone for good, and the ledger knew it by this name.
    Gone,
}

fn how() -> impl Strategy<Value = Vec<How>> {
    let one = prop::sample::select(vec![How::Kept, How::Deleted, How::Listed, How::Renamed, How::Gone]);
    prop::collection::vec(one, PEOPLE as usize)
}

/// Who has the name now.
fn newcomer(n: u32) -> Person {
    Person { id: PrincipalId(guid(300 + n)), ..person(n) }
}

/// The same world, with names that changed hands.
fn handed(seed: &Seed, how: &[How]) -> (Desired, Observed) {
    let (desired, mut observed) = (desired(seed), observed(seed));
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    let mut listed = BTreeMap::new();
    for (n, how) in (0..PEOPLE).zip(how) {
        let (old, new) = (person(n), newcomer(n));
        if *how == How::Kept {
            continue;
        }
        observed.people.by_name.insert(new.name.clone(), ByName::Person(new.clone()));
        observed.people.by_id.insert(new.id, ById::Person(new.clone()));
        let name = UserName::new(&format!("elsewhere{n}@ai-dev.no"));
        let answer = match how {
            How::Deleted => Some(ById::Deleted { name: old.name.clone(), on: Some(at) }),
            How::Renamed => Some(ById::Person(Person { name, ..old.clone() })),
            How::Gone => Some(ById::Gone),
            How::Listed | How::Kept => None,
        };
        observed.people.by_id.remove(&old.id);
        observed.people.by_id.extend(answer.map(|answer| (old.id, answer)));
        match how {
            How::Listed => drop(listed.insert(old.name.clone(), BTreeMap::from([(old.id, Some(at))]))),
            How::Renamed | How::Gone => {
                observed.remembered.names.insert(old.name.clone(), BTreeMap::from([(old.id, at), (new.id, at)]));
            }
            How::Deleted | How::Kept => {}
        }
    }
    observed.people.deleted = DeletedAccounts::Known(listed);
    (desired, observed)
}

/// Everybody whose name changed hands is listed with the id of who has it now.
fn decided(mut desired: Desired, how: &[How]) -> Desired {
    for grant in &mut desired.grants {
        let new = (0..PEOPLE).zip(how).find(|(n, how)| **how != How::Kept && person(*n).name == grant.user.name);
        if let Some((n, _)) = new {
            grant.user = Arc::new(UserEntry { id: Some(newcomer(n).id), ..(*grant.user).clone() });
        }
    }
    desired
}

fn doings(plan: &Plan) -> BTreeSet<(Action, String)> {
    plan.changes.iter().map(|change| (change.action, change.name.to_string())).collect()
}

fn seed_of(grants: &[(usize, u32, usize, bool)], standings: &[(usize, u32, usize, bool, i8, bool)]) -> Seed {
    Seed {
        grants: grants.iter().copied().collect(),
        standings: standings.iter().copied().collect(),
        ids: vec![0; PEOPLE as usize],
        people: vec![0; PEOPLE as usize],
        files: vec![0; OWNERS.len()],
        targets: vec![0; OWNERS.len() * ROLES.len()],
        subscriptions: vec![1; OWNERS.len() * 2],
    }
}

fn gains_and_loses_nothing(seed: &Seed, how: &[How]) -> Result<Plan, TestCaseError> {
    let (desired, observed) = handed(seed, how);
    let plan = plan(&desired, &observed, TODAY);
    let lasting = |grant: &&Grant| !grant.has_ended(TODAY) && grant.user.id.is_none();
    for (n, _) in (0..PEOPLE).zip(how).filter(|(_, how)| **how != How::Kept) {
        let (old, new) = (person(n), newcomer(n));
        let by_name: Vec<&Grant> =
            desired.grants.iter().filter(lasting).filter(|grant| grant.user.name == old.name).collect();
        for change in &plan.changes {
            let listed =
                by_name.iter().any(|grant| grant.owner == change.owner && Some(&grant.role) == change.role.as_ref());
            let gains = change.action == Action::Grant && change.triple.principal == new.id;
            let loses = change.action == Action::Revoke && change.triple.principal == old.id;
            prop_assert!(!((gains || loses) && listed), "{:#?}", change);
        }
    }
    for blocked in &plan.blocked {
        if let Block::NameChangedHands(changed) = &blocked.block {
            let (words, help) = (blocked.block.to_string(), blocked.block.help().unwrap());
            let line = format!("`id: {}`", changed.now);
            prop_assert!(words.contains(&changed.now.to_string()) && help.contains(&line), "{}", words);
            prop_assert!(!changed.before.is_empty() && changed.before.keys().all(|id| words.contains(&id.to_string())));
            prop_assert!(!changed.before.contains_key(&changed.now) && !words.contains("no longer listed"));
            prop_assert!(!blocked.origins.is_empty());
        }
    }
    Ok(plan)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn by_a_name_that_changed_hands_nobody_gains_and_nobody_loses(seed in foggy(), how in how()) {
        let _plan = gains_and_loses_nothing(&seed, &how)?;
    }

    /// What was said of a name says nothing against an id: the plan is as if nobody had ever had the name.
    #[test]
    fn an_id_decides(seed in foggy(), how in how()) {
        let (git, looked) = handed(&seed, &how);
        let git = decided(git, &how);
        let mut unknown = looked.clone();
        unknown.remembered.names.clear();
        unknown.people.deleted = DeletedAccounts::NotAsked;
        let (with, without) = (plan(&git, &looked, TODAY), plan(&git, &unknown, TODAY));
        prop_assert_eq!(&with.changes, &without.changes);
        prop_assert_eq!(&with.blocked, &without.blocked);
    }
}

/// Whatever the evidence is: the grant and the removal are both blocked; with an id both are made.
#[test]
fn each_kind_of_evidence_counts() {
    let seed = seed_of(&[(0, 0, 1, false)], &[(0, 0, 1, true, 1, false)]);
    for one in [How::Deleted, How::Listed, How::Renamed, How::Gone] {
        let mut how = vec![How::Kept; PEOPLE as usize];
        how[0] = one;
        let planned = gains_and_loses_nothing(&seed, &how).unwrap();
        let blocked: BTreeSet<_> = planned.blocked.iter().map(|it| (it.action, it.block.code())).collect();
        let both = [(Action::Grant, "name-changed-hands"), (Action::Revoke, "name-changed-hands")];
        assert_eq!((blocked, planned.changes), (BTreeSet::from(both), vec![]), "{one:?}");
        let (git, looked) = handed(&seed, &how);
        let planned = plan(&decided(git, &how), &looked, TODAY);
        let actions: Vec<Action> = doings(&planned).into_iter().map(|(action, _)| action).collect();
        assert_eq!((actions, planned.blocked), (vec![Action::Grant, Action::Revoke], vec![]), "{one:?}");
    }
}

/// The old account holds a role that the name is not listed with: whoever is meant, it goes. And what the new one already
/// holds stays, and is a finding.
#[test]
fn what_git_gives_to_neither_goes_and_what_stands_is_said() {
    let mut how = vec![How::Kept; PEOPLE as usize];
    how[0] = How::Deleted;
    let planned = gains_and_loses_nothing(&seed_of(&[(0, 0, 1, false)], &[(0, 0, 3, true, 1, false)]), &how).unwrap();
    assert_eq!(doings(&planned).into_iter().map(|(action, _)| action).collect::<Vec<_>>(), [Action::Revoke]);
    let seed = seed_of(&[(0, 0, 1, false)], &[(0, 1, 1, true, 1, false)]);
    let (git, mut looked) = handed(&seed, &how);
    looked.remembered.names.insert(person(1).name, BTreeMap::from([(PrincipalId(guid(777)), looked.at)]));
    let grant = Grant {
        user: Arc::new(UserEntry { name: person(1).name, ..(*git.grants[0].user).clone() }),
        ..git.grants[0].clone()
    };
    let planned = plan(&Desired { grants: vec![grant], ..git }, &looked, TODAY);
    let codes: Vec<&str> = planned.findings.iter().map(|it| it.code.word()).collect();
    assert_eq!(
        (planned.unchanged, planned.changes.len(), planned.blocked.len(), codes),
        (1, 0, 0, vec!["name-changed-hands"])
    );
    assert!(planned.findings[0].message.contains("`id: "), "{}", planned.findings[0].message);
}

/// An account that is younger than its line by more than clocks may differ; by how much `newer_than_line` decides what
/// becomes of it. What is not known is nothing.
#[test]
fn an_account_that_is_younger_than_its_line() {
    let seed = seed_of(&[(0, 0, 1, false)], &[]);
    for (created, written, is_younger) in [
        (Some("2026-11-03T09:00:01Z"), Some("2026-11-02T09:00:00Z"), true),
        (Some("2026-11-03T09:00:00Z"), Some("2026-11-02T09:00:00Z"), false),
        (Some("2026-11-01T09:00:00Z"), Some("2026-11-02T09:00:00Z"), false),
        (None, Some("2026-11-02T09:00:00Z"), false),
        (Some("2026-11-03T09:00:01Z"), None, false),
    ] {
        for id in [None, Some(person(0).id)] {
            for rule in [NewerThanLine::Report, NewerThanLine::Block] {
                let (mut git, mut looked) = (desired(&seed), observed(&seed));
                git.policy.newer_than_line = rule;
                git.grants[0].user = Arc::new(UserEntry { id, ..(*git.grants[0].user).clone() });
                let someone = Person { created: created.map(|at| at.parse().unwrap()), ..person(0) };
                looked.people.by_name.insert(someone.name.clone(), ByName::Person(someone.clone()));
                looked
                    .people
                    .written
                    .extend(written.map(|at| (git.grants[0].user.origin.clone(), LineAge::At(at.parse().unwrap()))));
                let planned = plan(&git, &looked, TODAY);
                let (found, is_blocked) = (planned.findings.len(), planned.blocked.len());
                let (says, blocks) =
                    (is_younger && id.is_none(), is_younger && id.is_none() && rule == NewerThanLine::Block);
                assert_eq!(
                    (found + is_blocked, is_blocked),
                    (usize::from(says), usize::from(blocks)),
                    "{created:?} {written:?} {id:?}"
                );
                assert_eq!(planned.changes.len(), usize::from(!blocks));
                let code = planned
                    .blocked
                    .iter()
                    .map(|it| it.block.code())
                    .chain(planned.findings.iter().map(|it| it.code.word()));
                assert!(code.eq(says.then_some("newer-than-line")));
            }
        }
    }
}

/// With `block`, a line whose age is not known gives nothing to the account that it lists by name; where policy only reports,
/// nothing is said. The end of a shallow history proves an account younger, and none older.
#[test]
fn a_line_whose_age_is_not_known() {
    let seed = seed_of(&[(0, 0, 1, false)], &[]);
    let at: jiff::Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    let unknown = |why| LineAge::Unknown(why);
    for (age, code) in [
        (unknown(NoAge::NotInGit), "line-age-unknown"),
        (unknown(NoAge::NotCommitted), "line-age-unknown"),
        (unknown(NoAge::Shallow), "line-age-unknown"),
        (unknown(NoAge::Unanswered("git could not be run".to_owned())), "line-age-unknown"),
        (LineAge::AtLatest("2026-11-20T09:00:00Z".parse().unwrap()), "line-age-unknown"),
        (LineAge::AtLatest(at), "newer-than-line"),
    ] {
        for (rule, id) in
            [(NewerThanLine::Block, None), (NewerThanLine::Block, Some(person(0).id)), (NewerThanLine::Report, None)]
        {
            let (mut git, mut looked) = (desired(&seed), observed(&seed));
            git.policy.newer_than_line = rule;
            git.grants[0].user = Arc::new(UserEntry { id, ..(*git.grants[0].user).clone() });
            let someone = Person { created: Some("2026-11-10T09:00:00Z".parse().unwrap()), ..person(0) };
            looked.people.by_name.insert(someone.name.clone(), ByName::Person(someone));
            looked.people.written.insert(git.grants[0].user.origin.clone(), age.clone());
            let planned = plan(&git, &looked, TODAY);
            let blocks = rule == NewerThanLine::Block && id.is_none();
            let blocked: Vec<&str> = planned.blocked.iter().map(|it| it.block.code()).collect();
            assert_eq!(blocked, Vec::from_iter(blocks.then_some(code)), "{age:?} {rule:?} {id:?}");
            assert_eq!(planned.changes.len(), usize::from(!blocks));
            assert!(planned.blocked.iter().all(|it| it.block.help().unwrap().contains("`id: ")));
        }
    }
}

/// Who else holds what a line gives, by an assignment of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// Somebody whom git lists nowhere.
    Unlisted,
    /// The same, whom Entra no longer knows.
    Gone,
    /// Somebody whom another owner's file lists.
    Elsewhere,
    /// Somebody who holds another role.
    OtherRole,
}

/// What git tells of the file's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// The holder was listed by today's name.
    ListedHolder,
    /// The name came into the file days after the holder got the access.
    CameLater,
    /// The name was in it from the beginning.
    CameFirst,
}

fn noon(day: i8) -> jiff::Timestamp {
    format!("2026-11-{day:02}T12:00:00Z").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// A line that is older than the account of today, and an assignment of ours, older as well, that somebody holds whom git lists
    /// nowhere: nobody gains and nobody loses, and all of them are named. Where one person was put in the place of another, or
    /// anything of it is not known, all goes on.
    #[test]
    fn an_account_that_is_younger_than_its_line_and_than_who_holds_the_access(
        (made, created, line) in (1..20_i8, 1..28_i8, prop::option::weighted(0.9, 1..20_i8)),
        holder in prop::sample::select(vec![Holder::Unlisted, Holder::Unlisted, Holder::Gone, Holder::Elsewhere, Holder::OtherRole]),
        before in prop::sample::select(vec![Before::Nothing, Before::ListedHolder, Before::CameLater, Before::CameFirst]),
        many in 1..3_u32,
    ) {
        let role = if holder == Holder::OtherRole { 3 } else { 1 };
        let elsewhere: Vec<_> = (1..=many).map(|n| (1, n, 1, false)).filter(|_| holder == Holder::Elsewhere).collect();
        let grants: Vec<_> = std::iter::once((0, 0, 1, false)).chain(elsewhere).collect();
        let standings: Vec<_> = (1..=many).map(|n| (0, n, role, true, made, false)).collect();
        let seed = seed_of(&grants, &standings);
        let (git, mut looked) = (desired(&seed), observed(&seed));
        let listed = &git.grants[0];
        let someone = Person { created: Some(noon(created)), ..person(0) };
        looked.people.by_name.insert(someone.name.clone(), ByName::Person(someone));
        looked.people.written.extend(line.map(|line| (listed.user.origin.clone(), LineAge::At(noon(line)))));
        if holder == Holder::Gone {
            looked.people.by_id.extend((1..=many).map(|n| (person(n).id, ById::Gone)));
        }
        let turn = |at, whole, names: Vec<UserName>| Turn {
            at, whole, came: names.iter().cloned().collect(), went: BTreeSet::new(), wrote: names.into_iter().collect(),
        };
        let came = match before {
            Before::Nothing => None,
            Before::ListedHolder => Some(turn(noon(1), false, (1..=many).map(|n| person(n).name).collect())),
            Before::CameLater => Some(turn(noon(made + 3), false, vec![person(0).name])),
            Before::CameFirst => Some(turn(noon(1), true, vec![person(0).name])),
        };
        looked.people.past.extend(came.map(|turn| (listed.user.origin.file, Past(vec![turn]))));
        let planned = plan(&git, &looked, TODAY);
        let is_apart = match before {
            Before::Nothing | Before::CameFirst => false,
            Before::ListedHolder => holder != Holder::Gone, // nobody knows the name of who is gone
            Before::CameLater => true,
        };
        let is_held = matches!(holder, Holder::Unlisted | Holder::Gone);
        let changed = is_held && !is_apart && made < created && line.is_some_and(|line| created > line + 1);
        let ttd = OwnerCode::new("ttd").unwrap();
        let here: Vec<_> = planned.changes.iter().filter(|change| change.owner == ttd).collect();
        if changed {
            prop_assert!(here.is_empty(), "{:#?}", here);
            prop_assert_eq!(planned.blocked.len(), 1 + many as usize);
            for blocked in &planned.blocked {
                prop_assert_eq!(blocked.block.code(), "name-changed-hands");
                let words = blocked.block.to_string();
                prop_assert!((0..=many).all(|n| words.contains(&person(n).id.to_string())), "{}", words);
            }
        } else {
            prop_assert_eq!(here.len(), 1 + many as usize, "{:#?}", planned.blocked);
            prop_assert!(planned.blocked.is_empty());
        }
    }
}

/// What others gave to the account of today is made ours only by an entry that says for certain whom it means.
#[test]
fn an_adoption_marks_nothing_by_a_name_that_changed_hands() {
    let mut how = vec![How::Kept; PEOPLE as usize];
    how[0] = How::Renamed;
    let (git, mut looked) = handed(&seed_of(&[(0, 0, 1, false)], &[]), &how);
    let principal = newcomer(0).id;
    let triple = Triple { scope: scope(0, 1), principal, definition: definition(kind_of(1)) };
    put(&mut looked, standing(triple, false, 1, None));
    assert_eq!(marks(&git, &looked, TODAY, None), vec![]);
    let marked = marks(&decided(git.clone(), &how), &looked, TODAY, None);
    assert_eq!(marked.iter().map(|mark| mark.action).collect::<Vec<_>>(), [Action::Adopt]);
    let found = plan(&git, &looked, TODAY).findings;
    let about: Vec<&str> = found.iter().filter(|it| is_about(it, &[])).map(|it| it.code.word()).collect();
    assert_eq!(about, ["name-changed-hands"]);
}

/// Two lines ask for the same assignment: policy objects to one, and the role definition of the other is at fault. Both are blocked,
/// each for its own reason.
#[test]
fn of_two_lines_each_is_blocked_for_its_own_reason() {
    let seed = seed_of(&[(0, 0, 1, false)], &[]);
    let (mut git, mut looked) = (desired(&seed), observed(&seed));
    let deputy = RoleName::new("test-deputy");
    let role = git.catalog.roles[&git.grants[0].role].clone();
    assert_eq!(role.environment, EnvironmentName::new("test"));
    git.catalog.roles.insert(deputy.clone(), role);
    let mut second = Grant { role: deputy, ..git.grants[0].clone() };
    second.origin.path = Box::new([9_999]);
    git.grants.push(second);
    let planned = plan(&git, &looked, TODAY);
    assert_eq!((planned.changes.len(), planned.changes[0].origins.len(), planned.blocked.len()), (1, 2, 0));
    git.policy.longest.insert(git.grants[0].role.clone(), 30);
    for lookup in looked.role_definitions.values_mut() {
        let tilgang::model::observed::DefinitionLookup::Found(definition) = lookup else { unreachable!() };
        definition.name = "another".to_owned();
    }
    let planned = plan(&git, &looked, TODAY);
    let blocked: BTreeSet<(&str, &str)> =
        planned.blocked.iter().map(|it| (it.role.as_ref().unwrap().as_str(), it.block.code())).collect();
    assert_eq!(blocked, BTreeSet::from([("test-operations", "too-long"), ("test-deputy", "role-name")]));
    assert_eq!(planned.changes, vec![]);
}

const ID: &str = "00000000-0000-4000-8000-00000000000";

fn held(n: u8, name: Option<&str>, principal_type: &str) -> Held {
    Held {
        assignment: format!("/subscriptions/x/providers/Microsoft.Authorization/roleAssignments/{ID}{n}"),
        principal: format!("{ID}{n}"),
        principal_type: principal_type.to_owned(),
        name: name.map(str::to_owned),
        definition: "d".to_owned(),
        definition_name: None,
        ours: true,
        condition: None,
        over: Vec::new(),
        pim: None,
    }
}

/// A name stays with the account that had it when the account has another, or holds nothing any more; our own grants count
/// when they are answered for.
#[test]
fn a_name_is_remembered_with_each_account_that_had_it() {
    let at = |hour: i64| jiff::Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap();
    let saw = |hour: i64, held: Vec<Held>, gone: Vec<String>| {
        Entry::Seen(Box::new(Seen { observed: at(hour), held, gone, ..Seen::default() }))
    };
    let asked = |n: u8| {
        let Held { assignment, principal, principal_type, definition, .. } = held(n, None, "User");
        Entry::Asked(Box::new(Asked {
            run: 0,
            action: "grant".to_owned(),
            owner: "ttd".to_owned(),
            environment: None,
            role: None,
            user: Some("ny@x.no".to_owned()),
            principal,
            principal_type,
            scope: "/subscriptions/x".to_owned(),
            definition,
            definition_name: None,
            assignment,
            because: String::new(),
            origins: Vec::new(),
        }))
    };
    let answered = |of: u64, how: Ended| {
        Entry::Answered(Answered { of, how, status: Some(403), code: None, message: None, request: None })
    };
    let entries = [
        saw(
            1,
            vec![held(1, Some("Kari@x.no"), "User"), held(2, Some("Testers"), "Group"), held(3, None, "User")],
            vec![],
        ),
        saw(2, vec![held(1, Some("kari.ny@x.no"), "User")], vec![]),
        saw(3, vec![held(4, Some("kari@x.no"), "User")], vec![held(1, None, "User").assignment]),
        asked(5),
        answered(3, Ended::Done),
        asked(6),
        answered(5, Ended::Failed),
    ];
    let mut replay = Replay::default();
    let mut prev = Hash::genesis("t", "i");
    for (n, entry) in entries.into_iter().enumerate() {
        let line = Line::seal(prev, n as u64, at(10 + i64::try_from(n).unwrap()), entry).unwrap().0;
        prev = line.hash;
        replay.feed(&line);
    }
    let id = |n: u8| format!("{ID}{n}").parse::<PrincipalId>().unwrap();
    let expected = [
        ("kari@x.no", BTreeMap::from([(id(1), at(1)), (id(4), at(3))])),
        ("kari.ny@x.no", BTreeMap::from([(id(1), at(2))])),
        ("ny@x.no", BTreeMap::from([(id(5), at(13))])),
    ];
    assert_eq!(*replay.names(), expected.map(|(name, ids)| (UserName::new(name), ids)).into());
}
