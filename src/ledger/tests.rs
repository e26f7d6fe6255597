//! Laws of the chain, of the folder, and of what was held when.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::{
    chain::{Hash, Line, Sheet, read},
    entry::{Answered, Asked, Begun, By, Commit, Entry, Held, How, Opened, TargetName},
    holdings::{Knowledge, Replay, holdings_as_of},
    parts::split,
    sight::View,
    store::{Durable, Ledger, Whose, read_all},
    verify::verify,
};
use crate::model::ids::ScopeId;

const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";

fn start() -> Timestamp {
    "2026-11-20T09:00:00Z".parse().unwrap()
}

fn hour(n: usize) -> Timestamp {
    start() + i64::try_from(n).unwrap().hours()
}

fn whose() -> Whose {
    Whose { tenant: TENANT.to_owned(), instances: vec!["altinn-apps".to_owned()] }
}

fn opened() -> Entry {
    Entry::Opened(Opened { format: 1, tenant: TENANT.to_owned(), instance: "altinn-apps".to_owned(), newest: None })
}

fn answer(of: u64) -> Entry {
    let (code, message) = (Some("AuthorizationFailed".to_owned()), Some("nei, \"æøå\"\n".to_owned()));
    Entry::Answered(Answered { of, how: How::Failed, status: Some(403), code, message, request: None })
}

/// A chain of these entries, each an hour after the one before; line by line.
fn chain(entries: impl IntoIterator<Item = Entry>) -> (Vec<Line>, Vec<Vec<u8>>) {
    let mut prev = Hash::genesis(TENANT, "altinn-apps");
    let sealed = entries.into_iter().enumerate().map(|(at, entry)| {
        let (line, bytes) = Line::seal(prev, at as u64, hour(at), entry).unwrap();
        prev = line.hash;
        (line, bytes)
    });
    sealed.unzip()
}

fn some_lines(many: usize) -> Vec<Vec<u8>> {
    chain(std::iter::once(opened()).chain((0..many as u64).map(answer))).1
}

fn sheets(bytes: &[u8]) -> Vec<(String, Sheet)> {
    vec![("2026-11.jsonl".to_owned(), read(bytes))]
}

/// Whole to its last byte.
fn is_whole(bytes: &[u8]) -> bool {
    matches!(verify(&sheets(bytes)), Ok(Some(whole)) if whole.torn.is_none())
}

proptest! {
    #[test]
    fn one_changed_byte_is_found(many in 0_usize..5, at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = some_lines(many).concat();
        prop_assert!(is_whole(&bytes));
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(!is_whole(&bytes), "byte {at}");
    }

    #[test]
    fn a_line_taken_out_put_in_or_moved_is_found(many in 2_usize..7, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let lines = some_lines(many);
        let (a, b) = (a.index(many), b.index(many + 1)); // the last one taken out leaves no trace but the head
        let mut out = lines.clone();
        out.remove(a);
        prop_assert!(!is_whole(&out.concat()));
        let mut twice = lines.clone();
        twice.insert(b, lines[a].clone());
        prop_assert!(!is_whole(&twice.concat()));
        let mut moved = lines.clone();
        moved.swap(a, b);
        prop_assert_eq!(is_whole(&moved.concat()), a == b);
    }

    #[test]
    fn what_is_cut_reads_to_the_last_whole_line(many in 1_usize..5, at in any::<prop::sample::Index>()) {
        let lines = some_lines(many);
        let bytes = lines.concat();
        let at = at.index(bytes.len());
        let sheet = read(&bytes[..at]);
        let mut end = 0;
        let whole = lines.iter().take_while(|line| { end += line.len(); end <= at + 1 }).count(); // a line feed is nothing
        prop_assert_eq!((sheet.lines.len(), sheet.broken), (whole, None));
    }

    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in any::<prop::sample::Index>()) {
        let mut mixed = some_lines(2).concat();
        mixed.truncate(cut.index(mixed.len()));
        mixed.extend(&bytes);
        for bytes in [bytes, mixed] {
            let _ = verify(&sheets(&bytes));
        }
    }
}

#[test]
fn the_first_break_is_named() {
    let lines = some_lines(4);
    let why = |lines: &[Vec<u8>]| verify(&sheets(&lines.concat())).unwrap_err().to_string();
    let mut edited = lines.clone();
    edited[2] = String::from_utf8(edited[2].clone()).unwrap().replace("403", "201").into_bytes();
    assert_eq!(why(&edited), "2026-11.jsonl:3: its content does not fit its hash: it was changed");
    let mut out = lines.clone();
    out.remove(2);
    assert_eq!(why(&out), "2026-11.jsonl:3: 1 line is missing before this one: number 3 follows number 1");
    let mut moved = lines.clone();
    moved.swap(2, 3);
    assert_eq!(why(&moved), "2026-11.jsonl:3: 1 line is missing before this one: number 3 follows number 1");
    assert_eq!(
        why(&lines[1..]),
        "2026-11.jsonl:1: a file begins with a line that opens it: its first lines are missing"
    );
    let elsewhere = Line::seal(Hash::of(b"x"), 2, start(), answer(1)).unwrap().1;
    let put_in = [&lines[..2], &[elsewhere]].concat();
    assert_eq!(why(&put_in), "2026-11.jsonl:3: does not follow the line before it: one of the two was put here later");
}

fn ledger(dir: &Path, now: &Arc<Mutex<Timestamp>>) -> Ledger {
    let now = now.clone();
    Ledger::open(dir, whose(), Arc::new(move || *now.lock().unwrap())).unwrap()
}

fn clock() -> Arc<Mutex<Timestamp>> {
    Arc::new(Mutex::new(start()))
}

#[test]
fn a_line_that_was_cut_anywhere_is_kept_aside_and_the_chain_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("2026-11.jsonl");
    let lines = some_lines(2);
    let (before, last) = (lines[..2].concat(), &lines[2]);
    for cut in 1..=last.len() {
        fs::write(&file, [&before, &last[..cut]].concat()).unwrap();
        let number = ledger(dir.path(), &clock()).append(answer(7), Durable::Yes).unwrap();
        let bytes = fs::read(&file).unwrap();
        assert!(is_whole(&bytes), "{cut}");
        if cut + 1 >= last.len() {
            assert_eq!(number, 3); // it lacked nothing but its line feed
            continue;
        }
        let sheet = read(&bytes);
        let Entry::Torn(torn) = &sheet.lines[2].entry else { panic!("{cut}") };
        assert_eq!(fs::read(dir.path().join(&torn.kept)).unwrap(), &last[..cut]);
        assert_eq!((torn.bytes, torn.sha256.as_str()), (cut as u64, Hash::of(&last[..cut]).to_string().as_str()));
    }
    // The first line of all.
    for cut in 1..lines[0].len() - 1 {
        fs::write(&file, &lines[0][..cut]).unwrap();
        ledger(dir.path(), &clock()).append(answer(7), Durable::Yes).unwrap();
        assert!(is_whole(&fs::read(&file).unwrap()), "{cut}");
    }
}

#[test]
fn nothing_is_added_to_what_is_not_whole_or_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("2026-11.jsonl");
    let open = |whose| Ledger::open(dir.path(), whose, Arc::new(start)).map(drop).map_err(|error| error.to_string());
    let mut lines = some_lines(3);
    lines.remove(1);
    fs::write(&file, lines.concat()).unwrap();
    assert!(open(whose()).unwrap_err().contains("2026-11.jsonl:2: 1 line is missing"));
    fs::write(&file, some_lines(3).concat()).unwrap();
    let other = Whose { tenant: TENANT.to_owned(), instances: vec!["other".to_owned()] };
    assert!(open(other).unwrap_err().contains("instance altinn-apps"));
    let renamed = Whose { tenant: TENANT.to_owned(), instances: vec!["other".to_owned(), "altinn-apps".to_owned()] };
    assert_eq!(open(renamed), Ok(()));
}

#[test]
fn many_at_a_time_make_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let now = clock();
    let ledgers: Vec<Ledger> = (0..4).map(|_| ledger(dir.path(), &now)).collect();
    std::thread::scope(|scope| {
        for ledger in &ledgers {
            scope.spawn(|| {
                for of in 0..25 {
                    ledger.append(answer(of), Durable::No).unwrap();
                }
            });
        }
    });
    let all = read_all(dir.path()).unwrap();
    assert_eq!(verify(&all).unwrap().unwrap().lines, 101);
}

fn begun(hash: &str, time: Timestamp) -> Begun {
    let by = By { via: "machine".to_owned(), name: "kari".to_owned(), run: None, identity: None };
    Begun {
        command: "apply".to_owned(),
        tool: "tilgang".to_owned(),
        by,
        commit: Some(Commit { hash: hash.to_owned(), time }),
        edited: 0,
        config: String::new(),
        plan: String::new(),
        saved_plan: None,
        changes: 0,
        refused: Vec::new(),
        owners: Vec::new(),
    }
}

/// A new month begins a new file, which alone says as much as all of them; and a file that is missing is found.
#[test]
fn each_file_stands_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let now = clock();
    let world = World::default();
    let mut knowledge = Vec::new();
    for month in 0..3 {
        let at = start() + (month * 24 * 31).hours();
        *now.lock().unwrap() = at;
        let ledger = ledger(dir.path(), &now);
        ledger.saw(&world.view(at, None, [month != 1, true])).unwrap();
        ledger.begin(begun(&format!("c{month}"), start() - month.hours())).unwrap();
        knowledge.push(ledger.replay());
    }
    let all = read_all(dir.path()).unwrap();
    assert_eq!(
        all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["2026-11.jsonl", "2026-12.jsonl", "2027-01.jsonl"]
    );
    assert!(verify(&all).unwrap().is_some());
    let lines: Vec<Line> = all.iter().flat_map(|(_, sheet)| sheet.lines.clone()).collect();
    let last = all[2].1.lines.clone();
    let at = *now.lock().unwrap();
    assert_eq!(holdings_as_of(&lines, at), holdings_as_of(&last, at));
    for newest in [Replay::of(&lines), Replay::of(&last)] {
        assert_eq!(newest.newest().unwrap().hash, "c0"); // by the commits' own time
    }
    assert!(verify(&all[1..]).unwrap_err().to_string().contains("an earlier file is missing"));
    let gap = [all[0].clone(), all[2].clone()];
    assert!(verify(&gap).unwrap_err().to_string().starts_with("2027-01.jsonl:1: "), "a file in between");
}

/// Two owners with a subscription each; the first has two targets. Who holds what, as (where, who).
#[derive(Clone, Debug, Default)]
struct World(BTreeSet<(usize, u8)>);

const SUBSCRIPTIONS: [&str; 2] = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"];
const OWNERS: [&str; 2] = ["ttd", "skd"];
/// Owner, and name.
const TARGETS: [(usize, &str); 3] = [(0, "ttd-prod-ai"), (0, "ttd-prod-kv"), (1, "skd-prod-kv")];

/// Where something can be held: at a target, at a subscription, above both.
fn place(n: usize) -> String {
    match n {
        0..3 => {
            let (owner, name) = TARGETS[n];
            format!(
                "/subscriptions/{}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/{name}",
                SUBSCRIPTIONS[owner]
            )
        }
        3 | 4 => format!("/subscriptions/{}", SUBSCRIPTIONS[n - 3]),
        _ => "/providers/Microsoft.Management/managementGroups/all".to_owned(),
    }
}

fn id(place_: usize, who: u8) -> String {
    format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000{who:02x}",
        place(place_)
    )
}

fn target(n: usize) -> TargetName {
    let (owner, name) = TARGETS[n];
    let text = str::to_owned;
    TargetName { owner: text(OWNERS[owner]), environment: text("prod"), kind: text("key-vault"), name: text(name) }
}

fn held(place: usize, who: u8, over: Vec<String>) -> Held {
    Held {
        assignment: id(place, who),
        principal: who.to_string(),
        principal_type: "User".to_owned(),
        name: None,
        definition: "d".to_owned(),
        definition_name: None,
        ours: true,
        condition: None,
        over,
        pim: None,
    }
}

impl World {
    /// What counts at a target.
    fn at(&self, target: usize) -> BTreeSet<String> {
        let owner = TARGETS[target].0;
        let counts = |place: usize| place == target || place == 3 + owner || place == 5;
        self.0.iter().filter(|(place, _)| counts(*place)).map(|(place, who)| id(*place, *who)).collect()
    }

    fn view(&self, observed: Timestamp, owner: Option<usize>, readable: [bool; 2]) -> View {
        let chosen = |of: usize| owner.is_none_or(|owner| owner == of);
        let mut view = View {
            observed,
            owners: owner.map(|owner| OWNERS[owner].to_owned()).into_iter().collect(),
            ..View::default()
        };
        for (n, (of, _)) in TARGETS.iter().enumerate().filter(|(_, (of, _))| chosen(*of)) {
            let state = if readable[*of] { Ok(ScopeId::new(&place(n))) } else { Err("not read".to_owned()) };
            view.targets.insert(target(n), state);
        }
        for (place, who) in &self.0 {
            let read = |of: usize| chosen(of) && readable[of];
            let (over, here) = match place {
                0..3 => (Vec::new(), read(TARGETS[*place].0)),
                3 | 4 => (Vec::new(), read(place - 3)),
                _ => {
                    let over: Vec<String> =
                        (0..2).filter(|of| read(*of)).map(|of| SUBSCRIPTIONS[of].to_owned()).collect();
                    (over.clone(), !over.is_empty())
                }
            };
            if here {
                view.held.insert(id(*place, *who).to_ascii_lowercase(), held(*place, *who, over));
            }
        }
        view
    }
}

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
