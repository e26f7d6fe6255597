//! Keeps a world in a folder, so that `plan`, `apply`, `plan` tells one story over several runs.
//!
//! In: the folder (`.tilgang`) and the text of `azure.yaml`. Out: the world as the last run left it, or the one of the file,
//! when there is none yet or the file has changed. Each change is on disk before it is answered: a whole world by atomic
//! rename, a role assignment as one line of a journal. Two processes never hold one folder. Nothing secret is kept that is
//! not in `azure.yaml`.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    file::{self, AssignmentEntry, WorldFile},
    world::{Touched, World},
};

/// Why a state could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process holds it.
    #[error("another `tilgang` works with {0}: wait for it, or end it")]
    Held(PathBuf),
    /// `azure.yaml` cannot be read.
    #[error("azure.yaml: {0}")]
    World(#[from] file::Unreadable),
    /// What was kept cannot be read.
    #[error("{path} cannot be read ({reason}): delete it to start from azure.yaml")]
    Kept {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk says no.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// What was found when a state was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nothing: the world is that of `azure.yaml`.
    New,
    /// The world as the last run left it.
    Kept,
    /// A world of another `azure.yaml`: it was let go, and the file's taken.
    Changed,
}

/// A folder that keeps a world. Holding it keeps others out.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    digest: String,
    journal: Mutex<File>,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Snapshot<W> {
    azure_yaml: String, // digest of the file that this world began with
    world: W,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Put(Box<AssignmentEntry>),
    Delete(String),
}

impl State {
    /// Opens the state in `folder` for the world that `azure_yaml` describes.
    pub fn open(folder: &Path, azure_yaml: &str) -> Result<(Self, World, Opened), StateError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StateError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(io(folder))?;
        let lock_path = folder.join("lock");
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Held(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(StateError::Io { path: lock_path, source }),
        }
        let digest = format!("sha256:{:x}", Sha256::digest(azure_yaml.as_bytes()));
        let (path, journal_path) = (folder.join("world.json"), folder.join("journal.jsonl"));
        let kept = if path.exists() { Some(Self::kept(&path, &journal_path, &digest)?) } else { None };
        let (world, opened) = match kept {
            None => (file::read(azure_yaml)?, Opened::New),
            Some(None) => (file::read(azure_yaml)?, Opened::Changed),
            Some(Some(world)) => (world, Opened::Kept),
        };
        let journal = OpenOptions::new().create(true).append(true).open(&journal_path).map_err(io(&journal_path))?;
        let state = Self { folder: folder.to_owned(), digest, journal: Mutex::new(journal), _lock: lock };
        state.save(&world).map_err(io(&path))?; // the journal is taken in, or another world let go
        Ok((state, world, opened))
    }

    /// What was kept; `None` if it began with another file.
    fn kept(path: &Path, journal: &Path, digest: &str) -> Result<Option<World>, StateError> {
        let unreadable = |path: &Path, reason: String| StateError::Kept { path: path.to_owned(), reason };
        let read =
            |path: &Path| fs::read_to_string(path).map_err(|source| StateError::Io { path: path.to_owned(), source });
        let text = read(path)?;
        let snapshot: Snapshot<WorldFile> =
            serde_json::from_str(&text).map_err(|error| unreadable(path, error.to_string()))?;
        if snapshot.azure_yaml != digest {
            return Ok(None);
        }
        let mut world = World::try_from(&snapshot.world).map_err(|error| unreadable(path, error.to_string()))?;
        let lines = if journal.exists() { read(journal)? } else { String::new() };
        // The last line may be cut: whoever asked for that change was never answered.
        for line in lines.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let line: Line = serde_json::from_str(line).map_err(|error| unreadable(journal, error.to_string()))?;
            world.replay(&line).map_err(|reason| unreadable(journal, reason))?;
        }
        Ok(Some(world))
    }

    /// Keeps what was changed.
    pub fn keep(&self, world: &World, touched: &[Touched]) -> io::Result<()> {
        if touched.contains(&Touched::World) {
            return self.save(world);
        }
        let mut lines = Vec::new();
        for touched in touched {
            let Touched::Assignment(name) = touched else { continue };
            let line = match world.assignment(*name) {
                Some(found) => Line::Put(Box::new(file::assignment_entry(found))),
                None => Line::Delete(name.to_string()),
            };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).write_all(&lines)
    }

    fn save(&self, world: &World) -> io::Result<()> {
        let snapshot = Snapshot { azure_yaml: self.digest.clone(), world: file::write(world) };
        let (new, path) = (self.folder.join("world.json.new"), self.folder.join("world.json"));
        fs::write(&new, serde_json::to_vec(&snapshot)?)?;
        fs::rename(&new, &path)?;
        // A crash between the two leaves lines that the snapshot holds already; to replay them changes nothing.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).set_len(0)
    }
}

impl World {
    fn replay(&mut self, line: &Line) -> Result<(), String> {
        match line {
            Line::Put(entry) => file::replay(self, entry).map_err(|error| error.to_string()),
            Line::Delete(name) => {
                self.unplace(name.parse().map_err(|_| format!("`{name}` is not a GUID"))?);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::world::Body;

    const AZURE: &str = "
tenant: 00000000-0000-0000-0000-0000000000aa
users: [kari.fiktiv@ai-dev.no]
subscriptions: [{ name: One, resources: [vault kv, vault kv-2] }]
";

    fn put(world: &mut World, at: &str) -> crate::model::ids::AssignmentName {
        let caller = world.applications().next().unwrap().id;
        let body = Body {
            principal: Some(world.users().next().unwrap().id),
            definition: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7".to_owned(),
            ..Body::default()
        };
        let scope = world.resources().find(|found| found.name == at).unwrap().id.clone();
        let name = crate::model::ids::AssignmentName(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, at.as_bytes()));
        world.put(caller, &scope, name, &body).unwrap();
        name
    }

    #[test]
    fn a_story_over_several_runs() {
        let folder = tempfile::tempdir().unwrap();
        let (state, mut world, opened) = State::open(folder.path(), AZURE).unwrap();
        assert_eq!(opened, Opened::New);
        let gone = put(&mut world, "kv");
        put(&mut world, "kv-2");
        state.keep(&world, &world.clone().take_touched()).unwrap();
        world.take_touched();
        world.unplace(gone);
        state.keep(&world, &world.clone().take_touched()).unwrap();
        assert!(matches!(State::open(folder.path(), AZURE), Err(StateError::Held(_))));
        drop(state); // without a word: the journal has it all

        let (state, kept, opened) = State::open(folder.path(), AZURE).unwrap();
        assert_eq!((opened, kept.assignments_len()), (Opened::Kept, 2));
        assert_eq!(kept, world);
        drop(state);

        let (_state, fresh, opened) = State::open(folder.path(), &format!("{AZURE}# changed\n")).unwrap();
        assert_eq!((opened, fresh.assignments_len()), (Opened::Changed, 1));
    }

    #[test]
    fn a_cut_line_is_a_change_that_was_never_answered() {
        let folder = tempfile::tempdir().unwrap();
        let (state, mut world, _) = State::open(folder.path(), AZURE).unwrap();
        put(&mut world, "kv");
        let touched = world.take_touched();
        state.keep(&world, &touched).unwrap();
        drop(state);
        let journal = folder.path().join("journal.jsonl");
        let text = fs::read_to_string(&journal).unwrap();
        fs::write(&journal, format!("{text}{}", &text[..text.len() / 2])).unwrap();
        let (_state, kept, _) = State::open(folder.path(), AZURE).unwrap();
        assert_eq!(kept, world);
    }

    #[test]
    fn what_cannot_be_read_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        drop(State::open(folder.path(), AZURE).unwrap());
        fs::write(folder.path().join("world.json"), "{").unwrap();
        let error = State::open(folder.path(), AZURE).unwrap_err().to_string();
        assert!(error.contains("delete it to start from azure.yaml"), "{error}");
        assert!(
            State::open(&folder.path().join("new"), "tenant: x").unwrap_err().to_string().starts_with("azure.yaml: ")
        );
    }
}
