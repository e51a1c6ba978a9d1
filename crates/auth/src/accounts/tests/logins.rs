//! Coming in: the first start, logins, the second factor, invitations.

use super::*;
use crate::throttle::Subject;
use crate::totp::code_for_tests as code_at;

#[tokio::test]
async fn i2_the_first_start_makes_a_link_that_is_used_once() {
    let house = empty().await;
    let accounts = &house.accounts;
    let token = accounts.setup_token().unwrap();
    assert_eq!(token.expose().len(), 32, "128 bits");
    let set_up = async |token: &str, password: &str| {
        accounts.set_up(token, "ana", &secret(password), &client()).await
    };
    assert!(matches!(set_up("", GOOD).await, Err(SetupError::Wrong)));
    assert!(matches!(set_up(&"0".repeat(32), GOOD).await, Err(SetupError::Wrong)));
    let refused = set_up(token.expose(), "short").await.unwrap_err();
    assert!(refused.to_string().contains("10 characters"), "{refused}");
    assert!(accounts.setup_token().is_some(), "a refused password does not use it up");

    let owner = set_up(token.expose(), GOOD).await.unwrap();
    assert_eq!((owner.principal.role, owner.user.role), (Role::Owner, Role::Owner));
    assert!(house.is_in(&owner).await);
    assert!(accounts.setup_token().is_none());
    for token in [token.expose(), "", "other"] {
        let used = set_up(token, GOOD).await.unwrap_err();
        assert!(matches!(used, SetupError::Used));
        assert!(used.to_string().starts_with("This link has been used"), "{used}");
    }
    let (_, again) = open(house.dir.path(), &house.clock, CHEAP).await;
    assert!(again.setup_token().is_none(), "there is somebody");
}

#[tokio::test]
async fn i2_each_start_makes_another_link_and_the_old_one_opens_nothing() {
    let house = empty().await;
    let first = house.accounts.setup_token().unwrap();
    let (_, again) = open(house.dir.path(), &house.clock, CHEAP).await;
    assert!(!again.setup_token().unwrap().matches(&first));
    let set_up = again.set_up(first.expose(), "ana", &secret(GOOD), &client()).await;
    assert!(matches!(set_up, Err(SetupError::Wrong)));
}

#[tokio::test]
async fn i2_of_two_who_have_the_link_one_is_first() {
    let house = empty().await;
    let token = house.accounts.setup_token().unwrap();
    let (a, b) = (secret(GOOD), client());
    let set_up = |name| house.accounts.set_up(token.expose(), name, &a, &b);
    let (one, two) = tokio::join!(set_up("ana"), set_up("bob"));
    assert_ne!(one.is_ok(), two.is_ok());
    assert_eq!(house.accounts.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn i5_every_login_has_a_session_of_its_own() {
    let (house, first) = house().await;
    let second = house.accounts.log_in(with(" ANA ", GOOD), &client()).await.unwrap();
    assert_eq!(second.cookie.expose().len(), 43, "256 bits");
    assert!(!second.cookie.matches(&first.cookie));
    assert!(house.is_in(&first).await && house.is_in(&second).await);
    for made_up in ["", "x", &"A".repeat(43)] {
        assert_eq!(house.accounts.authenticate_cookie(made_up).await.unwrap(), None);
    }
    house.accounts.log_out(second.cookie.expose(), &client()).await.unwrap();
    assert!(house.is_in(&first).await && !house.is_in(&second).await);
    house.accounts.log_out(second.cookie.expose(), &client()).await.unwrap();
}

#[tokio::test]
async fn i6_every_wrong_answer_is_the_same() {
    let (house, owner) = house().await;
    let bob = house.add("bob", Role::Viewer, &owner.principal).await;
    let off = UserEdit { disabled: Some(true), ..UserEdit::default() };
    house.accounts.edit_user(&bob.id, None, off, &owner.principal, here()).await.unwrap();
    let long = "x".repeat(10_000);
    for (name, password) in
        [("ana", "wrong"), ("ana", ""), ("nobody", GOOD), ("", ""), ("bob", GOOD), ("ana", &long)]
    {
        let wrong = house.accounts.log_in(with(name, password), &client()).await.unwrap_err();
        assert_eq!(wrong.to_string(), "the name or the password is wrong", "{name}");
    }
    let hashes = house.accounts.0.hasher.peak.done.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(hashes, 2 + 6, "two users made, and one hash for each login");
}

/// I6: a name that nobody has costs just what a known one does, in hashes and in what each costs, so
/// that the time of an answer tells nothing. 1,000 tries of each.
#[tokio::test]
async fn i6_an_unknown_name_costs_what_a_known_one_does() {
    use std::sync::atomic::Ordering::SeqCst;
    let (house, owner) = house().await;
    let bob = house.add("bob", Role::Viewer, &owner.principal).await;
    let off = UserEdit { disabled: Some(true), ..UserEdit::default() };
    house.accounts.edit_user(&bob.id, None, off, &owner.principal, here()).await.unwrap();
    let accounts = &house.accounts;
    let peak = accounts.0.hasher.peak.clone();
    let cost = async |name: &str, password: &str| {
        let before = (peak.done.load(SeqCst), peak.effort.load(SeqCst));
        for _ in 0..1000 {
            let subjects = [Subject::address(here()), Subject::name(name)];
            let proved = accounts.proved(name, &secret(password), &subjects).await;
            assert!(proved.unwrap().is_none());
        }
        (peak.done.load(SeqCst) - before.0, peak.effort.load(SeqCst) - before.1)
    };
    let known = cost("ana", "wrong").await;
    assert_eq!(known, (1000, 1000 * usize::try_from(CHEAP.memory * CHEAP.passes).unwrap()));
    for (name, password) in [("nobody", "wrong"), ("bob", GOOD), ("", ""), ("ana", "")] {
        assert_eq!(cost(name, password).await, known, "{name:?}");
    }
}

/// B11: wrong answers wait in virtual time; a right one is not even asked about.
#[tokio::test]
async fn b11_wrong_logins_wait_and_a_right_one_does_not() {
    let (house, _) = house().await;
    let accounts = &house.accounts;
    for _ in 0..10 {
        assert!(accounts.log_in(with("ana", "wrong"), &client()).await.is_err());
    }
    let subjects = [Subject::address(here()), Subject::name("ana")];
    assert_eq!(accounts.0.held.load(std::sync::atomic::Ordering::SeqCst), 10);
    tokio::time::pause();
    for seconds in [1, 2, 4] {
        let start = tokio::time::Instant::now();
        accounts.hold_back(&subjects).await;
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
    tokio::time::resume();
    house.enter("ana").await;
    assert_eq!(accounts.0.held.load(std::sync::atomic::Ordering::SeqCst), 13);
}

#[tokio::test]
async fn i6_a_hash_of_old_figures_is_made_anew_at_login() {
    let (house, _) = house().await;
    let dearer = Cost { memory: 128, passes: 1 };
    let (store, accounts) = open(house.dir.path(), &house.clock, dearer).await;
    let hash = async || store.user_by_name("ana").await.unwrap().unwrap().password_hash;
    let before = hash().await;
    accounts.log_in(with("ana", GOOD), &client()).await.unwrap();
    let after = hash().await;
    assert!(before.contains("m=64,") && after.contains("m=128,"), "{before} {after}");
    accounts.log_in(with("ana", GOOD), &client()).await.unwrap();
    assert_eq!(hash().await, after);
}

async fn with_second_factor(house: &House, owner: &LoggedIn) -> (Secret, Vec<Secret>) {
    let by = &owner.principal;
    let offer = house.accounts.begin_totp(by, &secret(GOOD), &client()).await.unwrap();
    let code = code_at(&offer.secret, house.clock.now());
    let codes = house.accounts.confirm_totp(by, &code, here()).await.unwrap();
    (offer.secret, codes)
}

async fn log_in_with(house: &House, code: &str) -> Result<LoggedIn, LoginError> {
    let code = Some(secret(code));
    house.accounts.log_in(Credentials { code, ..with("ana", GOOD) }, &client()).await
}

#[tokio::test]
async fn i6_a_second_factor_is_in_force_once_a_code_was_right() {
    let (house, owner) = house().await;
    let (accounts, by) = (&house.accounts, &owner.principal);
    let begin = async |password| accounts.begin_totp(by, &secret(password), &client()).await;
    assert!(begin("wrong").await.is_err(), "it takes the password");
    assert!(accounts.confirm_totp(by, "123456", here()).await.is_err(), "nothing is offered");
    let offer = begin(GOOD).await.unwrap();
    assert!(offer.uri.expose().starts_with("otpauth://totp/Manycast:ana?secret="));
    assert!(accounts.confirm_totp(by, "000000", here()).await.is_err());
    house.enter("ana").await;
    let late = code_at(&offer.secret, house.clock.now());
    house.later(601);
    assert!(accounts.confirm_totp(by, &late, here()).await.is_err(), "the offer is over");

    let (totp, codes) = with_second_factor(&house, &owner).await;
    assert_eq!(codes.len(), 10);
    let user = accounts.user(&owner.user.id).await.unwrap();
    assert!(user.totp && user.recovery_codes == 10);
    let needed = accounts.log_in(with("ana", GOOD), &client()).await;
    assert!(matches!(needed, Err(LoginError::CodeNeeded)));
    let wrong = accounts.log_in(with("ana", "wrong"), &client()).await;
    assert!(matches!(wrong, Err(LoginError::Wrong)), "no word of a code before the password");
    let now = code_at(&totp, house.clock.now());
    assert!(log_in_with(&house, &now).await.is_err(), "it confirmed the offer: used");
    house.later(30);
    let next = code_at(&totp, house.clock.now());
    assert!(log_in_with(&house, &next).await.is_ok());
    assert!(log_in_with(&house, &next).await.is_err(), "used");
}

#[tokio::test]
async fn i6_a_recovery_code_stands_for_one_code() {
    let (house, owner) = house().await;
    let (_, codes) = with_second_factor(&house, &owner).await;
    assert!(log_in_with(&house, codes[3].expose()).await.is_ok());
    assert!(log_in_with(&house, codes[3].expose()).await.is_err(), "used");
    assert!(log_in_with(&house, &codes[4].expose().to_uppercase()).await.is_ok());
    assert!(log_in_with(&house, "0000-0000-0000-0000").await.is_err());
    let user = house.accounts.user(&owner.user.id).await.unwrap();
    assert_eq!(user.recovery_codes, 8);
}

/// RFC 4226 7.3: whoever has the password does not get to try a million codes.
#[tokio::test]
async fn i6_codes_cannot_be_guessed() {
    let (house, owner) = house().await;
    let (totp, codes) = with_second_factor(&house, &owner).await;
    house.later(60);
    for _ in 0..5 {
        let wrong = log_in_with(&house, "000000").await;
        assert!(matches!(wrong, Err(LoginError::CodeWrong)));
    }
    let right = code_at(&totp, house.clock.now());
    let exhausted = log_in_with(&house, &right).await.unwrap_err();
    assert!(matches!(exhausted, LoginError::CodesExhausted { .. }), "{exhausted}");
    assert!(log_in_with(&house, codes[0].expose()).await.is_ok(), "a recovery code gets in");
}

/// A code that was right and is sent again does not lock its owner out.
#[tokio::test]
async fn i6_a_code_that_was_used_is_no_wrong_one() {
    let (house, owner) = house().await;
    let (totp, _) = with_second_factor(&house, &owner).await;
    house.later(30);
    let used = code_at(&totp, house.clock.now());
    let replay = async || {
        for _ in 0..20 {
            let again = log_in_with(&house, &used).await;
            assert!(matches!(again, Err(LoginError::CodeUsed)));
        }
    };
    assert!(log_in_with(&house, &used).await.is_ok());
    replay().await;
    for _ in 0..4 {
        assert!(matches!(log_in_with(&house, "000000").await, Err(LoginError::CodeWrong)));
    }
    replay().await;
    assert!(matches!(log_in_with(&house, "000000").await, Err(LoginError::CodeWrong)));
    let exhausted = log_in_with(&house, &used).await;
    let locked = matches!(exhausted, Err(LoginError::CodesExhausted { .. }));
    assert!(locked, "wrong ones still count, whatever is sent between them");
}

#[tokio::test]
async fn a_second_factor_is_removed_with_the_password_or_by_whoever_may_manage() {
    let (house, owner) = house().await;
    let (accounts, by) = (&house.accounts, &owner.principal);
    let admin = house.join("adam", Role::Admin, by).await;
    with_second_factor(&house, &owner).await;
    let remove = async |password: Option<&str>, by: &Principal| {
        let password = password.map(secret);
        accounts.remove_totp(&owner.user.id, password.as_ref(), by, &client()).await
    };
    assert!(remove(None, by).await.is_err());
    assert!(remove(Some("wrong"), by).await.is_err());
    assert!(remove(None, &admin.principal).await.is_err(), "an owner is above him");
    assert!(remove(Some(GOOD), by).await.is_ok());
    house.enter("ana").await;
    let offer = accounts.begin_totp(&admin.principal, &secret(GOOD), &client()).await.unwrap();
    let code = code_at(&offer.secret, house.clock.now());
    accounts.confirm_totp(&admin.principal, &code, here()).await.unwrap();
    accounts.remove_totp(&admin.user.id, None, by, &client()).await.unwrap();
    house.enter("adam").await;
}

#[tokio::test]
async fn an_invitation_makes_one_user() {
    let (house, owner) = house().await;
    let (accounts, by) = (&house.accounts, &owner.principal);
    let accept = async |token: &Secret, name: &str| {
        accounts.accept_invitation(token.expose(), name, &secret(GOOD), &client()).await
    };
    let invitation = accounts.invite(Role::Operator, by, here()).await.unwrap();
    assert_eq!(accounts.invitations().await.unwrap().len(), 1);
    assert!(accept(&invitation.token, "ana").await.is_err(), "the name is taken");
    let eve = accept(&invitation.token, "eve").await.unwrap();
    assert_eq!(eve.principal.role, Role::Operator);
    assert!(house.is_in(&eve).await);
    assert!(matches!(accept(&invitation.token, "eva").await, Err(SetupError::Used)));
    assert!(matches!(accept(&secret("x"), "eva").await, Err(SetupError::NotInvited)));
    assert!(accounts.invite(Role::Viewer, &eve.principal, here()).await.is_err(), "may not");

    let late = accounts.invite(Role::Viewer, by, here()).await.unwrap();
    let withdrawn = accounts.invite(Role::Viewer, by, here()).await.unwrap();
    accounts.withdraw_invitation(&withdrawn.id, by, here()).await.unwrap();
    assert!(accept(&withdrawn.token, "eva").await.is_err());
    house.later(7 * 24 * 3600);
    assert!(matches!(accept(&late.token, "eva").await, Err(SetupError::NotInvited)));
}

/// Whoever was put back has nothing to give away.
#[tokio::test]
async fn an_invitation_is_worth_what_its_maker_is_worth_when_it_is_used() {
    let (house, owner) = house().await;
    let (accounts, by) = (&house.accounts, &owner.principal);
    let admin = house.join("adam", Role::Admin, by).await;
    assert!(accounts.invite(Role::Owner, &admin.principal, here()).await.is_err());
    let invitation = accounts.invite(Role::Admin, &admin.principal, here()).await.unwrap();
    let down = UserEdit { role: Some(Role::Viewer), ..UserEdit::default() };
    accounts.edit_user(&admin.user.id, None, down, by, here()).await.unwrap();
    let (token, password, client) = (invitation.token.expose(), secret(GOOD), client());
    let accepted = accounts.accept_invitation(token, "eve", &password, &client).await;
    assert!(matches!(accepted, Err(SetupError::NotInvited)));
}
