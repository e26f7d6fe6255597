//! A file of the state folder: JSON with a version, replaced whole. One that cannot be read is set aside and said; the daemon
//! starts without it.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One file of the state folder.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Kept {
    path: PathBuf,
    version: u32,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Found<T> {
    /// No file: a first start.
    Nothing,
    /// What was kept.
    Whole(T),
    /// A file that cannot be read: where it was set aside, and what is wrong with it.
    Broken(String),
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    version: u32,
    state: T,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Kept {
    /// The file with this name in this folder; its form has this version.
    pub(in crate::cli) fn new(folder: &Path, name: &str, version: u32) -> Self {
        Self { path: folder.join(name), version }
    }

    /// Reads it. A broken one is set aside, so that the next start finds none.
    pub(in crate::cli) fn read<T: DeserializeOwned>(&self) -> Found<T> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nothing,
            Err(error) => return Found::Broken(format!("{}: {error}", self.path.display())),
        };
        let version = serde_json::from_slice::<Version>(&bytes).map(|it| it.version);
        let read = match version {
            Ok(version) if version != self.version => {
                Err(format!("it has version {version}, and this program reads {}", self.version))
            }
            Ok(_) => serde_json::from_slice::<Envelope<T>>(&bytes).map(|it| it.state).map_err(|it| it.to_string()),
            Err(error) => Err(error.to_string()),
        };
        read.map_or_else(|why| Found::Broken(self.set_aside(&why)), Found::Whole)
    }

    /// Replaces it whole: whoever is killed halfway leaves the old one. It names people: only we may read it.
    pub(in crate::cli) fn write<T: Serialize>(&self, state: &T) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::Builder::new().prefix(".serve-").tempfile_in(folder)?; // 0600
        serde_json::to_writer(&mut new, &Envelope { version: self.version, state })?;
        new.flush()?;
        new.as_file().sync_all()?;
        new.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn set_aside(&self, why: &str) -> String {
        let aside = self.path.with_extension("broken");
        let path = self.path.display();
        match fs::rename(&self.path, &aside) {
            Ok(()) => format!("{path} cannot be read ({why}): it is set aside as {}", aside.display()),
            Err(error) => format!("{path} cannot be read ({why}), nor set aside ({error})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_broken_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path(), "serve.json", 1);
        assert_eq!(kept.read::<Vec<u8>>(), Found::Nothing);
        kept.write(&vec![1_u8, 2]).unwrap();
        assert_eq!(kept.read::<Vec<u8>>(), Found::Whole(vec![1, 2]));
        let newer = Kept::new(folder.path(), "serve.json", 2);
        assert!(matches!(newer.read::<Vec<u8>>(), Found::Broken(why) if why.contains("version 1")));
        assert_eq!(newer.read::<Vec<u8>>(), Found::Nothing);
        for broken in ["", "{", "[]", "{\"version\":1}", "{\"version\":1,\"state\":{}}"] {
            fs::write(folder.path().join("serve.json"), broken).unwrap();
            assert!(matches!(kept.read::<Vec<u8>>(), Found::Broken(_)), "{broken}");
            assert_eq!(kept.read::<Vec<u8>>(), Found::Nothing, "{broken}");
        }
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names, ["serve.broken"]);
    }
}
