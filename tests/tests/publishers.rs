//! Encoders that vanish, rival, flap, guess and come back all at once (bars C).

use manycast_tests::{
    Live, Manycast, Publisher, Setup, Shape, Sink, Watcher, millis, pause, secs, until,
};
use std::time::Instant;

const KEY: &str = "sk_publishers_0123456789";

fn shape(source: u8) -> Shape {
    Shape { source, ..Shape::default() }
}

fn flows(viewer: &Watcher, more: u32) {
    let from = viewer.tally().frames;
    until("frames come", secs(8), || viewer.tally().frames >= from + more);
}

/// An encoder that vanished without a word comes back, and its viewers see it without reconnecting.
#[test]
fn c1_a_vanished_encoder_returns() {
    let sink = Sink::healthy();
    let setup = Setup::new().stream("main", KEY).destination("out", &sink.url(), "copy");
    let server = setup.start();
    let first = Publisher::connect(server.rtmp(), KEY).unwrap();
    // a network that is gone: the socket stays open and says nothing more
    let silent = first.socket().try_clone().unwrap();
    let mut first = first;
    first.send_headers(0, false).unwrap();
    let viewer = Watcher::start(server.rtmp(), "main").unwrap();
    for n in 0..60 {
        let body = manycast_tests::media::video(1, n, n == 0, 3000, 0);
        first.send(manycast_rtmp::session::MediaKind::Video, n * 33, body).unwrap();
        pause(millis(5));
    }
    until("the first is seen", secs(5), || viewer.tally().newest() == Some(59));
    let gone = Instant::now();
    let second = Live::start(server.rtmp(), KEY, shape(2));
    let accepted = gone.elapsed();
    let second = second.unwrap_or_else(|e| panic!("not let in: {e}"));
    until("viewers see the second", secs(9), || viewer.tally().sources == [1, 2]);
    let seen = gone.elapsed();
    println!("c1: accepted after {accepted:?}, seen after {seen:?}");
    assert!(accepted >= secs(1), "not while the first may live: {accepted:?}");
    assert!(accepted <= millis(7500) && seen <= secs(9), "{accepted:?} {seen:?}");
    flows(&viewer, 60);
    assert_eq!(viewer.ended(), None, "without reconnect");
    let tally = viewer.stop();
    assert_eq!((tally.backward, tally.altered, tally.disorder), (0, 0, 0), "{tally:?}");
    assert_eq!(sink.sessions().len(), 1, "the destination stayed connected");
    assert_eq!(server.stream("main")["takeovers"], 1);
    assert_eq!(second.stop().error, None);
    drop(silent);
}

/// Two publishers with one key: refused with a reason or taken over, never mixed.
#[test]
fn c2_rivals_never_mix() {
    let keep = "sk_keeper_0123456789";
    let setup = Setup::new().stream("keep", keep);
    let setup = setup.stream_with("yield", KEY, "takeover = \"always\"");
    let server = setup.start();
    let first = Live::start(server.rtmp(), keep, shape(1)).unwrap();
    let viewer = Watcher::start(server.rtmp(), "keep").unwrap();
    flows(&viewer, 20);
    let refused = Live::start(server.rtmp(), keep, shape(2)).err().unwrap();
    assert!(refused.contains("NetStream.Publish.BadName"), "{refused}");
    assert!(refused.len() > 60, "a reason that a person can read: {refused}");
    flows(&viewer, 20);
    let report = first.stop();
    assert_eq!(report.error, None);
    viewer.stop().assert_whole("c2: the first keeps the stream");

    let first = Live::start(server.rtmp(), KEY, shape(1)).unwrap();
    let viewer = Watcher::start(server.rtmp(), "yield").unwrap();
    flows(&viewer, 20);
    let second = Live::start(server.rtmp(), KEY, shape(2)).unwrap();
    flows(&viewer, 60);
    until("the first is told", secs(5), || !first.is_sending());
    let error = first.stop().error.unwrap_or_default();
    let tally = viewer.stop();
    assert_eq!(tally.sources, [1, 2], "one after the other, never mixed");
    assert_eq!((tally.altered, tally.disorder, tally.backward), (0, 0, 0), "{tally:?}");
    assert!(!error.is_empty(), "the displaced encoder learns of it");
    assert_eq!(second.stop().error, None);
}

/// An encoder that comes and goes twenty times; each time without a word.
#[test]
fn c3_a_flapping_encoder() {
    let sink = Sink::healthy();
    let setup = Setup::new().stream("main", KEY).destination("out", &sink.url(), "copy");
    let server = setup.start();
    let viewer = Watcher::start(server.rtmp(), "main").unwrap();
    for round in 1..=20 {
        let live = Live::start(server.rtmp(), KEY, shape(round)).unwrap_or_else(|e| {
            panic!("round {round}: {e}");
        });
        until("this round is seen", secs(5), || viewer.tally().sources.last() == Some(&round));
        let report = live.vanish();
        assert_eq!(report.error, None, "round {round}");
    }
    let tally = viewer.stop();
    assert_eq!(tally.sources, (1..=20).collect::<Vec<_>>());
    assert_eq!((tally.backward, tally.altered, tally.disorder), (0, 0, 0), "{tally:?}");
    assert_eq!(sink.sessions().len(), 1, "one session of the destination over all rounds");
    assert_eq!(sink.tally().sources.len(), 20);
    assert_eq!(server.stream("main")["runs"], 20);
    assert!(server.panics() < 0.5);
}

/// Two hundred wrong keys: each is refused with a reason, and none is worth any media. The right one
/// gets in at once from the address that they came from (B11).
#[test]
fn c4_b11_wrong_keys_are_refused() {
    let server = Setup::new().stream("main", KEY).start();
    for guess in ["main", "", "x"] {
        assert!(Publisher::connect(server.rtmp(), guess).is_err(), "{guess:?}");
    }
    let rtmp = server.rtmp();
    // fifty at a time, since b11 lets wrong answers wait
    for start in (0..200).step_by(50) {
        std::thread::scope(|scope| {
            for number in start..start + 50 {
                scope.spawn(move || {
                    let guess = format!("{}{number:03}", &KEY[..KEY.len() - 3]);
                    let refused = Publisher::connect(rtmp, &guess).err().unwrap();
                    assert!(refused.contains("NetStream.Publish.BadName"), "{refused}");
                    assert!(!refused.contains(&guess) && !refused.contains(KEY), "{refused}");
                });
            }
        });
    }
    assert!(server.metric("manycast_access_denied_total") >= 200.0, "{:?}", server.metrics());
    assert_eq!(server.stream("main")["frames"], 0);
    let log = server.log();
    assert!(!log.contains(&KEY[..KEY.len() - 3]), "a guess is in the log");
    assert!(Publisher::connect(server.rtmp(), KEY).is_ok(), "the right one is let in at once");
}

/// A hundred encoders return in the same second.
#[test]
fn c8_a_hundred_encoders_at_once() {
    let server = Setup::new().open().start();
    let from = Instant::now();
    let threads: Vec<_> = (0..100)
        .map(|number| {
            let address = server.rtmp();
            let shape = Shape { fps: 5, gop: 5, size: 1000, sound: false, ..Shape::default() };
            std::thread::spawn(move || Live::start(address, &format!("studio-{number}"), shape))
        })
        .collect();
    let all: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    let all: Vec<_> = all.into_iter().map(|live| live.unwrap()).collect();
    on_air(&server, 100);
    let took = from.elapsed();
    pause(secs(2));
    let (cpu, at) = (server.proc().cpu(), Instant::now());
    pause(secs(2));
    let busy = (server.proc().cpu() - cpu).as_secs_f64() / at.elapsed().as_secs_f64();
    println!("c8: 100 on air after {took:?}; then {:.0} % of a core", busy * 100.0);
    assert!(took <= secs(9), "{took:?}");
    assert!(busy < 0.5, "the server rests again: {busy}");
    for live in all {
        assert_eq!(live.stop().error, None);
    }
}

fn on_air(server: &Manycast, count: u64) {
    until("all are on air", secs(10), || {
        server.status()["server"]["sessions"]["publishers"].as_u64() == Some(count)
    });
}
