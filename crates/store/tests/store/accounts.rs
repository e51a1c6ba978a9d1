//! Accounts, invitations, sessions, tokens, settings, answers to requests.

use crate::fixture::{AT, Fixture, entry, secret, user};
use manycast_store::{
    Error, IdempotencyRow, InviteId, NewInvite, NewToken, PageRequest, SessionRow, TokenId, UnixMs,
    UserEdit, UserId,
};
use std::time::Duration;

fn session(user: UserId, hash: &[u8]) -> SessionRow {
    SessionRow {
        token_hash: hash.to_vec(),
        user_id: user,
        created_at: AT,
        seen_at: AT,
        expires_at: AT.plus(Duration::from_secs(60)),
        address: "192.0.2.1".to_owned(),
        agent: "a browser".to_owned(),
    }
}

#[tokio::test]
async fn an_account_is_made_edited_and_deleted() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    assert_eq!(edit.count_users().await.unwrap(), 0);
    let ann = edit.create_user(user("Ann", "owner")).await.unwrap();
    edit.create_session(session(ann.id, b"cookie")).await.unwrap();
    edit.commit().await.unwrap();
    assert_eq!((ann.version, ann.disabled, ann.totp.is_set()), (1, false, false));
    assert_eq!(f.user_by_name("aNN").await.unwrap().unwrap().id, ann.id);
    assert!(f.user_by_name("bob").await.unwrap().is_none());

    let mut edit = f.edit().await;
    let taken = edit.create_user(user("ANN", "viewer")).await.unwrap_err();
    assert_eq!(taken, Error::NameTaken { what: "user", name: "ANN".into() });
    let role = edit.create_user(user("Bob", "king")).await.unwrap_err();
    assert!(matches!(role, Error::Invalid { .. }), "{role}");
    let change = UserEdit { totp: Some(Some(secret("TOTP"))), ..UserEdit::default() };
    let conflict = edit.edit_user(&ann.id, Some(7), change.clone()).await.unwrap_err();
    assert_eq!(conflict, Error::Conflict { version: 1 });
    let row = edit.edit_user(&ann.id, Some(1), change).await.unwrap();
    assert_eq!((row.version, row.totp.secret()), (2, Some(&secret("TOTP"))));
    assert_eq!(edit.count_owners().await.unwrap(), 1);
    edit.commit().await.unwrap();

    let (found, owner) = f.session(b"cookie").await.unwrap().unwrap();
    assert_eq!((found.user_id, owner.name.as_str()), (ann.id, "Ann"));
    let mut edit = f.edit().await;
    edit.delete_user(&ann.id, Some(2)).await.unwrap();
    edit.commit().await.unwrap();
    assert!(f.session(b"cookie").await.unwrap().is_none());
    assert_eq!(f.count_users().await.unwrap(), 0);
    assert_eq!(f.edit().await.delete_user(&ann.id, None).await.unwrap_err().word(), "not-found");
}

#[tokio::test]
async fn a_second_factor_is_used_once() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let ann = edit.create_user(user("ann", "owner")).await.unwrap();
    edit.commit().await.unwrap();
    assert!(!f.use_totp_step(&ann.id, 5).await.unwrap(), "there is no second factor yet");
    let mut edit = f.edit().await;
    let change = UserEdit {
        totp: Some(Some(secret("TOTP"))),
        recovery: Some(vec!["h1".into(), "h2".into()]),
        ..UserEdit::default()
    };
    edit.edit_user(&ann.id, None, change).await.unwrap();
    edit.commit().await.unwrap();
    for (step, want) in [(5, true), (5, false), (4, false), (6, true)] {
        assert_eq!(f.use_totp_step(&ann.id, step).await.unwrap(), want, "step {step}");
    }
    for (hash, want) in [("h3", false), ("h1", true), ("h1", false), ("h2", true)] {
        assert_eq!(f.use_recovery_hash(&ann.id, hash).await.unwrap(), want, "{hash}");
    }
    assert!(f.user(&ann.id).await.unwrap().unwrap().recovery.is_empty());
}

#[tokio::test]
async fn an_invitation_is_used_once_and_before_it_expires() {
    let f = Fixture::new().await;
    let invite = |hash: &[u8]| NewInvite {
        id: InviteId::new(),
        role: "operator".to_owned(),
        token_hash: hash.to_vec(),
        created_by: None,
        created_at: AT,
        expires_at: AT.plus(Duration::from_secs(10)),
    };
    let mut edit = f.edit().await;
    let one = edit.create_invite(invite(b"1")).await.unwrap();
    let two = edit.create_invite(invite(b"2")).await.unwrap();
    edit.use_invite(&one.id, AT).await.unwrap();
    assert!(edit.use_invite(&one.id, AT).await.is_err());
    assert!(edit.use_invite(&two.id, AT.plus(Duration::from_secs(10))).await.is_err());
    edit.commit().await.unwrap();
    assert_eq!(f.invites().await.unwrap().len(), 1);
    assert_eq!(f.invite_by_hash(b"1").await.unwrap().unwrap().used_at, Some(AT));
}

#[tokio::test]
async fn sessions_end_one_by_one_and_all_but_one() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let ann = edit.create_user(user("ann", "owner")).await.unwrap();
    for hash in [b"a", b"b", b"c", b"d"] {
        edit.create_session(session(ann.id, hash)).await.unwrap();
    }
    assert!(edit.delete_session(b"d").await.unwrap());
    assert!(!edit.delete_session(b"d").await.unwrap());
    assert_eq!(edit.delete_sessions_of(&ann.id, Some(b"a")).await.unwrap(), 2);
    let gone = edit.create_session(session(UserId::new(), b"e")).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
    edit.commit().await.unwrap();
    f.touch_session(b"a", UnixMs(1), UnixMs(2)).await.unwrap();
    let left = f.sessions_of(&ann.id).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].seen_at, left[0].expires_at), (UnixMs(1), UnixMs(2)));
    assert_eq!(f.prune(UnixMs(3)).await.unwrap().sessions, 1);
}

#[tokio::test]
async fn tokens_are_found_by_hash_listed_in_pages_and_revoked() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    let mut ids = Vec::new();
    for n in 0..5_u8 {
        let new = NewToken {
            id: TokenId::new(),
            name: format!("t{n}"),
            user_id: None,
            role: "admin".to_owned(),
            scopes: vec!["read".to_owned(), "edit".to_owned()],
            prefix: "mc_abc".to_owned(),
            token_hash: vec![n],
            created_at: AT,
            expires_at: None,
        };
        ids.push(edit.create_token(new).await.unwrap().id);
    }
    edit.revoke_token(&ids[1], AT).await.unwrap();
    assert!(edit.revoke_token(&ids[1], AT).await.is_err());
    edit.commit().await.unwrap();
    f.touch_token(&ids[0], AT, "192.0.2.7").await.unwrap();
    let first = f.token_by_hash(&[0]).await.unwrap().unwrap();
    assert_eq!((first.last_used_at, first.last_address.as_deref()), (Some(AT), Some("192.0.2.7")));
    assert_eq!(first.scopes, ["read", "edit"]);
    assert_eq!(f.token(&ids[1]).await.unwrap().unwrap().revoked_at, Some(AT));
    let mut seen = Vec::new();
    let mut ask = PageRequest { limit: 3, after: None };
    loop {
        let page = f.tokens(ask.clone()).await.unwrap();
        seen.extend(page.items.iter().map(|t| t.id));
        ask.after = page.next;
        if ask.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [ids[0], ids[2], ids[3], ids[4]]);
}

#[tokio::test]
async fn an_answer_is_remembered_for_a_day_and_only_once() {
    let f = Fixture::new().await;
    let answer = |at: UnixMs| IdempotencyRow {
        actor: "ann".to_owned(),
        key: "k".to_owned(),
        route: "POST /api/v1/streams".to_owned(),
        body_hash: vec![1, 2],
        status: 201,
        answer: secret("{\"key\":\"canary\"}"),
        created_at: at,
    };
    let day = Duration::from_secs(24 * 3_600);
    f.remember(answer(AT)).await.unwrap();
    let again = f.remember(answer(AT)).await.unwrap_err();
    assert!(matches!(again, Error::NameTaken { .. }), "{again}");
    let found = f.idempotency("ann", "k", AT.plus(day)).await.unwrap().unwrap();
    assert_eq!((found.status, found.answer), (201, secret("{\"key\":\"canary\"}")));
    let late = AT.plus(day).plus(Duration::from_millis(1));
    assert!(f.idempotency("ann", "k", late).await.unwrap().is_none());
    assert!(f.idempotency("bob", "k", AT).await.unwrap().is_none());
    f.remember(answer(late)).await.unwrap();
    assert_eq!(f.prune(late).await.unwrap().idempotency, 0);
    let much_later = late.plus(day).plus(day);
    assert_eq!(f.prune(much_later).await.unwrap().idempotency, 1);
    let mut edit = f.store.edit(entry("x", "y")).await.unwrap();
    edit.remember(answer(AT)).await.unwrap();
    drop(edit);
    assert!(f.idempotency("ann", "k", AT).await.unwrap().is_none());
}

#[tokio::test]
async fn settings_are_set_and_taken_away() {
    let f = Fixture::new().await;
    let mut edit = f.edit().await;
    edit.set_setting("a", Some("1")).await.unwrap();
    edit.set_setting("a", Some("2")).await.unwrap();
    edit.set_setting("b", Some("3")).await.unwrap();
    edit.set_setting("b", None).await.unwrap();
    edit.commit().await.unwrap();
    assert_eq!(f.settings().await.unwrap(), [("a".to_owned(), "2".to_owned())]);
    assert_eq!(f.setting("b").await.unwrap(), None);
}
