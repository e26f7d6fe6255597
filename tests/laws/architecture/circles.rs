//! Files that name each other in circles, by their `use` lines and their `crate::` and `super::` paths; tests apart.
//!
//! A child that names its own `mod.rs` does not count: that is how a folder shares its types today.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::source::{Source, count, ratchet, sources, uncommented};

/// How many files of each room are in a circle: 57 in all. Wanted: at most 20, each with its reason.
const IN_CIRCLES: &[(&str, usize)] = &[
    ("azure", 4),
    ("config", 6),
    ("model", 3),
    ("plan", 10),
    ("report", 13),
    ("rights", 2),
    ("simulator", 16),
    ("watch", 3),
];

/// The modules that a path leads through: `azure/mod.rs` → `azure`.
fn module(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if parts.last() == Some(&"mod") || path == "lib.rs" || path == "main.rs" {
        parts.pop();
    }
    parts
}

/// `a::{b, c::{d, e}}` → `a::b`, `a::c::d`, `a::c::e`; without `as …`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, inner)) = tree.strip_suffix('}').and_then(|tree| tree.split_once('{')) else {
        return vec![tree.split_whitespace().take_while(|word| *word != "as").collect()];
    };
    let (mut parts, mut depth, mut part) = (Vec::new(), 0, String::new());
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    if !part.trim().is_empty() {
        parts.push(part);
    }
    parts.into_iter().flat_map(|part| expand(&format!("{head}{part}"))).collect()
}

/// The file that a path of names leads to, from one that has it.
fn resolve<'a>(from: &str, path: &str, modules: &BTreeMap<String, &'a str>) -> Option<&'a str> {
    let path: String = path.chars().filter(|c| !c.is_whitespace()).collect();
    let (mut at, mut rest) = (module(from), path.split("::").peekable());
    match rest.peek().copied()? {
        "crate" => {
            at.clear();
            rest.next();
        }
        "self" => {
            rest.next();
        }
        "super" => {
            while rest.next_if_eq(&"super").is_some() {
                at.pop();
            }
        }
        _ => return None,
    }
    at.extend(rest);
    (1..=at.len()).rev().find_map(|n| modules.get(&at[..n].join("::")).copied())
}

/// Which file names which.
fn imports(sources: &[Source]) -> BTreeSet<(&str, &str)> {
    let paths = sources.iter().map(|source| source.path.as_str());
    let modules = paths.filter(|path| *path != "main.rs").map(|path| (module(path).join("::"), path)).collect();
    let uses = Regex::new(r"\b(?:pub(?:\([^)]*\))?\s+)?use\s+((?:crate|super|self)::[^;]*);").unwrap();
    let (any_use, inline) = (Regex::new(r"\buse\s+[^;]*;").unwrap(), Regex::new(r"\b(crate|super)(::\w+)+").unwrap());
    let mut found = BTreeSet::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let from = source.path.as_str();
        if ["lib.rs", "main.rs"].contains(&from) {
            continue;
        }
        let text = uncommented(&source.text);
        let mut named: Vec<String> = uses.captures_iter(&text).flat_map(|found| expand(&found[1])).collect();
        named.extend(inline.find_iter(&any_use.replace_all(&text, "")).map(|found| found.as_str().to_owned()));
        let to = named.iter().filter_map(|path| resolve(from, path, &modules)).filter(|to| *to != from);
        found.extend(to.map(|to| (from, to)));
    }
    found
}

/// A child that names its own `mod.rs`, or the file that its folder is named after.
fn is_own(from: &str, to: &str) -> bool {
    to.strip_suffix("mod.rs").is_some_and(|folder| from.starts_with(folder))
        || from.strip_prefix(to.trim_end_matches(".rs")).is_some_and(|rest| rest.starts_with('/'))
}

/// All that a file leads to.
fn reach<'a>(from: &'a str, near: &BTreeMap<&str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let (mut found, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        next.extend(near.get(at).into_iter().flatten().copied().filter(|to| found.insert(*to)));
    }
    found
}

/// The circles, each as its files.
fn circles<'a>(imports: &BTreeSet<(&'a str, &'a str)>) -> BTreeSet<Vec<&'a str>> {
    let mut near: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in imports.iter().filter(|(from, to)| !is_own(from, to)) {
        near.entry(from).or_default().push(to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = near.keys().map(|from| (*from, reach(from, &near))).collect();
    let back = |from: &str, to: &str| reached.get(to).is_some_and(|there| there.contains(from));
    let rings = reached.iter().map(|(from, there)| there.iter().copied().filter(|to| back(from, to)).collect());
    rings.filter(|ring: &Vec<_>| !ring.is_empty()).collect()
}

#[test]
fn files_in_circles_do_not_become_more() {
    let sources = sources();
    let imports = imports(&sources);
    let circles = circles(&imports);
    let inside = || circles.iter().flatten();
    let rooms: BTreeSet<&str> =
        sources.iter().map(Source::room).filter(|room| !["lib", "main"].contains(room)).collect();
    println!(
        "{} rooms, {} files, {} imports; {} circles with {} files (a child and its own mod.rs not counted)",
        rooms.len(),
        sources.len(),
        imports.len(),
        circles.len(),
        inside().count()
    );
    for circle in &circles {
        println!("  {} {}", circle.len(), circle.join(" "));
    }
    let room = |path: &str| path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
    ratchet("files in circles", IN_CIRCLES, &count(inside().map(|path| (room(path), 1))));
}

#[test]
fn a_circle_is_found() {
    let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let sources = [
        file("lib.rs", "mod a; mod b;"),
        file("a/mod.rs", "pub mod one; pub use self::two::Two as Other;"),
        file("a/one.rs", "use super::{Shared, two::{Two, Three}};"),
        file("a/two.rs", "use crate::{b, a::one::One}; // use crate::c;"),
        file("b.rs", "fn f() { crate::c::g() }"),
        file("c.rs", "// crate::b"),
        file("c/tests.rs", "use crate::b;"),
    ];
    let imports = imports(&sources);
    let expected = [
        ("a/mod.rs", "a/two.rs"),
        ("a/one.rs", "a/mod.rs"),
        ("a/one.rs", "a/two.rs"),
        ("a/two.rs", "a/one.rs"),
        ("a/two.rs", "b.rs"),
        ("b.rs", "c.rs"),
    ];
    assert_eq!(imports, BTreeSet::from(expected));
    assert_eq!(circles(&imports), BTreeSet::from([vec!["a/one.rs", "a/two.rs"]]));
}
