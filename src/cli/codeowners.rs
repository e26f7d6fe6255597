//! `tilgang codeowners`: who has to approve a change of which file, for GitHub.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    config::{CodeownersError, Repository},
    model::desired::Desired,
};

use super::{Exit, Global, output};

/// Write GitHub's CODEOWNERS from the `reviewers` in tilgang.yaml: a marked block; other lines stay
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang codeowners --out .github/CODEOWNERS")]
pub(super) struct Codeowners {
    /// Only compare with the file in the repository; exit 2 if it says something else
    #[arg(long, conflicts_with = "out")]
    check: bool,
    /// Put the block into this file instead of printing it
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
        let answer = if self.check {
            check(&repository, desired)
        } else if let Some(out) = &self.out {
            write(&repository, desired, out)
        } else {
            print(&repository, desired)
        };
        // A file with errors may be guarded in vain, as a link is.
        workspace.exit().max(answer.unwrap_or_else(|why| output::fail(global, why)))
    }
}

/// Why the command came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Codeowners(#[from] CodeownersError),
    #[error("{}: cannot be written: {error}", file.display())]
    NotWritten { file: PathBuf, error: std::io::Error },
}

fn print(repository: &Repository, desired: &Desired) -> Result<Exit, Failure> {
    let place = repository.codeowners()?.map_or(Repository::first_place(), |there| there.place);
    output::result(&repository.wanted(desired, place)?.text());
    Ok(Exit::Converged)
}

fn check(repository: &Repository, desired: &Desired) -> Result<Exit, Failure> {
    let Some(there) = repository.codeowners()? else {
        let place = Repository::first_place();
        repository.wanted(desired, place)?;
        return Ok(say(&format!("there is no CODEOWNERS: run `tilgang codeowners --out {place}`")));
    };
    let place = there.place;
    if there.with(&repository.wanted(desired, place)?)? == there.text {
        return Ok(Exit::Converged);
    }
    Ok(say(&format!("{place} is out of date: run `tilgang codeowners --out {place}`")))
}

/// Puts our lines into the file, and leaves all others in it.
fn write(repository: &Repository, desired: &Desired, out: &Path) -> Result<Exit, Failure> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let cannot = |error| Failure::NotWritten { file: out.to_owned(), error };
    folder.map_or(Ok(()), std::fs::create_dir_all).map_err(cannot)?;
    let there = repository.file(out)?;
    let text = there.with(&repository.wanted(desired, there.place)?)?;
    std::fs::write(out, &text).map_err(cannot)?;
    if let Some(read) = repository.codeowners()?.filter(|read| read.place != there.place) {
        output::say(format_args!("note: GitHub reads {}, so {} has no effect", read.place, there.place));
    }
    Ok(Exit::Converged)
}

fn say(words: &str) -> Exit {
    output::say(words);
    Exit::Pending
}
