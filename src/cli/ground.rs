//! The workspace that a command works on: found, read, its errors drawn.

use std::{collections::BTreeSet, path::PathBuf};

use crate::{
    config::{self, Lines, Loaded, Repository},
    model::{
        desired::{Origin, Place},
        owner::OwnerCode,
        shard::Shard,
    },
};

use super::{
    Exit, Global,
    change::{shown, with_help},
    output,
};

/// A workspace that was read.
pub(super) struct Ground {
    pub dir: PathBuf,
    pub loaded: Loaded,
    /// Where it lies.
    pub repository: Repository,
    /// Only these owners, if some were chosen.
    pub owners: Option<BTreeSet<OwnerCode>>,
    /// Where things stand in files that somebody proposes.
    pub lines: Lines,
    /// Only this part of all owners, if one was asked for.
    pub shard: Option<Shard>,
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
        self.draw(&loaded);
        let owners = self.owners(&loaded)?;
        Ok(Ground::new(dir, loaded, owners))
    }

    /// Draws every error on stderr.
    pub(super) fn draw(&self, loaded: &Loaded) {
        for error in &loaded.errors {
            output::say_drawn(draw(error, self.color.stderr()));
        }
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
                    let known = known.into_iter().flat_map(|known| known.keys());
                    return Err(output::usage(self, no_owner(text, "in this workspace", known)));
                }
            }
        }
        Ok(Some(owners))
    }
}

impl Ground {
    /// As it lies on disk.
    pub(super) fn new(dir: PathBuf, loaded: Loaded, owners: Option<BTreeSet<OwnerCode>>) -> Self {
        let repository = Repository::of(&dir);
        Self { dir, loaded, repository, owners, lines: Lines::default(), shard: None, tip: None }
    }

    /// Where something stands in git.
    pub(super) fn place(&self, origin: &Origin) -> Place {
        let written = match *origin.path {
            [] => self.loaded.sources.list(origin.file),
            _ => self.loaded.sources.place(origin),
        };
        self.lines.place(origin, written)
    }

    /// What errors in the files come to.
    pub(super) fn exit(&self) -> Exit {
        if self.loaded.errors.is_empty() { Exit::Converged } else { Exit::Failed }
    }
}

/// So many owners are named where none comes close.
const OWNERS_NAMED_MAX: usize = 20;

/// That there is no such owner there, and which may be meant.
pub(super) fn no_owner<'a>(text: &str, place: &str, known: impl Iterator<Item = &'a OwnerCode>) -> String {
    let codes: Vec<String> = known.map(ToString::to_string).collect();
    let near = config::did_you_mean(text, codes.iter().map(String::as_str));
    let near = near.filter(|help| codes.len() <= OWNERS_NAMED_MAX || help.starts_with("did you mean"));
    let help = near.or_else(|| Some(format!("there are {}; their files are in owners/", codes.len())));
    with_help(&format!("no service owner `{}` {place}", shown(text)), help)
}

/// One error, drawn at its place.
pub(super) fn draw(error: &dyn miette::Diagnostic, color: bool) -> String {
    let theme = if color { miette::GraphicalTheme::unicode() } else { miette::GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    let _ = miette::GraphicalReportHandler::new_themed(theme).with_width(110).render_report(&mut text, error);
    text
}
