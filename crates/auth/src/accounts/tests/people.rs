//! Who may do what to whom, and that it is written down.

use super::*;

fn role(role: Role) -> UserEdit {
    UserEdit { role: Some(role), ..UserEdit::default() }
}

fn disabled(disabled: bool) -> UserEdit {
    UserEdit { disabled: Some(disabled), ..UserEdit::default() }
}

/// Every cell: who, whom, made what.
#[tokio::test]
async fn i1_nobody_touches_or_makes_somebody_above_himself() {
    let (house, owner) = house().await;
    let accounts = &house.accounts;
    for actor in Role::ALL {
        let name = format!("by-{actor}");
        let by = house.join(&name, actor, &owner.principal).await.principal;
        for target in Role::ALL {
            let name = format!("{actor}-{target}");
            let user = house.add(&name, target, &owner.principal).await;
            for made in Role::ALL {
                let may = actor >= Role::Admin && target <= actor && made <= actor;
                let edited = accounts.edit_user(&user.id, None, role(made), &by, here()).await;
                assert_eq!(edited.is_ok(), may, "{actor} makes a {target} a {made}");
                if may {
                    let back =
                        accounts.edit_user(&user.id, None, role(target), &owner.principal, here());
                    back.await.unwrap();
                }
                let new = NewUser {
                    name: format!("{actor}-{target}-{made}"),
                    password: secret(GOOD),
                    role: made,
                };
                let may = actor >= Role::Admin && made <= actor;
                let created = accounts.create_user(new, &by, here()).await;
                assert_eq!(created.is_ok(), may, "{actor} creates a {made}");
            }
            let removed = accounts.remove_user(&user.id, None, &by, here()).await;
            let may = actor >= Role::Admin && target <= actor;
            assert_eq!(removed.is_ok(), may, "{actor} removes a {target}");
        }
    }
}

#[tokio::test]
async fn there_is_always_an_owner_who_can_log_in() {
    let (house, ana) = house().await;
    let accounts = &house.accounts;
    let by = &ana.principal;
    let alone = accounts.edit_user(&ana.user.id, None, role(Role::Admin), by, here()).await;
    assert!(alone.unwrap_err().to_string().contains("last owner"));
    let bob = house.join("bob", Role::Owner, by).await;
    let edit = |whom: &LoggedIn, change, by: &Principal| {
        let (id, by, accounts) = (whom.user.id, by.clone(), accounts.clone());
        async move { accounts.edit_user(&id, None, change, &by, here()).await }
    };
    // each puts the other back at once: one of them is too late
    let (one, two) = tokio::join!(
        edit(&ana, role(Role::Viewer), &bob.principal),
        edit(&bob, role(Role::Viewer), by)
    );
    assert_ne!(one.is_ok(), two.is_ok());
    let users = accounts.users().await.unwrap();
    assert_eq!(users.iter().filter(|user| user.role == Role::Owner).count(), 1);
}

#[tokio::test]
async fn nobody_disables_or_removes_himself_and_a_disabled_owner_does_not_count() {
    let (house, ana) = house().await;
    let accounts = &house.accounts;
    let bob = house.join("bob", Role::Owner, &ana.principal).await;
    let off = accounts.edit_user(&ana.user.id, None, disabled(true), &ana.principal, here()).await;
    assert!(off.is_err());
    assert!(accounts.remove_user(&ana.user.id, None, &ana.principal, here()).await.is_err());
    accounts.edit_user(&bob.user.id, None, disabled(true), &ana.principal, here()).await.unwrap();
    let left = accounts.edit_user(&ana.user.id, None, role(Role::Admin), &ana.principal, here());
    assert!(left.await.is_err(), "bob is disabled: ana is the last");
    let left = accounts.remove_user(&ana.user.id, None, &bob.principal, here());
    assert!(left.await.is_err(), "not by somebody with an old principal either");
}

#[tokio::test]
async fn an_edit_names_the_version_that_it_saw() {
    let (house, ana) = house().await;
    let accounts = &house.accounts;
    let bob = house.add("bob", Role::Viewer, &ana.principal).await;
    let rename = |name: &str| UserEdit { name: Some(name.to_owned()), ..UserEdit::default() };
    let edit = async |version, name| {
        accounts.edit_user(&bob.id, Some(version), rename(name), &ana.principal, here()).await
    };
    assert_eq!(edit(bob.version, "rob").await.unwrap().version, bob.version + 1);
    let conflict = edit(bob.version, "bert").await.unwrap_err();
    assert_eq!(conflict.word(), "conflict", "{conflict}");
    let taken = edit(bob.version + 1, "ANA").await.unwrap_err();
    assert_eq!(taken.word(), "name-taken", "{taken}");
    for bad in ["", " x", "x\n", "a\u{202e}b", &"x".repeat(65)] {
        let refused = edit(bob.version + 1, bad).await.unwrap_err();
        assert_eq!((refused.word(), refused.field()), ("invalid", Some("name")), "{bad:?}");
    }
}

/// I5: whoever is out is out at once, also with what is in memory.
#[tokio::test]
async fn i5_a_session_dies_with_the_password_and_with_the_user() {
    let (house, ana) = house().await;
    let (accounts, by) = (&house.accounts, &ana.principal);
    for (what, change) in [
        ("disabled", disabled(true)),
        (
            "new password",
            UserEdit { password: Some(secret("another horse")), ..UserEdit::default() },
        ),
    ] {
        let bob = house.join(what, Role::Operator, by).await;
        assert!(house.is_in(&bob).await);
        accounts.edit_user(&bob.user.id, None, change, by, here()).await.unwrap();
        assert!(!house.is_in(&bob).await, "{what}");
    }
    let bob = house.join("removed", Role::Operator, by).await;
    assert!(house.is_in(&bob).await);
    accounts.remove_user(&bob.user.id, None, by, here()).await.unwrap();
    assert!(!house.is_in(&bob).await);
    let bob = house.join("demoted", Role::Operator, by).await;
    assert!(house.is_in(&bob).await);
    accounts.edit_user(&bob.user.id, None, role(Role::Viewer), by, here()).await.unwrap();
    let now = accounts.authenticate_cookie(bob.cookie.expose()).await.unwrap().unwrap();
    assert_eq!(now.role, Role::Viewer, "the role of now, not of the login");
}

#[tokio::test]
async fn i5_ones_own_password_is_changed_with_the_current_one() {
    let (house, here_now) = house().await;
    let accounts = &house.accounts;
    let elsewhere = house.enter("ana").await;
    let by = &here_now.principal;
    let change = async |current: &str, new: &str| {
        let keep = Some(here_now.cookie.expose());
        accounts.change_password(by, &secret(current), &secret(new), keep, &client()).await
    };
    for (current, new, field) in [
        ("wrong", "another horse", "current"),
        (GOOD, "short", "password"),
        (GOOD, GOOD, "password"),
    ] {
        assert_eq!(change(current, new).await.unwrap_err().field(), Some(field));
    }
    assert!(house.is_in(&elsewhere).await);
    change(GOOD, "another horse").await.unwrap();
    assert!(house.is_in(&here_now).await, "this one stays");
    assert!(!house.is_in(&elsewhere).await, "all others end");
    assert!(accounts.log_in(with("ana", GOOD), &client()).await.is_err());
    assert!(accounts.log_in(with("ana", "another horse"), &client()).await.is_ok());
}

#[tokio::test]
async fn i15_every_change_is_in_the_audit_log() {
    let (house, ana) = house().await;
    let (accounts, by) = (&house.accounts, &ana.principal);
    let bob = house.join("bob", Role::Operator, by).await;
    accounts.edit_user(&bob.user.id, None, role(Role::Viewer), by, here()).await.unwrap();
    accounts.log_out(bob.cookie.expose(), &client()).await.unwrap();
    let new = NewToken {
        name: "ci".to_owned(),
        role: Role::Viewer,
        scopes: Scopes::ALL,
        expires_at: None,
    };
    let (token, _) = accounts.create_token(new, by, here()).await.unwrap();
    accounts.revoke_token(&token.id, by, here()).await.unwrap();
    accounts.remove_user(&bob.user.id, None, by, here()).await.unwrap();
    assert_eq!(
        house.log().await,
        [
            "setup link 192.0.2.1 setup ana",
            "user ana 192.0.2.1 user.create bob",
            "user bob 192.0.2.1 session.create bob",
            "user ana 192.0.2.1 user.edit bob",
            "user bob 192.0.2.1 session.delete bob",
            "user ana 192.0.2.1 token.create ci",
            "user ana 192.0.2.1 token.revoke ci",
            "user ana 192.0.2.1 user.delete bob",
        ]
    );
}

/// A server that only tokens of its own machine rule so far.
#[tokio::test]
async fn without_any_owner_others_can_still_be_changed_and_removed() {
    let house = empty().await;
    let accounts = &house.accounts;
    let new = NewToken {
        name: "first".to_owned(),
        role: Role::Owner,
        scopes: Scopes::ALL,
        expires_at: None,
    };
    let (_, token) = accounts.create_token_here(new).await.unwrap();
    let by = accounts.authenticate_bearer(token.expose(), here()).await.unwrap().unwrap();
    let ann = house.add("ann", Role::Admin, &by).await;
    let changed = accounts.edit_user(&ann.id, None, role(Role::Viewer), &by, here()).await;
    assert_eq!(changed.unwrap().role, Role::Viewer);
    accounts.remove_user(&ann.id, None, &by, here()).await.unwrap();
}

/// A person has every scope that the role is good for, and outlives a token.
#[tokio::test]
async fn i1_a_token_gives_nobody_more_than_it_has_and_sets_no_password_of_a_person() {
    let (house, ana) = house().await;
    let accounts = &house.accounts;
    let of = async |scopes: Scopes, here_too: bool| {
        let new = NewToken { name: "ci".to_owned(), role: Role::Owner, scopes, expires_at: None };
        let made = match here_too {
            true => accounts.create_token_here(new).await,
            false => accounts.create_token(new, &ana.principal, here()).await,
        };
        let bearer = made.unwrap().1;
        accounts.authenticate_bearer(bearer.expose(), here()).await.unwrap().unwrap()
    };
    let reading = Scopes::of([Scope::Admin, Scope::Read]);
    for (scopes, made, may) in [
        (Scopes::of([Scope::Admin]), Role::Viewer, false),
        (reading, Role::Viewer, true),
        (reading, Role::Operator, false),
        (reading, Role::Admin, false),
        (Scopes::ALL, Role::Owner, true),
    ] {
        let by = of(scopes, false).await;
        let new = NewUser { name: format!("{scopes}-{made}"), password: secret(GOOD), role: made };
        let created = accounts.create_user(new, &by, here()).await;
        assert_eq!(created.is_ok(), may, "{scopes} makes a {made}: {created:?}");
        assert_eq!(accounts.invite(made, &by, here()).await.is_ok(), may, "{scopes} {made}");
        let user = house.add(&format!("to-{scopes}-{made}"), Role::Viewer, &ana.principal).await;
        let edited = accounts.edit_user(&user.id, None, role(made), &by, here()).await;
        assert_eq!(edited.is_ok(), may, "{scopes} makes somebody a {made}");
    }
    let lost =
        || UserEdit { password: Some(secret("another good sentence")), ..UserEdit::default() };
    let by = of(Scopes::ALL, false).await;
    let refused = accounts.edit_user(&ana.user.id, None, lost(), &by, here()).await.unwrap_err();
    assert!(refused.to_string().contains("belongs to a person"), "{refused}");
    let by = of(Scopes::ALL, true).await;
    accounts.edit_user(&ana.user.id, None, lost(), &by, here()).await.unwrap();
}
