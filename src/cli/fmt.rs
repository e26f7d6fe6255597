//! `tilgang fmt`: canonical YAML, with the meaning it had.

use std::path::PathBuf;

use clap::Args;

use crate::{
    app::Workspace,
    edit::{self, LeftAlone},
};

use super::{Exit, Global, change::diff, output, validate::count, workspace::draw};

/// Bring the YAML into canonical form: order, indentation, quotes; its meaning and its comments stay
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang fmt --check

A file that cannot be brought into this form without a risk is left as it is, and that is said; it is no error.")]
pub(super) struct Fmt {
    /// Write nothing: show the difference, and exit with 2 if there is one
    #[arg(long)]
    check: bool,
    /// Only these: tilgang.yaml, files in owners/ or overrides/ [default: all]
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
}

impl Fmt {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let dir = match global.find_dir() {
            Ok(dir) => dir,
            Err(exit) => return exit,
        };
        let workspace = Workspace::read(dir);
        let scope = match global.chosen(&workspace) {
            Ok(scope) => scope,
            Err(exit) => return exit,
        };
        let Workspace { dir, loaded, .. } = &workspace;
        let mut paths: Vec<_> = loaded.sources.files().map(|(_, path)| path).collect();
        if let Some(owners) = scope.owners() {
            paths.retain(|path| owners.iter().any(|owner| edit::path_of(*owner) == *path));
        }
        if !self.files.is_empty() {
            let real = |path: PathBuf| path.canonicalize().ok();
            let asked: Vec<_> = self.files.iter().map(|file| (file, real(file.clone()))).collect();
            let is = |path: &str, asked: &Option<PathBuf>| asked.is_some() && real(dir.join(path)) == *asked;
            if let Some((file, _)) = asked.iter().find(|(_, asked)| !paths.iter().any(|path| is(path, asked))) {
                let words = "is no file of this workspace: neither tilgang.yaml nor one in owners/ or overrides/";
                return output::usage(global, format!("`{}` {words}", file.display()));
            }
            paths.retain(|path| asked.iter().any(|(_, asked)| is(path, asked)));
        }
        let mut exit = Exit::Converged;
        if loaded.desired.is_none() {
            loaded.errors.iter().for_each(|error| output::say(draw(error, global.color.stderr())));
            return output::fail(global, "nothing is formatted as long as tilgang.yaml has errors");
        }
        let (mut formatted, mut as_they_were) = (0, 0);
        for path in paths {
            let mut errors = loaded.errors.iter().filter(|error| error.file() == path).peekable();
            if errors.peek().is_some() {
                exit = Exit::Failed;
                errors.for_each(|error| output::say(draw(error, global.color.stderr())));
                output::say(format_args!("{path} has errors, and is left as it is"));
                continue;
            }
            match edit::canonical(loaded, path) {
                Err(LeftAlone { line, why }) => output::say(format_args!("{path}:{line} holds {why}: left as it is")),
                Ok(edited) if edited.after == edited.before => as_they_were += 1,
                Ok(edited) => {
                    formatted += 1;
                    if self.check {
                        output::result(&diff(path, &edited.before, &edited.after));
                    } else if let Err(error) = edit::write(dir, &edited) {
                        return output::fail(global, format!("{path}: {error}"));
                    } else {
                        output::result(&format!("{path}\n"));
                    }
                }
            }
        }
        let would = if self.check { "to format" } else { "formatted" };
        output::say(format_args!("{} {would}, {as_they_were} as they should be", count(formatted, "file")));
        exit.max(if self.check && formatted > 0 { Exit::Pending } else { Exit::Converged })
    }
}
