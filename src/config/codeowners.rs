//! `reviewers` → GitHub's `CODEOWNERS`: who has to approve a change of which file.
//!
//! The syntax and the three places are GitHub's (docs.github.com, "About code owners": "in the .github/, root, or docs/
//! directory", "GitHub will search for them in that order and use the first one it finds"): a line is a path from the root of the repository and
//! who owns it, of all lines that fit a file the last one decides, and the first of `.github/`, the root and `docs/` that
//! holds such a file counts. Spaces in a path are escaped; `!`, `[` and `]` do not work there, nor `\#`.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::model::desired::Desired;

/// Where GitHub looks, in this order.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

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

    /// The file that GitHub reads, from the root, and its text; `None` if there is none.
    #[must_use]
    pub fn codeowners(&self) -> Option<(&'static str, String)> {
        PLACES.into_iter().find_map(|place| Some((place, fs::read_to_string(self.root.join(place)).ok()?)))
    }

    /// What it should say, and where it should lie; an error where it cannot be said.
    pub fn wanted(&self, desired: &Desired) -> Result<(&'static str, String), String> {
        let place = self.codeowners().map_or(PLACES[0], |(place, _)| place);
        let platform = desired.policy.reviewers.join(" ");
        if platform.is_empty() {
            return Err(
                "`policy.reviewers` is missing in `tilgang.yaml`: somebody has to review that file, `overrides/`, \
                 and owners that name nobody"
                    .to_owned(),
            );
        }
        if let Some(odd) = self.workspace.chars().find(|c| "#!*?[]\\".contains(*c) || c.is_control()) {
            return Err(format!(
                "the workspace's path holds `{odd}`, which CODEOWNERS cannot spell: rename the folder"
            ));
        }
        let folder = self.workspace.replace(' ', "\\ ");
        let mut text = "# Written by `tilgang codeowners` from `reviewers` in tilgang.yaml: do not edit.\n\
             # Of all lines that fit a file, the last one decides.\n"
            .to_owned();
        let paths = [format!("/{place}"), format!("/{folder}tilgang.yaml"), format!("/{folder}overrides/")];
        for path in paths.into_iter().chain([format!("/{folder}owners/")]) {
            let _ = writeln!(text, "{path} {platform}"); // into a String: cannot fail
        }
        for (code, owner) in desired.owners.iter().filter(|(_, owner)| !owner.reviewers.is_empty()) {
            let _ = writeln!(text, "/{folder}owners/{code}.yaml {}", owner.reviewers.join(" "));
        }
        Ok((place, text))
    }
}
