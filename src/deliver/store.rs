//! What was told, in a file: read whole, replaced whole, and locked while a daemon holds it.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::notify::Memory;

/// The version of the file's form.
const FORMAT: u32 = 1;

/// Why what was told cannot be read or kept.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The folder or file cannot be used.
    #[error("what was told cannot be kept in `{}`: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another daemon has it.
    #[error("`{}` is in use by another daemon", path.display())]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// It says something else than it should.
    #[error("`{}` cannot be read: {why}; move it away to start anew: then everything that is open is told again", path.display())]
    Broken {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// The file, locked.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// Held as long as this is.
    _lock: File,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Form<T> {
    format: u32,
    #[serde(flatten)]
    memory: T,
}

impl Store {
    /// Opens `notices.json` in a folder, and reads what was told. A file that is not there is an empty one.
    ///
    /// # Errors
    /// If another daemon has it, or it cannot be read: nothing is told twice by accident.
    pub fn open(dir: &Path) -> Result<(Self, Memory), StoreError> {
        let (path, lock_path) = (dir.join("notices.json"), dir.join("notices.lock"));
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        fs::create_dir_all(dir).map_err(io(dir))?;
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path: lock_path, source }),
        }
        let broken = |why: String| StoreError::Broken { path: path.clone(), why };
        let memory = match fs::read(&path) {
            Ok(bytes) => {
                let form: Form<Memory> = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
                if form.format != FORMAT {
                    return Err(broken(format!("its form is {}, and this version reads {FORMAT}", form.format)));
                }
                form.memory
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Memory::default(),
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        Ok((Self { path, _lock: lock }, memory))
    }

    /// Keeps what was told: after this a power cut does not take it away.
    ///
    /// # Errors
    /// If the disk does not take it; the file is as it was.
    pub fn keep(&self, memory: &Memory) -> Result<(), StoreError> {
        let io = |source| StoreError::Io { path: self.path.clone(), source };
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(io)?;
        let json = serde_json::to_vec(&Form { format: FORMAT, memory }).map_err(|error| io(error.into()))?;
        file.write_all(&json).and_then(|()| file.as_file().sync_all()).map_err(io)?;
        file.persist(&self.path).map_err(|error| io(error.error))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)
    }
}
