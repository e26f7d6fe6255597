//! How names came and went in owners' files. Asks the `git` program; never changes anything.
//!
//! Asked only for files in which somebody cannot be found in Entra while a removal hangs on it. What git cannot tell for
//! certain it does not tell: outside git, in a shallow clone, or where the file differs from HEAD, there is no past.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::Timestamp;

use super::{
    git::{Repo, git, is_shallow},
    sources::Sources,
};
use crate::model::{
    desired::{FileId, Revision},
    ids::UserName,
    past::{Past, Turn},
};

/// The past of these files, each with the names that nobody has.
#[must_use]
pub fn past(
    dir: &Path,
    sources: &Sources,
    revision: &Revision,
    asked: &BTreeMap<FileId, BTreeSet<UserName>>,
) -> BTreeMap<FileId, Past> {
    let Revision::Commit { hash, edited, .. } = revision else { return BTreeMap::new() };
    if asked.is_empty() || is_shallow(dir) {
        return BTreeMap::new();
    }
    let unedited = asked.iter().filter(|(file, _)| !edited.contains(file));
    unedited.filter_map(|(file, names)| Some((*file, of(dir.into(), hash, sources.path(*file), names)?))).collect()
}

/// Along the first parents: a merge counts when it came in, as one change.
pub(super) fn of(repo: Repo<'_>, from: &str, path: &str, names: &BTreeSet<UserName>) -> Option<Past> {
    let told = git(
        repo,
        &[
            "log",
            "--first-parent",
            "-m",
            "--reverse",
            "--no-show-signature",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--no-renames",
            "--text",
            "-U0",
            "--format=\u{1}%ct",
            from,
            "--",
            path,
        ],
    );
    let told = told.ok()?;
    let turns: Option<Vec<Turn>> = told.split('\u{1}').skip(1).map(|commit| turn(commit, names)).collect();
    turns.map(Past)
}

/// One commit, as `git log -p` shows it: its time, the head of the difference, and the lines that came and went.
fn turn(commit: &str, names: &BTreeSet<UserName>) -> Option<Turn> {
    let (seconds, difference) = commit.split_once('\n').unwrap_or((commit, ""));
    let at = Timestamp::from_second(seconds.trim().parse().ok()?).ok()?;
    let (mut came, mut went) = (BTreeSet::new(), BTreeSet::new());
    let (mut wrote, mut stood) = (BTreeSet::new(), BTreeSet::new());
    let (mut whole, mut in_lines) = (false, false);
    for line in difference.lines() {
        match line.split_at_checked(1) {
            Some(("d", _)) => in_lines = false, // `diff --git`: no changed line begins so
            Some(("@", _)) => in_lines = true,
            Some((sign @ ("+" | "-"), text)) if in_lines => {
                let (listed, mentioned) = if sign == "+" { (&mut came, &mut wrote) } else { (&mut went, &mut stood) };
                listed.extend(users(text));
                let folded = text.to_ascii_lowercase();
                mentioned.extend(names.iter().filter(|name| folded.contains(name.folded())).cloned());
            }
            _ if !in_lines => whole |= line.starts_with("new file mode"),
            _ => {}
        }
    }
    let both: BTreeSet<UserName> = came.intersection(&went).cloned().collect();
    came.retain(|name| !both.contains(name));
    went.retain(|name| !both.contains(name));
    wrote.retain(|name| !stood.contains(name));
    Some(Turn { at, whole, came, went, wrote })
}

/// Who is listed on a line: each value of a key `user`, comments left out.
fn users(line: &str) -> impl Iterator<Item = UserName> {
    let comment = line.char_indices().zip([' '].into_iter().chain(line.chars()));
    let comment = comment.filter(|((_, c), before)| *c == '#' && before.is_whitespace()).map(|((at, _), _)| at).next();
    let text = comment.and_then(|at| line.get(..at)).unwrap_or(line);
    text.split("user").skip(1).filter_map(|rest| {
        let value = rest.trim_start_matches(['"', '\'']).strip_prefix(':')?.trim_start();
        let value = value.trim_start_matches(['"', '\'']);
        let name = value.split(|c: char| c.is_whitespace() || ",}\"'".contains(c)).next()?;
        name.contains('@').then(|| UserName::new(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<UserName> {
        names.iter().map(|name| UserName::new(name)).collect()
    }

    #[test]
    fn listed_is_who_stands_under_user_and_not_in_a_comment() {
        for (line, listed) in [
            ("  - user: kari@x.no", &["kari@x.no"][..]),
            ("  - user: \"Kari@x.no\" # was user: ola@x.no", &["kari@x.no"]),
            ("users: [{ user: a@x.no, roles: [] }, {'user': 'b@x.no'}]", &["a@x.no", "b@x.no"]),
            ("# - user: kari@x.no", &[]),
            ("    roles: [test-developer]", &[]),
            ("users: []", &[]),
        ] {
            assert_eq!(users(line).collect::<BTreeSet<_>>(), names(listed), "{line}");
        }
    }

    #[test]
    fn a_commit_is_what_came_what_went_and_whether_the_file_is_new() {
        let commit = "1700000000\n\ndiff --git a/owners/ttd.yaml b/owners/ttd.yaml\nindex 1..2 100644\n--- a/owners/ttd.yaml\n\
            +++ b/owners/ttd.yaml\n@@ -3,2 +3,3 @@ users:\n-  - user: old@x.no\n-  - user: kept@x.no\n+  - user: kept@x.no # note\n\
            +  - user: new@x.no\n+# ask typo@x.no\n";
        let turn = turn(commit, &names(&["typo@x.no", "kept@x.no", "absent@x.no"])).unwrap();
        assert_eq!((turn.came, turn.went), (names(&["new@x.no"]), names(&["old@x.no"])));
        assert_eq!((turn.wrote, turn.whole), (names(&["typo@x.no"]), false));
        let made = "1700000000\n\ndiff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+user: a@x.no\n";
        assert!(super::turn(made, &names(&[])).unwrap().whole);
        assert!(super::turn("no time\n", &names(&[])).is_none());
    }
}
