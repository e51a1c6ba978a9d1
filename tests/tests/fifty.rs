//! Bars D1 to D4, D6 and D7 at once, with fifty destinations at 2.5 Mbit/s of which ten are ill.

use manycast_tests::dns::{Answer, NameServer};
use manycast_tests::programs::BadCertificate;
use manycast_tests::sink::{BlackHole, Mute, fleet};
use manycast_tests::{
    Behaviour, Live, Manycast, Setup, Shape, Sink, Witness, full, millis, pause, ports, secs, until,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const KEY: &str = "sk_fifty_0123456789abcdef";
/// With sound beside it 2.5 Mbit/s.
const SHAPE: Shape = Shape { source: 1, fps: 30, size: 10_000, gop: 30, sound: true, level: 0 };
/// How long they are watched.
fn time() -> Duration {
    secs(if full() { 60 } else { 18 })
}

/// The ten.
struct Ill {
    resets: Sink,
    stalls: Sink,
    slow: Sink,
    closes: Sink,
    wrong: Sink,
    certificate: BadCertificate,
    hole: BlackHole,
    mute: Mute,
    names: NameServer,
    nobody: String,
}

impl Ill {
    fn new() -> Self {
        let names = NameServer::new();
        names.set("nowhere.test", Answer::Silence);
        Self {
            resets: Sink::start(Behaviour::Resets(secs(5))),
            stalls: Sink::start(Behaviour::Stalls),
            // a third of what is sent
            slow: Sink::start(Behaviour::Slow(100_000)),
            closes: Sink::start(Behaviour::ClosesAfterHandshake),
            wrong: Sink::start(Behaviour::WrongKey),
            certificate: BadCertificate::start(),
            hole: BlackHole::open(),
            mute: Mute::open(),
            names,
            nobody: format!("rtmp://{}/live", ports::free()),
        }
    }

    fn urls(&self) -> [(&'static str, String); 10] {
        [
            ("refuses", self.nobody.clone()),
            ("resets", self.resets.url()),
            ("stalls", self.stalls.url()),
            ("slow", self.slow.url()),
            ("closes", self.closes.url()),
            ("wrong-key", self.wrong.url()),
            ("certificate", format!("rtmps://localhost:{}/live", self.certificate.address.port())),
            ("black-hole", format!("rtmp://{}/live", self.hole.address)),
            ("mute", format!("rtmp://{}/live", self.mute.address)),
            ("no-name", "rtmp://nowhere.test/live".to_owned()),
        ]
    }
}

fn count(server: &Manycast, name: &str, field: &str) -> u64 {
    server.destination("main", name)[field].as_u64().unwrap_or(0)
}

/// Forty healthy ones beside ten ill ones.
#[test]
fn d1_d2_d3_d4_d6_d7_ten_ill_of_fifty_harm_nobody() {
    let (healthy, ill) = (fleet(40), Ill::new());
    let resolver = format!("resolver = \"{}\"", ill.names.address);
    let mut setup = Setup::new().egress(&resolver).stream("main", KEY);
    for (number, sink) in healthy.iter().enumerate() {
        let name = format!("healthy-{number}");
        setup = setup.destination(&name, &sink.url(), &format!("key-{name}"));
        if let Some((name, url)) = ill.urls().get(number / 4).filter(|_| number % 4 == 1) {
            setup = setup.destination(name, url, &format!("key-{name}"));
        }
    }
    let mut server = setup.start();
    let live = Live::start(server.rtmp(), KEY, SHAPE).unwrap();
    until("the forty are on air", secs(10), || healthy.iter().all(|sink| sink.frames() > 30));
    healthy.iter().for_each(Sink::forget_silence);
    let (witness, began, cpu) = (Witness::new(), Instant::now(), server.proc().cpu());
    let mut lag = 0;
    while began.elapsed() < time() {
        lag = lag.max(count(&server, "slow", "lag_ms"));
        pause(millis(250));
    }
    let busy = (server.proc().cpu() - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    println!("d1: 50 destinations, {:.0} % of a core", busy * 100.0);
    the_ill(&server, &ill, lag);
    let sent = live.sent();
    until("the last frames", secs(10), || {
        healthy.iter().all(|sink| sink.tally().newest().is_some_and(|newest| newest + 1 >= sent))
    });
    let tallies: Vec<_> = healthy.iter().map(Sink::tally).collect();
    let report = live.stop();
    assert_eq!(report.error, None);
    let own = report.longest_gap + witness.longest();
    let longest = tallies.iter().map(|tally| tally.silence).max().unwrap_or_default();
    println!("d1: {} frames, silence at most {longest:?}, of the machine {own:?}", report.frames);
    println!("d2: the encoder's slowest send took {:?}", report.slowest_send);
    for (number, (sink, tally)) in healthy.iter().zip(&tallies).enumerate() {
        tally.assert_whole(&format!("d1: healthy {number}"));
        assert!(tally.silence <= millis(300) + own, "d1: {number}: {:?}", tally.silence);
        assert_eq!(sink.count(), 1, "d1: healthy {number} was dialled again");
    }
    let most = millis(30) + witness.longest();
    assert!(report.slowest_send <= most, "d2: {:?}", report.slowest_send);
    println!("d1: {} bytes of log", server.log_bytes());
    assert!(server.log_bytes() <= 100_000, "failures do not flood the log");
    assert!(server.is_alive() && server.panics() < 0.5);
}

/// What each of the ill ones has to have met with by the end.
fn the_ill(server: &Manycast, ill: &Ill, lag: u64) {
    let views: BTreeMap<_, _> =
        ill.urls().map(|(name, _)| (name, server.destination("main", name))).into();
    for (name, states) in [
        ("refuses", &["backoff", "connecting", "resolving"][..]),
        ("closes", &["backoff", "connecting", "handshake", "resolving"]),
        ("wrong-key", &["rejected"]),
        ("certificate", &["backoff", "rejected", "securing", "connecting", "resolving"]),
        ("black-hole", &["connecting", "backoff", "resolving"]),
        ("mute", &["connecting", "handshake", "backoff", "resolving"]),
        ("no-name", &["resolving", "backoff"]),
    ] {
        let view = &views[name];
        assert!(states.contains(&view["state"].as_str().unwrap_or("")), "{view}");
        assert!(!view["last_error"].is_null(), "{view}");
        let dials = view["dials"].as_u64().unwrap_or(0);
        println!("d4: {name}: {dials} dials, {}", view["last_error"]);
        // 1, 2, 4 ... 30 s after each other, each 20 % more or less
        assert!((1..=10).contains(&dials), "d4: {name}: {dials} dials");
    }
    assert!((3..=10).contains(&views["refuses"]["dials"].as_u64().unwrap_or(0)));
    let dials = views["wrong-key"]["dials"].as_u64();
    assert!(dials <= Some(2), "d4: a wrong key is asked once more at the start: {dials:?}");
    resetting(&ill.resets);
    until("d6: the stalled one is dialled again", secs(30), || ill.stalls.count() >= 2);
    let tally = ill.slow.tally();
    println!("d7: {} gaps, lag at most {lag} ms", tally.gaps.len());
    assert!(!tally.gaps.is_empty() && tally.gaps.iter().all(|gap| gap.at_key), "{:?}", tally.gaps);
    assert_eq!((tally.disorder, tally.altered, tally.backward), (0, 0, 0), "d7: {tally:?}");
    assert!(lag <= 4000 + 1100, "d7: at most 4 s and the Gop under way: {lag} ms");
    assert!(count(server, "slow", "dropped_gops") >= 1);
    let log = server.log();
    let said: Vec<_> = log.lines().filter(|line| line.contains("main/slow")).collect();
    assert_eq!(ill.slow.count(), 1, "d7: slow is not stalled: {}", said.join("\n"));
}

/// Back soon, at a key frame with its headers, each time (D3).
fn resetting(sink: &Sink) {
    let sessions = sink.sessions();
    assert!(sessions.len() >= 3, "d3: {} sessions", sessions.len());
    for (before, after) in sessions.iter().zip(&sessions[1..]) {
        let retry = after.began.saturating_duration_since(before.ended.unwrap());
        println!("d3: redialled after {retry:?}");
        assert!(retry <= secs(3), "d3: {retry:?}");
    }
    let (_, done) = sessions.split_last().unwrap();
    for session in done {
        session.tally.assert_whole("d3");
        assert_eq!(session.tally.began_well, Some(true), "d3: a key frame with its header first");
        assert!(session.tally.audio_configured());
    }
    for (before, after) in done.iter().zip(&done[1..]) {
        let on_air = after.tally.seen.map(|(first, _)| first - before.ended.unwrap());
        assert!(on_air.is_some_and(|time| time <= secs(6)), "d3: {on_air:?}");
    }
}
