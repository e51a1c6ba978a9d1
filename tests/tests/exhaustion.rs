//! Peers that take, hold or trickle (bars B): they are let go, and nobody else notices.

use manycast_tests::control::assert_unharmed;
use manycast_tests::process::sockets_in_state;
use manycast_tests::raw::{Raw, head, kind};
use manycast_tests::{
    Control, Live, Manycast, Publisher, Setup, Shape, Watcher, full, many_files, millis, pause,
    secs, until,
};
use std::net::Ipv4Addr;
use std::time::Instant;

const KEY: &str = "sk_exhaustion_0123456789";
const FIN_WAIT1: &str = "04";

fn open_connections(server: &Manycast) -> usize {
    sockets_in_state(server.rtmp().port(), "01")
}

/// Stalled viewers at 4 Mb/s cost little, are let go by RST, and the healthy one misses nothing.
#[test]
fn b1_b2_stalled_viewers_are_cheap_and_let_go() {
    many_files();
    let count = if full() { 1000 } else { 200 };
    let mut server = Setup::new().stream("main", KEY).start();
    let shape = Shape { size: 16_000, ..Shape::default() };
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    let healthy = Watcher::start(server.rtmp(), "main").unwrap();
    until("the stream flows", secs(5), || healthy.tally().frames > 60);
    let before = server.proc().rss_kb();
    let mut stalled = Vec::new();
    for _ in 0..count {
        let mut raw = Raw::open_narrow(server.rtmp());
        raw.play("main");
        stalled.push(raw);
    }
    let from = Instant::now();
    let mut most = 0;
    until("all stalled viewers are let go", secs(45), || {
        most = most.max(server.proc().rss_kb());
        server.stream("main")["viewers"] == 1
    });
    let took = from.elapsed();
    let each = most.saturating_sub(before) / count;
    println!(
        "b1: {each} kB per stalled viewer; b2: all {count} let go {took:?} after the last came"
    );
    assert!(each <= 48, "{each} kB each");
    pause(secs(1));
    let left = sockets_in_state(server.rtmp().port(), FIN_WAIT1);
    assert_eq!(left, 0, "sockets in FIN_WAIT1");
    let cut = stalled.iter_mut().filter_map(|raw| raw.is_cut_now().then_some(())).count();
    assert_eq!(cut as u64, count, "cut viewers, seen from their side");
    assert!(server.metrics()["manycast_rtmp_cut_total{reason=\"stalled_viewer\"}"] >= count as f64, "counted");
    let sent = live.sent();
    until("the last frames", secs(5), || healthy.tally().newest() >= Some(sent));
    let tally = healthy.stop();
    tally.assert_whole("b1: the healthy viewer");
    assert_eq!(live.stop().error, None);
    assert!(server.is_alive() && server.panics() < 0.5);
}

/// Publishers whose one message comes at a byte per second are cut when it was too slow for 8 s.
#[test]
fn b6_a_message_at_one_byte_per_second_is_cut() {
    many_files();
    let (mut server, control) = Control::start(Setup::new().open());
    let mut slow: Vec<_> = (0..200)
        .map(|number| {
            let mut raw = Raw::open(server.rtmp());
            raw.publish(&format!("slow-{number}")).unwrap();
            raw.send(&head(6, kind::VIDEO, 1, 0, 50_000));
            raw
        })
        .collect();
    let from = Instant::now();
    while !slow.is_empty() && from.elapsed() < secs(30) {
        pause(secs(1));
        slow.retain_mut(|raw| raw.send(&[0x17]) && !raw.is_cut_now());
    }
    println!("b6: all cut within {:?}", from.elapsed());
    assert!(slow.is_empty(), "{} are still open", slow.len());
    assert!(from.elapsed() >= secs(7), "not before 8 s: {:?}", from.elapsed());
    assert_unharmed("b6", &mut server, control);
}

/// File descriptors run out: what runs goes on, one more encoder finds room, and it recovers.
#[test]
fn b8_out_of_file_descriptors() {
    many_files();
    let wrapper = ["prlimit", "--nofile=256:256"];
    let setup = Setup::new().behind(&wrapper).stream("late", KEY);
    let (mut server, control) = Control::start(setup);
    let knock = |_| Raw::open_from(Ipv4Addr::LOCALHOST, server.rtmp()).ok();
    let open: Vec<_> = (0..400).filter_map(knock).collect();
    pause(secs(1));
    let files = server.proc().files();
    let (cpu, from) = (server.proc().cpu(), Instant::now());
    pause(secs(3));
    let busy = (server.proc().cpu() - cpu).as_secs_f64() / from.elapsed().as_secs_f64();
    println!("b8: {} connections, {files} files open, {:.0} % of a core", open.len(), busy * 100.0);
    assert!(files <= 256);
    assert!(busy < 0.2, "busy: {busy}");
    assert_eq!(server.status()["server"]["ready"], true, "the API answers");
    let late = Publisher::connect(server.rtmp(), KEY);
    assert!(late.is_ok(), "no room for an encoder: {:?}", late.err());
    drop(open);
    let back = until("viewers are let in again", secs(6), || {
        Watcher::start(server.rtmp(), "control").is_ok_and(|viewer| viewer.ended().is_none())
    });
    println!("b8: recovered after {back:?}");
    assert_unharmed("b8", &mut server, control);
}

/// Limits per address and in all are off by default, and hold when they are set.
#[test]
fn b12_connection_limits() {
    many_files();
    let knock = |server: &Manycast, each: usize| {
        let mut open: Vec<Vec<Raw>> = Vec::new();
        for last in 2..10 {
            let from = Ipv4Addr::new(127, 0, 0, last);
            let all = (0..each).filter_map(|_| Raw::open_from(from, server.rtmp()).ok());
            open.push(all.collect());
        }
        pause(millis(700));
        open.iter_mut().for_each(|all| all.retain_mut(|raw| !raw.is_cut_now()));
        open
    };
    let (mut server, control) = Control::start(Setup::new());
    let open = knock(&server, 75);
    assert!(open.iter().all(|all| all.len() == 75), "no limit by default");
    drop(open);
    assert_unharmed("b12", &mut server, control);

    let limit = "[limits]\nconnections_per_address = 20";
    let (mut server, control) = Control::start(Setup::new().section(limit));
    let open = knock(&server, 75);
    let counts: Vec<_> = open.iter().map(Vec::len).collect();
    assert_eq!(counts, [20; 8], "per address");
    assert_unharmed("b12", &mut server, control);

    let (mut server, control) = Control::start(Setup::new().section("[limits]\nconnections = 100"));
    let open = knock(&server, 75);
    let left: usize = open.iter().map(Vec::len).sum();
    println!("b12: {left} of 600 strangers stay, {} connections in all", open_connections(&server));
    assert!((97..=100).contains(&left), "{left} stay beside the two of the control stream");
    assert!(Watcher::start(server.rtmp(), "control").is_ok(), "those let in displace strangers");
    assert_unharmed("b12", &mut server, control);
}
