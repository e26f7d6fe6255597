//! A new text → the file, whole or not at all.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

/// Puts `after` in the place of `before`, with the same permissions. A crash leaves the one or the other; a file that was
/// changed by somebody else meanwhile is left as it is.
pub(super) fn replace(path: &Path, before: &str, after: &str) -> io::Result<()> {
    let real = path.canonicalize()?; // a link stays a link
    let folder = real.parent().ok_or_else(|| io::Error::other("the file is in no folder"))?;
    let mut new = tempfile::Builder::new().prefix(".tilgang-").tempfile_in(folder)?;
    new.write_all(after.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(&real)?.permissions())?;
    new.as_file().sync_all()?;
    if fs::read(&real)? != before.as_bytes() {
        return Err(io::Error::other("it was changed meanwhile; nothing was written"));
    }
    new.persist(&real).map_err(|error| error.error)?;
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all(); // the new name lasts, too; where a folder cannot be synced, it lasts as names do there
    }
    Ok(())
}

/// Makes a file that was not there, whole or not at all, and its folder where that is missing, too.
pub(super) fn create(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("the file is in no folder"))?;
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // as any new file: less the user's umask
    let mut new = builder.prefix(".tilgang-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist_noclobber(path).map_err(|error| error.error)?;
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("a.yaml"), dir.path().join("b.yaml"));
        fs::write(&file, "one").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.yaml", &link).unwrap();
        replace(&link, "one", "two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn what_others_wrote_meanwhile_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        fs::write(&file, "theirs").unwrap();
        let error = replace(&file, "one", "two").unwrap_err();
        assert!(error.to_string().contains("meanwhile"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
