//! Why a world could not be read, told where it stands: line, column, and what was probably meant.
//!
//! In: the text and the words of the refusal. Out: a [`Mistake`]. It never decides what a file means: [`super::read()`] did that
//! already; this only finds the words it complained of in the text again.

use std::fmt;

use saphyr_parser::{Event, Parser};

use super::Unreadable;
use crate::{model::ids::TenantId, simulator::World};

/// A mistake in a world file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where; `None` if it is about the file as a whole.
    pub place: Option<Place>,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In characters.
    pub length: usize,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column, .. }) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

/// Finds the place of a mistake, and what was probably meant.
#[must_use]
pub fn explain(text: &str, error: &Unreadable) -> Mistake {
    let told = error.to_string();
    match location(&told) {
        Some((message, line, column)) => shape(text, message, Place { line, column, length: 1 }),
        None => meaning(text, &told),
    }
}

/// `… at line 3 column 5` in serde's words: where it stopped; a second one says where that began.
fn location(told: &str) -> Option<(&str, usize, usize)> {
    let (message, rest) = told.split_once(" at line ")?;
    let mut numbers = rest.split(|letter: char| !letter.is_ascii_digit()).filter(|number| !number.is_empty());
    Some((message, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A mistake in the shape: an unknown key, a missing one, a value of another kind, or no YAML at all.
fn shape(text: &str, message: &str, near: Place) -> Mistake {
    let (owner, said) = match message.split_once(": ") {
        Some((path, said)) if !path.contains(' ') => (Some(path), said),
        _ => (None, message),
    };
    let quoted = quoted(said);
    let (first, known) = quoted.split_first().map_or(("", &[][..]), |(first, rest)| (*first, rest));
    let inside = owner.map(|path| format!(" in `{path}`")).unwrap_or_default();
    if said.starts_with("unknown field") {
        let after = (near.line, near.column);
        let found = words(text).into_iter().find(|word| word.is_key && word.text == first && word.after(after));
        let place = found.map_or(near, |word| word.place);
        return Mistake {
            message: format!("unknown key `{first}`{inside}"),
            help: nearest(first, known).or_else(|| one_of(known)),
            place: Some(place),
        };
    }
    if said.starts_with("missing field") {
        let (message, help) = (format!("`{first}` is missing{inside}"), Some(format!("add `{first}: …`")));
        return Mistake { message, help, place: Some(near) };
    }
    if said.starts_with("invalid") || said.starts_with("duplicate") || said.contains(" is not ") {
        return Mistake { message: format!("{said}{inside}"), help: None, place: Some(near) };
    }
    let help = Some("look at the indentation, the `:` and the quotes here and on the line before".to_owned());
    Mistake { message: format!("this is not YAML: {message}"), help, place: Some(near) }
}

/// A mistake in the meaning: a name that nobody has, or one that is there twice.
fn meaning(text: &str, told: &str) -> Mistake {
    let words = words(text);
    let said = told.rsplit_once("`: ").map_or(told, |(_, said)| said);
    let name = quoted(said).first().copied().unwrap_or_default();
    let (keys, help): (&[&str], Option<String>) = if said.contains("nobody is called") {
        let people = words.iter().filter(|word| ["users", "user"].contains(&word.key.as_str()));
        let named = words.iter().filter(|word| word.key == "name");
        let known: Vec<&str> = people.chain(named).map(|word| word.text.as_str()).collect();
        (&["principal", "members", "created_by", "updated_by"], nearest(name, &known))
    } else if said.contains("no role definition") {
        let built_in = World::new(TenantId(uuid::Uuid::nil()));
        let own = words.iter().filter(|word| word.key == "name").map(|word| word.text.as_str());
        let known: Vec<&str> = built_in.definitions().map(|role| role.name.as_str()).chain(own).collect();
        (&["role"], nearest(name, &known))
    } else if said.contains("management group is called") || said.contains("write the whole id") {
        let places = ["name", "vault", "component", "workspace", "resources", "management_groups"];
        let places = words.iter().filter(|word| places.contains(&word.key.as_str()));
        let known: Vec<&str> = places.filter_map(|word| word.text.rsplit(' ').next()).collect();
        (&["scope", "scopes"], nearest(name, &known))
    } else {
        (&[], None)
    };
    let stands = |word: &&Word| !word.is_key && word.text.eq_ignore_ascii_case(name);
    let mut at = words.iter().filter(|word| keys.contains(&word.key.as_str())).filter(stands);
    let found = match at.next() {
        Some(word) => Some(word),
        None if said.contains("twice") => twice(&words, told, name),
        None => words.iter().find(|word| {
            !name.is_empty() && (stands(word) || name.split_once(": ").is_some_and(|(_, value)| word.text == value))
        }),
    };
    Mistake { message: told.to_owned(), help, place: found.map(|word| word.place) }
}

/// The second of two: the last that bears the name, alone or after its kind (`vault NAME`).
fn twice<'a>(words: &'a [Word], told: &str, name: &str) -> Option<&'a Word> {
    let name = if name.is_empty() { quoted(told).last().copied().unwrap_or_default() } else { name };
    let bears = |word: &&Word| word.text.rsplit(' ').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
    words.iter().rfind(bears)
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn nearest(written: &str, known: &[&str]) -> Option<String> {
    let folded = written.to_lowercase();
    let far = |word: &str| strsim::damerau_levenshtein(&folded, &word.to_lowercase());
    let limit = 1.max(folded.chars().count() / 3);
    let best = known.iter().map(|word| (far(word), *word)).filter(|(far, _)| *far <= limit).min();
    best.map(|(_, word)| format!("did you mean `{word}`?"))
}

fn one_of(known: &[&str]) -> Option<String> {
    let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    (!known.is_empty()).then(|| format!("the keys here are {}", known.join(", ")))
}

/// A word of the text, and the key it stands behind.
struct Word {
    key: String,
    text: String,
    is_key: bool,
    place: Place,
}

impl Word {
    fn after(&self, near: (usize, usize)) -> bool {
        (self.place.line, self.place.column) >= near
    }
}

/// Every word, in its order; up to where the text is YAML.
fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    // For each list or mapping that is open: the key it stands behind, and for a mapping the key read last.
    let mut open: Vec<(String, Option<Option<String>>)> = Vec::new();
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        let key = match open.last() {
            Some((_, Some(Some(key))) | (key, None)) => key.clone(),
            _ => String::new(),
        };
        let wants_key = matches!(open.last(), Some((_, Some(None))));
        match event {
            Event::Scalar(text, ..) => {
                let length = span.end.index().saturating_sub(span.start.index()).max(1);
                let place = Place { line: span.start.line(), column: span.start.col() + 1, length };
                found.push(Word { key, text: text.to_string(), is_key: wants_key, place });
                if let Some((_, Some(last))) = open.last_mut() {
                    *last = wants_key.then(|| text.into_owned());
                }
            }
            Event::SequenceStart(..) => open.push((key, None)),
            Event::MappingStart(..) => open.push((key, Some(None))),
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                if let Some((_, Some(last))) = open.last_mut() {
                    *last = None;
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line, its place, and what is said of it.
    #[track_caller]
    fn check(text: &str, place: &str, said: &str) {
        let text = format!("tenant: 00000000-0000-0000-0000-0000000000aa\n{text}");
        let mistake = explain(&text, &super::super::read(&text).unwrap_err());
        let shown = mistake.to_string();
        assert!(shown.starts_with(place) && shown.contains(said), "{shown}");
    }

    #[test]
    fn each_mistake_has_its_place() {
        check("user: []", "line 2, column 1: unknown key `user`", "did you mean `users`?");
        check("users: [{ user: a@b.no, nam: x }]", "line 2, column 25: unknown key `nam`", "did you mean `name`?");
        check(
            "users:\n  - user: a@b.no\n    colour: x",
            "line 4, column 5: ",
            "the keys here are `user`, `id`, `name`",
        );
        check("subscriptions:\n  - id: x", "line 3, column 5: `name` is missing", "add `name: …`");
        check("users: [a@b.no,\n  A@B.no]", "line 3, column 3: ", "there twice");
        check("subscriptions:\n  - name: S\n    resources:\n      - valut kv", "line 5, column 9: ", "`vault NAME`");
        check("users: [a@b.no\n", "line 3, column 1: ", "indentation");
        check("users: [\n  a\tb: {", "line ", "");
        check("clock: soon", "line 2, column 8: ", "`clock: soon`");
        check("settings: { page_size: many }", "line 2, column 24: ", "invalid type");
    }

    #[test]
    fn a_name_that_nobody_has() {
        let people =
            "users:\n  - kari.fiktiv@ai-dev.no\nsubscriptions:\n  - name: Prod\n    resources: [vault ttd-kv]\n";
        let assigned = |principal: &str, role: &str, scope: &str| {
            format!("{people}assignments:\n  - {{ principal: {principal}, role: {role}, scope: {scope} }}")
        };
        let kari = "kari.fiktiv@ai-dev.no";
        check(
            &assigned("kari.fiktif@ai-dev.no", "Reader", "ttd-kv"),
            "line 8, column 18: ",
            "did you mean `kari.fiktiv@ai-dev.no`?",
        );
        check(
            &assigned(kari, "Key Vault Secret Officer", "ttd-kv"),
            "line 8, column 47: ",
            "`Key Vault Secrets Officer`?",
        );
        check(&assigned(kari, "Reader", "ttd-vk"), "line 8, column 62: ", "did you mean `ttd-kv`?");
    }
}
