//! Both dialects against values that another implementation computed, and against each other.

use std::time::{Duration, Instant};

use super::*;
use crate::command::RtmpUrl;

const USER: &str = "crew";
const PASSWORD: &str = "p+a/s=s & more";

fn login() -> Login {
    Login::new(USER, PASSWORD).unwrap()
}

fn url(app: &str) -> RtmpUrl {
    RtmpUrl::with_key(&format!("rtmp://h/{app}"), "k").unwrap()
}

fn known(user: &str) -> Option<StreamKeyText> {
    (user == USER).then(|| PASSWORD.into())
}

fn examiner() -> (Examiner, Instant) {
    let now = crate::session::origin();
    (Examiner::new(now, [7; 32]), now)
}

fn challenge(description: &str) -> Challenge {
    match Demand::parse(description) {
        Some(Demand::Prove(challenge)) => challenge,
        other => panic!("{other:?}: {description}"),
    }
}

/// Values of Python 3: `b64encode(md5(b64encode(md5(U+S+P)) + O + C2))` with hashlib and base64.
#[test]
fn section8_4_adobe_answers_as_another_implementation_computes_them() {
    let asked = |opaque: &str| {
        challenge(&format!(
            "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=crew\
             &salt=TWFu&challenge=Y2hhbA=={opaque}"
        ))
    };
    for (opaque, answer) in [
        ("&opaque=b3BhcXVl", "Xa2SgYzaYqsGiEap5sgfOA=="),
        ("", "SvNvJPYcbKogRMDECucFVA=="),
        ("&opaque=", "SvNvJPYcbKogRMDECucFVA=="),
    ] {
        let answered = login().answer(&url("live"), &asked(opaque), [0x0b, 0xad, 0xca, 0xfe]);
        let query = format!("authmod=adobe&user=crew&challenge=0badcafe&response={answer}{opaque}");
        assert_eq!(answered.app.expose(), format!("live?{query}"));
        assert_eq!(answered.tc_url.expose(), format!("rtmp://h/live?{query}"));
        assert_eq!(answered.name, url("live").name);
    }
}

/// Values of Python 3: hashlib over RFC 2617's digest with the realm `live`.
#[test]
fn section8_4_llnw_answers_as_another_implementation_computes_them() {
    let asked = challenge("x [ authmod=llnw ] : ?reason=needauth&user=crew&nonce=n0nce");
    for (app, answer) in [
        ("live?x=1", "1ed9e1594120fb9a683795b1a6116441"),
        ("live/inst", "a60ecfbadf24fa3523bdd9b9f7ce1d8e"),
    ] {
        let answered = login().answer(&url(app), &asked, [0x0b, 0xad, 0xca, 0xfe]);
        let mark = if app.contains('?') { '&' } else { '?' };
        assert_eq!(
            answered.app.expose(),
            format!(
                "{app}{mark}authmod=llnw&user=crew&nonce=n0nce&cnonce=0badcafe&nc=00000001\
                 &response={answer}"
            )
        );
    }
}

#[test]
fn base64_pads_as_rfc_4648_says() {
    let bytes: Vec<u8> = (0..5).collect();
    let texts: Vec<_> = (0..=5).map(|n| digest::base64(&bytes[..n])).collect();
    assert_eq!(texts, ["", "AA==", "AAE=", "AAEC", "AAECAw==", "AAECAwQ="]);
    assert_eq!(digest::base64(&[0xff, 0xfe, 0xfb]), "//77");
    assert_eq!(digest::hex(&[0, 0xaf]), "00af");
}

#[test]
fn section8_4_what_servers_say_is_understood() {
    let identify = |dialect| Some(Demand::Identify(dialect));
    for (said, meant) in [
        (
            "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ",
            identify(Dialect::Adobe),
        ),
        ("code=403 need auth; authmod=llnw", identify(Dialect::Llnw)),
        ("code=403 need auth; authmod=kerberos", None),
        ("[ authmod=adobe ] : ?reason=authfailed&opaque=x", Some(Demand::Other)),
        ("[ authmod=llnw ] : ?reason=nosuchuser", Some(Demand::Other)),
        ("[ authmod=adobe ] : ?reason=needauth&user=u&salt=s", None),
        ("[ authmod=llnw ] : ?reason=needauth&user=u", None),
        ("[ authmod=adobe ] : ", None),
        ("need auth", None),
        ("", None),
    ] {
        assert_eq!(Demand::parse(said), meant, "{said}");
    }
    let asked =
        challenge("authmod=adobe ] : ?reason=needauth&salt=a+/b==&challenge=c=&x ] junk&opaque=z");
    assert_eq!((asked.salt.as_str(), asked.challenge.as_str()), ("a+/b==", "c="));
    assert_eq!(asked.opaque, None, "what follows a blank is no part of it");
    let long = format!("authmod=llnw ?reason=needauth&nonce={}", "n".repeat(300));
    assert_eq!(Demand::parse(&long), None);
}

/// Asks, answers, and says what became of it.
fn dialogue(dialect: Dialect, login: &Login, app: &str) -> Examination {
    let (mut examiner, now) = examiner();
    let url = url(app);
    assert_eq!(examiner.examine(now, &url.app, known), Examination::Silent);
    assert_eq!(Demand::parse(&Examiner::demand(dialect)), Some(Demand::Identify(dialect)));
    let named = login.identify(&url, dialect);
    let Examination::Ask(said) = examiner.examine(now, &named.app, known) else { panic!() };
    assert!(
        said.len() + MAX_USER - login.user().len() < 255,
        "ffmpeg reads no more: {}",
        said.len()
    );
    let answered = login.answer(&url, &challenge(&said), [1, 2, 3, 4]);
    examiner.examine(now, &answered.app, known)
}

#[test]
fn section8_4_a_client_of_ours_and_a_server_of_ours_agree() {
    for dialect in [Dialect::Adobe, Dialect::Llnw] {
        for app in ["live", "live/inst", "live?backup=1", "a/b/c"] {
            let passed = dialogue(dialect, &login(), app);
            assert_eq!(passed, Examination::Passed(USER.into()), "{dialect:?} {app}");
        }
        for (user, password) in [(USER, "wrong"), ("nobody", PASSWORD), ("nobody", "x")] {
            let login = Login::new(user, password).unwrap();
            let Examination::Failed(said) = dialogue(dialect, &login, "live") else { panic!() };
            assert_eq!(Demand::parse(&said), Some(Demand::Other));
        }
    }
}

/// Nobody learns from the demand which users there are, and a user without a password is none.
#[test]
fn j6_unknown_users_are_asked_as_known_ones_are() {
    let (mut examiner, now) = examiner();
    let mut ask = |user: &str, known: bool| {
        let app = StreamKeyText::from(format!("live?authmod=adobe&user={user}").as_str());
        match examiner.examine(now, &app, |_| known.then(|| PASSWORD.into())) {
            Examination::Ask(said) => said.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask("crew", true), ask("crow", false));
    let answer = client::adobe("crow", "", &challenge_of(&mut examiner, now, "crow"), "c");
    let app = format!("live?authmod=adobe&user=crow&challenge=c&response={answer}");
    let failed = examiner.examine(now, &app.as_str().into(), |_| None);
    assert!(matches!(failed, Examination::Failed(_)), "{failed:?}");
}

fn challenge_of(examiner: &mut Examiner, now: Instant, user: &str) -> Challenge {
    let app = StreamKeyText::from(format!("live?authmod=adobe&user={user}").as_str());
    match examiner.examine(now, &app, |_| None) {
        Examination::Ask(said) => challenge(&said),
        other => panic!("{other:?}"),
    }
}

#[test]
fn section8_4_an_answer_is_good_once_and_for_two_minutes_at_most() {
    for dialect in [Dialect::Adobe, Dialect::Llnw] {
        let (mut examiner, now) = examiner();
        let at = |seconds| now + Duration::from_secs(seconds);
        let named = login().identify(&url("live"), dialect);
        let Examination::Ask(said) = examiner.examine(at(59), &named.app, known) else { panic!() };
        let answer = |random| login().answer(&url("live"), &challenge(&said), [random; 4]).app;
        let passed = Examination::Passed(USER.into());
        assert_eq!(examiner.examine(at(61), &answer(1), known), passed);
        let again = examiner.examine(at(62), &answer(1), known);
        assert!(matches!(again, Examination::Ask(_)), "heard on the way and said again: {again:?}");
        assert_eq!(examiner.examine(at(119), &answer(2), known), passed, "another answer to it");
        let late = examiner.examine(at(120), &answer(3), known);
        assert!(matches!(late, Examination::Ask(_)), "asked anew: {late:?}");
        assert_eq!(examiner.used.len(), 2);
        let Examination::Ask(said) = examiner.examine(at(900), &named.app, known) else { panic!() };
        let fresh = login().answer(&url("live"), &challenge(&said), [9; 4]).app;
        assert_eq!(examiner.examine(at(900), &fresh, known), passed);
        assert_eq!(examiner.used.len(), 1, "what cannot come again is forgotten");
    }
}

#[test]
fn what_remembers_answers_is_bounded() {
    let (mut examiner, now) = examiner();
    for n in 0..5000 {
        assert!(examiner.spend(now, &n.to_string()));
    }
    assert_eq!(examiner.used.len(), 4096);
}

#[test]
fn strange_users_are_refused_without_being_repeated() {
    let (mut examiner, now) = examiner();
    let long = "u".repeat(65);
    for user in ["", "a b", "a=b", "\u{1}", "\u{fc}", &long] {
        let app = StreamKeyText::from(format!("live?authmod=adobe&user={user}").as_str());
        let Examination::Failed(said) = examiner.examine(now, &app, known) else {
            panic!("{user}")
        };
        assert!(said.ends_with("?reason=authfailed"));
    }
    for app in ["live", "live?user=crew", "live?authmod=basic&user=crew", ""] {
        assert_eq!(examiner.examine(now, &app.into(), known), Examination::Silent, "{app}");
    }
}

#[test]
fn k4_user_and_password_are_taken_out_of_a_url_or_it_is_refused() {
    let split = |url: &str| {
        Login::split_url(url).map(|(rest, login)| {
            let both = login.map(|login| {
                (login.user().expose().into_owned(), login.password().expose().into_owned())
            });
            (rest, both)
        })
    };
    let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
    for (url, rest, both) in [
        ("rtmp://h/live", "rtmp://h/live", None),
        ("rtmp://u:p@h:1936/live?x=@y", "rtmp://h:1936/live?x=@y", pair("u", "p")),
        ("rtmps://u:p%40%3a@[::1]/a", "rtmps://[::1]/a", pair("u", "p@:")),
        ("rtmp://u:p:q@h", "rtmp://h", pair("u", "p:q")),
        ("rtmp://h/live@home", "rtmp://h/live@home", None),
        ("nonsense", "nonsense", None),
    ] {
        assert_eq!(split(url), Ok((rest.to_owned(), both)), "{url}");
    }
    for (url, error) in [
        ("rtmp://u@h/live", LoginError::Incomplete),
        ("rtmp://u:@h/live", LoginError::Incomplete),
        ("rtmp://:p@h/live", LoginError::Incomplete),
        ("rtmp://u:p@x@h/live", LoginError::Unclear),
        ("rtmp://u:%ff@h/live", LoginError::Unclear),
        ("rtmp://u%26x:p@h/live", LoginError::User),
        ("rtmp://u%0d:p@h/live", LoginError::User),
    ] {
        assert_eq!(split(url), Err(error), "{url}");
    }
    let shown = format!("{:?}", login());
    assert!(!shown.contains(USER) && !shown.contains("p+a"), "{shown}");
}

#[test]
fn a_new_login_begins_without_the_answer_of_the_last() {
    let strip = |app: &str| without_auth(&app.into()).expose().into_owned();
    assert_eq!(strip("live?authmod=adobe&user=u&challenge=c&response=a+b==&opaque=o"), "live");
    assert_eq!(strip("live?backup=1&authmod=llnw&user=u&nonce=1&nc=2&x"), "live?backup=1&x");
    assert_eq!(strip("live?user=u"), "live?user=u", "not ours");
    assert_eq!(strip("live"), "live");
}
