//! The folder: what was cut, what is not ours, many at a time, one file a month.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use jiff::{Timestamp, ToSpan};

use super::{TENANT, World, answer, is_whole, some_lines, start, whose};
use crate::ledger::{
    chain::{Hash, Line, read},
    entry::{Begun, By, Commit, Entry},
    holdings::{Replay, holdings_as_of},
    store::{Durable, Ledger, Whose, read_all},
    verify::verify,
};

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
