//! What those who run the server are told of publishers that are refused.

use super::*;

#[test]
fn near_misses_are_told_to_those_who_run_the_server() {
    let whole = "k7m2n9p4q8r3s6t1v5w0x2y4z7";
    let gate = gate(with_keys(vec![row_key("1", whole)]));
    for (sent, want, key) in [
        ("k7m2n9p4q8r3s6t1v5w0x2y4z", "has 25 characters instead of 26", true),
        ("k7m2n9p4q8r3s6t1v5w0x2y4zz", "characters are wrong", true),
        ("K7M2N9P4Q8R3S6T1V5W0X2Y4Z7", "capital letters", true),
        (" k7m2n9p4q8r3s6t1v5w0x2y4z7 ", "blanks or quotes", true),
        ("main", "the name of the stream", false),
        ("", "no key was sent", false),
        ("rtmp://host/live", "a whole address", false),
        ("abcdefgh", "has 8 characters; the keys of this server have 26", false),
    ] {
        assert!(publish(&gate, sent).is_err());
        let attempts = gate.attempts();
        let AttemptOutcome::Refused { hint: Some(hint), .. } = &attempts[0].outcome else {
            panic!("{sent:?}: no hint");
        };
        assert!(hint.contains(want), "{sent:?}: {hint}");
        assert_eq!(attempts[0].key.is_some(), key, "{sent:?}");
    }
}

/// Of what was sent four characters at most are repeated, and only of what may have been a key of ours.
#[test]
fn j1_four_characters_of_a_wrong_key_of_the_right_length_are_told() {
    let gate = gate(AccessTable {
        streams: vec![
            stream("main", vec![row_key("1", "k7m2n9p4q8r3s6t1v5w0x2y4z7")]),
            stream("short", vec![file_key("password1")]),
        ],
        ..Default::default()
    });
    for (sent, want) in [
        ("abcdefghijklmnopqrstuvwxyz", Some("abcd")),
        ("abcdefghijklmnopqrstuvwxy", None),
        ("abcdefghijklm/opqrstuvwxyz", None),
        ("password2", None),
        ("k7m2n9p4q8r3s6t1v5w0x2y4zz", None),
    ] {
        assert!(publish(&gate, sent).is_err());
        let AttemptOutcome::Refused { begins, .. } = gate.attempts()[0].outcome.clone() else {
            panic!("{sent}");
        };
        assert_eq!(begins.as_deref(), want, "{sent}");
    }
}

/// A key that was withdrawn is known as such, by nobody but those who run the server, and is no name.
#[test]
fn a_withdrawn_key_is_told_apart_from_a_wrong_one() {
    let retired = |stream: &str, key: &str| RetiredKey {
        stream: stream.to_owned(),
        id: "9".to_owned(),
        label: "Old phone".to_owned(),
        digest: crate::random::hash(key),
    };
    for open in [false, true] {
        let gate = gate(AccessTable {
            retired: vec![
                retired("main", "withdrawnkey"),
                retired("gone", "goneskey"),
                retired("main", MAIN),
            ],
            open,
            ..two()
        });
        let ear = heard(&gate);
        assert_eq!(publish(&gate, "withdrawnkey").map(|_| ()), Err(DenialKind::UnknownKey));
        assert_eq!(publish(&gate, "goneskey").map(|_| ()), Err(DenialKind::UnknownKey));
        assert!(publish(&gate, MAIN).is_ok(), "what holds goes before");
        let told = ear.0.lock();
        let revoked = |attempt: &Attempt| {
            matches!(
                &attempt.outcome,
                AttemptOutcome::Refused { reason: RefusalReason::RevokedKey, .. }
            )
        };
        assert!(revoked(&told[0]) && revoked(&told[1]));
        assert_eq!(told[0].stream.as_ref().map(StreamName::as_str), Some("main"));
        assert_eq!(told[0].key.as_ref().unwrap().label, "Old phone");
        assert_eq!(told[1].stream, None, "its stream is gone");
    }
}

#[test]
fn who_is_refused_elsewhere_is_told_too() {
    let gate = gate(two());
    let ear = heard(&gate);
    let asked = from("192.0.2.9", MAIN);
    let main = Some(StreamName::new("main").unwrap());
    for (why, want) in [
        (TurnedAwayFor::Busy, RefusalReason::Busy),
        (TurnedAwayFor::Login, RefusalReason::LoginMissing),
        (TurnedAwayFor::Service, RefusalReason::ServiceRefused),
        (TurnedAwayFor::ServiceSilent, RefusalReason::ServiceSilent),
    ] {
        gate.turned_away(&TurnedAway::of(&asked, why, main.clone()));
        let told = ear.0.lock().last().unwrap().clone();
        assert_eq!((told.peer, &told.stream), (asked.peer, &main));
        assert!(matches!(told.outcome, AttemptOutcome::Refused { reason, .. } if reason == want));
    }
    assert_eq!(gate.attempts().len(), 4);
}

/// J1: nothing that was sent, and no key, is in what is told.
#[test]
fn j1_attempts_hold_no_secret() {
    let gate = gate(AccessTable { open: false, ..two() });
    let ear = heard(&gate);
    let canary = "canary7316key";
    for sent in [canary, MAIN, "sk_main_012345678", &format!("rtmp://h/{canary}")] {
        let keys = vec![secret(canary)];
        let login = Some(login(canary, canary));
        let asked = AccessRequest { keys, login, ..request(Action::Publish, sent) };
        let _ = gate.decide(&asked);
    }
    let told = format!("{:?} {:?}", ear.0.lock(), gate.attempts());
    for secret in [canary, MAIN, SIDE, &MAIN[..8]] {
        assert!(!told.contains(secret), "{told}");
    }
}
