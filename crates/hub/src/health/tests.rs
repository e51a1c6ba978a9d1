//! Streams of known habits, in virtual time, and the figures that have to come of them.

use super::{Health, LATE, TrackHealth};
use crate::{Hub, Publisher, StreamStats, Takeover, WindowLimits};
use bytes::Bytes;
use manycast_media::{Codec, Frame, TimeDelta, Timestamp, TrackId, TrackKind};
use std::time::{Duration, Instant};

const V: TrackId = TrackId::VIDEO;
const A: TrackId = TrackId::AUDIO;

/// A Stream with a Publisher, and a clock that only moves on order.
struct Bench {
    start: Instant,
    publisher: Publisher,
}

impl Bench {
    fn new() -> Self {
        let start = Instant::now();
        let hub = Hub::new();
        let stream = hub.open(&"main".parse().unwrap(), WindowLimits::default());
        let publisher = stream.publish(start, Takeover::WhenSilent, "a test").unwrap();
        Self { start, publisher }
    }

    /// A Frame that arrives at `at` ms with the time `dts` ms.
    fn push(&mut self, track: TrackId, at: i64, dts: i64, key: bool, payload: &[u8]) {
        self.push_shown(track, at, dts, dts, key, payload);
    }

    fn push_shown(
        &mut self,
        track: TrackId,
        at: i64,
        dts: i64,
        pts: i64,
        key: bool,
        payload: &[u8],
    ) {
        let codec = if track.kind == TrackKind::Video { Codec::H264 } else { Codec::Aac };
        let frame = Frame {
            track,
            codec,
            dts: Timestamp::from_millis(dts),
            pts: Timestamp::from_millis(pts),
            key,
            payload: Bytes::copy_from_slice(payload),
            wire: None,
        };
        let now = self.start + Duration::from_millis(at.unsigned_abs());
        self.publisher.push(now, frame).unwrap();
    }

    fn stats(&self, at: u64) -> StreamStats {
        self.publisher.stream().stats(self.start + Duration::from_millis(at))
    }

    fn health(&self, at: u64) -> Health {
        self.stats(at).publisher.unwrap().health
    }

    fn video(&self, at: u64) -> TrackHealth {
        self.health(at).track(V).unwrap().clone()
    }

    fn audio(&self, at: u64) -> TrackHealth {
        self.health(at).track(A).unwrap().clone()
    }
}

/// A payload that resembles no other.
fn noise(seed: i64, size: usize) -> Vec<u8> {
    let mut state = seed.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..size).map(|_| next()).collect()
}

/// Pictures every 40 ms with a key frame every 2 s, sound every 20 ms; both on time.
fn steady(bench: &mut Bench, from: i64, to: i64) {
    for at in (from..to).step_by(20) {
        if at % 40 == 0 {
            let key = at % 2000 == 0;
            bench.push(V, at, at, key, &noise(at, if key { 20_000 } else { 4_000 }));
        }
        bench.push(A, at, at, true, &noise(at, 300));
    }
}

fn ms(delta: Option<TimeDelta>) -> Option<i64> {
    delta.map(TimeDelta::as_millis)
}

fn near(got: Option<f64>, want: f64) -> bool {
    got.is_some_and(|got| (got - want).abs() < 0.01)
}

#[test]
fn a_steady_stream_shows_its_figures() {
    let mut bench = Bench::new();
    steady(&mut bench, 0, 30_000);
    let health = bench.health(30_000);
    assert_eq!(health.age, Duration::from_secs(30));
    assert_eq!(health.silence, Duration::from_millis(20));
    let video = health.track(V).unwrap();
    assert_eq!((video.seconds, video.frames), (10, 250));
    assert!(near(video.frame_rate, 25.0), "{video:?}");
    assert!(near(video.speed, 1.0), "{video:?}");
    // 25 pictures of 4,000 bytes; every other second one of 20,000 in place of one
    assert_eq!((video.bitrate.low, video.bitrate.peak), (800_000, 928_000));
    assert_eq!((video.bitrate.mean, video.bitrate.last), (864_000, 800_000));
    let keys = video.pictures.unwrap().key_frames.unwrap();
    assert_eq!((keys.now.as_millis(), keys.worst.as_millis(), keys.frames), (2000, 2000, 50));
    assert_eq!((keys.drift(), keys.known), (TimeDelta::ZERO, 8));
    assert_eq!((video.longest_gap.as_millis(), video.uneven_seconds), (40, 0));
    let audio = health.track(A).unwrap();
    assert!(near(audio.frame_rate, 50.0) && audio.pictures.is_none(), "{audio:?}");
    for track in [video, audio] {
        assert_eq!((track.jitter, track.late, track.still), Default::default(), "{track:?}");
    }
    assert_eq!((ms(health.av_offset), ms(health.av_drift)), (Some(0), Some(0)));
    assert_eq!((health.clock_levelled, health.clock_rebased), (0, 0));
    assert_eq!(health.clock_fault_ago, None);
}

#[test]
fn a_young_stream_shows_what_it_can() {
    let mut bench = Bench::new();
    steady(&mut bench, 0, 400);
    let video = bench.video(400);
    assert_eq!((video.seconds, video.frames, video.frame_rate, video.speed), (0, 0, None, None));
    assert_eq!(video.bitrate.mean, (20_000 + 9 * 4_000) * 8);
    assert_eq!(video.pictures.unwrap().key_frames, None);
    steady(&mut bench, 400, 3_000);
    let health = bench.health(3_000);
    let video = health.track(V).unwrap();
    assert_eq!((video.seconds, video.frames), (3, 75));
    assert!(near(video.frame_rate, 25.0) && video.speed.is_none(), "{video:?}");
    assert_eq!((ms(health.av_offset), health.av_drift), (Some(0), None));
}

#[test]
fn the_bitrate_falls_when_nothing_comes() {
    let mut bench = Bench::new();
    steady(&mut bench, 0, 10_000);
    let track = |bench: &Bench, at| bench.stats(at).publisher.unwrap().tracks[1].bitrate;
    assert_eq!(track(&bench, 10_000), 50 * 300 * 8);
    assert_eq!(track(&bench, 12_000), 50 * 300 * 8 * 3 / 5);
    assert_eq!(track(&bench, 70_000), 0);
    let audio = bench.audio(13_000);
    assert_eq!((audio.bitrate.last, audio.bitrate.low), (0, 0));
    assert_eq!(audio.idle, Duration::from_millis(13_000 - 9_980));
    assert_eq!(bench.audio(3_600_000).frames, 0);
}

#[test]
fn key_frame_distances_are_told_now_worst_and_drifting() {
    let mut bench = Bench::new();
    let keys = [0, 2000, 4000, 9000, 11_000, 12_000];
    for at in (0..15_000).step_by(40) {
        bench.push(V, at, at, keys.contains(&at), &noise(at, 2_000));
    }
    let found = bench.video(15_000).pictures.unwrap().key_frames.unwrap();
    // the last distance was 1 s, but the last key frame is 2.96 s away
    assert_eq!(found.now.as_millis(), 14_960 - 12_000);
    assert_eq!((found.worst.as_millis(), found.longest.as_millis()), (5000, 5000));
    assert_eq!((found.shortest.as_millis(), found.drift().as_millis()), (1000, 4000));
    assert_eq!((found.known, found.frames), (5, 25));
    let gop = bench.stats(15_000).publisher.unwrap().tracks[0].gop;
    assert_eq!(ms(gop), Some(1000));
}

/// Orders of decoding as offsets of presentation in pictures, one Gop each, and the depth.
#[test]
fn b_frames_are_counted_by_the_order_of_pictures() {
    for (shown, depth, reorder) in [
        (&[0, 1, 2, 3, 4, 5][..], 0, 0),
        // I P B P B
        (&[1, 3, 2, 5, 4], 1, 2),
        // I P B B B, flat
        (&[2, 6, 3, 4, 5], 3, 5),
        // I P B B B in a pyramid
        (&[2, 6, 4, 3, 5], 3, 5),
        // an encoder that adds a constant delay and no B-frames
        (&[2, 3, 4, 5], 0, 2),
    ] {
        let mut bench = Bench::new();
        for gop in 0..6 {
            let first = gop * shown.len() as i64;
            for (n, shown) in shown.iter().enumerate() {
                let dts = (first + n as i64) * 40;
                let pts = (first + shown) * 40;
                bench.push_shown(V, dts, dts, pts, n == 0, &noise(dts, 900));
            }
        }
        let pictures = bench.video(2_000).pictures.unwrap();
        let got = (pictures.b_frames, pictures.reorder.as_millis() / 40);
        assert_eq!(got, (depth, reorder), "{shown:?}");
    }
}

#[test]
fn b_frames_that_end_are_forgotten_two_gops_later() {
    let mut bench = Bench::new();
    for n in 0..100_i64 {
        let dts = n * 40;
        let pts = if n < 25 && n % 2 == 0 { dts + 80 } else { dts };
        bench.push_shown(V, dts, dts, pts, n % 25 == 0, &noise(dts, 900));
        let depth = bench.video(dts.unsigned_abs()).pictures.unwrap().b_frames;
        assert_eq!(depth > 0, (1..50).contains(&n), "picture {n}");
    }
}

#[test]
fn sound_that_arrives_later_and_later_is_an_offset_that_drifts() {
    let mut bench = Bench::new();
    for at in (0..60_000).step_by(20) {
        if at % 40 == 0 {
            bench.push(V, at, at, at % 2000 == 0, &noise(at, 2_000));
        }
        // its clock loses 10 ms per second, and it begins 50 ms behind
        bench.push(A, at, at - at / 100 - 50, true, &noise(at, 300));
    }
    let health = bench.health(60_000);
    let (offset, drift) = (ms(health.av_offset).unwrap(), ms(health.av_drift).unwrap());
    assert!((620..=630).contains(&offset), "{offset}"); // 50 + 575 in the mean of the last 5 s
    assert!((495..=505).contains(&drift), "{drift}"); // from second 7.5 to second 57.5
    let audio = health.track(A).unwrap();
    assert!(near(audio.speed, 0.99), "{audio:?}");
}

#[test]
fn sound_ahead_of_the_pictures_is_a_negative_offset() {
    let mut bench = Bench::new();
    for at in (0..8_000).step_by(20) {
        bench.push(A, at, at + 200, true, &noise(at, 300));
        if at % 40 == 0 {
            bench.push(V, at, at, at % 2000 == 0, &noise(at, 2_000));
        }
    }
    assert_eq!(ms(bench.health(8_000).av_offset), Some(-200));
}

/// RFC 3550 6.4.1: a transit that changes by d with every Frame has a jitter of d.
#[test]
fn jitter_converges_to_the_step_of_the_transit() {
    for (early, late) in [(0, 0), (0, 16), (5, 45), (0, 160)] {
        let mut bench = Bench::new();
        for n in 0..400_i64 {
            let at = n * 200 + if n % 2 == 0 { early } else { late };
            bench.push(V, at, n * 200, n % 10 == 0, &noise(n, 900));
        }
        let jitter = bench.video(80_000).jitter.as_secs_f64() * 1000.0;
        let want = (late - early) as f64;
        assert!((jitter - want).abs() < 0.1, "{jitter} for {want}");
    }
}

#[test]
fn frames_are_late_by_the_fastest_of_the_last_seconds() {
    let mut bench = Bench::new();
    let bound = LATE.as_millis();
    for n in 0..1_000_i64 {
        // a stall of 1.2 s: what would have come in it comes at its end, at once
        let due = n * 40;
        let at = if (20_000..21_200).contains(&due) { 21_200 } else { due };
        bench.push(V, at, due, n % 50 == 0, &noise(n, 900));
        let video = bench.video(at.unsigned_abs());
        // those due before 20.7 s, 18 pictures, waited for more than half a second
        let so_far = (n - 499).clamp(0, 18).unsigned_abs();
        assert_eq!(video.late, so_far, "picture {n}");
        let recent = (20_000..32_000).contains(&due);
        assert_eq!(video.late_now, if recent { so_far } else { 0 }, "picture {n}");
        assert_eq!(at - due > bound, (500..518).contains(&n), "picture {n}");
    }
    assert_eq!(bench.stats(40_000).frames_late, 18);
}

/// A pause that is not made up for is a new line after the window: nothing is late for ever.
#[test]
fn a_clock_that_falls_behind_once_is_forgiven() {
    let mut bench = Bench::new();
    for n in 0..1_000_i64 {
        let late = if n < 500 { 0 } else { 3_000 };
        bench.push(V, n * 40 + late, n * 40, n % 50 == 0, &noise(n, 900));
    }
    let video = bench.video(43_000);
    // until the last second before the pause has left the window: from second 23 to second 29
    assert_eq!((video.late, video.late_now), (175, 0));
}

#[test]
fn media_slower_than_time_shows_in_its_speed() {
    let mut bench = Bench::new();
    for n in 0..600_i64 {
        bench.push(V, n * 50, n * 40, n % 50 == 0, &noise(n, 900));
    }
    let video = bench.video(30_000);
    assert!(near(video.speed, 0.8) && near(video.frame_rate, 25.0), "{video:?}");
}

#[test]
fn left_out_pictures_are_gaps() {
    let mut bench = Bench::new();
    for n in (0..500_i64).filter(|n| n % 100 > 3) {
        bench.push(V, n * 40, n * 40, n % 100 == 4, &noise(n, 900));
    }
    let video = bench.video(20_000);
    assert_eq!((video.longest_gap.as_millis(), video.uneven_seconds), (200, 2), "{video:?}");
    assert!(video.frame_rate.is_some_and(|rate| (23.8..24.3).contains(&rate)), "{video:?}");
}

/// What a picture or a piece of sound looks like, and whether it says anything.
#[test]
fn frames_that_say_nothing_are_told_from_those_that_do() {
    let padded = |size: usize, content: usize| {
        let mut payload = noise(1, content);
        payload.resize(size, 0xFF);
        payload
    };
    let row = |n: i64, size| noise(n, size);
    type Make<'a> = &'a dyn Fn(i64) -> Vec<u8>;
    let rows: [(&str, TrackId, usize, Make<'_>, bool); 12] = [
        ("moving pictures", V, 20_000, &|n| row(n, 3_000), false),
        ("skipped pictures", V, 150_000, &|n| row(n, 70), true),
        ("black pictures", V, 432, &|n| row(n, 73), true),
        ("small beside the key frame", V, 20_000, &|n| row(n, 400), true),
        ("a tiny picture that moves", V, 1_300, &|n| row(n, 210), false),
        ("skipped and padded", V, 60_000, &|_| padded(25_000, 90), true),
        ("moving and padded", V, 60_000, &|n| [row(n, 9_000), vec![0xFF; 900]].concat(), false),
        ("one in five moves", V, 60_000, &|n| row(n, if n % 5 == 0 { 3_000 } else { 70 }), true),
        ("one in three moves", V, 60_000, &|n| row(n, if n % 3 == 0 { 3_000 } else { 70 }), false),
        ("sound", A, 0, &|n| row(n, 280), false),
        ("silence in few bytes", A, 0, &|n| row(n, 6), true),
        ("silence at a constant rate", A, 0, &|n| vec![7; 417 + (n % 10 == 0) as usize], true),
    ];
    for (what, track, key_size, payload, empty) in rows {
        let mut bench = Bench::new();
        for n in 0..500_i64 {
            let key = track == A || n % 50 == 0;
            let payload = if key && track == V { noise(n, key_size) } else { payload(n) };
            bench.push(track, n * 40, n * 40, key, &payload);
        }
        let still = bench.health(20_000).track(track).unwrap().still;
        assert_eq!(still, Duration::from_secs(if empty { 20 } else { 0 }), "{what}");
    }
}

#[test]
fn stillness_ends_with_the_first_second_that_moves() {
    let mut bench = Bench::new();
    for n in 0..500_i64 {
        let size = if (125..375).contains(&n) { 60 } else { 3_000 };
        let size = if n % 50 == 0 { 30_000 } else { size };
        bench.push(V, n * 40, n * 40, n % 50 == 0, &noise(n, size));
    }
    assert_eq!(bench.video(20_000).still, Duration::ZERO);
    let mut bench = Bench::new();
    for n in 0..375_i64 {
        let size = if n >= 125 { 60 } else { 3_000 };
        let size = if n % 50 == 0 { 30_000 } else { size };
        bench.push(V, n * 40, n * 40, n % 50 == 0, &noise(n, size));
    }
    assert_eq!(bench.video(14_990).still, Duration::from_secs(9));
    assert_eq!(bench.video(15_000).still, Duration::from_secs(10));
}

#[test]
fn clock_faults_are_counted_by_track_and_dated() {
    let mut bench = Bench::new();
    steady(&mut bench, 0, 4_000);
    bench.push(V, 4_000, 3_900, false, &noise(1, 900));
    bench.push(A, 4_000, 3_600_000, true, &noise(1, 300));
    let health = bench.health(9_000);
    assert_eq!((health.clock_levelled, health.clock_rebased), (1, 1));
    assert_eq!(health.clock_fault_ago, Some(Duration::from_secs(5)));
    let counts = |id| health.track(id).map(|t| (t.clock_levelled, t.clock_rebased));
    assert_eq!((counts(V), counts(A)), (Some((1, 0)), Some((0, 1))));
    let stats = bench.stats(9_000);
    assert_eq!((stats.clock_levelled, stats.clock_rebased), (1, 1));
}

/// Six Tracks at once: each has figures of its own.
#[test]
fn each_track_is_measured_by_itself() {
    let mut bench = Bench::new();
    let tracks: Vec<_> = (0..6).map(|index| TrackId { kind: TrackKind::Video, index }).collect();
    for n in 0..600_i64 {
        for track in &tracks {
            let index = i64::from(track.index);
            if n % (index + 1) == 0 {
                let key = n % (60 * (index + 1)) == 0;
                bench.push(*track, n * 20, n * 20, key, &noise(n, 1_000));
            }
        }
    }
    let health = bench.health(12_000);
    for track in &tracks {
        let own = health.track(*track).unwrap();
        let each = f64::from(track.index) + 1.0;
        assert!(own.frame_rate.is_some_and(|r| (r - 50.0 / each).abs() < 0.6), "{own:?}");
        let key = own.pictures.unwrap().key_frames.map(|keys| keys.now.as_millis());
        assert!(key.is_none_or(|key| key == 1200 * (i64::from(track.index) + 1)), "{own:?}");
    }
    assert_eq!(health.lead(TrackKind::Video).unwrap().id, V);
    assert_eq!(health.lead(TrackKind::Audio), None);
}

/// Whatever a stranger stamps and however much it sends, nothing overflows.
#[test]
fn absurd_times_are_borne() {
    let mut bench = Bench::new();
    let far = i64::MAX / 40_000;
    for n in 0..3_000_i64 {
        let dts = if n % 3 == 0 { far } else { n * 9_999 };
        let pts = if n % 2 == 0 { far } else { -far };
        bench.push_shown(V, n / 100, dts, pts, n % 7 == 0, &noise(n, 20));
        bench.push(A, n / 100, far - n * 9_000, true, &[]);
    }
    let health = bench.health(u64::from(u32::MAX));
    assert_eq!(health.tracks.len(), 2);
    assert!(health.clock_rebased > 0);
}
