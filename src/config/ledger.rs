//! `ledger:` of `tilgang.yaml`: where what is done and seen is recorded.

use std::path::{Component, Path, PathBuf};

use super::{cursor::Cursor, error::Mistakes, rules::BAD_VALUE};

/// Folders of the workspace that mean something else: the simulated Azure's state is thrown away, and in the others each file
/// counts.
const TAKEN: [&str; 4] = [".tilgang", ".git", "owners", "overrides"];

/// Reads the folder: relative to the workspace, or absolute.
pub(super) fn read(at: Cursor<'_>, mistakes: &mut Mistakes) -> Option<PathBuf> {
    let [dir] = at.fields(["dir"], &["dir"], mistakes)?;
    let dir = dir?;
    let path = Path::new(dir.line(mistakes)?);
    let mut inside = path.components().filter(|part| *part != Component::CurDir);
    let first = inside.next();
    let taken = first.is_none_or(|first| TAKEN.iter().any(|taken| first == Component::Normal(taken.as_ref())));
    if taken {
        let message = format!("the ledger cannot be kept in `{}`", path.display());
        let help = "name a folder of its own that CI keeps, such as `../ledger`; files in this one mean something else";
        mistakes.add(dir.wrong(BAD_VALUE, message).help(help));
    }
    (!taken).then(|| path.to_owned())
}
