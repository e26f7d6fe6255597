//! The workspace that a command works on: found, read, its errors drawn.

use std::{collections::BTreeSet, path::PathBuf};

use crate::{
    config::{self, Loaded},
    model::owner::OwnerCode,
};

use super::{Exit, Global, output};

/// A workspace that was read.
pub(super) struct Ground {
    pub dir: PathBuf,
    pub loaded: Loaded,
    /// Only these owners, if some were chosen.
    pub owners: Option<BTreeSet<OwnerCode>>,
    /// The commit it was read from, where it was not read from the folder.
    pub tip: Option<config::Tip>,
}

impl Global {
    /// Finds the workspace.
    pub(super) fn workspace(&self) -> Result<PathBuf, Exit> {
        if let Some(dir) = &self.dir {
            return Ok(dir.clone());
        }
        let here =
            std::env::current_dir().map_err(|error| output::fail(self, format!("no current folder: {error}")))?;
        config::find_workspace(&here).ok_or_else(|| {
            let words = "no tilgang.yaml here or in any folder above; name the workspace with `--dir DIR`";
            output::fail(self, words)
        })
    }

    /// Reads the workspace, and draws its errors on stderr.
    pub(super) fn ground(&self) -> Result<Ground, Exit> {
        let dir = self.workspace()?;
        let loaded = config::load(&dir);
        for error in &loaded.errors {
            output::say_drawn(draw(error, self.color.stderr()));
        }
        let owners = self.owners(&loaded)?;
        Ok(Ground { dir, loaded, owners, tip: None })
    }

    /// The owners that were chosen, if any were.
    pub(super) fn owners(&self, loaded: &Loaded) -> Result<Option<BTreeSet<OwnerCode>>, Exit> {
        if self.owner.is_empty() {
            return Ok(None);
        }
        let mut owners = BTreeSet::new();
        for text in &self.owner {
            let known = loaded.desired.as_ref().map(|desired| &desired.owners);
            match OwnerCode::new(text) {
                Some(code) if known.is_none_or(|known| known.contains_key(&code)) => {
                    owners.insert(code);
                }
                _ => {
                    let names = known.into_iter().flat_map(|known| known.keys()).map(ToString::to_string);
                    let names: Vec<String> = names.collect();
                    let words = format!("no service owner `{text}` in this workspace; there are: {}", names.join(", "));
                    return Err(output::usage(self, words));
                }
            }
        }
        Ok(Some(owners))
    }
}

impl Ground {
    /// What errors in the files come to.
    pub(super) fn exit(&self) -> Exit {
        if self.loaded.errors.is_empty() { Exit::Converged } else { Exit::Failed }
    }
}

/// One error, drawn at its place.
pub(super) fn draw(error: &dyn miette::Diagnostic, color: bool) -> String {
    let theme = if color { miette::GraphicalTheme::unicode() } else { miette::GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    let _ = miette::GraphicalReportHandler::new_themed(theme).with_width(110).render_report(&mut text, error);
    text
}
