//! Streams, their keys, Destinations and choices.

use crate::fixture::{AT, Fixture, destination, secret, stream};
use manycast_store::{
    DestinationEdit, Error, Kept, KeyUse, NewStreamKey, RuntimeRow, StreamEdit, StreamKeyEdit,
    StreamKeyId,
};
use std::time::Duration;

#[tokio::test]
async fn a_stream_is_made_edited_and_deleted_with_what_is_its() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let main = edit.create_stream(stream("main")).await.unwrap();
    let other = edit.create_stream(stream("other")).await.unwrap();
    let to = edit.create_destination(destination(main.id, "yt")).await.unwrap();
    edit.set_runtime("main", "", "air", Some("on")).await.unwrap();
    edit.commit().await.unwrap();
    assert_eq!((main.position, other.position, main.version), (1, 2, 1));

    let mut edit = f.edit().await;
    let taken = edit.create_stream(stream("main")).await.unwrap_err();
    assert_eq!(taken, Error::NameTaken { what: "stream", name: "main".into() });
    let change = StreamEdit {
        title: Some("New".into()),
        start: Some("manual".into()),
        position: Some(9),
        ..StreamEdit::default()
    };
    let edited = edit.edit_stream(&main.id, Some(1), change).await.unwrap();
    assert_eq!(
        (edited.title.as_str(), edited.start.as_str(), edited.version),
        ("New", "manual", 2)
    );
    assert_eq!(edited.takeover, main.takeover);
    let wrong = StreamEdit { start: Some("soon".into()), ..StreamEdit::default() };
    assert_eq!(edit.edit_stream(&main.id, None, wrong).await.unwrap_err().word(), "invalid");
    edit.commit().await.unwrap();
    let names: Vec<_> = f.streams().await.unwrap().into_iter().map(|s| s.name).collect();
    assert_eq!(names, ["other", "main"]);

    let mut edit = f.edit().await;
    let stale = edit.delete_stream(&main.id, Some(1)).await.unwrap_err();
    assert_eq!(stale, Error::Conflict { version: 2 });
    edit.delete_stream(&main.id, Some(2)).await.unwrap();
    edit.commit().await.unwrap();
    assert!(f.destination(&to.id).await.unwrap().is_none());
    assert_eq!(f.runtime().await.unwrap().len(), 1, "choices go by name");
    let mut edit = f.edit().await;
    edit.forget_stream_name("main").await.unwrap();
    edit.commit().await.unwrap();
    assert!(f.runtime().await.unwrap().is_empty());
}

/// Whoever saw what is gone does not edit what has its name now.
#[tokio::test]
async fn versions_of_what_is_gone_do_not_come_back() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let main = edit.create_stream(stream("main")).await.unwrap();
    let yt = edit.create_destination(destination(main.id, "yt")).await.unwrap();
    assert_eq!((main.version, yt.version), (1, 1));
    let rename = DestinationEdit { name: Some("other".into()), ..DestinationEdit::default() };
    edit.edit_destination(&yt.id, None, rename).await.unwrap();
    let second = edit.create_destination(destination(main.id, "yt")).await.unwrap();
    assert_eq!(second.version, 2, "the first was called so in version 1");
    edit.delete_destination(&second.id, Some(2)).await.unwrap();
    let third = edit.create_destination(destination(main.id, "yt")).await.unwrap();
    assert_eq!(third.version, 3);
    for want in [3, 4] {
        let change =
            DestinationEdit { notes: Some(want.to_string()), ..DestinationEdit::default() };
        edit.edit_destination(&third.id, Some(want), change).await.unwrap();
    }
    edit.delete_stream(&main.id, Some(1)).await.unwrap();
    edit.commit().await.unwrap();
    let mut edit = f.edit().await;
    let again = edit.create_stream(stream("main")).await.unwrap();
    assert_eq!(again.version, 6, "beyond all that went with it");
    let lower = edit.create_stream(stream("low")).await.unwrap();
    edit.delete_stream(&lower.id, None).await.unwrap();
    let stale = edit.edit_stream(&again.id, Some(1), StreamEdit::default()).await.unwrap_err();
    assert_eq!(stale, Error::Conflict { version: 6 });
}

#[tokio::test]
async fn a_destination_keeps_its_secrets_over_edits_of_the_rest() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let main = edit.create_stream(stream("main")).await.unwrap();
    let made = edit.create_destination(destination(main.id, "yt")).await.unwrap();
    assert_eq!(made.key, Kept::Secret(secret("canary-key")));
    assert_eq!(made.password.secret(), Some(&secret("canary-password")));
    assert_eq!(made.backup_key.secret(), Some(&secret("canary-backup-key")));
    assert_eq!(made.backup_password, Kept::Nothing);
    assert!(!format!("{made:?}").contains("canary"));
    let change = DestinationEdit {
        name: Some("YouTube".into()),
        key: Some(Some(secret("new"))),
        password: Some(None),
        user: Some(None),
        video_track: Some(Some("2".into())),
        enabled: Some(false),
        ..DestinationEdit::default()
    };
    let edited = edit.edit_destination(&made.id, Some(1), change).await.unwrap();
    assert_eq!((edited.name.as_str(), edited.version, edited.enabled), ("YouTube", 2, false));
    assert_eq!((edited.key, edited.password), (Kept::Secret(secret("new")), Kept::Nothing));
    assert_eq!((edited.user, edited.video_track.as_deref()), (None, Some("2")));
    assert_eq!(edited.backup_key.secret(), Some(&secret("canary-backup-key")));
    edit.create_destination(destination(main.id, "b")).await.unwrap();
    let taken = edit.create_destination(destination(main.id, "b")).await.unwrap_err();
    assert_eq!(taken, Error::NameTaken { what: "destination", name: "b".into() });
    let other = edit.create_stream(stream("other")).await.unwrap();
    edit.create_destination(destination(other.id, "b")).await.unwrap();
    edit.commit().await.unwrap();
    assert_eq!(f.destinations().await.unwrap().len(), 3);
}

#[tokio::test]
async fn destinations_are_put_in_order() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let main = edit.create_stream(stream("main")).await.unwrap();
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(edit.create_destination(destination(main.id, name)).await.unwrap().id);
    }
    let order = [ids[2], ids[0], ids[1]];
    edit.order_destinations(&main.id, &order).await.unwrap();
    for wrong in [&order[..2], &[ids[0], ids[0], ids[1]], &[]] {
        let refused = edit.order_destinations(&main.id, wrong).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { .. }), "{refused}");
    }
    edit.commit().await.unwrap();
    let rows = f.destinations_of(&main.id).await.unwrap();
    assert_eq!(rows.iter().map(|d| d.id).collect::<Vec<_>>(), order);
    assert!(rows.iter().all(|d| d.version == 1));
}

#[tokio::test]
async fn j2_a_stream_key_is_made_used_and_revoked() {
    let f = Fixture::new().await;
    let new = |hash: u8| NewStreamKey {
        id: StreamKeyId::new(),
        stream: "main".to_owned(),
        label: "camera".to_owned(),
        prefix: "abcd1234".to_owned(),
        key_hash: vec![hash; 32],
        addresses: vec!["192.0.2.0/24".to_owned()],
        created_at: AT,
        expires_at: None,
    };
    let mut edit = f.edit().await;
    let key = edit.create_stream_key(new(1)).await.unwrap();
    let second = edit.create_stream_key(new(2)).await.unwrap();
    let change = StreamKeyEdit { expires_at: Some(Some(AT)), ..StreamKeyEdit::default() };
    let edited = edit.edit_stream_key(&key.id, Some(1), change).await.unwrap();
    assert_eq!((edited.expires_at, edited.version, edited.addresses), (Some(AT), 2, key.addresses));
    edit.revoke_stream_key(&second.id, AT).await.unwrap();
    assert!(edit.revoke_stream_key(&second.id, AT).await.is_err());
    assert!(edit.edit_stream_key(&second.id, None, StreamKeyEdit::default()).await.is_err());
    edit.commit().await.unwrap();
    let used = KeyUse {
        id: key.id,
        at: AT,
        address: "192.0.2.9".to_owned(),
        known_addresses: vec!["192.0.2.9".to_owned(), "it's \"quoted\"".to_owned()],
    };
    f.touch_stream_keys(std::slice::from_ref(&used)).await.unwrap();
    let all = f.stream_keys().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].last_used_at, &all[0].known_addresses), (Some(AT), &used.known_addresses));
    assert_eq!(f.stream_keys_of("main").await.unwrap().len(), 1);
    assert!(f.stream_key(&second.id).await.unwrap().unwrap().revoked_at.is_some());
    let later = AT.plus(Duration::from_secs(91 * 86_400));
    assert_eq!(f.prune(later).await.unwrap().keys, 1);
}

#[tokio::test]
async fn choices_are_kept_by_name() {
    let f = Fixture::new().await;
    f.note_runtime("main", "", "air", Some("on")).await.unwrap();
    f.note_runtime("main", "yt", "enabled", Some("false")).await.unwrap();
    f.note_runtime("main", "yt", "enabled", Some("true")).await.unwrap();
    let mut edit = f.edit().await;
    edit.set_runtime("main", "", "air", None).await.unwrap();
    edit.commit().await.unwrap();
    let want = RuntimeRow {
        stream: "main".into(),
        destination: "yt".into(),
        field: "enabled".into(),
        value: "true".into(),
    };
    assert_eq!(f.runtime().await.unwrap(), [want]);
}
