//! What git tracks in the place of a file, and a disk does not show: links, other repositories, files that are not checked out.
//!
//! A link that git tracks is reviewed as a link: whoever changes what it leads to changes access without a review here. On a disk
//! it may look like a file (`core.symlinks=false`), and Kubernetes mounts ordinary files through links that git does not track. So
//! git's index is asked, and every reader refuses the same.

use std::{collections::BTreeMap, path::Path};

use super::{
    git::git_bytes,
    rules::{LINK, Rule, UNREADABLE},
};

/// What counts, as git is asked for it: a file, and two folders.
pub(super) const IN_GIT: [&str; 3] = ["tilgang.yaml", "owners", "overrides"];

/// Why something is not read: the rule, what is there, and what helps.
pub(super) type Refused = (Rule, String, &'static str);

/// Whether a path of git's is one of the two folders.
pub(super) fn is_folder(path: &str) -> bool {
    IN_GIT.iter().skip(1).any(|folder| *folder == path)
}

/// What is tracked and cannot be read as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// A symbolic link.
    Link,
    /// Another repository (a submodule).
    Repository,
    /// Something else where a file should be.
    NoFile,
    /// Something else where a folder should be.
    NoFolder,
    /// Left out by a sparse checkout.
    NotCheckedOut,
}

impl Oddity {
    /// By git's mode (gitformat-index(5), gitdatamodel(7)).
    pub(super) fn of_mode(mode: &str) -> Option<Self> {
        match mode {
            "120000" => Some(Self::Link),
            "160000" => Some(Self::Repository),
            _ => None,
        }
    }

    /// Why it is not read in the place of a file, or a folder.
    pub(super) fn refused(self) -> Refused {
        let (rule, message, help) = match self {
            Self::Link => (LINK, "a link", "put the file itself here, so that changes of it are reviewed here"),
            Self::Repository => (
                LINK,
                "another repository (a submodule), not a file",
                "put the files themselves here, so that changes of them are reviewed here",
            ),
            Self::NoFile => (UNREADABLE, "not a file", "it must be an ordinary file"),
            Self::NoFolder => (UNREADABLE, "not a folder", "it must be a folder with one file per owner or override"),
            Self::NotCheckedOut => (
                UNREADABLE,
                "not checked out: this is a sparse checkout, so what it says is not known",
                "check out all of `tilgang.yaml`, `owners/` and `overrides/` (`git sparse-checkout disable`)",
            ),
        };
        (rule, message.to_owned(), help)
    }
}

/// What git's index says of a workspace.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    odd: BTreeMap<String, Oddity>,
    /// Why nothing is known.
    unknown: Option<String>,
}

impl Tracked {
    /// Asks git; outside git nothing is tracked.
    pub(super) fn of(real: &Path) -> Self {
        if !real.ancestors().any(|folder| folder.join(".git").exists()) {
            return Self::default();
        }
        // `<tag> <mode> <hash> <stage>\t<path>`, relative to the folder; `S`: left out of the checkout (git-ls-files(1)).
        match git_bytes(real, &[&["ls-files", "-t", "-s", "-z", "--"][..], &IN_GIT].concat(), None) {
            // A name in another encoding is no file that counts; the disk is asked for what it is.
            Ok(listed) => {
                let listed = String::from_utf8_lossy(&listed);
                Self { odd: listed.split('\0').filter_map(odd).collect(), unknown: None }
            }
            Err(why) => Self { odd: BTreeMap::new(), unknown: Some(why.into()) },
        }
    }

    /// Why a file or a folder (with `/`) is not read, if so. `path`: where it is on the disk.
    pub(super) fn refuses(&self, name: &str, path: &Path) -> Option<Refused> {
        let is_link = || path.symlink_metadata().is_ok_and(|data| data.is_symlink());
        match (self.odd.get(name.trim_end_matches('/')), &self.unknown) {
            (Some(Oddity::NotCheckedOut), _) if path.exists() => None,
            (Some(oddity), _) => Some(oddity.refused()),
            (None, Some(why)) if is_link() => Some((
                LINK,
                format!("a link, and git does not say whether it tracks it: {why}"),
                "put the file itself here, so that changes of it are reviewed here",
            )),
            (None, _) => None,
        }
    }

    /// Why git did not say what it tracks, where it was asked: then nobody knows whether a file is one.
    pub(super) fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    /// Files that are in git, and were left out of the checkout.
    pub(super) fn not_checked_out(&self) -> impl Iterator<Item = &str> {
        self.odd.iter().filter(|(_, oddity)| **oddity == Oddity::NotCheckedOut).map(|(path, _)| path.as_str())
    }
}

fn odd(entry: &str) -> Option<(String, Oddity)> {
    let (data, path) = entry.split_once('\t')?;
    let (tag, rest) = data.split_once(' ')?;
    let mode = rest.split(' ').next()?;
    let oddity = match Oddity::of_mode(mode) {
        Some(oddity) => oddity,
        None if is_folder(path) => Oddity::NoFolder,
        None if tag == "S" => Oddity::NotCheckedOut,
        None => return None,
    };
    Some((path.to_owned(), oddity))
}
