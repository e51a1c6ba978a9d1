//! Secrets at rest: what the files hold, and keys that are changed or lost.

use crate::fixture::{
    AT, Fixture, bytes_of, destination, entry, holds, quick, secret, stream, user, webhook,
};
use manycast_store::{
    DestinationId, Error, IdempotencyRow, Kept, LostKey, Options, Sealed, Store, UserEdit,
    VAULT_KEY_FILE, sealed_with,
};
use std::fs;

const CANARIES: [&str; 6] = [
    "canary-key",
    "canary-password",
    "canary-backup-key",
    "canary-webhook",
    "canary-totp",
    "canary-answer",
];

/// A database in which each kind of secret is.
async fn full() -> (Fixture, DestinationId) {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let ann = edit.create_user(user("ann", "owner")).await.unwrap();
    let totp = UserEdit { totp: Some(Some(secret("canary-totp"))), ..UserEdit::default() };
    edit.edit_user(&ann.id, None, totp).await.unwrap();
    let main = edit.create_stream(stream("main")).await.unwrap();
    let to = edit.create_destination(destination(main.id, "yt")).await.unwrap();
    edit.create_webhook(webhook("ops")).await.unwrap();
    let answer = IdempotencyRow {
        actor: "ann".to_owned(),
        key: "k".to_owned(),
        route: "POST /api/v1/streams/main/keys".to_owned(),
        body_hash: vec![1],
        status: 201,
        answer: secret("{\"key\":\"canary-answer\"}"),
        created_at: AT,
    };
    edit.remember(answer).await.unwrap();
    edit.commit().await.unwrap();
    (f, to.id)
}

fn clean(f: &Fixture) {
    for (name, bytes) in bytes_of(f.dir.path()) {
        for canary in CANARIES {
            assert!(!holds(&bytes, canary), "{canary} is in {name}");
        }
    }
}

async fn readable(store: &Store, id: &DestinationId) {
    let row = store.destination(id).await.unwrap().unwrap();
    assert_eq!(row.key, Kept::Secret(secret("canary-key")));
    let answer = store.idempotency("ann", "k", AT).await.unwrap().unwrap().answer;
    assert_eq!(answer, secret("{\"key\":\"canary-answer\"}"));
    let ann = store.user_by_name("ann").await.unwrap().unwrap();
    assert_eq!(ann.totp, Kept::Secret(secret("canary-totp")));
    assert_eq!(store.webhooks().await.unwrap()[0].secret, Kept::Secret(secret("canary-webhook")));
    assert_eq!(store.unreadable().await.unwrap(), 0);
}

#[tokio::test]
async fn j3_no_file_holds_a_secret_and_backups_hold_no_key() {
    let (f, id) = full().await;
    clean(&f);
    let key = fs::read_to_string(f.vault_key_path()).unwrap();
    let key = key.split_whitespace().last().unwrap();
    let to = f.dir.path().join("copy.db");
    let copied = f.backup(&to, false).await.unwrap();
    assert_eq!((copied.vault_key, copied.database == to), (None, true));
    let with = f.backup(&f.dir.path().join("with.db"), true).await.unwrap();
    assert_eq!(
        fs::read_to_string(with.vault_key.unwrap()).unwrap().split_whitespace().last(),
        Some(key)
    );
    f.store.close().await;
    clean(&f);
    for (name, bytes) in bytes_of(f.dir.path()) {
        let may = name.ends_with("vault.key");
        assert_eq!(holds(&bytes, key), may, "{name}");
        if cfg!(unix) {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(f.dir.path().join(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name} can be read by others");
        }
    }
    let again = Store::open(f.dir.path(), quick()).await.unwrap();
    readable(&again, &id).await;
}

#[tokio::test]
async fn j3_rotation_seals_everything_anew_and_drops_the_old_key() {
    let (f, id) = full().await;
    let before = fs::read_to_string(f.vault_key_path()).unwrap();
    let old = f.destination(&id).await.unwrap().unwrap();
    let rotated = f.rotate_vault(entry("vault.rotate", "vault")).await.unwrap();
    assert_eq!(rotated.resealed, 6);
    let after = fs::read_to_string(f.vault_key_path()).unwrap();
    let keys = |text: &str| text.lines().filter(|l| !l.starts_with('#')).count();
    assert_eq!((keys(&before), keys(&after)), (1, 1));
    assert!(after.contains(&rotated.key_id) && !before.contains(&rotated.key_id));
    readable(&f.store, &id).await;
    assert_eq!(f.destination(&id).await.unwrap().unwrap().version, old.version);
    assert_eq!(f.entries().await, 2);
    f.store.close().await;
    // The old key opens nothing that is left in the files.
    let old_id = before.lines().find(|l| !l.starts_with('#')).unwrap().split(' ').next().unwrap();
    let raw: Vec<u8> =
        (0..8).map(|i| u8::from_str_radix(&old_id[2 * i..2 * i + 2], 16).unwrap()).collect();
    for (name, bytes) in bytes_of(f.dir.path()) {
        assert!(!bytes.windows(8).any(|w| w == raw), "{name} holds a value of the old key");
    }
    let again = Store::open(f.dir.path(), quick()).await.unwrap();
    readable(&again, &id).await;
}

#[tokio::test]
async fn a_rotation_that_cannot_write_its_key_changes_nothing() {
    let (f, id) = full().await;
    let key = f.vault_key_path().to_owned();
    let kept = key.with_extension("kept");
    fs::rename(&key, &kept).unwrap();
    fs::create_dir(&key).unwrap();
    let refused = f.rotate_vault(entry("vault.rotate", "vault")).await.unwrap_err();
    assert!(matches!(refused, Error::VaultKey { .. }), "{refused}");
    fs::remove_dir(&key).unwrap();
    fs::rename(&kept, &key).unwrap();
    readable(&f.store, &id).await;
    assert_eq!(f.entries().await, 1);
    f.rotate_vault(entry("vault.rotate", "vault")).await.unwrap();
    readable(&f.store, &id).await;
}

#[tokio::test]
async fn a_lost_key_is_told_and_can_be_given_up() {
    let (f, id) = full().await;
    f.store.close().await;
    let file = f.dir.path().join(VAULT_KEY_FILE);
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let refused = Store::open(f.dir.path(), quick()).await.unwrap_err();
    assert!(refused.to_string().contains("it is not there"), "{refused}");
    assert!(refused.remedy().contains("from your backup") && !file.exists());
    let other = Fixture::new().await;
    fs::copy(other.vault_key_path(), &file).unwrap();
    let refused = Store::open(f.dir.path(), quick()).await.unwrap_err();
    assert!(refused.to_string().contains("is not in it"), "{refused}");

    let forget = Options { lost_key: LostKey::Forget, ..quick() };
    let store = Store::open(f.dir.path(), forget).await.unwrap();
    assert_eq!(store.destination(&id).await.unwrap().unwrap().key, Kept::Unreadable);
    assert!(store.idempotency("ann", "k", AT).await.unwrap().is_none());
    assert_eq!(store.unreadable().await.unwrap(), 6);
    // A rotation leaves alone what it cannot read.
    store.rotate_vault(entry("vault.rotate", "vault")).await.unwrap();
    assert_eq!(store.unreadable().await.unwrap(), 6);
    store.close().await;
    let mut both = fs::read(&file).unwrap();
    both.splice(0..0, kept);
    fs::write(&file, both).unwrap();
    let store = Store::open(f.dir.path(), quick()).await.unwrap();
    readable(&store, &id).await;
}

#[tokio::test]
async fn the_key_file_may_lie_elsewhere() {
    let (dir, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = away.path().join("mine.key");
    let options = Options { vault_key: Some(key.clone()), ..quick() };
    let store = Store::open(dir.path(), options.clone()).await.unwrap();
    assert!(key.exists() && !dir.path().join(VAULT_KEY_FILE).exists());
    assert_eq!(store.vault_key_path(), key);
    store.close().await;
    Store::open(dir.path(), options).await.unwrap();
    assert!(matches!(Store::open(dir.path(), quick()).await, Err(Error::VaultKey { .. })));
}

/// The key file is gone for good: what it sealed is named, cleared, and may be entered anew.
#[tokio::test]
async fn j3_a_lost_key_is_forgotten_with_what_it_sealed() {
    let (f, id) = full().await;
    let dir = f.dir.path().to_owned();
    let text = fs::read_to_string(f.vault_key_path()).unwrap();
    let key = text.lines().last().unwrap().split(' ').next().unwrap().to_owned();
    let there = sealed_with(&dir, &key, quick()).await.unwrap_err();
    assert!(there.to_string().contains("is not lost"), "{there}");
    assert!(f.forget_vault_key(&key, entry("vault.forget", "vault")).await.is_err());
    f.store.close().await;
    fs::remove_file(dir.join(VAULT_KEY_FILE)).unwrap();
    let want = Sealed {
        users: vec!["ann".into()],
        destinations: vec!["main/yt".into()],
        webhooks: vec!["ops".into()],
        answers: 1,
        in_force: true,
    };
    for _ in 0..2 {
        assert_eq!(
            sealed_with(&dir, &key, quick()).await.unwrap(),
            want,
            "looking changes nothing"
        );
    }
    assert!(Store::open(&dir, quick()).await.is_err());
    for wrong in ["", "xyz", "00112233445566778899"] {
        let error = sealed_with(&dir, wrong, quick()).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{wrong}: {error}");
    }
    assert!(sealed_with(&dir, "0011223344556677", quick()).await.unwrap().is_nothing());

    let store = Store::open(&dir, Options { lost_key: LostKey::Forget, ..quick() }).await.unwrap();
    assert!(store.unreadable().await.unwrap() > 0);
    assert_eq!(store.forget_vault_key(&key, entry("vault.forget", "vault")).await.unwrap(), want);
    assert_eq!(store.unreadable().await.unwrap(), 0);
    store.close().await;

    let store = Store::open(&dir, quick()).await.unwrap();
    let row = store.destination(&id).await.unwrap().unwrap();
    assert_eq!(
        (row.key, row.password, row.backup_key),
        (Kept::Nothing, Kept::Nothing, Kept::Nothing)
    );
    assert_eq!(store.user_by_name("ann").await.unwrap().unwrap().totp, Kept::Nothing);
    let hook = &store.webhooks().await.unwrap()[0];
    assert!(!hook.enabled && hook.secret == Kept::Secret(secret("")), "{hook:?}");
    assert!(store.idempotency("ann", "k", AT).await.unwrap().is_none());
    assert!(sealed_with(&dir, &key, quick()).await.unwrap().is_nothing());
}
