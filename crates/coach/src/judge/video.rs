//! A video Track that flows: key frames, order, frame rate, bitrate, movement.

use super::Subject;
use crate::words::{bitrate, length, rate, time};
use crate::{Finding, Rule};
use manycast_hub::TrackHealth;
use manycast_hub::health::{KeyFrames, WINDOW_SECONDS};
use manycast_media::{Codec, TimeDelta};
use std::time::Duration;

/// Platforms want 4 s at most; what is set to 4 s may come a few frames later.
const FAR: TimeDelta = TimeDelta::from_millis(4_100);
const UNSTEADY: TimeDelta = TimeDelta::from_millis(500);
/// What x264, NVENC and others take when nothing is set.
const DEFAULT_GOP: u32 = 250;
const MANY_B_FRAMES: u32 = 2;
const STILL: Duration = Duration::from_secs(10);

pub(super) fn judge(subject: &Subject, track: &TrackHealth, found: &mut Vec<Finding>) {
    let mut find = |rule, figures: &[(&str, String)]| {
        found.push(Finding::new(rule, Some(subject.id), figures));
    };
    if let Some(pictures) = &track.pictures {
        if let Some(keys) = &pictures.key_frames {
            key_frames(keys, &mut find);
        }
        if pictures.b_frames > MANY_B_FRAMES {
            find(Rule::BFrames, &[("count", pictures.b_frames.to_string())]);
        }
    }
    let size = subject.video().map(|video| (video.width, video.height));
    frame_rate(subject.video().and_then(|video| video.fps), track, &mut find);
    if track.still >= STILL {
        find(Rule::VideoFrozen, &[("time", time(track.still))]);
        return;
    }
    if track.seconds == WINDOW_SECONDS {
        if let (Some(size), Some(rate)) = (size, track.frame_rate) {
            bits_per_pixel(subject.codec, size, rate, track, &mut find);
        }
        bursts(track, &mut find);
    }
}

type Find<'a> = &'a mut dyn FnMut(Rule, &[(&str, String)]);

fn key_frames(keys: &KeyFrames, find: Find<'_>) {
    let interval = [("interval", length(keys.now))];
    if keys.now > FAR && keys.frames == DEFAULT_GOP {
        find(Rule::KeyFramesAuto, &interval);
    } else if keys.now > FAR {
        find(Rule::KeyFramesFar, &interval);
    } else if keys.known >= 4
        && keys.drift() > UNSTEADY
        && keys.drift().ticks() > keys.longest.ticks() / 4
    {
        let (shortest, longest) = (length(keys.shortest), length(keys.longest));
        find(Rule::KeyFramesUnsteady, &[("shortest", shortest), ("longest", longest)]);
    }
}

fn frame_rate(declared: Option<f64>, track: &TrackHealth, find: Find<'_>) {
    if let (Some(declared), Some(measured)) = (declared, track.frame_rate) {
        let part = measured / declared;
        // some bitstreams declare fields, two to a picture
        let fields = (0.49..=0.51).contains(&part);
        if track.seconds >= 5 && part < 0.9 && !fields {
            let figures = [("measured", rate(measured)), ("declared", rate(declared))];
            find(Rule::FrameRateLow, &figures);
        }
    }
    if track.seconds == WINDOW_SECONDS && track.uneven_seconds >= 3 {
        let (gap, seconds) = (length(track.longest_gap), track.uneven_seconds.to_string());
        find(Rule::FrameRateUneven, &[("gap", gap), ("seconds", seconds)]);
    }
}

/// Bits per pixel: what is thin, what suits, what does, what is too much.
fn measure(codec: Codec) -> [f64; 4] {
    match codec {
        Codec::H265 | Codec::H266 | Codec::Av1 | Codec::Vp9 => [0.015, 0.03, 0.09, 0.3],
        _ => [0.03, 0.06, 0.15, 0.5],
    }
}

fn bits_per_pixel(
    codec: Codec,
    (width, height): (u32, u32),
    rate: f64,
    track: &TrackHealth,
    find: Find<'_>,
) {
    let pixels = f64::from(width) * f64::from(height) * rate;
    let mean = track.bitrate.mean;
    let each = mean as f64 / pixels;
    let [thin, suits, does, most] = measure(codec);
    let (rule, wanted) = if each < thin {
        (Rule::BitrateLow, suits)
    } else if each > most && mean > 2_000_000 {
        (Rule::BitrateHigh, does)
    } else {
        return;
    };
    let figures = [
        ("bitrate", bitrate(mean)),
        ("width", width.to_string()),
        ("height", height.to_string()),
        ("rate", crate::words::rate(rate)),
        ("wanted", bitrate((pixels * wanted) as u64)),
    ];
    find(rule, &figures);
}

fn bursts(track: &TrackHealth, find: Find<'_>) {
    let keys = track.pictures.and_then(|pictures| pictures.key_frames);
    let far = keys.is_none_or(|keys| keys.now > FAR);
    let (peak, mean) = (track.bitrate.peak, track.bitrate.mean);
    // five halves, without rounding
    if !far && mean >= 300_000 && peak * 2 > mean * 5 && track.late_now == 0 {
        find(Rule::BitrateUnsteady, &[("peak", bitrate(peak)), ("mean", bitrate(mean))]);
    }
}
