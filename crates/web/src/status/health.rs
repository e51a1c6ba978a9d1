//! How health and findings look in the status. Every field is described in docs/api.md.

use manycast_coach::Finding;
use manycast_hub::health::{Bitrate, KeyFrames};
use manycast_hub::{Health, TrackHealth};
use manycast_media::TimeDelta;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthView {
    age_s: u64,
    av_offset_ms: Option<i64>,
    av_drift_ms: Option<i64>,
    clock_levelled: u64,
    clock_rebased: u64,
    clock_fault_ago_s: Option<u64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub(crate) struct FindingView {
    id: &'static str,
    severity: &'static str,
    track: Option<String>,
    sentence: String,
    remedy: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TrackHealth)]
pub(super) struct TrackHealthView {
    window_s: u32,
    window_frames: u64,
    bitrate: BitrateView,
    frame_rate: Option<f64>,
    speed: Option<f64>,
    longest_gap_ms: i64,
    uneven_s: u32,
    jitter_ms: f64,
    late: u64,
    late_now: u64,
    clock_levelled: u64,
    clock_rebased: u64,
    still_s: u64,
    idle_ms: u64,
    key_frame_interval: Option<IntervalView>,
    b_frames: Option<u32>,
    reorder_ms: Option<i64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Bitrate)]
struct BitrateView {
    last: u64,
    mean: u64,
    low: u64,
    peak: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = KeyFrameInterval)]
struct IntervalView {
    now_ms: i64,
    worst_ms: i64,
    drift_ms: i64,
    shortest_ms: i64,
    longest_ms: i64,
    frames: u32,
}

impl From<&Health> for HealthView {
    fn from(health: &Health) -> Self {
        Self {
            age_s: health.age.as_secs(),
            av_offset_ms: health.av_offset.map(TimeDelta::as_millis),
            av_drift_ms: health.av_drift.map(TimeDelta::as_millis),
            clock_levelled: health.clock_levelled,
            clock_rebased: health.clock_rebased,
            clock_fault_ago_s: health.clock_fault_ago.map(|ago| ago.as_secs()),
        }
    }
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.rule.id(),
            severity: finding.rule.severity().name(),
            track: finding.track.map(|track| track.to_string()),
            sentence: finding.sentence.clone(),
            remedy: finding.remedy.clone().into_owned(),
        }
    }
}

impl From<&TrackHealth> for TrackHealthView {
    fn from(health: &TrackHealth) -> Self {
        let pictures = health.pictures.as_ref();
        Self {
            window_s: health.seconds,
            window_frames: health.frames,
            bitrate: BitrateView::from(health.bitrate),
            frame_rate: health.frame_rate.map(|rate| rounded(rate, 1000.0)),
            speed: health.speed.map(|speed| rounded(speed, 1000.0)),
            longest_gap_ms: health.longest_gap.as_millis(),
            uneven_s: health.uneven_seconds,
            jitter_ms: rounded(health.jitter.as_secs_f64() * 1000.0, 10.0),
            late: health.late,
            late_now: health.late_now,
            clock_levelled: health.clock_levelled,
            clock_rebased: health.clock_rebased,
            still_s: health.still.as_secs(),
            idle_ms: millis(health.idle),
            key_frame_interval: pictures
                .and_then(|pictures| pictures.key_frames.map(IntervalView::from)),
            b_frames: pictures.map(|pictures| pictures.b_frames),
            reorder_ms: pictures.map(|pictures| pictures.reorder.as_millis()),
        }
    }
}

impl From<Bitrate> for BitrateView {
    fn from(bitrate: Bitrate) -> Self {
        let Bitrate { last, mean, low, peak } = bitrate;
        Self { last, mean, low, peak }
    }
}

impl From<KeyFrames> for IntervalView {
    fn from(keys: KeyFrames) -> Self {
        Self {
            now_ms: keys.now.as_millis(),
            worst_ms: keys.worst.as_millis(),
            drift_ms: keys.drift().as_millis(),
            shortest_ms: keys.shortest.as_millis(),
            longest_ms: keys.longest.as_millis(),
            frames: keys.frames,
        }
    }
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
