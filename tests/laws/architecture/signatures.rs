//! What functions take and return: how many parameters, bare `bool`s, errors that are only texts.

use regex::Regex;

use super::source::{Source, count, ratchet, sources};

/// More parameters than this are a type that has no name yet.
const PARAMETERS_MAX: usize = 5;
/// Functions with more, by room: 17. Wanted: none, or a reason at each.
const MANY_PARAMETERS: &[(&str, usize)] = &[
    ("access", 1),
    ("azure", 2),
    ("cli", 3),
    ("edit", 3),
    ("notify", 1),
    ("plan", 2),
    ("report", 2),
    ("simulator", 3),
];
/// Parameters that are a bare `bool`, by room: 55. Wanted: none, or a reason at each: `true` says nothing where it is passed.
const BOOLS: &[(&str, usize)] = &[
    ("app", 1), // `Exit::when`: the condition itself
    ("azure", 5),
    ("cli", 8),
    ("config", 2),
    ("deliver", 1),
    ("edit", 7),
    ("ledger", 1),
    ("model", 1),
    ("plan", 3),
    ("reconcile", 1),
    ("report", 5),
    ("rights", 1),
    ("signals", 2),
    ("simulator", 13),
    ("watch", 1),
    ("web", 3),
];
/// Rooms in which an error is a type. A room that does not exist yet is held to none from its first line.
const TYPED_ERRORS: &[&str] = &["app", "plan", "ledger", "config"];
/// `Result<_, String>` in their `pub`, `pub(crate)` and `pub(super)` signatures. Wanted: none.
const TEXT_ERRORS: &[(&str, usize)] = &[("config", 7), ("ledger", 2)];

/// A function as it is declared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Signature {
    name: String,
    /// `pub`, `pub(…)`, or a method of a trait that is.
    is_pub: bool,
    /// Each as it is written, `self` included.
    parameters: Vec<String>,
    /// What is between the parameters and the body.
    returns: String,
}

impl Signature {
    fn bools(&self) -> usize {
        let types = self.parameters.iter().filter_map(|parameter| parameter.split_once(':'));
        types.filter(|(_, of)| of.trim() == "bool").count()
    }

    /// How often it has a `Result` whose error is a text.
    fn text_errors(&self) -> usize {
        let all = self.parameters.iter().map(String::as_str).chain([self.returns.as_str()]);
        all.map(|text| {
            let results = text.match_indices("Result<").map(|(at, _)| arguments(&text[at + "Result".len()..]).0);
            results.filter(|of| of.len() == 2 && of[1] == "String").count()
        })
        .sum()
    }
}

/// The parts of a bracketed list at the start of a text, and the text after it. The `>` of `->` closes nothing.
fn arguments(text: &str) -> (Vec<String>, &str) {
    let (mut parts, mut part, mut depth, mut before) = (Vec::new(), String::new(), 0, ' ');
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        before = c;
        if depth == 0 {
            end = at + c.len_utf8();
            break;
        }
        match c {
            ',' if depth == 1 => parts.push(std::mem::take(&mut part)),
            _ if at == 0 => {}
            _ => part.push(c),
        }
    }
    parts.push(part);
    let parts = parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
    (parts.collect(), &text[end..])
}

/// Where the block that begins at the first `{` from `start` ends.
fn block(text: &str, start: usize) -> std::ops::Range<usize> {
    let Some(open) = text[start..].find('{').map(|at| start + at) else { return start..start };
    let mut depth = 0;
    for (at, c) in text[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open..open + at;
        }
    }
    open..text.len()
}

/// The functions of a text without comments, those in functions included.
fn signatures(code: &str) -> Vec<Signature> {
    let traits = Regex::new(r"\bpub(?:\([^)]*\))?\s+trait\s").unwrap();
    let traits: Vec<_> = traits.find_iter(code).map(|found| block(code, found.end())).collect();
    let mut all = Vec::new();
    for (at, keyword) in code.match_indices("fn ") {
        let before = &code[..at];
        let rest = &code[at + keyword.len()..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let mut rest = &rest[name.len()..];
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') || name.is_empty() {
            continue;
        }
        if rest.starts_with('<') {
            rest = arguments(rest).1;
        }
        if !rest.starts_with('(') {
            continue;
        }
        let (parameters, rest) = arguments(rest);
        let returns = rest[..rest.find(['{', ';']).unwrap_or(rest.len())].trim().to_owned();
        let words = before.rsplit(['{', '}', ';', '\n']).next().unwrap();
        let is_pub = words.trim_start().starts_with("pub") || traits.iter().any(|block| block.contains(&at));
        all.push(Signature { name, is_pub, parameters, returns });
    }
    all
}

/// What the product declares, with its room.
fn declared(sources: &[Source]) -> Vec<(&str, Signature)> {
    sources.iter().flat_map(|source| signatures(&source.product()).into_iter().map(|it| (source.room(), it))).collect()
}

#[test]
fn functions_take_few_parameters() {
    let sources = sources();
    let many = declared(&sources).into_iter().filter(|(_, it)| it.parameters.len() > PARAMETERS_MAX);
    let many = count(many.map(|(room, _)| (room.to_owned(), 1)));
    println!("functions with more than {PARAMETERS_MAX} parameters: {} {many:?}", many.values().sum::<usize>());
    ratchet("functions with too many parameters", MANY_PARAMETERS, &many);
}

#[test]
fn parameters_are_no_bare_bools() {
    let sources = sources();
    let bools = count(declared(&sources).iter().map(|(room, it)| ((*room).to_owned(), it.bools())));
    println!("parameters that are a bare bool: {} {bools:?}", bools.values().sum::<usize>());
    ratchet("bare `bool` parameters", BOOLS, &bools);
}

#[test]
fn an_error_is_a_type_where_others_decide_by_it() {
    let sources = sources();
    let all = declared(&sources);
    let of = |all: &mut dyn Iterator<Item = &(&str, Signature)>| {
        count(all.map(|(room, it)| ((*room).to_owned(), it.text_errors())))
    };
    let (every, public) = (of(&mut all.iter()), of(&mut all.iter().filter(|(_, it)| it.is_pub)));
    println!("Result<_, String>: {} {every:?}", every.values().sum::<usize>());
    println!("Result<_, String> in pub signatures: {} {public:?}", public.values().sum::<usize>());
    let held = public.into_iter().filter(|(room, _)| TYPED_ERRORS.contains(&room.as_str())).collect();
    ratchet("`Result<_, String>` in pub signatures", TEXT_ERRORS, &held);
}

#[test]
fn signatures_are_read() {
    let code = "
        pub trait T { async fn t(&self, at: bool) -> Result<Vec<(u8, String)>, String>; }
        pub(super) fn f<'a, F: Fn(u8) -> Result<(), String>>(mut a: bool, b: impl Fn(bool, u8) -> u8, c: [u8; 2]) -> F { fn g() {} }
        const fn h(self, a: Option<bool>) -> Result<BTreeMap<String, String>, Error> {}";
    let found = signatures(code);
    let as_told: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.is_pub, it.parameters.len())).collect();
    assert_eq!(as_told, [("t", true, 2), ("f", true, 3), ("g", false, 0), ("h", false, 2)]);
    assert_eq!(found.iter().map(Signature::bools).collect::<Vec<_>>(), [1, 1, 0, 0]);
    assert_eq!(found.iter().map(Signature::text_errors).collect::<Vec<_>>(), [1, 0, 0, 0]);
}
