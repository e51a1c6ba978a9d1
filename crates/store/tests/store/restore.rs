//! Backups while it runs, and putting them back.

use crate::fixture::{Fixture, bytes_of, destination, quick, secret, stream};
use manycast_store::{
    DATABASE_FILE, Error, Kept, LOCK_FILE, LostKey, Options, Store, VAULT_KEY_FILE, backups,
    restore,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::fs;
use std::path::{Path, PathBuf};

/// A running database with one Stream and its Destination, a backup of it with its key, and then one Stream more.
async fn with_backup() -> (Fixture, tempfile::TempDir, PathBuf) {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let main = edit.create_stream(stream("main")).await.unwrap();
    edit.create_destination(destination(main.id, "yt")).await.unwrap();
    edit.commit().await.unwrap();
    let away = tempfile::tempdir().unwrap();
    let to = away.path().join("backup.db");
    let made = f.backup(&to, true).await.unwrap();
    assert!(made.bytes > 0 && made.vault_key.unwrap().exists());
    let mut edit = f.edit().await;
    edit.create_stream(stream("later")).await.unwrap();
    edit.commit().await.unwrap();
    (f, away, to)
}

async fn names(dir: &Path) -> Vec<String> {
    let store = Store::open(dir, quick()).await.unwrap();
    let names = store.streams().await.unwrap().into_iter().map(|s| s.name).collect();
    assert_eq!(store.unreadable().await.unwrap(), 0);
    store.close().await;
    names
}

#[tokio::test]
async fn a_backup_is_put_back_and_what_was_there_is_kept() {
    let (f, _away, to) = with_backup().await;
    f.store.close().await;
    let restored = restore(f.dir.path(), &to, quick()).await.unwrap();
    assert_eq!(restored.schema, f.schema());
    assert_eq!(names(f.dir.path()).await, ["main"]);
    // What it replaced is a backup itself.
    let replaced = restored.replaced.unwrap();
    assert_eq!(backups(f.dir.path())[0].path, replaced);
    restore(f.dir.path(), &replaced, quick()).await.unwrap();
    assert_eq!(names(f.dir.path()).await, ["main", "later"]);
    let left = bytes_of(f.dir.path());
    assert!(left.iter().all(|(name, _)| !name.contains(".restore") && !name.ends_with(".new")));
}

#[tokio::test]
async fn a_backup_starts_a_new_machine_with_its_key_and_not_without() {
    let (f, away, to) = with_backup().await;
    let new = tempfile::tempdir().unwrap();
    let restored = restore(new.path(), &to, quick()).await.unwrap();
    assert_eq!(restored.replaced, None);
    assert_eq!(names(new.path()).await, ["main"]);
    assert_eq!(
        fs::read(new.path().join(VAULT_KEY_FILE)).unwrap(),
        fs::read(f.vault_key_path()).unwrap()
    );

    fs::remove_file(away.path().join("backup.db.vault.key")).unwrap();
    let bare = tempfile::tempdir().unwrap();
    let refused = restore(bare.path(), &to, quick()).await.unwrap_err();
    assert!(matches!(refused, Error::VaultKey { .. }), "{refused}");
    assert!(!bare.path().join(DATABASE_FILE).exists());
    let forget = Options { lost_key: LostKey::Forget, ..quick() };
    restore(bare.path(), &to, forget.clone()).await.unwrap();
    let store = Store::open(bare.path(), forget).await.unwrap();
    assert_eq!(store.destinations().await.unwrap()[0].key, Kept::Unreadable);
}

#[tokio::test]
async fn a_restored_backup_from_before_a_rotation_has_both_keys() {
    let (f, _away, to) = with_backup().await;
    f.rotate_vault(crate::fixture::entry("vault.rotate", "vault")).await.unwrap();
    f.store.close().await;
    let replaced = restore(f.dir.path(), &to, quick()).await.unwrap().replaced.unwrap();
    let store = Store::open(f.dir.path(), quick()).await.unwrap();
    let key = store.destinations().await.unwrap()[0].key.clone();
    assert_eq!(key, Kept::Secret(secret("canary-key")));
    store.close().await;
    restore(f.dir.path(), &replaced, quick()).await.unwrap();
    assert_eq!(names(f.dir.path()).await, ["main", "later"]);
}

#[tokio::test]
async fn g6_nothing_is_restored_under_a_running_instance() {
    let (f, _away, to) = with_backup().await;
    let lock = fs::File::create(f.dir.path().join(LOCK_FILE)).unwrap();
    lock.try_lock().unwrap();
    fs::write(f.dir.path().join(LOCK_FILE), "4711\n").unwrap();
    let refused = restore(f.dir.path(), &to, quick()).await.unwrap_err();
    assert_eq!(refused, Error::InUse { dir: f.dir.path().to_owned(), holder: "4711".into() });
    assert_eq!(f.streams().await.unwrap().len(), 2);
    lock.unlock().unwrap();
    f.store.close().await;
    restore(f.dir.path(), &to, quick()).await.unwrap();
}

#[tokio::test]
async fn a_bad_backup_is_refused_and_changes_nothing() {
    let (f, away, to) = with_backup().await;
    f.store.close().await;
    let good = fs::read(&to).unwrap();
    let newer = away.path().join("newer.db");
    fs::write(&newer, &good).unwrap();
    let mut conn = SqliteConnectOptions::new().filename(&newer).connect().await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let foreign = away.path().join("foreign.db");
    fs::write(&foreign, &good).unwrap();
    let mut conn = SqliteConnectOptions::new().filename(&foreign).connect().await.unwrap();
    sqlx::raw_sql("PRAGMA application_id = 1").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = away.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut bent = good.clone();
    bent[8_192] ^= 0xff;
    // A text that the index says differently: only the full check sees it.
    let at = good.windows(5).position(|w| w == b"mainT").unwrap();
    let mut quiet = good.clone();
    quiet[at] = b'M';
    fs::write(f.dir.path().join(LOCK_FILE), "").unwrap();
    let before = bytes_of(f.dir.path());
    for (path, word) in [
        (newer, "database-newer"),
        (foreign, "database-foreign"),
        (write("bent.db", &bent), "database-corrupt"),
        (write("quiet.db", &quiet), "database-corrupt"),
        (write("cut.db", &good[..good.len() - 5_000]), "database-corrupt"),
        (write("text.db", b"Some text of somebody, not a database."), "database-corrupt"),
        (write("empty.db", b""), "database-foreign"),
        (away.path().join("nothing.db"), "database-io"),
    ] {
        let refused = restore(f.dir.path(), &path, quick()).await.unwrap_err();
        assert_eq!(refused.word(), word, "{}: {refused}", path.display());
        assert!(refused.to_string().contains(&*path.to_string_lossy()), "{refused}");
        assert!(bytes_of(f.dir.path()) == before, "{}: something changed", path.display());
    }
    assert_eq!(names(f.dir.path()).await, ["main", "later"]);
}

#[tokio::test]
async fn a_damaged_database_is_replaced_and_kept() {
    let (f, _away, to) = with_backup().await;
    f.store.close().await;
    let path = f.dir.path().join(DATABASE_FILE);
    let mut bent = fs::read(&path).unwrap();
    bent[4_096] ^= 0xff;
    fs::write(&path, &bent).unwrap();
    assert!(matches!(Store::open(f.dir.path(), quick()).await, Err(Error::Corrupt { .. })));
    let replaced = restore(f.dir.path(), &to, quick()).await.unwrap().replaced.unwrap();
    assert_eq!(fs::read(replaced).unwrap(), bent);
    assert_eq!(names(f.dir.path()).await, ["main"]);
}

/// Somebody copied the files of a running server: the last commits are in the log.
#[tokio::test]
async fn a_plain_copy_of_the_files_is_restored_with_its_log() {
    let (f, away, _) = with_backup().await;
    let copy = away.path().join("plain.db");
    fs::copy(f.path(), &copy).unwrap();
    fs::copy(f.dir.path().join("manycast.db-wal"), away.path().join("plain.db-wal")).unwrap();
    fs::copy(f.vault_key_path(), away.path().join("plain.db.vault.key")).unwrap();
    let new = tempfile::tempdir().unwrap();
    restore(new.path(), &copy, quick()).await.unwrap();
    assert_eq!(names(new.path()).await, ["main", "later"]);
}

#[tokio::test]
async fn a_backup_never_overwrites() {
    let (f, away, to) = with_backup().await;
    let before = fs::read(&to).unwrap();
    let refused = f.backup(&to, false).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { .. }), "{refused}");
    fs::write(away.path().join("b.db.vault.key"), "mine").unwrap();
    assert!(f.backup(&away.path().join("b.db"), true).await.is_err());
    assert_eq!(fs::read(&to).unwrap(), before);
    let nowhere = f.backup(&away.path().join("no/such/folder.db"), false).await.unwrap_err();
    assert!(matches!(nowhere, Error::Io { .. }), "{nowhere}");
}

/// What a backup holds is one moment, whoever writes meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_writers_is_one_moment() {
    let f = Fixture::new().await;
    let store = f.store.clone();
    let writer = tokio::spawn(async move {
        for n in 0..60 {
            let mut edit = store.edit(crate::fixture::entry("a", "b")).await.unwrap();
            edit.set_setting("one", Some(&n.to_string())).await.unwrap();
            edit.set_setting("two", Some(&n.to_string())).await.unwrap();
            edit.commit().await.unwrap();
        }
    });
    for n in 0..6 {
        let to = f.dir.path().join(format!("{n}.db"));
        f.backup(&to, true).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        restore(dir.path(), &to, quick()).await.unwrap();
        let copy = Store::open(dir.path(), quick()).await.unwrap();
        assert_eq!(copy.setting("one").await.unwrap(), copy.setting("two").await.unwrap());
        copy.close().await;
    }
    writer.await.unwrap();
}
