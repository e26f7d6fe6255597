//! Who should hold what where, each with its origin: what git wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};

use super::{
    catalog::{Catalog, Environment},
    ids::{PrincipalId, TenantId, UserName},
    owner::{EnvironmentName, InstanceName, KindName, OwnerCode, RoleName},
    policy::Policy,
};

/// A file of the workspace: its place in the list of those that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Where a value was written: the file, and the entry numbers that lead to it. Lines are looked up when a message needs them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file.
    pub file: FileId,
    /// Entry numbers from the top: for a mapping the number of the entry, for a list that of the item.
    pub path: Box<[u32]>,
}

/// An origin as people read it: `owners/ttd.yaml:8:15`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, relative to the workspace, with `/`.
    pub file: String,
    /// The line, from 1. Also 1 where only the file is known.
    pub line: usize,
    /// The column in characters, from 1. Also 1 where only the file is known.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, line, column } = self;
        write!(f, "{file}:{line}:{column}")
    }
}

/// Everything git says.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The Entra tenant it is about.
    pub tenant: TenantId,
    /// This installation.
    pub instance: InstanceName,
    /// Names it had before: what they made is ours, too.
    pub former_instances: Vec<InstanceName>,
    /// What roles mean.
    pub catalog: Catalog,
    /// Every owner that has a file, or an entry in `tilgang.yaml`.
    pub owners: BTreeMap<OwnerCode, Owner>,
    /// Every grant that is written, expired ones included, by owner, then as in the file.
    pub grants: Vec<Grant>,
    /// The platform team's rules.
    pub policy: Policy,
    /// Which state of git this is.
    pub revision: Revision,
}

impl Desired {
    /// The names whose assignments are ours: the present one first.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceName> {
        std::iter::once(&self.instance).chain(&self.former_instances)
    }

    /// The state of an owner's file; an owner nobody wrote about has none.
    #[must_use]
    pub fn file_of(&self, owner: OwnerCode) -> OwnerFile {
        self.owners.get(&owner).map_or(OwnerFile::Missing, |owner| owner.file)
    }

    /// An owner's environments, by name.
    pub fn environments_of(&self, owner: OwnerCode) -> impl Iterator<Item = (&EnvironmentName, &Environment)> {
        let own = self.owners.get(&owner).and_then(|owner| owner.environments.as_ref());
        self.catalog.environments.iter().filter(move |(name, _)| own.is_none_or(|own| own.contains(*name)))
    }
}

/// One service owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// For people: `Testdepartementet`.
    pub title: Option<String>,
    /// The state of `owners/<code>.yaml`.
    pub file: OwnerFile,
    /// Its environments, where it does not have all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// Names of targets that deviate from the naming rule.
    pub resources: BTreeMap<(EnvironmentName, KindName), Vec<String>>,
    /// Who may approve changes to its file.
    pub reviewers: Vec<String>,
    /// Whom to tell.
    pub contact: Option<String>,
}

/// The four states of an owner's file. Only the first two explain a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnerFile {
    /// Read without an error.
    Read(FileId),
    /// A tombstone, `removed: true`: nobody shall hold anything.
    Removed(FileId),
    /// There is none.
    Missing,
    /// There is one, with errors.
    Broken(FileId),
}

/// One role held by one person at one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// At whom.
    pub owner: OwnerCode,
    /// Who, shared by all of this person's grants in the file.
    pub user: Arc<UserEntry>,
    /// What.
    pub role: RoleName,
    /// The last day, UTC.
    pub until: Option<Date>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// Where it was asked for. One word of at most 100 characters.
    pub ticket: Option<Arc<str>>,
    /// Where it stands.
    pub origin: Origin,
}

impl Grant {
    /// Whether it has ended on `today`.
    #[must_use]
    pub fn has_ended(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

/// A person as written in an owner's file. With `id`, that decides, and the name is checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    /// The sign-in name.
    pub name: UserName,
    /// The object id in Entra.
    pub id: Option<PrincipalId>,
    /// Other owners where this person is listed, too, as this file knows.
    pub also_at: BTreeSet<OwnerCode>,
    /// Where the name stands.
    pub origin: Origin,
}

/// The state of git that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// HEAD, with the owners whose files differ from it (they are as new as this run).
    Commit {
        /// The commit's hash.
        hash: String,
        /// When it was committed.
        time: Timestamp,
        /// Files that differ from it.
        edited: BTreeSet<FileId>,
    },
    /// The workspace does not lie in a git repository.
    NotInGit,
    /// It does, but git could not say which commit this is. Blocks removals.
    Unknown(String),
}
