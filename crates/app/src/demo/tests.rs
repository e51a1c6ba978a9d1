//! The verifier finds what is wrong; the picture fits; the whole demo runs.

use super::cast::Cast;
use super::reel::{Reel, ReelFrame};
use super::snapshot::{Check, DestinationView, Snapshot, StreamView};
use super::verify::{Faults, Verifier};
use super::view::{self, Look};
use super::{End, Stage, play};
use bytes::Bytes;
use manycast_media::TrackKind;
use manycast_restream::State;
use std::sync::Arc;
use std::time::Duration;

/// Two Gops of three pictures, and a sound after each picture: 12 frames in 240 ms.
fn reel() -> Arc<Reel> {
    let frame = |n: u8| {
        let video = n.is_multiple_of(2);
        let kind = if video { TrackKind::Video } else { TrackKind::Audio };
        let key = video && (n / 2).is_multiple_of(3);
        ReelFrame { kind, at: i64::from(n) * 20, key, body: Bytes::from(vec![n; 4]) }
    };
    Arc::new(Reel::of((0..12).map(frame).collect(), 240))
}

/// What came: the number of a frame, with its time stamp shifted by so much.
fn receive(verifier: &mut Verifier, reel: &Reel, sent: u64, frames: &[u64], shift: i64) {
    for n in frames {
        let (frame, at) = reel.frame(*n);
        verifier.frame(sent, frame.kind, at + shift, &frame.body);
    }
}

fn faults(missing: u64, doubled: u64, changed: u64, mistimed: u64) -> Faults {
    Faults { missing, doubled, changed, mistimed }
}

#[test]
fn what_came_whole_is_whole_over_rounds_and_from_any_key_frame() {
    let reel = reel();
    for first in [0, 6, 12, 18] {
        let mut verifier = Verifier::new(reel.clone());
        let frames: Vec<_> = (first..40).collect();
        let shift = -reel.frame(first).1;
        // The first comes when a few more have been sent already.
        receive(&mut verifier, &reel, first + 5, &frames[..1], shift);
        receive(&mut verifier, &reel, 40, &frames[1..], shift);
        assert!(verifier.is_whole(40), "from {first}: {verifier:?}");
        assert!(verifier.is_settled(40));
        assert_eq!((verifier.due(40), verifier.good()), (40 - first, 40 - first));
    }
}

#[test]
fn whatever_is_wrong_is_found() {
    let reel = reel();
    let all: Vec<u64> = (0..36).collect();
    let without =
        |gone: &[u64]| -> Vec<u64> { all.iter().copied().filter(|n| !gone.contains(n)).collect() };
    let mut doubled = all.clone();
    doubled.insert(8, 7);
    let mut swapped = all.clone();
    swapped.swap(9, 10);
    let round: Vec<_> = (13..25).collect();
    for (what, frames, want) in [
        ("one missing", without(&[13]), faults(1, 0, 0, 0)),
        ("a whole round missing", without(&round), faults(12, 0, 0, 0)),
        ("one twice", doubled, faults(0, 1, 0, 0)),
        ("two swapped", swapped, faults(1, 1, 0, 0)),
    ] {
        let mut verifier = Verifier::new(reel.clone());
        receive(&mut verifier, &reel, 3, &frames[..1], 0);
        receive(&mut verifier, &reel, 36, &frames[1..], 0);
        assert_eq!(verifier.faults(), want, "{what}: {verifier:?}");
        assert!(!verifier.is_whole(36), "{what}");
    }
}

#[test]
fn a_changed_byte_and_a_wrong_time_are_found() {
    let reel = reel();
    for (body, late, want) in [
        (Some(Bytes::from_static(b"\x07\x07\x07\x06")), 0, faults(0, 0, 1, 0)),
        (None, 2, faults(0, 0, 0, 1)),
    ] {
        let mut verifier = Verifier::new(reel.clone());
        for n in 0..12 {
            let (frame, at) = reel.frame(n);
            let bad = n == 7;
            let body = body.as_ref().filter(|_| bad).unwrap_or(&frame.body);
            verifier.frame(12, frame.kind, if bad { at + late } else { at }, body);
        }
        assert_eq!(verifier.faults(), want);
        assert!(!verifier.is_whole(12));
    }
}

#[test]
fn what_never_came_is_missing() {
    let reel = reel();
    let mut verifier = Verifier::new(reel.clone());
    assert_eq!((verifier.due(12), verifier.missing(12)), (12, 12));
    assert!(!verifier.is_whole(12) && !verifier.is_whole(0));
    receive(&mut verifier, &reel, 12, &(0..10).collect::<Vec<_>>(), 0);
    assert_eq!(verifier.missing(12), 2, "the last two are not here");
    assert!(!verifier.is_whole(12) && verifier.is_whole(10));
    verifier.frame(12, TrackKind::Video, 0, b"foreign");
    assert_eq!(verifier.faults(), faults(0, 0, 1, 0));
}

#[test]
fn a_redial_that_begins_late_or_early_is_not_whole() {
    let reel = reel();
    for (again, want) in [(18u64, faults(6, 0, 0, 0)), (6, faults(0, 6, 0, 0))] {
        let mut verifier = Verifier::new(reel.clone());
        receive(&mut verifier, &reel, 12, &(0..12).collect::<Vec<_>>(), 0);
        verifier.run_started();
        let rest: Vec<_> = (again..24).collect();
        receive(&mut verifier, &reel, again + 3, &rest[..1], -50);
        receive(&mut verifier, &reel, 24, &rest[1..], -50);
        assert_eq!(verifier.faults(), want, "again from {again}: {verifier:?}");
        assert!(!verifier.is_whole(24) && verifier.is_settled(24));
    }
}

#[tokio::test]
async fn the_clip_loops_without_a_seam_and_no_two_frames_are_the_same() {
    let reel = Reel::load().await.unwrap();
    assert_eq!(reel.len(), 615);
    assert_eq!(reel.frame(615).1, 8000, "the second round begins when the first is over");
    assert!(reel.frame(0).0.key);
    let before = |n: u64| reel.frame(n - 1).1 <= reel.frame(n).1;
    assert!((1..1300).all(before), "in order of time");
}

fn snapshot() -> Snapshot {
    let destination = |name: &str, state, check| DestinationView {
        name: name.to_owned(),
        state,
        since: Duration::from_secs(3_725),
        bitrate: 123_456_789,
        frames: 12_345_678,
        dropped_gops: 1_234,
        dials: 12,
        last_error: Some(
            "the far end reset the connection, and then said a great deal more".into(),
        ),
        check,
    };
    let check = Check { good: 12_345_678, faults: Faults::default(), silence: Duration::ZERO };
    let bad = Check { faults: faults(1, 2, 3, 4), ..check };
    let stream = StreamView {
        live: true,
        time: Duration::from_secs(3_725),
        bitrate: 123_456_789,
        video: Some("h264 High 4:4:4 Predictive, 3840x2160".to_owned()),
        pictures: Some("59.9 fps, key frame every 2.0 s".to_owned()),
        audio: Some("aac LC, 48000 Hz, stereo".to_owned()),
        trouble: Some("key frames are too far apart: set the encoder's key frame interval"),
    };
    Snapshot {
        elapsed: Duration::from_secs(3_725),
        limit: Some(Duration::from_secs(86_400)),
        own: stream.clone(),
        stream,
        viewers: 1_234,
        destinations: vec![
            destination("alpha", State::Live, Some(check)),
            destination("beta", State::Handshake, Some(bad)),
            destination("ill", State::Backoff, None),
        ],
        rtmp: "127.0.0.1:65535".parse().unwrap(),
        dashboard: Some(format!("http://127.0.0.1:65535/setup#{:032x}", u128::MAX)),
        port_taken: true,
    }
}

#[test]
fn the_picture_fits_a_terminal_of_80_by_24() {
    let plain = view::picture(&snapshot(), Look::PLAIN);
    assert!(plain.len() <= 24, "{} lines", plain.len());
    for line in &plain {
        assert!(line.chars().count() <= view::WIDTH, "{} columns: {line}", line.len());
        assert!(!line.contains('\x1b'), "no colours: {line:?}");
    }
    let text = plain.join("\n");
    for part in ["rtmp://127.0.0.1:65535/live/demo", "stream key mine", "10 bad", "backoff"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let colour = view::picture(&snapshot(), Look { colour: true, mark: '*' }).join("\n");
    assert_ne!(colour, text);
    let mut bare = colour;
    for code in ["1", "2", "31", "32", "33", "0"] {
        bare = bare.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(bare, text, "colours are all that differs");
}

#[test]
fn plain_lines_have_no_escape_codes() {
    let line = view::line(&snapshot());
    assert!(!line.contains('\x1b') && !line.contains('\n'));
    assert!(line.contains("beta handshake, 12345678 frames verified, 10 WRONG"), "{line}");
    assert!(line.contains("ill backoff"), "{line}");
}

#[derive(Default)]
struct Recording {
    shown: usize,
    live: bool,
}

impl Stage for Recording {
    fn show(&mut self, snapshot: &Snapshot) {
        self.shown += 1;
        self.live |= snapshot.stream.live && snapshot.stream.video.is_some();
    }

    fn leave(&mut self, _: &Snapshot) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_runs_and_both_destinations_are_whole() {
    let limit = Some(Duration::from_secs(3));
    // Somebody has the port already: another one is taken.
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut cast = Cast::start([busy.local_addr().unwrap().port(), 0], limit).await.unwrap();
    let mut stage = Recording::default();
    let ended = play(&cast, limit, std::future::pending(), &mut stage).await;
    assert_eq!(ended, Ok(End::Time));
    assert!(stage.live && stage.shown > 4);
    cast.settle().await;
    let (last, summary) = (cast.snapshot(), cast.summary());
    assert!(last.port_taken);
    let dashboard = last.dashboard.unwrap();
    assert!(dashboard.starts_with("http://127.0.0.1:") && dashboard.contains("/setup#"));
    assert_eq!(last.destinations.len(), 3);
    cast.end().await.unwrap();
    assert!(summary.is_whole(), "{summary}");
    let due: u64 = summary.outcomes.iter().map(|outcome| outcome.due).sum();
    assert!(due > 200, "{summary}");
    let text = summary.to_string();
    let want = format!("demo: 2/2 whole, {due} frames, 0 missing");
    assert_eq!(text.lines().last(), Some(want.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_ends_by_order() {
    let mut cast = Cast::start([0, 0], None).await.unwrap();
    let stop = tokio::time::sleep(Duration::from_millis(600));
    let ended = play(&cast, None, stop, &mut Recording::default()).await;
    assert_eq!(ended, Ok(End::Interrupted));
    cast.settle().await;
    cast.end().await.unwrap();
}
