//! The process as its operator meets it: reload, drain, crash, second instance, counters (bars G),
//! and keys that are never shown (J1).

use manycast_tests::control::assert_unharmed;
use manycast_tests::manycast::{binary, clean};
use manycast_tests::process::Process;
use manycast_tests::raw::{Amf, Raw, amf, kind, message};
use manycast_tests::{
    Behaviour, Control, Live, Publisher, Setup, Shape, Sink, Watcher, millis, pause, ports, secs,
    until,
};
use std::net::TcpStream;
use std::time::Instant;

const KEY: &str = "sk_process_0123456789";

/// Twenty reloads that add, change and remove streams and destinations beside the control stream.
#[test]
fn g1_reloads_drop_nobody() {
    let (mut server, control) = Control::start(Setup::new());
    let beside = [Sink::healthy(), Sink::healthy()];
    let text = server.setup.text();
    for round in 0..20 {
        let mut more = String::new();
        if round % 2 == 0 {
            let sink = &beside[round / 2 % 2];
            more = format!(
                "[[stream.destination]]\nname = \"beside\"\nurl = \"{}\"\nkey = \"beside-{round}\"\n\
                 \n[[stream]]\nname = \"more-{round}\"\nkey = \"sk_more_{round}_0123456789\"\n",
                sink.url()
            );
        }
        server.rewrite(&format!("{text}{more}"));
        server.reload();
        let status = server.status();
        let streams = status["streams"].as_array().map_or(0, Vec::len);
        let configured = status["streams"].as_array().into_iter().flatten();
        let configured = configured.filter(|s| s["configured"] == true).count();
        assert_eq!(configured, 1 + usize::from(round % 2 == 0), "{streams} streams: {status}");
        assert!(status["server"]["config"]["last_error"].is_null(), "{status}");
        pause(millis(150));
    }
    assert!(beside.iter().any(|sink| sink.tally().frames > 0), "the added destination was fed");
    assert_unharmed("g1", &mut server, control);
}

/// A hundred damaged files: each is refused as a whole, with its place, and nothing changes.
#[test]
fn g2_a_bad_configuration_keeps_the_old_state() {
    let (mut server, control) = Control::start(Setup::new());
    let good = server.setup.text();
    let damage = |text: &str, round: usize| -> (String, usize) {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let at = round % lines.len();
        match round / lines.len() % 4 {
            0 => lines.insert(at, format!("nonsense_{round} = 1")),
            1 => lines.insert(at, "this is no TOML".into()),
            2 => lines.insert(at, "[[stream]]\nname = \"no spaces, please\"\nkey = \"k\"\n".into()),
            _ => lines.insert(at, "x = \"without an end".into()),
        }
        (lines.join("\n"), at + 1)
    };
    let shape = |status: &serde_json::Value| {
        let streams = status["streams"].as_array().cloned().unwrap_or_default();
        let names =
            streams.iter().map(|s| (s["name"].clone(), s["destinations"].as_array().map(Vec::len)));
        names.collect::<Vec<_>>()
    };
    let before = shape(&server.status());
    for round in 0..100 {
        let (text, line) = damage(&good, round);
        server.rewrite(&text);
        server.reload();
        let status = server.status();
        let error = status["server"]["config"]["last_error"].as_str().unwrap_or("").to_owned();
        assert!(error.contains("manycast.toml:"), "round {round}, line {line}: {error}\n{text}");
        assert_eq!(shape(&status), before, "round {round}");
    }
    assert!(server.metric("manycast_config_reload_ok") < 0.5);
    // an editor or a disk that cut it off
    server.rewrite("");
    server.reload();
    let error = server.status()["server"]["config"]["last_error"].to_string();
    assert!(error.contains("is empty"), "{error}");
    assert_eq!(shape(&server.status()), before);
    server.rewrite(&good);
    server.reload();
    assert!(server.status()["server"]["config"]["last_error"].is_null());
    assert_unharmed("g2", &mut server, control);
}

/// SIGTERM: nobody new, everybody told, also beside those who hear nothing; code 0.
#[test]
fn g3_sigterm_drains_with_a_bound() {
    let (sink, stalls) = (Sink::healthy(), Sink::start(Behaviour::Stalls));
    let setup = Setup::new().stream("main", KEY).destination("out", &sink.url(), "copy");
    let mut server = setup.destination("stalls", &stalls.url(), "b").start();
    let shape = Shape { size: 20_000, ..Shape::default() };
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    let viewer = Watcher::start(server.rtmp(), "main").unwrap();
    let mut deaf = Raw::open_narrow(server.rtmp());
    deaf.play("main");
    until("it flows", secs(5), || sink.tally().frames > 60 && viewer.tally().frames > 60);
    let rtmp = server.rtmp();
    let closed = std::thread::spawn(move || {
        let from = Instant::now();
        until("the listener is closed", secs(5), || TcpStream::connect(rtmp).is_err());
        from.elapsed()
    });
    let (status, took) = server.terminate();
    let closed = closed.join().unwrap();
    println!("g3: ended after {took:?}, listener closed after {closed:?}");
    assert_eq!(status.code(), Some(0), "{}", server.process.tail());
    assert!(took <= secs(12), "{took:?}");
    assert!(closed <= secs(2), "{closed:?}");
    let session = sink.sessions().pop().unwrap();
    until("the destination was told", secs(2), || sink.sessions()[0].ended.is_some());
    assert!(sink.sessions()[0].orderly, "{session:?}");
    until("the viewer was told", secs(2), || viewer.ended().is_some());
    assert!(live.stop().error.is_some(), "the encoder was told");
}

/// kill -9, and started again: listening at once, encoder and destinations soon on air.
#[test]
fn g5_a_crash_is_soon_mended() {
    let sink = Sink::healthy();
    let setup = Setup::new().stream("main", KEY).destination("out", &sink.url(), "copy");
    let mut server = setup.start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    until("it flows", secs(5), || sink.tally().frames > 30);
    let from = Instant::now();
    server.crash_and_restart();
    let listening = server.wait_ready();
    drop(live);
    let live = Live::start(server.rtmp(), KEY, Shape { source: 2, ..Shape::default() }).unwrap();
    until("the destination is on air", secs(15), || sink.tally().sources == [2]);
    let on_air = from.elapsed();
    println!("g5: listening after {listening:?}, on air after {on_air:?}");
    assert!(listening <= millis(900), "{listening:?}");
    assert!(on_air <= secs(15), "{on_air:?}");
    assert_eq!(live.stop().error, None);
    assert_eq!(sink.sessions().len(), 2);
}

/// A second server on the same data, or on the same port, says so at once.
#[test]
fn g6_a_second_instance_refuses() {
    let mut server = Setup::new().stream("main", KEY).start();
    let other = Setup::new().stream("main", KEY);
    let config = server.setup.file("other.toml");
    for (what, text, data, word) in [
        ("same data", other.text(), "data", "in use by another manycast"),
        ("same port", server.setup.text(), "data-2", "is in use"),
    ] {
        std::fs::write(&config, text).unwrap();
        let mut command = clean(binary());
        command.arg("serve").arg("--config").arg(&config);
        command.arg("--data-dir").arg(server.setup.file(data));
        let from = Instant::now();
        let mut second = Process::start(&mut command);
        let status = second.wait(secs(5));
        assert!(!status.success(), "{what}");
        assert!(from.elapsed() < secs(3), "{what}: {:?}", from.elapsed());
        assert!(second.err.text().contains(word), "{what}: {}", second.tail());
    }
    assert!(server.is_alive());
    assert!(Publisher::connect(server.rtmp(), KEY).is_ok(), "the first one serves on");
}

/// Losses and refusals of every kind have a counter that moves.
#[test]
fn g10_what_goes_wrong_is_counted() {
    let (wrong, slow) = (Sink::start(Behaviour::WrongKey), Sink::start(Behaviour::Slow(150_000)));
    let setup = Setup::new().stream_with("main", KEY, "takeover = \"always\"");
    let setup = setup.destination("wrong", &wrong.url(), "a").destination("slow", &slow.url(), "b");
    let server = setup.start();
    let names = [
        "manycast_access_denied_total{action=\"publish\",reason=\"unknown_key\"}",
        "manycast_access_denied_total{action=\"play\",reason=\"unknown_stream\"}",
        "manycast_rtmp_cut_total{reason=\"protocol\"}",
        "manycast_stream_takeovers_total{stream=\"main\"}",
        "manycast_destination_gops_dropped_total{stream=\"main\",destination=\"slow\",leg=\"primary\"}",
        "manycast_destination_dials_total{stream=\"main\",destination=\"wrong\",leg=\"primary\"}",
        "manycast_viewer_skipped_gops_total",
    ];
    let read = || {
        let metrics = server.metrics();
        names.map(|name| metrics.get(name).copied().unwrap_or(-1.0))
    };
    assert_eq!(read(), [0.0; 7], "all are there from the start: {:?}", server.metrics());
    assert!(Publisher::connect(server.rtmp(), "sk_wrong_0123456789").is_err());
    assert!(Watcher::start(server.rtmp(), "nobody").is_err());
    let mut garbage = Raw::open(server.rtmp());
    garbage.greet();
    garbage.send(&message(2, kind::CHUNK_SIZE, 0, &[0; 4], 128));
    assert!(garbage.is_cut(secs(2)));
    let shape = Shape { size: 16_000, ..Shape::default() };
    let first = Live::start(server.rtmp(), KEY, shape).unwrap();
    let second = Live::start(server.rtmp(), KEY, Shape { source: 2, ..shape }).unwrap();
    let mut deaf = Raw::open_narrow(server.rtmp());
    deaf.play("main");
    let (from, mut deaf) = (Instant::now(), Some(deaf));
    while read().iter().any(|value| *value < 1.0) {
        let still: Vec<_> = names.iter().zip(read()).filter(|(_, value)| *value < 1.0).collect();
        assert!(from.elapsed() < secs(40), "never moved: {still:?}");
        // it reads a little now and then and so loses Gops, which are added up when it leaves
        if let Some(viewer) = &mut deaf {
            let _ = std::io::Read::read(&mut viewer.socket, &mut [0; 4096]);
        }
        if from.elapsed() > secs(12) {
            deaf = None;
        }
        pause(millis(40));
    }
    assert!(server.panics() < 0.5);
    assert!(server.metrics().keys().any(|name| name.starts_with("manycast_panics_total")));
    drop((first, second));
}

/// Keys on every path into the server, and each way to fail with them; none of them is seen again.
#[test]
fn j1_no_key_is_ever_shown() {
    let canary = |n: u32| format!("canary{n:02}qWx7{}", n * 7919);
    let sinks = [
        Behaviour::Healthy,
        Behaviour::WrongKey,
        Behaviour::ClosesAfterHandshake,
        Behaviour::Stalls,
        Behaviour::Resets(secs(1)),
    ]
    .map(Sink::start);
    let mut setup = Setup::new().section("[log]\nlevel = \"trace\"").stream("main", &canary(0));
    for (n, sink) in (1..).zip(&sinks) {
        setup = setup.destination(&format!("d{n}"), &sink.url(), &canary(n));
    }
    let refused = format!("rtmp://{}/live", ports::free());
    let setup = setup.destination("d6", &refused, &canary(6));
    let setup = setup.destination("d7", &format!("rtmps://{}/live", sinks[0].address), &canary(7));
    let mut server = setup.start();
    let live = Live::start(server.rtmp(), &canary(0), Shape::default()).unwrap();
    assert!(Live::start(server.rtmp(), &canary(0), Shape::default()).is_err(), "a rival");
    for n in 8..14 {
        assert!(Publisher::connect(server.rtmp(), &canary(n)).is_err());
        assert!(Watcher::start(server.rtmp(), &canary(n + 6)).is_err());
    }
    let query = format!("main?token={}", canary(20));
    drop(Watcher::start(server.rtmp(), &query));
    drop(Publisher::connect(server.rtmp(), &format!("{}?auth={}", canary(21), canary(22))));
    by_hand(&server.rtmp(), &canary);
    // a key as part of the app, as encoders without a field for it send it, and cut in the middle
    let reload = server.setup.text().replace(&canary(5), &canary(40)) + "\nbroken = 1\n";
    server.rewrite(&reload);
    server.reload();
    server.rewrite(&server.setup.text().replace(&canary(0), &canary(41)));
    server.reload();
    until("the encoder with the old key is sent away", secs(5), || !live.is_sending());
    pause(secs(3));
    let shown = [
        server.log(),
        server.status().to_string(),
        format!("{:?}", server.metrics()),
        server.proc().command_line(),
        check(&server),
    ];
    let (status, _) = server.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(server.log().contains("TRACE") || server.log().len() > 5000, "the log is a full one");
    for text in shown.iter().chain([&server.log()]) {
        for n in 0..45 {
            let canary = canary(n);
            let at = text.find(&canary);
            let from = at.unwrap_or(0).saturating_sub(200);
            assert!(
                at.is_none(),
                "canary {n} is shown: {}",
                &text[from..][..300.min(text.len() - from)]
            );
        }
    }
}

/// What only a stranger writes: keys in app, tcUrl, user name, unknown commands and metadata.
fn by_hand(address: &std::net::SocketAddr, canary: &dyn Fn(u32) -> String) {
    let url = format!("rtmp://user:{}@127.0.0.1/live?key={}", canary(23), canary(24));
    let app = format!("live/{}?key={}", canary(25), canary(26));
    let about = [("app", &*app), ("tcUrl", &*url), ("pageUrl", &*canary(27))];
    let connect = amf(&[Amf::Text("connect"), Amf::Number(1.0), Amf::Object(&about)]);
    let mut raw = Raw::open(*address);
    raw.greet();
    raw.send(&message(3, kind::COMMAND, 0, &connect, 128));
    for (n, command) in (28..).zip(["FCPublish", "releaseStream", "getStreamLength", "unknown"]) {
        let key = canary(n);
        let body = amf(&[Amf::Text(command), Amf::Number(4.0), Amf::Null, Amf::Text(&key)]);
        raw.send(&message(3, kind::COMMAND, 0, &body, 128));
    }
    let create = amf(&[Amf::Text("createStream"), Amf::Number(2.0), Amf::Null]);
    raw.send(&message(3, kind::COMMAND, 0, &create, 128));
    let (name, kind_of) = (canary(35), canary(36));
    let values = [Amf::Text("publish"), Amf::Number(3.0), Amf::Null, Amf::Text(&name)];
    let publish = amf(&[&values[..], &[Amf::Text(&kind_of)]].concat());
    raw.send(&message(4, kind::COMMAND, 1, &publish, 128));
    let _ = raw.is_cut(millis(300));
    // garbage that holds a key, before and after the handshake
    let mut raw = Raw::open(*address);
    raw.send(format!("GET /?key={} HTTP/1.1\r\n\r\n", canary(37)).as_bytes());
    let mut raw = Raw::open(*address);
    raw.greet();
    raw.send(&message(3, kind::COMMAND, 0, canary(38).as_bytes(), 128));
    let _ = raw.is_cut(millis(300));
}

/// What `manycast check` says of the configuration that was refused.
fn check(server: &manycast_tests::Manycast) -> String {
    let config = server.setup.file("manycast.toml");
    let mut command = clean(binary());
    command.arg("check").arg("--config").arg(config);
    let mut check = Process::start(&mut command);
    check.wait(secs(5));
    format!("{}{}", check.out.text(), check.err.text())
}
