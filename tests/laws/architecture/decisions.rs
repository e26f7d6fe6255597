//! Rooms that decide nothing: what `cli` and the daemon still decide today, file by file.

use regex::Regex;

use super::source::{count, ratchet, sources};

/// Rooms that pass on what others decide. A room that does not exist yet is held to none from its first line.
const DECIDE_NOTHING: &[&str] = &["cli", "daemon"];

/// Lines with a word that decides, by file. Wanted: none.
const DECIDING: &[(&str, usize)] = &[
    ("cli/serve/page.rs", 2), // not about a plan: its guard admits readers
];

#[test]
fn cli_and_daemon_decide_nothing() {
    let words = r"\.because|\bAction::|\.(approve|settle|withhold|unless_older|admit|is_expiry|changes\.retain)\(";
    let words = Regex::new(words).unwrap(); // `\b`: clap has an `ArgAction`
    let sources = sources();
    let deciding = sources.iter().filter(|source| DECIDE_NOTHING.contains(&source.room()));
    let lines = |(_, line): &(usize, &str)| words.is_match(line);
    let deciding = count(deciding.map(|source| (source.path.clone(), source.lines().filter(lines).count())));
    println!("lines that decide, in cli and the daemon: {} {deciding:?}", deciding.values().sum::<usize>());
    ratchet("lines that decide", DECIDING, &deciding);
}
