//! G8, where a test has to reach into the connections: a disk that is full, and an edit that goes on after.

use super::*;
use crate::open::Options;
use crate::{AuditEntry, AuditFilter, PageRequest, UnixMs};
use sqlx::{AssertSqlSafe, query_scalar};

fn entry() -> AuditEntry {
    AuditEntry::new(UnixMs(1), "user", "ann", "setting.set", "s").after("x".repeat(2_000))
}

async fn pages(store: &Store, most: Option<i64>) -> i64 {
    let mut conn = store.0.writer.acquire().await.unwrap();
    let pragma = match most {
        Some(most) => format!("PRAGMA max_page_count = {most}"),
        None => "PRAGMA page_count".to_owned(),
    };
    query_scalar(AssertSqlSafe(pragma)).fetch_one(&mut *conn).await.unwrap()
}

#[tokio::test]
async fn g8_a_full_disk_is_told_and_nothing_is_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let most = pages(&store, None).await + 4;
    pages(&store, Some(most)).await;
    let mut kept = 0;
    let full = loop {
        let mut edit = store.edit(entry()).await.unwrap();
        edit.set_setting("n", Some(&kept.to_string())).await.unwrap();
        match edit.commit().await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, Error::Full);
    assert!(full.remedy().contains("Make space"));
    assert!(kept > 0);
    // What is acknowledged is there, what is not is not, and reading goes on.
    let ask = PageRequest { limit: 200, after: None };
    let log = store.audit_log(AuditFilter::default(), ask).await.unwrap();
    assert_eq!(log.items.len(), kept);
    assert_eq!(store.setting("n").await.unwrap(), Some((kept - 1).to_string()));
    pages(&store, Some(1_000_000)).await;
    store.audit(entry()).await.unwrap();
    store.verify().await.unwrap();
}

/// SQLite may have rolled back by itself: what follows must not become a change without an entry.
#[tokio::test]
async fn g8_after_a_failure_an_edit_does_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    pages(&store, Some(pages(&store, None).await)).await;
    let mut edit = store.edit(entry()).await.unwrap();
    edit.set_setting("small", Some("1")).await.unwrap();
    let full = edit.set_setting("large", Some(&"x".repeat(100_000))).await.unwrap_err();
    assert_eq!(full, Error::Full);
    assert_eq!(edit.set_setting("after", Some("1")).await.unwrap_err(), Error::Full);
    assert_eq!(edit.commit().await.unwrap_err(), Error::Full);
    assert!(store.settings().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_closed_database_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    store.ping().await.unwrap();
    store.close().await;
    assert_eq!(store.ping().await.unwrap_err(), Error::Closed);
    assert_eq!(store.streams().await.unwrap_err(), Error::Closed);
    let names: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the log is folded into the file: {names:?}");
}

/// G8: SQLite rolls back by itself when the disk is full, which leaves the connection behind. A
/// bound on its pages is a full disk for this connection alone.
#[tokio::test]
async fn g8_it_is_written_to_again_as_soon_as_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&store.0.writer).await.unwrap();
    let large = "INSERT INTO setting (key, value) VALUES ('a', hex(zeroblob(1000000)))";
    let refused = store.execute(sqlx::query(large)).await.unwrap_err();
    assert!(matches!(refused, Error::Full), "{refused}");
    for _ in 0..3 {
        store.execute(sqlx::query(large)).await.unwrap();
        store.execute(sqlx::query("DELETE FROM setting")).await.unwrap();
        store.ping().await.unwrap();
    }
}
