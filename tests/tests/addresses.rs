//! The way to a destination: names (D8), certificates (D9), keys (D5), and addresses where nothing may
//! go (K1, K2, K4).

use manycast_tests::authority::{Authority, self_signed};
use manycast_tests::dns::{Answer, NameServer};
use manycast_tests::sink::{BlackHole, fleet};
use manycast_tests::{Behaviour, Live, Manycast, Setup, Shape, Sink, pause, ports, secs, until};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Instant;

const KEY: &str = "sk_addresses_0123456789";

fn last_error(server: &Manycast, name: &str) -> String {
    server.destination("main", name)["last_error"].as_str().unwrap_or("").to_owned()
}

/// Waits until a destination's complaint holds these words.
fn complains(server: &Manycast, name: &str, words: &str) {
    until(&format!("{name}: {words}"), secs(20), || last_error(server, name).contains(words));
    println!("{name}: {}", last_error(server, name));
}

fn url(name: &str, at: SocketAddr) -> String {
    format!("rtmp://{name}:{}/live", at.port())
}

fn start(setup: Setup) -> (Manycast, Live) {
    let server = setup.start();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    (server, live)
}

/// A name server that fails, says nothing or knows no such name: each is told apart, nobody else
/// notices, and each destination comes on air once its name is answered.
#[test]
fn d8_names_that_do_not_resolve() {
    let (sinks, beside, names) = (fleet(3), Sink::healthy(), NameServer::new());
    names.set("fails.test", Answer::Failure);
    names.set("silent.test", Answer::Silence);
    let resolver = format!("resolver = \"{}\"", names.address);
    let mut setup = Setup::new().egress(&resolver).stream("main", KEY);
    setup = setup.destination("beside", &beside.url(), "copy");
    for (name, sink) in ["fails", "silent", "unknown"].into_iter().zip(&sinks) {
        setup = setup.destination(name, &url(&format!("{name}.test"), sink.address), "copy");
    }
    let (server, live) = start(setup);
    complains(&server, "fails", "could not look this name up");
    complains(&server, "unknown", "does not exist");
    complains(&server, "silent", "does not answer");
    for name in ["fails", "silent", "unknown"] {
        let view = server.destination("main", name);
        let state = view["state"].as_str().unwrap_or("");
        assert!(["backoff", "resolving"].contains(&state), "d8: network trouble: {view}");
        names.point(&format!("{name}.test"), &["127.0.0.1"]);
    }
    for (name, sink) in ["fails", "silent", "unknown"].into_iter().zip(&sinks) {
        server.wait_state("main", name, "live", secs(40));
        sink.tally().assert_whole(name);
    }
    assert_eq!(live.stop().error, None);
    beside.tally().assert_whole("d8: the one beside");
    assert_eq!(beside.count(), 1);
}

/// The name is asked for anew at each dial, and what it leads to then counts: another address, or one
/// where nothing may go (K2: a name that is bound anew reaches nothing inside).
#[test]
fn d8_k2_the_answer_counts_at_each_dial() {
    let names = NameServer::new();
    let (old, new, inside) = (Ipv4Addr::new(127, 0, 0, 1), [127, 0, 0, 2], [127, 0, 0, 3]);
    let at = ports::free();
    let first = Sink::at(at, Behaviour::Resets(secs(4)));
    let second = Sink::at((new, at.port()).into(), Behaviour::Resets(secs(4)));
    let third = Sink::at((inside, at.port()).into(), Behaviour::Healthy);
    names.point("moves.test", &[&old.to_string()]);
    let setup = Setup::new().closed_egress().egress("allow = [\"127.0.0.1\", \"127.0.0.2\"]");
    let setup = setup.egress(&format!("resolver = \"{}\"", names.address)).stream("main", KEY);
    let (server, live) = start(setup.destination("moves", &url("moves.test", at), "copy"));
    until("the first address", secs(10), || first.frames() > 10);
    names.point("moves.test", &["127.0.0.2"]);
    until("the second address", secs(15), || second.frames() > 10);
    assert_eq!(first.count(), 1, "d8: the old answer is not used again");
    names.point("moves.test", &["127.0.0.3"]);
    complains(&server, "moves", "not allowed");
    assert!(last_error(&server, "moves").contains("127.0.0.3"), "the remedy is named");
    assert_eq!((second.count(), third.count()), (1, 0), "k2");
    assert!(names.asked("moves.test") >= 3, "d8: asked at each dial");
    assert_eq!(live.stop().error, None);
}

/// One bad address among good ones spoils the answer as a whole: none of them is dialled.
#[test]
fn k2_mixed_answers_are_refused_as_a_whole() {
    let (sinks, names) = (fleet(4), NameServer::new());
    let answers: [&[&str]; 4] = [
        &["127.0.0.1", "10.9.8.7"],
        &["192.168.1.1", "127.0.0.1"],
        &["127.0.0.1", "fd00::1"],
        &["127.0.0.1", "169.254.169.254"],
    ];
    let setup = Setup::new().closed_egress().egress("allow = [\"127.0.0.1\"]");
    let mut setup = setup.egress(&format!("resolver = \"{}\"", names.address)).stream("main", KEY);
    for (number, (sink, answer)) in sinks.iter().zip(answers).enumerate() {
        names.point(&format!("mixed-{number}.test"), answer);
        let name = format!("mixed-{number}");
        setup = setup.destination(&name, &url(&format!("{name}.test"), sink.address), "copy");
    }
    let (server, live) = start(setup);
    for (number, sink) in sinks.iter().enumerate() {
        complains(&server, &format!("mixed-{number}"), "not allowed");
        assert_eq!(sink.count(), 0, "k2: {:?}", answers[number]);
    }
    assert_eq!(live.stop().error, None);
}

/// A machine whose IPv6 leads nowhere is reached by IPv4 before long.
#[test]
fn d8_a_dead_ipv6_address_costs_little() {
    let (hole, sink) = both_families();
    let names = NameServer::new();
    names.point("both.test", &["::1", "127.0.0.1"]);
    let setup = Setup::new().closed_egress().egress("allow = [\"127.0.0.1\", \"::1\"]");
    let setup = setup.egress(&format!("resolver = \"{}\"", names.address)).stream("main", KEY);
    let setup = setup.destination("both", &url("both.test", hole.address), "copy");
    let server = setup.start();
    let from = Instant::now();
    let live = Live::start(server.rtmp(), KEY, Shape::default()).unwrap();
    until("on air by IPv4", secs(10), || sink.frames() > 0);
    let took = from.elapsed();
    println!("d8: on air after {took:?} beside a dead IPv6 address");
    // 250 ms for IPv6, and up to 2 s by which the first dials of a process are spread
    assert!(took <= 3 * secs(1) + secs(2), "d8: happy eyeballs: {took:?}");
    assert_eq!(server.destination("main", "both")["dials"], 1);
    assert_eq!(live.stop().error, None);
}

/// A black hole on ::1 and a destination on 127.0.0.1, at the same port.
fn both_families() -> (BlackHole, Sink) {
    for _ in 0..100 {
        let at = ports::free();
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, at.port()));
        if TcpListener::bind(six).is_ok() {
            return (BlackHole::at(six), Sink::at(at, Behaviour::Healthy));
        }
    }
    panic!("no port is free in both families");
}

/// Certificates that ran out, are somebody else's or of one's own making: refused with the reason, and
/// nobody comes without encryption. A good one of the same authority is taken.
#[test]
fn d9_bad_certificates_are_refused_without_downgrade() {
    let authority = Authority::new();
    let cases = [
        ("expired", Sink::tls(authority.expired("localhost")), "expired"),
        ("other-name", Sink::tls(authority.server("elsewhere.example")), "not for localhost"),
        ("self-signed", Sink::tls(self_signed("localhost")), "self-signed"),
    ];
    let good = Sink::tls(authority.server("localhost"));
    let trust = format!("ca_file = \"{}\"", authority.file().display());
    let mut setup = Setup::new().egress(&trust).stream("main", KEY);
    setup = setup.destination("good", &good.rtmps_url("localhost"), "copy");
    for (name, sink, _) in &cases {
        setup = setup.destination(name, &sink.rtmps_url("localhost"), "copy");
    }
    let (server, live) = start(setup);
    server.wait_state("main", "good", "live", secs(10));
    until("each was dialled again", secs(15), || {
        cases.iter().all(|(_, sink, _)| sink.count() >= 2)
    });
    for (name, sink, reason) in &cases {
        let said = last_error(&server, name);
        println!("d9: {name}: {said}");
        assert!(said.contains("certificate") && said.contains(reason), "d9: {name}: {said}");
        assert_eq!((sink.plain(), sink.frames()), (0, 0), "d9: {name}: no downgrade");
        let view = server.destination("main", name);
        let state = view["state"].as_str().unwrap_or("").to_owned();
        assert!(["backoff", "connecting", "securing", "rejected"].contains(&&*state), "{view}");
    }
    assert_eq!(live.stop().error, None);
    assert_eq!((good.plain(), good.count()), (0, 1));
    good.tally().assert_whole("d9: the good one");
}

/// A wrong key: `rejected`, with the platform's own words, and not dialled again soon; a right one by
/// SIGHUP is tried at once.
#[test]
fn d5_a_wrong_key_is_told_apart_and_an_edit_retries_at_once() {
    let (sink, beside) = (Sink::start(Behaviour::WantsKey("right")), Sink::healthy());
    let setup = Setup::new().stream("main", KEY).destination("beside", &beside.url(), "copy");
    let (mut server, live) = start(setup.destination("platform", &sink.url(), "wrong"));
    server.wait_state("main", "platform", "rejected", secs(10));
    let said = last_error(&server, "platform");
    println!("d5: {said}");
    assert!(said.contains("NetStream.Publish.BadName") && said.contains("not ours"), "{said}");
    pause(secs(5));
    assert_eq!(sink.count(), 1, "d5: not again soon");
    let text = server.setup.text().replace("\"wrong\"", "\"right\"");
    server.rewrite(&text);
    let edited = Instant::now();
    server.reload();
    server.wait_state("main", "platform", "live", secs(9));
    println!("d5: on air {:?} after the edit", edited.elapsed());
    let view = server.destination("main", "platform");
    assert!(view["last_error"].is_null() && view["dials"] == 2, "{view}");
    sink.tally().assert_whole("d5");
    assert_eq!(live.stop().error, None);
    assert_eq!(beside.count(), 1);
}

/// Addresses inside are refused without an entry, in whatever way they are written; the words name
/// the entry that would open them.
#[test]
fn k1_k4_inside_addresses_need_an_entry() {
    let sink = Sink::healthy();
    let port = sink.address.port();
    let setup = Setup::new().closed_egress().stream("main", KEY);
    let own = format!("rtmp://127.0.0.1:{}/live", setup.rtmp.port());
    let cases = [
        ("loopback", format!("rtmp://127.0.0.1:{port}/live"), "127.0.0.1"),
        ("by-name", format!("rtmp://localhost:{port}/live"), "127.0.0.1"),
        ("own-port", own, "127.0.0.1"),
        ("decimal", format!("rtmp://2130706433:{port}/live"), "127.0.0.1"),
        ("hexadecimal", format!("rtmp://0x7f.0.0.1:{port}/live"), "127.0.0.1"),
        ("mapped", format!("rtmp://[::ffff:127.0.0.1]:{port}/live"), "127.0.0.1"),
        ("private", "rtmp://10.1.2.3/live".to_owned(), "10.1.2.3"),
        ("metadata", "rtmp://169.254.169.254/live".to_owned(), "169.254.169.254"),
    ];
    let add =
        |setup: Setup, (name, url, _): &(&str, String, &str)| setup.destination(name, url, "copy");
    let (server, live) = start(cases.iter().fold(setup, add));
    for (name, _, address) in &cases {
        until(&format!("k1: {name} is refused"), secs(10), || {
            !last_error(&server, name).is_empty()
        });
        let said = last_error(&server, name);
        println!("k1: {name}: {said}");
        let remedy = said.contains(&format!("\"{address}")) && said.contains("egress.allow");
        assert!(said.contains("not allowed") && remedy, "k1: {name}: {said}");
        let view = server.destination("main", name);
        assert_eq!(view["state"], "rejected", "k1: a person has to see to it: {view}");
    }
    assert_eq!(sink.count(), 0, "k1");
    assert_eq!(live.stop().error, None);
}
