//! Finds the workspace that a command works on, and draws its errors.

use std::path::PathBuf;

use crate::{
    app::{Workspace, record::Of},
    config::{self, ConfigError},
    plan::selection::Scope,
};

use super::{Exit, Global, output};

impl Global {
    /// The folder of the workspace.
    pub(super) fn find_dir(&self) -> Result<PathBuf, Exit> {
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

    /// Reads the workspace, draws its errors on stderr, and finds the owners that were chosen.
    pub(super) fn workspace(&self) -> Result<(Workspace, Scope), Exit> {
        let workspace = Workspace::read(self.find_dir()?);
        self.draw(&workspace.loaded.errors);
        let scope = self.chosen(&workspace)?;
        Ok((workspace, scope))
    }

    /// Of which Azure runs are recorded, as the flags say.
    pub(super) fn recorded(&self) -> Of {
        if self.simulate.is_some() { Of::Simulation } else { Of::Azure }
    }

    /// The owners that were chosen.
    pub(super) fn chosen(&self, workspace: &Workspace) -> Result<Scope, Exit> {
        workspace.choose(&self.owner).map_err(|error| output::error(self, &error))
    }

    /// Draws every error on stderr.
    pub(super) fn draw(&self, errors: &[ConfigError]) {
        for error in errors {
            output::say_drawn(draw(error, self.color.stderr()));
        }
    }
}

/// One error, drawn at its place.
pub(super) fn draw(error: &dyn miette::Diagnostic, color: bool) -> String {
    let theme = if color { miette::GraphicalTheme::unicode() } else { miette::GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    let _ = miette::GraphicalReportHandler::new_themed(theme).with_width(110).render_report(&mut text, error);
    text
}
