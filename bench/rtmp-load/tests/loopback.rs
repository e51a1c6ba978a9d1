//! The tool against itself: its publisher feeds its own sink, its floor feeds its raw subscribers.
//! Every picture must arrive, in order, and be counted; nothing is said about speed.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

const BIN: &str = env!("CARGO_BIN_EXE_rtmp-load");

/// One second at 30 pictures and 40 sounds, key picture first.
fn flv(name: &str) -> PathBuf {
    let mut b = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    let mut tag = |kind: u8, ms: u32, data: &[u8]| {
        b.push(kind);
        b.extend_from_slice(&(data.len() as u32).to_be_bytes()[1..]);
        b.extend_from_slice(&ms.to_be_bytes()[1..]);
        b.extend_from_slice(&[0; 4]);
        b.extend_from_slice(data);
        b.extend_from_slice(&(data.len() as u32 + 11).to_be_bytes());
    };
    tag(9, 0, &[0x17, 0, 0, 0, 0, 1, 100, 0, 31]);
    tag(8, 0, &[0xaf, 0, 0x11, 0x90]);
    for i in 0..30u32 {
        let mut picture = vec![if i == 0 { 0x17 } else { 0x27 }, 1, 0, 0, 0, 0, 0, 3, 232];
        picture.resize(1009, i as u8);
        tag(9, i * 33, &picture);
        tag(8, i * 33 + 5, &[0xaf, 1, 1, 2, 3]);
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, b).unwrap();
    path
}

fn bench(flv: &std::path::Path, args: &str) -> Output {
    let mut cmd = Command::new(BIN);
    cmd.args(["bench", "--warm", "1", "--settle", "0", "--time", "2", "--flv"]).arg(flv);
    cmd.args(args.split_whitespace()).output().unwrap()
}

/// The number behind `"key":` in the one line of output.
fn figure(out: &Output, key: &str) -> f64 {
    let text = String::from_utf8_lossy(&out.stdout);
    let at = text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("no {key} in {text}"));
    let rest = &text[at + key.len() + 3..];
    let end = rest.find([',', '}']).unwrap();
    rest[..end].parse().unwrap()
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_is_published_arrives_at_the_sink() {
    let src = flv("published.flv");
    let out = bench(&src, "--rtmp 127.0.61.1:19507 --sink 127.0.61.1:19507 --sinks 2");
    assert_eq!(figure(&out, "pubs"), 1.0);
    assert_eq!(figure(&out, "sinks"), 1.0);
    assert_eq!(figure(&out, "sink_lost"), 0.0);
    assert!(figure(&out, "sink_frames") > 0.0);
    assert!(figure(&out, "gb") > 0.0);
}

/// A floor that listens, or a panic.
fn floor(flv: &std::path::Path, at: &str, args: &str) -> Ended {
    let mut cmd = Command::new(BIN);
    cmd.args(["floor", "--rtmp", at, "--time", "20", "--flv"]).arg(flv);
    cmd.args(args.split_whitespace());
    let floor = Ended(cmd.stdout(Stdio::null()).spawn().unwrap());
    wait_for(at);
    floor
}

fn wait_for(at: &str) {
    let up = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::net::TcpStream::connect(at).is_ok()
    });
    assert!(up, "nobody listens at {at}");
}

fn certificate() -> String {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cert");
    std::fs::create_dir_all(&dir).unwrap();
    let made = Command::new(BIN).arg("cert").arg("--dir").arg(&dir).status().unwrap();
    assert!(made.success());
    dir.to_str().unwrap().to_string()
}

#[test]
fn the_floor_reaches_every_subscriber() {
    let src = flv("floor.flv");
    let at = "127.0.61.2:19508";
    for mode in ["--mode send", "--mode sendfile", "--merge-ms 100"] {
        let floor = floor(&src, at, mode);
        let out = bench(&src, &format!("--rtmp {at} --raw-subs 12 --probes 4"));
        assert_eq!(figure(&out, "live_end"), 12.0, "{mode}");
        assert_eq!(figure(&out, "failed"), 0.0, "{mode}");
        assert_eq!(figure(&out, "lost"), 0.0, "{mode}");
        assert!(figure(&out, "frames") > 0.0, "{mode}");
        drop(floor);
    }
}

#[test]
fn the_relay_gives_every_subscriber_a_publisher() {
    let src = flv("relay.flv");
    let (at, from) = ("127.0.61.5:19512", "127.0.61.5:19513");
    let mut cmd = Command::new(BIN);
    cmd.args(["relay", "--rtmp", at, "--publishers", from, "--time", "20"]);
    let relay = Ended(cmd.stdout(Stdio::null()).spawn().unwrap());
    wait_for(from);
    // who only asked whether it is up was the first publisher: its subscriber is let go
    let args = format!("--rtmp {at} --relay {from} --pubs 6 --raw-subs 7 --raw-says 1 --probes 7");
    let out = bench(&src, &args);
    assert_eq!((figure(&out, "live_end"), figure(&out, "failed")), (6.0, 1.0));
    assert_eq!((figure(&out, "lost"), figure(&out, "repeated")), (0.0, 0.0));
    assert!(figure(&out, "frames") > 6.0 * 30.0);
    drop(relay);
}

/// The oldest picture of each write has waited for those that left with it.
#[test]
fn merged_pictures_arrive_together_and_complete() {
    let src = flv("merged.flv");
    let at = "127.0.61.3:19509";
    let floor = floor(&src, at, "--merge-ms 300");
    let out = bench(&src, &format!("--rtmp {at} --raw-subs 3 --probes 3"));
    assert_eq!(figure(&out, "lost"), 0.0);
    let text = String::from_utf8_lossy(&out.stdout);
    let at = text.find("\"latency_ms\":").unwrap();
    let max = text[at..].find("\"max\":").unwrap() + at + 6;
    let end = text[max..].find('}').unwrap() + max;
    assert!(text[max..end].parse::<f64>().unwrap() > 200.0, "{text}");
    drop(floor);
}

#[test]
fn tls_carries_the_floor_and_the_pushes() {
    let (src, dir) = (flv("tls.flv"), certificate());
    let at = "127.0.1.1:19510";
    let floor = floor(&src, at, &format!("--mode tls --tls {dir}"));
    let out = bench(&src, &format!("--rtmp {at} --raw-subs 5 --probes 5 --tls {dir}"));
    assert_eq!(figure(&out, "live_end"), 5.0);
    assert_eq!(figure(&out, "lost"), 0.0);
    assert!(figure(&out, "frames") > 0.0);
    drop(floor);
    // plain bytes never become a picture at an end that expects TLS
    let out = bench(&src, &format!("--rtmp {at} --sink {at} --sinks 1 --tls {dir}"));
    assert_eq!(figure(&out, "sinks"), 0.0);
}

#[test]
fn those_who_stall_take_no_more() {
    let src = flv("stall.flv");
    let at = "127.0.61.4:19511";
    let floor = floor(&src, at, "--batch 1");
    let out = bench(&src, &format!("--rtmp {at} --raw-subs 6 --probes 2 --stall 1"));
    assert_eq!(figure(&out, "live_end"), 6.0);
    let all = figure(&out, "frames") * 1009.0;
    let taken = figure(&out, "gb") * 1e9;
    assert!(taken < all * 1.5, "{taken} bytes for {all} of pictures");
    drop(floor);
}

#[test]
fn only_the_loopback_network_is_loaded() {
    let out = bench(&flv("outside.flv"), "--rtmp 192.0.2.1:1935 --subs 1");
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("loopback"));
}
