//! Dials through a scripted DNS server to listeners on loopback. 127.0.0.2 plays the outside,
//! 127.0.0.1 the inside.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::config::ResolverConfig;
use hickory_resolver::proto::rr::Name;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use super::stub::{NXDOMAIN, Question, Reply, SERVFAIL, Stub};
use crate::{
    Connected, DialError, Dialer, DnsFailure, Gate, Host, Range, Refusal, Resolver, Stage, Tuning,
};

/// Longer than any test takes; one that waits for it fails.
const LONG: Duration = Duration::from_secs(20);

fn dialer(server: SocketAddr, allow: &[&str]) -> Dialer {
    with_resolver(Resolver::for_test(server, "", LONG), allow)
}

fn with_resolver(resolver: Resolver, allow: &[&str]) -> Dialer {
    let allow = allow.iter().map(|text| text.parse().unwrap()).collect();
    Dialer::new(resolver, Gate::new(allow, Vec::new()), Tuning::default())
}

fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

fn domain(name: &str) -> Host {
    Host::Domain(name.to_owned())
}

fn list(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Dials in bounded time.
async fn dial(dialer: &Dialer, host: &Host, port: u16) -> Result<Connected, DialError> {
    let dialled = dialer.connect(host, port, Instant::now() + LONG, |_| {});
    timeout(LONG / 2, dialled).await.expect("a dial that ends")
}

async fn listener(address: &str) -> (TcpListener, u16) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn literal_addresses_skip_dns_and_names_are_looked_up() {
    let stub = Stub::fixed(&["127.0.0.1"]).await;
    let (_listener, port) = listener("127.0.0.1").await;
    let dialer = dialer(stub.address, &["127.0.0.1"]);
    for (host, expected, questions) in [
        (Host::Ip("127.0.0.1".parse().unwrap()), &[Stage::Connecting][..], 0),
        (domain("live.example"), &[Stage::Resolving, Stage::Connecting], 2),
    ] {
        let stages = Mutex::new(Vec::new());
        let on_stage = |stage| stages.lock().unwrap().push(stage);
        let connected = dialer.connect(&host, port, Instant::now() + LONG, on_stage).await.unwrap();
        assert_eq!(connected.addr, SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(connected.tcp.peer_addr().unwrap(), connected.addr);
        assert!(connected.tcp.nodelay().unwrap());
        assert_eq!(*stages.lock().unwrap(), expected);
        assert_eq!(connected.resolved_in == Duration::ZERO, questions == 0);
        assert_eq!(stub.asked.load(Ordering::SeqCst), questions);
    }
}

/// What a Delivery relies on is in force on the socket itself.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn d6_tuned_sockets_read_back_as_tuned() {
    let (_listener, port) = listener("127.0.0.1").await;
    let home = Host::Ip("127.0.0.1".parse().unwrap());
    let allow = || Gate::new(vec!["127.0.0.1".parse().unwrap()], Vec::new());
    let tuned = Dialer::new(Resolver::system(), allow(), Tuning::default());
    let connected = dial(&tuned, &home, port).await.unwrap();
    let socket = socket2::SockRef::from(&connected.tcp);
    assert!(socket.tcp_nodelay().unwrap());
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(60)));
    assert_eq!(socket.tcp_notsent_lowat().unwrap(), 128 * 1024);
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(10));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(3));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);

    let bare = Tuning { keepalive: None, user_timeout: None, notsent_lowat: None };
    let connected =
        dial(&Dialer::new(Resolver::system(), allow(), bare), &home, port).await.unwrap();
    let socket = socket2::SockRef::from(&connected.tcp);
    assert!(socket.tcp_nodelay().unwrap() && !socket.keepalive().unwrap());
    assert_eq!(socket.tcp_user_timeout().unwrap(), None);
}

/// D8: each kind of failure has its own name.
#[tokio::test]
async fn d8_dns_failures_are_told_apart() {
    let short = Duration::from_millis(300);
    for (what, reply, expected) in [
        ("NXDOMAIN", NXDOMAIN, DnsFailure::NxDomain),
        ("SERVFAIL", SERVFAIL, DnsFailure::ServFail),
        ("REFUSED", Reply::Code(5), DnsFailure::ServFail),
        ("nothing", Reply::Records(Vec::new(), 60), DnsFailure::NoRecords),
        ("silence", Reply::Silence, DnsFailure::Timeout),
    ] {
        let stub = Stub::new(move |_| reply.clone()).await;
        let patience = if what == "silence" { short } else { LONG };
        let resolver = Resolver::for_test(stub.address, "", patience);
        let dialer = with_resolver(resolver, &["127.0.0.1"]);
        match dial(&dialer, &domain("live.example"), 1).await.unwrap_err() {
            DialError::Dns { host, failure } => {
                assert_eq!((host.as_str(), failure), ("live.example", expected), "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    let garbage = Stub::new(|_| Reply::Garbage).await;
    let failure = Resolver::for_test(garbage.address, "", short).resolve("live.example").await;
    assert!(matches!(failure, Err(DnsFailure::ServFail | DnsFailure::Timeout)), "{failure:?}");
    let gone = Stub::fixed(&[]).await.address;
    tokio::task::yield_now().await;
    let resolver = Resolver::for_test(gone, "", short);
    let failure = resolver.resolve("live.example").await.unwrap_err();
    assert!(matches!(failure, DnsFailure::NoResolver | DnsFailure::Timeout), "{failure:?}");
    let long = "x".repeat(64);
    assert_eq!(resolver.resolve(&long).await, Err(DnsFailure::BadName));
}

/// D8: an answer with a lifetime of an hour is still asked for again at the next dial.
#[tokio::test]
async fn d8_every_dial_asks_anew() {
    let stub = Stub::new(|question: &Question| {
        let last = u8::try_from(question.earlier).unwrap() + 2;
        Reply::Records(vec![IpAddr::from([127, 0, 0, last])], 3_600)
    })
    .await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialer = dialer(stub.address, &["127.0.0.0/8"]);
    for dialled in 0..3 {
        let connected = dial(&dialer, &domain("live.example"), port).await.unwrap();
        assert_eq!(connected.addr.ip(), IpAddr::from([127, 0, 0, dialled + 2]));
    }
}

/// K2: a name that is public at one question and inner at the next reaches the inside in none of
/// 200 dials, and the socket is always connected to the address that was judged.
#[tokio::test]
async fn k2_rebinding_reaches_inside_in_none_of_200_dials() {
    let stub = Stub::new(|question: &Question| {
        let inner = question.earlier % 2 == 1;
        Reply::Records(list(&[if inner { "127.0.0.1" } else { "127.0.0.2" }]), 0)
    })
    .await;
    let (inside, port) = listener("127.0.0.1").await;
    let reached = Arc::new(AtomicUsize::new(0));
    let counter = reached.clone();
    let watch = tokio::spawn(async move {
        while inside.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let outside = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let dialer = dialer(stub.address, &["127.0.0.2"]);
    let (mut connected, mut refused) = (0, 0);
    for _ in 0..200 {
        match dial(&dialer, &domain("rebind.example"), port).await {
            Ok(made) => {
                assert_eq!(made.tcp.peer_addr().unwrap().ip(), IpAddr::from([127, 0, 0, 2]));
                drop(outside.accept().await.unwrap());
                connected += 1;
            }
            Err(DialError::Gate { address, .. }) => {
                assert_eq!(address.ip(), IpAddr::from([127, 0, 0, 1]));
                refused += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((connected, refused, reached.load(Ordering::SeqCst)), (100, 100, 0));
    watch.abort();
}

/// K2: mixed answers, within one family and across both.
#[tokio::test]
async fn k2_a_mixed_answer_is_refused_before_any_connect() {
    let (outside, port) = listener("127.0.0.2").await;
    for answer in [
        &["127.0.0.2", "127.0.0.1"][..],
        &["127.0.0.1", "127.0.0.2"],
        &["127.0.0.2", "::1"],
        &["127.0.0.2", "::ffff:169.254.169.254"],
        &["127.0.0.2", "64:ff9b::7f00:1"],
    ] {
        let stub = Stub::fixed(answer).await;
        let dialer = dialer(stub.address, &["127.0.0.2"]);
        let error = dial(&dialer, &domain("mixed.example"), port).await.unwrap_err();
        assert!(matches!(error, DialError::Gate { .. }), "{answer:?}: {error:?}");
        assert!(error.is_permanent());
    }
    assert!(timeout(Duration::from_millis(50), outside.accept()).await.is_err());
}

/// K1: literal addresses go through the same gate, and so do names of the hosts file and
/// localhost itself.
#[tokio::test]
async fn k1_nothing_goes_around_the_gate() {
    let (inside, port) = listener("127.0.0.1").await;
    let stub = Stub::new(|_| NXDOMAIN).await;
    let hosts = "127.0.0.1 from-hosts.example\n";
    let dialer = with_resolver(Resolver::for_test(stub.address, hosts, LONG), &[]);
    for host in [
        Host::Ip("127.0.0.1".parse().unwrap()),
        Host::Ip("::ffff:127.0.0.1".parse().unwrap()),
        Host::Ip("::1".parse().unwrap()),
        domain("from-hosts.example"),
        domain("localhost"),
        domain("a.localhost"),
    ] {
        let error = dial(&dialer, &host, port).await.unwrap_err();
        let DialError::Gate { refusal, remedy, .. } = error else { panic!("{host}: {error:?}") };
        assert_eq!(refusal, Refusal::Inside(Range::Loopback), "{host}");
        assert!(remedy.is_some());
    }
    assert!(timeout(Duration::from_millis(50), inside.accept()).await.is_err());

    let host = Host::Ip("127.0.0.1".parse().unwrap());
    assert_eq!(
        dialer.check(&host, port).unwrap_err().reason(),
        "127.0.0.1 leads to 127.0.0.1, this machine itself; sending there is not allowed, unless \
         \"127.0.0.1\" is listed in egress.allow"
    );
    assert!(dialer.check(&domain("from-hosts.example"), port).is_ok());
    dialer.set_gate(Gate::new(vec!["127.0.0.1".parse().unwrap()], Vec::new()));
    assert!(dialer.check(&host, port).is_ok());
    assert!(dial(&dialer, &domain("from-hosts.example"), port).await.is_ok());
    let own = vec![SocketAddr::from(([0, 0, 0, 0], port))];
    dialer.set_gate(Gate::new(vec!["127.0.0.1".parse().unwrap()], own));
    let error = dial(&dialer, &host, port).await.unwrap_err();
    assert!(matches!(error, DialError::Gate { refusal: Refusal::OwnPort, .. }), "{error:?}");
}

#[tokio::test]
async fn the_hosts_file_comes_before_dns_and_answers_for_both_families() {
    let stub = Stub::fixed(&["127.0.0.9", "::9"]).await;
    let hosts = "127.0.0.2 one.example two.example # a comment\n::2 two.example\n";
    let resolver = Resolver::for_test(stub.address, hosts, LONG);
    assert_eq!(resolver.resolve("one.example").await, Ok(list(&["127.0.0.2"])));
    assert_eq!(resolver.resolve("TWO.example.").await, Ok(list(&["::2", "127.0.0.2"])));
    assert_eq!(stub.asked.load(Ordering::SeqCst), 0);
    assert_eq!(resolver.resolve("three.example").await, Ok(list(&["::9", "127.0.0.9"])));
}

/// D8: dead, silent and slow IPv6 all fall to IPv4.
#[tokio::test]
async fn d8_dead_ipv6_falls_to_ipv4() {
    let (_alive, port) = listener("127.0.0.1").await;
    let v4 = || list(&["127.0.0.1"]);
    let scripts: [fn(bool, Vec<IpAddr>) -> Reply; 5] = [
        // An address where nothing listens.
        |v6, v4| if v6 { Reply::Records(list(&["::1"]), 60) } else { Reply::Records(v4, 60) },
        // Questions for IPv6 get no answer.
        |v6, v4| if v6 { Reply::Silence } else { Reply::Records(v4, 60) },
        // Or an error, as from some home routers.
        |v6, v4| if v6 { SERVFAIL } else { Reply::Records(v4, 60) },
        |v6, v4| if v6 { NXDOMAIN } else { Reply::Records(v4, 60) },
        // The way out is known late.
        |v6, v4| match v6 {
            true => Reply::Records(list(&["::1"]), 60),
            false => Reply::Late(Duration::from_millis(150), v4),
        },
    ];
    for (number, script) in scripts.into_iter().enumerate() {
        let stub = Stub::new(move |question| script(question.v6, v4())).await;
        let dialer = dialer(stub.address, &["127.0.0.1", "::1"]);
        let connected = dial(&dialer, &domain("live.example"), port).await;
        let connected = connected.unwrap_or_else(|error| panic!("script {number}: {error:?}"));
        assert_eq!(connected.addr.ip(), v4()[0], "script {number}");
    }
}

/// A name with IPv6 addresses only works as long as the DNS server answers something for IPv4.
#[tokio::test]
async fn ipv6_alone_is_enough() {
    let stub = Stub::new(|question| match question.v6 {
        true => Reply::Records(list(&["::1"]), 60),
        false => SERVFAIL,
    })
    .await;
    let resolver = Resolver::for_test(stub.address, "", LONG);
    assert_eq!(resolver.resolve("live.example").await, Ok(list(&["::1"])));
}

/// D8: an address that swallows everything. A listener whose queue is full drops SYNs on Linux.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn d8_a_black_hole_is_passed_by_or_ends_with_the_deadline() {
    let hole = tokio::net::TcpSocket::new_v4().unwrap();
    hole.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let hole = hole.listen(1).unwrap();
    let address = hole.local_addr().unwrap();
    let mut stuffing = Vec::new();
    while let Ok(made) =
        timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(address)).await
    {
        stuffing.push(made.unwrap());
        assert!(stuffing.len() < 20, "this kernel queues without end");
    }
    let _alive = TcpListener::bind(("127.0.0.1", address.port())).await.unwrap();

    let stub = Stub::fixed(&["127.0.0.2", "127.0.0.1"]).await;
    let dialer = dialer(stub.address, &["127.0.0.0/8"]);
    let connected = dial(&dialer, &domain("live.example"), address.port()).await.unwrap();
    assert_eq!(connected.addr.ip(), IpAddr::from([127, 0, 0, 1]));
    assert!(connected.connected_in >= Duration::from_millis(250), "{connected:?}");

    let soon = Instant::now() + Duration::from_millis(300);
    let error =
        dialer.connect(&Host::Ip(address.ip()), address.port(), soon, |_| {}).await.unwrap_err();
    assert!(matches!(error, DialError::Timeout { address: a, .. } if a == address), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_and_a_passed_deadline_have_their_words() {
    let (listener, port) = listener("127.0.0.1").await;
    drop(listener);
    let stub = Stub::fixed(&["127.0.0.1"]).await;
    let dialer = dialer(stub.address, &["127.0.0.1"]);
    let error = dial(&dialer, &domain("live.example"), port).await.unwrap_err();
    assert_eq!(
        error.reason(),
        format!("live.example refused the connection: nothing listens on port {port}")
    );
    assert!(!error.is_permanent());
    let silent = Stub::new(|_| Reply::Silence).await;
    let dialer = self::dialer(silent.address, &["127.0.0.1"]);
    let now = Instant::now();
    let error = dialer.connect(&domain("live.example"), port, now, |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), "dns_timeout");
}

/// D8: a silent DNS server blocks no thread: on the only one, 50 dials wait while others work.
#[tokio::test]
async fn d8_waiting_for_dns_blocks_no_thread() {
    let stub = Stub::new(|_| Reply::Silence).await;
    let resolver = Resolver::for_test(stub.address, "", Duration::from_millis(400));
    let dialer = Arc::new(with_resolver(resolver, &[]));
    let mut dials = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let dialer = dialer.clone();
        dials.spawn(async move { dial(&dialer, &domain("live.example"), 1).await.map(drop) });
    }
    let mut ticks = 0;
    let mut failed = 0;
    while failed < 50 {
        tokio::select! {
            done = dials.join_next() => {
                let error = done.unwrap().unwrap().unwrap_err();
                assert_eq!(error.kind(), "dns_timeout");
                failed += 1;
            }
            () = tokio::time::sleep(Duration::from_millis(5)), if failed == 0 => ticks += 1,
        }
    }
    assert!(ticks >= 10, "{ticks} ticks while 50 dials waited");
}

#[test]
fn failures_of_the_system_have_their_kinds() {
    use io::ErrorKind as K;
    let v4: SocketAddr = nowhere();
    let v6: SocketAddr = "[::1]:9".parse().unwrap();
    for (address, error, kind) in [
        (v4, io::Error::from(K::ConnectionRefused), "connect_refused"),
        (v4, io::Error::from(K::TimedOut), "connect_timeout"),
        (v4, io::Error::from(K::ConnectionReset), "connect_reset"),
        (v4, io::Error::from(K::HostUnreachable), "connect_unreachable"),
        (v4, io::Error::from(K::NetworkUnreachable), "connect_unreachable"),
        (v4, io::Error::from(K::PermissionDenied), "connect_unreachable"),
        (v6, io::Error::from(K::AddrNotAvailable), "connect_unreachable"),
        (v4, io::Error::from(K::AddrNotAvailable), "connect_exhausted"),
        (v4, io::Error::from_raw_os_error(24), "connect_exhausted"),
        (v4, io::Error::other("odd"), "connect_failed"),
    ] {
        let told = DialError::from_io("live.example", address, error);
        assert_eq!(told.kind(), kind);
        assert!(!told.is_permanent() && !told.reason().is_empty());
    }
}

/// Names without a dot are looked for in the search domains first; others never are.
#[test]
fn search_domains_are_for_short_names() {
    let suffix = |text: &str| Name::from_ascii(text).unwrap();
    let config = ResolverConfig::from_parts(
        Some(suffix("office.example.")),
        vec![suffix("lab.example."), suffix("office.example.")],
        Vec::new(),
    );
    let names = crate::resolve::candidates(&suffix("mediabox."), &config);
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["mediabox.lab.example.", "mediabox.office.example.", "mediabox."]);
}

#[tokio::test]
async fn a_long_name_is_asked_for_once_as_it_stands() {
    let stub = Stub::new(|question: &Question| {
        assert_eq!(question.name, "gone.live.example");
        NXDOMAIN
    })
    .await;
    let resolver = Resolver::for_test(stub.address, "", LONG);
    assert_eq!(resolver.resolve("gone.live.example").await, Err(DnsFailure::NxDomain));
    assert_eq!(stub.asked.load(Ordering::SeqCst), 2);
}
