//! `tilgang codeowners`: who has to approve a change of which file, for GitHub.

use std::path::PathBuf;

use clap::Args;

use crate::config::Repository;

use super::{Exit, Global, output};

/// Write GitHub's CODEOWNERS from the `reviewers` in tilgang.yaml
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang codeowners --out .github/CODEOWNERS")]
pub(super) struct Codeowners {
    /// Only compare with the file in the repository; exit 2 if it says something else
    #[arg(long, conflicts_with = "out")]
    check: bool,
    /// Write it to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Codeowners {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let workspace = match global.workspace() {
            Ok((workspace, _)) => workspace,
            Err(exit) => return exit,
        };
        let Some(desired) = &workspace.loaded.desired else { return workspace.exit().max(Exit::Failed) };
        let repository = Repository::of(&workspace.dir);
        let (place, text) = match repository.wanted(desired) {
            Ok(wanted) => wanted,
            Err(why) => return output::fail(global, why),
        };
        let exit = workspace.exit(); // a file with errors may be guarded in vain, as a link is
        if self.check {
            return exit.max(match repository.codeowners() {
                Some((_, there)) if there == text => Exit::Converged,
                Some((place, _)) => say(&format!("{place} is out of date: run `tilgang codeowners --out {place}`")),
                None => say(&format!("there is no CODEOWNERS: run `tilgang codeowners --out {place}`")),
            });
        }
        let Some(out) = &self.out else {
            output::result(&text);
            return exit;
        };
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        let made = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(out, &text));
        match made {
            Ok(()) => exit,
            Err(error) => output::fail(global, format!("{}: cannot be written: {error}", out.display())),
        }
    }
}

fn say(words: &str) -> Exit {
    output::say(words);
    Exit::Pending
}
