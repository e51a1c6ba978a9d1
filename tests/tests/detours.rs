//! Destinations that are reached another way: by a backup address (D11), by a redirect (D13, K3).

use manycast_sim::platform::Profile;
use manycast_tests::authority::Authority;
use manycast_tests::sink::{StandIn, fleet};
use manycast_tests::{
    Behaviour, Live, Manycast, Setup, Shape, Sink, Witness, millis, pause, ports, secs, until,
};
use serde_json::Value;
use std::time::{Duration, Instant};

const KEY: &str = "sk_detours_0123456789";

fn backup(server: &Manycast) -> Value {
    server.destination("main", "out")["backup"].clone()
}

fn backup_state(server: &Manycast, state: &str, limit: Duration) {
    let mut last = Value::Null;
    until(&format!("the backup is {state}"), limit, || {
        last = backup(server);
        last["state"] == state
    });
}

fn with_backup(primary: &str, second: &str, mode: &str) -> Setup {
    let setup = Setup::new().stream("main", KEY).destination("out", primary, "first-key");
    let setup =
        setup.option(&format!("backup_url = \"{second}\"")).option("backup_key = \"second\"");
    setup.option(&format!("backup = \"{mode}\""))
}

/// The primary dies: the backup is on air soon, from a key frame on; the primary returns: the backup
/// says goodbye, after a while in which both carry the stream.
#[test]
fn d11_the_backup_takes_over_and_leaves_again() {
    let at = ports::free();
    let primary = Sink::at(at, Behaviour::Healthy);
    let others = fleet(2);
    let setup = with_backup(&primary.url(), &others[0].url(), "failover");
    let server = setup.destination("beside", &others[1].url(), "copy").start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    server.wait_state("main", "out", "live", secs(10));
    backup_state(&server, "standby", secs(5));
    pause(secs(2));
    assert_eq!(others[0].count(), 0, "d11: nobody is there while the primary is well");
    until("the primary has frames", secs(5), || primary.frames() > 60);
    let died = Instant::now();
    drop(primary);
    until("the backup is on air", secs(12), || others[0].frames() > 0);
    let took = died.elapsed();
    println!("d11: the backup is on air after {took:?}");
    assert!(took <= 3 * secs(2), "d11: {took:?}");
    backup_state(&server, "live", secs(5));
    assert_eq!(others[0].sessions()[0].key.as_deref(), Some("second"));
    assert_eq!(
        others[0].tally().began_well,
        Some(true),
        "d11: from a key frame with its header on"
    );
    pause(secs(3));
    let primary = Sink::at(at, Behaviour::Healthy);
    until("the primary is back", secs(30), || primary.frames() > 30);
    let back = Instant::now();
    until("the backup leaves", secs(40), || others[0].sessions()[0].ended.is_some());
    let overlap = back.elapsed();
    println!("d11: the backup left {overlap:?} after the primary was back");
    assert!(overlap >= secs(5), "d11: not before the primary has proved itself: {overlap:?}");
    let session = others[0].sessions().pop().unwrap();
    assert!(session.orderly, "d11: with a goodbye");
    session.tally.assert_whole("d11: the backup");
    backup_state(&server, "standby", secs(5));
    primary.tally().assert_whole("d11: the primary");
    server.wait_state("main", "out", "live", secs(5));
    assert_eq!(live.stop().error, None);
    others[1].tally().assert_whole("d11: the one beside");
    assert_eq!((others[0].count(), others[1].count()), (1, 1));
}

/// Both at once by setting: neither misses a frame, and the loss of one is no gap in the other.
#[test]
fn d11_both_addresses_at_once_by_setting() {
    let primary = Sink::start(Behaviour::Resets(secs(4)));
    let second = Sink::healthy();
    let server = with_backup(&primary.url(), &second.url(), "both").start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    until("both are on air", secs(10), || primary.frames() > 30 && second.frames() > 30);
    second.forget_silence();
    let witness = Witness::new();
    until("the primary was reset", secs(20), || primary.count() >= 3);
    let tally = second.tally();
    let report = live.stop();
    tally.assert_whole("d11: the second address");
    let own = report.longest_gap + witness.longest();
    assert!(tally.silence <= millis(300) + own, "d11: {:?}, own {own:?}", tally.silence);
    assert_eq!((second.count(), report.error), (1, None));
}

/// An encoder that is away calls no backup, and a stalled primary does before it is given up.
#[test]
fn d11_a_stalled_primary_calls_the_backup_and_a_hold_does_not() {
    let (primary, second) = (Sink::start(Behaviour::Stalls), Sink::healthy());
    let server = with_backup(&primary.url(), &second.url(), "failover").start();
    let shape = Shape { size: 30_000, ..Shape::default() };
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    until("the primary was dialled", secs(10), || primary.count() == 1);
    let stalled = Instant::now();
    until("the backup is on air", secs(20), || second.frames() > 0);
    println!("d11: the backup of a stalled one is on air after {:?}", stalled.elapsed());
    assert_eq!(live.stop().error, None);

    let (primary, second) = (Sink::healthy(), Sink::healthy());
    let server = with_backup(&primary.url(), &second.url(), "failover").start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    server.wait_state("main", "out", "live", secs(10));
    assert_eq!(live.vanish().error, None);
    server.wait_state("main", "out", "held", secs(5));
    pause(secs(6));
    assert_eq!(backup(&server)["state"], "standby");
    assert_eq!(second.count(), 0, "d11: a hold calls nobody");
}

/// A platform that sends on to this address.
fn redirecting(to: &str) -> StandIn {
    let profile = Profile::patient("live", "copy");
    StandIn::start(Profile { redirect: Some(to.to_owned()), ..profile }, None)
}

fn tc_url(platform: &StandIn) -> String {
    format!("rtmp://{}/live", platform.address)
}

/// Sent to a good one, sent round in a ring, sent to where nothing may go, and sent out of encryption:
/// followed at most three times, each time through the gate.
#[test]
fn d13_k3_redirects_are_followed_three_times_through_the_gate() {
    let good = fleet(2);
    let once = redirecting(&good[0].url());
    let twice = redirecting(&tc_url(&once));
    let ring = [redirecting("rtmp://127.0.0.1/live"), redirecting("rtmp://127.0.0.1/live")];
    for (from, to) in [(0, 1), (1, 0)] {
        let redirect = Some(tc_url(&ring[to]));
        ring[from].set_profile(Profile { redirect, ..Profile::patient("live", "copy") });
    }
    let inside = redirecting("rtmp://10.1.2.3/live");
    let own = redirecting("file:///etc/passwd");
    let authority = Authority::new();
    let plain = Profile::patient("live", "copy");
    let plain = Profile { redirect: Some(good[1].url()), ..plain };
    let encrypted = StandIn::start(plain, Some(authority.server("localhost")));
    let trust = format!("ca_file = \"{}\"", authority.file().display());
    let mut setup = Setup::new().egress(&trust).stream("main", KEY);
    for (name, platform) in
        [("twice", &twice), ("ring", &ring[0]), ("inside", &inside), ("no-address", &own)]
    {
        setup = setup.destination(name, &tc_url(platform), "copy");
    }
    let server = setup.destination("downgrade", &encrypted.url("localhost"), "copy").start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    server.wait_state("main", "twice", "live", secs(12));
    assert_eq!(server.destination("main", "twice")["dials"], 3, "d13: itself and two hops");
    assert_eq!(good[0].sessions()[0].key.as_deref(), Some("copy"), "the key goes with it");
    for (name, words) in [
        ("ring", "3 times in a row"),
        ("inside", "not allowed"),
        ("no-address", "not followed"),
        ("downgrade", "without encryption"),
    ] {
        server.wait_state("main", name, "rejected", secs(12));
        let view = server.destination("main", name);
        println!("d13: {name}: {} ({})", view["last_error"], view["last_error_kind"]);
        assert!(view["last_error"].as_str().unwrap_or("").contains(words), "{view}");
    }
    assert_eq!(server.destination("main", "ring")["dials"], 4, "d13: itself and three hops");
    assert_eq!(ring[0].count() + ring[1].count(), 4, "d13");
    pause(secs(3));
    assert_eq!(ring[0].count() + ring[1].count(), 4, "d13: it ends there");
    assert_eq!(good[1].count(), 0, "d13: nobody comes without encryption");
    good[0].tally().assert_whole("d13: where the redirects lead");
    assert_eq!(live.stop().error, None);
}
