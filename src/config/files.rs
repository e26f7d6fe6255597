//! A folder → the files that count, with what keeps one from counting. The only reading from disk.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    error::{Mistake, Spot},
    rules::{FILE_NAME, LINK, NO_WORKSPACE, Rule, STRAY_FILE, UNREADABLE, UTF8},
    tracked::{Oddity, Refused, Tracked},
};
use crate::model::owner::OwnerCode;

/// The platform team's file.
pub(super) const SETTINGS: &str = "tilgang.yaml";
/// The folder of the owners' files.
pub(super) const OWNERS: &str = "owners/";
/// The folder of dated exceptions to the limits.
pub(super) const OVERRIDES: &str = "overrides/";
/// Largest file that is read. Ours: two hundred times the usual one.
pub(super) const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A file that was found.
#[derive(Debug)]
pub(super) struct Input {
    /// Relative to the workspace, with `/`; folders end with one.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    /// Why it is not read any further.
    pub(super) refused: Option<Mistake>,
}

/// What a file is for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Settings,
    Owner(OwnerCode),
    /// A dated exception to the limits.
    Override,
    /// Meant for this owner, most likely, but it does not count.
    Misnamed(Option<OwnerCode>),
    Ignored,
}

impl Purpose {
    /// The owner whose file it is, or is meant to be.
    pub(super) fn owner(self) -> Option<OwnerCode> {
        match self {
            Self::Owner(code) | Self::Misnamed(Some(code)) => Some(code),
            Self::Settings | Self::Override | Self::Misnamed(None) | Self::Ignored => None,
        }
    }
}

impl Input {
    pub(super) fn text(path: &str, text: &str) -> Self {
        Self::bytes(path.to_owned(), text.as_bytes().to_vec())
    }

    /// A file of a commit.
    pub(super) fn bytes(path: String, bytes: Vec<u8>) -> Self {
        Self { refused: misnamed(&path), path, bytes }
    }

    pub(super) fn refused(path: &str, rule: Rule, message: &str, help: &str) -> Self {
        let refused = Mistake::new(rule, Spot::File, message).help(help);
        Self { path: path.to_owned(), bytes: Vec::new(), refused: Some(refused) }
    }

    /// What git tracks in the place of a file.
    pub(super) fn odd(path: &str, (rule, message, help): Refused) -> Self {
        Self::refused(path, rule, &message, help)
    }

    /// Path and text, and why it is not read any further; for a file in another encoding, where it stops being UTF-8.
    pub(super) fn decode(self) -> (String, String, Option<Mistake>) {
        let Self { path, bytes, refused } = self;
        let error = match String::from_utf8(bytes) {
            Ok(text) => return (path, text, refused),
            Err(error) => error,
        };
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
        let mistake = Mistake::new(UTF8, Spot::Bytes(span), "the file is not UTF-8")
            .label(format!("byte 0x{byte:02X}"))
            .help("save it as UTF-8; letters such as `æ`, `ø` and `å` have to be typed anew where they look wrong");
        (path, String::from_utf8_lossy(error.as_bytes()).into_owned(), refused.or(Some(mistake)))
    }
}

/// What a file is for.
pub(super) fn purpose(path: &str) -> Purpose {
    if path == SETTINGS {
        return Purpose::Settings;
    }
    let Some(name) = path.strip_prefix(OWNERS).filter(|name| !is_hidden(name)) else {
        return match path.strip_prefix(OVERRIDES) {
            Some(name) if is_hidden(name) => Purpose::Ignored,
            Some(name) if name.strip_suffix(".yaml").is_some_and(|name| !name.contains('/')) => Purpose::Override,
            Some(_) => Purpose::Misnamed(None),
            None => Purpose::Ignored,
        };
    };
    let code = name.strip_suffix(".yaml").and_then(OwnerCode::new);
    let meant = || {
        let name = name.to_ascii_lowercase();
        OwnerCode::new(name.strip_suffix(".yaml").or(name.strip_suffix(".yml"))?)
    };
    code.map_or_else(|| Purpose::Misnamed(meant()), Purpose::Owner)
}

/// Hidden files, and what editors leave behind: nobody takes these for an owner's file.
fn is_hidden(name: &str) -> bool {
    name.is_empty() || name.starts_with(['.', '#']) || name.ends_with('~')
}

fn misnamed(path: &str) -> Option<Mistake> {
    let Purpose::Misnamed(meant) = purpose(path) else { return None };
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    Some(if path.starts_with(OVERRIDES) {
        Mistake::new(STRAY_FILE, Spot::File, "what is in `overrides/` and not a file `<name>.yaml` does not count")
            .help("rename it to `<name>.yaml` directly in `overrides/`, or move it elsewhere")
    } else if path.trim_start_matches(OWNERS).contains('/') {
        Mistake::new(STRAY_FILE, Spot::File, "a folder in `owners/` does not count")
            .help("put one file per owner directly into `owners/`")
    } else if Path::new(name).extension().is_some_and(|kind| kind == "yaml") {
        let help = match meant {
            Some(code) => format!("rename it to `owners/{code}.yaml`"),
            None => "name it by the owner's code, 2 to 8 of `a-z` and `0-9`, such as `owners/ttd.yaml`".to_owned(),
        };
        Mistake::new(FILE_NAME, Spot::File, "the file's name is not an owner's code").help(help)
    } else {
        let help = match meant {
            Some(code) => format!("rename it to `owners/{code}.yaml`, or move it elsewhere"),
            None => "move it elsewhere: only files named `<code>.yaml` belong here".to_owned(),
        };
        Mistake::new(STRAY_FILE, Spot::File, "a file that does not count").help(help)
    })
}

/// What was found on a disk.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In no particular order.
    pub(super) inputs: Vec<Input>,
    /// Why git did not say what it tracks, where it was asked: then nobody knows whether a file is a link there, or was left out.
    pub(super) untracked: Option<String>,
}

/// Reads a workspace's files.
pub(super) fn read(dir: &Path) -> Found {
    let root = dir.canonicalize().ok();
    let tracked = root.as_deref().map(Tracked::of).unwrap_or_default();
    let mut inputs = Vec::new();
    let mut take = |path: &Path, name: String| {
        let refused = tracked.refuses(&name, path).filter(|_| purpose(&name) != Purpose::Ignored);
        inputs.push(match refused {
            Some(refused) => Input::odd(&name, refused),
            None => read_file(root.as_deref(), path, name),
        });
    };
    let settings = dir.join(SETTINGS);
    if settings.symlink_metadata().is_ok() {
        take(&settings, SETTINGS.to_owned());
    }
    let mut refused_folders = Vec::new();
    for folder in [OWNERS, OVERRIDES] {
        let path = dir.join(folder.trim_end_matches('/'));
        let listed = match tracked.refuses(folder, &path) {
            Some(refused) => Err(Box::new(Input::odd(folder, refused))),
            None => list(root.as_deref(), dir, folder),
        };
        match listed {
            Ok(files) => files.into_iter().for_each(|(path, name)| take(&path, name)),
            Err(refused) => refused_folders.push(*refused),
        }
    }
    inputs.extend(refused_folders);
    let left_out =
        tracked.not_checked_out().filter(|name| purpose(name) != Purpose::Ignored && !dir.join(name).exists());
    inputs.extend(left_out.map(|name| Input::odd(name, Oddity::NotCheckedOut.refused())));
    Found { inputs, untracked: tracked.unknown().map(str::to_owned) }
}

/// The entries of a folder that count or should not be there; a folder that does not exist has none.
fn list(root: Option<&Path>, dir: &Path, folder: &str) -> Result<Vec<(PathBuf, String)>, Box<Input>> {
    let path = dir.join(folder.trim_end_matches('/'));
    let unreadable = |error: std::io::Error| {
        let help = "look at who may read it, then run this again";
        Box::new(Input::refused(folder, UNREADABLE, &format!("the folder cannot be read: {error}"), help))
    };
    if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(Vec::new());
    }
    if leads_outside(root, &path) {
        return Err(Box::new(outside(folder)));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let mut name = format!("{folder}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            name.push('/');
        }
        if purpose(&name) != Purpose::Ignored {
            files.push((entry.path(), name));
        }
    }
    Ok(files)
}

fn read_file(root: Option<&Path>, path: &Path, name: String) -> Input {
    if leads_outside(root, path) {
        return outside(&name);
    }
    let refused = misnamed(&name);
    if name.ends_with('/') {
        return Input { path: name, bytes: Vec::new(), refused };
    }
    let help = "it must be an ordinary file that this user may read";
    match path.metadata() {
        Ok(data) if !data.is_file() => Input::refused(&name, UNREADABLE, "not a file", help),
        Ok(data) if data.len() > FILE_BYTES_MAX => large(&name),
        Ok(_) => match fs::read(path) {
            Ok(bytes) => Input { path: name, bytes, refused },
            Err(error) => Input::refused(&name, UNREADABLE, &format!("cannot be read: {error}"), help),
        },
        Err(error) => Input::refused(&name, UNREADABLE, &format!("cannot be read: {error}"), help),
    }
}

/// Whether a link on the way leads out of the workspace. Links within are fine: Kubernetes mounts files so.
fn leads_outside(root: Option<&Path>, path: &Path) -> bool {
    match (root, path.canonicalize()) {
        (Some(root), Ok(real)) => !real.starts_with(root),
        _ => false, // does not exist, and is told as that
    }
}

/// A file that is larger than any of ours.
pub(super) fn large(name: &str) -> Input {
    Input::refused(name, UNREADABLE, "larger than 4 MiB", "an owner's file has some kilobytes: is it the right one?")
}

fn outside(name: &str) -> Input {
    Input::refused(
        name,
        LINK,
        "a link that leads out of the workspace",
        "put the file itself here, so that changes of it are reviewed here",
    )
}

/// What stands in for `tilgang.yaml` or `owners/` where there is none.
pub(super) fn missing(path: &str) -> Input {
    if path == SETTINGS {
        let help = "it needs `version: 1`, `tenant` and `instance`; is this the right folder?";
        Input::refused(SETTINGS, NO_WORKSPACE, "there is no such file", help)
    } else {
        let help = "an empty folder takes nobody out; restore it from git, or write `owners/<code>.yaml`, with `removed: true` \
             where that is meant; `tilgang adopt` begins with what stands in Azure";
        Input::refused(OWNERS, NO_WORKSPACE, "there is no owner's file in it", help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_for() {
        let code = |text| OwnerCode::new(text).unwrap();
        for (path, is) in [
            ("tilgang.yaml", Purpose::Settings),
            ("owners/ttd.yaml", Purpose::Owner(code("ttd"))),
            ("owners/ttd.yml", Purpose::Misnamed(Some(code("ttd")))),
            ("owners/TTD.yaml", Purpose::Misnamed(Some(code("ttd")))),
            ("owners/README.md", Purpose::Misnamed(None)),
            ("owners/a/ttd.yaml", Purpose::Misnamed(None)),
            ("owners/sub/", Purpose::Misnamed(None)),
            ("owners/.gitkeep", Purpose::Ignored),
            ("owners/ttd.yaml~", Purpose::Ignored),
            ("overrides/2027.yaml", Purpose::Override),
            ("overrides/2027.yml", Purpose::Misnamed(None)),
            ("overrides/old/2027.yaml", Purpose::Misnamed(None)),
            ("azure.yaml", Purpose::Ignored),
            ("README.md", Purpose::Ignored),
        ] {
            assert_eq!(purpose(path), is, "{path}");
        }
    }
}
