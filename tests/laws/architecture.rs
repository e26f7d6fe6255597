#![allow(clippy::print_stdout, reason = "counts are there to be read")]
//! The map in `src/lib.rs`, kept true: who may name whom, what pure rooms never do, how large a file may be.
//!
//! Where the source is not yet as it should be, a table has the numbers of today. They may only fall, and a test fails until
//! its table follows. `cargo test --test laws architecture -- --nocapture` prints what is counted.
//!
//! | file | what it holds to |
//! |---|---|
//! | `actions` | one matcher for the actions of role definitions, which answers as Microsoft documents |
//! | `circles` | files that do not name each other in circles |
//! | `decisions` | `cli` and the daemon decide nothing |
//! | `signatures` | few parameters, no bare `bool`, no errors that are only texts |

mod actions;
mod circles;
mod decisions;
mod signatures;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use source::{Source, count, ratchet, sources};

/// Who may name whom. `cli` may name everyone.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("host", &["model"]),
    ("config", &["model"]),
    ("edit", &["model", "config"]),
    ("plan", &["model"]),
    ("access", &["model", "plan"]),
    ("ports", &["model"]),
    ("rights", &["model", "ports"]),
    ("observe", &["model", "ports"]),
    ("saved", &["model", "plan"]),
    ("watch", &["model", "plan"]),
    ("reconcile", &["model", "watch"]),
    ("web", &["model", "plan", "access", "watch", "reconcile"]),
    ("ledger", &["model", "ports", "plan"]),
    ("execute", &["model", "ports", "plan", "ledger"]),
    ("app", &["model", "ports", "config", "edit", "plan", "access", "rights", "observe", "ledger", "execute"]),
    ("lease", &[]),
    ("kubernetes", &["lease"]),
    ("notify", &["model", "plan", "watch"]),
    ("deliver", &["model", "notify"]),
    ("signals", &["model", "plan", "watch", "notify", "deliver"]),
    ("report", &["model", "plan", "access", "config", "ledger", "rights", "app"]),
    ("azure", &["model", "ports"]),
    ("simulator", &["model", "ports"]),
    (
        "cli",
        &[
            "model",
            "host",
            "config",
            "edit",
            "plan",
            "access",
            "ports",
            "rights",
            "observe",
            "saved",
            "watch",
            "reconcile",
            "web",
            "ledger",
            "app",
            "lease",
            "kubernetes",
            "notify",
            "deliver",
            "signals",
            "report",
            "azure",
            "simulator",
        ],
    ),
];

/// A file beyond this does more than one thing.
const LINES_MAX: usize = 500;
/// The files that are longer today, and by how many lines. Wanted: none.
const LINES_BEYOND: &[(&str, usize)] = &[];

/// Each room's files, by name.
fn rooms() -> BTreeMap<String, Vec<Source>> {
    let mut rooms: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for source in sources() {
        rooms.entry(source.room().to_owned()).or_default().push(source);
    }
    rooms
}

/// The rooms that a text names: `crate::room` and the first words of `use crate::{…}`.
fn named(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut word) = (0, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => word.clear(),
                    ':' | '\n' | ' ' if depth == 0 => {}
                    c if depth == 0 && (c.is_alphanumeric() || c == '_') => word.push(c),
                    _ => {}
                }
                if depth == 0 && ROOMS.iter().any(|(room, _)| *room == word) {
                    found.insert(word.clone());
                }
            }
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn rooms_name_only_whom_they_may() {
    let mut wrong = Vec::new();
    for (room, files) in rooms() {
        if room == "lib" || room == "main" {
            continue;
        }
        let (_, may) =
            ROOMS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("`{room}` is not on the map"));
        for file in files {
            for other in named(&file.text) {
                if other != room && ROOMS.iter().any(|(name, _)| *name == other) && !may.contains(&other.as_str()) {
                    wrong.push(format!("{} names `{other}`", file.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_map_shows_every_room() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for room in rooms().keys().filter(|room| !["lib", "main"].contains(&room.as_str())) {
        assert!(lib.contains(&format!("| [`{room}`] |")), "`{room}` has no row in src/lib.rs");
    }
}

#[test]
fn pure_rooms_stay_pure() {
    let never = [
        "async ",
        ".await",
        "tokio",
        "serde",
        "std::fs",
        "std::env",
        "std::net",
        "std::time",
        "Timestamp::now",
        "HashMap",
    ];
    let mut wrong = Vec::new();
    for room in ["model", "plan", "access", "rights", "lease", "watch", "reconcile"] {
        for file in &rooms()[room] {
            for (n, line) in file.lines() {
                wrong.extend(
                    never
                        .iter()
                        .filter(|word| line.contains(**word))
                        .map(|word| format!("{}:{n} has `{word}`", file.path)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Notices and pages can be written down, and that is all: what they say hangs on nothing but arguments.
#[test]
fn notices_and_pages_are_made_without_a_disk_or_a_clock() {
    for file in rooms()["notify"].iter().chain(&rooms()["web"]) {
        let code = file.code();
        let never =
            ["std::fs", "fs::", "tokio", "async ", ".await", "std::time", "std::env", "Timestamp::now", "HashMap"];
        let wrong: Vec<_> = never.iter().filter(|word| code.contains(**word)).collect();
        assert!(wrong.is_empty(), "{} has {wrong:?}", file.path);
    }
}

/// What a ledger's lines mean is decided without a disk: only `store` and `run_journal` touch one, and `journal` is the trait.
#[test]
fn the_ledger_means_the_same_without_a_disk() {
    let may = ["ledger/store.rs", "ledger/run_journal.rs", "ledger/tests/store.rs", "ledger/tests/carried.rs"];
    for file in &rooms()["ledger"] {
        let code = file.code();
        let words = ["std::fs", "fs::", "tokio", "async ", "std::time", "std::env"];
        let is_trait = |word: &str| file.path == "ledger/journal.rs" && word == "async ";
        let wrong: Vec<_> = words.iter().filter(|word| code.contains(**word) && !is_trait(word)).collect();
        assert!(may.contains(&file.path.as_str()) || wrong.is_empty(), "{} has {wrong:?}", file.path);
    }
}

#[test]
fn who_plans_or_looks_never_holds_a_writer() {
    for (room, files) in rooms() {
        for file in files {
            let may = ["ports", "app", "execute", "azure", "simulator"].contains(&room.as_str());
            assert!(may || !file.text.contains("AssignmentWriter"), "{} names the writing port", file.path);
            let takes = ["cli/connect.rs", "cli/applying.rs"].contains(&file.path.as_str());
            assert!(room != "cli" || takes || !file.text.contains("writer()"), "{} takes a writer", file.path);
            let executes = room == "execute" || file.path == "app/apply.rs";
            assert!(executes || !file.code().contains("execute::execute"), "{}: another way to the writes", file.path);
        }
    }
}

/// Use cases return facts, errors and notes: who shows them, asks or parses flags is somebody else.
#[test]
fn use_cases_print_nothing_and_ask_nobody() {
    let never = ["clap", "miette", "indicatif", "print", "stderr", "stdout", "stdin", "std::env", "::now()", "Instant"];
    for file in &rooms()["app"] {
        let code = file.code();
        let wrong: Vec<_> = never.iter().filter(|word| code.contains(**word)).collect();
        assert!(wrong.is_empty(), "{} has {wrong:?}", file.path);
    }
}

/// The way of `tilgang apply` in `src/lib.rs`: each function is in its file, and each file is entered once.
#[test]
fn the_way_to_the_writes_is_as_the_map_says() {
    let sources = sources();
    let text = |path: &str| sources.iter().find(|source| source.path == path).map(Source::code);
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let rows: Vec<Vec<&str>> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|row| row[0].parse::<usize>().is_ok())
        .collect();
    assert!(rows.len() > 10, "the way is not in src/lib.rs");
    let mut entered = BTreeSet::new();
    for (n, row) in rows.iter().enumerate() {
        let [step, functions, file, ..] = row[..] else { panic!("{row:?}") };
        let path = file.trim_matches('`');
        assert_eq!(step, (n + 1).to_string());
        assert!(entered.insert(path), "{path} is entered twice");
        let code = text(path).unwrap_or_else(|| panic!("no file {path}"));
        for function in functions.split(", ") {
            let name = function.trim_matches(['[', ']', '`']).trim_end_matches("()").rsplit("::").next().unwrap();
            assert!(
                code.contains(&format!("fn {name}(")) || code.contains(&format!("fn {name}<")),
                "{path} has no `{name}`"
            );
        }
    }
}

/// The order of the steps, where it is made: what is read, compared, judged and carried out comes one after the other.
#[test]
fn the_steps_come_in_order() {
    let sources = sources();
    for (path, from, steps) in [
        (
            "app/plan.rs",
            "pub async fn plan(self)",
            &["reading.compare(", "ask(azure", "permissions.tell(", "judge("][..],
        ),
        ("app/apply.rs", "pub async fn apply<", &["check()", "journal.begin(", "self.carry_out("]),
        ("app/apply.rs", "async fn carry_out(", &["again(", ".withhold(", "execute("]),
    ] {
        let code = sources.iter().find(|source| source.path == path).unwrap().code();
        let body = &code[code.find(from).unwrap_or_else(|| panic!("{path} has no `{from}`"))..];
        let at: Vec<_> = steps.iter().map(|step| body.find(step).unwrap_or_else(|| panic!("no `{step}`"))).collect();
        assert!(at.is_sorted(), "{path}: {steps:?} are at {at:?}");
    }
}

/// Role assignments are listed, made and removed through the SDK's `azure_mgmt_authorization`: nobody else writes their address.
/// The Activity Log names an operation by it, and the usage of a subscription has no client in the SDK.
#[test]
fn role_assignments_go_through_the_sdk() {
    let others = ["/roleAssignments/delete", "/roleAssignmentsUsageMetrics"];
    for file in rooms()["azure"].iter().filter(|file| !file.path.starts_with("azure/tests")) {
        let product = file.product();
        let own = product.lines().filter(|line| line.contains("/roleAssignments"));
        let own: Vec<_> = own.filter(|line| !others.iter().any(|other| line.contains(other))).collect();
        assert!(own.is_empty(), "{}: {own:?}", file.path);
    }
}

#[test]
fn no_file_is_too_large() {
    let beyond = |source: &Source| source.text.lines().count().saturating_sub(LINES_MAX);
    let beyond = count(sources().into_iter().map(|source| (source.path.clone(), beyond(&source))));
    ratchet(&format!("lines beyond {LINES_MAX} (which one thing does it do?)"), LINES_BEYOND, &beyond);
}

#[test]
fn every_room_says_what_it_is() {
    for source in sources() {
        assert!(source.text.starts_with("//!"), "{} has no header", source.path);
    }
}
