//! Users and passwords over the whole program: encoders that are asked, destinations that ask, and
//! keys in all the places where encoders put them.

use manycast_rtmp::session::ClientRole;
use manycast_tests::manycast::{binary, clean};
use manycast_tests::process::Process;
use manycast_tests::programs::{Input, ffmpeg_decode, ffmpeg_publish};
use manycast_tests::{
    Client, Live, Manycast, Publisher, Setup, Shape, Watcher, pause, secs, until,
};

const KEY: &str = "sk_main_0123456789";
/// With characters that go over the wire as they are, and one that URLs escape.
const PASSWORD: &str = "open+sesame=9";

fn asks(dialect: &str) -> Setup {
    let user = format!("user = \"crew\"\npassword = \"{PASSWORD}\"");
    Setup::new().listener(&format!("auth = \"{dialect}\"\n{user}")).stream("main", KEY)
}

fn flowing(server: &Manycast, frames: u64) {
    until("frames come in", secs(15), || {
        server.stream("main")["frames"].as_u64().unwrap_or(0) > frames
    });
}

fn is_silent(server: &Manycast) {
    let told = format!("{}{}", server.log(), server.status());
    assert!(!told.contains(PASSWORD) && !told.contains(KEY), "{told}");
}

/// ffmpeg's own client answers both dialects, as librtmp does; a wrong password is told apart, and
/// viewers are not asked.
#[test]
fn section8_4_ffmpeg_logs_in_with_either_dialect() {
    for dialect in ["adobe", "llnw"] {
        let server = asks(dialect).start();
        let at = server.rtmp();
        let url = |user: &str| format!("rtmp://{user}{at}/live/{KEY}");
        let encoder = ffmpeg_publish(Input::Live, &url(&format!("crew:{PASSWORD}@")), 20, &[]);
        flowing(&server, 50);
        let got = ffmpeg_decode(&format!("rtmp://{at}/live/main"), 2, &[]);
        assert!(got.pictures >= 30 && got.complaints.is_empty(), "{dialect}: {got:?}");
        drop(encoder);
        until("it is gone", secs(10), || server.stream("main")["live"] == false);
        let before = server.metric("manycast_rtmp_refused_total");
        for user in ["crew:wrong@", "nobody:open@", ""] {
            let mut encoder = ffmpeg_publish(Input::Clip, &url(user), 5, &[]);
            let status = encoder.wait(secs(15));
            assert!(!status.success(), "{dialect}: {user:?} was let in");
        }
        let refused = server.metric("manycast_rtmp_refused_total") - before;
        assert!((refused - 2.0).abs() < 0.5, "{dialect}: who is asked is not refused: {refused}");
        assert_eq!(server.stream("main")["runs"], 1, "{dialect}");
        is_silent(&server);
    }
}

/// A server of ours feeds another one that asks: one dial and no failure, by settings and by the
/// address; a wrong password and none at all say so.
#[test]
fn section8_4_a_destination_that_asks_is_fed_within_one_dial() {
    for dialect in ["adobe", "llnw"] {
        let far = asks(dialect).stream("second", "sk_second_0123456789").start();
        let url = format!("rtmp://{}/live", far.rtmp());
        let named = url.replace("rtmp://", &format!("rtmp://crew:{}@", "open+sesame%3d9"));
        let login = |password: &str| format!("user = \"crew\"\npassword = \"{password}\"");
        let near = Setup::new()
            .stream("main", "sk_near_0123456789")
            .destination("settings", &url, KEY)
            .option(&login(PASSWORD))
            .destination("address", &named, "sk_second_0123456789")
            .destination("wrong", &url, "sk_third_0123456789")
            .option(&login("another"))
            .destination("none", &url, "sk_fourth_0123456789")
            .start();
        let live = Live::start(near.rtmp(), "sk_near_0123456789", Shape::default()).unwrap();
        for name in ["settings", "address"] {
            near.wait_state("main", name, "live", secs(10));
            let view = near.destination("main", name);
            assert_eq!((&view["dials"], &view["failures"]), (&1.into(), &0.into()), "{view}");
        }
        for (name, words) in
            [("wrong", "does not take this user"), ("none", "asks for a user and a password")]
        {
            near.wait_state("main", name, "rejected", secs(10));
            let view = near.destination("main", name);
            assert!(view["last_error"].as_str().unwrap_or("").contains(words), "{view}");
            assert_eq!(view["dials"], 1, "{view}");
        }
        let watcher = Watcher::start(far.rtmp(), "second").unwrap();
        pause(secs(1));
        watcher.stop().assert_whole("what the far end shows");
        assert_eq!(live.stop().error, None);
        is_silent(&near);
        is_silent(&far);
    }
}

/// Streams with and without a user: who is asked is told by the address, and nobody slips by.
#[test]
fn section8_4_a_stream_with_a_user_beside_one_without() {
    let user = format!("user = \"crew\"\npassword = \"{PASSWORD}\"");
    let server = Setup::new()
        .stream_with("main", KEY, &user)
        .stream("second", "sk_second_0123456789")
        .start();
    let at = server.rtmp();
    let open = Live::start(at, "sk_second_0123456789", Shape::default()).unwrap();
    let refused = Publisher::connect(at, KEY).err().unwrap_or_default();
    assert!(refused.contains("Denied") && refused.contains("user and a password"), "{refused}");
    let url = format!("rtmp://crew:{PASSWORD}@{at}/live/main/{KEY}");
    let encoder = ffmpeg_publish(Input::Clip, &url, 10, &[]);
    flowing(&server, 20);
    drop(encoder);
    until("it is gone", secs(10), || server.stream("main")["live"] == false);
    let plain = Client::open(at, KEY, ClientRole::Publish, |config| {
        config.app = format!("live?user=crew&pass={PASSWORD}").as_str().into();
    });
    let mut plain = plain.unwrap();
    plain
        .wait_for(|event| matches!(event, manycast_rtmp::session::ClientEvent::Publishing))
        .unwrap();
    assert_eq!(open.stop().error, None);
}

/// The key in a query of the name (ffmpeg), of the application, in tcUrl, and before its host.
#[test]
fn section9_a_key_in_a_query_opens_the_stream_that_is_named() {
    let server = Setup::new().stream("main", KEY).stream("other", "sk_other_0123456789").start();
    let at = server.rtmp();
    let encoder = ffmpeg_publish(Input::Clip, &format!("rtmp://{at}/live/main?key={KEY}"), 10, &[]);
    flowing(&server, 20);
    drop(encoder);
    until("it is gone", secs(10), || server.stream("main")["live"] == false);
    let publish = |name: &str, app: String, tc_url: String| {
        let mut client = Client::open(at, name, ClientRole::Publish, |config| {
            config.app = app.as_str().into();
            config.tc_url = tc_url.as_str().into();
        })?;
        let begun = |event: &_| matches!(event, manycast_rtmp::session::ClientEvent::Publishing);
        client.wait_for(begun)
    };
    let h = || format!("rtmp://{at}/live");
    for (app, tc_url) in [
        (format!("live?token={KEY}"), h()),
        ("live".to_owned(), format!("rtmp://{at}/live?secret={KEY}")),
        ("live".to_owned(), format!("rtmp://x:{KEY}@{at}/live")),
        (format!("live/{KEY}"), h()),
    ] {
        let name = if app.contains('/') { "" } else { "main" };
        until("the one before is gone", secs(5), || server.stream("main")["live"] == false);
        assert_eq!(publish(name, app.clone(), tc_url), Ok(()), "{app}");
    }
    let refused = publish("other", format!("live?key={KEY}"), h()).unwrap_err();
    assert!(refused.contains("BadName"), "{refused}");
    assert!(publish("main", "live?key=sk_wrong".into(), h()).is_err());
    is_silent(&server);
}

/// The tools take a user and a password before the host, and show neither.
#[test]
fn section8_4_the_tools_log_in() {
    let server = asks("adobe").start();
    let url = format!("rtmp://crew:{PASSWORD}@{}/live/{KEY}", server.rtmp());
    let clip = manycast_tests::root().join("assets/demo.flv");
    let mut tool = Process::start(clean(binary()).arg("publish").arg(clip).arg(&url));
    flowing(&server, 20);
    tool.signal(nix::sys::signal::Signal::SIGINT);
    tool.wait(secs(15));
    let told = format!("{}{}", tool.out.text(), tool.err.text());
    assert!(!told.is_empty() && !told.contains(PASSWORD) && !told.contains(KEY), "{told}");
}
