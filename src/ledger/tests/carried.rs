//! Names and grants do not end with the month: each file tells by itself what all of them tell.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::{OWNERS, TENANT, chain, hour, opened, start, whose};
use crate::{
    ledger::{
        carried::Granted,
        chain::{Hash, Line},
        entry::{Answered, Asked, Entry, Held, How, NamedBefore, Seen, TargetName},
        holdings::Replay,
        parts::split,
        sight::View,
        store::{Durable, Ledger, read_all},
    },
    model::ids::{PrincipalId, UserName},
};

fn principal(who: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{who:02x}")
}

fn assignment(who: u8) -> String {
    format!("/subscriptions/x/providers/Microsoft.Authorization/roleAssignments/{}", principal(who))
}

fn name(of: u8) -> String {
    format!("person{of}@ai-dev.no")
}

fn held(who: u8, named: u8) -> Held {
    Held {
        assignment: assignment(who),
        principal: principal(who),
        principal_type: "User".to_owned(),
        name: Some(name(named)),
        definition: "d".to_owned(),
        definition_name: None,
        ours: true,
        condition: None,
        over: Vec::new(),
        pim: None,
    }
}

fn asked(who: u8, named: u8, owner: usize) -> Entry {
    let Held { assignment, principal, principal_type, definition, name, .. } = held(who, named);
    Entry::Asked(Box::new(Asked {
        run: 0,
        action: "grant".to_owned(),
        owner: OWNERS[owner].to_owned(),
        environment: None,
        role: Some("prod-developer".to_owned()),
        user: name,
        principal,
        principal_type,
        scope: "/subscriptions/x".to_owned(),
        definition,
        definition_name: None,
        assignment,
        because: String::new(),
        origins: Vec::new(),
    }))
}

fn answered(of: u64) -> Entry {
    Entry::Answered(Answered { of, how: How::Done, status: Some(201), code: None, message: None, request: None })
}

fn saw(at: Timestamp, held: Vec<Held>, gone: Vec<String>) -> Entry {
    Entry::Seen(Box::new(Seen { observed: at, held, gone, ..Seen::default() }))
}

#[derive(Clone, Debug)]
enum Step {
    /// An account is seen to hold something, by some name.
    Holds(u8, u8),
    /// It holds nothing any more.
    Gone(u8),
    /// A role is given to it at an owner.
    Grant(u8, u8, usize),
    /// A month passes.
    Turn,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..6_u8, 0..4_u8).prop_map(|(who, named)| Step::Holds(who, named)),
        1 => (0..6_u8).prop_map(Step::Gone),
        2 => (0..6_u8, 0..4_u8, 0..2_usize).prop_map(|(who, named, owner)| Step::Grant(who, named, owner)),
        2 => Just(Step::Turn),
    ]
}

type Told = (BTreeMap<UserName, Vec<PrincipalId>>, BTreeMap<Granted, Timestamp>);

/// Which account a name led to, and who was granted what, when.
fn told(replay: &Replay) -> Told {
    let names = replay.names().iter().map(|(name, ids)| (name.clone(), ids.keys().copied().collect()));
    (names.collect(), replay.granted().clone())
}

proptest! {
    /// However often the month turns, the newest file alone says what all of them say.
    #[test]
    fn the_newest_file_tells_what_all_tell(steps in prop::collection::vec(step(), 1..40)) {
        let mut all = vec![opened()];
        let mut begins = 0;
        for step in steps {
            let at = hour(all.len());
            match step {
                Step::Holds(who, named) => all.push(saw(at, vec![held(who, named)], Vec::new())),
                Step::Gone(who) => all.push(saw(at, Vec::new(), vec![assignment(who)])),
                Step::Grant(who, named, owner) => {
                    all.push(asked(who, named, owner));
                    all.push(answered(all.len() as u64 - 1));
                }
                Step::Turn => {
                    let replay = Replay::of(&chain(all.clone()).0);
                    let base = replay.base(replay.last().unwrap());
                    begins = all.len();
                    all.push(opened());
                    all.extend(split(base).into_iter().map(|part| Entry::Seen(Box::new(part))));
                }
            }
        }
        let lines = chain(all).0;
        let mut newest = Replay::of(&lines[begins..]);
        prop_assert_eq!(told(&newest), told(&Replay::of(&lines)));
        prop_assert!(newest.carried().whole);
    }
}

/// A ledger in a folder, a month later each time: names, and who was granted what, are known for as long as the ledger is kept.
#[test]
fn months_turn_and_nothing_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(Mutex::new(start()));
    let open = || {
        let now = now.clone();
        Ledger::open(dir.path(), whose(), Arc::new(move || *now.lock().unwrap())).unwrap()
    };
    let target = TargetName { owner: "ttd".to_owned(), ..TargetName::default() };
    let look = |ledger: &Ledger, at| {
        let targets = [(target.clone(), Err("not read".to_owned()))].into();
        ledger.saw(&View { observed: at, targets, ..View::default() }).unwrap();
    };
    let ledger = open();
    look(&ledger, start());
    let of = ledger.append(asked(1, 1, 0), Durable::Yes).unwrap();
    ledger.append(answered(of), Durable::Yes).unwrap();
    ledger.append(saw(start(), vec![held(1, 2)], Vec::new()), Durable::Yes).unwrap();
    let before = told(&ledger.replay());
    assert_eq!((before.0.len(), before.1.len()), (2, 1));
    for month in 1..=4 {
        let at = start() + (month * 24 * 31).hours();
        *now.lock().unwrap() = at;
        let ledger = open();
        look(&ledger, at);
        if month == 1 {
            ledger.append(saw(at, Vec::new(), vec![assignment(1)]), Durable::Yes).unwrap(); // and holds nothing any more
        }
        let newest = open(); // reads the newest file alone
        assert_eq!(told(&newest.replay()), before, "month {month}");
        assert_eq!(newest.notices(), Vec::<String>::new());
    }
    assert_eq!(read_all(dir.path()).unwrap().len(), 5);
}

/// Files of a version that carried nothing on, a month each: the first with all that is known, each other with a base without it.
fn of_an_older_version(dir: &std::path::Path) {
    let base = |at| Entry::Seen(Box::new(Seen { base: true, observed: at, ..Seen::default() }));
    let (mut prev, mut n) = (Hash::genesis(TENANT, "altinn-apps"), 0);
    let first = vec![opened(), asked(1, 1, 0), answered(1)];
    let months = [first, vec![opened(), base(hour(3))], vec![opened(), base(hour(4))]];
    for (file, entries) in ["2026-08.jsonl", "2026-09.jsonl", "2026-10.jsonl"].into_iter().zip(months) {
        let mut bytes = Vec::new();
        for entry in entries {
            let (line, sealed) = Line::seal(prev, n, hour(usize::try_from(n).unwrap()), entry).unwrap();
            (prev, n) = (line.hash, n + 1);
            bytes.extend(sealed);
        }
        fs::write(dir.join(file), bytes).unwrap();
    }
}

/// What files of an older version do not carry on is read from the ones before, once; if they are missing, that is said.
#[test]
fn the_files_of_an_older_version_are_read_for_it() {
    let open = |dir: &std::path::Path| Ledger::open(dir, whose(), Arc::new(|| hour(9))).unwrap();
    for missing in [None, Some("2026-08.jsonl"), Some("2026-09.jsonl")] {
        let dir = tempfile::tempdir().unwrap();
        of_an_older_version(dir.path());
        if let Some(missing) = missing {
            fs::remove_file(dir.path().join(missing)).unwrap();
        }
        let ledger = open(dir.path());
        let known = told(&ledger.replay());
        assert_eq!((known.0.len(), known.1.len()), if missing.is_none() { (1, 1) } else { (0, 0) }, "{missing:?}");
        let notices = ledger.notices();
        assert_eq!(notices.len(), usize::from(missing.is_some()), "{notices:?}");
        assert!(notices.iter().all(|words| words.contains("is not known from before 2026-11-20: ")), "{notices:?}");
        // The next file carries it on, and whoever reads that reads no other.
        let target = TargetName { owner: "ttd".to_owned(), ..TargetName::default() };
        let targets = [(target, Err("not read".to_owned()))].into();
        ledger.saw(&View { observed: hour(9), targets, ..View::default() }).unwrap();
        for old in ["2026-08.jsonl", "2026-09.jsonl", "2026-10.jsonl"] {
            let _ = fs::remove_file(dir.path().join(old));
        }
        let ledger = open(dir.path());
        assert_eq!((told(&ledger.replay()), ledger.notices()), (known, Vec::new()), "{missing:?}");
    }
}

/// A base that was cut while it was written carries nothing: the files before it are read.
#[test]
fn a_base_that_was_cut_remembers_nothing() {
    let many: Vec<Entry> = (0..200_u8).flat_map(|who| [asked(who, 1, 0), asked(who, 1, 1)]).collect();
    let all: Vec<Entry> = std::iter::once(opened()).chain(many).collect();
    let replay = Replay::of(&chain(all.clone()).0);
    let mut base = replay.base(hour(1_000));
    base.names.extend((0..200).map(|n| NamedBefore {
        name: format!("x{n}@ai-dev.no"),
        principal: principal(1),
        at: start(),
    }));
    let parts = split(base);
    assert!(parts.len() > 1);
    let begins = all.len();
    let entries = all.into_iter().chain([opened()]);
    let entries = entries.chain(parts.into_iter().map(|part| Entry::Seen(Box::new(part))));
    let lines = chain(entries).0;
    assert!(Replay::of(&lines[begins..]).carried().whole);
    assert!(!Replay::of(&lines[begins..lines.len() - 1]).carried().whole);
}
