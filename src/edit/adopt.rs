//! People who hold something in Azure already + what no role can say → owners' files: new ones in canonical form, lines in those
//! that stand. What cannot be said becomes a comment at the end, once.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    EditError, Edited, Grant, format::formatted, layout::Style, path_of, people, proof, spelling::spelt,
    splice::line_end,
};
use crate::{
    config::{ConfigError, Loaded},
    model::{desired::OwnerFile, ids::UserName, owner::OwnerCode, visible},
};

/// What stands above comments about access that no role can say.
const NOTES_HEAD: &str = "# Stands in Azure, and no role can say it (`tilgang adopt`):";

/// Longest comment, in characters: names in Azure can be long. Ours.
const NOTE_CHARS_MAX: usize = 400;

/// What shall stand in one owner's file, too.
#[derive(Clone, Debug)]
pub struct Adopting {
    /// Whose file.
    pub owner: OwnerCode,
    /// Whom to list, each with one role or more. The grants of a person follow each other.
    pub people: Vec<Grant>,
    /// What no role can say, a line each.
    pub notes: Vec<String>,
}

/// Files as they shall be.
#[derive(Debug)]
pub struct Adopted {
    /// Those that differ from what stands there.
    pub edits: Vec<Edited>,
    /// Grants that could not be put into their file, and why.
    pub left: Vec<(OwnerCode, Grant, EditError)>,
    /// The workspace with them.
    pub after: Loaded,
}

/// What this makes of the owners' files; nothing is written. `Err`: the workspace would not mean what is asked for.
pub fn adopted(loaded: &Loaded, wanted: &[Adopting]) -> Result<Adopted, Vec<ConfigError>> {
    let Some(desired) = loaded.desired.as_ref().filter(|_| loaded.errors.is_empty()) else {
        return Err(loaded.errors.clone());
    };
    let (mut edits, mut left, mut stated) = (Vec::new(), Vec::new(), BTreeMap::new());
    for Adopting { owner, people, notes } in wanted {
        let file = match desired.file_of(*owner) {
            OwnerFile::Read(file) => Some(file),
            OwnerFile::Missing => None,
            OwnerFile::Removed(_) | OwnerFile::Broken(_) => continue,
        };
        let before = file.map(|file| loaded.sources.text(file).to_owned());
        let (text, in_file) = match &before {
            Some(before) => listed(before, *owner, people, &mut left),
            // A file explains removals: none is made where nobody is to be listed.
            None if people.is_empty() => continue,
            None => (new_file(*owner, people), people.clone()),
        };
        let after = noted(&text, notes);
        stated.insert(*owner, in_file);
        if before.as_ref() != Some(&after) {
            let is_new = before.is_none();
            edits.push(Edited {
                path: path_of(*owner),
                is_new,
                before: before.unwrap_or_default(),
                after,
                ..Edited::default()
            });
        }
    }
    let after = proof::adopted(loaded, &edits, &stated)?;
    Ok(Adopted { edits, left, after })
}

/// People put into a file that stands. What was in canonical form is so afterwards.
fn listed(
    before: &str,
    owner: OwnerCode,
    people: &[Grant],
    left: &mut Vec<(OwnerCode, Grant, EditError)>,
) -> (String, Vec<Grant>) {
    let (mut text, mut done) = (before.to_owned(), Vec::new());
    for grant in people {
        let with = grant.roles.iter().try_fold(text.clone(), |text, role| people::grant(&text, grant, role));
        match with {
            Ok(with) => {
                text = with;
                done.push(grant.clone());
            }
            Err(error) => left.push((owner, grant.clone(), error)),
        }
    }
    let was_canonical = formatted(before, Style::People).is_ok_and(|canonical| canonical == before);
    let canonical = formatted(&text, Style::People).ok().filter(|_| was_canonical);
    (canonical.unwrap_or(text), done)
}

/// A file that lists these people.
fn new_file(owner: OwnerCode, people: &[Grant]) -> String {
    let mut text = format!("owner: {}\n", spelt(owner.as_str(), false));
    text += if people.is_empty() { "users: []\n" } else { "users:\n" };
    for of_person in people.chunk_by(|a, b| UserName::new(&a.user) == UserName::new(&b.user)) {
        let Some(first) = of_person.first() else { continue };
        let id = first.id.map(|id| format!("    id: {id}\n")).unwrap_or_default();
        let roles =
            of_person.iter().flat_map(|grant| grant.roles.iter().map(|role| people::role_in_braces(grant, role)));
        let roles: Vec<String> = roles.collect();
        let (user, roles) = (spelt(&first.user, false), roles.join(", "));
        let _ = writeln!(text, "  - user: {user}\n{id}    roles: [{roles}]"); // into a String: cannot fail
    }
    formatted(&text, Style::People).unwrap_or(text)
}

/// One line, whatever it quotes, and not too long.
fn comment(note: &str) -> String {
    let note = visible::line(note);
    let end = note.char_indices().nth(NOTE_CHARS_MAX).map(|(at, _)| at);
    match end.and_then(|end| note.get(..end)) {
        Some(short) => format!("# - {short}…"),
        None => format!("# - {note}"),
    }
}

/// Comments at the end of a file, those that do not stand there yet.
fn noted(text: &str, notes: &[String]) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let notes: Vec<String> = notes.iter().map(|note| comment(note)).collect();
    let mut new: Vec<&str> = notes.iter().map(String::as_str).filter(|note| !lines.contains(note)).collect();
    if new.is_empty() {
        return text.to_owned();
    }
    new.dedup();
    let end = line_end(text, 0);
    if let Some(head) = lines.iter().position(|line| *line == NOTES_HEAD) {
        let below = lines.iter().skip(head + 1).take_while(|line| line.starts_with("# - ")).count();
        lines.splice(head + 1 + below..head + 1 + below, new);
    } else {
        lines.extend(lines.last().is_some_and(|line| !line.is_empty()).then_some(""));
        lines.push(NOTES_HEAD);
        lines.extend(new);
    }
    lines.into_iter().flat_map(|line| [line, end]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_texts;

    const SETTINGS: &str = "version: 1\ntenant: 00000000-0000-0000-0000-0000000000aa\ninstance: altinn-apps\n";

    fn grant(user: &str, role: &str) -> Grant {
        let id = Some("00000000-0000-0000-0000-000000000001".parse().unwrap());
        Grant { user: user.to_owned(), id, roles: vec![role.to_owned()], ..Grant::default() }
    }

    fn run(text: Option<&str>, people: &[Grant], notes: &[&str]) -> Vec<(String, String)> {
        let other = ("owners/skd.yaml", "owner: skd\nusers: []\n");
        let files = [("tilgang.yaml", SETTINGS), other].into_iter().chain(text.map(|text| ("owners/ttd.yaml", text)));
        let loaded = load_texts(&files.collect::<Vec<_>>());
        let notes = notes.iter().map(ToString::to_string).collect();
        let wanted = Adopting { owner: OwnerCode::new("ttd").unwrap(), people: people.to_vec(), notes };
        let adopted = adopted(&loaded, &[wanted]).unwrap();
        assert!(adopted.left.is_empty(), "{:?}", adopted.left);
        adopted.edits.into_iter().map(|edit| (edit.path, edit.after)).collect()
    }

    #[test]
    fn a_new_file_is_in_canonical_form() {
        let stated = Grant { reason: Some("it stood".into()), ..grant("a@ai-dev.no", "prod-operations") };
        let people = [
            grant("a@ai-dev.no", "prod-developer"),
            stated,
            Grant { id: None, ..grant("b@ai-dev.no", "test-developer") },
        ];
        let expected = "owner: ttd\nusers:\n  - user: a@ai-dev.no\n    id: 00000000-0000-0000-0000-000000000001\n    roles:\n      - prod-developer\n      - role: prod-operations\n        reason: it stood\n  - user: b@ai-dev.no\n    roles: [test-developer]\n\n# Stands in Azure, and no role can say it (`tilgang adopt`):\n# - Testers (a group) x\n";
        let written = run(None, &people, &["Testers (a group)\nx"]);
        assert_eq!(written, [("owners/ttd.yaml".to_owned(), expected.to_owned())]);
        assert_eq!(formatted(expected, Style::People).unwrap(), expected);
        assert_eq!(run(Some(expected), &[], &["Testers (a group)\nx"]), []);
    }

    #[test]
    fn a_file_that_stands_keeps_what_is_in_it_and_takes_a_note_once() {
        let before = "# why\nowner: ttd\r\nusers: [] # nobody\r\n".replace("# why\n", "# why\r\n");
        let after = run(Some(&before), &[grant("a@ai-dev.no", "test-developer")], &["one", "two", "one"]);
        let after = &after[0].1;
        assert!(after.starts_with("# why\r\nowner: ttd\r\nusers: # nobody\r\n  - user: a@ai-dev.no\r\n"), "{after}");
        assert!(
            after.ends_with(":\r\n# - one\r\n# - two\r\n") || after.ends_with(":\r\n# - one\r\n# - two\r\n# - one\r\n"),
            "{after}"
        );
        let more = run(Some(after), &[], &["one", "three"]);
        assert!(more[0].1.contains("# - two\r\n") && more[0].1.ends_with("# - three\r\n"), "{more:?}");
    }

    #[test]
    fn what_is_not_a_comment_does_not_become_one_of_ours() {
        let hostile = "x\n- user: mallory@ai-dev.no\u{2028}  roles: [prod-operations]\u{85}\r- user: b";
        let written = run(Some("owner: ttd\nusers: []\n"), &[], &[hostile]);
        let lines: Vec<&str> = written[0].1.lines().collect();
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines[4].starts_with("# - x - user: mallory"), "{lines:?}");
    }
}
