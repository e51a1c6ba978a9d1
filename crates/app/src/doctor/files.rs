//! The data directory: whether it can be written, how much room it has, how fast it keeps.

use super::{Finding, Patient};
use crate::serve::disk;
use manycast_store::{BACKUP_FOLDER, DATABASE_FILE, VAULT_KEY_FILE};
use manycast_sys::Space;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const CHECK: &str = "data directory";
const DISK: &str = "disk";
const MIB: u64 = 1 << 20;
/// What is written to see how fast the disk is.
const PIECES: u64 = 16;
/// How often a small change is kept, to see how long that takes.
const SYNCS: u32 = 8;

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let dir = &patient.data_dir;
    let shown = dir.display();
    if !dir.exists() {
        let above = dir.ancestors().skip(1).find(|above| above.exists());
        let above = above.filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut findings = vec![makes(dir, above)];
        findings.extend(room(above));
        return findings;
    }
    if !dir.is_dir() {
        let remedy = "name a directory by --data-dir";
        return vec![Finding::bad(CHECK, format!("{shown} is no directory"), remedy)];
    }
    let mut findings = vec![match &patient.running {
        Some(process) => Finding::ok(CHECK, format!("{shown} is in use by process {process}")),
        None => Finding::ok(CHECK, format!("{shown}: no server runs here")),
    }];
    findings.extend(privacy(dir));
    findings.extend(database(dir));
    findings.extend(room(dir));
    findings.push(speed(dir));
    findings
}

/// Whether a directory can be made in one that is there.
fn makes(dir: &Path, above: &Path) -> Finding {
    let shown = dir.display();
    let probe = above.join(format!(".doctor-{}", std::process::id()));
    match fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)) {
        Ok(()) => Finding::ok(CHECK, format!("{shown} will be made at the start")),
        Err(error) => {
            Finding::bad(CHECK, format!("{shown} cannot be made: {error}"), disk::remedy(&error))
        }
    }
}

/// Whether others can read what is in it.
#[cfg(unix)]
fn privacy(dir: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let key = dir.join(VAULT_KEY_FILE);
    let open = [dir, &key]
        .into_iter()
        .find(|path| fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0))?;
    let shown = open.display();
    let what = format!("{shown} can be opened by other users of this machine");
    Some(Finding::doubt(CHECK, what, format!("chmod go= {shown}")))
}

#[cfg(not(unix))]
fn privacy(_dir: &Path) -> Option<Finding> {
    None
}

fn database(dir: &Path) -> Option<Finding> {
    let file = dir.join(DATABASE_FILE);
    let bytes = fs::metadata(&file).ok()?.len();
    let backups = fs::read_dir(dir.join(BACKUP_FOLDER)).map_or(0, Iterator::count);
    let size = if bytes < MIB {
        format!("{} KiB", bytes.div_ceil(1024))
    } else {
        format!("{} MiB", bytes / MIB)
    };
    let what = format!("the database has {size}; backups beside it: {backups}");
    Some(Finding::ok(CHECK, what))
}

fn room(dir: &Path) -> Option<Finding> {
    let shown = dir.display();
    match manycast_sys::disk_space(dir) {
        Ok(space) => Some(judge_room(&shown.to_string(), space)),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => None,
        Err(error) => Some(Finding::bad(DISK, format!("{shown}: {error}"), disk::remedy(&error))),
    }
}

fn judge_room(shown: &str, space: Space) -> Finding {
    let mib = space.free / MIB;
    let what = format!("{mib} MiB are free at {shown}");
    match (mib, space.files) {
        (0..200, _) => Finding::bad(DISK, what, "make room: `df -h` tells where"),
        (_, Some(0..1000)) => {
            let what = format!("hardly any file can be made at {shown} any more");
            Finding::bad(DISK, what, "remove small files: `df -i` tells where")
        }
        (200..1024, _) => Finding::doubt(DISK, what, "make room before it is full"),
        _ => Finding::ok(DISK, what),
    }
}

fn speed(dir: &Path) -> Finding {
    match measure(dir) {
        Ok((write, sync)) => judge_speed(write, sync),
        Err(error) => {
            let what = format!("{} cannot be written to: {error}", dir.display());
            Finding::bad(DISK, what, disk::remedy(&error))
        }
    }
}

/// How long 16 MiB take, and how long a small change takes until it is kept.
fn measure(dir: &Path) -> io::Result<(Duration, Duration)> {
    let path = dir.join(format!(".doctor-{}", std::process::id()));
    let measured = (|| -> io::Result<_> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let piece = vec![0x5a; usize::try_from(MIB).unwrap_or(1)];
        let begin = Instant::now();
        for _ in 0..PIECES {
            file.write_all(&piece)?;
        }
        file.sync_all()?;
        let write = begin.elapsed();
        let begin = Instant::now();
        for _ in 0..SYNCS {
            file.write_all(&piece[..4096])?;
            file.sync_data()?;
        }
        Ok((write, begin.elapsed() / SYNCS))
    })();
    let removed = fs::remove_file(&path);
    let measured = measured?;
    removed?;
    Ok(measured)
}

fn judge_speed(write: Duration, sync: Duration) -> Finding {
    let rate = f64::from(u32::try_from(PIECES).unwrap_or(1)) / write.as_secs_f64().max(1e-6);
    let what =
        format!("writes {rate:.0} MiB/s, keeps a change in {:.1} ms", sync.as_secs_f64() * 1e3);
    if rate < 5.0 || sync > Duration::from_millis(200) {
        let remedy = "every change waits for the disk: use a local disk or SSD for --data-dir, not \
                      a network or memory card; media is not concerned";
        return Finding::doubt(DISK, what, remedy);
    }
    Finding::ok(DISK, what)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn room_is_judged_by_bytes_and_by_files() {
        let space = |mib: u64, files| Space { free: mib * MIB, total: 1 << 40, files };
        for (space, want) in [
            (space(100, None), State::Bad),
            (space(500, None), State::Doubt),
            (space(5_000, None), State::Ok),
            (space(5_000, Some(10)), State::Bad),
            (space(5_000, Some(1_000_000)), State::Ok),
        ] {
            assert_eq!(judge_room("/x", space).state, want, "{space:?}");
        }
    }

    #[test]
    fn a_slow_disk_is_doubtful_and_nothing_is_left_behind() {
        let (fast, slow) = (Duration::from_millis(50), Duration::from_secs(10));
        let ms = Duration::from_millis;
        assert_eq!(judge_speed(fast, ms(5)).state, State::Ok);
        assert_eq!(judge_speed(slow, ms(5)).state, State::Doubt);
        assert_eq!(judge_speed(fast, ms(500)).state, State::Doubt);
        let folder = tempfile::tempdir().unwrap();
        measure(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(speed(&folder.path().join("none")).state, State::Bad);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_told_before_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("a/b");
        assert_eq!(makes(&wanted, folder.path()).state, State::Ok);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let found = makes(&file.join("x"), &file);
        assert!(found.state == State::Bad && found.what.contains("cannot be made"), "{found:?}");
    }
}
