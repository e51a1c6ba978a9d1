//! How much room a file system has.

use std::io;
use std::path::Path;

/// The room of the file system that a path lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that an ordinary process may still write.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
    /// Files that may still be made; `None` where there is no limit of their own.
    pub files: Option<u64>,
}

/// The room of the file system that `path` lies on.
///
/// # Errors
/// What the system says; `Unsupported` off Unix.
#[cfg(unix)]
pub fn disk_space(path: &Path) -> io::Result<Space> {
    let facts = nix::sys::statvfs::statvfs(path)?;
    let unit = widen(facts.fragment_size());
    let files = widen(facts.files());
    Ok(Space {
        free: widen(facts.blocks_available()).saturating_mul(unit),
        total: widen(facts.blocks()).saturating_mul(unit),
        files: (files > 0).then(|| widen(facts.files_available())),
    })
}

/// The counts are 32 bits wide on some systems.
#[cfg(unix)]
#[allow(clippy::useless_conversion)]
fn widen(count: impl Into<u64>) -> u64 {
    count.into()
}

/// The room of the file system that `path` lies on.
///
/// # Errors
/// Always `Unsupported` here.
#[cfg(not(unix))]
pub fn disk_space(path: &Path) -> io::Result<Space> {
    let _ = path;
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_where_there_is_a_disk() {
        let space = disk_space(&std::env::temp_dir()).unwrap();
        assert!(space.total >= space.free && space.total > 0, "{space:?}");
        assert!(disk_space(Path::new("/nowhere/at/all")).is_err());
    }
}
