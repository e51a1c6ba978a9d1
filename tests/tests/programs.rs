//! Real programs against the program: ffmpeg, ffprobe, nginx-rtmp, rtmpdump.

use manycast_rtmp::session::MediaKind;
use manycast_tests::ports::Folder;
use manycast_tests::programs::{
    self, Input, ffmpeg_decode, ffmpeg_publish, make_certificate, packets, start, tracks,
};
use manycast_tests::raw::{Amf, amf};
use manycast_tests::servers::Server;
use manycast_tests::{
    Manycast, Publisher, Setup, Sink, Watcher, media, millis, pause, secs, until,
};
use nix::sys::signal::Signal;

const KEY: &str = "sk_programs_0123456789";

fn url(server: &Manycast, name: &str) -> String {
    format!("rtmp://{}/live/{name}", server.rtmp())
}

fn flowing(server: &Manycast, name: &str, frames: u64) {
    until("the stream flows", secs(10), || server.stream(name)["frames"].as_u64() >= Some(frames));
}

/// ffmpeg publishes by RTMP, ffmpeg plays, ffprobe names the tracks.
#[test]
fn ffmpeg_publishes_and_plays() {
    let server = Setup::new().stream("main", KEY).start();
    let _encoder = ffmpeg_publish(Input::Live, &url(&server, KEY), 30, &[]);
    flowing(&server, "main", 20);
    let got = ffmpeg_decode(&url(&server, "main"), 4, &[]);
    assert!(got.pictures >= 75, "{got:?}");
    assert!(got.distinct > got.pictures / 2, "the picture moves: {got:?}");
    assert!(got.sounds >= 100, "{got:?}");
    assert!(got.backward == 0 && got.complaints.is_empty(), "{got:?}");
    assert_eq!(tracks(&url(&server, "main")), ["aac 44100", "h264 320x180"]);
    let stream = server.stream("main");
    assert_eq!(stream["publisher"]["encrypted"], false, "{stream}");
    let codecs: Vec<_> = stream["publisher"]["tracks"].as_array().into_iter().flatten().collect();
    assert!(codecs.iter().any(|t| t["width"] == 320 && t["height"] == 180), "{stream}");
    assert!(codecs.iter().any(|t| t["sample_rate"] == 44100), "{stream}");
}

/// The same by TLS in both directions, with a certificate that the server made itself.
#[test]
fn ffmpeg_publishes_and_plays_by_rtmps() {
    let server = Setup::new().rtmps().stream("main", KEY).start();
    let at = server.setup.rtmps.unwrap();
    let _encoder = ffmpeg_publish(Input::Live, &format!("rtmps://{at}/live/{KEY}"), 30, &[]);
    flowing(&server, "main", 20);
    let got = ffmpeg_decode(&format!("rtmps://{at}/live/main"), 3, &[]);
    assert!(got.pictures >= 50 && got.sounds >= 60 && got.backward == 0, "{got:?}");
    assert!(got.complaints.is_empty(), "{got:?}");
    let publisher = &server.stream("main")["publisher"];
    assert_eq!(publisher["encrypted"], true, "{publisher}");
}

/// nginx-rtmp as a destination records whole pictures and sound, with rising time stamps.
#[test]
fn nginx_rtmp_receives_as_a_destination() {
    let nginx = Server::nginx_rtmp();
    let setup = Setup::new().stream("main", KEY).destination("nginx", &nginx.url(), "arrived");
    let mut server = setup.start();
    let encoder = ffmpeg_publish(Input::Clip, &url(&server, KEY), 30, &[]);
    server.wait_state("main", "nginx", "live", secs(10));
    until("6 s arrived", secs(20), || {
        server.destination("main", "nginx")["frames"].as_u64() > Some(6 * 76)
    });
    drop(encoder);
    server.terminate();
    let (file, _folder) = nginx.recording("arrived");
    let (pictures, sounds, backward) = packets(&file);
    assert!(pictures >= 150 && sounds >= 230, "{pictures} pictures, {sounds} sounds");
    assert_eq!(backward, 0);
    let path = file.to_string_lossy();
    assert_eq!(tracks(&path), ["aac 48000", "h264 640x360"]);
    let got = ffmpeg_decode(&path, 30, &[]);
    assert!(got.pictures >= 150 && got.distinct > 100 && got.sounds >= 200, "{got:?}");
    assert!(got.complaints.is_empty(), "{got:?}");
}

/// Out by RTMPS, to a server whose certificate is vouched for by a file of the configuration.
#[test]
fn a_destination_by_rtmps_is_checked_and_fed() {
    let folder = Folder::new();
    let (cert, key) = make_certificate(&folder, "localhost");
    let far = Setup::new().certificate(&cert, &key).open().start();
    let url = format!("rtmps://localhost:{}/live", far.setup.rtmps.unwrap().port());
    let near = Setup::new().egress(&format!("ca_file = \"{}\"", cert.display()));
    let near = near.stream("main", KEY).destination("far", &url, "copy").start();
    let _encoder = ffmpeg_publish(Input::Clip, &self::url(&near, KEY), 30, &[]);
    near.wait_state("main", "far", "live", secs(10));
    flowing(&far, "copy", 20);
    let got = ffmpeg_decode(&self::url(&far, "copy"), 3, &[]);
    assert!(got.pictures >= 60 && got.sounds >= 80 && got.complaints.is_empty(), "{got:?}");
}

/// librtmp's rtmpdump plays, and leaves when it has had enough.
#[test]
fn rtmpdump_plays() {
    let server = Setup::new().stream("main", KEY).start();
    let _encoder = ffmpeg_publish(Input::Clip, &url(&server, KEY), 30, &[]);
    flowing(&server, "main", 20);
    let file = server.setup.file("dump.flv");
    let (from, to) = (url(&server, "main"), file.to_string_lossy().into_owned());
    let mut dump = start("rtmpdump", &["-q", "--live", "-r", &from, "-o", &to]);
    pause(secs(5));
    dump.signal(Signal::SIGINT);
    dump.wait(secs(5));
    let (pictures, sounds, backward) = packets(&file);
    assert!(pictures >= 100 && sounds >= 150, "{pictures} {sounds}: {}", dump.tail());
    assert_eq!(backward, 0);
    until("the viewer is gone", secs(5), || server.stream("main")["viewers"] == 0);
}

/// Streams of one kind only work everywhere, whatever the header announced (E5).
#[test]
fn e5_ffmpeg_sends_sound_or_pictures_alone() {
    let nginx = Server::nginx_rtmp();
    let setup = Setup::new().stream("sound", KEY).destination("out", &nginx.url(), "sound");
    let server = setup.stream("pictures", "sk_pictures_0123456789").start();
    let _sound = ffmpeg_publish(Input::AudioOnly, &url(&server, KEY), 30, &[]);
    let pictures = url(&server, "sk_pictures_0123456789");
    let _pictures = ffmpeg_publish(Input::VideoOnly, &pictures, 30, &[]);
    flowing(&server, "sound", 20);
    flowing(&server, "pictures", 20);
    let got = ffmpeg_decode(&url(&server, "sound"), 3, &[]);
    assert!(got.sounds >= 60 && got.pictures == 0 && got.complaints.is_empty(), "{got:?}");
    let got = ffmpeg_decode(&url(&server, "pictures"), 3, &[]);
    assert!(got.pictures >= 50 && got.sounds == 0 && got.complaints.is_empty(), "{got:?}");
    server.wait_state("sound", "out", "live", secs(5));
    drop(server);
    let (file, _folder) = nginx.recording("sound");
    let (pictures, sounds, backward) = packets(&file);
    assert!(pictures == 0 && sounds > 100 && backward == 0, "{pictures} {sounds} {backward}");
}

/// MP3 beside H.264.
#[test]
fn mp3_goes_through() {
    let server = Setup::new().stream("main", KEY).start();
    let _encoder = ffmpeg_publish(Input::Mp3, &url(&server, KEY), 30, &[]);
    flowing(&server, "main", 20);
    assert_eq!(tracks(&url(&server, "main")), ["h264 320x180", "mp3 44100"]);
    let got = ffmpeg_decode(&url(&server, "main"), 3, &[]);
    assert!(got.pictures >= 50 && got.sounds >= 60, "{got:?}");
}

/// A body of Enhanced RTMP: `packet` 0 is the sequence start, 1 coded frames.
fn enhanced(four_cc: &[u8; 4], frame: u8, packet: u8, payload: &[u8]) -> bytes::Bytes {
    let head = [0x80 | (frame << 4) | packet];
    let delay: &[u8] = if packet == 1 && four_cc != b"av01" { &[0, 0, 0] } else { &[] };
    [&head, &four_cc[..], delay, payload].concat().into()
}

/// A plausible HEVCDecoderConfigurationRecord without parameter sets.
fn hevc_record() -> Vec<u8> {
    let mut record = vec![1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93];
    record.extend_from_slice(&[0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 0]);
    record
}

/// HEVC and AV1 as Enhanced RTMP pass bit-exact, and who joins late gets the sequence start first.
#[test]
fn enhanced_codecs_reach_joiners_with_their_configuration() {
    for (four_cc, config) in [(b"hvc1", hevc_record()), (b"av01", vec![0x81, 0x04, 0x0c, 0])] {
        let sink = Sink::healthy();
        let setup = Setup::new().stream("main", KEY).destination("out", &sink.url(), "copy");
        let server = setup.start();
        let mut publisher = Publisher::connect(server.rtmp(), KEY).unwrap();
        let start = enhanced(four_cc, 1, 0, &config);
        publisher.send(MediaKind::Video, 0, start.clone()).unwrap();
        let frame = |n: u32| {
            let kind = if n.is_multiple_of(30) { 1 } else { 2 };
            enhanced(four_cc, kind, 1, &n.to_be_bytes().repeat(40))
        };
        for n in 0..45 {
            publisher.send(MediaKind::Video, n * 33, frame(n)).unwrap();
        }
        flowing(&server, "main", 45);
        server.wait_state("main", "out", "live", secs(5));
        let (tell, told) = std::sync::mpsc::sync_channel(200);
        let viewer = Watcher::with(server.rtmp(), "main", move |_, media| {
            let _ = tell.try_send(media.clone());
        });
        let viewer = viewer.unwrap();
        for n in 45..75 {
            publisher.send(MediaKind::Video, n * 33, frame(n)).unwrap();
        }
        let mut got = Vec::new();
        while let Ok(media) = told.recv_timeout(millis(1500)) {
            got.push(media.body);
        }
        let _ = viewer.stop();
        let wanted: Vec<_> = std::iter::once(start).chain((30..75).map(frame)).collect();
        assert!(got == wanted, "{} of {} messages", got.len(), wanted.len());
        until("the destination has them", secs(5), || sink.tally().others >= 46);
    }
}

/// Sound, pictures and data keep their order and every byte on their way through.
#[test]
fn e7_data_messages_travel_in_order_with_the_frames() {
    let server = Setup::new().stream("main", KEY).start();
    let mut publisher = Publisher::connect(server.rtmp(), KEY).unwrap();
    publisher.send_headers(0, true).unwrap();
    publisher.send(MediaKind::Video, 0, media::video(1, 0, true, 500, 0)).unwrap();
    flowing(&server, "main", 1);
    let (tell, told) = std::sync::mpsc::sync_channel(200);
    let viewer = Watcher::with(server.rtmp(), "main", move |_, media| {
        let _ = tell.try_send((media.kind, media.body.clone()));
    });
    let viewer = viewer.unwrap();
    let mut sent = Vec::new();
    for n in 1..60_u32 {
        let (kind, body) = match n % 3 {
            0 => (MediaKind::Data, cue(n)),
            1 => (MediaKind::Audio, media::audio(1, n, 100)),
            _ => (MediaKind::Video, media::video(1, n, false, 700, 40)),
        };
        publisher.send(kind, n * 10, body.clone()).unwrap();
        sent.push((kind, body));
    }
    let mut got = Vec::new();
    while let Ok(message) = told.recv_timeout(millis(1500)) {
        got.push(message);
    }
    let _ = viewer.stop();
    assert!(got.ends_with(&sent), "{} of {} messages came in order", got.len(), sent.len());
}

/// A cue point with a number.
fn cue(number: u32) -> bytes::Bytes {
    let number = number.to_string();
    amf(&[Amf::Text("onCuePoint"), Amf::Object(&[("name", "cue"), ("number", &number)])]).into()
}

/// What the harness itself relies on: a missing program is a failure that names the remedy.
#[test]
fn a_missing_program_says_how_to_get_it() {
    let missing = std::panic::catch_unwind(|| programs::find("no-such-program-here"));
    let said = missing.unwrap_err();
    let said = said.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(said.contains("run scripts/setup test"), "{said}");
}
