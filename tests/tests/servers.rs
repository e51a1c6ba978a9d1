//! Servers of others as destinations, under load, that are killed, stopped and started again: the
//! program comes back by itself each time, and the destinations beside them notice nothing.

use manycast_tests::servers::Server;
use manycast_tests::sink::fleet;
use manycast_tests::{
    Live, Manycast, Setup, Shape, Sink, Watcher, Witness, millis, pause, secs, until,
};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

const KEY: &str = "sk_servers_0123456789";
/// Destinations at the server of others.
const FAR: usize = 4;

/// All of them live, and what a viewer sees there is whole. The time that the first took.
fn comes_back(what: &str, server: &Manycast, far: &Server, limit: Duration) -> Duration {
    let from = Instant::now();
    for number in 0..FAR {
        let name = format!("far-{number}");
        server.wait_state("main", &name, "live", limit.saturating_sub(from.elapsed()));
    }
    let took = from.elapsed();
    println!("{what}: all live after {took:?}");
    for number in [0, FAR - 1] {
        let name = format!("far-{number}");
        let viewer = Watcher::start(far.address, &name);
        let viewer = viewer.unwrap_or_else(|e| panic!("{what}: {e}: {}", far.tail()));
        until(&format!("{what}: frames at {name}"), secs(10), || viewer.tally().frames > 45);
        let tally = viewer.stop();
        assert_eq!(
            (tally.missing(), tally.disorder, tally.altered),
            (0, 0, 0),
            "{what}: {tally:?}"
        );
        assert_eq!(tally.backward, 0, "{what}: {tally:?}");
    }
    took
}

fn not_live(what: &str, server: &Manycast, limit: Duration) {
    until(&format!("{what}: it is noticed"), limit, || {
        (0..FAR).all(|n| server.destination("main", &format!("far-{n}"))["state"] != "live")
    });
}

/// Killed, ended in order, stopped for 15 s, stopped and then killed; four destinations of 2.5 Mbit/s
/// each there, and three healthy ones beside them.
fn suffers(mut far: Server) {
    let beside = fleet(3);
    let mut setup = Setup::new().stream("main", KEY);
    for number in 0..FAR {
        let name = format!("far-{number}");
        setup = setup.destination(&name, &far.url(), &name);
    }
    for (number, sink) in beside.iter().enumerate() {
        setup = setup.destination(&format!("beside-{number}"), &sink.url(), "copy");
    }
    let mut server = setup.start();
    let shape = Shape { size: 10_000, ..Shape::default() };
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    until("those beside are on air", secs(10), || beside.iter().all(|sink| sink.frames() > 30));
    beside.iter().for_each(Sink::forget_silence);
    let witness = Witness::new();
    comes_back("at first", &server, &far, secs(15));

    for (what, signal) in [("killed", Signal::SIGKILL), ("ended", Signal::SIGTERM)] {
        far.signal(signal);
        not_live(what, &server, secs(5));
        pause(secs(2));
        far.restart();
        comes_back(what, &server, &far, secs(30));
    }

    far.signal(Signal::SIGSTOP);
    pause(secs(15));
    far.signal(Signal::SIGCONT);
    // it was given up after 10 s without progress; what was dialled meanwhile may have to end first
    comes_back("stopped for 15 s", &server, &far, secs(60));

    far.signal(Signal::SIGSTOP);
    pause(secs(3));
    far.signal(Signal::SIGKILL);
    not_live("stopped and killed", &server, secs(5));
    far.restart();
    comes_back("stopped and killed", &server, &far, secs(40));

    let sent = live.sent();
    until("the last frames", secs(5), || {
        beside.iter().all(|sink| sink.tally().newest().is_some_and(|newest| newest + 1 >= sent))
    });
    let tallies: Vec<_> = beside.iter().map(Sink::tally).collect();
    let report = live.stop();
    let own = report.longest_gap + witness.longest();
    for (sink, tally) in beside.iter().zip(&tallies) {
        tally.assert_whole("beside");
        println!("beside: {} frames, silence {:?}", tally.frames, tally.silence);
        assert!(tally.silence <= millis(300) + own, "{:?}, own {own:?}", tally.silence);
        assert_eq!(sink.count(), 1, "those beside keep their session");
    }
    assert_eq!(report.error, None);
    assert!(server.is_alive() && server.panics() < 0.5);
    for number in 0..FAR {
        let view = server.destination("main", &format!("far-{number}"));
        println!("far-{number}: {} dials", view["dials"]);
        assert!(view["dials"].as_u64() <= Some(25), "no storm: {view}");
    }
}

/// nginx-rtmp.
#[test]
fn nginx_rtmp_dies_and_returns() {
    suffers(Server::nginx_rtmp());
}

/// node-media-server.
#[test]
fn node_media_server_dies_and_returns() {
    suffers(Server::node_media_server());
}
