//! A saved plan, a proposal, or a part of a report, on disk: written whole or not at all, for its owner's eyes; read with a bound.

use std::{
    fmt::Display,
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::Path,
};

use crate::{
    plan::saved::Saved,
    saved::{self, BYTES_MAX},
};

/// Seals a plan's JSON and writes it, as [`write()`] does.
pub(super) fn save(path: &Path, json: &str) -> Result<(), String> {
    write(path, &saved::seal(json).map_err(|error| error.to_string())?)
}

/// Writes a file. A reader sees the old file or the new one, never half of one. Who else may read it: nobody,
/// as it says who has access to what.
pub(super) fn write(path: &Path, text: &str) -> Result<(), String> {
    let said = |error: std::io::Error| format!("cannot be written: {error}");
    if path.metadata().is_ok_and(|data| !data.is_file()) {
        return Err("cannot be written: it is there, and is no file".to_owned());
    }
    let name = path.file_name().ok_or("cannot be written: that is no file's name")?;
    let beside = path.with_file_name(format!(".{}.{}", name.display(), std::process::id()));
    let written = new_file(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&beside); // what could not be written need not stay
        said(error)
    })
}

fn new_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Reads a saved plan.
pub(super) fn load(path: &Path) -> Result<Saved, String> {
    let said = |error: &dyn Display| format!("{}: {error}", path.display());
    let bytes = bytes(path, BYTES_MAX).map_err(|error| said(&error))?;
    saved::read(&bytes).map_err(|error| said(&error))
}

/// A file's bytes, up to one more than are allowed: so that what is too large is seen to be.
pub(super) fn bytes(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}
