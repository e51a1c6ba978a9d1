//! Media and time (bars E): what the encoder's clock does, and what must not change on the way.

use bytes::Bytes;
use manycast_rtmp::session::{Media, MediaKind};
use manycast_tests::programs::{Input, ffmpeg_decode, ffmpeg_publish, packets, start, tracks};
use manycast_tests::servers::Server;
use manycast_tests::{
    Live, Manycast, Publisher, Setup, Shape, Sink, Tally, Watcher, media, millis, pause, secs,
    until,
};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

const KEY: &str = "sk_media_0123456789";

/// A server whose stream goes to a viewer and a destination.
struct Lab {
    server: Manycast,
    sink: Sink,
    publisher: Publisher,
    number: u32,
}

impl Lab {
    fn new() -> Self {
        let sink = Sink::healthy();
        let setup = Setup::new().stream("main", KEY).destination("out", &sink.url(), "copy");
        let server = setup.start();
        let publisher = Publisher::connect(server.rtmp(), KEY).unwrap();
        Self { server, sink, publisher, number: 0 }
    }

    fn picture(&mut self, at: u32, key: bool, delay: i32) {
        let body = media::video(1, self.number, key, 800, delay);
        self.number += 1;
        self.publisher.send(MediaKind::Video, at, body).unwrap();
    }

    fn sound(&mut self, at: u32) {
        let body = media::audio(1, self.number, 200);
        self.number += 1;
        self.publisher.send(MediaKind::Audio, at, body).unwrap();
    }

    /// Sends headers and a first frame, and waits until both receivers are there.
    fn begin(&mut self, at: u32) -> Watcher {
        self.publisher.send_headers(at, true).unwrap();
        self.picture(at, true, 0);
        self.watch()
    }

    /// The viewer, once the destination is on air as well: it is dialled when frames flow.
    fn watch(&self) -> Watcher {
        let viewer = Watcher::start(self.server.rtmp(), "main").unwrap();
        self.server.wait_state("main", "out", "live", secs(5));
        viewer
    }

    /// Both receivers have everything that was sent.
    fn settle(&self, viewer: &Watcher) -> [Tally; 2] {
        let last = self.number.checked_sub(1);
        until("the last frames", secs(8), || {
            viewer.tally().newest() == last && self.sink.tally().newest() == last
        });
        [viewer.tally(), self.sink.tally()]
    }
}

/// Two seconds of pictures and sound on a clock that begins at `from`.
fn run_clock(lab: &mut Lab, from: u32) {
    for n in 0..50_u32 {
        let at = from.wrapping_add(n * 40);
        lab.picture(at, n.is_multiple_of(25), 0);
        lab.sound(at.wrapping_add(10));
    }
}

/// Clocks that pass 2^24, 2^31 and 2^32 ms or leap, pictures shown before zero, sound only.
#[test]
fn e1_clocks_that_wrap_and_leap() {
    let second = 1000;
    let forms: [(&str, &[u32]); 6] = [
        ("past 2^24", &[(1 << 24) - second]),
        ("past 2^31", &[(1 << 31) - second]),
        ("past 2^32", &[u32::MAX - second]),
        ("a leap forward", &[1000, 8_000_000]),
        ("a leap back", &[9_000_000, 0]),
        ("leaps to and fro", &[0, 500_000, 20_000, 4_000_000_000]),
    ];
    for (what, clocks) in forms {
        let mut lab = Lab::new();
        let viewer = lab.begin(clocks[0]);
        for from in clocks {
            run_clock(&mut lab, *from);
        }
        for (who, tally) in ["viewer", "destination"].iter().zip(lab.settle(&viewer)) {
            tally.assert_whole(&format!("e1: {what}: {who}"));
            assert!(tally.largest_step <= 100, "e1: {what}: {who}: {} ms", tally.largest_step);
        }
        assert!(lab.sink.tally().times.unwrap().0 < 100, "e1: {what}: deliveries begin at zero");
        let rebased = lab.server.stream("main")["clock_rebased"].as_u64();
        assert_eq!(rebased > Some(0), clocks.len() > 1, "e1: {what}: the status tells of leaps");
    }
}

/// Pictures shown before they are decoded keep their offset, also below zero.
#[test]
fn e1_composition_offsets_below_zero_pass() {
    let mut lab = Lab::new();
    let viewer = lab.begin(0);
    for n in 0..50_u32 {
        lab.picture(n * 40, n.is_multiple_of(25), [80, -40, 0, -80][n as usize % 4]);
    }
    for tally in lab.settle(&viewer) {
        tally.assert_whole("e1: offsets");
    }
}

/// Sound alone, whatever the header announced; pictures that join later (E5).
#[test]
fn e1_e5_sound_alone_then_a_late_picture() {
    let mut lab = Lab::new();
    lab.publisher.send(MediaKind::Data, 0, media::metadata()).unwrap();
    lab.publisher.send(MediaKind::Audio, 0, media::aac_config()).unwrap();
    lab.sound(0);
    let viewer = lab.watch();
    for n in 1..100 {
        lab.sound(n * 21);
    }
    for tally in lab.settle(&viewer) {
        tally.assert_whole("e1: sound alone");
        assert!(tally.audio_configured());
    }
    lab.publisher.send(MediaKind::Video, 2100, media::avc_config()).unwrap();
    for n in 0..50_u32 {
        lab.picture(2100 + n * 40, n.is_multiple_of(25), 0);
        lab.sound(2110 + n * 40);
    }
    for tally in lab.settle(&viewer) {
        tally.assert_whole("e5: a late picture");
        assert_eq!(tally.began_well, Some(true), "e5: its header came first");
    }
}

/// A new resolution in mid-stream: new headers for everyone, and what nginx-rtmp recorded decodes.
#[test]
fn e4_a_new_resolution_in_mid_stream() {
    let nginx = Server::nginx_rtmp();
    let (small, large) = (encode("160x90"), encode("320x180"));
    let setup = Setup::new().stream("main", KEY).destination("nginx", &nginx.url(), "changed");
    let server = setup.start();
    let mut publisher = Publisher::connect(server.rtmp(), KEY).unwrap();
    let (tell, told) = sync_channel(2000);
    let viewer = Watcher::with(server.rtmp(), "main", move |_, m: &Media| {
        let _ = tell.try_send((m.kind, m.body.clone()));
    });
    let viewer = viewer.unwrap();
    let mut sent = Vec::new();
    for (shift, part) in [(0, &small), (2000, &large), (4000, &small)] {
        for message in part.iter().filter(|m| m.kind != MediaKind::Data) {
            let at = message.timestamp + shift;
            publisher.send(message.kind, at, message.body.clone()).unwrap();
            sent.push(message.body.clone());
            if sent.len() == 2 {
                server.wait_state("main", "nginx", "live", secs(5));
            }
            pause(millis(2));
        }
    }
    let got = collect(&told, sent.len());
    assert!(got == sent, "e4: every header and frame came, in order: {} {}", got.len(), sent.len());
    let shown = server.stream("main")["publisher"]["tracks"].to_string();
    assert!(shown.contains("\"width\":160"), "the status shows the new size: {shown}");
    let joiner = ffmpeg_publish_probe(&server, &mut publisher, &small);
    assert_eq!(joiner, ["h264 160x90"], "a joiner gets the newest header");
    publisher.close();
    drop((viewer, server));
    let (file, _folder) = nginx.recording("changed");
    let (pictures, _, backward) = packets(&file);
    assert!(pictures >= 140 && backward == 0, "{pictures} {backward}");
    let got = ffmpeg_decode(&file.to_string_lossy(), 30, &[]);
    assert!(got.pictures >= 140 && got.complaints.is_empty(), "{got:?}");
}

/// Two seconds of H.264 in this size, as messages.
fn encode(size: &str) -> Vec<media::Message> {
    let source = format!("testsrc2=size={size}:rate=25:duration=2");
    let folder = manycast_tests::ports::Folder::new();
    let file = folder.file("clip.flv").to_string_lossy().into_owned();
    let args = [
        "-v",
        "error",
        "-nostdin",
        "-f",
        "lavfi",
        "-i",
        &source,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-pix_fmt",
        "yuv420p",
        "-g",
        "25",
        "-f",
        "flv",
        &file,
    ];
    manycast_tests::programs::run("ffmpeg", &args, secs(20));
    let messages = media::flv(&std::fs::read(&file).unwrap());
    // what ends a sequence is no frame of the next
    messages.into_iter().filter(|m| m.body.get(..2) != Some(&[0x17, 2])).collect()
}

fn ffmpeg_publish_probe(
    server: &Manycast,
    publisher: &mut Publisher,
    more: &[media::Message],
) -> Vec<String> {
    let url = format!("rtmp://{}/live/main", server.rtmp());
    let probe = std::thread::spawn(move || tracks(&url));
    let mut at = 6000;
    while !probe.is_finished() {
        for message in more.iter().filter(|m| m.kind == MediaKind::Video) {
            publisher.send(message.kind, at, message.body.clone()).unwrap();
            at += 40;
            pause(millis(4));
        }
    }
    probe.join().unwrap()
}

fn collect(told: &Receiver<(MediaKind, Bytes)>, count: usize) -> Vec<Bytes> {
    let mut got = Vec::new();
    while got.len() < count {
        let Ok((kind, body)) = told.recv_timeout(secs(4)) else { break };
        if kind != MediaKind::Data {
            got.push(body);
        }
    }
    got
}

/// Time stamps that step back or freeze never make the output step back, and the status tells.
#[test]
fn e6_time_that_steps_back_or_freezes() {
    let mut lab = Lab::new();
    let viewer = lab.begin(1000);
    for n in 0..100_u32 {
        let at = match n % 10 {
            3 => 1000 + n * 40 - 130,
            4..=6 => 1000 + (n - n % 10) * 40 + 120,
            _ => 1000 + n * 40,
        };
        lab.picture(at, n.is_multiple_of(25), 0);
        lab.sound(1000 + n * 40);
    }
    for (who, tally) in ["viewer", "destination"].iter().zip(lab.settle(&viewer)) {
        tally.assert_whole(&format!("e6: {who}"));
    }
    let stream = lab.server.stream("main");
    assert!(stream["clock_levelled"].as_u64() > Some(0), "{stream}");
}

/// Every NAL unit and every piece of sound comes out as it went in: real media, for a while.
#[test]
fn e7_no_frame_is_altered() {
    let time = if manycast_tests::full() { secs(600) } else { secs(20) };
    let sink = Sink::healthy();
    let setup = Setup::new().stream("main", KEY).destination("out", &sink.url(), "copy");
    let server = setup.start();
    let shape = Shape { fps: 60, size: 9000, ..Shape::default() };
    let live = Live::start(server.rtmp(), KEY, shape).unwrap();
    let viewer = Watcher::start(server.rtmp(), "main").unwrap();
    let clip = clip_through(&server);
    let wanted: Vec<_> = media::clip().iter().filter(|m| is_frame(m)).map(|m| &m.body).collect();
    let came: Vec<_> = clip.iter().collect();
    assert!(came == wanted, "e7: real media: {} of {} frames", came.len(), wanted.len());
    pause(time.saturating_sub(secs(4)));
    let sent = live.sent();
    until("the last frames", secs(5), || {
        viewer.tally().newest() >= Some(sent) && sink.tally().newest() >= Some(sent)
    });
    let (seen, out) = (viewer.stop(), sink.tally());
    println!("e7: {} frames at the viewer, {} at the destination", seen.frames, out.frames);
    seen.assert_whole("e7: viewer");
    out.assert_whole("e7: destination");
    assert_eq!(live.stop().error, None);
}

fn is_frame(message: &media::Message) -> bool {
    message.kind != MediaKind::Data && message.body.get(1) == Some(&1)
}

/// The project's clip, as fast as it goes, through another stream of the server.
fn clip_through(server: &Manycast) -> Vec<Bytes> {
    let far = Setup::new().open().start();
    drop(server.status());
    let (tell, told) = sync_channel(4000);
    let mut publisher = Publisher::connect(far.rtmp(), "clip").unwrap();
    let viewer = Watcher::with(far.rtmp(), "clip", move |_, m: &Media| {
        let message = media::Message { kind: m.kind, timestamp: 0, body: m.body.clone() };
        if is_frame(&message) {
            let _ = tell.try_send((m.kind, m.body.clone()));
        }
    });
    let viewer = viewer.unwrap();
    let from = Instant::now();
    for message in media::clip() {
        // faster than real time, slower than the 4 s that a viewer may be late
        let due = Duration::from_millis(u64::from(message.timestamp) / 4);
        pause(due.saturating_sub(from.elapsed()));
        publisher.send(message.kind, message.timestamp, message.body.clone()).unwrap();
    }
    let count = media::clip().iter().filter(|m| is_frame(m)).count();
    let got = collect(&told, count);
    let _ = viewer.stop();
    got
}

/// No key frame for a while: nobody gets a grey start, and the API says what is wanted.
#[test]
fn e8_no_start_without_a_key_frame() {
    let mut lab = Lab::new();
    lab.publisher.send_headers(0, true).unwrap();
    let viewer = Watcher::start(lab.server.rtmp(), "main").unwrap();
    for n in 0..150 {
        lab.picture(n * 40, false, 0);
        lab.sound(n * 40);
        pause(millis(20));
    }
    let trouble = lab.server.stream("main")["publisher"]["trouble"].clone();
    assert_eq!(trouble["code"], "waiting_for_key_frame", "{trouble}");
    assert!(trouble["advice"].as_str().is_some_and(|advice| advice.len() > 20), "{trouble}");
    assert_eq!(viewer.tally().began_well, None, "no picture before a key frame");
    assert_eq!(lab.sink.tally().began_well, None, "no picture before a key frame");
    let first = lab.number;
    lab.picture(6000, true, 0);
    for n in 151..180 {
        lab.picture(n * 40, false, 0);
    }
    for (who, tally) in ["viewer", "destination"].iter().zip(lab.settle(&viewer)) {
        assert_eq!(tally.began_well, Some(true), "e8: {who} begins with the key frame");
        assert!(tally.gaps.iter().all(|gap| gap.next <= first), "e8: {who}: {:?}", tally.gaps);
        assert_eq!((tally.altered, tally.disorder, tally.backward), (0, 0, 0), "e8: {who}");
    }
    assert!(lab.server.stream("main")["publisher"]["trouble"].is_null());
}

/// Pictures before their parameter sets: waited for, and said so.
#[test]
fn e8_no_start_without_parameter_sets() {
    let mut lab = Lab::new();
    let viewer = Watcher::start(lab.server.rtmp(), "main").unwrap();
    for n in 0..60_u32 {
        lab.picture(n * 40, n.is_multiple_of(25), 0);
        pause(millis(10));
    }
    let trouble = lab.server.stream("main")["publisher"]["trouble"].clone();
    assert_eq!(trouble["code"], "no_codec_config", "{trouble}");
    assert_eq!(viewer.tally().began_well, None, "no picture without its header");
    lab.publisher.send(MediaKind::Video, 2400, media::avc_config()).unwrap();
    for n in 60..100_u32 {
        lab.picture(n * 40, n.is_multiple_of(10), 0);
    }
    for tally in lab.settle(&viewer) {
        assert_eq!(tally.began_well, Some(true));
        assert_eq!((tally.altered, tally.disorder, tally.backward), (0, 0, 0));
    }
}

/// The wall clock only dates what is shown: timers, backoff and liveness run on the monotonic one.
/// Running under a shifted clock is not possible everywhere, so that the sources are judged.
#[test]
fn e9_the_wall_clock_is_for_display_only() {
    // status and log are dated; certificates, tokens, keys and signatures are judged by the wall
    // clock; what is kept on disk has dates that outlive the process
    let allowed = [
        "crates/web/src/",
        "crates/tls/src/",
        "crates/store/src/",
        "crates/auth/src/",
        "crates/webhook/src/",
        "crates/control/src/",
        "crates/app/src/serve/",
        "crates/app/src/doctor/",
        "crates/app/src/local/",
        "crates/app/src/remote/",
    ];
    let mut judged = 0;
    let mut folders = vec![manycast_tests::root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name =
                path.strip_prefix(manycast_tests::root()).unwrap().to_string_lossy().into_owned();
            if !name.ends_with(".rs") || !name.contains("/src/") {
                continue;
            }
            judged += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            let free = allowed.iter().any(|start| name.starts_with(start));
            assert!(free || !text.contains("SystemTime"), "{name} asks the wall clock");
        }
    }
    assert!(judged > 100, "{judged} files");
}

/// Two encoders of real programs one after the other, with other formats, do not break a viewer.
#[test]
fn e4_another_encoder_with_another_format() {
    let server = Setup::new().stream("main", KEY).start();
    let url = format!("rtmp://{}/live/{KEY}", server.rtmp());
    let viewer = Watcher::start(server.rtmp(), "main").unwrap();
    for (input, runs) in [(Input::Clip, 1), (Input::Live, 2)] {
        let mut encoder = ffmpeg_publish(input, &url, 3, &[]);
        assert!(encoder.wait(secs(15)).success(), "{}", encoder.tail());
        until("it ended", secs(3), || server.stream("main")["live"] == false);
        assert_eq!(server.stream("main")["runs"], runs);
    }
    let tally = viewer.stop();
    assert_eq!(tally.backward, 0, "{tally:?}");
    assert_eq!(tally.video_configs.len(), 2, "a header for each");
    assert!(tally.others > 300, "{tally:?}");
    drop(start("ffprobe", &["-version"]));
}
