//! A healthy stream has no finding; each change of it beyond a bound has one, and up to the bound
//! none.

use super::{Subject, findings};
use crate::{Finding, Rule};
use manycast_codec::{
    AudioShape, CaptionPresence, Chroma, Description, FrameFault, Ratio, Shape, VideoShape, examine,
};
use manycast_hub::health::{Bitrate, KeyFrames, Pictures};
use manycast_hub::{Health, TrackHealth, Trouble};
use manycast_media::{Codec, Frame, TimeDelta, Timestamp, Track, TrackId};
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
        ended: false,
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
    let video = VideoShape {
        width: 1920,
        height: 1080,
        fps: Some(30.0),
        profile: Some("High".to_owned()),
        ..VideoShape::default()
    };
    let audio = AudioShape { sample_rate: 48_000, ..silence() };
    let subject = |id, codec, shape| Subject {
        id,
        codec,
        description: Some(Description { shape, rfc6381: None }),
        captions: CaptionPresence::default(),
        problem: None,
        fault: None,
    };
    let subjects = vec![
        subject(V, Codec::H264, Shape::Video(video)),
        subject(A, Codec::Aac, Shape::Audio(audio)),
    ];
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

    fn video_shape(&mut self) -> &mut VideoShape {
        match &mut self.subjects[0].description.as_mut().unwrap().shape {
            Shape::Video(video) => video,
            Shape::Audio(_) => unreachable!("the first one is of pictures"),
        }
    }

    fn audio_shape(&mut self) -> &mut AudioShape {
        match &mut self.subjects[1].description.as_mut().unwrap().shape {
            Shape::Audio(audio) => audio,
            Shape::Video(_) => unreachable!("the second one is of sound"),
        }
    }

    fn picture(&mut self, width: u32, height: u32, fps: Option<f64>, profile: &str) {
        let profile = Some(profile.to_owned());
        *self.video_shape() = VideoShape { width, height, fps, profile, ..VideoShape::default() };
    }

    fn sample_rate(&mut self, sample_rate: u32) {
        self.audio_shape().sample_rate = sample_rate;
    }

    fn judge(&self) -> Vec<Finding> {
        findings(&self.health, self.trouble, &self.subjects)
    }
}

/// Sound of which nothing is known.
fn silence() -> AudioShape {
    AudioShape {
        sample_rate: 0,
        channels: None,
        layout: None,
        profile: None,
        bit_depth: None,
        bitrate: None,
        frame_samples: None,
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn hdr(case: &mut Case, codec: Codec, bits: u8) {
    case.subjects[0].codec = codec;
    case.video_shape().bit_depth = Some(bits);
    // SMPTE ST 2084
    case.video_shape().colour.transfer = Some(16);
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
    (
        |c| c.subjects[0].problem = examine(Codec::H264, &[1, 100]).err(),
        &[(Rule::ConfigUnreadable, "the h264 configuration ends before it is complete")],
    ),
    (
        |c| {
            c.subjects[0].problem = examine(Codec::H264, &[1, 100]).err();
            c.subjects[0].fault = Some(FrameFault::ByteStream(Codec::H264));
        },
        &[(Rule::FramesDamaged, "start codes")],
    ),
    (|c| c.subjects[0].description = None, &[]),
    (
        |c| {
            c.subjects[0].codec = Codec::Opaque;
            c.subjects[0].description = None;
        },
        &[(Rule::CodecUnknown, "unknown")],
    ),
    (
        |c| {
            c.subjects[1].codec = Codec::Speex;
            c.subjects[1].description = None;
        },
        &[(Rule::CodecOld, "speex")],
    ),
    (|c| c.video_shape().interlaced = Some(true), &[(Rule::Interlaced, "combs")]),
    (
        |c| {
            c.subjects[0].codec = Codec::H265;
            c.video_shape().chroma = Some(Chroma::Yuv422);
        },
        &[(Rule::ChromaUnusual, "4:2:2")],
    ),
    (|c| c.video_shape().chroma = Some(Chroma::Yuv420), &[]),
    (|c| hdr(c, Codec::H265, 10), &[(Rule::Hdr, "PQ")]),
    (|c| hdr(c, Codec::H265, 8), &[(Rule::HdrUnusual, "PQ")]),
    (|c| hdr(c, Codec::H264, 8), &[(Rule::HdrUnusual, "PQ")]),
    (|c| c.video_shape().colour.full_range = Some(true), &[(Rule::FullRange, "crushed")]),
    (
        |c| c.video_shape().sample_aspect = Some(Ratio { numerator: 16, denominator: 11 }),
        &[(Rule::PixelsNotSquare, "squeezed")],
    ),
    (|c| c.video_shape().sample_aspect = Some(Ratio::ONE), &[]),
    (
        |c| {
            c.picture(1280, 720, Some(120.0), "High");
            c.video().frame_rate = Some(120.0);
        },
        &[(Rule::PicturesFast, "120 pictures per second")],
    ),
    (|c| c.audio_shape().channels = Some(2), &[]),
    (|c| c.audio_shape().channels = Some(6), &[(Rule::ChannelsMany, "6 channels")]),
    (
        |c| c.audio_shape().profile = Some("HE-AAC".to_owned()),
        &[(Rule::AudioHighEfficiency, "HE-AAC")],
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
    // one of several has ended: it does not stand for the Stream any more
    (
        |c| {
            let ended = TrackHealth { ended: true, idle: secs(7), ..c.video().clone() };
            c.health.tracks[0].id.index = 1;
            c.subjects[0].id.index = 1;
            c.health.tracks.push(ended);
        },
        &[(Rule::TrackEnded, "for 7.0 s")],
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
fn a_subject_is_what_its_configuration_and_a_frame_say() {
    let track = |codec, record: Option<&'static [u8]>| Track {
        id: if codec == Codec::Vp8 { V } else { A },
        codec,
        config: record.map(|record| manycast_media::CodecConfig {
            codec,
            record: bytes::Bytes::from_static(record),
            wire: None,
        }),
    };
    let of = |record| Subject::of(&track(Codec::Aac, record), None);
    let known = of(Some(&[0x12, 0x10]));
    let audio = known.description.as_ref().and_then(Description::as_audio);
    assert_eq!(audio.map(|audio| audio.sample_rate), Some(44_100));
    assert_eq!((known.problem, known.fault), (None, None));
    let broken = of(Some(&[0x12]));
    assert!(broken.problem.is_some() && broken.description.is_none());
    let none = of(None);
    assert!(none.problem.is_none() && none.description.is_none());
    let frame = |codec, payload: &'static [u8]| Frame {
        track: track(codec, None).id,
        codec,
        dts: Timestamp::ZERO,
        pts: Timestamp::ZERO,
        key: true,
        payload: bytes::Bytes::from_static(payload),
        wire: None,
    };
    // RFC 6386 9.1: a key frame of 320x180
    let picture = frame(Codec::Vp8, &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
    let seen = Subject::of(&track(Codec::Vp8, None), Some(&picture));
    let size = seen.video().map(|video| (video.width, video.height));
    assert_eq!((size, seen.fault), (Some((320, 180)), None), "the frame tells");
    let adts = frame(
        Codec::Aac,
        &[0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc, 0x21, 0, 0, 0, 0, 0, 0, 0, 0],
    );
    let wrong = Subject::of(&track(Codec::Aac, Some(&[0x12, 0x10])), Some(&adts));
    assert_eq!(wrong.fault, Some(FrameFault::Adts));
    let health = Health::default();
    let found = findings(&health, None, &[wrong]);
    assert_eq!((found.len(), found[0].rule), (1, Rule::FramesDamaged));
    assert!(found[0].remedy.starts_with(char::is_uppercase) && found[0].remedy.ends_with('.'));
}
