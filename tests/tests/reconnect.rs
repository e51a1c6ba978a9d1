//! Encoders that are lost and come back: destinations go on in one unbroken session (bar C5).

use manycast_tests::sink::fleet;
use manycast_tests::{
    Behaviour, Live, Manycast, Setup, Shape, Sink, Watcher, millis, pause, secs, until,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The hub keeps at most a second of a loss on the timeline; the rest is the way to the next picture.
const STEP: u32 = 1_300;

fn shape(source: u8) -> Shape {
    Shape { source, size: 3000, ..Shape::default() }
}

fn key(stream: &str) -> String {
    format!("sk_{stream}_0123456789")
}

/// Follows the states of all destinations until `end`, then says which each had.
fn watch(server: &Manycast, end: Instant) -> BTreeMap<(String, String), Vec<String>> {
    let mut seen = BTreeMap::<_, Vec<String>>::new();
    while Instant::now() < end {
        for stream in server.status()["streams"].as_array().into_iter().flatten() {
            for one in stream["destinations"].as_array().into_iter().flatten() {
                let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
                let states = seen.entry((text(&stream["name"]), text(&one["name"]))).or_default();
                let state = text(&one["state"]);
                if states.last() != Some(&state) {
                    states.push(state);
                }
            }
        }
        pause(millis(50));
    }
    seen
}

/// Everything that came is whole, over both Runs, and time went on.
fn unbroken(who: &str, sink: &Sink, sources: &[u8]) {
    let tally = sink.tally();
    assert_eq!(tally.sources, sources, "{who}: one encoder after the other");
    assert_eq!(tally.missing(), 0, "{who}: {:?}", tally.gaps);
    assert_eq!((tally.disorder, tally.altered, tally.backward), (0, 0, 0), "{who}: {tally:?}");
    assert!(tally.largest_step <= STEP, "{who}: a leap of {} ms", tally.largest_step);
    assert_eq!(sink.count(), 1, "{who}: one session");
    assert_eq!(tally.began_well, Some(true), "{who}");
}

/// How an encoder is lost.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    Reset,
    HalfOpen,
}

const LOSSES: [(&str, Loss, u64); 4] = [
    ("reset-1", Loss::Reset, 1),
    ("reset-5", Loss::Reset, 5),
    ("reset-20", Loss::Reset, 20),
    ("half-open-5", Loss::HalfOpen, 5),
];

/// Lost for 1, 5 and 20 s by a reset and for 5 s by a network that is gone, each with three
/// destinations and a viewer: nobody is dialled again.
#[test]
fn c5_a_lost_encoder_breaks_no_session() {
    let sinks: Vec<_> = LOSSES.iter().map(|_| fleet(3)).collect();
    let mut setup = Setup::new();
    for ((stream, ..), sinks) in LOSSES.iter().zip(&sinks) {
        setup = setup.stream(stream, &key(stream));
        for (number, sink) in sinks.iter().enumerate() {
            setup = setup.destination(&format!("out-{number}"), &sink.url(), "copy");
        }
    }
    let server = setup.start();
    let start = |stream: &str, source| Live::start(server.rtmp(), &key(stream), shape(source));
    let first: Vec<_> = LOSSES.iter().map(|(stream, ..)| start(stream, 1).unwrap()).collect();
    let watch_at = |stream: &str| Watcher::start(server.rtmp(), stream).unwrap();
    let viewers: Vec<_> = LOSSES.iter().map(|(stream, ..)| watch_at(stream)).collect();
    for (stream, ..) in LOSSES {
        (0..3).for_each(|n| {
            server.wait_state(stream, &format!("out-{n}"), "live", secs(10));
        });
    }
    let mut kept = Vec::new();
    let mut second = Vec::new();
    let lost = Instant::now();
    for (live, (_, loss, _)) in first.into_iter().zip(LOSSES) {
        match loss {
            Loss::Reset => assert_eq!(live.vanish().error, None),
            Loss::HalfOpen => kept.push(live.freeze()),
        }
    }
    let mut seen = BTreeMap::<_, Vec<String>>::new();
    for (stream, loss, seconds) in LOSSES.iter().filter(|(_, loss, _)| *loss == Loss::Reset) {
        for (who, states) in watch(&server, lost + secs(*seconds)) {
            let known = seen.entry(who).or_default();
            known.extend(states);
            known.dedup();
        }
        println!("c5: {stream} returns, lost by {loss:?} {:?} ago", lost.elapsed());
        second.push(start(stream, 2).unwrap());
        if *seconds == 5 {
            second.push(start("half-open-5", 2).unwrap());
        }
    }
    for ((stream, ..), sinks) in LOSSES.iter().zip(&sinks) {
        let whole = |sink: &Sink| sink.tally().sources == [1, 2] && sink.tally().missing() == 0;
        until(&format!("{stream} goes on"), secs(10), || sinks.iter().all(whole));
    }
    pause(secs(2));
    for ((stream, loss, _), sinks) in LOSSES.iter().zip(&sinks) {
        for (number, sink) in sinks.iter().enumerate() {
            unbroken(&format!("c5: {stream}/out-{number}"), sink, &[1, 2]);
            let view = server.destination(stream, &format!("out-{number}"));
            assert_eq!((&view["dials"], &view["state"]), (&1.into(), &"live".into()), "{view}");
            assert!(view["last_error"].is_null(), "{view}");
            let states = &seen[&((*stream).to_owned(), format!("out-{number}"))];
            let allowed = |state: &String| state == "live" || state == "held";
            assert!(states.iter().all(allowed), "c5: {stream}: {states:?}");
            if *loss == Loss::Reset {
                assert!(states.iter().any(|state| state == "held"), "c5: {stream}: {states:?}");
            }
        }
    }
    for (viewer, (stream, ..)) in viewers.into_iter().zip(LOSSES) {
        assert_eq!(viewer.ended(), None, "{stream}: the viewer stayed");
        let tally = viewer.stop();
        assert_eq!((tally.sources.as_slice(), tally.backward), (&[1, 2][..], 0), "{stream}");
    }
    second.into_iter().for_each(|live| assert_eq!(live.stop().error, None));
    drop(kept);
}

/// Lost for longer than the window: the destinations are told goodbye, and a later return dials anew.
#[test]
fn c5_after_the_window_the_sessions_end_in_order() {
    let sinks = fleet(3);
    let mut setup = Setup::new().stream_with("main", &key("main"), "reconnect_window = \"3s\"");
    for (number, sink) in sinks.iter().enumerate() {
        setup = setup.destination(&format!("out-{number}"), &sink.url(), "copy");
    }
    let server = setup.start();
    let live = Live::start(server.rtmp(), &key("main"), shape(1)).unwrap();
    until("all are on air", secs(10), || sinks.iter().all(|sink| sink.frames() > 20));
    assert_eq!(live.vanish().error, None);
    let lost = Instant::now();
    server.wait_state("main", "out-0", "held", secs(3));
    until("all are told", secs(12), || sinks.iter().all(|sink| sink.sessions()[0].ended.is_some()));
    let took = lost.elapsed();
    println!("c5: told after {took:?}");
    assert!(took >= millis(2900), "held for the whole window: {took:?}");
    for (number, sink) in sinks.iter().enumerate() {
        assert!(sink.sessions()[0].orderly, "c5: a goodbye in order");
        server.wait_state("main", &format!("out-{number}"), "idle", secs(5));
        let view = server.destination("main", &format!("out-{number}"));
        assert!(view["last_error"].is_null(), "the end of a window is no error: {view}");
    }
    let again = Live::start(server.rtmp(), &key("main"), shape(2)).unwrap();
    until("a new session", secs(15), || {
        sinks.iter().all(|sink| sink.count() == 2 && sink.frames() > 20)
    });
    sinks.iter().for_each(|sink| sink.tally().assert_whole("c5: the new session"));
    assert_eq!(again.stop().error, None);
    until("told at once after an orderly end", secs(6), || {
        sinks.iter().all(|sink| sink.sessions()[1].orderly && sink.sessions()[1].ended.is_some())
    });
}

/// A platform that closes after 6 s without media, while the encoder is away for 10 s: no failure.
/// It is dialled again when frames flow, and the one beside it keeps its session.
#[test]
fn c5_who_closes_during_the_hold_is_redialled_when_frames_flow() {
    closes_during_the_hold(false);
}

/// The same with an encoder that froze, or whose network is gone without a word: its connection stands.
#[test]
fn c5_a_frozen_encoder_is_away_and_a_close_meanwhile_is_no_failure() {
    closes_during_the_hold(true);
}

fn closes_during_the_hold(frozen: bool) {
    let (closes, stays) = (Sink::start(Behaviour::ClosesWhenSilent(secs(6))), Sink::healthy());
    let setup = Setup::new().stream("main", &key("main")).destination("closes", &closes.url(), "a");
    let server = setup.destination("stays", &stays.url(), "b").start();
    let live = Live::start(server.rtmp(), &key("main"), shape(1)).unwrap();
    server.wait_state("main", "closes", "live", secs(10));
    server.wait_state("main", "stays", "live", secs(10));
    let mut kept = None;
    if frozen {
        kept = live.freeze().1;
    } else {
        assert_eq!(live.vanish().error, None);
    }
    server.wait_state("main", "closes", "held", secs(5));
    server.wait_state("main", "stays", "held", secs(1));
    let seen = watch(&server, Instant::now() + secs(10));
    assert!(closes.sessions()[0].ended.is_some(), "it closed meanwhile");
    for name in ["closes", "stays"] {
        let states = &seen[&("main".to_owned(), name.to_owned())];
        assert_eq!(states.as_slice(), ["held"], "{name}");
        let view = server.destination("main", name);
        assert!(view["last_error"].is_null(), "{view}");
        assert_eq!(view["dials"], 1, "not dialled without frames: {view}");
    }
    let returned = Instant::now();
    let again = Live::start(server.rtmp(), &key("main"), shape(2)).unwrap();
    until("it is on air again", secs(6), || closes.count() == 2 && closes.frames() > 20);
    let took = returned.elapsed();
    println!("c5: on air again after {took:?}");
    let second = closes.sessions().pop().map(|session| session.tally).unwrap_or_default();
    second.assert_whole("c5: the second session");
    assert_eq!(second.sources, [2]);
    server.wait_state("main", "closes", "live", secs(3));
    let view = server.destination("main", "closes");
    assert_eq!((&view["dials"], view["last_error"].is_null()), (&2.into(), true), "{view}");
    unbroken("c5: the one beside it", &stays, &[1, 2]);
    assert_eq!(again.stop().error, None);
    drop(kept);
}

/// Parameters that changed while the encoder was away arrive as a new header in the same session;
/// those that did not change need none.
#[test]
fn c5_changed_parameters_come_as_new_headers() {
    let sinks = fleet(2);
    let setup = Setup::new().stream("main", &key("main"));
    let setup = setup.destination("one", &sinks[0].url(), "a");
    let server = setup.destination("two", &sinks[1].url(), "b").start();
    for (source, level) in [(1, 0), (2, 40), (3, 40)] {
        let shape = Shape { level, ..shape(source) };
        let live = Live::start(server.rtmp(), &key("main"), shape).unwrap();
        until("it arrives", secs(10), || {
            sinks.iter().all(|sink| sink.tally().sources.last() == Some(&source))
        });
        pause(Duration::from_millis(600));
        assert_eq!(live.vanish().error, None);
    }
    for sink in &sinks {
        unbroken("c5", sink, &[1, 2, 3]);
        let mut headers = sink.tally().video_configs;
        headers.dedup();
        let levels: Vec<_> = headers.iter().map(|header| header[8]).collect();
        assert_eq!(levels, [0x1f, 40], "c5: each header once it holds");
    }
}

/// By setting an orderly stop of the encoder is held as a loss is, and changed parameters begin a new
/// session of the same broadcast instead of new headers.
#[test]
fn c5_by_setting_a_stop_is_held_and_changed_parameters_redial() {
    let sinks = fleet(2);
    let setup = Setup::new().stream_with("main", &key("main"), "on_stop = \"hold\"");
    let setup = setup.destination("keeps", &sinks[0].url(), "a");
    let setup = setup.destination("redials", &sinks[1].url(), "b");
    let server = setup.option("on_config_change = \"redial\"").start();
    for (source, level) in [(1, 0), (2, 0), (3, 40)] {
        let shape = Shape { level, ..shape(source) };
        let live = Live::start(server.rtmp(), &key("main"), shape).unwrap();
        until("it arrives", secs(10), || {
            sinks.iter().all(|sink| sink.tally().sources.last() == Some(&source))
        });
        for name in ["keeps", "redials"] {
            server.wait_state("main", name, "live", secs(5));
        }
        // a session has to have been well for a while before it is renewed without a wait
        pause(secs(4));
        assert_eq!(live.stop().error, None);
        for name in ["keeps", "redials"] {
            server.wait_state("main", name, "held", secs(5));
        }
    }
    unbroken("c5: the one that keeps", &sinks[0], &[1, 2, 3]);
    let sessions = sinks[1].sessions();
    let sources: Vec<_> = sessions.iter().map(|session| &session.tally.sources[..]).collect();
    assert_eq!(sources, [&[1, 2][..], &[3]], "c5: a new session for new parameters only");
    assert!(!sessions[0].orderly, "c5: no goodbye, which would end the broadcast");
    sessions[1].tally.assert_whole("c5: the new session");
    let headers: Vec<_> =
        sessions.iter().map(|session| session.tally.video_configs.len()).collect();
    assert!(sessions[0].tally.video_configs.iter().all(|header| header[8] == 0x1f), "{headers:?}");
    assert!(server.destination("main", "redials")["last_error"].is_null(), "c5: no failure");
}
