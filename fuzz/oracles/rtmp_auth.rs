//! What has to hold for users, passwords and keys, whatever a peer puts into its words and addresses.
//!
//! An input is one byte that says what the rest is: words of a refusal, an app, a URL, or the three
//! places of a key with a `|` between them.

use std::time::Instant;

use manycast_rtmp::auth::{Demand, Dialect, Examination, Examiner, Login, without_auth};
use manycast_rtmp::command::{RtmpUrl, StreamKeyText, Target};

/// All that ffmpeg reads of a refusal.
const MOST: usize = 255;

/// Reads it.
pub(crate) fn parse(data: &[u8]) {
    check(data);
}

/// Reads it; what has to hold is looked at on the way.
pub(crate) fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match kind % 4 {
        0 => demand(&text),
        1 => app(&text),
        2 => url(&text),
        _ => places(rest),
    }
}

fn login() -> Login {
    Login::new("crew", "never-said-by-anybody").expect("fit for both dialects")
}

/// Whatever is demanded is answered in bounded words, which bring nothing new into the path.
fn demand(text: &str) {
    let ours = RtmpUrl::with_key("rtmp://h/live?x=1", "key").expect("valid");
    let answered = match Demand::parse(text) {
        Some(Demand::Identify(dialect)) => login().identify(&ours, dialect),
        Some(Demand::Prove(challenge)) => login().answer(&ours, &challenge, [1, 2, 3, 4]),
        Some(Demand::Other) | None => return,
    };
    let app = answered.app.expose();
    assert!(app.starts_with("live?x=1&authmod=") && app.len() < 1024, "{app}");
    assert!(!app.contains(char::is_whitespace), "{app}");
    assert!(!app.contains("never-said"), "the password stays here");
    assert_eq!(answered.name, ours.name);
}

/// Nobody gets in by chance; what is said is bounded, one line, and understood by our own client.
fn app(text: &str) {
    #[allow(clippy::disallowed_methods, reason = "there is no other way to make an Instant")]
    let now = Instant::now();
    let mut examiner = Examiner::new(now, [7; 32]);
    let app = StreamKeyText::from(text);
    let judged = examiner.examine(now, &app, |user| (user == "crew").then(|| "sesame".into()));
    match judged {
        Examination::Passed(_) => panic!("let in with {text:?}"),
        Examination::Silent => {}
        Examination::Ask(words) | Examination::Failed(words) => {
            assert!(words.len() <= MOST && !words.contains(char::is_control), "{words:?}");
            assert!(Demand::parse(&words).is_some(), "{words}");
        }
    }
    let cleaned = without_auth(&app);
    assert!(cleaned.len() <= app.len());
    assert_eq!(without_auth(&cleaned), cleaned);
    for dialect in [Dialect::Adobe, Dialect::Llnw] {
        let Ok(ours) = RtmpUrl::with_key(&format!("rtmp://h/{text}"), "key") else { continue };
        if !matches!(examiner.examine(now, &ours.app, |_| None), Examination::Silent) {
            continue;
        }
        let named = login().identify(&ours, dialect);
        let Examination::Ask(words) = examiner.examine(now, &named.app, |_| None) else {
            continue; // a `user` of another kind stood in the query before ours
        };
        let Some(Demand::Prove(challenge)) = Demand::parse(&words) else { panic!("{words}") };
        let answered = login().answer(&ours, &challenge, [1, 2, 3, 4]);
        examiner.examine(now, &answered.app, |_| Some("sesame".into()));
    }
}

/// What is split off is gone from the rest, and the rest has no second one.
fn url(text: &str) {
    let Ok((rest, login)) = Login::split_url(text) else { return };
    let Some(login) = login else { return assert_eq!(rest, text) };
    assert!(!login.user().is_empty() && !login.password().is_empty());
    assert!(rest.len() + 2 < text.len() && rest.len() < text.len());
    let authority = rest.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    assert!(!authority.contains('@'), "{rest}");
    let shown = format!("{login:?}");
    assert_eq!(shown, "Login(redacted)");
}

/// The name stands first among the keys, none but it is empty, and there are few.
fn places(data: &[u8]) {
    let mut parts = data.splitn(3, |&byte| byte == b'|');
    let mut part = || parts.next().unwrap_or_default();
    let target = Target::resolve(part(), part(), part());
    let keys = target.keys();
    assert_eq!(keys.first(), Some(target.name()));
    assert!(keys.len() <= 16 && keys.iter().skip(1).all(|key| !key.is_empty()));
    let _ = target.login();
}
