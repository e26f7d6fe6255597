//! The workspace that a use case works on: read from a folder, or from a commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use jiff::Timestamp;

use super::{error::Error, exit::Exit};
use crate::{
    config::{self, Lines, Loaded, Repository, Tip},
    model::{
        desired::{Desired, FileId, Origin, Place, Revision},
        file_history::FileHistory,
        ids::UserName,
        owner::OwnerCode,
        past::{LineAge, Past},
        visible,
    },
    plan::selection::Scope,
};

/// A workspace that was read, mistakes included.
#[derive(Debug)]
pub struct Workspace {
    /// Its folder.
    pub dir: PathBuf,
    /// What it says.
    pub loaded: Loaded,
    /// The repository that it is in.
    pub repository: Repository,
    /// Where entries are in files that somebody proposes.
    pub lines: Lines,
    /// The commit it was read from, where it was not read from the folder.
    pub tip: Option<Tip>,
}

impl Workspace {
    /// Reads the files in a folder.
    #[must_use]
    pub fn read(dir: PathBuf) -> Self {
        let loaded = config::load(&dir);
        Self::of(dir, loaded)
    }

    /// Of files that were read.
    #[must_use]
    pub fn of(dir: PathBuf, loaded: Loaded) -> Self {
        let repository = Repository::of(&dir);
        Self { dir, loaded, repository, lines: Lines::default(), tip: None }
    }

    /// Where something is written.
    #[must_use]
    pub fn place(&self, origin: &Origin) -> Place {
        let written = match *origin.path {
            [] => self.loaded.sources.list(origin.file),
            _ => self.loaded.sources.place(origin),
        };
        self.lines.place(origin, written)
    }

    /// What errors in the files come to.
    #[must_use]
    pub fn exit(&self) -> Exit {
        Exit::Failed.when(!self.loaded.errors.is_empty())
    }

    /// What git wants.
    ///
    /// # Errors
    /// If `tilgang.yaml` has errors or there is no owner's file: then nothing can be compared. The errors are in `loaded`.
    pub fn take_desired(&mut self) -> Result<Desired, Exit> {
        self.loaded.desired.take().ok_or(Exit::Failed)
    }

    /// The owners of these codes; all, if there is none.
    ///
    /// # Errors
    /// If one is no owner here.
    pub fn choose(&self, codes: &[String]) -> Result<Scope, Error> {
        let known = self.loaded.desired.as_ref().map(|desired| &desired.owners);
        let is_known = |code: &OwnerCode| known.is_none_or(|known| known.contains_key(code));
        choose(codes, is_known, "in this workspace", || known.into_iter().flat_map(|known| known.keys()))
    }

    /// What git tells of the past of this workspace's files.
    #[must_use]
    pub fn history(&self) -> GitHistory {
        GitHistory { dir: self.dir.clone(), tip: self.tip.clone() }
    }
}

/// Owners by their codes. `place`: where they are looked for; `known`: those that are there.
pub(super) fn choose<'a, I: Iterator<Item = &'a OwnerCode>>(
    codes: &[String],
    is_known: impl Fn(&OwnerCode) -> bool,
    place: &str,
    known: impl Fn() -> I,
) -> Result<Scope, Error> {
    if codes.is_empty() {
        return Ok(Scope::All);
    }
    let of = |text: &String| {
        let code = OwnerCode::new(text).filter(&is_known);
        code.ok_or_else(|| Error::Usage(no_owner(text, place, known())))
    };
    codes.iter().map(of).collect::<Result<_, _>>().map(Scope::Owners)
}

/// So many owners are named where none comes close.
const OWNERS_NAMED_MAX: usize = 20;

/// That there is no such owner there, and which may be meant.
fn no_owner<'a>(text: &str, place: &str, known: impl Iterator<Item = &'a OwnerCode>) -> String {
    let codes: Vec<String> = known.map(ToString::to_string).collect();
    let near = config::did_you_mean(text, codes.iter().map(String::as_str));
    let near = near.filter(|help| codes.len() <= OWNERS_NAMED_MAX || help.starts_with("did you mean"));
    let help = near.unwrap_or_else(|| format!("there are {}; their files are in owners/", codes.len()));
    format!("no service owner `{}` {place}\n  help: {help}", visible::argument(text))
}

/// How names came and went in owners' files: asked where a name leaves a doubt about who holds something.
pub trait NameHistory {
    /// The past of these files of `desired`, each with the names that are asked about. A file of which nothing is known for
    /// certain is left out.
    fn past(
        &self,
        desired: &Desired,
        sources: &config::Sources,
        asked: &BTreeMap<FileId, BTreeSet<UserName>>,
    ) -> BTreeMap<FileId, Past>;

    /// Whom earlier versions of these owners' files listed. Outside git nothing.
    fn file_history(&self, desired: &Desired, owners: &BTreeSet<OwnerCode>) -> BTreeMap<OwnerCode, FileHistory>;

    /// When these lines were committed, each given with when the account was created that it lists. A line whose account is
    /// older than git's whole history is left out.
    fn written(&self, sources: &config::Sources, lines: &BTreeMap<Origin, Timestamp>) -> BTreeMap<Origin, LineAge>;

    /// Whether a commit follows from the one that is read; none where that is not known.
    fn follows(&self, _commit: &str, _read: &Revision) -> Option<bool> {
        None
    }

    /// Why not all of the past can be told, if so.
    fn gap(&self) -> Option<String> {
        None
    }
}

/// The history of a git repository, along first parents.
#[derive(Clone, Debug)]
pub struct GitHistory {
    dir: PathBuf,
    tip: Option<Tip>,
}

impl NameHistory for GitHistory {
    fn past(
        &self,
        desired: &Desired,
        sources: &config::Sources,
        asked: &BTreeMap<FileId, BTreeSet<UserName>>,
    ) -> BTreeMap<FileId, Past> {
        match &self.tip {
            Some(tip) => tip.past(sources, asked),
            None => config::past(&self.dir, sources, &desired.revision, asked),
        }
    }

    fn file_history(&self, desired: &Desired, owners: &BTreeSet<OwnerCode>) -> BTreeMap<OwnerCode, FileHistory> {
        match &self.tip {
            Some(tip) => tip.file_history(owners),
            None => config::file_history(&self.dir, &desired.revision, owners),
        }
    }

    fn written(&self, sources: &config::Sources, lines: &BTreeMap<Origin, Timestamp>) -> BTreeMap<Origin, LineAge> {
        match &self.tip {
            Some(tip) => tip.written(sources, lines),
            None => config::written(&self.dir, sources, lines),
        }
    }

    fn follows(&self, commit: &str, read: &Revision) -> Option<bool> {
        let Revision::Commit { hash, .. } = read else { return None };
        match &self.tip {
            Some(tip) => tip.is_followed_by(commit),
            None => config::follows(self.dir.as_path(), commit, hash),
        }
    }

    fn gap(&self) -> Option<String> {
        match &self.tip {
            Some(tip) => tip.gap(),
            None => config::gap(self.dir.as_path()),
        }
    }
}
