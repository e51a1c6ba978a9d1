//! The directory where state is kept, and the lock that keeps a second server out of it (G6).

use super::disk;
use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

const LOCK: &str = "manycast.lock";

/// A data directory that is ours until this is dropped, or the process ends however it may.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if it is not there, for this user alone, and locks it.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let shown = path.display();
        let because = |what: String, error: std::io::Error| {
            anyhow::anyhow!("{what}: {error}; {}", disk::remedy(&error))
        };
        create(path)
            .map_err(|e| because(format!("the data directory {shown} cannot be made"), e))?;
        let lock = path.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options
            .open(&lock)
            .map_err(|e| because(format!("the data directory {shown} cannot be written to"), e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = named(&file).unwrap_or_else(|| "unknown".to_owned());
                bail!(
                    "the data directory {shown} is in use by another manycast (process {holder}): \
                     stop that one, or give this one another --data-dir"
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{} cannot be locked", lock.display()));
            }
        }
        let mut note = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        note().map_err(|e| because(format!("{} cannot be written", lock.display()), e))?;
        Ok(Self { path: path.to_owned(), _lock: file })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The process that the file of the lock names.
fn named(file: &File) -> Option<String> {
    let mut holder = String::new();
    file.take(32).read_to_string(&mut holder).ok()?;
    Some(holder.trim().to_owned()).filter(|holder| !holder.is_empty())
}

/// The process that works in a directory now, if one does; text, since it may not be known.
pub(crate) fn holder(path: &Path) -> Option<String> {
    let file = OpenOptions::new().read(true).write(true).open(path.join(LOCK)).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Some(named(&file).unwrap_or_else(|| "unknown".to_owned())),
        _ => None,
    }
}

fn create(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g6_a_directory_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/data");
        let first = DataDir::take(&path).unwrap();
        let refusal = DataDir::take(&path).unwrap_err().to_string();
        let id = std::process::id().to_string();
        assert!(refusal.contains(&id) && refusal.contains("--data-dir"), "{refusal}");
        assert_eq!(holder(&path), Some(id));
        drop(first);
        assert_eq!(holder(&path), None);
        assert_eq!(DataDir::take(&path).unwrap().path(), path);
    }

    #[test]
    fn a_place_that_cannot_be_a_directory_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        let refusal = DataDir::take(&path).unwrap_err().to_string();
        assert!(refusal.contains("cannot be"), "{refusal}");
    }
}
