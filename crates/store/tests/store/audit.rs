//! Changes and their entries: both or neither, and entries stay.

use crate::fixture::{AT, Fixture, entry, stream};
use manycast_store::{AuditFilter, PageRequest};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

#[tokio::test]
async fn i15_a_change_and_its_entry_are_one() {
    let f = Fixture::new().await;
    let mut edit = f.store.edit(entry("stream.create", "main")).await.unwrap();
    edit.create_stream(stream("main")).await.unwrap();
    edit.after("{\"name\":\"main\"}".to_owned());
    edit.note(entry("key.create", "main"));
    edit.commit().await.unwrap();
    let mut dropped = f.store.edit(entry("stream.create", "other")).await.unwrap();
    dropped.create_stream(stream("other")).await.unwrap();
    drop(dropped);
    let mut failed = f.store.edit(entry("stream.create", "main")).await.unwrap();
    assert!(failed.create_stream(stream("main")).await.is_err());
    drop(failed);

    assert_eq!(f.streams().await.unwrap().len(), 1);
    let log = f.audit_log(AuditFilter::default(), PageRequest::default()).await.unwrap().items;
    let actions: Vec<_> = log.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(actions, ["key.create", "stream.create"]);
    let first = &log[1].entry;
    assert_eq!((first.at, first.actor.as_str(), first.subject.as_str()), (AT, "ann", "main"));
    assert_eq!(first.address.as_deref(), Some("192.0.2.1"));
    assert_eq!(first.actor_id.as_deref(), Some("id-of-ann"));
    assert_eq!(
        (first.before.as_deref(), first.after.as_deref()),
        (None, Some("{\"name\":\"main\"}"))
    );
}

/// Also for somebody who opens the file with another program.
#[tokio::test]
async fn i15_entries_are_neither_changed_nor_deleted() {
    let f = Fixture::new().await;
    f.audit(entry("session.begin", "ann")).await.unwrap();
    let options = SqliteConnectOptions::new().filename(f.path());
    let mut conn = options.connect().await.unwrap();
    for statement in [
        "UPDATE audit SET actor = 'bob'",
        "UPDATE audit SET id = 9",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "INSERT OR REPLACE INTO audit (id, at, actor_kind, actor, action, subject) VALUES (1, 0, '', '', '', '')",
        "REPLACE INTO audit (id, at, actor_kind, actor, action, subject) VALUES (1, 0, '', '', '', '')",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut conn).await.unwrap_err();
        assert!(refused.to_string().contains("only ever added to"), "{statement}: {refused}");
    }
    conn.close().await.unwrap();
    let log = f.audit_log(AuditFilter::default(), PageRequest::default()).await.unwrap().items;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].entry, entry("session.begin", "ann"));
}

#[tokio::test]
async fn the_log_is_filtered_and_paged() {
    let f = Fixture::new().await;
    for n in 0..7 {
        let action = if n % 2 == 0 { "stream.edit" } else { "user.edit" };
        f.audit(entry(action, &n.to_string())).await.unwrap();
    }
    let of = async |filter: AuditFilter| {
        let mut ask = PageRequest { limit: 2, after: None };
        let mut seen = Vec::new();
        loop {
            let page = f.audit_log(filter.clone(), ask.clone()).await.unwrap();
            seen.extend(page.items.into_iter().map(|row| row.entry.subject));
            ask.after = page.next;
            if ask.after.is_none() {
                return seen.join("");
            }
        }
    };
    let action = |a: &str| AuditFilter { action: Some(a.to_owned()), ..AuditFilter::default() };
    assert_eq!(of(AuditFilter::default()).await, "6543210");
    assert_eq!(of(action("stream.")).await, "6420");
    assert_eq!(of(action("user.edit")).await, "531");
    assert_eq!(of(action("%")).await, "");
    let subject = AuditFilter { subject: Some("3".to_owned()), ..AuditFilter::default() };
    assert_eq!(of(subject).await, "3");
    let actor = AuditFilter { actor: Some("bob".to_owned()), ..AuditFilter::default() };
    assert_eq!(of(actor).await, "");
}
