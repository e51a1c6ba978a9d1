//! What peers say of themselves, and what comes of it, over the whole program.

use manycast_rtmp::session::{Capabilities, ClientEvent, ClientRole, MediaKind};
use manycast_tests::{
    Behaviour, Client, Live, Manycast, Publisher, Setup, Shape, Sink, media, millis, pause, secs,
    until,
};
use nix::sys::signal::Signal;
use std::time::Instant;

const KEY: &str = "sk_main_0123456789";

fn announcing(server: &Manycast, name: &str, role: ClientRole) -> Client {
    let client = Client::open(server.rtmp(), name, role, |config| {
        config.announce = Capabilities { caps_ex: 1, ..Capabilities::default() };
    });
    client.unwrap()
}

/// Those who speak of Enhanced RTMP are told what the server can, truly; the others as ever.
#[test]
fn negotiation_the_server_says_what_it_can_to_those_who_ask() {
    let server = Setup::new().stream("main", KEY).start();
    let mut encoder = announcing(&server, KEY, ClientRole::Publish);
    encoder.wait_for(|event| matches!(event, ClientEvent::Publishing)).unwrap();
    assert_eq!(encoder.peer(), Some(&Capabilities::forwarder()));
    let player = Client::open(server.rtmp(), "main", ClientRole::Play, |_| ());
    let mut player = player.unwrap();
    player.wait_for(|event| matches!(event, ClientEvent::Playing)).unwrap();
    assert_eq!(player.peer(), Some(&Capabilities::default()));
}

fn hevc(publisher: &mut Publisher, frames: std::ops::Range<u32>) {
    let record = [
        &b"\x90hvc1\x01\x01\x60\0\0\0\x90\0\0\0\0\0\x5d"[..],
        &[0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 0],
    ];
    let picture = |key: bool, n: u32| {
        let (head, nal) = if key { (0x91, 0x26) } else { (0xa1, 0x02) };
        [&[head][..], b"hvc1\0\0\0\0\0\0\x06", &[nal, 1], &n.to_be_bytes()].concat()
    };
    for n in frames {
        if n == 0 {
            publisher.send(MediaKind::Video, 0, record.concat().into()).unwrap();
            publisher.send(MediaKind::Audio, 0, media::aac_config()).unwrap();
        }
        publisher.send(MediaKind::Video, n * 33, picture(n.is_multiple_of(30), n).into()).unwrap();
        publisher.send(MediaKind::Audio, n * 33, media::audio(1, n, 200)).unwrap();
        pause(millis(10));
    }
}

/// Three destinations: one that takes H.265, one that does not and says so, one that says nothing.
#[test]
fn negotiation_a_codec_that_a_destination_does_not_take_is_left_out_and_named() {
    let takes = Sink::start(Behaviour::Takes(&["hvc1", "av01"]));
    let lacks = Sink::start(Behaviour::Takes(&["av01", "vp09"]));
    let quiet = Sink::healthy();
    let server = Setup::new()
        .stream("main", KEY)
        .destination("takes", &takes.url(), "copy")
        .destination("lacks", &lacks.url(), "copy")
        .destination("quiet", &quiet.url(), "copy")
        .option("announce = \"none\"")
        .start();
    let mut publisher = Publisher::connect(server.rtmp(), KEY).unwrap();
    hevc(&mut publisher, 0..150);
    for name in ["takes", "lacks", "quiet"] {
        server.wait_state("main", name, "live", secs(8));
    }
    hevc(&mut publisher, 150..240);
    until("all have it", secs(8), || [&takes, &lacks, &quiet].iter().all(|s| s.frames() > 60));
    for sink in [&takes, &quiet] {
        assert!(sink.tally().others > 60, "the pictures, as they came: {:?}", sink.tally());
    }
    let tally = lacks.tally();
    assert!(tally.others < 10, "headers and metadata alone beside the sound: {tally:?}");
    assert_eq!((tally.missing(), tally.altered), (0, 0), "{tally:?}");
    let view = server.destination("main", "lacks");
    let words = view["left_out"].as_str().unwrap_or_default();
    assert!(
        words.contains("video:0 (h265)") && words.contains("set the encoder to h264"),
        "{view}"
    );
    assert_eq!(view["trouble"]["code"], "codec_left_out");
    assert_eq!(view["trouble"]["advice"], view["left_out"]);
    assert_eq!((&view["state"], &view["failures"]), (&"live".into(), &0.into()), "{view}");
    for name in ["takes", "quiet"] {
        let view = server.destination("main", name);
        assert!(view["left_out"].is_null() && view["trouble"].is_null(), "{view}");
    }
}

/// E-RTMP v2 Reconnect Request at SIGTERM: publisher and viewer that know it are asked, with the
/// address of the setting, and keep their session until they have gone; the others are told to go.
#[test]
fn negotiation_a_server_that_stops_asks_those_who_know_to_connect_elsewhere() {
    let mut server = Setup::new()
        .listener("reconnect_url = \"rtmp://other.example/live\"")
        .stream("main", KEY)
        .stream("second", "sk_second_0123456789")
        .start();
    let mut encoder = announcing(&server, KEY, ClientRole::Publish);
    encoder.wait_for(|event| matches!(event, ClientEvent::Publishing)).unwrap();
    let live = Live::start(server.rtmp(), "sk_second_0123456789", Shape::default()).unwrap();
    let mut viewer = announcing(&server, "second", ClientRole::Play);
    viewer.wait_for(|event| matches!(event, ClientEvent::Media { .. })).unwrap();
    server.process.signal(Signal::SIGTERM);
    for client in [&mut encoder, &mut viewer] {
        let asked = |event: &ClientEvent| {
            matches!(event, ClientEvent::ReconnectRequest { tc_url, .. }
                if tc_url.expose() == "rtmp://other.example/live")
        };
        client.wait_for(asked).unwrap();
    }
    until("who did not say that it knows is told to go", secs(3), || !live.is_sending());
    let until_then = Instant::now() + millis(700);
    let over = loop {
        match encoder.event(until_then) {
            Ok(Some(ClientEvent::Closed)) | Err(_) => break true,
            Ok(Some(_)) => {}
            Ok(None) => break false,
        }
    };
    assert!(!over, "the session goes on until the new one stands");
    drop((encoder, viewer));
    let left = Instant::now();
    let status = server.process.wait(secs(8));
    assert!(status.success(), "{status}");
    assert!(left.elapsed() < secs(4), "nobody is waited for who has gone: {:?}", left.elapsed());
}

/// One that never goes is cut off when its time is over, within the drain.
#[test]
fn g3_a_client_that_stays_after_it_was_asked_is_told_to_go() {
    let mut server = Setup::new().section("[server]\ndrain = \"4s\"").stream("main", KEY).start();
    let mut encoder = announcing(&server, KEY, ClientRole::Publish);
    encoder.wait_for(|event| matches!(event, ClientEvent::Publishing)).unwrap();
    server.process.signal(Signal::SIGTERM);
    let from = Instant::now();
    encoder.wait_for(|event| matches!(event, ClientEvent::ReconnectRequest { .. })).unwrap();
    let told = encoder.wait_for(|_| false).unwrap_err();
    assert!(from.elapsed() >= millis(1500), "{:?}", from.elapsed());
    drop(encoder);
    println!("told to go after {:?}: {told}", from.elapsed());
    assert!(server.process.wait(secs(5)).success());
    assert!(from.elapsed() < millis(4500), "{:?}", from.elapsed());
}

/// A destination of ours follows another server of ours to a third one, without a failure.
#[test]
fn d13_a_destination_follows_a_server_that_stops() {
    let third = Sink::healthy();
    let mut second = Setup::new()
        .listener(&format!("reconnect_url = \"{}\"", third.url()))
        .stream("main", "sk_second_0123456789")
        .start();
    let url = format!("rtmp://{}/live", second.rtmp());
    let first = Setup::new()
        .stream("main", KEY)
        .destination("out", &url, "sk_second_0123456789")
        .option("announce = \"full\"")
        .start();
    let live = Live::start(first.rtmp(), KEY, Shape::default()).unwrap();
    first.wait_state("main", "out", "live", secs(10));
    second.process.signal(Signal::SIGTERM);
    until("the third one has it", secs(10), || third.frames() > 30);
    let view = first.destination("main", "out");
    assert_eq!((&view["dials"], &view["failures"]), (&2.into(), &0.into()), "{view}");
    assert!(second.process.wait(secs(12)).success());
    third.tally().assert_whole("d13: where the request leads");
    assert_eq!(live.stop().error, None);
}

/// Asked to come again and again: three times in a row, then it counts as refused. And an address
/// that may not be dialled is refused whoever names it.
#[test]
fn d13_requests_to_reconnect_are_followed_three_times_through_the_gate() {
    let again = Sink::start(Behaviour::SendsOn(""));
    let inside = Sink::start(Behaviour::SendsOn("rtmp://10.1.2.3/live"));
    let foreign = Sink::start(Behaviour::SendsOn("file:///etc/passwd"));
    let mut setup = Setup::new().stream("main", KEY);
    for (name, sink) in [("again", &again), ("inside", &inside), ("foreign", &foreign)] {
        setup = setup.destination(name, &sink.url(), name).option("announce = \"full\"");
    }
    let server = setup.start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    for (name, dials, words) in [
        ("again", 4, "3 times in a row"),
        ("inside", 2, "not allowed"),
        ("foreign", 1, "not followed"),
    ] {
        server.wait_state("main", name, "rejected", secs(12));
        let view = server.destination("main", name);
        assert!(view["last_error"].as_str().unwrap_or("").contains(words), "{view}");
        assert_eq!(view["dials"], dials, "{view}");
    }
    pause(secs(2));
    assert_eq!((again.count(), inside.count(), foreign.count()), (4, 1, 1), "it ends there");
    assert_eq!(live.stop().error, None);
}
