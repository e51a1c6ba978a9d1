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

#[test]
fn the_floor_reaches_every_subscriber() {
    let src = flv("floor.flv");
    for mode in ["send", "sendfile"] {
        let mut floor = Command::new(BIN);
        floor.args([
            "floor",
            "--rtmp",
            "127.0.61.2:19508",
            "--time",
            "20",
            "--mode",
            mode,
            "--flv",
        ]);
        let floor = Ended(floor.arg(&src).stdout(Stdio::null()).spawn().unwrap());
        let up = (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            std::net::TcpStream::connect("127.0.61.2:19508").is_ok()
        });
        assert!(up, "the floor does not listen");
        let out = bench(&src, "--rtmp 127.0.61.2:19508 --raw-subs 12 --probes 4");
        assert_eq!(figure(&out, "live_end"), 12.0, "{mode}");
        assert_eq!(figure(&out, "failed"), 0.0, "{mode}");
        assert_eq!(figure(&out, "lost"), 0.0, "{mode}");
        assert!(figure(&out, "frames") > 0.0, "{mode}");
        drop(floor);
    }
}

#[test]
fn only_the_loopback_network_is_loaded() {
    let out = bench(&flv("outside.flv"), "--rtmp 192.0.2.1:1935 --subs 1");
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("loopback"));
}
