//! A healthy stream has no finding; each change of it beyond a bound has one, and up to the bound
//! none.

use super::{Shape, Subject, findings};
use crate::{Finding, Rule};
use manycast_hub::health::{Bitrate, KeyFrames, Pictures};
use manycast_hub::{Health, TrackHealth, Trouble};
use manycast_media::{Codec, TimeDelta, Track, TrackId};
use std::collections::BTreeSet;
use std::time::Duration;

const V: TrackId = TrackId::VIDEO;
const A: TrackId = TrackId::AUDIO;

#[derive(Clone)]
struct Case {
    health: Health,
    trouble: Option<Trouble>,
    subjects: Vec<Subject>,
}

fn ms(ms: i64) -> TimeDelta {
    TimeDelta::from_millis(ms)
}

fn track(id: TrackId, bits: u64, rate: f64) -> TrackHealth {
    TrackHealth {
        id,
        seconds: 10,
        frames: (rate * 10.0) as u64,
        bitrate: Bitrate { last: bits, mean: bits, low: bits, peak: bits },
        frame_rate: Some(rate),
        speed: Some(1.0),
        longest_gap: ms(40),
        uneven_seconds: 0,
        jitter: Duration::from_millis(4),
        late: 0,
        late_now: 0,
        clock_levelled: 0,
        clock_rebased: 0,
        still: Duration::ZERO,
        idle: Duration::from_millis(20),
        pictures: None,
    }
}

/// 1080p at 30 frames per second, a key frame every 2 s, AAC at 48 kHz; an hour old.
fn healthy() -> Case {
    let key_frames = KeyFrames {
        now: ms(2000),
        worst: ms(2000),
        shortest: ms(2000),
        longest: ms(2000),
        known: 8,
        frames: 60,
    };
    let pictures = Pictures { key_frames: Some(key_frames), b_frames: 2, reorder: ms(100) };
    let video = TrackHealth { pictures: Some(pictures), ..track(V, 6_000_000, 30.0) };
    let health = Health {
        age: Duration::from_secs(3600),
        av_offset: Some(ms(20)),
        av_drift: Some(ms(5)),
        tracks: vec![video, track(A, 160_000, 46.875)],
        ..Health::default()
    };
    let picture = Shape::Picture {
        width: 1920,
        height: 1080,
        fps: Some(30.0),
        profile: Some("High".to_owned()),
    };
    let sound = Shape::Sound { sample_rate: 48_000 };
    let subject = |id, codec, shape| Subject { id, codec, configured: true, shape: Some(shape) };
    let subjects = vec![subject(V, Codec::H264, picture), subject(A, Codec::Aac, sound)];
    Case { health, trouble: None, subjects }
}

impl Case {
    fn video(&mut self) -> &mut TrackHealth {
        &mut self.health.tracks[0]
    }

    fn audio(&mut self) -> &mut TrackHealth {
        &mut self.health.tracks[1]
    }

    fn keys(&mut self) -> &mut KeyFrames {
        self.pictures().key_frames.as_mut().unwrap()
    }

    fn pictures(&mut self) -> &mut Pictures {
        self.video().pictures.as_mut().unwrap()
    }

    fn picture(&mut self, width: u32, height: u32, fps: Option<f64>, profile: &str) {
        let profile = Some(profile.to_owned());
        self.subjects[0].shape = Some(Shape::Picture { width, height, fps, profile });
    }

    fn sample_rate(&mut self, sample_rate: u32) {
        self.subjects[1].shape = Some(Shape::Sound { sample_rate });
    }

    fn judge(&self) -> Vec<Finding> {
        findings(&self.health, self.trouble, &self.subjects)
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

type Change = fn(&mut Case);

/// What is done to the healthy stream, and what is found, with a piece of its sentence.
const ROWS: &[(Change, &[(Rule, &str)])] = &[
    (|_| (), &[]),
    // what stops the stream
    (|c| c.trouble = Some(Trouble::NoCodecConfig), &[(Rule::NoCodecConfig, "without")]),
    (|c| c.trouble = Some(Trouble::WaitingForKeyFrame), &[(Rule::WaitingForKeyFrame, "joins")]),
    (|c| c.trouble = Some(Trouble::GopTooLarge), &[(Rule::GopTooLarge, "more than is kept")]),
    (
        |c| {
            c.trouble = Some(Trouble::Silent);
            c.video().idle = secs(7);
            c.audio().idle = Duration::from_millis(6_900);
            c.health.silence = Duration::from_millis(6_900);
            c.video().speed = Some(0.2);
            c.video().jitter = secs(1);
        },
        &[(Rule::Silent, "for 6.9 s")],
    ),
    (|c| c.video().idle = Duration::from_millis(4_900), &[]),
    (|c| c.video().idle = secs(5), &[(Rule::VideoStopped, "for 5.0 s")]),
    (|c| c.audio().idle = Duration::from_millis(2_900), &[]),
    (|c| c.audio().idle = secs(3), &[(Rule::AudioStopped, "for 3.0 s")]),
    // what the configuration says
    (|c| c.subjects[0].shape = None, &[(Rule::ConfigUnreadable, "h264")]),
    (
        |c| {
            c.subjects[0].shape = None;
            c.subjects[0].configured = false;
        },
        &[],
    ),
    (
        |c| {
            c.subjects[0].codec = Codec::Opaque;
            c.subjects[0].shape = None;
        },
        &[(Rule::CodecUnknown, "unknown")],
    ),
    (
        |c| {
            c.subjects[1].codec = Codec::Speex;
            c.subjects[1].shape = None;
        },
        &[(Rule::CodecOld, "speex")],
    ),
    (|c| c.picture(1920, 1080, None, "High 10"), &[(Rule::ProfileUnplayable, "High 10")]),
    (|c| c.picture(1920, 1079, None, "High"), &[(Rule::PictureSizeOdd, "1920x1079")]),
    (|c| c.picture(1919, 1080, None, "High"), &[(Rule::PictureSizeOdd, "1919x1080")]),
    (|c| c.sample_rate(44_100), &[]),
    (|c| c.sample_rate(32_000), &[(Rule::SampleRateUnusual, "32000")]),
    // key frames
    (|c| c.keys().now = ms(4_100), &[]),
    (|c| c.keys().now = ms(4_101), &[(Rule::KeyFramesFar, "4.1 s apart")]),
    (
        |c| {
            c.keys().now = ms(8_333);
            c.keys().frames = 250;
        },
        &[(Rule::KeyFramesAuto, "8.3 s apart")],
    ),
    (|c| c.keys().shortest = ms(1_500), &[]),
    (|c| c.keys().shortest = ms(1_499), &[(Rule::KeyFramesUnsteady, "from 1.5 s to 2.0 s")]),
    (
        |c| {
            c.keys().shortest = ms(3_100);
            c.keys().longest = ms(4_000);
        },
        &[],
    ),
    (
        |c| {
            c.keys().shortest = ms(400);
            c.keys().known = 3;
        },
        &[],
    ),
    (|c| c.pictures().b_frames = 3, &[(Rule::BFrames, "3 B-frames in a row")]),
    // frame rate
    (|c| c.video().frame_rate = Some(27.0), &[]),
    (
        |c| c.video().frame_rate = Some(26.9),
        &[(Rule::FrameRateLow, "26.9 pictures per second come, 30")],
    ),
    (|c| c.picture(1920, 1080, Some(60.0), "High"), &[]),
    (
        |c| {
            c.video().frame_rate = Some(20.0);
            c.video().seconds = 4;
        },
        &[],
    ),
    (|c| c.picture(1920, 1080, None, "High"), &[]),
    (
        |c| {
            c.video().uneven_seconds = 3;
            c.video().longest_gap = ms(200);
        },
        &[(Rule::FrameRateUneven, "gaps of up to 200 ms in 3 of")],
    ),
    (|c| c.video().uneven_seconds = 2, &[]),
    // bitrate
    (
        |c| c.video().bitrate = Bitrate { mean: 1_900_000, peak: 1_900_000, ..Bitrate::default() },
        &[],
    ),
    (
        |c| c.video().bitrate = Bitrate { mean: 1_800_000, peak: 1_900_000, ..Bitrate::default() },
        &[(Rule::BitrateLow, "1.8 Mbit/s is thin for 1920x1080 at 30 pictures per second")],
    ),
    (
        |c| {
            c.video().bitrate = Bitrate { mean: 1_000_000, peak: 1_000_000, ..Bitrate::default() };
            c.subjects[0].codec = Codec::H265;
        },
        &[],
    ),
    (
        |c| {
            c.video().bitrate = Bitrate { mean: 31_200_000, peak: 31_200_000, ..Bitrate::default() }
        },
        &[(
            Rule::BitrateHigh,
            "31.2 Mbit/s is more than 1920x1080 at 30 pictures per second can show, about 9.3 Mbit/s",
        )],
    ),
    (|c| c.video().bitrate.mean = 31_000_000, &[]),
    (|c| c.video().bitrate.peak = 15_000_000, &[]),
    (
        |c| c.video().bitrate.peak = 15_100_000,
        &[(Rule::BitrateUnsteady, "15.1 Mbit/s in one second, 6.0 Mbit/s on average")],
    ),
    (
        |c| {
            c.video().bitrate.peak = 60_000_000;
            c.video().late_now = 1;
        },
        &[],
    ),
    // nothing to see or hear
    (|c| c.video().still = secs(9), &[]),
    (
        |c| {
            c.video().still = secs(10);
            c.video().bitrate.mean = 20_000;
        },
        &[(Rule::VideoFrozen, "for 10 s")],
    ),
    (|c| c.audio().still = secs(180), &[(Rule::AudioSilent, "for 3 min")]),
    (
        |c| {
            c.health.tracks.truncate(1);
            c.subjects.truncate(1);
        },
        &[(Rule::AudioMissing, "no sound")],
    ),
    (
        |c| {
            c.health.tracks.truncate(1);
            c.health.age = Duration::from_millis(4_900);
        },
        &[],
    ),
    (
        |c| {
            c.health.tracks.remove(0);
            c.subjects.remove(0);
            c.health.av_offset = None;
        },
        &[],
    ),
    // the way and the clock
    (|c| c.video().speed = Some(0.9), &[]),
    (|c| c.video().speed = Some(0.85), &[(Rule::TooSlow, "0.85 s of stream per second")]),
    (|c| c.video().jitter = Duration::from_millis(100), &[]),
    (|c| c.video().jitter = Duration::from_millis(130), &[(Rule::JitterHigh, "130 ms")]),
    (|c| c.audio().jitter = Duration::from_millis(130), &[]),
    (
        |c| {
            c.video().jitter = secs(1);
            c.video().late_now = 90;
            c.video().seconds = 9;
        },
        &[],
    ),
    (|c| c.video().late_now = 14, &[]),
    (|c| c.video().late_now = 15, &[(Rule::FramesLate, "15 of the last 300")]),
    (|c| c.health.av_offset = Some(ms(101)), &[]),
    (
        |c| {
            c.health.av_offset = Some(ms(-240));
            c.health.av_drift = Some(ms(-60));
        },
        &[(Rule::AvOffsetGrowing, "240 ms before the pictures of the same time, 60 ms more")],
    ),
    (
        |c| {
            c.health.av_offset = Some(ms(240));
            c.health.av_drift = Some(ms(-60));
        },
        &[],
    ),
    (|c| c.health.av_offset = Some(ms(501)), &[(Rule::AvOffsetLarge, "501 ms after")]),
    (|c| c.health.av_offset = Some(ms(-500)), &[]),
    (
        |c| {
            c.health.clock_levelled = 3;
            c.health.clock_rebased = 1;
            c.health.clock_fault_ago = Some(secs(42));
        },
        &[(Rule::ClockJumps, "(leaps: 1, steps back: 3), the last time 42 s ago")],
    ),
    (|c| c.health.clock_fault_ago = Some(secs(61)), &[]),
];

#[test]
fn each_rule_strikes_beyond_its_bound_alone() {
    for (n, (change, want)) in ROWS.iter().enumerate() {
        let mut case = healthy();
        change(&mut case);
        let got = case.judge();
        let rules: Vec<_> = got.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, want.iter().map(|row| row.0).collect::<Vec<_>>(), "row {n}: {got:?}");
        for (finding, (_, piece)) in got.iter().zip(*want) {
            let sentence = &finding.sentence;
            assert!(sentence.contains(piece), "row {n}: {sentence}");
            assert!(!sentence.contains(['{', '}']), "row {n}: {sentence}");
        }
    }
    let struck: BTreeSet<_> = ROWS.iter().flat_map(|(_, want)| *want).map(|row| row.0).collect();
    assert_eq!(struck.into_iter().collect::<Vec<_>>(), Rule::ALL, "a rule has no row");
}

#[test]
fn the_worst_comes_first_and_names_its_track() {
    let mut case = healthy();
    case.keys().shortest = ms(400);
    case.audio().still = secs(20);
    case.health.av_offset = Some(ms(800));
    case.trouble = Some(Trouble::GopTooLarge);
    let got: Vec<_> = case.judge().iter().map(|found| (found.rule, found.track)).collect();
    let want = [
        (Rule::GopTooLarge, None),
        (Rule::AudioSilent, Some(A)),
        (Rule::KeyFramesUnsteady, Some(V)),
        (Rule::AvOffsetLarge, None),
    ];
    assert_eq!(got, want);
}

#[test]
fn several_tracks_are_judged_each_by_itself() {
    let mut case = healthy();
    let second = TrackId { index: 1, ..V };
    let mut figures = case.video().clone();
    figures.id = second;
    figures.still = secs(12);
    case.health.tracks.push(figures);
    case.subjects.push(Subject { id: second, ..case.subjects[0].clone() });
    let got = case.judge();
    assert_eq!((got.len(), got[0].rule, got[0].track), (1, Rule::VideoFrozen, Some(second)));
}

#[test]
fn a_subject_is_what_its_configuration_says() {
    let config = |record: &'static [u8]| manycast_media::CodecConfig {
        codec: Codec::Aac,
        record: bytes::Bytes::from_static(record),
        wire: None,
    };
    let of = |config| Subject::of(&Track { id: A, codec: Codec::Aac, config });
    let known = of(Some(config(&[0x12, 0x10])));
    assert!(known.shape == Some(Shape::Sound { sample_rate: 44_100 }), "{known:?}");
    let broken = of(Some(config(&[0x12])));
    assert!(broken.configured && broken.shape.is_none());
    let none = of(None);
    assert!(!none.configured && none.shape.is_none());
}
