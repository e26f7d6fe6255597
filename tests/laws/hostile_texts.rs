//! Texts made to be expensive. Speed itself is measured by `cargo bench --bench scale`.

use tilgang::config::load_texts;

/// Texts made to be expensive end soon: a pull request from anywhere is read in CI.
#[test]
fn hostile_texts_end() {
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
        let loaded = load_texts(&[("tilgang.yaml", text), ("owners/ttd.yaml", text)]);
        assert!(!loaded.errors.is_empty(), "{name}"); // and it ended: aliases of aliases would not in a lifetime
    }
}
