//! A workspace as it is in a commit, read from git's own store: no checkout, so no hook, filter, link or submodule has a say.
//!
//! In: a repository (bare or not), a commit, the folder of the workspace in it. Out: what [`super::load`] makes of the same
//! files. Never the network: whoever follows a branch fetches it first.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    path::PathBuf,
    process::Stdio,
};

use jiff::Timestamp;

use super::{
    Loaded, assemble,
    files::{FILE_BYTES_MAX, Input, OVERRIDES, OWNERS, Purpose, SETTINGS, misnamed, purpose},
    past,
    revision::{command, git},
    rules::{LINK, UNREADABLE},
    sources::Sources,
};
use crate::model::{
    desired::{FileId, Revision},
    ids::UserName,
    past::Past,
};

/// A commit with a workspace in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The repository.
    pub repository: PathBuf,
    /// The commit's hash.
    pub commit: String,
    /// When it was committed.
    pub time: Timestamp,
    /// The workspace's folder in it, with `/`; empty for the top.
    pub folder: String,
}

impl Tip {
    /// What a name stands for now: a branch's tip, or a commit.
    pub fn of(repository: PathBuf, name: &str, folder: &str) -> Result<Self, String> {
        let head = git(&repository, &["log", "-1", "--no-show-signature", "--format=%H %ct", name, "--"])?;
        let (commit, seconds) = head.trim().split_once(' ').ok_or("git named no commit")?;
        let time = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let time = time.ok_or_else(|| format!("the time of commit {commit} is no time"))?;
        let folder = folder.trim_matches('/').to_owned();
        Ok(Self { commit: commit.to_owned(), repository, time, folder })
    }

    /// Reads the workspace. `Err`: git could not; mistakes in files are in what is read.
    pub fn load(&self) -> Result<Loaded, String> {
        let mut loaded = assemble(self.inputs()?);
        if let Some(desired) = &mut loaded.desired {
            let (hash, time) = (self.commit.clone(), self.time);
            desired.revision = Revision::Commit { hash, time, edited: BTreeSet::new() };
        }
        Ok(loaded)
    }

    /// The past of these files, as [`super::past()`] tells it.
    #[must_use]
    pub fn past(&self, sources: &Sources, asked: &BTreeMap<FileId, BTreeSet<UserName>>) -> BTreeMap<FileId, Past> {
        let is_whole = git(&self.repository, &["rev-parse", "--is-shallow-repository"]);
        if asked.is_empty() || is_whole.as_deref().map(str::trim) != Ok("false") {
            return BTreeMap::new();
        }
        let path = |file: FileId| self.path(sources.path(file));
        let told = |(file, names): (&FileId, &BTreeSet<UserName>)| {
            Some((*file, past::of(&self.repository, &self.commit, &path(*file), names)?))
        };
        asked.iter().filter_map(told).collect()
    }

    fn path(&self, below: &str) -> String {
        if self.folder.is_empty() { below.to_owned() } else { format!("{}/{below}", self.folder) }
    }

    fn inputs(&self) -> Result<Vec<Input>, String> {
        let tree = format!("{}:{}", self.commit, self.folder);
        let (owners, overrides) = (OWNERS.trim_end_matches('/'), OVERRIDES.trim_end_matches('/'));
        let listed =
            git(&self.repository, &["ls-tree", "--full-tree", "-r", "-z", "-l", &tree, SETTINGS, owners, overrides])
                .map_err(|error| format!("commit {} has no folder `{}`: {error}", self.commit, self.folder))?;
        let mut inputs = Vec::new();
        let mut blobs = Vec::new();
        for entry in listed.split('\0').filter(|entry| !entry.is_empty()) {
            // `<mode> <type> <hash> <size>\t<path>`
            let (data, path) = entry.split_once('\t').ok_or("git listed no path")?;
            if purpose(path) == Purpose::Ignored {
                continue;
            }
            let mut data = data.split_whitespace();
            let (mode, hash, size) = (data.next(), data.nth(1), data.next().and_then(|size| size.parse::<u64>().ok()));
            match (mode, hash, size) {
                (Some("100644" | "100755"), Some(hash), Some(size)) if size <= FILE_BYTES_MAX => {
                    blobs.push((path.to_owned(), hash.to_owned()));
                }
                (Some("100644" | "100755"), ..) => {
                    let help = "an owner's file has some kilobytes: is it the right one?";
                    inputs.push(Input::refused(path, UNREADABLE, "larger than 4 MiB", help));
                }
                (Some("120000"), ..) => {
                    let help = "put the file itself here, so that changes of it are reviewed here";
                    inputs.push(Input::refused(path, LINK, "a link", help));
                }
                _ => inputs.push(Input::refused(path, UNREADABLE, "not a file", "it must be an ordinary file")),
            }
        }
        inputs.extend(self.blobs(blobs)?);
        Ok(inputs)
    }

    /// The content of files, by one `git cat-file`: it answers `<hash> blob <size>`, then so many bytes, then a line's end.
    fn blobs(&self, files: Vec<(String, String)>) -> Result<Vec<Input>, String> {
        let said = |error: std::io::Error| format!("git could not be read: {error}");
        let mut child = command(&self.repository)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("git could not be run: {error}"))?;
        let asked: String = files.iter().flat_map(|(_, hash)| [hash.as_str(), "\n"]).collect();
        let input = child.stdin.take();
        // Beside reading: two full pipes would wait for each other.
        let writing = std::thread::spawn(move || input.map(|mut input| input.write_all(asked.as_bytes())));
        let mut bytes = Vec::new();
        if let Some(mut output) = child.stdout.take() {
            output.read_to_end(&mut bytes).map_err(said)?;
        }
        let _ = writing.join();
        child.wait().map_err(said)?;
        let cut = || "git stopped in the middle of a file".to_owned();
        let mut rest = bytes.as_slice();
        let mut inputs = Vec::new();
        for (path, hash) in files {
            let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(cut)?;
            let (head, after) = rest.split_at(end);
            let head = String::from_utf8_lossy(head);
            let mut words = head.split(' ');
            let (is, kind, size) = (words.next(), words.next(), words.next().and_then(|size| size.parse().ok()));
            let (Some(is), Some("blob"), Some(size)) = (is, kind, size) else {
                return Err(format!("git does not have {path} of commit {}", self.commit));
            };
            let content = after.get(1..1_usize.saturating_add(size)).filter(|_| is == hash).ok_or_else(cut)?;
            inputs.push(Input { refused: misnamed(&path), path, bytes: content.to_owned() });
            rest = after.get(size.saturating_add(2)..).unwrap_or_default();
        }
        Ok(inputs)
    }
}
