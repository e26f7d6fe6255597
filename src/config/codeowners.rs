//! `reviewers` → GitHub's `CODEOWNERS`: who has to approve a change of which file.
//!
//! The syntax and the three places are GitHub's (docs.github.com, "About code owners": "in the .github/, root, or docs/
//! directory", "GitHub will search for them in that order and use the first one it finds"): a line is a path from the root of the repository and
//! who owns it, of all lines that fit a file the last one decides, and the first of `.github/`, the root and `docs/` that
//! holds such a file counts. Spaces in a path are escaped; `!`, `[` and `]` do not work there, nor `\#`. The file may be others' as well: ours
//! is a marked block in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::marked_block::{self, Block};
use crate::model::desired::Desired;

/// Where GitHub looks, in this order.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// What the block of each workspace names, wherever the workspace is.
const EVERYWHERE: [&str; 3] = ["/.github/CODEOWNERS", "/CODEOWNERS", "/docs/CODEOWNERS"];

/// A workspace in its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The folder that holds `.git`; the workspace itself where there is none.
    pub root: PathBuf,
    /// The workspace from there, with `/` at its end; empty if it is the root.
    workspace: String,
}

impl Repository {
    /// The repository that a workspace lies in.
    #[must_use]
    pub fn of(workspace: &Path) -> Self {
        let real = workspace.canonicalize().unwrap_or_else(|_| workspace.to_owned());
        let root = real.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&real).to_owned();
        let inside = real.strip_prefix(&root).unwrap_or(Path::new(""));
        let mut workspace = String::new();
        for part in inside.components() {
            workspace.push_str(&part.as_os_str().to_string_lossy());
            workspace.push('/');
        }
        Self { root, workspace }
    }

    /// The workspace from the root, with `/` at its end; empty if it is the root.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.workspace
    }

    /// The file that GitHub reads; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read as text: then nobody knows what it says.
    pub fn codeowners(&self) -> Result<Option<Codeowners>, CodeownersError> {
        for place in PLACES {
            match read(&self.root.join(place)) {
                Ok(None) => {}
                Ok(Some(text)) => return Ok(Some(Codeowners { place, text })),
                Err(why) => return Err(CodeownersError::Unreadable { file: place.to_owned(), why }),
            }
        }
        Ok(None)
    }

    /// A file as it is before anything is put into it: empty, if there is none.
    ///
    /// # Errors
    /// If it cannot be read as text: writing it would lose what it says.
    pub fn file(&self, out: &Path) -> Result<Codeowners, CodeownersError> {
        let unreadable = |why| CodeownersError::Unreadable { file: out.display().to_string(), why };
        let text = read(out).map_err(unreadable)?;
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let real = folder.canonicalize().ok().zip(out.file_name()).map(|(folder, name)| folder.join(name));
        let root = self.root.canonicalize().unwrap_or_else(|_| self.root.clone());
        let is_here = |place: &&&str| real.as_ref().is_some_and(|real| *real == root.join(place));
        let there = self.codeowners()?.map(|there| there.place);
        let place = PLACES.iter().find(is_here).copied().or(there).unwrap_or(PLACES[0]);
        Ok(Codeowners { place, text: text.unwrap_or_default() })
    }

    /// Where it would be written first.
    #[must_use]
    pub fn first_place() -> &'static str {
        PLACES[0]
    }

    /// Our lines of the file at `place`; an error where they cannot be said.
    pub fn wanted(&self, desired: &Desired, place: &str) -> Result<Wanted, CodeownersError> {
        let platform = desired.policy.reviewers.join(" ");
        if platform.is_empty() {
            return Err(CodeownersError::NoReviewers);
        }
        if let Some(odd) = self.workspace.chars().find(|c| "#!*?[]\\".contains(*c) || c.is_control()) {
            return Err(CodeownersError::Unspellable(odd));
        }
        let folder = self.workspace.replace(' ', "\\ ");
        let mut lines: Vec<String> = HEADER.map(str::to_owned).into();
        let paths = [format!("/{place}"), format!("/{folder}tilgang.yaml"), format!("/{folder}overrides/")];
        for path in paths.into_iter().chain([format!("/{folder}owners/")]) {
            lines.push(format!("{path} {platform}"));
        }
        for (code, owner) in desired.owners.iter().filter(|(_, owner)| !owner.reviewers.is_empty()) {
            lines.push(format!("/{folder}owners/{code}.yaml {}", owner.reviewers.join(" ")));
        }
        let of = if folder.is_empty() { String::new() } else { format!(" of {folder}") };
        Ok(Wanted { of, folder, lines })
    }
}

/// How versions before the markers began a file that was all their own.
const ONCE: &str = "# Written by `tilgang codeowners` from `reviewers` in tilgang.yaml: do not edit.";
const ONCE_TOO: &str = "# Of all lines that fit a file, the last one decides.";
const HEADER: [&str; 2] = [
    "# Written by `tilgang codeowners` from `reviewers` in tilgang.yaml: do not edit this block.",
    "# Of all lines that fit a file the last one decides, so this block comes after the others.",
];

/// Why a `CODEOWNERS` file cannot be written or compared.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodeownersError {
    /// What it says is not known, and would be lost.
    #[error("{file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// What came back.
        why: String,
    },
    /// Nobody reviews the platform team's files.
    #[error(
        "`policy.reviewers` is missing in `tilgang.yaml`: somebody has to review that file, `overrides/`, and owners that name nobody; \
         write `policy: {{ reviewers: [\"@your-organisation/platform-team\"] }}`"
    )]
    NoReviewers,
    /// The workspace's folder cannot be written there.
    #[error("the workspace's path holds `{0}`, which CODEOWNERS cannot spell: rename the folder")]
    Unspellable(char),
    /// Which lines are ours is not clear.
    #[error("{place}: {why}")]
    Unclear {
        /// The file, from the root.
        place: &'static str,
        /// What is not clear, and what to do.
        why: String,
    },
}

/// A `CODEOWNERS` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codeowners {
    /// Where GitHub reads it, from the root.
    pub place: &'static str,
    /// Its text, others' lines included.
    pub text: String,
}

/// Our lines of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What tells this workspace's block from another's.
    of: String,
    /// The workspace's folder, as CODEOWNERS spells it.
    folder: String,
    lines: Vec<String>,
}

impl Wanted {
    fn block(&self) -> Block<'_> {
        Block { kind: "tilgang codeowners", of: &self.of, lines: &self.lines, everywhere: &EVERYWHERE }
    }

    /// The block alone, markers included.
    #[must_use]
    pub fn text(&self) -> String {
        marked_block::put("", &self.block()).unwrap_or_default() // nothing in an empty file is unclear
    }

    /// Whether a line was written by a version that had the file for itself.
    fn wrote(&self, line: &str) -> bool {
        let path = line.strip_prefix('/').and_then(|rest| rest.strip_prefix(self.folder.as_str()));
        let path = path.map(|rest| rest.split(' ').next().unwrap_or_default()).unwrap_or_default();
        let own = ["tilgang.yaml", "overrides/", "owners/"].contains(&path)
            || path.strip_prefix("owners/").is_some_and(|file| file.strip_suffix(".yaml").is_some());
        let of_file = PLACES.iter().any(|place| line.split(' ').next() == Some(&format!("/{place}")));
        own || of_file || [ONCE, ONCE_TOO].contains(&line)
    }
}

impl Codeowners {
    /// The text with our lines in it, and every line of others as it was.
    ///
    /// # Errors
    /// If it is not clear which lines are ours.
    pub fn with(&self, wanted: &Wanted) -> Result<String, CodeownersError> {
        let said = |why: marked_block::Unclear| CodeownersError::Unclear { place: self.place, why: why.to_string() };
        if !self.text.lines().any(|line| line.trim_end() == ONCE) {
            return marked_block::put(&self.text, &wanted.block()).map_err(said);
        }
        let others = self.text.split_inclusive('\n').filter(|line| !wanted.wrote(line.trim_end()));
        marked_block::put(&others.collect::<String>(), &wanted.block()).map_err(said)
    }
}

/// A file's text; none if there is no such file.
fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| "not UTF-8".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
