//! The way to a platform's yes: users and passwords, and what is announced and answered at `connect`.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use manycast_amf::{Value, object};
use manycast_hub::{Announce, Fault, LinkEnd, Login, Secret, Stage, Target};
use manycast_net_rtmp::{Policies, Policy};
use manycast_rtmp::auth::{Dialect, Examination, Examiner};
use manycast_rtmp::command::StreamKeyText;
use manycast_rtmp::message::MessageType;
use std::time::{Duration, Instant};
use support::TestServer;
use support::platform::{Far, Platform};
use support::source::Source;

const HEVC: &[u8] = b"\x90hvc1\x01\x01\x60\0\0\0\x90\0\0\0\0\0\x5d\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\0";
const HEVC_KEY: &[u8] = b"\x91hvc1\0\0\0\0\0\0\x03\x26\x01\xaf";

fn login(user: &str, password: &str) -> Option<Login> {
    Some(Login { user: Secret::new(user), password: Secret::new(password) })
}

fn target(platform: &Platform, app: &str, login: Option<Login>) -> Target {
    Target { login, ..Target::new(&platform.url(app), Secret::new("canary-key")) }
}

/// The next connection of a delivery up to `connect`: itself, and the app that it names.
async fn next(platform: &Platform) -> (Far, String) {
    let mut far = tokio::time::timeout(Duration::from_secs(10), platform.accept()).await.unwrap();
    let connect = far.until_connect().await;
    let said = |name: &str| connect.get(name).and_then(Value::as_str).unwrap().into_owned();
    assert_eq!(said("tcUrl"), platform.url(&said("app")), "both carry it");
    (far, said("app"))
}

fn is_silent(end: &LinkEnd) {
    let told = format!("{end} {end:?}");
    assert!(!told.contains("canary") && !told.contains("sesame"), "{told}");
}

/// One attempt, three connections, no failure: whoever counts attempts sees one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section8_4_a_platform_that_asks_is_answered_within_one_attempt() {
    let source = Source::new();
    let platform = Platform::start();
    for (dialect, app) in
        [(Dialect::Adobe, "live"), (Dialect::Adobe, "live?backup=1"), (Dialect::Llnw, "live/inst")]
    {
        let mut examiner = Examiner::new(Instant::now(), [3; 32]);
        let mut judge = |app: &str| {
            let password = |user: &str| (user == "crew").then(|| "sesame".into());
            examiner.examine(Instant::now(), &StreamKeyText::from(app), password)
        };
        let attempt = source.deliver_to(target(&platform, app, login("crew", "sesame")));
        let (far, first) = next(&platform).await;
        assert_eq!(first, app);
        far.refuse(&Examiner::demand(dialect)).await;
        drop(far);
        let (far, named) = next(&platform).await;
        let Examination::Ask(challenge) = judge(&named) else { panic!("{named}") };
        far.refuse(&challenge).await;
        drop(far);
        let (mut far, answered) = next(&platform).await;
        assert!(answered.starts_with(app), "{answered}");
        assert_eq!(judge(&answered), Examination::Passed("crew".into()), "{answered}");
        assert_eq!(far.admit(object::<&str>([])).await, "canary-key");
        far.status("status", "NetStream.Publish.Start", "go").await;
        while far.hear().await.unwrap().kind != MessageType::VIDEO {}
        assert_eq!(*attempt.monitor.stages().borrow(), Some(Stage::Accepted));
        attempt.stop.stop();
        far.rest().await;
        drop(far);
        assert_eq!(attempt.end().await.fault, Fault::None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section8_4_demands_that_cannot_be_met_are_refusals_in_plain_words() {
    let source = Source::new();
    let platform = Platform::start();
    let need = Examiner::demand(Dialect::Adobe);
    let challenge = "[ authmod=adobe ] : ?reason=needauth&user=crew&salt=s&challenge=c&opaque=o";
    let wrong = "[ authmod=adobe ] : ?reason=authfailed&opaque=o";
    for (given, script, words) in [
        (None, vec![need.as_str()], "asks for a user and a password"),
        (login("crew", "sesame"), vec![&need, challenge, wrong], "does not take this user"),
        (login("crew", "sesame"), vec![challenge, wrong], "does not take this user"),
        (login("crew", "sesame"), vec![&need, &need], "does not take this user"),
        (login("crew", "sesame"), vec![&need, challenge, challenge], "does not take this user"),
        (login("crew", "sesame"), vec!["code=403 need auth; authmod=kerberos"], "kerberos"),
    ] {
        let attempt = source.deliver_to(target(&platform, "live", given));
        for said in &script {
            let (far, _) = next(&platform).await;
            far.refuse(said).await;
        }
        let end = attempt.end().await;
        is_silent(&end);
        assert_eq!(end.fault, Fault::Rejected, "{script:?}: {end}");
        assert!(end.message.contains(words), "{script:?}: {end}");
    }
    let bad = Target { url: "rtmp://u@h/live".into(), ..target(&platform, "live", None) };
    assert_eq!(source.deliver_to(bad).end().await.fault, Fault::Configuration);
}

/// User and password may stand in the address; what they answer is no part of where a redirect or a
/// request for a reconnect leads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section8_4_a_redirect_after_a_login_begins_without_its_answer() {
    let source = Source::new();
    let platform = Platform::start();
    let url = platform.url("live").replace("rtmp://", "rtmp://crew:ses%61me@");
    for named in [true, false] {
        let attempt = source.deliver(&url, "canary-key");
        let (far, _) = next(&platform).await;
        far.refuse("?reason=needauth&user=crew&nonce=n authmod=llnw").await;
        drop(far);
        let (mut far, app) = next(&platform).await;
        assert!(app.contains("response="));
        let mut status = vec![
            ("level", Value::from("status")),
            ("code", "NetConnection.Connect.ReconnectRequest".into()),
        ];
        if named {
            status.push(("tcUrl", format!("rtmp://other.example/{app}").as_str().into()));
        }
        far.admit(object::<&str>([])).await;
        far.status("status", "NetStream.Publish.Start", "go").await;
        far.say(0, "onStatus", 0.0, &[Value::Null, object(status)]).await;
        far.rest().await;
        drop(far);
        let end = attempt.end().await;
        assert_eq!(end.fault, Fault::Redirected);
        let to = end.redirect.unwrap();
        let wanted = if named { "rtmp://other.example/live" } else { &url };
        assert_eq!(to.expose(), wanted);
    }
}

fn on_air_in_hevc() -> Source {
    let mut source = Source::idle();
    source.publish();
    source.video(HEVC);
    source.video(HEVC_KEY);
    source.sound();
    source.sound();
    source
}

fn announces(connect: &Value) -> bool {
    connect.get("fourCcList").is_some() && connect.get("capsEx").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn negotiation_what_is_announced_is_what_the_stream_needs_or_the_setting_says() {
    let (plain, enhanced) = (Source::new(), on_air_in_hevc());
    for (source, announce, wanted) in [
        (&plain, Announce::Auto, false),
        (&enhanced, Announce::Auto, true),
        (&plain, Announce::Everything, true),
        (&enhanced, Announce::Nothing, false),
    ] {
        let platform = Platform::start();
        let attempt = source.deliver_to(Target { announce, ..target(&platform, "live", None) });
        let mut far = platform.accept().await;
        assert_eq!(announces(&far.until_connect().await), wanted, "{announce:?}");
        attempt.stop.stop();
        assert_eq!(attempt.end().await.fault, Fault::None);
    }
}

/// A front end that refuses, or closes on, what it does not know gets the oldest form, within the
/// attempt; one that was to be told everything is not asked twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn negotiation_a_front_end_that_dislikes_it_is_asked_once_more_without() {
    let source = on_air_in_hevc();
    let platform = Platform::start();
    for closes in [false, true] {
        let attempt = source.deliver_to(target(&platform, "live", None));
        let mut far = platform.accept().await;
        assert!(announces(&far.until_connect().await));
        if !closes {
            far.refuse("unknown property").await;
        }
        drop(far);
        let mut far = platform.accept().await;
        assert!(!announces(&far.until_connect().await), "the second time without");
        far.refuse("no such app").await;
        let end = attempt.end().await;
        assert!(end.message.contains("no such app"), "and no third time: {end}");
    }
    let announce = Announce::Everything;
    let attempt = source.deliver_to(Target { announce, ..target(&platform, "live", None) });
    let mut far = platform.accept().await;
    far.until_connect().await;
    far.refuse("unknown property").await;
    assert!(attempt.end().await.message.contains("unknown property"));
}

/// Types of media messages up to the second sound, and the first bytes of pictures.
async fn media(far: &mut Far) -> (Vec<u8>, usize) {
    let (mut pictures, mut sounds) = (Vec::new(), 0);
    while sounds < 2 {
        let heard = tokio::time::timeout(Duration::from_secs(10), far.hear()).await;
        let message = heard.expect("sound").unwrap();
        match message.kind {
            MessageType::VIDEO => pictures.push(message.body[0]),
            MessageType::AUDIO => sounds += 1,
            _ => {}
        }
    }
    (pictures, sounds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn negotiation_what_a_platform_cannot_take_is_not_sent_and_said() {
    let source = on_air_in_hevc();
    let platform = Platform::start();
    let list = |names: &[&str]| {
        let names = names.iter().map(|&name| Value::from(name)).collect();
        object([("fourCcList", Value::StrictArray(names))])
    };
    for (properties, pictures, words) in [
        (object::<&str>([]), true, None),
        (list(&["hvc1", "av01"]), true, None),
        (list(&["av01"]), false, Some("the far end takes no h265")),
        (object([("videoFourCcInfoMap", object([("*", Value::from(4.0))]))]), true, None),
        (
            object([("videoFourCcInfoMap", object([("avc1", Value::from(1.0))]))]),
            false,
            Some("the far end takes no h265"),
        ),
    ] {
        let attempt = source.deliver_to(target(&platform, "live", None));
        let mut far = platform.accept().await;
        far.until_connect().await;
        far.admit(properties).await;
        far.status("status", "NetStream.Publish.Start", "go").await;
        let (seen, sounds) = media(&mut far).await;
        assert_eq!((!seen.is_empty(), sounds), (pictures, 2), "{words:?}");
        assert!(seen.iter().all(|first| first & 0x80 != 0), "as it came: {seen:02x?}");
        let told = attempt.monitor.left_out();
        assert_eq!(told.is_some(), words.is_some(), "{told:?}");
        assert!(told.as_deref().unwrap_or_default().contains(words.unwrap_or_default()));
        attempt.stop.stop();
        drop(far);
        attempt.end().await;
    }
}

/// E-RTMP v2 Reconnect Request, between a client and a server of ours: asked for, the delivery ends
/// without a goodbye, and goes where the server says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_a_server_that_stops_sends_those_elsewhere_who_know_how() {
    let source = Source::new();
    for (announce, url) in [
        (Announce::Everything, Some("rtmp://other.example/live")),
        (Announce::Everything, None),
        (Announce::Nothing, Some("rtmp://other.example/live")),
    ] {
        let policies = Policies::new();
        policies.set(Policy {
            reconnect_url: url.map(Secret::new),
            reconnect_grace: Duration::from_secs(2),
            ..Policy::default()
        });
        let server = TestServer::with(|settings| settings.policies = policies);
        let ours = format!("rtmp://{}/live", server.address);
        let target = Target { announce, ..Target::new(&ours, Secret::new("main")) };
        let attempt = source.deliver_to(target);
        let mut stages = attempt.monitor.stages();
        stages.wait_for(|stage| *stage == Some(Stage::Accepted)).await.unwrap();
        let began = Instant::now();
        let (end, ()) = tokio::join!(attempt.end(), server.stop());
        if announce == Announce::Nothing {
            assert_eq!(end.fault, Fault::Closed, "it is told that the server stops: {end}");
        } else {
            assert_eq!(end.fault, Fault::Redirected, "{end}");
            assert_eq!(end.redirect.unwrap().expose(), url.unwrap_or(&ours));
        }
        assert!(began.elapsed() < Duration::from_secs(4), "within the drain");
    }
}
