//! Rotations that are cut off, and that none of the sealed columns is forgotten.

use super::*;
use crate::open::Options;
use crate::{Kept, NewWebhook, Store, WebhookId};
use manycast_hub::Secret;
use std::fs;

fn entry() -> AuditEntry {
    AuditEntry::new(UnixMs(1), "user", "ann", "vault.rotate", "vault")
}

async fn with_a_secret(dir: &Path) -> Store {
    let store = Store::open(dir, Options::default()).await.unwrap();
    let mut edit = store.edit(entry()).await.unwrap();
    let new = NewWebhook {
        id: WebhookId::new(),
        name: "ops".into(),
        url: String::new(),
        secret: Secret::new("sealed"),
        events: Vec::new(),
        streams: Vec::new(),
        enabled: true,
        created_at: UnixMs(1),
    };
    edit.create_webhook(new).await.unwrap();
    edit.commit().await.unwrap();
    store
}

async fn readable(store: &Store) {
    let rows = store.webhooks().await.unwrap();
    assert_eq!(rows[0].secret, Kept::Secret(Secret::new("sealed")));
}

#[tokio::test]
async fn every_sealed_column_is_sealed_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let mut reading = store.reading().await.unwrap();
    let all = "SELECT s.name AS t, c.name AS c FROM sqlite_schema s JOIN pragma_table_info(s.name) c \
               WHERE s.type = 'table' AND c.name LIKE '%sealed' ORDER BY 1, 2";
    let rows = query(all).fetch_all(&mut *reading.conn).await.unwrap();
    let mut have: Vec<(&str, &str)> = SEALED.iter().map(|c| (c.table, c.column)).collect();
    have.sort_unstable();
    let want: Vec<(String, String)> = rows.iter().map(|r| (r.get("t"), r.get("c"))).collect();
    assert_eq!(have, want.iter().map(|(t, c)| (t.as_str(), c.as_str())).collect::<Vec<_>>());
}

/// Killed after the key file was written and before the transaction: the old key is in force.
#[tokio::test]
async fn j3_a_rotation_cut_off_before_its_commit_never_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_a_secret(dir.path()).await;
    let old = store.0.ring.read().await.clone();
    store.close().await;
    let file = dir.path().join(crate::VAULT_KEY_FILE);
    old.with(Key::new()).write(&file).unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    readable(&store).await;
    assert_eq!(store.0.ring.read().await.current().id, old.current().id);
    store.rotate_vault(entry()).await.unwrap();
    readable(&store).await;
    assert_eq!(Ring::read(&file).unwrap().unwrap().len(), 1);
}

/// Killed after the transaction: the next start drops the old key from the file.
#[tokio::test]
async fn j3_a_rotation_cut_off_after_its_commit_is_finished_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_a_secret(dir.path()).await;
    let file = dir.path().join(crate::VAULT_KEY_FILE);
    let before = fs::read_to_string(&file).unwrap();
    let rotated = store.rotate_vault(entry()).await.unwrap();
    store.close().await;
    let after = fs::read_to_string(&file).unwrap();
    for both in [format!("{before}{after}"), format!("{after}{before}")] {
        fs::write(&file, both).unwrap();
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        readable(&store).await;
        store.close().await;
        let ring = Ring::read(&file).unwrap().unwrap();
        assert_eq!((ring.len(), ring.current().id.to_string()), (1, rotated.key_id.clone()));
    }
}

/// Readers and writers beside a rotation see secrets at every moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_readable_while_the_key_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_a_secret(dir.path()).await;
    let beside = store.clone();
    let reader = tokio::spawn(async move {
        for _ in 0..300 {
            readable(&beside).await;
        }
    });
    let beside = store.clone();
    let writer = tokio::spawn(async move {
        for n in 0..20 {
            let mut edit = beside.edit(entry()).await.unwrap();
            let hook = beside.webhooks().await.unwrap()[0].id;
            let change = crate::WebhookEdit { url: Some(n.to_string()), ..Default::default() };
            edit.edit_webhook(&hook, None, change).await.unwrap();
            edit.commit().await.unwrap();
        }
    });
    for _ in 0..10 {
        store.rotate_vault(entry()).await.unwrap();
    }
    reader.await.unwrap();
    writer.await.unwrap();
    assert_eq!(store.unreadable().await.unwrap(), 0);
}
