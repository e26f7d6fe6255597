#![cfg(test)]
//! What reading costs. `cargo test --release --test config_speed -- --ignored --nocapture` prints it.

use std::time::{Duration, Instant};

use tilgang::config::{Loaded, load_texts};

const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";

fn workspace(owners: usize) -> Vec<(String, String)> {
    let person = |number| {
        let roles = "test-developer, test-operations, prod-developer, prod-operations";
        format!(
            "  - user: person{number}.dikt@ai-dev.no\n    id: 00000000-0000-0000-0000-{number:012}\n    roles: [{roles}]\n"
        )
    };
    let people: String = (0..100).map(person).collect();
    let file = |number| (format!("owners/o{number}.yaml"), format!("owner: o{number}\nname: Prøve\nusers:\n{people}"));
    (0..owners).map(file).chain([("tilgang.yaml".to_owned(), SETTINGS.to_owned())]).collect()
}

fn read(files: &[(String, String)]) -> (Duration, Loaded) {
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let start = Instant::now();
    let loaded = load_texts(&files);
    (start.elapsed(), loaded)
}

#[test]
#[ignore = "a measurement: needs a quiet machine and a release build"]
#[expect(clippy::print_stderr, reason = "the numbers are what it is for")]
fn a_thousand_owners() {
    for owners in [110, 1_000, 2_000] {
        let (took, loaded) = read(&workspace(owners));
        assert!(loaded.errors.is_empty());
        assert_eq!(loaded.desired.unwrap().grants.len(), owners * 400);
        eprintln!("{owners} files, {} grants: {took:?}", owners * 400);
    }
}

/// Texts made to be expensive end soon: a pull request from anywhere is read in CI.
#[test]
fn hostile_texts_end_soon() {
    let deep = "[".repeat(200_000);
    let steps = "- ".repeat(100_000);
    let quotes = "\"".repeat(200_001);
    let laughs: String = (1..12).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        let before = format!("*a{}, ", n - 1).repeat(9);
        text + &format!("a{n}: &a{n} [{before}]\n")
    });
    let separators = "\u{2028}".repeat(100_000);
    let keys = (0..5_000).map(|n| format!("key{n}: 1")).collect::<Vec<_>>().join("\n");
    for (name, text) in [
        ("deep", &deep),
        ("steps", &steps),
        ("quotes", &quotes),
        ("laughs", &laughs),
        ("separators", &separators),
        ("keys", &keys),
    ] {
        let (took, loaded) =
            read(&[("tilgang.yaml".to_owned(), text.clone()), ("owners/ttd.yaml".to_owned(), text.clone())]);
        assert!(!loaded.errors.is_empty(), "{name}");
        assert!(took < Duration::from_secs(20), "{name}: {took:?}");
    }
}
