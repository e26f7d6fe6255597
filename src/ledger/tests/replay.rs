//! What the lines of a ledger say of any time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;

use super::{OWNERS, TARGETS, World, chain, held, hour, id, is_whole, opened, place, start, target};
use crate::{
    ledger::{
        chain::Line,
        entry::{Answered, Asked, Entry, How},
        holdings::{Knowledge, Replay, holdings_as_of},
        parts::split,
        sight::View,
    },
    model::ids::ScopeId,
};

/// What happens in an hour.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody else gives or takes.
    Others(usize, u8),
    /// We look: at one owner or all; which subscriptions can be read.
    Look(Option<usize>, [bool; 2]),
    /// We write at a target: how it ends, and whether Azure did it where that is not told.
    Write(usize, u8, Option<(How, Option<u16>)>, bool),
    /// A new file begins.
    Turn,
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        4 => Just(Some((How::Done, Some(201)))),
        1 => Just(Some((How::Failed, Some(403)))),
        1 => Just(Some((How::Failed, None))),
        1 => Just(Some((How::Failed, Some(503)))),
        1 => Just(None),
    ];
    prop_oneof![
        4 => (0..6_usize, 0..3_u8).prop_map(|(place, who)| Step::Others(place, who)),
        4 => (prop::option::weighted(0.3, 0..2_usize), prop::array::uniform2(prop::bool::weighted(0.8))).prop_map(|(owner, readable)| Step::Look(owner, readable)),
        3 => (0..3_usize, 0..3_u8, fate, any::<bool>()).prop_map(|(target, who, fate, done)| Step::Write(target, who, fate, done)),
        1 => Just(Step::Turn),
    ]
}

/// What can be known of a target.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Never,
    Held(BTreeSet<String>),
    Unknown(Timestamp),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever happens: what the ledger says of a time is what stood then, or that nobody can say, since when and until when.
    #[test]
    fn what_was_held_when(steps in prop::collection::vec(step(), 1..24)) {
        let mut world = World::default();
        let mut entries = vec![opened()];
        let mut known = vec![Known::Never; 3];
        let mut history = Vec::new(); // after each line
        for step in steps {
            let at = hour(entries.len());
            let before = known.clone();
            match step {
                Step::Others(place, who) => {
                    if !world.0.remove(&(place, who)) {
                        world.0.insert((place, who));
                    }
                    continue;
                }
                Step::Look(owner, readable) => {
                    let replay = Replay::of(&chain(entries.clone()).0);
                    let seen = replay.difference(&world.view(at, owner, readable));
                    entries.push(Entry::Seen(Box::new(seen)));
                    for (n, (of, _)) in TARGETS.iter().enumerate() {
                        if owner.is_none_or(|owner| owner == *of) {
                            known[n] = match (&before[n], readable[*of]) {
                                (_, true) => Known::Held(world.at(n)),
                                (Known::Unknown(since), false) => Known::Unknown(*since),
                                (_, false) => Known::Unknown(at),
                            };
                        }
                    }
                }
                Step::Write(n, who, fate, done) => {
                    let revoke = world.0.contains(&(n, who));
                    let asked = Asked {
                        run: 0,
                        action: if revoke { "revoke" } else { "grant" }.to_owned(),
                        owner: OWNERS[TARGETS[n].0].to_owned(),
                        environment: None,
                        role: None,
                        user: None,
                        principal: who.to_string(),
                        principal_type: "User".to_owned(),
                        scope: place(n),
                        definition: "d".to_owned(),
                        definition_name: None,
                        assignment: id(n, who),
                        because: String::new(),
                        origins: Vec::new(),
                    };
                    let of = entries.len() as u64;
                    entries.push(Entry::Asked(Box::new(asked)));
                    let is_done = match fate {
                        Some((How::Done | How::Already, _)) => true,
                        Some((How::Failed, Some(403))) => false,
                        _ => done,
                    };
                    if is_done && revoke { world.0.remove(&(n, who)); }
                    if is_done && !revoke { world.0.insert((n, who)); }
                    let open = match &before[n] {
                        Known::Held(_) => Known::Unknown(at),
                        other => other.clone(),
                    };
                    known[n] = open.clone();
                    history.push((at, known.clone()));
                    let Some((how, status)) = fate else { continue };
                    entries.push(Entry::Answered(Answered { of, how, status, code: None, message: None, request: None }));
                    let told = how == How::Done || status == Some(403);
                    if let (Known::Held(mut held), true) = (before[n].clone(), told) {
                        if how == How::Done {
                            if revoke { held.remove(&id(n, who)); } else { held.insert(id(n, who)); }
                        }
                        known[n] = Known::Held(held);
                    }
                    history.push((hour(entries.len() - 1), known.clone()));
                    continue;
                }
                Step::Turn => {
                    let replay = Replay::of(&chain(entries.clone()).0);
                    let Some(last) = replay.last().filter(|_| !replay.is_empty()) else { continue };
                    entries.push(Entry::Seen(Box::new(replay.base(last))));
                }
            }
            history.push((at, known.clone()));
        }
        let (lines, bytes) = chain(entries);
        prop_assert!(is_whole(&bytes.concat()));
        for (step, (at, known)) in history.iter().enumerate() {
            let told = holdings_as_of(&lines, *at);
            for (n, known) in known.iter().enumerate() {
                let later = history[step..].iter().skip(1);
                let again = later.clone().find(|(_, later)| matches!(later[n], Known::Held(_))).map(|(at, _)| *at);
                match (known, told.get(&target(n))) {
                    (Known::Never, None) => prop_assert!(later.clone().all(|(_, later)| later[n] == Known::Never)),
                    (Known::Never, Some(Knowledge::Unknown { since: None, until, .. })) => prop_assert_eq!(*until, again),
                    (Known::Unknown(when), Some(Knowledge::Unknown { since, until, .. })) => {
                        prop_assert_eq!((*since, *until), (Some(*when), again));
                    }
                    (Known::Held(held), Some(Knowledge::Known { held: told, .. })) => {
                        let told: BTreeSet<String> = told.iter().map(|held| held.assignment.clone()).collect();
                        prop_assert_eq!(&told, held);
                    }
                    (known, told) => prop_assert!(false, "at {}: {:?} is told as {:?}", at, known, told),
                }
            }
        }
    }

    /// A target that is made anew is told from the one before it, however long nobody looked, and in each file alone.
    #[test]
    fn when_a_target_was_made(steps in prop::collection::vec((0..3_usize, 0..4_u8), 1..24)) {
        let (mut made, mut entries) = ([start(); 3], vec![opened()]);
        let mut known: BTreeMap<ScopeId, Timestamp> = BTreeMap::new();
        for (n, (which, what)) in steps.into_iter().enumerate() {
            let (at, replay) = (hour(entries.len()), Replay::of(&chain(entries.clone()).0));
            prop_assert_eq!(replay.made(), &known);
            match what {
                0 => made[which] = hour(1_000 + n),
                3 => {
                    entries = vec![opened(), Entry::Seen(Box::new(replay.base(at)))]; // a file of its own
                }
                one_or_all => {
                    let owner = (one_or_all == 1).then_some(TARGETS[which].0);
                    let mut view = World::default().view(at, owner, [true, n % 3 > 0]); // not read: still found
                    for (n, (of, _)) in TARGETS.iter().enumerate().filter(|(_, (of, _))| owner.is_none_or(|it| it == *of)) {
                        prop_assert!(*of < 2);
                        view.made.insert(ScopeId::new(&place(n)), made[n]);
                        known.insert(ScopeId::new(&place(n)), made[n]);
                    }
                    entries.push(Entry::Seen(Box::new(replay.difference(&view))));
                }
            }
        }
    }

    /// Lines of bounded length say the same as one.
    #[test]
    fn a_long_record_is_split_and_joined(many in 0..1_300_u32) {
        let view = World::default().view(start(), None, [true, true]);
        let mut view = View { held: BTreeMap::new(), ..view };
        for n in 0..many {
            let mut row = held(0, 0, Vec::new());
            row.assignment = format!("{}-{n}", row.assignment);
            view.held.insert(row.assignment.to_ascii_lowercase(), row);
            view.made.insert(ScopeId::new(&format!("{}-{n}", place(0))), hour(n as usize));
        }
        let whole = Replay::default().difference(&view);
        let parts = split(whole.clone());
        let entry = |seen| Entry::Seen(Box::new(seen));
        let one = chain([opened(), entry(whole)]).0;
        let (lines, bytes) = chain(std::iter::once(opened()).chain(parts.into_iter().map(entry)));
        prop_assert_eq!(holdings_as_of(&one, hour(9)), holdings_as_of(&lines, hour(9)));
        let (of_one, of_many) = (Replay::of(&one), Replay::of(&lines));
        prop_assert_eq!((of_one.made().len(), of_one.made()), (many as usize, of_many.made()));
        prop_assert!(bytes.iter().all(|line| line.len() < 400_000));
        if lines.len() > 2 {
            let cut = holdings_as_of(&lines[..lines.len() - 1], hour(9));
            prop_assert!(cut.is_empty(), "half a record says nothing");
        }
    }
}

/// Nothing changed: one short line.
#[test]
fn a_look_that_finds_nothing_new_is_short() {
    let world = World(BTreeSet::from([(0, 1), (3, 2), (5, 0)]));
    let first = Replay::default().difference(&world.view(start(), None, [true, true]));
    let lines = chain([opened(), Entry::Seen(Box::new(first))]).0;
    let again = Replay::of(&lines).difference(&world.view(hour(5), None, [true, true]));
    let line = Line::seal(lines[1].hash, 2, hour(5), Entry::Seen(Box::new(again))).unwrap().1;
    assert!(line.len() < 300, "{}", String::from_utf8_lossy(&line));
}
