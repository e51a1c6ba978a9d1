//! Strangers with bad intentions (bars A, B14): the control stream next to them notices nothing.

use manycast_tests::control::assert_unharmed;
use manycast_tests::raw::{Raw, c0_c1, connect_body, head, kind, message};
use manycast_tests::{Control, Manycast, Setup, corpus, many_files, millis, pause, programs, secs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const WORKERS: usize = 4;

/// A server with the control stream and a stream for each worker of an attack.
fn attacked(setup: Setup) -> (Manycast, Control) {
    many_files();
    let keys = 0..WORKERS;
    let setup = keys.fold(setup, |setup, n| {
        setup.stream_with(&format!("attack-{n}"), &key(n), "takeover = \"always\"\n")
    });
    Control::start(setup)
}

fn key(worker: usize) -> String {
    format!("sk_attack_{worker}_0123456789")
}

/// Runs all cases, over and over until `at_least` has passed; how many were run and were cut.
fn run(server: &Manycast, cases: &[corpus::Case], at_least: Duration) -> (usize, usize) {
    let (next, cut, from) = (AtomicUsize::new(0), AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (next, cut) = (&next, &cut);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= cases.len() && from.elapsed() >= at_least {
                        return;
                    }
                    let case = &cases[at % cases.len()];
                    let was_cut = corpus::attack(server.rtmp(), case, &key(worker));
                    cut.fetch_add(usize::from(was_cut), Ordering::Relaxed);
                }
            });
        }
    });
    (next.into_inner() - WORKERS, cut.into_inner())
}

#[test]
fn a1_malformed_rtmp_never_harms_others() {
    let (mut server, control) = attacked(Setup::new());
    let cases = corpus::all();
    assert!(cases.len() >= 708, "{} cases", cases.len());
    // what the allocator keeps for so many connections at a time is no leak
    run(&server, &cases[..cases.len() / 2], Duration::ZERO);
    pause(millis(300));
    let before = server.proc().rss_kb();
    let (ran, cut) = run(&server, &cases, Duration::ZERO);
    assert!(ran >= cases.len(), "{ran} of {}", cases.len());
    let mut after = server.proc().rss_kb();
    for _ in 0..50 {
        if after <= before + 4096 {
            break;
        }
        pause(millis(100));
        after = server.proc().rss_kb();
    }
    println!("a1: {ran} cases, {cut} cut; memory {before} kB before, {after} kB after");
    assert!(after <= before + 4096, "memory: {before} kB before, {after} kB after");
    assert_unharmed("a1", &mut server, control);
}

#[test]
fn a2_nested_amf_is_refused() {
    let (mut server, control) = attacked(Setup::new());
    let nested = |levels: usize| {
        [b"\x02\0\x01x\0\0\0\0\0\0\0\0\0", &b"\x03\0\x01a".repeat(levels)[..]].concat()
    };
    for levels in [20, 16_000, 50_000] {
        let mut raw = Raw::open(server.rtmp());
        raw.greet();
        raw.send(&message(3, kind::COMMAND, 0, &nested(levels), 128));
        assert!(raw.is_cut(secs(3)), "{levels} levels before connect");
        let mut raw = Raw::open(server.rtmp());
        raw.connect();
        raw.send(&message(3, kind::COMMAND, 0, &nested(levels), 128));
        assert!(raw.is_cut(secs(3)), "{levels} levels after connect");
    }
    let mut raw = Raw::open(server.rtmp());
    raw.publish(&key(0)).unwrap();
    let cpu = server.proc().cpu();
    for _ in 0..20 {
        raw.send(&message(5, kind::DATA, 1, &nested(50_000), 128));
    }
    pause(millis(500));
    let spent = server.proc().cpu() - cpu;
    assert!(spent < secs(1), "20 data messages of 50,000 levels cost {spent:?}");
    assert_unharmed("a2", &mut server, control);
}

#[test]
fn a3_a_claim_costs_nothing() {
    let (mut server, control) = attacked(Setup::new().open());
    let announce = |raw: &mut Raw, stream: u32, length: usize, sent: usize| {
        raw.send(&[head(6, kind::VIDEO, stream, 0, length), vec![0x17; sent]].concat())
    };
    let mut big = Raw::open(server.rtmp());
    big.greet();
    announce(&mut big, 0, 0x00ff_ffff, 100);
    assert!(big.is_cut(secs(3)), "16 MB before connect are above the limit");
    let before = server.proc().rss_kb();
    let mut open = Vec::new();
    for number in 0..100 {
        let mut raw = Raw::open(server.rtmp());
        if number % 2 == 0 {
            raw.greet();
            announce(&mut raw, 0, 65_000, 100);
        } else {
            raw.publish(&format!("claim-{number}")).unwrap();
            announce(&mut raw, 1, 10_000_000, 100);
        }
        open.push(raw);
    }
    pause(millis(300));
    let grown = server.proc().rss_kb().saturating_sub(before);
    println!("a3: 100 claims of 500 MB in all: {grown} kB");
    assert!(grown <= 100 * 64, "100 connections with claims cost {grown} kB");
    drop(open);
    let mut above = Raw::open(server.rtmp());
    above.publish("claim-above").unwrap();
    announce(&mut above, 1, 16_000_000, 100);
    assert!(above.is_cut(secs(3)), "16 MB after publish are above the limit");
    assert_unharmed("a3", &mut server, control);
}

#[test]
fn a4_chunk_sizes_out_of_bounds_are_refused_and_1_is_cheap() {
    let (mut server, control) = attacked(Setup::new().open());
    for size in [0, 0x8000_0000, 0xffff_ffff_u32] {
        let mut raw = Raw::open(server.rtmp());
        raw.connect();
        raw.send(&message(2, kind::CHUNK_SIZE, 0, &size.to_be_bytes(), 128));
        raw.send(&message(3, kind::COMMAND, 0, &connect_body(), 128));
        assert!(raw.is_cut(secs(3)), "chunk size {size}");
    }
    let (connections, spell) = (10, secs(4));
    let idle = cpu_over(&server, secs(2));
    let cpu = std::thread::scope(|scope| {
        for number in 0..connections {
            let address = server.rtmp();
            scope.spawn(move || {
                let mut raw = Raw::open(address);
                raw.publish(&format!("chunky-{number}")).unwrap();
                raw.send(&message(2, kind::CHUNK_SIZE, 0, &1_u32.to_be_bytes(), 128));
                let picture = message(6, kind::VIDEO, 1, &[0x27; 3000], 1);
                let (from, mut sent) = (Instant::now(), 0);
                // 5 Mb/s on the wire
                while from.elapsed() < spell + millis(500) {
                    let due = from.elapsed().as_millis() * 625;
                    if sent < due && !raw.send(&picture) {
                        return;
                    }
                    sent += if sent < due { picture.len() as u128 } else { 0 };
                    pause(millis(if sent < due { 0 } else { 5 }));
                }
            });
        }
        pause(millis(500));
        cpu_over(&server, spell)
    });
    let each = (cpu - idle) / f64::from(connections);
    println!("a4: chunk size 1 at 5 Mb/s costs {:.1} % of a core per connection", each * 100.0);
    assert!(each <= 0.15, "{each}");
    assert_unharmed("a4", &mut server, control);
}

/// The share of one core that the server uses.
fn cpu_over(server: &Manycast, time: Duration) -> f64 {
    let (before, from) = (server.proc().cpu(), Instant::now());
    pause(time);
    (server.proc().cpu() - before).as_secs_f64() / from.elapsed().as_secs_f64()
}

#[test]
fn a5_a_message_that_changes_in_the_middle_harms_only_itself() {
    let (mut server, control) = attacked(Setup::new());
    let fmt1 = |length: usize, kind: u8| {
        let whole = head(6, kind, 1, 20, length);
        [&[0x46][..], &whole[1..8]].concat()
    };
    let forms = [
        ("a smaller size", head(6, kind::VIDEO, 1, 0, 64)),
        ("a larger size", head(6, kind::VIDEO, 1, 0, 100_000)),
        ("another type", head(6, kind::AUDIO, 1, 0, 1000)),
        ("another stream", head(6, kind::VIDEO, 9, 0, 1000)),
        ("a smaller size, short header", fmt1(64, kind::VIDEO)),
        ("a larger size, short header", fmt1(100_000, kind::VIDEO)),
        ("another type, short header", fmt1(1000, kind::AUDIO)),
        ("another time", [&[0x86][..], &[0, 0, 40]].concat()),
    ];
    for (number, (what, second)) in forms.iter().enumerate() {
        let mut raw = Raw::open(server.rtmp());
        raw.publish(&key(number % WORKERS)).unwrap();
        raw.send(&[head(6, kind::VIDEO, 1, 0, 1000), vec![0x27; 128]].concat());
        raw.send(&[&second[..], &[0x27; 128]].concat());
        println!("a5: {what}: {}", if raw.is_cut(millis(300)) { "cut" } else { "taken" });
    }
    assert_unharmed("a5", &mut server, control);
}

#[test]
fn a6_the_65th_chunk_stream_is_one_too_many() {
    let (mut server, control) = attacked(Setup::new());
    let open = |id: usize| {
        let mut bytes = head(0, kind::COMMAND, 0, 0, 1000);
        bytes.splice(0..1, [0, u8::try_from(id).unwrap()]);
        [bytes, vec![0; 10]].concat()
    };
    let mut raw = Raw::open(server.rtmp());
    raw.greet();
    for id in 0..64 {
        raw.send(&open(id));
    }
    assert!(!raw.is_cut(millis(500)), "64 chunk streams are fine");
    raw.send(&open(64));
    assert!(raw.is_cut(secs(3)), "the 65th is not");
    assert_unharmed("a6", &mut server, control);
}

#[test]
fn a9_the_tls_port_takes_garbage_and_half_handshakes() {
    let (mut server, control) = attacked(Setup::new().rtmps());
    let at = server.setup.rtmps.unwrap();
    let hello = programs::client_hello();
    let mut open = Vec::new();
    for case in corpus::raw_inputs() {
        let mut raw = Raw::open(at);
        raw.send(&case.bytes);
        open.push(raw);
    }
    for number in 0..500 {
        let mut raw = Raw::open(at);
        let cut = if number % 2 == 0 { hello.len() } else { number % hello.len() };
        raw.send(&hello[..cut]);
        open.push(raw);
    }
    let (from, all) = (Instant::now(), open.len());
    while !open.is_empty() && from.elapsed() < secs(30) {
        open.retain_mut(|raw| !raw.is_cut_now());
        pause(millis(100));
    }
    println!("a9: {all} connections cut within {:?}", from.elapsed());
    assert!(open.is_empty(), "{} of {all} are still open", open.len());
    let connect = at.to_string();
    for (version, taken) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let args = ["s_client", "-connect", &connect, version, "-cipher", "DEFAULT@SECLEVEL=0"];
        let mut client = programs::start("openssl", &args);
        let status = client.wait(secs(10));
        assert_eq!(status.success(), taken, "{version}: {}", client.tail());
    }
    assert_unharmed("a9", &mut server, control);
}

#[test]
fn b14_an_attack_floods_neither_log_nor_metrics() {
    let (mut server, control) = attacked(Setup::new().open());
    let time = secs(if manycast_tests::full() { 90 } else { 8 });
    let (log, series) = (server.log_bytes(), server.metrics().len());
    let from = Instant::now();
    let (ran, _) = run(&server, &corpus::all(), time);
    for number in 0..50 {
        let mut raw = Raw::open(server.rtmp());
        raw.publish(&format!("flood-{number}")).unwrap();
    }
    let log = server.log_bytes() - log;
    let most = (from.elapsed().as_secs_f64() / 60.0).max(1.0) * f64::from(1 << 20);
    println!("b14: {ran} attacks, {log} bytes of log in {:?}", from.elapsed());
    assert!((log as f64) <= most, "{log} bytes of log in {:?}", from.elapsed());
    let after = server.metrics();
    assert!(after.len() <= series + 8, "{series} series before, {} after", after.len());
    assert!(!after.keys().any(|name| name.contains("flood-")), "a stranger's word is a label");
    assert_unharmed("b14", &mut server, control);
}

/// An idle server that was only greeted lets everybody go in time (half-open connections).
#[test]
fn b4_half_open_handshakes_end() {
    let (mut server, control) = attacked(Setup::new());
    let before = server.proc().rss_kb();
    let started = Instant::now();
    let mut open: Vec<_> = (0..500)
        .map(|number| {
            let mut raw = Raw::open(server.rtmp());
            raw.send(&c0_c1()[..[0, 1, 700, 1537][number % 4]]);
            raw
        })
        .collect();
    pause(millis(300));
    let each = server.proc().rss_kb().saturating_sub(before) / 500;
    println!("b4: {each} kB per half-open connection");
    assert!(each <= 8, "{each} kB each");
    while !open.is_empty() && started.elapsed() < secs(36) {
        open.retain_mut(|raw| !raw.is_cut_now());
        pause(millis(100));
    }
    println!("b4: all cut within {:?}", started.elapsed());
    assert!(open.is_empty(), "{} of 500 are still open after {:?}", open.len(), started.elapsed());
    assert_unharmed("b4", &mut server, control);
}
