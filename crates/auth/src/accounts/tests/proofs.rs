//! Cookies and tokens: how long they hold, what they cost, what is kept of them.

use super::*;
use crate::accounts::session::{Cache, Found, Proof};
use crate::permission::{Permission, PrincipalKind};
use crate::random::hash;

fn token(role: Role, scopes: Scopes) -> NewToken {
    NewToken { name: "ci".to_owned(), role, scopes, expires_at: None }
}

#[tokio::test]
async fn i5_a_session_lasts_one_idle_hour_and_twelve_in_all() {
    let (house, ana) = house().await;
    let use_it =
        async || house.accounts.authenticate_cookie(ana.cookie.expose()).await.unwrap().is_some();
    for minute in 0..12 {
        house.later(59 * 60);
        assert!(use_it().await, "{minute}");
    }
    house.later(12 * 60 - 1);
    assert!(use_it().await, "11:59:59");
    house.later(1);
    assert!(!use_it().await, "12:00:00");
    let idle = house.enter("ana").await;
    house.later(3599);
    assert!(house.is_in(&idle).await);
    house.later(1);
    assert!(!house.is_in(&idle).await, "to be looked at is no sign of life");
}

/// The same from the database, after a restart.
#[tokio::test]
async fn i5_a_restart_lengthens_no_session() {
    let (house, ana) = house().await;
    house.later(3000);
    assert!(house.accounts.authenticate_cookie(ana.cookie.expose()).await.unwrap().is_some());
    let (_, again) = open(house.dir.path(), &house.clock, CHEAP).await;
    house.later(3599);
    assert!(again.check_cookie(ana.cookie.expose()).await.unwrap().is_some());
    house.later(1);
    assert!(again.check_cookie(ana.cookie.expose()).await.unwrap().is_none());
    let (_, third) = open(house.dir.path(), &house.clock, CHEAP).await;
    assert!(third.check_cookie(ana.cookie.expose()).await.unwrap().is_none());
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let (house, ana) = house().await;
    let accounts = &house.accounts;
    house.later(1);
    let bob = house.join("bob", Role::Operator, &ana.principal).await;
    house.later(1);
    let other = house.enter("bob").await;
    let list = accounts.sessions_of(&bob.user.id).await.unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].id, Accounts::session_id(other.cookie.expose()), "the newest first");
    assert_eq!((list[0].address.as_str(), list[0].agent.as_str()), ("192.0.2.1", "Probe/1.0"));
    let end = async |by: &LoggedIn, id: &str| {
        accounts.end_session(&bob.user.id, id, &by.principal, here()).await
    };
    assert!(!end(&bob, "none").await.unwrap());
    assert!(end(&bob, &list[0].id).await.unwrap());
    assert!(house.is_in(&bob).await && !house.is_in(&other).await);
    let eve = house.join("eve", Role::Operator, &ana.principal).await;
    assert!(end(&eve, &list[1].id).await.is_err(), "not hers");
    assert!(end(&ana, &list[1].id).await.unwrap(), "an owner may");
    assert!(!house.is_in(&bob).await);
    let (one, two) = (house.enter("bob").await, house.enter("bob").await);
    let keep = Some(two.cookie.expose());
    let ended = accounts.end_sessions_of(&bob.user.id, keep, &two.principal, here()).await;
    assert_eq!(ended.unwrap(), 1);
    assert!(!house.is_in(&one).await && house.is_in(&two).await);
}

/// A request costs no read and, within a minute, no write.
#[tokio::test]
async fn a_request_costs_the_database_nothing() {
    let (house, ana) = house().await;
    let (accounts, store) = (&house.accounts, &house.store);
    let (_, bearer) = accounts
        .create_token(token(Role::Viewer, Scopes::ALL), &ana.principal, here())
        .await
        .unwrap();
    let seen = async || {
        let session = store.session(&hash(ana.cookie.expose())).await.unwrap().unwrap().0.seen_at;
        let token = store.token_by_hash(&hash(bearer.expose())).await.unwrap().unwrap();
        (session, token.last_used_at)
    };
    let use_both = async || {
        let session = accounts.authenticate_cookie(ana.cookie.expose()).await.unwrap();
        let token = accounts.authenticate_bearer(bearer.expose(), here()).await.unwrap();
        session.is_some() && token.is_some()
    };
    assert!(use_both().await);
    assert_eq!(seen().await, (T0, Some(T0)));
    house.later(59);
    assert!(use_both().await);
    assert_eq!(seen().await, (T0, Some(T0)));
    house.later(1);
    let minute = T0.plus(Duration::from_secs(60));
    assert!(use_both().await);
    assert_eq!(seen().await, (minute, Some(minute)));
    store.close().await;
    house.later(59);
    assert!(use_both().await, "from memory, the database is closed");
}

#[tokio::test]
async fn a_token_may_what_its_role_and_its_scopes_may() {
    let (house, ana) = house().await;
    let accounts = &house.accounts;
    let scopes = Scopes::of([Scope::Read, Scope::Control]);
    let made = accounts.create_token(token(Role::Operator, scopes), &ana.principal, here()).await;
    let (made, bearer) = made.unwrap();
    assert!(bearer.expose().starts_with(&format!("{}_", made.prefix)));
    assert_eq!((made.prefix.len(), bearer.expose().len()), (11, 44));
    let who = accounts.authenticate_bearer(bearer.expose(), here()).await.unwrap().unwrap();
    assert_eq!((who.kind, who.role, who.scopes), (PrincipalKind::Token, Role::Operator, scopes));
    assert!(who.may(Permission::RunStreams) && who.may(Permission::ReadKeys));
    assert!(!who.may(Permission::EditKeys) && !who.may(Permission::OwnAccount));
    let listed = accounts.token(&made.id).await.unwrap();
    assert_eq!(listed.last_address.as_deref(), Some("192.0.2.1"));
    for wrong in ["", "mc_", &bearer.expose()[..43], &format!("{}_{}", made.prefix, "0".repeat(32))]
    {
        assert_eq!(accounts.authenticate_bearer(wrong, here()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_token_ends_when_it_is_revoked_expires_or_loses_its_user() {
    let (house, ana) = house().await;
    let (accounts, by) = (&house.accounts, &ana.principal);
    let admin = house.join("adam", Role::Admin, by).await;
    let make =
        async |new: NewToken| accounts.create_token(new, &admin.principal, here()).await.unwrap();
    let role_of = async |bearer: &Secret| {
        let found = accounts.authenticate_bearer(bearer.expose(), here()).await.unwrap();
        found.map(|principal| principal.role)
    };
    let end = Some(T0.plus(Duration::from_secs(100)));
    let (_, short) = make(NewToken { expires_at: end, ..token(Role::Admin, Scopes::ALL) }).await;
    let (first, revoked) = make(token(Role::Admin, Scopes::ALL)).await;
    let (_, bound) = make(token(Role::Admin, Scopes::ALL)).await;
    for bearer in [&short, &revoked, &bound] {
        assert_eq!(role_of(bearer).await, Some(Role::Admin));
    }
    accounts.revoke_token(&first.id, by, here()).await.unwrap();
    assert_eq!(role_of(&revoked).await, None);
    assert!(accounts.revoke_token(&first.id, by, here()).await.is_err(), "there is none any more");
    house.later(100);
    assert_eq!(role_of(&short).await, None);
    let edit = async |change| {
        accounts.edit_user(&admin.user.id, None, change, by, here()).await.unwrap();
    };
    edit(UserEdit { role: Some(Role::Viewer), ..UserEdit::default() }).await;
    assert_eq!(role_of(&bound).await, Some(Role::Viewer), "no more than its user");
    edit(UserEdit { disabled: Some(true), ..UserEdit::default() }).await;
    assert_eq!(role_of(&bound).await, None);
    edit(UserEdit { disabled: Some(false), ..UserEdit::default() }).await;
    assert_eq!(role_of(&bound).await, Some(Role::Viewer));
}

#[tokio::test]
async fn a_token_gives_away_no_more_than_it_has() {
    let (house, ana) = house().await;
    let accounts = &house.accounts;
    let scopes = Scopes::of([Scope::Read, Scope::Admin]);
    let end = T0.plus(Duration::from_secs(1000));
    let own = NewToken { expires_at: Some(end), ..token(Role::Admin, scopes) };
    let (_, bearer) = accounts.create_token(own, &ana.principal, here()).await.unwrap();
    let by = accounts.authenticate_bearer(bearer.expose(), here()).await.unwrap().unwrap();
    let later = Some(end.plus(Duration::from_secs(1)));
    for (role, scopes, expires_at, may) in [
        (Role::Admin, scopes, Some(end), true),
        (Role::Viewer, Scopes::of([Scope::Read]), Some(end), true),
        (Role::Owner, scopes, Some(end), false),
        (Role::Admin, Scopes::ALL, Some(end), false),
        (Role::Admin, scopes, later, false),
        (Role::Admin, scopes, None, false),
        (Role::Admin, Scopes::default(), Some(end), false),
    ] {
        let made =
            accounts.create_token(NewToken { expires_at, ..token(role, scopes) }, &by, here());
        assert_eq!(made.await.is_ok(), may, "{role} {scopes} {expires_at:?}");
    }
}

/// J1, J2: what is kept opens nothing.
#[tokio::test]
async fn j2_the_files_hold_no_password_cookie_token_or_code() {
    let (house, ana) = house().await;
    let (accounts, by) = (&house.accounts, &ana.principal);
    let offer = accounts.begin_totp(by, &secret(GOOD), &client()).await.unwrap();
    let code = crate::totp::code_for_tests(&offer.secret, house.clock.now());
    let codes = accounts.confirm_totp(by, &code, here()).await.unwrap();
    let (_, bearer) =
        accounts.create_token(token(Role::Viewer, Scopes::ALL), by, here()).await.unwrap();
    let invitation = accounts.invite(Role::Viewer, by, here()).await.unwrap();
    let plain = codes[0].expose().replace('-', "");
    let shown = [ana.cookie, bearer, invitation.token, offer.secret, codes[0].clone()];
    let mut files = Vec::new();
    for entry in std::fs::read_dir(house.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files.push(std::fs::read(path).unwrap());
        }
    }
    let holds = |text: &str| {
        files.iter().any(|file| file.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    assert!(holds("argon2id") && holds("user.totp"), "the files were read");
    for secret in shown.iter().map(Secret::expose).chain([GOOD, plain.as_str()]) {
        assert!(!holds(secret), "{} characters of {secret:?}", secret.len());
    }
}

/// Something that is forgotten while the database is read does not come back.
#[test]
fn i5_what_was_read_before_it_was_forgotten_is_not_kept() {
    let cache = Cache::default();
    let principal = Principal {
        kind: PrincipalKind::User,
        id: String::new(),
        name: String::new(),
        role: Role::Viewer,
        scopes: Scopes::ALL,
    };
    let (seen_at, ends_at) = (T0, Some(T0.plus(Duration::from_secs(99))));
    let proof = Proof { principal, user: None, created_at: T0, ends_at, seen_at, written_at: T0 };
    let key = hash("cookie");
    let Found::Unknown { age } = cache.find(&key, T0, true) else { panic!("nothing is there") };
    cache.forget(|_, _| false);
    cache.keep(key, proof.clone(), age);
    let Found::Unknown { age } = cache.find(&key, T0, true) else { panic!("it came back") };
    cache.keep(key, proof.clone(), age);
    assert!(matches!(cache.find(&key, T0, true), Found::Holds(..)));
    for n in 0..5000u32 {
        let seen_at = T0.plus(Duration::from_millis(u64::from(n) + 1));
        cache.keep(hash(&n.to_string()), Proof { seen_at, ..proof.clone() }, age);
    }
    assert!(matches!(cache.find(&key, T0, true), Found::Unknown { .. }), "the oldest has gone");
    assert!(matches!(cache.find(&hash("4999"), T0, true), Found::Holds(..)));
}
