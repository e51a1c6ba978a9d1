//! Rules, hashes, and the bound on their work.

use super::*;

const CHEAP: Cost = Cost { memory: 64, passes: 1 };

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

#[test]
fn i6_a_password_that_anybody_tries_is_refused_in_words() {
    for (password, name, want) in [
        ("correct horse battery", "ana", ""),
        ("Tr0ub4dor&3", "ana", ""),
        ("äöüßäöüß12", "ana", ""),
        ("short", "ana", "10 characters"),
        ("ninechars", "ana", "10 characters"),
        ("äöüßäöüß1", "ana", "10 characters"),
        ("password123", "ana", "first that anybody"),
        ("PassWord123", "ana", "first that anybody"),
        ("  password123 ", "ana", "first that anybody"),
        ("qwertyuiop", "ana", "first that anybody"),
        ("anamaria-lopez", "AnaMaria-Lopez", "the name"),
        ("anamaria-lopez12", "anamaria-lopez", "the name"),
        ("anaanaanaana", "ana", "the name"),
        ("aaaaaaaaaaaa", "bob", "repeats"),
        ("abababababab", "bob", "repeats"),
    ] {
        let got = check(&secret(password), name);
        match want {
            "" => assert_eq!(got, Ok(()), "{password}"),
            want => {
                let invalid = got.unwrap_err();
                assert_eq!(invalid.field, "password");
                assert!(invalid.message.contains(want), "{password}: {invalid}");
            }
        }
    }
    assert!(check(&secret(&"long ".repeat(103)), "ana").is_err());
    assert!(check(&secret(&"long ".repeat(102)), "ana").is_ok());
}

#[test]
fn the_list_is_of_passwords_that_the_length_lets_through() {
    for common in COMMON {
        assert!(common.chars().count() >= SHORTEST, "{common}");
        assert_eq!(*common, common.to_lowercase());
    }
    assert!(COMMON.is_sorted());
}

#[tokio::test]
async fn i6_hashes_are_argon2id_with_their_figures_and_salted() {
    let hasher = Hasher::new(Cost::default());
    let password = secret("correct horse battery");
    let hash = hasher.hash(&password).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_ne!(hash, hasher.hash(&password).await.unwrap());
    assert_eq!(hasher.verify(&password, Some(&hash), false).await, Ok(true));
    assert_eq!(hasher.verify(&secret("correct horse"), Some(&hash), false).await, Ok(false));
    assert_eq!(hasher.verify(&password, None, false).await, Ok(false));
    assert_eq!(hasher.verify(&password, Some("$argon2id$"), false).await, Ok(false));
    assert!(!hasher.is_stale(&hash));
}

#[tokio::test]
async fn a_hash_with_other_figures_is_right_and_stale() {
    let password = secret("correct horse battery");
    let old = Hasher::new(CHEAP).hash(&password).await.unwrap();
    let hasher = Hasher::new(Cost { memory: 128, ..CHEAP });
    assert_eq!(hasher.verify(&password, Some(&old), true).await, Ok(true));
    assert!(hasher.is_stale(&old));
}

/// What an unknown name costs is what a known one costs: one hash with the figures of today.
#[tokio::test]
async fn i6_an_unknown_name_costs_the_same_work() {
    let hasher = Hasher::new(CHEAP);
    let hash = hasher.hash(&secret("correct horse battery")).await.unwrap();
    let of = |text: &str| Params::try_from(&PasswordHash::new(text).unwrap()).unwrap();
    assert!(same(&of(&hasher.nobody), &of(&hash)));
    for (known, works) in [(Some(hash.as_str()), 2), (None, 3)] {
        let _ = hasher.verify(&secret("wrong"), known, false).await;
        assert_eq!(hasher.peak.done.load(Ordering::SeqCst), works);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b11_a_thousand_logins_at_once_hash_two_at_a_time() {
    let hasher = Hasher::new(CHEAP);
    let hash: Arc<str> = hasher.hash(&secret("correct horse battery")).await.unwrap().into();
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (hasher, hash) = (hasher.clone(), hash.clone());
        logins.spawn(async move {
            let password = secret("correct horse battery");
            hasher.verify(&password, Some(&hash), false).await.unwrap()
        });
    }
    let right = logins.join_all().await;
    assert!(right.len() == 1000 && right.into_iter().all(|right| right));
    assert!(hasher.peak.most.load(Ordering::SeqCst) <= POOL);
}

/// Suspects wait for one place; the other is never theirs.
#[tokio::test]
async fn b11_suspects_leave_a_place_free() {
    let hasher = Hasher::new(CHEAP);
    let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
    let blocked = hasher.clone();
    let suspect = tokio::spawn(async move { blocked.work(true, move || held.recv().ok()).await });
    let waiting = hasher.clone();
    let second = tokio::spawn(async move { waiting.work(true, || 2).await });
    while hasher.peak.now.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for n in 0..3 {
        assert_eq!(hasher.work(false, move || n).await, Ok(n), "others get through");
    }
    assert!(!second.is_finished());
    release.send(()).unwrap();
    assert_eq!(suspect.await.unwrap(), Ok(Some(())));
    assert_eq!(second.await.unwrap(), Ok(2));
}

#[tokio::test]
async fn more_than_can_wait_are_told_so() {
    let hasher = Hasher::new(CHEAP);
    let fill = |count, most| -> Vec<Waiting> {
        (0..most).map(|_| Waiting::take(count, most).unwrap()).collect()
    };
    let suspects = fill(&hasher.waiting_suspects, WAITING_SUSPECTS);
    assert_eq!(hasher.verify(&secret("x"), None, true).await, Err(Busy));
    assert!(hasher.hash(&secret("x")).await.is_ok(), "suspects fill their own places only");
    let others = fill(&hasher.waiting, WAITING);
    assert_eq!(hasher.hash(&secret("x")).await, Err(Busy));
    drop((suspects, others));
    assert!(hasher.hash(&secret("x")).await.is_ok());
}
