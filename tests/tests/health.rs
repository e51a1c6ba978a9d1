//! Health and findings of real encoders, read over HTTP: what ffmpeg was told to send is what the
//! figures show, and what it does wrong is found.

use manycast_tests::process::Process;
use manycast_tests::programs::{run, start};
use manycast_tests::{Manycast, Setup, secs, until};
use serde_json::Value;

const PICTURE: &str = "testsrc2=size=320x180:rate=30";
const TONE: &str = "sine=frequency=440:sample_rate=48000";

fn key(name: &str) -> String {
    format!("sk_health_{name}_0123456789")
}

/// ffmpeg encodes inputs in real time: H.264 of two seconds per Gop and two B-frames, and AAC.
fn encode(server: &Manycast, name: &str, inputs: &[&[&str]], more: &[&str]) -> Process {
    let url = format!("rtmp://{}/live/{}", server.rtmp(), key(name));
    let mut args = vec!["-hide_banner", "-loglevel", "warning", "-nostdin"];
    for input in inputs {
        args.push("-re");
        args.extend(*input);
    }
    let h264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "500k"];
    let gops = ["-g", "60", "-sc_threshold", "0", "-bf", "2", "-b_strategy", "0"];
    args.extend(h264.iter().chain(&gops));
    args.extend(["-c:a", "aac", "-b:a", "96k", "-t", "90"]);
    args.extend(more);
    args.extend(["-f", "flv", &url]);
    start("ffmpeg", &args)
}

fn lavfi(source: &'static str) -> [&'static str; 4] {
    ["-f", "lavfi", "-i", source]
}

fn track(stream: &Value, id: &str) -> Value {
    let tracks = stream["publisher"]["tracks"].as_array();
    let found = tracks.and_then(|all| all.iter().find(|track| track["id"] == id));
    found.map_or(Value::Null, |track| track["health"].clone())
}

fn found(stream: &Value) -> Vec<String> {
    let all = stream["findings"].as_array().into_iter().flatten();
    all.filter_map(|one| one["id"].as_str().map(str::to_owned)).collect()
}

/// Waits until a rule strikes, and hands out what is said.
fn wait_finding(server: &Manycast, name: &str, id: &str) -> Value {
    let find = || {
        let stream = server.stream(name);
        let all = stream["findings"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["id"] == id)
    };
    until(&format!("{id} is found on {name}"), secs(45), || find().is_some());
    find().unwrap_or_default()
}

/// Whether none of these rules strikes.
fn free_of(stream: &Value, ids: &[&str]) -> bool {
    !found(stream).iter().any(|id| ids.contains(&id.as_str()))
}

#[test]
fn the_figures_are_those_that_the_encoder_was_told() {
    let server = Setup::new().stream("main", &key("main")).start();
    let _encoder = encode(&server, "main", &[&lavfi(PICTURE), &lavfi(TONE)], &[]);
    until("four groups of pictures came", secs(45), || {
        let stream = server.stream("main");
        let whole = track(&stream, "video:0")["window_s"] == 10;
        whole && stream["health"]["av_drift_ms"].is_i64()
    });
    let stream = server.stream("main");
    let (video, audio) = (track(&stream, "video:0"), track(&stream, "audio:0"));
    let near = |value: &Value, want: f64, by: f64| {
        value.as_f64().is_some_and(|value| (value - want).abs() <= by)
    };
    let interval = &video["key_frame_interval"];
    for (what, value, want, by) in [
        ("frame rate", &video["frame_rate"], 30.0, 0.1),
        ("key frame now", &interval["now_ms"], 2000.0, 2.0),
        ("key frame worst", &interval["worst_ms"], 2000.0, 2.0),
        ("key frame drift", &interval["drift_ms"], 0.0, 2.0),
        ("pictures of a Gop", &interval["frames"], 60.0, 0.0),
        ("B-frames", &video["b_frames"], 2.0, 0.0),
        // a reference among the B-frames holds the order back by one picture more
        ("reordering", &video["reorder_ms"], 133.0, 2.0),
        ("longest gap", &video["longest_gap_ms"], 34.0, 1.0),
        ("sound's rate", &audio["frame_rate"], 48_000.0 / 1024.0, 0.3),
        ("sound's bitrate", &audio["bitrate"]["mean"], 96_000.0, 40_000.0),
        ("picture still", &video["still_s"], 0.0, 0.0),
        ("sound still", &audio["still_s"], 0.0, 0.0),
        ("clock", &stream["health"]["clock_rebased"], 0.0, 0.0),
        ("offset", &stream["health"]["av_offset_ms"], 0.0, 400.0),
    ] {
        assert!(near(value, want, by), "{what}: {value} for {want} in {stream:#}");
    }
    let wrong = ["key_frames_far", "key_frames_auto", "key_frames_unsteady", "b_frames"];
    assert!(free_of(&stream, &wrong), "{:?}", found(&stream));
    let wrong = ["audio_missing", "audio_silent", "video_frozen", "clock_jumps", "silent"];
    assert!(free_of(&stream, &wrong), "{:?}", found(&stream));
    let metrics = server.metrics();
    let metric = |name: &str| metrics.get(name).copied();
    assert_eq!(metric("manycast_stream_b_frames{stream=\"main\"}"), Some(2.0));
    let rate = metric("manycast_stream_frames_per_second{stream=\"main\"}");
    assert!(rate.is_some_and(|rate| (rate - 30.0).abs() < 0.1), "{rate:?}");
}

#[test]
fn what_an_encoder_does_wrong_is_found_and_nothing_else() {
    let setup = Setup::new().stream("mute", &key("mute")).stream("frozen", &key("frozen"));
    let server = setup.stream("silent", &key("silent")).stream("auto", &key("auto")).start();
    let picture = server.setup.file("picture.png").to_string_lossy().into_owned();
    let once = ["-v", "error", "-f", "lavfi", "-i", PICTURE, "-frames:v", "1", "-y", &picture];
    run("ffmpeg", &once, secs(10));
    let frozen: &[&str] = &["-loop", "1", "-framerate", "30", "-i", &picture];
    let (moving, tone) = (lavfi(PICTURE), lavfi(TONE));
    let silence = lavfi("anullsrc=sample_rate=48000:channel_layout=stereo");
    let _mute = encode(&server, "mute", &[&moving], &[]);
    let _frozen = encode(&server, "frozen", &[frozen, &tone], &[]);
    let _silent = encode(&server, "silent", &[&moving, &silence], &[]);
    // the encoder's own default: a key frame every 250 pictures
    let fast = lavfi("testsrc2=size=320x180:rate=50");
    let _auto = encode(&server, "auto", &[&fast, &tone], &["-g", "250"]);

    let said = wait_finding(&server, "mute", "audio_missing");
    assert!(said["severity"] == "warning" && said["track"].is_null(), "{said}");
    assert!(said["remedy"].as_str().is_some_and(|text| text.contains("anullsrc")), "{said}");
    let said = wait_finding(&server, "frozen", "video_frozen");
    assert!(said["track"] == "video:0", "{said}");
    let said = wait_finding(&server, "silent", "audio_silent");
    assert!(said["track"] == "audio:0", "{said}");
    let said = wait_finding(&server, "auto", "key_frames_auto");
    let sentence = said["sentence"].as_str().unwrap_or_default();
    assert!(sentence.contains("5.0 s apart, 250 pictures"), "{said}");

    let all = ["audio_missing", "video_frozen", "audio_silent", "key_frames_auto"];
    for (name, own) in ["mute", "frozen", "silent", "auto"].into_iter().zip(all) {
        let others: Vec<_> = all.into_iter().filter(|id| *id != own).collect();
        let stream = server.stream(name);
        assert!(free_of(&stream, &others), "{name}: {:?}", found(&stream));
    }
    let metrics = server.metrics();
    let struck = |stream: &str, rule: &str| {
        let name = format!("manycast_stream_finding{{stream=\"{stream}\",rule=\"{rule}\"}}");
        metrics.get(&name).copied()
    };
    assert_eq!(struck("mute", "audio_missing"), Some(1.0));
    assert_eq!(struck("frozen", "video_frozen"), Some(1.0));
    assert_eq!(struck("silent", "audio_missing"), Some(0.0));
}
