//! Destinations that are ill, and those beside them (bars D).

use manycast_tests::programs::BadCertificate;
use manycast_tests::sink::BlackHole;
use manycast_tests::{
    Behaviour, Live, Manycast, Setup, Shape, Sink, Witness, millis, pause, ports, secs, until,
};
use nix::sys::signal::Signal;
use std::net::Ipv4Addr;
use std::time::Duration;

const KEY: &str = "sk_destinations_0123456789";

fn count(server: &Manycast, name: &str, field: &str) -> u64 {
    server.destination("main", name)[field].as_u64().unwrap_or(0)
}

/// Eight ill destinations: the two healthy ones notice nothing, and neither does the encoder (D2).
#[test]
fn d1_d2_eight_ill_destinations_harm_nobody() {
    let healthy = [Sink::healthy(), Sink::healthy()];
    let shape = Shape { size: 12_000, ..Shape::default() };
    // a tenth of the rate that 12 kB pictures 30 times a second make
    let slow = Sink::start(Behaviour::Slow(36_000));
    let resets = Sink::start(Behaviour::Resets(secs(5)));
    let stalls = Sink::start(Behaviour::Stalls);
    let closes = Sink::start(Behaviour::ClosesAfterHandshake);
    let wrong = Sink::start(Behaviour::WrongKey);
    let (certificate, hole) = (BadCertificate::start(), BlackHole::open());
    let nobody = format!("rtmp://{}/live", ports::free());
    let mut setup = Setup::new().stream("main", KEY);
    for (name, url) in [
        ("healthy-1", healthy[0].url()),
        ("refuses", nobody),
        ("resets", resets.url()),
        ("stalls", stalls.url()),
        ("slow", slow.url()),
        ("closes", closes.url()),
        ("wrong-key", wrong.url()),
        ("certificate", format!("rtmps://localhost:{}/live", certificate.address.port())),
        ("black-hole", format!("rtmp://{}/live", hole.address)),
        ("healthy-2", healthy[1].url()),
    ] {
        setup = setup.destination(name, &url, &format!("key-{name}"));
    }
    let mut server = setup.start();
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    until("the healthy ones are on air", secs(5), || {
        healthy.iter().all(|sink| sink.tally().frames > 30)
    });
    healthy.iter().for_each(Sink::forget_silence);
    let witness = Witness::new();
    pause(secs(14));
    for (name, states) in [
        ("refuses", &["backoff", "connecting", "resolving"][..]),
        ("closes", &["backoff", "connecting", "handshake", "resolving"]),
        ("wrong-key", &["rejected"]),
        ("certificate", &["backoff", "rejected", "securing", "connecting", "resolving"]),
        ("black-hole", &["connecting", "backoff", "resolving"]),
    ] {
        let view = server.destination("main", name);
        assert!(states.contains(&view["state"].as_str().unwrap_or("")), "{view}");
        if name != "black-hole" {
            assert!(!view["last_error"].is_null(), "{view}");
        }
    }
    let trouble = server.destination("main", "certificate")["last_error"].to_string();
    assert!(trouble.to_lowercase().contains("certificate"), "{trouble}");
    let sent = live.sent();
    until("the last frames", secs(5), || {
        healthy.iter().all(|sink| sink.tally().newest() >= Some(sent))
    });
    let tallies: Vec<_> = healthy.iter().map(Sink::tally).collect();
    let report = live.stop();
    for (number, tally) in tallies.iter().enumerate() {
        println!("d1: healthy {number}: {} frames, silence {:?}", tally.frames, tally.silence);
        tally.assert_whole("d1");
        assert!(
            tally.silence <= millis(300) + report.longest_gap + witness.longest(),
            "{:?}",
            tally.silence
        );
        assert_eq!(healthy[number].sessions().len(), 1);
    }
    println!("d2: the encoder's slowest send took {:?}", report.slowest_send);
    let most = millis(30) + witness.longest();
    assert!(report.slowest_send <= most, "{:?}", report.slowest_send);
    assert_eq!(report.error, None);
    assert!(server.is_alive() && server.panics() < 0.5);
}

/// A destination that resets every 5 s: back soon, at a key frame, with its headers.
#[test]
fn d3_a_destination_that_resets_is_back_soon() {
    let sink = Sink::start(Behaviour::Resets(secs(5)));
    let server = Setup::new().stream("main", KEY).destination("out", &sink.url(), "copy").start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    until("it was reset twice", secs(25), || sink.sessions().len() >= 3);
    until("the third is on air", secs(6), || sink.tally().frames > 10);
    let sessions = sink.sessions();
    for (before, after) in sessions.iter().zip(&sessions[1..]) {
        let retry = after.began.saturating_duration_since(before.ended.unwrap());
        let on_air = after.tally.seen.map(|(first, _)| first - before.ended.unwrap());
        println!("d3: redialled after {retry:?}, on air after {on_air:?}");
        assert!(retry <= secs(3), "{retry:?}");
        assert!(on_air.is_some_and(|time| time <= secs(6)), "{on_air:?}");
    }
    for session in &sessions {
        session.tally.assert_whole("d3");
        assert_eq!(session.tally.began_well, Some(true), "a key frame with its header comes first");
        assert!(session.tally.audio_configured());
        let (first, _) = session.tally.times.unwrap();
        assert!(first < 100, "time begins at zero: {first}");
    }
    assert_eq!(live.stop().error, None);
}

/// Refused, closed and wrong keys: few dials, and no end to them.
#[test]
fn d4_dials_are_few_and_go_on() {
    let (closes, wrong) = (Behaviour::ClosesAfterHandshake, Behaviour::WrongKey);
    let (closes, wrong) = (Sink::start(closes), Sink::start(wrong));
    let later = ports::free();
    let setup = Setup::new().stream("main", KEY).destination("closes", &closes.url(), "a");
    let setup = setup.destination("wrong", &wrong.url(), "b");
    let server = setup.destination("refuses", &format!("rtmp://{later}/live"), "c").start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    let time = if manycast_tests::full() { secs(60) } else { secs(12) };
    pause(time);
    for name in ["closes", "refuses"] {
        let dials = count(&server, name, "dials");
        println!("d4: {name}: {dials} dials in {time:?}");
        // 1, 2, 4, 8 s after each other, each 20 % more or less
        assert!((3..=10).contains(&dials), "{name}: {dials} dials");
    }
    let dials = count(&server, "wrong", "dials");
    assert!(dials <= 2, "a wrong key is asked once more at the start, and then no more: {dials}");
    assert!(gaps(&wrong).iter().all(|gap| *gap >= secs(9)), "not before 10 s: {:?}", gaps(&wrong));
    let view = server.destination("main", "wrong");
    assert_eq!(view["state"], "rejected");
    assert!(view["last_error"].as_str().unwrap_or("").contains("not ours"), "{view}");
    let gaps = gaps(&closes);
    println!("d4: waits between dials: {gaps:?}");
    assert!(gaps.windows(2).all(|pair| pair[1] > pair[0].mul_f64(1.2)), "growing: {gaps:?}");
    let healed = Sink::at(later, Behaviour::Healthy);
    until("a healed destination is found", secs(40), || healed.tally().frames > 10);
    healed.tally().assert_whole("d4");
    assert_eq!(live.stop().error, None);
}

fn gaps(sink: &Sink) -> Vec<Duration> {
    let sessions = sink.sessions();
    sessions.windows(2).map(|pair| pair[1].began - pair[0].began).collect()
}

/// A destination that accepts and reads nothing is found out, let go and dialled again.
#[test]
fn d6_a_stalled_destination_is_redialled() {
    let (stalls, healthy) = (Sink::start(Behaviour::Stalls), Sink::healthy());
    let setup = Setup::new().stream("main", KEY).destination("stalls", &stalls.url(), "a");
    let server = setup.destination("healthy", &healthy.url(), "b").start();
    let shape = Shape { size: 30_000, ..Shape::default() };
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    server.wait_state("main", "stalls", "live", secs(5));
    let took = until("it is dialled again", secs(45), || stalls.sessions().len() >= 2);
    let view = server.destination("main", "stalls");
    println!("d6: dialled again after {took:?}: {}", view["last_error"]);
    assert!(took >= secs(9), "{took:?}");
    assert!(!view["last_error"].is_null() && view["dials"].as_u64() >= Some(2), "{view}");
    let report = live.stop();
    assert_eq!(report.error, None);
    healthy.tally().assert_whole("d6");
}

/// A slow destination loses whole Gops, in order, within its bounds; the one beside it none.
#[test]
fn d7_a_slow_destination_loses_whole_gops() {
    let (slow, healthy) = (Sink::start(Behaviour::Slow(100_000)), Sink::healthy());
    let setup = Setup::new().stream("main", KEY).destination("slow", &slow.url(), "a");
    let server = setup.destination("healthy", &healthy.url(), "b").start();
    let shape = Shape { size: 10_000, ..Shape::default() };
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    let mut most_lag = 0;
    until("it lost Gops and goes on", secs(40), || {
        most_lag = most_lag.max(count(&server, "slow", "lag_ms"));
        let tally = slow.tally();
        tally.gaps.len() >= 2
    });
    let tally = slow.tally();
    println!("d7: {} gaps, lag at most {most_lag} ms, {:?}", tally.gaps.len(), tally.gaps.first());
    assert!(tally.gaps.iter().all(|gap| gap.at_key), "goes on at key frames: {:?}", tally.gaps);
    assert_eq!((tally.disorder, tally.altered, tally.backward), (0, 0, 0), "{tally:?}");
    assert!(count(&server, "slow", "dropped_gops") >= 2);
    assert!(most_lag <= 4000 + 1100, "at most 4 s and the Gop under way: {most_lag} ms");
    assert_eq!(slow.sessions().len(), 1, "slow is not stalled");
    let report = live.stop();
    assert_eq!(report.error, None);
    healthy.tally().assert_whole("d7");
}

/// Several destinations at different hosts that fall behind at once: the fault is none of theirs, and
/// their status says so; one that is slow by itself is not taken for it.
#[test]
fn d7_several_behind_at_once_read_your_uplink() {
    let trouble = |server: &Manycast, name: &str| {
        server.destination("main", name)["trouble"]["code"].as_str().map(str::to_owned)
    };
    let host = |last: u8, behaviour| {
        let address = (Ipv4Addr::new(127, 0, 0, last), ports::free().port());
        Sink::at(address.into(), behaviour)
    };
    let shape = Shape { size: 10_000, ..Shape::default() };
    let slow = Behaviour::Slow(60_000);
    for (slow_ones, wanted) in [(3, Some("uplink")), (1, None)] {
        let behaviour = |n| if n <= slow_ones { slow } else { Behaviour::Healthy };
        let sinks: Vec<_> = (1..=3).map(|n| host(n, behaviour(n))).collect();
        let mut setup = Setup::new().stream("main", KEY);
        for (number, sink) in sinks.iter().enumerate() {
            setup = setup.destination(&format!("out-{number}"), &sink.url(), "copy");
        }
        let server = setup.start();
        let live = Live::start(server.rtmp(), KEY, shape).unwrap();
        until("the slow one loses Gops", secs(40), || count(&server, "out-0", "dropped_gops") >= 1);
        if wanted.is_some() {
            until("it reads uplink", secs(15), || trouble(&server, "out-0").is_some());
        }
        let views = server.stream("main")["destinations"].to_string();
        assert_eq!(trouble(&server, "out-0").as_deref(), wanted, "{views}");
        println!("d7: {slow_ones} slow of 3: {}", server.destination("main", "out-0")["trouble"]);
        assert_eq!(live.stop().error, None);
    }
}

/// A pause of the process itself (a suspended machine, a snapshot) is not held against the destinations:
/// all sessions go on.
#[test]
fn d6_a_pause_of_the_process_drops_no_destination() {
    let sinks: Vec<_> = (0..12).map(|_| Sink::healthy()).collect();
    let mut setup = Setup::new().stream("main", KEY);
    for (n, sink) in sinks.iter().enumerate() {
        setup = setup.destination(&format!("d{n}"), &sink.url(), "copy");
    }
    let mut server = setup.start();
    let shape = Shape { size: 500, ..Shape::default() };
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    until("all are on air", secs(10), || sinks.iter().all(|sink| sink.tally().frames > 30));
    server.process.signal(Signal::SIGSTOP);
    pause(secs(12));
    server.process.signal(Signal::SIGCONT);
    pause(secs(3));
    let sent = live.sent();
    until("the last frames", secs(10), || {
        sinks.iter().all(|sink| sink.tally().newest() >= Some(sent))
    });
    for sink in &sinks {
        let tally = sink.tally();
        assert_eq!(sink.sessions().len(), 1, "no new session");
        // What came in at once after 12 s may be more than anybody may be behind.
        assert!(tally.gaps.iter().all(|gap| gap.at_key), "{:?}", tally.gaps);
        assert_eq!((tally.disorder, tally.altered, tally.backward), (0, 0, 0), "{tally:?}");
    }
    assert_eq!(live.stop().error, None);
}
