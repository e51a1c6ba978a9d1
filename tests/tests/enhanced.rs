//! Enhanced RTMP with a real program on both sides: what an encoder sends is what a player and a
//! destination get, every access unit byte by byte and at its time, before and after the encoder was
//! killed and came back. ffmpeg itself says what went in and what came out.

use manycast_tests::elementary::{Clip, Pieces, Receiver, compare};
use manycast_tests::process::{Process, sockets_in_state};
use manycast_tests::{Manycast, Setup, ports, secs, until};
use nix::sys::signal::Signal;
use std::net::SocketAddr;
use std::thread;

/// What goes in: the name of a stream, and how ffmpeg makes its four seconds.
const CASES: &[(&str, &str)] = &[
    (
        "hevc-opus",
        "PICTURE SOUND=1 -t 4 -c:v libx265 -preset ultrafast -bf 3 -crf 35 -pix_fmt yuv420p X265 \
         -c:a libopus -b:a 48k",
    ),
    (
        "hevc10-eac3",
        "PICTURE SOUND=2 -t 4 -vf setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc \
         -c:v libx265 -preset ultrafast -crf 35 -pix_fmt yuv420p10le X265 \
         -af pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0 -c:a eac3 -b:a 128k",
    ),
    (
        "av1-flac",
        "PICTURE SOUND=3 -t 4 -c:v libsvtav1 -preset 12 -crf 50 -g 24 -svtav1-params pred-struct=1:lp=1 \
         -pix_fmt yuv420p -c:a flac -sample_fmt s16",
    ),
    (
        "vp9-ac3",
        "PICTURE SOUND=4 -t 4 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0 -g 24 -crf 50 \
         -b:v 0 -c:a ac3 -b:a 96k",
    ),
    (
        "vvc-opus6",
        "-f lavfi -i testsrc2=size=96x64:rate=24 SOUND=5 -t 4 -c:v libvvenc -preset faster -period 1 \
         -af pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0 -c:a libopus -b:a 96k -mapping_family 1",
    ),
    (
        "h264-mp3",
        "PICTURE SOUND=6 -t 4 -c:v libx264 -preset ultrafast -bf 2 -g 24 -sc_threshold 0 -crf 30 \
         -pix_fmt yuv420p -c:a libmp3lame -b:a 64k",
    ),
    (
        "tracks-plain",
        "PICTURE SOUND=7 SOUND=8 SOUND=9 -t 4 -map 0:v -map 0:v -map 0:v -map 1:a -map 2:a -map 3:a \
         -c:v libx264 -preset ultrafast -bf 2 -g 24 -sc_threshold 0 -crf 35 -pix_fmt yuv420p \
         -s:v:1 160x90 -s:v:2 90x160 -c:a aac -b:a 48k",
    ),
    (
        "tracks-mixed",
        "PICTURE SOUND=10 SOUND=11 SOUND=12 SOUND=13 SOUND=14 SOUND=15 -t 4 \
         -map 0:v -map 0:v -map 0:v -map 0:v -map 1:a -map 2:a -map 3:a -map 4:a -map 5:a -map 6:a \
         -c:v:0 libx265 -preset:v:0 ultrafast -crf:v:0 40 -pix_fmt yuv420p X265 \
         -c:v:1 libvpx-vp9 -deadline:v:1 realtime -cpu-used:v:1 8 -lag-in-frames:v:1 0 -g:v:1 24 \
         -crf:v:1 55 -b:v:1 0 -s:v:1 160x90 \
         -c:v:2 libx264 -preset:v:2 veryfast -g:v:2 24 -sc_threshold:v:2 0 -crf:v:2 40 -s:v:2 96x64 \
         -c:v:3 libsvtav1 -preset:v:3 12 -crf:v:3 50 -g:v:3 24 -svtav1-params:v:3 pred-struct=1:lp=1 -s:v:3 128x72 \
         -c:a:0 libopus -b:a:0 24k -c:a:1 aac -b:a:1 32k -c:a:2 flac -sample_fmt:a:2 s16 \
         -c:a:3 libmp3lame -b:a:3 32k -c:a:4 ac3 -b:a:4 96k -c:a:5 eac3 -b:a:5 96k",
    ),
];

/// The short forms of the table in full: a picture that moves, sound that never repeats, and closed
/// groups of pictures of one second.
fn arguments(short: &str) -> String {
    let x265 = "-x265-params log-level=none:keyint=24:min-keyint=24:scenecut=0:info=0:pools=1:frame-threads=1";
    let words = short.split_whitespace().map(|word| match word.split_once('=') {
        None if word == "PICTURE" => "-f lavfi -i testsrc2=size=320x180:rate=24".to_owned(),
        None if word == "X265" => x265.to_owned(),
        Some(("SOUND", seed)) => {
            format!("-f lavfi -i anoisesrc=r=48000:c=pink:a=0.3:seed={seed}")
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn key(name: &str) -> String {
    format!("sk_{name}_0123456789")
}

fn url(server: &Manycast, name: &str) -> String {
    format!("rtmp://{}/live/{name}", server.rtmp())
}

fn frames(server: &Manycast, name: &str) -> u64 {
    server.stream(name)["frames"].as_u64().unwrap_or(0)
}

/// The servers of all cases: the one under test, and one that is a platform to it.
struct Lab {
    server: Manycast,
    platform: Manycast,
    /// Where ffmpeg waits as a destination of each case.
    listeners: Vec<SocketAddr>,
}

impl Lab {
    fn new() -> Self {
        let platform = Setup::new().open().start();
        let listeners: Vec<_> = CASES.iter().map(|_| ports::free()).collect();
        let far = format!("rtmp://{}/live", platform.rtmp());
        let mut setup = Setup::new();
        for ((name, _), listener) in CASES.iter().zip(&listeners) {
            setup = setup
                .stream(name, &key(name))
                .destination("ffmpeg", &format!("rtmp://{listener}/live"), name)
                .option("video_track = \"all\"\naudio_track = \"all\"")
                .destination("platform", &far, name);
        }
        Self { server: setup.start(), platform, listeners }
    }

    /// Everybody who receives, once the stream flows.
    fn receivers(&self, name: &str, mut first: Receiver) -> [Receiver; 3] {
        until(&format!("{name} flows"), secs(10), || frames(&self.server, name) > 4);
        let player = Receiver::play("player", &format!("{}?tracks=all", url(&self.server, name)));
        until(&format!("{name} flows on"), secs(10), || frames(&self.platform, name) > 4);
        let viewer = format!("{}?tracks=all", url(&self.platform, name));
        assert!(first.is_running(), "{name}: {}", first.tail());
        [first, player, Receiver::play("player at the platform", &viewer)]
    }

    /// Sends a part, is killed, sends all of it; what is wrong with what came.
    fn run(&self, number: usize) -> Vec<String> {
        let (name, how) = CASES[number];
        let clip = Clip::make(&arguments(how));
        let at = self.listeners[number];
        let first = Receiver::listen("destination", &format!("rtmp://{at}/live/{name}"));
        until("it listens", secs(10), || sockets_in_state(at.port(), "0A") > 0);
        let mut encoder = clip.publish(&url(&self.server, &key(name)));
        let mut receivers = self.receivers(name, first);
        // a second or so more
        let then = frames(&self.server, name) + 24 * clip.streams.len() as u64;
        until("it flows on", secs(10), || frames(&self.server, name) > then);
        kill(&mut encoder);
        let mut encoder = clip.publish(&url(&self.server, &key(name)));
        let status = encoder.wait(secs(20));
        let mut faults = Vec::new();
        if !status.success() {
            faults.push(format!("{name}: the encoder left with {status}: {}", encoder.tail()));
        }
        for receiver in &mut receivers {
            let (got, sent) = (receiver.end(), clip.streams.iter().collect::<Vec<_>>());
            if let Err(fault) = compare(&got, &sent, Pieces::PartAndWhole) {
                faults.push(format!("{name}: {}: {fault}\n{}", receiver.name, receiver.tail()));
            }
        }
        faults
    }
}

/// Without a word to the server.
fn kill(process: &mut Process) {
    process.signal(Signal::SIGKILL);
    process.wait(secs(5));
}

/// Every codec and every set of tracks that ffmpeg 9 writes, side by side: to a player, to ffmpeg as a
/// destination, and through a second server to a player there.
#[test]
fn e_rtmp_elementary_streams_come_out_as_they_went_in() {
    let lab = Lab::new();
    let faults: Vec<_> = thread::scope(|scope| {
        let lab = &lab;
        let cases: Vec<_> = (0..CASES.len()).map(|n| scope.spawn(move || lab.run(n))).collect();
        cases.into_iter().flat_map(|case| case.join().unwrap()).collect()
    });
    let logs = lab.server.log() + &lab.platform.log();
    assert!(faults.is_empty(), "\n{}\n{logs}", faults.join("\n\n"));
}
