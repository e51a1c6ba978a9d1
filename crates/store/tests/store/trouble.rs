//! G8: locked, read-only, damaged, foreign.

use crate::fixture::{Fixture, bytes_of, entry, quick, stream};
use manycast_store::{
    BACKUP_FOLDER, DATABASE_FILE, Error, EventFilter, NewEvent, PageRequest, Store, UnixMs,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

#[tokio::test]
async fn g8_a_locked_database_is_told_after_the_wait_and_is_read_meanwhile() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    edit.create_stream(stream("main")).await.unwrap();
    edit.commit().await.unwrap();
    let mut other = SqliteConnectOptions::new().filename(f.path()).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    for _ in 0..2 {
        assert_eq!(f.store.edit(entry("a", "b")).await.unwrap_err(), Error::Busy);
        assert_eq!(f.ping().await.unwrap_err(), Error::Busy);
        assert_eq!(f.streams().await.unwrap().len(), 1);
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    f.edit().await.commit().await.unwrap();
    f.ping().await.unwrap();
}

#[tokio::test]
async fn g8_an_edit_that_does_not_end_is_told_to_the_next_and_a_dropped_one_is_over() {
    let f = Fixture::new().await;
    let held = f.edit().await;
    assert_eq!(f.store.edit(entry("a", "b")).await.unwrap_err(), Error::Busy);
    drop(held);
    f.edit().await.commit().await.unwrap();
    // A caller that goes away in the middle: his future is dropped where it waits.
    for polls in 1..40_u32 {
        let work = async {
            let mut edit = f.edit().await;
            edit.create_stream(stream("half")).await.unwrap();
            edit.create_stream(stream("whole")).await.unwrap();
            std::future::pending::<()>().await;
        };
        let mut work = Box::pin(work);
        for _ in 0..polls {
            let once = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(work.as_mut().poll(cx).is_ready())
            });
            assert!(!once.await);
            tokio::time::sleep(std::time::Duration::from_micros(100)).await;
        }
        drop(work);
        f.ping().await.unwrap();
    }
    assert!(f.streams().await.unwrap().is_empty());
}

const CHILD: &str = "MANYCAST_TEST_READ_ONLY";

/// Runs as a user that may not write, which root is not: what a server would find out.
async fn child(dir: &Path) {
    let said = match Store::open(dir, quick()).await {
        Ok(store) => {
            let streams = store.streams().await.unwrap().len();
            let edit = store.audit(entry("a", "b")).await.unwrap_err();
            assert_eq!(store.ping().await.unwrap_err(), edit);
            format!("@opened {streams} {}", edit.word())
        }
        Err(error) => format!("@refused {}", error.word()),
    };
    println!("{said}");
}

fn as_nobody(program: &Path, dir: &Path) -> String {
    let name = "trouble::g8_a_read_only_database_is_read_and_says_why_it_is_not_written";
    let mut command = Command::new(program);
    command.args(["--exact", name, "--nocapture"]).env(CHILD, dir);
    if nix::unistd::geteuid().is_root() {
        std::os::unix::process::CommandExt::uid(&mut command, 65_534);
    }
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = out.lines().find_map(|l| l.split_once('@')).map(|(_, said)| said.to_owned());
    said.unwrap_or_else(|| panic!("{out}{}", String::from_utf8_lossy(&output.stderr)))
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn g8_a_read_only_database_is_read_and_says_why_it_is_not_written() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return child(Path::new(&dir)).await;
    }
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    edit.create_stream(stream("main")).await.unwrap();
    edit.commit().await.unwrap();
    f.store.close().await;
    let dir = f.dir.path();
    let away = tempfile::tempdir().unwrap();
    mode(away.path(), 0o755);
    let program = away.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    mode(&program, 0o755);
    mode(&dir.join("vault.key"), 0o444);
    for (file, folder, want) in [
        (0o444, 0o777, "opened 1 database-read-only"),
        (0o444, 0o555, "refused database-read-only"),
    ] {
        mode(&dir.join(DATABASE_FILE), file);
        mode(dir, folder);
        let said = as_nobody(&program, dir);
        mode(dir, 0o777);
        for left in ["-wal", "-shm"] {
            let _ = fs::remove_file(dir.join(format!("{DATABASE_FILE}{left}")));
        }
        assert_eq!(said, want, "{file:o} {folder:o}");
    }
    mode(dir, 0o700);
}

fn event(n: usize) -> NewEvent {
    NewEvent {
        at: UnixMs(1),
        kind: format!("kind.{n}"),
        stream: Some("main".into()),
        destination: None,
        actor: None,
        address: None,
        severity: "info".into(),
        text: "x".repeat(200),
        data: "{}".into(),
    }
}

/// A closed database with a backup and some 200 pages.
async fn filled() -> Fixture {
    let f = Fixture::new().await;
    let events: Vec<_> = (0..2_000).map(event).collect();
    f.insert_events(&events).await.unwrap();
    let backups = f.dir.path().join(BACKUP_FOLDER);
    fs::create_dir(&backups).unwrap();
    f.backup(&backups.join("manycast-1-schema1.db"), false).await.unwrap();
    f.store.close().await;
    f
}

#[tokio::test]
async fn g8_a_damaged_database_is_refused_left_as_it_is_and_backups_are_named() {
    let f = filled().await;
    let path = f.dir.path().join(DATABASE_FILE);
    let good = fs::read(&path).unwrap();
    let page = 4_096;
    let pages = good.len() / page;
    assert!(pages > 100, "{pages} pages");
    // The magic, then the type of each page of a tree.
    let mut places = vec![3];
    places.push(100);
    places.extend((1..pages).map(|n| n * page));
    let mut refused = 0;
    for &at in places.iter().step_by(7).chain(&places[..2]) {
        let mut bent = good.clone();
        bent[at] ^= 0xff;
        fs::write(&path, &bent).unwrap();
        let before = bytes_of(f.dir.path());
        match Store::open(f.dir.path(), quick()).await {
            Err(Error::Corrupt { file, backups }) => {
                refused += 1;
                assert_eq!((file, backups.len()), (path.clone(), 1));
                let left = bytes_of(f.dir.path());
                let same = |name: &str| {
                    let of =
                        |all: &[(String, Vec<u8>)]| all.iter().find(|(n, _)| n == name).cloned();
                    of(&before) == of(&left)
                };
                assert!(same(DATABASE_FILE) && same("backups/manycast-1-schema1.db"), "byte {at}");
            }
            Err(other) => panic!("byte {at}: {other}"),
            // A page of free space holds nothing.
            Ok(store) => store.close().await,
        }
    }
    assert!(refused > pages / 10, "{refused} of {pages}");
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    let cut = Store::open(f.dir.path(), quick()).await.unwrap_err();
    assert!(
        cut.remedy().contains("manycast restore") && cut.remedy().contains("schema1.db"),
        "{cut}"
    );
    fs::write(&path, &good).unwrap();
    let store = Store::open(f.dir.path(), quick()).await.unwrap();
    assert_eq!(store.last_event_id().await.unwrap(), 2_000);
}

#[tokio::test]
async fn g8_damage_under_a_running_server_stops_writing() {
    let f = filled().await;
    let store = Store::open(f.dir.path(), quick()).await.unwrap();
    let file = fs::OpenOptions::new().write(true).open(store.path()).unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    for page in 40..pages {
        file.write_all_at(&[0xff; 16], page * 4_096).unwrap();
    }
    let read = store.events(EventFilter::default(), PageRequest { limit: 200, after: None }).await;
    let Err(Error::Corrupt { backups, .. }) = read else { panic!("{read:?}") };
    assert_eq!(backups.len(), 1);
    let before = fs::read(store.path()).unwrap();
    let refused = store.edit(entry("a", "b")).await.unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused}");
    assert!(matches!(store.insert_events(&[event(1)]).await, Err(Error::Corrupt { .. })));
    assert!(matches!(store.rotate_vault(entry("a", "b")).await, Err(Error::Corrupt { .. })));
    assert_eq!(fs::read(store.path()).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(DATABASE_FILE);
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut conn = options.connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE theirs (a)").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let before = bytes_of(dir.path());
    let refused = Store::open(dir.path(), quick()).await.unwrap_err();
    assert!(matches!(refused, Error::Foreign { .. }), "{refused}");
    assert_eq!(bytes_of(dir.path()), before);
}

/// A power cut before the file had its write-ahead log, or in the first change after a restore: the journal of
/// that change is to be rolled back, not to be refused.
#[tokio::test]
async fn g9_a_change_that_was_cut_off_before_the_log_is_rolled_back() {
    let f = filled().await;
    let options = SqliteConnectOptions::new().filename(f.path()).pragma("cache_size", "5");
    let mut conn = options.connect().await.unwrap();
    sqlx::raw_sql("PRAGMA journal_mode = DELETE; BEGIN; UPDATE event SET text = 'half';")
        .execute(&mut conn)
        .await
        .unwrap();
    let cut = tempfile::tempdir().unwrap();
    for name in [DATABASE_FILE, "manycast.db-journal", "vault.key"] {
        fs::copy(f.dir.path().join(name), cut.path().join(name)).unwrap();
    }
    conn.close().await.unwrap();
    let store = Store::open(cut.path(), quick()).await.unwrap();
    let page = store.events(EventFilter::default(), PageRequest::default()).await.unwrap();
    assert!(page.items.iter().all(|row| row.event.text != "half"));
    store.verify().await.unwrap();
}

/// What lies there is no database and none that is new: it is refused at once, and left as it is.
#[tokio::test]
async fn g8_what_cannot_be_the_database_is_refused() {
    let f = Fixture::new().await;
    f.store.close().await;
    let file = f.dir.path().join(DATABASE_FILE);
    let log = f.dir.path().join(format!("{DATABASE_FILE}-wal"));
    assert!(fs::metadata(&log).map_or(true, |log| log.len() == 0));
    fs::write(&file, b"").unwrap();
    let emptied = Store::open(f.dir.path(), quick()).await.unwrap_err();
    assert!(matches!(emptied, Error::Emptied { .. }), "{emptied}");
    assert!(emptied.remedy().contains("manycast restore"), "{}", emptied.remedy());
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);

    fs::remove_file(&file).unwrap();
    let made = Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    let piped = tokio::time::timeout(
        std::time::Duration::from_secs(20),
        Store::open(f.dir.path(), quick()),
    );
    let piped = piped.await.expect("it does not wait for the other end").unwrap_err();
    assert!(matches!(piped, Error::NoFile { .. }), "{piped}");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let folder = Store::open(f.dir.path(), quick()).await.unwrap_err();
    assert!(matches!(folder, Error::NoFile { .. }), "{folder}");

    fs::remove_dir(&file).unwrap();
    Store::open(f.dir.path(), quick()).await.expect("without a file it begins anew").close().await;
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "for this user alone");
}

/// An empty file without a key beside it, as a first start leaves it that was cut off, is a beginning.
#[tokio::test]
async fn g8_an_empty_file_alone_is_a_beginning() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(DATABASE_FILE), b"").unwrap();
    Store::open(dir.path(), quick()).await.unwrap().close().await;
}
